use super::*;
use crate::netconf::intent::{Address, Dns};

pub(super) fn wanted(interface: &str, servers: &[&str], domains: &[&str]) -> Wanted {
    Wanted {
        interface: interface.to_owned(),
        index: 7,
        everything: true,
        rank: (50, std::cmp::Reverse(0)),
        servers: servers.iter().map(|server| server.parse().unwrap()).collect(),
        domains: domains.iter().map(|domain| (*domain).to_owned()).collect(),
    }
}

fn checked(servers: &[&str], domains: &[&str]) -> (Option<Wanted>, Vec<String>) {
    let address = Address { address: "10.99.0.2".parse().unwrap(), prefix_len: 32, peer: None, deprecated: false };
    let Wanted { servers, domains, .. } = wanted("", servers, domains);
    let intent = Intent {
        interface: "sstp0".to_owned(),
        server: "203.0.113.7".parse().unwrap(),
        source: None,
        mtu: 1400,
        addresses: vec![address],
        mode: Mode::Full,
        routes: Vec::new(),
        metric: 50,
        kill_switch: false,
        dns: Some(Dns { servers, domains }),
    };
    check(&intent, 7, 0)
}

#[test]
fn domains_that_could_mean_something_else_in_a_file_are_ignored() {
    let long_label = "a".repeat(64);
    let long_name = ["a".repeat(63).as_str(); 4].join(".");
    for domain in [
        "",
        ".",
        "a..example",
        ".example",
        "corp example",
        "corp.example\nnameserver 192.0.2.1",
        "corp.example\r",
        "corp\0",
        "-corp.example",
        "corp-.example",
        "b\u{fc}ro.example",
        "*.example",
        "~corp.example",
        "corp.example#",
        &long_label,
        &long_name,
    ] {
        let (wanted, notes) = checked(&["10.99.0.53"], &[domain]);
        assert_eq!(wanted.unwrap().domains, [""; 0], "{domain:?}");
        assert_eq!(notes.len(), 1, "{domain:?}");
        assert!(!notes[0].contains(['\n', '\r', '\0']), "{notes:?}");
    }
    let (wanted, notes) = checked(&[], &["corp.example.", "CORP.example", "xn--bro-hoa.example", "1.2", "local"]);
    assert_eq!(wanted.unwrap().domains, ["corp.example", "xn--bro-hoa.example", "1.2", "local"]);
    assert_eq!(notes, [""; 0]);
}

#[test]
fn addresses_at_which_no_server_of_theirs_can_be_are_ignored() {
    let unusable = ["0.0.0.0", "127.0.0.1", "224.0.0.251", "255.255.255.255", "::1", "fe80::1", "2001:db8::53"];
    let (wanted, notes) = checked(&unusable, &[]);
    assert_eq!(wanted, None);
    assert_eq!(notes.len(), unusable.len());
    let (wanted, notes) = checked(&["10.99.0.53", "8.8.8.8", "10.99.0.53"], &[]);
    assert_eq!(wanted.unwrap().servers.len(), 2);
    assert_eq!(notes, [""; 0]);
}

#[test]
fn a_server_that_tells_without_end_is_not_listened_to() {
    let domains: Vec<String> = (0..1000).map(|number| format!("d{number}.example")).collect();
    let servers: Vec<String> = (1..200).map(|number| format!("10.99.0.{number}")).collect();
    let (domains, servers): (Vec<&str>, Vec<&str>) =
        (domains.iter().map(String::as_str).collect(), servers.iter().map(String::as_str).collect());
    let wanted = checked(&servers, &domains).0.unwrap();
    assert_eq!((wanted.servers.len(), wanted.domains.len()), (MAX_SERVERS, MAX_DOMAINS));
}
