//! `sstpctl profile`: the stored profiles. The helper keeps them; here they are checked, shown and written to files.

use nm_sstp::exchange::{self, Confidential, Connection, Format};
use nm_sstp::store::{self, Name, Store};
use nm_sstp::tr;
use nm_sstp::words::of_service;
use serde::Serialize;

use crate::arguments;
use crate::edit;
use crate::helper::{Authorization, Helper};
use crate::import;
use crate::output::{self, Rows, Style};
use crate::printable;
use crate::problem::{Problem, sentence};
use crate::secrets::Given;
use crate::settings::{self, Settings};
use crate::settings_file;

/// The form of `show --json`.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    name: &'a str,
    settings: Settings,
    /// Settings that are secret, which are not shown.
    hidden: Vec<&'a str>,
}

/// Runs the command.
///
/// # Errors
///
/// What is wrong with the profile, or what the helper says.
pub async fn run(command: arguments::Profile) -> Result<(), Problem> {
    match command {
        arguments::Profile::Add(arguments) => add(arguments).await,
        arguments::Profile::Show { profile, json } => show(&profile, json).await,
        arguments::Profile::Edit(arguments) => edit::run(arguments).await,
        arguments::Profile::Remove { profile } => remove(&profile).await,
        arguments::Profile::Import(arguments) => import::run(arguments).await,
        arguments::Profile::Export(arguments) => export(arguments).await,
    }
}

async fn add(arguments: arguments::Add) -> Result<(), Problem> {
    settings::check_profile_name(&arguments.name)?;
    let settings = settings::gather(Some(&arguments.gateway), arguments.user.as_deref(), &arguments.set)?;
    warn_of(&settings)?;
    let secrets = Given::password(&arguments.password)?;
    let helper = Helper::open(Authorization::Ask).await?;
    store(&helper, &arguments.name, &settings, &secrets, arguments.replace).await?;
    output::print(&(tr!("Stored the profile {name}: sstpctl connect {name}", name = arguments.name) + "\n"))
}

/// Warns of settings that may not do what is expected, and of what keeps the profile from being connected.
///
/// # Errors
///
/// The settings are no profile.
pub fn warn_of(settings: &Settings) -> Result<(), Problem> {
    let notices = settings::notices(settings)?;
    output::warn_of(&notices);
    if let Err(problem) = settings::connectable(settings) {
        output::warn(&tr!("it cannot be connected as it is: {problem}", problem = problem));
    }
    Ok(())
}

/// Gives a profile to the helper. What the helper has to say beside that we have said ourselves.
///
/// # Errors
///
/// What the helper says.
pub async fn store(
    helper: &Helper,
    name: &str,
    settings: &Settings,
    secrets: &Given,
    replace: bool,
) -> Result<(), Problem> {
    let notices = helper.import_profile(name, settings, &secrets.as_map(), replace).await?;
    let ours = settings::notices(settings)?;
    let said = |notice: &&String| ours.iter().any(|own| own.to_string() == **notice);
    notices.iter().filter(|notice| !said(notice)).for_each(|notice| output::warn(notice));
    Ok(())
}

async fn show(name: &str, json: bool) -> Result<(), Problem> {
    let settings = Helper::open(Authorization::Ask).await?.profile(name).await?;
    let (open, hidden) = settings::without_secrets(&settings);
    if json {
        return output::json(&Shown { name, settings: open, hidden }, true);
    }
    let style = Style::of_stdout();
    let mut rows = Rows::new(style);
    for (key, value) in &open {
        rows.row(&printable::line(key), Some(value));
    }
    for key in hidden {
        rows.styled(key, style.dim(&tr!("(not shown)")));
    }
    output::print(&format!("{}\n{}", style.bold(&printable::line(name)), rows.finish()))
}

async fn remove(name: &str) -> Result<(), Problem> {
    let helper = Helper::open(Authorization::Ask).await?;
    helper.profile(name).await?;
    helper.remove_profile(name).await?;
    output::print(&(tr!("Removed the profile {name}", name = printable::line(name)) + "\n"))
}

async fn export(arguments: arguments::Export) -> Result<(), Problem> {
    let arguments::Export { profile: name, format, output, secrets } = arguments;
    let by_name = || output.as_ref().and_then(|path| Format::of_file_name(&path.to_string_lossy()));
    let format = format.map(Format::from).or_else(by_name).unwrap_or(Format::Toml);
    let connection = if secrets {
        with_secrets(&Store::new(Store::DIRECTORY, None), &name)?
    } else {
        Connection { settings: Helper::open(Authorization::Ask).await?.profile(&name).await?, ..Connection::default() }
    };
    let connection = Connection { name, ..connection };
    let connection = if format == Format::Toml { connection } else { connection.with_network_of_keys() };
    let confidential = if secrets { Confidential::Include } else { Confidential::LeaveOut };
    let written =
        exchange::export(&connection, format, confidential).map_err(|error| Problem::usage(error.to_string()))?;
    written.left.iter().for_each(|left| output::warn(&left.sentence));
    match output {
        None => output::print_octets(&written.octets),
        Some(path) => settings_file::store_new(&path, &written.octets),
    }
}

/// A stored profile with its secrets. The helper tells them to nobody: whoever may read its files may have them.
fn with_secrets(store: &Store, name: &str) -> Result<Connection, Problem> {
    settings::check_profile_name(name)?;
    let stored = Name::parse(name).and_then(|name| store.load(&name)).map_err(|error| match error {
        store::Error::NoSuchProfile(name) => Problem::no_profile(name.as_str()),
        store::Error::Unusable { path, reason } => {
            let reason = of_service(&reason);
            Problem::other(tr!("The file {path} cannot be read: {reason}.", path = path.display(), reason = reason))
        }
        other => Problem::other(sentence(&of_service(&other.to_string()))),
    })?;
    let mut connection = Connection { settings: stored.settings, ..Connection::default() };
    for (name, value) in stored.secrets {
        connection.secrets.insert(&name, value);
    }
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use super::*;
    use crate::problem::Exit;

    #[test]
    fn secrets_are_read_from_the_files_of_the_helper() {
        let directory = std::env::temp_dir().join(format!("sstpctl-export-{}", std::process::id()));
        let store = Store::new(&directory, None);
        let name = Name::parse("work").expect("a name");
        let settings = BTreeMap::from([("gateway".to_owned(), "vpn.example.com".to_owned())]);
        let secrets = BTreeMap::from([("password".to_owned(), "hunter2".to_owned().into())]);
        store.save(&name, &settings, Some(&secrets), false).expect("stored");
        let connection = with_secrets(&store, "work").unwrap_or_else(|problem| panic!("{problem}"));
        assert_eq!(connection.secrets.get("password"), Some("hunter2"));
        assert!(!format!("{connection:?}").contains("hunter2"));
        assert_eq!(with_secrets(&store, "other").expect_err("a problem").exit, Exit::NotFound);
        assert_eq!(with_secrets(&store, "../x").expect_err("a problem").exit, Exit::Usage);
        fs::remove_dir_all(directory).expect("removed");
    }
}
