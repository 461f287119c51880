//! Why a tunnel is down: [`Failure`] for the tunnel itself, [`Ending`] for whoever follows it.

use std::fmt;
use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Phase;
use super::reconnect::{Retry, retry};
use crate::inner_tls;
use crate::ppp::inner_tls::{Fault, TlsError};
use crate::private_file;
use crate::profile::{self, Fingerprint};
use crate::session::{self, Question, Refusal};
use crate::transport;
use crate::tun;

/// Why a tunnel is down.
#[derive(Debug)]
pub enum Failure {
    /// The profile or its secrets do not suffice.
    Profile(profile::Error),
    /// A file of the profile could not be read.
    File(private_file::Error),
    /// A certificate or a key of the profile cannot be used.
    InnerTls(inner_tls::Error),
    /// There is no connection to the gateway.
    Transport(transport::failure::Error),
    /// The session failed.
    Session(session::Error),
    /// The interface could not be made or configured.
    Device(tun::Error),
    /// The interface was taken from us while the tunnel was up.
    DeviceGone {
        /// Its name.
        interface: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The system gave no random octets.
    Entropy(String),
    /// The time that the profile gives the whole connection has passed.
    ConnectTimeout {
        /// That time.
        after: Duration,
        /// How far it had come.
        phase: Phase,
    },
}

/// What kind of failure it is: what a face tells its clients apart from the sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureKind {
    /// User name or password was not accepted: asking for them again may help.
    Authentication,
    /// The server could not be reached, refused, or went away.
    Connect,
    /// The server and we did not agree on addresses.
    IpConfiguration,
}

impl Failure {
    /// What kind of failure it is.
    pub fn kind(&self) -> FailureKind {
        match self {
            Failure::Profile(profile::Error::NoPassword)
            | Failure::InnerTls(
                inner_tls::Error::PassphraseMissing { .. } | inner_tls::Error::PassphraseWrong { .. },
            )
            | Failure::Session(
                session::Error::AuthenticationFailed { .. }
                | session::Error::IdentityRefused { .. }
                | session::Error::InnerTls(TlsError { fault: Fault::Refused, .. })
                | session::Error::NobodyToAsk(_)
                | session::Error::AnswerTooLate(_),
            ) => FailureKind::Authentication,
            Failure::Transport(transport::failure::Error::Proxy(error)) if error.is_refusal_of_credentials() => {
                FailureKind::Authentication
            }
            Failure::Session(session::Error::TimedOut(session::Phase::NetworkLayerProtocol)) => {
                FailureKind::IpConfiguration
            }
            _ => FailureKind::Connect,
        }
    }

    /// The number that the server gave as its reason: HTTP's, MS-CHAPv2's (RFC 2759 6) or SSTP's (MS-SSTP 2.2.8), as the
    /// sentence says.
    fn status(&self) -> Option<u32> {
        match self {
            Failure::Session(session::Error::AuthenticationFailed { code, .. }) => *code,
            Failure::Session(session::Error::ServerRefused(refusal)) => match refusal {
                Refusal::Http { status, .. } => Some((*status).into()),
                Refusal::ConnectNak { status } | Refusal::CallAbort { status } => status.map(|status| status.0),
            },
            _ => None,
        }
    }

    /// What a person can do about it.
    fn remedy(&self) -> Option<Remedy> {
        match self {
            Failure::Session(session::Error::AuthenticationFailed { code, message }) => {
                Some(Remedy::Credentials { code: *code, message: message.clone() })
            }
            Failure::Session(session::Error::AnswerTooLate(question)) => Some(Remedy::Answer(question.clone())),
            Failure::InnerTls(error) => error.question().map(|message| Remedy::Passphrase { message }),
            Failure::Transport(transport::failure::Error::Proxy(error)) => {
                error.question().map(|message| Remedy::ProxyPassword { message })
            }
            Failure::Transport(error) => error.pin().map(Remedy::Pin),
            _ => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Profile(error) => error.fmt(f),
            Failure::File(error) => error.fmt(f),
            Failure::InnerTls(error) => error.fmt(f),
            Failure::Transport(error) => error.fmt(f),
            Failure::Session(error) => error.fmt(f),
            Failure::Device(error) => error.fmt(f),
            Failure::DeviceGone { interface, source } => {
                write!(
                    f,
                    "the tunnel interface {interface} was deleted on this machine while the tunnel was up ({source}): connect again"
                )
            }
            Failure::ConnectTimeout { after, phase } => write!(
                f,
                "the connection was not up within {} s, as its setting connect-timeout wants; the time ran out {phase}",
                after.as_secs()
            ),
            Failure::Entropy(reason) => write!(f, "this machine gives no random numbers: {reason}"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<profile::Error> for Failure {
    fn from(error: profile::Error) -> Self {
        Failure::Profile(error)
    }
}

impl From<transport::failure::Error> for Failure {
    fn from(error: transport::failure::Error) -> Self {
        Failure::Transport(error)
    }
}

impl From<session::Error> for Failure {
    fn from(error: session::Error) -> Self {
        Failure::Session(error)
    }
}

impl From<tun::Error> for Failure {
    fn from(error: tun::Error) -> Self {
        Failure::Device(error)
    }
}

/// How a tunnel ended that was not told to, for those who follow it. It may have been another process that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// What kind of failure it was.
    pub kind: FailureKind,
    /// Why, as a sentence without its begin and end.
    pub sentence: String,
    /// The number that the server gave as its reason.
    pub status: Option<u32>,
    /// What a person can do about it.
    pub remedy: Option<Remedy>,
    /// Whether it is worth another try by itself, where the tunnel was up before.
    pub retry: Retry,
}

/// What a person can do about a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Remedy {
    /// Give other credentials.
    Credentials {
        /// The code that the server gave (RFC 2759 6), where it gave any.
        code: Option<u32>,
        /// What it said.
        message: String,
    },
    /// Answer this question, for the next call.
    Answer(Question),
    /// Unlock the user's key.
    Passphrase {
        /// What the person is told.
        message: String,
    },
    /// Give the password at the proxy, or another one.
    ProxyPassword {
        /// What the person is told.
        message: String,
    },
    /// Accept the server's certificate, whose SHA-256 this is, if it is the right server.
    Pin(Fingerprint),
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl<F: Into<Failure>> From<F> for Ending {
    fn from(failure: F) -> Self {
        let failure = failure.into();
        Ending {
            kind: failure.kind(),
            sentence: failure.to_string(),
            status: failure.status(),
            remedy: failure.remedy(),
            retry: retry(&failure),
        }
    }
}
