//! `nm-sstp-auth-dialog`: finds out for NetworkManager's secret agents which secrets an SSTP connection needs.
//!
//! nmcli, gnome-shell and nm-applet start it with the connection's data and secrets on standard input. In external-UI
//! mode (version 2 of that protocol) it answers with a key file that says what to ask, and the agent asks; this is what
//! nmcli needs for `--ask` and `passwd-file`. In standard mode, and for nm-applet, it asks itself, in a window (`nm-sstp-auth-window`), and
//! answers with the secrets. In both it looks in the user's keyring first.
//!
//! Secrets come in by standard input, from the keyring and from the window, and go out by standard output only: never in
//! arguments or messages. Every copy of them here is wiped; standard input and output are used without the buffers of
//! the standard library, which are not.

mod agent;
mod input;
mod keyfile;
mod keyring;
mod options;
mod plain;
mod prompt;
mod standard;
mod window;

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;

use nm_sstp::profile::SERVICE_TYPE;
use nm_sstp::{tr, words};
use nm_sstp_auth_dialog::{CANCELLED, leave_no_core};

use keyring::Keyring;
use options::Options;
use prompt::Prompt;
use window::Asked;

fn main() -> ExitCode {
    leave_no_core();
    // SAFETY: no other thread was started.
    unsafe { words::program_starts() };
    run().unwrap_or_else(|error| {
        eprintln!("nm-sstp-auth-dialog: {error}");
        ExitCode::FAILURE
    })
}

/// The whole program. An error is a sentence for standard error, where the agent's log has it.
fn run() -> Result<ExitCode, String> {
    let options = Options::parse(std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()))?;
    if options.help {
        return write_out(options::USAGE.as_bytes());
    }
    if options.service != SERVICE_TYPE {
        return Err(tr!(
            "This program asks for {ours} only, not for {other}.",
            ours = SERVICE_TYPE,
            other = format!("{:?}", options.service)
        ));
    }
    let unreadable = |error: io::Error| tr!("The standard input cannot be read: {reason}.", reason = error);
    let mut stdin = unbuffered(io::stdin()).map_err(unreadable)?;
    let (details, rest) = input::read(&mut stdin).map_err(|error| error.to_string())?;
    let mut keyring = Keyring::new(&options.uuid, options.allow_interaction);
    let mut prompt = Prompt::new(&options, &details, |secret| keyring.find(secret));
    drop(details);
    let has_questions = prompt.entries.iter().any(|entry| entry.ask);
    if has_questions && (!options.external_ui_mode || agent::is_better_off_with_our_window()) {
        match window::ask(&mut prompt) {
            Ok(Asked::Answered) => {}
            Ok(Asked::Cancelled) => return Ok(ExitCode::from(CANCELLED)),
            // Then the agent asks.
            Err(_) if options.external_ui_mode => {}
            Err(error) => return Err(error),
        }
    }
    if options.external_ui_mode {
        return write_out(keyfile::render(&prompt, agent::hides_every_secret()).as_bytes());
    }
    let answer = standard::render(&prompt)?;
    write_out(answer.as_bytes())?;
    let was_needed = !prompt.entries.is_empty();
    drop((answer, prompt));
    if was_needed {
        standard::wait_for_quit(stdin, rest);
    }
    Ok(ExitCode::SUCCESS)
}

fn write_out(text: &[u8]) -> Result<ExitCode, String> {
    let written = unbuffered(io::stdout()).and_then(|mut stdout| stdout.write_all(text));
    written.map_err(|error| tr!("The standard output cannot be written: {reason}.", reason = error))?;
    Ok(ExitCode::SUCCESS)
}

/// The same open file without the standard library's buffer, which is never wiped.
fn unbuffered(stream: impl AsFd) -> io::Result<File> {
    Ok(File::from(stream.as_fd().try_clone_to_owned()?))
}
