//! Texts of servers, made fit to be shown in a window or on a terminal.

/// Most characters of a text that are shown.
const MAX_CHARACTERS: usize = 1000;
/// Most lines that are shown: the field to type in must stay in sight.
const MAX_LINES: usize = 20;

/// `text` without anything that a terminal or a window could take for a command: of all control characters only line
/// ends are left, and nothing turns the direction of what follows. What is too long is cut and ends with an ellipsis.
pub fn plain(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let mut shown = String::new();
    let mut lines = 1;
    for (count, character) in text.chars().enumerate() {
        let character = match character {
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
            '\t' => ' ',
            // The embeddings, overrides and isolates of the bidirectional algorithm.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
            other if other.is_control() => char::REPLACEMENT_CHARACTER,
            other => other,
        };
        lines += usize::from(character == '\n');
        if count == MAX_CHARACTERS || lines > MAX_LINES {
            shown.push('…');
            break;
        }
        shown.push(character);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_harmless_stays() {
        for text in ["", "Enter the code.", "  Größe “x” <b>&amp;\n\nلغة \u{200f}!", "\u{1f600}"] {
            assert_eq!(plain(text), text);
        }
        assert_eq!(plain("a\r\nb\rc\u{2028}d\te"), "a\nb\nc\nd e");
    }

    #[test]
    fn commands_are_replaced() {
        for text in ["\x1b", "\x07", "\0", "\x7f", "\u{9b}", "\x08", "\x0b", "\u{202e}", "\u{2066}"] {
            assert_eq!(plain(&format!("a{text}[2Jb")), "a\u{fffd}[2Jb", "{text:?}");
        }
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let longest = "ä".repeat(MAX_CHARACTERS);
        assert_eq!(plain(&longest), longest);
        assert_eq!(plain(&(longest.clone() + "x")), longest + "…");
        let most_lines = ["line"; MAX_LINES].join("\n");
        assert_eq!(plain(&most_lines), most_lines);
        assert_eq!(plain(&(most_lines.clone() + "\nx")), most_lines + "…");
    }
}
