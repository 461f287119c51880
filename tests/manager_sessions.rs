//! The life of a session on `org.sstpd`, from `Connect` to the end of its object.
#![cfg(feature = "service")]

mod manager_face;

use std::sync::Arc;
use std::time::Duration;

use manager_face::*;
use nm_sstp::dbus::manager::{Departure, Options, PATH, Patience};
use nm_sstp::dbus::polkit::{Action, Verdict};
use nm_sstp::session::{self, Phase};
use nm_sstp::tunnel::{Ending, TunnelState};
use zbus::message::Type;

#[tokio::test]
async fn a_session_from_connect_to_disconnect() {
    let mut desk = Desk::new().await;
    let (path, mut tunnel) = desk.connects(ALICE, &[], &[]).await;
    assert_eq!(path, FIRST);
    assert_eq!(
        (tunnel.password(), tunnel.rights.owner.as_deref(), tunnel.may_ask),
        (PASSWORD, Some("user1000"), false)
    );
    let added = desk.signal().await;
    assert!(added.starts_with("InterfacesAdded") && added.contains("\"State\": <\"connecting\">"), "{added}");

    tunnel.is(starting(Phase::Authentication));
    let changed = desk.signal().await;
    assert!(changed.contains("\"Phase\": <\"authentication\">"), "{changed}");
    assert_eq!(desk.world.host(), [""; 0], "nothing is done before the tunnel is up");
    tunnel.is_up();
    let changed = desk.signal().await;
    for part in
        ["\"State\": <\"connected\">", "\"Interface\": <\"sstp0\">", "\"Since\": <uint64 7000000>", "\"Addresses\""]
    {
        assert!(changed.contains(part), "{part} in {changed}");
    }
    assert_eq!(desk.world.host(), ["apply 1 mtu 1400"]);

    let mut changed = established();
    changed.parameters.mtu = 1300;
    tunnel.is(TunnelState::Up(Arc::new(changed)));
    desk.sees("PropertiesChanged").await;
    assert_eq!(desk.world.host(), ["apply 1 mtu 1300"]);

    assert_eq!(line(&desk.disconnect(ALICE, &path).await), "answer");
    tunnel.told_to_disconnect().await;
    assert!(desk.signal().await.contains("\"State\": <\"disconnecting\">"));
    assert_eq!(desk.world.host(), [""; 0], "the tunnel goes first");
    tunnel.is(TunnelState::Down(None));
    assert!(desk.signal().await.contains("\"State\": <\"closed\">"));
    assert_eq!(desk.world.host(), ["undo 1"], "before it is told that the session is closed");
    assert_eq!(desk.signal().await, "Closed(\"\", \"\")");
    assert!(desk.signal().await.starts_with("InterfacesRemoved"));
    let (name, _) = refusal(&desk.disconnect(ALICE, &path).await);
    assert_eq!(name, "NoSuchSession");
}

/// Routes, addresses and name servers stay: nothing leaves the machine beside the tunnel.
#[tokio::test]
async fn a_session_that_is_lost_keeps_what_it_has_until_it_is_back() {
    let mut desk = Desk::new().await;
    let (path, mut tunnel) = desk.connects(ALICE, &[], &[]).await;
    tunnel.is_up();
    desk.state(&path, "connected").await;
    assert_eq!(desk.world.host(), ["apply 1 mtu 1400"]);

    let why = Arc::new(Ending::from(session::Error::TimedOut(Phase::Connected)));
    let gateways = vec!["203.0.113.6".parse().unwrap()];
    tunnel.is(TunnelState::Reconnecting { why: why.clone(), moved: false, gateways });
    desk.state(&path, "reconnecting").await;
    let error = desk.text(ALICE, &path, "LastError").await;
    assert!(error.starts_with("The connection was lost: "), "{error}");
    assert_eq!(desk.text(ALICE, &path, "Interface").await, "sstp0");
    assert_eq!(desk.world.host(), ["expect 1 203.0.113.6"]);

    tunnel.is_up();
    desk.state(&path, "connected").await;
    assert_eq!(desk.text(ALICE, &path, "LastError").await, "");
    assert_eq!(desk.world.host(), ["apply 1 mtu 1400"]);

    tunnel.is(TunnelState::Reconnecting { why, moved: true, gateways: Vec::new() });
    desk.state(&path, "reconnecting").await;
    desk.disconnect(ALICE, &path).await;
    tunnel.told_to_disconnect().await;
    tunnel.is(TunnelState::Down(None));
    desk.sees("Closed").await;
    assert_eq!(desk.world.host(), ["expect 1 ", "undo 1"]);
}

