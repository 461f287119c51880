//! The way to the gateway through a proxy: a TCP connection to the proxy, by which it makes another one to the gateway, with
//! TLS from end to end. The gateway's name is resolved by the proxy, since behind one there is often no DNS for it.
//!
//! What is said to an HTTP proxy is decided by [`Exchange`]; here are its sockets and its clock. SOCKS is spoken by a crate,
//! which this is the only file to name.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_socks::tcp::Socks5Stream;
use zeroize::Zeroizing;

use super::Step;
use super::dial::{self, Dialer, Target};
use crate::profile::{self, ProxyKind};
use crate::proxy::{self, Credentials, Exchange, Method, Next};

/// Octets of a response that are read at a time.
const READ_LEN: usize = 4096;

/// Seconds from the beginning of FILETIME (MS-DTYP 2.3.3) to that of UNIX time.
const FILETIME_OF_1970: u64 = 11_644_473_600;

/// A proxy, and who we are there.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// What it speaks.
    pub kind: ProxyKind,
    /// Its name or address, without brackets.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
    /// `None`: nobody in particular.
    pub credentials: Option<Credentials>,
}

impl Proxy {
    /// The proxy of a profile. Without a password the user is not named to it either: it would count as an attempt.
    pub fn new(proxy: &profile::Proxy, password: Option<&str>) -> Self {
        let profile::Proxy { kind, host, port, user } = proxy;
        let credentials = user.clone().zip(password).map(|(user, password)| {
            let password = Zeroizing::new(password.to_owned());
            Credentials { user, password }
        });
        Self { kind: *kind, host: host.to_string(), port: *port, credentials }
    }
}

/// `host:port`, an IPv6 address in brackets.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&authority(&self.host, self.port))
    }
}

