//! The IP configuration of this machine for a tunnel: applied and undone.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;

use crate::profile::{self, Routes};
use crate::tunnel::Established;

/// What a tunnel wants of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Name of the interface.
    pub interface: String,
    /// The server's address outside of the tunnel.
    pub server: IpAddr,
    /// MTU in octets.
    pub mtu: u16,
    /// Addresses of the interface.
    pub addresses: Vec<Address>,
    /// What goes through the tunnel.
    pub mode: Mode,
    /// Networks behind it.
    pub routes: Vec<Route>,
    /// Metric of the routes.
    pub metric: u32,
    /// Nothing leaves the machine beside the tunnel.
    pub kill_switch: bool,
    /// Name servers and domains.
    pub dns: Option<Dns>,
}

/// An address of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub address: IpAddr,
    /// Length of its prefix.
    pub prefix_len: u8,
    /// The other end.
    pub peer: Option<IpAddr>,
    /// New connections should use another one.
    pub deprecated: bool,
}

/// What goes through a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everything.
    Full,
    /// Some networks.
    Split,
    /// Nothing.
    Nothing,
}

/// A network behind the tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its address.
    pub destination: IpAddr,
    /// Length of its prefix.
    pub prefix_len: u8,
}

/// Name servers and domains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dns {
    /// Name servers.
    pub servers: Vec<IpAddr>,
    /// Domains.
    pub domains: Vec<String>,
}

/// Why this machine could not be configured.
#[derive(Debug)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl Intent {
    /// What this tunnel wants.
    pub fn new(established: &Established, routing: &profile::Routing) -> Intent {
        let parameters = &established.parameters;
        let address = |address: IpAddr, prefix_len, peer| Address { address, prefix_len, peer, deprecated: false };
        let v4 = parameters.ipv4.iter().map(|v4| address(v4.address.into(), 32, v4.peer.map(IpAddr::from)));
        let v6 = parameters.ipv6.iter().map(|v6| address(v6.link_local.into(), 64, None));
        Intent {
            interface: established.interface.clone(),
            server: established.server.ip(),
            mtu: parameters.mtu,
            addresses: v4.chain(v6).collect(),
            mode: match routing.routes {
                Routes::Full | Routes::Auto => Mode::Full,
                Routes::Split => Mode::Split,
                Routes::Nothing => Mode::Nothing,
            },
            routes: Vec::new(),
            metric: routing.metric,
            kill_switch: routing.kill_switch,
            dns: None,
        }
    }

    /// The networks that are routed into the tunnel.
    pub fn routed(&self) -> Vec<String> {
        match self.mode {
            Mode::Full => vec!["0.0.0.0/0".to_owned()],
            Mode::Split | Mode::Nothing => Vec::new(),
        }
    }
}

/// What was changed on this machine.
pub struct NetConf;

impl NetConf {
    /// Removes what a process before this one left, as the files in `state` tell.
    ///
    /// # Errors
    ///
    /// The kernel does not let itself be asked.
    pub async fn new(_state: &Path) -> Result<NetConf, Error> {
        Ok(NetConf)
    }

    /// Applies an intent; the notices are for the log.
    ///
    /// # Errors
    ///
    /// What this machine refused.
    pub async fn apply(&mut self, _session: u32, _intent: &Intent) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }

    /// Keeps everything out but what goes through a tunnel.
    pub async fn block(&mut self, _session: u32) {}

    /// Undoes what was done for a session.
    pub async fn undo(&mut self, _session: u32) {}

    /// Undoes everything.
    pub async fn undo_all(&mut self) {}
}
