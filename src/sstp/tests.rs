//! The call message by message, the server played by the test.

use std::time::{Duration, Instant};

use super::*;
use crate::wire::sstp::{Header, MAX_PACKET_LEN};

use State::{
    CallAbortPending, CallAbortTimeoutPending, CallDisconnectAckPending, CallDisconnectTimeoutPending,
    ClientCallConnected, ClientCallDisconnected, ClientConnectAckReceived, ClientConnectRequestSent,
};

const CERTIFICATE: &[u8] = b"the DER of a certificate";
const NONCE: [u8; 32] = [0x4e; 32];
const DISCONNECT: ControlMessage = ControlMessage::CallDisconnect(None);
const ABORT: ControlMessage = ControlMessage::CallAbort(None);

fn ack(hash_protocol_bitmask: u8) -> ControlMessage {
    ControlMessage::CallConnectAck(CryptoBindingRequest { hash_protocol_bitmask, nonce: NONCE })
}

fn nak() -> ControlMessage {
    ControlMessage::CallConnectNak(vec![StatusInfo::new(
        attribute::ENCAPSULATED_PROTOCOL_ID,
        Status::VALUE_NOT_SUPPORTED,
    )])
}

fn abort(status: Status) -> ControlMessage {
    ControlMessage::CallAbort(Some(StatusInfo::new(attribute::NO_ERROR, status)))
}

fn disconnect(status: Status) -> ControlMessage {
    ControlMessage::CallDisconnect(Some(StatusInfo::new(attribute::NO_ERROR, status)))
}

fn request() -> ControlMessage {
    ControlMessage::CallConnectRequest { encapsulated_protocol: ENCAPSULATED_PROTOCOL_PPP }
}

fn octets(message: &ControlMessage) -> Vec<u8> {
    let mut octets = Vec::new();
    message.emit(&mut octets);
    octets
}

/// The hello timer of the specification (MS-SSTP 3.1.2.3).
const HELLO_TIMER: Duration = Duration::from_secs(60);

struct Bench {
    call: Call,
    now: Instant,
}

impl Bench {
    fn begin() -> Self {
        #[allow(clippy::disallowed_methods, reason = "any moment will do: the test moves the clock by hand")]
        let now = Instant::now();
        let mut bench = Bench { call: Call::new(now, CERTIFICATE, Patience { idle: HELLO_TIMER, answer: None }), now };
        assert_eq!(bench.sent(), [request()]);
        bench
    }

    /// A call in this state, everything that led to it sent and polled.
    fn in_state(state: State) -> Self {
        let mut bench = Bench::begin();
        match state {
            ClientConnectRequestSent => {}
            ClientConnectAckReceived => bench.receive(&ack(3)),
            ClientCallConnected => {
                bench.receive(&ack(3));
                bench.call.authenticated(bench.now, &Hlak::zero());
            }
            CallAbortPending => bench.receive(&ack(0)),
            CallAbortTimeoutPending => bench.receive(&abort(Status::NO_ERROR)),
            CallDisconnectAckPending => bench.call.disconnect(bench.now),
            CallDisconnectTimeoutPending => bench.receive(&disconnect(Status::NO_ERROR)),
            ClientCallDisconnected => {
                bench.call.disconnect(bench.now);
                bench.receive(&ControlMessage::CallDisconnectAck);
            }
        }
        bench.sent();
        bench.call.poll_event();
        assert_eq!(bench.call.state(), state);
        bench
    }

    fn receive(&mut self, message: &ControlMessage) {
        self.receive_octets(&octets(message));
    }

    fn receive_octets(&mut self, packet: &[u8]) {
        self.call.handle_control(self.now, packet);
    }

