//! TCP: from the name of a host to a connected socket.
//!
//! A [`Dialer`] is all that the layers above know of it, since the process that speaks with a server need not be the one
//! that may make sockets.
//!
//! A host may have many addresses, some of which lead nowhere, and a whole family of them often does. So they are tried as
//! RFC 8305 (Happy Eyeballs) has it: in the resolver's order, but with the families taking turns (section 4), each one
//! begun [a moment](Direct::attempt_delay) after the one before it or as soon as that has failed (section 5); the first
//! connection that is accepted is taken, and the others are let go. What is not done is section 3: the system's resolver is
//! asked once for both families and answers when it knows both, so nothing begins with the first answer, and there is no
//! resolution delay. Nor is history kept (section 4), beyond that of the kernel.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, ready};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{self, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{Step, names};
use crate::netevents;
use crate::netlink::{self, Netlink};
use crate::profile::{Gateway, Profile};
use crate::proxy::Token;

/// Octets that may wait unsent in the socket before it stops being writable.
///
/// What does not fit stays in the TUN device's queue, the one place where a saturated tunnel keeps what it cannot send
/// yet. Four full TLS records keep a fast path busy.
pub(super) const NOT_SENT_LOW_WATER: u32 = 64 * 1024;

/// A silent peer is probed after this time, so that a router's table of connections does not forget us.
pub(super) const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);

/// Time between two unanswered probes.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// Addresses of a host that are tried. Who has more has a fault in the zone, or wants us to be busy.
const MAX_ADDRESSES: usize = 32;

/// How long the system's resolver may take when others have answered.
const AFTER_OTHERS: Duration = Duration::from_millis(500);

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

impl Target {
    /// What a profile connects to: its proxy where it has one, else its gateway.
    pub fn first_of(profile: &Profile) -> Self {
        let Gateway { host, port, .. } = &profile.gateway;
        let (host, port) = profile.proxy.as_ref().map_or((host, port), |proxy| (&proxy.host, &proxy.port));
        Target::Host { host: host.to_string(), port: *port }
    }
}

/// Makes TCP connections, and what else it takes to get through a proxy.
pub trait Dialer {
    /// Whether there are ever tokens for a proxy.
    const HAS_TOKENS: bool = false;

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

    /// A token that proves to the profile's HTTP proxy who we are (Negotiate, RFC 4559), in answer to this one of the proxy's,
    /// or, where this is empty, the first one of a new context. It is bounded in time.
    ///
    /// # Errors
    ///
    /// There is none; why, as a sentence without its begin and end.
    fn proxy_token(&self, _server_token: &[u8]) -> impl Future<Output = Result<Token, String>> + Send {
        ready(Err("nobody makes tokens here".to_owned()))
    }
}

/// Connects from this process.
#[derive(Clone, Copy, Debug)]
pub struct Direct {
    /// How long the resolver's answer may take.
    pub resolve: Duration,
    /// How long one address may take until it accepts a TCP connection. The kernel alone would try for two minutes.
    pub connect: Duration,
    /// After this time without an answer the next address is tried, too (RFC 8305 5, Connection Attempt Delay).
    pub attempt_delay: Duration,
}

impl Default for Direct {
    fn default() -> Self {
        Direct {
            resolve: Duration::from_secs(30),
            connect: Duration::from_secs(15),
            attempt_delay: Duration::from_millis(250),
        }
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
                let addresses = self.resolve(&host, port).await?;
                progress(Step::Connect);
                addresses
            }
            // one more connection for a step that goes on
            Target::Address(address) => vec![address],
        };
        self.connect(&addresses).await
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

/// An address, and the interface by which alone it is to be reached.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) address: SocketAddr,
    pub(super) interface: Option<String>,
}

/// A tunnel that is to be gone around.
#[derive(Clone, Copy, Debug)]
pub struct Tunnel<'a> {
    /// Index of its interface.
    pub index: u32,
    /// Its addresses.
    pub inside: &'a [IpAddr],
}

