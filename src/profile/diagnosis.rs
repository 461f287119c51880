//! The settings that tell more of what happens.

use super::notice::notice;
use super::values::{Reader, quoted};

/// Most octets of the name of a capture's file.
const MAX_NAME_LEN: usize = 100;

/// How much of a connection is logged at least. Each level has what those before it have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum LogLevel {
    /// What a person may want to know.
    Info,
    /// The steps of the connection.
    Debug,
    /// Every control packet, in both directions.
    Trace,
}

/// What of a connection is written to a file that Wireshark reads.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Capture {
    /// Name of the file in the directory of captures: no path.
    pub name: String,
    /// With what authenticates the user and proves it, which is blanked otherwise.
    pub secrets: bool,
}

pub(super) fn read_log_level(reader: &mut Reader<'_>) -> Option<LogLevel> {
    match reader.choice("log-level") {
        Some("info") => Some(LogLevel::Info),
        Some("debug") => Some(LogLevel::Debug),
        Some("trace") => Some(LogLevel::Trace),
        _ => None,
    }
}

pub(super) fn read_capture(reader: &mut Reader<'_>) -> Option<Capture> {
    let secrets = reader.yes("capture-secrets");
    let name = reader.text("capture")?;
    if !is_capture_name(name) {
        reader.notice(notice!(
            "capture={value} is not the name of a file (letters, digits, \"-\", \"_\" and \".\", no path); nothing is captured",
            value = quoted(name)
        ));
        return None;
    }
    Some(Capture { name: name.to_owned(), secrets })
}

pub(super) fn is_capture_name(name: &str) -> bool {
    let allowed = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.');
    !name.starts_with('.') && name.len() <= MAX_NAME_LEN && name.bytes().all(allowed)
}
