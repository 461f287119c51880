//! The settings of one connection while a person edits them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nm_sstp::profile::{
    Error, KEYS, Kind, Profile, Secret, SecretFlags, fault, find, path_of, same_meaning, text_of, yes_or_no,
};
use zeroize::{Zeroize, Zeroizing};

use crate::fields::KEPT;
use crate::repairs::{self, Remark};
use crate::sentences;
use crate::storage::Storage;

/// A VPN setting as NetworkManager has it. The secrets are wiped when it is dropped, and it has no `Debug` that could
/// show them.
#[derive(Clone, Default, PartialEq)]
pub struct Settings {
    /// `vpn.data`.
    pub data: BTreeMap<String, String>,
    /// `vpn.secrets`, as far as the program that opens the editor knows them.
    pub secrets: BTreeMap<String, Zeroizing<String>>,
    /// `vpn.user-name`.
    pub user_name: Option<String>,
    /// `vpn.persistent`: NetworkManager keeps the connection up.
    pub persistent: bool,
    /// `vpn.timeout`: seconds until NetworkManager gives up connecting; 0: its default.
    pub timeout: u32,
}

/// Data can have a password, where another program put it.
impl Drop for Settings {
    fn drop(&mut self) {
        if let Some(password) = self.data.get_mut(Secret::ProxyPassword.name()) {
            password.zeroize();
        }
    }
}

/// The settings of one connection while a person edits them.
///
/// What was not edited is given back as it came: keys that are unknown, spellings, values that cannot be read. A value
/// that is edited to what it was is spelled as it was, and one that is edited to its default is not stored.
pub struct Form {
    opened: Settings,
    now: Settings,
    /// `vpn.timeout` as it was typed.
    timeout: String,
    remarks: Vec<Remark>,
}

impl Form {
    /// Opens the settings of a connection; those of a new one are empty.
    pub fn open(settings: Settings) -> Self {
        let mut now = settings.clone();
        let Settings { data, secrets, .. } = &mut now;
        let remarks = repairs::repair(data, secrets);
        let timeout = if now.timeout == 0 { String::new() } else { now.timeout.to_string() };
        Self { opened: settings, now, timeout, remarks }
    }

    /// Whether it was opened for a new connection.
    pub fn is_new(&self) -> bool {
        self.opened.data.is_empty()
    }

    /// What is to be told about it as it was opened.
    pub fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    /// What a person reads as the value of this key; empty where there is none. A path that is no text is shown with the
    /// escapes that settings have.
    pub fn text(&self, key: &str) -> String {
        match self.value(key) {
            "" if key == "user" => self.now.user_name.clone().unwrap_or_default(),
            value if is_path(key) => shown_path(value),
            value => value.to_owned(),
        }
    }

    /// Takes what a person typed.
    pub fn set_text(&mut self, key: &str, text: &str) {
        if key == "user" && self.opened_value(key).is_empty() && self.opened.user_name.is_some() {
            // It is NetworkManager's user name that was shown.
            let kept = self.opened.user_name.as_deref() == Some(text);
            self.now.user_name = self.opened.user_name.clone().filter(|_| kept);
            self.put(key, if kept { "" } else { text });
        } else if is_path(key) {
            let opened = self.opened_value(key);
            let value = if text == shown_path(opened) { opened.to_owned() } else { text_of(text.as_ref()) };
            self.put(key, &value);
        } else {
            self.put(key, text);
        }
    }

    /// The file that a key names.
    pub fn path(&self, key: &str) -> Option<PathBuf> {
        Some(self.value(key)).filter(|value| value.starts_with('/')).map(path_of)
    }

    /// Takes the file that a person chose.
    pub fn set_path(&mut self, key: &str, path: &Path) {
        self.put(key, &text_of(path));
    }

