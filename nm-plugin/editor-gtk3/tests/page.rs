//! The page with GTK 3.

use nm_sstp_editor_gtk3::{Editor, choose};

#[path = "../../editor/programs/page.rs"]
mod page;

fn description(field: &impl gtk::prelude::IsA<gtk::Widget>) -> Option<String> {
    use gtk::prelude::*;
    field.accessible()?.description().map(String::from)
}

fn destroyed(window: &gtk::Dialog) {
    use gtk::prelude::*;
    // SAFETY: nobody uses it behind this
    unsafe { window.destroy() };
}

/// As programs do with a page that they get.
fn show_all(page: &gtk::Box) {
    gtk::prelude::WidgetExt::show_all(page);
}

fn main() {
    page::main();
}
