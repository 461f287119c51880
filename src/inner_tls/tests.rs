//! Against a server of the same library, in memory; the keys are also computed without it.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};

use openssl::pkey::PKey;
use openssl::ssl::{ErrorCode, Ssl, SslContextBuilder, SslMethod, SslStream, SslVerifyMode, SslVersion};
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;
use zeroize::Zeroizing;

use super::*;
use crate::transport::pki::{Ca, Leaf};

mod files;
mod keys;
mod server;

/// Two queues of octets, of one side.
#[derive(Default)]
pub(super) struct Ends {
    received: Vec<u8>,
    sent: Vec<u8>,
}

impl Read for Ends {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.received.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let octets = (&self.received[..]).read(buffer)?;
        self.received.drain(..octets);
        Ok(octets)
    }
}

impl Write for Ends {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.sent.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a test server is like.
struct Options<'a> {
    leaf: Leaf<'a>,
    version: SslVersion,
    /// The authority whose clients it accepts, where it asks for a certificate.
    clients: Option<&'a Ca>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options {
            leaf: Leaf { names: &["radius.corp.example"], ..Leaf::default() },
            version: SslVersion::TLS1_3,
            clients: None,
        }
    }
}

/// An authentication server, for any number of connections.
pub(super) struct Server {
    context: SslContext,
    certificate: X509,
    /// Lines of secrets as for `SSLKEYLOGFILE`.
    log: Arc<Mutex<String>>,
}

/// One connection of a server.
pub(super) struct Peer {
    pub(super) stream: SslStream<Ends>,
    received: Vec<u8>,
    error: Option<String>,
}

impl Server {
    fn new(ca: &Ca, options: &Options<'_>) -> Server {
        let (certificate, key) = ca.issue(&options.leaf);
        Server::with(&certificate, &key, options)
    }

    fn with(certificate: &[u8], key: &[u8], options: &Options<'_>) -> Server {
        let certificate = X509::from_pem(certificate).unwrap();
        let mut builder = SslContextBuilder::new(SslMethod::tls_server()).unwrap();
        builder.set_certificate(&certificate).unwrap();
        builder.set_private_key(&PKey::private_key_from_pem(key).unwrap()).unwrap();
        builder.set_min_proto_version(Some(options.version)).unwrap();
        builder.set_max_proto_version(Some(options.version)).unwrap();
        builder.set_session_id_context(b"test").unwrap();
        if let Some(ca) = options.clients {
            let mut store = X509StoreBuilder::new().unwrap();
            store.add_cert(ca.certificate.clone()).unwrap();
            builder.set_cert_store(store.build());
            builder.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
        }
        let log = Arc::new(Mutex::new(String::new()));
        let lines = Arc::clone(&log);
        builder.set_keylog_callback(move |_, line| {
            let mut lines = lines.lock().unwrap();
            lines.push_str(line);
            lines.push('\n');
        });
        Server { context: builder.build(), certificate, log }
    }

    /// One of this authority, in PEM, that asks for certificates of the same.
    pub(super) fn for_clients_of(certificate: &[u8], key: &[u8]) -> Server {
        let ca =
            Ca { certificate: X509::from_pem(certificate).unwrap(), key: PKey::private_key_from_pem(key).unwrap() };
        Server::new(&ca, &Options { clients: Some(&ca), ..Options::default() })
    }

    fn accept(&self) -> Peer {
        let mut ssl = Ssl::new(&self.context).unwrap();
        ssl.set_accept_state();
        Peer { stream: SslStream::new(ssl, Ends::default()).unwrap(), received: Vec::new(), error: None }
    }
}

impl Peer {
    fn handle(&mut self, records: &[u8]) -> Vec<u8> {
        self.stream.get_mut().received.extend_from_slice(records);
        let mut buffer = [0; 4096];
        loop {
            match self.stream.ssl_read(&mut buffer) {
                Ok(octets) => self.received.extend_from_slice(&buffer[..octets]),
                Err(error) if error.code() == ErrorCode::WANT_READ => break,
                Err(error) => {
                    self.error.get_or_insert(error.to_string());
                    break;
                }
            }
        }
        std::mem::take(&mut self.stream.get_mut().sent)
    }

    fn send(&mut self, plaintext: &[u8]) -> Vec<u8> {
        assert_eq!(self.stream.ssl_write(plaintext).unwrap(), plaintext.len());
        std::mem::take(&mut self.stream.get_mut().sent)
    }
}

/// Carries records both ways until nobody has any left, `piece` octets at a time to the client.
fn talk(client: &mut dyn TlsClient, peer: &mut Peer, piece: usize) -> Result<(), TlsError> {
    let (mut to_server, mut plaintext) = (Vec::new(), Zeroizing::default());
    let mut result = client.handle(&[], &mut to_server, &mut plaintext);
    while !to_server.is_empty() {
        let to_client = peer.handle(&std::mem::take(&mut to_server));
        for records in to_client.chunks(piece) {
            if result.is_ok() {
                result = client.handle(records, &mut to_server, &mut plaintext);
            }
        }
    }
    assert!(plaintext.is_empty());
    result
}