    /// The word that a menu shows; `None`: one that it does not have.
    pub fn word(&self, key: &str) -> Option<&'static str> {
        let key = find(key)?;
        let Kind::Choice(words) = key.kind else { return None };
        match self.value(key.name) {
            "" => Some(key.default.unwrap_or_default()),
            value => words.iter().copied().find(|word| *word == value),
        }
    }

    /// What the setting says, or its default.
    pub fn yes(&self, key: &str) -> bool {
        let default = find(key).and_then(|key| key.default) == Some("yes");
        yes_or_no(self.value(key)).unwrap_or(default)
    }

    /// Ticks or clears it.
    pub fn set_yes(&mut self, key: &str, yes: bool) {
        if self.yes(key) == yes {
            return;
        }
        self.put(key, if yes { "yes" } else { "no" });
    }

    /// Whether the user has a certificate in the place of a password.
    pub fn certificate(&self) -> bool {
        self.value("connection-type") == "tls"
    }

    /// The value of a secret; empty where it is not known.
    pub fn secret(&self, secret: Secret) -> &str {
        self.now.secrets.get(secret.name()).map_or("", |value| value.as_str())
    }

    /// Takes a secret that a person typed.
    pub fn set_secret(&mut self, secret: Secret, value: &str) {
        if value.is_empty() {
            self.now.secrets.remove(secret.name());
        } else {
            self.now.secrets.insert(secret.name().to_owned(), Zeroizing::new(value.to_owned()));
        }
    }

    /// Who keeps a secret. One that has not been in use is kept by the user's keyring, unless it is said otherwise.
    pub fn storage(&self, secret: Secret) -> Storage {
        if self.value(secret.flags_key()).is_empty() && !self.was_in_use(secret) {
            return Storage::ThisUser;
        }
        Storage::of(SecretFlags::of(secret, &self.now.data))
    }

    /// Chooses who keeps it.
    pub fn set_storage(&mut self, secret: Secret, storage: Storage) {
        if self.storage(secret) == storage {
            return;
        }
        let key = secret.flags_key();
        self.put(key, storage.flags());
        if self.storage(secret) != storage {
            self.now.data.insert(key.to_owned(), storage.flags().to_owned());
        }
    }

    /// Whether NetworkManager keeps the connection up.
    pub fn persistent(&self) -> bool {
        self.now.persistent
    }

    /// Chooses whether it does.
    pub fn set_persistent(&mut self, persistent: bool) {
        self.now.persistent = persistent;
    }

    /// NetworkManager's patience in seconds, as a person reads and types it: empty for its default.
    pub fn timeout(&self) -> &str {
        &self.timeout
    }

    /// Takes NetworkManager's patience. What is no number is a fault of `timeout`, as if that were a key.
    pub fn set_timeout(&mut self, text: &str) {
        text.clone_into(&mut self.timeout);
        self.now.timeout = seconds(text).unwrap_or(self.opened.timeout);
    }

    /// What is wrong with the value of a key, as a sentence.
    pub fn fault(&self, key: &str) -> Option<String> {
        if key == "timeout" {
            return seconds(&self.timeout).is_none().then(sentences::no_timeout);
        }
        fault(key, self.value(key)).map(|fault| fault.sentence())
    }

    /// What is worth knowing about the value of a key, though it can be used.
    pub fn note(&self, key: &str) -> Option<String> {
        let value = self.value(key);
        match key {
            _ if value.is_empty() || self.fault(key).is_some() => None,
            "ignore-cert-warn" if self.yes(key) && self.value("gateway-fingerprint").is_empty() => {
                Some(sentences::anybody_is_accepted())
            }
            "domain" if self.text("user").contains('\\') => Some(sentences::domain_is_ignored()),
            "gateway-tls-min-version" if ["1.0", "1.1"].contains(&value) => Some(sentences::outdated_tls()),
            "mtu" if value.trim().parse::<u32>().is_ok_and(|mtu| (1..1280).contains(&mtu)) => {
                Some(sentences::no_ipv6())
            }
            _ if is_path(key) && value.starts_with('/') && !path_of(value).exists() => Some(sentences::no_such_file()),
            _ => None,
        }
    }

    /// Whether this can be saved.
    ///
    /// # Errors
    ///
    /// What has to be changed first: the key, where it is one, and a sentence. What was wrong already when the profile was
    /// opened does not keep other things from being changed.
    pub fn check(&self) -> Result<(), (Option<&'static str>, String)> {
        for key in KEYS {
            let changed = self.value(key.name) != self.opened_value(key.name);
            if let Some(fault) = self.fault(key.name).filter(|_| changed || self.is_new()) {
                return Err((Some(key.name), fault));
            }
        }
        if let Some(fault) = self.fault("timeout") {
            return Err((Some("timeout"), fault));
        }
        match problem(&self.now) {
            None => Ok(()),
            Some(error @ Error::NoGateway) => Err((Some("gateway"), error.sentence())),
            same if !self.is_new() && same == problem(&self.opened) => Ok(()),
            Some(error) => Err((error.key(), error.sentence())),
        }
    }

    /// Whether the gateway can be looked at.
    ///
    /// # Errors
    ///
    /// What has to be changed first.
    pub fn check_gateway(&self) -> Result<(), String> {
        let read = Profile::from_settings(&self.now.data, None, None);
        let checked = read.and_then(|(profile, _)| profile.check_gateway());
        checked.map_err(|error| error.sentence())
    }

    /// What is to be saved.
    pub fn settings(&self) -> Settings {
        let mut settings = self.now.clone();
        for secret in KEPT {
            let storage = self.storage(secret);
            let flags = secret.flags_key();
            if in_use(secret, &settings.data) && !settings.data.contains_key(flags) && !self.was_in_use(secret) {
                settings.data.insert(flags.to_owned(), storage.flags().to_owned());
            }
            // What was there in spite of its flags has been no business of this form.
            if !storage.is_kept() && self.opened_value(flags) != settings.data.get(flags).map_or("", String::as_str) {
                settings.secrets.remove(secret.name());
            }
        }
        settings
    }

    /// The keys that no version of the plugin knows, with their values. They are kept.
    pub fn unknown(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.now.data.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        pairs.filter(|(key, _)| find(key).is_none())
    }

    fn value(&self, key: &str) -> &str {
        self.now.data.get(key).map_or("", String::as_str)
    }

    fn opened_value(&self, key: &str) -> &str {
        self.opened.data.get(key).map_or("", String::as_str)
    }

    fn was_in_use(&self, secret: Secret) -> bool {
        !self.is_new() && in_use(secret, &self.opened.data)
    }

    fn put(&mut self, key: &str, value: &str) {
        let opened = self.opened.data.get(key);
        if same_meaning(key, Some(value), opened.map(String::as_str)) {
            match opened {
                Some(opened) => self.now.data.insert(key.to_owned(), opened.clone()),
                None => self.now.data.remove(key),
            };
        } else if same_meaning(key, Some(value), None) {
            self.now.data.remove(key);
        } else {
            self.now.data.insert(key.to_owned(), value.to_owned());
        }
    }
}

