//! Command lines as a POSIX shell reads them: words, quotation marks, the ends of commands, and variables that the text
//! itself has set. Nothing is run.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

use zeroize::Zeroizing;

/// A word of a command; it may be a secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Word {
    /// What the shell makes of it.
    pub text: Zeroizing<String>,
    /// There is a variable in it, or the output of a command, whose value is not known.
    pub unknown: bool,
}

impl Word {
    /// What the shell makes of it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Octets that there is room for in a word from the start.
const ROOM: usize = 128;

/// Most words of a command; the rest is not looked at.
pub(super) const MAX_WORDS: usize = 4096;

/// Most octets of a word with a variable in it.
const MAX_EXPANDED: usize = 4096;

/// Variables and their values.
#[derive(Default)]
pub(super) struct Variables(BTreeMap<String, Word>);

/// The lines of a text; a line that ends with a backslash goes on with the next.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let ends = |line: &str| {
        let line = line.trim_end_matches(['\n', '\r']);
        line.bytes().rev().take_while(|octet| *octet == b'\\').count() % 2 == 0
    };
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut length = 0;
        for line in rest.split_inclusive('\n') {
            length += line.len();
            if ends(line) {
                break;
            }
        }
        let (line, behind) = rest.split_at(length);
        rest = behind;
        (length > 0).then(|| line.trim_end_matches(['\n', '\r']))
    })
}

/// Whether a program of this name is called, in quotation marks or not.
pub(super) fn names_program(line: &str, program: &str) -> bool {
    let between = |character: char| character.is_whitespace() || "\"'`=;|&()@:+!-".contains(character);
    line.match_indices(program).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_none_or(|before| before == '/' || between(before));
        let after = line[at + program.len()..].chars().next().is_none_or(between);
        before && after
    })
}

/// The commands of a line. Assignments are remembered, and values put in their places.
pub(super) fn commands(line: &str, variables: &mut Variables) -> Vec<Vec<Word>> {
    let mut commands = vec![Vec::new()];
    let mut rest = line.chars().peekable();
    while let Some(next) = rest.peek().copied() {
        match next {
            '#' => break,
            ';' | '|' | '&' | '(' | ')' | '<' | '>' => {
                rest.next();
                commands.push(Vec::new());
            }
            space if space.is_whitespace() => drop(rest.next()),
            '\\' if at_line_end(&rest) => skip_line_end(&mut rest),
            _ => {
                let word = word(&mut rest, variables);
                if let Some(command) = commands.last_mut().filter(|command| command.len() < MAX_WORDS) {
                    command.push(word);
                }
            }
        }
    }
    for command in &mut commands {
        variables.take(command);
    }
    commands.retain(|command| !command.is_empty());
    commands
}

impl Variables {
    /// Remembers the assignments at the beginning of a command, and takes them away.
    fn take(&mut self, command: &mut Vec<Word>) {
        if command.first().is_some_and(|word| matches!(word.as_str(), "export" | "local" | "readonly")) {
            command.remove(0);
        }
        while let Some((name, value)) = command.first().and_then(|word| word.text.split_once('=')) {
            if !is_name(name) {
                return;
            }
            let value = Word { text: Zeroizing::new(value.to_owned()), unknown: command[0].unknown };
            self.0.insert(name.to_owned(), value);
            command.remove(0);
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|first: char| first.is_ascii_digit())
        && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'_')
}

/// One word, up to the space or the operator behind it.
fn word(rest: &mut Peekable<Chars<'_>>, variables: &Variables) -> Word {
    // It seldom grows, which would leave a copy of a secret behind.
    let mut word = Word { text: Zeroizing::new(String::with_capacity(ROOM)), unknown: false };
    while let Some(next) = rest.peek().copied() {
        match next {
            '\\' if at_line_end(rest) => skip_line_end(rest),
            '\'' => {
                rest.next();
                word.text.extend(rest.by_ref().take_while(|character| *character != '\''));
            }
            '"' => {
                rest.next();
                quoted(rest, variables, &mut word);
            }
            '\\' => {
                rest.next();
                word.text.extend(rest.next());
            }
            '$' | '`' => expansion(rest, variables, &mut word),
            end if end.is_whitespace() || ";|&()<>".contains(end) => break,
            other => {
                rest.next();
                word.text.push(other);
            }
        }
    }
    word
}

/// What stands between double quotation marks, and the second of them.
fn quoted(rest: &mut Peekable<Chars<'_>>, variables: &Variables, word: &mut Word) {
    while let Some(next) = rest.peek().copied() {
        match next {
            '$' | '`' => expansion(rest, variables, word),
            '\\' if at_line_end(rest) => skip_line_end(rest),
            '"' => {
                rest.next();
                return;
            }
            '\\' => {
                rest.next();
                let escaped = rest.next();
                if escaped.is_some_and(|character| !"$`\"\\".contains(character)) {
                    word.text.push('\\');
                }
                word.text.extend(escaped);
            }
            other => {
                rest.next();
                word.text.push(other);
            }
        }
    }
}

