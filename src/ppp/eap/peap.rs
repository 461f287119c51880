//! PEAP version 0 ([MS-PEAP]): another EAP conversation inside of TLS, and the word on how it ended.

use std::fmt;

use zeroize::Zeroizing;

use super::super::auth::outcome::Outcome;
use super::method::{Context, Key, MSK_LEN, Standing, Step};
use super::tls::{Received, Tunnel};
use super::{Eap, Turn};
use crate::crypto::binding::mac_eq;
use crate::crypto::peap::CompoundKeys;
use crate::wire::Malformed;
use crate::wire::eap::{eap_code, eap_type};
use crate::wire::ppp::ControlPacket;
use crate::wire::tlv::{Cryptobinding, Tlv, result_status, tlv_type};

/// Octets of an EAP packet before its type; the packets inside leave them out, but those of the Extensions method
/// ([MS-PEAP] 3.1.5.6).
const EAP_HEADER: usize = 4;

/// PEAP, the peer's side.
pub(in super::super) struct Peap {
    pub(super) tunnel: Tunnel,
    inner: Box<Eap>,
    /// The key, once both sides have said that they are content.
    key: Option<Zeroizing<[u8; MSK_LEN]>>,
    failed: Option<Outcome>,
}

/// Does not show the key.
impl fmt::Debug for Peap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peap").field("inner", &self.inner).field("failed", &self.failed).finish_non_exhaustive()
    }
}

impl Peap {
    pub(super) fn new() -> Self {
        Peap { tunnel: Tunnel::new(eap_type::PEAP), inner: Box::new(Eap::inner()), key: None, failed: None }
    }

    /// `identifier` is that of the EAP packet around it, which the packets inside share.
    pub(super) fn handle(&mut self, identifier: u8, data: &[u8], context: &mut Context<'_>) -> Result<Step, Malformed> {
        let plaintext = match self.tunnel.receive(data, context)? {
            Received::Step(step) => return Ok(step),
            Received::Message(plaintext) => plaintext,
        };
        if plaintext.is_empty() || !self.tunnel.is_established() {
            return Ok(Step::respond(self.tunnel.respond(context)));
        }
        // to discard it would be no use: TLS has lost nothing, and takes no octet twice
        Ok(self.inside(identifier, &plaintext, context).unwrap_or_else(Step::malformed_inside))
    }

    /// What came inside of TLS.
    fn inside(&mut self, identifier: u8, plaintext: &[u8], context: &mut Context<'_>) -> Result<Step, Malformed> {
        if let [eap_code::REQUEST, inner_identifier, high, low, eap_type::EXTENSIONS, tlvs @ ..] = plaintext
            && usize::from(u16::from_be_bytes([*high, *low])) == plaintext.len()
        {
            return self.extensions(*inner_identifier, tlvs, context);
        }
        let packet = match *plaintext {
            [code @ (eap_code::SUCCESS | eap_code::FAILURE), identifier, 0, 4] => {
                ControlPacket { code, identifier, data: &[] }
            }
            _ => ControlPacket { code: eap_code::REQUEST, identifier, data: plaintext },
        };
        let turn = self.inner.handle(packet, &mut context.inside())?;
        Ok(self.inner_turn(turn, context))
    }

    pub(super) fn answer(&mut self, answer: &Zeroizing<String>, context: &mut Context<'_>) -> Option<Step> {
        let turn = self.inner.answer(answer, &mut context.inside())?;
        Some(self.inner_turn(turn, context))
    }

    /// Sends what the conversation inside wants to send, and looks how it ended.
    fn inner_turn(&mut self, Turn { response, outcome, .. }: Turn, context: &mut Context<'_>) -> Step {
        if let Some(response) = response
            && let Err(step) = self.tunnel.send(&response[EAP_HEADER..])
        {
            return step;
        }
        match outcome {
            Some(Outcome::Asks(question)) => Step::Ask(question),
            // EAP Success inside, from servers that have no Extensions method
            Some(Outcome::Authenticated(_)) => match self.tunnel.key_material() {
                Ok(key) => {
                    self.key = Some(key);
                    Step::respond(self.tunnel.respond(context))
                }
                Err(error) => Step::Fail(None, Outcome::Tls(error)),
            },
            Some(failed) => Step::Fail(Some(self.tunnel.respond(context).into()), failed),
            None => Step::respond(self.tunnel.respond(context)),
        }
    }

