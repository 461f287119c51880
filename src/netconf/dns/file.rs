//! `/etc/resolv.conf` itself: rewritten, and put back when no tunnel needs it any more.
//!
//! A new file takes the place of the old one by its name, so that nobody ever reads half of it. Where only the file is
//! ours to write and not its directory (our unit, containers that mount it), it is written over, and shortened at the
//! end. It is put back only where it still says what we wrote: what somebody else has written since is theirs.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::libc;
use serde::{Deserialize, Serialize};

use super::{Wanted, lines, resolved};
use crate::netconf::state::State;

/// The file that the C library reads.
pub(super) const PATH: &str = "/etc/resolv.conf";

/// Most octets of one that is rewritten.
const MAX_OCTETS: u64 = 64 * 1024;

/// Most servers in it that are asked (`MAXNS` in resolv.h).
const MAX_SERVERS: usize = 3;

/// What was there, and what we have put in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::netconf) struct Saved {
    /// The file itself, where `/etc/resolv.conf` is a link.
    path: PathBuf,
    /// What it said; `None`: there was none.
    original: Option<String>,
    /// What we may have written, the last one last.
    written: Vec<String>,
}

/// Writes the servers and domains of these tunnels, the first in rank first.
///
/// # Errors
///
/// Why it cannot be written, as a sentence without its begin.
pub(super) fn update(state: &mut State, tunnels: &[&Wanted]) -> Result<(), String> {
    let path = locate()?;
    if state.journal.resolv_conf.as_ref().is_some_and(|saved| saved.path != path) {
        restore(state);
    }
    let current = read(&path)?;
    let before = state.journal.resolv_conf.clone();
    let mut saved = match &before {
        Some(saved) if saved.is_ours(current.as_deref()) => saved.clone(),
        _ => Saved { path, original: current.clone(), written: Vec::new() },
    };
    let text = text(tunnels, saved.original.as_deref());
    if current.as_ref() == Some(&text) {
        return Ok(());
    }
    saved.written.push(text.clone());
    state.journal.resolv_conf = Some(saved.clone());
    let written = state
        .write()
        .map_err(|error| error.to_string())
        .and_then(|()| write(&saved.path, &text).map_err(|error| describe(&saved.path, &error)));
    state.journal.resolv_conf = if written.is_ok() { Some(Saved { written: vec![text], ..saved }) } else { before };
    // What it says until then is true as well.
    state.shorten();
    written
}

/// Puts back what was there; nothing where we have written nothing.
pub(super) fn restore(state: &mut State) {
    let Some(saved) = state.journal.resolv_conf.take() else { return };
    let path = saved.path.display();
    match read(&saved.path) {
        Ok(current) if current == saved.original => {}
        Ok(current) if saved.is_ours(current.as_deref()) => {
            let restored = match &saved.original {
                Some(original) => write(&saved.path, original),
                None => fs::remove_file(&saved.path),
            };
            if let Err(error) = restored {
                let reason = describe(&saved.path, &error);
                tracing::warn!("{path} still names the servers of a tunnel that is gone: {reason}.");
                // The next one may be able to.
                state.journal.resolv_conf = Some(saved.clone());
            }
        }
        Ok(_) => tracing::info!("{path} stays as it is: somebody has written it since we did."),
        Err(reason) => tracing::warn!("{path} may still name the servers of a tunnel that is gone: {reason}."),
    }
    state.shorten();
}

impl Saved {
    fn is_ours(&self, current: Option<&str>) -> bool {
        current.is_some_and(|current| self.written.iter().any(|written| written == current))
    }
}

/// The file behind all links.
fn locate() -> Result<PathBuf, String> {
    if resolved::manages_file() {
        return Err("systemd-resolved writes it".to_owned());
    }
    match fs::canonicalize(PATH) {
        Ok(path) => Ok(path),
        Err(_) if fs::symlink_metadata(PATH).is_err() => Ok(PathBuf::from(PATH)),
        Err(error) => Err(format!("it is a link to nothing ({error})")),
    }
}

fn read(path: &Path) -> Result<Option<String>, String> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(|error| describe(path, &error))?,
    };
    let mut text = String::new();
    match file.take(MAX_OCTETS + 1).read_to_string(&mut text) {
        Ok(octets) if octets as u64 <= MAX_OCTETS => Ok(Some(text)),
        Ok(_) => Err(format!("it has more than {MAX_OCTETS} octets")),
        Err(error) => Err(describe(path, &error)),
    }
}

/// Writes the file, in one step where that can be.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let error = match replace(path, text) {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EROFS | Errno::EBUSY | Errno::EXDEV | Errno::EACCES | Errno::EPERM) => {
            write_over(path, text).map_err(|_| error)
        }
        _ => Err(error),
    }
}

/// Writes over what is there: whoever reads meanwhile finds the new lines first.
fn write_over(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).custom_flags(libc::O_NOFOLLOW).open(path)?;
    file.write_all(text.as_bytes())?;
    file.set_len(text.len() as u64)?;
    file.sync_all()
}

/// With the owner and the mode of the one before.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_file_name(".resolv.conf.nm-sstp");
    // One that a helper left which was killed in between.
    let _ = fs::remove_file(&new);
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&new)?;
        if let Ok(before) = fs::metadata(path) {
            let ours = file.metadata()?;
            if (before.uid(), before.gid()) != (ours.uid(), ours.gid()) {
                fchown(&file, Some(before.uid()), Some(before.gid()))?;
            }
            file.set_permissions(Permissions::from_mode(before.mode() & 0o7777))?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

/// Why it cannot be read or written, as a sentence without its begin.
fn describe(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EROFS) => format!("{path} is on a file system that is read-only for us"),
        Some(Errno::EPERM | Errno::EACCES) => {
            format!("{path} is protected from us ({error}; chattr -i takes \"immutable\" from it)")
        }
        Some(Errno::EBUSY | Errno::EXDEV) => {
            format!("{path} is mounted there by itself, as containers have it, and cannot be exchanged")
        }
        _ if error.kind() == io::ErrorKind::InvalidData => format!("{path} is not text in UTF-8"),
        _ => format!("{path}: {error}"),
    }
}

/// Servers and domains of the tunnels; options and sort lists of what was there before. Its servers stay where the
/// tunnels bring none, and its domains go, as they are asked of servers that do not know them.
fn text(tunnels: &[&Wanted], original: Option<&str>) -> String {
    let names: Vec<&str> = tunnels.iter().map(|wanted| wanted.interface.as_str()).collect();
    let mut text = format!(
        "# Written by nm-sstp for {}; when the tunnel ends, what was here before comes back.\n",
        names.join(" and ")
    );
    let mut servers: Vec<_> = tunnels.iter().flat_map(|wanted| wanted.servers.iter().copied()).collect();
    servers.truncate(MAX_SERVERS);
    let mut domains: Vec<String> = Vec::new();
    for domain in tunnels.iter().flat_map(|wanted| &wanted.domains) {
        if !domains.contains(domain) {
            domains.push(domain.clone());
        }
    }
    text.push_str(&lines(&servers, &domains));
    for line in original.unwrap_or_default().lines() {
        let keyword = line.split_ascii_whitespace().next().unwrap_or_default();
        if matches!(keyword, "options" | "sortlist") || (keyword == "nameserver" && servers.is_empty()) {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests;
