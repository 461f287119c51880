//! `sstp-bench connect`: how long a connection takes, and what for.

use std::fmt;
use std::sync::OnceLock;

use nm_sstp::session;
use nm_sstp::tunnel::{Attempt, Phase, Tunnel, TunnelState};
use tokio::time::Instant;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::options::Options;
use crate::tunnel;

/// When the traced connection began.
static BEGAN: OnceLock<Instant> = OnceLock::new();

/// Runs the command.
pub fn run(options: &Options) -> Result<(), String> {
    let times: usize = options.get("times")?.unwrap_or(1);
    let trace: Option<f64> = options.get("trace")?;
    if let Some(rtt) = trace {
        trace_to_stdout(rtt);
    }
    tunnel::runtime()?.block_on(async {
        for _ in 0..times {
            let (profile, secrets) = tunnel::profile(options)?;
            let began = *BEGAN.get_or_init(Instant::now);
            let began = if trace.is_some() { began } else { Instant::now() };
            let mut tunnel = Tunnel::spawn(Attempt::new(profile, secrets));
            tunnel::up(&mut tunnel.state, |state| {
                // the session traces what comes after its first request
                if let TunnelState::Starting(phase) = state
                    && *phase <= Phase::Session(session::Phase::Http)
                {
                    tracing::debug!(target: "driver", "{phase:?}");
                }
            })
            .await?;
            println!("{}", began.elapsed().as_micros());
            tunnel::down(&mut tunnel).await?;
        }
        Ok(())
    })
}

/// Milliseconds and round trips since the start.
struct RoundTrips {
    rtt: f64,
}

impl FormatTime for RoundTrips {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let elapsed = BEGAN.get().map_or(0.0, |began| began.elapsed().as_secs_f64() * 1e3);
        write!(writer, "{elapsed:7.1} ms {:6.2} RTT", elapsed / self.rtt)
    }
}

fn trace_to_stdout(rtt: f64) {
    let ours = ["driver", "nm_sstp"].map(|target| (target, LevelFilter::TRACE));
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_level(false).with_timer(RoundTrips { rtt });
    let filter: Targets = ours.into_iter().collect();
    tracing_subscriber::registry().with(lines.with_writer(std::io::stdout).with_filter(filter)).init();
}
