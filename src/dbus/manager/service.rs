//! The life of the process around the [`Manager`]: its sessions, and when it leaves.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{self, Notify, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{Instrument, debug, error, error_span, info, warn};
use zbus::fdo::ObjectManager;
use zbus::names::OwnedUniqueName;
use zbus::object_server::{ResponseDispatchListener, SignalEmitter};
use zbus::{Connection, OwnedObjectPath};

use super::announcer::announce;
use super::gate::Gate;
use super::handed;
use super::life::{Life, Patience, Wish};
use super::limits::{Permit, Quota};
use super::shown::Shown;
use super::{BUS_NAME, Callers, Error, Host, Look, MAX_NOTICES, Manager, PATH, SESSIONS, Session};
use crate::dbus::attempts::Attempts;
use crate::dbus::pin::Place;
use crate::dbus::polkit::Authority;
use crate::log;
use crate::profile_files::Handed;
use crate::store::Store;
use crate::tunnel::{Attempt, Tunnel};

/// Sessions of one user, and in all.
const MAX_SESSIONS: (usize, usize) = (8, 32);

/// Probes of one user at a time, and in all.
const MAX_PROBES: (usize, usize) = (2, 8);

/// How long calls may take that came before the bus name was given away.
const LAST_CALLS: Duration = Duration::from_millis(200);

/// How long undoing everything may take.
const UNDOING: Duration = Duration::from_secs(5);

/// How a [`Service`] behaves.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Stay, however long there is no session.
    pub persist: bool,
    /// How long to stay without a session.
    pub idle: Duration,
    /// How long the parts of a session's life may take.
    pub patience: Patience,
}

impl Default for Options {
    fn default() -> Self {
        Self { persist: false, idle: Duration::from_secs(60), patience: Patience::default() }
    }
}

/// Why a [`Service`] has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// There was no session for a while.
    Idle,
    /// It was told to stop.
    Told,
    /// The bus is gone.
    BusClosed,
    /// A session did not end in time, or the machine could not be restored.
    Stuck,
}

/// What a manager works with.
pub struct Parts {
    /// Starts tunnels.
    pub dial: Arc<dyn Fn(Attempt) -> Tunnel + Send + Sync>,
    /// Looks at gateways.
    pub look: Look,
    /// Configures the machine.
    pub host: Arc<sync::Mutex<dyn Host>>,
    /// Says who may do what.
    pub authority: Arc<dyn Authority>,
    /// Knows the callers.
    pub callers: Arc<dyn Callers>,
    /// Has the profiles.
    pub store: Store,
}

/// What the objects of this process have in common.
pub(super) struct Shared {
    dial: Arc<dyn Fn(Attempt) -> Tunnel + Send + Sync>,
    pub(super) look: Look,
    host: Arc<sync::Mutex<dyn Host>>,
    pub(super) store: Store,
    pub(super) gate: Arc<Gate>,
    sessions: Mutex<BTreeMap<u32, Entry>>,
    permits: Quota<u32>,
    probes: Quota<u32>,
    files: Quota<u32>,
    last_number: AtomicU32,
    leaving: AtomicBool,
    patience: Patience,
    /// Something has begun or ended.
    stir: Notify,
}

/// A session, as the others know it.
struct Entry {
    owner: u32,
    told: Arc<Notify>,
}

/// Who a session is for.
pub(super) struct Admission {
    pub(super) owner: u32,
    pub(super) caller: OwnedUniqueName,
    pub(super) permit: Permit<u32>,
}

/// A session whose signals wait for the answer to `Connect`.
pub(super) struct Begun {
    pub(super) path: OwnedObjectPath,
    announce: oneshot::Sender<ResponseDispatchListener>,
}

