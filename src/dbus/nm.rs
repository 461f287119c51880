//! NetworkManager's face: `org.freedesktop.NetworkManager.VPN.Plugin`.
//!
//! NetworkManager starts one helper for each connection, calls it and listens to its signals. This is the contract
//! that the C base class of libnm (`NMVpnServicePlugin`) gives to other plugins:
//!
//! - every method is answered at once, the work is done after it;
//! - `StateChanged(STARTING)` comes before the answer to `Connect`, everything else of that connection after it;
//! - then `Config`, then `Ip4Config` and `Ip6Config` as `Config` announced them, then `StateChanged(STARTED)`;
//! - a failure is `Failure(reason)`, then `StateChanged(STOPPED)`; an answered `Disconnect` is
//!   `StateChanged(STOPPING)`, and `StateChanged(STOPPED)` when the tunnel is down.
//!
//! The order holds because the interface object is the only sender and has one lock: zbus holds it from the call to
//! its answer (`spawn = false`), [`Service`] holds it while it tells what the tunnel did.

mod ip_config;
mod service;
mod settings;
mod transitions;

use std::collections::BTreeMap;
use std::net::IpAddr;

use tokio::sync::{mpsc, watch};
use tracing::{Span, debug, error};
use zbus::message::Header;
use zbus::names::OwnedUniqueName;
use zbus::object_server::SignalEmitter;
use zbus::{DBusError, Variant};

use self::ip_config::Announcement;
use self::settings::{Hash, Malformed, Settings};
use self::transitions::sent;
use super::attempts::{Attempts, Interaction};
use super::pin::Place;
use crate::profile::{self, Routes, Secret};
use crate::profile_files::Rights;
use crate::tunnel::{self, FailureKind, Phase, TunnelState};

pub use self::service::{Departure, Options, Service};
pub use super::attempts::Dial;

/// The bus name of the VPN service; NetworkManager appends `.Connection_N` for one connection.
pub const BUS_NAME: &str = "org.freedesktop.NetworkManager.sstp";

/// The object that NetworkManager calls.
pub const PATH: &str = "/org/freedesktop/NetworkManager/VPN/Plugin";

/// An `a{sv}`.
type Dictionary<'m> = BTreeMap<&'m str, Variant<'m>>;

/// `NMVpnServiceState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ServiceState {
    Init = 1,
    Starting = 3,
    Started = 4,
    Stopping = 5,
    Stopped = 6,
}

/// `NMVpnPluginFailure`: what NetworkManager is told of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    LoginFailed = 0,
    ConnectFailed = 1,
    BadIpConfig = 2,
}

impl From<FailureKind> for Reason {
    fn from(kind: FailureKind) -> Self {
        match kind {
            FailureKind::Authentication => Self::LoginFailed,
            FailureKind::Connect => Self::ConnectFailed,
            FailureKind::IpConfiguration => Self::BadIpConfig,
        }
    }
}

/// `NMVpnPluginError`: how a method is refused. The text is for NetworkManager's log.
#[derive(Debug, DBusError)]
#[zbus(prefix = "org.freedesktop.NetworkManager.VPN.Error")]
enum Error {
    StartingInProgress(String),
    AlreadyStarted(String),
    StoppingInProgress(String),
    AlreadyStopped(String),
    WrongState(String),
    BadArguments(String),
    InvalidConnection(String),
}

impl From<Malformed> for Error {
    fn from(malformed: Malformed) -> Self {
        match malformed {
            Malformed::NoVpnSetting => Self::InvalidConnection(malformed.to_string()),
            Malformed::WrongType { .. } | Malformed::SeveralOwners => Self::BadArguments(malformed.to_string()),
        }
    }
}

impl From<profile::Error> for Error {
    fn from(error: profile::Error) -> Self {
        match error {
            profile::Error::NoGateway | profile::Error::NoUserName | profile::Error::NoPassword => {
                Self::InvalidConnection(error.to_string())
            }
            _ => Self::BadArguments(error.to_string()),
        }
    }
}

