//! `sstpctl`: the command line of the helper's own interface. It is a client of `org.sstpd` on the system bus and needs no
//! privilege: the helper asks polkit what its caller may do.

mod agent;
mod arguments;
mod completions;
mod connect;
mod disconnect;
mod edit;
mod events;
mod files;
mod graph;
mod helper;
mod import;
mod list;
mod logs;
mod output;
mod printable;
mod probe;
mod problem;
mod profile;
mod progress;
mod prompt;
mod secrets;
mod session;
mod settings;
mod settings_file;
mod signals;
mod status;
mod units;
mod usage;
mod watch;

use std::process::ExitCode;

use clap::Parser;
use nix::sys::resource::{Resource, setrlimit};

use arguments::{Arguments, Command};
use helper::Helper;
use nm_sstp::{tr, words};
use problem::Problem;

fn main() -> ExitCode {
    // SAFETY: no other thread runs yet
    unsafe { words::program_starts() };
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return ExitCode::from(usage::tell(&error)),
    };
    // Passwords pass through this process: they must not be in the remains of a crash.
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return exit(Err(Problem::other(tr!(
                "The process could not set up its event loop: {error}.",
                error = error
            ))));
        }
    };
    let result = runtime.block_on(run(arguments.command));
    runtime.shutdown_background();
    exit(result)
}

async fn run(command: Command) -> Result<(), Problem> {
    match command {
        Command::Connect(arguments) => connect::run(arguments).await,
        Command::Disconnect(arguments) => disconnect::run(arguments).await,
        Command::Status(arguments) => status::run(arguments).await,
        Command::List(arguments) => list::run(arguments).await,
        Command::Probe(arguments) => probe::run(arguments).await,
        Command::Profile(arguments) => profile::run(arguments).await,
        Command::Logs(arguments) => logs::run(arguments).await,
        Command::Completions { shell } => output::print(&completions::script(shell)),
        Command::Version => version().await,
    }
}

async fn version() -> Result<(), Problem> {
    let helper = match Helper::version().await {
        Some(version) => format!("nm-sstp-service {}", printable::line(&version)),
        None => tr!("nm-sstp-service does not run"),
    };
    output::print(&format!("sstpctl {}\n{helper}\n", env!("CARGO_PKG_VERSION")))
}

fn exit(result: Result<(), Problem>) -> ExitCode {
    let Err(problem) = result else { return ExitCode::SUCCESS };
    if let Some(sentence) = &problem.sentence {
        output::complain(sentence);
    }
    ExitCode::from(problem.exit as u8)
}
