//! Files that a profile names, read with the rights of the user whose profile it is.
//!
//! This process is root, and the paths of a profile come from whoever may edit it. Where the profile belongs to one user
//! (`connection.permissions` has one entry, `user:NAME:`), root must not read for them what they could not read
//! themselves (CVE-2025-9615). So the program starts itself once more with [`OPTION`] and the user's name; that process
//! becomes the user for good, before anything else, and copies the file into a pipe. Only the path goes in, and only the
//! contents, or a sentence, come out.
//!
//! The system service has no right to become another user, and sees no home directories. A user who names files opens
//! them, and the descriptors come with the call: [`read_handed`] reads those.

use std::ffi::{CString, OsStr, OsString};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use caps::{CapSet, Capability};
use nix::libc;
use nix::unistd::{self, Uid, User};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::task;
use tokio::time::timeout;
use zeroize::Zeroizing;

pub use self::certificates::Files;

mod certificates;

/// Most octets that a file of certificates or keys may have; the bundle of a distribution has a fifth of it.
pub const MAX_OCTETS: usize = 1024 * 1024;

/// How long reading may take; file systems of the network can hang.
const LIMIT: Duration = Duration::from_secs(10);

/// This program, which can become the user.
const PROGRAM: &str = "/proc/self/exe";

/// The option of the program that makes it the process that reads; the name of a user follows it.
const OPTION: &str = "--read-file-as";

/// The same for a file or a directory of certificates.
const OPTION_FOR_CERTIFICATES: &str = "--read-certificates-as";

/// Most octets of a path (`PATH_MAX`).
const MAX_PATH: usize = 4096;

/// Most octets of the sentence that says why a file could not be read.
const MAX_REASON: usize = 1024;

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The file.
    pub path: PathBuf,
    /// The user whose rights were used.
    pub owner: Option<String>,
    /// Why; a sentence without its begin and end.
    pub reason: String,
}

impl Error {
    /// The same sentence, for those who have named the file already.
    pub fn without_path(&self) -> String {
        format!("it cannot be read{self:#}")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            write!(f, "the file {} cannot be read", self.path.display())?;
        }
        if let Some(owner) = &self.owner {
            write!(f, " as user {owner}, who owns the connection")?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for Error {}

/// The contents of a regular file of at most [`MAX_OCTETS`], read with the rights of `owner`, a user's name, or with
/// those of this process where there is none. To be called in a tokio runtime with I/O and time, by the program itself:
/// what it starts to become the user is `/proc/self/exe`.
///
/// # Errors
///
/// The file cannot be read, or is none, or too large; the user does not exist; or it took longer than 10 s.
pub async fn read(path: &Path, owner: Option<&str>) -> Result<Zeroizing<Vec<u8>>, Error> {
    match other_user(path, owner)? {
        Some(user) => read_by(Path::new(PROGRAM), path, user).await,
        None => {
            let of_task = path.to_owned();
            let read = in_time(move || read_regular(&of_task)).await;
            read.map_err(|reason| Error { path: path.to_owned(), owner: owner.map(str::to_owned), reason })
        }
    }
}

/// The contents of a regular file, or, where the path is that of a directory, those of the files in it that hold
/// certificates: regular files of at most [`MAX_OCTETS`] each, 256 and four times as many octets together at most. What
/// else is in it is passed over. Read as by [`read`], and to be called as that.
///
/// # Errors
///
/// As [`read`]; or the directory has no certificate, or too many.
pub async fn read_certificates(path: &Path, owner: Option<&str>) -> Result<Files, Error> {
    match other_user(path, owner)? {
        Some(user) => read_certificates_by(Path::new(PROGRAM), path, user).await,
        None => {
            let of_task = path.to_owned();
            let read = in_time(move || certificates::read(&of_task)).await;
            read.map_err(|reason| Error { path: path.to_owned(), owner: owner.map(str::to_owned), reason })
        }
    }
}

/// The user to become for reading this; `None`: this process reads it itself.
fn other_user<'a>(path: &Path, owner: Option<&'a str>) -> Result<Option<&'a str>, Error> {
    let Some(name) = owner.filter(|name| is_another(name)) else { return Ok(None) };
    if !may_become_another() {
        let reason = "this process may not take on the rights of a user; whoever names the file has to hand it over \
                      opened, as sstpctl does, or to store a profile that names one of root's below /etc/nm-sstp";
        return Err(Error { path: path.to_owned(), owner: Some(name.to_owned()), reason: reason.to_owned() });
    }
    Ok(Some(name))
}

