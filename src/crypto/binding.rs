//! Crypto binding (MS-SSTP 3.2.5.2): the Compound MAC that proves to the server that the one who authenticated in PPP is
//! the one who set up the TLS connection.

use std::fmt;
use std::hint::black_box;

use hmac::{Hmac, KeyInit, Mac};
use sha1::{Digest, Sha1};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::mppe::MasterKey;

/// Octets of a Call Connected message (MS-SSTP 2.2.11).
const CALL_CONNECTED_LENGTH: usize = 112;
/// Where its Compound MAC begins (MS-SSTP 2.2.7); it and the padding behind it fill the message to its end.
const COMPOUND_MAC_OFFSET: usize = 80;

/// Hash of the certificate and of the Compound MAC (MS-SSTP 2.2.6); the greater one is the stronger one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HashProtocol {
    /// `CERT_HASH_PROTOCOL_SHA1`.
    Sha1,
    /// `CERT_HASH_PROTOCOL_SHA256`.
    Sha256,
}

impl HashProtocol {
    /// Those that are known, the strongest first.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha1];

    /// The usual name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
        }
    }

    /// Its bit in the Hash Protocol Bitmask and the Hash Protocol field (MS-SSTP 2.2.6, 2.2.7).
    pub const fn bit(self) -> u8 {
        match self {
            Self::Sha1 => 0x01,
            Self::Sha256 => 0x02,
        }
    }

    /// The protocol of a Hash Protocol field (MS-SSTP 2.2.7), which names exactly one; `None`: it does not.
    pub const fn from_bit(bit: u8) -> Option<Self> {
        match bit {
            0x01 => Some(Self::Sha1),
            0x02 => Some(Self::Sha256),
            _ => None,
        }
    }

    /// The strongest protocol that a Hash Protocol Bitmask offers (MS-SSTP 2.2.6); `None`: it offers none that is known.
    pub const fn strongest(bitmask: u8) -> Option<Self> {
        if bitmask & Self::Sha256.bit() != 0 {
            Some(Self::Sha256)
        } else if bitmask & Self::Sha1.bit() != 0 {
            Some(Self::Sha1)
        } else {
            None
        }
    }

    /// Octets of its digest; in the message zeros fill the rest of 32.
    pub const fn digest_length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

/// Higher-Layer Authentication Key (MS-SSTP 3.2.5.2.2): what PPP authentication hands to SSTP.
#[derive(Clone)]
pub struct Hlak(Zeroizing<[u8; 32]>);

impl Hlak {
    /// The key of a method that generates none, as PAP and CHAP with MD5: 32 zeros.
    pub fn zero() -> Self {
        Self(Zeroizing::new([0; 32]))
    }

    /// The client's key after MS-CHAPv2: MasterSendKey, then MasterReceiveKey.
    pub fn from_mschapv2_client(master_key: &MasterKey) -> Self {
        let mut key = Self::zero();
        key.0[..16].copy_from_slice(&*master_key.send_key());
        key.0[16..].copy_from_slice(&*master_key.receive_key());
        key
    }

    /// The server's key after MS-CHAPv2: its MasterReceiveKey, then its MasterSendKey. What the server receives with is
    /// what the client sends with, so the octets are those of [`from_mschapv2_client`](Self::from_mschapv2_client).
    pub fn from_mschapv2_server(master_key: &MasterKey) -> Self {
        Self::from_mschapv2_client(master_key)
    }

    /// The key that pppd up to 2.5.0 takes after EAP-TLS: the first 16 octets of each half of the MSK (RFC 3079 takes its
    /// two keys from there), where MS-SSTP and RFC 5216 2.3 have its first 32.
    pub fn from_halves(msk: &[u8; 64]) -> Self {
        let mut key = Self::zero();
        key.0[..16].copy_from_slice(&msk[..16]);
        key.0[16..].copy_from_slice(&msk[32..48]);
        key
    }

    /// The key after an EAP method: the first 32 octets of its key material, zeros behind material that is shorter.
    pub fn from_key_material(material: &[u8]) -> Self {
        let mut key = Self::zero();
        for (octet, given) in key.0.iter_mut().zip(material) {
            *octet = *given;
        }
        key
    }
}

