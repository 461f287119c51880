//! A server of which only the authentication is written by the test: everything before it goes as it should.

use std::time::{Duration, Instant};

use nm_sstp::datapath::TxBuf;
use nm_sstp::session::{AuthProtocol, Config, Error, Event, Session};
use nm_sstp::wire::eap::{EapMsChapV2, EapPacket, TlsPiece, eap_code, eap_type};
use nm_sstp::wire::ppp::{ADDRESS_CONTROL, ControlPacket, Protocol, code, parse_frame};
use nm_sstp::wire::sstp::{ControlMessage, CryptoBindingRequest, HEADER_LEN, Header};

use super::CERTIFICATE;

/// A control packet: code, identifier, data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet(pub u8, pub u8, pub Vec<u8>);

impl Packet {
    /// An EAP Request.
    pub fn request(identifier: u8, kind: u8, data: &[u8]) -> Self {
        Packet(eap_code::REQUEST, identifier, [&[kind], data].concat())
    }

    /// An EAP Request with a message of EAP-MSCHAPv2.
    pub fn mschapv2(identifier: u8, message: &EapMsChapV2<'_>) -> Self {
        Self::request(identifier, eap_type::MSCHAPV2, &message.emit())
    }

    /// An EAP Request with a piece of TLS.
    pub fn piece(identifier: u8, kind: u8, piece: TlsPiece<'_>) -> Self {
        Self::request(identifier, kind, &piece.emit())
    }

    /// The EAP packet that it is.
    pub fn eap(&self) -> EapPacket<'_> {
        EapPacket::parse(ControlPacket { code: self.0, identifier: self.1, data: &self.2 }).unwrap()
    }
}

/// What the server says of the authentication: first to nothing, when LCP is Opened, then to each packet of the
/// client's.
pub type Script<'s> = Box<dyn FnMut(Option<&Packet>) -> Vec<Packet> + 's>;

/// How a session ended.
#[derive(Debug)]
pub struct End {
    pub error: Error,
    /// When, on a clock that is virtual, since the authentication began.
    pub after: Duration,
    /// Packets of the authentication that the client sent.
    pub sent: usize,
}

/// A session with such a server, until it ends.
pub fn ends(config: Config, protocol: AuthProtocol, script: Script<'_>) -> End {
    let mut server = Scripted::new(config, protocol, script);
    for _ in 0..100_000 {
        server.settle();
        if let Some(result) = server.result.take() {
            let error = result.expect_err("it ends well");
            let began = server.began.expect("it came to the authentication");
            return End { error, after: server.now - began, sent: server.sent };
        }
        let next = server.client.poll_timeout().expect("something to wait for");
        server.now = server.now.max(next);
        server.client.handle_timeout(server.now);
    }
    panic!("it goes on for ever");
}

struct Scripted<'s> {
    client: Session,
    protocol: AuthProtocol,
    script: Script<'s>,
    now: Instant,
    began: Option<Instant>,
    tx: TxBuf,
    /// What the client sent and the server has not read.
    stream: Vec<u8>,
    sent: usize,
    result: Option<Result<(), Error>>,
}

impl<'s> Scripted<'s> {
    fn new(config: Config, protocol: AuthProtocol, script: Script<'s>) -> Self {
        #[allow(clippy::disallowed_methods, reason = "any moment will do: the clock is virtual from here on")]
        let now = Instant::now();
        Scripted {
            client: Session::new(config, CERTIFICATE, [1; 32], now),
            protocol,
            script,
            now,
            began: None,
            tx: TxBuf::new(),
            stream: Vec::new(),
            sent: 0,
            result: None,
        }
    }

    /// Lets the two talk until neither has anything to say.
    fn settle(&mut self) {
        for _ in 0..10_000 {
            while self.client.poll_transmit(self.now, &mut self.tx) {}
            while let Some(event) = self.client.poll_event() {
                if let Event::Closed(result) = event {
                    self.result = Some(result);
                }
            }
            self.stream.extend_from_slice(self.tx.pending());
            self.tx.consume(self.tx.pending().len());
            if self.stream.is_empty() {
                return;
            }
            let mut answer = self.read();
            let consumed = self.client.handle_input(self.now, &mut answer, |_| panic!("a datagram"));
            assert!(consumed == answer.len());
        }
        panic!("they talk without end");
    }

    /// Takes one message of the client's; returns the answer.
    fn read(&mut self) -> Vec<u8> {
        let mut answer = Vec::new();
        if self.stream.starts_with(b"SSTP_DUPLEX_POST") {
            self.stream.clear();
            return b"HTTP/1.1 200\r\n\r\n".to_vec();
        }
        let header = Header::parse(&self.stream).unwrap().unwrap();
        let packet: Vec<u8> = self.stream.drain(..header.length).collect();
        if !header.control {
            self.frame(&packet[HEADER_LEN..], &mut answer);
            return answer;
        }
        match ControlMessage::parse(&packet).unwrap() {
            ControlMessage::CallConnectRequest { .. } => {
                let binding = CryptoBindingRequest { hash_protocol_bitmask: 2, nonce: [7; 32] };
                ControlMessage::CallConnectAck(binding).emit(&mut answer);
            }
            ControlMessage::CallDisconnect(_) => ControlMessage::CallDisconnectAck.emit(&mut answer),
            ControlMessage::CallAbort(_) => ControlMessage::CallAbort(None).emit(&mut answer),
            _ => {}
        }
        answer
    }

    fn frame(&mut self, frame: &[u8], answer: &mut Vec<u8>) {
        let (protocol, at) = parse_frame(frame).unwrap();
        let ControlPacket { code, identifier, data } = ControlPacket::parse(&frame[at..]).unwrap();
        match (protocol, code) {
            (Protocol::LCP, code::CONFIGURE_REQUEST) => {
                push(answer, Protocol::LCP, &Packet(code::CONFIGURE_ACK, identifier, data.to_vec()));
                let auth = self.protocol.emit();
                let option = [&[3, auth.len() as u8 + 2], auth].concat();
                push(answer, Protocol::LCP, &Packet(code::CONFIGURE_REQUEST, 1, option));
            }
            (Protocol::LCP, code::CONFIGURE_ACK) => {
                self.began = Some(self.now);
                self.say(None, answer);
            }
            (Protocol::LCP, code::TERMINATE_REQUEST) => {
                push(answer, Protocol::LCP, &Packet(code::TERMINATE_ACK, identifier, Vec::new()));
            }
            (protocol, _) if protocol == self.protocol.protocol() => {
                self.sent += 1;
                self.say(Some(&Packet(code, identifier, data.to_vec())), answer);
            }
            _ => {}
        }
    }

    fn say(&mut self, heard: Option<&Packet>, answer: &mut Vec<u8>) {
        for packet in (self.script)(heard) {
            push(answer, self.protocol.protocol(), &packet);
        }
    }
}

/// Appends an SSTP data packet with this control packet.
fn push(out: &mut Vec<u8>, protocol: Protocol, Packet(code, identifier, data): &Packet) {
    let mut frame = [&ADDRESS_CONTROL[..], &protocol.0.to_be_bytes()].concat();
    ControlPacket { code: *code, identifier: *identifier, data }.emit(&mut frame);
    out.extend_from_slice(&Header { control: false, length: HEADER_LEN + frame.len() }.emit());
    out.extend_from_slice(&frame);
}
