//! GLib's key files: groups of keys and values, with their escapes.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::exchange::error::Fault;
use crate::exchange::{Error, Format};

/// Groups of keys and values, in the order of their names.
pub type Groups = BTreeMap<String, BTreeMap<String, Zeroizing<String>>>;

/// What is no part of a key or a value at its ends.
const SPACE: &[char] = &[' ', '\t', '\r'];

/// Reads a key file.
pub fn read(text: &str) -> Result<Groups, Error> {
    let mut groups = Groups::new();
    let mut group: Option<String> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_start_matches(SPACE);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |fault: Fault| Error::Line { format: Format::Keyfile, line: number + 1, fault };
        if let Some(name) = line.strip_prefix('[') {
            let name = name.trim_end_matches(SPACE).strip_suffix(']').ok_or_else(|| wrong(Fault::Bracket))?;
            groups.entry(name.to_owned()).or_default();
            group = Some(name.to_owned());
            continue;
        }
        let (key, value) = line.split_once('=').ok_or_else(|| wrong(Fault::Form))?;
        let group = group.as_ref().ok_or_else(|| wrong(Fault::NoGroup))?;
        let value = unescape(value.trim_start_matches(SPACE)).ok_or_else(|| wrong(Fault::Escape))?;
        groups.entry(group.clone()).or_default().insert(key.trim_end_matches(SPACE).to_owned(), value);
    }
    Ok(groups)
}

/// Undoes GLib's escapes of values: `\s`, `\n`, `\t`, `\r` and `\\`.
fn unescape(text: &str) -> Option<Zeroizing<String>> {
    let mut value = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        value.push(match character {
            '\\' => match rest.next()? {
                's' => ' ',
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '\\' => '\\',
                // of lists, whose elements here have no semicolon in them
                ';' => ';',
                _ => return None,
            },
            other => other,
        });
    }
    Some(value)
}

/// The elements of a list.
pub fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(';').map(str::trim).filter(|element| !element.is_empty())
}

/// Writes `KEY=VALUE` and the end of the line. It never grows, which would leave a copy behind, where `out` has room for
/// twice the octets of the value.
pub fn write(key: &str, value: &str, out: &mut String) {
    out.push_str(key);
    out.push('=');
    let inner = value.trim_matches(' ');
    let before = value.len() - value.trim_start_matches(' ').len();
    for (at, character) in value.char_indices() {
        match character {
            // GLib strips space at the beginning; at the end, people's editors do.
            ' ' if at < before || at >= before + inner.len() => out.push_str("\\s"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\\' => out.push_str("\\\\"),
            other => out.push(other),
        }
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_keys_and_escapes() {
        let text = "# x\n[connection]\nid=My VPN\n\n[vpn]\nuser = \\sal\\\\ice\\t \ngateway=a=b\n[empty]\n";
        let groups = read(text).expect("a key file");
        let value = |group: &str, key: &str| groups[group].get(key).map(|value| value.as_str());
        assert_eq!(value("connection", "id"), Some("My VPN"));
        assert_eq!(value("vpn", "user"), Some(" al\\ice\t "));
        assert_eq!(value("vpn", "gateway"), Some("a=b"));
        assert!(groups["empty"].is_empty());
    }

    #[test]
    fn what_is_none_is_named_by_its_line() {
        for (text, line, fault) in [
            ("id=x", 1, Fault::NoGroup),
            ("[a]\n\nfoo", 3, Fault::Form),
            ("[a", 1, Fault::Bracket),
            ("[a]\nb=\\q", 2, Fault::Escape),
        ] {
            assert_eq!(read(text), Err(Error::Line { format: Format::Keyfile, line, fault }), "{text:?}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for value in ["", "a", "  a b ", " ", "a\\b\nc\td\r", "\u{e4};b", "=#["] {
            let mut text = "[g]\n".to_owned();
            write("key", value, &mut text);
            assert_eq!(read(&text).expect("a key file")["g"]["key"].as_str(), value, "{text:?}");
        }
    }
}
