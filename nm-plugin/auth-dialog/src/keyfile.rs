//! The answer in external-UI mode: a key file in GLib's format, version 2 of the protocol.

use nm_sstp::profile::NO_SECRET;
use nm_sstp_auth_dialog::wiped::Wiped;

use crate::prompt::Prompt;

/// The key file for `prompt`, and an agent that hides every secret or does not.
pub fn render(prompt: &Prompt, hides_every_secret: bool) -> Wiped {
    let mut file = Wiped::default();
    file.push(b"[VPN Plugin UI]\nVersion=2\n");
    push_value(&mut file, "Description", &prompt.description);
    push_value(&mut file, "Title", &prompt.title);
    for entry in &prompt.entries {
        let value = entry.value.as_ref().map_or("", |value| value.as_str());
        let is_secret = !(entry.echo && hides_every_secret);
        push_group(&mut file, &entry.secret.hint(entry.tag), value, &entry.label, is_secret, entry.ask);
        if entry.echo {
            file.push(b"ForceEcho=true\n");
        }
    }
    if prompt.entries.is_empty() {
        push_group(&mut file, NO_SECRET, "true", "", true, false);
    }
    file
}

fn push_group(file: &mut Wiped, name: &str, value: &str, label: &str, is_secret: bool, ask: bool) {
    file.push(b"\n[");
    file.push(name.as_bytes());
    file.push(b"]\n");
    push_value(file, "Value", value);
    push_value(file, "Label", label);
    file.push(format!("IsSecret={is_secret}\nShouldAsk={ask}\n").as_bytes());
}

/// One line. GLib drops space in front of a value and reads a backslash as the beginning of an escape.
fn push_value(file: &mut Wiped, key: &str, value: &str) {
    file.push(key.as_bytes());
    file.push(b"=");
    let mut leading = true;
    for octet in value.as_bytes() {
        match octet {
            b' ' if leading => file.push(br"\s"),
            b'\t' if leading => file.push(br"\t"),
            b'\n' => file.push(br"\n"),
            b'\r' => file.push(br"\r"),
            b'\\' => file.push(br"\\"),
            _ => file.push(&[*octet]),
        }
        leading &= matches!(octet, b' ' | b'\t');
    }
    file.push(b"\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The right side is what GLib 2.74 wrote for the left one (`g_key_file_set_string`).
    #[test]
    fn values_as_glib_writes_them() {
        for (value, line) in [
            ("plain", "plain"),
            ("", ""),
            (" ", r"\s"),
            (" \t two  words ", r"\s\t\stwo  words "),
            ("\tx\ty", "\\tx\ty"),
            (r"a\b\s", r"a\\b\\s"),
            ("line\nend\r\n", r"line\nend\r\n"),
            ("key=value;list,#x", "key=value;list,#x"),
            ("[group]", "[group]"),
            ("pä“”\u{1f600}", "pä“”\u{1f600}"),
            (r"  \n", r"\s\s\\n"),
        ] {
            let mut file = Wiped::default();
            push_value(&mut file, "Value", value);
            assert_eq!(file.as_bytes(), format!("Value={line}\n").as_bytes());
        }
    }
}
