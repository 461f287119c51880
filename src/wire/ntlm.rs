//! The three messages of NTLM (MS-NLMP 2.2.1), as far as a client that neither signs nor seals speaks them.

use super::{Malformed, need};

const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";

/// NegotiateFlags (MS-NLMP 2.2.2.5).
pub mod flag {
    /// Text is UTF-16; without it, it is in some code page (NTLMSSP_NEGOTIATE_UNICODE).
    pub const UNICODE: u32 = 0x0000_0001;
    /// The server shall say who it is (NTLMSSP_REQUEST_TARGET).
    pub const REQUEST_TARGET: u32 = 0x0000_0004;
    /// NTLM, which is what there is (NTLMSSP_NEGOTIATE_NTLM).
    pub const NTLM: u32 = 0x0000_0200;
    /// NTLMSSP_NEGOTIATE_ALWAYS_SIGN.
    pub const ALWAYS_SIGN: u32 = 0x0000_8000;
    /// NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY.
    pub const EXTENDED_SESSION_SECURITY: u32 = 0x0008_0000;
    /// The CHALLENGE_MESSAGE has a TargetInfo (NTLMSSP_NEGOTIATE_TARGET_INFO).
    pub const TARGET_INFO: u32 = 0x0080_0000;
}

/// Kinds of AV_PAIR (MS-NLMP 2.2.2.1).
mod av {
    pub(super) const EOL: u16 = 0;
    pub(super) const FLAGS: u16 = 6;
    pub(super) const TIMESTAMP: u16 = 7;
}

/// Bit of MsvAvFlags: the AUTHENTICATE_MESSAGE has a MIC (MS-NLMP 2.2.2.1).
const HAS_MIC: u32 = 0x0000_0002;

/// The NEGOTIATE_MESSAGE (MS-NLMP 2.2.1.1), with these flags and without a domain and a workstation.
pub fn negotiate(flags: u32) -> [u8; 32] {
    let mut out = [0; 32];
    out[..8].copy_from_slice(SIGNATURE);
    out[8] = 1;
    out[12..16].copy_from_slice(&flags.to_le_bytes());
    out
}

/// The CHALLENGE_MESSAGE (MS-NLMP 2.2.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// What the server has chosen of the flags.
    pub flags: u32,
    /// ServerChallenge.
    pub challenge: [u8; 8],
    /// What the server says of itself; empty: nothing.
    pub target_info: TargetInfo,
}

impl Challenge {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(message: &[u8]) -> Result<Challenge, Malformed> {
        const WHAT: &str = "NTLM CHALLENGE_MESSAGE";
        need(WHAT, 0, message.len(), 32)?;
        if &message[..8] != SIGNATURE || message[8..12] != [2, 0, 0, 0] {
            return Err(Malformed::value(WHAT, 8, message[8]));
        }
        let mut challenge = [0; 8];
        challenge.copy_from_slice(&message[24..32]);
        let flags = u32::from_le_bytes([message[20], message[21], message[22], message[23]]);
        // the field is not there at all in messages of before Windows 2000
        let target_info = if flags & flag::TARGET_INFO == 0 {
            TargetInfo::default()
        } else {
            need(WHAT, 0, message.len(), 48)?;
            let length = usize::from(u16::from_le_bytes([message[40], message[41]]));
            let offset = u32::from_le_bytes([message[44], message[45], message[46], message[47]]);
            let octets = message.get(offset as usize..).and_then(|rest| rest.get(..length));
            TargetInfo::parse(octets.ok_or(Malformed::value(WHAT, 44, offset))?)?
        };
        Ok(Challenge { flags, challenge, target_info })
    }
}

/// A TargetInfo: AV_PAIRs, without the MsvAvEOL at their end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetInfo(Vec<(u16, Vec<u8>)>);

