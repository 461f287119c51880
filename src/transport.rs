//! The way to the gateway: name, TCP, TLS.
//!
//! What is verified of the server, and by whom, before one octet of SSTP is sent (MS-SSTP 3.2.4.1):
//!
//! - **chain**: by the TLS library against the system's CAs, or, where the profile names a file of CA certificates,
//!   against that file *alone*: a profile that names its CA is not to be fooled by any other.
//! - **name**: by the TLS library, against the host of the profile, whether or not it is sent as SNI.
//! - **purpose**: OpenSSL gives every client the purpose "SSL server", so a certificate with an extended key usage
//!   without id-kp-serverAuth fails. Two ends are rounded off differently from the specification's words:
//!   anyExtendedKeyUsage alone, which MS-SSTP allows, does not pass OpenSSL; and a certificate without the extension
//!   passes, since RFC 5280 4.2.1.12 leaves such a certificate unrestricted and home-made ones seldom have it (their
//!   owners would otherwise have to turn every check off). It is logged.
//!
//! `ignore_certificate` accepts what did not pass, and says so in the log.
//!
//! The TLS library says *that* a certificate did not pass and in a few words why, but not *which* certificate. So after
//! such a failure, and only then, a second connection with the checks off reads the certificate and is closed again:
//! nothing is ever sent on it beyond the handshake, and nothing that it shows changes the verdict. It only fills in the
//! names of the error. Where `ignore_certificate` is set, that second connection is the one that is used.
//!
//! This is the only file that names the crate of the outer TLS.

use std::error::Error as _;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use socket2::SockRef;
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::task;
use tokio::time::timeout;

use self::certificate::{CertificateFacts, Purpose};
use self::dial::{Dialer, Target};
use self::failure::{CertificateProblem, Error, TlsFailure};
use crate::profile_files::Files;
use crate::wire::tls::ServerHello;

pub use self::tap::Tap;

pub mod certificate;
pub mod dial;
pub mod failure;
mod tap;

/// The stream of octets to and from the server, inside TLS.
///
/// OpenSSL reads each record in two pieces, its five octets of header first: the buffer under it makes one `read` of
/// the socket serve several records.
pub type Stream = tokio_native_tls::TlsStream<BufReader<Tap>>;

/// Octets read from the socket at a time: four full TLS records.
const READ_BUFFER: usize = 64 * 1024;

/// Most octets that TLS puts around the contents of a record (RFC 5246 6.2.3, RFC 8446 5.2): header, nonce, tag, type.
const RECORD_OVERHEAD: u32 = 5 + 8 + 16 + 1;

/// Where to connect to, and what to accept there.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name or address of the gateway as its certificate spells it: no brackets, no port, no dot at its end.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
    /// CA certificates that replace the system's.
    pub ca_certificates: Option<CaCertificates>,
    /// Accept a certificate that does not pass the checks.
    pub ignore_certificate: bool,
    /// Send the host as Server Name Indication (RFC 6066 3), where it is a name.
    pub server_name_indication: bool,
    /// How long each step may take.
    pub limits: Limits,
    /// See [`bound_unacknowledged`].
    pub unacknowledged: Option<Duration>,
}

/// A file of CA certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaCertificates {
    /// Its path, for messages.
    pub path: PathBuf,
    /// Its contents, PEM or DER.
    pub contents: Vec<u8>,
}

impl CaCertificates {
    /// The file of this path.
    ///
    /// # Errors
    ///
    /// [`Error::CaCertificates`]: it could not be read.
    pub fn among(files: &Files, path: &Path) -> Result<CaCertificates, Error> {
        match files.get(path) {
            Ok(contents) => Ok(CaCertificates { path: path.to_owned(), contents: contents.to_vec() }),
            Err(error) => Err(Error::CaCertificates { path: path.to_owned(), reason: error.without_path() }),
        }
    }
}

/// How long each step may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The TLS handshake.
    pub tls: Duration,
    /// The second look at a certificate that did not pass, connection and handshake together.
    pub inspection: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { tls: Duration::from_secs(30), inspection: Duration::from_secs(5) }
    }
}

