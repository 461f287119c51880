//! The page with GTK 3.

use nm_sstp_editor_gtk3::Editor;

#[path = "../../editor/programs/page.rs"]
mod page;

fn description(field: &impl gtk::prelude::IsA<gtk::Widget>) -> Option<String> {
    use gtk::prelude::*;
    field.accessible()?.description().map(String::from)
}

fn main() {
    page::main();
}
