//! What a server tells about its network once the tunnel is up, beyond what PPP negotiates: DHCP for IPv4
//! ([`dhcp_inform`]), router advertisements and stateless DHCPv6 for IPv6 ([`router_discovery`], [`dhcpv6`]).

use std::net::{Ipv4Addr, Ipv6Addr};

/// A network that the server routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
pub struct Ipv6Route {
    /// Its address; bits behind the prefix are 0.
    pub destination: Ipv6Addr,
    /// Length of its prefix, 0 to 128.
    pub prefix_len: u8,
}

/// An address that was formed of an advertised prefix (RFC 4862 5.5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6Address {
    /// The address.
    pub address: Ipv6Addr,
    /// Length of the prefix that it was formed of.
    pub prefix_len: u8,
    /// New connections should use another one (RFC 4862 5.5.4).
    pub deprecated: bool,
}
