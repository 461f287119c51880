//! LCP from the first request to echoes on the open link, its peer played by the test.

use std::collections::VecDeque;

use super::super::automaton::{Event, State};
use super::super::testing::{Sent, options, seconds, sent, start};
use super::*;
use crate::wire::ppp::code::{
    CODE_REJECT, CONFIGURE_ACK, CONFIGURE_NAK, CONFIGURE_REJECT, CONFIGURE_REQUEST, DISCARD_REQUEST, ECHO_REPLY,
    ECHO_REQUEST, IDENTIFICATION, PROTOCOL_REJECT, TERMINATE_ACK, TERMINATE_REQUEST, TIME_REMAINING,
};

const PAP: &[u8] = &[0xc0, 0x23];
const CHAP_MD5: &[u8] = &[0xc2, 0x23, 0x05];
const MSCHAPV2: &[u8] = &[0xc2, 0x23, 0x81];
const EAP: &[u8] = &[0xc2, 0x27];

fn config() -> LcpConfig {
    LcpConfig {
        mru: 1400,
        compression: false,
        accept: vec![AuthProtocol::MsChapV2, AuthProtocol::ChapMd5],
        demand: Vec::new(),
        echo_interval: None,
        echo_failure: 0,
    }
}

/// LCP on a lower layer that is up.
struct Bench {
    lcp: Lcp,
    now: Instant,
    began: Instant,
    out: Outbox,
    sent: VecDeque<Sent>,
}

impl Bench {
    fn open(config: LcpConfig) -> Self {
        let now = start();
        let lcp = Lcp::new(config, Entropy::new([3; 32]));
        let mut bench = Bench { lcp, now, began: now, out: Outbox::default(), sent: VecDeque::new() };
        for event in [Event::Open, Event::Up] {
            bench.lcp.event(now, event, &mut bench.out);
        }
        bench.sent.extend(sent(&mut bench.out));
        bench
    }

    /// The same, after both sides have agreed: to what we asked for, and to these options of the peer.
    #[track_caller]
    fn opened(config: LcpConfig, peer: &[u8]) -> Self {
        let mut bench = Bench::open(config);
        bench.agree();
        assert_eq!(bench.receive(CONFIGURE_REQUEST, 0xee, peer), Some(LcpEvent::Layer(Layer::Up)));
        bench.expect(CONFIGURE_ACK, 0xee, peer);
        bench.quiet();
        bench
    }

    /// The peer acknowledges our request.
    fn agree(&mut self) {
        let request = self.request();
        self.receive(CONFIGURE_ACK, request.identifier, &request.data);
    }

    #[track_caller]
    fn receive(&mut self, code: u8, identifier: u8, data: &[u8]) -> Option<LcpEvent> {
        let packet = ControlPacket { code, identifier, data };
        let event = self.lcp.handle_packet(self.now, packet, &mut self.out).expect("readable");
        self.sent.extend(sent(&mut self.out));
        event
    }

    fn at(&mut self, at: f64) -> Option<LcpEvent> {
        let end = self.began + seconds(at);
        let mut event = None;
        while let Some(next) = self.lcp.poll_timeout().filter(|next| *next <= end) {
            assert!(next >= self.now, "a timer in the past");
            self.now = next;
            event = self.lcp.handle_timeout(self.now, &mut self.out).or(event);
            self.sent.extend(sent(&mut self.out));
        }
        self.now = end;
        event
    }

    /// Our Configure-Request, which is the next packet that was sent.
    #[track_caller]
    fn request(&mut self) -> Sent {
        let request = self.sent.pop_front().expect("a request");
        assert_eq!(request.code, CONFIGURE_REQUEST);
        request
    }

    #[track_caller]
    fn expect(&mut self, code: u8, identifier: u8, data: &[u8]) {
        let expected = Sent { protocol: Protocol::LCP, code, identifier, data: data.to_vec() };
        assert_eq!(self.sent.pop_front(), Some(expected));
    }

    #[track_caller]
    fn quiet(&self) {
        assert_eq!(self.sent, []);
    }

