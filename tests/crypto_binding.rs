//! The Compound MAC binds the authentication to the TLS connection (MS-SSTP 3.2.5.2).

mod support;

use nm_sstp::crypto::binding::HashProtocol;
use nm_sstp::session::{Error, Phase};
use nm_sstp::wire::sstp::CALL_CONNECTED_LEN;
use sstp_test_server::{self as server, Method};
use support::{Pair, client, server, server_with};

/// The Call Connected packet in what a client sent.
fn call_connected(sent: &[u8]) -> &[u8] {
    let at = sent.windows(6).position(|octets| octets == [0x10, 0x01, 0x00, 0x70, 0x00, 0x04]).unwrap();
    &sent[at..at + CALL_CONNECTED_LEN]
}

#[test]
fn the_strongest_hash_that_is_offered_is_taken() {
    for (offer, chosen) in [
        (vec![HashProtocol::Sha1], 1),
        (vec![HashProtocol::Sha256], 2),
        (vec![HashProtocol::Sha1, HashProtocol::Sha256], 2),
    ] {
        let mut pair = Pair::new(client(), server::Config { hash_protocols: offer, ..server("") });
        pair.up();
        assert_eq!(call_connected(&pair.sent)[15], chosen);
    }
}

#[test]
fn a_flipped_bit_anywhere_in_the_binding_is_refused() {
    // nonce, certificate hash, Compound MAC
    for offset in [16, 47, 48, 79, 80, 111] {
        for method in [Method::Pap, Method::ChapMd5, Method::MsChapV2] {
            let mut pair = Pair::new(client(), server_with(method));
            pair.tamper = Box::new(move |octets| {
                let head = [0x10, 0x01, 0x00, 0x70, 0x00, 0x04];
                if let Some(at) = octets.windows(6).position(|window| window == head) {
                    octets[at + offset] ^= 1;
                }
            });
            let error = pair.closed().unwrap_err();
            let told = matches!(&error, Error::ServerClosed { phase: Phase::NetworkLayerProtocol, reason }
                if reason.contains("crypto binding"));
            assert!(told, "octet {offset}, {method}: {error}");
        }
    }
}

#[test]
fn another_certificate_on_the_way_is_found() {
    let config = server::Config { certificate: b"the certificate of the real server".to_vec(), ..server("") };
    let mut pair = Pair::new(client(), config);
    let error = pair.closed().unwrap_err();
    assert!(error.to_string().contains("intercepts TLS"), "{error}");
}

#[test]
fn the_call_is_connected_only_after_authentication() {
    let mut pair = Pair::new(client(), server(""));
    pair.up();
    let call_connected = pair.sent.windows(6).position(|octets| octets == [0x10, 0x01, 0x00, 0x70, 0x00, 0x04]);
    let response = pair.sent.windows(5).position(|octets| octets[..4] == [0xff, 0x03, 0xc2, 0x23] && octets[4] == 2);
    let ipcp = pair.sent.windows(4).position(|octets| octets == [0xff, 0x03, 0x80, 0x21]);
    assert!(response.is_some() && response < call_connected && call_connected < ipcp);
}
