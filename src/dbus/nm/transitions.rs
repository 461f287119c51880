//! What each call and each step of the tunnel makes of the plugin's state, and the signals that tell it.

use std::net::IpAddr;

use tokio::sync::watch;
use tracing::{debug, error, error_span, info, warn};
use zbus::message::Header;
use zbus::object_server::SignalEmitter;

use super::ip_config::Announcement;
use super::question::{Meaning, Waiting};
use super::settings::{Hash, Settings};
use super::{Dial, Error, Interaction, Note, Plugin, Reason, ServiceState};
use crate::log::OUTCOME;
use crate::profile::{self, Profile, Routes, Secret, Secrets};
use crate::session::{self, Answer, NetworkParameters, Question};
use crate::tunnel::{self, Attempt, Command, Established, Failure, TunnelState};

/// How many notices of one profile are logged; more than its table has can only be names that nobody knows.
const MAX_NOTICES: usize = 64;

/// Begins the line that says why `Connect` was refused.
const NOT_STARTED: &str = "The connection was not started";

/// How many attempts a connection has, before what NetworkManager calls one is over: each follows an answer of a person,
/// or of an agent that answers by itself.
const MAX_ATTEMPTS: u32 = 8;

/// What an attempt is made of, for another one.
pub(super) struct Kept {
    profile: Profile,
    secrets: Secrets,
    owner: Option<String>,
    attempts: u32,
    /// A code of a person's has gone to the server: a refusal is about that, not about the password.
    code_sent: bool,
}

