//! EAP (RFC 3748), the peer's side: identity, notification, the choice of a method, retransmissions, and how it ends.
//! PEAP and EAP-TTLS hold another such conversation inside their tunnel.

mod method;
mod mschapv2;
mod peap;
mod simple;
mod tls;
mod ttls;

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use self::method::{Context, Key, Standing, Step};
use self::mschapv2::EapMsChapV2Method;
use self::peap::Peap;
use self::simple::{Md5, Token};
use self::tls::EapTls;
use self::ttls::Ttls;
use super::Outbox;
use super::auth::{Credentials, Outcome};
use super::inner_tls::{Fault, TlsConnector, TlsError};
use crate::crypto::Entropy;
use crate::crypto::binding::Hlak;
use crate::wire::eap::{EapPacket, eap_type};
use crate::wire::ppp::{ControlPacket, Protocol};
use crate::wire::{Malformed, printable};

/// Most Requests of one conversation: more than the longest chain of certificates needs in the smallest pieces.
const MAX_REQUESTS: u32 = 512;
/// Most methods that are refused: a server has no more than that to offer.
const MAX_NAKS: u32 = 8;

/// The methods of EAP that are known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EapMethod {
    /// EAP-TLS (RFC 5216): by a certificate.
    Tls,
    /// PEAP version 0 ([MS-PEAP]): another method inside of TLS.
    Peap,
    /// EAP-TTLS (RFC 5281): PAP, MS-CHAPv2 or another method inside of TLS.
    Ttls,
    /// EAP-MSCHAPv2 ([MS-CHAP] 2.2).
    MsChapV2,
    /// Generic Token Card (RFC 3748 5.6): the server's text, and a person's answer.
    Gtc,
    /// One-Time Password (RFC 3748 5.5): as Generic Token Card.
    Otp,
    /// MD5-Challenge (RFC 3748 5.4).
    Md5,
}

impl EapMethod {
    /// Every method.
    pub const ALL: [Self; 7] = [Self::Tls, Self::Peap, Self::Ttls, Self::MsChapV2, Self::Gtc, Self::Otp, Self::Md5];

    /// Its type (RFC 3748 5).
    pub fn kind(self) -> u8 {
        match self {
            Self::Tls => eap_type::TLS,
            Self::Peap => eap_type::PEAP,
            Self::Ttls => eap_type::TTLS,
            Self::MsChapV2 => eap_type::MSCHAPV2,
            Self::Gtc => eap_type::GTC,
            Self::Otp => eap_type::OTP,
            Self::Md5 => eap_type::MD5_CHALLENGE,
        }
    }

    /// The usual name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tls => "EAP-TLS",
            Self::Peap => "PEAP",
            Self::Ttls => "EAP-TTLS",
            Self::MsChapV2 => "EAP-MSCHAPv2",
            Self::Gtc => "EAP-GTC",
            Self::Otp => "EAP-OTP",
            Self::Md5 => "EAP-MD5",
        }
    }

    /// A name for a type, whether we have the method or not.
    pub fn describe(kind: u8) -> String {
        match Self::ALL.into_iter().find(|method| method.kind() == kind) {
            Some(method) => method.name().to_owned(),
            None => format!("EAP type {kind}"),
        }
    }
}

/// What EAP-TTLS speaks inside of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TtlsInner {
    /// The password itself (RFC 5281 11.2.5).
    Pap,
    /// MS-CHAPv2 (RFC 5281 11.2.4).
    MsChapV2,
    /// EAP, with [`EapConfig::inner_methods`] (RFC 5281 11.2.1).
    Eap,
}

/// Which octets of a method's key crypto binding takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HlakRule {
    /// The first 32 of the MSK, as MS-SSTP 3.2.5.2.2 and RFC 5216 2.3 have it.
    Msk,
    /// The first 16 of each half of the MSK, as pppd up to 2.5.0 after EAP-TLS.
    Halves,
    /// Zeros, as servers that do not look at the keys of EAP.
    Zero,
}

/// What EAP may do.
#[derive(Clone)]
pub struct EapConfig {
    /// Methods that may be used, in the order in which a Nak lists them (RFC 3748 5.3.1).
    pub methods: Vec<EapMethod>,
    /// Methods that may be used inside of PEAP and EAP-TTLS.
    pub inner_methods: Vec<EapMethod>,
    /// What EAP-TTLS speaks inside.
    pub ttls: TtlsInner,
    /// Makes the TLS connections; without it, no method that needs one is to be listed.
    pub tls: Option<Arc<dyn TlsConnector>>,
    /// Which key the crypto binding gets.
    pub hlak: HlakRule,
}

