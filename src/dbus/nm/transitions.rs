//! What each call and each step of the tunnel makes of the plugin's state, and the signals that tell it.

use std::time::Duration;

use tokio::sync::watch;
use tracing::field::display;
use tracing::{debug, error, error_span, info, warn};
use zbus::message::Header;
use zbus::object_server::SignalEmitter;

use super::ip_config::Announcement;
use super::settings::{Hash, Settings};
use super::{Dial, Error, Note, Plugin, Reason, ServiceState};
use crate::dbus::attempts::{Attempts, Interaction, Kept, Next, success};
use crate::dbus::fields;
use crate::dbus::pin::Place;
use crate::dbus::question::Waiting;
use crate::log::{self, OUTCOME};
use crate::profile::Routes;
use crate::profile_files::Rights;
use crate::session;
use crate::tunnel::{self, Ending, Established, TunnelState};

/// How many notices of one profile are logged; more than its table has can only be names that nobody knows.
const MAX_NOTICES: usize = 64;

/// How long GNOME Shell is left to store what was typed last: where it is asked meanwhile, it may fail to read its keyring,
/// and the connection would end.
const STORING: Duration = Duration::from_millis(500);

/// Begins the line that says why `Connect` was refused.
const NOT_STARTED: &str = "The connection was not started";

impl Plugin {
    pub(super) fn new(dial: Dial, notes: tokio::sync::mpsc::UnboundedSender<Note>) -> Self {
        let span = error_span!("service");
        Self {
            attempts: Attempts::new(dial),
            passes: 0,
            state: ServiceState::Init,
            phase: None,
            peer: None,
            routes: Routes::Full,
            announced: None,
            is_lost: false,
            is_nowhere: false,
            notes,
            span,
            place: None,
        }
    }

    /// `Connect` and `ConnectInteractive`.
    pub(super) async fn begin(
        &mut self,
        connection: &Hash<'_>,
        interaction: Interaction,
        emitter: &SignalEmitter<'_>,
    ) -> Result<(), Error> {
        match self.state {
            ServiceState::Init | ServiceState::Stopped => {}
            ServiceState::Starting => {
                return Err(Error::StartingInProgress("This process is already starting a connection.".to_owned()));
            }
            ServiceState::Started => {
                return Err(Error::AlreadyStarted("This process already has a connection.".to_owned()));
            }
            ServiceState::Stopping => {
                return Err(Error::WrongState("This process is taking its connection down.".to_owned()));
            }
        }
        let kept = self.read(connection, interaction).inspect_err(|_| self.note(Note::Refused))?;
        self.enter(ServiceState::Starting, emitter).await;
        (self.routes, self.announced) = (kept.routes(), None);
        let next = self.span.in_scope(|| self.attempts.begin(kept, interaction));
        self.note_next(next);
        Ok(())
    }

    /// Reads a connection that is to be started, and says in the log what of it has no effect or is wrong.
    pub(super) fn read(&mut self, connection: &Hash<'_>, interaction: Interaction) -> Result<Kept, Error> {
        let settings = Settings::read(connection).inspect_err(|malformed| error!("{NOT_STARTED}: {malformed}."))?;
        // At the level of errors, so that the UUID is there at every level.
        self.span = error_span!("connection", nm_connection = settings.uuid.unwrap_or("unknown"));
        self.place = settings.uuid.map(|uuid| Place::Connection(uuid.to_owned()));
        let span = self.span.clone();
        let _entered = span.enter();
        let owner = settings.owner().inspect_err(|malformed| error!("{NOT_STARTED}: {malformed}."))?;
        let (profile, secrets, notices) = settings.profile().inspect_err(|error| error!("{NOT_STARTED}: {error}."))?;
        self.span = log::at_least(&span, profile.log_level);
        for notice in notices.iter().take(MAX_NOTICES) {
            warn!("{notice}");
        }
        if notices.len() > MAX_NOTICES {
            warn!("{} more notices of that kind", notices.len() - MAX_NOTICES);
        }
        let kept = Kept::new(profile, secrets, Rights::of(owner)).lasting(settings.persistent);
        kept.check(interaction).inspect_err(|error| error!("{NOT_STARTED}: {error}."))?;
        Ok(kept)
    }

    /// `NewSecrets` came.
    pub(super) fn answered(&mut self, waiting: Waiting, came: Kept) {
        let next = self.span.in_scope(|| self.attempts.answered(waiting, came));
        self.note_next(next);
    }

    /// Has the [`Service`](super::Service) do what is next, when the call at hand was answered.
    fn note_next(&self, next: Next) {
        match (next, self.attempts.state()) {
            (Next::Follow, Some(state)) => self.note(Note::Started(state)),
            (Next::Follow, None) | (Next::GoOn, _) => {}
            (Next::Ask, _) => self.note(Note::Ask),
            (Next::GiveUp(why), _) => self.note(Note::Unchanged(why)),
        }
    }

