//! CHAP with MD5 (RFC 1994).

use md5::{Digest, Md5};

/// Response value to a challenge (RFC 1994 4.1): MD5 of the Identifier of the Challenge packet, the secret and the
/// Challenge Value, in this order. Any length of `secret` and `challenge` is possible.
pub fn chap_md5(identifier: u8, secret: &[u8], challenge: &[u8]) -> [u8; 16] {
    Md5::new().chain_update([identifier]).chain_update(secret).chain_update(challenge).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::super::tests::hex;
    use super::chap_md5;

    /// RFC 1994 prints no example; the one-way function is plain MD5 of a concatenation, so the test suite of RFC 1321
    /// A.5, cut at the two borders, tells whether the order of the parts is right.
    #[test]
    fn concatenation_as_rfc_1321_hashes_it() {
        let suite = [
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
            ("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"),
            ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"),
        ];
        for (message, digest) in suite {
            let message = message.as_bytes();
            for border in 1..=message.len() {
                let response = chap_md5(message[0], &message[1..border], &message[border..]);
                assert_eq!(response, hex(digest), "border at {border}");
            }
        }
    }
}