impl Default for EapConfig {
    /// EAP-MSCHAPv2 alone.
    fn default() -> Self {
        EapConfig {
            methods: vec![EapMethod::MsChapV2],
            inner_methods: vec![EapMethod::MsChapV2],
            ttls: TtlsInner::MsChapV2,
            tls: None,
            hlak: HlakRule::Msk,
        }
    }
}

impl fmt::Debug for EapConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EapConfig { methods, inner_methods, ttls, tls, hlak } = self;
        f.debug_struct("EapConfig")
            .field("methods", methods)
            .field("inner_methods", inner_methods)
            .field("ttls", ttls)
            .field("tls", &tls.is_some())
            .field("hlak", hlak)
            .finish()
    }
}

/// The peer's side of one EAP conversation.
pub(super) struct Eap {
    is_inner: bool,
    method: Option<Method>,
    /// The last Request: its identifier and data, and the Response where there is one yet (RFC 3748 4.1: a
    /// retransmission gets it again).
    last: Option<(u8, Vec<u8>, Option<Zeroizing<Vec<u8>>>)>,
    requests: u32,
    naks: u32,
    /// The type that was refused last.
    refused: Option<u8>,
    /// EAP Success came.
    is_over: bool,
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

#[derive(Debug)]
enum Method {
    Tls(EapTls),
    Peap(Peap),
    Ttls(Ttls),
    MsChapV2(EapMsChapV2Method),
    Token(EapMethod, Token),
    Md5(Md5),
}

impl Method {
    fn new(method: EapMethod) -> Self {
        match method {
            EapMethod::Tls => Method::Tls(EapTls::new()),
            EapMethod::Peap => Method::Peap(Peap::new()),
            EapMethod::Ttls => Method::Ttls(Ttls::new()),
            EapMethod::MsChapV2 => Method::MsChapV2(EapMsChapV2Method::default()),
            EapMethod::Gtc | EapMethod::Otp => Method::Token(method, Token::default()),
            EapMethod::Md5 => Method::Md5(Md5::default()),
        }
    }

    fn method(&self) -> EapMethod {
        match self {
            Method::Tls(_) => EapMethod::Tls,
            Method::Peap(_) => EapMethod::Peap,
            Method::Ttls(_) => EapMethod::Ttls,
            Method::MsChapV2(_) => EapMethod::MsChapV2,
            Method::Token(method, _) => *method,
            Method::Md5(_) => EapMethod::Md5,
        }
    }

    fn handle(&mut self, identifier: u8, data: &[u8], context: &mut Context<'_>) -> Result<Step, Malformed> {
        match self {
            Method::Tls(tls) => tls.handle(data, context),
            Method::Peap(peap) => peap.handle(identifier, data, context),
            Method::Ttls(ttls) => ttls.handle(data, context),
            Method::MsChapV2(mschapv2) => mschapv2.handle(data, context),
            Method::Token(_, token) => Ok(token.handle(data)),
            Method::Md5(md5) => md5.handle(identifier, data, context),
        }
    }

    fn answer(&mut self, answer: &Zeroizing<String>, context: &mut Context<'_>) -> Option<Step> {
        match self {
            Method::Tls(_) | Method::Md5(_) => None,
            Method::Peap(peap) => peap.answer(answer, context),
            Method::Ttls(ttls) => ttls.answer(answer, context),
            Method::MsChapV2(mschapv2) => mschapv2.answer(answer, context),
            Method::Token(_, token) => token.answer(answer),
        }
    }

    fn standing(&self) -> Standing {
        match self {
            Method::Tls(tls) => tls.standing(),
            Method::Peap(peap) => peap.standing(),
            Method::Ttls(ttls) => ttls.standing(),
            Method::MsChapV2(mschapv2) => mschapv2.standing(),
            Method::Token(_, token) => token.standing(),
            Method::Md5(md5) => md5.standing(),
        }
    }

    /// What the method knows of a failure that EAP Failure tells.
    fn failed(&mut self) -> Option<Outcome> {
        match self {
            Method::Peap(peap) => peap.failed(),
            Method::Ttls(ttls) => ttls.failed(),
            Method::MsChapV2(mschapv2) => mschapv2.failed(),
            Method::Tls(_) => Some(Outcome::Tls(TlsError {
                fault: Fault::Refused,
                text:
                    "the server did not accept the user's certificate, without saying why: it may have been revoked, \
                       be of an authority that is unknown there, or belong to nobody who may connect"
                        .to_owned(),
            })),
            Method::Token(..) | Method::Md5(_) => None,
        }
    }

