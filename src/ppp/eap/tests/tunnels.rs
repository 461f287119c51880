//! EAP-TLS, PEAP and EAP-TTLS over a TLS that is none: its handshake are words, its records are what is inside of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::super::inner_tls::{Fault, TlsClient, TlsConnector, TlsError};
use super::super::tls::{MAX_PIECE, RECORD_ROOM};
use super::*;
use crate::crypto::peap::CompoundKeys;
use crate::wire::avp::{Avp, avp_code};
use crate::wire::eap::TlsPiece;
use crate::wire::tlv::{Cryptobinding, Tlv, result_status, tlv_type};

/// What the server says in the handshake.
const HELLO: &[u8] = b"server hello";
const FINISHED: &[u8] = b"server finished";
const STRANGER: &[u8] = b"certificate of a stranger";

#[derive(Default)]
struct Words {
    tls13: bool,
    resumed: bool,
    kept: Arc<AtomicBool>,
}

struct WordsClient {
    established: bool,
    words: Words,
}

impl TlsConnector for Words {
    fn connect(&self) -> Result<Box<dyn TlsClient>, TlsError> {
        let words = Words { kept: self.kept.clone(), ..*self };
        Ok(Box::new(WordsClient { established: false, words }))
    }
}

impl TlsClient for WordsClient {
    fn handle(
        &mut self,
        input: &[u8],
        records: &mut Vec<u8>,
        plaintext: &mut Zeroizing<Vec<u8>>,
    ) -> Result<(), TlsError> {
        match input {
            b"" if !self.established => records.extend_from_slice(b"client hello"),
            HELLO => {
                self.established = self.words.tls13 || self.words.resumed;
                records.extend_from_slice(&[b'f'; 3000]);
            }
            FINISHED => self.established = true,
            STRANGER => {
                records.extend_from_slice(b"alert");
                return Err(TlsError { fault: Fault::Certificate, text: "a stranger".to_owned() });
            }
            inside => plaintext.extend_from_slice(inside),
        }
        Ok(())
    }

    fn send(&mut self, plaintext: &[u8], records: &mut Vec<u8>) -> Result<(), TlsError> {
        assert!(self.established);
        records.extend_from_slice(plaintext);
        Ok(())
    }

    fn is_established(&self) -> bool {
        self.established
    }

    fn is_resumed(&self) -> bool {
        self.words.resumed
    }

    fn is_tls13(&self) -> bool {
        self.words.tls13
    }

    fn export(&self, label: &str, context: Option<&[u8]>, out: &mut [u8]) -> Result<(), TlsError> {
        let seed = label.bytes().chain(context.into_iter().flatten().copied()).map(u32::from).sum::<u32>();
        if !self.established {
            return Err(TlsError { fault: Fault::Local, text: "too early".to_owned() });
        }
        for (place, octet) in out.iter_mut().zip(seed..) {
            *place = octet as u8;
        }
        Ok(())
    }

    fn keep_session(&mut self) {
        self.words.kept.store(true, Ordering::Relaxed);
    }
}

/// What [`WordsClient::export`] gives.
fn exported<const N: usize>(label: &str, context: &[u8]) -> [u8; N] {
    let seed = label.bytes().chain(context.iter().copied()).map(u32::from).sum::<u32>();
    std::array::from_fn(|i| (seed + i as u32) as u8)
}

impl Bench {
    fn tunnel(method: EapMethod, words: Words) -> Self {
        let mut bench = Bench::new(&[method]);
        bench.config.tls = Some(Arc::new(words));
        bench
    }

    /// One message of the server's, whole in one Request; gathers the pieces of ours.
    #[track_caller]
    fn tls(&mut self, identifier: &mut u8, kind: u8, message: &[u8]) -> Vec<u8> {
        let piece = |data| TlsPiece { message_length: None, more: false, start: false, version: 0, data }.emit();
        *identifier += 1;
        let (_, mut response) = self.asked(*identifier, kind, &piece(message));
        let mut whole = Vec::new();
        loop {
            let answer = TlsPiece::parse(&response).unwrap();
            whole.extend_from_slice(answer.data);
            if !answer.more {
                return whole;
            }
            *identifier += 1;
            response = self.asked(*identifier, kind, &piece(&[])).1;
        }
    }

    /// From the server's Start to the end of the handshake; TLS 1.2 needs another round.
    fn handshake(&mut self, kind: u8, tls13: bool) -> u8 {
        let start = TlsPiece { message_length: None, more: false, start: true, version: 0, data: &[] }.emit();
        let (_, response) = self.asked(1, kind, &start);
        assert_eq!(TlsPiece::parse(&response).unwrap().data, b"client hello");
        let mut identifier = 1;
        assert_eq!(self.tls(&mut identifier, kind, HELLO), [b'f'; 3000]);
        if !tls13 {
            assert_eq!(self.tls(&mut identifier, kind, FINISHED), b"");
        }
        identifier
    }
}