    /// What was sent since the last time.
    fn sent(&mut self) -> Vec<ControlMessage> {
        let mut messages = Vec::new();
        while let Some(packets) = self.call.poll_transmit() {
            let mut rest = &packets[..];
            while !rest.is_empty() {
                let length = Header::parse(rest).unwrap().unwrap().length;
                let (packet, tail) = rest.split_at(length);
                messages.push(ControlMessage::parse(packet).unwrap());
                rest = tail;
            }
        }
        messages
    }

    /// Goes on for so long; timers run out on the way.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.call.poll_timeout().filter(|next| *next <= end) {
            self.now = next;
            self.call.handle_timeout(self.now);
        }
        self.now = end;
    }

    /// The call is over after this time, and not before.
    #[track_caller]
    fn over_after(&mut self, time: Duration, end: End) {
        let instant = Duration::from_millis(1);
        self.pass(time - instant);
        assert_eq!(self.call.poll_event(), None);
        self.pass(instant);
        assert_eq!(self.call.poll_event(), Some(Event::Over(end)));
        assert_eq!((self.call.state(), self.call.poll_timeout()), (ClientCallDisconnected, None));
    }
}

/// MS-SSTP 3.2.5.3.2 to 3.2.5.3.8: what each message does in each state: what is sent, and the state after that. A point:
/// the message is ignored. The last three rows are messages that a server cannot send at all (3.1.5.1).
const TABLE: &str = "
  message        | RequestSent          AckReceived          Connected            AbortPending    AbortTimeout  DisconnectAck              DisconnectTimeout  Over
  ConnectAck     | -/AckReceived        abort/AbortPending   abort/AbortPending   .               .             .                          .                  .
  ConnectNak     | request/RequestSent  abort/AbortPending   abort/AbortPending   .               .             .                          .                  .
  Abort          | abort/AbortTimeout   abort/AbortTimeout   abort/AbortTimeout   -/AbortTimeout  .             abort/AbortTimeout         .                  .
  Disconnect     | ack/DisconnectTimeout ack/DisconnectTimeout ack/DisconnectTimeout .            .             ack/DisconnectTimeout      .                  .
  DisconnectAck  | abort/AbortPending   abort/AbortPending   abort/AbortPending   .               .             -/Over                     .                  .
  EchoRequest    | abort/AbortPending   abort/AbortPending   echo/Connected       .               .             .                          .                  .
  EchoResponse   | abort/AbortPending   abort/AbortPending   -/Connected          .               .             .                          .                  .
  ConnectRequest | abort/AbortPending   abort/AbortPending   abort/AbortPending   .               .             .                          .                  .
  Connected      | abort/AbortPending   abort/AbortPending   abort/AbortPending   .               .             .                          .                  .
  unreadable     | abort/AbortPending   abort/AbortPending   abort/AbortPending   .               .             .                          .                  .
";

fn state(name: &str) -> State {
    match name {
        "RequestSent" => ClientConnectRequestSent,
        "AckReceived" => ClientConnectAckReceived,
        "Connected" => ClientCallConnected,
        "AbortPending" => CallAbortPending,
        "AbortTimeout" => CallAbortTimeoutPending,
        "DisconnectAck" => CallDisconnectAckPending,
        "DisconnectTimeout" => CallDisconnectTimeoutPending,
        "Over" => ClientCallDisconnected,
        other => panic!("{other}"),
    }
}

fn message(name: &str) -> Vec<u8> {
    octets(&match name {
        "ConnectAck" => ack(3),
        "ConnectNak" => nak(),
        "Abort" => ABORT,
        "Disconnect" => DISCONNECT,
        "DisconnectAck" => ControlMessage::CallDisconnectAck,
        "EchoRequest" => ControlMessage::EchoRequest,
        "EchoResponse" => ControlMessage::EchoResponse,
        "ConnectRequest" => request(),
        "Connected" => ControlMessage::CallConnected(Box::new(CryptoBinding {
            hash_protocol: 2,
            nonce: NONCE,
            cert_hash: [0; 32],
            compound_mac: [0; 32],
        })),
        "unreadable" => return vec![0x10, 0x01, 0x00, 0x08, 0x00, 0x0a, 0x00, 0x00],
        other => panic!("{other}"),
    })
}

