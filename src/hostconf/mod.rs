//! What a server tells about its network once the tunnel is up, beyond what PPP negotiates: DHCP for IPv4
//! ([`dhcp_inform`]), router advertisements and stateless DHCPv6 for IPv6 ([`router_discovery`], [`dhcpv6`]).
//!
//! [`HostConf`] is sans-IO. Its owner tells it of the link by [`set_link`](HostConf::set_link), gives it the datagrams that
//! [`concerns`] picks out, and calls [`handle_timeout`](HostConf::handle_timeout) when
//! [`poll_timeout`](HostConf::poll_timeout) says so. After each of these it sends what
//! [`poll_transmit`](HostConf::poll_transmit) has, and asks [`poll_changed`](HostConf::poll_changed) whether there is
//! something to tell. Nothing here ever holds up the tunnel.

mod dhcp_inform;
mod dhcpv6;
mod router_discovery;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use crate::crypto::Entropy;
use crate::wire::dhcp::Ack;
use crate::wire::dhcpv6::Reply;
use crate::wire::icmpv6::{ROUTER_ADVERTISEMENT, RouterAdvertisement};
use crate::wire::ip::{self, IPV6_HEADER_LEN, IpVersion};
use crate::wire::udp::Udp;
use crate::wire::{dhcp, dhcpv6 as wire_dhcpv6};
use dhcp_inform::DhcpInform;
use dhcpv6::Dhcpv6;
use router_discovery::RouterDiscovery;

/// How long a change waits for others: answers of several protocols come together, and each change is work for the
/// whole machine.
const SETTLE: Duration = Duration::from_millis(150);

/// A network that the server routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Ipv4Route {
    /// Its address; bits behind the prefix are 0.
    pub destination: Ipv4Addr,
    /// Length of its prefix, 0 to 32.
    pub prefix_len: u8,
    /// The router, where the server named one. A tunnel has one peer, so that it makes no difference to us.
    pub gateway: Option<Ipv4Addr>,
}

/// A network that the server routes (RFC 4191).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Ipv6Route {
    /// Its address; bits behind the prefix are 0.
    pub destination: Ipv6Addr,
    /// Length of its prefix, 0 to 128.
    pub prefix_len: u8,
}

/// An address that was formed of an advertised prefix (RFC 4862 5.5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Ipv6Address {
    /// The address.
    pub address: Ipv6Addr,
    /// Length of the prefix that it was formed of.
    pub prefix_len: u8,
    /// New connections should use another one (RFC 4862 5.5.4).
    pub deprecated: bool,
}

/// What the network told. Lists hold each value once, and in the order in which they were told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// DNS servers of IPv4 (RFC 2132 3.8).
    pub ipv4_dns: Vec<Ipv4Addr>,
    /// NetBIOS name servers (RFC 2132 8.5).
    pub nbns: Vec<Ipv4Addr>,
    /// Networks of IPv4 (RFC 3442).
    pub ipv4_routes: Vec<Ipv4Route>,
    /// Addresses of IPv6, preferred ones first.
    pub ipv6_addresses: Vec<Ipv6Address>,
    /// DNS servers of IPv6 (RFC 8106 5.1, RFC 3646 3).
    pub ipv6_dns: Vec<Ipv6Addr>,
    /// Networks of IPv6: on-link prefixes, and routes (RFC 4191).
    pub ipv6_routes: Vec<Ipv6Route>,
    /// There is a router for everything else.
    pub ipv6_default_route: bool,
    /// MTU of the link for IPv6 in octets, at least 1280 (RFC 4861 4.6.4).
    pub ipv6_mtu: Option<u16>,
    /// Domains to search, the host's own first.
    pub domains: Vec<String>,
}

/// Whether [`HostConf`] may want to see this datagram, which is whole and of this version. For every datagram of the
/// tunnel, so it looks at no more than a few octets.
#[inline]
pub fn concerns(version: IpVersion, datagram: &[u8]) -> bool {
    match version {
        IpVersion::V4 => {
            datagram.get(9) == Some(&ip::protocol::UDP) && {
                let header = usize::from(datagram[0] & 0x0f) * 4;
                port_is(datagram, header + 2, dhcp::CLIENT_PORT)
            }
        }
        IpVersion::V6 => match datagram.get(6) {
            Some(&ip::protocol::ICMPV6) => datagram.get(IPV6_HEADER_LEN) == Some(&ROUTER_ADVERTISEMENT),
            Some(&ip::protocol::UDP) => port_is(datagram, IPV6_HEADER_LEN + 2, wire_dhcpv6::CLIENT_PORT),
            _ => false,
        },
    }
}

fn port_is(datagram: &[u8], at: usize, port: u16) -> bool {
    datagram.get(at..at + 2) == Some(&port.to_be_bytes())
}

/// Our side of everything that the network behind the server is asked.
pub struct HostConf {
    ipv4: Option<Ipv4Addr>,
    inform: DhcpInform,
    ack: Option<Ack>,
    discovery: RouterDiscovery,
    dhcpv6: Dhcpv6,
    reply: Option<Reply>,
    /// What the owner was told last.
    told: Learned,
    /// When it is to be told again.
    settled: Option<Instant>,
}

impl HostConf {
    /// Without a link yet.
    pub fn new(mut entropy: Entropy) -> Self {
        HostConf {
            ipv4: None,
            inform: DhcpInform::new(entropy.fork()),
            ack: None,
            discovery: RouterDiscovery::default(),
            dhcpv6: Dhcpv6::new(entropy.fork()),
            reply: None,
            told: Learned::default(),
            settled: None,
        }
    }

