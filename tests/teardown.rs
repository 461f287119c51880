//! Every session ends, in order where the server lets it, and in bounded time where it does not.

mod support;

use std::time::Duration;

use nm_sstp::session::{Error, Phase};
use nm_sstp::wire::ip::IpVersion;
use support::{Pair, client, datagram, server};

const PHASES: [&str; 6] = ["http", "connect", "lcp", "auth", "ncp", "up"];

#[test]
fn we_close_in_every_phase_and_the_server_is_mute() {
    for phase in PHASES {
        let mut pair = Pair::new(client(), server(&format!("silent-in-{phase}")));
        pair.run_for(Duration::from_secs(2));
        let before = pair.elapsed();
        pair.close();
        assert_eq!(pair.closed(), Ok(()), "{phase}");
        let taken = pair.elapsed() - before;
        assert!(taken <= Duration::from_secs(8), "{phase}: {taken:?}");
    }
}

#[test]
fn the_server_ends_it_in_every_phase() {
    for phase in PHASES {
        for how in ["close", "abort", "disconnect"] {
            if phase == "http" && how != "close" {
                continue;
            }
            let mut pair = Pair::new(client(), server(&format!("{how}-in-{phase}")));
            let error = pair.closed().expect_err(phase);
            let ended = match error {
                Error::ServerClosed { .. } | Error::ServerRefused(_) => true,
                // it had our answer to judge, and servers that hang up mean just that
                Error::AuthenticationFailed { code: None, .. } => phase == "auth",
                _ => false,
            };
            assert!(ended, "{how} in {phase}: {error}");
            assert!(pair.elapsed() <= Duration::from_secs(4), "{how} in {phase}: {:?}", pair.elapsed());
        }
    }
}

#[test]
fn the_connection_breaks() {
    let mut pair = Pair::new(client(), server(""));
    pair.up();
    pair.cut();
    assert!(matches!(pair.closed(), Err(Error::ServerClosed { phase: Phase::Connected, .. })));
    let mut pair = Pair::new(client(), server("cut-in-packet"));
    pair.up();
    assert!(matches!(pair.closed(), Err(Error::ServerClosed { phase: Phase::Connected, .. })));
}

#[test]
fn the_server_closes_in_order() {
    let mut pair = Pair::new(client(), server(""));
    pair.up();
    pair.close_server();
    let error = pair.closed().unwrap_err();
    assert!(matches!(error, Error::ServerClosed { phase: Phase::Connected, .. }), "{error}");
}

#[test]
fn missing_acknowledgments_are_not_waited_for_long() {
    for behaviour in ["no-terminate-ack", "no-disconnect-ack", "no-terminate-ack no-disconnect-ack"] {
        let mut pair = Pair::new(client(), server(behaviour));
        pair.up();
        let before = pair.elapsed();
        pair.close();
        assert_eq!(pair.closed(), Ok(()), "{behaviour}");
        let taken = pair.elapsed() - before;
        assert!(taken <= Duration::from_secs(8), "{behaviour}: {taken:?}");
    }
}

#[test]
fn nothing_passes_after_the_end() {
    let mut pair = Pair::new(client(), server(""));
    pair.up();
    pair.close();
    pair.closed().unwrap();
    assert!(!pair.send(IpVersion::V4, &datagram(100, 1)));
    let sent = pair.sent.len();
    pair.inject(&[0x10, 0x01, 0x00, 0x08, 0x00, 0x08, 0x00, 0x00]);
    pair.close();
    pair.cut();
    pair.run_for(Duration::from_secs(200));
    assert_eq!(pair.sent.len(), sent);
    assert_eq!(pair.result(), Some(Ok(())));
    assert_eq!(pair.client.poll_timeout(), None);
}

#[test]
fn closing_twice_is_closing_once() {
    let mut pair = Pair::new(client(), server("silent-in-up"));
    pair.up();
    pair.run_for(Duration::from_secs(2));
    pair.close();
    pair.run_for(Duration::from_secs(1));
    pair.close();
    assert_eq!(pair.closed(), Ok(()));
}
