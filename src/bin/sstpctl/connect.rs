//! `sstpctl connect`: starts a session, shows how far it comes, answers what the server asks.

use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

use nm_sstp::tr;
use sd_notify::NotifyState;
use tokio::time::{Instant, sleep, sleep_until};
use zbus::{OwnedObjectPath, OwnedVariant};

use crate::arguments;
use crate::events::{Event, Events, Question};
use crate::files;
use crate::helper::{Authorization, Helper};
use crate::output::{self, Rows, Style};
use crate::printable;
use crate::problem::{Exit, Problem};
use crate::progress::{self, Progress};
use crate::prompt::Terminal;
use crate::secrets::Given;
use crate::session::Session;
use crate::settings::{self, Settings};
use crate::signals::{Signals, Stop};
use crate::status;

/// How long a session may take to end before we leave it to the helper. The call's own timers are shorter
/// (MS-SSTP 3.2.2: 3 s and 1 s, 5 s and 1 s).
const ENDING: Duration = Duration::from_secs(15);
/// How long after a session's failure the reason may come.
const REASON: Duration = Duration::from_secs(2);

/// Runs the command.
///
/// # Errors
///
/// Whatever kept the session from being connected, or with `--foreground` whatever ended it.
pub async fn run(arguments: arguments::Connect) -> Result<(), Problem> {
    let settings = match &arguments.gateway {
        Some(gateway) => {
            let settings = settings::gather(Some(gateway), arguments.user.as_deref(), &arguments.set)?;
            output::warn_of(&settings::connectable(&settings)?);
            settings
        }
        None => Settings::new(),
    };
    let files = files::open(&settings)?;
    let mut secrets = Given::password(&arguments.password)?;
    if arguments.foreground {
        secrets.add_credentials()?;
    }
    let background = arguments.wait == Some(0) && !arguments.foreground;
    let terminal = if arguments.no_ask || background { None } else { Terminal::open() };
    let mut signals = Signals::take()?;
    let opening = async {
        let helper = Helper::open(Authorization::Ask).await?;
        let events = helper.events().await?;
        Ok((helper, events))
    };
    let (helper, events) = signals.unless_stopped(opening).await?;
    output::print(&progress::heading(arguments.profile.as_deref(), arguments.gateway.as_deref()))?;
    let profile = arguments.profile.as_deref().unwrap_or_default();
    let starting = async { helper.connect(profile, &settings, &secrets.as_map(), &files, terminal.is_some()).await };
    let path = signals.unless_stopped(starting).await?;
    drop((secrets, files));
    if background {
        let number = path.rsplit('/').next().unwrap_or_default().to_owned();
        return output::print(
            &(tr!("Session {number} goes on in the background: sstpctl status {number}", number = number) + "\n"),
        );
    }
    let wait = arguments.wait.filter(|seconds| *seconds != 0).map(|seconds| Duration::from_secs(seconds.into()));
    let mut attempt = Attempt {
        helper: &helper,
        path,
        events,
        signals,
        terminal,
        progress: Progress::new(),
        deadline: wait.map(|wait| Instant::now() + wait),
        reason_until: None,
        pending: None,
        state: "connecting".to_owned(),
        foreground: arguments.foreground,
        told_to_end: false,
    };
    attempt.run().await
}

type Properties = HashMap<String, OwnedVariant>;

/// What a session that was started needs from us.
struct Attempt<'a> {
    helper: &'a Helper,
    path: OwnedObjectPath,
    events: Events,
    signals: Signals,
    terminal: Option<Terminal>,
    progress: Progress,
    /// When `--wait` ends; `None` once the session is connected.
    deadline: Option<Instant>,
    /// The session has failed; until then we wait for the reason.
    reason_until: Option<Instant>,
    /// What ended a question, and is to be handled after it.
    pending: Option<Wake>,
    state: String,
    foreground: bool,
    told_to_end: bool,
}

/// What wakes us.
enum Wake {
    Told(Event),
    Stop(Stop),
    Deadline,
    NoReason,
}

