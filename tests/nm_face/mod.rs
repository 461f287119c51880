//! The plugin served to a caller over a socket pair, with tunnels that the test drives itself.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use nm_sstp::dbus::nm::{Departure, Dial, Options, PATH, Plugin, Service};
use nm_sstp::log;
use nm_sstp::ppp::auth::AuthProtocol;
use nm_sstp::profile::{Profile, Secret, Secrets};
use nm_sstp::profile_files::Rights;
use nm_sstp::session::{self, Answer, Ipv4Parameters, NetworkParameters, Phase};
use nm_sstp::transport::Tls;
use nm_sstp::tunnel::{Attempt, Command, Established, Tunnel, TunnelState};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use zbus::message::Type;
use zbus::object_server::InterfaceRef;
use zbus::wire::DynamicType;
use zbus::{Connection, Guid, Message, MessageStream, Structure, Variant};

pub const INTERFACE: &str = "org.freedesktop.NetworkManager.VPN.Plugin";
pub const UUID: &str = "f3a1c7a2-3c4e-4b0e-9d5c-0f2a6b7c8d9e";
pub const PASSWORD: &str = "correct horse battery staple";

/// A connection on the bus.
pub type Hash<'m> = BTreeMap<&'m str, BTreeMap<&'m str, Variant<'m>>>;

/// A tunnel that the plugin started; the test plays its part.
pub struct Started {
    pub profile: Profile,
    pub secrets: Secrets,
    pub answers: Vec<Answer>,
    pub may_ask: bool,
    pub rights: Rights,
    pub lasting: bool,
    pub commands: mpsc::Receiver<Command>,
    pub state: watch::Sender<TunnelState>,
}

impl Started {
    pub fn is(&self, state: TunnelState) {
        self.state.send(state).expect("the plugin follows its tunnel");
    }

    pub async fn told_to_disconnect(&mut self) {
        let command = timeout(PATIENCE, self.commands.recv()).await.expect("no command came");
        assert!(matches!(command, Some(Command::Disconnect)));
    }
}

/// The plugin, seen by its caller.
pub struct Face {
    pub caller: Connection,
    pub tunnels: mpsc::UnboundedReceiver<Started>,
    /// The object itself: who holds it keeps calls and the states of the tunnel waiting, in their order.
    pub object: InterfaceRef<Plugin>,
    messages: MessageStream,
    refused: bool,
    stop: Option<oneshot::Sender<()>>,
    service: JoinHandle<zbus::Result<Departure>>,
}