#[test]
fn eap_tls_before_1_3() {
    let kept = Arc::new(AtomicBool::new(false));
    let mut bench = Bench::tunnel(EapMethod::Tls, Words { kept: kept.clone(), ..Words::default() });
    let identifier = bench.handshake(eap_type::TLS, false);
    let expected = Hlak::from_key_material(&exported::<32>("client EAP encryption", &[]));
    assert_eq!(signature(&bench.eap.proven(&bench.config).unwrap()), signature(&expected));
    assert!(!kept.load(Ordering::Relaxed));
    assert_eq!(bench.succeeds(identifier), signature(&expected));
    assert!(kept.load(Ordering::Relaxed));
}

#[test]
fn eap_tls_1_3_waits_for_the_commitment() {
    let mut bench = Bench::tunnel(EapMethod::Tls, Words { tls13: true, ..Words::default() });
    let mut identifier = bench.handshake(eap_type::TLS, true);
    assert!(bench.eap.proven(&bench.config).is_none());
    assert_eq!(bench.tls(&mut identifier, eap_type::TLS, &[0]), b"");
    let expected = Hlak::from_key_material(&exported::<32>("EXPORTER_EAP_TLS_Key_Material", &[13]));
    assert_eq!(bench.succeeds(identifier), signature(&expected));
}

/// pppd 2.4.9 says nothing but EAP Success after a TLS 1.3 handshake.
#[test]
fn eap_tls_1_3_takes_success_for_the_commitment() {
    let mut bench = Bench::tunnel(EapMethod::Tls, Words { tls13: true, ..Words::default() });
    let identifier = bench.handshake(eap_type::TLS, true);
    let expected = Hlak::from_key_material(&exported::<32>("EXPORTER_EAP_TLS_Key_Material", &[13]));
    assert_eq!(bench.succeeds(identifier), signature(&expected));
}

#[test]
fn eap_tls_before_the_end_of_the_handshake_is_no_success() {
    for tls13 in [false, true] {
        let mut bench = Bench::tunnel(EapMethod::Tls, Words { tls13, ..Words::default() });
        let start = TlsPiece { message_length: None, more: false, start: true, version: 0, data: &[] }.emit();
        bench.asked(1, eap_type::TLS, &start);
        let outcome = bench.receive(eap_code::SUCCESS, 1, &[]).unwrap();
        assert!(matches!(outcome, Some(Outcome::Misbehaved(_))), "{outcome:?}");
    }
}

#[test]
fn eap_tls_1_3_resumed_needs_no_commitment_but_a_success() {
    let mut bench = Bench::tunnel(EapMethod::Tls, Words { tls13: true, resumed: true, ..Words::default() });
    let identifier = bench.handshake(eap_type::TLS, true);
    assert!(bench.eap.proven(&bench.config).is_none());
    let expected = Hlak::from_key_material(&exported::<32>("EXPORTER_EAP_TLS_Key_Material", &[13]));
    assert_eq!(bench.succeeds(identifier), signature(&expected));
}

/// A resumed handshake is complete for us before the server has all of it.
#[test]
fn eap_tls_is_not_over_while_we_are_sending() {
    let mut bench = Bench::tunnel(EapMethod::Tls, Words { resumed: true, ..Words::default() });
    let piece = |data, start| TlsPiece { message_length: None, more: false, start, version: 0, data }.emit();
    bench.asked(1, eap_type::TLS, &piece(&[], true));
    let (_, response) = bench.asked(2, eap_type::TLS, &piece(HELLO, false));
    assert!(TlsPiece::parse(&response).unwrap().more);
    assert!(bench.eap.proven(&bench.config).is_none());
    let outcome = bench.receive(eap_code::SUCCESS, 2, &[]).unwrap();
    assert!(matches!(outcome, Some(Outcome::Misbehaved(_))), "{outcome:?}");
}

#[test]
fn the_key_of_old_servers_is_made_of_halves() {
    let mut bench = Bench::tunnel(EapMethod::Tls, Words::default());
    bench.config.hlak = HlakRule::Halves;
    let identifier = bench.handshake(eap_type::TLS, false);
    let msk = exported::<64>("client EAP encryption", &[]);
    let halves = [&msk[..16], &msk[32..48]].concat();
    assert_eq!(bench.succeeds(identifier), signature(&Hlak::from_key_material(&halves)));
}

