//! The sentences of `tr!`, `notice!` and `sentences!` in a Rust source.
//!
//! The source is read as tokens, not as a tree: a `tr!` inside the arguments of another macro is found, too.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use crate::catalogue::quoted;
use crate::faults::placeholders;

/// A sentence that the program says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// In English, as it stands in the source.
    pub text: String,
    /// The source's path.
    pub file: String,
    /// What a translator should know: the comment above that begins with `Translators:`.
    pub remark: Option<String>,
}

/// All sentences of a source, but for those of its tests.
///
/// # Errors
///
/// Where a source cannot be read, or a `tr!` does not fill the places in its text.
pub fn sentences(file: &str, source: &str) -> Result<Vec<Sentence>, String> {
    let tokens: TokenStream = source.parse().map_err(|error| format!("{file}: {error}"))?;
    let mut reader = Reader { file, lines: source.lines().collect(), found: Vec::new(), faults: Vec::new() };
    reader.walk(tokens);
    if reader.faults.is_empty() { Ok(reader.found) } else { Err(reader.faults.join("\n")) }
}

/// A template of these sentences: each once, with the files that say it. Lines have no numbers there, or each change of a
/// source would be one of every translation.
pub fn template(sentences: &[Sentence]) -> String {
    let mut order = Vec::new();
    let mut by_text: BTreeMap<&str, (BTreeSet<&str>, BTreeSet<&str>)> = BTreeMap::new();
    for sentence in sentences {
        let (files, remarks) = by_text.entry(&sentence.text).or_insert_with(|| {
            order.push(sentence.text.as_str());
            Default::default()
        });
        files.insert(&sentence.file);
        remarks.extend(sentence.remark.as_deref());
    }
    let mut text = String::from("msgid \"\"\nmsgstr \"Content-Type: text/plain; charset=UTF-8\\n\"\n");
    for id in order {
        let (files, remarks) = &by_text[id];
        text.push('\n');
        remarks.iter().for_each(|remark| _ = writeln!(text, "#. {remark}"));
        files.iter().for_each(|file| _ = writeln!(text, "#: {file}"));
        if id.contains(['{', '}']) {
            // Python's braces are ours, and msgfmt and the translators' programs know them.
            text.push_str("#, python-brace-format\n");
        }
        _ = writeln!(text, "msgid {}\nmsgstr \"\"", quoted(id));
    }
    text
}

struct Reader<'a> {
    file: &'a str,
    lines: Vec<&'a str>,
    found: Vec<Sentence>,
    faults: Vec<String>,
}

impl Reader<'_> {
    fn walk(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut rest = &tokens[..];
        loop {
            rest = match rest {
                [] => return,
                [TokenTree::Punct(hash), TokenTree::Group(attribute), after @ ..]
                    if hash.as_char() == '#' && is_for_tests(attribute) =>
                {
                    behind_item(after)
                }
                [TokenTree::Ident(name), TokenTree::Punct(mark), TokenTree::Group(arguments), after @ ..]
                    if (*name == "tr" || *name == "notice") && mark.as_char() == '!' =>
                {
                    self.call(arguments, name.span().start().line);
                    self.walk(arguments.stream());
                    after
                }
                [TokenTree::Ident(name), TokenTree::Punct(mark), TokenTree::Group(list), after @ ..]
                    if *name == "sentences" && mark.as_char() == '!' =>
                {
                    self.list(list);
                    after
                }
                [TokenTree::Group(group), after @ ..] => {
                    self.walk(group.stream());
                    after
                }
                [_, after @ ..] => after,
            };
        }
    }

    fn call(&mut self, arguments: &Group, line: usize) {
        let tokens: Vec<_> = arguments.stream().into_iter().collect();
        let text = match tokens.first() {
            Some(TokenTree::Literal(literal)) => match syn::Lit::new(literal.clone()) {
                syn::Lit::Str(text) => text.value(),
                _ => return self.fault(line, "its text is no string"),
            },
            _ => return self.fault(line, "its text is no literal"),
        };
        let given: BTreeSet<_> = tokens
            .windows(3)
            .filter_map(|window| match window {
                [TokenTree::Punct(comma), TokenTree::Ident(name), TokenTree::Punct(equals)]
                    if comma.as_char() == ',' && equals.as_char() == '=' =>
                {
                    Some(name.to_string())
                }
                _ => None,
            })
            .collect();
        let wanted: BTreeSet<_> = placeholders(&text).into_iter().collect();
        if given != wanted {
            return self.fault(line, &format!("{text:?} has places for {wanted:?} and is given {given:?}"));
        }
        if text.is_empty() {
            return self.fault(line, "an empty text is the name of the catalogue's header");
        }
        self.found.push(Sentence { text, file: self.file.to_owned(), remark: self.remark_above(line) });
    }

    /// Every text of a list, whose places are filled elsewhere.
    fn list(&mut self, list: &Group) {
        for token in list.stream() {
            let TokenTree::Literal(literal) = token else { continue };
            let line = literal.span().start().line;
            match syn::Lit::new(literal) {
                syn::Lit::Str(text) => {
                    let (text, file) = (text.value(), self.file.to_owned());
                    self.found.push(Sentence { text, file, remark: self.remark_above(line) });
                }
                _ => self.fault(line, "its text is no string"),
            }
        }
    }

    /// The comment that ends right above a line (which is counted from one).
    fn remark_above(&self, line: usize) -> Option<String> {
        let above = self.lines[..line - 1].iter().rev().map_while(|line| line.trim().strip_prefix("//"));
        let mut comment: Vec<_> = above.map(str::trim).collect();
        comment.reverse();
        let comment = comment.join(" ");
        comment.find("Translators:").map(|at| comment[at..].to_owned())
    }

    fn fault(&mut self, line: usize, what: &str) {
        self.faults.push(format!("{}:{line}: tr!: {what}", self.file));
    }
}

