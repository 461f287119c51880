//! The settings that a person gives, held against the one table of keys before they go to the helper. What the helper
//! would only ignore, because others wrote it years ago, is an error in a command that is being typed.

use std::collections::BTreeMap;

use nm_sstp::profile::{self, Fault, KEYS, Notice, Profile, fault};
use nm_sstp::store;
use nm_sstp::tr;

use crate::problem::Problem;

/// Keys and values.
pub type Settings = BTreeMap<String, String>;

/// Characters of a name that are compared with keys; no key has as many.
const COMPARED: usize = 64;

/// Checks every key and value.
///
/// # Errors
///
/// The first key that is unknown or value that its key does not take.
pub fn check(settings: &Settings) -> Result<(), Problem> {
    settings.iter().try_for_each(|(name, value)| check_one(name, value))
}

fn check_one(name: &str, value: &str) -> Result<(), Problem> {
    let is_secret = profile::Secret::named(name).is_some_and(|secret| secret != profile::Secret::User);
    if is_secret {
        return Err(Problem::usage(tr!(
            "{name} is a secret, not a setting: it is asked for, or comes with --password-file or --password-stdin; \
             nm-sstp(5) says where it can be kept.",
            name = name
        )));
    }
    if profile::find(name).is_none() {
        return Err(Problem::usage(match nearest(name) {
            Some(other) => {
                tr!("There is no setting \"{name}\": did you mean \"{other}\"?", name = name, other = other)
            }
            None => tr!("There is no setting \"{name}\": nm-sstp(5) has all of them.", name = name),
        }));
    }
    fault(name, value).map_or(Ok(()), |fault| Err(refused(name, value, &fault)))
}

fn refused(name: &str, value: &str, fault: &Fault) -> Problem {
    let (value, sentence) = (format!("{value:?}"), fault.sentence());
    Problem::usage(tr!("{name}={value} cannot be. {sentence}", name = name, value = value, sentence = sentence))
}

/// The value of a command line as the helper has to get it: the name of a file is seen from this directory, and begins with
/// `~/` where no shell has seen that.
fn resolved(name: &str, value: &str) -> Result<String, Problem> {
    if fault(name, value) != Some(Fault::RelativePath) {
        return Ok(value.to_owned());
    }
    let (directory, value) = match value.strip_prefix("~/") {
        Some(rest) => (std::env::home_dir(), rest),
        None => (std::env::current_dir().ok(), value),
    };
    let directory = directory.and_then(|directory| directory.into_os_string().into_string().ok());
    let directory = directory.ok_or_else(|| refused(name, value, &Fault::RelativePath))?;
    // A backslash begins an escape in the value.
    Ok(format!("{}/{value}", directory.trim_end_matches('/').replace('\\', r"\\")))
}

/// The key that was probably meant.
fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase().replace('_', "-");
    let most = name.len() / 3 + 1;
    let (distance, key) = KEYS.iter().map(|key| (distance(&name, key.name), key.name)).min()?;
    let begins = || KEYS.iter().map(|key| key.name).find(|key| name.len() >= 3 && key.starts_with(&name));
    if distance <= most { Some(key) } else { begins() }
}

/// How many characters have to be put in, taken out or changed (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (at, character) in one.chars().take(COMPARED).enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, candidate) in other.chars().enumerate() {
            let changed = diagonal + usize::from(candidate != character);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[row.len() - 1]
}

/// What there is to say of the settings as a profile.
///
/// # Errors
///
/// They are no profile.
pub fn notices(settings: &Settings) -> Result<Vec<Notice>, Problem> {
    Profile::from_settings(settings, None, None).map(|(_, notices)| notices).map_err(unusable)
}

/// As [`notices`], and whether the profile can be connected. A user name that is missing is asked for.
///
/// # Errors
///
/// They are no profile, or one that cannot be connected.
pub fn connectable(settings: &Settings) -> Result<Vec<Notice>, Problem> {
    // Any name will do: it is not the one that is sent.
    let (profile, _) = Profile::from_settings(settings, Some("somebody"), None).map_err(unusable)?;
    profile.check().map_err(unusable)?;
    notices(settings)
}

fn unusable(error: profile::Error) -> Problem {
    let sentence = error.sentence();
    Problem::usage(match error.key() {
        Some(key) => {
            tr!("The setting {key} has to be changed. {sentence}", key = key, sentence = sentence)
        }
        None => sentence,
    })
}

/// The settings of a command line: `--gateway`, `--user` and the pairs of `--set`, which may not say them again.
///
/// # Errors
///
/// A key that is given twice, and what [`check`] says.
pub fn gather(gateway: Option<&str>, user: Option<&str>, pairs: &[(String, String)]) -> Result<Settings, Problem> {
    let named = [("gateway", gateway), ("user", user)];
    let named = named.into_iter().filter_map(|(key, value)| Some((key, value?)));
    let mut settings = Settings::new();
    for (key, value) in named.chain(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()))) {
        if settings.insert(key.to_owned(), resolved(key, value)?).is_some() {
            return Err(Problem::usage(tr!("The setting {key} is given twice.", key = key)));
        }
    }
    check(&settings)?;
    Ok(settings)
}

