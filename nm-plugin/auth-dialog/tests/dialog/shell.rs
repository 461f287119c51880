//! GNOME Shell: the program as its network agent runs it, and its key file as the agent reads it.

use std::collections::BTreeMap;

use super::window::Beside;
use super::{run, success};

/// One of the fields that the shell shows, or a value that it takes without a question.
#[derive(Debug, PartialEq, Eq)]
struct Secret {
    key: String,
    label: String,
    value: String,
    hidden: bool,
    asked: bool,
}

/// What the shell writes: all data, then all secrets, each value on its line, an empty line behind it.
fn written(data: &[(&str, &str)], secrets: &[(&str, &str)]) -> String {
    let pairs = |kind, pairs: &[(&str, &str)]| -> String {
        pairs.iter().map(|(key, value)| format!("{kind}_KEY={key}\n{kind}_VAL={value}\n\n")).collect()
    };
    pairs("DATA", data) + &pairs("SECRET", secrets) + "DONE\n\n"
}

/// Title, message and secrets as the shell finds them. It takes a version that is 2 and groups that have each of its
/// keys, and shows an error otherwise.
fn read(keyfile: &str) -> (String, String, Vec<Secret>) {
    let mut groups: Vec<(&str, BTreeMap<&str, String>)> = Vec::new();
    for line in keyfile.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(group) => groups.push((group, BTreeMap::new())),
            None => {
                let (key, value) = line.split_once('=').unwrap();
                groups.last_mut().unwrap().1.insert(key, unescaped(value));
            }
        }
    }
    let boolean = |value: &str| match value {
        "true" => true,
        "false" => false,
        other => panic!("{other:?} is no boolean"),
    };
    let (name, head) = groups.remove(0);
    assert_eq!((name, head["Version"].as_str()), ("VPN Plugin UI", "2"));
    let secret = |(key, values): (&str, BTreeMap<&str, String>)| Secret {
        key: key.into(),
        label: values["Label"].clone(),
        value: values["Value"].clone(),
        hidden: boolean(&values["IsSecret"]),
        asked: boolean(&values["ShouldAsk"]),
    };
    (head["Title"].clone(), head["Description"].clone(), groups.into_iter().map(secret).collect())
}

/// GLib's escapes of a string, those that the program writes.
fn unescaped(value: &str) -> String {
    let mut characters = value.chars();
    let mut text = String::new();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => match characters.next() {
                Some('s') => ' ',
                Some('n') => '\n',
                Some('\\') => '\\',
                other => panic!("an escape that GLib does not know: {other:?}"),
            },
            other => other,
        });
    }
    text
}

fn asked(key: &str, label: &str) -> Secret {
    Secret { key: key.into(), label: label.into(), value: String::new(), hidden: true, asked: true }
}

const DATA: [(&str, &str); 3] = [("gateway", "vpn.example.com"), ("user", "me"), ("password-flags", "1")];

#[test]
fn a_new_connection() {
    let keyfile = success(run(&["--external-ui-mode", "-i"], written(&DATA, &[])));
    let (title, message, secrets) = read(&keyfile);
    assert_eq!(title, "Authenticate VPN Work");
    assert!(message.contains("“Work”"), "{message}");
    assert_eq!(secrets, [asked("password", "Password")]);
}

/// The shell hides what is called a secret; a name can be read as it is typed.
#[test]
fn a_user_name() {
    let output =
        Beside::window("exit 9").run_by("gnome-shell", &["--external-ui-mode", "-i"], &written(&DATA[..1], &[]));
    let (_, _, secrets) = read(&success(output));
    assert_eq!(secrets, [Secret { hidden: false, ..asked("user", "User name") }, asked("password", "Password")]);
}

/// The shell itself has looked in the keyring: no question.
#[test]
fn a_password_from_the_keyring() {
    let keyfile = success(run(&["--external-ui-mode", "-i"], written(&DATA, &[("password", r"hunter 2\n")])));
    let (_, _, secrets) = read(&keyfile);
    let [Secret { key, value, asked: false, .. }] = &secrets[..] else { panic!("{secrets:?}") };
    assert_eq!((key.as_str(), value.as_str()), ("password", r"hunter 2\n"));
}

/// A second step: the server's words, and the code under the name that NetworkManager does not keep.
#[test]
fn a_one_time_code() {
    let hints = ["-t", "x-vpn-message:Enter\nthe code.", "-t", "x-dynamic-challenge:otp"];
    let arguments = [&["--external-ui-mode", "-i"][..], &hints].concat();
    let (_, message, secrets) = read(&success(run(&arguments, written(&DATA, &[("password", "hunter2")]))));
    assert_eq!(message, "Enter\nthe code.");
    assert_eq!(secrets, [asked("x-dynamic-challenge:otp", "One-time code")]);
}

/// The password was refused: `-r`, and the keyring is not looked at.
#[test]
fn an_expired_password() {
    let hints = ["-t", "x-vpn-message:It has expired.", "-t", "password", "-t", "x-dynamic-challenge:password-again"];
    let arguments = [&["--external-ui-mode", "-i", "-r"][..], &hints].concat();
    let (_, message, secrets) = read(&success(run(&arguments, written(&DATA, &[]))));
    assert_eq!(message, "It has expired.");
    let again = "x-dynamic-challenge:password-again";
    assert_eq!(secrets, [asked("password", "New password"), asked(again, "Repeat the new password")]);
}

/// What the connection editor asks for: nothing is shown, and what is not known is left out.
#[test]
fn without_interaction() {
    let (_, _, secrets) = read(&success(run(&["--external-ui-mode"], written(&DATA, &[]))));
    let [Secret { value, asked: false, .. }] = &secrets[..] else { panic!("{secrets:?}") };
    assert_eq!(value, "");
}
