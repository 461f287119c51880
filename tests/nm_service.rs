//! The program itself on a bus of its own (no privilege needed): its names, its manners, when it leaves.
#![cfg(feature = "service")]

mod nm_face;

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use futures_util::StreamExt;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use nm_face::{Hash, INTERFACE, PASSWORD, connection_with, details, line};
use nm_sstp::dbus::nm::PATH;
use tokio::net::TcpListener;
use tokio::time::Instant;
use zbus::{Connection, MessageStream};

const NAME: &str = "org.freedesktop.NetworkManager.sstp.Connection_7";
const PATIENCE: Duration = Duration::from_secs(10);

/// A message bus that lets everybody do everything, but for what the policy of the package says.
struct Bus {
    daemon: Child,
    directory: PathBuf,
}

impl Bus {
    /// `None`, and a reason on stderr, where there is no dbus-daemon.
    fn start(test: &str) -> Option<Self> {
        let directory = std::env::temp_dir().join(format!("nm-sstp-{test}-{}", std::process::id()));
        std::fs::create_dir(&directory).expect("a new directory");
        let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/data/nm-sstp-service.conf");
        let everybody = r#"<policy context="default"><allow own="*"/><allow send_destination="*"/>
            <allow receive_sender="*"/></policy>"#;
        // The policy is for a bus on which the owner of the helper is root.
        let root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        let included = if root { format!("<include>{policy}</include>") } else { String::new() };
        let configuration = format!(
            r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
            "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
            <busconfig><type>custom</type><listen>unix:path={}/socket</listen><auth>EXTERNAL</auth>{everybody}{included}
            </busconfig>"#,
            directory.display()
        );
        let file = directory.join("bus.conf");
        std::fs::write(&file, configuration).expect("a file");
        let daemon = Command::new("dbus-daemon")
            .args(["--nofork", "--nopidfile", "--nosyslog"])
            .arg(format!("--config-file={}", file.display()))
            .stderr(Stdio::null())
            .spawn();
        match daemon {
            Ok(daemon) => {
                let bus = Self { daemon, directory };
                // The socket's file is there before anybody listens on it.
                wait_for(|| UnixStream::connect(bus.directory.join("socket")).is_ok(), "the bus");
                Some(bus)
            }
            Err(error) => {
                assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "no dbus-daemon: {error}");
                eprintln!("skipped {test}: dbus-daemon cannot be started: {error}");
                std::fs::remove_dir_all(directory).expect("our own directory");
                None
            }
        }
    }

    fn address(&self) -> String {
        format!("unix:path={}/socket", self.directory.display())
    }

    async fn client(&self) -> Connection {
        zbus::connection::Builder::address(self.address().as_str()).build().await.expect("the bus")
    }

    fn helper(&self, arguments: &[&str]) -> Helper {
        let child = Command::new(env!("CARGO_BIN_EXE_nm-sstp-service"))
            .args(arguments)
            .env("DBUS_SYSTEM_BUS_ADDRESS", self.address())
            .env("NM_VPN_LOG_LEVEL", "7")
            .env("NM_VPN_LOG_SYSLOG", "0")
            .stderr(Stdio::piped())
            .spawn();
        Helper(child.expect("the helper"))
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        drop(self.daemon.kill());
        drop(self.daemon.wait());
        drop(std::fs::remove_dir_all(&self.directory));
    }
}

struct Helper(Child);

impl Helper {
    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.0.id() as i32), signal).expect("a running helper");
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.0.id())).expect("a running helper")
    }

    /// Waits for its end; returns what it logged, too.
    async fn ends(mut self) -> (ExitStatus, String) {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.0.try_wait().expect("a child") {
                break status;
            }
            assert!(start.elapsed() < PATIENCE, "the helper stays");
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let mut log = String::new();
        self.0.stderr.take().expect("a pipe").read_to_string(&mut log).expect("text");
        (status, log)
    }
}

/// A helper that a failing test leaves behind.
impl Drop for Helper {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn wait_for(mut condition: impl FnMut() -> bool, what: &str) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// NetworkManager's part.
struct Caller {
    connection: Connection,
    messages: MessageStream,
}

impl Caller {
    /// Waits for the helper's name as NetworkManager does.
    async fn new(bus: &Bus) -> Self {
        let connection = bus.client().await;
        let dbus = zbus::fdo::DBusProxy::new(&connection).await.expect("the bus");
        let start = Instant::now();
        while !dbus.name_has_owner(NAME.try_into().expect("a name")).await.expect("an answer") {
            assert!(start.elapsed() < Duration::from_secs(5), "NetworkManager waits no longer than 5 s");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let rule = zbus::MatchRule::builder().msg_type(zbus::message::Type::Signal).interface(INTERFACE).build();
        let messages = MessageStream::for_match_rule(rule.expect("a rule"), &connection, None).await.expect("the bus");
        Self { connection, messages }
    }

    async fn connect(&self, hash: &Hash<'_>) -> zbus::Result<zbus::Message> {
        let body = (hash, details());
        self.connection.call_method(Some(NAME), PATH, Some(INTERFACE), "ConnectInteractive", &body).await
    }

    async fn sees(&mut self, expected: &[&str]) {
        for expected in expected {
            let message = tokio::time::timeout(PATIENCE, self.messages.next()).await.expect("a signal in time");
            assert_eq!(line(&message.expect("an open connection").expect("a signal")), *expected);
        }
    }
}

fn hash_for(gateway: &str) -> Hash<'_> {
    connection_with(&[("gateway", gateway), ("user", "alice")], &[("password", PASSWORD)])
}

/// A server that takes connections and says nothing.
async fn silent_server() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    (listener, address)
}

