//! Choosing one of the connections of a file.

use std::cell::Cell;
use std::rc::Rc;

use gtk::glib;
use gtk::prelude::*;
use nm_sstp::{tr, words};

use super::remarks::paragraph;
use crate::toolkit;

/// Which of the connections of these names a person chooses to import. None where the window is closed, or where there
/// can be none.
///
/// Here and not on the page of the connection: the program's own pages, of names, addresses and routes, show what they were
/// opened with, and write it over whatever the page changes. A program waits for the connection that it imports, so its
/// main loop goes on in here.
pub fn choose(names: &[String]) -> Option<usize> {
    // SAFETY: takes nothing; without a display the bindings must not be used
    if unsafe { gtk::gdk::ffi::gdk_display_get_default() }.is_null() {
        return None;
    }
    // windows are for the thread of the main loop
    let context = glib::MainContext::default();
    let _ours = context.acquire().ok()?;
    toolkit::take_over();
    words::library_starts();
    let waiting = glib::MainLoop::new(None, false);
    let window = gtk::Dialog::new();
    window.set_property("title", tr!("Secure Socket Tunneling Protocol (SSTP)"));
    window.set_modal(true);
    window.set_transient_for(active_window().as_ref());
    window.add_button(&toolkit::own_word("_Cancel"), gtk::ResponseType::Cancel);
    window.add_button(&toolkit::own_word("_OK"), gtk::ResponseType::Accept);
    window.set_default_response(gtk::ResponseType::Accept);
    let menu = menu_of(names);
    let label = paragraph(&tr!("The file has more than one connection. This is _the one that is imported:"));
    label.set_use_underline(true);
    label.set_mnemonic_widget(Some(&menu));
    let content = window.content_area();
    content.set_spacing(12);
    for widget in [label.upcast_ref::<gtk::Widget>(), menu.upcast_ref()] {
        widget.set_margin_start(12);
        widget.set_margin_end(12);
        toolkit::append(&content, widget);
    }
    label.set_margin_top(12);
    menu.set_margin_bottom(12);
    let accepted = Rc::new(Cell::new(false));
    let (answer, ended) = (accepted.clone(), waiting.clone());
    window.connect_response(move |_, response| {
        answer.set(response == gtk::ResponseType::Accept);
        ended.quit();
    });
    // in whatever other way it goes
    let ended = waiting.clone();
    window.connect_unmap(move |_| ended.quit());
    window.present();
    waiting.run();
    let chosen = menu.active().filter(|_| accepted.get());
    toolkit::destroy(&window);
    chosen.and_then(|number| usize::try_from(number).ok())
}

fn menu_of(names: &[String]) -> gtk::ComboBoxText {
    let menu = gtk::ComboBoxText::new();
    menu.set_visible(true);
    menu.set_halign(gtk::Align::Start);
    names.iter().for_each(|name| menu.append_text(name));
    menu.set_active(Some(0));
    menu
}

/// The window that a person uses.
fn active_window() -> Option<gtk::Window> {
    let windows = gtk::Window::list_toplevels().into_iter();
    windows.filter_map(|window| window.downcast::<gtk::Window>().ok()).find(|window| window.is_active())
}
