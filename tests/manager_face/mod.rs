//! The manager served over a socket pair: callers are who they say, and polkit, the machine and the tunnels are played by
//! the test.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use nm_sstp::dbus::Later;
use nm_sstp::dbus::manager::{Callers, Departure, Host, Look, Options, PATH, Parts, Service};
use nm_sstp::dbus::polkit::{Action, Authority, Verdict};
use nm_sstp::netconf::Intent;
use nm_sstp::ppp::auth::AuthProtocol;
use nm_sstp::probe::Findings;
use nm_sstp::profile::{Profile, Secret, Secrets};
use nm_sstp::profile_files::Rights;
use nm_sstp::session::{self, Answer, Ipv4Parameters, NetworkParameters, Phase};
use nm_sstp::store::Store;
use nm_sstp::transport::Tls;
use nm_sstp::tunnel::{Attempt, Command, Counters, Ending, Established, Tunnel, TunnelState};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use zbus::message::{Flags, Header, Type};
use zbus::names::{OwnedUniqueName, UniqueName};
use zbus::wire::DynamicType;
use zbus::{Connection, Guid, Message, MessageStream, OwnedVariant, Structure, Variant};

pub const MANAGER: &str = "org.sstpd.Manager1";
pub const SESSION: &str = "org.sstpd.Session1";
pub const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
pub const FIRST: &str = "/org/sstpd/session/1";
pub const PASSWORD: &str = "correct horse battery staple";

/// Names on the bus; the fake bus takes the number behind the point for the user.
pub const ALICE: &str = ":1.1000";
pub const ALICE_TOO: &str = ":2.1000";
pub const BOB: &str = ":1.1001";
pub const ROOT: &str = ":1.0";
/// Of this one the bus never says whose it is.
pub const UNKNOWN: &str = ":9.1002";

pub const PATIENCE: Duration = Duration::from_secs(10);

/// A tunnel that a session started; the test plays its part.
pub struct Started {
    pub profile: Profile,
    pub secrets: Secrets,
    pub answers: Vec<Answer>,
    pub may_ask: bool,
    pub rights: Rights,
    pub commands: mpsc::Receiver<Command>,
    pub state: watch::Sender<TunnelState>,
}

impl Started {
    pub fn is(&self, state: TunnelState) {
        self.state.send(state).expect("the session follows its tunnel");
    }

    pub fn is_up(&self) {
        self.is(TunnelState::Up(Arc::new(established())));
    }

    pub fn fails(&self, error: session::Error) {
        self.is(TunnelState::Down(Some(Arc::new(Ending::from(error)))));
    }

    pub async fn told_to_disconnect(&mut self) {
        let command = timeout(PATIENCE, self.commands.recv()).await.expect("no command came");
        assert!(matches!(command, Some(Command::Disconnect)));
    }

    pub fn password(&self) -> &str {
        self.secrets.get(Secret::Password).expect("a password")
    }
}

/// What polkit does with a question.
#[derive(Clone)]
pub enum Plan {
    Say(Verdict),
    /// It waits for a person who never comes.
    Wait,
}

/// Everything around the manager.
#[derive(Clone, Default)]
pub struct World(Arc<Inner>);

#[derive(Default)]
struct Inner {
    plans: Mutex<HashMap<Action, Plan>>,
    asked: Mutex<Vec<(String, Action, bool)>>,
    withdrawn: AtomicU32,
    gone: watch::Sender<BTreeSet<String>>,
    host: Mutex<Vec<String>>,
    refusal: Mutex<Option<String>>,
    uid_lookups: AtomicU32,
}

impl World {
    pub fn plan(&self, action: Action, plan: Plan) {
        self.0.plans.lock().unwrap().insert(action, plan);
    }

    pub fn says(&self, action: Action, verdict: Verdict) {
        self.plan(action, Plan::Say(verdict));
    }

    pub fn says_always(&self, verdict: &Verdict) {
        Action::ALL.into_iter().for_each(|action| self.says(action, verdict.clone()));
    }

    /// What polkit was asked: who, for what, and whether a person may be asked.
    pub fn asked(&self) -> Vec<(String, Action, bool)> {
        self.0.asked.lock().unwrap().clone()
    }

