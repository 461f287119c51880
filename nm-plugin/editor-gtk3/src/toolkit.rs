//! What is different in GTK 3.

use std::path::Path;

use gtk::glib;
use gtk::prelude::*;

/// The windows.
pub const UI: &str = include_str!("../../editor/ui/editor.ui");
/// Types of GLib have one name in the whole process.
pub const TYPE_NAME: &str = "NmSstpEditorGtk3";

/// Lets the bindings know that the program has initialized GTK.
pub fn take_over() {
    if !gtk::is_initialized() {
        // SAFETY: a program asks for an editor in the thread of its windows, after it has initialized GTK
        unsafe { gtk::set_initialized() };
    }
}

/// What the toolkit itself writes on its buttons.
pub fn own_word(text: &str) -> glib::GString {
    glib::dgettext(Some("gtk30"), text)
}

pub fn css(text: &str) -> gtk::CssProvider {
    let provider = gtk::CssProvider::new();
    // a theme without these colours goes without them here, too
    let _ = provider.load_from_data(text.as_bytes());
    provider
}

pub fn append(parent: &gtk::Box, child: &impl IsA<gtk::Widget>) {
    let expand = child.is::<gtk::Notebook>();
    parent.pack_start(child, expand, true, 0);
}

pub fn add_to_bar(bar: &gtk::InfoBar, child: &impl IsA<gtk::Widget>) {
    bar.content_area().add(child);
}

/// Keeps the wheel from changing a menu when a person only wants to scroll the page.
pub fn keep_from_wheel(menu: &gtk::ComboBoxText) {
    menu.connect_scroll_event(|menu, _| {
        // the menu's own handler does not come to it, but the page's does
        glib::signal::signal_stop_emission_by_name(menu, "scroll-event");
        glib::Propagation::Proceed
    });
}

pub fn window_of(widget: &impl IsA<gtk::Widget>) -> Option<gtk::Window> {
    widget.toplevel().and_downcast().filter(gtk::Window::is_visible)
}

/// Programs show all that is in a page that they get; this one shows and hides by itself.
pub fn keep_hidden(page: &gtk::Box) {
    page.set_no_show_all(true);
}

pub fn hide_on_close(window: &gtk::Dialog) {
    window.connect_delete_event(|window, _| {
        window.hide();
        glib::Propagation::Stop
    });
}

pub fn destroy(window: &gtk::Dialog) {
    // SAFETY: the window is the page's own, which goes away
    unsafe { window.destroy() };
}

/// Tells screen readers what is wrong with a field.
pub fn describe(field: &gtk::Widget, sentence: Option<&str>, _: bool) {
    if let Some(accessible) = field.accessible() {
        accessible.set_description(sentence.unwrap_or_default());
    }
}

/// Tells screen readers what a widget is, beyond what it shows.
pub fn label(widget: &impl IsA<gtk::Widget>, name: &str) {
    if let Some(accessible) = widget.accessible() {
        accessible.set_name(name);
    }
}

/// Lets screen readers say a text that has just come.
pub fn announce(label: &gtk::Label) {
    if let Some(accessible) = label.accessible() {
        accessible.emit_by_name::<()>("visible-data-changed", &[]);
    }
}

pub fn begin_at(chooser: &gtk::FileChooserNative, path: &Path) -> bool {
    chooser.set_filename(path)
}
