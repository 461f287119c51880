use std::net::IpAddr;

use super::*;
use crate::wire::icmpv6::tests::{ROUTER, advertisement, prefix};

const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0x1122, 0x3344, 0x5566, 0x7788);

/// A host on a virtual clock, whose network is this test.
struct Bench {
    hostconf: HostConf,
    start: Instant,
    now: Instant,
}

impl Bench {
    #[allow(clippy::disallowed_methods, reason = "any instant will do to begin with")]
    fn new() -> Self {
        let start = Instant::now();
        Bench { hostconf: HostConf::new(Entropy::new([7; 32])), start, now: start }
    }

    fn ipv4() -> Self {
        let mut bench = Bench::new();
        bench.hostconf.set_link(bench.now, Some(ADDRESS), None);
        bench
    }

    fn ipv6() -> Self {
        let mut bench = Bench::new();
        bench.hostconf.set_link(bench.now, None, Some(LINK_LOCAL));
        assert_eq!(bench.sent().len(), 1, "a solicitation");
        bench
    }

    /// Runs up to this second, one timer after the other; returns what was sent, each with its time.
    fn until(&mut self, seconds: u64) -> Vec<(f64, Vec<u8>)> {
        let end = self.start + Duration::from_secs(seconds);
        let mut sent = Vec::new();
        for round in 0.. {
            assert!(round < 10_000, "the clock stands still");
            while let Some((_, datagram)) = self.hostconf.poll_transmit(self.now) {
                sent.push(((self.now - self.start).as_secs_f64(), datagram));
            }
            self.hostconf.poll_changed(self.now);
            match self.hostconf.poll_timeout() {
                Some(next) if next <= end => {
                    self.now = self.now.max(next);
                    self.hostconf.handle_timeout(self.now);
                }
                _ => break,
            }
        }
        self.now = end.max(self.now);
        sent
    }

    fn sent(&mut self) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| self.hostconf.poll_transmit(self.now)).map(|(_, datagram)| datagram).collect()
    }

    /// The network sends this; says whether it was for us.
    fn gets(&mut self, datagram: &[u8]) -> bool {
        let version = ip::version(datagram).unwrap();
        assert!(concerns(version, datagram));
        self.hostconf.handle_datagram(self.now, version, datagram)
    }

    /// The same, and waits until it has come to what is told.
    fn learns(&mut self, datagram: &[u8]) -> &Learned {
        assert!(self.gets(datagram));
        let elapsed = (self.now - self.start).as_secs();
        self.until(elapsed + 1);
        self.hostconf.learned()
    }
}

/// A DHCPACK to the request in this datagram, with these options behind its type.
fn ack(request: &[u8], options: &[u8]) -> Vec<u8> {
    let request = Udp::parse(request).unwrap().payload;
    let mut payload = vec![0; 236];
    payload[0] = 2;
    payload[4..8].copy_from_slice(&request[4..8]);
    payload.extend_from_slice(&[99, 130, 83, 99, 53, 1, 5]);
    payload.extend_from_slice(options);
    payload.push(255);
    let (source, destination) = (SERVER.into(), ADDRESS.into());
    Udp { source, destination, source_port: 67, destination_port: 68, payload: &payload }.emit()
}

#[test]
fn informs_at_once_and_takes_the_answer() {
    let mut bench = Bench::ipv4();
    let sent = bench.sent();
    let [inform] = &sent[..] else { panic!("{} datagrams", sent.len()) };
    let udp = Udp::parse(inform).unwrap();
    assert_eq!((udp.source, udp.destination), (IpAddr::from(ADDRESS), IpAddr::from([255, 255, 255, 255])));
    assert_eq!((udp.source_port, udp.destination_port), (68, 67));

    let answer = ack(inform, &[6, 4, 10, 0, 0, 53, 15, 4, b'c', b'o', b'r', b'p', 249, 6, 8, 10, 10, 0, 0, 1]);
    assert!(bench.gets(&answer));
    assert!(!bench.hostconf.poll_changed(bench.now), "it may not be the only one");
    bench.now += SETTLE;
    assert!(bench.hostconf.poll_changed(bench.now));
    let learned = bench.hostconf.learned();
    assert_eq!(learned.ipv4_dns, [Ipv4Addr::new(10, 0, 0, 53)]);
    assert_eq!(learned.domains, ["corp"]);
    let route = Ipv4Route { destination: Ipv4Addr::new(10, 0, 0, 0), prefix_len: 8, gateway: Some(SERVER) };
    assert_eq!(learned.ipv4_routes, [route]);
    assert!(!bench.gets(&answer), "the exchange is over: the host may have it");
    assert_eq!(bench.until(1000), [], "and nothing is asked again");
    assert_eq!(bench.hostconf.poll_timeout(), None);
}

