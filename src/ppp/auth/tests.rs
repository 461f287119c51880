//! Each method from its first packet to its end, the server played by the test.

use super::super::mschapv2::respond;
use super::super::testing::{Sent, seconds, sent, start};
use super::question::take_answer;
use super::*;
use crate::crypto::binding::{HashProtocol, compound_mac};
use crate::crypto::mppe::MasterKey;
use crate::crypto::mschapv2::PasswordHash;
use crate::wire::auth::chap_code::{CHALLENGE, CHANGE_PASSWORD, FAILURE, RESPONSE, SUCCESS};
use crate::wire::auth::pap_code::{AUTHENTICATE_ACK, AUTHENTICATE_NAK, AUTHENTICATE_REQUEST};
use crate::wire::auth::{ChangePassword, MsChapV2Response, parse_mschapv2_success};

// RFC 2759 9.2.
const USER: &str = "User";
const PASSWORD: &str = "clientPass";
const AUTHENTICATOR_CHALLENGE: [u8; 16] = *b"[]|}{?/><,`!2&&(";
const PEER_CHALLENGE: [u8; 16] = *b"!@\x23$%^&*()_+:3|~";
const NT_RESPONSE: [u8; 24] = [
    0x82, 0x30, 0x9e, 0xcd, 0x8d, 0x70, 0x8b, 0x5e, 0xa0, 0x8f, 0xaa, 0x39, 0x81, 0xcd, 0x83, 0x54, 0x42, 0x33, 0x11,
    0x4a, 0x3d, 0x85, 0xd6, 0xdf,
];
const SUCCESS_MESSAGE: &[u8] = b"S=407A5589115FD0D6209F510FE9C04566932CDA56";

fn credentials(user_name: &str) -> Credentials {
    Credentials { user_name: user_name.to_owned(), anonymous_identity: None, password: PASSWORD.to_owned().into() }
}

fn new_authenticator(protocol: AuthProtocol, credentials: Credentials, entropy: Entropy) -> Authenticator {
    Authenticator::new(protocol, credentials, EapConfig::default(), 1500, entropy)
}

/// An authenticator, what it sent, and a clock.
struct Bench {
    authenticator: Authenticator,
    now: Instant,
    out: Outbox,
}

impl Bench {
    fn new(protocol: AuthProtocol) -> Self {
        let authenticator = new_authenticator(protocol, credentials(USER), Entropy::new([5; 32]));
        let mut bench = Bench { authenticator, now: start(), out: Outbox::default() };
        bench.authenticator.start(bench.now, &mut bench.out);
        bench
    }

    /// MS-CHAPv2 with the challenge of RFC 2759 9.2 answered under this identifier.
    fn answered(identifier: u8) -> Self {
        let mut bench = Bench::new(AuthProtocol::MsChapV2);
        let sent = respond(identifier, AUTHENTICATOR_CHALLENGE, PEER_CHALLENGE, &credentials(USER));
        let mut mschapv2 = MsChapV2::default();
        mschapv2.sent = Some(Box::new(sent));
        bench.authenticator.method = Method::MsChapV2(mschapv2);
        bench
    }

    #[track_caller]
    fn receive(&mut self, code: u8, identifier: u8, data: &[u8]) -> Option<Outcome> {
        let packet = ControlPacket { code, identifier, data };
        self.authenticator.handle_packet(packet, &mut self.out).expect("readable")
    }

    fn receive_malformed(&mut self, code: u8, identifier: u8, data: &[u8]) -> Malformed {
        let packet = ControlPacket { code, identifier, data };
        self.authenticator.handle_packet(packet, &mut self.out).expect_err("not readable")
    }

    fn challenge(&mut self, identifier: u8, value: &[u8]) -> Sent {
        assert!(self.receive(CHALLENGE, identifier, &[&[value.len() as u8], value, b"server"].concat()).is_none());
        let mut responses = sent(&mut self.out);
        assert_eq!(responses.len(), 1);
        responses.remove(0)
    }

    fn after(&mut self, time: f64) -> Option<Outcome> {
        self.now += seconds(time);
        self.authenticator.handle_timeout(self.now, &mut self.out)
    }

