//! IP headers, as far as the data path needs them.

use super::{Malformed, need, within};

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
