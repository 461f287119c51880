//! NTLM over HTTP (MS-NTHT): three messages, on one connection, of which the last one answers the proxy's challenge.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use zeroize::Zeroizing;

use super::{Credentials, Error, Method};
use crate::crypto::Entropy;
use crate::crypto::ntlm::{Response, ResponseKey, mic};
use crate::wire::challenge::Challenge;
use crate::wire::ntlm::{self, Authenticate, MIC, flag};

const FLAGS: u32 = flag::UNICODE
    | flag::REQUEST_TARGET
    | flag::NTLM
    | flag::ALWAYS_SIGN
    | flag::EXTENDED_SESSION_SECURITY
    | flag::TARGET_INFO;

/// How far it is.
pub(super) struct Ntlm {
    negotiate: [u8; 32],
    /// The AUTHENTICATE_MESSAGE, once there was a challenge.
    answer: Option<Vec<u8>>,
}

impl Ntlm {
    pub(super) fn new() -> Ntlm {
        Ntlm { negotiate: ntlm::negotiate(FLAGS), answer: None }
    }

    /// It goes on within this connection only.
    pub(super) fn is_bound(&self) -> bool {
        self.answer.is_some()
    }

    /// The value of `Proxy-Authorization`.
    pub(super) fn authorization(&self) -> Zeroizing<String> {
        let message = self.answer.as_deref().unwrap_or(&self.negotiate);
        Zeroizing::new([Method::Ntlm.name(), " ", &BASE64_STANDARD.encode(message)].concat())
    }

    /// The challenge, or a refusal. `time` is a FILETIME.
    pub(super) fn handle(
        &mut self,
        challenges: &[Challenge],
        credentials: &Credentials,
        entropy: &mut Entropy,
        time: u64,
    ) -> Result<(), Error> {
        let mut tokens = challenges.iter().filter(|challenge| challenge.is(Method::Ntlm.name()));
        let token = match (&self.answer, tokens.find_map(|challenge| challenge.token.as_deref())) {
            (None, Some(token)) => token,
            _ => return Err(Error::Refused(Method::Ntlm)),
        };
        let bad = |why: String| Error::Challenge(Method::Ntlm, why);
        let message = BASE64_STANDARD.decode(token).map_err(|error| bad(error.to_string()))?;
        let challenge = ntlm::Challenge::parse(&message).map_err(|malformed| bad(malformed.to_string()))?;
        self.answer = Some(self.answer_to(&message, challenge, credentials, entropy.octets(), time));
        Ok(())
    }

    /// The AUTHENTICATE_MESSAGE to this challenge (MS-NLMP 3.1.5.1.2). To a server that tells the time the MIC is due, and
    /// no LM response.
    fn answer_to(
        &self,
        message: &[u8],
        challenge: ntlm::Challenge,
        credentials: &Credentials,
        client_challenge: [u8; 8],
        time: u64,
    ) -> Vec<u8> {
        let ntlm::Challenge { flags, challenge, target_info } = challenge;
        let (domain, user) = credentials.user.split_once('\\').unwrap_or(("", &credentials.user));
        let key = ResponseKey::new(&credentials.password, user, domain);
        let told = target_info.timestamp();
        let target_info = if told.is_some() { target_info.with_mic() } else { target_info };
        let Response { nt, lm, session_base_key } =
            key.respond(&challenge, &client_challenge, told.unwrap_or(time), &target_info.emit());
        let lm = if told.is_some() { [0; 24] } else { lm };
        let mut answer = Authenticate { flags: flags & FLAGS, lm: &lm, nt: &nt, domain, user }.emit();
        if told.is_some() {
            let mic = mic(&session_base_key, &[&self.negotiate, message, &answer]);
            answer[MIC].copy_from_slice(&mic);
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::challenge::parse;
    use crate::wire::ntlm::tests::CHALLENGE;

    fn credentials() -> Credentials {
        Credentials { user: r"Domain\User".to_owned(), password: Zeroizing::new("Password".to_owned()) }
    }

    /// The challenge of MS-NLMP 4.2.4.3, with the client challenge and the time of 4.2.1.
    #[test]
    fn the_answer_has_the_responses_of_ms_nlmp_4_2_4_2() {
        let challenge = ntlm::Challenge::parse(CHALLENGE).unwrap();
        let answer = Ntlm::new().answer_to(CHALLENGE, challenge, &credentials(), [0xaa; 8], 0);
        let lm = [0x86, 0xc3, 0x50, 0x97, 0xac, 0x9c, 0xec, 0x10, 0x25, 0x54, 0x76, 0x4a, 0x57, 0xcc, 0xcc, 0x19];
        let proof = [0x68, 0xcd, 0x0a, 0xb8, 0x51, 0xe5, 0x1c, 0x96, 0xaa, 0xbc, 0x92, 0x7b, 0xeb, 0xef, 0x6a, 0x1c];
        assert_eq!(answer[MIC.end..][..16], lm);
        assert_eq!(answer[MIC.end + 24..][..16], proof);
        assert_eq!(answer[MIC], [0; 16], "a server that does not tell the time gets no MIC");
        let flags = u32::from_le_bytes(answer[60..64].try_into().unwrap());
        assert_eq!(flags & !FLAGS, 0, "neither signing nor key exchange was offered");
    }

    #[test]
    fn a_mic_where_the_server_tells_the_time() {
        // the same challenge with an MsvAvTimestamp in the place of the end
        let mut message = [&CHALLENGE[..CHALLENGE.len() - 4], &[7, 0, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8]].concat();
        message[40] = 0x2c;
        let challenge = ntlm::Challenge::parse(&message).unwrap();
        assert_eq!(challenge.target_info.timestamp(), Some(0x0807_0605_0403_0201));
        let ntlm = Ntlm::new();
        let mut answer = ntlm.answer_to(&message, challenge, &credentials(), [0xaa; 8], 0);
        assert_eq!(answer[MIC.end..][..24], [0; 24]);
        assert_eq!(answer[MIC.end + 24 + 24..][..8], [1, 2, 3, 4, 5, 6, 7, 8], "the server's time");
        let found: [u8; 16] = answer[MIC].try_into().unwrap();
        answer[MIC].fill(0);
        assert_ne!(found, [0; 16]);
        // the session key by the definition, from what was sent
        let key = ResponseKey::new("Password", "User", "Domain");
        let info = &answer[MIC.end + 24 + 16 + 28..];
        let info = &info[..usize::from(u16::from_le_bytes([answer[20], answer[21]])) - 16 - 28 - 4];
        let response = key.respond(&CHALLENGE[24..32].try_into().unwrap(), &[0xaa; 8], 0x0807_0605_0403_0201, info);
        assert_eq!(found, mic(&response.session_base_key, &[&ntlm.negotiate, &message, &answer]));
    }

    #[test]
    fn bad_challenges() {
        let handle = |header: &str| Ntlm::new().handle(&parse(header), &credentials(), &mut Entropy::new([1; 32]), 0);
        assert_eq!(handle("NTLM"), Err(Error::Refused(Method::Ntlm)));
        assert_eq!(handle("Basic realm=x"), Err(Error::Refused(Method::Ntlm)));
        assert!(matches!(handle("NTLM abc"), Err(Error::Challenge(Method::Ntlm, _))));
        assert!(matches!(handle("NTLM TlRMTVNTUAA="), Err(Error::Challenge(Method::Ntlm, _))));
    }
}