#[tokio::test]
async fn a_gateway_that_is_not_there() {
    let Some(bus) = Bus::start("not-there") else { return };
    let helper = bus.helper(&["--bus-name", NAME]);
    let mut caller = Caller::new(&bus).await;
    assert!(helper.proc("limits").lines().any(|line| line.starts_with("Max core file size") && line.contains(" 0 ")));
    assert!(helper.proc("status").contains("Umask:\t0077"));
    let gateway = {
        let (_gone, address) = silent_server().await;
        address
    };
    caller.connect(&hash_for(&gateway)).await.expect("an answer");
    caller.sees(&["StateChanged(3)", "Failure(1)", "StateChanged(6)"]).await;
    let (status, log) = helper.ends().await;
    assert!(status.success(), "{status}: {log}");
    let errors: Vec<&str> = log.lines().filter(|line| line.contains("<error>")).collect();
    assert!(matches!(errors[..], [error] if error.contains(&gateway)), "not one sentence: {log}");
    assert!(!log.contains(PASSWORD), "{log}");
}

#[tokio::test]
async fn its_caller_leaves_the_bus() {
    let Some(bus) = Bus::start("caller-leaves") else { return };
    let (_server, gateway) = silent_server().await;
    let helper = bus.helper(&["--bus-name", NAME]);
    let mut caller = Caller::new(&bus).await;
    caller.connect(&hash_for(&gateway)).await.expect("an answer");
    caller.sees(&["StateChanged(3)"]).await;
    drop(caller.messages);
    caller.connection.close().await.expect("an open connection");
    let (status, log) = helper.ends().await;
    assert!(status.success() && log.contains("NetworkManager has left the bus"), "{status}: {log}");
}

#[tokio::test]
async fn its_caller_leaves_before_connect() {
    let Some(bus) = Bus::start("caller-leaves-early") else { return };
    let helper = bus.helper(&["--bus-name", NAME]);
    let caller = Caller::new(&bus).await;
    let (hash, interface) = (hash_for("vpn.example.com"), Some(INTERFACE));
    let answer = caller.connection.call_method(Some(NAME), PATH, interface, "NeedSecrets", &(hash,)).await;
    assert_eq!(answer.expect("an answer").body().deserialize::<String>().expect("a text"), "");
    drop(caller.messages);
    caller.connection.close().await.expect("an open connection");
    let (status, log) = helper.ends().await;
    assert!(status.success(), "{status}: {log}");
}

#[tokio::test]
async fn termination_in_the_middle() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let Some(bus) = Bus::start(signal.as_str()) else { return };
        let (server, gateway) = silent_server().await;
        let helper = bus.helper(&[&format!("--bus-name={NAME}")]);
        let mut caller = Caller::new(&bus).await;
        caller.connect(&hash_for(&gateway)).await.expect("an answer");
        caller.sees(&["StateChanged(3)"]).await;
        // It has sent the first octets of its handshake.
        let connection = tokio::time::timeout(PATIENCE, server.accept()).await.expect("the helper connects");
        let (connection, _) = connection.expect("a connection");
        connection.peek(&mut [0]).await.expect("an octet");
        helper.signal(signal);
        caller.sees(&["StateChanged(5)", "StateChanged(6)"]).await;
        let (status, log) = helper.ends().await;
        assert!(status.success() && status.signal().is_none(), "{status}: {log}");
        assert!(log.contains("Told to disconnect during the TLS handshake."), "{log}");
    }
}

#[tokio::test]
async fn the_bus_ends() {
    let Some(mut bus) = Bus::start("bus-ends") else { return };
    let (_server, gateway) = silent_server().await;
    let helper = bus.helper(&["--bus-name", NAME, "--persist"]);
    let caller = Caller::new(&bus).await;
    caller.connect(&hash_for(&gateway)).await.expect("an answer");
    bus.daemon.kill().expect("a running bus");
    let (status, log) = helper.ends().await;
    assert!(status.success(), "{status}: {log}");
}

#[tokio::test]
async fn the_name_is_taken() {
    let Some(bus) = Bus::start("name-taken") else { return };
    let owner = bus.client().await;
    owner.request_name(NAME).await.expect("a free name");
    let (status, log) = bus.helper(&["--bus-name", NAME]).ends().await;
    assert_eq!(status.code(), Some(1));
    assert!(log.contains("Another process owns the bus name"), "{log}");
}

#[tokio::test]
async fn there_is_no_bus() {
    let helper = Command::new(env!("CARGO_BIN_EXE_nm-sstp-service"))
        .env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/socket")
        .env("NM_VPN_LOG_SYSLOG", "0")
        .stderr(Stdio::piped())
        .spawn();
    let (status, log) = Helper(helper.expect("the helper")).ends().await;
    assert_eq!(status.code(), Some(1));
    assert!(log.contains("The system bus cannot be used"), "{log}");
}
