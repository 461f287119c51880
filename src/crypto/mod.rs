//! Keys and responses of PPP authentication, and the binding of that authentication to the TLS connection below it; and
//! what proxies want to see.
//!
//! | module | what | specification |
//! |---|---|---|
//! | [`mschapv2`] | challenge hash, response and mutual authentication | RFC 2759 8 |
//! | [`password_change`] | the new password and the old one's hash, encrypted | RFC 2759 8.9 to 8.13 |
//! | [`mppe`] | the master keys that MS-CHAPv2 yields | RFC 3079 3 |
//! | [`binding`] | HLAK, Compound MAC Key, Compound MAC, certificate hash | MS-SSTP 3.2.5.2 |
//! | [`peap`] | PRF+, the Compound MAC and the session key of PEAP | MS-PEAP 3.1.5.5.2 |
//! | [`chap_md5()`] | the response of CHAP with MD5 | RFC 1994 4.1 |
//! | [`ntlm`] | the response of NTLM v2, and its message code | MS-NLMP 3.3.2, 3.1.5.1.2 |
//! | [`http_digest`] | the response of HTTP Digest | RFC 7616 3.4.1 |
//!
//! Everything here is a function of its arguments: challenges come in by value, so that a run can be replayed. Values
//! from which a password or a key can be computed are wiped when they are dropped, and their `Debug` shows nothing. The
//! hash functions keep their state in memory of their own, which they wipe too.

pub mod binding;
mod chap_md5;
mod entropy;
pub mod http_digest;
pub mod mppe;
pub mod mschapv2;
pub mod ntlm;
pub mod password_change;
pub mod peap;

use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

pub use chap_md5::chap_md5;
pub use entropy::Entropy;

/// SHA-1 of the concatenation of `parts`.
fn sha1(parts: &[&[u8]]) -> Zeroizing<[u8; 20]> {
    let mut hasher = Sha1::new();
    for part in parts {
        hasher.update(part);
    }
    let mut digest = Zeroizing::new([0; 20]);
    hasher.finalize_into((&mut *digest).into());
    digest
}

#[cfg(test)]
mod tests {
    /// The octets that `text` spells in hexadecimal; spaces, line ends and dashes separate.
    pub(super) fn hex<const N: usize>(text: &str) -> [u8; N] {
        let digits: Vec<u8> = text.bytes().filter(|c| !c.is_ascii_whitespace() && *c != b'-').collect();
        assert_eq!(digits.len(), 2 * N, "{text}");
        std::array::from_fn(|i| {
            u8::from_str_radix(std::str::from_utf8(&digits[2 * i..2 * i + 2]).unwrap(), 16).unwrap()
        })
    }
}