    /// How many questions were taken back.
    pub fn withdrawn(&self) -> u32 {
        self.0.withdrawn.load(Ordering::SeqCst)
    }

    pub fn leaves(&self, name: &str) {
        self.0.gone.send_modify(|gone| {
            gone.insert(name.to_owned());
        });
    }

    /// What was done to the machine since the last question.
    pub fn host(&self) -> Vec<String> {
        std::mem::take(&mut self.0.host.lock().unwrap())
    }

    pub fn host_refuses(&self, reason: &str) {
        *self.0.refusal.lock().unwrap() = Some(reason.to_owned());
    }

    pub fn uid_lookups(&self) -> u32 {
        self.0.uid_lookups.load(Ordering::SeqCst)
    }

    fn did(&self, what: String) {
        self.0.host.lock().unwrap().push(what);
    }
}

struct Withdrawn<'a>(&'a AtomicU32);

impl Drop for Withdrawn<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Authority for World {
    fn check<'a>(&'a self, header: &'a Header<'a>, action: Action, may_ask: bool) -> Later<'a, Verdict> {
        let sender = header.sender().expect("a sender").to_string();
        self.0.asked.lock().unwrap().push((sender, action, may_ask));
        let plan = self.0.plans.lock().unwrap().get(&action).cloned();
        Box::pin(async move {
            match plan {
                None => Verdict::Allowed,
                Some(Plan::Say(verdict)) => verdict,
                Some(Plan::Wait) => {
                    let _withdrawn = Withdrawn(&self.0.withdrawn);
                    std::future::pending().await
                }
            }
        })
    }
}

impl Callers for World {
    fn uid<'a>(&'a self, name: &'a OwnedUniqueName) -> Later<'a, Option<u32>> {
        self.0.uid_lookups.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            if name.as_str() == UNKNOWN {
                std::future::pending::<()>().await;
            }
            name.rsplit_once('.')?.1.parse().ok()
        })
    }

    fn left<'a>(&'a self, name: &'a OwnedUniqueName) -> Later<'a, ()> {
        let mut gone = self.0.gone.subscribe();
        Box::pin(async move { drop(gone.wait_for(|gone| gone.contains(name.as_str())).await) })
    }

    fn user_name(&self, uid: u32) -> Later<'_, Option<String>> {
        Box::pin(async move { (uid < 2000).then(|| format!("user{uid}")) })
    }
}

impl Host for World {
    fn apply<'a>(&'a mut self, session: u32, intent: &'a Intent) -> Later<'a, Result<Vec<String>, String>> {
        self.did(format!("apply {session} mtu {}", intent.mtu));
        let refusal = self.0.refusal.lock().unwrap().clone();
        Box::pin(async move { refusal.map_or(Ok(Vec::new()), Err) })
    }

    fn expect_gateway<'a>(&'a mut self, session: u32, addresses: &'a [IpAddr]) -> Later<'a, ()> {
        let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        self.did(format!("expect {session} {}", addresses.join(" ")));
        Box::pin(async {})
    }

    fn block(&mut self, session: u32) -> Later<'_, ()> {
        self.did(format!("block {session}"));
        Box::pin(async {})
    }

    fn undo(&mut self, session: u32) -> Later<'_, ()> {
        self.did(format!("undo {session}"));
        Box::pin(async {})
    }

    fn undo_all(&mut self) -> Later<'_, ()> {
        self.did("undo all".to_owned());
        Box::pin(async {})
    }
}

/// The manager, seen by everybody on the bus.
pub struct Desk {
    pub world: World,
    pub tunnels: mpsc::UnboundedReceiver<Started>,
    pub store: Store,
    pub probed: Arc<Mutex<Vec<Rights>>>,
    bus: Connection,
    messages: MessageStream,
    /// Messages that nobody has looked at yet.
    waiting: VecDeque<Message>,
    directory: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    service: JoinHandle<Departure>,
}

impl Desk {
    pub async fn new() -> Self {
        Self::with(Options { persist: true, ..Options::default() }).await
    }

