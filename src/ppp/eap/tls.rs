//! TLS in EAP: the pieces in which EAP-TLS, PEAP and EAP-TTLS carry its records (RFC 5216 2.1.5, 3.1), and EAP-TLS itself
//! (RFC 5216; RFC 9190 for TLS 1.3).

use std::fmt;

use zeroize::Zeroizing;

use super::super::auth::outcome::Outcome;
use super::super::inner_tls::{Fault, TlsClient, TlsError};
use super::method::{Context, Key, MSK_LEN, Standing, Step};
use crate::wire::Malformed;
use crate::wire::eap::{TlsPiece, eap_type};

/// Most octets of one message of the server's: a chain of certificates with room to spare.
const MAX_MESSAGE: usize = 64 * 1024;
/// Most octets of TLS in one packet of ours. Servers behind RADIUS have no more room than Ethernet has.
pub(super) const MAX_PIECE: usize = 1280;
/// Octets before the piece: header and type of EAP, flags, length.
const PIECE_HEADER: usize = 4 + 1 + 1 + 4;
/// Octets that are left for what TLS, and a pair of EAP-TTLS, put around a packet inside: of the cipher suites that there
/// are, the greediest takes 85 (header, IV, MAC with SHA-384, padding; RFC 5246 6.2.3.2), the pair 11 (RFC 5281 10.1).
pub(super) const RECORD_ROOM: usize = 100;

/// Octets of TLS that one packet of ours carries to a peer that takes EAP packets of `mru` octets.
fn piece_room(mru: usize) -> usize {
    mru.saturating_sub(PIECE_HEADER).clamp(64, MAX_PIECE)
}

impl Context<'_> {
    /// What the methods inside of a tunnel work with. Their packets must fit into one packet around them: FreeRADIUS, of a
    /// PEAP message in several pieces, takes the last one's identifier for that of the packet inside, and then does not
    /// know it.
    pub(super) fn inside(&mut self) -> Context<'_> {
        let Context { config, credentials, entropy, mru } = self;
        Context { config, credentials, entropy, mru: piece_room(*mru).saturating_sub(RECORD_ROOM) }
    }
}

/// A TLS connection in the packets of one EAP type.
pub(super) struct Tunnel {
    kind: u8,
    client: Option<Box<dyn TlsClient>>,
    /// The server's message, as far as it has come.
    incoming: Vec<u8>,
    /// Our message, and how much of it was sent.
    outgoing: Vec<u8>,
    sent: usize,
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tunnel").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What a packet of the server's did.
pub(super) enum Received {
    /// A whole message came; this was inside of it. [`Tunnel::respond`] is to follow.
    Message(Zeroizing<Vec<u8>>),
    /// Nothing that the method could know: this is the step.
    Step(Step),
}

impl Tunnel {
    pub(super) fn new(kind: u8) -> Self {
        Tunnel { kind, client: None, incoming: Vec::new(), outgoing: Vec::new(), sent: 0 }
    }

    /// Takes the data of a Request.
    ///
    /// # Errors
    /// Data that cannot be read, or that are out of turn.
    pub(super) fn receive(&mut self, data: &[u8], context: &Context<'_>) -> Result<Received, Malformed> {
        let piece = TlsPiece::parse(data)?;
        if piece.start {
            return self.begin(context);
        }
        if self.client.is_none() {
            return Err(Malformed::value("flags of TLS in EAP without a start", 0, data[0]));
        }
        if self.sent < self.outgoing.len() {
            // RFC 5216 2.1.5: until all of our message is sent, the server only acknowledges
            return match piece.data {
                [] => Ok(Received::Step(Step::respond(self.respond(context)))),
                _ => Err(Malformed::value("flags of TLS in EAP, in place of an acknowledgment", 0, data[0])),
            };
        }
        self.incoming.extend_from_slice(piece.data);
        if piece.message_length.unwrap_or(0).max(self.incoming.len()) > MAX_MESSAGE {
            return Ok(Received::Step(Step::misbehaved("its TLS message inside EAP has no end")));
        }
        if piece.more {
            return Ok(Received::Step(Step::respond(self.empty())));
        }
        let message = std::mem::take(&mut self.incoming);
        Ok(self.handle(&message, context))
    }

    /// The server's Start: a new connection, which speaks first.
    fn begin(&mut self, context: &Context<'_>) -> Result<Received, Malformed> {
        if self.client.is_some() {
            return Err(Malformed::value("flags of TLS in EAP, starting again", 0, 0x20u8));
        }
        let Some(connector) = &context.config.tls else {
            return Ok(Received::Step(Step::misbehaved("it wants TLS inside EAP, which was not agreed to")));
        };
        match connector.connect() {
            Ok(client) => self.client = Some(client),
            Err(error) => return Ok(Received::Step(Step::Fail(None, Outcome::Tls(error)))),
        }
        Ok(self.handle(&[], context))
    }

    fn handle(&mut self, message: &[u8], context: &Context<'_>) -> Received {
        let mut plaintext = Zeroizing::new(Vec::new());
        self.outgoing.clear();
        self.sent = 0;
        let Some(client) = &mut self.client else { return Received::Message(plaintext) };
        match client.handle(message, &mut self.outgoing, &mut plaintext) {
            Ok(()) => Received::Message(plaintext),
            Err(error) => Received::Step(self.fail(error, context)),
        }
    }

