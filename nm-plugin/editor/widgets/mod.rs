//! The page for one connection, in the words of GTK that versions 3 and 4 share. What they do not share is in `toolkit`
//! of either editor, which includes these files.
//!
//! The page knows its widgets by name: that of the setting that each shows (`ui/editor.ui`). What a setting is and says
//! is the business of [`nm_sstp_editor::Form`]. Closures of widgets hold the page weakly: the editor alone keeps it.

mod binding;
mod choice;
mod editor;
mod exports;
mod files;
mod page;
mod probe;
mod remarks;

pub use choice::choose;
pub use editor::Editor;
pub use page::Page;