#[test]
fn a_message_in_pieces() {
    let mut bench = Bench::tunnel(EapMethod::Tls, Words::default());
    let start = TlsPiece { message_length: None, more: false, start: true, version: 0, data: &[] }.emit();
    bench.asked(1, eap_type::TLS, &start);
    for (identifier, octet) in (2..).zip(&HELLO[..HELLO.len() - 1]) {
        let message_length = (identifier == 2).then_some(HELLO.len());
        let piece = TlsPiece { message_length, more: true, start: false, version: 0, data: &[*octet] };
        assert_eq!(bench.asked(identifier, eap_type::TLS, &piece.emit()), (eap_type::TLS, vec![0]));
    }
    let last = TlsPiece { message_length: None, more: false, start: false, version: 0, data: b"o" };
    let (_, response) = bench.asked(100, eap_type::TLS, &last.emit());
    let first = TlsPiece::parse(&response).unwrap();
    assert_eq!((first.message_length, first.more), (Some(3000), true));
    assert!(response.len() <= 1500 - 5, "{}", response.len());
    // data in place of the acknowledgment that is due
    let early = TlsPiece { data: b"more", ..last }.emit();
    assert!(bench.receive(eap_code::REQUEST, 101, &[&[eap_type::TLS], &early[..]].concat()).is_err());
}

#[test]
fn pieces_without_end() {
    let endless = |message_length| {
        let mut bench = Bench::tunnel(EapMethod::Tls, Words::default());
        let start = TlsPiece { message_length: None, more: false, start: true, version: 0, data: &[] }.emit();
        bench.asked(1, eap_type::TLS, &start);
        for identifier in 0..2000u32 {
            let piece = TlsPiece { message_length, more: true, start: false, version: 0, data: &[7; 1000] }.emit();
            let data = [&[eap_type::TLS], &piece[..]].concat();
            if let Some(outcome) = bench.receive(eap_code::REQUEST, (identifier + 2) as u8, &data).unwrap() {
                assert!(matches!(&outcome, Outcome::Misbehaved(text) if text.contains("no end")), "{outcome:?}");
                return identifier;
            }
            sent(&mut bench.out);
        }
        panic!("it goes on for ever");
    };
    assert!(endless(None) < 70);
    assert_eq!(endless(Some(1 << 30)), 0);
}

#[test]
fn pieces_with_nothing_in_them_without_end() {
    let mut bench = Bench::tunnel(EapMethod::Tls, Words::default());
    let start = TlsPiece { message_length: None, more: false, start: true, version: 0, data: &[] }.emit();
    bench.asked(1, eap_type::TLS, &start);
    let piece = TlsPiece { message_length: None, more: true, start: false, version: 0, data: &[] }.emit();
    let data = [&[eap_type::TLS], &piece[..]].concat();
    let end = (0..2000u32).find_map(|count| {
        sent(&mut bench.out);
        bench.receive(eap_code::REQUEST, count as u8, &data).unwrap()
    });
    assert!(matches!(&end, Some(Outcome::Misbehaved(text)) if text.contains("without end")), "{end:?}");
}

#[test]
fn a_stranger_gets_an_alert() {
    let mut bench = Bench::tunnel(EapMethod::Tls, Words::default());
    let start = TlsPiece { message_length: None, more: false, start: true, version: 0, data: &[] }.emit();
    bench.asked(1, eap_type::TLS, &start);
    let piece = TlsPiece { message_length: None, more: false, start: false, version: 0, data: STRANGER }.emit();
    let outcome = bench.fails(2, eap_type::TLS, &piece);
    assert!(matches!(&outcome, Outcome::Tls(TlsError { fault: Fault::Certificate, .. })), "{outcome:?}");
    assert_eq!(TlsPiece::parse(&bench.response(2).1).unwrap().data, b"alert");
}

#[test]
fn tls_out_of_turn_is_discarded() {
    let mut bench = Bench::tunnel(EapMethod::Tls, Words::default());
    let piece = TlsPiece { message_length: None, more: false, start: false, version: 0, data: HELLO }.emit();
    assert!(bench.receive(eap_code::REQUEST, 1, &[&[eap_type::TLS], &piece[..]].concat()).is_err());
    let start = TlsPiece { start: true, ..TlsPiece::parse(&piece).unwrap() }.emit();
    bench.asked(2, eap_type::TLS, &start);
    assert!(bench.receive(eap_code::REQUEST, 3, &[&[eap_type::TLS], &start[..]].concat()).is_err());
}