    /// The peer asks for this way to authenticate ourselves.
    #[track_caller]
    fn asked(&mut self, identifier: u8, authentication: &[u8]) {
        self.receive(CONFIGURE_REQUEST, identifier, &options(&[(3, authentication)]));
    }
}

/// The magic number in a request of ours.
fn magic_number(request: &Sent) -> [u8; 4] {
    let options = crate::wire::ppp::Options::new(&request.data);
    options.flatten().find(|option| option.kind == 5).and_then(|option| option.octets()).expect("a magic number")
}

#[test]
fn we_ask_for_what_the_configuration_says() {
    let request = Bench::open(config()).request();
    assert_eq!(request.identifier, 1);
    let magic = magic_number(&request);
    assert_ne!(magic, [0; 4]);
    assert_eq!(request.data, options(&[(1, &[0x05, 0x78]), (5, &magic)]));
    let all = LcpConfig { mru: 4091, compression: true, demand: vec![AuthProtocol::Pap], ..config() };
    let request = Bench::open(all).request();
    let magic = magic_number(&request);
    assert_eq!(request.data, options(&[(1, &[0x0f, 0xfb]), (3, PAP), (5, &magic), (7, &[]), (8, &[])]));
}

#[test]
fn an_mru_that_no_link_can_have_is_not_asked_for() {
    for (configured, asked) in [(0, MIN_MRU), (575, 576), (576, 576), (4091, 4091), (4092, MAX_MRU), (65535, MAX_MRU)] {
        let request = Bench::open(LcpConfig { mru: configured, ..config() }).request();
        assert_eq!(request.data[..4], options(&[(1, &asked.to_be_bytes())]));
    }
}

#[test]
fn the_options_of_the_peer() {
    let own_magic = magic_number(&Bench::open(config()).request());
    let epd: &[u8] = &[1, 2, 3];
    let longer: &[u8] = &[0; 253];
    for (option, reply, wish) in [
        // MRU
        ((1, &[0x05, 0xdc][..]), CONFIGURE_ACK, &[][..]),
        ((1, &[0xff, 0xff]), CONFIGURE_ACK, &[]),
        ((1, &[0x02, 0x40]), CONFIGURE_ACK, &[]),
        ((1, &[0x02, 0x3f]), CONFIGURE_NAK, &[0x05, 0xdc]),
        ((1, &[0, 0]), CONFIGURE_NAK, &[0x05, 0xdc]),
        ((1, &[5]), CONFIGURE_REJECT, &[]),
        ((1, &[0, 0, 5]), CONFIGURE_REJECT, &[]),
        // ACCM: of no use, but harmless
        ((2, &[0, 0, 0, 0]), CONFIGURE_ACK, &[]),
        ((2, &[0, 0, 0]), CONFIGURE_REJECT, &[]),
        // Authentication-Protocol
        ((3, MSCHAPV2), CONFIGURE_ACK, &[]),
        ((3, CHAP_MD5), CONFIGURE_ACK, &[]),
        ((3, PAP), CONFIGURE_NAK, MSCHAPV2),
        ((3, EAP), CONFIGURE_NAK, MSCHAPV2),
        ((3, &[0xc2, 0x23]), CONFIGURE_NAK, MSCHAPV2),
        ((3, longer), CONFIGURE_NAK, MSCHAPV2),
        ((3, &[0xc2]), CONFIGURE_REJECT, &[]),
        // Quality-Protocol
        ((4, &[0xc0, 0x25, 0, 0, 0, 1]), CONFIGURE_REJECT, &[]),
        // Magic-Number: what we wish for instead is random
        ((5, &[1, 2, 3, 4]), CONFIGURE_ACK, &[]),
        ((5, &[0, 0, 0, 0]), CONFIGURE_NAK, b"?"),
        ((5, &own_magic), CONFIGURE_NAK, b"?"),
        ((5, &[1, 2, 3]), CONFIGURE_REJECT, &[]),
        // PFC, ACFC
        ((7, &[]), CONFIGURE_ACK, &[]),
        ((7, &[1]), CONFIGURE_REJECT, &[]),
        ((8, &[]), CONFIGURE_ACK, &[]),
        ((8, &[1]), CONFIGURE_REJECT, &[]),
        // FCS alternatives, callback, MRRU, endpoint discriminator, and what nobody knows
        ((9, &[1]), CONFIGURE_REJECT, &[]),
        ((13, &[6]), CONFIGURE_REJECT, &[]),
        ((17, &[0x06, 0x4e]), CONFIGURE_REJECT, &[]),
        ((19, epd), CONFIGURE_REJECT, &[]),
        ((200, longer), CONFIGURE_REJECT, &[]),
    ] {
        let mut bench = Bench::open(config());
        bench.request();
        let request = options(&[option]);
        bench.receive(CONFIGURE_REQUEST, 9, &request);
        if wish == b"?" {
            let nak = bench.sent.pop_front().unwrap();
            assert_eq!((nak.code, nak.identifier, &nak.data[..2]), (reply, 9, &[5, 6][..]));
            assert!(nak.data[2..] != own_magic && nak.data[2..] != [0; 4]);
        } else {
            bench.expect(reply, 9, &if wish.is_empty() { request } else { options(&[(option.0, wish)]) });
        }
        bench.quiet();
    }
}

