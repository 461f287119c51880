//! Hints: the names of what the plugin asks for while it connects, and the sentences with them.

use std::path::Path;
use std::process::Command;

use super::{CONNECTION, PROGRAM, answered, ask, command_on, data, groups, spawned, success};

const STORED: &str = "SECRET_KEY=user\nSECRET_VAL=me\n\nSECRET_KEY=password\nSECRET_VAL=hunter2\n\n\
    SECRET_KEY=password-again\nSECRET_VAL=hunter2\n\nSECRET_KEY=otp\nSECRET_VAL=123456\n\n\
    SECRET_KEY=x-dynamic-challenge:otp\nSECRET_VAL=234567\n\n";

/// The options for these hints, as nmcli writes them.
fn hinted<'a>(hints: &[&'a str]) -> Vec<&'a str> {
    ["-i"].into_iter().chain(hints.iter().flat_map(|hint| ["-t", hint])).collect()
}

#[test]
fn names_decide_what_is_asked() {
    let answer = ask(&["-i", "-t", "proxy-password", "--hint=password", "-tuser"], data("1") + "DONE\n");
    assert_eq!(groups(&answer), ["user", "password", "proxy-password"], "each in one question, in our order");
    assert_eq!(answer.matches("ShouldAsk=true").count(), 3);
    // What is stored does not matter, and flags do not.
    let answer = ask(&hinted(&["tls-user-key-secret"]), data("4") + STORED + "DONE\n");
    assert_eq!(groups(&answer), ["tls-user-key-secret"]);
}

/// A message alone, or a name that is not ours, leaves the choice to the data; so does what is never asked for.
#[test]
fn names_that_say_nothing() {
    for hint in ["x-vpn-message:Again.", "pin", "vpn.secrets.password", "http-cookie", ""] {
        assert_eq!(groups(&ask(&hinted(&[hint]), data("1") + "DONE\n")), ["password"], "{hint}");
        assert_eq!(groups(&ask(&hinted(&[hint]), data("4") + "DONE\n")), ["no-secret"], "{hint}");
    }
}

/// In a second step, what a connection needs anyway was asked for before.
#[test]
fn a_second_step_asks_for_nothing_else() {
    for (hint, expected) in [
        ("x-dynamic-challenge:otp", "x-dynamic-challenge:otp"),
        ("x-dynamic-challenge-echo:otp", "x-dynamic-challenge-echo:otp"),
        ("x-dynamic-challenge:pin", "no-secret"),
        ("x-dynamic-challenge:http-cookie", "no-secret"),
    ] {
        assert_eq!(groups(&ask(&hinted(&[hint]), data("2") + "DONE\n")), [expected]);
    }
}

#[test]
fn a_one_time_code() {
    let hints = hinted(&["x-vpn-message:Enter the code of your token.", "x-dynamic-challenge:otp"]);
    let answer = ask(&hints, data("2") + STORED + "DONE\n");
    assert_eq!(answer, include_str!("golden/one-time-code.keyfile"));
}

/// With `otp-flags=2` every version of NetworkManager forgets the code under its plain name, which is all that versions
/// before 1.50 know.
#[test]
fn a_one_time_code_that_the_profile_does_not_keep() {
    for (flags, tagged) in [("0", true), ("1", true), ("2", false), ("3", false), ("4", true), ("x", true)] {
        let flags = format!("DATA_KEY=otp-flags\nDATA_VAL={flags}\n\n");
        let answer = ask(&hinted(&["x-dynamic-challenge:otp"]), data("2") + &flags + "DONE\n");
        assert_eq!(groups(&answer), [if tagged { "x-dynamic-challenge:otp" } else { "otp" }], "{flags}");
    }
    let flags = "DATA_KEY=otp-flags\nDATA_VAL=2\n\n";
    let answer = ask(&hinted(&["x-dynamic-challenge-echo:otp"]), data("2") + flags + STORED + "DONE\n");
    assert_eq!(answer, include_str!("golden/one-time-code-shown.keyfile"));
}

/// A challenge is new, whatever it asks for: nothing that was stored answers it.
#[test]
fn a_challenge_is_not_answered_from_what_was_stored() {
    for arguments in [&hinted(&["x-dynamic-challenge:password"])[..], &["-t", "x-dynamic-challenge:password"]] {
        let answer = ask(arguments, data("1") + STORED + "DONE\n");
        assert!(answer.contains("[x-dynamic-challenge:password]\nValue=\n"), "{answer}");
    }
}

