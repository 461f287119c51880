//! The keys of EAP-TLS, computed a second time from the secrets of the server's log with HMAC alone.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha384};

use super::*;

fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = <Hmac<Sha384> as KeyInit>::new_from_slice(key).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// P_hash (RFC 5246 5).
fn p_sha384(secret: &[u8], seed: &[u8], octets: usize) -> Vec<u8> {
    let (mut a, mut out) = (seed.to_vec(), Vec::new());
    while out.len() < octets {
        a = hmac(secret, &[&a]);
        out.extend(hmac(secret, &[&a, seed]));
    }
    out.truncate(octets);
    out
}

/// HKDF-Expand-Label (RFC 8446 7.1), with HKDF-Expand of RFC 5869 2.3.
fn expand_label(secret: &[u8], label: &str, context: &[u8], octets: usize) -> Vec<u8> {
    let label = format!("tls13 {label}");
    let mut info = u16::try_from(octets).unwrap().to_be_bytes().to_vec();
    info.push(label.len() as u8);
    info.extend(label.as_bytes());
    info.push(context.len() as u8);
    info.extend(context);
    let (mut block, mut out) = (Vec::new(), Vec::new());
    for number in 1.. {
        if out.len() >= octets {
            break;
        }
        block = hmac(secret, &[&block, &info, &[number]]);
        out.extend(&block);
    }
    out.truncate(octets);
    out
}

fn logged(server: &Server, label: &str) -> Vec<u8> {
    let log = server.log.lock().unwrap();
    let line = log.lines().find(|line| line.starts_with(&format!("{label} "))).unwrap();
    let digits = line.rsplit(' ').next().unwrap();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn the_keys_of_tls_12_are_those_of_rfc_5216_and_rfc_5705() {
    let ca = Ca::new("Test CA");
    let server = Server::new(&ca, &Options { version: SslVersion::TLS1_2, ..Options::default() });
    let (client, peer, result) = handshake(&Connector::new(trusting(&ca)).unwrap(), &server);
    result.unwrap();
    let ssl = peer.stream.ssl();
    assert!(ssl.current_cipher().unwrap().name().ends_with("SHA384"));
    let (mut client_random, mut server_random) = ([0; 32], [0; 32]);
    ssl.client_random(&mut client_random);
    ssl.server_random(&mut server_random);
    let master = logged(&server, "CLIENT_RANDOM");
    for (label, context) in [("client EAP encryption", None), ("ttls keying material", None), ("x", Some(&[13][..]))] {
        let mut seed = [label.as_bytes(), &client_random, &server_random].concat();
        if let Some(context) = context {
            seed.extend((context.len() as u16).to_be_bytes());
            seed.extend(context);
        }
        let mut exported = [0; 128];
        client.export(label, context, &mut exported).unwrap();
        assert_eq!(exported[..], p_sha384(&master, &seed, 128), "{label}");
        let mut of_server = [0; 128];
        ssl.export_keying_material(&mut of_server, label, context).unwrap();
        assert_eq!(exported, of_server);
    }
    let (mut none, mut empty) = ([0; 32], [0; 32]);
    client.export("label", None, &mut none).unwrap();
    client.export("label", Some(&[]), &mut empty).unwrap();
    assert_ne!(none, empty);
}

#[test]
fn the_keys_of_tls_13_are_those_of_rfc_9190_and_rfc_8446() {
    let ca = Ca::new("Test CA");
    let server = Server::new(&ca, &Options::default());
    let (client, peer, result) = handshake(&Connector::new(trusting(&ca)).unwrap(), &server);
    result.unwrap();
    assert_eq!(peer.stream.ssl().current_cipher().unwrap().name(), "TLS_AES_256_GCM_SHA384");
    let exporter = logged(&server, "EXPORTER_SECRET");
    for (label, context) in
        [("EXPORTER_EAP_TLS_Key_Material", Some(&[13][..])), ("EXPORTER_EAP_TLS_Key_Material", None)]
    {
        let secret = expand_label(&exporter, label, &Sha384::digest([]), 48);
        let expected = expand_label(&secret, "exporter", &Sha384::digest(context.unwrap_or_default()), 128);
        let mut exported = [0; 128];
        client.export(label, context, &mut exported).unwrap();
        assert_eq!(exported[..], expected);
        let mut of_server = [0; 128];
        peer.stream.ssl().export_keying_material(&mut of_server, label, context).unwrap();
        assert_eq!(exported, of_server);
    }
}

fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// A recorded EAP-TLS exchange with FreeRADIUS 3.2.1: what it sent as MS-MPPE-Recv-Key and MS-MPPE-Send-Key is the MSK. The
/// tests above show that the same computation is what the library exports.
#[test]
fn the_msk_of_a_recorded_exchange_with_tls_12() {
    let master =
        hex("51eba97ad6e6337934569881db52d312154d2948d4c853380333a3338d90af5cd8b88d225b8b7a31bdf8590c52fec3dc");
    let client_random = hex("f2824da44e48322ecbc020abf9e2b8f3c0197f69f72124afd59e1dd491c91b84");
    let server_random = hex("29bbc95925eb8c27fc710c2ab583a903f22a0fea27e7f4c27bac5c62dbfe6c23");
    let msk = hex(concat!(
        "9007af0fbed89c18d8c24cc782ddf10330f07dba288a18fe96886949664e09ee",
        "02cd610c89e6dedd0d7a07bc1764f3d4257482dc17e7b9897087e69b5d6fa98a"
    ));
    let seed = [&b"client EAP encryption"[..], &client_random, &server_random].concat();
    assert_eq!(p_sha384(&master, &seed, 128)[..64], msk);
}

/// As above, with TLS 1.3 (RFC 9190 2.3).
#[test]
fn the_msk_of_a_recorded_exchange_with_tls_13() {
    let exporter =
        hex("39ec6d8f754d1e114a5c5eb89222807dd456cd8cb6f1a7ac180760d2b49aea10d6f4eb127ce3d1e91a5bb6613067fb05");
    let msk = hex(concat!(
        "7d29fcc984174ffe6cf080bdfdb43b2948d18cdaef100ca52faeb9ceefa4c32a",
        "7e4fff98bef0251a95a88ec5c9d8e74200eb6f00ae8cbddc2e481db6e5430039"
    ));
    let secret = expand_label(&exporter, "EXPORTER_EAP_TLS_Key_Material", &Sha384::digest([]), 48);
    assert_eq!(expand_label(&secret, "exporter", &Sha384::digest([13]), 128)[..64], msk);
}