/// A variable, or what only a shell could know.
fn expansion(rest: &mut Peekable<Chars<'_>>, variables: &Variables, word: &mut Word) {
    let sign = rest.next();
    let braced = sign == Some('$') && rest.next_if_eq(&'{').is_some();
    let mut name = String::new();
    while let Some(character) = rest.next_if(|next| next.is_ascii_alphanumeric() || *next == '_') {
        name.push(character);
    }
    let closed = !braced || rest.next_if_eq(&'}').is_some();
    match variables.0.get(&name) {
        // no word of a real command is longer, and this one could be doubled again and again
        Some(value) if closed && word.text.len() + value.text.len() <= MAX_EXPANDED => {
            word.text.push_str(&value.text);
            word.unknown |= value.unknown;
        }
        _ => {
            word.text.extend(sign);
            word.text.push_str(&name);
            word.unknown = true;
        }
    }
}

/// Whether a backslash is the last of its line.
fn at_line_end(rest: &Peekable<Chars<'_>>) -> bool {
    let mut ahead = rest.clone().skip(1);
    matches!((ahead.next(), ahead.next()), (Some('\n'), _) | (Some('\r'), Some('\n')))
}

fn skip_line_end(rest: &mut Peekable<Chars<'_>>) {
    rest.next();
    rest.next_if_eq(&'\r');
    rest.next();
}

/// A word in the quotation marks that keep it one.
pub(super) fn quote(text: &str) -> Zeroizing<String> {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-_./:@%+,[]".contains(&octet);
    if !text.is_empty() && text.bytes().all(plain) && !text.contains(['[', ']']) {
        return Zeroizing::new(text.to_owned());
    }
    Zeroizing::new(["'", &Zeroizing::new(text.replace('\'', r"'\''")), "'"].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<Vec<String>> {
        let commands = commands(line, &mut Variables::default());
        commands.iter().map(|command| command.iter().map(|word| word.text.to_string()).collect()).collect()
    }

    #[test]
    fn words_are_those_of_a_shell() {
        for (line, expected) in [
            ("a  b\tc", &[&["a", "b", "c"][..]][..]),
            (r#"a 'b c' "d e"f g\ h"#, &[&["a", "b c", "d ef", "g h"]]),
            (r#"a "\"\\\x\$" '\' # not"#, &[&["a", r#""\\x$"#, r"\"]]),
            ("a && b; c | d", &[&["a"], &["b"], &["c"], &["d"]]),
            ("x#y ''", &[&["x#y", ""]]),
            ("open 'to the end", &[&["open", "to the end"]]),
            ("", &[]),
        ] {
            assert_eq!(words(line), expected, "{line}");
        }
    }

    #[test]
    fn variables_of_the_text_are_known() {
        let mut variables = Variables::default();
        commands("SERVER=vpn.example.com; export NAME=\"a b\"", &mut variables);
        let [command] = &commands("call ${SERVER}:443 \"$NAME\" '$NAME' $OTHER $(date) `id`", &mut variables)[..1]
        else {
            panic!("no command");
        };
        let words: Vec<_> = command.iter().map(|word| (word.as_str(), word.unknown)).collect();
        let known = [("call", false), ("vpn.example.com:443", false), ("a b", false), ("$NAME", false)];
        assert_eq!(words, [&known[..], &[("$OTHER", true), ("$", true)]].concat());
    }

    #[test]
    fn lines_go_on_behind_a_backslash() {
        let lines: Vec<_> = lines("a \\\n  b\nc\\\\\r\n\nd\\").collect();
        assert_eq!(lines, ["a \\\n  b", "c\\\\", "", "d\\"]);
        assert_eq!(words("a \\\n b\\\r\nc \"d\\\ne\""), [["a", "bc", "de"]]);
    }

    #[test]
    fn a_word_does_not_grow_without_end() {
        let mut variables = Variables::default();
        commands("A=0123456789abcdef", &mut variables);
        let words =
            (0..64).map(|_| commands("A=$A$A; x $A", &mut variables).remove(0).remove(1)).last().expect("a word");
        assert!(words.unknown && words.text.len() <= MAX_EXPANDED + 16, "{}", words.text.len());
    }

    #[test]
    fn a_program_is_named_by_its_whole_name() {
        for line in ["sstpc host", "sudo /usr/sbin/sstpc x", "pty \"sstpc x\"", "ExecStart=-/usr/bin/sstpc"] {
            assert!(names_program(line, "sstpc"), "{line}");
        }
        for line in ["sstpctl connect", "my-sstpcx", "xsstpc", ""] {
            assert!(!names_program(line, "sstpc"), "{line}");
        }
    }

    #[test]
    fn what_is_quoted_is_one_word() {
        for text in ["a", "", "a b", "it's", "$x `y` \\ \"", "\u{fc};#", "[::1]:443"] {
            assert_eq!(words(&quote(text)), [[text]], "{text}");
        }
    }
}