/// The number of seconds that a person typed; 0 for nothing.
fn seconds(text: &str) -> Option<u32> {
    match text.trim() {
        "" => Some(0),
        digits if digits.bytes().all(|octet| octet.is_ascii_digit()) => digits.parse().ok(),
        _ => None,
    }
}

/// The path that a value stands for, as far as it can be shown; else the value.
fn shown_path(value: &str) -> String {
    let path = path_of(value);
    path.to_str().filter(|path| !path.contains(char::is_control)).unwrap_or(value).to_owned()
}

fn is_path(key: &str) -> bool {
    find(key).is_some_and(|key| key.kind == Kind::Path)
}

/// Whether a profile has a use for a secret that a person can store.
fn in_use(secret: Secret, data: &BTreeMap<String, String>) -> bool {
    let has = |key: &str| data.get(key).is_some_and(|value| !value.is_empty());
    let certificate = data.get("connection-type").is_some_and(|value| value == "tls");
    match secret {
        Secret::TlsUserKeySecret => certificate,
        Secret::ProxyPassword => has("proxy-server") && has("proxy-user"),
        _ => !certificate,
    }
}

/// What keeps a profile from being connected, whoever the user is: a name can be asked for.
fn problem(settings: &Settings) -> Option<Error> {
    let read = Profile::from_settings(&settings.data, settings.user_name.as_deref(), None);
    let checked = read.and_then(|(profile, _)| profile.check());
    checked.err().filter(|error| *error != Error::NoUserName)
}

#[cfg(test)]
mod tests;