/// The contents of a regular file of at most [`MAX_OCTETS`] that whoever has the right to has opened for reading, from its
/// beginning, wherever they have come to in it; `path` is for the error. To be called as [`read`]. Where reading never
/// ends, `file` is held until it does.
///
/// # Errors
///
/// As [`read`].
pub async fn read_handed(path: &Path, file: impl AsFd + Send + 'static) -> Result<Zeroizing<Vec<u8>>, Error> {
    let read = in_time(move || read_opened(&File::from(file.as_fd().try_clone_to_owned()?)));
    read.await.map_err(|reason| Error { path: path.to_owned(), owner: None, reason })
}

/// Does what may block, for [`LIMIT`] at most; the error is the end of a sentence.
async fn in_time<T: Send + 'static>(reading: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, String> {
    match timeout(LIMIT, task::spawn_blocking(reading)).await {
        Ok(Ok(Ok(contents))) => Ok(contents),
        Ok(Ok(Err(error))) => Err(describe(&error)),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(too_long()),
    }
}

/// Root's files need no other process where this one is root.
fn is_another(owner: &str) -> bool {
    owner != "root" || !unistd::geteuid().is_root()
}

/// Where that cannot be known, trying tells.
fn may_become_another() -> bool {
    caps::has_cap(None, CapSet::Effective, Capability::CAP_SETUID).unwrap_or(true)
}

/// As [`read`], with another program than this one to become the user: one that calls [`requested`] and [`serve`].
///
/// # Errors
///
/// As [`read`].
pub async fn read_by(program: &Path, path: &Path, owner: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    ask_in_time(program, OPTION, path, owner, MAX_OCTETS).await
}

/// As [`read_certificates`], with another program to become the user, as in [`read_by`].
///
/// # Errors
///
/// As [`read_certificates`].
pub async fn read_certificates_by(program: &Path, path: &Path, owner: &str) -> Result<Files, Error> {
    let piped = ask_in_time(program, OPTION_FOR_CERTIFICATES, path, owner, certificates::MAX_PIPED).await?;
    let garbled = || "the process that reads it says what cannot be understood".to_owned();
    certificates::parse(path, &piped).ok_or_else(|| Error {
        path: path.to_owned(),
        owner: Some(owner.to_owned()),
        reason: garbled(),
    })
}

async fn ask_in_time(
    program: &Path,
    option: &str,
    path: &Path,
    owner: &str,
    most: usize,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let result = timeout(LIMIT, ask(program, option, path, owner, most)).await.unwrap_or_else(|_| Err(too_long()));
    result.map_err(|reason| Error { path: path.to_owned(), owner: Some(owner.to_owned()), reason })
}

fn too_long() -> String {
    format!("it took longer than {} s", LIMIT.as_secs())
}

