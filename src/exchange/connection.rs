//! A connection on its way from one program to another.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use zeroize::Zeroizing;

use super::{Confidential, Error, MAX_ENTRIES, Network};
use crate::profile::{Gateway, Host, Kind, Secret, find, required_secrets};
use crate::tr;

/// A connection as a file has it, and as NetworkManager could hold it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// What people call it.
    pub name: String,
    /// Its UUID, where it has one.
    pub uuid: Option<String>,
    /// The user name beside the settings (`vpn.user-name`), which stands in for an absent `user`.
    pub user_name: Option<String>,
    /// Keys and values of `vpn.data`, secrets apart. Unknown ones are kept.
    pub settings: BTreeMap<String, String>,
    /// The secrets that came with it.
    pub secrets: SecretValues,
    /// What is to be done with the tunnel (`ipv4` and `ipv6` in NetworkManager).
    pub network: Network,
    /// To be connected again when it fails (`vpn.persistent`).
    pub persistent: bool,
    /// Seconds after which an activation is given up (`vpn.timeout`).
    pub timeout: Option<u32>,
    /// What the file says beyond that.
    pub left: Vec<Left>,
}

/// Something that was not carried over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Its name where it stands: a key, an option.
    pub key: String,
    /// What became of it; a whole sentence that names it. No secret is in it.
    pub sentence: String,
}

/// Secrets by their names; wiped when dropped. Its `Debug` shows the names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretValues(BTreeMap<String, Zeroizing<String>>);

impl SecretValues {
    /// Adds one; an empty value is none, and one of this name is replaced.
    pub fn insert(&mut self, name: &str, value: Zeroizing<String>) {
        if !value.is_empty() {
            self.0.insert(name.to_owned(), value);
        }
    }

    /// The value of a secret.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.as_str())
    }

    /// Names and values, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for SecretValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Settings that nobody misses in the files of other programs: marks, what the network says besides
/// ([`Connection::with_network_of_keys`]), and, like all flags, who keeps a secret.
const NOT_MISSED: &[&str] = &["no-secret", "name", "uuid", "routes", "route-metric", "dns"];

/// A host, an IPv6 address in brackets, and the port behind it.
fn split_proxy(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port.parse().ok()?)),
        _ => (text, None),
    };
    let host = match Host::parse(host).ok()? {
        Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
        host => host.to_string(),
    };
    (port != Some(0)).then_some((host, port))
}

/// Whether a setting of this name is a secret: its value belongs among the secrets, wherever a file has it.
pub(super) fn is_secret(name: &str) -> bool {
    let named = Secret::named(name).is_some_and(|secret| secret != Secret::User);
    named || find(name).is_some_and(|key| key.kind == Kind::Secret)
}

impl Connection {
    /// The user's name, wherever it stands.
    pub fn user(&self) -> Option<&str> {
        let user = self.setting("user").or(self.user_name.as_deref());
        user.filter(|user| !user.is_empty())
    }

    /// The same, with what our own keys say of the network (`routes`, `dns`, `route-metric`) said in
    /// [`Self::network`], too, for programs that know no such keys.
    #[must_use]
    pub fn with_network_of_keys(&self) -> Self {
        let mut connection = self.clone();
        let routes = self.setting("routes");
        let metric = self.setting("route-metric").and_then(|text| text.parse().ok());
        for family in [&mut connection.network.ipv4, &mut connection.network.ipv6] {
            family.never_default |= matches!(routes, Some("split" | "none"));
            family.ignore_auto_routes |= routes == Some("none");
            family.ignore_auto_dns |= self.setting("dns") == Some("none");
            family.route_metric = family.route_metric.or(metric);
        }
        connection
    }

    /// The same for NetworkManager, of a file that cannot say who keeps its secrets: those that it needs and did not come
    /// with it are kept by the agent of its user, as with a connection that is made in a desktop. What came with it stays
    /// NetworkManager's, since there need not be an agent that could take it.
    #[must_use]
    pub fn kept_by_agents(&self) -> Self {
        let mut connection = self.clone();
        for secret in required_secrets(&self.settings, self.user()) {
            if secret != Secret::User && self.secrets.get(secret.name()).is_none() {
                connection.settings.entry(secret.flags_key().to_owned()).or_insert_with(|| "1".to_owned());
            }
        }
        connection
    }

    /// The value of a setting; empty is absent.
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// An empty value is none.
    pub(super) fn set(&mut self, key: &str, value: impl Into<String>) {
        let value = value.into();
        if !value.is_empty() {
            self.settings.insert(key.to_owned(), value);
        }
    }

    /// Takes an HTTP proxy, `HOST` or `HOST:PORT`, which `option` named.
    pub(super) fn set_proxy(&mut self, option: &str, text: &str) {
        match split_proxy(text) {
            Some((host, port)) => {
                self.set("proxy-server", host);
                self.set("proxy-port", port.map(|port| port.to_string()).unwrap_or_default());
            }
            None => self
                .leave(option, tr!("The proxy of {key} was not carried over: it is no name or address.", key = option)),
        }
    }