/// The Extensions method of a server that is content, bound where there are keys.
fn extensions(keys: Option<&CompoundKeys>, status: u16) -> Vec<u8> {
    let mut tlvs = vec![eap_type::EXTENSIONS];
    Tlv { mandatory: true, kind: tlv_type::RESULT, value: &status.to_be_bytes() }.emit(&mut tlvs);
    if let Some(keys) = keys {
        let binding = Cryptobinding {
            version: 0,
            received_version: 0,
            sub_type: Cryptobinding::REQUEST,
            nonce: [9; 32],
            compound_mac: [0; 20],
        };
        let compound_mac = keys.compound_mac(&binding.emit());
        tlvs.extend_from_slice(&Cryptobinding { compound_mac, ..binding }.emit());
    }
    let mut packet = Vec::new();
    ControlPacket { code: eap_code::REQUEST, identifier: 77, data: &tlvs }.emit(&mut packet);
    packet
}

/// PEAP up to the end of EAP-MSCHAPv2 inside; the key that it has inside.
fn peap_with_mschapv2() -> (Bench, u8, Hlak) {
    let mut bench = Bench::tunnel(EapMethod::Peap, Words::default());
    bench.credentials.anonymous_identity = Some("nobody".to_owned());
    let mut identifier = bench.handshake(eap_type::PEAP, false);
    // inside, packets have no header, and the identity is the real one
    let identity = bench.tls(&mut identifier, eap_type::PEAP, &[eap_type::IDENTITY]);
    assert_eq!(identity, [&[eap_type::IDENTITY], &b"User"[..]].concat());
    let request = [&[eap_type::MSCHAPV2], &challenge()[..]].concat();
    let response = bench.tls(&mut identifier, eap_type::PEAP, &request);
    let Ok(EapMsChapV2::Response { value, .. }) = EapMsChapV2::parse(&response[1..]) else { panic!("{response:02x?}") };
    let sent = respond(9, CHALLENGE, value[..16].try_into().unwrap(), &bench.credentials);
    let digits: String = sent.authenticator_response.iter().map(|octet| format!("{octet:02X}")).collect();
    let message = format!("S={digits}");
    let success = EapMsChapV2::SuccessRequest { identifier: 9, message: message.as_bytes() }.emit();
    let request = [&[eap_type::MSCHAPV2], &success[..]].concat();
    assert_eq!(bench.tls(&mut identifier, eap_type::PEAP, &request), [eap_type::MSCHAPV2, 3]);
    let hash = PasswordHash::new("clientPass");
    let master_key = crate::crypto::mppe::MasterKey::new(&hash.hash(), &sent.response.nt_response);
    (bench, identifier, Hlak::from_mschapv2_client(&master_key))
}

#[test]
fn peap_binds_the_inside_to_the_outside() {
    let (mut bench, mut identifier, inner) = peap_with_mschapv2();
    let keys = CompoundKeys::new(&exported("client EAP encryption", &[]), inner.as_bytes());
    let request = extensions(Some(&keys), result_status::SUCCESS);
    let response = bench.tls(&mut identifier, eap_type::PEAP, &request);
    // a whole packet with the server's identifier, the result, and a binding that the server can check
    assert_eq!(response[..5], [eap_code::RESPONSE, 77, 0, 71, eap_type::EXTENSIONS]);
    assert_eq!(response[5..11], [0x80, 3, 0, 2, 0, 1]);
    let binding = Cryptobinding::parse(&response[15..]).unwrap();
    assert_eq!((binding.sub_type, binding.version), (Cryptobinding::RESPONSE, 0));
    let mac = keys.compound_mac(&Cryptobinding { compound_mac: [0; 20], ..binding }.emit());
    assert_eq!(binding.compound_mac, mac);
    let expected = Hlak::from_key_material(&keys.session_key()[..32]);
    assert_eq!(bench.succeeds(identifier), signature(&expected));
}

#[test]
fn peap_without_a_binding_has_the_key_of_tls() {
    let (mut bench, mut identifier, _) = peap_with_mschapv2();
    bench.tls(&mut identifier, eap_type::PEAP, &extensions(None, result_status::SUCCESS));
    let expected = Hlak::from_key_material(&exported::<32>("client EAP encryption", &[]));
    assert_eq!(bench.succeeds(identifier), signature(&expected));
}

#[test]
fn peap_with_a_wrong_binding_is_another_server() {
    let (mut bench, identifier, _) = peap_with_mschapv2();
    let keys = CompoundKeys::new(&exported("client EAP encryption", &[]), &[7; 32]);
    let request = extensions(Some(&keys), result_status::SUCCESS);
    let piece = TlsPiece { message_length: None, more: false, start: false, version: 0, data: &request }.emit();
    let outcome = bench.fails(identifier + 1, eap_type::PEAP, &piece);
    assert!(matches!(outcome, Outcome::PeerNotAuthentic), "{outcome:?}");
}

