//! The calls of a tunnel: the way to the gateway, the session, and the loop that carries octets.
//!
//! What it needs of the machine comes from a [`Machine`], and what it has to say goes to whoever runs it: this may be a
//! process that can reach nothing else.

use std::fs::File;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::inner::{self, Inner};
use super::recorder::Recorder;
use super::relay::{self, Progress, Watch};
use super::{Attempt, Command, Counts, Failure, Phase, fallback};
use crate::inner_tls::Source;
use crate::log::OUTCOME;
use crate::profile::{Authentication, ClientCertificate, Profile, Secret, Secrets};
use crate::profile_files::Files;
use crate::session::{self, Answer, NetworkParameters, Question, Session};
use crate::transport::dial::{Dialer, Direct, Target};
use crate::transport::{self, Settings, Step, Tls};
use crate::tun::{self, Device, Tun};

/// Least MTU of a link that carries IPv6, in octets (RFC 8200 5).
const MIN_MTU: u16 = 1280;

/// What a tunnel is made of: an attempt whose files were read.
#[derive(Clone, Serialize, Deserialize)]
pub struct Call {
    profile: Profile,
    secrets: Secrets,
    answers: Vec<Answer>,
    may_ask: bool,
    files: Files,
    lasting: bool,
    /// Goes to another process as a descriptor.
    #[serde(skip)]
    capture: Option<Arc<File>>,
}

impl Call {
    /// Reads the files, in some 10 s at most. What cannot be read is an error where it is used.
    pub(crate) async fn prepare(attempt: Attempt) -> Self {
        let Attempt { profile, secrets, answers, may_ask, rights, lasting, capture } = attempt;
        let files = Files::read(&profile, &rights).await;
        Self { profile, secrets, answers, may_ask, files, lasting, capture }
    }

    /// The file that packets are written to.
    pub(crate) fn capture(&self) -> Option<Arc<File>> {
        self.capture.clone()
    }

    /// The same with this file.
    pub(crate) fn with_capture(self, capture: Option<Arc<File>>) -> Self {
        Self { capture, ..self }
    }

    /// Whether it outlasts its connection. A token is reached with rights that are given up when a tunnel is up.
    pub(crate) fn lasts(&self) -> bool {
        self.lasting && !self.needs_token()
    }

    /// The same for another connection. Answers were for this one, and nobody expects a question.
    pub(crate) fn again(&self) -> Self {
        Self { answers: Vec::new(), may_ask: false, ..self.clone() }
    }

    /// The name that its interface is to have, with `%d` for a number.
    pub(crate) fn interface(&self) -> &str {
        &self.profile.interface
    }

    /// What it connects to.
    pub(crate) fn gateway(&self) -> Target {
        Target::first_of(&self.profile)
    }

    /// Whether the user's key is on a token, which only a library of its own can reach.
    pub(crate) fn needs_token(&self) -> bool {
        match &self.profile.authentication {
            Authentication::Certificate(ClientCertificate { user_cert, user_key, .. }) => {
                [user_cert, user_key].into_iter().flatten().any(|path| path.to_str().is_some_and(Source::is_token))
            }
            Authentication::Password { .. } => false,
        }
    }
}

/// What a tunnel needs of the machine.
pub trait Machine: Dialer + Sync {
    /// Its interface.
    type Device: Device;

    /// Makes the interface with this MTU in octets, once.
    fn open_device(&self, name: &str, mtu: u16) -> impl Future<Output = Result<Self::Device, tun::Error>> + Send;
}

/// The machine, as this process can use it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThisMachine(pub Direct);

impl Dialer for ThisMachine {
    async fn dial(
        &self,
        target: Target,
        progress: &mut (dyn FnMut(Step) + Send),
    ) -> Result<(tokio::net::TcpStream, SocketAddr), transport::dial::Error> {
        self.0.dial(target, progress).await
    }
}

impl Machine for ThisMachine {
    type Device = Tun;

    async fn open_device(&self, name: &str, mtu: u16) -> Result<Tun, tun::Error> {
        Tun::create(name, mtu).await
    }
}

