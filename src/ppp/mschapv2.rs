//! MS-CHAPv2 (RFC 2759) as both CHAP and EAP carry it: our response, and what the reply to it must be.

use std::fmt;

use super::auth::{Credentials, Outcome};
use crate::crypto::Entropy;
use crate::crypto::binding::{Hlak, mac_eq};
use crate::crypto::mppe::MasterKey;
use crate::crypto::mschapv2::{PasswordHash, authenticator_response, nt_response, without_domain};
use crate::wire::auth::{MsChapV2Failure, MsChapV2Response, parse_mschapv2_success};
use crate::wire::{Malformed, Problem};

/// Our side of MS-CHAPv2.
#[derive(Debug, Default)]
pub(super) struct MsChapV2 {
    pub(super) sent: Option<Box<Sent>>,
}

/// What the reply to our response is checked against.
pub(super) struct Sent {
    identifier: u8,
    challenge: [u8; 16],
    pub(super) response: MsChapV2Response,
    pub(super) authenticator_response: [u8; 20],
    master_key: MasterKey,
}

impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sent").field("identifier", &self.identifier).finish_non_exhaustive()
    }
}

impl MsChapV2 {
    /// Whether the peer has a response of ours to judge.
    pub(super) fn has_answered(&self) -> bool {
        self.sent.is_some()
    }

    /// Identifier of the response that was sent last.
    pub(super) fn identifier(&self) -> Option<u8> {
        self.sent.as_ref().map(|sent| sent.identifier)
    }

    fn expects(&self, identifier: u8) -> Option<&Sent> {
        self.sent.as_deref().filter(|sent| sent.identifier == identifier)
    }

    /// The response to a challenge (RFC 2759 8.1). A retransmitted challenge gets the response that it has got: the
    /// server may be judging that one.
    ///
    /// # Errors
    /// A challenge that is not 16 octets long.
    pub(super) fn challenge(
        &mut self,
        identifier: u8,
        challenge: &[u8],
        credentials: &Credentials,
        entropy: &mut Entropy,
    ) -> Result<[u8; MsChapV2Response::LEN], Malformed> {
        let problem = Problem::Length { found: challenge.len(), min: 16, max: 16 };
        let malformed = Malformed { what: "MS-CHAPv2 Challenge", offset: 0, problem };
        let challenge: [u8; 16] = challenge.try_into().map_err(|_| malformed)?;
        let sent = match self.sent.take() {
            Some(same) if same.identifier == identifier && same.challenge == challenge => self.sent.insert(same),
            _ => self.sent.insert(Box::new(respond(identifier, challenge, entropy.octets(), credentials))),
        };
        Ok(sent.response.emit())
    }

    /// What a Success means; `None` where it is not the reply to our response.
    pub(super) fn success(&self, identifier: u8, message: &[u8]) -> Option<Outcome> {
        let sent = self.expects(identifier)?;
        let proven = parse_mschapv2_success(message).is_ok_and(|proof| mac_eq(&proof, &sent.authenticator_response));
        Some(match proven {
            true => Outcome::Authenticated(Hlak::from_mschapv2_client(&sent.master_key)),
            false => Outcome::PeerNotAuthentic,
        })
    }

    /// What a Failure means; `None` where it is not the reply to our response.
    pub(super) fn failure(&self, identifier: u8, message: &[u8]) -> Option<Outcome> {
        self.expects(identifier)?;
        let MsChapV2Failure { code, message, .. } = MsChapV2Failure::parse(message);
        Some(Outcome::Failed { code, message })
    }
}

pub(super) fn respond(
    identifier: u8,
    challenge: [u8; 16],
    peer_challenge: [u8; 16],
    credentials: &Credentials,
) -> Sent {
    let user_name = without_domain(&credentials.user_name).as_bytes();
    let password_hash = PasswordHash::new(&credentials.password);
    let nt_response = nt_response(&challenge, &peer_challenge, user_name, &password_hash);
    let password_hash_hash = password_hash.hash();
    let authenticator_response =
        authenticator_response(&password_hash_hash, &nt_response, &peer_challenge, &challenge, user_name);
    Sent {
        identifier,
        challenge,
        response: MsChapV2Response { peer_challenge, nt_response },
        authenticator_response,
        master_key: MasterKey::new(&password_hash_hash, &nt_response),
    }
}
