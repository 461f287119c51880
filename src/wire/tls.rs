//! The versions of TLS, and the ServerHello of a connection (RFC 8446 4.1.3, RFC 5246 7.4.1.3), as far as people want to know what was agreed
//! on: the library of the outer TLS does not say. It is in clear in every version.

use std::fmt;

/// Most octets of a stream that are needed to find a ServerHello.
pub const MAX_SERVER_HELLO: usize = 2048;

const HANDSHAKE: u8 = 22;
const SERVER_HELLO: u8 = 2;
const SUPPORTED_VERSIONS: u16 = 43;
/// The header of a record (RFC 8446 5.1), in octets.
const RECORD_HEADER_LEN: usize = 5;

/// A version of TLS that can be spoken at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Version {
    /// TLS 1.0 (RFC 2246), which OpenSSL 3 refuses unless its policy was loosened.
    Tls10,
    /// TLS 1.1 (RFC 4346), as 1.0.
    Tls11,
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl Version {
    /// The version that settings spell `1.0`, `1.1`, `1.2` or `1.3`.
    pub fn from_setting(text: &str) -> Option<Self> {
        match text {
            "1.0" => Some(Version::Tls10),
            "1.1" => Some(Version::Tls11),
            "1.2" => Some(Version::Tls12),
            "1.3" => Some(Version::Tls13),
            _ => None,
        }
    }

    /// Nobody should speak it any more (RFC 8996).
    pub fn is_outdated(self) -> bool {
        self < Version::Tls12
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Version::Tls10 => "TLS 1.0",
            Version::Tls11 => "TLS 1.1",
            Version::Tls12 => "TLS 1.2",
            Version::Tls13 => "TLS 1.3",
        })
    }
}

/// What a server chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerHello {
    /// The version: 0x0303 is TLS 1.2, 0x0304 is TLS 1.3.
    pub version: u16,
    /// The cipher suite, by IANA's number.
    pub cipher_suite: u16,
}

impl ServerHello {
    /// Finds it at the beginning of what a server sent; `None` where it is not there, or not whole yet.
    pub fn find(stream: &[u8]) -> Option<Self> {
        let mut handshake = Vec::new();
        let mut rest = stream;
        // a message may come in several records
        while let [HANDSHAKE, _, _, high, low, ..] = rest {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let record = &rest[RECORD_HEADER_LEN..];
            handshake.extend_from_slice(&record[..record.len().min(length)]);
            rest = record.get(length..).unwrap_or_default();
        }
        let [SERVER_HELLO, a, b, c, ..] = handshake[..] else { return None };
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        Self::parse(handshake.get(4..4 + length)?)
    }

    fn parse(body: &[u8]) -> Option<Self> {
        let word = |at: usize| body.get(at..at + 2).map(|octets| u16::from_be_bytes([octets[0], octets[1]]));
        let legacy_version = word(0)?;
        let session_id = usize::from(*body.get(34)?);
        let cipher_suite = word(35 + session_id)?;
        let mut at = 35 + session_id + 5;
        let mut version = legacy_version;
        while let (Some(kind), Some(length)) = (word(at), word(at + 2)) {
            if kind == SUPPORTED_VERSIONS {
                version = word(at + 4)?;
            }
            at += 4 + usize::from(length);
        }
        Some(ServerHello { version, cipher_suite })
    }

    /// The version, where it is one that is known.
    pub fn known_version(self) -> Option<Version> {
        match self.version {
            0x0301 => Some(Version::Tls10),
            0x0302 => Some(Version::Tls11),
            0x0303 => Some(Version::Tls12),
            0x0304 => Some(Version::Tls13),
            _ => None,
        }
    }

    /// The version as people write it.
    pub fn version_name(self) -> String {
        match self.known_version() {
            Some(version) => version.to_string(),
            None => format!("TLS {:#06x}", self.version),
        }
    }

    /// The cipher suite as IANA spells it, or its number.
    pub fn cipher_name(self) -> String {
        match CIPHER_SUITES.iter().find(|(number, _)| *number == self.cipher_suite) {
            Some((_, name)) => (*name).to_owned(),
            None => format!("{:#06x}", self.cipher_suite),
        }
    }
}

