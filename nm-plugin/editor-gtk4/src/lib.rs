//! The editor of SSTP connections for programs on GTK 4: `libnm-gtk4-vpn-plugin-sstp-editor.so`.

mod toolkit;
#[path = "../../editor/widgets/mod.rs"]
mod widgets;

pub use widgets::{Editor, Page, choose};
