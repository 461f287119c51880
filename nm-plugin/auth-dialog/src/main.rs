//! `nm-sstp-auth-dialog`: finds out for NetworkManager's secret agents which secrets an SSTP connection needs.
//!
//! nmcli, gnome-shell and nm-applet start it with the connection's data and secrets on standard input. In external-UI
//! mode (version 2 of that protocol) it answers with a key file that says what to ask, and the agent asks; this is what
//! nmcli needs for `--ask` and `passwd-file`. In standard mode such a program opens a window of its own; this one has
//! none, so there it hands back what is known already and refuses where a person would have to be asked.
//!
//! Secrets come in by standard input and go out by standard output only: never in arguments or messages. Every copy of
//! them here is wiped; standard input and output are used without the buffers of the standard library, which are not.

mod input;
mod keyfile;
mod options;
mod plain;
mod prompt;
mod standard;
mod wiped;

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;

use nm_sstp::profile::SERVICE_TYPE;

use options::Options;
use prompt::Prompt;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nm-sstp-auth-dialog: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The whole program. An error is a sentence for standard error, where the agent's log has it.
fn run() -> Result<(), String> {
    let options = Options::parse(std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()))?;
    if options.help {
        return write_out(options::USAGE.as_bytes());
    }
    if options.service != SERVICE_TYPE {
        return Err(format!("this program asks for {SERVICE_TYPE} only, not for {:?}", options.service));
    }
    let mut stdin = unbuffered(io::stdin()).map_err(|error| format!("standard input cannot be read: {error}"))?;
    let (details, rest) = input::read(&mut stdin).map_err(|error| error.to_string())?;
    let prompt = Prompt::new(&options, details);
    if options.external_ui_mode {
        return write_out(keyfile::render(&prompt).as_bytes());
    }
    let answer = standard::render(&prompt)?;
    write_out(answer.as_bytes())?;
    let was_asked = !prompt.entries.is_empty();
    drop((answer, prompt));
    if was_asked {
        standard::wait_for_quit(stdin, rest);
    }
    Ok(())
}

fn write_out(text: &[u8]) -> Result<(), String> {
    let written = unbuffered(io::stdout()).and_then(|mut stdout| stdout.write_all(text));
    written.map_err(|error| format!("standard output cannot be written: {error}"))
}

/// The same open file without the standard library's buffer, which is never wiped.
fn unbuffered(stream: impl AsFd) -> io::Result<File> {
    Ok(File::from(stream.as_fd().try_clone_to_owned()?))
}
