//! What a person needs to know about a server's certificate: for whom, by whom, until when.
//!
//! Everything in a certificate that did not pass verification was written by whoever answered. It is shown to people
//! and goes to logs, so its texts are reduced to printable ASCII and cut to a length, and their number is bounded.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::x509::{GeneralNameRef, X509, X509ExtendedKeyUsage, X509NameRef};

/// Most names of a certificate that are shown.
const MAX_NAMES: usize = 8;

/// Most characters of one text that are shown; a DNS name has at most 253 (RFC 1035 2.3.4).
const MAX_TEXT: usize = 253;

/// The facts about one certificate, as text that is safe to show.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CertificateFacts {
    /// The names and addresses it is for (RFC 5280 4.2.1.6), or its common name where it has none; at most 8.
    pub names: Vec<String>,
    /// How many names beyond those in `names` it has.
    pub more_names: usize,
    /// Common name of its subject, or the last part of the subject that is there.
    pub subject: String,
    /// Common name of its issuer, or the last part of the issuer that is there.
    pub issuer: String,
    /// Subject and issuer are the same name.
    pub self_issued: bool,
    /// End of its validity, as OpenSSL prints it.
    pub not_after: String,
    /// Its validity has ended.
    pub expired: bool,
    /// What its extended key usage says about servers.
    pub purpose: Purpose,
    /// SHA-256 of its DER, as `AB:CD:..`.
    pub fingerprint: String,
}

/// What an extended key usage says about TLS servers (RFC 5280 4.2.1.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Purpose {
    /// id-kp-serverAuth is in it.
    Server,
    /// anyExtendedKeyUsage is in it, and id-kp-serverAuth is not.
    Any,
    /// The certificate has no such extension: it may be used for anything.
    Unrestricted,
    /// It names other purposes only.
    Other,
}

impl CertificateFacts {
    /// Reads the facts of a certificate in DER; `None` where it cannot be read.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        let certificate = X509::from_der(der).ok()?;
        let subject = name_text(certificate.subject_name());
        let mut names: Vec<String> = match certificate.subject_alt_names() {
            Some(names) => names.iter().filter_map(general_name_text).collect(),
            None => Vec::new(),
        };
        if names.is_empty() {
            names.push(subject.clone());
        }
        let more_names = names.len().saturating_sub(MAX_NAMES);
        names.truncate(MAX_NAMES);
        let now = Asn1Time::days_from_now(0).ok()?;
        Some(CertificateFacts {
            names,
            more_names,
            subject,
            issuer: name_text(certificate.issuer_name()),
            self_issued: certificate.subject_name().try_cmp(certificate.issuer_name()).is_ok_and(|order| order.is_eq()),
            not_after: printable(&certificate.not_after().to_string()),
            expired: certificate.not_after() < now,
            purpose: purpose(&certificate),
            fingerprint: certificate.digest(MessageDigest::sha256()).map(|digest| colons(&digest)).ok()?,
        })
    }

    /// End of the validity of a certificate in DER, in seconds since 1970; `None` where it cannot be read, or was before.
    pub fn not_after(der: &[u8]) -> Option<u64> {
        let certificate = X509::from_der(der).ok()?;
        let difference = Asn1Time::from_unix(0).ok()?.diff(certificate.not_after()).ok()?;
        u64::try_from(i64::from(difference.days) * 86_400 + i64::from(difference.secs)).ok()
    }

    /// The names it is for, as one text.
    pub fn names_text(&self) -> String {
        let mut text = self.names.join(", ");
        if self.more_names > 0 {
            text.push_str(&format!(" and {} more", self.more_names));
        }
        text
    }
}

/// Subject, issuer and fingerprint, to tell one certificate from another.
impl fmt::Display for CertificateFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.self_issued {
            write!(f, "made by itself for {}", self.subject)?;
        } else {
            write!(f, "issued to {} by {}", self.subject, self.issuer)?;
        }
        write!(f, ", SHA-256 {}", self.fingerprint)
    }
}

fn purpose(certificate: &X509) -> Purpose {
    match certificate.extended_key_usage() {
        None => Purpose::Unrestricted,
        Some(usage) if usage.contains(X509ExtendedKeyUsage::SSL_SERVER) => Purpose::Server,
        Some(usage) if usage.contains(X509ExtendedKeyUsage::ANYEKU) => Purpose::Any,
        Some(_) => Purpose::Other,
    }
}

/// The common name, or else the last part that is there: people know their CAs and servers by it.
fn name_text(name: &X509NameRef) -> String {
    let common_name = name.entries_by_nid(Nid::COMMONNAME).last();
    match common_name.or_else(|| name.entries().last()) {
        Some(entry) => match entry.data().to_string() {
            Ok(text) => printable(&text),
            Err(_) => "(unreadable)".to_owned(),
        },
        None => "(nobody)".to_owned(),
    }
}

fn general_name_text(name: &GeneralNameRef) -> Option<String> {
    if let Some(name) = name.dnsname() {
        return Some(printable(name));
    }
    let address = name.ipaddress()?;
    if let Ok(octets) = <[u8; 4]>::try_from(address) {
        return Some(Ipv4Addr::from(octets).to_string());
    }
    <[u8; 16]>::try_from(address).ok().map(|octets| Ipv6Addr::from(octets).to_string())
}

/// The text in printable ASCII, cut to [`MAX_TEXT`] characters.
pub(crate) fn printable(text: &str) -> String {
    text.chars().take(MAX_TEXT).map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}

/// Octets as `AB:CD:..`.
pub(super) fn colons(octets: &[u8]) -> String {
    let pairs: Vec<String> = octets.iter().map(|octet| format!("{octet:02X}")).collect();
    pairs.join(":")
}
