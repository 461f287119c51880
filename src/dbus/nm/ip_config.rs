//! What the tunnel negotiated, in NetworkManager's words: the dictionaries of `Config`, `Ip4Config` and `Ip6Config`.
//!
//! NetworkManager ignores a key silently when its D-Bus type is not the expected one, so the types here are part of
//! the contract. An IPv4 address is a `u` that holds the address's bytes in network order as they lie in memory;
//! an IPv6 address is an `ay` of 16.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use zbus::Variant;

use super::Dictionary;
use crate::session::{Ipv4Parameters, Ipv6Parameters, NetworkParameters};
use crate::tunnel::Established;

/// The dictionaries of one established tunnel.
#[derive(Debug)]
pub(super) struct Announcement {
    /// For the `Config` signal; says which of the other two follow.
    pub(super) config: Dictionary<'static>,
    /// For `Ip4Config`.
    pub(super) ip4: Option<Dictionary<'static>>,
    /// For `Ip6Config`. NetworkManager fails the whole connection when it holds no usable address.
    pub(super) ip6: Option<Dictionary<'static>>,
}

impl Announcement {
    /// Describes `established`; `None` where it has no address that NetworkManager could set.
    pub(super) fn new(established: &Established) -> Option<Self> {
        let NetworkParameters { ipv4, ipv6, mtu, .. } = &established.parameters;
        let ip4 = ipv4.as_ref().and_then(ip4_config);
        let ip6 = ipv6.as_ref().and_then(ip6_config);
        if ip4.is_none() && ip6.is_none() {
            return None;
        }
        let config = Dictionary::from([
            ("tundev", established.interface.clone().into()),
            ("gateway", address(established.server.ip())),
            ("mtu", u32::from(*mtu).into()),
            ("has-ip4", ip4.is_some().into()),
            ("has-ip6", ip6.is_some().into()),
        ]);
        Some(Self { config, ip4, ip6 })
    }
}

/// `None` where the server gave no address: NetworkManager refuses a zero one.
fn ip4_config(parameters: &Ipv4Parameters) -> Option<Dictionary<'static>> {
    let Ipv4Parameters { address, peer, dns, nbns, .. } = parameters;
    if address.is_unspecified() {
        return None;
    }
    let mut config = Dictionary::from([("address", word(*address).into()), ("prefix", 32u32.into())]);
    if let Some(peer) = peer.filter(|peer| !peer.is_unspecified() && peer != address) {
        config.insert("ptp", word(peer).into());
    }
    if !dns.is_empty() {
        config.insert("dns", words(dns).into());
    }
    if !nbns.is_empty() {
        config.insert("nbns", words(nbns).into());
    }
    let routes = routes_to_name_servers(parameters);
    if !routes.is_empty() {
        config.insert("routes", routes.into());
    }
    Some(config)
}

/// A host route to each name server that the server told, so that a connection which is not to be the default route
/// still reaches them. As `aau`: destination, prefix, next hop (0: none, the tunnel itself), metric (ignored).
fn routes_to_name_servers(parameters: &Ipv4Parameters) -> Vec<Vec<u32>> {
    let mut routes: Vec<Vec<u32>> = Vec::new();
    for server in parameters.dns.iter().chain(&parameters.nbns) {
        let route = vec![word(*server), 32, 0, 0];
        if *server != parameters.address && Some(*server) != parameters.peer && !routes.contains(&route) {
            routes.push(route);
        }
    }
    routes
}

