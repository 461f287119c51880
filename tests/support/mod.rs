//! A session and a scripted server on a virtual clock.
//!
//! Nothing here waits: [`Pair`] moves octets between the two and jumps to the next moment at which one of them wants
//! something, so that a test of a minute's timers takes a millisecond.

#![allow(dead_code, reason = "every test uses a part of it")]

pub mod scripted;
pub mod words;

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use nm_sstp::datapath::TxBuf;
use nm_sstp::session::{
    Config, EapConfig, Error, Event, Methods, NetworkParameters, Patience, Phase, Question, Session,
};
use nm_sstp::wire::http::URI;
use nm_sstp::wire::ip::IpVersion;
use sstp_test_server as server;
use sstp_test_server::{Behaviour, Method, Server, User};
use zeroize::Zeroizing;

pub const USER: &str = "alice";
pub const PASSWORD: &str = "correct horse";
pub const CERTIFICATE: &[u8] = b"the DER of a certificate; the crypto binding hashes it and looks no further";
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 2);
pub const DNS: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 99, 0, 1), Ipv4Addr::new(10, 99, 0, 53)];

/// A client that may use every method.
pub fn client() -> Config {
    Config {
        uri: URI.to_owned(),
        host: "vpn.example.com".to_owned(),
        correlation_id: None,
        user_name: USER.to_owned(),
        anonymous_identity: None,
        password: Zeroizing::new(PASSWORD.to_owned()),
        eap: EapConfig::default(),
        answers: Vec::new(),
        may_ask: false,
        http_cookie: None,
        server_verified: true,
        methods: Methods { pap: true, chap_md5: true, mschapv2: true, eap: false },
        mru: 1500,
        mtu: None,
        ipv4: true,
        ipv4_address: Ipv4Addr::UNSPECIFIED,
        ipv6: true,
        lcp_echo_interval: None,
        lcp_echo_failure: 0,
        patience: Patience::default(),
    }
}

/// A server that misbehaves in these ways; see `sstp-test-server --help`.
pub fn server(behaviours: &str) -> server::Config {
    server::Config {
        certificate: CERTIFICATE.to_vec(),
        users: vec![User { name: USER.to_owned(), password: Zeroizing::new(PASSWORD.to_owned()), method: None }],
        dns: DNS.to_vec(),
        ipv6: true,
        behaviours: behaviours.split_whitespace().map(|name| name.parse::<Behaviour>().unwrap()).collect(),
        ..server::Config::default()
    }
}

/// A server that asks for one method only.
pub fn server_with(method: Method) -> server::Config {
    server::Config { methods: vec![method], ..server("") }
}

/// Octets on their way; `None` is the end of the stream.
struct Flight {
    arrival: Instant,
    to_client: bool,
    octets: Option<Vec<u8>>,
}

/// Something on the way that may change what passes.
pub type Tamper = Box<dyn FnMut(&mut Vec<u8>)>;

/// Both ends of a connection.
pub struct Pair {
    pub client: Session,
    pub server: Server,
    /// Time for octets from one end to the other.
    pub delay: Duration,
    /// At most so many octets reach the client at once.
    pub chunk: usize,
    /// What happens to octets of the client before they reach the server.
    pub tamper: Tamper,
    /// What the client told, and when, from the start.
    pub events: Vec<(Duration, Event)>,
    pub server_events: Vec<server::Event>,
    /// All that the client sent.
    pub sent: Vec<u8>,
    /// All that reached it.
    pub received: Vec<u8>,
    /// Datagrams that the client delivered.
    pub delivered: Vec<Vec<u8>>,
    /// Datagrams that the server delivered, but for those of the next field.
    pub server_delivered: Vec<Vec<u8>>,
    /// What the client itself asked the network behind the server.
    pub asked_network: Vec<Vec<u8>>,
    /// Questions that [`asked`](Self::asked) has returned.
    questions: usize,
    start: Instant,
    now: Instant,
    tx: TxBuf,
    rx: Vec<u8>,
    flights: VecDeque<Flight>,
    server_closed: bool,
}