impl Begun {
    /// Has signals sent as soon as the answer is.
    pub(super) fn announce_after(self, sent: ResponseDispatchListener) {
        drop(self.announce.send(sent));
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u32, Entry>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn must_stay(&self) -> Result<(), Error> {
        if self.leaving.load(Ordering::Relaxed) {
            return Err(Error::Leaving(
                "The service is being stopped: connect again when it has come back.".to_owned(),
            ));
        }
        Ok(())
    }

    /// Room for a session of this user.
    pub(super) fn admit_session(&self, uid: u32) -> Result<Permit<u32>, Error> {
        self.must_stay()?;
        self.permits.take(uid).ok_or_else(|| {
            let (each, all) = MAX_SESSIONS;
            Error::LimitExceeded(format!("There are {each} sessions of one user at most, and {all} in all."))
        })
    }

    /// Room for a probe of this user.
    pub(super) fn admit_probe(&self, uid: u32) -> Result<Permit<u32>, Error> {
        self.probes.take(uid).ok_or_else(|| {
            let (each, all) = MAX_PROBES;
            Error::LimitExceeded(format!("There are {each} probes of one user at a time at most, and {all} in all."))
        })
    }

    /// Room for files that this user has opened.
    pub(super) fn admit_files(
        &self,
        uid: u32,
        came: handed::Came,
        settings: &BTreeMap<String, String>,
    ) -> Result<Handed, Error> {
        handed::handed(came, settings, &self.files, uid)
    }

    /// Owner of a session, and what tells it to end.
    pub(super) fn find(&self, number: u32) -> Option<(u32, Arc<Notify>)> {
        self.lock().get(&number).map(|entry| (entry.owner, entry.told.clone()))
    }

    /// Begins a session that was authorized.
    pub(super) async fn begin(
        self: &Arc<Self>,
        connection: &Connection,
        admission: Admission,
        wish: Wish,
        profile_name: String,
    ) -> Result<Begun, Error> {
        self.must_stay()?;
        let Admission { owner, caller, permit } = admission;
        let number = self.last_number.fetch_add(1, Ordering::Relaxed) + 1;
        // At the level of errors, so that they are there at every level.
        let span = error_span!("session", sstp_session = number, sstp_profile = profile_name, sstp_owner = owner);
        let (profile, _, notices) = wish.profile()?;
        let span = log::at_least(&span, profile.log_level);
        wish.kept()?.check(wish.interaction)?;
        span.in_scope(|| {
            notices.iter().take(MAX_NOTICES).for_each(|notice| warn!("{notice}"));
            if notices.len() > MAX_NOTICES {
                warn!("{} more notices of that kind", notices.len() - MAX_NOTICES);
            }
        });

        let path = OwnedObjectPath::try_from(format!("{SESSIONS}{number}"));
        let path = path.map_err(|error| Error::BadArguments(error.to_string()))?;
        let (shown, showing) = watch::channel(Shown::new());
        let (answers, inbox) = mpsc::channel(1);
        let told = Arc::new(Notify::new());
        let gateway = profile.gateway.to_string();
        let place = match profile_name.as_str() {
            "" => Place::CommandLine(gateway.clone()),
            name => Place::Profile(name.to_owned()),
        };
        let object =
            Session { gate: self.gate.clone(), owner, profile: profile_name, gateway, shown: showing.clone(), answers };
        let gone = |error: zbus::Error| Error::Leaving(format!("The session has no object on the bus: {error}."));
        connection.object_server().at(&path, object).await.map_err(gone)?;
        let emitter = SignalEmitter::new(connection, path.clone()).map_err(gone)?.into_owned();
        self.lock().insert(number, Entry { owner, told: told.clone() });
        if self.must_stay().is_err() {
            // all others were told just now
            told.notify_one();
        }

        let dial = self.dial.clone();
        let life = Life {
            number,
            wish,
            place,
            routing: profile.routing,
            attempts: Attempts::new(Box::new(move |attempt| dial(attempt))),
            host: self.host.clone(),
            callers: self.gate.callers.clone(),
            caller: caller.clone(),
            patience: self.patience,
            shown,
            answers: inbox,
            told,
        };
        let (announce_after, sent) = oneshot::channel::<ResponseDispatchListener>();
        tokio::spawn(life.run().instrument(span.clone()));
        let shared = self.clone();
        let announcing = async move {
            if let Ok(sent) = sent.await {
                sent.await;
            }
            announce(showing, emitter, caller).await;
            shared.lock().remove(&number);
            drop(permit);
            shared.stir.notify_one();
        };
        tokio::spawn(announcing.instrument(span));
        self.stir.notify_one();
        Ok(Begun { path, announce: announce_after })
    }

    /// Tells every session to end.
    fn end_all(&self) {
        self.leaving.store(true, Ordering::Relaxed);
        self.lock().values().for_each(|entry| entry.told.notify_one());
    }

    fn is_quiet(&self) -> bool {
        self.permits.is_unused() && self.gate.is_quiet()
    }
}

/// Decides when the process leaves.
pub struct Service {
    options: Options,
    shared: Arc<Shared>,
}

impl Service {
    /// Serves the manager at [`PATH`] on a connection to the bus. Its name is to be requested after this.
    ///
    /// # Errors
    ///
    /// Something is served there already.
    pub async fn serve(connection: &Connection, parts: Parts, options: Options) -> zbus::Result<Self> {
        let Parts { dial, look, host, authority, callers, store } = parts;
        let shared = Arc::new(Shared {
            dial,
            look,
            host,
            store,
            gate: Arc::new(Gate::new(callers, authority)),
            sessions: Mutex::default(),
            permits: Quota::new(MAX_SESSIONS.0, MAX_SESSIONS.1),
            probes: Quota::new(MAX_PROBES.0, MAX_PROBES.1),
            files: handed::quota(),
            last_number: AtomicU32::new(0),
            leaving: AtomicBool::new(false),
            patience: options.patience,
            stir: Notify::new(),
        });
        let server = connection.object_server();
        server.at(PATH, ObjectManager).await?;
        server.at(PATH, Manager { shared: shared.clone() }).await?;
        Ok(Self { options, shared })
    }