    fn quiet(&mut self) {
        assert_eq!(sent(&mut self.out), []);
    }
}

/// Keys cannot be compared, but what they sign can.
fn signature(hlak: &Hlak) -> [u8; 32] {
    compound_mac(HashProtocol::Sha256, hlak, &[0; 112])
}

#[track_caller]
fn authenticated(outcome: Option<Outcome>) -> Hlak {
    match outcome {
        Some(Outcome::Authenticated(hlak)) => hlak,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn failed(outcome: Option<Outcome>) -> (Option<u32>, String) {
    match outcome {
        Some(Outcome::Failed { code, message }) => (code, message),
        other => panic!("{other:?}"),
    }
}

const PAP_REQUEST: &[u8] = b"\x04User\x0aclientPass";

#[test]
fn pap_speaks_first_and_is_acknowledged() {
    let mut bench = Bench::new(AuthProtocol::Pap);
    let request = Sent { protocol: Protocol::PAP, code: AUTHENTICATE_REQUEST, identifier: 1, data: PAP_REQUEST.into() };
    assert_eq!(sent(&mut bench.out), [request]);
    assert!(bench.authenticator.has_answered());
    let hlak = authenticated(bench.receive(AUTHENTICATE_ACK, 1, b"\x07welcome"));
    assert_eq!(signature(&hlak), signature(&Hlak::zero()));
    assert_eq!(bench.authenticator.poll_timeout(), None);
    // what comes later changes nothing
    assert!(bench.receive(AUTHENTICATE_NAK, 1, b"").is_none());
    assert!(bench.receive(AUTHENTICATE_ACK, 1, b"").is_none());
    bench.quiet();
}

#[test]
fn pap_is_refused() {
    let mut bench = Bench::new(AuthProtocol::Pap);
    assert_eq!(failed(bench.receive(AUTHENTICATE_NAK, 1, b"\x06no\x00way")), (None, "no way".to_owned()));
    assert_eq!(bench.authenticator.poll_timeout(), None);
}

/// RFC 1334 2.2.1: the request must be repeated until there is a valid reply, each time with another identifier; a reply
/// carries the identifier of the request that caused it.
#[test]
fn pap_asks_again_and_takes_a_late_reply() {
    let mut bench = Bench::new(AuthProtocol::Pap);
    assert_eq!(sent(&mut bench.out).len(), 1);
    assert!(bench.after(2.99).is_none());
    bench.quiet();
    for identifier in [2, 3] {
        assert!(bench.after(3.0).is_none());
        let request = sent(&mut bench.out).remove(0);
        assert_eq!((request.identifier, &request.data[..]), (identifier, PAP_REQUEST));
    }
    for never_sent in [0, 4, 255] {
        bench.receive_malformed(AUTHENTICATE_ACK, never_sent, b"");
        bench.receive_malformed(AUTHENTICATE_NAK, never_sent, b"");
    }
    authenticated(bench.receive(AUTHENTICATE_ACK, 1, b""));
}

#[test]
fn pap_gives_up() {
    let mut bench = Bench::new(AuthProtocol::Pap);
    let mut requests = sent(&mut bench.out).len();
    let mut outcome = None;
    while outcome.is_none() && requests < 100 {
        outcome = bench.after(3.0);
        requests += sent(&mut bench.out).len();
    }
    assert!(matches!(outcome, Some(Outcome::Unanswered)));
    assert_eq!((requests, bench.authenticator.poll_timeout()), (10, None));
}

#[test]
fn pap_does_not_authenticate_the_server() {
    let mut bench = Bench::new(AuthProtocol::Pap);
    sent(&mut bench.out);
    assert!(bench.receive(AUTHENTICATE_REQUEST, 1, PAP_REQUEST).is_none());
    bench.receive_malformed(4, 1, b"");
    bench.receive_malformed(AUTHENTICATE_ACK, 1, b"\x09short");
    bench.quiet();
    assert!(bench.authenticator.poll_timeout().is_some());
}

#[test]
fn chap_md5_answers_every_challenge() {
    let mut bench = Bench::new(AuthProtocol::ChapMd5);
    bench.quiet();
    assert!(!bench.authenticator.has_answered());
    for (identifier, challenge) in [(0, &b"abcdefgh"[..]), (0, b"ijkl"), (9, &[0xff; 255])] {
        let response = bench.challenge(identifier, challenge);
        assert_eq!((response.protocol, response.code, response.identifier), (Protocol::CHAP, RESPONSE, identifier));
        let value = chap_md5(identifier, PASSWORD.as_bytes(), challenge);
        assert_eq!(response.data, [&[16][..], &value, b"User"].concat());
    }
    assert!(bench.authenticator.has_answered());
    assert_eq!(bench.authenticator.poll_timeout(), None);
    // only the last one counts
    bench.receive_malformed(SUCCESS, 0, b"");
    bench.receive_malformed(FAILURE, 0, b"");
    let hlak = authenticated(bench.receive(SUCCESS, 9, b""));
    assert_eq!(signature(&hlak), signature(&Hlak::zero()));
    // and a challenge on the open link is answered as well (RFC 1994 2)
    assert_eq!(bench.challenge(10, b"again").identifier, 10);
    assert_eq!(failed(bench.receive(FAILURE, 10, b"time is up\x07")), (None, "time is up".to_owned()));
}

#[test]
fn nobody_is_believed_before_the_challenge() {
    for protocol in [AuthProtocol::ChapMd5, AuthProtocol::MsChapV2] {
        let mut bench = Bench::new(protocol);
        for identifier in 0..=255 {
            let outcome = bench.receive(SUCCESS, identifier, SUCCESS_MESSAGE);
            assert!(matches!(outcome, Some(Outcome::Misbehaved(_))), "{outcome:?}");
            bench.receive_malformed(FAILURE, identifier, b"E=691 R=0");
            assert!(bench.receive(RESPONSE, identifier, b"\x01xname").is_none());
        }
        assert!(!bench.authenticator.has_answered());
        bench.quiet();
    }
}

#[test]
fn mschapv2_answers_as_in_rfc_2759_9_2() {
    let sent = respond(0, AUTHENTICATOR_CHALLENGE, PEER_CHALLENGE, &credentials(USER));
    assert_eq!(sent.response, MsChapV2Response { peer_challenge: PEER_CHALLENGE, nt_response: NT_RESPONSE });
    assert_eq!(parse_mschapv2_success(SUCCESS_MESSAGE), Ok(sent.authenticator_response));
    // RFC 2759 4: the name in the packet has the domain, the one that is hashed has not
    let sent = respond(0, AUTHENTICATOR_CHALLENGE, PEER_CHALLENGE, &credentials("BIGCO\\User"));
    assert_eq!(sent.response.nt_response, NT_RESPONSE);
}

#[test]
fn mschapv2_draws_a_challenge_of_its_own() {
    let mut bench = Bench::new(AuthProtocol::MsChapV2);
    let response = bench.challenge(7, &AUTHENTICATOR_CHALLENGE);
    assert_eq!((response.code, response.identifier, response.data[0]), (RESPONSE, 7, 49));
    let (value, name) = response.data[1..].split_at(49);
    assert_eq!(name, b"User");
    let value = MsChapV2Response::parse(value).unwrap();
    assert_ne!(value.peer_challenge, [0; 16]);
    let expected = respond(7, AUTHENTICATOR_CHALLENGE, value.peer_challenge, &credentials(USER));
    assert_eq!(value, expected.response);
}

#[test]
fn mschapv2_takes_the_server_that_knows_the_password() {
    for message in [SUCCESS_MESSAGE.to_vec(), [SUCCESS_MESSAGE, b" M=Welcome"].concat()] {
        let mut bench = Bench::answered(3);
        let hlak = authenticated(bench.receive(SUCCESS, 3, &message));
        let hash = PasswordHash::new(PASSWORD).hash();
        let expected = Hlak::from_mschapv2_client(&MasterKey::new(&hash, &NT_RESPONSE));
        assert_eq!(signature(&hlak), signature(&expected));
        assert_ne!(signature(&hlak), signature(&Hlak::zero()));
    }
}

#[test]
fn mschapv2_takes_no_other() {
    let mut wrong = SUCCESS_MESSAGE.to_vec();
    wrong[41] = b'7';
    for message in [&wrong, &b"S=00"[..], b"", b"welcome", &SUCCESS_MESSAGE[..41]] {
        let mut bench = Bench::answered(3);
        assert!(matches!(bench.receive(SUCCESS, 3, message), Some(Outcome::PeerNotAuthentic)));
    }
}

#[test]
fn mschapv2_is_refused() {
    let mut bench = Bench::answered(3);
    let message = b"E=691 R=0 C=000102030405060708090A0B0C0D0E0F V=3 M=Access denied";
    assert_eq!(failed(bench.receive(FAILURE, 3, message)), (Some(691), "Access denied".to_owned()));
    assert_eq!(failed(Bench::answered(3).receive(FAILURE, 3, b"")), (None, String::new()));
}

#[test]
fn mschapv2_tries_another_password() {
    let mut bench = Bench::answered(3);
    let message = b"E=691 R=1 C=000102030405060708090A0B0C0D0E0F V=3 M=Access denied";
    let outcome = bench.receive(FAILURE, 3, message);
    let question = Question::Password { message: "Access denied".to_owned() };
    assert!(matches!(&outcome, Some(Outcome::Asks(asked)) if *asked == question), "{outcome:?}");
    assert!(bench.authenticator.answer(&"another".to_owned().into(), &mut bench.out).is_none());
    let response = sent(&mut bench.out).remove(0);
    assert_eq!((response.code, response.identifier), (RESPONSE, 4));
    let value = MsChapV2Response::parse(&response.data[1..50]).unwrap();
    let changed = Credentials { password: "another".to_owned().into(), ..credentials(USER) };
    let expected = respond(4, std::array::from_fn(|i| i as u8), value.peer_challenge, &changed);
    assert_eq!(value, expected.response);
    assert_eq!(bench.authenticator.credentials().password.as_str(), "another");
}

#[test]
fn a_refusal_that_comes_twice_asks_once() {
    let mut bench = Bench::answered(3);
    let message = b"E=691 R=1 C=000102030405060708090A0B0C0D0E0F V=3";
    assert!(matches!(bench.receive(FAILURE, 3, message), Some(Outcome::Asks(_))));
    assert!(bench.receive(FAILURE, 3, message).is_none());
}

#[test]
fn an_answer_is_for_the_text_that_was_asked() {
    let code = |text: &str| Question::OneTimeCode { text: text.to_owned() };
    let mut answers = vec![Answer { question: code("Code?"), text: "123456".to_owned().into() }];
    assert!(take_answer(&mut answers, &code("Password?")).is_none());
    assert!(take_answer(&mut answers, &Question::NewPassword { refused: None }).is_none());
    assert_eq!(take_answer(&mut answers, &code("Code?")).unwrap().as_str(), "123456");
    assert!(take_answer(&mut answers, &code("Code?")).is_none());
    let new = |refused: Option<&str>| Question::NewPassword { refused: refused.map(str::to_owned) };
    let mut answers = vec![Answer { question: new(Some("too short")), text: "longer".to_owned().into() }];
    assert!(take_answer(&mut answers, &new(Some("too simple"))).is_none());
    assert!(take_answer(&mut answers, &new(None)).is_some());
}

#[test]
fn mschapv2_changes_a_password() {
    let mut bench = Bench::answered(3);
    let outcome = bench.receive(FAILURE, 3, b"E=648 R=0 C=000102030405060708090A0B0C0D0E0F V=3 M=Expired");
    assert!(matches!(outcome, Some(Outcome::Asks(Question::NewPassword { refused: None }))), "{outcome:?}");
    assert!(bench.authenticator.answer(&"another".to_owned().into(), &mut bench.out).is_none());
    let change = sent(&mut bench.out).remove(0);
    assert_eq!((change.code, change.identifier, change.data.len()), (CHANGE_PASSWORD, 4, ChangePassword::LEN));
    // a server that cannot change it, as it says by the version, refuses for good
    let mut bench = Bench::answered(3);
    assert_eq!(failed(bench.receive(FAILURE, 3, b"E=648 R=0 V=2 M=Expired")), (Some(648), "Expired".to_owned()));
}

#[test]
fn mschapv2_discards_what_is_stale() {
    let mut bench = Bench::answered(3);
    for identifier in [2, 4] {
        bench.receive_malformed(SUCCESS, identifier, SUCCESS_MESSAGE);
        bench.receive_malformed(FAILURE, identifier, b"E=691 R=0");
    }
    authenticated(bench.receive(SUCCESS, 3, SUCCESS_MESSAGE));
    // after a new challenge, the proof of the old one is no proof
    let response = bench.challenge(4, &[9; 16]);
    bench.receive_malformed(SUCCESS, 3, SUCCESS_MESSAGE);
    let value = MsChapV2Response::parse(&response.data[1..50]).unwrap();
    let Method::MsChapV2(MsChapV2 { sent: Some(sent), .. }) = &bench.authenticator.method else { panic!() };
    assert_eq!(sent.response, value);
    assert!(matches!(bench.receive(SUCCESS, 4, SUCCESS_MESSAGE), Some(Outcome::PeerNotAuthentic)));
}

#[test]
fn mschapv2_answers_a_repeated_challenge_as_the_first_time() {
    let mut bench = Bench::new(AuthProtocol::MsChapV2);
    let first = bench.challenge(1, &AUTHENTICATOR_CHALLENGE);
    assert_eq!(bench.challenge(1, &AUTHENTICATOR_CHALLENGE), first);
    // another challenge, or another identifier, is another matter
    let second = bench.challenge(1, &[1; 16]);
    let third = bench.challenge(2, &[1; 16]);
    let peer_challenges = [&first, &second, &third].map(|response| response.data[1..17].to_vec());
    assert!(peer_challenges[0] != peer_challenges[1] && peer_challenges[1] != peer_challenges[2]);
}

#[test]
fn mschapv2_cannot_read_a_challenge_of_another_length() {
    for length in [0u8, 8, 15, 17, 255] {
        let mut bench = Bench::new(AuthProtocol::MsChapV2);
        bench.receive_malformed(CHALLENGE, 1, &[&[length], &vec![1; usize::from(length)][..], b"name"].concat());
        bench.quiet();
        assert!(!bench.authenticator.has_answered());
    }
}

#[test]
fn names_of_protocols() {
    for protocol in [AuthProtocol::Pap, AuthProtocol::ChapMd5, AuthProtocol::MsChapV2] {
        assert_eq!(AuthProtocol::parse(protocol.emit()), Some(protocol));
        assert_eq!(AuthProtocol::describe(protocol.emit()), protocol.name());
    }
    assert!(AuthProtocol::MsChapV2 > AuthProtocol::ChapMd5 && AuthProtocol::ChapMd5 > AuthProtocol::Pap);
    assert_eq!(AuthProtocol::describe(&[0xc2, 0x27]), "EAP");
    assert_eq!(AuthProtocol::describe(&[0xc2, 0x23, 0x80]), "MS-CHAPv1");
    assert_eq!(AuthProtocol::describe(&[0xc2, 0x81]), "protocol [c2, 81]");
    assert_eq!(AuthProtocol::parse(&[0xc0, 0x23, 0x00]), None);
}

#[test]
fn debug_shows_no_secret() {
    for protocol in [AuthProtocol::Pap, AuthProtocol::ChapMd5, AuthProtocol::MsChapV2] {
        let mut bench = Bench::new(protocol);
        sent(&mut bench.out);
        if protocol != AuthProtocol::Pap {
            bench.challenge(1, &AUTHENTICATOR_CHALLENGE);
        }
        let shown = format!("{:?}", bench.authenticator);
        assert!(shown.contains(USER) && !shown.contains(PASSWORD) && shown.len() < 450, "{shown}");
    }
}