/// What a tunnel tells.
#[derive(Debug, Serialize, Deserialize)]
pub enum Told {
    /// It is on its way.
    Starting(Phase),
    /// The server asks.
    Asking(Question),
    /// It is up, or its parameters have changed.
    Up(Box<Connected>),
    /// What it has carried.
    Carried(Counts),
}

/// A tunnel that is up.
#[derive(Debug, Serialize, Deserialize)]
pub struct Connected {
    /// Name of the interface.
    pub interface: String,
    /// The server's address and port.
    pub server: SocketAddr,
    /// Our address on the way there.
    pub local: Option<IpAddr>,
    /// The TLS connection that carries the tunnel.
    pub tls: Tls,
    /// What was negotiated.
    pub parameters: NetworkParameters,
}

/// The whole life of a tunnel; `Ok` where it was told to end.
///
/// # Errors
///
/// Why it is down.
pub(crate) async fn run(
    call: Call,
    commands: &mut mpsc::Receiver<Command>,
    machine: &impl Machine,
    mut tell: impl FnMut(Told) + Send,
) -> Result<(), Failure> {
    let (mut next, mut first) = (call, None);
    loop {
        // what another call would need is wiped as soon as this one is up
        let mut spare = Some(next.clone());
        let Err(failure) = one(next, commands, machine, &mut tell, &mut spare).await else { return Ok(()) };
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
async fn one(
    call: Call,
    commands: &mut mpsc::Receiver<Command>,
    machine: &impl Machine,
    tell: &mut (impl FnMut(Told) + Send),
    spare: &mut Option<Call>,
) -> Result<(), Failure> {
    let Call { profile, secrets, answers, may_ask, files, lasting: _, capture } = call;
    let opening = async {
        let Inner { connector, user_name } = inner::prepare(&profile, &secrets, &files).await?;
        let config = profile.session_config(&secrets, connector, user_name)?;
        let settings = Settings::of(&profile, &files, secrets.get(Secret::ProxyPassword))?;
        let progress = |step: Step| tell(Told::Starting(step.into()));
        let connection = transport::open(&settings, machine, progress).await?;
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
    let (server, local, tls) = (connection.address, connection.local, connection.tls);
    let recorder = capture.map(|file| {
        let secrets = profile.capture.as_ref().is_some_and(|capture| capture.secrets);
        Recorder::new(file, local.map(|local| (local, server.ip())), secrets, Instant::now().into_std())
    });
    let watch = Watch { round_trip: transport::round_trip, recorder };
    let open_device = |mtu| machine.open_device(&profile.interface, mtu);
    relay::run(session, connection.stream, commands, watch, open_device, |progress| {
        tell(match progress {
            Progress::Phase(phase) => Told::Starting(Phase::Session(phase)),
            Progress::Asking(question) => Told::Asking(question),
            Progress::Carried(counts) => Told::Carried(counts),
            Progress::Up { interface, parameters } => {
                *spare = None;
                Told::Up(Box::new(Connected {
                    interface: interface.to_owned(),
                    server,
                    local,
                    tls: tls.clone(),
                    parameters: parameters.clone(),
                }))
            }
        });
    })
    .await
}

/// The upper bound of the tunnel's MTU in octets: the profile's, or what goes to the server in one TCP segment. A datagram
/// that is cut in two on its way is twice as likely to wait for a lost one. IPv6's minimum holds on any path.
fn mtu_for(connection: &transport::Connection, profile: Option<u16>) -> Option<u16> {
    let fits = || connection.unfragmented().map(|octets| octets.saturating_sub(relay::OVERHEAD as u16).max(MIN_MTU));
    profile.or_else(fits)
}

/// Waits for the command to end, or for the end of all commands. There is nothing yet that could be answered or doubted.
pub(crate) async fn told_to_end(commands: &mut mpsc::Receiver<Command>) {
    while let Some(Command::Answer(_) | Command::Doubt) = commands.recv().await {}
}