    /// Runs until the process should leave: until `stop` is ready, the bus is gone, or nothing has happened for long.
    /// Every session is taken down first, and everything that was changed on the machine is undone.
    pub async fn run(self, connection: &Connection, stop: impl Future<Output = ()>) -> Departure {
        let mut stop = pin!(stop);
        let departure = loop {
            let idle_at = Instant::now() + self.options.idle;
            let may_leave = self.shared.is_quiet() && !self.options.persist;
            tokio::select! {
                biased;
                () = &mut stop => break Departure::Told,
                () = connection.closed() => {
                    debug!("the bus closed the connection");
                    break Departure::BusClosed;
                }
                () = self.shared.stir.notified() => {}
                () = sleep_until(idle_at) => {
                    if may_leave && self.leaves_the_bus(connection).await {
                        break Departure::Idle;
                    }
                }
            }
        };
        self.end(departure).await
    }

    /// Gives the bus name away, so that the next call starts another process, unless somebody has called meanwhile.
    async fn leaves_the_bus(&self, connection: &Connection) -> bool {
        if !self.shared.is_quiet() {
            return false;
        }
        if let Err(error) = connection.release_name(BUS_NAME).await {
            debug!("the bus name could not be given away: {error}");
        }
        sleep(LAST_CALLS).await;
        if self.shared.is_quiet() {
            return true;
        }
        debug!("somebody has called at the last moment");
        if let Err(error) = connection.request_name(BUS_NAME).await {
            // another process has begun: sessions of this one stay until they are ended by it
            warn!("The bus name could not be taken back: {error}");
        }
        false
    }

    async fn end(self, departure: Departure) -> Departure {
        self.shared.end_all();
        let limit = self.options.patience.going_down + Duration::from_secs(5);
        let ended = timeout(limit, async {
            while !self.shared.lock().is_empty() {
                self.shared.stir.notified().await;
            }
        });
        let in_time = ended.await.is_ok();
        let undone = timeout(UNDOING, async { self.shared.host.lock().await.undo_all().await }).await.is_ok();
        if !in_time {
            error!("A session did not end within {limit:?}: it is cut off.");
        }
        if !undone {
            error!("This machine could not be restored within {UNDOING:?}: the next start of the service does it.");
        }
        if !in_time || !undone {
            return Departure::Stuck;
        }
        if departure == Departure::Idle {
            info!("There was no session for {:?}.", self.options.idle);
        }
        departure
    }
}
