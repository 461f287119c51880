//! The server that a profile names.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Port of a gateway that names none: HTTPS.
const DEFAULT_PORT: u16 = 443;

/// Host and port of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Gateway {
    /// Where it is; also what its certificate must be issued for.
    pub host: Host,
    /// TCP port, 1 to 65,535.
    pub port: u16,
}

/// A host by name or by address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Host {
    /// A DNS name as the profile spells it, without a dot at its end.
    Name(String),
    /// An address.
    Address(IpAddr),
}

/// The name, or the address without brackets: what is resolved, and what a certificate is verified for.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// `host`, or `host:port` where the port is not 443; an IPv6 address stands in brackets. This is the `Host` header of
/// the HTTP request (RFC 9110 7.2) and what messages show.
impl fmt::Display for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]")?,
            host => host.fmt(f)?,
        }
        if self.port == DEFAULT_PORT { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl Gateway {
    /// Reads `name`, `name:port`, `IPv4`, `IPv4:port`, `IPv6`, `[IPv6]` or `[IPv6]:port`; space around it is ignored.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as the end of a sentence.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.contains("://") || text.contains('/') {
            return Err("it is a URL; give only the name of the server");
        }
        if let Some(bracketed) = text.strip_prefix('[') {
            let (address, rest) = bracketed.split_once(']').ok_or("its bracket is not closed")?;
            let address: Ipv6Addr = address.parse().map_err(|_| "only an IPv6 address may stand in brackets")?;
            let port = match rest.strip_prefix(':') {
                Some(port) => parse_port(port)?,
                None if rest.is_empty() => DEFAULT_PORT,
                None => return Err("only :port may stand behind the bracket"),
            };
            return Ok(Self { host: Host::Address(address.into()), port });
        }
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Ok(Self { host: Host::Address(address.into()), port: DEFAULT_PORT });
        }
        match text.split_once(':') {
            None => Ok(Self { host: parse_host(text)?, port: DEFAULT_PORT }),
            Some((_, port)) if port.contains(':') => {
                Err("it is no IPv6 address; with a port, an IPv6 address stands in brackets: [2001:db8::1]:443")
            }
            Some((host, port)) => Ok(Self { host: parse_host(host)?, port: parse_port(port)? }),
        }
    }
}

fn parse_port(text: &str) -> Result<u16, &'static str> {
    match text.parse() {
        Ok(port @ 1..) if text.bytes().all(|c| c.is_ascii_digit()) => Ok(port),
        _ => Err("its port is not a number from 1 to 65535"),
    }
}

/// A name need not exist, but it must be safe in the HTTP header and in the TLS handshake.
fn parse_host(text: &str) -> Result<Host, &'static str> {
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok(Host::Address(address.into()));
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    if !name.is_ascii() {
        return Err("it has letters beyond ASCII; write the name in its encoded form (xn--...)");
    }
    if !name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(&c)) {
        return Err("only letters, digits, '-', '_' and '.' may stand in a name");
    }
    if name.starts_with('-') {
        return Err("a name does not begin with '-'");
    }
    if name.len() > 253 || name.split('.').any(|label| label.is_empty() || label.len() > 63) {
        return Err("it is neither a name nor an address");
    }
    // The resolver would read 10.1 as 10.0.0.1.
    if name.rsplit('.').next().is_some_and(|label| label.bytes().all(|c| c.is_ascii_digit())) {
        return Err("it ends in a number and is no IPv4 address");
    }
    Ok(Host::Name(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling() {
        let name = |name: &str, port| Gateway { host: Host::Name(name.into()), port };
        let address = |address: &str, port| Gateway { host: Host::Address(address.parse().unwrap()), port };
        for (text, gateway, header) in [
            ("vpn.example.com", name("vpn.example.com", 443), "vpn.example.com"),
            (" vpn.example.com\n", name("vpn.example.com", 443), "vpn.example.com"),
            ("vpn.example.com.", name("vpn.example.com", 443), "vpn.example.com"),
            ("vpn.example.com:8443", name("vpn.example.com", 8443), "vpn.example.com:8443"),
            ("a_b.example:443", name("a_b.example", 443), "a_b.example"),
            ("localhost", name("localhost", 443), "localhost"),
            ("XN--BCHER-KVA.example", name("XN--BCHER-KVA.example", 443), "XN--BCHER-KVA.example"),
            ("192.0.2.1", address("192.0.2.1", 443), "192.0.2.1"),
            ("192.0.2.1:65535", address("192.0.2.1", 65535), "192.0.2.1:65535"),
            ("2001:db8::1", address("2001:db8::1", 443), "[2001:db8::1]"),
            ("::1", address("::1", 443), "[::1]"),
            ("2001:db8::1:9", address("2001:db8::1:9", 443), "[2001:db8::1:9]"),
            ("[2001:db8::1]", address("2001:db8::1", 443), "[2001:db8::1]"),
            ("[::1]:9", address("::1", 9), "[::1]:9"),
        ] {
            assert_eq!(Gateway::parse(text), Ok(gateway.clone()), "{text:?}");
            assert_eq!(gateway.to_string(), header);
        }
    }

    #[test]
    fn what_is_no_gateway() {
        for text in [
            "",
            ".",
            "a..b",
            ":443",
            "vpn.example.com:",
            "vpn.example.com:0",
            "vpn.example.com:65536",
            "vpn.example.com:+443",
            "vpn.example.com:https",
            "https://vpn.example.com/",
            "vpn.example.com/path",
            "vpn example.com",
            "vpn.example.com\r\nX: y",
            "vpn.example.com\0",
            "bücher.example",
            "[vpn.example.com]:443",
            "[192.0.2.1]:443",
            "[::1",
            "[::1]443",
            "[::1]:0",
            "fe80::1%eth0",
            "2001:db8::1:443:x",
            "300.1.1.1",
            "10.1",
            "-o",
            "user@vpn.example.com",
        ] {
            assert!(Gateway::parse(text).is_err(), "{text:?}");
        }
        assert!(Gateway::parse(&"a".repeat(64)).is_err());
        assert!(Gateway::parse(&"a.".repeat(128)).is_err());
    }
}
