//! `sstp-test-server`: the server of this package with sockets, TLS and a TUN device around it.

mod daemon;

use std::process::ExitCode;

use daemon::args::Command;

fn main() -> ExitCode {
    let args = match Command::parse(std::env::args().skip(1)) {
        Ok(Command::Run(args)) => *args,
        Ok(Command::Print(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(reason) => {
            eprintln!("sstp-test-server: {reason}");
            return ExitCode::from(2);
        }
    };
    match daemon::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("sstp-test-server: {reason}");
            ExitCode::FAILURE
        }
    }
}
