//! The life of the process around the [`Plugin`]: what ends it, and the one place that follows the tunnel.

use std::future::{Future, pending};
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tracing::{debug, error, info};
use zbus::Connection;
use zbus::fdo::NameOwnerChangedStream;
use zbus::names::OwnedUniqueName;
use zbus::object_server::InterfaceRef;

use super::{Dial, Note, PATH, Plugin, ServiceState};
use crate::dbus::caller::watch_name;
use crate::log::OUTCOME;
use crate::session;
use crate::tunnel::{Phase, TunnelState};

/// What NetworkManager adds to a connection's timeout while it waits for secrets, and some more.
const ASKING: Duration = Duration::from_secs(180 + 60);

/// A connection's timeout where it has none.
const CONNECTION_TIMEOUT: u32 = 60;

/// How a [`Service`] behaves.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Stay when the tunnel is down, ready for another, and however long nothing happens.
    pub persist: bool,
    /// How long to wait for a first call; NetworkManager makes it at once.
    pub idle: Duration,
    /// How long a tunnel may take to go down in good order before it is cut off with the process. The timers of LCP
    /// and SSTP for that (RFC 1661 4.6, MS-SSTP 3.2.2) stay below the default.
    pub going_down: Duration,
    /// How long a login may take before the log says that the server has not answered it.
    pub login: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            persist: false,
            idle: Duration::from_secs(180),
            going_down: Duration::from_secs(15),
            login: Duration::from_secs(5),
        }
    }
}

/// Why a [`Service`] has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// Its tunnel is down, or was refused.
    TunnelDown,
    /// Nobody called.
    Idle,
    /// It was told to stop.
    Told,
    /// The bus is gone.
    BusClosed,
    /// The tunnel did not go down in time; it ends with the process.
    Stuck,
}

/// Follows the tunnel of a [`Plugin`] and decides when the process leaves.
pub struct Service {
    options: Options,
    notes: mpsc::UnboundedReceiver<Note>,
    tunnel: Option<watch::Receiver<TunnelState>>,
    caller: Option<Caller>,
    deadline: Option<Instant>,
    /// When to say that the server has not decided about the login yet.
    remark: Option<Instant>,
    /// The process leaves as soon as the tunnel is down, and why.
    leaving: Option<Departure>,
}

/// Who called, and the signal that it left the bus.
struct Caller {
    name: OwnedUniqueName,
    left: NameOwnerChangedStream,
}

impl Service {
    /// Makes a plugin that starts its tunnels by `dial`. Serve it at [`PATH`] on a connection (before it gets its bus
    /// name), then call [`Service::run`].
    pub fn new(dial: Dial, options: Options) -> (Plugin, Self) {
        let (sender, notes) = mpsc::unbounded_channel();
        let service = Self { options, notes, tunnel: None, caller: None, deadline: None, remark: None, leaving: None };
        (Plugin::new(dial, sender), service)
    }

    /// Runs until the process should leave. When `stop` is ready the tunnel is taken down first.
    ///
    /// # Errors
    ///
    /// The plugin is not served at [`PATH`] on `connection`.
    pub async fn run(mut self, connection: &Connection, stop: impl Future<Output = ()>) -> zbus::Result<Departure> {
        let plugin = connection.object_server().interface::<_, Plugin>(PATH).await?;
        let mut stop = pin!(stop);
        let mut told = false;
        self.set_deadline(self.options.idle);
        loop {
            tokio::select! {
                biased;
                () = &mut stop, if !told => {
                    told = true;
                    self.leave(Departure::Told, &plugin).await;
                }
                () = connection.closed(), if self.leaving != Some(Departure::BusClosed) => {
                    debug!("the bus closed the connection");
                    self.leave(Departure::BusClosed, &plugin).await;
                }
                Some(note) = self.notes.recv() => self.take(note, connection, &plugin).await,
                state = changed(&mut self.tunnel) => self.follow(state, &plugin).await,
                () = left(&mut self.caller) => self.caller_left(&plugin).await,
                () = due(self.remark) => self.remark_on_the_login(&plugin).await,
                () = due(self.deadline) => return Ok(self.overdue(&plugin).await),
            }
            if let Some(departure) = self.departure(&plugin).await {
                return Ok(departure);
            }
        }
    }

    async fn take(&mut self, note: Note, connection: &Connection, plugin: &InterfaceRef<Plugin>) {
        match note {
            Note::Caller(name) => self.watch(name, connection, plugin).await,
            Note::Asking { timeout } => {
                let timeout = if timeout == 0 { CONNECTION_TIMEOUT } else { timeout };
                self.set_deadline(ASKING + Duration::from_secs(timeout.into()));
            }
            Note::Started(tunnel) => {
                self.deadline = None;
                let tunnel = self.tunnel.insert(tunnel);
                let state = tunnel.borrow_and_update().clone();
                self.follow(Some(state), plugin).await;
            }
            // The lock of `get_mut` is free when the answer was sent.
            Note::Ask => plugin.get_mut().await.ask(plugin.signal_emitter()).await,
            Note::Unchanged(why) => plugin.get_mut().await.unchanged(why, plugin.signal_emitter()).await,
            Note::Refused => plugin.get_mut().await.give_up(plugin.signal_emitter()).await,
            Note::Changed => {}
        }
    }

