//! A tunnel from its profile to its end: connect, run the session, carry datagrams, take everything down again.
//!
//! [`Tunnel::spawn`] starts one task, which owns the connection, the session and the interface. A face turns its methods
//! into [`Command`]s and [`TunnelState`] into its signals; there is nothing else between them.

mod fallback;
mod inner;
mod relay;
mod rx_buf;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::SystemTime;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tracing::Instrument;
use zeroize::Zeroizing;

use crate::inner_tls;
use crate::log::OUTCOME;
use crate::ppp::inner_tls::{Fault, TlsError};
use crate::private_file;
use crate::profile::{self, Profile, Secrets};
use crate::profile_files::{Files, Rights};
use crate::session::{self, Answer, NetworkParameters, Session};
use crate::transport::dial::Direct;
use crate::transport::{self, CaCertificates, Limits, Settings, Step, Tls};
use crate::tun::{self, Tun};
use inner::Inner;
use relay::{Progress, Watch};

pub use inner::key_is_locked;

/// Least MTU of a link that carries IPv6, in octets (RFC 8200 5).
const MIN_MTU: u16 = 1280;

/// Commands that may wait. A person does not answer faster than they are taken.
const COMMANDS: usize = 4;

/// A tunnel that runs in a task of its own.
///
/// It ends by itself, by [`Command::Disconnect`], or when the last sender of commands is dropped. Its last state is
/// [`TunnelState::Down`]; by then the connection is closed and the interface is gone.
pub struct Tunnel {
    /// What the tunnel shall do.
    pub commands: mpsc::Sender<Command>,
    /// How it is doing.
    pub state: watch::Receiver<TunnelState>,
}

/// What a tunnel is started with.
#[derive(Clone)]
pub struct Attempt {
    /// The connection.
    pub profile: Profile,
    /// Its secrets.
    pub secrets: Secrets,
    /// Answers to the questions of an attempt before this one.
    pub answers: Vec<Answer>,
    /// A person may be asked, by [`TunnelState::Asking`].
    pub may_ask: bool,
    /// With whose rights the files of the profile are read.
    pub rights: Rights,
}

impl Attempt {
    /// A first attempt, of nobody's connection in particular, with nobody to ask.
    pub fn new(profile: Profile, secrets: Secrets) -> Self {
        Attempt { profile, secrets, answers: Vec::new(), may_ask: false, rights: Rights::default() }
    }
}

/// What a call is made of: an attempt whose files were read.
#[derive(Clone)]
struct Call {
    profile: Profile,
    secrets: Secrets,
    answers: Vec<Answer>,
    may_ask: bool,
    files: Files,
}

impl Call {
    /// Reads the files, in some 10 s at most. What cannot be read is an error where it is used.
    async fn prepare(attempt: Attempt) -> Self {
        let Attempt { profile, secrets, answers, may_ask, rights } = attempt;
        let files = Files::read(&profile, &rights).await;
        Self { profile, secrets, answers, may_ask, files }
    }
}

/// What a tunnel can be told.
pub enum Command {
    /// End in good order, in some seconds at most.
    Disconnect,
    /// The answer to the question of [`TunnelState::Asking`]; without effect where there is none.
    Answer(Zeroizing<String>),
}

/// Does not show the answer.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Command::Disconnect => "Disconnect",
            Command::Answer(_) => "Answer(<redacted>)",
        })
    }
}

/// How a tunnel is doing.
#[derive(Clone, Debug)]
pub enum TunnelState {
    /// It is on its way.
    Starting(Phase),
    /// The server wants to know something that a person has to [answer](Command::Answer). It does not wait longer than a
    /// minute after it has taken the call; when its patience ends, so does the tunnel.
    Asking(session::Question),
    /// Datagrams flow. Published again where the parameters change.
    Up(Arc<Established>),
    /// It is down for good; `None` where it was told to.
    Down(Option<Arc<Failure>>),
}

/// How far a tunnel has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The gateway's name is looked up.
    Resolve,
    /// TCP connects.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The session has begun.
    Session(session::Phase),
}

/// When it is, as the end of a sentence.
impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Phase::Resolve => f.write_str("while the gateway's name was looked up"),
            Phase::Connect => f.write_str("while TCP connected to the gateway"),
            Phase::Tls => f.write_str("during the TLS handshake"),
            Phase::Session(phase) => phase.fmt(f),
        }
    }
}

/// A tunnel that is up.
#[derive(Clone, Debug)]
pub struct Established {
    /// Name of the interface. It is down and has no address: configuring it is the owner's part.
    pub interface: String,
    /// The server's address outside of the tunnel, which must not be routed into it, and its port.
    pub server: SocketAddr,
    /// Our own address on the way there: in another tunnel, where it goes through that.
    pub local: Option<IpAddr>,
    /// The TLS connection that carries the tunnel.
    pub tls: Tls,
    /// When it was connected.
    pub since: SystemTime,
    /// What it has carried so far.
    pub counters: Arc<Counters>,
    /// What was negotiated.
    pub parameters: NetworkParameters,
}

