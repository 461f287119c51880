//! EAP from the first Request to its end, the server played by the test with the values of RFC 2759 9.2.

use super::super::mschapv2::respond;
use super::super::testing::sent;
use super::*;
use crate::wire::eap::eap_code;

const CHALLENGE: [u8; 16] = *b"[]|}{?/><,`!2&&(";
const PEER_CHALLENGE: [u8; 16] = *b"!@\x23$%^&*()_+:3|~";
const SUCCESS_MESSAGE: &[u8] = b"S=407A5589115FD0D6209F510FE9C04566932CDA56 M=Welcome";

/// The peer's side, and what it sent.
struct Bench {
    eap: Eap,
    credentials: Credentials,
    entropy: Entropy,
    out: Outbox,
}

impl Bench {
    fn new() -> Self {
        let credentials = Credentials { user_name: "User".to_owned(), password: "clientPass".to_owned().into() };
        Bench { eap: Eap::default(), credentials, entropy: Entropy::new([3; 32]), out: Outbox::default() }
    }

    /// A bench whose response to the challenge of RFC 2759 9.2 waits for the server's word on it.
    fn answered() -> Self {
        let mut bench = Bench::new();
        let response = respond(9, CHALLENGE, PEER_CHALLENGE, &bench.credentials);
        bench.eap.mschapv2.sent = Some(Box::new(response));
        bench
    }

    fn receive(&mut self, code: u8, identifier: u8, data: &[u8]) -> Result<Option<Outcome>, Malformed> {
        let packet = ControlPacket { code, identifier, data };
        self.eap.handle_packet(packet, &self.credentials, &mut self.entropy, &mut self.out)
    }

    /// Type and data of the Response to a Request.
    #[track_caller]
    fn asked(&mut self, identifier: u8, kind: u8, data: &[u8]) -> (u8, Vec<u8>) {
        assert!(self.receive(eap_code::REQUEST, identifier, &[&[kind], data].concat()).unwrap().is_none());
        let mut responses = sent(&mut self.out);
        assert_eq!(responses.len(), 1);
        let response = responses.remove(0);
        assert_eq!((response.code, response.identifier), (eap_code::RESPONSE, identifier));
        (response.data[0], response.data[1..].to_vec())
    }

    fn success(&self) -> Vec<u8> {
        EapMsChapV2::SuccessRequest { identifier: 9, message: SUCCESS_MESSAGE }.emit()
    }
}

#[test]
fn what_every_method_needs() {
    let mut bench = Bench::new();
    assert_eq!(bench.asked(1, eap_type::IDENTITY, b"Who?"), (eap_type::IDENTITY, b"User".to_vec()));
    assert_eq!(bench.asked(2, eap_type::NOTIFICATION, b"Maintenance"), (eap_type::NOTIFICATION, vec![]));
    // pppd and Windows begin with a method that we do not have: the Nak names the one that we have (RFC 3748 5.3.1)
    for (identifier, kind) in [(3, eap_type::MD5_CHALLENGE), (4, 13), (5, 25), (6, eap_type::EXPANDED)] {
        assert_eq!(bench.asked(identifier, kind, &[0; 17]), (eap_type::NAK, vec![eap_type::MSCHAPV2]));
    }
    assert!(!bench.eap.has_answered());
}

#[test]
fn both_sides_prove_themselves() {
    let mut bench = Bench::new();
    let challenge = EapMsChapV2::Challenge { identifier: 9, value: &CHALLENGE, name: b"server" }.emit();
    let (kind, data) = bench.asked(1, eap_type::MSCHAPV2, &challenge);
    let Ok(EapMsChapV2::Response { identifier: 9, value, name: b"User" }) = EapMsChapV2::parse(&data) else {
        panic!("{kind} {data:02x?}")
    };
    assert_eq!(value.len(), 49);

    let mut bench = Bench::answered();
    let success = bench.success();
    assert!(bench.eap.proven().is_none());
    assert_eq!(bench.asked(2, eap_type::MSCHAPV2, &success), (eap_type::MSCHAPV2, vec![3]));
    assert!(bench.eap.proven().is_some());
    let end = bench.receive(eap_code::SUCCESS, 2, &[]).unwrap();
    assert!(matches!(end, Some(Outcome::Authenticated(_))), "{end:?}");
}

#[test]
fn a_server_without_the_password_is_not_believed() {
    let mut bench = Bench::answered();
    let wrong = EapMsChapV2::SuccessRequest { identifier: 9, message: &[b'S'; 42] }.emit();
    let end = bench.receive(eap_code::REQUEST, 2, &[&[eap_type::MSCHAPV2], &wrong[..]].concat()).unwrap();
    assert!(matches!(end, Some(Outcome::PeerNotAuthentic)), "{end:?}");
    // an end of EAP that no method came to, and a verdict before there was anything to judge
    let mut bench = Bench::answered();
    assert!(bench.receive(eap_code::SUCCESS, 2, &[]).unwrap().is_none());
    let mut bench = Bench::new();
    let early = [&[eap_type::MSCHAPV2], &bench.success()[..]].concat();
    assert!(bench.receive(eap_code::REQUEST, 2, &early).is_err());
    assert!(bench.receive(eap_code::SUCCESS, 2, &[]).unwrap().is_none());
    assert!(bench.eap.proven().is_none());
}

#[test]
fn a_refusal_says_why() {
    let mut bench = Bench::answered();
    let failure = EapMsChapV2::FailureRequest { identifier: 9, message: b"E=691 R=0 C=00 V=3 M=No" }.emit();
    assert_eq!(bench.asked(2, eap_type::MSCHAPV2, &failure), (eap_type::MSCHAPV2, vec![4]));
    let end = bench.receive(eap_code::FAILURE, 2, &[]).unwrap();
    assert!(matches!(&end, Some(Outcome::Failed { code: Some(691), message }) if message == "No"), "{end:?}");
    // and a bare Failure is one, too
    let end = Bench::new().receive(eap_code::FAILURE, 2, &[]).unwrap();
    assert!(matches!(end, Some(Outcome::Failed { code: None, .. })), "{end:?}");
}

#[test]
fn a_retransmission_gets_the_same_answer() {
    let mut bench = Bench::new();
    let challenge = EapMsChapV2::Challenge { identifier: 9, value: &CHALLENGE, name: b"server" }.emit();
    let first = bench.asked(1, eap_type::MSCHAPV2, &challenge);
    assert_eq!(bench.asked(1, eap_type::MSCHAPV2, &challenge), first);
}

#[test]
fn what_cannot_be_read_is_discarded() {
    let mut bench = Bench::new();
    for data in
        [&[][..], &[eap_type::MSCHAPV2], &[eap_type::MSCHAPV2, 1, 9, 0, 5, 1], &[eap_type::MSCHAPV2, 2, 9, 0, 4]]
    {
        assert!(bench.receive(eap_code::REQUEST, 1, data).is_err(), "{data:?}");
    }
    assert!(sent(&mut bench.out).is_empty());
}
