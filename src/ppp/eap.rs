//! EAP (RFC 3748), the peer's side: identity, notification, the choice of a method, retransmissions, and how it ends.
//! PEAP and EAP-TTLS hold another such conversation inside their tunnel.

mod config;
mod method;
mod methods;
mod mschapv2;
mod peap;
mod simple;
mod tls;
mod ttls;

use std::fmt;

use zeroize::Zeroizing;

use self::method::{Key, Standing, Step};
use self::methods::Method;
use super::Outbox;
use super::auth::outcome::{Credentials, Outcome};
use crate::crypto::binding::Hlak;
use crate::wire::eap::{EapPacket, eap_type};
use crate::wire::ppp::{ControlPacket, Protocol};
use crate::wire::{Malformed, printable};

pub use self::config::{EapConfig, EapMethod, HlakRule, TtlsInner};
pub(super) use self::method::Context;

/// Most Requests of one conversation: more than the longest chain of certificates needs in the smallest pieces.
const MAX_REQUESTS: u32 = 512;
/// Most methods that are refused: a server has no more than that to offer.
const MAX_NAKS: u32 = 8;

/// The peer's side of one EAP conversation.
pub(super) struct Eap {
    is_inner: bool,
    method: Option<Method>,
    /// RFC 3748 4.1: a retransmission gets the same Response.
    last: Option<LastRequest>,
    requests: u32,
    naks: u32,
    /// The type that was refused last.
    refused: Option<u8>,
    /// EAP Success came.
    is_over: bool,
}

/// The Request that came last.
struct LastRequest {
    identifier: u8,
    /// Type and data.
    data: Vec<u8>,
    /// A whole packet; `None` as long as a person has not answered.
    response: Option<Zeroizing<Vec<u8>>>,
}

/// Does not show the last Response, which may hold what a person answered.
impl fmt::Debug for Eap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Eap").field("method", &self.method).finish_non_exhaustive()
    }
}

/// What a packet, or a person's answer, came to.
#[derive(Default)]
pub(super) struct Turn {
    /// The Response, a whole packet.
    pub(super) response: Option<Zeroizing<Vec<u8>>>,
    /// The end, or a question.
    pub(super) outcome: Option<Outcome>,
    /// The server wants people to read this (RFC 3748 5.2).
    pub(super) notification: Option<String>,
}

impl Eap {
    /// The conversation in PPP.
    pub(super) fn outer() -> Self {
        Eap { is_inner: false, method: None, last: None, requests: 0, naks: 0, refused: None, is_over: false }
    }

    /// A conversation inside a tunnel.
    pub(super) fn inner() -> Self {
        Eap { is_inner: true, ..Eap::outer() }
    }

    /// Whether the server has something of ours to judge.
    pub(super) fn has_answered(&self) -> bool {
        self.method.is_some()
    }

    /// The method that was agreed upon.
    pub(super) fn method(&self) -> Option<EapMethod> {
        self.method.as_ref().map(Method::method)
    }

    fn standing(&self) -> Standing {
        self.method.as_ref().map_or(Standing::Open, Method::standing)
    }

    /// The key of a method that has proven both sides, where EAP itself has not said so yet: a server that goes on to
    /// the network protocols has accepted us (pppd sends no EAP Success).
    pub(super) fn proven(&self, config: &EapConfig) -> Option<Hlak> {
        match self.standing() {
            Standing::Done { key, proven: true } if !self.is_over => Some(hlak(config.hlak, &key)),
            _ => None,
        }
    }