#[test]
fn peap_that_takes_its_success_back() {
    let (mut bench, mut identifier, _) = peap_with_mschapv2();
    bench.tls(&mut identifier, eap_type::PEAP, &extensions(None, result_status::SUCCESS));
    assert!(bench.eap.proven(&bench.config).is_some());
    bench.tls(&mut identifier, eap_type::PEAP, &extensions(None, result_status::FAILURE));
    assert!(bench.eap.proven(&bench.config).is_none());
    let outcome = bench.receive(eap_code::SUCCESS, identifier, &[]).unwrap();
    assert!(matches!(outcome, Some(Outcome::Misbehaved(_))), "{outcome:?}");
}

#[test]
fn debug_shows_no_key() {
    let (mut bench, mut identifier, _) = peap_with_mschapv2();
    bench.tls(&mut identifier, eap_type::PEAP, &extensions(None, result_status::SUCCESS));
    let key = format!("{:?}", exported::<8>("client EAP encryption", &[]));
    let shown = format!("{:?}", bench.eap);
    assert!(shown.contains("Peap") && !shown.contains(key.trim_matches(['[', ']'])), "{shown}");
}

/// TLS loses nothing and takes no octet twice: what is wrong inside of it would be as wrong when it came again.
#[test]
fn what_cannot_be_read_inside_of_tls_ends_it() {
    let whole = |data| TlsPiece { message_length: None, more: false, start: false, version: 0, data }.emit();
    let unbound = [&[eap_code::REQUEST, 9, 0, 9, eap_type::EXTENSIONS][..], &[0, 12, 0, 8]].concat();
    for inside in [&[eap_type::MSCHAPV2, 1, 9, 0, 5, 1][..], &unbound, &[eap_code::SUCCESS, 200, 0, 4]] {
        let mut bench = Bench::tunnel(EapMethod::Peap, Words::default());
        let mut identifier = bench.handshake(eap_type::PEAP, false);
        bench.tls(&mut identifier, eap_type::PEAP, &[eap_type::IDENTITY]);
        let outcome = bench.fails(identifier + 1, eap_type::PEAP, &whole(inside));
        assert!(matches!(&outcome, Outcome::Misbehaved(text) if text.contains("inside of TLS")), "{outcome:?}");
    }
    let mut bench = ttls(TtlsInner::Pap);
    let (identifier, _) = first_pairs(&mut bench);
    let outcome = bench.fails(identifier + 1, eap_type::TTLS, &whole(&[0, 0, 0, 1, 0x40, 0, 0, 7]));
    assert!(matches!(&outcome, Outcome::Misbehaved(text) if text.contains("AVP")), "{outcome:?}");
}

#[test]
fn peap_that_ends_before_it_began_inside() {
    let mut bench = Bench::tunnel(EapMethod::Peap, Words::default());
    let identifier = bench.handshake(eap_type::PEAP, false);
    let request = extensions(None, result_status::SUCCESS);
    let piece = TlsPiece { message_length: None, more: false, start: false, version: 0, data: &request }.emit();
    let outcome = bench.fails(identifier + 1, eap_type::PEAP, &piece);
    assert!(matches!(&outcome, Outcome::Misbehaved(text) if text.contains("before there was a proof")), "{outcome:?}");
    let answer = bench.response(identifier + 1).1;
    assert_eq!(answer[6..], [0x80, 3, 0, 2, 0, 2], "the result is a failure");
}

#[test]
fn peap_resumed_needs_nothing_inside() {
    let mut bench = Bench::tunnel(EapMethod::Peap, Words { resumed: true, ..Words::default() });
    let mut identifier = bench.handshake(eap_type::PEAP, true);
    let keys = CompoundKeys::resumed(&exported("client EAP encryption", &[]));
    bench.tls(&mut identifier, eap_type::PEAP, &extensions(Some(&keys), result_status::SUCCESS));
    let expected = Hlak::from_key_material(&keys.session_key()[..32]);
    assert_eq!(bench.succeeds(identifier), signature(&expected));
}

#[test]
fn peap_resumed_goes_on_to_the_end_of_what_it_begins_inside() {
    let mut bench = Bench::tunnel(EapMethod::Peap, Words { resumed: true, ..Words::default() });
    let mut identifier = bench.handshake(eap_type::PEAP, true);
    bench.tls(&mut identifier, eap_type::PEAP, &[&[eap_type::MSCHAPV2], &challenge()[..]].concat());
    let request = extensions(None, result_status::SUCCESS);
    let piece = TlsPiece { message_length: None, more: false, start: false, version: 0, data: &request }.emit();
    let outcome = bench.fails(identifier + 1, eap_type::PEAP, &piece);
    assert!(matches!(&outcome, Outcome::Misbehaved(text) if text.contains("before there was a proof")), "{outcome:?}");
}

