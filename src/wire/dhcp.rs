//! DHCP for IPv4 (RFC 2131): the message that asks for parameters, and the answer to it.

use std::net::Ipv4Addr;

use super::{Malformed, domain, need, printable, within};

/// UDP port of servers (RFC 2131 4.1).
pub const SERVER_PORT: u16 = 67;
/// UDP port of clients (RFC 2131 4.1).
pub const CLIENT_PORT: u16 = 68;

/// Codes of options (RFC 2132, and what stands beside them).
pub mod option {
    /// Pad.
    pub const PAD: u8 = 0;
    /// Domain Name Server (RFC 2132 3.8).
    pub const DOMAIN_NAME_SERVER: u8 = 6;
    /// Domain Name (RFC 2132 3.17).
    pub const DOMAIN_NAME: u8 = 15;
    /// Vendor Specific Information (RFC 2132 8.4).
    pub const VENDOR_SPECIFIC: u8 = 43;
    /// NetBIOS over TCP/IP Name Server (RFC 2132 8.5).
    pub const NETBIOS_NAME_SERVER: u8 = 44;
    /// Option Overload (RFC 2132 9.3).
    pub const OVERLOAD: u8 = 52;
    /// DHCP Message Type (RFC 2132 9.6).
    pub const MESSAGE_TYPE: u8 = 53;
    /// Parameter Request List (RFC 2132 9.8).
    pub const PARAMETER_REQUEST_LIST: u8 = 55;
    /// Vendor class identifier (RFC 2132 9.13).
    pub const VENDOR_CLASS: u8 = 60;
    /// Client-identifier (RFC 2132 9.14).
    pub const CLIENT_IDENTIFIER: u8 = 61;
    /// User Class ([MS-DHCPE] 2.2.6.1, which is not RFC 3004's format).
    pub const USER_CLASS: u8 = 77;
    /// Domain Search (RFC 3397).
    pub const DOMAIN_SEARCH: u8 = 119;
    /// Classless Route (RFC 3442).
    pub const CLASSLESS_ROUTE: u8 = 121;
    /// Classless Static Route by its older number ([MS-DHCPE] 2.2.8), of the same format.
    pub const MICROSOFT_CLASSLESS_ROUTE: u8 = 249;
    /// Goes on with the option before it ([MS-DHCPE] 2.2.9).
    pub const CONTINUATION: u8 = 250;
    /// End.
    pub const END: u8 = 255;
}

const BOOTREQUEST: u8 = 1;
const BOOTREPLY: u8 = 2;
const DHCPACK: u8 = 5;
const DHCPINFORM: u8 = 8;

/// The fields before the options (RFC 2131 2), in octets.
const FIXED_LEN: usize = 236;
/// The first octets of the options (RFC 2131 3).
const MAGIC_COOKIE: [u8; 4] = [99, 130, 83, 99];
/// Least length of a message: BOOTP's (RFC 1542 2.1), which some servers still demand, in octets.
const MIN_LEN: usize = 300;

/// Hardware type that Windows gives for a PPP interface.
const HTYPE: u8 = 8;
/// Length of the hardware address that it gives, in octets.
const HLEN: u8 = 6;

/// Servers of one kind that are taken.
const MAX_SERVERS: usize = 8;
/// Routes that are taken: as many as fit a message.
const MAX_ROUTES: usize = 256;

/// A classless route: destination, length of its prefix, router.
type Route = (Ipv4Addr, u8, Ipv4Addr);

/// DHCPINFORM (RFC 2131 3.4), made as Windows makes it on a VPN interface: servers give such clients options of their
/// own by the user class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inform {
    /// Transaction identifier.
    pub xid: u32,
    /// Our address.
    pub ciaddr: Ipv4Addr,
    /// Seconds since the first copy was sent.
    pub secs: u16,
    /// Something in place of a hardware address, which PPP has not.
    pub hardware_address: [u8; 6],
}

