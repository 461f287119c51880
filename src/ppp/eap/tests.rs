//! EAP from the first Request to its end, the server played by the test with the values of RFC 2759 9.2.

mod bad_servers;
mod tunnels;

use super::super::auth::Question;
use super::super::mschapv2::respond;
use super::super::testing::sent;
use super::mschapv2::EapMsChapV2Method;
use super::*;
use crate::crypto::Entropy;
use crate::crypto::binding::{HashProtocol, compound_mac};
use crate::crypto::mschapv2::PasswordHash;
use crate::crypto::password_change::old_hash_encrypted_with_new_hash;
use crate::wire::auth::ChangePassword;
use crate::wire::eap::{EapMsChapV2, eap_code};

const CHALLENGE: [u8; 16] = *b"[]|}{?/><,`!2&&(";
const PEER_CHALLENGE: [u8; 16] = *b"!@\x23$%^&*()_+:3|~";
const SUCCESS_MESSAGE: &[u8] = b"S=407A5589115FD0D6209F510FE9C04566932CDA56 M=Welcome";

/// The peer's side, and what it sent.
struct Bench {
    eap: Eap,
    config: EapConfig,
    credentials: Credentials,
    entropy: Entropy,
    out: Outbox,
}

impl Bench {
    fn new(methods: &[EapMethod]) -> Self {
        let credentials = Credentials {
            user_name: "User".to_owned(),
            anonymous_identity: None,
            password: "clientPass".to_owned().into(),
        };
        let config = EapConfig { methods: methods.to_vec(), ..EapConfig::default() };
        Bench { eap: Eap::outer(), config, credentials, entropy: Entropy::new([3; 32]), out: Outbox::default() }
    }

    /// A bench whose response to the challenge of RFC 2759 9.2 waits for the server's word on it.
    fn answered() -> Self {
        let mut bench = Bench::new(&[EapMethod::MsChapV2]);
        let response = respond(9, CHALLENGE, PEER_CHALLENGE, &bench.credentials);
        let mut method = EapMsChapV2Method::default();
        method.mschapv2.sent = Some(Box::new(response));
        bench.eap.method = Some(Method::MsChapV2(method));
        bench
    }

    fn receive(&mut self, code: u8, identifier: u8, data: &[u8]) -> Result<Option<Outcome>, Malformed> {
        let packet = ControlPacket { code, identifier, data };
        let Bench { eap, config, credentials, entropy, out } = self;
        eap.handle_packet(packet, &mut Context { config, credentials, entropy, mru: 1500 }, out)
            .map(|(outcome, _)| outcome)
    }

    /// A person answers.
    fn person(&mut self, answer: &str) -> Option<Outcome> {
        let Bench { eap, config, credentials, entropy, out } = self;
        let mut context = Context { config, credentials, entropy, mru: 1500 };
        eap.handle_answer(&Zeroizing::new(answer.to_owned()), &mut context, out)
    }

    /// Type and data of the one Response that was sent.
    #[track_caller]
    fn response(&mut self, identifier: u8) -> (u8, Vec<u8>) {
        let mut responses = sent(&mut self.out);
        assert_eq!(responses.len(), 1, "{responses:?}");
        let response = responses.remove(0);
        assert_eq!((response.code, response.identifier), (eap_code::RESPONSE, identifier));
        (response.data[0], response.data[1..].to_vec())
    }

    /// Type and data of the Response to a Request.
    #[track_caller]
    fn asked(&mut self, identifier: u8, kind: u8, data: &[u8]) -> (u8, Vec<u8>) {
        let outcome = self.receive(eap_code::REQUEST, identifier, &[&[kind], data].concat()).unwrap();
        assert!(outcome.is_none(), "{outcome:?}");
        self.response(identifier)
    }

    /// The question to a person that a Request leads to.
    #[track_caller]
    fn question(&mut self, identifier: u8, kind: u8, data: &[u8]) -> Question {
        match self.receive(eap_code::REQUEST, identifier, &[&[kind], data].concat()).unwrap() {
            Some(Outcome::Asks(question)) => question,
            other => panic!("{other:?}"),
        }
    }

    /// What a Request ends with.
    #[track_caller]
    fn fails(&mut self, identifier: u8, kind: u8, data: &[u8]) -> Outcome {
        let outcome = self.receive(eap_code::REQUEST, identifier, &[&[kind], data].concat()).unwrap();
        outcome.unwrap_or_else(|| panic!("it goes on"))
    }

