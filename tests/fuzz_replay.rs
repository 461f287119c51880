//! The fuzzer's targets hold for the inputs of `fuzz/corpus` and for random ones, with any compiler.
//!
//! `PROPTEST_CASES=100000 cargo test --release --test fuzz_replay` tries as many random inputs for each.

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use std::fs;
use std::path::Path;

#[cfg(feature = "exchange")]
use fuzz::exchange;
use fuzz::{eap, hostconf, negotiation, proxy, session, wire};
use proptest::collection::vec;
use proptest::prelude::*;

fn replay(name: &str, target: impl Fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let files: Vec<_> = fs::read_dir(&corpus).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(!files.is_empty(), "{} is empty", corpus.display());
    for file in files {
        println!("{}", file.display());
        target(&fs::read(&file).unwrap());
    }
}

fn replayable(data: &[u8]) {
    assert_eq!(session::run(data), session::run(data), "the same input gives the same output");
}

#[test]
fn corpora() {
    replay("sstp", wire::sstp);
    replay("ppp", wire::ppp);
    replay("auth", wire::auth);
    replay("http", wire::http);
    replay("eap", wire::eap);
    replay("conversation", eap::run);
    #[cfg(feature = "exchange")]
    replay("exchange", exchange::run);
    replay("negotiation", negotiation::run);
    replay("network", hostconf::wire);
    replay("hostconf", hostconf::run);
    replay("proxy", proxy::run);
    replay("session", replayable);
}

/// Octets that begin like something: pure noise does not get past the first check.
fn beginning_with(heads: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<u8>> {
    (prop::sample::select(heads), vec(any::<u8>(), 0..160), any::<bool>()).prop_map(|(head, mut rest, whole)| {
        let head = if whole { head } else { &head[..rest.len().min(head.len())] };
        let mut octets = head.to_vec();
        octets.append(&mut rest);
        octets
    })
}

/// A control packet whose length is right, and in whose data the lengths are small, as they are in reality.
fn control_packet() -> impl Strategy<Value = Vec<u8>> {
    let small = prop_oneof![3 => 0u8..12, 1 => any::<u8>()];
    (0u8..16, any::<u8>(), vec(small, 0..80))
        .prop_map(|(code, identifier, data)| [&[code, identifier, 0, data.len() as u8 + 4], data.as_slice()].concat())
}

/// An SSTP control packet whose header is right.
fn control_message() -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![Just(4u8), Just(6), Just(8), Just(12), Just(0x28), Just(0x68), any::<u8>()];
    let attribute = (0u8..6, length, vec(any::<u8>(), 0..110), any::<bool>());
    (0u8..12, vec(attribute, 0..3)).prop_map(|(kind, attributes)| {
        let count = attributes.len() as u8;
        let mut body = Vec::new();
        for (id, length, mut value, fitting) in attributes {
            if fitting {
                value.resize(usize::from(length.saturating_sub(4)), 0x55);
            }
            body.extend([0, id, 0, length]);
            body.append(&mut value);
        }
        let length = (body.len() + 8) as u16;
        [&[0x10, 0x01], &length.to_be_bytes()[..], &[0, kind, 0, count], &body].concat()
    })
}

/// Operations on a session. It gets on for a while before the first of them, so that they find it in every phase.
fn operations() -> impl Strategy<Value = Vec<u8>> {
    let step = prop_oneof![
        4 => Just(vec![0]),
        1 => Just(vec![10]),
        1 => (0u8..16, vec(any::<u8>(), 0..6)).prop_map(|(operation, rest)| [&[operation], rest.as_slice()].concat()),
        1 => (0u8..=9, 1u8..16, any::<u8>(), vec(0u8..16, 0..12)).prop_map(|(protocol, code, identifier, data)| {
            [&[8, protocol, code, identifier, data.len() as u8], data.as_slice()].concat()
        }),
        1 => (0u8..3, 0u8..3, 0u8..4, 0u8..20).prop_map(|(which, code, data, cut)| vec![9, which, code, data, cut]),
        1 => vec(any::<u8>(), 1..20),
    ];
    let head = (prop_oneof![Just(0), any::<u8>()], any::<u8>(), any::<u8>());
    (head, 0usize..14, vec(step, 0..60)).prop_map(|((flags, method, behaviour), exchanges, steps)| {
        [&[flags, method, behaviour][..], &vec![0; exchanges], &steps.concat()].concat()
    })
}

