//! The characters of a file: UTF-8, UTF-16 as Windows writes it, or the octets of a Windows code page.

use zeroize::Zeroizing;

use crate::tr;

/// The characters 80 to 9F of windows-1252; where it has none, the control character of that number stands.
const WINDOWS_1252: [char; 32] = [
    '\u{20ac}', '\u{81}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}', '\u{2021}', '\u{2c6}', '\u{2030}',
    '\u{160}', '\u{2039}', '\u{152}', '\u{8d}', '\u{17d}', '\u{8f}', '\u{90}', '\u{2018}', '\u{2019}', '\u{201c}',
    '\u{201d}', '\u{2022}', '\u{2013}', '\u{2014}', '\u{2dc}', '\u{2122}', '\u{161}', '\u{203a}', '\u{153}', '\u{9d}',
    '\u{17e}', '\u{178}',
];

/// The text, and a sentence about what was assumed where the octets do not say it themselves.
pub(super) fn decode(octets: &[u8]) -> (Zeroizing<String>, Option<String>) {
    match octets {
        [0xff, 0xfe, rest @ ..] => (utf16(rest, u16::from_le_bytes), None),
        [0xfe, 0xff, rest @ ..] => (utf16(rest, u16::from_be_bytes), None),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        // Text of ours begins with ASCII: of such a character in UTF-16, one octet is zero.
        [0, 1..=0x7f, ..] => (utf16(octets, u16::from_be_bytes), None),
        [1..=0x7f, 0, ..] => (utf16(octets, u16::from_le_bytes), None),
        octets => utf8(octets),
    }
}

fn utf8(octets: &[u8]) -> (Zeroizing<String>, Option<String>) {
    match std::str::from_utf8(octets) {
        Ok(text) => (Zeroizing::new(text.to_owned()), None),
        Err(_) => {
            let note = tr!(
                "The file does not say how its letters are written; windows-1252 was assumed. Look at names with accents."
            );
            (windows_1252(octets), Some(note))
        }
    }
}

/// The text of octets in windows-1252. It never grows, which would leave a copy behind.
pub(super) fn windows_1252(octets: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(octets.len() * 3));
    text.extend(octets.iter().map(|octet| match octet {
        0x80..=0x9f => WINDOWS_1252[usize::from(octet - 0x80)],
        _ => char::from(*octet),
    }));
    text
}

fn utf16(octets: &[u8], unit: impl Fn([u8; 2]) -> u16) -> Zeroizing<String> {
    let units = octets.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let mut text = Zeroizing::new(String::with_capacity(octets.len() / 2 * 3));
    text.extend(char::decode_utf16(units).map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER)));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(octets: &[u8]) -> (String, bool) {
        let (text, assumed) = decode(octets);
        (text.to_string(), assumed.is_some())
    }

    #[test]
    fn letters_are_found_however_they_are_written() {
        let text = "[B\u{fc}ro \u{20ac}]\r\n".to_owned();
        let utf16 = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<_>>();
        let (little, big) = (utf16(u16::to_le_bytes), utf16(u16::to_be_bytes));
        for (octets, assumed) in [
            (text.as_bytes().to_vec(), false),
            ([b"\xef\xbb\xbf", text.as_bytes()].concat(), false),
            ([b"\xff\xfe", little.as_slice()].concat(), false),
            ([b"\xfe\xff", big.as_slice()].concat(), false),
            (little, false),
            (big, false),
            (b"[B\xfcro \x80]\r\n".to_vec(), true),
        ] {
            assert_eq!(decoded(&octets), (text.clone(), assumed), "{octets:?}");
        }
    }

    #[test]
    fn what_is_no_text_is_some_text() {
        assert_eq!(decoded(b"\xff\xfea"), (String::new(), false));
        assert_eq!(decoded(b"\xff\xfe\x00\xd8"), ("\u{fffd}".to_owned(), false));
        assert_eq!(decoded(b"\x81\xff"), ("\u{81}\u{ff}".to_owned(), true));
        assert_eq!(decoded(b""), (String::new(), false));
    }
}
