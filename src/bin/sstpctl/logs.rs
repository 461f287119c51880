//! `sstpctl logs`: what the helper wrote to the journal. `journalctl` takes our place, so that paging, colours and rights
//! are its own.

use std::os::unix::process::CommandExt;
use std::process::Command;

use nm_sstp::log::IDENTIFIER;
use nm_sstp::tr;

use crate::arguments;
use crate::helper::{Authorization, Helper};
use crate::problem::Problem;
use crate::session;

/// Field of the journal with the number of a session of the helper.
const SESSION_FIELD: &str = "SSTP_SESSION";
/// Field of the journal with the name of its profile.
const PROFILE_FIELD: &str = "SSTP_PROFILE";

/// Runs the command; does not return where it succeeds.
///
/// # Errors
///
/// There is no journalctl.
pub async fn run(arguments: arguments::Logs) -> Result<(), Problem> {
    let mut command = Command::new("journalctl");
    command.arg(format!("--identifier={IDENTIFIER}"));
    if arguments.follow {
        command.arg("--follow");
    }
    if let Some(wanted) = &arguments.session {
        command.arg(field(wanted).await);
    }
    let error = command.exec();
    Err(Problem::other(tr!("journalctl cannot be started: {error}. It is a part of systemd.", error = error)))
}

/// What the lines of this session or profile have. Lines outlive both: what the helper does not know any more is taken as
/// it stands, a number as a session's and anything else as a profile's.
async fn field(wanted: &str) -> String {
    let sessions = async {
        let helper = Helper::open(Authorization::DoNotAsk).await?;
        session::select(helper.sessions(Authorization::DoNotAsk).await?, wanted)
    };
    let is_number = !wanted.is_empty() && wanted.bytes().all(|c| c.is_ascii_digit());
    match sessions.await.ok().as_deref() {
        Some([session, ..]) if session.profile.as_deref() != Some(wanted) => {
            format!("{SESSION_FIELD}={}", session.session)
        }
        None if is_number => format!("{SESSION_FIELD}={wanted}"),
        _ => format!("{PROFILE_FIELD}={wanted}"),
    }
}
