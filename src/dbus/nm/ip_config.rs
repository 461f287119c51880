//! What the tunnel negotiated, in NetworkManager's words: the dictionaries of `Config`, `Ip4Config` and `Ip6Config`.
//!
//! NetworkManager ignores a key silently when its D-Bus type is not the expected one, so the types here are part of
//! the contract. An IPv4 address is a `u` that holds the address's bytes in network order as they lie in memory;
//! an IPv6 address is an `ay` of 16.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use zbus::Variant;

use super::Dictionary;
use crate::profile::Routes;
use crate::session::{Ipv4Parameters, Ipv6Parameters};
use crate::tunnel::Established;

/// Headers of a datagram before the data of TCP, in octets (RFC 9293 3.7.1).
const IPV4_AND_TCP: u16 = 40;
const IPV6_AND_TCP: u16 = 60;

/// The dictionaries of one established tunnel.
#[derive(Debug)]
pub(super) struct Announcement {
    /// For the `Config` signal; says which of the other two follow.
    pub(super) config: Dictionary<'static>,
    /// For `Ip4Config`.
    pub(super) ip4: Option<Dictionary<'static>>,
    /// For `Ip6Config`. NetworkManager fails the whole connection when it holds no usable address.
    pub(super) ip6: Option<Dictionary<'static>>,
    marks: Marks,
}

/// Which of the families has a mark: something that means nothing, by which one announcement differs from another.
///
/// NetworkManager 1.42.4, which Debian 12 has, takes two configurations for the same where their addresses and routes are
/// the same, whatever their names (its commit 0a02995175 mends it), and then waits for a change that never comes. So where
/// only names change, a host route to our own address comes or goes, which the kernel never looks at, and with it the
/// MSS that the default route has anyway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Marks {
    ip4: bool,
    ip6: bool,
}

impl Announcement {
    /// Describes `established`, with what is to be routed into it; `None` where it has no address that NetworkManager
    /// could set.
    pub(super) fn new(established: &Established, routes: Routes) -> Option<Self> {
        Self::marked(established, routes, Marks::default())
    }

    fn marked(established: &Established, routes: Routes, marks: Marks) -> Option<Self> {
        let parameters = &established.parameters;
        let routes = routes.decide(parameters);
        let (ipv4, ipv6) = (parameters.ipv4.as_ref(), parameters.ipv6.as_ref());
        let mut ip4 = ipv4.and_then(|ipv4| ip4_config(ipv4, routes, marks.ip4.then_some(parameters.mtu)));
        let mut ip6 = ipv6.and_then(|ipv6| ip6_config(ipv6, routes, marks.ip6.then_some(parameters.mtu)));
        if ip4.is_none() && ip6.is_none() {
            return None;
        }
        if !parameters.domains.is_empty() && routes != Routes::Nothing {
            for ip in [&mut ip4, &mut ip6].into_iter().flatten() {
                ip.insert("domains", parameters.domains.clone().into());
            }
        }
        let config = Dictionary::from([
            ("tundev", established.interface.clone().into()),
            ("gateway", address(established.server.ip())),
            ("mtu", u32::from(parameters.mtu).into()),
            ("has-ip4", ip4.is_some().into()),
            ("has-ip6", ip6.is_some().into()),
            // where the connection is persistent, it is made again
            ("can-persist", true.into()),
        ]);
        Some(Self { config, ip4, ip6, marks })
    }

    /// The same as [`new`](Self::new), after another announcement of the same connection. NetworkManager keeps what it
    /// knows of a family until it is told something else, and IPv6 without an address it refuses; so where IPv6 has gone,
    /// the link-local address stands for nothing.
    pub(super) fn after(before: &Announcement, established: &Established, routes: Routes) -> Option<Self> {
        let plain = Self::marked(established, routes, before.marks)?;
        let flipped = |now: &Option<_>, then: &Option<_>, mark: bool| mark != only_names_differ(now, then);
        let marks = Marks {
            ip4: flipped(&plain.ip4, &before.ip4, before.marks.ip4),
            ip6: flipped(&plain.ip6, &before.ip6, before.marks.ip6),
        };
        let mut after = Self::marked(established, routes, marks)?;
        if let (Some(_), None, Some(ipv6)) = (&before.ip6, &after.ip6, &established.parameters.ipv6) {
            let address = ("address", octets(ipv6.link_local).into());
            after.ip6 = Some(Dictionary::from([address, ("prefix", 128u32.into()), ("never-default", true.into())]));
            after.config.insert("has-ip6", true.into());
        }
        Some(after)
    }

