//! `sstpctl profile`: the stored profiles. The helper keeps them; here they are checked, shown and written to files.

use serde::Serialize;

use crate::arguments;
use crate::edit;
use crate::helper::{Authorization, Helper};
use crate::import;
use crate::output::{self, Rows, Style};
use crate::printable;
use crate::problem::Problem;
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
        arguments::Profile::Export { profile, file } => export(&profile, file.as_deref()).await,
    }
}

async fn add(arguments: arguments::Add) -> Result<(), Problem> {
    settings::check_profile_name(&arguments.name)?;
    let settings = settings::gather(Some(&arguments.gateway), arguments.user.as_deref(), &arguments.set)?;
    warn_of(&settings)?;
    let secrets = Given::password(&arguments.password)?;
    let helper = Helper::open(Authorization::Ask).await?;
    store(&helper, &arguments.name, &settings, &secrets, arguments.replace).await?;
    output::print(&format!("Stored the profile {name}: sstpctl connect {name}\n", name = arguments.name))
}

/// Warns of settings that may not do what is expected, and of what keeps the profile from being connected.
///
/// # Errors
///
/// The settings are no profile.
pub fn warn_of(settings: &Settings) -> Result<(), Problem> {
    let notices = settings::notices(settings)?;
    notices.iter().for_each(|notice| output::warn(notice));
    if let Err(problem) = settings::connectable(settings) {
        output::warn(&format!("it cannot be connected as it is: {problem}"));
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
    notices.iter().filter(|notice| !ours.contains(notice)).for_each(|notice| output::warn(notice));
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
        rows.styled(key, style.dim("(not shown)"));
    }
    output::print(&format!("{}\n{}", style.bold(&printable::line(name)), rows.finish()))
}

async fn remove(name: &str) -> Result<(), Problem> {
    let helper = Helper::open(Authorization::Ask).await?;
    helper.profile(name).await?;
    helper.remove_profile(name).await?;
    output::print(&format!("Removed the profile {}\n", printable::line(name)))
}

async fn export(name: &str, file: Option<&std::path::Path>) -> Result<(), Problem> {
    let settings = Helper::open(Authorization::Ask).await?.profile(name).await?;
    let (open, hidden) = settings::without_secrets(&settings);
    for key in hidden {
        output::warn(&format!("the setting {key} is a secret and is left out"));
    }
    let text = settings_file::write(&open);
    match file {
        None => output::print(&text),
        Some(path) => settings_file::store_new(path, &text),
    }
}
