//! URIs, and a token of SoftHSM where that is installed.

use super::*;

#[test]
fn only_the_path_of_a_uri_is_handed_on() {
    let uri = "PKCS11:token=t;object=o;type=cert?module-path=/tmp/evil.so&pin-source=/etc/shadow&pin-value=1%202";
    assert_eq!(of_type(uri, "private"), "pkcs11:token=t;object=o;type=private");
    assert_eq!(of_type("pkcs11:object-type=public;id=%01", "cert"), "pkcs11:id=%01;type=cert");
    assert_eq!(of_type("pkcs11:", "cert"), "pkcs11:type=cert");
    assert_eq!(of_type("x", "cert"), "type=cert");
    assert_eq!(without_query(uri), "PKCS11:token=t;object=o;type=cert");
}

#[test]
fn the_pin_is_the_given_one_or_else_that_of_the_uri() {
    let pin =
        |uri: &str, given: Option<&str>| own_or_given(uri, given).map(|pin| String::from_utf8(pin.to_vec()).unwrap());
    assert_eq!(pin("pkcs11:x?pin-value=1%202", None).as_deref(), Some("1 2"));
    assert_eq!(pin("pkcs11:x?a=b&pin-value=12", Some("")).as_deref(), Some("12"));
    assert_eq!(pin("pkcs11:x?pin-value=12", Some("34")).as_deref(), Some("34"));
    for none in ["pkcs11:x", "pkcs11:x;pin-value=12", "pkcs11:x?pin-value=%1", "pkcs11:x?pin-value=%zz"] {
        assert_eq!(pin(none, None), None, "{none}");
    }
}

#[test]
fn a_system_without_a_way_to_tokens_is_told_what_to_install() {
    let TokenError::Unusable(text) = describe(Failure::NoWay, "certificate") else { panic!() };
    assert!(text.contains("pkcs11-provider") && text.contains("libengine-pkcs11-openssl"), "{text}");
    assert_eq!(
        certificate("pkcs11:token=\0", None).err(),
        Some(TokenError::Unusable("it is not a PKCS#11 URI".to_owned()))
    );
}

/// Where a token with the key and the certificate of [`Leaf::names`](crate::transport::pki::Leaf) `alice` is, and the
/// certificate of their authority.
const DIRECTORY: &str = "NM_SSTP_TEST_TOKEN";

fn skip(reason: &str) {
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{reason}");
    println!("skipped: {reason}");
}

/// A token of SoftHSM, used in a process of its own: its module is found by the environment.
#[test]
fn a_key_on_a_token_signs_and_its_pin_is_asked_for_once() {
    use crate::transport::pki::{Ca, Leaf};
    use std::process::Command;

    if Command::new("softhsm2-util").arg("--version").output().is_err()
        || Command::new("pkcs11-tool").arg("--version").output().is_err()
    {
        return skip("softhsm2 or opensc is not installed");
    }
    let directory = std::env::temp_dir().join(format!("nm-sstp-token-{}", std::process::id()));
    std::fs::create_dir_all(directory.join("tokens")).unwrap();
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let ca = Ca::new("Test CA");
    let (certificate, key) = ca.issue(&Leaf { names: &["alice"], usages: &["clientAuth"], ..Leaf::default() });
    std::fs::write(path("softhsm2.conf"), format!("directories.tokendir = {}\n", path("tokens"))).unwrap();
    std::fs::write(path("ca.pem"), ca.certificate.to_pem().unwrap()).unwrap();
    std::fs::write(path("ca.key"), ca.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    std::fs::write(path("key.pem"), key).unwrap();
    std::fs::write(path("certificate.der"), X509::from_pem(&certificate).unwrap().to_der().unwrap()).unwrap();
    let run = |program: &str, arguments: &str| {
        let arguments = arguments.split(' ').map(|argument| match argument.strip_prefix('@') {
            Some(name) => path(name),
            None => argument.to_owned(),
        });
        let mut command = Command::new(program);
        let command = command.args(arguments).env("SOFTHSM2_CONF", path("softhsm2.conf")).env(DIRECTORY, &directory);
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program}: {text}");
        text
    };
    run("softhsm2-util", "--init-token --free --label nm-sstp --so-pin 12345678 --pin 4321");
    run("softhsm2-util", "--import @key.pem --token nm-sstp --label alice --id 01 --pin 4321");
    let module = "--module p11-kit-proxy.so --token-label nm-sstp --login --pin 4321";
    run("pkcs11-tool", &format!("{module} --write-object @certificate.der --type cert --label alice --id 01"));
    let this = std::env::current_exe().unwrap();
    let text = run(this.to_str().unwrap(), "--exact --ignored --nocapture inner_tls::token::tests::with_a_token");
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(text.contains("5 of 5 were shown") || text.contains("skipped: "), "{text}");
    print!("{text}");
}