    /// For the `Config` signal of a tunnel whose gateway is out of reach.
    pub(super) fn config_without_gateway(&self) -> Dictionary<'static> {
        let mut config = self.config.clone();
        config.insert("gateway", address(Ipv4Addr::LOCALHOST.into()));
        config
    }

    /// Whether names are to be looked up in another way than `before`. NetworkManager (1.42 and later) looks at that only
    /// when a connection comes up.
    pub(super) fn changes_names(&self, before: &Announcement) -> bool {
        let names = |ip: &Option<Dictionary<'static>>| {
            let ip = ip.as_ref();
            ["dns", "domains", "never-default"].map(|key| ip.and_then(|ip| ip.get(key)).cloned())
        };
        names(&self.ip4) != names(&before.ip4) || names(&self.ip6) != names(&before.ip6)
    }
}

/// Whether two configurations of a family differ in nothing but the names, by which NetworkManager 1.42.4 does not tell
/// them apart.
fn only_names_differ(now: &Option<Dictionary<'static>>, before: &Option<Dictionary<'static>>) -> bool {
    let (Some(now), Some(before)) = (now, before) else { return false };
    let without_names = |ip: &Dictionary<'static>| {
        let mut ip = ip.clone();
        ip.retain(|key, _| !["dns", "domains", "nbns"].contains(key));
        ip
    };
    now != before && without_names(now) == without_names(before)
}

/// `None` where the server gave no address: NetworkManager refuses a zero one. A `mark` is the tunnel's MTU.
fn ip4_config(parameters: &Ipv4Parameters, routes: Routes, mark: Option<u16>) -> Option<Dictionary<'static>> {
    let Ipv4Parameters { address, peer, dns, nbns, .. } = parameters;
    if address.is_unspecified() {
        return None;
    }
    let mut config = Dictionary::from([("address", word(*address).into()), ("prefix", 32u32.into())]);
    if let Some(peer) = peer.filter(|peer| !peer.is_unspecified() && peer != address) {
        config.insert("ptp", word(peer).into());
    }
    if routes != Routes::Full {
        config.insert("never-default", true.into());
    }
    if routes == Routes::Nothing {
        return Some(config);
    }
    if !dns.is_empty() {
        config.insert("dns", words(dns).into());
    }
    if !nbns.is_empty() {
        config.insert("nbns", words(nbns).into());
    }
    let mut routes = ip4_routes(parameters);
    if let Some(mtu) = mark {
        routes.push(vec![word(*address), 32, 0, 0]);
        config.insert("mss", u32::from(mtu.saturating_sub(IPV4_AND_TCP)).into());
    }
    if !routes.is_empty() {
        config.insert("routes", routes.into());
    }
    Some(config)
}

/// The networks that the server told, and a host route to each name server, so that a connection which is not to be
/// the default route still reaches them. As `aau`: destination, prefix, next hop (0: none, the tunnel itself), metric
/// (ignored).
fn ip4_routes(parameters: &Ipv4Parameters) -> Vec<Vec<u32>> {
    let mut routes: Vec<Vec<u32>> = Vec::new();
    let networks = parameters.routes.iter().map(|route| (route.destination, route.prefix_len));
    let servers = parameters.dns.iter().chain(&parameters.nbns);
    let servers = servers.filter(|server| **server != parameters.address && Some(**server) != parameters.peer);
    for (destination, prefix_len) in networks.chain(servers.map(|server| (*server, 32))) {
        let route = vec![word(destination), prefix_len.into(), 0, 0];
        // whether there is a default route is told by never-default
        if prefix_len != 0 && !routes.contains(&route) {
            routes.push(route);
        }
    }
    routes
}

