//! The host's configuration for tunnels, in network and mount namespaces of its own: real interfaces, the kernel's own
//! answers to where a datagram would go, a resolv.conf that is nobody else's.
//!
//! It takes root. A machine that cannot do that skips these tests and says so; in CI (`CI=true`) they fail there.
#![cfg(feature = "service")]

mod netconf_host;

use std::fs;
use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::pin;
use std::task::Poll;

use caps::{CapSet, Capability};
use netconf_host::{Host, STATE, run, tunnel};
use nm_sstp::netconf::{Address, Dns, Error, Intent, MAX_GATEWAYS, Mode, NetConf, Route};
use nm_sstp::tun::{Device, Tun};

const GATEWAY: &str = "203.0.113.7";
const RESOLV_CONF: &str = "# by hand\nsearch home.example\nnameserver 192.168.9.1\noptions timeout:1\n";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn route(text: &str) -> Route {
    let (destination, prefix_len) = text.split_once('/').unwrap();
    Route { destination: ip(destination), prefix_len: prefix_len.parse().unwrap() }
}

/// A tunnel of IPv4 for everything.
fn intent(interface: &str) -> Intent {
    let address = Address { address: ip("10.99.0.2"), prefix_len: 32, peer: Some(ip("10.99.0.1")), deprecated: false };
    Intent {
        interface: interface.to_owned(),
        server: ip(GATEWAY),
        source: None,
        mtu: 1380,
        addresses: vec![address],
        mode: Mode::Full,
        routes: vec![],
        metric: 50,
        kill_switch: false,
        dns: None,
    }
}

fn ipv6_addresses() -> [Address; 2] {
    let link_local = Address { address: ip("fe80::2"), prefix_len: 64, peer: Some(ip("fe80::1")), deprecated: false };
    [link_local, Address { address: ip("2001:db8:99::2"), prefix_len: 64, peer: None, deprecated: false }]
}

fn with_ipv6(mut intent: Intent) -> Intent {
    intent.addresses.extend(ipv6_addresses());
    intent
}

async fn netconf() -> NetConf {
    NetConf::new(STATE.as_ref()).await.unwrap()
}

#[test]
fn a_full_tunnel_takes_everything_but_its_gateway_and_what_is_nearby() {
    Host::run(|host| async move {
        let tun = tunnel().await;
        let before = host.dump();
        let mut netconf = netconf().await;
        let mut intent = intent("sstp0");
        intent.routes = vec![route("10.1.0.0/16"), route("172.21.0.0/16")];
        let notes = netconf.apply(1, &intent).await.unwrap();
        assert!(notes.len() == 1 && notes[0].contains("There is no IPv6 in sstp0"), "{notes:?}");
        for (destination, way) in [
            ("8.8.8.8", "sstp0"),
            ("10.1.2.3", "sstp0"),
            ("10.99.0.1", "sstp0"),
            // the server's network wins over the user's route to the same
            ("172.21.0.1", "sstp0"),
            // what is nearby does not go far
            ("192.168.9.77", "eth0"),
            ("172.20.0.1", "eth0"),
            ("10.99.0.2", "lo"),
            (GATEWAY, "eth0"),
            ("2001:db8:5::1", "eth0"),
        ] {
            assert_eq!(host.way_to(destination), way, "to {destination}");
        }
        assert_eq!(host.link("sstp0"), (true, 1380));

        // half of the world is somebody's way to say everything, and no network nearby
        host.ip("route add 0.0.0.0/1 via 192.168.9.1");
        assert_eq!(host.way_to("8.8.8.8"), "sstp0");
        host.ip("route del 0.0.0.0/1");
        // another network
        host.ip("route replace default via 192.168.8.1 dev wlan0");
        assert_eq!(host.way_to(GATEWAY), "wlan0");
        host.ip("route replace default via 192.168.9.1 dev eth0");

        assert_eq!(netconf.apply(1, &intent).await.unwrap(), [""; 0], "a note was told twice");
        netconf.undo(1).await;
        assert_eq!(host.dump(), before);
        assert!(!host.link("sstp0").0);
        netconf.undo(1).await;
        drop(tun);
    });
}

