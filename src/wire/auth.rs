//! Packets of PAP (RFC 1334 2), CHAP (RFC 1994 4) and MS-CHAPv2 (RFC 2759).

use zeroize::Zeroizing;

use super::ppp::ControlPacket;
use super::{Malformed, need, printable, within};

/// Codes of PAP packets (RFC 1334 2.2).
pub mod pap_code {
    /// Authenticate-Request.
    pub const AUTHENTICATE_REQUEST: u8 = 1;
    /// Authenticate-Ack.
    pub const AUTHENTICATE_ACK: u8 = 2;
    /// Authenticate-Nak.
    pub const AUTHENTICATE_NAK: u8 = 3;
}

/// Codes of CHAP packets (RFC 1994 4).
pub mod chap_code {
    /// Challenge.
    pub const CHALLENGE: u8 = 1;
    /// Response.
    pub const RESPONSE: u8 = 2;
    /// Success.
    pub const SUCCESS: u8 = 3;
    /// Failure.
    pub const FAILURE: u8 = 4;
    /// Change-Password (RFC 2759 7).
    pub const CHANGE_PASSWORD: u8 = 7;
}

/// A PAP packet (RFC 1334 2.2).
#[derive(Clone, PartialEq, Eq)]
pub enum PapPacket<'a> {
    /// Authenticate-Request (2.2.1).
    Request {
        /// Peer-ID: the user name.
        peer_id: &'a [u8],
        /// Password.
        password: &'a [u8],
    },
    /// Authenticate-Ack (2.2.2), with its message.
    Ack(&'a [u8]),
    /// Authenticate-Nak (2.2.2), with its message.
    Nak(&'a [u8]),
}

impl<'a> PapPacket<'a> {
    /// Reads a PAP packet. The message of Ack and Nak may be missing, as some servers leave it out.
    ///
    /// # Errors
    /// An unknown code, or fields that are longer than the packet.
    pub fn parse(packet: ControlPacket<'a>) -> Result<Self, Malformed> {
        match packet.code {
            pap_code::AUTHENTICATE_REQUEST => {
                let (peer_id, rest) = counted("PAP Peer-ID", 0, packet.data)?;
                let (password, _) = counted("PAP Password", peer_id.len() + 1, rest)?;
                Ok(PapPacket::Request { peer_id, password })
            }
            pap_code::AUTHENTICATE_ACK if packet.data.is_empty() => Ok(PapPacket::Ack(&[])),
            pap_code::AUTHENTICATE_NAK if packet.data.is_empty() => Ok(PapPacket::Nak(&[])),
            pap_code::AUTHENTICATE_ACK => Ok(PapPacket::Ack(counted("PAP Message", 0, packet.data)?.0)),
            pap_code::AUTHENTICATE_NAK => Ok(PapPacket::Nak(counted("PAP Message", 0, packet.data)?.0)),
            code => Err(Malformed::value("PAP code", 0, code)),
        }
    }

    /// Appends the packet. Fields beyond 255 octets are cut off.
    pub fn emit(&self, identifier: u8, out: &mut Vec<u8>) {
        let cut = |field: &'a [u8]| &field[..field.len().min(255)];
        let (code, fields) = match *self {
            PapPacket::Request { peer_id, password } => (pap_code::AUTHENTICATE_REQUEST, [peer_id, password]),
            PapPacket::Ack(message) => (pap_code::AUTHENTICATE_ACK, [message, &[]]),
            PapPacket::Nak(message) => (pap_code::AUTHENTICATE_NAK, [message, &[]]),
        };
        let count = if code == pap_code::AUTHENTICATE_REQUEST { 2 } else { 1 };
        let mut data = Zeroizing::new(Vec::with_capacity(512));
        for field in &fields[..count] {
            data.push(cut(field).len() as u8);
            data.extend_from_slice(cut(field));
        }
        ControlPacket { code, identifier, data: &data }.emit(out);
    }
}

/// A field with its length in the octet before it.
fn counted<'a>(what: &'static str, at: usize, data: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), Malformed> {
    need(what, at, data.len(), 1)?;
    let length = usize::from(data[0]);
    within(what, at, length, 0, data.len() - 1)?;
    Ok(data[1..].split_at(length))
}

