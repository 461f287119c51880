//! What a profile may expect beside the chain: other names, one certificate, lists of revoked ones, versions; and what
//! answers in the place of the server.

use super::*;

fn pinned(certificate: &[u8]) -> Option<Fingerprint> {
    crate::profile::parse_fingerprint(&checks::fingerprint(&X509::from_pem(certificate).unwrap().to_der().unwrap()))
}

#[tokio::test]
async fn the_name_can_be_another_than_what_is_connected_to() {
    let leaf = Leaf { names: &["vpn.example"], ..Leaf::default() };
    let name = |name: &str| Some(name.to_owned());
    let (_server, result) = against(&leaf, |settings| settings.name = name("vpn.example")).await;
    echo(&mut result.unwrap()).await;
    let (_server, result) = against(&leaf, |settings| settings.name = name("other.example")).await;
    let error = result.unwrap_err();
    assert_eq!(problem(&error), &CertificateProblem::WrongName);
    let text = error.to_string();
    assert!(text.contains("has a certificate for vpn.example, not for other.example"), "{text}");
    assert!(text.contains("gateway-name=vpn.example, or gateway-fingerprint="), "{text}");
}

/// The name is verified by another part then, with the same result for each kind of name.
#[tokio::test]
async fn another_name_in_the_handshake_changes_nothing_about_the_name_that_is_verified() {
    for (names, name, accepted) in [
        (&["localhost"][..], None, true),
        (&["vpn.example"], None, false),
        (&["front.example"], None, false),
        (&["a.example", "vpn.example"], Some("vpn.example"), true),
        (&["*.vpn.example"], Some("a.VPN.example"), true),
        (&["*.vpn.example"], Some("a.b.vpn.example"), false),
        (&["a*.vpn.example"], Some("ab.vpn.example"), false),
        (&["192.0.2.7"], Some("192.0.2.7"), true),
        (&["192.0.2.7"], Some("192.0.2.8"), false),
        (&["front.example"], Some("192.0.2.7"), false),
    ] {
        for sni in [Some("front.example".to_owned()), None] {
            let told = sni.is_some();
            let (server, result) = against(&Leaf { names, ..Leaf::default() }, |settings| {
                settings.name = name.map(str::to_owned);
                settings.sni = sni;
            })
            .await;
            match result {
                Ok(mut connection) => {
                    assert!(accepted && connection.verified, "{names:?} passed for {name:?}, another told: {told}");
                    echo(&mut connection).await;
                }
                Err(error) => {
                    assert!(!accepted, "{error}");
                    assert_eq!(problem(&error), &CertificateProblem::WrongName, "{names:?} for {name:?}: {error}");
                    assert_eq!(server.received.lock().unwrap().as_slice(), b"");
                }
            }
        }
    }
}

#[tokio::test]
async fn another_name_in_the_handshake_does_not_spare_the_chain() {
    let other = Ca::new("Another CA").file();
    let (_server, result) = against(&Leaf::default(), |settings| {
        settings.sni = Some("front.example".to_owned());
        settings.ca_certificates = Some(contents(&other.0));
    })
    .await;
    assert!(matches!(problem(&result.unwrap_err()), CertificateProblem::Untrusted(_)));
    let leaf = Leaf { usages: &["clientAuth"], ..Leaf::default() };
    let (_server, result) = against(&leaf, |settings| settings.sni = Some("front.example".to_owned())).await;
    assert_eq!(problem(&result.unwrap_err()), &CertificateProblem::Purpose);
}

#[tokio::test]
async fn the_name_that_is_told() {
    for (name, sni, told, silent) in [
        (Some("vpn.example"), None, "vpn.example", "localhost"),
        (None, Some("front.example"), "front.example", "localhost"),
        (Some("vpn.example"), Some("front.example"), "front.example", "vpn.example"),
        (Some("192.0.2.7"), Some("front.example"), "front.example", "192.0.2.7"),
    ] {
        let hello = client_hello_with(|settings| {
            settings.name = name.map(str::to_owned);
            settings.sni = sni.map(str::to_owned);
        })
        .await;
        let contains = |text: &str| hello.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(contains(told) && !contains(silent), "{name:?}, {sni:?}");
    }
    let hello = client_hello_with(|settings| {
        settings.sni = Some("front.example".to_owned());
        settings.server_name_indication = false;
    })
    .await;
    assert!(!hello.windows(13).any(|window| window == b"front.example"));
}

