//! NetworkManager's connection files (`.nmconnection`), as nm-settings-keyfile(5) describes them.

mod syntax;

use std::net::IpAddr;

use zeroize::Zeroizing;

use super::connection::is_secret;
use super::network::parse_prefix;
use super::{Confidential, Connection, Error, Exported, Family, Found, Left, MAX_ENTRIES, Network, Route};
use crate::profile::{SERVICE_TYPE, Secret, SecretFlags};
use crate::tr;
use syntax::Groups;

/// Keys of a connection that say nothing that would be missed.
const HARMLESS: &[&str] = &[
    "connection.id",
    "connection.uuid",
    "connection.type",
    "connection.timestamp",
    "ipv4.method",
    "ipv6.method",
    "ipv6.addr-gen-mode",
    "ipv6.ip6-privacy",
];

/// Reads a connection.
pub(super) fn import(text: &str, found: &mut Found) -> Result<(), Error> {
    let groups = syntax::read(text)?;
    let value = |group: &str, key: &str| groups.get(group).and_then(|group| group.get(key)).map(|value| value.as_str());
    let text_of = |group: &str, key: &str| value(group, key).filter(|value| !value.is_empty()).map(str::to_owned);
    let name = text_of("connection", "id").unwrap_or_default();
    match value("vpn", "service-type") {
        // nmcli writes the short name where the plugin is not installed
        Some(SERVICE_TYPE | "sstp") => {}
        Some(other) => {
            let kind = other.rsplit('.').next().unwrap_or_default().escape_debug();
            found
                .skip(&name, tr!("The connection {name} is not one of SSTP, but of {kind}.", name = name, kind = kind));
            return Ok(());
        }
        None => {
            found.skip(&name, tr!("The connection {name} is not a VPN: it has no service-type in [vpn].", name = name));
            return Ok(());
        }
    }
    let mut connection = Connection {
        name,
        uuid: text_of("connection", "uuid"),
        user_name: text_of("vpn", "user-name"),
        persistent: value("vpn", "persistent") == Some("true"),
        timeout: value("vpn", "timeout").and_then(|text| text.parse().ok()).filter(|timeout| *timeout != 0),
        network: Network { ipv4: family(&groups, "ipv4"), ipv6: family(&groups, "ipv6") },
        ..Connection::default()
    };
    for (key, value) in groups.get("vpn").into_iter().flatten() {
        match key.as_str() {
            "service-type" | "user-name" | "persistent" | "timeout" => {}
            _ if is_secret(key) => connection.secrets.insert(key, value.clone()),
            _ => connection.set(key, value.as_str()),
        }
    }
    for (key, value) in groups.get("vpn-secrets").into_iter().flatten() {
        match Secret::named(key) {
            Some(_) => connection.secrets.insert(key, value.clone()),
            None if key == crate::profile::NO_SECRET => {}
            None => connection.leave_unknown(&format!("vpn-secrets.{key}")),
        }
    }
    name_what_is_left(&groups, &mut connection);
    found.connections.push(connection);
    Ok(())
}

fn family(groups: &Groups, name: &str) -> Family {
    let Some(group) = groups.get(name) else { return Family::default() };
    let value = |key: &str| group.get(key).map(|value| value.as_str());
    let is_true = |key: &str| matches!(value(key), Some("true" | "1"));
    let is_ours = |address: &IpAddr| address.is_ipv4() == (name == "ipv4");
    let elements = |key: &str| value(key).into_iter().flat_map(syntax::list);
    let mut family = Family {
        disabled: matches!(value("method"), Some("disabled" | "ignore")),
        never_default: is_true("never-default"),
        ignore_auto_dns: is_true("ignore-auto-dns"),
        ignore_auto_routes: is_true("ignore-auto-routes"),
        dns: elements("dns").filter_map(|text| text.parse().ok()).filter(is_ours).collect(),
        dns_search: elements("dns-search").map(str::to_owned).collect(),
        gateway: value("gateway").and_then(|text| text.trim().parse().ok()).filter(is_ours),
        route_metric: value("route-metric").and_then(|text| text.trim().parse().ok()),
        ..Family::default()
    };
    for key in ["address1", "addresses1", "address"] {
        let Some(text) = value(key) else { continue };
        let mut parts = text.split([',', ';']);
        family.address = parts.next().and_then(parse_prefix).filter(|(address, _)| is_ours(address));
        let gateway = parts.next().and_then(|text| text.trim().parse().ok()).filter(is_ours);
        family.gateway = family.gateway.or(gateway);
        break;
    }
    let mut routes: Vec<(u32, Route)> =
        group.iter().filter_map(|(key, value)| Some((route_number(key)?, route(value)?))).collect();
    routes.retain(|(_, route)| is_ours(&route.destination) && route.gateway.is_none_or(|gateway| is_ours(&gateway)));
    routes.sort_by_key(|(number, _)| *number);
    family.routes = routes.into_iter().map(|(_, route)| route).take(MAX_ENTRIES).collect();
    family
}

