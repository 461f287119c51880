//! The proxy that a profile goes through.

use std::fmt;

use super::Reason;
use super::gateway::{Host, parse_authority};
use super::notice::notice;
use super::values::Reader;

/// Port of an HTTP proxy that names none. There is no assigned one; this is what most of them listen on.
const DEFAULT_HTTP_PORT: u16 = 8080;
/// Port of a SOCKS proxy that names none (RFC 1928 3).
const DEFAULT_SOCKS_PORT: u16 = 1080;

/// A proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Proxy {
    /// What it speaks.
    pub kind: ProxyKind,
    /// Where it is.
    pub host: Host,
    /// Its TCP port, 1 to 65,535.
    pub port: u16,
    /// User name there.
    pub user: Option<String>,
}

/// A proxy that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BadProxy {
    /// As written, without a user.
    pub server: String,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ProxyKind {
    /// HTTP, with CONNECT (RFC 9110 9.3.6).
    Http,
    /// SOCKS 5 (RFC 1928).
    Socks5,
}

impl ProxyKind {
    /// As `proxy-type` names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Socks5 => "socks5",
        }
    }

    const ALL: [Self; 2] = [Self::Http, Self::Socks5];

    const fn default_port(self) -> u16 {
        match self {
            Self::Http => DEFAULT_HTTP_PORT,
            Self::Socks5 => DEFAULT_SOCKS_PORT,
        }
    }

    /// The kind that a URL begins with, and what follows. With SOCKS it is the proxy that resolves the gateway's name, in
    /// any case: some call that `socks5h`.
    fn of_url(text: &str) -> Result<(Option<Self>, &str), Reason> {
        let Some((scheme, rest)) = text.split_once("://") else { return Ok((None, text)) };
        let kind = match scheme.to_ascii_lowercase().as_str() {
            "http" => Self::Http,
            "socks5" | "socks5h" => Self::Socks5,
            "https" => {
                return Err(Reason::ProxyTls);
            }
            "socks" | "socks4" | "socks4a" => return Err(Reason::SocksVersion),
            _ => return Err(Reason::ProxyScheme),
        };
        Ok((Some(kind), rest.strip_suffix('/').unwrap_or(rest)))
    }
}

/// `host:port`; an IPv6 address stands in brackets.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Address(std::net::IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
            host => write!(f, "{host}:{}", self.port),
        }
    }
}

impl Proxy {
    /// Reads the proxy of a profile, if it has one.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Option<Self>, BadProxy> {
        let port = reader.number("proxy-port").and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0);
        let named = reader.choice("proxy-type");
        let Some(server) = reader.text("proxy-server") else { return Ok(None) };
        let server = server.trim();
        // what stands before an @ may be a password
        let shown = server.rsplit_once('@').map_or(server, |(_, host)| host).to_owned();
        let bad = |reason| BadProxy { server: shown.clone(), reason };
        if server.contains('@') {
            return Err(bad(Reason::ProxyUser));
        }
        let (of_url, server) = ProxyKind::of_url(server).map_err(bad)?;
        let of_type = ProxyKind::ALL.into_iter().find(|kind| named == Some(kind.name()));
        let kind = of_url.or(of_type).unwrap_or(ProxyKind::Http);
        if of_url.is_some() && of_type != of_url && reader.is_set("proxy-type") {
            reader.notice(notice!(
                "proxy-server is a URL that begins with {scheme}://, so proxy-type is ignored",
                scheme = kind.name()
            ));
        }
        let (host, port) = parse_authority(server, port.unwrap_or(kind.default_port())).map_err(bad)?;
        Ok(Some(Self { kind, host, port, user: reader.text("proxy-user").map(str::to_owned) }))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> (Result<Option<Proxy>, BadProxy>, usize) {
        let data: BTreeMap<String, String> = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let mut reader = Reader::new(&data);
        (Proxy::read(&mut reader), reader.notices.len())
    }

    fn shown(pairs: &[(&str, &str)]) -> (ProxyKind, String) {
        let (proxy, notices) = read(pairs);
        assert_eq!(notices, 0, "{pairs:?}");
        let proxy = proxy.unwrap().unwrap();
        (proxy.kind, proxy.to_string())
    }

    #[test]
    fn every_spelling() {
        use ProxyKind::{Http, Socks5};
        for (server, kind, expected) in [
            ("proxy.example", Http, "proxy.example:8080"),
            (" proxy.example ", Http, "proxy.example:8080"),
            ("proxy.example:3128", Http, "proxy.example:3128"),
            ("http://proxy.example:3128/", Http, "proxy.example:3128"),
            ("HTTP://192.0.2.1", Http, "192.0.2.1:8080"),
            ("2001:db8::1", Http, "[2001:db8::1]:8080"),
            ("[2001:db8::1]:81", Http, "[2001:db8::1]:81"),
            ("socks5://proxy.example", Socks5, "proxy.example:1080"),
            ("socks5h://[::1]:9050", Socks5, "[::1]:9050"),
        ] {
            assert_eq!(shown(&[("proxy-server", server)]), (kind, expected.to_owned()), "{server}");
        }
        let ported = |server, port| shown(&[("proxy-server", server), ("proxy-port", port)]).1;
        assert_eq!(ported("proxy.example", "3128"), "proxy.example:3128");
        assert_eq!(ported("2001:db8::1", "3128"), "[2001:db8::1]:3128");
        assert_eq!(ported("proxy.example:81", "3128"), "proxy.example:81", "the nearer one counts");
        assert_eq!(ported("proxy.example", "0"), "proxy.example:8080", "Plasma writes it always");
        let socks = [("proxy-server", "proxy.example"), ("proxy-type", "socks5")];
        assert_eq!(shown(&socks), (Socks5, "proxy.example:1080".to_owned()));
    }

    #[test]
    fn a_url_goes_before_the_type() {
        let (proxy, notices) = read(&[("proxy-server", "http://proxy.example"), ("proxy-type", "socks5")]);
        assert_eq!((proxy.unwrap().unwrap().kind, notices), (ProxyKind::Http, 1));
        let (proxy, notices) = read(&[("proxy-server", "socks5://proxy.example"), ("proxy-type", "socks5")]);
        assert_eq!((proxy.unwrap().unwrap().kind, notices), (ProxyKind::Socks5, 0));
        let (proxy, notices) = read(&[("proxy-server", "proxy.example"), ("proxy-type", "ftp")]);
        assert_eq!((proxy.unwrap().unwrap().kind, notices), (ProxyKind::Http, 1));
    }

    #[test]
    fn no_proxy() {
        for pairs in [&[][..], &[("proxy-port", "3128")], &[("proxy-server", ""), ("proxy-user", "me")]] {
            assert_eq!(read(pairs), (Ok(None), 0));
        }
    }

    #[test]
    fn what_is_no_proxy() {
        for server in
            ["https://proxy.example", "socks4://proxy.example", "proxy.example/x", "ftp://x", "a b", "p:0", "[::1"]
        {
            let (read, _) = read(&[("proxy-server", server)]);
            assert!(matches!(&read, Err(BadProxy { server: shown, .. }) if shown == server), "{server}: {read:?}");
        }
        let error = read(&[("proxy-server", "http://me:hunter2@proxy.example:81")]).0.unwrap_err();
        assert!(error.reason == Reason::ProxyUser && !format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}
