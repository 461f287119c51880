//! Name servers and domains where there is no systemd-resolved: by a `resolvconf`, and in `/etc/resolv.conf` itself. In
//! namespaces of its own, as `netconf.rs`.
#![cfg(feature = "service")]

mod netconf_host;

use std::fs::{self, Permissions};
use std::net::IpAddr;
use std::os::unix::fs::{PermissionsExt, symlink};

use netconf_host::{Host, STATE, run, tunnel};
use nm_sstp::netconf::{Address, Dns, Intent, Mode, NetConf};

const PATH: &str = "/etc/resolv.conf";
const BY_HAND: &str = "# by hand\nsearch home.example\nnameserver 192.168.9.1\noptions timeout:1\n";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A full tunnel with this name server.
fn intent(interface: &str, server: &str, domain: &str) -> Intent {
    let address = Address { address: ip("10.99.0.2"), prefix_len: 32, peer: Some(ip("10.99.0.1")), deprecated: false };
    Intent {
        interface: interface.to_owned(),
        server: ip("203.0.113.7"),
        source: None,
        mtu: 1380,
        addresses: vec![address],
        mode: Mode::Full,
        routes: vec![],
        metric: 50,
        kill_switch: true,
        dns: Some(Dns { servers: vec![ip(server)], domains: vec![domain.to_owned()] }),
    }
}

async fn netconf() -> NetConf {
    NetConf::new(STATE.as_ref()).await.unwrap()
}

fn resolv_conf() -> String {
    fs::read_to_string(PATH).unwrap()
}

fn servers() -> Vec<String> {
    let text = resolv_conf();
    text.lines().filter_map(|line| line.strip_prefix("nameserver ")).map(str::to_owned).collect()
}

#[test]
fn the_file_is_replaced_and_comes_back_as_it_was() {
    Host::run(|host| async move {
        let _tun = tunnel().await;
        fs::write(PATH, BY_HAND).unwrap();
        fs::set_permissions(PATH, Permissions::from_mode(0o640)).unwrap();
        let before = host.dump();
        let mut netconf = netconf().await;
        let mut intent = intent("sstp0", "10.99.0.53", "corp.example");
        assert_eq!(netconf.apply(1, &intent).await.unwrap(), [""; 0]);
        assert!(resolv_conf().contains("search corp.example\nnameserver 10.99.0.53\noptions timeout:1\n"));
        assert_eq!(fs::metadata(PATH).unwrap().permissions().mode() & 0o777, 0o640);
        intent.dns = Some(Dns { servers: vec![ip("10.99.0.54")], domains: Vec::new() });
        netconf.apply(1, &intent).await.unwrap();
        assert_eq!(servers(), ["10.99.0.54"]);
        netconf.undo(1).await;
        assert_eq!(host.dump(), before);
        assert_eq!(fs::read_dir("/etc").unwrap().count(), 1, "something is left beside it");
    });
}

#[test]
fn where_there_was_none_there_is_none_afterwards() {
    Host::run(|_host| async move {
        let _tun = tunnel().await;
        let mut netconf = netconf().await;
        netconf.apply(1, &intent("sstp0", "10.99.0.53", "corp.example")).await.unwrap();
        assert_eq!(servers(), ["10.99.0.53"]);
        netconf.block(1).await;
        assert!(fs::metadata(PATH).is_err());
        netconf.undo(1).await;
    });
}

#[test]
fn two_tunnels_share_the_file_and_leave_it_in_any_order() {
    Host::run(|host| async move {
        let _tuns = (tunnel().await, tunnel().await);
        fs::write(PATH, BY_HAND).unwrap();
        let before = host.dump();
        let mut netconf = netconf().await;
        let (first, second) = (intent("sstp0", "10.99.0.53", "a.example"), intent("sstp1", "10.98.0.53", "b.example"));
        for order in [[1, 2], [2, 1]] {
            netconf.apply(1, &first).await.unwrap();
            netconf.apply(2, &second).await.unwrap();
            assert_eq!(servers(), ["10.98.0.53", "10.99.0.53"], "the younger one is asked first");
            netconf.undo(order[0]).await;
            assert_eq!(servers(), [if order[0] == 1 { "10.98.0.53" } else { "10.99.0.53" }]);
            netconf.undo(order[1]).await;
            assert_eq!(host.dump(), before);
        }
    });
}

