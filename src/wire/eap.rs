//! EAP packets (RFC 3748 4 and 5), and what stands inside them: EAP-MSCHAPv2's ([MS-CHAP] 2.2;
//! draft-kamath-pppext-eap-mschapv2), and the pieces of TLS that several methods carry (RFC 5216 3.1).

use zeroize::Zeroizing;

use super::ppp::ControlPacket;
use super::{Malformed, Problem, need, within};

/// Codes of EAP packets (RFC 3748 4).
pub mod eap_code {
    /// Request.
    pub const REQUEST: u8 = 1;
    /// Response.
    pub const RESPONSE: u8 = 2;
    /// Success.
    pub const SUCCESS: u8 = 3;
    /// Failure.
    pub const FAILURE: u8 = 4;
}

/// Types of Requests and Responses (RFC 3748 5).
pub mod eap_type {
    /// Identity (5.1).
    pub const IDENTITY: u8 = 1;
    /// Notification (5.2).
    pub const NOTIFICATION: u8 = 2;
    /// Legacy Nak (5.3.1), Response only.
    pub const NAK: u8 = 3;
    /// MD5-Challenge (5.4).
    pub const MD5_CHALLENGE: u8 = 4;
    /// One-Time Password (5.5).
    pub const OTP: u8 = 5;
    /// Generic Token Card (5.6).
    pub const GTC: u8 = 6;
    /// EAP-TLS (RFC 5216).
    pub const TLS: u8 = 13;
    /// EAP-TTLS (RFC 5281).
    pub const TTLS: u8 = 21;
    /// PEAP ([MS-PEAP]).
    pub const PEAP: u8 = 25;
    /// EAP-MSCHAPv2 ([MS-CHAP] 2.2).
    pub const MSCHAPV2: u8 = 26;
    /// The Extensions method of PEAP, whose data are TLVs ([MS-PEAP] 2.2.8).
    pub const EXTENSIONS: u8 = 33;
    /// Types from here on have an expanded form (5.7).
    pub const EXPANDED: u8 = 254;
}

/// An EAP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EapPacket<'a> {
    /// Request (RFC 3748 4.1).
    Request {
        /// Its type.
        kind: u8,
        /// What follows the type.
        data: &'a [u8],
    },
    /// Response (RFC 3748 4.1).
    Response {
        /// Its type.
        kind: u8,
        /// What follows the type.
        data: &'a [u8],
    },
    /// Success (RFC 3748 4.2).
    Success,
    /// Failure (RFC 3748 4.2).
    Failure,
}

impl<'a> EapPacket<'a> {
    /// Reads an EAP packet.
    ///
    /// # Errors
    /// An unknown code, or a Request or Response without a type.
    pub fn parse(packet: ControlPacket<'a>) -> Result<Self, Malformed> {
        let typed = || match packet.data {
            [kind, data @ ..] => Ok((*kind, data)),
            [] => {
                Err(Malformed { what: "EAP type", offset: 4, problem: Problem::Truncated { needed: 1, available: 0 } })
            }
        };
        match packet.code {
            eap_code::REQUEST => typed().map(|(kind, data)| EapPacket::Request { kind, data }),
            eap_code::RESPONSE => typed().map(|(kind, data)| EapPacket::Response { kind, data }),
            eap_code::SUCCESS => Ok(EapPacket::Success),
            eap_code::FAILURE => Ok(EapPacket::Failure),
            code => Err(Malformed::value("EAP code", 0, code)),
        }
    }

    /// Appends the packet.
    pub fn emit(&self, identifier: u8, out: &mut Vec<u8>) {
        // a Response may hold a password
        let typed = |kind: u8, data: &[u8]| Zeroizing::new([&[kind], data].concat());
        let (code, data) = match *self {
            EapPacket::Request { kind, data } => (eap_code::REQUEST, typed(kind, data)),
            EapPacket::Response { kind, data } => (eap_code::RESPONSE, typed(kind, data)),
            EapPacket::Success => (eap_code::SUCCESS, Zeroizing::default()),
            EapPacket::Failure => (eap_code::FAILURE, Zeroizing::default()),
        };
        ControlPacket { code, identifier, data: &data }.emit(out);
    }
}

/// Operation codes of EAP-MSCHAPv2 ([MS-CHAP] 2.2).
pub mod mschapv2_op {
    /// Challenge.
    pub const CHALLENGE: u8 = 1;
    /// Response.
    pub const RESPONSE: u8 = 2;
    /// Success, Request and Response.
    pub const SUCCESS: u8 = 3;
    /// Failure, Request and Response.
    pub const FAILURE: u8 = 4;
    /// Change-Password, Response.
    pub const CHANGE_PASSWORD: u8 = 7;
}

