//! The log: journald, or stderr where there is none.
//!
//! Only this crate's own lines are ever written. The D-Bus library can log whole messages, and a message from
//! NetworkManager holds the user's passwords; so what other crates say is dropped at every level.
//!
//! NetworkManager says by `NM_VPN_LOG_LEVEL` how much it wants to know: a syslog priority, or 0 while its log domain
//! `VPN_PLUGIN` is off, which is the default. That must not leave a user without the reason why a connection failed:
//! errors, warnings and the lines of [`OUTCOME`] are always written. In the journal they have the field
//! `NM_CONNECTION` with the connection's UUID, as NetworkManager's own lines have: the command that nmcli gives as a
//! hint, `journalctl -xe NM_CONNECTION=...`, shows them together. The fields `SSTP_SESSION`, `SSTP_PROFILE` and
//! `SSTP_OWNER` are those of the system service's sessions; `SSTP_PHASE`, `SSTP_PEER` and `SSTP_STATUS` say how far a
//! connection had come, to whom, and which number the server gave as its reason.
//!
//! More is written where the environment has `NM_SSTP_LOG_LEVEL`, a syslog priority that NetworkManager passes on and leaves
//! alone; and of one connection alone where its profile wants it ([`at_least`]).

use std::env;

use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Span, Subscriber, error_span};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::layer::{Context, Filter, Layer as _, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::profile::LogLevel;

/// The target of the few lines that say what became of a connection.
pub const OUTCOME: &str = "nm_sstp::outcome";

/// `SYSLOG_IDENTIFIER` of our lines: `journalctl -t nm-sstp-service`.
pub const IDENTIFIER: &str = "nm-sstp-service";

/// This crate: the library, and the binary of the same name with its suffix.
const OWN_TARGET: &str = "nm_sstp";

/// What NetworkManager and the command line want of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The most detailed level that is written.
    pub level: LevelFilter,
    /// Write to stderr even where there is a journal.
    pub stderr: bool,
}

impl Options {
    /// From `NM_VPN_LOG_LEVEL`, `NM_VPN_LOG_SYSLOG` and `NM_SSTP_LOG_LEVEL`, and whether `--debug` was given.
    pub fn from_environment(debug: bool) -> Self {
        let number = |name| env::var(name).ok().and_then(|value| value.trim().parse().ok());
        let level = number("NM_VPN_LOG_LEVEL").max(number("NM_SSTP_LOG_LEVEL"));
        Self::new(level, number("NM_VPN_LOG_SYSLOG"), debug)
    }

    fn new(level: Option<u32>, syslog: Option<u32>, debug: bool) -> Self {
        let level = match level {
            _ if debug => LevelFilter::TRACE,
            None => LevelFilter::INFO,
            Some(0..=4) => LevelFilter::WARN,
            Some(5) => LevelFilter::INFO,
            Some(6) => LevelFilter::DEBUG,
            Some(_) => LevelFilter::TRACE,
        };
        Self { level, stderr: debug || syslog == Some(0) }
    }
}

/// Writes the log of this process from now on.
pub fn init(options: Options) {
    let registry = tracing_subscriber::registry();
    let journal = if options.stderr { None } else { tracing_journald::layer().ok() };
    // A second call, which nobody makes, would change nothing.
    let done = match journal {
        Some(journal) => {
            let journal = journal.with_syslog_identifier(IDENTIFIER.to_owned()).with_field_prefix(None);
            registry.with(journal.with_filter(filter(options.level))).try_init()
        }
        None => {
            let stderr = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).event_format(Lines);
            registry.with(stderr.with_filter(filter(options.level))).try_init()
        }
    };
    drop(done);
}

/// Targets of the spans within which more is written, whatever the process is told.
mod raised {
    pub(super) const INFO: &str = "nm_sstp::log::info";
    pub(super) const DEBUG: &str = "nm_sstp::log::debug";
    pub(super) const TRACE: &str = "nm_sstp::log::trace";
}

/// A span in this one, in which lines up to this level are written in any case; the same one, where none is wanted.
pub fn at_least(span: &Span, level: Option<LogLevel>) -> Span {
    match level {
        None => span.clone(),
        Some(LogLevel::Info) => error_span!(target: raised::INFO, parent: span, "log"),
        Some(LogLevel::Debug) => error_span!(target: raised::DEBUG, parent: span, "log"),
        Some(LogLevel::Trace) => error_span!(target: raised::TRACE, parent: span, "log"),
    }
}

/// What may be written when the most detailed level is `level`.
pub fn filter(level: LevelFilter) -> Wanted {
    Wanted(Targets::new().with_target(OWN_TARGET, level).with_target(OUTCOME, level.max(LevelFilter::INFO)))
}

/// What may be written: what the process is told, and of a connection what its profile wants.
#[derive(Clone, Debug)]
pub struct Wanted(Targets);

