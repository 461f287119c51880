//! The keys of PEAP version 0 ([MS-PEAP] 3.1.5.5.2): what binds the method inside the tunnel to the TLS around it.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use zeroize::Zeroizing;

/// Octets of key material that TLS gives to PEAP; the Tunnel Key is its first 60 ([MS-PEAP] 3.1.5.5.2.1).
pub const KEY_MATERIAL_LEN: usize = 64;

/// EAP type of PEAP, which the Compound MAC covers.
const PEAP: u8 = 25;

/// The Intermediate PEAP MAC Key and the Compound MAC Key.
pub struct CompoundKeys {
    ipmk: Zeroizing<[u8; 40]>,
    cmk: Zeroizing<[u8; 20]>,
}

impl CompoundKeys {
    /// After an inner method with this key (its ISK: 32 octets, zeros where it makes none); [MS-PEAP] 3.1.5.5.2.2.
    pub fn new(key_material: &[u8; KEY_MATERIAL_LEN], isk: &[u8; 32]) -> Self {
        let mut temporary_key = Zeroizing::new([0; 40]);
        temporary_key.copy_from_slice(&key_material[..40]);
        let mut keys = Zeroizing::new([0; 60]);
        prf_plus(&temporary_key, &[b"Inner Methods Compound Keys", isk], &mut *keys);
        Self::split(&keys)
    }

    /// After a fast reconnect, which has no inner method: the Tunnel Key itself.
    pub fn resumed(key_material: &[u8; KEY_MATERIAL_LEN]) -> Self {
        let mut keys = Zeroizing::new([0; 60]);
        keys.copy_from_slice(&key_material[..60]);
        Self::split(&keys)
    }

    fn split(keys: &[u8; 60]) -> Self {
        let mut split = CompoundKeys { ipmk: Zeroizing::new([0; 40]), cmk: Zeroizing::new([0; 20]) };
        split.ipmk.copy_from_slice(&keys[..40]);
        split.cmk.copy_from_slice(&keys[40..]);
        split
    }

    /// The Compound MAC of a Cryptobinding TLV, given with its header and with zeros for the MAC ([MS-PEAP] 3.1.5.5.2.3).
    pub fn compound_mac(&self, cryptobinding_tlv: &[u8]) -> [u8; 20] {
        *hmac_sha1(&self.cmk, &[cryptobinding_tlv, &[PEAP]])
    }

    /// The key of the whole method where the TLV was exchanged: its first 32 octets are what SSTP takes
    /// ([MS-PEAP] 3.1.5.7). The label ends with a zero here, and only here.
    pub fn session_key(&self) -> Zeroizing<[u8; 64]> {
        let mut key = Zeroizing::new([0; 64]);
        prf_plus(&self.ipmk, &[b"Session Key Generating Function\0"], &mut *key);
        key
    }
}

/// `PRF+` with HMAC-SHA-1: each block is made of the one before, the seed, a counter and two zeros.
fn prf_plus(key: &[u8; 40], seed: &[&[u8]], out: &mut [u8]) {
    let mut before = Zeroizing::new(Vec::with_capacity(20));
    for (counter, chunk) in (1u8..).zip(out.chunks_mut(20)) {
        let parts: Vec<&[u8]> = [&before[..]].into_iter().chain(seed.iter().copied()).collect();
        let tail = [counter, 0, 0];
        let block = hmac_sha1(key, &[&parts[..], &[&tail]].concat());
        chunk.copy_from_slice(&block[..chunk.len()]);
        before.clear();
        before.extend_from_slice(&*block);
    }
}

/// HMAC (RFC 2104) with a key of at most 64 octets, the block of SHA-1: zeros behind a key do not change it.
fn hmac_sha1<const N: usize>(key: &[u8; N], parts: &[&[u8]]) -> Zeroizing<[u8; 20]> {
    const { assert!(N <= 64) };
    let mut block = Zeroizing::new([0; 64]);
    block[..N].copy_from_slice(key);
    let mut mac = Hmac::<Sha1>::new((&*block).into());
    parts.iter().for_each(|part| mac.update(part));
    let mut digest = Zeroizing::new([0; 20]);
    digest.copy_from_slice(mac.finalize().as_bytes());
    digest
}

#[cfg(test)]
mod tests {
    use super::super::tests::hex;
    use super::*;
    fn key_material() -> [u8; KEY_MATERIAL_LEN] {
        std::array::from_fn(|i| i as u8)
    }

    fn tlv() -> Vec<u8> {
        [&[0, 12, 0, 56, 0, 0, 0, 1][..], &[0xaa; 32], &[0; 20]].concat()
    }

    /// Computed with the HMAC of Python's library from the formulas of [MS-PEAP].
    #[test]
    fn keys_of_another_implementation() {
        let keys = CompoundKeys::new(&key_material(), &std::array::from_fn(|i| 100 + i as u8));
        assert_eq!(keys.compound_mac(&tlv()), hex("76d9f06456f3b37919bf1e73f737e5513d6e2a99"));
        let key = "8aca9463dd0e14447d97420474a381c2e12aeb2a78b61632b72fb15df66907c9\
                   ee6b961ff1c5ce36a8453f04c372f2e67c8002bfe4f2c41d158f125b6378f858";
        assert_eq!(*keys.session_key(), hex(key));
        let resumed = CompoundKeys::resumed(&key_material());
        assert_eq!(resumed.compound_mac(&tlv()), hex("cbcd52a4459d6195fc1a63915a5a30f9496679f0"));
    }
}
