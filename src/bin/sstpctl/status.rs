//! `sstpctl status`: everything that is known of sessions.

use nm_sstp::tr;
use nm_sstp::words::of_service;
use serde::Serialize;

use crate::arguments;
use crate::helper::{Authorization, Helper};
use crate::output::{self, Rows, Style};
use crate::printable;
use crate::problem::Problem;
use crate::progress;
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
        return tr!("There is no session.") + "\n";
    }
    let blocks: Vec<_> = report.sessions.iter().map(|session| block(session, style, |_| {})).collect();
    blocks.join("\n")
}

/// A session for people. `traffic` adds its rows where the traffic stands.
pub fn block(session: &Session, style: Style, traffic: impl FnOnce(&mut Rows)) -> String {
    let mut rows = Rows::new(style);
    let owner = session.owner_name.clone().or(session.owner.map(|uid| tr!("user {number}", number = uid)));
    let number = &session.session;
    let whose = owner.map(|owner| tr!("{number} of {owner}", number = number, owner = owner));
    rows.row(&tr!("Session"), Some(whose.unwrap_or_else(|| number.clone())));
    let peer = session.peer_address.as_ref().filter(|peer| session.gateway.as_ref() != Some(peer));
    rows.row(
        &tr!("Gateway"),
        match (session.gateway.as_ref(), peer) {
            (Some(gateway), Some(address)) => Some(tr!("{gateway} at {address}", gateway = gateway, address = address)),
            (one, other) => one.or(other).cloned(),
        },
    );
    let mtu = session.mtu.map(|mtu| format!("MTU {mtu}"));
    rows.row(&tr!("Interface"), joined(session.interface.as_ref(), mtu.as_ref()));
    rows.rows(&tr!("Addresses"), session.addresses.as_deref());
    rows.rows(&tr!("Routes"), routes(session).as_deref());
    rows.rows(&tr!("DNS"), session.dns.as_deref());
    rows.rows(&tr!("Domains"), session.domains.as_deref());
    rows.rows(&tr!("WINS"), session.nbns.as_deref());
    rows.row(&tr!("Encryption"), joined(session.tls_version.as_ref(), session.tls_cipher.as_ref()));
    rows.row(&tr!("Certificate"), session.certificate_fingerprint.as_ref().map(|print| format!("SHA-256 {print}")));
    rows.row(&tr!("Authentication"), session.authentication.as_ref());
    if session.interface.is_some() {
        rows.row(&tr!("Received"), amount(session.rx_bytes, session.rx_packets));
        rows.row(&tr!("Sent"), amount(session.tx_bytes, session.tx_packets));
        rows.row(&tr!("Dropped"), session.dropped.filter(|dropped| *dropped != 0).map(units::count));
        rows.row(&tr!("Round trip"), session.round_trip_time_usec.map(|time| units::short_time(time.into())));
        traffic(&mut rows);
    }
    if let Some(error) = &session.last_error {
        rows.styled(&tr!("Last error"), style.bad(&printable::line(&of_service(error))));
    }
    if !session.details {
        rows.styled(&tr!("Details"), style.dim(&tr!("only for its owner and for administrators")));
    }
    format!("{}\n{}", headline(session, style), rows.finish())
}

fn headline(session: &Session, style: Style) -> String {
    let name = style.bold(&printable::line(&session.name()));
    let state = style.of_state(&session.state, &session::state_name(&session.state));
    let more = match (session.state.as_str(), session.duration_seconds, session.since_usec) {
        ("connected", Some(seconds), Some(since)) => {
            // Translators: how long a connection is up, behind its name and "connected"
            tr!(
                "{state} for {duration}, since {date}",
                state = state,
                duration = units::duration(seconds),
                date = units::date(since / 1_000_000)
            )
        }
        ("reconnecting", Some(seconds), _) => {
            // Translators: behind the name of a connection and "reconnecting"
            tr!("{state} after {duration}", state = state, duration = units::duration(seconds))
        }
        ("connecting" | "asking" | "disconnecting", _, _) if !session.phase.is_empty() => {
            format!("{state} ({})", progress::name(&session.phase))
        }
        _ => state,
    };
    format!("{name}: {more}")
}

fn joined(one: Option<&String>, other: Option<&String>) -> Option<String> {
    match (one, other) {
        (Some(one), Some(other)) => Some(format!("{one}, {other}")),
        (one, other) => one.or(other).cloned(),
    }
}

fn amount(octets: Option<u64>, packets: Option<u64>) -> Option<String> {
    let packets = packets.map(|packets| match packets {
        1 => tr!("1 datagram"),
        // Translators: any number but 1; where words change with the number, "datagrams: {count}" does
        _ => tr!("{count} datagrams", count = units::count(packets)),
    });
    joined(octets.map(units::octets).as_ref(), packets.as_ref())
}

/// The routes of a session; those of everything say so.
pub fn routes(session: &Session) -> Option<Vec<String>> {
    let told = |route: &String| match route.as_str() {
        "0.0.0.0/0" => tr!("{route} (all of IPv4)", route = route),
        "::/0" => tr!("{route} (all of IPv6)", route = route),
        other => other.to_owned(),
    };
    session.routes.as_ref().map(|routes| routes.iter().map(told).collect())
}