impl Attempt<'_> {
    async fn run(&mut self) -> Result<(), Problem> {
        let result = self.follow().await;
        if !self.told_to_end && result.as_ref().is_err_and(|problem| problem.exit == Exit::Interrupted) {
            self.end().await;
        }
        result
    }

    async fn follow(&mut self) -> Result<(), Problem> {
        // A question may come before the first phase.
        let beginning = self.helper.session(&self.path, Authorization::DoNotAsk);
        match self.signals.unless_stopped(beginning).await {
            Ok(session) if session.state == "connecting" => self.progress.resume()?,
            Err(problem) if problem.exit == Exit::Interrupted => return Err(problem),
            // What became of it is told by its signals.
            _ => {}
        }
        loop {
            let wake = self.wake().await;
            if let Some(result) = self.handle(wake).await? {
                return result;
            }
        }
    }

    async fn wake(&mut self) -> Wake {
        if let Some(wake) = self.pending.take() {
            return wake;
        }
        let at = |moment: Option<Instant>| async move {
            match moment {
                Some(moment) => sleep_until(moment).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            stop = self.signals.next() => Wake::Stop(stop),
            event = self.events.next(&self.path) => Wake::Told(event),
            () = at(self.deadline) => Wake::Deadline,
            () = at(self.reason_until) => Wake::NoReason,
        }
    }

    /// Something when the command is over: how.
    async fn handle(&mut self, wake: Wake) -> Result<Option<Result<(), Problem>>, Problem> {
        let problem = match wake {
            Wake::Told(Event::Changed(properties)) => return self.changed(properties).await,
            Wake::Told(Event::SecretsRequired(question)) => return self.answer(question).await,
            Wake::Told(Event::Closed { kind, error }) => self.closed(&kind, &error),
            Wake::Told(Event::Removed) => self.closed("", ""),
            Wake::Told(Event::HelperGone) => Err(Problem::helper_gone()),
            Wake::Stop(stop) => self.stop(stop).await,
            Wake::Deadline => {
                self.progress.pause(&tr!("too slow"))?;
                self.end().await;
                Err(Problem::new(Exit::TimedOut, tr!("It took longer than --wait allows, and was ended.")))
            }
            Wake::NoReason => {
                let session = self.helper.session(&self.path, Authorization::DoNotAsk).await?;
                Err(Problem::closed("", session.last_error.as_deref().unwrap_or_default()))
            }
        };
        if problem.is_err() {
            self.progress.pause(&tr!("failed"))?;
        }
        Ok(Some(problem))
    }

    async fn changed(&mut self, mut properties: Properties) -> Result<Option<Result<(), Problem>>, Problem> {
        let mut text = |name| properties.remove(name).and_then(|value| String::try_from(value).ok());
        let (phase, state) = (text("Phase"), text("State"));
        if let Some(phase) = phase.filter(|_| !matches!(self.state.as_str(), "connected" | "failed" | "closed")) {
            notify(&[NotifyState::Status(&printable::line(&phase))]);
            self.progress.phase(&phase)?;
        }
        let Some(state) = state.filter(|state| *state != self.state) else { return Ok(None) };
        let before = std::mem::replace(&mut self.state, state);
        match self.state.as_str() {
            "connected" => return self.connected().await,
            "failed" => {
                self.reason_until = Some(Instant::now() + REASON);
            }
            "connecting" | "reconnecting" if before == "connected" => {
                output::print(&(tr!("The connection was lost; connecting again") + "\n"))?;
                self.progress = Progress::new();
            }
            _ => {}
        }
        Ok(None)
    }

    async fn connected(&mut self) -> Result<Option<Result<(), Problem>>, Problem> {
        self.progress.done()?;
        self.deadline = None;
        let reading = self.helper.session(&self.path, Authorization::DoNotAsk);
        let session = self.signals.unless_stopped(reading).await?;
        output::print(&summary(&session, &self.progress.total()))?;
        if !self.foreground {
            return Ok(Some(Ok(())));
        }
        let status = format!("Connected to {}", printable::line(&session.name()));
        notify(&[NotifyState::Ready, NotifyState::Status(&status)]);
        Ok(None)
    }

    /// Asks the person, for as long as nothing else happens.
    async fn answer(&mut self, question: Question) -> Result<Option<Result<(), Problem>>, Problem> {
        let Some(terminal) = self.terminal.take() else {
            self.progress.pause(&tr!("asks a question"))?;
            self.end().await;
            let names: Vec<_> = question.secrets.iter().map(|name| printable::line(name)).collect();
            let text = tr!("The secret {names} is needed, and there is nobody to ask.", names = names.join(", "));
            return Err(Problem::new(Exit::Authentication, text));
        };
        self.progress.pause(&tr!("asks a question"))?;
        let answers = {
            let mut asking = pin!(terminal.answer(&question));
            loop {
                let wake = tokio::select! {
                    answers = &mut asking => break Some(answers),
                    wake = self.wake() => wake,
                };
                match wake {
                    Wake::Told(Event::Changed(properties)) if !is_over(&properties) => {}
                    other => {
                        self.pending = Some(other);
                        break None;
                    }
                }
            }
        };
        if answers.is_none() {
            // The question stands on a line that was not ended.
            terminal.end_line();
        }
        self.terminal = Some(terminal);
        match answers {
            None => Ok(None),
            Some(Ok(answers)) => {
                let map = answers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                self.progress.resume()?;
                self.signals.unless_stopped(self.helper.provide(&self.path, question.serial, &map)).await?;
                Ok(None)
            }
            Some(Err(problem)) => {
                self.end().await;
                Err(problem)
            }
        }
    }

    /// How the session's end comes out.
    fn closed(&self, kind: &str, error: &str) -> Result<(), Problem> {
        match (error, self.state.as_str()) {
            ("", "connected" | "reconnecting" | "disconnecting" | "closed") if self.foreground => Ok(()),
            ("", _) => Err(Problem::other(tr!("The session was ended by somebody else."))),
            (error, _) => Err(Problem::closed(kind, error)),
        }
    }

    /// A signal came: ends the session.
    async fn stop(&mut self, stop: Stop) -> Result<(), Problem> {
        notify(&[NotifyState::Stopping]);
        let connected = matches!(self.state.as_str(), "connected" | "reconnecting");
        self.progress.pause(&tr!("interrupted"))?;
        output::print(&(tr!("Disconnecting") + "\n"))?;
        self.end().await;
        // A service that is told to stop has done what it should.
        if self.foreground && (connected || stop == Stop::Terminate) { Ok(()) } else { Err(Signals::interrupted()) }
    }

    /// Disconnects and waits for it; a second signal ends the waiting.
    async fn end(&mut self) {
        self.told_to_end = true;
        let (helper, path, events) = (self.helper, &self.path, &mut self.events);
        let ending = async {
            helper.disconnect(path).await?;
            while !matches!(events.next(path).await, Event::Removed | Event::HelperGone) {}
            Ok::<(), Problem>(())
        };
        tokio::select! {
            ended = ending => match ended {
                Err(problem) if problem.exit != Exit::NotFound => output::complain(&problem.to_string()),
                _ => {}
            },
            _ = self.signals.next() => {}
            () = sleep(ENDING) => {
                output::warn(&tr!("the helper takes long to end the session, and goes on with it"));
            }
        }
    }
}

