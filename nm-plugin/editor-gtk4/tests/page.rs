//! The page with GTK 4.

use nm_sstp_editor_gtk4::{Editor, choose};

#[path = "../../editor/programs/page.rs"]
mod page;

/// GTK 4 tells what it knows to screen readers only.
fn description(_: &impl gtk::prelude::IsA<gtk::Widget>) -> Option<String> {
    None
}

fn destroyed(window: &gtk::Dialog) {
    gtk::prelude::GtkWindowExt::destroy(window);
}

/// What is in a page is visible unless it says otherwise.
fn show_all(_: &gtk::Box) {}

fn main() {
    page::main();
}