/// Attribute-value pairs, or TLVs of PEAP, whose lengths are mostly right.
fn pairs_and_tlvs() -> impl Strategy<Value = Vec<u8>> {
    let value = || vec(any::<u8>(), 0..64);
    let pair = (0u8..100, any::<u8>(), value(), 0u8..8).prop_map(|(code, flags, value, wrong)| {
        let length = (8 + value.len() + usize::from(wrong / 6)) as u8;
        let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
        [&[0, 0, 0, code, flags, 0, 0, length], value.as_slice(), &padding].concat()
    });
    let tlv = (any::<u8>(), 0u8..16, prop_oneof![value(), vec(any::<u8>(), 56)], 0u8..8).prop_map(
        |(flags, kind, value, wrong)| [&[flags, kind, 0, value.len() as u8 + wrong / 6], value.as_slice()].concat(),
    );
    prop_oneof![vec(pair, 0..4).prop_map(|pairs| pairs.concat()), vec(tlv, 0..4).prop_map(|tlvs| tlvs.concat())]
}

/// Operations of a server in EAP, with some rows of them that lead far.
fn conversation() -> impl Strategy<Value = Vec<u8>> {
    const LEADING: &[&[u8]] = &[
        // EAP-MSCHAPv2 up to its verdict; the same refused and tried again
        &[0, 6, 0, 7, 0],
        &[6, 0, 8, 12, 11, 0],
        // into PEAP and EAP-TTLS, and EAP-MSCHAPv2 in there
        &[2, 0, 3, 0, 6, 0, 7, 0],
        &[2, 0, 3, 6, 0, 7, 0, 9, 1, 12, 0],
        &[2, 1, 3, 6, 0, 7, 0],
        // a question in PEAP
        &[2, 0, 3, 10, 0, 0],
    ];
    let step = prop_oneof![
        1 => prop::sample::select(LEADING).prop_map(<[u8]>::to_vec),
        3 => (0u8..20, vec(0u8..8, 0..3)).prop_map(|(operation, rest)| [&[operation], rest.as_slice()].concat()),
        1 => (0u8..20, vec(any::<u8>(), 0..24)).prop_map(|(operation, rest)| [&[operation], rest.as_slice()].concat()),
    ];
    let methods = || prop_oneof![2 => Just(0), 1 => Just(0xf7), 1 => Just(0xfd), 1 => Just(0xfb), 1 => any::<u8>()];
    (any::<u8>(), methods(), methods(), vec(step, 0..24))
        .prop_map(|(flags, methods, inner, steps)| [&[flags & 0x7f, methods, inner][..], &steps.concat()].concat())
}

/// What a proxy says, piece by piece; mostly a refusal that is followed by another one.
fn proxy_says() -> impl Strategy<Value = Vec<u8>> {
    let header = prop_oneof![
        2 => "Proxy-Authenticate: (Basic|NTLM|Digest)( realm=\"?[ -~]{0,8}\"?)?(, nonce=x)?(, stale=true)?\r\n",
        1 => "Proxy-Authenticate: NTLM TlRMTVNTUAAC[A-Za-z0-9+/]{60,80}\r\n",
        1 => "[A-Za-z-]{1,12}: [ -~]{0,20}\r\n",
    ];
    let head = (vec(header, 0..4), 0u8..4).prop_map(|(headers, length)| {
        format!("HTTP/1.1 407 No\r\nContent-Length: {length}\r\n{}\r\nno", headers.concat())
    });
    let said = prop_oneof![4 => head.prop_map(String::into_bytes), 1 => vec(any::<u8>(), 0..40)];
    (any::<u8>(), vec(said, 0..12)).prop_map(|(first, said)| {
        let pieces = said.iter().flat_map(|text| {
            let text = &text[..text.len().min(255)];
            [&[text.len() as u8], text].concat()
        });
        [first].into_iter().chain(pieces).collect()
    })
}

