//! Negotiations step by step, over a protocol made up for it.

use super::super::testing::{Bench, options, sent, start};
use super::code::{
    CODE_REJECT, CONFIGURE_ACK, CONFIGURE_NAK, CONFIGURE_REJECT, CONFIGURE_REQUEST, ECHO_REQUEST, TERMINATE_ACK,
    TERMINATE_REQUEST,
};
use super::*;

/// An option with one octet; see [`Apples`].
const APPLES: u8 = 1;
const UNKNOWN: u8 = 0x99;

/// A protocol with one option, the number of apples. We ask for some, and take at most so many from the peer.
#[derive(Debug)]
struct Apples {
    ask: Option<u8>,
    most: u8,
    /// How many options were judged.
    judged: usize,
}

impl Policy for Apples {
    const PROTOCOL: Protocol = Protocol::IPCP;

    fn request(&mut self, out: &mut Vec<u8>) {
        if let Some(ask) = self.ask {
            ConfigurationOption { kind: APPLES, data: &[ask] }.emit(out);
        }
    }

    fn begin(&mut self) {}

    fn judge(&mut self, option: ConfigurationOption<'_>) -> Judgement {
        self.judged += 1;
        match (option.kind, option.data) {
            (APPLES, &[apples]) if apples <= self.most => Judgement::Ack,
            (APPLES, &[_]) => Judgement::Nak(vec![self.most]),
            _ => Judgement::Reject,
        }
    }

    fn naked(&mut self, option: ConfigurationOption<'_>) {
        if let (APPLES, &[apples]) = (option.kind, option.data) {
            self.ask = Some(apples);
        }
    }

    fn rejected(&mut self, option: ConfigurationOption<'_>) {
        if option.kind == APPLES {
            self.ask = None;
        }
    }
}

fn apples(ask: u8, most: u8) -> Apples {
    Apples { ask: Some(ask), most, judged: 0 }
}

fn few(apples: u8) -> Vec<u8> {
    options(&[(APPLES, &[apples])])
}

/// A negotiation that asks for 7 apples, takes 9, and has come to Opened; its request had identifier 1.
fn opened() -> Bench<Apples> {
    let mut bench = Bench::open(apples(7, 9));
    bench.expect(CONFIGURE_REQUEST, 1, &few(7));
    assert_eq!(bench.receive(CONFIGURE_ACK, 1, &few(7)), None);
    assert_eq!(bench.negotiator.state(), State::AckRcvd);
    assert_eq!(bench.receive(CONFIGURE_REQUEST, 0x40, &few(9)), Some(Layer::Up));
    bench.expect(CONFIGURE_ACK, 0x40, &few(9));
    bench.quiet();
    assert!(bench.negotiator.is_opened());
    assert_eq!(bench.negotiator.poll_timeout(), None);
    bench
}

#[test]
fn the_peer_may_ask_first() {
    let mut bench = Bench::open(apples(7, 9));
    bench.expect(CONFIGURE_REQUEST, 1, &few(7));
    assert_eq!(bench.receive(CONFIGURE_REQUEST, 0, &few(2)), None);
    bench.expect(CONFIGURE_ACK, 0, &few(2));
    assert_eq!(bench.negotiator.state(), State::AckSent);
    assert_eq!(bench.receive(CONFIGURE_ACK, 1, &few(7)), Some(Layer::Up));
    bench.quiet();
}

#[test]
fn two_ends_that_ask_at_once_agree() {
    let now = start();
    // the first asks for too much, and the second takes less than it is asked for
    let mut ends = [Negotiator::new(apples(20, 9)), Negotiator::new(apples(30, 3))];
    let mut outs = [Outbox::default(), Outbox::default()];
    for (end, out) in ends.iter_mut().zip(&mut outs) {
        end.event(now, Event::Open, out);
        end.event(now, Event::Up, out);
    }
    let mut rounds = 0;
    loop {
        let frames = outs.each_mut().map(sent);
        if frames.iter().all(Vec::is_empty) {
            break;
        }
        rounds += 1;
        assert!(rounds < 100);
        for (from, frames) in frames.into_iter().enumerate() {
            for frame in frames {
                let packet = ControlPacket { code: frame.code, identifier: frame.identifier, data: &frame.data };
                ends[1 - from].handle_packet(now, packet, &mut outs[1 - from]).unwrap();
            }
        }
    }
    assert_eq!(rounds, 4, "requests, Naks, requests, Acks");
    assert!(ends.iter().all(Negotiator::is_opened));
    assert_eq!(ends.map(|end| end.policy.ask), [Some(3), Some(9)]);
}

