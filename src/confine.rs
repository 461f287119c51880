//! What this process gives up, so that whoever takes it over gets little.
//!
//! It reads what comes from the network and may be root. Two moments are right for giving up:
//!
//! - [`tunnel_is_up`], for the process that NetworkManager starts for one connection. Until then it has to be root: it
//!   reads the files of the profile, where the owner is a user in a process that becomes that user ([`private_file`]),
//!   and it makes the interface. What is left then is to carry datagrams, to change the MTU, to talk on the bus and to
//!   the journal, and to look up and call the gateway again.
//! - [`at_start`], for the system service, whose unit has taken most of it away already. It goes on needing its own
//!   directories and all that tunnels need to come up.
//!
//! What is given up, and what the kernel promises of it:
//!
//! | | how | for |
//! |---|---|---|
//! | being root | user 65534 ("nobody"), no groups; only in [`tunnel_is_up`] | all threads: the C library tells them all |
//! | capabilities | `CAP_NET_ADMIN` stays, on the thread that called | that thread; the others have lost all with the user |
//! | system calls | a seccomp filter ([`filter`]): no other program, no other process, no other kind of socket | all threads at once |
//! | files | Landlock ([`files`]): reading what libraries need, writing nothing (the service: its own directories) | the thread that called and those that it starts |
//!
//! Landlock knows all threads of a process only since Linux 7.0, and it is the last to come: when the process is down to
//! one thread, which the runtime's idle threads make so within [`IDLE_THREAD`]. A thread that stays longer than
//! [`PATIENCE`] is not covered by it, and the log says so; by the filter and by the user it is.
//!
//! What none of it changes: the bus knows this connection as root's, so whoever takes the process over can ask other
//! services for what they do for root, and `CAP_NET_ADMIN` means all of the network's configuration.
//!
//! Nothing of this ever ends a tunnel. What the kernel does not have or refuses is logged, and the rest is done.
//!
//! [`private_file`]: crate::private_file

pub mod files;
pub mod filter;
mod rights;

use std::fs;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

/// How long a thread of the runtime may be idle; a longer time puts Landlock off.
pub const IDLE_THREAD: Duration = Duration::from_secs(1);

/// How long the process waits to have one thread only. No look-up of a name takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often it looks.
const INTERVAL: Duration = Duration::from_millis(200);

/// Whether the system service starts programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Programs {
    /// None at all.
    No,
    /// `resolvconf`, which is a script on most machines: the system calls stay those of the unit, and it gets to the
    /// files that it changes.
    Resolvconf,
}

/// Gives up what the system service never needs. To be called before the process has a second thread.
pub fn at_start(programs: Programs) {
    said("the capabilities", rights::keep_net_admin());
    said("files", files::restrict(files::Needs::Service(programs)));
    if programs == Programs::No {
        said("system calls", filter::apply());
    }
}

/// Gives up what a process with one tunnel, which is up, needs no more. To be called on the thread of a runtime that has
/// only one beside idle ones. Returns when all is done, after a second or so.
pub async fn tunnel_is_up() {
    said("the user", rights::leave_root());
    said("the capabilities", rights::keep_net_admin());
    said("system calls", filter::apply());
    let is_alone = alone().await;
    let done = files::restrict(files::Needs::Tunnel);
    if !is_alone && matches!(done, Ok(files::Extent::ThisThread(_))) {
        warn!("A thread of this process has stayed: what files it may open is not restricted.");
    }
    said("files", done);
}

/// Waits until the calling thread is the only one, for [`PATIENCE`] at most.
async fn alone() -> bool {
    let end = Instant::now() + PATIENCE;
    loop {
        // where /proc is not to be read there is nothing to wait for
        let threads = fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
        if threads == 1 || threads == 0 || Instant::now() >= end {
            return threads == 1;
        }
        sleep(INTERVAL).await;
    }
}

/// Tells what became of one part.
fn said<T: std::fmt::Debug>(part: &str, done: Result<T, String>) {
    match done {
        Ok(extent) => debug!(?extent, "{part}: given up what is not needed"),
        Err(reason) => warn!("This process keeps more rights than it needs ({part}): {reason}."),
    }
}