    /// Asks for what the connection waits for.
    pub(super) async fn ask(&mut self, emitter: &SignalEmitter<'_>) {
        let Some(waiting) = self.attempts.waiting() else { return };
        tokio::time::sleep(STORING).await;
        let hints = waiting.hints();
        self.span.in_scope(|| {
            info!(target: OUTCOME, "Asking: {}", waiting.message);
            debug!(?hints, "asking for secrets");
        });
        let hints: Vec<&str> = hints.iter().map(String::as_str).collect();
        sent(Self::secrets_required(emitter, &waiting.message, &hints).await);
    }

    /// An agent answered with what had been refused: asking again would only ask the agent again, and the account might
    /// be locked in the end.
    pub(super) async fn unchanged(&mut self, why: &str, emitter: &SignalEmitter<'_>) {
        self.span.in_scope(|| error!("The connection failed: {why}."));
        sent(Self::failure(emitter, Reason::LoginFailed as u32).await);
        self.stop(emitter).await;
    }

    /// Begins to take down what there is. No failure is signalled: whoever called wanted this. But NetworkManager also
    /// calls when a connection has taken too long, and then the log should say where it stood.
    pub(super) async fn stop(&mut self, emitter: &SignalEmitter<'_>) {
        if let (ServiceState::Starting, Some(phase)) = (self.state, self.phase) {
            self.span.in_scope(|| info!(target: OUTCOME, "Told to disconnect {phase}."));
        }
        if matches!(self.state, ServiceState::Starting | ServiceState::Started) {
            self.enter(ServiceState::Stopping, emitter).await;
        }
        self.attempts.settle();
        if !self.attempts.disconnect() {
            self.enter(ServiceState::Stopped, emitter).await;
        }
        self.note(Note::Changed);
    }

    /// Whether this is the state of the tunnel that there is now, and not that of one before it.
    pub(super) fn is_of_tunnel(&self, state: &watch::Receiver<TunnelState>) -> bool {
        self.attempts.is_of_tunnel(state)
    }

    /// The tunnel has come to `state`.
    pub(super) async fn follow(&mut self, state: &TunnelState, emitter: &SignalEmitter<'_>) {
        match state {
            TunnelState::Starting(phase) => {
                self.phase = Some(*phase);
                let name = fields::phase_name(*phase);
                self.span.in_scope(|| debug!(sstp_phase = name, "the tunnel has come to a phase"));
                // A tunnel on its way down is no tunnel that starts again.
                let going_down = *phase == tunnel::Phase::Session(session::Phase::Terminating);
                if self.state == ServiceState::Started && !going_down {
                    self.enter(ServiceState::Starting, emitter).await;
                }
            }
            TunnelState::Asking(question) => {
                if self.state == ServiceState::Starting && self.attempts.asks(question) == Next::Ask {
                    self.ask(emitter).await;
                }
            }
            TunnelState::Up(established) => {
                self.attempts.settle();
                if matches!(self.state, ServiceState::Starting | ServiceState::Started) {
                    self.announce(established, emitter).await;
                }
            }
            TunnelState::Reconnecting { moved, .. } => self.reconnecting(*moved, emitter).await,
            TunnelState::Down(failure) => self.down(failure.as_deref(), emitter).await,
        }
    }

    async fn announce(&mut self, established: &Established, emitter: &SignalEmitter<'_>) {
        let update = self.state == ServiceState::Started;
        let before = self.announced.take().filter(|_| update);
        let announcement = match &before {
            Some(before) => Announcement::after(before, established, self.routes),
            None => Announcement::new(established, self.routes),
        };
        let Some(announcement) = announcement else {
            self.span.in_scope(|| {
                error!(
                    "The server accepted the connection but gave it no IP address: its administrator has to mend that."
                )
            });
            sent(Self::failure(emitter, Reason::BadIpConfig as u32).await);
            return self.stop(emitter).await;
        };
        if before.is_some_and(|before| announcement.changes_names(&before)) {
            self.enter(ServiceState::Starting, emitter).await;
        }
        let Announcement { config, ip4, ip6, .. } = self.announced.insert(announcement);
        sent(Self::config(emitter, config).await);
        if let Some(ip4) = ip4 {
            sent(Self::ip4_config(emitter, ip4).await);
        }
        if let Some(ip6) = ip6 {
            sent(Self::ip6_config(emitter, ip6).await);
        }
        self.is_nowhere = false;
        let what = match (std::mem::take(&mut self.is_lost), update) {
            (true, _) => "Connected again",
            (false, true) => "Updated: connected",
            (false, false) => "Connected",
        };
        let peer = established.server.ip();
        self.peer = Some(peer);
        self.span.in_scope(|| {
            info!(target: OUTCOME, sstp_phase = "connected", sstp_peer = %peer, "{what} {}", success(established));
        });
        self.enter(ServiceState::Started, emitter).await;
    }

