//! Files of other programs come to what `tests/exchange/*.expected` says, and connections come back from every format.
//!
//! `UPDATE_EXPECTED=1 cargo test --test exchange` writes what is expected anew; look at the difference.

#![cfg(feature = "exchange")]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use nm_sstp::exchange::{
    Confidential, Connection, Error, Exported, Family, Format, Imported, MAX_OCTETS, Route, export, import,
};
use proptest::prelude::*;
use zeroize::Zeroizing;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exchange")
}

/// Everything that a connection has, secrets included.
fn described(connection: &Connection) -> String {
    let mut out = format!("connection {}\n", connection.name);
    let mut line = |key: &str, value: &dyn std::fmt::Display| writeln!(out, "  {key} = {value}").expect("a text");
    for (key, value) in [("uuid", &connection.uuid), ("user-name", &connection.user_name)] {
        value.iter().for_each(|value| line(key, value));
    }
    connection.settings.iter().for_each(|(key, value)| line(&format!("vpn.{key}"), value));
    connection.secrets.iter().for_each(|(name, value)| line(&format!("secret {name}"), &value));
    if connection.persistent {
        line("persistent", &true);
    }
    connection.timeout.iter().for_each(|timeout| line("timeout", timeout));
    for (name, family) in [("ipv4", &connection.network.ipv4), ("ipv6", &connection.network.ipv6)] {
        for (key, said) in [
            ("disabled", family.disabled),
            ("never-default", family.never_default),
            ("ignore-auto-dns", family.ignore_auto_dns),
            ("ignore-auto-routes", family.ignore_auto_routes),
        ] {
            if said {
                line(&format!("{name}.{key}"), &true);
            }
        }
        family.dns.iter().for_each(|server| line(&format!("{name}.dns"), server));
        family.dns_search.iter().for_each(|domain| line(&format!("{name}.dns-search"), domain));
        family
            .address
            .iter()
            .for_each(|(address, prefix)| line(&format!("{name}.address"), &format!("{address}/{prefix}")));
        family.gateway.iter().for_each(|gateway| line(&format!("{name}.gateway"), gateway));
        family.route_metric.iter().for_each(|metric| line(&format!("{name}.route-metric"), metric));
        for Route { destination, prefix, gateway, metric } in &family.routes {
            let gateway = gateway.map(|gateway| format!(" by {gateway}")).unwrap_or_default();
            let metric = metric.map(|metric| format!(" metric {metric}")).unwrap_or_default();
            line(&format!("{name}.route"), &format!("{destination}/{prefix}{gateway}{metric}"));
        }
    }
    connection.left.iter().for_each(|left| line(&format!("left {}", left.key), &left.sentence));
    out
}

fn outcome(octets: &[u8], name: &str) -> String {
    match import(octets, name) {
        Err(error) => format!("{error}\n"),
        Ok(Imported { format, connections, skipped, notes }) => {
            let connections: String = connections.iter().map(described).collect();
            let skipped: String = skipped.iter().map(|entry| format!("skipped: {}\n", entry.sentence)).collect();
            let notes: String = notes.iter().map(|note| format!("note: {note}\n")).collect();
            format!("format {}\n{connections}{skipped}{notes}", format.name())
        }
    }
}

fn assert_as_expected(name: &str, outcome: &str) {
    let path = directory().join(format!("{name}.expected"));
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&path, outcome).expect("written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(outcome, expected, "{name}");
}

#[test]
fn files_come_to_what_is_expected() {
    let files = fs::read_dir(directory()).expect("the directory").map(|file| file.expect("a file").path());
    let mut number = 0;
    for path in files.filter(|path| path.extension().is_none_or(|ending| ending != "expected")) {
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        assert_as_expected(name, &outcome(&fs::read(&path).expect("octets"), name));
        number += 1;
    }
    assert!(number >= 11, "{number}");
}

#[test]
fn a_format_is_known_by_what_is_in_the_file() {
    for (name, format) in [
        ("rasphone.pbk", Format::Phonebook),
        ("office.nmconnection", Format::Keyfile),
        ("profile.toml", Format::Toml),
        ("connect.sh", Format::CommandLine),
        ("sstpc.service", Format::CommandLine),
        ("office", Format::Peers),
        ("router-v6.rsc", Format::RouterOs),
    ] {
        let octets = fs::read(directory().join(name)).expect("octets");
        for called in ["", "x", "x.toml", "x.pbk", "x.rsc", "/a.b/c"] {
            let found = import(&octets, called).map(|imported| imported.format);
            assert_eq!(found, Ok(format), "{name} called {called}");
        }
    }
    assert_eq!(import(b"hello\n", "x.txt").map(|_| ()), Err(Error::UnknownFormat));
    assert!(matches!(import(b"", "x.pbk"), Err(Error::NoConnection { format: Format::Phonebook, .. })));
    assert_eq!(import(&vec![b'#'; MAX_OCTETS + 1], "x").map(|_| ()), Err(Error::TooLarge));
}

