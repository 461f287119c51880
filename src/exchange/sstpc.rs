//! Command lines of sstpc (sstp-client), alone, in a shell script or in a unit of systemd.

use zeroize::Zeroizing;

use super::peers::Options;
use super::shell::{self, Variables, Word};
use super::{Connection, Found};
use crate::profile::Secret;
use crate::tr;

/// What becomes of an option.
enum Means {
    /// It needs no place here, or has none that would be missed. How many values it has.
    Nothing(usize),
    /// `KEY=yes`.
    Yes(&'static str),
    /// The value of a setting.
    Text(&'static str),
    /// The name of a file, for a setting.
    File(&'static str),
    /// A secret.
    Secret(Secret),
    /// The proxy's URL.
    Proxy,
    /// The name of the connection.
    Name,
    /// It would be missed. How many values it has.
    Left(usize),
}

/// The options without their two hyphens, with the number of values that sstpc 1.0.18 takes for each.
const OPTIONS: &[(&str, Means)] = &[
    ("ca-cert", Means::File("ca-cert")),
    ("ca-path", Means::File("ca-cert")),
    ("cert-warn", Means::Yes("ignore-cert-warn")),
    ("crl-file", Means::File("crl-file")),
    ("crl-path", Means::Left(1)),
    ("help", Means::Nothing(0)),
    ("host", Means::Text("gateway-name")),
    ("ipparam", Means::Name),
    ("log-filter", Means::Nothing(1)),
    ("log-ident", Means::Nothing(1)),
    ("log-level", Means::Nothing(1)),
    ("log-lineno", Means::Nothing(0)),
    ("log-stderr", Means::Nothing(0)),
    ("log-stdout", Means::Nothing(0)),
    ("log-syslog", Means::Nothing(1)),
    ("nolaunchpppd", Means::Nothing(0)),
    ("password", Means::Secret(Secret::Password)),
    ("priv-dir", Means::Nothing(1)),
    ("priv-group", Means::Nothing(1)),
    ("priv-user", Means::Nothing(1)),
    ("proxy", Means::Proxy),
    ("save-server-route", Means::Nothing(0)),
    // what it asks for is so here unless a profile says no
    ("tls-ext", Means::Nothing(0)),
    ("user", Means::Text("user")),
    ("uuid", Means::Text("uuid")),
    ("version", Means::Nothing(0)),
];

/// Reads every call of sstpc, or of pppd with sstpc in its `pty`.
pub(super) fn import(text: &str, found: &mut Found) {
    let mut variables = Variables::default();
    for line in shell::lines(text) {
        let line = without_unit_key(line);
        let concerns = ["sstpc", "pppd"].iter().any(|program| shell::names_program(line, program));
        if !concerns && !line.contains('=') {
            continue;
        }
        for command in shell::commands(line, &mut variables) {
            let is = |word: &Word, name: &str| word.text.rsplit('/').next() == Some(name);
            let Some(at) = command.iter().position(|word| is(word, "sstpc") || is(word, "pppd")) else { continue };
            if !found.has_room() {
                return;
            }
            let mut connection = Connection::default();
            let mut options = Options::default();
            match is(&command[at], "sstpc") {
                true => read(&command[at + 1..], &mut connection, &mut options),
                false => options.read(&command[at + 1..], &mut connection),
            }
            if is(&command[at], "sstpc") || options.calls_sstpc() {
                options.finish(&mut connection);
                found.take(connection);
            }
        }
    }
}

/// The command of a line `ExecStart=...` in a unit of systemd, without the signs that may stand before it.
fn without_unit_key(line: &str) -> &str {
    match line.trim_start().split_once('=') {
        Some((key, command)) if key.starts_with("Exec") => command.trim_start_matches(['@', '-', ':', '+', '!']),
        _ => line,
    }
}

/// Reads what stands behind `sstpc`: its options, the server, and options of pppd.
pub(super) fn read(words: &[Word], connection: &mut Connection, options: &mut Options) {
    let mut rest = words.iter();
    let mut others = Vec::new();
    while let Some(word) = rest.next() {
        if word.as_str() == "--" {
            others.extend(rest.by_ref().cloned());
            break;
        }
        let Some(option) = word.text.strip_prefix("--") else {
            others.push(word.clone());
            continue;
        };
        let (name, attached) = match option.split_once('=') {
            Some((name, value)) => (name, Some(Word { text: Zeroizing::new(value.to_owned()), unknown: word.unknown })),
            None => (option, None),
        };
        let mut value = || attached.clone().or_else(|| rest.next().cloned()).unwrap_or_default();
        match OPTIONS.iter().find(|(known, _)| *known == name).map(|(_, means)| means) {
            Some(Means::Nothing(values)) => (0..*values).for_each(|_| drop(value())),
            Some(Means::Yes(key)) => connection.yes(key),
            Some(Means::Text(key)) => take_text(connection, word.as_str(), key, &value()),
            Some(Means::File(key)) => take_file(connection, &format!("--{name}"), key, &value()),
            Some(Means::Secret(secret)) => take_secret(connection, *secret, value()),
            Some(Means::Proxy) => take_proxy(connection, &value()),
            Some(Means::Name) => connection.name = value().text.to_string(),
            Some(Means::Left(values)) => {
                (0..*values).for_each(|_| drop(value()));
                connection.leave_unknown(&format!("--{name}"));
            }
            // its value, if it has one, would be taken for the server
            None => connection.leave_unknown(&format!("--{name}")),
        }
    }
    let Some((server, pppd)) = others.split_first() else { return };
    take_text(connection, "sstpc", "gateway", server);
    options.read(pppd, connection);
}

/// Takes a value that is known.
pub(super) fn take_text(connection: &mut Connection, option: &str, key: &str, value: &Word) {
    if value.unknown {
        connection.leave(option, tr!("The value of {key} was not carried over: a variable is in it.", key = key));
    } else {
        connection.set(key, value.as_str());
    }
}

/// Takes the name of a file, which has to be found from anywhere here.
pub(super) fn take_file(connection: &mut Connection, option: &str, key: &str, value: &Word) {
    if value.unknown || !value.text.starts_with('/') {
        connection.leave(
            option,
            tr!(
                "The file of {option} was not carried over: set {key} to its name with all its directories.",
                option = option,
                key = key
            ),
        );
    } else if connection.setting(key).is_none() {
        // a backslash begins an escape there
        connection.set(key, value.text.replace('\\', r"\\"));
    }
}

pub(super) fn take_secret(connection: &mut Connection, secret: Secret, value: Word) {
    let name = secret.name();
    if value.unknown {
        connection.leave(name, tr!("The value of {key} was not carried over: a variable is in it.", key = name));
    } else {
        connection.secrets.insert(name, value.text);
    }
}

/// `http://[USER[:PASSWORD]@]HOST[:PORT]`
fn take_proxy(connection: &mut Connection, value: &Word) {
    let url = value.text.strip_prefix("http://").unwrap_or(&value.text).trim_end_matches('/');
    let (credentials, server) = match url.rsplit_once('@') {
        Some((credentials, server)) => (Some(credentials), server),
        None => (None, url),
    };
    if value.unknown {
        return connection.leave(
            "--proxy",
            tr!("The value of {key} was not carried over: a variable is in it.", key = "proxy-server"),
        );
    }
    connection.set_proxy("--proxy", server);
    let Some(credentials) = credentials else { return };
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    connection.set("proxy-user", user);
    connection.secrets.insert(Secret::ProxyPassword.name(), Zeroizing::new(password.to_owned()));
}
