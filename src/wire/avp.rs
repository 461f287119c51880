//! The attribute-value pairs inside EAP-TTLS (RFC 5281 10), which are those of Diameter.

use std::fmt;

use super::{Malformed, need, within};

/// AVP codes: those of RADIUS (RFC 2865 5, RFC 3579 3.1), and Microsoft's behind its vendor ID (RFC 2548 2).
pub mod avp_code {
    /// User-Name.
    pub const USER_NAME: u32 = 1;
    /// User-Password.
    pub const USER_PASSWORD: u32 = 2;
    /// EAP-Message.
    pub const EAP_MESSAGE: u32 = 79;
    /// MS-CHAP-Error (Microsoft).
    pub const MS_CHAP_ERROR: u32 = 2;
    /// MS-CHAP-Challenge (Microsoft).
    pub const MS_CHAP_CHALLENGE: u32 = 11;
    /// MS-CHAP2-Response (Microsoft).
    pub const MS_CHAP2_RESPONSE: u32 = 25;
    /// MS-CHAP2-Success (Microsoft).
    pub const MS_CHAP2_SUCCESS: u32 = 26;
}

/// Microsoft's vendor ID (RFC 2548).
pub const MICROSOFT: u32 = 311;

/// An attribute-value pair.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Avp<'a> {
    /// Whose code it is; 0: RADIUS's and Diameter's own.
    pub vendor: u32,
    /// Its code.
    pub code: u32,
    /// Who does not know it must refuse (M).
    pub mandatory: bool,
    /// Its value.
    pub data: &'a [u8],
}

/// Does not show the value, which may be a password.
impl fmt::Debug for Avp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Avp { vendor, code, .. } = self;
        f.debug_struct("Avp").field("vendor", vendor).field("code", code).finish_non_exhaustive()
    }
}

impl<'a> Avp<'a> {
    const HEADER_LEN: usize = 8;
    const VENDOR: u8 = 0x80;
    const MANDATORY: u8 = 0x40;

    /// A pair of RADIUS's own that must be understood.
    pub fn new(code: u32, data: &'a [u8]) -> Self {
        Avp { vendor: 0, code, mandatory: true, data }
    }

    /// A pair of Microsoft's that must be understood.
    pub fn microsoft(code: u32, data: &'a [u8]) -> Self {
        Avp { vendor: MICROSOFT, code, mandatory: true, data }
    }

    /// The first pair, and what follows it; `None` at the end.
    ///
    /// # Errors
    /// A length that cannot be. Padding may be missing behind the last pair.
    pub fn parse(octets: &'a [u8]) -> Result<Option<(Self, &'a [u8])>, Malformed> {
        const WHAT: &str = "AVP";
        if octets.is_empty() {
            return Ok(None);
        }
        need(WHAT, 0, octets.len(), Self::HEADER_LEN)?;
        let word = |at: usize| u32::from_be_bytes([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]]);
        let (code, flags, length) = (word(0), octets[4], (word(4) & 0x00ff_ffff) as usize);
        let head = if flags & Self::VENDOR != 0 { Self::HEADER_LEN + 4 } else { Self::HEADER_LEN };
        within(WHAT, 4, length, head, octets.len())?;
        let vendor = if flags & Self::VENDOR != 0 { word(8) } else { 0 };
        let avp = Avp { vendor, code, mandatory: flags & Self::MANDATORY != 0, data: &octets[head..length] };
        Ok(Some((avp, &octets[length.next_multiple_of(4).min(octets.len())..])))
    }

    /// Appends the pair and its padding.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let Avp { vendor, code, mandatory, data } = *self;
        let head = if vendor == 0 { Self::HEADER_LEN } else { Self::HEADER_LEN + 4 };
        let length = head + data.len();
        out.extend_from_slice(&code.to_be_bytes());
        out.extend_from_slice(&(length as u32).to_be_bytes());
        let flags = out.len() - 4;
        out[flags] = (if vendor == 0 { 0 } else { Self::VENDOR }) | (if mandatory { Self::MANDATORY } else { 0 });
        if vendor != 0 {
            out.extend_from_slice(&vendor.to_be_bytes());
        }
        out.extend_from_slice(data);
        out.resize(out.len() + (length.next_multiple_of(4) - length), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_both_ways() {
        let mut octets = Vec::new();
        Avp::new(avp_code::USER_NAME, b"alice").emit(&mut octets);
        assert_eq!(octets, [&[0, 0, 0, 1, 0x40, 0, 0, 13][..], b"alice\0\0\0"].concat());
        let challenge = Avp::microsoft(avp_code::MS_CHAP_CHALLENGE, &[7; 16]);
        challenge.emit(&mut octets);
        assert_eq!(octets[16..28], [0, 0, 0, 11, 0xc0, 0, 0, 28, 0, 0, 1, 0x37]);
        let (first, rest) = Avp::parse(&octets).unwrap().unwrap();
        assert_eq!(first, Avp::new(avp_code::USER_NAME, b"alice"));
        assert_eq!(Avp::parse(rest), Ok(Some((challenge, &[][..]))));
        assert_eq!(Avp::parse(&[]), Ok(None));
        // the last one without its padding
        assert_eq!(Avp::parse(&octets[..13]), Ok(Some((first, &[][..]))));
    }

    #[test]
    fn lengths_that_cannot_be() {
        for octets in [
            &[0, 0, 0, 1, 0x40, 0, 0][..],
            &[0, 0, 0, 1, 0x40, 0, 0, 7],
            &[0, 0, 0, 1, 0x40, 0, 0, 9],
            &[0, 0, 0, 1, 0xc0, 0, 0, 8, 0, 0, 0, 1],
            &[0, 0, 0, 1, 0xc0, 0xff, 0xff, 0xff, 0, 0, 0, 1],
        ] {
            assert!(Avp::parse(octets).is_err(), "{octets:?}");
        }
    }
}
