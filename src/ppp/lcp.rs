//! LCP (RFC 1661 5 and 6): the options of the link, echoes and rejections.

use std::time::{Duration, Instant};

use super::Outbox;
use super::auth::AuthProtocol;
use super::negotiator::{Judgement, Layer, Negotiator, Policy};
use crate::crypto::Entropy;
use crate::wire::Malformed;
use crate::wire::ppp::{ConfigurationOption, ControlPacket, DEFAULT_MRU, Protocol, code};

/// Types of LCP options (RFC 1661 6; 2: RFC 1662 7.1).
mod option {
    pub const MRU: u8 = 1;
    pub const ACCM: u8 = 2;
    pub const AUTHENTICATION_PROTOCOL: u8 = 3;
    pub const MAGIC_NUMBER: u8 = 5;
    pub const PFC: u8 = 7;
    pub const ACFC: u8 = 8;
}

/// A smaller MRU than this is answered by a Nak: it would not carry what IPv4 hosts must accept (RFC 791 3.1).
pub const MIN_MRU: u16 = 576;
/// The largest MRU that fits an SSTP packet (MS-SSTP 3.1.5.2).
pub const MAX_MRU: u16 = 4091;

/// Refused ways to authenticate that are remembered; an honest server has fewer.
const MAX_REFUSED: usize = 8;

/// What one side wants of the link.
#[derive(Clone, Debug)]
pub struct LcpConfig {
    /// MRU to request, in octets; brought into [`MIN_MRU`] to [`MAX_MRU`].
    pub mru: u16,
    /// Request protocol and address/control field compression; servers that refuse them cost a round trip.
    pub compression: bool,
    /// How we are willing to authenticate ourselves, the best first.
    pub accept: Vec<AuthProtocol>,
    /// How the peer shall authenticate itself, the best first; a client leaves it empty.
    pub demand: Vec<AuthProtocol>,
    /// Time between Echo-Requests; `None`: none are sent.
    pub echo_interval: Option<Duration>,
    /// Echo-Requests that may stay unanswered; 0: any number.
    pub echo_failure: u32,
}

/// What the peer asked for in its last Configure-Request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerOptions {
    /// Largest information field that the peer takes, in octets.
    pub mru: u16,
    /// How we are to authenticate ourselves.
    pub authentication: Option<AuthProtocol>,
    /// Frames to the peer may have a compressed protocol field.
    pub pfc: bool,
    /// Frames to the peer may leave out address and control field.
    pub acfc: bool,
}

impl Default for PeerOptions {
    fn default() -> Self {
        PeerOptions { mru: DEFAULT_MRU, authentication: None, pfc: false, acfc: false }
    }
}

/// The options of LCP.
#[derive(Debug)]
pub struct LcpPolicy {
    config: LcpConfig,
    entropy: Entropy,
    mru: Option<u16>,
    magic_number: Option<u32>,
    compression: bool,
    demanded: usize,
    /// Alternatives of `config.accept` that were suggested to the peer.
    suggested: usize,
    /// What the peer asked for and was refused with a suggestion.
    refused: Vec<Vec<u8>>,
    /// What it asks for in the request that is being judged, where that is refused.
    refusing: Option<Vec<u8>>,
    collisions: u32,
    peer: PeerOptions,
    impasse: Option<String>,
    survey: Option<Survey>,
}

/// What is learned of a peer with which no agreement is wanted.
#[derive(Debug, Default)]
struct Survey {
    /// A Configure-Request has come.
    heard: bool,
    /// How the peer would have us authenticate ourselves, as it has asked so far.
    offered: Vec<Vec<u8>>,
}

impl LcpPolicy {
    fn new(config: LcpConfig, mut entropy: Entropy) -> Self {
        let magic_number = Some(nonzero(&mut entropy));
        LcpPolicy {
            mru: Some(config.mru.clamp(MIN_MRU, MAX_MRU)),
            compression: config.compression,
            config,
            entropy,
            magic_number,
            demanded: 0,
            suggested: 0,
            refused: Vec::new(),
            refusing: None,
            collisions: 0,
            peer: PeerOptions::default(),
            impasse: None,
            survey: None,
        }
    }

    /// The two sides have agreed: the next negotiation owes nothing to this one.
    fn settled(&mut self) {
        self.suggested = 0;
        self.refused.clear();
        self.collisions = 0;
    }

