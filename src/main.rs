//! `nm-sstp-service`: the helper that NetworkManager starts, one process for each connection; or, as a system service,
//! the one process that owns `org.sstpd`.

#[path = "main/connection.rs"]
mod connection;
#[path = "main/system.rs"]
mod system;

use std::env;
use std::future::Future;
use std::process::ExitCode;

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::stat::{Mode, umask};
use nm_sstp::captures;
use nm_sstp::confine::{self, Programs};
use nm_sstp::dbus::nm;
use nm_sstp::log;
use nm_sstp::netconf;
use nm_sstp::private_file;
use nm_sstp::worker;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, warn};

const HELP: &str = "\
Usage: nm-sstp-service [OPTION]...

The SSTP plugin of NetworkManager, which starts it. It waits on the system bus for a connection.
With --system it is the service org.sstpd, for machines without NetworkManager: sstpctl talks to it.

  --system         be the service org.sstpd
  --bus-name NAME  own this bus name (default: org.freedesktop.NetworkManager.sstp); not with --system
  --persist        stay when the tunnel is down; with --system, when there is no session for a minute
  --debug          log everything (but secrets) to stderr
  --version        print the version and exit
  --help           print this help and exit

Environment: NM_VPN_LOG_LEVEL (a syslog priority; 0: errors, warnings and outcomes only),
NM_VPN_LOG_SYSLOG (0: log to stderr instead of the journal). With --system also CREDENTIALS_DIRECTORY (systemd's
credentials: NAME.password is the password of the stored profile NAME) and RUNTIME_DIRECTORY (where it is written down
what has been changed on this machine; default: /run/nm-sstp).
";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Request {
    Serve(Arguments),
    Help,
    Version,
}

#[derive(Debug, PartialEq, Eq)]
struct Arguments {
    role: Role,
    persist: bool,
    debug: bool,
}

/// What the process is.
#[derive(Debug, PartialEq, Eq)]
enum Role {
    /// One connection of NetworkManager's, on a bus name of its own.
    Connection { bus_name: String },
    /// The system service.
    System,
}

fn main() -> ExitCode {
    if let Some(user) = private_file::requested(env::args_os()) {
        harden();
        return private_file::serve(&user);
    }
    if worker::requested(env::args_os()) {
        harden();
        return worker::serve();
    }
    let arguments = match parse(env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned())) {
        Ok(Request::Serve(arguments)) => arguments,
        Ok(Request::Help) => return print(HELP),
        Ok(Request::Version) => return print(concat!("nm-sstp-service ", env!("CARGO_PKG_VERSION"), "\n")),
        Err(message) => {
            eprintln!("nm-sstp-service: {message}\nTry \"nm-sstp-service --help\".");
            return ExitCode::from(2);
        }
    };
    log::init(log::Options::from_environment(arguments.debug));
    harden();
    if matches!(arguments.role, Role::System) {
        system::make_state_directory();
        captures::make_directory();
        confine::at_start(if netconf::needs_programs() { Programs::Resolvconf } else { Programs::No });
    }
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = match runtime.enable_all().thread_keep_alive(confine::IDLE_THREAD).build() {
        Ok(runtime) => runtime,
        Err(error) => {
            error!("The process could not set up its event loop: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(async {
        let Some(stop) = told_to_stop() else { return ExitCode::FAILURE };
        match arguments.role {
            Role::Connection { bus_name } => connection::serve(&bus_name, arguments.persist, stop).await,
            Role::System => system::serve(arguments.persist, stop).await,
        }
    });
    // A name look-up that nobody waits for any more must not keep the process.
    runtime.shutdown_background();
    code
}

