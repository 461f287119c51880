//! The one place that logs what passes: a readable line for each control packet and frame, at trace level.
//!
//! Authentication is shown by code, identifier and length only, and by the method of EAP.

use std::fmt;
use std::net::Ipv4Addr;

use tracing::trace;

use super::{AuthProtocol, EapMethod};
use crate::wire::eap::{eap_code, eap_type};
use crate::wire::ppp::{ConfigurationOption, ControlPacket, Options, Protocol, code};
use crate::wire::sstp::{ControlMessage, Header, StatusInfo};

/// Octets of one field that are shown: less than any key has.
const SHOWN: usize = 12;

/// Logs SSTP control packets, one behind the other.
pub(super) fn packets(direction: &str, mut packets: &[u8]) {
    while let Ok(Some(Header { length, .. })) = Header::parse(packets) {
        let (packet, rest) = packets.split_at(length.min(packets.len()));
        match ControlMessage::parse(packet) {
            Ok(message) => trace!("{direction} {}", Message(&message)),
            Err(refused) => trace!("{direction} a control packet that is refused: {}", refused.malformed),
        }
        packets = rest;
    }
}

/// Logs a PPP control frame.
pub(super) fn frame(direction: &str, protocol: Protocol, information: &[u8]) {
    trace!("{direction} {}", Shown(protocol, information));
}

/// An SSTP control message as a line; nothing of what the crypto binding proves.
struct Message<'a>(&'a ControlMessage);

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.0;
        f.write_str(message.name())?;
        let statuses = match message {
            ControlMessage::CallConnectRequest { encapsulated_protocol } => {
                return write!(f, ", protocol {encapsulated_protocol:#06x}");
            }
            ControlMessage::CallConnectAck(request) => {
                return write!(f, ", hash protocols {:#04x}", request.hash_protocol_bitmask);
            }
            ControlMessage::CallConnected(binding) => {
                return write!(f, ", hash protocol {:#04x}", binding.hash_protocol);
            }
            ControlMessage::CallConnectNak(statuses) => statuses.as_slice(),
            ControlMessage::CallAbort(status) | ControlMessage::CallDisconnect(status) => status.as_slice(),
            ControlMessage::CallDisconnectAck | ControlMessage::EchoRequest | ControlMessage::EchoResponse => &[],
        };
        statuses.iter().try_for_each(|StatusInfo { attribute_id, status, attribute_value }| {
            write!(f, ", status {} ({}) of attribute {attribute_id}", status.0, status.meaning())?;
            octets(f, attribute_value)
        })
    }
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
        match code_name(protocol, code) {
            "" => write!(f, " code {code} id {identifier}")?,
            name => write!(f, " {name} id {identifier}")?,
        }
        if protocol.is_authentication() {
            if protocol == Protocol::EAP
                && let [kind, ..] = *data
            {
                write!(f, ", {}", eap_kind(kind))?;
            }
            return write!(f, ", {} octets", data.len());
        }
        if (code::CONFIGURE_REQUEST..=code::CONFIGURE_REJECT).contains(&code) {
            return Options::new(data).flatten().try_for_each(|option| configuration_option(f, protocol, option));
        }
        // what comes back may be a frame of authentication
        if protocol == Protocol::LCP
            && code == code::PROTOCOL_REJECT
            && let [high, low, rejected @ ..] = data
        {
            let (rejected_protocol, length) = (Protocol(u16::from_be_bytes([*high, *low])), rejected.len());
            return write!(f, ", protocol {:#06x}, {length} octets", rejected_protocol.0);
        }
        octets(f, data)
    }
}

/// An option by its name, with its value as people write it.
fn configuration_option(
    f: &mut fmt::Formatter<'_>,
    protocol: Protocol,
    option: ConfigurationOption<'_>,
) -> fmt::Result {
    match option_name(protocol, option.kind) {
        "" => write!(f, ", option {}", option.kind)?,
        name => write!(f, ", {name}")?,
    }
    match (protocol, option.kind, option.data) {
        (Protocol::LCP, 1 | 17, &[high, low]) => write!(f, " {}", u16::from_be_bytes([high, low])),
        (Protocol::LCP, 3, data) => write!(f, " {}", AuthProtocol::describe(&data[..data.len().min(SHOWN)])),
        (Protocol::IPCP, 3 | 129..=132, &[a, b, c, d]) => write!(f, " {}", Ipv4Addr::new(a, b, c, d)),
        (_, _, data) => octets(f, data),
    }
}