#[test]
fn a_lost_request_is_sent_again_with_its_identifier_and_a_late_answer_counts() {
    let mut bench = Bench::open(apples(7, 9));
    bench.expect(CONFIGURE_REQUEST, 1, &few(7));
    bench.at(0.99);
    bench.quiet();
    for at in [1.0, 3.0, 6.0, 9.0] {
        bench.at(at - 0.01);
        bench.quiet();
        bench.at(at);
        bench.expect(CONFIGURE_REQUEST, 1, &few(7));
        bench.quiet();
    }
    bench.receive(CONFIGURE_NAK, 1, &few(5));
    bench.expect(CONFIGURE_REQUEST, 2, &few(5));
    // the answers to the repetitions come, too
    bench.receive(CONFIGURE_NAK, 1, &few(4));
    bench.receive(CONFIGURE_NAK, 1, &few(3));
    bench.quiet();
    assert_eq!(bench.receive(CONFIGURE_ACK, 2, &few(5)), None);
    assert_eq!(bench.negotiator.state(), State::AckRcvd);
}

#[test]
fn a_mute_peer_is_asked_ten_times() {
    let mut bench = Bench::open(apples(7, 9));
    assert_eq!(bench.at(26.99), None);
    for _ in 0..MAX_CONFIGURE {
        bench.expect(CONFIGURE_REQUEST, 1, &few(7));
    }
    bench.quiet();
    assert_eq!(bench.at(27.0), Some(Layer::Finished));
    assert_eq!(bench.negotiator.ending(), Some(&Ending::Unanswered));
    assert_eq!((bench.negotiator.state(), bench.negotiator.poll_timeout()), (State::Stopped, None));
    bench.quiet();
}

#[test]
fn a_peer_that_agrees_but_never_asks_is_given_up() {
    let mut bench = Bench::open(apples(7, 9));
    let mut finished = None;
    for second in 0..200 {
        while let Some(request) = bench.next_sent() {
            assert_eq!(request.code, CONFIGURE_REQUEST);
            bench.receive(CONFIGURE_ACK, request.identifier, &request.data);
        }
        if bench.at(f64::from(second)) == Some(Layer::Finished) {
            finished = Some(second);
            break;
        }
    }
    assert!(finished.is_some_and(|second| (20..=90).contains(&second)), "{finished:?}");
    assert_eq!(bench.negotiator.ending(), Some(&Ending::Unanswered));
}

#[test]
fn a_peer_that_never_agrees_with_us_is_given_up_though_it_asks() {
    let mut bench = Bench::open(apples(7, 9));
    let mut last = None;
    for second in 0..200 {
        last = bench.at(f64::from(second));
        if last.is_some() {
            break;
        }
        bench.receive(CONFIGURE_REQUEST, second, &few(2));
    }
    assert_eq!(last, Some(Layer::Finished));
}

#[test]
fn replies_to_anything_but_the_last_request_are_discarded() {
    let mut bench = Bench::open(apples(7, 9));
    bench.expect(CONFIGURE_REQUEST, 1, &few(7));
    for code in [CONFIGURE_ACK, CONFIGURE_NAK, CONFIGURE_REJECT] {
        for identifier in [0, 2, 255] {
            assert_eq!(bench.receive(code, identifier, &few(7)), None);
        }
    }
    // RFC 1661 5.2: the options of an Ack are those of the request
    for other in [few(8), Vec::new(), [few(7), few(7)].concat()] {
        bench.receive(CONFIGURE_ACK, 1, &other);
    }
    assert_eq!(bench.negotiator.state(), State::ReqSent);
    assert_eq!(bench.negotiator.policy.ask, Some(7));
    bench.quiet();
}

