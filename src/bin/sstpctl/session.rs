//! A session as the helper tells it.

use std::collections::HashMap;

use nix::unistd::{Uid, User};
use nm_sstp::tr;
use serde::Serialize;
use zbus::{ObjectPath, OwnedVariant};

use crate::printable;
use crate::problem::{Exit, Problem};
use crate::units;

/// The properties that everybody may read of every session.
pub const PUBLIC: [&str; 6] = ["State", "Phase", "Owner", "Profile", "Interface", "Since"];

/// What is known of a session. This is also its form in JSON: what is not known, or not ours to know, is `null`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Session {
    /// Number of the session: the last part of its path.
    pub session: String,
    /// Its object on the bus.
    pub path: String,
    /// `connecting`, `asking`, `connected`, `disconnecting`, `failed`, `closed`.
    pub state: String,
    /// How far it has come; the names are in `data/org.sstpd.Session1.xml`.
    pub phase: String,
    /// Numeric id of the user who started it.
    pub owner: Option<u32>,
    /// Name of that user on this machine.
    pub owner_name: Option<String>,
    /// Stored profile.
    pub profile: Option<String>,
    /// Interface of the tunnel.
    pub interface: Option<String>,
    /// When it was connected, in microseconds since 1970.
    pub since_usec: Option<u64>,
    /// How long it has been connected, in seconds.
    pub duration_seconds: Option<u64>,
    /// Whether what follows could be read.
    pub details: bool,
    /// Gateway as in the profile.
    pub gateway: Option<String>,
    /// Address and port of the server.
    pub peer_address: Option<String>,
    /// Addresses in the tunnel, with prefix length.
    pub addresses: Option<Vec<String>>,
    /// Networks that are routed into the tunnel.
    pub routes: Option<Vec<String>>,
    /// Name servers.
    pub dns: Option<Vec<String>>,
    /// NetBIOS name servers.
    pub nbns: Option<Vec<String>>,
    /// Search domains.
    pub domains: Option<Vec<String>>,
    /// MTU in octets.
    pub mtu: Option<u32>,
    /// `TLS 1.3`
    pub tls_version: Option<String>,
    /// `TLS_AES_256_GCM_SHA384`
    pub tls_cipher: Option<String>,
    /// SHA-256 of the server's certificate.
    pub certificate_fingerprint: Option<String>,
    /// How the user was authenticated.
    pub authentication: Option<String>,
    /// Octets received in the tunnel.
    pub rx_bytes: Option<u64>,
    /// Octets sent in the tunnel.
    pub tx_bytes: Option<u64>,
    /// Datagrams received in the tunnel.
    pub rx_packets: Option<u64>,
    /// Datagrams sent in the tunnel.
    pub tx_packets: Option<u64>,
    /// Datagrams that were lost between the interface and the tunnel.
    pub dropped: Option<u64>,
    /// Round-trip time to the server in microseconds.
    pub round_trip_time_usec: Option<u32>,
    /// Why it failed.
    pub last_error: Option<String>,
}

impl Session {
    /// From the properties of `Session1`; what is missing or of another type is not known.
    pub fn new(path: &ObjectPath<'_>, properties: HashMap<String, OwnedVariant>) -> Self {
        let mut found = Properties(properties);
        let since_usec = found.take("Since").filter(|since: &u64| *since != 0);
        let state = found.text("State").unwrap_or_default();
        let owner: Option<u32> = found.take("Owner");
        let gateway = found.text("Gateway");
        Self {
            session: path.rsplit('/').next().unwrap_or_default().to_owned(),
            path: path.to_string(),
            duration_seconds: since_usec
                .filter(|_| matches!(state.as_str(), "connected" | "reconnecting"))
                .map(|since| units::now().saturating_sub(since) / 1_000_000),
            state,
            phase: found.text("Phase").unwrap_or_default(),
            owner,
            owner_name: owner.and_then(|uid| User::from_uid(Uid::from_raw(uid)).ok().flatten()).map(|user| user.name),
            profile: found.text("Profile"),
            interface: found.text("Interface"),
            since_usec,
            details: gateway.is_some(),
            gateway,
            peer_address: found.text("PeerAddress"),
            addresses: found.take("Addresses"),
            routes: found.take("Routes"),
            dns: found.take("Dns"),
            nbns: found.take("Nbns"),
            domains: found.take("Domains"),
            mtu: found.take("Mtu").filter(|mtu: &u32| *mtu != 0),
            tls_version: found.text("TlsVersion"),
            tls_cipher: found.text("TlsCipher"),
            certificate_fingerprint: found.text("CertificateFingerprint"),
            authentication: found.text("Authentication"),
            rx_bytes: found.take("RxBytes"),
            tx_bytes: found.take("TxBytes"),
            rx_packets: found.take("RxPackets"),
            tx_packets: found.take("TxPackets"),
            dropped: found.take("Dropped"),
            round_trip_time_usec: found.take("RoundTripTime").filter(|time: &u32| *time != 0),
            last_error: found.text("LastError"),
        }
    }

