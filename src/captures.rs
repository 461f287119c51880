//! The directory of captures, and files in it. They show what people send through their tunnels, so that they are root's; and
//! since a profile that may be a user's says how one is called, it says nothing but the last part of its name.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::libc;
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, geteuid, unlinkat};

/// Where captures are written: what systemd makes for `LogsDirectory=nm-sstp`.
pub const DIRECTORY: &str = "/var/log/nm-sstp";

/// Most files in it that captures are added to.
const MAX_FILES: usize = 16;

/// Makes the directory where it is not there. What goes wrong shows when it is used.
pub fn make_directory() {
    drop(DirBuilder::new().mode(0o700).create(DIRECTORY));
}

/// Makes a file for a capture, in the place of one of that name.
///
/// # Errors
///
/// A sentence without its begin and end.
pub fn create(name: &str) -> Result<File, String> {
    make_directory();
    create_in(Path::new(DIRECTORY), name).map_err(|error| format!("{DIRECTORY}/{name} cannot be made: {error}"))
}

fn create_in(path: &Path, name: &str) -> io::Result<File> {
    if name.is_empty() || name.contains('/') || matches!(name, "." | "..") {
        return Err(io::Error::other("that is no name of a file"));
    }
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    let directory = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let facts = directory.metadata()?;
    if facts.uid() != geteuid().as_raw() || facts.mode() & 0o022 != 0 {
        return Err(io::Error::other("others have a hand in the directory: chown root and chmod 700 it"));
    }
    let others =
        fs::read_dir(path)?.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.file_name() != name)).count();
    if others >= MAX_FILES {
        return Err(io::Error::other(format!("there are {others} captures in the directory already: remove some")));
    }
    match unlinkat(&directory, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => {}
        Err(errno) => return Err(errno.into()),
    }
    let flags =
        OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_APPEND | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok(File::from(openat(&directory, name, flags, Mode::S_IRUSR | Mode::S_IWUSR)?))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::env;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;

    use super::*;

    /// A directory of its own for a test.
    pub(crate) struct Place(PathBuf);

    impl Place {
        pub(crate) fn new(test: &str) -> Self {
            let path = env::temp_dir().join(format!("nm-sstp-captures-{test}-{}", std::process::id()));
            drop(fs::remove_dir_all(&path));
            DirBuilder::new().mode(0o700).create(&path).unwrap();
            Place(path)
        }

        pub(crate) fn path(&self) -> &Path {
            &self.0
        }

        pub(crate) fn create(&self, name: &str) -> io::Result<File> {
            create_in(&self.0, name)
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    #[test]
    fn a_file_takes_the_place_of_another_and_follows_no_link() {
        let directory = Place::new("link");
        let (elsewhere, path) = (directory.path().join("elsewhere"), directory.path().join("x"));
        fs::write(&elsewhere, "precious").unwrap();
        symlink(&elsewhere, &path).unwrap();
        for _ in 0..2 {
            let file = create_in(directory.path(), "x").unwrap();
            let facts = fs::symlink_metadata(&path).unwrap();
            assert!(facts.is_file() && facts.mode() & 0o777 == 0o600 && facts.ino() == file.metadata().unwrap().ino());
        }
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "precious");
    }

    #[test]
    fn names_and_directories_that_cannot_be() {
        let directory = Place::new("names");
        fs::create_dir(directory.path().join("directory")).unwrap();
        for name in ["", ".", "..", "a/b", "/x", "directory"] {
            assert!(create_in(directory.path(), name).is_err(), "{name:?}");
        }
        let link = directory.path().join("link");
        symlink(directory.path(), &link).unwrap();
        assert!(create_in(&link, "x").is_err(), "a link to a directory");
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o770)).unwrap();
        let error = create_in(directory.path(), "x").unwrap_err().to_string();
        assert!(error.contains("others have a hand"), "{error}");
    }

    #[test]
    fn captures_do_not_fill_the_disk_one_by_one() {
        let directory = Place::new("many");
        for number in 0..MAX_FILES {
            create_in(directory.path(), &number.to_string()).unwrap();
        }
        assert!(create_in(directory.path(), "0").is_ok(), "it takes the place of another");
        assert!(create_in(directory.path(), "one more").unwrap_err().to_string().contains("remove some"));
    }
}