impl Hlak {
    /// The octets: an EAP method inside another binds its key to the outer one's.
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Hlak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// Cert Hash field (MS-SSTP 2.2.7) for the server's certificate, given as the DER that the TLS handshake showed. A digest
/// of 20 octets is followed by 12 zeros, the field's padding.
pub fn certificate_hash(protocol: HashProtocol, der: &[u8]) -> [u8; 32] {
    match protocol {
        HashProtocol::Sha1 => zero_padded(&Sha1::digest(der)),
        HashProtocol::Sha256 => Sha256::digest(der).into(),
    }
}

/// Compound MAC field (MS-SSTP 2.2.7) of a Call Connected message, given whole. Its own Compound MAC and the padding
/// fields count as zeros (MS-SSTP 3.2.5.2.1, 3.2.5.2.3), whatever they hold. A MAC of 20 octets is followed by 12 zeros.
pub fn compound_mac(
    protocol: HashProtocol,
    hlak: &Hlak,
    call_connected_packet: &[u8; CALL_CONNECTED_LENGTH],
) -> [u8; 32] {
    let mut input = *call_connected_packet;
    let certificate_hash_end = COMPOUND_MAC_OFFSET - 32 + protocol.digest_length();
    input[certificate_hash_end..COMPOUND_MAC_OFFSET].fill(0);
    input[COMPOUND_MAC_OFFSET..].fill(0);
    *hmac(protocol, &compound_mac_key(protocol, hlak), &[&input])
}

/// Whether two MACs, digests or responses are equal; how long it takes does not depend on where they differ.
pub fn mac_eq<const N: usize>(a: &[u8; N], b: &[u8; N]) -> bool {
    let difference = a.iter().zip(b).fold(0, |difference, (a, b)| black_box(difference | (a ^ b)));
    difference == 0
}

/// Compound MAC Key (MS-SSTP 3.2.5.2.2, 3.2.5.2.4): as many octets of PRF+ over the seed as the digest has, which is
/// its first block, T1. Behind 20 octets stand 12 zeros.
fn compound_mac_key(protocol: HashProtocol, hlak: &Hlak) -> Zeroizing<[u8; 32]> {
    const SEED: &[u8; 29] = b"SSTP inner method derived CMK";
    let length = protocol.digest_length() as u16;
    hmac(protocol, &hlak.0, &[SEED, &length.to_le_bytes(), &[0x01]])
}

/// HMAC (RFC 2104) of the concatenation of `parts`, followed by zeros up to 32 octets. Zeros behind a shorter key do not
/// matter: HMAC itself fills the key with zeros up to the block of its hash function, 64 octets.
fn hmac(protocol: HashProtocol, key: &[u8; 32], parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut block = Zeroizing::new([0; 64]);
    block[..32].copy_from_slice(key);
    let mut output = Zeroizing::new([0; 32]);
    match protocol {
        HashProtocol::Sha1 => {
            let mut mac = Hmac::<Sha1>::new((&*block).into());
            parts.iter().for_each(|part| mac.update(part));
            output[..20].copy_from_slice(mac.finalize().as_bytes());
        }
        HashProtocol::Sha256 => {
            let mut mac = Hmac::<Sha256>::new((&*block).into());
            parts.iter().for_each(|part| mac.update(part));
            output.copy_from_slice(mac.finalize().as_bytes());
        }
    }
    output
}

fn zero_padded(digest: &[u8]) -> [u8; 32] {
    std::array::from_fn(|i| digest.get(i).copied().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::super::mschapv2::PasswordHash;
    use super::super::tests::hex;
    use super::*;

    /// Offset of the Cert Hash field in a Call Connected message (MS-SSTP 2.2.7, 2.2.11).
    const CERTIFICATE_HASH_OFFSET: usize = 48;

    /// MS-SSTP 4.7, the first example.
    const SHA256_PACKET: &str = "
        10 01 00 70 00 04 00 01 00 03 00 68 00 00 00 02
        41 2B 48 9A EB D7 EC C7 D0 89 66 F2 6B E7 CD 72
        B2 31 A0 E9 21 0D 7C 91 B3 08 86 2B 03 44 C4 35
        79 93 EF 31 4C 49 3D AC E9 F0 2D 60 E7 E6 1C 84
        B6 69 0A AF E9 D7 AE EA 92 CB BE 8A D5 99 42 2D
        52 A6 8E FD 8C FF BF 52 77 0B 8F 0F E8 EC 73 71
        65 83 AF 6D 61 1E B6 D1 79 B3 B2 08 40 98 54 49";
    const SHA256_HLAK: &str = "
        2A 1B B4 0D 55 AB 0F 5E F3 2F 06 F2 B3 CC 73 C4
        8F D3 FA C4 1D 7A 13 15 A1 92 28 D9 02 4C A1 64";

    /// MS-SSTP 4.7, the second example.
    const SHA1_PACKET: &str = "
        10 01 00 70 00 04 00 01 00 03 00 68 00 00 00 01
        0F 1A 2D 58 D4 A3 E3 00 0F AD 3C E4 90 6E 07 B7
        07 AA 9E 44 1C CE AC 5C BD 7B 2C C1 C9 D8 6C DF
        58 26 B6 29 BD A5 9B 8E 6F D8 DC D2 62 2F D3 4C
        53 48 05 A5 00 00 00 00 00 00 00 00 00 00 00 00
        69 91 5D D5 83 D8 06 2F EF 16 F6 1D B2 F0 32 90
        EC 27 CB 6C 00 00 00 00 00 00 00 00 00 00 00 00";
    const SHA1_HLAK: &str = "
        4B 31 28 F4 39 25 D9 00-6E EF B1 C4 E8 65 15 A1
        D8 8E 56 BA B3 CA 2B DF-03 73 B7 F5 A8 A1 3B 19";

    fn examples() -> [(HashProtocol, [u8; 112], [u8; 32]); 2] {
        [
            (HashProtocol::Sha256, hex(SHA256_PACKET), hex(SHA256_HLAK)),
            (HashProtocol::Sha1, hex(SHA1_PACKET), hex(SHA1_HLAK)),
        ]
    }

    #[test]
    fn compound_macs_of_ms_sstp_4_7() {
        for (protocol, packet, hlak) in examples() {
            let mac: [u8; 32] = packet[COMPOUND_MAC_OFFSET..].try_into().unwrap();
            let hlak = Hlak::from_key_material(&hlak);
            assert_eq!(compound_mac(protocol, &hlak, &packet), mac, "{protocol:?}, as received");
            let mut unsigned = packet;
            unsigned[COMPOUND_MAC_OFFSET..].fill(0);
            assert_eq!(compound_mac(protocol, &hlak, &unsigned), mac, "{protocol:?}, before it is sent");
        }
    }

    /// The keys between HLAK and Compound MAC, which MS-SSTP 4.7 leaves out; computed with OpenSSL.
    #[test]
    fn compound_mac_keys_of_ms_sstp_4_7() {
        let keys = [
            "ecf59ac9fe155cf0a9e7d66adc1b363c1ad7ba91a9217f0cec2a534298828df6",
            "a98b862a38cc7e224b42cd128586acb22f0bd1e9 00 00 00 00 00 00 00 00 00 00 00 00",
        ];
        for ((protocol, _, hlak), key) in examples().into_iter().zip(keys) {
            assert_eq!(*compound_mac_key(protocol, &Hlak::from_key_material(&hlak)), hex(key), "{protocol:?}");
        }
    }

    #[test]
    fn every_octet_that_counts_changes_the_mac() {
        for (protocol, packet, hlak) in examples() {
            let hlak = Hlak::from_key_material(&hlak);
            let mac = compound_mac(protocol, &hlak, &packet);
            let counted = CERTIFICATE_HASH_OFFSET + protocol.digest_length();
            for i in 0..packet.len() {
                let mut changed = packet;
                changed[i] ^= 0x80;
                assert_eq!(compound_mac(protocol, &hlak, &changed) == mac, i >= counted, "{protocol:?}, octet {i}");
            }
        }
    }

    /// The digests of `abc` in FIPS 180-2 A.1 and B.1.
    #[test]
    fn certificate_hashes() {
        assert_eq!(
            certificate_hash(HashProtocol::Sha1, b"abc"),
            hex("A9993E36 4706816A BA3E2571 7850C26C 9CD0D89D 00000000 00000000 00000000")
        );
        assert_eq!(
            certificate_hash(HashProtocol::Sha256, b"abc"),
            hex("BA7816BF 8F01CFEA 414140DE 5DAE2223 B00361A3 96177A9C B410FF61 F20015AD")
        );
    }

    #[test]
    fn the_stronger_hash_is_chosen() {
        use HashProtocol::{Sha1, Sha256};
        let chosen = [None, Some(Sha1), Some(Sha256), Some(Sha256)];
        for bitmask in 0..=255u8 {
            assert_eq!(HashProtocol::strongest(bitmask), chosen[usize::from(bitmask & 3)], "{bitmask:#04x}");
        }
        assert!(Sha256 > Sha1);
        assert_eq!([0, 1, 2, 3].map(HashProtocol::from_bit), [None, Some(Sha1), Some(Sha256), None]);
    }

    /// The keys of RFC 3079 3.5.3: what the RFC shows, the server's send key, comes second on both sides.
    #[test]
    fn hlak_of_mschapv2() {
        let nt_response = hex("82 30 9E CD 8D 70 8B 5E A0 8F AA 39 81 CD 83 54 42 33 11 4A 3D 85 D6 DF");
        let master_key = MasterKey::new(&PasswordHash::new("clientPass").hash(), &nt_response);
        let client = Hlak::from_mschapv2_client(&master_key);
        assert_eq!(*client.0, hex("d5f0e9521e3ea9589645e86051c82226 8B 7C DC 14 9B 99 3A 1B A1 18 CB 15 3F 56 DC CB"));
        assert_eq!(*client.0, *Hlak::from_mschapv2_server(&master_key).0);
    }

    #[test]
    fn hlak_is_cut_or_filled_to_32_octets() {
        let material: [u8; 64] = std::array::from_fn(|i| i as u8 + 1);
        assert_eq!(Hlak::from_key_material(&material).0[..], material[..32]);
        let short = Hlak::from_key_material(&material[..20]);
        assert_eq!((&short.0[..20], &short.0[20..]), (&material[..20], &[0; 12][..]));
        assert_eq!(*Hlak::from_key_material(&[]).0, *Hlak::zero().0);
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Hlak::from_key_material(&[0x41; 32])), "<redacted>");
    }

    #[test]
    fn equality_looks_at_every_bit() {
        let mac = [0x5a; 20];
        assert!(mac_eq(&mac, &[0x5a; 20]));
        for bit in 0..160 {
            let mut other = mac;
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!mac_eq(&mac, &other), "bit {bit}");
        }
    }
}
