//! PPP on the server's side (RFC 1661 3): LCP, then authentication, then IPCP and IPV6CP.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Instant;

use nm_sstp::crypto::Entropy;
use nm_sstp::crypto::binding::Hlak;
use nm_sstp::ppp::automaton::Event as Trigger;
use nm_sstp::ppp::negotiator::{Layer, Negotiator};
use nm_sstp::ppp::{Outbox, Phase};
use nm_sstp::wire::Malformed;
use nm_sstp::wire::ppp::{ControlPacket, Protocol, code};

use crate::auth::{Authenticator, Outcome};
use crate::lcp::{ClientOptions, Demand, Keepalive, LcpPolicy};
use crate::ncp::{IpcpPolicy, Ipv6cpPolicy};
use crate::{Behaviour, Config, Method};

/// What the link tells the connection.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// For the log.
    Note(String),
    /// LCP is Opened; [`Link::begin_authentication`] is to follow.
    Opened,
    /// The client proved who it is, or did not have to; [`Link::begin_network`] is to follow.
    Authenticated { user: Option<(String, Method)>, hlak: Hlak },
    /// The client did not prove who it is.
    Refused { user: String, method: Method },
    /// IPCP or IPV6CP is Opened.
    NetworkUp,
    /// The link is down for good, for this reason.
    Finished(String),
}

/// One link.
pub(crate) struct Link {
    config: Arc<Config>,
    entropy: Entropy,
    address: Ipv4Addr,
    phase: Phase,
    lcp: Negotiator<LcpPolicy>,
    keepalive: Keepalive,
    auth: Option<Authenticator>,
    ipcp: Negotiator<IpcpPolicy>,
    ipv6cp: Negotiator<Ipv6cpPolicy>,
    /// Why the link is being closed.
    reason: Option<String>,
    events: VecDeque<LinkEvent>,
    /// Frames that wait to be sent.
    pub out: Outbox,
}

impl Link {
    /// A link that is down; `address` is what the client will get.
    pub fn new(config: Arc<Config>, address: Ipv4Addr, mut entropy: Entropy) -> Self {
        let lcp = Negotiator::new(LcpPolicy::new(config.clone(), entropy.fork()));
        let ipcp = Negotiator::new(IpcpPolicy::new(config.clone(), address));
        let ipv6cp = Negotiator::new(Ipv6cpPolicy::new(u64::from_be_bytes(entropy.octets())));
        Link {
            keepalive: Keepalive::new(config.lcp_echo_interval),
            config,
            entropy,
            address,
            phase: Phase::Dead,
            lcp,
            auth: None,
            ipcp,
            ipv6cp,
            reason: None,
            events: VecDeque::new(),
            out: Outbox::default(),
        }
    }

    /// The lower layer is up: negotiation begins.
    pub fn open(&mut self, now: Instant) {
        self.phase = Phase::Establish;
        if self.behaves(Behaviour::EarlyLcpEcho) {
            self.keepalive.early_echo(&mut self.out);
        }
        self.lcp.event(now, Trigger::Open, &mut self.out);
        self.lcp.event(now, Trigger::Up, &mut self.out);
    }

    pub fn is_open(&self) -> bool {
        self.phase != Phase::Dead
    }

    pub fn poll_event(&mut self) -> Option<LinkEvent> {
        self.events.pop_front()
    }

    /// What the client wants of the frames that it gets.
    pub fn client(&self) -> ClientOptions {
        if self.lcp.is_opened() { self.lcp.policy.client } else { ClientOptions::default() }
    }

    /// Whether datagrams of this protocol may flow, as far as PPP is concerned.
    pub fn carries(&self, protocol: Protocol) -> bool {
        match protocol {
            Protocol::IPV4 => self.ipcp.is_opened(),
            Protocol::IPV6 => self.ipv6cp.is_opened(),
            _ => false,
        }
    }

