//! Who gets in: how many calls at a time, whose they are, and what polkit says of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};
use zbus::message::{Flags, Header};
use zbus::names::OwnedUniqueName;

use super::Error;
use super::limits::{Permit, Quota};
use crate::dbus::caller::Callers;
use crate::dbus::polkit::{Action, Authority, Verdict};

/// Calls that may wait for an answer, of each connection to the bus and of all.
const CALLS: (usize, usize) = (16, 256);

/// Checks of authorization that may wait for a person or for polkit, of each user and of all.
const CHECKS: (usize, usize) = (4, 32);

/// How long a person may take to answer polkit.
const ASKING: Duration = Duration::from_secs(5 * 60);

/// How long polkit may take where it asks nobody.
const NOT_ASKING: Duration = Duration::from_secs(10);

/// How long polkit may take to say whether somebody may read details: whoever adds or removes a session waits meanwhile.
const READING: Duration = Duration::from_secs(2);

/// How long the answer to that holds.
const READ_AGAIN: Duration = Duration::from_secs(2);

/// Callers that are remembered.
const REMEMBERED: usize = 256;

/// Somebody who calls.
pub(super) struct Caller {
    /// Its unique name on the bus.
    pub(super) name: OwnedUniqueName,
    /// Its user.
    pub(super) uid: u32,
    _call: Permit<OwnedUniqueName>,
}

/// What is asked of every call before anything is done for it.
pub(super) struct Gate {
    pub(super) callers: Arc<dyn Callers>,
    authority: Arc<dyn Authority>,
    calls: Quota<OwnedUniqueName>,
    checks: Quota<u32>,
    known: Mutex<HashMap<OwnedUniqueName, Known>>,
}

/// What is known about a caller. A unique name is never given twice.
#[derive(Clone, Copy)]
struct Known {
    uid: u32,
    /// Whether it may read details of others, and until when that holds.
    reads_others: Option<(bool, Instant)>,
}

impl Gate {
    pub(super) fn new(callers: Arc<dyn Callers>, authority: Arc<dyn Authority>) -> Self {
        Self {
            callers,
            authority,
            calls: Quota::new(CALLS.0, CALLS.1),
            checks: Quota::new(CHECKS.0, CHECKS.1),
            known: Mutex::default(),
        }
    }

    /// Whether no call waits for its answer.
    pub(super) fn is_quiet(&self) -> bool {
        self.calls.is_unused()
    }

    /// The caller of a method.
    pub(super) async fn caller(&self, header: &Header<'_>) -> Result<Caller, Error> {
        let name = sender(header).ok_or_else(|| Error::NotAuthorized("The call does not say who calls.".to_owned()))?;
        let call = self.calls.take(name.clone()).ok_or_else(|| {
            Error::LimitExceeded("Too many calls wait for an answer already: call again when one has come.".to_owned())
        })?;
        let known = self.known(&name).await;
        let uid =
            known.ok_or_else(|| Error::NotAuthorized("The bus does not know the caller any more.".to_owned()))?.uid;
        Ok(Caller { name, uid, _call: call })
    }

    async fn known(&self, name: &OwnedUniqueName) -> Option<Known> {
        if let Some(known) = self.lock().get(name) {
            return Some(*known);
        }
        let known = Known { uid: self.callers.uid(name).await?, reads_others: None };
        self.remember(name, known);
        Some(known)
    }

    fn remember(&self, name: &OwnedUniqueName, what: Known) {
        let mut known = self.lock();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(name.clone(), what);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<OwnedUniqueName, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the caller may do this. The answer may take as long as a person takes, unless the caller leaves.
    pub(super) async fn authorize(
        &self,
        caller: &Caller,
        header: &Header<'_>,
        action: Action,
        interactive: bool,
    ) -> Result<(), Error> {
        if caller.uid == 0 {
            return Ok(());
        }
        let _check = self.checks.take(caller.uid).ok_or_else(|| {
            Error::LimitExceeded("Too many calls of this user wait for authorization already: answer those.".to_owned())
        })?;
        let may_ask = interactive || header.primary().flags().contains(Flags::ALLOW_INTERACTIVE_AUTH);
        let limit = if may_ask { ASKING } else { NOT_ASKING };
        let verdict = tokio::select! {
            verdict = timeout(limit, self.authority.check(header, action, may_ask)) => verdict,
            () = self.callers.left(&caller.name) => {
                return Err(Error::NotAuthorized("The caller left before it was authorized.".to_owned()));
            }
        };
        refusal(action, verdict.unwrap_or_else(|_| Verdict::NoAuthority(format!("it took longer than {limit:?}"))))
    }

    /// Whether whoever reads a property may read details of this user's sessions. `None`: nobody in particular reads, and
    /// everybody will see it.
    pub(super) async fn may_read(&self, header: Option<&Header<'_>>, owner: u32) -> bool {
        let Some((header, name)) = header.and_then(|header| Some((header, sender(header)?))) else { return false };
        let Some(known) = self.known(&name).await else { return false };
        if known.uid == 0 || known.uid == owner {
            return true;
        }
        if let Some((allowed, until)) = known.reads_others
            && Instant::now() < until
        {
            return allowed;
        }
        let Some(_check) = self.checks.take(known.uid) else { return false };
        let verdict = timeout(READING, self.authority.check(header, Action::ReadOthers, false)).await;
        let allowed = verdict == Ok(Verdict::Allowed);
        self.remember(&name, Known { reads_others: Some((allowed, Instant::now() + READ_AGAIN)), ..known });
        allowed
    }
}

fn sender(header: &Header<'_>) -> Option<OwnedUniqueName> {
    header.sender().map(|sender| sender.to_owned().into())
}

fn refusal(action: Action, verdict: Verdict) -> Result<(), Error> {
    let id = action.id();
    Err(Error::NotAuthorized(match verdict {
        Verdict::Allowed => return Ok(()),
        Verdict::Refused => format!("This user is not authorized for {id}: ask an administrator, or do it as root."),
        Verdict::WouldAsk => format!(
            "This needs authentication ({id}), and nobody could be asked: call from a session with an authentication \
             agent, allow interaction, or do it as root."
        ),
        Verdict::Dismissed => format!("The authentication for {id} was dismissed."),
        Verdict::NoAuthority(reason) => {
            format!("Nobody can say whether this user is authorized for {id}: {reason}. Do it as root.")
        }
    }))
}
