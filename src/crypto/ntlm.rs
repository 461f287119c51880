//! NTLM v2 (MS-NLMP 3.3.2): the answer to a challenge, and the code that protects the messages.

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use zeroize::Zeroizing;

use super::mschapv2::PasswordHash;

/// The key that a password makes (`NTOWFv2`, MS-NLMP 3.3.2). Whoever has it can log in: it is as good as the password.
pub struct ResponseKey(Zeroizing<[u8; 16]>);

/// What answers a challenge.
pub struct Response {
    /// NtChallengeResponse: NTProofStr, then what it was made of.
    pub nt: Vec<u8>,
    /// LmChallengeResponse, for a server that does not tell the time; else it is zeros.
    pub lm: [u8; 24],
    /// SessionBaseKey.
    pub session_base_key: Zeroizing<[u8; 16]>,
}

impl ResponseKey {
    /// Of a user of this domain, which may be empty.
    pub fn new(password: &str, user: &str, domain: &str) -> ResponseKey {
        let name: Vec<u8> =
            user.to_uppercase().encode_utf16().chain(domain.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        ResponseKey(hmac_md5(PasswordHash::new(password).as_bytes(), &[&name]))
    }

    /// The response (`ComputeResponse`, MS-NLMP 3.3.2). `time` is a FILETIME (MS-DTYP 2.3.3), `target_info` the TargetInfo
    /// that is sent back.
    pub fn respond(
        &self,
        server_challenge: &[u8; 8],
        client_challenge: &[u8; 8],
        time: u64,
        target_info: &[u8],
    ) -> Response {
        let temp =
            [&[1, 1, 0, 0, 0, 0, 0, 0][..], &time.to_le_bytes(), client_challenge, &[0; 4], target_info, &[0; 4]]
                .concat();
        let proof = hmac_md5(&self.0, &[server_challenge, &temp]);
        let mut lm = [0; 24];
        lm[..16].copy_from_slice(&*hmac_md5(&self.0, &[server_challenge, client_challenge]));
        lm[16..].copy_from_slice(client_challenge);
        Response { nt: [&proof[..], &temp].concat(), lm, session_base_key: hmac_md5(&self.0, &[&*proof]) }
    }
}

/// The MIC over the three messages (MS-NLMP 3.1.5.1.2). Without key exchange the exported session key is the
/// SessionBaseKey (MS-NLMP 3.4.5.1).
pub fn mic(session_key: &[u8; 16], messages: &[&[u8]]) -> [u8; 16] {
    *hmac_md5(session_key, messages)
}

fn hmac_md5(key: &[u8; 16], parts: &[&[u8]]) -> Zeroizing<[u8; 16]> {
    // a key that is shorter than a block is filled up with zeros (RFC 2104 2)
    let mut block = Zeroizing::new([0; 64]);
    block[..16].copy_from_slice(key);
    let mut mac = Hmac::<Md5>::new((&*block).into());
    parts.iter().for_each(|part| mac.update(part));
    Zeroizing::new(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::super::tests::hex;
    use super::*;

    /// MS-NLMP 4.2.1: the values that all the examples have in common.
    const SERVER_CHALLENGE: [u8; 8] = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
    const CLIENT_CHALLENGE: [u8; 8] = [0xaa; 8];
    const TARGET_INFO: &[u8] = b"\x02\0\x0c\0D\0o\0m\0a\0i\0n\0\x01\0\x0c\0S\0e\0r\0v\0e\0r\0\0\0\0\0";

    #[test]
    fn key_of_ms_nlmp_4_2_4_1_1() {
        let key = ResponseKey::new("Password", "User", "Domain");
        assert_eq!(*key.0, hex("0c 86 8a 40 3b fd 7a 93 a3 00 1e f2 2e f0 2e 3f"));
    }

    #[test]
    fn responses_of_ms_nlmp_4_2_4_2() {
        let key = ResponseKey::new("Password", "User", "Domain");
        let response = key.respond(&SERVER_CHALLENGE, &CLIENT_CHALLENGE, 0, TARGET_INFO);
        // 4.2.4.2.1
        assert_eq!(response.lm, hex("86 c3 50 97 ac 9c ec 10 25 54 76 4a 57 cc cc 19 aa aa aa aa aa aa aa aa"));
        // 4.2.4.2.2
        assert_eq!(response.nt[..16], hex::<16>("68 cd 0a b8 51 e5 1c 96 aa bc 92 7b eb ef 6a 1c"));
        // 4.2.4.1.3
        let temp = "01 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 aa aa aa aa aa aa aa aa 00 00 00 00 \
                    02 00 0c 00 44 00 6f 00 6d 00 61 00 69 00 6e 00 01 00 0c 00 53 00 65 00 72 00 76 00 65 00 72 00 \
                    00 00 00 00 00 00 00 00";
        assert_eq!(response.nt[16..], hex::<68>(temp));
        // 4.2.4.1.2
        assert_eq!(*response.session_base_key, hex("8d e4 0c ca db c1 4a 82 f1 5c b0 ad 0d e9 5c a3"));
    }

    /// RFC 2202 2, test case 2, cut at every place, with the key filled up as HMAC fills it.
    #[test]
    fn mic_is_hmac_md5_of_what_is_put_together() {
        let key = *b"Jefe\0\0\0\0\0\0\0\0\0\0\0\0";
        let text = b"what do ya want for nothing?";
        for cut in 0..text.len() {
            let (a, b) = text.split_at(cut);
            assert_eq!(mic(&key, &[a, b]), hex("750c783e6ab0b503eaa86e310a5db738"));
        }
    }
}