/// The data of an EAP-MSCHAPv2 packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EapMsChapV2<'a> {
    /// Challenge Request.
    Challenge {
        /// MS-CHAPv2-ID.
        identifier: u8,
        /// The challenge: 16 octets.
        value: &'a [u8],
        /// Name of the server.
        name: &'a [u8],
    },
    /// Response.
    Response {
        /// MS-CHAPv2-ID of the challenge.
        identifier: u8,
        /// The response: 49 octets.
        value: &'a [u8],
        /// User name.
        name: &'a [u8],
    },
    /// Success Request, with its message (RFC 2759 5).
    SuccessRequest {
        /// MS-CHAPv2-ID of the response.
        identifier: u8,
        /// `S=...`
        message: &'a [u8],
    },
    /// Success Response: the operation code alone.
    SuccessResponse,
    /// Failure Request, with its message (RFC 2759 6).
    FailureRequest {
        /// MS-CHAPv2-ID of the response.
        identifier: u8,
        /// `E=...`
        message: &'a [u8],
    },
    /// Failure Response: the operation code alone.
    FailureResponse,
    /// Change-Password Response: [`ChangePassword`](super::auth::ChangePassword).
    ChangePassword {
        /// MS-CHAPv2-ID of the Failure, and one.
        identifier: u8,
        /// The fields.
        fields: &'a [u8],
    },
}

impl<'a> EapMsChapV2<'a> {
    /// Reads the data of an EAP packet of type 26.
    ///
    /// # Errors
    /// An unknown operation code, or a length that does not fit.
    pub fn parse(data: &'a [u8]) -> Result<Self, Malformed> {
        const WHAT: &str = "EAP-MSCHAPv2";
        match data {
            [mschapv2_op::SUCCESS] => return Ok(EapMsChapV2::SuccessResponse),
            [mschapv2_op::FAILURE] => return Ok(EapMsChapV2::FailureResponse),
            _ => need(WHAT, 0, data.len(), 4)?,
        }
        // MS-Length counts from the operation code on; padding behind it does not count
        let length = usize::from(u16::from_be_bytes([data[2], data[3]]));
        within(WHAT, 0, length, 4, data.len())?;
        let (identifier, body) = (data[1], &data[4..length]);
        let valued = || {
            need("EAP-MSCHAPv2 Value", 4, body.len(), 1)?;
            let size = usize::from(body[0]);
            within("EAP-MSCHAPv2 Value", 4, size, 0, body.len() - 1)?;
            Ok::<_, Malformed>(body[1..].split_at(size))
        };
        Ok(match data[0] {
            mschapv2_op::CHALLENGE => {
                let (value, name) = valued()?;
                EapMsChapV2::Challenge { identifier, value, name }
            }
            mschapv2_op::RESPONSE => {
                let (value, name) = valued()?;
                EapMsChapV2::Response { identifier, value, name }
            }
            mschapv2_op::SUCCESS => EapMsChapV2::SuccessRequest { identifier, message: body },
            mschapv2_op::FAILURE => EapMsChapV2::FailureRequest { identifier, message: body },
            mschapv2_op::CHANGE_PASSWORD => EapMsChapV2::ChangePassword { identifier, fields: body },
            op => return Err(Malformed::value("EAP-MSCHAPv2 OpCode", 0, op)),
        })
    }

    /// The data as octets.
    pub fn emit(&self) -> Vec<u8> {
        let packet = |op: u8, identifier: u8, parts: &[&[u8]]| {
            let body = parts.concat();
            let [high, low] = ((body.len() + 4) as u16).to_be_bytes();
            [&[op, identifier, high, low], body.as_slice()].concat()
        };
        match *self {
            EapMsChapV2::Challenge { identifier, value, name } => {
                packet(mschapv2_op::CHALLENGE, identifier, &[&[value.len() as u8], value, name])
            }
            EapMsChapV2::Response { identifier, value, name } => {
                packet(mschapv2_op::RESPONSE, identifier, &[&[value.len() as u8], value, name])
            }
            EapMsChapV2::SuccessRequest { identifier, message } => packet(mschapv2_op::SUCCESS, identifier, &[message]),
            EapMsChapV2::FailureRequest { identifier, message } => packet(mschapv2_op::FAILURE, identifier, &[message]),
            EapMsChapV2::ChangePassword { identifier, fields } => {
                packet(mschapv2_op::CHANGE_PASSWORD, identifier, &[fields])
            }
            EapMsChapV2::SuccessResponse => vec![mschapv2_op::SUCCESS],
            EapMsChapV2::FailureResponse => vec![mschapv2_op::FAILURE],
        }
    }
}

/// The data of EAP-TLS, PEAP and EAP-TTLS packets (RFC 5216 3.1): flags, maybe the length of the whole message, and a
/// piece of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsPiece<'a> {
    /// Length of the whole message in octets, where this piece tells it (L).
    pub message_length: Option<usize>,
    /// More pieces follow (M).
    pub more: bool,
    /// It begins the conversation (S).
    pub start: bool,
    /// Version of PEAP and EAP-TTLS; zero in EAP-TLS.
    pub version: u8,
    /// The piece.
    pub data: &'a [u8],
}

