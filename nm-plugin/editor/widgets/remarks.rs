//! What is to be told about a connection when it is opened.

use gtk::prelude::*;
use nm_sstp::tr;
use nm_sstp_editor::Remark;

use super::Page;
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
            bar.add_button(&tr!("Veri_fy the certificate"), gtk::ResponseType::Apply);
            let this = self.this.clone();
            bar.connect_response(move |bar, response| {
                if let (gtk::ResponseType::Apply, Some(page)) = (response, this.upgrade()) {
                    page.object::<gtk::CheckButton>("ignore-cert-warn").set_active(false);
                    bar.set_visible(false);
                }
            });
        }
    }

    /// Tells what could not be carried over from the file that the connection was imported from.
    pub(super) fn show_left(&self, left: &[String]) {
        if left.is_empty() {
            return;
        }
        let lines = left.iter().map(|sentence| format!("\n• {sentence}"));
        let text = tr!("This could not be carried over from the file:") + &lines.collect::<String>();
        toolkit::add_to_bar(&self.add_bar(gtk::MessageType::Info), &paragraph(&text));
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

pub(super) fn paragraph(text: &str) -> gtk::Label {
    let label = gtk::Label::new(Some(text));
    label.set_visible(true);
    label.set_wrap(true);
    label.set_max_width_chars(60);
    label.set_xalign(0.0);
    label.set_halign(gtk::Align::Start);
    label
}
