//! Authorization by polkit.
//!
//! The subject of every check is the caller, by its unique name on the bus as the bus wrote it into the header of the
//! call. Root may do everything without a question, as polkit itself has it; where there is no polkit, nobody else may do
//! anything.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::debug;
use zbus::message::Header;
use zbus::proxy::CacheProperties;
use zbus::{Connection, fdo};
use zbus_polkit::policykit1::{AuthorityProxy, CheckAuthorizationFlags, Subject};

use super::Later;

/// What somebody wants to do; the actions of `polkit/org.sstpd.policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Connect with a stored profile, and see which there are.
    ConnectProfile,
    /// Connect with settings of one's own, or probe a gateway with them.
    ConnectSettings,
    /// Disconnect what one has connected oneself.
    DisconnectOwn,
    /// Disconnect what another user has connected.
    DisconnectOthers,
    /// Store or remove profiles.
    ChangeProfiles,
    /// Read the details of what another user has connected.
    ReadOthers,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 6] = [
        Self::ConnectProfile,
        Self::ConnectSettings,
        Self::DisconnectOwn,
        Self::DisconnectOthers,
        Self::ChangeProfiles,
        Self::ReadOthers,
    ];

    /// Its identifier at polkit.
    pub const fn id(self) -> &'static str {
        match self {
            Self::ConnectProfile => "org.sstpd.connect-profile",
            Self::ConnectSettings => "org.sstpd.connect-settings",
            Self::DisconnectOwn => "org.sstpd.disconnect-own",
            Self::DisconnectOthers => "org.sstpd.disconnect-others",
            Self::ChangeProfiles => "org.sstpd.change-profiles",
            Self::ReadOthers => "org.sstpd.read-others",
        }
    }
}

/// What an authority says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Allowed,
    /// No.
    Refused,
    /// It would ask for a password, and the caller has not allowed that.
    WouldAsk,
    /// A person was asked, and did not want to answer.
    Dismissed,
    /// There is no authority to ask, for this reason.
    NoAuthority(String),
}

/// Who decides: polkit, or what a test puts in its place.
pub trait Authority: Send + Sync {
    /// Whether the sender of a call may do this. Where a person may be asked, the answer takes as long as they do; the
    /// question is withdrawn when the future is dropped.
    fn check<'a>(&'a self, header: &'a Header<'a>, action: Action, may_ask: bool) -> Later<'a, Verdict>;
}

/// The polkit daemon on the system bus.
pub struct Polkit {
    connection: Connection,
    checks: AtomicU64,
}

impl Polkit {
    /// Asks by this connection to the bus.
    pub fn new(connection: Connection) -> Self {
        Self { connection, checks: AtomicU64::new(0) }
    }

    async fn ask(&self, header: &Header<'_>, action: Action, may_ask: bool) -> zbus::Result<Verdict> {
        let subject = match Subject::new_for_message_header(header) {
            Ok(subject) => subject,
            Err(error) => return Ok(Verdict::NoAuthority(error.to_string())),
        };
        let builder = AuthorityProxy::builder(&self.connection).cache_properties(CacheProperties::No);
        let authority = builder.build().await?;
        let mut flags = CheckAuthorizationFlags::empty();
        flags.set(CheckAuthorizationFlags::ALLOW_USER_INTERACTION, may_ask);
        // unique among the checks of this connection, as polkit wants it
        let number = self.checks.fetch_add(1, Ordering::Relaxed);
        let mut check = Check { authority: Some(authority.clone()), id: format!("nm-sstp-{number}") };
        let answer = authority.check_authorization(&subject, action.id(), &HashMap::new(), flags, &check.id).await;
        check.authority = None;
        let answer = answer?;
        let dismissed = answer.details.get("polkit.dismissed").is_some_and(|text| !text.is_empty());
        Ok(match (answer.is_authorized, answer.is_challenge) {
            (true, _) => Verdict::Allowed,
            (false, _) if dismissed => Verdict::Dismissed,
            (false, true) => Verdict::WouldAsk,
            (false, false) => Verdict::Refused,
        })
    }
}

impl Authority for Polkit {
    fn check<'a>(&'a self, header: &'a Header<'a>, action: Action, may_ask: bool) -> Later<'a, Verdict> {
        Box::pin(async move {
            match self.ask(header, action, may_ask).await {
                Ok(verdict) => verdict,
                Err(error) => {
                    debug!("polkit gave no answer: {error}");
                    Verdict::NoAuthority(reason(&error))
                }
            }
        })
    }
}

fn reason(error: &zbus::Error) -> String {
    let absent = "polkit is not running".to_owned();
    match error {
        zbus::Error::MethodError(name, _, _) if name.starts_with("org.freedesktop.DBus.Error.Spawn") => absent,
        zbus::Error::MethodError(name, _, _) if *name == "org.freedesktop.DBus.Error.ServiceUnknown" => absent,
        zbus::Error::FDO(error) => match **error {
            fdo::Error::ServiceUnknown(_) | fdo::Error::NameHasNoOwner(_) => absent,
            _ => format!("polkit failed ({error})"),
        },
        other => format!("polkit failed ({other})"),
    }
}

/// A check that polkit has not answered yet. Where nobody waits for the answer any more, the question is taken away from
/// whoever sits before it.
struct Check {
    authority: Option<AuthorityProxy<'static>>,
    id: String,
}

impl Drop for Check {
    fn drop(&mut self) {
        if let (Some(authority), Ok(runtime)) = (self.authority.take(), tokio::runtime::Handle::try_current()) {
            let id = std::mem::take(&mut self.id);
            runtime.spawn(async move { drop(authority.cancel_check_authorization(&id).await) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_in_the_policy_and_no_other() {
        let policy = include_str!("../../polkit/org.sstpd.policy");
        let ids: Vec<&str> = policy.split("<action id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(ids, Action::ALL.map(Action::id));
    }
}
