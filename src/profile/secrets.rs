//! The secrets of a profile: which there are, which it needs, which are at hand.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

use super::values::{Notice, Reader, leading_number};

/// A secret of a profile (`vpn.secrets` in NetworkManager).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secret {
    /// Password of the user.
    Password,
    /// Passphrase of the user's private key.
    TlsUserKeySecret,
    /// Password at the HTTP proxy.
    ProxyPassword,
}

impl Secret {
    /// Every secret, in the order in which a person is asked.
    pub const ALL: [Self; 3] = [Self::Password, Self::TlsUserKeySecret, Self::ProxyPassword];

    /// The secret of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|secret| secret.name() == name)
    }

    /// Its name among the secrets.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::TlsUserKeySecret => "tls-user-key-secret",
            Self::ProxyPassword => "proxy-password",
        }
    }

    /// The data key that has its flags.
    pub const fn flags_key(self) -> &'static str {
        match self {
            Self::Password => "password-flags",
            Self::TlsUserKeySecret => "tls-user-key-secret-flags",
            Self::ProxyPassword => "proxy-password-flags",
        }
    }

    /// What a person is asked for.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Password => "Password",
            Self::TlsUserKeySecret => "Certificate password",
            Self::ProxyPassword => "HTTP proxy password",
        }
    }
}

/// Name under which an authentication dialog answers that it had nothing to ask; among secrets it is ignored.
pub const NO_SECRET: &str = "no-secret";

/// Flags of a secret (`NMSettingSecretFlags`): 0 means that NetworkManager keeps it for all users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SecretFlags(pub u32);

impl SecretFlags {
    /// The flags of `secret` in the data of a profile; what cannot be read counts as 0.
    pub fn of(secret: Secret, data: &BTreeMap<String, String>) -> Self {
        Self(data.get(secret.flags_key()).and_then(|text| leading_number(text)).unwrap_or(0))
    }

    /// A secret agent keeps it for one user (1).
    pub const fn agent_owned(self) -> bool {
        self.0 & 1 != 0
    }

    /// It is asked for every time and kept nowhere (2).
    pub const fn not_saved(self) -> bool {
        self.0 & 2 != 0
    }

    /// It need not be there at all and is not asked for (4).
    pub const fn not_required(self) -> bool {
        self.0 & 4 != 0
    }
}

/// The secrets that a profile needs to connect, by its data alone: the password, or the passphrase of the private key
/// where `connection-type` is `tls`; the proxy's password where there are a proxy and a user name for it. Those flagged
/// as not required are left out.
pub fn required_secrets(data: &BTreeMap<String, String>) -> Vec<Secret> {
    let reader = Reader::new(data);
    let user = match reader.text("connection-type") {
        Some("tls") => Secret::TlsUserKeySecret,
        _ => Secret::Password,
    };
    let proxy = reader.text("proxy-server").and(reader.text("proxy-user")).map(|_| Secret::ProxyPassword);
    let in_use = [Some(user), proxy].into_iter().flatten();
    in_use.filter(|secret| !SecretFlags::of(*secret, data).not_required()).collect()
}

/// The secrets at hand. They are wiped when dropped.
#[derive(Default)]
pub struct Secrets {
    /// Password of the user.
    pub password: Option<Zeroizing<String>>,
    /// Passphrase of the user's private key.
    pub tls_user_key_secret: Option<Zeroizing<String>>,
    /// Password at the HTTP proxy.
    pub proxy_password: Option<Zeroizing<String>>,
}

impl Secrets {
    /// Reads the secrets of a profile, given as pairs of name and value. An empty value counts as absent, and an
    /// unknown name is a notice. The data may hold the proxy's password, where Plasma keeps it; a secret goes first.
    pub fn from_settings<N: AsRef<str>, V: AsRef<str>>(
        data: &BTreeMap<String, String>,
        secrets: impl IntoIterator<Item = (N, V)>,
    ) -> (Self, Vec<Notice>) {
        let mut found = Self::default();
        let mut notices = Vec::new();
        if let Some(kept_in_data) = Reader::new(data).text(Secret::ProxyPassword.name()) {
            found.set(Secret::ProxyPassword, kept_in_data);
        }
        for (name, value) in secrets {
            let (name, value) = (name.as_ref(), value.as_ref());
            match Secret::named(name) {
                Some(secret) if !value.is_empty() => found.set(secret, value),
                Some(_) => {}
                None if name == NO_SECRET => {}
                None => notices.push(Notice(format!("the secret {name:?} is unknown; it is ignored"))),
            }
        }
        (found, notices)
    }

