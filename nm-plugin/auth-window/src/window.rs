//! The window itself.

use std::cell::Cell;
use std::fs::File;
use std::io::Read;
use std::rc::Rc;
use std::thread;

use gtk::prelude::*;
use gtk::{AccessibleRole, Align, Orientation, gdk, glib};
use nm_sstp::tr;
use nm_sstp_auth_dialog::form::Form;
use zeroize::Zeroizing;

use crate::entry::Entry;
use crate::mnemonics::Mnemonics;

/// Pixels between what belongs together, and around the whole.
const SPACING: i32 = 12;
const MARGIN: i32 = 24;
/// Characters of a line of the message, and pixels of its height before it scrolls: the fields must stay in sight.
const MESSAGE_WIDTH: i32 = 48;
const MESSAGE_HEIGHT: i32 = 320;

/// Asks, and waits for the answer. `None`: the person does not want to; or nobody waits any more, which is when `asker`
/// ends.
pub fn ask(form: &Form, mut asker: File) -> Option<Vec<Zeroizing<String>>> {
    let main_loop = glib::MainLoop::new(None, false);
    let window = Rc::new(Window::new(form, main_loop.clone()));
    window.connect();
    thread::spawn(move || {
        let _ = asker.read(&mut [0]);
        main_loop.quit();
    });
    window.top.present();
    window.main_loop.run();
    window.is_answered.get().then(|| window.entries.iter().map(Entry::value).collect())
}

struct Window {
    top: gtk::Window,
    entries: Vec<Entry>,
    /// Says what is wrong with what was typed.
    complaint: gtk::Label,
    readable: gtk::CheckButton,
    cancel: gtk::Button,
    connect: gtk::Button,
    is_answered: Cell<bool>,
    main_loop: glib::MainLoop,
}

impl Window {
    fn new(form: &Form, main_loop: glib::MainLoop) -> Self {
        let mut mnemonics = Mnemonics::default();
        let entries: Vec<Entry> = form.fields.iter().map(Entry::new).collect();
        let grid = gtk::Grid::builder().row_spacing(SPACING).column_spacing(SPACING).build();
        for ((field, entry), row) in form.fields.iter().zip(&entries).zip(0..) {
            let label = label_of(&entry.widget, &mnemonics.label(&field.label));
            label.set_halign(Align::End);
            grid.attach(&label, 0, row, 1, 1);
            grid.attach(&entry.widget, 1, row, 1, 1);
        }
        let hides = entries.iter().any(Entry::is_hidden);
        let below = gtk::Box::builder().orientation(Orientation::Vertical).spacing(SPACING / 2).visible(hides).build();
        grid.attach(&below, 1, i32::try_from(entries.len()).unwrap_or(i32::MAX), 1, 1);
        let readable = gtk::CheckButton::builder().css_classes(["text-button"]).build();
        readable.set_child(Some(&label_of(&readable, &mnemonics.label(&tr!("Show what is typed")))));
        below.append(&readable);
        let complaint = complaint();
        below.append(&complaint);

        let cancel = gtk::Button::builder().css_classes(["text-button"]).build();
        cancel.set_child(Some(&label_of(&cancel, &mnemonics.label(&tr!("Cancel")))));
        let connect = gtk::Button::builder().css_classes(["text-button", "suggested-action"]).build();
        connect.set_child(Some(&label_of(&connect, &mnemonics.label(&tr!("Connect")))));
        let buttons = gtk::Box::builder().spacing(SPACING).halign(Align::End).homogeneous(true).build();
        buttons.append(&cancel);
        buttons.append(&connect);

        let content = gtk::Box::new(Orientation::Vertical, MARGIN);
        for set in [
            gtk::Box::set_margin_top,
            gtk::Box::set_margin_bottom,
            gtk::Box::set_margin_start,
            gtk::Box::set_margin_end,
        ] {
            set(&content, MARGIN);
        }
        content.append(&message(&form.message));
        content.append(&grid);
        content.append(&buttons);
        let top = gtk::Window::builder().title(&form.title).resizable(false).child(&content).build();
        top.set_icon_name(Some("network-vpn"));
        top.set_default_widget(Some(&connect));
        Self { top, entries, complaint, readable, cancel, connect, is_answered: Cell::new(false), main_loop }
    }

