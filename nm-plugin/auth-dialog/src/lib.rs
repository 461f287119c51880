//! What the authentication dialog and its window share.
//!
//! `nm-sstp-auth-dialog` finds out what to ask and does without a toolkit, because nmcli on servers runs it too. Where it
//! has to ask a person itself, it runs `nm-sstp-auth-window`, which only knows the [`form`] that it is handed.

pub mod form;
pub mod wiped;

use nix::sys::resource::{Resource, setrlimit};

/// Name of the program that has the window; it is installed beside the dialog.
pub const WINDOW: &str = "nm-sstp-auth-window";

/// Exit status of the window where the person did not want to answer.
pub const CANCELLED: u8 = 1;
/// Exit status of the window where there is nothing to open it on.
pub const NO_DISPLAY: u8 = 3;

/// To be called first: secrets pass through the process, and must not be in the remains of a crash.
pub fn leave_no_core() {
    // Where the limit cannot be lowered, nothing else helps either.
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
}
