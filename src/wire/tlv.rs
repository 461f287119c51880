//! The TLVs of PEAP's Extensions method ([MS-PEAP] 2.2.8).

use super::{Malformed, need, within};

/// TLV types ([MS-PEAP] 2.2.8.1).
pub mod tlv_type {
    /// Result ([MS-PEAP] 2.2.8.1.2).
    pub const RESULT: u16 = 3;
    /// NAK ([MS-PEAP] 2.2.8.1.3).
    pub const NAK: u16 = 4;
    /// Cryptobinding ([MS-PEAP] 2.2.8.1.1).
    pub const CRYPTOBINDING: u16 = 12;
}

/// Status of a Result TLV.
pub mod result_status {
    /// Success.
    pub const SUCCESS: u16 = 1;
    /// Failure.
    pub const FAILURE: u16 = 2;
}

/// A TLV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// Who does not know it must refuse (M).
    pub mandatory: bool,
    /// Its type: 14 bits.
    pub kind: u16,
    /// Its value.
    pub value: &'a [u8],
}

impl<'a> Tlv<'a> {
    const MANDATORY: u16 = 0x8000;
    const TYPE: u16 = 0x3fff;

    /// The first TLV, and what follows it; `None` at the end.
    ///
    /// # Errors
    /// A length that cannot be.
    pub fn parse(octets: &'a [u8]) -> Result<Option<(Self, &'a [u8])>, Malformed> {
        const WHAT: &str = "PEAP TLV";
        if octets.is_empty() {
            return Ok(None);
        }
        need(WHAT, 0, octets.len(), 4)?;
        let kind = u16::from_be_bytes([octets[0], octets[1]]);
        let length = usize::from(u16::from_be_bytes([octets[2], octets[3]]));
        within(WHAT, 2, length, 0, octets.len() - 4)?;
        let (value, rest) = octets[4..].split_at(length);
        Ok(Some((Tlv { mandatory: kind & Self::MANDATORY != 0, kind: kind & Self::TYPE, value }, rest)))
    }

    /// Appends the TLV.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let flag = if self.mandatory { Self::MANDATORY } else { 0 };
        out.extend_from_slice(&(self.kind & Self::TYPE | flag).to_be_bytes());
        out.extend_from_slice(&(self.value.len() as u16).to_be_bytes());
        out.extend_from_slice(self.value);
    }
}

/// The value of a Cryptobinding TLV ([MS-PEAP] 2.2.8.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cryptobinding {
    /// Version of PEAP.
    pub version: u8,
    /// Version that the other side told.
    pub received_version: u8,
    /// 0: request, 1: response.
    pub sub_type: u8,
    /// Nonce.
    pub nonce: [u8; 32],
    /// Compound MAC.
    pub compound_mac: [u8; 20],
}

impl Cryptobinding {
    /// Length of the value, in octets.
    pub const LEN: usize = 56;
    /// Where the Compound MAC begins in the whole TLV.
    pub const MAC_AT: usize = 40;
    /// SubType of a request.
    pub const REQUEST: u8 = 0;
    /// SubType of a response.
    pub const RESPONSE: u8 = 1;

    /// Reads the value.
    ///
    /// # Errors
    /// Any length other than 56 octets.
    pub fn parse(value: &[u8]) -> Result<Self, Malformed> {
        within("PEAP Cryptobinding TLV", 4, value.len(), Self::LEN, Self::LEN)?;
        let (mut nonce, mut compound_mac) = ([0; 32], [0; 20]);
        nonce.copy_from_slice(&value[4..36]);
        compound_mac.copy_from_slice(&value[36..]);
        Ok(Cryptobinding { version: value[1], received_version: value[2], sub_type: value[3], nonce, compound_mac })
    }

    /// The whole TLV.
    pub fn emit(&self) -> [u8; 60] {
        let mut tlv = [0; 60];
        tlv[1] = tlv_type::CRYPTOBINDING as u8;
        tlv[3] = Self::LEN as u8;
        tlv[5..8].copy_from_slice(&[self.version, self.received_version, self.sub_type]);
        tlv[8..40].copy_from_slice(&self.nonce);
        tlv[40..].copy_from_slice(&self.compound_mac);
        tlv
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tlvs_both_ways() {
        let octets = [0x80, 3, 0, 2, 0, 1, 0, 12, 0, 1, 9];
        let (first, rest) = Tlv::parse(&octets).unwrap().unwrap();
        assert_eq!(first, Tlv { mandatory: true, kind: tlv_type::RESULT, value: &[0, 1] });
        let (second, rest) = Tlv::parse(rest).unwrap().unwrap();
        assert_eq!(second, Tlv { mandatory: false, kind: tlv_type::CRYPTOBINDING, value: &[9] });
        assert_eq!(Tlv::parse(rest), Ok(None));
        let mut out = Vec::new();
        first.emit(&mut out);
        second.emit(&mut out);
        assert_eq!(out, octets);
        for octets in [&[0, 3, 0][..], &[0, 3, 0, 1], &[0, 3, 0xff, 0xff, 1]] {
            assert!(Tlv::parse(octets).is_err(), "{octets:?}");
        }
    }

    #[test]
    fn cryptobinding_both_ways() {
        let request = Cryptobinding {
            version: 0,
            received_version: 1,
            sub_type: Cryptobinding::REQUEST,
            nonce: [7; 32],
            compound_mac: [8; 20],
        };
        let tlv = request.emit();
        let (parsed, rest) = Tlv::parse(&tlv).unwrap().unwrap();
        assert_eq!((parsed.kind, parsed.mandatory, rest.len()), (tlv_type::CRYPTOBINDING, false, 0));
        assert_eq!(Cryptobinding::parse(parsed.value), Ok(request));
        assert_eq!(tlv[Cryptobinding::MAC_AT..], [8; 20]);
        assert!(Cryptobinding::parse(&tlv[5..]).is_err());
    }
}
