//! Connections from files.

use std::path::{Path, PathBuf};

use nm_sstp::exchange::{self, Confidential, Format};
use nm_sstp::profile::{Kind, SERVICE_TYPE, Secret, find};
use nm_sstp::tr;
use nm_sstp_libnm::{Connection, Problem, glib};
use zeroize::Zeroizing;

pub use nm_sstp_libnm::imported::Imported as Found;

use crate::files;

/// Reads a file, or one entry of it: `FILE#ENTRY`. Where there are several and none is named, `choose` says which.
///
/// # Errors
///
/// The file cannot be read, there is no connection of SSTP in it or not this one, or there are several and none is chosen.
pub fn read(path: &Path, choose: impl FnOnce(&[String]) -> Option<usize>) -> Result<Found, glib::Error> {
    let (path, entry) = parts(path);
    let failed = |error: &dyn std::fmt::Display| {
        let file = path.display();
        Problem::Failed.says(tr!("The file {file} cannot be read: {error}.", file = file, error = error))
    };
    let octets = files::load(&path).map_err(|error| failed(&error))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let imported = exchange::import(&octets, &name).map_err(|error| Problem::InvalidSetting.says(error.to_string()))?;
    let names: Vec<_> = imported.connections.iter().map(|connection| connection.name.clone()).collect();
    let listed = || names.join(", ");
    let chosen = match entry {
        Some(entry) => names.iter().position(|name| *name == entry).ok_or_else(|| {
            tr!("There is no connection {name} in the file, but: {names}", name = entry, names = listed())
        }),
        None if names.len() > 1 => choose(&names).ok_or_else(|| {
            tr!(
                "The file has several connections: {names}. Choose one by its name behind the file's: '{file}#{first}'.",
                names = listed(),
                file = path.display(),
                first = names[0]
            )
        }),
        None => Ok(0),
    };
    let chosen = chosen.map_err(|sentence| Problem::Failed.says(sentence))?;
    let whole = (imported.format == Format::Keyfile).then(|| std::str::from_utf8(&octets).ok()).flatten();
    let about_the_file = imported.notes.iter().chain(imported.skipped.iter().map(|skipped| &skipped.sentence));
    let about_the_file: Vec<_> = about_the_file.cloned().collect();
    let connection = imported.connections.get(chosen).ok_or_else(|| Problem::Failed.says(""))?;
    found(connection, imported.format, whole, &about_the_file)
}

/// The file, and the entry that was asked for. A file with a # in its name is meant where there is one.
fn parts(path: &Path) -> (PathBuf, Option<String>) {
    let text = match path.to_str() {
        Some(text) if !path.exists() => text,
        _ => return (path.to_owned(), None),
    };
    text.match_indices('#')
        .map(|(at, _)| (Path::new(&text[..at]), &text[at + 1..]))
        .find(|(file, _)| file.exists())
        .map_or_else(|| (path.to_owned(), None), |(file, entry)| (file.to_owned(), Some(entry.to_owned())))
}

/// One connection as NetworkManager has it. `keyfile` is the text of a file of NetworkManager's own, in which there may
/// be more than can be carried between programs.
fn found(
    connection: &exchange::Connection,
    format: Format,
    keyfile: Option<&str>,
    about_the_file: &[String],
) -> Result<Found, glib::Error> {
    let mut left: Vec<String> = about_the_file.to_vec();
    let made = match keyfile {
        Some(text) => Connection::from_keyfile(&without_secrets(text))?,
        None => {
            left.splice(0..0, connection.left.iter().map(|left| left.sentence.clone()));
            let kept = if format.says_who_keeps_secrets() { connection.clone() } else { connection.kept_by_agents() };
            let exported = exchange::export(&kept, Format::Keyfile, Confidential::LeaveOut);
            let exported = exported.map_err(|error| Problem::Failed.says(error.to_string()))?;
            Connection::from_keyfile(&String::from_utf8_lossy(&exported.octets))?
        }
    };
    // A UUID of its own: the one in the file may be that of a connection that is still here.
    made.set_identity(&connection.name, &glib::uuid_string_random());
    let vpn = made.vpn().ok_or_else(|| Problem::MissingSetting.says("vpn"))?;
    for (name, value) in connection.secrets.iter() {
        vpn.set_datum(name, None);
        vpn.set_secret(name, Some(value));
    }
    debug_assert_eq!(vpn.service().as_deref(), Some(SERVICE_TYPE));
    Ok(Found { connection: made, left })
}