impl<'a> TlsPiece<'a> {
    const LENGTH_INCLUDED: u8 = 0x80;
    const MORE_FRAGMENTS: u8 = 0x40;
    const START: u8 = 0x20;
    const VERSION: u8 = 0x07;

    /// Reads the data of a packet, the type left out.
    ///
    /// # Errors
    /// No flags, or no length where the flags promise one.
    pub fn parse(data: &'a [u8]) -> Result<Self, Malformed> {
        const WHAT: &str = "TLS in EAP";
        need(WHAT, 0, data.len(), 1)?;
        let (flags, mut data) = (data[0], &data[1..]);
        let mut message_length = None;
        if flags & Self::LENGTH_INCLUDED != 0 {
            need(WHAT, 1, data.len(), 4)?;
            let (length, rest) = data.split_at(4);
            message_length = Some(length.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)));
            data = rest;
        }
        let has = |flag: u8| flags & flag != 0;
        let (more, start) = (has(Self::MORE_FRAGMENTS), has(Self::START));
        Ok(TlsPiece { message_length, more, start, version: flags & Self::VERSION, data })
    }

    /// The data as octets.
    pub fn emit(&self) -> Vec<u8> {
        let TlsPiece { message_length, more, start, version, data } = *self;
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        let flags = flag(message_length.is_some(), Self::LENGTH_INCLUDED)
            | flag(more, Self::MORE_FRAGMENTS)
            | flag(start, Self::START)
            | version & Self::VERSION;
        let length = message_length.map(|length| (length as u32).to_be_bytes());
        [&[flags][..], length.as_ref().map_or(&[], |length| &length[..]), data].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_tls_both_ways() {
        let first = TlsPiece { message_length: Some(0x1234), more: true, start: false, version: 0, data: b"abc" };
        assert_eq!(first.emit(), [0xc0, 0, 0, 0x12, 0x34, b'a', b'b', b'c']);
        let start = TlsPiece { message_length: None, more: false, start: true, version: 1, data: &[] };
        assert_eq!(start.emit(), [0x21]);
        for piece in [first, start, TlsPiece { start: false, version: 0, ..start }] {
            assert_eq!(TlsPiece::parse(&piece.emit()), Ok(piece));
        }
        for data in [&[][..], &[0x80], &[0xc0, 0, 0, 1]] {
            assert!(TlsPiece::parse(data).is_err(), "{data:?}");
        }
    }

    #[test]
    fn packets_both_ways() {
        // as SoftEther asks for the identity
        let octets = [1, 7, 0, 9, 1, b'W', b'h', b'o', b'?'];
        let packet = ControlPacket::parse(&octets).unwrap();
        let request = EapPacket::Request { kind: eap_type::IDENTITY, data: b"Who?" };
        assert_eq!(EapPacket::parse(packet), Ok(request));
        let mut out = Vec::new();
        request.emit(7, &mut out);
        assert_eq!(out, octets);
        assert!(EapPacket::parse(ControlPacket { data: &[], ..packet }).is_err());
        assert!(EapPacket::parse(ControlPacket { code: 5, ..packet }).is_err());
        assert_eq!(EapPacket::parse(ControlPacket { code: 3, ..packet }), Ok(EapPacket::Success));
    }

    #[test]
    fn mschapv2_both_ways() {
        let challenge = [&[1, 9, 0, 24, 16][..], &[0x5b; 16], b"srv"].concat();
        let parsed = EapMsChapV2::parse(&challenge).unwrap();
        assert_eq!(parsed, EapMsChapV2::Challenge { identifier: 9, value: &[0x5b; 16], name: b"srv" });
        assert_eq!(parsed.emit(), challenge);
        let padded = [&challenge[..], &[0; 5]].concat();
        assert_eq!(EapMsChapV2::parse(&padded), Ok(parsed));
        for cut in 0..challenge.len() {
            assert!(EapMsChapV2::parse(&challenge[..cut]).is_err(), "cut at {cut}");
        }
        for data in [&[1, 9, 0, 5, 1][..], &[1, 9, 0, 3], &[9, 9, 0, 4], &[2]] {
            assert!(EapMsChapV2::parse(data).is_err(), "{data:?}");
        }
        assert_eq!(EapMsChapV2::SuccessResponse.emit(), [3]);
        assert_eq!(EapMsChapV2::parse(&[3]), Ok(EapMsChapV2::SuccessResponse));
        let success = EapMsChapV2::SuccessRequest { identifier: 9, message: b"S=" };
        assert_eq!(success.emit(), [3, 9, 0, 6, b'S', b'=']);
        assert_eq!(EapMsChapV2::parse(&success.emit()), Ok(success));
    }
}
