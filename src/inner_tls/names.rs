//! The names in certificates: the user's, for the EAP identity, and the server's, to be compared.

use openssl::nid::Nid;
use openssl::x509::{X509, X509NameEntryRef, X509Ref};

use super::der::{self, Elements};

/// 2.5.29.17, id-ce-subjectAltName (RFC 5280 4.2.1.6).
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// 1.3.6.1.4.1.311.20.2.3, szOID_NT_PRINCIPAL_NAME: a user principal name ([MS-WCCE] 2.2.2.7.7.2).
const PRINCIPAL_NAME: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x14, 0x02, 0x03];

/// Most octets of a name that can be an EAP identity here.
const MAX_USER_NAME: usize = 253;

/// The user's name in their certificate: principal name, e-mail address of the subject, or common name.
pub(super) fn user_name(certificate: &X509) -> Option<String> {
    let der = certificate.to_der().unwrap_or_default();
    let subject = |nid| certificate.subject_name().entries_by_nid(nid).last().and_then(value);
    [principal_name(&der), subject(Nid::PKCS9_EMAILADDRESS), subject(Nid::COMMONNAME)]
        .into_iter()
        .flatten()
        .find(|name| !name.is_empty() && name.len() <= MAX_USER_NAME && !name.chars().any(char::is_control))
}

/// The user principal name of a certificate in DER.
fn principal_name(certificate: &[u8]) -> Option<String> {
    let names = Elements(der::extension(certificate, SUBJECT_ALT_NAME)?).expect(der::SEQUENCE)?;
    Elements(names).filter(|(tag, _)| *tag == der::context(0)).find_map(|(_, other_name)| {
        let mut parts = Elements(other_name);
        if parts.expect(der::OBJECT_IDENTIFIER)? != PRINCIPAL_NAME {
            return None;
        }
        let text = Elements(parts.expect(der::context(0))?).expect(der::UTF8_STRING)?;
        String::from_utf8(text.to_vec()).ok()
    })
}

/// The value of a part of a name; `None` where its octets are not its text. The library ends a text at an octet 0, so
/// that a name like `vpn.example\0.evil` must never get as far as being compared.
fn value(entry: &X509NameEntryRef) -> Option<String> {
    let text = entry.data().to_string().ok()?;
    (text.as_bytes() == entry.data().as_slice() && !text.contains('\0')).then_some(text)
}

/// The names that a server can be known by: its DNS names and its common names.
pub(super) fn server_names(certificate: &X509Ref) -> Vec<String> {
    let mut names: Vec<String> = certificate.subject_name().entries_by_nid(Nid::COMMONNAME).filter_map(value).collect();
    if let Some(alternatives) = certificate.subject_alt_names() {
        names.extend(alternatives.iter().filter_map(|name| name.dnsname()).map(str::to_owned));
    }
    names
}

/// Whether `name` is `wanted`.
pub(super) fn is(name: &str, wanted: &str) -> bool {
    !wanted.is_empty() && name.eq_ignore_ascii_case(wanted)
}

/// Whether `name` is `suffix`, or stands below it. A suffix that begins with a dot asks for what stands below.
pub(super) fn ends_with(name: &str, suffix: &str) -> bool {
    let below = suffix.strip_prefix('.');
    let suffix = below.unwrap_or(suffix).as_bytes();
    let Some(head) = name.len().checked_sub(suffix.len()) else { return false };
    let (head, tail) = name.as_bytes().split_at(head);
    let border = if head.is_empty() { below.is_none() } else { head.len() > 1 && head.ends_with(b".") };
    !suffix.is_empty() && tail.eq_ignore_ascii_case(suffix) && border
}

/// Whether the subject of the certificate is spelled so: `/C=DE/CN=x`, `C = DE, CN = x`, `C=DE, CN=x` as OpenSSL's
/// versions do, or `CN=x,C=DE` as RFC 2253 does, with space after the commas or without.
pub(super) fn subject_is(certificate: &X509Ref, wanted: &str) -> bool {
    let parts: Option<Vec<(String, String)>> = certificate
        .subject_name()
        .entries()
        .map(|entry| Some((entry.object().nid().short_name().ok()?.to_owned(), value(entry)?)))
        .collect();
    let Some(parts) = parts.filter(|parts| !parts.is_empty()) else { return false };
    let wanted = wanted.trim();
    if wanted.starts_with('/') {
        let line: String = parts.iter().map(|(key, value)| format!("/{key}={}", one_line(value))).collect();
        return line == wanted;
    }
    let spelled = |equals: &str, comma: &str, reversed: bool| {
        let mut parts: Vec<String> =
            parts.iter().map(|(key, value)| format!("{key}{equals}{}", escaped(value))).collect();
        if reversed {
            parts.reverse();
        }
        parts.join(comma)
    };
    [(" = ", ", ", false), ("=", ", ", false), ("=", ",", false), ("=", ",", true), ("=", ", ", true)]
        .into_iter()
        .any(|(equals, comma, reversed)| spelled(equals, comma, reversed) == wanted)
}

