//! Servers whose authentication is none: each ends with an error that says what the server did, within a minute,
//! however much it sends.

mod support;

use std::sync::Arc;
use std::time::Duration;

use nm_sstp::session::{AuthProtocol, Config, EapConfig, EapMethod, Error, Methods, TtlsInner};
use nm_sstp::wire::eap::{EapMsChapV2, TlsPiece, eap_code, eap_type};
use nm_sstp::wire::tlv::{Tlv, tlv_type};
use support::client;
use support::scripted::{End, Packet, ends};
use support::words::{HELLO, Words};

/// The negotiation timer of the call, and the second in which it ends.
const A_MINUTE: Duration = Duration::from_secs(61);
const CHAP_CHALLENGE: u8 = 1;
const CHAP_SUCCESS: u8 = 3;
const NOT_THE_PROOF: &[u8] = b"S=0123456789ABCDEF0123456789ABCDEF01234567";

/// A client that speaks these methods of EAP.
fn eap(methods: &[EapMethod]) -> Config {
    let eap = EapConfig {
        methods: methods.to_vec(),
        inner_methods: vec![EapMethod::MsChapV2],
        ttls: TtlsInner::Eap,
        tls: Some(Arc::new(Words::default())),
        ..EapConfig::default()
    };
    Config { eap, methods: Methods { pap: false, chap_md5: false, mschapv2: false, eap: true }, ..client() }
}

fn eap_ends(methods: &[EapMethod], script: impl FnMut(Option<&Packet>) -> Vec<Packet>) -> End {
    ends(eap(methods), AuthProtocol::Eap, Box::new(script))
}

fn chap_ends(protocol: AuthProtocol, script: impl FnMut(Option<&Packet>) -> Vec<Packet>) -> End {
    ends(client(), protocol, Box::new(script))
}

/// The server breaks the protocol, and the sentence says how.
#[track_caller]
fn misbehaved(end: &End, how: &str) {
    assert!(matches!(&end.error, Error::PeerMisbehaved(what) if what.contains(how)), "{end:?}");
    assert!(end.error.to_string().starts_with("the server breaks the protocol ("), "{}", end.error);
}

#[track_caller]
fn at_once(end: &End) {
    assert!(end.after <= Duration::from_secs(1), "{end:?}");
}

/// Says these packets one after the other, each after one of the client's, and then nothing more.
fn one_by_one(packets: Vec<Packet>) -> impl FnMut(Option<&Packet>) -> Vec<Packet> {
    let mut packets = packets.into_iter();
    move |_| packets.next().into_iter().collect()
}

fn mschapv2_challenge(value: &[u8]) -> Packet {
    Packet::mschapv2(1, &EapMsChapV2::Challenge { identifier: 9, value, name: b"server" })
}

fn chap_challenge(identifier: u8, value: &[u8]) -> Packet {
    Packet(CHAP_CHALLENGE, identifier, [&[value.len() as u8], value, b"server"].concat())
}

fn start(identifier: u8, kind: u8) -> Packet {
    Packet::piece(identifier, kind, TlsPiece { message_length: None, more: false, start: true, version: 0, data: &[] })
}

fn whole(identifier: u8, kind: u8, data: &[u8]) -> Packet {
    Packet::piece(identifier, kind, TlsPiece { message_length: None, more: false, start: false, version: 0, data })
}

#[test]
fn a_loop_of_naks() {
    // methods that we do not have, one after the other: each is refused by a Nak
    let mut kind = 100;
    let end = eap_ends(&[EapMethod::MsChapV2], |_| {
        kind += 1;
        vec![Packet::request(kind, kind, &[])]
    });
    assert!(matches!(end.error, Error::NoCommonEapMethod { .. }), "{end:?}");
    assert!(end.error.to_string().starts_with("the server asks for EAP type 109 inside EAP"), "{}", end.error);
    at_once(&end);
    assert_eq!(end.sent, 8);
}

#[test]
fn endless_eap_requests() {
    for (kind, more) in [(eap_type::IDENTITY, 1), (eap_type::IDENTITY, 0), (eap_type::NOTIFICATION, 1)] {
        let mut identifier = 0u8;
        let end = eap_ends(&[EapMethod::MsChapV2], |_| {
            identifier = identifier.wrapping_add(more);
            vec![Packet::request(identifier, kind, b"Who?")]
        });
        misbehaved(&end, "it asks without end in EAP");
        at_once(&end);
        assert_eq!(end.sent, 512);
    }
    // all at once, without waiting for an answer
    let mut flood = (0..10_000u32).map(|number| Packet::request(number as u8, eap_type::IDENTITY, b"")).collect();
    let end = eap_ends(&[EapMethod::MsChapV2], |_| std::mem::take(&mut flood));
    misbehaved(&end, "it asks without end in EAP");
    at_once(&end);
    assert!(end.sent < 128, "{end:?}");
}

