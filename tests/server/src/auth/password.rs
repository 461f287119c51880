//! PAP (RFC 1334), CHAP with MD5 (RFC 1994) and MS-CHAPv2 (RFC 2759) with its Change-Password.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nm_sstp::crypto::Entropy;
use nm_sstp::crypto::binding::Hlak;
use nm_sstp::crypto::mschapv2::without_domain;
use nm_sstp::ppp::Outbox;
use nm_sstp::wire::auth::{ChapPacket, MsChapV2Response, PapPacket};
use nm_sstp::wire::ppp::{ControlPacket, Protocol};
use nm_sstp::wire::{Malformed, printable};
use zeroize::Zeroizing;

use super::change::{CHANGE_PASSWORD, ChangePassword};
use super::relay::{self, Proof};
use super::{Outcome, hex, local};
use crate::radius::Client;
use crate::{Behaviour, Config, Method, User};

/// Time between two Challenges while no Response comes, and how many are sent (RFC 1994 4.1).
const RESTART: Duration = Duration::from_secs(3);
const MAX_CHALLENGES: u32 = 10;
/// How long a client may take that has to speak first: with PAP, and after a Failure that allows another try.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many wrong Responses are followed by another try (RFC 2759 6).
const RETRIES: u32 = 3;

/// One of the methods at work.
pub(crate) struct Password {
    config: Arc<Config>,
    method: Method,
    entropy: Entropy,
    pub radius: Option<Client>,
    /// Identifier of the packet that RADIUS is judging.
    judging: Option<u8>,
    identifier: u8,
    challenge: [u8; 16],
    /// The name that the client gave last.
    name: Vec<u8>,
    /// What the client has to send.
    awaited: Awaited,
    /// When to send the Challenge again, or to give up.
    timer: Option<Instant>,
    challenges: u32,
    failures: u32,
    /// New passwords that were refused, or the new one that was accepted, where the server itself is the judge.
    refused_changes: u32,
    changed: Option<Zeroizing<String>>,
    /// Identifier of the packet that was answered, and the answer (RFC 1994 4.2).
    answered: Option<(u8, Answer)>,
    pub notes: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Awaited {
    Nothing,
    Response,
    /// A Change-Password packet (RFC 2759 7).
    Change,
}

/// A reply to the client's proof.
#[derive(Clone)]
pub(super) struct Answer {
    /// The key for crypto binding; `None`: the client is refused.
    pub hlak: Option<Hlak>,
    pub message: String,
    pub next: Next,
}

/// What follows an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    End,
    /// Another Response, to this challenge (RFC 2759 6).
    Retry([u8; 16]),
    /// A Change-Password packet, with a Response to this challenge (RFC 2759 7).
    Change([u8; 16]),
}

impl Answer {
    fn accept(hlak: Hlak, message: impl Into<String>) -> Self {
        Answer { hlak: Some(hlak), message: message.into(), next: Next::End }
    }

    fn refuse(message: impl Into<String>) -> Self {
        Answer { hlak: None, message: message.into(), next: Next::End }
    }
}

impl Password {
    pub fn new(config: Arc<Config>, method: Method, radius: Option<Client>, entropy: Entropy) -> Self {
        Password {
            config,
            method,
            entropy,
            radius,
            judging: None,
            identifier: 0,
            challenge: [0; 16],
            name: Vec::new(),
            awaited: Awaited::Nothing,
            timer: None,
            challenges: 0,
            failures: 0,
            refused_changes: 0,
            changed: None,
            answered: None,
            notes: Vec::new(),
        }
    }

    pub fn method(&self) -> Method {
        self.method
    }

    pub fn start(&mut self, now: Instant, out: &mut Outbox) {
        self.awaited = Awaited::Response;
        self.judging = None;
        if let Some(radius) = &mut self.radius {
            radius.cancel();
        }
        self.challenges = 0;
        self.challenge = self.entropy.octets();
        self.identifier = self.identifier.wrapping_add(1);
        match self.method {
            Method::Pap => self.timer = Some(now + PATIENCE),
            _ => self.send_challenge(now, out),
        }
    }

    fn send_challenge(&mut self, now: Instant, out: &mut Outbox) {
        let challenge = ChapPacket::Challenge { value: &self.challenge, name: self.config.name.as_bytes() };
        out.push(Protocol::CHAP, |frame| challenge.emit(self.identifier, frame));
        self.challenges += 1;
        self.timer = Some(now + RESTART);
    }

