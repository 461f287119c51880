//! `sstpctl profile import`: profiles from files of every format that [`exchange`] reads. What cannot be carried over is said.

use std::collections::BTreeSet;

use nm_sstp::exchange::{self, Connection, Format, Imported, Left, toml};
use nm_sstp::profile::find;
use nm_sstp::tr;
use zeroize::Zeroizing;

use crate::arguments;
use crate::helper::{Authorization, Helper};
use crate::output;
use crate::problem::Problem;
use crate::profile;
use crate::secrets::Given;
use crate::settings::{self, Settings};
use crate::settings_file;

/// Runs the command.
///
/// # Errors
///
/// The file is no profile, has several and it was not said which, or the helper refuses one.
pub async fn run(arguments: arguments::Import) -> Result<(), Problem> {
    let octets = settings_file::load_octets(&arguments.file, exchange::MAX_OCTETS)?;
    let file_name = arguments.file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let Imported { format, connections, skipped, notes } =
        exchange::import(&octets, &file_name).map_err(|error| Problem::usage(error.to_string()))?;
    drop(octets);
    let chosen = chosen(connections, arguments.entry.as_deref(), arguments.all)?;
    notes.iter().for_each(|note| output::warn(note));
    if arguments.entry.is_none() {
        skipped.iter().for_each(|entry| output::warn(&entry.sentence));
    }
    // Every one is checked before the first is stored.
    let profiles: Vec<Ready> = chosen
        .into_iter()
        .map(|connection| Ready::of(connection, format, arguments.name.as_deref()))
        .collect::<Result<_, _>>()?;
    check_names(&profiles)?;
    let helper = Helper::open(Authorization::Ask).await?;
    for ready in &profiles {
        for Left { sentence, .. } in &ready.left {
            match profiles.len() {
                1 => output::warn(sentence),
                _ => output::warn(&format!("{}: {sentence}", ready.name)),
            }
        }
        profile::warn_of(&ready.settings)?;
        profile::store(&helper, &ready.name, &ready.settings, &ready.secrets, arguments.replace).await?;
        output::print(&(tr!("Stored the profile {name}: sstpctl connect {name}", name = ready.name) + "\n"))?;
    }
    Ok(())
}

/// No profile may take the place of another of the same file.
fn check_names(profiles: &[Ready]) -> Result<(), Problem> {
    let mut names = BTreeSet::new();
    match profiles.iter().find(|ready| !names.insert(ready.name.as_str())) {
        None => Ok(()),
        Some(twice) => Err(Problem::usage(tr!(
            "Two connections of the file would be the profile {name}: take them one by one, by --entry and --name.",
            name = twice.name
        ))),
    }
}

/// The connections that are meant: the only one, the one of this name, or all of them.
fn chosen(mut connections: Vec<Connection>, entry: Option<&str>, all: bool) -> Result<Vec<Connection>, Problem> {
    let names = || connections.iter().map(|connection| connection.name.as_str()).collect::<Vec<_>>().join(", ");
    let Some(entry) = entry else {
        if all || connections.len() == 1 {
            return Ok(connections);
        }
        return Err(Problem::usage(tr!(
            "There are several connections in the file: {names}. Say which by --entry, or take all of them by --all.",
            names = names()
        )));
    };
    match connections.iter().position(|connection| connection.name == entry) {
        Some(at) => Ok(vec![connections.swap_remove(at)]),
        None => Err(Problem::usage(tr!(
            "There is no connection {name} in the file. There are: {names}.",
            name = entry,
            names = names()
        ))),
    }
}

/// A profile that can be stored.
struct Ready {
    name: String,
    settings: Settings,
    secrets: Given,
    /// What was not carried over.
    left: Vec<Left>,
}

impl Ready {
    fn of(connection: Connection, format: Format, name: Option<&str>) -> Result<Self, Problem> {
        let (mut settings, of_the_network) = toml::profile_settings(&connection);
        let mut left: Vec<Left> = connection.left.into_iter().chain(of_the_network).collect();
        if format == Format::Toml {
            // What people write themselves is taken as a command is: a key that was mistyped is an error.
            settings::check(&settings)?;
        }
        settings.retain(|key, _| {
            let known = find(key).is_some();
            if !known {
                let sentence = tr!("The setting {key} is unknown and was not carried over.", key = key);
                left.push(Left { key: key.clone(), sentence });
            }
            known
        });
        let mut secrets = Given::default();
        for (name, value) in connection.secrets.iter() {
            secrets.insert(name, Zeroizing::new(value.to_owned()));
        }
        let name = match name {
            Some(name) => {
                settings::check_profile_name(name)?;
                name.to_owned()
            }
            None => derived_name(&connection.name)?,
        };
        Ok(Self { name, settings, secrets, left })
    }
}