impl TargetInfo {
    fn parse(octets: &[u8]) -> Result<TargetInfo, Malformed> {
        const WHAT: &str = "NTLM AV_PAIR";
        let (mut pairs, mut offset) = (Vec::new(), 0);
        while let Some(rest) = octets.get(offset..).filter(|rest| !rest.is_empty()) {
            need(WHAT, offset, rest.len(), 4)?;
            let kind = u16::from_le_bytes([rest[0], rest[1]]);
            let length = usize::from(u16::from_le_bytes([rest[2], rest[3]]));
            if kind == av::EOL {
                break;
            }
            need(WHAT, offset, rest.len(), 4 + length)?;
            pairs.push((kind, rest[4..4 + length].to_vec()));
            offset += 4 + length;
        }
        Ok(TargetInfo(pairs))
    }

    /// All of it, with the end; nothing where there is nothing.
    pub fn emit(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (kind, value) in &self.0 {
            // its length came in a field as wide, or is set below
            out.extend_from_slice(&kind.to_le_bytes());
            out.extend_from_slice(&(value.len() as u16).to_le_bytes());
            out.extend_from_slice(value);
        }
        if !out.is_empty() {
            out.extend_from_slice(&[0; 4]);
        }
        out
    }

    /// MsvAvTimestamp: the server's time as a FILETIME (MS-DTYP 2.3.3), where it tells it.
    pub fn timestamp(&self) -> Option<u64> {
        let value = self.0.iter().find(|(kind, _)| *kind == av::TIMESTAMP).map(|(_, value)| value.as_slice())?;
        value.try_into().ok().map(u64::from_le_bytes)
    }

    /// The same, saying that the answer has a MIC.
    pub fn with_mic(mut self) -> TargetInfo {
        let flags = match self.0.iter().position(|(kind, _)| *kind == av::FLAGS) {
            Some(at) => &mut self.0[at].1,
            None => {
                self.0.push((av::FLAGS, vec![0; 4]));
                let last = self.0.len() - 1;
                &mut self.0[last].1
            }
        };
        let before = <[u8; 4]>::try_from(flags.as_slice()).map_or(0, u32::from_le_bytes);
        *flags = (before | HAS_MIC).to_le_bytes().to_vec();
        self
    }
}

/// The AUTHENTICATE_MESSAGE (MS-NLMP 2.2.1.3).
#[derive(Clone, Copy, Debug)]
pub struct Authenticate<'a> {
    /// The flags.
    pub flags: u32,
    /// LmChallengeResponse.
    pub lm: &'a [u8],
    /// NtChallengeResponse.
    pub nt: &'a [u8],
    /// Name of the user's domain.
    pub domain: &'a str,
    /// Name of the user.
    pub user: &'a str,
}

/// Most octets of a field: whole code units.
const MAX_FIELD_LEN: usize = 0xfffe;

/// Where the MIC stands in an AUTHENTICATE_MESSAGE that has one.
pub const MIC: std::ops::Range<usize> = 72..88;

