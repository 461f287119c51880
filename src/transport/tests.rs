//! Real handshakes over loopback, with certificates made for each test.

use std::env;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::ssl::{Ssl, SslContext, SslMethod, SslVersion};
use openssl::x509::X509;
use openssl::x509::extension::SubjectAlternativeName;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::dial::{Direct, KEEPALIVE_IDLE, NOT_SENT_LOW_WATER, resolve};
use super::failure::CertificateProblem;
use super::pki::{Ca, CaFile, DAY, Leaf, builder, key, now};
use super::*;
use crate::profile::Profile;
use crate::profile_files::Rights;

mod expectations;

const HOST: &str = "localhost";

/// A limit that a test can wait for.
const SHORT: Duration = Duration::from_secs(1);

fn impatient() -> Direct {
    Direct { connect: SHORT, ..Direct::default() }
}

/// A TLS server that echoes, and counts.
pub(super) struct Server {
    pub(super) port: u16,
    connections: Arc<AtomicUsize>,
    received: Arc<Mutex<Vec<u8>>>,
}

impl Server {
    pub(super) fn start((certificate, key): (Vec<u8>, Vec<u8>), max: Option<native_tls::Protocol>) -> Server {
        let identity = native_tls::Identity::from_pkcs8(&certificate, &key).unwrap();
        let mut builder = native_tls::TlsAcceptor::builder(identity);
        builder.min_protocol_version(Some(native_tls::Protocol::Tlsv10)).max_protocol_version(max);
        let acceptor = builder.build().unwrap();
        Server::accepting(move |socket| acceptor.accept(socket).ok())
    }

    /// One that speaks this version and no other, whatever the policy of the library is.
    fn of_version((certificate, key): (Vec<u8>, Vec<u8>), version: SslVersion) -> Server {
        let mut builder = SslContext::builder(SslMethod::tls_server()).unwrap();
        builder.set_cipher_list("DEFAULT@SECLEVEL=0").unwrap();
        builder.set_min_proto_version(Some(version)).unwrap();
        builder.set_max_proto_version(Some(version)).unwrap();
        builder.set_certificate(&X509::from_pem(&certificate).unwrap()).unwrap();
        builder.set_private_key(&PKey::private_key_from_pem(&key).unwrap()).unwrap();
        let context = builder.build();
        Server::accepting(move |socket| Ssl::new(&context).unwrap().accept(socket).ok())
    }

    fn accepting<S: Read + Write>(accept: impl Fn(std::net::TcpStream) -> Option<S> + Send + 'static) -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (connections, received) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let server = Server { port, connections: connections.clone(), received: received.clone() };
        thread::spawn(move || {
            for socket in listener.incoming() {
                connections.fetch_add(1, Ordering::SeqCst);
                let Some(mut tls) = accept(socket.unwrap()) else { continue };
                let mut buffer = [0; 1024];
                while let Ok(n @ 1..) = tls.read(&mut buffer) {
                    received.lock().unwrap().extend_from_slice(&buffer[..n]);
                    if tls.write_all(&buffer[..n]).is_err() {
                        break;
                    }
                }
            }
        });
        server
    }
}

pub(super) fn settings(port: u16, ca: &CaFile) -> Settings {
    Settings {
        host: HOST.to_owned(),
        port,
        proxy: None,
        ca_certificates: Some(contents(&ca.0)),
        ignore_certificate: false,
        name: None,
        server_name_indication: true,
        sni: None,
        fingerprint: None,
        revoked: None,
        least_version: Version::Tls12,
        limits: Limits::default(),
        unacknowledged: None,
    }
}

fn contents(path: &Path) -> CaCertificates {
    CaCertificates { path: path.to_owned(), files: vec![(path.to_owned(), fs::read(path).unwrap().into())] }
}

/// What a profile with this setting reads.
async fn files(key: &str, path: &Path) -> Files {
    let data = [("gateway", "vpn.example.com"), (key, path.to_str().unwrap())];
    // a backslash begins an escape there
    let data = data.map(|(key, value)| (key.to_owned(), value.replace('\\', "\\\\"))).into();
    let (profile, _) = Profile::from_settings(&data, None, None).unwrap();
    Files::read(&profile, &Rights::default()).await
}