    /// The HTTP proxy, for programs that know no other: its host, and its port where that is not the usual one.
    pub(super) fn http_proxy(&self) -> Option<(String, Option<u16>)> {
        if self.setting("proxy-type") == Some("socks5") {
            return None;
        }
        let server = self.setting("proxy-server")?;
        let server = server.strip_prefix("http://").unwrap_or(server).trim_end_matches('/');
        let (host, port) = split_proxy(server)?;
        let other = self.setting("proxy-port").and_then(|port| port.parse().ok()).filter(|port| *port != 0);
        Some((host, port.or(other)))
    }

    pub(super) fn yes(&mut self, key: &str) {
        self.set(key, "yes");
    }

    pub(super) fn leave(&mut self, key: &str, sentence: String) {
        let left = Left { key: key.to_owned(), sentence };
        if self.left.len() < MAX_ENTRIES && !self.left.contains(&left) {
            self.left.push(left);
        }
    }

    /// Whether a setting says yes, in any of the ways in which it is read.
    pub(super) fn is_yes(&self, key: &str) -> bool {
        let value = self.setting(key).map(str::trim).unwrap_or_default();
        ["yes", "true", "on", "1", "y", "t"].iter().any(|yes| value.eq_ignore_ascii_case(yes))
    }

    /// The gateway, which every format of others must have.
    pub(super) fn gateway(&self) -> Result<Gateway, Error> {
        self.setting("gateway").and_then(|text| Gateway::parse(text).ok()).ok_or(Error::NoGateway)
    }

    /// The user's name with the domain in front of it.
    pub(super) fn full_user(&self) -> Option<String> {
        match (self.setting("domain"), self.user()) {
            (Some(domain), Some(user)) => Some(format!("{domain}\\{user}")),
            (_, user) => user.map(str::to_owned),
        }
    }

    /// The settings that a format does not say, of which it says `said`, and that are missed.
    pub(super) fn unsaid(&self, said: &[&str]) -> Vec<&str> {
        let is_default = |key: &str, value: &str| find(key).is_some_and(|known| known.default == Some(value));
        let is_missed = |key: &str| !NOT_MISSED.contains(&key) && !key.ends_with("-flags");
        let unsaid = self.open_settings().filter(|(key, value)| !said.contains(key) && !is_default(key, value));
        unsaid.map(|(key, _)| key).filter(|key| is_missed(key)).collect()
    }

    /// Leaves what has no meaning here.
    pub(super) fn leave_unknown(&mut self, key: &str) {
        self.leave(key, tr!("{key} was not carried over: there is nothing like it here.", key = key));
    }

    /// The secrets that are to be written; those that are not are listed.
    pub(super) fn written_secrets(
        &self,
        confidential: Confidential,
        left: &mut Vec<Left>,
    ) -> BTreeMap<&str, Zeroizing<String>> {
        let in_settings = self.settings.iter().filter(|(key, value)| is_secret(key) && !value.is_empty());
        let in_settings = in_settings.map(|(key, value)| (key.as_str(), value.as_str()));
        let mut written = BTreeMap::new();
        for (name, value) in in_settings.chain(self.secrets.iter()) {
            match confidential {
                Confidential::Include => {
                    written.insert(name, Zeroizing::new(value.to_owned()));
                }
                Confidential::LeaveOut => {
                    let sentence = tr!("The secret {name} was left out.", name = name);
                    left.push(Left { key: name.to_owned(), sentence });
                }
            }
        }
        left.dedup();
        written
    }

    /// The settings that are no secrets and say something.
    pub(super) fn open_settings(&self) -> impl Iterator<Item = (&str, &str)> {
        let settings = self.settings.iter().filter(|(key, value)| !is_secret(key) && !value.is_empty());
        settings.map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_said_once_and_not_without_end() {
        let mut connection = Connection::default();
        connection.leave_unknown("a");
        connection.leave_unknown("a");
        assert_eq!(connection.left.len(), 1);
        (0..10_000).for_each(|number| connection.leave_unknown(&format!("option-{number}")));
        assert_eq!(connection.left.len(), MAX_ENTRIES);
    }

    #[test]
    fn proxies_are_hosts_with_ports() {
        for (text, server, port) in [
            ("proxy.example", "proxy.example", None),
            ("proxy.example:3128", "proxy.example", Some("3128")),
            ("2001:db8::1", "[2001:db8::1]", None),
            ("[2001:db8::1]:3128", "[2001:db8::1]", Some("3128")),
        ] {
            let mut connection = Connection::default();
            connection.set_proxy("x", text);
            assert_eq!((connection.setting("proxy-server"), connection.setting("proxy-port")), (Some(server), port));
        }
        for text in ["", "a b", "a:", "a:0", "a:b", "a:70000", "[::1", "a/b"] {
            let mut connection = Connection::default();
            connection.set_proxy("x", text);
            assert_eq!((connection.settings.len(), connection.left.len()), (0, 1), "{text}");
        }
    }
}