    #[track_caller]
    fn succeeds(&mut self, identifier: u8) -> [u8; 32] {
        match self.receive(eap_code::SUCCESS, identifier, &[]).unwrap() {
            Some(Outcome::Authenticated(hlak)) => signature(&hlak),
            other => panic!("{other:?}"),
        }
    }
}

fn challenge() -> Vec<u8> {
    EapMsChapV2::Challenge { identifier: 9, value: &CHALLENGE, name: b"server" }.emit()
}

fn success() -> Vec<u8> {
    EapMsChapV2::SuccessRequest { identifier: 9, message: SUCCESS_MESSAGE }.emit()
}

fn failure(message: &[u8]) -> Vec<u8> {
    EapMsChapV2::FailureRequest { identifier: 9, message }.emit()
}

/// Keys cannot be compared, but what they sign can.
fn signature(hlak: &Hlak) -> [u8; 32] {
    compound_mac(HashProtocol::Sha256, hlak, &[0; 112])
}

#[test]
fn what_every_method_needs() {
    let mut bench = Bench::new(&[EapMethod::MsChapV2, EapMethod::Gtc]);
    assert_eq!(bench.asked(1, eap_type::IDENTITY, b"Who?"), (eap_type::IDENTITY, b"User".to_vec()));
    assert_eq!(bench.asked(2, eap_type::NOTIFICATION, b"Maintenance"), (eap_type::NOTIFICATION, vec![]));
    // pppd and Windows begin with a method that we do not have: the Nak names those that we have (RFC 3748 5.3.1)
    for (identifier, kind) in [(3, eap_type::MD5_CHALLENGE), (4, 13), (5, 25), (6, eap_type::EXPANDED)] {
        let nak = (eap_type::NAK, vec![eap_type::MSCHAPV2, eap_type::GTC]);
        assert_eq!(bench.asked(identifier, kind, &[0; 17]), nak);
    }
    assert!(!bench.eap.has_answered());
    let outcome = bench.receive(eap_code::FAILURE, 6, &[]).unwrap();
    let expected = EapMethod::describe(eap_type::EXPANDED);
    assert!(matches!(&outcome, Some(Outcome::NoCommonEapMethod { asked }) if *asked == expected), "{outcome:?}");
}

#[test]
fn a_nak_without_an_alternative() {
    let mut bench = Bench::new(&[]);
    assert_eq!(bench.asked(1, eap_type::MSCHAPV2, &challenge()), (eap_type::NAK, vec![0]));
}

#[test]
fn the_outer_identity_is_another_one() {
    let mut bench = Bench::new(&[EapMethod::MsChapV2]);
    bench.credentials.anonymous_identity = Some("anonymous@example.com".to_owned());
    assert_eq!(bench.asked(1, eap_type::IDENTITY, b"").1, b"anonymous@example.com");
}

#[test]
fn notifications_are_for_people() {
    let mut bench = Bench::new(&[EapMethod::MsChapV2]);
    let data = [&[eap_type::NOTIFICATION], &b"Down at\x1b noon"[..]].concat();
    let packet = ControlPacket { code: eap_code::REQUEST, identifier: 1, data: &data };
    let Bench { eap, config, credentials, entropy, out } = &mut bench;
    let (_, text) = eap.handle_packet(packet, &mut Context { config, credentials, entropy, mru: 1500 }, out).unwrap();
    assert_eq!(text.as_deref(), Some("Down at  noon"));
}

#[test]
fn both_sides_prove_themselves() {
    let mut bench = Bench::new(&[EapMethod::MsChapV2]);
    let (kind, data) = bench.asked(1, eap_type::MSCHAPV2, &challenge());
    let Ok(EapMsChapV2::Response { identifier: 9, value, name: b"User" }) = EapMsChapV2::parse(&data) else {
        panic!("{kind} {data:02x?}")
    };
    assert_eq!(value.len(), 49);

    let mut bench = Bench::answered();
    assert!(bench.eap.proven(&bench.config).is_none());
    assert_eq!(bench.asked(2, eap_type::MSCHAPV2, &success()), (eap_type::MSCHAPV2, vec![3]));
    let proven = signature(&bench.eap.proven(&bench.config).unwrap());
    assert_eq!(bench.succeeds(2), proven);
    assert_ne!(proven, signature(&Hlak::zero()));
}

#[test]
fn the_key_is_the_one_that_the_server_takes() {
    let key = |hlak: HlakRule| {
        let mut bench = Bench::answered();
        bench.config.hlak = hlak;
        bench.asked(2, eap_type::MSCHAPV2, &success());
        bench.succeeds(2)
    };
    assert_eq!(key(HlakRule::Zero), signature(&Hlak::zero()));
    // there is nothing in the second half of the MSK of EAP-MSCHAPv2
    assert_eq!(key(HlakRule::Halves), key(HlakRule::Msk));
}