#[test]
fn a_full_tunnel_of_both_families_takes_both() {
    Host::run(|host| async move {
        let _tun = tunnel().await;
        let before = host.dump();
        let mut netconf = netconf().await;
        let mut intent = with_ipv6(intent("sstp0"));
        intent.server = ip("2001:db8:7::7");
        intent.routes = vec![route("2001:db8:a::/48")];
        assert_eq!(netconf.apply(1, &intent).await.unwrap(), [""; 0]);
        for (destination, way) in [
            ("2001:db8:5::1", "sstp0"),
            ("2001:db8:a::1", "sstp0"),
            ("2001:db8:7::7", "eth0"),
            ("2001:db8:9::77", "eth0"),
            ("8.8.8.8", "sstp0"),
            ("192.168.9.77", "eth0"),
        ] {
            assert_eq!(host.way_to(destination), way, "to {destination}");
        }
        // addresses, as told, without routes in the main table
        let addresses = host.ip("address show dev sstp0");
        assert!(addresses.contains("inet 10.99.0.2 peer 10.99.0.1/32"), "{addresses}");
        assert!(addresses.contains("inet6 2001:db8:99::2/64"), "{addresses}");
        assert!(addresses.contains("inet6 fe80::2/64 scope link"), "{addresses}");
        assert!(!host.ip("route show").contains("sstp0"));
        assert!(!host.ip("-6 route show").contains("sstp0"));
        netconf.undo_all().await;
        assert_eq!(host.dump(), before);
    });
}

#[test]
fn a_split_tunnel_takes_the_servers_networks_and_its_name_servers() {
    Host::run(|host| async move {
        let _tun = tunnel().await;
        let before = host.dump();
        let mut netconf = netconf().await;
        let mut intent = with_ipv6(intent("sstp0"));
        intent.mode = Mode::Split;
        intent.routes = vec![route("10.1.0.0/16"), route("203.0.113.0/24"), route("2001:db8:a::/48")];
        intent.dns = Some(Dns { servers: vec![ip("192.168.9.53")], domains: vec!["corp.example".to_owned()] });
        let notes = netconf.apply(1, &intent).await.unwrap();
        assert!(notes.len() == 1 && notes[0].contains("192.168.9.53"), "{notes:?}");
        for (destination, way) in [
            ("10.1.2.3", "sstp0"),
            ("10.99.0.1", "sstp0"),
            ("192.168.9.53", "sstp0"),
            ("192.168.9.77", "eth0"),
            ("8.8.8.8", "eth0"),
            ("203.0.113.8", "sstp0"),
            (GATEWAY, "eth0"),
            ("2001:db8:a::1", "sstp0"),
            ("2001:db8:5::1", "eth0"),
        ] {
            assert_eq!(host.way_to(destination), way, "to {destination}");
        }
        intent.mode = Mode::Nothing;
        (intent.routes, intent.dns) = (Vec::new(), None);
        netconf.apply(1, &intent).await.unwrap();
        assert_eq!(
            ["10.1.2.3", "10.99.0.1", "192.168.9.53"].map(|destination| host.way_to(destination)),
            ["eth0", "sstp0", "eth0"]
        );
        netconf.undo(1).await;
        assert_eq!(host.dump(), before);
    });
}

#[test]
fn a_change_touches_what_changes_and_nothing_else() {
    Host::run(|host| async move {
        let _tun = tunnel().await;
        let mut netconf = netconf().await;
        let mut intent = with_ipv6(intent("sstp0"));
        intent.routes = vec![route("10.1.0.0/16"), route("10.2.0.0/16")];
        netconf.apply(1, &intent).await.unwrap();

        for address in ["fe80::2", "2001:db8:99::2"] {
            host.settles(address);
        }
        let monitor = host.monitor();
        netconf.apply(1, &intent).await.unwrap();
        assert_eq!(monitor.stop(), "", "something was touched");

        intent.routes = vec![route("10.2.0.0/16"), route("10.3.0.0/16")];
        intent.addresses[2].deprecated = true;
        intent.mtu = 1300;
        let monitor = host.monitor();
        netconf.apply(1, &intent).await.unwrap();
        let changes = monitor.stop();
        let mut lines: Vec<&str> = changes.lines().map(str::trim).collect();
        lines.sort_unstable();
        assert_eq!(lines.len(), 2, "{changes}");
        assert!(
            lines[0].starts_with("10.3.0.0/16 dev sstp0") && lines[1].starts_with("Deleted 10.1.0.0/16"),
            "{changes}"
        );
        let addresses = host.ip("address show dev sstp0 deprecated");
        assert!(addresses.contains("2001:db8:99::2/64"), "{}", host.ip("address show dev sstp0"));
        assert_eq!(host.link("sstp0"), (true, 1300));

        intent.addresses.truncate(1);
        intent.addresses[0].address = ip("10.99.0.3");
        netconf.apply(1, &intent).await.unwrap();
        let addresses = host.ip("address show dev sstp0");
        assert!(addresses.contains("10.99.0.3") && !addresses.contains("10.99.0.2"), "{addresses}");
        assert!(!addresses.contains("inet6"), "{addresses}");
    });
}

