//! The client's link: the phases of RFC 1661 3, and what each protocol may do in which.

mod network;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::auth::question::take_answer;
use super::auth::{AuthProtocol, Authenticator, Outcome, Question};
use super::automaton::{Event as AutomatonEvent, State};
use super::eap::EapMethod;
use super::ipcp::IpcpPolicy;
use super::ipv6cp::Ipv6cpPolicy;
use super::lcp::{Lcp, LcpEvent, PeerOptions};
use super::negotiator::{Ending, Layer, Negotiator};
use super::{Config, Event, Failure, Frame, LowerDown, NetworkParameters, Outbox, Phase};
use crate::crypto::Entropy;
use crate::crypto::binding::Hlak;
use crate::wire::Malformed;
use crate::wire::ppp::{ControlPacket, Protocol, code};

/// How long authentication may take: a second factor needs its time. While the call is set up, the negotiation timer
/// (MS-SSTP 3.2.2.1) is as long; on a link that is negotiated anew nothing else would end the wait for a challenge.
pub const AUTHENTICATION_TIMER: Duration = Duration::from_secs(60);

/// How long a server may take to begin an authentication that it negotiated in the place of EAP, whose method was refused:
/// SoftEther 5 agrees to MS-CHAPv2 then and never begins it.
const SECOND_THOUGHTS: Duration = Duration::from_secs(4);

/// A PPP link as a client runs it.
///
/// Frames and time go in; frames ([`poll_frame`](Ppp::poll_frame)) and events ([`poll_event`](Ppp::poll_event)) come
/// out. After every call of another method, both are to be polled until `None`.
pub struct Ppp {
    config: Config,
    entropy: Entropy,
    phase: Phase,
    round_trip: Duration,
    lcp: Lcp,
    authenticator: Option<Authenticator>,
    authentication_timer: Option<Instant>,
    /// The method of EAP that was refused before the server negotiated something else.
    refused_eap: Option<String>,
    /// What a person was asked and has not answered.
    asked: Option<Question>,
    /// Why the last packet of authentication was discarded.
    discarded: Option<Malformed>,
    ipcp: Option<Negotiator<IpcpPolicy>>,
    ipv6cp: Option<Negotiator<Ipv6cpPolicy>>,
    announced: Option<NetworkParameters>,
    /// What was announced holds.
    up: bool,
    /// A frame of the network phase that came in place of the end of authentication.
    early: Option<(Protocol, Vec<u8>)>,
    failure: Option<Failure>,
    finished: bool,
    out: Outbox,
    events: VecDeque<Event>,
}

impl Ppp {
    /// A link whose lower layer is down.
    pub fn new(config: Config, mut entropy: Entropy) -> Self {
        let lcp = Lcp::new(config.lcp.clone(), entropy.fork());
        Ppp {
            config,
            entropy,
            phase: Phase::Dead,
            round_trip: Duration::ZERO,
            lcp,
            authenticator: None,
            authentication_timer: None,
            refused_eap: None,
            asked: None,
            discarded: None,
            ipcp: None,
            ipv6cp: None,
            announced: None,
            up: false,
            early: None,
            failure: None,
            finished: false,
            out: Outbox::default(),
            events: VecDeque::new(),
        }
    }

    /// The lower layer is up (MS-SSTP 3.1.7.1), on a path with this round trip: the negotiation begins, and we speak
    /// first, since some servers do not.
    pub fn lower_up(&mut self, now: Instant, round_trip: Duration) {
        self.enter(Phase::Establish);
        self.round_trip = round_trip;
        self.lcp.negotiator.set_round_trip(round_trip);
        for event in [AutomatonEvent::Open, AutomatonEvent::Up] {
            let done = self.lcp.event(now, event, &mut self.out);
            self.lcp_event(now, done);
        }
    }

