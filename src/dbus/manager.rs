//! The helper's own face: `org.sstpd.Manager1` and `org.sstpd.Session1`, for machines without NetworkManager.
//!
//! The contract is `data/org.sstpd.Manager1.xml` and `data/org.sstpd.Session1.xml`. Anybody may call, so that
//!
//! - everything that comes is bounded: arguments, calls that wait, sessions, probes, for each user and in all;
//! - nothing is done before polkit has let the caller do it, and that check makes nobody else wait;
//! - what a session is connected to is shown only to its owner, to root and to whom polkit lets read it, and is in no
//!   signal;
//! - a session goes on whether or not anybody reads what is told of it.
//!
//! A method becomes a note to the task that follows the session's tunnel, the session's `Life`; what that writes becomes
//! properties, and signals by another task. The order on the bus is `InterfacesAdded`, the answer to `Connect`, the
//! session's signals, `Closed`, `InterfacesRemoved`.

mod announcer;
mod arguments;
mod findings;
mod gate;
mod handed;
mod host;
mod life;
mod limits;
mod service;
mod session;
mod shown;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::task;
use tracing::{Instrument, info, warn};
use zbus::message::Header;
use zbus::object_server::ResponseDispatchNotifier;
use zbus::{Connection, DBusError, ObjectPath, OwnedObjectPath, OwnedVariant};

use self::arguments::{Given, Options as CallOptions, Texts};
use self::life::Wish;
use self::service::{Admission, Shared};
use super::Later;
use super::attempts::Interaction;
use super::polkit::Action;
use crate::log::OUTCOME;
use crate::probe::Findings;
use crate::profile::{self, Profile};
use crate::profile_files::{Handed, Rights};
use crate::store::{self, Name, Store, is_secret};

pub use self::host::{Host, Machine};
pub use self::life::Patience;
pub use self::service::{Departure, Options, Parts, Service};
pub use self::session::Session;
pub use super::caller::{Bus, Callers};

/// The bus name.
pub const BUS_NAME: &str = "org.sstpd";

/// The object of the manager, and of the object manager.
pub const PATH: &str = "/org/sstpd";

/// What the path of a session begins with; its number follows.
const SESSIONS: &str = "/org/sstpd/session/";

/// How many notices of one profile are told; more than its table has can only be names that nobody knows.
const MAX_NOTICES: usize = 64;

/// Looks at the gateway of a profile, reading its files with these rights: [`worker::look`](crate::worker::look), or
/// what a test puts in its place.
pub type Look = Box<dyn Fn(Profile, Rights) -> Later<'static, Findings> + Send + Sync>;

/// How a method is refused. Each text is a sentence for people.
#[derive(Debug, DBusError)]
#[zbus(prefix = "org.sstpd.Error")]
pub enum Error {
    /// An argument is of the wrong type, too large, or unknown.
    BadArguments(String),
    /// The settings do not make a profile that can be connected.
    BadSettings(String),
    /// The caller may not do this.
    NotAuthorized(String),
    /// A secret is missing that nobody may be asked for.
    MissingSecrets(String),
    /// There is no stored profile of this name.
    NoSuchProfile(String),
    /// There is a stored profile of this name.
    ProfileExists(String),
    /// A file of a stored profile cannot be read or written.
    StoreFailed(String),
    /// There is no such session.
    NoSuchSession(String),
    /// Nothing is asked, or it has been answered.
    NoSuchQuestion(String),
    /// There is too much of something already.
    LimitExceeded(String),
    /// The process is about to leave.
    Leaving(String),
}