    /// The client's address, where IPCP is Opened and the client asked for one.
    pub fn ipv4_address(&self) -> Option<Ipv4Addr> {
        (self.ipcp.is_opened() && self.ipcp.policy.is_granted()).then_some(self.ipcp.policy.client_address)
    }

    /// The client's link-local address, where IPV6CP is Opened.
    pub fn ipv6_address(&self) -> Option<Ipv6Addr> {
        self.ipv6cp.is_opened().then(|| self.ipv6cp.policy.client_address())
    }

    /// Takes the link down (RFC 1661 3.7); [`LinkEvent::Finished`] follows.
    pub fn close(&mut self, now: Instant, reason: &str) {
        if self.reason.is_none() && self.phase != Phase::Dead {
            self.reason = Some(reason.to_owned());
            self.phase = Phase::Terminate;
            let layer = self.lcp.event(now, Trigger::Close, &mut self.out);
            self.lcp_layer(now, layer);
        }
    }

    /// The client need not authenticate itself (MS-SSTP 3.3.7.3). To be called before LCP begins.
    pub fn bypass_authentication(&mut self) {
        self.lcp.policy.demand_nothing();
    }

    /// Challenges the client once more (RFC 1994 2).
    pub fn challenge_again(&mut self, now: Instant) {
        if let Some(auth) = &mut self.auth {
            auth.start(now, &mut self.out);
        }
    }

    /// Negotiates LCP anew (RFC 1661 4.3, Open with the restart option).
    pub fn negotiate_lcp_again(&mut self, now: Instant) {
        let layer = self.lcp.event(now, Trigger::Down, &mut self.out);
        self.lcp_layer(now, layer);
        self.lcp.event(now, Trigger::Up, &mut self.out);
    }

    /// Negotiates IPCP anew, with another address for the client.
    pub fn negotiate_ipcp_again(&mut self, now: Instant) {
        let [a, b, c, d] = self.address.octets();
        self.address = Ipv4Addr::new(a, b, c, d ^ 0x80);
        self.ipcp.policy.client_address = self.address;
        self.ipcp.event(now, Trigger::Down, &mut self.out);
        self.ipcp.event(now, Trigger::Up, &mut self.out);
    }

    /// Handles the information field of a control frame.
    ///
    /// # Errors
    /// A frame that cannot be read; it was discarded.
    pub fn handle_frame(&mut self, now: Instant, protocol: Protocol, information: &[u8]) -> Result<(), Malformed> {
        self.keepalive.heard();
        match protocol {
            Protocol::LCP => self.handle_lcp(now, ControlPacket::parse(information)?),
            // RFC 1661 3.4, 3.5: what comes too early is silently discarded
            _ if !self.lcp.is_opened() => Ok(()),
            Protocol::EAP if self.config.radius.is_some() => {
                self.handle_auth(now, protocol, ControlPacket::parse(information)?)
            }
            Protocol::PAP | Protocol::CHAP => self.handle_auth(now, protocol, ControlPacket::parse(information)?),
            Protocol::IPCP | Protocol::IPV6CP if self.phase != Phase::Network => Ok(()),
            Protocol::IPCP if !self.behaves(Behaviour::IpcpRejected) => {
                let packet = ControlPacket::parse(information)?;
                let layer = self.ipcp.handle_packet(now, packet, &mut self.out)?;
                self.ipcp_layer(layer);
                Ok(())
            }
            Protocol::IPV6CP if self.config.ipv6 => {
                let packet = ControlPacket::parse(information)?;
                let layer = self.ipv6cp.handle_packet(now, packet, &mut self.out)?;
                self.ipv6cp_layer(layer);
                Ok(())
            }
            _ => {
                self.note(format!("Protocol-Reject of protocol {:#06x}", protocol.0));
                self.keepalive.reject_protocol(protocol, information, &mut self.out);
                Ok(())
            }
        }
    }

