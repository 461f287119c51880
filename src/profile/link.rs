//! The settings of the tunnel itself: its interface, its sizes, its address, and how long a server may take.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::Reason;
use super::notice::notice;
use super::values::{Reader, quoted};
use crate::ppp::lcp::MAX_MRU;
pub(super) use crate::ppp::lcp::MIN_MRU;
use crate::session::Patience;

/// Default of the MRU that is requested, in octets (RFC 1661 6.1).
pub(super) const DEFAULT_MRU: u16 = 1500;
/// Least MTU that pppd took, in octets.
pub(super) const MIN_MTU: u32 = 128;
/// Least MTU of a link that carries IPv6, in octets (RFC 8200 5).
pub(super) const MIN_IPV6_MTU: u16 = 1280;
/// Most octets of an interface's name: one less than the kernel's `IFNAMSIZ`, which counts the zero behind it.
pub(super) const MAX_INTERFACE_LEN: usize = 15;
/// The name of an interface that nobody has named; the kernel puts a number in the place of `%d`.
const ANY_INTERFACE: &str = "sstp%d";

pub(super) fn read_mtu(reader: &mut Reader<'_>) -> Option<u16> {
    let mtu = reader.number("mtu").filter(|mtu| *mtu != 0)?;
    if mtu < MIN_MTU {
        reader.notice(notice!("mtu={mtu} is less than {min}; it is ignored", mtu = mtu, min = MIN_MTU));
        return None;
    }
    let mtu = u16::try_from(mtu).ok()?;
    if mtu < MIN_IPV6_MTU {
        reader.notice(notice!(
            "mtu={mtu} is too small for IPv6, which needs {min}; there is only IPv4",
            mtu = mtu,
            min = MIN_IPV6_MTU
        ));
    }
    Some(mtu)
}

/// The MRU to request; without one of its own it is what the MTU leaves of the default.
pub(super) fn read_mru(reader: &mut Reader<'_>, mtu: Option<u16>) -> u16 {
    let mru = reader.number("mru").filter(|mru| *mru != 0).and_then(|mru| u16::try_from(mru).ok());
    if let Some(mru) = mru.filter(|mru| !(MIN_MRU..=MAX_MRU).contains(mru)) {
        reader.notice(notice!(
            "mru={mru} is not from {min} to {max}; it is brought there",
            mru = mru,
            min = MIN_MRU,
            max = MAX_MRU
        ));
    }
    mru.map_or_else(|| mtu.map_or(DEFAULT_MRU, |mtu| mtu.min(DEFAULT_MRU)), |mru| mru.clamp(MIN_MRU, MAX_MRU))
}

/// The name of the interface: `interface`, or what `unit` stood for in pppd.
pub(super) fn read_interface(reader: &mut Reader<'_>) -> String {
    let unit = reader.number("unit").map(|unit| format!("ppp{unit}"));
    let named = reader.text("interface").filter(|name| match interface_fault(name) {
        None => true,
        Some(reason) => {
            reader.notice(notice!(
                "{name}={value} is ignored: {reason}",
                name = "interface",
                value = quoted(name),
                reason = reason
            ));
            false
        }
    });
    match (named, unit) {
        (Some(name), Some(unit)) if name != unit => {
            reader.notice(notice!(
                "interface={name} counts, and not unit, which would name it {unit}",
                name = name,
                unit = unit
            ));
            name.to_owned()
        }
        (Some(name), _) => name.to_owned(),
        (None, unit) => unit.unwrap_or_else(|| ANY_INTERFACE.to_owned()),
    }
}

/// What is wrong with the name of an interface: what the kernel refuses (`dev_valid_name`), what
/// other programs stumble over, and names that mean something else to it.
pub(super) fn interface_fault(name: &str) -> Option<Reason> {
    let (stem, numbered) = match name.strip_suffix("%d") {
        Some(stem) => (stem, true),
        None => (name, false),
    };
    // a number takes the place of "%d"
    if stem.len() + usize::from(numbered) > MAX_INTERFACE_LEN {
        return Some(Reason::InterfaceLength);
    }
    if matches!(name, "." | ".." | "all" | "default" | "lo") {
        return Some(Reason::InterfaceReserved);
    }
    let allowed = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.');
    if !stem.bytes().all(allowed) || stem.is_empty() {
        return Some(Reason::InterfaceCharacter);
    }
    None
}

/// The address to ask for; 0.0.0.0: any.
pub(super) fn read_ipv4_address(reader: &mut Reader<'_>) -> Ipv4Addr {
    let Some(text) = reader.text("ipv4-address") else { return Ipv4Addr::UNSPECIFIED };
    match text.trim().parse::<Ipv4Addr>() {
        Ok(address) if address.is_unspecified() || is_host(address) => address,
        _ => {
            reader.notice(notice!(
                "ipv4-address={value} is no IPv4 address that this machine could have; any is asked for",
                value = quoted(text)
            ));
            Ipv4Addr::UNSPECIFIED
        }
    }
}

/// Whether a single machine can have the address (RFC 1122 3.2.1.3).
pub(super) fn is_host(address: Ipv4Addr) -> bool {
    !(address.octets()[0] == 0 || address.is_multicast() || address.is_loopback() || address.is_broadcast())
}

pub(super) fn read_patience(reader: &mut Reader<'_>) -> Patience {
    let default = Patience::default();
    let mut seconds = |name| reader.number(name).map(|seconds| Duration::from_secs(seconds.into()));
    Patience {
        idle: seconds("hello-interval").unwrap_or(default.idle),
        answer: seconds("dead-peer-timeout").map_or(default.answer, |time| Some(time).filter(|time| !time.is_zero())),
    }
}

/// A number of seconds of which 0 means none.
pub(super) fn read_seconds(reader: &mut Reader<'_>, name: &str) -> Option<Duration> {
    reader.number(name).filter(|seconds| *seconds != 0).map(|seconds| Duration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_interfaces() {
        for name in ["vpn0", "ppp65535", "sstp%d", "a", "office-vpn_1.x", "123456789012345", "12345678901234%d"] {
            assert_eq!(interface_fault(name), None, "{name}");
        }
        for name in [
            "1234567890123456",
            "123456789012345%d",
            ".",
            "..",
            "all",
            "default",
            "lo",
            "a/b",
            "a b",
            "a:1",
            "%d",
            "%s",
            "a%d%d",
            "%dx",
            "vpn\0",
            "vp\u{f6}n",
        ] {
            assert!(interface_fault(name).is_some(), "{name}");
        }
    }
}
