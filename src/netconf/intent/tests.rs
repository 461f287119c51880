use std::sync::Arc;
use std::time::SystemTime;

use super::*;
use crate::hostconf::{Ipv4Route, Ipv6Address, Ipv6Route};
use crate::session::{Ipv4Parameters, Ipv6Parameters};
use crate::transport::Tls;

const EVERYTHING: Ipv4Route = route4([0, 0, 0, 0], 0);
const OFFICE: Ipv4Route = route4([10, 1, 0, 0], 16);
const OFFICE6: Ipv6Route = Ipv6Route { destination: Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0), prefix_len: 48 };

const fn route4(octets: [u8; 4], prefix_len: u8) -> Ipv4Route {
    let [a, b, c, d] = octets;
    Ipv4Route { destination: Ipv4Addr::new(a, b, c, d), prefix_len, gateway: None }
}

fn ipv4(routes: &[Ipv4Route]) -> Ipv4Parameters {
    Ipv4Parameters {
        address: Ipv4Addr::new(10, 99, 0, 2),
        peer: Some(Ipv4Addr::new(10, 99, 0, 1)),
        dns: vec![Ipv4Addr::new(10, 99, 0, 53)],
        nbns: Vec::new(),
        routes: routes.to_vec(),
    }
}

fn ipv6(routes: &[Ipv6Route], default_route: bool) -> Ipv6Parameters {
    Ipv6Parameters {
        link_local: "fe80::2".parse().unwrap(),
        peer: Some("fe80::1".parse().unwrap()),
        addresses: vec![Ipv6Address { address: "2001:db8::2".parse().unwrap(), prefix_len: 64, deprecated: true }],
        dns: vec!["2001:db8::53".parse().unwrap()],
        routes: routes.to_vec(),
        default_route,
    }
}

fn established(ipv4: Option<Ipv4Parameters>, ipv6: Option<Ipv6Parameters>) -> Established {
    Established {
        interface: "sstp0".to_owned(),
        server: "192.0.2.7:443".parse().unwrap(),
        tls: Tls { version: String::new(), cipher: String::new(), fingerprint: String::new() },
        since: SystemTime::UNIX_EPOCH,
        local: Some([192, 0, 2, 7].into()),
        counters: Arc::default(),
        parameters: NetworkParameters {
            ipv4,
            ipv6,
            domains: vec!["corp.example".to_owned()],
            mtu: 1396,
            authentication: None,
            eap_method: None,
        },
    }
}

fn routing(routes: Routes) -> Routing {
    Routing { routes, metric: 50, kill_switch: false, dns: true }
}

fn mode_of(ipv4: Option<Ipv4Parameters>, ipv6: Option<Ipv6Parameters>) -> Mode {
    Intent::new(&established(ipv4, ipv6), &routing(Routes::Auto)).mode
}

#[test]
fn everything_that_the_server_told_is_in_the_intent() {
    let established = established(Some(ipv4(&[EVERYTHING, OFFICE, OFFICE])), Some(ipv6(&[OFFICE6], true)));
    let intent = Intent::new(&established, &Routing { kill_switch: true, ..routing(Routes::Full) });
    assert_eq!((intent.interface.as_str(), intent.mtu, intent.metric), ("sstp0", 1396, 50));
    assert_eq!(intent.source, Some([192, 0, 2, 7].into()));
    assert_eq!(intent.server.to_string(), "192.0.2.7");
    let addresses: Vec<String> = intent
        .addresses
        .iter()
        .map(|own| format!("{}/{} {:?} {}", own.address, own.prefix_len, own.peer, own.deprecated))
        .collect();
    assert_eq!(
        addresses,
        ["10.99.0.2/32 Some(10.99.0.1) false", "fe80::2/64 Some(fe80::1) false", "2001:db8::2/64 None true"]
    );
    let routes: Vec<String> = intent.routes.iter().map(Route::to_string).collect();
    assert_eq!(routes, ["10.1.0.0/16", "2001:db8:1::/48"]);
    assert!(intent.kill_switch);
    let dns = intent.dns.unwrap();
    assert_eq!(dns.servers.iter().map(IpAddr::to_string).collect::<Vec<_>>(), ["10.99.0.53", "2001:db8::53"]);
    assert_eq!(dns.domains, ["corp.example"]);
}

#[test]
fn a_server_that_is_reached_by_a_mapped_address_is_one_of_ipv4() {
    let mut established = established(Some(ipv4(&[])), None);
    established.server = "[::ffff:192.0.2.7]:443".parse().unwrap();
    assert_eq!(Intent::new(&established, &routing(Routes::Full)).server.to_string(), "192.0.2.7");
}

#[test]
fn what_is_routed_is_told_as_people_write_it() {
    let both = established(Some(ipv4(&[OFFICE])), Some(ipv6(&[OFFICE6], false)));
    let routed = |established: &Established, routes| Intent::new(established, &routing(routes)).routed();
    assert_eq!(routed(&both, Routes::Full), ["0.0.0.0/0", "::/0"]);
    assert_eq!(
        routed(&both, Routes::Split),
        ["10.1.0.0/16", "10.99.0.1/32", "10.99.0.53/32", "2001:db8::53/128", "2001:db8:1::/48"]
    );
    assert_eq!(routed(&both, Routes::Nothing), ["10.99.0.1/32"]);

    let link_local_alone = Ipv6Parameters { addresses: Vec::new(), ..ipv6(&[OFFICE6], true) };
    let without_ipv6 = established(Some(ipv4(&[])), Some(link_local_alone));
    assert_eq!(routed(&without_ipv6, Routes::Full), ["0.0.0.0/0"]);
}

#[test]
fn auto_is_split_where_networks_are_told_and_no_default_route_in_either_family() {
    assert_eq!(mode_of(Some(ipv4(&[])), None), Mode::Full);
    assert_eq!(mode_of(Some(ipv4(&[OFFICE])), None), Mode::Split);
    assert_eq!(mode_of(Some(ipv4(&[OFFICE, EVERYTHING])), None), Mode::Full);
    assert_eq!(mode_of(Some(ipv4(&[])), Some(ipv6(&[OFFICE6], false))), Mode::Split);
    assert_eq!(mode_of(Some(ipv4(&[OFFICE])), Some(ipv6(&[OFFICE6], true))), Mode::Full);
    assert_eq!(mode_of(Some(ipv4(&[EVERYTHING])), Some(ipv6(&[OFFICE6], false))), Mode::Full);
    assert_eq!(mode_of(None, None), Mode::Full);
}

#[test]
fn only_what_goes_with_the_mode_is_wanted() {
    let established = established(Some(ipv4(&[EVERYTHING, OFFICE])), None);
    let with = |routes| Intent::new(&established, &Routing { kill_switch: true, ..routing(routes) });
    let split = with(Routes::Split);
    assert_eq!((split.mode, split.kill_switch, split.routes.len()), (Mode::Split, false, 1));
    let nothing = with(Routes::Nothing);
    assert_eq!((nothing.mode, nothing.kill_switch, nothing.dns), (Mode::Nothing, false, None));
    assert!(nothing.routes.is_empty());
    let without_dns = Intent::new(&established, &Routing { dns: false, ..routing(Routes::Full) });
    assert_eq!(without_dns.dns, None);
}
