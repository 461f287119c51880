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
use super::message::{FromWorker, Job, Request, ToWorker};
use super::parent::{BROKEN, Helper, OURSELVES, Ways, Worker, addresses_inside};
use crate::log::OUTCOME;
use crate::netevents::{self, Event, NetEvents};
use crate::tickets::Tickets;
use crate::transport::Step;
use crate::tunnel::reconnect::{Reconnect, Retry};
use crate::tunnel::{Attempt, Call, Command, Connected, Ending, FailureKind, Follower, Told, Tunnel, told_to_end};

/// A machine that was suspended for so long comes back to a server that has given the call up (MS-SSTP 3.3.2.1).
const LONG_SUSPENSION: Duration = Duration::from_secs(60);

/// How long a worker may take to end in good order, which takes it some 4 s at most.
const LAST_WORDS: Duration = Duration::from_secs(6);

/// How long a worker may take to build a tunnel again.
const LONGEST_TRY: Duration = Duration::from_secs(120);

/// Why one did not; the end of a sentence.
const STUCK: &str = "the server took too long";

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
        let tickets = Tickets::of(&attempt.profile, &attempt.rights);
        let call = tokio::select! {
            biased;
            () = told_to_end(&mut commands) => return Ok(()),
            call = Call::prepare(attempt) => call,
        };
        let helper = Helper::new(call.interface().to_owned(), call.gateway(), tickets);
        let mut life = Life { program, helper, commands: &mut commands, follower: &mut follower, lasting: None };
        if call.lasts() { life.last(call).await } else { life.call(call).await }
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
    way: Way,
    /// The ways to the gateway when the tunnel was up last, and when they were looked at last.
    ways: (Ways, Ways),
}

impl Lasting {
    /// The network has changed since the tunnel was up.
    fn moved(&self) -> bool {
        self.ways.0 != self.ways.1
    }
}

/// The way of the connection that carries the tunnel.
struct Way {
    server: IpAddr,
    local: Option<IpAddr>,
    /// Our addresses in the tunnel.
    inside: Vec<IpAddr>,
    /// The interface that leads to the server by the routes, which need not be the one that the connection is bound to.
    interface: Option<String>,
}

impl Way {
    fn of(connected: &Connected) -> Self {
        let server = connected.server.ip().to_canonical();
        let inside = addresses_inside(&connected.parameters);
        let interface = netevents::way_to(server, &inside);
        Self { server, local: connected.local.map(|local| local.to_canonical()), inside, interface }
    }

