//! What a session has learned of the network behind the server.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::hostconf::{Ipv4Route, Ipv6Address, Ipv6Route, Learned};
use crate::ppp;
use crate::ppp::auth::AuthProtocol;
use crate::ppp::eap::EapMethod;

/// What the tunnel's network layer is to be set up with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct NetworkParameters {
    /// IPv4, where IPCP is Opened (RFC 1332).
    pub ipv4: Option<Ipv4Parameters>,
    /// IPv6, where IPV6CP is Opened (RFC 5072).
    pub ipv6: Option<Ipv6Parameters>,
    /// Domains to search, the server's own first (RFC 2132 3.17, RFC 3397, RFC 8106 5.2).
    pub domains: Vec<String>,
    /// Largest datagram in octets that the tunnel carries.
    pub mtu: u16,
    /// How we authenticated ourselves; `None` where the server did not ask.
    pub authentication: Option<AuthProtocol>,
    /// The method of EAP that was used.
    pub eap_method: Option<EapMethod>,
}

/// IPv4 in the tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Ipv4Parameters {
    /// Our address (RFC 1332 3.3).
    pub address: Ipv4Addr,
    /// The server's address in the tunnel, where it told one.
    pub peer: Option<Ipv4Addr>,
    /// DNS servers, the preferred one first (RFC 1877 1.1, 1.3; RFC 2132 3.8).
    pub dns: Vec<Ipv4Addr>,
    /// NetBIOS name servers, the preferred one first (RFC 1877 1.2, 1.4; RFC 2132 8.5).
    pub nbns: Vec<Ipv4Addr>,
    /// Networks behind the server (RFC 3442), the default route among them where it was told.
    pub routes: Vec<Ipv4Route>,
}

/// IPv6 in the tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Ipv6Parameters {
    /// Our link-local address, of our interface identifier (RFC 5072 5).
    pub link_local: Ipv6Addr,
    /// The server's link-local address, where it told one.
    pub peer: Option<Ipv6Addr>,
    /// Our other addresses; none as long as no router has advertised a prefix.
    pub addresses: Vec<Ipv6Address>,
    /// DNS servers (RFC 8106 5.1, RFC 3646).
    pub dns: Vec<Ipv6Addr>,
    /// Networks behind the server, on-link prefixes among them (RFC 4861 4.6.2, RFC 4191).
    pub routes: Vec<Ipv6Route>,
    /// The server routes everything (RFC 4861 4.2, the router lifetime).
    pub default_route: bool,
}

impl NetworkParameters {
    /// What the link has negotiated and what the network has told; `mtu` is the owner's upper bound in octets.
    pub(super) fn new(link: ppp::NetworkParameters, learned: &Learned, mtu: u16) -> Self {
        let ppp::NetworkParameters { ipv4, ipv6, mtu: peer_mtu, authentication, eap_method } = link;
        let link_mtu = learned.ipv6_mtu.filter(|_| ipv6.is_some()).unwrap_or(u16::MAX);
        NetworkParameters {
            ipv4: ipv4.map(|ppp::Ipv4Parameters { address, peer, dns, nbns }| Ipv4Parameters {
                address,
                peer,
                dns: with_preference(&learned.ipv4_dns, dns),
                nbns: with_preference(&learned.nbns, nbns),
                routes: learned.ipv4_routes.clone(),
            }),
            ipv6: ipv6.map(|ppp::Ipv6Parameters { link_local, peer }| Ipv6Parameters {
                link_local,
                peer,
                addresses: learned.ipv6_addresses.clone(),
                dns: learned.ipv6_dns.clone(),
                routes: learned.ipv6_routes.clone(),
                default_route: learned.ipv6_default_route,
            }),
            domains: learned.domains.clone(),
            mtu: peer_mtu.min(mtu).min(link_mtu),
            authentication,
            eap_method,
        }
    }
}

/// DHCP knows the network better than the server that negotiates IPCP, so Windows prefers what it tells; the others
/// stay behind it.
fn with_preference(preferred: &[Ipv4Addr], others: Vec<Ipv4Addr>) -> Vec<Ipv4Addr> {
    let mut all = preferred.to_vec();
    all.extend(others.into_iter().filter(|address| !preferred.contains(address)));
    all
}