#[test]
fn a_server_without_the_password_is_not_believed() {
    let mut bench = Bench::answered();
    let wrong = EapMsChapV2::SuccessRequest { identifier: 9, message: &[b'S'; 42] }.emit();
    let end = bench.fails(2, eap_type::MSCHAPV2, &wrong);
    assert!(matches!(end, Outcome::PeerNotAuthentic), "{end:?}");
}

#[test]
fn a_refusal_says_why() {
    let mut bench = Bench::answered();
    let refusal = failure(b"E=691 R=0 C=00 V=3 M=No");
    assert_eq!(bench.asked(2, eap_type::MSCHAPV2, &refusal), (eap_type::MSCHAPV2, vec![4]));
    let end = bench.receive(eap_code::FAILURE, 2, &[]).unwrap();
    assert!(matches!(&end, Some(Outcome::Failed { code: Some(691), message }) if message == "No"), "{end:?}");
    // and a bare Failure is one, too
    let end = Bench::new(&[EapMethod::MsChapV2]).receive(eap_code::FAILURE, 2, &[]).unwrap();
    assert!(matches!(end, Some(Outcome::Failed { code: None, .. })), "{end:?}");
}

/// SoftEther 5 and RADIUS servers refuse a name that they do not know before they ask for anything else.
#[test]
fn a_name_that_is_not_known() {
    // 0 is hostapd's, whatever the identifier of the Response was
    for identifier in [7, 0] {
        let mut bench = Bench::new(&[EapMethod::MsChapV2]);
        bench.asked(7, eap_type::IDENTITY, b"");
        let end = bench.receive(eap_code::FAILURE, identifier, &[]).unwrap();
        assert!(matches!(&end, Some(Outcome::IdentityRefused { identity }) if identity == "User"), "{end:?}");
    }
}

#[test]
fn another_password_in_the_same_conversation() {
    let mut bench = Bench::answered();
    bench.credentials.password = "wrong".to_owned().into();
    let refusal = failure(b"E=691 R=1 C=5B5D7C7D7B3F2F3E3C2C602132262628 V=3 M=Try again");
    let question = bench.question(2, eap_type::MSCHAPV2, &refusal);
    assert_eq!(question, Question::Password { message: "Try again".to_owned() });
    // the same refusal once more asks nobody again
    assert!(bench.receive(eap_code::REQUEST, 2, &[&[eap_type::MSCHAPV2], &refusal[..]].concat()).unwrap().is_none());
    assert!(sent(&mut bench.out).is_empty());
    assert!(bench.person("clientPass").is_none());
    let (_, data) = bench.response(2);
    let Ok(EapMsChapV2::Response { identifier: 10, value, .. }) = EapMsChapV2::parse(&data) else { panic!() };
    let expected = respond(10, CHALLENGE, value[..16].try_into().unwrap(), &bench.credentials);
    assert_eq!(value, expected.response.emit());
    assert_eq!(bench.credentials.password.as_str(), "clientPass");
    assert!(bench.person("nobody asked").is_none());
    assert!(sent(&mut bench.out).is_empty());
}

#[test]
fn an_expired_password_is_changed() {
    let mut bench = Bench::answered();
    let refusal = failure(b"E=648 R=0 C=5B5D7C7D7B3F2F3E3C2C602132262628 V=3 M=Expired");
    let question = bench.question(2, eap_type::MSCHAPV2, &refusal);
    assert_eq!(question, Question::NewPassword { refused: None });
    // what cannot be sent is asked for again
    let too_long = bench.person(&"x".repeat(257));
    assert!(matches!(too_long, Some(Outcome::Asks(Question::NewPassword { refused: Some(_) }))), "{too_long:?}");
    assert!(bench.person("newPass").is_none());
    let (_, data) = bench.response(2);
    let Ok(EapMsChapV2::ChangePassword { identifier: 10, fields }) = EapMsChapV2::parse(&data) else { panic!() };
    let change = ChangePassword::parse(fields).unwrap();
    let (old, new) = (PasswordHash::new("clientPass"), PasswordHash::new("newPass"));
    assert_eq!(change.encrypted_hash, old_hash_encrypted_with_new_hash(&old, &new));
    let changed = Credentials { password: "newPass".to_owned().into(), ..bench.credentials.clone() };
    let expected = respond(10, CHALLENGE, change.response.peer_challenge, &changed);
    assert_eq!(change.response, expected.response);
    // until the server has taken it, the old one holds
    assert_eq!(bench.credentials.password.as_str(), "clientPass");
    let digits: String = expected.authenticator_response.iter().map(|octet| format!("{octet:02X}")).collect();
    let message = format!("S={digits} M=Changed");
    let taken = EapMsChapV2::SuccessRequest { identifier: 10, message: message.as_bytes() }.emit();
    assert_eq!(bench.asked(3, eap_type::MSCHAPV2, &taken), (eap_type::MSCHAPV2, vec![3]));
    assert_eq!(bench.credentials.password.as_str(), "newPass");
    bench.succeeds(3);
}

