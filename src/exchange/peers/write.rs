//! A peers file for a connection.

use zeroize::Zeroizing;

use super::syntax::quote;
use crate::exchange::{Confidential, Connection, Error, Exported, Left, shell};
use crate::profile::{Gateway, Secret, find, path_of};
use crate::tr;
use crate::wire::http::URI;

/// Settings of `yes` or a value, and pppd's options for them.
const OPTIONS: &[(&str, &str)] = &[
    ("refuse-pap", "refuse-pap"),
    ("refuse-chap", "refuse-chap"),
    ("refuse-mschap", "refuse-mschap"),
    ("refuse-mschapv2", "refuse-mschap-v2"),
    ("refuse-eap", "refuse-eap"),
    ("require-mppe", "require-mppe"),
    ("require-mppe-40", "require-mppe-40"),
    ("require-mppe-128", "require-mppe-128"),
    ("mppe-stateful", "mppe-stateful"),
    ("nobsdcomp", "nobsdcomp"),
    ("nodeflate", "nodeflate"),
    ("no-vj-comp", "novj"),
    ("tls-verify-key-usage", "tls-verify-key-usage"),
    ("mtu", "mtu"),
    ("mru", "mru"),
    ("lcp-echo-failure", "lcp-echo-failure"),
    ("lcp-echo-interval", "lcp-echo-interval"),
    ("unit", "unit"),
    ("interface", "ifname"),
    ("tls-verify-method", "tls-verify-method"),
    ("tls-max-version", "max-tls-version"),
    ("tls-ca-cert", "ca"),
    ("tls-user-cert", "cert"),
    ("tls-user-key", "key"),
];

/// Settings that are said otherwise, or are not missed.
const SAID: &[&str] = &[
    "gateway",
    "user",
    "domain",
    "connection-type",
    "ca-cert",
    "crl-file",
    "ignore-cert-warn",
    "tls-ext",
    "gateway-name",
    "uuid",
    "proxy-server",
    "proxy-port",
    "proxy-type",
    "proxy-user",
    "ipv4-address",
];

/// Writes a file for pppd and sstpc. A password of the proxy is never in it: it would be in sstpc's arguments, which
/// everybody on the machine can read.
pub(in crate::exchange) fn export(connection: &Connection, confidential: Confidential) -> Result<Exported, Error> {
    let gateway = connection.gateway()?;
    let mut left = Vec::new();
    name_what_is_left(connection, &gateway, &mut left);
    let mut secrets = connection.written_secrets(confidential, &mut left);
    let password = secrets.remove(Secret::Password.name());
    for name in secrets.into_keys() {
        left.push(not_there(name));
    }
    let id = name_of(&connection.name);
    let mut lines = vec![format!("# {}: pppd call {id}", printable(&connection.name))];
    lines.push(format!("pty {}", *quote(&command(connection, &gateway, &id))));
    lines.extend(["noauth".to_owned(), "plugin sstp-pppd-plugin.so".to_owned()]);
    lines.push(format!("sstp-sock /run/sstpc/sstpc-{id}"));
    lines.extend([format!("remotename {id}"), format!("linkname {id}"), format!("ipparam {id}")]);
    lines.extend(connection.full_user().map(|user| format!("user {}", *quote(&user))));
    for (key, option) in OPTIONS {
        match (connection.setting(key), find(key).and_then(|key| key.default)) {
            (None, _) => {}
            (Some(_), Some("no")) => lines.extend(connection.is_yes(key).then(|| (*option).to_owned())),
            (Some(value), _) if key.starts_with("tls-") => lines.push(format!("{option} {}", *quote(&file(value)))),
            (Some(value), _) => lines.push(format!("{option} {}", *quote(value))),
        }
    }
    lines.extend(connection.setting("ipv4-address").map(|address| format!("{address}:")));
    let (ipv4, ipv6) = (&connection.network.ipv4, &connection.network.ipv6);
    lines.push(if ipv4.never_default { "nodefaultroute" } else { "defaultroute" }.to_owned());
    lines.extend((ipv6.never_default && !ipv4.never_default).then(|| "nodefaultroute6".to_owned()));
    lines.extend(ipv4.route_metric.map(|metric| format!("defaultroute-metric {metric}")));
    lines.extend((!ipv4.ignore_auto_dns).then(|| "usepeerdns".to_owned()));
    lines.extend(ipv4.disabled.then(|| "noip".to_owned()));
    lines.push(if ipv6.disabled { "noipv6" } else { "+ipv6" }.to_owned());
    lines.extend(connection.persistent.then(|| "persist".to_owned()));
    // It never grows, which would leave a copy of the password behind.
    let room = lines.iter().map(|line| line.len() + 1).sum::<usize>();
    let mut octets = Zeroizing::new(Vec::with_capacity(room + password.as_ref().map_or(0, |text| 2 * text.len() + 16)));
    for line in &lines {
        octets.extend(line.bytes().chain([b'\n']));
    }
    if let Some(password) = password {
        octets.extend(b"password ");
        octets.extend(quote(&password).bytes());
        octets.push(b'\n');
    }
    Ok(Exported { octets, left })
}

