//! A keyring: the part of the Secret Service API that is needed to read from one.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use tokio::runtime::Runtime;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, OwnedObjectPath, OwnedVariant, Variant, interface};

use super::super::{CONNECTION, PROGRAM, SPAWNING, start_on};
use super::session::{ALGORITHM, Half, Session};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// What becomes of the question whether it may be unlocked.
#[derive(Clone, Copy, Debug)]
pub enum Prompt {
    Unlocks,
    IsDismissed,
    IsNotNeeded,
}

/// A keyring on a bus of its own.
pub struct Keyring {
    bus: Child,
    directory: PathBuf,
    heard: Heard,
    // The service lives for as long as these.
    _connection: Connection,
    _runtime: Runtime,
}

/// The calls, in their order.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn note(&self, call: impl Into<String>) {
        self.0.lock().unwrap().push(call.into());
    }
}

impl Keyring {
    /// One that has these secrets of the connection. `None`, with the reason: there is no bus to be had here.
    pub fn open(secrets: &[(&str, &str)]) -> Option<Self> {
        Self::new(secrets, None, false)
    }

    pub fn locked(secrets: &[(&str, &str)], prompt: Prompt) -> Option<Self> {
        Self::new(secrets, Some(prompt), false)
    }

    pub fn silent() -> Option<Self> {
        Self::new(&[], None, true)
    }

    fn new(secrets: &[(&str, &str)], locked: Option<Prompt>, is_silent: bool) -> Option<Self> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("nm-sstp-keyring-{}-{number}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        let bus = start_bus(&directory)?;
        let address = address(&directory);
        let heard = Heard::default();
        let runtime = Runtime::new().unwrap();
        let connection = runtime.block_on(async {
            let session = Arc::default();
            let service = Service {
                secrets: secrets.iter().map(|(name, _)| (*name).to_owned()).collect(),
                locked,
                is_silent,
                session: Arc::clone(&session),
                heard: heard.clone(),
            };
            let builder = zbus::connection::Builder::address(&*address).serve_at("/org/freedesktop/secrets", service);
            let prompt = Question { dismissed: matches!(locked, Some(Prompt::IsDismissed)) };
            let mut builder = builder.serve_at("/org/freedesktop/secrets/prompt/1", prompt);
            for (name, value) in secrets {
                let item = Item {
                    name: (*name).to_owned(),
                    value: (*value).to_owned(),
                    session: Arc::clone(&session),
                    heard: heard.clone(),
                };
                builder = builder.serve_at(path(name), item);
            }
            builder.name("org.freedesktop.secrets").build().await.unwrap()
        });
        Some(Self { bus, directory, heard, _connection: connection, _runtime: runtime })
    }

