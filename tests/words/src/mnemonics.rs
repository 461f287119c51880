//! Mnemonics, the letters that bring the keyboard to a field with Alt: what is in one window at once must have different
//! ones, in every language.

use std::collections::BTreeMap;

use crate::catalogue::Entry;

/// Where the editor's windows are described.
pub const WINDOWS: &str = "nm-plugin/editor/ui/editor.ui";
/// Where the code is that adds to them.
const CODE: &str = "nm-plugin/editor/widgets/";

/// What the code adds, and where: the part's name begins so.
const ADDED: [(&str, &str); 3] = [
    ("Veri_fy the certificate", "page"),
    ("_Close", "tabs "),
    ("The file has more than one connection. This is _the one that is imported:", "a window of its own"),
];

/// Sentences with a mnemonic by the part of the windows that they are in: `page`, or `tabs 1` and so on.
pub type Parts = BTreeMap<String, Vec<String>>;

/// The parts of the windows that a file of GTK describes, with what the code adds to them.
pub fn parts(ui: &str) -> Parts {
    let mut parts = Parts::new();
    let mut open: Vec<&str> = Vec::new();
    let mut tab = 0;
    for piece in ui.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap_or((piece, ""));
        let depth_of_tabs = open.iter().position(|id| *id == "tabs");
        if tag.starts_with(['?', '!']) || tag.ends_with('/') {
            continue;
        }
        if tag.starts_with('/') {
            open.pop();
            continue;
        }
        if tag == "child" && depth_of_tabs.is_some_and(|depth| open.len() == depth + 1) {
            tab += 1;
        }
        if tag.starts_with("property name=\"label\" translatable=\"yes\"") && key(&unescaped(text)).is_some() {
            let part = if depth_of_tabs.is_some() { format!("tabs {tab}") } else { open[1].to_owned() };
            parts.entry(part).or_default().push(unescaped(text));
        }
        open.push(attribute(tag, "id").unwrap_or_default());
    }
    for (part, sentences) in &mut parts {
        let here = ADDED.iter().filter(|(_, added_to)| part.starts_with(added_to));
        sentences.extend(here.map(|(sentence, _)| (*sentence).to_owned()));
    }
    parts
}

/// Sentences of the code with a mnemonic of which it is not known where they are shown.
pub fn unplaced(template: &[Entry]) -> Vec<String> {
    let is_code = |entry: &&Entry| entry.files.iter().any(|file| file.starts_with(CODE)) && key(&entry.id).is_some();
    let is_placed = |entry: &&Entry| ADDED.iter().any(|(sentence, _)| *sentence == entry.id);
    let unplaced = template.iter().filter(is_code).filter(|entry| !is_placed(entry));
    unplaced.map(|entry| format!("{:?}: tests/words/src/mnemonics.rs has to say where it is shown", entry.id)).collect()
}

/// The clashes in a language, a line for each.
pub fn clashes(parts: &Parts, language: &str, translations: &[Entry]) -> Vec<String> {
    let known: BTreeMap<&str, &str> =
        translations.iter().map(|entry| (entry.id.as_str(), entry.translation.as_str())).collect();
    let mut clashes = Vec::new();
    for (part, sentences) in parts {
        let mut taken: BTreeMap<String, &str> = BTreeMap::new();
        for sentence in sentences {
            let shown = known.get(sentence.as_str()).copied().filter(|text| !text.is_empty()).unwrap_or(sentence);
            let Some(letter) = key(shown) else { continue };
            if let Some(other) = taken.insert(letter, shown) {
                clashes.push(format!("{language}: {part}: {other:?} and {shown:?} have the same key"));
            }
        }
    }
    clashes
}

/// The letter behind a lone `_`, in lower case.
fn key(text: &str) -> Option<String> {
    let text = text.replace("__", "");
    let letters = text.split('_').skip(1).filter_map(|after| after.chars().next());
    letters.filter(|letter| letter.is_alphanumeric()).map(|letter| letter.to_lowercase().collect()).next()
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, value) = tag.split_once(&format!(" {name}=\""))?;
    value.split('"').next()
}

fn unescaped(text: &str) -> String {
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    const UI: &str = r#"<?xml version="1.0"?>
        <!-- two windows -->
        <interface><requires lib="gtk+" version="3.24"/>
        <object class="GtkBox" id="page"><child><object class="GtkLabel" id="a">
          <property name="label" translatable="yes">_Server &amp; port</property></object></child>
          <child><object class="GtkLabel"><property name="label" translatable="yes">none</property></object></child></object>
        <object class="GtkNotebook" id="tabs">
          <child><object class="GtkLabel"><property name="label" translatable="yes">_Name</property></object></child>
          <child type="tab"><object class="GtkLabel"><property name="label" translatable="yes">T_LS</property></object></child>
          <child><object class="GtkLabel"><property name="label" translatable="yes">_Port</property></object></child>
          <child><object class="GtkLabel"><property name="label" translatable="yes">_Number</property></object></child>
        </object></interface>"#;

    #[test]
    fn a_page_and_each_tab_are_parts() {
        let parts = parts(UI);
        assert_eq!(parts["page"], ["_Server & port", "Veri_fy the certificate"]);
        assert_eq!(parts["tabs 1"], ["_Name", "T_LS", "_Close"]);
        assert_eq!(parts["tabs 2"], ["_Port", "_Close"]);
        assert_eq!(parts["tabs 3"], ["_Number", "_Close"]);
    }

    #[test]
    fn clashes_are_told_where_they_are() {
        let parts = parts(UI);
        assert_eq!(clashes(&parts, "English", &[]), [""; 0]);
        let german = "msgid \"_Name\"\nmsgstr \"_Schlüssel\"\n\nmsgid \"_Close\"\nmsgstr \"_Schließen\"\n";
        let clashes = clashes(&parts, "de", &catalogue::parse(german).unwrap());
        assert_eq!(clashes, ["de: tabs 1: \"_Schlüssel\" and \"_Schließen\" have the same key"]);
    }

    #[test]
    fn what_the_code_adds_has_a_place() {
        let said =
            "#: nm-plugin/editor/widgets/x.rs\nmsgid \"_New\"\nmsgstr \"\"\n\n#: src/x.rs\nmsgid \"_x\"\nmsgstr \"\"\n";
        assert_eq!(unplaced(&catalogue::parse(said).unwrap()).len(), 1);
        assert_eq!(key("网关(_G)："), Some("g".to_owned()));
        assert_eq!(key("a__b"), None);
    }
}
