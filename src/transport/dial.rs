//! TCP: from the name of a host to a connected socket.
//!
//! A [`Dialer`] is all that the layers above know of it, since the process that speaks with a server need not be the one
//! that may make sockets.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{self, TcpStream};
use tokio::time::timeout;

use super::Step;
use crate::profile::Gateway;

/// Octets that may wait unsent in the socket before it stops being writable.
///
/// What does not fit stays in the TUN device's queue, the one place where a saturated tunnel keeps what it cannot send
/// yet. Four full TLS records keep a fast path busy.
pub(super) const NOT_SENT_LOW_WATER: u32 = 64 * 1024;

/// A silent peer is probed after this time, so that a router's table of connections does not forget us.
pub(super) const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);

/// Time between two unanswered probes.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// So many unanswered probes end the connection.
const KEEPALIVE_PROBES: u32 = 6;

/// What is to be connected to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// Any of the addresses of a host.
    Host {
        /// Its name or address.
        host: String,
        /// Its TCP port.
        port: u16,
    },
    /// One address.
    Address(SocketAddr),
}

impl From<&Gateway> for Target {
    fn from(gateway: &Gateway) -> Self {
        Target::Host { host: gateway.host.to_string(), port: gateway.port }
    }
}

/// Makes TCP connections.
pub trait Dialer {
    /// Connects; `progress` hears of each step as it begins. Every step is bounded in time.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    fn dial(
        &self,
        target: Target,
        progress: &mut (dyn FnMut(Step) + Send),
    ) -> impl Future<Output = Result<(TcpStream, SocketAddr), Error>> + Send;
}

/// Connects from this process.
#[derive(Clone, Copy, Debug)]
pub struct Direct {
    /// How long the resolver's answer may take.
    pub resolve: Duration,
    /// How long one address may take until it accepts a TCP connection. The kernel alone would try for two minutes.
    pub connect: Duration,
}

impl Default for Direct {
    fn default() -> Self {
        Direct { resolve: Duration::from_secs(30), connect: Duration::from_secs(15) }
    }
}

/// Why there is no TCP connection.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Error {
    /// The name has no address.
    NameNotFound {
        /// The host as the profile names it.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// The resolver gave no answer in this time.
    ResolverTimedOut {
        /// The host as the profile names it.
        host: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// None of the addresses could be reached: each with its own reason, in the order they were tried.
    Unreachable(Vec<Attempt>),
    /// Whoever was to connect for us did not; in their words.
    Refused(String),
}

/// An address that could not be connected to, and why.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Attempt {
    /// The address.
    pub address: SocketAddr,
    /// Why not.
    pub refusal: Refusal,
}

/// Why one address could not be connected to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Refusal {
    /// No answer in this time.
    TimedOut(Duration),
    /// The number of the kernel's error.
    Kernel(i32),
    /// Anything else, in words.
    Other(String),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        error.raw_os_error().map_or_else(|| Refusal::Other(error.to_string()), Refusal::Kernel)
    }
}

impl Dialer for Direct {
    async fn dial(
        &self,
        target: Target,
        progress: &mut (dyn FnMut(Step) + Send),
    ) -> Result<(TcpStream, SocketAddr), Error> {
        let addresses = match target {
            Target::Host { host, port } => {
                progress(Step::Resolve);
                resolve(&host, port, self.resolve).await?
            }
            Target::Address(address) => vec![address],
        };
        progress(Step::Connect);
        connect(&addresses, self.connect).await
    }
}

/// The addresses of a host, in the resolver's order of preference; at least one.
pub(super) async fn resolve(host: &str, port: u16, limit: Duration) -> Result<Vec<SocketAddr>, Error> {
    let not_found = |reason: String| Error::NameNotFound { host: host.to_owned(), reason };
    match timeout(limit, net::lookup_host((host, port))).await {
        Ok(Ok(addresses)) => {
            let addresses: Vec<SocketAddr> = addresses.collect();
            if addresses.is_empty() { Err(not_found("it has no address".to_owned())) } else { Ok(addresses) }
        }
        Ok(Err(error)) => {
            // The standard library puts its own words before the resolver's.
            let text = error.to_string();
            Err(not_found(text.strip_prefix("failed to lookup address information: ").unwrap_or(&text).to_owned()))
        }
        Err(_) => Err(Error::ResolverTimedOut { host: host.to_owned(), after: limit }),
    }
}

/// A TCP connection to the first of the addresses that accepts one.
pub(super) async fn connect(addresses: &[SocketAddr], limit: Duration) -> Result<(TcpStream, SocketAddr), Error> {
    let mut attempts = Vec::new();
    for &address in addresses {
        match connect_one(address, limit).await {
            Ok(socket) => return Ok((socket, address)),
            Err(refusal) => attempts.push(Attempt { address, refusal }),
        }
    }
    Err(Error::Unreachable(attempts))
}

async fn connect_one(address: SocketAddr, limit: Duration) -> Result<TcpStream, Refusal> {
    let socket = timeout(limit, TcpStream::connect(address)).await.map_err(|_| Refusal::TimedOut(limit))??;
    tune(&socket)?;
    Ok(socket)
}

fn tune(socket: &TcpStream) -> io::Result<()> {
    // Packets are collected into records by us, not by Nagle's algorithm.
    socket.set_nodelay(true)?;
    let socket = SockRef::from(socket);
    socket.set_tcp_notsent_lowat(NOT_SENT_LOW_WATER)?;
    let keepalive =
        TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL).with_retries(KEEPALIVE_PROBES);
    socket.set_tcp_keepalive(&keepalive)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NameNotFound { host, reason } => write!(
                f,
                "the gateway's name {host} could not be resolved ({reason}): \
                 check the name, and whether this machine has a network"
            ),
            Error::ResolverTimedOut { host, after } => {
                write!(f, "no DNS server answered in {} s when asked for the gateway {host}", after.as_secs())
            }
            Error::Unreachable(attempts) => {
                for (position, attempt) in attempts.iter().enumerate() {
                    if position > 0 {
                        f.write_str("; ")?;
                    }
                    write!(f, "{attempt}")?;
                }
                Ok(())
            }
            Error::Refused(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address;
        let number = match &self.refusal {
            Refusal::TimedOut(after) => return write!(f, "{address} did not answer within {} s", after.as_secs()),
            Refusal::Other(text) => return write!(f, "the connection to {address} failed: {text}"),
            Refusal::Kernel(number) => *number,
        };
        match Errno::from_raw(number) {
            Errno::ECONNREFUSED => write!(f, "{address} refused the connection: no server listens on that port"),
            Errno::ENETUNREACH | Errno::EHOSTUNREACH => write!(f, "there is no route to {address}"),
            Errno::ETIMEDOUT => write!(f, "{address} did not answer"),
            Errno::EACCES | Errno::EPERM => {
                write!(f, "a firewall of this machine forbids the connection to {address}")
            }
            _ => write!(f, "the connection to {address} failed: {}", io::Error::from_raw_os_error(number)),
        }
    }
}
