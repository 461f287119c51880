//! What the conversation and its methods say to each other.

use zeroize::Zeroizing;

use super::super::auth::outcome::{Credentials, Outcome};
use super::super::auth::question::Question;
use super::EapConfig;
use crate::crypto::Entropy;
use crate::crypto::binding::Hlak;
use crate::wire::Malformed;

/// Octets of a Master Session Key (RFC 3748 7.10).
pub(super) const MSK_LEN: usize = 64;

/// What a method works with.
pub(in super::super) struct Context<'a> {
    pub(in super::super) config: &'a EapConfig,
    pub(in super::super) credentials: &'a mut Credentials,
    pub(in super::super) entropy: &'a mut Entropy,
    /// Largest EAP packet that the peer takes, in octets.
    pub(in super::super) mru: usize,
}

/// What a method makes of a Request, or of a person's answer.
pub(super) enum Step {
    /// The data of the Response, the type left out.
    Respond(Zeroizing<Vec<u8>>),
    /// No Response before a person has answered.
    Ask(Question),
    /// The conversation has failed, after this last Response where there is one.
    Fail(Option<Zeroizing<Vec<u8>>>, Outcome),
}

impl Step {
    /// A Response with these data.
    pub(super) fn respond(data: impl Into<Vec<u8>>) -> Self {
        Step::Respond(Zeroizing::new(data.into()))
    }

    /// What the server sent inside of TLS cannot be read, or is out of turn.
    pub(super) fn malformed_inside(malformed: Malformed) -> Self {
        Step::Fail(None, Outcome::Misbehaved(format!("inside of TLS it sent what is no part of it: {malformed}")))
    }

    /// The server breaks the protocol in this way.
    pub(super) fn misbehaved(what: &str) -> Self {
        Step::Fail(None, Outcome::Misbehaved(what.to_owned()))
    }
}

/// How far a method has come.
pub(super) enum Standing {
    /// EAP Success would be one without proof.
    Open,
    /// It is the server's turn to say whether it accepts us; the method has done its part.
    Done {
        /// Its key.
        key: Key,
        /// The server has proven itself and has accepted us: EAP Success would only say it once more.
        proven: bool,
    },
}

/// The key of a method.
#[derive(Clone)]
pub(super) enum Key {
    /// It makes none (RFC 3748 7.10).
    None,
    /// That of MS-CHAPv2: the first 32 octets of its MSK, all others are zeros.
    MsChapV2(Hlak),
    /// The MSK.
    Msk(Zeroizing<[u8; MSK_LEN]>),
}

impl Key {
    /// The first 32 octets, zeros where there is no key.
    pub(super) fn hlak(&self) -> Hlak {
        match self {
            Key::None => Hlak::zero(),
            Key::MsChapV2(hlak) => hlak.clone(),
            Key::Msk(msk) => Hlak::from_key_material(&msk[..32]),
        }
    }
}