/// `None` without an address: a link-local one alone makes NetworkManager fail the whole connection. It takes one
/// address; the preferred ones come first.
fn ip6_config(parameters: &Ipv6Parameters, routes: Routes, mark: Option<u16>) -> Option<Dictionary<'static>> {
    let Ipv6Parameters { peer, addresses, dns, default_route, .. } = parameters;
    let address = addresses.first()?.address;
    let mut config = Dictionary::from([("address", octets(address).into()), ("prefix", 128u32.into())]);
    if let Some(peer) = peer.filter(|peer| !peer.is_unspecified()) {
        config.insert("internal-gateway", octets(peer).into());
    }
    if routes != Routes::Full || !default_route {
        config.insert("never-default", true.into());
    }
    if routes == Routes::Nothing {
        return Some(config);
    }
    if !dns.is_empty() {
        config.insert("dns", dns.iter().copied().map(octets).collect::<Vec<_>>().into());
    }
    let mut routes = ip6_routes(parameters);
    if let Some(mtu) = mark {
        routes.push((octets(address), 128, octets(Ipv6Addr::UNSPECIFIED), 0));
        config.insert("mss", u32::from(mtu.saturating_sub(IPV6_AND_TCP)).into());
    }
    if !routes.is_empty() {
        config.insert("routes", routes.into());
    }
    Some(config)
}

/// As [`ip4_routes`], as `a(ayuayu)`.
fn ip6_routes(parameters: &Ipv6Parameters) -> Vec<(Vec<u8>, u32, Vec<u8>, u32)> {
    let mut routes = Vec::new();
    let networks = parameters.routes.iter().map(|route| (route.destination, route.prefix_len));
    let servers = parameters.dns.iter().filter(|server| !server.is_unicast_link_local());
    for (destination, prefix_len) in networks.chain(servers.map(|server| (*server, 128))) {
        let route = (octets(destination), u32::from(prefix_len), octets(Ipv6Addr::UNSPECIFIED), 0);
        if prefix_len != 0 && !routes.contains(&route) {
            routes.push(route);
        }
    }
    routes
}

fn address(address: IpAddr) -> Variant<'static> {
    match address.to_canonical() {
        IpAddr::V4(v4) => word(v4).into(),
        IpAddr::V6(v6) => octets(v6).into(),
    }
}

fn words(addresses: &[Ipv4Addr]) -> Vec<u32> {
    addresses.iter().copied().map(word).collect()
}

fn word(address: Ipv4Addr) -> u32 {
    u32::from_ne_bytes(address.octets())
}

