//! A message bus that lets everybody do everything.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Ran, run, wait_for};

static NEXT: AtomicU32 = AtomicU32::new(0);

pub struct Bus {
    daemon: Child,
    pub directory: PathBuf,
}

impl Bus {
    pub fn start() -> Option<Self> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("sstpctl-test-{}-{number}", std::process::id()));
        std::fs::create_dir(&directory).expect("a new directory");
        let configuration = format!(
            r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
            "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
            <busconfig><type>custom</type><listen>unix:path={}/socket</listen><auth>EXTERNAL</auth>
            <policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/>
            <allow receive_sender="*"/></policy></busconfig>"#,
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
                wait_for(|| UnixStream::connect(bus.directory.join("socket")).is_ok(), "the bus");
                Some(bus)
            }
            Err(error) => {
                assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "no dbus-daemon: {error}");
                eprintln!("skipped: dbus-daemon cannot be started: {error}");
                std::fs::remove_dir_all(directory).expect("our own directory");
                None
            }
        }
    }

    pub fn address(&self) -> String {
        format!("unix:path={}/socket", self.directory.display())
    }

    /// The program in a session of its own, so that it has no terminal but one that it is given.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("setsid");
        command.arg("--wait").arg(env!("CARGO_BIN_EXE_sstpctl")).args(arguments);
        self.environment(&mut command);
        command
    }

    /// The program itself, as the process that is started.
    pub fn bare_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sstpctl"));
        command.args(arguments);
        self.environment(&mut command);
        command
    }

    fn environment(&self, command: &mut Command) {
        command
            .env("DBUS_SYSTEM_BUS_ADDRESS", self.address())
            .env("LC_ALL", "C.UTF-8")
            .env_remove("LANGUAGE")
            .env("TERM", "xterm");
        for name in ["NO_COLOR", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "XDG_RUNTIME_DIR", "VISUAL", "EDITOR"] {
            command.env_remove(name);
        }
    }

    /// Does something as another program on the bus.
    pub fn as_somebody_else(&self, what: impl AsyncFnOnce(&zbus::Connection)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let connection =
                zbus::connection::Builder::address(self.address().as_str()).build().await.expect("the bus");
            what(&connection).await;
        });
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        run(&mut self.command(arguments))
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        drop(self.daemon.kill());
        drop(self.daemon.wait());
        drop(std::fs::remove_dir_all(&self.directory));
    }
}
