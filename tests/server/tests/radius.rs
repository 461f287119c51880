//! Logins that a RADIUS server decides: what it is asked, and what of its answer reaches the client.

mod hand;

use std::time::Duration;

use hand::{Pair, config};
use nm_sstp::ppp::Failure;
use nm_sstp::ppp::auth::AuthProtocol;
use nm_sstp::wire::ppp::Protocol;
use sstp_test_server::{Behaviour, Config, Event, Method, Radius};

const CHAP_FAILURE: u8 = 4;

fn asking(method: Method, behaviours: &[Behaviour]) -> Config {
    let radius = Some(Radius { secret: b"secret".to_vec().into() });
    Config { radius, methods: vec![method], users: Vec::new(), ..config(behaviours) }
}

/// Types of the attributes of a request.
fn attributes(request: &[u8]) -> Vec<u8> {
    let (mut kinds, mut at) = (Vec::new(), 20);
    while at < request.len() {
        kinds.push(request[at]);
        at += usize::from(request[at + 1]);
    }
    kinds
}

#[test]
fn the_clients_proof_goes_to_radius_and_not_to_the_table() {
    let cases = [
        (Method::Pap, AuthProtocol::Pap, &[1, 32, 2, 80][..]),
        (Method::ChapMd5, AuthProtocol::ChapMd5, &[1, 32, 3, 60, 80]),
        (Method::MsChapV2, AuthProtocol::MsChapV2, &[1, 32, 26, 26, 80]),
        (Method::Eap, AuthProtocol::Eap, &[1, 32, 12, 79, 80]),
    ];
    for (method, protocol, expected) in cases {
        let mut pair = Pair::new(asking(method, &[]), "hunter2", &[protocol]);
        pair.connect();
        let request = pair.server.poll_radius().expect("RADIUS is asked");
        assert_eq!(attributes(&request)[3..], *expected, "{method}");
        assert!(pair.server.poll_radius().is_none() && !pair.is_up() && pair.failure.is_none());
    }
}

#[test]
fn a_radius_server_that_is_silent_refuses() {
    for (method, protocol) in [(Method::MsChapV2, AuthProtocol::MsChapV2), (Method::Eap, AuthProtocol::Eap)] {
        let mut pair = Pair::new(asking(method, &[]), "hunter2", &[protocol]);
        pair.connect();
        pair.pass(Duration::from_millis(7_900));
        let requests: Vec<_> = std::iter::from_fn(|| pair.server.poll_radius()).collect();
        assert!(requests.len() == 4 && requests.iter().all(|request| *request == requests[0]), "{method}");
        assert!(pair.failure.is_none());
        pair.server.handle_radius(pair.now, &[2, requests[0][1], 0, 20]);
        pair.pass(Duration::from_secs(1));
        assert!(pair.events.contains(&Event::Note("the RADIUS server does not answer".to_owned())));
        assert!(pair.events.contains(&Event::Note("RADIUS: lengths that cannot be".to_owned())));
        let refused = match method {
            // before any method began
            Method::Eap => matches!(pair.failure, Some(Failure::IdentityRefused { .. })),
            _ => matches!(pair.failure, Some(Failure::AuthenticationFailed { .. })),
        };
        assert!(refused, "{method}: {:?}", pair.failure);
    }
}

#[test]
fn the_identity_is_asked_for_again_and_by_radius_if_told() {
    let mut pair = Pair::new(asking(Method::Eap, &[]), "hunter2", &[AuthProtocol::Eap]);
    pair.connect();
    assert_eq!(pair.count(Protocol::EAP, 1), 1);
    let mut pair = Pair::new(asking(Method::Eap, &[Behaviour::EapStart]), "hunter2", &[AuthProtocol::Eap]);
    pair.connect();
    assert_eq!(pair.count(Protocol::EAP, 1), 0);
    let request = pair.server.poll_radius().unwrap();
    assert!(request.windows(2).any(|octets| octets == [79, 2]));
}

#[test]
fn without_radius_a_demand_for_eap_ends_the_call() {
    let mut pair = Pair::new(Config { methods: vec![Method::Eap], ..config(&[]) }, "hunter2", &[AuthProtocol::Eap]);
    pair.connect();
    pair.pass(Duration::from_secs(10));
    let closed = pair.closed().unwrap();
    assert_eq!(closed, "Call Disconnect was sent: this method needs RADIUS, and there is none");
    assert!(!pair.got(Protocol::CHAP, CHAP_FAILURE));
}
