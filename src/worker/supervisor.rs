//! The life of a tunnel, seen from the process of the face: one worker after the other, as long as it is to last.
//!
//! A tunnel that is to last, and that was up, outlives its connection. Its interface stays, and what is configured on it, so
//! that nothing leaves the machine beside it; another worker calls the gateway when [`Reconnect`] says so, and carries on.
//! The call goes around the tunnel: it is bound to the interface that would lead to the gateway if the tunnel were not
//! there.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use super::logging::{self, printable};
use super::message::{FromWorker, Job, ToWorker};
use super::parent::{BROKEN, Helper, OURSELVES, Worker};
use crate::log::OUTCOME;
use crate::netevents::{self, Event, NetEvents};
use crate::session::NetworkParameters;
use crate::transport::Step;
use crate::tunnel::reconnect::{Reconnect, Retry};
use crate::tunnel::{Attempt, Call, Command, Connected, Ending, FailureKind, Follower, Told, Tunnel, told_to_end};

/// A machine that was suspended for so long comes back to a server that has given the call up (MS-SSTP 3.3.2.1).
const LONG_SUSPENSION: Duration = Duration::from_secs(60);

/// Starts a tunnel in a process of its own. To be called in a tokio runtime with I/O and time, by the program itself: the
/// process is `/proc/self/exe`.
pub fn spawn(attempt: Attempt) -> Tunnel {
    spawn_by(Path::new(OURSELVES), attempt)
}

/// As [`spawn`], with another program than this one: one that calls [`requested`](super::requested) and
/// [`serve`](super::serve).
pub fn spawn_by(program: &Path, attempt: Attempt) -> Tunnel {
    let program = program.to_owned();
    Tunnel::start(attempt.profile.connect_timeout, move |mut commands, mut follower| async move {
        let lasting = attempt.lasting;
        let call = tokio::select! {
            biased;
            () = told_to_end(&mut commands) => return Ok(()),
            call = Call::prepare(attempt) => call,
        };
        let helper = Helper::new(call.interface().to_owned(), call.gateway());
        let mut life = Life { program, helper, commands: &mut commands, follower: &mut follower, lasting: None };
        if lasting { life.last(call).await } else { life.call(call).await }
    })
}

/// One tunnel.
struct Life<'a> {
    program: PathBuf,
    helper: Helper,
    commands: &'a mut mpsc::Receiver<Command>,
    follower: &'a mut Follower,
    /// What a tunnel has that is to last, from when it is up.
    lasting: Option<Lasting>,
}

/// When it is built again.
struct Lasting {
    reconnect: Reconnect,
    /// `None`: this machine does not say.
    events: Option<NetEvents>,
    /// The network has changed since the tunnel was up.
    moved: bool,
    way: Way,
}

/// The way of the connection that carries the tunnel.
struct Way {
    server: IpAddr,
    local: Option<IpAddr>,
    /// Our addresses in the tunnel.
    inside: Vec<IpAddr>,
}

impl Way {
    fn of(connected: &Connected) -> Self {
        let NetworkParameters { ipv4, ipv6, .. } = &connected.parameters;
        let ipv4 = ipv4.iter().map(|ipv4| IpAddr::from(ipv4.address));
        let ipv6 = ipv6.iter().flat_map(|ipv6| &ipv6.addresses).map(|address| IpAddr::from(address.address));
        let server = connected.server.ip().to_canonical();
        Self { server, local: connected.local.map(|local| local.to_canonical()), inside: ipv4.chain(ipv6).collect() }
    }

    fn has_changed(&self) -> bool {
        self.local.is_some_and(|local| netevents::has_moved(local, self.server, &self.inside))
    }
}

