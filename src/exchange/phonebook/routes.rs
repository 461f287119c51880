//! The value of `Routes`, which is documented nowhere: hexadecimal digits, over several lines of that key where there are
//! many. Windows' own `Add-VpnConnectionRoute` shows that each route takes 36 octets: a number that is 1 unless a metric
//! was given, Windows' number of the address family, the length of the prefix (all little-endian), 16 octets that begin
//! with the address, and 8 zeros.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::exchange::{MAX_ENTRIES, Route};

/// Octets of a route.
const LEN: usize = 36;
/// Most digits of a line.
pub(super) const LINE: usize = 128;
/// Windows' numbers of the families.
const AF_INET: u32 = 2;
const AF_INET6: u32 = 23;

/// The routes up to the first that cannot be read. Their first number is not taken for a metric: only that it is mostly 1
/// is known.
pub(super) fn parse(digits: &str) -> Vec<Route> {
    let octets = from_hex(digits);
    octets.chunks_exact(LEN).take(MAX_ENTRIES).map_while(route).collect()
}

fn from_hex(digits: &str) -> Vec<u8> {
    let nibble = |digit: u8| char::from(digit).to_digit(16);
    let octet = |pair: &[u8]| Some((nibble(pair[0])? << 4 | nibble(pair[1])?) as u8);
    digits.as_bytes().chunks_exact(2).map_while(octet).collect()
}

fn route(octets: &[u8]) -> Option<Route> {
    let number = |at: usize| Some(u32::from_le_bytes(octets.get(at..at + 4)?.try_into().ok()?));
    let address: [u8; 16] = octets.get(12..28)?.try_into().ok()?;
    let (destination, longest) = match number(4)? {
        AF_INET => (IpAddr::V4(Ipv4Addr::from(*address.first_chunk::<4>()?)), 32),
        AF_INET6 => (IpAddr::V6(Ipv6Addr::from(address)), 128),
        _ => return None,
    };
    let prefix = u8::try_from(number(8)?).ok().filter(|prefix| *prefix <= longest)?;
    Some(Route { destination, prefix, gateway: None, metric: None })
}

/// The digits of routes.
pub(super) fn emit<'a>(routes: impl Iterator<Item = &'a Route>) -> String {
    let mut digits = String::new();
    for route in routes {
        let mut octets = [0; LEN];
        let (family, address) = match route.destination {
            IpAddr::V4(address) => (AF_INET, address.octets().to_vec()),
            IpAddr::V6(address) => (AF_INET6, address.octets().to_vec()),
        };
        octets[0] = 1;
        octets[4..8].copy_from_slice(&family.to_le_bytes());
        octets[8] = route.prefix;
        octets[12..12 + address.len()].copy_from_slice(&address);
        digits.extend(octets.map(|octet| format!("{octet:02X}")));
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_as_windows_writes_them() {
        // 172.16.0.0/12, 192.168.0.0/16 and 10.0.0.0/8
        let digits = "01000000020000000C000000AC1000000000000000000000000000000000000000000000\
                      010000000200000010000000C0A800000000000000000000000000000000000000000000\
                      0100000002000000080000000A0000000000000000000000000000000000000000000000";
        let read = parse(digits);
        let networks: Vec<_> = read.iter().map(|route| format!("{}/{}", route.destination, route.prefix)).collect();
        assert_eq!(networks, ["172.16.0.0/12", "192.168.0.0/16", "10.0.0.0/8"]);
        assert_eq!(emit(read.iter()), digits);
    }

    #[test]
    fn ipv6_too() {
        let route = Route::parse("2001:db8::/64").expect("a route");
        let digits = emit([&route].into_iter());
        assert!(digits.starts_with("01000000170000004000000020010DB8"), "{digits}");
        assert_eq!((digits.len(), parse(&digits)), (72, vec![route]));
    }

    #[test]
    fn what_is_no_route_ends_them() {
        for digits in ["", "0", "zz", "01000000", &"0".repeat(72), &format!("01000000020000002100{}", "0".repeat(52))] {
            assert_eq!(parse(digits), [], "{digits}");
        }
    }
}