async fn ask(
    program: &Path,
    option: &str,
    path: &Path,
    owner: &str,
    most: usize,
) -> Result<Zeroizing<Vec<u8>>, String> {
    let failed = |error: io::Error| format!("the process that reads it failed: {error}");
    let mut child = Command::new(program)
        .args([option, owner])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let (Some(mut stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err("the process that reads it has no pipes".to_owned());
    };
    // One that ends before it has read the path says why.
    let _ = stdin.write_all(path.as_os_str().as_bytes()).await;
    drop(stdin);
    let (contents, reason) = tokio::join!(drain(stdout, most), drain(stderr, MAX_REASON));
    let (contents, reason) = (contents.map_err(failed)?, reason.map_err(failed)?);
    let status = child.wait().await.map_err(failed)?;
    let reason = String::from_utf8_lossy(&reason);
    match reason.trim() {
        "" if status.success() => Ok(contents),
        "" => Err(format!("the process that reads it ended with {status}")),
        reason => Err(reason.chars().filter(|character| !character.is_control()).collect()),
    }
}

/// What comes out of a pipe until its end; more than `most` octets are an error.
async fn drain(mut pipe: impl AsyncRead + Unpin, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    // It never grows, which would leave a copy behind.
    let mut all = Zeroizing::new(Vec::with_capacity(most + 1));
    let mut piece = Zeroizing::new([0; 4096]);
    loop {
        let octets = pipe.read(&mut piece[..]).await?;
        if octets == 0 {
            return Ok(fitting(&all));
        }
        if all.len() + octets > most {
            return Err(io::Error::other("it says too much"));
        }
        all.extend_from_slice(&piece[..octets]);
    }
}

/// A copy that takes no more room than it needs.
fn fitting(octets: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(octets.to_vec())
}

/// What the program is to read, and with whose rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    user: OsString,
    certificates: bool,
}

/// What is to be read, where the arguments of the program ask for that; the first is its own name.
pub fn requested(mut arguments: impl Iterator<Item = OsString>) -> Option<Request> {
    match (arguments.nth(1), arguments.next(), arguments.next()) {
        (Some(option), Some(user), None) if option == OPTION => Some(Request { user, certificates: false }),
        (Some(option), Some(user), None) if option == OPTION_FOR_CERTIFICATES => {
            Some(Request { user, certificates: true })
        }
        _ => None,
    }
}

/// The whole work of the process that reads: it becomes the user, reads a path from its input, and writes the contents of
/// what is there to its output, or a sentence to its error output. To be called before anything else is done.
pub fn serve(request: &Request) -> ExitCode {
    // Whoever started this may be gone: it does not wait for a file for ever.
    unistd::alarm::set(u32::try_from(LIMIT.as_secs()).unwrap_or(u32::MAX));
    match become_user(&request.user).and_then(|()| copy(request.certificates)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            let _ = io::stderr().write_all(reason.as_bytes());
            ExitCode::FAILURE
        }
    }
}

/// Takes on the rights of a user for good, those of their groups among them.
fn become_user(name: &OsStr) -> Result<(), String> {
    let no_user = || "there is no such user".to_owned();
    let failed = |error: nix::Error| format!("the rights of the user could not be taken on: {error}");
    let user = User::from_name(name.to_str().ok_or_else(no_user)?).map_err(failed)?.ok_or_else(no_user)?;
    let name = CString::new(name.as_bytes()).map_err(|_| no_user())?;
    unistd::initgroups(&name, user.gid).map_err(failed)?;
    unistd::setresgid(user.gid, user.gid, user.gid).map_err(failed)?;
    unistd::setresuid(user.uid, user.uid, user.uid).map_err(failed)?;
    let (uids, gids) = (unistd::getresuid().map_err(failed)?, unistd::getresgid().map_err(failed)?);
    let took = [uids.real, uids.effective, uids.saved].iter().all(|uid| *uid == user.uid)
        && [gids.real, gids.effective, gids.saved].iter().all(|gid| *gid == user.gid);
    let is_root_again = !user.uid.is_root() && unistd::setuid(Uid::from_raw(0)).is_ok();
    if !took || is_root_again {
        return Err("the rights of the user could not be taken on".to_owned());
    }
    // The change has made it what the system has for such processes.
    nix::sys::prctl::set_dumpable(false).map_err(failed)
}