#[tokio::test]
async fn the_answer_to_connect_comes_between_the_object_and_its_signals() {
    let mut desk = Desk::new().await;
    let options = std::collections::HashMap::from([("interactive", zbus::Variant::from(true))]);
    let settings = std::collections::HashMap::from([("gateway", "vpn.example.com"), ("user", "alice")]);
    let serial = desk.send(ALICE, PATH, MANAGER, "Connect", &("", settings, &options)).await;
    let mut seen = Vec::new();
    while seen.len() < 4 {
        let message = desk.next_message().await;
        let is_answer = message.header().reply_serial().is_some_and(|reply| reply.get() == serial);
        seen.push(if is_answer { "answer".to_owned() } else { line(&message).split('(').next().unwrap().to_owned() });
    }
    assert_eq!(seen, ["InterfacesAdded", "answer", "PropertiesChanged", "SecretsRequired"]);
}

#[tokio::test]
async fn a_failed_session_says_why_for_a_while() {
    let patience = Patience { failed: Duration::from_millis(200), ..Patience::default() };
    let mut desk = Desk::with(Options { persist: true, patience, ..Options::default() }).await;
    let (path, tunnel) = desk.connects(ALICE, &[], &[]).await;
    tunnel.fails(wrong_password());
    let closed = desk.sees("Closed").await;
    let (kind, error): (String, String) = closed.body().deserialize().unwrap();
    assert_eq!(kind, "authentication");
    assert!(error.starts_with("The connection failed: ") && error.ends_with('.'), "{error}");
    assert_eq!(desk.text(ALICE, &path, "LastError").await, error);
    assert_eq!(closed.header().destination().map(ToString::to_string).as_deref(), Some(ALICE), "nobody else sees it");
    assert_eq!(desk.text(BOB, &path, "State").await, "failed");
    desk.world.says(Action::ReadOthers, Verdict::Refused);
    assert_eq!(desk.get(BOB, &path, "LastError").await.unwrap_err(), "org.freedesktop.DBus.Error.AccessDenied");
    assert_eq!(desk.world.host(), ["undo 1"]);
    desk.sees("InterfacesRemoved").await;
}

#[tokio::test]
async fn a_failed_session_goes_at_once_where_it_is_disconnected() {
    let mut desk = Desk::new().await;
    let (path, tunnel) = desk.connects(ALICE, &[], &[]).await;
    tunnel.fails(wrong_password());
    desk.sees("Closed").await;
    desk.disconnect(ALICE, &path).await;
    desk.sees("InterfacesRemoved").await;
}

#[tokio::test]
async fn a_machine_that_refuses_takes_the_tunnel_down() {
    let mut desk = Desk::new().await;
    desk.world.host_refuses("the kernel has no table 7");
    let (path, mut tunnel) = desk.connects(ALICE, &[("kill-switch", "yes")], &[]).await;
    tunnel.is_up();
    tunnel.told_to_disconnect().await;
    assert_ne!(desk.text(ALICE, &path, "State").await, "connected");
    tunnel.is(TunnelState::Down(None));
    let (kind, error): (String, String) = desk.sees("Closed").await.body().deserialize().unwrap();
    assert_eq!(kind, "host");
    assert!(error.contains("the kernel has no table 7"), "{error}");
    assert_eq!(desk.world.host(), ["apply 1 mtu 1400", "undo 1"], "it never was connected: nothing is blocked");
}

