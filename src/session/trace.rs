//! The one place that logs what passes: a readable line for each control packet and frame, at trace level.
//!
//! Authentication is shown by code and identifier only.

use std::fmt;

use tracing::trace;

use crate::wire::ppp::{ControlPacket, Options, Protocol, code};
use crate::wire::sstp::{ControlMessage, Header};

/// Octets of one field that are shown: less than any key has.
const SHOWN: usize = 12;

/// Logs SSTP control packets, one behind the other.
pub(super) fn packets(direction: &str, mut packets: &[u8]) {
    while let Ok(Some(Header { length, .. })) = Header::parse(packets) {
        let (packet, rest) = packets.split_at(length.min(packets.len()));
        match ControlMessage::parse(packet) {
            Ok(message) => trace!("{direction} {}", message.name()),
            Err(refused) => trace!("{direction} a control packet that is refused: {}", refused.malformed),
        }
        packets = rest;
    }
}

/// Logs a PPP control frame.
pub(super) fn frame(direction: &str, protocol: Protocol, information: &[u8]) {
    trace!("{direction} {}", Shown(protocol, information));
}

/// A control frame as a line.
struct Shown<'a>(Protocol, &'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shown(protocol, information) = *self;
        match protocol.name() {
            "" => write!(f, "protocol {:#06x}", protocol.0)?,
            name => f.write_str(name)?,
        }
        let Ok(ControlPacket { code, identifier, data }) = ControlPacket::parse(information) else {
            return f.write_str(", unreadable");
        };
        if matches!(protocol, Protocol::PAP | Protocol::CHAP | Protocol::EAP) {
            return write!(f, " code {code} id {identifier}, {} octets", data.len());
        }
        match code_name(code) {
            "" => write!(f, " code {code} id {identifier}")?,
            name => write!(f, " {name} id {identifier}")?,
        }
        if (code::CONFIGURE_REQUEST..=code::CONFIGURE_REJECT).contains(&code) {
            return Options::new(data).flatten().try_for_each(|option| {
                write!(f, ", option {}", option.kind)?;
                octets(f, option.data)
            });
        }
        octets(f, data)
    }
}

fn octets(f: &mut fmt::Formatter<'_>, octets: &[u8]) -> fmt::Result {
    for octet in &octets[..octets.len().min(SHOWN)] {
        write!(f, " {octet:02x}")?;
    }
    if octets.len() > SHOWN { write!(f, " and {} more", octets.len() - SHOWN) } else { Ok(()) }
}

fn code_name(code: u8) -> &'static str {
    match code {
        code::CONFIGURE_REQUEST => "Configure-Request",
        code::CONFIGURE_ACK => "Configure-Ack",
        code::CONFIGURE_NAK => "Configure-Nak",
        code::CONFIGURE_REJECT => "Configure-Reject",
        code::TERMINATE_REQUEST => "Terminate-Request",
        code::TERMINATE_ACK => "Terminate-Ack",
        code::CODE_REJECT => "Code-Reject",
        code::PROTOCOL_REJECT => "Protocol-Reject",
        code::ECHO_REQUEST => "Echo-Request",
        code::ECHO_REPLY => "Echo-Reply",
        code::DISCARD_REQUEST => "Discard-Request",
        code::IDENTIFICATION => "Identification",
        code::TIME_REMAINING => "Time-Remaining",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_read_like_a_protocol() {
        let request = [1, 1, 0, 14, 1, 4, 5, 0xdc, 5, 6, 0xde, 0xad, 0xbe, 0xef];
        let shown = Shown(Protocol::LCP, &request).to_string();
        assert_eq!(shown, "LCP Configure-Request id 1, option 1 05 dc, option 5 de ad be ef");
        let echo = [&[9, 2, 0, 24][..], &[0xaa; 20]].concat();
        let shown = Shown(Protocol::LCP, &echo).to_string();
        assert_eq!(shown, "LCP Echo-Request id 2 aa aa aa aa aa aa aa aa aa aa aa aa and 8 more");
        assert_eq!(Shown(Protocol(0x8281), &[5, 1, 0, 4]).to_string(), "protocol 0x8281 Terminate-Request id 1");
        assert_eq!(Shown(Protocol::IPCP, &[5, 1]).to_string(), "IPCP, unreadable");
        let pap = [1, 1, 0, 9, 1, b'u', 2, b'p', b'w'];
        assert_eq!(Shown(Protocol::PAP, &pap).to_string(), "PAP code 1 id 1, 5 octets");
    }
}