#[test]
fn an_answer_counts_once() {
    let mut bench = opened();
    for code in [CONFIGURE_ACK, CONFIGURE_NAK, CONFIGURE_REJECT] {
        assert_eq!(bench.receive(code, 1, &few(7)), None);
    }
    assert!(bench.negotiator.is_opened());
    bench.quiet();
}

#[test]
fn naks_and_rejects_change_the_next_request() {
    let mut bench = Bench::open(apples(7, 9));
    bench.expect(CONFIGURE_REQUEST, 1, &few(7));
    bench.receive(CONFIGURE_NAK, 1, &options(&[(UNKNOWN, b"we did not ask for that"), (APPLES, &[5])]));
    bench.expect(CONFIGURE_REQUEST, 2, &few(5));
    bench.receive(CONFIGURE_REJECT, 2, &few(5));
    bench.expect(CONFIGURE_REQUEST, 3, &[]);
    assert_eq!(bench.receive(CONFIGURE_ACK, 3, &[]), None);
    assert_eq!(bench.negotiator.state(), State::AckRcvd);
}

#[test]
fn what_was_not_requested_cannot_be_rejected() {
    let mut bench = Bench::open(apples(7, 9));
    bench.expect(CONFIGURE_REQUEST, 1, &few(7));
    bench.receive(CONFIGURE_REJECT, 1, &few(6));
    bench.receive(CONFIGURE_REJECT, 1, &options(&[(APPLES, &[7]), (UNKNOWN, &[])]));
    bench.quiet();
    assert_eq!(bench.negotiator.policy.ask, Some(7));
    // it did not use up the request
    bench.receive(CONFIGURE_ACK, 1, &few(7));
    assert_eq!(bench.negotiator.state(), State::AckRcvd);
}

#[test]
fn a_peer_that_always_has_another_wish_is_given_up() {
    for code in [CONFIGURE_NAK, CONFIGURE_REJECT] {
        let mut bench = Bench::open(apples(7, 9));
        let (mut refusals, mut finished) = (0, None);
        while finished.is_none() && refusals < 100 {
            let request = bench.next_sent().unwrap();
            assert_eq!(request.code, CONFIGURE_REQUEST);
            refusals += 1;
            let wish = if code == CONFIGURE_NAK { few(refusals as u8) } else { Vec::new() };
            finished = bench.receive(code, request.identifier, &wish);
        }
        assert_eq!((finished, refusals), (Some(Layer::Finished), MAX_REFUSALS + 1));
        assert_eq!(bench.negotiator.ending(), Some(&Ending::NotConverging));
        assert_eq!(bench.negotiator.poll_timeout(), None);
        bench.quiet();
    }
}

#[test]
fn unknown_options_are_rejected_before_anything_is_naked() {
    let mut bench = Bench::open(apples(7, 9));
    bench.expect(CONFIGURE_REQUEST, 1, &few(7));
    let request = options(&[(APPLES, &[20]), (UNKNOWN, b"abc"), (APPLES, &[1]), (0x98, b"")]);
    bench.receive(CONFIGURE_REQUEST, 5, &request);
    bench.expect(CONFIGURE_REJECT, 5, &options(&[(UNKNOWN, b"abc"), (0x98, b"")]));
    bench.receive(CONFIGURE_REQUEST, 6, &few(20));
    bench.expect(CONFIGURE_NAK, 6, &few(9));
    bench.receive(CONFIGURE_REQUEST, 7, &few(9));
    bench.expect(CONFIGURE_ACK, 7, &few(9));
    bench.quiet();
}

