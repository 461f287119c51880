//! PPP frames, control packets and configuration options (RFC 1661 2, 5 and 6).

use super::{Malformed, Problem, need, within};

/// Address and control field of an uncompressed header (RFC 1662 3.1).
pub const ADDRESS_CONTROL: [u8; 2] = [0xff, 0x03];
/// Length of a control packet's header (RFC 1661 5), in octets.
pub const CONTROL_HEADER_LEN: usize = 4;
/// The MRU of a link where none was negotiated (RFC 1661 6.1), in octets.
pub const DEFAULT_MRU: u16 = 1500;

/// Value of the protocol field (RFC 1661 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Protocol(pub u16);

impl Protocol {
    /// IPv4 datagrams (RFC 1332 2).
    pub const IPV4: Protocol = Protocol(0x0021);
    /// IPv6 datagrams (RFC 5072 2).
    pub const IPV6: Protocol = Protocol(0x0057);
    /// IPCP (RFC 1332 2).
    pub const IPCP: Protocol = Protocol(0x8021);
    /// IPV6CP (RFC 5072 3).
    pub const IPV6CP: Protocol = Protocol(0x8057);
    /// CCP (RFC 1962 2).
    pub const CCP: Protocol = Protocol(0x80fd);
    /// LCP (RFC 1661 5).
    pub const LCP: Protocol = Protocol(0xc021);
    /// PAP (RFC 1334 2).
    pub const PAP: Protocol = Protocol(0xc023);
    /// CHAP (RFC 1994 4).
    pub const CHAP: Protocol = Protocol(0xc223);
    /// EAP (RFC 3748 3.1).
    pub const EAP: Protocol = Protocol(0xc227);

    /// Whether frames of this protocol carry datagrams; every other protocol is control (RFC 1661 2).
    #[inline]
    pub fn is_data(self) -> bool {
        self.0 < 0x8000
    }

    /// Whether frames of this protocol may hold what proves who somebody is: PAP, CHAP, EAP and all others that RFC 1661 2 sets
    /// aside for the control of the link, but LCP.
    pub fn is_authentication(self) -> bool {
        self.0 >= 0xc000 && self != Protocol::LCP
    }

    /// The protocol's usual name; empty where it has none here.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::IPV4 => "IPv4",
            Protocol::IPV6 => "IPv6",
            Protocol::IPCP => "IPCP",
            Protocol::IPV6CP => "IPV6CP",
            Protocol::CCP => "CCP",
            Protocol::LCP => "LCP",
            Protocol::PAP => "PAP",
            Protocol::CHAP => "CHAP",
            Protocol::EAP => "EAP",
            _ => "",
        }
    }
}

/// Reads the header of a frame, whether address and control field (RFC 1661 6.6) or protocol field (6.5) are compressed
/// or not; returns the protocol and the offset of the information field.
///
/// # Errors
/// A frame that ends in its header, or a protocol field that breaks the extension rule of RFC 1661 2.
#[inline]
pub fn parse_frame(frame: &[u8]) -> Result<(Protocol, usize), Malformed> {
    let at = if frame.starts_with(&ADDRESS_CONTROL) { 2 } else { 0 };
    match frame[at..] {
        [low, ..] if low & 1 == 1 => Ok((Protocol(u16::from(low)), at + 1)),
        [high, low, ..] if low & 1 == 1 => Ok((Protocol(u16::from_be_bytes([high, low])), at + 2)),
        [high, low, ..] => Err(Malformed::value("PPP protocol field", at, u16::from_be_bytes([high, low]))),
        ref rest => {
            let problem = Problem::Truncated { needed: 2, available: rest.len() };
            Err(Malformed { what: "PPP protocol field", offset: at, problem })
        }
    }
}

/// Codes of control packets (RFC 1661 5; Identification and Time-Remaining: RFC 1570 2).
pub mod code {
    /// Configure-Request.
    pub const CONFIGURE_REQUEST: u8 = 1;
    /// Configure-Ack.
    pub const CONFIGURE_ACK: u8 = 2;
    /// Configure-Nak.
    pub const CONFIGURE_NAK: u8 = 3;
    /// Configure-Reject.
    pub const CONFIGURE_REJECT: u8 = 4;
    /// Terminate-Request.
    pub const TERMINATE_REQUEST: u8 = 5;
    /// Terminate-Ack.
    pub const TERMINATE_ACK: u8 = 6;
    /// Code-Reject.
    pub const CODE_REJECT: u8 = 7;
    /// Protocol-Reject (LCP only).
    pub const PROTOCOL_REJECT: u8 = 8;
    /// Echo-Request (LCP only).
    pub const ECHO_REQUEST: u8 = 9;
    /// Echo-Reply (LCP only).
    pub const ECHO_REPLY: u8 = 10;
    /// Discard-Request (LCP only).
    pub const DISCARD_REQUEST: u8 = 11;
    /// Identification (LCP only, RFC 1570 2.1).
    pub const IDENTIFICATION: u8 = 12;
    /// Time-Remaining (LCP only, RFC 1570 2.2).
    pub const TIME_REMAINING: u8 = 13;
}

/// A packet of LCP, an NCP or an authentication protocol: code, identifier, data (RFC 1661 5, RFC 1994 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlPacket<'a> {
    /// What kind of packet it is.
    pub code: u8,
    /// Matches requests and replies.
    pub identifier: u8,
    /// What follows the header, padding cut off.
    pub data: &'a [u8],
}

