//! What the tests of PPP share: a clock that stands still until it is moved, and one end of a negotiation.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Outbox;
use super::automaton::Event;
use super::negotiator::{Layer, Negotiator, Policy};
use crate::wire::ppp::{ConfigurationOption, ControlPacket, Protocol};

/// A moment to begin at.
pub fn start() -> Instant {
    #[allow(clippy::disallowed_methods, reason = "any moment will do: tests move the clock by hand")]
    Instant::now()
}

/// A number of seconds, which may have a fraction.
pub fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// A control packet that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub protocol: Protocol,
    pub code: u8,
    pub identifier: u8,
    pub data: Vec<u8>,
}

/// Takes everything out of an outbox.
pub fn sent(out: &mut Outbox) -> Vec<Sent> {
    std::iter::from_fn(|| out.pop())
        .map(|frame| {
            let packet = ControlPacket::parse(&frame.information).expect("what we send can be read");
            let ControlPacket { code, identifier, data } = packet;
            Sent { protocol: frame.protocol, code, identifier, data: data.to_vec() }
        })
        .collect()
}

/// Configuration options as octets.
pub fn options(options: &[(u8, &[u8])]) -> Vec<u8> {
    let mut octets = Vec::new();
    options.iter().for_each(|&(kind, data)| ConfigurationOption { kind, data }.emit(&mut octets));
    octets
}

/// One end of a negotiation whose lower layer is up, its peer played by the test.
pub struct Bench<P> {
    pub negotiator: Negotiator<P>,
    pub now: Instant,
    began: Instant,
    out: Outbox,
    sent: VecDeque<Sent>,
}

impl<P: Policy> Bench<P> {
    /// Opens the negotiation on a lower layer that is up: the first request is on its way.
    pub fn open(policy: P) -> Self {
        let now = start();
        let negotiator = Negotiator::new(policy);
        let mut bench = Bench { negotiator, now, began: now, out: Outbox::default(), sent: VecDeque::new() };
        bench.event(Event::Open);
        bench.event(Event::Up);
        bench
    }

    pub fn event(&mut self, event: Event) -> Option<Layer> {
        let layer = self.negotiator.event(self.now, event, &mut self.out);
        self.sent.extend(sent(&mut self.out));
        layer
    }

    /// A readable packet of the peer arrives.
    #[track_caller]
    pub fn receive(&mut self, code: u8, identifier: u8, data: &[u8]) -> Option<Layer> {
        let packet = ControlPacket { code, identifier, data };
        let layer = self.negotiator.handle_packet(self.now, packet, &mut self.out).expect("readable");
        self.sent.extend(sent(&mut self.out));
        layer
    }

    /// A packet arrives whose options cannot be read.
    #[track_caller]
    pub fn receive_malformed(&mut self, code: u8, identifier: u8, data: &[u8]) {
        let packet = ControlPacket { code, identifier, data };
        self.negotiator.handle_packet(self.now, packet, &mut self.out).expect_err("not readable");
        self.sent.extend(sent(&mut self.out));
    }

    /// Goes on to this many seconds after the beginning; timers run out on the way. Returns what became of the layer.
    pub fn at(&mut self, at: f64) -> Option<Layer> {
        let end = self.began + seconds(at);
        let mut layer = None;
        while let Some(next) = self.negotiator.poll_timeout().filter(|next| *next <= end) {
            assert!(next >= self.now, "a timer in the past");
            self.now = next;
            layer = self.negotiator.handle_timeout(self.now, &mut self.out).or(layer);
            self.sent.extend(sent(&mut self.out));
        }
        self.now = end;
        layer
    }

    /// The next packet that was sent is this one.
    #[track_caller]
    pub fn expect(&mut self, code: u8, identifier: u8, data: &[u8]) {
        let expected = Sent { protocol: P::PROTOCOL, code, identifier, data: data.to_vec() };
        assert_eq!(self.sent.pop_front(), Some(expected));
    }

    /// The next packet that was sent, whatever it is.
    pub fn next_sent(&mut self) -> Option<Sent> {
        self.sent.pop_front()
    }

    /// Nothing else was sent.
    #[track_caller]
    pub fn quiet(&self) {
        assert_eq!(self.sent, []);
    }
}