/// A CHAP packet (RFC 1994 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChapPacket<'a> {
    /// Challenge (4.1).
    Challenge {
        /// The challenge: 16 octets for MS-CHAPv2.
        value: &'a [u8],
        /// Name of the server.
        name: &'a [u8],
    },
    /// Response (4.1).
    Response {
        /// The response: 16 octets for MD5, 49 for MS-CHAPv2.
        value: &'a [u8],
        /// User name.
        name: &'a [u8],
    },
    /// Success (4.2), with its message.
    Success(&'a [u8]),
    /// Failure (4.2), with its message.
    Failure(&'a [u8]),
    /// Change-Password (RFC 2759 7): a [`ChangePassword`].
    ChangePassword(&'a [u8]),
}

impl<'a> ChapPacket<'a> {
    /// Reads a CHAP packet.
    ///
    /// # Errors
    /// An unknown code, or a value that is longer than the packet.
    pub fn parse(packet: ControlPacket<'a>) -> Result<Self, Malformed> {
        match packet.code {
            chap_code::CHALLENGE => {
                counted("CHAP Value", 0, packet.data).map(|(value, name)| ChapPacket::Challenge { value, name })
            }
            chap_code::RESPONSE => {
                counted("CHAP Value", 0, packet.data).map(|(value, name)| ChapPacket::Response { value, name })
            }
            chap_code::SUCCESS => Ok(ChapPacket::Success(packet.data)),
            chap_code::FAILURE => Ok(ChapPacket::Failure(packet.data)),
            chap_code::CHANGE_PASSWORD => Ok(ChapPacket::ChangePassword(packet.data)),
            code => Err(Malformed::value("CHAP code", 0, code)),
        }
    }

    /// Appends the packet. A value beyond 255 octets is cut off.
    pub fn emit(&self, identifier: u8, out: &mut Vec<u8>) {
        let valued = |value: &[u8], name: &[u8]| {
            let value = &value[..value.len().min(255)];
            [&[value.len() as u8], value, name].concat()
        };
        let (code, data) = match *self {
            ChapPacket::Challenge { value, name } => (chap_code::CHALLENGE, valued(value, name)),
            ChapPacket::Response { value, name } => (chap_code::RESPONSE, valued(value, name)),
            ChapPacket::Success(message) => (chap_code::SUCCESS, message.to_vec()),
            ChapPacket::Failure(message) => (chap_code::FAILURE, message.to_vec()),
            ChapPacket::ChangePassword(data) => (chap_code::CHANGE_PASSWORD, data.to_vec()),
        };
        ControlPacket { code, identifier, data: &data }.emit(out);
    }
}

/// The value of an MS-CHAPv2 Response (RFC 2759 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MsChapV2Response {
    /// Peer-Challenge.
    pub peer_challenge: [u8; 16],
    /// NT-Response.
    pub nt_response: [u8; 24],
}

impl MsChapV2Response {
    /// Length of the value, in octets.
    pub const LEN: usize = 49;

    /// Reads the value; reserved octets and flags are ignored.
    ///
    /// # Errors
    /// Any length other than 49 octets.
    pub fn parse(value: &[u8]) -> Result<Self, Malformed> {
        within("MS-CHAPv2 Response", 0, value.len(), Self::LEN, Self::LEN)?;
        let mut response = MsChapV2Response { peer_challenge: [0; 16], nt_response: [0; 24] };
        response.peer_challenge.copy_from_slice(&value[..16]);
        response.nt_response.copy_from_slice(&value[24..48]);
        Ok(response)
    }

    /// The value as octets.
    pub fn emit(&self) -> [u8; Self::LEN] {
        let mut value = [0; Self::LEN];
        value[..16].copy_from_slice(&self.peer_challenge);
        value[24..48].copy_from_slice(&self.nt_response);
        value
    }
}

/// The fields of a Change-Password packet (RFC 2759 7), which stand in EAP-MSCHAPv2 in the same order.
pub struct ChangePassword {
    /// Encrypted-Password (RFC 2759 8.9).
    pub encrypted_password: Box<[u8; 516]>,
    /// Encrypted-Hash (RFC 2759 8.12).
    pub encrypted_hash: [u8; 16],
    /// Peer-Challenge and NT-Response, those of the new password.
    pub response: MsChapV2Response,
}

impl ChangePassword {
    /// Length of the fields, in octets.
    pub const LEN: usize = 582;

    /// Reads the fields; reserved octets and flags are ignored.
    ///
    /// # Errors
    /// Any length other than 582 octets.
    pub fn parse(data: &[u8]) -> Result<Self, Malformed> {
        within("MS-CHAPv2 Change-Password", 0, data.len(), Self::LEN, Self::LEN)?;
        let mut encrypted_password = Box::new([0; 516]);
        encrypted_password.copy_from_slice(&data[..516]);
        let mut encrypted_hash = [0; 16];
        encrypted_hash.copy_from_slice(&data[516..532]);
        // peer challenge, reserved octets and NT-Response as in a Response, whose flags are one octet and here two
        let response = MsChapV2Response::parse(&data[532..581])?;
        Ok(ChangePassword { encrypted_password, encrypted_hash, response })
    }

    /// The fields as octets.
    pub fn emit(&self) -> Vec<u8> {
        let ChangePassword { encrypted_password, encrypted_hash, response } = self;
        [&encrypted_password[..], encrypted_hash, &response.emit(), &[0]].concat()
    }
}

/// The message of an MS-CHAPv2 Success (RFC 2759 5): `S=<40 hexadecimal digits>`, and maybe ` M=<text>`.
///
/// Returns the authenticator response.
///
/// # Errors
/// A message that does not begin with `S=` and 40 digits.
pub fn parse_mschapv2_success(message: &[u8]) -> Result<[u8; 20], Malformed> {
    const WHAT: &str = "MS-CHAPv2 Success";
    need(WHAT, 0, message.len(), 42)?;
    let digits = message.strip_prefix(b"S=").ok_or(Malformed::value(WHAT, 0, message[0]))?;
    hex(&digits[..40]).ok_or(Malformed::value(WHAT, 2, digits[0]))
}

/// The message of an MS-CHAPv2 Failure (RFC 2759 6): `E=e R=r C=c V=v M=m`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MsChapV2Failure {
    /// E: the error code.
    pub code: Option<u32>,
    /// R: a retry is allowed.
    pub retry: bool,
    /// C: the challenge for the retry.
    pub challenge: Option<[u8; 16]>,
    /// V: the password change protocol version; 3 is RFC 2759's.
    pub version: Option<u32>,
    /// M: the text, printable characters only.
    pub message: String,
}