/// Host and port (RFC 3986 3.2), an IPv6 address in brackets.
fn authority(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Why there is no connection through a proxy.
#[derive(Debug)]
pub struct Error {
    /// The proxy and its port.
    pub proxy: String,
    /// What is wrong.
    pub problem: Problem,
}

/// Why a proxy does not connect us.
#[derive(Debug)]
pub enum Problem {
    /// There is no connection to the proxy.
    Dial(dial::Error),
    /// An HTTP proxy did not connect to the gateway.
    Http(proxy::Error),
    /// A SOCKS proxy did not connect to the gateway.
    Socks {
        /// The gateway and its port.
        gateway: String,
        /// Why not.
        error: tokio_socks::Error,
        /// We said who we are.
        named: bool,
    },
    /// The connection to the proxy broke, in the kernel's words.
    Broken(String),
    /// It took longer than this.
    TimedOut {
        /// The gateway and its port.
        gateway: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// The system gave no random octets.
    Entropy(String),
}

impl Error {
    /// The credentials of the profile were not accepted.
    pub fn is_refusal_of_credentials(&self) -> bool {
        matches!(
            &self.problem,
            Problem::Http(proxy::Error::Refused(_))
                | Problem::Socks { error: tokio_socks::Error::PasswordAuthFailure(_), .. }
        )
    }

    /// What the person is told who is asked for the password at the proxy; `None`: it is not about that.
    pub fn question(&self) -> Option<String> {
        let proxy = &self.proxy;
        if self.is_refusal_of_credentials() {
            return Some(format!("The proxy {proxy} refused user name or password. Try again."));
        }
        self.is_about_credentials().then(|| format!("The proxy {proxy} wants to know who you are."))
    }

    /// Other credentials, or any, may help.
    pub fn is_about_credentials(&self) -> bool {
        match &self.problem {
            Problem::Http(error) => error.is_about_credentials(),
            Problem::Socks { error, .. } => wants_credentials(error),
            _ => false,
        }
    }
}

/// The SOCKS proxy did not accept who we are, or that we did not say it.
fn wants_credentials(error: &tokio_socks::Error) -> bool {
    use tokio_socks::Error;
    matches!(error, Error::NoAcceptableAuthMethods | Error::AuthorizationRequired | Error::PasswordAuthFailure(_))
}

/// Connects to the gateway, a host and its port, through the proxy; `known` is an address of the proxy that did before.
/// The address that is returned is the proxy's.
///
/// # Errors
///
/// See [`Problem`]. Connecting to the proxy is bounded by the dialer, and the rest by `limit`.
pub(super) async fn reach(
    proxy: &Proxy,
    (host, port): (&str, u16),
    dialer: &impl Dialer,
    known: Option<SocketAddr>,
    limit: Duration,
    progress: &mut (dyn FnMut(Step) + Send),
) -> Result<(TcpStream, SocketAddr), Error> {
    let failed = |problem| Error { proxy: proxy.to_string(), problem };
    let named = Target::Host { host: proxy.host.clone(), port: proxy.port };
    let target = known.map_or(named, Target::Address);
    let (socket, address) = dialer.dial(target, progress).await.map_err(|error| failed(Problem::Dial(error)))?;
    progress(Step::Proxy);
    let gateway = authority(host, port);
    let connecting = async {
        match proxy.kind {
            ProxyKind::Http => http(proxy, gateway.clone(), dialer, socket, address).await,
            ProxyKind::Socks5 => socks(proxy, (host, port), socket).await,
        }
    };
    let connected = timeout(limit, connecting).await;
    let connected = connected.unwrap_or(Err(Problem::TimedOut { gateway: gateway.clone(), after: limit }));
    Ok((connected.map_err(failed)?, address))
}

/// The exchange with an HTTP proxy, on as many connections to its address as it takes.
async fn http<D: Dialer>(
    proxy: &Proxy,
    gateway: String,
    dialer: &D,
    mut socket: TcpStream,
    address: SocketAddr,
) -> Result<TcpStream, Problem> {
    let mut seed = [0; 32];
    openssl::rand::rand_bytes(&mut seed).map_err(|error| Problem::Entropy(error.to_string()))?;
    let mut exchange = Exchange::new(gateway, proxy.credentials.clone(), seed, filetime());
    if D::HAS_TOKENS {
        exchange = exchange.with_tokens();
    }
    let mut told = None;
    loop {
        if let Some(server_token) = exchange.wants_token() {
            let token = dialer.proxy_token(server_token).await;
            if let Err(why) = &token {
                tracing::info!("there is no Kerberos ticket for the proxy {proxy}: {why}");
            }
            exchange.handle_token(token).map_err(Problem::Http)?;
        }
        if exchange.method() != told {
            told = exchange.method();
            tell(proxy, told);
        }
        match ask(&mut exchange, &mut socket).await? {
            Next::Again { reconnect: true } => {
                (socket, _) = dialer.dial(Target::Address(address), &mut |_| {}).await.map_err(Problem::Dial)?;
            }
            Next::Again { reconnect: false } | Next::Read => {}
            Next::Connected => return Ok(socket),
        }
    }
}

fn tell(proxy: &Proxy, method: Option<Method>) {
    match method {
        Some(Method::Basic) => tracing::info!(
            "the proxy {proxy} wants the password as it is (Basic): everybody between this machine and the proxy can read it"
        ),
        Some(method) => tracing::debug!("authenticating to the proxy {proxy} by {}", method.name()),
        None => {}
    }
}

/// One request and the response to it.
async fn ask(exchange: &mut Exchange, socket: &mut TcpStream) -> Result<Next, Problem> {
    let request = exchange.request().map_err(Problem::Http)?;
    // where the connection has ended, reading says so, too
    let written = socket.write_all(&request).await;
    drop(request);
    let mut buffer = [0; READ_LEN];
    loop {
        let next = match socket.read(&mut buffer).await {
            Ok(0) => exchange.handle_eof(),
            Ok(length) => exchange.handle_input(&buffer[..length]),
            Err(error) if has_ended(&error) => exchange.handle_eof(),
            Err(error) => return Err(Problem::Broken(written.err().unwrap_or(error).to_string())),
        };
        match next.map_err(Problem::Http)? {
            Next::Read => {}
            next => return Ok(next),
        }
    }
}

fn has_ended(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof)
}

/// The time of day as a FILETIME, for the proxies that do not tell it.
#[allow(clippy::disallowed_methods, reason = "NTLM shows it")]
fn filetime() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let units = (since_1970 + Duration::from_secs(FILETIME_OF_1970)).as_nanos() / 100;
    u64::try_from(units).unwrap_or(u64::MAX)
}