/// Our own binding sent back to us has a right MAC, but is none of the server's.
#[test]
fn peap_takes_no_response_for_a_request() {
    let (mut bench, identifier, inner) = peap_with_mschapv2();
    let keys = CompoundKeys::new(&exported("client EAP encryption", &[]), inner.as_bytes());
    let mut request = extensions(Some(&keys), result_status::SUCCESS);
    let tlv = request.len() - 60;
    let binding = Cryptobinding::parse(&request[tlv + 4..]).unwrap();
    let binding = Cryptobinding { sub_type: Cryptobinding::RESPONSE, compound_mac: [0; 20], ..binding };
    let binding = Cryptobinding { compound_mac: keys.compound_mac(&binding.emit()), ..binding };
    request[tlv..].copy_from_slice(&binding.emit());
    let piece = TlsPiece { message_length: None, more: false, start: false, version: 0, data: &request }.emit();
    let outcome = bench.fails(identifier + 1, eap_type::PEAP, &piece);
    assert!(matches!(outcome, Outcome::PeerNotAuthentic), "{outcome:?}");
}

#[test]
fn peap_refuses_a_mandatory_tlv_that_it_does_not_know() {
    for mandatory in [true, false] {
        let (mut bench, mut identifier, _) = peap_with_mschapv2();
        let mut request = extensions(None, result_status::SUCCESS);
        Tlv { mandatory, kind: 77, value: &[1, 2] }.emit(&mut request);
        request[3] = request.len() as u8;
        let answer = bench.tls(&mut identifier, eap_type::PEAP, &request);
        let nak = [0x80, 4, 0, 6, 0, 0, 0, 0, 0, 77];
        assert_eq!(answer[5..], if mandatory { &nak[..] } else { &[0x80, 3, 0, 2, 0, 1] }[..]);
        assert_eq!(bench.eap.proven(&bench.config).is_none(), mandatory);
    }
}

#[test]
fn peap_says_why_it_refuses() {
    let (mut bench, mut identifier) = {
        let mut bench = Bench::tunnel(EapMethod::Peap, Words::default());
        let mut identifier = bench.handshake(eap_type::PEAP, false);
        bench.tls(&mut identifier, eap_type::PEAP, &[&[eap_type::MSCHAPV2], &challenge()[..]].concat());
        (bench, identifier)
    };
    let refusal = [&[eap_type::MSCHAPV2], &failure(b"E=691 R=0 V=3 M=No")[..]].concat();
    assert_eq!(bench.tls(&mut identifier, eap_type::PEAP, &refusal), [eap_type::MSCHAPV2, 4]);
    bench.tls(&mut identifier, eap_type::PEAP, &extensions(None, result_status::FAILURE));
    let end = bench.receive(eap_code::FAILURE, identifier, &[]).unwrap();
    assert!(matches!(&end, Some(Outcome::Failed { code: Some(691), message }) if message == "No"), "{end:?}");
}

/// What has the length of another packet is a Request of the type that its first octet says.
#[test]
fn peap_inside_begins_with_a_type() {
    let mut bench = Bench::tunnel(EapMethod::Peap, Words::default());
    let mut identifier = bench.handshake(eap_type::PEAP, false);
    let identity = bench.tls(&mut identifier, eap_type::PEAP, &[eap_type::IDENTITY, 77, 0, 9, eap_type::EXTENSIONS]);
    assert_eq!(identity, [&[eap_type::IDENTITY], &b"User"[..]].concat());
}

#[test]
fn peap_does_not_speak_inside_what_is_not_allowed() {
    let mut bench = Bench::tunnel(EapMethod::Peap, Words::default());
    let mut identifier = bench.handshake(eap_type::PEAP, false);
    let nak = bench.tls(&mut identifier, eap_type::PEAP, &[eap_type::GTC, b'?']);
    assert_eq!(nak, [eap_type::NAK, eap_type::MSCHAPV2]);
    // nor PEAP in PEAP
    let nak = bench.tls(&mut identifier, eap_type::PEAP, &[eap_type::PEAP, 0x20]);
    assert_eq!(nak, [eap_type::NAK, eap_type::MSCHAPV2]);
}

