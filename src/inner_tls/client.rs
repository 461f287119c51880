//! One TLS connection whose records go through memory.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};

use openssl::error::ErrorStack;
use openssl::ssl::{self, ErrorCode, ShutdownState, Ssl, SslStream, SslVerifyMode, SslVersion};
use zeroize::Zeroizing;

use super::verify::{self, Verdict, Verifier};
use super::{Fresh, Shared, alert, locked};
use crate::ppp::inner_tls::{Fault, TlsClient, TlsError};

/// Most octets that are taken or sent in one call: far more than a flight of EAP, whose messages are bounded below.
const MAX_OCTETS: usize = 128 * 1024;

/// Most octets of plaintext in a record (RFC 8446 5.1).
const RECORD: usize = 16 * 1024;

/// Where the library reads and writes records.
#[derive(Default)]
struct Pipe {
    received: Vec<u8>,
    /// So many octets of them have been read.
    read: usize,
    to_send: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut waiting = &self.received[self.read..];
        if waiting.is_empty() {
            self.received.clear();
            self.read = 0;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let octets = waiting.read(buffer)?;
        self.read += octets;
        Ok(octets)
    }
}

impl Write for Pipe {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.to_send.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) struct Client {
    stream: SslStream<Pipe>,
    verifier: Arc<Verifier>,
    verdict: Arc<Mutex<Verdict>>,
    shared: Arc<Shared>,
    fresh: Fresh,
    /// Sessions are kept, also those that are still to come.
    keeps: bool,
    established: bool,
    /// The server has ended the connection in order.
    closed: bool,
    failed: Option<TlsError>,
    /// Where plaintext lands first.
    landing: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("established", &self.established).finish_non_exhaustive()
    }
}

impl Client {
    pub(super) fn new(
        mut ssl: Ssl,
        verifier: Arc<Verifier>,
        shared: Arc<Shared>,
        fresh: Fresh,
    ) -> Result<Self, ErrorStack> {
        let verdict = Arc::default();
        let (checks, result) = (Arc::clone(&verifier), Arc::clone(&verdict));
        ssl.set_verify_callback(SslVerifyMode::PEER, move |passed, context| checks.check(passed, context, &result));
        ssl.set_connect_state();
        Ok(Client {
            stream: SslStream::new(ssl, Pipe::default())?,
            verifier,
            verdict,
            shared,
            fresh,
            keeps: false,
            established: false,
            closed: false,
            failed: None,
            landing: Zeroizing::new(vec![0; RECORD]),
        })
    }

    /// Goes on as far as the octets that are there allow.
    fn advance(&mut self, plaintext: &mut Zeroizing<Vec<u8>>) -> Result<(), TlsError> {
        if !self.established {
            match self.stream.do_handshake() {
                Ok(()) => {}
                Err(error) if error.code() == ErrorCode::WANT_READ => return Ok(()),
                Err(error) => return Err(self.failure(&error)),
            }
            // Nothing passes that our own checks did not see to the end, whatever the library says.
            if !self.stream.ssl().session_reused() && !locked(&self.verdict).passed {
                return Err(self.unverified());
            }
            self.established = true;
        }
        while !self.closed {
            match self.stream.ssl_read(&mut self.landing) {
                Ok(octets) => append(plaintext, &self.landing[..octets]),
                Err(error) if error.code() == ErrorCode::WANT_READ => break,
                Err(error) if error.code() == ErrorCode::ZERO_RETURN => self.closed = true,
                Err(error) => return Err(self.failure(&error)),
            }
        }
        if self.keeps {
            self.keep_fresh();
        }
        Ok(())
    }

    fn keep_fresh(&self) {
        if let Some(session) = locked(&self.fresh).take() {
            *locked(&self.shared.kept) = Some(session);
        }
    }

    fn unverified(&self) -> TlsError {
        TlsError { fault: Fault::Certificate, text: self.verifier.text(&locked(&self.verdict)) }
    }

    /// Why the library gave up.
    fn failure(&self, error: &ssl::Error) -> TlsError {
        let server = |text| TlsError { fault: Fault::Server, text };
        let Some(errors) = error.ssl_error() else {
            return server(match error.code() {
                ErrorCode::ZERO_RETURN => "the server ended TLS in its handshake".to_owned(),
                _ => format!("the server broke TLS: {error}"),
            });
        };
        // The reason that counts is the last: those before it say from how deep it came.
        for error in errors.errors().iter().rev().filter(|error| error.library_code() == reason::LIBRARY) {
            let code = error.reason_code();
            match code {
                reason::CERTIFICATE_VERIFY_FAILED => return self.unverified(),
                reason::UNSUPPORTED_PROTOCOL | reason::WRONG_SSL_VERSION => {
                    return server(format!("the server speaks no version of TLS that is accepted{}", self.outdated()));
                }
                _ if code & reason::COMMON != 0 || code == reason::NO_PROTOCOLS_AVAILABLE => {
                    let words = verify::last_reason(errors).unwrap_or("for no known reason");
                    let text = format!("the TLS library of this machine failed: {words}{}", self.outdated());
                    return TlsError { fault: Fault::Local, text };
                }
                _ => {}
            }
            if let Some(number) = code.checked_sub(reason::ALERTS).and_then(|number| u8::try_from(number).ok()) {
                return self.alerted(number);
            }
        }
        let words = verify::last_reason(errors).unwrap_or("for no known reason");
        server(format!("the server broke TLS: {words}{}", self.outdated()))
    }