#[test]
fn what_the_peer_asked_for_last_holds() {
    let mut bench = Bench::open(config());
    assert_eq!(bench.lcp.peer(), PeerOptions { mru: 1500, authentication: None, pfc: false, acfc: false });
    bench.agree();
    let all = options(&[(1, &[0x05, 0x78]), (3, CHAP_MD5), (7, &[]), (8, &[]), (13, &[6])]);
    bench.receive(CONFIGURE_REQUEST, 1, &all);
    bench.expect(CONFIGURE_REJECT, 1, &options(&[(13, &[6])]));
    let wanted = options(&[(1, &[0x05, 0x14]), (3, MSCHAPV2), (8, &[])]);
    assert_eq!(bench.receive(CONFIGURE_REQUEST, 2, &wanted), Some(LcpEvent::Layer(Layer::Up)));
    let authentication = Some(AuthProtocol::MsChapV2);
    assert_eq!(bench.lcp.peer(), PeerOptions { mru: 1300, authentication, pfc: false, acfc: true });
}

#[test]
fn what_the_peer_would_rather_have() {
    for (wish, mru) in [(1300, 1300), (100, MIN_MRU), (0, MIN_MRU), (65535, MAX_MRU)] {
        let mut bench = Bench::open(config());
        let first = bench.request();
        bench.receive(CONFIGURE_NAK, 1, &options(&[(1, &u16::to_be_bytes(wish))]));
        let second = bench.request();
        assert_eq!(second.data, options(&[(1, &mru.to_be_bytes()), (5, &magic_number(&first))]));
    }
    // a magic number of our own choice, not of the peer's; other wishes leave us cold
    let mut bench = Bench::open(config());
    let first = bench.request();
    bench.receive(CONFIGURE_NAK, 1, &options(&[(5, &[1, 2, 3, 4]), (1, &[1]), (3, PAP), (7, &[]), (99, &[])]));
    let second = bench.request();
    assert!(![magic_number(&first), [1, 2, 3, 4]].contains(&magic_number(&second)));
    assert_eq!(second.data, options(&[(1, &[0x05, 0x78]), (5, &magic_number(&second))]));
}

/// SoftEther and others reject everything but the MRU; a server may reject that, too.
#[test]
fn what_the_peer_rejects_is_not_asked_for_again() {
    let mut bench = Bench::open(LcpConfig { compression: true, ..config() });
    let first = bench.request();
    let magic = magic_number(&first);
    bench.receive(CONFIGURE_REJECT, 1, &options(&[(5, &magic), (8, &[])]));
    assert_eq!(bench.request().data, options(&[(1, &[0x05, 0x78])]));
    bench.receive(CONFIGURE_REJECT, 2, &options(&[(1, &[0x05, 0x78])]));
    assert_eq!(bench.request().data, [0; 0]);
    bench.receive(CONFIGURE_ACK, 3, &[]);
    assert_eq!(bench.receive(CONFIGURE_REQUEST, 1, &[]), Some(LcpEvent::Layer(Layer::Up)));
    // without a magic number, our echoes carry zero (RFC 1661 5.8)
    bench.expect(CONFIGURE_ACK, 1, &[]);
    bench.receive(ECHO_REQUEST, 7, &[1, 2, 3, 4]);
    bench.expect(ECHO_REPLY, 7, &[0; 4]);
}

