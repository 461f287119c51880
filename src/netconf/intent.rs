//! What a machine is to be set up with for a tunnel, as plain data.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::profile::{Routes, Routing};
use crate::session::NetworkParameters;
use crate::tunnel::Established;

/// What the machine is to be set up with for one tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Name of the tunnel's interface, which is there already.
    pub interface: String,
    /// The gateway's address outside of the tunnel, which is never routed into it.
    pub server: IpAddr,
    /// Our address at this end of the connection to the gateway. It tells whether another tunnel carries this one;
    /// `None`: not known, and an older one that takes everything is taken to do so.
    pub source: Option<IpAddr>,
    /// MTU of the interface in octets.
    pub mtu: u16,
    /// Our addresses in the tunnel, a link-local one among them.
    pub addresses: Vec<Address>,
    /// What goes through the tunnel.
    pub mode: Mode,
    /// The networks behind the server, in order and each once; never the default route.
    pub routes: Vec<Route>,
    /// Metric of the routes; of two tunnels that want the same, the one with the lower metric has it.
    pub metric: u32,
    /// Nothing leaves the machine beside the tunnel, not even when it has failed. Without effect but in [`Mode::Full`].
    pub kill_switch: bool,
    /// Name servers and domains; `None`: DNS is left alone.
    pub dns: Option<Dns>,
}

/// An address of ours in the tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub address: IpAddr,
    /// Length of its prefix in bits, at most 32 or 128. Says nothing about routes.
    pub prefix_len: u8,
    /// The server's address at the other end.
    pub peer: Option<IpAddr>,
    /// New connections should use another one (RFC 4862 5.5.4).
    pub deprecated: bool,
}

/// What goes through a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everything.
    Full,
    /// The networks behind the server.
    Split,
    /// Nothing but the server's end of the tunnel.
    Nothing,
}

/// A network behind the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// Its address; bits behind the prefix are 0.
    pub destination: IpAddr,
    /// Length of its prefix in bits, at most 32 or 128.
    pub prefix_len: u8,
}

/// Name servers and domains as the server told them: nothing about them has been checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dns {
    /// Name servers, the preferred one first.
    pub servers: Vec<IpAddr>,
    /// Domains to search, the server's own first.
    pub domains: Vec<String>,
}

impl Intent {
    /// What the profile wants of this tunnel.
    ///
    /// With [`Mode::Nothing`] DNS is left alone, too: the name servers could not be reached.
    pub fn new(established: &Established, routing: &Routing) -> Intent {
        let parameters = &established.parameters;
        let mode = mode(parameters, routing.routes);
        Intent {
            interface: established.interface.clone(),
            server: established.server.ip().to_canonical(),
            source: established.local.map(|local| local.to_canonical()),
            mtu: parameters.mtu,
            addresses: addresses(parameters),
            mode,
            routes: if mode == Mode::Nothing { Vec::new() } else { routes(parameters) },
            metric: routing.metric,
            kill_switch: routing.kill_switch && mode == Mode::Full,
            dns: if routing.dns && mode != Mode::Nothing { dns(parameters) } else { None },
        }
    }

    /// The networks that are routed into the tunnel, for people: `0.0.0.0/0` and `::/0` where everything is, the
    /// server's end and the name servers among them where not.
    pub fn routed(&self) -> Vec<String> {
        let mut routed = Vec::new();
        for default in [Route::DEFAULT_IPV4, Route::DEFAULT_IPV6] {
            if self.mode == Mode::Full && self.has_family_of(default.destination) {
                routed.push(default);
            }
        }
        let everything = routed.clone();
        // the server's link-local address says nothing to people
        let covered = |route: &Route| {
            is_link_local(route.destination) || everything.iter().any(|all| all.is_ipv4() == route.is_ipv4())
        };
        routed.extend(self.networks().into_iter().filter(|route| !covered(route)));
        routed.iter().map(Route::to_string).collect()
    }

    /// The networks that go into the tunnel, but for the default route: those behind the server, its end of the tunnel,
    /// the name servers. In order and each once.
    pub(crate) fn networks(&self) -> Vec<Route> {
        let hosts = self.addresses.iter().filter_map(|address| address.peer);
        let servers = self.dns.iter().flat_map(|dns| dns.servers.iter().copied());
        let mut networks: Vec<Route> = hosts.chain(servers).map(Route::to_host).collect();
        networks.extend(&self.routes);
        networks.retain(|route| self.carries_family_of(route.destination));
        networks.sort_unstable();
        networks.dedup();
        networks
    }

