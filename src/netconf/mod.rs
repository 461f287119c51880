//! The host's configuration for tunnels, where no NetworkManager does it: link, addresses, routes, DNS.
//!
//! [`Intent`] says what a machine is to be set up with for one tunnel; [`NetConf`] makes it so, changes it where the tunnel
//! changes, and undoes it. Which routes that takes, and what a kill switch lets through, stands at the head of `route.rs`;
//! how name servers are set up at that of `dns.rs`.
//!
//! Everything that outlives this process is in a journal before it is done, so that a [`NetConf`] that is made after the
//! process was killed can remove it: what is in the journal, and nothing that only looks like it.

mod bus;
mod dns;
mod intent;
mod link;
mod networkmanager;
mod route;
mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

pub use intent::{Address, Dns, Intent, Mode, Route};

use crate::netlink::{self, Netlink};
use dns::Names;
use route::{Family, Tunnel, kernel};
use state::State;

/// Most addresses at which a gateway is expected.
pub const MAX_GATEWAYS: usize = 16;

/// Applies intents and undoes them. One for the whole process.
///
/// It undoes nothing by being dropped: what [`Self::undo`] has not undone stays until there is another one with the same
/// directory.
pub struct NetConf {
    netlink: Netlink,
    state: State,
    names: Names,
    sessions: BTreeMap<u32, Session>,
    /// How many sessions there were so far.
    count: u64,
}

/// What is set up for a session.
struct Session {
    intent: Intent,
    /// Where its gateway may be, too, until the next intent says where it is.
    gateways: BTreeSet<IpAddr>,
    /// Index of the interface; `None`: the tunnel has failed, and only its block is there.
    index: Option<u32>,
    age: u64,
    tables: u32,
    place: Option<u32>,
    addresses: Vec<Address>,
    /// Notes that were returned already.
    told: BTreeSet<String>,
}

/// Why the machine could not be set up.
#[derive(Debug)]
pub enum Error {
    /// There is no connection to the kernel's routing.
    Netlink(io::Error),
    /// The directory of what is to be undone, or a file in it, cannot be used.
    State {
        /// Its path.
        path: PathBuf,
        /// Why, as the end of a sentence.
        reason: String,
    },
    /// Another process uses the directory.
    InUse {
        /// Its path.
        path: PathBuf,
    },
    /// The interface is not there.
    NoInterface {
        /// Its name.
        interface: String,
    },
    /// There are too many tunnels, or somebody else uses our routing tables.
    NoTable,
    /// The kernel refused something.
    Refused {
        /// What: a noun and the interface that it is for.
        what: String,
        /// What the kernel said, as the end of a sentence.
        reason: String,
        /// The same as a number, where it is one.
        errno: Option<Errno>,
    },
}

impl Error {
    fn refused(what: String, error: &rtnetlink::Error) -> Error {
        Error::Refused { what, reason: netlink::reason(error), errno: netlink::errno(error) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Netlink(error) => write!(f, "this machine lets nobody configure its network (rtnetlink): {error}"),
            Error::State { path, reason } => {
                write!(f, "{} cannot be used, where is kept what has to be undone: {reason}", path.display())
            }
            Error::InUse { path } => write!(
                f,
                "another helper configures the network of this machine (it has {}): stop it first",
                path.display()
            ),
            Error::NoInterface { interface } => write!(f, "the tunnel interface {interface} is not there"),
            Error::NoTable => write!(
                f,
                "there is no routing table left for the tunnel: {} tunnels are up, or somebody else uses the tables from \
                 {} on",
                route::MAX_TUNNELS,
                route::table_numbers(0)[0]
            ),
            Error::Refused { what, reason, errno } => {
                write!(f, "the kernel refused the {what}: {reason}")?;
                f.write_str(match errno {
                    Some(Errno::EPERM) => " (CAP_NET_ADMIN is needed)",
                    Some(Errno::EOPNOTSUPP | Errno::EAFNOSUPPORT) => {
                        " (it may lack policy routing: CONFIG_IP_MULTIPLE_TABLES, CONFIG_IPV6_MULTIPLE_TABLES)"
                    }
                    Some(Errno::ENODEV | Errno::ENETDOWN) => " (somebody took the interface down or away)",
                    _ => "",
                })
            }
        }
    }
}

