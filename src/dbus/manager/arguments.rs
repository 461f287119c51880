//! The arguments of methods, read and bounded. No text of an error holds a value: only names and types.

use std::collections::{BTreeMap, HashMap};

use zbus::Variant;
use zeroize::Zeroizing;

use super::{Error, handed};
use crate::profile::Secret;
use crate::store::SecretValues;

/// Most settings of a profile; the table has fewer keys.
const MAX_SETTINGS: usize = 128;

/// Most octets of a setting's name.
const MAX_KEY: usize = 64;

/// Most octets of a value: a path (`PATH_MAX`), or a cookie.
const MAX_VALUE: usize = 4096;

/// Most secrets that come at once: each of them, plain and by the hint for it.
const MAX_SECRETS: usize = 2 * Secret::ALL.len();

/// Most options of a call.
const MAX_OPTIONS: usize = 16;

/// An `a{ss}`.
pub(super) type Texts<'m> = HashMap<&'m str, &'m str>;

/// An `a{sv}`.
pub(super) type Options<'m> = HashMap<&'m str, Variant<'m>>;

/// Settings of a profile.
pub(super) fn settings(texts: &Texts<'_>) -> Result<BTreeMap<String, String>, Error> {
    if texts.len() > MAX_SETTINGS {
        return Err(Error::BadArguments(format!("There are more than {MAX_SETTINGS} settings.")));
    }
    texts
        .iter()
        .map(|(key, value)| {
            bounded("setting", key, value)?;
            Ok(((*key).to_owned(), (*value).to_owned()))
        })
        .collect()
}

/// Secrets, by their names or hints.
pub(super) fn secrets<'m>(texts: impl IntoIterator<Item = (&'m str, &'m str)>) -> Result<SecretValues, Error> {
    let mut secrets = SecretValues::new();
    for (name, value) in texts {
        if secrets.len() == MAX_SECRETS {
            return Err(Error::BadArguments(format!("There are more than {MAX_SECRETS} secrets.")));
        }
        bounded("secret", name, value)?;
        let Some((secret, _)) = Secret::from_hint(name) else {
            let name = name.escape_debug();
            return Err(Error::BadArguments(format!(
                "There is no secret \"{name}\": docs/secrets.md has those there are."
            )));
        };
        secrets.insert(secret.name().to_owned(), Zeroizing::new(value.to_owned()));
    }
    Ok(secrets)
}

fn bounded(what: &str, key: &str, value: &str) -> Result<(), Error> {
    let odd = |text: &str| text.chars().any(char::is_control);
    if key.is_empty() || key.len() > MAX_KEY || odd(key) {
        return Err(Error::BadArguments(format!(
            "The name of a {what} has 1 to {MAX_KEY} octets and no control characters."
        )));
    }
    if value.len() > MAX_VALUE || odd(value) {
        let key = key.escape_debug();
        return Err(Error::BadArguments(format!(
            "The value of the {what} \"{key}\" is longer than {MAX_VALUE} octets, or has control characters."
        )));
    }
    Ok(())
}

/// What a call may be given beside its arguments.
pub(super) struct Given {
    /// `secrets`; `None`: there is no such option.
    pub(super) secrets: Option<SecretValues>,
    /// `files`.
    pub(super) files: handed::Came,
    flags: Vec<&'static str>,
}

impl Given {
    /// Reads the options of a call, which knows these: `secrets`, `files`, and flags of the type `b`.
    pub(super) fn read(options: &Options<'_>, known: &[&'static str]) -> Result<Self, Error> {
        if options.len() > MAX_OPTIONS {
            return Err(Error::BadArguments(format!("There are more than {MAX_OPTIONS} options.")));
        }
        let mut given = Self { secrets: None, files: Vec::new(), flags: Vec::new() };
        for (name, value) in options {
            let Some(option) = known.iter().find(|option| *option == name) else {
                let name: String = name.chars().take(MAX_KEY).collect();
                return Err(Error::BadArguments(format!("There is no option \"{}\" here.", name.escape_debug())));
            };
            match (*option, value) {
                ("secrets", value) => given.secrets = Some(secrets(texts(value)?)?),
                ("files", value) => given.files = handed::files(value)?,
                (flag, Variant::Bool(true)) => given.flags.push(flag),
                (_, Variant::Bool(false)) => {}
                (flag, _) => {
                    return Err(Error::BadArguments(format!("The option \"{flag}\" is of the D-Bus type b.")));
                }
            }
        }
        Ok(given)
    }

    /// Whether a flag is there and set.
    pub(super) fn has(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }
}

/// The entries of an `a{ss}`.
fn texts<'v>(value: &'v Variant<'_>) -> Result<impl Iterator<Item = (&'v str, &'v str)>, Error> {
    match value {
        Variant::Dict(dict) if *dict.signature() == "a{ss}" => Ok(dict.iter().filter_map(|entry| match entry {
            (Variant::Str(key), Variant::Str(value)) => Some((key.as_str(), value.as_str())),
            _ => None,
        })),
        _ => Err(Error::BadArguments("The option \"secrets\" is of the D-Bus type a{ss}.".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: &str = "hunter2";

    #[test]
    fn what_is_too_much_is_refused_without_its_value() {
        let long = CANARY.repeat(MAX_VALUE);
        let names: Vec<String> = (0..=MAX_SETTINGS).map(|number| number.to_string()).collect();
        let many = names.iter().map(|name| (name.as_str(), CANARY)).collect();
        let long_key = "k".repeat(MAX_KEY + 1);
        for bad in [
            many,
            Texts::from([("gateway", long.as_str())]),
            Texts::from([(long_key.as_str(), CANARY)]),
            Texts::from([("", CANARY)]),
            Texts::from([("a\n", CANARY)]),
            Texts::from([("a", "hunter2\n")]),
        ] {
            let Err(Error::BadArguments(text)) = settings(&bad) else { panic!("{bad:?}") };
            assert!(!text.contains(CANARY), "{text}");
        }
        for bad in [[("pin", CANARY)], [("password", long.as_str())], [("x:password", CANARY)]] {
            let Err(Error::BadArguments(text)) = secrets(bad) else { panic!("{bad:?}") };
            assert!(!text.contains(CANARY), "{text}");
        }
    }

    #[test]
    fn options_are_known_and_of_their_type() {
        let password = || Variant::from(HashMap::from([("password", CANARY)]));
        let good = Options::from([("secrets", password()), ("interactive", true.into())]);
        let given = Given::read(&good, &["interactive", "secrets"]).ok().unwrap();
        assert!(given.has("interactive") && given.secrets.unwrap().contains_key("password"));
        for bad in [
            Options::from([("secrets", CANARY.into())]),
            Options::from([("secrets", HashMap::from([("password", 1u32)]).into())]),
            Options::from([("files", HashMap::from([("/etc/ca.pem", CANARY)]).into())]),
            Options::from([("interactive", 1u32.into())]),
            Options::from([("replace", true.into())]),
        ] {
            let Err(Error::BadArguments(text)) = Given::read(&bad, &["interactive", "secrets", "files"]) else {
                panic!()
            };
            assert!(!text.contains(CANARY), "{text}");
        }
    }
}
