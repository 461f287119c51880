//! Flat TOML: one line for each key, as stored profiles are and `sstpctl profile export` writes them.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use zeroize::Zeroizing;

use super::connection::is_secret;
use super::error::Fault;
use super::{Confidential, Connection, Error, Exported, Format, Found, Left};
use crate::profile::KEYS;
use crate::tr;

/// A text that is no flat TOML. Its words are for the log; people are told by [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadToml {
    /// Number of the line, the first being 1; `None`: the text as a whole.
    pub line: Option<usize>,
}

impl fmt::Display for BadToml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line} is not KEY = \"VALUE\", or its key is there twice"),
            None => f.write_str("it is not made of lines KEY = \"VALUE\""),
        }
    }
}

impl From<BadToml> for Error {
    fn from(BadToml { line }: BadToml) -> Self {
        Self::Line { format: Format::Toml, line: line.unwrap_or(1), fault: Fault::Form }
    }
}

/// A value as people write it: a text, `true` for `yes`, or a number. It is wiped when dropped: it may be a secret.
struct Value(Zeroizing<String>);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl ValueVisitor {
    fn value<E>(text: impl Into<String>) -> Result<Value, E> {
        Ok(Value(Zeroizing::new(text.into())))
    }
}

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text in quotation marks, true, false or a whole number")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        Self::value(text)
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Value, E> {
        Self::value(text)
    }

    fn visit_bool<E: serde::de::Error>(self, yes: bool) -> Result<Value, E> {
        Self::value(if yes { "yes" } else { "no" })
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Value, E> {
        Self::value(number.to_string())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Value, E> {
        Self::value(number.to_string())
    }

    // Not the library's own words for the rest: they show the value.
    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Value, E> {
        Err(E::custom("a number with a point means nothing here"))
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Value, A::Error> {
        Err(A::Error::custom("there are no tables in these files"))
    }
}

/// The settings of a profile's file.
///
/// # Errors
///
/// What is wrong with the file, without any value of it.
pub fn read_settings(text: &str) -> Result<BTreeMap<String, String>, BadToml> {
    Ok(read(text)?.into_iter().map(|(key, value)| (key, value.0.to_string())).collect())
}

/// The secrets of a file of secrets.
///
/// # Errors
///
/// What is wrong with the file, without any value of it.
pub fn read_secrets(text: &str) -> Result<BTreeMap<String, Zeroizing<String>>, BadToml> {
    Ok(read(text)?.into_iter().map(|(key, value)| (key, value.0)).collect())
}

fn read(text: &str) -> Result<BTreeMap<String, Value>, BadToml> {
    toml::from_str(text).map_err(|error| {
        // Its Display shows the line, which may hold a secret.
        let line = error.span().map(|span| 1 + text.bytes().take(span.start).filter(|octet| *octet == b'\n').count());
        BadToml { line }
    })
}

/// Whether a key can stand without quotation marks.
pub(super) fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
}

/// Reads a profile of ours. Secrets that stand in it are taken as such.
pub(super) fn import(text: &str, found: &mut Found) -> Result<(), Error> {
    let mut connection = Connection::default();
    for (key, Value(value)) in read(text)? {
        if is_secret(&key) {
            connection.secrets.insert(&key, value);
        } else {
            connection.set(&key, value.as_str());
        }
    }
    // what is wrong with the gateway is for whoever checks the settings, as with the other keys
    found.connections.push(connection);
    Ok(())
}

/// Writes a profile of ours.
pub(super) fn export(connection: &Connection, confidential: Confidential) -> Exported {
    let (settings, mut left) = profile_settings(connection);
    let secrets = connection.written_secrets(confidential, &mut left);
    let settings = settings.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let secrets = secrets.iter().map(|(name, value)| (*name, value.as_str()));
    let octets = Zeroizing::new(write(settings.chain(secrets)).into_bytes());
    Exported { octets, left }
}

/// The settings of a connection for a machine without NetworkManager: what NetworkManager's own settings say is said by
/// keys of ours, as far as there are such.
pub fn profile_settings(connection: &Connection) -> (BTreeMap<String, String>, Vec<Left>) {
    let open = connection.open_settings();
    let mut settings: BTreeMap<String, String> = open.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let mut add = |key: &str, value: &dyn ToString| {
        settings.entry(key.to_owned()).or_insert_with(|| value.to_string());
    };
    let (ipv4, ipv6) = (&connection.network.ipv4, &connection.network.ipv6);
    let instead = [("user", &connection.user_name), ("uuid", &connection.uuid)];
    for (key, value) in instead {
        if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
            add(key, value);
        }
    }
    if let Some((address, _)) = &ipv4.address {
        add("ipv4-address", address);
    }
    if let Some(metric) = ipv4.route_metric.or(ipv6.route_metric) {
        add("route-metric", &metric);
    }
    if let Some(timeout) = connection.timeout.filter(|timeout| *timeout <= u16::MAX.into()) {
        add("connect-timeout", &timeout);
    }
    // NetworkManager's own settings are stricter than our keys, or say the same.
    if ipv4.never_default && !matches!(connection.setting("routes"), Some("split" | "none")) {
        // without the server's networks, too, there is nothing but the tunnel itself
        settings.insert("routes".to_owned(), if ipv4.ignore_auto_routes { "none" } else { "split" }.to_owned());
    }
    if ipv4.ignore_auto_dns {
        settings.insert("dns".to_owned(), "none".to_owned());
    }
    let mut left = Vec::new();
    let mut leave = |key: String, sentence: String| left.push(Left { key, sentence });
    for (name, family) in connection.network.families() {
        for (key, said) in [
            ("method", family.disabled),
            ("never-default", family.never_default && !ipv4.never_default),
            ("ignore-auto-dns", family.ignore_auto_dns && !ipv4.ignore_auto_dns),
            ("ignore-auto-routes", family.ignore_auto_routes && !ipv4.never_default),
            ("dns", !family.dns.is_empty()),
            ("dns-search", !family.dns_search.is_empty()),
            ("addresses", family.address.is_some_and(|(address, _)| address.is_ipv6())),
        ] {
            if said {
                let key = format!("{name}.{key}");
                let sentence =
                    tr!("{key} was not carried over: a profile of sstpctl takes what the server tells.", key = key);
                leave(key, sentence);
            }
        }
        for route in &family.routes {
            let network = format!("{}/{}", route.destination, route.prefix);
            let sentence = tr!(
                "The route to {network} was not carried over: a profile of sstpctl takes the routes that the server tells, by routes=split.",
                network = network
            );
            leave(format!("{name}.routes"), sentence);
        }
    }
    (settings, left)
}

/// The text of a file: known keys in the order of their table, then the others in that of their names.
pub fn write<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut pairs: Vec<(&str, &str)> = pairs.collect();
    let place = |name: &str| KEYS.iter().position(|key| key.name == name).unwrap_or(KEYS.len());
    pairs.sort_by_key(|(name, _)| (place(name), *name));
    // It never grows, which would leave a copy behind: an octet takes six at most.
    let room = pairs.iter().map(|(key, value)| 6 * (key.len() + value.len()) + 8).sum();
    let mut out = String::with_capacity(room);
    for (key, value) in pairs {
        if is_key(key) {
            out.push_str(key);
        } else {
            quote(key, &mut out);
        }
        out.push_str(" = ");
        quote(value, &mut out);
        out.push('\n');
    }
    out
}

/// A basic string of TOML.
fn quote(text: &str, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\u{0}'..='\u{1f}' | '\u{7f}' => {
                let octet = character as usize & 0x7f;
                out.push_str("\\u00");
                out.extend([DIGITS[octet >> 4], DIGITS[octet & 15]].map(char::from));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}
