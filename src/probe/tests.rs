//! Looks at servers of each kind, over memory and over real TLS.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use openssl::x509::X509;
use sstp_test_server::config::{Closed, Method};
use sstp_test_server::{Config, Server};
use tokio::net::TcpListener;

use super::*;
use crate::transport::dial::Direct;
use crate::transport::pki::{self, Ca, DAY, Leaf};
use crate::tunnel::{ServerAnswer, serve};

fn profile(pairs: &[(&str, &str)]) -> Profile {
    let data: BTreeMap<String, String> =
        pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    Profile::from_settings(&data, None, None).unwrap().0
}

fn server(certificate: &[u8], methods: &[Method], behaviours: &[&str]) -> Server {
    let config = Config {
        certificate: certificate.to_vec(),
        methods: methods.to_vec(),
        behaviours: behaviours.iter().map(|name| name.parse().unwrap()).collect(),
        ..Config::default()
    };
    Server::new(config, Some(Ipv4Addr::new(10, 99, 0, 2)), [7; 32], now())
}

/// What is found of a server of this kind, and how the server saw it end.
async fn surveyed(methods: &[Method], behaviours: &[&str]) -> (Findings, Option<Closed>) {
    let (client, theirs) = tokio::io::duplex(65_536);
    let serving = tokio::spawn(serve(server(b"certificate", methods, behaviours), theirs, ServerAnswer::Nothing));
    let config = profile(&[("gateway", "vpn.example.com"), ("user", "alice")]).survey_config();
    let mut findings = Findings::default();
    let session = Session::survey(config, b"certificate", [9; 32], now());
    timeout(LIMIT, survey(session, client, &mut findings)).await.expect("a survey ends");
    (findings, serving.await.unwrap().0)
}

async fn probe(profile: Profile) -> Findings {
    Look::prepare(profile, &Rights::default()).await.run(&Direct::default()).await
}

fn names(names: &[&str]) -> Option<Vec<String>> {
    Some(names.iter().map(|name| name.to_string()).collect())
}

#[tokio::test]
async fn a_gateway_that_cannot_be_had_as_asked_for_is_not_looked_at() {
    for (key, value) in [("proxy-server", "ftp://proxy.example"), ("gateway-fingerprint", "AB:CD")] {
        let findings = probe(profile(&[("gateway", "127.0.0.1:9"), (key, value)])).await;
        let error = findings.error.unwrap();
        assert!(error.contains(value) && findings.address.is_none(), "{error}");
    }
}

#[tokio::test]
async fn every_way_to_authenticate_is_found_and_none_is_gone() {
    for (methods, expected) in [
        (&[Method::MsChapV2][..], &["MS-CHAPv2"][..]),
        (&[Method::Pap], &["PAP"]),
        (&[Method::Eap, Method::MsChapV2], &["EAP", "MS-CHAPv2"]),
        (&[Method::MsChapV2, Method::ChapMd5, Method::Pap], &["MS-CHAPv2", "CHAP-MD5", "PAP"]),
        (&[], &[]),
    ] {
        let (findings, closed) = surveyed(methods, &[]).await;
        assert_eq!((findings.sstp, &findings.error), (Some(true), &None), "{methods:?}");
        assert_eq!(findings.hash_protocols, names(&["SHA-256", "SHA-1"]));
        let mut found = findings.authentication.unwrap();
        assert_eq!(found.first().map(String::as_str), expected.first().copied(), "what it asks for itself comes first");
        found.sort();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected, "{methods:?}");
        let in_order = matches!(closed, Some(Closed::ClientDisconnected | Closed::Disconnected(_)));
        assert!(in_order, "{methods:?}: before any login: {closed:?}");
    }
}

