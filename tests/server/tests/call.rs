//! The call machine of MS-SSTP 3.3: crypto binding, messages in the wrong state, endings and their timers.

mod hand;

use std::time::Duration;

use hand::{Pair, config};
use nm_sstp::ppp::auth::AuthProtocol;
use nm_sstp::wire::sstp::{ControlMessage, CryptoBinding, Status, StatusInfo, attribute};
use sstp_test_server::{Config, Event};

fn pair(config: Config) -> Pair {
    Pair::new(config, "hunter2", &[AuthProtocol::MsChapV2])
}

/// Authenticated, but not connected: Call Connected is left to the test.
fn authenticated(config: Config) -> Pair {
    let mut pair = pair(config);
    assert_eq!(pair.request(), 200);
    pair.call();
    pair.exchange(false);
    assert!(pair.hlak.is_some());
    pair.messages.retain(|message| matches!(message, ControlMessage::CallConnectAck(_)));
    pair
}

fn status(attribute_id: u8, status: Status) -> Option<StatusInfo> {
    Some(StatusInfo::new(attribute_id, status))
}

/// Makes a Crypto Binding attribute prove less.
type Spoil = fn(&mut CryptoBinding);

#[test]
fn a_call_connected_that_proves_nothing_is_aborted() {
    let spoils: [(&str, Spoil); 6] = [
        ("Compound MAC", |binding| binding.compound_mac[31] ^= 1),
        ("nonce", |binding| binding.nonce[0] ^= 1),
        ("certificate", |binding| binding.cert_hash[5] ^= 0x80),
        ("hash protocol", |binding| binding.hash_protocol = 1),
        ("hash protocol", |binding| binding.hash_protocol = 3),
        ("hash protocol", |binding| binding.hash_protocol = 0),
    ];
    let only_sha256 = Config { hash_protocols: vec![nm_sstp::crypto::binding::HashProtocol::Sha256], ..config(&[]) };
    for (what, spoil) in spoils {
        let mut pair = authenticated(only_sha256.clone());
        pair.call_connected(spoil);
        pair.read();
        let abort = ControlMessage::CallAbort(status(attribute::CRYPTO_BINDING, Status::VALUE_NOT_SUPPORTED));
        assert_eq!(pair.messages.last(), Some(&abort), "{what}");
        assert!(!pair.is_up());
        pair.pass(Duration::from_secs(4));
        let closed = pair.closed().unwrap();
        assert!(closed.contains(what), "{what}: {closed}");
    }
}

#[test]
fn the_check_of_crypto_binding_can_be_switched_off() {
    let mut pair = authenticated(Config { verify_binding: false, ..config(&[]) });
    pair.call_connected(|binding| binding.compound_mac[31] ^= 1);
    pair.exchange(false);
    assert!(pair.is_up());
}

#[test]
fn call_connected_before_the_authentication_is_aborted() {
    let mut pair = pair(config(&[]));
    pair.request();
    pair.call();
    pair.call_connected(|_| ());
    pair.read();
    assert!(matches!(pair.messages.last(), Some(ControlMessage::CallAbort(_))));
    assert!(!pair.is_up());
}

#[test]
fn what_is_not_ppp_is_naked_three_times() {
    let mut pair = pair(config(&[]));
    pair.request();
    for _ in 0..4 {
        pair.say(&ControlMessage::CallConnectRequest { encapsulated_protocol: 2 });
    }
    pair.read();
    let info = StatusInfo {
        attribute_value: vec![0, 2],
        ..StatusInfo::new(attribute::ENCAPSULATED_PROTOCOL_ID, Status::VALUE_NOT_SUPPORTED)
    };
    let nak = ControlMessage::CallConnectNak(vec![info]);
    let abort = ControlMessage::CallAbort(status(attribute::STATUS_INFO, Status::RETRY_COUNT_EXCEEDED));
    assert_eq!(pair.messages, [nak.clone(), nak.clone(), nak, abort]);
}

#[test]
fn a_call_connect_request_without_its_attribute_is_naked() {
    let mut pair = pair(config(&[]));
    pair.request();
    pair.send(&[0x10, 0x01, 0x00, 0x08, 0x00, 0x01, 0x00, 0x00]);
    pair.read();
    let missing = StatusInfo::new(attribute::STATUS_INFO, Status::REQUIRED_ATTRIBUTE_MISSING);
    assert_eq!(pair.messages, [ControlMessage::CallConnectNak(vec![missing])]);
    pair.call();
    assert!(matches!(pair.messages.last(), Some(ControlMessage::CallConnectAck(_))), "the call may still be made");
}

#[test]
fn messages_in_the_wrong_state_are_aborted() {
    let abort = ControlMessage::CallAbort(status(attribute::NO_ERROR, Status::UNACCEPTED_FRAME_RECEIVED));
    let request = ControlMessage::CallConnectRequest { encapsulated_protocol: 1 };
    for message in [ControlMessage::EchoRequest, ControlMessage::EchoResponse, ControlMessage::CallDisconnectAck] {
        let mut early = pair(config(&[]));
        early.request();
        early.say(&message);
        early.read();
        assert_eq!(early.messages.last(), Some(&abort), "{message:?}");
    }
    let mut twice = pair(config(&[]));
    twice.connect();
    twice.say(&request);
    twice.read();
    assert_eq!(twice.messages.last(), Some(&abort));
}