    /// The lower layer is down: nothing can be sent any more. Returns why the link had failed by then; where it had not,
    /// what that end means by itself: some servers just hang up on who is refused, others go on with what is no part of
    /// the authentication until nobody waits for them any more.
    pub fn lower_down(&mut self, how: LowerDown) -> Option<Failure> {
        self.finished = true;
        let failure = self.failure.take().or_else(|| self.unanswered());
        failure.or_else(|| match how {
            LowerDown::WithReason => None,
            LowerDown::WithoutReason => self.refused_silently().or_else(|| self.stalled()),
            LowerDown::TimedOut => self.stalled(),
        })
    }

    /// A person has answered the question of the last [`Event::Asks`]; does nothing where there is none.
    pub fn answer(&mut self, now: Instant, answer: &Zeroizing<String>) {
        if self.finished || self.asked.take().is_none() {
            return;
        }
        let outcome = self.authenticator.as_mut().and_then(|auth| auth.answer(answer, &mut self.out));
        self.authentication_outcome(now, outcome);
    }

    /// Takes the link down in order: Terminate-Request, then [`Event::Finished`].
    pub fn close(&mut self, now: Instant) {
        if self.finished {
            return;
        }
        self.enter(Phase::Terminate);
        let done = self.lcp.event(now, AutomatonEvent::Close, &mut self.out);
        self.lcp_event(now, done);
        if matches!(self.lcp.negotiator.state(), State::Initial | State::Closed) {
            self.finish();
        }
    }

    /// The link shall only learn how the server would have us authenticate ourselves, and fail before it does so. To be
    /// called before [`lower_up`](Self::lower_up).
    pub fn survey(&mut self) {
        self.lcp.survey();
    }

    /// What a [survey](Self::survey) has learned so far: see [`Lcp::offered`].
    pub fn offered_authentication(&self) -> Option<Vec<String>> {
        self.lcp.offered()
    }

    /// The method of EAP that was agreed upon.
    pub fn eap_method(&self) -> Option<EapMethod> {
        self.authenticator.as_ref().and_then(Authenticator::eap_method)
    }

    /// Options of the server's last LCP Configure-Request.
    pub fn peer(&self) -> PeerOptions {
        self.lcp.peer()
    }

    /// A data frame came: the server lives.
    #[inline]
    pub fn heard(&mut self) {
        self.lcp.heard();
    }