    fn handle_lcp(&mut self, now: Instant, packet: ControlPacket<'_>) -> Result<(), Malformed> {
        match packet.code {
            code::ECHO_REQUEST if self.lcp.is_opened() => {
                Keepalive::reply(packet, self.lcp.policy.magic_number(), &mut self.out);
            }
            code::PROTOCOL_REJECT => {
                if let Some(&[high, low]) = packet.data.first_chunk() {
                    self.protocol_rejected(now, Protocol(u16::from_be_bytes([high, low])));
                }
            }
            code::ECHO_REQUEST..=code::TIME_REMAINING => {}
            _ => {
                let layer = self.lcp.handle_packet(now, packet, &mut self.out)?;
                if self.lcp.policy.is_refused() {
                    self.close(now, "the client refuses every authentication method");
                }
                self.lcp_layer(now, layer);
            }
        }
        Ok(())
    }

    fn protocol_rejected(&mut self, now: Instant, protocol: Protocol) {
        self.note(format!("the client does not speak protocol {:#06x}", protocol.0));
        match protocol {
            Protocol::IPCP => {
                let layer = self.ipcp.event(now, Trigger::RxjBad, &mut self.out);
                self.ipcp_layer(layer);
            }
            Protocol::IPV6CP => {
                let layer = self.ipv6cp.event(now, Trigger::RxjBad, &mut self.out);
                self.ipv6cp_layer(layer);
            }
            _ => {}
        }
    }

    fn lcp_layer(&mut self, now: Instant, layer: Option<Layer>) {
        match layer {
            Some(Layer::Up) => {
                self.phase = Phase::Authenticate;
                self.keepalive.start(now);
                let ClientOptions { mru, pfc, acfc, .. } = self.client();
                self.note(format!("LCP is open: the client's MRU {mru}, PFC {pfc}, ACFC {acfc}"));
                self.events.push_back(LinkEvent::Opened);
            }
            Some(Layer::Down) => {
                self.keepalive.stop();
                self.auth = None;
                if self.phase != Phase::Terminate {
                    self.phase = Phase::Establish;
                }
                for trigger in [Trigger::Close, Trigger::Down] {
                    self.ipcp.event(now, trigger, &mut Outbox::default());
                    self.ipv6cp.event(now, trigger, &mut Outbox::default());
                }
            }
            Some(Layer::Finished) => {
                let ending = self.lcp.ending().map(|ending| format!("LCP ended: {ending:?}"));
                let reason = self.reason.take().or(ending).unwrap_or_default();
                self.phase = Phase::Dead;
                self.events.push_back(LinkEvent::Finished(reason));
            }
            Some(Layer::Started) | None => {}
        }
    }

    /// Challenges the client, where it has agreed to that (RFC 1661 3.5).
    pub fn begin_authentication(&mut self, now: Instant) {
        if self.phase != Phase::Authenticate {
            return;
        }
        match self.lcp.policy.demand() {
            None => self.events.push_back(LinkEvent::Authenticated { user: None, hlak: Hlak::zero() }),
            Some(Demand::Method(method)) => {
                self.note(format!("authentication by {method}"));
                let (mtu, entropy) = (self.client().mru, self.entropy.fork());
                let Some(mut auth) = Authenticator::new(self.config.clone(), method, mtu, entropy) else {
                    return self.close(now, "this method needs RADIUS, and there is none");
                };
                auth.start(now, &mut self.out);
                self.auth = Some(auth);
            }
            Some(demand) => self.close(now, &format!("the client agreed to {demand}, which the server cannot do")),
        }
    }

    fn handle_auth(&mut self, now: Instant, protocol: Protocol, packet: ControlPacket<'_>) -> Result<(), Malformed> {
        let Some(auth) = self.auth.as_mut().filter(|auth| auth.protocol() == protocol) else { return Ok(()) };
        let outcome = auth.handle_packet(now, packet, &mut self.out)?;
        self.auth_outcome(now, outcome);
        Ok(())
    }

    /// Handles a datagram from the RADIUS server.
    pub fn handle_radius(&mut self, now: Instant, datagram: &[u8]) {
        if let Some(auth) = &mut self.auth {
            let outcome = auth.handle_radius(now, datagram, &mut self.out);
            self.auth_outcome(now, outcome);
        }
    }

