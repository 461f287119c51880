use super::*;
use crate::netconf::intent::Address;

const GATEWAY: &str = "203.0.113.7";

fn intent(metric: u32) -> Intent {
    let address = |own: &str, peer: Option<&str>| Address {
        address: own.parse().unwrap(),
        prefix_len: 32,
        peer: peer.map(|peer| peer.parse().unwrap()),
        deprecated: false,
    };
    Intent {
        interface: "sstp0".to_owned(),
        server: GATEWAY.parse().unwrap(),
        source: None,
        mtu: 1400,
        addresses: vec![address("10.99.0.2", Some("10.99.0.1"))],
        mode: Mode::Full,
        routes: Vec::new(),
        metric,
        kill_switch: false,
        dns: None,
    }
}

fn tunnel(intent: &Intent, age: u64, place: Option<u32>) -> Tunnel<'_> {
    static NONE: BTreeSet<IpAddr> = BTreeSet::new();
    Tunnel { intent, gateways: &NONE, interface: Some(7), age, tables: u32::try_from(age).unwrap(), place }
}

fn alone(intent: &Intent) -> Plan {
    plan(&[tunnel(intent, 0, None)], &BTreeSet::new()).0
}

/// As `ip rule` shows them.
fn rules(plan: &Plan) -> Vec<String> {
    let show = |rule: &Rule| format!("{:?} {} {} {:?}", rule.family, rule.priority, rule.table, rule.suppress);
    plan.rules.iter().map(show).collect()
}

fn routes(plan: &Plan, table: u32) -> Vec<String> {
    let show = |entry: &Entry| format!("{} {} {:?}", entry.route, entry.metric, entry.target);
    plan.tables[&table].iter().map(show).collect()
}

#[test]
fn a_full_tunnel_has_three_rules_for_each_family_that_it_carries() {
    let plan = alone(&intent(50));
    assert_eq!(rules(&plan), ["Ipv4 29503 1936946288 None", "Ipv4 29504 254 Some(7)", "Ipv4 29568 1936946289 None"]);
    assert_eq!(routes(&plan, FIRST_TABLE), ["10.99.0.1/32 50 Interface(7)", "203.0.113.7/32 1 Throw"]);
    assert_eq!(routes(&plan, FIRST_TABLE + 1), ["0.0.0.0/0 50 Interface(7)", "203.0.113.7/32 1 Throw"]);
}

#[test]
fn a_split_tunnel_has_one() {
    let mut intent = intent(50);
    intent.mode = Mode::Split;
    intent.routes = vec![Route { destination: "10.1.0.0".parse().unwrap(), prefix_len: 16 }];
    let plan = alone(&intent);
    assert_eq!(rules(&plan), ["Ipv4 29503 1936946288 None"]);
    assert_eq!(
        routes(&plan, FIRST_TABLE),
        ["10.1.0.0/16 50 Interface(7)", "10.99.0.1/32 50 Interface(7)", "203.0.113.7/32 1 Throw"]
    );
    // PPP servers tell their address outside of the tunnel as that inside of it
    intent.routes.clear();
    intent.addresses[0].peer = Some(GATEWAY.parse().unwrap());
    assert_eq!(alone(&intent), Plan::default());
}

#[test]
fn a_kill_switch_has_a_block_behind_every_route_and_in_both_families() {
    let mut intent = intent(50);
    intent.kill_switch = true;
    let expected_rules = [
        "Ipv4 29503 1936946288 None",
        "Ipv4 29504 254 Some(7)",
        "Ipv4 29568 1936946289 None",
        "Ipv6 29504 254 Some(7)",
        "Ipv6 29568 1936946289 None",
    ];
    let plan = alone(&intent);
    assert_eq!(rules(&plan), expected_rules);
    let everything = [
        "0.0.0.0/0 50 Interface(7)",
        "0.0.0.0/0 4294967295 Unreachable",
        "203.0.113.7/32 1 Throw",
        "::/0 4294967295 Unreachable",
    ];
    assert_eq!(routes(&plan, FIRST_TABLE + 1), everything);

    let failed = Tunnel { interface: None, ..tunnel(&intent, 0, None) };
    let (plan, _) = super::plan(&[failed], &BTreeSet::new());
    assert_eq!(rules(&plan), expected_rules);
    assert_eq!(routes(&plan, FIRST_TABLE), ["10.99.0.1/32 4294967295 Unreachable", "203.0.113.7/32 1 Throw"]);
    assert_eq!(routes(&plan, FIRST_TABLE + 1), [everything[1], everything[2], everything[3]]);
}

