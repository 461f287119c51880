//! What is to be done with a tunnel: what NetworkManager's `ipv4` and `ipv6` settings hold.

use std::net::IpAddr;

/// Both families.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// IPv4.
    pub ipv4: Family,
    /// IPv6.
    pub ipv6: Family,
}

/// One family. Its addresses are all of that family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Family {
    /// It is not used in the tunnel (`method=disabled`).
    pub disabled: bool,
    /// The tunnel is never the way to everywhere (`never-default`).
    pub never_default: bool,
    /// The server's name servers and domains are not used (`ignore-auto-dns`).
    pub ignore_auto_dns: bool,
    /// The server's routes are not used (`ignore-auto-routes`).
    pub ignore_auto_routes: bool,
    /// Name servers (`dns`).
    pub dns: Vec<IpAddr>,
    /// Domains to search and to resolve by the tunnel (`dns-search`).
    pub dns_search: Vec<String>,
    /// Address to ask the server for, with the length of its prefix (`address1`, `method=manual`).
    pub address: Option<(IpAddr, u8)>,
    /// The server's address that goes with it (`gateway`).
    pub gateway: Option<IpAddr>,
    /// Networks that are reached by the tunnel (`route1`, ...).
    pub routes: Vec<Route>,
    /// Metric of the routes that have none of their own (`route-metric`).
    pub route_metric: Option<u32>,
}

/// A network that is reached by the tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its address.
    pub destination: IpAddr,
    /// Length of its prefix.
    pub prefix: u8,
    /// The next hop, where there is one in the tunnel.
    pub gateway: Option<IpAddr>,
    /// Its metric.
    pub metric: Option<u32>,
}

impl Network {
    /// Whether it says nothing: all is as the server tells.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The family of an address.
    pub(super) fn of(&mut self, address: &IpAddr) -> &mut Family {
        if address.is_ipv4() { &mut self.ipv4 } else { &mut self.ipv6 }
    }

    /// Both, with their names.
    pub(super) fn families(&self) -> [(&'static str, &Family); 2] {
        [("ipv4", &self.ipv4), ("ipv6", &self.ipv6)]
    }
}

impl Route {
    /// A network, written `ADDRESS/LENGTH` or as an address alone.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (destination, prefix) = parse_prefix(text)?;
        Some(Self { destination, prefix, gateway: None, metric: None })
    }
}

/// Reads `ADDRESS/LENGTH`, or an address alone, which is a prefix of its full length.
pub(super) fn parse_prefix(text: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address.trim().parse().ok()?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        Some(length) => length.trim().parse().ok().filter(|length| *length <= longest)?,
        None => longest,
    };
    Some((address, length))
}
