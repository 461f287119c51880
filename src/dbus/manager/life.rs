//! The life of a session: it follows the tunnel, has the machine configured, and asks. It writes what the session shows.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Notify, mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::field::display;
use tracing::{debug, error, info, warn};
use zbus::names::OwnedUniqueName;

use super::host::Host;
use super::shown::{Asked, Details, Kind, Reason, Shown, State};
use crate::dbus::attempts::{Attempts, Interaction, Kept, Next, success};
use crate::dbus::caller::Callers;
use crate::dbus::fields;
use crate::dbus::pin::Place;
use crate::log::OUTCOME;
use crate::netconf::Intent;
use crate::profile::{self, Notice, Profile, Routing, Secret, Secrets};
use crate::profile_files::Rights;
use crate::store::SecretValues;
use crate::tunnel::{Ending, Established, TunnelState};

/// How long the parts of a session's life may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// A person, before they answer a question. The server's own patience is less.
    pub answer: Duration,
    /// A tunnel, before it is down in good order; then it is cut off.
    pub going_down: Duration,
    /// A session that has failed, before it goes.
    pub failed: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(5 * 60),
            going_down: Duration::from_secs(15),
            failed: Duration::from_secs(60),
        }
    }
}

/// An answer to the question of this serial number.
pub(super) struct Answered {
    pub(super) serial: u32,
    pub(super) secrets: SecretValues,
}

/// What a session is made with.
pub(super) struct Wish {
    /// The settings of its profile.
    pub(super) settings: BTreeMap<String, String>,
    /// Its secrets.
    pub(super) secrets: SecretValues,
    /// With whose rights its files are read.
    pub(super) rights: Rights,
    pub(super) interaction: Interaction,
}

impl Wish {
    /// The profile with its secrets, and what the log should say of them.
    ///
    /// # Errors
    ///
    /// The settings cannot be read.
    pub(super) fn profile(&self) -> Result<(Profile, Secrets, Vec<Notice>), profile::Error> {
        let secrets = self.secrets.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let (secrets, more) = Secrets::from_settings(&self.settings, secrets);
        let (profile, mut notices) = Profile::from_settings(&self.settings, secrets.get(Secret::User), None)?;
        notices.extend(more);
        Ok((profile, secrets, notices))
    }

    /// What the next attempt is made of.
    ///
    /// # Errors
    ///
    /// The settings cannot be read.
    pub(super) fn kept(&self) -> Result<Kept, profile::Error> {
        let (profile, secrets, _) = self.profile()?;
        Ok(Kept::new(profile, secrets, self.rights.clone()).lasting(true))
    }

    /// The same with what a person has answered. What was worth something once only is not kept.
    fn answered(&mut self, secrets: SecretValues) {
        for once in [Secret::Otp, Secret::PasswordAgain] {
            self.secrets.remove(once.name());
        }
        self.secrets.extend(secrets);
    }
}

/// A session from its first attempt to its end.
pub(super) struct Life {
    pub(super) number: u32,
    pub(super) wish: Wish,
    /// Where its settings are changed.
    pub(super) place: Place,
    pub(super) routing: Routing,
    pub(super) attempts: Attempts,
    pub(super) host: Arc<Mutex<dyn Host>>,
    pub(super) callers: Arc<dyn Callers>,
    /// Who called `Connect`.
    pub(super) caller: OwnedUniqueName,
    pub(super) patience: Patience,
    pub(super) shown: watch::Sender<Shown>,
    pub(super) answers: mpsc::Receiver<Answered>,
    /// `Disconnect` was called.
    pub(super) told: Arc<Notify>,
}

/// What goes on in a session, beside what it shows.
#[derive(Default)]
struct Course {
    tunnel: Option<watch::Receiver<TunnelState>>,
    /// Counts the questions.
    serial: u32,
    /// When the question at hand is given up.
    answer_by: Option<Instant>,
    /// When a tunnel that goes down is cut off.
    down_by: Option<Instant>,
    /// The machine is configured for it, or was.
    applied: bool,
    /// It ends, and why; `Some(None)`: it was told to.
    ending: Option<Option<Reason>>,
    /// `Disconnect` was called.
    told: bool,
}

impl Life {
    /// Runs the session until its object may go.
    pub(super) async fn run(mut self) {
        let mut course = Course::default();
        match self.wish.kept() {
            Ok(kept) => {
                let next = self.attempts.begin(kept, self.wish.interaction);
                self.take(next, &mut course);
            }
            // it was read before
            Err(error) => self.fail(Kind::Connect, &error.to_string(), &mut course),
        }
        while course.ending.is_none() || course.tunnel.is_some() {
            self.turn(&mut course).await;
        }
        self.close(course).await;
    }