/// FreeRADIUS takes the identifier of the last piece for that of the packet inside, and then does not know it.
#[test]
fn what_is_sent_inside_of_peap_fits_into_one_packet() {
    let mut bench = Bench::tunnel(EapMethod::Peap, Words::default());
    bench.config.inner_methods = vec![EapMethod::Tls];
    let mut identifier = bench.handshake(eap_type::PEAP, false);
    fn piece(data: &[u8], start: bool) -> Vec<u8> {
        TlsPiece { message_length: None, more: false, start, version: 0, data }.emit()
    }
    let inside = |data, start| [&[eap_type::TLS], &piece(data, start)[..]].concat();
    bench.tls(&mut identifier, eap_type::PEAP, &[eap_type::IDENTITY]);
    bench.tls(&mut identifier, eap_type::PEAP, &inside(&[], true));
    let (mut message, mut came) = (inside(HELLO, false), 0);
    while came < 3000 {
        identifier += 1;
        let (_, response) = bench.asked(identifier, eap_type::PEAP, &piece(&message, false));
        let around = TlsPiece::parse(&response).unwrap();
        assert!(!around.more && around.data.len() + RECORD_ROOM <= MAX_PIECE, "{}", around.data.len());
        let ours = TlsPiece::parse(&around.data[1..]).unwrap();
        came += ours.data.len();
        assert_eq!(ours.more, came < 3000);
        message = inside(&[], false);
    }
}

#[test]
fn peap_asks_a_person() {
    let mut bench = Bench::tunnel(EapMethod::Peap, Words::default());
    bench.config.inner_methods = vec![EapMethod::Gtc];
    let identifier = bench.handshake(eap_type::PEAP, false);
    let request = [eap_type::GTC, b'C', b'?'];
    let piece = TlsPiece { message_length: None, more: false, start: false, version: 0, data: &request }.emit();
    let question = bench.question(identifier + 1, eap_type::PEAP, &piece);
    assert_eq!(question, Question::OneTimeCode { text: "C?".to_owned() });
    assert!(bench.person("123456").is_none());
    let (_, response) = bench.response(identifier + 1);
    assert_eq!(TlsPiece::parse(&response).unwrap().data, [&[eap_type::GTC], &b"123456"[..]].concat());
}

fn ttls(inner: TtlsInner) -> Bench {
    let mut bench = Bench::tunnel(EapMethod::Ttls, Words::default());
    bench.config.ttls = inner;
    bench
}

/// The handshake of EAP-TTLS, and the first pairs of the client's, which follow it at once.
fn first_pairs(bench: &mut Bench) -> (u8, Vec<u8>) {
    let start = TlsPiece { message_length: None, more: false, start: true, version: 0, data: &[] }.emit();
    bench.asked(1, eap_type::TTLS, &start);
    let mut identifier = 1;
    bench.tls(&mut identifier, eap_type::TTLS, HELLO);
    let pairs = bench.tls(&mut identifier, eap_type::TTLS, FINISHED);
    (identifier, pairs)
}

fn pairs(mut octets: &[u8]) -> Vec<(u32, u32, Vec<u8>)> {
    let mut pairs = Vec::new();
    while let Some((pair, rest)) = Avp::parse(octets).unwrap() {
        pairs.push((pair.vendor, pair.code, pair.data.to_vec()));
        octets = rest;
    }
    pairs
}

#[test]
fn ttls_resumed_needs_nothing_inside_but_a_success() {
    for resumed in [true, false] {
        let mut bench = Bench::tunnel(EapMethod::Ttls, Words { tls13: true, resumed, ..Words::default() });
        let identifier = bench.handshake(eap_type::TTLS, true);
        assert!(bench.eap.proven(&bench.config).is_none());
        if resumed {
            let expected = Hlak::from_key_material(&exported::<32>("EXPORTER_EAP_TLS_Key_Material", &[21]));
            assert_eq!(bench.succeeds(identifier), signature(&expected));
        } else {
            let outcome = bench.receive(eap_code::SUCCESS, identifier, &[]).unwrap();
            assert!(matches!(outcome, Some(Outcome::Misbehaved(_))), "{outcome:?}");
        }
    }
}

#[test]
fn ttls_with_pap() {
    let mut bench = ttls(TtlsInner::Pap);
    let (identifier, octets) = first_pairs(&mut bench);
    let expected =
        [(0, avp_code::USER_NAME, b"User".to_vec()), (0, avp_code::USER_PASSWORD, b"clientPass\0\0\0\0\0\0".to_vec())];
    assert_eq!(pairs(&octets), expected);
    assert!(bench.eap.proven(&bench.config).is_none(), "only the server knows whether the password is right");
    let key = Hlak::from_key_material(&exported::<32>("ttls keying material", &[]));
    assert_eq!(bench.succeeds(identifier), signature(&key));
}

