//! Commands of RouterOS as an export has them: a menu on a line of its own, or before its command; `add` and `set` with
//! properties; quotation marks with escapes; lines that go on behind a backslash. Scripts are not run: what is in braces is
//! taken as if it always happened.

use std::iter::Peekable;
use std::str::Chars;

use zeroize::Zeroizing;

use super::Properties;
use crate::exchange::encoding;

/// A command.
pub struct Command {
    /// Where it happens: `["interface", "sstp-client"]`.
    pub menu: Vec<String>,
    /// `add`, `set` or another.
    pub verb: String,
    /// What it gives.
    pub properties: Properties,
    /// The name of what it is about: `[ find name=NAME ]`.
    pub target: Option<String>,
}

/// The commands of a text that are in a menu, in their order.
pub fn commands(text: &str) -> Vec<Command> {
    let mut commands = Vec::new();
    let mut menu: Vec<String> = Vec::new();
    let mut rest = text.chars().peekable();
    let mut words: Vec<Zeroizing<String>> = Vec::new();
    while let Some(next) = rest.peek().copied() {
        match next {
            '\n' | ';' | '{' | '}' => {
                rest.next();
                finish(&mut words, &mut menu, &mut commands);
            }
            '#' if words.is_empty() => drop(rest.by_ref().take_while(|character| *character != '\n').count()),
            '\\' => skip_line_end(&mut rest),
            space if space.is_whitespace() => drop(rest.next()),
            _ => words.push(word(&mut rest)),
        }
    }
    finish(&mut words, &mut menu, &mut commands);
    commands
}

/// Makes a command of its words.
fn finish(words: &mut Vec<Zeroizing<String>>, menu: &mut Vec<String>, commands: &mut Vec<Command>) {
    let words = std::mem::take(words);
    // what is copied from a terminal begins with its prompt
    let prompt = words.iter().take(3).position(|word| word.as_str() == ">" || word.ends_with("]>"));
    let words = &words[prompt.map_or(0, |at| at + 1)..];
    let Some(first) = words.first() else { return };
    let is_part = |word: &&Zeroizing<String>| !word.contains(['=', '[', '"', ':', '$']);
    let path: Vec<&str> =
        words.iter().take_while(is_part).flat_map(|word| word.split('/')).filter(|part| !part.is_empty()).collect();
    let verb = path
        .iter()
        .position(|part| matches!(*part, "add" | "set" | "remove" | "disable" | "enable" | "print" | "export" | "get"));
    let names = &path[..verb.unwrap_or(path.len())];
    let mut place: Vec<String> = if first.starts_with('/') || prompt.is_some() { Vec::new() } else { menu.clone() };
    place.extend(names.iter().take(8).map(|name| (*name).to_owned()));
    let Some(verb) = verb else {
        if first.starts_with('/') {
            *menu = place;
        }
        return;
    };
    let mut command = Command { menu: place, verb: path[verb].to_owned(), properties: Properties::new(), target: None };
    for word in words {
        if let Some(found) = word.strip_prefix('[') {
            command.target = named(found);
        } else if let Some((key, value)) = word.split_once('=') {
            command.properties.insert(key.to_owned(), decoded(value));
        }
    }
    commands.push(command);
}

/// The name in `find name=NAME ]` or `find where name="NAME"]`.
fn named(text: &str) -> Option<String> {
    let mut rest = text.trim_end_matches(']').chars().peekable();
    while rest.peek().is_some() {
        if rest.next_if(|next| next.is_whitespace() || ";{}\\".contains(*next)).is_some() {
            continue;
        }
        let word = word(&mut rest);
        if let Some(name) = word.strip_prefix("name=").or_else(|| word.strip_prefix("default-name=")) {
            return Some(decoded(name).to_string());
        }
    }
    None
}

