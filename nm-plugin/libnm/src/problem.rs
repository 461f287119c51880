//! Errors as libnm's callers expect them.

use glib::error::ErrorDomain;
use glib::translate::from_glib;

/// The codes of libnm's error domain for connections that are used here. What a person reads is the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// Something else.
    Failed = 0,
    /// A setting is not there.
    MissingSetting = 4,
    /// A setting is not one that this plugin is for.
    InvalidSetting = 5,
    /// A property has to have a value.
    MissingProperty = 6,
    /// A property has a value that it cannot have.
    InvalidProperty = 7,
}

impl Problem {
    /// An error of this kind that says `message`, without its full stop: programs put one behind it.
    pub fn says(self, message: impl AsRef<str>) -> glib::Error {
        glib::Error::new(self, message.as_ref().trim_end_matches(['.', '\u{3002}']))
    }
}

impl ErrorDomain for Problem {
    fn domain() -> glib::Quark {
        // SAFETY: takes nothing
        unsafe { from_glib(crate::ffi::nm_connection_error_quark()) }
    }

    fn code(self) -> i32 {
        self as i32
    }

    fn from(code: i32) -> Option<Self> {
        Some(match code {
            4 => Self::MissingSetting,
            5 => Self::InvalidSetting,
            6 => Self::MissingProperty,
            7 => Self::InvalidProperty,
            _ => Self::Failed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_adds_the_full_stop() {
        let error = Problem::InvalidProperty.says("The gateway is not a name.");
        assert!(error.matches(Problem::InvalidProperty) && !error.matches(Problem::Failed));
        assert_eq!(error.message(), "The gateway is not a name");
    }
}