    /// What the server is told of who we are.
    fn identity<'c>(&self, credentials: &'c Credentials) -> &'c str {
        let Credentials { user_name, anonymous_identity, .. } = credentials;
        anonymous_identity.as_ref().filter(|_| !self.is_inner).unwrap_or(user_name)
    }

    fn methods<'c>(&self, config: &'c EapConfig) -> &'c [EapMethod] {
        if self.is_inner { &config.inner_methods } else { &config.methods }
    }

    /// Takes a packet of the server's.
    ///
    /// # Errors
    /// A packet that cannot be read, or that is out of turn; it was silently discarded.
    fn handle(&mut self, packet: ControlPacket<'_>, context: &mut Context<'_>) -> Result<Turn, Malformed> {
        let identifier = packet.identifier;
        match EapPacket::parse(packet)? {
            EapPacket::Request { kind, data } => self.request(identifier, kind, data, context),
            EapPacket::Success => {
                self.check_identifier("identifier of EAP Success", identifier)?;
                let outcome = match self.standing() {
                    Standing::Done { key, .. } => {
                        self.is_over = true;
                        if let Some(method) = &mut self.method {
                            method.keep_session();
                        }
                        Outcome::Authenticated(hlak(context.config.hlak, &key))
                    }
                    // RFC 3748 4.2 would have us wait for another end, which a server that says this never sends
                    Standing::Open => Outcome::Misbehaved("it declares success before there was a proof".to_owned()),
                };
                Ok(Turn { outcome: Some(outcome), ..Turn::default() })
            }
            EapPacket::Failure => {
                // hostapd's RADIUS server ends with 0 what it begins with a name that it does not know
                if identifier != 0 || self.method.is_some() {
                    self.check_identifier("identifier of EAP Failure", identifier)?;
                }
                let failed = self.take_failed().unwrap_or_else(|| match (&self.method, &self.last) {
                    (None, Some(_)) => {
                        Outcome::IdentityRefused { identity: self.identity(context.credentials).to_owned() }
                    }
                    _ => Outcome::refused(),
                });
                Ok(Turn { outcome: Some(failed), ..Turn::default() })
            }
            EapPacket::Response { .. } => Err(Malformed::value("EAP code from a server", 0, packet.code)),
        }
    }

    /// RFC 3748 4.2: an end has the identifier of the Response that it follows; some servers count on.
    fn check_identifier(&self, what: &'static str, identifier: u8) -> Result<(), Malformed> {
        match &self.last {
            Some(last) if identifier != last.identifier && identifier != last.identifier.wrapping_add(1) => {
                Err(Malformed::value(what, 1, identifier))
            }
            _ => Ok(()),
        }
    }

    /// Why the conversation failed, as far as it is known.
    pub(super) fn take_failed(&mut self) -> Option<Outcome> {
        let no_method = self.refused_method().map(|asked| Outcome::NoCommonEapMethod { asked });
        self.method.as_mut().and_then(Method::failed).or(no_method)
    }

    /// The method that was asked for last, where none was agreed upon.
    pub(super) fn refused_method(&self) -> Option<String> {
        self.refused.filter(|_| self.method.is_none()).map(EapMethod::describe)
    }

    fn request(&mut self, identifier: u8, kind: u8, data: &[u8], context: &mut Context<'_>) -> Result<Turn, Malformed> {
        self.requests += 1;
        if self.requests > MAX_REQUESTS {
            return Ok(Turn::failed("it asks without end in EAP"));
        }
        let request = [&[kind], data].concat();
        if let Some(last) = &self.last
            && last.identifier == identifier
            && last.data == request
        {
            return Ok(Turn { response: last.response.clone(), ..Turn::default() });
        }
        if self.is_over {
            if kind != eap_type::IDENTITY {
                return Ok(Turn::failed("it begins a second method of EAP after it had declared success"));
            }
            // authentication anew, on a link that stays
            *self = Eap { is_inner: self.is_inner, ..Eap::outer() };
        }
        let (kind, step, notification) = self.answer_request(identifier, kind, data, context)?;
        self.last = Some(LastRequest { identifier, data: request, response: None });
        Ok(Turn { notification, ..self.turn(kind, step) })
    }

    /// Type of the Response, and what it is to be.
    fn answer_request(
        &mut self,
        identifier: u8,
        kind: u8,
        data: &[u8],
        context: &mut Context<'_>,
    ) -> Result<(u8, Step, Option<String>), Malformed> {
        match kind {
            eap_type::IDENTITY => {
                let identity = self.identity(context.credentials);
                return Ok((kind, Step::respond(identity.as_bytes()), None));
            }
            eap_type::NOTIFICATION => {
                let text = Some(printable(data)).filter(|text| !text.is_empty());
                return Ok((kind, Step::respond(Vec::new()), text));
            }
            _ => {}
        }
        let allowed = self.methods(context.config);
        let proposed = allowed.iter().copied().find(|method| method.kind() == kind);
        match (&mut self.method, proposed) {
            (Some(method), _) if method.method().kind() == kind => {
                Ok((kind, method.handle(identifier, data, context)?, None))
            }
            (Some(method), _) => match method.standing() {
                Standing::Done { .. } => {
                    Ok((kind, Step::misbehaved("it wants a second method of EAP after the first one"), None))
                }
                // RFC 3748 2.1: a method is not left in its middle
                Standing::Open => Err(Malformed::value("EAP type in the middle of another method", 4, kind)),
            },
            (None, Some(proposed)) => {
                let mut method = Method::new(proposed);
                let step = method.handle(identifier, data, context)?;
                self.method = Some(method);
                Ok((kind, step, None))
            }
            (None, None) => {
                self.refused = Some(kind);
                self.naks += 1;
                if self.naks > MAX_NAKS {
                    let asked = EapMethod::describe(kind);
                    return Ok((kind, Step::Fail(None, Outcome::NoCommonEapMethod { asked }), None));
                }
                let mut kinds: Vec<u8> = allowed.iter().map(|method| method.kind()).collect();
                if kinds.is_empty() {
                    // RFC 3748 5.3.1: there is no alternative
                    kinds.push(0);
                }
                Ok((eap_type::NAK, Step::respond(kinds), None))
            }
        }
    }

    /// What a person answered; `None` where nobody was asked.
    fn answer(&mut self, answer: &Zeroizing<String>, context: &mut Context<'_>) -> Option<Turn> {
        let method = self.method.as_mut()?;
        let kind = method.method().kind();
        let step = method.answer(answer, context)?;
        Some(self.turn(kind, step))
    }

    /// Makes the Response to the last Request.
    fn turn(&mut self, kind: u8, step: Step) -> Turn {
        let (data, outcome) = match step {
            Step::Respond(data) => (Some(data), None),
            Step::Ask(question) => (None, Some(Outcome::Asks(question))),
            Step::Fail(data, outcome) => (data, Some(outcome)),
        };
        let identifier = self.last.as_ref().map(|last| last.identifier);
        let response = data.zip(identifier).map(|(data, identifier)| {
            let mut packet = Zeroizing::new(Vec::with_capacity(data.len() + 5));
            EapPacket::Response { kind, data: &data }.emit(identifier, &mut packet);
            packet
        });
        if let Some(last) = &mut self.last {
            last.response = response.clone();
        }
        Turn { response, outcome, notification: None }
    }

    /// Takes an EAP packet of PPP and sends the Response; also returns what the server wants people to read.
    ///
    /// # Errors
    /// A packet that cannot be read, or that is out of turn; it was silently discarded.
    pub(super) fn handle_packet(
        &mut self,
        packet: ControlPacket<'_>,
        context: &mut Context<'_>,
        out: &mut Outbox,
    ) -> Result<(Option<Outcome>, Option<String>), Malformed> {
        self.handle(packet, context).map(|turn| send(turn, out))
    }

    /// Takes a person's answer and sends the Response that waited for it.
    pub(super) fn handle_answer(
        &mut self,
        answer: &Zeroizing<String>,
        context: &mut Context<'_>,
        out: &mut Outbox,
    ) -> Option<Outcome> {
        self.answer(answer, context).and_then(|turn| send(turn, out).0)
    }
}

impl Turn {
    fn failed(what: &str) -> Turn {
        Turn { outcome: Some(Outcome::Misbehaved(what.to_owned())), ..Turn::default() }
    }
}

fn send(Turn { response, outcome, notification }: Turn, out: &mut Outbox) -> (Option<Outcome>, Option<String>) {
    if let Some(response) = response {
        out.push(Protocol::EAP, |frame| frame.extend_from_slice(&response));
    }
    (outcome, notification)
}

/// The key for crypto binding (MS-SSTP 3.2.5.2.2).
fn hlak(rule: HlakRule, key: &Key) -> Hlak {
    match (rule, key) {
        (HlakRule::Zero, _) => Hlak::zero(),
        (HlakRule::Halves, Key::Msk(msk)) => Hlak::from_halves(msk),
        (HlakRule::Msk | HlakRule::Halves, key) => key.hlak(),
    }
}

#[cfg(test)]
mod tests;
