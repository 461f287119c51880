//! What the network behind the server tells: DHCP, router advertisements and DHCPv6, in a session that is up.

mod support;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use nm_sstp::hostconf::{Ipv4Route, Ipv6Address};
use nm_sstp::wire::icmpv6::ROUTER_ADVERTISEMENT;
use nm_sstp::wire::ip::{self, IpVersion, checksum, pseudo_header};
use nm_sstp::wire::udp::Udp;
use support::{ADDRESS, DNS, Pair, client, datagram, server};

const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

/// The answer to a DHCPINFORM: DNS server 10.99.0.7, domain `corp`, 10.0.0.0/8 by 10.99.0.1.
fn ack(inform: &[u8]) -> Vec<u8> {
    let request = Udp::parse(inform).unwrap().payload;
    let mut payload = vec![0; 236];
    payload[0] = 2;
    payload[4..8].copy_from_slice(&request[4..8]);
    payload.extend([99, 130, 83, 99, 53, 1, 5, 6, 4, 10, 99, 0, 7, 15, 4, b'c', b'o', b'r', b'p']);
    payload.extend([121, 6, 8, 10, 10, 99, 0, 1, 255]);
    let (source, destination) = (DNS[0].into(), ADDRESS.into());
    Udp { source, destination, source_port: 67, destination_port: 68, payload: &payload }.emit()
}

/// A router advertisement with the prefix 2001:db8:1::/64 for an hour, and an MTU of 1300.
fn advertisement(prefix_lifetime: u32) -> Vec<u8> {
    let mut message = vec![ROUTER_ADVERTISEMENT, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 3, 4, 64, 0xc0];
    message.extend(prefix_lifetime.to_be_bytes());
    message.extend(prefix_lifetime.to_be_bytes());
    message.extend([0; 4]);
    message.extend("2001:db8:1::".parse::<Ipv6Addr>().unwrap().octets());
    message.extend([5, 1, 0, 0, 0, 0, 5, 0x14]);
    let all_nodes = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    let pseudo = pseudo_header(ROUTER.into(), all_nodes.into(), ip::protocol::ICMPV6, message.len());
    let sum = checksum(&[&pseudo, &message]);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let header = ip::ipv6_header(ROUTER, all_nodes, ip::protocol::ICMPV6, 255, message.len());
    [&header[..], &message].concat()
}

#[test]
fn the_tunnel_is_up_before_anybody_answers() {
    let mut pair = Pair::new(client(), server(""));
    let up = pair.up();
    assert!(up.ipv4.as_ref().unwrap().routes.is_empty() && up.domains.is_empty());
    assert!(up.ipv6.as_ref().unwrap().addresses.is_empty());
    pair.run_for(Duration::from_secs(300));
    let versions: Vec<u8> = pair.asked_network.iter().map(|datagram| datagram[0] >> 4).collect();
    assert_eq!(versions.iter().filter(|version| **version == 4).count(), 4, "a bounded number of DHCPINFORM");
    assert_eq!(versions.iter().filter(|version| **version == 6).count(), 3, "a bounded number of solicitations");
    assert_eq!(pair.announced(), (Some(up), 1));
    assert!(pair.delivered.is_empty());
}

#[test]
fn what_comes_later_is_announced_once() {
    let mut pair = Pair::new(client(), server(""));
    let up = pair.up();
    let inform = pair.asked_network.iter().find(|datagram| datagram[0] >> 4 == 4).unwrap().clone();
    assert!(pair.send_from_network(&ack(&inform)));
    assert!(pair.send_from_network(&advertisement(3600)));
    assert_eq!(pair.announced().1, 1, "more may come");
    pair.run_for(Duration::from_secs(1));
    let (changed, count) = pair.announced();
    assert_eq!(count, 2);
    let changed = changed.unwrap();
    let ipv4 = changed.ipv4.unwrap();
    assert_eq!(ipv4.dns[..], [Ipv4Addr::new(10, 99, 0, 7), DNS[0], DNS[1]], "DHCP's first");
    let (destination, gateway) = (Ipv4Addr::new(10, 0, 0, 0), Some(DNS[0]));
    assert_eq!(ipv4.routes, [Ipv4Route { destination, prefix_len: 8, gateway }]);
    assert_eq!(changed.domains, ["corp"]);
    let ipv6 = changed.ipv6.unwrap();
    let identifier = u128::from(ipv6.link_local) & u128::from(u64::MAX);
    let prefix: Ipv6Addr = "2001:db8:1::".parse().unwrap();
    let address = Ipv6Addr::from(u128::from(prefix) | identifier);
    assert_eq!(ipv6.addresses, [Ipv6Address { address, prefix_len: 64, deprecated: false }]);
    assert!(ipv6.default_route);
    assert_eq!((up.mtu, changed.mtu), (1500, 1300));
    assert!(pair.delivered.is_empty(), "none of it is the kernel's");

    pair.run_for(Duration::from_secs(3601));
    let ipv6 = pair.announced().0.unwrap().ipv6.unwrap();
    assert!(ipv6.addresses.is_empty(), "it has expired");
}

#[test]
fn what_is_not_for_us_is_the_kernels() {
    let mut pair = Pair::new(client(), server(""));
    pair.up();
    let inform = pair.asked_network.iter().find(|datagram| datagram[0] >> 4 == 4).unwrap().clone();
    let mut other = ack(&inform);
    other[28 + 4] ^= 1;
    other[26..28].copy_from_slice(&[0, 0]);
    for datagram in [other, datagram(100, 1)] {
        assert!(pair.send_from_network(&datagram));
        assert_eq!(pair.delivered.pop(), Some(datagram));
    }
}

#[test]
fn nothing_is_asked_of_a_family_that_is_off() {
    let mut pair = Pair::new(nm_sstp::session::Config { ipv6: false, ..client() }, server(""));
    pair.up();
    pair.run_for(Duration::from_secs(100));
    assert!(pair.asked_network.iter().all(|datagram| ip::version(datagram) == Some(IpVersion::V4)));
    assert_eq!(pair.asked_network.len(), 4);
}

#[test]
fn the_end_is_the_end() {
    let mut pair = Pair::new(client(), server(""));
    pair.up();
    pair.close();
    assert_eq!(pair.closed(), Ok(()));
    let asked = pair.asked_network.len();
    pair.run_for(Duration::from_secs(100));
    assert_eq!(pair.asked_network.len(), asked);
}
