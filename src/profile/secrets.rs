//! The secrets of a profile: which there are, which it needs, which are at hand.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

use super::Notice;
use super::notice::notice;
use super::values::{Reader, leading_number, quoted};
#[cfg(feature = "words")]
use crate::tr;

/// A secret of a profile (`vpn.secrets` in NetworkManager).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Secret {
    /// Name of the user, where the profile has none: no secret, but agents return nothing else.
    User,
    /// Password of the user. A new one is asked for under this name too, so that it is kept where the old one was.
    Password,
    /// The new password once more, asked for together with [`Self::Password`].
    PasswordAgain,
    /// One-time code of a second step; worth nothing after it.
    Otp,
    /// Passphrase of the user's private key.
    TlsUserKeySecret,
    /// Password at the proxy.
    ProxyPassword,
    /// Cookie for the HTTP request (MS-SSTP 3.2.4.1), from a program that has signed the user on. Never asked for.
    HttpCookie,
}

impl Secret {
    /// Every secret, in the order in which a person is asked.
    pub const ALL: [Self; 7] = [
        Self::User,
        Self::Password,
        Self::PasswordAgain,
        Self::Otp,
        Self::TlsUserKeySecret,
        Self::ProxyPassword,
        Self::HttpCookie,
    ];

    /// The secret of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|secret| secret.name() == name)
    }

    /// The secret that a hint names, and how. Older versions of NetworkManager return a secret under such a name, too.
    pub fn from_hint(hint: &str) -> Option<(Self, Tag)> {
        let (tag, name) = Tag::split(hint);
        Self::named(name).map(|secret| (secret, tag))
    }

    /// The hint that asks for it so.
    pub fn hint(self, tag: Tag) -> String {
        [tag.text(), self.name()].concat()
    }

    /// Its name among the secrets.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Password => "password",
            Self::PasswordAgain => "password-again",
            Self::Otp => "otp",
            Self::TlsUserKeySecret => "tls-user-key-secret",
            Self::ProxyPassword => "proxy-password",
            Self::HttpCookie => "http-cookie",
        }
    }

    /// The data key that has its flags.
    pub const fn flags_key(self) -> &'static str {
        match self {
            Self::User => "user-flags",
            Self::Password => "password-flags",
            Self::PasswordAgain => "password-again-flags",
            Self::Otp => "otp-flags",
            Self::TlsUserKeySecret => "tls-user-key-secret-flags",
            Self::ProxyPassword => "proxy-password-flags",
            Self::HttpCookie => "http-cookie-flags",
        }
    }

    /// Whether a person can be asked for it.
    pub const fn can_be_asked_for(self) -> bool {
        !matches!(self, Self::HttpCookie)
    }

    /// What a person is asked for, where these secrets are asked for together; `None`: it is never asked for.
    #[cfg(feature = "words")]
    pub fn label(self, together: &[Self]) -> Option<String> {
        Some(match self {
            Self::User => tr!("User name"),
            Self::Password if together.contains(&Self::PasswordAgain) => tr!("New password"),
            Self::Password => tr!("Password"),
            Self::PasswordAgain => tr!("Repeat the new password"),
            Self::Otp => tr!("One-time code"),
            Self::TlsUserKeySecret => tr!("Certificate password"),
            Self::ProxyPassword => tr!("Proxy password"),
            Self::HttpCookie => return None,
        })
    }
}

/// What stands in front of a secret's name in a hint (libnm's `NM_SECRET_TAG_DYNAMIC_CHALLENGE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// Nothing.
    Plain,
    /// It belongs to a question of a second step: what a connection needs anyway is not asked for again, and
    /// NetworkManager keeps the answer nowhere.
    Challenge,
    /// The same, and the answer may be shown as it is typed.
    ChallengeEcho,
}

impl Tag {
    /// The tag and the name behind it.
    pub fn split(hint: &str) -> (Self, &str) {
        let tagged = |tag: Self| Some((tag, hint.strip_prefix(tag.text())?));
        tagged(Self::Challenge).or_else(|| tagged(Self::ChallengeEcho)).unwrap_or((Self::Plain, hint))
    }

    /// As it is written, with its colon.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Challenge => "x-dynamic-challenge:",
            Self::ChallengeEcho => "x-dynamic-challenge-echo:",
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

