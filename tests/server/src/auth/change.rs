//! Change-Password (RFC 2759 7), the server's side: the packet, and the password in it.

use std::fmt;

use des::Des;
use des::cipher::{BlockCipherEncrypt, KeyInit as _};
use md4::{Digest as _, Md4};
use nm_sstp::crypto::binding::mac_eq;
use nm_sstp::wire::auth::MsChapV2Response;
use nm_sstp::wire::{Malformed, Problem};
use rc4::{Rc4, StreamCipher as _};
use zeroize::{Zeroize as _, Zeroizing};

/// The code of a Change-Password packet.
pub(super) const CHANGE_PASSWORD: u8 = 7;

/// The fields of a Change-Password packet.
pub(super) struct ChangePassword {
    /// The new password under the old one's hash (RFC 2759 8.9).
    pub encrypted_password: [u8; 516],
    /// The old password's hash under the new one's (RFC 2759 8.12).
    pub encrypted_hash: [u8; 16],
    /// Peer-Challenge and NT-Response, made with the new password.
    pub response: MsChapV2Response,
    pub flags: [u8; 2],
}

impl fmt::Debug for ChangePassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChangePassword")
    }
}

impl ChangePassword {
    const LEN: usize = 516 + 16 + 16 + 8 + 24 + 2;

    /// Reads the packet's data; the reserved octets are ignored.
    ///
    /// # Errors
    /// Any length other than 582 octets.
    pub fn parse(data: &[u8]) -> Result<Self, Malformed> {
        let problem = Problem::Length { found: data.len(), min: Self::LEN, max: Self::LEN };
        let data: &[u8; Self::LEN] =
            data.try_into().map_err(|_| Malformed { what: "MS-CHAPv2 Change-Password", offset: 0, problem })?;
        Ok(ChangePassword {
            encrypted_password: field(data, 0),
            encrypted_hash: field(data, 516),
            response: MsChapV2Response { peer_challenge: field(data, 532), nt_response: field(data, 556) },
            flags: field(data, 580),
        })
    }

    /// The new password; `None`: whoever made the packet did not know the old one.
    pub fn new_password(&self, old: &str) -> Option<Zeroizing<String>> {
        let old = nt_hash(old);
        let mut block = Zeroizing::new(self.encrypted_password);
        Rc4::new_from_slice(&*old).ok()?.apply_keystream(&mut block[..]);
        let length = usize::try_from(u32::from_le_bytes(field(&block[..], 512))).ok()?;
        let octets = block.get(512usize.checked_sub(length)?..512)?;
        let (pairs, []) = octets.as_chunks::<2>() else { return None };
        let mut units: Vec<u16> = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
        let password = String::from_utf16(&units).ok().map(Zeroizing::new);
        units.zeroize();
        let password = password?;
        mac_eq(&self.encrypted_hash, &encrypt_hash(&old, &nt_hash(&password))).then_some(password)
    }
}

fn field<const N: usize>(octets: &[u8], at: usize) -> [u8; N] {
    std::array::from_fn(|i| octets.get(at + i).copied().unwrap_or_default())
}

/// `NtPasswordHash` (RFC 2759 8.3).
fn nt_hash(password: &str) -> Zeroizing<[u8; 16]> {
    let mut hasher = Md4::new();
    password.encode_utf16().for_each(|unit| hasher.update(unit.to_le_bytes()));
    Zeroizing::new(hasher.finalize().into())
}

/// `NtPasswordHashEncryptedWithBlock` (RFC 2759 8.13): both halves of a hash under 56 bits each of another.
fn encrypt_hash(hash: &[u8; 16], block: &[u8; 16]) -> [u8; 16] {
    let mut encrypted = *hash;
    for (half, key) in encrypted.as_chunks_mut::<8>().0.iter_mut().zip(block.as_chunks::<7>().0) {
        Des::new((&*with_parity_bits(key)).into()).encrypt_block(half.into());
    }
    encrypted
}

/// 56 bits as the upper seven of eight octets (RFC 2759 8.6); the lowest bit is left 0, DES does not look at it.
fn with_parity_bits(key: &[u8; 7]) -> Zeroizing<[u8; 8]> {
    let bits = key.iter().fold(0u64, |bits, octet| bits << 8 | u64::from(*octet));
    Zeroizing::new(std::array::from_fn(|i| ((bits >> (49 - 7 * i)) as u8 & 0x7f) << 1))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The data of a Change-Password packet, as a client makes it (RFC 2759 8.9 to 8.13).
    pub(crate) fn packet(old: &str, new: &str, response: &MsChapV2Response) -> Vec<u8> {
        let (old, new_hash) = (nt_hash(old), nt_hash(new));
        let units: Vec<u8> = new.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut block = vec![0xa5; 512 - units.len()];
        block.extend(&units);
        block.extend((units.len() as u32).to_le_bytes());
        Rc4::new_from_slice(&*old).unwrap().apply_keystream(&mut block);
        block.extend(encrypt_hash(&old, &new_hash));
        // Peer-Challenge, Reserved and NT-Response are laid out as in a Response
        block.extend(&response.emit()[..48]);
        block.extend([0; 2]);
        block
    }

    fn parsed(old: &str, new: &str) -> ChangePassword {
        let response = MsChapV2Response { peer_challenge: [1; 16], nt_response: [2; 24] };
        ChangePassword::parse(&packet(old, new, &response)).unwrap()
    }

    /// The hash of RFC 2759 9.2 and the keys of 9.3, there shown with the parity bits set.
    #[test]
    fn hashes_and_keys_of_rfc_2759() {
        assert_eq!(nt_hash("clientPass")[..4], [0x44, 0xeb, 0xba, 0x8d]);
        let key = [0xfc, 0x15, 0x6a, 0xf7, 0xed, 0xcd, 0x6c];
        let odd = [0xfd, 0x0b, 0x5b, 0x5e, 0x7f, 0x6e, 0x34, 0xd9].map(|octet: u8| octet & 0xfe);
        assert_eq!(*with_parity_bits(&key), odd);
    }

    #[test]
    fn the_new_password_comes_out() {
        for new in ["", "new password", "\u{1f600}\u{df}", &"x".repeat(256)] {
            let packet = parsed("hunter2", new);
            assert_eq!(packet.new_password("hunter2").as_deref().map(String::as_str), Some(new));
            assert_eq!(packet.new_password("hunter3"), None);
        }
        assert_eq!(
            (parsed("a", "b").response.peer_challenge, parsed("a", "b").response.nt_response),
            ([1; 16], [2; 24])
        );
    }

    #[test]
    fn packets_that_cannot_be() {
        for length in [0, 581, 583] {
            assert!(ChangePassword::parse(&vec![0; length]).is_err());
        }
        let mut packet = parsed("hunter2", "new");
        packet.encrypted_hash[3] ^= 1;
        assert_eq!(packet.new_password("hunter2"), None);
        for octet in 512..516 {
            let mut packet = parsed("hunter2", "new");
            packet.encrypted_password[octet] ^= 0x81;
            assert_eq!(packet.new_password("hunter2"), None, "octet {octet}");
        }
    }
}