fn octets(address: Ipv6Addr) -> Vec<u8> {
    address.octets().to_vec()
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::time::SystemTime;

    use super::*;
    use crate::hostconf::{Ipv4Route, Ipv6Address, Ipv6Route};
    use crate::session::NetworkParameters;
    use crate::transport::Tls;

    fn signatures(dictionary: &Dictionary<'_>) -> Vec<(String, String)> {
        dictionary.iter().map(|(key, value)| ((*key).to_owned(), value.value_signature().to_string())).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(key, signature)| ((*key).to_owned(), (*signature).to_owned())).collect()
    }

    fn established(ipv4: Option<Ipv4Parameters>, ipv6: Option<Ipv6Parameters>, gateway: &str) -> Established {
        Established {
            interface: "sstp0".to_owned(),
            server: SocketAddr::new(gateway.parse().unwrap(), 443),
            local: None,
            tls: Tls::default(),
            since: SystemTime::UNIX_EPOCH,
            counters: Arc::default(),
            parameters: NetworkParameters {
                ipv4,
                ipv6,
                domains: Vec::new(),
                mtu: 1400,
                authentication: None,
                eap_method: None,
            },
        }
    }

    fn ipv4() -> Ipv4Parameters {
        Ipv4Parameters {
            address: Ipv4Addr::new(10, 77, 0, 2),
            peer: Some(Ipv4Addr::new(10, 77, 0, 1)),
            dns: vec![Ipv4Addr::new(10, 77, 0, 1), Ipv4Addr::new(192, 0, 2, 53), Ipv4Addr::new(192, 0, 2, 53)],
            nbns: vec![Ipv4Addr::new(192, 0, 2, 53)],
            routes: vec![],
        }
    }

    fn ipv6(addresses: &[&str]) -> Ipv6Parameters {
        let address =
            |address: &&str| Ipv6Address { address: address.parse().unwrap(), prefix_len: 64, deprecated: false };
        Ipv6Parameters {
            link_local: "fe80::2".parse().unwrap(),
            peer: "fe80::1".parse().ok(),
            addresses: addresses.iter().map(address).collect(),
            dns: vec!["2001:db8::53".parse().unwrap()],
            routes: vec![Ipv6Route { destination: "2001:db8::".parse().unwrap(), prefix_len: 64 }],
            default_route: true,
        }
    }

    /// The types that NetworkManager looks up (nm-vpn-connection.c and nm-vpn-dbus-interface.h).
    #[test]
    fn types_are_network_managers() {
        let mut both = established(Some(ipv4()), Some(ipv6(&["2001:db8::2"])), "192.0.2.1");
        both.parameters.domains = vec!["corp.test".to_owned()];
        let announcement = Announcement::new(&both, Routes::Split).unwrap();
        let expected =
            [("can-persist", "b"), ("gateway", "u"), ("has-ip4", "b"), ("has-ip6", "b"), ("mtu", "u"), ("tundev", "s")];
        assert_eq!(signatures(&announcement.config), pairs(&expected));
        let expected = [
            ("address", "u"),
            ("dns", "au"),
            ("domains", "as"),
            ("nbns", "au"),
            ("never-default", "b"),
            ("prefix", "u"),
            ("ptp", "u"),
            ("routes", "aau"),
        ];
        assert_eq!(signatures(&announcement.ip4.unwrap()), pairs(&expected));
        let expected = [
            ("address", "ay"),
            ("dns", "aay"),
            ("domains", "as"),
            ("internal-gateway", "ay"),
            ("never-default", "b"),
            ("prefix", "u"),
            ("routes", "a(ayuayu)"),
        ];
        assert_eq!(signatures(&announcement.ip6.unwrap()), pairs(&expected));
        let outer_ipv6 = Announcement::new(&established(Some(ipv4()), None, "2001:db8::1"), Routes::Full).unwrap();
        assert_eq!(outer_ipv6.config["gateway"].value_signature(), "ay");
    }

    /// 16796938 is what NetworkManager 1.42 on x86 was seen to take as 10.77.0.1.
    #[cfg(target_endian = "little")]
    #[test]
    fn an_address_is_its_bytes_in_memory() {
        assert_eq!(word(Ipv4Addr::new(10, 77, 0, 1)), 16_796_938);
    }

    #[test]
    fn networks_and_name_servers_get_one_route_each() {
        let route = |address: [u8; 4], prefix_len| vec![u32::from_ne_bytes(address), prefix_len, 0, 0];
        assert_eq!(ip4_routes(&ipv4()), [route([192, 0, 2, 53], 32)]);
        let no_peer = Ipv4Parameters { peer: None, ..ipv4() };
        assert_eq!(ip4_routes(&no_peer), [route([10, 77, 0, 1], 32), route([192, 0, 2, 53], 32)]);
        let told =
            |destination: [u8; 4], prefix_len| Ipv4Route { destination: destination.into(), prefix_len, gateway: None };
        let routes = vec![told([0, 0, 0, 0], 0), told([10, 0, 0, 0], 8), told([192, 0, 2, 53], 32)];
        let networks = Ipv4Parameters { routes, ..ipv4() };
        assert_eq!(ip4_routes(&networks), [route([10, 0, 0, 0], 8), route([192, 0, 2, 53], 32)]);
    }

    /// What NetworkManager 1.42.4 compares of a configuration.
    #[test]
    fn where_only_names_change_something_else_does_too() {
        let mut tunnel = established(Some(ipv4()), Some(ipv6(&["2001:db8::2"])), "192.0.2.1");
        let mut before = Announcement::new(&tunnel, Routes::Full).unwrap();
        let compared = |announcement: &Announcement| {
            [&announcement.ip4, &announcement.ip6].map(|ip| {
                let ip = ip.as_ref().unwrap();
                ["address", "routes", "mss"].map(|key| ip.get(key).cloned())
            })
        };
        for domain in ["one.test", "two.test", "three.test"] {
            tunnel.parameters.domains = vec![domain.to_owned()];
            let after = Announcement::after(&before, &tunnel, Routes::Full).unwrap();
            assert!(after.changes_names(&before));
            let ([ip4, ip6], [before4, before6]) = (compared(&after), compared(&before));
            assert!(ip4 != before4 && ip6 != before6, "{domain}");
            let same = Announcement::after(&after, &tunnel, Routes::Full).unwrap();
            assert_eq!((compared(&same), same.changes_names(&after)), (compared(&after), false));
            before = after;
        }
        tunnel.parameters.ipv4.as_mut().unwrap().dns.push(Ipv4Addr::new(192, 0, 2, 99));
        let after = Announcement::after(&before, &tunnel, Routes::Full).unwrap();
        assert_eq!(after.marks, before.marks, "a name server brings a route with it");
    }

    #[test]
    fn the_default_route_is_what_the_profile_says() {
        let mut told = established(Some(ipv4()), Some(ipv6(&["2001:db8::2"])), "192.0.2.1");
        let never_default = |told: &Established, routes| {
            let announcement = Announcement::new(told, routes).unwrap();
            [announcement.ip4.unwrap(), announcement.ip6.unwrap()].map(|ip| ip.contains_key("never-default"))
        };
        assert_eq!(never_default(&told, Routes::Full), [false, false]);
        assert_eq!(never_default(&told, Routes::Split), [true, true]);
        assert_eq!(never_default(&told, Routes::Auto), [false, false], "the server has a default route");
        told.parameters.ipv6.as_mut().unwrap().default_route = false;
        assert_eq!(never_default(&told, Routes::Full), [false, true], "there is no router");
        assert_eq!(never_default(&told, Routes::Auto), [true, true], "networks, and no default route");
        let nothing = Announcement::new(&told, Routes::Nothing).unwrap();
        let ip4 = nothing.ip4.unwrap();
        assert!(ip4.contains_key("never-default") && !ip4.contains_key("routes") && !ip4.contains_key("dns"));
    }

    #[test]
    fn what_the_server_did_not_tell_is_left_out() {
        let bare = Ipv4Parameters { peer: None, dns: vec![], nbns: vec![], ..ipv4() };
        let expected = pairs(&[("address", "u"), ("prefix", "u")]);
        assert_eq!(signatures(&ip4_config(&bare, Routes::Full, None).unwrap()), expected);
        let own = Ipv4Parameters { peer: Some(bare.address), ..bare };
        assert!(!ip4_config(&own, Routes::Full, None).unwrap().contains_key("ptp"));
    }

    #[test]
    fn only_usable_addresses_are_announced() {
        let without = ipv6(&[]);
        assert!(Announcement::new(&established(None, Some(without.clone()), "192.0.2.1"), Routes::Full).is_none());
        let announcement = Announcement::new(&established(Some(ipv4()), Some(without), "192.0.2.1"), Routes::Full);
        let announcement = announcement.unwrap();
        assert_eq!(announcement.config["has-ip6"], Variant::Bool(false));
        assert!(announcement.ip6.is_none());
        let before =
            Announcement::new(&established(Some(ipv4()), Some(ipv6(&["2001:db8::2"])), "192.0.2.1"), Routes::Full);
        let before = before.unwrap();
        let bare = established(Some(ipv4()), Some(ipv6(&[])), "192.0.2.1");
        let after = Announcement::after(&before, &bare, Routes::Full).unwrap();
        assert_eq!(after.config["has-ip6"], Variant::Bool(true));
        let expected = pairs(&[("address", "ay"), ("never-default", "b"), ("prefix", "u")]);
        assert_eq!(signatures(&after.ip6.clone().unwrap()), expected, "nothing, but in an address");
        assert!(after.changes_names(&before) && !after.changes_names(&after));
        let zero = Ipv4Parameters { address: Ipv4Addr::UNSPECIFIED, ..ipv4() };
        let established = established(Some(zero), Some(ipv6(&["2001:db8::2", "2001:db8::3"])), "192.0.2.1");
        let announcement = Announcement::new(&established, Routes::Full).unwrap();
        assert_eq!(announcement.config["has-ip4"], Variant::Bool(false));
        assert!(announcement.ip4.is_none());
        let first: Ipv6Addr = "2001:db8::2".parse().unwrap();
        assert_eq!(announcement.ip6.unwrap()["address"], octets(first).into());
    }
}