#[test]
fn after_max_failure_naks_an_option_is_rejected_as_it_came() {
    let mut bench = Bench::open(apples(7, 9));
    bench.expect(CONFIGURE_REQUEST, 1, &few(7));
    for identifier in 0..MAX_FAILURE as u8 {
        bench.receive(CONFIGURE_REQUEST, identifier, &few(20 + identifier));
        bench.expect(CONFIGURE_NAK, identifier, &few(9));
    }
    bench.receive(CONFIGURE_REQUEST, 100, &few(50));
    bench.expect(CONFIGURE_REJECT, 100, &few(50));
    // an Ack begins the count anew
    bench.receive(CONFIGURE_REQUEST, 101, &[]);
    bench.expect(CONFIGURE_ACK, 101, &[]);
    bench.receive(CONFIGURE_REQUEST, 102, &few(50));
    bench.expect(CONFIGURE_NAK, 102, &few(9));
    bench.quiet();
}

#[test]
fn a_refused_request_that_is_only_sent_again_is_not_judged_again() {
    let mut bench = Bench::open(apples(7, 9));
    bench.expect(CONFIGURE_REQUEST, 1, &few(7));
    for _ in 0..3 {
        bench.receive(CONFIGURE_REQUEST, 5, &few(20));
        bench.expect(CONFIGURE_NAK, 5, &few(9));
    }
    assert_eq!(bench.negotiator.policy.judged, 1);
    // the same identifier with other options, and the same options with another identifier, are new requests
    bench.receive(CONFIGURE_REQUEST, 5, &few(21));
    bench.receive(CONFIGURE_REQUEST, 6, &few(21));
    assert_eq!(bench.negotiator.policy.judged, 3);
    // a peer that never takes a new identifier comes to its end, too
    let replies = (0..10).map(|_| {
        bench.receive(CONFIGURE_REQUEST, 6, &few(21));
        std::iter::from_fn(|| bench.next_sent()).last().unwrap().code
    });
    assert_eq!(replies.last(), Some(CONFIGURE_REJECT));
}

#[test]
fn options_that_cannot_be_read_change_nothing() {
    let mut bench = opened();
    bench.receive_malformed(CONFIGURE_REQUEST, 0x41, &[APPLES, 3, 1, APPLES, 9]);
    bench.receive_malformed(CONFIGURE_REQUEST, 0x41, &[APPLES, 0]);
    assert!(bench.negotiator.is_opened());
    assert_eq!(bench.negotiator.policy.judged, 1);
    let mut bench = Bench::open(apples(7, 9));
    bench.expect(CONFIGURE_REQUEST, 1, &few(7));
    bench.receive_malformed(CONFIGURE_NAK, 1, &[APPLES, 3, 5, APPLES]);
    bench.receive_malformed(CONFIGURE_REJECT, 1, &[APPLES, 3, 7, APPLES]);
    assert_eq!(bench.negotiator.policy.ask, Some(7));
    bench.quiet();
}

#[test]
fn the_peer_may_negotiate_anew() {
    let mut bench = opened();
    assert_eq!(bench.receive(CONFIGURE_REQUEST, 0x41, &few(2)), Some(Layer::Down));
    bench.expect(CONFIGURE_REQUEST, 2, &few(7));
    bench.expect(CONFIGURE_ACK, 0x41, &few(2));
    assert_eq!(bench.receive(CONFIGURE_ACK, 2, &few(7)), Some(Layer::Up));
    // with something that we do not like
    assert_eq!(bench.receive(CONFIGURE_REQUEST, 0x42, &few(20)), Some(Layer::Down));
    bench.expect(CONFIGURE_REQUEST, 3, &few(7));
    bench.expect(CONFIGURE_NAK, 0x42, &few(9));
    // and if it says no more, it has as much time as at the beginning
    assert_eq!(bench.at(26.99), None);
    assert_eq!(bench.at(27.0), Some(Layer::Finished));
}

/// RFC 1661 4.1 begins anew, and so does the peer when ours comes: on a path that is longer than the restart timers, for
/// ever.
#[test]
fn a_request_that_was_sent_again_before_our_ack_had_come_does_not_begin_anew() {
    let mut bench = opened();
    for at in [0.1, 1.0, 3.0, 9.9] {
        bench.at(at);
        assert_eq!(bench.receive(CONFIGURE_REQUEST, 0x40, &few(9)), None);
        bench.expect(CONFIGURE_ACK, 0x40, &few(9));
    }
    assert!(bench.negotiator.is_opened());
    bench.quiet();
    // another request is another matter, and so is the same one much later
    for (at, identifier, wish) in [(0.1, 0x41, 9), (0.1, 0x40, 8), (10.0, 0x40, 9)] {
        let mut bench = opened();
        bench.at(at);
        assert_eq!(bench.receive(CONFIGURE_REQUEST, identifier, &few(wish)), Some(Layer::Down));
    }
}