#[test]
fn what_somebody_else_has_written_meanwhile_stays() {
    Host::run(|_host| async move {
        let _tuns = (tunnel().await, tunnel().await);
        fs::write(PATH, BY_HAND).unwrap();
        let mut netconf = netconf().await;
        netconf.apply(1, &intent("sstp0", "10.99.0.53", "a.example")).await.unwrap();
        let with_a_line_more = resolv_conf() + "nameserver 192.0.2.99\n";
        fs::write(PATH, &with_a_line_more).unwrap();
        netconf.undo(1).await;
        assert_eq!(resolv_conf(), with_a_line_more);

        fs::write(PATH, BY_HAND).unwrap();
        netconf.apply(1, &intent("sstp0", "10.99.0.53", "a.example")).await.unwrap();
        fs::write(PATH, "nameserver 192.168.8.1\n").unwrap();
        netconf.apply(2, &intent("sstp1", "10.98.0.53", "b.example")).await.unwrap();
        netconf.undo_all().await;
        assert_eq!(resolv_conf(), "nameserver 192.168.8.1\n");
    });
}

#[test]
fn a_link_is_followed_and_stays_a_link() {
    Host::run(|_host| async move {
        let _tun = tunnel().await;
        fs::create_dir("/run/dhcp").unwrap();
        fs::write("/run/dhcp/resolv.conf", BY_HAND).unwrap();
        symlink("../run/dhcp/resolv.conf", PATH).unwrap();
        let mut netconf = netconf().await;
        netconf.apply(1, &intent("sstp0", "10.99.0.53", "a.example")).await.unwrap();
        assert_eq!(servers(), ["10.99.0.53"]);
        assert!(fs::symlink_metadata(PATH).unwrap().is_symlink());
        netconf.undo(1).await;
        assert_eq!(fs::read_to_string("/run/dhcp/resolv.conf").unwrap(), BY_HAND);
        assert!(fs::symlink_metadata(PATH).unwrap().is_symlink());
    });
}

#[test]
fn a_file_that_cannot_be_exchanged_is_a_note_that_says_why() {
    Host::run(|_host| async move {
        let _tun = tunnel().await;
        let mut netconf = netconf().await;
        let intent = intent("sstp0", "10.99.0.53", "a.example");
        let note = async |netconf: &mut NetConf, reason: &str| {
            let notes = netconf.apply(1, &intent).await.unwrap();
            assert!(notes.len() == 1 && notes[0].contains(reason), "{notes:?}");
            assert!(notes[0].starts_with("The name servers of sstp0 (10.99.0.53) are not set up"), "{notes:?}");
            netconf.undo(1).await;
        };
        symlink("/run/nowhere/resolv.conf", PATH).unwrap();
        note(&mut netconf, "link to nothing").await;

        fs::remove_file(PATH).unwrap();
        symlink("../run/systemd/resolve/stub-resolv.conf", PATH).unwrap();
        fs::create_dir_all("/run/systemd/resolve").unwrap();
        fs::write("/run/systemd/resolve/stub-resolv.conf", "nameserver 127.0.0.53\n").unwrap();
        note(&mut netconf, "systemd-resolved writes it").await;
        fs::remove_file(PATH).unwrap();

        fs::write(PATH, b"# caf\xe9\n").unwrap();
        note(&mut netconf, "is not text in UTF-8").await;
        fs::write(PATH, "#".repeat(70_000)).unwrap();
        note(&mut netconf, "has more than 65536 octets").await;

        fs::write(PATH, BY_HAND).unwrap();
        run("mount -o remount,ro /etc");
        note(&mut netconf, "read-only for us").await;
        assert_eq!(resolv_conf(), BY_HAND);
    });
}

#[test]
fn a_file_that_cannot_be_exchanged_is_written_over_and_put_back() {
    Host::run(|_host| async move {
        let _tun = tunnel().await;
        fs::write(PATH, BY_HAND).unwrap();
        fs::write("/run/mounted", BY_HAND).unwrap();
        run("mount --bind /run/mounted /etc/resolv.conf");
        run("mount -o remount,ro /etc");
        let mut netconf = netconf().await;
        let intent = intent("sstp0", "10.99.0.53", "a.example");
        assert_eq!(netconf.apply(1, &intent).await.unwrap(), [""; 0]);
        assert_eq!(servers(), ["10.99.0.53"]);
        netconf.undo(1).await;
        assert_eq!(resolv_conf(), BY_HAND);
    });
}

#[test]
fn in_split_mode_the_file_is_left_alone() {
    Host::run(|_host| async move {
        let _tun = tunnel().await;
        fs::write(PATH, BY_HAND).unwrap();
        let mut netconf = netconf().await;
        let mut intent = intent("sstp0", "10.99.0.53", "a.example");
        netconf.apply(1, &intent).await.unwrap();
        assert_eq!(servers(), ["10.99.0.53"]);
        intent.mode = Mode::Split;
        let notes = netconf.apply(1, &intent).await.unwrap();
        assert!(notes.len() == 1 && notes[0].contains("let systemd-resolved manage"), "{notes:?}");
        assert_eq!(resolv_conf(), BY_HAND);
    });
}

