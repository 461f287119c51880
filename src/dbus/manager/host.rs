//! The machine's part in a session: its IP configuration.

use std::net::IpAddr;
use std::path::PathBuf;

use crate::dbus::Later;
use crate::netconf::{Intent, NetConf};

/// What configures the machine: [`Machine`], or what a test puts in its place. Sessions use it one after the other.
pub trait Host: Send {
    /// Makes the machine as the intent says, whatever it was for this session before; what has no effect is told by
    /// notices. The error is a sentence without its begin and end.
    fn apply<'a>(&'a mut self, session: u32, intent: &'a Intent) -> Later<'a, Result<Vec<String>, String>>;

    /// The connection of a session is made again: to one of these addresses, which are to be reached beside its tunnel.
    fn expect_gateway<'a>(&'a mut self, session: u32, addresses: &'a [IpAddr]) -> Later<'a, ()>;

    /// Lets nothing leave the machine, since the session that should have carried it has failed.
    fn block(&mut self, session: u32) -> Later<'_, ()>;

    /// Undoes what was done for a session.
    fn undo(&mut self, session: u32) -> Later<'_, ()>;

    /// Undoes everything.
    fn undo_all(&mut self) -> Later<'_, ()>;
}

/// This machine.
pub struct Machine {
    state: PathBuf,
    netconf: Option<NetConf>,
}

impl Machine {
    /// A machine whose changes are written down in this directory, so that they can be undone by another process.
    pub fn new(state: PathBuf) -> Self {
        Self { state, netconf: None }
    }

    /// Undoes what a process before this one left. To be called by the only process that owns the bus name: what another
    /// one is just doing must not be undone.
    ///
    /// # Errors
    ///
    /// A sentence without its begin and end.
    pub async fn prepare(&mut self) -> Result<&mut NetConf, String> {
        match &mut self.netconf {
            Some(netconf) => Ok(netconf),
            empty => Ok(empty.insert(NetConf::new(&self.state).await.map_err(|error| error.to_string())?)),
        }
    }
}

impl Host for Machine {
    fn apply<'a>(&'a mut self, session: u32, intent: &'a Intent) -> Later<'a, Result<Vec<String>, String>> {
        Box::pin(async move {
            let netconf = self.prepare().await?;
            netconf.apply(session, intent).await.map_err(|error| error.to_string())
        })
    }

    fn expect_gateway<'a>(&'a mut self, session: u32, addresses: &'a [IpAddr]) -> Later<'a, ()> {
        Box::pin(async move {
            if let Some(netconf) = &mut self.netconf
                && let Err(error) = netconf.expect_gateway(session, addresses).await
            {
                tracing::warn!("The gateway may be out of reach: {error}.");
            }
        })
    }

    fn block(&mut self, session: u32) -> Later<'_, ()> {
        Box::pin(async move {
            if let Some(netconf) = &mut self.netconf {
                netconf.block(session).await;
            }
        })
    }

    fn undo(&mut self, session: u32) -> Later<'_, ()> {
        Box::pin(async move {
            if let Some(netconf) = &mut self.netconf {
                netconf.undo(session).await;
            }
        })
    }

    fn undo_all(&mut self) -> Later<'_, ()> {
        Box::pin(async move {
            if let Some(netconf) = &mut self.netconf {
                netconf.undo_all().await;
            }
        })
    }
}