    /// The value of a secret.
    pub fn get(&self, secret: Secret) -> Option<&str> {
        let value = match secret {
            Secret::Password => &self.password,
            Secret::TlsUserKeySecret => &self.tls_user_key_secret,
            Secret::ProxyPassword => &self.proxy_password,
        };
        value.as_ref().map(|value| value.as_str())
    }

    fn set(&mut self, secret: Secret, value: &str) {
        let place = match secret {
            Secret::Password => &mut self.password,
            Secret::TlsUserKeySecret => &mut self.tls_user_key_secret,
            Secret::ProxyPassword => &mut self.proxy_password,
        };
        *place = Some(Zeroizing::new(value.to_owned()));
    }
}

/// Tells which secrets are there, not what they are.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Secrets");
        for secret in Secret::ALL {
            let shown = if self.get(secret).is_some() { "<redacted>" } else { "<absent>" };
            debug.field(secret.name(), &format_args!("{shown}"));
        }
        debug.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::{self, Kind};
    use super::*;

    fn data(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    #[test]
    fn every_flags_key_is_in_the_table() {
        for secret in Secret::ALL {
            assert_eq!(keys::find(secret.flags_key()).unwrap().kind, Kind::Flags);
            assert_eq!(Secret::named(secret.name()), Some(secret));
        }
        assert_eq!(Secret::named(NO_SECRET), None);
    }

    #[test]
    fn flags_decide_what_is_required() {
        for (flags, required) in [("0", true), ("1", true), ("2", true), ("3", true), ("4", false), ("5", false)] {
            let data = data(&[("password-flags", flags)]);
            assert_eq!(required_secrets(&data) == [Secret::Password], required, "{flags}");
        }
        assert_eq!(required_secrets(&data(&[("password-flags", "none")])), [Secret::Password]);
        assert_eq!(required_secrets(&data(&[])), [Secret::Password]);
        let flags = SecretFlags::of(Secret::Password, &data(&[("password-flags", "3")]));
        assert!(flags.agent_owned() && flags.not_saved() && !flags.not_required());
    }

    #[test]
    fn a_proxy_needs_a_password_when_it_has_a_user() {
        let proxy = [("proxy-server", "proxy.example"), ("proxy-port", "3128"), ("proxy-user", "me")];
        assert_eq!(required_secrets(&data(&proxy)), [Secret::Password, Secret::ProxyPassword]);
        assert_eq!(required_secrets(&data(&proxy[..2])), [Secret::Password]);
        assert_eq!(required_secrets(&data(&proxy[1..])), [Secret::Password]);
        assert_eq!(required_secrets(&data(&[proxy[0], proxy[2], ("password-flags", "4")])), [Secret::ProxyPassword]);
        let flagged = data(&[proxy[0], proxy[2], ("proxy-password-flags", "4"), ("connection-type", "tls")]);
        assert_eq!(required_secrets(&flagged), [Secret::TlsUserKeySecret]);
    }

    #[test]
    fn secrets_are_read() {
        let plasma = data(&[("proxy-password", "in data")]);
        let (secrets, notices) = Secrets::from_settings(
            &plasma,
            [("password", "p\u{e4}ss word"), ("tls-user-key-secret", ""), ("no-secret", "true"), ("otp", "123456")],
        );
        assert_eq!(secrets.get(Secret::Password), Some("p\u{e4}ss word"));
        assert_eq!(secrets.get(Secret::TlsUserKeySecret), None);
        assert_eq!(secrets.get(Secret::ProxyPassword), Some("in data"));
        assert_eq!(notices, [Notice("the secret \"otp\" is unknown; it is ignored".into())]);

        let (secrets, notices) = Secrets::from_settings(&plasma, &data(&[("proxy-password", "secret")]));
        assert_eq!((secrets.get(Secret::ProxyPassword), notices.len()), (Some("secret"), 0));
        let (secrets, _) = Secrets::from_settings(&plasma, &data(&[("proxy-password", "")]));
        assert_eq!(secrets.get(Secret::ProxyPassword), Some("in data"));
    }

    #[test]
    fn debug_shows_nothing() {
        let (secrets, _) = Secrets::from_settings(&data(&[]), [("password", "hunter2")]);
        let shown = format!("{secrets:?}");
        assert!(shown.contains("password: <redacted>") && shown.contains("proxy-password: <absent>"), "{shown}");
        assert!(!shown.contains("hunter2"));
    }
}
