//! Domain names as DNS writes them (RFC 1035 3.1, 4.1.4), in the options of DHCP and router advertisements.

use super::{Malformed, need, within};

/// Longest name, in characters with its dots (RFC 1035 2.3.4).
pub const MAX_NAME_LEN: usize = 253;

/// Names that an option may have; what comes after them is not looked at.
const MAX_NAMES: usize = 32;

/// A byte that begins a pointer to a name before it (RFC 1035 4.1.4).
const POINTER: u8 = 0xc0;

/// Reads names one after the other until the end, or until padding: an empty name (RFC 8106 5.2). A name that no host
/// can have (see [`is_host_name`]) is left out, since names end up in files and in commands of others.
///
/// Pointers (RFC 3397 2) are followed, to names before their own place only.
///
/// # Errors
/// A label or a pointer that cannot be.
pub fn parse_names(octets: &[u8]) -> Result<Vec<String>, Malformed> {
    let mut names = Vec::new();
    let mut at = 0;
    while at < octets.len() && octets[at] != 0 && names.len() < MAX_NAMES {
        let (name, next) = parse_name(octets, at)?;
        if is_host_name(&name) {
            names.push(name);
        }
        at = next;
    }
    Ok(names)
}

/// Reads the name that begins here; returns it and where the next one begins.
fn parse_name(octets: &[u8], start: usize) -> Result<(String, usize), Malformed> {
    const WHAT: &str = "domain name";
    let (mut at, mut next, mut limit) = (start, None, start);
    let mut name = String::new();
    loop {
        need(WHAT, at, octets.len() - at.min(octets.len()), 1)?;
        let length = octets[at];
        match length {
            0 => return Ok((name, next.unwrap_or(at + 1))),
            POINTER.. => {
                need(WHAT, at, octets.len() - at, 2)?;
                let target = usize::from(u16::from_be_bytes([length & !POINTER, octets[at + 1]]));
                // strictly backwards: so that there is an end
                if target >= limit {
                    return Err(Malformed::value("pointer in a domain name", at, target as u32));
                }
                next.get_or_insert(at + 2);
                (at, limit) = (target, target);
            }
            0x40..POINTER => return Err(Malformed::value("label of a domain name", at, length)),
            _ => {
                let length = usize::from(length);
                need(WHAT, at + 1, octets.len() - at - 1, length)?;
                if !name.is_empty() {
                    name.push('.');
                }
                // what is not ASCII makes it a name that no host has
                name.extend(octets[at + 1..at + 1 + length].iter().map(|octet| char::from(*octet)));
                within(WHAT, start, name.chars().count(), 1, MAX_NAME_LEN)?;
                at += 1 + length;
            }
        }
    }
}

/// Appends names as [`parse_names`] reads them, without pointers.
pub fn emit_names(names: &[String], out: &mut Vec<u8>) {
    for name in names {
        for label in name.split('.') {
            out.push(label.len() as u8);
            out.extend_from_slice(label.as_bytes());
        }
        out.push(0);
    }
}

/// Whether a host or a domain can have this name: labels of letters, digits, `-` and `_` between single dots, none with
/// a `-` at an end (RFC 1123 2.1; Windows domains have underscores).
pub fn is_host_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_NAME_LEN
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_".contains(&octet))
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 3397 3: `eng.apple.com.` and `marketing.apple.com.`, in one piece.
    const RFC3397: [u8; 27] = [
        3, b'e', b'n', b'g', 5, b'a', b'p', b'p', b'l', b'e', 3, b'c', b'o', b'm', 0, 9, b'm', b'a', b'r', b'k', b'e',
        b't', b'i', b'n', b'g', 0xc0, 0x04,
    ];

    #[test]
    fn example_of_rfc_3397() {
        assert_eq!(parse_names(&RFC3397).unwrap(), ["eng.apple.com", "marketing.apple.com"]);
        for cut in 1..RFC3397.len() {
            assert!(parse_names(&RFC3397[..cut]).is_err() || cut == 15, "cut at {cut}");
        }
    }

    #[test]
    fn what_is_emitted_is_parsed() {
        let names = ["corp.example.com".to_owned(), "lab".to_owned()];
        let mut octets = Vec::new();
        emit_names(&names, &mut octets);
        octets.extend_from_slice(&[0; 5]);
        assert_eq!(parse_names(&octets).unwrap(), names);
    }

    #[test]
    fn pointers_have_an_end() {
        assert!(parse_names(&[0xc0, 0x00]).is_err(), "to itself");
        assert!(parse_names(&[1, b'a', 0xc0, 0x00]).is_err(), "to its own beginning");
        assert!(parse_names(&[1, b'a', 0, 1, b'b', 0xc0, 0x07, 0, 0]).is_err(), "forwards");
        assert!(parse_names(&[1, b'a', 0, 0xc0]).is_err(), "half a pointer");
        // each to the one before it: as long as they are many, the name gets too long or the pointers come to an end
        let mut chain = vec![1, b'a', 0];
        for _ in 0..200 {
            let target = if chain.len() == 3 { 0 } else { chain.len() - 4 };
            chain.extend_from_slice(&[1, b'a', 0xc0 | (target >> 8) as u8, target as u8]);
        }
        drop(parse_names(&chain));
        assert!(parse_names(&[0x80, 0]).is_err(), "a reserved kind of label");
    }

    #[test]
    fn names_are_safe_in_files() {
        let parsed =
            |label: &[u8]| parse_names(&[&[label.len() as u8][..], label, &[0]].concat()).unwrap().first().cloned();
        assert_eq!(parsed(b"corp").as_deref(), Some("corp"));
        assert_eq!(parsed(b"_msdcs").as_deref(), Some("_msdcs"));
        for label in [&b"a b"[..], b"a\nnameserver", b"a.b", b"-a", b"a-", b"\xc3\xbc", b"a\0", b"~", b"$(x)"] {
            // a dot inside a label is two labels then, and as harmless
            assert!(parsed(label).is_none() || label == b"a.b", "{label:?}");
        }
    }
}
