//! The phases of a link, the server played by the test frame by frame.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::auth::Answer;
use super::super::auth::{AuthProtocol, Credentials};
use super::super::eap::{EapConfig, EapMethod};
use super::super::lcp::LcpConfig;
use super::super::testing::{Sent, options, seconds, sent, start};
use super::super::{Ipv4Parameters, Ipv6Parameters};

use super::*;
use crate::wire::auth::{chap_code, pap_code};
use crate::wire::eap::{eap_code, eap_type};
use crate::wire::ip::IpVersion;
use crate::wire::ppp::code::{
    CODE_REJECT, CONFIGURE_ACK, CONFIGURE_NAK, CONFIGURE_REJECT, CONFIGURE_REQUEST, ECHO_REQUEST, PROTOCOL_REJECT,
    TERMINATE_ACK, TERMINATE_REQUEST,
};

const PAP: &[u8] = &[0xc0, 0x23];
const CHAP_MD5: &[u8] = &[0xc2, 0x23, 0x05];
const MSCHAPV2: &[u8] = &[0xc2, 0x23, 0x81];

const OWN: [u8; 4] = [10, 0, 0, 2];
const SERVER: [u8; 4] = [10, 0, 0, 1];

fn config() -> Config {
    Config {
        lcp: LcpConfig {
            mru: 1500,
            compression: false,
            accept: vec![AuthProtocol::MsChapV2, AuthProtocol::ChapMd5, AuthProtocol::Pap],
            demand: Vec::new(),
            echo_interval: None,
            echo_failure: 0,
        },
        credentials: Credentials {
            user_name: "alice".to_owned(),
            anonymous_identity: None,
            password: "secret".to_owned().into(),
        },
        eap: EapConfig::default(),
        answers: Vec::new(),
        may_ask: false,
        bypassed: false,
        ipv4: Some(Ipv4Addr::UNSPECIFIED),
        ipv6: false,
    }
}

/// A link, its clock, and what came out of it.
struct Bench {
    ppp: Ppp,
    now: Instant,
    sent: VecDeque<Sent>,
    events: VecDeque<Event>,
    finished: usize,
    /// Identifier of the test's own requests.
    identifier: u8,
}

impl Bench {
    /// A link whose lower layer has just come up.
    fn up(config: Config) -> Self {
        let now = start();
        let ppp = Ppp::new(config, Entropy::new([8; 32]));
        let (sent, events) = (VecDeque::new(), VecDeque::new());
        let mut bench = Bench { ppp, now, sent, events, finished: 0, identifier: 0x80 };
        bench.ppp.lower_up(now, Duration::ZERO);
        bench.poll();
        bench
    }

    /// A link on which LCP is open, and the server wants us to authenticate ourselves so.
    fn authenticating(config: Config, protocol: &[u8]) -> Self {
        let mut bench = Bench::up(config);
        bench.establish(&[(3, protocol)]);
        bench.phase(Phase::Establish);
        bench.phase(Phase::Authenticate);
        bench
    }

    /// A link in the network phase, without authentication; its network control protocols have sent their requests.
    fn network(config: Config) -> Self {
        let mut bench = Bench::up(config);
        bench.establish(&[]);
        bench.phase(Phase::Establish);
        bench.phase(Phase::Network);
        bench.authenticated();
        bench
    }

    /// A link with IPv4 up.
    fn connected() -> Self {
        let mut bench = Bench::network(config());
        bench.give(Protocol::IPCP, &[(3, &OWN)], &[(3, &SERVER)]);
        let parameters = bench.event_up();
        assert_eq!(parameters.ipv4.map(|ipv4| ipv4.address), Some(OWN.into()));
        bench
    }

    fn poll(&mut self) {
        while let Some(frame) = self.ppp.poll_frame() {
            let mut out = Outbox::default();
            out.push(frame.protocol, |information| information.extend_from_slice(&frame.information));
            self.sent.extend(sent(&mut out));
        }
        while let Some(event) = self.ppp.poll_event() {
            assert_eq!(self.finished, 0, "{event:?} after the end");
            self.finished += usize::from(matches!(event, Event::Finished(_)));
            self.events.push_back(event);
        }
    }

    /// A frame arrives; its packet may be unreadable.
    fn receive(&mut self, protocol: Protocol, code: u8, identifier: u8, data: &[u8]) {
        let mut information = Vec::new();
        ControlPacket { code, identifier, data }.emit(&mut information);
        let _ = self.ppp.handle_frame(self.now, protocol, &information);
        self.poll();
    }

    /// The server sends a Configure-Request, and takes ours as it is.
    fn agree(&mut self, protocol: Protocol, server: &[(u8, &[u8])]) {
        self.identifier += 1;
        self.receive(protocol, CONFIGURE_REQUEST, self.identifier, &options(server));
        let request = self.request(protocol);
        self.receive(protocol, CONFIGURE_ACK, request.identifier, &request.data);
    }

