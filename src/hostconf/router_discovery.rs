//! Router discovery (RFC 4861 6.3) and what comes of it: addresses (RFC 4862 5.5), routes (RFC 4191), name servers and
//! search domains (RFC 8106). Everything that was advertised is kept until its lifetime ends.
//!
//! There is no detection of duplicate addresses: both ends of the link have agreed on different interface identifiers
//! (RFC 5072 4.1, 5).

use std::net::Ipv6Addr;
use std::time::{Duration, Instant};

use super::{Ipv6Address, Ipv6Route};
use crate::wire::icmpv6::{RouterAdvertisement, RouterOption, router_solicitation};

/// RTR_SOLICITATION_INTERVAL (RFC 4861 10).
const SOLICITATION_INTERVAL: Duration = Duration::from_secs(4);
/// MAX_RTR_SOLICITATIONS (RFC 4861 10).
const MAX_SOLICITATIONS: u32 = 3;
/// What an advertisement may not take from the remaining lifetime of an address, unless it says more (RFC 4862 5.5.3 e).
const TWO_HOURS: Duration = Duration::from_secs(7200);
/// A lifetime of all ones is for ever (RFC 4861 4.6.2).
const FOR_EVER: u32 = u32::MAX;
/// Length of the prefix that our addresses are formed of: 128 less the interface identifier's (RFC 4862 5.5.3 d).
const ADDRESS_PREFIX_LEN: u8 = 64;
/// Least MTU of a link that carries IPv6, in octets (RFC 8200 5).
const MIN_MTU: u32 = 1280;

// How much of each is kept. What comes on top of it is not looked at until something goes.
const MAX_ROUTERS: usize = 8;
const MAX_PREFIXES: usize = 16;
const MAX_ROUTES: usize = 64;
const MAX_DNS: usize = 8;
const MAX_DOMAINS: usize = 32;

/// Until when something holds; `None`: for ever.
type Deadline = Option<Instant>;

fn deadline(now: Instant, seconds: u32) -> Deadline {
    (seconds != FOR_EVER).then(|| now + Duration::from_secs(seconds.into()))
}

fn has_passed(deadline: Deadline, now: Instant) -> bool {
    deadline.is_some_and(|at| at <= now)
}

/// Something that was advertised, with its end.
struct Held<T> {
    value: T,
    until: Deadline,
}

/// Takes what was advertised: holds it from now on, for longer or shorter, or drops it where its lifetime is 0.
fn hold<T: PartialEq>(held: &mut Vec<Held<T>>, value: T, now: Instant, lifetime: u32, limit: usize) {
    if lifetime == 0 {
        return held.retain(|held| held.value != value);
    }
    let until = deadline(now, lifetime);
    match held.iter().position(|held| held.value == value) {
        Some(index) => held[index].until = until,
        None if held.len() < limit => held.push(Held { value, until }),
        None => {}
    }
}

/// An address that was formed, with its ends.
struct Formed {
    prefix: Ipv6Addr,
    valid: Deadline,
    preferred: Deadline,
    /// It is not preferred any more.
    deprecated: bool,
}

/// The host's side of router discovery on one link.
#[derive(Default)]
pub(super) struct RouterDiscovery {
    /// Our link-local address; `None`: there is no link.
    link_local: Option<Ipv6Addr>,
    /// Solicitations that may still be sent, and when the next one is due.
    solicitations: u32,
    solicit: Option<Instant>,
    /// A router says that there is more to be had by DHCPv6.
    pub(super) other_config: bool,
    routers: Vec<Held<Ipv6Addr>>,
    addresses: Vec<Formed>,
    routes: Vec<Held<Ipv6Route>>,
    dns: Vec<Held<Ipv6Addr>>,
    domains: Vec<Held<String>>,
    pub(super) mtu: Option<u16>,
}

impl RouterDiscovery {
    /// Begins on a link that is up.
    pub(super) fn start(&mut self, now: Instant, link_local: Ipv6Addr) {
        *self = RouterDiscovery {
            link_local: Some(link_local),
            solicitations: MAX_SOLICITATIONS,
            solicit: Some(now),
            ..RouterDiscovery::default()
        };
    }

    pub(super) fn stop(&mut self) {
        *self = RouterDiscovery::default();
    }

    /// Our link-local address, while there is a link.
    pub(super) fn link_local(&self) -> Option<Ipv6Addr> {
        self.link_local
    }