impl<'a> ControlPacket<'a> {
    /// Reads the information field of a control frame.
    ///
    /// # Errors
    /// A length field that is shorter than the header or longer than the frame.
    pub fn parse(information: &'a [u8]) -> Result<Self, Malformed> {
        need("PPP control packet", 0, information.len(), CONTROL_HEADER_LEN)?;
        let length = usize::from(u16::from_be_bytes([information[2], information[3]]));
        within("PPP control packet", 0, length, CONTROL_HEADER_LEN, information.len())?;
        let data = &information[CONTROL_HEADER_LEN..length];
        Ok(ControlPacket { code: information[0], identifier: information[1], data })
    }

    /// Appends the packet. Data beyond what the 16-bit length can tell is cut off.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let data = &self.data[..self.data.len().min(usize::from(u16::MAX) - CONTROL_HEADER_LEN)];
        let [high, low] = ((data.len() + CONTROL_HEADER_LEN) as u16).to_be_bytes();
        out.extend_from_slice(&[self.code, self.identifier, high, low]);
        out.extend_from_slice(data);
    }
}

/// One configuration option (RFC 1661 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigurationOption<'a> {
    /// Type of the option.
    pub kind: u8,
    /// What follows type and length.
    pub data: &'a [u8],
}

impl ConfigurationOption<'_> {
    /// Appends the option. Data beyond what the 8-bit length can tell is cut off.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let data = &self.data[..self.data.len().min(253)];
        out.extend_from_slice(&[self.kind, data.len() as u8 + 2]);
        out.extend_from_slice(data);
    }

    /// The data as a fixed number of octets; `None` where it has another length.
    pub fn octets<const N: usize>(&self) -> Option<[u8; N]> {
        self.data.try_into().ok()
    }
}

/// Walks the options of a Configure packet; ends after the first one that is malformed.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Options<'a> {
    /// Options of a Configure packet's data.
    pub fn new(data: &'a [u8]) -> Self {
        Options { data, at: 0 }
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = Result<ConfigurationOption<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let (at, rest) = (self.at, &self.data[self.at..]);
        if rest.is_empty() {
            return None;
        }
        self.at = self.data.len();
        if let Err(error) = need("PPP option", at, rest.len(), 2) {
            return Some(Err(error));
        }
        let length = usize::from(rest[1]);
        if let Err(error) = within("PPP option", at, length, 2, rest.len()) {
            return Some(Err(error));
        }
        self.at = at + length;
        Some(Ok(ConfigurationOption { kind: rest[0], data: &rest[2..length] }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_in_all_four_forms() {
        assert_eq!(parse_frame(&[0xff, 0x03, 0xc0, 0x21, 0x01]), Ok((Protocol::LCP, 4)));
        assert_eq!(parse_frame(&[0xc0, 0x21, 0x01]), Ok((Protocol::LCP, 2)));
        assert_eq!(parse_frame(&[0xff, 0x03, 0x00, 0x21, 0x45]), Ok((Protocol::IPV4, 4)));
        assert_eq!(parse_frame(&[0xff, 0x03, 0x21, 0x45]), Ok((Protocol::IPV4, 3)));
        assert_eq!(parse_frame(&[0x00, 0x57, 0x60]), Ok((Protocol::IPV6, 2)));
        assert_eq!(parse_frame(&[0x57, 0x60]), Ok((Protocol::IPV6, 1)));
        assert_eq!(parse_frame(&[0x21]), Ok((Protocol::IPV4, 1)));
    }

    #[test]
    fn headers_that_cannot_be() {
        for frame in [&[][..], &[0xff, 0x03], &[0xc0], &[0xff, 0x03, 0xc0], &[0xc0, 0x20], &[0xff, 0x03, 0x00, 0x20]] {
            assert!(parse_frame(frame).is_err(), "{frame:02x?}");
        }
    }

    #[test]
    fn control_packets() {
        // a Configure-Request as Debian's pppd sends it, six octets of padding behind
        let octets = [0x01, 0x01, 0x00, 0x0e, 0x01, 0x04, 0x05, 0x78, 0x05, 0x06, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0];
        let packet = ControlPacket::parse(&octets).unwrap();
        assert_eq!((packet.code, packet.identifier), (code::CONFIGURE_REQUEST, 1));
        let options: Vec<_> = Options::new(packet.data).map(Result::unwrap).collect();
        assert_eq!(options[0], ConfigurationOption { kind: 1, data: &[0x05, 0x78] });
        assert_eq!(options[1].octets(), Some([0xde, 0xad, 0xbe, 0xef]));
        assert_eq!(options.len(), 2);
        let mut out = Vec::new();
        packet.emit(&mut out);
        assert_eq!(out, octets[..14]);
        let mut data = Vec::new();
        options.iter().for_each(|option| option.emit(&mut data));
        assert_eq!(data, packet.data);
        for cut in 0..14 {
            assert!(ControlPacket::parse(&octets[..cut]).is_err(), "cut at {cut}");
        }
        assert!(ControlPacket::parse(&[1, 1, 0, 3]).is_err());
    }

    #[test]
    fn options_that_cannot_be() {
        let problem = |data| Options::new(data).find_map(Result::err).map(|error| (error.offset, error.problem));
        assert_eq!(problem(&[1]), Some((0, Problem::Truncated { needed: 2, available: 1 })));
        assert_eq!(problem(&[7, 2, 1, 1]), Some((2, Problem::Length { found: 1, min: 2, max: 2 })));
        assert_eq!(problem(&[7, 2, 1, 4, 0]), Some((2, Problem::Length { found: 4, min: 2, max: 3 })));
        assert_eq!(Options::new(&[1, 0, 0, 0]).count(), 1, "the walk ends at the first malformed option");
    }
}
