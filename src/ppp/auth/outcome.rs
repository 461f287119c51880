//! Who we are, and what an authentication comes to.

use std::fmt;

use zeroize::Zeroizing;

use super::super::inner_tls::TlsError;
use super::question::Question;
use crate::crypto::binding::Hlak;

/// Who we are.
#[derive(Clone)]
pub struct Credentials {
    /// User name, `DOMAIN\` included.
    pub user_name: String,
    /// What EAP tells of the identity where everybody on the way could read it; `None`: the user name.
    pub anonymous_identity: Option<String>,
    /// Password; empty where there is none.
    pub password: Zeroizing<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user_name", &self.user_name).finish_non_exhaustive()
    }
}

/// How an authentication ended, or what it waits for.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The peer accepted us, and proved itself where the method can.
    Authenticated(Hlak),
    /// It goes on with the [answer](super::Authenticator::answer) of a person.
    Asks(Question),
    /// The peer did not accept us.
    Failed {
        /// Error code of an MS-CHAPv2 Failure (RFC 2759 6).
        code: Option<u32>,
        /// What the peer said, printable characters only.
        message: String,
    },
    /// The peer accepted us, but could not prove that it knows the password (RFC 2759 5), or that it is the one at the
    /// other end of the tunnel inside EAP.
    PeerNotAuthentic,
    /// The peer ended EAP when it had the name, before it asked for a proof.
    IdentityRefused {
        /// The name that it was told.
        identity: String,
    },
    /// TLS inside EAP failed.
    Tls(TlsError),
    /// The peer offered no method of EAP that may be used.
    NoCommonEapMethod {
        /// The last one that it asked for.
        asked: String,
    },
    /// The peer breaks the protocol.
    Misbehaved(String),
    /// The peer did not answer.
    Unanswered,
}

impl Outcome {
    /// A refusal without a reason.
    pub(in super::super) fn refused() -> Self {
        Outcome::Failed { code: None, message: String::new() }
    }

    /// The same where nobody can be asked: a question about the password is a refusal of it then.
    pub(in super::super) fn without_a_question(self) -> Self {
        match self {
            Outcome::Asks(Question::Password { message }) => Outcome::Failed { code: Some(691), message },
            Outcome::Asks(Question::NewPassword { refused: None }) => {
                Outcome::Failed { code: Some(648), message: String::new() }
            }
            Outcome::Asks(Question::NewPassword { refused: Some(message) }) => {
                Outcome::Failed { code: Some(709), message }
            }
            other => other,
        }
    }
}
