//! Files of a caller that come opened with a call: the way to what the service itself may not read, or does not see.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use zbus::Variant;

use super::Error;
use super::limits::{Permit, Quota};
use crate::profile::{KEYS, Kind, path_of};
use crate::profile_files::{Handed, Opened};

/// Most files of one call; the table has fewer keys that are paths.
const MAX_FILES: usize = 16;

/// Files of one user that are held open at a time, and in all: what sessions and probes can name, and a few more. Reading
/// a file can hang for as long as its file system likes, and then it is still held.
const MAX_HELD: (usize, usize) = (64, 256);

/// The count of files that are held.
pub(super) fn quota() -> Quota<u32> {
    Quota::new(MAX_HELD.0, MAX_HELD.1)
}

/// Files that came, by the values of the settings that name them.
pub(super) type Came = Vec<(String, OwnedFd)>;

/// The entries of an `a{sh}`.
pub(super) fn files(value: &Variant<'_>) -> Result<Came, Error> {
    let dict = match value {
        Variant::Dict(dict) if *dict.signature() == "a{sh}" => dict,
        _ => return Err(Error::BadArguments("The option \"files\" is of the D-Bus type a{sh}.".to_owned())),
    };
    let mut came = Came::new();
    for entry in dict.iter() {
        let (Variant::Str(name), Variant::Fd(file)) = entry else { continue };
        if came.len() == MAX_FILES {
            return Err(Error::BadArguments(format!("There are more than {MAX_FILES} files.")));
        }
        if !is_for_reading(file.as_fd()) {
            return Err(Error::BadArguments("A file has to come open for reading, and for reading alone.".to_owned()));
        }
        let file = file.as_fd().try_clone_to_owned();
        let file = file.map_err(|error| Error::LimitExceeded(format!("The service cannot hold a file: {error}.")))?;
        came.push((name.to_string(), file));
    }
    Ok(came)
}

/// Does not ask the file system, which may be slow.
fn is_for_reading(file: BorrowedFd<'_>) -> bool {
    fcntl(file, FcntlArg::F_GETFL).is_ok_and(|flags| {
        let flags = OFlag::from_bits_retain(flags);
        flags & OFlag::O_ACCMODE == OFlag::O_RDONLY && !flags.contains(OFlag::O_PATH)
    })
}

/// A file of a caller, counted until nobody reads it any more.
struct Held {
    file: OwnedFd,
    _permit: Permit<u32>,
}

impl AsFd for Held {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// The files of a user's settings by their paths.
///
/// # Errors
///
/// The settings do not name one of them, or the user has too many.
pub(super) fn handed(
    came: Came,
    settings: &BTreeMap<String, String>,
    quota: &Quota<u32>,
    uid: u32,
) -> Result<Handed, Error> {
    let paths = || KEYS.iter().filter(|key| key.kind == Kind::Path).filter_map(|key| settings.get(key.name));
    let hold = |(name, file): (String, OwnedFd)| {
        if !paths().any(|path| *path == name) {
            let text =
                "A file came that no setting of this call names. Those of stored profiles are read by the service.";
            return Err(Error::BadArguments(text.to_owned()));
        }
        let permit = quota.take(uid).ok_or_else(|| {
            let (each, all) = MAX_HELD;
            Error::LimitExceeded(format!("There are {each} files of one user at a time at most, and {all} in all."))
        })?;
        let file: Opened = Arc::new(Held { file, _permit: permit });
        Ok((path_of(&name), file))
    };
    came.into_iter().map(hold).collect()
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a_file_counts_until_nobody_holds_it() {
        let quota = Quota::new(2, 3);
        let settings = ["ca-cert", "crl-file", "tls-ca-cert"].map(|key| (key.to_owned(), format!("/{key}")));
        let settings = BTreeMap::from(settings);
        let come = |names: &[&str], uid| {
            let came = names.iter().map(|name| (format!("/{name}"), File::open("/dev/null").unwrap().into())).collect();
            handed(came, &settings, &quota, uid)
        };
        let first = come(&["ca-cert", "crl-file"], 1).unwrap();
        let also = first.clone();
        assert!(matches!(come(&["ca-cert"], 1), Err(Error::LimitExceeded(_))), "each");
        assert!(matches!(come(&["ca-cert", "crl-file"], 2), Err(Error::LimitExceeded(_))), "all");
        drop(first);
        assert!(come(&["ca-cert"], 1).is_err(), "somebody else holds them");
        drop(also);
        assert!(come(&["ca-cert", "crl-file", "tls-ca-cert"], 1).is_err(), "as many at once");
        assert!(quota.is_unused(), "what was refused is let go");
    }
}
