//! `docs/settings.md` says what the table of keys says: its two tables are made of it.
//!
//! `UPDATE_DOCS=1 cargo test --test settings_reference` writes them anew.

use std::fmt::Write as _;
use std::path::Path;

use nm_sstp::profile::{Effect, KEYS, Kind, Secret};

const FILE: &str = "docs/settings.md";

#[test]
fn the_reference_is_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let text = std::fs::read_to_string(&path).unwrap();
    let expected = replaced(&replaced(&text, "keys", &keys()), "secrets", &secrets());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &expected).unwrap();
        return;
    }
    let lines = text.lines().zip(expected.lines()).enumerate();
    for (at, (is, should)) in lines {
        assert_eq!(is, should, "{FILE}:{}: UPDATE_DOCS=1 cargo test --test settings_reference mends it", at + 1);
    }
    assert_eq!(text, expected);
}

/// The text with a new table between `<!-- NAME -->` and `<!-- end of NAME -->`.
fn replaced(text: &str, name: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n"));
    let (before, rest) = text.split_once(&begin).expect("the table begins");
    let (_, after) = rest.split_once(&end).expect("the table ends");
    format!("{before}{begin}{table}{end}{after}")
}

fn keys() -> String {
    let mut table = String::from("| Key | Value | Default | Meaning | Here |\n|---|---|---|---|---|\n");
    for key in KEYS {
        let value = match key.kind {
            Kind::Text => "text".to_owned(),
            Kind::Yes => "`yes`, `no`".to_owned(),
            Kind::Number { min, max } => format!("{min} to {max}"),
            Kind::Flags => "flags".to_owned(),
            Kind::Path => "file".to_owned(),
            Kind::Choice(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
            Kind::Secret => "secret".to_owned(),
        };
        let default = key.default.map(|default| format!("`{default}`")).unwrap_or_default();
        let effect = match key.effect {
            Effect::Acts(effect) => effect.to_owned(),
            Effect::NotNeeded(reason) => format!("*no effect:* {reason}"),
            Effect::NotYet(reason) => format!("*not acted on yet:* {reason}"),
            Effect::Refused(reason) => format!("*cannot be connected:* {reason}"),
        };
        let (meaning, effect) = (escaped(key.meaning), escaped(&effect));
        writeln!(table, "| `{}` | {value} | {default} | {meaning} | {effect} |", key.name).unwrap();
    }
    table
}

fn secrets() -> String {
    let mut table = String::from("| Secret | Its flags | Asked for as |\n|---|---|---|\n");
    for secret in Secret::ALL {
        let label = secret.label(&[]).unwrap_or("*never asked for*");
        writeln!(table, "| `{}` | `{}` | {label} |", secret.name(), secret.flags_key()).unwrap();
    }
    table
}

/// Plain text for a cell of a Markdown table.
fn escaped(text: &str) -> String {
    text.replace('|', r"\|").replace('<', r"\<")
}