    /// RFC 1661 6.2: a Nak names the one protocol that we would rather have. Servers walk down a list of their own and
    /// some do not look at the Nak, so that it is an impasse only when the server comes back to what was refused and
    /// nothing is left to suggest.
    fn judge_authentication(&mut self, option: ConfigurationOption<'_>) -> Judgement {
        if self.survey.is_some() {
            return self.survey_authentication(option);
        }
        let accept = &self.config.accept;
        let repeated = self.refused.iter().any(|refused| refused == option.data);
        let asked = AuthProtocol::parse(option.data);
        if let Some(protocol) = asked.filter(|protocol| accept.contains(protocol)) {
            self.peer.authentication = Some(protocol);
            return Judgement::Ack;
        }
        let last = accept.len().saturating_sub(1);
        match accept.get(if repeated { self.suggested } else { self.suggested.min(last) }) {
            Some(alternative) => {
                self.refusing = Some(option.data.to_vec());
                Judgement::Nak(alternative.emit().to_vec())
            }
            None => {
                self.impasse = Some(AuthProtocol::describe(option.data));
                Judgement::Reject
            }
        }
    }
}

impl LcpPolicy {
    /// Nothing is agreed to: every way that the peer has not asked for yet is suggested once, and whatever it asks for
    /// meanwhile is noted.
    fn survey_authentication(&mut self, option: ConfigurationOption<'_>) -> Judgement {
        let Some(Survey { offered, .. }) = &mut self.survey else { return Judgement::Reject };
        if offered.len() < MAX_REFUSED && !offered.iter().any(|known| known == option.data) {
            offered.push(option.data.to_vec());
        }
        let accept = &self.config.accept;
        let unknown = |at: &usize| !offered.iter().any(|known| known == accept[*at].emit());
        match (self.suggested..accept.len()).find(unknown) {
            Some(next) => {
                self.suggested = next;
                self.refusing = Some(option.data.to_vec());
                Judgement::Nak(accept[next].emit().to_vec())
            }
            None => {
                self.impasse = Some(AuthProtocol::describe(option.data));
                Judgement::Reject
            }
        }
    }
}

fn nonzero(entropy: &mut Entropy) -> u32 {
    u32::from_be_bytes(entropy.octets()).max(1)
}

impl Policy for LcpPolicy {
    const PROTOCOL: Protocol = Protocol::LCP;

    fn request(&mut self, out: &mut Vec<u8>) {
        if let Some(mru) = self.mru {
            ConfigurationOption { kind: option::MRU, data: &mru.to_be_bytes() }.emit(out);
        }
        if let Some(protocol) = self.config.demand.get(self.demanded) {
            ConfigurationOption { kind: option::AUTHENTICATION_PROTOCOL, data: protocol.emit() }.emit(out);
        }
        if let Some(magic_number) = self.magic_number {
            ConfigurationOption { kind: option::MAGIC_NUMBER, data: &magic_number.to_be_bytes() }.emit(out);
        }
        if self.compression {
            ConfigurationOption { kind: option::PFC, data: &[] }.emit(out);
            ConfigurationOption { kind: option::ACFC, data: &[] }.emit(out);
        }
    }

    fn begin(&mut self) {
        self.peer = PeerOptions::default();
        self.refusing = None;
        if let Some(survey) = &mut self.survey {
            survey.heard = true;
        }
    }

    fn judge(&mut self, option: ConfigurationOption<'_>) -> Judgement {
        match (option.kind, option.data) {
            (option::MRU, &[high, low]) => match u16::from_be_bytes([high, low]) {
                mru if mru < MIN_MRU => Judgement::Nak(DEFAULT_MRU.to_be_bytes().to_vec()),
                mru => {
                    self.peer.mru = mru;
                    Judgement::Ack
                }
            },
            // means nothing on a link without octet stuffing, so that it may as well have its will
            (option::ACCM, [_, _, _, _]) => Judgement::Ack,
            (option::AUTHENTICATION_PROTOCOL, [_, _, ..]) => self.judge_authentication(option),
            (option::MAGIC_NUMBER, &[a, b, c, d]) => {
                let magic_number = u32::from_be_bytes([a, b, c, d]);
                if magic_number == 0 || self.magic_number == Some(magic_number) {
                    self.collisions += u32::from(magic_number != 0);
                    return Judgement::Nak(nonzero(&mut self.entropy).to_be_bytes().to_vec());
                }
                Judgement::Ack
            }
            (option::PFC, []) => {
                self.peer.pfc = true;
                Judgement::Ack
            }
            (option::ACFC, []) => {
                self.peer.acfc = true;
                Judgement::Ack
            }
            _ => Judgement::Reject,
        }
    }

