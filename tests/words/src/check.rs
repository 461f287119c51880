//! Whether the template has what the sources say, and every translation what the template has.

use std::collections::BTreeMap;
use std::fs::read_to_string;
use std::path::Path;

use crate::catalogue::{self, Entry};
use crate::{faults, mnemonics};

/// The name of the template in the directory of the translations.
const TEMPLATE: &str = "nm-sstp.pot";

/// Compares a new template with that of a directory, and the translations with the new one. What it returns is a
/// sentence for who reads the output.
///
/// # Errors
///
/// All faults, a line for each.
pub fn run(new: &Path, directory: &Path) -> Result<String, String> {
    let wanted = catalogue_of(new)?;
    let old = directory.join(TEMPLATE);
    let mut faults = template_faults(&wanted, &catalogue_of(&old)?);
    let windows = mnemonics::parts(&read(Path::new(mnemonics::WINDOWS))?);
    faults.extend(mnemonics::unplaced(&wanted));
    faults.extend(mnemonics::clashes(&windows, "English", &[]));
    let linguas = read(&directory.join("LINGUAS"))?;
    let languages: Vec<_> =
        linguas.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace).collect();
    for language in &languages {
        match catalogue_of(&directory.join(format!("{language}.po"))) {
            Ok(is) => {
                faults.extend(translation_faults(&wanted, language, &is));
                faults.extend(mnemonics::clashes(&windows, &format!("{language}.po"), &is));
            }
            Err(fault) => faults.push(fault),
        }
    }
    faults.extend(forgotten(directory, &languages)?);
    let sentences = wanted.iter().filter(|entry| !entry.id.is_empty()).count();
    if faults.is_empty() {
        Ok(format!("{sentences} sentences in English and {}\n", languages.join(", ")))
    } else {
        Err(faults.join("\n"))
    }
}

fn read(path: &Path) -> Result<String, String> {
    read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn catalogue_of(path: &Path) -> Result<Vec<Entry>, String> {
    catalogue::parse(&read(path)?).map_err(|fault| format!("{}: {fault}", path.display()))
}

/// What the committed template has other than the sources.
fn template_faults(wanted: &[Entry], is: &[Entry]) -> Vec<String> {
    let known: BTreeMap<_, _> = is.iter().map(|entry| (entry.key(), entry)).collect();
    let said: BTreeMap<_, _> = wanted.iter().map(|entry| (entry.key(), entry)).collect();
    let lacks = said.iter().filter_map(|(key, entry)| match known.get(key) {
        None => Some(format!("{TEMPLATE} lacks {:?}", key.1)),
        Some(old) if (&old.files, &old.remarks) != (&entry.files, &entry.remarks) => {
            Some(format!("{TEMPLATE} does not know where {:?} is said, or what to say of it", key.1))
        }
        Some(_) => None,
    });
    let surplus = known.keys().filter(|key| !said.contains_key(*key));
    let mut faults: Vec<_> = lacks.collect();
    faults.extend(surplus.map(|key| format!("{TEMPLATE} has {:?}, which is not said any more", key.1)));
    if !faults.is_empty() {
        faults.push("\"make po\" writes the template anew".to_owned());
    }
    faults
}

/// What a translation lacks, and what is wrong in it.
fn translation_faults(wanted: &[Entry], language: &str, is: &[Entry]) -> Vec<String> {
    let known: BTreeMap<_, _> = is.iter().map(|entry| (entry.key(), entry)).collect();
    let said: BTreeMap<_, _> = wanted.iter().map(|entry| (entry.key(), entry)).collect();
    let mut faults = Vec::new();
    let mut fault = |id: &str, what: &str| faults.push(format!("{language}.po: {id:?}: {what}"));
    for (key, entry) in said.iter().filter(|(key, _)| !key.1.is_empty()) {
        match known.get(key) {
            None => fault(key.1, "it is not there"),
            Some(old) if old.translation.is_empty() => fault(key.1, "it is not translated"),
            Some(old) if old.is_fuzzy => fault(key.1, "it is fuzzy: look at the translation, and take the mark away"),
            Some(old) => {
                let in_window = entry.files.iter().any(|file| file.starts_with("nm-plugin/"));
                faults::of(key.1, &old.translation, in_window).iter().for_each(|what| fault(key.1, what));
            }
        }
    }
    for key in known.keys().filter(|key| !said.contains_key(*key)) {
        fault(key.1, "nobody says this");
    }
    let header = known.get(&(None, "")).map(|entry| entry.translation.as_str()).unwrap_or_default();
    if !header.lines().any(|line| line == format!("Language: {language}")) {
        fault("", "its header has another language, or none");
    }
    faults
}

/// Translations that `LINGUAS` does not name are never installed.
fn forgotten(directory: &Path, languages: &[&str]) -> Result<Vec<String>, String> {
    let fault = |error: std::io::Error| format!("{}: {error}", directory.display());
    let mut forgotten = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(fault)? {
        let name = entry.map_err(fault)?.file_name().to_string_lossy().into_owned();
        if name.strip_suffix(".po").is_some_and(|language| !languages.contains(&language)) {
            forgotten.push(format!("{name} is not in LINGUAS"));
        }
    }
    Ok(forgotten)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Vec<Entry> {
        catalogue::parse(&format!("msgid \"\"\nmsgstr \"Language: de\\n\"\n{text}")).unwrap()
    }

    #[test]
    fn a_template_that_is_not_the_sources_is_told() {
        let wanted = entries("#: a.rs\nmsgid \"a\"\nmsgstr \"\"\n");
        assert_eq!(template_faults(&wanted, &wanted), [""; 0]);
        for (other, says) in [
            ("", "lacks \"a\""),
            ("#: b.rs\nmsgid \"a\"\nmsgstr \"\"\n", "where"),
            ("#. Translators: b\n#: a.rs\nmsgid \"a\"\nmsgstr \"\"\n", "what to say"),
            ("#: a.rs\nmsgid \"a\"\nmsgstr \"\"\nmsgid \"b\"\nmsgstr \"\"\n", "any more"),
        ] {
            let faults = template_faults(&wanted, &entries(other));
            assert!(faults.len() == 2 && faults[0].contains(says), "{other}: {faults:?}");
        }
    }

    #[test]
    fn a_translation_that_is_not_complete_is_told() {
        let wanted = entries("#: a.rs\nmsgid \"a\"\nmsgstr \"\"\n");
        assert_eq!(translation_faults(&wanted, "de", &entries("msgid \"a\"\nmsgstr \"ä\"\n")), [""; 0]);
        for (translation, says) in [
            ("", "not there"),
            ("msgid \"a\"\nmsgstr \"\"\n", "not translated"),
            ("#, fuzzy\nmsgid \"a\"\nmsgstr \"ä\"\n", "fuzzy"),
            ("msgid \"a\"\nmsgstr \"ä.\"\n", "punctuation"),
            ("msgid \"a\"\nmsgstr \"ä\"\nmsgid \"b\"\nmsgstr \"b\"\n", "nobody"),
        ] {
            let faults = translation_faults(&wanted, "de", &entries(translation));
            assert!(faults.len() == 1 && faults[0].contains(says), "{translation}: {faults:?}");
        }
        let faults = translation_faults(&wanted, "fr", &entries("msgid \"a\"\nmsgstr \"à\"\n"));
        assert!(faults[0].contains("language"), "{faults:?}");
    }
}
