//! `sstpctl profile import`: profiles from files, our own and NetworkManager's. What cannot be carried over is said.

use std::path::Path;

use nm_sstp::profile::{KEYS, Kind, SERVICE_TYPE, Secret, SecretFlags};
use zeroize::Zeroizing;

use crate::arguments;
use crate::helper::{Authorization, Helper};
use crate::keyfile::{self, Groups};
use crate::output;
use crate::problem::Problem;
use crate::profile;
use crate::secrets::Given;
use crate::settings::{self, Settings};
use crate::settings_file;

/// What a file comes to.
#[derive(Default)]
struct Imported {
    /// The name that the file gives itself.
    name: Option<String>,
    settings: Settings,
    secrets: Given,
    /// Sentences about what was left behind.
    left: Vec<String>,
}

/// Runs the command.
///
/// # Errors
///
/// The file is no profile, or the helper refuses it.
pub async fn run(arguments: arguments::Import) -> Result<(), Problem> {
    let text = settings_file::load(&arguments.file)?;
    let mut imported = if is_keyfile(&text) { from_keyfile(&text)? } else { from_toml(&text)? };
    let name = match arguments.name {
        Some(name) => {
            settings::check_profile_name(&name)?;
            name
        }
        None => derived_name(imported.name.take(), &arguments.file)?,
    };
    imported.left.iter().for_each(|sentence| output::warn(sentence));
    profile::warn_of(&imported.settings)?;
    let helper = Helper::open(Authorization::Ask).await?;
    profile::store(&helper, &name, &imported.settings, &imported.secrets, arguments.replace).await?;
    output::print(&format!("Stored the profile {name}: sstpctl connect {name}\n"))
}

/// A TOML file of ours has no groups.
fn is_keyfile(text: &str) -> bool {
    text.lines().map(str::trim).any(|line| line == "[vpn]" || line == "[connection]")
}

fn from_toml(text: &str) -> Result<Imported, Problem> {
    let settings = settings_file::read(text)?;
    settings::check(&settings)?;
    Ok(Imported { settings, ..Imported::default() })
}

fn from_keyfile(text: &str) -> Result<Imported, Problem> {
    let groups = keyfile::read(text)
        .map_err(|error| Problem::usage(format!("The file is no connection of NetworkManager: {error}.")))?;
    let value = |group: &str, key: &str| groups.get(group).and_then(|group| group.get(key)).map(|value| value.as_str());
    match value("vpn", "service-type") {
        Some(SERVICE_TYPE) => {}
        Some(other) => return Err(Problem::usage(format!("The connection is not one of SSTP, but of {other}."))),
        None => return Err(Problem::usage("The connection is not a VPN: it has no service-type in [vpn].")),
    }
    let mut imported = Imported { name: value("connection", "id").map(str::to_owned), ..Imported::default() };
    for (key, value) in &groups["vpn"] {
        imported.take_setting(key, value);
    }
    let instead = [("user", value("vpn", "user-name")), ("uuid", value("connection", "uuid"))];
    for (key, value) in instead {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            imported.settings.entry(key.to_owned()).or_insert_with(|| value.to_owned());
        }
    }
    for (name, value) in groups.get("vpn-secrets").into_iter().flatten() {
        imported.take_secret(name, value);
    }
    imported.name_what_is_left(&groups);
    Ok(imported)
}

impl Imported {
    fn take_setting(&mut self, key: &str, value: &str) {
        match KEYS.iter().find(|known| known.name == key).map(|known| known.kind) {
            _ if ["service-type", "user-name", "persistent", "timeout"].contains(&key) || value.is_empty() => {}
            Some(Kind::Secret) => self.take_secret(key, value),
            Some(_) => {
                self.settings.insert(key.to_owned(), value.to_owned());
            }
            None => self.left.push(format!("the setting {key} is unknown and was not carried over")),
        }
    }

    fn take_secret(&mut self, name: &str, value: &str) {
        match Secret::named(name) {
            Some(_) if value.is_empty() => {}
            Some(_) => self.secrets.insert(name, Zeroizing::new(value.to_owned())),
            None => self.left.push(format!("the secret {name} is unknown and was not carried over")),
        }
    }

