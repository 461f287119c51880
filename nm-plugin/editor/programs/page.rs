//! What a person sees and does on the page, on a display of its own. GTK is for one thread, so this is a program, and its
//! tests are functions that it calls one after another.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio, exit};
use std::rc::Rc;

use gtk::prelude::*;
use nm_sstp::profile::SERVICE_TYPE;
use nm_sstp_libnm::glib::subclass::prelude::*;
use nm_sstp_libnm::{Connection, VpnEditorImpl, VpnSetting, glib};

use crate::{Editor, choose, description, destroyed, show_all};

type Test = (&'static str, fn());

const TESTS: &[Test] = &[
    ("what is typed is told and saved", what_is_typed_is_told_and_saved),
    ("what is wrong is said beside the field", what_is_wrong_is_said_beside_the_field),
    ("what is opened and saved is unchanged", what_is_opened_and_saved_is_unchanged),
    ("a way to log on shows its own fields", a_way_to_log_on_shows_its_own_fields),
    ("a secret that nobody keeps cannot be typed", a_secret_that_nobody_keeps_cannot_be_typed),
    ("what was repaired is told", what_was_repaired_is_told),
    ("what matters not is grey", what_matters_not_is_grey),
    ("every letter opens one field", every_letter_opens_one_field),
    ("one connection of a file is chosen, or none", one_connection_of_a_file_is_chosen_or_none),
    ("nothing is left of an editor that is closed", nothing_is_left_of_an_editor_that_is_closed),
];

pub fn main() {
    let Some(mut display) = display() else {
        println!("SKIPPED: Xvfb is not installed");
        // in CI, what cannot be tried has failed
        exit(if std::env::var("CI").is_ok_and(|ci| ci == "true") { 1 } else { 0 });
    };
    gtk::init().expect("the display");
    for (name, test) in TESTS {
        println!("test {name}");
        test();
    }
    println!("{} tests passed", TESTS.len());
    display.kill().expect("it runs");
}

/// A display without a screen, which nobody else uses.
fn display() -> Option<Child> {
    let arguments = ["-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"];
    let mut server = Command::new("Xvfb").args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let mut number = String::new();
    BufReader::new(server.stdout.take()?).read_line(&mut number).ok()?;
    // SAFETY: there is no other thread yet
    unsafe {
        for (name, value) in [
            ("DISPLAY", format!(":{}", number.trim())),
            ("GDK_BACKEND", "x11".into()),
            ("GSK_RENDERER", "cairo".into()),
            ("NO_AT_BRIDGE", "1".into()),
            ("GTK_A11Y", "none".into()),
            ("LC_ALL", "C.UTF-8".into()),
        ] {
            std::env::set_var(name, value);
        }
    }
    Some(server)
}

/// An editor of a connection with these data, and how often it has said that something was changed.
struct Opened {
    editor: Editor,
    connection: Connection,
    changes: Rc<Cell<u32>>,
}

fn opened(pairs: &[(&str, &str)]) -> Opened {
    let connection = Connection::default();
    let vpn = VpnSetting::new(SERVICE_TYPE);
    for (key, value) in pairs {
        vpn.set_datum(key, Some(value));
    }
    connection.set_vpn(&vpn);
    let editor = Editor::new(None, &connection);
    show_all(&editor.page().root());
    let changes = Rc::new(Cell::new(0));
    let count = changes.clone();
    editor.connect_local("changed", false, move |_| {
        count.set(count.get() + 1);
        None
    });
    Opened { editor, connection, changes }
}

impl Opened {
    fn entry(&self, name: &str) -> gtk::Entry {
        self.editor.page().object(name)
    }

    fn menu(&self, name: &str) -> gtk::ComboBoxText {
        self.editor.page().object(name)
    }

    fn check(&self, name: &str) -> gtk::CheckButton {
        self.editor.page().object(name)
    }

    fn is_visible(&self, name: &str) -> bool {
        self.editor.page().object::<gtk::Widget>(name).get_visible()
    }

    fn is_sensitive(&self, name: &str) -> bool {
        self.editor.page().object::<gtk::Widget>(name).get_sensitive()
    }

    fn saved(&self) -> Result<BTreeMap<String, String>, String> {
        let updated = self.connection.copy();
        let result = self.editor.imp().update_connection(&updated);
        result.map(|()| updated.vpn().expect("a VPN").data()).map_err(|error| error.message().to_owned())
    }
}

fn data(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

fn what_is_typed_is_told_and_saved() {
    let page = opened(&[]);
    assert_eq!(page.changes.get(), 0, "opening is no change");
    assert!(page.saved().unwrap_err().contains("server"));
    page.entry("gateway").set_text("vpn.example.com");
    page.entry("user").set_text("alice");
    page.entry("password").set_text("hunter2");
    page.entry("mtu").set_text("1400");
    page.check("refuse-eap").set_active(false);
    page.check("persistent").set_active(true);
    page.menu("routes").set_active_id(Some("split"));
    assert_eq!(page.changes.get(), 7);
    let expected = [
        ("gateway", "vpn.example.com"),
        ("mtu", "1400"),
        ("password-flags", "1"),
        ("refuse-eap", "yes"),
        ("routes", "split"),
        ("user", "alice"),
    ];
    assert_eq!(page.saved(), Ok(data(&expected)));
    let updated = page.connection.copy();
    page.editor.imp().update_connection(&updated).unwrap();
    let vpn = updated.vpn().unwrap();
    assert!(vpn.persistent() && vpn.secret("password").is_some_and(|secret| *secret == "hunter2"));
    assert!(page.connection.vpn().unwrap().data().is_empty(), "the connection that was opened is not touched");
}

fn what_is_wrong_is_said_beside_the_field() {
    let page = opened(&[("gateway", "vpn.example.com")]);
    let gateway = page.entry("gateway");
    gateway.set_text("vpn example.com");
    // programs put a full stop behind the error
    let sentence = page.saved().unwrap_err() + ".";
    assert!(sentence.contains("letters"), "{sentence}");
    assert_eq!(gateway.icon_tooltip_text(gtk::EntryIconPosition::Secondary).as_deref(), Some(sentence.as_str()));
    assert!(description(&gateway).is_none_or(|text| text == sentence));
    gateway.set_text("vpn.example.com");
    assert!(page.saved().is_ok());
    assert_eq!(gateway.icon_name(gtk::EntryIconPosition::Secondary), None);
    assert!(description(&gateway).is_none_or(|text| text.is_empty()));

    // what is wrong in the other window is said on this page
    assert!(!page.is_visible("problem"));
    page.entry("mtu").set_text("many");
    let problem: gtk::Label = page.editor.page().object("problem");
    assert!(page.is_visible("problem") && problem.text().contains(&page.saved().unwrap_err()));
    page.entry("mtu").set_text("");
    page.entry("timeout").set_text("soon");
    assert!(page.saved().is_err());
    page.entry("timeout").set_text("90");
    assert!(page.saved().is_ok());
}

fn what_is_opened_and_saved_is_unchanged() {
    for pairs in [
        &[
            ("gateway", "a.example"),
            ("refuse-pap", "TRUE"),
            ("refuse-eap", "no"),
            ("mtu", " 1400x"),
            ("colour", "blue"),
        ][..],
        &[
            ("gateway", "a b"),
            ("connection-type", "tls"),
            ("tls-user-cert", r"/home/j\303\266rg/\040me"),
            ("hlak", "x"),
        ],
        &[
            ("gateway", "a.example"),
            ("password-flags", "3"),
            ("user-flags", "6"),
            ("proxy-server", "me@x"),
            ("unit", "0"),
        ],
    ] {
        let page = opened(pairs);
        assert_eq!(page.saved(), Ok(data(pairs)));
        assert_eq!(page.changes.get(), 0);
    }
}

fn a_way_to_log_on_shows_its_own_fields() {
    let page = opened(&[("gateway", "a.example"), ("user", "alice")]);
    assert!(page.is_visible("password") && page.is_visible("label-domain") && !page.is_visible("row-tls-user-cert"));
    page.menu("connection-type").set_active_id(Some("tls"));
    assert!(!page.is_visible("password") && !page.is_visible("label-domain") && page.is_visible("row-tls-user-cert"));
    assert!(page.saved().is_err(), "there is no certificate");
    page.entry("tls-user-cert").set_text("/nonexistent.p12");
    assert_eq!(page.saved().unwrap()["user"], "alice");
}

fn a_secret_that_nobody_keeps_cannot_be_typed() {
    let page = opened(&[("gateway", "a.example"), ("password-flags", "1")]);
    assert!(page.is_sensitive("password"));
    page.menu("password-flags").set_active_id(Some("ask"));
    assert!(!page.is_sensitive("password") && !page.is_sensitive("password-show"));
    assert_eq!(page.saved().unwrap()["password-flags"], "2");
    assert!(!page.entry("password").property::<bool>("visibility"));
    page.check("password-show").set_active(true);
    assert!(page.entry("password").property::<bool>("visibility"));
    assert_eq!(page.changes.get(), 1, "to look is no change");
}

fn what_was_repaired_is_told() {
    let plain = opened(&[("gateway", "a.example"), ("proxy-port", "0")]);
    for name in ["remarks", "test-result", "test-offer", "problem", "unknown"] {
        assert!(!plain.is_visible(name), "{name}");
    }
    let page = opened(&[("gateway", "a.example"), ("ignore-cert-warn", "yes"), ("proxy-password", "hunter2")]);
    assert!(page.is_visible("remarks"));
    assert!(page.check("ignore-cert-warn").is_active());
    assert!(!page.saved().unwrap().contains_key("proxy-password"));
    assert_eq!(page.entry("proxy-password").text(), "hunter2");
}

fn what_matters_not_is_grey() {
    let page = opened(&[("gateway", "a.example")]);
    assert!(page.is_sensitive("ca-cert") && page.is_sensitive("refuse-pap") && !page.is_sensitive("capture-secrets"));
    page.entry("gateway-fingerprint").set_text(&"ab".repeat(32));
    page.check("require-mppe").set_active(true);
    page.entry("capture").set_text("a.pcapng");
    assert!(!page.is_sensitive("ca-cert") && !page.is_sensitive("refuse-pap") && page.is_sensitive("capture-secrets"));
}

/// Within the page, and within each tab of the other window.
fn every_letter_opens_one_field() {
    let page = opened(&[]);
    let tabs: gtk::Notebook = page.editor.page().object("tabs");
    let mut parts: Vec<gtk::Widget> = (0..tabs.n_pages()).filter_map(|number| tabs.nth_page(Some(number))).collect();
    parts.push(page.editor.page().root().upcast());
    let mut letters = BTreeMap::new();
    for object in page.editor.page().objects() {
        let Some(widget) = object.downcast_ref::<gtk::Widget>() else { continue };
        if object.find_property("use-underline").is_none() || !object.property::<bool>("use-underline") {
            continue;
        }
        let text: String = object.property("label");
        let Some(letter) = text.split('_').nth(1).and_then(|rest| rest.chars().next()) else { continue };
        let part = parts.iter().position(|part| widget.is_ancestor(part)).expect("it is somewhere");
        let other = letters.insert((part, letter.to_ascii_lowercase()), text.clone());
        assert_eq!(other, None, "beside {text}");
    }
    assert!(letters.len() > 60);
}

fn one_connection_of_a_file_is_chosen_or_none() {
    let names = ["Office".to_owned(), "Home".to_owned()];
    let answered = |answer: fn(&gtk::Dialog)| {
        glib::idle_add_local_once(move || {
            let windows = gtk::Window::list_toplevels().into_iter();
            let mut dialogs = windows.filter_map(|window| window.downcast::<gtk::Dialog>().ok());
            answer(&dialogs.find(|dialog| dialog.is_modal() && dialog.get_visible()).expect("a window that asks"));
        });
        choose(&names)
    };
    assert_eq!(answered(|dialog| dialog.response(gtk::ResponseType::Accept)), Some(0), "the first, unless another");
    assert_eq!(answered(|dialog| dialog.response(gtk::ResponseType::Cancel)), None);
    assert_eq!(answered(|dialog| dialog.close()), None);
    assert_eq!(answered(destroyed), None);
}

fn nothing_is_left_of_an_editor_that_is_closed() {
    // with all that it may have shown
    let page = opened(&[("gateway", "a b"), ("ignore-cert-warn", "yes"), ("proxy-password", "x"), ("mtu", "x")]);
    for button in ["test", "advanced-open"] {
        page.editor.page().object::<gtk::Button>(button).emit_clicked();
    }
    assert!(page.is_visible("test-result"));
    let (editor, root) = (page.editor.downgrade(), page.editor.page().root().downgrade());
    let (window, inner) = (page.editor.page().advanced().downgrade(), Rc::downgrade(page.editor.page()));
    page.entry("gateway").set_text("b.example");
    drop(page);
    let context = glib::MainContext::default();
    while context.iteration(false) {}
    assert!(editor.upgrade().is_none() && inner.upgrade().is_none(), "the editor and its page");
    assert!(root.upgrade().is_none() && window.upgrade().is_none(), "the widgets");
}
