//! The server that a profile names.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Reason;
use crate::wire::http::URI;

/// Port of a gateway that names none: HTTPS.
const DEFAULT_PORT: u16 = 443;

/// Most octets of path and query. No request line that servers take is longer than 8 KiB (RFC 9112 3), and this is no
/// place for a novel.
pub(super) const MAX_URI: usize = 2048;

/// The one query variable that a request may have (MS-SSTP 3.2.4.1).
const TENANT: &str = "tenantid";

/// Where the server is, and what is asked for there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Gateway {
    /// Where it is; also what its certificate must be issued for, unless the profile says otherwise.
    pub host: Host,
    /// TCP port, 1 to 65,535.
    pub port: u16,
    /// Path and query of the HTTP request (MS-SSTP 3.2.4.1): visible ASCII, begins with a slash.
    pub uri: String,
}

/// A host by name or by address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Host {
    /// A DNS name as the profile spells it, without a dot at its end; a name with letters beyond ASCII in its encoded
    /// form (RFC 5891 4.4, `xn--...`).
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

/// `host`, or `host:port` where the port is not 443; an IPv6 address stands in brackets. This is what messages show.
impl fmt::Display for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.authority(&self.host))
    }
}

impl Gateway {
    /// Reads `name`, `name:port`, `IPv4`, `IPv4:port`, `IPv6`, `[IPv6]` or `[IPv6]:port`, each with `https://` in front
    /// or without, and with a path, `?tenantid=...` or both behind or without; space around it is ignored. Without a
    /// path it is the specification's that is asked for.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Reason> {
        let text = without_scheme(text.trim())?;
        let (authority, resource) = text.split_at(text.find(['/', '?', '#', '\\']).unwrap_or(text.len()));
        let (host, port) = parse_authority(authority, DEFAULT_PORT)?;
        Ok(Self { host, port, uri: parse_resource(resource)? })
    }

    /// The `Host` header of the HTTP request (RFC 9110 7.2) where the server is called `host`.
    pub fn authority(&self, host: &Host) -> String {
        let host = match host {
            Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
            host => host.to_string(),
        };
        if self.port == DEFAULT_PORT { host } else { format!("{host}:{}", self.port) }
    }
}

impl Host {
    /// Reads a name or an address, an IPv6 address with brackets or without; space around it is ignored.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Reason> {
        let text = text.trim();
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        match bare.parse::<Ipv6Addr>() {
            Ok(address) => Ok(Self::Address(address.into())),
            Err(_) => parse_host(text),
        }
    }
}

/// People copy gateways from where they are links.
fn without_scheme(text: &str) -> Result<&str, Reason> {
    match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => Ok(rest),
        Some((scheme, _)) if scheme.bytes().all(|c| c.is_ascii_alphanumeric()) => Err(Reason::GatewayScheme),
        _ => Ok(text),
    }
}

/// A host, with a port behind it or with this one.
pub(super) fn parse_authority(text: &str, default: u16) -> Result<(Host, u16), Reason> {
    if let Some(bracketed) = text.strip_prefix('[') {
        let (address, rest) = bracketed.split_once(']').ok_or(Reason::OpenBracket)?;
        let address: Ipv6Addr = address.parse().map_err(|_| Reason::Bracketed)?;
        let port = match rest.strip_prefix(':') {
            Some(port) => parse_port(port)?,
            None if rest.is_empty() => default,
            None => return Err(Reason::BehindBracket),
        };
        return Ok((Host::Address(address.into()), port));
    }
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Ok((Host::Address(address.into()), default));
    }
    match text.split_once(':') {
        None => Ok((parse_host(text)?, default)),
        Some((_, port)) if port.contains(':') => Err(Reason::Colons),
        Some((host, port)) => Ok((parse_host(host)?, parse_port(port)?)),
    }
}

fn parse_port(text: &str) -> Result<u16, Reason> {
    match text.parse() {
        Ok(port @ 1..) if text.bytes().all(|c| c.is_ascii_digit()) => Ok(port),
        _ => Err(Reason::Port),
    }
}

/// A name need not exist, but it must be safe in the HTTP header and in the TLS handshake.
fn parse_host(text: &str) -> Result<Host, Reason> {
    let text = in_ascii(text)?;
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok(Host::Address(address.into()));
    }
    let name = text.strip_suffix('.').unwrap_or(&text);
    if !name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(&c)) {
        return Err(Reason::NameCharacter);
    }
    if name.starts_with('-') {
        return Err(Reason::NameHyphen);
    }
    if name.len() > 253 || name.split('.').any(|label| label.is_empty() || label.len() > 63) {
        return Err(Reason::NameLength);
    }
    // The resolver would read 10.1 as 10.0.0.1.
    if name.rsplit('.').next().is_some_and(|label| label.bytes().all(|c| c.is_ascii_digit())) {
        return Err(Reason::NameNumber);
    }
    Ok(Host::Name(name.to_owned()))
}

/// An internationalised name as DNS and certificates have it (UTS #46). A name in ASCII stays as it is written.
fn in_ascii(name: &str) -> Result<Cow<'_, str>, Reason> {
    if name.is_ascii() {
        return Ok(name.into());
    }
    idna::domain_to_ascii(name).map(Cow::Owned).map_err(|_| Reason::NameEncoding)
}