    fn nak_sent(&mut self) {
        if let Some(refused) = self.refusing.take() {
            self.suggested += 1;
            if self.refused.len() == MAX_REFUSED {
                self.refused.remove(0);
            }
            self.refused.push(refused);
        }
    }

    fn naked(&mut self, option: ConfigurationOption<'_>) {
        match (option.kind, option.data) {
            (option::MRU, &[high, low]) => {
                let mru = u16::from_be_bytes([high, low]);
                self.mru = Some(mru.clamp(MIN_MRU, MAX_MRU));
            }
            (option::AUTHENTICATION_PROTOCOL, data) if !self.config.demand.is_empty() => {
                let wanted = AuthProtocol::parse(data);
                let found = self.config.demand.iter().position(|protocol| Some(*protocol) == wanted);
                self.demanded = found.filter(|found| *found > self.demanded).unwrap_or(self.demanded + 1);
                if self.demanded >= self.config.demand.len() {
                    self.impasse = Some(AuthProtocol::describe(data));
                }
            }
            (option::MAGIC_NUMBER, _) => {
                self.collisions += 1;
                self.magic_number = Some(nonzero(&mut self.entropy));
            }
            _ => {}
        }
    }

    fn rejected(&mut self, option: ConfigurationOption<'_>) {
        match option.kind {
            option::MRU => self.mru = None,
            option::AUTHENTICATION_PROTOCOL => self.impasse = Some("no authentication".to_owned()),
            option::MAGIC_NUMBER => self.magic_number = None,
            option::PFC | option::ACFC => self.compression = false,
            _ => {}
        }
    }
}

/// What a packet of LCP did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LcpEvent {
    /// The layer changed.
    Layer(Layer),
    /// The peer does not know a protocol (RFC 1661 5.7).
    ProtocolRejected(Protocol),
    /// [`LcpConfig::echo_failure`] Echo-Requests in a row stayed unanswered.
    EchoUnanswered,
}

/// LCP: the negotiation, and the packets that only LCP has.
#[derive(Debug)]
pub struct Lcp {
    /// The negotiation of its options.
    pub negotiator: Negotiator<LcpPolicy>,
    echo_timer: Option<Instant>,
    echoes_unanswered: u32,
    echo_identifier: u8,
    reject_identifier: u8,
}

impl Lcp {
    /// LCP of a link that is down.
    pub fn new(config: LcpConfig, entropy: Entropy) -> Self {
        Lcp {
            negotiator: Negotiator::new(LcpPolicy::new(config, entropy)),
            echo_timer: None,
            echoes_unanswered: 0,
            echo_identifier: 0,
            reject_identifier: 0,
        }
    }

    /// What the peer asked for; it holds once LCP is Opened.
    pub fn peer(&self) -> PeerOptions {
        self.negotiator.policy.peer
    }

    /// The method by which the peer has to authenticate itself, where one is demanded.
    pub fn demanded(&self) -> Option<AuthProtocol> {
        let LcpPolicy { config, demanded, .. } = &self.negotiator.policy;
        config.demand.get(*demanded).copied()
    }

    /// What the peer insisted on where the two sides have no way to authenticate in common.
    pub fn impasse(&self) -> Option<&str> {
        self.negotiator.policy.impasse.as_deref()
    }

    /// The way to authenticate that the peer asked for last and was refused, where the two have not agreed since.
    pub fn refused_authentication(&self) -> Option<String> {
        let LcpPolicy { refused, peer, .. } = &self.negotiator.policy;
        refused.last().filter(|_| peer.authentication.is_none()).map(|asked| AuthProtocol::describe(asked))
    }

    /// From now on only what the peer would have us do is wanted: no way to authenticate is agreed to, and all of
    /// [`LcpConfig::accept`] are suggested in turn.
    pub fn survey(&mut self) {
        self.negotiator.policy.survey = Some(Survey::default());
    }

    /// Whether this is a [survey](Self::survey).
    pub fn surveys(&self) -> bool {
        self.negotiator.policy.survey.is_some()
    }

    /// The names of the ways to authenticate that the peer has asked for in a [survey](Self::survey), in its order; none
    /// where it has asked for no authentication. `None`: it has asked for nothing yet.
    pub fn offered(&self) -> Option<Vec<String>> {
        let survey = self.negotiator.policy.survey.as_ref().filter(|survey| survey.heard)?;
        Some(survey.offered.iter().map(|data| AuthProtocol::describe(data)).collect())
    }

