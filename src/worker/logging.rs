//! The log of a worker, which has no journal: its lines go to the face's process, which knows what connection they are of.

use std::fmt::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level as TracingLevel, Subscriber, debug, enabled, error, info, trace, warn};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use super::message::{FromWorker, Level, Line};
use crate::log::{self, OUTCOME};

/// Lines that may wait; more are dropped.
const MAX_LINES: usize = 1024;

/// Most characters of a line; what is longer is cut.
const MAX_CHARACTERS: usize = 4096;

/// The most detailed level that is written where this is called.
pub(super) fn wanted() -> LevelFilter {
    if enabled!(TracingLevel::TRACE) {
        LevelFilter::TRACE
    } else if enabled!(TracingLevel::DEBUG) {
        LevelFilter::DEBUG
    } else {
        LevelFilter::INFO
    }
}

/// How many lines wait to be sent.
pub(super) type Backlog = Arc<AtomicUsize>;

/// Sends the log of this process from now on.
pub(super) fn init(level: &str, queue: mpsc::UnboundedSender<FromWorker>) -> Backlog {
    let backlog = Backlog::default();
    let layer = Sender { queue, backlog: backlog.clone() };
    let level = level.parse().unwrap_or(LevelFilter::INFO);
    // A second call, which nobody makes, would change nothing.
    drop(tracing_subscriber::registry().with(layer.with_filter(log::filter(level))).try_init());
    backlog
}

struct Sender {
    queue: mpsc::UnboundedSender<FromWorker>,
    backlog: Backlog,
}

impl<S: Subscriber> Layer<S> for Sender {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        if self.backlog.load(Ordering::Relaxed) >= MAX_LINES {
            return;
        }
        self.backlog.fetch_add(1, Ordering::Relaxed);
        let mut text = Text::default();
        event.record(&mut text);
        let level = match *event.metadata().level() {
            TracingLevel::ERROR => Level::Error,
            TracingLevel::WARN => Level::Warn,
            TracingLevel::INFO => Level::Info,
            TracingLevel::DEBUG => Level::Debug,
            TracingLevel::TRACE => Level::Trace,
        };
        let outcome = event.metadata().target() == OUTCOME;
        let _ = self.queue.send(FromWorker::Log(Line { level, outcome, text: text.message + &text.fields }));
    }
}

/// The message, and the fields behind it.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

/// Writes a line of a worker into the log of this process.
pub(super) fn relay(line: Line) {
    let Line { level, outcome, text } = line;
    let text = printable(&text);
    match (level, outcome) {
        (Level::Error, true) => error!(target: OUTCOME, "{text}"),
        (Level::Warn, true) => warn!(target: OUTCOME, "{text}"),
        (_, true) => info!(target: OUTCOME, "{text}"),
        (Level::Error, false) => error!("{text}"),
        (Level::Warn, false) => warn!("{text}"),
        (Level::Info, false) => info!("{text}"),
        (Level::Debug, false) => debug!("{text}"),
        (Level::Trace, false) => trace!("{text}"),
    }
}

/// What a worker says, as one line: it may have been taken over.
pub(super) fn printable(text: &str) -> String {
    let mut text: String = text.chars().take(MAX_CHARACTERS).collect();
    if text.contains(char::is_control) {
        text = text.replace(char::is_control, " ");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(printable("as it\nis\u{1b}[1m"), "as it is [1m");
        assert_eq!(printable(&"x".repeat(10_000)).len(), MAX_CHARACTERS);
    }

    #[test]
    fn message_and_fields_come_as_text_and_no_more_than_can_wait() {
        let (queue, mut lines) = mpsc::unbounded_channel();
        let backlog = Backlog::default();
        let layer = Sender { queue, backlog: backlog.clone() };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::info!(target: OUTCOME, code = 7, "it is {}", "so");
            for _ in 0..2 * MAX_LINES {
                debug!("again");
            }
        });
        let Some(FromWorker::Log(line)) = lines.try_recv().ok() else { panic!("no line") };
        assert_eq!((line.level, line.outcome, line.text.as_str()), (Level::Info, true, "it is so code=7"));
        assert_eq!((lines.len(), backlog.load(Ordering::Relaxed)), (MAX_LINES - 1, MAX_LINES));
    }
}