impl Authenticate<'_> {
    /// The message, with zeros in the place of the version and of the [`MIC`]. Texts that are too long for it are cut.
    pub fn emit(&self) -> Vec<u8> {
        let text = |text: &str| -> Vec<u8> {
            if self.flags & flag::UNICODE == 0 {
                // some code page: beyond ASCII, who knows
                return text.as_bytes().to_vec();
            }
            text.encode_utf16().flat_map(u16::to_le_bytes).collect()
        };
        let (domain, user) = (text(self.domain), text(self.user));
        let mut out = vec![0; MIC.end];
        out[..8].copy_from_slice(SIGNATURE);
        out[8] = 3;
        out[60..64].copy_from_slice(&self.flags.to_le_bytes());
        // in the order of the fields: LM, NT, domain, user, workstation, session key; the last two are empty
        for (at, value) in [self.lm, self.nt, &domain, &user, &[], &[]].into_iter().enumerate() {
            let value = &value[..value.len().min(MAX_FIELD_LEN)];
            let (field, length, offset) = (12 + 8 * at, value.len() as u16, out.len() as u32);
            out[field..field + 2].copy_from_slice(&length.to_le_bytes());
            out[field + 2..field + 4].copy_from_slice(&length.to_le_bytes());
            out[field + 4..field + 8].copy_from_slice(&offset.to_le_bytes());
            out.extend_from_slice(value);
        }
        out
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The CHALLENGE_MESSAGE of MS-NLMP 4.2.4.3.
    pub(crate) const CHALLENGE: &[u8] = b"NTLMSSP\0\x02\0\0\0\x0c\0\x0c\0\x38\0\0\0\x33\x82\x8a\xe2\x01\x23\x45\x67\
        \x89\xab\xcd\xef\0\0\0\0\0\0\0\0\x24\0\x24\0\x44\0\0\0\x06\0\x70\x17\0\0\0\x0fS\0e\0r\0v\0e\0r\0\
        \x02\0\x0c\0D\0o\0m\0a\0i\0n\0\x01\0\x0c\0S\0e\0r\0v\0e\0r\0\0\0\0\0";

    #[test]
    fn the_challenge_of_ms_nlmp_4_2_4_3() {
        let challenge = Challenge::parse(CHALLENGE).unwrap();
        assert_eq!(challenge.flags, 0xe28a_8233);
        assert_eq!(challenge.challenge, [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]);
        // MS-NLMP 4.2.4: NetBIOS domain name and NetBIOS computer name
        assert_eq!(challenge.target_info.emit(), &CHALLENGE[0x44..]);
        assert_eq!(challenge.target_info.timestamp(), None);
        for cut in 0..CHALLENGE.len() {
            assert!(Challenge::parse(&CHALLENGE[..cut]).is_err(), "cut at {cut}");
        }
        let old = [&CHALLENGE[..20], &[1, 2, 0, 0], &CHALLENGE[24..32]].concat();
        assert!(Challenge::parse(&old).unwrap().target_info.emit().is_empty());
        assert!(Challenge::parse(&negotiate(0)).is_err());
    }

    #[test]
    fn a_server_that_tells_the_time_gets_a_mic() {
        let pairs = TargetInfo(vec![(2, b"D\0".to_vec()), (av::TIMESTAMP, 0x0102u64.to_le_bytes().to_vec())]);
        assert_eq!(pairs.timestamp(), Some(0x0102));
        let parsed = TargetInfo::parse(&pairs.clone().with_mic().emit()).unwrap();
        assert_eq!(parsed.0[2], (av::FLAGS, vec![2, 0, 0, 0]));
        assert_eq!(parsed.clone().with_mic(), parsed);
        let others = TargetInfo(vec![(av::FLAGS, vec![1, 0, 0, 0])]).with_mic();
        assert_eq!(others.0, [(av::FLAGS, vec![3, 0, 0, 0])]);
    }

    #[test]
    fn the_answer_stands_where_its_fields_say() {
        let answer =
            Authenticate { flags: flag::UNICODE, lm: &[1; 24], nt: &[2; 30], domain: "Domain", user: "User" }.emit();
        let field = |at: usize| {
            let number = |at: usize| usize::from(u16::from_le_bytes([answer[at], answer[at + 1]]));
            assert_eq!(number(at), number(at + 2));
            &answer[number(at + 4)..][..number(at)]
        };
        assert_eq!((field(12), field(20)), (&[1; 24][..], &[2; 30][..]));
        assert_eq!((field(28), field(36)), (&b"D\0o\0m\0a\0i\0n\0"[..], &b"U\0s\0e\0r\0"[..]));
        assert_eq!((field(44), field(52)), (&[][..], &[][..]));
        assert_eq!(answer[MIC], [0; 16]);
        let oem = Authenticate { flags: 0, lm: &[], nt: &[], domain: "", user: "User" }.emit();
        assert!(oem.ends_with(b"User"));
    }
}
