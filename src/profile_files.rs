//! The files that a profile names, read before a tunnel begins: the tunnel itself opens none, and what it needs of them
//! can go to another process.
//!
//! A file that came opened is read from there. Any other is read with the rights of the user whose profile it is, as
//! [`private_file`] does. What could not be read counts only when it is used. In the place of a file of authorities there
//! may be a directory of them, which cannot come opened.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::inner_tls::Source;
use crate::private_file::{self, Error};
use crate::profile::{Authentication, ClientCertificate, Profile};

/// With whose rights the files of a profile are read.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    /// The user who owns the connection, by name; `None`: this process.
    pub owner: Option<String>,
    /// The files that whoever named them has the right to read, and has opened.
    pub handed: Handed,
}

impl Rights {
    /// Those of a user, or of this process.
    pub fn of(owner: Option<String>) -> Self {
        Self { owner, handed: Handed::default() }
    }
}

/// Something that is an open file and is closed when it is dropped.
pub type Opened = Arc<dyn AsFd + Send + Sync>;

/// Files that came opened, by the paths that the profile has for them.
#[derive(Clone, Default)]
pub struct Handed(Arc<BTreeMap<PathBuf, Opened>>);

impl FromIterator<(PathBuf, Opened)> for Handed {
    fn from_iter<I: IntoIterator<Item = (PathBuf, Opened)>>(files: I) -> Self {
        Self(Arc::new(files.into_iter().collect()))
    }
}

impl fmt::Debug for Handed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The contents of the files that a profile names, and of those in the directories that it names.
///
/// It can be sent to another process of this program by serde; paths need not be UTF-8.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(from = "Vec<Entry>", into = "Vec<Entry>")]
pub struct Files(Arc<Vec<Entry>>);

/// What was found at one path.
#[derive(Clone, Deserialize, Serialize)]
struct Entry {
    path: OsString,
    found: Result<Vec<Contents>, Unread>,
}

/// A file: the one at the path, or one in the directory there.
#[derive(Clone, Deserialize, Serialize)]
struct Contents {
    path: OsString,
    octets: Zeroizing<Vec<u8>>,
}

impl Contents {
    fn of(path: PathBuf, octets: Zeroizing<Vec<u8>>) -> Self {
        Self { path: path.into_os_string(), octets }
    }
}

/// An [`Error`] without its path.
#[derive(Clone, Deserialize, Serialize)]
struct Unread {
    owner: Option<String>,
    reason: String,
}

impl Files {
    /// Reads every file that a tunnel of the profile uses, all at the same time, in some 10 s at most. To be called as
    /// [`private_file::read`].
    pub async fn read(profile: &Profile, rights: &Rights) -> Self {
        let entry = |(path, what): (PathBuf, What)| async move {
            let owner = rights.owner.as_deref();
            let found = match (rights.handed.0.get(&path), what) {
                (Some(file), _) => {
                    private_file::read_handed(&path, file.clone()).await.map(|octets| one(&path, octets))
                }
                (None, What::File) => private_file::read(&path, owner).await.map(|octets| one(&path, octets)),
                (None, What::Certificates) => private_file::read_certificates(&path, owner).await,
            };
            let found = found.map(|files| files.into_iter().map(|(path, octets)| Contents::of(path, octets)).collect());
            let found = found.map_err(|Error { owner, reason, .. }| Unread { owner, reason });
            Entry { path: path.into_os_string(), found }
        };
        let named = named(profile).into_iter().map(|(path, what)| (path.to_owned(), what));
        Self::from(join_all(named.map(entry)).await)
    }

    /// What a file contains.
    ///
    /// # Errors
    ///
    /// It could not be read.
    pub fn get(&self, path: &Path) -> Result<&Zeroizing<Vec<u8>>, Error> {
        match self.found(path)? {
            [Contents { path: at, octets }] if at == path => Ok(octets),
            _ => Err(Error { path: path.to_owned(), owner: None, reason: "it is a directory".to_owned() }),
        }
    }

    /// The file, or those of the directory that hold certificates, with their own paths; at least one.
    ///
    /// # Errors
    ///
    /// It could not be read, or the directory has no certificates, or too many.
    pub fn certificates(&self, path: &Path) -> Result<private_file::Files, Error> {
        let found = self.found(path)?.iter();
        Ok(found.map(|Contents { path, octets }| (PathBuf::from(path), octets.clone())).collect())
    }

