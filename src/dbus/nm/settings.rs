//! A connection as NetworkManager hands it over, taken apart.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::Ipv4Addr;
use std::path::Path;

use zbus::{Signature, Variant};

use crate::inner_tls::Source;
use crate::profile::{self, Authentication, Notice, Profile, Secret, Secrets};

/// A connection on the bus, `a{sa{sv}}`: setting name, then property name, then value.
pub(super) type Hash<'m> = HashMap<&'m str, HashMap<&'m str, Variant<'m>>>;

/// What a connection says, as far as this helper reads it. No `Debug`: it shows the secrets.
pub(super) struct Settings<'m> {
    /// `vpn.data`: the keys of the profile.
    data: BTreeMap<String, String>,
    /// `vpn.secrets`: as far as NetworkManager has them, where they lie in its message.
    secrets: Vec<(&'m str, &'m str)>,
    /// `vpn.user-name`: the owner's login name, where an agent gave the secrets.
    user_name: Option<&'m str>,
    /// `vpn.timeout`: how many seconds NetworkManager lets a connection attempt take; 0 means its default.
    pub(super) timeout: u32,
    /// `vpn.persistent`: a connection that was lost is made again.
    pub(super) persistent: bool,
    /// The users who alone may use the connection (`connection.permissions`); none: everybody may.
    owners: Vec<String>,
    /// `connection.uuid`.
    pub(super) uuid: Option<&'m str>,
    /// `ipv4.method` is not `disabled`.
    ipv4: bool,
    /// The address to ask for: where `ipv4.method` is `manual` and `ipv4.gateway` is set, as network-manager-sstp had it.
    ipv4_address: Option<Ipv4Addr>,
    /// `ipv6.method` is neither `disabled` nor `ignore`.
    ipv6: bool,
}

/// Why a connection could not be read. The text never holds a value, only names and types.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// There is no `vpn` setting in it.
    NoVpnSetting,
    /// A property has another D-Bus type than NetworkManager's.
    WrongType { property: &'static str, expected: &'static str, found: Signature },
    /// It belongs to several users: whose files are meant cannot be told.
    SeveralOwners,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoVpnSetting => write!(f, "the caller sent a connection without a VPN setting"),
            Self::WrongType { property, expected, found } => {
                write!(f, "the caller sent {property} as the D-Bus type {found}, where {expected} is expected")
            }
            Self::SeveralOwners => f.write_str(
                "the connection belongs to several users, so that it cannot be told with whose rights its files are to \
                 be read: let it belong to one, or to all (connection.permissions)",
            ),
        }
    }
}

impl<'m> Settings<'m> {
    /// Reads what this helper needs; settings and properties that it does not know may hold anything.
    pub(super) fn read(hash: &'m Hash<'_>) -> Result<Self, Malformed> {
        let vpn = hash.get("vpn").ok_or(Malformed::NoVpnSetting)?;
        let text = |setting: &str, key: &str, property| {
            hash.get(setting)
                .and_then(|properties| properties.get(key))
                .map(|value| string(value, property))
                .transpose()
        };
        Ok(Self {
            data: strings(vpn.get("data"), "vpn.data")?.map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
            secrets: strings(vpn.get("secrets"), "vpn.secrets")?.collect(),
            user_name: text("vpn", "user-name", "vpn.user-name")?,
            persistent: vpn.get("persistent").map(boolean).transpose()?.unwrap_or(false),
            timeout: vpn.get("timeout").map(unsigned).transpose()?.unwrap_or(0),
            owners: owners(hash.get("connection").and_then(|properties| properties.get("permissions")))?,
            uuid: text("connection", "uuid", "connection.uuid")?,
            ipv4: text("ipv4", "method", "ipv4.method")? != Some("disabled"),
            ipv4_address: hash.get("ipv4").and_then(manual_address),
            ipv6: !matches!(text("ipv6", "method", "ipv6.method")?, Some("disabled" | "ignore")),
        })
    }

    /// The user who owns the connection; `None`: it belongs to everybody.
    pub(super) fn owner(&self) -> Result<Option<String>, Malformed> {
        match self.owners.as_slice() {
            [] => Ok(None),
            [owner] => Ok(Some(owner.clone())),
            _ => Err(Malformed::SeveralOwners),
        }
    }

