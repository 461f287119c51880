//! The formats that certificates and keys come in, told apart by their contents.

use openssl::error::ErrorStack;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};
use openssl::provider::Provider;
use openssl::x509::X509;

use super::der::{self, Elements};

/// Why there is no key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum KeyError {
    /// It is locked, and there is no passphrase.
    Locked,
    /// The passphrase does not open it.
    WrongPassphrase,
    /// Anything else.
    Unusable(&'static str),
}

/// What a PKCS#12 file holds.
pub(super) struct Bundle {
    pub(super) key: Option<PKey<Private>>,
    /// Its own certificate first, where there is one, then those of authorities.
    pub(super) certificates: Vec<X509>,
}

/// The version of PKCS#12 (RFC 7292 4); keys and certificates have other numbers at its place, or none.
const PKCS12_VERSION: &[u8] = &[3];

/// The same at the head of a file that, as BER allows, does not tell its length.
const PKCS12_OF_UNKNOWN_LENGTH: &[u8] = &[0x30, 0x80, 0x02, 0x01, 0x03];

fn is_pem(contents: &[u8]) -> bool {
    has(contents, b"-----BEGIN ")
}

fn has(contents: &[u8], part: &[u8]) -> bool {
    contents.windows(part.len()).any(|window| window == part)
}

pub(super) fn is_pkcs12(contents: &[u8]) -> bool {
    let version = |contents| Elements(Elements(contents).expect(der::SEQUENCE)?).expect(der::INTEGER);
    version(contents) == Some(PKCS12_VERSION) || contents.starts_with(PKCS12_OF_UNKNOWN_LENGTH)
}

/// Whether a file in PEM has a key beside whatever else it has.
pub(super) fn has_pem_key(contents: &[u8]) -> bool {
    has(contents, b"PRIVATE KEY-----")
}

/// The certificates of a file in PEM, in its order, or the one of a file in DER. The error says what the file is not.
pub(super) fn certificates(contents: &[u8]) -> Result<Vec<X509>, &'static str> {
    if is_pem(contents) {
        return X509::stack_from_pem(contents).map_err(|_| "a certificate in it is damaged");
    }
    match X509::from_der(contents) {
        Ok(certificate) => Ok(vec![certificate]),
        Err(_) => Err("it is not a certificate in PEM or DER"),
    }
}

/// The key and the certificates of a PKCS#12 file.
pub(super) fn pkcs12(contents: &[u8], passphrase: Option<&str>) -> Result<Bundle, KeyError> {
    let file = Pkcs12::from_der(contents).map_err(|_| KeyError::Unusable("it is a damaged PKCS#12 file"))?;
    let passphrase = usable(passphrase)?;
    // Files without a passphrase are opened by an empty one.
    let parsed = with_old_ciphers(|| file.parse2(passphrase.unwrap_or_default()));
    let parsed = parsed.map_err(|errors| locked(passphrase, &errors))?;
    let authorities = parsed.ca.into_iter().flatten();
    Ok(Bundle { key: parsed.pkey, certificates: parsed.cert.into_iter().chain(authorities).collect() })
}

/// The key of a file in PEM (PKCS#8 or the traditional formats) or DER.
pub(super) fn key(contents: &[u8], passphrase: Option<&str>) -> Result<PKey<Private>, KeyError> {
    const NO_KEY: KeyError = KeyError::Unusable("it is not a private key in PEM, DER or PKCS#12");
    let passphrase = usable(passphrase)?;
    let phrase = passphrase.unwrap_or_default().as_bytes();
    // The library would ask at the terminal for a passphrase that it is not given: so it always gets one.
    let (is_locked, parsed) = if is_pem(contents) {
        if !has_pem_key(contents) {
            return Err(KeyError::Unusable("it holds no private key"));
        }
        let is_locked = has(contents, b"ENCRYPTED PRIVATE KEY-----") || has(contents, b"Proc-Type: 4,ENCRYPTED");
        (is_locked, with_old_ciphers(|| PKey::private_key_from_pem_passphrase(contents, phrase)))
    } else if is_encrypted_pkcs8(contents) {
        (true, with_old_ciphers(|| PKey::private_key_from_pkcs8_passphrase(contents, phrase)))
    } else {
        (false, PKey::private_key_from_der(contents))
    };
    parsed.map_err(|errors| if is_locked { locked(passphrase, &errors) } else { NO_KEY })
}

/// EncryptedPrivateKeyInfo (RFC 5958 3): an algorithm and the encrypted octets.
fn is_encrypted_pkcs8(contents: &[u8]) -> bool {
    let parts = || {
        let mut parts = Elements(Elements(contents).expect(der::SEQUENCE)?);
        parts.expect(der::SEQUENCE)?;
        parts.expect(der::OCTET_STRING)
    };
    parts().is_some()
}

/// An empty passphrase is none; one that C cannot pass on opens nothing.
fn usable(passphrase: Option<&str>) -> Result<Option<&str>, KeyError> {
    match passphrase {
        Some(text) if text.contains('\0') => Err(KeyError::WrongPassphrase),
        other => Ok(other.filter(|text| !text.is_empty())),
    }
}

/// Why something that is locked could not be opened.
fn locked(passphrase: Option<&str>, errors: &ErrorStack) -> KeyError {
    if is_unsupported(errors) {
        return KeyError::Unusable(
            "it is locked by a cipher that the TLS library of this machine does not have: make it anew with \
             \"openssl pkcs12\" or \"openssl pkcs8\" and AES",
        );
    }
    if passphrase.is_none() { KeyError::Locked } else { KeyError::WrongPassphrase }
}

/// Whether the library has no such cipher.
fn is_unsupported(errors: &ErrorStack) -> bool {
    // ERR_LIB_EVP (`openssl/err.h`).
    const EVP: i32 = 6;
    errors.errors().iter().any(|error| error.library_code() == EVP && error.reason() == Some("unsupported"))
}

/// Tries again with the provider of old ciphers (RC2, DES), where it is needed and installed: Windows and OpenSSL 1 used
/// them for years by default. Nothing but the file is opened with it.
fn with_old_ciphers<T>(open: impl Fn() -> Result<T, ErrorStack>) -> Result<T, ErrorStack> {
    match open() {
        Err(errors) if is_unsupported(&errors) => match Provider::try_load(None, "legacy", true) {
            Ok(_loaded) => open(),
            Err(_) => Err(errors),
        },
        other => other,
    }
}
