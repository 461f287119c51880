//! EAP passed through to RADIUS and back (RFC 3748 2.3, RFC 3579 2).

use std::sync::Arc;
use std::time::{Duration, Instant};

use nm_sstp::crypto::Entropy;
use nm_sstp::ppp::Outbox;
use nm_sstp::wire::eap::{EapPacket, eap_code, eap_type};
use nm_sstp::wire::ppp::{ControlPacket, Protocol};
use nm_sstp::wire::printable;

use super::{Outcome, describe_keys, relay};
use crate::radius::{Client, Reply, Verdict, attribute};
use crate::{Behaviour, Config};

/// Time between two copies of a Request while no Response comes, and how often it is sent (RFC 3748 4.3).
const RESTART: Duration = Duration::from_secs(3);
const MAX_REQUESTS: u32 = 10;
/// The same for Requests that a person answers (RFC 3748 4.3).
const RESTART_FOR_PEOPLE: Duration = Duration::from_secs(30);
const MAX_REQUESTS_FOR_PEOPLE: u32 = 2;
/// Types that ask a person: One-Time Password and Generic Token Card (RFC 3748 5.5, 5.6).
const FOR_PEOPLE: [u8; 2] = [5, 6];

/// The pass-through of one connection.
pub(crate) struct PassThrough {
    config: Arc<Config>,
    entropy: Entropy,
    mtu: u16,
    pub radius: Client,
    /// What the client said to the Request for its identity.
    user: Vec<u8>,
    /// To be given back to RADIUS with the next request.
    state: Option<Vec<u8>>,
    /// The Request that the client is to answer, whole.
    request: Option<Vec<u8>>,
    requests: u32,
    timer: Option<Instant>,
    identifier: u8,
    /// The type of the method that the client spoke last.
    kind: Option<u8>,
    pub notes: Vec<String>,
}

impl PassThrough {
    /// `mtu`: the longest EAP packet that the client takes, in octets.
    pub fn new(config: Arc<Config>, radius: Client, mtu: u16, mut entropy: Entropy) -> Self {
        // FreeRADIUS counts on from here, and its EAP-MSCHAPv2 forgets the challenge of another try where that comes to 0
        let identifier = entropy.octets::<1>()[0] & 0x3f;
        PassThrough {
            config,
            entropy,
            mtu,
            radius,
            user: Vec::new(),
            state: None,
            request: None,
            requests: 0,
            timer: None,
            identifier,
            kind: None,
            notes: Vec::new(),
        }
    }

    /// Asks for the identity, or has RADIUS do so.
    pub fn start(&mut self, now: Instant, out: &mut Outbox) {
        self.radius.cancel();
        self.state = None;
        self.kind = None;
        if self.config.behaviours.contains(&Behaviour::EapStart) {
            // RFC 3579 2.1: an EAP-Message without data
            self.request = None;
            self.relay(now, &[]);
            return;
        }
        let mut request = Vec::new();
        EapPacket::Request { kind: eap_type::IDENTITY, data: &[] }.emit(self.identifier.wrapping_add(1), &mut request);
        self.ask(now, request, out);
    }

    /// Sends a Request that the client has not seen.
    fn ask(&mut self, now: Instant, request: Vec<u8>, out: &mut Outbox) {
        self.identifier = request.get(1).copied().unwrap_or_default();
        self.request = Some(request);
        self.requests = 0;
        self.send_request(now, out);
    }

    fn send_request(&mut self, now: Instant, out: &mut Outbox) {
        let Some(request) = &self.request else { return };
        out.push(Protocol::EAP, |frame| frame.extend_from_slice(request));
        self.requests += 1;
        self.timer = Some(now + if self.asks_people() { RESTART_FOR_PEOPLE } else { RESTART });
    }

    fn asks_people(&self) -> bool {
        self.request.as_ref().and_then(|request| request.get(4)).is_some_and(|kind| FOR_PEOPLE.contains(kind))
    }

    pub fn timer(&self) -> Option<Instant> {
        [self.timer, self.radius.timer()].into_iter().flatten().min()
    }

    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> Option<Outcome> {
        if self.radius.handle_timeout(now) {
            self.notes.push("the RADIUS server does not answer".to_owned());
            return Some(self.fail(out));
        }
        if self.timer.is_none_or(|timer| now < timer) {
            return None;
        }
        self.timer = None;
        let limit = if self.asks_people() { MAX_REQUESTS_FOR_PEOPLE } else { MAX_REQUESTS };
        if self.requests >= limit {
            return Some(Outcome::Silent);
        }
        self.send_request(now, out);
        None
    }

