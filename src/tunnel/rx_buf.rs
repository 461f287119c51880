//! Where the stream from the server waits for the session.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

/// Octets that are held: four full TLS records.
const RX_LEN: usize = 64 * 1024;

/// The stream from the server, as far as it was not consumed.
pub(super) struct RxBuf {
    octets: Box<[u8]>,
    end: usize,
}

impl RxBuf {
    pub(super) fn new() -> Self {
        RxBuf { octets: vec![0; RX_LEN].into_boxed_slice(), end: 0 }
    }

    /// Reads more; the number of octets, 0 at the end of the stream.
    pub(super) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut (impl AsyncRead + Unpin),
    ) -> Poll<io::Result<usize>> {
        let mut room = ReadBuf::new(&mut self.octets[self.end..]);
        if room.capacity() == 0 {
            // The session always consumes whole packets, and none is so long.
            return Poll::Ready(Err(io::Error::other("a packet without end")));
        }
        Pin::new(stream).poll_read(cx, &mut room).map_ok(|()| {
            let length = room.filled().len();
            self.end += length;
            length
        })
    }

    pub(super) fn filled(&mut self) -> &mut [u8] {
        &mut self.octets[..self.end]
    }

    /// Moves what was not consumed to the front.
    pub(super) fn consume(&mut self, consumed: usize) {
        self.octets.copy_within(consumed..self.end, 0);
        self.end -= consumed;
    }
}
