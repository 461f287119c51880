//! A helper that plays a part: what becomes of a session is said by the first word of its gateway's name. It has the
//! interfaces of `data/org.sstpd.*.xml`, and writes down who called what.

use std::collections::{BTreeMap, HashMap};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;
use zbus::message::Header;
use zbus::object_server::{InterfaceRef, SignalEmitter};
use zbus::{Connection, Fd, OwnedObjectPath, OwnedVariant, Variant, fdo, interface};

use super::{HOSTILE, PASSWORD};

type Settings = BTreeMap<String, String>;

/// A call that the program made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub method: &'static str,
    /// Arguments, as text.
    pub text: String,
    /// Secrets that came with it.
    pub secrets: Settings,
    /// Contents of the files that came with it.
    pub files: Settings,
    /// `interactive`, or `replace`.
    pub option: Option<bool>,
    /// The call may wait for a question of polkit.
    pub may_ask: bool,
    /// Unique name of the program on the bus.
    pub caller: String,
}

#[derive(Default)]
struct State {
    profiles: BTreeMap<String, Settings>,
    calls: Vec<Call>,
    sessions: u32,
}

type Shared = Arc<Mutex<State>>;

/// The helper, in a thread of its own.
pub struct FakeHelper {
    state: Shared,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FakeHelper {
    pub fn start(address: &str) -> Self {
        let profile = |gateway: &str| {
            Settings::from([("gateway".to_owned(), gateway.to_owned()), ("user".to_owned(), "alice".to_owned())])
        };
        let profiles = [("work", "works.example"), ("home", "asks.example")];
        let profiles = profiles.map(|(name, gateway)| (name.to_owned(), profile(gateway))).into();
        let state = Arc::new(Mutex::new(State { profiles, ..State::default() }));
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let (address, shared) = (address.to_owned(), state.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let connection = zbus::connection::Builder::address(address.as_str())
                    .serve_at("/org/sstpd", fdo::ObjectManager)
                    .serve_at("/org/sstpd", Manager(shared))
                    .name("org.sstpd")
                    .build()
                    .await
                    .expect("the bus");
                ready.send(()).expect("a test that waits");
                let _ = stopped.await;
                drop(connection);
            });
        });
        is_ready.recv().expect("a helper");
        Self { state, stop: Some(stop), thread: Some(thread) }
    }

    pub fn profiles(&self) -> BTreeMap<String, Settings> {
        self.state.lock().expect("no panic").profiles.clone()
    }

    pub fn add_profile(&self, name: &str, settings: &[(&str, &str)]) {
        let settings = settings.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        self.state.lock().expect("no panic").profiles.insert(name.to_owned(), settings);
    }

    /// The calls of a method until now.
    pub fn calls(&self, method: &str) -> Vec<Call> {
        let state = self.state.lock().expect("no panic");
        state.calls.iter().filter(|call| call.method == method).cloned().collect()
    }

    /// Leaves the bus, as a helper that crashed.
    pub fn leave(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("a helper that ends");
        }
    }
}

impl Drop for FakeHelper {
    fn drop(&mut self) {
        drop(self.stop.take());
    }
}

struct Manager(Shared);

impl Manager {
    fn note(&self, header: &Header<'_>, method: &'static str, text: String, options: Option<&Options>) {
        let call = Call {
            method,
            text,
            secrets: options.and_then(|options| options.get("secrets")).map(secrets).unwrap_or_default(),
            files: options.and_then(|options| options.get("files")).map(contents).unwrap_or_default(),
            option: options
                .and_then(|options| options.get("interactive").or(options.get("replace")))
                .and_then(|value| bool::try_from(value).ok()),
            may_ask: header.primary().flags().contains(zbus::message::Flags::ALLOW_INTERACTIVE_AUTH),
            caller: header.sender().map(ToString::to_string).unwrap_or_default(),
        };
        self.0.lock().expect("no panic").calls.push(call);
    }
}

type Options = HashMap<String, OwnedVariant>;

fn secrets(value: &OwnedVariant) -> Settings {
    let pairs = value.try_clone().ok().and_then(|value| HashMap::<String, String>::try_from(value).ok());
    pairs.unwrap_or_default().into_iter().collect()
}

fn contents(value: &OwnedVariant) -> Settings {
    let Variant::Dict(files) = &**value else { panic!("{value:?}") };
    let read = |file: &Fd<'_>| {
        let file = file.as_fd().try_clone_to_owned().expect("a file");
        std::io::read_to_string(std::fs::File::from(file)).expect("a file that can be read")
    };
    let file = |(name, file): (&Variant<'_>, &Variant<'_>)| match (name, file) {
        (Variant::Str(name), Variant::Fd(file)) => (name.to_string(), read(file)),
        other => panic!("{other:?}"),
    };
    files.iter().map(file).collect()
}

