//! The signals of a session, made of what has changed in what it shows.
//!
//! They are sent by a task of their own, so that no tunnel ever waits for the bus. Where the bus is slow, changes that
//! were not told yet become one.

use std::borrow::Cow;
use std::collections::HashMap;

use tokio::sync::watch;
use tracing::debug;
use zbus::names::{InterfaceName, OwnedUniqueName};
use zbus::object_server::{Interface, SignalEmitter};
use zbus::{Variant, fdo};

use super::session::{DETAILS, Session};
use super::shown::Shown;

/// Tells every change until the session is gone, when its object goes, too.
pub(super) async fn announce(
    mut shown: watch::Receiver<Shown>,
    emitter: SignalEmitter<'static>,
    caller: OwnedUniqueName,
) {
    let mut before = Shown::new();
    let mut serial = 0;
    loop {
        let now = shown.borrow_and_update().clone();
        sent(changes(&before, &now, &emitter).await);
        let to_caller = || emitter.clone().set_destination(caller.clone().into_inner().into());
        if let Some(question) = now.question.as_ref().filter(|question| question.serial != serial) {
            serial = question.serial;
            sent(Session::secrets_required(&to_caller(), serial, &question.message, &question.secrets).await);
        }
        if let (None, Some(reason)) = (&before.over, &now.over) {
            let (kind, error) = reason.as_ref().map_or(("", ""), |reason| (reason.kind.name(), reason.text.as_str()));
            // the sentence may name what only some may read
            sent(Session::closed(&to_caller(), kind, error).await);
        }
        before = now;
        if shown.changed().await.is_err() {
            break;
        }
    }
    let server = emitter.connection().object_server();
    if let Err(error) = server.remove::<Session, _>(emitter.path()).await {
        debug!("The object of a session could not be removed: {error}");
    }
}

/// `PropertiesChanged`, where there is anything to tell.
async fn changes(before: &Shown, now: &Shown, emitter: &SignalEmitter<'_>) -> zbus::Result<()> {
    let mut changed: HashMap<&str, Variant<'_>> = HashMap::new();
    if before.state != now.state {
        changed.insert("State", now.state.name().into());
    }
    if before.phase != now.phase {
        changed.insert("Phase", now.phase_name().into());
    }
    if before.interface != now.interface {
        changed.insert("Interface", now.interface.as_str().into());
    }
    if before.since != now.since {
        changed.insert("Since", now.since.into());
    }
    let mut invalidated = Vec::new();
    let same = match (&before.details, &now.details) {
        (Some(before), Some(now)) => std::sync::Arc::ptr_eq(before, now),
        (before, now) => before.is_none() && now.is_none(),
    };
    if !same {
        invalidated.extend(DETAILS);
    }
    if before.last_error() != now.last_error() {
        invalidated.push("LastError");
    }
    if changed.is_empty() && invalidated.is_empty() {
        return Ok(());
    }
    let interface: InterfaceName<'_> = Session::name();
    fdo::Properties::properties_changed(emitter, interface, changed, Cow::Owned(invalidated)).await
}

/// A signal that could not be sent means that the bus is gone; [`Service`](super::Service) notices that by itself.
fn sent(result: zbus::Result<()>) {
    if let Err(error) = result {
        debug!("A signal could not be sent: {error}");
    }
}
