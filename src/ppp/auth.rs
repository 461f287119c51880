//! The authenticators: how we prove who we are (RFC 1334, RFC 1994, RFC 2759).

use std::fmt;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::Outbox;
use super::eap::Eap;
use super::mschapv2::MsChapV2;
use crate::crypto::binding::Hlak;
use crate::crypto::{Entropy, chap_md5};
use crate::wire::auth::{ChapPacket, PapPacket};
use crate::wire::ppp::{ControlPacket, Protocol};
use crate::wire::{Malformed, printable};

/// Time after which a PAP Authenticate-Request is sent again, and how often it is sent (RFC 1334 2.2.1).
const PAP_RESTART: Duration = Duration::from_secs(3);
const PAP_MAX_REQUESTS: u32 = 10;

/// Authentication protocols, as LCP negotiates them (RFC 1661 6.2). The greater one is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
            (None, [0xc2, 0x23, 0x80]) => "MS-CHAPv1".to_owned(),
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

/// Who we are.
#[derive(Clone)]
pub struct Credentials {
    /// User name, `DOMAIN\` included.
    pub user_name: String,
    /// Password.
    pub password: Zeroizing<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user_name", &self.user_name).finish_non_exhaustive()
    }
}

/// How an authentication ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The peer accepted us, and proved itself where the method can.
    Authenticated(Hlak),
    /// The peer did not accept us.
    Failed {
        /// Error code of an MS-CHAPv2 Failure (RFC 2759 6).
        code: Option<u32>,
        /// What the peer said, printable characters only.
        message: String,
    },
    /// The peer accepted us, but could not prove that it knows the password (RFC 2759 5).
    PeerNotAuthentic,
    /// The peer did not answer.
    Unanswered,
}

/// One authentication protocol at work. It stays after it ended: the peer may ask again at any time (RFC 1994 2).
#[derive(Debug)]
pub struct Authenticator {
    credentials: Credentials,
    entropy: Entropy,
    method: Method,
}

#[derive(Debug)]
enum Method {
    Pap { restart_timer: Option<Instant>, requests: u32 },
    ChapMd5 { identifier: Option<u8> },
    MsChapV2(MsChapV2),
    Eap(Box<Eap>),
}

impl Authenticator {
    /// Speaks this protocol with these credentials.
    pub fn new(protocol: AuthProtocol, credentials: Credentials, entropy: Entropy) -> Self {
        let method = match protocol {
            AuthProtocol::Pap => Method::Pap { restart_timer: None, requests: 0 },
            AuthProtocol::ChapMd5 => Method::ChapMd5 { identifier: None },
            AuthProtocol::MsChapV2 => Method::MsChapV2(MsChapV2::default()),
            AuthProtocol::Eap => Method::Eap(Box::default()),
        };
        Authenticator { credentials, entropy, method }
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

    /// Whether the peer has something of ours to judge: an end of the link now means that it refused.
    pub fn has_answered(&self) -> bool {
        match &self.method {
            Method::Pap { requests, .. } => *requests > 0,
            Method::ChapMd5 { identifier } => identifier.is_some(),
            Method::MsChapV2(mschapv2) => mschapv2.has_answered(),
            Method::Eap(eap) => eap.has_answered(),
        }
    }

    /// The link is up: PAP speaks first, CHAP waits to be asked.
    pub fn start(&mut self, now: Instant, out: &mut Outbox) {
        if let Method::Pap { restart_timer, requests } = &mut self.method {
            *requests += 1;
            *restart_timer = Some(now + PAP_RESTART);
            let Credentials { user_name, password } = &self.credentials;
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
    /// A packet that cannot be read; it was silently discarded.
    pub fn handle_packet(&mut self, packet: ControlPacket<'_>, out: &mut Outbox) -> Result<Option<Outcome>, Malformed> {
        match &mut self.method {
            Method::Pap { restart_timer, requests } => {
                let reply = PapPacket::parse(packet)?;
                // the reply to an earlier request is as good as one to the last
                if !(1..=*requests).contains(&packet.identifier.into()) || restart_timer.is_none() {
                    return Ok(None);
                }
                let outcome = match reply {
                    PapPacket::Request { .. } => return Ok(None),
                    PapPacket::Ack(_) => Outcome::Authenticated(Hlak::zero()),
                    PapPacket::Nak(message) => Outcome::Failed { code: None, message: printable(message) },
                };
                *restart_timer = None;
                Ok(Some(outcome))
            }
            Method::ChapMd5 { identifier } => match ChapPacket::parse(packet)? {
                ChapPacket::Challenge { value, .. } => {
                    *identifier = Some(packet.identifier);
                    let Credentials { user_name, password } = &self.credentials;
                    let response = chap_md5(packet.identifier, password.as_bytes(), value);
                    let response = ChapPacket::Response { value: &response, name: user_name.as_bytes() };
                    out.push(Protocol::CHAP, |frame| response.emit(packet.identifier, frame));
                    Ok(None)
                }
                ChapPacket::Success(_) if *identifier == Some(packet.identifier) => {
                    Ok(Some(Outcome::Authenticated(Hlak::zero())))
                }
                ChapPacket::Failure(message) if *identifier == Some(packet.identifier) => {
                    Ok(Some(Outcome::Failed { code: None, message: printable(message) }))
                }
                _ => Ok(None),
            },
            Method::MsChapV2(mschapv2) => match ChapPacket::parse(packet)? {
                ChapPacket::Challenge { value, .. } => {
                    let value = mschapv2.challenge(packet.identifier, value, &self.credentials, &mut self.entropy)?;
                    let response = ChapPacket::Response { value: &value, name: self.credentials.user_name.as_bytes() };
                    out.push(Protocol::CHAP, |frame| response.emit(packet.identifier, frame));
                    Ok(None)
                }
                ChapPacket::Success(message) => Ok(mschapv2.success(packet.identifier, message)),
                ChapPacket::Failure(message) => Ok(mschapv2.failure(packet.identifier, message)),
                ChapPacket::Response { .. } => Ok(None),
            },
            Method::Eap(eap) => eap.handle_packet(packet, &self.credentials, &mut self.entropy, out),
        }
    }

    /// The key of a method that has proven both sides before the peer has said that it is content: a peer that goes on
    /// to the network protocols is (pppd ends no EAP conversation otherwise).
    pub fn proven(&self) -> Option<Hlak> {
        match &self.method {
            Method::Eap(eap) => eap.proven(),
            Method::Pap { .. } | Method::ChapMd5 { .. } | Method::MsChapV2(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