    async fn turn(&mut self, course: &mut Course) {
        let asks = course.answer_by.is_some();
        tokio::select! {
            biased;
            () = self.told.notified() => self.disconnect(course),
            Some(answered) = self.answers.recv() => self.answered(answered, course),
            state = changed(&mut course.tunnel) => self.follow(state, course).await,
            () = left(&*self.callers, &self.caller, asks) => {
                self.unanswered("whoever was to answer the question has left the bus: connect again", course);
            }
            () = due(course.answer_by) => self.unanswered("nobody has answered the question: connect again", course),
            () = due(course.down_by) => {
                let limit = self.patience.going_down;
                error!("The tunnel did not go down within {limit:?}: it is cut off.");
                self.attempts.down();
                course.tunnel = None;
            }
        }
    }

    /// `Disconnect`.
    fn disconnect(&mut self, course: &mut Course) {
        course.told = true;
        if course.ending.is_none() {
            info!(target: OUTCOME, "Told to disconnect.");
            self.end(None, course);
        }
    }

    /// Begins to end the session.
    fn end(&mut self, reason: Option<Reason>, course: &mut Course) {
        course.ending = Some(reason);
        course.answer_by = None;
        self.attempts.settle();
        if self.attempts.disconnect() {
            course.down_by = Some(Instant::now() + self.patience.going_down);
        } else {
            course.tunnel = None;
        }
        self.show(|shown| {
            shown.state = State::Disconnecting;
            shown.question = None;
        });
    }

    /// The session fails; `why` is a sentence without its begin and end.
    fn fail(&mut self, kind: Kind, why: &str, course: &mut Course) {
        self.fail_with(kind, why, None, course);
    }

    /// As [`fail`](Self::fail), with the number that the server gave as its reason.
    fn fail_with(&mut self, kind: Kind, why: &str, status: Option<u32>, course: &mut Course) {
        let what = if course.applied { "was lost" } else { "failed" };
        let (phase, peer) = {
            let shown = self.shown.borrow();
            (shown.phase_name(), shown.details.as_ref().map(|details| display(details.established.server.ip())))
        };
        error!(sstp_phase = phase, sstp_peer = peer, sstp_status = status, "The connection {what}: {why}.");
        self.end(Some(Reason { kind, text: format!("The connection {what}: {why}.") }), course);
    }

    fn unanswered(&mut self, why: &str, course: &mut Course) {
        self.fail(Kind::Authentication, why, course);
    }

    fn take(&mut self, next: Next, course: &mut Course) {
        match next {
            Next::GoOn => self.show(|shown| shown.state = State::Connecting),
            Next::Ask => self.ask(course),
            Next::GiveUp(why) => self.fail(Kind::Authentication, why, course),
            Next::Follow => {
                course.tunnel = self.attempts.state();
                self.show(|shown| shown.state = State::Connecting);
                if let Some(tunnel) = &mut course.tunnel {
                    // how it begins counts, too
                    tunnel.mark_changed();
                }
            }
        }
    }

    /// Asks for what the connection waits for.
    fn ask(&mut self, course: &mut Course) {
        let Some(waiting) = self.attempts.waiting() else { return };
        info!(target: OUTCOME, "Asking: {}", waiting.message);
        course.serial += 1;
        course.answer_by = Some(Instant::now() + self.patience.answer);
        let asked = Asked { serial: course.serial, message: waiting.message.clone(), secrets: waiting.names() };
        self.show(|shown| {
            shown.state = State::Asking;
            shown.question = Some(asked);
        });
    }

    fn answered(&mut self, Answered { serial, secrets }: Answered, course: &mut Course) {
        if course.ending.is_some() || serial != course.serial {
            return;
        }
        let Some(waiting) = self.attempts.take_waiting() else { return };
        course.answer_by = None;
        self.show(|shown| shown.question = None);
        let names = waiting.names();
        if !secrets.keys().any(|name| names.contains(&name.as_str())) {
            return self.unanswered("the question was declined: connect again to be asked again", course);
        }
        self.wish.answered(secrets);
        let next = match self.wish.kept() {
            Ok(came) => self.attempts.answered(waiting, came),
            Err(error) => return self.fail(Kind::Connect, &error.to_string(), course),
        };
        self.take(next, course);
    }