/// What stands behind host and port, as the request is to have it. It goes into the request as it is: so nothing may be
/// in it that could end the line or begin another field.
fn parse_resource(text: &str) -> Result<String, Reason> {
    if text.len() > MAX_URI {
        return Err(Reason::PathLength);
    }
    if text.contains('#') {
        return Err(Reason::Fragment);
    }
    let (path, query) = match text.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (text, None),
    };
    // the braces are not allowed in any URI, and are in that of the specification
    if !is_made_of(path, b"/{}") {
        return Err(Reason::PathCharacter);
    }
    let path = if matches!(path, "" | "/") { URI } else { path };
    let Some(query) = query else { return Ok(path.to_owned()) };
    match query.split_once('=') {
        Some((name, tenant)) if name.eq_ignore_ascii_case(TENANT) && !tenant.is_empty() => {
            if tenant.contains('&') || !is_made_of(tenant, b"/?") {
                return Err(Reason::TenantCharacter);
            }
            Ok(format!("{path}?{TENANT}={tenant}"))
        }
        _ => Err(Reason::Query),
    }
}

/// Whether a text has characters of a path's segment only (RFC 3986 3.3), and these others.
fn is_made_of(text: &str, others: &[u8]) -> bool {
    let escapes_are_whole = text.split('%').skip(1).all(|after| {
        let digits = after.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    let is_allowed = |c: u8| c.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%".contains(&c) || others.contains(&c);
    escapes_are_whole && text.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling() {
        let uri = || URI.to_owned();
        let name = |name: &str, port| Gateway { host: Host::Name(name.into()), port, uri: uri() };
        let address = |text: &str, port| Gateway { host: Host::Address(text.parse().unwrap()), port, uri: uri() };
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
            ("https://vpn.example.com/", name("vpn.example.com", 443), "vpn.example.com"),
            ("HTTPS://vpn.example.com:8443", name("vpn.example.com", 8443), "vpn.example.com:8443"),
            ("https://[::1]:9/", address("::1", 9), "[::1]:9"),
            // the examples of RFC 3492 7.1 and UTS #46 are longer; these are what people have
            ("b\u{fc}cher.example", name("xn--bcher-kva.example", 443), "xn--bcher-kva.example"),
            ("B\u{dc}CHER.example:8443", name("xn--bcher-kva.example", 8443), "xn--bcher-kva.example:8443"),
            ("bu\u{308}cher\u{3002}example", name("xn--bcher-kva.example", 443), "xn--bcher-kva.example"),
            ("fa\u{df}.example", name("xn--fa-hia.example", 443), "xn--fa-hia.example"),
            ("\u{ff11}\u{ff19}2.0.2.1", address("192.0.2.1", 443), "192.0.2.1"),
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
            "http://vpn.example.com/",
            "https://https://vpn.example.com/",
            "https://",
            "vpn.example.com/a b",
            "vpn.example.com/a\r\nX: y",
            "vpn.example.com/\0",
            "vpn.example.com/%0",
            "vpn.example.com/%zz",
            "vpn.example.com/b\u{fc}cher",
            "vpn.example.com/#top",
            "vpn.example.com\\\\path",
            "vpn.example.com/?",
            "vpn.example.com/?tenantid",
            "vpn.example.com/?tenantid=",
            "vpn.example.com/?tenantid=a&x=y",
            "vpn.example.com/?tenantid=a b",
            "vpn.example.com/?tenantid=a\nX: y",
            "vpn.example.com/?tenantid=a#b",
            "vpn.example.com/?tenantid=a%2",
            "vpn.example.com/?other=a",
            "?tenantid=a",
            "\u{ff11}\u{ff10}.1",
            "\u{200d}.example",
            "vpn example.com",
            "vpn.example.com\r\nX: y",
            "vpn.example.com\0",
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
        assert!(Gateway::parse(&"\u{fc}".repeat(80)).is_err());
        assert!(Gateway::parse(&format!("a/{}", "b".repeat(MAX_URI))).is_err());
        assert!(Gateway::parse(&"a.".repeat(128)).is_err());
    }

    /// MS-SSTP 3.2.4.1.
    #[test]
    fn what_is_asked_for() {
        for (text, uri) in [
            ("vpn.example.com", URI.to_owned()),
            ("vpn.example.com/", URI.to_owned()),
            ("vpn.example.com/?tenantid=contoso", format!("{URI}?tenantid=contoso")),
            ("vpn.example.com?tenantid=contoso", format!("{URI}?tenantid=contoso")),
            ("[::1]:9?TenantId=a%20b+c/d==", format!("{URI}?tenantid=a%20b+c/d==")),
            ("https://vpn.example.com:8443/vpn/x?tenantid=1", "/vpn/x?tenantid=1".to_owned()),
            (&format!("vpn.example.com{URI}"), URI.to_owned()),
            ("vpn.example.com/sra", "/sra".to_owned()),
        ] {
            assert_eq!(Gateway::parse(text).map(|gateway| gateway.uri), Ok(uri), "{text:?}");
        }
    }
}
