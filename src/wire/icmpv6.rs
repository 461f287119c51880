//! Router solicitations and advertisements (RFC 4861 4.1, 4.2) and their options.

use std::net::Ipv6Addr;

use super::ip::{self, IPV6_HEADER_LEN, checksum, pseudo_header};
use super::{Malformed, domain, need, within};

/// Type of a Router Solicitation (RFC 4861 4.1).
pub const ROUTER_SOLICITATION: u8 = 133;
/// Type of a Router Advertisement (RFC 4861 4.2).
pub const ROUTER_ADVERTISEMENT: u8 = 134;
/// All routers of a link (RFC 4291 2.7.1).
pub const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

/// The hop limit that shows that a message has not been forwarded (RFC 4861 6.1).
const HOP_LIMIT: u8 = 255;
/// A Router Advertisement before its options, in octets.
const ADVERTISEMENT_LEN: usize = 16;
/// Options that are looked at.
const MAX_OPTIONS: usize = 64;

/// Types of options.
mod option {
    /// Prefix Information (RFC 4861 4.6.2).
    pub(super) const PREFIX_INFORMATION: u8 = 3;
    /// MTU (RFC 4861 4.6.4).
    pub(super) const MTU: u8 = 5;
    /// Route Information (RFC 4191 2.3).
    pub(super) const ROUTE_INFORMATION: u8 = 24;
    /// Recursive DNS Server (RFC 8106 5.1).
    pub(super) const RDNSS: u8 = 25;
    /// DNS Search List (RFC 8106 5.2).
    pub(super) const DNSSL: u8 = 31;
}

/// The IPv6 datagram with a Router Solicitation. It has no link-layer address: PPP has none.
pub fn router_solicitation(source: Ipv6Addr) -> Vec<u8> {
    let mut message = [ROUTER_SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
    let pseudo = pseudo_header(source.into(), ALL_ROUTERS.into(), ip::protocol::ICMPV6, message.len());
    let sum = checksum(&[&pseudo, &message]);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let header = ip::ipv6_header(source, ALL_ROUTERS, ip::protocol::ICMPV6, HOP_LIMIT, message.len());
    [&header[..], &message].concat()
}

/// A Router Advertisement. Lifetimes are seconds; all ones is for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterAdvertisement {
    /// The router, by its link-local address.
    pub source: Ipv6Addr,
    /// Addresses are to be had by DHCPv6 (M), and with them everything else.
    pub managed: bool,
    /// Other parameters are to be had by DHCPv6 (O).
    pub other_config: bool,
    /// For how long this is a default router, in seconds; 0: it is none.
    pub router_lifetime: u16,
    /// What it advertises, in its order; options of other types, and those whose values cannot be, are left out.
    pub options: Vec<RouterOption>,
}

/// An option of a Router Advertisement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouterOption {
    /// Prefix Information (RFC 4861 4.6.2).
    Prefix {
        /// The prefix; bits behind its length are 0.
        prefix: Ipv6Addr,
        /// Its length, 0 to 128.
        prefix_len: u8,
        /// Its hosts are on this link (L).
        on_link: bool,
        /// Addresses may be formed of it (A).
        autonomous: bool,
        /// Seconds for which it is valid.
        valid: u32,
        /// Seconds for which addresses of it are preferred.
        preferred: u32,
    },
    /// MTU of the link, in octets (RFC 4861 4.6.4).
    Mtu(u32),
    /// Route Information (RFC 4191 2.3).
    Route {
        /// The prefix; bits behind its length are 0.
        prefix: Ipv6Addr,
        /// Its length, 0 to 128.
        prefix_len: u8,
        /// Seconds for which it is valid.
        lifetime: u32,
    },
    /// DNS servers (RFC 8106 5.1).
    Dns {
        /// Their addresses.
        servers: Vec<Ipv6Addr>,
        /// Seconds for which they may be used.
        lifetime: u32,
    },
    /// Domains to search (RFC 8106 5.2).
    Search {
        /// Their names.
        domains: Vec<String>,
        /// Seconds for which they may be used.
        lifetime: u32,
    },
}

