//! What the helper and the bus tell without being asked.

use std::collections::HashMap;
use std::num::NonZeroUsize;

use futures_util::StreamExt;
use zbus::names::OwnedUniqueName;
use zbus::{Connection, MatchRule, Message, MessageStream, ObjectPath, OwnedObjectPath, OwnedVariant};

use crate::helper::{BUS_NAME, PATH, SESSION};

/// How many messages may wait for us. A session's whole life has some twenty.
const QUEUE: NonZeroUsize = NonZeroUsize::new(256).expect("not zero");

/// Something that happened to a session, or to the helper.
#[derive(Debug)]
pub enum Event {
    /// Properties have new values.
    Changed(HashMap<String, OwnedVariant>),
    /// The server wants to know something (`Session1.SecretsRequired`).
    SecretsRequired(Question),
    /// The session is over (`Session1.Closed`).
    Closed {
        /// Who is at fault, in one word.
        kind: String,
        /// Why, or empty where it was told to end.
        error: String,
    },
    /// The object of the session is gone: all that it changed is undone.
    Removed,
    /// The helper left the bus.
    HelperGone,
}

/// Secrets that are asked for.
#[derive(Debug)]
pub struct Question {
    /// What the answer must have.
    pub serial: u32,
    /// For people; it may come from the server.
    pub message: String,
    /// Names of the secrets.
    pub secrets: Vec<String>,
}

/// Signals of the helper, and of the bus about the helper, in their order.
#[derive(Debug)]
pub struct Events {
    helper: MessageStream,
    bus: MessageStream,
}

impl Events {
    /// Listens to the owner of the helper's name. Others can send us messages that look the same; they are dropped.
    pub(super) async fn listen(connection: &Connection, owner: &OwnedUniqueName) -> zbus::Result<Self> {
        let of_helper = MatchRule::builder()
            .msg_type(zbus::message::Type::Signal)
            .sender(owner.clone())
            .path_namespace(PATH)
            .build()?;
        let of_bus = MatchRule::builder()
            .msg_type(zbus::message::Type::Signal)
            .sender("org.freedesktop.DBus")
            .member("NameOwnerChanged")
            .arg(0, BUS_NAME)
            .build()?;
        Ok(Self {
            helper: MessageStream::for_match_rule(of_helper, connection, Some(QUEUE)).await?,
            bus: MessageStream::for_match_rule(of_bus, connection, Some(QUEUE)).await?,
        })
    }

    /// What happens next to this session. May be dropped while it waits.
    pub async fn next(&mut self, session: &ObjectPath<'_>) -> Event {
        loop {
            tokio::select! {
                biased;
                message = self.helper.next() => match message {
                    Some(Ok(message)) => if let Some(event) = about(&message, session) { return event },
                    Some(Err(_)) => {}
                    None => return Event::HelperGone,
                },
                message = self.bus.next() => match message {
                    Some(Ok(_)) | None => return Event::HelperGone,
                    Some(Err(_)) => {}
                },
            }
        }
    }
}

fn about(message: &Message, session: &ObjectPath<'_>) -> Option<Event> {
    let header = message.header();
    let body = message.body();
    let of_session = header.path() == Some(session);
    match (header.interface()?.as_str(), header.member()?.as_str()) {
        ("org.freedesktop.DBus.Properties", "PropertiesChanged") if of_session => {
            let (_, changed, _): (String, HashMap<String, OwnedVariant>, Vec<String>) = body.deserialize().ok()?;
            Some(Event::Changed(changed))
        }
        (SESSION, "SecretsRequired") if of_session => {
            let (serial, message, secrets) = body.deserialize().ok()?;
            Some(Event::SecretsRequired(Question { serial, message, secrets }))
        }
        (SESSION, "Closed") if of_session => {
            let (kind, error) = body.deserialize().ok()?;
            Some(Event::Closed { kind, error })
        }
        ("org.freedesktop.DBus.ObjectManager", "InterfacesRemoved") => {
            let (path, _): (OwnedObjectPath, Vec<String>) = body.deserialize().ok()?;
            (path.as_str() == session.as_str()).then_some(Event::Removed)
        }
        _ => None,
    }
}
