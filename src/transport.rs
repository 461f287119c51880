//! The way to the gateway: name, TCP, TLS.
//!
//! What is verified of the server, and by whom, before one octet of SSTP is sent (MS-SSTP 3.2.4.1):
//!
//! - **chain**: by the TLS library against the system's CAs, or, where the profile names a file or a directory of CA
//!   certificates, against these *alone*: a profile that names its CA is not to be fooled by any other.
//! - **name**: by the TLS library, against the host of the profile or the name that it has beside it, whether or not it is
//!   sent as SNI. The library takes one name for both; where SNI is another one, the name is verified after the handshake
//!   (`transport/checks.rs`), with the library's rules for names.
//! - **purpose**: OpenSSL gives every client the purpose "SSL server", so a certificate with an extended key usage
//!   without id-kp-serverAuth fails. Two ends are rounded off differently from the specification's words:
//!   anyExtendedKeyUsage alone, which MS-SSTP allows, does not pass OpenSSL; and a certificate without the extension
//!   passes, since RFC 5280 4.2.1.12 leaves such a certificate unrestricted and home-made ones seldom have it (their
//!   owners would otherwise have to turn every check off). It is logged.
//! - **revocation**: of the server's own certificate, where the profile has a file of revoked ones and that has a list of
//!   its issuer, after the handshake. Nobody else is asked: no list is fetched, and there is no OCSP.
//! - **fingerprint**: where the profile has one, it takes the place of all that. The handshake has then shown that the
//!   server has the key of whatever certificate it showed, and the certificate is compared after it.
//!
//! `ignore_certificate` accepts what did not pass, and says so in the log.
//!
//! The TLS library says *that* a certificate did not pass and in a few words why, but not *which* certificate. So after
//! such a failure, and only then, a second connection with the checks off reads the certificate and is closed again:
//! nothing is ever sent on it beyond the handshake, and nothing that it shows changes the verdict. It only fills in the
//! names of the error. Where `ignore_certificate` is set, that second connection is the one that is used.
//!
//! This is the only file that names the crate of the outer TLS.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::task;
use tokio::time::timeout;

use self::certificate::CertificateFacts;
use self::dial::{Dialer, Target};
use self::failure::{Error, TlsFailure};
use self::proxy::Proxy;
use crate::private_file;
use crate::profile::Fingerprint;
use crate::profile_files::Files;
use crate::wire::stranger::Stranger;
use crate::wire::tls::{ServerHello, Version};

pub use self::tap::Tap;

pub mod certificate;
pub(crate) mod checks;
pub mod dial;
pub mod failure;
mod names;
pub mod proxy;
mod reason;
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
    /// The proxy to go through.
    pub proxy: Option<Proxy>,
    /// CA certificates that replace the system's.
    pub ca_certificates: Option<CaCertificates>,
    /// Accept a certificate that does not pass the checks.
    pub ignore_certificate: bool,
    /// Name or address that the certificate must be issued for; `None`: the host.
    pub name: Option<String>,
    /// Send that as Server Name Indication (RFC 6066 3), where it is a name.
    pub server_name_indication: bool,
    /// The name to send in its place.
    pub sni: Option<String>,
    /// The one certificate to accept, whatever else is wrong with it.
    pub fingerprint: Option<Fingerprint>,
    /// Certificates that are accepted no longer.
    pub revoked: Option<Revoked>,
    /// Least version to speak.
    pub least_version: Version,
    /// How long each step may take.
    pub limits: Limits,
    /// See [`bound_unacknowledged`].
    pub unacknowledged: Option<Duration>,
}

impl Settings {
    /// The name or address that the certificate must be issued for.
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.host)
    }

    /// What the library is told as the name of the server: it sends it, and verifies it where it may.
    fn told(&self) -> &str {
        self.sni.as_deref().filter(|_| self.server_name_indication).unwrap_or_else(|| self.name())
    }

    /// Whether the name that the library is told is the one to verify.
    fn library_checks_name(&self) -> bool {
        self.told().eq_ignore_ascii_case(self.name())
    }
}