    /// The same of a profile that is being read, where what cannot be read is named.
    pub(super) fn read(secret: Secret, reader: &mut Reader<'_>) -> Self {
        let name = secret.flags_key();
        let Some(text) = reader.text(name) else { return Self::default() };
        leading_number(text).map(Self).unwrap_or_else(|| {
            reader.notice(notice!("{name}={value} is not a number; it counts as 0", name = name, value = quoted(text)));
            Self::default()
        })
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

/// The secrets that a profile needs to connect, in the order in which a person is asked. They are known by its data and
/// `user_name`, which is the user name as far as it is known otherwise:
///
/// - the password, and the user name where there is none; or the passphrase of the private key, where
///   `connection-type` is `tls`;
/// - the proxy's password where there are a proxy and a user name for it.
///
/// Those flagged as not required are left out.
pub fn required_secrets(data: &BTreeMap<String, String>, user_name: Option<&str>) -> Vec<Secret> {
    let reader = Reader::new(data);
    let has_user = reader.text("user").or(user_name).is_some_and(|name| !name.is_empty());
    let user: &[Secret] = match reader.text("connection-type") {
        Some("tls") => &[Secret::TlsUserKeySecret],
        _ if has_user => &[Secret::Password],
        _ => &[Secret::User, Secret::Password],
    };
    let proxy = reader.text("proxy-server").and(reader.text("proxy-user")).map(|_| Secret::ProxyPassword);
    let in_use = user.iter().copied().chain(proxy);
    in_use.filter(|secret| !SecretFlags::of(*secret, data).not_required()).collect()
}

/// The secrets at hand. They are wiped when dropped.
#[derive(Clone, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Secrets {
    /// Name of the user, as it was asked for.
    pub user: Option<Zeroizing<String>>,
    /// Password of the user.
    pub password: Option<Zeroizing<String>>,
    /// The new password once more.
    pub password_again: Option<Zeroizing<String>>,
    /// One-time code. It may be an old one that was kept by mistake, unless it has just been asked for.
    pub otp: Option<Zeroizing<String>>,
    /// Passphrase of the user's private key.
    pub tls_user_key_secret: Option<Zeroizing<String>>,
    /// Password at the proxy.
    pub proxy_password: Option<Zeroizing<String>>,
    /// Cookie for the HTTP request.
    pub http_cookie: Option<Zeroizing<String>>,
}

impl Secrets {
    /// Reads the secrets of a profile, given as pairs of name and value. An empty value counts as absent, and an
    /// unknown name is a notice. A name may have the tag under which it was asked for; of a secret that is there with
    /// and without one, the answer to the question, which has the tag, is taken. The data may hold the proxy's
    /// password, where Plasma keeps it; a secret goes first.
    pub fn from_settings<N: AsRef<str>, V: AsRef<str>>(
        data: &BTreeMap<String, String>,
        secrets: impl IntoIterator<Item = (N, V)>,
    ) -> (Self, Vec<Notice>) {
        let mut found = Self::default();
        let mut notices = Vec::new();
        if let Some(kept_in_data) = Reader::new(data).text(Secret::ProxyPassword.name()) {
            found.set(Secret::ProxyPassword, kept_in_data);
        }
        let mut seen = Vec::new();
        for (name, value) in secrets {
            let (name, value) = (name.as_ref(), value.as_ref());
            let Some((secret, tag)) = Secret::from_hint(name) else {
                if name != NO_SECRET {
                    notices.push(notice!("the secret {name} is unknown; it is ignored", name = quoted(name)));
                }
                continue;
            };
            if value.is_empty() {
                continue;
            }
            let again = seen.contains(&secret);
            if again {
                let name = secret.name();
                notices.push(notice!(
                    "the secret {name} is there twice; the one just asked for is used",
                    name = quoted(name)
                ));
            }
            if tag != Tag::Plain || !again {
                found.set(secret, value);
            }
            seen.push(secret);
        }
        (found, notices)
    }

    /// The value of a secret.
    pub fn get(&self, secret: Secret) -> Option<&str> {
        let value = match secret {
            Secret::User => &self.user,
            Secret::Password => &self.password,
            Secret::PasswordAgain => &self.password_again,
            Secret::Otp => &self.otp,
            Secret::TlsUserKeySecret => &self.tls_user_key_secret,
            Secret::ProxyPassword => &self.proxy_password,
            Secret::HttpCookie => &self.http_cookie,
        };
        value.as_ref().map(|value| value.as_str())
    }