    /// The end after an error of TLS, with the alert that tells the server.
    fn fail(&mut self, error: TlsError, context: &Context<'_>) -> Step {
        let alert = (!self.outgoing.is_empty()).then(|| self.respond(context).into());
        Step::Fail(alert, Outcome::Tls(error))
    }

    /// Puts this inside the connection, behind what is to be sent already.
    ///
    /// # Errors
    /// The step that ends the conversation.
    pub(super) fn send(&mut self, plaintext: &[u8]) -> Result<(), Step> {
        let failed = |error| Step::Fail(None, Outcome::Tls(error));
        match &mut self.client {
            Some(client) => client.send(plaintext, &mut self.outgoing).map_err(failed),
            None => Err(Step::misbehaved("it speaks inside of TLS before there is any")),
        }
    }

    /// The data of the next Response: a piece of our message, or an acknowledgment where there is none.
    pub(super) fn respond(&mut self, context: &Context<'_>) -> Vec<u8> {
        let rest = self.outgoing.len() - self.sent;
        let room = piece_room(context.mru);
        let piece = TlsPiece {
            // RFC 5216 2.1.5: in the first piece of several
            message_length: (self.sent == 0 && rest > room).then_some(self.outgoing.len()),
            more: rest > room,
            start: false,
            version: 0,
            data: &self.outgoing[self.sent..][..rest.min(room)],
        };
        self.sent += piece.data.len();
        piece.emit()
    }

    /// An acknowledgment.
    fn empty(&self) -> Vec<u8> {
        TlsPiece { message_length: None, more: false, start: false, version: 0, data: &[] }.emit()
    }

    /// Whether TLS itself has something to send.
    pub(super) fn is_sending(&self) -> bool {
        self.sent < self.outgoing.len()
    }

    /// Whether the handshake is complete: the server has proven who it is.
    pub(super) fn is_established(&self) -> bool {
        self.client.as_ref().is_some_and(|client| client.is_established())
    }

    pub(super) fn is_tls13(&self) -> bool {
        self.client.as_ref().is_some_and(|client| client.is_tls13())
    }

    pub(super) fn is_resumed(&self) -> bool {
        self.client.as_ref().is_some_and(|client| client.is_resumed())
    }

    /// The key material of the method (RFC 5216 2.3, RFC 5281 8, [MS-PEAP] 3.1.5.7; RFC 9190 2.3 and RFC 9427 2.1 for
    /// TLS 1.3).
    ///
    /// # Errors
    /// The handshake is not complete.
    pub(super) fn key_material(&self) -> Result<Zeroizing<[u8; MSK_LEN]>, TlsError> {
        // MSK and EMSK: what TLS 1.3 exports depends on how much is asked for
        let mut both = Zeroizing::new([0; 2 * MSK_LEN]);
        if self.is_tls13() {
            self.export("EXPORTER_EAP_TLS_Key_Material", Some(&[self.kind]), &mut *both)?;
        } else if self.kind == eap_type::TTLS {
            self.export("ttls keying material", None, &mut *both)?;
        } else {
            self.export("client EAP encryption", None, &mut *both)?;
        }
        let mut msk = Zeroizing::new([0; MSK_LEN]);
        msk.copy_from_slice(&both[..MSK_LEN]);
        Ok(msk)
    }

    /// Exports keying material.
    ///
    /// # Errors
    /// The handshake is not complete.
    pub(super) fn export(&self, label: &str, context: Option<&[u8]>, out: &mut [u8]) -> Result<(), TlsError> {
        match &self.client {
            Some(client) => client.export(label, context, out),
            None => Err(TlsError { fault: Fault::Local, text: "there is no TLS connection yet".to_owned() }),
        }
    }

    /// The server has accepted us: it may be reminded of this connection.
    pub(super) fn keep_session(&mut self) {
        if let Some(client) = &mut self.client {
            client.keep_session();
        }
    }
}

/// EAP-TLS, the peer's side.
#[derive(Debug)]
pub(in super::super) struct EapTls {
    pub(super) tunnel: Tunnel,
    /// The server's promise to send no more messages of the handshake, of TLS 1.3 (RFC 9190 2.5).
    committed: bool,
}

impl EapTls {
    pub(super) fn new() -> Self {
        EapTls { tunnel: Tunnel::new(eap_type::TLS), committed: false }
    }

    pub(super) fn handle(&mut self, data: &[u8], context: &Context<'_>) -> Result<Step, Malformed> {
        match self.tunnel.receive(data, context)? {
            Received::Step(step) => Ok(step),
            Received::Message(plaintext) => {
                match plaintext.as_slice() {
                    [] => {}
                    [0] if self.tunnel.is_tls13() => self.committed = true,
                    _ => return Ok(Step::misbehaved("it sends data inside of EAP-TLS, which carries none")),
                }
                Ok(Step::respond(self.tunnel.respond(context)))
            }
        }
    }

    /// Of TLS 1.3 it is the promise that says that our certificate is accepted. pppd 2.4.9 makes none, and hostapd
    /// none for a session that is resumed: there EAP Success, which comes inside the TLS connection of SSTP, has to do.
    pub(super) fn standing(&self) -> Standing {
        let done = self.tunnel.is_established() && !self.tunnel.is_sending();
        match self.tunnel.key_material() {
            Ok(msk) if done => Standing::Done { key: Key::Msk(msk), proven: self.committed || !self.tunnel.is_tls13() },
            _ => Standing::Open,
        }
    }
}