/// A file of CA certificates, or a directory of them.
#[derive(Clone, PartialEq, Eq)]
pub struct CaCertificates {
    /// Its path, for messages.
    pub path: PathBuf,
    /// The file, or those of the directory, PEM or DER.
    pub files: private_file::Files,
}

impl CaCertificates {
    /// Those at this path.
    ///
    /// # Errors
    ///
    /// [`Error::CaCertificates`]: they could not be read.
    pub fn among(files: &Files, path: &Path) -> Result<CaCertificates, Error> {
        match files.certificates(path) {
            Ok(files) => Ok(CaCertificates { path: path.to_owned(), files }),
            Err(error) => Err(Error::CaCertificates { path: path.to_owned(), reason: error.without_path() }),
        }
    }
}

/// A directory may hold more than certificates.
impl fmt::Debug for CaCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaCertificates").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A file of revoked certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Its path, for messages.
    pub path: PathBuf,
    /// Its contents: lists in PEM, or one in DER.
    pub contents: Vec<u8>,
}

impl Revoked {
    /// The one at this path. Where it could not be read, there is none and a warning is logged: profiles may name a file
    /// that nobody has looked at before.
    ///
    /// # Errors
    ///
    /// [`Error::Revoked`]: it has no list.
    pub fn among(files: &Files, path: &Path) -> Result<Option<Revoked>, Error> {
        let contents = match files.get(path) {
            Ok(contents) => contents.to_vec(),
            Err(error) => {
                tracing::warn!(
                    "the gateway's certificate is not checked against lists of revoked ones (crl-file): {error}"
                );
                return Ok(None);
            }
        };
        let failed = |reason: &str| Error::Revoked { path: path.to_owned(), reason: reason.to_owned() };
        checks::lists(&contents).map_err(failed)?;
        Ok(Some(Revoked { path: path.to_owned(), contents }))
    }
}

/// How long each step may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// What a proxy takes to connect to the gateway, once it is connected to, with all questions and answers.
    pub proxy: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// The second look at a certificate that did not pass, connection and handshake together.
    pub inspection: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            // less than NetworkManager waits for the whole connection
            proxy: Duration::from_secs(45),
            tls: Duration::from_secs(30),
            inspection: Duration::from_secs(5),
        }
    }
}

/// A connection to the server.
#[derive(Debug)]
pub struct Connection {
    /// Octets to and from the server.
    pub stream: Stream,
    /// The server's address, or that of the proxy that leads to it: what must not be routed into the tunnel.
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
    /// The proxy connects to the gateway.
    Proxy,
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
    let connector = task::spawn_blocking(move || connector(&for_connector, Checks::of(&for_connector)));

    let (socket, address) = reach(settings, dialer, None, &mut progress).await?;
    progress(Step::Tls);
    let connector = connector.await.map_err(|error| Error::TlsSetup(error.to_string()))??;
    secure(settings, dialer, &connector, socket, address).await
}

