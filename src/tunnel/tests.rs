//! Whole tunnels: real TCP, TLS and, where it takes one, a real interface in a network namespace of its own.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use nix::net::if_::if_nametoindex;
use openssl::x509::X509;
use sstp_test_server::config::Closed;
use tokio::net::TcpListener;

use super::relay::tests::{Answer, PASSWORD, serve, server_with, within};
use super::*;
use crate::transport::pki::{Ca, CaFile, Leaf};
use crate::tun::tests::{bring_up, in_namespace};

const LOOPBACK: u32 = 1;

fn tunnel_to(port: u16, ca: Option<&CaFile>, password: Option<&str>) -> Tunnel {
    let mut data: BTreeMap<String, String> = BTreeMap::new();
    data.insert("gateway".to_owned(), format!("127.0.0.1:{port}"));
    data.insert("user".to_owned(), "user".to_owned());
    data.insert("mtu".to_owned(), "1400".to_owned());
    if let Some(CaFile(path)) = ca {
        data.insert("ca-cert".to_owned(), path.to_str().unwrap().to_owned());
    }
    let (profile, notices) = Profile::from_settings(&data, None, None).unwrap();
    assert!(notices.is_empty());
    let (secrets, _) = Secrets::from_settings(&data, password.map(|password| ("password", password)));
    Tunnel::spawn(Attempt::new(profile, secrets))
}

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Waits for a state that is not [`TunnelState::Starting`].
async fn settled(tunnel: &mut Tunnel) -> TunnelState {
    let settled = tunnel.state.wait_for(|state| !matches!(state, TunnelState::Starting(_)));
    within(Duration::from_secs(10), settled).await.unwrap().clone()
}

async fn failure(mut tunnel: Tunnel) -> Arc<Ending> {
    match settled(&mut tunnel).await {
        TunnelState::Down(Some(failure)) => failure,
        other => panic!("no failure: {other:?}"),
    }
}

#[test]
fn a_tunnel_from_its_profile_to_its_end() {
    in_namespace(|| async {
        bring_up(LOOPBACK, Ipv4Addr::LOCALHOST).await;
        let ca = Ca::new("Test CA");
        let (certificate, key) = ca.issue(&Leaf { names: &["127.0.0.1"], ..Leaf::default() });
        let der = X509::from_pem(&certificate).unwrap().to_der().unwrap();
        let identity = native_tls::Identity::from_pkcs8(&certificate, &key).unwrap();
        let acceptor = tokio_native_tls::TlsAcceptor::from(native_tls::TlsAcceptor::new(identity).unwrap());
        let (listener, port) = listener().await;
        let serving = tokio::spawn(async move {
            let stream = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
            serve(server_with(&der, &[]), stream, Answer::Nothing).await
        });

        let file = ca.file();
        let mut tunnel = tunnel_to(port, Some(&file), Some(PASSWORD));
        let TunnelState::Up(established) = settled(&mut tunnel).await else {
            panic!("the tunnel did not come up: {:?}", tunnel.state.borrow());
        };
        assert_eq!((established.interface.as_str(), established.server.ip()), ("sstp0", Ipv4Addr::LOCALHOST.into()));
        let address = Ipv4Addr::new(10, 99, 0, 2);
        assert_eq!(established.parameters.ipv4.as_ref().unwrap().address, address);
        let index = if_nametoindex("sstp0").unwrap();

        bring_up(index, address).await;
        let socket = UdpSocket::bind((address, 0)).unwrap();
        for number in 0..100u8 {
            socket.send_to(&[number; 500], (Ipv4Addr::new(10, 99, 0, 9), 9)).unwrap();
        }
        // What is still in the interface when it goes down is lost, so the tunnel has to have it first.
        tokio::time::sleep(Duration::from_millis(100)).await;
        tunnel.commands.send(Command::Disconnect).await.unwrap();
        let down = tunnel.state.wait_for(|state| matches!(state, TunnelState::Down(_)));
        let down = within(Duration::from_secs(10), down).await.unwrap().clone();
        assert!(matches!(down, TunnelState::Down(None)), "{down:?}");
        assert!(if_nametoindex("sstp0").is_err(), "the interface outlived its tunnel");

        let (closed, datagrams) = serving.await.unwrap();
        assert_eq!(closed, Some(Closed::ClientDisconnected));
        let numbers: Vec<u8> = datagrams.iter().filter(|datagram| datagram[9] == 17).map(|d| d[d.len() - 1]).collect();
        assert_eq!(numbers, (0..100).collect::<Vec<u8>>());
    });
}