    /// The profile and its secrets, and what the log should say of them.
    pub(super) fn profile(&self) -> Result<(Profile, Secrets, Vec<Notice>), profile::Error> {
        let (mut secrets, more) = Secrets::from_settings(&self.data, self.secrets.iter().copied());
        // What was typed goes before the login name, which NetworkManager adds of its own accord.
        let user_name = secrets.get(Secret::User).or(self.user_name);
        let (mut profile, mut notices) = Profile::from_settings(&self.data, user_name, self.uuid)?;
        profile.ipv4 &= self.ipv4;
        profile.ipv6 &= self.ipv6;
        if let Some(address) = self.ipv4_address.filter(|_| profile.ipv4_address.is_unspecified()) {
            profile.ipv4_address = address;
        }
        notices.extend(more);
        // Plasma calls whatever is typed `password`, and a user with a certificate has no other one. It is no PIN, though: a
        // token locks itself after a few that are wrong, and this one may have been kept from before there was a certificate.
        if let Authentication::Certificate(certificate) = &profile.authentication
            && secrets.tls_user_key_secret.is_none()
            && ![&certificate.user_cert, &certificate.user_key].into_iter().flatten().any(|path| is_token(path))
        {
            secrets.tls_user_key_secret = secrets.password.clone();
        }
        Ok((profile, secrets, notices))
    }
}

fn wrong(property: &'static str, expected: &'static str, found: &Variant<'_>) -> Malformed {
    Malformed::WrongType { property, expected, found: found.value_signature().clone() }
}

fn string<'v>(value: &'v Variant<'_>, property: &'static str) -> Result<&'v str, Malformed> {
    match value {
        Variant::Str(text) => Ok(text.as_str()),
        other => Err(wrong(property, "s", other)),
    }
}

/// The names in an `as` of entries `user:NAME:`. An entry of another type, which NetworkManager does not know yet, counts
/// as the name of a user who does not exist: files must not be read with more rights than the connection has.
fn owners(value: Option<&Variant<'_>>) -> Result<Vec<String>, Malformed> {
    let array = match value {
        None => return Ok(Vec::new()),
        Some(Variant::Array(array)) if *array.signature() == "as" => array,
        Some(other) => return Err(wrong("connection.permissions", "as", other)),
    };
    let entry = |value: &Variant<'_>| match value {
        Variant::Str(text) => {
            let user = text.as_str().strip_prefix("user:").map(|rest| rest.split(':').next().unwrap_or(rest));
            Some(user.unwrap_or(text.as_str()).to_owned())
        }
        _ => None,
    };
    Ok(array.iter().filter_map(entry).collect())
}

/// The first address of an IPv4 setting that says which one it wants. NetworkManager has checked what is in it; what is not
/// of its types asks for nothing, since it is a wish only.
fn manual_address(ipv4: &HashMap<&str, Variant<'_>>) -> Option<Ipv4Addr> {
    let text = |value: Option<&Variant<'_>>| match value {
        Some(Variant::Str(text)) => Some(text.as_str().to_owned()),
        _ => None,
    };
    text(ipv4.get("gateway"))?;
    if text(ipv4.get("method"))? != "manual" {
        return None;
    }
    let Some(Variant::Array(addresses)) = ipv4.get("address-data") else { return None };
    let Some(Variant::Dict(first)) = addresses.iter().next() else { return None };
    let address = first.iter().find_map(|(key, value)| match (key, value) {
        (Variant::Str(key), Variant::Variant(value)) if key.as_str() == "address" => text(Some(value)),
        (Variant::Str(key), value) if key.as_str() == "address" => text(Some(value)),
        _ => None,
    });
    address?.parse().ok()
}

fn boolean(value: &Variant<'_>) -> Result<bool, Malformed> {
    match value {
        Variant::Bool(is) => Ok(*is),
        other => Err(wrong("vpn.persistent", "b", other)),
    }
}

fn unsigned(value: &Variant<'_>) -> Result<u32, Malformed> {
    match value {
        Variant::U32(number) => Ok(*number),
        other => Err(wrong("vpn.timeout", "u", other)),
    }
}

/// The entries of an `a{ss}`; none where there is no such property.
fn strings<'v>(
    value: Option<&'v Variant<'_>>,
    property: &'static str,
) -> Result<impl Iterator<Item = (&'v str, &'v str)>, Malformed> {
    let dict = match value {
        None => None,
        Some(Variant::Dict(dict)) if *dict.signature() == "a{ss}" => Some(dict),
        Some(other) => return Err(wrong(property, "a{ss}", other)),
    };
    Ok(dict.into_iter().flat_map(|dict| dict.iter()).filter_map(|entry| match entry {
        (Variant::Str(key), Variant::Str(value)) => Some((key.as_str(), value.as_str())),
        _ => None,
    }))
}

