//! The order and the types of what NetworkManager's face says.
#![cfg(feature = "service")]

mod nm_face;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use nm_face::*;
use nm_sstp::dbus::nm::{Departure, Options};
use nm_sstp::session::{self, Phase};
use nm_sstp::tunnel::{Ending, TunnelState};

const PERSIST: bool = true;

fn options(persist: bool) -> Options {
    Options { persist, ..Options::default() }
}

fn timed_out() -> TunnelState {
    TunnelState::Down(Some(Arc::new(Ending::from(session::Error::TimedOut(Phase::Http)))))
}

/// The number that NetworkManager reads for an address.
fn word(address: &str) -> u32 {
    u32::from_ne_bytes(address.parse::<Ipv4Addr>().expect("an address").octets())
}

fn config() -> String {
    config_with_gateway(&format!("uint32 {}", word("203.0.113.5")))
}

fn config_with_gateway(gateway: &str) -> String {
    let rest = r#""has-ip4": <true>, "has-ip6": <false>, "mtu": <uint32 1400>, "tundev": <"sstp0">"#;
    format!(r#"Config({{"can-persist": <true>, "gateway": <{gateway}>, {rest}}})"#)
}

fn ip4_config(address: &str) -> String {
    let [dns1, dns2, nbns] = ["10.99.0.53", "192.0.2.53", "10.99.0.137"].map(word);
    let fields = [
        format!(r#""address": <uint32 {}>"#, word(address)),
        format!(r#""dns": <[uint32 {dns1}, {dns2}]>"#),
        format!(r#""nbns": <[uint32 {nbns}]>"#),
        r#""prefix": <uint32 32>"#.to_owned(),
        format!(r#""ptp": <uint32 {}>"#, word("10.99.0.1")),
        format!(r#""routes": <[[uint32 {dns1}, 32, 0, 0], [{dns2}, 32, 0, 0], [{nbns}, 32, 0, 0]]>"#),
    ];
    format!("Ip4Config({{{}}})", fields.join(", "))
}

/// A connection that is up.
async fn up_and_running(options: Options) -> (Face, Started) {
    let mut face = Face::with(options).await;
    let tunnel = face.connects().await;
    tunnel.is(up(established()));
    face.sees(&[&config(), &ip4_config("10.99.0.2"), "StateChanged(4)"]).await;
    (face, tunnel)
}

#[tokio::test]
async fn up_and_down() {
    let mut face = Face::new().await;
    face.call("NeedSecrets", &(connection(),)).await;
    face.sees(&[r#"answer("")"#]).await;
    let mut tunnel = face.connects().await;
    for phase in [Phase::Http, Phase::CallConnect, Phase::Authentication, Phase::NetworkLayerProtocol] {
        tunnel.is(starting(phase));
    }
    tunnel.is(up(established()));
    face.sees(&[&config(), &ip4_config("10.99.0.2"), "StateChanged(4)"]).await;
    face.sees_nothing().await;
    face.call("Disconnect", &()).await;
    face.sees(&["StateChanged(5)", "answer"]).await;
    tunnel.told_to_disconnect().await;
    tunnel.is(starting(Phase::Terminating));
    face.sees_nothing().await;
    assert!(face.is_running(), "it must not leave before its tunnel");
    tunnel.is(TunnelState::Down(None));
    face.sees(&["StateChanged(6)"]).await;
    assert_eq!(face.leaves().await, Departure::TunnelDown);
}

#[tokio::test]
async fn interactive_is_the_same() {
    let mut face = Face::new().await;
    face.call("ConnectInteractive", &(connection(), details())).await;
    face.sees(&["StateChanged(3)", "answer"]).await;
    face.started().await.is(up(established()));
    face.sees(&[&config(), &ip4_config("10.99.0.2"), "StateChanged(4)"]).await;
}

#[tokio::test]
async fn a_failure_has_its_reason() {
    let wrong_password = TunnelState::Down(Some(Arc::new(Ending::from(wrong_password()))));
    for (down, reason) in [(wrong_password, "Failure(0)"), (timed_out(), "Failure(1)")] {
        let mut face = Face::new().await;
        let tunnel = face.connects().await;
        tunnel.is(down);
        face.sees(&[reason, "StateChanged(6)"]).await;
        assert_eq!(face.leaves().await, Departure::TunnelDown);
    }
}

/// Nothing flaps; but a route to the gateway that goes by another network than there is now is in the way.
#[tokio::test]
async fn a_persistent_tunnel_that_is_lost_stays_up() {
    let mut persistent = connection();
    persistent.get_mut("vpn").expect("a VPN setting").insert("persistent", true.into());
    let mut face = Face::new().await;
    face.call("Connect", &(persistent,)).await;
    face.sees(&["StateChanged(3)", "answer"]).await;
    let tunnel = face.started().await;
    assert!(tunnel.lasting);
    tunnel.is(up(established()));
    face.is_announced().await;

    let why = Arc::new(Ending::from(session::Error::TimedOut(Phase::Connected)));
    tunnel.is(TunnelState::Reconnecting { why: why.clone(), moved: false, gateways: Vec::new() });
    face.sees_nothing().await;
    tunnel.is(TunnelState::Reconnecting { why: why.clone(), moved: true, gateways: Vec::new() });
    let nowhere = config_with_gateway(&format!("uint32 {}", word("127.0.0.1")));
    face.sees(&[&nowhere, &ip4_config("10.99.0.2")]).await;
    face.sees_nothing().await;
    tunnel.is(up(established()));
    face.sees(&[&config(), &ip4_config("10.99.0.2")]).await;
    face.sees_nothing().await;

    tunnel.is(TunnelState::Reconnecting { why, moved: false, gateways: Vec::new() });
    tunnel.is(timed_out());
    face.sees(&["Failure(1)", "StateChanged(6)"]).await;
}

#[tokio::test]
async fn the_tunnel_dies_later() {
    let (mut face, tunnel) = up_and_running(options(!PERSIST)).await;
    tunnel.is(starting(Phase::Terminating));
    face.sees_nothing().await;
    tunnel.is(timed_out());
    face.sees(&["Failure(1)", "StateChanged(6)"]).await;
    assert_eq!(face.leaves().await, Departure::TunnelDown);
}

#[tokio::test]
async fn the_tunnel_dies_without_a_word() {
    let (mut face, tunnel) = up_and_running(options(!PERSIST)).await;
    drop(tunnel);
    face.sees(&["Failure(1)", "StateChanged(6)"]).await;
    assert_eq!(face.leaves().await, Departure::TunnelDown);
}

#[tokio::test]
async fn no_address_is_a_bad_ip_configuration() {
    let mut nothing = established();
    nothing.parameters.ipv4 = None;
    let mut zero = established();
    zero.parameters.ipv4.as_mut().expect("IPv4").address = Ipv4Addr::UNSPECIFIED;
    for useless in [nothing, zero] {
        let mut face = Face::new().await;
        let mut tunnel = face.connects().await;
        tunnel.is(up(useless));
        face.sees(&["Failure(2)", "StateChanged(5)"]).await;
        tunnel.told_to_disconnect().await;
        tunnel.is(TunnelState::Down(None));
        face.sees(&["StateChanged(6)"]).await;
        assert_eq!(face.leaves().await, Departure::TunnelDown);
    }
}

#[tokio::test]
async fn what_changes_is_told_again() {
    let (mut face, tunnel) = up_and_running(options(!PERSIST)).await;
    let mut changed = established();
    changed.parameters.ipv4.as_mut().expect("IPv4").address = Ipv4Addr::new(10, 99, 0, 77);
    tunnel.is(up(changed));
    face.sees(&[&config(), &ip4_config("10.99.0.77")]).await;
    tunnel.is(starting(Phase::Http));
    face.sees(&["StateChanged(3)"]).await;
    tunnel.is(up(established()));
    face.sees(&[&config(), &ip4_config("10.99.0.2"), "StateChanged(4)"]).await;
    face.sees_nothing().await;
}

#[tokio::test]
async fn the_outer_gateway_has_the_type_of_its_family() {
    for (gateway, expected) in [
        (IpAddr::from([203, 0, 113, 5]), config()),
        ("::ffff:203.0.113.5".parse().expect("an address"), config()),
        (
            "2001:db8::1".parse().expect("an address"),
            config_with_gateway(
                "[byte 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01]",
            ),
        ),
    ] {
        let mut face = Face::new().await;
        let tunnel = face.connects().await;
        let server = std::net::SocketAddr::new(gateway, 443);
        tunnel.is(up(nm_sstp::tunnel::Established { server, ..established() }));
        face.sees(&[&expected]).await;
    }
}

#[tokio::test]
async fn disconnect_while_starting() {
    let mut face = Face::new().await;
    let mut tunnel = face.connects().await;
    tunnel.is(starting(Phase::Authentication));
    face.call("Disconnect", &()).await;
    face.sees(&["StateChanged(5)", "answer"]).await;
    tunnel.told_to_disconnect().await;
    // It came up just before it heard of it, and then the server was not polite.
    tunnel.is(up(established()));
    face.sees_nothing().await;
    tunnel.is(timed_out());
    face.sees(&["StateChanged(6)"]).await;
    assert_eq!(face.leaves().await, Departure::TunnelDown);
}

#[tokio::test]
async fn two_disconnects() {
    let (mut face, tunnel) = up_and_running(options(PERSIST)).await;
    face.call("Disconnect", &()).await;
    face.call("Disconnect", &()).await;
    face.sees(&["StateChanged(5)", "answer", "refusal(StoppingInProgress)"]).await;
    face.call("Connect", &(connection(),)).await;
    face.sees(&["refusal(WrongState)"]).await;
    tunnel.is(TunnelState::Down(None));
    face.sees(&["StateChanged(6)"]).await;
    face.call("Disconnect", &()).await;
    face.sees(&["refusal(AlreadyStopped)"]).await;
}

#[tokio::test]
async fn disconnect_before_connect() {
    let mut face = Face::new().await;
    face.call("Disconnect", &()).await;
    face.sees(&["StateChanged(6)", "answer"]).await;
    assert_eq!(face.leaves().await, Departure::TunnelDown);
}

#[tokio::test]
async fn a_second_connect_changes_nothing() {
    let mut face = Face::new().await;
    let tunnel = face.connects().await;
    face.call("Connect", &(connection(),)).await;
    face.sees(&["refusal(StartingInProgress)"]).await;
    tunnel.is(up(established()));
    face.sees(&[&config(), &ip4_config("10.99.0.2"), "StateChanged(4)"]).await;
    face.call("ConnectInteractive", &(connection(), details())).await;
    face.sees(&["refusal(AlreadyStarted)"]).await;
    face.sees_nothing().await;
    assert!(face.is_running());
    assert!(face.tunnels.try_recv().is_err(), "a second tunnel was started");
}

#[tokio::test]
async fn persist_takes_another_connection() {
    let (mut face, tunnel) = up_and_running(options(PERSIST)).await;
    tunnel.is(timed_out());
    face.sees(&["Failure(1)", "StateChanged(6)"]).await;
    let tunnel = face.connects().await;
    tunnel.is(up(established()));
    face.sees(&[&config(), &ip4_config("10.99.0.2"), "StateChanged(4)"]).await;
}

#[tokio::test]
async fn termination_takes_the_tunnel_down_first() {
    let (mut face, mut tunnel) = up_and_running(options(!PERSIST)).await;
    face.terminate();
    face.sees(&["StateChanged(5)"]).await;
    tunnel.told_to_disconnect().await;
    face.sees_nothing().await;
    assert!(face.is_running());
    tunnel.is(TunnelState::Down(None));
    face.sees(&["StateChanged(6)"]).await;
    assert_eq!(face.leaves().await, Departure::Told);
}

#[tokio::test]
async fn termination_without_a_tunnel() {
    let mut face = Face::with(options(PERSIST)).await;
    face.terminate();
    assert_eq!(face.leaves().await, Departure::Told);
}

#[tokio::test]
async fn a_tunnel_that_does_not_go_down_is_cut_off() {
    let limit = Duration::from_millis(50);
    let (mut face, tunnel) = up_and_running(Options { going_down: limit, ..options(!PERSIST) }).await;
    face.call("Disconnect", &()).await;
    face.sees(&["StateChanged(5)", "answer"]).await;
    assert_eq!(face.leaves().await, Departure::Stuck);
    drop(tunnel);
}

#[tokio::test]
async fn nobody_calls() {
    let idle = Duration::from_millis(50);
    let face = Face::with(Options { idle, ..options(!PERSIST) }).await;
    assert_eq!(face.leaves().await, Departure::Idle);
    let face = Face::with(Options { idle, ..options(PERSIST) }).await;
    tokio::time::sleep(2 * idle).await;
    assert!(face.is_running());
    // While the user types a password, nothing comes either.
    let mut face = Face::with(Options { idle, ..options(!PERSIST) }).await;
    face.call("NeedSecrets", &(connection_with(&[("gateway", "vpn.example.com"), ("user", "alice")], &[]),)).await;
    face.sees(&[r#"answer("vpn")"#]).await;
    tokio::time::sleep(2 * idle).await;
    assert!(face.is_running());
}

#[tokio::test]
async fn the_bus_goes_away() {
    let (face, mut tunnel) = up_and_running(options(PERSIST)).await;
    let (service, _tunnels) = face.hangs_up().await;
    tunnel.told_to_disconnect().await;
    assert!(!service.is_finished());
    tunnel.is(TunnelState::Down(None));
    let departure = tokio::time::timeout(Duration::from_secs(10), service).await.expect("it stays");
    assert_eq!(departure.expect("no panic").expect("an object"), Departure::BusClosed);
}

#[tokio::test]
async fn the_helper_methods_pass_on_what_they_get() {
    let (mut face, mut tunnel) = up_and_running(options(PERSIST)).await;
    let dictionary = std::collections::BTreeMap::from([("mtu", zbus::Variant::from(1300u32))]);
    for (method, signal) in [("SetConfig", "Config"), ("SetIp4Config", "Ip4Config"), ("SetIp6Config", "Ip6Config")] {
        face.call(method, &(&dictionary,)).await;
        face.sees(&[&format!(r#"{signal}({{"mtu": <uint32 1300>}})"#), "answer"]).await;
    }
    face.call("SetFailure", &("the pool is empty",)).await;
    face.sees(&["Failure(2)", "StateChanged(5)", "answer"]).await;
    tunnel.told_to_disconnect().await;
    tunnel.is(TunnelState::Down(None));
    face.sees(&["StateChanged(6)"]).await;
    for method in ["SetConfig", "SetIp4Config", "SetIp6Config"] {
        face.call(method, &(&dictionary,)).await;
        face.sees(&["refusal(WrongState)"]).await;
    }
    face.call("SetFailure", &("again",)).await;
    face.sees(&["refusal(WrongState)"]).await;
}

#[tokio::test]
async fn the_state_is_a_property_too() {
    let mut face = Face::new().await;
    let state = || ("org.freedesktop.NetworkManager.VPN.Plugin", "State");
    face.call_on("org.freedesktop.DBus.Properties", "Get", &state()).await;
    face.sees(&["answer(<uint32 1>)"]).await;
    let _tunnel = face.connects().await;
    face.call_on("org.freedesktop.DBus.Properties", "Get", &state()).await;
    face.sees(&["answer(<uint32 3>)"]).await;
}

/// The members and types of the interface as NetworkManager publishes them
/// (introspection/org.freedesktop.NetworkManager.VPN.Plugin.xml in its source).
const INTERFACE_XML: &[&str] = &[
    "method Connect in:a{sa{sv}}",
    "method ConnectInteractive in:a{sa{sv}} in:a{sv}",
    "method Disconnect",
    "method NeedSecrets in:a{sa{sv}} out:s",
    "method NewSecrets in:a{sa{sv}}",
    "method SetConfig in:a{sv}",
    "method SetFailure in:s",
    "method SetIp4Config in:a{sv}",
    "method SetIp6Config in:a{sv}",
    "property State u read",
    "signal Config a{sv}",
    "signal Failure u",
    "signal Ip4Config a{sv}",
    "signal Ip6Config a{sv}",
    "signal LoginBanner s",
    "signal SecretsRequired s as",
    "signal StateChanged u",
];

#[tokio::test]
async fn the_interface_is_network_managers() {
    let face = Face::new().await;
    let xml = face.introspect().await;
    let start = xml.find("<interface name=\"org.freedesktop.NetworkManager.VPN.Plugin\">").expect("the interface");
    let end = start + xml[start..].find("</interface>").expect("its end");
    let mut members: Vec<String> = Vec::new();
    for tag in xml[start..end].split('<').skip(2) {
        let attribute = |name: &str| {
            let value = tag.split_once(&format!(" {name}=\""))?.1;
            Some(value.split_once('"')?.0)
        };
        match tag.split([' ', '/', '>']).next().expect("a tag") {
            kind @ ("method" | "signal") => members.push(format!("{kind} {}", attribute("name").expect("a name"))),
            "property" => members.push(format!(
                "property {} {} {}",
                attribute("name").expect("a name"),
                attribute("type").expect("a type"),
                attribute("access").expect("an access"),
            )),
            "arg" => {
                let member = members.last_mut().expect("an argument stands in a member");
                let direction = attribute("direction").filter(|_| member.starts_with("method"));
                let direction = direction.map(|direction| format!("{direction}:")).unwrap_or_default();
                *member += &format!(" {direction}{}", attribute("type").expect("a type"));
            }
            _ => {}
        }
    }
    members.sort();
    assert_eq!(members, INTERFACE_XML);
}