    /// The next datagram for the RADIUS server.
    pub fn poll_radius(&mut self) -> Option<Vec<u8>> {
        self.auth.as_mut()?.poll_radius()
    }

    fn auth_outcome(&mut self, now: Instant, outcome: Option<Outcome>) {
        let Some(auth) = &mut self.auth else { return };
        let method = auth.method();
        self.events.extend(auth.notes().into_iter().map(LinkEvent::Note));
        match outcome {
            Some(Outcome::Accepted { user, hlak }) => {
                self.events.push_back(LinkEvent::Authenticated { user: Some((user, method)), hlak });
            }
            Some(Outcome::Refused { user }) => {
                self.events.push_back(LinkEvent::Refused { user, method });
                self.close(now, "authentication failed");
            }
            Some(Outcome::Silent) => self.close(now, "the client did not authenticate itself"),
            None => {}
        }
    }

    /// Begins IPCP and IPV6CP (RFC 1661 3.6), but for a client that was only challenged once more.
    pub fn begin_network(&mut self, now: Instant) {
        if self.phase != Phase::Authenticate {
            return;
        }
        self.phase = Phase::Network;
        self.ipcp = Negotiator::new(IpcpPolicy::new(self.config.clone(), self.address));
        if !self.behaves(Behaviour::IpcpRejected) {
            self.ipcp.event(now, Trigger::Open, &mut self.out);
            self.ipcp.event(now, Trigger::Up, &mut self.out);
        }
        self.ipv6cp = Negotiator::new(Ipv6cpPolicy::new(u64::from_be_bytes(self.entropy.octets())));
        if self.config.ipv6 {
            self.ipv6cp.event(now, Trigger::Open, &mut self.out);
            self.ipv6cp.event(now, Trigger::Up, &mut self.out);
        }
    }

    fn ipcp_layer(&mut self, layer: Option<Layer>) {
        match layer {
            Some(Layer::Up) => self.events.push_back(LinkEvent::NetworkUp),
            Some(Layer::Finished) => self.note(format!("IPCP ended: {:?}", self.ipcp.ending())),
            _ => {}
        }
    }

    fn ipv6cp_layer(&mut self, layer: Option<Layer>) {
        match layer {
            Some(Layer::Up) => self.events.push_back(LinkEvent::NetworkUp),
            Some(Layer::Finished) => self.note(format!("IPV6CP ended: {:?}", self.ipv6cp.ending())),
            _ => {}
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub fn timer(&self) -> Option<Instant> {
        let negotiators = [self.lcp.poll_timeout(), self.ipcp.poll_timeout(), self.ipv6cp.poll_timeout()];
        let others = [self.keepalive.timer(), self.auth.as_ref().and_then(Authenticator::timer)];
        negotiators.into_iter().chain(others).flatten().min()
    }

    /// Timers have expired; before that, nothing happens.
    pub fn handle_timeout(&mut self, now: Instant) {
        let layer = self.lcp.handle_timeout(now, &mut self.out);
        self.lcp_layer(now, layer);
        let layer = self.ipcp.handle_timeout(now, &mut self.out);
        self.ipcp_layer(layer);
        let layer = self.ipv6cp.handle_timeout(now, &mut self.out);
        self.ipv6cp_layer(layer);
        let outcome = self.auth.as_mut().and_then(|auth| auth.handle_timeout(now, &mut self.out));
        self.auth_outcome(now, outcome);
        let magic_number = self.lcp.policy.magic_number();
        if self.keepalive.handle_timeout(now, magic_number, &mut self.out) {
            self.close(now, "the client did not answer LCP Echo-Requests");
        }
    }

    fn note(&mut self, text: String) {
        self.events.push_back(LinkEvent::Note(text));
    }

    fn behaves(&self, behaviour: Behaviour) -> bool {
        self.config.behaviours.contains(&behaviour)
    }
}
