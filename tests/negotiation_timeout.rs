//! A server that falls silent in any phase is left in bounded time, and the phase is named.

mod support;

use std::time::Duration;

use nm_sstp::session::{Config, Error, Patience, Phase};
use nm_sstp::wire::ip::IpVersion;
use support::{Pair, client, datagram, server};

#[test]
fn silence_in_every_phase() {
    for (phase, expected, limit) in [
        ("http", Phase::Http, 30),
        ("connect", Phase::CallConnect, 63),
        ("lcp", Phase::LinkEstablishment, 63),
        ("auth", Phase::Authentication, 63),
        ("ncp", Phase::NetworkLayerProtocol, 63),
    ] {
        let mut pair = Pair::new(client(), server(&format!("silent-in-{phase}")));
        let error = pair.closed().unwrap_err();
        assert_eq!(error, Error::TimedOut(expected), "{phase}");
        let about_approval = error.to_string().ends_with("if it waited for approval on another device, none came");
        assert_eq!(about_approval, phase == "auth", "{error}");
        assert!(pair.elapsed() <= Duration::from_secs(limit), "{phase}: {:?}", pair.elapsed());
    }
}

#[test]
fn a_second_factor_has_its_time() {
    let mut pair = Pair::new(client(), server("slow-auth"));
    pair.up();
    assert!(pair.elapsed() >= Duration::from_secs(20));
}

#[test]
fn the_hello_timer_finds_a_dead_server() {
    let mut pair = Pair::new(client(), server("silent-in-up"));
    pair.up();
    // 45 s of silence, an Echo Request, and another 15 s
    assert_eq!(pair.closed(), Err(Error::Silent(Duration::from_secs(60))));
    assert!((60..=62).contains(&pair.elapsed().as_secs()), "{:?}", pair.elapsed());
    // MS-SSTP 3.1.2.3, where nobody wants it otherwise: 60 s of silence, an Echo Request, and another 60 s
    let patience = Patience { idle: Duration::from_secs(60), answer: None };
    let mut pair = Pair::new(Config { patience, ..client() }, server("silent-in-up"));
    pair.up();
    let error = pair.closed().unwrap_err();
    assert!(error.to_string().starts_with("the server has not answered for 120 s"), "{error}");
    assert!((120..=122).contains(&pair.elapsed().as_secs()), "{:?}", pair.elapsed());
}

#[test]
fn a_dead_server_is_found_sooner_where_there_is_something_to_send() {
    let mut pair = Pair::new(client(), server("silent-in-up"));
    pair.up();
    pair.run_for(Duration::from_secs(5));
    let began = pair.elapsed();
    while pair.result().is_none() && pair.elapsed() < began + Duration::from_secs(60) {
        pair.send(IpVersion::V4, &datagram(100, 1));
        pair.run_for(Duration::from_millis(100));
    }
    assert!(matches!(pair.result(), Some(Err(Error::Silent(_)))), "{:?}", pair.result());
    let found = pair.elapsed() - began;
    assert!((Duration::from_secs(18)..Duration::from_secs(20)).contains(&found), "{found:?}");
}

#[test]
fn sending_without_an_answer_keeps_a_server_that_lives() {
    // it takes datagrams, has none of its own to send, and answers Echo Requests
    let mut pair = Pair::new(client(), server(""));
    pair.delay = Duration::from_secs(2);
    pair.up();
    for _ in 0..1200 {
        pair.send(IpVersion::V4, &datagram(1400, 1));
        pair.run_for(Duration::from_millis(100));
    }
    assert_eq!(pair.result(), None);
    assert!(pair.server_delivered.len() > 1100);
}

/// What an idle tunnel costs a battery: how often a timer of ours runs out.
#[test]
fn an_idle_tunnel_wakes_the_machine_about_once_a_minute() {
    let mut pair = Pair::new(client(), server(""));
    pair.up();
    // what is asked of the network at the start is over by then
    pair.run_for(Duration::from_secs(120));
    let before = pair.sent.len();
    pair.run_for(Duration::from_secs(600));
    let packets = (pair.sent.len() - before) / 8;
    assert!((10..=14).contains(&packets), "{packets} Echo-Requests in ten minutes");
}

#[test]
fn what_tcp_gives_up_is_silence() {
    let mut pair = Pair::new(client(), server("silent-in-up"));
    pair.up();
    pair.run_for(Duration::from_secs(19));
    pair.give_up();
    assert!(matches!(pair.result(), Some(Err(Error::Silent(_)))), "{:?}", pair.result());
    // before the tunnel is up it is a matter of time, too
    let mut pair = Pair::new(client(), server(""));
    pair.give_up();
    assert_eq!(pair.result(), Some(Err(Error::TimedOut(Phase::Http))));
}

#[test]
fn anything_received_is_a_sign_of_life() {
    // it never answers our Echo Requests, but sends its own (SoftEther)
    let mut pair = Pair::new(client(), server("never-answer-echo frequent-echo"));
    pair.up();
    pair.run_for(Duration::from_secs(600));
    assert_eq!(pair.result(), None);
    // and an idle server that does answer stays, too
    let mut pair = Pair::new(client(), server(""));
    pair.up();
    pair.run_for(Duration::from_secs(600));
    assert_eq!(pair.result(), None);
}

#[test]
fn lcp_echoes_find_a_dead_server_sooner() {
    let config =
        |failure| Config { lcp_echo_interval: Some(Duration::from_secs(5)), lcp_echo_failure: failure, ..client() };
    let mut pair = Pair::new(config(3), server("silent-in-up"));
    pair.up();
    assert!(matches!(pair.closed(), Err(Error::ServerClosed { .. })));
    assert!(pair.elapsed() <= Duration::from_secs(30), "{:?}", pair.elapsed());
    for (failure, behaviour) in [(3, ""), (3, "lcp-echo-magic-zero"), (0, "never-answer-lcp-echo")] {
        let mut pair = Pair::new(config(failure), server(behaviour));
        pair.up();
        pair.run_for(Duration::from_secs(300));
        assert_eq!(pair.result(), None, "{behaviour}");
    }
}
