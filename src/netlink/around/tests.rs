use std::time::Duration;

use nix::net::if_::if_nametoindex;
use tokio::time::sleep;

use super::*;
use crate::netevents::tests::ip;
use crate::tun::Tun;
use crate::tun::tests::in_namespace;

async fn way(tunnel: u32, destination: &str) -> Option<String> {
    Netlink::connect().unwrap().interface_around(tunnel, destination.parse().unwrap()).await.unwrap()
}

#[test]
fn the_way_around_a_tunnel_is_that_of_the_wires() {
    in_namespace(|| async {
        let _tun = Tun::create("tunnel", 1400).await.unwrap();
        let tunnel = if_nametoindex("tunnel").unwrap();
        for wire in ["wire", "wifi"] {
            ip(&format!("link add {wire} type veth peer name {wire}-end"));
            ip(&format!("link set {wire} up"));
            ip(&format!("link set {wire}-end up"));
        }
        ip("link set tunnel up");
        ip("address add 10.99.0.2/32 peer 10.99.0.1 dev tunnel");
        ip("route add default dev tunnel metric 50");
        assert_eq!(way(tunnel, "198.51.100.7").await, None);

        ip("address add 192.0.2.2/24 dev wire");
        ip("address add 192.168.7.2/24 dev wifi");
        ip("route add default via 192.168.7.1 metric 600");
        assert_eq!(way(tunnel, "198.51.100.7").await.as_deref(), Some("wifi"));
        ip("route add default via 192.0.2.1 metric 100");
        assert_eq!(way(tunnel, "198.51.100.7").await.as_deref(), Some("wire"));
        assert_eq!(way(tunnel, "192.168.7.9").await.as_deref(), Some("wifi"));
        ip("route add 198.51.100.0/24 via 192.168.7.1 metric 700");
        assert_eq!(way(tunnel, "198.51.100.7").await.as_deref(), Some("wifi"));
        assert_eq!(way(tunnel, "198.51.101.7").await.as_deref(), Some("wire"));

        // a route that was forgotten
        ip("route add 198.51.101.7 dev wire metric 50");
        ip("address del 192.0.2.2/24 dev wire");
        assert_eq!(way(tunnel, "198.51.101.7").await.as_deref(), Some("wifi"));
        ip("link set wifi down");
        assert_eq!(way(tunnel, "198.51.101.7").await, None);
    });
}

#[test]
fn ipv6_has_a_way_of_its_own() {
    in_namespace(|| async {
        ip("link add wire type veth peer name end");
        ip("link set wire up");
        ip("link set end up");
        ip("address add 192.0.2.2/24 dev wire");
        ip("-6 route add default via fe80::1 dev wire");
        assert_eq!(way(0, "2001:db8:1::7").await, None, "a link-local address goes nowhere");
        ip("address add 2001:db8::2/64 dev wire nodad");
        assert_eq!(way(0, "2001:db8:1::7").await.as_deref(), Some("wire"));
        assert_eq!(way(0, "198.51.100.7").await, None);
        assert_eq!(way(if_nametoindex("wire").unwrap(), "2001:db8:1::7").await, None);
    });
}

#[test]
fn of_a_route_that_shares_its_load_one_that_is_up() {
    in_namespace(|| async {
        for (wire, net) in [("one", 1), ("two", 2)] {
            ip(&format!("link add {wire} type veth peer name {wire}-end"));
            ip(&format!("link set {wire} up"));
            ip(&format!("link set {wire}-end up"));
            ip(&format!("address add 192.0.{net}.2/24 dev {wire}"));
        }
        ip("route add default nexthop via 192.0.1.1 dev one nexthop via 192.0.2.1 dev two");
        assert_eq!(way(0, "198.51.100.7").await.as_deref(), Some("one"));
        assert_eq!(way(if_nametoindex("one").unwrap(), "198.51.100.7").await.as_deref(), Some("two"));
        ip("link set one-end down");
        // the kernel notices it in a second or so
        while way(0, "198.51.100.7").await.as_deref() != Some("two") {
            sleep(Duration::from_millis(20)).await;
        }
    });
}
