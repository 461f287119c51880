use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use proptest::prelude::*;

use super::*;

/// A store in a directory of its own.
struct Place(PathBuf, Store);

impl Place {
    fn new(test: &str) -> Self {
        let directory = env::temp_dir().join(format!("nm-sstp-store-{test}-{}", std::process::id()));
        drop(fs::remove_dir_all(&directory));
        fs::create_dir_all(directory.join("credentials")).unwrap();
        fs::set_permissions(&directory, Permissions::from_mode(0o700)).unwrap();
        fs::set_permissions(directory.join("credentials"), Permissions::from_mode(0o700)).unwrap();
        let store = Store::new(directory.join("etc"), Some(directory.join("credentials")));
        Place(directory, store)
    }

    fn put(&self, file: &str, text: &str, mode: u32) {
        let path = self.0.join(file);
        let directory = path.parent().unwrap();
        fs::create_dir_all(directory).unwrap();
        fs::set_permissions(directory, Permissions::from_mode(0o700)).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }

    fn mode(&self, file: &str) -> u32 {
        fs::metadata(self.0.join(file)).unwrap().mode() & 0o777
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

fn secrets(pairs: &[(&str, &str)]) -> SecretValues {
    pairs.iter().map(|(key, value)| (key.to_string(), Zeroizing::new(value.to_string()))).collect()
}

#[test]
fn names_are_parts_of_paths_and_nothing_else() {
    for good in ["work", "a", "Work_2.new-1", &"x".repeat(64)] {
        assert_eq!(Name::parse(good).unwrap().as_str(), good);
    }
    for bad in ["", ".", "..", ".work", "-work", "a/b", "../x", "a b", "a\0", "ä", "a\n", "a@b", &"x".repeat(65)] {
        assert_eq!(Name::parse(bad), Err(Error::BadName), "{bad:?}");
    }
}

#[test]
fn what_was_stored_is_there_again_and_then_gone() {
    let place = Place::new("round-trip");
    let store = &place.1;
    assert_eq!(store.list(), Ok(BTreeMap::new()));
    let settings = map(&[("gateway", "vpn.example.com"), ("user", "DOM\\alice \"x\"\n\u{7f}ö")]);
    store.save(&name("work"), &settings, Some(&secrets(&[("password", "hunter2")])), false).unwrap();
    assert_eq!(store.list().unwrap(), BTreeMap::from([(name("work"), settings.clone())]));
    let stored = store.load(&name("work")).unwrap();
    assert_eq!(stored.settings, settings);
    assert_eq!(stored.secrets["password"].as_str(), "hunter2");
    assert_eq!((place.mode("etc/profiles"), place.mode("etc/secrets")), (0o700, 0o700));
    assert_eq!((place.mode("etc/profiles/work.toml"), place.mode("etc/secrets/work.toml")), (0o600, 0o600));

    assert_eq!(store.save(&name("work"), &settings, None, false), Err(Error::Exists(name("work"))));
    let other = map(&[("gateway", "other.example.com")]);
    store.save(&name("work"), &other, None, true).unwrap();
    assert_eq!(store.load(&name("work")).unwrap().secrets.len(), 1, "secrets that were not given stay");
    store.save(&name("work"), &other, Some(&SecretValues::new()), true).unwrap();
    assert_eq!(store.load(&name("work")).unwrap().secrets.len(), 0);

    store.save(&name("work"), &other, Some(&secrets(&[("password", "hunter2")])), true).unwrap();
    store.remove(&name("work")).unwrap();
    assert!(fs::read_dir(place.0.join("etc/secrets")).unwrap().next().is_none());
    assert_eq!(store.remove(&name("work")), Err(Error::NoSuchProfile(name("work"))));
    assert!(matches!(store.load(&name("work")), Err(Error::NoSuchProfile(_))));
}

#[test]
fn people_write_true_and_numbers() {
    let place = Place::new("types");
    let text =
        "# the office\ngateway = \"vpn.example.com\"\nkill-switch = true\ntls-ext = false\nmtu = 1400\nx = 'y'\n";
    place.put("etc/profiles/work.toml", text, 0o644);
    let expected =
        map(&[("gateway", "vpn.example.com"), ("kill-switch", "yes"), ("tls-ext", "no"), ("mtu", "1400"), ("x", "y")]);
    assert_eq!(place.1.load(&name("work")).unwrap().settings, expected);
}

#[test]
fn a_broken_file_is_named_without_its_values() {
    let place = Place::new("broken");
    for broken in [
        "password = hunter2",
        "password = \"hunter2",
        "password = [\"hunter2\"]",
        "password = { hunter2 = 1 }",
        "[hunter2]\n",
        "password = 1.5",
        "password = 1979-05-27",
        "password = \"hunter2\"\npassword = \"hunter2\"",
        "\u{0}hunter2",
    ] {
        place.put("etc/profiles/work.toml", "gateway = \"vpn.example.com\"\n", 0o600);
        place.put("etc/secrets/work.toml", broken, 0o600);
        let Err(Error::Unusable { path, reason }) = place.1.load(&name("work")) else { panic!("{broken:?}") };
        assert!(path.ends_with("secrets/work.toml"));
        assert!(!reason.contains("hunter2"), "{reason}");
    }
}

#[test]
fn files_that_others_have_a_hand_in_are_refused() {
    let place = Place::new("modes");
    let profile = "gateway = \"vpn.example.com\"\n";
    place.put("etc/profiles/work.toml", profile, 0o620);
    let reason = |store: &Store| match store.load(&name("work")) {
        Err(Error::Unusable { reason, .. }) => reason,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was read"),
    };
    assert!(reason(&place.1).contains("can write it"));
    assert_eq!(place.1.list(), Ok(BTreeMap::new()), "it is left out");
    place.put("etc/profiles/work.toml", profile, 0o644);
    place.put("etc/secrets/work.toml", "password = \"hunter2\"\n", 0o640);
    assert!(reason(&place.1).contains("can read it"));
    place.put("etc/secrets/work.toml", "password = \"hunter2\"\n", 0o600);
    assert!(place.1.load(&name("work")).is_ok());

    fs::set_permissions(place.0.join("etc/profiles"), Permissions::from_mode(0o777)).unwrap();
    assert!(reason(&place.1).contains("can write it"));
    fs::set_permissions(place.0.join("etc/profiles"), Permissions::from_mode(0o700)).unwrap();

    place.put("elsewhere", profile, 0o600);
    fs::remove_file(place.0.join("etc/profiles/work.toml")).unwrap();
    symlink(place.0.join("elsewhere"), place.0.join("etc/profiles/work.toml")).unwrap();
    assert!(reason(&place.1).contains("not a regular file"));
    fs::remove_file(place.0.join("etc/profiles/work.toml")).unwrap();
    nix::unistd::mkfifo(&place.0.join("etc/profiles/work.toml"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(reason(&place.1).contains("not a regular file"));
    fs::remove_file(place.0.join("etc/profiles/work.toml")).unwrap();
    place.put("etc/profiles/work.toml", &"#".repeat(MAX_OCTETS + 1), 0o600);
    assert!(reason(&place.1).contains("larger"));
}

#[test]
fn systemd_credentials_go_before_files() {
    let place = Place::new("credentials");
    place.put("etc/profiles/work.toml", "gateway = \"vpn.example.com\"\n", 0o600);
    place.put("etc/secrets/work.toml", "password = \"old\"\nuser = \"alice\"\n", 0o600);
    // as systemd makes them
    place.put("credentials/work.password", "hunter2\n", 0o400);
    place.put("credentials/other.password", "not this one", 0o400);
    let Stored { secrets, .. } = place.1.load(&name("work")).unwrap();
    assert_eq!((secrets["password"].as_str(), secrets["user"].as_str()), ("hunter2", "alice"));
}

#[test]
fn an_interrupted_write_is_no_profile_and_is_no_obstacle() {
    let place = Place::new("interrupted");
    place.put("etc/profiles/.work.toml", "gatew", 0o600);
    assert_eq!(place.1.list(), Ok(BTreeMap::new()));
    place.1.save(&name("work"), &map(&[("gateway", "vpn.example.com")]), None, false).unwrap();
    assert_eq!(fs::read_dir(place.0.join("etc/profiles")).unwrap().count(), 1);
}

#[test]
fn secrets_among_the_settings_are_known() {
    for name in ["password", "otp", "proxy-password", "http-cookie", "tls-user-key-secret"] {
        assert!(is_secret(name), "{name}");
    }
    for name in ["user", "gateway", "password-flags", "nonsense"] {
        assert!(!is_secret(name), "{name}");
    }
}

#[test]
fn a_file_is_written_in_the_order_of_the_table() {
    let text = text::write([("zz", "1"), ("user", "a"), ("aa", "\u{1}"), ("gateway", "g"), ("a b", "")].into_iter());
    assert_eq!(text, "gateway = \"g\"\nuser = \"a\"\n\"a b\" = \"\"\naa = \"\\u0001\"\nzz = \"1\"\n");
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_again(pairs in prop::collection::btree_map(any::<String>(), any::<String>(), 0..8)) {
        let text = text::write(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        prop_assert_eq!(text::read_settings(&text), Ok(pairs));
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        drop(text::read_settings(&text));
    }
}
