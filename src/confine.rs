//! What the processes of the service give up, so that whoever takes one over gets little.
//!
//! A [`worker`](crate::worker) reads what comes from the network. It gives up all that it can before that; a tunnel needs a
//! socket and an interface, which it gets from the other process, and the certificates of the system's authorities.
//! There is nothing else that it could reach: no file that others cannot read, no program, no socket to make, and so no
//! bus, where it could speak for root.
//!
//! The process of the face has the bus, and hears nothing from the network but what a worker tells, and names that the C
//! library looks up; and, in builds with [`tickets`](crate::tickets), what the library of Kerberos is told by the KDC and, in
//! bounded tokens, by the profile's proxy. It gives up what it does not need:
//!
//! - [`tunnel_is_up`], where NetworkManager started it for one connection. Until then it has to be root: it reads the files
//!   of the profile, where the owner is a user in a process that becomes that user ([`private_file`]), and it makes the
//!   interface. What is left then is to change the MTU, to talk on the bus and to the journal, and to call the gateway
//!   again.
//! - [`at_start`], for the system service, whose unit has taken most of it away already. It goes on needing its own
//!   directories and all that tunnels need to come up.
//!
//! What is given up, and what the kernel promises of it:
//!
//! | | worker | face | for |
//! |---|---|---|---|
//! | being root | user 65534 ("nobody"), no groups, where the process may change its user | the same in [`tunnel_is_up`] | all threads: the C library tells them all |
//! | capabilities | all | `CAP_NET_ADMIN` stays | the thread that called; others have lost all with the user |
//! | system calls ([`filter`]) | no other program, no other process, no socket | no other process but workers, no other kind of socket | all threads at once |
//! | files, by Landlock ([`files`]) | reading what libraries need | the same; writing (the service: its own directories, and tokens that are files) and starting this program | the thread that called and those that it starts |
//!
//! Landlock knows all threads of a process only since Linux 7.0. So a worker restricts itself before it has a second
//! thread; and for the face it is the last to come, when the process is down to one thread, which the runtime's idle
//! threads make so within [`IDLE_THREAD`]. A thread that stays longer than [`PATIENCE`] is not covered by it, and the log
//! says so; by the filter and by the user it is.
//!
//! A key on a token is reached by a library of the token's maker, through files and sockets that only that knows. A worker
//! that needs one keeps its user, has reached the token before it calls the gateway, and restricts files when the tunnel
//! is up ([`worker_reached_token`], [`worker_is_up`]).
//!
//! Nothing of this ever ends a tunnel. What the kernel does not have or refuses is logged, and the rest is done.
//!
//! [`private_file`]: crate::private_file

pub mod files;
pub mod filter;
mod rights;

use std::fs;
use std::time::Duration;

use caps::Capability;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

use self::filter::Calls;

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

/// Gives up all that a worker can do without. To be called before the process has a second thread.
pub fn worker() {
    said("the user", rights::leave_root());
    // the change of the user has let it go
    said("the end with its parent", prctl::set_pdeathsig(Signal::SIGKILL).map_err(|error| error.to_string()));
    said("the capabilities", rights::keep(None));
    said("system calls", filter::apply(Calls::Worker));
    said("files", files::restrict(files::Needs::Worker));
}

/// The same as far as it goes for a worker that has reached a token and is about to hear from the network.
pub fn worker_reached_token() {
    said("the capabilities", rights::keep(None));
    said("system calls", filter::apply(Calls::Worker));
}

/// The rest of it, when the tunnel is up.
pub async fn worker_is_up() {
    restrict_when_alone(files::Needs::Worker).await;
}

/// Gives up what the system service never needs. To be called before the process has a second thread.
pub fn at_start(programs: Programs) {
    said("the capabilities", rights::keep(Some(Capability::CAP_NET_ADMIN)));
    said("files", files::restrict(files::Needs::Service(programs)));
    if programs == Programs::No {
        said("system calls", filter::apply(Calls::Face));
    }
}

/// Gives up what a process whose one tunnel is up needs no more. To be called on the thread of a runtime that has only one
/// beside idle ones. Returns when all is done, after a second or so.
pub async fn tunnel_is_up() {
    said("the user", rights::leave_root());
    said("the capabilities", rights::keep(Some(Capability::CAP_NET_ADMIN)));
    said("system calls", filter::apply(Calls::Face));
    restrict_when_alone(files::Needs::Face).await;
}

async fn restrict_when_alone(needs: files::Needs) {
    let is_alone = alone().await;
    let done = files::restrict(needs);
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
