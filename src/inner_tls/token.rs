//! Certificates and keys on tokens, by their PKCS#11 URIs (RFC 7512).
//!
//! Two ways lead to a token, and a system has one of them, another or none: the provider `pkcs11` (the package
//! pkcs11-provider, OpenSSL 3), and before it the engine `pkcs11` (libengine-pkcs11-openssl on Debian, openssl-pkcs11
//! on Fedora), an interface that OpenSSL 3 keeps for the time being. Which modules there are, they know from p11-kit.
//!
//! Of a URI only the path is handed on. Its query can name files that would be read and libraries that would be loaded
//! by root: only the PIN in it (`pin-value`) is used.

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use zeroize::Zeroizing;

use self::library::{Asked, Failure};

mod library;

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

/// The certificate of a URI; `pin` opens the token where that asks for it.
pub(super) fn certificate(uri: &str, pin: Option<&str>) -> Result<X509, TokenError> {
    library::certificate(&of_type(uri, "cert"), own_or_given(uri, pin))
        .map_err(|failure| describe(failure, "certificate"))
}

/// The key of a URI, which stays on the token. The URI of its certificate will do.
pub(super) fn key(uri: &str, pin: Option<&str>) -> Result<PKey<Private>, TokenError> {
    library::key(&of_type(uri, "private"), own_or_given(uri, pin)).map_err(|failure| describe(failure, "private key"))
}

/// The path of a URI, for an object of this type.
fn of_type(uri: &str, kind: &str) -> String {
    let (scheme, path) = without_query(uri).split_at_checked("pkcs11:".len()).unwrap_or_default();
    let is_type = |attribute: &&str| ["type=", "object-type="].iter().any(|name| attribute.starts_with(name));
    let mut attributes: Vec<&str> =
        path.split(';').filter(|attribute| !attribute.is_empty() && !is_type(attribute)).collect();
    let kind = format!("type={kind}");
    attributes.push(&kind);
    format!("{}{}", scheme.to_ascii_lowercase(), attributes.join(";"))
}

/// The PIN that was given, or else the one in the query.
fn own_or_given(uri: &str, given: Option<&str>) -> Option<Zeroizing<Vec<u8>>> {
    if let Some(given) = given.filter(|given| !given.is_empty()) {
        return Some(Zeroizing::new(given.as_bytes().to_vec()));
    }
    let (_, query) = uri.split_once('?')?;
    query.split('&').find_map(|attribute| attribute.strip_prefix("pin-value=")).and_then(decoded)
}

/// Percent-encoded octets (RFC 3986 2.1).
fn decoded(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut octets = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            octets.push(first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let digit = |at: usize| digits.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        octets.push(u8::try_from(digit(0)? << 4 | digit(1)?).ok()?);
        rest = after;
    }
    Some(octets)
}

fn describe(failure: Failure, what: &str) -> TokenError {
    let (asked, errors) = match failure {
        Failure::NoWay => {
            return TokenError::Unusable(
                "the TLS library of this machine has nothing that reads tokens: install pkcs11-provider, or on older \
                 systems libengine-pkcs11-openssl (Debian, Ubuntu) or openssl-pkcs11 (Fedora)"
                    .to_owned(),
            );
        }
        Failure::BadUri => return TokenError::Unusable("it is not a PKCS#11 URI".to_owned()),
        Failure::Library { asked, errors } => (asked, errors),
    };
    match asked {
        Asked::InVain => TokenError::Locked,
        // One who is asked again gave the wrong answer; some do not ask again, but say what was wrong.
        Asked::Again => TokenError::WrongPin,
        // The provider says nothing at all then, nor where the object is missing: a mistyped PIN is the likelier case.
        Asked::Once if errors.errors().is_empty() || is_about_the_pin(&errors) => TokenError::WrongPin,
        Asked::Once | Asked::Never => {
            let words = errors.errors().iter().rev().find_map(|error| error.reason()).unwrap_or("nothing was found");
            TokenError::Unusable(format!(
                "no such {what} was found on a token ({words}): check the URI, whether the token is plugged in, and \
                 \"p11tool --list-all\" or \"pkcs11-tool --list-objects\""
            ))
        }
    }
}

/// CKR_PIN_INCORRECT, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE and CKR_PIN_LOCKED, in the words of whoever says it.
fn is_about_the_pin(errors: &ErrorStack) -> bool {
    errors.errors().iter().filter_map(|error| error.reason()).any(|reason| {
        let reason = reason.to_ascii_lowercase();
        reason.split(|character: char| !character.is_ascii_alphanumeric()).any(|word| word == "pin")
    })
}

#[cfg(test)]
mod tests;