/// Hints that contradict each other: one question, hidden, and not kept.
#[test]
fn the_same_name_twice() {
    for hints in [
        ["x-dynamic-challenge:otp", "x-dynamic-challenge:otp"],
        ["x-dynamic-challenge:otp", "otp"],
        ["otp", "x-dynamic-challenge-echo:otp"],
        ["x-dynamic-challenge-echo:otp", "x-dynamic-challenge:otp"],
    ] {
        let answer = ask(&hinted(&hints), data("2") + "DONE\n");
        assert_eq!(groups(&answer), ["x-dynamic-challenge:otp"], "{hints:?}");
        assert!(!answer.contains("ForceEcho"), "{answer}");
    }
}

/// The old password is not offered as the new one.
#[test]
fn a_new_password() {
    let hints = ["x-vpn-message:Your password has expired.", "password", "x-dynamic-challenge:password-again"];
    let answer = ask(&hinted(&hints), data("1") + STORED + "DONE\n");
    assert_eq!(answer, include_str!("golden/new-password.keyfile"));
    // Nor where nobody can be asked.
    let answer = ask(&hinted(&hints)[1..], data("1") + STORED + "DONE\n");
    assert!(!answer.contains("hunter2") && answer.matches("ShouldAsk=false").count() == 2, "{answer}");
}

#[test]
fn messages() {
    let message = "x-vpn-message:  The code\\in your\nphone: ";
    let answer = ask(&hinted(&[message, "otp"]), data("1") + "DONE\n");
    assert!(answer.contains("\nDescription=\\s\\sThe code\\\\in your\\nphone: \n"), "{answer}");
    let hints =
        ["x-vpn-message:First.", "password", "x-vpn-message:", "x-vpn-message:x-vpn-message:2", "x-vpn-message: "];
    let answer = ask(&hinted(&hints), data("1") + "DONE\n");
    assert!(answer.contains("\nDescription=First.\\nx-vpn-message:2\n"), "{answer}");
    let answer = ask(&hinted(&["x-vpn-message:\n \t"]), data("1") + "DONE\n");
    assert!(answer.contains("\nDescription=You need to authenticate"), "{answer}");
}

/// The service asks in English, whoever it is that answers.
#[test]
fn messages_in_the_language_of_the_environment() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/po");
    let catalogues = Path::new(env!("CARGO_TARGET_TMPDIR")).join("locale");
    let messages = catalogues.join("de/LC_MESSAGES");
    std::fs::create_dir_all(&messages).unwrap();
    let mut msgfmt = Command::new("msgfmt");
    msgfmt.arg("--output-file").arg(messages.join("nm-sstp.mo")).arg(sources.join("de.po"));
    assert!(msgfmt.status().expect("msgfmt, of gettext, is needed").success());
    let message = "x-vpn-message:The server refused user name or password (it says: No, no.). Try again.";
    let arguments = [&CONNECTION[..], &["--external-ui-mode"], &hinted(&[message, "password"])].concat();
    let mut command = command_on("unix:path=/nonexistent", PROGRAM.as_ref(), &arguments);
    command.env("NM_SSTP_LOCALEDIR", &catalogues).env("LANGUAGE", "de");
    let answer = success(answered(spawned(command), data("1") + "DONE\n"));
    let description = answer.lines().find_map(|line| line.strip_prefix("Description=")).unwrap();
    assert!(description.contains("No, no.") && description.contains("Benutzername"), "{description}");
    assert!(!description.contains("it says") && !description.contains("Try again"), "{description}");
}

/// What a server says moves no cursor, begins no group and pushes no field out of sight.
#[test]
fn a_message_that_is_no_plain_text() {
    let hints = ["x-vpn-message:\x1b]0;x\x07\r\n[password]\rShouldAsk=false\u{202e}", "password"];
    let answer = ask(&hinted(&hints), data("1") + "DONE\n");
    let description = "Description=\u{fffd}]0;x\u{fffd}\\n[password]\\nShouldAsk=false\u{fffd}";
    assert_eq!(answer.lines().nth(2), Some(description));
    assert_eq!(groups(&answer), ["password"]);
    for filling in ["long ", "\n", "😀"] {
        let message = format!("x-vpn-message:x{}", filling.repeat(10_000));
        let answer = ask(&hinted(&[&message, "password"]), data("1") + "DONE\n");
        let description = answer.lines().nth(2).unwrap();
        assert!(description.ends_with('…') && description.chars().count() < 1100, "{description}");
        assert!(description.matches("\\n").count() < 20, "{description}");
    }
}