#[tokio::test]
async fn what_a_server_says_before_it_breaks_off_is_kept() {
    let (findings, _) = surveyed(&[Method::Pap], &["abort-in-connect"]).await;
    assert_eq!((findings.sstp, findings.authentication), (Some(true), None));
    assert!(findings.error.unwrap().contains("aborted the call"));
    let (findings, _) = surveyed(&[Method::Pap], &["close-in-http"]).await;
    assert_eq!(findings.sstp, Some(false));
    assert!(findings.error.is_some());
    let (findings, _) = surveyed(&[Method::Pap], &["close-in-lcp"]).await;
    assert_eq!((findings.sstp, &findings.hash_protocols), (Some(true), &names(&["SHA-256", "SHA-1"])));
    assert!(findings.authentication.is_some() || findings.error.is_some());
}

/// A server with TLS, and its port.
async fn listening(certificate: Vec<u8>, key: Vec<u8>) -> u16 {
    let der = X509::from_pem(&certificate).unwrap().to_der().unwrap();
    let identity = native_tls::Identity::from_pkcs8(&certificate, &key).unwrap();
    let acceptor = tokio_native_tls::TlsAcceptor::from(native_tls::TlsAcceptor::new(identity).unwrap());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let Ok(stream) = acceptor.accept(listener.accept().await.unwrap().0).await else { continue };
            tokio::spawn(serve(server(&der, &[Method::MsChapV2], &[]), stream, ServerAnswer::Nothing));
        }
    });
    port
}

#[tokio::test]
async fn a_good_certificate_and_a_bad_one() {
    let ca = Ca::new("Test CA");
    let leaf = Leaf { names: &["127.0.0.1"], ..Leaf::default() };
    let file = ca.file();
    let (certificate, key) = ca.issue(&leaf);
    let port = listening(certificate, key).await;
    let gateway = format!("127.0.0.1:{port}");
    let trusting = profile(&[("gateway", &gateway), ("ca-cert", file.0.to_str().unwrap())]);
    let findings = probe(trusting).await;
    assert_eq!((findings.verified, &findings.problem, &findings.error), (Some(true), &None, &None));
    assert_eq!(findings.address.map(|address| address.port()), Some(port));
    let facts = findings.certificate.unwrap();
    assert_eq!((facts.issuer.as_str(), facts.names.as_slice()), ("Test CA", &["127.0.0.1".to_owned()][..]));
    assert_eq!(findings.authentication, names(&["MS-CHAPv2"]));
    let until = i64::try_from(findings.not_after.unwrap()).unwrap() - pki::now();
    assert!((0..=2 * 366 * DAY).contains(&until), "{until}");

    let strict = profile(&[("gateway", &gateway)]);
    let findings = probe(strict).await;
    assert_eq!(findings.verified, Some(false));
    assert!(findings.problem.unwrap().contains("Test CA"));
    assert_eq!(
        (findings.sstp, findings.authentication),
        (Some(true), names(&["MS-CHAPv2"])),
        "it is looked at all the same"
    );
}

#[tokio::test]
async fn nobody_there_and_something_else_there() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let gateway = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
    let answering = tokio::spawn(async move {
        let mut stream = listener.accept().await.unwrap().0;
        stream.write_all(b"220 mail.example.com ESMTP\r\n").await.unwrap();
        let mut rest = Vec::new();
        drop(stream.read_to_end(&mut rest).await);
    });
    let findings = probe(profile(&[("gateway", &gateway)])).await;
    assert_eq!(findings.sstp, Some(false));
    assert!(findings.error.is_some() && findings.certificate.is_none());
    answering.await.unwrap();
    let findings = probe(profile(&[("gateway", &gateway)])).await;
    assert!(findings.error.unwrap().contains("refused the connection"));
    assert_eq!(findings.sstp, None);
}

#[tokio::test]
async fn a_gateway_that_says_nothing_is_not_waited_for_long() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let gateway = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
    let look = Look::prepare(profile(&[("gateway", &gateway)]), &Rights::default()).await;
    let findings = look.run_within(Duration::from_millis(200), &Direct::default()).await;
    assert_eq!(findings.error.as_deref(), Some("the gateway did not say everything within 200ms"));
    assert!(findings.duration >= Duration::from_millis(200));
}
