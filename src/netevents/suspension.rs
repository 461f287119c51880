//! The machine was suspended: two clocks say so, and a timer says when to look at them.

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{self, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::{ClockId, clock_gettime};
use tokio::io::unix::AsyncFd;

/// A shorter suspension is none: no connection notices it.
const SHORTEST: Duration = Duration::from_secs(1);

/// The clocks were read one after the other, and nothing came in between, where it took no longer.
const AT_ONCE: Duration = Duration::from_millis(10);

/// When the timer would expire, after 1970: in five hundred years.
const NEVER: Duration = Duration::from_secs(1 << 34);

/// Knows how long the machine was suspended by the last look.
pub(super) struct Suspension {
    timer: AsyncFd<Timer>,
    counted: Duration,
}

/// A descriptor that can be waited for.
struct Timer(TimerFd);

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl Suspension {
    /// Counts from now on.
    pub(super) fn watch() -> io::Result<Suspension> {
        let timer = TimerFd::new(timerfd::ClockId::CLOCK_REALTIME, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
        let flags = TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET;
        timer.set(Expiration::OneShot(TimeSpec::from_duration(NEVER)), flags)?;
        let counted = suspended().unwrap_or_default();
        // SAFETY: the timer owns its descriptor, and is dropped only after it was taken out of the event loop.
        Ok(Suspension { timer: unsafe { AsyncFd::register(Timer(timer)) }?, counted })
    }

    /// For how long the machine was suspended since the last look, where it was.
    pub(super) fn look(&mut self) -> Option<Duration> {
        self.count(suspended()?)
    }

    /// Waits until the time of day jumps: a suspension has ended, or somebody has set the clock.
    pub(super) async fn time_jumps(&self) {
        loop {
            let Ok(mut ready) = self.timer.readable().await else { return std::future::pending().await };
            if ready.try_io(|timer| timer.get_ref().0.wait().map_err(io::Error::from)).is_ok() {
                return;
            }
        }
    }

    fn count(&mut self, suspended: Duration) -> Option<Duration> {
        let more = suspended.checked_sub(self.counted).filter(|more| *more >= SHORTEST)?;
        self.counted = suspended;
        Some(more)
    }
}

/// How long the machine was suspended since it booted; `None` where the clocks cannot be compared.
fn suspended() -> Option<Duration> {
    let read = |clock| clock_gettime(clock).ok().map(Duration::from);
    // This process, too, can be stopped between the one clock and the other.
    for _ in 0..10 {
        let before = read(ClockId::CLOCK_MONOTONIC)?;
        let boot = read(ClockId::CLOCK_BOOTTIME)?;
        let after = read(ClockId::CLOCK_MONOTONIC)?;
        if after.saturating_sub(before) <= AT_ONCE {
            return Some(boot.saturating_sub(before));
        }
    }
    None
}

#[cfg(test)]
mod tests;
