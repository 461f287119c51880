//! The page with GTK 3 in a window of its own.

use gtk::prelude::*;
use nm_sstp_editor_gtk3::Editor;

#[path = "../../editor/programs/show.rs"]
mod show;

fn put_into(window: &gtk::Window, page: &gtk::Box) {
    window.add(page);
}

fn main() {
    show::main();
}
