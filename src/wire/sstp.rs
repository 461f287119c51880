//! SSTP packets (MS-SSTP 2.2): header, control messages, attributes.

use super::{Malformed, need, within};

/// Length of the header of every packet (MS-SSTP 2.2.1), in octets.
pub const HEADER_LEN: usize = 4;
/// The longest packet that the 12-bit length field can tell (MS-SSTP 2.2.1), in octets.
pub const MAX_PACKET_LEN: usize = 0x0fff;
/// Version 1.0, the only one there is (MS-SSTP 2.2.1).
pub const VERSION: u8 = 0x10;
/// Length of a whole Call Connected packet (MS-SSTP 2.2.11), in octets: what the Compound MAC is computed over.
pub const CALL_CONNECTED_LEN: usize = 112;
/// SSTP_ENCAPSULATED_PROTOCOL_PPP (MS-SSTP 2.2.5).
pub const ENCAPSULATED_PROTOCOL_PPP: u16 = 0x0001;

const CONTROL_HEADER_LEN: usize = 8;
const ATTRIBUTE_HEADER_LEN: usize = 4;
const LENGTH_MASK: u16 = 0x0fff;
const CONTROL_BIT: u8 = 0x01;
/// AttribValue is cut to this many octets (MS-SSTP 2.2.8).
const MAX_STATUS_VALUE_LEN: usize = 64;
/// A message may report the status of each attribute once; there are five attribute IDs.
const MAX_STATUSES: usize = 5;

/// Header of an SSTP packet (MS-SSTP 2.2.1). Reserved bits are ignored, as the section demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Control packet (2.2.2) or data packet (2.2.3).
    pub control: bool,
    /// Length of the whole packet with this header, in octets: 4 to 4095.
    pub length: usize,
}

impl Header {
    /// Reads the header at the start of the stream; `None` where it has not arrived whole.
    ///
    /// # Errors
    /// A version other than 1.0 or a length that no packet can have: the stream cannot be delineated any further
    /// (MS-SSTP 3.1.5.1).
    #[inline]
    pub fn parse(stream: &[u8]) -> Result<Option<Header>, Malformed> {
        let [version, flags, high, low, ..] = *stream else { return Ok(None) };
        if version != VERSION {
            return Err(Malformed::value("SSTP version", 0, version));
        }
        let control = flags & CONTROL_BIT != 0;
        let length = usize::from(u16::from_be_bytes([high, low]) & LENGTH_MASK);
        let min = if control { CONTROL_HEADER_LEN } else { HEADER_LEN };
        within("SSTP packet", 0, length, min, MAX_PACKET_LEN)?;
        Ok(Some(Header { control, length }))
    }

    /// The header as octets.
    #[inline]
    pub fn emit(self) -> [u8; HEADER_LEN] {
        debug_assert!(self.length <= MAX_PACKET_LEN);
        let [high, low] = (self.length as u16 & LENGTH_MASK).to_be_bytes();
        [VERSION, if self.control { CONTROL_BIT } else { 0 }, high, low]
    }
}

/// Attribute IDs (MS-SSTP 2.2.4 and, for `NO_ERROR`, 2.2.8).
pub mod attribute {
    /// SSTP_ATTRIB_NO_ERROR: only as the subject of a Status Info attribute.
    pub const NO_ERROR: u8 = 0x00;
    /// SSTP_ATTRIB_ENCAPSULATED_PROTOCOL_ID.
    pub const ENCAPSULATED_PROTOCOL_ID: u8 = 0x01;
    /// SSTP_ATTRIB_STATUS_INFO.
    pub const STATUS_INFO: u8 = 0x02;
    /// SSTP_ATTRIB_CRYPTO_BINDING.
    pub const CRYPTO_BINDING: u8 = 0x03;
    /// SSTP_ATTRIB_CRYPTO_BINDING_REQ.
    pub const CRYPTO_BINDING_REQ: u8 = 0x04;
}

/// Status of a Status Info attribute (MS-SSTP 2.2.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u32);