    /// What to call it in a sentence: its profile, else its gateway, else its number.
    pub fn name(&self) -> String {
        let named = self.profile.as_ref().or(self.gateway.as_ref());
        named.cloned().unwrap_or_else(|| tr!("session {number}", number = self.session))
    }

    /// Whether it is one of this user.
    pub fn is_ours(&self) -> bool {
        self.owner == Some(Uid::current().as_raw())
    }

    /// Whether it is over, and is still there only to be read.
    pub fn is_over(&self) -> bool {
        matches!(self.state.as_str(), "failed" | "closed")
    }
}

/// What a state is called.
pub fn state_name(state: &str) -> String {
    match state {
        "connecting" => tr!("connecting"),
        // Translators: the state of a session whose server asks for something
        "asking" => tr!("asking"),
        "connected" => tr!("connected"),
        "reconnecting" => tr!("reconnecting"),
        "disconnecting" => tr!("disconnecting"),
        "failed" => tr!("failed"),
        // Translators: the state of a session that was ended
        "closed" => tr!("closed"),
        other => printable::line(other),
    }
}

/// The number of a session's path; what has none comes last.
pub fn number(path: &str) -> u64 {
    path.rsplit('/').next().and_then(|number| number.parse().ok()).unwrap_or(u64::MAX)
}

/// The sessions that a person means by the name of a profile, a number, an interface or a path, tried in this order.
///
/// # Errors
///
/// [`Exit::NotFound`]
pub fn select(sessions: Vec<Session>, wanted: &str) -> Result<Vec<Session>, Problem> {
    let by: [fn(&Session) -> Option<&str>; 4] = [
        |session| session.profile.as_deref(),
        |session| Some(&session.session),
        |session| session.interface.as_deref(),
        |session| Some(&session.path),
    ];
    for name in by {
        if sessions.iter().any(|session| name(session) == Some(wanted)) {
            return Ok(sessions.into_iter().filter(|session| name(session) == Some(wanted)).collect());
        }
    }
    Err(Problem::new(
        Exit::NotFound,
        tr!("There is no session \"{name}\": \"sstpctl status\" shows those there are.", name = wanted),
    ))
}

/// Properties, taken one by one.
struct Properties(HashMap<String, OwnedVariant>);

impl Properties {
    fn take<T: TryFrom<OwnedVariant>>(&mut self, name: &str) -> Option<T> {
        self.0.remove(name).and_then(|value| T::try_from(value).ok())
    }

    /// A text; an empty one says that there is none.
    fn text(&mut self, name: &str) -> Option<String> {
        self.take(name).filter(|text: &String| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(number: &str, profile: Option<&str>, interface: &str) -> Session {
        Session {
            session: number.to_owned(),
            path: format!("/org/sstpd/session/{number}"),
            profile: profile.map(str::to_owned),
            interface: Some(interface.to_owned()),
            ..Session::default()
        }
    }

    #[test]
    fn a_session_is_found_by_any_of_its_names() {
        let all = || {
            vec![session("1", Some("work"), "sstp0"), session("2", Some("1"), "sstp1"), session("3", Some("work"), "x")]
        };
        let numbers =
            |wanted| select(all(), wanted).map(|found| found.into_iter().map(|s| s.session).collect::<Vec<_>>());
        assert_eq!(numbers("work"), Ok(vec!["1".to_owned(), "3".to_owned()]));
        assert_eq!(numbers("1"), Ok(vec!["2".to_owned()]), "the name of a profile goes first");
        assert_eq!(numbers("3"), Ok(vec!["3".to_owned()]));
        assert_eq!(numbers("sstp0"), Ok(vec!["1".to_owned()]));
        assert_eq!(numbers("/org/sstpd/session/2"), Ok(vec!["2".to_owned()]));
        assert_eq!(numbers("other").map_err(|problem| problem.exit), Err(Exit::NotFound));
    }

    #[test]
    fn properties_of_wrong_types_are_not_known() {
        let path = ObjectPath::from_static_str_unchecked("/org/sstpd/session/7");
        let properties = HashMap::from([
            ("State".to_owned(), OwnedVariant::from(7u32)),
            ("RxBytes".to_owned(), OwnedVariant::from(7u64)),
            ("Since".to_owned(), OwnedVariant::from(0u64)),
        ]);
        let session = Session::new(&path, properties);
        assert_eq!((session.state.as_str(), session.rx_bytes, session.since_usec), ("", Some(7), None));
        assert_eq!((session.session.as_str(), session.details), ("7", false));
    }
}