/// Settings as they may be shown: without those that are secrets. The second value names what was left out.
pub fn without_secrets(settings: &Settings) -> (Settings, Vec<&str>) {
    let is_secret = |name: &str| profile::Secret::named(name).is_some_and(|secret| secret != profile::Secret::User);
    let (secret, open): (Vec<_>, Vec<_>) = settings.iter().partition(|(name, _)| is_secret(name));
    let open = open.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    (open, secret.into_iter().map(|(name, _)| name.as_str()).collect())
}

/// Whether a profile may be called so: it becomes the name of a file and of a unit.
///
/// # Errors
///
/// What is wrong with it.
pub fn check_profile_name(name: &str) -> Result<(), Problem> {
    store::Name::parse(name).map(drop).map_err(|_| {
        Problem::usage(tr!(
            "A profile cannot be called {name}. A name has 1 to {max} of the characters A-Z a-z 0-9 . _ -, and begins with \
             neither . nor -.",
            name = format!("{name:?}"),
            max = store::MAX_NAME
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(name: &str, value: &str) -> String {
        check_one(name, value).expect_err("an error").to_string()
    }

    #[test]
    fn what_cannot_be_connected_is_known_without_a_user() {
        let settings =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        assert!(connectable(&settings(&[("gateway", "a")])).is_ok());
        let refused = ["refuse-eap", "refuse-pap", "refuse-chap", "refuse-mschapv2"].map(|key| (key, "yes"));
        let problem = connectable(&settings(&[&[("gateway", "a")][..], &refused].concat())).expect_err("a problem");
        assert!(problem.to_string().contains("refuse-mschapv2"), "{problem}");
        assert!(connectable(&settings(&[])).is_err());
    }

    #[test]
    fn a_key_that_was_mistyped_is_named() {
        for (typed, meant) in [("gatway", "gateway"), ("route_metric", "route-metric"), ("killswitch", "kill-switch")] {
            assert_eq!(nearest(typed), Some(meant));
        }
        assert_eq!(nearest("entirely-different"), None);
        assert_eq!(refusal("usr", "x"), "There is no setting \"usr\": did you mean \"user\"?");
    }

    #[test]
    fn a_value_that_cannot_be_is_refused_with_what_can() {
        assert_eq!(refusal("mtu", "many"), "mtu=\"many\" cannot be. Enter a number from 128 to 65535.");
        assert!(refusal("routes", "al").ends_with("one of these: full, split, none, auto."));
        assert!(refusal("password-flags", "8").contains("a sum of 1"));
        assert!(refusal("refuse-pap", "maybe").ends_with("yes or no."));
        assert!(check_one("mtu", "").is_ok(), "empty is absent");
        assert!(check_one("refuse-pap", "Yes").is_ok());
    }

    #[test]
    fn the_name_of_a_file_is_seen_from_here() {
        let here = std::env::current_dir().expect("a directory").display().to_string();
        assert_eq!(resolved("ca-cert", "a b.pem"), Ok(format!("{here}/a b.pem")));
        let home = std::env::home_dir().expect("a home").display().to_string();
        assert_eq!(resolved("ca-cert", "~/a.pem"), Ok(format!("{}/a.pem", home.trim_end_matches('/'))));
        assert_eq!(resolved("user", "~/a.pem").as_deref(), Ok("~/a.pem"));
        for (key, value) in
            [("ca-cert", "/etc/ca.pem"), ("tls-user-cert", "pkcs11:object=x"), ("user", "a"), ("ca-cert", "")]
        {
            assert_eq!(resolved(key, value).as_deref(), Ok(value));
        }
        assert!(refusal("ca-cert", "ca.pem").contains("beginning with a slash"), "a file of settings is nowhere");
    }

    #[test]
    fn a_secret_is_no_setting() {
        for name in ["proxy-password", "password"] {
            let text = refusal(name, "hunter2");
            assert!(text.contains("is a secret") && !text.contains("hunter2"), "{text}");
        }
        for key in KEYS.iter().filter(|key| key.kind == profile::Kind::Secret) {
            assert!(profile::Secret::named(key.name).is_some(), "{}", key.name);
        }
    }

    #[test]
    fn distances() {
        assert_eq!([distance("", "abc"), distance("kitten", "sitting"), distance("mtu", "mtu")], [3, 3, 0]);
    }

    #[test]
    fn names_of_profiles_are_names_of_files() {
        for good in ["work", "a.b-c_d", "9"] {
            assert_eq!(check_profile_name(good), Ok(()));
        }
        for bad in ["", ".", "../x", "-f", "a/b", "a b", "a@b", "ä", "x\0", &"x".repeat(65)] {
            assert!(check_profile_name(bad).is_err(), "{bad:?}");
        }
    }
}