    /// There is an address of this family in the tunnel with which one can be reached from outside of it.
    pub(crate) fn has_family_of(&self, other: IpAddr) -> bool {
        self.addresses.iter().any(|own| own.address.is_ipv4() == other.is_ipv4() && !is_link_local(own.address))
    }

    fn carries_family_of(&self, other: IpAddr) -> bool {
        self.has_family_of(other) || (is_link_local(other) && self.addresses.iter().any(|own| own.address.is_ipv6()))
    }
}

impl Route {
    /// Everything in IPv4.
    pub(crate) const DEFAULT_IPV4: Route = Route { destination: IpAddr::V4(Ipv4Addr::UNSPECIFIED), prefix_len: 0 };
    /// Everything in IPv6.
    pub(crate) const DEFAULT_IPV6: Route = Route { destination: IpAddr::V6(Ipv6Addr::UNSPECIFIED), prefix_len: 0 };

    /// The network of one host.
    pub(crate) fn to_host(host: IpAddr) -> Route {
        Route { destination: host, prefix_len: if host.is_ipv4() { 32 } else { 128 } }
    }

    pub(crate) fn is_ipv4(&self) -> bool {
        self.destination.is_ipv4()
    }
}

/// As people write it: `10.1.0.0/16`.
impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.destination, self.prefix_len)
    }
}

/// Only where it can be told from IPv6's; 169.254.0.0/16 is an address as any other in a tunnel.
pub(crate) fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

fn mode(parameters: &NetworkParameters, routes: Routes) -> Mode {
    match routes.decide(parameters) {
        Routes::Full | Routes::Auto => Mode::Full,
        Routes::Split => Mode::Split,
        Routes::Nothing => Mode::Nothing,
    }
}

fn addresses(parameters: &NetworkParameters) -> Vec<Address> {
    let ipv4 = parameters.ipv4.iter().map(|ipv4| Address {
        address: ipv4.address.into(),
        prefix_len: 32,
        peer: ipv4.peer.map(IpAddr::from),
        deprecated: false,
    });
    let ipv6 = parameters.ipv6.iter().flat_map(|ipv6| {
        let link_local = Address {
            address: ipv6.link_local.into(),
            prefix_len: 64,
            peer: ipv6.peer.map(IpAddr::from),
            deprecated: false,
        };
        let others = ipv6.addresses.iter().map(|formed| Address {
            address: formed.address.into(),
            prefix_len: formed.prefix_len,
            peer: None,
            deprecated: formed.deprecated,
        });
        std::iter::once(link_local).chain(others)
    });
    ipv4.chain(ipv6).collect()
}

fn told_routes(parameters: &NetworkParameters) -> Vec<Route> {
    let ipv4 = parameters.ipv4.iter().flat_map(|ipv4| &ipv4.routes);
    let ipv4 = ipv4.map(|route| Route { destination: route.destination.into(), prefix_len: route.prefix_len });
    let ipv6 = parameters.ipv6.iter().flat_map(|ipv6| &ipv6.routes);
    let ipv6 = ipv6.map(|route| Route { destination: route.destination.into(), prefix_len: route.prefix_len });
    ipv4.chain(ipv6).collect()
}

fn routes(parameters: &NetworkParameters) -> Vec<Route> {
    let mut routes = told_routes(parameters);
    routes.retain(|route| route.prefix_len != 0);
    routes.sort_unstable();
    routes.dedup();
    routes
}

fn dns(parameters: &NetworkParameters) -> Option<Dns> {
    let ipv4 = parameters.ipv4.iter().flat_map(|ipv4| ipv4.dns.iter().copied().map(IpAddr::from));
    let ipv6 = parameters.ipv6.iter().flat_map(|ipv6| ipv6.dns.iter().copied().map(IpAddr::from));
    let dns = Dns { servers: ipv4.chain(ipv6).collect(), domains: parameters.domains.clone() };
    (dns != Dns::default()).then_some(dns)
}

#[cfg(test)]
mod tests;