#[test]
fn wherever_the_gateway_may_be_it_is_reached_beside_every_tunnel() {
    let (first, second) = (intent(50), intent(50));
    let expected = BTreeSet::from(["198.51.100.9".parse().unwrap(), "2001:db8::7".parse().unwrap()]);
    let first = Tunnel { gateways: &expected, ..tunnel(&first, 0, None) };
    let (plan, _) = plan(&[first, tunnel(&second, 1, None)], &BTreeSet::new());
    for table in [FIRST_TABLE + 1, FIRST_TABLE + 3] {
        // the tunnel has no IPv6, and takes none
        let thrown = ["198.51.100.9/32 1 Throw", "203.0.113.7/32 1 Throw"];
        assert_eq!(routes(&plan, table)[1..], thrown);
    }
}

#[test]
fn metrics_at_the_ends_leave_room_for_the_block() {
    for (metric, expected) in [(0, 1), (u32::MAX, u32::MAX - 1)] {
        let plan = alone(&intent(metric));
        assert_eq!(routes(&plan, FIRST_TABLE + 1)[0], format!("0.0.0.0/0 {expected} Interface(7)"));
    }
}

#[test]
fn places_follow_metric_and_age_and_are_kept() {
    let (low, high) = (intent(10), intent(50));
    let none = BTreeSet::new();
    let placed = |tunnels: &[Tunnel<'_>]| places(tunnels, &none);
    assert_eq!(placed(&[tunnel(&high, 0, None), tunnel(&high, 1, None), tunnel(&low, 2, None)]), [63, 62, 61]);
    assert_eq!(placed(&[tunnel(&low, 0, None), tunnel(&high, 1, None)]), [62, 63]);
    // the older one goes, a younger one comes
    assert_eq!(placed(&[tunnel(&high, 1, Some(62)), tunnel(&high, 3, None)]), [62, 61]);
    // a place that is out of order is not kept
    assert_eq!(
        placed(&[tunnel(&high, 0, Some(63)), tunnel(&high, 1, Some(62)), tunnel(&low, 2, Some(63))]),
        [63, 62, 61]
    );
    // at the end of the places all move up
    assert_eq!(placed(&[tunnel(&high, 0, Some(0)), tunnel(&high, 1, None)]), [63, 62]);
    let many: Vec<Tunnel<'_>> = (0..64).map(|age| tunnel(&high, age, None)).collect();
    assert_eq!(placed(&many), (0..64).rev().collect::<Vec<_>>());
}

#[test]
fn places_of_others_are_left_to_them() {
    let intent = intent(50);
    let taken = BTreeSet::from([NETWORKS + 63, EVERYTHING + 61]);
    let tunnels = [tunnel(&intent, 0, None), tunnel(&intent, 1, None)];
    assert_eq!(places(&tunnels, &taken), [62, 60]);
    let all = (NETWORKS..NETWORKS + MAX_TUNNELS).collect();
    assert_eq!(places(&tunnels, &all), [63, 62]);
}

#[test]
fn the_layers_do_not_overlap_and_stand_before_the_main_table() {
    const { assert!(NETWORKS + MAX_TUNNELS == NEARBY && NEARBY < EVERYTHING && EVERYTHING + MAX_TUNNELS < 32766) }
}
