//! What a misbehaving server changes in the work of a well-behaved one: packets altered, lost, late or made up.
//!
//! The rest of the server does not know most behaviours. They act here, at the border between the server and the
//! stream, so that the server itself can be read without them.

use std::time::Duration;

use nm_sstp::wire::ppp::{ADDRESS_CONTROL, ControlPacket, Protocol, code};
use nm_sstp::wire::sstp::{ControlMessage, HEADER_LEN, Header, Status, VERSION};

use crate::behaviour::{BreakOff, Phase};
use crate::output::Split;
use crate::{Behaviour, http};

/// How late a late IPCP Configure-Nak is.
const LATE_NAK: Duration = Duration::from_secs(4);
/// How late the answer to the client's credentials is.
const LATE_AUTH: Duration = Duration::from_secs(20);
/// How many Echo Requests are a flood, of either kind.
const FLOOD: usize = 1_000;

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Pass,
    Lost,
    Late(Duration),
}

/// The behaviours of one connection.
#[derive(Debug)]
pub(crate) struct Quirks {
    behaviours: Vec<Behaviour>,
    first_lcp_lost: bool,
    first_ipv6cp_answered: bool,
    naks: u8,
}

impl Quirks {
    pub fn new(behaviours: &[Behaviour]) -> Self {
        Quirks { behaviours: behaviours.to_vec(), first_lcp_lost: false, first_ipv6cp_answered: false, naks: 0 }
    }

    pub fn has(&self, behaviour: Behaviour) -> bool {
        self.behaviours.contains(&behaviour)
    }

    /// How the stream is cut into writes.
    pub fn split(&self) -> Split {
        if self.has(Behaviour::SplitOctets) {
            Split::Octets
        } else if self.has(Behaviour::SplitWrites) {
            Split::Header
        } else {
            Split::No
        }
    }

    /// How the server breaks off in this phase.
    pub fn break_off(&self, phase: Phase) -> Option<BreakOff> {
        BreakOff::ALL.into_iter().find(|how| self.has(Behaviour::In(*how, phase)))
    }

    /// How many Call Connect Requests are refused, whatever they hold.
    pub fn naks_owed(&self) -> u32 {
        if self.has(Behaviour::ConnectNak) { u32::MAX } else { self.has(Behaviour::ConnectNakOnce).into() }
    }

