//! Files are read with the rights of the user who owns the connection, by the real program.
#![cfg(feature = "service")]

use std::fs::{self, Permissions};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::{Gid, Uid, User, geteuid, mkfifo};
use nm_sstp::private_file::{self, Error, MAX_OCTETS};
use zeroize::Zeroizing;

const PROGRAM: &str = env!("CARGO_BIN_EXE_nm-sstp-service");

/// Users that every Debian and Fedora has.
const OWNER: &str = "games";
const OTHER: &str = "nobody";

/// A directory that everybody can enter and that goes with its owner.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Directory {
        let path = std::env::temp_dir().join(format!("nm-sstp-private-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        Directory(path)
    }

    /// A file of this user and group with this mode.
    fn file(&self, name: &str, contents: &[u8], uid: Uid, gid: Gid, mode: u32) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, contents).unwrap();
        chown(&path, Some(uid.as_raw()), Some(gid.as_raw())).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn user(name: &str) -> User {
    User::from_name(name).unwrap().unwrap()
}

fn is_root() -> bool {
    let root = geteuid().is_root();
    if !root {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "not root");
        println!("skipped: only root can become another user");
    }
    root
}

/// The program where everybody can start it: the user needs no right to it, since it is started as root.
fn read(path: &Path, owner: Option<&str>) -> Result<Zeroizing<Vec<u8>>, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        match owner {
            Some(owner) => private_file::read_by(Path::new(PROGRAM), path, owner).await,
            None => private_file::read(path, None).await,
        }
    })
}

#[test]
fn a_file_of_one_user_is_read_as_that_user_and_as_no_other() {
    if !is_root() {
        return;
    }
    let (directory, owner) = (Directory::new("owner"), user(OWNER));
    let contents: Vec<u8> = (0..MAX_OCTETS).map(|number| number as u8).collect();
    let path = directory.file("key.pem", &contents, owner.uid, owner.gid, 0o600);
    assert!(*read(&path, Some(OWNER)).unwrap() == contents);
    assert!(*read(&path, None).unwrap() == contents);
    let error = read(&path, Some(OTHER)).unwrap_err();
    let text = format!("the file {} cannot be read as user {OTHER}, who owns the connection: ", path.display());
    assert_eq!(error.to_string(), text + "permission denied");
}

#[test]
fn what_only_root_may_read_stays_roots() {
    if !is_root() {
        return;
    }
    let directory = Directory::new("root");
    let (root, group) = (Uid::from_raw(0), Gid::from_raw(0));
    let path = directory.file("shadow", b"secret", root, group, 0o600);
    // Root's groups are left behind, too.
    let by_group = directory.file("group", b"secret", root, group, 0o640);
    for path in [path.as_path(), &by_group, Path::new("/etc/shadow")] {
        assert_eq!(read(path, Some(OWNER)).unwrap_err().reason, "permission denied");
    }
    assert_eq!(&read(&path, Some("root")).unwrap()[..], b"secret");
}

#[test]
fn the_groups_of_the_user_count() {
    if !is_root() {
        return;
    }
    let (directory, owner) = (Directory::new("group"), user(OWNER));
    let path = directory.file("key.pem", b"shared", Uid::from_raw(0), owner.gid, 0o640);
    assert_eq!(&read(&path, Some(OWNER)).unwrap()[..], b"shared");
    assert!(read(&path, Some(OTHER)).is_err());
}

#[test]
fn only_regular_files_of_bounded_size_are_read() {
    if !is_root() {
        return;
    }
    let (directory, owner) = (Directory::new("kinds"), user(OWNER));
    let large = directory.file("large", &vec![0; MAX_OCTETS + 1], owner.uid, owner.gid, 0o600);
    let pipe = directory.0.join("pipe");
    mkfifo(&pipe, nix::sys::stat::Mode::from_bits_truncate(0o666)).unwrap();
    let absent = directory.0.join("absent");
    let below = large.join("below");
    for owner in [Some(OWNER), None] {
        let reason = |path: &Path| read(path, owner).unwrap_err().reason;
        assert_eq!(reason(&large), "it is larger than 1048576 octets");
        for path in [&pipe, &directory.0, Path::new("/dev/zero")] {
            assert_eq!(reason(path), "it is not a regular file", "{path:?}");
        }
        for path in [&absent, Path::new("")] {
            assert_eq!(reason(path), "there is no such file", "{path:?}");
        }
        assert_eq!(reason(&below), "a part of its path is not a directory");
    }
}

