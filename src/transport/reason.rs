//! What an error of the TLS library means: it has many words, and few types.

use std::error::Error;
use std::io;
use std::net::IpAddr;

use super::Settings;
use super::failure::{CertificateProblem, TlsFailure};

/// Reason codes of OpenSSL's TLS library (`openssl/sslerr.h`); those from 1000 on are alerts that the server sent.
mod code {
    /// The number of that library (`openssl/err.h`, `ERR_LIB_SSL`): other libraries give these numbers other meanings.
    pub(super) const LIBRARY: i32 = 20;
    pub(super) const CERTIFICATE_VERIFY_FAILED: i32 = 134;
    pub(super) const HTTP_REQUEST: i32 = 156;
    pub(super) const PACKET_LENGTH_TOO_LONG: i32 = 198;
    pub(super) const UNSUPPORTED_PROTOCOL: i32 = 258;
    pub(super) const WRONG_SSL_VERSION: i32 = 266;
    pub(super) const WRONG_VERSION_NUMBER: i32 = 267;
    pub(super) const UNEXPECTED_EOF_WHILE_READING: i32 = 294;
    pub(super) const LEGACY_SIGALG_DISALLOWED: i32 = 333;
    pub(super) const ALERT_PROTOCOL_VERSION: i32 = 1070;
    pub(super) const ALERT_UNRECOGNIZED_NAME: i32 = 1112;
    pub(super) const ALERT_NO_APPLICATION_PROTOCOL: i32 = 1120;
}

/// What the library's error means for a connection with these settings.
pub(super) fn of(error: &dyn Error, settings: &Settings) -> TlsFailure {
    let text = error.to_string();
    let Some(source) = error.source() else { return TlsFailure::Closed };
    if let Some(error) = source.downcast_ref::<io::Error>() {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                TlsFailure::Closed
            }
            _ => TlsFailure::Other(error.to_string()),
        };
    }
    let Some(stack) = source.downcast_ref::<openssl::error::ErrorStack>() else {
        return TlsFailure::Other(text);
    };
    // The reason that counts is the last: those before it say from how deep it came.
    for error in stack.errors().iter().rev().filter(|error| error.library_code() == code::LIBRARY) {
        match error.reason_code() {
            code::CERTIFICATE_VERIFY_FAILED => {
                return TlsFailure::Certificate { problem: certificate_problem(&text), certificate: None };
            }
            code::UNSUPPORTED_PROTOCOL
            | code::WRONG_SSL_VERSION
            | code::LEGACY_SIGALG_DISALLOWED
            | code::ALERT_PROTOCOL_VERSION => {
                return TlsFailure::ProtocolVersion { least: settings.least_version };
            }
            code::ALERT_UNRECOGNIZED_NAME => {
                let told = settings.told();
                let is_told = settings.server_name_indication && told.parse::<IpAddr>().is_err();
                return TlsFailure::NameRefused { told: is_told.then(|| told.to_owned()) };
            }
            code::ALERT_NO_APPLICATION_PROTOCOL => return TlsFailure::NoApplicationProtocol,
            code::WRONG_VERSION_NUMBER | code::HTTP_REQUEST | code::PACKET_LENGTH_TOO_LONG => {
                return TlsFailure::NotTls(None);
            }
            code::UNEXPECTED_EOF_WHILE_READING => return TlsFailure::Closed,
            _ => {}
        }
    }
    let last = stack.errors().last().and_then(|error| error.reason());
    TlsFailure::Other(last.unwrap_or(&text).to_owned())
}

/// The problem, from the words that native-tls puts in parentheses at the end of its error: it keeps the number of the
/// verification result to itself. The words are those of OpenSSL's `x509_txt.c`, old and new spellings.
pub(super) fn certificate_problem(text: &str) -> CertificateProblem {
    let words = text.rsplit_once(" (").and_then(|(_, words)| words.strip_suffix(')')).unwrap_or(text);
    let lower = words.to_ascii_lowercase();
    let has = |part: &str| lower.contains(part);
    if has("hostname mismatch") || has("ip address mismatch") {
        CertificateProblem::WrongName
    } else if has("certificate has expired") {
        CertificateProblem::Expired
    } else if has("certificate is not yet valid") {
        CertificateProblem::NotYetValid
    } else if has("certificate purpose") {
        CertificateProblem::Purpose
    } else if ["issuer certificate", "first certificate", "self-signed", "self signed", "signature failure"]
        .into_iter()
        .any(has)
    {
        CertificateProblem::Untrusted(words.to_owned())
    } else {
        CertificateProblem::Other(words.to_owned())
    }
}
