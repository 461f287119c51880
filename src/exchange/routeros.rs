//! What RouterOS prints for `/interface sstp-client export`, versions 6 and 7, alone or in the export of a whole router.

mod syntax;
mod write;

pub(super) use write::export;

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::{Connection, Found, Route};
use crate::profile::Secret;
use crate::tr;
use syntax::Command;

/// Properties of a client by their names.
type Properties = BTreeMap<String, Zeroizing<String>>;

/// Properties that say nothing that would be missed. `use-encryption` and the like are in profiles.
const HARMLESS: &[&str] =
    &["name", "connect-to", "port", "user", "password", "tls-version", "pfs", "mac-address", "numbers"];

/// Most routes of a router that are looked at.
const MAX_ROUTES: usize = 4096;

/// Reads every client of SSTP, and the routes that lead into them.
pub(super) fn import(text: &str, found: &mut Found) {
    let mut clients: Vec<Properties> = Vec::new();
    let mut routes = Vec::new();
    for command in syntax::commands(text) {
        let Command { menu, verb, properties, target } = command;
        if menu.last().is_some_and(|last| last == "sstp-client") {
            match verb.as_str() {
                "add" if clients.len() <= super::MAX_CONNECTIONS => clients.push(properties),
                "set" => set(&mut clients, target, properties),
                _ => {}
            }
        } else if verb == "add" && menu.ends_with(&["ip".to_owned(), "route".to_owned()]) && routes.len() < MAX_ROUTES {
            routes.push(properties);
        }
    }
    for client in clients {
        if !found.has_room() {
            return;
        }
        let mut connection = connection(&client);
        let leads_in = |route: &&Properties| route.get("gateway").is_some_and(|to| **to == connection.name);
        let routes: Vec<Route> = routes.iter().filter(leads_in).filter_map(route).take(super::MAX_ENTRIES).collect();
        for route in routes {
            match route.prefix {
                0 => connection.network.ipv4.never_default = false,
                _ => connection.network.ipv4.routes.push(route),
            }
        }
        found.take(connection);
    }
}

/// Changes the clients that a command is about; where there is none yet, it is one that the export leaves out.
fn set(clients: &mut Vec<Properties>, target: Option<String>, properties: Properties) {
    let is_meant = |client: &Properties| match &target {
        Some(name) => client.get("name").is_some_and(|own| **own == *name),
        None => true,
    };
    if let Some(at) = clients.iter().rposition(is_meant) {
        clients[at].extend(properties);
    } else if clients.len() <= super::MAX_CONNECTIONS {
        let mut client = properties;
        if let Some(name) = target {
            client.entry("name".to_owned()).or_insert_with(|| Zeroizing::new(name));
        }
        clients.push(client);
    }
}

fn connection(client: &Properties) -> Connection {
    let value = |key: &str| client.get(key).map(|value| value.as_str()).filter(|value| !value.is_empty());
    let mut connection = Connection { name: value("name").unwrap_or_default().to_owned(), ..Connection::default() };
    let server = value("connect-to").unwrap_or_default();
    connection.set("gateway", with_port(server, value("port").filter(|port| *port != "443")));
    if let Some(user) = value("user") {
        connection.set("user", user);
    }
    if let Some(password) = client.get("password") {
        connection.secrets.insert(Secret::Password.name(), password.clone());
    }
    for (key, value) in client {
        if !value.is_empty() && !HARMLESS.contains(&key.as_str()) {
            take(&mut connection, key, value);
        }
    }
    if connection.setting("proxy-server").is_some() && connection.setting("proxy-port").is_none() {
        connection.set("proxy-port", "443");
    }
    // RouterOS sets no default route unless it is told to.
    let default_route = value("add-default-route") == Some("yes");
    connection.network.ipv4.never_default = !default_route;
    connection.network.ipv6.never_default = !default_route;
    connection.network.ipv4.route_metric =
        value("default-route-distance").and_then(|text| text.parse().ok()).filter(|_| default_route);
    connection
}

/// A server with its port, unless it has one already.
fn with_port(server: &str, port: Option<&str>) -> String {
    let is_ipv6 = server.parse::<std::net::Ipv6Addr>().is_ok();
    match port {
        Some(port) if is_ipv6 => format!("[{server}]:{port}"),
        Some(port) if !server.rsplit_once(']').map_or(server, |(_, rest)| rest).contains(':') => {
            format!("{server}:{port}")
        }
        _ => server.to_owned(),
    }
}