/// Copies the file, or the certificates, whose path comes in.
fn copy(certificates: bool) -> Result<(), String> {
    let mut path = Vec::new();
    io::stdin().take(MAX_PATH as u64).read_to_end(&mut path).map_err(|error| describe(&error))?;
    let path = PathBuf::from(OsString::from_vec(path));
    let contents = if certificates {
        certificates::read(&path).map(|files| certificates::write(&path, &files))
    } else {
        read_regular(&path)
    };
    let contents = contents.map_err(|error| describe(&error))?;
    // Past the buffer of the standard library, which nobody wipes.
    let output = io::stdout();
    let mut rest = &contents[..];
    while !rest.is_empty() {
        match unistd::write(output.as_fd(), rest) {
            Ok(octets) => rest = rest.get(octets..).unwrap_or_default(),
            Err(nix::Error::EINTR) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(())
}

/// The contents of a regular file of bounded size.
fn read_regular(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    read_opened(&open(path)?)
}

/// Opens a regular file for reading, with the rights of this process. It waits for nothing but the file system and changes
/// nothing, whatever the path names.
///
/// # Errors
///
/// It cannot be opened, or is none.
pub fn open(path: &Path) -> io::Result<File> {
    // There are devices that do something as soon as they are opened, such as watchdogs.
    if !fs::metadata(path)?.is_file() {
        return Err(irregular());
    }
    let flags = libc::O_NOCTTY | libc::O_NONBLOCK | libc::O_CLOEXEC;
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

fn irregular() -> io::Error {
    io::Error::other("it is not a regular file")
}

/// The contents of the file, where it is a regular one.
fn read_opened(file: &File) -> io::Result<Zeroizing<Vec<u8>>> {
    let facts = file.metadata()?;
    if !facts.is_file() {
        return Err(irregular());
    }
    // A file that grows meanwhile is cut, not copied.
    let size = usize::try_from(facts.len()).ok().filter(|size| *size <= MAX_OCTETS);
    let Some(size) = size else { return Err(io::Error::other(format!("it is larger than {MAX_OCTETS} octets"))) };
    let mut contents = Zeroizing::new(vec![0; size]);
    let octets = fill(file, &mut contents)?;
    contents.truncate(octets);
    Ok(contents)
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, filled as u64) {
            Ok(0) => break,
            Ok(octets) => filled += octets,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::NotADirectory => "a part of its path is not a directory".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(all: &[&str]) -> Option<(String, bool)> {
        let request = requested(all.iter().map(OsString::from))?;
        Some((request.user.into_string().unwrap(), request.certificates))
    }

    #[test]
    fn only_the_one_option_with_one_name_asks_for_a_file() {
        assert_eq!(arguments(&["program", "--read-file-as", "alice"]), Some(("alice".to_owned(), false)));
        assert_eq!(arguments(&["program", "--read-certificates-as", "alice"]), Some(("alice".to_owned(), true)));
        for other in [&["program"][..], &["--read-file-as", "alice"], &["program", "--read-file-as"]] {
            assert_eq!(arguments(other), None, "{other:?}");
        }
        assert_eq!(arguments(&["program", "--read-file-as", "alice", "--debug"]), None);
    }

    #[test]
    fn an_error_says_whose_rights_were_not_enough() {
        let error = |owner: Option<&str>| Error {
            path: "/home/alice/key.pem".into(),
            owner: owner.map(str::to_owned),
            reason: "permission denied".to_owned(),
        };
        let text =
            "the file /home/alice/key.pem cannot be read as user alice, who owns the connection: permission denied";
        assert_eq!(error(Some("alice")).to_string(), text);
        assert_eq!(error(None).to_string(), "the file /home/alice/key.pem cannot be read: permission denied");
        let text = "it cannot be read as user alice, who owns the connection: permission denied";
        assert_eq!(error(Some("alice")).without_path(), text);
    }
}
