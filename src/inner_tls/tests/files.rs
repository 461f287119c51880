//! The formats of certificates and keys, each made anew, and what is said about those that cannot be used.

use std::process::Command;

use openssl::asn1::{Asn1Object, Asn1Time};
use openssl::hash::MessageDigest;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::Private;
use openssl::rsa::Rsa;
use openssl::stack::Stack;
use openssl::symm::Cipher;
use openssl::x509::extension::SubjectAlternativeName;

use super::*;
use crate::transport::pki::{self, DAY, now};

const PASSPHRASE: &str = "pass é word";

/// A user, in pieces.
struct User {
    ca: Ca,
    certificate: X509,
    key: PKey<Private>,
}

impl User {
    fn new() -> User {
        User::with_key(pki::key())
    }

    fn with_key(key: PKey<Private>) -> User {
        let ca = Ca::new("Test CA");
        let mut builder = pki::builder("alice", "Test CA", &key);
        builder.set_not_before(&Asn1Time::from_unix(now() - DAY).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_unix(now() + DAY).unwrap()).unwrap();
        builder.sign(&ca.key, MessageDigest::sha256()).unwrap();
        User { certificate: builder.build(), ca, key }
    }

    fn pem(&self) -> Vec<u8> {
        self.certificate.to_pem().unwrap()
    }

    fn pkcs12(&self, passphrase: &str) -> Vec<u8> {
        let mut authorities = Stack::new().unwrap();
        authorities.push(self.ca.certificate.clone()).unwrap();
        let mut builder = Pkcs12::builder();
        builder.name("alice").pkey(&self.key).cert(&self.certificate).ca(authorities);
        builder.build2(passphrase).unwrap().to_der().unwrap()
    }

    /// Settings with these files, and whether a server gets to see the certificate.
    fn shown(&self, certificate: Vec<u8>, key: Option<Vec<u8>>, passphrase: Option<&str>) -> Result<(), Error> {
        let connector = Connector::new(settings(certificate, key, passphrase, &self.ca))?;
        let server = Server::new(&self.ca, &Options { clients: Some(&self.ca), ..Options::default() });
        let (_, peer, result) = handshake(&connector, &server);
        result.unwrap();
        let seen = peer.stream.ssl().peer_certificate().unwrap();
        assert!(same_certificate(&seen, &self.certificate));
        Ok(())
    }
}

fn settings(certificate: Vec<u8>, key: Option<Vec<u8>>, passphrase: Option<&str>, ca: &Ca) -> Settings {
    Settings {
        user: Some(UserCertificate {
            certificate: Source::File(file("alice.crt", certificate)),
            key: key.map(|key| Source::File(file("alice.key", key))),
        }),
        passphrase: passphrase.map(|text| Zeroizing::new(text.to_owned())),
        ..trusting(ca)
    }
}

fn missing(name: &str) -> Result<(), Error> {
    Err(Error::PassphraseMissing { name: name.to_owned() })
}

fn wrong(name: &str) -> Result<(), Error> {
    Err(Error::PassphraseWrong { name: name.to_owned() })
}

#[test]
fn every_format_of_certificates_and_keys_is_read() {
    let user = User::new();
    let (pem, der) = (user.pem(), user.certificate.to_der().unwrap());
    let pkcs8 = user.key.private_key_to_pem_pkcs8().unwrap();
    let traditional = user.key.ec_key().unwrap().private_key_to_pem().unwrap();
    let keys = [
        pkcs8.clone(),
        traditional.clone(),
        user.key.private_key_to_pkcs8().unwrap(),
        user.key.private_key_to_der().unwrap(),
        user.pkcs12(""),
    ];
    for key in keys {
        user.shown(pem.clone(), Some(key.clone()), None).unwrap();
        user.shown(der.clone(), Some(key), None).unwrap();
    }
    user.shown([pkcs8, pem.clone()].concat(), None, None).unwrap();
    user.shown([pem.clone(), traditional.clone()].concat(), None, Some("not needed")).unwrap();
    user.shown(user.pkcs12(""), None, None).unwrap();
    user.shown(user.pkcs12(""), Some(b"an editor names the same file again, or another".to_vec()), None).unwrap();
    // The user's certificate need not be the first.
    user.shown([user.ca.certificate.to_pem().unwrap(), pem].concat(), Some(traditional), None).unwrap();

    let user = User::with_key(PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap());
    let rsa = user.key.rsa().unwrap();
    user.shown(user.pem(), Some(rsa.private_key_to_pem().unwrap()), None).unwrap();
    user.shown(user.pem(), Some(rsa.private_key_to_der().unwrap()), None).unwrap();
}

