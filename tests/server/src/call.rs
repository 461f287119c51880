//! The call as the server sees it (MS-SSTP 3.3), with the endings that both sides share (3.1.1.1).

use std::sync::Arc;
use std::time::{Duration, Instant};

use nm_sstp::crypto::binding::{HashProtocol, Hlak, certificate_hash, compound_mac, mac_eq};
use nm_sstp::wire::ppp::Protocol;
use nm_sstp::wire::sstp::{
    CALL_CONNECTED_LEN, ControlMessage, CryptoBinding, CryptoBindingRequest, ENCAPSULATED_PROTOCOL_PPP, Refused,
    Status, StatusInfo, attribute,
};

use crate::{Closed, Config};

/// MS-SSTP 3.3.2.1.
const NEGOTIATION_TIMER: Duration = Duration::from_secs(60);
/// TIMER_VAL_ABORT_STATE_TIMER_1 (MS-SSTP 3.1.2.1).
const ABORT_TIMER_1: Duration = Duration::from_secs(3);
/// TIMER_VAL_ABORT_STATE_TIMER_2 (MS-SSTP 3.1.2.1).
const ABORT_TIMER_2: Duration = Duration::from_secs(1);
/// TIMER_VAL_DISCONNECT_STATE_TIMER_1 (MS-SSTP 3.1.2.2).
const DISCONNECT_TIMER_1: Duration = Duration::from_secs(5);
/// TIMER_VAL_DISCONNECT_STATE_TIMER_2 (MS-SSTP 3.1.2.2).
const DISCONNECT_TIMER_2: Duration = Duration::from_secs(1);
/// How many Call Connect Requests are answered with a Nak (MS-SSTP 3.3.5.2.2, note 16).
const NAK_LIMIT: u32 = 3;

/// States (MS-SSTP 3.3.1.1.1, 3.1.1.1). What the one timer means follows from the state. The states that the
/// specification leaves as soon as it enters them are missing: `Call_Abort_In_Progress_1`, `_2` and their like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    ServerCallDisconnected,
    ServerConnectRequestPending,
    ServerCallConnectedPending,
    ServerCallConnected,
    CallAbortPending,
    CallAbortTimeoutPending,
    CallDisconnectAckPending,
    CallDisconnectTimeoutPending,
}

use State::{
    CallAbortPending, CallAbortTimeoutPending, CallDisconnectAckPending, CallDisconnectTimeoutPending,
    ServerCallConnected, ServerCallConnectedPending, ServerCallDisconnected, ServerConnectRequestPending,
};

/// What a message or a timer led to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// PPP may begin (MS-SSTP 3.1.7.1, Lower Link Up).
    LowerLinkUp,
    /// The call is connected: data frames may flow.
    Connected,
    /// The connection is over.
    Ended(Closed),
}

/// One call.
pub(crate) struct Call {
    config: Arc<Config>,
    state: State,
    timer: Option<Instant>,
    nonce: [u8; 32],
    /// ServerHLAKKey (MS-SSTP 3.3.1).
    hlak: Option<Hlak>,
    naks_owed: u32,
    naks_sent: u32,
    echo_sent: bool,
    /// Why the call is being ended.
    reason: Option<Closed>,
}