#[test]
fn a_user_that_does_not_exist_reads_nothing() {
    if !is_root() {
        return;
    }
    for name in ["nm-sstp-nobody", "", "games:", "../games", "--help"] {
        assert_eq!(read(Path::new("/etc/hostname"), Some(name)).unwrap_err().reason, "there is no such user", "{name}");
    }
    let error = read(Path::new("/etc/hostname"), Some("ga\0mes")).unwrap_err();
    assert!(error.reason.starts_with("the process that reads it failed"), "{error}");
}

#[test]
fn without_roots_rights_nobody_becomes_another() {
    use std::io::Write;
    use std::os::unix::process::CommandExt;
    if !is_root() {
        return;
    }
    // Where the user may start it: the directory of the build need not be open to everybody.
    let directory = Directory::new("program");
    let program = directory.0.join("program");
    // By another process: one that a test beside this one starts would hold a file that is written here, and a program that
    // somebody may write to does not start.
    assert!(Command::new("cp").args([Path::new(PROGRAM), &program]).status().unwrap().success());
    let (owner, other) = (user(OWNER), user(OTHER));
    let path = directory.file("key.pem", b"secret", owner.uid, owner.gid, 0o600);
    let mut child = Command::new(&program)
        .args(["--read-file-as", OWNER])
        .uid(other.uid.as_raw())
        .gid(other.gid.as_raw())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may be gone before it reads that.
    let _ = child.stdin.take().unwrap().write_all(path.to_str().unwrap().as_bytes());
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("the rights of the user could not be taken on: EPERM"), "{text}");
}

#[test]
fn a_file_that_is_handed_over_needs_no_right_to_it() {
    let directory = Directory::new("handed");
    let path = directory.0.join("key.pem");
    fs::write(&path, b"secret").unwrap();
    let (_, end) = std::io::pipe().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut file = fs::File::open(&path).unwrap();
        // whoever opened it may have read it
        std::io::copy(&mut file, &mut std::io::sink()).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(&private_file::read_handed(&path, file).await.unwrap()[..], b"secret");
        for other in
            [OwnedFd::from(end), fs::File::open("/dev/zero").unwrap().into(), fs::File::open("/").unwrap().into()]
        {
            let error = private_file::read_handed(Path::new("key.pem"), other).await.unwrap_err();
            assert_eq!(error.to_string(), "the file key.pem cannot be read: it is not a regular file");
        }
    });
}

#[test]
fn the_certificates_of_a_directory_are_read_as_the_user() {
    if !is_root() {
        return;
    }
    let (directory, owner) = (Directory::new("authorities"), user(OWNER));
    let (root, group) = (Uid::from_raw(0), Gid::from_raw(0));
    let pem = |text: &str| format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n").into_bytes();
    directory.file("b c.pem", &pem("b"), owner.uid, owner.gid, 0o600);
    directory.file("a.pem", &pem("a"), owner.uid, owner.gid, 0o600);
    directory.file("key.pem", b"-----BEGIN PRIVATE KEY-----\n", owner.uid, owner.gid, 0o600);
    directory.file("roots.pem", &pem("secret"), root, group, 0o600);
    directory.file("large.pem", &pem(&"x".repeat(MAX_OCTETS)), owner.uid, owner.gid, 0o600);
    mkfifo(&directory.0.join("pipe"), nix::sys::stat::Mode::from_bits_truncate(0o666)).unwrap();
    std::os::unix::fs::symlink("/etc/shadow", directory.0.join("shadow")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let read =
        |path: &Path, owner| runtime.block_on(private_file::read_certificates_by(Path::new(PROGRAM), path, owner));
    let files = read(&directory.0, OWNER).unwrap();
    let named = |name: &str, text| (directory.0.join(name), Zeroizing::new(pem(text)));
    assert!(files == [named("a.pem", "a"), named("b c.pem", "b")], "{:?}", files.iter().map(|file| &file.0));
    let error = read(&directory.0, OTHER).unwrap_err();
    assert_eq!(error.reason, "it is a directory, and no file in it holds a certificate");
    let single = directory.0.join("a.pem");
    assert!(read(&single, OWNER).unwrap() == [named("a.pem", "a")]);
    assert_eq!(read(&single, OTHER).unwrap_err().reason, "permission denied");
    assert_eq!(read(&directory.0.join("absent"), OWNER).unwrap_err().reason, "there is no such file");
}
