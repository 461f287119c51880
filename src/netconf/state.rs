//! The journal: what this process has changed, in a file, for the one that starts after it was killed.
//!
//! It is written before each change, so that it names what may be there, and at times more than what is. The kernel takes
//! back by itself what belongs to the interface, which goes with the process; this is the rest.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::unistd::geteuid;
use serde::{Deserialize, Serialize};

use super::Error;
use super::dns::file::Saved;
use super::route::Rule;

/// Most octets that a journal may have; 64 tunnels with everything have a fraction of it.
const MAX_OCTETS: u64 = 1024 * 1024;

/// What may have to be undone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Journal {
    /// Policy rules.
    pub(super) rules: BTreeSet<Rule>,
    /// Routing tables in which there are routes of ours.
    pub(super) tables: BTreeSet<u32>,
    /// Records of resolvconf.
    pub(super) records: BTreeSet<String>,
    /// What stood in resolv.conf.
    pub(super) resolv_conf: Option<Saved>,
}

/// The directory of the journal, which one process at a time has.
pub(super) struct State {
    directory: PathBuf,
    /// What the file says.
    written: Journal,
    /// What is to be undone.
    pub(super) journal: Journal,
    _lock: Flock<File>,
}

impl State {
    /// Opens the directory, makes it where it is not there, and reads what a process before this one has left.
    pub(super) fn open(directory: &Path) -> Result<State, Error> {
        let refused = |error: io::Error| Error::State { path: directory.to_owned(), reason: error.to_string() };
        prepare(directory).map_err(refused)?;
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(directory.join("lock"));
        let lock = match Flock::lock(file.map_err(refused)?, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => lock,
            Err((_, Errno::EWOULDBLOCK)) => return Err(Error::InUse { path: directory.to_owned() }),
            Err((_, errno)) => return Err(refused(errno.into())),
        };
        let path = directory.join(JOURNAL);
        let journal = match read(&path) {
            Ok(journal) => journal,
            Err(reason) => {
                let aside = directory.join(BROKEN);
                tracing::warn!(
                    "{} cannot be read ({reason}), so that what a helper before this one has left stays: look at the \
                     rules and routes of protocol {} (ip rule, ip route show table all). It is now {}.",
                    path.display(),
                    super::route::kernel::PROTOCOL,
                    aside.display()
                );
                fs::rename(&path, &aside).map_err(refused)?;
                Journal::default()
            }
        };
        Ok(State { directory: directory.to_owned(), written: journal.clone(), journal, _lock: lock })
    }

    /// Whether there is something to be undone.
    pub(super) fn has_something(&self) -> bool {
        self.journal != Journal::default()
    }

    /// Enters what is about to be done, and writes the journal. Where that fails nothing was entered: what is in the
    /// journal already can still be undone.
    pub(super) fn enter(&mut self, change: impl FnOnce(&mut Journal)) -> Result<(), Error> {
        let before = self.journal.clone();
        change(&mut self.journal);
        self.write().inspect_err(|_| self.journal = before)
    }

    /// The journal says less than the file. Where that cannot be written, the file names more than what is there, which
    /// harms nothing.
    pub(super) fn shorten(&mut self) {
        if let Err(error) = self.write() {
            tracing::warn!("{error}");
        }
    }

    /// Writes the journal, or removes it where there is nothing to be undone. Whoever changes it calls this before the
    /// change that it tells of.
    pub(super) fn write(&mut self) -> Result<(), Error> {
        if self.journal == self.written {
            return Ok(());
        }
        let path = self.directory.join(JOURNAL);
        replace(&self.directory, &path, &self.journal)
            .map_err(|error| Error::State { path, reason: error.to_string() })?;
        self.written = self.journal.clone();
        Ok(())
    }
}

const JOURNAL: &str = "netconf.json";
const BROKEN: &str = "netconf.json.broken";

/// Only root may see or change what is in there: it says what to remove.
fn prepare(directory: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        result => result?,
    }
    let metadata = fs::symlink_metadata(directory)?;
    if !metadata.is_dir() {
        return Err(io::Error::other("it is no directory"));
    }
    if metadata.uid() != geteuid().as_raw() {
        return Err(io::Error::other("it belongs to another user"));
    }
    fs::set_permissions(directory, Permissions::from_mode(0o700))
}

fn read(path: &Path) -> Result<Journal, String> {
    let mut text = String::new();
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Journal::default()),
        file => file.map_err(|error| error.to_string())?.take(MAX_OCTETS).read_to_string(&mut text),
    }
    .map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

fn replace(directory: &Path, path: &Path, journal: &Journal) -> io::Result<()> {
    if *journal == Journal::default() {
        return match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    let new = directory.join("netconf.json.new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(&serde_json::to_vec(journal)?)?;
    file.sync_all()?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests;
