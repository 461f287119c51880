//! What pppd's options mean here.

use std::net::Ipv4Addr;

use crate::exchange::shell::{self, Variables, Word};
use crate::exchange::{Connection, sstpc};
use crate::profile::{Kind, Secret, find};
use crate::tr;

/// What becomes of an option.
enum Means {
    /// It needs no place here, or has none that would be missed. How many values it has.
    Nothing(usize),
    /// `KEY=yes`.
    Yes(&'static str),
    /// The value of a setting.
    Text(&'static str),
    /// A number, for a setting.
    Number(&'static str),
    /// The name of a file, for a setting.
    File(&'static str),
    /// See [`Options::special`]. How many values it has.
    Special(usize),
    /// It would be missed. How many values it has.
    Left(usize),
    /// It asks the server to authenticate itself, which no SSTP server does; many believe it to choose the method.
    Demand,
}

use Means::{Demand, File, Left, Nothing, Number, Special, Text, Yes};

/// The options, with their other names, and as many values as pppd 2.4.9 takes; `pkcs12` and `tls-verify-*` came later.
const OPTIONS: &[(&[&str], Means)] = &[
    (&["user", "name", "password", "pty", "defaultroute-metric", "plugin"], Special(1)),
    (&["defaultroute", "nodefaultroute", "replacedefaultroute", "defaultroute6", "nodefaultroute6"], Special(0)),
    (&["usepeerdns", "noip", "-ip", "noipv6", "-ipv6", "persist", "nopersist"], Special(0)),
    (&["refuse-pap", "-pap"], Yes("refuse-pap")),
    (&["refuse-chap", "-chap"], Yes("refuse-chap")),
    (&["refuse-mschap", "-mschap"], Yes("refuse-mschap")),
    (&["refuse-mschap-v2", "-mschap-v2"], Yes("refuse-mschapv2")),
    (&["refuse-eap", "-eap"], Yes("refuse-eap")),
    (&["require-mppe", "+mppe"], Yes("require-mppe")),
    (&["require-mppe-40", "+mppe-40"], Yes("require-mppe-40")),
    (&["require-mppe-128", "+mppe-128"], Yes("require-mppe-128")),
    (&["mppe-stateful"], Yes("mppe-stateful")),
    (&["nobsdcomp", "-bsdcomp"], Yes("nobsdcomp")),
    (&["nodeflate", "-deflate"], Yes("nodeflate")),
    (&["novj", "-vj"], Yes("no-vj-comp")),
    (&["require-pap", "+pap", "require-chap", "+chap", "require-mschap", "+mschap"], Demand),
    (&["require-mschap-v2", "+mschap-v2", "require-eap", "+eap", "auth"], Demand),
    (&["mtu"], Number("mtu")),
    (&["mru"], Number("mru")),
    (&["lcp-echo-failure"], Number("lcp-echo-failure")),
    (&["lcp-echo-interval"], Number("lcp-echo-interval")),
    (&["unit"], Number("unit")),
    (&["ifname"], Text("interface")),
    (&["ca", "capath"], File("tls-ca-cert")),
    (&["cert", "pkcs12"], File("tls-user-cert")),
    (&["key"], File("tls-user-key")),
    (&["crl"], File("crl-file")),
    (&["tls-verify-method"], Text("tls-verify-method")),
    (&["max-tls-version"], Text("tls-max-version")),
    (&["tls-verify-key-usage"], Yes("tls-verify-key-usage")),
    (&["noauth", "nodetach", "-detach", "updetach", "lock", "nolock", "debug", "dump", "dryrun"], Nothing(0)),
    (&["hide-password", "show-password", "noipdefault", "ipcp-accept-local", "ipcp-accept-remote"], Nothing(0)),
    (&["ipv6cp-accept-local", "ipv6cp-accept-remote", "ipv6cp-use-ipaddr", "+ipv6", "need-peer-eap"], Nothing(0)),
    (&["nopcomp", "noaccomp", "noccp", "-ccp", "nomppe", "-mppe", "nomppe-40", "nomppe-128", "-mppe-128"], Nothing(0)),
    (&["noproxyarp", "default-asyncmap", "-am", "nopredictor1", "novjccomp", "-vjccomp"], Nothing(0)),
    (
        &["notty", "local", "modem", "nocrtscts", "crtscts", "silent", "passive", "nomagic", "nomp", "noendpoint"],
        Nothing(0),
    ),
    (&["noipx", "receive-all", "sync", "nologfd", "lcp-echo-adaptive", "nomppe-stateful"], Nothing(0)),
    (
        &["remotename", "linkname", "ipparam", "sstp-sock", "logfile", "logfd", "kdebug", "maxfail", "holdoff"],
        Nothing(1),
    ),
    (&["asyncmap", "connect-delay", "lcp-max-configure", "lcp-max-failure", "lcp-max-terminate"], Nothing(1)),
    (&["lcp-restart", "ipcp-restart", "ipcp-max-configure", "chap-interval", "pap-restart", "bsdcomp"], Nothing(1)),
    (&["deflate", "vj-max-slots", "set", "escape"], Nothing(1)),
    (&["file", "call", "connect", "disconnect", "init", "welcome", "ms-dns", "ms-wins", "domain", "idle"], Left(1)),
    (&["maxconnect", "active-filter", "pass-filter", "ip-up-script", "ip-down-script"], Left(1)),
    (&["ipv6", "netmask"], Left(1)),
    (&["demand", "multilink", "mp", "proxyarp", "login"], Left(0)),
];

/// What is known behind the last option only.
#[derive(Default)]
pub struct Options {
    calls_sstpc: bool,
    user: Option<Word>,
    name: Option<Word>,
    default_route: bool,
    no_default_route6: bool,
    metric: Option<u32>,
    peer_dns: bool,
}

impl Options {
    /// Whether sstpc is in the `pty`.
    pub fn calls_sstpc(&self) -> bool {
        self.calls_sstpc
    }

    /// Reads options. Behind one that is not known, words up to the next that is are not looked at: they may be its
    /// values, and secret.
    pub fn read(&mut self, words: &[Word], connection: &mut Connection) {
        let mut rest = words.iter();
        let (mut lost, mut last) = (false, "sstpc");
        while let Some(word) = rest.next() {
            let option = word.as_str();
            let Some((_, means)) = OPTIONS.iter().find(|(names, _)| names.contains(&option)) else {
                if let Some(address) = local_address(option) {
                    connection.set("ipv4-address", address.to_string());
                } else if !lost && !is_terminal(option) {
                    connection.leave("pppd", tr!("An option of pppd is not known here, and was not carried over: compare the options behind {key}.", key = last));
                    lost = true;
                }
                continue;
            };
            (lost, last) = (false, option);
            let mut value = || rest.next().cloned().unwrap_or_default();
            match means {
                Nothing(values) => (0..*values).for_each(|_| drop(value())),
                Yes(key) => connection.yes(key),
                Text(key) => sstpc::take_text(connection, option, key, &value()),
                Number(key) => take_number(connection, option, key, &value()),
                File(key) => sstpc::take_file(connection, option, key, &value()),
                Special(values) => {
                    let value = if *values == 0 { Word::default() } else { value() };
                    self.special(option, value, connection);
                }
                Left(values) => {
                    (0..*values).for_each(|_| drop(value()));
                    connection.leave_unknown(option);
                }
                Demand => connection.leave(option, tr!("{key} was not carried over: it asks the server to authenticate itself in PPP. To choose a method, refuse the others.", key = option)),
            }
        }
    }

    fn special(&mut self, option: &str, value: Word, connection: &mut Connection) {
        match option {
            "user" => self.user = Some(value),
            "name" => self.name = Some(value),
            "password" => sstpc::take_secret(connection, Secret::Password, value),
            "pty" => self.read_pty(&value, connection),
            "plugin" if value.text.contains("sstp") => {}
            "plugin" => connection.leave_unknown(option),
            "defaultroute" | "replacedefaultroute" => self.default_route = true,
            "nodefaultroute" => self.default_route = false,
            "defaultroute6" => self.no_default_route6 = false,
            "nodefaultroute6" => self.no_default_route6 = true,
            "defaultroute-metric" => self.metric = value.text.parse().ok(),
            "usepeerdns" => self.peer_dns = true,
            "noip" | "-ip" => connection.network.ipv4.disabled = true,
            "noipv6" | "-ipv6" => connection.network.ipv6.disabled = true,
            "persist" => connection.persistent = true,
            "nopersist" => connection.persistent = false,
            _ => {}
        }
    }

    fn read_pty(&mut self, value: &Word, connection: &mut Connection) {
        for command in shell::commands(value.as_str(), &mut Variables::default()) {
            let is_sstpc = |word: &Word| word.text.rsplit('/').next() == Some("sstpc");
            if let Some(at) = command.iter().position(is_sstpc) {
                self.calls_sstpc = true;
                sstpc::read(&command[at + 1..], connection, self);
            }
        }
    }

    /// Says what follows from all of the options: pppd sets neither a default route nor name servers unless it is told to.
    pub fn finish(self, connection: &mut Connection) {
        connection.network.ipv4.never_default = !self.default_route;
        connection.network.ipv6.never_default = !self.default_route || self.no_default_route6;
        connection.network.ipv4.ignore_auto_dns = !self.peer_dns;
        connection.network.ipv6.ignore_auto_dns = !self.peer_dns;
        connection.network.ipv4.route_metric = self.metric;
        if let Some(user) = self.user.or(self.name) {
            sstpc::take_text(connection, "user", "user", &user);
        }
        if connection.setting("tls-user-cert").is_some() {
            connection.set("connection-type", "tls");
        }
    }
}

/// `LOCAL:REMOTE`, either of which may be missing. Only the local one can be asked for.
fn local_address(text: &str) -> Option<Ipv4Addr> {
    let (local, remote) = text.split_once(':')?;
    let remote: Option<Ipv4Addr> = if remote.is_empty() { None } else { Some(remote.parse().ok()?) };
    match local {
        "" => remote.map(|_| Ipv4Addr::UNSPECIFIED),
        local => local.parse().ok(),
    }
}

/// The device or its speed, which mean nothing with a `pty`.
fn is_terminal(text: &str) -> bool {
    text.starts_with("/dev/")
        || text.starts_with("tty")
        || (!text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit()))
}

fn take_number(connection: &mut Connection, option: &str, key: &str, value: &Word) {
    let range = find(key).map(|key| key.kind);
    let number = value.text.parse().ok().filter(|number: &u32| match range {
        Some(Kind::Number { min, max }) => (min..=max).contains(number),
        _ => false,
    });
    match number {
        Some(number) => connection.set(key, number.to_string()),
        None => connection.leave(
            option,
            tr!("{key} was not carried over: its value is no number that is possible here.", key = option),
        ),
    }
}