/// Whether a change of properties ends every question.
fn is_over(properties: &Properties) -> bool {
    let state = properties.get("State").and_then(|state| <&str>::try_from(state).ok());
    state.is_some_and(|state| !matches!(state, "asking" | "connecting"))
}

/// Tells systemd, where it has started us.
fn notify(state: &[NotifyState<'_>]) {
    // Where there is a socket and it does not work, the unit's own timeout says so.
    let _ = sd_notify::notify(state);
}

/// What is connected.
fn summary(session: &Session, took: &str) -> String {
    let style = Style::of_stdout();
    let mut rows = Rows::new(style);
    rows.row(&tr!("Interface"), session.interface.as_ref());
    rows.rows(&tr!("Addresses"), session.addresses.as_deref());
    rows.rows(&tr!("Routes"), status::routes(session).as_deref());
    rows.rows(&tr!("DNS"), session.dns.as_deref());
    rows.rows(&tr!("Domains"), session.domains.as_deref());
    let peer = session.peer_address.as_ref().filter(|peer| session.gateway.as_ref() != Some(peer));
    let peer = peer.map(|address| format!(" ({address})")).unwrap_or_default();
    let whereto = printable::line(&format!("{}{peer}", session.gateway.clone().unwrap_or_else(|| session.name())));
    let connected = tr!("Connected to {gateway} in {time}", gateway = whereto, time = took);
    format!("{}\n{}", style.good(&connected), rows.finish())
}