#[test]
fn a_kill_switch_blocks_both_families_until_the_session_is_undone() {
    Host::run(|host| async move {
        let tun = tunnel().await;
        let mut netconf = netconf().await;
        let before = host.dump();
        let mut intent = intent("sstp0");
        intent.kill_switch = true;
        intent.routes = vec![route("172.21.0.0/16")];
        assert_eq!(netconf.apply(1, &intent).await.unwrap(), [""; 0]);
        assert_eq!(host.way_to("8.8.8.8"), "sstp0");
        assert_eq!(host.way_to("2001:db8:5::1"), "unreachable");

        let blocked = [
            ("8.8.8.8", "unreachable"),
            ("172.21.0.1", "unreachable"),
            ("10.99.0.1", "unreachable"),
            ("2001:db8:5::1", "unreachable"),
            ("192.168.9.77", "eth0"),
            ("2001:db8:9::77", "eth0"),
            ("127.0.0.1", "lo"),
            (GATEWAY, "eth0"),
        ];
        // the interface goes before anybody hears of it
        drop(tun);
        host.loses("sstp0");
        for (destination, way) in blocked {
            assert_eq!(host.way_to(destination), way, "to {destination}, without the interface");
        }
        netconf.block(1).await;
        for (destination, way) in blocked {
            assert_eq!(host.way_to(destination), way, "to {destination}, when blocked");
        }
        // the next attempt, with another interface of the same name
        let _tun = tunnel().await;
        netconf.apply(1, &intent).await.unwrap();
        assert_eq!(["8.8.8.8", "172.21.0.1"].map(|destination| host.way_to(destination)), ["sstp0"; 2]);
        netconf.block(1).await;
        assert!(!host.link("sstp0").0);
        netconf.undo(1).await;
        assert_eq!(host.dump(), before);
    });
}

#[test]
fn a_failed_tunnel_without_a_kill_switch_leaves_nothing() {
    Host::run(|host| async move {
        let _tun = tunnel().await;
        let before = host.dump();
        let mut netconf = netconf().await;
        netconf.apply(1, &intent("sstp0")).await.unwrap();
        netconf.block(1).await;
        assert_eq!(host.dump(), before);
    });
}

#[test]
fn the_way_to_the_gateway_follows_the_network_and_the_gateway() {
    Host::run(|host| async move {
        let _tun = tunnel().await;
        let before = host.dump();
        let mut netconf = netconf().await;
        let (mut intent, other) = (with_ipv6(intent("sstp0")), "198.51.100.9");
        intent.kill_switch = true;
        netconf.apply(1, &intent).await.unwrap();
        let ways = || [GATEWAY, other, "2001:db8:7::7", "8.8.8.8"].map(|destination| host.way_to(destination));
        assert_eq!(ways(), ["eth0", "sstp0", "sstp0", "sstp0"]);

        // the name of the gateway has other addresses now
        netconf.expect_gateway(1, &[ip(other), ip("2001:db8:7::7"), ip(GATEWAY)]).await.unwrap();
        assert_eq!(ways(), ["eth0", "eth0", "eth0", "sstp0"]);
        let monitor = host.monitor();
        netconf.expect_gateway(1, &[ip(GATEWAY), ip("2001:db8:7::7"), ip("::ffff:198.51.100.9")]).await.unwrap();
        assert_eq!(monitor.stop(), "", "something was touched");

        // the wire goes, and with it the last way out
        host.ip("link set eth0 down");
        assert_eq!(ways(), ["unreachable", "unreachable", "unreachable", "sstp0"]);
        host.ip("route add default via 192.168.8.1 dev wlan0");
        assert_eq!(ways(), ["wlan0", "wlan0", "unreachable", "sstp0"]);
        host.ip("route del default via 192.168.8.1 dev wlan0");
        host.ip("link set eth0 up");
        host.ip("route add default via 192.168.9.1 dev eth0");

        // it is up again, at one of them
        intent.server = ip(other);
        netconf.apply(1, &intent).await.unwrap();
        assert_eq!(ways(), ["sstp0", "eth0", "sstp0", "sstp0"]);

        // what failed expects its gateway somewhere, too
        netconf.block(1).await;
        netconf.expect_gateway(1, &[ip(GATEWAY)]).await.unwrap();
        assert_eq!(ways(), ["eth0", "eth0", "unreachable", "unreachable"]);

        let many: Vec<IpAddr> = (1..=200).map(|host| IpAddr::from([198, 18, 0, host])).collect();
        netconf.expect_gateway(1, &many).await.unwrap();
        assert_eq!(host.ip("route show table all").matches("throw 198.18.0.").count(), 2 * MAX_GATEWAYS);
        netconf.undo(1).await;
        assert_eq!(host.dump().routing.contains("throw"), before.routing.contains("throw"));
        netconf.expect_gateway(1, &[ip(GATEWAY)]).await.unwrap();
    });
}