    /// The next control frame to send.
    pub fn poll_frame(&mut self) -> Option<Frame> {
        self.out.pop()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.finished {
            return None;
        }
        let authenticating = self.authenticator.as_ref().filter(|_| self.phase == Phase::Authenticate);
        [
            self.lcp.poll_timeout(),
            self.authentication_timer,
            authenticating.and_then(Authenticator::poll_timeout),
            self.ipcp.as_ref().and_then(Negotiator::poll_timeout),
            self.ipv6cp.as_ref().and_then(Negotiator::poll_timeout),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Timers may have run out. Does nothing before that.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.finished {
            return;
        }
        if self.phase == Phase::Authenticate {
            // it has a timer of its own, and some servers do nothing else while they ask another one
            self.lcp.heard();
        }
        let done = self.lcp.handle_timeout(now, &mut self.out);
        self.lcp_event(now, done);
        if self.phase == Phase::Authenticate {
            let outcome = self.authenticator.as_mut().and_then(|auth| auth.handle_timeout(now, &mut self.out));
            self.authentication_outcome(now, outcome);
            if self.authentication_timer.is_some_and(|at| at <= now) {
                self.authentication_timed_out(now);
            }
        }
        let changed = [
            self.ipcp.as_mut().and_then(|ncp| ncp.handle_timeout(now, &mut self.out)),
            self.ipv6cp.as_mut().and_then(|ncp| ncp.handle_timeout(now, &mut self.out)),
        ];
        if changed.iter().any(Option::is_some) {
            self.network_changed(now);
        }
    }

    /// Takes a control frame.
    ///
    /// # Errors
    /// A packet that cannot be read; it was silently discarded, as RFC 1661 5 demands.
    pub fn handle_frame(&mut self, now: Instant, protocol: Protocol, information: &[u8]) -> Result<(), Malformed> {
        if self.finished {
            return Ok(());
        }
        self.lcp.heard();
        match protocol {
            Protocol::LCP => self.handle_lcp(now, ControlPacket::parse(information)?),
            Protocol::PAP | Protocol::CHAP | Protocol::EAP if self.speaks(protocol) => {
                let packet = ControlPacket::parse(information)?;
                let Some(authenticator) = &mut self.authenticator else { return Ok(()) };
                if self.refused_eap.take().is_some() && self.phase == Phase::Authenticate {
                    self.authentication_timer = Some(now + AUTHENTICATION_TIMER);
                }
                let result = authenticator.handle_packet(packet, &mut self.out);
                self.discarded = result.as_ref().err().copied();
                self.events.extend(authenticator.take_notification().map(Event::Notification));
                self.authentication_outcome(now, result?);
                Ok(())
            }
            _ if self.phase == Phase::Authenticate => {
                self.handle_early(protocol, information);
                Ok(())
            }
            // RFC 1661 3.4, 3.5, 3.7: everything else is silently discarded in the other phases
            _ if self.phase != Phase::Network => Ok(()),
            Protocol::IPCP if self.ipcp.is_some() => {
                let packet = ControlPacket::parse(information)?;
                let Some(ipcp) = &mut self.ipcp else { return Ok(()) };
                if ipcp.handle_packet(now, packet, &mut self.out)?.is_some() {
                    self.network_changed(now);
                }
                Ok(())
            }
            Protocol::IPV6CP if self.ipv6cp.is_some() => {
                let packet = ControlPacket::parse(information)?;
                let Some(ipv6cp) = &mut self.ipv6cp else { return Ok(()) };
                if ipv6cp.handle_packet(now, packet, &mut self.out)?.is_some() {
                    self.network_changed(now);
                }
                Ok(())
            }
            _ => {
                self.lcp.reject_protocol(protocol, information, &mut self.out);
                Ok(())
            }
        }
    }

    /// A frame of another protocol during authentication is discarded (RFC 1661 3.5), unless it says that the server is
    /// content with a method that has proven both sides: then it waits for the network phase.
    fn handle_early(&mut self, protocol: Protocol, information: &[u8]) {
        let proven = self.authenticator.as_ref().and_then(Authenticator::proven);
        if let (Protocol::IPCP | Protocol::IPV6CP | Protocol::CCP, Some(hlak)) = (protocol, proven) {
            self.early = Some((protocol, information.to_vec()));
            self.authenticated(hlak);
        }
    }

    fn handle_lcp(&mut self, now: Instant, packet: ControlPacket<'_>) -> Result<(), Malformed> {
        let phase = self.phase;
        if packet.code == code::TERMINATE_REQUEST && phase != Phase::Terminate {
            let refused = self.unanswered().or_else(|| self.refused_silently()).or_else(|| self.stalled());
            self.failure.get_or_insert(refused.unwrap_or(Failure::Terminated));
        }
        let done = self.lcp.handle_packet(now, packet, &mut self.out)?;
        self.lcp_event(now, done);
        if packet.code == code::TERMINATE_REQUEST && phase == Phase::Establish {
            // RFC 1661 would have LCP begin anew, but the server has said that it wants no link
            self.finish();
        }
        if let Some(asked) = self.lcp.impasse() {
            let asked = asked.to_owned();
            let failure = self.no_common_method().unwrap_or(Failure::NoCommonAuthentication { asked });
            self.fail(now, failure);
        }
        Ok(())
    }

    fn lcp_event(&mut self, now: Instant, event: Option<LcpEvent>) {
        match event {
            None | Some(LcpEvent::Layer(Layer::Started)) => {}
            Some(LcpEvent::Layer(Layer::Up)) => self.link_up(now),
            Some(LcpEvent::Layer(Layer::Down)) => self.link_down(),
            Some(LcpEvent::Layer(Layer::Finished)) => self.link_finished(),
            Some(LcpEvent::ProtocolRejected(protocol)) => self.protocol_rejected(now, protocol),
            Some(LcpEvent::EchoUnanswered) => self.fail(now, Failure::EchoUnanswered),
        }
    }

    fn link_up(&mut self, now: Instant) {
        match self.lcp.peer().authentication {
            _ if self.lcp.surveys() => self.fail(now, Failure::NoAuthentication),
            Some(protocol) => {
                self.enter(Phase::Authenticate);
                let taken_back = self.refused_eap.is_some() && protocol != AuthProtocol::Eap;
                let patience = if taken_back { SECOND_THOUGHTS } else { AUTHENTICATION_TIMER };
                self.authentication_timer = Some(now + patience);
                let credentials = self.config.credentials.clone();
                let (eap, mru) = (self.config.eap.clone(), self.lcp.peer().mru);
                let authenticator = Authenticator::new(protocol, credentials, eap, mru, self.entropy.fork());
                self.authenticator.insert(authenticator).start(now, &mut self.out);
            }
            None if self.config.bypassed => self.authenticated(Hlak::zero()),
            // where even PAP may be used nobody counts on the server to prove itself; elsewhere a server that does not
            // ask must not get by without the proof
            None if self.config.lcp.accept.contains(&AuthProtocol::Pap) => self.authenticated(Hlak::zero()),
            None => self.fail(now, Failure::NoAuthentication),
        }
    }

    fn link_down(&mut self) {
        let refused = self.authenticator.take().and_then(|auth| auth.refused_eap_method());
        self.refused_eap = refused.or(self.refused_eap.take());
        self.ipcp = None;
        self.ipv6cp = None;
        self.up = false;
        if self.phase != Phase::Terminate {
            let terminating = matches!(self.lcp.negotiator.ending(), Some(Ending::Terminated));
            self.enter(if terminating { Phase::Terminate } else { Phase::Establish });
        }
    }

    fn link_finished(&mut self) {
        if self.failure.is_none() && self.phase != Phase::Terminate {
            self.failure = match self.lcp.negotiator.ending() {
                _ if self.lcp.is_looped_back() => Some(Failure::LoopedBack),
                Some(Ending::NotConverging | Ending::Rejected) => Some(Failure::NotConverging(Protocol::LCP)),
                _ => Some(Failure::Unanswered(Protocol::LCP)),
            };
        }
        self.finish();
    }

    fn authentication_outcome(&mut self, now: Instant, outcome: Option<Outcome>) {
        match outcome {
            None => {}
            Some(Outcome::Authenticated(hlak)) if self.phase == Phase::Authenticate => self.authenticated(hlak),
            // the answer to a later challenge of a link that stays (RFC 1994 2)
            Some(Outcome::Authenticated(_)) => {}
            Some(Outcome::Asks(question)) => self.ask(now, question),
            Some(Outcome::Unanswered) => self.authentication_timed_out(now),
            Some(outcome) => {
                if let Some(failure) = failure(outcome) {
                    self.fail(now, failure);
                }
            }
        }
    }

    /// Finds the answer to a question: among those that are known, or from a person, where one may be asked.
    fn ask(&mut self, now: Instant, question: Question) {
        if let Some(answer) = take_answer(&mut self.config.answers, &question) {
            self.asked = Some(question);
            return self.answer(now, &answer);
        }
        if self.config.may_ask {
            self.asked = Some(question.clone());
            return self.events.push_back(Event::Asks(question));
        }
        match Outcome::Asks(question).without_a_question() {
            Outcome::Asks(question) => self.fail(now, Failure::NobodyToAsk(question)),
            refused => self.authentication_outcome(now, Some(refused)),
        }
    }

    /// What it means that the link ends while a person is being asked.
    fn unanswered(&mut self) -> Option<Failure> {
        match self.asked.take()? {
            // it was refused, and servers that allow another try seldom wait for it
            Question::Password { message } => Some(Failure::AuthenticationFailed { code: Some(691), message }),
            question => Some(Failure::AnswerTooLate(question)),
        }
    }

    fn authentication_timed_out(&mut self, now: Instant) {
        let protocol = self.lcp.peer().authentication.map_or(Protocol::LCP, |auth| auth.protocol());
        let failure = self.unanswered().or_else(|| self.stalled()).or_else(|| self.no_common_method());
        self.fail(now, failure.unwrap_or(Failure::Unanswered(protocol)));
    }

    /// What it means that the authentication which came in the place of EAP leads nowhere.
    fn no_common_method(&self) -> Option<Failure> {
        self.refused_eap.clone().map(|asked| Failure::NoCommonEapMethod { asked })
    }

    /// What it means that authentication goes no further after its last packet was discarded.
    fn stalled(&mut self) -> Option<Failure> {
        self.discarded.take().filter(|_| self.phase == Phase::Authenticate).map(Failure::Stalled)
    }

    fn authenticated(&mut self, hlak: Hlak) {
        if let Some(authenticator) = &self.authenticator {
            // of use where the link is negotiated anew
            self.config.credentials = authenticator.credentials().clone();
        }
        // whoever could answer counts the connection as made from here on
        self.config.answers.clear();
        self.config.may_ask = false;
        self.enter(Phase::Network);
        self.events.push_back(Event::Authenticated(hlak));
    }

    /// Whether a frame of this authentication protocol is one that the server asked us to speak.
    fn speaks(&self, protocol: Protocol) -> bool {
        self.authenticator.as_ref().is_some_and(|auth| auth.protocol().protocol() == protocol)
    }

    /// What it means when the server ends the link in a phase in which nothing but our last answer can be the reason: it
    /// says nothing else about it.
    fn refused_silently(&mut self) -> Option<Failure> {
        match self.phase {
            Phase::Establish => {
                let refused = self.lcp.refused_authentication();
                let refused = refused.map(|asked| Failure::NoCommonAuthentication { asked });
                self.no_common_method().or(refused)
            }
            Phase::Authenticate => {
                self.authenticator.as_mut().and_then(Authenticator::refused_silently).and_then(failure)
            }
            Phase::Dead | Phase::Network | Phase::Terminate => None,
        }
    }

    fn fail(&mut self, now: Instant, failure: Failure) {
        self.failure.get_or_insert(failure);
        self.close(now);
    }

    fn finish(&mut self) {
        if !self.finished {
            self.finished = true;
            self.events.push_back(Event::Finished(self.failure.take()));
        }
    }

    fn enter(&mut self, phase: Phase) {
        if self.phase != phase {
            self.phase = phase;
            self.authentication_timer = None;
            self.asked = None;
            self.discarded = None;
            self.events.push_back(Event::Phase(phase));
        }
    }
}

/// The failure of the link that an authentication's end is; `None` where it is none.
fn failure(outcome: Outcome) -> Option<Failure> {
    Some(match outcome {
        Outcome::Failed { code, message } => Failure::AuthenticationFailed { code, message },
        Outcome::PeerNotAuthentic => Failure::PeerNotAuthentic,
        Outcome::Tls(error) => Failure::InnerTls(error),
        Outcome::IdentityRefused { identity } => Failure::IdentityRefused { identity },
        Outcome::NoCommonEapMethod { asked } => Failure::NoCommonEapMethod { asked },
        Outcome::Misbehaved(what) => Failure::Misbehaved(what),
        Outcome::Authenticated(_) | Outcome::Asks(_) | Outcome::Unanswered => return None,
    })
}

#[cfg(test)]
mod tests;