    /// Has it do what it is there for.
    fn connect(self: &Rc<Self>) {
        for (at, entry) in self.entries.iter().enumerate() {
            let window = self.clone();
            entry.text.connect_changed(move |_| window.judge());
            let window = self.clone();
            entry.text.connect_activate(move |_| window.proceed(at));
        }
        let window = self.clone();
        self.readable.connect_toggled(move |readable| {
            window.entries.iter().for_each(|entry| entry.set_readable(readable.is_active()));
        });
        let window = self.clone();
        self.connect.connect_clicked(move |_| window.answer());
        let main_loop = self.main_loop.clone();
        self.cancel.connect_clicked(move |_| main_loop.quit());
        let main_loop = self.main_loop.clone();
        self.top.connect_close_request(move |_| {
            main_loop.quit();
            glib::Propagation::Proceed
        });
        let main_loop = self.main_loop.clone();
        let keys = gtk::EventControllerKey::new();
        keys.connect_key_pressed(move |_, key, _, _| match key {
            gdk::Key::Escape => {
                main_loop.quit();
                glib::Propagation::Stop
            }
            _ => glib::Propagation::Proceed,
        });
        self.top.add_controller(keys);
        self.judge();
        if let Some(first) = self.entries.iter().find(|entry| entry.is_empty()).or(self.entries.first()) {
            first.widget.grab_focus();
        }
    }

    /// Says what is wrong with what stands in the fields; only what is complete and right can be sent.
    fn judge(&self) {
        let mut differs = false;
        for (above, entry) in self.entries.iter().zip(self.entries.iter().skip(1)).filter(|(_, entry)| entry.is_again())
        {
            let is_wrong = !entry.is_empty() && !entry.equals(above);
            entry.set_wrong(is_wrong);
            differs |= is_wrong;
        }
        if differs {
            self.complaint.set_text(&tr!("The two new passwords are not the same."));
        }
        self.complaint.set_visible(differs);
        self.connect.set_sensitive(!differs && !self.entries.iter().any(Entry::is_empty));
    }

    /// Enter: goes on to what is still to be typed; where nothing is, it is the answer.
    fn proceed(&self, from: usize) {
        let (before, behind) = self.entries.split_at(from);
        match behind.iter().chain(before).find(|entry| entry.is_empty()) {
            Some(entry) => {
                entry.widget.grab_focus();
            }
            None => self.answer(),
        }
    }

    fn answer(&self) {
        if self.connect.is_sensitive() {
            self.is_answered.set(true);
            self.main_loop.quit();
        }
    }
}

/// The label of `widget`, with its mnemonic. Buttons that make their own tell screen readers its underscore, too.
fn label_of(widget: &impl IsA<gtk::Widget>, text: &str) -> gtk::Label {
    let label = gtk::Label::with_mnemonic(text);
    label.set_mnemonic_widget(Some(widget));
    label
}

/// What the person is told, as plain text that can be copied; a long one scrolls.
fn message(text: &str) -> gtk::Box {
    let label = gtk::Label::builder()
        .label(text)
        .wrap(true)
        .wrap_mode(gtk::pango::WrapMode::WordChar)
        .width_chars(MESSAGE_WIDTH)
        .max_width_chars(MESSAGE_WIDTH)
        .xalign(0.0)
        .valign(Align::Center)
        .hexpand(true)
        .selectable(true)
        .build();
    let scrolled = gtk::ScrolledWindow::builder()
        .hscrollbar_policy(gtk::PolicyType::Never)
        .propagate_natural_height(true)
        .propagate_natural_width(true)
        .max_content_height(MESSAGE_HEIGHT)
        .child(&label)
        .build();
    let icon = gtk::Image::builder().icon_name("dialog-password").pixel_size(48).valign(Align::Start).build();
    let row = gtk::Box::new(Orientation::Horizontal, MARGIN);
    row.append(&icon);
    row.append(&scrolled);
    row
}

/// A line below the fields that is there only when something is wrong.
fn complaint() -> gtk::Label {
    gtk::Label::builder()
        .wrap(true)
        .max_width_chars(MESSAGE_WIDTH)
        .xalign(0.0)
        .visible(false)
        .accessible_role(AccessibleRole::Alert)
        .build()
}
