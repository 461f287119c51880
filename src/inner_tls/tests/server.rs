//! What is verified of the server, and what is said about it.

use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::Private;
use openssl::x509::extension::{ExtendedKeyUsage, KeyUsage};

use super::*;
use crate::transport::pki::{self, DAY, now};

/// What becomes of a handshake with this server.
fn verdict(settings: Settings, server: &Server) -> Result<(), TlsError> {
    let (client, mut peer, result) = handshake(&Connector::new(settings).unwrap(), server);
    assert_eq!(client.is_established(), result.is_ok());
    if let Err(error) = &result {
        assert_eq!(error.fault, Fault::Certificate, "{error}");
        assert!(!error.text.ends_with('.') && error.text.contains("SHA-256 "), "{error}");
        // The alert went out, so that the server knows.
        peer.handle(&[]);
        assert!(peer.error.unwrap().contains("alert"), "{error}");
    }
    result
}

fn refused(settings: Settings, server: &Server, parts: &[&str]) {
    let error = verdict(settings, server).unwrap_err();
    for part in parts {
        assert!(error.text.contains(part), "{part} is not in: {error}");
    }
}

fn fingerprint(server: &Server) -> String {
    let digest = server.certificate.digest(MessageDigest::sha256()).unwrap();
    digest.iter().map(|octet| format!("{octet:02X}")).collect::<Vec<_>>().join(":")
}

fn named(ca: &Ca, name: ServerName) -> Settings {
    Settings { server_name: Some(name), ..trusting(ca) }
}

/// A certificate with these two extensions.
fn usages(ca: &Ca, extended: Option<&ExtendedKeyUsage>, usage: Option<&KeyUsage>) -> (Vec<u8>, PKey<Private>) {
    let key = pki::key();
    let mut builder = pki::builder("radius.corp.example", "Test CA", &key);
    builder.set_not_before(&Asn1Time::from_unix(now() - DAY).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(now() + DAY).unwrap()).unwrap();
    if let Some(extended) = extended {
        builder.append_extension(extended.build().unwrap()).unwrap();
    }
    if let Some(usage) = usage {
        builder.append_extension(usage.build().unwrap()).unwrap();
    }
    builder.sign(&ca.key, MessageDigest::sha256()).unwrap();
    (builder.build().to_pem().unwrap(), key)
}

fn server_with(ca: &Ca, extended: Option<&ExtendedKeyUsage>, usage: Option<&KeyUsage>) -> Server {
    let (certificate, key) = usages(ca, extended, usage);
    Server::with(&certificate, &key.private_key_to_pem_pkcs8().unwrap(), &Options::default())
}

#[test]
fn only_the_authority_of_the_profile_is_trusted() {
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let (ca, other) = (Ca::new("Test CA"), Ca::new("Other CA"));
        let server = Server::new(&ca, &Options { version, ..Options::default() });
        verdict(trusting(&ca), &server).unwrap();
        let parts = [
            "authority of tls-ca-cert",
            "unable to get",
            "issued to radius.corp.example by Test CA",
            "tls-fingerprint=",
        ];
        refused(trusting(&other), &server, &parts);
        let system = Settings { gateway: "radius.corp.example".to_owned(), ..Settings::default() };
        refused(system, &server, &["is not trusted", "(tls-ca-cert)", &fingerprint(&server)]);
    }
}

#[test]
fn an_authority_below_another_and_the_server_itself_can_be_trusted() {
    let ca = Ca::new("Test CA");
    let server = Server::new(&ca, &Options::default());
    let itself = Settings { authorities: Some(vec![file("x", server.certificate.to_der().unwrap())]), ..trusting(&ca) };
    verdict(itself, &server).unwrap();
    let bundle = [Ca::new("Other CA").certificate.to_pem().unwrap(), ca.certificate.to_pem().unwrap()].concat();
    verdict(Settings { authorities: Some(vec![file("x", bundle)]), ..trusting(&ca) }, &server).unwrap();
}

