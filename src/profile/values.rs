//! How values are read: leniently, as programs of twenty years wrote them. What cannot be read becomes a [`Notice`].

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::keys::{self, Kind};
use super::notice::{Notice, notice};

/// Reads the data of one profile by the [table of keys](keys::KEYS) and gathers the notices.
pub(super) struct Reader<'a> {
    data: &'a BTreeMap<String, String>,
    pub(super) notices: Vec<Notice>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(data: &'a BTreeMap<String, String>) -> Self {
        Self { data, notices: Vec::new() }
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        self.notices.push(notice);
    }

    /// The value, or its default in the table. Empty is absent, as in network-manager-sstp.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        let default = keys::find(name).and_then(|key| key.default);
        self.data.get(name).map(String::as_str).filter(|value| !value.is_empty()).or(default)
    }

    /// Whether there is a value that is not the default's.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.text(name) != keys::find(name).and_then(|key| key.default)
    }

    pub(super) fn yes(&mut self, name: &str) -> bool {
        let default = keys::find(name).and_then(|key| key.default).is_some_and(|default| default == "yes");
        let Some(text) = self.text(name) else { return default };
        yes_or_no(text).unwrap_or_else(|| {
            let default = if default { "yes" } else { "no" };
            self.notice(notice!(
                "{name}={value} is neither yes nor no; it counts as {default}",
                name = name,
                value = quoted(text),
                default = default
            ));
            default == "yes"
        })
    }

    pub(super) fn number(&mut self, name: &str) -> Option<u32> {
        let text = self.text(name)?;
        let Some(Kind::Number { min, max }) = keys::find(name).map(|key| key.kind) else { return None };
        let number = leading_number(text).filter(|number| (min..=max).contains(number));
        if number.is_none() {
            self.notice(notice!(
                "{name}={value} is not a number from {min} to {max}; it is ignored",
                name = name,
                value = quoted(text),
                min = min,
                max = max
            ));
        }
        number
    }

    /// One of the words of the key's kind; any other is a notice and absent.
    pub(super) fn choice(&mut self, name: &str) -> Option<&'static str> {
        let text = self.text(name)?;
        let Some(Kind::Choice(words)) = keys::find(name).map(|key| key.kind) else { return None };
        let word = words.iter().copied().find(|word| *word == text);
        if word.is_none() {
            self.notice(notice!(
                "{name}={value} is none of {words}; it is ignored",
                name = name,
                value = quoted(text),
                words = words.join(", ")
            ));
        }
        word
    }

    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(path_of)
    }

    /// Names every setting that is unknown.
    pub(super) fn name_what_is_unknown(&mut self) {
        for name in self.data.keys().filter(|name| keys::find(name).is_none()) {
            self.notice(notice!("the setting {name} is unknown; it is ignored", name = quoted(name)));
        }
    }
}

/// A value as a notice shows it.
pub(super) fn quoted(value: &str) -> String {
    format!("{value:?}")
}

/// What a value of [`Kind::Yes`] says; `None`: neither.
pub fn yes_or_no(text: &str) -> Option<bool> {
    let is_one_of = |words: &[&str]| words.iter().any(|word| text.trim().eq_ignore_ascii_case(word));
    if is_one_of(&["yes", "true", "on", "1", "y", "t"]) {
        Some(true)
    } else if is_one_of(&["no", "false", "off", "0", "n", "f"]) {
        Some(false)
    } else {
        None
    }
}

/// The number at the beginning of a text, as the C library's `strtol` finds it; `None`: there is none, or it is negative
/// or too great for 32 bits.
pub(super) fn leading_number(text: &str) -> Option<u32> {
    let text = text.trim_start();
    let text = text.strip_prefix('+').unwrap_or(text);
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    text[..end].parse().ok()
}

/// The path that the value of a setting stands for: with escapes of NetworkManager's `utf8safe` strings, since a path need
/// not be text.
pub fn path_of(text: &str) -> PathBuf {
    PathBuf::from(OsString::from_vec(unescape(text)))
}

/// The value of a setting that stands for this path: the reverse of [`path_of`].
pub fn text_of(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' => text.push_str(r"\\"),
                control if control.is_ascii_control() => text.push_str(&format!("\\{:03o}", u32::from(control))),
                other => text.push(other),
            }
        }
        for octet in chunk.invalid() {
            text.push_str(&format!("\\{octet:03o}"));
        }
    }
    text
}

