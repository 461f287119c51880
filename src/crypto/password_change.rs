//! The password change of MS-CHAPv2 (RFC 2759 7): the new password under the old one's hash, and the proof that who
//! changes it knows the old one.

use des::Des;
use des::cipher::{BlockCipherEncrypt, KeyInit};
use rc4::{Rc4, StreamCipher};
use zeroize::{Zeroize, Zeroizing};

use super::mschapv2::{PasswordHash, with_parity_bits};

/// Octets that an encrypted password has (RFC 2759 8.9): 512 of password and filling, 4 of length.
pub const ENCRYPTED_PASSWORD_LEN: usize = 516;

/// Most UTF-16 code units that a new password may have (RFC 2759 8.9).
pub const MAX_PASSWORD_UNITS: usize = 256;

/// The new password, encrypted with the old one's hash (`NewPasswordEncryptedWithOldNtPasswordHash`, RFC 2759 8.9 and
/// 8.10). The password stands at the end of a block that `filling`, which must be random, fills; `None` where it is
/// longer than [`MAX_PASSWORD_UNITS`].
pub fn new_password_encrypted_with_old_hash(
    new_password: &str,
    old_password_hash: &PasswordHash,
    filling: &[u8; 512],
) -> Option<Box<[u8; ENCRYPTED_PASSWORD_LEN]>> {
    let length = 2 * new_password.encode_utf16().count();
    if length > 2 * MAX_PASSWORD_UNITS {
        return None;
    }
    let mut block = Box::new([0; ENCRYPTED_PASSWORD_LEN]);
    block[..512].copy_from_slice(filling);
    for (place, unit) in block[512 - length..512].as_chunks_mut::<2>().0.iter_mut().zip(new_password.encode_utf16()) {
        *place = unit.to_le_bytes();
    }
    block[512..].copy_from_slice(&(length as u32).to_le_bytes());
    let Ok(mut cipher) = Rc4::new_from_slice(old_password_hash.as_bytes()) else {
        // RC4 takes every length from 1 to 256
        block.zeroize();
        return None;
    };
    cipher.apply_keystream(&mut block[..]);
    Some(block)
}

/// The old password's hash, encrypted with the new one's (`OldNtPasswordHashEncryptedWithNewNtPasswordHash`, RFC 2759
/// 8.12 and 8.13): two DES blocks under two keys of seven octets.
pub fn old_hash_encrypted_with_new_hash(
    old_password_hash: &PasswordHash,
    new_password_hash: &PasswordHash,
) -> [u8; 16] {
    let mut encrypted = [0; 16];
    let mut keys = Zeroizing::new([0; 14]);
    keys.copy_from_slice(&new_password_hash.as_bytes()[..14]);
    let blocks = old_password_hash.as_bytes().as_chunks::<8>().0.iter().zip(encrypted.as_chunks_mut::<8>().0);
    for (key, (clear, block)) in keys.as_chunks::<7>().0.iter().zip(blocks) {
        *block = *clear;
        Des::new((&*with_parity_bits(key)).into()).encrypt_block(block.into());
    }
    encrypted
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::super::tests::hex;
    use super::*;

    const NEW_PASSWORD: &str = "P\u{e4}sswort 2 \u{1f600}";

    /// The filling of the vector below.
    fn filling() -> [u8; 512] {
        std::array::from_fn(|i| (7 * i + 3) as u8)
    }

    /// RFC 2759 prints no example of a password change; this one was computed with OpenSSL's MD4, RC4 and DES.
    #[test]
    fn encrypted_as_openssl_does() {
        let (old, new) = (PasswordHash::new("clientPass"), PasswordHash::new(NEW_PASSWORD));
        let encrypted = new_password_encrypted_with_old_hash(NEW_PASSWORD, &old, &filling()).unwrap();
        assert_eq!(encrypted[..16], hex::<16>("91e8daf7acdfdd20134eb2d8376f528c"));
        assert_eq!(encrypted[496..], hex::<20>("aa2260df2eec147f3b18ef7fbc9dfb86a8343a7c"));
        let digest: [u8; 32] = Sha256::digest(&encrypted[..]).into();
        assert_eq!(digest, hex("7fbbc8e78e9b33cdac76483e66269bf14e7c74fdc4b227047733ec7482d2b8a6"));
        assert_eq!(old_hash_encrypted_with_new_hash(&old, &new), hex("13c7c7c651105e06623d665d2e01fe44"));
    }

    #[test]
    fn the_longest_password() {
        let old = PasswordHash::new("clientPass");
        let longest = "\u{1f600}".repeat(MAX_PASSWORD_UNITS / 2);
        assert!(new_password_encrypted_with_old_hash(&longest, &old, &filling()).is_some());
        assert!(new_password_encrypted_with_old_hash(&format!("{longest}x"), &old, &filling()).is_none());
    }
}