    fn keep_session(&mut self) {
        match self {
            Method::Tls(tls) => tls.tunnel.keep_session(),
            Method::Peap(peap) => peap.tunnel.keep_session(),
            Method::Ttls(ttls) => ttls.tunnel.keep_session(),
            Method::MsChapV2(_) | Method::Token(..) | Method::Md5(_) => {}
        }
    }
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

    /// Whether a method was agreed upon.
    fn has_begun(&self) -> bool {
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
                self.check_identifier("identifier of EAP Failure", identifier)?;
                let failed = self.take_failed().unwrap_or_else(Outcome::refused);
                Ok(Turn { outcome: Some(failed), ..Turn::default() })
            }
            EapPacket::Response { .. } => Err(Malformed::value("EAP code from a server", 0, packet.code)),
        }
    }

    /// RFC 3748 4.2: an end has the identifier of the Response that it follows; some servers count on.
    fn check_identifier(&self, what: &'static str, identifier: u8) -> Result<(), Malformed> {
        match &self.last {
            Some((last, ..)) if identifier != *last && identifier != last.wrapping_add(1) => {
                Err(Malformed::value(what, 1, identifier))
            }
            _ => Ok(()),
        }
    }

    /// Why the conversation failed, as far as it is known.
    pub(super) fn take_failed(&mut self) -> Option<Outcome> {
        let unknown = self.refused.filter(|_| self.method.is_none());
        let no_method = unknown.map(|kind| Outcome::NoCommonEapMethod { asked: EapMethod::describe(kind) });
        self.method.as_mut().and_then(Method::failed).or(no_method)
    }

    fn request(&mut self, identifier: u8, kind: u8, data: &[u8], context: &mut Context<'_>) -> Result<Turn, Malformed> {
        self.requests += 1;
        if self.requests > MAX_REQUESTS {
            return Ok(Turn::failed("it asks without end in EAP"));
        }
        let request = [&[kind], data].concat();
        if let Some((last, before, response)) = &self.last
            && *last == identifier
            && *before == request
        {
            return Ok(Turn { response: response.clone(), ..Turn::default() });
        }
        if self.is_over {
            if kind != eap_type::IDENTITY {
                return Ok(Turn::failed("it begins a second method of EAP after it had declared success"));
            }
            // authentication anew, on a link that stays
            *self = Eap { is_inner: self.is_inner, ..Eap::outer() };
        }
        let (kind, step, notification) = self.answer_request(identifier, kind, data, context)?;
        self.last = Some((identifier, request, None));
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
                let Credentials { user_name, anonymous_identity, .. } = &context.credentials;
                let identity = anonymous_identity.as_ref().filter(|_| !self.is_inner).unwrap_or(user_name);
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
        let response = data.zip(self.last.as_ref().map(|(identifier, ..)| *identifier)).map(|(data, identifier)| {
            let mut packet = Zeroizing::new(Vec::with_capacity(1024));
            EapPacket::Response { kind, data: &data }.emit(identifier, &mut packet);
            packet
        });
        if let Some((.., last)) = &mut self.last {
            *last = response.clone();
        }
        Turn { response, outcome, notification: None }
    }

    /// Takes an EAP packet of PPP and sends the Response.
    ///
    /// # Errors
    /// A packet that cannot be read, or that is out of turn; it was silently discarded.
    pub(super) fn handle_packet(
        &mut self,
        packet: ControlPacket<'_>,
        config: &EapConfig,
        credentials: &mut Credentials,
        entropy: &mut Entropy,
        mru: usize,
        out: &mut Outbox,
    ) -> Result<(Option<Outcome>, Option<String>), Malformed> {
        let turn = self.handle(packet, &mut Context { config, credentials, entropy, mru })?;
        Ok(send(turn, out))
    }

    /// Takes a person's answer and sends the Response that waited for it.
    pub(super) fn handle_answer(
        &mut self,
        answer: &Zeroizing<String>,
        config: &EapConfig,
        credentials: &mut Credentials,
        entropy: &mut Entropy,
        mru: usize,
        out: &mut Outbox,
    ) -> Option<Outcome> {
        let turn = self.answer(answer, &mut Context { config, credentials, entropy, mru })?;
        send(turn, out).0
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