impl Tunnel<'_> {
    /// The ways to these addresses around it, and those that there is none to: where the routes lead into the tunnel, by the
    /// interface that would lead there if it were not there.
    async fn ways_around(self, addresses: &[SocketAddr]) -> Result<(Vec<Way>, Vec<Attempt>), Error> {
        let netlink = Netlink::connect().map_err(|error| Error::Refused(error.to_string()))?;
        let (mut ways, mut nowhere) = (Vec::new(), Vec::new());
        for address in addresses.iter().copied() {
            let host = address.ip().to_canonical();
            if netevents::way_to(host, self.inside).is_some() {
                ways.push(Way { address, interface: None });
                continue;
            }
            match netlink.interface_around(self.index, host).await {
                Ok(Some(interface)) => ways.push(Way { address, interface: Some(interface) }),
                Ok(None) => nowhere.push(Attempt { address, refusal: Refusal::Kernel(Errno::ENETUNREACH as i32) }),
                Err(error) => nowhere.push(Attempt { address, refusal: Refusal::Other(netlink::reason(&error)) }),
            }
        }
        Ok((ways, nowhere))
    }
}

impl Direct {
    /// The addresses of a host, in the resolver's order of preference; at least one.
    ///
    /// # Errors
    ///
    /// It has none, or the resolver says nothing.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
        resolve(host, port, self.resolve).await
    }

    /// The addresses of a host while a tunnel is lost: what the system's resolver says, which may have nobody left to ask,
    /// and what these name servers say when they are asked around the tunnel.
    ///
    /// # Errors
    ///
    /// Nobody knows any.
    pub async fn resolve_around(
        &self,
        host: &str,
        port: u16,
        servers: &[IpAddr],
        tunnel: Tunnel<'_>,
    ) -> Result<Vec<SocketAddr>, Error> {
        let servers: Vec<SocketAddr> = servers.iter().map(|server| SocketAddr::new(*server, names::PORT)).collect();
        let (ways, _) = tunnel.ways_around(&servers).await?;
        let (by_system, by_others) = (self.resolve(host, port), names::ask(host, port, ways));
        tokio::pin!(by_system, by_others);
        let (mut found, system) = tokio::select! {
            biased;
            found = &mut by_others => {
                // it may know another one, as from /etc/hosts, and then it does at once
                let grace = if found.is_empty() { self.resolve } else { AFTER_OTHERS };
                (found, timeout(grace, by_system).await.ok())
            }
            system = &mut by_system => (by_others.await, Some(system)),
        };
        match system {
            Some(Ok(addresses)) => {
                let more: Vec<SocketAddr> = addresses.into_iter().filter(|address| !found.contains(address)).collect();
                found.extend(more);
                Ok(found)
            }
            Some(Err(error)) if found.is_empty() => Err(error),
            None if found.is_empty() => Err(Error::ResolverTimedOut { host: host.to_owned(), after: self.resolve }),
            Some(Err(_)) | None => Ok(found),
        }
    }

    /// A TCP connection to the first of the addresses that accepts one, around a tunnel.
    ///
    /// # Errors
    ///
    /// None accepts one, or there is no way to any of them.
    pub async fn connect_around(
        &self,
        addresses: &[SocketAddr],
        tunnel: Tunnel<'_>,
    ) -> Result<(TcpStream, SocketAddr), Error> {
        let mut addresses = interleaved(addresses);
        addresses.truncate(MAX_ADDRESSES);
        let (ways, nowhere) = tunnel.ways_around(&addresses).await?;
        if ways.is_empty() { Err(Error::Unreachable(nowhere)) } else { self.connect_by(ways).await }
    }

    /// A TCP connection to the first of the addresses that accepts one: see the head of this file.
    ///
    /// # Errors
    ///
    /// None accepts one.
    pub async fn connect(&self, addresses: &[SocketAddr]) -> Result<(TcpStream, SocketAddr), Error> {
        let ways = interleaved(addresses).into_iter().take(MAX_ADDRESSES);
        self.connect_by(ways.map(|address| Way { address, interface: None }).collect()).await
    }

    async fn connect_by(&self, ways: Vec<Way>) -> Result<(TcpStream, SocketAddr), Error> {
        let mut waiting: VecDeque<_> = ways.into_iter().enumerate().collect();
        // dropped, and with that ended, together with this future or when one has succeeded
        let mut running = JoinSet::new();
        let mut attempts = Vec::new();
        loop {
            let Direct { connect: limit, attempt_delay, .. } = *self;
            if let Some((position, way)) = waiting.pop_front() {
                running.spawn(async move { (position, way.address, connect_one(&way, limit).await) });
            }
            let ended = tokio::select! {
                ended = running.join_next() => ended,
                () = sleep(attempt_delay), if !waiting.is_empty() => continue,
            };
            match ended {
                Some(Ok((_, address, Ok(socket)))) => return Ok((socket, address)),
                Some(Ok((position, address, Err(refusal)))) => attempts.push((position, Attempt { address, refusal })),
                // a task is neither ended by others nor does it panic
                Some(Err(error)) => return Err(Error::Refused(error.to_string())),
                None => break,
            }
        }
        attempts.sort_by_key(|(position, _)| *position);
        Err(Error::Unreachable(attempts.into_iter().map(|(_, attempt)| attempt).collect()))
    }
}