    pub fn timer(&self) -> Option<Instant> {
        [self.timer, self.radius.as_ref().and_then(Client::timer)].into_iter().flatten().min()
    }

    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> Option<Outcome> {
        if self.radius.as_mut().is_some_and(|radius| radius.handle_timeout(now)) {
            self.notes.push("the RADIUS server does not answer".to_owned());
            let message = match self.method {
                Method::MsChapV2 => relay::unanswered(),
                _ => "Authentication failure".to_owned(),
            };
            let identifier = self.judging.take()?;
            return self.answer(now, identifier, Answer::refuse(message), out);
        }
        if self.timer.is_none_or(|timer| now < timer) {
            return None;
        }
        self.timer = None;
        if self.method == Method::Pap || self.failures > 0 || self.challenges >= MAX_CHALLENGES {
            return Some(Outcome::Silent);
        }
        self.send_challenge(now, out);
        None
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
    ) -> Result<Option<Outcome>, Malformed> {
        if let Some((identifier, answer)) = &self.answered
            && *identifier == packet.identifier
        {
            self.send_answer(packet.identifier, answer, out);
            return Ok(None);
        }
        if self.judging.is_some() {
            return Ok(None);
        }
        let (identifier, challenge) = (packet.identifier, self.challenge);
        if packet.code == CHANGE_PASSWORD && self.method == Method::MsChapV2 {
            let change = ChangePassword::parse(packet.data)?;
            if identifier != self.identifier || self.awaited != Awaited::Change {
                return Ok(None);
            }
            return Ok(self.judge(now, &Proof::Change { identifier, challenge: &challenge, packet: &change }, out));
        }
        let proof = match self.method {
            Method::Pap => {
                let PapPacket::Request { peer_id, password } = PapPacket::parse(packet)? else { return Ok(None) };
                self.name = peer_id.to_vec();
                self.identifier = identifier;
                Proof::Pap(password)
            }
            method => {
                let ChapPacket::Response { value, name } = ChapPacket::parse(packet)? else { return Ok(None) };
                self.name = name.to_vec();
                let challenge = &challenge;
                match (method, value.try_into()) {
                    (Method::ChapMd5, Ok(response)) => Proof::ChapMd5 { identifier, challenge, response },
                    (Method::ChapMd5, Err(_)) => Proof::ChapMd5 { identifier, challenge, response: [0; 16] },
                    _ => Proof::MsChapV2 { identifier, challenge, response: MsChapV2Response::parse(value)? },
                }
            }
        };
        if identifier != self.identifier || self.awaited != Awaited::Response {
            return Ok(None);
        }
        Ok(self.judge(now, &proof, out))
    }

    /// Answers the client's proof, or has RADIUS judge it.
    fn judge(&mut self, now: Instant, proof: &Proof<'_>, out: &mut Outbox) -> Option<Outcome> {
        let identifier = self.identifier;
        let Some(radius) = &mut self.radius else {
            let answer = self.judge_here(proof);
            return self.answer(now, identifier, answer, out);
        };
        let mut request = radius.request(&mut self.entropy);
        relay::introduce(&mut request, &self.config, &self.name);
        relay::prove(&mut request, proof);
        match radius.send(now, request) {
            Ok(()) => {
                self.judging = Some(identifier);
                self.timer = None;
                None
            }
            Err(error) => {
                self.notes.push(error.to_string());
                self.answer(now, identifier, Answer::refuse(relay::unanswered()), out)
            }
        }
    }

    pub fn handle_radius(&mut self, now: Instant, datagram: &[u8], out: &mut Outbox) -> Option<Outcome> {
        let reply = match self.radius.as_mut()?.handle_datagram(datagram) {
            Ok(reply) => reply,
            Err(error) => {
                self.notes.push(error.to_string());
                return None;
            }
        };
        let identifier = self.judging.take()?;
        let (mut answer, note) = relay::answer(self.method, &reply);
        self.notes.push(format!("RADIUS: {} {note}", self.method));
        if matches!(answer.next, Next::Retry(_)) {
            self.failures += 1;
            if self.failures > RETRIES {
                answer.next = Next::End;
            }
        }
        self.answer(now, identifier, answer, out)
    }