impl fmt::Display for ServerHello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.version_name(), self.cipher_name())
    }
}

/// The suites that OpenSSL 3 can agree on with a certificate of the usual kinds (IANA, TLS Cipher Suites).
const CIPHER_SUITES: &[(u16, &str)] = &[
    (0x1301, "TLS_AES_128_GCM_SHA256"),
    (0x1302, "TLS_AES_256_GCM_SHA384"),
    (0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
    (0x1304, "TLS_AES_128_CCM_SHA256"),
    (0x1305, "TLS_AES_128_CCM_8_SHA256"),
    (0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    (0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
    (0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    (0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    (0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
    (0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
    (0xccaa, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
    (0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256"),
    (0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384"),
    (0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"),
    (0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"),
    (0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"),
    (0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"),
    (0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
    (0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"),
    (0xc023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"),
    (0xc024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384"),
    (0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"),
    (0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"),
    (0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA"),
    (0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA"),
    (0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256"),
    (0x003d, "TLS_RSA_WITH_AES_256_CBC_SHA256"),
    (0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"),
    (0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA"),
    (0x0067, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256"),
    (0x006b, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The ServerHello record of RFC 8448 3.
    const RFC8448: [u8; 95] = [
        0x16, 0x03, 0x03, 0x00, 0x5a, 0x02, 0x00, 0x00, 0x56, 0x03, 0x03, 0xa6, 0xaf, 0x06, 0xa4, 0x12, 0x18, 0x60,
        0xdc, 0x5e, 0x6e, 0x60, 0x24, 0x9c, 0xd3, 0x4c, 0x95, 0x93, 0x0c, 0x8a, 0xc5, 0xcb, 0x14, 0x34, 0xda, 0xc1,
        0x55, 0x77, 0x2e, 0xd3, 0xe2, 0x69, 0x28, 0x00, 0x13, 0x01, 0x00, 0x00, 0x2e, 0x00, 0x33, 0x00, 0x24, 0x00,
        0x1d, 0x00, 0x20, 0xc9, 0x82, 0x88, 0x76, 0x11, 0x20, 0x95, 0xfe, 0x66, 0x76, 0x2b, 0xdb, 0xf7, 0xc6, 0x72,
        0xe1, 0x56, 0xd6, 0xcc, 0x25, 0x3b, 0x83, 0x3d, 0xf1, 0xdd, 0x69, 0xb1, 0xb0, 0x4e, 0x75, 0x1f, 0x0f, 0x00,
        0x2b, 0x00, 0x02, 0x03, 0x04,
    ];

    #[test]
    fn example_of_rfc_8448() {
        let hello = ServerHello::find(&RFC8448[..]).unwrap();
        assert_eq!(hello.to_string(), "TLS 1.3, TLS_AES_128_GCM_SHA256");
        for cut in 0..RFC8448.len() {
            assert_eq!(ServerHello::find(&RFC8448[..cut]), None, "cut at {cut}");
        }
        let (first, second) = RFC8448[5..].split_at(40);
        let two = [&[22, 3, 3, 0, 40][..], first, &[22, 3, 3, 0, 50], second].concat();
        assert_eq!(ServerHello::find(&two), Some(hello), "in two records");
    }

    #[test]
    fn a_version_without_the_extension() {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0xc0, 0x30, 0]);
        let mut stream = vec![22, 3, 3, 0, body.len() as u8 + 4, 2, 0, 0, body.len() as u8];
        stream.extend(&body);
        let hello = ServerHello::find(&stream).unwrap();
        assert_eq!(hello.to_string(), "TLS 1.2, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384");
        assert_eq!(ServerHello::find(b"HTTP/1.1 400 Bad Request\r\n"), None);
        assert_eq!(ServerHello { version: 0x7f1c, cipher_suite: 0xfafa }.to_string(), "TLS 0x7f1c, 0xfafa");
    }
}
