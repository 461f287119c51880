//! What is to be told about a connection when it is opened.

use std::rc::Rc;

use gtk::prelude::*;
use nm_sstp::tr;
use nm_sstp_editor::{Form, Remark};
use nm_sstp_libnm::imported::Imported;

use super::Page;
use super::editor::settings_of;
use crate::toolkit;

impl Page {
    /// Tells what other programs got wrong in the profile.
    pub(super) fn show_remarks(&self) {
        let remarks = self.form().remarks().to_vec();
        let repairs: Vec<String> = remarks.iter().filter(|one| one.is_repair()).map(Remark::sentence).collect();
        if !repairs.is_empty() {
            let bar = self.add_bar(gtk::MessageType::Info);
            toolkit::add_to_bar(&bar, &paragraph(&repairs.join("\n\n")));
        }
        if let Some(doubt) = remarks.iter().find(|one| !one.is_repair()) {
            let bar = self.add_bar(gtk::MessageType::Warning);
            toolkit::add_to_bar(&bar, &paragraph(&doubt.sentence()));
            bar.add_button(&tr!("_Verify the certificate"), gtk::ResponseType::Apply);
            let this = self.this.clone();
            bar.connect_response(move |bar, response| {
                if let (gtk::ResponseType::Apply, Some(page)) = (response, this.upgrade()) {
                    page.object::<gtk::CheckButton>("ignore-cert-warn").set_active(false);
                    bar.set_visible(false);
                }
            });
        }
    }

    /// Tells what could not be carried over from the file that the connection was imported from, and lets a person take
    /// another one of that file.
    pub(super) fn show_imported(&self, imported: Vec<Imported>) {
        let [first, others @ ..] = imported.as_slice() else { return };
        if first.left.is_empty() && others.is_empty() {
            return;
        }
        let bar = self.add_bar(gtk::MessageType::Info);
        let column = gtk::Box::new(gtk::Orientation::Vertical, 6);
        column.set_visible(true);
        toolkit::add_to_bar(&bar, &column);
        let left = paragraph(&what_was_left(first));
        left.set_visible(!first.left.is_empty());
        if !others.is_empty() {
            let label = paragraph(&tr!("The file has more than one connection. This is _the one that is imported:"));
            label.set_use_underline(true);
            let menu = gtk::ComboBoxText::new();
            menu.set_visible(true);
            menu.set_halign(gtk::Align::Start);
            imported.iter().for_each(|one| menu.append_text(&one.connection.id().unwrap_or_default()));
            menu.set_active(Some(0));
            label.set_mnemonic_widget(Some(&menu));
            toolkit::append(&column, &label);
            toolkit::append(&column, &menu);
            self.let_choose(&menu, &left, Rc::new(imported));
        }
        toolkit::append(&column, &left);
    }

    fn let_choose(&self, menu: &gtk::ComboBoxText, left: &gtk::Label, imported: Rc<Vec<Imported>>) {
        let (this, left) = (self.this.clone(), left.clone());
        menu.connect_changed(move |menu| {
            let Some(one) = menu.active().and_then(|index| imported.get(usize::try_from(index).ok()?)) else { return };
            let Some(page) = this.upgrade() else { return };
            left.set_text(&what_was_left(one));
            left.set_visible(!one.left.is_empty());
            page.edited("gateway", |form| *form = Form::open(settings_of(&one.connection)));
            page.fill();
        });
    }

    fn add_bar(&self, kind: gtk::MessageType) -> gtk::InfoBar {
        let bar = gtk::InfoBar::new();
        bar.set_message_type(kind);
        bar.set_visible(true);
        let bars: gtk::Box = self.object("remarks");
        bars.set_visible(true);
        toolkit::append(&bars, &bar);
        bar
    }
}

fn what_was_left(imported: &Imported) -> String {
    let lines: Vec<String> = imported.left.iter().map(|sentence| format!("• {sentence}")).collect();
    format!("{}\n{}", tr!("This could not be carried over from the file:"), lines.join("\n"))
}

fn paragraph(text: &str) -> gtk::Label {
    let label = gtk::Label::new(Some(text));
    label.set_visible(true);
    label.set_wrap(true);
    label.set_max_width_chars(60);
    label.set_xalign(0.0);
    label.set_halign(gtk::Align::Start);
    label
}