    /// The tunnel is there, and its connection is being made again. For NetworkManager nothing has changed, so that nothing
    /// flaps; but its route to the gateway goes by the network that there was, and it keeps that for as long as the gateway
    /// is the same. So the gateway is nowhere until it is found again, for which the tunnel needs no route.
    async fn reconnecting(&mut self, moved: bool, emitter: &SignalEmitter<'_>) {
        self.is_lost = true;
        let (true, Some(announcement)) = (moved && self.state == ServiceState::Started, &self.announced) else {
            return;
        };
        let Announcement { ip4, ip6, .. } = announcement;
        sent(Self::config(emitter, &announcement.config_without_gateway()).await);
        if let Some(ip4) = ip4 {
            sent(Self::ip4_config(emitter, ip4).await);
        }
        if let Some(ip6) = ip6 {
            sent(Self::ip6_config(emitter, ip6).await);
        }
    }

    async fn down(&mut self, failure: Option<&Ending>, emitter: &SignalEmitter<'_>) {
        self.attempts.down();
        let phase = self.phase.take().map(fields::phase_name);
        let peer = self.peer.take().map(display);
        if let Some(failure) = failure
            && self.goes_on(failure, emitter).await
        {
            return;
        }
        self.attempts.settle();
        match failure {
            // It was being taken down anyway.
            Some(failure) if self.state == ServiceState::Stopping => {
                self.span.in_scope(|| info!(target: OUTCOME, "Disconnected, but not in good order: {failure}."));
            }
            Some(failure) => {
                let what = if self.state == ServiceState::Started { "was lost" } else { "failed" };
                let why = self.place.as_ref().map_or_else(|| failure.to_string(), |place| place.sentence(failure));
                self.span.in_scope(|| {
                    error!(
                        sstp_phase = phase,
                        sstp_peer = peer,
                        sstp_status = failure.status,
                        "The connection {what}: {why}."
                    );
                });
                sent(Self::failure(emitter, Reason::from(failure.kind) as u32).await);
            }
            None => self.span.in_scope(|| info!(target: OUTCOME, "Disconnected.")),
        }
        self.enter(ServiceState::Stopped, emitter).await;
    }

    /// Whether another attempt is made, or a person is being asked who can let one succeed.
    async fn goes_on(&mut self, failure: &Ending, emitter: &SignalEmitter<'_>) -> bool {
        if self.state != ServiceState::Starting {
            return false;
        }
        let next = self.span.in_scope(|| self.attempts.after_failure(failure));
        match next {
            None => return false,
            // what was asked meanwhile is asked at once: nobody has called
            Some(Next::Ask) => self.ask(emitter).await,
            Some(next) => self.note_next(next),
        }
        true
    }

    /// The tunnel's task is gone without a last word.
    pub(super) async fn lost(&mut self, emitter: &SignalEmitter<'_>) {
        if !self.attempts.down() {
            return;
        }
        self.phase = None;
        self.span.in_scope(|| error!("The tunnel ended unexpectedly: this is a fault of nm-sstp, please report it."));
        if self.state != ServiceState::Stopping {
            sent(Self::failure(emitter, Reason::ConnectFailed as u32).await);
        }
        self.enter(ServiceState::Stopped, emitter).await;
    }

    /// Gives up after a refused call, as NetworkManager does.
    pub(super) async fn give_up(&mut self, emitter: &SignalEmitter<'_>) {
        if matches!(self.state, ServiceState::Init | ServiceState::Starting) {
            self.stop(emitter).await;
        }
    }

    pub(super) fn must_be_up(&self) -> Result<(), Error> {
        match self.state {
            ServiceState::Starting | ServiceState::Started => Ok(()),
            _ => Err(Error::WrongState("There is no connection.".to_owned())),
        }
    }

    /// Remembers who calls, so that its leaving is noticed.
    pub(super) fn heard(&self, header: &Header<'_>) {
        if let Some(sender) = header.sender() {
            self.note(Note::Caller(sender.to_owned().into()));
        }
    }

    pub(super) fn note(&self, note: Note) {
        // It fails only when the service has left, and then nothing matters any more.
        drop(self.notes.send(note));
    }

    async fn enter(&mut self, state: ServiceState, emitter: &SignalEmitter<'_>) {
        if self.state != state {
            self.state = state;
            self.span.in_scope(|| debug!(?state, "the plugin's state changed"));
            sent(Self::state_changed(emitter, state as u32).await);
        }
    }
}

/// A signal that could not be sent means that the bus is gone; [`Service`](super::Service) notices that by itself.
pub(super) fn sent(result: zbus::Result<()>) {
    if let Err(error) = result {
        debug!("A signal could not be sent: {error}");
    }
}