    fn name_what_is_left(&mut self, groups: &Groups) {
        let value = |group: &str, key: &str| groups.get(group)?.get(key).filter(|value| !value.is_empty());
        for secret in [Secret::Password, Secret::TlsUserKeySecret, Secret::ProxyPassword] {
            let flags = SecretFlags::of(secret, &self.settings);
            if flags.agent_owned() {
                let name = secret.name();
                self.left.push(format!("the secret {name} is in the user's keyring, not in the file; it is asked for"));
            }
        }
        if value("connection", "permissions").is_some() {
            self.left.push(
                "the connection was for certain users only; polkit decides who may use a profile here".to_owned(),
            );
        }
        if value("connection", "autoconnect").is_some_and(|value| value.as_str() == "true") {
            self.left.push("autoconnect was not carried over: \"systemctl enable nm-sstp@NAME\" does that".to_owned());
        }
        if value("ipv4", "never-default").is_some_and(|value| value.as_str() == "true") {
            self.left.push("ipv4.never-default was not carried over: routes=split does that here".to_owned());
        }
        let harmless = |group: &str, key: &str| {
            (group.starts_with("ipv") && matches!(key, "method" | "addr-gen-mode" | "never-default"))
                || group == "connection"
        };
        for (group, keys) in groups.iter().filter(|(group, _)| !matches!(group.as_str(), "vpn" | "vpn-secrets")) {
            for key in keys.keys().filter(|key| !harmless(group, key)) {
                self.left.push(format!("{group}.{key} was not carried over"));
            }
        }
    }
}

/// A name for a profile that was given none: the connection's, else the file's, in the characters that are allowed.
fn derived_name(own: Option<String>, file: &Path) -> Result<String, Problem> {
    let of_file = || file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name = own.or_else(of_file).unwrap_or_default();
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = name.trim().chars().map(allowed).collect();
    settings::check_profile_name(&name)
        .map_err(|problem| Problem::usage(format!("{problem} Give another by --name.")))
        .map(|()| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONNECTION: &str = "[connection]\nid=My VPN\nuuid=6e4d8c1e-2f3a-4b5c-8d7e-9f0a1b2c3d4e\ntype=vpn\n\
        permissions=user:alice:;\n\n[vpn]\ngateway=vpn.example.com\nuser-name=bob\nuser=alice\npassword-flags=0\n\
        strange=1\nproxy-password=pp\nservice-type=org.freedesktop.NetworkManager.sstp\n\n[vpn-secrets]\n\
        password=hunter2\n\n[ipv4]\nmethod=auto\nnever-default=true\ndns-search=x;\n\n[proxy]\n";

    #[test]
    fn a_connection_of_network_manager_is_carried_over() {
        let imported = from_keyfile(CONNECTION).expect("a profile");
        let settings: Vec<_> = imported.settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let expected =
            ["gateway=vpn.example.com", "password-flags=0", "user=alice", "uuid=6e4d8c1e-2f3a-4b5c-8d7e-9f0a1b2c3d4e"];
        assert_eq!(settings, expected);
        let secrets = imported.secrets.as_map();
        assert_eq!((secrets.get("password"), secrets.get("proxy-password")), (Some(&"hunter2"), Some(&"pp")));
        assert_eq!(imported.name.as_deref(), Some("My VPN"));
        let left = imported.left.join("\n");
        for part in ["strange", "certain users", "routes=split", "ipv4.dns-search"] {
            assert!(left.contains(part), "{part}: {left}");
        }
        assert!(!left.contains("hunter2") && !left.contains("method"), "{left}");
    }

    #[test]
    fn a_connection_of_another_kind_is_refused() {
        for (text, reason) in [
            ("[connection]\ntype=wifi\n", "not a VPN"),
            ("[vpn]\nservice-type=org.freedesktop.NetworkManager.openvpn\n", "not one of SSTP"),
            ("[vpn]\nwhat\n", "line 2"),
        ] {
            assert!(from_keyfile(text).err().is_some_and(|problem| problem.to_string().contains(reason)), "{text}");
        }
    }

    #[test]
    fn a_name_is_made_of_what_there_is() {
        let of = |own: Option<&str>, file: &str| derived_name(own.map(str::to_owned), Path::new(file)).ok();
        assert_eq!(of(Some("My VPN"), "x").as_deref(), Some("My-VPN"));
        assert_eq!(of(None, "/etc/work.toml").as_deref(), Some("work"));
        assert_eq!(of(Some(".."), "x"), None);
    }
}