/// The addresses in the order in which they are tried (RFC 8305 4): the families take turns, beginning with the one that
/// the resolver prefers, which orders each of them (RFC 6724).
fn interleaved(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let Some(first) = addresses.first() else { return Vec::new() };
    let (ours, others): (Vec<SocketAddr>, Vec<_>) =
        addresses.iter().partition(|address| address.is_ipv4() == first.is_ipv4());
    let (mut ours, mut others) = (ours.into_iter(), others.into_iter());
    let mut order = Vec::with_capacity(addresses.len());
    while order.len() < addresses.len() {
        order.extend(ours.next());
        order.extend(others.next());
    }
    order
}

async fn connect_one(Way { address, interface }: &Way, limit: Duration) -> Result<TcpStream, Refusal> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if let Some(interface) = interface {
        socket.bind_device(Some(interface.as_bytes()))?;
    }
    let socket = timeout(limit, socket.connect(*address)).await.map_err(|_| Refusal::TimedOut(limit))??;
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
                write!(
                    f,
                    "no DNS server answered in {} s when asked for the gateway {host}: check the network of this machine",
                    after.as_secs()
                )
            }
            Error::Unreachable(attempts) => {
                for (position, attempt) in attempts.iter().enumerate() {
                    if position > 0 {
                        f.write_str("; ")?;
                    }
                    write!(f, "{attempt}")?;
                }
                f.write_str(remedy(attempts))
            }
            Error::Refused(reason) => write!(f, "this machine could not make a connection: {reason}"),
        }
    }
}

impl std::error::Error for Error {}

