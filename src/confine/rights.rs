//! The user and the capabilities.

use std::collections::HashSet;

use caps::{CapSet, Capability};
use nix::sys::prctl;
use nix::unistd::{self, Gid, Uid};

/// The user who owns nothing, by number: a look-up of a name could ask a server that only the tunnel reaches. Others of
/// this user cannot look into the process, since it is not dumpable.
const NOBODY: u32 = 65534;

/// Becomes [`NOBODY`], on every thread. The calling thread keeps its permitted capabilities.
///
/// # Errors
///
/// A sentence without its begin and end; the process may not change its user.
pub(super) fn leave_root() -> Result<&'static str, String> {
    if !unistd::geteuid().is_root() {
        return Ok("it was not root");
    }
    if !caps::has_cap(None, CapSet::Effective, Capability::CAP_SETUID).unwrap_or(true) {
        return Ok("it may not change its user");
    }
    let failed = |error: nix::Error| error.to_string();
    prctl::set_keepcaps(true).map_err(failed)?;
    let (uid, gid) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    let left = unistd::setgroups(&[])
        .and_then(|()| unistd::setresgid(gid, gid, gid))
        .and_then(|()| unistd::setresuid(uid, uid, uid));
    let no_more = prctl::set_keepcaps(false);
    // The change has made it what the system has for such processes.
    let not_dumpable = prctl::set_dumpable(false);
    left.and(no_more).and(not_dumpable).map_err(failed)?;
    Ok("all threads")
}

/// Keeps this capability of what the calling thread has, and nothing else.
///
/// # Errors
///
/// A sentence without its begin and end.
pub(super) fn keep(wanted: Option<Capability>) -> Result<HashSet<Capability>, String> {
    let failed = |error: caps::errors::CapsError| error.to_string();
    let permitted = caps::read(None, CapSet::Permitted).map_err(failed)?;
    let mut kept = permitted.clone();
    kept.retain(|capability| Some(*capability) == wanted);
    let inheritable = caps::read(None, CapSet::Inheritable).map_err(failed)?;
    if kept == permitted && inheritable.is_empty() {
        return Ok(kept);
    }
    // A capability is ambient only where it is inheritable.
    caps::set(None, CapSet::Inheritable, &HashSet::new()).map_err(failed)?;
    caps::set(None, CapSet::Effective, &kept).map_err(failed)?;
    caps::set(None, CapSet::Permitted, &kept).map_err(failed)?;
    Ok(kept)
}