    /// The answer to a question for the one secret `asked`, where `before` is what was at hand before it. Plasma has
    /// one field only and calls whatever is typed there `password`: a password that has changed is that answer.
    pub fn answer_to(&self, asked: Secret, before: &Self) -> Option<&str> {
        let changed = || self.get(Secret::Password).filter(|password| before.get(Secret::Password) != Some(*password));
        self.get(asked).or_else(|| if asked == Secret::User { None } else { changed() })
    }

    fn set(&mut self, secret: Secret, value: &str) {
        let place = match secret {
            Secret::User => &mut self.user,
            Secret::Password => &mut self.password,
            Secret::PasswordAgain => &mut self.password_again,
            Secret::Otp => &mut self.otp,
            Secret::TlsUserKeySecret => &mut self.tls_user_key_secret,
            Secret::ProxyPassword => &mut self.proxy_password,
            Secret::HttpCookie => &mut self.http_cookie,
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

    const ME: Option<&str> = Some("me");

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
    fn hints_are_understood() {
        for (hint, expected) in [
            ("password", Some((Secret::Password, Tag::Plain))),
            ("x-dynamic-challenge:otp", Some((Secret::Otp, Tag::Challenge))),
            ("x-dynamic-challenge-echo:otp", Some((Secret::Otp, Tag::ChallengeEcho))),
            ("x-dynamic-challenge:password-again", Some((Secret::PasswordAgain, Tag::Challenge))),
            ("x-dynamic-challenge:", None),
            ("x-dynamic-challenge:x-dynamic-challenge:otp", None),
            ("x-vpn-message:otp", None),
            ("OTP", None),
            ("", None),
        ] {
            assert_eq!(Secret::from_hint(hint), expected, "{hint}");
            if let Some((secret, tag)) = expected {
                assert_eq!(secret.hint(tag), hint);
            }
        }
        assert_eq!(Tag::split("x-dynamic-challenge:pin"), (Tag::Challenge, "pin"));
    }

    #[cfg(feature = "words")]
    #[test]
    fn labels() {
        let label = |together: &[Secret]| Secret::Password.label(together).unwrap();
        assert_eq!(label(&[Secret::Password, Secret::Otp]), "Password");
        assert_eq!(label(&[Secret::Password, Secret::PasswordAgain]), "New password");
        for secret in Secret::ALL {
            assert_eq!(secret.label(&[]).is_some(), secret.can_be_asked_for(), "{secret:?}");
        }
        assert!(!Secret::HttpCookie.can_be_asked_for());
    }

    #[test]
    fn flags_decide_what_is_required() {
        for (flags, required) in [("0", true), ("1", true), ("2", true), ("3", true), ("4", false), ("5", false)] {
            let data = data(&[("password-flags", flags)]);
            assert_eq!(required_secrets(&data, ME) == [Secret::Password], required, "{flags}");
        }
        assert_eq!(required_secrets(&data(&[("password-flags", "none")]), ME), [Secret::Password]);
        assert_eq!(required_secrets(&data(&[]), ME), [Secret::Password]);
        let flags = SecretFlags::of(Secret::Password, &data(&[("password-flags", "3")]));
        assert!(flags.agent_owned() && flags.not_saved() && !flags.not_required());
    }

    #[test]
    fn a_user_name_is_required_where_there_is_none() {
        let both = [Secret::User, Secret::Password];
        assert_eq!(required_secrets(&data(&[]), None), both);
        assert_eq!(required_secrets(&data(&[("user", "")]), Some("")), both);
        assert_eq!(required_secrets(&data(&[("user", "alice")]), None), [Secret::Password]);
        assert_eq!(required_secrets(&data(&[("user-flags", "4")]), None), [Secret::Password]);
        assert_eq!(required_secrets(&data(&[("password-flags", "4")]), None), [Secret::User]);
        assert_eq!(required_secrets(&data(&[("connection-type", "tls")]), None), [Secret::TlsUserKeySecret]);
    }

    #[test]
    fn a_proxy_needs_a_password_when_it_has_a_user() {
        let proxy = [("proxy-server", "proxy.example"), ("proxy-port", "3128"), ("proxy-user", "me")];
        assert_eq!(required_secrets(&data(&proxy), ME), [Secret::Password, Secret::ProxyPassword]);
        assert_eq!(required_secrets(&data(&proxy[..2]), ME), [Secret::Password]);
        assert_eq!(required_secrets(&data(&proxy[1..]), ME), [Secret::Password]);
        assert_eq!(
            required_secrets(&data(&[proxy[0], proxy[2], ("password-flags", "4")]), ME),
            [Secret::ProxyPassword]
        );
        let flagged = data(&[proxy[0], proxy[2], ("proxy-password-flags", "4"), ("connection-type", "tls")]);
        assert_eq!(required_secrets(&flagged, ME), [Secret::TlsUserKeySecret]);
    }

    #[test]
    fn secrets_are_read() {
        let plasma = data(&[("proxy-password", "in data")]);
        let (secrets, notices) = Secrets::from_settings(
            &plasma,
            [("password", "p\u{e4}ss word"), ("tls-user-key-secret", ""), ("no-secret", "true"), ("pin", "1234")],
        );
        assert_eq!(secrets.get(Secret::Password), Some("p\u{e4}ss word"));
        assert_eq!(secrets.get(Secret::TlsUserKeySecret), None);
        assert_eq!(secrets.get(Secret::ProxyPassword), Some("in data"));
        assert_eq!(notices, [notice!("the secret {name} is unknown; it is ignored", name = quoted("pin"))]);

        let (secrets, notices) = Secrets::from_settings(&plasma, &data(&[("proxy-password", "secret")]));
        assert_eq!((secrets.get(Secret::ProxyPassword), notices.len()), (Some("secret"), 0));
        let (secrets, _) = Secrets::from_settings(&plasma, &data(&[("proxy-password", "")]));
        assert_eq!(secrets.get(Secret::ProxyPassword), Some("in data"));
    }

    #[test]
    fn every_secret_has_a_place_of_its_own() {
        let pairs = Secret::ALL.map(|secret| (secret.name(), secret.name()));
        let (secrets, notices) = Secrets::from_settings(&data(&[]), pairs);
        assert!(Secret::ALL.into_iter().all(|secret| secrets.get(secret) == Some(secret.name())), "{secrets:?}");
        assert_eq!(notices, []);
    }

    /// NetworkManager 1.42 hands on the name under which an agent answered.
    #[test]
    fn an_answer_with_a_tag_goes_before_what_was_kept() {
        let (asked, kept) = (("x-dynamic-challenge:otp", "new"), ("otp", "old"));
        for (pairs, notice) in [(vec![asked], false), (vec![asked, kept], true), (vec![kept, asked], true)] {
            let (secrets, notices) = Secrets::from_settings(&data(&[]), pairs);
            assert_eq!(secrets.get(Secret::Otp), Some("new"));
            assert_eq!(!notices.is_empty(), notice, "{notices:?}");
            assert!(notices.iter().all(|notice| !notice.to_string().contains("old")));
        }
        let (secrets, notices) = Secrets::from_settings(&data(&[]), [kept, ("x-dynamic-challenge-echo:otp", "")]);
        assert_eq!((secrets.get(Secret::Otp), notices.len()), (Some("old"), 0));
    }

    #[test]
    fn plasma_answers_with_the_password() {
        let of = |pairs: &[(&str, &str)]| Secrets::from_settings(&data(&[]), &data(pairs)).0;
        let before = of(&[("password", "hunter2")]);
        let plasma = of(&[("password", "123456")]);
        assert_eq!(plasma.answer_to(Secret::Otp, &before), Some("123456"));
        assert_eq!(plasma.answer_to(Secret::User, &before), None, "nobody is called like a password");
        assert_eq!(before.answer_to(Secret::Otp, &before), None, "the password is no code");
        let other = of(&[("password", "hunter2"), ("otp", "654321")]);
        assert_eq!(other.answer_to(Secret::Otp, &before), Some("654321"));
        assert_eq!(before.answer_to(Secret::Password, &before), Some("hunter2"));
    }

    #[test]
    fn debug_shows_nothing() {
        let (secrets, _) = Secrets::from_settings(&data(&[]), [("password", "hunter2")]);
        let shown = format!("{secrets:?}");
        assert!(shown.contains("password: <redacted>") && shown.contains("proxy-password: <absent>"), "{shown}");
        assert!(!shown.contains("hunter2"));
    }
}