#[test]
fn a_connection_without_a_name_is_called_as_its_file() {
    for (octets, file, name) in [
        (&b"gateway = \"a.example\""[..], "/home/me/Work.toml", "Work"),
        (b"gateway = \"a.example\"", "", "a.example"),
        (b"sstpc a.example", ".sh", ".sh"),
    ] {
        assert_eq!(import(octets, file).expect("a connection").connections[0].name, name);
    }
}

/// The connection of `office.nmconnection`.
fn office() -> Connection {
    let octets = fs::read(directory().join("office.nmconnection")).expect("octets");
    import(&octets, "").expect("a connection").connections.remove(0)
}

fn written(connection: &Connection, format: Format, confidential: Confidential) -> String {
    let Exported { octets, left } = export(connection, format, confidential).expect("a file");
    let left: String = left.iter().map(|left| format!("left {}: {}\n", left.key, left.sentence)).collect();
    format!("{}---\n{left}", String::from_utf8_lossy(&octets).replace('\r', ""))
}

#[test]
fn files_are_written_as_expected() {
    for format in Format::WRITTEN {
        let text = written(&office(), format, Confidential::Include);
        assert_as_expected(&format!("written-{}", format.name()), &text);
    }
    assert_eq!(
        export(&office(), Format::CommandLine, Confidential::LeaveOut).err(),
        Some(Error::NotWritten(Format::CommandLine))
    );
}

#[test]
fn what_is_left_out_is_said_in_the_file() {
    let mut connection = office();
    // whoever names a setting so has no say in what the file does
    connection.settings.insert("later\npty \"sstpc evil.example\"\nname=".to_owned(), "x".to_owned());
    for format in [Format::Toml, Format::Keyfile, Format::RouterOs, Format::Peers] {
        let Exported { octets, left } = export(&connection, format, Confidential::LeaveOut).expect("a file");
        assert!(!left.is_empty(), "{}", format.name());
        let text = String::from_utf8_lossy(&octets);
        for left in left {
            let comment = format!("# {}", left.sentence.replace('\n', " "));
            assert!(text.lines().any(|line| line == comment), "{comment}: {text}");
        }
        assert!(!text.lines().any(|line| line.starts_with("pty") && line.contains("evil")), "{text}");
    }
    let phone_book = export(&connection, Format::Phonebook, Confidential::LeaveOut).expect("a file");
    assert!(phone_book.octets.starts_with(b"[Office]\r\n"), "its comments are not described anywhere");
}

#[test]
fn agents_keep_the_secrets_of_files_that_cannot_say_who_does() {
    for (file, flags) in [
        ("rasphone.pbk", &[("Work", &["password"][..]), ("Smart card", &["tls-user-key-secret"])][..]),
        // the password is in the file
        ("router-v7.rsc", &[("sstp-a", &[]), ("left out", &["password"])]),
        ("connect.sh", &[("branch", &[])]),
    ] {
        let octets = fs::read(directory().join(file)).expect("octets");
        let imported = import(&octets, file).expect("a connection");
        assert!(!imported.format.says_who_keeps_secrets());
        for (name, secrets) in flags {
            let named = |connection: &&Connection| connection.name == *name;
            let connection = imported.connections.iter().find(named).expect("it is there");
            let kept = connection.kept_by_agents().settings;
            let flags: Vec<_> = kept.iter().filter(|(key, _)| key.ends_with("-flags")).collect();
            let expected: Vec<_> = secrets.iter().map(|secret| (format!("{secret}-flags"), "1".to_owned())).collect();
            assert_eq!(flags, expected.iter().map(|(key, value)| (key, value)).collect::<Vec<_>>(), "{file} {name}");
        }
    }
    let mut connection = office();
    connection.settings.insert("password-flags".to_owned(), "2".to_owned());
    connection.secrets = Default::default();
    assert_eq!(connection.kept_by_agents().setting("password-flags"), Some("2"), "what is said stays");
}

#[test]
fn secrets_are_written_only_where_that_is_asked_for() {
    let mut connection = office();
    connection.secrets.insert("proxy-password", Zeroizing::new("swordfish".to_owned()));
    connection.settings.insert("http-cookie".to_owned(), "id=swordfish".to_owned());
    for format in Format::WRITTEN {
        let text = written(&connection, format, Confidential::LeaveOut);
        assert!(!text.contains("hunter2") && !text.contains("swordfish"), "{text}");
        for name in ["password", "proxy-password", "http-cookie"] {
            assert!(text.contains(&format!("left {name}: ")), "{name}: {text}");
        }
    }
    assert!(!format!("{connection:?}").contains("hunter2"));
}