impl From<profile::Error> for Error {
    fn from(error: profile::Error) -> Self {
        let text = sentence(&error.to_string());
        match error {
            profile::Error::NoPassword => Self::MissingSecrets(text),
            _ => Self::BadSettings(text),
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        let text = sentence(&error.to_string());
        match error {
            store::Error::BadName => Self::BadArguments(text),
            store::Error::NoSuchProfile(_) => Self::NoSuchProfile(text),
            store::Error::Exists(_) => Self::ProfileExists(text),
            store::Error::TooMany => Self::LimitExceeded(text),
            store::Error::Unusable { .. } => Self::StoreFailed(text),
        }
    }
}

/// The object at [`PATH`].
pub struct Manager {
    shared: Arc<Shared>,
}

#[zbus::interface(name = "org.sstpd.Manager1")]
impl Manager {
    /// Starts a session.
    #[zbus(out_args("session"))]
    async fn connect(
        &self,
        profile: &str,
        settings: Texts<'_>,
        options: CallOptions<'_>,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<ResponseDispatchNotifier<OwnedObjectPath>, Error> {
        let caller = self.shared.gate.caller(&header).await?;
        let given = Given::read(&options, &["interactive", "secrets", "files"])?;
        let settings = arguments::settings(&settings)?;
        let stored = match (profile, settings.is_empty()) {
            ("", _) => None,
            (name, true) => Some(Name::parse(name)?),
            (_, false) => {
                let text = "Either the name of a stored profile is given or settings are, not both.";
                return Err(Error::BadArguments(text.to_owned()));
            }
        };
        if stored.is_none() {
            Profile::from_settings(&settings, None, None)?;
        }
        let permit = self.shared.admit_session(caller.uid)?;
        let interactive = given.has("interactive");
        let handed = self.shared.admit_files(caller.uid, given.files, &settings)?;
        let action = if stored.is_some() { Action::ConnectProfile } else { Action::ConnectSettings };
        self.shared.gate.authorize(&caller, &header, action, interactive).await?;

        let interaction = if interactive { Interaction::Allowed } else { Interaction::No };
        let given = given.secrets.unwrap_or_default();
        let wish = match &stored {
            Some(name) => {
                let mut stored = self.store(name, |store, name| store.load(&name)).await?;
                stored.secrets.extend(given);
                Wish { settings: stored.settings, secrets: stored.secrets, rights: Rights::default(), interaction }
            }
            None => {
                let rights = self.rights_of(caller.uid, handed).await?;
                Wish { settings, secrets: given, rights, interaction }
            }
        };
        let name = stored.map(|name| name.to_string()).unwrap_or_default();
        let admission = Admission { owner: caller.uid, caller: caller.name.clone(), permit };
        let begun = self.shared.begin(connection, admission, wish, name).await?;
        let (answer, sent) = ResponseDispatchNotifier::new(begun.path.clone());
        begun.announce_after(sent);
        Ok(answer)
    }

    /// Takes a session down.
    async fn disconnect(&self, session: ObjectPath<'_>, #[zbus(header)] header: Header<'_>) -> Result<(), Error> {
        let caller = self.shared.gate.caller(&header).await?;
        let number = session.strip_prefix(SESSIONS).and_then(|number| number.parse().ok());
        let gone = || Error::NoSuchSession("There is no such session (any more).".to_owned());
        let (owner, told) = number.and_then(|number| self.shared.find(number)).ok_or_else(gone)?;
        let action = if owner == caller.uid { Action::DisconnectOwn } else { Action::DisconnectOthers };
        self.shared.gate.authorize(&caller, &header, action, false).await?;
        told.notify_one();
        Ok(())
    }