#[test]
fn a_new_password_that_is_refused() {
    let mut bench = Bench::answered();
    bench.question(2, eap_type::MSCHAPV2, &failure(b"E=648 R=1 C=5B5D7C7D7B3F2F3E3C2C602132262628 V=3"));
    bench.person("newPass");
    bench.response(2);
    let refusal = EapMsChapV2::FailureRequest { identifier: 10, message: b"E=709 R=1 V=3 M=Too simple" }.emit();
    let question = bench.question(3, eap_type::MSCHAPV2, &refusal);
    assert_eq!(question, Question::NewPassword { refused: Some("Too simple".to_owned()) });
    bench.person("n3wPass!");
    bench.response(3);
    let refusal = EapMsChapV2::FailureRequest { identifier: 11, message: b"E=709 R=0 V=3 M=No more" }.emit();
    bench.asked(4, eap_type::MSCHAPV2, &refusal);
    let end = bench.receive(eap_code::FAILURE, 4, &[]).unwrap();
    assert!(matches!(&end, Some(Outcome::Failed { code: Some(709), .. })), "{end:?}");
    assert_eq!(bench.credentials.password.as_str(), "clientPass");
}

#[test]
fn a_retransmission_gets_the_same_answer() {
    let mut bench = Bench::new(&[EapMethod::MsChapV2]);
    let first = bench.asked(1, eap_type::MSCHAPV2, &challenge());
    assert_eq!(bench.asked(1, eap_type::MSCHAPV2, &challenge()), first);
}

#[test]
fn a_text_and_an_answer() {
    for method in [EapMethod::Gtc, EapMethod::Otp] {
        let mut bench = Bench::new(&[method]);
        let question = bench.question(1, method.kind(), b"Your code, please:\0");
        assert_eq!(question, Question::OneTimeCode { text: "Your code, please:".to_owned() });
        assert!(sent(&mut bench.out).is_empty());
        assert!(bench.person("123456").is_none());
        assert_eq!(bench.response(1), (method.kind(), b"123456".to_vec()));
        assert!(bench.person("once is enough").is_none());
        assert!(sent(&mut bench.out).is_empty());
        // not before the server says so, and without a key
        assert!(bench.eap.proven(&bench.config).is_none());
        assert_eq!(bench.succeeds(1), signature(&Hlak::zero()));
    }
}

#[test]
fn debug_shows_no_answer() {
    let mut bench = Bench::new(&[EapMethod::Gtc]);
    bench.question(1, eap_type::GTC, b"Password:");
    bench.person("hunter2");
    let mut changing = Bench::answered();
    changing.question(2, eap_type::MSCHAPV2, &failure(b"E=648 R=0 V=3"));
    changing.person("hunter2");
    for bench in [bench, changing] {
        let shown = format!("{:?}", bench.eap);
        let octets = format!("{:?}", b"hunter2");
        assert!(!shown.contains("hunter2") && !shown.contains(octets.trim_matches(['[', ']'])), "{shown}");
    }
}

/// The server did not take Change-Password and asks anew: what it accepts then is the old password.
#[test]
fn a_new_password_that_was_not_taken_is_forgotten() {
    let mut bench = Bench::answered();
    bench.question(2, eap_type::MSCHAPV2, &failure(b"E=648 R=0 C=5B5D7C7D7B3F2F3E3C2C602132262628 V=3"));
    bench.person("newPass");
    bench.response(2);
    let again = EapMsChapV2::Challenge { identifier: 20, value: &CHALLENGE, name: b"" }.emit();
    let (_, data) = bench.asked(3, eap_type::MSCHAPV2, &again);
    let Ok(EapMsChapV2::Response { value, .. }) = EapMsChapV2::parse(&data) else { panic!() };
    let expected = respond(20, CHALLENGE, value[..16].try_into().unwrap(), &bench.credentials);
    let digits: String = expected.authenticator_response.iter().map(|octet| format!("{octet:02X}")).collect();
    let message = format!("S={digits}");
    let taken = EapMsChapV2::SuccessRequest { identifier: 20, message: message.as_bytes() }.emit();
    bench.asked(4, eap_type::MSCHAPV2, &taken);
    assert_eq!(bench.credentials.password.as_str(), "clientPass");
}

