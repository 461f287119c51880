//! The files that settings name, opened with the rights of whoever runs the command: the helper has none to them, and gets
//! them opened.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;

use nm_sstp::inner_tls::Source;
use nm_sstp::private_file;
use nm_sstp::profile::{KEYS, Kind, path_of};
use nm_sstp::tr;

use crate::problem::{Exit, Problem};
use crate::settings::Settings;

/// Open files by the values of their settings.
pub type Files<'a> = BTreeMap<&'a str, File>;

/// Opens all of them.
///
/// # Errors
///
/// The first that cannot be read.
pub fn open(settings: &Settings) -> Result<Files<'_>, Problem> {
    let mut files = Files::new();
    for key in KEYS.iter().filter(|key| key.kind == Kind::Path) {
        let Some(value) = settings.get(key.name).filter(|value| !value.is_empty() && !Source::is_token(value)) else {
            continue;
        };
        let path = path_of(value);
        let file = open_one(&path)
            .map_err(|error| Problem { exit: Exit::Usage, ..Problem::unreadable(&path, Some(key.name), &error) })?;
        files.insert(value, file);
    }
    Ok(files)
}

/// A directory of certificates is for the helper to read, and then has to be where it sees it.
fn open_one(path: &Path) -> io::Result<File> {
    if path.is_dir() {
        let reason = tr!(
            "it is a directory, which cannot be handed to the helper; name one file with all that is in it, or store \
             a profile that names a directory below /etc/nm-sstp"
        );
        return Err(io::Error::other(reason));
    }
    private_file::open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(pairs: &[(&str, &str)]) -> Result<Vec<String>, Problem> {
        let settings = pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        open(&settings).map(|files| files.into_keys().map(str::to_owned).collect())
    }

    #[test]
    fn what_is_a_file_is_opened_once() {
        let pairs = [("ca-cert", "/etc/passwd"), ("tls-ca-cert", "/etc/passwd"), ("crl-file", r"/etc/gr\157up")];
        assert_eq!(opened(&pairs), Ok(vec![r"/etc/gr\157up".to_owned(), "/etc/passwd".to_owned()]));
        let pairs = [("user", "/etc/passwd"), ("tls-user-cert", "PKCS11:object=x"), ("ca-cert", "")];
        assert_eq!(opened(&pairs), Ok(vec![]));
    }

    #[test]
    fn what_cannot_be_opened_is_named_with_its_setting() {
        let problem = opened(&[("tls-user-key", "/nonexistent/key.pem")]).expect_err("a problem");
        let text = "The file /nonexistent/key.pem cannot be read for the setting tls-user-key: there is no such file.";
        assert_eq!((problem.to_string().as_str(), problem.exit), (text, Exit::Usage));
        let directory = "it is a directory, which cannot be handed to the helper; name one file with all that is in it, or \
                         store a profile that names a directory below /etc/nm-sstp.";
        for (path, reason) in [("/etc", directory), ("/dev/null", "it is not a regular file.")] {
            let problem = opened(&[("ca-cert", path)]).expect_err("a problem");
            assert!(problem.to_string().ends_with(reason), "{problem}");
        }
    }
}