/// The number of a key `route1` or, as NetworkManager once wrote it, `routes1`.
fn route_number(key: &str) -> Option<u32> {
    let rest = key.strip_prefix("route")?;
    rest.strip_prefix('s').unwrap_or(rest).parse().ok()
}

/// `NETWORK/LENGTH[,GATEWAY[,METRIC]]`
fn route(text: &str) -> Option<Route> {
    let mut parts = text.split([',', ';']).map(str::trim);
    let mut route = Route::parse(parts.next()?)?;
    let gateway: Option<IpAddr> = match parts.next() {
        Some(text) if !text.is_empty() => Some(text.parse().ok()?),
        _ => None,
    };
    route.gateway = gateway.filter(|gateway| !gateway.is_unspecified());
    route.metric = match parts.next() {
        Some(text) if !text.is_empty() => Some(text.parse().ok()?),
        _ => None,
    };
    Some(route)
}

fn name_what_is_left(groups: &Groups, connection: &mut Connection) {
    for secret in Secret::ALL {
        let flags = SecretFlags::of(secret, &connection.settings);
        if flags.agent_owned() && connection.secrets.get(secret.name()).is_none() {
            let name = secret.name();
            connection.leave(
                name,
                tr!("The secret {name} is in the user's keyring, not in the file; it will be asked for.", name = name),
            );
        }
    }
    let network = connection.network.clone();
    for (group, keys) in groups.iter().filter(|(group, _)| !matches!(group.as_str(), "vpn" | "vpn-secrets")) {
        for (key, value) in keys.iter().filter(|(_, value)| !value.is_empty()) {
            let key = format!("{group}.{key}");
            if HARMLESS.contains(&key.as_str()) || is_taken(&key, value, &network) {
                continue;
            }
            let sentence = match (key.as_str(), value.as_str()) {
                ("connection.autoconnect", "false") => continue,
                ("connection.permissions", _) => {
                    tr!("connection.permissions was not carried over: the connection was for certain users only.")
                }
                _ => tr!("{key} was not carried over.", key = key),
            };
            connection.leave(&key, sentence);
        }
    }
}

/// Whether all that a key of `ipv4` or `ipv6` says is in the network.
fn is_taken(key: &str, value: &str, network: &Network) -> bool {
    let Some((group, key)) = key.split_once('.') else { return false };
    let family = match group {
        "ipv4" => &network.ipv4,
        "ipv6" => &network.ipv6,
        _ => return false,
    };
    match key {
        "never-default" | "ignore-auto-dns" | "ignore-auto-routes" => matches!(value, "true" | "false" | "0" | "1"),
        "dns" => syntax::list(value).count() == family.dns.len(),
        "dns-search" => true,
        "route-metric" => family.route_metric.is_some() || value == "-1",
        "gateway" => family.gateway.is_some(),
        "address1" | "addresses1" | "address" => family.address.is_some(),
        _ => route_number(key).is_some() && route(value).is_some_and(|route| family.routes.contains(&route)),
    }
}