    /// `None`: the tunnel's task is gone.
    async fn follow(&mut self, state: Option<TunnelState>, course: &mut Course) {
        match state {
            Some(TunnelState::Starting(phase)) => {
                debug!(sstp_phase = fields::phase_name(phase), "the tunnel has come to a phase");
                self.show(|shown| shown.phase = phase);
            }
            Some(TunnelState::Asking(question)) if course.ending.is_none() => {
                let next = self.attempts.asks(&question);
                if next == Next::Ask {
                    self.ask(course);
                }
            }
            Some(TunnelState::Up(established)) if course.ending.is_none() => self.up(established, course).await,
            Some(TunnelState::Reconnecting { why, gateways, .. }) if course.ending.is_none() => {
                self.host.lock().await.expect_gateway(self.number, &gateways).await;
                self.show(|shown| shown.reconnecting(&why.sentence));
            }
            Some(TunnelState::Asking(_) | TunnelState::Up(_) | TunnelState::Reconnecting { .. }) => {}
            Some(TunnelState::Down(failure)) => self.down(failure.as_deref(), course),
            None => {
                self.attempts.down();
                course.tunnel = None;
                if course.ending.is_none() {
                    let why = "the tunnel ended unexpectedly, which is a fault of nm-sstp: please report it";
                    self.fail(Kind::Connect, why, course);
                }
            }
        }
    }

    /// The session is connected as soon as the machine is configured for it.
    async fn up(&mut self, established: Arc<Established>, course: &mut Course) {
        self.attempts.settle();
        course.answer_by = None;
        let intent = Intent::new(&established, &self.routing);
        if intent.addresses.is_empty() {
            let why =
                "the server accepted the connection but gave it no IP address: its administrator has to mend that";
            return self.fail(Kind::IpConfiguration, why, course);
        }
        // what is undone must not depend on how far it came
        let was_connected = std::mem::replace(&mut course.applied, true);
        let applied = self.host.lock().await.apply(self.number, &intent).await;
        match applied {
            Ok(notices) => notices.iter().for_each(|notice| warn!("{notice}")),
            Err(why) => {
                course.applied = was_connected;
                let why = format!("this machine could not be configured for the tunnel: {why}");
                return self.fail(Kind::Host, &why, course);
            }
        }
        let what = match (was_connected, self.shown.borrow().state) {
            (_, State::Reconnecting) => "Connected again",
            (true, _) => "Updated: connected",
            (false, _) => "Connected",
        };
        let peer = display(established.server.ip());
        info!(target: OUTCOME, sstp_phase = "connected", sstp_peer = peer, "{what} {}", success(&established));
        self.show(|shown| {
            shown.phase = crate::tunnel::Phase::Session(crate::session::Phase::Connected);
            shown.question = None;
            shown.connected(Details { established, intent });
        });
    }

    fn down(&mut self, failure: Option<&Ending>, course: &mut Course) {
        self.attempts.down();
        course.tunnel = None;
        match (failure, &course.ending) {
            (Some(failure), Some(_)) => {
                info!(target: OUTCOME, "Disconnected, but not in good order: {failure}.");
            }
            (None, Some(_)) => info!(target: OUTCOME, "Disconnected."),
            (None, None) => {
                info!(target: OUTCOME, "Disconnected.");
                self.end(None, course);
            }
            (Some(failure), None) => {
                let next = if course.applied { None } else { self.attempts.after_failure(failure) };
                match next {
                    // a question that stays is still shown
                    Some(Next::GoOn) => {}
                    Some(next) => self.take(next, course),
                    None => {
                        let why = self.place.sentence(failure);
                        self.fail_with(failure.kind.into(), &why, failure.status, course);
                    }
                }
            }
        }
    }

    /// The tunnel is down: what was done for it is undone before that is told, and the object goes after it.
    async fn close(self, course: Course) {
        let reason = course.ending.flatten();
        // whoever has called Disconnect already waits for nothing that they could read or end
        let stays = reason.is_some() && !course.told;
        let blocks = stays && self.routing.kill_switch && course.applied;
        if blocks {
            self.host.lock().await.block(self.number).await;
            warn!("Nothing leaves this machine until the session is disconnected: it has a kill switch.");
        } else {
            self.host.lock().await.undo(self.number).await;
        }
        self.show(|shown| shown.closed(reason));
        if blocks {
            self.told.notified().await;
            self.host.lock().await.undo(self.number).await;
            info!(target: OUTCOME, "Disconnected.");
        } else if stays {
            tokio::select! {
                () = sleep(self.patience.failed) => {}
                () = self.told.notified() => {}
            }
        }
    }

    fn show(&self, change: impl FnOnce(&mut Shown)) {
        self.shown.send_modify(change);
    }
}

/// Waits for the next state; `None` when the tunnel's task is gone without a last word.
async fn changed(tunnel: &mut Option<watch::Receiver<TunnelState>>) -> Option<TunnelState> {
    match tunnel {
        Some(tunnel) => tunnel.changed().await.ok().map(|()| tunnel.borrow_and_update().clone()),
        None => pending().await,
    }
}

/// Waits until the caller has left the bus, where that matters.
async fn left(callers: &dyn Callers, caller: &OwnedUniqueName, matters: bool) {
    if matters { callers.left(caller).await } else { pending().await }
}

async fn due(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}
