//! Certificates and keys on tokens.

use openssl::pkey::{PKey, Private};
use openssl::x509::X509;

/// Why there is no certificate or key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TokenError {
    /// The token asks for a PIN, and there is none.
    Locked,
    /// It is not the token's PIN.
    WrongPin,
    /// Anything else; a sentence without its end.
    Unusable(String),
}

/// The URI without its query, which may have the PIN (RFC 7512 2.4).
pub(super) fn without_query(uri: &str) -> &str {
    uri.split_once('?').map_or(uri, |(path, _)| path)
}

pub(super) fn certificate(_uri: &str, _pin: Option<&str>) -> Result<X509, TokenError> {
    Err(TokenError::Unusable("tokens are not supported".to_owned()))
}

pub(super) fn key(_uri: &str, _pin: Option<&str>) -> Result<PKey<Private>, TokenError> {
    Err(TokenError::Unusable("tokens are not supported".to_owned()))
}
