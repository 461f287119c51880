//! The authenticators: how we prove who we are (RFC 1334, RFC 1994, RFC 2759, RFC 3748).

pub(super) mod outcome;
pub(super) mod question;

use std::fmt;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

pub use self::outcome::{Credentials, Outcome};
pub use self::question::{Answer, Question};
use super::Outbox;
use super::eap::{Context, Eap, EapConfig, EapMethod};
use super::mschapv2::{MsChapV2, Retry};
use crate::crypto::binding::Hlak;
use crate::crypto::{Entropy, chap_md5};
use crate::wire::auth::{ChapPacket, PapPacket};
use crate::wire::ppp::{ControlPacket, Protocol};
use crate::wire::{Malformed, printable};

/// Time after which a PAP Authenticate-Request is sent again, and how often it is sent (RFC 1334 2.2.1).
const PAP_RESTART: Duration = Duration::from_secs(3);
const PAP_MAX_REQUESTS: u32 = 10;

/// Most CHAP Challenges before a verdict: more than a server sends that repeats one every second for as long as it is
/// waited for.
const MAX_CHALLENGES: u32 = 128;

/// Authentication protocols, as LCP negotiates them (RFC 1661 6.2). The greater one is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum AuthProtocol {
    /// PAP (RFC 1334).
    Pap,
    /// CHAP with MD5 (RFC 1994).
    ChapMd5,
    /// MS-CHAPv2 (RFC 2759).
    MsChapV2,
    /// EAP (RFC 3748).
    Eap,
}

impl AuthProtocol {
    /// How [`describe`](Self::describe) names the version that is never spoken.
    pub const MS_CHAP_V1: &str = "MS-CHAPv1";

    /// Reads the data of LCP's Authentication-Protocol option; `None` where we do not speak the protocol.
    pub fn parse(data: &[u8]) -> Option<Self> {
        [Self::Pap, Self::ChapMd5, Self::MsChapV2, Self::Eap].into_iter().find(|protocol| protocol.emit() == data)
    }

    /// The data of the option: protocol, and algorithm where the protocol has one (RFC 1994 3, RFC 2759 2).
    pub fn emit(self) -> &'static [u8] {
        match self {
            AuthProtocol::Pap => &[0xc0, 0x23],
            AuthProtocol::ChapMd5 => &[0xc2, 0x23, 0x05],
            AuthProtocol::MsChapV2 => &[0xc2, 0x23, 0x81],
            AuthProtocol::Eap => &[0xc2, 0x27],
        }
    }

    /// The usual name.
    pub fn name(self) -> &'static str {
        match self {
            AuthProtocol::Pap => "PAP",
            AuthProtocol::ChapMd5 => "CHAP-MD5",
            AuthProtocol::MsChapV2 => "MS-CHAPv2",
            AuthProtocol::Eap => "EAP",
        }
    }

    /// A name for the data of the option, whether we speak the protocol or not.
    pub fn describe(data: &[u8]) -> String {
        match (Self::parse(data), data) {
            (Some(protocol), _) => protocol.name().to_owned(),
            (None, [0xc2, 0x23, 0x80]) => Self::MS_CHAP_V1.to_owned(),
            (None, data) => format!("protocol {data:02x?}"),
        }
    }

    /// Protocol field of its frames.
    pub fn protocol(self) -> Protocol {
        match self {
            AuthProtocol::Pap => Protocol::PAP,
            AuthProtocol::ChapMd5 | AuthProtocol::MsChapV2 => Protocol::CHAP,
            AuthProtocol::Eap => Protocol::EAP,
        }
    }
}

/// One authentication protocol at work. It stays after it ended: the peer may ask again at any time (RFC 1994 2).
pub struct Authenticator {
    credentials: Credentials,
    eap: EapConfig,
    /// Largest frame that the peer takes, in octets.
    mru: u16,
    entropy: Entropy,
    method: Method,
    /// Different CHAP Challenges since the last Success, and identifier and value of the last Response.
    challenges: u32,
    responded: Option<(u8, Zeroizing<Vec<u8>>)>,
    /// The last text that the peer wants people to read.
    notification: Option<String>,
}

/// Shows no response: a password can be searched for with it.
impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Authenticator { credentials, method, .. } = self;
        f.debug_struct("Authenticator")
            .field("credentials", credentials)
            .field("method", method)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
enum Method {
    Pap { restart_timer: Option<Instant>, requests: u32 },
    ChapMd5 { identifier: Option<u8> },
    MsChapV2(MsChapV2),
    Eap(Box<Eap>),
}