/// A second tunnel, to another gateway and with other addresses.
fn second() -> Intent {
    let mut second = intent("sstp1");
    second.server = ip("198.51.100.9");
    second.addresses[0] =
        Address { address: ip("10.98.0.2"), prefix_len: 32, peer: Some(ip("10.98.0.1")), deprecated: false };
    second
}

#[test]
fn where_nothing_can_be_written_down_nothing_is_done_and_everything_undone() {
    Host::run(|host| async move {
        let (_first, _second) = (tunnel().await, tunnel().await);
        let before = host.dump();
        fs::create_dir_all(STATE).unwrap();
        run(&format!("mount -t tmpfs -o size=16k,mode=700 small {STATE}"));
        let mut netconf = netconf().await;
        netconf.apply(1, &intent("sstp0")).await.unwrap();
        let with_one = host.dump();
        // the disk is full
        let full = fs::write(format!("{STATE}/filler"), [0; 64 * 1024]);
        assert!(full.is_err());
        let error = netconf.apply(2, &second()).await.unwrap_err();
        assert!(matches!(error, Error::State { .. }), "{error}");
        netconf.undo(2).await;
        assert_eq!(host.dump(), with_one, "the first one goes on");
        netconf.undo(1).await;
        assert_eq!(host.dump(), before);
    });
}

#[test]
fn of_two_full_tunnels_the_younger_has_everything_and_neither_carries_itself() {
    Host::run(|host| async move {
        let _tuns = (tunnel().await, tunnel().await);
        let before = host.dump();
        let mut netconf = netconf().await;
        let (mut first, second) = (intent("sstp0"), second());
        first.routes = vec![route("10.1.0.0/16")];
        netconf.apply(1, &first).await.unwrap();
        let with_first = host.dump();
        netconf.apply(2, &second).await.unwrap();
        let ways = |destinations: [&str; 4]| destinations.map(|destination| host.way_to(destination));
        // the second was connected through the first
        let all = ["8.8.8.8", "10.1.2.3", GATEWAY, "198.51.100.9"];
        assert_eq!(ways(all), ["sstp1", "sstp0", "eth0", "sstp0"]);
        netconf.undo(2).await;
        assert_eq!(host.dump().routing, with_first.routing);

        netconf.apply(2, &second).await.unwrap();
        netconf.undo(1).await;
        assert_eq!(ways(all), ["sstp1", "sstp1", "sstp1", "eth0"]);
        netconf.undo(2).await;
        assert_eq!(host.dump(), before);
    });
}

#[test]
fn a_younger_tunnel_that_was_connected_beside_an_older_one_stays_beside_it() {
    Host::run(|host| async move {
        let _tuns = (tunnel().await, tunnel().await);
        let before = host.dump();
        let mut netconf = netconf().await;
        let mut second = second();
        second.mode = Mode::Split;
        netconf.apply(1, &intent("sstp0")).await.unwrap();
        for (source, way) in [("192.168.9.2", "eth0"), ("10.99.0.2", "sstp0")] {
            second.source = Some(ip(source));
            netconf.apply(2, &second).await.unwrap();
            assert_eq!(["198.51.100.9", GATEWAY].map(|gateway| host.way_to(gateway)), [way, "eth0"]);
        }
        netconf.undo_all().await;
        assert_eq!(host.dump(), before);
    });
}

#[test]
fn of_two_full_tunnels_the_one_with_the_lower_metric_has_everything() {
    Host::run(|host| async move {
        let _tuns = (tunnel().await, tunnel().await);
        let before = host.dump();
        let mut netconf = netconf().await;
        let (mut first, second) = (intent("sstp0"), second());
        first.metric = 10;
        netconf.apply(1, &first).await.unwrap();
        netconf.apply(2, &second).await.unwrap();
        assert_eq!(host.way_to("8.8.8.8"), "sstp0");
        first.metric = 60;
        netconf.apply(1, &first).await.unwrap();
        assert_eq!(host.way_to("8.8.8.8"), "sstp1");
        assert_eq!(host.way_to(GATEWAY), "eth0");
        netconf.undo_all().await;
        assert_eq!(host.dump(), before);
    });
}