impl std::error::Error for Error {}

/// Whether a program has to be run on this machine to set up name servers; to be asked before there is a [`NetConf`].
pub fn needs_programs() -> bool {
    dns::needs_programs()
}

impl NetConf {
    /// Removes what a helper that was killed has left, and nothing else. `state` is the directory for what has to be
    /// known for that, which is made (mode 0700) where it is not there. To be called in a tokio runtime with I/O and time.
    ///
    /// # Errors
    ///
    /// The directory cannot be used, or another helper uses it; or the kernel does not talk to us.
    pub async fn new(state: &Path) -> Result<NetConf, Error> {
        let netlink = Netlink::connect().map_err(Error::Netlink)?;
        let (state, names) = (State::open(state)?, Names::default());
        let mut netconf = NetConf { netlink, state, names, sessions: BTreeMap::new(), count: 0 };
        if netconf.state.has_something() {
            tracing::info!("A helper before this one was killed; what it has left is removed.");
            netconf.names.recover(&mut netconf.state).await;
            netconf.converge().await?;
        }
        Ok(netconf)
    }

    /// Sets the machine up as the intent says; what is as it should be stays untouched. `session` is the caller's
    /// number for the tunnel. Returns notes for the log, those that were not returned for the session before.
    ///
    /// # Errors
    ///
    /// The kernel refused, or the interface is not there. What was done by then is to be undone by [`Self::undo`].
    pub async fn apply(&mut self, session: u32, intent: &Intent) -> Result<Vec<String>, Error> {
        let index = link::index(&intent.interface)?;
        let mut notes = Vec::new();
        if self.admit(session, intent, index).await? {
            notes.extend(networkmanager::leave_alone(&intent.interface).await.err());
        }
        let Some(entry) = self.sessions.get_mut(&session) else { return Err(Error::NoTable) };
        let has_ipv6 = link::set_up(&self.netlink, index, intent, &mut entry.addresses).await?;
        if !has_ipv6 {
            entry.intent.addresses.retain(|own| own.address.is_ipv4());
            notes.push(format!(
                "IPv6 is off on this machine, or {} has less than the MTU of 1280 that it needs: the tunnel's is not used.",
                intent.interface
            ));
        }
        let (wanted, refused) = dns::check(&entry.intent, index, entry.age);
        notes.extend(refused);
        self.converge().await?;
        notes.extend(self.names.set(&mut self.state, session, wanted).await);
        notes.extend(self.what_goes_beside(session).await);
        let told = self.sessions.get_mut(&session).map(|entry| &mut entry.told);
        Ok(told.map_or_else(Vec::new, |told| notes.into_iter().filter(|note| told.insert(note.clone())).collect()))
    }

    /// Before a connection is built again: its gateway may be at these addresses, too, which are reached beside the tunnel
    /// until the next [`Self::apply`] says which of them it is. Whoever names them can take what goes to them out of the
    /// tunnel for so long: no more than [`MAX_GATEWAYS`] count. Nothing where nothing is set up for the session.
    ///
    /// # Errors
    ///
    /// The kernel refused.
    pub async fn expect_gateway(&mut self, session: u32, addresses: &[IpAddr]) -> Result<(), Error> {
        let Some(entry) = self.sessions.get_mut(&session) else { return Ok(()) };
        let gateways = addresses.iter().take(MAX_GATEWAYS).map(IpAddr::to_canonical).collect();
        if std::mem::replace(&mut entry.gateways, gateways) == entry.gateways {
            return Ok(());
        }
        self.converge().await
    }

