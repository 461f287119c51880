//! A server that negotiates anew while the tunnel is up is followed.

mod support;

use std::time::Duration;

use nm_sstp::session::{Event, Phase};
use nm_sstp::wire::ip::IpVersion;
use support::{ADDRESS, Pair, client, datagram, server};

#[test]
fn ipcp_gives_another_address() {
    let mut pair = Pair::new(client(), server("ipcp-again"));
    assert_eq!(pair.up().ipv4.unwrap().address, ADDRESS);
    pair.run_for(Duration::from_secs(5));
    let mut changed = pair.events.iter().filter_map(|(_, event)| match event {
        Event::Changed(changed) => changed.ipv4.as_ref().map(|ipv4| ipv4.address),
        _ => None,
    });
    assert!(changed.next_back().is_some_and(|address| address != ADDRESS), "{:?}", pair.events);
    assert!(pair.send(IpVersion::V4, &datagram(100, 1)));
}

#[test]
fn lcp_begins_anew() {
    let mut pair = Pair::new(client(), server("lcp-again"));
    pair.up();
    pair.run_for(Duration::from_secs(10));
    assert_eq!(pair.result(), None, "{:?}", pair.events);
    assert_eq!(pair.phases().last().map(|(_, phase)| *phase), Some(Phase::Connected), "{:?}", pair.phases());
    assert!(pair.send(IpVersion::V4, &datagram(100, 1)));
    assert_eq!(pair.server_delivered.len(), 1);
}

#[test]
fn a_challenge_while_the_tunnel_is_up_is_answered() {
    let mut pair = Pair::new(client(), server("challenge-again"));
    pair.up();
    pair.run_for(Duration::from_secs(5));
    assert_eq!(pair.result(), None);
    let responses = pair.sent.windows(5).filter(|octets| **octets == [0xff, 0x03, 0xc2, 0x23, 2]).count();
    assert_eq!(responses, 2);
}
