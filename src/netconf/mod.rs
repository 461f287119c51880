//! The host's configuration for tunnels, where no NetworkManager does it: link, addresses, routes, DNS.

mod intent;

use std::fmt;
use std::path::Path;

pub use intent::{Address, Dns, Intent, Mode, Route};

/// Applies intents and undoes them. One for the whole process.
pub struct NetConf {}

/// Why the machine could not be set up.
#[derive(Debug)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl NetConf {
    /// Removes what a helper that was killed has left, and nothing else. `state` is the directory for what has to be
    /// known for that, which is made (mode 0700) where it is not there.
    ///
    /// # Errors
    ///
    /// The directory cannot be used, or another helper uses it; or the kernel does not talk to us.
    pub async fn new(state: &Path) -> Result<NetConf, Error> {
        let _ = state;
        Ok(NetConf {})
    }

    /// Sets the machine up as the intent says; what is as it should be stays untouched. `session` is the caller's
    /// number for the tunnel. Returns notes for the log that were not returned for the session before.
    ///
    /// # Errors
    ///
    /// The kernel refused, or the interface is not there. What was done by then is to be undone by [`Self::undo`].
    pub async fn apply(&mut self, session: u32, intent: &Intent) -> Result<Vec<String>, Error> {
        let _ = (session, intent);
        Ok(Vec::new())
    }

    /// The tunnel has failed: of an intent with a kill switch the block stays, everything else goes.
    pub async fn block(&mut self, session: u32) {
        let _ = session;
    }

    /// Undoes everything of a session; nothing where there is nothing. What fails is logged.
    pub async fn undo(&mut self, session: u32) {
        let _ = session;
    }

    /// Undoes everything.
    pub async fn undo_all(&mut self) {}
}