/// SOCKS 5 (RFC 1928), with user name and password (RFC 1929) where there are any.
async fn socks(proxy: &Proxy, gateway: (&str, u16), socket: TcpStream) -> Result<TcpStream, Problem> {
    let connected = match &proxy.credentials {
        Some(Credentials { user, password }) => {
            Socks5Stream::connect_with_password_and_socket(socket, gateway, user, password).await
        }
        None => Socks5Stream::connect_with_socket(socket, gateway).await,
    };
    let named = proxy.credentials.is_some();
    let gateway = authority(gateway.0, gateway.1);
    connected.map(Socks5Stream::into_inner).map_err(|error| Problem::Socks { gateway, error, named })
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Error { proxy, problem } = self;
        match problem {
            Problem::Dial(dial::Error::NameNotFound { host, reason }) => write!(
                f,
                "the name of the proxy, {host}, could not be resolved ({reason}): check proxy-server, and whether this \
                 machine has a network"
            ),
            Problem::Dial(dial::Error::ResolverTimedOut { host, after }) => {
                write!(f, "no DNS server answered in {} s when asked for the proxy {host}", after.as_secs())
            }
            Problem::Dial(error) => write!(f, "the proxy {proxy} cannot be reached: {error}"),
            Problem::Http(error) => write!(f, "the proxy {proxy} {error}"),
            Problem::Socks { gateway, error, named } => fmt_socks(f, proxy, gateway, error, *named),
            Problem::Broken(reason) => write!(f, "the connection to the proxy {proxy} broke: {reason}"),
            Problem::TimedOut { gateway, after } => write!(
                f,
                "the proxy {proxy} did not connect to {gateway} within {} s: the gateway may be down, or the proxy not be \
                 what proxy-type says",
                after.as_secs()
            ),
            Problem::Entropy(reason) => write!(f, "this machine gives no random numbers: {reason}"),
        }
    }
}

impl std::error::Error for Error {}

fn fmt_socks(
    f: &mut fmt::Formatter<'_>,
    proxy: &str,
    gateway: &str,
    error: &tokio_socks::Error,
    named: bool,
) -> fmt::Result {
    use tokio_socks::Error;
    match error {
        Error::NoAcceptableAuthMethods | Error::AuthorizationRequired if named => write!(
            f,
            "the SOCKS proxy {proxy} accepts no user name and password, and not nobody either: it may want GSSAPI, which is \
             not spoken here"
        ),
        Error::NoAcceptableAuthMethods | Error::AuthorizationRequired => write!(
            f,
            "the SOCKS proxy {proxy} wants to know who you are: set proxy-user, and store the secret proxy-password or let \
             it be asked for"
        ),
        Error::PasswordAuthFailure(_) => write!(
            f,
            "the SOCKS proxy {proxy} refused user name or password: check proxy-user and the secret proxy-password"
        ),
        Error::ConnectionNotAllowedByRuleset => {
            write!(f, "the SOCKS proxy {proxy} does not allow a connection to {gateway}: ask its administrator")
        }
        Error::HostUnreachable | Error::NetworkUnreachable | Error::TtlExpired | Error::GeneralSocksServerFailure => {
            write!(f, "the SOCKS proxy {proxy} could not reach {gateway} ({error}): check the gateway's name and port")
        }
        Error::ConnectionRefused => {
            write!(f, "{gateway} refused the connection from the SOCKS proxy {proxy}: no server listens on that port")
        }
        Error::InvalidResponseVersion | Error::InvalidReservedByte | Error::UnknownAuthMethod => {
            write!(f, "what answers at {proxy} is no SOCKS 5 proxy: check proxy-server, proxy-port and proxy-type")
        }
        Error::Io(error) if has_ended(error) => write!(
            f,
            "the SOCKS proxy {proxy} ended the connection without an answer: it may not allow this machine, or be no SOCKS 5 \
             proxy (proxy-type)"
        ),
        Error::InvalidAuthValues(_) => write!(
            f,
            "the SOCKS proxy {proxy} takes names and passwords of 1 to 255 octets only (RFC 1929): check proxy-user and the \
             secret proxy-password"
        ),
        other => write!(f, "the SOCKS proxy {proxy} did not connect to {gateway}: {other}"),
    }
}

#[cfg(test)]
mod tests;
