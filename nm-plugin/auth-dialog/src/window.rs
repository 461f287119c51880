//! The window, which is a program of its own: what is to be asked goes there, and the answers come back.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use nm_sstp::profile::Secret;
use nm_sstp::tr;
use nm_sstp_auth_dialog::form::{Field, Form, Kind};
use nm_sstp_auth_dialog::{CANCELLED, NO_DISPLAY, WINDOW};
use zeroize::Zeroizing;

use crate::prompt::{Entry, Prompt};

/// How asking ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// Whatever was to be asked for has its value.
    Answered,
    /// The person does not want to.
    Cancelled,
}

/// Asks a person for what `prompt` has to ask for.
///
/// # Errors
///
/// A sentence about the window that cannot be opened.
pub fn ask(prompt: &mut Prompt) -> Result<Asked, String> {
    let form = Form {
        title: prompt.title.clone(),
        message: prompt.description.clone(),
        fields: prompt.entries.iter().filter(|entry| entry.ask).map(field).collect(),
    };
    let mut window = start()?;
    let broken =
        |error: &dyn std::fmt::Display| tr!("The window of the dialog does not work: {reason}.", reason = error);
    let pipes = window.stdin.take().zip(window.stdout.take());
    let (mut to, mut from) = pipes.ok_or_else(|| broken(&io::Error::from(io::ErrorKind::BrokenPipe)))?;
    // Where it has ended already, its status says why.
    let _ = to.write_all(form.encode().as_bytes());
    // The pipe stays open for as long as somebody waits for the answer: if this program is ended, the window closes.
    let answer = form.read_answer(&mut from);
    let status = window.wait().map_err(|error| broken(&error))?;
    drop(to);
    match status.code() {
        Some(0) => {}
        Some(code) if code == i32::from(CANCELLED) => return Ok(Asked::Cancelled),
        Some(code) if code == i32::from(NO_DISPLAY) => {
            return Err(tr!(
                "A person has to be asked, and there is no display to open a window on. Use an agent that asks in its \
                 own way, such as nmcli --ask, or store the secret."
            ));
        }
        _ => return Err(broken(&status)),
    }
    let answer = answer.map_err(|error| broken(&error))?;
    for (entry, value) in prompt.entries.iter_mut().filter(|entry| entry.ask).zip(answer) {
        (entry.value, entry.ask) = (Some(value), false);
    }
    Ok(Asked::Answered)
}

fn field(entry: &Entry) -> Field {
    let kind = match entry.secret {
        _ if entry.echo => Kind::Shown,
        Secret::PasswordAgain => Kind::Again,
        _ => Kind::Hidden,
    };
    let value = entry.value.clone().unwrap_or_else(|| Zeroizing::new(String::new()));
    Field { kind, label: entry.label.clone(), value }
}

/// Starts the program, which is installed beside this one.
fn start() -> Result<Child, String> {
    let cannot_start = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => tr!(
            "A person has to be asked, and the window for that is not installed: install the package nm-sstp-gnome, \
             which has {program}, or use an agent that asks in its own way, such as nmcli --ask.",
            program = WINDOW
        ),
        _ => tr!("The window of the dialog cannot be started: {reason}.", reason = error),
    };
    let beside: PathBuf = std::env::current_exe().map_err(cannot_start)?.with_file_name(WINDOW);
    Command::new(beside).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(cannot_start)
}
