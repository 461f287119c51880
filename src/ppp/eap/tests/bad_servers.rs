//! Servers that do not keep to EAP: each ends with an error of its own, after a bounded number of packets.

use super::super::super::auth::question::MAX_QUESTIONS;
use super::*;

#[track_caller]
fn misbehaved(outcome: &Outcome, how: &str) {
    assert!(matches!(outcome, Outcome::Misbehaved(text) if text.contains(how)), "{outcome:?}");
}

#[test]
fn success_without_authentication() {
    let mut bench = Bench::new(&[EapMethod::MsChapV2]);
    let outcome = bench.receive(eap_code::SUCCESS, 1, &[]).unwrap().unwrap();
    misbehaved(&outcome, "before there was a proof");
    // after our response, before the server has proven anything
    let mut bench = Bench::answered();
    let outcome = bench.receive(eap_code::SUCCESS, 2, &[]).unwrap().unwrap();
    misbehaved(&outcome, "before there was a proof");
    assert!(bench.eap.proven(&bench.config).is_none());
}

#[test]
fn a_verdict_before_there_was_anything_to_judge() {
    let mut bench = Bench::new(&[EapMethod::MsChapV2]);
    let early = [&[eap_type::MSCHAPV2], &success()[..]].concat();
    assert!(bench.receive(eap_code::REQUEST, 1, &early).is_err());
    assert!(sent(&mut bench.out).is_empty());
}

#[test]
fn a_challenge_of_the_wrong_length() {
    for length in [0, 8, 15, 17, 255] {
        let mut bench = Bench::new(&[EapMethod::MsChapV2]);
        let challenge = EapMsChapV2::Challenge { identifier: 9, value: &vec![7; length], name: b"server" }.emit();
        let error = bench.receive(eap_code::REQUEST, 1, &[&[eap_type::MSCHAPV2], &challenge[..]].concat()).unwrap_err();
        assert_eq!(error.what, "MS-CHAPv2 Challenge");
    }
}

#[test]
fn a_second_authentication_after_the_first() {
    let mut bench = Bench::answered();
    bench.config.methods.push(EapMethod::Gtc);
    bench.asked(2, eap_type::MSCHAPV2, &success());
    misbehaved(&bench.fails(3, eap_type::GTC, b"Code?"), "second method");
    let mut bench = Bench::answered();
    bench.asked(2, eap_type::MSCHAPV2, &success());
    bench.succeeds(2);
    misbehaved(&bench.fails(3, eap_type::GTC, b"Code?"), "second method");
}

#[test]
fn another_method_in_the_middle_of_one() {
    let mut bench = Bench::answered();
    bench.config.methods.push(EapMethod::Gtc);
    let error = bench.receive(eap_code::REQUEST, 2, &[eap_type::GTC]).unwrap_err();
    assert_eq!(error.what, "EAP type in the middle of another method");
}

#[test]
fn an_identifier_out_of_step() {
    let mut bench = Bench::answered();
    bench.asked(2, eap_type::MSCHAPV2, &success());
    for identifier in [1, 4, 255] {
        let error = bench.receive(eap_code::SUCCESS, identifier, &[]).unwrap_err();
        assert_eq!(error.what, "identifier of EAP Success");
        let error = bench.receive(eap_code::FAILURE, identifier, &[]).unwrap_err();
        assert_eq!(error.what, "identifier of EAP Failure");
    }
    // that of the Response, or the next one
    bench.succeeds(3);
}

#[test]
fn a_packet_of_our_own_kind() {
    let mut bench = Bench::answered();
    assert!(bench.receive(eap_code::RESPONSE, 2, &[eap_type::IDENTITY]).is_err());
}

#[test]
fn naks_without_end() {
    let mut bench = Bench::new(&[EapMethod::MsChapV2]);
    let kinds: Vec<u8> = (40..=200).collect();
    for (count, kind) in kinds.iter().enumerate() {
        match bench.receive(eap_code::REQUEST, count as u8, &[*kind]).unwrap() {
            None => assert_eq!(bench.response(count as u8).0, eap_type::NAK),
            Some(Outcome::NoCommonEapMethod { asked }) => {
                assert_eq!(asked, EapMethod::describe(*kind));
                return assert_eq!(count, MAX_NAKS as usize);
            }
            Some(other) => panic!("{other:?}"),
        }
    }
    panic!("it goes on for ever");
}

#[test]
fn requests_without_end() {
    // each another one, or the same again and again
    for step in [1, 0] {
        let mut bench = Bench::new(&[EapMethod::MsChapV2]);
        let mut identifier = 0u8;
        for _ in 0..MAX_REQUESTS {
            bench.asked(identifier, eap_type::IDENTITY, b"Who?");
            identifier = identifier.wrapping_add(step);
        }
        misbehaved(&bench.fails(identifier, eap_type::IDENTITY, b"Who?"), "without end");
    }
}

#[test]
fn questions_to_the_person_without_end() {
    let mut bench = Bench::answered();
    let mut identifier = 9u8;
    for request in 2..100 {
        let message = b"E=691 R=1 C=5B5D7C7D7B3F2F3E3C2C602132262628 V=3";
        let refusal = EapMsChapV2::FailureRequest { identifier, message }.emit();
        match bench.receive(eap_code::REQUEST, request, &[&[eap_type::MSCHAPV2], &refusal[..]].concat()).unwrap() {
            Some(Outcome::Asks(_)) => bench.person("again"),
            None => {
                assert_eq!(bench.response(request), (eap_type::MSCHAPV2, vec![4]));
                return assert_eq!(u32::from(request - 2), MAX_QUESTIONS);
            }
            Some(other) => panic!("{other:?}"),
        };
        identifier = identifier.wrapping_add(1);
        bench.response(request);
    }
    panic!("it goes on for ever");
}