#[test]
fn call_disconnect_is_acknowledged() {
    let mut pair = pair(config(&[]));
    pair.connect();
    pair.say(&ControlMessage::CallDisconnect(None));
    pair.read();
    assert_eq!(pair.messages.last(), Some(&ControlMessage::CallDisconnectAck));
    assert_eq!(pair.closed(), None, "the client may need a second to read it");
    pair.pass(Duration::from_secs(1));
    assert_eq!(pair.closed().as_deref(), Some("the client sent Call Disconnect"));
}

#[test]
fn call_abort_is_answered_by_call_abort() {
    let mut pair = pair(config(&[]));
    pair.connect();
    pair.say(&ControlMessage::CallAbort(status(attribute::NO_ERROR, Status::INVALID_FRAME_RECEIVED)));
    pair.read();
    assert!(matches!(pair.messages.last(), Some(ControlMessage::CallAbort(_))));
    pair.pass(Duration::from_secs(1));
    assert_eq!(pair.closed().as_deref(), Some("the client sent Call Abort: a message was not recognized"));
}

#[test]
fn the_server_ends_a_call_in_order() {
    let mut pair = pair(config(&[]));
    pair.connect();
    pair.server.close(pair.now);
    pair.take();
    pair.exchange(false);
    assert!(matches!(pair.messages.last(), Some(ControlMessage::CallDisconnect(_))), "{:?}", pair.messages);
    pair.say(&ControlMessage::CallDisconnectAck);
    assert_eq!(pair.closed().as_deref(), Some("Call Disconnect was sent: the server is stopping"));
}

#[test]
fn the_negotiation_takes_a_minute_at_most() {
    let mut silent = pair(config(&[]));
    silent.request();
    silent.pass(Duration::from_secs(59));
    assert!(silent.messages.is_empty());
    silent.pass(Duration::from_secs(1));
    let abort = ControlMessage::CallAbort(status(attribute::NO_ERROR, Status::NEGOTIATION_TIMEOUT));
    assert_eq!(silent.messages, [abort]);
    silent.pass(Duration::from_secs(3));
    assert!(silent.closed().unwrap().contains("negotiation timer"));

    let mut nothing = pair(config(&[]));
    nothing.pass(Duration::from_secs(60));
    assert_eq!(nothing.closed().as_deref(), Some("the request was refused: it did not come in time"));
}

#[test]
fn silence_is_ended_after_two_minutes() {
    let mut pair = pair(config(&[]));
    pair.connect();
    pair.pass(Duration::from_secs(60));
    assert_eq!(pair.messages.last(), Some(&ControlMessage::EchoRequest));
    pair.say(&ControlMessage::EchoResponse);
    pair.pass(Duration::from_secs(119));
    assert_eq!(pair.closed(), None);
    pair.pass(Duration::from_secs(1));
    assert_eq!(pair.closed().as_deref(), Some("the client did not answer an Echo Request"));
    assert!(!pair.messages.iter().any(|message| matches!(message, ControlMessage::CallAbort(_))));
}

#[test]
fn an_echo_request_is_answered() {
    let mut pair = pair(config(&[]));
    pair.connect();
    pair.say(&ControlMessage::EchoRequest);
    pair.read();
    assert_eq!(pair.messages.last(), Some(&ControlMessage::EchoResponse));
}

#[test]
fn a_stream_that_cannot_be_delineated_is_left_without_a_word() {
    let mut pair = pair(config(&[]));
    pair.connect();
    pair.messages.clear();
    pair.send(&[0x20, 0x00, 0x00, 0x08]);
    pair.read();
    assert!(pair.messages.is_empty());
    assert!(pair.closed().unwrap().contains("SSTP version"));
}

#[test]
fn the_end_of_the_connection_is_the_end() {
    let mut pair = pair(config(&[]));
    pair.connect();
    pair.server.handle_eof();
    pair.take();
    assert_eq!(pair.closed().as_deref(), Some("the client closed the connection"));
    assert_eq!(pair.server.poll_timeout(), None);
    let ends = pair.events.iter().filter(|event| matches!(event, Event::Closed(_))).count();
    pair.server.close(pair.now);
    pair.server.handle_eof();
    pair.take();
    assert_eq!(pair.events.iter().filter(|event| matches!(event, Event::Closed(_))).count(), ends);
}

#[test]
fn no_address_is_http_503() {
    let mut pair = pair(config(&[]));
    pair.server = sstp_test_server::Server::new(config(&[]), None, [1; 32], pair.now);
    assert_eq!(pair.request(), 503);
}

#[test]
fn any_octets_at_any_time_do_no_harm() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for round in 0..3_000 {
        let mut pair = pair(Config { ipv6: true, ..config(&[]) });
        match round % 4 {
            0 => {}
            1 => drop(pair.request()),
            2 => {
                pair.request();
                pair.call();
            }
            _ => pair.connect(),
        }
        for _ in 0..4 {
            let length = (random() % 40) as usize;
            let mut octets: Vec<u8> = (0..length).map(|_| random() as u8).collect();
            if random() % 2 == 0 && length >= 4 {
                // a good header, and mostly a PPP protocol that exists
                octets[..4].copy_from_slice(&[0x10, (random() % 2) as u8, 0, length as u8]);
                let protocols = [0xc021_u16, 0xc023, 0xc223, 0x8021, 0x8057, 0x0021, 0x80fd, 0xc227];
                let protocol = protocols[(random() % 8) as usize].to_be_bytes();
                let header = [0xff, 0x03].into_iter().chain(protocol);
                octets.iter_mut().skip(4).zip(header).for_each(|(place, octet)| *place = octet);
            }
            pair.send(&octets);
            pair.now += Duration::from_secs(random() % 70);
            pair.server.handle_timeout(pair.now);
            pair.take();
        }
    }
}