impl Authenticator {
    /// Speaks this protocol with these credentials, to a peer that takes frames of `mru` octets.
    pub fn new(protocol: AuthProtocol, credentials: Credentials, eap: EapConfig, mru: u16, entropy: Entropy) -> Self {
        let method = match protocol {
            AuthProtocol::Pap => Method::Pap { restart_timer: None, requests: 0 },
            AuthProtocol::ChapMd5 => Method::ChapMd5 { identifier: None },
            AuthProtocol::MsChapV2 => Method::MsChapV2(MsChapV2::default()),
            AuthProtocol::Eap => Method::Eap(Box::new(Eap::outer())),
        };
        Authenticator { credentials, eap, mru, entropy, method, challenges: 0, responded: None, notification: None }
    }

    /// The protocol that it speaks.
    pub fn protocol(&self) -> AuthProtocol {
        match self.method {
            Method::Pap { .. } => AuthProtocol::Pap,
            Method::ChapMd5 { .. } => AuthProtocol::ChapMd5,
            Method::MsChapV2(_) => AuthProtocol::MsChapV2,
            Method::Eap(_) => AuthProtocol::Eap,
        }
    }

    /// The method of EAP that was agreed upon.
    pub fn eap_method(&self) -> Option<EapMethod> {
        match &self.method {
            Method::Eap(eap) => eap.method(),
            _ => None,
        }
    }

    /// Who we are, with the password that was changed or given in the meantime.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// What the peer wants people to read, once.
    pub fn take_notification(&mut self) -> Option<String> {
        self.notification.take()
    }

    /// Whether the peer has something of ours to judge: an end of the link now means that it refused.
    pub fn has_answered(&self) -> bool {
        match &self.method {
            Method::Pap { requests, .. } => *requests > 0,
            Method::ChapMd5 { identifier } => identifier.is_some(),
            Method::MsChapV2(mschapv2) => mschapv2.has_answered(),
            Method::Eap(eap) => eap.has_answered(),
        }
    }

    /// The method of EAP that the peer asked for last, where it was refused and none was agreed upon.
    pub(super) fn refused_eap_method(&self) -> Option<String> {
        match &self.method {
            Method::Eap(eap) => eap.refused_method(),
            Method::Pap { .. } | Method::ChapMd5 { .. } | Method::MsChapV2(_) => None,
        }
    }

    /// What it means that the peer ends the link without a word about our answer; `None` where there was none.
    pub(super) fn refused_silently(&mut self) -> Option<Outcome> {
        if !self.has_answered() {
            return None;
        }
        let known = match &mut self.method {
            Method::Eap(eap) => eap.take_failed(),
            Method::Pap { .. } | Method::ChapMd5 { .. } | Method::MsChapV2(_) => None,
        };
        Some(known.unwrap_or_else(Outcome::refused))
    }

    /// The link is up: PAP speaks first, CHAP waits to be asked.
    pub fn start(&mut self, now: Instant, out: &mut Outbox) {
        if let Method::Pap { restart_timer, requests } = &mut self.method {
            *requests += 1;
            *restart_timer = Some(now + PAP_RESTART);
            let Credentials { user_name, password, .. } = &self.credentials;
            let packet = PapPacket::Request { peer_id: user_name.as_bytes(), password: password.as_bytes() };
            // RFC 1334 2.2.1: every request has an identifier of its own, here its number
            out.push(Protocol::PAP, |frame| packet.emit(*requests as u8, frame));
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.method {
            Method::Pap { restart_timer, .. } => restart_timer,
            Method::ChapMd5 { .. } | Method::MsChapV2(_) | Method::Eap(_) => None,
        }
    }

    /// The restart timer ran out. Does nothing before that.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> Option<Outcome> {
        if self.poll_timeout().is_none_or(|at| now < at) {
            return None;
        }
        if let Method::Pap { restart_timer, requests: PAP_MAX_REQUESTS.. } = &mut self.method {
            *restart_timer = None;
            return Some(Outcome::Unanswered);
        }
        self.start(now, out);
        None
    }

    /// Takes a packet of the protocol.
    ///
    /// # Errors
    /// A packet that cannot be read, or that is out of turn; it was silently discarded.
    pub fn handle_packet(&mut self, packet: ControlPacket<'_>, out: &mut Outbox) -> Result<Option<Outcome>, Malformed> {
        let Authenticator { credentials, entropy, .. } = self;
        match &mut self.method {
            Method::Pap { restart_timer, requests } => {
                let reply = PapPacket::parse(packet)?;
                if restart_timer.is_none() {
                    return Ok(None);
                }
                // the reply to an earlier request is as good as one to the last
                if !(1..=*requests).contains(&packet.identifier.into()) {
                    return Err(Malformed::value("identifier of the reply to our PAP request", 1, packet.identifier));
                }
                let outcome = match reply {
                    PapPacket::Request { .. } => return Ok(None),
                    PapPacket::Ack(_) => Outcome::Authenticated(Hlak::zero()),
                    PapPacket::Nak(message) => Outcome::Failed { code: None, message: printable(message) },
                };
                *restart_timer = None;
                Ok(Some(outcome))
            }
            Method::ChapMd5 { .. } | Method::MsChapV2(_) => {
                self.handle_chap(ChapPacket::parse(packet)?, packet.identifier, out)
            }
            Method::Eap(eap) => {
                let mut context = Context { config: &self.eap, credentials, entropy, mru: self.mru.into() };
                let (outcome, text) = eap.handle_packet(packet, &mut context, out)?;
                self.notification = text.or(self.notification.take());
                Ok(outcome)
            }
        }
    }