    /// Whether our own packets seem to come back to us (RFC 1661 6.4).
    pub fn is_looped_back(&self) -> bool {
        self.negotiator.policy.collisions > 3
    }

    /// Takes an LCP packet.
    ///
    /// # Errors
    /// A packet that cannot be read; it was silently discarded.
    pub fn handle_packet(
        &mut self,
        now: Instant,
        packet: ControlPacket<'_>,
        out: &mut Outbox,
    ) -> Result<Option<LcpEvent>, Malformed> {
        if packet.code <= code::CODE_REJECT || packet.code > code::TIME_REMAINING {
            if packet.code == code::CODE_REJECT && packet.data.first() == Some(&code::ECHO_REQUEST) {
                // RFC 1661 4.3: what the peer does not know must not be sent again
                self.echo_timer = None;
            }
            let layer = self.negotiator.handle_packet(now, packet, out)?;
            return Ok(layer.map(|layer| self.layer(now, layer)));
        }
        if !self.negotiator.is_opened() {
            // RXR in every other state; an echo that comes before LCP is open gets no reply (RFC 1661 5.8)
            return Ok(None);
        }
        match (packet.code, packet.data) {
            (code::ECHO_REQUEST, [_, _, _, _, data @ ..]) => {
                let data = &data[..data.len().min(usize::from(self.peer().mru) - 8)];
                let reply = [&self.magic_number().to_be_bytes(), data].concat();
                out.packet(Protocol::LCP, code::ECHO_REPLY, packet.identifier, &reply);
            }
            (code::ECHO_REPLY, _) => self.echoes_unanswered = 0,
            (code::PROTOCOL_REJECT, &[high, low, ..]) => {
                return Ok(Some(LcpEvent::ProtocolRejected(Protocol(u16::from_be_bytes([high, low])))));
            }
            _ => {}
        }
        Ok(None)
    }

    /// Answers a frame of a protocol that we do not speak (RFC 1661 5.7).
    pub fn reject_protocol(&mut self, protocol: Protocol, information: &[u8], out: &mut Outbox) {
        if !self.negotiator.is_opened() {
            return;
        }
        self.reject_identifier = self.reject_identifier.wrapping_add(1);
        let data = [&protocol.0.to_be_bytes(), &information[..information.len().min(128)]].concat();
        out.packet(Protocol::LCP, code::PROTOCOL_REJECT, self.reject_identifier, &data);
    }

    /// Something came from the peer, which is as good as an Echo-Reply.
    pub fn heard(&mut self) {
        self.echoes_unanswered = 0;
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.negotiator.poll_timeout(), self.echo_timer].into_iter().flatten().min()
    }

    /// Timers ran out. Does nothing before that.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> Option<LcpEvent> {
        if self.echo_timer.is_some_and(|at| at <= now) {
            let echo_failure = self.negotiator.policy.config.echo_failure;
            self.echo_timer = self.next_echo(now);
            if echo_failure != 0 && self.echoes_unanswered >= echo_failure {
                self.echo_timer = None;
                return Some(LcpEvent::EchoUnanswered);
            }
            self.echoes_unanswered += 1;
            self.echo_identifier = self.echo_identifier.wrapping_add(1);
            out.packet(Protocol::LCP, code::ECHO_REQUEST, self.echo_identifier, &self.magic_number().to_be_bytes());
        }
        let layer = self.negotiator.handle_timeout(now, out)?;
        Some(self.layer(now, layer))
    }

    /// An event of the automaton without a packet.
    pub fn event(&mut self, now: Instant, event: super::automaton::Event, out: &mut Outbox) -> Option<LcpEvent> {
        let layer = self.negotiator.event(now, event, out)?;
        Some(self.layer(now, layer))
    }

    fn layer(&mut self, now: Instant, layer: Layer) -> LcpEvent {
        if layer == Layer::Up {
            self.negotiator.policy.settled();
        }
        self.echoes_unanswered = 0;
        self.echo_timer = match layer {
            Layer::Up => self.next_echo(now),
            Layer::Down | Layer::Started | Layer::Finished => None,
        };
        LcpEvent::Layer(layer)
    }

    /// When the next Echo-Request is due; `None` also for an interval that is no time, or longer than time can be told.
    fn next_echo(&self, now: Instant) -> Option<Instant> {
        let interval = self.negotiator.policy.config.echo_interval.filter(|interval| !interval.is_zero())?;
        now.checked_add(interval)
    }

    fn magic_number(&self) -> u32 {
        self.negotiator.policy.magic_number.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
