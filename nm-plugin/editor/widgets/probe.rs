//! The button that looks at the gateway, by the helper on the system bus.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use gtk::gio::prelude::*;
use gtk::prelude::*;
use gtk::{gio, glib};
use nm_sstp::profile::{Kind, find, path_of};
use nm_sstp::tr;
use nm_sstp_editor::{Findings, Offer, settings_for_probe};

use super::Page;
use crate::toolkit;

/// Longest that the helper may take, in milliseconds: longer than the server may.
const PATIENCE: i32 = 90_000;

impl Page {
    /// Makes the button look, and the offers do what they offer.
    pub(super) fn set_up_probe(&self) {
        let this = self.this.clone();
        let clicked = move |act: fn(&Page)| {
            let this = this.clone();
            move |_: &gtk::Button| {
                if let Some(page) = this.upgrade() {
                    act(&page);
                }
            }
        };
        self.object::<gtk::Button>("test").connect_clicked(clicked(Page::test));
        self.object::<gtk::Button>("test-pin").connect_clicked(clicked(Page::accept_this_certificate));
        let choose = |page: &Page| page.choose_file("ca-cert", Page::test);
        self.object::<gtk::Button>("test-authority").connect_clicked(clicked(choose));
    }

    /// Looks at the gateway as the page has it.
    fn test(&self) {
        let fault = self.form().check_gateway().err();
        if let Some(sentence) = fault {
            self.show_answer(&[sentence], None);
            return;
        }
        let settings = settings_for_probe(&self.form().settings().data);
        let ignores = self.form().yes("ignore-cert-warn");
        self.object::<gtk::Button>("test").set_sensitive(false);
        self.show_answer(&[tr!("Looking at the server…")], None);
        let this = self.this.clone();
        glib::spawn_future_local(async move {
            let answer = look(settings).await;
            let Some(page) = this.upgrade() else { return };
            page.object::<gtk::Button>("test").set_sensitive(true);
            match answer {
                Ok(findings) => page.show_answer(&findings.sentences(ignores), Some(&findings)),
                Err(sentence) => page.show_answer(&[sentence], None),
            }
        });
    }

    fn show_answer(&self, sentences: &[String], findings: Option<&Findings>) {
        let trust = findings.filter(|findings| findings.offer() == Offer::Trust);
        let label: gtk::Label = self.object("test-text");
        label.set_text(&sentences.join("\n"));
        self.object::<gtk::Widget>("test-result").set_visible(true);
        self.object::<gtk::Widget>("test-offer").set_visible(trust.is_some());
        *self.shown_fingerprint.borrow_mut() = trust.and_then(|findings| findings.fingerprint.clone());
        toolkit::announce(&label);
    }

    /// Pins the certificate that is shown, and looks again.
    fn accept_this_certificate(&self) {
        let fingerprint = self.shown_fingerprint.borrow().clone();
        if let Some(fingerprint) = fingerprint {
            self.type_in("gateway-fingerprint", &fingerprint);
            self.test();
        }
    }
}

/// Asks the helper to look. What goes wrong is a sentence.
async fn look(settings: std::collections::BTreeMap<String, String>) -> Result<Findings, String> {
    let files = gio::UnixFDList::new();
    let mut handles = HashMap::new();
    for (key, value) in &settings {
        if find(key).is_some_and(|key| key.kind == Kind::Path) && !handles.contains_key(value) {
            let path = path_of(value);
            let file = open(&path).map_err(|error| {
                tr!("The file {file} cannot be read: {reason}.", file = path.display(), reason = error)
            })?;
            let handle = files.append(&file).map_err(|error| error.to_string())?;
            handles.insert(value.clone(), glib::variant::Handle(handle));
        }
    }
    let options = HashMap::from([("files".to_owned(), handles.to_variant())]);
    let arguments = (settings.into_iter().collect::<HashMap<String, String>>(), options).to_variant();
    let bus = gio::bus_get_future(gio::BusType::System).await;
    let bus = bus.map_err(|error| tr!("The system bus cannot be reached: {reason}.", reason = error.message()))?;
    let call = bus.call_with_unix_fd_list_future(
        Some("org.sstpd"),
        "/org/sstpd",
        "org.sstpd.Manager1",
        "Probe",
        Some(&arguments),
        Some(glib::VariantTy::new("(a{sv})").expect("a type")),
        gio::DBusCallFlags::ALLOW_INTERACTIVE_AUTHORIZATION,
        PATIENCE,
        Some(&files),
    );
    let (answer, _) = call.await.map_err(of_error)?;
    Ok(findings(&answer.child_value(0)))
}

/// A descriptor of a file, not of what could block or do something when it is opened.
fn open(path: &Path) -> io::Result<File> {
    const O_NONBLOCK: i32 = 0o4000;
    let file = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other(tr!("it is not a regular file"))) }
}

fn of_error(error: glib::Error) -> String {
    let name = gio::DBusError::remote_error(&error).map(String::from).unwrap_or_default();
    let absent = ["ServiceUnknown", "NameHasNoOwner", "Spawn.ServiceNotFound"];
    if absent.iter().any(|absent| name == format!("org.freedesktop.DBus.Error.{absent}")) {
        return tr!("The service that looks at servers (nm-sstp.service) is not installed or not running.");
    }
    if name == "org.sstpd.Error.NotAuthorized" || error.matches(gio::DBusError::AccessDenied) {
        return tr!("You are not allowed to have the server looked at.");
    }
    if error.matches(gio::IOErrorEnum::TimedOut) || error.matches(gio::DBusError::NoReply) {
        return tr!("The server could not be looked at in time.");
    }
    let mut error = error;
    gio::DBusError::strip_remote_error(&mut error);
    tr!("The server could not be looked at: {reason}.", reason = error.message().trim_end_matches('.'))
}

fn findings(answer: &glib::Variant) -> Findings {
    let answer = glib::VariantDict::new(Some(answer));
    let text = |name: &str| answer.lookup::<String>(name).ok().flatten().filter(|text| !text.is_empty());
    let texts = |name: &str| answer.lookup::<Vec<String>>(name).ok().flatten().unwrap_or_default();
    let flag = |name: &str| answer.lookup::<bool>(name).ok().flatten();
    Findings {
        address: text("address"),
        tls_version: text("tls-version"),
        names: texts("certificate-names"),
        subject: text("certificate-subject"),
        issuer: text("certificate-issuer"),
        fingerprint: text("certificate-fingerprint"),
        verified: flag("verified"),
        certificate_problem: text("certificate-problem"),
        sstp: flag("sstp"),
        authentication: texts("authentication"),
        error: text("error"),
    }
}