#[test]
fn gives_up_where_nobody_answers() {
    let mut bench = Bench::ipv4();
    let times: Vec<f64> = bench.until(1000).into_iter().map(|(at, _)| at).collect();
    assert_eq!(times.len(), 4);
    for (at, expected) in times.iter().zip([0.0, 4.0, 12.0, 28.0]) {
        assert!((at - expected).abs() <= 3.0, "{times:?}");
    }
    assert!(bench.hostconf.poll_timeout().is_none() && bench.hostconf.learned() == &Learned::default());
}

#[test]
fn answers_to_others_are_the_hosts() {
    let mut bench = Bench::ipv4();
    let inform = bench.sent().remove(0);
    let good = ack(&inform, &[6, 4, 10, 0, 0, 53]);
    let udp = Udp::parse(&good).unwrap();
    let mut other_transaction = udp.payload.to_vec();
    other_transaction[4] ^= 1;
    for wrong in [
        Udp { payload: &other_transaction, ..udp },
        Udp { destination: IpAddr::from([10, 0, 0, 3]), ..udp },
        Udp { source_port: 68, ..udp },
        Udp { payload: &udp.payload[..100], ..udp },
    ] {
        assert!(!bench.gets(&wrong.emit()));
    }
    assert!(bench.gets(&Udp { destination: IpAddr::from([255, 255, 255, 255]), ..udp }.emit()), "to everybody");
}

#[test]
fn a_new_address_asks_anew() {
    let mut bench = Bench::ipv4();
    let inform = bench.sent().remove(0);
    bench.learns(&ack(&inform, &[6, 4, 10, 0, 0, 53]));
    bench.hostconf.set_link(bench.now, Some(ADDRESS), None);
    assert_eq!(bench.sent().len(), 0, "the same one does not");
    assert_eq!(bench.hostconf.learned().ipv4_dns.len(), 1);
    bench.hostconf.set_link(bench.now, Some(Ipv4Addr::new(10, 0, 0, 9)), None);
    assert_eq!((bench.sent().len(), bench.hostconf.learned()), (1, &Learned::default()));
    bench.hostconf.set_link(bench.now, None, None);
    assert_eq!(bench.until(100), []);
}

#[test]
fn strange_routes_and_servers_are_left_out() {
    let mut bench = Bench::ipv4();
    let inform = bench.sent().remove(0);
    let options = [121, 26, 8, 127, 10, 0, 0, 1, 4, 224, 10, 0, 0, 1, 0, 10, 0, 0, 1, 24, 10, 9, 8, 0, 0, 0, 0, 40];
    let learned = bench.learns(&ack(&inform, &options)).clone();
    assert_eq!(learned.ipv4_routes.len(), 2, "what comes before something that cannot be is good");
    let mut bench = Bench::ipv4();
    let inform = bench.sent().remove(0);
    let options = [121, 25, 8, 127, 10, 0, 0, 1, 4, 224, 10, 0, 0, 1, 0, 10, 0, 0, 1, 24, 10, 9, 8, 0, 0, 0, 0];
    let routes = bench.learns(&ack(&inform, &options)).ipv4_routes.clone();
    let route =
        |destination: [u8; 4], prefix_len, gateway| Ipv4Route { destination: destination.into(), prefix_len, gateway };
    assert_eq!(routes, [route([0, 0, 0, 0], 0, Some(SERVER)), route([10, 9, 8, 0], 24, None)]);
}

#[test]
fn solicits_three_times() {
    let mut bench = Bench::new();
    bench.hostconf.set_link(bench.now, None, Some(LINK_LOCAL));
    let times: Vec<f64> = bench.until(1000).into_iter().map(|(at, _)| at).collect();
    assert_eq!(times, [0.0, 4.0, 8.0]);
    assert_eq!(bench.hostconf.learned(), &Learned::default(), "a link-local address is no news");
}