    /// The stored profiles.
    #[zbus(out_args("profiles"))]
    async fn profiles(
        &self,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<BTreeMap<String, BTreeMap<String, String>>, Error> {
        let caller = self.shared.gate.caller(&header).await?;
        self.shared.gate.authorize(&caller, &header, Action::ConnectProfile, false).await?;
        let profiles = self.in_store(|store| store.list()).await?;
        let without_secrets = |(name, mut settings): (Name, BTreeMap<String, String>)| {
            settings.retain(|key, _| !is_secret(key));
            (name.to_string(), settings)
        };
        Ok(profiles.into_iter().map(without_secrets).collect())
    }

    /// Stores a profile.
    #[zbus(out_args("notices"))]
    async fn import_profile(
        &self,
        name: &str,
        settings: Texts<'_>,
        options: CallOptions<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<String>, Error> {
        let caller = self.shared.gate.caller(&header).await?;
        let given = Given::read(&options, &["replace", "interactive", "secrets"])?;
        let name = Name::parse(name)?;
        let mut settings = arguments::settings(&settings)?;
        let misplaced: Vec<String> = settings.keys().filter(|key| is_secret(key)).cloned().collect();
        let (_, notices) = Profile::from_settings(&settings, None, None)?;
        let mut notices: Vec<String> = notices.iter().take(MAX_NOTICES).map(ToString::to_string).collect();
        self.shared.gate.authorize(&caller, &header, Action::ChangeProfiles, given.has("interactive")).await?;
        for key in misplaced {
            settings.remove(&key);
            notices.push(format!("{key} is a secret and no setting; it is not stored: give it among the secrets"));
        }
        let (replace, secrets) = (given.has("replace"), given.secrets);
        self.store(&name, move |store, name| store.save(&name, &settings, secrets.as_ref(), replace)).await?;
        info!(target: OUTCOME, "User {} has stored the profile {name}.", caller.uid);
        Ok(notices)
    }

    /// Removes a stored profile and its secrets.
    async fn remove_profile(&self, name: &str, #[zbus(header)] header: Header<'_>) -> Result<(), Error> {
        let caller = self.shared.gate.caller(&header).await?;
        let name = Name::parse(name)?;
        self.shared.gate.authorize(&caller, &header, Action::ChangeProfiles, false).await?;
        self.store(&name, |store, name| store.remove(&name)).await?;
        info!(target: OUTCOME, "User {} has removed the profile {name}.", caller.uid);
        Ok(())
    }

    /// Looks at a gateway without logging in.
    #[zbus(out_args("result"))]
    async fn probe(
        &self,
        settings: Texts<'_>,
        options: CallOptions<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<HashMap<&'static str, OwnedVariant>, Error> {
        let caller = self.shared.gate.caller(&header).await?;
        let given = Given::read(&options, &["files"])?;
        let settings = arguments::settings(&settings)?;
        let (profile, _) = Profile::from_settings(&settings, None, None)?;
        let _permit = self.shared.admit_probe(caller.uid)?;
        let handed = self.shared.admit_files(caller.uid, given.files, &settings)?;
        self.shared.gate.authorize(&caller, &header, Action::ConnectSettings, false).await?;
        let rights = self.rights_of(caller.uid, handed).await?;
        let look = (self.shared.look)(profile, rights).in_current_span();
        tokio::select! {
            findings = look => Ok(findings::dictionary(findings)),
            () = self.shared.gate.callers.left(&caller.name) => {
                Err(Error::NotAuthorized("The caller has left the bus.".to_owned()))
            }
        }
    }

    /// Version of the program.
    #[zbus(property(emits_changed_signal = "const"))]
    async fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}

impl Manager {
    /// With whose rights files are read that a caller names, beside those that came opened.
    async fn rights_of(&self, uid: u32, handed: Handed) -> Result<Rights, Error> {
        if uid == 0 {
            return Ok(Rights { owner: None, handed });
        }
        let unknown = || Error::NotAuthorized(format!("This machine knows no name of the user {uid}, who calls."));
        let owner = self.shared.gate.callers.user_name(uid).await.ok_or_else(unknown)?;
        Ok(Rights { owner: Some(owner), handed })
    }

    /// Does something in the store, which waits for the disk: tunnels must not.
    async fn in_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, store::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let store = self.shared.store.clone();
        match task::spawn_blocking(move || work(&store)).await {
            Ok(done) => Ok(done.inspect_err(|error| warn!("{error}"))?),
            Err(error) => Err(Error::StoreFailed(format!("The store cannot be used: {error}."))),
        }
    }

    async fn store<T: Send + 'static>(
        &self,
        name: &Name,
        work: impl FnOnce(&Store, Name) -> Result<T, store::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let name = name.clone();
        self.in_store(move |store| work(store, name)).await
    }
}

/// The same with a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).chain(['.']).collect())
}
