//! The page with GTK 4 in a window of its own.

use gtk::prelude::*;
use nm_sstp_editor_gtk4::Editor;

#[path = "../../editor/programs/show.rs"]
mod show;

fn put_into(window: &gtk::Window, page: &gtk::Box) {
    window.set_child(Some(page));
}

fn main() {
    show::main();
}