    /// The link is up with these addresses: the one that IPCP gave, and the link-local one of IPV6CP; `None` where the
    /// protocol is not there. A family whose address is another one than before begins anew.
    pub fn set_link(&mut self, now: Instant, ipv4: Option<Ipv4Addr>, link_local: Option<Ipv6Addr>) {
        let ipv4 = ipv4.filter(|address| !address.is_unspecified());
        if self.ipv4 != ipv4 {
            self.ipv4 = ipv4;
            self.ack = None;
            match ipv4 {
                Some(address) => self.inform.start(now, address),
                None => self.inform.stop(),
            }
        }
        if self.discovery.link_local() != link_local {
            self.reply = None;
            self.dhcpv6.stop();
            match link_local {
                Some(link_local) => self.discovery.start(now, link_local),
                None => self.discovery.stop(),
            }
        }
        // whoever tells of the link tells of everything
        self.told = self.gather();
        self.settled = None;
    }

    /// What is known now.
    pub fn learned(&self) -> &Learned {
        &self.told
    }

    /// Takes a datagram that [`concerns`] picked out; `false` where it is not for us after all, and the host should have
    /// it. Router advertisements are always for us: the kernel would set up the interface by itself.
    pub fn handle_datagram(&mut self, now: Instant, version: IpVersion, datagram: &[u8]) -> bool {
        if version == IpVersion::V6 && datagram[6] == ip::protocol::ICMPV6 {
            if self.discovery.link_local().is_none() {
                return false;
            }
            match RouterAdvertisement::parse(datagram) {
                Ok(advertisement) => self.advertised(now, &advertisement),
                Err(malformed) => tracing::debug!("discarded a router advertisement: {malformed}"),
            }
            return true;
        }
        let Ok(udp) = Udp::parse(datagram) else { return false };
        match version {
            IpVersion::V4 => match self.inform.handle_datagram(&udp) {
                Some(ack) => self.ack = Some(ack),
                None => return false,
            },
            IpVersion::V6 => match self.dhcpv6.handle_datagram(now, &udp) {
                Some(reply) => self.reply = Some(reply),
                None => return false,
            },
        }
        self.changed(now);
        true
    }

    fn advertised(&mut self, now: Instant, advertisement: &RouterAdvertisement) {
        self.discovery.handle(now, advertisement);
        if let (true, Some(link_local)) = (self.discovery.other_config, self.discovery.link_local()) {
            self.dhcpv6.want(now, link_local);
        }
        self.changed(now);
    }

    /// Something may be different; the owner is told soon.
    fn changed(&mut self, now: Instant) {
        if self.gather() == self.told {
            self.settled = None;
        } else {
            self.settled.get_or_insert(now + SETTLE);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called; `None`: there is nothing to wait for.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let timers =
            [self.settled, self.inform.poll_timeout(), self.discovery.poll_timeout(), self.dhcpv6.poll_timeout()];
        timers.into_iter().flatten().min()
    }

    /// Lifetimes may have ended.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.discovery.expire(now);
        self.changed(now);
    }

    /// The next datagram to send that is due.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<(IpVersion, Vec<u8>)> {
        if let Some(datagram) = self.inform.poll_transmit(now) {
            return Some((IpVersion::V4, datagram));
        }
        let ipv6 = self.discovery.poll_transmit(now).or_else(|| self.dhcpv6.poll_transmit(now));
        ipv6.map(|datagram| (IpVersion::V6, datagram))
    }

    /// Whether [`learned`](Self::learned) is different from what it was.
    pub fn poll_changed(&mut self, now: Instant) -> bool {
        if self.settled.is_none_or(|settled| settled > now) {
            return false;
        }
        self.settled = None;
        self.told = self.gather();
        true
    }

    fn gather(&self) -> Learned {
        let (ack, reply) = (self.ack.as_ref(), self.reply.as_ref());
        let mut domains = Vec::new();
        let told = ack.into_iter().flat_map(|ack| ack.domain.iter().chain(&ack.search));
        for domain in told.chain(self.discovery.domains()).chain(reply.into_iter().flat_map(|reply| &reply.search)) {
            if !domains.iter().any(|known: &String| known.eq_ignore_ascii_case(domain)) {
                domains.push(domain.clone());
            }
        }
        let mut ipv6_dns: Vec<Ipv6Addr> = self.discovery.dns().collect();
        for server in reply.into_iter().flat_map(|reply| &reply.dns) {
            if !ipv6_dns.contains(server) {
                ipv6_dns.push(*server);
            }
        }
        let routes = ack.into_iter().flat_map(|ack| &ack.routes);
        Learned {
            ipv4_dns: ack.map(|ack| ack.dns.clone()).unwrap_or_default(),
            nbns: ack.map(|ack| ack.nbns.clone()).unwrap_or_default(),
            ipv4_routes: routes.filter_map(|route| ipv4_route(*route)).collect(),
            ipv6_addresses: self.discovery.addresses(),
            ipv6_dns,
            ipv6_routes: self.discovery.routes(),
            ipv6_default_route: self.discovery.default_route(),
            ipv6_mtu: self.discovery.mtu,
            domains,
        }
    }
}

/// A route that can be meant: not to this host, to everybody or to a group.
fn ipv4_route((destination, prefix_len, router): (Ipv4Addr, u8, Ipv4Addr)) -> Option<Ipv4Route> {
    let strange = destination.is_loopback() || destination.is_multicast() || destination.is_broadcast();
    let gateway = Some(router).filter(|router| !router.is_unspecified());
    (!strange).then_some(Ipv4Route { destination, prefix_len, gateway })
}

#[cfg(test)]
mod tests;