#[tokio::test]
async fn one_certificate_can_be_accepted_whatever_is_wrong_with_it() {
    let (own, other) = (Ca::new("Test CA"), Ca::new("Another CA"));
    let other_file = other.file();
    for leaf in [
        Leaf::default(),
        Leaf { names: &["other.example"], ..Leaf::default() },
        Leaf { usages: &["clientAuth"], ..Leaf::default() },
        Leaf { not_before: now() - 3 * DAY, not_after: now() - 2 * DAY, ..Leaf::default() },
    ] {
        let (certificate, key) = own.issue(&leaf);
        let wanted = pinned(&certificate);
        let revoked = own.list(&[&X509::from_pem(&certificate).unwrap()], now() + DAY).to_pem().unwrap();
        let server = Server::start((certificate, key), None);
        let settings = Settings {
            fingerprint: wanted,
            revoked: Some(Revoked { path: "crl.pem".into(), contents: revoked }),
            ..settings(server.port, &other_file)
        };
        let mut connection = open(&settings, &Direct::default(), |_| {}).await.unwrap();
        assert!(connection.verified && connection.objection.is_none());
        echo(&mut connection).await;
        assert_eq!(server.connections.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn no_other_certificate_is_accepted_then() {
    let wanted = pinned(&Ca::new("Test CA").issue(&Leaf::default()).0);
    let (server, result) = against(&Leaf::default(), |settings| settings.fingerprint = wanted).await;
    let error = result.unwrap_err();
    let (is, should) = (checks_of(&error), certificate::colons(&wanted.unwrap()));
    assert_eq!(problem(&error), &CertificateProblem::Fingerprint { wanted: should.clone() });
    let text = error.to_string();
    for words in [
        format!("is not the one that is accepted, SHA-256 {should} (gateway-fingerprint)"),
        format!("it is issued to localhost by Test CA, SHA-256 {is}"),
        format!("set gateway-fingerprint={is}"),
        "something on the way intercepts TLS".to_owned(),
    ] {
        assert!(text.contains(&words), "{text}");
    }
    assert_eq!(server.received.lock().unwrap().as_slice(), b"");
    // A look at the gateway goes on, and says so.
    let (_server, result) = against(&Leaf::default(), |settings| {
        (settings.fingerprint, settings.ignore_certificate) = (wanted, true);
    })
    .await;
    let connection = result.unwrap();
    assert!(!connection.verified && connection.objection.unwrap().contains("gateway-fingerprint"));
}

/// The fingerprint of the certificate that an error is about.
fn checks_of(error: &Error) -> String {
    match error {
        Error::Tls { failure: TlsFailure::Certificate { certificate: Some(facts), .. }, .. } => {
            facts.fingerprint.clone()
        }
        other => panic!("not about a certificate: {other:?}"),
    }
}

#[tokio::test]
async fn a_certificate_that_could_be_pinned_is_named_with_the_setting_that_does_it() {
    let other = Ca::new("Another CA").file();
    let expired = Leaf { not_before: now() - 3 * DAY, not_after: now() - 2 * DAY, ..Leaf::default() };
    for (leaf, ca, problem) in [
        (Leaf::default(), Some(&other), "something on the way intercepts TLS"),
        (Leaf { names: &["other.example"], ..Leaf::default() }, None, "gateway-name=other.example"),
        (Leaf { usages: &["clientAuth"], ..Leaf::default() }, None, "has to replace it"),
        (expired, None, "has to replace it"),
    ] {
        let (_server, result) = against(&leaf, |settings| {
            if let Some(ca) = ca {
                settings.ca_certificates = Some(contents(&ca.0));
            }
        })
        .await;
        let error = result.unwrap_err();
        let text = error.to_string();
        let setting = format!("gateway-fingerprint={}", checks_of(&error));
        assert!(text.contains(problem) && text.contains(&setting), "{text}");
    }
}

#[tokio::test]
async fn a_revoked_certificate_is_refused() {
    let (ca, other) = (Ca::new("Test CA"), Ca::new("Another CA"));
    let (certificate, key) = ca.issue(&Leaf::default());
    let leaf = X509::from_pem(&certificate).unwrap();
    let server = Server::start((certificate, key), None);
    let (file, until) = (ca.file(), now() + DAY);
    let of_others = other.list(&[&leaf], until).to_pem().unwrap();
    for (list, accepted) in [
        (ca.list(&[&ca.certificate], until).to_pem().unwrap(), true),
        (ca.list(&[&leaf], until).to_der().unwrap(), false),
        ([of_others.clone(), ca.list(&[&leaf], until).to_pem().unwrap()].concat(), false),
        // Out of date, it still knows what was revoked by then.
        (ca.list(&[&leaf], now() - DAY).to_pem().unwrap(), false),
        (ca.list(&[], now() - DAY).to_pem().unwrap(), true),
        // The numbers of another issuer are not this one's.
        (of_others, true),
    ] {
        for sni in [None, Some("front.example".to_owned())] {
            let revoked = Some(Revoked { path: "crl.pem".into(), contents: list.clone() });
            let settings = Settings { revoked, sni, ..settings(server.port, &file) };
            match open(&settings, &Direct::default(), |_| {}).await {
                Ok(mut connection) => {
                    assert!(accepted);
                    echo(&mut connection).await;
                }
                Err(error) => {
                    assert!(!accepted, "{error}");
                    assert_eq!(problem(&error), &CertificateProblem::Revoked);
                    assert!(error.to_string().contains("was revoked by its issuer (crl-file)"), "{error}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_useless_list_is_named() {
    for (name, octets) in [("empty", &b""[..]), ("text", b"no list"), ("pem", b"-----BEGIN CERTIFICATE-----\n")] {
        let path = env::temp_dir().join(format!("nm-sstp-test-crl-{}-{name}", std::process::id()));
        fs::write(&path, octets).unwrap();
        let text = revoked(&path).await.unwrap_err().to_string();
        fs::remove_file(&path).unwrap();
        assert!(text.contains("(crl-file) cannot be used: it ") && text.contains(name), "{text}");
    }
}

/// Profiles of network-manager-sstp may name one that nobody has looked at before.
#[tokio::test]
async fn a_list_that_cannot_be_read_stops_nobody() {
    for path in ["/nonexistent/crl.pem", "/", "/dev/zero"] {
        assert_eq!(revoked(Path::new(path)).await.unwrap(), None, "{path}");
    }
}

async fn revoked(path: &Path) -> Result<Option<Revoked>, Error> {
    Revoked::among(&files("crl-file", path).await, path)
}

/// A directory that goes with its owner.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Directory {
        let path = env::temp_dir().join(format!("nm-sstp-test-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Directory(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn authorities_can_be_in_a_directory_of_any_name() {
    let directory = Directory::new("ca 'dir\" \u{e4};$(x)\n");
    let (ca, other) = (Ca::new("Test CA"), Ca::new("Another CA"));
    let at = |name: &str| directory.0.join(name);
    fs::write(at("README"), b"not a certificate").unwrap();
    fs::write(at("damaged.pem"), b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    fs::write(at("other one.pem"), other.certificate.to_pem().unwrap()).unwrap();
    fs::create_dir(at("more")).unwrap();
    let server = Server::start(ca.issue(&Leaf::default()), None);
    let authorities = async || CaCertificates::among(&files("ca-cert", &directory.0).await, &directory.0).map(Some);
    let with = |ca_certificates| Settings { ca_certificates, ..settings(server.port, &other.file()) };

    let read = authorities().await.unwrap();
    assert_eq!(read.as_ref().unwrap().files.len(), 2, "those that may be certificates");
    let error = open(&with(read), &Direct::default(), |_| {}).await.unwrap_err();
    assert!(matches!(problem(&error), CertificateProblem::Untrusted(_)), "{error}");

    fs::write(at("\u{fc}.der"), ca.certificate.to_der().unwrap()).unwrap();
    std::os::unix::fs::symlink("other one.pem", at("0123abcd.0")).unwrap();
    let read = authorities().await.unwrap();
    assert_eq!(read.as_ref().unwrap().files.len(), 3, "a link is no other certificate");
    echo(&mut open(&with(read), &Direct::default(), |_| {}).await.unwrap()).await;

    fs::remove_file(at("\u{fc}.der")).unwrap();
    fs::remove_file(at("other one.pem")).unwrap();
    let text = open(&with(authorities().await.unwrap()), &Direct::default(), |_| {}).await.unwrap_err().to_string();
    assert!(text.contains("(ca-cert) cannot be used: "), "{text}");
    fs::remove_file(at("damaged.pem")).unwrap();
    let text = authorities().await.unwrap_err().to_string();
    assert!(text.contains("no file in it holds a certificate"), "{text}");
    for number in 0..257 {
        fs::write(at(&format!("{number}.pem")), b"-----BEGIN CERTIFICATE-----\n").unwrap();
    }
    let text = authorities().await.unwrap_err().to_string();
    assert!(text.contains("more than 256 certificates"), "{text}");
}

#[tokio::test]
async fn the_least_version_is_kept() {
    let ca = Ca::new("Test CA");
    let file = ca.file();
    let old = Server::of_version(ca.issue(&Leaf::default()), SslVersion::TLS1_2);
    let mut settings = settings(old.port, &file);
    assert_eq!(open(&settings, &Direct::default(), |_| {}).await.unwrap().tls.version, "TLS 1.2");
    settings.least_version = Version::Tls13;
    let (failure, text) = tls_failure(open(&settings, &Direct::default(), |_| {}).await);
    assert!(matches!(failure, TlsFailure::ProtocolVersion { least: Version::Tls13 }), "{failure:?}");
    assert!(text.contains("(1.3): set gateway-tls-min-version=1.2"), "{text}");
    let new = Server::of_version(ca.issue(&Leaf::default()), SslVersion::TLS1_3);
    settings.port = new.port;
    assert_eq!(open(&settings, &Direct::default(), |_| {}).await.unwrap().tls.version, "TLS 1.3");
}

/// Whether TLS 1.1 can be spoken is a matter of the library's policy: so this runs itself again, in processes of its own
/// that have a strict and a loose one.
#[tokio::test]
async fn outdated_versions_need_a_setting_and_a_library_that_allows_them() {
    if let Ok(least) = env::var("TEST_LEAST") {
        return child_of_outdated_versions(&least).await;
    }
    let directory = Directory::new("openssl");
    let policy = directory.0.join("openssl.cnf");
    let loose = "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = loose\n[loose]\n\
        MinProtocol = TLSv1\nCipherString = DEFAULT@SECLEVEL=0\n";
    let strict = loose.replace("MinProtocol = TLSv1", "MinProtocol = TLSv1.2").replace("SECLEVEL=0", "SECLEVEL=2");
    for (policy_text, least, expected) in [
        (loose, "1.1", "spoke TLS 1.1"),
        (loose, "1.2", "speaks no version of TLS that is still accepted (1.2 or later)"),
        (&strict, "1.1", "accepted here: gateway-tls-min-version allows TLS 1.1, but the TLS library"),
    ] {
        fs::write(&policy, policy_text).unwrap();
        let mut child = Command::new(env::current_exe().unwrap());
        let name = "transport::tests::expectations::outdated_versions_need_a_setting_and_a_library_that_allows_them";
        child.args(["--exact", name, "--nocapture"]).env("OPENSSL_CONF", &policy).env("TEST_LEAST", least);
        let output = child.output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(text.contains(expected), "{least}: {text}");
    }
}

/// What such a process does: it says what came of it.
async fn child_of_outdated_versions(least: &str) {
    let ca = Ca::new("Test CA");
    let server = Server::of_version(ca.issue(&Leaf::default()), SslVersion::TLS1_1);
    let mut settings = settings(server.port, &ca.file());
    settings.least_version = Version::from_setting(least).unwrap();
    match open(&settings, &Direct::default(), |_| {}).await {
        Ok(connection) => println!("spoke {}", connection.tls.version),
        Err(error) => println!("{error}"),
    }
}

#[tokio::test]
async fn who_answers_in_the_place_of_the_server_is_named() {
    let ca = Ca::new("Test CA").file();
    for (answer, words) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "a web server without TLS (HTTP/1.1 400 Bad Request)"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak TLS, but is an SSH server (SSH-2.0-OpenSSH_9.2)"),
        (b"220 mail.example ESMTP\r\n", "a server of another kind (220 mail.example ESMTP)"),
        (b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80\0\x04\0\x01\0\0\0\x05\0\xff\xff\xff", "speaks HTTP/2 only"),
        (b"\x05\x00 nonsense", "does not speak TLS: check the gateway's port"),
        // Fatal alerts: unrecognized_name (RFC 6066 3), no_application_protocol (RFC 7301 3.2).
        (&[0x15, 3, 3, 0, 2, 2, 112], "does not serve the name localhost (TLS alert: unrecognized name)"),
        (&[0x15, 3, 3, 0, 2, 2, 120], "such as HTTP/2 (TLS alert: no application protocol)"),
    ] {
        let (_, text) = tls_failure(open(&settings(blunt(answer), &ca), &Direct::default(), |_| {}).await);
        assert!(text.contains(words), "{text}");
    }
    let port = blunt(&[0x15, 3, 3, 0, 2, 2, 112]);
    let silent = Settings { server_name_indication: false, ..settings(port, &ca) };
    let (_, text) = tls_failure(open(&silent, &Direct::default(), |_| {}).await);
    assert!(text.contains("and was told none: set gateway-name"), "{text}");
}