impl Plugin {
    pub(super) fn new(dial: Dial, notes: tokio::sync::mpsc::UnboundedSender<Note>) -> Self {
        let span = error_span!("service");
        Self {
            dial,
            state: ServiceState::Init,
            tunnel: None,
            phase: None,
            routes: Routes::Full,
            announced: None,
            waiting: None,
            kept: None,
            notes,
            span,
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
        self.dial_or_ask(kept, interaction);
        Ok(())
    }

    /// Reads a connection that is to be started, and says in the log what of it has no effect or is wrong.
    pub(super) fn read(&mut self, connection: &Hash<'_>, interaction: Interaction) -> Result<Kept, Error> {
        let settings = Settings::read(connection).inspect_err(|malformed| error!("{NOT_STARTED}: {malformed}."))?;
        // At the level of errors, so that the UUID is there at every level.
        self.span = error_span!("connection", nm_connection = settings.uuid.unwrap_or("unknown"));
        let _entered = self.span.enter();
        let owner = settings.owner().inspect_err(|malformed| error!("{NOT_STARTED}: {malformed}."))?;
        let (profile, secrets, notices) = settings.profile().inspect_err(|error| error!("{NOT_STARTED}: {error}."))?;
        for notice in notices.iter().take(MAX_NOTICES) {
            warn!("{notice}");
        }
        if notices.len() > MAX_NOTICES {
            warn!("{} more notices of that kind", notices.len() - MAX_NOTICES);
        }
        let connectable = match (interaction, profile.check()) {
            // it is asked for
            (Interaction::Allowed, Err(profile::Error::NoUserName)) => Ok(()),
            (Interaction::Allowed, checked) => checked,
            // the identity may be in the certificate, which is not read here
            (Interaction::No, _) => profile.session_config(&secrets, None, Some(String::new())).map(drop),
        };
        connectable.inspect_err(|error| error!("{NOT_STARTED}: {error}."))?;
        Ok(Kept { profile, secrets, owner, attempts: 0, code_sent: false })
    }

    /// Starts the tunnel, or has the secrets asked for that it lacks.
    pub(super) fn dial_or_ask(&mut self, kept: Kept, interaction: Interaction) {
        let mut missing = kept.profile.missing_secrets(&kept.secrets);
        // whether a key is locked shows when it is read
        missing.retain(|secret| *secret != Secret::TlsUserKeySecret);
        if interaction == Interaction::Allowed && !missing.is_empty() {
            self.waiting = Some(Waiting::missing(missing, kept.secrets.clone()));
            self.kept = Some(kept);
            return self.note(Note::Ask);
        }
        self.dial(kept, Vec::new(), interaction);
    }

    fn dial(&mut self, mut kept: Kept, answers: Vec<Answer>, interaction: Interaction) {
        self.waiting = None;
        kept.attempts += 1;
        let may_ask = interaction == Interaction::Allowed;
        (self.routes, self.announced) = (kept.profile.routing.routes, None);
        let (profile, secrets, owner) = (kept.profile.clone(), kept.secrets.clone(), kept.owner.clone());
        let attempt = Attempt { profile, secrets, answers, may_ask, owner };
        self.kept = may_ask.then_some(kept);
        let tunnel = self.span.in_scope(|| (self.dial)(attempt));
        self.note(Note::Started(tunnel.state.clone()));
        self.tunnel = Some(tunnel);
    }

    /// `NewSecrets` came.
    pub(super) fn answered(&mut self, waiting: Waiting, came: Kept) {
        let before = waiting.before.clone();
        let Kept { attempts, .. } = self.kept.as_ref().unwrap_or(&came);
        let came = Kept { attempts: *attempts, ..came };
        match waiting.understand(&came.secrets) {
            Meaning::Secrets => self.dial_or_ask(came, Interaction::Allowed),
            Meaning::Unchanged(why) => self.note(Note::Unchanged(why)),
            Meaning::Ask(asked, message) => {
                self.waiting = Some(Waiting { asked, before, message });
                self.note(Note::Ask);
            }
            Meaning::Answer(answer) => self.pass_on(answer, came, before),
        }
    }

    /// The person has answered the server's question: on the call that waits for it, or else on another one.
    fn pass_on(&mut self, answer: Answer, came: Kept, before: Secrets) {
        let Answer { question, text } = &answer;
        let code_sent = matches!(question, Question::OneTimeCode { .. });
        let secrets = match question {
            Question::Password { .. } => Secrets { password: Some(text.clone()), ..came.secrets.clone() },
            // until the server has taken the new one, the old password is the one that counts; and what was typed into the
            // one field that an agent has may be a code, and no password
            Question::NewPassword { .. } | Question::OneTimeCode { .. } => before,
        };
        let kept = Kept { secrets, code_sent, ..came };
        if let Some(tunnel) = &self.tunnel
            && tunnel.commands.try_send(Command::Answer(text.clone())).is_ok()
        {
            self.kept = Some(kept);
            return;
        }
        let answers = if matches!(question, Question::Password { .. }) { Vec::new() } else { vec![answer] };
        self.dial(kept, answers, Interaction::Allowed);
    }

    /// Asks for what the connection waits for.
    pub(super) async fn ask(&mut self, emitter: &SignalEmitter<'_>) {
        let Some(waiting) = &self.waiting else { return };
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
        self.waiting = None;
        self.kept = None;
        match &self.tunnel {
            // It fails only when the tunnel has ended or was told already; its state says so next.
            Some(tunnel) => drop(tunnel.commands.try_send(Command::Disconnect)),
            None => self.enter(ServiceState::Stopped, emitter).await,
        }
        self.note(Note::Changed);
    }

    /// Whether this is the state of the tunnel that there is now, and not that of one before it.
    pub(super) fn is_of_tunnel(&self, state: &watch::Receiver<TunnelState>) -> bool {
        self.tunnel.as_ref().is_some_and(|tunnel| tunnel.state.same_channel(state))
    }

    /// The tunnel has come to `state`.
    pub(super) async fn follow(&mut self, state: &TunnelState, emitter: &SignalEmitter<'_>) {
        match state {
            TunnelState::Starting(phase) => {
                self.phase = Some(*phase);
                self.span.in_scope(|| debug!(?phase, "the tunnel has come to a phase"));
                // A tunnel on its way down is no tunnel that starts again.
                let going_down = *phase == tunnel::Phase::Session(session::Phase::Terminating);
                if self.state == ServiceState::Started && !going_down {
                    self.enter(ServiceState::Starting, emitter).await;
                }
            }
            TunnelState::Asking(question) => {
                if let (ServiceState::Starting, Some(kept)) = (self.state, &self.kept) {
                    self.waiting = Some(Waiting::for_question(question, kept.secrets.clone()));
                    self.ask(emitter).await;
                }
            }
            TunnelState::Up(established) => {
                // what another attempt would need is of no use any more
                (self.kept, self.waiting) = (None, None);
                if matches!(self.state, ServiceState::Starting | ServiceState::Started) {
                    self.announce(established, emitter).await;
                }
            }
            TunnelState::Down(failure) => self.down(failure.as_deref(), emitter).await,
        }
    }

    async fn announce(&mut self, established: &Established, emitter: &SignalEmitter<'_>) {
        let Some(announcement) = Announcement::new(established, self.routes) else {
            self.span.in_scope(|| error!("The server accepted the connection but gave it no IP address."));
            sent(Self::failure(emitter, Reason::BadIpConfig as u32).await);
            return self.stop(emitter).await;
        };
        let update = self.state == ServiceState::Started;
        let announcement = match self.announced.take().filter(|_| update) {
            Some(before) => {
                let announcement = announcement.follow(&before, established);
                if announcement.changes_names(&before) {
                    self.enter(ServiceState::Starting, emitter).await;
                }
                announcement
            }
            None => announcement,
        };
        let Announcement { config, ip4, ip6 } = self.announced.insert(announcement);
        sent(Self::config(emitter, config).await);
        if let Some(ip4) = ip4 {
            sent(Self::ip4_config(emitter, ip4).await);
        }
        if let Some(ip6) = ip6 {
            sent(Self::ip6_config(emitter, ip6).await);
        }
        let what = if update { "Updated: connected" } else { "Connected" };
        self.span.in_scope(|| info!(target: OUTCOME, "{what} {}", success(established)));
        self.enter(ServiceState::Started, emitter).await;
    }

    async fn down(&mut self, failure: Option<&Failure>, emitter: &SignalEmitter<'_>) {
        self.tunnel = None;
        self.phase = None;
        if let Some(failure) = failure
            && self.goes_on(failure, emitter).await
        {
            return;
        }
        (self.kept, self.waiting) = (None, None);
        match failure {
            // It was being taken down anyway.
            Some(failure) if self.state == ServiceState::Stopping => {
                self.span.in_scope(|| info!(target: OUTCOME, "Disconnected, but not in good order: {failure}."));
            }
            Some(failure) => {
                let what = if self.state == ServiceState::Started { "was lost" } else { "failed" };
                self.span.in_scope(|| error!("The connection {what}: {failure}."));
                sent(Self::failure(emitter, Reason::from(failure.kind()) as u32).await);
            }
            None => self.span.in_scope(|| info!(target: OUTCOME, "Disconnected.")),
        }
        self.enter(ServiceState::Stopped, emitter).await;
    }

    /// Whether a person can let another attempt succeed, and is being asked.
    async fn goes_on(&mut self, failure: &Failure, emitter: &SignalEmitter<'_>) -> bool {
        if self.state != ServiceState::Starting || self.kept.as_ref().is_none_or(|kept| kept.attempts >= MAX_ATTEMPTS) {
            return false;
        }
        if self.waiting.is_some() {
            self.span.in_scope(|| info!(target: OUTCOME, "The question stays, though: {failure}."));
            return true;
        }
        let Some(kept) = self.kept.take() else { return false };
        let refused = matches!(failure, Failure::Session(session::Error::AuthenticationFailed { code: None, .. }));
        if kept.code_sent && refused {
            self.span.in_scope(|| info!(target: OUTCOME, "Trying again: {failure}."));
            self.dial(Kept { code_sent: false, ..kept }, Vec::new(), Interaction::Allowed);
            return true;
        }
        let password = matches!(kept.profile.authentication, profile::Authentication::Password { .. });
        let waiting = Waiting::for_failure(failure, kept.secrets.clone());
        // a certificate that is refused is not mended by a password
        let Some(waiting) = waiting.filter(|_| password || matches!(failure, Failure::InnerTls(_))) else {
            return false;
        };
        self.span.in_scope(|| info!(target: OUTCOME, "Asking again: {failure}."));
        (self.kept, self.waiting) = (Some(kept), Some(waiting));
        self.ask(emitter).await;
        true
    }

    /// The tunnel's task is gone without a last word.
    pub(super) async fn lost(&mut self, emitter: &SignalEmitter<'_>) {
        if self.tunnel.take().is_none() {
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

/// The end of the line that says what a connection is.
fn success(Established { interface, server, parameters, .. }: &Established) -> String {
    let NetworkParameters { ipv4, ipv6, mtu, authentication, eap_method, .. } = parameters;
    let gateway = server.ip();
    let ipv4 = ipv4.iter().map(|ipv4| IpAddr::from(ipv4.address));
    let ipv6 = ipv6.iter().flat_map(|ipv6| match &ipv6.addresses[..] {
        [] => vec![IpAddr::from(ipv6.link_local)],
        addresses => addresses.iter().map(|address| address.address.into()).collect(),
    });
    let addresses: Vec<String> = ipv4.chain(ipv6).map(|address| address.to_string()).collect();
    let authentication = match (authentication, eap_method) {
        (Some(_), Some(method)) => format!("authenticated by {}", method.name()),
        (Some(protocol), None) => format!("authenticated by {}", protocol.name()),
        (None, _) => "without authentication, as the server asked for none".to_owned(),
    };
    format!("to {gateway} as {} on {interface}, MTU {mtu}, {authentication}.", addresses.join(" and "))
}
