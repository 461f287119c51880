//! Widgets and settings: what one shows of the other, and the way back.

use gtk::prelude::*;
use nm_sstp_editor::{Control, Field, Form, KEPT, Storage, fields};
use zeroize::Zeroizing;

use super::Page;
use crate::toolkit;

impl Page {
    /// Connects every widget with its setting.
    pub(super) fn bind(&self) {
        for field in fields() {
            self.bind_field(field);
        }
        for secret in KEPT {
            let entry: gtk::Entry = self.object(secret.name());
            let this = self.this.clone();
            entry.connect_changed(move |entry| {
                if let Some(page) = this.upgrade() {
                    let value = Zeroizing::new(String::from(entry.text()));
                    page.edited(secret.name(), |form| form.set_secret(secret, &value));
                }
            });
            let this = self.this.clone();
            let show: gtk::CheckButton = self.object(&format!("{}-show", secret.name()));
            // to those who see what it is beside, one word is enough
            toolkit::label(&show, &show.tooltip_text().unwrap_or_default());
            show.connect_toggled(move |_| {
                if let Some(page) = this.upgrade() {
                    page.show_secret(secret);
                }
            });
        }
        let this = self.this.clone();
        self.object::<gtk::CheckButton>("persistent").connect_toggled(move |check| {
            if let Some(page) = this.upgrade() {
                page.edited("persistent", |form| form.set_persistent(check.is_active()));
            }
        });
        let this = self.this.clone();
        self.object::<gtk::Entry>("timeout").connect_changed(move |entry| {
            if let Some(page) = this.upgrade() {
                page.edited("timeout", |form| form.set_timeout(&entry.text()));
            }
        });
    }

    fn bind_field(&self, field: Field) {
        let key = field.key.name;
        let this = self.this.clone();
        let edit = move |edit: &dyn Fn(&mut Form)| {
            if let Some(page) = this.upgrade() {
                page.edited(key, |form| edit(form));
            }
        };
        match field.control {
            Control::Entry | Control::File => {
                let entry: gtk::Entry = self.object(key);
                if entry.placeholder_text().is_none_or(|text| text.is_empty()) {
                    entry.set_placeholder_text(field.key.default);
                }
                entry.connect_changed(move |entry| edit(&|form| form.set_text(key, &entry.text())));
            }
            Control::Check { inverted } => {
                let check: gtk::CheckButton = self.object(key);
                check.connect_toggled(move |check| edit(&|form| form.set_yes(key, check.is_active() != inverted)));
            }
            Control::Menu | Control::Flags => {
                let menu = self.menu(key);
                menu.connect_changed(move |menu| {
                    // nothing is chosen while a word is shown that the menu does not have
                    if let Some(word) = menu.active_id() {
                        edit(&|form| form.set_text(key, &word));
                    }
                });
            }
            Control::Storage(secret) => {
                let menu = self.menu(key);
                menu.connect_changed(move |menu| {
                    if let Some(storage) = menu.active_id().and_then(|name| Storage::named(&name)) {
                        edit(&|form| form.set_storage(secret, storage));
                    }
                });
            }
            // bound with the other secrets
            Control::Secret(_) => {}
        }
    }

    fn menu(&self, key: &str) -> gtk::ComboBoxText {
        let menu = self.object(key);
        toolkit::keep_from_wheel(&menu);
        menu
    }

    /// Makes every widget show its setting.
    pub(super) fn fill_fields(&self) {
        for field in fields() {
            self.fill_field(field);
        }
        for secret in KEPT {
            let value = Zeroizing::new(self.form().secret(secret).to_owned());
            self.object::<gtk::Entry>(secret.name()).set_text(&value);
            self.show_secret(secret);
        }
        self.object::<gtk::CheckButton>("persistent").set_active(self.form().persistent());
        self.object::<gtk::Entry>("timeout").set_text(self.form().timeout());
        self.fill_unknown();
    }

    fn fill_field(&self, field: Field) {
        let (key, form) = (field.key.name, self.form());
        match field.control {
            Control::Entry | Control::File => self.object::<gtk::Entry>(key).set_text(&form.text(key)),
            Control::Check { inverted } => {
                self.object::<gtk::CheckButton>(key).set_active(form.yes(key) != inverted);
            }
            Control::Menu => {
                self.object::<gtk::ComboBoxText>(key).set_active_id(form.word(key));
            }
            Control::Flags => {
                let flags = form.text(key);
                let word = if flags.is_empty() { field.key.default.unwrap_or_default() } else { &flags };
                self.object::<gtk::ComboBoxText>(key).set_active_id(Some(word));
            }
            Control::Storage(secret) => {
                self.object::<gtk::ComboBoxText>(key).set_active_id(Some(form.storage(secret).name()));
            }
            Control::Secret(_) => {}
        }
        drop(form);
        // what is in a profile that is opened may be wrong, too; a secret has nothing to be wrong
        if !matches!(field.control, Control::Secret(_)) {
            self.show_note(key);
        }
    }

    /// Lists what is kept though nobody knows it. Values could be anything: only the names are shown.
    fn fill_unknown(&self) {
        let form = self.form();
        let names: Vec<&str> = form.unknown().map(|(name, _)| name).collect();
        let label: gtk::Label = self.object("unknown");
        label.set_visible(!names.is_empty());
        label.set_text(&if names.is_empty() {
            String::new()
        } else {
            nm_sstp::tr!("These settings are unknown, and are kept as they are: {names}.", names = names.join(", "))
        });
    }

    /// Puts a text into a field, as if a person had typed it.
    pub(super) fn type_in(&self, key: &str, text: &str) {
        self.object::<gtk::Entry>(key).set_text(text);
    }
}
