//! A RADIUS client (RFC 2865, RFC 3579), sans-IO: one request at a time, sent again until it is answered.

mod packet;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use nm_sstp::crypto::Entropy;
use zeroize::Zeroizing;

#[cfg(test)]
pub(crate) use packet::reply_to;
pub use packet::{Discarded, Reply, Request, Verdict, attribute, microsoft};

/// Time after which a request is sent again (RFC 2865 2.5).
const RESTART: Duration = Duration::from_secs(2);
/// How often a request is sent again before the server counts as gone.
const RETRANSMISSIONS: u32 = 3;

/// The client of one authentication.
///
/// After each call send what [`poll_transmit`](Self::poll_transmit) gives to the RADIUS server, in a datagram of its own.
pub struct Client {
    secret: Zeroizing<Vec<u8>>,
    identifier: u8,
    pending: Option<Pending>,
    out: VecDeque<Vec<u8>>,
}

/// A request that is not answered yet.
struct Pending {
    identifier: u8,
    authenticator: [u8; 16],
    datagram: Vec<u8>,
    retransmissions: u32,
    timer: Instant,
}

impl Client {
    /// A client with the secret that it shares with its server. Its first request has the next identifier after this one.
    pub fn new(secret: Zeroizing<Vec<u8>>, identifier: u8) -> Self {
        Client { secret, identifier, pending: None, out: VecDeque::new() }
    }

    /// An Access-Request to be filled and [sent](Self::send).
    pub fn request(&mut self, entropy: &mut Entropy) -> Request {
        self.identifier = self.identifier.wrapping_add(1);
        Request::new(self.identifier, entropy.octets(), self.secret.clone())
    }

    /// Sends a request. One that was not answered yet is given up.
    ///
    /// # Errors
    /// The attributes do not fit a RADIUS packet; nothing was sent.
    pub fn send(&mut self, now: Instant, request: Request) -> Result<(), TooLong> {
        let (identifier, authenticator) = (request.identifier(), request.authenticator());
        self.pending = None;
        let datagram = request.finish().ok_or(TooLong)?;
        self.out.push_back(datagram.clone());
        let timer = now + RESTART;
        self.pending = Some(Pending { identifier, authenticator, datagram, retransmissions: 0, timer });
        Ok(())
    }

    /// Gives up the request that was not answered yet.
    pub fn cancel(&mut self) {
        self.pending = None;
        self.out.clear();
    }

    /// Whether a reply is awaited.
    pub fn is_waiting(&self) -> bool {
        self.pending.is_some()
    }

    /// The next datagram for the server.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    /// Takes a datagram from the server.
    ///
    /// # Errors
    /// It is not the reply that is awaited, or was not made with the shared secret; it was discarded.
    pub fn handle_datagram(&mut self, datagram: &[u8]) -> Result<Reply, Discarded> {
        let pending = self.pending.as_ref().ok_or(Discarded::NotAwaited)?;
        let reply = Reply::parse(datagram, pending.identifier, &pending.authenticator, &self.secret)?;
        self.pending = None;
        Ok(reply)
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub fn timer(&self) -> Option<Instant> {
        self.pending.as_ref().map(|pending| pending.timer)
    }

    /// Sends the request again where it is time; returns whether it is given up.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        let Some(pending) = self.pending.as_mut().filter(|pending| pending.timer <= now) else { return false };
        if pending.retransmissions == RETRANSMISSIONS {
            self.pending = None;
            return true;
        }
        pending.retransmissions += 1;
        pending.timer = now + RESTART;
        self.out.push_back(pending.datagram.clone());
        false
    }
}

/// Attributes that do not fit a RADIUS packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl std::fmt::Display for TooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the client's packet does not fit a RADIUS packet of 4096 octets")
    }
}

impl std::error::Error for TooLong {}

#[cfg(test)]
mod tests;