/// A `resolvconf` that writes down how it was called.
fn install_resolvconf(version: &str) {
    for directory in ["upper", "work"] {
        fs::create_dir(format!("/run/{directory}")).unwrap();
    }
    run("mount -t overlay -o lowerdir=/usr/sbin,upperdir=/run/upper,workdir=/run/work none /usr/sbin");
    let script = format!(
        "#!/bin/sh\n\
         [ \"$1\" = --version ] && {{ echo '{version}'; exit; }}\n\
         {{ echo \"$*\"; cat; env | grep -vE '^(PWD|_|SHLVL|OLDPWD)='; }} >>/run/calls\n\
         [ ! -e /run/refuse ] || {{ echo 'no room' >&2; exit 3; }}\n"
    );
    fs::write("/usr/sbin/resolvconf", script).unwrap();
    fs::set_permissions("/usr/sbin/resolvconf", Permissions::from_mode(0o755)).unwrap();
}

/// How it was called since the last time.
fn calls() -> Vec<String> {
    let text = fs::read_to_string("/run/calls").unwrap_or_default();
    let _ = fs::remove_file("/run/calls");
    text.lines().map(str::to_owned).collect()
}

const ENVIRONMENT: &str = "PATH=/usr/sbin:/sbin:/usr/bin:/bin";

#[test]
fn openresolv_is_given_full_tunnels_as_exclusive_and_split_ones_as_private() {
    Host::run(|_host| async move {
        let _tun = tunnel().await;
        fs::write(PATH, BY_HAND).unwrap();
        install_resolvconf("openresolv 3.12.0");
        let mut netconf = netconf().await;
        let mut intent = intent("sstp0", "10.99.0.53", "a.example");
        assert_eq!(netconf.apply(1, &intent).await.unwrap(), [""; 0]);
        let told = ["search a.example", "nameserver 10.99.0.53", ENVIRONMENT];
        assert_eq!(calls(), [&["-a tun.sstp0.nm-sstp -m 0 -x"], &told[..]].concat());
        netconf.apply(1, &intent).await.unwrap();
        assert_eq!(calls(), [""; 0], "it was told again what it knows");

        intent.mode = Mode::Split;
        let notes = netconf.apply(1, &intent).await.unwrap();
        assert!(notes.len() == 1 && notes[0].contains("private to openresolv"), "{notes:?}");
        assert_eq!(calls(), [&["-a tun.sstp0.nm-sstp -p"], &told[..]].concat());

        // one that was killed
        drop(netconf);
        let mut netconf = self::netconf().await;
        assert_eq!(calls(), ["-d tun.sstp0.nm-sstp", ENVIRONMENT]);
        intent.mode = Mode::Full;
        netconf.apply(1, &intent).await.unwrap();
        calls();
        netconf.undo(1).await;
        assert_eq!(calls(), ["-d tun.sstp0.nm-sstp", ENVIRONMENT]);
        assert_eq!(resolv_conf(), BY_HAND);
    });
}

#[test]
fn debians_resolvconf_is_used_where_its_file_is_read() {
    Host::run(|_host| async move {
        let _tun = tunnel().await;
        install_resolvconf("Debian resolvconf 1.91");
        fs::write(PATH, BY_HAND).unwrap();
        let mut netconf = netconf().await;
        let intent = intent("sstp0", "10.99.0.53", "a.example");
        netconf.apply(1, &intent).await.unwrap();
        assert_eq!(calls(), [""; 0]);
        assert_eq!(servers(), ["10.99.0.53"]);
        netconf.undo(1).await;

        fs::remove_file(PATH).unwrap();
        fs::create_dir("/run/resolvconf").unwrap();
        fs::write("/run/resolvconf/resolv.conf", BY_HAND).unwrap();
        symlink("/run/resolvconf/resolv.conf", PATH).unwrap();
        let notes = netconf.apply(1, &intent).await.unwrap();
        assert!(notes.len() == 1 && notes[0].contains("others stay behind them"), "{notes:?}");
        assert_eq!(calls()[0], "-a tun.sstp0.nm-sstp");
        assert_eq!(resolv_conf(), BY_HAND);
    });
}

#[test]
fn a_resolvconf_that_fails_is_not_relied_upon() {
    Host::run(|_host| async move {
        let _tun = tunnel().await;
        fs::write(PATH, BY_HAND).unwrap();
        install_resolvconf("openresolv 3.12.0");
        fs::write("/run/refuse", "").unwrap();
        let mut netconf = netconf().await;
        let intent = intent("sstp0", "10.99.0.53", "a.example");
        assert_eq!(netconf.apply(1, &intent).await.unwrap(), [""; 0]);
        assert_eq!(servers(), ["10.99.0.53"]);
        netconf.undo(1).await;
        assert_eq!(resolv_conf(), BY_HAND);
    });
}