impl Inform {
    /// The options that are asked for.
    pub const REQUESTED: [u8; 8] = [
        option::DOMAIN_NAME_SERVER,
        option::NETBIOS_NAME_SERVER,
        option::VENDOR_SPECIFIC,
        option::USER_CLASS,
        option::DOMAIN_NAME,
        option::DOMAIN_SEARCH,
        option::CLASSLESS_ROUTE,
        option::MICROSOFT_CLASSLESS_ROUTE,
    ];
    const VENDOR_CLASS: &[u8] = b"MSFT 5.0";
    const USER_CLASS: &[u8] = b"RRAS.Microsoft";

    /// The message, without UDP.
    pub fn emit(&self) -> Vec<u8> {
        let mut out = vec![0; FIXED_LEN];
        out[..4].copy_from_slice(&[BOOTREQUEST, HTYPE, HLEN, 0]);
        out[4..8].copy_from_slice(&self.xid.to_be_bytes());
        out[8..10].copy_from_slice(&self.secs.to_be_bytes());
        out[12..16].copy_from_slice(&self.ciaddr.octets());
        out[28..34].copy_from_slice(&self.hardware_address);
        out.extend_from_slice(&MAGIC_COOKIE);
        let mut option = |code: u8, value: &[u8]| {
            out.extend_from_slice(&[code, value.len() as u8]);
            out.extend_from_slice(value);
        };
        option(option::MESSAGE_TYPE, &[DHCPINFORM]);
        let [a, b, c, d, e, f] = self.hardware_address;
        option(option::CLIENT_IDENTIFIER, &[HTYPE, a, b, c, d, e, f]);
        option(option::VENDOR_CLASS, Self::VENDOR_CLASS);
        option(option::USER_CLASS, Self::USER_CLASS);
        option(option::PARAMETER_REQUEST_LIST, &Self::REQUESTED);
        out.push(option::END);
        out.resize(out.len().max(MIN_LEN), option::PAD);
        out
    }
}

/// DHCPACK, as far as it answers [`Inform`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ack {
    /// Transaction identifier.
    pub xid: u32,
    /// DNS servers.
    pub dns: Vec<Ipv4Addr>,
    /// NetBIOS name servers.
    pub nbns: Vec<Ipv4Addr>,
    /// The domain; none where it is no name of one.
    pub domain: Option<String>,
    /// Domains to search.
    pub search: Vec<String>,
    /// Classless routes: destination, length of its prefix, router.
    pub routes: Vec<Route>,
}

impl Ack {
    /// Reads a message that a client got; `None` where it is something else than a DHCPACK.
    ///
    /// An option whose value cannot be read is left out: servers differ most in those that few ask for.
    ///
    /// # Errors
    /// Lengths that cannot be.
    pub fn parse(message: &[u8]) -> Result<Option<Self>, Malformed> {
        need("DHCP message", 0, message.len(), FIXED_LEN + MAGIC_COOKIE.len())?;
        if message[0] != BOOTREPLY || message[FIXED_LEN..][..4] != MAGIC_COOKIE {
            return Ok(None);
        }
        let options = &message[FIXED_LEN + MAGIC_COOKIE.len()..];
        let overload = option_value(&[options], option::OVERLOAD)?.first().copied().unwrap_or(0);
        let mut parts = vec![options];
        // RFC 2131 4.1: file, then sname
        if overload & 1 != 0 {
            parts.push(&message[108..236]);
        }
        if overload & 2 != 0 {
            parts.push(&message[44..108]);
        }
        if option_value(&parts, option::MESSAGE_TYPE)? != [DHCPACK] {
            return Ok(None);
        }
        let value = |code| option_value(&parts, code);
        let domain = value(option::DOMAIN_NAME)?;
        let domain = printable(domain.trim_ascii_end().strip_suffix(b"\0").unwrap_or(&domain));
        let domain = domain.strip_suffix('.').unwrap_or(&domain);
        let mut routes = routes(&value(option::CLASSLESS_ROUTE)?);
        for route in self::routes(&value(option::MICROSOFT_CLASSLESS_ROUTE)?) {
            if !routes.contains(&route) && routes.len() < MAX_ROUTES {
                routes.push(route);
            }
        }
        Ok(Some(Ack {
            xid: u32::from_be_bytes([message[4], message[5], message[6], message[7]]),
            dns: addresses(&value(option::DOMAIN_NAME_SERVER)?),
            nbns: addresses(&value(option::NETBIOS_NAME_SERVER)?),
            domain: domain::is_host_name(domain).then(|| domain.to_owned()),
            search: domain::parse_names(&value(option::DOMAIN_SEARCH)?).unwrap_or_default(),
            routes,
        }))
    }
}