    /// The answer to a good HTTP request, and whether the SSTP stream follows it.
    pub fn http_answer(&self) -> (Vec<u8>, bool) {
        let refusals = [
            (Behaviour::Http404, http::refuse("404 Not Found")),
            (Behaviour::Http503, http::refuse("503 Service Unavailable")),
            (Behaviour::HttpGarbage, b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n".to_vec()),
            (Behaviour::HttpEndless, endless_header_block()),
            (Behaviour::HttpPage, PAGE.to_vec()),
            (Behaviour::HttpRedirect, REDIRECT.to_vec()),
            (Behaviour::Http2Only, HTTP2.to_vec()),
        ];
        if let Some((_, answer)) = refusals.into_iter().find(|(behaviour, _)| self.has(*behaviour)) {
            return (answer, false);
        }
        let answer = if self.has(Behaviour::HttpBare) { b"HTTP/1.1 200\r\n\r\n".to_vec() } else { http::accept() };
        (answer, true)
    }

    /// A control message as it goes out; `None`: it does not.
    pub fn control(&self, message: &ControlMessage) -> Option<Vec<u8>> {
        let mut packet = Vec::new();
        message.emit(&mut packet);
        match message {
            ControlMessage::EchoResponse if self.has(Behaviour::NeverAnswerEcho) => return None,
            ControlMessage::CallDisconnectAck if self.has(Behaviour::NoDisconnectAck) => return None,
            // the server's own Call Abort has another status
            ControlMessage::CallAbort(Some(info))
                if info.status == Status::NO_ERROR && self.has(Behaviour::NoAbortAnswer) =>
            {
                return None;
            }
            ControlMessage::CallConnectAck(_) => self.spoil_ack(&mut packet),
            ControlMessage::CallConnectNak(_) | ControlMessage::CallAbort(_) | ControlMessage::CallDisconnect(_)
                if self.has(Behaviour::ShortStatus) =>
            {
                // attribute header at 8, Reserved2 and AttribID at 12, Status at 16
                packet.drain(12..16);
                resize(&mut packet, 8 + 4 + 4);
            }
            _ => {}
        }
        Some(packet)
    }

    /// Attribute header at 8, reserved octets and bitmask at 12, nonce at 16 (MS-SSTP 2.2.10).
    fn spoil_ack(&self, packet: &mut Vec<u8>) {
        if self.has(Behaviour::AckNoHash) {
            packet[15] = 0;
        }
        if self.has(Behaviour::AckUnknownHash) {
            packet[15] = 0xfc;
        }
        if self.has(Behaviour::AckBadAttribute) {
            packet.truncate(packet.len() - 16);
            let length = packet.len();
            resize(packet, length);
            packet[11] = (length - 8) as u8;
        }
        if self.has(Behaviour::AckNoAttribute) {
            packet[7] = 0;
            resize(packet, 8);
        }
        if self.has(Behaviour::AckUnknownAttribute) {
            packet.extend([0, 77, 0, 6, 0xca, 0xfe]);
            packet[7] += 1;
            let length = packet.len();
            resize(packet, length);
        }
        if self.has(Behaviour::AckTwice) {
            packet.extend_from_within(..);
        }
    }

    /// What becomes of a control frame that the client sent. A reply that the server itself would not give is appended
    /// to `replies`: protocol and information field.
    pub fn inbound(&mut self, protocol: Protocol, information: &[u8], replies: &mut Vec<(Protocol, Vec<u8>)>) -> Fate {
        if self.has(Behaviour::LoopedBack) {
            replies.push((protocol, information.to_vec()));
            return Fate::Lost;
        }
        let Ok(packet) = ControlPacket::parse(information) else { return Fate::Pass };
        match (protocol, packet.code) {
            (Protocol::LCP, code::CONFIGURE_REQUEST) if self.has(Behaviour::IgnoreFirstLcp) && !self.first_lcp_lost => {
                self.first_lcp_lost = true;
                Fate::Lost
            }
            (Protocol::LCP, code::CONFIGURE_REQUEST) if self.has(Behaviour::LcpNakForever) => {
                self.naks = self.naks.wrapping_add(1);
                replies.push((protocol, control_packet(code::CONFIGURE_NAK, packet.identifier, &[1, 4, 4, self.naks])));
                Fate::Lost
            }
            (Protocol::IPCP, code::CONFIGURE_REQUEST) if self.has(Behaviour::NakForever) => {
                self.naks = self.naks.wrapping_add(1);
                let option = [3, 6, 10, 99, 1, self.naks];
                replies.push((protocol, control_packet(code::CONFIGURE_NAK, packet.identifier, &option)));
                Fate::Lost
            }
            (Protocol::LCP, code::ECHO_REQUEST) if self.has(Behaviour::NeverAnswerLcpEcho) => Fate::Lost,
            (Protocol::LCP, code::TERMINATE_REQUEST) if self.has(Behaviour::NoTerminateAck) => Fate::Lost,
            (Protocol::IPV6CP, code::CONFIGURE_REQUEST)
                if self.has(Behaviour::Ipv6cpTerminateAck) && !self.first_ipv6cp_answered =>
            {
                self.first_ipv6cp_answered = true;
                replies.push((protocol, control_packet(code::TERMINATE_ACK, packet.identifier, &[])));
                Fate::Lost
            }
            (Protocol::PAP | Protocol::CHAP | Protocol::EAP, _) if self.has(Behaviour::SlowAuth) => {
                Fate::Late(LATE_AUTH)
            }
            _ => Fate::Pass,
        }
    }

    /// Changes a control frame that the server sends, and says what becomes of it.
    pub fn outbound(&self, protocol: Protocol, information: &mut Vec<u8>) -> Fate {
        /// CHAP and PAP codes (RFC 1994 4, RFC 1334 2.2); EAP's Failure is CHAP's.
        const CHALLENGE: u8 = 1;
        const SUCCESS: u8 = 3;
        const CHAP_FAILURE: u8 = 4;
        const PAP_NAK: u8 = 3;
        let quiet_refusal = self.has(Behaviour::EofOnAuthFailure) || self.has(Behaviour::TerminateOnAuthFailure);
        match (protocol, information.first().copied().unwrap_or_default()) {
            (Protocol::IPCP, code::CONFIGURE_NAK) if self.has(Behaviour::LateIpcpNak) => {
                return Fate::Late(LATE_NAK);
            }
            (Protocol::CHAP | Protocol::EAP, CHAP_FAILURE) | (Protocol::PAP, PAP_NAK) if quiet_refusal => {
                return Fate::Lost;
            }
            (Protocol::LCP, code::TERMINATE_REQUEST) if self.has(Behaviour::EofOnAuthFailure) => return Fate::Lost,
            (Protocol::LCP, code::ECHO_REPLY) if self.has(Behaviour::LcpEchoMagicZero) => {
                information[4..8].fill(0);
            }
            (Protocol::CHAP, SUCCESS) if self.has(Behaviour::BadAuthenticatorResponse) => {
                // the first digit after header and `S=`
                if let Some(digit) = information.get_mut(6) {
                    *digit = if *digit == b'0' { b'1' } else { b'0' };
                }
            }
            (Protocol::CHAP, SUCCESS) if self.has(Behaviour::NoAuthenticator) => {
                replace(information, SUCCESS, b"M=Welcome");
            }
            (Protocol::CHAP, CHALLENGE) if self.has(Behaviour::SuccessUnasked) => {
                replace(information, SUCCESS, b"S=0123456789ABCDEF0123456789ABCDEF01234567 M=Welcome");
            }
            _ => {}
        }
        Fate::Pass
    }

    /// Whole SSTP packets that the server sends on its own as a phase begins; they may be malformed.
    pub fn extra_packets(&self, phase: Phase) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        if phase == Phase::Lcp {
            if self.has(Behaviour::BadVersion) {
                packets.push(vec![0x20, 0x01, 0x00, 0x08, 0x00, 0x08, 0x00, 0x00]);
            }
            if self.has(Behaviour::BadLength) {
                packets.push(vec![VERSION, 0x00, 0x00, 0x03]);
            }
            if self.has(Behaviour::UnknownMessage) {
                packets.push(vec![VERSION, 0x01, 0x00, 0x08, 0x00, 0x2a, 0x00, 0x00]);
            }
            if self.has(Behaviour::EarlyData) {
                packets.push(data_packet(Protocol::IPV4, &PING));
            }
        }
        if phase == Phase::Ncp && self.has(Behaviour::CcpOffer) {
            // Deflate, window 15 (RFC 1979 3), and BSD-Compress, 15 bits (RFC 1977 3)
            let options = [26, 4, 0x78, 0x00, 21, 3, 0x2f];
            packets.push(control_frame(Protocol::CCP, code::CONFIGURE_REQUEST, 1, &options));
        }
        if phase == Phase::Ncp && self.has(Behaviour::UnknownNcp) {
            packets.push(control_frame(Protocol(0x802b), code::CONFIGURE_REQUEST, 1, &[]));
        }
        if phase == Phase::Up && self.has(Behaviour::EchoFlood) {
            let mut echo = Vec::new();
            ControlMessage::EchoRequest.emit(&mut echo);
            packets.extend(std::iter::repeat_n(echo, FLOOD));
            let lcp_echoes = (0..FLOOD).map(|i| control_frame(Protocol::LCP, code::ECHO_REQUEST, i as u8, &[0; 4]));
            packets.extend(lcp_echoes);
        }
        if matches!(phase, Phase::Lcp | Phase::Up) && self.has(Behaviour::GarbageFrames) {
            packets.extend(garbage());
        }
        if phase == Phase::Up && self.has(Behaviour::CutInPacket) {
            let mut packet = data_packet(Protocol::IPV4, &PING);
            packet.truncate(packet.len() / 2);
            packets.push(packet);
        }
        packets
    }
}

