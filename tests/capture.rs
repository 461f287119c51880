//! A capture of a whole session, in the eyes of Wireshark.

mod support;

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use nm_sstp::capture::Capture;
use nm_sstp::session::{Config, Methods};
use nm_sstp::wire::ip::IpVersion;
use nm_sstp::wire::pcapng::Direction;
use sstp_test_server::Method;
use support::{PASSWORD, Pair, USER, client, datagram, server_with};

/// What both ends of a session with this method sent, as a capture.
fn captured(method: Method, secrets: bool) -> Vec<u8> {
    let methods = Methods { pap: true, chap_md5: true, mschapv2: true, eap: false };
    let mut pair = Pair::new(Config { methods, ..client() }, server_with(method));
    pair.up();
    assert!(pair.send(IpVersion::V4, &datagram(100, 0x11)));
    pair.run_for(Duration::from_secs(50));
    pair.close();
    let mut capture = Capture::new("sstp", Some(([192, 0, 2, 1].into(), [192, 0, 2, 2].into())), secrets);
    capture.packets(Duration::from_secs(1_700_000_000), Direction::Outbound, &pair.sent);
    capture.packets(Duration::from_secs(1_700_000_001), Direction::Inbound, &pair.received);
    capture.pending().to_vec()
}

fn holds(octets: &[u8], text: &str) -> bool {
    octets.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_capture_has_the_password_only_where_it_is_wanted() {
    for method in [Method::Pap, Method::ChapMd5, Method::MsChapV2] {
        let (blanked, whole) = (captured(method, false), captured(method, true));
        assert_eq!(blanked.len(), whole.len());
        assert!(!holds(&blanked, USER) && !holds(&blanked, PASSWORD), "{method:?}");
        assert!(holds(&whole, USER), "{method:?}");
        assert_eq!(holds(&whole, PASSWORD), method == Method::Pap);
    }
}

/// One field of each packet, as tshark has it; `None` where there is no tshark.
fn tshark(capture: &[u8], field: &str) -> Option<Vec<String>> {
    let arguments = ["-r", "-", "-T", "fields", "-e", field];
    let child = Command::new("tshark").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "tshark cannot be run: {error}");
            eprintln!("skipped: tshark cannot be run: {error}");
            return None;
        }
    };
    let mut input = child.stdin.take().unwrap();
    let octets = capture.to_vec();
    let feeding = std::thread::spawn(move || input.write_all(&octets));
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap().unwrap();
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

#[test]
fn wireshark_decodes_every_layer() {
    let capture = captured(Method::Pap, false);
    let Some(protocols) = tshark(&capture, "frame.protocols") else { return };
    let count = |protocol: &str| protocols.iter().filter(|line| line.ends_with(protocol)).count();
    // request, acknowledgment, connected, an echo and its answer, the end
    assert!(count(":sstp") >= 6, "{protocols:#?}");
    for protocol in [":ppp:lcp", ":ppp:ipcp", ":ppp:ipv6cp", ":ppp:pap"] {
        assert!(count(protocol) >= 2, "{protocol}: {protocols:#?}");
    }
    assert!(protocols.iter().any(|line| line.contains(":ppp:ip")), "{protocols:#?}");
    assert!(
        protocols.iter().all(|line| line.starts_with("exported_pdu:sstp") && !line.contains("malformed")),
        "{protocols:#?}"
    );

    let directions = tshark(&capture, "frame.p2p_dir").unwrap();
    assert_eq!(directions.len(), protocols.len());
    assert!(directions.contains(&"0".to_owned()) && directions.contains(&"1".to_owned()));
    let shown = tshark(&captured(Method::Pap, true), "pap.password").unwrap();
    assert!(shown.contains(&PASSWORD.to_owned()), "{shown:?}");
}
