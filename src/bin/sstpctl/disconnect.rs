//! `sstpctl disconnect`: ends sessions, and waits until all that they changed is undone.

use std::time::Duration;

use nix::unistd::Uid;
use nm_sstp::tr;
use tokio::time::{Instant, timeout_at};
use zbus::ObjectPath;

use crate::arguments;
use crate::events::{Event, Events};
use crate::helper::{Authorization, Helper};
use crate::output;
use crate::printable;
use crate::problem::{Exit, Problem};
use crate::session::{self, Session};

/// Runs the command.
///
/// # Errors
///
/// There is no such session, one may not be ended, or it takes too long. Of several, all are tried.
pub async fn run(arguments: arguments::Disconnect) -> Result<(), Problem> {
    let helper = Helper::open(Authorization::Ask).await?;
    let mut events = helper.events().await?;
    let sessions = chosen(helper.sessions(Authorization::DoNotAsk).await?, &arguments)?;
    let limit = Instant::now() + Duration::from_secs(arguments.wait.into());
    let mut first_problem = None;
    for session in &sessions {
        match end(&helper, &mut events, session, limit).await {
            Ok(()) => output::print(&(tr!("Disconnected {name}", name = printable::line(&session.name())) + "\n"))?,
            Err(problem) if sessions.len() == 1 => return Err(problem),
            Err(problem) => {
                output::complain(&format!("{}: {problem}", session.name()));
                first_problem.get_or_insert(Problem { sentence: None, ..problem });
            }
        }
    }
    first_problem.map_or(Ok(()), Err)
}

fn chosen(sessions: Vec<Session>, arguments: &arguments::Disconnect) -> Result<Vec<Session>, Problem> {
    if let Some(wanted) = &arguments.session {
        return session::select(sessions, wanted);
    }
    let root = Uid::current().is_root();
    let mut ours: Vec<_> = sessions.into_iter().filter(|session| root || session.is_ours()).collect();
    if arguments.all {
        return Ok(ours);
    }
    ours.retain(|session| !session.is_over());
    match ours.len() {
        0 => Err(Problem::new(Exit::NotFound, tr!("There is no session of yours to disconnect."))),
        1 => Ok(ours),
        _ => {
            let names: Vec<_> =
                ours.iter().map(|session| format!("{} ({})", session.session, session.name())).collect();
            Err(Problem::usage(tr!(
                "There are several sessions: {names}. Name one, or give --all.",
                names = names.join(", ")
            )))
        }
    }
}

async fn end(helper: &Helper, events: &mut Events, session: &Session, limit: Instant) -> Result<(), Problem> {
    let path = ObjectPath::try_from(session.path.as_str())
        .map_err(|error| Problem::other(tr!("The helper gave a session that cannot be: {error}.", error = error)))?;
    helper.disconnect(&path).await?;
    let gone = async {
        loop {
            match events.next(&path).await {
                Event::Removed => return Ok(()),
                Event::HelperGone => {
                    return Err(Problem::helper_gone());
                }
                _ => {}
            }
        }
    };
    timeout_at(limit, gone).await.unwrap_or_else(|_| {
        Err(Problem::new(Exit::TimedOut, tr!("The session is being ended, but it takes longer than --wait allows.")))
    })
}