    /// The next solicitation, or the next end of something.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let addresses = self.addresses.iter();
        let ends = addresses
            .flat_map(|address| [address.valid, address.preferred.filter(|_| !address.deprecated)])
            .chain(self.routers.iter().map(|held| held.until))
            .chain(self.routes.iter().map(|held| held.until))
            .chain(self.dns.iter().map(|held| held.until))
            .chain(self.domains.iter().map(|held| held.until));
        ends.chain([self.solicit]).flatten().min()
    }

    /// Drops what has come to its end.
    pub(super) fn expire(&mut self, now: Instant) {
        self.routers.retain(|held| !has_passed(held.until, now));
        self.routes.retain(|held| !has_passed(held.until, now));
        self.dns.retain(|held| !has_passed(held.until, now));
        self.domains.retain(|held| !has_passed(held.until, now));
        self.addresses.retain(|address| !has_passed(address.valid, now));
        for address in &mut self.addresses {
            address.deprecated |= has_passed(address.preferred, now);
        }
    }

    /// The solicitation that is due.
    pub(super) fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        let (link_local, due) = (self.link_local?, self.solicit?);
        if due > now {
            return None;
        }
        self.solicitations = self.solicitations.saturating_sub(1);
        self.solicit = (self.solicitations > 0).then(|| now + SOLICITATION_INTERVAL);
        Some(router_solicitation(link_local))
    }

    /// Takes an advertisement.
    pub(super) fn handle(&mut self, now: Instant, advertisement: &RouterAdvertisement) {
        if self.link_local.is_none() {
            return;
        }
        let RouterAdvertisement { source, managed, other_config, router_lifetime, options } = advertisement;
        // RFC 4861 6.3.7: an answer, unless the router is on its way out
        if *router_lifetime != 0 {
            self.solicit = None;
        }
        self.other_config |= managed | other_config;
        hold(&mut self.routers, *source, now, (*router_lifetime).into(), MAX_ROUTERS);
        for option in options {
            self.take(now, option);
        }
    }

    fn take(&mut self, now: Instant, option: &RouterOption) {
        match option {
            RouterOption::Prefix { prefix, prefix_len, on_link, autonomous, valid, preferred } => {
                // RFC 4861 6.3.4, RFC 4862 5.5.3 b
                if prefix.is_unicast_link_local() || prefix.is_multicast() || prefix.is_unspecified() {
                    return;
                }
                if *on_link {
                    let route = Ipv6Route { destination: *prefix, prefix_len: *prefix_len };
                    hold(&mut self.routes, route, now, *valid, MAX_ROUTES);
                }
                if *autonomous && *prefix_len == ADDRESS_PREFIX_LEN && preferred <= valid {
                    self.form(now, *prefix, *valid, *preferred);
                }
            }
            RouterOption::Mtu(mtu) => {
                self.mtu = u16::try_from(*mtu).ok().filter(|mtu| u32::from(*mtu) >= MIN_MTU).or(self.mtu);
            }
            RouterOption::Route { prefix, prefix_len, lifetime } => {
                let route = Ipv6Route { destination: *prefix, prefix_len: *prefix_len };
                if !prefix.is_multicast() && !prefix.is_unicast_link_local() {
                    hold(&mut self.routes, route, now, *lifetime, MAX_ROUTES);
                }
            }
            RouterOption::Dns { servers, lifetime } => {
                for server in servers.iter().filter(|server| !server.is_unspecified() && !server.is_multicast()) {
                    hold(&mut self.dns, *server, now, *lifetime, MAX_DNS);
                }
            }
            RouterOption::Search { domains, lifetime } => {
                for domain in domains {
                    hold(&mut self.domains, domain.clone(), now, *lifetime, MAX_DOMAINS);
                }
            }
        }
    }

    /// Forms an address of a prefix, or refreshes the one that there is (RFC 4862 5.5.3 d, e).
    fn form(&mut self, now: Instant, prefix: Ipv6Addr, valid: u32, preferred: u32) {
        let (new_valid, preferred) = (deadline(now, valid), deadline(now, preferred));
        let Some(formed) = self.addresses.iter_mut().find(|formed| formed.prefix == prefix) else {
            if valid != 0 && self.addresses.len() < MAX_PREFIXES {
                let deprecated = has_passed(preferred, now);
                self.addresses.push(Formed { prefix, valid: new_valid, preferred, deprecated });
            }
            return;
        };
        (formed.preferred, formed.deprecated) = (preferred, has_passed(preferred, now));
        let remaining = formed.valid.map(|at| at.saturating_duration_since(now));
        let longer = match (new_valid, formed.valid) {
            (None, _) => true,
            (Some(new), Some(old)) => new > old,
            (Some(_), None) => false,
        };
        if longer || Duration::from_secs(valid.into()) > TWO_HOURS {
            formed.valid = new_valid;
        } else if remaining.is_none_or(|remaining| remaining > TWO_HOURS) {
            formed.valid = Some(now + TWO_HOURS);
        }
    }

    /// Our addresses, those that are preferred first.
    pub(super) fn addresses(&self) -> Vec<Ipv6Address> {
        let Some(link_local) = self.link_local else { return Vec::new() };
        let identifier = u128::from(link_local) & u128::from(u64::MAX);
        let address = |formed: &Formed| Ipv6Address {
            address: Ipv6Addr::from(u128::from(formed.prefix) | identifier),
            prefix_len: ADDRESS_PREFIX_LEN,
            deprecated: formed.deprecated,
        };
        let mut addresses: Vec<Ipv6Address> = self.addresses.iter().map(address).collect();
        addresses.sort_by_key(|address| address.deprecated);
        addresses
    }

    pub(super) fn routes(&self) -> Vec<Ipv6Route> {
        self.routes.iter().map(|held| held.value).filter(|route| route.prefix_len != 0).collect()
    }

    pub(super) fn default_route(&self) -> bool {
        !self.routers.is_empty() || self.routes.iter().any(|held| held.value.prefix_len == 0)
    }

    pub(super) fn dns(&self) -> impl Iterator<Item = Ipv6Addr> {
        self.dns.iter().map(|held| held.value)
    }

    pub(super) fn domains(&self) -> impl Iterator<Item = &String> {
        self.domains.iter().map(|held| &held.value)
    }
}
