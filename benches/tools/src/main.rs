//! `sstp-bench`: the programs that `benches/run` measures with. Not installed.

mod connect;
mod flow;
mod options;
mod path;
mod report;
mod tunnel;
mod usage;

use std::process::ExitCode;

use options::Options;

const HELP: &str = "\
Usage:
  sstp-bench connect GATEWAY --ca FILE --user NAME:PASSWORD [--times N] [--trace RTT_MS]
      Connects N times, one after the other, and prints each time the microseconds from the start to the end of the
      negotiation; with --trace what happened when, in milliseconds and round trips.
  sstp-bench up GATEWAY --ca FILE --user NAME:PASSWORD [--prefix LENGTH]
      Connects, gives the interface its address, and stays until SIGTERM.
  sstp-bench serve --cert FILE --key FILE --tls ADDR:PORT --tcp ADDR:PORT
      Answers `flow`, inside TLS and without.
  sstp-bench flow tls://HOST:PORT|tcp://HOST:PORT up|down MIB [--ca FILE] [--pid PID]...
      Moves that many MiB; prints their rate in Mbit/s, and the CPU seconds that this process and each PID took for
      each GiB.
  sstp-bench path --rtt MS --left NAME --right NAME [--mbit RATE]
      Two TUN interfaces, with a path between them that takes half of the round trip in each direction, and carries no
      more than RATE Mbit/s in each.
  sstp-bench report < RESULTS
      Makes a table of medians of lines with a name and numbers.
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let result = Options::parse(arguments).and_then(|options| match command.as_str() {
        "connect" => connect::run(&options),
        "up" => tunnel::run(&options),
        "serve" => flow::serve(&options),
        "flow" => flow::run(&options),
        "path" => path::run(&options),
        "report" => report::run(&options),
        _ => Err(HELP.to_owned()),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("sstp-bench: {reason}");
            ExitCode::FAILURE
        }
    }
}
