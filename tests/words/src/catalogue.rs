//! Files of gettext (PO), as far as this project has them: no plural forms.

use std::collections::BTreeSet;

/// One sentence of a catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// What tells two sentences apart that have the same words (`msgctxt`).
    pub context: Option<String>,
    /// In English; empty for the header.
    pub id: String,
    /// The translation; empty where there is none.
    pub translation: String,
    /// The files that say it.
    pub files: BTreeSet<String>,
    /// What the sources tell a translator.
    pub remarks: Vec<String>,
    /// `fuzzy`: somebody has to look at the translation again.
    pub is_fuzzy: bool,
}

impl Entry {
    /// By which a program finds it.
    pub fn key(&self) -> (Option<&str>, &str) {
        (self.context.as_deref(), &self.id)
    }
}

/// Reads a catalogue. Entries that are not used any more (`#~`) are left out.
///
/// # Errors
///
/// The number of a line that is none of a catalogue.
pub fn parse(text: &str) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    let mut entry = Entry::default();
    let mut part = Part::Comments;
    for (number, line) in text.lines().enumerate() {
        let fault = || format!("line {}: {line}", number + 1);
        let line = line.trim();
        if let Some(comment) = line.strip_prefix('#') {
            entry = begun(entry, &mut part, &mut entries, Part::Comments);
            match comment.split_at_checked(1) {
                Some((":", files)) => entry.files.extend(files.split_whitespace().map(without_line)),
                Some((".", remark)) => entry.remarks.push(remark.trim().to_owned()),
                Some((",", flags)) => entry.is_fuzzy |= flags.split(',').any(|flag| flag.trim() == "fuzzy"),
                _ => {}
            }
            continue;
        }
        let value = match line.split_once(' ') {
            _ if line.is_empty() => continue,
            _ if line.starts_with('"') => line,
            Some(("msgctxt", value)) => {
                entry = begun(entry, &mut part, &mut entries, Part::Context);
                entry.context = Some(String::new());
                value
            }
            Some(("msgid", value)) => {
                let before = if part == Part::Context { part } else { Part::Id };
                entry = begun(entry, &mut part, &mut entries, before);
                part = Part::Id;
                value
            }
            Some(("msgstr", value)) => {
                part = Part::Translation;
                value
            }
            _ => return Err(fault()),
        };
        let value = unquoted(value).ok_or_else(fault)?;
        match part {
            Part::Comments => return Err(fault()),
            Part::Context => entry.context.get_or_insert_default().push_str(&value),
            Part::Id => entry.id.push_str(&value),
            Part::Translation => entry.translation.push_str(&value),
        }
    }
    begun(entry, &mut part, &mut entries, Part::Comments);
    Ok(entries)
}

/// Where in an entry a line belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Comments,
    Context,
    Id,
    Translation,
}

/// Whatever follows a translation begins the next entry.
fn begun(entry: Entry, part: &mut Part, entries: &mut Vec<Entry>, now: Part) -> Entry {
    let ended = *part == Part::Translation;
    *part = now;
    if !ended {
        return entry;
    }
    entries.push(entry);
    Entry::default()
}

fn without_line(file: &str) -> String {
    match file.rsplit_once(':') {
        Some((file, line)) if line.bytes().all(|octet| octet.is_ascii_digit()) => file.to_owned(),
        _ => file.to_owned(),
    }
}

/// A text as PO has it.
pub fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t");
    format!("\"{escaped}\"")
}

fn unquoted(text: &str) -> Option<String> {
    let text = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        out.push(match character {
            '"' => return None,
            '\\' => match characters.next()? {
                'n' => '\n',
                't' => '\t',
                same @ ('"' | '\\') => same,
                _ => return None,
            },
            other => other,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalogue_is_read() {
        let text = "# Somebody\nmsgid \"\"\nmsgstr \"\"\n\"Language: de\\n\"\n\n#. Translators: why\n#: a.rs b.rs:7\n\
                    #, fuzzy, python-brace-format\nmsgctxt \"state\"\nmsgid \"\"\n\"two \"\n\"\\\"lines\\\"\"\nmsgstr \"zwei\"\n\
                    msgid \"no\"\nmsgstr \"\"\n\n#~ msgid \"gone\"\n#~ msgstr \"weg\"\n";
        let entries = parse(text).unwrap();
        assert_eq!(entries.len(), 3);
        assert_eq!(entries[0].translation, "Language: de\n");
        let second = Entry {
            context: Some("state".to_owned()),
            id: "two \"lines\"".to_owned(),
            translation: "zwei".to_owned(),
            files: ["a.rs".to_owned(), "b.rs".to_owned()].into(),
            remarks: vec!["Translators: why".to_owned()],
            is_fuzzy: true,
        };
        assert_eq!(entries[1], second);
        assert_eq!((entries[2].id.as_str(), entries[2].is_fuzzy), ("no", false));
    }

    #[test]
    fn what_is_no_catalogue_is_refused() {
        for wrong in ["msgid \"a\nmsgstr \"\"", "\"a\"", "msgid_plural \"a\"", "msgid \"\\x\"", "msgid \"a\"b\""] {
            assert!(parse(wrong).unwrap_err().starts_with("line 1: "), "{wrong}");
        }
    }

    #[test]
    fn quoted_and_back() {
        let text = "a \"b\"\\\n\tc{}";
        assert_eq!(unquoted(&quoted(text)).as_deref(), Some(text));
    }
}
