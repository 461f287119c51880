//! MS-CHAPv2 (RFC 2759): the response to a challenge, and the proof that the server knows the password too.

use std::fmt;

use des::Des;
use des::cipher::{BlockCipherEncrypt, KeyInit};
use md4::{Digest, Md4};
use zeroize::{Zeroize, Zeroizing};

use super::sha1;

/// NT hash of a password (`NtPasswordHash`, RFC 2759 8.3). Whoever has it can log in: it is as good as the password.
pub struct PasswordHash(Zeroizing<[u8; 16]>);

impl PasswordHash {
    /// Hashes a password: MD4 of its UTF-16 code units, little endian, without a terminator.
    pub fn new(password: &str) -> Self {
        let mut hasher = Md4::new();
        for unit in password.encode_utf16() {
            let mut octets = unit.to_le_bytes();
            hasher.update(octets);
            octets.zeroize();
        }
        let mut hash = Zeroizing::new([0; 16]);
        hasher.finalize_into((&mut *hash).into());
        Self(hash)
    }

    /// Hash of the hash (`HashNtPasswordHash`, RFC 2759 8.4), of which the authenticator response and the MPPE master
    /// key are made.
    pub fn hash(&self) -> PasswordHashHash {
        let mut hash = Zeroizing::new([0; 16]);
        let mut hasher = Md4::new();
        hasher.update(*self.0);
        hasher.finalize_into((&mut *hash).into());
        PasswordHashHash(hash)
    }

    pub(super) fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// MD4 of a [`PasswordHash`] (RFC 2759 8.4).
pub struct PasswordHashHash(Zeroizing<[u8; 16]>);

impl PasswordHashHash {
    pub(super) fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for PasswordHashHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// The user name as the challenge hash takes it: without a `DOMAIN\` in front (RFC 2759 4, field Name). The name in the
/// Response packet keeps its domain. A Windows account name cannot hold a backslash, so the last one is the border.
pub fn without_domain(user_name: &str) -> &str {
    user_name.rsplit_once('\\').map_or(user_name, |(_, user)| user)
}

/// The eight octets that the response encrypts (`ChallengeHash`, RFC 2759 8.2). `user_name` stands
/// [without its domain](without_domain), one octet a character.
pub fn challenge_hash(peer_challenge: &[u8; 16], authenticator_challenge: &[u8; 16], user_name: &[u8]) -> [u8; 8] {
    let digest = sha1(&[peer_challenge, authenticator_challenge, user_name]);
    std::array::from_fn(|i| digest[i])
}

/// The NT-Response of the Response packet (`GenerateNTResponse`, RFC 2759 8.1). `user_name` as in [`challenge_hash`].
pub fn nt_response(
    authenticator_challenge: &[u8; 16],
    peer_challenge: &[u8; 16],
    user_name: &[u8],
    password_hash: &PasswordHash,
) -> [u8; 24] {
    challenge_response(&challenge_hash(peer_challenge, authenticator_challenge, user_name), password_hash)
}

/// What the server's Success packet must carry after `S=` as 40 hexadecimal digits, because only who knows the password
/// can compute it (`GenerateAuthenticatorResponse`, RFC 2759 8.7). `user_name` as in [`challenge_hash`]. Compare it with
/// [`mac_eq`](super::binding::mac_eq).
pub fn authenticator_response(
    password_hash_hash: &PasswordHashHash,
    nt_response: &[u8; 24],
    peer_challenge: &[u8; 16],
    authenticator_challenge: &[u8; 16],
    user_name: &[u8],
) -> [u8; 20] {
    /// RFC 2759 8.7, Magic1.
    const MAGIC1: &[u8; 39] = b"Magic server to client signing constant";
    /// RFC 2759 8.7, Magic2.
    const MAGIC2: &[u8; 41] = b"Pad to make it do more than one iteration";

    let digest = sha1(&[password_hash_hash.as_bytes(), nt_response, MAGIC1]);
    let challenge = challenge_hash(peer_challenge, authenticator_challenge, user_name);
    *sha1(&[&*digest, &challenge, MAGIC2])
}

/// The challenge under three DES keys cut out of the password hash (`ChallengeResponse`, RFC 2759 8.5).
fn challenge_response(challenge: &[u8; 8], password_hash: &PasswordHash) -> [u8; 24] {
    // 16 octets of hash and 5 of padding are three keys of 7 octets.
    let mut keys = Zeroizing::new([0; 21]);
    keys[..16].copy_from_slice(&*password_hash.0);
    let mut response = [0; 24];
    for (key, block) in keys.as_chunks::<7>().0.iter().zip(response.as_chunks_mut::<8>().0) {
        *block = *challenge;
        Des::new((&*with_parity_bits(key)).into()).encrypt_block(block.into());
    }
    response
}

/// Spreads 56 key bits over the upper seven bits of eight octets (`DesEncrypt`, RFC 2759 8.6). The parity bit below is
/// left 0: DES does not look at it.
pub(super) fn with_parity_bits(key: &[u8; 7]) -> Zeroizing<[u8; 8]> {
    let mut bits = key.iter().fold(0u64, |bits, octet| bits << 8 | u64::from(*octet));
    let mut spread = Zeroizing::new([0; 8]);
    for octet in spread.iter_mut().rev() {
        *octet = (bits as u8 & 0x7f) << 1;
        bits >>= 7;
    }
    spread
}

#[cfg(test)]
mod tests {
    use super::super::tests::hex;
    use super::*;

