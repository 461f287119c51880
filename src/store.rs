//! The profiles that are stored on this machine, and their secrets.
//!
//! A profile is a file `profiles/NAME.toml` below the store's directory, `/etc/nm-sstp`: flat TOML of the same keys as
//! NetworkManager's `vpn.data`. Its secrets are in `secrets/NAME.toml`, or in systemd credentials `NAME.SECRET`
//! (`work.password`), which go first. Whoever can write such a file tells a process of root where to connect to and what
//! to read, and whoever can read the secrets has them: a file that others could have written, or secrets that others can
//! read, are refused with a sentence.

mod files;

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::exchange::toml as text;
use crate::profile::{Kind, Secret, find};

/// Most octets of a name.
pub const MAX_NAME: usize = 64;

/// Most octets of a stored file.
const MAX_OCTETS: usize = 64 * 1024;

/// Most octets of a systemd credential that is a secret.
const MAX_CREDENTIAL: usize = 8 * 1024;

/// Most profiles that are listed.
const MAX_PROFILES: usize = 256;

/// The name of a stored profile: 1 to 64 of the characters `A-Z a-z 0-9 . _ -`, the first neither `.` nor `-`. So it can be
/// a part of a path, of a unit's name and of a command line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    /// Reads a name.
    ///
    /// # Errors
    ///
    /// [`Error::BadName`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let known = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'_' | b'-');
        if text.is_empty() || text.len() > MAX_NAME || !text.bytes().all(known) || text.starts_with(['.', '-']) {
            return Err(Error::BadName);
        }
        Ok(Self(text.to_owned()))
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Secrets by their names; wiped when dropped.
pub type SecretValues = BTreeMap<String, Zeroizing<String>>;

/// A stored profile. No `Debug`: it shows the secrets.
pub struct Stored {
    /// Its settings.
    pub settings: BTreeMap<String, String>,
    /// Its secrets.
    pub secrets: SecretValues,
}

/// Why a profile could not be read or stored.
#[derive(Debug, PartialEq, Eq)]
pub enum Error {
    /// It is no [`Name`].
    BadName,
    /// There is no profile of this name.
    NoSuchProfile(Name),
    /// There is a profile of this name.
    Exists(Name),
    /// There is no room for more.
    TooMany,
    /// A file or directory cannot be used.
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why; a sentence without its begin and end.
        reason: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadName => write!(
                f,
                "the name of a profile has 1 to {MAX_NAME} of the characters A-Z a-z 0-9 . _ -, and begins with neither . \
                 nor -"
            ),
            Self::NoSuchProfile(name) => write!(f, "there is no stored profile {name}"),
            Self::Exists(name) => {
                write!(f, "there is a stored profile {name} already: replace it, or take another name")
            }
            Self::TooMany => write!(f, "there are {MAX_PROFILES} stored profiles already: remove one first"),
            Self::Unusable { path, reason } => write!(f, "the file {} cannot be used: {reason}", path.display()),
        }
    }
}

impl std::error::Error for Error {}

/// Whether a setting of this name is a secret in the wrong place: its value must be shown to nobody.
pub fn is_secret(setting: &str) -> bool {
    let named = Secret::named(setting).is_some_and(|secret| secret != Secret::User);
    named || find(setting).is_some_and(|key| key.kind == Kind::Secret)
}

/// Where profiles are stored. Its methods block on the file system.
#[derive(Clone, Debug)]
pub struct Store {
    directory: PathBuf,
    credentials: Option<PathBuf>,
}

impl Store {
    /// The directory of this machine's profiles.
    pub const DIRECTORY: &str = "/etc/nm-sstp";

    /// A store in this directory, and with systemd credentials in that one.
    pub fn new(directory: impl Into<PathBuf>, credentials: Option<PathBuf>) -> Self {
        Self { directory: directory.into(), credentials }
    }

