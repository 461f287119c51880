use zeroize::Zeroizing;

use super::*;
use crate::radius::reply_to;

const SECRET: &[u8] = b"secret";
const ACCEPT: u8 = 2;
const REJECT: u8 = 3;
const CHALLENGE: u8 = 11;

struct Bench {
    now: Instant,
    eap: PassThrough,
    out: Outbox,
}

impl Bench {
    fn new() -> Self {
        #[allow(clippy::disallowed_methods, reason = "the start of the virtual clock")]
        let now = Instant::now();
        let client = Client::new(Zeroizing::new(SECRET.to_vec()), 0);
        let eap = PassThrough::new(Arc::new(Config::default()), client, 1500, Entropy::new([1; 32]));
        let mut bench = Bench { now, eap, out: Outbox::default() };
        bench.eap.start(now, &mut bench.out);
        bench
    }

    /// The next EAP packet for the client.
    fn sent(&mut self) -> Option<Vec<u8>> {
        self.out.pop().map(|frame| frame.information.to_vec())
    }

    /// The client answers.
    fn answer(&mut self, identifier: u8, kind: u8, data: &[u8]) {
        let data = [&[kind], data].concat();
        let packet = ControlPacket { code: eap_code::RESPONSE, identifier, data: &data };
        assert!(self.eap.handle_packet(self.now, packet, &mut self.out).is_none());
    }

    /// RADIUS replies to a request with attributes.
    fn reply(&mut self, request: &[u8], code: u8, attributes: &[u8]) -> Option<Outcome> {
        let datagram = reply_to(request, code, attributes, SECRET);
        self.eap.handle_radius(self.now, &datagram, &mut self.out)
    }

    /// As far as the first Request of a method; returns that.
    fn challenged(&mut self) -> Vec<u8> {
        let identity = self.sent().unwrap();
        self.answer(identity[1], 1, b"ann");
        let request = self.eap.radius.poll_transmit().unwrap();
        assert!(self.reply(&request, CHALLENGE, &[79, 8, 1, 42, 0, 6, 26, 7, 24, 4, 0xab, 0xcd]).is_none());
        self.sent().unwrap()
    }

    fn wait(&mut self, seconds: u64) -> Option<Outcome> {
        self.now += Duration::from_secs(seconds);
        self.eap.handle_timeout(self.now, &mut self.out)
    }
}

fn has(request: &[u8], attribute: &[u8]) -> bool {
    request.windows(attribute.len()).any(|octets| octets == attribute)
}

#[test]
fn packets_pass_both_ways_until_radius_decides() {
    let mut bench = Bench::new();
    assert_eq!(bench.challenged(), [1, 42, 0, 6, 26, 7]);
    bench.answer(42, 26, &[8]);
    let request = bench.eap.radius.poll_transmit().unwrap();
    assert!(has(&request, &[1, 5, b'a', b'n', b'n']), "User-Name");
    assert!(has(&request, &[79, 8, 2, 42, 0, 6, 26, 8]), "EAP-Message");
    assert!(has(&request, &[24, 4, 0xab, 0xcd]), "State");
    let outcome = bench.reply(&request, ACCEPT, &[79, 6, 3, 42, 0, 4]);
    assert!(matches!(outcome, Some(Outcome::Accepted { user, .. }) if user == "ann"));
    assert_eq!(bench.sent(), Some(vec![3, 42, 0, 4]));
    assert!(bench.eap.notes.contains(&"RADIUS: EAP type 26 (EAP-MSCHAPv2) accepted, no keys from RADIUS".to_owned()));
    assert!(bench.eap.timer().is_none());
}

#[test]
fn a_refusal_reaches_the_client_also_without_eap_in_it() {
    for attributes in [&[79, 6, 4, 42, 0, 4][..], &[], &[79, 6, 3, 42, 0, 4]] {
        let mut bench = Bench::new();
        bench.challenged();
        bench.answer(42, 26, &[8]);
        let request = bench.eap.radius.poll_transmit().unwrap();
        assert!(matches!(bench.reply(&request, REJECT, attributes), Some(Outcome::Refused { user }) if user == "ann"));
        assert_eq!(bench.sent(), Some(vec![4, 42, 0, 4]), "{attributes:?}");
    }
}

#[test]
fn a_challenge_without_a_request_refuses() {
    for attributes in [&[][..], &[79, 6, 3, 42, 0, 4], &[79, 6, 1, 42, 0, 4]] {
        let mut bench = Bench::new();
        let identity = bench.sent().unwrap();
        bench.answer(identity[1], 1, b"ann");
        let request = bench.eap.radius.poll_transmit().unwrap();
        assert!(matches!(bench.reply(&request, CHALLENGE, attributes), Some(Outcome::Refused { .. })));
        assert_eq!(bench.sent(), Some(vec![4, identity[1], 0, 4]));
    }
}

/// RFC 3748 4.1, 4.3.
#[test]
fn a_request_is_repeated_and_a_response_is_passed_on_once() {
    let mut bench = Bench::new();
    let request = bench.challenged();
    assert!(bench.wait(2).is_none() && bench.sent().is_none());
    assert!(bench.wait(1).is_none());
    assert_eq!(bench.sent(), Some(request));
    bench.answer(41, 26, &[8]);
    assert!(bench.eap.radius.poll_transmit().is_none(), "the identifier of another Request");
    bench.answer(42, 26, &[8]);
    assert!(bench.eap.radius.poll_transmit().is_some());
    bench.answer(42, 26, &[8]);
    assert!(bench.eap.radius.poll_transmit().is_none(), "the answer to the repeated Request");
    // while RADIUS works the client is not asked again
    assert!(bench.wait(1).is_none() && bench.sent().is_none());
}

#[test]
fn a_client_that_does_not_answer_is_left() {
    let mut bench = Bench::new();
    bench.challenged();
    let silent = (1..=20).find(|_| matches!(bench.wait(3), Some(Outcome::Silent)));
    assert_eq!(silent, Some(10));
}

#[test]
fn people_are_given_time() {
    let mut bench = Bench::new();
    let identity = bench.sent().unwrap();
    bench.answer(identity[1], 1, b"ann");
    let request = bench.eap.radius.poll_transmit().unwrap();
    bench.reply(&request, CHALLENGE, &[79, 8, 1, 42, 0, 6, 6, b'?']);
    assert!(bench.sent().is_some());
    assert!(bench.wait(29).is_none() && bench.sent().is_none());
    assert!(bench.wait(1).is_none() && bench.sent().is_some());
}