#[test]
fn a_name_is_compared_as_the_profile_says() {
    let ca = Ca::new("Test CA");
    let server = Server::new(&ca, &Options::default());
    let name = |text: &str| text.to_owned();
    for good in [
        ServerName::Exact(name("radius.corp.example")),
        ServerName::Exact(name("RADIUS.corp.example")),
        ServerName::Suffix(name("corp.example")),
        ServerName::Suffix(name("radius.corp.example")),
        ServerName::Subject(name("/CN=radius.corp.example")),
        ServerName::Subject(name("CN=radius.corp.example")),
    ] {
        verdict(named(&ca, good), &server).unwrap();
    }
    for bad in [
        ServerName::Exact(name("corp.example")),
        ServerName::Suffix(name("orp.example")),
        ServerName::Subject(name("radius.corp.example")),
    ] {
        refused(
            named(&ca, bad),
            &server,
            &["is for radius.corp.example", "(tls-remotename)", "correct tls-remotename"],
        );
    }
}

#[test]
fn the_gateways_name_is_wanted_where_the_system_is_trusted() {
    let settings = |server_name, authorities: bool, fingerprint: Option<&str>| {
        let ca = Ca::new("Test CA");
        let settings = Settings { server_name, fingerprint: fingerprint.map(str::to_owned), ..trusting(&ca) };
        Connector::new(if authorities { settings } else { Settings { authorities: None, ..settings } }).unwrap()
    };
    let gateway = |connector: &Connector| connector.verifier.gateway().map(str::to_owned);
    assert_eq!(gateway(&settings(None, false, None)).as_deref(), Some("vpn.example"));
    assert_eq!(gateway(&settings(None, true, None)), None);
    assert_eq!(gateway(&settings(Some(ServerName::Exact("x".to_owned())), false, None)), None);
    assert_eq!(gateway(&settings(None, false, Some(&"ab".repeat(32)))), None);
    let error = Connector::new(Settings::default()).unwrap_err();
    assert_eq!(error.to_string(), "the setting gateway cannot be used: it is empty");
}

#[test]
fn the_gateway_may_be_a_name_a_wildcard_or_an_address() {
    let ca = Ca::new("Test CA");
    // As if the system trusted the authority of the test.
    let meets = |names: &[&str], host: &str| {
        let server = Server::new(&ca, &Options { leaf: Leaf { names, ..Leaf::default() }, ..Options::default() });
        let mut connector = Connector::new(trusting(&ca)).unwrap();
        let verifier = Verifier {
            wanted: Wanted::Gateway(host.to_owned()),
            pinned: None,
            verify_key_usage: false,
            own_authorities: false,
        };
        let store = trust(trusting(&ca).authorities.as_deref(), None).unwrap();
        connector.context = context(store, None, &verifier, None).unwrap();
        connector.verifier = Arc::new(verifier);
        handshake(&connector, &server).2
    };
    meets(&["vpn.example"], "vpn.example").unwrap();
    meets(&["*.vpn.example"], "a.vpn.example").unwrap();
    meets(&["10.0.0.1"], "10.0.0.1").unwrap();
    for (names, host) in [(&["vpn.example"], "example"), (&["vpn.example"], "10.0.0.1"), (&["10.0.0.1"], "10.0.0.2")] {
        let error = meets(names, host).unwrap_err();
        assert_eq!(error.fault, Fault::Certificate);
        assert!(error.text.contains(&format!("does not have the name of the gateway, {host}")), "{error}");
        assert!(error.text.contains("(tls-remotename with tls-verify-method=name)"), "{error}");
    }
}

#[test]
fn a_fingerprint_takes_the_place_of_chain_name_and_validity() {
    let ca = Ca::new("Test CA");
    let expired = Leaf { names: &["x"], not_after: now() - 1, ..Leaf::default() };
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let server = Server::new(&ca, &Options { leaf: Leaf { ..expired }, version, ..Options::default() });
        let colons = fingerprint(&server);
        for text in [colons.clone(), colons.replace(':', "").to_lowercase()] {
            let pinned = Settings { fingerprint: Some(text.clone()), ..Settings::default() };
            verdict(pinned, &server).unwrap();
            let named = named(&Ca::new("Other CA"), ServerName::Exact("other".to_owned()));
            verdict(Settings { fingerprint: Some(text), ..named }, &server).unwrap();
        }
        let other = Settings { fingerprint: Some("00".repeat(32)), ..trusting(&ca) };
        refused(other, &server, &["the fingerprint of tls-fingerprint", &format!("set tls-fingerprint={colons}")]);
    }
    for text in ["", "00", "0g".repeat(32).as_str(), "000".repeat(32).as_str(), "é"] {
        let error = Connector::new(Settings { fingerprint: Some(text.to_owned()), ..Settings::default() }).unwrap_err();
        assert!(error.to_string().starts_with("the setting tls-fingerprint cannot be used"), "{error}");
    }
}