    fn establish(&mut self, server: &[(u8, &[u8])]) {
        self.agree(Protocol::LCP, server);
        let ack =
            Sent { protocol: Protocol::LCP, code: CONFIGURE_ACK, identifier: self.identifier, data: options(server) };
        assert_eq!(self.sent.pop_front(), Some(ack));
    }

    /// The server gives us these options by a Nak, rejects the rest, and asks for its own.
    fn give(&mut self, protocol: Protocol, ours: &[(u8, &[u8])], server: &[(u8, &[u8])]) {
        let request = self.request(protocol);
        let unwanted: Vec<_> = crate::wire::ppp::Options::new(&request.data)
            .flatten()
            .filter(|option| !ours.iter().any(|(kind, _)| *kind == option.kind))
            .collect();
        let mut rejected = Vec::new();
        unwanted.iter().for_each(|option| option.emit(&mut rejected));
        if !rejected.is_empty() {
            self.receive(protocol, CONFIGURE_REJECT, request.identifier, &rejected);
        }
        let identifier = if rejected.is_empty() { request.identifier } else { self.request(protocol).identifier };
        self.receive(protocol, CONFIGURE_NAK, identifier, &options(ours));
        self.agree(protocol, server);
        self.sent.retain(|packet| packet.protocol != protocol);
    }

    /// Our last Configure-Request for this protocol; what was sent before it is forgotten.
    #[track_caller]
    fn request(&mut self, protocol: Protocol) -> Sent {
        let wanted = |packet: &Sent| packet.protocol == protocol && packet.code == CONFIGURE_REQUEST;
        let at = self.sent.iter().position(wanted).expect("a request");
        self.sent.remove(at).expect("a request")
    }

    /// The event that authentication is over, and what the owner of the link does about it.
    #[track_caller]
    fn authenticated(&mut self) {
        assert!(matches!(self.events.pop_front(), Some(Event::Authenticated(_))), "{:?}", self.events);
        self.ppp.open_network(self.now);
        self.poll();
    }

