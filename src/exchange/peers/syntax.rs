//! The words of pppd's option files: separated by space, in quotation marks of either kind, with backslashes, and comments.

use zeroize::Zeroizing;

use crate::exchange::shell::{MAX_WORDS, Word};

/// The words of a file.
pub fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(next) = rest.peek().copied().filter(|_| words.len() < MAX_WORDS) {
        if next.is_whitespace() {
            rest.next();
        } else if next == '#' {
            rest.by_ref().find(|character| *character == '\n');
        } else {
            let mut word = Word::default();
            let mut quote = rest.next_if(|next| matches!(next, '"' | '\''));
            while let Some(next) = rest.peek().copied() {
                if Some(next) == quote {
                    rest.next();
                    quote = None;
                    // what follows at once belongs to the word
                    continue;
                }
                if quote.is_none() && next.is_whitespace() {
                    break;
                }
                rest.next();
                match next {
                    '"' | '\'' if quote.is_none() => quote = Some(next),
                    '\\' => escape(&mut rest, &mut word),
                    other => word.text.push(other),
                }
            }
            words.push(word);
        }
    }
    words
}

/// What stands behind a backslash: a letter for a control character, up to three octal digits, the end of the line, which
/// is nothing, or what is meant itself.
fn escape(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, word: &mut Word) {
    let Some(next) = rest.next() else { return };
    word.text.push(match next {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        's' => ' ',
        't' => '\t',
        'v' => '\u{b}',
        '\n' => return,
        digit @ '0'..='7' => {
            let mut value = digit as u32 - '0' as u32;
            for _ in 0..2 {
                let Some(digit) = rest.next_if(|next| ('0'..='7').contains(next)) else { break };
                value = value << 3 | (digit as u32 - '0' as u32);
            }
            char::from(value as u8)
        }
        other => other,
    });
}

/// A word in quotation marks. Line ends cannot stand in it.
pub fn quote(text: &str) -> Zeroizing<String> {
    let mut quoted = Zeroizing::new(String::with_capacity(2 * text.len() + 2));
    quoted.push('"');
    for character in text.chars() {
        match character {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '"' | '\\' => quoted.extend(['\\', character]),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        words(text).iter().map(|word| word.text.to_string()).collect()
    }

    #[test]
    fn words_are_those_of_pppd() {
        let text = "# a comment\nuser \"CORP\\\\alice\"\npty 'a \"b\" c' # more\nx\\ y \\101 a\\\nb\n";
        assert_eq!(read(text), ["user", "CORP\\alice", "pty", "a \"b\" c", "x y", "A", "ab"]);
        assert_eq!(read("\"open"), ["open"]);
        assert_eq!(read("''"), [""]);
    }

    #[test]
    fn what_is_quoted_is_one_word() {
        for text in ["a", "", "a b", "it's \"x\"", "\\n", "#\n\r", "\u{fc}"] {
            assert_eq!(read(&quote(text)), [text]);
        }
    }
}
