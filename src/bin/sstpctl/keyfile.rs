//! NetworkManager's connection files (`.nmconnection`): GLib's key files, as nm-settings-keyfile(5) describes them.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

/// Groups of keys and values.
pub type Groups = BTreeMap<String, BTreeMap<String, Zeroizing<String>>>;

/// Reads a key file.
///
/// # Errors
///
/// The number of the line that is none, and why.
pub fn read(text: &str) -> Result<Groups, String> {
    let mut groups = Groups::new();
    let mut group: Option<String> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |what: &str| format!("line {} {what}", number + 1);
        if let Some(name) = line.strip_prefix('[') {
            let name = name.trim_end().strip_suffix(']').ok_or_else(|| wrong("has no ] at its end"))?;
            groups.entry(name.to_owned()).or_default();
            group = Some(name.to_owned());
            continue;
        }
        let (key, value) = line.split_once('=').ok_or_else(|| wrong("is neither a [group] nor KEY=VALUE"))?;
        let group = group.as_ref().ok_or_else(|| wrong("stands before the first [group]"))?;
        let value = unescape(value.trim_start()).ok_or_else(|| wrong("has an unknown escape"))?;
        groups.entry(group.clone()).or_default().insert(key.trim_end().to_owned(), value);
    }
    Ok(groups)
}

/// Undoes GLib's escapes of values: `\s`, `\n`, `\t`, `\r` and `\\`.
fn unescape(text: &str) -> Option<Zeroizing<String>> {
    let mut value = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        value.push(match character {
            '\\' => match rest.next()? {
                's' => ' ',
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '\\' => '\\',
                _ => return None,
            },
            other => other,
        });
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_keys_and_escapes() {
        let text = "# x\n[connection]\nid=My VPN\n\n[vpn]\nuser = \\sal\\\\ice\\t \ngateway=a=b\n[empty]\n";
        let groups = read(text).expect("a key file");
        let value = |group: &str, key: &str| groups[group].get(key).map(|value| value.as_str());
        assert_eq!(value("connection", "id"), Some("My VPN"));
        assert_eq!(value("vpn", "user"), Some(" al\\ice\t "));
        assert_eq!(value("vpn", "gateway"), Some("a=b"));
        assert!(groups["empty"].is_empty());
    }

    #[test]
    fn what_is_none_is_named_by_its_line() {
        for (text, place) in
            [("id=x", "line 1 "), ("[a]\n\nfoo", "line 3 "), ("[a", "line 1 "), ("[a]\nb=\\q", "line 2 ")]
        {
            assert!(read(text).is_err_and(|error| error.starts_with(place)), "{text:?}");
        }
    }
}
