//! The client's call (MS-SSTP 3.1 and 3.2): from Call Connect Request to Call Disconnect, with every timer.
//!
//! It knows nothing of PPP but the key that authentication yields.

mod liveness;

use std::time::{Duration, Instant};

pub use liveness::Patience;

use crate::crypto::binding::{HashProtocol, Hlak, certificate_hash, compound_mac};
use crate::wire::Malformed;
use crate::wire::sstp::{
    CALL_CONNECTED_LEN, ControlMessage, CryptoBinding, CryptoBindingRequest, ENCAPSULATED_PROTOCOL_PPP, MAX_PACKET_LEN,
    Status, StatusInfo, attribute,
};
use liveness::{Liveness, Silence};

/// Negotiation timer (MS-SSTP 3.2.2.1).
pub const NEGOTIATION_TIMER: Duration = Duration::from_secs(60);
/// TIMER_VAL_ABORT_STATE_TIMER_1 (MS-SSTP 3.1.2.1).
pub const ABORT_TIMER_1: Duration = Duration::from_secs(3);
/// TIMER_VAL_ABORT_STATE_TIMER_2 (MS-SSTP 3.1.2.1).
pub const ABORT_TIMER_2: Duration = Duration::from_secs(1);
/// TIMER_VAL_DISCONNECT_STATE_TIMER_1 (MS-SSTP 3.1.2.2).
pub const DISCONNECT_TIMER_1: Duration = Duration::from_secs(5);
/// TIMER_VAL_DISCONNECT_STATE_TIMER_2 (MS-SSTP 3.1.2.2).
pub const DISCONNECT_TIMER_2: Duration = Duration::from_secs(1);
/// How often a refused Call Connect Request is sent again (MS-SSTP 3.2.5.3.3; Windows: its note 10).
pub const CONNECT_RETRIES: u32 = 3;

/// CurrentState (MS-SSTP 3.1.1.1 and 3.2.1). The states in which a message is only just being sent
/// (Call_Abort_In_Progress_1 and the like) last no time here and have no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Client_Call_Disconnected: not begun, or over.
    ClientCallDisconnected,
    /// Client_Connect_Request_Sent.
    ClientConnectRequestSent,
    /// Client_Connect_Ack_Received: PPP control frames flow.
    ClientConnectAckReceived,
    /// Client_Call_Connected: PPP data frames flow.
    ClientCallConnected,
    /// Call_Abort_Pending: our Call Abort waits for the server's.
    CallAbortPending,
    /// Call_Abort_Timeout_Pending: both were sent.
    CallAbortTimeoutPending,
    /// Call_Disconnect_Ack_Pending: our Call Disconnect waits for its acknowledgment.
    CallDisconnectAckPending,
    /// Call_Disconnect_Timeout_Pending: the server's was acknowledged.
    CallDisconnectTimeoutPending,
}

/// What the call tells its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The server took the call: PPP begins (MS-SSTP 3.2.5.3.2).
    ConnectAck,
    /// The call is over; close the connection. Comes once and last.
    Over(End),
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// We disconnected.
    Disconnected,
    /// The server refused the call, [`CONNECT_RETRIES`] times and once more, with this status.
    ConnectNak(Option<Status>),
    /// The server aborted the call with this status.
    AbortedByServer(Option<Status>),
    /// The server disconnected with this status.
    DisconnectedByServer(Option<Status>),
    /// The server sent what a call cannot accept.
    Misbehaved(Misbehaviour),
    /// The server offered no hash protocol that we know (MS-SSTP 3.2.5.3.2): the bitmask.
    NoHashProtocol(u8),
    /// The negotiation timer ran out (MS-SSTP 3.2.6.1).
    NegotiationTimeout,
    /// Nothing has come for so long, in spite of an Echo-Request (MS-SSTP 3.1.2.3).
    Silent(Duration),
}

impl End {
    /// Whether the server ended the call without saying why.
    pub fn is_without_reason(&self) -> bool {
        matches!(self, End::AbortedByServer(None | Some(Status::NO_ERROR)) | End::DisconnectedByServer(_))
    }
}

/// What a server did wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misbehaviour {
    /// A message that cannot be read.
    Malformed(Malformed),
    /// A message that the state does not allow: its name.
    Unexpected(&'static str),
}