    /// The Extensions method ([MS-PEAP] 3.1.5.5): the server's result, maybe bound to both authentications.
    fn extensions(&mut self, identifier: u8, mut tlvs: &[u8], context: &mut Context<'_>) -> Result<Step, Malformed> {
        let (mut result, mut binding, mut unknown) = (None, None, None);
        while let Some((tlv, rest)) = Tlv::parse(tlvs)? {
            match (tlv.kind, tlv.value) {
                (tlv_type::RESULT, &[high, low]) => result = Some(u16::from_be_bytes([high, low])),
                (tlv_type::CRYPTOBINDING, value) => binding = Some(Cryptobinding::parse(value)?),
                (kind, _) if tlv.mandatory => unknown = Some(kind),
                _ => {}
            }
            tlvs = rest;
        }
        let mut answer = Vec::new();
        let result = match (result, unknown) {
            (Some(result), None) => result,
            (_, kind) => {
                // Vendor-Id 0, then the type that is not known
                let value = [&[0; 4][..], &kind.unwrap_or(tlv_type::RESULT).to_be_bytes()].concat();
                Tlv { mandatory: true, kind: tlv_type::NAK, value: &value }.emit(&mut answer);
                return Ok(self.respond_extensions(identifier, &answer, context));
            }
        };
        if result != result_status::SUCCESS {
            self.key = None;
            self.failed = Some(self.inner.take_failed().unwrap_or(Outcome::refused()));
            push_result(result_status::FAILURE, &mut answer);
            return Ok(self.respond_extensions(identifier, &answer, context));
        }
        let isk = match self.inner.standing() {
            Standing::Done { key, .. } => Some(key.hlak()),
            // [MS-PEAP] 3.1.5.4: whoever was authenticated in the session that is resumed need not be again
            Standing::Open if self.tunnel.is_resumed() && !self.inner.has_answered() => None,
            Standing::Open => {
                push_result(result_status::FAILURE, &mut answer);
                let outcome = Outcome::Misbehaved("it ends PEAP with success before there was a proof".to_owned());
                return Ok(match self.respond_extensions(identifier, &answer, context) {
                    Step::Respond(last) => Step::Fail(Some(last), outcome),
                    other => other,
                });
            }
        };
        let material = match self.tunnel.key_material() {
            Ok(material) => material,
            Err(error) => return Ok(Step::Fail(None, Outcome::Tls(error))),
        };
        push_result(result_status::SUCCESS, &mut answer);
        self.key = Some(match binding {
            None => material,
            Some(request) => {
                let keys = match &isk {
                    Some(isk) => CompoundKeys::new(&material, isk.as_bytes()),
                    None => CompoundKeys::resumed(&material),
                };
                let Some(response) = bind(&keys, request, context.entropy.octets()) else {
                    return Ok(Step::Fail(None, Outcome::PeerNotAuthentic));
                };
                answer.extend_from_slice(&response);
                keys.session_key()
            }
        });
        Ok(self.respond_extensions(identifier, &answer, context))
    }

    fn respond_extensions(&mut self, identifier: u8, tlvs: &[u8], context: &Context<'_>) -> Step {
        let mut packet = Vec::new();
        let data = [&[eap_type::EXTENSIONS], tlvs].concat();
        ControlPacket { code: eap_code::RESPONSE, identifier, data: &data }.emit(&mut packet);
        match self.tunnel.send(&packet) {
            Ok(()) => Step::respond(self.tunnel.respond(context)),
            Err(step) => step,
        }
    }

    pub(super) fn standing(&self) -> Standing {
        match &self.key {
            Some(key) => Standing::Done { key: Key::Msk(key.clone()), proven: true },
            None => Standing::Open,
        }
    }

    pub(super) fn failed(&mut self) -> Option<Outcome> {
        self.failed.take().or_else(|| self.inner.take_failed())
    }
}

fn push_result(status: u16, out: &mut Vec<u8>) {
    Tlv { mandatory: true, kind: tlv_type::RESULT, value: &status.to_be_bytes() }.emit(out);
}

/// Checks the server's Cryptobinding TLV and makes ours ([MS-PEAP] 3.1.5.5.2); `None` where the server's is wrong: the one
/// inside of TLS is not the one around it.
fn bind(keys: &CompoundKeys, request: Cryptobinding, nonce: [u8; 32]) -> Option<[u8; 60]> {
    let mac = |binding: Cryptobinding| keys.compound_mac(&Cryptobinding { compound_mac: [0; 20], ..binding }.emit());
    if request.sub_type != Cryptobinding::REQUEST || !mac_eq(&request.compound_mac, &mac(request)) {
        return None;
    }
    let response = Cryptobinding {
        version: 0,
        received_version: request.version,
        sub_type: Cryptobinding::RESPONSE,
        nonce,
        compound_mac: [0; 20],
    };
    Some(Cryptobinding { compound_mac: mac(response), ..response }.emit())
}