    pub async fn with(options: Options) -> Self {
        static DESKS: AtomicU32 = AtomicU32::new(0);
        let number = DESKS.fetch_add(1, Ordering::SeqCst);
        let directory = std::env::temp_dir().join(format!("nm-sstp-desk-{}-{number}", std::process::id()));
        drop(std::fs::remove_dir_all(&directory));
        let store = Store::new(&directory, None);
        let world = World::default();
        let (started, tunnels) = mpsc::unbounded_channel();
        let probed = Arc::<Mutex<Vec<Rights>>>::default();
        let parts = Parts {
            dial: Arc::new(move |attempt| {
                let Attempt { profile, secrets, answers, may_ask, rights, .. } = attempt;
                let (commands, receiver) = mpsc::channel(4);
                let (sender, state) = watch::channel(TunnelState::Starting(nm_sstp::tunnel::Phase::Resolve));
                let tunnel = Started { profile, secrets, answers, may_ask, rights, commands: receiver, state: sender };
                drop(started.send(tunnel));
                Tunnel { commands, state }
            }),
            look: look(probed.clone()),
            host: Arc::new(tokio::sync::Mutex::new(world.clone())),
            authority: Arc::new(world.clone()),
            callers: Arc::new(world.clone()),
            store: store.clone(),
        };
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().expect("a socket pair");
        let server = zbus::connection::Builder::unix_stream(ours).server(Guid::generate()).p2p();
        let client = zbus::connection::Builder::unix_stream(theirs).p2p();
        let (server, bus) = tokio::join!(server.build(), client.build());
        let (server, bus) = (server.expect("a server"), bus.expect("a client"));
        let service = Service::serve(&server, parts, options).await.expect("a free path");
        let messages = MessageStream::from(&bus);
        let (stop, stopped) = oneshot::channel::<()>();
        let service = tokio::spawn(async move {
            let stop = async {
                if stopped.await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            service.run(&server, stop).await
        });
        let waiting = VecDeque::new();
        Self { world, tunnels, store, probed, bus, messages, waiting, directory, stop: Some(stop), service }
    }

    async fn receive(&mut self) -> Message {
        let message = timeout(PATIENCE, self.messages.next()).await.expect("a message in time");
        message.expect("an open connection").expect("a message")
    }

    /// The next message of any kind, in the order in which they came.
    pub async fn next_message(&mut self) -> Message {
        match self.waiting.pop_front() {
            Some(message) => message,
            None => self.receive().await,
        }
    }

    /// Sends a call and does not wait for its answer; returns what the answer is known by.
    pub async fn send<B: serde::Serialize + DynamicType>(
        &self,
        who: &str,
        path: &str,
        interface: &str,
        method: &str,
        body: &B,
    ) -> u32 {
        self.send_with(Flags::empty(), who, path, interface, method, body).await
    }

    /// The same with flags.
    pub async fn send_with<B: serde::Serialize + DynamicType>(
        &self,
        flags: Flags,
        who: &str,
        path: &str,
        interface: &str,
        method: &str,
        body: &B,
    ) -> u32 {
        let sender = UniqueName::try_from(who).expect("a unique name");
        let call = Message::method_call(path, method).interface(interface).sender(sender).with_flags(flags);
        let call = call.build(body).expect("a message");
        let serial = call.primary_header().serial_num();
        self.bus.send(&call).await.expect("a manager that listens");
        serial.get()
    }

    /// The answer to a call that was sent.
    pub async fn answer(&mut self, serial: u32) -> Message {
        let is_answer = |message: &Message| message.header().reply_serial().is_some_and(|reply| reply.get() == serial);
        if let Some(at) = self.waiting.iter().position(is_answer) {
            return self.waiting.remove(at).expect("it is there");
        }
        loop {
            let message = self.receive().await;
            if is_answer(&message) {
                return message;
            }
            self.waiting.push_back(message);
        }
    }

    pub async fn call<B: serde::Serialize + DynamicType>(
        &mut self,
        who: &str,
        path: &str,
        interface: &str,
        method: &str,
        body: &B,
    ) -> Message {
        let serial = self.send(who, path, interface, method, body).await;
        self.answer(serial).await
    }

    /// Calls the manager and expects a refusal: its name, and its sentence.
    pub async fn refused<B: serde::Serialize + DynamicType>(
        &mut self,
        who: &str,
        method: &str,
        body: &B,
    ) -> (String, String) {
        refusal(&self.call(who, PATH, MANAGER, method, body).await)
    }

    pub async fn try_connect(
        &mut self,
        who: &str,
        profile: &str,
        settings: &[(&str, &str)],
        options: &HashMap<&str, Variant<'_>>,
    ) -> Message {
        let settings: HashMap<&str, &str> = settings.iter().copied().collect();
        self.call(who, PATH, MANAGER, "Connect", &(profile, settings, options)).await
    }

    /// Connects with settings; returns the session's path and its tunnel.
    pub async fn connects(
        &mut self,
        who: &str,
        more: &[(&str, &str)],
        options: &[(&str, Variant<'_>)],
    ) -> (String, Started) {
        let settings = [&[("gateway", "vpn.example.com"), ("user", "alice")], more].concat();
        let mut all = with_password();
        all.extend(options.iter().map(|(key, value)| (*key, value.try_clone().expect("no file descriptor"))));
        let answer = self.try_connect(who, "", &settings, &all).await;
        (path_of(&answer), self.started().await)
    }

    pub async fn started(&mut self) -> Started {
        timeout(PATIENCE, self.tunnels.recv()).await.expect("no tunnel was started").expect("a manager")
    }

    /// A property, or the name of the error.
    pub async fn get(&mut self, who: &str, path: &str, property: &str) -> Result<OwnedVariant, String> {
        let answer = self.call(who, path, PROPERTIES, "Get", &(SESSION, property)).await;
        match answer.message_type() {
            Type::MethodReturn => Ok(answer.body().deserialize::<OwnedVariant>().expect("a variant")),
            _ => Err(refusal(&answer).0),
        }
    }

    pub async fn text(&mut self, who: &str, path: &str, property: &str) -> String {
        let value = self.get(who, path, property).await.expect("a property");
        String::try_from(value).expect("a text")
    }

    pub async fn get_all(&mut self, who: &str, path: &str) -> BTreeMap<String, String> {
        let answer = self.call(who, path, PROPERTIES, "GetAll", &(SESSION,)).await;
        let all: HashMap<String, OwnedVariant> = answer.body().deserialize().expect("properties");
        all.into_iter().map(|(name, value)| (name, format!("{value:?}"))).collect()
    }

    /// The next signal, as [`line`] shows it.
    pub async fn signal(&mut self) -> String {
        line(&self.signal_message().await)
    }

    pub async fn signal_message(&mut self) -> Message {
        let at = self.waiting.iter().position(|message| message.message_type() == Type::Signal);
        if let Some(message) = at.and_then(|at| self.waiting.remove(at)) {
            return message;
        }
        loop {
            let message = self.receive().await;
            if message.message_type() == Type::Signal {
                return message;
            }
            self.waiting.push_back(message);
        }
    }

    /// Waits for the signal that begins like this.
    pub async fn sees(&mut self, expected: &str) -> Message {
        for _ in 0..32 {
            let message = self.signal_message().await;
            if line(&message).starts_with(expected) {
                return message;
            }
        }
        panic!("{expected} did not come");
    }

    /// Waits until the session's `State` is this.
    pub async fn state(&mut self, path: &str, expected: &str) {
        let wait = async {
            while self.text(ROOT, path, "State").await != expected {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("the state did not become {expected}"));
    }

    pub async fn disconnect(&mut self, who: &str, path: &str) -> Message {
        let path = zbus::ObjectPath::try_from(path).expect("a path");
        self.call(who, PATH, MANAGER, "Disconnect", &(path,)).await
    }

    /// Waits until this is true.
    pub async fn until(&self, what: impl Fn() -> bool) {
        let wait = async {
            while !what() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, wait).await.expect("it did not come true");
    }

    pub async fn until_asked(&self, who: &str) {
        self.until(|| self.world.asked().iter().any(|(asker, ..)| asker == who)).await;
    }

    pub async fn until_probed(&self, times: usize) {
        self.until(|| self.probed.lock().unwrap().len() == times).await;
    }

    /// What SIGTERM does.
    pub fn terminate(&mut self) {
        self.stop.take().expect("only once").send(()).expect("a service that runs");
    }

    pub async fn leaves(&mut self) -> Departure {
        timeout(PATIENCE, &mut self.service).await.expect("the service stays").expect("no panic")
    }

    pub fn is_running(&self) -> bool {
        !self.service.is_finished()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.directory));
    }
}

fn look(probed: Arc<Mutex<Vec<Rights>>>) -> Look {
    Box::new(move |profile, rights| {
        probed.lock().unwrap().push(rights);
        Box::pin(async move {
            if profile.gateway.to_string().starts_with("slow") {
                std::future::pending::<()>().await;
            }
            Findings { sstp: Some(true), authentication: Some(vec!["MS-CHAPv2".to_owned()]), ..Findings::default() }
        })
    })
}

/// An `a{sv}` with the password in it.
pub fn with_password() -> HashMap<&'static str, Variant<'static>> {
    HashMap::from([("secrets", secrets(&[("password", PASSWORD)]))])
}

pub fn secrets(pairs: &[(&'static str, &'static str)]) -> Variant<'static> {
    pairs.iter().copied().collect::<HashMap<&'static str, &'static str>>().into()
}

pub fn path_of(answer: &Message) -> String {
    assert_eq!(answer.message_type(), Type::MethodReturn, "{}", line(answer));
    answer.body().deserialize::<zbus::OwnedObjectPath>().expect("a path").to_string()
}

/// The name of an error without the prefix of ours, and its sentence.
pub fn refusal(answer: &Message) -> (String, String) {
    assert_eq!(answer.message_type(), Type::Error, "{}", line(answer));
    let name = answer.header().error_name().map(ToString::to_string).unwrap_or_default();
    let name = name.strip_prefix("org.sstpd.Error.").unwrap_or(&name).to_owned();
    let text = answer.body().deserialize::<String>().expect("a sentence");
    assert!(text.ends_with('.') && text.starts_with(|c: char| !c.is_lowercase() || text.starts_with("org.")), "{text}");
    (name, text)
}

/// A message in short: `answer(..)`, `error` or `Signal(arguments)`.
pub fn line(message: &Message) -> String {
    let body = message.body();
    let arguments = match body.deserialize::<Structure<'_>>() {
        Ok(arguments) => {
            let fields: Vec<String> = arguments.fields().iter().map(ToString::to_string).collect();
            format!("({})", fields.join(", "))
        }
        Err(_) => String::new(),
    };
    let header = message.header();
    match message.message_type() {
        Type::Signal => format!("{}{arguments}", header.member().expect("a signal has a name")),
        Type::MethodReturn => format!("answer{arguments}"),
        Type::Error => format!("{}{arguments}", header.error_name().map(ToString::to_string).unwrap_or_default()),
        Type::MethodCall => format!("call {}", header.member().expect("a call has a name")),
    }
}

