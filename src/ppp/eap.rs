//! EAP (RFC 3748), the peer's side: identity, notification, the choice of a method, and EAP-MSCHAPv2.

use super::Outbox;
use super::auth::{Credentials, Outcome};
use super::mschapv2::MsChapV2;
use crate::crypto::Entropy;
use crate::crypto::binding::Hlak;
use crate::wire::Malformed;
use crate::wire::eap::{EapMsChapV2, EapPacket, eap_type};
use crate::wire::ppp::{ControlPacket, Protocol};

/// The methods that we propose in a Nak, the best first.
const METHODS: &[u8] = &[eap_type::MSCHAPV2];

/// The peer's side of one EAP conversation.
#[derive(Debug, Default)]
pub(super) struct Eap {
    mschapv2: MsChapV2,
    /// The last Request that was answered, by its identifier, and the answer (RFC 3748 4.1: a retransmission gets it
    /// again).
    answered: Option<(u8, Vec<u8>)>,
    /// What the method came to, until EAP itself says so.
    result: Option<Outcome>,
}

impl Eap {
    /// Whether the server has something of ours to judge.
    pub(super) fn has_answered(&self) -> bool {
        self.mschapv2.has_answered()
    }

    /// The key of a method that has proven both sides, where EAP itself has not said so yet: a server that goes on to
    /// the network protocols has accepted us (pppd sends no EAP Success).
    pub(super) fn proven(&self) -> Option<Hlak> {
        match &self.result {
            Some(Outcome::Authenticated(hlak)) => Some(hlak.clone()),
            _ => None,
        }
    }

    /// Takes an EAP packet.
    ///
    /// # Errors
    /// A packet that cannot be read; it was silently discarded.
    pub(super) fn handle_packet(
        &mut self,
        packet: ControlPacket<'_>,
        credentials: &Credentials,
        entropy: &mut Entropy,
        out: &mut Outbox,
    ) -> Result<Option<Outcome>, Malformed> {
        let identifier = packet.identifier;
        match EapPacket::parse(packet)? {
            EapPacket::Request { kind, data } => {
                match &self.answered {
                    Some((same, answer)) if *same == identifier => {
                        let answer = answer.clone();
                        out.push(Protocol::EAP, |frame| frame.extend_from_slice(&answer));
                        return Ok(None);
                    }
                    _ => {}
                }
                let (kind, data) = match self.answer(kind, data, credentials, entropy)? {
                    Ok(response) => response,
                    Err(outcome) => return Ok(Some(outcome)),
                };
                let mut answer = Vec::new();
                EapPacket::Response { kind, data: &data }.emit(identifier, &mut answer);
                out.push(Protocol::EAP, |frame| frame.extend_from_slice(&answer));
                self.answered = Some((identifier, answer));
                Ok(None)
            }
            // RFC 3748 4.2: an end that no method has come to means nothing
            EapPacket::Success => Ok(self.result.take().filter(|result| matches!(result, Outcome::Authenticated(_)))),
            EapPacket::Failure => Ok(Some(match self.result.take() {
                Some(failed @ Outcome::Failed { .. }) => failed,
                _ => Outcome::Failed { code: None, message: String::new() },
            })),
            EapPacket::Response { .. } => Ok(None),
        }
    }

    /// Type and data of the Response to a Request; or the end of the conversation.
    fn answer(
        &mut self,
        kind: u8,
        data: &[u8],
        credentials: &Credentials,
        entropy: &mut Entropy,
    ) -> Result<Result<(u8, Vec<u8>), Outcome>, Malformed> {
        Ok(match kind {
            eap_type::IDENTITY => Ok((kind, credentials.user_name.as_bytes().to_vec())),
            eap_type::NOTIFICATION => Ok((kind, Vec::new())),
            eap_type::MSCHAPV2 => self.answer_mschapv2(data, credentials, entropy)?.map(|data| (kind, data)),
            _ => Ok((eap_type::NAK, METHODS.to_vec())),
        })
    }

    /// What the server's verdict on our response means; `None` where there is none to judge.
    fn verdict(&self, message: &[u8], of: fn(&MsChapV2, u8, &[u8]) -> Option<Outcome>) -> Option<Outcome> {
        of(&self.mschapv2, self.mschapv2.identifier()?, message)
    }

    fn answer_mschapv2(
        &mut self,
        data: &[u8],
        credentials: &Credentials,
        entropy: &mut Entropy,
    ) -> Result<Result<Vec<u8>, Outcome>, Malformed> {
        let unexpected = |op: u8| Malformed::value("EAP-MSCHAPv2 OpCode in a Request", 0, op);
        match EapMsChapV2::parse(data)? {
            EapMsChapV2::Challenge { identifier, value, .. } => {
                let value = self.mschapv2.challenge(identifier, value, credentials, entropy)?;
                let name = credentials.user_name.as_bytes();
                Ok(Ok(EapMsChapV2::Response { identifier, value: &value, name }.emit()))
            }
            // EAP itself matches requests and responses, and pppd puts another MS-CHAPv2-ID into its verdict
            EapMsChapV2::SuccessRequest { message, .. } => match self.verdict(message, MsChapV2::success) {
                Some(proven @ Outcome::Authenticated(_)) => {
                    self.result = Some(proven);
                    Ok(Ok(EapMsChapV2::SuccessResponse.emit()))
                }
                Some(outcome) => Ok(Err(outcome)),
                None => Err(unexpected(data[0])),
            },
            EapMsChapV2::FailureRequest { message, .. } => {
                let failed = self.verdict(message, MsChapV2::failure).ok_or(unexpected(data[0]))?;
                self.result = Some(failed);
                Ok(Ok(EapMsChapV2::FailureResponse.emit()))
            }
            EapMsChapV2::Response { .. } | EapMsChapV2::SuccessResponse | EapMsChapV2::FailureResponse => {
                Err(unexpected(data[0]))
            }
        }
    }
}

#[cfg(test)]
mod tests;
