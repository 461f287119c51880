//! The TLS inside EAP (RFC 5216, RFC 9190, [MS-PEAP], RFC 5281), as the core sees it: a client that turns octets into
//! octets. What stands behind it is chosen above the core, which names no TLS library.

use std::fmt;

use zeroize::Zeroizing;

/// Makes the TLS clients of one connection. Its certificate, its key and what it trusts are in it.
pub trait TlsConnector: Send + Sync {
    /// A client that has sent nothing yet. It offers to resume the last session that was
    /// [kept](TlsClient::keep_session), where there is one.
    ///
    /// # Errors
    /// The library refuses; the fault of this machine or of the profile.
    fn connect(&self) -> Result<Box<dyn TlsClient>, TlsError>;
}

/// One TLS connection. Records go in and out in pieces of any size.
pub trait TlsClient: Send {
    /// Takes what the server sent, none at the beginning; appends what is to be sent to `records`, and what the server
    /// sent inside the connection to `plaintext`.
    ///
    /// # Errors
    /// The connection has failed; `records` may have an alert that should still be sent.
    fn handle(
        &mut self,
        input: &[u8],
        records: &mut Vec<u8>,
        plaintext: &mut Zeroizing<Vec<u8>>,
    ) -> Result<(), TlsError>;

    /// Sends inside the connection: appends the records to `records`.
    ///
    /// # Errors
    /// The connection has failed, or is not [established](Self::is_established).
    fn send(&mut self, plaintext: &[u8], records: &mut Vec<u8>) -> Result<(), TlsError>;

    /// Whether the handshake is complete on this side: the server's certificate, or the resumed session, was verified.
    fn is_established(&self) -> bool;

    /// Whether the server resumed an earlier session (RFC 8446 2.2, RFC 5077).
    fn is_resumed(&self) -> bool;

    /// Whether the version is TLS 1.3 or later: keys are derived differently then (RFC 9190 2.3, RFC 9427 2.1).
    fn is_tls13(&self) -> bool;

    /// Exported keying material (RFC 5705; RFC 8446 7.5) with `label`, filling `out`; a `context` of `None` differs from
    /// an empty one before TLS 1.3.
    ///
    /// # Errors
    /// The handshake is not complete.
    fn export(&self, label: &str, context: Option<&[u8]>, out: &mut [u8]) -> Result<(), TlsError>;

    /// The server has accepted us: the session may be resumed by the next client of the same connector. A session that
    /// is not kept is never offered.
    fn keep_session(&mut self);
}

/// Why a TLS connection failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsError {
    /// Whose fault it is.
    pub fault: Fault,
    /// A sentence without its end, for people: what failed, and what helps.
    pub text: String,
}

/// Whose fault a failure of TLS is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The server's certificate did not pass; the text has its names and its fingerprint.
    Certificate,
    /// The server did not accept our certificate, by an alert (RFC 8446 6.2).
    Refused,
    /// The server broke TLS, or offers nothing that we accept.
    Server,
    /// This machine or the profile: a key that does not work, a library that fails.
    Local,
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for TlsError {}