impl RouterAdvertisement {
    /// Reads an IPv6 datagram with a Router Advertisement and validates it (RFC 4861 6.1.2).
    ///
    /// # Errors
    /// It is something else, was forwarded, does not come from a link-local address, or has a wrong checksum or length.
    pub fn parse(datagram: &[u8]) -> Result<Self, Malformed> {
        need("IPv6 header", 0, datagram.len(), IPV6_HEADER_LEN)?;
        let (next_header, hop_limit) = (datagram[6], datagram[7]);
        if next_header != ip::protocol::ICMPV6 {
            return Err(Malformed::value("IPv6 next header", 6, next_header));
        }
        if hop_limit != HOP_LIMIT {
            return Err(Malformed::value("hop limit of a Router Advertisement", 7, hop_limit));
        }
        let (source, destination) = ip::ipv6_addresses(datagram);
        if !source.is_unicast_link_local() {
            return Err(Malformed::value("source of a Router Advertisement", 8, u32::from(datagram[8])));
        }
        let message = &datagram[IPV6_HEADER_LEN..];
        need("Router Advertisement", IPV6_HEADER_LEN, message.len(), ADVERTISEMENT_LEN)?;
        let (kind, code) = (message[0], message[1]);
        if (kind, code) != (ROUTER_ADVERTISEMENT, 0) {
            return Err(Malformed::value("ICMPv6 type and code", IPV6_HEADER_LEN, u16::from_be_bytes([kind, code])));
        }
        let pseudo = pseudo_header(source.into(), destination.into(), ip::protocol::ICMPV6, message.len());
        if checksum(&[&pseudo, message]) != 0 {
            return Err(Malformed::value(
                "ICMPv6 checksum",
                IPV6_HEADER_LEN + 2,
                u16::from_be_bytes([message[2], message[3]]),
            ));
        }
        Ok(RouterAdvertisement {
            source,
            managed: message[5] & 0x80 != 0,
            other_config: message[5] & 0x40 != 0,
            router_lifetime: u16::from_be_bytes([message[6], message[7]]),
            options: parse_options(message)?,
        })
    }
}

/// Reads the options (RFC 4861 4.6): type, length in units of 8 octets, value.
fn parse_options(message: &[u8]) -> Result<Vec<RouterOption>, Malformed> {
    const WHAT: &str = "option of a Router Advertisement";
    let (mut options, mut at) = (Vec::new(), ADVERTISEMENT_LEN);
    while at < message.len() && options.len() < MAX_OPTIONS {
        let offset = IPV6_HEADER_LEN + at;
        need(WHAT, offset, message.len() - at, 2)?;
        let length = usize::from(message[at + 1]) * 8;
        within(WHAT, offset + 1, length, 8, message.len() - at)?;
        options.extend(parse_option(&message[at..at + length]));
        at += length;
    }
    Ok(options)
}

/// An option of at least 8 octets; `None` where its type is not known, or its value cannot be.
fn parse_option(option: &[u8]) -> Option<RouterOption> {
    let word = |at: usize| option.get(at..at + 4)?.first_chunk::<4>().map(|octets| u32::from_be_bytes(*octets));
    match option[0] {
        option::PREFIX_INFORMATION => {
            let prefix_len = Some(option[2]).filter(|length| *length <= 128)?;
            Some(RouterOption::Prefix {
                prefix: masked(address(option.get(16..32)?)?, prefix_len),
                prefix_len,
                on_link: option[3] & 0x80 != 0,
                autonomous: option[3] & 0x40 != 0,
                valid: word(4)?,
                preferred: word(8)?,
            })
        }
        option::MTU => word(4).map(RouterOption::Mtu),
        option::ROUTE_INFORMATION => {
            let prefix_len = Some(option[2]).filter(|length| *length <= 128)?;
            // RFC 4191 2.3: as many octets of the prefix as are needed, or more
            let given = option.get(8..)?;
            let mut octets = [0; 16];
            let length = given.len().min(16);
            octets[..length].copy_from_slice(&given[..length]);
            let enough = usize::from(prefix_len).div_ceil(8) <= length;
            enough.then_some(RouterOption::Route {
                prefix: masked(Ipv6Addr::from(octets), prefix_len),
                prefix_len,
                lifetime: word(4)?,
            })
        }
        option::RDNSS => {
            let servers = option.get(8..)?.chunks_exact(16).filter_map(address).collect();
            Some(RouterOption::Dns { servers, lifetime: word(4)? })
        }
        option::DNSSL => {
            let domains = domain::parse_names(option.get(8..)?).ok()?;
            Some(RouterOption::Search { domains, lifetime: word(4)? })
        }
        _ => None,
    }
}

fn address(octets: &[u8]) -> Option<Ipv6Addr> {
    octets.first_chunk::<16>().map(|octets| Ipv6Addr::from(*octets))
}

/// The address with the bits behind its prefix 0.
fn masked(address: Ipv6Addr, prefix_len: u8) -> Ipv6Addr {
    let mask = u128::MAX.checked_shl(128 - u32::from(prefix_len)).unwrap_or(0);
    Ipv6Addr::from(u128::from(address) & mask)
}

#[cfg(test)]
pub(crate) mod tests;
