//! How secrets are encrypted on the bus (Secret Service API, "Transfer of Secrets"), so that no log of it has them, and
//! no buffer of the bus's library: a key is agreed on by Diffie-Hellman in the Second Oakley Group (RFC 2409 6.2), made
//! of it by HKDF with SHA-256 (RFC 5869), and used by AES-128 in CBC mode with the padding of PKCS #7.

use openssl::bn::{BigNum, BigNumContext, BigNumRef, MsbOption};
use openssl::error::ErrorStack;
use openssl::md::Md;
use openssl::pkey::Id;
use openssl::pkey_ctx::PkeyCtx;
use openssl::symm::{Cipher, Crypter, Mode};
use zeroize::Zeroizing;

/// What it is called on the bus.
pub const ALGORITHM: &str = "dh-ietf1024-sha256-aes128-cbc-pkcs7";

/// Bits of the group's prime.
const GROUP_BITS: i32 = 1024;
const GENERATOR: u32 = 2;
const KEY_LENGTH: usize = 16;
/// Most octets of a secret that are decrypted. Keyrings take whole files, too; no password is that long.
const MAX_ENCRYPTED: usize = 1 << 16;

/// Our half of the agreement.
pub struct Half {
    private: Zeroizing<Vec<u8>>,
    public: Vec<u8>,
}

impl Half {
    /// A new one. `None`: OpenSSL does not work.
    pub fn new() -> Option<Self> {
        let mut private = BigNum::new_secure().ok()?;
        private.rand(GROUP_BITS - 1, MsbOption::MAYBE_ZERO, false).ok()?;
        Self::of(&private).ok()
    }

    fn of(private: &BigNumRef) -> Result<Self, ErrorStack> {
        let public = power(&*BigNum::from_u32(GENERATOR)?, private)?;
        Ok(Self { private: Zeroizing::new(private.to_vec()), public: public.to_vec() })
    }

    /// What the other side is told.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// The agreement with what the other side has told. `None`: that is no number of the group, or OpenSSL does not
    /// work.
    pub fn agree(&self, theirs: &[u8]) -> Option<Session> {
        if theirs.len() > GROUP_BITS as usize / 8 {
            return None;
        }
        let agree = || -> Result<Session, ErrorStack> {
            let mut private = BigNum::new_secure()?;
            private.copy_from_slice(&self.private)?;
            let mut shared = power(&*BigNum::from_slice(theirs)?, &private)?;
            let octets = Zeroizing::new(shared.to_vec_padded(GROUP_BITS / 8)?);
            shared.clear();
            Ok(Session { key: derive(&octets)? })
        };
        agree().ok()
    }
}

/// `base` to the power of `exponent` in the group.
fn power(base: &BigNumRef, exponent: &BigNumRef) -> Result<BigNum, ErrorStack> {
    let mut result = BigNum::new()?;
    result.mod_exp(base, exponent, &*BigNum::get_rfc2409_prime_1024()?, &mut *BigNumContext::new_secure()?)?;
    Ok(result)
}

/// The key, of the number that was agreed on: HKDF without salt and information.
fn derive(shared: &[u8]) -> Result<Zeroizing<[u8; KEY_LENGTH]>, ErrorStack> {
    let mut key = Zeroizing::new([0; KEY_LENGTH]);
    let mut hkdf = PkeyCtx::new_id(Id::HKDF)?;
    hkdf.derive_init()?;
    hkdf.set_hkdf_md(Md::sha256())?;
    hkdf.set_hkdf_key(shared)?;
    hkdf.derive(Some(&mut *key))?;
    Ok(key)
}

/// An agreement.
pub struct Session {
    key: Zeroizing<[u8; KEY_LENGTH]>,
}

impl Session {
    /// The text that was encrypted. `None`: it was none, or not with this key.
    pub fn decrypt(&self, initial_vector: &[u8], encrypted: &[u8]) -> Option<Zeroizing<String>> {
        let cipher = Cipher::aes_128_cbc();
        if initial_vector.len() != cipher.iv_len()? || encrypted.len() > MAX_ENCRYPTED {
            return None;
        }
        let mut crypter = Crypter::new(cipher, Mode::Decrypt, &*self.key, Some(initial_vector)).ok()?;
        let mut text = Zeroizing::new(vec![0; encrypted.len() + cipher.block_size()]);
        let mut length = crypter.update(encrypted, &mut text).ok()?;
        length += crypter.finalize(&mut text[length..]).ok()?;
        std::str::from_utf8(&text[..length]).ok().map(|text| Zeroizing::new(text.to_owned()))
    }
}

#[cfg(test)]
impl Session {
    /// As a keyring does it.
    pub fn encrypt(&self, initial_vector: &[u8], text: &[u8]) -> Vec<u8> {
        openssl::symm::encrypt(Cipher::aes_128_cbc(), &*self.key, Some(initial_vector), text).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn octets(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn both_sides_have_one_key() {
        let [ours, theirs] = [Half::new().unwrap(), Half::new().unwrap()];
        let [here, there] = [ours.agree(theirs.public()).unwrap(), theirs.agree(ours.public()).unwrap()];
        assert_eq!(here.key, there.key);
        let encrypted = there.encrypt(&[7; 16], "hünter2".as_bytes());
        assert_eq!(here.decrypt(&[7; 16], &encrypted).unwrap().as_str(), "hünter2");
    }

    /// A number that is shorter than the prime is filled up in front, as other implementations do: one octet here, the
    /// number 2 to the power of 3 times 1. The key is what Python's hmac makes of it.
    #[test]
    fn short_numbers() {
        let half = Half::of(&BigNum::from_u32(3).unwrap()).unwrap();
        assert_eq!(half.public(), [8]);
        let session = half.agree(&[2]).unwrap();
        assert_eq!(session.key[..], octets("384a173c073e19f355f796295860fc69")[..]);
    }

    #[test]
    fn what_cannot_be_decrypted() {
        let session = Session { key: Zeroizing::new([1; KEY_LENGTH]) };
        let of = |text: &[u8]| session.encrypt(&[7; 16], text);
        let good = of(b"hunter2");
        assert_eq!(session.decrypt(&[7; 16], &good).unwrap().as_str(), "hunter2");
        assert_eq!(session.decrypt(&[7; 16], &of(b"")).unwrap().as_str(), "");
        for (initial_vector, encrypted) in
            [(&[7; 15][..], &good[..]), (&[], &good), (&[7; 16], &good[1..]), (&[7; 16], &[]), (&[7; 16], &of(b"\xff"))]
        {
            assert!(session.decrypt(initial_vector, encrypted).is_none());
        }
        let other = Session { key: Zeroizing::new([2; KEY_LENGTH]) };
        assert!(other.decrypt(&[7; 16], &good).is_none());
        assert!(session.decrypt(&[7; 16], &of(&vec![b'x'; MAX_ENCRYPTED])).is_none());
        assert!(Half::new().unwrap().agree(&[1; 129]).is_none());
    }
}
