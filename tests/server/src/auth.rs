//! The authenticators of the server's side: PAP (RFC 1334), CHAP with MD5 (RFC 1994), MS-CHAPv2 (RFC 2759).

use std::sync::Arc;
use std::time::{Duration, Instant};

use nm_sstp::crypto::binding::{Hlak, mac_eq};
use nm_sstp::crypto::mppe::MasterKey;
use nm_sstp::crypto::mschapv2::{PasswordHash, authenticator_response, nt_response, without_domain};
use nm_sstp::crypto::{Entropy, chap_md5};
use nm_sstp::ppp::Outbox;
use nm_sstp::wire::auth::{ChapPacket, MsChapV2Response, PapPacket};
use nm_sstp::wire::ppp::{ControlPacket, Protocol};
use nm_sstp::wire::{Malformed, printable};

use crate::{Behaviour, Config, Method, User};

/// Time between two Challenges while no Response comes, and how many are sent (RFC 1994 4.1).
const RESTART: Duration = Duration::from_secs(3);
const MAX_CHALLENGES: u32 = 10;
/// How long a client may take that has to speak first: with PAP, and after a Failure that allows another try.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many wrong Responses are followed by another try, where the server is told to allow it (RFC 2759 6).
const RETRIES: u32 = 3;

/// How an authentication ended.
pub(crate) struct Verdict {
    /// The user name that the client sent.
    pub user: String,
    /// The key for crypto binding; `None`: the client did not prove to know the password.
    pub hlak: Option<Hlak>,
}

/// One authentication method at work. It stays after it ended: answers are repeated where the client asks again.
pub(crate) struct Authenticator {
    config: Arc<Config>,
    method: Method,
    entropy: Entropy,
    identifier: u8,
    challenge: [u8; 16],
    /// Whether the client's proof is awaited.
    open: bool,
    /// When to send the Challenge again, or to give up.
    timer: Option<Instant>,
    challenges: u32,
    failures: u32,
    /// Identifier of the packet that was answered, and code and data of the answer (RFC 1994 4.2).
    answered: Option<(u8, Answer)>,
}

/// A reply to the client's proof.
#[derive(Clone)]
struct Answer {
    accepted: bool,
    /// The client may try once more.
    retry: bool,
    message: String,
}

impl Answer {
    fn accept(message: impl Into<String>) -> Self {
        Answer { accepted: true, retry: false, message: message.into() }
    }

    fn refuse(message: impl Into<String>) -> Self {
        Answer { accepted: false, retry: false, message: message.into() }
    }
}

impl Authenticator {
    pub fn new(config: Arc<Config>, method: Method, entropy: Entropy) -> Self {
        Authenticator {
            config,
            method,
            entropy,
            identifier: 0,
            challenge: [0; 16],
            open: false,
            timer: None,
            challenges: 0,
            failures: 0,
            answered: None,
        }
    }

    pub fn method(&self) -> Method {
        self.method
    }

    /// Protocol field of the frames of this method.
    pub fn protocol(&self) -> Protocol {
        match self.method {
            Method::Pap => Protocol::PAP,
            Method::ChapMd5 | Method::MsChapV2 => Protocol::CHAP,
        }
    }

    /// LCP is Opened: challenges the client, or waits for PAP's request. Also good for another challenge later
    /// (RFC 1994 2).
    pub fn start(&mut self, now: Instant, out: &mut Outbox) {
        self.open = true;
        self.challenges = 0;
        self.challenge = self.entropy.octets();
        self.identifier = self.identifier.wrapping_add(1);
        match self.method {
            Method::Pap => self.timer = Some(now + PATIENCE),
            Method::ChapMd5 | Method::MsChapV2 => self.send_challenge(now, out),
        }
    }

    fn send_challenge(&mut self, now: Instant, out: &mut Outbox) {
        let challenge = ChapPacket::Challenge { value: &self.challenge, name: self.config.name.as_bytes() };
        out.push(Protocol::CHAP, |frame| challenge.emit(self.identifier, frame));
        self.challenges += 1;
        self.timer = Some(now + RESTART);
    }

    pub fn timer(&self) -> Option<Instant> {
        self.timer
    }