/// Names of options: LCP's (RFC 1661 6, RFC 1662 7.1, RFC 1570 2.3, RFC 1990 5.1), IPCP's (RFC 1332 3, RFC 1877 1) and IPV6CP's
/// (RFC 5072 4); empty where it has none here.
fn option_name(protocol: Protocol, kind: u8) -> &'static str {
    match (protocol, kind) {
        (Protocol::LCP, 1) => "MRU",
        (Protocol::LCP, 2) => "ACCM",
        (Protocol::LCP, 3) => "Authentication-Protocol",
        (Protocol::LCP, 5) => "Magic-Number",
        (Protocol::LCP, 7) => "PFC",
        (Protocol::LCP, 8) => "ACFC",
        (Protocol::LCP, 13) => "Callback",
        (Protocol::LCP, 17) => "MRRU",
        (Protocol::LCP, 19) => "Endpoint-Discriminator",
        (Protocol::IPCP, 2) => "IP-Compression-Protocol",
        (Protocol::IPCP, 3) => "IP-Address",
        (Protocol::IPCP, 129) => "Primary-DNS",
        (Protocol::IPCP, 130) => "Primary-NBNS",
        (Protocol::IPCP, 131) => "Secondary-DNS",
        (Protocol::IPCP, 132) => "Secondary-NBNS",
        (Protocol::IPV6CP, 1) => "Interface-Identifier",
        _ => "",
    }
}

/// The type of an EAP packet in words.
fn eap_kind(kind: u8) -> String {
    match kind {
        eap_type::IDENTITY => "Identity".to_owned(),
        eap_type::NOTIFICATION => "Notification".to_owned(),
        eap_type::NAK => "Nak".to_owned(),
        method => EapMethod::describe(method),
    }
}

fn octets(f: &mut fmt::Formatter<'_>, octets: &[u8]) -> fmt::Result {
    for octet in &octets[..octets.len().min(SHOWN)] {
        write!(f, " {octet:02x}")?;
    }
    if octets.len() > SHOWN { write!(f, " and {} more", octets.len() - SHOWN) } else { Ok(()) }
}