    fn handle_chap(
        &mut self,
        packet: ChapPacket<'_>,
        identifier: u8,
        out: &mut Outbox,
    ) -> Result<Option<Outcome>, Malformed> {
        let Authenticator { credentials, entropy, .. } = self;
        if let ChapPacket::Challenge { value, .. } = packet {
            let (md5, mschapv2);
            let value: &[u8] = match &mut self.method {
                Method::ChapMd5 { identifier: due } => {
                    *due = Some(identifier);
                    md5 = chap_md5(identifier, credentials.password.as_bytes(), value);
                    &md5
                }
                Method::MsChapV2(method) => {
                    mschapv2 = method.challenge(identifier, value, credentials, entropy)?;
                    &mschapv2
                }
                Method::Pap { .. } | Method::Eap(_) => return Ok(None),
            };
            // a Challenge that is only repeated gets the same Response, and is the server's way to wait
            if !self.responded.as_ref().is_some_and(|(last, before)| *last == identifier && before[..] == *value) {
                self.challenges += 1;
                self.responded = Some((identifier, Zeroizing::new(value.to_vec())));
            }
            if self.challenges > MAX_CHALLENGES {
                return Ok(Some(Outcome::Misbehaved("it challenges without end".to_owned())));
            }
            let response = ChapPacket::Response { value, name: credentials.user_name.as_bytes() };
            out.push(Protocol::CHAP, |frame| response.emit(identifier, frame));
            return Ok(None);
        }
        let answered = self.has_answered();
        let outcome = match (&mut self.method, packet) {
            (_, ChapPacket::Success(_)) if !answered => success_unasked(),
            (Method::ChapMd5 { identifier: due }, ChapPacket::Success(_) | ChapPacket::Failure(_))
                if *due != Some(identifier) =>
            {
                return Err(Malformed::value("identifier of the verdict on our CHAP response", 1, identifier));
            }
            (Method::ChapMd5 { .. }, ChapPacket::Success(_)) => Outcome::Authenticated(Hlak::zero()),
            (Method::ChapMd5 { .. }, ChapPacket::Failure(message)) => {
                Outcome::Failed { code: None, message: printable(message) }
            }
            (Method::MsChapV2(mschapv2), ChapPacket::Success(message)) => {
                mschapv2.success(identifier, message, &mut self.credentials)?
            }
            (Method::MsChapV2(mschapv2), ChapPacket::Failure(message)) => return mschapv2.failure(identifier, message),
            _ => return Ok(None),
        };
        if matches!(outcome, Outcome::Authenticated(_)) {
            self.challenges = 0;
        }
        Ok(Some(outcome))
    }

    /// A person has answered the question of the last [`Outcome::Asks`]; does nothing where there was none.
    pub fn answer(&mut self, answer: &Zeroizing<String>, out: &mut Outbox) -> Option<Outcome> {
        let Authenticator { credentials, entropy, .. } = self;
        match &mut self.method {
            Method::Pap { .. } | Method::ChapMd5 { .. } => None,
            Method::MsChapV2(mschapv2) => {
                let (identifier, value, fields);
                let packet = match mschapv2.answer(answer, credentials, entropy) {
                    Ok(None) => return None,
                    Err(question) => return Some(Outcome::Asks(question)),
                    Ok(Some(Retry::Response { identifier: next, value: response })) => {
                        (identifier, value) = (next, response);
                        ChapPacket::Response { value: &value, name: credentials.user_name.as_bytes() }
                    }
                    Ok(Some(Retry::ChangePassword { identifier: next, fields: change })) => {
                        (identifier, fields) = (next, change);
                        ChapPacket::ChangePassword(&fields)
                    }
                };
                out.push(Protocol::CHAP, |frame| packet.emit(identifier, frame));
                None
            }
            Method::Eap(eap) => {
                let mut context = Context { config: &self.eap, credentials, entropy, mru: self.mru.into() };
                eap.handle_answer(answer, &mut context, out)
            }
        }
    }

    /// The key of a method that has proven both sides before the peer has said that it is content: a peer that goes on
    /// to the network protocols is (pppd ends no EAP conversation otherwise).
    pub fn proven(&self) -> Option<Hlak> {
        match &self.method {
            Method::Eap(eap) => eap.proven(&self.eap),
            Method::Pap { .. } | Method::ChapMd5 { .. } | Method::MsChapV2(_) => None,
        }
    }
}

/// A verdict where nothing was sent that it could be about.
fn success_unasked() -> Outcome {
    Outcome::Misbehaved("it declares success before there was a proof".to_owned())
}

#[cfg(test)]
mod tests;
