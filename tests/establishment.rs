//! A session comes up with servers of every kind, and says what it got.

mod support;

use std::net::Ipv4Addr;
use std::time::Duration;

use nm_sstp::crypto::binding::HashProtocol;
use nm_sstp::session::{AuthProtocol, Config, Methods, Phase};
use nm_sstp::wire::ip::IpVersion;
use sstp_test_server::{self as server, Closed, Event, Method};
use support::{ADDRESS, DNS, Pair, client, datagram, server, server_with};

/// Both ends are up, and datagrams pass both ways.
fn assert_traffic(pair: &mut Pair) {
    let (there, back) = (datagram(1400, 0x11), datagram(576, 0x22));
    assert!(pair.send(IpVersion::V4, &there));
    assert!(pair.server.send_datagram(&back));
    pair.run_for(Duration::from_secs(1));
    assert_eq!(pair.server_delivered.last(), Some(&there));
    assert_eq!(pair.delivered.last(), Some(&back));
}

#[test]
fn every_method_with_every_hash() {
    let methods = [
        (Method::MsChapV2, AuthProtocol::MsChapV2),
        (Method::ChapMd5, AuthProtocol::ChapMd5),
        (Method::Pap, AuthProtocol::Pap),
    ];
    for (method, expected) in methods {
        for hash in [HashProtocol::Sha1, HashProtocol::Sha256] {
            let config = server::Config { hash_protocols: vec![hash], ..server_with(method) };
            let mut pair = Pair::new(client(), config);
            assert_eq!(pair.up().authentication, Some(expected));
            assert_traffic(&mut pair);
            let authenticated = Event::Authenticated { user: "alice".to_owned(), method };
            assert!(pair.server_events.contains(&authenticated));
        }
    }
}

#[test]
fn what_the_server_gives_is_reported() {
    let mut pair = Pair::new(client(), server(""));
    let up = pair.up();
    let ipv4 = up.ipv4.unwrap();
    assert_eq!((ipv4.address, ipv4.peer), (ADDRESS, Some([10, 99, 0, 1].into())));
    assert_eq!((ipv4.dns, ipv4.nbns), (DNS.to_vec(), vec![]));
    assert_eq!((up.mtu, up.authentication), (1500, Some(AuthProtocol::MsChapV2)));
    pair.run_for(Duration::from_secs(1));
    assert!(pair.client.data_header(IpVersion::V6).is_some());
    let phases: Vec<_> = pair.phases().into_iter().map(|(_, phase)| phase).collect();
    use Phase::{Authentication, CallConnect, Connected, Http, LinkEstablishment, NetworkLayerProtocol};
    assert_eq!(phases, [Http, CallConnect, LinkEstablishment, Authentication, NetworkLayerProtocol, Connected]);
}

#[test]
fn an_address_is_asked_for_and_the_server_decides() {
    for wanted in [ADDRESS, Ipv4Addr::new(10, 99, 0, 77)] {
        let mut pair = Pair::new(Config { ipv4_address: wanted, ..client() }, server(""));
        assert_eq!(pair.up().ipv4.unwrap().address, ADDRESS);
        let option = [&[3, 6][..], &wanted.octets()].concat();
        assert!(pair.sent.windows(6).any(|window| window == option), "{wanted} was not asked for");
        let any = pair.sent.windows(6).any(|window| window == [3, 6, 0, 0, 0, 0]);
        assert!(!any, "another one was asked for, too");
    }
}

#[test]
fn the_mtu_is_the_smaller_of_the_two_sides() {
    let mut pair = Pair::new(Config { mtu: Some(1300), ..client() }, server::Config { mru: 1452, ..server("") });
    assert_eq!(pair.up().mtu, 1300);
    let mut pair = Pair::new(client(), server::Config { mru: 1452, ..server("") });
    assert_eq!(pair.up().mtu, 1452);
}