/// A value as `X509_NAME_oneline` writes it.
fn one_line(value: &str) -> String {
    let octet = |octet: &u8| match octet {
        b' '..=b'~' => char::from(*octet).to_string(),
        other => format!("\\x{other:02X}"),
    };
    value.as_bytes().iter().map(octet).collect()
}

/// A value with the escapes of RFC 2253 2.4.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (position, character) in value.chars().enumerate() {
        let at_an_end = character == ' ' && (position == 0 || position == last);
        if at_an_end
            || matches!(character, ',' | '+' | '"' | '\\' | '<' | '>' | ';')
            || (character == '#' && position == 0)
        {
            text.push('\\');
        }
        text.push(character);
    }
    text
}

#[cfg(test)]
mod tests {
    use openssl::x509::X509Name;

    use super::*;
    use crate::transport::pki;

    #[test]
    fn a_suffix_ends_at_the_border_of_a_label() {
        for name in ["radius.corp.example", "corp.example", "RADIUS.Corp.Example", "a.b.corp.example"] {
            assert!(ends_with(name, "corp.example"), "{name}");
        }
        for name in ["evilcorp.example", "corp.example.evil", "example", ".corp.example", ""] {
            assert!(!ends_with(name, "corp.example"), "{name}");
        }
        assert!(ends_with("radius.corp.example", ".corp.example"));
        assert!(!ends_with("corp.example", ".corp.example"));
        assert!(!ends_with("corp.example", ""));
        assert!(!ends_with("corp.example", "."));
        assert!(!ends_with("é", "\u{a9}"), "the border of a character is one, too");
    }

    fn subject(parts: &[(&str, &str)]) -> X509 {
        let mut name = X509Name::builder().unwrap();
        for (key, value) in parts {
            name.append_entry_by_text(key, value).unwrap();
        }
        let key = pki::key();
        let mut builder = pki::builder("x", "x", &key);
        builder.set_subject_name(&name.build()).unwrap();
        builder.build()
    }

    #[test]
    fn a_subject_is_known_in_each_spelling() {
        let certificate = subject(&[("C", "DE"), ("O", "Corp, Inc."), ("CN", "radius")]);
        for line in [
            "/C=DE/O=Corp, Inc./CN=radius",
            "C = DE, O = Corp\\, Inc., CN = radius",
            "C=DE, O=Corp\\, Inc., CN=radius",
            "CN=radius,O=Corp\\, Inc.,C=DE",
            " CN=radius, O=Corp\\, Inc., C=DE ",
        ] {
            assert!(subject_is(&certificate, line), "{line}");
        }
        for line in ["", "/", "CN=radius", "/C=DE/O=Corp, Inc./CN=radius2", "/CN=radius", "C=DE,CN=radius"] {
            assert!(!subject_is(&certificate, line), "{line}");
        }
    }

    #[test]
    fn a_value_with_an_octet_0_is_no_name() {
        let certificate = subject(&[("CN", "radius\0.evil"), ("CN", "other")]);
        assert_eq!(server_names(&certificate), ["other"]);
        assert!(!subject_is(&certificate, "/CN=radius/CN=other"));
    }

    #[test]
    fn without_a_principal_name_the_user_is_called_by_the_subject() {
        assert_eq!(user_name(&subject(&[("C", "DE")])), None);
        assert_eq!(user_name(&subject(&[("CN", "Alice")])).as_deref(), Some("Alice"));
        let both = subject(&[("emailAddress", "alice@corp.example"), ("CN", "Alice")]);
        assert_eq!(user_name(&both).as_deref(), Some("alice@corp.example"));
        assert_eq!(user_name(&subject(&[("CN", "Alice\nBob")])), None);
    }
}