/// A connection to the server.
#[derive(Debug)]
pub struct Connection {
    /// Octets to and from the server.
    pub stream: Stream,
    /// The server's address.
    pub address: SocketAddr,
    /// Our own address on the way there; `None` where the kernel does not say.
    pub local: Option<IpAddr>,
    /// The server's certificate in DER, for the crypto binding (MS-SSTP 3.2.5.2.2).
    pub certificate: Vec<u8>,
    /// It passed all checks.
    pub verified: bool,
    /// Why it did not pass, a sentence without its begin and end, where it is accepted all the same.
    pub objection: Option<String>,
    /// What was agreed on.
    pub tls: Tls,
}

/// A TLS connection, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Tls {
    /// Its version: `TLS 1.3`; empty where it is not known.
    pub version: String,
    /// Its cipher suite, as IANA spells it: `TLS_AES_256_GCM_SHA384`; empty where it is not known.
    pub cipher: String,
    /// SHA-256 of the server's certificate: pairs of hexadecimal digits with colons between.
    pub fingerprint: String,
}

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The gateway's name is looked up.
    Resolve,
    /// TCP connects.
    Connect,
    /// The TLS handshake.
    Tls,
}

/// Connects to the gateway by way of `dialer`; `progress` hears of each step as it begins.
///
/// # Errors
///
/// See [`Error`]. Every step is bounded in time.
pub async fn open(
    settings: &Settings,
    dialer: &impl Dialer,
    mut progress: impl FnMut(Step) + Send,
) -> Result<Connection, Error> {
    // Reading the system's CAs takes OpenSSL 3 some tens of milliseconds: meanwhile the network answers.
    let for_connector = settings.clone();
    let connector = task::spawn_blocking(move || connector(&for_connector, Checks::On));

    let target = Target::Host { host: settings.host.clone(), port: settings.port };
    let (socket, address) = dialer.dial(target, &mut progress).await?;
    progress(Step::Tls);
    let connector = connector.await.map_err(|error| Error::TlsSetup(error.to_string()))??;
    secure(settings, dialer, &connector, socket, address).await
}

/// Has TCP give up what is not acknowledged for so long (RFC 5482, `TCP_USER_TIMEOUT`); `None`: when the kernel likes, which
/// is after a quarter of an hour. Where it cannot be set, that stays, and a dead server is found by its silence.
pub fn bound_unacknowledged(socket: &impl AsFd, limit: Option<Duration>) {
    if let Err(error) = SockRef::from(socket).set_tcp_user_timeout(limit) {
        tracing::debug!("the time for acknowledgments cannot be bounded: {error}");
    }
}

/// Makes TLS of a TCP connection, with the checks that the settings ask for.
async fn secure(
    settings: &Settings,
    dialer: &impl Dialer,
    connector: &tokio_native_tls::TlsConnector,
    socket: TcpStream,
    address: SocketAddr,
) -> Result<Connection, Error> {
    let failed = |failure| Error::Tls { host: settings.host.clone(), address, failure };
    match handshake(settings, connector, socket).await {
        Ok(stream) => {
            let connection = finish(stream, address).map_err(failed)?;
            note_purpose(settings, &connection);
            Ok(Connection { verified: true, ..connection })
        }
        Err(TlsFailure::Certificate { problem, .. }) => {
            let Limits { tls, inspection } = settings.limits;
            // where it is the connection that is used, connecting is bounded by the dialer
            let limit = if settings.ignore_certificate { 2 * tls } else { inspection };
            let unchecked = timeout(limit, connect_unchecked(settings, dialer, address)).await;
            let unchecked = unchecked.unwrap_or(Err(TlsFailure::TimedOut(limit)));
            let facts = unchecked.as_ref().ok().and_then(|other| CertificateFacts::from_der(&other.certificate));
            let error = failed(TlsFailure::Certificate { problem, certificate: facts.map(Box::new) });
            if !settings.ignore_certificate {
                return Err(error);
            }
            let connection = unchecked.map_err(failed)?;
            Ok(Connection { objection: Some(error.to_string()), ..connection })
        }
        Err(failure) => Err(failed(failure)),
    }
}

