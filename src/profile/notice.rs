//! What somebody should know about a setting that does not do what its author may expect.

use std::fmt;

use super::Reason;
use crate::words::filled;

/// A notice of a setting, which never shows a secret. Shown, it is English, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    text: &'static str,
    arguments: Vec<(&'static str, Argument)>,
}

/// What stands in a place of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Argument {
    Text(String),
    /// In the language of the text.
    Reason(Reason),
}

impl Notice {
    /// `notice!` calls it.
    pub(super) fn new(text: &'static str, arguments: Vec<(&'static str, Argument)>) -> Self {
        Self { text, arguments }
    }

    /// The same in the language of the person who reads it.
    #[cfg(feature = "words")]
    pub fn sentence(&self) -> String {
        self.said(&crate::words::translated(self.text), Reason::sentence)
    }

    fn said(&self, text: &str, of_reason: impl Fn(Reason) -> String) -> String {
        let of_argument = |argument: &Argument| match argument {
            Argument::Text(text) => text.clone(),
            Argument::Reason(reason) => of_reason(*reason),
        };
        let arguments: Vec<_> = self.arguments.iter().map(|(name, value)| (*name, of_argument(value))).collect();
        filled(text, &arguments)
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said(self.text, |reason| reason.to_string()))
    }
}

impl From<&str> for Argument {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Argument {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u16> for Argument {
    fn from(number: u16) -> Self {
        Self::Text(number.to_string())
    }
}

impl From<u32> for Argument {
    fn from(number: u32) -> Self {
        Self::Text(number.to_string())
    }
}

impl From<Reason> for Argument {
    fn from(reason: Reason) -> Self {
        Self::Reason(reason)
    }
}

/// A [`Notice`]: its text, a literal, and its arguments by their names, as `tr!` has them; it is translated with those.
macro_rules! notice {
    ($text:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::profile::notice::Notice::new($text, vec![$((stringify!($name), $value.into())),*])
    };
}
pub(super) use notice;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_stand_in_their_places() {
        let notice = notice!("{name}={value} is ignored: {reason}", name = "a", value = 1u32, reason = Reason::Port);
        assert_eq!(notice.to_string(), "a=1 is ignored: its port is not a number from 1 to 65535");
    }

    #[cfg(feature = "words")]
    #[test]
    fn a_reason_is_a_sentence_in_one() {
        let notice = notice!("x: {reason}", reason = Reason::OpenBracket);
        assert_eq!(notice.sentence(), "x: The bracket after the address is missing.");
    }
}
