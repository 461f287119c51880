//! The signals that end a command: it is told, and cleans up.

use std::future::Future;

use nm_sstp::tr;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::problem::{Exit, Problem};

/// Why a command is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Somebody at the terminal pressed Ctrl-C, or closed it.
    Interrupt,
    /// SIGTERM: a service manager wants it.
    Terminate,
}

/// SIGINT, SIGTERM and SIGHUP, which do not end the process any more.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    hangup: Signal,
    terminate: Signal,
}

impl Signals {
    /// Takes them from now on.
    ///
    /// # Errors
    ///
    /// The system does not allow it.
    pub fn take() -> Result<Self, Problem> {
        let take = |kind| {
            signal(kind).map_err(|error| {
                Problem::other(tr!("This process could not listen to signals: {error}.", error = error))
            })
        };
        Ok(Self {
            interrupt: take(SignalKind::interrupt())?,
            hangup: take(SignalKind::hangup())?,
            terminate: take(SignalKind::terminate())?,
        })
    }

    /// The result of something, or that a signal came before it.
    ///
    /// # Errors
    ///
    /// [`Exit::Interrupted`], and what came of it.
    pub async fn unless_stopped<T>(&mut self, doing: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
        tokio::select! {
            result = doing => result,
            _ = self.next() => Err(Self::interrupted()),
        }
    }

    /// What a signal comes to.
    pub fn interrupted() -> Problem {
        Problem::new(Exit::Interrupted, tr!("Interrupted."))
    }

    /// Waits for one. May be dropped while it waits.
    pub async fn next(&mut self) -> Stop {
        tokio::select! {
            _ = self.terminate.recv() => Stop::Terminate,
            _ = self.interrupt.recv() => Stop::Interrupt,
            _ = self.hangup.recv() => Stop::Interrupt,
        }
    }
}