#[test]
fn what_a_killed_helper_left_is_removed_and_what_only_looks_like_it_stays() {
    Host::run(|host| async move {
        fs::write("/etc/resolv.conf", RESOLV_CONF).unwrap();
        // in our range, once of our protocol and once with our numbers, before and after we look
        host.ip("rule add priority 29450 table 1936946300 protocol 115");
        host.ip("route add 10.77.0.0/16 dev eth0 table 1936946300 protocol 115");
        let before = host.dump();
        let tuns = (tunnel().await, tunnel().await);
        let mut killed = netconf().await;
        let mut one = with_ipv6(intent("sstp0"));
        one.kill_switch = true;
        one.dns = Some(Dns { servers: vec![ip("10.99.0.53")], domains: vec!["corp.example".to_owned()] });
        killed.apply(1, &one).await.unwrap();
        killed.apply(2, &second()).await.unwrap();
        host.ip("rule add priority 29451 table 1936946290 protocol 115");
        host.ip("route add 10.78.0.0/16 dev eth0 table 1936946290");
        assert!(fs::read_to_string("/etc/resolv.conf").unwrap().contains("nameserver 10.99.0.53"));
        drop((killed, tuns));
        for interface in ["sstp0", "sstp1"] {
            host.loses(interface);
        }
        assert_eq!(host.way_to("2001:db8:5::1"), "unreachable", "the block went with the helper");

        let mut netconf = netconf().await;
        assert!(host.ip("rule show").contains("29451:"), "{}", host.ip("rule show"));
        host.ip("rule del priority 29451");
        host.ip("route del 10.78.0.0/16 table 1936946290");
        let after = host.dump();
        assert_eq!(after, before);
        assert_eq!(after.resolv_conf.as_deref(), Some(RESOLV_CONF));
        netconf.undo_all().await;
        let left: Vec<_> = fs::read_dir(STATE).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["lock"], "the journal outlives what it tells of");
    });
}

/// Polls a future so many times at most and drops it; `true` where it was done by then.
async fn cut_off(future: impl Future, polls: usize) -> bool {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        future.as_mut().poll(cx).map(|_| true)
    })
    .await
}

#[test]
fn whenever_a_helper_is_killed_the_next_one_removes_everything() {
    Host::run(|host| async move {
        fs::write("/etc/resolv.conf", RESOLV_CONF).unwrap();
        let before = host.dump();
        let mut wanted = with_ipv6(intent("sstp0"));
        (wanted.kill_switch, wanted.routes) = (true, vec![route("10.1.0.0/16")]);
        wanted.dns = Some(Dns { servers: vec![ip("10.99.0.53")], domains: vec!["corp.example".to_owned()] });
        let mut steps = 0;
        for undoing in [false, true] {
            for polls in 1.. {
                let tun = tunnel().await;
                let mut killed = netconf().await;
                let done = if undoing {
                    killed.apply(1, &wanted).await.unwrap();
                    cut_off(killed.undo(1), polls).await
                } else {
                    cut_off(killed.apply(1, &wanted), polls).await
                };
                drop((killed, tun));
                host.loses("sstp0");
                netconf().await;
                assert_eq!(host.dump(), before, "killed after {polls} steps, undoing: {undoing}");
                steps += 1;
                if done {
                    break;
                }
            }
        }
        assert!(steps > 40, "{steps} steps");
    });
}

#[test]
fn tables_and_priorities_that_somebody_else_uses_are_not_taken() {
    Host::run(|host| async move {
        let _tun = tunnel().await;
        host.ip("route add 10.77.0.0/16 dev eth0 table 1936946289");
        host.ip("rule add priority 29503 to 10.88.0.0/16 table 100");
        host.ip("rule add priority 100 to 10.88.0.0/16 table 1936946290");
        let mut netconf = netconf().await;
        netconf.apply(1, &intent("sstp0")).await.unwrap();
        let rules = host.ip("rule show");
        assert!(rules.contains("29502:\tfrom all lookup 1936946292"), "{rules}");
        assert!(rules.contains("29567:\tfrom all lookup 1936946293"), "{rules}");
    });
}

