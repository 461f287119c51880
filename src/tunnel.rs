//! A tunnel from its profile to its end: connect, run the session, carry datagrams, take everything down again.
//!
//! A tunnel owns its connection, its session and its interface. A face turns its methods into [`Command`]s and
//! [`TunnelState`] into its signals; there is nothing else between them. [`Tunnel::spawn`] runs a tunnel in this process;
//! the service runs it in another one, which can do nothing else ([`worker`](crate::worker)).

mod call;
mod deadline;
mod failure;
mod fallback;
mod inner;
pub mod reconnect;
mod recorder;
mod relay;
mod rx_buf;

use std::fmt;
use std::fs::File;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use tracing::Instrument;
use zeroize::Zeroizing;

use crate::profile::{Profile, Secrets};
use crate::profile_files::{Files, Rights};
use crate::session::{self, Answer, NetworkParameters};
use crate::transport::proxy::Proxy;
use crate::transport::{self, CaCertificates, Limits, Revoked, Settings, Step, Tls};

pub use call::{Call, Connected, Machine, ThisMachine, Told};
pub(crate) use call::{run, told_to_end};
pub use failure::{Ending, Failure, FailureKind, Remedy};
pub use inner::key_is_locked;

/// Commands that may wait. A person does not answer faster than they are taken.
const COMMANDS: usize = 4;

/// A tunnel that runs.
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
    /// Once it is up it outlasts its connection: its interface stays while another one is made. Only where it runs in a
    /// [process of its own](crate::worker).
    pub lasting: bool,
    /// Where the packets of the tunnel are written to, behind what is there: a [capture](crate::capture).
    pub capture: Option<Arc<File>>,
}

impl Attempt {
    /// A first attempt, of nobody's connection in particular, with nobody to ask.
    pub fn new(profile: Profile, secrets: Secrets) -> Self {
        Attempt {
            profile,
            secrets,
            answers: Vec::new(),
            may_ask: false,
            rights: Rights::default(),
            lasting: false,
            capture: None,
        }
    }
}

/// What a tunnel can be told.
#[derive(Serialize, Deserialize)]
pub enum Command {
    /// End in good order, in some seconds at most.
    Disconnect,
    /// The answer to the question of [`TunnelState::Asking`]; without effect where there is none.
    Answer(Zeroizing<String>),
    /// Ask the server for a sign of life at once, and give it up where it does not answer; without effect where the tunnel
    /// is not up.
    Doubt,
}

/// Does not show the answer.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Command::Disconnect => "Disconnect",
            Command::Answer(_) => "Answer(<redacted>)",
            Command::Doubt => "Doubt",
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
    /// It was up, has lost its connection, and makes another one; the interface stays. Published again where `moved`
    /// changes.
    Reconnecting {
        /// How it was lost, or why it is not back.
        why: Arc<Ending>,
        /// The network of this machine has changed meanwhile.
        moved: bool,
        /// Where the gateway may be: it has to be reached beside the tunnel.
        gateways: Vec<IpAddr>,
    },
    /// It is down for good; `None` where it was told to.
    Down(Option<Arc<Ending>>),
}

/// How far a tunnel has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Phase {
    /// The gateway's name is looked up.
    Resolve,
    /// TCP connects.
    Connect,
    /// The proxy connects to the gateway.
    Proxy,
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
            Phase::Proxy => f.write_str("while the proxy connected to the gateway"),
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
    /// The server's address outside of the tunnel, or its proxy's, which must not be routed into it, and its port.
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

/// What a tunnel has carried, up to a quarter of a second ago. Whoever shows it reads it when it is wanted.
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

impl From<Step> for Phase {
    fn from(step: Step) -> Self {
        match step {
            Step::Resolve => Phase::Resolve,
            Step::Connect => Phase::Connect,
            Step::Proxy => Phase::Proxy,
            Step::Tls => Phase::Tls,
        }
    }
}

impl Settings {
    /// Those of a profile, with what was read of its files and the password at the proxy.
    ///
    /// # Errors
    ///
    /// Files that the gateway is verified with cannot be used.
    pub fn of(
        profile: &Profile,
        files: &Files,
        proxy_password: Option<&str>,
    ) -> Result<Self, transport::failure::Error> {
        let ca_certificates = profile.ca_cert.as_deref().map(|path| CaCertificates::among(files, path)).transpose()?;
        let revoked = profile.inner_tls.crl_file.as_deref().map(|path| Revoked::among(files, path)).transpose()?;
        Ok(Settings {
            host: profile.gateway.host.to_string(),
            port: profile.gateway.port,
            proxy: profile.proxy.as_ref().map(|proxy| Proxy::new(proxy, proxy_password)),
            ca_certificates,
            ignore_certificate: profile.ignore_cert_warn,
            name: profile.gateway_tls.name.as_ref().map(ToString::to_string),
            server_name_indication: profile.send_sni,
            sni: profile.gateway_tls.sni.clone(),
            fingerprint: profile.gateway_tls.fingerprint,
            revoked: revoked.flatten(),
            least_version: profile.gateway_tls.min_version,
            limits: Limits::default(),
            unacknowledged: profile.patience.unacknowledged(),
        })
    }
}

/// What a tunnel has carried, at one moment; each is what [`Counters`] has under its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "they are those of Counters")]
pub struct Counts {
    pub rx_bytes: u64,
    pub tx_bytes: u64,
    pub rx_packets: u64,
    pub tx_packets: u64,
    pub dropped: u64,
    pub round_trip: u32,
}