/// Names of codes: those of RFC 1661 5 and RFC 1570 2, and of the authentication protocols (RFC 1334 2.2, RFC 1994 4, RFC 2759 7,
/// RFC 3748 4).
fn code_name(protocol: Protocol, code: u8) -> &'static str {
    match (protocol, code) {
        (Protocol::PAP, 1) => "Authenticate-Request",
        (Protocol::PAP, 2) => "Authenticate-Ack",
        (Protocol::PAP, 3) => "Authenticate-Nak",
        (Protocol::CHAP, 1) => "Challenge",
        (Protocol::CHAP, 2) => "Response",
        (Protocol::CHAP, 3) | (Protocol::EAP, eap_code::SUCCESS) => "Success",
        (Protocol::CHAP, 4) | (Protocol::EAP, eap_code::FAILURE) => "Failure",
        (Protocol::CHAP, 7) => "Change-Password",
        (Protocol::EAP, eap_code::REQUEST) => "Request",
        (Protocol::EAP, eap_code::RESPONSE) => "Response",
        (protocol, _) if protocol.is_authentication() => "",
        (_, code::CONFIGURE_REQUEST) => "Configure-Request",
        (_, code::CONFIGURE_ACK) => "Configure-Ack",
        (_, code::CONFIGURE_NAK) => "Configure-Nak",
        (_, code::CONFIGURE_REJECT) => "Configure-Reject",
        (_, code::TERMINATE_REQUEST) => "Terminate-Request",
        (_, code::TERMINATE_ACK) => "Terminate-Ack",
        (_, code::CODE_REJECT) => "Code-Reject",
        (_, code::PROTOCOL_REJECT) => "Protocol-Reject",
        (_, code::ECHO_REQUEST) => "Echo-Request",
        (_, code::ECHO_REPLY) => "Echo-Reply",
        (_, code::DISCARD_REQUEST) => "Discard-Request",
        (_, code::IDENTIFICATION) => "Identification",
        (_, code::TIME_REMAINING) => "Time-Remaining",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::sstp::{CryptoBinding, Status};

    fn shown(protocol: Protocol, information: &[u8]) -> String {
        Shown(protocol, information).to_string()
    }

    #[test]
    fn frames_read_like_a_protocol() {
        let request = [1, 1, 0, 19, 1, 4, 5, 0xdc, 3, 5, 0xc2, 0x23, 0x81, 5, 6, 0xde, 0xad, 0xbe, 0xef];
        let expected =
            "LCP Configure-Request id 1, MRU 1500, Authentication-Protocol MS-CHAPv2, Magic-Number de ad be ef";
        assert_eq!(shown(Protocol::LCP, &request), expected);
        let nak = [3, 2, 0, 19, 3, 6, 10, 99, 0, 2, 129, 6, 10, 99, 0, 53, 144, 3, 1];
        let expected = "IPCP Configure-Nak id 2, IP-Address 10.99.0.2, Primary-DNS 10.99.0.53, option 144 01";
        assert_eq!(shown(Protocol::IPCP, &nak), expected);
        let identifier = [1, 1, 0, 14, 1, 10, 1, 2, 3, 4, 5, 6, 7, 8];
        let expected = "IPV6CP Configure-Request id 1, Interface-Identifier 01 02 03 04 05 06 07 08";
        assert_eq!(shown(Protocol::IPV6CP, &identifier), expected);
        let echo = [&[9, 2, 0, 24][..], &[0xaa; 20]].concat();
        let expected = "LCP Echo-Request id 2 aa aa aa aa aa aa aa aa aa aa aa aa and 8 more";
        assert_eq!(shown(Protocol::LCP, &echo), expected);
        assert_eq!(shown(Protocol(0x8281), &[5, 1, 0, 4]), "protocol 0x8281 Terminate-Request id 1");
        assert_eq!(shown(Protocol::IPCP, &[5, 1]), "IPCP, unreadable");
    }

    #[test]
    fn authentication_shows_what_and_never_whose() {
        for (protocol, information, expected) in [
            (Protocol::PAP, &[1, 1, 0, 9, 1, b'u', 2, b'p', b'w'][..], "PAP Authenticate-Request id 1, 5 octets"),
            (Protocol::CHAP, &[2, 7, 0, 6, 1, 0x5a], "CHAP Response id 7, 2 octets"),
            (Protocol::CHAP, &[7, 7, 0, 6, 1, 0x5a], "CHAP Change-Password id 7, 2 octets"),
            (Protocol::EAP, &[2, 3, 0, 7, 1, b'm', b'e'], "EAP Response id 3, Identity, 3 octets"),
            (Protocol::EAP, &[1, 4, 0, 6, 13, 0x20], "EAP Request id 4, EAP-TLS, 2 octets"),
            (Protocol::EAP, &[1, 4, 0, 5, 99], "EAP Request id 4, EAP type 99, 1 octets"),
            (Protocol::EAP, &[3, 5, 0, 4], "EAP Success id 5, 0 octets"),
            (Protocol(0xc027), &[1, 1, 0, 5, 0x5a], "protocol 0xc027 code 1 id 1, 1 octets"),
            // a password that comes back from a server that does not know PAP
            (
                Protocol::LCP,
                &[8, 9, 0, 15, 0xc0, 0x23, 1, 1, 0, 9, 1, b'u', 2, b'p', b'w'],
                "LCP Protocol-Reject id 9, protocol 0xc023, 9 octets",
            ),
        ] {
            assert_eq!(shown(protocol, information), expected);
        }
    }

    #[test]
    fn messages_say_their_reasons() {
        let mut status = StatusInfo::new(1, Status::VALUE_NOT_SUPPORTED);
        status.attribute_value = vec![0, 2];
        let nak = ControlMessage::CallConnectNak(vec![status]);
        let expected = "SSTP_MSG_CALL_CONNECT_NAK, status 4 (a value is not supported) of attribute 1 00 02";
        assert_eq!(Message(&nak).to_string(), expected);
        let binding = CryptoBinding { hash_protocol: 2, nonce: [1; 32], cert_hash: [2; 32], compound_mac: [0x5a; 32] };
        let connected = ControlMessage::CallConnected(Box::new(binding));
        assert_eq!(Message(&connected).to_string(), "SSTP_MSG_CALL_CONNECTED, hash protocol 0x02");
        assert_eq!(Message(&ControlMessage::EchoRequest).to_string(), "SSTP_MSG_ECHO_REQUEST");
    }
}
