//! When a tunnel that was lost is built again. No clock, no sockets: time comes in, times go out.
//!
//! [`Reconnect`] begins with a tunnel that is up; whether a first attempt is made again is nobody's question here. Its
//! owner tells it what happens and asks [`Reconnect::next_try`] what to wait for:
//!
//! | what happens | what follows |
//! |---|---|
//! | [`lost`](Reconnect::lost): the tunnel, or a try | the next try, or none: see [`Retry`] |
//! | [`hurry`](Reconnect::hurry): the network has changed, or the machine was suspended | the next try comes soon |
//! | [`begin`](Reconnect::begin): the time has come | a try |
//! | [`up`](Reconnect::up): it has succeeded | nothing, until it is lost |
//!
//! A try that was on its way when the network changed may wait for an address that is gone, for as long as TCP has
//! patience. Before a word of the session is said it costs nothing to start over: drop it and report it as
//! [`lost`](Reconnect::lost), after [`hurry`](Reconnect::hurry).
//!
//! The time of a suspension does not count, neither for a wait nor for the limit: `Instant` stands still meanwhile
//! (`CLOCK_MONOTONIC`).

mod causes;

use std::fmt;
use std::time::{Duration, Instant};

use crate::crypto::Entropy;

pub use causes::{Retry, retry};

/// The wait before the first try; it doubles with each failure.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Where it stops doubling.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A wait is longer or shorter by up to this part of itself, so that not all clients of a server come back at once: 4 is a
/// quarter.
const JITTER: u32 = 4;

/// A tunnel that was up for so long begins anew with [`FIRST_WAIT`].
const STEADY: Duration = Duration::from_secs(60);

/// A network that has just changed has this time for the rest of it: an address is there before its routes and its name
/// servers.
const SETTLE: Duration = Duration::from_millis(500);

/// From the begin of a try to that of one that is hurried: a network that comes and goes must not become an attack on the
/// server.
const HURRY_GAP: Duration = Duration::from_secs(3);

/// A tunnel that is lost so soon after a change of the network is lost by it.
const BY_THE_CHANGE: Duration = Duration::from_secs(5);

/// Failures of [`Retry::Doubtful`], in all the time without a tunnel, after which there is no further try.
const MAX_DOUBTFUL: u32 = 2;

/// When a tunnel that was lost is tried again.
#[derive(Debug)]
pub struct Reconnect {
    limit: Option<Duration>,
    jitter: Entropy,
    state: State,
    /// In a row, since a tunnel was steady.
    failures: u32,
    /// Since the tunnel was up.
    doubtful: u32,
    /// Begin of the time without a tunnel.
    lost: Option<Instant>,
    /// Begin of the last try.
    began: Option<Instant>,
    /// The last change of the network that no try has begun after.
    changed: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Up { since: Instant },
    Waiting { until: Instant },
    Trying,
    Over,
}

/// Why there is no further try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiveUp {
    /// What failed would fail again, or must not be tried again by itself.
    Pointless,
    /// It was tried for so long.
    TooLong(Duration),
}

/// The end of a sentence.
impl fmt::Display for GiveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GiveUp::Pointless => f.write_str("it is not tried again by itself"),
            GiveUp::TooLong(limit) => write!(f, "it is not tried any longer than {} s", limit.as_secs()),
        }
    }
}

impl Reconnect {
    /// For a tunnel that is up since then. A try begins at most `limit` after a tunnel was lost; `None`: whenever. The
    /// seed comes from the system's random source.
    pub fn new(since: Instant, limit: Option<Duration>, seed: [u8; 32]) -> Self {
        Reconnect {
            limit,
            jitter: Entropy::new(seed),
            state: State::Up { since },
            failures: 0,
            doubtful: 0,
            lost: None,
            began: None,
            changed: None,
        }
    }

    /// When a try is to [begin](Self::begin); `None` where none is waited for.
    pub fn next_try(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { until } => Some(until),
            State::Up { .. } | State::Trying | State::Over => None,
        }
    }

    /// A try begins.
    pub fn begin(&mut self, now: Instant) {
        self.state = State::Trying;
        self.began = Some(now);
        self.changed = None;
    }

    /// The tunnel is up again.
    pub fn up(&mut self, now: Instant) {
        self.state = State::Up { since: now };
        self.doubtful = 0;
        self.lost = None;
    }

    /// The tunnel was lost, or a try has failed; returns when the next one begins.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn lost(&mut self, now: Instant, retry: Retry) -> Result<Instant, GiveUp> {
        let next = self.after_loss(now, retry);
        self.state = next.map_or(State::Over, |until| State::Waiting { until });
        next
    }

    /// The network has changed, or the machine comes back from a suspension: what was in vain may go now.
    pub fn hurry(&mut self, now: Instant) {
        self.changed = Some(now);
        if let State::Waiting { until } = self.state {
            self.state = State::Waiting { until: until.min(self.hurried(now, now)) };
        }
    }

    fn after_loss(&mut self, now: Instant, retry: Retry) -> Result<Instant, GiveUp> {
        if let State::Up { since } = self.state {
            if now.saturating_duration_since(since) >= STEADY {
                self.failures = 0;
            }
            // what changed long ago has nothing to do with it
            self.changed = self.changed.filter(|changed| now.saturating_duration_since(*changed) <= BY_THE_CHANGE);
        }
        self.failures = self.failures.saturating_add(1);
        self.doubtful += u32::from(retry == Retry::Doubtful);
        if self.state == State::Over || retry == Retry::No || self.doubtful >= MAX_DOUBTFUL {
            return Err(GiveUp::Pointless);
        }
        let mut next = now + self.wait();
        if let Some(changed) = self.changed {
            next = next.min(self.hurried(changed, now));
        }
        let lost = *self.lost.get_or_insert(now);
        match self.limit {
            Some(limit) if now >= lost + limit => Err(GiveUp::TooLong(limit)),
            Some(limit) => Ok(next.min(lost + limit)),
            None => Ok(next),
        }
    }

    /// When a try begins that a change of the network has brought forward.
    fn hurried(&self, changed: Instant, now: Instant) -> Instant {
        let settled = now.max(changed + SETTLE);
        self.began.map_or(settled, |began| settled.max(began + HURRY_GAP))
    }

    /// The wait after so many failures.
    fn wait(&mut self) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(LONGEST_WAIT.as_secs().ilog2() + 1);
        let wait = (FIRST_WAIT * 2_u32.pow(doublings)).min(LONGEST_WAIT);
        let spread = 2 * wait / JITTER;
        let share = f64::from(u32::from_be_bytes(self.jitter.octets())) / f64::from(u32::MAX);
        wait - spread / 2 + spread.mul_f64(share)
    }
}

#[cfg(test)]
mod tests;