#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.sstpd.Error")]
enum Error {
    #[zbus(error)]
    ZBus(zbus::Error),
    NoSuchProfile(String),
    NotAuthorized(String),
}

#[interface(name = "org.sstpd.Manager1")]
impl Manager {
    async fn connect(
        &self,
        profile: String,
        settings: Settings,
        options: Options,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<OwnedObjectPath, Error> {
        self.note(&header, "Connect", format!("{profile} {settings:?}"), Some(&options));
        let settings = match profile.as_str() {
            "" => settings,
            name => {
                let found = self.0.lock().expect("no panic").profiles.get(name).cloned();
                found.ok_or_else(|| Error::NoSuchProfile(format!("there is no profile {name:?}")))?
            }
        };
        let gateway = settings.get("gateway").cloned().unwrap_or_default();
        let part = gateway.split('.').next().unwrap_or_default().to_owned();
        if part == "denied" {
            return Err(Error::NotAuthorized("the policy of this machine says no".to_owned()));
        }
        let number = {
            let mut state = self.0.lock().expect("no panic");
            state.sessions += 1;
            state.sessions
        };
        let path = format!("/org/sstpd/session/{number}");
        let session = Session { shared: self.0.clone(), profile, gateway, part: part.clone(), ..Session::new() };
        connection.object_server().at(path.as_str(), session).await?;
        let object = connection.object_server().interface::<_, Session>(path.as_str()).await?;
        let caller = header.sender().expect("a bus").to_owned();
        let given = options.get("secrets").map(secrets).unwrap_or_default();
        tokio::spawn(play(object, part, caller.to_string(), given));
        Ok(OwnedObjectPath::try_from(path).expect("a path"))
    }

    async fn disconnect(
        &self,
        session: OwnedObjectPath,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> fdo::Result<()> {
        self.note(&header, "Disconnect", session.to_string(), None);
        let object = connection.object_server().interface::<_, Session>(&session).await?;
        if object.get().await.part == "deaf" {
            std::future::pending::<()>().await;
        }
        let (connection, emitter) = (connection.clone(), object.signal_emitter().to_owned());
        tokio::spawn(async move {
            let _ = Session::closed(&emitter, "", "").await;
            let _ = connection.object_server().remove::<Session, _>(&session).await;
        });
        Ok(())
    }

    fn profiles(&self, #[zbus(header)] header: Header<'_>) -> BTreeMap<String, Settings> {
        self.note(&header, "Profiles", String::new(), None);
        self.0.lock().expect("no panic").profiles.clone()
    }

    fn import_profile(
        &self,
        name: String,
        settings: Settings,
        options: Options,
        #[zbus(header)] header: Header<'_>,
    ) -> fdo::Result<Vec<String>> {
        self.note(&header, "ImportProfile", format!("{name} {settings:?}"), Some(&options));
        let replace = options.get("replace").and_then(|value| bool::try_from(value).ok()).unwrap_or(false);
        let mut state = self.0.lock().expect("no panic");
        if state.profiles.contains_key(&name) && !replace {
            return Err(fdo::Error::Failed(format!("there is a profile {name:?} already")));
        }
        state.profiles.insert(name, settings);
        Ok(vec!["a notice of the helper".to_owned()])
    }

    fn remove_profile(&self, name: String, #[zbus(header)] header: Header<'_>) {
        self.note(&header, "RemoveProfile", name.clone(), None);
        self.0.lock().expect("no panic").profiles.remove(&name);
    }

    fn probe(
        &self,
        settings: Settings,
        options: Options,
        #[zbus(header)] header: Header<'_>,
    ) -> HashMap<&'static str, Variant<'static>> {
        self.note(&header, "Probe", format!("{settings:?}"), Some(&options));
        let gateway = settings.get("gateway").map(String::as_str).unwrap_or_default();
        if gateway.starts_with("silent") {
            let error = "nobody answers at 203.0.113.7:443: connection refused";
            return HashMap::from([("address", "203.0.113.7:443".into()), ("error", error.into())]);
        }
        let mut seen: HashMap<&'static str, Variant<'static>> = HashMap::from([
            ("address", "203.0.113.7:443".into()),
            ("tls-version", "TLS 1.3".into()),
            ("tls-cipher", "TLS_AES_256_GCM_SHA384".into()),
            ("certificate-subject", format!("CN={HOSTILE}").into()),
            ("certificate-issuer", "CN=An Authority, O=Example".into()),
            ("certificate-fingerprint", "AB:CD:EF".into()),
            ("certificate-not-after", 4_102_444_800u64.into()),
            ("certificate-names", vec!["vpn.example.com".to_owned(), "*.vpn.example.com".to_owned()].into()),
            ("verified", (!gateway.starts_with("forged")).into()),
            ("sstp", (!gateway.starts_with("web")).into()),
            ("hash-protocols", vec!["SHA256".to_owned(), "SHA1".to_owned()].into()),
            ("authentication", vec!["EAP".to_owned(), "MS-CHAPv2".to_owned()].into()),
            ("duration", 123_456u64.into()),
        ]);
        if gateway.starts_with("forged") {
            seen.insert("certificate-problem", "it is signed by itself".into());
        }
        seen
    }

    #[zbus(property)]
    fn version(&self) -> String {
        "9.9.9".to_owned()
    }
}

/// Session1, with what its part has to say.
#[derive(Clone, Default)]
struct Session {
    shared: Shared,
    part: String,
    state: String,
    phase: String,
    profile: String,
    gateway: String,
    interface: String,
    since: u64,
    last_error: String,
    traffic: Arc<Mutex<u64>>,
    provided: Settings,
}

impl Session {
    fn new() -> Self {
        Self { state: "connecting".to_owned(), phase: "resolve".to_owned(), ..Self::default() }
    }
}

#[interface(name = "org.sstpd.Session1")]
impl Session {
    fn provide_secrets(&mut self, serial: u32, secrets: Settings) {
        let call = Call {
            method: "ProvideSecrets",
            text: serial.to_string(),
            secrets: secrets.clone(),
            files: Settings::new(),
            option: None,
            may_ask: false,
            caller: String::new(),
        };
        self.shared.lock().expect("no panic").calls.push(call);
        self.provided = secrets;
    }

    #[zbus(signal)]
    async fn secrets_required(
        emitter: &SignalEmitter<'_>,
        serial: u32,
        message: &str,
        secrets: &[&str],
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn closed(emitter: &SignalEmitter<'_>, kind: &str, error: &str) -> zbus::Result<()>;

    #[zbus(property)]
    fn state(&self) -> String {
        self.state.clone()
    }
    #[zbus(property)]
    fn phase(&self) -> String {
        self.phase.clone()
    }
    #[zbus(property)]
    fn owner(&self) -> u32 {
        nix::unistd::Uid::current().as_raw()
    }
    #[zbus(property)]
    fn profile(&self) -> String {
        self.profile.clone()
    }
    #[zbus(property)]
    fn interface(&self) -> String {
        self.interface.clone()
    }
    #[zbus(property)]
    fn since(&self) -> u64 {
        self.since
    }
    /// A part of which others may read no details.
    #[zbus(property)]
    fn gateway(&self) -> fdo::Result<String> {
        if self.part == "private" {
            return Err(fdo::Error::AccessDenied("not yours".to_owned()));
        }
        Ok(self.gateway.clone())
    }
    #[zbus(property)]
    fn peer_address(&self) -> String {
        "203.0.113.7:443".to_owned()
    }
    #[zbus(property)]
    fn addresses(&self) -> Vec<String> {
        ["10.8.0.2/32", "2001:db8::2/128"].map(str::to_owned).to_vec()
    }
    #[zbus(property)]
    fn routes(&self) -> Vec<String> {
        ["0.0.0.0/0", "::/0", "10.0.0.0/8"].map(str::to_owned).to_vec()
    }
    #[zbus(property)]
    fn dns(&self) -> Vec<String> {
        vec!["10.8.0.1".to_owned()]
    }
    #[zbus(property)]
    fn nbns(&self) -> Vec<String> {
        vec!["10.8.0.3".to_owned()]
    }
    #[zbus(property)]
    fn domains(&self) -> Vec<String> {
        vec!["corp.example".to_owned(), HOSTILE.to_owned()]
    }
    #[zbus(property)]
    fn mtu(&self) -> u32 {
        1400
    }
    #[zbus(property)]
    fn tls_version(&self) -> String {
        "TLS 1.3".to_owned()
    }
    #[zbus(property)]
    fn tls_cipher(&self) -> String {
        "TLS_AES_256_GCM_SHA384".to_owned()
    }
    #[zbus(property)]
    fn certificate_fingerprint(&self) -> String {
        "AB:CD:EF:01".to_owned()
    }
    #[zbus(property)]
    fn authentication(&self) -> String {
        "MS-CHAPv2".to_owned()
    }
    /// Grows with each reading, so that there is a rate.
    #[zbus(property)]
    fn rx_bytes(&self) -> u64 {
        let mut traffic = self.traffic.lock().expect("no panic");
        *traffic += 1_500_000;
        *traffic
    }
    #[zbus(property)]
    fn tx_bytes(&self) -> u64 {
        4096
    }
    #[zbus(property)]
    fn rx_packets(&self) -> u64 {
        12_345
    }
    #[zbus(property)]
    fn tx_packets(&self) -> u64 {
        1
    }
    #[zbus(property)]
    fn dropped(&self) -> u64 {
        3
    }
    #[zbus(property)]
    fn round_trip_time(&self) -> u32 {
        23_400
    }
    #[zbus(property)]
    fn last_error(&self) -> String {
        self.last_error.clone()
    }
}

async fn say(object: &InterfaceRef<Session>, state: &str, phase: &str) -> zbus::Result<()> {
    let mut session = object.get_mut().await;
    if session.phase != phase {
        session.phase = phase.to_owned();
        session.phase_changed(object.signal_emitter()).await?;
    }
    if session.state != state {
        session.state = state.to_owned();
        session.state_changed(object.signal_emitter()).await?;
    }
    Ok(())
}

/// What becomes of a session.
async fn play(object: InterfaceRef<Session>, part: String, caller: String, given: Settings) -> zbus::Result<()> {
    let pause = || tokio::time::sleep(Duration::from_millis(15));
    if part == "asks-first" {
        say(&object, "asking", "resolve").await?;
        ask(&object, &caller, 1, "Who are you?", &["password"]).await?;
    }
    let phases = ["resolve", "connect", "tls", "http", "call-connect", "link-establishment", "authentication"];
    for phase in phases {
        say(&object, "connecting", phase).await?;
        pause().await;
        match (part.as_str(), phase) {
            ("hangs" | "deaf", "tls") => return Ok(()),
            ("unreachable", "connect") => return fail(&object, "connect", "nobody answers at 203.0.113.7:443").await,
            _ => {}
        }
    }
    let questions: &[(&str, &[&str])] = match part.as_str() {
        "asks" if given.get("password").is_none_or(|password| password != PASSWORD) => &[("", &["password"])],
        "everything" => &[(HOSTILE, &["user", "password"]), ("Code?", &["x-dynamic-challenge-echo:otp"])],
        "expired" => &[("The password has expired.", &["password", "password-again"])],
        "gives-up" => &[("Quick!", &["password"])],
        _ => &[],
    };
    for (serial, (message, secrets)) in questions.iter().enumerate() {
        say(&object, "asking", "authentication").await?;
        if part == "gives-up" {
            send(&object, &caller, 1, message, secrets).await?;
            tokio::time::sleep(Duration::from_millis(500)).await;
            return fail(&object, "connect", "the server closed the connection").await;
        }
        ask(&object, &caller, serial as u32 + 1, message, secrets).await?;
        say(&object, "connecting", "authentication").await?;
    }
    if part == "refuses" {
        return fail(&object, "authentication", &format!("the server says: {HOSTILE}")).await;
    }
    say(&object, "connecting", "network-layer-protocol").await?;
    pause().await;
    match part.as_str() {
        "empty" => return fail(&object, "ip-configuration", "the server gave no address").await,
        "full" => return fail(&object, "host", "the route to 10.0.0.0/8 could not be set").await,
        _ => {}
    }
    {
        let mut session = object.get_mut().await;
        session.interface = "sstp0".to_owned();
        session.since = 1_764_154_635_000_000;
    }
    say(&object, "connected", "connected").await?;
    if part == "drops" {
        tokio::time::sleep(Duration::from_millis(300)).await;
        return fail(&object, "connect", "the server went away").await;
    }
    Ok(())
}

async fn send(
    object: &InterfaceRef<Session>,
    caller: &str,
    serial: u32,
    message: &str,
    secrets: &[&str],
) -> zbus::Result<()> {
    let emitter = object.signal_emitter().to_owned();
    let emitter = emitter.set_destination(caller.try_into().expect("a name"));
    Session::secrets_required(&emitter, serial, message, secrets).await
}

/// Asks, and waits for the answer.
async fn ask(
    object: &InterfaceRef<Session>,
    caller: &str,
    serial: u32,
    message: &str,
    secrets: &[&str],
) -> zbus::Result<()> {
    object.get_mut().await.provided.clear();
    send(object, caller, serial, message, secrets).await?;
    while object.get().await.provided.is_empty() {
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    Ok(())
}

async fn fail(object: &InterfaceRef<Session>, kind: &str, error: &str) -> zbus::Result<()> {
    object.get_mut().await.last_error = error.to_owned();
    say(object, "failed", "terminating").await?;
    Session::closed(object.signal_emitter(), kind, error).await
}