#[test]
#[ignore = "is run by a_key_on_a_token_signs_and_its_pin_is_asked_for_once"]
fn with_a_token() {
    use super::super::tests::{Server, file, handshake};
    use super::super::{Connector, Error, Settings, Source, UserCertificate};

    let Some(directory) = std::env::var_os(DIRECTORY).map(std::path::PathBuf::from) else { return };
    let read = |name: &str| std::fs::read(directory.join(name)).unwrap();
    let connector = |certificate: &str, key: Option<&str>, passphrase: Option<&str>| {
        let source = |uri: &str| match Source::is_token(uri) {
            true => Source::Token(uri.to_owned()),
            false => Source::File(file(uri, read(uri))),
        };
        Connector::new(Settings {
            authorities: Some(vec![file("ca.pem", read("ca.pem"))]),
            user: Some(UserCertificate { certificate: source(certificate), key: key.map(source) }),
            passphrase: passphrase.map(|pin| Zeroizing::new(pin.to_owned())),
            ..Settings::default()
        })
    };
    const URI: &str = "pkcs11:token=nm-sstp;object=alice";
    let error = match connector(URI, None, None).map(|_| ()) {
        Err(Error::Unusable { reason, .. }) if reason.contains("nothing that reads tokens") => {
            return skip("neither pkcs11-provider nor libengine-pkcs11-openssl is installed");
        }
        other => other.unwrap_err(),
    };
    assert_eq!(error, Error::PassphraseMissing { name: URI.to_owned() });
    let error = connector(URI, None, Some("9999")).unwrap_err();
    assert_eq!(error, Error::PassphraseWrong { name: URI.to_owned() });
    let error = connector("pkcs11:token=nm-sstp;object=bob", None, Some("4321")).unwrap_err();
    assert!(error.to_string().contains("no such "), "{error}");
    let error = connector("certificate.der", Some("pkcs11:token=nm-sstp;object=bob"), Some("4321")).unwrap_err();
    assert!(error.to_string().contains("no such "), "{error}");

    let server = Server::for_clients_of(&read("ca.pem"), &read("ca.key"));
    let with_pin = format!("{URI}?pin-value=%34321");
    let mut shown = 0;
    for (certificate, key, pin) in [
        (URI, None, Some("4321")),
        (with_pin.as_str(), None, None),
        (URI, Some("pkcs11:token=nm-sstp;id=%01;type=private"), Some("4321")),
        ("certificate.der", Some(URI), Some("4321")),
        ("pkcs11:token=nm-sstp;object=alice;type=cert", Some("key.pem"), None),
    ] {
        let connector = connector(certificate, key, pin).unwrap();
        assert_eq!(connector.user_name(), Some("alice"));
        let (client, peer, result) = handshake(&connector, &server);
        result.unwrap();
        assert!(client.is_established() && peer.stream.ssl().peer_certificate().is_some());
        shown += 1;
    }
    println!("{shown} of 5 were shown");
}