#[test]
fn a_locked_key_needs_its_passphrase() {
    let user = User::new();
    let (cipher, phrase) = (Cipher::aes_256_cbc(), PASSPHRASE.as_bytes());
    let keys = [
        user.key.private_key_to_pem_pkcs8_passphrase(cipher, phrase).unwrap(),
        user.key.private_key_to_pkcs8_passphrase(cipher, phrase).unwrap(),
        user.key.ec_key().unwrap().private_key_to_pem_passphrase(cipher, phrase).unwrap(),
        user.pkcs12(PASSPHRASE),
    ];
    for key in keys {
        let shown = |passphrase| user.shown(user.pem(), Some(key.clone()), passphrase);
        shown(Some(PASSPHRASE)).unwrap();
        assert_eq!(shown(None), missing("alice.key"));
        assert_eq!(shown(Some("")), missing("alice.key"));
        for other in ["x", "pass", "with\0nul", &"long".repeat(1000)] {
            assert_eq!(shown(Some(other)), wrong("alice.key"));
        }
    }
    let shown = |passphrase| user.shown(user.pkcs12(PASSPHRASE), None, passphrase);
    shown(Some(PASSPHRASE)).unwrap();
    assert_eq!(shown(None), missing("alice.crt"));
    assert_eq!(shown(Some("x")), wrong("alice.crt"));
    let together = [user.pem(), user.key.private_key_to_pem_pkcs8_passphrase(cipher, phrase).unwrap()].concat();
    user.shown(together.clone(), None, Some(PASSPHRASE)).unwrap();
    assert_eq!(user.shown(together, None, None), missing("alice.crt"));
}

/// The passphrase is a wrong one for some thousand keys, since one in 256 decrypts to something that looks like padding.
#[test]
fn a_wrong_passphrase_is_called_wrong_whatever_it_decrypts_to() {
    let user = User::new();
    let phrase = PASSPHRASE.as_bytes();
    let traditional = user.key.ec_key().unwrap().private_key_to_pem_passphrase(Cipher::aes_128_cbc(), phrase).unwrap();
    for number in 0..2000 {
        let found = formats::key(&traditional, Some(&format!("wrong {number}")));
        assert_eq!(found.err(), Some(formats::KeyError::WrongPassphrase), "{number}");
    }
}

