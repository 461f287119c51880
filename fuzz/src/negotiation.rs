//! Two ends of a negotiation on a path that loses, doubles and delays frames come to an agreement once it stops doing so.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use nm_sstp::crypto::Entropy;
use nm_sstp::ppp::Outbox;
use nm_sstp::ppp::automaton::{Event, State};
use nm_sstp::ppp::ipv6cp::Ipv6cpPolicy;
use nm_sstp::ppp::negotiator::{Judgement, Negotiator, Policy};
use nm_sstp::wire::ppp::{ConfigurationOption, ControlPacket, Protocol};

use super::Reader;

/// Frames whose fate the input decides; it loses so few that neither end can have given up.
const MISHAPS: usize = 24;
const MAX_LOST: usize = 6;
/// Time within which the two must agree.
const PATIENCE: Duration = Duration::from_secs(180);

/// One option whose values the two ends have to haggle about.
struct Haggling {
    ask: Option<u8>,
    least: u8,
    most: u8,
}

impl Policy for Haggling {
    const PROTOCOL: Protocol = Protocol::IPCP;

    fn request(&mut self, out: &mut Vec<u8>) {
        if let Some(ask) = self.ask {
            ConfigurationOption { kind: 1, data: &[ask] }.emit(out);
        }
    }

    fn begin(&mut self) {}

    fn judge(&mut self, option: ConfigurationOption<'_>) -> Judgement {
        match *option.data {
            [value] if value < self.least => Judgement::Nak(vec![self.least]),
            [value] if value > self.most => Judgement::Nak(vec![self.most]),
            [value] if value % 16 == 15 => Judgement::Reject,
            _ => Judgement::Ack,
        }
    }

    fn naked(&mut self, option: ConfigurationOption<'_>) {
        self.ask = option.data.first().copied();
    }

    fn rejected(&mut self, _option: ConfigurationOption<'_>) {
        self.ask = None;
    }
}

/// Runs the negotiation that the input describes.
pub fn run(data: &[u8]) {
    let mut input = Reader::new(data);
    let delay = Duration::from_millis(20 * u64::from(input.octet()));
    if input.coin() {
        let mut end = || {
            let (ask, least, most) = (input.octet(), input.octet(), input.octet());
            Haggling { ask: Some(ask), least: least.min(most), most: least.max(most) }
        };
        let ends = [end(), end()];
        converge(ends, delay, &mut input);
    } else {
        let entropies = [input.octet() % 128, 128];
        converge(entropies.map(|seed| Ipv6cpPolicy::new(Entropy::new([seed; 32]))), delay, &mut input);
    }
}

struct Flight {
    arrival: Instant,
    to: usize,
    octets: Vec<u8>,
}

fn converge<P: Policy>(policies: [P; 2], delay: Duration, input: &mut Reader<'_>) {
    #[allow(clippy::disallowed_methods, reason = "any moment will do: the clock is virtual from here on")]
    let start = Instant::now();
    let mut now = start;
    let mut ends = policies.map(Negotiator::new);
    let mut outs = [Outbox::default(), Outbox::default()];
    for (end, out) in ends.iter_mut().zip(&mut outs) {
        end.set_round_trip(2 * delay);
        end.event(now, Event::Open, out);
        end.event(now, Event::Up, out);
    }
    let mut flights: VecDeque<Flight> = VecDeque::new();
    let (mut frames, mut lost) = (0, 0);
    loop {
        for (from, out) in outs.iter_mut().enumerate() {
            while let Some(frame) = out.pop() {
                frames += 1;
                assert!(frames < 1000, "they go on for ever");
                let mishap = if frames <= MISHAPS { input.octet() % 8 } else { 0 };
                let copies = match mishap {
                    1 if lost < MAX_LOST => {
                        lost += 1;
                        0
                    }
                    2 => 2,
                    _ => 1,
                };
                for _ in 0..copies {
                    let arrival = now + delay;
                    flights.push_back(Flight { arrival, to: 1 - from, octets: frame.information.to_vec() });
                }
            }
        }
        let arrival = flights.front().map(|flight| flight.arrival);
        let timers = ends.iter().map(Negotiator::poll_timeout);
        let Some(next) = timers.chain([arrival]).flatten().min() else { break };
        assert!(next >= now, "a timer in the past");
        now = next;
        assert!(now - start < PATIENCE, "no agreement: {:?}", ends.each_ref().map(Negotiator::state));
        while flights.front().is_some_and(|flight| flight.arrival <= now) {
            let Some(Flight { to, octets, .. }) = flights.pop_front() else { break };
            let packet = ControlPacket::parse(&octets).expect("what one end sends, the other can read");
            ends[to].handle_packet(now, packet, &mut outs[to]).expect("and its options too");
        }
        for (end, out) in ends.iter_mut().zip(&mut outs) {
            let due = end.poll_timeout();
            end.handle_timeout(now, out);
            assert!(end.poll_timeout().is_none_or(|at| at > now), "a timer that does not stop: {due:?}");
        }
    }
    assert_eq!(ends.each_ref().map(Negotiator::state), [State::Opened; 2], "after {:?}", now - start);
}