#[test]
fn an_address_of_a_prefix_and_the_identifier() {
    let mut bench = Bench::ipv6();
    let learned = bench.learns(&advertisement(0, 1800, &[&prefix(64, 0xc0, 3600, 1800)])).clone();
    let address = "2001:db8:1:0:1122:3344:5566:7788".parse().unwrap();
    assert_eq!(learned.ipv6_addresses, [Ipv6Address { address, prefix_len: 64, deprecated: false }]);
    let destination = "2001:db8:1::".parse().unwrap();
    assert_eq!(learned.ipv6_routes, [Ipv6Route { destination, prefix_len: 64 }]);
    assert!(learned.ipv6_default_route);
    assert_eq!(bench.until(1700), [], "no more solicitations");

    bench.until(1801);
    let learned = bench.hostconf.learned();
    assert!(learned.ipv6_addresses[0].deprecated && !learned.ipv6_default_route);
    bench.until(3601);
    assert_eq!(bench.hostconf.learned(), &Learned::default());
    assert_eq!(bench.hostconf.poll_timeout(), None);
}

#[test]
fn prefixes_that_form_no_address() {
    let mut bench = Bench::ipv6();
    for option in [
        prefix(63, 0x40, 3600, 1800),
        prefix(96, 0x40, 3600, 1800),
        prefix(64, 0x00, 3600, 1800),
        prefix(64, 0x40, 0, 0),
        prefix(64, 0x40, 100, 200),
    ] {
        assert_eq!(bench.learns(&advertisement(0, 0, &[&option])), &Learned::default(), "{option:?}");
    }
    let mut link_local = prefix(64, 0xc0, 3600, 1800);
    link_local[16..].copy_from_slice(&ROUTER.octets());
    assert_eq!(bench.learns(&advertisement(0, 0, &[&link_local])), &Learned::default());
}

/// RFC 4862 5.5.3 e: nobody takes an address away within two hours.
#[test]
fn lifetimes_are_refreshed_and_not_cut_off() {
    const DAY: u32 = 86_400;
    let mut bench = Bench::ipv6();
    bench.learns(&advertisement(0, 1800, &[&prefix(64, 0xc0, DAY, DAY)]));
    bench.learns(&advertisement(0, 1800, &[&prefix(64, 0xc0, 0, 0)]));
    let addresses = bench.hostconf.learned().ipv6_addresses.clone();
    assert!(matches!(addresses[..], [Ipv6Address { deprecated: true, .. }]), "{addresses:?}");
    bench.until(7100);
    assert_eq!(bench.hostconf.learned().ipv6_addresses.len(), 1);
    bench.learns(&advertisement(0, 1800, &[&prefix(64, 0xc0, 60, 60)]));
    assert!(!bench.hostconf.learned().ipv6_addresses[0].deprecated, "preferred again");
    bench.until(7210);
    assert!(bench.hostconf.learned().ipv6_addresses.is_empty());
    bench.learns(&advertisement(0, 1800, &[&prefix(64, 0xc0, u32::MAX, u32::MAX)]));
    bench.until(100_000);
    assert_eq!(bench.hostconf.learned().ipv6_addresses.len(), 1, "for ever");
}

#[test]
fn servers_domains_routes_and_mtu_of_an_advertisement() {
    let mut rdnss = vec![25, 3, 0, 0, 0, 0, 2, 88];
    rdnss.extend("2001:db8::53".parse::<Ipv6Addr>().unwrap().octets());
    let dnssl = [31, 2, 0, 0, 0, 0, 2, 88, 4, b'c', b'o', b'r', b'p', 0, 0, 0];
    let route = [24, 2, 48, 0, 0, 0, 7, 8, 0x20, 0x01, 0x0d, 0xb8, 0, 2, 0, 0];
    let mut bench = Bench::ipv6();
    let options: [&[u8]; 4] = [&rdnss, &dnssl, &route, &[5, 1, 0, 0, 0, 0, 5, 0x14]];
    let learned = bench.learns(&advertisement(0, 0, &options)).clone();
    assert_eq!((learned.ipv6_dns.len(), learned.domains, learned.ipv6_mtu), (1, vec!["corp".to_owned()], Some(1300)));
    let destination = "2001:db8:2::".parse().unwrap();
    assert_eq!(learned.ipv6_routes, [Ipv6Route { destination, prefix_len: 48 }]);
    assert!(!learned.ipv6_default_route);
    bench.learns(&advertisement(0, 0, &[&[5, 1, 0, 0, 0, 0, 4, 0xff]]));
    assert_eq!(bench.hostconf.learned().ipv6_mtu, Some(1300), "an MTU below the least one of IPv6 is none");
    bench.until(602);
    assert!(bench.hostconf.learned().ipv6_dns.is_empty() && bench.hostconf.learned().domains.is_empty());
    let none: [&[u8]; 1] = [&[24, 2, 48, 0, 0, 0, 0, 0, 0x20, 0x01, 0x0d, 0xb8, 0, 2, 0, 0]];
    assert!(bench.learns(&advertisement(0, 0, &none)).ipv6_routes.is_empty(), "taken back");
}