/// Starts a server with this certificate and connects to it: the certificate's CA is trusted.
async fn against(leaf: &Leaf<'_>, adjust: impl FnOnce(&mut Settings)) -> (Server, Result<Connection, Error>) {
    let ca = Ca::new("Test CA");
    let server = Server::start(ca.issue(leaf), None);
    let file = ca.file();
    let mut settings = settings(server.port, &file);
    adjust(&mut settings);
    let result = open(&settings, &Direct::default(), |_| {}).await;
    (server, result)
}

async fn echo(connection: &mut Connection) {
    connection.stream.write_all(b"hello").await.unwrap();
    let mut answer = [0; 5];
    connection.stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"hello");
}

fn problem(error: &Error) -> &CertificateProblem {
    match error {
        Error::Tls { failure: TlsFailure::Certificate { problem, .. }, .. } => problem,
        other => panic!("not a certificate failure: {other:?}"),
    }
}

fn tls_failure(result: Result<Connection, Error>) -> (TlsFailure, String) {
    match result {
        Err(error) => {
            let text = error.to_string();
            match error {
                Error::Tls { failure, .. } => (failure, text),
                other => panic!("not a TLS failure: {other:?}"),
            }
        }
        Ok(_) => panic!("the connection was accepted"),
    }
}

#[tokio::test]
async fn a_good_certificate_is_accepted_and_handed_out() {
    let ca = Ca::new("Test CA");
    let (pem, key) = ca.issue(&Leaf::default());
    let der = X509::from_pem(&pem).unwrap().to_der().unwrap();
    let server = Server::start((pem, key), None);
    let mut steps = Vec::new();
    let mut connection =
        open(&settings(server.port, &ca.file()), &Direct::default(), |step| steps.push(step)).await.unwrap();
    assert_eq!(connection.certificate, der);
    assert_eq!(connection.address.port(), server.port);
    assert_eq!(steps, [Step::Resolve, Step::Connect, Step::Tls]);
    echo(&mut connection).await;
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_address_is_verified_as_an_address() {
    let leaf = Leaf { names: &["127.0.0.1"], ..Leaf::default() };
    let (_server, result) = against(&leaf, |settings| settings.host = "127.0.0.1".to_owned()).await;
    echo(&mut result.unwrap()).await;

    let leaf = Leaf { names: &["192.0.2.7"], ..Leaf::default() };
    let (_server, result) = against(&leaf, |settings| settings.host = "127.0.0.1".to_owned()).await;
    assert_eq!(problem(&result.unwrap_err()), &CertificateProblem::WrongName);
}

#[tokio::test]
async fn a_wrong_name_is_reported_with_the_names_of_the_certificate() {
    let leaf = Leaf { names: &["other.example", "192.0.2.7"], ..Leaf::default() };
    let (server, result) = against(&leaf, |_| {}).await;
    let error = result.unwrap_err();
    assert_eq!(problem(&error), &CertificateProblem::WrongName);
    let text = error.to_string();
    assert!(text.contains("has a certificate for other.example, 192.0.2.7, not for localhost"), "{text}");
    assert!(text.contains("issued to other.example by Test CA, SHA-256 "), "{text}");
    assert_eq!(text.matches(':').count(), 63, "an address with a port and twice a whole fingerprint: {text}");
    // Nothing was sent on either connection.
    assert_eq!(server.connections.load(Ordering::SeqCst), 2);
    assert_eq!(server.received.lock().unwrap().as_slice(), b"");
}

#[tokio::test]
async fn without_sni_the_name_is_still_verified() {
    let leaf = Leaf { names: &["other.example"], ..Leaf::default() };
    let (_server, result) = against(&leaf, |settings| settings.server_name_indication = false).await;
    assert_eq!(problem(&result.unwrap_err()), &CertificateProblem::WrongName);
}

#[tokio::test]
async fn an_unknown_issuer_is_named() {
    let other = Ca::new("Another CA").file();
    let (_server, result) =
        against(&Leaf::default(), |settings| settings.ca_certificates = Some(contents(&other.0))).await;
    let error = result.unwrap_err();
    assert!(matches!(problem(&error), CertificateProblem::Untrusted(_)), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("is not trusted") && text.contains("issued to localhost by Test CA"), "{text}");
}

#[tokio::test]
async fn a_certificate_out_of_its_time_is_refused() {
    let leaf = Leaf { not_before: now() - 3 * DAY, not_after: now() - 2 * DAY, ..Leaf::default() };
    let (_server, result) = against(&leaf, |_| {}).await;
    let error = result.unwrap_err();
    assert_eq!(problem(&error), &CertificateProblem::Expired);
    assert!(error.to_string().contains(") expired on "), "{error}");

    let leaf = Leaf { not_before: now() + DAY, not_after: now() + 2 * DAY, ..Leaf::default() };
    let (_server, result) = against(&leaf, |_| {}).await;
    assert_eq!(problem(&result.unwrap_err()), &CertificateProblem::NotYetValid);
}

/// MS-SSTP 3.2.4.1, and where we differ from its words: see the head of transport.rs.
#[tokio::test]
async fn the_purpose_is_enforced() {
    for (usages, accepted) in [
        (&["serverAuth"][..], true),
        (&["clientAuth", "serverAuth"][..], true),
        (&[][..], true),
        (&["clientAuth"][..], false),
        (&["codeSigning", "emailProtection"][..], false),
        (&["1.3.6.1.4.1.55555.1"][..], false),
        (&["anyExtendedKeyUsage"][..], false),
    ] {
        let (_server, result) = against(&Leaf { usages, ..Leaf::default() }, |_| {}).await;
        match result {
            Ok(mut connection) => {
                assert!(accepted, "{usages:?} was accepted");
                echo(&mut connection).await;
            }
            Err(error) => {
                assert!(!accepted, "{usages:?}: {error}");
                assert_eq!(problem(&error), &CertificateProblem::Purpose);
                assert!(error.to_string().contains("serverAuth"), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn ignoring_accepts_each_of_them_and_the_connection_works() {
    let other = Ca::new("Another CA").file();
    for (leaf, ca) in [
        (Leaf { names: &["other.example"], ..Leaf::default() }, None),
        (Leaf { usages: &["clientAuth"], ..Leaf::default() }, None),
        (Leaf { not_before: now() - 3 * DAY, not_after: now() - 2 * DAY, ..Leaf::default() }, None),
        (Leaf::default(), Some(other.0.clone())),
    ] {
        let (_server, result) = against(&leaf, |settings| {
            settings.ignore_certificate = true;
            if let Some(ca) = ca {
                settings.ca_certificates = Some(contents(&ca));
            }
        })
        .await;
        echo(&mut result.unwrap()).await;
    }
}

#[tokio::test]
async fn ignoring_makes_no_second_connection_where_nothing_is_wrong() {
    let (server, result) = against(&Leaf::default(), |settings| settings.ignore_certificate = true).await;
    echo(&mut result.unwrap()).await;
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

/// The system's CAs are a matter of the process's environment: so this runs itself again, in processes of its own.
#[tokio::test]
async fn a_ca_file_replaces_the_systems_cas() {
    if let Ok(port) = env::var("TEST_PORT") {
        return child_of_a_ca_file_replaces_the_systems_cas(&port).await;
    }
    // Of the same name, as after a CA has changed its key.
    let (system, own) = (Ca::new("Test CA"), Ca::new("Test CA"));
    let (system_file, own_file) = (system.file(), own.file());
    let by_system = Server::start(system.issue(&Leaf::default()), None);
    let by_own = Server::start(own.issue(&Leaf::default()), None);
    for (port, ca, accepted) in [
        (by_system.port, None, true),
        (by_own.port, None, false),
        (by_system.port, Some(&own_file), false),
        (by_own.port, Some(&own_file), true),
    ] {
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", "transport::tests::a_ca_file_replaces_the_systems_cas", "--nocapture"]);
        child.env("SSL_CERT_FILE", &system_file.0).env("TEST_PORT", port.to_string());
        if let Some(file) = ca {
            child.env("TEST_CA", &file.0);
        }
        let output = child.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert!(text.contains("1 passed") || text.contains("1 failed"), "the child did not run: {text}");
        assert_eq!(output.status.success(), accepted, "port {port}, ca {}: {text}", ca.is_some());
        assert!(accepted || text.contains("is not trusted"), "{text}");
    }
}

/// What such a process does: it panics with the error's sentence.
async fn child_of_a_ca_file_replaces_the_systems_cas(port: &str) {
    let settings = Settings {
        host: HOST.to_owned(),
        proxy: None,
        port: port.parse().unwrap(),
        ca_certificates: env::var_os("TEST_CA").map(|path| contents(Path::new(&path))),
        ignore_certificate: false,
        name: None,
        server_name_indication: true,
        sni: None,
        fingerprint: None,
        revoked: None,
        least_version: Version::Tls12,
        limits: Limits::default(),
        unacknowledged: None,
    };
    if let Err(error) = open(&settings, &Direct::default(), |_| {}).await {
        panic!("{error}");
    }
}

#[tokio::test]
async fn a_useless_ca_file_is_named() {
    let ca = Ca::new("Test CA");
    let server = Server::start(ca.issue(&Leaf::default()), None);
    let file = ca.file();
    for (contents, reason) in [
        (&b""[..], "not a certificate"),
        (b"some text", "not a certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "certificate"),
    ] {
        fs::write(&file.0, contents).unwrap();
        let text = open(&settings(server.port, &file), &Direct::default(), |_| {}).await.unwrap_err().to_string();
        assert!(text.contains(file.0.to_str().unwrap()) && text.contains(reason), "{text}");
    }
    for path in ["/dev/zero", "/nonexistent/ca.pem", "/"] {
        let path = Path::new(path);
        let error = CaCertificates::among(&files("ca-cert", path).await, path).unwrap_err();
        assert!(matches!(error, Error::CaCertificates { .. }), "{error:?}");
    }
    // DER does as well as PEM.
    fs::write(&file.0, ca.certificate.to_der().unwrap()).unwrap();
    echo(&mut open(&settings(server.port, &file), &Direct::default(), |_| {}).await.unwrap()).await;
}

#[tokio::test]
async fn an_old_protocol_version_is_refused() {
    let ca = Ca::new("Test CA");
    let server = Server::start(ca.issue(&Leaf::default()), Some(native_tls::Protocol::Tlsv11));
    let file = ca.file();
    let mut settings = settings(server.port, &file);
    settings.ignore_certificate = true;
    let (failure, text) = tls_failure(open(&settings, &Direct::default(), |_| {}).await);
    assert!(matches!(failure, TlsFailure::ProtocolVersion { .. }), "{failure:?}");
    assert!(text.contains("TLS"), "{text}");
}

/// A server that says this to whoever connects and then closes.
fn blunt(answer: &'static [u8]) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let mut hello = [0; 2048];
            let _ = socket.read(&mut hello);
            let _ = socket.write_all(answer);
        }
    });
    port
}

#[tokio::test]
async fn what_is_not_tls_is_told_apart() {
    let ca = Ca::new("Test CA").file();
    let port = blunt(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let (failure, _) = tls_failure(open(&settings(port, &ca), &Direct::default(), |_| {}).await);
    assert!(matches!(failure, TlsFailure::NotTls(_)), "{failure:?}");

    let port = blunt(b"");
    let (failure, text) = tls_failure(open(&settings(port, &ca), &Direct::default(), |_| {}).await);
    assert!(matches!(failure, TlsFailure::Closed), "{failure:?}");
    assert!(text.contains("may not serve localhost"), "{text}");

    // A fatal alert: unrecognized_name (RFC 6066 3).
    let port = blunt(&[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x70]);
    let (_, text) = tls_failure(open(&settings(port, &ca), &Direct::default(), |_| {}).await);
    assert!(text.contains("unrecognized name"), "{text}");
}

#[tokio::test]
async fn a_server_that_never_shakes_hands_is_given_up() {
    let ca = Ca::new("Test CA").file();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut settings = settings(listener.local_addr().unwrap().port(), &ca);
    settings.host = "127.0.0.1".to_owned();
    settings.limits.tls = SHORT;
    let begin = tokio::time::Instant::now();
    let (failure, _) = tls_failure(open(&settings, &Direct::default(), |_| {}).await);
    assert!(matches!(failure, TlsFailure::TimedOut(_)), "{failure:?}");
    assert!(begin.elapsed() >= SHORT);
}

#[tokio::test]
async fn each_address_is_tried_and_each_reason_told() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let good = listener.local_addr().unwrap();
    let closed = |host: [u8; 4]| TcpListener::bind((Ipv4Addr::from(host), 0)).unwrap().local_addr().unwrap();
    let (first, second) = (closed([127, 0, 0, 2]), closed([127, 0, 0, 3]));

    let (_, address) = impatient().connect(&[first, good]).await.unwrap();
    assert_eq!(address, good);

    let text = impatient().connect(&[first, second]).await.unwrap_err().to_string();
    assert_eq!(
        text,
        format!(
            "{first} refused the connection: no server listens on that port; \
             {second} refused the connection: no server listens on that port; check the name and the port"
        )
    );
}

#[tokio::test]
async fn tcp_is_told_how_long_it_may_wait_for_acknowledgments() {
    for limit in [None, Some(Duration::from_millis(18_750))] {
        let (_server, connection) = against(&Leaf::default(), |settings| settings.unacknowledged = limit).await;
        let stream = connection.unwrap().stream;
        assert_eq!(SockRef::from(tap(&stream)).tcp_user_timeout().unwrap(), limit);
    }
}

/// A listener whose queue is full drops what comes next, as a blackhole does.
#[tokio::test]
async fn a_blackholed_address_is_given_up() {
    let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let _queued = std::net::TcpStream::connect(address).unwrap();

    let begin = tokio::time::Instant::now();
    let error = impatient().connect(&[address]).await.unwrap_err();
    assert!(begin.elapsed() >= SHORT);
    assert_eq!(
        error.to_string(),
        format!(
            "{address} did not answer within 1 s; check the name and the port, and whether a firewall on the way lets this pass"
        )
    );
}

#[tokio::test]
async fn a_name_that_cannot_be_is_not_found() {
    // A label has at most 63 octets (RFC 1035 2.3.4): no resolver asks anybody for this one.
    let host = format!("{}.example", "a".repeat(64));
    let error = resolve(&host, 443, SHORT).await.unwrap_err();
    assert!(matches!(error, dial::Error::NameNotFound { .. }), "{error:?}");
    assert!(error.to_string().starts_with(&format!("the gateway's name {host} could not be resolved (")), "{error}");
}

#[tokio::test]
async fn the_socket_is_tuned() {
    let (_server, result) = against(&Leaf::default(), |_| {}).await;
    let connection = result.unwrap();
    let socket = SockRef::from(tap(&connection.stream));
    assert!(socket.tcp_nodelay().unwrap());
    assert_eq!(socket.tcp_notsent_lowat().unwrap(), NOT_SENT_LOW_WATER);
    assert!(socket.keepalive().unwrap());
    assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE_IDLE);
}

#[tokio::test]
async fn what_was_agreed_on_is_told() {
    let (_server, result) = against(&Leaf::default(), |_| {}).await;
    let connection = result.unwrap();
    let Tls { version, cipher, fingerprint: shown } = &connection.tls;
    assert!(["TLS 1.2", "TLS 1.3"].contains(&version.as_str()), "{version}");
    assert!(cipher.starts_with("TLS_"), "{cipher}");
    assert_eq!((shown.len(), *shown == checks::fingerprint(&connection.certificate)), (95, true));
    assert!(round_trip(&connection.stream).unwrap() < Duration::from_secs(1));
    let unfragmented = connection.unfragmented().unwrap();
    assert!(unfragmented > 1000, "{unfragmented}");
}

/// The first flight of a client that connects with these settings.
async fn client_hello_with(adjust: impl FnOnce(&mut Settings)) -> Vec<u8> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let hello = thread::spawn(move || {
        let mut hello = vec![0; 4096];
        let n = listener.accept().unwrap().0.read(&mut hello).unwrap();
        hello.truncate(n);
        hello
    });
    let ca = Ca::new("Test CA").file();
    let mut settings = settings(port, &ca);
    adjust(&mut settings);
    open(&settings, &Direct::default(), |_| {}).await.unwrap_err();
    hello.join().unwrap()
}

async fn client_hello(host: &str, server_name_indication: bool) -> Vec<u8> {
    client_hello_with(|settings| {
        settings.host = host.to_owned();
        settings.server_name_indication = server_name_indication;
    })
    .await
}

#[tokio::test]
async fn sni_is_sent_for_names_and_only_then() {
    let contains = |hello: &[u8], text: &[u8]| hello.windows(text.len()).any(|window| window == text);
    assert!(contains(&client_hello("localhost", true).await, b"localhost"));
    assert!(!contains(&client_hello("localhost", false).await, b"localhost"));
    assert!(!contains(&client_hello("127.0.0.1", true).await, b"127.0.0.1"));
}

#[test]
fn the_words_of_every_openssl_are_understood() {
    use CertificateProblem::*;
    for (text, expected) in [
        ("x:ssl/s.c:1: (hostname mismatch)", WrongName),
        ("x:ssl/s.c:1: (Hostname mismatch)", WrongName),
        ("x:ssl/s.c:1: (IP address mismatch)", WrongName),
        ("x:ssl/s.c:1: (certificate has expired)", Expired),
        ("x:ssl/s.c:1: (certificate is not yet valid)", NotYetValid),
        ("x:ssl/s.c:1: (unsupported certificate purpose)", Purpose),
        ("x:ssl/s.c:1: (unsuitable certificate purpose)", Purpose),
        ("x (self signed certificate)", Untrusted("self signed certificate".to_owned())),
        (
            "x (self-signed certificate in certificate chain)",
            Untrusted("self-signed certificate in certificate chain".to_owned()),
        ),
        ("x (unable to get local issuer certificate)", Untrusted("unable to get local issuer certificate".to_owned())),
        ("x (unable to verify the first certificate)", Untrusted("unable to verify the first certificate".to_owned())),
        ("x (EE certificate key too weak)", Other("EE certificate key too weak".to_owned())),
        ("no parentheses", Other("no parentheses".to_owned())),
    ] {
        assert_eq!(reason::certificate_problem(text), expected, "{text}");
    }
}

#[test]
fn texts_of_a_certificate_are_made_safe_to_show() {
    let ca = Ca::new("Test CA");
    let key = key();
    let mut builder = builder("evil\n\u{1b}[31mname", "Test CA", &key);
    builder.set_not_before(&Asn1Time::from_unix(now() - DAY).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(now() + DAY).unwrap()).unwrap();
    let mut names = SubjectAlternativeName::new();
    for number in 0..20 {
        names.dns(&format!("host{number}.example"));
    }
    let names = names.build(&builder.x509v3_context(Some(&ca.certificate), None)).unwrap();
    builder.append_extension(names).unwrap();
    builder.sign(&ca.key, MessageDigest::sha256()).unwrap();
    let facts = CertificateFacts::from_der(&builder.build().to_der().unwrap()).unwrap();
    assert_eq!(facts.subject, "evil??[31mname");
    assert_eq!(facts.names.len(), 8);
    assert!(facts.names_text().ends_with("host7.example and 12 more"), "{}", facts.names_text());
    assert_eq!(CertificateFacts::from_der(b"no certificate"), None);
}