pub(super) fn file(path: &str, contents: impl Into<Vec<u8>>) -> NamedFile {
    NamedFile { path: path.to_owned(), contents: Zeroizing::new(contents.into()) }
}

fn trusting(ca: &Ca) -> Settings {
    Settings {
        authorities: Some(vec![file("ca.pem", ca.certificate.to_pem().unwrap())]),
        gateway: "vpn.example".to_owned(),
        ..Settings::default()
    }
}

fn with_user(settings: Settings, certificate: Vec<u8>, key: Vec<u8>) -> Settings {
    let user = UserCertificate {
        certificate: Source::File(file("user.pem", certificate)),
        key: Some(Source::File(file("user.key", key))),
    };
    Settings { user: Some(user), ..settings }
}

fn alice() -> Leaf<'static> {
    Leaf { names: &["alice"], usages: &["clientAuth"], ..Leaf::default() }
}

/// A handshake of new ends.
pub(super) fn handshake(connector: &Connector, server: &Server) -> (Box<dyn TlsClient>, Peer, Result<(), TlsError>) {
    let (mut client, mut peer) = (connector.connect().unwrap(), server.accept());
    let result = talk(client.as_mut(), &mut peer, usize::MAX);
    (client, peer, result)
}

#[test]
fn certificates_of_both_sides_are_shown_in_both_versions_an_octet_at_a_time() {
    let ca = Ca::new("Test CA");
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let server = Server::new(&ca, &Options { version, clients: Some(&ca), ..Options::default() });
        let (certificate, key) = ca.issue(&alice());
        let connector = Connector::new(with_user(trusting(&ca), certificate, key)).unwrap();
        assert_eq!(connector.user_name(), Some("alice"));
        let (mut client, mut peer) = (connector.connect().unwrap(), server.accept());
        assert!(!client.is_established());
        assert!(client.export("label", None, &mut [0; 8]).is_err());
        assert!(client.send(b"early", &mut Vec::new()).is_err());
        talk(client.as_mut(), &mut peer, 1).unwrap();
        assert!(client.is_established() && !client.is_resumed());
        assert_eq!(client.is_tls13(), version == SslVersion::TLS1_3);
        assert_eq!(peer.error, None);
        assert!(peer.stream.ssl().peer_certificate().is_some());

        let mut records = Vec::new();
        client.send(&[7; 40_000], &mut records).unwrap();
        peer.handle(&records);
        assert_eq!(peer.received, [7; 40_000]);
        let records = peer.send(b"welcome");
        let mut plaintext = Zeroizing::default();
        for octet in &records {
            client.handle(&[*octet], &mut Vec::new(), &mut plaintext).unwrap();
        }
        assert_eq!(&plaintext[..], b"welcome");
    }
}

#[test]
fn a_session_is_resumed_where_it_was_kept_and_only_then() {
    let ca = Ca::new("Test CA");
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let server = Server::new(&ca, &Options { version, ..Options::default() });
        let connector = Connector::new(trusting(&ca)).unwrap();
        let (_, _, result) = handshake(&connector, &server);
        result.unwrap();
        let (mut second, _, result) = handshake(&connector, &server);
        result.unwrap();
        assert!(!second.is_resumed(), "the first session was not kept");
        second.keep_session();
        for _ in 0..3 {
            let (mut next, peer, result) = handshake(&connector, &server);
            result.unwrap();
            assert!(next.is_resumed() && next.is_established() && peer.stream.ssl().session_reused());
            next.keep_session();
        }
        let (last, _, _) = handshake(&connector, &server);
        assert!(last.is_resumed());
        let (after, _, _) = handshake(&connector, &server);
        assert!(!after.is_resumed(), "a session that is not kept again is offered once");
    }
}

#[test]
fn a_session_that_comes_after_the_keeping_is_kept_too() {
    let ca = Ca::new("Test CA");
    let server = Server::new(&ca, &Options::default());
    let connector = Connector::new(trusting(&ca)).unwrap();
    let (mut client, mut peer) = (connector.connect().unwrap(), server.accept());
    let (mut records, mut plaintext) = (Vec::new(), Zeroizing::default());
    client.handle(&[], &mut records, &mut plaintext).unwrap();
    let flight = peer.handle(&std::mem::take(&mut records));
    client.handle(&flight, &mut records, &mut plaintext).unwrap();
    client.keep_session();
    let tickets = peer.handle(&std::mem::take(&mut records));
    client.handle(&tickets, &mut records, &mut plaintext).unwrap();
    assert!(handshake(&connector, &server).0.is_resumed());
}