#[test]
fn on_a_long_path_the_answer_is_waited_for() {
    for (round_trip, first) in [(0, 1), (400, 1), (500, 1), (1000, 2), (2000, 4), (60_000, 5)] {
        let mut negotiator = Negotiator::new(apples(7, 9));
        negotiator.set_round_trip(Duration::from_millis(round_trip));
        let mut out = Outbox::default();
        let mut now = start();
        negotiator.event(now, Event::Open, &mut out);
        negotiator.event(now, Event::Up, &mut out);
        for times in [1, 2, 3, 3] {
            let next = now + Duration::from_secs(first * times);
            assert_eq!(negotiator.poll_timeout(), Some(next));
            now = next;
            negotiator.handle_timeout(now, &mut out);
        }
    }
}

#[test]
fn unknown_codes_are_rejected() {
    let mut bench = opened();
    assert_eq!(bench.receive(0x77, 9, b"what?"), None);
    bench.expect(CODE_REJECT, 2, &[0x77, 9, 0, 9, b'w', b'h', b'a', b't', b'?']);
    bench.receive(0x77, 9, &[0xaa; 1400]);
    let reject = bench.next_sent().unwrap();
    assert_eq!((reject.code, reject.identifier, reject.data.len()), (CODE_REJECT, 3, MAX_REJECTED));
    assert!(bench.negotiator.is_opened());
    bench.quiet();
}

#[test]
fn a_rejected_code_matters_where_it_is_one_that_we_need() {
    for code in [ECHO_REQUEST, 0x77] {
        let mut bench = opened();
        assert_eq!(bench.receive(CODE_REJECT, 1, &[code, 1, 0, 4]), None);
        assert!(bench.negotiator.is_opened());
        bench.quiet();
    }
    for code in CONFIGURE_REQUEST..=CODE_REJECT {
        let mut bench = opened();
        assert_eq!(bench.receive(CODE_REJECT, 1, &[code, 1, 0, 4]), Some(Layer::Down));
        assert_eq!(bench.negotiator.ending(), Some(&Ending::Rejected));
        bench.expect(TERMINATE_REQUEST, 2, &[]);
        assert_eq!(bench.at(2.0), Some(Layer::Finished));
    }
}

#[test]
fn a_rejected_protocol_ends_at_once() {
    let mut bench = Bench::open(apples(7, 9));
    bench.expect(CONFIGURE_REQUEST, 1, &few(7));
    assert_eq!(bench.event(Event::RxjBad), Some(Layer::Finished));
    assert_eq!(bench.negotiator.ending(), Some(&Ending::Rejected));
    assert_eq!(bench.negotiator.poll_timeout(), None);
    bench.quiet();
}

#[test]
fn the_peer_terminates() {
    let mut bench = opened();
    assert_eq!(bench.receive(TERMINATE_REQUEST, 0x50, b"good bye"), Some(Layer::Down));
    bench.expect(TERMINATE_ACK, 0x50, &[]);
    assert_eq!(bench.negotiator.ending(), Some(&Ending::Terminated));
    // its second one is acknowledged as well, and a request is too late
    assert_eq!(bench.receive(TERMINATE_REQUEST, 0x51, &[]), None);
    bench.expect(TERMINATE_ACK, 0x51, &[]);
    bench.receive(CONFIGURE_REQUEST, 0x52, &few(1));
    bench.quiet();
    assert_eq!(bench.at(0.99), None);
    assert_eq!(bench.at(1.0), Some(Layer::Finished));
    assert_eq!((bench.negotiator.state(), bench.negotiator.poll_timeout()), (State::Stopped, None));
}

