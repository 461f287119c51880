//! `nm-sstp-service`: the helper that NetworkManager starts, one process for each connection.

use std::env;
use std::process::ExitCode;

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::stat::{Mode, umask};
use nm_sstp::confine;
use nm_sstp::dbus::nm;
use nm_sstp::log;
use nm_sstp::private_file;
use nm_sstp::tunnel::{Attempt, Tunnel, TunnelState};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{Instrument, debug, error, warn};

const HELP: &str = "\
Usage: nm-sstp-service [OPTION]...

The SSTP plugin of NetworkManager, which starts it. It waits on the system bus for a connection.

  --bus-name NAME  own this bus name (default: org.freedesktop.NetworkManager.sstp)
  --persist        stay when the tunnel is down
  --debug          log everything (but secrets) to stderr
  --version        print the version and exit
  --help           print this help and exit

Environment: NM_VPN_LOG_LEVEL (a syslog priority; 0: errors, warnings and outcomes only),
NM_VPN_LOG_SYSLOG (0: log to stderr instead of the journal).
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
    bus_name: String,
    persist: bool,
    debug: bool,
}

fn main() -> ExitCode {
    if let Some(user) = private_file::requested(env::args_os()) {
        harden();
        return private_file::serve(&user);
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
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = match runtime.enable_all().thread_keep_alive(confine::IDLE_THREAD).build() {
        Ok(runtime) => runtime,
        Err(error) => {
            error!("The process could not set up its event loop: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(serve(arguments));
    // A name look-up that nobody waits for any more must not keep the process.
    runtime.shutdown_background();
    code
}

/// Reads the command line; the error is a sentence.
fn parse(arguments: impl Iterator<Item = String>) -> Result<Request, String> {
    let mut parsed = Arguments { bus_name: nm::BUS_NAME.to_owned(), persist: false, debug: false };
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--persist" => parsed.persist = true,
            "--debug" => parsed.debug = true,
            "--help" | "-h" => return Ok(Request::Help),
            "--version" | "-V" => return Ok(Request::Version),
            "--bus-name" => parsed.bus_name = arguments.next().ok_or("--bus-name needs a name.")?,
            other => match other.strip_prefix("--bus-name=") {
                Some(name) => parsed.bus_name = name.to_owned(),
                None => return Err(format!("There is no option \"{other}\".")),
            },
        }
    }
    if zbus::names::WellKnownName::try_from(parsed.bus_name.as_str()).is_err() {
        return Err(format!("\"{}\" is not a bus name.", parsed.bus_name));
    }
    Ok(Request::Serve(parsed))
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

async fn serve(arguments: Arguments) -> ExitCode {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        error!("The process could not listen to signals.");
        return ExitCode::FAILURE;
    };
    let options = nm::Options { persist: arguments.persist, ..nm::Options::default() };
    // Another tunnel of the same process would need again what is given up.
    let dial = if arguments.persist { Tunnel::spawn } else { the_only_one };
    let (plugin, service) = nm::Service::new(Box::new(dial), options);
    let bus = zbus::connection::Builder::system()
        .serve_at(nm::PATH, plugin)
        .name(arguments.bus_name.as_str())
        .allow_name_replacements(false)
        .replace_existing_names(false);
    let connection = match bus.build().await {
        Ok(connection) => connection,
        Err(error) => {
            error!("{}", no_bus(&error, &arguments.bus_name));
            return ExitCode::FAILURE;
        }
    };
    debug!(bus_name = arguments.bus_name, version = env!("CARGO_PKG_VERSION"), "ready");
    let stop = async {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    };
    match service.run(&connection, stop).await {
        Ok(nm::Departure::Stuck) => ExitCode::FAILURE,
        Ok(departure) => {
            debug!(?departure, "leaving");
            ExitCode::SUCCESS
        }
        Err(error) => {
            error!("The process lost its object on the bus: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Starts a tunnel that is the last one of this process when it comes up.
fn the_only_one(attempt: Attempt) -> Tunnel {
    let tunnel = Tunnel::spawn(attempt);
    let mut state = tunnel.state.clone();
    let confined = async move {
        if state.wait_for(|state| matches!(state, TunnelState::Up(_))).await.is_ok() {
            confine::tunnel_is_up().await;
        }
    };
    tokio::spawn(confined.in_current_span());
    tunnel
}

/// Says what to do about a bus that does not want us.
fn no_bus(error: &zbus::Error, bus_name: &str) -> String {
    match error {
        zbus::Error::NameTaken => {
            format!("Another process owns the bus name {bus_name}: end it, or give another by --bus-name.")
        }
        zbus::Error::FDO(denied) if matches!(**denied, zbus::fdo::Error::AccessDenied(_)) => format!(
            "The system bus does not let this user own the name {bus_name}: run as root, and install \
             nm-sstp-service.conf in the bus's system.d directory."
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
        let expected = Request::Serve(Arguments { bus_name: name.to_owned(), persist: false, debug: false });
        assert_eq!(parsed(&["--bus-name", name]), Ok(expected));
        let expected = Request::Serve(Arguments { bus_name: name.to_owned(), persist: true, debug: true });
        assert_eq!(parsed(&["--persist", &format!("--bus-name={name}"), "--debug"]), Ok(expected));
    }

    #[test]
    fn has_a_name_without_arguments() {
        let expected = Arguments { bus_name: nm::BUS_NAME.to_owned(), persist: false, debug: false };
        assert_eq!(parsed(&[]), Ok(Request::Serve(expected)));
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