/// The command line of sstpc.
fn command(connection: &Connection, gateway: &Gateway, id: &str) -> String {
    let mut command = format!("sstpc --ipparam {id} --nolaunchpppd");
    let mut option = |name: &str, value: &str| {
        command += &format!(" --{name}");
        if !value.is_empty() {
            command += &format!(" {}", *shell::quote(value));
        }
    };
    if connection.is_yes("ignore-cert-warn") {
        option("cert-warn", "");
    }
    if connection.setting("tls-ext") != Some("no") {
        option("tls-ext", "");
    }
    for (key, name) in [("ca-cert", "ca-cert"), ("crl-file", "crl-file"), ("gateway-name", "host"), ("uuid", "uuid")] {
        if let Some(value) = connection.setting(key) {
            option(name, &if key == "gateway-name" || key == "uuid" { value.to_owned() } else { file(value) });
        }
    }
    if let Some(proxy) = proxy(connection) {
        option("proxy", &proxy);
    }
    format!("{command} {}", *shell::quote(&gateway.authority(&gateway.host)))
}

/// The URL of an HTTP proxy, without its password.
fn proxy(connection: &Connection) -> Option<String> {
    let (host, port) = connection.http_proxy()?;
    let user = proxy_user(connection).map(|user| format!("{user}@")).unwrap_or_default();
    Some(format!("http://{user}{host}{}", port.map(|port| format!(":{port}")).unwrap_or_default()))
}

/// The user of the proxy, where the name can stand in a URL as sstpc reads it.
fn proxy_user(connection: &Connection) -> Option<&str> {
    connection.setting("proxy-user").filter(|user| !user.contains([':', '@', '/']))
}

/// The name of a file, with NetworkManager's escapes undone.
fn file(value: &str) -> String {
    path_of(value).to_string_lossy().into_owned()
}

fn name_what_is_left(connection: &Connection, gateway: &Gateway, left: &mut Vec<Left>) {
    let said: Vec<&str> = SAID.iter().copied().chain(OPTIONS.iter().map(|(key, _)| *key)).collect();
    left.extend(connection.unsaid(&said).into_iter().map(not_there));
    if connection.setting("proxy-server").is_some() && proxy(connection).is_none() {
        left.push(not_there("proxy-server"));
    }
    if proxy_user(connection) != connection.setting("proxy-user") {
        left.push(not_there("proxy-user"));
    }
    if gateway.uri != URI {
        left.push(not_there("gateway"));
    }
    for (name, family) in connection.network.families() {
        for (key, said) in [
            ("dns", !family.dns.is_empty()),
            ("dns-search", !family.dns_search.is_empty()),
            ("routes", !family.routes.is_empty()),
            ("addresses", family.address.is_some()),
        ] {
            if said {
                left.push(not_there(&format!("{name}.{key}")));
            }
        }
    }
}

fn not_there(key: &str) -> Left {
    Left { key: key.to_owned(), sentence: tr!("{key} was left out: pppd and sstpc have nothing like it.", key = key) }
}

/// A name that can be that of a file, and stand in a command.
fn name_of(name: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = name.trim().chars().map(allowed).take(64).collect();
    if name.is_empty() || name.starts_with(['.', '-']) { format!("sstp{name}") } else { name }
}

fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}