/// A call, from the end of the HTTP exchange on.
pub struct Call {
    state: State,
    certificate: Box<[u8]>,
    hash_protocol: HashProtocol,
    /// Hash Protocol Bitmask of the server (MS-SSTP 2.2.6), where it has taken the call.
    offered_hashes: Option<u8>,
    nonce: [u8; 32],
    retries: u32,
    /// Status of the last Connect NAK.
    refused: Option<Status>,
    /// The one timer of each state but Client_Call_Connected: negotiation, abort or disconnect.
    timer: Option<Instant>,
    /// The hello timer, in Client_Call_Connected.
    liveness: Liveness,
    end: Option<End>,
    event: Option<Event>,
    out: Vec<u8>,
}

/// Octets of control packets that may wait; what comes on top of them is a reply to a server that does not read. They are
/// handed over as one, so that they have to fit where one packet does.
const MAX_WAITING: usize = MAX_PACKET_LEN;

impl Call {
    /// A call over a connection whose server showed this certificate (DER). It begins with a Call Connect Request.
    pub fn new(now: Instant, certificate: &[u8], patience: Patience) -> Self {
        let mut call = Call {
            state: State::ClientCallDisconnected,
            certificate: certificate.into(),
            hash_protocol: HashProtocol::Sha256,
            offered_hashes: None,
            nonce: [0; 32],
            retries: 0,
            refused: None,
            timer: None,
            liveness: Liveness::new(patience, now),
            end: None,
            event: None,
            out: Vec::new(),
        };
        call.request(now);
        call
    }

    /// CurrentState.
    pub fn state(&self) -> State {
        self.state
    }

    /// Why the call is ending, where its end has begun and was not our wish.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// The hash protocols for the crypto binding that the server offers, as far as they are known here; `None`: it has not
    /// taken the call.
    pub fn offered_hashes(&self) -> Option<Vec<HashProtocol>> {
        let bitmask = self.offered_hashes?;
        Some(HashProtocol::ALL.into_iter().filter(|protocol| bitmask & protocol.bit() != 0).collect())
    }

    /// Whether PPP control frames may pass (MS-SSTP 3.2.7.1, 3.2.7.2).
    #[inline]
    pub fn passes_control(&self) -> bool {
        matches!(self.state, State::ClientConnectAckReceived | State::ClientCallConnected)
    }

    /// Whether PPP data frames may pass (MS-SSTP 3.2.7.1, 3.2.7.2).
    #[inline]
    pub fn passes_data(&self) -> bool {
        self.state == State::ClientCallConnected
    }