/// Takes one property.
fn take(connection: &mut Connection, key: &str, value: &str) {
    match (key, value) {
        ("authentication", methods) => {
            let methods: Vec<&str> = methods.split(',').map(str::trim).collect();
            for (method, key) in [("pap", "refuse-pap"), ("chap", "refuse-chap"), ("mschap2", "refuse-mschapv2")] {
                if !methods.contains(&method) {
                    connection.yes(key);
                }
            }
        }
        ("verify-server-certificate", "yes") | ("verify-server-address-from-certificate", "yes") => {}
        ("verify-server-certificate", _) => connection.leave(key, tr!("verify-server-certificate=no was not carried over: the certificate is verified here. If it is the server's own, set gateway-fingerprint or ca-cert.")),
        ("verify-server-address-from-certificate", _) => connection.leave(key, tr!("verify-server-address-from-certificate=no was not carried over: the name in the certificate is verified here. If it is another one than the server's, set gateway-name.")),
        ("certificate", "none") => {}
        ("certificate", _) => connection.leave(key, tr!("certificate was not carried over: servers of SSTP other than RouterOS ask for none in TLS.")),
        ("http-proxy", proxy) => take_proxy(connection, proxy),
        ("proxy-port", port) => {
            let is_port = port.parse::<u16>().is_ok_and(|port| port != 0);
            if is_port && connection.setting("proxy-server").is_some() && connection.setting("proxy-port").is_none() {
                connection.set("proxy-port", port);
            }
        }
        ("add-sni", value) => connection.set("tls-ext", if value == "no" { "no" } else { "yes" }),
        ("add-default-route" | "default-route-distance", _) => {}
        ("keepalive-timeout", "60" | "1m" | "00:01:00") => {}
        ("keepalive-timeout", value) => match seconds(value).filter(|seconds| (1..=65_535).contains(seconds)) {
            Some(seconds) => connection.set("hello-interval", seconds.to_string()),
            None => connection.leave_unknown(key),
        },
        ("max-mtu" | "max-mru", "1500") | ("mrru", "disabled") => {}
        ("max-mtu", value) if value.parse::<u16>().is_ok() => connection.set("mtu", value),
        ("max-mru", value) if value.parse::<u16>().is_ok_and(|mru| mru <= 4091) => connection.set("mru", value),
        ("profile", "default" | "default-encryption") | ("disabled" | "dial-on-demand", "no") => {}
        ("profile", value) => {
            let value = value.escape_debug();
            connection.leave(key, tr!("profile={value} was not carried over: look at what that profile sets.", value = value));
        }
        ("disabled", _) => connection.leave(key, tr!("disabled=yes was not carried over: a connection here is connected by hand, or told to connect by itself.")),
        _ => connection.leave_unknown(key),
    }
}

/// `HOST[:PORT]`; 0.0.0.0 and :: are none.
fn take_proxy(connection: &mut Connection, proxy: &str) {
    let none = ["0.0.0.0", "::", "[::]"].iter().any(|none| {
        proxy.strip_prefix(none).is_some_and(|rest| {
            rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
        })
    });
    if !none {
        connection.set_proxy("http-proxy", proxy);
    }
}

/// A time as RouterOS writes it: `60`, `1m30s`, `00:01:30`.
fn seconds(text: &str) -> Option<u32> {
    if text.contains(':') {
        return text.split(':').try_fold(0u32, |sum, part| sum.checked_mul(60)?.checked_add(part.parse().ok()?));
    }
    let (mut sum, mut number) = (0u32, None::<u32>);
    for character in text.chars() {
        number = match (character.to_digit(10), character) {
            (Some(digit), _) => Some(number.unwrap_or(0).checked_mul(10)?.checked_add(digit)?),
            (None, unit) => {
                let unit = match unit {
                    'w' => 604_800,
                    'd' => 86_400,
                    'h' => 3600,
                    'm' => 60,
                    's' => 1,
                    _ => return None,
                };
                sum = sum.checked_add(number?.checked_mul(unit)?)?;
                None
            }
        };
    }
    sum.checked_add(number.unwrap_or(0))
}

fn route(properties: &Properties) -> Option<Route> {
    let enabled = properties.get("disabled").is_none_or(|value| **value == *"no");
    let mut route = Route::parse(properties.get("dst-address").map_or("0.0.0.0/0", |value| value.as_str()))?;
    route.metric = properties.get("distance").and_then(|text| text.parse().ok());
    (enabled && route.destination.is_ipv4()).then_some(route)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, expected) in
            [("60", Some(60)), ("1m30s", Some(90)), ("00:01:30", Some(90)), ("1d", Some(86_400)), ("disabled", None)]
        {
            assert_eq!(seconds(text), expected, "{text}");
        }
        assert_eq!(seconds("99999999999"), None);
        assert_eq!(seconds("99999w"), None);
    }

    #[test]
    fn ports() {
        for (server, port, expected) in [
            ("a.example", None, "a.example"),
            ("a.example", Some("8443"), "a.example:8443"),
            ("a.example:444", Some("8443"), "a.example:444"),
            ("2001:db8::1", Some("8443"), "[2001:db8::1]:8443"),
            ("[2001:db8::1]", Some("8443"), "[2001:db8::1]:8443"),
            ("2001:db8::1", None, "2001:db8::1"),
        ] {
            assert_eq!(with_port(server, port), expected);
        }
    }
}
