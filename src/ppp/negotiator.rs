//! Option negotiation (RFC 1661 4 and 5), written once for LCP and every NCP.
//!
//! The [`Negotiator`] owns identifiers, the restart timer and its counters, and the rules of Ack, Nak and Reject. What
//! the options mean is a [`Policy`].

use std::time::{Duration, Instant};

use super::Outbox;
use super::automaton::{Action, Event, State, Transition, transition};
use crate::wire::Malformed;
use crate::wire::ppp::{ConfigurationOption, ControlPacket, Options, Protocol, code};

/// Max-Configure (RFC 1661 4.6): Configure-Requests sent without a valid reply.
pub const MAX_CONFIGURE: u32 = 10;
/// Max-Terminate (RFC 1661 4.6): Terminate-Requests sent without a reply.
pub const MAX_TERMINATE: u32 = 2;
/// Max-Failure (RFC 1661 4.6): Configure-Naks sent before they become Configure-Rejects.
pub const MAX_FAILURE: u32 = 5;
/// Configure-Naks and -Rejects taken for one negotiation. The RFC lets a peer refuse for ever.
pub const MAX_REFUSALS: u32 = 20;
/// How often the restart timer may run out in one negotiation. An Ack begins Max-Configure anew (RFC 1661 4.4), so that a
/// peer that acknowledges every request, and never sends one, would be asked for ever.
pub const MAX_TIMEOUTS: u32 = 30;
/// Restart timer (RFC 1661 4.6) of the first Configure-Request; that of the second is twice, and of every later one three
/// times as long. It begins below the RFC's 3 s because servers lose the first request while they start their PPP; a late
/// reply still matches, since a retransmission keeps its identifier.
const RESTART: Duration = Duration::from_secs(1);
/// On a long path it begins with two round trips, up to this. What is sent again while the answer is on its way reaches a
/// server that is Opened by then, and has to begin anew (RFC 1661 4.1, RCR in Opened): that could go on for ever.
const MAX_RESTART: Duration = Duration::from_secs(5);
/// For so long after its Ack, the same Configure-Request again is one that was sent before the Ack had come.
const REPETITION: Duration = Duration::from_secs(10);
/// Restart timer of Terminate-Requests.
const RESTART_TERMINATE: Duration = Duration::from_secs(1);
/// A rejected packet is returned up to this length, well below every MRU (RFC 1661 5.6, 5.7).
const MAX_REJECTED: usize = 128;

/// What the options of one protocol mean.
pub trait Policy {
    /// Protocol field of its frames.
    const PROTOCOL: Protocol;

    /// Appends the options of our next Configure-Request.
    fn request(&mut self, out: &mut Vec<u8>);
    /// A Configure-Request of the peer begins: what the previous one asked for no longer counts.
    fn begin(&mut self);
    /// Judges one option of the peer's Configure-Request.
    fn judge(&mut self, option: ConfigurationOption<'_>) -> Judgement;
    /// The Configure-Nak with the values that the last judgements preferred is sent. Where another option had to be
    /// rejected first (RFC 1661 5.4), the peer has not seen them.
    fn nak_sent(&mut self) {}
    /// The peer would rather have this value for an option; it may be one that we did not request.
    fn naked(&mut self, option: ConfigurationOption<'_>);
    /// The peer refuses an option that we requested.
    fn rejected(&mut self, option: ConfigurationOption<'_>);
}

/// What we think of an option in the peer's Configure-Request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is good.
    Ack,
    /// This value would be better.
    Nak(Vec<u8>),
    /// We do not know the option or cannot have it.
    Reject,
}

/// What a layer tells the one above it (RFC 1661 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// This-Layer-Up.
    Up,
    /// This-Layer-Down.
    Down,
    /// This-Layer-Started.
    Started,
    /// This-Layer-Finished.
    Finished,
}

/// Why a negotiation ended without being closed from our side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Max-Configure requests went unanswered.
    Unanswered,
    /// The peer refused [`MAX_REFUSALS`] times.
    NotConverging,
    /// The peer rejected the protocol or one of the codes that it cannot do without.
    Rejected,
    /// The peer sent a Terminate-Request.
    Terminated,
}