#[test]
fn each_way_to_authenticate_is_suggested_once() {
    let mut bench = Bench::open(config());
    bench.request();
    bench.asked(1, EAP);
    bench.expect(CONFIGURE_NAK, 1, &options(&[(3, MSCHAPV2)]));
    bench.asked(2, EAP);
    bench.expect(CONFIGURE_NAK, 2, &options(&[(3, CHAP_MD5)]));
    assert_eq!(bench.lcp.impasse(), None);
    bench.asked(3, EAP);
    bench.expect(CONFIGURE_REJECT, 3, &options(&[(3, EAP)]));
    assert_eq!(bench.lcp.impasse(), Some("EAP"));
    bench.quiet();
}

/// SoftEther asks for EAP, and takes what our Nak names.
#[test]
fn a_server_that_looks_at_the_nak() {
    let mut bench = Bench::open(config());
    bench.agree();
    bench.asked(1, EAP);
    bench.expect(CONFIGURE_NAK, 1, &options(&[(3, MSCHAPV2)]));
    bench.asked(2, MSCHAPV2);
    bench.expect(CONFIGURE_ACK, 2, &options(&[(3, MSCHAPV2)]));
    assert_eq!(bench.lcp.peer().authentication, Some(AuthProtocol::MsChapV2));
    assert_eq!((bench.lcp.impasse(), bench.lcp.refused_authentication()), (None, None));
}

#[test]
fn a_server_that_walks_down_its_own_list() {
    let mut bench = Bench::open(LcpConfig { accept: vec![AuthProtocol::Pap], ..config() });
    bench.agree();
    for (identifier, authentication) in [(1, EAP), (2, MSCHAPV2), (3, CHAP_MD5)] {
        bench.asked(identifier, authentication);
        bench.expect(CONFIGURE_NAK, identifier, &options(&[(3, PAP)]));
        assert_eq!(bench.lcp.impasse(), None);
    }
    assert_eq!(bench.lcp.refused_authentication().as_deref(), Some("CHAP-MD5"));
    bench.asked(4, PAP);
    assert_eq!(bench.lcp.peer().authentication, Some(AuthProtocol::Pap));
}

/// Windows asks for callback, MRRU and an endpoint discriminator beside EAP: these are rejected first (RFC 1661 5.4), and
/// the peer has not seen any suggestion yet when it asks for EAP again.
#[test]
fn only_a_suggestion_that_was_sent_counts() {
    let mut bench = Bench::open(config());
    bench.agree();
    bench.receive(CONFIGURE_REQUEST, 0, &options(&[(3, EAP), (13, &[6]), (17, &[0x06, 0x4e])]));
    bench.expect(CONFIGURE_REJECT, 0, &options(&[(13, &[6]), (17, &[0x06, 0x4e])]));
    bench.asked(1, EAP);
    bench.expect(CONFIGURE_NAK, 1, &options(&[(3, MSCHAPV2)]));
}

#[test]
fn a_new_negotiation_begins_with_the_first_suggestion() {
    let mut bench = Bench::open(config());
    bench.agree();
    for round in 0..5 {
        bench.asked(2 * round, EAP);
        bench.expect(CONFIGURE_NAK, 2 * round, &options(&[(3, MSCHAPV2)]));
        bench.asked(2 * round + 1, MSCHAPV2);
        bench.expect(CONFIGURE_ACK, 2 * round + 1, &options(&[(3, MSCHAPV2)]));
        assert!(bench.lcp.negotiator.is_opened());
        // which a Terminate-Ack out of the blue brings about (RFC 1661 4.3)
        assert_eq!(bench.receive(TERMINATE_ACK, 0, &[]), Some(LcpEvent::Layer(Layer::Down)));
        bench.agree();
    }
    assert_eq!(bench.lcp.impasse(), None);
}