#[test]
fn a_task_of_its_own_can_have_it() {
    Host::run(|_host| async move {
        let _tun = tunnel().await;
        let mut netconf = netconf().await;
        let task = tokio::spawn(async move {
            netconf.apply(1, &intent("sstp0")).await.unwrap();
            netconf.block(1).await;
            netconf.undo_all().await;
        });
        task.await.unwrap();
    });
}

#[test]
fn a_directory_is_used_by_one_helper_at_a_time() {
    Host::run(|_host| async move {
        let first = netconf().await;
        let refused = NetConf::new(STATE.as_ref()).await.err().unwrap();
        assert!(matches!(refused, Error::InUse { .. }), "{refused}");
        drop(first);
        netconf().await;
    });
}

#[test]
fn an_interface_that_is_not_there_is_named() {
    Host::run(|host| async move {
        let before = host.dump();
        let mut netconf = netconf().await;
        let text = netconf.apply(1, &intent("sstp7")).await.unwrap_err().to_string();
        assert_eq!(text, "the tunnel interface sstp7 is not there");
        netconf.undo(1).await;
        assert_eq!(host.dump(), before);
    });
}

#[test]
fn without_the_right_to_it_the_error_says_what_is_needed() {
    Host::run(|host| async move {
        let _tun = tunnel().await;
        let before = host.dump();
        let mut netconf = netconf().await;
        caps::drop(None, CapSet::Effective, Capability::CAP_NET_ADMIN).unwrap();
        let text = netconf.apply(1, &intent("sstp0")).await.unwrap_err().to_string();
        assert!(text.starts_with("the kernel refused the MTU 1380 and state up of sstp0: "), "{text}");
        assert!(text.ends_with("(CAP_NET_ADMIN is needed)"), "{text}");
        caps::raise(None, CapSet::Effective, Capability::CAP_NET_ADMIN).unwrap();
        netconf.undo(1).await;
        assert_eq!(host.dump(), before);
    });
}

#[test]
fn without_ipv6_on_the_machine_a_tunnel_goes_without() {
    Host::run(|host| async move {
        let tun = tunnel().await;
        for interface in ["all", "default", "sstp0", "lo"] {
            fs::write(format!("/proc/sys/net/ipv6/conf/{interface}/disable_ipv6"), "1").unwrap();
        }
        let before = host.dump();
        let mut netconf = netconf().await;
        let mut intent = with_ipv6(intent(tun.name()));
        intent.kill_switch = true;
        let notes = netconf.apply(1, &intent).await.unwrap();
        assert!(notes.len() == 1 && notes[0].contains("IPv6 is off on this machine"), "{notes:?}");
        assert_eq!(host.way_to("8.8.8.8"), "sstp0");
        netconf.undo(1).await;
        assert_eq!(host.dump(), before);
    });
}

#[test]
fn an_mtu_that_is_too_small_for_ipv6_leaves_ipv4() {
    Host::run(|host| async move {
        let _tun = tunnel().await;
        let before = host.dump();
        let mut netconf = netconf().await;
        let mut intent = with_ipv6(intent("sstp0"));
        intent.mtu = 1279;
        let notes = netconf.apply(1, &intent).await.unwrap();
        assert!(notes.len() == 2 && notes[0].contains("1280") && notes[1].contains("kill-switch"), "{notes:?}");
        assert_eq!(["8.8.8.8", "2001:db8:5::1"].map(|destination| host.way_to(destination)), ["sstp0", "eth0"]);
        netconf.undo(1).await;
        assert_eq!(host.dump(), before);
    });
}

#[test]
fn strict_reverse_path_filtering_lets_answers_through() {
    Host::run(|host| async move {
        for interface in ["all", "default", "eth0"] {
            fs::write(format!("/proc/sys/net/ipv4/conf/{interface}/rp_filter"), "1").unwrap();
        }
        let mut tun: Tun = tunnel().await;
        let mut netconf = netconf().await;
        let mut intent = intent("sstp0");
        intent.kill_switch = true;
        netconf.apply(1, &intent).await.unwrap();
        host.answers_by("sstp0", &mut tun, "8.8.8.8").await;
        host.is_answered_by_neighbour(GATEWAY);
        host.is_answered_by_neighbour("192.168.9.1");
        intent.mode = Mode::Split;
        intent.routes = vec![route("10.1.0.0/16")];
        netconf.apply(1, &intent).await.unwrap();
        host.answers_by("sstp0", &mut tun, "10.1.2.3").await;
        host.is_answered_by_neighbour("8.8.8.8");
    });
}