    /// Runs the program with this keyring.
    pub fn run(&self, arguments: &[&str], input: String) -> Output {
        let program = Path::new(PROGRAM);
        let mut child = start_on(&address(&self.directory), program, &[&CONNECTION, arguments].concat());
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// What was called.
    pub fn heard(&self) -> Vec<String> {
        self.heard.0.lock().unwrap().clone()
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        let _ = self.bus.kill();
        let _ = self.bus.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

struct Service {
    secrets: Vec<String>,
    locked: Option<Prompt>,
    is_silent: bool,
    session: Arc<Mutex<Option<Session>>>,
    heard: Heard,
}

#[interface(name = "org.freedesktop.Secret.Service")]
impl Service {
    async fn search_items(&self, attributes: HashMap<String, String>) -> (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) {
        if self.is_silent {
            std::future::pending::<()>().await;
        }
        // What GNOME's agents, and the plugin before this one, store it with.
        let [uuid, setting, key] = ["connection-uuid", "setting-name", "setting-key"].map(|name| &attributes[name]);
        assert_eq!((attributes.len(), uuid.as_str(), setting.as_str()), (3, CONNECTION[1], "vpn"));
        self.heard.note(format!("SearchItems {key}"));
        let found = self.secrets.iter().filter(|name| *name == key).map(|name| path(name)).collect();
        if self.locked.is_some() { (Vec::new(), found) } else { (found, Vec::new()) }
    }

    fn open_session(&self, algorithm: &str, theirs: Variant<'_>) -> (OwnedVariant, OwnedObjectPath) {
        assert_eq!(algorithm, ALGORITHM);
        self.heard.note("OpenSession");
        let ours = Half::new().unwrap();
        let theirs: Vec<u8> = theirs.try_into().unwrap();
        *self.session.lock().unwrap() = ours.agree(&theirs);
        (Variant::from(ours.public()).try_into().unwrap(), "/org/freedesktop/secrets/session/1".try_into().unwrap())
    }

    fn unlock(&self, objects: Vec<OwnedObjectPath>) -> (Vec<OwnedObjectPath>, OwnedObjectPath) {
        self.heard.note("Unlock");
        match self.locked {
            Some(Prompt::Unlocks | Prompt::IsDismissed) => {
                (Vec::new(), "/org/freedesktop/secrets/prompt/1".try_into().unwrap())
            }
            Some(Prompt::IsNotNeeded) | None => (objects, "/".try_into().unwrap()),
        }
    }
}

struct Item {
    name: String,
    value: String,
    session: Arc<Mutex<Option<Session>>>,
    heard: Heard,
}

#[interface(name = "org.freedesktop.Secret.Item")]
impl Item {
    fn get_secret(&self, session: OwnedObjectPath) -> ((OwnedObjectPath, Vec<u8>, Vec<u8>, String),) {
        self.heard.note(format!("GetSecret {}", self.name));
        let encrypted = self.session.lock().unwrap().as_ref().unwrap().encrypt(&[7; 16], self.value.as_bytes());
        ((session, vec![7; 16], encrypted, "text/plain".to_owned()),)
    }
}

struct Question {
    dismissed: bool,
}

#[interface(name = "org.freedesktop.Secret.Prompt")]
impl Question {
    async fn prompt(&self, _window: &str, #[zbus(signal_emitter)] emitter: SignalEmitter<'_>) {
        Self::completed(&emitter, self.dismissed, Variant::from("")).await.unwrap();
    }

    #[zbus(signal)]
    async fn completed(emitter: &SignalEmitter<'_>, dismissed: bool, result: Variant<'_>) -> zbus::Result<()>;
}

fn path(name: &str) -> OwnedObjectPath {
    format!("/org/freedesktop/secrets/collection/login/{}", name.replace('-', "_")).try_into().unwrap()
}

fn address(directory: &Path) -> String {
    format!("unix:path={}/socket", directory.display())
}

fn start_bus(directory: &Path) -> Option<Child> {
    let configuration = format!(
        r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
        "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
        <busconfig><type>session</type><listen>{}</listen><auth>EXTERNAL</auth>
        <policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/>
        <allow receive_sender="*"/></policy></busconfig>"#,
        address(directory)
    );
    let file = directory.join("bus.conf");
    fs::write(&file, configuration).unwrap();
    let mut command = Command::new("dbus-daemon");
    command.args(["--nofork", "--nopidfile", "--nosyslog"]).arg(format!("--config-file={}", file.display()));
    let started = {
        let _alone = SPAWNING.lock().unwrap_or_else(PoisonError::into_inner);
        command.stderr(Stdio::null()).spawn()
    };
    let bus = match started {
        Ok(bus) => bus,
        Err(error) => {
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "no dbus-daemon: {error}");
            eprintln!("skipped: dbus-daemon cannot be started: {error}");
            return None;
        }
    };
    let mut tries = 0..250;
    while UnixStream::connect(directory.join("socket")).is_err() {
        assert!(tries.next().is_some(), "the bus does not start");
        sleep(Duration::from_millis(20));
    }
    Some(bus)
}
