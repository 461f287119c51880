//! The editor of SSTP connections for programs on GTK 3: `libnm-vpn-plugin-sstp-editor.so`.

mod toolkit;
#[path = "../../editor/widgets/mod.rs"]
mod widgets;

pub use widgets::{Editor, Page, choose};