/// What a tunnel has carried. Whoever shows it reads it when it is wanted; the tunnel adds to it and tells nobody.
#[derive(Debug, Default)]
pub struct Counters {
    /// Octets of datagrams from the server.
    pub rx_bytes: AtomicU64,
    /// Octets of datagrams to the server.
    pub tx_bytes: AtomicU64,
    /// Datagrams from the server.
    pub rx_packets: AtomicU64,
    /// Datagrams to the server.
    pub tx_packets: AtomicU64,
    /// Datagrams that the kernel did not take from us, or that could not be sent.
    pub dropped: AtomicU64,
    /// The round-trip time to the server that TCP measured last, in microseconds; 0: not known.
    pub round_trip: AtomicU32,
}

/// Why a tunnel is down.
#[derive(Debug)]
pub enum Failure {
    /// The profile or its secrets do not suffice.
    Profile(profile::Error),
    /// A file of the profile could not be read.
    File(private_file::Error),
    /// A certificate or a key of the profile cannot be used.
    InnerTls(inner_tls::Error),
    /// There is no connection to the gateway.
    Transport(transport::failure::Error),
    /// The session failed.
    Session(session::Error),
    /// The interface could not be made or configured.
    Device(tun::Error),
    /// The interface was taken from us while the tunnel was up.
    DeviceGone {
        /// Its name.
        interface: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The system gave no random octets.
    Entropy(String),
}

/// What kind of failure it is: what a face tells its clients apart from the sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// User name or password was not accepted: asking for them again may help.
    Authentication,
    /// The server could not be reached, refused, or went away.
    Connect,
    /// The server and we did not agree on addresses.
    IpConfiguration,
}