impl Counters {
    fn set(&self, counts: &Counts) {
        let Counts { rx_bytes, tx_bytes, rx_packets, tx_packets, dropped, round_trip } = *counts;
        self.rx_bytes.store(rx_bytes, Ordering::Relaxed);
        self.tx_bytes.store(tx_bytes, Ordering::Relaxed);
        self.rx_packets.store(rx_packets, Ordering::Relaxed);
        self.tx_packets.store(tx_packets, Ordering::Relaxed);
        self.dropped.store(dropped, Ordering::Relaxed);
        self.round_trip.store(round_trip, Ordering::Relaxed);
    }
}

impl Tunnel {
    /// Starts a tunnel in a task of this process. To be called in a tokio runtime with I/O and time.
    pub fn spawn(attempt: Attempt) -> Tunnel {
        Self::start(attempt.profile.connect_timeout, |mut commands, mut follower| async move {
            let call = tokio::select! {
                biased;
                () = told_to_end(&mut commands) => return Ok(()),
                call = Call::prepare(attempt) => call,
            };
            let tell = |told| follower.told(told);
            run(call, &mut commands, &ThisMachine::default(), tell).await.map_err(Ending::from)
        })
    }

    /// Starts a task that runs a tunnel: with what it is told to do, and somebody to tell how it is doing. It may take as
    /// long as `limit` until it is up.
    pub(crate) fn start<F>(limit: Option<Duration>, run: impl FnOnce(mpsc::Receiver<Command>, Follower) -> F) -> Tunnel
    where
        F: Future<Output = Result<(), Ending>> + Send + 'static,
    {
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let (publisher, state) = watch::channel(TunnelState::Starting(Phase::Resolve));
        let too_long = deadline::passed(limit, state.clone());
        let running = run(inbox, Follower { state: publisher.clone(), connected: None });
        let life = async move {
            let ending = tokio::select! {
                biased;
                ended = running => ended.err(),
                failure = too_long => Some(failure.into()),
            };
            publisher.send_replace(TunnelState::Down(ending.map(Arc::new)));
        };
        // The caller's span says in the log which connection this is.
        tokio::spawn(life.in_current_span());
        Tunnel { commands, state }
    }
}

/// Makes states of what a tunnel tells.
pub(crate) struct Follower {
    state: watch::Sender<TunnelState>,
    connected: Option<Run>,
}

/// A tunnel that was up.
struct Run {
    since: SystemTime,
    counters: Arc<Counters>,
    /// What it has carried, in the connections before this one and in all.
    carried: (Counts, Counts),
    /// It has lost its connection.
    lost: bool,
}

impl Follower {
    /// The tunnel has told this.
    pub(crate) fn told(&mut self, told: Told) {
        let is_lost = self.connected.as_ref().is_some_and(|run| run.lost);
        self.state.send_replace(match told {
            // how far it has come is nobody's business as long as it is not back
            Told::Starting(_) | Told::Asking(_) if is_lost => return,
            Told::Starting(phase) => TunnelState::Starting(phase),
            Told::Asking(question) => TunnelState::Asking(question),
            Told::Carried(counts) => {
                if let Some(run) = &mut self.connected {
                    run.carried.1 = run.carried.0.and(&counts);
                    run.counters.set(&run.carried.1);
                }
                return;
            }
            Told::Up(connected) => {
                let Connected { interface, server, local, tls, parameters } = *connected;
                let run = self.connected.get_or_insert_with(Run::begin);
                run.lost = false;
                let (since, counters) = (run.since, run.counters.clone());
                TunnelState::Up(Arc::new(Established { interface, server, local, tls, since, counters, parameters }))
            }
        });
    }

    /// Whether it is up.
    pub(crate) fn is_up(&self) -> bool {
        self.connected.as_ref().is_some_and(|run| !run.lost)
    }

    /// It has lost its connection, or another one has failed.
    pub(crate) fn lost(&mut self, why: Ending, moved: bool, gateways: Vec<IpAddr>) {
        if let Some(run) = &mut self.connected {
            run.lost = true;
            run.carried.0 = run.carried.1;
        }
        self.state.send_replace(TunnelState::Reconnecting { why: Arc::new(why), moved, gateways });
    }

    /// The network has changed since it was lost.
    pub(crate) fn moved(&mut self) {
        self.state.send_if_modified(|state| {
            let TunnelState::Reconnecting { moved, .. } = state else { return false };
            !std::mem::replace(moved, true)
        });
    }
}

impl Run {
    fn begin() -> Self {
        Self { since: wall_clock(), counters: Arc::default(), carried: Default::default(), lost: false }
    }
}

impl Counts {
    /// Both together, at the time of the second.
    fn and(&self, later: &Self) -> Self {
        Self {
            rx_bytes: self.rx_bytes + later.rx_bytes,
            tx_bytes: self.tx_bytes + later.tx_bytes,
            rx_packets: self.rx_packets + later.rx_packets,
            tx_packets: self.tx_packets + later.tx_packets,
            dropped: self.dropped + later.dropped,
            round_trip: later.round_trip,
        }
    }
}

/// The time of day, for people.
#[allow(clippy::disallowed_methods, reason = "nothing but a display depends on it")]
fn wall_clock() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
pub(crate) use relay::tests::{Answer as ServerAnswer, serve};
#[cfg(test)]
mod tests;
