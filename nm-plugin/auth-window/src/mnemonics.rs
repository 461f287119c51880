//! Mnemonics, the letters that bring the keyboard to a field with Alt: chosen here, so that they differ from each other
//! whatever is asked together, and in every language.

/// Labels with their mnemonics.
#[derive(Default)]
pub struct Mnemonics {
    taken: Vec<char>,
}

impl Mnemonics {
    /// `label` as GTK wants it, with an underscore before its letter: the first of a word that no label before this one
    /// has, else any such letter. Scripts that are not typed letter by letter have none.
    pub fn label(&mut self, label: &str) -> String {
        let letters = || label.char_indices().filter(|(_, letter)| is_typed(*letter));
        let begins_word = |at: usize| !label[..at].ends_with(char::is_alphanumeric);
        let free = |(_, letter): &(usize, char)| !self.taken.contains(&lower(*letter));
        let chosen = letters().filter(|(at, _)| begins_word(*at)).find(free).or_else(|| letters().find(free));
        let Some((at, letter)) = chosen else { return label.replace('_', "__") };
        self.taken.push(lower(letter));
        let (before, behind) = label.split_at(at);
        format!("{}_{}", before.replace('_', "__"), behind.replace('_', "__"))
    }
}

/// A key of a keyboard: letters of alphabets with cases, and of those between them and the syllables of the far east.
fn is_typed(letter: char) -> bool {
    letter.is_alphanumeric() && letter < '\u{1100}'
}

fn lower(letter: char) -> char {
    letter.to_lowercase().next().unwrap_or(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_differ() {
        let mut mnemonics = Mnemonics::default();
        let labels = ["Password", "Proxy password", "Passwort", "Cancel", "Show passwords", "p"];
        let labels = labels.map(|label| mnemonics.label(label));
        assert_eq!(labels, ["_Password", "P_roxy password", "P_asswort", "_Cancel", "_Show passwords", "p"]);
    }

    #[test]
    fn in_other_scripts() {
        let mut mnemonics = Mnemonics::default();
        assert_eq!(mnemonics.label("Имя"), "_Имя");
        assert_eq!(mnemonics.label("имя пользователя"), "имя _пользователя");
        assert_eq!(mnemonics.label("گذرواژه"), "_گذرواژه");
        assert_eq!(mnemonics.label("パスワード"), "パスワード");
        assert_eq!(mnemonics.label("Éa"), "_Éa");
        assert_eq!(mnemonics.label("éb"), "é_b");
    }

    #[test]
    fn underscores_are_none() {
        let mut mnemonics = Mnemonics::default();
        assert_eq!(mnemonics.label("a_b"), "_a__b");
        assert_eq!(mnemonics.label("_a"), "__a");
    }
}
