//! Every behaviour does what its name says. What a client makes of it is tested elsewhere.

mod hand;

use std::time::Duration;

use hand::{ADDRESS, Pair, config};
use nm_sstp::ppp::Failure;
use nm_sstp::ppp::auth::AuthProtocol;
use nm_sstp::wire::http::{NotHttp, Response};
use nm_sstp::wire::ppp::{Protocol, code};
use nm_sstp::wire::sstp::{ControlMessage, Header, Status};
use nm_sstp::wire::stranger::Stranger;
use sstp_test_server::behaviour::{BreakOff, Phase};
use sstp_test_server::{Behaviour, Config, Event};

/// A connection with this behaviour, half a minute after its begin.
fn played(behaviour: Behaviour, password: &str, methods: &[AuthProtocol]) -> Pair {
    let mut pair = Pair::new(Config { ipv6: true, ..config(&[behaviour]) }, password, methods);
    pair.connect();
    pair.pass(Duration::from_secs(30));
    pair
}

const ALL: [AuthProtocol; 3] = [AuthProtocol::MsChapV2, AuthProtocol::ChapMd5, AuthProtocol::Pap];
const CHAP_SUCCESS: u8 = 3;
const CHAP_FAILURE: u8 = 4;

fn good(behaviour: Behaviour) -> Pair {
    played(behaviour, "hunter2", &ALL)
}

fn wrong_password(behaviour: Behaviour) -> Pair {
    played(behaviour, "hunter3", &ALL)
}

/// Offset in time and information field of the first frame of a kind.
fn first(pair: &Pair, protocol: Protocol, code: u8) -> Option<(Duration, &[u8])> {
    let start = pair.frames.first()?.0;
    let found = pair.frames.iter().find(|frame| frame.1 == protocol && frame.2.first() == Some(&code));
    found.map(|(at, _, information)| (*at - start, &information[..]))
}

/// Data of the first LCP Configure-Request.
fn lcp_options(pair: &Pair) -> Vec<u8> {
    first(pair, Protocol::LCP, code::CONFIGURE_REQUEST).map_or(Vec::new(), |(_, information)| information[4..].to_vec())
}

fn ack(pair: &Pair) -> &[u8] {
    pair.packets.iter().find(|packet| packet[4..6] == [0, 2]).map_or(&[], Vec::as_slice)
}

fn refused_ack(pair: &Pair) -> Option<Status> {
    ControlMessage::parse(ack(pair)).err().map(|refused| refused.status)
}

fn has_message(pair: &Pair, wanted: impl Fn(&ControlMessage) -> bool) -> bool {
    pair.messages.iter().any(wanted)
}