impl Life<'_> {
    /// Calls until it is told to end, or there is no point in another call.
    async fn last(&mut self, call: Call) -> Result<(), Ending> {
        let mut next = call;
        loop {
            let again = next.again();
            let Err(ending) = self.call(next).await else { return Ok(()) };
            // it is not told: it was, or somebody wants it to last no longer
            let Some(lasting) = &mut self.lasting else { return Err(ending) };
            let now = Instant::now().into_std();
            let Ok(until) = lasting.reconnect.lost(now, ending.retry) else { return Err(ending) };
            let wait = until.saturating_duration_since(now).as_secs_f32().max(1.0);
            if self.follower.is_up() {
                warn!(target: OUTCOME, "The connection was lost: {ending}. Trying again in {wait:.0} s.");
            } else {
                info!(target: OUTCOME, "The connection is not back: {ending}. Trying again in {wait:.0} s.");
            }
            self.helper.goes_around();
            self.follower.lost(ending, lasting.moved);
            if self.told_while_waiting().await {
                return Ok(());
            }
            next = again;
        }
    }

    /// Waits for the time of the next call; `true` where it is told to end.
    async fn told_while_waiting(&mut self) -> bool {
        let Some(lasting) = &mut self.lasting else { return false };
        while let Some(until) = lasting.reconnect.next_try() {
            tokio::select! {
                biased;
                () = told_to_end(self.commands) => return true,
                _ = event(&mut lasting.events) => {
                    lasting.reconnect.hurry(Instant::now().into_std());
                    if !std::mem::replace(&mut lasting.moved, true) {
                        self.follower.moved();
                    }
                }
                () = sleep_until(Instant::from_std(until)) => break,
            }
        }
        lasting.reconnect.begin(Instant::now().into_std());
        false
    }

    /// Runs one worker to its end; `Ok` where it was told to.
    async fn call(&mut self, call: Call) -> Result<(), Ending> {
        let (capture, lasts) = (call.capture(), call.lasts());
        let worker = Worker::start(&self.program, Job::Tunnel(Box::new(call)), capture.as_deref()).await;
        let mut worker = worker.map_err(broken)?;
        let mut told = false;
        loop {
            let events = self.lasting.as_mut().map(|lasting| &mut lasting.events);
            let message = tokio::select! {
                biased;
                // nobody being left who could tell it to end is the wish to end
                command = self.commands.recv(), if !told => {
                    told = matches!(command, None | Some(Command::Disconnect));
                    let command = ToWorker::Command(command.unwrap_or(Command::Disconnect));
                    // where it is gone, its last words come next
                    let _ = worker.say(&command, None).await;
                    continue;
                }
                event = next_event(events), if !told => {
                    self.happened(event)?;
                    continue;
                }
                message = worker.next() => message.map_err(broken)?,
            };
            match message {
                FromWorker::Told(told) => {
                    let told = self.helper.checked(told);
                    if let (Told::Up(connected), true) = (&told, lasts) {
                        self.is_up(connected);
                    }
                    self.follower.told(told);
                    // each phase is to be seen, and the next one may be here already
                    yield_now().await;
                }
                FromWorker::Log(line) => self.helper.log(|| logging::relay(line)),
                FromWorker::Released if told || self.lasting.is_none() => self.helper.drop_interface(),
                FromWorker::Released => {}
                FromWorker::Request(number, request) => {
                    let mut progress = |step: Step| self.follower.told(Told::Starting(step.into()));
                    let answered = tokio::select! {
                        biased;
                        () = told_to_end(self.commands), if !told => None,
                        answered = self.helper.answer(request, &mut progress) => Some(answered),
                    };
                    let said = match answered {
                        Some((reply, file)) => worker.say(&ToWorker::Reply(number, reply), file.as_ref()).await,
                        None => {
                            told = true;
                            worker.say(&ToWorker::Command(Command::Disconnect), None).await
                        }
                    };
                    // as above
                    drop(said);
                }
                FromWorker::Down(ending) => {
                    worker.leave().await;
                    let Some(ending) = ending.filter(|_| !told) else { return Ok(()) };
                    return Err(Ending { sentence: printable(&ending.sentence), ..ending });
                }
                FromWorker::Found(_) => return Err(broken(BROKEN.to_owned())),
            }
        }
    }

    /// The tunnel is up, or was updated.
    fn is_up(&mut self, connected: &Connected) {
        let (now, way) = (Instant::now().into_std(), Way::of(connected));
        match &mut self.lasting {
            Some(lasting) => {
                if !self.follower.is_up() {
                    lasting.reconnect.up(now);
                    lasting.moved = false;
                }
                lasting.way = way;
            }
            None => {
                let mut seed = [0; 32];
                // without random numbers it is a jitter that can be guessed
                drop(openssl::rand::rand_bytes(&mut seed));
                let mut events = NetEvents::listen()
                    .inspect_err(|error| warn!("Changes of the network are not noticed: {error}."))
                    .ok();
                if let (Some(events), Some(index)) = (&mut events, self.helper.interface_index()) {
                    events.ignore(index);
                }
                let reconnect = Reconnect::new(now, None, seed);
                self.lasting = Some(Lasting { reconnect, events, moved: false, way });
            }
        }
    }

    /// Something has happened to the network while a worker runs.
    fn happened(&mut self, event: Event) -> Result<(), Ending> {
        let is_up = self.follower.is_up();
        let Some(lasting) = &mut self.lasting else { return Ok(()) };
        lasting.reconnect.hurry(Instant::now().into_std());
        let why = match event {
            Event::NetworkChanged if is_up && lasting.way.has_changed() => "the network of this machine has changed",
            Event::Resumed(duration) if is_up && duration >= LONG_SUSPENSION => "this machine was suspended",
            _ => return Ok(()),
        };
        lasting.moved = true;
        let sentence = why.to_owned();
        Err(Ending { kind: FailureKind::Connect, sentence, status: None, remedy: None, retry: Retry::Yes })
    }
}

/// A failure of this program.
fn broken(sentence: String) -> Ending {
    Ending { kind: FailureKind::Connect, sentence, status: None, remedy: None, retry: Retry::Doubtful }
}

async fn event(events: &mut Option<NetEvents>) -> Event {
    match events {
        Some(events) => events.next().await,
        None => std::future::pending().await,
    }
}

async fn next_event(events: Option<&mut Option<NetEvents>>) -> Event {
    match events {
        Some(events) => event(events).await,
        None => std::future::pending().await,
    }
}
