//! Commands of RouterOS for a connection.

use zeroize::Zeroizing;

use super::syntax::quote;
use crate::exchange::{Confidential, Connection, Error, Exported, Left};
use crate::profile::{Gateway, Host, Secret};
use crate::tr;
use crate::wire::http::URI;

/// Settings that the command says, or that are not missed.
const SAID: &[&str] = &[
    "gateway",
    "user",
    "domain",
    "connection-type",
    "refuse-eap",
    "refuse-pap",
    "refuse-chap",
    "refuse-mschap",
    "refuse-mschapv2",
    "ignore-cert-warn",
    "hello-interval",
    "mtu",
    "mru",
    "proxy-server",
    "proxy-port",
    "proxy-type",
];

/// Writes the command that adds the connection to a router, and its routes.
pub(in crate::exchange) fn export(connection: &Connection, confidential: Confidential) -> Result<Exported, Error> {
    let gateway = connection.gateway()?;
    let mut left = Vec::new();
    name_what_is_left(connection, &gateway, &mut left);
    let mut secrets = connection.written_secrets(confidential, &mut left);
    let password = secrets.remove(Secret::Password.name());
    left.extend(secrets.into_keys().map(not_there));
    let mut text = "/interface sstp-client\nadd".to_owned();
    for (key, value) in properties(connection, &gateway) {
        text += &format!(" {key}={}", *quote(&value));
    }
    let routes: String = connection.network.ipv4.routes.iter().map(|route| line(route, &connection.name)).collect();
    // It never grows, which would leave a copy of the password behind.
    let room = text.len() + routes.len() + password.as_ref().map_or(0, |text| 3 * text.len()) + 64;
    let mut octets = Zeroizing::new(Vec::with_capacity(room));
    octets.extend(text.bytes());
    if let Some(password) = password {
        octets.extend(b" password=");
        octets.extend(quote(&password).bytes());
    }
    octets.push(b'\n');
    if !routes.is_empty() {
        octets.extend(b"/ip route\n".iter().chain(routes.as_bytes()));
    }
    Ok(Exported { octets, left })
}

/// The properties of the client, without its password.
fn properties(connection: &Connection, gateway: &Gateway) -> Vec<(&'static str, String)> {
    let mut properties = Vec::new();
    let mut say = |key: &'static str, value: &str| properties.push((key, value.to_owned()));
    let default_route = !connection.network.ipv4.never_default;
    say("add-default-route", if default_route { "yes" } else { "no" });
    let methods = [("refuse-mschapv2", "mschap2"), ("refuse-chap", "chap"), ("refuse-pap", "pap")];
    let methods: Vec<&str> = methods.iter().filter(|(key, _)| !connection.is_yes(key)).map(|(_, name)| *name).collect();
    if !methods.is_empty() {
        say("authentication", &methods.join(","));
    }
    let host = match &gateway.host {
        Host::Name(name) => name.clone(),
        Host::Address(address) => address.to_string(),
    };
    say("connect-to", &host);
    if let Some(metric) =
        connection.network.ipv4.route_metric.filter(|metric| default_route && (1..=255).contains(metric))
    {
        say("default-route-distance", &metric.to_string());
    }
    say("disabled", "no");
    if let Some((host, port)) = connection.http_proxy() {
        say("http-proxy", &host);
        // its default is 443
        say("proxy-port", &port.unwrap_or(8080).to_string());
    }
    let same = [("hello-interval", "keepalive-timeout"), ("mru", "max-mru"), ("mtu", "max-mtu")];
    for (key, property) in same {
        if let Some(value) = connection.setting(key).filter(|value| *value != "0") {
            say(property, value);
        }
    }
    say("name", &connection.name);
    if gateway.port != 443 {
        say("port", &gateway.port.to_string());
    }
    if let Some(user) = connection.full_user() {
        say("user", &user);
    }
    say("verify-server-certificate", if connection.is_yes("ignore-cert-warn") { "no" } else { "yes" });
    properties
}

fn line(route: &crate::exchange::Route, name: &str) -> String {
    let distance = route.metric.filter(|metric| (1..=255).contains(metric)).map(|metric| format!(" distance={metric}"));
    let distance = distance.unwrap_or_default();
    format!("add{distance} dst-address={}/{} gateway={}\n", route.destination, route.prefix, *quote(name))
}

fn name_what_is_left(connection: &Connection, gateway: &Gateway, left: &mut Vec<Left>) {
    left.extend(connection.unsaid(SAID).into_iter().map(not_there));
    if connection.setting("connection-type") == Some("tls") {
        left.push(not_there("connection-type"));
    }
    if connection.setting("proxy-server").is_some() && connection.http_proxy().is_none() {
        left.push(not_there("proxy-server"));
    }
    if gateway.uri != URI {
        left.push(not_there("gateway"));
    }
    for (name, family) in connection.network.families() {
        for (key, said) in [
            ("method", family.disabled),
            ("ignore-auto-dns", family.ignore_auto_dns),
            ("ignore-auto-routes", family.ignore_auto_routes),
            ("dns", !family.dns.is_empty()),
            ("dns-search", !family.dns_search.is_empty()),
            ("addresses", family.address.is_some()),
            ("routes", name == "ipv6" && !family.routes.is_empty()),
        ] {
            if said {
                left.push(not_there(&format!("{name}.{key}")));
            }
        }
    }
}

fn not_there(key: &str) -> Left {
    Left {
        key: key.to_owned(),
        sentence: tr!("{key} was left out: a client of RouterOS has nothing like it.", key = key),
    }
}
