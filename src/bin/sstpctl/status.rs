//! `sstpctl status`: everything that is known of sessions.

use serde::Serialize;

use crate::arguments;
use crate::helper::{Authorization, Helper};
use crate::output::{self, Rows, Style};
use crate::printable;
use crate::problem::Problem;
use crate::session::{self, Session};
use crate::units;
use crate::watch;

/// The form of `--json`.
#[derive(Debug, Serialize)]
pub struct Report {
    /// When it was read, in microseconds since 1970.
    pub time_usec: u64,
    /// Every session that was asked for.
    pub sessions: Vec<Session>,
}

/// Runs the command.
///
/// # Errors
///
/// There is no such session; what the helper says.
pub async fn run(arguments: arguments::Status) -> Result<(), Problem> {
    let authorization = authorization(arguments.session.as_deref());
    let helper = Helper::open(authorization).await?;
    if arguments.watch {
        return watch::run(&helper, arguments.session.as_deref(), arguments.json).await;
    }
    let report = read(&helper, arguments.session.as_deref(), authorization).await?;
    if arguments.json {
        return output::json(&report, true);
    }
    output::print(&text(&report, Style::of_stdout()))
}

/// Who names a session wants to see it: polkit may ask whether it may be seen.
fn authorization(wanted: Option<&str>) -> Authorization {
    if wanted.is_some() { Authorization::Ask } else { Authorization::DoNotAsk }
}

/// Reads the sessions that were asked for.
///
/// # Errors
///
/// As [`run`].
pub async fn read(helper: &Helper, wanted: Option<&str>, authorization: Authorization) -> Result<Report, Problem> {
    let mut sessions = helper.sessions(authorization).await?;
    if let Some(wanted) = wanted {
        sessions = session::select(sessions, wanted)?;
    }
    Ok(Report { time_usec: units::now(), sessions })
}

fn text(report: &Report, style: Style) -> String {
    if report.sessions.is_empty() {
        return "There is no session.\n".to_owned();
    }
    let blocks: Vec<_> = report.sessions.iter().map(|session| block(session, style, |_| {})).collect();
    blocks.join("\n")
}

/// A session for people. `traffic` adds its rows where the traffic stands.
pub fn block(session: &Session, style: Style, traffic: impl FnOnce(&mut Rows)) -> String {
    let mut rows = Rows::new(style);
    let owner = session.owner_name.clone().or(session.owner.map(|uid| format!("user {uid}")));
    let owner = owner.map(|owner| format!(" of {owner}")).unwrap_or_default();
    rows.row("Session", Some(format!("{}{owner}", session.session)));
    let peer = session.peer_address.as_ref().filter(|peer| session.gateway.as_ref() != Some(peer));
    rows.row("Gateway", joined(session.gateway.as_ref(), peer, " at "));
    let mtu = session.mtu.map(|mtu| format!("MTU {mtu}"));
    rows.row("Interface", joined(session.interface.as_ref(), mtu.as_ref(), ", "));
    rows.rows("Addresses", session.addresses.as_deref());
    rows.rows("Routes", routes(session).as_deref());
    rows.rows("DNS", session.dns.as_deref());
    rows.rows("Domains", session.domains.as_deref());
    rows.rows("WINS", session.nbns.as_deref());
    rows.row("Encryption", joined(session.tls_version.as_ref(), session.tls_cipher.as_ref(), ", "));
    rows.row("Certificate", session.certificate_fingerprint.as_ref().map(|print| format!("SHA-256 {print}")));
    rows.row("Authentication", session.authentication.as_ref());
    if session.interface.is_some() {
        rows.row("Received", amount(session.rx_bytes, session.rx_packets));
        rows.row("Sent", amount(session.tx_bytes, session.tx_packets));
        rows.row("Dropped", session.dropped.filter(|dropped| *dropped != 0).map(units::count));
        rows.row("Round trip", session.round_trip_time_usec.map(|time| units::short_time(time.into())));
        traffic(&mut rows);
    }
    if let Some(error) = &session.last_error {
        rows.styled("Last error", style.bad(&printable::line(error)));
    }
    if !session.details {
        rows.styled("Details", style.dim("only for its owner and for administrators"));
    }
    format!("{}\n{}", headline(session, style), rows.finish())
}

fn headline(session: &Session, style: Style) -> String {
    let name = style.bold(&printable::line(&session.name()));
    let state = style.state(&session.state);
    let rest = match (session.state.as_str(), session.duration_seconds, session.since_usec) {
        ("connected", Some(seconds), Some(since)) => {
            format!(" for {}, since {}", units::duration(seconds), units::date(since / 1_000_000))
        }
        ("reconnecting", Some(seconds), _) => format!(" after {}", units::duration(seconds)),
        ("connecting" | "asking" | "disconnecting", _, _) if !session.phase.is_empty() => {
            format!(" ({})", printable::line(&session.phase))
        }
        _ => String::new(),
    };
    format!("{name}: {state}{rest}")
}

fn joined(one: Option<&String>, other: Option<&String>, between: &str) -> Option<String> {
    match (one, other) {
        (Some(one), Some(other)) => Some(format!("{one}{between}{other}")),
        (one, other) => one.or(other).cloned(),
    }
}

fn amount(octets: Option<u64>, packets: Option<u64>) -> Option<String> {
    let packets = packets.map(|packets| match packets {
        1 => "1 datagram".to_owned(),
        _ => format!("{} datagrams", units::count(packets)),
    });
    joined(octets.map(units::octets).as_ref(), packets.as_ref(), ", ")
}

/// The routes of a session; those of everything say so.
pub fn routes(session: &Session) -> Option<Vec<String>> {
    let told = |route: &String| match route.as_str() {
        "0.0.0.0/0" => "0.0.0.0/0 (all of IPv4)".to_owned(),
        "::/0" => "::/0 (all of IPv6)".to_owned(),
        other => other.to_owned(),
    };
    session.routes.as_ref().map(|routes| routes.iter().map(told).collect())
}