/// Whether a behaviour was seen; a case for each.
fn seen(behaviour: Behaviour) -> bool {
    use Behaviour::*;
    let pair = match behaviour {
        EofOnAuthFailure | TerminateOnAuthFailure | RetryOnAuthFailure => wrong_password(behaviour),
        _ => good(behaviour),
    };
    let chap = |code| first(&pair, Protocol::CHAP, code).map(|(at, octets)| (at, octets[4..].to_vec()));
    match behaviour {
        In(..) => true,
        Http404 | Http503 => pair.closed().is_some_and(|closed| closed.contains("as told")),
        HttpGarbage => Response::parse(&pair.stream) == Err(NotHttp::Syntax),
        HttpEndless => Response::parse(&pair.stream) == Err(NotHttp::TooLong),
        HttpPage | HttpRedirect => Stranger::recognize(&pair.stream) == Some(Stranger::Page),
        Http2Only => Stranger::recognize(&pair.stream) == Some(Stranger::Http2),
        HttpBare => pair.is_up(),
        ConnectNak => has_message(&pair, |message| matches!(message, ControlMessage::CallConnectNak(_))),
        ConnectNakOnce => {
            let mut pair = pair;
            pair.call();
            has_message(&pair, |message| matches!(message, ControlMessage::CallConnectNak(_)))
                && has_message(&pair, |message| matches!(message, ControlMessage::CallConnectAck(_)))
        }
        AckNoHash => ack(&pair)[15] == 0,
        AckUnknownHash => ack(&pair)[15] & 3 == 0 && ack(&pair)[15] != 0,
        AckBadAttribute => refused_ack(&pair) == Some(Status::INVALID_ATTRIB_VALUE_LENGTH),
        AckNoAttribute => refused_ack(&pair) == Some(Status::REQUIRED_ATTRIBUTE_MISSING),
        AckUnknownAttribute => refused_ack(&pair) == Some(Status::UNRECOGNIZED_ATTRIBUTE),
        AckTwice => pair.packets.iter().filter(|packet| packet[4..6] == [0, 2]).count() == 2,
        BadVersion | BadLength => Header::parse(&pair.stream).is_err(),
        UnknownMessage => pair.packets.iter().any(|packet| packet[1] == 1 && packet[5] == 42),
        ShortStatus => {
            let mut pair = pair;
            pair.say(&ControlMessage::CallConnectRequest { encapsulated_protocol: 1 });
            pair.read();
            pair.packets.last().is_some_and(|abort| abort.len() == 16 && abort[5] == 5 && abort[15] == 5)
                && has_message(&pair, |message| matches!(message, ControlMessage::CallAbort(Some(_))))
        }
        SplitWrites => pair.is_up() && pair.writes > pair.packets.len(),
        SplitOctets => pair.is_up() && pair.writes >= pair.packets.iter().map(Vec::len).sum(),
        NeverAnswerEcho | NoDisconnectAck | NoAbortAnswer => {
            let mut pair = pair;
            let (question, answered) = (pair.messages.len(), pair.is_up());
            pair.say(&match behaviour {
                NeverAnswerEcho => ControlMessage::EchoRequest,
                NoDisconnectAck => ControlMessage::CallDisconnect(None),
                _ => ControlMessage::CallAbort(None),
            });
            pair.read();
            answered && pair.messages.len() == question
        }
        FrequentEcho => has_message(&pair, |message| *message == ControlMessage::EchoRequest),
        EchoFlood => pair.messages.len() > 1000 && pair.count(Protocol::LCP, code::ECHO_REQUEST) == 1000,
        CutInPacket => !pair.stream.is_empty() && pair.closed().is_some(),
        WaitForClientLcp => {
            let mut shy = Pair::new(config(&[behaviour]), "hunter2", &ALL);
            shy.request();
            shy.say(&ControlMessage::CallConnectRequest { encapsulated_protocol: 1 });
            shy.now += Duration::from_secs(20);
            shy.server.handle_timeout(shy.now);
            shy.take();
            let quiet = shy.stream.len() == 48;
            quiet && pair.is_up()
        }
        IgnoreFirstLcp => pair.is_up() && first(&pair, Protocol::LCP, code::CONFIGURE_ACK).unwrap().0 > Duration::ZERO,
        EarlyLcpEcho => pair.is_up() && pair.frames[0].2[0] == code::ECHO_REQUEST,
        NeverAnswerLcpEcho | LcpEchoMagicZero | NoTerminateAck => {
            let mut pair = pair;
            let request = if behaviour == NoTerminateAck { code::TERMINATE_REQUEST } else { code::ECHO_REQUEST };
            pair.send_frame(Protocol::LCP, &[request, 99, 0, 8, 1, 2, 3, 4]);
            pair.read();
            match pair.frames.last().filter(|frame| frame.2[1] == 99) {
                Some((.., reply)) => behaviour == LcpEchoMagicZero && reply[4..] == [0; 4],
                None => behaviour != LcpEchoMagicZero,
            }
        }
        RejectMagicPfcAcfc => pair.is_up() && pair.got(Protocol::LCP, code::CONFIGURE_REJECT) && !pair.ppp.peer().pfc,
        WindowsLcp => pair.is_up() && [13, 17, 19].iter().all(|kind| lcp_options(&pair).contains(kind)),
        UnknownLcpOption => pair.is_up() && lcp_options(&pair).contains(&200),
        LoopMagic | LcpNakLoop => pair.count(Protocol::LCP, code::CONFIGURE_NAK) > 2 && pair.is_up(),
        // no challenge, and a Nak that only the client can have sent
        LoopedBack => pair.got(Protocol::LCP, code::CONFIGURE_NAK) && !pair.got(Protocol::CHAP, 1) && !pair.is_up(),
        LcpNakForever => pair.count(Protocol::LCP, code::CONFIGURE_NAK) > 10 && !pair.is_up(),
        LcpAgain => pair.is_up() && pair.count(Protocol::CHAP, 1) == 2,
        EapFirst => pair.is_up() && lcp_options(&pair).windows(2).any(|octets| octets == [0xc2, 0x27]),
        EapOnly | MsChapV1Only => matches!(pair.failure, Some(Failure::NoCommonAuthentication { .. })),
        // without RADIUS there is no EAP; tests/radius.rs has it
        EapStart => pair.is_up(),
        NoAuth => pair.is_up() && !pair.got(Protocol::CHAP, 1),
        SlowAuth => pair.is_up() && chap(CHAP_SUCCESS).unwrap().0 == Duration::from_secs(20),
        EofOnAuthFailure => {
            pair.closed().is_some() && chap(CHAP_FAILURE).is_none() && !pair.got(Protocol::LCP, code::TERMINATE_REQUEST)
        }
        TerminateOnAuthFailure => {
            chap(CHAP_FAILURE).is_none() && pair.got(Protocol::LCP, code::TERMINATE_REQUEST) && pair.closed().is_some()
        }
        RetryOnAuthFailure => {
            let message = String::from_utf8(chap(CHAP_FAILURE).unwrap().1).unwrap();
            message.starts_with("E=691 R=1 C=")
        }
        PasswordExpired | PasswordExpiredRefused => {
            matches!(pair.failure, Some(Failure::AuthenticationFailed { code: Some(648), .. }))
        }
        BadAuthenticatorResponse | NoAuthenticator => pair.failure == Some(Failure::PeerNotAuthentic),
        SuccessUnasked => chap(CHAP_SUCCESS).is_some() && chap(1).is_none() && !pair.is_up(),
        ChallengeAgain => pair.is_up() && pair.count(Protocol::CHAP, CHAP_SUCCESS) == 2,
        NoBindingCheck => {
            let mut careless = Pair::new(config(&[behaviour]), "hunter2", &ALL);
            careless.request();
            careless.call();
            careless.call_connected(|binding| binding.compound_mac = [0; 32]);
            careless.read();
            !has_message(&careless, |message| matches!(message, ControlMessage::CallAbort(_)))
        }
        LateIpcpNak => first(&pair, Protocol::IPCP, code::CONFIGURE_NAK).unwrap().0 == Duration::from_secs(4),
        NakLoop => pair.count(Protocol::IPCP, code::CONFIGURE_NAK) > 3 && !pair.is_up(),
        NakForever => pair.count(Protocol::IPCP, code::CONFIGURE_NAK) > 10 && !pair.is_up(),
        NoAddress => !pair.is_up() && pair.got(Protocol::IPCP, code::CONFIGURE_NAK),
        IpcpRejected => !pair.is_up() && pair.got(Protocol::LCP, code::PROTOCOL_REJECT),
        IpcpAgain => pair.is_up() && pair.up.as_ref().unwrap().ipv4.as_ref().unwrap().address != ADDRESS,
        Ipv6cpTerminateAck => pair.is_up() && pair.got(Protocol::IPV6CP, code::TERMINATE_ACK),
        CcpOffer => pair.is_up() && pair.got(Protocol::CCP, code::CONFIGURE_REQUEST),
        UnknownNcp => pair.is_up() && pair.got(Protocol(0x802b), code::CONFIGURE_REQUEST),
        EarlyData => pair.is_up() && pair.at_client.len() == 1,
        GarbageFrames => pair.is_up() && pair.got(Protocol::LCP, 99),
        SoftEther | Pppd | Windows => pair.is_up(),
        Ogital => pair.is_up() && wrong_password(behaviour).closed().is_some(),
    }
}