/// One protocol's negotiation.
#[derive(Debug)]
pub struct Negotiator<P> {
    /// The meaning of its options.
    pub policy: P,
    state: State,
    identifier: u8,
    /// Identifier of the Configure-Request that waits for its reply.
    outstanding: Option<u8>,
    /// Options of that request.
    request: Vec<u8>,
    restart: Duration,
    restart_timer: Option<Instant>,
    restart_count: u32,
    transmissions: u32,
    timeouts: u32,
    naks_sent: u32,
    refusals: u32,
    answered: Option<Answered>,
    ending: Option<Ending>,
}

/// The last Configure-Request of the peer, and what it was answered with.
#[derive(Debug)]
struct Answered {
    identifier: u8,
    request: Vec<u8>,
    /// Code and options of a Configure-Nak or Configure-Reject; `None`: it was acknowledged.
    refusal: Option<(u8, Vec<u8>)>,
    at: Instant,
}

/// What the packet of an event brings to the actions.
#[derive(Default)]
struct Received<'a> {
    identifier: u8,
    /// Data of the reply: options of an Ack, Nak or Reject, or a rejected packet.
    reply: &'a [u8],
    /// Code of a refusal: Configure-Nak or Configure-Reject.
    refusal: u8,
}

impl<P: Policy> Negotiator<P> {
    /// A negotiation in state Initial.
    pub fn new(policy: P) -> Self {
        Negotiator {
            policy,
            state: State::Initial,
            identifier: 0,
            outstanding: None,
            request: Vec::new(),
            restart: RESTART,
            restart_timer: None,
            restart_count: 0,
            transmissions: 0,
            timeouts: 0,
            naks_sent: 0,
            refusals: 0,
            answered: None,
            ending: None,
        }
    }

    /// Suits the restart timer to a path with this round trip.
    pub fn set_round_trip(&mut self, round_trip: Duration) {
        self.restart = round_trip.saturating_mul(2).clamp(RESTART, MAX_RESTART);
    }

    /// State of the automaton.
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether the negotiation is complete in both directions.
    pub fn is_opened(&self) -> bool {
        self.state == State::Opened
    }