impl Wanted {
    fn always(&self, metadata: &Metadata<'_>) -> bool {
        self.0.would_enable(metadata.target(), metadata.level())
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Filter<S> for Wanted {
    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        self.always(metadata) || is_own(metadata) && Some(*metadata.level()) <= raised_to(context)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.always(metadata) {
            Interest::always()
        } else if is_own(metadata) {
            Interest::sometimes()
        } else {
            Interest::never()
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE)
    }
}

fn is_own(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with(OWN_TARGET)
}

/// The most detailed level that a span around wants.
fn raised_to<S: Subscriber + for<'a> LookupSpan<'a>>(context: &Context<'_, S>) -> Option<Level> {
    let spans = context.lookup_current()?;
    let levels = spans.scope().filter_map(|span| match span.metadata().target() {
        raised::INFO => Some(Level::INFO),
        raised::DEBUG => Some(Level::DEBUG),
        raised::TRACE => Some(Level::TRACE),
        _ => None,
    });
    levels.max()
}

/// One line for each event: program, level, text and fields, then the fields of its spans. Whoever reads stderr adds
/// the time.
struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        write!(writer, "{IDENTIFIER}[{}]: <{}> ", std::process::id(), level_name(event.metadata().level()))?;
        context.format_fields(writer.by_ref(), event)?;
        for span in context.event_scope().into_iter().flatten() {
            match span.extensions().get::<FormattedFields<N>>() {
                Some(fields) if !fields.is_empty() => write!(writer, " {fields}")?,
                _ => {}
            }
        }
        writeln!(writer)
    }
}

fn level_name(level: &Level) -> &'static str {
    match *level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn the_level_is_network_managers() {
        for (level, expected) in [
            (Some(0), LevelFilter::WARN),
            (Some(3), LevelFilter::WARN),
            (Some(4), LevelFilter::WARN),
            (Some(5), LevelFilter::INFO),
            (Some(6), LevelFilter::DEBUG),
            (Some(7), LevelFilter::TRACE),
            (None, LevelFilter::INFO),
        ] {
            assert_eq!(Options::new(level, None, false), Options { level: expected, stderr: false });
            assert_eq!(Options::new(level, Some(0), false), Options { level: expected, stderr: true });
            assert_eq!(Options::new(level, Some(1), true), Options { level: LevelFilter::TRACE, stderr: true });
        }
    }

    #[test]
    fn errors_and_outcomes_are_always_written() {
        let quiet = filter(Options::new(Some(0), None, false).level);
        assert!(quiet.0.would_enable("nm_sstp::dbus::nm", &Level::ERROR));
        assert!(!quiet.0.would_enable("nm_sstp::dbus::nm", &Level::INFO));
        assert!(quiet.0.would_enable(OUTCOME, &Level::INFO));
        assert!(!quiet.0.would_enable(OUTCOME, &Level::DEBUG));
    }

    /// Writes to memory.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(octets)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn one_connection_is_told_more_of_than_another() {
        let written = Written::default();
        let writer = written.clone();
        let lines = tracing_subscriber::fmt::layer().with_writer(move || writer.clone()).event_format(Lines);
        let subscriber = tracing_subscriber::registry().with(lines.with_filter(filter(LevelFilter::WARN)));
        tracing::subscriber::with_default(subscriber, || {
            let all = |who: &str| {
                tracing::trace!("{who} trace");
                tracing::debug!("{who} debug");
                tracing::info!("{who} info");
                tracing::warn!("{who} warn");
                tracing::error!(target: "zbus", "{who} zbus");
            };
            let span = error_span!("connection", nm_connection = "u-u-i-d");
            let within = |level| at_least(&span, level);
            within(None).in_scope(|| all("none"));
            within(Some(LogLevel::Debug)).in_scope(|| error_span!("call").in_scope(|| all("debug")));
            within(Some(LogLevel::Trace)).in_scope(|| all("trace"));
            all("outside");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> = text.lines().map(|line| line.split_once("> ").unwrap().1).collect();
        let expected = [
            "none warn nm_connection=\"u-u-i-d\"",
            "debug debug nm_connection=\"u-u-i-d\"",
            "debug info nm_connection=\"u-u-i-d\"",
            "debug warn nm_connection=\"u-u-i-d\"",
            "trace trace nm_connection=\"u-u-i-d\"",
            "trace debug nm_connection=\"u-u-i-d\"",
            "trace info nm_connection=\"u-u-i-d\"",
            "trace warn nm_connection=\"u-u-i-d\"",
            "outside warn",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn other_crates_are_never_written() {
        let loud = filter(LevelFilter::TRACE);
        assert!(loud.0.would_enable("nm_sstp::session", &Level::TRACE));
        assert!(loud.0.would_enable("nm_sstp_service", &Level::TRACE));
        for target in ["zbus::connection", "zbus", "tokio", "rtnetlink", "native_tls", "openssl", "tun"] {
            assert!(!loud.0.would_enable(target, &Level::ERROR), "{target}");
        }
    }
}
