//! Shows the page of a connection in a window of its own: `show [--rtl] [--dark] [--large] [--advanced TAB]
//! [FILE.nmconnection]`. For looking
//! at it, and for pictures of it; what is edited is thrown away, and printed without secrets with `--print`.

use gtk::prelude::*;
use nm_sstp_libnm::glib::subclass::prelude::*;
use nm_sstp_libnm::{Connection, VpnEditorImpl, VpnSetting, glib};

use crate::{Editor, put_into};

pub fn main() {
    let mut tab = None;
    let mut print = false;
    let mut connection = None;
    gtk::init().expect("a display");
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rtl" => gtk::Widget::set_default_direction(gtk::TextDirection::Rtl),
            "--dark" => settings().set_gtk_application_prefer_dark_theme(true),
            "--large" => settings().set_gtk_font_name(Some("Sans 18")),
            "--advanced" => tab = arguments.next().and_then(|tab| tab.parse().ok()),
            "--print" => print = true,
            file => {
                let text = std::fs::read_to_string(file).expect("a file");
                connection = Some(Connection::from_keyfile(&text).expect("a connection"));
            }
        }
    }
    let connection = connection.unwrap_or_else(|| {
        let connection = Connection::default();
        connection.set_vpn(&VpnSetting::new(nm_sstp::profile::SERVICE_TYPE));
        connection
    });
    let editor = Editor::new(None, &connection);
    let window = gtk::Window::builder().title("SSTP").default_width(560).build();
    put_into(&window, &editor.page().root());
    window.present();
    if let Some(tab) = tab {
        let page = editor.page();
        page.object::<gtk::Notebook>("tabs").set_current_page(Some(tab));
        page.object::<gtk::Button>("advanced-open").emit_clicked();
    }
    editor.connect_local("changed", false, move |values| {
        let editor: Editor = values.first()?.get().ok()?;
        if print {
            let updated = connection.copy();
            match editor.imp().update_connection(&updated) {
                Ok(()) => println!("{:?}", updated.vpn().map(|vpn| vpn.data())),
                Err(error) => println!("{error}"),
            }
        }
        None
    });
    glib::MainLoop::new(None, false).run();
}

fn settings() -> gtk::Settings {
    gtk::Settings::default().expect("there is a display")
}