pub fn starting(phase: Phase) -> TunnelState {
    TunnelState::Starting(nm_sstp::tunnel::Phase::Session(phase))
}

/// What a usual server gives.
pub fn established() -> Established {
    let counters = Counters::default();
    counters.rx_bytes.store(4711, Ordering::Relaxed);
    Established {
        interface: "sstp0".to_owned(),
        server: SocketAddr::from(([203, 0, 113, 5], 443)),
        tls: Tls { version: "TLS 1.3".to_owned(), ..Tls::default() },
        since: SystemTime::UNIX_EPOCH + Duration::from_secs(7),
        local: None,
        counters: Arc::new(counters),
        parameters: NetworkParameters {
            ipv4: Some(Ipv4Parameters {
                address: Ipv4Addr::new(10, 99, 0, 2),
                peer: Some(Ipv4Addr::new(10, 99, 0, 1)),
                dns: vec![Ipv4Addr::new(10, 99, 0, 53)],
                nbns: vec![Ipv4Addr::new(10, 99, 0, 137)],
                routes: Vec::new(),
            }),
            ipv6: None,
            domains: vec!["corp.example".to_owned()],
            mtu: 1400,
            authentication: Some(AuthProtocol::MsChapV2),
            eap_method: None,
        },
    }
}

pub fn wrong_password() -> session::Error {
    session::Error::AuthenticationFailed { code: Some(691), message: "wrong user name or password".to_owned() }
}