/// A second connection to the same address with the checks off: see the head of this file for why it is safe.
async fn connect_unchecked(
    settings: &Settings,
    dialer: &impl Dialer,
    address: SocketAddr,
) -> Result<Connection, TlsFailure> {
    let other = |text: String| TlsFailure::Other(text);
    let connector = connector(settings, Checks::Off).map_err(|error| other(error.to_string()))?;
    let target = Target::Address(address);
    let (socket, _) = dialer.dial(target, &mut |_| {}).await.map_err(|error| other(error.to_string()))?;
    finish(handshake(settings, &connector, socket).await?, address)
}

async fn handshake(
    settings: &Settings,
    connector: &tokio_native_tls::TlsConnector,
    socket: TcpStream,
) -> Result<Stream, TlsFailure> {
    bound_unacknowledged(&socket, settings.unacknowledged);
    let socket = BufReader::with_capacity(READ_BUFFER, Tap::new(socket));
    let limit = settings.limits.tls;
    match timeout(limit, connector.connect(&settings.host, socket)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(handshake_failure(&error)),
        Err(_) => Err(TlsFailure::TimedOut(limit)),
    }
}

fn finish(mut stream: Stream, address: SocketAddr) -> Result<Connection, TlsFailure> {
    let certificate = match stream
        .get_ref()
        .peer_certificate()
        .and_then(|certificate| certificate.map(|certificate| certificate.to_der()).transpose())
    {
        Ok(Some(der)) => der,
        Ok(None) => return Err(TlsFailure::Other("the server has no certificate".to_owned())),
        Err(error) => return Err(TlsFailure::Other(error.to_string())),
    };
    let tap = stream.get_mut().get_mut().get_mut().get_mut();
    let hello = tap.server_hello();
    let tls = Tls {
        version: hello.map(ServerHello::version_name).unwrap_or_default(),
        cipher: hello.map(ServerHello::cipher_name).unwrap_or_default(),
        fingerprint: fingerprint(&certificate),
    };
    let local = tap.local_address();
    Ok(Connection { stream, address, local, certificate, verified: false, objection: None, tls })
}

/// What the wire carries in one piece, in octets, and how long a piece takes to the server and back.
impl Connection {
    /// The largest piece of a TLS record's contents that fits one TCP segment; `None` where TCP does not say.
    pub fn unfragmented(&self) -> Option<u16> {
        let segment = tap(&self.stream).segment()?;
        u16::try_from(segment.saturating_sub(RECORD_OVERHEAD)).ok()
    }
}

/// The round-trip time to the server; `None` where TCP has not measured it.
pub fn round_trip(stream: &Stream) -> Option<Duration> {
    tap(stream).round_trip()
}

fn tap(stream: &Stream) -> &Tap {
    stream.get_ref().get_ref().get_ref().get_ref()
}

/// SHA-256 of a certificate, as openssl and browsers print it.
fn fingerprint(certificate: &[u8]) -> String {
    let digest: [u8; 32] = Sha256::digest(certificate).into();
    digest.map(|octet| format!("{octet:02X}")).join(":")
}

/// Logs a certificate that passed only because it does not restrict its purpose.
fn note_purpose(settings: &Settings, connection: &Connection) {
    if let Some(facts) = CertificateFacts::from_der(&connection.certificate)
        && facts.purpose == Purpose::Unrestricted
    {
        tracing::info!("the certificate of {} does not say that it is for servers; it is {facts}", settings.host);
    }
}

/// Whether the server's certificate is checked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Checks {
    On,
    Off,
}

fn connector(settings: &Settings, checks: Checks) -> Result<tokio_native_tls::TlsConnector, Error> {
    let mut builder = native_tls::TlsConnector::builder();
    builder.min_protocol_version(Some(native_tls::Protocol::Tlsv12));
    builder.use_sni(settings.server_name_indication);
    if checks == Checks::Off {
        builder.danger_accept_invalid_certs(true);
        builder.danger_accept_invalid_hostnames(true);
    } else if let Some(file) = &settings.ca_certificates {
        builder.disable_built_in_roots(true);
        for certificate in ca_certificates(file)? {
            builder.add_root_certificate(certificate);
        }
    }
    let connector = builder.build().map_err(|error| Error::TlsSetup(error.to_string()))?;
    Ok(tokio_native_tls::TlsConnector::from(connector))
}

