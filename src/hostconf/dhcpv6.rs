//! Stateless DHCPv6 (RFC 8415 18.2.6), where a router says that there is more to be had by it.

use std::net::Ipv6Addr;
use std::time::{Duration, Instant};

use crate::crypto::Entropy;
use crate::wire::dhcpv6::{CLIENT_PORT, InformationRequest, Reply, SERVER_PORT, SERVERS};
use crate::wire::udp::Udp;

/// INF_TIMEOUT (RFC 8415 7.6): time until the second copy; it doubles with every one after that, give or take a tenth
/// (RFC 8415 15).
const INF_TIMEOUT: Duration = Duration::from_secs(1);
/// How often a request is sent. RFC 8415 would have it go on for ever; the next advertisement begins anew.
const TRANSMISSIONS: u32 = 6;
/// IRT_DEFAULT (RFC 8415 7.6): when to ask again where the server does not say.
const IRT_DEFAULT: Duration = Duration::from_secs(86_400);
/// IRT_MINIMUM (RFC 8415 7.6).
const IRT_MINIMUM: Duration = Duration::from_secs(600);

/// The client's side.
pub(super) struct Dhcpv6 {
    entropy: Entropy,
    state: State,
}

enum State {
    /// Nobody wants to know anything.
    Idle,
    /// A request is under way.
    Asking { transaction_id: u32, source: Ipv6Addr, began: Instant, sent: u32, timer: Instant },
    /// There was an answer; ask again then.
    Answered { source: Ipv6Addr, refresh: Option<Instant> },
}

impl Dhcpv6 {
    pub(super) fn new(entropy: Entropy) -> Self {
        Dhcpv6 { entropy, state: State::Idle }
    }

    /// Asks, unless that is being done or there is an answer that holds.
    pub(super) fn want(&mut self, now: Instant, source: Ipv6Addr) {
        if matches!(self.state, State::Idle) {
            self.ask(now, source);
        }
    }

    fn ask(&mut self, now: Instant, source: Ipv6Addr) {
        let [a, b, c] = self.entropy.octets();
        let transaction_id = u32::from_be_bytes([0, a, b, c]);
        self.state = State::Asking { transaction_id, source, began: now, sent: 0, timer: now };
    }

    pub(super) fn stop(&mut self) {
        self.state = State::Idle;
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Idle => None,
            State::Asking { timer, .. } => Some(*timer),
            State::Answered { refresh, .. } => *refresh,
        }
    }

    /// The datagram that is due.
    pub(super) fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        if let State::Answered { source, refresh: Some(refresh) } = self.state
            && refresh <= now
        {
            self.ask(now, source);
        }
        let State::Asking { transaction_id, source, began, sent, timer } = &mut self.state else { return None };
        if *timer > now {
            return None;
        }
        if *sent == TRANSMISSIONS {
            self.state = State::Idle;
            return None;
        }
        let [chance] = self.entropy.octets();
        // 0.9 to 1.1 times as long
        *timer = now + (INF_TIMEOUT * 2u32.pow(*sent)).mul_f64(0.9 + f64::from(chance) / 1275.0);
        *sent += 1;
        let elapsed = now.saturating_duration_since(*began).as_millis() / 10;
        let elapsed = u16::try_from(elapsed).unwrap_or(u16::MAX);
        let request = InformationRequest { transaction_id: *transaction_id, elapsed };
        let datagram = Udp {
            source: (*source).into(),
            destination: SERVERS.into(),
            source_port: CLIENT_PORT,
            destination_port: SERVER_PORT,
            payload: &request.emit(),
        };
        Some(datagram.emit())
    }

    /// The answer, where this datagram is one.
    pub(super) fn handle_datagram(&mut self, now: Instant, udp: &Udp<'_>) -> Option<Reply> {
        let State::Asking { transaction_id, source, .. } = self.state else { return None };
        let ours = udp.destination_port == CLIENT_PORT && udp.destination == source;
        let reply = Reply::parse(udp.payload).ok().flatten();
        let reply = reply.filter(|reply| ours && reply.transaction_id == transaction_id)?;
        let refresh = match reply.refresh {
            Some(u32::MAX) => None,
            Some(seconds) => Some(now + Duration::from_secs(seconds.into()).max(IRT_MINIMUM)),
            None => Some(now + IRT_DEFAULT),
        };
        self.state = State::Answered { source, refresh };
        Some(reply)
    }
}
