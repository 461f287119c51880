//! IP headers, as far as the data path and the configuration of hosts need them.

use std::net::{IpAddr, Ipv6Addr};

use super::{Malformed, need, within};

/// Numbers of protocols in IP (RFC 5237).
pub mod protocol {
    /// UDP.
    pub const UDP: u8 = 17;
    /// ICMPv6.
    pub const ICMPV6: u8 = 58;
}

/// The two families that a tunnel carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IpVersion {
    /// RFC 791.
    V4,
    /// RFC 8200.
    V6,
}

/// Smallest IPv4 header (RFC 791 3.1), in octets.
pub const IPV4_HEADER_LEN: usize = 20;
/// IPv6 header (RFC 8200 3), in octets.
pub const IPV6_HEADER_LEN: usize = 40;

/// The version that a datagram claims, by its first four bits; `None` where it is neither.
#[inline]
pub fn version(datagram: &[u8]) -> Option<IpVersion> {
    match datagram.first().map(|octet| octet >> 4) {
        Some(4) => Some(IpVersion::V4),
        Some(6) => Some(IpVersion::V6),
        _ => None,
    }
}

/// Checks that the datagram is of the version that its frame announced and as long as its header says; returns that
/// length, which is shorter than the slice where the frame was padded (RFC 1661 2).
///
/// # Errors
/// Another version, a header that does not fit, or a length field that points past the frame.
#[inline]
pub fn datagram_len(expected: IpVersion, datagram: &[u8]) -> Result<usize, Malformed> {
    if version(datagram) != Some(expected) {
        return Err(Malformed::value("IP version", 0, datagram.first().map_or(0, |octet| octet >> 4)));
    }
    let (what, header, length) = match expected {
        IpVersion::V4 => {
            need("IPv4 header", 0, datagram.len(), IPV4_HEADER_LEN)?;
            let header = usize::from(datagram[0] & 0x0f) * 4;
            within("IPv4 header", 0, header, IPV4_HEADER_LEN, datagram.len())?;
            ("IPv4 datagram", header, usize::from(u16::from_be_bytes([datagram[2], datagram[3]])))
        }
        IpVersion::V6 => {
            need("IPv6 header", 0, datagram.len(), IPV6_HEADER_LEN)?;
            let payload = usize::from(u16::from_be_bytes([datagram[4], datagram[5]]));
            ("IPv6 datagram", IPV6_HEADER_LEN, IPV6_HEADER_LEN + payload)
        }
    };
    within(what, 0, length, header, datagram.len())?;
    Ok(length)
}

/// The Internet checksum (RFC 1071) of the parts one after the other, each but the last of even length. Of octets that
/// hold their own checksum it is 0.
pub fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum: u64 = 0;
    for part in parts {
        for pair in part.chunks(2) {
            sum += u64::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// What a checksum of the upper layer covers of the IP header (RFC 768, RFC 8200 8.1).
pub fn pseudo_header(source: IpAddr, destination: IpAddr, protocol: u8, length: usize) -> Vec<u8> {
    let mut header = Vec::with_capacity(40);
    for address in [source, destination] {
        match address {
            IpAddr::V4(address) => header.extend_from_slice(&address.octets()),
            IpAddr::V6(address) => header.extend_from_slice(&address.octets()),
        }
    }
    header.extend_from_slice(&(length as u32).to_be_bytes());
    header.extend_from_slice(&[0, 0, 0, protocol]);
    header
}

/// An IPv6 header (RFC 8200 3) before this many octets of payload.
pub fn ipv6_header(
    source: Ipv6Addr,
    destination: Ipv6Addr,
    next_header: u8,
    hop_limit: u8,
    payload: usize,
) -> [u8; IPV6_HEADER_LEN] {
    let mut header = [0; IPV6_HEADER_LEN];
    header[0] = 0x60;
    header[4..6].copy_from_slice(&(payload as u16).to_be_bytes());
    header[6] = next_header;
    header[7] = hop_limit;
    header[8..24].copy_from_slice(&source.octets());
    header[24..40].copy_from_slice(&destination.octets());
    header
}

/// Source and destination of an IPv6 header, which is to be whole.
pub(super) fn ipv6_addresses(header: &[u8]) -> (Ipv6Addr, Ipv6Addr) {
    let address = |at: usize| {
        let mut octets = [0; 16];
        octets.copy_from_slice(&header[at..at + 16]);
        Ipv6Addr::from(octets)
    };
    (address(8), address(24))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ICMP echo request captured from `ping -s 0`.
    const PING: [u8; 28] = [
        0x45, 0x00, 0x00, 0x1c, 0x8c, 0x2f, 0x40, 0x00, 0x40, 0x01, 0x99, 0xd3, 0x0a, 0x4d, 0x00, 0x02, 0x0a, 0x4d,
        0x00, 0x01, 0x08, 0x00, 0xf7, 0xe8, 0x00, 0x16, 0x00, 0x01,
    ];

    #[test]
    fn ipv4_lengths() {
        assert_eq!(datagram_len(IpVersion::V4, &PING), Ok(28));
        let padded = [&PING[..], &[0; 18]].concat();
        assert_eq!(datagram_len(IpVersion::V4, &padded), Ok(28));
        for cut in 0..PING.len() {
            assert!(datagram_len(IpVersion::V4, &PING[..cut]).is_err(), "cut at {cut}");
        }
        let mut wrong = PING;
        wrong[0] = 0x44;
        assert!(datagram_len(IpVersion::V4, &wrong).is_err());
        wrong[0] = 0x4f;
        assert!(datagram_len(IpVersion::V4, &wrong).is_err());
        wrong = PING;
        wrong[3] = 19;
        assert!(datagram_len(IpVersion::V4, &wrong).is_err());
        assert!(datagram_len(IpVersion::V6, &PING).is_err());
    }

    #[test]
    fn ipv6_lengths() {
        let mut datagram = [0u8; 48];
        datagram[0] = 0x60;
        datagram[5] = 8;
        assert_eq!(datagram_len(IpVersion::V6, &datagram), Ok(48));
        assert!(datagram_len(IpVersion::V6, &datagram[..47]).is_err());
        assert!(datagram_len(IpVersion::V6, &datagram[..39]).is_err());
        assert_eq!(version(&datagram), Some(IpVersion::V6));
        assert_eq!(version(&[]), None);
        assert_eq!(version(&[0x50]), None);
    }
}