#[test]
fn every_message_in_every_state() {
    let mut cells = 0;
    let mut rows = TABLE.lines().filter_map(|line| line.split_once('|'));
    let (_, states) = rows.next().unwrap();
    let states: Vec<State> = states.split_whitespace().map(state).collect();
    for (row, printed) in rows {
        for (before, cell) in states.iter().zip(printed.split_whitespace()) {
            let mut bench = Bench::in_state(*before);
            let timer = bench.call.poll_timeout();
            bench.now += Duration::from_millis(100);
            bench.receive_octets(&message(row.trim()));
            let sent: Vec<_> = bench.sent().iter().map(ControlMessage::name).collect();
            let at = format!("{row} in {before:?}");
            let (expected, after) = match cell.split_once('/') {
                None => ("-", *before),
                Some((expected, after)) => (expected, state(after)),
            };
            let expected: &[&str] = match expected {
                "-" => &[],
                "abort" => &["SSTP_MSG_CALL_ABORT"],
                "ack" => &["SSTP_MSG_CALL_DISCONNECT_ACK"],
                "echo" => &["SSTP_MSG_ECHO_RESPONSE"],
                "request" => &["SSTP_MSG_CALL_CONNECT_REQUEST"],
                other => panic!("{other}"),
            };
            assert_eq!((sent.as_slice(), bench.call.state()), (expected, after), "{at}");
            // a timer is only left alone where the message is ignored, and every state but the last has one
            let ignored = cell == ".";
            assert_eq!(bench.call.poll_timeout() == timer, ignored, "{at}");
            assert_eq!(bench.call.poll_timeout().is_none(), after == ClientCallDisconnected, "{at}");
            cells += 1;
        }
    }
    assert_eq!(cells, 80);
}

/// MS-SSTP 4.7, both examples: the request, the server's Ack, and our Call Connected.
#[test]
fn the_examples_of_ms_sstp_4_7() {
    let examples = [
        (
            "10 01 00 30 00 02 00 01 00 04 00 28 00 00 00 02
             41 2B 48 9A EB D7 EC C7 D0 89 66 F2 6B E7 CD 72 B2 31 A0 E9 21 0D 7C 91 B3 08 86 2B 03 44 C4 35",
            "79 93 EF 31 4C 49 3D AC E9 F0 2D 60 E7 E6 1C 84 B6 69 0A AF E9 D7 AE EA 92 CB BE 8A D5 99 42 2D",
            "2A 1B B4 0D 55 AB 0F 5E F3 2F 06 F2 B3 CC 73 C4 8F D3 FA C4 1D 7A 13 15 A1 92 28 D9 02 4C A1 64",
            "10 01 00 70 00 04 00 01 00 03 00 68 00 00 00 02
             41 2B 48 9A EB D7 EC C7 D0 89 66 F2 6B E7 CD 72 B2 31 A0 E9 21 0D 7C 91 B3 08 86 2B 03 44 C4 35
             79 93 EF 31 4C 49 3D AC E9 F0 2D 60 E7 E6 1C 84 B6 69 0A AF E9 D7 AE EA 92 CB BE 8A D5 99 42 2D
             52 A6 8E FD 8C FF BF 52 77 0B 8F 0F E8 EC 73 71 65 83 AF 6D 61 1E B6 D1 79 B3 B2 08 40 98 54 49",
        ),
        (
            "10 01 00 30 00 02 00 01 00 04 00 28 00 00 00 01
             0F 1A 2D 58 D4 A3 E3 00 0F AD 3C E4 90 6E 07 B7 07 AA 9E 44 1C CE AC 5C BD 7B 2C C1 C9 D8 6C DF",
            "58 26 B6 29 BD A5 9B 8E 6F D8 DC D2 62 2F D3 4C 53 48 05 A5 00 00 00 00 00 00 00 00 00 00 00 00",
            "4B 31 28 F4 39 25 D9 00 6E EF B1 C4 E8 65 15 A1 D8 8E 56 BA B3 CA 2B DF 03 73 B7 F5 A8 A1 3B 19",
            "10 01 00 70 00 04 00 01 00 03 00 68 00 00 00 01
             0F 1A 2D 58 D4 A3 E3 00 0F AD 3C E4 90 6E 07 B7 07 AA 9E 44 1C CE AC 5C BD 7B 2C C1 C9 D8 6C DF
             58 26 B6 29 BD A5 9B 8E 6F D8 DC D2 62 2F D3 4C 53 48 05 A5 00 00 00 00 00 00 00 00 00 00 00 00
             69 91 5D D5 83 D8 06 2F EF 16 F6 1D B2 F0 32 90 EC 27 CB 6C 00 00 00 00 00 00 00 00 00 00 00 00",
        ),
    ];
    let hex = |text: &str| -> Vec<u8> {
        text.split_whitespace().map(|octet| u8::from_str_radix(octet, 16).unwrap()).collect()
    };
    for (ack, cert_hash, hlak, connected) in examples {
        assert_eq!(octets(&request()), hex("10 01 00 0E 00 01 00 01 00 01 00 06 00 01"));
        let mut bench = Bench::begin();
        bench.receive_octets(&hex(ack));
        assert_eq!(bench.call.state(), ClientConnectAckReceived);
        // the example gives the hash of the certificate, not the certificate
        let cert_hash = hex(cert_hash).try_into().unwrap();
        let hlak = Hlak::from_key_material(&hex(hlak));
        let message = call_connected(bench.call.hash_protocol, bench.call.nonce, cert_hash, &hlak);
        assert_eq!(octets(&message), hex(connected));
    }
}

