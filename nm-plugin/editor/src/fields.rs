//! Which control each setting has. The `.ui` file has an object of the setting's name for each.

use nm_sstp::profile::{KEYS, Key, Kind, Secret};

/// A setting and its control.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its row in the table of settings.
    pub key: &'static Key,
    /// What shows it.
    pub control: Control,
}

/// What shows a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// A line of text.
    Entry,
    /// A line with a path, and beside it a button (`NAME-choose`) that opens the desktop's file chooser.
    File,
    /// A box to tick. One that is inverted is ticked where the setting says no.
    Check {
        /// Whether it is.
        inverted: bool,
    },
    /// A menu; the identifiers of its items are the words of the setting, and the empty one where it has no default.
    Menu,
    /// A menu of [`Storage`](crate::Storage) for this secret.
    Storage(Secret),
    /// A menu of plain flags, for a secret that has no place of its own.
    Flags,
    /// The secret of this name, which some programs keep in the data.
    Secret(Secret),
}

/// Every setting, in the order of the table.
pub fn fields() -> impl Iterator<Item = Field> {
    KEYS.iter().map(|key| Field { key, control: control(key) })
}

fn control(key: &Key) -> Control {
    match key.kind {
        Kind::Text | Kind::Number { .. } => Control::Entry,
        Kind::Path => Control::File,
        // People allow methods; that the settings refuse them is a matter of pppd.
        Kind::Yes => Control::Check {
            inverted: matches!(key.name, "refuse-eap" | "refuse-pap" | "refuse-chap" | "refuse-mschapv2"),
        },
        Kind::Choice(_) => Control::Menu,
        Kind::Flags => KEPT.into_iter().find(|s| s.flags_key() == key.name).map_or(Control::Flags, Control::Storage),
        Kind::Secret => Secret::named(key.name).map_or(Control::Entry, Control::Secret),
    }
}

/// The secrets that a person can store.
pub const KEPT: [Secret; 3] = [Secret::Password, Secret::TlsUserKeySecret, Secret::ProxyPassword];

/// The name of a field in the middle of a sentence: its label as shown, without the colon behind it, and without the
/// mnemonic of languages whose letters are on no key (`证书(A)：`).
pub fn name_in_label(label: &str) -> &str {
    let name = label.trim_end_matches(|character: char| matches!(character, ':' | '：') || character.is_whitespace());
    let mnemonic = name.strip_suffix(')').and_then(|head| head.rsplit_once('('));
    match mnemonic {
        Some((name, letter)) if letter.chars().count() == 1 => name.trim_end(),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_named_without_what_belongs_to_its_label() {
        for (label, name) in [
            ("Authority:", "Authority"),
            ("Autorité\u{a0}:", "Autorité"),
            ("证书颁发机构(A)：", "证书颁发机构"),
            ("認証局(A):", "認証局"),
            ("Ask after (seconds):", "Ask after (seconds)"),
            (":", ""),
        ] {
            assert_eq!(name_in_label(label), name);
        }
    }

    /// The names of the objects in the master file.
    fn objects() -> Vec<&'static str> {
        let ui = include_str!("../ui/editor.ui");
        let objects = ui.split("<object class=").skip(1).filter_map(|rest| rest.split('>').next());
        objects.filter_map(|object| object.split(" id=\"").nth(1)?.split('"').next()).collect()
    }

    #[test]
    fn every_setting_has_a_control_in_the_window() {
        let objects = objects();
        for Field { key, control } in fields() {
            let has = |name: &str| objects.iter().filter(|object| **object == name).count() == 1;
            assert!(has(key.name), "{}", key.name);
            assert_eq!(has(&format!("{}-choose", key.name)), control == Control::File, "{}", key.name);
        }
        for secret in KEPT {
            assert!(objects.contains(&secret.name()), "{secret:?}");
        }
    }

    #[test]
    fn every_menu_has_the_words_of_its_setting() {
        let ui = include_str!("../ui/editor.ui");
        for Field { key, control } in fields() {
            let words: Vec<&str> = match (control, key.kind) {
                (Control::Menu, Kind::Choice(words)) if key.default.is_some() => words.to_vec(),
                (Control::Menu, Kind::Choice(words)) => [&[""], words].concat(),
                (Control::Storage(_), _) => crate::Storage::ALL.iter().map(|storage| storage.name()).collect(),
                (Control::Flags, _) => vec!["0", "1", "2", "4"],
                _ => continue,
            };
            let menu = ui.split(&format!(" id=\"{}\"", key.name)).nth(1).unwrap().split("</items>").next().unwrap();
            let mut items: Vec<&str> = menu.split("<item id=\"").skip(1).filter_map(|i| i.split('"').next()).collect();
            items.sort();
            let mut words = words;
            words.sort();
            assert_eq!(items, words, "{}", key.name);
        }
    }
}
