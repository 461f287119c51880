//! What can be seen to be wrong with a translation by who does not know the language.

/// The faults of one translation, in words; `mnemonics`: the sentence is one of a window, where `_x` underlines a key.
pub fn of(text: &str, translation: &str, mnemonics: bool) -> Vec<String> {
    let mut faults = Vec::new();
    let mut differ = |what: &str, wanted: &[String], is: &[String]| {
        if wanted != is {
            faults.push(format!("its {what} are {is:?} and should be {wanted:?}"));
        }
    };
    differ("places", &placeholders(text), &placeholders(translation));
    differ("tags", &tags(text), &tags(translation));
    differ("options", &options(text), &options(translation));
    differ("spaces at both ends", &spaces(text), &spaces(translation));
    differ("ending punctuation marks", &ending(text), &ending(translation));
    if unbalanced(translation) && !unbalanced(text) {
        faults.push("it has a brace alone".to_owned());
    }
    if mnemonics && mnemonic_keys(text) == 1 && mnemonic_keys(translation) != 1 {
        faults.push("one letter needs the _ of its key".to_owned());
    }
    if mnemonics && mnemonic_keys(text) == 0 && mnemonic_keys(translation) != 0 {
        faults.push("no letter may have the _ of a key".to_owned());
    }
    // names of things have no mark at their end
    if text == translation && text.split_whitespace().count() > 3 && !ending(text).is_empty() {
        faults.push("it is the English one".to_owned());
    }
    faults
}

/// The names of `{name}`, sorted; `{{` is a brace.
pub fn placeholders(text: &str) -> Vec<String> {
    let text = text.replace("{{", "").replace("}}", "");
    let pieces = text.split('{').skip(1).filter_map(|piece| piece.split_once('}'));
    let mut names: Vec<_> = pieces.map(|(name, _)| name.to_owned()).collect();
    names.sort();
    names.dedup();
    names
}

fn unbalanced(text: &str) -> bool {
    let text = text.replace("{{", "").replace("}}", "");
    text.matches('{').count() != text.matches('}').count()
}

/// `<b>` and the like, sorted.
fn tags(text: &str) -> Vec<String> {
    let pieces = text.split('<').skip(1).filter_map(|piece| piece.split_once('>'));
    let mut tags: Vec<_> = pieces.map(|(tag, _)| tag.to_owned()).collect();
    tags.sort();
    tags
}

/// Options of command lines, sorted: they have one name in all languages.
fn options(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).filter(|word| word.starts_with("--"));
    let mut options: Vec<_> = words.filter(|word| word.len() > 2).map(str::to_owned).collect();
    options.sort();
    options.dedup();
    options
}

fn spaces(text: &str) -> Vec<String> {
    let inside = text.trim();
    match text.find(inside) {
        Some(at) => vec![text[..at].to_owned(), text[at + inside.len()..].to_owned()],
        None => Vec::new(),
    }
}

/// The mark at the end, by the Latin one that means the same.
fn ending(text: &str) -> Vec<String> {
    let text = text.trim();
    if text.ends_with('…') || text.ends_with("...") {
        return vec!["…".to_owned()];
    }
    let mark = match text.chars().next_back() {
        Some('.' | '。' | '．') => ".",
        Some(':' | '：') => ":",
        Some('?' | '？' | '؟') => "?",
        Some('!' | '！') => "!",
        Some(',' | '，' | '、' | '،') => ",",
        Some(';' | '；' | '؛') => ";",
        _ => return Vec::new(),
    };
    vec![mark.to_owned()]
}

/// How many letters have a `_` before them; `__` is one that is shown.
fn mnemonic_keys(text: &str) -> usize {
    let text = text.replace("__", "");
    text.split('_').skip(1).filter(|after| after.starts_with(char::is_alphanumeric)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_right_has_no_fault() {
        for (text, translation) in [
            ("The profile {name} is stored.", "配置文件 {name} 已保存。"),
            ("_Gateway:", "网关(_G)："),
            ("C_hoose…", "Aus_wählen …"),
            ("Once more, please? ", "دوباره، لطفاً؟ "),
            ("{b} of {a}", "{a}: {b}, {a}"),
            ("A name has only “-”, “_” and “.”.", "Nur „-“, „_“ und „.“."),
            ("See <b>--wait</b>.", "Siehe <b>--wait</b>."),
            ("TLS 1.3", "TLS 1.3"),
            ("Secure Socket Tunneling Protocol (SSTP)", "Secure Socket Tunneling Protocol (SSTP)"),
        ] {
            assert_eq!(of(text, translation, true), [""; 0], "{translation}");
        }
    }

    #[test]
    fn each_fault_is_found() {
        for (text, translation, fault) in [
            ("of {name}", "von {nam}", "places"),
            ("of {name}", "von name", "places"),
            ("none", "{keiner}", "places"),
            ("of {name}", "von {name} {", "brace"),
            ("<b>bold</b>", "<b>fett<b>", "tags"),
            ("bold", "<i>fett</i>", "tags"),
            ("Leave out --wait", "--warten weglassen", "options"),
            ("Name\n", "Name", "spaces"),
            ("Name", " Name", "spaces"),
            ("A sentence.", "Ein Satz", "punctuation"),
            ("Name", "Name:", "punctuation"),
            ("Choose…", "Wähle.", "punctuation"),
            ("_Name", "Name", "needs the _"),
            ("_Name", "_Na_me", "needs the _"),
            ("Name", "_Name", "no letter"),
            ("Nobody has read this.", "Nobody has read this.", "English"),
        ] {
            let faults = of(text, translation, true);
            assert!(faults.len() == 1 && faults[0].contains(fault), "{translation}: {faults:?}");
        }
    }

    #[test]
    fn outside_of_windows_an_underscore_is_one() {
        assert_eq!(of("Set NM_SSTP.", "NM_SSTP wird gesetzt: a_b.", false), [""; 0]);
    }
}