    /// Whether the connection goes a way that is not there any more: our address is gone, or what goes to the server takes
    /// another interface. Another address of the same interface is none, such as the next temporary one of IPv6 (RFC 8981):
    /// the old one stays good for what has it. Where there is no way at all, the old one may come back, and TCP with it.
    fn has_changed(&self) -> bool {
        let Some(now) = netevents::way_to(self.server, &self.inside) else { return false };
        let gone = self.local.is_some_and(|local| netevents::interface_with(local).is_none());
        gone || self.interface.as_ref().is_some_and(|before| *before != now)
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
            lasting.ways.1 = self.helper.ways().await;
            let (moved, wait) = (lasting.moved(), until.saturating_duration_since(now).as_secs_f32().max(1.0));
            if self.follower.is_up() {
                warn!(target: OUTCOME, "The connection was lost: {ending}. Trying again in {wait:.0} s.");
            } else {
                info!(target: OUTCOME, "The connection is not back: {ending}. Trying again in {wait:.0} s.");
            }
            self.helper.goes_around();
            self.follower.lost(ending, moved, self.helper.known());
            if self.told_while_waiting().await {
                return Ok(());
            }
            next = again;
        }
    }

    /// Waits for the time of the next call; `true` where it is told to end.
    async fn told_while_waiting(&mut self) -> bool {
        loop {
            let Some(lasting) = &mut self.lasting else { return false };
            let Some(until) = lasting.reconnect.next_try() else { return false };
            tokio::select! {
                biased;
                () = told_to_end(self.commands) => return true,
                event = event(&mut lasting.events) => self.looked_around(event).await,
                () = sleep_until(Instant::from_std(until)) => {
                    lasting.reconnect.begin(Instant::now().into_std());
                    return false;
                }
            }
        }
    }

    /// Something has happened while the tunnel is lost. What has nothing to do with the way to the gateway, such as the
    /// interfaces of containers, changes nothing.
    async fn looked_around(&mut self, event: Event) {
        let now = self.helper.ways().await;
        let Some(lasting) = &mut self.lasting else { return };
        let before = std::mem::replace(&mut lasting.ways.1, now);
        if before != lasting.ways.1 || matches!(event, Event::Resumed(_)) {
            lasting.reconnect.hurry(Instant::now().into_std());
            if lasting.moved() {
                self.follower.moved();
            }
        }
    }

    /// Runs one worker to its end; `Ok` where it was told to.
    async fn call(&mut self, call: Call) -> Result<(), Ending> {
        let (capture, lasts) = (call.capture(), call.lasts());
        let worker = Worker::start(&self.program, Job::Tunnel(Box::new(call)), capture.as_deref()).await;
        let mut worker = worker.map_err(broken)?;
        let mut told = false;
        // it is killed where it does not end by itself, or gets nowhere with a tunnel that nobody looks at
        let mut limit = self.lasting.is_some().then(|| Instant::now() + LONGEST_TRY);
        loop {
            let events = self.lasting.as_mut().map(|lasting| &mut lasting.events);
            let message = tokio::select! {
                biased;
                // nobody being left who could tell it to end is the wish to end
                command = self.commands.recv(), if !told => {
                    if matches!(command, None | Some(Command::Disconnect)) {
                        (told, limit) = (true, Some(Instant::now() + LAST_WORDS));
                    }
                    let command = ToWorker::Command(command.unwrap_or(Command::Disconnect));
                    // where it is gone, its last words come next
                    let _ = worker.say(&command, None).await;
                    continue;
                }
                event = next_event(events), if !told => {
                    if let Some(command) = self.happened(event).await? {
                        // as above
                        let _ = worker.say(&ToWorker::Command(command), None).await;
                    }
                    continue;
                }
                () = due(limit) => return if told { Ok(()) } else { Err(broken(STUCK.to_owned())) },
                message = worker.next() => message,
            };
            let message = match message {
                Ok(message) => message,
                Err(_) if told => return Ok(()),
                Err(why) => return Err(broken(why)),
            };
            match message {
                FromWorker::Told(news) => {
                    let news = self.helper.checked(news).map_err(|why| broken(why.to_owned()))?;
                    if let (Told::Up(connected), true, false) = (&news, lasts, told) {
                        self.is_up(connected).await;
                        limit = None;
                    }
                    self.follower.told(news);
                    // each phase is to be seen, and the next one may be here already
                    yield_now().await;
                }
                FromWorker::Log(line) => self.helper.log(|| logging::relay(line)),
                FromWorker::Released if told || self.lasting.is_none() => self.helper.drop_interface(),
                FromWorker::Released => {}
                // done at once, and the worker looks at nothing else until it has the reply
                FromWorker::Request(number, request @ (Request::SetMtu(_) | Request::OpenDevice { .. })) => {
                    let (reply, file) = self.helper.answer(request, &mut |_| {}).await;
                    // where it is gone, its last words come next
                    drop(worker.say(&ToWorker::Reply(number, reply), file.as_ref()).await);
                }
                // it ends, and hears of that next
                FromWorker::Request(..) if told => {}
                FromWorker::Request(number, request) => {
                    let mut progress = |step: Step| self.follower.told(Told::Starting(step.into()));
                    let answered = tokio::select! {
                        biased;
                        () = told_to_end(self.commands) => None,
                        answered = self.helper.answer(request, &mut progress) => Some(answered),
                    };
                    let said = match answered {
                        Some((reply, file)) => worker.say(&ToWorker::Reply(number, reply), file.as_ref()).await,
                        None => {
                            (told, limit) = (true, Some(Instant::now() + LAST_WORDS));
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
    async fn is_up(&mut self, connected: &Connected) {
        let (now, way, ways) = (Instant::now().into_std(), Way::of(connected), self.helper.ways().await);
        match &mut self.lasting {
            Some(lasting) => {
                if self.follower.is_up() {
                    lasting.way.inside = way.inside;
                } else {
                    lasting.reconnect.up(now);
                    (lasting.ways, lasting.way) = ((ways.clone(), ways), way);
                }
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
                self.lasting = Some(Lasting { reconnect, events, way, ways: (ways.clone(), ways) });
            }
        }
    }

    /// Something has happened to this machine while a worker runs; returns what it should know of that.
    async fn happened(&mut self, event: Event) -> Result<Option<Command>, Ending> {
        if !self.follower.is_up() {
            self.looked_around(event).await;
            return Ok(None);
        }
        let Some(lasting) = &mut self.lasting else { return Ok(None) };
        let why = match event {
            Event::NetworkChanged if lasting.way.has_changed() => "the network of this machine has changed",
            Event::NetworkChanged => return Ok(None),
            Event::Resumed(duration) if duration >= LONG_SUSPENSION => "this machine was suspended",
            // its server may have gone meanwhile, and a router on the way may have forgotten the connection
            Event::Resumed(_) => {
                lasting.reconnect.hurry(Instant::now().into_std());
                return Ok(Some(Command::Doubt));
            }
        };
        lasting.reconnect.hurry(Instant::now().into_std());
        let sentence = why.to_owned();
        Err(Ending { kind: FailureKind::Connect, sentence, status: None, remedy: None, retry: Retry::Yes })
    }
}

async fn due(limit: Option<Instant>) {
    match limit {
        Some(limit) => sleep_until(limit).await,
        None => std::future::pending().await,
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