#[tokio::test]
async fn a_disconnect_does_not_wait_for_a_server_that_says_nothing() {
    // It accepts and never shakes hands.
    let (_listener, port) = listener().await;
    let mut tunnel = tunnel_to(port, None, Some(PASSWORD));
    let in_tls = |state: &TunnelState| matches!(state, TunnelState::Starting(Phase::Tls));
    within(Duration::from_secs(10), tunnel.state.wait_for(in_tls)).await.unwrap();
    tunnel.commands.send(Command::Disconnect).await.unwrap();
    let state = within(Duration::from_secs(1), settled(&mut tunnel)).await;
    assert!(matches!(state, TunnelState::Down(None)), "{state:?}");

    let Tunnel { commands, mut state } = tunnel_to(port, None, Some(PASSWORD));
    drop(commands);
    let down = within(Duration::from_secs(1), state.wait_for(|state| matches!(state, TunnelState::Down(None)))).await;
    assert!(down.is_ok());
}

#[tokio::test]
async fn failures_before_the_session_are_told() {
    let (gone, port) = listener().await;
    drop(gone);
    let refused = failure(tunnel_to(port, None, Some(PASSWORD))).await;
    assert_eq!((refused.kind, &refused.remedy), (FailureKind::Connect, &None));
    assert!(refused.to_string().contains("refused the connection"), "{refused}");

    let no_password = failure(tunnel_to(port, None, None)).await;
    assert_eq!(no_password.kind, FailureKind::Authentication);
    assert!(no_password.to_string().contains("no password"), "{no_password}");
}

fn carried(rx_bytes: u64, round_trip: u32) -> Told {
    Told::Carried(Counts { rx_bytes, tx_packets: rx_bytes / 100, round_trip, ..Counts::default() })
}

fn told_up(mtu: u16) -> Told {
    let parameters =
        NetworkParameters { ipv4: None, ipv6: None, domains: Vec::new(), mtu, authentication: None, eap_method: None };
    let (server, tls) = (([192, 0, 2, 1], 443).into(), Tls::default());
    Told::Up(Box::new(Connected { interface: "sstp0".to_owned(), server, local: None, tls, parameters }))
}

/// Nobody is told how another connection gets on until it is there, and what was carried is that of all of them.
#[test]
fn a_tunnel_that_is_lost_is_one_tunnel_with_the_one_that_comes_back() {
    let (publisher, mut state) = watch::channel(TunnelState::Starting(Phase::Resolve));
    let mut follower = Follower { state: publisher, connected: None };
    follower.told(carried(100, 7));
    assert!(!state.has_changed().unwrap() && !follower.is_up());
    follower.told(told_up(1400));
    let TunnelState::Up(first) = state.borrow_and_update().clone() else { panic!() };
    follower.told(carried(1000, 7));
    follower.told(carried(1500, 8));
    assert_eq!(
        (first.counters.rx_bytes.load(Ordering::Relaxed), first.counters.round_trip.load(Ordering::Relaxed)),
        (1500, 8)
    );
    assert!(follower.is_up() && !state.has_changed().unwrap());

    let why = Ending::from(session::Error::TimedOut(session::Phase::Connected));
    follower.lost(why.clone(), false, Vec::new());
    assert!(
        matches!(&*state.borrow_and_update(), TunnelState::Reconnecting { moved: false, why: told, .. } if **told == why)
    );
    follower.told(Told::Starting(Phase::Connect));
    follower.told(Told::Asking(session::Question::OneTimeCode { text: String::new() }));
    assert!(!state.has_changed().unwrap() && !follower.is_up());
    follower.moved();
    assert!(matches!(&*state.borrow_and_update(), TunnelState::Reconnecting { moved: true, .. }));

    follower.told(told_up(1300));
    let TunnelState::Up(second) = state.borrow_and_update().clone() else { panic!() };
    assert_eq!((second.since, second.parameters.mtu), (first.since, 1300));
    follower.told(carried(20, 9));
    let Counters { rx_bytes, tx_packets, round_trip, .. } = &*second.counters;
    let counts = [rx_bytes.load(Ordering::Relaxed), tx_packets.load(Ordering::Relaxed)];
    assert_eq!((counts, round_trip.load(Ordering::Relaxed)), ([1520, 15], 9));
}