/// How often NetworkManager calls `NeedSecrets` for a connection: with what it keeps itself, with what agents keep, and with
/// what a person has typed.
const PASSES: u32 = 3;

/// What [`Plugin`] tells [`Service`].
enum Note {
    /// NetworkManager, by its unique name, called.
    Caller(OwnedUniqueName),
    /// NetworkManager may be asking the user for secrets, for as long as the connection's timeout (seconds) says.
    Asking { timeout: u32 },
    /// The connection waits for secrets: ask for them.
    Ask,
    /// What came was what had been refused, as this sentence says: give up.
    Unchanged(&'static str),
    /// A tunnel was started; this is its state.
    Started(watch::Receiver<TunnelState>),
    /// A call for a tunnel was refused; NetworkManager gives up.
    Refused,
    /// The state changed in a method.
    Changed,
}

/// The object at [`PATH`]. It lives on a bus connection and is driven by its [`Service`].
pub struct Plugin {
    attempts: Attempts,
    /// How often `NeedSecrets` was called.
    passes: u32,
    state: ServiceState,
    /// How far the tunnel has come, while it starts.
    phase: Option<Phase>,
    /// The server's address, once the tunnel is up.
    peer: Option<IpAddr>,
    /// What the profile wants in the tunnel.
    routes: Routes,
    /// What was announced last.
    announced: Option<Announcement>,
    /// The tunnel has lost its connection, and makes another one.
    is_lost: bool,
    /// NetworkManager has been told that the gateway is nowhere.
    is_nowhere: bool,
    notes: mpsc::UnboundedSender<Note>,
    /// Carries the connection's UUID to all log lines of its tunnel.
    span: Span,
    /// Where the settings of the connection are changed.
    place: Option<Place>,
}

#[zbus::interface(name = "org.freedesktop.NetworkManager.VPN.Plugin", spawn = false)]
impl Plugin {
    /// Answers `"vpn"` where secrets are missing from `settings`, `""` where there are enough. What an agent has not asked a
    /// person for, as Plasma does with all but one, the connection asks for by `SecretsRequired`: an answer of `"vpn"` would be
    /// its end.
    async fn need_secrets(
        &mut self,
        settings: Hash<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<&'static str, Error> {
        self.heard(&header);
        let settings = Settings::read(&settings)?;
        self.note(Note::Asking { timeout: settings.timeout });
        self.passes = self.passes.saturating_add(1);
        // What is wrong with a profile is the answer to Connect: an error here would reach the user as "no secrets".
        let Ok((profile, secrets, _)) = settings.profile() else { return Ok("") };
        let mut missing = profile.missing_secrets(&secrets);
        if missing.contains(&Secret::TlsUserKeySecret) {
            let rights = Rights::of(settings.owner()?);
            if !tunnel::key_is_locked(&profile, &rights).await {
                missing.retain(|secret| *secret != Secret::TlsUserKeySecret);
            }
        }
        debug!(?missing, "the secrets were checked");
        Ok(if missing.is_empty() || self.passes >= PASSES { "" } else { "vpn" })
    }

    /// Starts the tunnel; the answer says only that it was started.
    async fn connect(
        &mut self,
        connection: Hash<'_>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> Result<(), Error> {
        self.heard(&header);
        self.begin(&connection, Interaction::No, &emitter).await
    }

    /// As `Connect`, and secrets may be asked for by `SecretsRequired`. `details` has no key that means something here.
    async fn connect_interactive(
        &mut self,
        connection: Hash<'_>,
        #[allow(unused_variables)] details: Dictionary<'_>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> Result<(), Error> {
        self.heard(&header);
        self.begin(&connection, Interaction::Allowed, &emitter).await
    }

    /// The answer to `SecretsRequired`.
    async fn new_secrets(&mut self, connection: Hash<'_>) -> Result<(), Error> {
        let Some(waiting) = self.attempts.take_waiting() else {
            return Err(Error::WrongState("No secrets were asked for.".to_owned()));
        };
        let came = self.read(&connection, Interaction::Allowed).inspect_err(|_| self.note(Note::Refused))?;
        self.answered(waiting, came);
        Ok(())
    }