#[test]
fn call_connected_binds_the_certificate_of_the_connection() {
    for (bitmask, chosen) in
        [(1, HashProtocol::Sha1), (2, HashProtocol::Sha256), (3, HashProtocol::Sha256), (0xff, HashProtocol::Sha256)]
    {
        let mut bench = Bench::begin();
        bench.receive(&ack(bitmask));
        assert_eq!(bench.call.poll_event(), Some(Event::ConnectAck));
        let hlak = Hlak::from_key_material(&[7; 32]);
        bench.call.authenticated(bench.now, &hlak);
        let sent = bench.sent();
        let expected = call_connected(chosen, NONCE, certificate_hash(chosen, CERTIFICATE), &hlak);
        assert_eq!(sent, [expected]);
        // a second authentication on the same call changes nothing
        bench.call.authenticated(bench.now, &Hlak::zero());
        assert_eq!(bench.sent(), []);
    }
}

#[test]
fn without_a_hash_that_we_know_the_call_is_aborted() {
    for bitmask in [0x00, 0x04, 0xfc] {
        let mut bench = Bench::begin();
        bench.receive(&ack(bitmask));
        let status = StatusInfo::new(attribute::CRYPTO_BINDING_REQ, Status::VALUE_NOT_SUPPORTED);
        assert_eq!(bench.sent(), [ControlMessage::CallAbort(Some(status))]);
        assert_eq!(bench.call.poll_event(), None, "PPP does not begin");
        bench.over_after(ABORT_TIMER_1, End::NoHashProtocol(bitmask));
    }
}

#[test]
fn nothing_is_authenticated_before_the_server_took_the_call() {
    for state in [ClientConnectRequestSent, CallAbortPending, CallDisconnectAckPending, ClientCallDisconnected] {
        let mut bench = Bench::in_state(state);
        bench.call.authenticated(bench.now, &Hlak::zero());
        assert_eq!((bench.sent(), bench.call.state()), (vec![], state));
    }
}

