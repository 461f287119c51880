//! What is to be expected of the gateway's TLS, beside the authorities to trust.

use super::notice::notice;
use super::values::{Reader, quoted};
use super::{Host, Reason};
use crate::wire::tls::Version;

/// SHA-256 of a certificate in DER.
pub type Fingerprint = [u8; 32];

/// What is to be expected of the gateway's TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GatewayTls {
    /// The name or address that its certificate must be issued for, and that the HTTP request is for; `None`: the one that
    /// is connected to.
    pub name: Option<Host>,
    /// The name to tell in the handshake (RFC 6066 3) where that is another one; never an address.
    pub sni: Option<String>,
    /// The one certificate to accept. It takes the place of authorities, name, validity and revocation.
    pub fingerprint: Option<Fingerprint>,
    /// Least version to speak.
    pub min_version: Version,
    /// A fingerprint that is none. To connect without it would be to trust others than was asked for.
    pub(super) bad_fingerprint: Option<String>,
}

/// The fingerprint that a setting spells: 64 hexadecimal digits, in pairs with colons between them or without.
pub fn parse_fingerprint(text: &str) -> Option<Fingerprint> {
    let digits: Option<Vec<u8>> = text
        .trim()
        .chars()
        .filter(|character| *character != ':')
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits?;
    let mut fingerprint = Fingerprint::default();
    if digits.len() != 2 * fingerprint.len() {
        return None;
    }
    for (octet, pair) in fingerprint.iter_mut().zip(digits.chunks(2)) {
        *octet = pair.iter().fold(0, |sum, digit| sum << 4 | digit);
    }
    Some(fingerprint)
}

pub(super) fn read(reader: &mut Reader<'_>) -> GatewayTls {
    let text = reader.text("gateway-fingerprint");
    let fingerprint = text.and_then(parse_fingerprint);
    let bad_fingerprint = text.filter(|_| fingerprint.is_none()).map(str::to_owned);
    let name = read_host(reader, "gateway-name");
    let sni = match read_host(reader, "gateway-sni") {
        Some(Host::Address(address)) => {
            reader.notice(notice!(
                "gateway-sni={address} is an address, and only a name can be told; it is ignored",
                address = address.to_string()
            ));
            None
        }
        Some(Host::Name(_)) if !reader.yes("tls-ext") => {
            reader.notice(notice!("gateway-sni is not told, since tls-ext=no"));
            None
        }
        Some(Host::Name(name)) => Some(name),
        None => None,
    };
    let min_version = reader.choice("gateway-tls-min-version").and_then(Version::from_setting);
    let min_version = min_version.unwrap_or(Version::Tls12);
    if min_version.is_outdated() {
        reader.notice(notice!(
            "gateway-tls-min-version allows {version}, which can be broken: set it to 1.2 as soon as the server can \
             do that (the TLS library of this machine may refuse it all the same)",
            version = min_version.to_string()
        ));
    }
    GatewayTls { name, sni, fingerprint, min_version, bad_fingerprint }
}

/// A name or an address; what is neither is a notice and absent, so that the gateway's own is looked for.
fn read_host(reader: &mut Reader<'_>, key: &str) -> Option<Host> {
    let text = reader.text(key)?;
    let unusable = |reason: Reason| {
        notice!("{name}={value} is ignored: {reason}", name = key, value = quoted(text), reason = reason)
    };
    Host::parse(text).map_err(|reason| reader.notice(unusable(reason))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints() {
        // FIPS 180-2 B.1: SHA-256 of "abc"
        let plain = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let colons = "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD";
        let fingerprint = parse_fingerprint(plain).unwrap();
        assert_eq!((fingerprint[0], fingerprint[31]), (0xba, 0xad));
        assert_eq!(parse_fingerprint(&format!(" {colons}\n")), Some(fingerprint));
        for text in ["", "ba", &plain[1..], &format!("{plain}0"), &plain.replace('b', "g"), &plain.replace('b', "+")] {
            assert_eq!(parse_fingerprint(text), None, "{text:?}");
        }
    }
}
