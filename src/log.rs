//! The log: journald, or stderr where there is none.
//!
//! Only this crate's own lines are ever written. The D-Bus library can log whole messages, and a message from
//! NetworkManager holds the user's passwords; so what other crates say is dropped at every level.
//!
//! NetworkManager says by `NM_VPN_LOG_LEVEL` how much it wants to know: a syslog priority, or 0 while its log domain
//! `VPN_PLUGIN` is off, which is the default. That must not leave a user without the reason why a connection failed:
//! errors, warnings and the lines of [`OUTCOME`] are always written. In the journal they have the field
//! `NM_CONNECTION` with the connection's UUID, as NetworkManager's own lines have: the command that nmcli gives as a
//! hint, `journalctl -xe NM_CONNECTION=...`, shows them together.

use std::env;

use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

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
    /// From `NM_VPN_LOG_LEVEL` and `NM_VPN_LOG_SYSLOG`, and whether `--debug` was given.
    pub fn from_environment(debug: bool) -> Self {
        let number = |name| env::var(name).ok().and_then(|value| value.trim().parse().ok());
        Self::new(number("NM_VPN_LOG_LEVEL"), number("NM_VPN_LOG_SYSLOG"), debug)
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

/// What may be written when the most detailed level is `level`.
pub fn filter(level: LevelFilter) -> Targets {
    Targets::new().with_target(OWN_TARGET, level).with_target(OUTCOME, level.max(LevelFilter::INFO))
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

fn level_name(level: &tracing::Level) -> &'static str {
    match *level {
        tracing::Level::ERROR => "error",
        tracing::Level::WARN => "warn",
        tracing::Level::INFO => "info",
        tracing::Level::DEBUG => "debug",
        tracing::Level::TRACE => "trace",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

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
        assert!(quiet.would_enable("nm_sstp::dbus::nm", &Level::ERROR));
        assert!(!quiet.would_enable("nm_sstp::dbus::nm", &Level::INFO));
        assert!(quiet.would_enable(OUTCOME, &Level::INFO));
        assert!(!quiet.would_enable(OUTCOME, &Level::DEBUG));
    }

    #[test]
    fn other_crates_are_never_written() {
        let loud = filter(LevelFilter::TRACE);
        assert!(loud.would_enable("nm_sstp::session", &Level::TRACE));
        assert!(loud.would_enable("nm_sstp_service", &Level::TRACE));
        for target in ["zbus::connection", "zbus", "tokio", "rtnetlink", "native_tls", "openssl", "tun"] {
            assert!(!loud.would_enable(target, &Level::ERROR), "{target}");
        }
    }
}
