//! The services on the system bus that have a say in the host's configuration, systemd-resolved and NetworkManager: what
//! they are told. A bus of its own, and stand-ins that write down what they hear, in namespaces as in `netconf.rs`.
#![cfg(feature = "service")]

mod netconf_host;

use std::env;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::symlink;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use netconf_host::{Host, STATE, tunnel};
use nix::net::if_::if_nametoindex;
use nm_sstp::netconf::{Address, Dns, Intent, Mode, NetConf, Route};
use zbus::connection::Builder;
use zbus::{Connection, OwnedObjectPath, fdo};

const SOCKET: &str = "/run/dbus/system_bus_socket";
const STUB: &str = "/run/systemd/resolve/stub-resolv.conf";

type Heard = Arc<Mutex<Vec<String>>>;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn intent(mode: Mode) -> Intent {
    let address = |address: &str| Address { address: ip(address), prefix_len: 32, peer: None, deprecated: false };
    Intent {
        interface: "sstp0".to_owned(),
        server: ip("203.0.113.7"),
        source: None,
        mtu: 1380,
        addresses: vec![address("10.99.0.2"), Address { prefix_len: 64, ..address("2001:db8:99::2") }],
        mode,
        routes: vec![Route { destination: ip("10.1.0.0"), prefix_len: 16 }],
        metric: 50,
        kill_switch: false,
        dns: Some(Dns {
            servers: vec![ip("10.99.0.53"), ip("2001:db8:99::53")],
            domains: vec!["corp.example".to_owned()],
        }),
    }
}

/// A bus at the place of the system's.
struct Bus(Child);

