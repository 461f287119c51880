//! Text of others on a terminal. What servers, profiles and the bus say may hold anything; nothing of it may move the
//! cursor, change the title or hide what stands beside it.

use std::fmt::Write as _;

/// One line: every control character, also a line break, is shown as an escape.
pub fn line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        push(&mut shown, character);
    }
    shown
}

/// Several lines: line breaks stay, everything else is as in [`line()`].
pub fn lines(text: &str) -> String {
    text.trim().lines().map(line).collect::<Vec<_>>().join("\n")
}

/// JSON that was written already: what [`line()`] would escape is escaped as JSON does it. The line breaks between values
/// stay.
pub fn json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character != '\n' && (character.is_control() || is_invisible(character)) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(character);
        }
    }
    shown
}

fn push(shown: &mut String, character: char) {
    if character.is_control() || is_invisible(character) {
        // Writing to a String does not fail.
        let _ = write!(shown, "{}", character.escape_default());
    } else {
        shown.push(character);
    }
}

/// Line separators, and what changes the direction of the text around it or takes no room (Unicode 16, category
/// Cf), but for what sentences of Persian are written with: joiners (U+200C, U+200D), and the marks that keep signs beside
/// Latin words in their place (U+200E, U+200F), which turn no letter.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_are_shown_not_obeyed() {
        assert_eq!(line("a\x1b[2Jb\x07\u{9b}31m\r\n"), r"a\u{1b}[2Jb\u{7}\u{9b}31m\r\n");
        assert_eq!(line("\u{202e}gpj.exe"), r"\u{202e}gpj.exe");
        for text in ["Schöne Grüße, 東京 \\ 'x'", "فقط https://\u{200e} می\u{200c}تواند بیاید."] {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn json_stays_json() {
        let text = "a\u{9b}\u{202e}\u{e0001}ä\x1b";
        let json = json(&serde_json::to_string_pretty(&[text]).expect("JSON"));
        assert_eq!(json, "[\n  \"a\\u009b\\u202e\\udb40\\udc01ä\\u001b\"\n]");
        assert_eq!(serde_json::from_str::<[String; 1]>(&json).expect("JSON"), [text]);
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(lines("one\r\ntwo\n\x1b]0;x\n"), "one\ntwo\n\\u{1b}]0;x");
    }
}