#[test]
fn every_behaviour_is_seen() {
    let missing: Vec<_> =
        Behaviour::TABLE.iter().filter(|(behaviour, ..)| !seen(*behaviour)).map(|row| row.1).collect();
    assert!(missing.is_empty(), "not seen: {missing:?}");
}

#[test]
fn the_server_breaks_off_in_every_phase() {
    for phase in Phase::ALL.into_iter().filter(|phase| *phase != Phase::Tls) {
        let pair = good(Behaviour::In(BreakOff::Silent, phase));
        assert_eq!(pair.server.phase(), phase);
        assert_eq!((pair.closed(), pair.server.poll_timeout()), (None, None), "silent in {phase:?}");
        assert_eq!(pair.is_up(), phase == Phase::Up);
        assert_eq!(pair.got(Protocol::LCP, code::CONFIGURE_ACK), phase > Phase::Lcp, "{phase:?}");
        assert_eq!(pair.got(Protocol::CHAP, 1), phase > Phase::Auth, "{phase:?}");
        assert_eq!(pair.got(Protocol::IPCP, code::CONFIGURE_REQUEST), phase > Phase::Ncp, "{phase:?}");

        let pair = good(Behaviour::In(BreakOff::Close, phase));
        assert_eq!(pair.closed().as_deref(), Some("broken off as told"), "closed in {phase:?}");
    }
    for phase in Phase::ALL.into_iter().filter(|phase| *phase >= Phase::Connect) {
        let pair = good(Behaviour::In(BreakOff::Abort, phase));
        assert!(has_message(&pair, |message| matches!(message, ControlMessage::CallAbort(_))), "abort in {phase:?}");
        assert_eq!(pair.closed().as_deref(), Some("Call Abort was sent: as told"));

        let pair = good(Behaviour::In(BreakOff::Disconnect, phase));
        let disconnected = has_message(&pair, |message| matches!(message, ControlMessage::CallDisconnect(_)));
        assert!(disconnected, "disconnect in {phase:?}");
        assert_eq!(pair.closed().as_deref(), Some("Call Disconnect was sent: as told"));
    }
}

#[test]
fn without_behaviours_nothing_is_odd() {
    let mut pair = Pair::new(Config { ipv6: true, ..config(&[]) }, "hunter2", &ALL);
    pair.connect();
    pair.pass(Duration::from_secs(30));
    assert!(pair.is_up());
    assert!(!pair.got(Protocol::LCP, code::CONFIGURE_NAK) && !pair.got(Protocol::LCP, code::CONFIGURE_REJECT));
    assert_eq!(pair.events.iter().filter(|event| matches!(event, Event::Up { .. } | Event::Up6 { .. })).count(), 2);
    assert_eq!(pair.messages.len(), 1);
}
