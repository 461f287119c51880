//! What passes through a tunnel, as a file for Wireshark: every SSTP packet, control and data, from the first one on. PPP,
//! and what it carries, is inside of them, and Wireshark looks there.
//!
//! What authenticates the user, or proves who has authenticated, is blanked unless it is wanted: all but the head of the
//! frames of authentication protocols, wherever they appear, and the Compound MAC of the crypto binding. Lengths stay.
//!
//! Like all of the core it does no I/O: octets of both streams in, octets of the file out.

use std::net::IpAddr;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::wire::pcapng::{self, Direction, LINKTYPE_UPPER_PDU};
use crate::wire::ppp::{CONTROL_HEADER_LEN, Protocol, code, parse_frame};
use crate::wire::sstp::{self, HEADER_LEN, Header};

/// Where Wireshark's dissector for SSTP is found.
const DISSECTOR: &str = "sstp";
/// What the file says it was made by.
const APPLICATION: &str = concat!("nm-sstp ", env!("CARGO_PKG_VERSION"));
/// The end of an HTTP message without a body (RFC 9112 2.1).
const END_OF_HTTP: &[u8] = b"\r\n\r\n";
/// Octet of an EAP packet behind the head of a control packet: the method, which is no secret (RFC 3748 4.1).
const EAP_TYPE_LEN: usize = 1;

/// Octets of a capture.
pub struct Capture {
    secrets: bool,
    to_server: Vec<u8>,
    to_us: Vec<u8>,
    blanked: Zeroizing<Vec<u8>>,
    out: Zeroizing<Vec<u8>>,
}

impl Capture {
    /// Begins a section of a file, for a connection between these addresses, ours first.
    pub fn new(interface: &str, addresses: Option<(IpAddr, IpAddr)>, secrets: bool) -> Self {
        let mut out = Zeroizing::new(Vec::new());
        pcapng::section(&mut out, APPLICATION, LINKTYPE_UPPER_PDU, interface);
        Capture {
            secrets,
            to_server: pcapng::upper_pdu_head(DISSECTOR, addresses),
            to_us: pcapng::upper_pdu_head(DISSECTOR, addresses.map(|(ours, theirs)| (theirs, ours))),
            blanked: Zeroizing::default(),
            out,
        }
    }

    /// Adds the packets of a piece of the stream, which begins and ends where packets do, at a time since 1970. The HTTP
    /// message before the first packet is left out: it may have a cookie.
    pub fn packets(&mut self, time: Duration, direction: Direction, mut stream: &[u8]) {
        let microseconds = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        while !stream.is_empty() {
            let Some(length) = self.packet(microseconds, direction, stream) else { return };
            stream = &stream[length..];
        }
    }

    /// Adds the packet at the start of the stream; returns how many octets that were.
    fn packet(&mut self, microseconds: u64, direction: Direction, stream: &[u8]) -> Option<usize> {
        let header = match Header::parse(stream) {
            Ok(header) => header?,
            Err(_) => {
                let end = stream.windows(END_OF_HTTP.len()).position(|window| window == END_OF_HTTP)?;
                return Some(end + END_OF_HTTP.len());
            }
        };
        let mut packet = stream.get(..header.length)?;
        if !self.secrets
            && let Some(from) = secret_from(header, packet)
        {
            self.blanked.clear();
            self.blanked.extend_from_slice(packet);
            self.blanked[from..].fill(0);
            packet = &self.blanked;
        }
        let head = if direction == Direction::Inbound { &self.to_us } else { &self.to_server };
        pcapng::packet(&mut self.out, microseconds, direction, head, packet);
        Some(header.length)
    }

    /// What is to be written, in order; the caller [takes](Self::clear) it when it is.
    pub fn pending(&self) -> &[u8] {
        &self.out
    }

    /// What was pending is written.
    pub fn clear(&mut self) {
        self.out.clear();
    }
}

/// The octet of a packet from which on it has to be blanked; `None`: it holds no secret.
fn secret_from(header: Header, packet: &[u8]) -> Option<usize> {
    let from = if header.control {
        sstp::compound_mac_at(packet)?
    } else {
        let (protocol, at) = match parse_frame(&packet[HEADER_LEN..]) {
            Ok((protocol, at)) => (protocol, HEADER_LEN + at),
            // what it is cannot be told
            Err(_) => return Some(HEADER_LEN.min(packet.len())),
        };
        let method = if protocol == Protocol::EAP { EAP_TYPE_LEN } else { 0 };
        if protocol.is_authentication() {
            at + CONTROL_HEADER_LEN + method
        } else if protocol == Protocol::LCP && rejected(&packet[at..])?.is_authentication() {
            at + CONTROL_HEADER_LEN + 2
        } else {
            return None;
        }
    };
    Some(from.min(packet.len()))
}

