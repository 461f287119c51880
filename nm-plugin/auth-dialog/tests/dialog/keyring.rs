//! The user's keyring, on a bus of its own: what the program looks up there, when it leaves it alone, and what it does
//! with one that is locked or does not answer.

mod service;
#[path = "../../src/keyring/session.rs"]
mod session;

use std::time::{Duration, Instant};

use super::{data, failure, groups, success};
use service::{Keyring, Prompt};

const PASSWORD: &str = "[password]\nValue=hünter2\nLabel=Password\nIsSecret=true\nShouldAsk=false\n";
const PROXY: &str = "DATA_KEY=proxy-server\nDATA_VAL=proxy.example\n\nDATA_KEY=proxy-user\nDATA_VAL=me\n\n\
    DATA_KEY=proxy-password-flags\nDATA_VAL=1\n\n";

/// nm-applet leaves it to the program, in both modes.
#[test]
fn what_an_agent_keeps_is_found() {
    let Some(keyring) = Keyring::open(&[("password", "hünter2"), ("otp", "123456")]) else { return };
    let answer = success(keyring.run(&["--external-ui-mode", "-i"], data("1") + "DONE\nQUIT\n"));
    assert!(answer.ends_with(PASSWORD), "{answer}");
    assert_eq!(success(keyring.run(&["-i"], data("1") + "DONE\nQUIT\n")), "password\nhünter2\n\n\n");
    assert_eq!(success(keyring.run(&[], data("1") + "DONE\nQUIT\n")), "password\nhünter2\n\n\n");
    assert_eq!(keyring.heard(), ["SearchItems password", "OpenSession", "GetSecret password"].repeat(3));
}

#[test]
fn each_secret_is_looked_for() {
    let Some(keyring) = Keyring::open(&[("password", "hunter2"), ("proxy-password", "proxied")]) else { return };
    let answer = success(keyring.run(&[], data("1") + PROXY + "DONE\nQUIT\n"));
    assert_eq!(answer, "password\nhunter2\nproxy-password\nproxied\n\n\n");
    // One that is not there is asked for, and the other is not.
    let Some(keyring) = Keyring::open(&[("proxy-password", "proxied")]) else { return };
    let answer = success(keyring.run(&["--external-ui-mode", "-i"], data("1") + PROXY + "DONE\nQUIT\n"));
    assert_eq!(groups(&answer), ["password", "proxy-password"]);
    assert!(
        answer.contains("[password]\nValue=\n") && answer.contains("[proxy-password]\nValue=proxied\n"),
        "{answer}"
    );
    assert_eq!(answer.matches("ShouldAsk=true").count(), 1);
}

/// Kept by NetworkManager or by nobody; told by the agent; refused by the server; asked for in a second step.
#[test]
fn when_it_is_left_alone() {
    let Some(keyring) = Keyring::open(&[("password", "hunter2"), ("otp", "123456")]) else { return };
    let stored = "SECRET_KEY=password\nSECRET_VAL=told\nDONE\nQUIT\n";
    for (flags, rest, arguments) in [
        ("0", "DONE\nQUIT\n", &["-i"][..]),
        ("2", "DONE\nQUIT\n", &["-i"]),
        ("3", "DONE\nQUIT\n", &["-i"]),
        ("4", "DONE\nQUIT\n", &["-i"]),
        ("1", stored, &["-i"]),
        ("1", "DONE\nQUIT\n", &["-i", "-r"]),
        ("1", "DONE\nQUIT\n", &["-i", "-t", "password"]),
        ("1", "DONE\nQUIT\n", &["-i", "-t", "x-dynamic-challenge:otp"]),
    ] {
        let input = data(flags) + "DATA_KEY=otp-flags\nDATA_VAL=1\n" + rest;
        let answer = success(keyring.run(&[&["--external-ui-mode"], arguments].concat(), input));
        assert!(!answer.contains("hunter2") && !answer.contains("123456"), "{flags} {arguments:?}: {answer}");
    }
    assert_eq!(keyring.heard(), [""; 0]);
}

#[test]
fn a_locked_one() {
    for (prompt, arguments, is_told) in [
        (Prompt::Unlocks, &["--external-ui-mode", "-i"][..], true),
        (Prompt::IsNotNeeded, &["--external-ui-mode", "-i"], true),
        (Prompt::IsDismissed, &["--external-ui-mode", "-i"], false),
        (Prompt::Unlocks, &["--external-ui-mode"], false),
    ] {
        let Some(keyring) = Keyring::locked(&[("password", "hünter2")], prompt) else { return };
        let answer = success(keyring.run(arguments, data("1") + "DONE\nQUIT\n"));
        assert_eq!(answer.ends_with(PASSWORD), is_told, "{prompt:?} {arguments:?}: {answer}");
        // Only where a person may be asked.
        let is_allowed = arguments.contains(&"-i");
        assert_eq!(keyring.heard().contains(&"Unlock".to_owned()), is_allowed, "{:?}", keyring.heard());
    }
}

/// Whoever does not want to unlock it is not asked a second time.
#[test]
fn one_that_stays_locked() {
    let secrets = [("password", "hunter2"), ("proxy-password", "proxied")];
    let Some(keyring) = Keyring::locked(&secrets, Prompt::IsDismissed) else { return };
    let answer = success(keyring.run(&["--external-ui-mode", "-i"], data("1") + PROXY + "DONE\nQUIT\n"));
    assert_eq!(answer.matches("ShouldAsk=true").count(), 2, "{answer}");
    assert_eq!(keyring.heard().iter().filter(|call| *call == "Unlock").count(), 1);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the program's own time limit is measured")]
fn one_that_does_not_answer() {
    let Some(keyring) = Keyring::silent() else { return };
    let began = Instant::now();
    let answer = success(keyring.run(&["--external-ui-mode", "-i"], data("1") + PROXY + "DONE\nQUIT\n"));
    assert_eq!(answer.matches("ShouldAsk=true").count(), 2, "{answer}");
    let after = began.elapsed();
    assert!(after > Duration::from_secs(4) && after < Duration::from_secs(9), "{after:?}");
}

/// Nothing of it is in an error.
#[test]
fn what_cannot_be_told_in_lines() {
    let Some(keyring) = Keyring::open(&[("password", "hunter2\nno-secret")]) else { return };
    let sentence = failure(keyring.run(&[], data("1") + "DONE\nQUIT\n"));
    assert!(sentence.contains("line end") && !sentence.contains("hunter2"), "{sentence}");
}
