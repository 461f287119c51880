//! Whether the server still lives: when to ask it for a sign of life, and when to give it up.
//!
//! Any packet is a sign of life, since some servers never answer an Echo-Request and send their own instead. Beside the
//! hello timer of MS-SSTP 3.1.2.3, which is for a tunnel that is idle, there is a shorter patience for one that has
//! something to send: who sends and hears nothing is likely to be alone.

use std::time::{Duration, Instant};

/// Default of [`Patience::idle`]: with [`ANSWER`] after it, a minute.
pub const IDLE: Duration = Duration::from_secs(45);
/// Default of [`Patience::answer`].
pub const ANSWER: Duration = Duration::from_secs(15);

/// How long a server may be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Patience {
    /// So long after its last packet it is asked for a sign of life (the hello timer, MS-SSTP 3.1.2.3).
    pub idle: Duration,
    /// So long it may take to give one. `None`: as long as [`idle`](Self::idle), and a server that is being sent datagrams
    /// is not asked any earlier, as the specification has it.
    pub answer: Option<Duration>,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { idle: IDLE, answer: Some(ANSWER) }
    }
}

impl Patience {
    /// How long after the first datagram without any reaction the server is asked for a sign of life: a quarter of the time
    /// that it has for its answer, so that it is given up a quarter later than that.
    fn under_load(&self) -> Option<Duration> {
        self.answer.map(|answer| (answer / 4).min(self.idle))
    }

    /// How long what was sent may stay unacknowledged by TCP: as long as a server may be silent that is being sent
    /// datagrams. `None`: as long as the kernel likes.
    pub fn unacknowledged(&self) -> Option<Duration> {
        Some(self.under_load()? + self.answer?)
    }
}

/// What silence means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// Nothing yet.
    Fine,
    /// An Echo-Request has to be sent.
    Asks,
    /// The server is gone: nothing has come from it for so long.
    Over(Duration),
}

/// When what was heard and sent. There is no call for each datagram but [`heard`](Self::heard), which is three stores.
#[derive(Debug)]
pub(super) struct Liveness {
    patience: Patience,
    heard: Instant,
    /// When the first datagrams went out of those that were sent since something was heard.
    sent: Option<Instant>,
    /// When an Echo-Request went out, where nothing was heard since.
    asked: Option<Instant>,
}

impl Liveness {
    pub(super) fn new(patience: Patience, now: Instant) -> Self {
        Liveness { patience, heard: now, sent: None, asked: None }
    }

    #[inline]
    pub(super) fn heard(&mut self, now: Instant) {
        (self.heard, self.sent, self.asked) = (now, None, None);
    }

    #[inline]
    pub(super) fn sent(&mut self, now: Instant) {
        self.sent.get_or_insert(now);
    }

    /// The server has to be asked now, and has its time for an answer from now on: there is a reason to think that it is gone.
    pub(super) fn doubt(&mut self, now: Instant) {
        self.asked = Some(now);
    }

    /// How long nothing has been heard.
    pub(super) fn silent_for(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.heard)
    }

    pub(super) fn poll_timeout(&self) -> Instant {
        let Patience { idle, answer } = self.patience;
        if let Some(asked) = self.asked {
            return asked + answer.unwrap_or(idle);
        }
        let under_load = self.sent.zip(self.patience.under_load()).map(|(sent, patience)| sent + patience);
        under_load.into_iter().fold(self.heard + idle, Instant::min)
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> Silence {
        match self.asked {
            _ if now < self.poll_timeout() => Silence::Fine,
            Some(_) => Silence::Over(self.silent_for(now)),
            None => {
                self.asked = Some(now);
                Silence::Asks
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock that is moved by hand, in milliseconds.
    fn clock() -> impl Fn(u64) -> Instant {
        #[allow(clippy::disallowed_methods, reason = "any moment will do: the test moves the clock by hand")]
        let start = Instant::now();
        move |milliseconds| start + Duration::from_millis(milliseconds)
    }

    /// When, in milliseconds, something is due, and what.
    fn due(liveness: &mut Liveness, at: &impl Fn(u64) -> Instant) -> (u64, Silence) {
        let deadline = liveness.poll_timeout();
        let before = deadline - Duration::from_millis(1);
        assert_eq!(liveness.handle_timeout(before), Silence::Fine, "too early");
        ((deadline - at(0)).as_millis() as u64, liveness.handle_timeout(deadline))
    }

    #[test]
    fn an_idle_server_is_gone_after_a_minute() {
        let at = clock();
        let mut liveness = Liveness::new(Patience::default(), at(0));
        assert_eq!(due(&mut liveness, &at), (45_000, Silence::Asks));
        assert_eq!(due(&mut liveness, &at), (60_000, Silence::Over(Duration::from_secs(60))));
    }

    #[test]
    fn one_that_is_sent_datagrams_within_twenty_seconds() {
        let at = clock();
        let mut liveness = Liveness::new(Patience::default(), at(0));
        for moment in (20_000..23_000).step_by(100) {
            liveness.sent(at(moment));
        }
        assert_eq!(due(&mut liveness, &at), (23_750, Silence::Asks));
        liveness.sent(at(24_000));
        assert_eq!(due(&mut liveness, &at), (38_750, Silence::Over(Duration::from_millis(38_750))));
        assert_eq!(Patience::default().unacknowledged(), Some(Duration::from_millis(18_750)));
    }

    #[test]
    fn every_sign_of_life_counts() {
        let at = clock();
        let mut liveness = Liveness::new(Patience::default(), at(0));
        for round in 1..100 {
            liveness.sent(at(round * 10_000 - 10_000));
            assert_eq!(due(&mut liveness, &at), (round * 10_000 - 6250, Silence::Asks));
            liveness.heard(at(round * 10_000));
            assert_eq!(liveness.poll_timeout(), at(round * 10_000 + 45_000));
        }
    }

    #[test]
    fn a_doubtful_one_has_the_time_of_an_answer() {
        let at = clock();
        let mut liveness = Liveness::new(Patience::default(), at(0));
        liveness.doubt(at(5000));
        assert_eq!(liveness.poll_timeout(), at(20_000));
        // again, a moment before it would be given up
        liveness.doubt(at(19_999));
        assert_eq!(due(&mut liveness, &at), (34_999, Silence::Over(Duration::from_millis(34_999))));
        liveness.heard(at(30_000));
        assert_eq!(due(&mut liveness, &at), (75_000, Silence::Asks));
    }

    #[test]
    fn the_times_of_the_specification_where_nobody_wants_others() {
        let at = clock();
        let patience = Patience { idle: Duration::from_secs(60), answer: None };
        let mut liveness = Liveness::new(patience, at(0));
        liveness.sent(at(0));
        assert_eq!(due(&mut liveness, &at), (60_000, Silence::Asks));
        assert_eq!(due(&mut liveness, &at), (120_000, Silence::Over(Duration::from_secs(120))));
        assert_eq!(patience.unacknowledged(), None);
    }
}