impl Status {
    /// ATTRIB_STATUS_NO_ERROR.
    pub const NO_ERROR: Status = Status(0x00);
    /// ATTRIB_STATUS_DUPLICATE_ATTRIBUTE.
    pub const DUPLICATE_ATTRIBUTE: Status = Status(0x01);
    /// ATTRIB_STATUS_UNRECOGNIZED_ATTRIBUTE.
    pub const UNRECOGNIZED_ATTRIBUTE: Status = Status(0x02);
    /// ATTRIB_STATUS_INVALID_ATTRIB_VALUE_LENGTH.
    pub const INVALID_ATTRIB_VALUE_LENGTH: Status = Status(0x03);
    /// ATTRIB_STATUS_VALUE_NOT_SUPPORTED.
    pub const VALUE_NOT_SUPPORTED: Status = Status(0x04);
    /// ATTRIB_STATUS_UNACCEPTED_FRAME_RECEIVED.
    pub const UNACCEPTED_FRAME_RECEIVED: Status = Status(0x05);
    /// ATTRIB_STATUS_RETRY_COUNT_EXCEEDED.
    pub const RETRY_COUNT_EXCEEDED: Status = Status(0x06);
    /// ATTRIB_STATUS_INVALID_FRAME_RECEIVED.
    pub const INVALID_FRAME_RECEIVED: Status = Status(0x07);
    /// ATTRIB_STATUS_NEGOTIATION_TIMEOUT.
    pub const NEGOTIATION_TIMEOUT: Status = Status(0x08);
    /// ATTRIB_STATUS_ATTRIB_NOT_SUPPORTED_IN_MSG.
    pub const ATTRIB_NOT_SUPPORTED_IN_MSG: Status = Status(0x09);
    /// ATTRIB_STATUS_REQUIRED_ATTRIBUTE_MISSING.
    pub const REQUIRED_ATTRIBUTE_MISSING: Status = Status(0x0a);
    /// ATTRIB_STATUS_STATUS_INFO_NOT_SUPPORTED_IN_MSG.
    pub const STATUS_INFO_NOT_SUPPORTED_IN_MSG: Status = Status(0x0b);

    /// What the status means, in words.
    pub fn meaning(self) -> &'static str {
        match self.0 {
            0x00 => "no error",
            0x01 => "an attribute came twice",
            0x02 => "an attribute was not recognized",
            0x03 => "an attribute had the wrong length",
            0x04 => "a value is not supported",
            0x05 => "a message came that the state does not allow",
            0x06 => "the retry count was exceeded",
            0x07 => "a message was not recognized",
            0x08 => "the negotiation timed out",
            0x09 => "an attribute is not supported in the message",
            0x0a => "a required attribute was missing",
            0x0b => "a status was sent in a message that cannot have one",
            _ => "a reason that the protocol does not define",
        }
    }
}

/// Status Info attribute (MS-SSTP 2.2.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusInfo {
    /// The attribute that the status is about.
    pub attribute_id: u8,
    /// The status.
    pub status: Status,
    /// Value of the attribute in the refused message; at most 64 octets, empty except in a Connect NAK.
    pub attribute_value: Vec<u8>,
}

impl StatusInfo {
    /// A status without a value.
    pub fn new(attribute_id: u8, status: Status) -> Self {
        StatusInfo { attribute_id, status, attribute_value: Vec::new() }
    }

    /// Servers send shorter values than the section's eight octets: four of them are the status alone.
    fn parse(value: &[u8]) -> Option<StatusInfo> {
        let word =
            |at: usize| value.get(at..at + 4).and_then(|w| w.try_into().ok()).map(|w| Status(u32::from_be_bytes(w)));
        if let Some(status) = word(4) {
            let kept = &value[8..value.len().min(8 + MAX_STATUS_VALUE_LEN)];
            return Some(StatusInfo { attribute_id: value[3], status, attribute_value: kept.to_vec() });
        }
        word(0).map(|status| StatusInfo::new(attribute::NO_ERROR, status))
    }
}

/// Crypto Binding Request attribute (MS-SSTP 2.2.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CryptoBindingRequest {
    /// Hash Protocol Bitmask: 0x01 SHA1, 0x02 SHA256.
    pub hash_protocol_bitmask: u8,
    /// The server's nonce.
    pub nonce: [u8; 32],
}

/// Crypto Binding attribute (MS-SSTP 2.2.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CryptoBinding {
    /// Hash Protocol: 0x01 SHA1, 0x02 SHA256.
    pub hash_protocol: u8,
    /// The nonce of the Crypto Binding Request.
    pub nonce: [u8; 32],
    /// Cert Hash and Padding: 20 octets and 12 zeros for SHA1, 32 octets for SHA256.
    pub cert_hash: [u8; 32],
    /// Compound MAC and Padding1, likewise.
    pub compound_mac: [u8; 32],
}

