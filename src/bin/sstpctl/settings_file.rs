//! Profiles as files: flat TOML, a line for each setting, as `/etc/nm-sstp/profiles/` has them.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nm_sstp::exchange::{self, toml};
use nm_sstp::tr;
use zeroize::Zeroizing;

use crate::problem::Problem;
use crate::settings::Settings;

/// Most octets of a file that is imported.
const MAX_OCTETS: usize = 64 * 1024;

/// The settings as TOML, in the order of the table of keys; what is not in it comes last.
pub fn write(settings: &Settings) -> String {
    toml::write(settings.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

/// Reads what [`write()`] writes, and what people write: numbers and true or false without quotes.
///
/// # Errors
///
/// It is not flat TOML; the sentence says where.
pub fn read(text: &str) -> Result<Settings, Problem> {
    toml::read_settings(text).map_err(|bad| Problem::usage(exchange::Error::from(bad).to_string()))
}

/// The text of a file of at most 64 KiB.
///
/// # Errors
///
/// It cannot be read, is larger, or no text.
pub fn load(path: &Path) -> Result<Zeroizing<String>, Problem> {
    let octets = load_octets(path, MAX_OCTETS)?;
    match std::str::from_utf8(&octets) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => {
            Err(Problem::other(tr!("The file {path} is no profile: it is not text in UTF-8.", path = path.display())))
        }
    }
}

/// The octets of a file of at most `most` of them.
///
/// # Errors
///
/// It cannot be read, or is larger.
pub fn load_octets(path: &Path, most: usize) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let failed = |error: std::io::Error| Problem::unreadable(path, None, &error);
    let mut octets = Zeroizing::new(Vec::with_capacity(most + 1));
    File::open(path).and_then(|file| file.take(most as u64 + 1).read_to_end(&mut octets)).map_err(failed)?;
    if octets.len() > most {
        return Err(Problem::other(tr!("The file {path} is no profile: it is too large.", path = path.display())));
    }
    Ok(octets)
}

/// Writes a new file that only its owner can read.
///
/// # Errors
///
/// It is there already, or cannot be written.
pub fn store_new(path: &Path, octets: &[u8]) -> Result<(), Problem> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(octets)).map_err(|error| Problem::unwritable(path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let pairs = [("user", "DOM\\al\"ice"), ("gateway", "vpn.example.com"), ("x.y", "a\nb\u{1b}"), ("mtu", "1400")];
        let settings: Settings = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let text = write(&settings);
        assert!(text.starts_with("gateway = \"vpn.example.com\"\nuser = "), "{text}");
        assert_eq!(read(&text), Ok(settings));
    }

    #[test]
    fn people_leave_quotes_away() {
        let settings = read("gateway = 'a'\nmtu = 1400\ntls-ext = false # no SNI\n").expect("settings");
        assert_eq!((settings["mtu"].as_str(), settings["tls-ext"].as_str()), ("1400", "no"));
    }

    #[test]
    fn the_place_of_an_error_is_named() {
        let error = read("gateway = \"a\"\nuser = \n").expect_err("an error");
        assert!(error.to_string().starts_with("Line 2 "), "{error}");
        let error = read("[vpn]\ngateway = \"a\"\n").expect_err("an error");
        assert!(error.to_string().starts_with("Line 1 "), "{error}");
    }
}