#[test]
fn what_may_pass_in_which_state() {
    for (state, control, data) in [
        (ClientConnectRequestSent, false, false),
        (ClientConnectAckReceived, true, false),
        (ClientCallConnected, true, true),
        (CallAbortPending, false, false),
        (CallAbortTimeoutPending, false, false),
        (CallDisconnectAckPending, false, false),
        (CallDisconnectTimeoutPending, false, false),
        (ClientCallDisconnected, false, false),
    ] {
        let call = Bench::in_state(state).call;
        assert_eq!((call.passes_control(), call.passes_data()), (control, data), "{state:?}");
    }
}

#[test]
fn a_server_that_refuses_is_asked_three_times_more() {
    let mut bench = Bench::begin();
    for _ in 0..CONNECT_RETRIES {
        // MS-SSTP 3.2.5.3.3: the negotiation timer begins anew
        bench.pass(Duration::from_secs(59));
        bench.receive(&nak());
        assert_eq!(bench.sent(), [request()]);
    }
    bench.receive(&nak());
    assert_eq!(bench.sent(), [abort(Status::RETRY_COUNT_EXCEEDED)]);
    bench.over_after(ABORT_TIMER_1, End::ConnectNak(Some(Status::VALUE_NOT_SUPPORTED)));
}

#[test]
fn a_server_that_refuses_once_may_take_the_call() {
    let mut bench = Bench::begin();
    bench.receive(&nak());
    bench.receive(&ack(2));
    assert_eq!(bench.call.poll_event(), Some(Event::ConnectAck));
}

/// MS-SSTP 2.2.8, its note 2: servers abort the call when they have refused it too often.
#[test]
fn a_server_that_is_tired_of_refusing() {
    let mut bench = Bench::begin();
    bench.receive(&nak());
    bench.receive(&abort(Status::RETRY_COUNT_EXCEEDED));
    bench.over_after(ABORT_TIMER_2, End::ConnectNak(Some(Status::VALUE_NOT_SUPPORTED)));
}

#[test]
fn a_server_that_does_not_answer() {
    let mut bench = Bench::begin();
    bench.pass(NEGOTIATION_TIMER - Duration::from_millis(1));
    assert_eq!(bench.sent(), []);
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.sent(), [abort(Status::NEGOTIATION_TIMEOUT)]);
    bench.over_after(ABORT_TIMER_1, End::NegotiationTimeout);
    // nor PPP come to an end
    let mut bench = Bench::in_state(ClientConnectAckReceived);
    bench.pass(Duration::from_secs(30));
    bench.call.heard(bench.now);
    bench.pass(Duration::from_secs(30));
    assert_eq!(bench.sent(), [abort(Status::NEGOTIATION_TIMEOUT)]);
    // and it answers the abort
    bench.receive(&ABORT);
    bench.over_after(ABORT_TIMER_2, End::NegotiationTimeout);
}

#[test]
fn an_idle_call_is_asked_for_signs_of_life() {
    let mut bench = Bench::in_state(ClientCallConnected);
    for _ in 0..10 {
        bench.pass(HELLO_TIMER);
        assert_eq!(bench.sent(), [ControlMessage::EchoRequest]);
        bench.pass(Duration::from_secs(59));
        bench.receive(&ControlMessage::EchoResponse);
    }
    // data is as good as an answer: SoftEther never gives one
    for _ in 0..10 {
        bench.pass(HELLO_TIMER);
        assert_eq!(bench.sent(), [ControlMessage::EchoRequest]);
        bench.pass(Duration::from_secs(59));
        bench.call.heard(bench.now);
    }
    for _ in 0..100 {
        bench.pass(Duration::from_secs(59));
        bench.call.heard(bench.now);
    }
    assert_eq!(bench.sent(), []);
    // MS-SSTP 3.1.2.3: no Call Abort where nobody would hear it
    bench.over_after(2 * HELLO_TIMER, End::Silent(2 * HELLO_TIMER));
    assert_eq!(bench.sent(), [ControlMessage::EchoRequest]);
}

