//! What is wrong with one value, for a person who is typing it.
//!
//! Reading a profile is lenient, since old programs wrote it; a person is told at once what would be ignored.

use std::net::Ipv4Addr;

use super::gateway::{Gateway, Host};
use super::keys::{self, Kind};
use super::proxy::Proxy;
use super::values::{Reader, yes_or_no};
use super::{Reason, diagnosis, eap, gateway_tls, link, parse_uuid};

/// Sum of all secret flags.
const ALL_FLAGS: u32 = 7;

/// What is wrong with the value of a setting, looked at without the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is no gateway, name, proxy or interface, for this reason.
    Unusable(Reason),
    /// It is an address, and only a name can be told in a handshake.
    Address,
    /// It is not the SHA-256 of a certificate.
    Fingerprint,
    /// It is not a number of this range, ends included; where 0 is allowed besides, it means that nothing is set.
    Number {
        /// Least value.
        min: u32,
        /// Greatest value.
        max: u32,
    },
    /// It is none of these words.
    Choice(&'static [&'static str]),
    /// It is neither `yes` nor `no`.
    YesOrNo,
    /// It is no sum of secret flags.
    Flags,
    /// It is not the name of a file for a capture.
    CaptureName,
    /// It is no IPv4 address that this machine could have.
    Ipv4Address,
    /// It names this method of EAP, which is unknown.
    EapMethod(String),
    /// It is no UUID.
    Uuid,
    /// It is not an absolute path.
    RelativePath,
}

/// What is wrong with the value of this key; nothing with one that is empty, which counts as absent, and nothing with an
/// unknown key.
pub fn fault(name: &str, value: &str) -> Option<Fault> {
    let key = keys::find(name)?;
    if value.is_empty() {
        return None;
    }
    match key.kind {
        Kind::Yes => yes_or_no(value).is_none().then_some(Fault::YesOrNo),
        Kind::Number { min, max } => number_fault(name, value, min, max),
        Kind::Flags => (!matches!(number(value), Some(0..=ALL_FLAGS))).then_some(Fault::Flags),
        Kind::Choice(words) => (!words.contains(&value)).then_some(Fault::Choice(words)),
        Kind::Path if is_absolute(value) => None,
        Kind::Path => Some(Fault::RelativePath),
        Kind::Text => text_fault(name, value),
        Kind::Secret => None,
    }
}

fn text_fault(name: &str, value: &str) -> Option<Fault> {
    match name {
        "gateway" => Gateway::parse(value).err().map(Fault::Unusable),
        "gateway-name" => Host::parse(value).err().map(Fault::Unusable),
        "gateway-sni" => match Host::parse(value) {
            Ok(Host::Name(_)) => None,
            Ok(Host::Address(_)) => Some(Fault::Address),
            Err(reason) => Some(Fault::Unusable(reason)),
        },
        "gateway-fingerprint" | "tls-fingerprint" => {
            gateway_tls::parse_fingerprint(value).is_none().then_some(Fault::Fingerprint)
        }
        "proxy-server" => {
            let data = [(name.to_owned(), value.to_owned())].into();
            Proxy::read(&mut Reader::new(&data)).err().map(|bad| Fault::Unusable(bad.reason))
        }
        "interface" => link::interface_fault(value).map(Fault::Unusable),
        "ipv4-address" => match value.trim().parse::<Ipv4Addr>() {
            Ok(address) if address.is_unspecified() || link::is_host(address) => None,
            _ => Some(Fault::Ipv4Address),
        },
        "eap" => eap::words(value)
            .find(|word| eap::method_named(word).is_none())
            .map(|word| Fault::EapMethod(word.to_owned())),
        "capture" => (!diagnosis::is_capture_name(value)).then_some(Fault::CaptureName),
        "uuid" => parse_uuid(value).is_none().then_some(Fault::Uuid),
        _ => None,
    }
}

fn number_fault(name: &str, value: &str, min: u32, max: u32) -> Option<Fault> {
    // These two have a least value beside 0, which stands for none.
    let least = match name {
        "mtu" => link::MIN_MTU,
        "mru" => link::MIN_MRU.into(),
        _ => min,
    };
    let number = number(value);
    let fits = number.is_some_and(|number| (least..=max).contains(&number) || (number == 0 && min == 0));
    (!fits).then_some(Fault::Number { min: least, max })
}

/// Digits alone: what is behind them would be ignored.
fn number(value: &str) -> Option<u32> {
    let value = value.trim();
    value.bytes().all(|octet| octet.is_ascii_digit()).then(|| value.parse().ok())?
}

/// A path of a file, or the URI of an object on a token (RFC 7512).
fn is_absolute(value: &str) -> bool {
    value.starts_with('/') || value.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("pkcs11:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_right() {
        for (name, value) in [
            ("gateway", "vpn.example.com:8443"),
            ("gateway", ""),
            ("gateway-name", "192.0.2.1"),
            ("gateway-sni", "front.example"),
            ("mtu", "1400"),
            ("mtu", "0"),
            ("mru", " 1500 "),
            ("hello-interval", "1"),
            ("password-flags", "5"),
            ("refuse-eap", "TRUE"),
            ("routes", "split"),
            ("ca-cert", "/etc/ssl/ca.pem"),
            ("tls-user-cert", "PKCS11:object=me"),
            ("interface", "office%d"),
            ("ipv4-address", "0.0.0.0"),
            ("eap", "peap, MSCHAPv2;tls"),
            ("capture", "a.pcapng"),
            ("uuid", "{0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9}"),
            ("proxy-server", "socks5://proxy.example"),
            ("user", "what ever"),
            ("unknown", "-1"),
        ] {
            assert_eq!(fault(name, value), None, "{name}={value}");
        }
    }

    #[test]
    fn what_is_wrong() {
        for (name, value, expected) in [
            ("mtu", "100", Fault::Number { min: 128, max: 65_535 }),
            ("mtu", "1400.0", Fault::Number { min: 128, max: 65_535 }),
            ("mru", "4092", Fault::Number { min: 576, max: 4091 }),
            ("hello-interval", "0", Fault::Number { min: 1, max: 65_535 }),
            ("lcp-echo-interval", "30s", Fault::Number { min: 0, max: 65_535 }),
            ("unit", "-1", Fault::Number { min: 0, max: 65_535 }),
            ("route-metric", "4294967296", Fault::Number { min: 0, max: u32::MAX }),
            ("password-flags", "8", Fault::Flags),
            ("refuse-pap", "maybe", Fault::YesOrNo),
            ("hlak", "none", Fault::Choice(&["msk", "halves", "zero"])),
            ("ca-cert", "ca.pem", Fault::RelativePath),
            ("gateway-sni", "192.0.2.1", Fault::Address),
            ("gateway-fingerprint", "ab:cd", Fault::Fingerprint),
            ("ipv4-address", "127.0.0.1", Fault::Ipv4Address),
            ("eap", "peap,leap", Fault::EapMethod("leap".into())),
            ("capture", "../x", Fault::CaptureName),
            ("uuid", "1", Fault::Uuid),
            ("gateway", "a b", Fault::Unusable(Reason::NameCharacter)),
            ("gateway-name", "-a", Fault::Unusable(Reason::NameHyphen)),
            ("interface", "lo", Fault::Unusable(Reason::InterfaceReserved)),
            ("proxy-server", "https://x", Fault::Unusable(Reason::ProxyTls)),
        ] {
            assert_eq!(fault(name, value), Some(expected), "{name}={value}");
        }
    }
}