    fn found(&self, path: &Path) -> Result<&[Contents], Error> {
        let failed = |owner, reason| Error { path: path.to_owned(), owner, reason };
        match self.0.iter().find(|entry| entry.path == path) {
            Some(Entry { found: Ok(found), .. }) => Ok(found),
            Some(Entry { found: Err(Unread { owner, reason }), .. }) => Err(failed(owner.clone(), reason.clone())),
            None => Err(failed(None, "it was not read, which is a fault of nm-sstp: please report it".to_owned())),
        }
    }
}

fn one(path: &Path, octets: Zeroizing<Vec<u8>>) -> private_file::Files {
    vec![(path.to_owned(), octets)]
}

impl From<Vec<Entry>> for Files {
    fn from(entries: Vec<Entry>) -> Self {
        Self(Arc::new(entries))
    }
}

impl From<Files> for Vec<Entry> {
    fn from(Files(entries): Files) -> Self {
        Arc::unwrap_or_clone(entries)
    }
}

/// Shows the paths alone.
impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|entry| &entry.path)).finish()
    }
}

/// What is to be read at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// A file.
    File,
    /// A file of certificates, or a directory of such files.
    Certificates,
}

/// The files that a tunnel of the profile uses, each of them once.
fn named(profile: &Profile) -> BTreeMap<&Path, What> {
    let user = match &profile.authentication {
        Authentication::Certificate(ClientCertificate { user_cert: Some(certificate), user_key, .. }) => {
            [Some(certificate), user_key.as_ref()]
        }
        _ => [None, None],
    };
    let tls = profile.eap.needs_tls();
    let user = user.into_iter().flatten().filter(|path| tls && !is_token(path));
    let files = profile.inner_tls.crl_file.iter().chain(user).map(|path| (path.as_path(), What::File));
    let authorities = profile.ca_cert.iter().chain(profile.inner_tls.ca_cert.iter().filter(|_| tls));
    // a file that is both is one of certificates
    files.chain(authorities.map(|path| (path.as_path(), What::Certificates))).collect()
}