#[test]
fn another_server_does_not_resume_and_is_verified_anew() {
    let (ca, other_ca) = (Ca::new("Test CA"), Ca::new("Test CA"));
    let server = Server::new(&ca, &Options::default());
    let connector = Connector::new(trusting(&ca)).unwrap();
    let (mut client, _, _) = handshake(&connector, &server);
    client.keep_session();
    let other = Server::new(&other_ca, &Options::default());
    let (client, _, result) = handshake(&connector, &other);
    assert_eq!(result.unwrap_err().fault, Fault::Certificate);
    assert!(!client.is_established());
    assert!(!handshake(&connector, &server).0.is_resumed(), "a failure forgets the session");
}

#[test]
fn a_certificate_that_the_server_does_not_know_is_refused_in_both_versions() {
    let (ca, other) = (Ca::new("Test CA"), Ca::new("Test CA"));
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let server = Server::new(&ca, &Options { version, clients: Some(&ca), ..Options::default() });
        let (certificate, key) = other.issue(&alice());
        let connector = Connector::new(with_user(trusting(&ca), certificate, key)).unwrap();
        let (mut client, _, result) = handshake(&connector, &server);
        let error = result.unwrap_err();
        assert_eq!(error.fault, Fault::Refused, "{error}");
        // decrypt_error: another key of the same name; or unknown_ca.
        assert!(error.text.contains("the server refused by the TLS alert"), "{error}");
        assert!(!client.is_established());
        assert_eq!(client.handle(&[], &mut Vec::new(), &mut Zeroizing::default()), Err(error), "it stays so");
    }
}

#[test]
fn a_server_that_wants_a_certificate_gets_a_word_about_the_setting() {
    let ca = Ca::new("Test CA");
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let server = Server::new(&ca, &Options { version, clients: Some(&ca), ..Options::default() });
        let (_, _, result) = handshake(&Connector::new(trusting(&ca)).unwrap(), &server);
        let error = result.unwrap_err();
        assert_eq!(error.fault, Fault::Refused, "{error}");
        assert!(error.text.contains("(tls-user-cert)"), "{error}");
    }
}

#[test]
fn versions_that_do_not_meet_are_the_servers_fault_and_old_ones_are_explained() {
    let ca = Ca::new("Test CA");
    let server = Server::new(&ca, &Options::default());
    let connector = |max_version| Connector::new(Settings { max_version, ..trusting(&ca) }).unwrap();
    let (_, _, result) = handshake(&connector(Some(Version::Tls12)), &server);
    let error = result.unwrap_err();
    assert_eq!(error.fault, Fault::Server, "{error}");
    assert!(error.text.contains("protocol_version"), "{error}");

    let old = connector(Version::from_setting("1.0"));
    assert!(old.notices()[0].contains("TLS 1.0"));
    let (_, _, result) = handshake(&old, &server);
    assert!(result.unwrap_err().text.contains("set it to 1.2 or 1.3"));
    assert!(connector(Some(Version::Tls13)).notices().is_empty());
    assert_eq!(Version::from_setting("1.4"), None);
}

#[test]
fn debug_shows_no_passphrase() {
    let settings = Settings { passphrase: Some(Zeroizing::new("hunter2".to_owned())), ..Settings::default() };
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn what_is_not_tls_and_what_is_too_much_end_the_connection() {
    let ca = Ca::new("Test CA");
    let connector = Connector::new(trusting(&ca)).unwrap();
    for garbage in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], &[0x16, 3, 3, 0xff, 0xff, 0], &[0; 200 * 1024]] {
        let mut client = connector.connect().unwrap();
        client.handle(&[], &mut Vec::new(), &mut Zeroizing::default()).unwrap();
        let error = client.handle(garbage, &mut Vec::new(), &mut Zeroizing::default()).unwrap_err();
        assert_eq!(error.fault, Fault::Server, "{error}");
    }
}

#[test]
fn an_end_in_order_is_none_of_a_connection_in_use_but_of_a_handshake() {
    let ca = Ca::new("Test CA");
    let server = Server::new(&ca, &Options::default());
    let connector = Connector::new(trusting(&ca)).unwrap();
    let (mut client, mut peer, result) = handshake(&connector, &server);
    result.unwrap();
    peer.stream.shutdown().unwrap();
    let records = std::mem::take(&mut peer.stream.get_mut().sent);
    client.handle(&records, &mut Vec::new(), &mut Zeroizing::default()).unwrap();
    assert!(client.is_established());

    let mut client = connector.connect().unwrap();
    client.handle(&[], &mut Vec::new(), &mut Zeroizing::default()).unwrap();
    let close_notify = [0x15, 3, 3, 0, 2, 1, 0];
    let error = client.handle(&close_notify, &mut Vec::new(), &mut Zeroizing::default()).unwrap_err();
    assert_eq!(error.fault, Fault::Server, "{error}");
}
