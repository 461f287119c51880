//! Secrets that are given with a command: in a file, on standard input, or as credentials of systemd.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nm_sstp::profile::Secret;
use nm_sstp::tr;
use zeroize::Zeroizing;

use crate::arguments;
use crate::output;
use crate::problem::Problem;

/// Most octets of a secret.
const MAX_OCTETS: usize = 4096;

/// Names and values. They are wiped when dropped.
#[derive(Default)]
pub struct Given(Vec<(String, Zeroizing<String>)>);

impl Given {
    /// What `--password-file` and `--password-stdin` say.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is no password.
    pub fn password(from: &arguments::Password) -> Result<Self, Problem> {
        let mut given = Self::default();
        if let Some(path) = &from.password_file {
            let file = File::open(path).map_err(|error| Problem::unreadable(path, None, &error))?;
            if file.metadata().is_ok_and(|facts| facts.is_file() && facts.mode() & 0o077 != 0) {
                output::warn(&tr!("others may read the password in {path}: chmod 600 it", path = path.display()));
            }
            given.insert(Secret::Password.name(), first_line(file, &path.display().to_string())?);
        } else if from.password_stdin {
            given.insert(Secret::Password.name(), first_line(io::stdin().lock(), &tr!("standard input"))?);
        }
        Ok(given)
    }

    /// Adds the credentials of a systemd unit: files in `$CREDENTIALS_DIRECTORY` that are called as the secrets are.
    ///
    /// # Errors
    ///
    /// One that is there cannot be read.
    pub fn add_credentials(&mut self) -> Result<(), Problem> {
        let Some(directory) = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from) else { return Ok(()) };
        for secret in Secret::ALL {
            let path = directory.join(secret.name());
            if let Some(file) = open_if_there(&path)? {
                self.insert(secret.name(), first_line(file, &path.display().to_string())?);
            }
        }
        Ok(())
    }

    /// Adds one; a value that was there is replaced.
    pub fn insert(&mut self, name: &str, value: Zeroizing<String>) {
        self.0.retain(|(other, _)| other != name);
        self.0.push((name.to_owned(), value));
    }

    /// As the helper takes them.
    pub fn as_map(&self) -> HashMap<&str, &str> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }
}

fn open_if_there(path: &Path) -> Result<Option<File>, Problem> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Problem::unreadable(path, None, &error)),
    }
}

/// The first line, without its end.
fn first_line(mut source: impl Read, name: &str) -> Result<Zeroizing<String>, Problem> {
    // It never grows, which would leave a copy behind.
    let mut octets = Zeroizing::new(Vec::with_capacity(MAX_OCTETS));
    let mut octet = [0];
    loop {
        match source.read(&mut octet) {
            Ok(0) => break,
            Ok(_) if octet[0] == b'\n' => break,
            Ok(_) if octets.len() == MAX_OCTETS => {
                return Err(Problem::usage(tr!("The first line of {name} is too long for a secret.", name = name)));
            }
            Ok(_) => octets.push(octet[0]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                return Err(Problem::other(tr!(
                    "A secret cannot be read from {name}: {error}.",
                    name = name,
                    error = error
                )));
            }
        }
    }
    let line = octets.strip_suffix(b"\r").unwrap_or(&octets);
    match std::str::from_utf8(line) {
        Ok("") => Err(Problem::usage(tr!("There is no secret in {name}: its first line is empty.", name = name))),
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(Problem::usage(tr!("What is in {name} is no secret: it is not text in UTF-8.", name = name))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_the_first_line() {
        let read = |octets: &[u8]| first_line(octets, "x").map(|secret| secret.to_string()).map_err(|p| p.to_string());
        assert_eq!(read(b"hunter2"), Ok("hunter2".to_owned()));
        assert_eq!(read(b" h\xc3\xbcnter 2 \r\nmore"), Ok(" h\u{fc}nter 2 ".to_owned()));
        assert!(read(b"\n").unwrap_err().contains("is empty"));
        assert!(read(b"\xff\n").unwrap_err().contains("UTF-8"));
        assert!(read(&[b'x'; MAX_OCTETS + 1]).unwrap_err().contains("too long"));
        assert!(read(&[b'x'; MAX_OCTETS]).is_ok());
    }
}