/// Whether the path is none, but the URI of an object on a token.
fn is_token(path: &Path) -> bool {
    path.to_str().is_some_and(Source::is_token)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    /// A directory that goes with its owner.
    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("nm-sstp-files-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn file(&self, name: &str, contents: &str) -> String {
            let path = self.0.join(name);
            fs::write(&path, contents).unwrap();
            path.to_str().unwrap().to_owned()
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    fn profile(pairs: &[(&str, &str)]) -> Profile {
        let pairs = [&[("gateway", "vpn.example.com"), ("user", "me")], pairs].concat();
        let data = pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        Profile::from_settings(&data, None, None).unwrap().0
    }

    fn names(pairs: &[(&str, &str)]) -> Vec<String> {
        named(&profile(pairs)).into_keys().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn every_file_that_is_used_is_named_once() {
        assert_eq!(names(&[]), [""; 0]);
        assert_eq!(names(&[("ca-cert", "/ca")]), ["/ca"]);
        let trust = [("ca-cert", "/ca"), ("tls-ca-cert", "/inner"), ("crl-file", "/crl")];
        assert_eq!(names(&trust), ["/ca", "/crl", "/inner"]);
        let certificate = [("connection-type", "tls"), ("tls-user-cert", "/me"), ("tls-user-key", "/key")];
        assert_eq!(names(&certificate), ["/key", "/me"]);
        let both = [("connection-type", "tls"), ("tls-user-cert", "/me"), ("tls-user-key", "/me")];
        assert_eq!(names(&both), ["/me"]);
    }

    #[test]
    fn what_is_not_used_is_not_read() {
        let without_tls = [("eap", "mschapv2"), ("ca-cert", "/ca"), ("tls-ca-cert", "/inner"), ("crl-file", "/crl")];
        assert_eq!(names(&without_tls), ["/ca", "/crl"], "the gateway's");
        assert_eq!(names(&[("tls-user-cert", "/me"), ("tls-user-key", "/key")]), [""; 0], "a password");
        let token = [("connection-type", "tls"), ("tls-user-cert", "PKCS11:object=me"), ("tls-user-key", "pkcs11:a")];
        assert_eq!(names(&token), [""; 0]);
    }

    #[tokio::test]
    async fn what_came_opened_is_read_from_there() {
        let directory = Directory::new("handed");
        let (path, other) = (directory.file("ca.pem", "at the path"), directory.file("other", "opened"));
        let profile = profile(&[("ca-cert", &path)]);
        let files = Files::read(&profile, &Rights::default()).await;
        assert_eq!(files.get(path.as_ref()).unwrap()[..], *b"at the path");

        let opened: Opened = Arc::new(File::open(&other).unwrap());
        let handed: Handed = [(PathBuf::from(&path), opened)].into_iter().collect();
        let rights = Rights { owner: Some("nobody's name".to_owned()), handed };
        for _ in 0..2 {
            let files = Files::read(&profile, &rights).await;
            assert_eq!(files.get(path.as_ref()).unwrap()[..], *b"opened", "as often as it is needed");
        }
    }

    #[tokio::test]
    async fn authorities_can_be_in_a_directory_and_nothing_else_can() {
        let directory = Directory::new("authorities");
        let pem = |name: &str| {
            let text = format!("-----BEGIN CERTIFICATE-----\n{name}\n-----END CERTIFICATE-----\n");
            (PathBuf::from(directory.file(name, &text)), Zeroizing::new(text.into_bytes()))
        };
        let certificates = vec![pem("a.pem"), pem("b.pem")];
        directory.file("README", "not a certificate");
        let path = directory.0.to_str().unwrap();
        let profile = profile(&[("tls-ca-cert", path), ("crl-file", "/etc")]);
        let files = Files::read(&profile, &Rights::default()).await;
        assert_eq!(files.certificates(&directory.0).unwrap(), certificates);
        assert_eq!(files.get(&directory.0).unwrap_err().reason, "it is a directory");
        assert_eq!(files.get(Path::new("/etc")).unwrap_err().reason, "it is not a regular file");

        let opened: Opened = Arc::new(File::open(&directory.0).unwrap());
        let rights = Rights { owner: None, handed: [(directory.0.clone(), opened)].into_iter().collect() };
        let error = Files::read(&profile, &rights).await.certificates(&directory.0).unwrap_err();
        assert_eq!(error.reason, "it is not a regular file", "nobody goes through what came opened");
    }

    #[tokio::test]
    async fn what_cannot_be_read_says_so_where_it_is_used() {
        let directory = Directory::new("missing");
        let (there, missing) = (directory.file("ca.pem", "there"), directory.0.join("missing"));
        let profile = profile(&[("ca-cert", &there), ("tls-ca-cert", missing.to_str().unwrap())]);
        let files = Files::read(&profile, &Rights::default()).await;
        assert_eq!(files.get(there.as_ref()).unwrap()[..], *b"there");
        let error = files.get(&missing).unwrap_err();
        assert_eq!(error, private_file::read(&missing, None).await.unwrap_err());
        assert!(files.get(Path::new("/another")).unwrap_err().reason.contains("was not read"));
    }

    #[test]
    fn it_is_the_same_in_another_process_and_shows_no_contents() {
        let unread = Unread { owner: Some("alice".to_owned()), reason: "permission denied".to_owned() };
        let path = OsString::from("/etc/key.pem");
        let odd = <OsString as std::os::unix::ffi::OsStringExt>::from_vec(b"/home/j\xf6rg/ca.pem".to_vec());
        let octets = Zeroizing::new(b"hunter2".to_vec());
        let files = Files::from(vec![
            Entry { path: odd.clone(), found: Ok(vec![Contents { path: odd.clone(), octets }]) },
            Entry { path: path.clone(), found: Err(unread) },
        ]);
        let sent = serde_json::to_string(&files).unwrap();
        let came: Files = serde_json::from_str(&sent).unwrap();
        assert_eq!(came.get(odd.as_ref()).unwrap()[..], *b"hunter2");
        assert_eq!(came.get(path.as_ref()).unwrap_err(), files.get(path.as_ref()).unwrap_err());
        let profile = profile(&[("ca-cert", r"/home/j\366rg/ca.pem"), ("crl-file", r"/\377")]);
        let came_profile: Profile = serde_json::from_str(&serde_json::to_string(&profile).unwrap()).unwrap();
        assert_eq!(came_profile, profile);
        assert_eq!(came_profile.ca_cert.as_deref(), Some(odd.as_ref()));
        assert!(!format!("{came:?}").contains("hunter2") && !format!("{came:?}").contains("104"), "{came:?}");
    }
}