    /// The verdict of the server's own table of users.
    fn judge_here(&mut self, proof: &Proof<'_>) -> Answer {
        let known = self.user(&self.name).map(|user| user.password.clone());
        let Some(password) = self.changed.clone().filter(|_| known.is_some()).or(known) else {
            return self.refuse_here(691);
        };
        match proof {
            Proof::Pap(given) if *given == password.as_bytes() => Answer::accept(Hlak::zero(), "Welcome"),
            Proof::ChapMd5 { identifier, challenge, response }
                if local::check_chap_md5(*identifier, *challenge, response, &password) =>
            {
                Answer::accept(Hlak::zero(), "Welcome")
            }
            Proof::MsChapV2 { challenge, response, .. } => {
                match local::check_mschapv2(challenge, response, &self.name, &password) {
                    Some(_) if self.is_expired() => self.refuse_here(648),
                    Some((hlak, proof)) => Answer::accept(hlak, format!("{proof} M=Welcome")),
                    None => self.refuse_here(691),
                }
            }
            Proof::Change { challenge, packet, .. } => {
                let Some(new) = packet.new_password(&password) else {
                    self.notes.push("the Change-Password packet was not made with the old password".to_owned());
                    return self.refuse_here(691);
                };
                if self.behaves(Behaviour::PasswordExpiredRefused) && self.refused_changes == 0 {
                    self.refused_changes += 1;
                    return self.refuse_here(709);
                }
                match local::check_mschapv2(challenge, &packet.response, &self.name, &new) {
                    Some((hlak, proof)) => {
                        self.notes.push("the password was changed".to_owned());
                        self.changed = Some(new);
                        Answer::accept(hlak, format!("{proof} M=Password changed"))
                    }
                    None => self.refuse_here(691),
                }
            }
            _ => self.refuse_here(691),
        }
    }

    fn is_expired(&self) -> bool {
        let expires = self.behaves(Behaviour::PasswordExpired) || self.behaves(Behaviour::PasswordExpiredRefused);
        expires && self.changed.is_none()
    }

    /// The refusal of RFC 2759 6 for an error code, with a fresh challenge; without one where the method has none.
    fn refuse_here(&mut self, code: u32) -> Answer {
        if self.method != Method::MsChapV2 {
            return Answer::refuse("Authentication failure");
        }
        self.failures += 1;
        let challenge = self.entropy.octets();
        let retry = self.behaves(Behaviour::RetryOnAuthFailure) && self.failures <= RETRIES;
        let (next, text) = match code {
            648 => (Next::Change(challenge), "Password expired"),
            709 => (Next::Change(challenge), "The new password is not good enough"),
            _ if retry => (Next::Retry(challenge), "Authentication failure"),
            _ => (Next::End, "Authentication failure"),
        };
        // a Change-Password packet is asked for by the code, unless it is one more
        let again = code == 709 || matches!(next, Next::Retry(_));
        let message = format!("E={code} R={} C={} V=3 M={text}", u8::from(again), hex(&challenge));
        Answer { next, ..Answer::refuse(message) }
    }

    /// Answers the packet of an identifier, and waits for what is to follow.
    fn answer(&mut self, now: Instant, identifier: u8, answer: Answer, out: &mut Outbox) -> Option<Outcome> {
        self.awaited = Awaited::Nothing;
        self.timer = None;
        self.send_answer(identifier, &answer, out);
        let (hlak, next) = (answer.hlak.clone(), answer.next);
        self.answered = Some((identifier, answer));
        let user = printable(&self.name);
        let (Next::Retry(challenge) | Next::Change(challenge)) = next else {
            return Some(match hlak {
                Some(hlak) => Outcome::Accepted { user, hlak },
                None => Outcome::Refused { user },
            });
        };
        // RFC 2759 6, 7: what follows has the next identifier and answers the challenge of this Failure
        let change = matches!(next, Next::Change(_));
        self.notes.push(match change {
            true => format!("waiting for a new password of user '{user}'"),
            false => format!("user '{user}' may try again"),
        });
        self.awaited = if change { Awaited::Change } else { Awaited::Response };
        self.identifier = identifier.wrapping_add(1);
        self.challenge = challenge;
        self.failures = self.failures.max(1);
        self.timer = Some(now + PATIENCE);
        None
    }

    fn send_answer(&self, identifier: u8, Answer { hlak, message, .. }: &Answer, out: &mut Outbox) {
        let message = message.as_bytes();
        match (self.method, hlak.is_some()) {
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