/// What the process logs.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Everything from now on, as the level lets through; once in a process.
    pub fn of_the_process(level: LevelFilter) -> Self {
        let written = Log::default();
        let log = written.clone();
        let lines = tracing_subscriber::fmt::layer().with_writer(move || log.clone()).with_ansi(false);
        let subscriber = tracing_subscriber::registry().with(lines.with_filter(log::filter(level)));
        tracing::subscriber::set_global_default(subscriber).expect("the only one");
        written
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no panic")).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

const PATIENCE: Duration = Duration::from_secs(10);

impl Face {
    pub async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        let (started, tunnels) = mpsc::unbounded_channel();
        let dial: Dial = Box::new(move |attempt| {
            let Attempt { profile, secrets, answers, may_ask, rights, lasting, .. } = attempt;
            let (commands, receiver) = mpsc::channel(4);
            let (sender, state) = watch::channel(TunnelState::Starting(nm_sstp::tunnel::Phase::Resolve));
            drop(started.send(Started {
                profile,
                secrets,
                answers,
                may_ask,
                rights,
                lasting,
                commands: receiver,
                state: sender,
            }));
            Tunnel { commands, state }
        });
        let (plugin, service) = Service::new(dial, options);
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().expect("a socket pair");
        let server = zbus::connection::Builder::unix_stream(ours).server(Guid::generate()).p2p();
        let client = zbus::connection::Builder::unix_stream(theirs).p2p();
        let (server, caller) = tokio::join!(server.serve_at(PATH, plugin).build(), client.build());
        let (server, caller) = (server.expect("a server"), caller.expect("a client"));
        let object = server.object_server().interface(PATH).await.expect("a plugin");
        let (stop, stopped) = oneshot::channel::<()>();
        let service = tokio::spawn(async move {
            let stop = async {
                if stopped.await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            service.run(&server, stop).await
        });
        let messages = MessageStream::from(&caller);
        Self { caller, tunnels, object, messages, refused: false, stop: Some(stop), service }
    }

    /// Sends a method call; what comes of it is for [`Face::sees`].
    pub async fn call<B: serde::Serialize + DynamicType>(&self, method: &str, body: &B) {
        self.call_on(INTERFACE, method, body).await;
    }

    /// As [`Face::call`], on another interface of the object.
    pub async fn call_on<B: serde::Serialize + DynamicType>(&self, interface: &str, method: &str, body: &B) {
        let call = Message::method_call(PATH, method).interface(interface).build(body).expect("a message");
        self.caller.send(&call).await.expect("a plugin that listens");
    }

    /// The object's own description of itself.
    pub async fn introspect(&self) -> String {
        let interface = Some("org.freedesktop.DBus.Introspectable");
        let answer = self.caller.call_method(None::<&str>, PATH, interface, "Introspect", &()).await;
        answer.expect("an answer").body().deserialize().expect("a text")
    }

    /// Expects exactly these messages, in this order, each as [`line`] shows it.
    pub async fn sees(&mut self, expected: &[&str]) {
        for (at, expected) in expected.iter().enumerate() {
            let message = timeout(PATIENCE, self.messages.next()).await;
            let message = message.unwrap_or_else(|_| panic!("message {at} did not come: {expected}"));
            let message = message.expect("an open connection").expect("a message");
            assert_eq!(line(&message), *expected, "message {at}");
        }
    }

    /// Expects an error reply and returns its name (without the prefix) and text.
    pub async fn sees_refusal(&mut self) -> (String, String) {
        let message = timeout(PATIENCE, self.messages.next()).await.expect("a message in time");
        let message = message.expect("an open connection").expect("a message");
        assert_eq!(message.message_type(), Type::Error, "{}", line(&message));
        let name = message.header().error_name().map(ToString::to_string).unwrap_or_default();
        let name = name.strip_prefix("org.freedesktop.NetworkManager.VPN.Error.").unwrap_or(&name).to_owned();
        (name, message.body().deserialize::<String>().unwrap_or_default())
    }

    /// Expects that the tunnel is announced, whatever was negotiated.
    pub async fn is_announced(&mut self) {
        for expected in ["Config(", "Ip4Config(", "StateChanged(4)"] {
            let message = timeout(PATIENCE, self.messages.next()).await.expect("a message in time");
            let message = message.expect("an open connection").expect("a message");
            assert!(line(&message).starts_with(expected), "{}", line(&message));
        }
    }

    /// Whether this is the first refusal of a connection: after it the state goes from INIT to STOPPED.
    pub fn first_refusal(&mut self) -> bool {
        !std::mem::replace(&mut self.refused, true)
    }

    /// Expects that nothing comes any more.
    pub async fn sees_nothing(&mut self) {
        if let Ok(Some(Ok(message))) = timeout(Duration::from_millis(100), self.messages.next()).await {
            panic!("unexpected: {}", line(&message));
        }
    }

    pub async fn started(&mut self) -> Started {
        timeout(PATIENCE, self.tunnels.recv()).await.expect("no tunnel was started").expect("a plugin")
    }

    /// `Connect` up to its answer.
    pub async fn connects(&mut self) -> Started {
        self.call("Connect", &(connection(),)).await;
        self.sees(&["StateChanged(3)", "answer"]).await;
        self.started().await
    }

    /// What SIGTERM does.
    pub fn terminate(&mut self) {
        self.stop.take().expect("only once").send(()).expect("a service that runs");
    }

    /// Waits until the service leaves.
    pub async fn leaves(self) -> Departure {
        let service = timeout(PATIENCE, self.service).await.expect("the service stays");
        service.expect("no panic").expect("an object that is served")
    }

    pub fn is_running(&self) -> bool {
        !self.service.is_finished()
    }

    /// The caller's end of the connection breaks.
    pub async fn hangs_up(self) -> (JoinHandle<zbus::Result<Departure>>, mpsc::UnboundedReceiver<Started>) {
        self.caller.close().await.expect("an open connection");
        (self.service, self.tunnels)
    }
}

/// A message in short: `answer(..)`, `refusal(name)` or `Signal(arguments)`; numbers with their D-Bus types.
pub fn line(message: &Message) -> String {
    let body = message.body();
    let arguments = match body.deserialize::<Structure<'_>>() {
        Ok(arguments) => {
            let fields: Vec<String> = arguments.fields().iter().map(plain).collect();
            format!("({})", fields.join(", "))
        }
        Err(_) => String::new(),
    };
    let header = message.header();
    match message.message_type() {
        Type::Signal => format!("{}{arguments}", header.member().expect("a signal has a name")),
        Type::MethodReturn => format!("answer{arguments}"),
        Type::Error => {
            let name = header.error_name().map(ToString::to_string).unwrap_or_default();
            format!("refusal({})", name.strip_prefix("org.freedesktop.NetworkManager.VPN.Error.").unwrap_or(&name))
        }
        Type::MethodCall => format!("call {}", header.member().expect("a call has a name")),
    }
}