/// Text that a name or a value may be.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-zA-Z0-9._-]{1,12}",
        2 => "[ -~]{1,16}",
        1 => "[^\u{0}]{1,12}",
    ]
}

fn address(ipv4: bool) -> BoxedStrategy<std::net::IpAddr> {
    match ipv4 {
        true => (1u32..u32::MAX).prop_map(|number| std::net::Ipv4Addr::from(number).into()).boxed(),
        false => (1u128..u128::MAX).prop_map(|number| std::net::Ipv6Addr::from(number).into()).boxed(),
    }
}

fn family(ipv4: bool) -> impl Strategy<Value = Family> {
    let longest = if ipv4 { 32u8 } else { 128 };
    let metric = || proptest::option::of(1u32..255);
    let route = (address(ipv4), 1..=longest, proptest::option::of(address(ipv4)), metric());
    let route = route.prop_map(|(destination, prefix, gateway, metric)| Route { destination, prefix, gateway, metric });
    (
        proptest::array::uniform4(any::<bool>()),
        proptest::collection::vec(address(ipv4), 0..3),
        proptest::collection::vec("[a-z0-9.-]{1,12}", 0..3),
        proptest::option::of((address(ipv4), 1..=longest)),
        proptest::option::of(address(ipv4)),
        proptest::collection::vec(route, 0..4),
        metric(),
    )
        .prop_map(
            |(
                [disabled, never_default, ignore_auto_dns, ignore_auto_routes],
                dns,
                dns_search,
                address,
                gateway,
                routes,
                route_metric,
            )| {
                Family {
                    disabled,
                    never_default,
                    ignore_auto_dns,
                    ignore_auto_routes,
                    dns,
                    dns_search,
                    address,
                    gateway,
                    routes,
                    route_metric,
                }
            },
        )
}

/// Settings of every kind of value, and some that nobody knows.
fn settings() -> impl Strategy<Value = std::collections::BTreeMap<String, String>> {
    let yes = prop_oneof![
        Just("refuse-pap"),
        Just("refuse-chap"),
        Just("refuse-eap"),
        Just("refuse-mschapv2"),
        Just("require-mppe"),
        Just("nodeflate"),
        Just("ignore-cert-warn"),
        Just("tls-ext"),
        Just("kill-switch"),
    ];
    let number = prop_oneof![
        Just("mtu"),
        Just("mru"),
        Just("unit"),
        Just("hello-interval"),
        Just("lcp-echo-interval"),
        Just("proxy-port")
    ];
    let any_text = prop_oneof![
        Just("user"),
        Just("domain"),
        Just("proxy-user"),
        Just("tls-identity"),
        Just("eap"),
        Just("later-key"),
    ];
    let path = prop_oneof![Just("ca-cert"), Just("crl-file"), Just("tls-user-cert"), Just("tls-user-key")];
    let one = prop_oneof![
        (yes, prop_oneof![Just("yes"), Just("no")]).prop_map(|(key, value)| (key.to_owned(), value.to_owned())),
        (number, 1u32..4000).prop_map(|(key, value)| (key.to_owned(), value.to_string())),
        (any_text, text()).prop_map(|(key, value)| (key.to_owned(), value)),
        (path, "/[a-z /.'\"$-]{1,12}").prop_map(|(key, value)| (key.to_owned(), value)),
        prop_oneof![Just("full"), Just("split"), Just("none")]
            .prop_map(|routes| ("routes".to_owned(), routes.to_owned())),
        Just(("dns".to_owned(), "none".to_owned())),
        Just(("route-metric".to_owned(), "60".to_owned())),
        Just(("proxy-server".to_owned(), "proxy.example".to_owned())),
        Just(("ipv4-address".to_owned(), "10.9.8.7".to_owned())),
    ];
    let gateway = prop_oneof![
        Just("vpn.example.com"),
        Just("vpn.example.com:8443"),
        Just("192.0.2.7"),
        Just("[2001:db8::1]:444"),
        Just("2001:db8::1"),
    ];
    (gateway, proptest::collection::btree_map(any::<u8>(), one, 0..8))
        .prop_map(|(gateway, all)| all.into_values().chain([("gateway".to_owned(), gateway.to_owned())]).collect())
}

fn connection() -> impl Strategy<Value = Connection> {
    (
        ("[a-zA-Z0-9][^\u{0}]{0,12}", proptest::option::of("[0-9a-f-]{1,36}"), proptest::option::of("[a-z]{1,8}")),
        settings(),
        proptest::collection::btree_map(
            prop_oneof![Just("password"), Just("proxy-password"), Just("tls-user-key-secret")],
            text(),
            0..3,
        ),
        (family(true), family(false)),
        (any::<bool>(), proptest::option::of(1u32..1000)),
    )
        .prop_map(|((name, uuid, user_name), settings, secrets, (ipv4, ipv6), (persistent, timeout))| {
            let mut connection =
                Connection { name, uuid, user_name, settings, persistent, timeout, ..Connection::default() };
            secrets.into_iter().for_each(|(name, value)| connection.secrets.insert(name, Zeroizing::new(value)));
            (connection.network.ipv4, connection.network.ipv6) = (ipv4, ipv6);
            connection
        })
}

