//! A session ends for the reason for which its end began, whatever happens after that.

mod support;

use std::time::Duration;

use nm_sstp::session::{Config, Error, Phase, Refusal};
use nm_sstp::wire::sstp::{ControlMessage, Status, StatusInfo};
use support::{Pair, client, server, server_with};

fn packet(message: &ControlMessage) -> Vec<u8> {
    let mut packet = Vec::new();
    message.emit(&mut packet);
    packet
}

fn abort(status: Status) -> Vec<u8> {
    packet(&ControlMessage::CallAbort(Some(StatusInfo::new(0, status))))
}

fn disconnect() -> Vec<u8> {
    packet(&ControlMessage::CallDisconnect(Some(StatusInfo::new(0, Status::NO_ERROR))))
}

fn closed_for(pair: &mut Pair, reason: &str) {
    match pair.closed() {
        Err(Error::ServerClosed { reason: found, .. }) => assert!(found.contains(reason), "{found}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_reason_of_an_abort_survives_the_end_of_the_connection() {
    let mut pair = Pair::new(client(), server(""));
    pair.up();
    pair.inject(&abort(Status::INVALID_FRAME_RECEIVED));
    pair.cut();
    closed_for(&mut pair, "status 7");
    let mut pair = Pair::new(client(), server(""));
    pair.up();
    pair.inject(&disconnect());
    pair.cut();
    closed_for(&mut pair, "it disconnected the call");
    // and garbage after it
    let mut pair = Pair::new(client(), server(""));
    pair.up();
    pair.inject(&abort(Status::NEGOTIATION_TIMEOUT));
    pair.inject(b"garbage");
    closed_for(&mut pair, "status 8");
}

#[test]
fn the_refusal_of_a_call_survives_the_end_of_the_connection() {
    let mut pair = Pair::new(client(), server("silent-in-connect"));
    pair.run_for(Duration::from_secs(1));
    let nak = ControlMessage::CallConnectNak(vec![StatusInfo::new(1, Status::VALUE_NOT_SUPPORTED)]);
    for _ in 0..4 {
        pair.inject(&packet(&nak));
    }
    pair.cut();
    let status = Some(Status::VALUE_NOT_SUPPORTED);
    assert_eq!(pair.closed(), Err(Error::ServerRefused(Refusal::ConnectNak { status })));
    // where it just hangs up after one, that is all it said
    let mut pair = Pair::new(client(), server("silent-in-connect"));
    pair.run_for(Duration::from_secs(1));
    pair.inject(&packet(&nak));
    pair.cut();
    assert!(matches!(pair.closed(), Err(Error::ServerClosed { phase: Phase::CallConnect, .. })));
}

#[test]
fn our_own_refusal_survives_the_end_of_the_connection() {
    let mut pair = Pair::new(client(), server("ack-unknown-hash no-abort-answer"));
    pair.run_for(Duration::from_secs(1));
    pair.cut();
    assert!(matches!(pair.closed(), Err(Error::PeerIncompatible(_))));
    let mut pair = Pair::new(client(), server("silent-in-lcp"));
    pair.run_for(Duration::from_secs(1));
    pair.inject(&packet(&ControlMessage::EchoRequest));
    pair.cut();
    assert!(matches!(pair.closed(), Err(Error::PeerMisbehaved(_))));
}

/// A session on a path of a second each way, at the moment when it comes to this phase.
fn at(phase: Phase, config: Config, server: sstp_test_server::Config) -> Pair {
    let mut pair = Pair::new(config, server);
    pair.delay = Duration::from_secs(1);
    while pair.phases().last().is_none_or(|(_, reached)| *reached != phase) {
        pair.run_for(Duration::from_millis(100));
        assert!(pair.elapsed() < Duration::from_secs(100) && pair.result().is_none(), "{:?}", pair.events);
    }
    pair
}

#[test]
fn a_refused_password_is_the_reason_whatever_follows() {
    let refused = || at(Phase::Terminating, Config { password: "wrong".to_owned().into(), ..client() }, server(""));
    let follows: [fn(&mut Pair); 5] = [
        |_| {},
        |pair| pair.cut(),
        |pair| pair.inject(b"garbage"),
        |pair| pair.inject(&abort(Status::UNACCEPTED_FRAME_RECEIVED)),
        |pair| pair.inject(&disconnect()),
    ];
    for (number, follows) in follows.iter().enumerate() {
        let mut pair = refused();
        follows(&mut pair);
        let result = pair.closed();
        assert!(matches!(result, Err(Error::AuthenticationFailed { code: Some(691), .. })), "{number}: {result:?}");
    }
}

/// An abort with a status says something else than that the password was wrong; one without may well mean that.
#[test]
fn an_abort_during_authentication() {
    let waiting = || at(Phase::Authentication, client(), server_with(sstp_test_server::Method::Pap));
    let mut pair = waiting();
    pair.inject(&abort(Status::NEGOTIATION_TIMEOUT));
    pair.cut();
    closed_for(&mut pair, "status 8");
    for silent in [abort(Status::NO_ERROR), disconnect()] {
        let mut pair = waiting();
        pair.inject(&silent);
        let result = pair.closed();
        assert!(matches!(result, Err(Error::AuthenticationFailed { code: None, .. })), "{result:?}");
    }
}

#[test]
fn timers_of_the_link_do_not_run_on_while_the_call_ends() {
    // LCP gives up after 27 s; the call ended before that, and takes another second
    let mut pair = Pair::new(client(), server("silent-in-lcp"));
    pair.run_for(Duration::from_millis(26_500));
    pair.inject(&abort(Status::INVALID_FRAME_RECEIVED));
    closed_for(&mut pair, "status 7");
    assert!(pair.elapsed() >= Duration::from_millis(27_400), "{:?}", pair.elapsed());
}

/// An LCP Terminate-Request in a data packet.
const TERMINATE_REQUEST: [u8; 12] = [0x10, 0x00, 0x00, 0x0c, 0xff, 0x03, 0xc0, 0x21, 5, 1, 0, 4];

#[test]
fn frames_of_the_link_do_not_count_before_the_call_and_while_it_ends() {
    let mut pair = Pair::new(client(), server(""));
    pair.up();
    pair.inject(&abort(Status::INVALID_FRAME_RECEIVED));
    pair.inject(&TERMINATE_REQUEST);
    closed_for(&mut pair, "status 7");
    let mut pair = Pair::new(client(), server("silent-in-connect"));
    pair.run_for(Duration::from_secs(1));
    pair.inject(&TERMINATE_REQUEST);
    pair.cut();
    closed_for(&mut pair, "without a word");
}

#[test]
fn what_we_wished_ourselves_is_no_error() {
    let garbage: &[u8] = b"garbage";
    for input in [None, Some(garbage), Some(&abort(Status::INVALID_FRAME_RECEIVED))] {
        for behaviours in ["silent-in-connect", "silent-in-lcp", "silent-in-auth", "silent-in-up"] {
            let mut pair = Pair::new(client(), server(behaviours));
            pair.run_for(Duration::from_secs(2));
            pair.close();
            assert_eq!(pair.phases().last().map(|(_, phase)| *phase), Some(Phase::Terminating), "{behaviours}");
            match input {
                None => pair.cut(),
                Some(octets) => pair.inject(octets),
            }
            assert_eq!(pair.closed(), Ok(()), "{behaviours}");
        }
    }
    // also where we had failed already
    let wrong = Config { password: "wrong".to_owned().into(), ..client() };
    let mut pair = at(Phase::Terminating, wrong, server(""));
    pair.close();
    pair.cut();
    assert_eq!(pair.closed(), Ok(()));
}