impl Pair {
    pub fn new(client: Config, server: server::Config) -> Self {
        #[allow(clippy::disallowed_methods, reason = "any moment will do: the clock is virtual from here on")]
        let now = Instant::now();
        Pair {
            client: Session::new(client, CERTIFICATE, [1; 32], now),
            server: Server::new(server, Some(ADDRESS), [2; 32], now),
            delay: Duration::ZERO,
            chunk: usize::MAX,
            tamper: Box::new(|_| {}),
            events: Vec::new(),
            server_events: Vec::new(),
            sent: Vec::new(),
            received: Vec::new(),
            delivered: Vec::new(),
            server_delivered: Vec::new(),
            asked_network: Vec::new(),
            questions: 0,
            start: now,
            now,
            tx: TxBuf::new(),
            rx: Vec::new(),
            flights: VecDeque::new(),
            server_closed: false,
        }
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// Goes on until the client is up; panics where it closes instead.
    pub fn up(&mut self) -> NetworkParameters {
        self.run(|pair| pair.events.iter().any(|(_, event)| matches!(event, Event::Up(_) | Event::Closed(_))));
        match self.events.iter().find_map(|(_, event)| if let Event::Up(up) = event { Some(up.clone()) } else { None })
        {
            Some(parameters) => parameters,
            None => panic!("not up: {:?}\nserver: {:?}", self.events, self.server_events),
        }
    }

    /// Goes on until the client asks something that was not looked at before; panics where it closes instead.
    pub fn asked(&mut self) -> Question {
        let seen = self.questions;
        let question = |pair: &Pair| {
            let mut questions = pair.events.iter().filter_map(|(_, event)| match event {
                Event::Asks(question) => Some(question.clone()),
                _ => None,
            });
            questions.nth(seen)
        };
        self.run(|pair| question(pair).is_some() || pair.result().is_some());
        self.questions += 1;
        question(self).unwrap_or_else(|| panic!("nothing was asked: {:?}", self.events))
    }

    /// A person answers.
    pub fn answer(&mut self, answer: &str) {
        self.client.answer(self.now, &Zeroizing::new(answer.to_owned()));
        self.settle();
    }

    /// Goes on until the client is closed.
    pub fn closed(&mut self) -> Result<(), Error> {
        self.run(|pair| pair.result().is_some());
        self.result().unwrap_or_else(|| panic!("not closed: {:?}", self.events))
    }

    /// How the client ended, if it did. It does so once.
    pub fn result(&self) -> Option<Result<(), Error>> {
        let mut ends = self.events.iter().filter_map(|(_, event)| match event {
            Event::Closed(result) => Some(result.clone()),
            _ => None,
        });
        let end = ends.next();
        assert!(ends.next().is_none(), "closed twice: {:?}", self.events);
        end
    }

    /// The phases that the client went through, and when.
    pub fn phases(&self) -> Vec<(Duration, Phase)> {
        let phase = |(at, event): &(Duration, Event)| match event {
            Event::Phase(phase) => Some((*at, *phase)),
            _ => None,
        };
        self.events.iter().filter_map(phase).collect()
    }

    /// Goes on for that long.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.now = end;
    }

    /// Tells the client to close, and lets it work.
    pub fn close(&mut self) {
        self.client.close(self.now);
        self.settle();
    }

    /// Tells the server to close, and lets it work.
    pub fn close_server(&mut self) {
        self.server.close(self.now);
        self.settle();
    }

    /// The connection breaks: both ends see its end.
    pub fn cut(&mut self) {
        self.flights.clear();
        self.client.handle_eof(self.now);
        self.settle();
    }

    /// TCP gives up what the server has not acknowledged.
    pub fn give_up(&mut self) {
        self.flights.clear();
        self.client.handle_unanswered(self.now);
        self.settle();
    }

    /// Gives octets to the client as if they had come from the server.
    pub fn inject(&mut self, octets: &[u8]) {
        self.client_receives(octets);
        self.settle();
    }

    /// Sends a datagram from the network behind the server; `false` where none may be sent.
    pub fn send_from_network(&mut self, datagram: &[u8]) -> bool {
        let sent = self.server.send_datagram(datagram);
        self.settle();
        sent
    }

    /// The last parameters that the client announced, and how often it did.
    pub fn announced(&self) -> (Option<NetworkParameters>, usize) {
        let announced = self.events.iter().filter_map(|(_, event)| match event {
            Event::Up(parameters) | Event::Changed(parameters) => Some(parameters),
            _ => None,
        });
        (announced.clone().next_back().cloned(), announced.count())
    }

    /// Sends a datagram from the client; `false` where none may be sent.
    pub fn send(&mut self, version: IpVersion, datagram: &[u8]) -> bool {
        let Some(header) = self.client.data_header(version) else { return false };
        self.tx.datagram_room(&header)[..datagram.len()].copy_from_slice(datagram);
        self.tx.commit_datagram(&header, datagram.len());
        self.client.sent(self.now);
        self.settle();
        true
    }