impl MsChapV2Failure {
    /// Reads the message. Servers leave fields out and put others in between, so that every field is optional.
    pub fn parse(message: &[u8]) -> Self {
        let mut failure = MsChapV2Failure::default();
        let mut rest = message;
        while !rest.is_empty() {
            if let Some(text) = rest.strip_prefix(b"M=") {
                failure.message = printable(text);
                break;
            }
            let end = rest.iter().position(|octet| *octet == b' ').unwrap_or(rest.len());
            let (field, tail) = rest.split_at(end);
            rest = tail.strip_prefix(b" ").unwrap_or(tail);
            match field {
                [b'E', b'=', value @ ..] => failure.code = decimal(value),
                [b'R', b'=', value @ ..] => failure.retry = decimal(value) == Some(1),
                [b'C', b'=', value @ ..] => failure.challenge = hex(value),
                [b'V', b'=', value @ ..] => failure.version = decimal(value),
                _ => {}
            }
        }
        failure
    }
}

fn decimal(digits: &[u8]) -> Option<u32> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let mut octets = [0; N];
    if digits.len() != 2 * N {
        return None;
    }
    for (octet, pair) in octets.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |octet: u8| char::from(octet).to_digit(16).map(|digit| digit as u8);
        *octet = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pap_both_ways() {
        let octets = [1, 7, 0, 14, 4, b'u', b's', b'e', b'r', 4, b'p', b'a', b's', b's'];
        let packet = ControlPacket::parse(&octets).unwrap();
        let Ok(PapPacket::Request { peer_id, password }) = PapPacket::parse(packet) else { panic!() };
        assert_eq!((peer_id, password), (&b"user"[..], &b"pass"[..]));
        let mut out = Vec::new();
        PapPacket::Request { peer_id, password }.emit(7, &mut out);
        assert_eq!(out, octets);
        for cut in 0..packet.data.len() {
            let cut = ControlPacket { data: &packet.data[..cut], ..packet };
            assert!(PapPacket::parse(cut).is_err());
        }
        let nak = ControlPacket { code: 3, identifier: 7, data: &[2, b'n', b'o'] };
        assert!(matches!(PapPacket::parse(nak), Ok(PapPacket::Nak(b"no"))));
        assert!(matches!(PapPacket::parse(ControlPacket { data: &[], ..nak }), Ok(PapPacket::Nak(b""))));
        assert!(PapPacket::parse(ControlPacket { data: &[3, b'n', b'o'], ..nak }).is_err());
        assert!(PapPacket::parse(ControlPacket { code: 4, ..nak }).is_err());
        let mut out = Vec::new();
        PapPacket::Ack(b"").emit(7, &mut out);
        assert_eq!(out, [2, 7, 0, 5, 0]);
    }

    #[test]
    fn chap_both_ways() {
        let octets = [1, 0, 0, 11, 3, 0xa, 0xb, 0xc, b's', b'r', b'v'];
        let packet = ControlPacket::parse(&octets).unwrap();
        let challenge = ChapPacket::Challenge { value: &[0xa, 0xb, 0xc], name: b"srv" };
        assert_eq!(ChapPacket::parse(packet), Ok(challenge));
        let mut out = Vec::new();
        challenge.emit(0, &mut out);
        assert_eq!(out, octets);
        assert!(ChapPacket::parse(ControlPacket { data: &[], ..packet }).is_err());
        assert!(ChapPacket::parse(ControlPacket { data: &[4, 1, 2, 3], ..packet }).is_err());
        assert!(ChapPacket::parse(ControlPacket { code: 9, ..packet }).is_err());
    }

    #[test]
    fn mschapv2_response_both_ways() {
        let response = MsChapV2Response { peer_challenge: [0x21; 16], nt_response: [0x82; 24] };
        let value = response.emit();
        assert_eq!(value[16..24], [0; 8]);
        assert_eq!(value[48], 0);
        assert_eq!(MsChapV2Response::parse(&value), Ok(response));
        assert!(MsChapV2Response::parse(&value[..48]).is_err());
        assert!(MsChapV2Response::parse(&[0; 50]).is_err());
    }

    #[test]
    fn change_password_both_ways() {
        let octets: Vec<u8> =
            (0..ChangePassword::LEN).map(|i| if i < 548 || (556..580).contains(&i) { i as u8 } else { 0 }).collect();
        let packet = ControlPacket { code: 7, identifier: 3, data: &octets };
        let Ok(ChapPacket::ChangePassword(data)) = ChapPacket::parse(packet) else { panic!() };
        let change = ChangePassword::parse(data).unwrap();
        assert_eq!((change.encrypted_password[515], change.encrypted_hash[0]), (515u16 as u8, 516u16 as u8));
        assert_eq!((change.response.peer_challenge[0], change.response.nt_response[0]), (532u16 as u8, 556u16 as u8));
        assert_eq!(change.emit(), octets);
        let mut out = Vec::new();
        ChapPacket::ChangePassword(&octets).emit(3, &mut out);
        assert_eq!(out[..4], [7, 3, 0x02, 0x4a]);
        assert!(ChangePassword::parse(&octets[1..]).is_err());
    }

    #[test]
    fn success_with_and_without_text() {
        // the authenticator response of RFC 2759 9.2
        let message = b"S=407A5589115FD0D6209F510FE9C04566932CDA56";
        let octets = parse_mschapv2_success(message).unwrap();
        assert_eq!(octets[..4], [0x40, 0x7a, 0x55, 0x89]);
        let with_text = [&message[..], b" M=Authentication succeeded"].concat();
        assert_eq!(parse_mschapv2_success(&with_text), Ok(octets));
        assert!(parse_mschapv2_success(&message[..41]).is_err());
        assert!(parse_mschapv2_success(b"S=407A5589115FD0D6209F510FE9C04566932CDAxx").is_err());
        assert!(parse_mschapv2_success(b"").is_err());
    }

    #[test]
    fn failures_as_servers_send_them() {
        let pppd = MsChapV2Failure::parse(b"E=691 R=1 C=000102030405060708090A0B0C0D0E0F V=0 M=Access denied");
        assert_eq!(pppd.code, Some(691));
        assert!(pppd.retry);
        assert_eq!(pppd.challenge, Some(std::array::from_fn(|i| i as u8)));
        assert_eq!((pppd.version, pppd.message.as_str()), (Some(0), "Access denied"));
        let softether = MsChapV2Failure::parse(b"E=691 R=0 C=00000000000000000000000000000000 V=3");
        assert_eq!((softether.code, softether.retry, softether.version), (Some(691), false, Some(3)));
        assert_eq!(MsChapV2Failure::parse(b""), MsChapV2Failure::default());
        assert_eq!(MsChapV2Failure::parse(b"E=99999999999 C=zz").code, None);
        assert_eq!(MsChapV2Failure::parse(b"M=a E=1").message, "a E=1");
    }
}
