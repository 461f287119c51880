//! A host of its own for a test: an uplink `eth0` to a neighbour who is everybody else, another one `wlan0`, routes, `/etc`
//! and `/run` that are empty.

#![allow(dead_code, reason = "every test uses a part of it")]

use std::env;
use std::fs::{self, File};
use std::future::{Future, poll_fn};
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::net::if_::if_nametoindex;
use nix::sched::{CloneFlags, unshare};
use nm_sstp::tun::{Device, Tun};
use tokio::runtime;
use tokio::time::timeout;

/// The directory of what is to be undone.
pub const STATE: &str = "/run/nm-sstp";

/// What a host has that a tunnel could change.
#[derive(Debug, PartialEq, Eq)]
pub struct Dump {
    pub routing: String,
    pub resolv_conf: Option<String>,
    mode: Option<u32>,
}

#[derive(Clone, Copy)]
pub struct Host;

impl Host {
    /// Runs the test in a thread with namespaces of its own.
    pub fn run<F: Future<Output = ()>>(test: impl FnOnce(Host) -> F + Send + 'static) {
        let tested = thread::spawn(|| {
            if let Err(errno) = unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS) {
                assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "no namespaces: {errno}");
                println!("skipped: this machine gives no namespaces ({errno}); it takes root");
                return;
            }
            let host = Host;
            host.furnish();
            let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { timeout(Duration::from_secs(30), test(host)).await.expect("the test hangs") });
        });
        tested.join().unwrap();
    }

    fn furnish(self) {
        run("mount --make-rprivate /");
        for directory in ["/etc", "/run"] {
            run(&format!("mount -t tmpfs -o mode=755 none {directory}"));
        }
        self.ip("netns add world");
        self.ip("link set lo up");
        self.ip("link add eth0 type veth peer name eth0 netns world");
        self.ip("link add wlan0 type veth peer name wlan0 netns world");
        for command in ["address add 192.168.9.1/24 dev eth0", "address add 192.168.8.1/24 dev wlan0"] {
            self.ip(&format!("-n world {command}"));
        }
        for address in ["203.0.113.7", "8.8.8.8"] {
            self.ip(&format!("-n world address add {address}/32 dev lo"));
        }
        for interface in ["lo", "eth0", "wlan0"] {
            self.ip(&format!("-n world link set {interface} up"));
        }
        for interface in ["eth0", "wlan0"] {
            // no addresses that come a moment later
            self.ip(&format!("link set {interface} up addrgenmode none"));
        }
        self.ip("address add 192.168.9.2/24 dev eth0");
        self.ip("address add 192.168.8.2/24 dev wlan0");
        self.ip("address add 2001:db8:9::2/64 dev eth0 nodad");
        self.ip("route add default via 192.168.9.1 dev eth0");
        self.ip("route add 172.20.0.0/16 via 192.168.9.1");
        self.ip("route add 172.21.0.0/16 via 192.168.9.1");
        self.ip("-6 route add default via 2001:db8:9::1 dev eth0");
        self.settles("2001:db8:9::2");
    }

    /// Waits until an IPv6 address is one of the machine's own, which the kernel makes it a moment after it was added.
    pub fn settles(self, address: &str) {
        for _ in 0..100 {
            if self.ip("-6 route show table local").contains(&format!("local {address} ")) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("{address} does not become ours");
    }

    /// What `ip` says.
    pub fn ip(self, arguments: &str) -> String {
        run(&format!("ip {arguments}"))
    }

    /// The interface that a datagram to there goes to; `unreachable` where none.
    pub fn way_to(self, destination: &str) -> String {
        let output = Command::new("ip").args(["route", "get", destination]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut words = text.split_ascii_whitespace();
        match words.find(|word| *word == "dev") {
            Some(_) if !text.starts_with("unreachable") => words.next().unwrap().to_owned(),
            _ => "unreachable".to_owned(),
        }
    }

    /// Waits until an interface is gone: a process that another test is just starting may have its descriptor yet.
    pub fn loses(self, interface: &str) {
        for _ in 0..100 {
            if if_nametoindex(interface).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("{interface} stays");
    }

    /// Whether an interface is up, and its MTU.
    pub fn link(self, interface: &str) -> (bool, u32) {
        let text = self.ip(&format!("-o link show dev {interface}"));
        let mtu = text.split("mtu ").nth(1).unwrap().split(' ').next().unwrap();
        (text.contains(",UP"), mtu.parse().unwrap())
    }

    pub fn dump(self) -> Dump {
        let routing = ["rule show", "-6 rule show", "route show table all", "-6 route show table all", "address show"]
            .map(|what| self.ip(what));
        // what a queue or a state of the interface was called says nothing
        let routing: Vec<&str> = routing
            .iter()
            .flat_map(|text| text.lines())
            .filter(|line| !line.contains("> mtu") && !line.trim_start().starts_with("link/"))
            .collect();
        let metadata = fs::metadata("/etc/resolv.conf").ok();
        Dump {
            routing: routing.join("\n"),
            resolv_conf: fs::read_to_string("/etc/resolv.conf").ok(),
            mode: metadata.map(|metadata| metadata.mode()),
        }
    }

    /// Listens to what changes in rules and routes.
    pub fn monitor(self) -> Monitor {
        let path = format!("/run/monitor-{}", fs::read_dir("/run").unwrap().count());
        let child = Command::new("ip")
            .args(["monitor", "route", "rule"])
            .stdout(File::create(&path).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // until it listens
        thread::sleep(Duration::from_millis(200));
        Monitor { child, path }
    }

    /// A datagram goes into the tunnel, and the answer that comes out of it arrives.
    pub async fn answers_by(self, interface: &str, tun: &mut Tun, destination: &str) {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        socket.send_to(b"question", (destination.parse::<IpAddr>().unwrap(), 9)).unwrap();
        let mut buffer = [0; 2048];
        let datagram = loop {
            let reading = poll_fn(|cx| tun.poll_read(cx, &mut buffer));
            let length =
                timeout(Duration::from_secs(2), reading).await.expect("nothing comes into the tunnel").unwrap();
            if buffer[0] == 0x45 && buffer[..length].ends_with(b"question") {
                break &mut buffer[..length];
            }
        };
        // The same datagram back: source and destination change places, which leaves the checksums as they are.
        let (from, to) = datagram[12..20].split_at_mut(4);
        from.swap_with_slice(to);
        let (from, to) = datagram[20..24].split_at_mut(2);
        from.swap_with_slice(to);
        assert!(tun.write(datagram).unwrap());
        let mut answer = [0; 64];
        let received = socket.recv_from(&mut answer);
        assert!(received.is_ok(), "the answer of {destination} out of {interface} was dropped: {received:?}");
    }

    /// Who is asked beside the tunnel answers.
    pub fn is_answered_by_neighbour(self, destination: &str) {
        run(&format!("ping -n -q -c 1 -W 2 {destination}"));
    }
}

pub struct Monitor {
    child: Child,
    path: String,
}

impl Monitor {
    /// What has changed.
    pub fn stop(mut self) -> String {
        thread::sleep(Duration::from_millis(200));
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        fs::read_to_string(&self.path).unwrap()
    }
}

/// A tunnel's interface.
pub async fn tunnel() -> Tun {
    Tun::create("sstp%d", 1400).await.unwrap()
}

/// Runs a program; what it says.
pub fn run(command: &str) -> String {
    let mut words = command.split(' ');
    let output = Command::new(words.next().unwrap()).args(words).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