    /// What an alert of the server means.
    fn alerted(&self, number: u8) -> TlsError {
        let meaning = alert::meaning(number);
        // Before the server's certificate came, ours could not go.
        let after_certificate = self.stream.ssl().peer_certificate().is_some();
        let about = meaning.about_certificate.filter(|_| after_certificate || !meaning.only_after_certificate);
        let alert = format!("by the TLS alert {} ({number})", meaning.name);
        match about {
            Some(_) if !self.shared.has_identity => TlsError {
                fault: Fault::Refused,
                text: format!(
                    "the server refused {alert}: it wants a certificate of the user, and the profile has none \
                     (tls-user-cert)"
                ),
            },
            Some(text) => TlsError { fault: Fault::Refused, text: format!("the server refused {alert}: {text}") },
            None => TlsError { fault: Fault::Server, text: format!("the server ended TLS {alert}{}", self.outdated()) },
        }
    }

    /// What to say about a version that the library may not speak any more.
    fn outdated(&self) -> String {
        match self.shared.outdated {
            Some(version) => format!(
                "; tls-max-version allows {version} at most, which the policy of the TLS library does not accept any \
                 more: set it to 1.2 or 1.3"
            ),
            None => String::new(),
        }
    }

    /// Hands over what the library wrote, and remembers how it ended.
    fn finish(&mut self, result: Result<(), TlsError>, records: &mut Vec<u8>) -> Result<(), TlsError> {
        records.append(&mut self.stream.get_mut().to_send);
        if let Err(error) = &result {
            self.failed = Some(error.clone());
        }
        result
    }

    fn check_usable(&self) -> Result<(), TlsError> {
        match &self.failed {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }
}

/// The library spoils the session of a connection that goes without having ended in order, as all of EAP do: the keys of
/// the session are not the worse for it.
impl Drop for Client {
    fn drop(&mut self) {
        if self.keeps && self.failed.is_none() {
            self.stream.set_shutdown(ShutdownState::SENT | ShutdownState::RECEIVED);
        }
    }
}

impl TlsClient for Client {
    fn handle(
        &mut self,
        input: &[u8],
        records: &mut Vec<u8>,
        plaintext: &mut Zeroizing<Vec<u8>>,
    ) -> Result<(), TlsError> {
        self.check_usable()?;
        let result = if input.len() > MAX_OCTETS {
            Err(TlsError {
                fault: Fault::Server,
                text: format!("the server sent {} octets of TLS at once", input.len()),
            })
        } else {
            self.stream.get_mut().received.extend_from_slice(input);
            self.advance(plaintext)
        };
        self.finish(result, records)
    }

    fn send(&mut self, plaintext: &[u8], records: &mut Vec<u8>) -> Result<(), TlsError> {
        self.check_usable()?;
        let local = |text: &str| TlsError { fault: Fault::Local, text: text.to_owned() };
        if !self.established || plaintext.len() > MAX_OCTETS {
            return Err(local("this is not the time, or too much, to be sent in TLS"));
        }
        let mut rest = plaintext;
        while !rest.is_empty() {
            match self.stream.ssl_write(rest) {
                Ok(octets) => rest = rest.get(octets..).unwrap_or_default(),
                Err(error) => {
                    let error = self.failure(&error);
                    return self.finish(Err(error), records);
                }
            }
        }
        self.finish(Ok(()), records)
    }

    fn is_established(&self) -> bool {
        self.established && self.failed.is_none()
    }

    fn is_resumed(&self) -> bool {
        self.established && self.stream.ssl().session_reused()
    }

    fn is_tls13(&self) -> bool {
        self.established && self.stream.ssl().version2() == Some(SslVersion::TLS1_3)
    }

    fn export(&self, label: &str, context: Option<&[u8]>, out: &mut [u8]) -> Result<(), TlsError> {
        let local = |text: String| TlsError { fault: Fault::Local, text };
        if !self.is_established() {
            return Err(local("there are no keys before the TLS handshake is complete".to_owned()));
        }
        let exported = self.stream.ssl().export_keying_material(out, label, context);
        exported.map_err(|error| local(format!("the TLS library of this machine exports no keys: {error}")))
    }

    fn keep_session(&mut self) {
        if !self.is_established() {
            return;
        }
        self.keeps = true;
        // Before TLS 1.3 a session may be resumed again, and the server need not send a new ticket for that.
        if !self.is_tls13() {
            *locked(&self.fresh) = self.stream.ssl().session().map(ToOwned::to_owned);
        }
        self.keep_fresh();
    }
}

/// Appends a secret without leaving a copy of what was there where the buffer was.
fn append(plaintext: &mut Zeroizing<Vec<u8>>, octets: &[u8]) {
    if plaintext.capacity() - plaintext.len() < octets.len() {
        let mut larger = Zeroizing::new(Vec::with_capacity((plaintext.len() + octets.len()).max(2 * plaintext.len())));
        larger.extend_from_slice(plaintext);
        *plaintext = larger;
    }
    plaintext.extend_from_slice(octets);
}

/// Reason codes of OpenSSL's TLS library (`openssl/sslerr.h`).
mod reason {
    /// The number of that library (`openssl/err.h`, `ERR_LIB_SSL`): other libraries give these numbers other meanings.
    pub(super) const LIBRARY: i32 = 20;
    pub(super) const CERTIFICATE_VERIFY_FAILED: i32 = 134;
    pub(super) const NO_PROTOCOLS_AVAILABLE: i32 = 191;
    pub(super) const UNSUPPORTED_PROTOCOL: i32 = 258;
    pub(super) const WRONG_SSL_VERSION: i32 = 266;
    /// Alerts that the server sent, by their numbers, from here on.
    pub(super) const ALERTS: i32 = 1000;
    /// Reasons that every library has, such as failures of its own (`ERR_RFLAG_COMMON`).
    pub(super) const COMMON: i32 = 0x80000;
}