/// What a portal or a web server shows to whoever comes.
const PAGE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: portal\r\nContent-Type: text/html\r\nContent-Length: 21\r\n\r\n\
    <html>Welcome!</html>";
/// Where a portal sends whoever has not logged in.
const REDIRECT: &[u8] = b"HTTP/1.1 302 Found\r\nLocation: https://portal.example/login\r\nContent-Length: 19\r\n\r\n\
    <html>Log in</html>";
/// SETTINGS, then GOAWAY with HTTP_1_1_REQUIRED (RFC 9113 6.5, 6.8, 7).
const HTTP2: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0d";

fn endless_header_block() -> Vec<u8> {
    const FIELD: &str = "X-Filler: abcdefghijklmnopqrstuvwxyz\r\n";
    format!("HTTP/1.1 200 OK\r\n{}", FIELD.repeat(64 * 1024 / FIELD.len())).into_bytes()
}

/// An ICMP echo request from 10.77.0.2 to 10.77.0.1.
const PING: [u8; 28] = [
    0x45, 0x00, 0x00, 0x1c, 0x8c, 0x2f, 0x40, 0x00, 0x40, 0x01, 0x99, 0xd3, 0x0a, 0x4d, 0x00, 0x02, 0x0a, 0x4d, 0x00,
    0x01, 0x08, 0x00, 0xf7, 0xe8, 0x00, 0x16, 0x00, 0x01,
];

