use super::*;

/// What Linux wrote to a TUN device when it came up.
const SOLICITATION: [u8; 48] = [
    0x60, 0x00, 0x00, 0x00, 0x00, 0x08, 0x3a, 0xff, 0xfe, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xb0, 0xc6, 0xc8,
    0xcf, 0xed, 0x93, 0x2f, 0x09, 0xff, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x02, 0x85, 0x00, 0xe7, 0x03, 0x00, 0x00, 0x00, 0x00,
];

pub(crate) const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

/// A datagram with an advertisement: its flags, the router's lifetime in seconds, and options as they are.
pub(crate) fn advertisement(flags: u8, lifetime: u16, options: &[&[u8]]) -> Vec<u8> {
    let [high, low] = lifetime.to_be_bytes();
    let mut message = vec![ROUTER_ADVERTISEMENT, 0, 0, 0, 64, flags, high, low, 0, 0, 0, 0, 0, 0, 0, 0];
    message.extend(options.concat());
    let all_nodes = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    let pseudo = pseudo_header(ROUTER.into(), all_nodes.into(), ip::protocol::ICMPV6, message.len());
    let sum = checksum(&[&pseudo, &message]);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let header = ip::ipv6_header(ROUTER, all_nodes, ip::protocol::ICMPV6, HOP_LIMIT, message.len());
    [&header[..], &message].concat()
}

/// Prefix Information of 2001:db8:1::, with the flags L (0x80) and A (0x40).
pub(crate) fn prefix(prefix_len: u8, flags: u8, valid: u32, preferred: u32) -> Vec<u8> {
    let mut option = vec![3, 4, prefix_len, flags];
    option.extend(valid.to_be_bytes());
    option.extend(preferred.to_be_bytes());
    option.extend([0; 4]);
    option.extend("2001:db8:1::".parse::<Ipv6Addr>().unwrap().octets());
    option
}

fn parsed(options: &[&[u8]]) -> Vec<RouterOption> {
    RouterAdvertisement::parse(&advertisement(0, 1800, options)).unwrap().options
}

#[test]
fn the_solicitation_is_the_kernels() {
    let source = "fe80::b0c6:c8cf:ed93:2f09".parse().unwrap();
    assert_eq!(router_solicitation(source), SOLICITATION);
}

#[test]
fn fields_and_options() {
    let datagram = advertisement(0x40, 1800, &[&prefix(64, 0xc0, 3600, 1800)]);
    let advertised = RouterAdvertisement::parse(&datagram).unwrap();
    assert_eq!((advertised.source, advertised.router_lifetime), (ROUTER, 1800));
    assert_eq!((advertised.managed, advertised.other_config), (false, true));
    let prefix = "2001:db8:1::".parse().unwrap();
    let expected =
        RouterOption::Prefix { prefix, prefix_len: 64, on_link: true, autonomous: true, valid: 3600, preferred: 1800 };
    assert_eq!(advertised.options, [expected]);
}

#[test]
fn options_of_every_kind() {
    let mut rdnss = vec![25, 3, 0, 0, 0, 0, 2, 88];
    rdnss.extend("2001:db8::53".parse::<Ipv6Addr>().unwrap().octets());
    let dnssl = [31, 2, 0, 0, 0, 0, 2, 88, 4, b'c', b'o', b'r', b'p', 0, 0, 0];
    let mtu = [5, 1, 0, 0, 0, 0, 5, 0x14];
    let mut route = vec![24, 2, 48, 0, 0, 0, 7, 8];
    route.extend([0x20, 0x01, 0x0d, 0xb8, 0, 2, 0xff, 0xff]);
    assert_eq!(
        parsed(&[&rdnss, &dnssl, &mtu, &route, &[1, 1, 0, 0, 0, 0, 0, 0]]),
        [
            RouterOption::Dns { servers: vec!["2001:db8::53".parse().unwrap()], lifetime: 600 },
            RouterOption::Search { domains: vec!["corp".to_owned()], lifetime: 600 },
            RouterOption::Mtu(1300),
            RouterOption::Route { prefix: "2001:db8:2::".parse().unwrap(), prefix_len: 48, lifetime: 1800 },
        ]
    );
    // a default route has no octets of a prefix; one of 64 bits needs eight
    assert_eq!(parsed(&[&[24, 1, 0, 0, 0, 0, 7, 8]]).len(), 1);
    assert_eq!(parsed(&[&[24, 1, 64, 0, 0, 0, 7, 8]]), []);
    assert_eq!(parsed(&[&[24, 1, 129, 0, 0, 0, 7, 8], &[3, 1, 64, 0xc0, 0, 0, 0, 0]]), []);
}

#[test]
fn only_from_the_link() {
    let good = advertisement(0, 1800, &[]);
    assert!(RouterAdvertisement::parse(&good).is_ok());
    for (at, value) in [(7, 254), (6, 17), (8, 0x20), (40, 133), (41, 1), (47, 1)] {
        let mut wrong = good.clone();
        wrong[at] = value;
        assert!(RouterAdvertisement::parse(&wrong).is_err(), "octet {at}");
    }
}

#[test]
fn lengths() {
    let good = advertisement(0, 1800, &[&prefix(64, 0xc0, 3600, 1800)]);
    for cut in 0..good.len() {
        assert!(RouterAdvertisement::parse(&good[..cut]).is_err(), "cut at {cut}");
    }
    let none: &[&[u8]] = &[&[3, 0, 0, 0, 0, 0, 0, 0]];
    assert!(RouterAdvertisement::parse(&advertisement(0, 0, none)).is_err(), "an option of no length");
    let long: &[&[u8]] = &[&[3, 4, 0, 0, 0, 0, 0, 0]];
    assert!(RouterAdvertisement::parse(&advertisement(0, 0, long)).is_err(), "an option past the end");
}