#[test]
fn a_second_question_is_to_be_answered_too() {
    let mut bench = Bench::new(&[EapMethod::Gtc]);
    bench.question(1, eap_type::GTC, b"Code?");
    bench.person("123456");
    bench.response(1);
    bench.question(2, eap_type::GTC, b"And the next code?");
    let outcome = bench.receive(eap_code::SUCCESS, 2, &[]).unwrap();
    assert!(matches!(outcome, Some(Outcome::Misbehaved(_))), "{outcome:?}");
}

/// A server that challenges again waits for no answer of a person's any more.
#[test]
fn an_answer_that_nobody_waits_for_goes_nowhere() {
    let mut bench = Bench::answered();
    bench.question(2, eap_type::MSCHAPV2, &failure(b"E=691 R=1 C=5B5D7C7D7B3F2F3E3C2C602132262628 V=3"));
    let again = EapMsChapV2::Challenge { identifier: 20, value: &CHALLENGE, name: b"" }.emit();
    bench.asked(3, eap_type::MSCHAPV2, &again);
    assert!(bench.person("another").is_none());
    assert!(sent(&mut bench.out).is_empty());
    assert_eq!(bench.credentials.password.as_str(), "clientPass");
}

/// After the new password was refused the server asks for the old one again, and takes it.
#[test]
fn a_new_password_that_was_refused_is_forgotten() {
    let mut bench = Bench::answered();
    bench.question(2, eap_type::MSCHAPV2, &failure(b"E=648 R=0 C=5B5D7C7D7B3F2F3E3C2C602132262628 V=3"));
    bench.person("newPass");
    bench.response(2);
    let message = b"E=691 R=1 C=5B5D7C7D7B3F2F3E3C2C602132262628 V=3";
    let refusal = EapMsChapV2::FailureRequest { identifier: 10, message }.emit();
    bench.question(3, eap_type::MSCHAPV2, &refusal);
    bench.person("typed");
    let (_, data) = bench.response(3);
    let Ok(EapMsChapV2::Response { identifier, value, .. }) = EapMsChapV2::parse(&data) else { panic!() };
    let expected = respond(identifier, CHALLENGE, value[..16].try_into().unwrap(), &bench.credentials);
    let digits: String = expected.authenticator_response.iter().map(|octet| format!("{octet:02X}")).collect();
    let message = format!("S={digits}");
    let taken = EapMsChapV2::SuccessRequest { identifier, message: message.as_bytes() }.emit();
    bench.asked(4, eap_type::MSCHAPV2, &taken);
    assert_eq!(bench.credentials.password.as_str(), "typed");
}

#[test]
fn md5_as_in_chap() {
    let mut bench = Bench::new(&[EapMethod::Md5]);
    let (kind, data) = bench.asked(7, eap_type::MD5_CHALLENGE, b"\x10sixteen octets..server");
    let expected = crate::crypto::chap_md5(7, b"clientPass", b"sixteen octets..");
    assert_eq!((kind, data), (eap_type::MD5_CHALLENGE, [&[16], &expected[..], b"User"].concat()));
    assert_eq!(bench.succeeds(7), signature(&Hlak::zero()));
}

#[test]
fn authentication_anew() {
    let mut bench = Bench::answered();
    bench.asked(2, eap_type::MSCHAPV2, &success());
    bench.succeeds(2);
    assert_eq!(bench.asked(3, eap_type::IDENTITY, b""), (eap_type::IDENTITY, b"User".to_vec()));
    bench.asked(4, eap_type::MSCHAPV2, &challenge());
    assert!(bench.eap.proven(&bench.config).is_none());
}

#[test]
fn what_cannot_be_read_is_discarded() {
    let mut bench = Bench::new(&[EapMethod::MsChapV2]);
    for data in
        [&[][..], &[eap_type::MSCHAPV2], &[eap_type::MSCHAPV2, 1, 9, 0, 5, 1], &[eap_type::MSCHAPV2, 2, 9, 0, 4]]
    {
        assert!(bench.receive(eap_code::REQUEST, 1, data).is_err(), "{data:?}");
    }
    assert!(bench.receive(9, 1, &[]).is_err());
    assert!(sent(&mut bench.out).is_empty());
}