    /// Control packets that wait to be sent; the caller takes them all.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        (!self.out.is_empty()).then(|| std::mem::take(&mut self.out))
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.event.take()
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.state == State::ClientCallConnected { Some(self.liveness.poll_timeout()) } else { self.timer }
    }

    /// A packet came: the server lives (MS-SSTP 3.1.2.3).
    #[inline]
    pub fn heard(&mut self, now: Instant) {
        self.liveness.heard(now);
    }

    /// Datagrams were sent: a server that lives reacts, sooner or later.
    #[inline]
    pub fn sent(&mut self, now: Instant) {
        self.liveness.sent(now);
    }

    /// The server may be gone: it is asked for a sign of life at once, without waiting for the hello timer
    /// (MS-SSTP 3.1.2.3).
    pub fn doubt(&mut self, now: Instant) {
        if self.state == State::ClientCallConnected {
            self.liveness.doubt(now);
            self.send(&ControlMessage::EchoRequest);
        }
    }

    /// How long nothing has come from the server.
    pub fn silent_for(&self, now: Instant) -> Duration {
        self.liveness.silent_for(now)
    }

    /// The timer may have run out. Does nothing before that.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|at| now < at) {
            return;
        }
        match self.state {
            State::ClientCallDisconnected => self.timer = None,
            // MS-SSTP 3.2.6.1
            State::ClientConnectRequestSent | State::ClientConnectAckReceived => {
                self.abort(now, attribute::NO_ERROR, Status::NEGOTIATION_TIMEOUT, End::NegotiationTimeout);
            }
            // MS-SSTP 3.1.2.3: without a Call Abort, nobody would hear it
            State::ClientCallConnected => match self.liveness.handle_timeout(now) {
                Silence::Fine => {}
                Silence::Asks => self.send(&ControlMessage::EchoRequest),
                Silence::Over(time) => self.over(End::Silent(time)),
            },
            // MS-SSTP 3.1.6.1, 3.1.6.2
            State::CallAbortPending
            | State::CallAbortTimeoutPending
            | State::CallDisconnectAckPending
            | State::CallDisconnectTimeoutPending => self.over(End::Disconnected),
        }
    }

    /// Inner Authentication Completed Event (MS-SSTP 3.2.7.1): sends Call Connected with the crypto binding. A second
    /// authentication on the same call changes nothing.
    pub fn authenticated(&mut self, now: Instant, hlak: &Hlak) {
        if self.state != State::ClientConnectAckReceived {
            return;
        }
        let cert_hash = certificate_hash(self.hash_protocol, &self.certificate);
        self.send(&call_connected(self.hash_protocol, self.nonce, cert_hash, hlak));
        self.state = State::ClientCallConnected;
        self.heard(now);
    }

    /// Disconnect SSTP Tunnel Event (MS-SSTP 3.2.4.2).
    pub fn disconnect(&mut self, now: Instant) {
        match self.state {
            State::ClientConnectRequestSent | State::ClientConnectAckReceived | State::ClientCallConnected => {
                let status = StatusInfo::new(attribute::NO_ERROR, Status::NO_ERROR);
                self.send(&ControlMessage::CallDisconnect(Some(status)));
                self.enter(State::CallDisconnectAckPending, now, DISCONNECT_TIMER_1);
            }
            _ => {}
        }
    }

    /// Takes a whole control packet (MS-SSTP 3.2.5.3).
    pub fn handle_control(&mut self, now: Instant, packet: &[u8]) {
        self.heard(now);
        let message = match ControlMessage::parse(packet) {
            Ok(message) => message,
            Err(refused) => {
                let end = End::Misbehaved(Misbehaviour::Malformed(refused.malformed));
                return self.refuse(now, refused.attribute_id, refused.status, end);
            }
        };
        match message {
            ControlMessage::CallAbort(status) => self.handle_abort(now, status),
            ControlMessage::CallDisconnect(status) => self.handle_disconnect(now, status),
            ControlMessage::CallDisconnectAck if self.state == State::CallDisconnectAckPending => {
                self.over(End::Disconnected);
            }
            ControlMessage::CallConnectAck(request) if self.state == State::ClientConnectRequestSent => {
                self.handle_connect_ack(now, &request);
            }
            ControlMessage::CallConnectNak(statuses) if self.state == State::ClientConnectRequestSent => {
                self.handle_connect_nak(now, &statuses);
            }
            ControlMessage::EchoRequest if self.state == State::ClientCallConnected => {
                self.send(&ControlMessage::EchoResponse);
            }
            ControlMessage::EchoResponse if self.state == State::ClientCallConnected => {}
            unexpected => {
                let end = End::Misbehaved(Misbehaviour::Unexpected(unexpected.name()));
                self.refuse(now, attribute::NO_ERROR, Status::UNACCEPTED_FRAME_RECEIVED, end);
            }
        }
    }

    /// MS-SSTP 3.2.5.3.2.
    fn handle_connect_ack(&mut self, now: Instant, request: &CryptoBindingRequest) {
        self.offered_hashes = Some(request.hash_protocol_bitmask);
        let Some(hash_protocol) = HashProtocol::strongest(request.hash_protocol_bitmask) else {
            let end = End::NoHashProtocol(request.hash_protocol_bitmask);
            return self.abort(now, attribute::CRYPTO_BINDING_REQ, Status::VALUE_NOT_SUPPORTED, end);
        };
        self.hash_protocol = hash_protocol;
        self.nonce = request.nonce;
        self.event = Some(Event::ConnectAck);
        self.enter(State::ClientConnectAckReceived, now, NEGOTIATION_TIMER);
    }

    /// MS-SSTP 3.2.5.3.3.
    fn handle_connect_nak(&mut self, now: Instant, statuses: &[StatusInfo]) {
        self.refused = statuses.first().map(|info| info.status);
        if self.retries < CONNECT_RETRIES {
            self.retries += 1;
            return self.request(now);
        }
        let end = End::ConnectNak(self.refused);
        self.abort(now, attribute::NO_ERROR, Status::RETRY_COUNT_EXCEEDED, end);
    }

    /// MS-SSTP 3.2.5.3.4.
    fn handle_abort(&mut self, now: Instant, status: Option<StatusInfo>) {
        match self.state {
            State::CallAbortPending => self.enter(State::CallAbortTimeoutPending, now, ABORT_TIMER_2),
            State::CallAbortTimeoutPending | State::CallDisconnectTimeoutPending | State::ClientCallDisconnected => {}
            _ => {
                // after its NAKs the server's abort says only that it is tired of them (MS-SSTP 2.2.8, its note 2)
                let naked = self.state == State::ClientConnectRequestSent && self.retries > 0;
                let aborted = End::AbortedByServer(status.map(|info| info.status));
                self.end.get_or_insert(if naked { End::ConnectNak(self.refused) } else { aborted });
                let status = StatusInfo::new(attribute::NO_ERROR, Status::NO_ERROR);
                self.send(&ControlMessage::CallAbort(Some(status)));
                self.enter(State::CallAbortTimeoutPending, now, ABORT_TIMER_2);
            }
        }
    }

    /// MS-SSTP 3.2.5.3.5.
    fn handle_disconnect(&mut self, now: Instant, status: Option<StatusInfo>) {
        match self.state {
            State::CallAbortTimeoutPending
            | State::CallAbortPending
            | State::CallDisconnectTimeoutPending
            | State::ClientCallDisconnected => {}
            state => {
                if state != State::CallDisconnectAckPending {
                    self.end.get_or_insert(End::DisconnectedByServer(status.map(|info| info.status)));
                }
                self.send(&ControlMessage::CallDisconnectAck);
                self.enter(State::CallDisconnectTimeoutPending, now, DISCONNECT_TIMER_2);
            }
        }
    }

    /// Answers a message that cannot be accepted: with Call Abort, or not at all where the call is ending anyway.
    fn refuse(&mut self, now: Instant, attribute_id: u8, status: Status, end: End) {
        match self.state {
            State::CallAbortTimeoutPending
            | State::CallAbortPending
            | State::CallDisconnectAckPending
            | State::CallDisconnectTimeoutPending
            | State::ClientCallDisconnected => {}
            _ => self.abort(now, attribute_id, status, end),
        }
    }

    /// MS-SSTP 3.1.5.1.
    fn abort(&mut self, now: Instant, attribute_id: u8, status: Status, end: End) {
        self.end.get_or_insert(end);
        self.send(&ControlMessage::CallAbort(Some(StatusInfo::new(attribute_id, status))));
        self.enter(State::CallAbortPending, now, ABORT_TIMER_1);
    }

    fn request(&mut self, now: Instant) {
        self.send(&ControlMessage::CallConnectRequest { encapsulated_protocol: ENCAPSULATED_PROTOCOL_PPP });
        self.enter(State::ClientConnectRequestSent, now, NEGOTIATION_TIMER);
    }

    fn enter(&mut self, state: State, now: Instant, timer: Duration) {
        self.state = state;
        self.timer = Some(now + timer);
    }

    /// The call is over, for the reason that began its end, or else for this one.
    fn over(&mut self, end: End) {
        self.state = State::ClientCallDisconnected;
        self.timer = None;
        self.event = Some(Event::Over(self.end.take().unwrap_or(end)));
    }

    fn send(&mut self, message: &ControlMessage) {
        let before = self.out.len();
        message.emit(&mut self.out);
        if self.out.len() > MAX_WAITING {
            self.out.truncate(before);
        }
    }
}

/// Call Connected with its crypto binding. The Compound MAC is computed over the very packet, with zeros where it will
/// stand (MS-SSTP 3.2.5.2.1, 3.2.5.2.3).
fn call_connected(hash_protocol: HashProtocol, nonce: [u8; 32], cert_hash: [u8; 32], hlak: &Hlak) -> ControlMessage {
    let mut binding =
        Box::new(CryptoBinding { hash_protocol: hash_protocol.bit(), nonce, cert_hash, compound_mac: [0; 32] });
    let mut packet = Vec::with_capacity(CALL_CONNECTED_LEN);
    ControlMessage::CallConnected(binding.clone()).emit(&mut packet);
    let mut input = [0; CALL_CONNECTED_LEN];
    input.copy_from_slice(&packet);
    binding.compound_mac = compound_mac(hash_protocol, hlak, &input);
    ControlMessage::CallConnected(binding)
}

#[cfg(test)]
mod tests;
