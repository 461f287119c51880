use std::fs;
use std::future::Future;
use std::process::Command;
use std::thread;

use nix::net::if_::if_nametoindex;
use tokio::time::timeout;

use super::*;
use crate::tun::Tun;
use crate::tun::tests::in_namespace;

const SOON: Duration = Duration::from_secs(3);

/// An event that has not come after this time does not come.
const NOTHING: Duration = Duration::from_millis(700);

pub(crate) fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A machine with a wire and a tunnel.
fn machine<F: Future<Output = ()>>(test: impl FnOnce(NetEvents) -> F + Send + 'static) {
    in_namespace(|| async {
        // no time is spent on the search for duplicates
        for setting in ["accept_dad", "dad_transmits", "router_solicitations"] {
            fs::write(format!("/proc/sys/net/ipv6/conf/default/{setting}"), "0").unwrap();
        }
        ip("link add wire type veth peer name other");
        let tunnel = Tun::create("tunnel", 1400).await.unwrap();
        for link in ["wire", "other", "tunnel"] {
            ip(&format!("link set {link} up"));
        }
        ip("address add 192.0.2.2/24 dev wire");
        let mut events = NetEvents::listen().unwrap();
        events.ignore(if_nametoindex("tunnel").unwrap());
        quiet(&mut events).await;
        test(events).await;
        drop(tunnel);
    });
}

/// Waits until nothing more comes.
async fn quiet(events: &mut NetEvents) {
    while let Ok(event) = timeout(NOTHING, events.next()).await {
        assert_eq!(event, Event::NetworkChanged);
    }
}

async fn changes(events: &mut NetEvents, command: &str) {
    ip(command);
    let event = timeout(SOON, events.next()).await;
    assert_eq!(event.ok(), Some(Event::NetworkChanged), "nothing is told of: ip {command}");
    quiet(events).await;
}

async fn changes_nothing(events: &mut NetEvents, command: &str) {
    ip(command);
    let event = timeout(NOTHING, events.next()).await;
    assert!(event.is_err(), "it is told of: ip {command}");
}

#[test]
fn addresses_routes_and_links_are_told_of() {
    machine(|mut events| async move {
        for command in [
            "address add 192.0.2.3/24 dev wire",
            "address del 192.0.2.3/24 dev wire",
            "route add default via 192.0.2.1",
            "route replace default via 192.0.2.4",
            "route del default",
            "link set other down",
            "link set other up",
        ] {
            changes(&mut events, command).await;
        }
    });
}

#[test]
fn ipv6_is_told_of() {
    machine(|mut events| async move {
        for command in [
            "address add 2001:db8::2/64 dev wire nodad",
            "-6 route add default via 2001:db8::1",
            "-6 route del default via 2001:db8::1",
            "address del 2001:db8::2/64 dev wire",
        ] {
            changes(&mut events, command).await;
        }
    });
}

#[test]
fn what_is_only_said_again_is_not_told() {
    machine(|mut events| async move {
        changes(&mut events, "address add 192.0.2.5/24 dev wire valid_lft 600 preferred_lft 300").await;
        changes_nothing(&mut events, "address change 192.0.2.5/24 dev wire valid_lft 700 preferred_lft 400").await;
        changes(&mut events, "route add default via 192.0.2.1").await;
        changes_nothing(&mut events, "route replace default via 192.0.2.1").await;
        changes(&mut events, "route replace default via 192.0.2.4").await;
        changes(&mut events, "route replace default via 192.0.2.1").await;
    });
}

#[test]
fn the_tunnels_own_interface_does_not_count() {
    machine(|mut events| async move {
        for command in [
            "address add 10.99.0.2/32 peer 10.99.0.1 dev tunnel",
            "route add default dev tunnel metric 50",
            "route add 10.1.0.0/16 dev tunnel table 1936946288",
            "link set tunnel mtu 1300",
            "link set tunnel down",
            "link set tunnel up",
            "link del tunnel",
        ] {
            changes_nothing(&mut events, command).await;
        }
    });
}

#[test]
fn a_swarm_is_one_event() {
    machine(|mut events| async move {
        let swarm = thread::spawn(|| (10..60).for_each(|host| ip(&format!("address add 192.0.2.{host}/24 dev wire"))));
        assert_eq!(timeout(SOON, events.next()).await.ok(), Some(Event::NetworkChanged));
        swarm.join().unwrap();
        let second = timeout(NOTHING, events.next()).await;
        assert!(second.is_err(), "it is told of twice");
    });
}