    /// The last thing that would end the negotiation, or did; it means something once the layer is Finished.
    pub fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.restart_timer
    }

    /// The restart timer ran out. Does nothing before that.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> Option<Layer> {
        if self.restart_timer.is_none_or(|at| now < at) {
            return None;
        }
        self.restart_timer = None;
        self.timeouts += 1;
        if self.restart_count > 0 && self.timeouts <= MAX_TIMEOUTS {
            return self.event(now, Event::TimeoutRetry, out);
        }
        if matches!(self.state, State::ReqSent | State::AckRcvd | State::AckSent) {
            self.ending = Some(Ending::Unanswered);
        }
        self.event(now, Event::TimeoutGiveUp, out)
    }

    /// An event without a packet: Up, Down, Open, Close, or a rejection of the protocol (RXJ-).
    pub fn event(&mut self, now: Instant, event: Event, out: &mut Outbox) -> Option<Layer> {
        if event == Event::RxjBad {
            self.ending = Some(Ending::Rejected);
        }
        self.run(now, event, &Received::default(), out)
    }

    /// Takes a packet with one of the codes 1 to 7; every other code is answered by a Code-Reject.
    ///
    /// # Errors
    /// Options that cannot be delineated; the packet was silently discarded.
    pub fn handle_packet(
        &mut self,
        now: Instant,
        packet: ControlPacket<'_>,
        out: &mut Outbox,
    ) -> Result<Option<Layer>, Malformed> {
        if matches!(self.state, State::Initial | State::Starting) {
            return Ok(None);
        }
        let identifier = packet.identifier;
        let received = Received { identifier, ..Received::default() };
        match packet.code {
            code::CONFIGURE_REQUEST => self.configure_request(now, packet, out),
            code::CONFIGURE_ACK => {
                if self.outstanding != Some(identifier) || packet.data != self.request {
                    return Ok(None);
                }
                self.outstanding = None;
                self.refusals = 0;
                Ok(self.run(now, Event::Rca, &received, out))
            }
            code::CONFIGURE_NAK | code::CONFIGURE_REJECT => self.configure_refusal(now, packet, out),
            code::TERMINATE_REQUEST => {
                self.ending = Some(Ending::Terminated);
                Ok(self.run(now, Event::Rtr, &received, out))
            }
            code::TERMINATE_ACK => Ok(self.run(now, Event::Rta, &received, out)),
            code::CODE_REJECT => {
                let essential = code::CONFIGURE_REQUEST..=code::CODE_REJECT;
                if packet.data.first().is_some_and(|code| essential.contains(code)) {
                    return Ok(self.event(now, Event::RxjBad, out));
                }
                Ok(self.run(now, Event::RxjGood, &received, out))
            }
            _ => {
                let mut rejected = Vec::new();
                packet.emit(&mut rejected);
                rejected.truncate(MAX_REJECTED);
                let received = Received { reply: &rejected, ..received };
                Ok(self.run(now, Event::Ruc, &received, out))
            }
        }
    }

    fn configure_request(
        &mut self,
        now: Instant,
        packet: ControlPacket<'_>,
        out: &mut Outbox,
    ) -> Result<Option<Layer>, Malformed> {
        // nothing may change before every option is known to be readable
        Options::new(packet.data).try_for_each(|option| option.map(drop))?;
        let identifier = packet.identifier;
        let same = |last: &Answered| last.identifier == identifier && last.request == packet.data;
        let answered = match self.answered.take().filter(same) {
            // our Ack was still on its way, though RFC 1661 4.1 would have us begin anew; later it is a new beginning,
            // with the same identifier by chance
            Some(last)
                if self.is_opened()
                    && last.refusal.is_none()
                    && now.saturating_duration_since(last.at) < REPETITION =>
            {
                out.packet(P::PROTOCOL, code::CONFIGURE_ACK, identifier, packet.data);
                self.answered = Some(last);
                return Ok(None);
            }
            // so was our refusal: it is the same, and the peer's wishes do not count twice
            Some(last) if last.refusal.is_some() && self.naks_sent < MAX_FAILURE => last,
            _ => {
                let refusal = self.judge(packet);
                Answered { identifier, request: packet.data.to_vec(), refusal, at: now }
            }
        };
        let layer = match &answered.refusal {
            None => {
                self.naks_sent = 0;
                let received = Received { identifier, reply: packet.data, ..Received::default() };
                self.run(now, Event::RcrGood, &received, out)
            }
            Some((refusal, reply)) => {
                self.naks_sent += u32::from(*refusal == code::CONFIGURE_NAK);
                self.run(now, Event::RcrBad, &Received { identifier, reply, refusal: *refusal }, out)
            }
        };
        self.answered = Some(answered);
        Ok(layer)
    }

    /// Judges every option of a readable Configure-Request; `None` where all of them are good, or else code and options
    /// of the refusal.
    fn judge(&mut self, packet: ControlPacket<'_>) -> Option<(u8, Vec<u8>)> {
        let (mut naks, mut rejects) = (Vec::new(), Vec::new());
        self.policy.begin();
        for option in Options::new(packet.data).flatten() {
            match self.policy.judge(option) {
                Judgement::Ack => {}
                Judgement::Nak(data) => ConfigurationOption { kind: option.kind, data: &data }.emit(&mut naks),
                Judgement::Reject => option.emit(&mut rejects),
            }
        }
        if rejects.is_empty() && naks.is_empty() {
            return None;
        }
        if rejects.is_empty() && self.naks_sent < MAX_FAILURE {
            self.policy.nak_sent();
            return Some((code::CONFIGURE_NAK, naks));
        }
        if rejects.is_empty() {
            // RFC 1661 4.6: the options are returned as they came, and rejected
            let kinds: Vec<u8> = Options::new(&naks).flatten().map(|option| option.kind).collect();
            let refused = Options::new(packet.data).flatten().filter(|option| kinds.contains(&option.kind));
            refused.for_each(|option| option.emit(&mut rejects));
        }
        Some((code::CONFIGURE_REJECT, rejects))
    }

    fn configure_refusal(
        &mut self,
        now: Instant,
        packet: ControlPacket<'_>,
        out: &mut Outbox,
    ) -> Result<Option<Layer>, Malformed> {
        if self.outstanding != Some(packet.identifier) {
            return Ok(None);
        }
        let rejected = packet.code == code::CONFIGURE_REJECT;
        for option in Options::new(packet.data) {
            let option = option?;
            // RFC 1661 5.4: only what was requested can be rejected
            if rejected && !Options::new(&self.request).flatten().any(|requested| requested == option) {
                return Ok(None);
            }
        }
        self.outstanding = None;
        for option in Options::new(packet.data).flatten() {
            if rejected { self.policy.rejected(option) } else { self.policy.naked(option) }
        }
        self.refusals += 1;
        if self.refusals > MAX_REFUSALS {
            self.ending = Some(Ending::NotConverging);
            return Ok(self.run(now, Event::TimeoutGiveUp, &Received::default(), out));
        }
        Ok(self.run(now, Event::Rcn, &Received { identifier: packet.identifier, ..Received::default() }, out))
    }

    fn run(&mut self, now: Instant, event: Event, received: &Received<'_>, out: &mut Outbox) -> Option<Layer> {
        let Transition { actions, next } = transition(self.state, event)?;
        let mut layer = None;
        for action in actions {
            match action {
                Action::Tlu => layer = Some(Layer::Up),
                Action::Tld => layer = Some(Layer::Down),
                Action::Tls => layer = Some(Layer::Started),
                Action::Tlf => layer = Some(Layer::Finished),
                Action::Irc => {
                    let terminate = actions.contains(&Action::Str);
                    self.restart_count = if terminate { MAX_TERMINATE } else { MAX_CONFIGURE };
                    self.transmissions = 0;
                }
                Action::Zrc => {
                    self.restart_count = 0;
                    self.restart_timer = Some(now + RESTART_TERMINATE);
                }
                Action::Scr => self.send_configure_request(now, out),
                Action::Sca => out.packet(P::PROTOCOL, code::CONFIGURE_ACK, received.identifier, received.reply),
                Action::Scn => out.packet(P::PROTOCOL, received.refusal, received.identifier, received.reply),
                Action::Str => {
                    self.restart_count = self.restart_count.saturating_sub(1);
                    self.restart_timer = Some(now + RESTART_TERMINATE);
                    let identifier = self.next_identifier();
                    out.packet(P::PROTOCOL, code::TERMINATE_REQUEST, identifier, &[]);
                }
                Action::Sta => out.packet(P::PROTOCOL, code::TERMINATE_ACK, received.identifier, &[]),
                Action::Scj => {
                    let identifier = self.next_identifier();
                    out.packet(P::PROTOCOL, code::CODE_REJECT, identifier, received.reply);
                }
                // LCP answers Echo-Requests itself, since the reply needs its magic number
                Action::Ser => {}
            }
        }
        self.enter(next);
        layer
    }

    fn enter(&mut self, next: State) {
        use State::{AckRcvd, AckSent, Closed, Closing, Initial, Opened, ReqSent, Starting, Stopped, Stopping};
        if matches!(next, Initial | Starting | Closed | Stopped | Opened) {
            self.restart_timer = None;
            self.timeouts = 0;
        }
        match next {
            ReqSent | AckRcvd | AckSent | Opened => {}
            Initial | Starting | Closed | Stopped | Closing | Stopping => {
                self.outstanding = None;
                self.refusals = 0;
                self.naks_sent = 0;
                self.answered = None;
            }
        }
        self.state = next;
    }

    /// A retransmission keeps identifier and options (RFC 1661 5.1), so that a late reply still counts.
    fn send_configure_request(&mut self, now: Instant, out: &mut Outbox) {
        let mut request = Vec::new();
        self.policy.request(&mut request);
        let identifier = match self.outstanding {
            Some(identifier) if request == self.request => identifier,
            _ => self.next_identifier(),
        };
        out.packet(P::PROTOCOL, code::CONFIGURE_REQUEST, identifier, &request);
        self.outstanding = Some(identifier);
        self.request = request;
        self.restart_count = self.restart_count.saturating_sub(1);
        self.transmissions += 1;
        self.restart_timer = Some(now + self.restart * self.transmissions.min(3));
    }

    fn next_identifier(&mut self) -> u8 {
        self.identifier = self.identifier.wrapping_add(1);
        self.identifier
    }
}

#[cfg(test)]
mod tests;