    /// Passes the client's Response on: the one to the last Request, once (RFC 3748 4.1).
    pub fn handle_packet(&mut self, now: Instant, packet: ControlPacket<'_>, out: &mut Outbox) -> Option<Outcome> {
        let awaited = packet.code == eap_code::RESPONSE && packet.identifier == self.identifier;
        if !awaited || self.request.take().is_none() {
            return None;
        }
        self.timer = None;
        match packet.data {
            [eap_type::IDENTITY, identity @ ..] => self.user = identity.to_vec(),
            [eap_type::NAK, wanted @ ..] => self.notes.push(format!("the client wants EAP types {wanted:?}")),
            [kind, ..] => self.kind = Some(*kind),
            [] => {}
        }
        let mut response = Vec::new();
        packet.emit(&mut response);
        self.relay(now, &response).then(|| self.fail(out))
    }

    /// Sends an EAP packet to RADIUS; returns whether it cannot be sent.
    fn relay(&mut self, now: Instant, response: &[u8]) -> bool {
        let mut request = self.radius.request(&mut self.entropy);
        relay::introduce(&mut request, &self.config, &self.user);
        request.add_number(attribute::FRAMED_MTU, self.mtu.into());
        request.add_split(attribute::EAP_MESSAGE, response);
        if let Some(state) = self.state.take() {
            request.add(attribute::STATE, &state);
        }
        let sent = self.radius.send(now, request);
        self.notes.extend(sent.err().map(|error| error.to_string()));
        sent.is_err()
    }

    pub fn handle_radius(&mut self, now: Instant, datagram: &[u8], out: &mut Outbox) -> Option<Outcome> {
        let reply = match self.radius.handle_datagram(datagram) {
            Ok(reply) => reply,
            Err(error) => {
                self.notes.push(error.to_string());
                return None;
            }
        };
        let message = reply.joined(attribute::EAP_MESSAGE);
        match reply.verdict {
            Verdict::Challenge => self.challenged(now, &reply, message, out),
            Verdict::Accept => {
                let (hlak, lengths) = reply.hlak();
                let method = self.kind.map_or_else(|| "no EAP method".to_owned(), describe_type);
                self.notes.push(format!("RADIUS: {method} accepted, {}", describe_keys(lengths)));
                self.finish(eap_code::SUCCESS, message, out);
                Some(Outcome::Accepted { user: printable(&self.user), hlak })
            }
            Verdict::Reject => {
                let method = self.kind.map_or_else(|| "no EAP method".to_owned(), describe_type);
                let said = reply.message().map(|text| format!(": {text}")).unwrap_or_default();
                self.notes.push(format!("RADIUS: {method} rejected{said}"));
                self.finish(eap_code::FAILURE, message, out);
                Some(Outcome::Refused { user: printable(&self.user) })
            }
        }
    }

    /// An Access-Challenge: the next Request for the client.
    fn challenged(
        &mut self,
        now: Instant,
        reply: &Reply,
        message: Option<Vec<u8>>,
        out: &mut Outbox,
    ) -> Option<Outcome> {
        self.state = reply.get(attribute::STATE).map(<[u8]>::to_vec);
        match message {
            Some(request) if request.first() == Some(&eap_code::REQUEST) && request.len() > 4 => {
                self.ask(now, request, out);
                None
            }
            _ => {
                self.notes.push("RADIUS: an Access-Challenge without an EAP Request".to_owned());
                Some(self.fail(out))
            }
        }
    }

    fn fail(&mut self, out: &mut Outbox) -> Outcome {
        self.finish(eap_code::FAILURE, None, out);
        Outcome::Refused { user: printable(&self.user) }
    }

    /// Sends Success or Failure, RADIUS's own where it is the same (RFC 3579 2.6.3, 2.6.5).
    fn finish(&mut self, code: u8, message: Option<Vec<u8>>, out: &mut Outbox) {
        self.request = None;
        self.timer = None;
        match message.filter(|message| message.first() == Some(&code)) {
            Some(message) => out.push(Protocol::EAP, |frame| frame.extend_from_slice(&message)),
            None => out.packet(Protocol::EAP, code, self.identifier, &[]),
        }
    }
}

/// A type of EAP method, for the log.
fn describe_type(kind: u8) -> String {
    let name = match kind {
        4 => "MD5-Challenge",
        5 => "OTP",
        6 => "GTC",
        13 => "EAP-TLS",
        21 => "EAP-TTLS",
        25 => "PEAP",
        26 => "EAP-MSCHAPv2",
        _ => return format!("EAP type {kind}"),
    };
    format!("EAP type {kind} ({name})")
}

#[cfg(test)]
mod tests;