impl Call {
    /// A call whose HTTP request was just accepted (MS-SSTP 3.3.7.2). The first `naks_owed` Call Connect Requests are
    /// answered with a Nak, whatever they hold.
    pub fn new(config: Arc<Config>, nonce: [u8; 32], naks_owed: u32, now: Instant) -> Self {
        Call {
            config,
            state: ServerConnectRequestPending,
            timer: Some(now + NEGOTIATION_TIMER),
            nonce,
            hlak: None,
            naks_owed,
            naks_sent: 0,
            echo_sent: false,
            reason: None,
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub fn timer(&self) -> Option<Instant> {
        self.timer
    }

    /// Whether frames of this protocol pass in either direction (MS-SSTP 3.3.7.1, 3.3.7.2).
    pub fn carries(&self, protocol: Protocol) -> bool {
        match self.state {
            ServerCallConnectedPending => !protocol.is_data(),
            ServerCallConnected => true,
            _ => false,
        }
    }

    /// Why the call is being ended, from the first word of it on.
    pub fn reason(&self) -> Option<&Closed> {
        self.reason.as_ref()
    }

    /// Whether Call Connected was accepted and nobody has ended the call.
    pub fn is_connected(&self) -> bool {
        self.state == ServerCallConnected
    }

    /// PPP has authenticated the client (MS-SSTP 3.3.7.1).
    pub fn authenticated(&mut self, hlak: Hlak) {
        self.hlak = Some(hlak);
    }

    /// Any packet arrived: the far end lives (MS-SSTP 3.1.2.3).
    pub fn heard(&mut self, now: Instant) {
        if self.state == ServerCallConnected {
            self.timer = Some(now + self.config.hello_interval);
            self.echo_sent = false;
        }
    }

    /// Handles a control packet, given whole, and appends the answers to `send`.
    pub fn handle_packet(&mut self, now: Instant, packet: &[u8], send: &mut Vec<ControlMessage>) -> Option<Outcome> {
        match ControlMessage::parse(packet) {
            Ok(message) => self.handle_message(now, &message, packet, send),
            Err(refused) => self.handle_refused(now, packet, refused, send),
        }
    }

    fn handle_message(
        &mut self,
        now: Instant,
        message: &ControlMessage,
        packet: &[u8],
        send: &mut Vec<ControlMessage>,
    ) -> Option<Outcome> {
        match (message, self.state) {
            (_, CallAbortTimeoutPending | CallDisconnectTimeoutPending | ServerCallDisconnected) => {}
            (ControlMessage::CallAbort(_), CallAbortPending) => {
                self.enter(CallAbortTimeoutPending, now + ABORT_TIMER_2);
            }
            (ControlMessage::CallAbort(status), _) => {
                let status = status.as_ref().map(|info| info.status);
                self.reason.get_or_insert(Closed::ClientAborted(status));
                send.push(ControlMessage::CallAbort(Some(StatusInfo::new(attribute::NO_ERROR, Status::NO_ERROR))));
                self.enter(CallAbortTimeoutPending, now + ABORT_TIMER_2);
            }
            (_, CallAbortPending) => {}
            (ControlMessage::CallDisconnect(_), _) => {
                self.reason.get_or_insert(Closed::ClientDisconnected);
                send.push(ControlMessage::CallDisconnectAck);
                self.enter(CallDisconnectTimeoutPending, now + DISCONNECT_TIMER_2);
            }
            (ControlMessage::CallDisconnectAck, CallDisconnectAckPending) => return self.end(),
            (_, CallDisconnectAckPending) => {}
            (ControlMessage::CallConnectRequest { encapsulated_protocol }, ServerConnectRequestPending) => {
                return self.connect_request(now, *encapsulated_protocol, send);
            }
            (ControlMessage::CallConnected(binding), ServerCallConnectedPending) => {
                return self.call_connected(now, binding, packet, send);
            }
            (ControlMessage::EchoRequest, ServerCallConnected) => send.push(ControlMessage::EchoResponse),
            (ControlMessage::EchoResponse, ServerCallConnected) => {}
            (message, state) => {
                let name = format!("{message:?}");
                let name = name.split(['(', ' ']).next().unwrap_or_default();
                let status = StatusInfo::new(attribute::NO_ERROR, Status::UNACCEPTED_FRAME_RECEIVED);
                self.abort(now, status, format!("{name} came in state {state:?}"), send);
            }
        }
        None
    }

    /// MS-SSTP 3.3.5.2.2.
    fn connect_request(&mut self, now: Instant, protocol: u16, send: &mut Vec<ControlMessage>) -> Option<Outcome> {
        if protocol != ENCAPSULATED_PROTOCOL_PPP || self.naks_owed > 0 {
            self.naks_owed = self.naks_owed.saturating_sub(1);
            let mut status = StatusInfo::new(attribute::ENCAPSULATED_PROTOCOL_ID, Status::VALUE_NOT_SUPPORTED);
            status.attribute_value = protocol.to_be_bytes().to_vec();
            self.nak(now, status, "the Call Connect Request is not acceptable", send);
            return None;
        }
        let bitmask = self.config.hash_protocols.iter().fold(0, |bits, protocol| bits | protocol.bit());
        let request = CryptoBindingRequest { hash_protocol_bitmask: bitmask, nonce: self.nonce };
        send.push(ControlMessage::CallConnectAck(request));
        self.enter(ServerCallConnectedPending, now + NEGOTIATION_TIMER);
        Some(Outcome::LowerLinkUp)
    }

    fn nak(&mut self, now: Instant, status: StatusInfo, reason: &str, send: &mut Vec<ControlMessage>) {
        if self.naks_sent == NAK_LIMIT {
            let status = StatusInfo::new(attribute::STATUS_INFO, Status::RETRY_COUNT_EXCEEDED);
            return self.abort(now, status, format!("{reason}, once more"), send);
        }
        self.naks_sent += 1;
        send.push(ControlMessage::CallConnectNak(vec![status]));
    }

    /// MS-SSTP 3.3.5.2.3.
    fn call_connected(
        &mut self,
        now: Instant,
        binding: &CryptoBinding,
        packet: &[u8],
        send: &mut Vec<ControlMessage>,
    ) -> Option<Outcome> {
        if self.config.verify_binding
            && let Err(reason) = self.check_binding(binding, packet)
        {
            let status = StatusInfo::new(attribute::CRYPTO_BINDING, Status::VALUE_NOT_SUPPORTED);
            self.abort(now, status, format!("crypto binding: {reason}"), send);
            return None;
        }
        self.echo_sent = false;
        self.enter(ServerCallConnected, now + self.config.hello_interval);
        Some(Outcome::Connected)
    }

    /// What the server must verify, in the order of MS-SSTP 3.3.5.2.3.
    fn check_binding(&self, binding: &CryptoBinding, packet: &[u8]) -> Result<(), &'static str> {
        let Some(hlak) = &self.hlak else { return Err("the client is not authenticated yet") };
        if !mac_eq(&binding.nonce, &self.nonce) {
            return Err("the nonce is not the one that was sent");
        }
        let protocol = HashProtocol::from_bit(binding.hash_protocol)
            .filter(|protocol| self.config.hash_protocols.contains(protocol))
            .ok_or("the hash protocol was not offered")?;
        if !mac_eq(&binding.cert_hash, &certificate_hash(protocol, &self.config.certificate)) {
            return Err("the certificate is not the server's");
        }
        let packet: &[u8; CALL_CONNECTED_LEN] = packet.try_into().map_err(|_| "the length is not 112 octets")?;
        if !mac_eq(&binding.compound_mac, &compound_mac(protocol, hlak, packet)) {
            return Err("the Compound MAC is wrong");
        }
        Ok(())
    }

    /// A packet that cannot be accepted: in a Call Connect Request it is worth a Nak, elsewhere an abort.
    fn handle_refused(
        &mut self,
        now: Instant,
        packet: &[u8],
        refused: Refused,
        send: &mut Vec<ControlMessage>,
    ) -> Option<Outcome> {
        if self.is_ending() {
            return None;
        }
        let reason = refused.malformed.to_string();
        match (packet.get(4..6), self.state) {
            (Some([0, 1]), ServerConnectRequestPending) => {
                let attribute_id = match refused.status {
                    Status::REQUIRED_ATTRIBUTE_MISSING => attribute::STATUS_INFO,
                    _ => refused.attribute_id,
                };
                self.nak(now, StatusInfo::new(attribute_id, refused.status), &reason, send);
            }
            (Some([0, 4]), ServerCallConnectedPending) => {
                let status = StatusInfo::new(attribute::STATUS_INFO, Status::ATTRIB_NOT_SUPPORTED_IN_MSG);
                self.abort(now, status, reason, send);
            }
            _ => self.abort(now, StatusInfo::new(refused.attribute_id, refused.status), reason, send),
        }
        None
    }

    /// Sends Call Abort (MS-SSTP 3.1.5.1), where the call is not ending already.
    pub fn abort(&mut self, now: Instant, status: StatusInfo, reason: String, send: &mut Vec<ControlMessage>) {
        if !self.is_ending() {
            send.push(ControlMessage::CallAbort(Some(status)));
            self.reason = Some(Closed::Aborted(reason));
            self.enter(CallAbortPending, now + ABORT_TIMER_1);
        }
    }

    /// Sends Call Disconnect (MS-SSTP 3.2.4.2), where the call is not ending already.
    pub fn disconnect(&mut self, now: Instant, reason: String, send: &mut Vec<ControlMessage>) {
        if !self.is_ending() {
            send.push(ControlMessage::CallDisconnect(Some(StatusInfo::new(attribute::NO_ERROR, Status::NO_ERROR))));
            self.reason = Some(Closed::Disconnected(reason));
            self.enter(CallDisconnectAckPending, now + DISCONNECT_TIMER_1);
        }
    }

    /// The timer has expired; before that, nothing happens.
    pub fn handle_timeout(&mut self, now: Instant, send: &mut Vec<ControlMessage>) -> Option<Outcome> {
        if self.timer.is_none_or(|timer| now < timer) {
            return None;
        }
        match self.state {
            ServerConnectRequestPending | ServerCallConnectedPending => {
                let status = StatusInfo::new(attribute::NO_ERROR, Status::NEGOTIATION_TIMEOUT);
                self.abort(now, status, format!("the negotiation timer expired in {:?}", self.state), send);
                None
            }
            ServerCallConnected if self.echo_sent => {
                self.reason = Some(Closed::Unanswered);
                self.end()
            }
            ServerCallConnected => {
                send.push(ControlMessage::EchoRequest);
                self.echo_sent = true;
                self.timer = Some(now + self.config.hello_interval);
                None
            }
            _ => self.end(),
        }
    }

    /// The TCP connection is down (MS-SSTP 3.1.7.2); returns why the call ended.
    pub fn lower_layer_down(&mut self) -> Closed {
        self.state = ServerCallDisconnected;
        self.timer = None;
        self.reason.take().unwrap_or(Closed::ClientGone)
    }

    fn is_ending(&self) -> bool {
        !matches!(self.state, ServerConnectRequestPending | ServerCallConnectedPending | ServerCallConnected)
    }

    fn enter(&mut self, state: State, timer: Instant) {
        self.state = state;
        self.timer = Some(timer);
    }

    fn end(&mut self) -> Option<Outcome> {
        self.state = ServerCallDisconnected;
        self.timer = None;
        self.reason.take().map(Outcome::Ended)
    }
}