    fn run(&mut self, done: impl Fn(&Pair) -> bool) {
        let limit = self.now + Duration::from_secs(600);
        self.settle();
        while !done(self) && self.step(limit) {}
    }

    /// Moves to the next moment at which something happens; `false` where there is none before the limit.
    fn step(&mut self, limit: Instant) -> bool {
        self.settle();
        let flight = self.flights.front().map(|flight| flight.arrival);
        let server = self.server.poll_timeout().filter(|_| !self.server_closed);
        let next = [self.client.poll_timeout(), server, flight].into_iter().flatten().min();
        let Some(next) = next.filter(|next| *next <= limit) else { return false };
        self.now = self.now.max(next);
        while self.flights.front().is_some_and(|flight| flight.arrival <= self.now) {
            if let Some(flight) = self.flights.pop_front() {
                self.arrive(flight);
            }
        }
        self.client.handle_timeout(self.now);
        if !self.server_closed {
            self.server.handle_timeout(self.now);
        }
        self.settle();
        true
    }

    fn arrive(&mut self, flight: Flight) {
        match (flight.to_client, flight.octets) {
            (true, Some(octets)) => self.client_receives(&octets),
            (true, None) => self.client.handle_eof(self.now),
            (false, _) if self.server_closed => {}
            (false, Some(mut octets)) => {
                (self.tamper)(&mut octets);
                let (delivered, asked) = (&mut self.server_delivered, &mut self.asked_network);
                self.server.handle_input(self.now, &octets, |datagram| {
                    if is_question(datagram) {
                        asked.push(datagram.to_vec())
                    } else {
                        delivered.push(datagram.to_vec())
                    }
                });
            }
            (false, None) => self.server.handle_eof(),
        }
    }

    fn client_receives(&mut self, octets: &[u8]) {
        self.received.extend_from_slice(octets);
        for piece in octets.chunks(self.chunk) {
            self.rx.extend_from_slice(piece);
            let delivered = &mut self.delivered;
            let deliver = |datagram: &mut [u8]| delivered.push(datagram.to_vec());
            let consumed = self.client.handle_input(self.now, &mut self.rx, deliver);
            self.rx.drain(..consumed);
        }
    }

    /// What the calling contracts of both ends demand after every call; octets that take no time arrive at once.
    fn settle(&mut self) {
        loop {
            while self.client.poll_transmit(self.now, &mut self.tx) {}
            while let Some(event) = self.client.poll_event() {
                self.events.push((self.now - self.start, event));
            }
            if !self.tx.is_empty() {
                let octets = self.tx.pending().to_vec();
                self.tx.consume(octets.len());
                self.sent.extend_from_slice(&octets);
                self.fly(false, Some(octets));
            }
            let mut octets = Vec::new();
            while self.server.poll_transmit(&mut octets) && !self.server_closed {
                self.fly(true, Some(octets.clone()));
            }
            while let Some(event) = self.server.poll_event() {
                if matches!(event, server::Event::Closed(_)) {
                    self.server_closed = true;
                    self.fly(true, None);
                }
                self.server_events.push(event);
            }
            if self.flights.front().is_none_or(|flight| flight.arrival > self.now) {
                return;
            }
            if let Some(flight) = self.flights.pop_front() {
                self.arrive(flight);
            }
        }
    }

    fn fly(&mut self, to_client: bool, octets: Option<Vec<u8>>) {
        self.flights.push_back(Flight { arrival: self.now + self.delay, to_client, octets });
    }
}

/// Whether the client itself asks the network something: DHCP, a router solicitation or DHCPv6.
fn is_question(datagram: &[u8]) -> bool {
    match datagram[0] >> 4 {
        4 => datagram[9] == 17 && datagram[22..24] == [0, 67],
        _ => matches!((datagram[6], datagram[40]), (58, 133)) || datagram[6] == 17 && datagram[42..44] == [2, 35],
    }
}

/// An IPv4 datagram of that many octets, at least 20, which the data path takes for good.
pub fn datagram(length: u16, fill: u8) -> Vec<u8> {
    let mut datagram = vec![fill; usize::from(length)];
    datagram[0] = 0x45;
    datagram[2..4].copy_from_slice(&length.to_be_bytes());
    datagram
}
