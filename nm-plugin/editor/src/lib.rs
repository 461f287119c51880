//! What the editors of SSTP connections show, without a toolkit: the settings as a person sees them, what is wrong with
//! them, what was wrong with profiles of other programs, and what a look at the gateway found.
//!
//! The windows, which GTK 3 and GTK 4 share, are in `widgets/` and `ui/` beside this crate; the crates of the two
//! editors include them.

mod fields;
mod form;
mod probe;
mod repairs;
mod sentences;
mod storage;

pub use fields::{Control, Field, KEPT, fields, name_in_label};
pub use form::{Form, Settings};
pub use probe::{Findings, Offer, settings_for_probe};
pub use repairs::Remark;
pub use storage::Storage;