impl Failure {
    /// What kind of failure it is.
    pub fn kind(&self) -> FailureKind {
        match self {
            Failure::Profile(profile::Error::NoPassword)
            | Failure::InnerTls(
                inner_tls::Error::PassphraseMissing { .. } | inner_tls::Error::PassphraseWrong { .. },
            )
            | Failure::Session(
                session::Error::AuthenticationFailed { .. }
                | session::Error::IdentityRefused { .. }
                | session::Error::InnerTls(TlsError { fault: Fault::Refused, .. })
                | session::Error::NobodyToAsk(_)
                | session::Error::AnswerTooLate(_),
            ) => FailureKind::Authentication,
            Failure::Session(session::Error::TimedOut(session::Phase::NetworkLayerProtocol)) => {
                FailureKind::IpConfiguration
            }
            _ => FailureKind::Connect,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Profile(error) => error.fmt(f),
            Failure::File(error) => error.fmt(f),
            Failure::InnerTls(error) => error.fmt(f),
            Failure::Transport(error) => error.fmt(f),
            Failure::Session(error) => error.fmt(f),
            Failure::Device(error) => error.fmt(f),
            Failure::DeviceGone { interface, source } => {
                write!(f, "the tunnel interface {interface} was deleted while the tunnel was up ({source})")
            }
            Failure::Entropy(reason) => write!(f, "this machine gives no random numbers: {reason}"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<profile::Error> for Failure {
    fn from(error: profile::Error) -> Self {
        Failure::Profile(error)
    }
}

impl From<transport::failure::Error> for Failure {
    fn from(error: transport::failure::Error) -> Self {
        Failure::Transport(error)
    }
}

impl From<session::Error> for Failure {
    fn from(error: session::Error) -> Self {
        Failure::Session(error)
    }
}

impl From<tun::Error> for Failure {
    fn from(error: tun::Error) -> Self {
        Failure::Device(error)
    }
}

impl From<Step> for Phase {
    fn from(step: Step) -> Self {
        match step {
            Step::Resolve => Phase::Resolve,
            Step::Connect => Phase::Connect,
            Step::Tls => Phase::Tls,
        }
    }
}

/// All but the file of CA certificates, which is still to be read.
impl From<&Profile> for Settings {
    fn from(profile: &Profile) -> Self {
        Settings {
            host: profile.gateway.host.to_string(),
            port: profile.gateway.port,
            ca_certificates: None,
            ignore_certificate: profile.ignore_cert_warn,
            server_name_indication: profile.send_sni,
            limits: Limits::default(),
        }
    }
}

impl Tunnel {
    /// Starts a tunnel. To be called in a tokio runtime with I/O and time.
    pub fn spawn(attempt: Attempt) -> Tunnel {
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let (publisher, state) = watch::channel(TunnelState::Starting(Phase::Resolve));
        let life = async move {
            let failure = run(attempt, inbox, &publisher).await.err();
            publisher.send_replace(TunnelState::Down(failure.map(Arc::new)));
        };
        // The caller's span says in the log which connection this is.
        tokio::spawn(life.in_current_span());
        Tunnel { commands, state }
    }
}

/// The whole life of a tunnel; `Ok` where it was told to end.
async fn run(
    attempt: Attempt,
    mut commands: mpsc::Receiver<Command>,
    state: &watch::Sender<TunnelState>,
) -> Result<(), Failure> {
    let mut next = tokio::select! {
        biased;
        () = told_to_end(&mut commands) => return Ok(()),
        call = Call::prepare(attempt) => call,
    };
    let mut first = None;
    loop {
        // what another call would need is wiped as soon as this one is up
        let mut spare = Some(next.clone());
        let Err(failure) = call(next, &mut commands, state, &mut spare).await else { return Ok(()) };
        let reduced = spare.and_then(|spare| {
            let profile = fallback::without_what_failed(&spare.profile, &failure)?;
            Some(Call { profile, ..spare })
        });
        match (reduced, first.take()) {
            (Some(reduced), before) => {
                tracing::info!(target: OUTCOME, "Trying again without that: {failure}.");
                first = before.or(Some(failure));
                next = reduced;
            }
            // what the server wanted first is what it wants, and what a person can do something about
            (None, Some(before)) if fallback::is_no_agreement(&failure) => return Err(before),
            (None, _) => return Err(failure),
        }
    }
}

/// One call, from the name of the gateway to the end of the session.
async fn call(
    call: Call,
    commands: &mut mpsc::Receiver<Command>,
    state: &watch::Sender<TunnelState>,
    spare: &mut Option<Call>,
) -> Result<(), Failure> {
    let Call { profile, secrets, answers, may_ask, files } = call;
    let opening = async {
        let Inner { connector, user_name } = inner::prepare(&profile, &secrets, &files).await?;
        let config = profile.session_config(&secrets, connector, user_name)?;
        let mut settings = Settings::from(&profile);
        if let Some(path) = &profile.ca_cert {
            settings.ca_certificates = Some(CaCertificates::among(&files, path)?);
        }
        let progress = |step: Step| {
            state.send_replace(TunnelState::Starting(step.into()));
        };
        let connection = transport::open(&settings, &Direct::default(), progress).await?;
        if let Some(objection) = &connection.objection {
            tracing::warn!("{objection}; it is accepted because ignore-cert-warn is set");
        }
        Ok::<_, Failure>((config, connection))
    };
    let (config, connection) = tokio::select! {
        biased;
        () = told_to_end(commands) => return Ok(()),
        opened = opening => opened?,
    };
    drop((secrets, files));
    let config = session::Config { answers, may_ask, server_verified: connection.verified, ..config };
    let config = session::Config { mtu: mtu_for(&connection, config.mtu), ..config };
    let mut entropy = [0; 32];
    openssl::rand::rand_bytes(&mut entropy).map_err(|error| Failure::Entropy(error.to_string()))?;
    let session = Session::new(config, &connection.certificate, entropy, Instant::now().into_std());
    let (server, local) = (connection.address, connection.local);
    let (tls, counters) = (connection.tls, Arc::<Counters>::default());
    let watch = Watch { counters: &counters, round_trip: transport::round_trip };
    let mut connected = None;
    let open_device = |mtu| Tun::create(&profile.interface, mtu);
    relay::run(session, connection.stream, commands, watch, open_device, |progress| {
        state.send_replace(match progress {
            Progress::Phase(phase) => TunnelState::Starting(Phase::Session(phase)),
            Progress::Asking(question) => TunnelState::Asking(question),
            Progress::Up { interface, parameters } => {
                *spare = None;
                TunnelState::Up(Arc::new(Established {
                    interface: interface.to_owned(),
                    server,
                    local,
                    tls: tls.clone(),
                    since: *connected.get_or_insert_with(wall_clock),
                    counters: counters.clone(),
                    parameters: parameters.clone(),
                }))
            }
        });
    })
    .await
}

/// The time of day, for people.
#[allow(clippy::disallowed_methods, reason = "nothing but a display depends on it")]
fn wall_clock() -> SystemTime {
    SystemTime::now()
}

/// The upper bound of the tunnel's MTU in octets: the profile's, or what goes to the server in one TCP segment. A datagram
/// that is cut in two on its way is twice as likely to wait for a lost one. IPv6's minimum holds on any path.
fn mtu_for(connection: &transport::Connection, profile: Option<u16>) -> Option<u16> {
    let fits = || connection.unfragmented().map(|octets| octets.saturating_sub(relay::OVERHEAD as u16).max(MIN_MTU));
    profile.or_else(fits)
}

/// Waits for the command to end, or for the end of all commands. There is nothing yet that could be answered.
async fn told_to_end(commands: &mut mpsc::Receiver<Command>) {
    while let Some(Command::Answer(_)) = commands.recv().await {}
}

#[cfg(test)]
pub(crate) use relay::tests::{Answer as ServerAnswer, serve};
#[cfg(test)]
mod tests;