#[test]
fn an_endless_list_of_the_peer_is_not_remembered() {
    let mut bench = Bench::open(config());
    for wish in 0..5000u16 {
        bench.asked(wish as u8, &[&[0x12, 0x35][..], &wish.to_be_bytes()].concat());
        // an Ack now and then begins the count of Naks anew (RFC 1661 4.6)
        bench.receive(CONFIGURE_REQUEST, wish as u8, &[]);
        bench.sent.clear();
    }
    assert!(bench.lcp.negotiator.policy.refused.len() <= 16);
}

#[test]
fn without_a_way_to_authenticate_it_is_an_impasse_at_once() {
    let mut bench = Bench::open(LcpConfig { accept: Vec::new(), ..config() });
    bench.request();
    bench.asked(1, &[0xc2, 0x23, 0x80]);
    bench.expect(CONFIGURE_REJECT, 1, &options(&[(3, &[0xc2, 0x23, 0x80])]));
    assert_eq!(bench.lcp.impasse(), Some("MS-CHAPv1"));
}

#[test]
fn we_may_demand_authentication_ourselves() {
    let demand = vec![AuthProtocol::MsChapV2, AuthProtocol::ChapMd5, AuthProtocol::Pap];
    let mut bench = Bench::open(LcpConfig { demand: demand.clone(), ..config() });
    bench.request();
    bench.receive(CONFIGURE_NAK, 1, &options(&[(3, EAP)]));
    assert_eq!(bench.lcp.demanded(), Some(AuthProtocol::ChapMd5));
    bench.request();
    bench.receive(CONFIGURE_NAK, 2, &options(&[(3, PAP)]));
    assert_eq!(bench.lcp.demanded(), Some(AuthProtocol::Pap));
    bench.request();
    bench.receive(CONFIGURE_NAK, 3, &options(&[(3, EAP)]));
    assert_eq!(bench.lcp.impasse(), Some("EAP"));
    let mut bench = Bench::open(LcpConfig { demand, ..config() });
    bench.request();
    bench.receive(CONFIGURE_REJECT, 1, &options(&[(3, MSCHAPV2)]));
    assert_eq!(bench.lcp.impasse(), Some("no authentication"));
}

#[test]
fn our_own_packets_come_back() {
    let mut bench = Bench::open(config());
    let mut packets = 0;
    while !bench.lcp.is_looped_back() {
        let packet = bench.sent.pop_front().expect("a packet");
        bench.receive(packet.code, packet.identifier, &packet.data);
        packets += 1;
        assert!(packets < 10);
    }
}

#[test]
fn magic_numbers_that_collide_by_chance_are_no_loop() {
    let mut bench = Bench::open(config());
    for round in 0..5 {
        let request = bench.request();
        let magic = magic_number(&request);
        bench.receive(CONFIGURE_REQUEST, 2 * round, &options(&[(5, &magic)]));
        assert_eq!(bench.sent.pop_front().map(|nak| nak.code), Some(CONFIGURE_NAK));
        bench.receive(CONFIGURE_ACK, request.identifier, &request.data);
        bench.receive(CONFIGURE_REQUEST, 2 * round + 1, &options(&[(5, &[1, 2, 3, 4])]));
        bench.expect(CONFIGURE_ACK, 2 * round + 1, &options(&[(5, &[1, 2, 3, 4])]));
        assert!(bench.lcp.negotiator.is_opened());
        bench.receive(TERMINATE_ACK, 0, &[]);
    }
    assert!(!bench.lcp.is_looped_back());
}

#[test]
fn echoes_are_answered_with_our_magic_number() {
    let mut bench = Bench::open(config());
    let magic = magic_number(&bench.sent[0]);
    // SoftEther sends them before LCP is open: silently discarded (RFC 1661 5.8)
    let early = [&[0; 4][..], b"Aho Baka Manuke"].concat();
    assert_eq!(bench.receive(ECHO_REQUEST, 1, &early), None);
    bench.agree();
    bench.receive(ECHO_REQUEST, 2, &early);
    bench.quiet();
    bench.receive(CONFIGURE_REQUEST, 1, &options(&[(1, &[0x02, 0x40])]));
    bench.sent.clear();
    bench.receive(ECHO_REQUEST, 3, &early);
    bench.expect(ECHO_REPLY, 3, &[&magic[..], b"Aho Baka Manuke"].concat());
    // an answer is no longer than the peer's MRU (RFC 1661 5.8), here 576 with the header
    bench.receive(ECHO_REQUEST, 4, &[0xaa; 2000]);
    bench.expect(ECHO_REPLY, 4, &[&magic[..], &[0xaa; 568]].concat());
    // one without a magic number cannot be read
    bench.receive(ECHO_REQUEST, 5, &[1, 2, 3]);
    bench.quiet();
}

