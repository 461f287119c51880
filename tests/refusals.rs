//! What a person is told where a server refuses, and how quickly.

mod support;

use std::time::Duration;

use nm_sstp::profile::Gateway;
use nm_sstp::session::{AuthProtocol, Config, Error, Methods, Phase, Refusal};
use sstp_test_server as server;
use support::{Pair, client, server};

fn refused(behaviours: &str) -> (Error, Duration) {
    let mut pair = Pair::new(client(), server(behaviours));
    let error = pair.closed().expect_err(behaviours);
    (error, pair.elapsed())
}

fn wrong_password(behaviours: &str, methods: Methods) -> (Error, Duration) {
    let config = Config { password: "wrong".to_owned().into(), methods, ..client() };
    let mut pair = Pair::new(config, server(behaviours));
    let error = pair.closed().expect_err(behaviours);
    (error, pair.elapsed())
}

const MSCHAPV2: Methods = Methods { pap: false, chap_md5: false, mschapv2: true, eap: false };
const CHAP_MD5: Methods = Methods { pap: false, chap_md5: true, mschapv2: false, eap: false };
const PAP: Methods = Methods { pap: true, chap_md5: false, mschapv2: false, eap: false };

#[test]
fn http() {
    let (error, _) = refused("http-404");
    let expected = "the server answered HTTP 404 (Not Found, from sstp-test-server): there is no SSTP service at this \
        address; check the gateway's name and port, and its tenantid where it needs one";
    assert_eq!(error.to_string(), expected);
    let (error, _) = refused("http-503");
    assert!(matches!(error, Error::ServerRefused(Refusal::Http { status: 503, .. })));
    let garbage = refused("http-garbage").0.to_string();
    assert!(garbage.contains("is an SSH server (SSH-2.0-OpenSSH_9.2p1 Debian-2)"), "{garbage}");
    assert!(matches!(refused("http-endless").0, Error::PeerMisbehaved(_)));
}

#[test]
fn middle_boxes_are_named_as_what_they_are() {
    for (behaviour, words) in [
        ("http-page", "a web page answers in the place of the SSTP server: this network may want you to log in first"),
        ("http-page", "(it calls itself portal)"),
        ("http-redirect", "HTTP 302 (Found) and sends us to https://portal.example/login: this network may want you"),
        ("http2-only", "speaks HTTP/2 only, and SSTP needs HTTP/1.1"),
    ] {
        let (error, after) = refused(behaviour);
        assert!(error.to_string().contains(words), "{behaviour}: {error}");
        assert_eq!(after, Duration::ZERO, "{behaviour}");
    }
}

/// MS-SSTP 3.2.4.1.
#[test]
fn a_tenant() {
    let server = || server::Config { tenant: Some("contoso".to_owned()), ..server("") };
    let of = |gateway: &str| Config { uri: Gateway::parse(gateway).unwrap().uri, ..client() };
    Pair::new(of("vpn.example.com/?tenantid=contoso"), server()).up();
    for gateway in ["vpn.example.com", "vpn.example.com/?tenantid=fabrikam", "vpn.example.com/x?tenantid=contoso"] {
        let error = Pair::new(of(gateway), server()).closed().unwrap_err();
        assert!(matches!(error, Error::ServerRefused(Refusal::Http { status: 404, .. })), "{gateway}: {error}");
    }
    // "A server that does not understand the tenantid query variable SHOULD ignore it."
    Pair::new(of("vpn.example.com/?tenantid=contoso"), support::server("")).up();
}

#[test]
fn a_cookie() {
    let server = || server::Config { bypass_cookie: Some("ClientHTTPCookie=right".to_owned()), ..server("") };
    let cookie = |value: &str| Some(format!("ClientHTTPCookie={value}").into());
    let mut pair = Pair::new(Config { http_cookie: cookie("wrong"), ..client() }, server());
    let error = pair.closed().unwrap_err().to_string();
    assert!(error.ends_with("without a word: the cookie may be wrong or too old (the secret http-cookie)"), "{error}");
    let wrong_password = "wrong".to_owned().into();
    let mut pair = Pair::new(Config { http_cookie: cookie("right"), password: wrong_password, ..client() }, server());
    pair.up();
    // who sent none is not told of one
    let (error, _) = refused("close-in-http");
    assert!(!error.to_string().contains("cookie"), "{error}");
}

#[test]
fn the_call() {
    let (error, _) = refused("connect-nak");
    assert!(matches!(error, Error::ServerRefused(Refusal::ConnectNak { .. })), "{error}");
    for behaviour in ["ack-no-hash", "ack-unknown-hash"] {
        assert!(matches!(refused(behaviour).0, Error::PeerIncompatible(_)), "{behaviour}");
    }
    for behaviour in [
        "ack-bad-attribute",
        "ack-no-attribute",
        "ack-unknown-attribute",
        "ack-twice",
        "bad-version",
        "bad-length",
        "unknown-message",
    ] {
        let (error, elapsed) = refused(behaviour);
        assert!(matches!(error, Error::PeerMisbehaved(_)), "{behaviour}: {error}");
        assert!(elapsed <= Duration::from_secs(4), "{behaviour}: {elapsed:?}");
    }
    assert!(matches!(refused("abort-in-connect").0, Error::ServerRefused(Refusal::CallAbort { .. })));
    // a server that never answers our abort holds us for its timer and no longer
    assert!(refused("ack-no-hash no-abort-answer").1 <= Duration::from_secs(3));
}