/// A control message (MS-SSTP 2.2.9 to 2.2.15).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlMessage {
    /// SSTP_MSG_CALL_CONNECT_REQUEST (2.2.9).
    CallConnectRequest {
        /// Value of the Encapsulated Protocol ID attribute (2.2.5).
        encapsulated_protocol: u16,
    },
    /// SSTP_MSG_CALL_CONNECT_ACK (2.2.10).
    CallConnectAck(CryptoBindingRequest),
    /// SSTP_MSG_CALL_CONNECT_NAK (2.2.12).
    CallConnectNak(Vec<StatusInfo>),
    /// SSTP_MSG_CALL_CONNECTED (2.2.11).
    CallConnected(Box<CryptoBinding>),
    /// SSTP_MSG_CALL_ABORT (2.2.13).
    CallAbort(Option<StatusInfo>),
    /// SSTP_MSG_CALL_DISCONNECT (2.2.14).
    CallDisconnect(Option<StatusInfo>),
    /// SSTP_MSG_CALL_DISCONNECT_ACK (2.2.15).
    CallDisconnectAck,
    /// SSTP_MSG_ECHO_REQUEST (2.2.15).
    EchoRequest,
    /// SSTP_MSG_ECHO_RESPONSE (2.2.15).
    EchoResponse,
}

/// A control packet that cannot be accepted, with the status that tells the sender why (MS-SSTP 2.2.8, 3.1.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The attribute at fault, or [`attribute::NO_ERROR`] where it is the message itself.
    pub attribute_id: u8,
    /// The status to answer with.
    pub status: Status,
    /// What is wrong, and where.
    pub malformed: Malformed,
}

impl From<Malformed> for Refused {
    fn from(malformed: Malformed) -> Self {
        Refused { attribute_id: attribute::NO_ERROR, status: Status::INVALID_FRAME_RECEIVED, malformed }
    }
}