#[tokio::test]
async fn a_kill_switch_blocks_until_the_session_is_disconnected() {
    let patience = Patience { failed: Duration::ZERO, ..Patience::default() };
    let mut desk = Desk::with(Options { persist: true, patience, ..Options::default() }).await;
    let (path, tunnel) = desk.connects(ALICE, &[("kill-switch", "yes")], &[]).await;
    tunnel.is_up();
    desk.state(&path, "connected").await;
    tunnel.fails(session::Error::TimedOut(Phase::Connected));
    let (kind, error): (String, String) = desk.sees("Closed").await.body().deserialize().unwrap();
    assert_eq!(kind, "connect");
    assert!(error.starts_with("The connection was lost: "), "{error}");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(desk.world.host(), ["apply 1 mtu 1400", "block 1"]);
    assert_eq!(desk.text(ALICE, &path, "State").await, "failed", "it stays");
    desk.disconnect(ALICE, &path).await;
    desk.sees("InterfacesRemoved").await;
    assert_eq!(desk.world.host(), ["undo 1"]);
}

#[tokio::test]
async fn a_kill_switch_does_not_block_who_has_disconnected() {
    let mut desk = Desk::new().await;
    let (path, mut tunnel) = desk.connects(ALICE, &[("kill-switch", "yes")], &[]).await;
    tunnel.is_up();
    desk.state(&path, "connected").await;
    // it fails, and is told to end before it is down
    desk.world.host_refuses("the kernel has no table 7");
    let mut changed = established();
    changed.parameters.mtu = 1300;
    tunnel.is(TunnelState::Up(Arc::new(changed)));
    tunnel.told_to_disconnect().await;
    assert_eq!(line(&desk.disconnect(ALICE, &path).await), "answer");
    tunnel.is(TunnelState::Down(None));
    let (kind, _): (String, String) = desk.sees("Closed").await.body().deserialize().unwrap();
    assert_eq!(kind, "host");
    desk.sees("InterfacesRemoved").await;
    assert_eq!(desk.world.host(), ["apply 1 mtu 1400", "apply 1 mtu 1300", "undo 1"]);
}

#[tokio::test]
async fn a_tunnel_without_addresses_is_no_tunnel() {
    let mut desk = Desk::new().await;
    let (_, mut tunnel) = desk.connects(ALICE, &[], &[]).await;
    let mut nothing = established();
    nothing.parameters.ipv4 = None;
    tunnel.is(TunnelState::Up(Arc::new(nothing)));
    tunnel.told_to_disconnect().await;
    tunnel.is(TunnelState::Down(None));
    let (kind, _): (String, String) = desk.sees("Closed").await.body().deserialize().unwrap();
    assert_eq!(kind, "ip-configuration");
}

#[tokio::test]
async fn a_tunnel_that_does_not_go_down_is_cut_off() {
    let patience = Patience { going_down: Duration::from_millis(50), ..Patience::default() };
    let mut desk = Desk::with(Options { persist: true, patience, ..Options::default() }).await;
    let (path, mut tunnel) = desk.connects(ALICE, &[], &[]).await;
    tunnel.is_up();
    desk.state(&path, "connected").await;
    desk.disconnect(ALICE, &path).await;
    tunnel.told_to_disconnect().await;
    assert!(tunnel.commands.recv().await.is_none(), "it was let go");
    desk.sees("InterfacesRemoved").await;
    assert_eq!(desk.world.host(), ["apply 1 mtu 1400", "undo 1"]);
}

#[tokio::test]
async fn a_tunnel_that_vanishes_is_a_fault_of_ours() {
    let mut desk = Desk::new().await;
    let (_, tunnel) = desk.connects(ALICE, &[], &[]).await;
    drop(tunnel);
    let (_, error): (String, String) = desk.sees("Closed").await.body().deserialize().unwrap();
    assert!(error.contains("please report it"), "{error}");
}