/// Writes a connection. Its file must belong to root alone, or NetworkManager does not read it.
pub(super) fn export(connection: &Connection, confidential: Confidential) -> Exported {
    let mut left = Vec::new();
    let secrets = connection.written_secrets(confidential, &mut left);
    let values = secrets.values().map(|value| 2 * value.len() + 40).sum::<usize>();
    let mut groups = String::from("[connection]\n");
    syntax::write("id", &connection.name, &mut groups);
    if let Some(uuid) = &connection.uuid {
        syntax::write("uuid", uuid, &mut groups);
    }
    syntax::write("type", "vpn", &mut groups);
    groups.push_str("\n[vpn]\n");
    for (key, value) in connection.open_settings() {
        let is_key = key.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet));
        let is_our_own = matches!(key, "service-type" | "user-name" | "persistent" | "timeout");
        if is_key && !is_our_own && !value.contains('\0') {
            syntax::write(key, value, &mut groups);
        } else {
            let key = key.escape_debug().to_string();
            let sentence = tr!("The setting {key} cannot be written in such a file.", key = key);
            left.push(Left { key, sentence });
        }
    }
    if connection.persistent {
        syntax::write("persistent", "true", &mut groups);
    }
    syntax::write("service-type", SERVICE_TYPE, &mut groups);
    if let Some(timeout) = connection.timeout {
        syntax::write("timeout", &timeout.to_string(), &mut groups);
    }
    if let Some(user_name) = &connection.user_name {
        syntax::write("user-name", user_name, &mut groups);
    }
    // It never grows, which would leave a copy of a secret behind.
    let mut text = Zeroizing::new(String::with_capacity(groups.len() + values + 16 * 1024));
    text.push_str(&groups);
    if !secrets.is_empty() {
        text.push_str("\n[vpn-secrets]\n");
    }
    for (name, value) in &secrets {
        syntax::write(name, value, &mut text);
    }
    for (name, family) in connection.network.families() {
        text.push_str(&group_of(name, family));
    }
    Exported { octets: Zeroizing::new(text.as_bytes().to_vec()), left }
}

/// The group of a family of addresses.
fn group_of(name: &str, family: &Family) -> String {
    let mut out = format!("\n[{name}]\n");
    let mut line = |key: &str, value: &str| syntax::write(key, value, &mut out);
    if let Some((address, prefix)) = family.address {
        // beside an address, NetworkManager looks for the gateway nowhere else
        let gateway = family.gateway.map(|gateway| format!(",{gateway}")).unwrap_or_default();
        line("address1", &format!("{address}/{prefix}{gateway}"));
    }
    let list = |elements: Vec<String>| elements.into_iter().map(|element| element + ";").collect::<String>();
    if !family.dns.is_empty() {
        line("dns", &list(family.dns.iter().map(ToString::to_string).collect()));
    }
    if !family.dns_search.is_empty() {
        line("dns-search", &list(family.dns_search.clone()));
    }
    if let Some(gateway) = family.gateway.filter(|_| family.address.is_none()) {
        line("gateway", &gateway.to_string());
    }
    for (key, said) in [("ignore-auto-dns", family.ignore_auto_dns), ("ignore-auto-routes", family.ignore_auto_routes)]
    {
        if said {
            line(key, "true");
        }
    }
    line(
        "method",
        match (family.disabled, family.address) {
            (true, _) => "disabled",
            (false, Some(_)) => "manual",
            (false, None) => "auto",
        },
    );
    if family.never_default {
        line("never-default", "true");
    }
    if let Some(metric) = family.route_metric {
        line("route-metric", &metric.to_string());
    }
    for (number, route) in family.routes.iter().enumerate() {
        let mut value = format!("{}/{}", route.destination, route.prefix);
        match (route.gateway, route.metric) {
            (None, None) => {}
            (Some(gateway), None) => value += &format!(",{gateway}"),
            (gateway, Some(metric)) => {
                let any = if route.destination.is_ipv4() { "0.0.0.0" } else { "::" };
                let gateway = gateway.map_or_else(|| any.to_owned(), |gateway| gateway.to_string());
                value += &format!(",{gateway},{metric}");
            }
        }
        line(&format!("route{}", number + 1), &value);
    }
    out
}