/// Expected attribute of a message: its ID, the length of its value in octets, and its name.
struct Expected(u8, usize, &'static str);

const ENCAPSULATED_PROTOCOL_ID: Expected =
    Expected(attribute::ENCAPSULATED_PROTOCOL_ID, 2, "SSTP attribute Encapsulated Protocol ID");
const CRYPTO_BINDING_REQ: Expected =
    Expected(attribute::CRYPTO_BINDING_REQ, 36, "SSTP attribute Crypto Binding Request");
const CRYPTO_BINDING: Expected = Expected(attribute::CRYPTO_BINDING, 100, "SSTP attribute Crypto Binding");

impl ControlMessage {
    /// Reads a whole control packet, header included, as [`Header::parse`] delineated it.
    ///
    /// Messages that end a call are read leniently: their attributes are only reasons, and servers get them wrong.
    ///
    /// # Errors
    /// [`Refused`] says what to tell the sender: a message type that does not exist, attributes that are missing,
    /// doubled, of unknown ID, not allowed in the message or of the wrong length.
    pub fn parse(packet: &[u8]) -> Result<ControlMessage, Refused> {
        need("SSTP control packet", 0, packet.len(), CONTROL_HEADER_LEN)?;
        let message_type = u16::from_be_bytes([packet[4], packet[5]]);
        let count = usize::from(u16::from_be_bytes([packet[6], packet[7]]));
        let attributes = Attributes { packet, at: CONTROL_HEADER_LEN, left: count };
        Ok(match message_type {
            1 => {
                let value = attributes.only(&ENCAPSULATED_PROTOCOL_ID)?;
                ControlMessage::CallConnectRequest { encapsulated_protocol: u16::from_be_bytes([value[0], value[1]]) }
            }
            2 => {
                let value = attributes.only(&CRYPTO_BINDING_REQ)?;
                let nonce = octets(value, 4);
                ControlMessage::CallConnectAck(CryptoBindingRequest { hash_protocol_bitmask: value[3], nonce })
            }
            3 => ControlMessage::CallConnectNak(attributes.statuses().take(MAX_STATUSES).collect()),
            4 => {
                let value = attributes.only(&CRYPTO_BINDING)?;
                ControlMessage::CallConnected(Box::new(CryptoBinding {
                    hash_protocol: value[3],
                    nonce: octets(value, 4),
                    cert_hash: octets(value, 36),
                    compound_mac: octets(value, 68),
                }))
            }
            5 => ControlMessage::CallAbort(attributes.statuses().next()),
            6 => ControlMessage::CallDisconnect(attributes.statuses().next()),
            7 => attributes.none().map(|()| ControlMessage::CallDisconnectAck)?,
            8 => attributes.none().map(|()| ControlMessage::EchoRequest)?,
            9 => attributes.none().map(|()| ControlMessage::EchoResponse)?,
            _ => return Err(Malformed::value("SSTP message type", 4, message_type).into()),
        })
    }

    /// The message's name (MS-SSTP 2.2.2).
    pub fn name(&self) -> &'static str {
        match self {
            ControlMessage::CallConnectRequest { .. } => "SSTP_MSG_CALL_CONNECT_REQUEST",
            ControlMessage::CallConnectAck(_) => "SSTP_MSG_CALL_CONNECT_ACK",
            ControlMessage::CallConnectNak(_) => "SSTP_MSG_CALL_CONNECT_NAK",
            ControlMessage::CallConnected(_) => "SSTP_MSG_CALL_CONNECTED",
            ControlMessage::CallAbort(_) => "SSTP_MSG_CALL_ABORT",
            ControlMessage::CallDisconnect(_) => "SSTP_MSG_CALL_DISCONNECT",
            ControlMessage::CallDisconnectAck => "SSTP_MSG_CALL_DISCONNECT_ACK",
            ControlMessage::EchoRequest => "SSTP_MSG_ECHO_REQUEST",
            ControlMessage::EchoResponse => "SSTP_MSG_ECHO_RESPONSE",
        }
    }

    /// Appends the whole packet, header included.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; CONTROL_HEADER_LEN]);
        let (message_type, count) = match self {
            ControlMessage::CallConnectRequest { encapsulated_protocol } => {
                emit_attribute(out, attribute::ENCAPSULATED_PROTOCOL_ID, &[&encapsulated_protocol.to_be_bytes()]);
                (1u16, 1)
            }
            ControlMessage::CallConnectAck(request) => {
                let head = [0, 0, 0, request.hash_protocol_bitmask];
                emit_attribute(out, attribute::CRYPTO_BINDING_REQ, &[&head, &request.nonce]);
                (2, 1)
            }
            ControlMessage::CallConnectNak(statuses) => (3, emit_statuses(out, statuses)),
            ControlMessage::CallConnected(binding) => {
                let head = [0, 0, 0, binding.hash_protocol];
                let parts: [&[u8]; 4] = [&head, &binding.nonce, &binding.cert_hash, &binding.compound_mac];
                emit_attribute(out, attribute::CRYPTO_BINDING, &parts);
                (4, 1)
            }
            ControlMessage::CallAbort(status) => (5, emit_statuses(out, status.as_slice())),
            ControlMessage::CallDisconnect(status) => (6, emit_statuses(out, status.as_slice())),
            ControlMessage::CallDisconnectAck => (7, 0),
            ControlMessage::EchoRequest => (8, 0),
            ControlMessage::EchoResponse => (9, 0),
        };
        let header = Header { control: true, length: out.len() - start };
        out[start..start + 4].copy_from_slice(&header.emit());
        out[start + 4..start + 6].copy_from_slice(&message_type.to_be_bytes());
        out[start + 6..start + 8].copy_from_slice(&(count as u16).to_be_bytes());
    }
}

/// Where the Compound MAC stands in a packet that calls itself Call Connected (MS-SSTP 2.2.11), whatever else it is.
pub fn compound_mac_at(packet: &[u8]) -> Option<usize> {
    (packet.get(4..6)? == [0, 4]).then_some(CALL_CONNECTED_LEN - 32)
}

fn octets(value: &[u8], at: usize) -> [u8; 32] {
    let mut octets = [0; 32];
    octets.copy_from_slice(&value[at..at + 32]);
    octets
}

fn emit_attribute(out: &mut Vec<u8>, id: u8, parts: &[&[u8]]) {
    let length = ATTRIBUTE_HEADER_LEN + parts.iter().map(|part| part.len()).sum::<usize>();
    let [high, low] = (length as u16 & LENGTH_MASK).to_be_bytes();
    out.extend_from_slice(&[0, id, high, low]);
    for part in parts {
        out.extend_from_slice(part);
    }
}

