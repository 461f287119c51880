//! The page, and the window with the further settings.

use std::cell::{Cell, Ref, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use gtk::glib;
use gtk::prelude::*;
use nm_sstp::profile::Secret;
use nm_sstp::tr;
use nm_sstp_editor::{Form, KEPT, Settings};

use crate::toolkit;

/// What only those see who log on with a password.
const WITH_PASSWORD: [&str; 5] = ["user", "password", "password-show", "password-flags", "domain"];
/// What only those see who log on with a certificate.
const WITH_CERTIFICATE: [&str; 5] =
    ["tls-user-cert", "tls-user-key", "tls-user-key-secret", "tls-user-key-secret-show", "tls-user-key-secret-flags"];

/// The class of what is wrong, in the style sheet.
const WRONG: &str = "nm-sstp-wrong";

/// The page for one connection.
pub struct Page {
    pub(super) this: Weak<Self>,
    builder: gtk::Builder,
    pub(super) advanced: gtk::Dialog,
    pub(super) form: RefCell<Form>,
    /// The widgets are being filled: what they signal is no edit.
    pub(super) filling: Cell<bool>,
    css: gtk::CssProvider,
    /// The sentences below fields, by the names of these.
    notes: RefCell<BTreeMap<&'static str, gtk::Label>>,
    /// The certificate that is offered to be accepted.
    pub(super) shown_fingerprint: RefCell<Option<String>>,
    changed: Box<dyn Fn()>,
}

impl Page {
    /// A page that shows these settings, and sentences about what an import has left. `changed` is called whenever a person
    /// has changed something.
    pub fn new(settings: Settings, left: &[String], changed: impl Fn() + 'static) -> Rc<Self> {
        let builder = gtk::Builder::new();
        // Not in the file: GTK 3 then goes on with a domain that it has freed.
        builder.set_translation_domain(Some(nm_sstp::words::DOMAIN));
        builder.add_from_string(toolkit::UI).expect("the file is part of this library");
        let advanced = gtk::Dialog::new();
        let page = Rc::new_cyclic(|this| Self {
            this: this.clone(),
            builder,
            advanced,
            form: RefCell::new(Form::open(settings)),
            filling: Cell::new(false),
            css: toolkit::css(include_str!("../ui/editor.css")),
            notes: RefCell::default(),
            shown_fingerprint: RefCell::default(),
            changed: Box::new(changed),
        });
        toolkit::keep_hidden(&page.root());
        page.set_up_advanced();
        page.bind();
        page.set_up_files();
        page.set_up_probe();
        page.fill();
        page.show_remarks();
        page.show_left(left);
        page
    }

    /// The widget of the page.
    pub fn root(&self) -> gtk::Box {
        self.object("page")
    }

    /// What the page shows.
    pub fn form(&self) -> Ref<'_, Form> {
        self.form.borrow()
    }

    /// The widget of this name.
    ///
    /// # Panics
    ///
    /// There is none of this name and type: the file and the code are of one library, and its tests ask for all.
    pub fn object<T: IsA<glib::Object>>(&self, name: &str) -> T {
        self.find(name).unwrap_or_else(|| panic!("the window has no {name}"))
    }

    fn find<T: IsA<glib::Object>>(&self, name: &str) -> Option<T> {
        self.builder.object(name)
    }

    /// Every object of the page and of the window with the further settings.
    pub fn objects(&self) -> Vec<glib::Object> {
        self.builder.objects()
    }

    /// The window with the further settings.
    pub fn advanced(&self) -> gtk::Window {
        self.advanced.clone().upcast()
    }

    /// Takes an edit, and shows what follows from it.
    pub(super) fn edited(&self, key: &'static str, edit: impl FnOnce(&mut Form)) {
        if self.filling.get() {
            return;
        }
        edit(&mut self.form.borrow_mut());
        self.show_note(key);
        if key == "user" {
            self.show_note("domain");
        }
        self.show_what_matters();
        (self.changed)();
    }

    /// Shows the settings anew, as after a change that came from elsewhere.
    pub(super) fn fill(&self) {
        self.filling.set(true);
        self.fill_fields();
        self.filling.set(false);
        self.show_what_matters();
    }

    /// What is wrong with a value, or worth knowing, below its field.
    pub(super) fn show_note(&self, key: &'static str) {
        let form = self.form();
        let fault = form.fault(key);
        let note = fault.clone().or_else(|| form.note(key));
        let field: gtk::Widget = self.object(key);
        toolkit::describe(&field, note.as_deref(), fault.is_some());
        self.mark(&field, fault.is_some());
        if let Some(entry) = field.downcast_ref::<gtk::Entry>() {
            let icon = match (&fault, &note) {
                (Some(_), _) => Some("dialog-error-symbolic"),
                (None, Some(_)) => Some("dialog-warning-symbolic"),
                (None, None) => None,
            };
            entry.set_icon_from_icon_name(gtk::EntryIconPosition::Secondary, icon);
            entry.set_icon_tooltip_text(gtk::EntryIconPosition::Secondary, note.as_deref());
        }
        if note.is_none() && !self.notes.borrow().contains_key(key) {
            return;
        }
        let label = self.notes.borrow_mut().entry(key).or_insert_with(|| self.new_note(&field, key)).clone();
        label.set_text(note.as_deref().unwrap_or_default());
        self.mark(&label, fault.is_some());
        label.set_visible(note.is_some() && self.is_shown(key));
    }

    fn new_note(&self, field: &gtk::Widget, key: &str) -> gtk::Label {
        let label = gtk::Label::new(None);
        label.set_halign(gtk::Align::Start);
        label.set_xalign(0.0);
        label.set_wrap(true);
        label.set_max_width_chars(50);
        let beside: gtk::Widget = self.find(&format!("row-{key}")).unwrap_or_else(|| field.clone());
        if let Some(grid) = beside.parent().and_downcast::<gtk::Grid>() {
            let is_box = field.is::<gtk::CheckButton>();
            label.set_margin_start(if is_box { 36 } else { 0 });
            grid.insert_next_to(&beside, gtk::PositionType::Bottom);
            grid.attach_next_to(&label, Some(&beside), gtk::PositionType::Bottom, if is_box { 2 } else { 1 }, 1);
        }
        label
    }

    /// Shows that something is wrong here.
    fn mark(&self, widget: &impl IsA<gtk::Widget>, wrong: bool) {
        let style = widget.style_context();
        if wrong {
            style.add_provider(&self.css, gtk::STYLE_PROVIDER_PRIORITY_APPLICATION);
            style.add_class(WRONG);
        } else {
            style.remove_class(WRONG);
        }
    }

    /// Whether a field is for the way to log on that is chosen.
    fn is_shown(&self, key: &str) -> bool {
        let certificate = self.form().certificate();
        !(if certificate { &WITH_PASSWORD } else { &WITH_CERTIFICATE }).contains(&key)
    }

    /// Shows the fields that are of use as things are, and lets those be changed that matter.
    pub(super) fn show_what_matters(&self) {
        for key in WITH_PASSWORD.into_iter().chain(WITH_CERTIFICATE) {
            let shown = self.is_shown(key);
            for name in [key.to_owned(), format!("label-{key}"), format!("row-{key}")] {
                if let Some(widget) = self.find::<gtk::Widget>(&name) {
                    widget.set_visible(shown);
                }
            }
            if let Some(note) = self.notes.borrow().get(key) {
                note.set_visible(shown && !note.text().is_empty());
            }
        }
        let form = self.form();
        for secret in KEPT {
            let kept = form.storage(secret).is_kept();
            self.set_sensitive(secret.name(), kept);
            self.set_sensitive(&format!("{}-show", secret.name()), kept);
        }
        let has = |key: &str| !form.text(key).is_empty();
        let pinned = has("gateway-fingerprint") && form.fault("gateway-fingerprint").is_none();
        let mppe = ["require-mppe", "require-mppe-128", "require-mppe-40"].into_iter().any(|key| form.yes(key));
        let password = !form.certificate();
        let eap = !password || !form.yes("refuse-eap");
        for (names, matter) in [
            (&["ca-cert", "ca-cert-choose", "crl-file", "crl-file-choose", "ignore-cert-warn"][..], !pinned),
            (&["gateway-sni"], form.yes("tls-ext")),
            (&["refuse-pap", "refuse-chap"], password && !mppe),
            (&["refuse-mschapv2", "refuse-eap"], password),
            (&["eap", "phase2-auth", "anonymous-identity", "hlak"], eap),
            (&["tls-identity"], !password),
            (&["kill-switch"], form.word("routes") == Some("full")),
            (&["capture-secrets"], has("capture")),
            (&["unit"], !has("interface")),
        ] {
            names.iter().for_each(|name| self.set_sensitive(name, matter));
        }
        self.show_problem();
    }

    /// What keeps the connection from being saved, where it is not on this page.
    fn show_problem(&self) {
        let form = self.form();
        let here = |key: &str| {
            let on_page = ["gateway", "connection-type"].contains(&key);
            on_page || WITH_PASSWORD.contains(&key) || WITH_CERTIFICATE.contains(&key)
        };
        let problem = form.check().err().filter(|(key, _)| !key.is_some_and(here));
        let label: gtk::Label = self.object("problem");
        self.mark(&label, true);
        label.set_visible(problem.is_some());
        label.set_text(&problem.map_or_else(String::new, |(_, sentence)| {
            tr!("Something in the advanced settings has to be changed: {sentence}", sentence = sentence)
        }));
    }

    fn set_sensitive(&self, name: &str, sensitive: bool) {
        self.object::<gtk::Widget>(name).set_sensitive(sensitive);
    }

    fn set_up_advanced(&self) {
        let window = &self.advanced;
        window.set_property("title", tr!("Advanced settings"));
        window.set_modal(true);
        window.set_destroy_with_parent(true);
        window.set_default_size(640, 600);
        let close = window.add_button(&tr!("_Close"), gtk::ResponseType::Close);
        close.set_margin_start(6);
        close.set_margin_end(6);
        close.set_margin_top(6);
        close.set_margin_bottom(6);
        window.set_default_response(gtk::ResponseType::Close);
        toolkit::append(&window.content_area(), &self.object::<gtk::Notebook>("tabs"));
        toolkit::hide_on_close(window);
        window.connect_response(|window, _| window.hide());
        let this = self.this.clone();
        self.object::<gtk::Button>("advanced-open").connect_clicked(move |_| {
            let Some(page) = this.upgrade() else { return };
            page.advanced.set_transient_for(toolkit::window_of(&page.root()).as_ref());
            page.advanced.present();
        });
    }

    /// Whoever has the secrets on the page in mind may look at them.
    pub(super) fn show_secret(&self, secret: Secret) {
        let shown = self.object::<gtk::CheckButton>(&format!("{}-show", secret.name())).is_active();
        self.object::<gtk::Entry>(secret.name()).set_visibility(shown);
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        toolkit::destroy(&self.advanced);
    }
}
