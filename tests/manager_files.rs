//! Files that come opened with a call of `org.sstpd`.
#![cfg(feature = "service")]

mod manager_face;

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use manager_face::*;
use nix::libc;
use nm_sstp::dbus::manager::PATH;
use nm_sstp::profile::Profile;
use nm_sstp::profile_files::{Files, Rights};
use zbus::{Fd, Variant};

/// A file that goes with its owner.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, contents: &str) -> Self {
        let path = std::env::temp_dir().join(format!("nm-sstp-manager-{name}-{}", std::process::id()));
        fs::write(&path, contents).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn open(&self) -> File {
        File::open(&self.0).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}

/// The option with these files.
fn files<'f>(files: &[(&'f str, &'f File)]) -> Variant<'f> {
    files.iter().map(|(name, file)| (*name, Fd::from(*file))).collect::<HashMap<_, _>>().into()
}

/// What a tunnel reads of a file.
async fn reads(profile: &Profile, rights: &Rights, path: &str) -> Result<String, String> {
    let files = Files::read(profile, rights).await;
    let contents = files.get(Path::new(path)).map_err(|error| error.to_string())?;
    Ok(String::from_utf8(contents.to_vec()).unwrap())
}

#[tokio::test]
async fn a_file_that_came_opened_is_read_for_every_attempt() {
    let mut desk = Desk::new().await;
    let ca = Scratch::new("attempts", "an authority");
    let mut file = ca.open();
    // how far the caller has come in it does not matter
    file.read_to_end(&mut Vec::new()).unwrap();
    let options = [("files", files(&[(ca.path(), &file)])), ("interactive", true.into())];
    let (path, tunnel) = desk.connects(ALICE, &[("ca-cert", ca.path())], &options).await;
    drop(file);
    fs::remove_file(&ca.0).unwrap();
    assert_eq!(tunnel.rights.owner.as_deref(), Some("user1000"));
    for _ in 0..2 {
        assert_eq!(reads(&tunnel.profile, &tunnel.rights, ca.path()).await.as_deref(), Ok("an authority"));
    }

    tunnel.fails(wrong_password());
    desk.state(&path, "asking").await;
    let answer = HashMap::from([("password", "another")]);
    let answer = desk.call(ALICE, &path, SESSION, "ProvideSecrets", &(1u32, answer)).await;
    assert_eq!(line(&answer), "answer");
    let again = desk.started().await;
    assert_eq!(again.password(), "another");
    assert_eq!(reads(&again.profile, &again.rights, ca.path()).await.as_deref(), Ok("an authority"));
}

#[tokio::test]
async fn the_name_of_a_file_is_as_the_setting_has_it() {
    let mut desk = Desk::new().await;
    let key = Scratch::new("a key", "a key");
    let file = key.open();
    let name = key.path().replace(' ', r"\040");
    let settings = [("connection-type", "tls"), ("tls-user-cert", name.as_str())];
    let (_, tunnel) = desk.connects(ALICE, &settings, &[("files", files(&[(&name, &file)]))]).await;
    assert_eq!(reads(&tunnel.profile, &tunnel.rights, key.path()).await.as_deref(), Ok("a key"));
}

#[tokio::test]
async fn a_probe_reads_what_came_opened() {
    let mut desk = Desk::new().await;
    let ca = Scratch::new("probe", "an authority");
    let file = ca.open();
    let settings = HashMap::from([("gateway", "vpn.example.com"), ("ca-cert", ca.path())]);
    let options = HashMap::from([("files", files(&[(ca.path(), &file)]))]);
    let answer = desk.call(ALICE, PATH, MANAGER, "Probe", &(&settings, options)).await;
    assert!(line(&answer).starts_with("answer"), "{}", line(&answer));
    fs::remove_file(&ca.0).unwrap();
    let rights = desk.probed.lock().unwrap().pop().unwrap();
    let settings = settings.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    let (profile, _) = Profile::from_settings(&settings, None, None).unwrap();
    assert_eq!(reads(&profile, &rights, ca.path()).await.as_deref(), Ok("an authority"));
    let options = HashMap::from([("interactive", Variant::from(true))]);
    assert_eq!(desk.refused(ALICE, "Probe", &(&settings, options)).await.0, "BadArguments");
}

#[tokio::test]
async fn what_is_no_regular_file_is_told_where_it_is_used() {
    let mut desk = Desk::new().await;
    let directory = File::open("/").unwrap();
    let settings = [("ca-cert", "/home/alice/ca.pem")];
    let (_, tunnel) = desk.connects(ALICE, &settings, &[("files", files(&[("/home/alice/ca.pem", &directory)]))]).await;
    let text = "the file /home/alice/ca.pem cannot be read: it is not a regular file";
    assert_eq!(reads(&tunnel.profile, &tunnel.rights, "/home/alice/ca.pem").await, Err(text.to_owned()));
}

#[tokio::test]
async fn files_that_nobody_named_or_that_are_open_for_more_are_refused() {
    let mut desk = Desk::new().await;
    let stored = HashMap::from([("gateway", "vpn.example.com"), ("user", "x"), ("ca-cert", "/etc/ca.pem")]);
    let none = HashMap::<&str, Variant<'_>>::new();
    let imported = desk.call(ROOT, PATH, MANAGER, "ImportProfile", &("work", &stored, none)).await;
    assert!(line(&imported).starts_with("answer"), "{}", line(&imported));

    let ca = Scratch::new("refused", "an authority");
    let file = ca.open();
    let with = |flags: i32, write| OpenOptions::new().read(true).write(write).custom_flags(flags).open(&ca.0).unwrap();
    let (writable, path_only) = (with(0, true), with(libc::O_PATH, false));
    let names: Vec<String> = (0..20).map(|number| format!("/{number}")).collect();
    let many: Vec<(&str, &File)> = names.iter().map(|name| (name.as_str(), &file)).collect();
    let settings = HashMap::from([("gateway", "vpn.example.com"), ("user", ca.path()), ("ca-cert", "/etc/ca.pem")]);
    let nothing = HashMap::new();
    for (profile, settings, option, reason) in [
        ("work", &nothing, files(&[("/etc/ca.pem", &file)]), "Those of stored profiles are read by the service"),
        ("", &settings, files(&[("/etc/other.pem", &file)]), "no setting of this call names"),
        ("", &settings, files(&[(ca.path(), &file)]), "no setting of this call names"),
        ("", &settings, files(&[("/etc/ca.pem", &writable)]), "open for reading"),
        ("", &settings, files(&[("/etc/ca.pem", &path_only)]), "open for reading"),
        ("", &settings, files(&many), "more than 16 files"),
        ("", &settings, HashMap::from([("/etc/ca.pem", "contents")]).into(), "a{sh}"),
    ] {
        let options = HashMap::from([("files", option)]);
        let (name, text) = desk.refused(ALICE, "Connect", &(profile, settings, options)).await;
        assert_eq!(name, "BadArguments", "{text}");
        assert!(text.contains(reason), "{text}");
    }
    let options = HashMap::from([("files", files(&[("/etc/ca.pem", &file)]))]);
    assert_eq!(desk.refused(ROOT, "ImportProfile", &("home", &settings, options)).await.0, "BadArguments");
    assert!(desk.world.asked().is_empty(), "nobody was asked about nonsense: {:?}", desk.world.asked());
    assert!(desk.tunnels.try_recv().is_err());
}
