//! Bytes and typed values: one module per format, no state.
//!
//! Every parser takes a slice that may hold anything, checks every length before it looks, and answers with a typed
//! value or with [`Malformed`], which says what was wrong and where. Every value that is parsed can also be emitted.

pub mod auth;
pub mod avp;
pub mod challenge;
pub mod connect;
pub mod dhcp;
pub mod dhcpv6;
pub mod dns;
pub mod domain;
pub mod eap;
pub mod http;
pub mod icmpv6;
pub mod ip;
pub mod ntlm;
pub mod pcapng;
pub mod ppp;
pub mod sstp;
pub mod stranger;
pub mod tls;
pub mod tlv;
pub mod udp;

use std::fmt;

/// Bytes that cannot be what they claim to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The unit that was read, as its specification names it.
    pub what: &'static str,
    /// Where it begins, in octets from the start of the slice that was parsed.
    pub offset: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with malformed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It needs more octets than there are.
    Truncated {
        /// Octets that it needs.
        needed: usize,
        /// Octets that there are.
        available: usize,
    },
    /// Its length field, or the length that is left for it, is not one that it can have.
    Length {
        /// The length that was found, in octets.
        found: usize,
        /// The smallest length that it can have.
        min: usize,
        /// The largest length that it can have.
        max: usize,
    },
    /// A field has a value that its specification does not allow.
    Value {
        /// The value that was found.
        found: u32,
    },
}

impl Malformed {
    pub(crate) fn value(what: &'static str, offset: usize, found: impl Into<u32>) -> Self {
        Malformed { what, offset, problem: Problem::Value { found: found.into() } }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at octet {}: ", self.what, self.offset)?;
        match self.problem {
            Problem::Truncated { needed, available } => write!(f, "needs {needed} octets, {available} are left"),
            Problem::Length { found, min, max } if min == max => write!(f, "length is {found}, must be {min}"),
            Problem::Length { found, min, max } => write!(f, "length is {found}, must be {min} to {max}"),
            Problem::Value { found } => write!(f, "value {found:#x} is not allowed"),
        }
    }
}

impl std::error::Error for Malformed {}

/// Checks that at least `needed` octets are left.
fn need(what: &'static str, offset: usize, available: usize, needed: usize) -> Result<(), Malformed> {
    if available < needed {
        return Err(Malformed { what, offset, problem: Problem::Truncated { needed, available } });
    }
    Ok(())
}

/// Checks that a length lies within bounds.
fn within(what: &'static str, offset: usize, found: usize, min: usize, max: usize) -> Result<(), Malformed> {
    if found < min || found > max {
        return Err(Malformed { what, offset, problem: Problem::Length { found, min, max } });
    }
    Ok(())
}

/// A text from the network, made safe to show: printable characters only, in the order in which they came, bounded in
/// length.
pub fn printable(octets: &[u8]) -> String {
    const LIMIT: usize = 240;
    let text: String = String::from_utf8_lossy(&octets[..octets.len().min(4 * LIMIT)])
        .chars()
        .map(|c| if c.is_control() || turns_the_text(c) { ' ' } else { c })
        .take(LIMIT)
        .collect();
    text.trim().to_owned()
}

/// The embeddings, overrides and isolates of Unicode's bidirectional algorithm (UAX #9 2), which would show one text as
/// another.
fn turns_the_text(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_what_and_where() {
        let error = within("LCP option MRU", 8, 3, 4, 4).unwrap_err();
        assert_eq!(error.to_string(), "LCP option MRU at octet 8: length is 3, must be 4");
        let error = need("SSTP packet", 0, 2, 4).unwrap_err();
        assert_eq!(error.to_string(), "SSTP packet at octet 0: needs 4 octets, 2 are left");
    }

    #[test]
    fn texts_lose_control_characters_and_length() {
        assert_eq!(printable(b"  no\r\nentry\x1b[31m "), "no  entry [31m");
        assert_eq!(printable("no \u{202e}yrtne".as_bytes()), "no  yrtne");
        assert_eq!(printable(&[b'a'; 5000]).len(), 240);
        assert_eq!(printable(b"\xff\xfe"), "\u{fffd}\u{fffd}");
    }
}