#[test]
fn endless_chap_challenges() {
    for protocol in [AuthProtocol::MsChapV2, AuthProtocol::ChapMd5] {
        let mut identifier = 0u8;
        let end = chap_ends(protocol, |_| {
            identifier = identifier.wrapping_add(1);
            vec![chap_challenge(identifier, &[identifier; 16])]
        });
        misbehaved(&end, "it challenges without end");
        at_once(&end);
        assert!(end.sent <= 128, "{end:?}");
    }
}

#[test]
fn endless_questions_to_a_person() {
    for method in [EapMethod::Gtc, EapMethod::Otp] {
        let mut flood = (0..500u32)
            .map(|number| Packet::request(number as u8, method.kind(), number.to_string().as_bytes()))
            .collect();
        let config = Config { may_ask: true, ..eap(&[method]) };
        let end = ends(config, AuthProtocol::Eap, Box::new(|_| std::mem::take(&mut flood)));
        misbehaved(&end, "it asks a person without end");
        at_once(&end);
        assert_eq!(end.sent, 0);
    }
}

#[test]
fn fragments_that_never_end() {
    for method in [EapMethod::Tls, EapMethod::Peap, EapMethod::Ttls] {
        let endless = |message_length: Option<usize>, data: &[u8]| {
            let mut requests = 0u32;
            eap_ends(&[method], |_| {
                requests += 1;
                match requests {
                    1 => vec![start(1, method.kind())],
                    _ => {
                        let piece = TlsPiece { message_length, more: true, start: false, version: 0, data };
                        vec![Packet::piece(requests as u8, method.kind(), piece)]
                    }
                }
            })
        };
        let end = endless(None, &[7; 1000]);
        misbehaved(&end, "its TLS message inside EAP has no end");
        at_once(&end);
        assert!(end.sent < 70, "{end:?}");
        let end = endless(Some(1 << 30), &[7; 1000]);
        misbehaved(&end, "its TLS message inside EAP has no end");
        assert!(end.sent < 3, "{end:?}");
        // pieces with nothing in them
        let end = endless(None, &[]);
        misbehaved(&end, "it asks without end in EAP");
        assert!(end.sent <= 512, "{end:?}");
    }
}

#[test]
fn a_challenge_of_the_wrong_length() {
    for length in [0, 8, 15, 17, 255] {
        let expected = format!("MS-CHAPv2 Challenge at octet 0: length is {length}, must be 16");
        let end = eap_ends(&[EapMethod::MsChapV2], one_by_one(vec![mschapv2_challenge(&vec![1; length])]));
        misbehaved(&end, &expected);
        assert!(end.after <= A_MINUTE && end.sent == 0, "{end:?}");
        let end = chap_ends(AuthProtocol::MsChapV2, one_by_one(vec![chap_challenge(1, &vec![1; length])]));
        misbehaved(&end, &expected);
        assert!(end.after <= A_MINUTE && end.sent == 0, "{end:?}");
    }
    let end = eap_ends(&[EapMethod::Md5], one_by_one(vec![Packet::request(1, eap_type::MD5_CHALLENGE, &[9, 1, 2])]));
    misbehaved(&end, "EAP MD5-Challenge Value-Size");
    assert!(end.after <= A_MINUTE && end.sent == 0, "{end:?}");
}

#[test]
fn a_challenge_of_the_wrong_length_inside_of_tls() {
    let mut inside = vec![eap_type::MSCHAPV2];
    inside.extend(EapMsChapV2::Challenge { identifier: 9, value: &[1; 8], name: b"" }.emit());
    let kind = eap_type::PEAP;
    let end =
        eap_ends(&[EapMethod::Peap], one_by_one(vec![start(1, kind), whole(2, kind, HELLO), whole(3, kind, &inside)]));
    misbehaved(&end, "MS-CHAPv2 Challenge at octet 0: length is 8, must be 16");
    at_once(&end);
}

#[test]
fn a_wrong_authenticator_response() {
    let success = Packet::mschapv2(2, &EapMsChapV2::SuccessRequest { identifier: 9, message: NOT_THE_PROOF });
    let eap = eap_ends(&[EapMethod::MsChapV2], one_by_one(vec![mschapv2_challenge(&[1; 16]), success]));
    let script = vec![chap_challenge(1, &[1; 16]), Packet(CHAP_SUCCESS, 1, NOT_THE_PROOF.to_vec())];
    let chap = chap_ends(AuthProtocol::MsChapV2, one_by_one(script));
    for end in [eap, chap] {
        assert_eq!(end.error, Error::PeerNotAuthentic);
        assert!(end.error.to_string().contains("without proof that it knows it"), "{}", end.error);
        at_once(&end);
        // the response, and no thanks for the wrong one
        assert_eq!(end.sent, 1);
    }
}