    // RFC 2759 9.2.
    const USER: &[u8] = b"User";
    const PASSWORD: &str = "clientPass";
    const AUTHENTICATOR_CHALLENGE: &str = "5B 5D 7C 7D 7B 3F 2F 3E 3C 2C 60 21 32 26 26 28";
    const PEER_CHALLENGE: &str = "21 40 23 24 25 5E 26 2A 28 29 5F 2B 3A 33 7C 7E";
    const NT_RESPONSE: &str = "82 30 9E CD 8D 70 8B 5E A0 8F AA 39 81 CD 83 54 42 33 11 4A 3D 85 D6 DF";

    #[test]
    fn challenge_of_rfc_2759_9_2() {
        assert_eq!(
            challenge_hash(&hex(PEER_CHALLENGE), &hex(AUTHENTICATOR_CHALLENGE), USER),
            hex("D0 2E 43 86 BC E9 12 26")
        );
    }

    #[test]
    fn password_hashes_of_rfc_2759_9_2() {
        let hash = PasswordHash::new(PASSWORD);
        assert_eq!(*hash.0, hex("44 EB BA 8D 53 12 B8 D6 11 47 44 11 F5 69 89 AE"));
        assert_eq!(*hash.hash().0, hex("41 C0 0C 58 4B D2 D9 1C 40 17 A2 A1 2F A5 9F 3F"));
    }

    #[test]
    fn responses_of_rfc_2759_9_2() {
        let hash = PasswordHash::new(PASSWORD);
        let response = nt_response(&hex(AUTHENTICATOR_CHALLENGE), &hex(PEER_CHALLENGE), USER, &hash);
        assert_eq!(response, hex(NT_RESPONSE));
        assert_eq!(
            authenticator_response(&hash.hash(), &response, &hex(PEER_CHALLENGE), &hex(AUTHENTICATOR_CHALLENGE), USER),
            hex("407A5589115FD0D6209F510FE9C04566932CDA56")
        );
    }

    /// RFC 2759 9.3: the expansion of a 56-bit key, there shown with the parity bits set.
    #[test]
    fn des_keys_of_rfc_2759_9_3() {
        let parity = |text| hex::<8>(text).map(|octet| octet & 0xfe);
        assert_eq!(*with_parity_bits(&hex("FC 15 6A F7 ED CD 6C")), parity("FD 0B 5B 5E 7F 6E 34 D9"));
        assert_eq!(*with_parity_bits(&hex("0E DD E3 33 7D 42 7F")), parity("0E 6E 79 67 37 EA 08 FE"));
    }

    /// NT hashes that are printed everywhere: of the empty password and of `password`; and one (by OpenSSL) of a password
    /// beyond the first plane, where one character is two code units.
    #[test]
    fn nt_hashes_of_other_passwords() {
        assert_eq!(*PasswordHash::new("").0, hex("31d6cfe0d16ae931b73c59d7e0c089c0"));
        assert_eq!(*PasswordHash::new("password").0, hex("8846f7eaee8fb117ad06bdd830b7586c"));
        assert_eq!(*PasswordHash::new("p\u{1f600}\u{df}").0, hex("b0f292572ad7019b120c28034bc0583e"));
    }

    #[test]
    fn domain_is_left_out() {
        assert_eq!(without_domain("BIGCO\\johndoe"), "johndoe");
        assert_eq!(without_domain("johndoe"), "johndoe");
        assert_eq!(without_domain("johndoe@bigco.example"), "johndoe@bigco.example");
        assert_eq!(without_domain("BIGCO\\"), "");
    }

    #[test]
    fn debug_shows_nothing() {
        let hash = PasswordHash::new(PASSWORD);
        assert_eq!(format!("{hash:?} {:?}", hash.hash()), "<redacted> <redacted>");
    }
}