#[tokio::test]
async fn a_session_outlives_its_caller() {
    let mut desk = Desk::new().await;
    let (path, tunnel) = desk.connects(ALICE, &[], &[("interactive", true.into())]).await;
    tunnel.is_up();
    desk.state(&path, "connected").await;
    desk.world.leaves(ALICE);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(desk.text(ROOT, &path, "State").await, "connected");
    assert_eq!(line(&desk.disconnect(ALICE_TOO, &path).await), "answer", "it is the user's, not the connection's");
}

#[tokio::test]
async fn two_sessions_do_not_know_each_other() {
    let mut desk = Desk::new().await;
    let (first, one) = desk.connects(ALICE, &[], &[]).await;
    let (second, mut two) = desk.connects(BOB, &[], &[]).await;
    one.is_up();
    two.is_up();
    desk.state(&first, "connected").await;
    desk.state(&second, "connected").await;
    desk.disconnect(BOB, &second).await;
    two.told_to_disconnect().await;
    two.is(TunnelState::Down(None));
    desk.sees("InterfacesRemoved").await;
    assert_eq!(desk.text(ALICE, &first, "State").await, "connected");
    assert!(desk.world.host().ends_with(&["undo 2".to_owned()]));
}

#[tokio::test]
async fn when_the_process_is_stopped_everything_is_undone() {
    let mut desk = Desk::new().await;
    let (_, mut up) = desk.connects(ALICE, &[], &[]).await;
    up.is_up();
    desk.state(FIRST, "connected").await;
    let (_, failed) = desk.connects(ALICE, &[], &[]).await;
    failed.fails(wrong_password());
    desk.sees("Closed").await;
    desk.terminate();
    up.told_to_disconnect().await;
    let answer = desk.try_connect(ALICE, "", &[("gateway", "vpn.example.com")], &with_password()).await;
    assert_eq!(refusal(&answer).0, "Leaving");
    up.is(TunnelState::Down(None));
    assert_eq!(desk.leaves().await, Departure::Told);
    assert_eq!(desk.world.host(), ["apply 1 mtu 1400", "undo 2", "undo 1", "undo all"]);
}

#[tokio::test]
async fn a_service_without_sessions_leaves() {
    let mut desk = Desk::with(Options { idle: Duration::from_millis(50), ..Options::default() }).await;
    assert_eq!(desk.leaves().await, Departure::Idle);
    assert_eq!(desk.world.host(), ["undo all"]);

    let mut desk = Desk::with(Options { idle: Duration::from_millis(50), ..Options::default() }).await;
    let (path, mut tunnel) = desk.connects(ALICE, &[], &[]).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(desk.is_running(), "there is a session");
    desk.disconnect(ALICE, &path).await;
    tunnel.told_to_disconnect().await;
    tunnel.is(TunnelState::Down(None));
    assert_eq!(desk.leaves().await, Departure::Idle);
}

#[tokio::test]
async fn a_profile_that_cannot_be_connected_is_refused_at_once() {
    let mut desk = Desk::new().await;
    for (settings, options) in [
        (&[("user", "alice")][..], with_password()),
        (&[("gateway", "a gateway"), ("user", "alice")], with_password()),
        (&[("gateway", "vpn.example.com")], with_password()),
        (&[("gateway", "vpn.example.com"), ("user", "alice")], Default::default()),
        (&[("gateway", "vpn.example.com"), ("user", "alice"), ("connection-type", "tls")], with_password()),
    ] {
        let answer = desk.try_connect(ALICE, "", settings, &options).await;
        assert_eq!(answer.message_type(), Type::Error, "{settings:?}");
        let expected = if options.is_empty() { "MissingSecrets" } else { "BadSettings" };
        assert_eq!(refusal(&answer).0, expected, "{settings:?}");
    }
    assert!(desk.tunnels.try_recv().is_err());
    let (path, _) = desk.connects(ALICE, &[], &[]).await;
    assert_eq!(desk.text(ALICE, &path, "Gateway").await, "vpn.example.com");
}