#[test]
fn a_fingerprint_does_not_make_a_server_of_a_client() {
    let ca = Ca::new("Test CA");
    let server = Server::new(&ca, &Options { leaf: alice(), ..Options::default() });
    let pinned = Settings { fingerprint: Some(fingerprint(&server)), ..Settings::default() };
    refused(pinned, &server, &["is not for servers"]);
}

#[test]
fn validity_is_told_apart() {
    let ca = Ca::new("Test CA");
    let leaf = |not_before, not_after| Leaf { not_before, not_after, ..Leaf::default() };
    let server = Server::new(&ca, &Options { leaf: leaf(now() - 2 * DAY, now() - DAY), ..Options::default() });
    refused(trusting(&ca), &server, &["expired on ", "administrator"]);
    let server = Server::new(&ca, &Options { leaf: leaf(now() + DAY, now() + 2 * DAY), ..Options::default() });
    refused(trusting(&ca), &server, &["not valid yet", "clock"]);
}

#[test]
fn a_purpose_must_allow_servers_where_there_is_one_and_be_there_where_it_is_asked_for() {
    let ca = Ca::new("Test CA");
    let extended = |name: &str| {
        let mut usage = ExtendedKeyUsage::new();
        usage.other(name);
        usage
    };
    let strict = || Settings { verify_key_usage: true, ..trusting(&ca) };
    for good in ["serverAuth", "anyExtendedKeyUsage"] {
        let server = server_with(&ca, Some(&extended(good)), Some(KeyUsage::new().digital_signature()));
        verdict(trusting(&ca), &server).unwrap();
        verdict(strict(), &server).unwrap();
    }
    let server = server_with(&ca, Some(&extended("clientAuth")), None);
    refused(trusting(&ca), &server, &["is not for servers: its extended key usage has no serverAuth"]);
    let server = server_with(&ca, None, None);
    verdict(trusting(&ca), &server).unwrap();
    refused(strict(), &server, &["does not say that it is for servers"]);
    let server = server_with(&ca, Some(&extended("serverAuth")), Some(KeyUsage::new().key_cert_sign()));
    refused(trusting(&ca), &server, &["key usage that does not allow TLS"]);
    let server = server_with(&ca, Some(&extended("anyExtendedKeyUsage")), Some(KeyUsage::new().key_cert_sign()));
    refused(trusting(&ca), &server, &["key usage that does not allow TLS"]);
}

#[test]
fn a_revoked_server_is_refused_and_a_list_must_be_there_and_be_valid() {
    let (ca, other) = (Ca::new("Test CA"), Ca::new("Other CA"));
    let server = Server::new(&ca, &Options::default());
    let with = |list: Vec<u8>| Settings { revoked: Some(file("crl.pem", list)), ..trusting(&ca) };
    let good = ca.list(&[&ca.certificate], now() + DAY);
    let bad = ca.list(&[&server.certificate], now() + DAY);
    let elsewhere = other.list(&[], now() + DAY);
    verdict(with(good.to_pem().unwrap()), &server).unwrap();
    verdict(with(good.to_der().unwrap()), &server).unwrap();
    refused(with(bad.to_der().unwrap()), &server, &["was revoked, says crl-file"]);
    let both = [elsewhere.to_pem().unwrap(), b"words between\n".to_vec(), bad.to_pem().unwrap()].concat();
    refused(with(both), &server, &["was revoked"]);
    refused(with(elsewhere.to_pem().unwrap()), &server, &["cannot be told by crl-file", "latest list"]);
    refused(with(ca.list(&[], now() - DAY).to_pem().unwrap()), &server, &["CRL has expired", "latest list"]);
    for broken in [
        &b""[..],
        b"-----BEGIN X509 CRL-----\n",
        b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
        b"-----BEGIN CERTIFICATE-----\n",
    ] {
        let error = Connector::new(with(broken.to_vec())).unwrap_err();
        assert!(error.to_string().starts_with("crl.pem (crl-file) cannot be used: it "), "{error}");
    }
}