fn is_token(path: &Path) -> bool {
    path.to_str().is_some_and(Source::is_token)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Stands for every secret; no text of ours may hold it.
    const CANARY: &str = "hunter2";

    fn texts(entries: &[(&'static str, &'static str)]) -> Variant<'static> {
        entries.iter().copied().collect::<BTreeMap<&str, &str>>().into()
    }

    fn hash(vpn: impl IntoIterator<Item = (&'static str, Variant<'static>)>) -> Hash<'static> {
        HashMap::from([("vpn", vpn.into_iter().collect())])
    }

    #[test]
    fn reads_what_network_manager_sends() {
        let mut hash = hash([
            ("data", texts(&[("gateway", "vpn.example.com"), ("password-flags", "1")])),
            ("secrets", texts(&[("password", CANARY)])),
            ("user-name", "alice".into()),
            ("timeout", 90u32.into()),
        ]);
        let uuid = "00112233-4455-6677-8899-aabbccddeeff";
        hash.insert("connection", HashMap::from([("uuid", uuid.into())]));
        let settings = Settings::read(&hash).unwrap();
        assert_eq!((settings.timeout, settings.uuid), (90, Some(uuid)));
        let (profile, secrets, notices) = settings.profile().unwrap();
        assert_eq!(notices, []);
        assert_eq!(profile.check(), Ok(()), "the user name is the setting's");
        assert_eq!(profile.correlation_id.map(|id| id[15]), Some(0xff));
        assert_eq!(secrets.get(Secret::Password), Some(CANARY));
        assert!(profile.ipv4 && profile.ipv6);
    }

    #[test]
    fn a_typed_user_name_goes_before_the_login_name() {
        let of = |data: &[(&'static str, &'static str)], secrets: &[(&'static str, &'static str)]| {
            let data = [&[("gateway", "vpn.example.com")], data].concat();
            let hash = hash([("data", texts(&data)), ("secrets", texts(secrets)), ("user-name", "login".into())]);
            Settings::read(&hash).unwrap().profile().unwrap().0.authentication
        };
        let named = |name: &str| Authentication::Password { user_name: Some(name.to_owned()) };
        assert_eq!(of(&[], &[]), named("login"));
        assert_eq!(of(&[], &[("user", "typed")]), named("typed"));
        assert_eq!(of(&[("domain", "CORP")], &[("user", "typed")]), named(r"CORP\typed"));
        assert_eq!(of(&[("user", "set")], &[("user", "typed")]), named("set"));
    }

    /// Plasma has one field, and calls it `password`.
    #[test]
    fn a_password_opens_the_key_of_a_certificate() {
        let of = |kind: &'static str, secrets: &[(&'static str, &'static str)]| {
            let data = [("gateway", "vpn.example.com"), ("connection-type", kind)];
            let hash = hash([("data", texts(&data)), ("secrets", texts(secrets))]);
            Settings::read(&hash).unwrap().profile().unwrap().1.tls_user_key_secret.map(|secret| secret.to_string())
        };
        assert_eq!(of("tls", &[("password", "typed")]).as_deref(), Some("typed"));
        assert_eq!(
            of("tls", &[("password", "old"), ("tls-user-key-secret", "asked for")]).as_deref(),
            Some("asked for")
        );
        assert_eq!(of("password", &[("password", "typed")]), None);

        let token = [("gateway", "vpn.example.com"), ("connection-type", "tls"), ("tls-user-cert", "pkcs11:object=me")];
        let hash = hash([("data", texts(&token)), ("secrets", texts(&[("password", "old")]))]);
        let (_, secrets, _) = Settings::read(&hash).unwrap().profile().unwrap();
        assert!(secrets.tls_user_key_secret.is_none(), "it would be tried as the PIN");
    }

    #[test]
    fn a_connection_has_an_owner_or_none() {
        let owner = |permissions: Vec<&'static str>| {
            let mut hash = hash([("data", texts(&[("gateway", "vpn.example.com")]))]);
            hash.insert("connection", HashMap::from([("permissions", permissions.into())]));
            Settings::read(&hash).unwrap().owner()
        };
        assert_eq!(owner(vec![]), Ok(None));
        assert_eq!(owner(vec!["user:alice:"]), Ok(Some("alice".to_owned())));
        assert_eq!(owner(vec!["user:alice"]), Ok(Some("alice".to_owned())));
        // whoever that is, it is not everybody
        assert_eq!(owner(vec!["group:staff:"]), Ok(Some("group:staff:".to_owned())));
        assert_eq!(owner(vec!["user:alice:", "user:bob:"]), Err(Malformed::SeveralOwners));
    }

    #[test]
    fn methods_turn_a_family_off() {
        for (setting, method, ipv4, ipv6) in [
            ("ipv4", "auto", true, true),
            ("ipv4", "manual", true, true),
            ("ipv4", "disabled", false, true),
            ("ipv6", "auto", true, true),
            ("ipv6", "disabled", true, false),
            ("ipv6", "ignore", true, false),
        ] {
            let mut hash = hash([("data", texts(&[("gateway", "vpn.example.com")]))]);
            hash.insert(setting, HashMap::from([("method", method.into())]));
            let (profile, _, _) = Settings::read(&hash).unwrap().profile().unwrap();
            assert_eq!((profile.ipv4, profile.ipv6), (ipv4, ipv6), "{setting}.method={method}");
        }
    }

    #[test]
    fn a_manual_address_is_asked_for() {
        let asked = |method: &'static str, gateway: Option<&'static str>, own: Option<&'static str>| {
            let data: Vec<_> =
                own.map(|own| ("ipv4-address", own)).into_iter().chain([("gateway", "vpn.example.com")]).collect();
            let mut hash = hash([("data", texts(&data))]);
            let address = |text: &'static str| {
                BTreeMap::from([("prefix", Variant::from(24u32)), ("address", Variant::from(text))])
            };
            let addresses = vec![address("10.99.0.7"), address("10.99.0.8")];
            let mut ipv4 = HashMap::from([("method", method.into()), ("address-data", Variant::from(addresses))]);
            ipv4.extend(gateway.map(|gateway| ("gateway", gateway.into())));
            hash.insert("ipv4", ipv4);
            Settings::read(&hash).unwrap().profile().unwrap().0.ipv4_address.octets()
        };
        assert_eq!(asked("manual", Some("10.99.0.1"), None), [10, 99, 0, 7]);
        assert_eq!(asked("manual", Some("10.99.0.1"), Some("10.99.0.9")), [10, 99, 0, 9]);
        assert_eq!(asked("manual", None, None), [0, 0, 0, 0]);
        assert_eq!(asked("auto", Some("10.99.0.1"), None), [0, 0, 0, 0]);
    }

    fn any_variant() -> impl Strategy<Value = Variant<'static>> {
        let leaf = prop_oneof![
            any::<u8>().prop_map(Variant::from),
            any::<bool>().prop_map(Variant::from),
            any::<i32>().prop_map(Variant::from),
            any::<u32>().prop_map(Variant::from),
            any::<f64>().prop_map(Variant::from),
            Just(Variant::from(CANARY)),
            Just(texts(&[("password", CANARY)])),
            Just(Variant::from(vec![CANARY])),
        ];
        leaf.prop_recursive(3, 8, 2, |inner| {
            prop_oneof![
                inner.clone().prop_map(Variant::new),
                inner.clone().prop_map(|v| Variant::from(vec![v])),
                inner.prop_map(|v| Variant::from(BTreeMap::from([(CANARY, v)]))),
            ]
        })
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused_without_its_values(
            values in prop::collection::vec((0..9usize, any_variant()), 0..9)
        ) {
            let places = [
                ("vpn", "data"), ("vpn", "secrets"), ("vpn", "user-name"), ("vpn", "timeout"),
                ("connection", "uuid"), ("connection", "permissions"), ("ipv4", "method"), ("ipv6", "method"),
                ("vpn", "else"),
            ];
            let mut hash = hash([("data", texts(&[("gateway", "vpn.example.com")]))]);
            for (place, value) in values {
                let (setting, property) = places[place];
                hash.entry(setting).or_default().insert(property, value);
            }
            match Settings::read(&hash) {
                Ok(settings) => drop(settings.profile()),
                Err(malformed) => {
                    let texts = format!("{malformed} {malformed:?}");
                    prop_assert!(!texts.contains(CANARY), "{texts}");
                }
            }
        }
    }
}
