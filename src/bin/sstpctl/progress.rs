//! A line for each phase of a connection, with the time that it took. A terminal shows the line when the phase begins;
//! what is written is the same in a pipe.

use nm_sstp::profile::Gateway;
use nm_sstp::tr;
use tokio::time::Instant;

use crate::output;
use crate::printable;
use crate::problem::Problem;
use crate::units;

/// Column of the times.
const TIMES_AT: usize = 34;

/// The lines of one attempt.
#[derive(Debug)]
pub struct Progress {
    current: Option<(String, Instant)>,
    /// The phase that was interrupted by something else.
    paused: Option<String>,
    begun: Instant,
}

impl Progress {
    /// The attempt begins now; its first phase is shown by [`Self::resume`].
    pub fn new() -> Self {
        Self { current: None, paused: Some("resolve".to_owned()), begun: Instant::now() }
    }

    /// This phase begins, and the one before it was done.
    ///
    /// # Errors
    ///
    /// As [`output::print`].
    pub fn phase(&mut self, phase: &str) -> Result<(), Problem> {
        // How the phase came out that was the last is said when the reason is known.
        if phase == "terminating" || self.current.as_ref().is_some_and(|(current, _)| current == phase) {
            return Ok(());
        }
        self.done()?;
        if let Some(label) = label(phase) {
            output::print(&output::padded(&format!("  {label}"), TIMES_AT))?;
            self.current = Some((phase.to_owned(), Instant::now()));
        }
        Ok(())
    }

    /// The phase was done.
    ///
    /// # Errors
    ///
    /// As [`output::print`].
    pub fn done(&mut self) -> Result<(), Problem> {
        match self.current.take() {
            Some((_, since)) => output::print(&format!("{}\n", units::short_time(microseconds(since)))),
            None => Ok(()),
        }
    }

    /// Something else is to be shown, which is named at the end of the line.
    ///
    /// # Errors
    ///
    /// As [`output::print`].
    pub fn pause(&mut self, why: &str) -> Result<(), Problem> {
        match self.current.take() {
            Some((phase, _)) => {
                self.paused = Some(phase);
                output::print(&format!("{why}\n"))
            }
            None => Ok(()),
        }
    }

    /// The phase that was paused goes on, on a line of its own.
    ///
    /// # Errors
    ///
    /// As [`output::print`].
    pub fn resume(&mut self) -> Result<(), Problem> {
        match self.paused.take() {
            Some(phase) => self.phase(&phase),
            None => Ok(()),
        }
    }

    /// How long the attempt has taken until now, as text.
    pub fn total(&self) -> String {
        units::short_time(microseconds(self.begun))
    }
}

fn microseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// The line of a phase; `None`: it has none.
fn label(phase: &str) -> Option<String> {
    if matches!(phase, "connected" | "") { None } else { Some(format!("{} ...", name(phase))) }
}

/// What a phase is called.
pub fn name(phase: &str) -> String {
    match phase {
        "resolve" => tr!("Looking up the server"),
        "connect" => tr!("TCP connection"),
        "proxy" => tr!("Proxy"),
        "tls" => "TLS".to_owned(),
        "http" => "HTTP".to_owned(),
        "call-connect" => tr!("SSTP call"),
        "link-establishment" => tr!("PPP link"),
        "authentication" => tr!("Authentication"),
        "network-layer-protocol" => tr!("Addresses"),
        other => printable::line(other),
    }
}

/// The first line: where to.
pub fn heading(profile: Option<&str>, gateway: Option<&str>) -> String {
    let gateway = gateway.and_then(|gateway| Gateway::parse(gateway).ok()).map(|gateway| gateway.to_string());
    let name = profile.map(str::to_owned).or(gateway).unwrap_or_default();
    tr!("Connecting to {name}", name = printable::line(&name)) + "\n"
}