    /// The tunnel has failed: of an intent with a kill switch the block stays, everything else goes.
    pub async fn block(&mut self, session: u32) {
        let Some(entry) = self.sessions.get_mut(&session) else { return };
        if !entry.intent.blocks() {
            return self.undo(session).await;
        }
        let (index, addresses) = (entry.index.take(), std::mem::take(&mut entry.addresses));
        let interface = entry.intent.interface.clone();
        self.clear(session, &interface, index, &addresses).await;
        tracing::info!("{interface} is blocked: nothing but its gateway and networks nearby can be reached.");
    }

    /// Undoes everything of a session; nothing where there is nothing. What fails is logged.
    pub async fn undo(&mut self, session: u32) {
        let Some(entry) = self.sessions.remove(&session) else { return };
        self.clear(session, &entry.intent.interface, entry.index, &entry.addresses).await;
    }

    /// Undoes everything.
    pub async fn undo_all(&mut self) {
        for session in self.sessions.keys().copied().collect::<Vec<_>>() {
            self.undo(session).await;
        }
    }

    /// Takes DNS, the routes that are not wanted any more, and what the interface has.
    async fn clear(&mut self, session: u32, interface: &str, index: Option<u32>, addresses: &[Address]) {
        self.names.unset(&mut self.state, session).await;
        if let Err(error) = self.converge().await {
            tracing::warn!("The routes of {interface} could not be taken away as they should: {error}.");
        }
        if let Some(index) = index {
            link::take_down(&self.netlink, index, interface, addresses).await;
        }
    }

    /// Enters the session with what it wants now; `true` where its interface is new to us.
    async fn admit(&mut self, session: u32, intent: &Intent, index: u32) -> Result<bool, Error> {
        if let Some(entry) = self.sessions.get_mut(&session) {
            entry.intent = intent.clone();
            entry.gateways.clear();
            let is_new = entry.index.replace(index) != Some(index);
            if is_new {
                entry.addresses.clear();
            }
            return Ok(is_new);
        }
        // A session before this one may not have routes yet.
        let used = self.sessions.values().map(|other| other.tables).collect();
        let tables = kernel::free_pair(&self.netlink, &used)
            .await
            .map_err(|error| Error::refused(format!("list of rules and routes for {}", intent.interface), &error))?
            .ok_or(Error::NoTable)?;
        self.count += 1;
        let entry = Session {
            intent: intent.clone(),
            gateways: BTreeSet::new(),
            index: Some(index),
            age: self.count,
            tables,
            place: None,
            addresses: Vec::new(),
            told: BTreeSet::new(),
        };
        self.sessions.insert(session, entry);
        Ok(true)
    }

    /// Makes the kernel's rules and routes what the sessions want, all together.
    async fn converge(&mut self) -> Result<(), Error> {
        let taken = route::converge::places_of_others(&self.netlink, &self.state.journal).await?;
        let tunnels: Vec<Tunnel<'_>> = self
            .sessions
            .values()
            .map(|session| Tunnel {
                intent: &session.intent,
                gateways: &session.gateways,
                interface: session.index,
                age: session.age,
                tables: session.tables,
                place: session.place,
            })
            .collect();
        let (plan, places) = route::plan(&tunnels, &taken);
        for (session, place) in self.sessions.values_mut().zip(places) {
            session.place = Some(place);
        }
        route::converge::to(&self.netlink, &mut self.state, &plan).await
    }

    /// Notes about families of which the tunnel has no address, so that a tunnel for everything is none for them.
    async fn what_goes_beside(&self, session: u32) -> Vec<String> {
        let Some(Session { intent, .. }) = self.sessions.get(&session) else { return Vec::new() };
        let mut notes = Vec::new();
        if intent.mode != Mode::Full || intent.blocks() {
            return notes;
        }
        for (family, name, address) in
            [(Family::Ipv4, "IPv4", IpAddr::from([0; 4])), (Family::Ipv6, "IPv6", IpAddr::from([0; 16]))]
        {
            if !intent.has_family_of(address) && kernel::has_default(&self.netlink, family).await {
                notes.push(format!(
                    "There is no {name} in {}: what this machine has of {name} goes beside the tunnel (kill-switch=yes \
                     blocks it).",
                    intent.interface
                ));
            }
        }
        notes
    }
}
