//! `nm-sstp-auth-window`: the window of `nm-sstp-auth-dialog`. It shows the form that it reads from standard input and
//! answers on standard output (`nm_sstp_auth_dialog::form`); it knows nothing of connections, and nobody but the dialog
//! starts it.

mod entry;
mod mnemonics;
mod window;

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;

use gtk::glib;
use nm_sstp::words;
use nm_sstp_auth_dialog::form::{Form, encode_answer};
use nm_sstp_auth_dialog::{CANCELLED, NO_DISPLAY, WINDOW, leave_no_core};

fn main() -> ExitCode {
    leave_no_core();
    // SAFETY: no other thread was started.
    unsafe { words::program_starts() };
    match run() {
        Ok(status) => status,
        Err(error) => {
            eprintln!("{WINDOW}: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<ExitCode, String> {
    // Without the buffers of the standard library, which are not wiped.
    let unbuffered = |fd: io::Result<_>| fd.map(File::from).map_err(|error| error.to_string());
    let mut stdin = unbuffered(io::stdin().as_fd().try_clone_to_owned())?;
    let mut stdout = unbuffered(io::stdout().as_fd().try_clone_to_owned())?;
    let form = Form::read(&mut stdin).map_err(|error| error.to_string())?;

    // The name by which desktops know the window.
    glib::set_prgname(Some(WINDOW));
    if gtk::init().is_err() {
        // The dialog knows what to say.
        return Ok(ExitCode::from(NO_DISPLAY));
    }
    let Some(answer) = window::ask(&form, stdin) else { return Ok(ExitCode::from(CANCELLED)) };
    let answer = encode_answer(answer.iter().map(|value| value.as_str()));
    stdout.write_all(answer.as_bytes()).map_err(|error| error.to_string())?;
    Ok(ExitCode::SUCCESS)
}
