//! The blocks of a pcapng file (draft-ietf-opsawg-pcapng), as Wireshark reads them, and the head of a packet that names its
//! dissector (`LINKTYPE_WIRESHARK_UPPER_PDU`). Little-endian, times in microseconds. They are only written here.

use std::net::IpAddr;

/// Packets that say themselves what they are (`LINKTYPE_WIRESHARK_UPPER_PDU`).
pub const LINKTYPE_UPPER_PDU: u16 = 252;

/// Block types (draft-ietf-opsawg-pcapng 10.1).
mod block {
    pub(super) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
    pub(super) const INTERFACE_DESCRIPTION: u32 = 1;
    pub(super) const ENHANCED_PACKET: u32 = 6;
}

/// Option codes (draft-ietf-opsawg-pcapng 4.1, 4.2, 4.3).
mod option {
    pub(super) const END: u16 = 0;
    pub(super) const SHB_USERAPPL: u16 = 4;
    pub(super) const IF_NAME: u16 = 2;
    pub(super) const EPB_FLAGS: u16 = 2;
}

/// Tags of an exported PDU (Wireshark's `exported_pdu_tlvs.h`), big-endian.
mod tag {
    pub(super) const END: u16 = 0;
    pub(super) const DISSECTOR_NAME: u16 = 12;
    pub(super) const IPV4_SOURCE: u16 = 20;
    pub(super) const IPV4_DESTINATION: u16 = 21;
    pub(super) const IPV6_SOURCE: u16 = 22;
    pub(super) const IPV6_DESTINATION: u16 = 23;
}

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

/// Where a packet goes to (the lowest bits of `epb_flags`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To us.
    Inbound,
    /// From us.
    Outbound,
}

/// Appends a Section Header Block and the Interface Description Block of its one interface.
pub fn section(out: &mut Vec<u8>, application: &str, link_type: u16, interface: &str) {
    block(out, block::SECTION_HEADER, |out| {
        out.extend_from_slice(&BYTE_ORDER_MAGIC.to_le_bytes());
        out.extend_from_slice(&[1, 0, 0, 0]);
        // how long the section is: not known
        out.extend_from_slice(&u64::MAX.to_le_bytes());
        option(out, option::SHB_USERAPPL, application.as_bytes());
        option(out, option::END, &[]);
    });
    block(out, block::INTERFACE_DESCRIPTION, |out| {
        out.extend_from_slice(&link_type.to_le_bytes());
        // reserved; and no limit to the length of packets
        out.extend_from_slice(&[0; 6]);
        option(out, option::IF_NAME, interface.as_bytes());
        option(out, option::END, &[]);
    });
}

/// Appends an Enhanced Packet Block: a packet of the section's one interface, so many microseconds after 1970 began.
pub fn packet(out: &mut Vec<u8>, microseconds: u64, direction: Direction, head: &[u8], packet: &[u8]) {
    block(out, block::ENHANCED_PACKET, |out| {
        let length = (head.len() + packet.len()) as u32;
        for word in [0, (microseconds >> 32) as u32, microseconds as u32, length, length] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(head);
        out.extend_from_slice(packet);
        pad(out, length as usize);
        let flags: u32 = if direction == Direction::Inbound { 1 } else { 2 };
        option(out, option::EPB_FLAGS, &flags.to_le_bytes());
        option(out, option::END, &[]);
    });
}

/// The head of an exported PDU for this dissector, with its addresses where they are known and of one version.
pub fn upper_pdu_head(dissector: &str, addresses: Option<(IpAddr, IpAddr)>) -> Vec<u8> {
    let mut head = Vec::new();
    tagged(&mut head, tag::DISSECTOR_NAME, dissector.as_bytes());
    match addresses {
        Some((IpAddr::V4(source), IpAddr::V4(destination))) => {
            tagged(&mut head, tag::IPV4_SOURCE, &source.octets());
            tagged(&mut head, tag::IPV4_DESTINATION, &destination.octets());
        }
        Some((IpAddr::V6(source), IpAddr::V6(destination))) => {
            tagged(&mut head, tag::IPV6_SOURCE, &source.octets());
            tagged(&mut head, tag::IPV6_DESTINATION, &destination.octets());
        }
        _ => {}
    }
    tagged(&mut head, tag::END, &[]);
    head
}

/// Type, length, body, and the length once more.
fn block(out: &mut Vec<u8>, kind: u32, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    body(out);
    let length = ((out.len() - start + 4) as u32).to_le_bytes();
    out.extend_from_slice(&length);
    out[start + 4..start + 8].copy_from_slice(&length);
}

fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = &value[..value.len().min(u16::MAX.into())];
    out.extend_from_slice(&code.to_le_bytes());
    out.extend_from_slice(&(value.len() as u16).to_le_bytes());
    out.extend_from_slice(value);
    pad(out, value.len());
}

/// A tag has its length with the padding.
fn tagged(out: &mut Vec<u8>, tag: u16, value: &[u8]) {
    let length = value.len().next_multiple_of(4) as u16;
    out.extend_from_slice(&tag.to_be_bytes());
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(value);
    pad(out, value.len());
}

/// To 32 bits.
fn pad(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&[0; 3][..length.next_multiple_of(4) - length]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_whole_words_and_have_their_length_at_both_ends() {
        let mut file = Vec::new();
        section(&mut file, "nm-sstp", LINKTYPE_UPPER_PDU, "sstp0");
        for length in 0..9 {
            packet(&mut file, 1, Direction::Inbound, b"head", &vec![0xaa; length]);
        }
        let (mut rest, mut kinds) = (&file[..], Vec::new());
        while !rest.is_empty() {
            let word = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
            let length = word(4) as usize;
            assert_eq!((length % 4, word(length - 4) as usize), (0, length));
            kinds.push(word(0));
            rest = &rest[length..];
        }
        assert_eq!((kinds.len(), kinds[0], kinds[1], kinds[2]), (11, 0x0a0d_0d0a, 1, 6));
    }

    /// The section header that the draft prints (4.1, Figure 9), filled in; and a packet octet by octet.
    #[test]
    fn octets() {
        let mut out = Vec::new();
        section(&mut out, "x", 252, "y");
        #[rustfmt::skip]
        let expected = [
            0x0a, 0x0d, 0x0d, 0x0a, 40, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0,
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 4, 0, 1, 0, b'x', 0, 0, 0, 0, 0, 0, 0, 40, 0, 0, 0,
            1, 0, 0, 0, 32, 0, 0, 0, 252, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, b'y', 0, 0, 0, 0, 0, 0, 0, 32, 0, 0, 0,
        ];
        assert_eq!(out, expected);
        let mut out = Vec::new();
        packet(&mut out, 0x0001_0002_0003_0004, Direction::Outbound, &[1, 2, 3, 4], &[5]);
        #[rustfmt::skip]
        let expected = [
            6, 0, 0, 0, 52, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 4, 0, 3, 0, 5, 0, 0, 0, 5, 0, 0, 0, 1, 2, 3, 4, 5, 0, 0, 0,
            2, 0, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0, 52, 0, 0, 0,
        ];
        assert_eq!(out, expected);
        let head = upper_pdu_head("sstp", Some(([10, 0, 0, 1].into(), [10, 0, 0, 2].into())));
        let expected = *b"\0\x0c\0\x04sstp\0\x14\0\x04\x0a\0\0\x01\0\x15\0\x04\x0a\0\0\x02\0\0\0\0";
        assert_eq!(head, expected);
        assert_eq!(upper_pdu_head("x", None), *b"\0\x0c\0\x04x\0\0\0\0\0\0\0");
    }
}