/// A file that is nearly one of a known format: lines of such files, cut and mixed.
#[cfg(feature = "exchange")]
fn nearly_a_file() -> impl Strategy<Value = Vec<u8>> {
    const LINES: &[&str] = &[
        "[vpn]",
        "[connection]",
        "[ipv4]",
        "[a]",
        "service-type=org.freedesktop.NetworkManager.sstp",
        "gateway=a.example",
        "gateway = \"a.example\"",
        "route1=10.0.0.0/8,10.0.0.1,5",
        "address1=10.9.8.7/24",
        "dns=10.0.0.1;x;",
        "VpnStrategy=5",
        "DEVICE=vpn",
        "PhoneNumber=a.example",
        "AuthRestrictions=128",
        "CustomAuthKey=13",
        "NumRoutes=2",
        "Routes=0100000002000000080000000A0000000000000000000000000000000000000000000000",
        "/interface sstp-client",
        "add name=\"a b\" connect-to=b \\\\",
        "set [ find name=a ] user=x password=\"\\24\\\"\"",
        "/ip route add gateway=\"a b\" dst-address=10.0.0.0/8",
        "pty \"sstpc --proxy http://u:p@h:1 a.example\"",
        "sstpc --user x a.example usepeerdns mtu 1400 10.0.0.1: user 'x y' \\\\",
        "A=b.example",
        "pppd pty \"sstpc $A\" name x",
    ];
    let line = prop_oneof![
        12 => prop::sample::select(LINES).prop_map(|line| line.as_bytes().to_vec()),
        2 => prop::sample::select(LINES).prop_flat_map(|line| (Just(line), 0..line.len())).prop_map(|(line, at)| line.as_bytes()[..at].to_vec()),
        1 => vec(any::<u8>(), 0..24),
    ];
    (any::<u8>(), vec(line, 0..12)).prop_map(|(first, lines)| [vec![first], lines.join(&b'\n')].concat())
}

/// A DHCPACK with these options.
fn dhcp_ack(options: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut message = vec![0; 236];
    message[0] = 2;
    message.extend([99, 130, 83, 99, 53, 1, 5]);
    for (code, value) in options {
        message.extend([*code, value.len() as u8]);
        message.extend(value);
    }
    message
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sstp(data in prop_oneof![control_message(), vec(any::<u8>(), 0..200)]) {
        wire::sstp(&data);
    }

    #[test]
    fn ppp(data in prop_oneof![
        control_packet(),
        beginning_with(&[&[0xff, 0x03, 0x00, 0x21, 0x45], &[0xff, 0x03, 0x57, 0x60], &[0xc0, 0x21]]),
    ]) {
        wire::ppp(&data);
    }

    #[test]
    fn auth(data in prop_oneof![
        control_packet(),
        beginning_with(&[b"E=691 R=1 C=", b"S=407A5589115FD0D6209F510FE9C04566932CDA56", b"E=1 M=", &[0; 49]]),
        "(S=)?[0-9A-Fa-f]{38,42}( M=.*)?".prop_map(String::into_bytes),
        "([EVRCM]=[0-9A-F]{0,33} ?){0,6}".prop_map(String::into_bytes),
    ]) {
        wire::auth(&data);
    }

    #[test]
    fn http(data in prop_oneof![
        beginning_with(&[b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n", b"HTTP/1.1 404 "]),
        "HTTP/1.[01] [0-9]{3}( [a-zA-Z ]{0,12})?\r\n([A-Za-z-]{1,12}: [ -~]{0,20}\r\n){0,4}(\r\n)?.{0,20}"
            .prop_map(String::into_bytes),
    ]) {
        wire::http(&data);
    }

    #[test]
    fn eap(data in prop_oneof![
        control_packet(),
        pairs_and_tlvs(),
        beginning_with(&[&[1, 9, 0, 24, 16], &[7, 9, 2, 0x4a], &[0xc0, 0, 0, 1]]),
        beginning_with(&[&[0x80, 3, 0, 2, 0, 1], &[0, 0, 0, 79, 0x40]]),
        (any::<u8>(), vec(any::<u8>(), 582)).prop_map(|(id, fields)| [&[7, id, 2, 0x4a], fields.as_slice()].concat()),
        vec(any::<u8>(), 582),
    ]) {
        wire::eap(&data);
    }

    #[test]
    fn conversations(data in conversation()) {
        eap::run(&data);
    }

    #[cfg(feature = "exchange")]
    #[test]
    fn files(data in nearly_a_file()) {
        exchange::run(&data);
    }

    #[test]
    fn negotiations(data in vec(any::<u8>(), 0..40)) {
        negotiation::run(&data);
    }

    #[test]
    fn network(data in prop_oneof![
        vec(any::<u8>(), 0..200),
        vec(prop_oneof![0u8..8, Just(0xc0), any::<u8>()], 0..120),
        vec((any::<u8>(), vec(0u8..40, 0..24)), 0..8).prop_map(|options| dhcp_ack(&options)),
    ]) {
        hostconf::wire(&data);
    }

    #[test]
    fn proxies(data in proxy_says()) {
        proxy::run(&data);
    }

    #[test]
    fn hosts(data in vec(prop_oneof![4 => 0u8..6, 2 => 0u8..40, 1 => any::<u8>()], 0..300)) {
        hostconf::run(&data);
    }

    #[test]
    fn sessions(data in operations()) {
        session::run(&data);
    }

    #[test]
    fn sessions_are_replayable(data in operations()) {
        replayable(&data);
    }
}