/// Frames that a client must discard, or answer with a rejection, without harm.
fn garbage() -> Vec<Vec<u8>> {
    let lcp = |information: &[u8]| data_packet(Protocol::LCP, information);
    vec![
        raw_packet(&[]),
        raw_packet(&ADDRESS_CONTROL),
        raw_packet(&[0xff, 0x03, 0xc0]),
        raw_packet(&[0xff, 0x03, 0xc0, 0x20, 0x01]),
        raw_packet(&[0x00; 64]),
        // lengths that cannot be
        lcp(&[]),
        lcp(&[1, 7, 0]),
        lcp(&[1, 7, 0, 3]),
        lcp(&[1, 7, 0, 200]),
        lcp(&[1, 7, 0, 5, 1]),
        lcp(&[1, 7, 0, 6, 1, 0]),
        lcp(&[1, 7, 0, 6, 1, 1]),
        lcp(&[1, 7, 0, 7, 5, 6, 0]),
        // replies to what nobody asked
        control_frame(Protocol::LCP, code::CONFIGURE_ACK, 211, &[]),
        control_frame(Protocol::LCP, code::CONFIGURE_NAK, 211, &[1, 4, 2, 0x40]),
        control_frame(Protocol::LCP, code::CONFIGURE_REJECT, 211, &[1, 4, 5, 0xdc]),
        control_frame(Protocol::LCP, code::ECHO_REPLY, 211, &[0; 4]),
        // codes without effect, and one that does not exist
        control_frame(Protocol::LCP, code::DISCARD_REQUEST, 1, &[0; 16]),
        control_frame(Protocol::LCP, code::IDENTIFICATION, 2, b"\0\0\0\0sstp-test-server"),
        control_frame(Protocol::LCP, code::TIME_REMAINING, 3, &[0, 0, 0, 0, 0, 0, 0, 60]),
        control_frame(Protocol::LCP, 99, 4, b"what is this"),
        // other protocols
        control_frame(Protocol(0x8281), code::CONFIGURE_REQUEST, 1, &[]),
        control_frame(Protocol::PAP, 77, 1, &[255]),
        control_frame(Protocol::CHAP, 1, 200, &[255, 1]),
        // datagrams that are not
        data_packet(Protocol::IPV4, &[]),
        data_packet(Protocol::IPV4, &PING[..19]),
        data_packet(Protocol::IPV6, &PING),
        data_packet(Protocol(0x002d), &PING),
    ]
}

fn control_packet(code: u8, identifier: u8, data: &[u8]) -> Vec<u8> {
    let mut information = Vec::new();
    ControlPacket { code, identifier, data }.emit(&mut information);
    information
}

/// A control frame in its own SSTP packet.
fn control_frame(protocol: Protocol, code: u8, identifier: u8, data: &[u8]) -> Vec<u8> {
    data_packet(protocol, &control_packet(code, identifier, data))
}

fn data_packet(protocol: Protocol, information: &[u8]) -> Vec<u8> {
    raw_packet(&[&ADDRESS_CONTROL[..], &protocol.0.to_be_bytes(), information].concat())
}

fn raw_packet(frame: &[u8]) -> Vec<u8> {
    [&Header { control: false, length: HEADER_LEN + frame.len() }.emit(), frame].concat()
}

/// Makes a control packet as long as its header shall say.
fn resize(packet: &mut Vec<u8>, length: usize) {
    packet.resize(length, 0);
    packet[..HEADER_LEN].copy_from_slice(&Header { control: true, length }.emit());
    if length > 12 {
        // the only attribute ends with the packet, or was there before what was added
        let attribute = (length - 8).min(usize::from(u16::from_be_bytes([packet[10], packet[11]])));
        packet[10..12].copy_from_slice(&(attribute as u16).to_be_bytes());
    }
}

/// Puts another control packet in the place of one, with its identifier.
fn replace(information: &mut Vec<u8>, code: u8, data: &[u8]) {
    let identifier = information.get(1).copied().unwrap_or_default();
    *information = control_packet(code, identifier, data);
}
