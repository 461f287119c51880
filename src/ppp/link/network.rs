//! The network phase of the client's link (RFC 1661 3.6): IPCP and IPV6CP, and what comes of both together.

use std::time::{Duration, Instant};

use super::super::automaton::{Event as AutomatonEvent, State};
use super::super::ipcp::IpcpPolicy;
use super::super::ipv6cp::Ipv6cpPolicy;
use super::super::lcp::{MAX_MRU, PeerOptions};
use super::super::negotiator::{Ending, Negotiator, Policy};
use super::super::{Event, Failure, Ipv4Parameters, Ipv6Parameters, NetworkParameters, Outbox, Phase};
use super::Ppp;
use crate::wire::ip::IpVersion;
use crate::wire::ppp::Protocol;

impl Ppp {
    /// Opens the network control protocols: the answer to [`Event::Authenticated`], once the call is connected.
    pub fn open_network(&mut self, now: Instant) {
        if self.phase != Phase::Network || self.finished {
            return;
        }
        if let Some(address) = self.config.ipv4 {
            self.ipcp = Some(opened(now, self.round_trip, IpcpPolicy::new(address), &mut self.out));
        }
        if self.config.ipv6 {
            let policy = Ipv6cpPolicy::new(self.entropy.fork());
            self.ipv6cp = Some(opened(now, self.round_trip, policy, &mut self.out));
        }
        // where neither is wanted, that is the end
        self.network_changed(now);
        if let Some((protocol, information)) = self.early.take() {
            // its sender does not know whether it arrived, and repeats it where it cannot be read
            let _ = self.handle_frame(now, protocol, &information);
        }
    }

    /// Whether datagrams of this version may be sent and received.
    pub fn is_open(&self, version: IpVersion) -> bool {
        match version {
            IpVersion::V4 => self.ipcp.as_ref().is_some_and(Negotiator::is_opened),
            IpVersion::V6 => self.ipv6cp.as_ref().is_some_and(Negotiator::is_opened),
        }
    }

    /// The server does not know this protocol (RFC 1661 5.7).
    pub(super) fn protocol_rejected(&mut self, now: Instant, protocol: Protocol) {
        let event = AutomatonEvent::RxjBad;
        let changed = match protocol {
            Protocol::IPCP => self.ipcp.as_mut().and_then(|ncp| ncp.event(now, event, &mut self.out)),
            Protocol::IPV6CP => self.ipv6cp.as_mut().and_then(|ncp| ncp.event(now, event, &mut self.out)),
            Protocol::LCP => {
                let done = self.lcp.event(now, event, &mut self.out);
                return self.lcp_event(now, done);
            }
            _ => None,
        };
        if changed.is_some() {
            self.network_changed(now);
        }
    }

    /// One of the network control protocols came up, went down or gave up.
    pub(super) fn network_changed(&mut self, now: Instant) {
        if self.phase != Phase::Network {
            return;
        }
        let opened = self.ipcp.as_ref().filter(|ipcp| ipcp.is_opened());
        if opened.is_some_and(|ipcp| ipcp.policy.address().is_none()) {
            return self.fail(now, Failure::NoAddress);
        }
        let parameters = self.parameters();
        if parameters.ipv4.is_none() && !self.ipcp.as_ref().is_none_or(is_over) {
            self.up = false;
            return;
        }
        if parameters.ipv4.is_none() && parameters.ipv6.is_none() {
            if self.ipv6cp.as_ref().is_none_or(is_over) {
                self.fail_without_network(now);
            }
            return;
        }
        let was_up = std::mem::replace(&mut self.up, true);
        match self.announced.replace(parameters.clone()) {
            None => self.events.push_back(Event::Up(parameters)),
            Some(before) if before == parameters && was_up => {}
            Some(_) => self.events.push_back(Event::Changed(parameters)),
        }
    }

    fn fail_without_network(&mut self, now: Instant) {
        let no_address = self.ipcp.as_ref().is_some_and(|ipcp| ipcp.policy.address().is_none());
        let (protocol, ending) = match (&self.ipcp, &self.ipv6cp) {
            (Some(ipcp), _) => (Protocol::IPCP, ipcp.ending()),
            (None, Some(ipv6cp)) => (Protocol::IPV6CP, ipv6cp.ending()),
            (None, None) => (Protocol::IPCP, None),
        };
        let failure = match ending {
            Some(Ending::NotConverging) if no_address => Failure::NoAddress,
            Some(Ending::NotConverging) => Failure::NotConverging(protocol),
            Some(Ending::Unanswered) => Failure::Unanswered(protocol),
            Some(Ending::Terminated) => Failure::Terminated,
            Some(Ending::Rejected) | None => Failure::NoNetworkProtocol,
        };
        self.fail(now, failure);
    }

    fn parameters(&self) -> NetworkParameters {
        let ipcp = self.ipcp.as_ref().filter(|ipcp| ipcp.is_opened()).map(|ipcp| &ipcp.policy);
        let ipv6cp = self.ipv6cp.as_ref().filter(|ipv6cp| ipv6cp.is_opened()).map(|ipv6cp| &ipv6cp.policy);
        let PeerOptions { mru, authentication, .. } = self.lcp.peer();
        NetworkParameters {
            ipv4: ipcp.and_then(|ipcp| {
                let (peer, dns, nbns) = (ipcp.peer(), ipcp.dns(), ipcp.nbns());
                Some(Ipv4Parameters { address: ipcp.address()?, peer, dns, nbns })
            }),
            ipv6: ipv6cp.map(|ipv6cp| Ipv6Parameters { link_local: ipv6cp.link_local(), peer: ipv6cp.peer() }),
            mtu: mru.min(MAX_MRU),
            authentication,
            eap_method: self.eap_method(),
        }
    }
}

/// A network control protocol on a link that is up.
fn opened<P: Policy>(now: Instant, round_trip: Duration, policy: P, out: &mut Outbox) -> Negotiator<P> {
    let mut negotiator = Negotiator::new(policy);
    negotiator.set_round_trip(round_trip);
    negotiator.event(now, AutomatonEvent::Open, out);
    negotiator.event(now, AutomatonEvent::Up, out);
    negotiator
}

/// Whether a network control protocol has ended and will not come up by itself.
fn is_over<P: Policy>(negotiator: &Negotiator<P>) -> bool {
    matches!(negotiator.state(), State::Closed | State::Stopped | State::Stopping | State::Initial)
}
