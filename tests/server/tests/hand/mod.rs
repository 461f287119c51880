//! A client driven by hand: the wire formats one by one, and the client's PPP link. It does no more than a test tells it.

#![allow(dead_code, reason = "every test uses a part of it")]

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use nm_sstp::crypto::Entropy;
use nm_sstp::crypto::binding::{HashProtocol, Hlak, certificate_hash, compound_mac};
use nm_sstp::ppp::auth::{AuthProtocol, Credentials};
use nm_sstp::ppp::eap::EapConfig;
use nm_sstp::ppp::lcp::LcpConfig;
use nm_sstp::ppp::{self, NetworkParameters, Ppp};
use nm_sstp::wire::http::{Request, Response, URI};
use nm_sstp::wire::ppp::{ADDRESS_CONTROL, Protocol, parse_frame};
use nm_sstp::wire::sstp::{ControlMessage, CryptoBinding, HEADER_LEN, Header};
use sstp_test_server::{Behaviour, Config, Event, Server, User};

pub const CERTIFICATE: &[u8] = b"not a certificate, but it has a hash";
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 2);

/// A server with the user ann, and a client that talks to it.
pub struct Pair {
    pub now: Instant,
    pub server: Server,
    pub ppp: Ppp,
    /// What the server sent and the client has not read.
    pub stream: Vec<u8>,
    /// How many writes the server made.
    pub writes: usize,
    /// Control messages that the client has read and could parse.
    pub messages: Vec<ControlMessage>,
    /// Packets that the client has read, whole.
    pub packets: Vec<Vec<u8>>,
    /// PPP control frames that the client has read: when, protocol, information field.
    pub frames: Vec<(Instant, Protocol, Vec<u8>)>,
    pub events: Vec<Event>,
    /// Datagrams that came out at either end.
    pub at_server: Vec<Vec<u8>>,
    pub at_client: Vec<Vec<u8>>,
    pub hlak: Option<Hlak>,
    pub up: Option<NetworkParameters>,
    pub failure: Option<ppp::Failure>,
}

/// A configuration with the user ann and some behaviours.
pub fn config(behaviours: &[Behaviour]) -> Config {
    let user = User { name: "ann".to_owned(), password: "hunter2".to_owned().into(), method: None };
    Config {
        certificate: CERTIFICATE.to_vec(),
        users: vec![user],
        behaviours: behaviours.to_vec(),
        ..Config::default()
    }
}

impl Pair {
    /// A client with this password that accepts one method, or all.
    pub fn new(config: Config, password: &str, accept: &[AuthProtocol]) -> Self {
        #[allow(clippy::disallowed_methods, reason = "the start of the virtual clock")]
        let now = Instant::now();
        let lcp = LcpConfig {
            mru: 1400,
            compression: true,
            accept: accept.to_vec(),
            demand: Vec::new(),
            echo_interval: None,
            echo_failure: 0,
        };
        let credentials =
            Credentials { user_name: "ann".to_owned(), anonymous_identity: None, password: password.to_owned().into() };
        let client = ppp::Config {
            lcp,
            credentials,
            eap: EapConfig::default(),
            answers: Vec::new(),
            may_ask: false,
            bypassed: false,
            ipv4: Some(Ipv4Addr::UNSPECIFIED),
            ipv6: true,
        };
        Pair {
            now,
            server: Server::new(config, Some(ADDRESS), [1; 32], now),
            ppp: Ppp::new(client, Entropy::new([2; 32])),
            stream: Vec::new(),
            writes: 0,
            messages: Vec::new(),
            packets: Vec::new(),
            frames: Vec::new(),
            events: Vec::new(),
            at_server: Vec::new(),
            at_client: Vec::new(),
            hlak: None,
            up: None,
            failure: None,
        }
    }

    /// Sends octets to the server and takes what it answers.
    pub fn send(&mut self, octets: &[u8]) {
        let Pair { server, at_server, now, .. } = self;
        server.handle_input(*now, octets, |datagram| at_server.push(datagram.to_vec()));
        self.take();
    }

    /// Sends a control message.
    pub fn say(&mut self, message: &ControlMessage) {
        let mut packet = Vec::new();
        message.emit(&mut packet);
        self.send(&packet);
    }

    /// Takes what the server wants to write, and its events.
    pub fn take(&mut self) {
        let mut write = Vec::new();
        while self.server.poll_transmit(&mut write) {
            self.stream.extend_from_slice(&write);
            self.writes += 1;
        }
        self.events.extend(std::iter::from_fn(|| self.server.poll_event()));
    }

    /// The HTTP request; returns the status of the answer, 0 where there is none.
    pub fn request(&mut self) -> u16 {
        let mut request = Vec::new();
        Request { uri: URI, host: "vpn.example.com", correlation_id: [7; 16], cookie: None }.emit(&mut request);
        self.send(&request);
        let Ok(Some(response)) = Response::parse(&self.stream) else { return 0 };
        self.stream.drain(..response.length);
        response.status
    }

    /// Call Connect Request for PPP, and what comes back.
    pub fn call(&mut self) {
        self.say(&ControlMessage::CallConnectRequest { encapsulated_protocol: 1 });
        self.read();
    }