#[test]
fn a_wrong_password_in_every_method_and_however_it_is_refused() {
    for behaviour in ["", "eof-on-auth-failure", "terminate-on-auth-failure", "softether", "ogital", "pppd"] {
        for methods in [MSCHAPV2, CHAP_MD5, PAP] {
            let (error, elapsed) = wrong_password(behaviour, methods);
            let refused = matches!(error, Error::AuthenticationFailed { .. });
            assert!(refused, "{behaviour} {methods:?}: {error}");
            assert!(elapsed <= Duration::from_secs(3), "{behaviour} {methods:?}: {elapsed:?}");
        }
    }
    let (error, _) = wrong_password("", MSCHAPV2);
    assert!(error.to_string().starts_with("the server refused user name or password"), "{error}");
    assert!(error.to_string().contains("691"), "{error}");
}

#[test]
fn reasons_of_mschapv2() {
    let (error, _) = refused("password-expired");
    assert!(matches!(error, Error::AuthenticationFailed { code: Some(648), .. }));
    assert!(error.to_string().contains("expired"), "{error}");
}

#[test]
fn a_server_that_does_not_know_the_password_is_not_believed() {
    for behaviour in ["bad-authenticator-response", "no-authenticator"] {
        let mut pair = Pair::new(client(), server(behaviour));
        assert_eq!(pair.closed(), Err(Error::PeerNotAuthentic), "{behaviour}");
        assert!(!pair.phases().iter().any(|(_, phase)| *phase == Phase::NetworkLayerProtocol));
    }
    let mut pair = Pair::new(client(), server("success-unasked"));
    assert!(pair.closed().is_err());
}

#[test]
fn a_server_without_a_method_that_is_allowed() {
    for (behaviour, name) in [("eap-only", "EAP"), ("mschapv1-only", "MS-CHAPv1")] {
        let (error, elapsed) = refused(behaviour);
        assert!(matches!(&error, Error::PeerIncompatible(text) if text.contains(name)), "{error}");
        assert!(elapsed <= Duration::from_secs(3), "{elapsed:?}");
    }
}

#[test]
fn a_server_without_an_address_to_give() {
    let nothing_came_up = Error::PeerIncompatible("neither IPv4 nor IPv6 came up in the tunnel".to_owned());
    for (behaviour, expected) in [("no-address", Error::NoAddress), ("ipcp-rejected", nothing_came_up)] {
        let mut pair = Pair::new(Config { ipv6: false, ..client() }, server(behaviour));
        let error = pair.closed().unwrap_err();
        assert!(error.to_string().starts_with(&expected.to_string()), "{behaviour}: {error}");
        assert!(pair.elapsed() <= Duration::from_secs(3), "{behaviour}: {:?}", pair.elapsed());
    }
}

#[test]
fn a_server_that_asks_for_nothing_proves_nothing() {
    let mut pair = Pair::new(Config { methods: MSCHAPV2, ..client() }, server("no-auth"));
    let error = pair.closed().unwrap_err();
    assert!(matches!(error, Error::PeerIncompatible(_)), "{error}");
    assert!(!pair.phases().iter().any(|(_, phase)| *phase == Phase::NetworkLayerProtocol));
    // where the password could be sent by PAP nobody counts on a proof
    Pair::new(Config { methods: PAP, ..client() }, server("no-auth")).up();
}

#[test]
fn eap_is_the_first_choice_and_can_be_refused() {
    // the test server by itself offers EAP and does not speak it, so that it has nothing to say once that is agreed
    let with_eap = Methods { eap: true, ..MSCHAPV2 };
    let mut pair = Pair::new(Config { methods: with_eap, ..client() }, server("eap-first"));
    let error = pair.closed().unwrap_err();
    assert!(matches!(error, Error::ServerClosed { phase: Phase::Authentication, .. }), "{error}");
    let mut pair = Pair::new(Config { methods: MSCHAPV2, ..client() }, server("eap-first"));
    assert_eq!(pair.up().authentication, Some(AuthProtocol::MsChapV2));
    let mut pair = Pair::new(Config { methods: MSCHAPV2, ..client() }, server("eap-only"));
    let error = pair.closed().unwrap_err();
    assert!(error.to_string().contains("refuse-eap"), "{error}");
}

#[test]
fn mschapv1_is_refused_for_good() {
    let mut pair = Pair::new(Config { methods: MSCHAPV2, ..client() }, server("mschapv1-only"));
    let error = pair.closed().unwrap_err();
    assert!(error.to_string().contains("MS-CHAPv1 for authentication, which is broken and never spoken"), "{error}");
}
