//! A server that falls silent in any phase is left in bounded time, and the phase is named.

mod support;

use std::time::Duration;

use nm_sstp::session::{Config, Error, Phase};
use support::{Pair, client, server};

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
    let error = pair.closed().unwrap_err();
    assert!(matches!(error, Error::ServerClosed { phase: Phase::Connected, .. }), "{error}");
    // MS-SSTP 3.1.2.3: 60 s of silence, an Echo Request, and another 60 s
    assert!((120..=122).contains(&pair.elapsed().as_secs()), "{:?}", pair.elapsed());
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