/// Made by the command of OpenSSL, with the ciphers that Windows and OpenSSL 1 used.
#[test]
fn files_with_old_ciphers_are_read_too() {
    let user = User::new();
    let directory = std::env::temp_dir().join(format!("nm-sstp-old-ciphers-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    std::fs::write(path("both.pem"), [user.pem(), user.key.private_key_to_pem_pkcs8().unwrap()].concat()).unwrap();
    let openssl = |arguments: &str| {
        let arguments = arguments.split(' ').map(|argument| match argument.strip_prefix('@') {
            Some(name) => path(name),
            None => argument.to_owned(),
        });
        let output = Command::new("openssl").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    openssl("pkcs12 -export -legacy -in @both.pem -out @old.p12 -passout pass:secret");
    openssl(
        "pkcs8 -topk8 -provider legacy -provider default -v1 PBE-MD5-DES -in @both.pem -out @old.key -passout pass:secret",
    );
    let (bundle, key) = (std::fs::read(path("old.p12")).unwrap(), std::fs::read(path("old.key")).unwrap());
    std::fs::remove_dir_all(&directory).unwrap();
    user.shown(bundle.clone(), None, Some("secret")).unwrap();
    assert_eq!(user.shown(bundle.clone(), None, Some("other")), wrong("alice.crt"));
    assert_eq!(user.shown(bundle, None, None), missing("alice.crt"));
    user.shown(user.pem(), Some(key.clone()), Some("secret")).unwrap();
    assert_eq!(user.shown(user.pem(), Some(key), Some("other")), wrong("alice.key"));
}

#[test]
fn what_cannot_be_used_is_named_with_its_setting() {
    let user = User::new();
    let key = user.key.private_key_to_pem_pkcs8().unwrap();
    let told = |certificate: &[u8], key: Option<&[u8]>| {
        let error = user.shown(certificate.to_vec(), key.map(<[u8]>::to_vec), None).unwrap_err();
        error.to_string()
    };
    let pem = user.pem();
    let broken: Vec<u8> = pem.iter().map(|octet| if *octet == b'M' { b'!' } else { *octet }).collect();
    for (text, certificate, key) in [
        ("alice.crt (tls-user-cert) cannot be used: it is not a certificate in PEM or DER", &b"x"[..], Some(&key[..])),
        ("alice.crt (tls-user-cert) cannot be used: it is not a certificate in PEM or DER", b"", Some(&key)),
        ("alice.crt (tls-user-cert) cannot be used: it holds no certificate", &key, Some(&key)),
        ("alice.crt (tls-user-cert) cannot be used: a certificate in it is damaged", &broken, Some(&key)),
        ("alice.crt (tls-user-cert) cannot be used: it holds no private key", &pem, None),
        ("alice.key (tls-user-key) cannot be used: it holds no private key", &pem, Some(&pem)),
        ("alice.key (tls-user-key) cannot be used: it is not a private key", &pem, Some(b"x")),
        ("alice.key (tls-user-key) cannot be used: it is not a private key", &pem, Some(b"")),
        ("alice.key (tls-user-key) cannot be used: it is a damaged PKCS#12", &pem, Some(&[0x30, 3, 2, 1, 3])),
    ] {
        assert!(told(certificate, key).starts_with(text), "{}", told(certificate, key));
    }
    let other = pki::key().private_key_to_pem_pkcs8().unwrap();
    let text = told(&pem, Some(&other));
    assert!(text.contains("alice.key (tls-user-key) does not belong to the certificate in alice.crt"), "{text}");
    let text = told(&[&pem[..], &other].concat(), None);
    assert!(text.contains("does not belong to a certificate that is there"), "{text}");

    let authorities = |contents: &[u8]| {
        let settings = Settings { authorities: Some(vec![file("ca.pem", contents)]), ..Settings::default() };
        Connector::new(settings).unwrap_err().to_string()
    };
    assert!(authorities(b"x").starts_with("ca.pem (tls-ca-cert) cannot be used: it is not a certificate"));
    assert!(authorities(&key).starts_with("ca.pem (tls-ca-cert) cannot be used: it holds no certificate"));
}

#[test]
fn a_key_that_the_policy_of_the_library_does_not_allow_is_said_to_be_one() {
    let user = User::with_key(PKey::from_rsa(Rsa::generate(512).unwrap()).unwrap());
    let error = user.shown(user.pem(), Some(user.key.private_key_to_pem_pkcs8().unwrap()), None).unwrap_err();
    let text = "alice.crt (tls-user-cert) cannot be used: the TLS library does not accept it: ee key too small";
    assert_eq!(error.to_string(), text);
}

#[test]
fn a_certificate_that_no_server_would_accept_is_not_even_shown() {
    let ca = Ca::new("Test CA");
    let told = |leaf: Leaf<'_>| {
        let (certificate, key) = ca.issue(&leaf);
        Connector::new(with_user(trusting(&ca), certificate, key)).unwrap_err()
    };
    let expired = told(Leaf { not_after: now() - DAY, not_before: now() - 2 * DAY, ..alice() });
    assert!(matches!(expired, Error::Expired { .. }));
    assert!(expired.to_string().starts_with("the user's certificate in user.pem expired on "), "{expired}");
    let early = told(Leaf { not_before: now() + DAY, not_after: now() + 2 * DAY, ..alice() });
    assert!(matches!(early, Error::NotYetValid { .. }));
    assert!(matches!(told(Leaf::default()), Error::NotForClients { .. }));
    for usages in [&[][..], &["anyExtendedKeyUsage"], &["emailProtection", "clientAuth"]] {
        let (certificate, key) = ca.issue(&Leaf { usages, ..alice() });
        Connector::new(with_user(trusting(&ca), certificate, key)).unwrap();
    }
}

#[test]
fn certificates_beside_the_users_go_to_the_server_in_both_formats() {
    let user = User::new();
    let chain = |certificate: Vec<u8>, key| {
        let user = settings(certificate, key, None, &user.ca).user.unwrap();
        identity::load(&user, None).unwrap().chain.len()
    };
    let key = || Some(user.key.private_key_to_pem_pkcs8().unwrap());
    assert_eq!(chain(user.pem(), key()), 0);
    assert_eq!(chain([user.pem(), user.ca.certificate.to_pem().unwrap()].concat(), key()), 1);
    assert_eq!(chain([user.pem(), user.pem()].concat(), key()), 0);
    assert_eq!(chain(user.pkcs12(""), None), 1);
}

#[test]
fn the_user_is_called_by_the_principal_name_first() {
    let (ca, key) = (Ca::new("Test CA"), pki::key());
    let mut builder = pki::builder("Alice", "Test CA", &key);
    builder.set_not_before(&Asn1Time::from_unix(now() - DAY).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(now() + DAY).unwrap()).unwrap();
    let mut names = SubjectAlternativeName::new();
    names.dns("alice.example").email("other@corp.example");
    let principal = [&[0x0c, 18][..], b"alice@corp.example"].concat();
    names.other_name2(Asn1Object::from_str("1.2.3.4").unwrap(), &[0x0c, 1, b'x']);
    names.other_name2(Asn1Object::from_str("1.3.6.1.4.1.311.20.2.3").unwrap(), &principal);
    let names = names.build(&builder.x509v3_context(Some(&ca.certificate), None)).unwrap();
    builder.append_extension(names).unwrap();
    builder.sign(&ca.key, MessageDigest::sha256()).unwrap();
    let (certificate, key) = (builder.build().to_pem().unwrap(), key.private_key_to_pem_pkcs8().unwrap());
    let connector = Connector::new(with_user(trusting(&ca), certificate, key)).unwrap();
    assert_eq!(connector.user_name(), Some("alice@corp.example"));
    assert_eq!(Connector::new(trusting(&ca)).unwrap().user_name(), None);
}

#[test]
fn nothing_secret_is_in_what_is_shown_of_settings() {
    let settings = Settings {
        user: Some(UserCertificate {
            certificate: Source::Token("pkcs11:token=t?pin-value=1234".to_owned()),
            key: Some(Source::File(file("alice.key", *b"KEY"))),
        }),
        ..Settings::default()
    };
    let text = format!("{settings:?}");
    assert!(text.contains("alice.key") && text.contains("pkcs11:token=t"));
    assert!(!text.contains("1234") && !text.contains("75, 69, 89") && !text.contains("KEY"));
    assert!(Source::is_token("PKCS11:x") && !Source::is_token("/etc/pkcs11:x") && !Source::is_token("é"));
}