    /// `None`: the tunnel's task is gone.
    async fn follow(&mut self, state: Option<TunnelState>, plugin: &InterfaceRef<Plugin>) {
        let emitter = plugin.signal_emitter();
        let is_login = matches!(state, Some(TunnelState::Starting(Phase::Session(session::Phase::Authentication))));
        self.remark = is_login.then(|| after(self.options.login));
        let Some(tunnel) = self.tunnel.take() else { return };
        let mut plugin = plugin.get_mut().await;
        // meanwhile an answer may have begun another attempt
        if !plugin.is_of_tunnel(&tunnel) {
            return;
        }
        match state {
            Some(state) => {
                self.tunnel = Some(tunnel).filter(|_| !matches!(state, TunnelState::Down(_)));
                plugin.follow(&state, emitter).await;
            }
            None => plugin.lost(emitter).await,
        }
    }

    /// A server that waits for a second factor on another device says nothing while it does.
    async fn remark_on_the_login(&mut self, plugin: &InterfaceRef<Plugin>) {
        self.remark = None;
        plugin.get().await.span.in_scope(|| {
            info!(
                target: OUTCOME,
                "The server has not answered the login yet; if it asks for approval on another device, give it there."
            );
        });
    }

    /// Watches the caller as libnm does: without NetworkManager nobody looks after the connection.
    async fn watch(&mut self, name: OwnedUniqueName, connection: &Connection, plugin: &InterfaceRef<Plugin>) {
        if self.caller.as_ref().is_some_and(|caller| caller.name == name) {
            return;
        }
        match watch_name(connection, &name).await {
            Ok(Some(left)) => self.caller = Some(Caller { name, left }),
            Ok(None) => self.caller_left(plugin).await,
            Err(error) => error!("The bus does not tell when NetworkManager leaves it: {error}"),
        }
    }

    async fn caller_left(&mut self, plugin: &InterfaceRef<Plugin>) {
        self.caller = None;
        plugin.get().await.span.in_scope(|| info!(target: OUTCOME, "NetworkManager has left the bus."));
        self.stop_tunnel(plugin).await;
    }

    async fn leave(&mut self, departure: Departure, plugin: &InterfaceRef<Plugin>) {
        self.leaving = Some(departure);
        self.stop_tunnel(plugin).await;
    }

    async fn stop_tunnel(&mut self, plugin: &InterfaceRef<Plugin>) {
        let mut plugin_lock = plugin.get_mut().await;
        if !matches!(plugin_lock.state, ServiceState::Stopping | ServiceState::Stopped) {
            plugin_lock.stop(plugin.signal_emitter()).await;
        }
    }

    /// Whether it is time to leave, and why; gives a tunnel that goes down its deadline.
    async fn departure(&mut self, plugin: &InterfaceRef<Plugin>) -> Option<Departure> {
        let state = plugin.get().await.state;
        match state {
            ServiceState::Stopped if self.leaving.is_some() => self.leaving,
            ServiceState::Stopped if !self.options.persist => Some(Departure::TunnelDown),
            ServiceState::Stopping => {
                self.deadline.get_or_insert_with(|| after(self.options.going_down));
                None
            }
            ServiceState::Starting | ServiceState::Started | ServiceState::Stopped => {
                self.deadline = None;
                None
            }
            ServiceState::Init => None,
        }
    }

    async fn overdue(&mut self, plugin: &InterfaceRef<Plugin>) -> Departure {
        if plugin.get().await.state == ServiceState::Init {
            info!("Nobody called.");
            return Departure::Idle;
        }
        let span = plugin.get().await.span.clone();
        let limit = self.options.going_down;
        span.in_scope(|| error!("The tunnel did not go down within {limit:?}: it is cut off."));
        Departure::Stuck
    }

    fn set_deadline(&mut self, after_now: Duration) {
        self.deadline = (!self.options.persist).then(|| after(after_now));
    }
}

fn after(duration: Duration) -> Instant {
    Instant::now() + duration
}

/// Waits for the next state; `None` when the tunnel's task is gone without `Down`.
async fn changed(tunnel: &mut Option<watch::Receiver<TunnelState>>) -> Option<TunnelState> {
    match tunnel {
        Some(tunnel) => tunnel.changed().await.ok().map(|()| tunnel.borrow_and_update().clone()),
        None => pending().await,
    }
}

/// Waits until the caller has left the bus.
async fn left(caller: &mut Option<Caller>) {
    match caller {
        // Only a name's own end changes the owner of a unique name.
        Some(caller) => drop(caller.left.next().await),
        None => pending().await,
    }
}

async fn due(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}