#[test]
fn success_without_authentication() {
    let success = || Packet(eap_code::SUCCESS, 1, Vec::new());
    let identity = Packet::request(1, eap_type::IDENTITY, b"");
    let kind = eap_type::PEAP;
    let mut result = vec![eap_code::REQUEST, 5, 0, 11, eap_type::EXTENSIONS];
    Tlv { mandatory: true, kind: tlv_type::RESULT, value: &[0, 1] }.emit(&mut result);
    for script in [
        vec![success()],
        vec![identity, success()],
        vec![mschapv2_challenge(&[1; 16]), success()],
        vec![start(1, kind), success()],
        vec![start(1, kind), whole(2, kind, HELLO), Packet(eap_code::SUCCESS, 2, Vec::new())],
        vec![start(1, kind), whole(2, kind, HELLO), whole(3, kind, &[eap_code::SUCCESS, 3, 0, 4])],
        vec![start(1, kind), whole(2, kind, HELLO), whole(3, kind, &result)],
    ] {
        let end = eap_ends(&[EapMethod::MsChapV2, EapMethod::Peap], one_by_one(script));
        misbehaved(&end, "before there was a proof");
        at_once(&end);
    }
    for protocol in [AuthProtocol::MsChapV2, AuthProtocol::ChapMd5] {
        let end = chap_ends(protocol, one_by_one(vec![Packet(CHAP_SUCCESS, 1, NOT_THE_PROOF.to_vec())]));
        misbehaved(&end, "it declares success before there was a proof");
        at_once(&end);
        assert_eq!(end.sent, 0);
    }
}

#[test]
fn a_second_authentication_after_success() {
    let challenge = [&[16], &[1; 16][..]].concat();
    let first = Packet::request(1, eap_type::MD5_CHALLENGE, &challenge);
    let success = Packet(eap_code::SUCCESS, 1, Vec::new());
    let again = Packet::request(2, eap_type::MD5_CHALLENGE, &challenge);
    let another = Packet::mschapv2(2, &EapMsChapV2::Challenge { identifier: 9, value: &[1; 16], name: b"" });
    let methods = [EapMethod::Md5, EapMethod::MsChapV2];
    for (after, how) in [
        (vec![success.clone(), again], "it begins a second method of EAP after it had declared success"),
        (vec![success, another.clone()], "it begins a second method of EAP after it had declared success"),
        // before it has declared anything
        (vec![another], "it wants a second method of EAP after the first one"),
    ] {
        let mut script = vec![vec![first.clone()], after].into_iter();
        let end = eap_ends(&methods, |_| script.next().unwrap_or_default());
        misbehaved(&end, how);
        at_once(&end);
    }
}

#[test]
fn an_identifier_out_of_step() {
    let challenge = [&[16], &[1; 16][..]].concat();
    let request = || Packet::request(1, eap_type::MD5_CHALLENGE, &challenge);
    for identifier in [0, 3, 255] {
        for (verdict, name) in [(eap_code::SUCCESS, "EAP Success"), (eap_code::FAILURE, "EAP Failure")] {
            let script = vec![request(), Packet(verdict, identifier, Vec::new())];
            let end = eap_ends(&[EapMethod::Md5], one_by_one(script));
            misbehaved(&end, &format!("identifier of {name} at octet 1: value {identifier:#x} is not allowed"));
            assert!(end.after <= A_MINUTE && end.sent == 1, "{end:?}");
        }
        for (protocol, what) in [
            (AuthProtocol::MsChapV2, "identifier of the verdict on our MS-CHAPv2 response"),
            (AuthProtocol::ChapMd5, "identifier of the verdict on our CHAP response"),
        ] {
            let script = vec![chap_challenge(1, &[1; 16]), Packet(CHAP_SUCCESS, identifier, Vec::new())];
            let end = chap_ends(protocol, one_by_one(script));
            misbehaved(&end, what);
            assert!(end.after <= A_MINUTE && end.sent == 1, "{end:?}");
        }
    }
    let script = vec![Packet(2, 99, vec![0])];
    let end = ends(client(), AuthProtocol::Pap, Box::new(one_by_one(script)));
    misbehaved(&end, "identifier of the reply to our PAP request");
    assert!(end.after <= A_MINUTE, "{end:?}");
}
