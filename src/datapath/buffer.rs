//! Where packets are built in place: one TLS record's worth of them.

use zeroize::Zeroize;

use crate::wire::ip::IpVersion;
use crate::wire::ppp::{ADDRESS_CONTROL, Protocol};
use crate::wire::sstp::{HEADER_LEN, Header, MAX_PACKET_LEN};

/// What one TLS record carries (RFC 8446 5.1), in octets.
const RECORD_LEN: usize = 16_384;
/// The longest header of a data frame: SSTP, address, control, protocol.
const MAX_HEADER_LEN: usize = HEADER_LEN + 4;

/// The octets in front of every datagram of one version: they differ in the SSTP length field only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataHeader {
    octets: [u8; MAX_HEADER_LEN],
    length: usize,
}

impl DataHeader {
    /// The header of frames to a peer that takes a compressed protocol field (`pfc`, RFC 1661 6.5), or no address and
    /// control field (`acfc`, RFC 1661 6.6).
    pub fn new(version: IpVersion, pfc: bool, acfc: bool) -> Self {
        let protocol = match version {
            IpVersion::V4 => Protocol::IPV4,
            IpVersion::V6 => Protocol::IPV6,
        };
        let mut header = DataHeader { octets: [0; MAX_HEADER_LEN], length: HEADER_LEN };
        if !acfc {
            header.append(&ADDRESS_CONTROL);
        }
        let protocol = protocol.0.to_be_bytes();
        header.append(if pfc { &protocol[1..] } else { &protocol });
        header
    }

    fn append(&mut self, octets: &[u8]) {
        self.octets[self.length..self.length + octets.len()].copy_from_slice(octets);
        self.length += octets.len();
    }
}

/// Packets on their way into TLS. It holds one record's worth and as much slack as the last packet may overlap, so that a
/// batch fills a record and nothing is ever split.
pub struct TxBuf {
    octets: Box<[u8]>,
    start: usize,
    end: usize,
}

impl TxBuf {
    /// An empty buffer.
    pub fn new() -> Self {
        TxBuf { octets: vec![0; RECORD_LEN + MAX_PACKET_LEN].into_boxed_slice(), start: 0, end: 0 }
    }

    /// Whether nothing waits to be written.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Whether another packet may be added: the record is not full.
    #[inline]
    pub fn has_room(&self) -> bool {
        self.end < RECORD_LEN
    }

    /// What waits to be written.
    #[inline]
    pub fn pending(&self) -> &[u8] {
        &self.octets[self.start..self.end]
    }

    /// That many octets were written.
    #[inline]
    pub fn consume(&mut self, written: usize) {
        self.start = self.end.min(self.start + written);
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Adds a whole packet, or nothing where the record is full; says which.
    pub fn push(&mut self, packet: &[u8]) -> bool {
        let fits = self.has_room() && packet.len() <= MAX_PACKET_LEN;
        if fits {
            self.octets[self.end..self.end + packet.len()].copy_from_slice(packet);
            self.end += packet.len();
        }
        fits
    }

    /// Room for a datagram behind its header: read it in here, then [`commit_datagram`](Self::commit_datagram). Empty
    /// where the record is full.
    #[inline]
    pub fn datagram_room(&mut self, header: &DataHeader) -> &mut [u8] {
        if !self.has_room() {
            return &mut [];
        }
        &mut self.octets[self.end + header.length..self.end + MAX_PACKET_LEN]
    }

    /// Makes a packet of the `length` octets that were put into [`datagram_room`](Self::datagram_room).
    #[inline]
    pub fn commit_datagram(&mut self, header: &DataHeader, length: usize) {
        let length = header.length + length;
        if !self.has_room() || length > MAX_PACKET_LEN {
            return;
        }
        let packet = &mut self.octets[self.end..self.end + length];
        packet[..header.length].copy_from_slice(&header.octets[..header.length]);
        packet[..HEADER_LEN].copy_from_slice(&Header { control: false, length }.emit());
        self.end += length;
    }
}

impl Drop for TxBuf {
    /// Control packets may have held a password.
    fn drop(&mut self) {
        self.octets.zeroize();
    }
}

impl Default for TxBuf {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_in_all_forms() {
        let packet = |version, pfc, acfc| {
            let (mut tx, header) = (TxBuf::new(), DataHeader::new(version, pfc, acfc));
            tx.datagram_room(&header)[..2].copy_from_slice(&[0xaa, 0xbb]);
            tx.commit_datagram(&header, 2);
            tx.pending().to_vec()
        };
        assert_eq!(packet(IpVersion::V4, false, false), [0x10, 0, 0, 10, 0xff, 0x03, 0x00, 0x21, 0xaa, 0xbb]);
        assert_eq!(packet(IpVersion::V6, false, true), [0x10, 0, 0, 8, 0x00, 0x57, 0xaa, 0xbb]);
        assert_eq!(packet(IpVersion::V4, true, false), [0x10, 0, 0, 9, 0xff, 0x03, 0x21, 0xaa, 0xbb]);
        assert_eq!(packet(IpVersion::V6, true, true), [0x10, 0, 0, 7, 0x57, 0xaa, 0xbb]);
    }

    #[test]
    fn packets_are_never_split_and_the_record_never_overruns() {
        let header = DataHeader::new(IpVersion::V4, false, false);
        let mut tx = TxBuf::new();
        let mut packets = 0;
        while tx.has_room() {
            assert_eq!(tx.datagram_room(&header).len(), MAX_PACKET_LEN - 8);
            tx.commit_datagram(&header, 1400);
            packets += 1;
        }
        assert_eq!(packets, RECORD_LEN.div_ceil(1408));
        assert_eq!(tx.pending().len(), packets * 1408);
        assert!(tx.datagram_room(&header).is_empty());
        assert!(!tx.push(&[0; 8]));
        tx.commit_datagram(&header, 1400);
        assert_eq!(tx.pending().len(), packets * 1408);
        tx.consume(1000);
        assert_eq!(tx.pending().len(), packets * 1408 - 1000);
        tx.consume(usize::MAX - tx.pending().len());
        assert!(tx.is_empty() && tx.has_room());
        assert!(!tx.push(&[0; MAX_PACKET_LEN + 1]));
    }
}
