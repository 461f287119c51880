//! Choosing files.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use gtk::prelude::*;
use nm_sstp::tr;
use nm_sstp_editor::{Control, Field, fields, name_in_label};

use super::Page;
use crate::toolkit;

impl Page {
    /// Makes each button beside a path open the desktop's file chooser.
    pub(super) fn set_up_files(&self) {
        for Field { key, control } in fields() {
            if control != Control::File {
                continue;
            }
            let button: gtk::Button = self.object(&format!("{}-choose", key.name));
            let label: gtk::Label = self.object(&format!("label-{}", key.name));
            toolkit::label(&button, &tr!("Choose a file for “{field}”", field = name_in_label(&label.text())));
            let this = self.this.clone();
            button.connect_clicked(move |_| {
                if let Some(page) = this.upgrade() {
                    page.choose_file(key.name, |_| {});
                }
            });
        }
    }

    /// Lets a person choose the file of a setting; `then` is done when it was chosen.
    pub(super) fn choose_file(&self, key: &'static str, then: impl Fn(&Page) + 'static) {
        let window = toolkit::window_of(&self.object::<gtk::Widget>(&format!("{key}-choose")));
        let window = window.or_else(|| toolkit::window_of(&self.root()));
        let title = match key {
            "ca-cert" | "tls-ca-cert" => tr!("Choose the certificate of the authority"),
            "crl-file" => tr!("Choose the list of revoked certificates"),
            "tls-user-key" => tr!("Choose your private key"),
            _ => tr!("Choose your certificate"),
        };
        let action = gtk::FileChooserAction::Open;
        let chooser = gtk::FileChooserNative::new(Some(&title), window.as_ref(), action, None, None);
        chooser.set_modal(true);
        let path = self.form().path(key);
        if let Some(path) = path.filter(|path| path.exists()) {
            // a hint only: where it fails, the chooser begins elsewhere
            let _ = toolkit::begin_at(&chooser, &path);
        }
        let this = self.this.clone();
        // The dialog is nobody's window; it lives until it is answered.
        let alive = Rc::new(RefCell::new(Some(chooser.clone())));
        chooser.connect_response(move |chooser, response| {
            let page = this.upgrade();
            if let (gtk::ResponseType::Accept, Some(page), Some(path)) =
                (response, page, chooser.file().and_then(|file| file.path()))
            {
                page.take_file(key, &path);
                then(&page);
            }
            alive.take();
        });
        chooser.show();
    }

    fn take_file(&self, key: &'static str, path: &Path) {
        self.edited(key, |form| form.set_path(key, path));
        self.fill();
    }
}