#[test]
fn a_call_that_is_sent_into_is_asked_for_signs_of_life_sooner() {
    let mut bench = Bench::in_state(ClientCallConnected);
    bench.call = Call { liveness: Liveness::new(Patience::default(), bench.now), ..bench.call };
    bench.pass(Duration::from_secs(10));
    bench.call.sent(bench.now);
    bench.pass(Duration::from_millis(3750));
    assert_eq!(bench.sent(), [ControlMessage::EchoRequest]);
    bench.receive(&ControlMessage::EchoResponse);
    // nothing more was sent: it is idle
    bench.pass(Duration::from_secs(44));
    assert_eq!(bench.sent(), []);
    bench.call.sent(bench.now);
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.sent(), [ControlMessage::EchoRequest]);
    bench.over_after(Duration::from_secs(15), End::Silent(Duration::from_secs(60)));
}

#[test]
fn a_call_that_is_doubted_is_asked_at_once_and_given_up_without_an_answer() {
    let mut bench = Bench::in_state(ClientCallConnected);
    bench.call = Call { liveness: Liveness::new(Patience::default(), bench.now), ..bench.call };
    bench.pass(Duration::from_secs(10));
    bench.call.doubt(bench.now);
    assert_eq!(bench.sent(), [ControlMessage::EchoRequest]);
    bench.receive(&ControlMessage::EchoResponse);
    bench.pass(Duration::from_secs(44));
    assert_eq!(bench.sent(), []);
    bench.call.doubt(bench.now);
    assert_eq!(bench.sent(), [ControlMessage::EchoRequest]);
    bench.over_after(Duration::from_secs(15), End::Silent(Duration::from_secs(59)));
    // where there is no call, or no longer one, nobody is asked
    for state in [ClientConnectRequestSent, ClientConnectAckReceived, CallDisconnectAckPending, ClientCallDisconnected]
    {
        let mut bench = Bench::in_state(state);
        let timer = bench.call.poll_timeout();
        bench.call.doubt(bench.now);
        assert_eq!((bench.sent(), bench.call.poll_timeout()), (vec![], timer));
    }
}

#[test]
fn we_disconnect() {
    for state in [ClientConnectRequestSent, ClientConnectAckReceived, ClientCallConnected] {
        let mut bench = Bench::in_state(state);
        bench.call.disconnect(bench.now);
        assert_eq!(bench.sent(), [disconnect(Status::NO_ERROR)]);
        bench.call.disconnect(bench.now);
        bench.call.heard(bench.now);
        bench.receive(&ControlMessage::EchoRequest);
        assert_eq!(bench.sent(), []);
        bench.over_after(DISCONNECT_TIMER_1, End::Disconnected);
        let mut bench = Bench::in_state(state);
        bench.call.disconnect(bench.now);
        bench.receive(&ControlMessage::CallDisconnectAck);
        assert_eq!(bench.call.poll_event(), Some(Event::Over(End::Disconnected)));
        assert_eq!(bench.call.poll_timeout(), None);
    }
    // where the call ends anyway, it ends as it was going to
    for state in [CallAbortPending, CallAbortTimeoutPending, CallDisconnectTimeoutPending, ClientCallDisconnected] {
        let mut bench = Bench::in_state(state);
        let timer = bench.call.poll_timeout();
        bench.call.disconnect(bench.now);
        assert_eq!((bench.sent(), bench.call.state(), bench.call.poll_timeout()), (vec![], state, timer));
    }
}

#[test]
fn both_disconnect_at_once() {
    let mut bench = Bench::in_state(ClientCallConnected);
    bench.call.disconnect(bench.now);
    bench.receive(&disconnect(Status::NO_ERROR));
    assert_eq!(bench.sent(), [disconnect(Status::NO_ERROR), ControlMessage::CallDisconnectAck]);
    bench.over_after(DISCONNECT_TIMER_2, End::Disconnected);
}

