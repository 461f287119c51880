//! Files of root that nobody else may have a hand in.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::libc;
use nix::unistd::Uid;
use zeroize::Zeroizing;

use super::Error;

/// Most entries of a directory that are looked at.
const MAX_ENTRIES: usize = 4096;

/// What others may do with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Privacy {
    /// They may read it.
    Settings,
    /// Nothing.
    Secret,
}

/// The text of a file; `None` where there is none.
pub(super) fn read(path: &Path, privacy: Privacy, most: usize) -> Result<Option<Zeroizing<String>>, Error> {
    match read_checked(path, privacy, most) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(path, &error)),
    }
}

fn read_checked(path: &Path, privacy: Privacy, most: usize) -> io::Result<Zeroizing<String>> {
    if let Some(directory) = path.parent() {
        check_directory(directory)?;
    }
    // Neither a link to elsewhere nor a pipe that makes us wait.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
    let mut file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(no_link)?;
    let facts = file.metadata()?;
    if !facts.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    check_owner(&facts)?;
    if privacy == Privacy::Secret && facts.mode() & 0o077 != 0 {
        return Err(io::Error::other("others than its owner can read it: chmod 600 it, and change the secrets in it"));
    }
    let size = usize::try_from(facts.len()).ok().filter(|size| *size <= most);
    let Some(size) = size else { return Err(io::Error::other(format!("it is larger than {most} octets"))) };
    // It never grows, which would leave a copy behind.
    let mut octets = Zeroizing::new(vec![0; size]);
    file.read_exact(&mut octets)?;
    match std::str::from_utf8(&octets) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(io::Error::other("it is not text in UTF-8")),
    }
}

/// Writes a file as a whole or not at all, readable by its owner alone; makes its directory where there is none.
pub(super) fn write(path: &Path, text: &str, most: usize) -> Result<(), Error> {
    let done = if text.len() > most {
        Err(io::Error::other(format!("it would be larger than {most} octets")))
    } else {
        write_checked(path, text)
    };
    done.map_err(|error| unusable(path, &error))
}

fn write_checked(path: &Path, text: &str) -> io::Result<()> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::other("it has no directory"));
    };
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    check_directory(directory)?;
    // a name that no profile has
    let mut hidden = OsString::from(".");
    hidden.push(name);
    let temporary = directory.join(hidden);
    if let Err(error) = fs::remove_file(&temporary)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        File::open(directory)?.sync_all()
    });
    if written.is_err() {
        drop(fs::remove_file(&temporary));
    }
    written
}

/// Removes a file; `false` where there is none.
pub(super) fn remove(path: &Path) -> Result<bool, Error> {
    match fs::remove_file(path) {
        Ok(()) => {
            let directory = path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all());
            directory.map(|()| true).map_err(|error| unusable(path, &error))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(unusable(path, &error)),
    }
}

/// The names of what is in a directory; none where there is no directory.
pub(super) fn list(directory: &Path) -> Result<Vec<OsString>, Error> {
    let entries = check_directory(directory).and_then(|()| {
        fs::read_dir(directory)?.take(MAX_ENTRIES).map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()
    });
    match entries {
        Ok(entries) => Ok(entries),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(unusable(directory, &error)),
    }
}

fn check_directory(directory: &Path) -> io::Result<()> {
    let facts = fs::metadata(directory)?;
    if !facts.is_dir() {
        return Err(io::Error::other("what it should be in is not a directory"));
    }
    check_owner(&facts).map_err(|error| io::Error::other(format!("of {}: {error}", directory.display())))
}

/// Nobody but root, or whoever this process is, has written it.
fn check_owner(facts: &Metadata) -> io::Result<()> {
    if facts.uid() != 0 && facts.uid() != Uid::effective().as_raw() {
        return Err(io::Error::other("it does not belong to root: chown it to root"));
    }
    if facts.mode() & 0o022 != 0 {
        return Err(io::Error::other(
            "others than its owner can write it: chmod 600 it (700 a directory), and read it over",
        ));
    }
    Ok(())
}

fn no_link(error: io::Error) -> io::Error {
    if error.raw_os_error() == Some(libc::ELOOP) { io::Error::other("it is not a regular file") } else { error }
}

fn unusable(path: &Path, error: &io::Error) -> Error {
    let reason = match error.kind() {
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    };
    Error::Unusable { path: path.to_owned(), reason }
}