/// `None` without a usable global address. The addresses that IPV6CP itself makes are link-local ones.
fn ip6_config(parameters: &Ipv6Parameters) -> Option<Dictionary<'static>> {
    let Ipv6Parameters { link_local: address, peer, .. } = parameters;
    if address.is_unspecified() || address.is_loopback() || address.is_multicast() || address.is_unicast_link_local() {
        return None;
    }
    let mut config = Dictionary::from([("address", octets(*address).into()), ("prefix", 128u32.into())]);
    if let Some(peer) = peer.filter(|peer| !peer.is_unspecified()) {
        config.insert("internal-gateway", octets(peer).into());
    }
    Some(config)
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

    fn ipv6(address: &str) -> Ipv6Parameters {
        Ipv6Parameters {
            link_local: address.parse().unwrap(),
            peer: "fe80::1".parse().ok(),
            addresses: vec![],
            dns: vec![],
            routes: vec![],
            default_route: false,
        }
    }

    /// The types that NetworkManager looks up (nm-vpn-connection.c and nm-vpn-dbus-interface.h).
    #[test]
    fn types_are_network_managers() {
        let both = Announcement::new(&established(Some(ipv4()), Some(ipv6("2001:db8::2")), "192.0.2.1")).unwrap();
        let expected = [("gateway", "u"), ("has-ip4", "b"), ("has-ip6", "b"), ("mtu", "u"), ("tundev", "s")];
        assert_eq!(signatures(&both.config), pairs(&expected));
        let expected =
            [("address", "u"), ("dns", "au"), ("nbns", "au"), ("prefix", "u"), ("ptp", "u"), ("routes", "aau")];
        assert_eq!(signatures(&both.ip4.unwrap()), pairs(&expected));
        let expected = [("address", "ay"), ("internal-gateway", "ay"), ("prefix", "u")];
        assert_eq!(signatures(&both.ip6.unwrap()), pairs(&expected));
        let outer_ipv6 = Announcement::new(&established(Some(ipv4()), None, "2001:db8::1")).unwrap();
        assert_eq!(outer_ipv6.config["gateway"].value_signature(), "ay");
    }

    /// 16796938 is what NetworkManager 1.42 on x86 was seen to take as 10.77.0.1.
    #[cfg(target_endian = "little")]
    #[test]
    fn an_address_is_its_bytes_in_memory() {
        assert_eq!(word(Ipv4Addr::new(10, 77, 0, 1)), 16_796_938);
    }

    #[test]
    fn name_servers_get_one_route_each() {
        let route = |address: [u8; 4]| vec![u32::from_ne_bytes(address), 32, 0, 0];
        assert_eq!(routes_to_name_servers(&ipv4()), [route([192, 0, 2, 53])]);
        let no_peer = Ipv4Parameters { peer: None, ..ipv4() };
        assert_eq!(routes_to_name_servers(&no_peer), [route([10, 77, 0, 1]), route([192, 0, 2, 53])]);
    }

    #[test]
    fn what_the_server_did_not_tell_is_left_out() {
        let bare = Ipv4Parameters { peer: None, dns: vec![], nbns: vec![], ..ipv4() };
        assert_eq!(signatures(&ip4_config(&bare).unwrap()), pairs(&[("address", "u"), ("prefix", "u")]));
        let own = Ipv4Parameters { peer: Some(bare.address), ..bare };
        assert!(!ip4_config(&own).unwrap().contains_key("ptp"));
    }

    #[test]
    fn only_usable_addresses_are_announced() {
        for address in ["fe80::2", "::", "::1", "ff02::1"] {
            assert!(ip6_config(&ipv6(address)).is_none(), "{address}");
            assert!(Announcement::new(&established(None, Some(ipv6(address)), "192.0.2.1")).is_none());
        }
        let announcement = Announcement::new(&established(Some(ipv4()), Some(ipv6("fe80::2")), "192.0.2.1")).unwrap();
        assert_eq!(announcement.config["has-ip6"], Variant::Bool(false));
        assert!(announcement.ip6.is_none());
        let zero = Ipv4Parameters { address: Ipv4Addr::UNSPECIFIED, ..ipv4() };
        let announcement = Announcement::new(&established(Some(zero), Some(ipv6("2001:db8::2")), "192.0.2.1")).unwrap();
        assert_eq!(announcement.config["has-ip4"], Variant::Bool(false));
        assert!(announcement.ip4.is_none() && announcement.ip6.is_some());
    }
}
