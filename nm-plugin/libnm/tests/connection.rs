//! Connections are changed in place, and what is not named stays.

use std::collections::BTreeMap;

use nm_sstp_libnm::imported::{self, Imported};
use nm_sstp_libnm::{Connection, VpnSetting};

const KEYFILE: &str = "[connection]\nid=work\nuuid=6e4d8c1e-2f3a-4b5c-8d7e-9f0a1b2c3d4e\ntype=vpn\n\n[vpn]\n\
    gateway=vpn.example.com\nstrange=kept\\\\ as it is\nuser=alice\nuser-name=bob\npersistent=true\ntimeout=40\n\
    service-type=org.freedesktop.NetworkManager.sstp\n\n[ipv4]\ndns-search=example.com;\nmethod=auto\n\
    never-default=true\nroute1=10.0.0.0/8,0.0.0.0,7\n\n[ipv6]\naddr-gen-mode=stable-privacy\nmethod=auto\n";

fn connection() -> Connection {
    Connection::from_keyfile(KEYFILE).expect("a connection")
}

#[test]
fn a_key_file_is_read_and_written() {
    let connection = connection();
    assert_eq!(connection.id().as_deref(), Some("work"));
    assert_eq!(connection.uuid().as_deref(), Some("6e4d8c1e-2f3a-4b5c-8d7e-9f0a1b2c3d4e"));
    let vpn = connection.vpn().expect("a VPN");
    assert_eq!(vpn.service().as_deref(), Some("org.freedesktop.NetworkManager.sstp"));
    assert_eq!(vpn.user_name().as_deref(), Some("bob"));
    assert!(vpn.persistent());
    assert_eq!(vpn.timeout(), 40);
    assert_eq!(vpn.datum("strange").as_deref(), Some("kept\\ as it is"));
    let written = connection.to_keyfile().expect("a key file");
    for part in ["route1=10.0.0.0/8,0.0.0.0,7", "strange=kept\\\\ as it is", "user-name=bob", "timeout=40"] {
        assert!(written.contains(part), "{part}: {}", *written);
    }
}

#[test]
fn only_what_differs_is_changed() {
    let connection = connection();
    let vpn = connection.vpn().expect("a VPN");
    let mut wanted = vpn.data();
    assert_eq!(wanted.len(), 3);
    wanted.remove("user");
    wanted.insert("gateway".to_owned(), "other.example.com".to_owned());
    wanted.insert("empty".to_owned(), String::new());
    vpn.set_data(&wanted);
    let expected = [("gateway", "other.example.com"), ("strange", "kept\\ as it is")];
    let data = connection.vpn().expect("the same").data();
    assert_eq!(data, BTreeMap::from(expected.map(|(key, value)| (key.to_owned(), value.to_owned()))));
    assert_eq!(vpn.user_name().as_deref(), Some("bob"));
    assert!(vpn.persistent());
}

#[test]
fn secrets_stay_in_memory() {
    let connection = connection();
    let vpn = connection.vpn().expect("a VPN");
    assert!(vpn.secrets().is_empty());
    vpn.set_secret("password", Some("hunter2"));
    vpn.set_secret("proxy-password", Some("gone"));
    vpn.set_secret("proxy-password", None);
    vpn.set_secret("password", Some("with\0nul"));
    assert_eq!(vpn.secret("password").expect("it is there").as_str(), "hunter2");
    assert_eq!(vpn.secrets().len(), 1);
    assert!(!connection.to_keyfile().expect("a key file").contains("hunter2"));
    assert_eq!(vpn.secret("password").expect("it is still there").as_str(), "hunter2");
}

#[test]
fn a_connection_can_be_made_of_nothing() {
    let connection = Connection::default();
    assert!(connection.vpn().is_none() && connection.id().is_none() && connection.uuid().is_none());
    let vpn = VpnSetting::new("org.freedesktop.NetworkManager.sstp");
    vpn.set_datum("gateway", Some("vpn.example.com"));
    vpn.set_datum("", Some("x"));
    vpn.set_user_name(Some("alice"));
    vpn.set_timeout(5);
    vpn.set_persistent(true);
    connection.set_vpn(&vpn);
    connection.set_identity("first", "6e4d8c1e-2f3a-4b5c-8d7e-9f0a1b2c3d4e");
    connection.set_identity("work", "0e4d8c1e-2f3a-4b5c-8d7e-9f0a1b2c3d4e");
    assert_eq!(connection.id().as_deref(), Some("work"));
    assert_eq!(connection.uuid().as_deref(), Some("0e4d8c1e-2f3a-4b5c-8d7e-9f0a1b2c3d4e"));
    let copy = connection.copy();
    vpn.set_datum("gateway", None);
    let vpn = copy.vpn().expect("a VPN");
    assert_eq!(vpn.datum("gateway").as_deref(), Some("vpn.example.com"));
    assert_eq!((vpn.user_name().as_deref(), vpn.timeout(), vpn.persistent()), (Some("alice"), 5, true));
}

#[test]
fn what_is_no_connection_is_an_error() {
    assert!(Connection::from_keyfile("what").is_err());
    let odd = "[connection]\ntype=\nid=\n[ipv4]\nmethod=nonsense\naddress1=x\n";
    assert!(Connection::from_keyfile(odd).is_ok(), "NetworkManager reads what it can");
}

#[test]
fn what_an_import_left_is_there_for_the_editor() {
    implementation::with(|plugin| {
        let first = connection();
        let left = vec!["NumCustomPolicy was not carried over.".to_owned(), "Nor was this.".to_owned()];
        assert!(imported::left_of(plugin, &first).is_empty());
        imported::leave(plugin, &Imported { connection: first.copy(), left: left.clone() });
        // a program may give it another identity
        first.set_identity("VPN 1", "0e4d8c1e-2f3a-4b5c-8d7e-9f0a1b2c3d4e");
        assert_eq!(imported::left_of(plugin, &first), left);
        // and have another plugin for it
        implementation::with(|other| assert_eq!(imported::left_of(other, &first), left));
        let second = connection();
        second.vpn().expect("a VPN").set_datum("gateway", Some("second.example.com"));
        assert!(imported::left_of(plugin, &second).is_empty(), "it is not the one that was imported");
        assert!(imported::left_of(plugin, &Connection::default()).is_empty());
        imported::leave(plugin, &Imported { connection: second.copy(), left: left[1..].to_vec() });
        assert!(imported::left_of(plugin, &first).is_empty());
        assert_eq!(imported::left_of(plugin, &second), left[1..]);
    });
}

#[path = "implementation/mod.rs"]
mod implementation;
