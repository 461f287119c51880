//! The user's certificate and key: found, opened, and checked to be good for a TLS client before anything is sent.

use openssl::asn1::Asn1Time;
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::ssl::SslContextBuilder;
use openssl::x509::{X509, X509ExtendedKeyUsage};

use super::formats::{self, KeyError};
use super::token::{self, TokenError};
use super::verify::last_reason;
use super::{Error, Source, UserCertificate, same_certificate};
use crate::transport::certificate::printable;

/// What a client shows.
pub(super) struct Identity {
    pub(super) certificate: X509,
    pub(super) key: PKey<Private>,
    /// What to call the place of the certificate in messages.
    pub(super) name: String,
    /// The other certificates of the file, in its order, for the server to build a chain of.
    pub(super) chain: Vec<X509>,
}

impl Identity {
    /// Lets the clients of a context show it.
    ///
    /// # Errors
    ///
    /// The policy of the library does not accept it, such as a key that is too short.
    pub(super) fn show(self, builder: &mut SslContextBuilder) -> Result<(), Error> {
        let Identity { certificate, key, name, chain } = self;
        let show = || {
            builder.set_certificate(&certificate)?;
            builder.set_private_key(&key)?;
            chain.into_iter().try_for_each(|certificate| builder.add_extra_chain_cert(certificate))
        };
        show().map_err(|errors: ErrorStack| {
            let words = last_reason(&errors).unwrap_or("for no known reason");
            Error::unusable(CERTIFICATE, &name, format!("the TLS library does not accept it: {words}"))
        })
    }
}

const CERTIFICATE: &str = "tls-user-cert";
const KEY: &str = "tls-user-key";

/// Finds the certificate and the key that belongs to it.
///
/// # Errors
///
/// What is wrong with the files, the token or the certificate.
pub(super) fn load(user: &UserCertificate, passphrase: Option<&str>) -> Result<Identity, Error> {
    let (mut certificates, key_beside) = certificates(&user.certificate, passphrase)?;
    let (key, key_name) = match (key_beside, &user.key) {
        (Some(key), _) => (key, user.certificate.name()),
        (None, Some(source)) => (key(source, KEY, passphrase)?, source.name()),
        (None, None) => (key(&user.certificate, CERTIFICATE, passphrase)?, user.certificate.name()),
    };
    let name = user.certificate.name();
    let fits = |certificate: &X509| certificate.public_key().is_ok_and(|public| public.public_eq(&key));
    let Some(position) = certificates.iter().position(fits) else {
        return Err(Error::KeyMismatch { certificate: name.to_owned(), key: key_name.to_owned() });
    };
    let certificate = certificates.remove(position);
    check(&certificate, name)?;
    certificates.retain(|other| !same_certificate(other, &certificate));
    Ok(Identity { certificate, key, name: name.to_owned(), chain: certificates })
}

/// The certificates that the setting names, at least one; and the key, where they are in a PKCS#12 file that has one.
fn certificates(source: &Source, passphrase: Option<&str>) -> Result<(Vec<X509>, Option<PKey<Private>>), Error> {
    let name = source.name();
    let (certificates, key) = match source {
        Source::Token(uri) => {
            let found = token::certificate(uri, passphrase).map_err(|error| on_token(error, CERTIFICATE, name))?;
            (vec![found], None)
        }
        Source::File(file) if formats::is_pkcs12(&file.contents) => {
            let bundle =
                formats::pkcs12(&file.contents, passphrase).map_err(|error| no_key(error, CERTIFICATE, name))?;
            (bundle.certificates, bundle.key)
        }
        Source::File(file) => {
            let found = formats::certificates(&file.contents);
            (found.map_err(|reason| Error::unusable(CERTIFICATE, name, reason))?, None)
        }
    };
    if certificates.is_empty() {
        return Err(Error::unusable(CERTIFICATE, name, "it holds no certificate"));
    }
    Ok((certificates, key))
}

fn key(source: &Source, setting: &'static str, passphrase: Option<&str>) -> Result<PKey<Private>, Error> {
    let name = source.name();
    match source {
        Source::Token(uri) => token::key(uri, passphrase).map_err(|error| on_token(error, setting, name)),
        Source::File(file) if formats::is_pkcs12(&file.contents) => {
            let bundle = formats::pkcs12(&file.contents, passphrase).map_err(|error| no_key(error, setting, name))?;
            bundle.key.ok_or_else(|| Error::unusable(setting, name, "it holds no private key"))
        }
        Source::File(file) if setting == CERTIFICATE && !formats::has_pem_key(&file.contents) => Err(Error::unusable(
            CERTIFICATE,
            name,
            "it holds no private key, and no other file is named for that: set tls-user-key",
        )),
        Source::File(file) => formats::key(&file.contents, passphrase).map_err(|error| no_key(error, setting, name)),
    }
}

fn no_key(error: KeyError, setting: &'static str, name: &str) -> Error {
    match error {
        KeyError::Locked => Error::PassphraseMissing { name: name.to_owned() },
        KeyError::WrongPassphrase => Error::PassphraseWrong { name: name.to_owned() },
        KeyError::Unusable(reason) => Error::unusable(setting, name, reason),
    }
}

fn on_token(error: TokenError, setting: &'static str, name: &str) -> Error {
    match error {
        TokenError::Locked => Error::PassphraseMissing { name: name.to_owned() },
        TokenError::WrongPin => Error::PassphraseWrong { name: name.to_owned() },
        TokenError::Unusable(reason) => Error::unusable(setting, name, reason),
    }
}

/// Whether a server can accept the certificate at all.
fn check(certificate: &X509, name: &str) -> Result<(), Error> {
    let now = Asn1Time::days_from_now(0)?;
    let name = name.to_owned();
    if certificate.not_after() < now {
        return Err(Error::Expired { name, not_after: printable(&certificate.not_after().to_string()) });
    }
    if certificate.not_before() > now {
        return Err(Error::NotYetValid { name, not_before: printable(&certificate.not_before().to_string()) });
    }
    let for_clients = X509ExtendedKeyUsage::SSL_CLIENT | X509ExtendedKeyUsage::ANYEKU;
    match certificate.extended_key_usage() {
        Some(usage) if !usage.intersects(for_clients) => Err(Error::NotForClients { name }),
        _ => Ok(()),
    }
}