impl Bus {
    /// `None`, said aloud, where the machine has no `dbus-daemon`.
    async fn start() -> Option<Bus> {
        fs::create_dir_all("/run/dbus").unwrap();
        fs::write("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n").unwrap();
        let child = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--address", &format!("unix:path={SOCKET}")])
            .stderr(Stdio::null())
            .spawn();
        let bus = match child {
            Ok(child) => Bus(child),
            Err(error) => {
                assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "no dbus-daemon: {error}");
                println!("skipped: there is no dbus-daemon ({error})");
                return None;
            }
        };
        for _ in 0..200 {
            if fs::metadata(SOCKET).is_ok() {
                return Some(bus);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the bus does not start");
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn service<I: zbus::object_server::Interface>(name: &str, path: &str, object: I) -> Connection {
    let builder = Builder::address(format!("unix:path={SOCKET}").as_str());
    builder.name(name.to_owned()).serve_at(path.to_owned(), object).build().await.unwrap()
}

struct Resolved {
    heard: Heard,
    refuses: bool,
}

impl Resolved {
    fn hear(&self, text: String) -> fdo::Result<()> {
        if self.refuses {
            return Err(fdo::Error::AccessDenied("not you".to_owned()));
        }
        self.heard.lock().unwrap().push(text);
        Ok(())
    }
}

#[zbus::interface(name = "org.freedesktop.resolve1.Manager")]
impl Resolved {
    #[zbus(name = "SetLinkDNS")]
    fn set_link_dns(&self, index: i32, servers: Vec<(i32, Vec<u8>)>) -> fdo::Result<()> {
        let servers: Vec<String> = servers
            .into_iter()
            .map(|(family, octets)| match (family, octets.len()) {
                (nix::libc::AF_INET, 4) => IpAddr::from(<[u8; 4]>::try_from(octets).unwrap()).to_string(),
                (nix::libc::AF_INET6, 16) => IpAddr::from(<[u8; 16]>::try_from(octets).unwrap()).to_string(),
                other => format!("{other:?}"),
            })
            .collect();
        self.hear(format!("SetLinkDNS {index} {}", servers.join(" ")))
    }

    fn set_link_domains(&self, index: i32, domains: Vec<(String, bool)>) -> fdo::Result<()> {
        let domains: Vec<String> =
            domains.iter().map(|(name, routing)| format!("{}{name}", if *routing { "~" } else { "" })).collect();
        self.hear(format!("SetLinkDomains {index} {}", domains.join(" ")))
    }

    fn set_link_default_route(&self, index: i32, enable: bool) -> fdo::Result<()> {
        self.hear(format!("SetLinkDefaultRoute {index} {enable}"))
    }

    fn revert_link(&self, index: i32) -> fdo::Result<()> {
        self.hear(format!("RevertLink {index}"))
    }
}

async fn resolved(refuses: bool) -> (Connection, Heard) {
    let heard = Heard::default();
    let object = Resolved { heard: heard.clone(), refuses };
    (service("org.freedesktop.resolve1", "/org/freedesktop/resolve1", object).await, heard)
}

/// `/etc/resolv.conf` as systemd-resolved would have it.
fn lead_to_resolved() {
    fs::create_dir_all("/run/systemd/resolve").unwrap();
    fs::write(STUB, "nameserver 127.0.0.53\n").unwrap();
    symlink("../run/systemd/resolve/stub-resolv.conf", "/etc/resolv.conf").unwrap();
}

fn take(heard: &Heard) -> Vec<String> {
    std::mem::take(&mut heard.lock().unwrap())
}

async fn netconf() -> NetConf {
    NetConf::new(STATE.as_ref()).await.unwrap()
}

#[test]
fn systemd_resolved_asks_for_everything_or_for_the_servers_domains_alone() {
    Host::run(|_host| async move {
        let Some(_bus) = Bus::start().await else { return };
        let (_resolved, heard) = resolved(false).await;
        lead_to_resolved();
        let _tun = tunnel().await;
        let index = if_nametoindex("sstp0").unwrap();
        let mut netconf = netconf().await;
        let told = |everything: bool, domains: &str| {
            [
                format!("SetLinkDefaultRoute {index} {everything}"),
                format!("SetLinkDomains {index} {domains}"),
                format!("SetLinkDNS {index} 10.99.0.53 2001:db8:99::53"),
            ]
        };
        assert_eq!(netconf.apply(1, &intent(Mode::Full)).await.unwrap(), [""; 0]);
        assert_eq!(take(&heard), told(true, "corp.example ~."));
        netconf.apply(1, &intent(Mode::Full)).await.unwrap();
        assert_eq!(take(&heard), [""; 0], "it was told again what it knows");
        assert_eq!(netconf.apply(1, &intent(Mode::Split)).await.unwrap(), [""; 0]);
        assert_eq!(take(&heard), told(false, "corp.example"));

        let mut without_domains = intent(Mode::Split);
        without_domains.dns.as_mut().unwrap().domains.clear();
        let notes = netconf.apply(1, &without_domains).await.unwrap();
        assert!(notes.len() == 1 && notes[0].contains("resolvectl domain sstp0"), "{notes:?}");
        take(&heard);
        netconf.undo(1).await;
        assert_eq!(take(&heard), [format!("RevertLink {index}")]);
        assert_eq!(fs::read_to_string(STUB).unwrap(), "nameserver 127.0.0.53\n");
    });
}

#[test]
fn systemd_resolved_that_refuses_or_is_not_asked_is_not_relied_upon() {
    Host::run(|_host| async move {
        let Some(_bus) = Bus::start().await else { return };
        let _tun = tunnel().await;
        let mut netconf = netconf().await;
        // it runs, and nobody asks it
        let (resolved_, heard) = resolved(false).await;
        fs::write("/etc/resolv.conf", "nameserver 192.168.9.1\n").unwrap();
        assert_eq!(netconf.apply(1, &intent(Mode::Full)).await.unwrap(), [""; 0]);
        assert_eq!(take(&heard), [""; 0]);
        assert!(fs::read_to_string("/etc/resolv.conf").unwrap().contains("nameserver 10.99.0.53"));
        netconf.undo(1).await;
        drop(resolved_);

        fs::remove_file("/etc/resolv.conf").unwrap();
        lead_to_resolved();
        let notes = netconf.apply(1, &intent(Mode::Full)).await.unwrap();
        assert!(notes.len() == 1 && notes[0].contains("systemd-resolved: it does not run"), "{notes:?}");
        netconf.undo(1).await;
        let _refusing = resolved(true).await;
        let notes = netconf.apply(1, &intent(Mode::Full)).await.unwrap();
        assert!(notes.len() == 1 && notes[0].contains("it refused (") && notes[0].contains("not you"), "{notes:?}");
        netconf.undo(1).await;
    });
}

struct Manager {
    /// How often the device is not known yet.
    too_early: u32,
}

#[zbus::interface(name = "org.freedesktop.NetworkManager")]
impl Manager {
    fn get_device_by_ip_iface(&mut self, interface: &str) -> fdo::Result<OwnedObjectPath> {
        if self.too_early > 0 || interface != "sstp0" {
            self.too_early = self.too_early.saturating_sub(1);
            return Err(fdo::Error::Failed("No device found for the requested iface.".to_owned()));
        }
        Ok(OwnedObjectPath::try_from("/org/freedesktop/NetworkManager/Devices/3").unwrap())
    }
}

struct Device {
    heard: Heard,
}

#[zbus::interface(name = "org.freedesktop.NetworkManager.Device")]
impl Device {
    #[zbus(property)]
    fn managed(&self) -> bool {
        false
    }

    #[zbus(property)]
    fn set_managed(&self, managed: bool) {
        self.heard.lock().unwrap().push(format!("Managed {managed}"));
    }
}

async fn networkmanager(too_early: u32) -> (Connection, Heard) {
    let heard = Heard::default();
    let path = "/org/freedesktop/NetworkManager";
    let connection = service("org.freedesktop.NetworkManager", path, Manager { too_early }).await;
    let device = Device { heard: heard.clone() };
    connection.object_server().at(format!("{path}/Devices/3"), device).await.unwrap();
    (connection, heard)
}

#[test]
fn networkmanager_is_told_once_to_leave_the_interface_alone() {
    Host::run(|_host| async move {
        let Some(_bus) = Bus::start().await else { return };
        let (_manager, heard) = networkmanager(3).await;
        let _tun = tunnel().await;
        let mut netconf = netconf().await;
        let mut intent = intent(Mode::Full);
        intent.dns = None;
        assert_eq!(netconf.apply(1, &intent).await.unwrap(), [""; 0]);
        assert_eq!(take(&heard), ["Managed false"]);
        netconf.apply(1, &intent).await.unwrap();
        assert_eq!(take(&heard), [""; 0]);
    });
}

#[test]
fn a_networkmanager_that_does_not_know_the_interface_is_a_note() {
    Host::run(|host| async move {
        let Some(_bus) = Bus::start().await else { return };
        let (_manager, heard) = networkmanager(u32::MAX).await;
        let _tun = tunnel().await;
        let mut netconf = netconf().await;
        let mut intent = intent(Mode::Full);
        intent.dns = None;
        let notes = netconf.apply(1, &intent).await.unwrap();
        assert!(notes.len() == 1 && notes[0].contains("unmanaged-devices=interface-name:sstp0"), "{notes:?}");
        assert_eq!(take(&heard), [""; 0]);
        assert_eq!(host.way_to("8.8.8.8"), "sstp0");
    });
}
