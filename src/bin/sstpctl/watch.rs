//! `sstpctl status --watch`: the status every second, with rates and a graph. A terminal is redrawn in place on its second
//! screen and left as it was; elsewhere the blocks follow each other, or with `--json` an object on each line.

use std::collections::HashMap;
use std::time::Duration;

use nix::sys::signal::{Signal, raise};
use nm_sstp::tr;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::graph;
use crate::helper::{Authorization, Helper};
use crate::output::{self, Rows, Style};
use crate::problem::{Exit, Problem};
use crate::session::Session;
use crate::signals::Signals;
use crate::status::{self, Report};
use crate::units;

/// Time between two readings.
const PERIOD: Duration = Duration::from_secs(1);
/// How many rates of a session are kept: more than a terminal is wide.
const KEPT: usize = 500;
/// Room for a rate in front of its graph.
const RATE_WIDTH: usize = 14;

/// Shows the sessions until a signal comes, or until the one that was named is gone.
///
/// # Errors
///
/// There is no such session at the beginning; what the helper says.
pub async fn run(helper: &Helper, wanted: Option<&str>, json: bool) -> Result<(), Problem> {
    let mut signals = Signals::take()?;
    let mut suspend = signal(SignalKind::from_raw(Signal::SIGTSTP as i32))
        .map_err(|error| Problem::other(tr!("This process could not listen to signals: {error}.", error = error)))?;
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut traffic = Traffic::default();
    let mut screen = if !json && output::is_terminal() { Some(Screen::enter()?) } else { None };
    let mut last = String::new();
    let mut first = true;
    let result = loop {
        tokio::select! {
            biased;
            _ = signals.next() => break Ok(()),
            _ = suspend.recv() => {
                let on_screen = screen.take().is_some();
                let _ = raise(Signal::SIGSTOP);
                screen = if on_screen { Some(Screen::enter()?) } else { None };
                continue;
            }
            _ = ticks.tick() => {}
        }
        let authorization = if first && wanted.is_some() { Authorization::Ask } else { Authorization::DoNotAsk };
        let reading = status::read(helper, wanted, authorization);
        let report = match signals.unless_stopped(reading).await {
            Ok(report) => report,
            Err(Problem { exit: Exit::NotFound, .. }) if !first => break Ok(()),
            Err(Problem { exit: Exit::Interrupted, .. }) => break Ok(()),
            Err(problem) => break Err(problem),
        };
        first = false;
        traffic.add(&report);
        let shown = match &screen {
            _ if json => output::json(&report, false),
            Some(screen) => {
                last = frame(&report, &traffic, Style::of_stdout(), width());
                screen.draw(&last)
            }
            None => output::print(&(frame(&report, &traffic, Style::of_stdout(), width()) + "\n")),
        };
        if let Err(problem) = shown {
            break Err(problem);
        }
    };
    if screen.take().is_some() {
        // What was seen last stays to be read.
        output::print(&last)?;
    }
    result
}

fn frame(report: &Report, traffic: &Traffic, style: Style, width: usize) -> String {
    if report.sessions.is_empty() {
        return tr!("There is no session.") + "\n";
    }
    let blocks: Vec<_> = report
        .sessions
        .iter()
        .map(|session| status::block(session, style, |rows| traffic.rows(session, rows, style, width)))
        .collect();
    blocks.join("\n")
}

/// Columns of the terminal, or what is usual.
fn width() -> usize {
    terminal_size::terminal_size().map_or(80, |(width, _)| width.0.into())
}

/// What went through each session, second by second.
#[derive(Debug, Default)]
struct Traffic(HashMap<String, History>);

#[derive(Debug)]
struct History {
    at: Instant,
    rx: Counter,
    tx: Counter,
}

#[derive(Debug, Default)]
struct Counter {
    total: u64,
    rates: Vec<u64>,
}

impl Counter {
    fn add(&mut self, total: u64, elapsed: Duration) {
        // A counter that begins anew was one of another tunnel.
        let octets = if total >= self.total { total - self.total } else { total };
        self.total = total;
        if self.rates.len() == KEPT {
            self.rates.remove(0);
        }
        self.rates.push((octets as f64 / elapsed.as_secs_f64().max(0.001)) as u64);
    }
}

impl Traffic {
    fn add(&mut self, report: &Report) {
        let now = Instant::now();
        self.0.retain(|path, _| report.sessions.iter().any(|session| session.path == *path));
        for session in &report.sessions {
            let (Some(rx), Some(tx)) = (session.rx_bytes, session.tx_bytes) else { continue };
            match self.0.get_mut(&session.path) {
                Some(history) => {
                    let elapsed = now - history.at;
                    history.at = now;
                    history.rx.add(rx, elapsed);
                    history.tx.add(tx, elapsed);
                }
                None => {
                    let counter = |total| Counter { total, rates: Vec::new() };
                    self.0.insert(session.path.clone(), History { at: now, rx: counter(rx), tx: counter(tx) });
                }
            }
        }
    }

    /// Both directions to the same scale.
    fn rows(&self, session: &Session, rows: &mut Rows, style: Style, width: usize) {
        let Some(history) = self.0.get(&session.path) else { return };
        let directions = [(tr!("Receiving"), &history.rx), (tr!("Sending"), &history.tx)];
        let labels = directions.iter().map(|(label, _)| output::width(label));
        let values_at = rows.values_at(labels.max().unwrap_or_default());
        let room = width.saturating_sub(values_at + RATE_WIDTH + 1).clamp(1, KEPT);
        let recent = |rates: &[u64]| rates[rates.len().saturating_sub(room)..].iter().copied().max().unwrap_or(0);
        let most = recent(&history.rx.rates).max(recent(&history.tx.rates));
        let unicode = graph::unicode_is_wanted();
        for (label, counter) in directions {
            let rate = units::octets(counter.rates.last().copied().unwrap_or(0)) + "/s";
            let graph = graph::line(&counter.rates, most, room, unicode);
            rows.styled(&label, format!("{rate:<RATE_WIDTH$}{}", style.good(&graph)));
        }
    }
}

/// The terminal's second screen, without a cursor; the first comes back when this is dropped.
#[derive(Debug)]
struct Screen;

impl Screen {
    fn enter() -> Result<Self, Problem> {
        output::print("\x1b[?1049h\x1b[?25l")?;
        Ok(Self)
    }

    /// Draws over what was drawn before; what does not fit is left out.
    fn draw(&self, text: &str) -> Result<(), Problem> {
        let rows = terminal_size::terminal_size().map_or(24, |(_, height)| usize::from(height.0));
        let lines: Vec<_> = text.lines().take(rows.max(1)).collect();
        // No line is wrapped meanwhile: each takes one row.
        output::print(&format!("\x1b[?7l\x1b[H{}\x1b[K\x1b[J\x1b[?7h", lines.join("\x1b[K\n")))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = output::print("\x1b[?25h\x1b[?1049l");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_differences() {
        let mut counter = Counter { total: 1000, rates: Vec::new() };
        for (total, seconds) in [(3000, 1), (3000, 1), (7000, 2), (500, 1)] {
            counter.add(total, Duration::from_secs(seconds));
        }
        assert_eq!(counter.rates, [2000, 0, 2000, 500]);
    }

    #[test]
    fn no_more_rates_are_kept_than_can_be_shown() {
        let mut counter = Counter::default();
        (0..2 * KEPT as u64).for_each(|total| counter.add(total, PERIOD));
        assert_eq!(counter.rates.len(), KEPT);
    }
}
