//! A well-behaved server and a client by hand.

mod hand;

use std::time::Duration;

use hand::{ADDRESS, Pair, config};
use nm_sstp::ppp::auth::AuthProtocol;
use sstp_test_server::{Config, Event, Method};

const ALL: [AuthProtocol; 3] = [AuthProtocol::MsChapV2, AuthProtocol::ChapMd5, AuthProtocol::Pap];

/// An ICMP echo request from 10.77.0.2 to 10.77.0.1.
const PING: [u8; 28] = [
    0x45, 0x00, 0x00, 0x1c, 0x8c, 0x2f, 0x40, 0x00, 0x40, 0x01, 0x99, 0xd3, 0x0a, 0x4d, 0x00, 0x02, 0x0a, 0x4d, 0x00,
    0x01, 0x08, 0x00, 0xf7, 0xe8, 0x00, 0x16, 0x00, 0x01,
];

#[test]
fn every_method_leads_to_an_address() {
    let methods = [Method::MsChapV2, Method::ChapMd5, Method::Pap];
    for (accepted, method) in ALL.into_iter().zip(methods) {
        let dns = vec![[10, 99, 0, 53].into(), [10, 99, 0, 54].into()];
        let mut pair = Pair::new(Config { dns, ipv6: true, ..config(&[]) }, "hunter2", &[accepted]);
        pair.connect();
        assert!(pair.events.contains(&Event::Authenticated { user: "ann".to_owned(), method }), "{:?}", pair.events);
        assert!(pair.is_up(), "{method}: {:?}", pair.events);
        let ipv4 = pair.up.as_ref().and_then(|up| up.ipv4.as_ref()).expect("IPCP is open");
        assert_eq!((ipv4.address, ipv4.dns.len()), (ADDRESS, 2));
        assert!(pair.events.iter().any(|event| matches!(event, Event::Up6 { .. })));
    }
}

#[test]
fn datagrams_pass_both_ways() {
    let mut pair = Pair::new(config(&[]), "hunter2", &ALL);
    assert!(!pair.server.send_datagram(&PING));
    pair.connect();
    pair.send_frame(nm_sstp::wire::ppp::Protocol::IPV4, &PING);
    assert_eq!(pair.at_server, [PING]);
    assert!(pair.server.send_datagram(&PING));
    assert!(!pair.server.send_datagram(&[&PING[..], &[0; 1400]].concat()), "beyond the client's MRU");
    pair.take();
    pair.read();
    assert_eq!(pair.at_client, [PING]);
}

#[test]
fn a_wrong_password_ends_in_call_disconnect() {
    for accepted in ALL {
        let mut pair = Pair::new(config(&[]), "hunter3", &[accepted]);
        pair.connect();
        assert!(pair.events.iter().any(|event| matches!(event, Event::AuthenticationFailed { .. })));
        assert!(matches!(pair.failure, Some(nm_sstp::ppp::Failure::AuthenticationFailed { .. })), "{:?}", pair.failure);
        pair.pass(Duration::from_secs(10));
        assert_eq!(pair.closed().as_deref(), Some("Call Disconnect was sent: authentication failed"));
    }
}