/// The protocol whose frame comes back in a Protocol-Reject (RFC 1661 5.7).
fn rejected(information: &[u8]) -> Option<Protocol> {
    match *information {
        [code::PROTOCOL_REJECT, _, _, _, high, low, ..] => Some(Protocol(u16::from_be_bytes([high, low]))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::wire::sstp::{ControlMessage, CryptoBinding};

    const SECRET: u8 = 0x5a;

    fn data(frame: &[u8]) -> Vec<u8> {
        let header = Header { control: false, length: HEADER_LEN + frame.len() };
        [&header.emit()[..], frame].concat()
    }

    /// The packets of a section, without what is around them.
    fn packets(capture: &Capture) -> Vec<(u32, Vec<u8>)> {
        let (mut rest, mut packets) = (capture.pending(), Vec::new());
        while !rest.is_empty() {
            let word = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap()) as usize;
            if word(0) == 6 {
                let head = capture.to_us.len();
                let flags = 28 + word(20).next_multiple_of(4) + 4;
                packets.push((word(flags) as u32, rest[28 + head..28 + word(20)].to_vec()));
            }
            rest = &rest[word(4)..];
        }
        packets
    }

    fn captured(secrets: bool, packet: &[u8]) -> Vec<u8> {
        let mut capture = Capture::new("sstp0", None, secrets);
        capture.packets(Duration::ZERO, Direction::Outbound, packet);
        let [(2, captured)] = &packets(&capture)[..] else { panic!("not one packet outbound") };
        captured.clone()
    }

    #[test]
    fn packets_of_both_directions_behind_http() {
        let mut echo = Vec::new();
        ControlMessage::EchoRequest.emit(&mut echo);
        let datagram = data(&[0xff, 0x03, 0x00, 0x21, 0x45, 0x00]);
        let mut capture = Capture::new("sstp0", None, false);
        let stream = [&b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"[..], &echo, &datagram].concat();
        capture.packets(Duration::from_secs(1), Direction::Inbound, &stream);
        capture.packets(Duration::from_secs(2), Direction::Outbound, &[&echo[..], &echo].concat());
        assert_eq!(packets(&capture), [(1, echo.clone()), (1, datagram), (2, echo.clone()), (2, echo)]);
        capture.clear();
        assert!(capture.pending().is_empty());
    }

    #[test]
    fn what_is_no_packet_ends_it() {
        for stream in [&b"HTTP/1.1 200"[..], &[0x10, 0, 0], &[0x10, 0, 0, 9, 1], &[0xff; 100]] {
            let mut capture = Capture::new("sstp0", None, false);
            capture.packets(Duration::ZERO, Direction::Inbound, stream);
            assert_eq!(packets(&capture), []);
        }
    }

    #[test]
    fn authentication_is_blanked_unless_it_is_wanted() {
        let body = [SECRET; 20];
        // PAP, SPAP, CHAP, EAP, each with and without compressed header; a CHAP that came back; what cannot be read
        for (head, kept) in [
            (&[0xff, 0x03, 0xc0, 0x23, 1, 1, 0, 24][..], 0),
            (&[0xc0, 0x23, 1, 1, 0, 24], 0),
            (&[0xff, 0x03, 0xc0, 0x27, 1, 1, 0, 24], 0),
            (&[0xff, 0x03, 0xc2, 0x23, 2, 1, 0, 24], 0),
            (&[0xff, 0x03, 0xc2, 0x27, 2, 1, 0, 24], 1),
            (&[0xff, 0x03, 0xc0, 0x21, 8, 1, 0, 26, 0xc2, 0x23], 0),
            (&[0xff, 0x03], 0),
        ] {
            let packet = data(&[head, &body].concat());
            let shown = captured(false, &packet);
            assert_eq!(shown.len(), packet.len(), "{head:02x?}");
            let secrets = shown.iter().filter(|octet| **octet == SECRET).count();
            assert_eq!(secrets, kept, "{head:02x?}: {shown:02x?}");
            if head.len() > 2 {
                assert_eq!(shown[..HEADER_LEN + head.len()], packet[..HEADER_LEN + head.len()]);
            }
            assert_eq!(captured(true, &packet), packet, "{head:02x?}");
        }
        for head in [&[0xff, 0x03, 0xc0, 0x21, 1, 1, 0, 24][..], &[0x80, 0x21, 1, 1, 0, 24], &[0x21]] {
            let packet = data(&[head, &body].concat());
            assert_eq!(captured(false, &packet), packet, "{head:02x?}");
        }
    }

    proptest! {
        #[test]
        fn no_stream_is_too_strange(stream in vec(any::<u8>(), 0..100), frame in vec(any::<u8>(), 0..40), control: bool) {
            let mut capture = Capture::new("sstp0", None, false);
            capture.packets(Duration::MAX, Direction::Inbound, &stream);
            let length = frame.len() + HEADER_LEN;
            let header = Header { control, length };
            let packet = [&header.emit()[..], &frame, &stream].concat();
            capture.packets(Duration::ZERO, Direction::Outbound, &packet);
            let Ok(Some(_)) = Header::parse(&packet) else { return Ok(()) };
            let outbound = packets(&capture).into_iter().find(|(direction, _)| *direction == 2);
            prop_assert_eq!(outbound.map(|(_, packet)| packet.len()), Some(length));
        }
    }

    #[test]
    fn the_proof_in_the_crypto_binding_is_blanked() {
        let binding =
            CryptoBinding { hash_protocol: 2, nonce: [1; 32], cert_hash: [2; 32], compound_mac: [SECRET; 32] };
        let mut packet = Vec::new();
        ControlMessage::CallConnected(Box::new(binding)).emit(&mut packet);
        let shown = captured(false, &packet);
        assert!(!shown.contains(&SECRET));
        assert_eq!(shown[..packet.len() - 32], packet[..packet.len() - 32]);
        assert_eq!(captured(true, &packet), packet);
    }
}