    /// Takes the tunnel down; `StateChanged(STOPPED)` says when it is.
    async fn disconnect(&mut self, #[zbus(signal_emitter)] emitter: SignalEmitter<'_>) -> Result<(), Error> {
        match self.state {
            ServiceState::Stopping => {
                return Err(Error::StoppingInProgress("The connection is already being taken down.".to_owned()));
            }
            ServiceState::Stopped => return Err(Error::AlreadyStopped("There is no connection.".to_owned())),
            ServiceState::Init | ServiceState::Starting | ServiceState::Started => self.stop(&emitter).await,
        }
        Ok(())
    }

    /// Passes `config` on as the signal `Config`. Like the next three it is meant for a helper process of a plugin;
    /// this plugin has none, and the state stays the tunnel's.
    async fn set_config(
        &self,
        config: Dictionary<'_>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> Result<(), Error> {
        self.must_be_up()?;
        sent(Self::config(&emitter, &config).await);
        Ok(())
    }

    /// Passes `config` on as the signal `Ip4Config`.
    #[zbus(name = "SetIp4Config")]
    async fn set_ip4_config(
        &self,
        config: Dictionary<'_>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> Result<(), Error> {
        self.must_be_up()?;
        sent(Self::ip4_config(&emitter, &config).await);
        Ok(())
    }

    /// Passes `config` on as the signal `Ip6Config`.
    #[zbus(name = "SetIp6Config")]
    async fn set_ip6_config(
        &self,
        config: Dictionary<'_>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> Result<(), Error> {
        self.must_be_up()?;
        sent(Self::ip6_config(&emitter, &config).await);
        Ok(())
    }

    /// Reports a bad IP configuration and takes the tunnel down.
    async fn set_failure(
        &mut self,
        reason: &str,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> Result<(), Error> {
        self.must_be_up()?;
        self.span.in_scope(|| error!("The connection was ended from outside: {}", reason.escape_debug()));
        sent(Self::failure(&emitter, Reason::BadIpConfig as u32).await);
        self.stop(&emitter).await;
        Ok(())
    }

    /// `NMVpnServiceState`.
    #[zbus(property(emits_changed_signal = "false"), name = "State")]
    async fn service_state(&self) -> u32 {
        self.state as u32
    }

    /// The state changed.
    #[zbus(signal)]
    async fn state_changed(emitter: &SignalEmitter<'_>, state: u32) -> zbus::Result<()>;

    /// Device, outer gateway and MTU, and which of the next two follow.
    #[zbus(signal)]
    async fn config(emitter: &SignalEmitter<'_>, config: &Dictionary<'_>) -> zbus::Result<()>;

    /// Addresses, name servers and routes of IPv4.
    #[zbus(signal, name = "Ip4Config")]
    async fn ip4_config(emitter: &SignalEmitter<'_>, config: &Dictionary<'_>) -> zbus::Result<()>;

    /// Addresses, name servers and routes of IPv6.
    #[zbus(signal, name = "Ip6Config")]
    async fn ip6_config(emitter: &SignalEmitter<'_>, config: &Dictionary<'_>) -> zbus::Result<()>;

    /// `secrets` are needed before the connection can go on; `message` is for the user.
    #[zbus(signal)]
    async fn secrets_required(emitter: &SignalEmitter<'_>, message: &str, secrets: &[&str]) -> zbus::Result<()>;

    /// What the server says to its users.
    #[zbus(signal)]
    async fn login_banner(emitter: &SignalEmitter<'_>, banner: &str) -> zbus::Result<()>;

    /// `NMVpnPluginFailure`: why `StateChanged(STOPPED)` comes next.
    #[zbus(signal)]
    async fn failure(emitter: &SignalEmitter<'_>, reason: u32) -> zbus::Result<()>;
}