/// An argument; the number of a state or a reason without its type, which the test of the interface covers.
fn plain(value: &Variant<'_>) -> String {
    match value {
        Variant::U32(number) => number.to_string(),
        other => other.to_string(),
    }
}

/// A connection as NetworkManager sends it, with a password.
pub fn connection() -> Hash<'static> {
    connection_with(&[("gateway", "vpn.example.com"), ("user", "alice")], &[("password", PASSWORD)])
}

pub fn connection_with<'m>(data: &[(&'m str, &'m str)], secrets: &[(&'m str, &'m str)]) -> Hash<'m> {
    let dictionary =
        |entries: &[(&'m str, &'m str)]| Variant::from(entries.iter().copied().collect::<BTreeMap<&'m str, &'m str>>());
    Hash::from([
        ("connection", BTreeMap::from([("id", "work".into()), ("type", "vpn".into()), ("uuid", UUID.into())])),
        (
            "vpn",
            BTreeMap::from([
                ("data", dictionary(data)),
                ("secrets", dictionary(secrets)),
                ("service-type", "org.freedesktop.NetworkManager.sstp".into()),
                ("persistent", false.into()),
                ("timeout", 0u32.into()),
            ]),
        ),
        ("ipv4", BTreeMap::from([("method", "auto".into())])),
        ("ipv6", BTreeMap::from([("method", "auto".into())])),
        ("proxy", BTreeMap::new()),
    ])
}

/// The second argument of `ConnectInteractive` as NetworkManager sends it.
pub fn details() -> BTreeMap<&'static str, Variant<'static>> {
    BTreeMap::new()
}

/// The password that a tunnel was started with.
pub fn password_of(tunnel: &Started) -> &str {
    tunnel.secrets.get(Secret::Password).expect("a password")
}

pub fn starting(phase: Phase) -> TunnelState {
    TunnelState::Starting(nm_sstp::tunnel::Phase::Session(phase))
}

pub fn up(established: Established) -> TunnelState {
    TunnelState::Up(Arc::new(established))
}

/// What a usual server gives.
pub fn established() -> Established {
    Established {
        interface: "sstp0".to_owned(),
        server: SocketAddr::from(([203, 0, 113, 5], 443)),
        tls: Tls::default(),
        since: SystemTime::UNIX_EPOCH,
        local: None,
        counters: Arc::default(),
        parameters: NetworkParameters {
            ipv4: Some(Ipv4Parameters {
                address: Ipv4Addr::new(10, 99, 0, 2),
                peer: Some(Ipv4Addr::new(10, 99, 0, 1)),
                dns: vec![Ipv4Addr::new(10, 99, 0, 53), Ipv4Addr::new(192, 0, 2, 53)],
                nbns: vec![Ipv4Addr::new(10, 99, 0, 137)],
                routes: Vec::new(),
            }),
            ipv6: None,
            domains: Vec::new(),
            mtu: 1400,
            authentication: Some(AuthProtocol::MsChapV2),
            eap_method: None,
        },
    }
}

pub fn wrong_password() -> session::Error {
    session::Error::AuthenticationFailed { code: Some(691), message: "wrong user name or password".to_owned() }
}