/// The lines of a key file but those of secrets, which need not be where nothing wipes them.
fn without_secrets(text: &str) -> Zeroizing<String> {
    let mut kept = Zeroizing::new(String::with_capacity(text.len() + 1));
    let mut group = "";
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.starts_with('[') {
            group = trimmed;
        }
        let key = trimmed.split_once('=').map_or("", |(key, _)| key.trim_end());
        let secret = Secret::named(key).is_some_and(|secret| secret != Secret::User)
            || find(key).is_some_and(|key| key.kind == Kind::Secret);
        if group != "[vpn-secrets]" && !(group == "[vpn]" && secret) {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A file for the time of a test.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str, content: &str) -> Self {
            let path = std::env::temp_dir().join(format!("nm-sstp-import-{}-{name}", std::process::id()));
            fs::write(&path, content).expect("a file");
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    fn phone_book(names: &[&str]) -> String {
        let entry = |name: &&str| {
            format!(
                "[{name}]\r\nPBVersion=8\r\nType=2\r\nVpnStrategy=5\r\nDEVICE=vpn\r\nPhoneNumber=vpn.example.com\r\n\r\n"
            )
        };
        names.iter().map(entry).collect()
    }

    /// The name of what is read, where nobody can choose.
    fn name_of(path: &Path) -> Result<String, glib::Error> {
        Ok(read(path, |_| None)?.connection.id().expect("a name"))
    }

    #[test]
    fn of_a_file_with_several_one_is_chosen() {
        let file = Scratch::new("several.pbk", &phone_book(&["Office", "Home #2"]));
        let second = read(&file.0, |names| names.iter().position(|name| name == "Home #2")).expect("it is there");
        assert_eq!(second.connection.id().as_deref(), Some("Home #2"));
        let error = name_of(&file.0).expect_err("there are two");
        assert!(
            error.message().contains("Office, Home #2") && error.message().contains("several.pbk#Office"),
            "{error}"
        );
        let of = |entry: &str| name_of(Path::new(&format!("{}#{entry}", file.0.display())));
        assert_eq!(of("Home #2").as_deref(), Ok("Home #2"));
        assert!(of("Away").is_err_and(|error| error.message().contains("Away")));
        assert!(read(&file.0, |_| Some(2)).is_err(), "there are two");
    }

    #[test]
    fn a_file_may_have_a_number_sign_in_its_name() {
        let file = Scratch::new("a#b.pbk", &phone_book(&["b.pbk"]));
        assert_eq!(name_of(&file.0).as_deref(), Ok("b.pbk"));
    }

    #[test]
    fn every_import_gets_a_uuid_of_its_own() {
        let file = Scratch::new("uuid.pbk", &phone_book(&["Office"]));
        let uuid = || read(&file.0, |_| None).expect("one").connection.uuid().expect("a UUID");
        assert_ne!(uuid(), uuid());
    }

    #[test]
    fn secrets_do_not_pass_through_key_files() {
        let text = "[connection]\nid=x\n[vpn]\nuser=alice\nproxy-password = pp\npassword=1\npassword-flags=0\ngateway=x\n\
            [vpn-secrets]\npassword=hunter2\n[ipv4]\nmethod=auto";
        let expected = "[connection]\nid=x\n[vpn]\nuser=alice\npassword-flags=0\ngateway=x\n[ipv4]\nmethod=auto\n";
        assert_eq!(without_secrets(text).as_str(), expected);
    }
}