/// Reads the command line; the error is a sentence.
fn parse(arguments: impl Iterator<Item = String>) -> Result<Request, String> {
    let (mut bus_name, mut system, mut persist, mut debug) = (None, false, false, false);
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--system" => system = true,
            "--persist" => persist = true,
            "--debug" => debug = true,
            "--help" | "-h" => return Ok(Request::Help),
            "--version" | "-V" => return Ok(Request::Version),
            "--bus-name" => bus_name = Some(arguments.next().ok_or("--bus-name needs a name.")?),
            other => match other.strip_prefix("--bus-name=") {
                Some(name) => bus_name = Some(name.to_owned()),
                None => return Err(format!("There is no option \"{other}\".")),
            },
        }
    }
    let role = match (system, bus_name) {
        (true, None) => Role::System,
        (true, Some(_)) => return Err("The system service has a bus name of its own: leave out --bus-name.".to_owned()),
        (false, bus_name) => Role::Connection { bus_name: bus_name.unwrap_or_else(|| nm::BUS_NAME.to_owned()) },
    };
    if let Role::Connection { bus_name } = &role
        && zbus::names::WellKnownName::try_from(bus_name.as_str()).is_err()
    {
        return Err(format!("\"{bus_name}\" is not a bus name."));
    }
    Ok(Request::Serve(Arguments { role, persist, debug }))
}

fn print(text: &str) -> ExitCode {
    use std::io::Write;
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Keeps the passwords in memory away from core dumps and debuggers, and the files that we write from others.
fn harden() {
    umask(Mode::S_IRWXG | Mode::S_IRWXO);
    let no_core = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let not_dumpable = nix::sys::prctl::set_dumpable(false);
    if let Err(error) = no_core.and(not_dumpable) {
        warn!("Core dumps of this process could not be turned off: {error}");
    }
}

/// Waits for SIGTERM or SIGINT; `None` where they cannot be listened to.
fn told_to_stop() -> Option<impl Future<Output = ()>> {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        error!("The process could not listen to signals.");
        return None;
    };
    Some(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    })
}

/// Says what to do about a bus that does not want us; `policy` is the file that lets us own the name.
fn no_bus(error: &zbus::Error, bus_name: &str, policy: &str) -> String {
    match error {
        zbus::Error::NameTaken => format!("Another process owns the bus name {bus_name}: end it first."),
        zbus::Error::FDO(denied) if matches!(**denied, zbus::fdo::Error::AccessDenied(_)) => format!(
            "The system bus does not let this user own the name {bus_name}: run as root, and install {policy} in the \
             bus's system.d directory."
        ),
        other => format!("The system bus cannot be used: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Request, String> {
        parse(arguments.iter().map(|argument| (*argument).to_owned()))
    }

    #[test]
    fn takes_what_network_manager_gives() {
        let name = "org.freedesktop.NetworkManager.sstp.Connection_17";
        let serve = |persist, debug| {
            Request::Serve(Arguments { role: Role::Connection { bus_name: name.to_owned() }, persist, debug })
        };
        let expected = serve(false, false);
        assert_eq!(parsed(&["--bus-name", name]), Ok(expected));
        let expected = serve(true, true);
        assert_eq!(parsed(&["--persist", &format!("--bus-name={name}"), "--debug"]), Ok(expected));
    }

    #[test]
    fn has_a_name_without_arguments() {
        let role = Role::Connection { bus_name: nm::BUS_NAME.to_owned() };
        assert_eq!(parsed(&[]), Ok(Request::Serve(Arguments { role, persist: false, debug: false })));
    }

    #[test]
    fn is_the_system_service_where_told() {
        let expected = |persist| Request::Serve(Arguments { role: Role::System, persist, debug: false });
        assert_eq!(parsed(&["--system"]), Ok(expected(false)));
        assert_eq!(parsed(&["--persist", "--system"]), Ok(expected(true)));
        assert!(parsed(&["--system", "--bus-name", "org.example.Name"]).is_err());
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for arguments in [&["--bus-name"][..], &["--bus-name", ":1.2"], &["--bus-name="], &["--pesrist"], &["x"]] {
            assert!(parsed(arguments).is_err(), "{arguments:?}");
        }
        assert_eq!(parsed(&["--help"]), Ok(Request::Help));
        assert_eq!(parsed(&["--version", "--nonsense"]), Ok(Request::Version));
    }
}
