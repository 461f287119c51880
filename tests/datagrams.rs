//! Datagrams pass while the call is connected and their protocol is Opened (MS-SSTP 3.2.7.1, 3.2.7.2), and only then.

mod support;

use std::time::Duration;

use nm_sstp::session::Config;
use nm_sstp::wire::ip::IpVersion;
use nm_sstp::wire::sstp::Header;
use support::{Pair, client, datagram, server};

/// A data packet with a frame of this protocol.
fn packet(protocol: u16, information: &[u8]) -> Vec<u8> {
    let header = Header { control: false, length: 8 + information.len() };
    [&header.emit()[..], &[0xff, 0x03], &protocol.to_be_bytes(), information].concat()
}

fn ipv4(fill: u8) -> Vec<u8> {
    packet(0x0021, &datagram(100, fill))
}

#[test]
fn not_before_the_call_is_connected_and_ipcp_is_open() {
    let mut pair = Pair::new(client(), server("early-data"));
    pair.up();
    assert_eq!(pair.delivered, Vec::<Vec<u8>>::new());
    for behaviour in ["silent-in-connect", "silent-in-lcp", "silent-in-auth", "silent-in-ncp"] {
        let mut pair = Pair::new(client(), server(behaviour));
        pair.run_for(Duration::from_secs(2));
        pair.inject(&ipv4(1));
        assert_eq!(pair.delivered, Vec::<Vec<u8>>::new(), "{behaviour}");
        assert!(!pair.send(IpVersion::V4, &datagram(100, 1)), "{behaviour}");
        assert_eq!(pair.result(), None, "{behaviour}");
    }
}

#[test]
fn not_of_a_protocol_that_is_not_open() {
    let mut pair = Pair::new(Config { ipv6: false, ..client() }, server(""));
    pair.up();
    let mut ipv6 = vec![0; 48];
    (ipv6[0], ipv6[5]) = (0x60, 8);
    pair.inject(&packet(0x0057, &ipv6));
    assert_eq!(pair.delivered, Vec::<Vec<u8>>::new());
    assert!(!pair.send(IpVersion::V6, &ipv6));
    // the same as IPv4, which it is not
    pair.inject(&packet(0x0021, &ipv6));
    assert_eq!(pair.delivered, Vec::<Vec<u8>>::new());
    pair.inject(&ipv4(1));
    assert_eq!(pair.delivered, [datagram(100, 1)]);
}

#[test]
fn only_whole_and_without_padding() {
    let mut pair = Pair::new(client(), server(""));
    pair.up();
    let whole = datagram(100, 1);
    for cut in [0, 1, 19, 20, 99] {
        pair.inject(&packet(0x0021, &whole[..cut]));
    }
    assert_eq!(pair.delivered, Vec::<Vec<u8>>::new());
    pair.inject(&packet(0x0021, &[&whole[..], &[0; 20]].concat()));
    // and with compressed headers, which we did not ask for (RFC 1661 6.5, 6.6)
    pair.inject(&[&[0x10, 0, 0, 105, 0x21], &whole[..]].concat());
    assert_eq!(pair.delivered, [whole.clone(), whole]);
}

#[test]
fn not_while_the_link_is_negotiated_anew() {
    let mut pair = Pair::new(client(), server(""));
    pair.up();
    pair.delay = Duration::from_millis(100);
    pair.inject(&packet(0xc021, &[1, 77, 0, 4]));
    assert!(!pair.send(IpVersion::V4, &datagram(100, 1)));
    pair.inject(&ipv4(1));
    assert_eq!(pair.delivered, Vec::<Vec<u8>>::new());
    assert_eq!(pair.result(), None);
}

#[test]
fn not_after_the_end_began() {
    let disconnect = [0x10, 0x01, 0x00, 0x08, 0x00, 0x06, 0x00, 0x00];
    for end in [|pair: &mut Pair, _: &[u8]| pair.close(), |pair: &mut Pair, disconnect: &[u8]| pair.inject(disconnect)]
    {
        let mut pair = Pair::new(client(), server("no-terminate-ack"));
        pair.up();
        end(&mut pair, &disconnect);
        assert!(!pair.send(IpVersion::V4, &datagram(100, 1)));
        pair.inject(&ipv4(1));
        assert_eq!(pair.delivered, Vec::<Vec<u8>>::new());
    }
}