#[test]
fn what_needs_no_answer_gets_none() {
    let mut bench = Bench::opened(config(), &[]);
    for code in [ECHO_REPLY, DISCARD_REQUEST, IDENTIFICATION, TIME_REMAINING] {
        for data in [&[][..], &[0, 0, 0, 0, b'x']] {
            assert_eq!(bench.receive(code, 1, data), None);
        }
    }
    bench.quiet();
    bench.receive(14, 9, &[]);
    bench.expect(CODE_REJECT, 2, &[14, 9, 0, 4]);
    bench.receive(0, 9, &[]);
    bench.expect(CODE_REJECT, 3, &[0, 9, 0, 4]);
}

fn echoing(failure: u32) -> LcpConfig {
    LcpConfig { echo_interval: Some(seconds(5.0)), echo_failure: failure, ..config() }
}

#[test]
fn a_peer_that_stops_answering_echoes_is_noticed() {
    let mut bench = Bench::opened(echoing(2), &[]);
    assert_eq!(bench.at(4.99), None);
    bench.quiet();
    assert_eq!(bench.at(14.99), None);
    for identifier in [1, 2] {
        let echo = bench.sent.pop_front().unwrap();
        assert_eq!((echo.code, echo.identifier, echo.data.len()), (ECHO_REQUEST, identifier, 4));
    }
    bench.quiet();
    assert_eq!(bench.at(15.0), Some(LcpEvent::EchoUnanswered));
    assert_eq!(bench.lcp.poll_timeout(), None);
}

#[test]
fn any_sign_of_life_is_as_good_as_an_answer() {
    let mut bench = Bench::opened(echoing(2), &[]);
    for second in 0..100 {
        assert_eq!(bench.at(f64::from(second)), None);
        match second % 10 {
            // ogital's has magic number 0
            0 => assert_eq!(bench.receive(ECHO_REPLY, 1, &[0; 4]), None),
            9 => bench.lcp.heard(),
            _ => {}
        }
    }
    assert_eq!(bench.sent.len(), 19);
}

#[test]
fn echoes_may_stay_unanswered_for_ever_where_nobody_counts() {
    let mut bench = Bench::opened(echoing(0), &[]);
    assert_eq!(bench.at(600.0), None);
    assert_eq!(bench.sent.len(), 120);
}

#[test]
fn echoes_end_with_the_link() {
    for code in [TERMINATE_REQUEST, TERMINATE_ACK, CONFIGURE_REQUEST] {
        let mut bench = Bench::opened(echoing(2), &[]);
        assert_eq!(bench.receive(code, 1, &[]), Some(LcpEvent::Layer(Layer::Down)));
        bench.at(100.0);
        assert!(bench.sent.iter().all(|packet| packet.code != ECHO_REQUEST));
        assert_eq!((bench.lcp.negotiator.state(), bench.lcp.poll_timeout()), (State::Stopped, None));
    }
}

/// RFC 1661 4.3, RXJ+: the implementation must stop sending what the peer does not know.
#[test]
fn a_peer_without_echoes_gets_no_more_of_them() {
    let mut bench = Bench::opened(echoing(2), &[]);
    bench.at(5.0);
    let echo = bench.sent.pop_front().unwrap();
    let rejected = [&[echo.code, echo.identifier, 0, 8][..], &echo.data].concat();
    assert_eq!(bench.receive(CODE_REJECT, 1, &rejected), None);
    assert_eq!(bench.at(600.0), None);
    bench.quiet();
    assert!(bench.lcp.negotiator.is_opened());
}

#[test]
fn an_echo_interval_that_is_no_time_or_all_time_is_none() {
    for interval in [Duration::ZERO, Duration::MAX] {
        let bench = Bench::opened(LcpConfig { echo_interval: Some(interval), ..config() }, &[]);
        assert_eq!(bench.lcp.poll_timeout(), None);
    }
}