/// What helps against what most likely keeps all of them away.
fn remedy(attempts: &[Attempt]) -> &'static str {
    let any = |wanted: &[Errno]| {
        attempts.iter().any(|attempt| match attempt.refusal {
            Refusal::Kernel(number) => wanted.contains(&Errno::from_raw(number)),
            Refusal::TimedOut(_) => wanted.contains(&Errno::ETIMEDOUT),
            Refusal::Other(_) => false,
        })
    };
    if any(&[Errno::ECONNREFUSED]) {
        "; check the name and the port"
    } else if any(&[Errno::ETIMEDOUT]) {
        "; check the name and the port, and whether a firewall on the way lets this pass"
    } else if any(&[Errno::ENETUNREACH, Errno::EHOSTUNREACH]) {
        "; check the network of this machine"
    } else {
        ""
    }
}

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

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use socket2::{Domain, Socket, Type};
    use tokio::time::Instant;

    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_profile_with_a_proxy_connects_to_that_alone() {
        let target = |pairs: &[(&str, &str)]| {
            let pairs = [&[("gateway", "vpn.example:444"), ("user", "me")], pairs].concat();
            let data = pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
            Target::first_of(&Profile::from_settings(&data, None, None).unwrap().0)
        };
        let host = |host: &str, port| Target::Host { host: host.to_owned(), port };
        assert_eq!(target(&[]), host("vpn.example", 444));
        assert_eq!(target(&[("gateway-name", "other.example")]), host("vpn.example", 444));
        assert_eq!(target(&[("proxy-server", "[2001:db8::1]:81")]), host("2001:db8::1", 81));
    }

    #[tokio::test]
    async fn steps_are_those_of_a_host() {
        let (_listener, good) = listener();
        for (target, expected) in [
            (Target::Host { host: good.ip().to_string(), port: good.port() }, &[Step::Resolve, Step::Connect][..]),
            (Target::Address(good), &[]),
        ] {
            let mut steps = Vec::new();
            Direct::default().dial(target, &mut |step| steps.push(step)).await.unwrap();
            assert_eq!(steps, expected);
        }
    }

    #[test]
    fn the_families_take_turns() {
        for (given, tried) in [
            (vec![], vec![]),
            (vec!["192.0.2.1:1", "192.0.2.2:1"], vec!["192.0.2.1:1", "192.0.2.2:1"]),
            (
                vec!["[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8::3]:1", "192.0.2.1:1", "192.0.2.2:1"],
                vec!["[2001:db8::1]:1", "192.0.2.1:1", "[2001:db8::2]:1", "192.0.2.2:1", "[2001:db8::3]:1"],
            ),
            (
                vec!["192.0.2.1:1", "[2001:db8::1]:1", "[2001:db8::2]:1"],
                vec!["192.0.2.1:1", "[2001:db8::1]:1", "[2001:db8::2]:1"],
            ),
        ] {
            assert_eq!(interleaved(&addresses(&given)), addresses(&tried));
        }
    }

    /// An address that answers nothing: a listener whose queue is full.
    struct Blackhole {
        _listener: Socket,
        _queued: Vec<Socket>,
        address: SocketAddr,
    }

    impl Blackhole {
        fn new() -> Self {
            let socket = || Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            let listener = socket();
            listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
            listener.listen(0).unwrap();
            let address = listener.local_addr().unwrap();
            let queued = Vec::from_iter((0..4).map(|_| {
                let queued = socket();
                queued.set_nonblocking(true).unwrap();
                // it is under way, or waits
                drop(queued.connect(&address));
                queued
            }));
            Self { _listener: listener, _queued: queued, address: address.as_socket().unwrap() }
        }
    }

    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn an_address_that_answers_nothing_holds_up_the_next_one_for_a_moment() {
        let (holes, (_listener, good)) = ([Blackhole::new(), Blackhole::new()], listener());
        let begin = Instant::now();
        let (_, address) = Direct::default().connect(&[holes[0].address, holes[1].address, good]).await.unwrap();
        assert_eq!(address, good);
        let taken = begin.elapsed();
        assert!((500..2000).contains(&taken.as_millis()), "two delays: {taken:?}");
    }

    #[tokio::test]
    async fn an_address_that_refuses_holds_up_nothing() {
        let (closed, (_listener, good)) = (listener().1, listener());
        // the delay never ends
        let direct = Direct { attempt_delay: Duration::from_secs(3600), ..Direct::default() };
        assert_eq!(direct.connect(&[closed, closed, good]).await.unwrap().1, good);
    }

    #[tokio::test]
    async fn a_slow_address_is_still_waited_for() {
        let (hole, closed) = (Blackhole::new(), listener().1);
        let direct = Direct { connect: Duration::from_millis(600), ..Direct::default() };
        let begin = Instant::now();
        let error = direct.connect(&[hole.address, closed]).await.unwrap_err();
        assert!(begin.elapsed() >= Duration::from_millis(600));
        let Error::Unreachable(attempts) = &error else { panic!("{error}") };
        let order: Vec<SocketAddr> = attempts.iter().map(|attempt| attempt.address).collect();
        assert_eq!(order, [hole.address, closed], "in the order in which they were tried, not in which they failed");
        let text = error.to_string();
        assert!(text.contains("did not answer within") && text.contains("refused the connection"), "{text}");
    }

    #[tokio::test]
    async fn nobody_is_waited_for_without_end() {
        let many = vec![listener().1; 3 * MAX_ADDRESSES];
        let Err(Error::Unreachable(attempts)) = Direct::default().connect(&many).await else { panic!() };
        assert_eq!(attempts.len(), MAX_ADDRESSES);
    }
}
