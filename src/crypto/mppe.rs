//! The master keys that MS-CHAPv2 yields (RFC 3079 3). SSTP encrypts by TLS, not by MPPE: here these keys only prove, by
//! way of the HLAK, that the authentication and the TLS connection have the same two ends.

use std::fmt;

use zeroize::Zeroizing;

use super::mschapv2::PasswordHashHash;
use super::sha1;

/// RFC 3079 3.4, Magic1.
const MASTER_KEY: &[u8; 27] = b"This is the MPPE Master Key";
/// RFC 3079 3.4, Magic2.
const CLIENT_SENDS: &[u8; 84] = b"On the client side, this is the send key; on the server side, it is the receive key.";
/// RFC 3079 3.4, Magic3.
const CLIENT_RECEIVES: &[u8; 84] =
    b"On the client side, this is the receive key; on the server side, it is the send key.";

/// The key that both start keys are derived from (`GetMasterKey`, RFC 3079 3.4).
pub struct MasterKey(Zeroizing<[u8; 16]>);

impl MasterKey {
    /// Derives the key of one authentication from the password and the NT-Response that was sent.
    pub fn new(password_hash_hash: &PasswordHashHash, nt_response: &[u8; 24]) -> Self {
        Self(first_16(&sha1(&[password_hash_hash.as_bytes(), nt_response, MASTER_KEY])))
    }

    /// `MasterSendKey` of the client, which is `MasterReceiveKey` of the server: 128 bits.
    pub fn send_key(&self) -> Zeroizing<[u8; 16]> {
        self.asymmetric_start_key(CLIENT_SENDS)
    }

    /// `MasterReceiveKey` of the client, which is `MasterSendKey` of the server: 128 bits.
    pub fn receive_key(&self) -> Zeroizing<[u8; 16]> {
        self.asymmetric_start_key(CLIENT_RECEIVES)
    }

    /// `GetAsymmetricStartKey` (RFC 3079 3.4) for 128 bits.
    fn asymmetric_start_key(&self, direction: &[u8; 84]) -> Zeroizing<[u8; 16]> {
        first_16(&sha1(&[&*self.0, &[0x00; 40], direction, &[0xf2; 40]]))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

fn first_16(digest: &[u8; 20]) -> Zeroizing<[u8; 16]> {
    let mut key = Zeroizing::new([0; 16]);
    key.copy_from_slice(&digest[..16]);
    key
}

#[cfg(test)]
mod tests {
    use super::super::mschapv2::PasswordHash;
    use super::super::tests::hex;
    use super::*;

    fn master_key() -> MasterKey {
        let nt_response = hex("82 30 9E CD 8D 70 8B 5E A0 8F AA 39 81 CD 83 54 42 33 11 4A 3D 85 D6 DF");
        MasterKey::new(&PasswordHash::new("clientPass").hash(), &nt_response)
    }

    /// RFC 3079 3.5.1 to 3.5.3 share this key.
    #[test]
    fn master_key_of_rfc_3079_3_5() {
        assert_eq!(*master_key().0, hex("FD EC E3 71 7A 8C 83 8C B3 88 E5 27 AE 3C DD 31"));
    }

    /// RFC 3079 3.5.3 prints the start key that the server sends with.
    #[test]
    fn start_key_of_rfc_3079_3_5_3() {
        assert_eq!(*master_key().receive_key(), hex("8B 7C DC 14 9B 99 3A 1B A1 18 CB 15 3F 56 DC CB"));
    }

    /// The RFC prints only one direction; this one was computed with OpenSSL from the master key above.
    #[test]
    fn start_key_of_the_other_direction() {
        assert_eq!(*master_key().send_key(), hex("d5f0e9521e3ea9589645e86051c82226"));
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", master_key()), "<redacted>");
    }
}
