//! `docs/settings.md` and the man page nm-sstp(5) say what the table of keys says: their lists are made of it.
//!
//! `UPDATE_DOCS=1 cargo test --test settings_reference` writes them anew.

#![cfg(feature = "words")]

use std::fmt::Write as _;
use std::path::Path;

use nm_sstp::profile::{Effect, KEYS, Key, Kind, Secret};

#[test]
fn the_reference_is_the_table() {
    let marks = |name: &str| (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n"));
    check("docs/settings.md", marks, &[("keys", markdown_keys()), ("secrets", markdown_secrets())]);
}

#[test]
fn the_man_page_is_the_table() {
    let marks = |name: &str| (format!(".\\\" {name}\n"), format!(".\\\" end of {name}\n"));
    check("data/man/nm-sstp.5", marks, &[("keys", roff_keys()), ("secrets", roff_secrets())]);
}

/// That a file has these texts between its marks; or it is made so.
#[track_caller]
fn check(file: &str, marks: impl Fn(&str) -> (String, String), parts: &[(&str, String)]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let expected = parts.iter().fold(text.clone(), |text, (name, part)| replaced(&text, &marks(name), part));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &expected).unwrap();
        return;
    }
    let lines = text.lines().zip(expected.lines()).enumerate();
    for (at, (is, should)) in lines {
        assert_eq!(is, should, "{file}:{}: UPDATE_DOCS=1 cargo test --test settings_reference mends it", at + 1);
    }
    assert_eq!(text, expected);
}

/// The text with a new part between its two marks.
fn replaced(text: &str, (begin, end): &(String, String), part: &str) -> String {
    let (before, rest) = text.split_once(begin).expect("the part begins");
    let (_, after) = rest.split_once(end).expect("the part ends");
    format!("{before}{begin}{part}{end}{after}")
}

/// What a value looks like, its words between these marks.
fn value(key: &Key, mark: &str) -> String {
    let marked = |words: &[&str]| words.iter().map(|word| format!("{mark}{word}{mark}")).collect::<Vec<_>>().join(", ");
    match key.kind {
        Kind::Text => "text".to_owned(),
        Kind::Yes => marked(&["yes", "no"]),
        Kind::Number { min, max } => format!("{min} to {max}"),
        Kind::Flags => "flags".to_owned(),
        Kind::Path => "file".to_owned(),
        Kind::Choice(words) => marked(words),
        Kind::Secret => "secret".to_owned(),
    }
}

fn markdown_keys() -> String {
    let mut table = String::from("| Key | Value | Default | Meaning | Here |\n|---|---|---|---|---|\n");
    for key in KEYS {
        let value = value(key, "`");
        let default = key.default.map(|default| format!("`{default}`")).unwrap_or_default();
        let effect = match key.effect {
            Effect::Acts(effect) => effect.to_owned(),
            Effect::NotNeeded(reason) => format!("*no effect:* {reason}"),
        };
        let (meaning, effect) = (escaped(key.meaning), escaped(&effect));
        writeln!(table, "| `{}` | {value} | {default} | {meaning} | {effect} |", key.name).unwrap();
    }
    table
}

fn markdown_secrets() -> String {
    let mut table = String::from("| Secret | Its flags | Asked for as |\n|---|---|---|\n");
    for secret in Secret::ALL {
        let label = secret.label(&[]).unwrap_or_else(|| "*never asked for*".to_owned());
        writeln!(table, "| `{}` | `{}` | {label} |", secret.name(), secret.flags_key()).unwrap();
    }
    table
}

/// Plain text for a cell of a Markdown table.
fn escaped(text: &str) -> String {
    text.replace('|', r"\|").replace('<', r"\<")
}

fn roff_keys() -> String {
    let mut list = String::new();
    for key in KEYS {
        let default = key.default.map(|default| format!("; default: {default}")).unwrap_or_default();
        let effect = match key.effect {
            Effect::Acts(effect) => effect.to_owned(),
            Effect::NotNeeded(reason) => format!("has no effect: {reason}"),
        };
        let name = roff(key.name);
        let (value, default) = (roff(&value(key, "")), roff(&default));
        writeln!(list, ".TP\n.BR {name} \" ({value}{default})\"\n{}.", roff(&sentence(key.meaning))).unwrap();
        writeln!(list, "Effect: {}.", roff(&effect)).unwrap();
    }
    list
}

fn roff_secrets() -> String {
    let mut list = String::new();
    for secret in Secret::ALL {
        let asked =
            secret.label(&[]).map_or("It is never asked for".to_owned(), |label| format!("Asked for as: {label}"));
        let (name, flags) = (roff(secret.name()), roff(secret.flags_key()));
        writeln!(list, ".TP\n.B {name}\n{}.\nIts flags:\n.BR {flags} .", roff(&asked)).unwrap();
    }
    list
}

/// With a capital letter.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

/// Plain text for troff: nothing in it is an escape, a request or an end of an argument.
fn roff(text: &str) -> String {
    let text = text.replace('\\', r"\e").replace('-', r"\-").replace('"', r"\(dq").replace('\'', r"\(aq");
    if text.starts_with('.') { format!(r"\&{text}") } else { text }
}