/// A name for a profile that was given none: the connection's, in the characters that are allowed.
fn derived_name(own: &str) -> Result<String, Problem> {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = own.trim().chars().map(allowed).collect();
    settings::check_profile_name(&name)
        .map_err(|problem| Problem::usage(tr!("{problem} Give another by --name.", problem = problem)))
        .map(|()| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONNECTION: &str = "[connection]\nid=My VPN\nuuid=6e4d8c1e-2f3a-4b5c-8d7e-9f0a1b2c3d4e\ntype=vpn\n\
        permissions=user:alice:;\n\n[vpn]\ngateway=vpn.example.com\nuser-name=bob\nuser=alice\npassword-flags=0\n\
        strange=1\nproxy-password=pp\nservice-type=org.freedesktop.NetworkManager.sstp\n\n[vpn-secrets]\n\
        password=hunter2\n\n[ipv4]\nmethod=auto\nnever-default=true\ndns-search=x;\n\n[proxy]\n";

    fn only(text: &str) -> Result<Ready, Problem> {
        let imported = exchange::import(text.as_bytes(), "x").map_err(|error| Problem::usage(error.to_string()))?;
        let [connection] = &chosen(imported.connections, None, false)?[..] else { panic!("one connection") };
        Ready::of(connection.clone(), imported.format, None)
    }

    #[test]
    fn a_connection_of_network_manager_is_carried_over() {
        let ready = only(CONNECTION).unwrap_or_else(|problem| panic!("{problem}"));
        let settings: Vec<_> = ready.settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let uuid = "uuid=6e4d8c1e-2f3a-4b5c-8d7e-9f0a1b2c3d4e";
        assert_eq!(settings, ["gateway=vpn.example.com", "password-flags=0", "routes=split", "user=alice", uuid]);
        let secrets = ready.secrets.as_map();
        assert_eq!((secrets.get("password"), secrets.get("proxy-password")), (Some(&"hunter2"), Some(&"pp")));
        assert_eq!(ready.name, "My-VPN");
        let left: Vec<_> = ready.left.iter().map(|left| left.sentence.as_str()).collect();
        let left = left.join("\n");
        for part in ["strange", "certain users", "ipv4.dns-search"] {
            assert!(left.contains(part), "{part}: {left}");
        }
        assert!(!left.contains("hunter2") && !left.contains("method"), "{left}");
    }

    #[test]
    fn a_connection_of_another_kind_is_refused() {
        for (text, reason) in [
            ("[connection]\ntype=wifi\n", "not a VPN"),
            ("[vpn]\nservice-type=org.freedesktop.NetworkManager.openvpn\n", "not one of SSTP"),
            ("[vpn]\nwhat\n", "Line 2"),
            ("gatway = \"a\"\n", "did you mean \"gateway\"?"),
        ] {
            assert!(only(text).err().is_some_and(|problem| problem.to_string().contains(reason)), "{text}");
        }
    }

    #[test]
    fn of_several_it_must_be_said_which() {
        let named = |name: &str| Connection { name: name.to_owned(), ..Connection::default() };
        let several = || vec![named("a"), named("b c")];
        let names = |result: Result<Vec<Connection>, Problem>| {
            result.map(|chosen| chosen.into_iter().map(|connection| connection.name).collect::<Vec<_>>())
        };
        let error = names(chosen(several(), None, false)).expect_err("a problem").to_string();
        assert!(error.contains("a, b c") && error.contains("--entry"), "{error}");
        assert_eq!(names(chosen(several(), Some("b c"), false)), Ok(vec!["b c".to_owned()]));
        assert_eq!(names(chosen(several(), None, true)).map(|names| names.len()), Ok(2));
        assert!(names(chosen(several(), Some("d"), false)).is_err());
    }

    #[test]
    fn no_profile_takes_the_place_of_another() {
        let of = |name: &str| {
            let settings = Settings::from([("gateway".to_owned(), "a.example".to_owned())]);
            let connection = Connection { name: name.to_owned(), settings, ..Connection::default() };
            Ready::of(connection, Format::Phonebook, None).unwrap_or_else(|problem| panic!("{problem}"))
        };
        assert!(check_names(&[of("a b"), of("a c")]).is_ok());
        assert!(check_names(&[of("a b"), of("a-b")]).is_err());
    }

    #[test]
    fn a_name_is_made_of_what_there_is() {
        assert_eq!(derived_name("My VPN").as_deref(), Ok("My-VPN"));
        assert!(derived_name("..").is_err());
    }
}