/// Connects to the gateway, through its proxy where it has one; `known` is the [address](Connection::address) of a
/// connection before this one.
async fn reach(
    settings: &Settings,
    dialer: &impl Dialer,
    known: Option<SocketAddr>,
    progress: &mut (dyn FnMut(Step) + Send),
) -> Result<(TcpStream, SocketAddr), Error> {
    let Settings { host, port, limits, .. } = settings;
    match &settings.proxy {
        Some(proxy) => Ok(proxy::reach(proxy, (host, *port), dialer, known, limits.proxy, progress).await?),
        None => {
            let named = Target::Host { host: host.clone(), port: *port };
            Ok(dialer.dial(known.map_or(named, Target::Address), progress).await?)
        }
    }
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
    let proxy = || settings.proxy.as_ref().map(Proxy::to_string);
    let failed = |failure| Error::Tls { host: settings.name().to_owned(), address, proxy: proxy(), failure };
    match handshake(settings, connector, socket).await {
        Ok(stream) => {
            let connection = finish(stream, address).map_err(failed)?;
            let der = &connection.certificate;
            let Err(problem) = checks::check(settings, der) else {
                checks::note_purpose(settings, der);
                return Ok(Connection { verified: true, ..connection });
            };
            let certificate = CertificateFacts::from_der(der).map(Box::new);
            let error = failed(TlsFailure::Certificate { problem, certificate });
            if !settings.ignore_certificate {
                return Err(error);
            }
            Ok(Connection { objection: Some(error.to_string()), ..connection })
        }
        Err(TlsFailure::Certificate { problem, .. }) => {
            let Limits { tls, inspection, .. } = settings.limits;
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
    let reached = reach(settings, dialer, Some(address), &mut |_| {}).await;
    let (socket, _) = reached.map_err(|error| other(error.to_string()))?;
    finish(handshake(settings, &connector, socket).await?, address)
}

async fn handshake(
    settings: &Settings,
    connector: &tokio_native_tls::TlsConnector,
    socket: TcpStream,
) -> Result<Stream, TlsFailure> {
    bound_unacknowledged(&socket, settings.unacknowledged);
    let tap = Tap::new(socket);
    let first = tap.first();
    let socket = BufReader::with_capacity(READ_BUFFER, tap);
    let limit = settings.limits.tls;
    match timeout(limit, connector.connect(settings.told(), socket)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(match reason::of(&error, settings) {
            TlsFailure::NotTls(_) => TlsFailure::NotTls(Stranger::recognize(&first.octets())),
            failure => failure,
        }),
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
    if let Some(version) = hello.and_then(ServerHello::known_version).filter(|version| version.is_outdated()) {
        tracing::warn!(
            "the connection to {address} is in {version}, which can be broken: the server has to be updated"
        );
    }
    let tls = Tls {
        version: hello.map(ServerHello::version_name).unwrap_or_default(),
        cipher: hello.map(ServerHello::cipher_name).unwrap_or_default(),
        fingerprint: checks::fingerprint(&certificate),
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

/// Whether the library checks the server's certificate in the handshake.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Checks {
    On,
    Off,
}

impl Checks {
    fn of(settings: &Settings) -> Self {
        if settings.fingerprint.is_some() { Checks::Off } else { Checks::On }
    }
}

fn connector(settings: &Settings, checks: Checks) -> Result<tokio_native_tls::TlsConnector, Error> {
    let mut builder = native_tls::TlsConnector::builder();
    builder.min_protocol_version(Some(match settings.least_version {
        Version::Tls10 => native_tls::Protocol::Tlsv10,
        Version::Tls11 => native_tls::Protocol::Tlsv11,
        Version::Tls12 => native_tls::Protocol::Tlsv12,
        Version::Tls13 => native_tls::Protocol::Tlsv13,
    }));
    builder.use_sni(settings.server_name_indication);
    if checks == Checks::Off {
        builder.danger_accept_invalid_certs(true);
        builder.danger_accept_invalid_hostnames(true);
    } else {
        builder.danger_accept_invalid_hostnames(!settings.library_checks_name());
        if let Some(authorities) = &settings.ca_certificates {
            builder.disable_built_in_roots(true);
            for certificate in ca_certificates(authorities)? {
                builder.add_root_certificate(certificate);
            }
        }
    }
    let connector = builder.build().map_err(|error| Error::TlsSetup(error.to_string()))?;
    Ok(tokio_native_tls::TlsConnector::from(connector))
}

/// The certificates of a file or of the files of a directory, PEM or DER; at least one.
fn ca_certificates(authorities: &CaCertificates) -> Result<Vec<native_tls::Certificate>, Error> {
    let CaCertificates { path, files } = authorities;
    let mut all = Vec::new();
    let mut damaged = false;
    for (_, contents) in files {
        let certificates = if contents.windows(11).any(|window| window == b"-----BEGIN ") {
            native_tls::Certificate::stack_from_pem(contents)
        } else {
            native_tls::Certificate::from_der(contents).map(|certificate| vec![certificate])
        };
        // one that is damaged does no harm among others, as in the system's directory
        match certificates {
            Ok(certificates) => all.extend(certificates),
            Err(_) => damaged = true,
        }
    }
    let reason = if damaged { "it is not a certificate in PEM or DER" } else { "it holds no certificate" };
    if all.is_empty() { Err(Error::CaCertificates { path: path.clone(), reason: reason.to_owned() }) } else { Ok(all) }
}

#[cfg(test)]
pub(crate) mod pki;
#[cfg(test)]
mod tests;