/// Whether two values of a key are read alike; an absent one counts as its default.
pub fn same_meaning(name: &str, one: Option<&str>, other: Option<&str>) -> bool {
    let Some(key) = keys::find(name) else { return one == other };
    let [one, other] = [one, other].map(|value| value.filter(|value| !value.is_empty()).or(key.default));
    match (key.kind, one, other) {
        _ if one == other => true,
        (Kind::Yes, Some(one), Some(other)) => yes_or_no(one).is_some() && yes_or_no(one) == yes_or_no(other),
        (Kind::Number { .. } | Kind::Flags, Some(one), Some(other)) => {
            leading_number(one).is_some() && leading_number(one) == leading_number(other)
        }
        _ => false,
    }
}

/// Undoes the escapes of NetworkManager's `utf8safe` strings, which are those of GLib's `g_strcompress`: a backslash
/// before up to three octal digits, before one of `bfnrtv`, or before the character that is meant.
fn unescape(text: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes().peekable();
    while let Some(octet) = rest.next() {
        if octet != b'\\' {
            octets.push(octet);
            continue;
        }
        let Some(escaped) = rest.next() else { break };
        octets.push(match escaped {
            b'0'..=b'7' => {
                let mut value = escaped - b'0';
                for _ in 0..2 {
                    let Some(digit) = rest.next_if(|octet| (b'0'..=b'7').contains(octet)) else { break };
                    value = value << 3 | (digit - b'0');
                }
                value
            }
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 0x0b,
            other => other,
        });
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_and_no() {
        for (text, answer) in [
            ("yes", Some(true)),
            ("no", Some(false)),
            ("TRUE", Some(true)),
            ("False", Some(false)),
            ("1", Some(true)),
            ("0", Some(false)),
            (" on ", Some(true)),
            ("off", Some(false)),
            ("", None),
            ("yess", None),
            ("2", None),
        ] {
            assert_eq!(yes_or_no(text), answer, "{text:?}");
        }
    }

    #[test]
    fn numbers() {
        for (text, number) in [
            ("0", Some(0)),
            ("30", Some(30)),
            (" 30", Some(30)),
            ("+30", Some(30)),
            ("30s", Some(30)),
            ("030", Some(30)),
            ("1400.0", Some(1400)),
            ("4294967295", Some(u32::MAX)),
            ("4294967296", None),
            ("-1", None),
            ("abc", None),
            ("", None),
            ("0x10", Some(0)),
        ] {
            assert_eq!(leading_number(text), number, "{text:?}");
        }
    }

    #[test]
    fn escapes() {
        for (text, octets) in [
            ("/etc/ssl/ca.pem", &b"/etc/ssl/ca.pem"[..]),
            ("/home/jörg/My CA.pem", "/home/jörg/My CA.pem".as_bytes()),
            (r"/home/j\303\266rg/\040x", "/home/jörg/ x".as_bytes()),
            (r"/tmp/\377\\\n\7\1234", b"/tmp/\xff\\\n\x07S4"),
            (r"\q\", b"q"),
            (r"\78", b"\x078"),
            (r"\777", b"\xff"),
        ] {
            assert_eq!(unescape(text), octets, "{text}");
            let path = PathBuf::from(OsString::from_vec(octets.to_vec()));
            assert_eq!(path_of(&text_of(&path)), path, "{text}");
        }
        assert_eq!(text_of(Path::new("/home/j\u{f6}rg/a b\n\\")), "/home/j\u{f6}rg/a b\\012\\\\");
    }

    #[test]
    fn values_that_are_read_alike() {
        for (name, one, other, alike) in [
            ("refuse-eap", None, Some("no"), true),
            ("refuse-eap", Some("FALSE"), Some(""), true),
            ("refuse-eap", Some("yes"), Some("1"), true),
            ("refuse-eap", Some("yes"), None, false),
            ("refuse-eap", Some("maybe"), Some("perhaps"), false),
            ("tls-ext", None, Some("yes"), true),
            ("mtu", Some("1400"), Some("1400.0"), true),
            ("mtu", Some("1400"), None, false),
            ("mtu", Some("x"), Some("x"), true),
            ("user", Some(""), None, true),
            ("user", Some("a"), Some("A"), false),
            ("unknown", Some(""), None, false),
        ] {
            assert_eq!(same_meaning(name, one, other), alike, "{name} {one:?} {other:?}");
        }
    }
}