    /// The store of this machine, with the credentials of this service (`$CREDENTIALS_DIRECTORY`).
    pub fn of_the_system() -> Self {
        Self::new(Self::DIRECTORY, env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from))
    }

    /// The stored profiles, without their secrets, in the order of their names. One that cannot be used is named in the
    /// log and left out.
    ///
    /// # Errors
    ///
    /// The directory cannot be used. One that is not there has no profiles.
    pub fn list(&self) -> Result<BTreeMap<Name, BTreeMap<String, String>>, Error> {
        let mut profiles = BTreeMap::new();
        for name in self.names()? {
            match self.settings(&name) {
                Ok(settings) => drop(profiles.insert(name, settings)),
                Err(error) => tracing::warn!("A stored profile is left out: {error}."),
            }
        }
        Ok(profiles)
    }

    /// A stored profile and its secrets.
    ///
    /// # Errors
    ///
    /// There is none, or one of its files cannot be used.
    pub fn load(&self, name: &Name) -> Result<Stored, Error> {
        let settings = self.settings(name)?;
        let path = self.secrets_file(name);
        let mut secrets = match files::read(&path, files::Privacy::Secret, MAX_OCTETS)? {
            Some(text) => text::read_secrets(&text).map_err(|bad| Error::Unusable { path, reason: bad.to_string() })?,
            None => SecretValues::new(),
        };
        for secret in Secret::ALL {
            if let Some(value) = self.credential(name, secret)? {
                secrets.insert(secret.name().to_owned(), value);
            }
        }
        Ok(Stored { settings, secrets })
    }

    /// Stores a profile. `secrets` take the place of those that are stored; `None` leaves them.
    ///
    /// # Errors
    ///
    /// There is one of that name and it is not to be replaced, or a file cannot be written.
    pub fn save(
        &self,
        name: &Name,
        settings: &BTreeMap<String, String>,
        secrets: Option<&SecretValues>,
        replace: bool,
    ) -> Result<(), Error> {
        let names = self.names()?;
        match names.contains(name) {
            true if !replace => return Err(Error::Exists(name.clone())),
            false if names.len() >= MAX_PROFILES => return Err(Error::TooMany),
            _ => {}
        }
        let settings = Zeroizing::new(text::write(settings.iter().map(|(key, value)| (key.as_str(), value.as_str()))));
        // The secrets go first: a profile that is there has them.
        match secrets {
            Some(secrets) if !secrets.is_empty() => {
                let pairs = secrets.iter().map(|(key, value)| (key.as_str(), value.as_str()));
                files::write(&self.secrets_file(name), &Zeroizing::new(text::write(pairs)), MAX_OCTETS)?;
            }
            Some(_) => drop(files::remove(&self.secrets_file(name))?),
            None => {}
        }
        files::write(&self.profile_file(name), &settings, MAX_OCTETS)
    }

    /// Removes a stored profile and its secrets.
    ///
    /// # Errors
    ///
    /// There is none, or a file cannot be removed.
    pub fn remove(&self, name: &Name) -> Result<(), Error> {
        let was_there = files::remove(&self.profile_file(name))?;
        // also those that an interrupted removal left
        let had_secrets = files::remove(&self.secrets_file(name))?;
        if was_there || had_secrets { Ok(()) } else { Err(Error::NoSuchProfile(name.clone())) }
    }

    fn names(&self) -> Result<Vec<Name>, Error> {
        let mut names = Vec::new();
        for file in files::list(&self.directory.join("profiles"))? {
            let stem = file.to_str().and_then(|file| file.strip_suffix(".toml"));
            names.extend(stem.and_then(|stem| Name::parse(stem).ok()));
        }
        names.sort();
        names.truncate(MAX_PROFILES);
        Ok(names)
    }

    fn settings(&self, name: &Name) -> Result<BTreeMap<String, String>, Error> {
        let path = self.profile_file(name);
        let text = files::read(&path, files::Privacy::Settings, MAX_OCTETS)?;
        let text = text.ok_or_else(|| Error::NoSuchProfile(name.clone()))?;
        text::read_settings(&text).map_err(|bad| Error::Unusable { path, reason: bad.to_string() })
    }

    fn credential(&self, name: &Name, secret: Secret) -> Result<Option<Zeroizing<String>>, Error> {
        let Some(directory) = &self.credentials else { return Ok(None) };
        let path = directory.join(format!("{name}.{}", secret.name()));
        let text = files::read(&path, files::Privacy::Settings, MAX_CREDENTIAL)?;
        // people make the files with an editor or echo
        Ok(text.map(|text| Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned())))
    }

    fn profile_file(&self, name: &Name) -> PathBuf {
        self.file("profiles", name)
    }

    fn secrets_file(&self, name: &Name) -> PathBuf {
        self.file("secrets", name)
    }

    fn file(&self, kind: &str, name: &Name) -> PathBuf {
        Path::new(&self.directory).join(kind).join(format!("{name}.toml"))
    }
}

#[cfg(test)]
mod tests;
