//! UDP datagrams (RFC 768) in IPv4 (RFC 791) and IPv6 (RFC 8200), as far as DHCP needs them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::ip::{self, IPV4_HEADER_LEN, IPV6_HEADER_LEN, IpVersion, checksum, pseudo_header};
use super::{Malformed, need, within};

/// UDP's header, in octets.
pub const UDP_HEADER_LEN: usize = 8;

/// IPv4's Time to Live and IPv6's Hop Limit of what we send.
const HOPS: u8 = 64;

/// A UDP datagram with its addresses and ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Udp<'a> {
    /// Who sent it.
    pub source: IpAddr,
    /// Whom it is for; of the same version.
    pub destination: IpAddr,
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
    /// What it carries.
    pub payload: &'a [u8],
}

impl<'a> Udp<'a> {
    /// Reads an IP datagram that carries UDP and nothing else in between; its length is to be that of its header, as
    /// [`ip::datagram_len`] gives it.
    ///
    /// # Errors
    /// It is a fragment, carries something else, or its lengths or checksums are wrong.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Malformed> {
        match ip::version(datagram) {
            Some(IpVersion::V4) => Self::parse_ipv4(datagram),
            Some(IpVersion::V6) => Self::parse_ipv6(datagram),
            None => Err(Malformed::value("IP version", 0, datagram.first().map_or(0, |octet| octet >> 4))),
        }
    }

    fn parse_ipv4(datagram: &'a [u8]) -> Result<Self, Malformed> {
        const WHAT: &str = "IPv4 header";
        need(WHAT, 0, datagram.len(), IPV4_HEADER_LEN)?;
        let header = usize::from(datagram[0] & 0x0f) * 4;
        within(WHAT, 0, header, IPV4_HEADER_LEN, datagram.len())?;
        let fragment = u16::from_be_bytes([datagram[6], datagram[7]]) & 0x3fff;
        if fragment != 0 {
            return Err(Malformed::value("IPv4 fragment offset and More Fragments", 6, fragment));
        }
        if datagram[9] != ip::protocol::UDP {
            return Err(Malformed::value("IPv4 protocol", 9, datagram[9]));
        }
        if checksum(&[&datagram[..header]]) != 0 {
            return Err(Malformed::value("IPv4 header checksum", 10, u16::from_be_bytes([datagram[10], datagram[11]])));
        }
        let address = |at: usize| Ipv4Addr::new(datagram[at], datagram[at + 1], datagram[at + 2], datagram[at + 3]);
        Self::parse_udp(address(12).into(), address(16).into(), header, &datagram[header..])
    }

    fn parse_ipv6(datagram: &'a [u8]) -> Result<Self, Malformed> {
        need("IPv6 header", 0, datagram.len(), IPV6_HEADER_LEN)?;
        if datagram[6] != ip::protocol::UDP {
            return Err(Malformed::value("IPv6 next header", 6, datagram[6]));
        }
        let (source, destination) = ip::ipv6_addresses(datagram);
        Self::parse_udp(source.into(), destination.into(), IPV6_HEADER_LEN, &datagram[IPV6_HEADER_LEN..])
    }

    fn parse_udp(source: IpAddr, destination: IpAddr, at: usize, udp: &'a [u8]) -> Result<Self, Malformed> {
        need("UDP header", at, udp.len(), UDP_HEADER_LEN)?;
        let word = |at: usize| u16::from_be_bytes([udp[at], udp[at + 1]]);
        let length = usize::from(word(4));
        within("UDP length", at + 4, length, UDP_HEADER_LEN, udp.len())?;
        let udp = &udp[..length];
        let sum = u16::from_be_bytes([udp[6], udp[7]]);
        // RFC 768: 0 is no checksum; RFC 8200 8.1: not in IPv6
        let unsummed = sum == 0 && source.is_ipv4();
        let pseudo = pseudo_header(source, destination, ip::protocol::UDP, length);
        if !unsummed && (sum == 0 || checksum(&[&pseudo, udp]) != 0) {
            return Err(Malformed::value("UDP checksum", at + 6, sum));
        }
        Ok(Udp {
            source,
            destination,
            source_port: word(0),
            destination_port: word(2),
            payload: &udp[UDP_HEADER_LEN..],
        })
    }

    /// The whole IP datagram. The payload must fit one: it is cut at 65,535 octets less the headers.
    pub fn emit(&self) -> Vec<u8> {
        let payload = &self.payload[..self.payload.len().min(usize::from(u16::MAX) - IPV6_HEADER_LEN - UDP_HEADER_LEN)];
        let length = UDP_HEADER_LEN + payload.len();
        let mut udp = Vec::with_capacity(length);
        udp.extend_from_slice(&self.source_port.to_be_bytes());
        udp.extend_from_slice(&self.destination_port.to_be_bytes());
        udp.extend_from_slice(&(length as u16).to_be_bytes());
        udp.extend_from_slice(&[0, 0]);
        udp.extend_from_slice(payload);
        let pseudo = pseudo_header(self.source, self.destination, ip::protocol::UDP, length);
        let sum = match checksum(&[&pseudo, &udp]) {
            0 => 0xffff,
            sum => sum,
        };
        udp[6..8].copy_from_slice(&sum.to_be_bytes());
        let mut datagram = match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => ipv4_header(source, destination, length).to_vec(),
            (source, destination) => {
                ip::ipv6_header(mapped(source), mapped(destination), ip::protocol::UDP, HOPS, length).to_vec()
            }
        };
        datagram.extend_from_slice(&udp);
        datagram
    }
}

fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

fn ipv4_header(source: Ipv4Addr, destination: Ipv4Addr, payload: usize) -> [u8; IPV4_HEADER_LEN] {
    let mut header = [0; IPV4_HEADER_LEN];
    header[0] = 0x45;
    header[2..4].copy_from_slice(&((IPV4_HEADER_LEN + payload) as u16).to_be_bytes());
    header[8] = HOPS;
    header[9] = ip::protocol::UDP;
    header[12..16].copy_from_slice(&source.octets());
    header[16..20].copy_from_slice(&destination.octets());
    let sum = checksum(&[&header]);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Linux wrote to a TUN device for `hello` from 10.0.0.2, port 5353, to 10.0.0.1, port 53.
    const IPV4: [u8; 33] = [
        0x45, 0x00, 0x00, 0x21, 0x1b, 0x05, 0x40, 0x00, 0x40, 0x11, 0x0b, 0xc5, 0x0a, 0x00, 0x00, 0x02, 0x0a, 0x00,
        0x00, 0x01, 0x14, 0xe9, 0x00, 0x35, 0x00, 0x0d, 0x92, 0xe1, 0x68, 0x65, 0x6c, 0x6c, 0x6f,
    ];
    /// The same for `hello!` from fd00::2 to fd00::1.
    const IPV6: [u8; 54] = [
        0x60, 0x0a, 0x33, 0x7d, 0x00, 0x0e, 0x11, 0x40, 0xfd, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0xfd, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x01, 0x14, 0xe9, 0x00, 0x35, 0x00, 0x0e, 0xac, 0xbc, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x21,
    ];

    #[test]
    fn captured_datagrams() {
        let udp = Udp::parse(&IPV4).unwrap();
        assert_eq!((udp.source, udp.destination), ([10, 0, 0, 2].into(), [10, 0, 0, 1].into()));
        assert_eq!((udp.source_port, udp.destination_port, udp.payload), (5353, 53, &b"hello"[..]));
        // the identification and Don't Fragment are the kernel's
        let emitted = udp.emit();
        assert_eq!((&emitted[..4], &emitted[12..]), (&IPV4[..4], &IPV4[12..]));
        let udp = Udp::parse(&IPV6).unwrap();
        assert_eq!((udp.source_port, udp.destination_port, udp.payload), (5353, 53, &b"hello!"[..]));
        assert_eq!(udp.emit()[4..], IPV6[4..]);
    }

    #[test]
    fn what_is_emitted_is_parsed() {
        let v6 = |text: &str| IpAddr::from(text.parse::<Ipv6Addr>().unwrap());
        for (source, destination) in
            [(IpAddr::from([10, 0, 0, 2]), IpAddr::from([255, 255, 255, 255])), (v6("fe80::2"), v6("ff02::1:2"))]
        {
            for payload in [&b""[..], b"x", b"some payload"] {
                let udp = Udp { source, destination, source_port: 68, destination_port: 67, payload };
                let datagram = udp.emit();
                assert_eq!(Udp::parse(&datagram), Ok(udp));
                for cut in 0..datagram.len() {
                    assert!(Udp::parse(&datagram[..cut]).is_err(), "cut at {cut}");
                }
                for at in 0..datagram.len() {
                    let mut wrong = datagram.clone();
                    wrong[at] ^= 0x10;
                    // what no checksum covers: IPv6's traffic class, flow label, hop limit; a UDP length behind
                    // the datagram's end is refused by itself
                    let uncovered = destination.is_ipv6() && matches!(at, 0..=5 | 7);
                    assert!(uncovered || Udp::parse(&wrong).is_err(), "octet {at}");
                }
            }
        }
    }

    #[test]
    fn fragments_are_refused() {
        let source = IpAddr::from([10, 0, 0, 1]);
        let mut datagram =
            Udp { source, destination: source, source_port: 67, destination_port: 68, payload: b"x" }.emit();
        datagram[6] = 0x20;
        assert_eq!(Udp::parse(&datagram).unwrap_err().offset, 6);
    }
}
