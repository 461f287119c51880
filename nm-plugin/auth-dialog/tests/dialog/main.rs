//! The program, run as an agent runs it.

mod external_ui;
mod hints;
mod keyring;
mod refused;
mod shell;
mod standard_mode;
mod user_name;
mod window;

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};

/// Held while a program is started, and while one is written: a file that is open for writing in a process that is just
/// being made cannot be run.
static SPAWNING: Mutex<()> = Mutex::new(());

/// What every agent passes.
const CONNECTION: [&str; 6] =
    ["-u", "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9", "-n", "Work", "-s", "org.freedesktop.NetworkManager.sstp"];

/// Data of a connection with this `password-flags`.
fn data(password_flags: &str) -> String {
    format!(
        "DATA_KEY=gateway\nDATA_VAL=vpn.example.com\n\nDATA_KEY=user\nDATA_VAL=me\n\n\
         DATA_KEY=password-flags\nDATA_VAL={password_flags}\n\n"
    )
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_nm-sstp-auth-dialog");

fn start(arguments: &[&str]) -> Child {
    start_from(PROGRAM.as_ref(), arguments)
}

/// Starts this copy of the program, out of reach of the keyring and the screen of whoever runs the tests.
fn start_from(program: &Path, arguments: &[&str]) -> Child {
    start_on("unix:path=/nonexistent", program, arguments)
}

/// The same, with this session bus.
fn start_on(bus: &str, program: &Path, arguments: &[&str]) -> Child {
    spawned(command_on(bus, program, arguments))
}

fn command_on(bus: &str, program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env("DBUS_SESSION_BUS_ADDRESS", bus).env_remove("LANGUAGE").env("LC_ALL", "C.UTF-8");
    ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"].iter().for_each(|name| _ = command.env_remove(name));
    command
}

fn spawned(mut command: Command) -> Child {
    let _alone = SPAWNING.lock().unwrap_or_else(PoisonError::into_inner);
    command.spawn().unwrap()
}

/// Runs the program for the connection with these further arguments on this input.
fn run(arguments: &[&str], input: impl AsRef<[u8]>) -> Output {
    run_with([&CONNECTION, arguments].concat().as_slice(), input)
}

fn run_with(arguments: &[&str], input: impl AsRef<[u8]>) -> Output {
    answered(start(arguments), input)
}

fn answered(mut child: Child, input: impl AsRef<[u8]>) -> Output {
    // The program may refuse before it has read everything.
    let _ = child.stdin.take().unwrap().write_all(input.as_ref());
    child.wait_with_output().unwrap()
}

/// The answer in external-UI mode.
fn ask(arguments: &[&str], input: impl AsRef<[u8]>) -> String {
    success(run(&[&["--external-ui-mode"], arguments].concat(), input))
}

/// The names of the groups of an answer, without the one that is always there.
fn groups(answer: &str) -> Vec<&str> {
    let name = |line| str::strip_prefix(line, "[").and_then(|line| line.strip_suffix(']'));
    answer.lines().filter_map(name).filter(|name| *name != "VPN Plugin UI").collect()
}

/// What the program printed, which must have been a success without a word on standard error.
fn success(output: Output) -> String {
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && stderr.is_empty(), "{:?}: {stderr}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// What the program said on standard error, which must have been one line, with status 1 and nothing on standard output.
fn failure(output: Output) -> String {
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    stderr
}