fn emit_statuses(out: &mut Vec<u8>, statuses: &[StatusInfo]) -> usize {
    let statuses = &statuses[..statuses.len().min(MAX_STATUSES)];
    for info in statuses {
        let head = [0, 0, 0, info.attribute_id];
        let value = &info.attribute_value[..info.attribute_value.len().min(MAX_STATUS_VALUE_LEN)];
        emit_attribute(out, attribute::STATUS_INFO, &[&head, &info.status.0.to_be_bytes(), value]);
    }
    statuses.len()
}

/// Walks the attributes of a control packet (MS-SSTP 2.2.4).
struct Attributes<'a> {
    packet: &'a [u8],
    at: usize,
    left: usize,
}

/// ID, value and offset in the packet of one attribute.
type Attribute<'a> = (u8, &'a [u8], usize);

impl<'a> Attributes<'a> {
    fn next(&mut self) -> Result<Option<Attribute<'a>>, Malformed> {
        if self.left == 0 {
            return match self.packet.len() - self.at {
                0 => Ok(None),
                extra => Err(Malformed::value("SSTP octets after the last attribute", self.at, extra as u32)),
            };
        }
        let rest = &self.packet[self.at..];
        need("SSTP attribute", self.at, rest.len(), ATTRIBUTE_HEADER_LEN)?;
        let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]) & LENGTH_MASK);
        within("SSTP attribute", self.at, length, ATTRIBUTE_HEADER_LEN, rest.len())?;
        let found = (rest[1], &rest[ATTRIBUTE_HEADER_LEN..length], self.at);
        self.at += length;
        self.left -= 1;
        Ok(Some(found))
    }

    /// The value of the one attribute that the message must have, and that no other may accompany.
    fn only(mut self, expected: &Expected) -> Result<&'a [u8], Refused> {
        let &Expected(id, length, name) = expected;
        let mut value = None;
        while let Some((found, octets, at)) = self.next()? {
            let refused = |status, malformed| Refused { attribute_id: found, status, malformed };
            match found {
                _ if found == id && value.is_some() => {
                    return Err(refused(Status::DUPLICATE_ATTRIBUTE, Malformed::value(name, at, found)));
                }
                _ if found == id => {
                    within(name, at, octets.len(), length, length)
                        .map_err(|malformed| refused(Status::INVALID_ATTRIB_VALUE_LENGTH, malformed))?;
                    value = Some(octets);
                }
                attribute::ENCAPSULATED_PROTOCOL_ID..=attribute::CRYPTO_BINDING_REQ => {
                    let malformed = Malformed::value("SSTP attribute in this message", at, found);
                    return Err(refused(Status::ATTRIB_NOT_SUPPORTED_IN_MSG, malformed));
                }
                _ => {
                    let malformed = Malformed::value("SSTP attribute ID", at, found);
                    return Err(refused(Status::UNRECOGNIZED_ATTRIBUTE, malformed));
                }
            }
        }
        value.ok_or_else(|| {
            let malformed = Malformed::value(name, CONTROL_HEADER_LEN, 0u8);
            Refused { attribute_id: id, status: Status::REQUIRED_ATTRIBUTE_MISSING, malformed }
        })
    }

    fn none(mut self) -> Result<(), Refused> {
        match self.next()? {
            None => Ok(()),
            Some((id, _, at)) => Err(Refused {
                attribute_id: id,
                status: Status::ATTRIB_NOT_SUPPORTED_IN_MSG,
                malformed: Malformed::value("SSTP attribute in this message", at, id),
            }),
        }
    }

    /// Every readable Status Info up to the first attribute that is not delineated.
    fn statuses(mut self) -> impl Iterator<Item = StatusInfo> {
        std::iter::from_fn(move || self.next().ok().flatten())
            .filter(|(id, ..)| *id == attribute::STATUS_INFO)
            .filter_map(|(_, value, _)| StatusInfo::parse(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Problem;

    fn emitted(message: &ControlMessage) -> Vec<u8> {
        let mut out = Vec::new();
        message.emit(&mut out);
        out
    }

    /// Every message, with its octets written out by hand from the diagrams of 2.2.9 to 2.2.15.
    fn vectors() -> Vec<(ControlMessage, Vec<u8>)> {
        let nonce: [u8; 32] = std::array::from_fn(|i| i as u8);
        let hash = [0xaa; 32];
        let mac = [0xbb; 32];
        let binding = CryptoBinding { hash_protocol: 2, nonce, cert_hash: hash, compound_mac: mac };
        let status = StatusInfo::new(attribute::NO_ERROR, Status::UNACCEPTED_FRAME_RECEIVED);
        let nak = StatusInfo {
            attribute_id: attribute::ENCAPSULATED_PROTOCOL_ID,
            status: Status::VALUE_NOT_SUPPORTED,
            attribute_value: vec![0x00, 0x02],
        };
        let status_octets = [0x00, 0x02, 0x00, 0x0c, 0, 0, 0, 0, 0, 0, 0, 5];
        let ack_head = [0x10, 0x01, 0x00, 0x30, 0x00, 0x02, 0x00, 0x01, 0x00, 0x04, 0x00, 0x28, 0, 0, 0, 3];
        let connected_head = [0x10, 0x01, 0x00, 0x70, 0x00, 0x04, 0x00, 0x01, 0x00, 0x03, 0x00, 0x68, 0, 0, 0, 2];
        let nak_head = [0x10, 0x01, 0x00, 0x16, 0x00, 0x03, 0x00, 0x01, 0x00, 0x02, 0x00, 0x0e];
        vec![
            (
                ControlMessage::CallConnectRequest { encapsulated_protocol: 1 },
                vec![0x10, 0x01, 0x00, 0x0e, 0x00, 0x01, 0x00, 0x01, 0x00, 0x01, 0x00, 0x06, 0x00, 0x01],
            ),
            (
                ControlMessage::CallConnectAck(CryptoBindingRequest { hash_protocol_bitmask: 3, nonce }),
                [&ack_head[..], &nonce].concat(),
            ),
            (ControlMessage::CallConnectNak(vec![nak]), [&nak_head[..], &[0, 0, 0, 1, 0, 0, 0, 4, 0, 2]].concat()),
            (ControlMessage::CallConnected(Box::new(binding)), [&connected_head[..], &nonce, &hash, &mac].concat()),
            (
                ControlMessage::CallAbort(Some(status.clone())),
                [&[0x10, 0x01, 0x00, 0x14, 0x00, 0x05, 0x00, 0x01][..], &status_octets].concat(),
            ),
            (
                ControlMessage::CallDisconnect(Some(status)),
                [&[0x10, 0x01, 0x00, 0x14, 0x00, 0x06, 0x00, 0x01][..], &status_octets].concat(),
            ),
            (ControlMessage::CallDisconnectAck, vec![0x10, 0x01, 0x00, 0x08, 0x00, 0x07, 0x00, 0x00]),
            (ControlMessage::EchoRequest, vec![0x10, 0x01, 0x00, 0x08, 0x00, 0x08, 0x00, 0x00]),
            (ControlMessage::EchoResponse, vec![0x10, 0x01, 0x00, 0x08, 0x00, 0x09, 0x00, 0x00]),
        ]
    }

    #[test]
    fn every_message_is_emitted_and_parsed() {
        for (message, octets) in vectors() {
            assert_eq!(emitted(&message), octets, "{message:?}");
            assert_eq!(ControlMessage::parse(&octets).as_ref(), Ok(&message));
            let header = Header { control: true, length: octets.len() };
            assert_eq!(Header::parse(&octets), Ok(Some(header)));
        }
    }

    #[test]
    fn a_message_cut_anywhere_is_refused_or_lenient() {
        for (message, octets) in vectors() {
            for cut in 0..octets.len() {
                match ControlMessage::parse(&octets[..cut]) {
                    Ok(ControlMessage::CallConnectNak(list)) => assert!(list.is_empty()),
                    Ok(ControlMessage::CallAbort(status) | ControlMessage::CallDisconnect(status)) => {
                        assert_eq!(status, None);
                    }
                    Ok(other) => panic!("{message:?} cut at {cut} became {other:?}"),
                    Err(_) => {}
                }
            }
        }
    }

    #[test]
    fn headers_that_cannot_be() {
        assert_eq!(Header::parse(&[0x10, 0x00, 0x00]), Ok(None));
        let error = Header::parse(&[0x11, 0x00, 0x00, 0x08]).unwrap_err();
        assert_eq!(error, Malformed::value("SSTP version", 0, 0x11u8));
        let error = Header::parse(&[0x10, 0x00, 0x00, 0x03]).unwrap_err();
        assert_eq!(error.problem, Problem::Length { found: 3, min: 4, max: 4095 });
        let error = Header::parse(&[0x10, 0x01, 0x00, 0x07]).unwrap_err();
        assert_eq!(error.problem, Problem::Length { found: 7, min: 8, max: 4095 });
    }

    #[test]
    fn reserved_bits_are_ignored() {
        let header = Header::parse(&[0x10, 0xff, 0xf0, 0x08]);
        assert_eq!(header, Ok(Some(Header { control: true, length: 8 })));
        let mut octets = vectors().swap_remove(1).1;
        octets[1] |= 0xfe;
        octets[2] |= 0xf0;
        octets[8] = 0xff;
        octets[10] |= 0xf0;
        octets[12..15].fill(0xff);
        assert!(matches!(ControlMessage::parse(&octets), Ok(ControlMessage::CallConnectAck(_))));
    }

    fn refused(octets: &[u8]) -> (u8, Status) {
        let refused = ControlMessage::parse(octets).unwrap_err();
        (refused.attribute_id, refused.status)
    }

    #[test]
    fn attributes_are_refused_with_the_status_of_2_2_8() {
        let ack = vectors().swap_remove(1).1;
        let attribute = ack[8..].to_vec();
        let with = |count: u8, attributes: &[&[u8]]| {
            let mut octets = ack[..8].to_vec();
            octets[7] = count;
            octets.extend(attributes.concat());
            octets
        };
        let unknown = [0x00, 0x09, 0x00, 0x04];
        assert_eq!(refused(&with(0, &[])), (4, Status::REQUIRED_ATTRIBUTE_MISSING));
        assert_eq!(refused(&with(2, &[&attribute, &attribute])), (4, Status::DUPLICATE_ATTRIBUTE));
        assert_eq!(refused(&with(2, &[&attribute, &unknown])), (9, Status::UNRECOGNIZED_ATTRIBUTE));
        assert_eq!(refused(&with(1, &[&[0, 4, 0, 5, 0]])), (4, Status::INVALID_ATTRIB_VALUE_LENGTH));
        assert_eq!(refused(&with(1, &[&[0, 1, 0, 6, 0, 1]])), (1, Status::ATTRIB_NOT_SUPPORTED_IN_MSG));
        assert_eq!(refused(&with(1, &[&[0, 4, 0, 3]])), (0, Status::INVALID_FRAME_RECEIVED));
        assert_eq!(refused(&with(1, &[&[0, 4, 0, 200]])), (0, Status::INVALID_FRAME_RECEIVED));
        assert_eq!(refused(&with(1, &[&attribute, &[0]])), (0, Status::INVALID_FRAME_RECEIVED));
        assert_eq!(refused(&with(65, &[&attribute])), (0, Status::INVALID_FRAME_RECEIVED));
        assert_eq!(refused(&[0x10, 1, 0, 8, 0, 10, 0, 0]), (0, Status::INVALID_FRAME_RECEIVED));
        assert_eq!(refused(&[0x10, 1, 0, 12, 0, 8, 0, 1, 0, 9, 0, 4]), (9, Status::ATTRIB_NOT_SUPPORTED_IN_MSG));
    }

    #[test]
    fn the_short_status_of_real_servers_is_understood() {
        let abort = [0x10, 0x01, 0x00, 0x10, 0x00, 0x05, 0x00, 0x01, 0x00, 0x02, 0x00, 0x08, 0, 0, 0, 7];
        let status = StatusInfo::new(attribute::NO_ERROR, Status::INVALID_FRAME_RECEIVED);
        assert_eq!(ControlMessage::parse(&abort), Ok(ControlMessage::CallAbort(Some(status))));
        let disconnect = [0x10, 0x01, 0x00, 0x10, 0x00, 0x06, 0x00, 0x01, 0x00, 0x00, 0x00, 0x08, 0, 0, 0, 0];
        assert_eq!(ControlMessage::parse(&disconnect), Ok(ControlMessage::CallDisconnect(None)));
    }
}