    #[track_caller]
    fn phase(&mut self, expected: Phase) {
        match self.events.pop_front() {
            Some(Event::Phase(phase)) => assert_eq!(phase, expected),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn event_up(&mut self) -> NetworkParameters {
        match self.events.pop_front() {
            Some(Event::Up(parameters)) => parameters,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn event_changed(&mut self) -> NetworkParameters {
        match self.events.pop_front() {
            Some(Event::Changed(parameters)) => parameters,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn event_finished(&mut self) -> Option<Failure> {
        match self.events.pop_front() {
            Some(Event::Finished(failure)) => failure,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn expect(&mut self, protocol: Protocol, code: u8, identifier: u8, data: &[u8]) {
        assert_eq!(self.sent.pop_front(), Some(Sent { protocol, code, identifier, data: data.to_vec() }));
    }

    #[track_caller]
    fn quiet(&self) {
        assert_eq!(self.sent, []);
        assert!(self.events.is_empty(), "{:?}", self.events);
    }

    /// Goes on for so long; timers run out on the way.
    fn pass(&mut self, time: f64) {
        let end = self.now + seconds(time);
        while let Some(next) = self.ppp.poll_timeout().filter(|next| *next <= end) {
            assert!(next >= self.now, "a timer in the past");
            self.now = next;
            self.ppp.handle_timeout(self.now);
            self.poll();
            assert!(self.ppp.poll_timeout() != Some(next), "a timer that does not stop");
        }
        self.now = end;
    }

    /// The link terminates for this reason, the server agreeing at once.
    #[track_caller]
    fn fails(&mut self, expected: &Failure) {
        self.phase(Phase::Terminate);
        let terminate = self.sent.pop_back().expect("a Terminate-Request");
        assert_eq!((terminate.protocol, terminate.code), (Protocol::LCP, TERMINATE_REQUEST));
        assert!(self.events.is_empty(), "{:?}", self.events);
        self.receive(Protocol::LCP, TERMINATE_ACK, terminate.identifier, &[]);
        assert_eq!(self.event_finished().as_ref(), Some(expected));
        assert_eq!(self.ppp.poll_timeout(), None);
        self.pass(1000.0);
        assert!(self.events.is_empty(), "{:?}", self.events);
    }
}

const WRONG_PASSWORD: Failure = Failure::AuthenticationFailed { code: None, message: String::new() };

#[test]
fn from_the_first_frame_to_the_last() {
    let mut bench = Bench::up(Config { ipv6: true, ..config() });
    bench.phase(Phase::Establish);
    bench.establish(&[(1, &[0x05, 0x78]), (3, CHAP_MD5), (5, &[1, 2, 3, 4]), (8, &[])]);
    bench.phase(Phase::Authenticate);
    bench.quiet();
    assert_eq!(bench.ppp.peer().mru, 1400);

    bench.receive(Protocol::CHAP, chap_code::CHALLENGE, 7, b"\x04abcdserver");
    assert_eq!(bench.sent.pop_front().map(|response| (response.code, response.identifier)), Some((2, 7)));
    bench.receive(Protocol::CHAP, chap_code::SUCCESS, 7, b"");
    bench.phase(Phase::Network);
    assert_eq!(bench.sent, [], "nothing before the owner of the link says so");
    bench.authenticated();

    let own = bench.sent[1].data[2..].to_vec();
    bench.give(Protocol::IPCP, &[(3, &OWN), (129, &[10, 0, 0, 53])], &[(3, &SERVER)]);
    let dns = vec![Ipv4Addr::new(10, 0, 0, 53)];
    let ipv4 = Ipv4Parameters { address: OWN.into(), peer: Some(SERVER.into()), dns, nbns: vec![] };
    let mut up = NetworkParameters {
        ipv4: Some(ipv4),
        ipv6: None,
        mtu: 1400,
        authentication: Some(AuthProtocol::ChapMd5),
        eap_method: None,
    };
    assert_eq!(bench.event_up(), up);
    assert!(bench.ppp.is_open(IpVersion::V4) && !bench.ppp.is_open(IpVersion::V6));
    bench.agree(Protocol::IPV6CP, &[(1, &[0, 0, 0, 0, 0, 0, 0, 1])]);
    let mut link_local = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    link_local[8..].copy_from_slice(&own);
    up.ipv6 = Some(Ipv6Parameters { link_local: link_local.into(), peer: "fe80::1".parse::<Ipv6Addr>().ok() });
    assert_eq!(bench.event_changed(), up);
    assert!(bench.ppp.is_open(IpVersion::V6));
    bench.sent.clear();
    bench.pass(3600.0);
    bench.quiet();

    bench.ppp.close(bench.now);
    bench.poll();
    assert!(!bench.ppp.is_open(IpVersion::V4) && !bench.ppp.is_open(IpVersion::V6));
    bench.phase(Phase::Terminate);
    let terminate = bench.sent.pop_front().unwrap();
    bench.receive(Protocol::LCP, TERMINATE_ACK, terminate.identifier, &[]);
    assert_eq!(bench.event_finished(), None);
    bench.quiet();
}

/// The server that stays silent until it hears us, and the one that speaks first.
#[test]
fn we_speak_first_and_may_be_spoken_to_first() {
    let bench = Bench::up(config());
    assert_eq!(bench.sent.len(), 1);
    let mut bench = Bench::up(config());
    bench.receive(Protocol::LCP, CONFIGURE_REQUEST, 1, &options(&[(3, MSCHAPV2)]));
    let request = bench.request(Protocol::LCP);
    bench.expect(Protocol::LCP, CONFIGURE_ACK, 1, &options(&[(3, MSCHAPV2)]));
    bench.receive(Protocol::LCP, CONFIGURE_ACK, request.identifier, &request.data);
    bench.phase(Phase::Establish);
    bench.phase(Phase::Authenticate);
}

#[test]
fn nothing_but_lcp_and_authentication_before_the_network_phase() {
    let others = [Protocol::IPCP, Protocol::IPV6CP, Protocol::CCP, Protocol::EAP, Protocol::PAP, Protocol(0x00fd)];
    let mut bench = Bench::up(config());
    bench.events.clear();
    bench.sent.clear();
    for protocol in others.into_iter().chain([Protocol::CHAP]) {
        bench.receive(protocol, CONFIGURE_REQUEST, 1, &options(&[(3, &SERVER)]));
    }
    bench.quiet();
    // RFC 1661 3.5: silently discarded
    let mut bench = Bench::authenticating(config(), CHAP_MD5);
    for protocol in others {
        bench.receive(protocol, CONFIGURE_REQUEST, 1, &options(&[(3, &SERVER)]));
    }
    bench.quiet();
    // RFC 1661 3.7: and in the Termination phase too
    let mut bench = Bench::connected();
    bench.ppp.close(bench.now);
    bench.poll();
    bench.events.clear();
    bench.sent.clear();
    for protocol in others.into_iter().chain([Protocol::CHAP]) {
        bench.receive(protocol, CONFIGURE_REQUEST, 1, &options(&[(3, &SERVER)]));
    }
    bench.quiet();
}

#[test]
fn protocols_that_we_do_not_speak_are_rejected_in_the_network_phase() {
    let mut bench = Bench::connected();
    for (at, protocol) in
        [Protocol::CCP, Protocol::IPV6CP, Protocol::EAP, Protocol::PAP, Protocol(0x00fd)].iter().enumerate()
    {
        bench.receive(*protocol, 1, 9, &[1, 2]);
        let rejected = [&protocol.0.to_be_bytes()[..], &[1, 9, 0, 6, 1, 2]].concat();
        bench.expect(Protocol::LCP, PROTOCOL_REJECT, at as u8 + 1, &rejected);
    }
    bench.quiet();
}

#[test]
fn a_server_that_hangs_up_while_it_judges_our_answer_has_refused_it() {
    // PAP has spoken as soon as the link is up
    let mut bench = Bench::authenticating(config(), PAP);
    assert_eq!(bench.ppp.lower_down(LowerDown::WithoutReason), Some(WRONG_PASSWORD));
    for protocol in [CHAP_MD5, MSCHAPV2] {
        let mut bench = Bench::authenticating(config(), protocol);
        assert_eq!(bench.ppp.lower_down(LowerDown::WithoutReason), None, "nothing to judge yet");
        let mut bench = Bench::authenticating(config(), protocol);
        bench.receive(Protocol::CHAP, chap_code::CHALLENGE, 7, &[&[16][..], &[1; 16], b"server"].concat());
        assert_eq!(bench.ppp.lower_down(LowerDown::WithoutReason), Some(WRONG_PASSWORD));
    }
    assert_eq!(Bench::connected().ppp.lower_down(LowerDown::WithoutReason), None);
    // one that says why has another reason
    let mut bench = Bench::authenticating(config(), PAP);
    assert_eq!(bench.ppp.lower_down(LowerDown::WithReason), None);
}

#[test]
fn a_terminate_request_may_be_the_only_sign_of_a_wrong_password() {
    for (answered, failure) in [(false, Failure::Terminated), (true, WRONG_PASSWORD)] {
        let mut bench = Bench::authenticating(config(), CHAP_MD5);
        if answered {
            bench.receive(Protocol::CHAP, chap_code::CHALLENGE, 7, b"\x04abcdserver");
            bench.sent.clear();
        }
        bench.receive(Protocol::LCP, TERMINATE_REQUEST, 9, &[]);
        bench.expect(Protocol::LCP, TERMINATE_ACK, 9, &[]);
        bench.phase(Phase::Terminate);
        bench.quiet();
        bench.pass(1.0);
        assert_eq!(bench.event_finished(), Some(failure.clone()));
        // or, as it closes the connection meanwhile
        let mut bench = Bench::authenticating(config(), CHAP_MD5);
        if answered {
            bench.receive(Protocol::CHAP, chap_code::CHALLENGE, 7, b"\x04abcdserver");
        }
        bench.receive(Protocol::LCP, TERMINATE_REQUEST, 9, &[]);
        assert_eq!(bench.ppp.lower_down(LowerDown::WithoutReason), Some(failure));
    }
}

#[test]
fn what_was_no_part_of_the_authentication_is_why_it_ends() {
    let short = [&[8][..], &[1; 8], b"server"].concat();
    let stalled = |failure: Option<Failure>| matches!(failure, Some(Failure::Stalled(what)) if what.offset == 0);
    for how in [LowerDown::TimedOut, LowerDown::WithoutReason] {
        let mut bench = Bench::authenticating(config(), MSCHAPV2);
        bench.receive(Protocol::CHAP, chap_code::CHALLENGE, 7, &short);
        assert!(stalled(bench.ppp.lower_down(how)));
    }
    let mut bench = Bench::authenticating(config(), MSCHAPV2);
    bench.receive(Protocol::CHAP, chap_code::CHALLENGE, 7, &short);
    assert_eq!(bench.ppp.lower_down(LowerDown::WithReason), None);
    let mut bench = Bench::authenticating(config(), MSCHAPV2);
    bench.receive(Protocol::CHAP, chap_code::CHALLENGE, 7, &short);
    bench.receive(Protocol::LCP, TERMINATE_REQUEST, 9, &[]);
    assert!(stalled(bench.ppp.lower_down(LowerDown::WithoutReason)));
    // but not once the authentication is over
    let mut bench = Bench::authenticating(config(), CHAP_MD5);
    bench.receive(Protocol::CHAP, chap_code::CHALLENGE, 7, b"\x04abcdserver");
    bench.receive(Protocol::CHAP, chap_code::SUCCESS, 7, &[]);
    bench.receive(Protocol::CHAP, chap_code::SUCCESS, 99, &[]);
    assert_eq!(bench.ppp.lower_down(LowerDown::WithoutReason), None);
}

#[test]
fn nobody_is_asked_once_the_authentication_is_over() {
    let question = Question::OneTimeCode { text: String::new() };
    let answers = vec![Answer { question, text: "123456".to_owned().into() }];
    let mut bench = Bench::authenticating(Config { answers, may_ask: true, ..config() }, PAP);
    assert_eq!(bench.ppp.config.answers.len(), 1);
    bench.receive(Protocol::PAP, pap_code::AUTHENTICATE_ACK, 1, &[]);
    assert!(bench.ppp.config.answers.is_empty());
    // a question on a link that stays, or is negotiated anew, is one to nobody
    bench.ppp.ask(bench.now, Question::OneTimeCode { text: "Code?".to_owned() });
    bench.poll();
    assert!(!bench.events.iter().any(|event| matches!(event, Event::Asks(_))), "{:?}", bench.events);
    assert!(matches!(bench.ppp.failure, Some(Failure::NobodyToAsk(_))));
}

#[test]
fn a_refusal_in_words() {
    let mut bench = Bench::authenticating(config(), PAP);
    bench.receive(Protocol::PAP, pap_code::AUTHENTICATE_NAK, 1, b"\x02no");
    bench.fails(&Failure::AuthenticationFailed { code: None, message: "no".to_owned() });
    let mut bench = Bench::authenticating(config(), MSCHAPV2);
    bench.receive(Protocol::CHAP, chap_code::CHALLENGE, 7, &[&[16][..], &[1; 16], b"server"].concat());
    bench.receive(Protocol::CHAP, chap_code::FAILURE, 7, b"E=691 R=0 C=00112233445566778899AABBCCDDEEFF V=3");
    // what follows from the server changes nothing
    bench.receive(Protocol::LCP, TERMINATE_REQUEST, 9, &[]);
    assert_eq!(bench.sent.pop_back().map(|packet| packet.code), Some(TERMINATE_ACK));
    bench.fails(&Failure::AuthenticationFailed { code: Some(691), message: String::new() });
}

#[test]
fn a_server_without_proof_is_left() {
    let mut bench = Bench::authenticating(config(), MSCHAPV2);
    bench.receive(Protocol::CHAP, chap_code::CHALLENGE, 7, &[&[16][..], &[1; 16], b"server"].concat());
    bench.receive(Protocol::CHAP, chap_code::SUCCESS, 7, b"S=0000000000000000000000000000000000000000");
    bench.fails(&Failure::PeerNotAuthentic);
}

#[test]
fn a_server_that_does_not_answer_pap() {
    let mut bench = Bench::authenticating(config(), PAP);
    bench.pass(30.0);
    bench.fails(&Failure::Unanswered(Protocol::PAP));
}

#[test]
fn a_server_that_never_comes_to_an_end_with_chap() {
    for answered in [false, true] {
        let mut bench = Bench::authenticating(config(), CHAP_MD5);
        for second in 0..59u8 {
            bench.pass(1.0);
            if answered {
                bench.receive(Protocol::CHAP, chap_code::CHALLENGE, second, b"\x04abcdserver");
            }
        }
        bench.sent.clear();
        bench.quiet();
        bench.pass(1.0);
        bench.fails(&Failure::Unanswered(Protocol::CHAP));
    }
    // where it does come to one, the time is forgotten
    let mut bench = Bench::authenticating(config(), CHAP_MD5);
    bench.pass(59.0);
    bench.receive(Protocol::CHAP, chap_code::CHALLENGE, 1, b"\x04abcdserver");
    bench.receive(Protocol::CHAP, chap_code::SUCCESS, 1, b"");
    bench.phase(Phase::Network);
    bench.authenticated();
    bench.give(Protocol::IPCP, &[(3, &OWN)], &[]);
    bench.event_up();
    bench.pass(1000.0);
    assert_eq!(bench.finished, 0);
}

/// A server that waits for a second factor, or for RADIUS, may do nothing else meanwhile.
#[test]
fn echoes_may_stay_unanswered_while_the_server_authenticates() {
    let lcp = LcpConfig { echo_interval: Some(seconds(5.0)), echo_failure: 2, ..config().lcp };
    let mut bench = Bench::authenticating(Config { lcp, ..config() }, CHAP_MD5);
    bench.receive(Protocol::CHAP, chap_code::CHALLENGE, 1, b"\x04abcdserver");
    bench.pass(59.0);
    bench.receive(Protocol::CHAP, chap_code::SUCCESS, 1, b"");
    bench.phase(Phase::Network);
    bench.authenticated();
    bench.give(Protocol::IPCP, &[(3, &OWN)], &[]);
    bench.event_up();
    // from here on they count
    bench.sent.clear();
    bench.pass(11.0);
    bench.fails(&Failure::EchoUnanswered);
}

#[test]
fn no_way_to_authenticate_in_common() {
    let mut bench = Bench::up(Config { lcp: LcpConfig { accept: vec![], ..config().lcp }, ..config() });
    bench.phase(Phase::Establish);
    bench.receive(Protocol::LCP, CONFIGURE_REQUEST, 1, &options(&[(3, PAP)]));
    bench.fails(&Failure::NoCommonAuthentication { asked: "PAP".to_owned() });
    // the server says it itself, after our Nak
    let mut bench = Bench::up(config());
    bench.phase(Phase::Establish);
    bench.receive(Protocol::LCP, CONFIGURE_REQUEST, 1, &options(&[(3, &[0xc2, 0x27])]));
    bench.receive(Protocol::LCP, TERMINATE_REQUEST, 2, &[]);
    assert_eq!(bench.event_finished(), Some(Failure::NoCommonAuthentication { asked: "EAP".to_owned() }));
    assert_eq!(bench.ppp.poll_timeout(), None);
}

#[test]
fn lcp_does_not_come_up() {
    let mut bench = Bench::up(config());
    bench.pass(27.0);
    bench.phase(Phase::Establish);
    assert_eq!(bench.event_finished(), Some(Failure::Unanswered(Protocol::LCP)));
    let mut bench = Bench::up(config());
    for magic in 0..100u8 {
        let Some(request) = bench.sent.pop_back() else { break };
        bench.receive(Protocol::LCP, CONFIGURE_NAK, request.identifier, &options(&[(1, &[5, magic])]));
    }
    bench.phase(Phase::Establish);
    assert_eq!(bench.event_finished(), Some(Failure::NotConverging(Protocol::LCP)));
}

/// The magic number is given up at last, as for a server that cannot have any; but there is nobody to get an address from.
#[test]
fn our_own_frames_come_back() {
    let mut bench = Bench::up(config());
    for _ in 0..100 {
        let Some(packet) = bench.sent.pop_front() else { break };
        bench.receive(packet.protocol, packet.code, packet.identifier, &packet.data);
        if bench.events.iter().any(|event| matches!(event, Event::Authenticated(_))) {
            bench.events.clear();
            bench.ppp.open_network(bench.now);
            bench.poll();
        }
    }
    bench.phase(Phase::Terminate);
    assert_eq!(bench.event_finished(), Some(Failure::NoAddress));
}

#[test]
fn the_server_terminates_the_open_link() {
    let mut bench = Bench::connected();
    bench.receive(Protocol::LCP, TERMINATE_REQUEST, 9, &[]);
    bench.expect(Protocol::LCP, TERMINATE_ACK, 9, &[]);
    assert!(!bench.ppp.is_open(IpVersion::V4));
    bench.phase(Phase::Terminate);
    // it changes its mind, which is too late
    bench.receive(Protocol::LCP, CONFIGURE_REQUEST, 10, &[]);
    bench.quiet();
    bench.pass(1.0);
    assert_eq!(bench.event_finished(), Some(Failure::Terminated));
    assert_eq!(bench.ppp.poll_timeout(), None);
}

#[test]
fn echoes_that_stay_unanswered_end_the_link() {
    let lcp = LcpConfig { echo_interval: Some(seconds(10.0)), echo_failure: 2, ..config().lcp };
    let mut bench = Bench::network(Config { lcp, ..config() });
    bench.give(Protocol::IPCP, &[(3, &OWN)], &[]);
    bench.event_up();
    bench.pass(10.0);
    bench.ppp.heard();
    bench.pass(20.0);
    assert_eq!(bench.sent.iter().map(|packet| packet.code).collect::<Vec<_>>(), [ECHO_REQUEST; 3]);
    bench.pass(10.0);
    bench.fails(&Failure::EchoUnanswered);
}

#[test]
fn ipv6_alone_will_do() {
    for rejected in [false, true] {
        let mut bench = Bench::network(Config { ipv6: true, ..config() });
        bench.agree(Protocol::IPV6CP, &[(1, &[0, 0, 0, 0, 0, 0, 0, 1])]);
        assert!(bench.events.is_empty(), "IPv4 may still come: {:?}", bench.events);
        if rejected {
            bench.receive(Protocol::LCP, PROTOCOL_REJECT, 1, &[0x80, 0x21]);
        } else {
            bench.pass(27.0);
        }
        let up = bench.event_up();
        assert!(up.ipv4.is_none() && up.ipv6.is_some());
    }
    let mut bench = Bench::network(Config { ipv4: None, ipv6: true, ..config() });
    bench.agree(Protocol::IPV6CP, &[]);
    let up = bench.event_up();
    assert_eq!(up.ipv6.map(|ipv6| ipv6.peer), Some(None));
    bench.receive(Protocol::IPCP, CONFIGURE_REQUEST, 1, &[]);
    assert_eq!(bench.sent.pop_back().map(|packet| packet.code), Some(PROTOCOL_REJECT));
}

#[test]
fn no_network_protocol_comes_up() {
    // neither is known to the server
    let mut bench = Bench::network(Config { ipv6: true, ..config() });
    bench.receive(Protocol::LCP, PROTOCOL_REJECT, 1, &[0x80, 0x57]);
    assert!(bench.events.is_empty());
    bench.receive(Protocol::LCP, PROTOCOL_REJECT, 2, &[0x80, 0x21]);
    bench.fails(&Failure::NoNetworkProtocol);
    // or IPCP stays unanswered
    let mut bench = Bench::network(config());
    bench.pass(27.0);
    bench.fails(&Failure::Unanswered(Protocol::IPCP));
    let mut bench = Bench::network(Config { ipv4: None, ipv6: true, ..config() });
    bench.pass(27.0);
    bench.fails(&Failure::Unanswered(Protocol::IPV6CP));
    // or never ends
    let mut bench = Bench::network(config());
    for address in 1..100u8 {
        let Some(request) = bench.sent.pop_back().filter(|packet| packet.protocol == Protocol::IPCP) else { break };
        bench.receive(Protocol::IPCP, CONFIGURE_NAK, request.identifier, &options(&[(3, &[10, 0, 0, address])]));
        if !bench.events.is_empty() {
            break;
        }
    }
    bench.fails(&Failure::NotConverging(Protocol::IPCP));
    // or we want none ourselves
    let mut bench = Bench::network(Config { ipv4: None, ..config() });
    bench.fails(&Failure::NoNetworkProtocol);
}

#[test]
fn no_address_comes_up() {
    let mut bench = Bench::network(config());
    bench.agree(Protocol::IPCP, &[]);
    bench.fails(&Failure::NoAddress);
    let mut bench = Bench::network(config());
    for _ in 0..100 {
        let request = bench.request(Protocol::IPCP);
        bench.receive(Protocol::IPCP, CONFIGURE_NAK, request.identifier, &options(&[(3, &[0; 4])]));
        if !bench.events.is_empty() {
            break;
        }
    }
    bench.fails(&Failure::NoAddress);
}

#[test]
fn ipcp_may_be_negotiated_anew() {
    let mut bench = Bench::connected();
    bench.sent.clear();
    bench.receive(Protocol::IPCP, CONFIGURE_REQUEST, 1, &options(&[(3, &[10, 0, 0, 9])]));
    assert!(!bench.ppp.is_open(IpVersion::V4));
    let request = bench.request(Protocol::IPCP);
    assert_eq!(request.data, options(&[(3, &OWN)]), "the address that we had");
    bench.receive(Protocol::IPCP, CONFIGURE_ACK, request.identifier, &request.data);
    assert_eq!(bench.event_changed().ipv4.and_then(|ipv4| ipv4.peer), Some([10, 0, 0, 9].into()));
    assert!(bench.ppp.is_open(IpVersion::V4));
}

#[test]
fn lcp_may_be_negotiated_anew_with_all_that_follows() {
    let mut bench = Bench::connected();
    bench.sent.clear();
    bench.receive(Protocol::LCP, CONFIGURE_REQUEST, 1, &options(&[(1, &[0x05, 0x14]), (3, PAP)]));
    assert!(!bench.ppp.is_open(IpVersion::V4));
    bench.phase(Phase::Establish);
    let request = bench.request(Protocol::LCP);
    bench.receive(Protocol::LCP, CONFIGURE_ACK, request.identifier, &request.data);
    bench.phase(Phase::Authenticate);
    assert_eq!(bench.sent.pop_back().map(|packet| packet.protocol), Some(Protocol::PAP));
    bench.receive(Protocol::PAP, pap_code::AUTHENTICATE_ACK, 1, b"");
    bench.phase(Phase::Network);
    bench.authenticated();
    bench.give(Protocol::IPCP, &[(3, &OWN)], &[(3, &SERVER)]);
    let changed = bench.event_changed();
    assert_eq!((changed.mtu, changed.authentication), (1300, Some(AuthProtocol::Pap)));
    // and if the server is silent in the middle of that, it ends
    bench.receive(Protocol::LCP, CONFIGURE_REQUEST, 2, &options(&[(3, CHAP_MD5)]));
    bench.phase(Phase::Establish);
    bench.agree(Protocol::LCP, &[(3, CHAP_MD5)]);
    bench.phase(Phase::Authenticate);
    bench.pass(60.0);
    bench.fails(&Failure::Unanswered(Protocol::CHAP));
}

#[test]
fn the_server_takes_ipcp_down() {
    let mut bench = Bench::connected();
    bench.receive(Protocol::IPCP, TERMINATE_REQUEST, 1, &[]);
    bench.fails(&Failure::Terminated);
    // where IPv6 is left, that will do
    let mut bench = Bench::network(Config { ipv6: true, ..config() });
    bench.give(Protocol::IPCP, &[(3, &OWN)], &[]);
    bench.event_up();
    bench.agree(Protocol::IPV6CP, &[]);
    bench.event_changed();
    bench.receive(Protocol::IPCP, TERMINATE_REQUEST, 1, &[]);
    let changed = bench.event_changed();
    assert!(changed.ipv4.is_none() && changed.ipv6.is_some());
    bench.pass(1000.0);
    assert!(bench.events.is_empty());
    bench.receive(Protocol::IPV6CP, TERMINATE_REQUEST, 1, &[]);
    bench.fails(&Failure::Terminated);
}

#[test]
fn challenges_on_the_open_link() {
    let mut bench = Bench::authenticating(config(), CHAP_MD5);
    bench.receive(Protocol::CHAP, chap_code::CHALLENGE, 1, b"\x04abcdserver");
    bench.receive(Protocol::CHAP, chap_code::SUCCESS, 1, b"");
    bench.phase(Phase::Network);
    bench.authenticated();
    bench.give(Protocol::IPCP, &[(3, &OWN)], &[]);
    bench.event_up();
    bench.sent.clear();
    bench.receive(Protocol::CHAP, chap_code::CHALLENGE, 2, b"\x04efghserver");
    assert_eq!(bench.sent.pop_front().map(|response| (response.code, response.identifier)), Some((2, 2)));
    bench.receive(Protocol::CHAP, chap_code::SUCCESS, 2, b"");
    bench.quiet();
    assert!(bench.ppp.is_open(IpVersion::V4));
    bench.receive(Protocol::CHAP, chap_code::CHALLENGE, 3, b"\x04ijklserver");
    bench.receive(Protocol::CHAP, chap_code::FAILURE, 3, b"no more");
    bench.fails(&Failure::AuthenticationFailed { code: None, message: "no more".to_owned() });
}

#[test]
fn we_close_in_any_phase_and_the_server_is_mute() {
    let links: [fn() -> Bench; 6] = [
        || Bench::up(config()),
        || Bench::authenticating(config(), PAP),
        || Bench::authenticating(config(), MSCHAPV2),
        || Bench::network(config()),
        Bench::connected,
        || {
            let mut bench = Bench::connected();
            bench.receive(Protocol::LCP, CODE_REJECT, 1, &[CONFIGURE_REQUEST, 1, 0, 4]);
            bench
        },
    ];
    for link in links {
        let mut bench = link();
        bench.events.clear();
        bench.ppp.close(bench.now);
        bench.poll();
        bench.pass(2.0);
        bench.phase(Phase::Terminate);
        assert_eq!(bench.event_finished(), None);
        bench.sent.clear();
        bench.ppp.close(bench.now);
        bench.pass(100.0);
        bench.receive(Protocol::LCP, CONFIGURE_REQUEST, 1, &[]);
        bench.quiet();
    }
    // a link that never began is over at once
    let mut ppp = Ppp::new(config(), Entropy::new([8; 32]));
    ppp.close(start());
    assert!(matches!(ppp.poll_event(), Some(Event::Phase(Phase::Terminate))));
    assert!(matches!(ppp.poll_event(), Some(Event::Finished(None))));
}

#[test]
fn after_its_end_a_link_says_nothing() {
    let mut bench = Bench::up(config());
    bench.receive(Protocol::LCP, TERMINATE_REQUEST, 1, &[]);
    bench.sent.clear();
    bench.events.clear();
    for second in 0..100u8 {
        bench.now += seconds(1.0);
        bench.ppp.handle_timeout(bench.now);
        bench.ppp.open_network(bench.now);
        bench.receive(Protocol::LCP, CONFIGURE_REQUEST, second, &[]);
    }
    bench.quiet();
}

/// A link on which EAP was agreed to, and its one method refused by a Nak.
fn refused_eap() -> Bench {
    let mut config = config();
    config.lcp.accept = vec![AuthProtocol::Eap, AuthProtocol::MsChapV2];
    config.eap.methods = vec![EapMethod::Gtc];
    let mut bench = Bench::authenticating(config, &[0xc2, 0x27]);
    bench.receive(Protocol::EAP, eap_code::REQUEST, 1, &[eap_type::MSCHAPV2, 1, 1, 0, 4]);
    let nak = bench.sent.pop_back().unwrap();
    assert_eq!((nak.protocol, nak.data), (Protocol::EAP, vec![eap_type::NAK, eap_type::GTC]));
    bench.sent.clear();
    bench.events.clear();
    bench
}

/// SoftEther 5 negotiates MS-CHAPv2 after a Nak of EAP-MSCHAPv2, and then never challenges.
#[test]
fn what_comes_in_the_place_of_eap_and_never_begins() {
    let mut bench = refused_eap();
    bench.establish(&[(3, MSCHAPV2)]);
    let began = bench.now;
    let failure = Failure::NoCommonEapMethod { asked: "EAP-MSCHAPv2".to_owned() };
    while bench.ppp.poll_timeout().is_some() && bench.now < began + seconds(30.0) && bench.finished == 0 {
        bench.now = bench.ppp.poll_timeout().unwrap();
        bench.ppp.handle_timeout(bench.now);
        bench.poll();
        if bench.sent.iter().any(|sent| sent.protocol == Protocol::LCP && sent.code == TERMINATE_REQUEST) {
            assert_eq!(bench.now, began + SECOND_THOUGHTS);
            return assert_eq!(bench.ppp.lower_down(LowerDown::WithReason), Some(failure));
        }
    }
    panic!("it waits on");
}

#[test]
fn what_comes_in_the_place_of_eap_and_begins() {
    let mut bench = refused_eap();
    bench.establish(&[(3, MSCHAPV2)]);
    let challenge = [&[16], &[7; 16][..], b"server"].concat();
    bench.receive(Protocol::CHAP, chap_code::CHALLENGE, 1, &challenge);
    assert!(bench.sent.iter().any(|sent| sent.protocol == Protocol::CHAP && sent.code == chap_code::RESPONSE));
    bench.now += seconds(20.0);
    bench.ppp.handle_timeout(bench.now);
    bench.poll();
    assert_eq!(bench.finished, 0, "a server that has begun has its minute");
}

#[test]
fn a_server_that_gives_up_after_eap_wanted_the_method_that_was_refused() {
    let mut bench = refused_eap();
    // it takes LCP down to negotiate anew, and then ends the link
    bench.receive(Protocol::LCP, CONFIGURE_REQUEST, 9, &options(&[(3, PAP)]));
    bench.receive(Protocol::LCP, TERMINATE_REQUEST, 10, &[]);
    let end = bench.events.pop_back();
    let failure = Failure::NoCommonEapMethod { asked: "EAP-MSCHAPv2".to_owned() };
    assert!(matches!(&end, Some(Event::Finished(Some(found))) if *found == failure), "{end:?}");
}