#[test]
fn protocols_are_rejected_on_the_open_link_only() {
    let mut bench = Bench::open(config());
    let mut out = Outbox::default();
    bench.lcp.reject_protocol(Protocol::CCP, &[1, 2, 3], &mut out);
    assert_eq!(bench.receive(PROTOCOL_REJECT, 1, &[0x80, 0x21]), None);
    assert_eq!(sent(&mut out), []);
    let mut bench = Bench::opened(config(), &[]);
    bench.lcp.reject_protocol(Protocol::CCP, &[1, 2, 3], &mut bench.out);
    bench.lcp.reject_protocol(Protocol(0x002d), &[7; 1400], &mut bench.out);
    bench.receive(DISCARD_REQUEST, 0, &[0; 4]);
    bench.expect(PROTOCOL_REJECT, 1, &[0x80, 0xfd, 1, 2, 3]);
    bench.expect(PROTOCOL_REJECT, 2, &[&[0x00, 0x2d][..], &[7; 128]].concat());
    assert_eq!(bench.receive(PROTOCOL_REJECT, 1, &[0x80, 0x57, 1]), Some(LcpEvent::ProtocolRejected(Protocol::IPV6CP)));
    assert_eq!(bench.receive(PROTOCOL_REJECT, 1, &[0x80]), None);
    bench.quiet();
}

/// A survey, which suggests what is not known yet.
fn survey() -> Bench {
    let accept = vec![AuthProtocol::Eap, AuthProtocol::MsChapV2, AuthProtocol::ChapMd5, AuthProtocol::Pap];
    let now = start();
    let mut lcp = Lcp::new(LcpConfig { accept, ..config() }, Entropy::new([3; 32]));
    lcp.survey();
    let mut bench = Bench { lcp, now, began: now, out: Outbox::default(), sent: VecDeque::new() };
    for event in [Event::Open, Event::Up] {
        bench.lcp.event(now, event, &mut bench.out);
    }
    bench.sent.extend(sent(&mut bench.out));
    bench.agree();
    assert_eq!(bench.lcp.offered(), None, "it has not asked for anything");
    bench
}

#[test]
fn a_survey_agrees_to_nothing_and_suggests_the_rest() {
    let mut bench = survey();
    bench.asked(1, MSCHAPV2);
    bench.expect(CONFIGURE_NAK, 1, &options(&[(3, EAP)]));
    // it takes what was suggested
    bench.asked(2, EAP);
    bench.expect(CONFIGURE_NAK, 2, &options(&[(3, CHAP_MD5)]));
    // it does not, and comes back to what it had
    bench.asked(3, MSCHAPV2);
    bench.expect(CONFIGURE_NAK, 3, &options(&[(3, PAP)]));
    assert_eq!(bench.lcp.impasse(), None);
    bench.asked(4, PAP);
    bench.expect(CONFIGURE_REJECT, 4, &options(&[(3, PAP)]));
    assert_eq!(bench.lcp.impasse(), Some("PAP"));
    assert_eq!(bench.lcp.offered().unwrap(), ["MS-CHAPv2", "EAP", "PAP"]);
}

#[test]
fn a_survey_ends_with_a_peer_that_does_not_look_at_suggestions() {
    let mut bench = survey();
    for identifier in 1..=4 {
        bench.asked(identifier, PAP);
    }
    assert_eq!(bench.lcp.impasse(), Some("PAP"));
    assert_eq!(bench.lcp.offered().unwrap(), ["PAP"]);
}

#[test]
fn a_survey_notes_what_it_does_not_know_and_is_bounded() {
    let mut bench = survey();
    for identifier in 1..=100 {
        bench.asked(identifier, &[0xc2, 0x23, identifier | 0x80]);
    }
    assert_eq!(bench.lcp.offered().unwrap().len(), MAX_REFUSED);
}

#[test]
fn a_survey_of_a_peer_without_authentication() {
    let mut bench = survey();
    bench.receive(CONFIGURE_REQUEST, 1, &[]);
    assert_eq!(bench.lcp.offered().unwrap(), [""; 0]);
}