/// The certificates of a file, PEM or DER; at least one.
fn ca_certificates(file: &CaCertificates) -> Result<Vec<native_tls::Certificate>, Error> {
    let CaCertificates { path, contents } = file;
    let failed = |reason: String| Error::CaCertificates { path: path.clone(), reason };
    let certificates = if contents.windows(11).any(|window| window == b"-----BEGIN ") {
        native_tls::Certificate::stack_from_pem(contents)
    } else {
        native_tls::Certificate::from_der(contents).map(|certificate| vec![certificate])
    };
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(failed("it holds no certificate".to_owned())),
        Err(_) => Err(failed("it is not a certificate in PEM or DER".to_owned())),
    }
}

/// Reason codes of OpenSSL's TLS library (`openssl/sslerr.h`); those from 1000 on are alerts that the server sent.
mod reason {
    /// The number of that library (`openssl/err.h`, `ERR_LIB_SSL`): other libraries give these numbers other meanings.
    pub(super) const LIBRARY: i32 = 20;
    pub(super) const CERTIFICATE_VERIFY_FAILED: i32 = 134;
    pub(super) const HTTP_REQUEST: i32 = 156;
    pub(super) const PACKET_LENGTH_TOO_LONG: i32 = 198;
    pub(super) const UNSUPPORTED_PROTOCOL: i32 = 258;
    pub(super) const WRONG_SSL_VERSION: i32 = 266;
    pub(super) const WRONG_VERSION_NUMBER: i32 = 267;
    pub(super) const UNEXPECTED_EOF_WHILE_READING: i32 = 294;
    pub(super) const ALERT_PROTOCOL_VERSION: i32 = 1070;
}

fn handshake_failure(error: &native_tls::Error) -> TlsFailure {
    let text = error.to_string();
    let Some(source) = error.source() else { return TlsFailure::Closed };
    if let Some(error) = source.downcast_ref::<io::Error>() {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                TlsFailure::Closed
            }
            _ => TlsFailure::Other(error.to_string()),
        };
    }
    let Some(stack) = source.downcast_ref::<openssl::error::ErrorStack>() else {
        return TlsFailure::Other(text);
    };
    // The reason that counts is the last: those before it say from how deep it came.
    for error in stack.errors().iter().rev().filter(|error| error.library_code() == reason::LIBRARY) {
        match error.reason_code() {
            reason::CERTIFICATE_VERIFY_FAILED => {
                return TlsFailure::Certificate { problem: certificate_problem(&text), certificate: None };
            }
            reason::UNSUPPORTED_PROTOCOL | reason::WRONG_SSL_VERSION | reason::ALERT_PROTOCOL_VERSION => {
                return TlsFailure::ProtocolVersion;
            }
            reason::WRONG_VERSION_NUMBER | reason::HTTP_REQUEST | reason::PACKET_LENGTH_TOO_LONG => {
                return TlsFailure::NotTls;
            }
            reason::UNEXPECTED_EOF_WHILE_READING => return TlsFailure::Closed,
            _ => {}
        }
    }
    let last = stack.errors().last().and_then(|error| error.reason());
    TlsFailure::Other(last.unwrap_or(&text).to_owned())
}

/// The problem, from the words that native-tls puts in parentheses at the end of its error: it keeps the number of the
/// verification result to itself. The words are those of OpenSSL's `x509_txt.c`, old and new spellings.
fn certificate_problem(text: &str) -> CertificateProblem {
    let words = text.rsplit_once(" (").and_then(|(_, words)| words.strip_suffix(')')).unwrap_or(text);
    let lower = words.to_ascii_lowercase();
    let has = |part: &str| lower.contains(part);
    if has("hostname mismatch") || has("ip address mismatch") {
        CertificateProblem::WrongName
    } else if has("certificate has expired") {
        CertificateProblem::Expired
    } else if has("certificate is not yet valid") {
        CertificateProblem::NotYetValid
    } else if has("certificate purpose") {
        CertificateProblem::Purpose
    } else if ["issuer certificate", "first certificate", "self-signed", "self signed", "signature failure"]
        .into_iter()
        .any(has)
    {
        CertificateProblem::Untrusted(words.to_owned())
    } else {
        CertificateProblem::Other(words.to_owned())
    }
}

#[cfg(test)]
pub(crate) mod pki;
#[cfg(test)]
mod tests;