/// Whether an attribute is `#[cfg(test)]` or has that as one of its conditions.
fn is_for_tests(attribute: &Group) -> bool {
    let words = attribute.stream().to_string();
    let mut words = words.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.next() == Some("cfg") && words.clone().any(|word| word == "test") && !words.any(|word| word == "not")
}

/// What stands behind an item: behind its body or its semicolon.
fn behind_item(tokens: &[TokenTree]) -> &[TokenTree] {
    let end = tokens.iter().position(|token| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(mark) => mark.as_char() == ';',
        _ => false,
    });
    end.map_or(&[], |end| &tokens[end + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<String> {
        sentences("x.rs", source).unwrap().into_iter().map(|sentence| sentence.text).collect()
    }

    #[test]
    fn sentences_are_found_wherever_they_stand() {
        let source = r##"
            fn f() -> String { let s = "tr!(\"no\")"; format!("{}", tr!("inside another macro")) }
            /// `tr!("in a comment")`
            #[doc(hidden)]
            fn g() { h(nm_sstp::tr!("of {name}", name = tr!("inside itself")), crate::tr!(r#"raw "one""#)) }
            fn k() { tr!("with a \
                          line that goes on\n"); tr!["{{not}} a place"] }
        "##;
        let found = [
            "inside another macro",
            "of {name}",
            "inside itself",
            "raw \"one\"",
            "with a line that goes on\n",
            "{{not}} a place",
        ];
        assert_eq!(texts(source), found);
    }

    #[test]
    fn a_list_is_of_sentences() {
        let source = "const ALL: &[&str] = sentences![\n// Translators: of a thing\n\"one {thing}\", \"two\"];";
        let found = sentences("x.rs", source).unwrap();
        assert_eq!(found[0].remark.as_deref(), Some("Translators: of a thing"));
        assert_eq!(texts(source), ["one {thing}", "two"]);
        assert!(sentences("x.rs", "sentences![1]").is_err());
    }

    #[test]
    fn tests_say_nothing_to_people() {
        let source =
            "#[cfg(test)] mod tests { fn f() { tr!(\"a\"); } } #[cfg(all(test, x))] use y; fn g() { tr!(\"b\"); }
            #[cfg(not(test))] fn h() { tr!(\"c\"); } #[cfg(feature = \"words\")] fn i() { tr!(\"d\"); }";
        assert_eq!(texts(source), ["b", "c", "d"]);
    }

    #[test]
    fn places_have_arguments_and_arguments_places() {
        for wrong in ["tr!(\"{a}\")", "tr!(\"{a}\", b = 1)", "tr!(\"none\", a = 1)", "tr!(TEXT)", "tr!(1)", "tr!(\"\")"]
        {
            assert!(sentences("x.rs", wrong).unwrap_err().starts_with("x.rs:1: tr!: "), "{wrong}");
        }
        assert_eq!(texts("tr!(\"{a} {b} {a}\", a = f(x, y), b = (c == d))"), ["{a} {b} {a}"]);
    }

    #[test]
    fn a_translator_is_told_what_the_comment_says() {
        let source =
            "// Not this.\n\n// Why.\n// Translators: a column\n// of a table\ntr!(\"Name\");\ntr!(\"State\");";
        let found = sentences("x.rs", source).unwrap();
        assert_eq!(found[0].remark.as_deref(), Some("Translators: a column of a table"));
        assert_eq!(found[1].remark, None);
    }

    #[test]
    fn a_template_has_a_sentence_once() {
        let one = sentences("a.rs", "tr!(\"say {x}\", x = 1); tr!(\"a \\\"b\\\"\\n\")").unwrap();
        let two = sentences("b.rs", "tr!(\"say {x}\", x = 2)").unwrap();
        let text = template(&[one, two].concat());
        let (_, entries) = text.split_once("\n\n").unwrap();
        let expected = "#: a.rs\n#: b.rs\n#, python-brace-format\nmsgid \"say {x}\"\nmsgstr \"\"\n\n\
                        #: a.rs\nmsgid \"a \\\"b\\\"\\n\"\nmsgstr \"\"\n";
        assert_eq!(entries, expected);
    }
}