    /// Returns whether the client took too long.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> bool {
        if self.timer.is_none_or(|timer| now < timer) {
            return false;
        }
        self.timer = None;
        if self.method == Method::Pap || self.challenges >= MAX_CHALLENGES {
            return true;
        }
        self.send_challenge(now, out);
        false
    }

    /// Handles a packet of the method's protocol.
    ///
    /// # Errors
    /// A packet that cannot be read; it was discarded.
    pub fn handle_packet(
        &mut self,
        now: Instant,
        packet: ControlPacket<'_>,
        out: &mut Outbox,
    ) -> Result<Option<Verdict>, Malformed> {
        if let Some((identifier, answer)) = self.answered.clone()
            && identifier == packet.identifier
        {
            self.send_answer(packet.identifier, answer, out);
            return Ok(None);
        }
        match self.method {
            Method::Pap => self.handle_pap(packet, out),
            Method::ChapMd5 | Method::MsChapV2 => self.handle_chap(now, packet, out),
        }
    }

    fn handle_pap(&mut self, packet: ControlPacket<'_>, out: &mut Outbox) -> Result<Option<Verdict>, Malformed> {
        let PapPacket::Request { peer_id, password } = PapPacket::parse(packet)? else { return Ok(None) };
        if !self.open {
            return Ok(None);
        }
        let right = self.user(peer_id).is_some_and(|user| user.password.as_bytes() == password);
        let answer = if right { Answer::accept("Welcome") } else { Answer::refuse("Authentication failure") };
        self.answer(packet.identifier, answer, out);
        Ok(Some(Verdict { user: printable(peer_id), hlak: right.then(Hlak::zero) }))
    }

    fn handle_chap(
        &mut self,
        now: Instant,
        packet: ControlPacket<'_>,
        out: &mut Outbox,
    ) -> Result<Option<Verdict>, Malformed> {
        let ChapPacket::Response { value, name } = ChapPacket::parse(packet)? else { return Ok(None) };
        if packet.identifier != self.identifier || !self.open {
            return Ok(None);
        }
        let proof = match self.method {
            Method::MsChapV2 => self.check_mschapv2(&MsChapV2Response::parse(value)?, name),
            _ => self.check_chap_md5(value, name),
        };
        let expired = self.method == Method::MsChapV2 && self.behaves(Behaviour::PasswordExpired);
        let (hlak, answer) = match proof {
            Some((hlak, message)) if !expired => (Some(hlak), Answer::accept(message)),
            proof if self.method == Method::MsChapV2 => (None, self.mschapv2_failure(proof.is_some())),
            _ => (None, Answer::refuse("Authentication failure")),
        };
        let retry = answer.retry;
        self.answer(packet.identifier, answer, out);
        if retry {
            // RFC 2759 6: the next Response has the next identifier and answers the challenge of this Failure
            self.identifier = packet.identifier.wrapping_add(1);
            self.open = true;
            self.timer = Some(now + PATIENCE);
            return Ok(None);
        }
        Ok(Some(Verdict { user: printable(name), hlak }))
    }

    /// RFC 1994 4.1.
    fn check_chap_md5(&self, value: &[u8], name: &[u8]) -> Option<(Hlak, String)> {
        let password = &self.user(name)?.password;
        let expected = chap_md5(self.identifier, password.as_bytes(), &self.challenge);
        mac_eq(value.try_into().ok()?, &expected).then(|| (Hlak::zero(), "Welcome".to_owned()))
    }

    /// RFC 2759 8: the key and the message of the Success packet, which proves that the server knows the password.
    fn check_mschapv2(&self, response: &MsChapV2Response, name: &[u8]) -> Option<(Hlak, String)> {
        let user_name = without_domain(std::str::from_utf8(name).ok()?).as_bytes();
        let hash = PasswordHash::new(&self.user(name)?.password);
        let MsChapV2Response { peer_challenge, nt_response: received } = response;
        if !mac_eq(received, &nt_response(&self.challenge, peer_challenge, user_name, &hash)) {
            return None;
        }
        let hash_hash = hash.hash();
        let proof = authenticator_response(&hash_hash, received, peer_challenge, &self.challenge, user_name);
        let message = format!("S={} M=Welcome", hex(&proof));
        Some((Hlak::from_mschapv2_server(&MasterKey::new(&hash_hash, received)), message))
    }

    /// The Failure of RFC 2759 6, with a fresh challenge.
    fn mschapv2_failure(&mut self, expired: bool) -> Answer {
        self.failures += 1;
        self.challenge = self.entropy.octets();
        let retry = !expired && self.behaves(Behaviour::RetryOnAuthFailure) && self.failures <= RETRIES;
        let (code, text) = if expired { (648, "Password expired") } else { (691, "Authentication failure") };
        let message = format!("E={code} R={} C={} V=3 M={text}", u8::from(retry), hex(&self.challenge));
        Answer { retry, ..Answer::refuse(message) }
    }

    fn answer(&mut self, identifier: u8, answer: Answer, out: &mut Outbox) {
        self.open = false;
        self.timer = None;
        self.answered = Some((identifier, answer.clone()));
        self.send_answer(identifier, answer, out);
    }

    fn send_answer(&self, identifier: u8, Answer { accepted, message, .. }: Answer, out: &mut Outbox) {
        let message = message.as_bytes();
        match (self.method, accepted) {
            (Method::Pap, true) => out.push(Protocol::PAP, |frame| PapPacket::Ack(message).emit(identifier, frame)),
            (Method::Pap, false) => out.push(Protocol::PAP, |frame| PapPacket::Nak(message).emit(identifier, frame)),
            (_, true) => out.push(Protocol::CHAP, |frame| ChapPacket::Success(message).emit(identifier, frame)),
            (_, false) => out.push(Protocol::CHAP, |frame| ChapPacket::Failure(message).emit(identifier, frame)),
        }
    }

    /// The user of this name who may use the method.
    fn user(&self, name: &[u8]) -> Option<&User> {
        let name = without_domain(std::str::from_utf8(name).ok()?);
        let mut users = self.config.users.iter().filter(|user| user.name == name);
        users.find(|user| user.method.is_none_or(|method| method == self.method))
    }

    fn behaves(&self, behaviour: Behaviour) -> bool {
        self.config.behaviours.contains(&behaviour)
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02X}")).collect()
}