#[test]
fn a_default_route_by_an_option() {
    let mut bench = Bench::ipv6();
    let learned = bench.learns(&advertisement(0, 0, &[&[24, 1, 0, 0, 0, 0, 7, 8]]));
    assert!(learned.ipv6_default_route && learned.ipv6_routes.is_empty());
}

#[test]
fn dhcpv6_where_a_router_says_so() {
    let mut bench = Bench::ipv6();
    assert!(bench.gets(&advertisement(0x40, 1800, &[])));
    let sent = bench.until(4);
    let request = Udp::parse(&sent[0].1).unwrap();
    assert_eq!((request.source, request.source_port), (LINK_LOCAL.into(), 546));
    assert_eq!((request.destination, request.destination_port), (wire_dhcpv6::SERVERS.into(), 547));
    assert_eq!(sent.len(), 3, "at 0, 1 and 3 s");
    let transaction = u32::from_be_bytes([0, request.payload[1], request.payload[2], request.payload[3]]);
    let reply = |transaction| {
        let payload = wire_dhcpv6::tests::reply(transaction, 900);
        let (source, destination) = (ROUTER.into(), LINK_LOCAL.into());
        Udp { source, destination, source_port: 547, destination_port: 546, payload: &payload }.emit()
    };
    assert!(!bench.gets(&reply(transaction ^ 1)));
    let learned = bench.learns(&reply(transaction)).clone();
    assert_eq!((learned.ipv6_dns.len(), learned.domains), (1, vec!["corp".to_owned()]));
    assert!(bench.gets(&advertisement(0x40, 1800, &[])));
    assert_eq!(bench.until(900), [], "there is an answer");
    assert_eq!(bench.until(909).len(), 3, "asked again when the server wants it");
}

#[test]
fn dhcpv6_gives_up() {
    let mut bench = Bench::ipv6();
    bench.gets(&advertisement(0x80, 1800, &[]));
    assert_eq!(bench.until(1700).len(), 6);
}

#[test]
fn only_what_may_be_for_us_is_looked_at() {
    let udp = |destination_port| {
        Udp { source: SERVER.into(), destination: ADDRESS.into(), source_port: 67, destination_port, payload: b"" }
            .emit()
    };
    assert!(concerns(IpVersion::V4, &udp(68)));
    assert!(!concerns(IpVersion::V4, &udp(67)));
    let mut tcp = udp(68);
    tcp[9] = 6;
    assert!(!concerns(IpVersion::V4, &tcp));
    assert!(!concerns(IpVersion::V4, &udp(68)[..20]), "nothing behind the header");
    assert!(!concerns(IpVersion::V6, &advertisement(0, 0, &[])[..40]));
    let solicitation = crate::wire::icmpv6::router_solicitation(LINK_LOCAL);
    assert!(!concerns(IpVersion::V6, &solicitation));
}

#[test]
fn without_ipv6_advertisements_are_the_hosts() {
    let mut bench = Bench::ipv4();
    assert!(!bench.gets(&advertisement(0, 1800, &[&prefix(64, 0xc0, 3600, 1800)])));
}

#[test]
fn a_flood_of_prefixes_is_bounded() {
    let mut bench = Bench::ipv6();
    for number in 0..1000u16 {
        let mut option = prefix(64, 0xc0, 3600, 1800);
        option[20..22].copy_from_slice(&number.to_be_bytes());
        bench.gets(&advertisement(0, 1800, &[&option]));
    }
    bench.until(1);
    let learned = bench.hostconf.learned();
    assert_eq!((learned.ipv6_addresses.len(), learned.ipv6_routes.len()), (16, 64));
}
