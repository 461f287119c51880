//! MS-CHAPv2 (RFC 2759) as CHAP, EAP and EAP-TTLS carry it: our response, what the reply to it must be, another try with
//! another password, and the change of one that has expired.

use std::fmt;

use zeroize::Zeroizing;

use super::auth::outcome::{Credentials, Outcome};
use super::auth::question::{MAX_QUESTIONS, Question};
use crate::crypto::Entropy;
use crate::crypto::binding::{Hlak, mac_eq};
use crate::crypto::mppe::MasterKey;
use crate::crypto::mschapv2::{PasswordHash, authenticator_response, nt_response, without_domain};
use crate::crypto::password_change::{new_password_encrypted_with_old_hash, old_hash_encrypted_with_new_hash};
use crate::wire::auth::{ChangePassword, MsChapV2Failure, MsChapV2Response, parse_mschapv2_success};
use crate::wire::{Malformed, Problem};

/// Error codes of a Failure that a person can do something about (RFC 2759 6).
mod error {
    pub(super) const PASSWD_EXPIRED: u32 = 648;
    pub(super) const AUTHENTICATION_FAILURE: u32 = 691;
    pub(super) const CHANGING_PASSWORD: u32 = 709;
}

/// The version of the password change that RFC 2759 6 defines.
const CHANGE_VERSION: u32 = 3;

/// Our side of MS-CHAPv2.
#[derive(Default)]
pub(super) struct MsChapV2 {
    pub(super) sent: Option<Box<Sent>>,
    pending: Option<Pending>,
    /// The new password, until the server has said whether it takes it.
    new_password: Option<Zeroizing<String>>,
    questions: u32,
}

/// Does not show a new password.
impl fmt::Debug for MsChapV2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MsChapV2").field("sent", &self.sent).finish_non_exhaustive()
    }
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

/// A refusal that waits for the person's answer.
struct Pending {
    /// A new password is wanted, not another one.
    change: bool,
    /// Identifier of what is sent next: the Failure's and one (RFC 2759 6, 7).
    identifier: u8,
    challenge: [u8; 16],
}

/// What is sent after an answer of the person.
pub(super) enum Retry {
    /// A Response with this value.
    Response {
        /// Its identifier.
        identifier: u8,
        /// The value.
        value: [u8; MsChapV2Response::LEN],
    },
    /// Change-Password with these fields.
    ChangePassword {
        /// Its identifier.
        identifier: u8,
        /// The fields.
        fields: Vec<u8>,
    },
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

    fn expects(&self, identifier: u8) -> Result<&Sent, Malformed> {
        match self.sent.as_deref() {
            Some(sent) if sent.identifier == identifier => Ok(sent),
            _ => Err(Malformed::value("identifier of the verdict on our MS-CHAPv2 response", 1, identifier)),
        }
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
            _ => {
                // what the server says next is about the password that this response is made with
                self.new_password = None;
                self.sent.insert(Box::new(respond(identifier, challenge, entropy.octets(), credentials)))
            }
        };
        self.pending = None;
        Ok(sent.response.emit())
    }

    /// What a Success means.
    ///
    /// # Errors
    /// It is not about the last response, or there was none.
    pub(super) fn success(
        &mut self,
        identifier: u8,
        message: &[u8],
        credentials: &mut Credentials,
    ) -> Result<Outcome, Malformed> {
        let sent = self.expects(identifier)?;
        let proven = parse_mschapv2_success(message).is_ok_and(|proof| mac_eq(&proof, &sent.authenticator_response));
        if !proven {
            return Ok(Outcome::PeerNotAuthentic);
        }
        let hlak = Hlak::from_mschapv2_client(&sent.master_key);
        self.pending = None;
        if let Some(new_password) = self.new_password.take() {
            credentials.password = new_password;
        }
        Ok(Outcome::Authenticated(hlak))
    }

    /// What a Failure means: an end, or a question; `None` where that is asked already.
    ///
    /// # Errors
    /// It is not about the last response, or there was none.
    pub(super) fn failure(&mut self, identifier: u8, message: &[u8]) -> Result<Option<Outcome>, Malformed> {
        let sent = self.expects(identifier)?;
        if self.pending.is_some() {
            return Ok(None);
        }
        let MsChapV2Failure { code, retry, challenge, version, message } = MsChapV2Failure::parse(message);
        let challenge = challenge.unwrap_or(sent.challenge);
        let changes = version.is_none_or(|version| version >= CHANGE_VERSION);
        let question = match code {
            Some(error::PASSWD_EXPIRED) if changes => Some(Question::NewPassword { refused: None }),
            Some(error::CHANGING_PASSWORD) if retry => Some(Question::NewPassword { refused: Some(message.clone()) }),
            Some(error::AUTHENTICATION_FAILURE) | None if retry => {
                Some(Question::Password { message: message.clone() })
            }
            _ => None,
        };
        self.new_password = None;
        self.questions += 1;
        let Some(question) = question.filter(|_| self.questions <= MAX_QUESTIONS) else {
            return Ok(Some(Outcome::Failed { code, message }));
        };
        let change = matches!(question, Question::NewPassword { .. });
        self.pending = Some(Pending { change, identifier: identifier.wrapping_add(1), challenge });
        Ok(Some(Outcome::Asks(question)))
    }

    /// What the person answered to the question of the last Failure; `None` where there was none.
    ///
    /// # Errors
    /// The answer cannot be sent: the question that is to be asked in its place.
    pub(super) fn answer(
        &mut self,
        answer: &str,
        credentials: &mut Credentials,
        entropy: &mut Entropy,
    ) -> Result<Option<Retry>, Question> {
        let Some(Pending { change, identifier, challenge }) = self.pending.take() else { return Ok(None) };
        let mut next = credentials.clone();
        next.password = Zeroizing::new(answer.to_owned());
        let sent = respond(identifier, challenge, entropy.octets(), &next);
        if !change {
            *credentials = next;
            let value = self.sent.insert(Box::new(sent)).response.emit();
            return Ok(Some(Retry::Response { identifier, value }));
        }
        let (old, new) = (PasswordHash::new(&credentials.password), PasswordHash::new(answer));
        let Some(encrypted_password) = new_password_encrypted_with_old_hash(answer, &old, &entropy.octets()) else {
            self.pending = Some(Pending { change, identifier, challenge });
            return Err(Question::NewPassword { refused: Some("it is longer than 256 characters".to_owned()) });
        };
        let encrypted_hash = old_hash_encrypted_with_new_hash(&old, &new);
        let response = self.sent.insert(Box::new(sent)).response.clone();
        self.new_password = Some(next.password);
        let fields = ChangePassword { encrypted_password, encrypted_hash, response }.emit();
        Ok(Some(Retry::ChangePassword { identifier, fields }))
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
