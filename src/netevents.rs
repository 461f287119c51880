//! What a connection should hear of this machine: its network has changed, or it was suspended.
//!
//! The kernel tells of addresses, routes and links (rtnetlink(7)), and of much that changes nothing: a lifetime that is
//! renewed, a scan for access points. What was heard before is known and is not told again. Changes come in swarms, of which
//! one event is made. Nothing is looked for by a clock of ours, so that an idle machine stays idle.
//!
//! A suspension shows in the difference of two clocks: `CLOCK_BOOTTIME` counts it and `CLOCK_MONOTONIC` does not
//! (clock_gettime(2)). They are compared whenever something else happens, and when the kernel says that the time of day
//! has jumped (`TFD_TIMER_CANCEL_ON_SET`, timerfd_create(2)), which it does at the end of each suspension.

mod known;
mod suspension;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use rtnetlink::MulticastGroup;
use rtnetlink::sys::{AsyncSocket, AsyncSocketExt, SocketAddr as KernelAddr, TokioSocket, protocols::NETLINK_ROUTE};
use tokio::time::{Instant, sleep_until};

use known::Known;
use suspension::Suspension;

/// A swarm of changes is over when nothing has changed for so long.
const QUIET: Duration = Duration::from_millis(200);

/// A swarm without an end is told of after this time.
const LONGEST: Duration = Duration::from_secs(1);

/// What is listened to.
const GROUPS: [MulticastGroup; 5] = [
    MulticastGroup::Link,
    MulticastGroup::Ipv4Ifaddr,
    MulticastGroup::Ipv4Route,
    MulticastGroup::Ipv6Ifaddr,
    MulticastGroup::Ipv6Route,
];

/// Octets of a message of the kernel; it sends no longer ones (`NLMSG_GOODSIZE`) but for interfaces with hundreds of
/// attributes, which are cut off and count as changed.
const MAX_MESSAGE: usize = 32 * 1024;

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An address, a route or a link came, went or changed. At times it is told of without need, never the other way
    /// round.
    NetworkChanged,
    /// The machine was suspended for so long.
    Resumed(Duration),
}

/// Listens, in the network namespace of the thread that made it.
pub struct NetEvents {
    /// `None`: the kernel tells nothing any more.
    socket: Option<TokioSocket>,
    buffer: Vec<u8>,
    known: Known,
    /// The interface that does not count.
    own: Option<u32>,
    /// When the swarm began, and when it is told of.
    swarm: Option<(Instant, Instant)>,
    suspension: Suspension,
}

impl NetEvents {
    /// Begins to listen. To be called in a tokio runtime with I/O and time.
    ///
    /// # Errors
    ///
    /// The kernel gives no such socket or timer, for example since a filter of system calls forbids it.
    pub fn listen() -> io::Result<NetEvents> {
        let mut socket = TokioSocket::new(NETLINK_ROUTE)?;
        let groups = GROUPS.into_iter().fold(0, |groups, group| groups | 1 << (group as u32 - 1));
        socket.socket_mut().bind(&KernelAddr::new(0, groups))?;
        Ok(NetEvents {
            socket: Some(socket),
            buffer: Vec::with_capacity(MAX_MESSAGE),
            known: Known::default(),
            own: None,
            swarm: None,
            suspension: Suspension::watch()?,
        })
    }

    /// Tells nothing of this interface from now on: the tunnel's own, which its owner configures.
    pub fn ignore(&mut self, interface: u32) {
        self.own = Some(interface);
    }

    /// Waits for the next event. Nothing is lost where it is cancelled.
    pub async fn next(&mut self) -> Event {
        loop {
            if let Some(duration) = self.suspension.look() {
                return Event::Resumed(duration);
            }
            let told_at = self.swarm.map(|(_, told_at)| told_at);
            tokio::select! {
                biased;
                () = reached(told_at) => {
                    self.swarm = None;
                    return Event::NetworkChanged;
                }
                () = self.suspension.time_jumps() => {}
                received = receive(self.socket.as_ref(), &mut self.buffer) => self.received(received),
            }
        }
    }

    /// A message of the kernel, or none, is in the buffer.
    fn received(&mut self, received: io::Result<()>) {
        let changed = match received {
            Ok(()) => self.known.changes(&self.buffer, self.own),
            // More than the socket holds came at once, and the rest of it was dropped.
            Err(error) if error.raw_os_error() == Some(Errno::ENOBUFS as i32) => {
                self.known.forget();
                true
            }
            Err(error) => {
                tracing::warn!("The kernel tells of no changes of the network any more: {error}.");
                self.socket = None;
                false
            }
        };
        if changed {
            let now = Instant::now();
            let (began, _) = *self.swarm.get_or_insert((now, now));
            self.swarm = Some((began, (now + QUIET).min(began + LONGEST)));
        }
    }
}

async fn reached(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// One message of the kernel's; what anybody else sends is nothing.
async fn receive(socket: Option<&TokioSocket>, buffer: &mut Vec<u8>) -> io::Result<()> {
    let Some(socket) = socket else { return std::future::pending().await };
    buffer.clear();
    let sender = socket.recv_from(buffer).await?;
    if sender.port_number() != 0 {
        buffer.clear();
    }
    Ok(())
}

/// The interface by which something would be sent to there now; `None` where there is no way, or only one from one of the
/// addresses `inside`, those of a tunnel, or from a link-local address that nobody beyond the link could answer.
pub fn way_to(server: IpAddr, inside: &[IpAddr]) -> Option<String> {
    let is_link_local = |address: IpAddr| matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
    let is_one = |source: &IpAddr| !inside.contains(source) && (!is_link_local(*source) || is_link_local(server));
    source_to(server).filter(is_one).and_then(interface_with)
}

/// The interface that has this address.
pub fn interface_with(address: IpAddr) -> Option<String> {
    addresses().find(|(_, one)| *one == address).map(|(interface, _)| interface)
}

/// The addresses of an interface, sorted.
pub fn addresses_of(interface: &str) -> Vec<IpAddr> {
    let mut all: Vec<_> = addresses().filter(|(name, _)| name == interface).map(|(_, address)| address).collect();
    all.sort();
    all
}

/// Every address of the machine, with its interface.
fn addresses() -> impl Iterator<Item = (String, IpAddr)> {
    getifaddrs().into_iter().flatten().filter_map(|one| {
        let address = one.address?;
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::from(v4.ip()));
        Some((one.interface_name, v4.or(address.as_sockaddr_in6().map(|v6| v6.ip().into()))?))
    })
}

/// The address of ours with which something would be sent to there now; `None` where there is no way.
fn source_to(destination: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = match destination {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    // nothing is sent: the kernel looks up the route, and that is all
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(SocketAddr::new(destination, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
pub(crate) mod tests;
