//! What the network behind a server may say: the parsers alone, and a host that is told anything while time passes.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use nm_sstp::crypto::Entropy;
use nm_sstp::hostconf::{self, HostConf, Learned};
use nm_sstp::wire::ip::{self, IpVersion, checksum, pseudo_header};
use nm_sstp::wire::udp::Udp;
use nm_sstp::wire::{dhcp, dhcpv6, domain, icmpv6, tls};

use super::Reader;

const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 1, 2, 3, 4);
const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

/// Every parser takes anything, and what comes of it is bounded and safe in a file.
pub fn wire(data: &[u8]) {
    let safe = |names: &[String]| assert!(names.len() <= 32 && names.iter().all(|name| domain::is_host_name(name)));
    if let Ok(names) = domain::parse_names(data) {
        safe(&names);
    }
    if let Ok(Some(ack)) = dhcp::Ack::parse(data) {
        safe(&ack.search);
        assert!(ack.dns.len() <= 8 && ack.nbns.len() <= 8 && ack.routes.len() <= 512);
        assert!(ack.routes.iter().all(|(_, prefix_len, _)| *prefix_len <= 32));
    }
    if let Ok(Some(reply)) = dhcpv6::Reply::parse(data) {
        safe(&reply.search);
        assert!(reply.dns.len() <= 8);
    }
    if let Ok(advertisement) = icmpv6::RouterAdvertisement::parse(data) {
        assert!(advertisement.options.len() <= 64);
    }
    if let Ok(udp) = Udp::parse(data) {
        let emitted = udp.emit();
        assert_eq!(Udp::parse(&emitted), Ok(udp));
    }
    if let Some(hello) = tls::ServerHello::find(data) {
        assert!(!hello.to_string().contains(char::is_control));
    }
}

/// A host that is told anything, in datagrams whose frame is right, while time passes. What it keeps and what it sends is
/// bounded, and it always says when it wants to be called.
pub fn run(data: &[u8]) {
    let mut data = Reader::new(data);
    #[allow(clippy::disallowed_methods, reason = "any moment will do: the clock is virtual from here on")]
    let mut now = Instant::now();
    let mut host = HostConf::new(Entropy::new([3; 32]));
    host.set_link(now, Some(ADDRESS), Some(LINK_LOCAL));
    let (mut xids, mut steps, mut sent, mut elapsed) = ([0u8; 8], 0, 0u64, 0u64);
    while !data.is_empty() && steps < 400 {
        steps += 1;
        let datagram = match data.octet() % 6 {
            0 => advertisement(&mut data),
            1 => ack(&mut data, &xids),
            2 => reply(&mut data, &xids),
            3 => data.counted().to_vec(),
            4 => {
                let link_local = data.coin().then_some(LINK_LOCAL);
                host.set_link(now, data.coin().then_some(ADDRESS), link_local);
                Vec::new()
            }
            _ => {
                let seconds = u64::from(data.octet()) * 60;
                now += Duration::from_secs(seconds);
                elapsed += seconds;
                host.handle_timeout(now);
                Vec::new()
            }
        };
        if let Some(version) = ip::version(&datagram)
            && ip::datagram_len(version, &datagram) == Ok(datagram.len())
            && hostconf::concerns(version, &datagram)
        {
            host.handle_datagram(now, version, &datagram);
        }
        while let Some((version, datagram)) = host.poll_transmit(now) {
            assert_eq!(ip::version(&datagram), Some(version));
            sent += 1;
            match version {
                IpVersion::V4 => xids[..4].copy_from_slice(&datagram[32..36]),
                IpVersion::V6 if datagram[6] == ip::protocol::UDP => xids[4..].copy_from_slice(&datagram[48..52]),
                IpVersion::V6 => {}
            }
        }
        host.poll_changed(now);
        bounded(host.learned());
        assert!(host.poll_timeout().is_none_or(|at| at > now || at <= now + Duration::from_secs(1)));
    }
    assert!(sent <= 13 * (steps + 1) + elapsed / 60, "{sent} datagrams in {elapsed} s");
}

fn bounded(learned: &Learned) {
    assert!(learned.ipv6_addresses.len() <= 16 && learned.ipv6_routes.len() <= 64 && learned.domains.len() <= 100);
    assert!(learned.ipv6_mtu.is_none_or(|mtu| mtu >= 1280));
    assert!(learned.ipv6_addresses.iter().all(|address| !address.address.is_unicast_link_local()));
}

fn advertisement(data: &mut Reader<'_>) -> Vec<u8> {
    let mut message = vec![icmpv6::ROUTER_ADVERTISEMENT, 0, 0, 0, 64, data.octet(), data.octet(), data.octet()];
    message.resize(16, 0);
    for _ in 0..data.octet() % 6 {
        let (kind, value) = (data.one_of(&[3, 5, 24, 25, 31, 99]), data.counted());
        let units = (value.len() + 2).div_ceil(8);
        let end = message.len() + 8 * units;
        message.extend([kind, units as u8]);
        message.extend(value);
        message.resize(end, 0);
    }
    let pseudo = pseudo_header(ROUTER.into(), LINK_LOCAL.into(), ip::protocol::ICMPV6, message.len());
    let sum = checksum(&[&pseudo, &message]);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let header = ip::ipv6_header(ROUTER, LINK_LOCAL, ip::protocol::ICMPV6, 255, message.len());
    [&header[..], &message].concat()
}

fn ack(data: &mut Reader<'_>, xids: &[u8; 8]) -> Vec<u8> {
    let mut payload = vec![0; 236];
    payload[0] = 2;
    payload[4..8].copy_from_slice(&xids[..4]);
    payload.extend([99, 130, 83, 99, 53, 1, 5]);
    for _ in 0..data.octet() % 8 {
        let (code, value) = (data.one_of(&[6, 15, 44, 52, 119, 121, 249, 0]), data.counted());
        payload.extend([code, value.len() as u8]);
        payload.extend(value);
    }
    let (source, destination) = ([10, 0, 0, 1].into(), ADDRESS.into());
    Udp { source, destination, source_port: 67, destination_port: 68, payload: &payload }.emit()
}

fn reply(data: &mut Reader<'_>, xids: &[u8; 8]) -> Vec<u8> {
    let mut payload = vec![7, xids[5], xids[6], xids[7], 0, 2, 0, 1, 9];
    for _ in 0..data.octet() % 5 {
        let (code, value) = (data.one_of(&[23, 24, 32, 7]), data.counted());
        payload.extend([0, code, 0, value.len() as u8]);
        payload.extend(value);
    }
    let (source, destination) = (ROUTER.into(), LINK_LOCAL.into());
    Udp { source, destination, source_port: 547, destination_port: 546, payload: &payload }.emit()
}
