//! What is wrong with the settings of the inner TLS, in sentences that a person can act on.

use std::fmt;

use openssl::error::ErrorStack;

use super::Source;

/// Why there is no [`Connector`](super::Connector).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The user's key is locked, and there is no passphrase: it can be asked for.
    PassphraseMissing {
        /// The file, or the URI of the token.
        name: String,
    },
    /// The passphrase does not open the user's key: it can be asked for again.
    PassphraseWrong {
        /// The file, or the URI of the token.
        name: String,
    },
    /// A file, or what is on a token, cannot be used.
    Unusable {
        /// The setting that names it.
        setting: &'static str,
        /// The file, or the URI of the token.
        name: String,
        /// What is wrong with it, and what helps.
        reason: String,
    },
    /// The value of a setting cannot be used.
    Setting {
        /// The setting.
        setting: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The key is not the one of the certificate.
    KeyMismatch {
        /// Where the certificate is.
        certificate: String,
        /// Where the key is.
        key: String,
    },
    /// The user's certificate has expired.
    Expired {
        /// Where the certificate is.
        name: String,
        /// The end of its validity, as OpenSSL prints it.
        not_after: String,
    },
    /// The user's certificate is not valid yet.
    NotYetValid {
        /// Where the certificate is.
        name: String,
        /// The begin of its validity, as OpenSSL prints it.
        not_before: String,
    },
    /// The user's certificate is not for TLS clients.
    NotForClients {
        /// Where the certificate is.
        name: String,
    },
    /// The TLS library cannot be set up: the fault of this machine.
    Library(String),
}

impl Error {
    /// What the person is told who is asked for a passphrase; `None`: it is not about that.
    pub fn question(&self) -> Option<String> {
        Some(match self {
            Error::PassphraseMissing { name } => format!("The key of your certificate, in {name}, is locked."),
            Error::PassphraseWrong { name } if Source::is_token(name) => {
                format!(
                    "That did not open the token of {name}. Try again; a token locks itself after a few wrong PINs."
                )
            }
            Error::PassphraseWrong { name } => {
                format!("That did not open the key of your certificate, in {name}. Try again.")
            }
            _ => return None,
        })
    }

    pub(super) fn unusable(setting: &'static str, name: &str, reason: impl Into<String>) -> Self {
        Error::Unusable { setting, name: name.to_owned(), reason: reason.into() }
    }
}

impl From<ErrorStack> for Error {
    fn from(errors: ErrorStack) -> Self {
        Error::Library(errors.to_string())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::PassphraseMissing { name } => {
                write!(
                    f,
                    "the user's key in {name} is locked by a passphrase, and none was given: store \
                     tls-user-key-secret or let it be asked for"
                )
            }
            Error::PassphraseWrong { name } if Source::is_token(name) => write!(
                f,
                "the PIN does not open the token of {name}, or no such object is there: check tls-user-key-secret, and \
                 beware that a token locks itself after a few wrong PINs"
            ),
            Error::PassphraseWrong { name } => {
                write!(f, "the passphrase does not open the user's key in {name}: check tls-user-key-secret")
            }
            Error::Unusable { setting, name, reason } => write!(f, "{name} ({setting}) cannot be used: {reason}"),
            Error::Setting { setting, reason } => write!(f, "the setting {setting} cannot be used: {reason}"),
            Error::KeyMismatch { certificate, key } if certificate == key => {
                write!(
                    f,
                    "the key in {key} does not belong to a certificate that is there: check \
                     tls-user-cert"
                )
            }
            Error::KeyMismatch { certificate, key } => write!(
                f,
                "the key in {key} (tls-user-key) does not belong to the certificate in {certificate} (tls-user-cert): \
                 check that both are of the same user"
            ),
            Error::Expired { name, not_after } => write!(
                f,
                "the user's certificate in {name} expired on {not_after}: whoever issued it has to issue another"
            ),
            Error::NotYetValid { name, not_before } => write!(
                f,
                "the user's certificate in {name} is valid from {not_before} on, and not yet: check the clock of this \
                 machine"
            ),
            Error::NotForClients { name } => write!(
                f,
                "the user's certificate in {name} is not for clients: its extended key usage has no clientAuth; \
                 another one is needed"
            ),
            Error::Library(reason) => write!(f, "TLS cannot be set up on this machine: {reason}"),
        }
    }
}

impl std::error::Error for Error {}