/// The value of an option; where it is there several times, they are one after the other (RFC 3396 7), and so are those
/// with which it goes on (Microsoft's way, and SoftEther's). Empty where it is not there.
fn option_value(parts: &[&[u8]], wanted: u8) -> Result<Vec<u8>, Malformed> {
    const WHAT: &str = "DHCP option";
    let mut value = Vec::new();
    for part in parts {
        let (mut at, mut last) = (0, option::PAD);
        while at < part.len() {
            match part[at] {
                option::PAD => at += 1,
                option::END => break,
                code => {
                    need(WHAT, at, part.len() - at, 2)?;
                    let length = usize::from(part[at + 1]);
                    within(WHAT, at + 1, length, 0, part.len() - at - 2)?;
                    if code != option::CONTINUATION {
                        last = code;
                    }
                    if last == wanted {
                        value.extend_from_slice(&part[at + 2..at + 2 + length]);
                    }
                    at += 2 + length;
                }
            }
        }
    }
    Ok(value)
}

/// Whole addresses that a host can have, each once.
fn addresses(value: &[u8]) -> Vec<Ipv4Addr> {
    let mut addresses = Vec::new();
    for octets in value.chunks_exact(4) {
        let address = Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]);
        let usable = !address.is_unspecified() && !address.is_broadcast() && !address.is_multicast();
        if usable && !addresses.contains(&address) && addresses.len() < MAX_SERVERS {
            addresses.push(address);
        }
    }
    addresses
}

/// The routes of a value, up to what cannot be read of it.
fn routes(value: &[u8]) -> Vec<Route> {
    let (routes, rest) = parse_routes(value);
    if let Err(malformed) = rest {
        tracing::debug!("left out the rest of the routes behind {}: {malformed}", routes.len());
    }
    routes
}

/// Classless routes (RFC 3442): the length of a prefix, as many octets as it has, and a router; bits behind the prefix
/// are taken off. With the whole ones comes what is wrong with the rest: a prefix of more than 32 bits, or an end in the
/// middle of a route.
fn parse_routes(value: &[u8]) -> (Vec<Route>, Result<(), Malformed>) {
    let mut routes = Vec::new();
    let mut at = 0;
    while at < value.len() && routes.len() < MAX_ROUTES {
        match parse_route(value, at) {
            Ok((route, length)) => {
                routes.push(route);
                at += length;
            }
            Err(malformed) => return (routes, Err(malformed)),
        }
    }
    (routes, Ok(()))
}

/// The route that begins here, and its length in octets.
fn parse_route(value: &[u8], at: usize) -> Result<(Route, usize), Malformed> {
    const WHAT: &str = "classless route";
    let prefix_len = value[at];
    within(WHAT, at, prefix_len.into(), 0, 32)?;
    let significant = usize::from(prefix_len).div_ceil(8);
    need(WHAT, at + 1, value.len() - at - 1, significant + 4)?;
    let mut destination = [0; 4];
    destination[..significant].copy_from_slice(&value[at + 1..at + 1 + significant]);
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix_len)).unwrap_or(0);
    let destination = Ipv4Addr::from(u32::from_be_bytes(destination) & mask);
    let router = &value[at + 1 + significant..][..4];
    let router = Ipv4Addr::new(router[0], router[1], router[2], router[3]);
    Ok(((destination, prefix_len, router), 1 + significant + 4))
}

#[cfg(test)]
mod tests;
