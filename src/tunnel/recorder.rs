//! Writes a [`Capture`] to its file.

use std::fs::File;
use std::io::Write;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::capture::Capture;
use crate::wire::pcapng::Direction;

/// Octets that a file of captures may have.
const MAX_LEN: u64 = 256 << 20;
/// Octets that wait for more before they are written.
const BATCH_LEN: usize = 128 * 1024;
/// How long octets wait.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// A capture and its file.
pub(super) struct Recorder {
    capture: Capture,
    file: Arc<File>,
    /// Octets that the file may still get; 0 also where it takes none.
    left: u64,
    /// A moment, and what the time was then since 1970.
    began: (Instant, Duration),
    /// Octets of what is about to be sent that are captured already.
    seen: usize,
    flush_at: Option<Instant>,
}

impl Recorder {
    /// Begins another section of the file. `addresses` are ours and the server's.
    pub(super) fn new(file: Arc<File>, addresses: Option<(IpAddr, IpAddr)>, secrets: bool, now: Instant) -> Self {
        let written = file.metadata().map_or(0, |facts| facts.len());
        let since_1970 = super::wall_clock().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Recorder {
            capture: Capture::new("sstp", addresses, secrets),
            file,
            left: MAX_LEN.saturating_sub(written),
            began: (now, since_1970),
            seen: 0,
            flush_at: None,
        }
    }

    /// These octets of the stream from the server were consumed.
    pub(super) fn received(&mut self, now: Instant, octets: &[u8]) {
        self.record(now, Direction::Inbound, octets);
    }

    /// These octets wait to be written to the server. What was seen of them in the last call counts once.
    pub(super) fn sending(&mut self, now: Instant, pending: &[u8]) {
        let seen = self.seen.min(pending.len());
        self.seen = pending.len();
        self.record(now, Direction::Outbound, &pending[seen..]);
    }

    /// So many of them were written.
    pub(super) fn sent(&mut self, written: usize) {
        self.seen = self.seen.saturating_sub(written);
    }

    /// When [`flush`](Self::flush) is to be called.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.flush_at
    }

    fn record(&mut self, now: Instant, direction: Direction, octets: &[u8]) {
        if octets.is_empty() || self.left == 0 {
            return;
        }
        let (moment, since_1970) = self.began;
        self.capture.packets(since_1970 + now.saturating_duration_since(moment), direction, octets);
        if self.capture.pending().len() >= BATCH_LEN {
            self.flush();
        } else if !self.capture.pending().is_empty() {
            self.flush_at.get_or_insert(now + FLUSH_INTERVAL);
        }
    }

    /// Writes what waits.
    pub(super) fn flush(&mut self) {
        self.flush_at = None;
        let pending = self.capture.pending();
        if pending.len() as u64 > self.left {
            tracing::warn!("the capture is full ({} MiB): nothing more is written to it", MAX_LEN >> 20);
            self.left = 0;
        } else if let Err(error) = (&*self.file).write_all(pending) {
            tracing::warn!("the capture ends here, since nothing more can be written to it: {error}");
            self.left = 0;
        } else {
            self.left -= pending.len() as u64;
        }
        self.capture.clear();
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if self.left > 0 {
            self.flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::relay::tests::moment;
    use super::*;
    use crate::captures::tests::Place;

    const ECHO_REQUEST: [u8; 8] = [0x10, 1, 0, 8, 0, 8, 0, 0];

    fn count(place: &Place) -> usize {
        let octets = fs::read(place.path().join("x")).unwrap();
        octets.windows(8).filter(|window| *window == ECHO_REQUEST).count()
    }

    #[test]
    fn every_packet_once_however_it_is_written() {
        let (place, now) = (Place::new("once"), moment());
        let mut recorder = Recorder::new(Arc::new(place.create("x").unwrap()), None, false, now);
        let mut pending = ECHO_REQUEST.repeat(3);
        recorder.sending(now, &pending);
        recorder.sent(5);
        pending.drain(..5);
        recorder.sending(now, &pending);
        pending.extend(ECHO_REQUEST);
        recorder.sending(now, &pending);
        recorder.sent(pending.len());
        recorder.sending(now, &ECHO_REQUEST);
        assert_eq!((count(&place), recorder.poll_timeout()), (0, Some(now + FLUSH_INTERVAL)));
        recorder.flush();
        assert_eq!((count(&place), recorder.poll_timeout()), (5, None));
        recorder.received(now, &ECHO_REQUEST);
        drop(recorder);
        assert_eq!(count(&place), 6);
    }

    #[test]
    fn a_file_that_is_full_gets_no_more() {
        let (place, now) = (Place::new("full"), moment());
        let file = Arc::new(place.create("x").unwrap());
        let mut recorder = Recorder::new(file.clone(), None, false, now);
        recorder.left = 1000;
        for _ in 0..100 {
            recorder.received(now, &ECHO_REQUEST);
            recorder.flush();
        }
        let length = file.metadata().unwrap().len();
        assert!((900..=1000).contains(&length), "{length}");
        file.set_len(MAX_LEN).unwrap();
        let mut another = Recorder::new(file, None, false, now);
        another.received(now, &ECHO_REQUEST);
        assert_eq!((another.left, another.poll_timeout()), (0, None));
    }
}