#[test]
fn we_terminate() {
    let mut bench = opened();
    assert_eq!(bench.event(Event::Close), Some(Layer::Down));
    bench.expect(TERMINATE_REQUEST, 2, &[]);
    assert_eq!(bench.receive(TERMINATE_ACK, 2, &[]), Some(Layer::Finished));
    assert_eq!((bench.negotiator.state(), bench.negotiator.poll_timeout()), (State::Closed, None));
    bench.quiet();
}

#[test]
fn we_terminate_and_the_peer_is_mute_or_talks_of_other_things() {
    for talkative in [false, true] {
        let mut bench = opened();
        bench.event(Event::Close);
        bench.expect(TERMINATE_REQUEST, 2, &[]);
        assert_eq!(bench.at(0.5), None);
        if talkative {
            bench.receive(CONFIGURE_REQUEST, 1, &few(1));
            bench.receive(CONFIGURE_ACK, 1, &few(7));
            bench.event(Event::Close);
        }
        assert_eq!(bench.at(1.0), None);
        bench.expect(TERMINATE_REQUEST, 3, &[]);
        assert_eq!(bench.at(2.0), Some(Layer::Finished));
        bench.quiet();
    }
}

#[test]
fn both_terminate_at_once() {
    let mut bench = opened();
    bench.event(Event::Close);
    bench.expect(TERMINATE_REQUEST, 2, &[]);
    assert_eq!(bench.receive(TERMINATE_REQUEST, 0x60, &[]), None);
    bench.expect(TERMINATE_ACK, 0x60, &[]);
    assert_eq!(bench.receive(TERMINATE_ACK, 2, &[]), Some(Layer::Finished));
}

#[test]
fn an_answer_that_comes_after_we_closed_is_not_taken() {
    let mut bench = Bench::open(apples(7, 9));
    bench.expect(CONFIGURE_REQUEST, 1, &few(7));
    bench.event(Event::Close);
    bench.expect(TERMINATE_REQUEST, 2, &[]);
    bench.receive(CONFIGURE_NAK, 1, &few(3));
    assert_eq!(bench.negotiator.policy.ask, Some(7));
    assert_eq!(bench.negotiator.state(), State::Closing);
    bench.quiet();
}

/// accel-ppp answers the first request of IPV6CP so, and negotiates when it is asked again.
#[test]
fn a_terminate_ack_out_of_the_blue_does_not_end_a_negotiation() {
    let mut bench = Bench::open(apples(7, 9));
    bench.expect(CONFIGURE_REQUEST, 1, &few(7));
    assert_eq!(bench.receive(TERMINATE_ACK, 1, &[]), None);
    bench.quiet();
    bench.at(1.0);
    bench.expect(CONFIGURE_REQUEST, 1, &few(7));
    bench.receive(CONFIGURE_ACK, 1, &few(7));
    assert_eq!(bench.receive(CONFIGURE_REQUEST, 1, &few(1)), Some(Layer::Up));
    // once Opened it means that the peer has begun anew (RFC 1661 4.3)
    bench.expect(CONFIGURE_ACK, 1, &few(1));
    assert_eq!(bench.receive(TERMINATE_ACK, 7, &[]), Some(Layer::Down));
    bench.expect(CONFIGURE_REQUEST, 2, &few(7));
    assert_eq!(bench.negotiator.state(), State::ReqSent);
}

#[test]
fn nothing_is_heard_before_the_lower_layer_is_up() {
    let mut bench = opened();
    bench.event(Event::Down);
    for code in 0..=255 {
        assert_eq!(bench.receive(code, 1, &few(1)), None);
    }
    assert_eq!((bench.negotiator.state(), bench.negotiator.poll_timeout()), (State::Starting, None));
    bench.quiet();
}

#[test]
fn a_timeout_before_its_time_does_nothing() {
    let mut bench = Bench::open(apples(7, 9));
    bench.expect(CONFIGURE_REQUEST, 1, &few(7));
    let mut out = Outbox::default();
    for _ in 0..100 {
        assert_eq!(bench.negotiator.handle_timeout(bench.now, &mut out), None);
    }
    assert_eq!(sent(&mut out), []);
    assert_eq!(bench.negotiator.state(), State::ReqSent);
}
