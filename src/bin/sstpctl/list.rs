//! `sstpctl list`: the stored profiles, and which of them are connected.

use std::collections::BTreeMap;

use nm_sstp::tr;
use serde::Serialize;

use crate::arguments;
use crate::helper::{Authorization, Helper};
use crate::output::{self, Style};
use crate::problem::Problem;
use crate::session::{self, Session};
use crate::settings::{self, Settings};

/// The form of `--json`.
#[derive(Debug, Serialize)]
struct Listing {
    profiles: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    /// Without what is secret.
    settings: Settings,
    sessions: Vec<Running>,
}

#[derive(Debug, Serialize)]
struct Running {
    session: String,
    state: String,
    interface: Option<String>,
    owner: Option<u32>,
}

/// Runs the command.
///
/// # Errors
///
/// What the helper says.
pub async fn run(arguments: arguments::List) -> Result<(), Problem> {
    let authorization = if arguments.names { Authorization::DoNotAsk } else { Authorization::Ask };
    let helper = Helper::open(authorization).await?;
    let profiles = helper.profiles(authorization).await?;
    if arguments.names {
        // They are for completions: a name that could do harm there cannot be a profile of ours.
        let names = profiles.keys().filter(|name| settings::check_profile_name(name).is_ok());
        return output::print(&names.map(|name| format!("{name}\n")).collect::<String>());
    }
    let listing = listing(profiles, helper.sessions(Authorization::DoNotAsk).await?);
    if arguments.json { output::json(&listing, true) } else { output::print(&text(&listing, Style::of_stdout())) }
}

fn listing(profiles: BTreeMap<String, Settings>, sessions: Vec<Session>) -> Listing {
    let running = |name: &str| {
        let of_profile = sessions.iter().filter(|session| session.profile.as_deref() == Some(name));
        let running = of_profile.map(|session| Running {
            session: session.session.clone(),
            state: session.state.clone(),
            interface: session.interface.clone(),
            owner: session.owner,
        });
        running.collect()
    };
    let entry = |(name, settings): (String, Settings)| Entry {
        sessions: running(&name),
        settings: settings::without_secrets(&settings).0,
        name,
    };
    Listing { profiles: profiles.into_iter().map(entry).collect() }
}

fn text(listing: &Listing, style: Style) -> String {
    if listing.profiles.is_empty() {
        return tr!("There is no profile: \"sstpctl profile add\" makes one.") + "\n";
    }
    let (mut rows, mut states) = (Vec::new(), Vec::new());
    for entry in &listing.profiles {
        let setting = |name| entry.settings.get(name).cloned().unwrap_or_default();
        let mut row = |name: &str, state: &str, session: String| {
            let whom = [name.to_owned(), setting("gateway"), setting("user")];
            states.push(state.to_owned());
            rows.push(whom.into_iter().chain([session::state_name(state), session]).collect::<Vec<_>>());
        };
        if entry.sessions.is_empty() {
            row(&entry.name, "-", String::new());
        }
        for running in &entry.sessions {
            let interface = running.interface.as_ref().map(|name| format!(", {name}")).unwrap_or_default();
            row(&entry.name, &running.state, format!("{}{interface}", running.session));
        }
    }
    let paint = |row: usize, column, cell: &str| match column {
        3 => style.of_state(&states[row], cell),
        _ => cell.to_owned(),
    };
    // Translators: headings of a table
    let heading = [tr!("PROFILE"), tr!("GATEWAY"), tr!("USER"), tr!("STATE"), tr!("SESSION")];
    output::table(style, &heading, &rows, paint)
}