#[test]
fn a_swarm_without_an_end_is_told_of() {
    machine(|mut events| async move {
        let mut host = 10;
        let told = async {
            loop {
                tokio::select! {
                    biased;
                    event = events.next() => break event,
                    () = tokio::time::sleep(QUIET / 4) => {
                        ip(&format!("address add 192.0.2.{host}/24 dev wire"));
                        host += 1;
                    }
                }
            }
        };
        assert_eq!(timeout(2 * LONGEST, told).await.ok(), Some(Event::NetworkChanged));
        assert!(host > 12, "it came before the swarm did");
    });
}

#[test]
fn what_was_dropped_counts_as_a_change() {
    machine(|mut events| async move {
        changes(&mut events, "address add 192.0.2.9/24 dev wire valid_lft 600 preferred_lft 300").await;
        events.received(Err(Errno::ENOBUFS.into()));
        assert_eq!(timeout(SOON, events.next()).await.ok(), Some(Event::NetworkChanged));
        // nobody knows whether it was the same in between
        changes(&mut events, "address change 192.0.2.9/24 dev wire valid_lft 700 preferred_lft 400").await;
        events.received(Err(Errno::EBADF.into()));
        ip("address del 192.0.2.9/24 dev wire");
        assert!(timeout(NOTHING, events.next()).await.is_err(), "a socket that is broken is read");
    });
}

#[test]
fn what_is_no_message_counts_as_a_change_and_what_is_nobodys_does_not() {
    let mut known = Known::default();
    assert!(!known.changes(&[], None));
    assert!(known.changes(&[0x14; 7], None));
    assert!(known.changes(&[0xff; 64], None));
}

#[test]
fn the_source_is_that_of_the_way_that_is_there() {
    machine(|_events| async move {
        let far: IpAddr = "198.51.100.7".parse().unwrap();
        assert_eq!(source_to(far), None);
        ip("route add default via 192.0.2.1");
        assert_eq!(source_to(far), Some("192.0.2.2".parse().unwrap()));
        ip("address add 10.99.0.2/32 peer 10.99.0.1 dev tunnel");
        ip("route add default dev tunnel metric 50 src 10.99.0.2");
        ip("route del default via 192.0.2.1");
        assert_eq!(source_to(far), Some("10.99.0.2".parse().unwrap()));
        assert_eq!(source_to("2001:db8::1".parse().unwrap()), None);
    });
}

#[test]
fn a_way_is_the_interface_that_leads_there_and_no_tunnel() {
    machine(|_events| async move {
        let address = |text: &str| -> IpAddr { text.parse().unwrap() };
        let way = || way_to(address("198.51.100.7"), &[address("10.99.0.2")]);
        assert_eq!(way(), None);
        ip("route add default via 192.0.2.1");
        assert_eq!(way().as_deref(), Some("wire"));
        // as with the next temporary address
        ip("address add 192.0.2.3/24 dev wire");
        ip("route change default via 192.0.2.1 src 192.0.2.3");
        assert_eq!(source_to(address("198.51.100.7")), Some(address("192.0.2.3")));
        assert_eq!(way().as_deref(), Some("wire"));
        assert_eq!(interface_with(address("192.0.2.2")).as_deref(), Some("wire"));
        let wire = addresses_of("wire");
        assert!(wire.contains(&address("192.0.2.2")) && wire.contains(&address("192.0.2.3")) && wire.is_sorted());
        assert_eq!(interface_with(address("192.0.2.77")), None);
        ip("address add 10.99.0.2/32 peer 10.99.0.1 dev tunnel");
        ip("route replace default dev tunnel src 10.99.0.2");
        assert_eq!(way(), None);
        ip("-6 route add default via fe80::1 dev wire");
        assert!(source_to(address("2001:db8::1")).is_some());
        assert_eq!(way_to(address("2001:db8::1"), &[]), None);
        ip("address add 203.0.113.2/24 dev other");
        ip("route replace default via 203.0.113.1 dev other");
        assert_eq!(way().as_deref(), Some("other"));
    });
}
