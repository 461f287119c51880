//! polkit's question on this terminal, where no desktop is there to ask it.

use std::os::fd::AsRawFd;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid, pipe};
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long we wait until the agent is known to polkit.
const PATIENCE: Duration = Duration::from_secs(3);

/// polkit's agent for terminals. It asks only where no other agent of this session does.
#[derive(Debug)]
pub struct Agent(Child);

impl Agent {
    /// Starts it where it can be of use: for somebody at a terminal who is not root, and where it is installed.
    pub async fn start() -> Option<Self> {
        use std::io::IsTerminal;
        if Uid::effective().is_root() || !std::io::stdin().is_terminal() {
            return None;
        }
        // The end that the agent inherits, and closes when polkit knows it, must survive its start.
        let (ready, inherited) = pipe().ok()?;
        let child = Command::new("pkttyagent")
            .arg("--process")
            .arg(std::process::id().to_string())
            .arg("--notify-fd")
            .arg(inherited.as_raw_fd().to_string())
            .arg("--fallback")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        drop(inherited);
        let agent = Self(child.ok()?);
        let ready = Receiver::from_owned_fd(ready).ok()?;
        // It is readable when it is closed.
        let _ = timeout(PATIENCE, ready.readable()).await;
        Some(agent)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Told to end, it leaves the terminal as it found it.
        if let Some(pid) = self.0.id().and_then(|pid| i32::try_from(pid).ok()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
    }
}