/// The same, written in a format and read from it.
fn through(connection: &Connection, format: Format) -> Connection {
    let Exported { octets, .. } = export(connection, format, Confidential::Include).expect("a file");
    let imported = import(&octets, "x").unwrap_or_else(|error| panic!("{error}\n{}", String::from_utf8_lossy(&octets)));
    assert_eq!(imported.format, format, "{}", String::from_utf8_lossy(&octets));
    assert_eq!((imported.connections.len(), imported.skipped.len()), (1, 0), "{}", String::from_utf8_lossy(&octets));
    let mut connection = imported.connections.into_iter().next().expect("one");
    connection.left.clear();
    connection
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_round_trip_by_network_manager_changes_nothing(connection in connection()) {
        prop_assert_eq!(through(&connection, Format::Keyfile), connection);
    }

    #[test]
    fn a_second_round_trip_changes_nothing(connection in connection()) {
        for format in Format::WRITTEN {
            let once = through(&connection, format);
            prop_assert_eq!(&through(&once, format), &once, "{}", format.name());
        }
    }

    #[test]
    fn what_a_format_can_say_comes_back(connection in connection(), password in text()) {
        let mut connection = connection;
        connection.secrets.insert("password", Zeroizing::new(password.clone()));
        for format in Format::WRITTEN {
            let back = through(&connection, format);
            let refused = |of: &Connection, key: &str| of.setting(key) == Some("yes");
            let whole = connection.with_network_of_keys();
            for key in ["refuse-pap", "refuse-chap", "refuse-mschapv2"] {
                prop_assert_eq!(refused(&back, key), refused(&connection, key), "{} {}", format.name(), key);
            }
            prop_assert_eq!(gateway(&back), gateway(&connection));
            prop_assert_eq!(back.with_network_of_keys().network.ipv4.never_default, whole.network.ipv4.never_default);
            if format != Format::Phonebook {
                prop_assert_eq!(back.secrets.get("password"), Some(password.as_str()), "{}", format.name());
                let name = |of: &Connection| of.setting("domain").map(|domain| format!("{domain}\\")).unwrap_or_default() + of.user().unwrap_or_default();
                if connection.user().is_some() {
                    prop_assert_eq!(name(&back), name(&connection), "{}", format.name());
                }
            }
        }
    }

    #[test]
    fn any_octets_are_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..400), name in ".{0,8}") {
        drop(import(&octets, &name));
    }
}

fn gateway(connection: &Connection) -> Option<nm_sstp::profile::Gateway> {
    nm_sstp::profile::Gateway::parse(connection.setting("gateway")?).ok()
}

/// Nothing keeps a reader busy for longer than its length explains: a second for each quarter of a mebioctet, unoptimized.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test of time")]
fn large_files_are_read_in_time() {
    let begun = std::time::Instant::now;
    let repeated = |head: &str, unit: &str| {
        let mut text = head.to_owned();
        while text.len() + unit.len() <= MAX_OCTETS / 4 {
            text += unit;
        }
        text
    };
    for (head, unit) in [
        (
            "[vpn]\nservice-type=org.freedesktop.NetworkManager.sstp\n[ipv4]\n",
            "route1=10.0.0.0/8\nroute22222=10.0.0.0/9\n",
        ),
        ("[connection]\n[vpn]\nservice-type=org.freedesktop.NetworkManager.sstp\n", "[a]\nb=c\n"),
        ("[a]\nMEDIA=x\n", "PhoneNumber=a\nType=2\n"),
        ("", "[a]\nMEDIA=vpn\n"),
        ("/interface sstp-client\n", "add name=a connect-to=b\n"),
        ("/interface sstp-client\n", "set [ find name=a ] connect-to=b\n"),
        ("/ip route\nadd gateway=\"\"\n/interface sstp-client\n", "add a=[[[["),
        ("/interface sstp-client add name=", "\\\n"),
        ("sstpc ", "\\\n"),
        ("sstpc a.example ", "zz mtu 1 "),
        ("sstpc a.example\nA=$A$A\n", "A=$A$A;"),
        ("pty \"sstpc a\" ", "x "),
        ("pty ", "\"\\\\"),
        ("", "a = \"b\"\n"),
        ("", "gateway = \"[[[[[[["),
    ] {
        let text = repeated(head, unit);
        let start = begun();
        drop(import(text.as_bytes(), "x"));
        assert!(start.elapsed().as_secs() < 10, "{head:?} {unit:?}: {:?}", start.elapsed());
    }
}
