//! The program as the system service on a bus of its own (no privilege needed but for the policy): its name, its manners,
//! what the bus lets others do, when it leaves.
#![cfg(feature = "service")]

use std::collections::HashMap;
use std::fs::Permissions;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use nm_sstp::dbus::manager::{BUS_NAME, PATH};
use tokio::sync::mpsc;
use tokio::time::Instant;
use zbus::{Connection, Message, Variant};

const MANAGER: &str = "org.sstpd.Manager1";
const PATIENCE: Duration = Duration::from_secs(10);

/// A message bus with the policy of the package, as on a system bus: nobody may do what is not allowed.
struct Bus {
    daemon: Child,
    directory: PathBuf,
}

impl Bus {
    /// `None`, and a reason on stderr, where there is no dbus-daemon or this is not root.
    fn start(test: &str) -> Option<Self> {
        if std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() != 0) {
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "the policy is for root");
            eprintln!("skipped {test}: only root may own {BUS_NAME}");
            return None;
        }
        let directory = std::env::temp_dir().join(format!("nm-sstp-{test}-{}", std::process::id()));
        std::fs::create_dir(&directory).expect("a new directory");
        std::fs::set_permissions(&directory, Permissions::from_mode(0o755)).expect("our own directory");
        let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/data/org.sstpd.conf");
        let configuration = format!(
            r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
            "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
            <busconfig><type>custom</type><listen>unix:path={}/socket</listen><auth>EXTERNAL</auth>
            <policy context="default"><allow user="*"/><deny own="*"/><deny send_type="method_call"/>
            <allow send_type="signal"/><allow send_requested_reply="true" send_type="method_return"/>
            <allow send_requested_reply="true" send_type="error"/><allow receive_type="method_call"/>
            <allow receive_type="method_return"/><allow receive_type="error"/><allow receive_type="signal"/>
            <allow send_destination="org.freedesktop.DBus"/><allow own="org.freedesktop.PolicyKit1"/>
            <allow send_destination="org.freedesktop.PolicyKit1"/></policy><include>{policy}</include></busconfig>"#,
            directory.display()
        );
        let file = directory.join("bus.conf");
        std::fs::write(&file, configuration).expect("a file");
        let daemon = Command::new("dbus-daemon")
            .args(["--nofork", "--nopidfile", "--nosyslog"])
            .arg(format!("--config-file={}", file.display()))
            .stderr(Stdio::null())
            .spawn()
            .expect("a dbus-daemon");
        let bus = Self { daemon, directory };
        // The socket's file is there before anybody listens on it.
        wait_for(|| UnixStream::connect(bus.directory.join("socket")).is_ok(), "the bus");
        Some(bus)
    }

    /// A call by another user.
    fn call_of_nobody(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "dbus-send", "--print-reply"])
            .arg(format!("--bus=unix:path={}/socket", self.directory.display()))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// What another user is answered.
    fn nobody(&self, arguments: &[&str]) -> String {
        let output = self.call_of_nobody(arguments).output().expect("setpriv and dbus-send");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    async fn client(&self) -> Connection {
        let address = format!("unix:path={}/socket", self.directory.display());
        zbus::connection::Builder::address(address.as_str()).build().await.expect("the bus")
    }

    fn helper(&self, arguments: &[&str]) -> Helper {
        let child = Command::new(env!("CARGO_BIN_EXE_nm-sstp-service"))
            .args(arguments)
            .env("DBUS_SYSTEM_BUS_ADDRESS", format!("unix:path={}/socket", self.directory.display()))
            .env("RUNTIME_DIRECTORY", self.directory.join("run"))
            .env("NOTIFY_SOCKET", self.directory.join("notify"))
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

    /// Waits for its end: whether it was content, and what it logged.
    fn ends(mut self) -> (bool, String) {
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = self.0.try_wait().expect("a child") {
                break status;
            }
            assert!(begin.elapsed() < PATIENCE, "the helper stays");
            std::thread::sleep(Duration::from_millis(10));
        };
        let mut log = String::new();
        self.0.stderr.take().expect("a pipe").read_to_string(&mut log).expect("text");
        (status.success(), log)
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn wait_for(what: impl Fn() -> bool, name: &str) {
    let begin = Instant::now();
    while !what() {
        assert!(begin.elapsed() < PATIENCE, "{name} did not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}

async fn owned(client: &Connection) {
    let bus = zbus::fdo::DBusProxy::new(client).await.expect("the bus");
    let begin = Instant::now();
    while !bus.name_has_owner(BUS_NAME.try_into().expect("a name")).await.expect("an answer") {
        assert!(begin.elapsed() < PATIENCE, "the helper did not come");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn call<B: serde::Serialize + zbus::wire::DynamicType>(
    client: &Connection,
    interface: &str,
    method: &str,
    body: &B,
) -> zbus::Result<Message> {
    client.call_method(Some(BUS_NAME), PATH, Some(interface), method, body).await
}

#[tokio::test]
async fn the_service_on_a_bus() {
    let Some(bus) = Bus::start("manager-bus") else { return };
    let systemd = UnixDatagram::bind(bus.directory.join("notify")).expect("a socket");
    systemd.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let helper = bus.helper(&["--system"]);
    let client = bus.client().await;
    owned(&client).await;
    let told = || {
        let mut buffer = [0; 64];
        let length = systemd.recv(&mut buffer).expect("a datagram");
        String::from_utf8_lossy(&buffer[..length]).trim().to_owned()
    };
    assert_eq!(told(), "READY=1");

    let version =
        call(&client, "org.freedesktop.DBus.Properties", "Get", &(MANAGER, "Version")).await.expect("allowed");
    let version: zbus::OwnedVariant = version.body().deserialize().expect("a variant");
    assert_eq!(String::try_from(version).expect("a text"), env!("CARGO_PKG_VERSION"));
    for interface in ["org.freedesktop.DBus.Introspectable", "org.freedesktop.DBus.Peer"] {
        let method = if interface.ends_with("Peer") { "Ping" } else { "Introspect" };
        call(&client, interface, method, &()).await.expect("allowed");
    }
    call(&client, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", &()).await.expect("allowed");

    // The user is who the bus says: root, so that there is no need of polkit, which is not on this bus.
    let options = HashMap::from([("secrets", Variant::from(HashMap::from([("password", "x")])))]);
    let settings = HashMap::from([("gateway", "127.0.0.1:1"), ("user", "alice")]);
    let session = call(&client, MANAGER, "Connect", &("", &settings, &options)).await.expect("a session");
    let session: zbus::OwnedObjectPath = session.body().deserialize().expect("a path");
    let owner = client
        .call_method(
            Some(BUS_NAME),
            &session,
            Some("org.freedesktop.DBus.Properties"),
            "Get",
            &("org.sstpd.Session1", "Owner"),
        )
        .await
        .expect("a property");
    let owner: zbus::OwnedVariant = owner.body().deserialize().expect("a variant");
    assert_eq!(u32::try_from(owner).expect("a number"), 0);

    let second = bus.helper(&["--system"]);
    let (content, log) = second.ends();
    assert!(!content && log.contains("Another process owns the bus name org.sstpd"), "{log}");

    helper.signal(Signal::SIGTERM);
    let (content, log) = helper.ends();
    assert!(content, "{log}");
    assert_eq!(told(), "STOPPING=1");
}

#[tokio::test]
async fn nobody_else_owns_the_name_or_does_anything_without_polkit() {
    let Some(bus) = Bus::start("manager-policy") else { return };
    let helper = bus.helper(&["--system"]);
    owned(&bus.client().await).await;
    let to = |method: &'static str| ["--dest=org.sstpd", "/org/sstpd", method];
    let version = bus.nobody(
        &[&to("org.freedesktop.DBus.Properties.Get")[..], &["string:org.sstpd.Manager1", "string:Version"]].concat(),
    );
    assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
    let profiles = bus.nobody(&to("org.sstpd.Manager1.Profiles"));
    assert!(
        profiles.contains("org.sstpd.Error.NotAuthorized") && profiles.contains("polkit is not running"),
        "{profiles}"
    );
    let other = bus.nobody(&to("org.freedesktop.NetworkManager.VPN.Plugin.Disconnect"));
    assert!(other.contains("AccessDenied"), "{other}");
    let name = ["--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.RequestName", "string:org.sstpd", "uint32:4"];
    let owning = bus.nobody(&name);
    assert!(owning.contains("AccessDenied"), "{owning}");
    drop(helper);
}

/// What polkit was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    Check { subject: String, action: String, flags: u32, id: String },
    Cancelled(String),
}

/// A polkit that tells what it is asked, lets stored profiles be connected, and waits for a person where it may ask one.
struct Authority(mpsc::UnboundedSender<Asked>);

#[zbus::interface(name = "org.freedesktop.PolicyKit1.Authority")]
impl Authority {
    async fn check_authorization(
        &self,
        subject: (String, HashMap<String, zbus::OwnedVariant>),
        action: String,
        _details: HashMap<String, String>,
        flags: u32,
        id: String,
    ) -> (bool, bool, HashMap<String, String>) {
        let allowed = action == "org.sstpd.connect-profile";
        let name = subject.1.get("name").map(|name| format!("{} {name:?}", subject.0)).unwrap_or_default();
        self.0.send(Asked::Check { subject: name, action, flags, id }).expect("a test");
        if flags == 1 {
            std::future::pending::<()>().await;
        }
        (allowed, !allowed, HashMap::new())
    }

    async fn cancel_check_authorization(&self, id: String) {
        self.0.send(Asked::Cancelled(id)).expect("a test");
    }
}

async fn next(questions: &mut mpsc::UnboundedReceiver<Asked>) -> Option<Asked> {
    tokio::time::timeout(PATIENCE, questions.recv()).await.expect("polkit is asked")
}

#[tokio::test]
async fn polkit_is_asked_about_the_caller_and_not_about_us() {
    let Some(bus) = Bus::start("manager-polkit") else { return };
    let (asked, mut questions) = mpsc::unbounded_channel();
    let polkit = bus.client().await;
    polkit.object_server().at("/org/freedesktop/PolicyKit1/Authority", Authority(asked)).await.expect("a free path");
    polkit.request_name("org.freedesktop.PolicyKit1").await.expect("a free name");
    let helper = bus.helper(&["--system"]);
    owned(&polkit).await;

    let profiles = ["--dest=org.sstpd", "/org/sstpd", "org.sstpd.Manager1.Profiles"];
    let mut call = bus.call_of_nobody(&profiles);
    let answer = tokio::task::spawn_blocking(move || call.output()).await.expect("no panic").expect("dbus-send");
    let answer = String::from_utf8_lossy(&answer.stdout).into_owned();
    assert!(answer.contains("array ["), "{answer}");
    let Some(Asked::Check { subject, action, flags, .. }) = next(&mut questions).await else { panic!("not asked") };
    assert_eq!((action.as_str(), flags), ("org.sstpd.connect-profile", 0));
    let caller = answer.split("destination=").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    assert!(
        subject.starts_with("system-bus-name") && !caller.is_empty() && subject.contains(caller),
        "{subject} {answer}"
    );

    let mut remove =
        bus.call_of_nobody(&["--dest=org.sstpd", "/org/sstpd", "org.sstpd.Manager1.RemoveProfile", "string:work"]);
    let answer = tokio::task::spawn_blocking(move || remove.output()).await.expect("no panic").expect("dbus-send");
    let answer = String::from_utf8_lossy(&answer.stderr).into_owned();
    assert!(answer.contains("NotAuthorized") && answer.contains("needs authentication"), "{answer}");
    next(&mut questions).await;

    // a caller who lets a person be asked, and leaves before they answer
    let mut impatient = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "busctl"])
        .arg(format!("--address=unix:path={}/socket", bus.directory.display()))
        .args(["--allow-interactive-authorization=yes", "call", BUS_NAME, PATH, MANAGER, "RemoveProfile", "s", "work"])
        .spawn()
        .expect("setpriv and busctl");
    let Some(Asked::Check { action, flags, id, .. }) = next(&mut questions).await else { panic!("not asked") };
    assert_eq!((action.as_str(), flags), ("org.sstpd.change-profiles", 1));
    impatient.kill().expect("a child");
    impatient.wait().expect("a child");
    assert_eq!(next(&mut questions).await, Some(Asked::Cancelled(id)));
    drop(helper);
}