/// One word; what is in square or round brackets is one as it stands. Octets that an escape gives are characters of the
/// same number, until [`decoded`].
fn word(rest: &mut Peekable<Chars<'_>>) -> Zeroizing<String> {
    // It seldom grows, which would leave a copy of a secret behind.
    let mut word = Zeroizing::new(String::with_capacity(128));
    let mut depth = 0usize;
    while let Some(next) = rest.peek().copied() {
        match next {
            '\n' => break,
            _ if depth == 0 && (next.is_whitespace() || ";{}".contains(next)) => break,
            '\\' => {
                skip_line_end(rest);
                continue;
            }
            '"' if depth == 0 => {
                rest.next();
                quoted(rest, &mut word);
                continue;
            }
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        push(&mut word, next);
        rest.next();
    }
    // always something, so that whoever calls gets on
    if word.is_empty() {
        word.extend(rest.next_if(|next| *next != '\n'));
    }
    word
}

/// What stands between quotation marks, and the second of them.
fn quoted(rest: &mut Peekable<Chars<'_>>, word: &mut String) {
    while let Some(next) = rest.next() {
        match next {
            '"' => return,
            '\\' => match rest.next() {
                Some('\n') => skip_indent(rest),
                Some('\r') => {
                    rest.next_if_eq(&'\n');
                    skip_indent(rest);
                }
                Some('n') => word.push('\n'),
                Some('r') => word.push('\r'),
                Some('t') => word.push('\t'),
                Some('a') => word.push('\u{7}'),
                Some('b') => word.push('\u{8}'),
                Some('f') => word.push('\u{c}'),
                Some('v') => word.push('\u{b}'),
                Some('_') => word.push(' '),
                Some(first) => match (first.to_digit(16), rest.peek().and_then(|second| second.to_digit(16))) {
                    // only capital digits: \b and \a are characters
                    (Some(high), Some(low)) if !first.is_ascii_lowercase() => {
                        rest.next();
                        word.extend(char::from_u32(high << 4 | low));
                    }
                    _ => push(word, first),
                },
                None => return,
            },
            other => push(word, other),
        }
    }
}

/// A character as the octets of its UTF-8, each of which is a character until [`decoded`].
fn push(word: &mut String, character: char) {
    let mut octets = [0; 4];
    word.extend(character.encode_utf8(&mut octets).bytes().map(char::from));
}

/// The text of octets: UTF-8, or else the code page of whoever typed it.
fn decoded(octets: &str) -> Zeroizing<String> {
    let octets: Zeroizing<Vec<u8>> = Zeroizing::new(octets.chars().map(|octet| octet as u32 as u8).collect());
    match std::str::from_utf8(&octets) {
        Ok(text) => Zeroizing::new(text.to_owned()),
        Err(_) => encoding::windows_1252(&octets),
    }
}

/// A backslash, and the end of the line with the indent of the next.
fn skip_line_end(rest: &mut Peekable<Chars<'_>>) {
    rest.next();
    rest.next_if_eq(&'\r');
    if rest.next_if_eq(&'\n').is_some() {
        skip_indent(rest);
    }
}

fn skip_indent(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(|next| matches!(next, ' ' | '\t')).is_some() {}
}

/// A value in quotation marks, where it needs them.
pub fn quote(text: &str) -> Zeroizing<String> {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.:/,".contains(&octet);
    if !text.is_empty() && text.bytes().all(plain) {
        return Zeroizing::new(text.to_owned());
    }
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut quoted = Zeroizing::new(String::with_capacity(3 * text.len() + 2));
    quoted.push('"');
    for octet in text.bytes() {
        match octet {
            b'"' | b'\\' | b'$' | b'?' => quoted.extend(['\\', char::from(octet)]),
            0x20..=0x7e => quoted.push(char::from(octet)),
            _ => {
                let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
                quoted.extend(['\\', digit(octet >> 4), digit(octet & 15)]);
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of a command, in the order of their names.
    fn values(command: &Command) -> Vec<&str> {
        command.properties.values().map(|value| value.as_str()).collect()
    }

    #[test]
    fn a_menu_holds_until_the_next() {
        let text = "# by RouterOS\n/interface sstp-client\nadd name=a \\\n    user=b\nset x=1\n/ip address\nadd address=1\n\
                    /interface/sstp-client/add name=c\nadd address=2; add address=3\n";
        let shown =
            |command: &Command| format!("{}:{}:{}", command.menu.join(" "), command.verb, command.properties.len());
        let read: Vec<_> = commands(text).iter().map(shown).collect();
        let expected = [
            "interface sstp-client:add:2",
            "interface sstp-client:set:1",
            "ip address:add:1",
            "interface sstp-client:add:1",
            "ip address:add:1",
            "ip address:add:1",
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn values_are_unquoted() {
        let text = "/i add a=\"x \\\"y\\\" \\\\ \\$z \\?\" b=\"\\C3\\BC\\r\\n\" c=\"lo\\\n    ng\" d=\u{fc} e=\"\\FC\" f=\"\\_\"";
        assert_eq!(values(&commands(text)[0]), ["x \"y\" \\ $z ?", "\u{fc}\r\n", "long", "\u{fc}", "\u{fc}", " "]);
    }

    #[test]
    fn what_is_changed_is_found_by_its_name() {
        for (text, target) in [
            ("set [ find name=a ] x=1", Some("a")),
            ("set [find where name=\"a b\"] x=1", Some("a b")),
            ("set 0 x=1", None),
        ] {
            let command = commands(&format!("/interface sstp-client\n{text}")).remove(0);
            assert_eq!(command.target.as_deref(), target, "{text}");
            assert_eq!(command.properties.len(), 1, "{text}");
        }
    }

    #[test]
    fn what_is_quoted_is_read_again() {
        for value in ["a", "", "a b", "\"\\$?#;", "\u{fc}\r\n\t", "=[]{}"] {
            let text = format!("/i add a={}", *quote(value));
            assert_eq!(values(&commands(&text)[0]), [value], "{text}");
        }
    }
}
