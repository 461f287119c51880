//! External-UI mode, as nmcli and gnome-shell use it.

use super::{CONNECTION, ask, data, run_with, success};

/// The whole answer to `nmcli --ask connection up`.
#[test]
fn a_password_is_asked_for() {
    let answer = ask(&["-i"], data("2") + "DONE\nQUIT\n");
    assert_eq!(
        answer,
        "[VPN Plugin UI]\n\
         Version=2\n\
         Description=You need to authenticate to access the Virtual Private Network “Work”.\n\
         Title=Authenticate VPN Work\n\
         \n\
         [password]\n\
         Value=\n\
         Label=Password\n\
         IsSecret=true\n\
         ShouldAsk=true\n"
    );
}

/// Which flags let a stored password through, and when a person is asked: with `-i`, with `-r`, without either. Where
/// it is asked for because it was refused, nothing is filled in.
#[test]
fn flags_and_interaction() {
    let stored = "SECRET_KEY=password\nSECRET_VAL=hunter2\n\n";
    for (flags, secrets, arguments, value, should_ask) in [
        ("0", stored, &["-i"][..], "hunter2", false),
        ("1", stored, &["-i"], "hunter2", false),
        ("0", stored, &["-i", "-r"], "", true),
        ("0", stored, &["-r"], "hunter2", false),
        ("0", stored, &["-i", "-t", "password"], "", true),
        ("0", "", &["-i"], "", true),
        ("1", "", &["-i"], "", true),
        ("1", "", &[], "", false),
        ("2", stored, &["-i"], "", true),
        ("3", stored, &["-i"], "", true),
        ("2", stored, &[], "", false),
        ("4", "", &["-i", "-t", "password"], "", true),
    ] {
        let answer = ask(arguments, data(flags) + secrets + "DONE\n");
        let expected = format!("[password]\nValue={value}\nLabel=Password\nIsSecret=true\nShouldAsk={should_ask}\n");
        assert!(answer.ends_with(&expected), "flags {flags}, {arguments:?}: {answer}");
    }
}

/// nmcli wants Title and Description even here.
#[test]
fn nothing_to_ask() {
    let answer = ask(&["-i"], data("4") + "DONE\n");
    assert_eq!(
        answer,
        "[VPN Plugin UI]\n\
         Version=2\n\
         Description=You need to authenticate to access the Virtual Private Network “Work”.\n\
         Title=Authenticate VPN Work\n\
         \n\
         [no-secret]\n\
         Value=true\n\
         Label=\n\
         IsSecret=true\n\
         ShouldAsk=false\n"
    );
}

/// Plasma keeps the proxy's password in the data.
#[test]
fn a_proxy_with_a_user() {
    let proxy = "DATA_KEY=proxy-server\nDATA_VAL=proxy.example\nDATA_KEY=proxy-user\nDATA_VAL=me\n";
    let answer = ask(&["-i"], data("1") + proxy + "DONE\n");
    assert!(answer.ends_with("[proxy-password]\nValue=\nLabel=Proxy password\nIsSecret=true\nShouldAsk=true\n"));
    let answer = ask(&["-i"], data("1") + proxy + "DATA_KEY=proxy-password\nDATA_VAL=kept\nDONE\n");
    assert!(answer.contains("[password]\nValue=\n") && answer.contains("[proxy-password]\nValue=kept\n"), "{answer}");
}

#[test]
fn a_certificate() {
    let answer = ask(&["-i"], data("1") + "DATA_KEY=connection-type\nDATA_VAL=tls\nDONE\n");
    assert!(answer.contains("[tls-user-key-secret]\nValue=\nLabel=Certificate password\n"), "{answer}");
    assert!(!answer.contains("[password]"));
}

#[test]
fn a_password_with_everything_in_it() {
    let secret = "SECRET_KEY=password\nSECRET_VAL= \\n=[x]#;“ü\n==second \n\nDONE\n";
    let answer = ask(&["-i"], data("1") + secret);
    assert!(answer.contains("\nValue=\\s\\\\n=[x]#;“ü\\n=second \n"), "{answer}");
}

/// Whatever name a connection has, it stays inside its line.
#[test]
fn a_name_with_everything_in_it() {
    let mut arguments = CONNECTION;
    arguments[3] = "a\n[password]\nShouldAsk=false\\";
    let answer = success(run_with(&[&arguments[..], &["--external-ui-mode"]].concat(), data("0") + "DONE\n"));
    assert!(answer.contains("\nTitle=Authenticate VPN a\\n[password]\\nShouldAsk=false\\\\\n"), "{answer}");
    assert_eq!(answer.lines().filter(|line| *line == "[password]").count(), 1);
}