#[test]
fn the_server_disconnects() {
    let mut bench = Bench::in_state(ClientCallConnected);
    bench.receive(&disconnect(Status::NO_ERROR));
    assert_eq!(bench.call.end(), Some(&End::DisconnectedByServer(Some(Status::NO_ERROR))));
    bench.receive(&abort(Status::INVALID_FRAME_RECEIVED));
    bench.over_after(DISCONNECT_TIMER_2, End::DisconnectedByServer(Some(Status::NO_ERROR)));
    assert_eq!(bench.sent(), [ControlMessage::CallDisconnectAck]);
}

#[test]
fn the_server_aborts() {
    let mut bench = Bench::in_state(ClientCallConnected);
    assert_eq!(bench.call.end(), None);
    bench.receive(&abort(Status::INVALID_FRAME_RECEIVED));
    assert_eq!(bench.call.end(), Some(&End::AbortedByServer(Some(Status::INVALID_FRAME_RECEIVED))));
    bench.receive(&abort(Status::NEGOTIATION_TIMEOUT));
    bench.receive(&disconnect(Status::NO_ERROR));
    bench.over_after(ABORT_TIMER_2, End::AbortedByServer(Some(Status::INVALID_FRAME_RECEIVED)));
    assert_eq!(bench.sent(), [abort(Status::NO_ERROR)]);
}

#[test]
fn what_cannot_be_accepted_is_answered_with_its_status() {
    for (octets, attribute_id, status, problem) in [
        (message("ConnectAck"), 0, Status::UNACCEPTED_FRAME_RECEIVED, "SSTP_MSG_CALL_CONNECT_ACK"),
        (message("Connected"), 0, Status::UNACCEPTED_FRAME_RECEIVED, "SSTP_MSG_CALL_CONNECTED"),
        (message("unreadable"), 0, Status::INVALID_FRAME_RECEIVED, "message type"),
        // an Echo Request with an attribute
        (vec![0x10, 1, 0, 12, 0, 8, 0, 1, 0, 9, 0, 4], 9, Status::ATTRIB_NOT_SUPPORTED_IN_MSG, "attribute"),
    ] {
        let mut bench = Bench::in_state(ClientCallConnected);
        bench.receive_octets(&octets);
        assert_eq!(bench.sent(), [ControlMessage::CallAbort(Some(StatusInfo::new(attribute_id, status)))]);
        let end = bench.call.end().cloned().unwrap();
        assert!(matches!(&end, End::Misbehaved(_)) && format!("{end:?}").contains(problem), "{end:?}");
        bench.over_after(ABORT_TIMER_1, end);
    }
}

/// What waits is handed over whole, and has to fit where one packet does.
#[test]
fn replies_to_a_server_that_does_not_read_are_bounded() {
    let mut bench = Bench::in_state(ClientCallConnected);
    for _ in 0..10_000 {
        bench.receive(&ControlMessage::EchoRequest);
    }
    bench.call.disconnect(bench.now);
    let packets = bench.call.poll_transmit().unwrap();
    assert!(packets.len() <= MAX_PACKET_LEN, "{}", packets.len());
    assert_eq!(packets.len() % 8, 0, "only whole packets");
    assert_eq!(bench.call.poll_transmit(), None);
}

#[test]
fn a_timeout_before_its_time_does_nothing() {
    for state in [
        ClientConnectRequestSent,
        ClientConnectAckReceived,
        ClientCallConnected,
        CallAbortPending,
        CallAbortTimeoutPending,
        CallDisconnectAckPending,
        CallDisconnectTimeoutPending,
        ClientCallDisconnected,
    ] {
        let mut bench = Bench::in_state(state);
        for _ in 0..10 {
            bench.call.handle_timeout(bench.now);
        }
        assert_eq!((bench.sent(), bench.call.state(), bench.call.poll_event()), (vec![], state, None));
    }
}