#[test]
fn ttls_with_mschapv2() {
    let mut bench = ttls(TtlsInner::MsChapV2);
    let (mut identifier, octets) = first_pairs(&mut bench);
    let found = pairs(&octets);
    let implicit: [u8; 17] = exported("ttls challenge", &[]);
    assert_eq!(found[1], (311, avp_code::MS_CHAP_CHALLENGE, implicit[..16].to_vec()));
    let (_, _, response) = &found[2];
    assert_eq!((response.len(), response[0], response[1]), (50, implicit[16], 0));
    let peer_challenge = response[2..18].try_into().unwrap();
    let sent = respond(implicit[16], implicit[..16].try_into().unwrap(), peer_challenge, &bench.credentials);
    assert_eq!(response[26..], sent.response.nt_response);
    let outcome = bench.receive(eap_code::SUCCESS, identifier, &[]).unwrap();
    assert!(matches!(outcome, Some(Outcome::Misbehaved(_))), "{outcome:?}");
    let digits: String = sent.authenticator_response.iter().map(|octet| format!("{octet:02X}")).collect();
    let mut answer = Vec::new();
    let data = [&[implicit[16]], format!("S={digits}").as_bytes()].concat();
    // somebody else's pair of that number
    Avp::new(avp_code::MS_CHAP2_SUCCESS, &data).emit(&mut answer);
    assert_eq!(bench.tls(&mut identifier, eap_type::TTLS, &answer), b"");
    assert!(bench.eap.proven(&bench.config).is_none());
    answer.clear();
    Avp::microsoft(avp_code::MS_CHAP2_SUCCESS, &data).emit(&mut answer);
    assert_eq!(bench.tls(&mut identifier, eap_type::TTLS, &answer), b"");
    assert!(bench.eap.proven(&bench.config).is_some());
    bench.succeeds(identifier);
}

#[test]
fn ttls_with_mschapv2_refused() {
    let mut bench = ttls(TtlsInner::MsChapV2);
    let (mut identifier, octets) = first_pairs(&mut bench);
    let number = pairs(&octets)[2].2[0];
    let mut answer = Vec::new();
    let data = [&[number], &b"E=691 R=1 C=5B5D7C7D7B3F2F3E3C2C602132262628 V=3 M=No"[..]].concat();
    Avp::microsoft(avp_code::MS_CHAP_ERROR, &data).emit(&mut answer);
    bench.tls(&mut identifier, eap_type::TTLS, &answer);
    // and once more
    bench.tls(&mut identifier, eap_type::TTLS, &answer);
    let end = bench.receive(eap_code::FAILURE, identifier, &[]).unwrap();
    assert!(matches!(&end, Some(Outcome::Failed { code: Some(691), message }) if message == "No"), "{end:?}");
}

#[test]
fn ttls_with_eap() {
    let mut bench = ttls(TtlsInner::Eap);
    bench.config.inner_methods = vec![EapMethod::Gtc];
    let (identifier, octets) = first_pairs(&mut bench);
    let identity = [&[eap_code::RESPONSE, 0, 0, 9, eap_type::IDENTITY], &b"User"[..]].concat();
    assert_eq!(pairs(&octets), [(0, avp_code::EAP_MESSAGE, identity)]);
    let mut request = Vec::new();
    Avp::new(avp_code::EAP_MESSAGE, &[eap_code::REQUEST, 5, 0, 6, eap_type::GTC, b'?']).emit(&mut request);
    let piece = TlsPiece { message_length: None, more: false, start: false, version: 0, data: &request }.emit();
    bench.question(identifier + 1, eap_type::TTLS, &piece);
    assert!(bench.person("42").is_none());
    let (_, response) = bench.response(identifier + 1);
    let answer = pairs(TlsPiece::parse(&response).unwrap().data);
    assert_eq!(answer[0].2, [eap_code::RESPONSE, 5, 0, 7, eap_type::GTC, b'4', b'2']);
    bench.succeeds(identifier + 1);
}

#[test]
fn ttls_in_1_3_speaks_when_the_server_has_acknowledged() {
    let mut bench = Bench::tunnel(EapMethod::Ttls, Words { tls13: true, ..Words::default() });
    bench.config.ttls = TtlsInner::Pap;
    let mut identifier = bench.handshake(eap_type::TTLS, true);
    let octets = bench.tls(&mut identifier, eap_type::TTLS, b"");
    assert_eq!(pairs(&octets).len(), 2);
    let key = Hlak::from_key_material(&exported::<32>("EXPORTER_EAP_TLS_Key_Material", &[21]));
    assert_eq!(bench.succeeds(identifier), signature(&key));
}