#[test]
fn servers_of_the_field_and_their_quirks() {
    let quirks = [
        "softether",
        "ogital",
        "pppd",
        "windows",
        "http-bare",
        "connect-nak-once",
        "short-status",
        "split-writes",
        "split-octets",
        "frequent-echo",
        "wait-for-client-lcp",
        "ignore-first-lcp",
        "early-lcp-echo",
        "reject-magic-pfc-acfc",
        "windows-lcp",
        "unknown-lcp-option",
        "lcp-echo-magic-zero",
        "eap-first",
        "no-auth",
        "slow-auth",
        "late-ipcp-nak",
        "ipv6cp-terminate-ack",
        "ccp-offer",
        "unknown-ncp",
        "early-data",
        "garbage-frames",
        "challenge-again",
        "echo-flood",
        "never-answer-lcp-echo",
    ];
    for quirk in quirks {
        let mut pair = Pair::new(client(), server(quirk));
        let up = pair.up();
        assert_eq!(up.ipv4.map(|ipv4| ipv4.address), Some(ADDRESS), "{quirk}");
        pair.run_for(Duration::from_secs(5));
        assert_eq!(pair.result(), None, "{quirk}");
        assert_traffic(&mut pair);
        pair.close();
        assert_eq!(pair.closed(), Ok(()), "{quirk}");
    }
}

#[test]
fn a_server_is_offered_each_method_that_the_profile_allows() {
    for (method, methods) in [
        (Method::MsChapV2, Methods { pap: false, chap_md5: false, mschapv2: true, eap: false }),
        (Method::ChapMd5, Methods { pap: false, chap_md5: true, mschapv2: false, eap: false }),
        (Method::Pap, Methods { pap: true, chap_md5: false, mschapv2: false, eap: false }),
    ] {
        for eap_first in ["", "eap-first"] {
            let mut pair = Pair::new(Config { methods, ..client() }, server(eap_first));
            pair.up();
            let with = |event: &Event| matches!(event, Event::Authenticated { method: with, .. } if *with == method);
            assert!(pair.server_events.iter().any(with), "{method} {eap_first}");
        }
    }
}

#[test]
fn round_trips_are_few() {
    // one each: HTTP, Call Connect, LCP, challenge and response, response and success, IPCP's Reject of the name servers
    // that the server does not have, its Nak with what it gives, its Ack
    let mut pair = Pair::new(client(), server(""));
    pair.delay = Duration::from_millis(50);
    pair.up();
    let up = pair.phases().last().map(|(at, _)| *at);
    assert!(up <= Some(Duration::from_millis(750)), "{up:?}");
}

#[test]
fn lost_time_is_made_up_quickly() {
    // the server lost the first Configure-Request and says nothing by itself
    let mut pair = Pair::new(client(), server("ignore-first-lcp wait-for-client-lcp"));
    pair.up();
    assert!(pair.elapsed() <= Duration::from_secs(1), "{:?}", pair.elapsed());
    // and a Nak that is four seconds late still answers the request that it was sent for
    let mut pair = Pair::new(client(), server("late-ipcp-nak"));
    pair.up();
    assert!(pair.elapsed() <= Duration::from_secs(9), "{:?}", pair.elapsed());
}

#[test]
fn the_server_sees_an_orderly_end() {
    let mut pair = Pair::new(client(), server(""));
    pair.up();
    pair.close();
    assert_eq!(pair.closed(), Ok(()));
    pair.run_for(Duration::from_secs(2));
    assert!(pair.server_events.contains(&Event::Closed(Closed::ClientDisconnected)), "{:?}", pair.server_events);
}

/// SSTP's 12-bit length bounds the packet (MS-SSTP 2.2.1); a server may ask for more (MS-SSTP 3.1.5.2 for 4091).
#[test]
fn the_largest_datagram_fits_a_packet_with_its_headers() {
    for (mru, mtu) in [(4087, None), (4091, None), (65535, None), (65535, Some(9000))] {
        let mut pair = Pair::new(Config { mtu, ..client() }, server::Config { mru, ..server("") });
        let mtu = pair.up().mtu;
        assert_eq!(mtu, 4087, "{mru}");
        let largest = datagram(mtu, 0x33);
        assert!(pair.send(IpVersion::V4, &largest));
        assert_eq!(pair.server_delivered.last(), Some(&largest));
    }
}
