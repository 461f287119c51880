//! The user name: no secret, but agents return nothing else.

use super::{ask, data, groups};

const NOBODY: &str = "DATA_KEY=gateway\nDATA_VAL=vpn.example.com\n\nDATA_KEY=password-flags\nDATA_VAL=1\n\n";
const PROXY: &str = "DATA_KEY=proxy-server\nDATA_VAL=proxy.example\n\nDATA_KEY=proxy-user\nDATA_VAL=me\n\n";
const STORED: &str = "SECRET_KEY=user\nSECRET_VAL=alice\n\nSECRET_KEY=password\nSECRET_VAL=hunter2\n\n";

/// Everything in one question.
#[test]
fn is_asked_for_where_there_is_none() {
    let answer = ask(&["-i"], NOBODY.to_owned() + PROXY + "DONE\n");
    assert_eq!(answer, include_str!("golden/everything.keyfile"));
    let empty = "DATA_KEY=user\nDATA_VAL=\n\n";
    assert_eq!(groups(&ask(&["-i"], NOBODY.to_owned() + empty + "DONE\n")), ["user", "password"]);
}

#[test]
fn is_not_asked_for_where_it_is_known() {
    assert_eq!(groups(&ask(&["-i"], data("1") + "DONE\n")), ["password"]);
    assert_eq!(groups(&ask(&["-i", "-r"], data("1") + STORED + "DONE\n")), ["password"]);
    let answer = ask(&["-i"], NOBODY.to_owned() + STORED + "DONE\n");
    assert!(answer.contains("[user]\nValue=alice\n") && !answer.contains("ShouldAsk=true"), "{answer}");
    // The plugin knows it, or it would have said so.
    assert_eq!(groups(&ask(&["-i", "-t", "password"], NOBODY.to_owned() + "DONE\n")), ["password"]);
    let certificate = "DATA_KEY=connection-type\nDATA_VAL=tls\n\n";
    assert_eq!(groups(&ask(&["-i"], NOBODY.to_owned() + certificate + "DONE\n")), ["tls-user-key-secret"]);
    let not_required = "DATA_KEY=user-flags\nDATA_VAL=4\n\n";
    assert_eq!(groups(&ask(&["-i"], NOBODY.to_owned() + not_required + "DONE\n")), ["password"]);
}

/// After a refusal a name can be mended; a password cannot, and is typed anew.
#[test]
fn is_filled_in_where_it_was_refused() {
    let answer = ask(&["-i", "-r"], NOBODY.to_owned() + STORED + "DONE\n");
    assert_eq!(answer, include_str!("golden/refused.keyfile"));
    let hints = ["-i", "-t", "user", "-t", "password"];
    assert_eq!(ask(&hints, NOBODY.to_owned() + STORED + "DONE\n"), answer, "by its hint, too");
}