    /// Reads every whole packet that the server sent; PPP frames go to the link, which answers.
    pub fn read(&mut self) {
        while let Ok(Some(header)) = Header::parse(&self.stream)
            && header.length <= self.stream.len()
        {
            let packet: Vec<u8> = self.stream.drain(..header.length).collect();
            if header.control {
                self.read_control(&packet);
            } else {
                self.read_frame(&packet[HEADER_LEN..]);
            }
            self.packets.push(packet);
        }
    }

    fn read_control(&mut self, packet: &[u8]) {
        let Ok(message) = ControlMessage::parse(packet) else { return };
        if matches!(message, ControlMessage::CallConnectAck(_)) {
            self.ppp.lower_up(self.now, Duration::ZERO);
        }
        self.messages.push(message);
    }

    fn read_frame(&mut self, frame: &[u8]) {
        match parse_frame(frame) {
            Ok((Protocol::IPV4 | Protocol::IPV6, at)) => self.at_client.push(frame[at..].to_vec()),
            Ok((protocol, at)) => {
                self.frames.push((self.now, protocol, frame[at..].to_vec()));
                // what the link cannot read it discards
                let _ = self.ppp.handle_frame(self.now, protocol, &frame[at..]);
            }
            Err(_) => {}
        }
    }

    /// The link's frames go to the server, and the server's to the link, until both are quiet. Call Connected follows
    /// the authentication, unless the test wants to send its own.
    pub fn exchange(&mut self, connect: bool) {
        loop {
            self.read();
            let read = self.packets.len();
            while let Some(event) = self.ppp.poll_event() {
                match event {
                    ppp::Event::Authenticated(hlak) => {
                        self.hlak = Some(hlak);
                        if connect {
                            self.call_connected(|_| ());
                        }
                        self.ppp.open_network(self.now);
                    }
                    ppp::Event::Up(parameters) | ppp::Event::Changed(parameters) => self.up = Some(parameters),
                    ppp::Event::Finished(failure) => self.failure = failure,
                    ppp::Event::Phase(_) | ppp::Event::Asks(_) | ppp::Event::Notification(_) => {}
                }
            }
            let frames: Vec<_> = std::iter::from_fn(|| self.ppp.poll_frame()).collect();
            for frame in &frames {
                self.send_frame(frame.protocol, &frame.information);
            }
            self.read();
            if frames.is_empty() && self.packets.len() == read {
                return;
            }
        }
    }

    /// Sends one PPP frame.
    pub fn send_frame(&mut self, protocol: Protocol, information: &[u8]) {
        let header = Header { control: false, length: HEADER_LEN + 4 + information.len() }.emit();
        self.send(&[&header[..], &ADDRESS_CONTROL, &protocol.0.to_be_bytes(), information].concat());
    }

    /// Sends Call Connected, after `spoil` had a look at it. The Compound MAC is right for what `spoil` got.
    pub fn call_connected(&mut self, spoil: impl FnOnce(&mut CryptoBinding)) {
        let ack = |message: &ControlMessage| match message {
            ControlMessage::CallConnectAck(request) => Some(request.nonce),
            _ => None,
        };
        let protocol = HashProtocol::Sha256;
        let mut binding = CryptoBinding {
            hash_protocol: protocol.bit(),
            nonce: self.messages.iter().find_map(ack).expect("the call was accepted"),
            cert_hash: certificate_hash(protocol, CERTIFICATE),
            compound_mac: [0; 32],
        };
        let mut packet = Vec::new();
        ControlMessage::CallConnected(Box::new(binding.clone())).emit(&mut packet);
        let hlak = self.hlak.clone().unwrap_or_else(Hlak::zero);
        binding.compound_mac = compound_mac(protocol, &hlak, packet.as_slice().try_into().unwrap());
        spoil(&mut binding);
        self.say(&ControlMessage::CallConnected(Box::new(binding)));
    }

    /// Everything up to datagrams, as far as the server goes along.
    pub fn connect(&mut self) {
        if self.request() == 200 {
            self.call();
            self.exchange(true);
        }
    }

    /// Lets time pass, timer by timer, on both sides.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let next = [self.server.poll_timeout(), self.ppp.poll_timeout()].into_iter().flatten().min();
            self.now = next.map_or(end, |next| next.clamp(self.now, end));
            self.server.handle_timeout(self.now);
            self.ppp.handle_timeout(self.now);
            self.take();
            self.exchange(true);
            if next.is_none_or(|next| next > end) {
                return;
            }
        }
    }

    /// The end of the connection, as the server tells it.
    pub fn closed(&self) -> Option<String> {
        self.events.iter().find_map(|event| match event {
            Event::Closed(closed) => Some(closed.to_string()),
            _ => None,
        })
    }

    /// Whether the server sent a control frame of this protocol and code.
    pub fn got(&self, protocol: Protocol, code: u8) -> bool {
        self.count(protocol, code) > 0
    }

    /// How many control frames of this protocol and code the server sent.
    pub fn count(&self, protocol: Protocol, code: u8) -> usize {
        let of_kind = |frame: &&(Instant, Protocol, Vec<u8>)| frame.1 == protocol && frame.2.first() == Some(&code);
        self.frames.iter().filter(of_kind).count()
    }

    pub fn is_up(&self) -> bool {
        self.events.contains(&Event::Up { address: ADDRESS })
    }
}
