//! `sstpctl profile edit`: changes of a stored profile, in an editor or one by one.

use std::env;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nm_sstp::tr;
use tokio::process::Command;

use crate::arguments;
use crate::helper::{Authorization, Helper};
use crate::output;
use crate::problem::{Exit, Problem};
use crate::profile;
use crate::secrets::Given;
use crate::settings::{self, Settings};
use crate::settings_file;
use crate::signals::Signals;

/// The editor where neither `VISUAL` nor `EDITOR` names one.
const DEFAULT_EDITOR: &str = "vi";

/// Runs the command.
///
/// # Errors
///
/// There is no such profile, what was written is none, or the helper refuses it.
pub async fn run(arguments: arguments::Edit) -> Result<(), Problem> {
    let secrets = Given::password(&arguments.password)?;
    let by_hand = arguments.set.is_empty() && arguments.unset.is_empty() && secrets.as_map().is_empty();
    let helper = Helper::open(Authorization::Ask).await?;
    let before = helper.profile(&arguments.profile).await?;
    if by_hand {
        return in_editor(&helper, &arguments.profile, &before).await;
    }
    let after = changed(before, &arguments)?;
    profile::warn_of(&after)?;
    profile::store(&helper, &arguments.profile, &after, &secrets, true).await?;
    output::print(&(tr!("Changed the profile {name}", name = arguments.profile) + "\n"))
}

fn changed(mut settings: Settings, arguments: &arguments::Edit) -> Result<Settings, Problem> {
    for key in &arguments.unset {
        if settings.remove(key).is_none() {
            return Err(Problem::usage(tr!("The profile has no setting {key} that could be taken away.", key = key)));
        }
    }
    let new = settings::gather(None, None, &arguments.set)?;
    settings.extend(new);
    Ok(settings)
}

async fn in_editor(helper: &Helper, name: &str, before: &Settings) -> Result<(), Problem> {
    settings::check_profile_name(name)?;
    // What is secret is not for a file that an editor copies about; it stays as it is.
    let (open, hidden) = settings::without_secrets(before);
    let path = new_path(name);
    let heading = tr!("The profile {name} of nm-sstp: nm-sstp(5) has all settings.", name = name);
    let text = format!("# {heading}\n{}", settings_file::write(&open));
    settings_file::store_new(&path, text.as_bytes())?;
    // Ctrl-C is the editor's, and afterwards ours: it must not lose what was written.
    let mut signals = Signals::take()?;
    let edited = match edit(&path).await {
        Ok(()) => settings_file::load(&path),
        Err(problem) => Err(problem),
    };
    let untouched = || settings_file::load(&path).is_ok_and(|now| *now == text);
    let result = match edited {
        Ok(edited) if *edited == text => Ok(false),
        Ok(edited) => {
            // What was pressed in the editor is over.
            let _ = tokio::time::timeout(Duration::ZERO, signals.next()).await;
            signals.unless_stopped(take(helper, name, before, &hidden, &edited)).await.map(|()| true)
        }
        Err(problem) if untouched() => {
            let _ = std::fs::remove_file(&path);
            return Err(problem);
        }
        Err(problem) => Err(problem),
    };
    match result {
        Ok(stored) => {
            let _ = std::fs::remove_file(&path);
            let done = match stored {
                true => tr!("Changed the profile {name}", name = name),
                false => tr!("Nothing was changed in the profile {name}", name = name),
            };
            output::print(&(done + "\n"))
        }
        Err(problem) => Err(kept(problem, name, &path)),
    }
}

async fn take(helper: &Helper, name: &str, before: &Settings, hidden: &[&str], text: &str) -> Result<(), Problem> {
    let mut settings = settings_file::read(text)?;
    settings::check(&settings)?;
    profile::warn_of(&settings)?;
    let secret = hidden.iter().filter_map(|key| before.get_key_value(*key));
    settings.extend(secret.map(|(key, value)| (key.clone(), value.clone())));
    profile::store(helper, name, &settings, &Given::default(), true).await
}

/// The work of an editor is not thrown away.
fn kept(problem: Problem, name: &str, path: &Path) -> Problem {
    let path = path.display();
    Problem::new(
        problem.exit,
        tr!(
            "{problem} Nothing was stored. What you wrote is in {path}; once it is mended: sstpctl profile import \
             --replace --name {name} {path}",
            problem = problem,
            path = path,
            name = name
        ),
    )
}

/// Where the editor's file is: the user's own directory, or the one for temporary files.
fn new_path(name: &str) -> PathBuf {
    let private = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|directory| {
        std::fs::metadata(directory).is_ok_and(|facts| facts.is_dir() && facts.permissions().mode() & 0o022 == 0)
    });
    private.unwrap_or_else(env::temp_dir).join(format!("sstpctl-{name}-{}.toml", std::process::id()))
}

async fn edit(path: &Path) -> Result<(), Problem> {
    let set = |name| env::var(name).ok().filter(|editor| !editor.trim().is_empty());
    let editor = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| DEFAULT_EDITOR.to_owned());
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or(DEFAULT_EDITOR);
    let status = Command::new(program).args(words).arg(path).status().await.map_err(|error| {
        Problem::other(tr!(
            "The editor {program} cannot be started: {error}. Set EDITOR to another.",
            program = program,
            error = error
        ))
    })?;
    if status.success() {
        return Ok(());
    }
    Err(Problem::new(
        Exit::Interrupted,
        tr!("The editor {program} ended with {status}.", program = program, status = status),
    ))
}
