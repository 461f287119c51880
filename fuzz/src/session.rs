//! A session with the test server, disturbed by whatever the input says: octets of its own between the server's, time that
//! passes, a driver that does not poll, ends of every kind.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use nm_sstp::datapath::TxBuf;
use nm_sstp::session::{Config, EapConfig, Event, Methods, Patience, Session};
use nm_sstp::wire::http::{MAX_RESPONSE_LEN, URI};
use nm_sstp::wire::ip::{self, IpVersion};
use nm_sstp::wire::ppp::{ADDRESS_CONTROL, ControlPacket, Protocol, code, parse_frame};
use nm_sstp::wire::sstp::{HEADER_LEN, Header, MAX_PACKET_LEN};
use sstp_test_server::{self as server, Behaviour, Method, Server, User};

use super::Reader;

const USER: &str = "alice";
const PASSWORD: &str = "correct horse";
const CERTIFICATE: &[u8] = b"the DER of a certificate";
/// Within this time after close() a session is over, whatever the server does: LCP 2 s, the call 5 s.
const CLOSING: Duration = Duration::from_secs(7);
/// Within this time after the last octet from the server a session is over by itself (MS-SSTP 3.1.2.3, twice 60 s; what
/// ends then takes as long as closing).
const SILENCE: Duration = Duration::from_secs(128);

/// Runs the session that the input describes; returns a digest of all that came out of it.
pub fn run(data: &[u8]) -> u64 {
    let mut input = Reader::new(data);
    let mut world = World::new(&mut input);
    world.drain();
    while !input.is_empty() && !world.closed {
        let operation = input.octet();
        world.operate(operation, &mut input);
        if operation & 0x80 == 0 {
            world.drain();
        }
    }
    world.end(input.coin());
    world.digest.finish()
}

struct World {
    client: Session,
    server: Server,
    now: Instant,
    start: Instant,
    tx: TxBuf,
    /// What the client has not consumed yet.
    received: Vec<u8>,
    /// What the client has sent and the server has not got yet.
    sent: Vec<u8>,
    /// Octets of `sent` that were looked through for requests; `None`: the HTTP request has not been passed.
    walked: Option<Vec<u8>>,
    /// The last Configure-Request of the client for each protocol.
    requests: Vec<(Protocol, u8, Vec<u8>)>,
    /// Octets that the client got and gave since it was last drained.
    got: usize,
    given: usize,
    pap: bool,
    closed: bool,
    digest: DefaultHasher,
}

impl World {
    fn new(input: &mut Reader<'_>) -> Self {
        #[allow(clippy::disallowed_methods, reason = "any moment will do: the clock is virtual from here on")]
        let now = Instant::now();
        let flags = input.octet();
        let flag = |bit: u8| flags & 1 << bit != 0;
        // mostly what people have: every method, IPv4
        let config = Config {
            uri: URI.to_owned(),
            host: "vpn.example.com".to_owned(),
            correlation_id: None,
            user_name: USER.to_owned(),
            anonymous_identity: None,
            password: PASSWORD.to_owned().into(),
            eap: EapConfig::default(),
            answers: Vec::new(),
            may_ask: false,
            http_cookie: None,
            server_verified: true,
            methods: Methods { pap: !flag(0), chap_md5: !flag(1), mschapv2: !flag(2), eap: flag(7) },
            mru: if flag(3) { u16::from(input.octet()) << 5 } else { 1500 },
            mtu: flag(3).then(|| u16::from(input.octet()) << 5),
            ipv4: !flag(4),
            ipv4_address: Ipv4Addr::UNSPECIFIED,
            ipv6: !flag(5),
            lcp_echo_interval: flag(6).then(|| Duration::from_secs(input.octet().into())),
            lcp_echo_failure: 3,
            patience: Patience::default(),
        };
        let pap = config.methods.pap;
        let method = input.one_of(&[Method::MsChapV2, Method::ChapMd5, Method::Pap]);
        let behaviours = match usize::from(input.octet()) {
            0..=127 => Vec::new(),
            number => vec![Behaviour::TABLE[number % Behaviour::TABLE.len()].0],
        };
        let server = server::Config {
            certificate: CERTIFICATE.to_vec(),
            users: vec![User { name: USER.to_owned(), password: PASSWORD.to_owned().into(), method: None }],
            methods: if flag(7) { vec![method] } else { vec![Method::MsChapV2, Method::ChapMd5, Method::Pap] },
            dns: vec![[10, 99, 0, 1].into()],
            ipv6: true,
            behaviours,
            ..server::Config::default()
        };
        World {
            client: Session::new(config, CERTIFICATE, [1; 32], now),
            server: Server::new(server, Some([10, 99, 0, 2].into()), [2; 32], now),
            now,
            start: now,
            tx: TxBuf::new(),
            received: Vec::new(),
            sent: Vec::new(),
            walked: None,
            requests: Vec::new(),
            got: 0,
            given: 0,
            pap,
            closed: false,
            digest: DefaultHasher::new(),
        }
    }

    fn operate(&mut self, operation: u8, input: &mut Reader<'_>) {
        match operation & 0x0f {
            0..=3 => {
                self.exchange();
            }
            4 => self.settle(),
            5 => {
                self.serve(|octets| {
                    if let Some(octet) = octets.get_mut(usize::from(input.octet())) {
                        *octet ^= input.octet();
                    }
                });
            }
            6 => self.give(input.counted()),
            7 => {
                let (kind, count) = (input.octet() % 12, input.octet() % 4);
                self.give_packet(true, &[&[0, kind, 0, count], input.counted()].concat());
            }
            8 => {
                let protocol = input.one_of(&[
                    Protocol::LCP,
                    Protocol::IPCP,
                    Protocol::IPV6CP,
                    Protocol::CHAP,
                    Protocol::PAP,
                    Protocol::CCP,
                    Protocol::EAP,
                    Protocol::IPV4,
                    Protocol::IPV6,
                    Protocol(0x002d),
                ]);
                let (code, identifier) = (input.octet() % 16, input.octet());
                self.give_frame(protocol, ControlPacket { code, identifier, data: input.counted() });
            }
            9 => self.reply(input),
            10 => self.pass_to_next_timer(),
            11 => self.pass(Duration::from_millis(100 * u64::from(input.octet()))),
            12 => self.client.close(self.now),
            13 => self.client.handle_eof(self.now),
            14 => self.datagrams(input.octet()),
            _ => self.server.close(self.now),
        }
    }

    /// Octets arrive at the client.
    fn give(&mut self, octets: &[u8]) {
        self.got += octets.len();
        self.received.extend_from_slice(octets);
        let digest = &mut self.digest;
        let consumed = self.client.handle_input(self.now, &mut self.received, |datagram| {
            let version = ip::version(datagram).expect("only datagrams are delivered");
            assert_eq!(ip::datagram_len(version, datagram), Ok(datagram.len()));
            assert!(datagram.len() <= MAX_PACKET_LEN - HEADER_LEN);
            datagram.hash(digest);
        });
        assert!(consumed <= self.received.len());
        self.received.drain(..consumed);
        assert!(self.received.len() <= MAX_RESPONSE_LEN, "what is not consumed is less than one message");
    }

    fn give_packet(&mut self, control: bool, body: &[u8]) {
        let length = (HEADER_LEN + body.len()).min(MAX_PACKET_LEN);
        let header = Header { control, length }.emit();
        self.give(&[&header, &body[..length - HEADER_LEN]].concat());
    }

    fn give_frame(&mut self, protocol: Protocol, packet: ControlPacket<'_>) {
        let mut frame = [&ADDRESS_CONTROL[..], &protocol.0.to_be_bytes()].concat();
        packet.emit(&mut frame);
        self.give_packet(false, &frame);
    }

    /// An answer to a Configure-Request of the client, which may fit or not.
    fn reply(&mut self, input: &mut Reader<'_>) {
        let Some((protocol, identifier, data)) = self.requests.get(usize::from(input.octet() % 3)).cloned() else {
            return;
        };
        let code = input.one_of(&[code::CONFIGURE_ACK, code::CONFIGURE_NAK, code::CONFIGURE_REJECT]);
        let data = match input.octet() % 4 {
            0 | 1 => data,
            2 => data[..data.len().min(usize::from(input.octet()))].to_vec(),
            _ => input.counted().to_vec(),
        };
        self.give_frame(protocol, ControlPacket { code, identifier, data: &data });
    }

    /// Everything that the client and the server have for each other, until they have nothing more.
    fn settle(&mut self) {
        for _ in 0..1000 {
            if !self.exchange() {
                return;
            }
        }
        panic!("they go on for ever");
    }

    /// What the client and the server have for each other now; `false` where that is nothing.
    fn exchange(&mut self) -> bool {
        self.drain();
        let sent = std::mem::take(&mut self.sent);
        self.server.handle_input(self.now, &sent, |_| {});
        self.serve(|_| {}) || !sent.is_empty()
    }

    /// What the server has for the client arrives, changed on the way; `false` where it has nothing.
    fn serve(&mut self, mut change: impl FnMut(&mut Vec<u8>)) -> bool {
        let (mut octets, mut any) = (Vec::new(), false);
        while self.server.poll_transmit(&mut octets) {
            any = true;
            change(&mut octets);
            self.give(&octets);
        }
        while self.server.poll_event().is_some() {}
        any
    }

    fn datagrams(&mut self, length: u8) {
        let length = 20 + usize::from(length);
        let mut datagram = vec![0x45; length];
        datagram[2..4].copy_from_slice(&(length as u16).to_be_bytes());
        self.server.send_datagram(&datagram);
        for version in [IpVersion::V4, IpVersion::V6] {
            if let Some(header) = self.client.data_header(version) {
                assert!(!self.closed);
                let room = self.tx.datagram_room(&header);
                let length = length.min(room.len());
                room[..length].copy_from_slice(&datagram[..length]);
                self.tx.commit_datagram(&header, length);
                self.client.sent(self.now);
            }
        }
    }

    fn pass_to_next_timer(&mut self) {
        let timers = [self.client.poll_timeout(), self.server.poll_timeout()];
        if let Some(next) = timers.into_iter().flatten().min() {
            self.pass(next.saturating_duration_since(self.now));
        }
    }

    /// Time passes; timers run out on the way.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let timers = [self.client.poll_timeout(), self.server.poll_timeout()];
            let next = timers.into_iter().flatten().min().filter(|next| *next <= end);
            self.now = next.unwrap_or(end).max(self.now);
            self.server.handle_timeout(self.now);
            self.timeout();
            if next.is_none() {
                return;
            }
        }
    }

    fn timeout(&mut self) {
        self.client.handle_timeout(self.now);
        assert!(self.client.poll_timeout().is_none_or(|at| at > self.now), "a timer that does not stop");
        self.got += 256;
    }

    /// What the calling contract demands after every call.
    fn drain(&mut self) {
        loop {
            let more = self.client.poll_transmit(self.now, &mut self.tx);
            if !more && self.tx.is_empty() {
                break;
            }
            let pending = self.tx.pending().to_vec();
            self.tx.consume(pending.len());
            self.given += pending.len();
            pending.hash(&mut self.digest);
            self.walk(&pending);
            self.sent.extend_from_slice(&pending);
        }
        assert!(self.given <= 16 * self.got + 16_384, "{} octets for {}", self.given, self.got);
        (self.got, self.given) = (0, 0);
        while let Some(event) = self.client.poll_event() {
            assert!(!self.closed, "{event:?} after the end");
            format!("{:?} {event:?}", self.now - self.start).hash(&mut self.digest);
            self.closed = matches!(event, Event::Closed(_));
        }
        let next = self.client.poll_timeout();
        assert!(next.is_none_or(|at| at >= self.now && at <= self.now + Duration::from_secs(3600)));
        assert!(next.is_some() || self.closed, "nothing to wait for, and not the end");
        if self.closed {
            assert!(next.is_none());
            assert!([IpVersion::V4, IpVersion::V6].iter().all(|version| self.client.data_header(*version).is_none()));
        }
    }

    /// Looks through what the client sends.
    fn walk(&mut self, octets: &[u8]) {
        let leaked = octets.windows(PASSWORD.len()).any(|octets| octets == PASSWORD.as_bytes());
        assert!(self.pap || !leaked, "the password goes over the wire");
        let Some(stream) = &mut self.walked else {
            // the HTTP request comes alone
            assert!(octets.starts_with(b"SSTP_DUPLEX_POST /") && octets.ends_with(b"\r\n\r\n"));
            self.walked = Some(Vec::new());
            return;
        };
        stream.extend_from_slice(octets);
        while let Some(header) = Header::parse(stream).expect("what we send can be read") {
            if stream.len() < header.length {
                break;
            }
            let packet: Vec<u8> = stream.drain(..header.length).collect();
            let frame = &packet[HEADER_LEN..];
            if header.control {
                continue;
            }
            let (protocol, at) = parse_frame(frame).expect("a frame");
            if protocol.is_data() {
                continue;
            }
            let packet = ControlPacket::parse(&frame[at..]).expect("a control packet");
            if packet.code == code::CONFIGURE_REQUEST {
                self.requests.retain(|(known, ..)| *known != protocol);
                self.requests.insert(0, (protocol, packet.identifier, packet.data.to_vec()));
            }
        }
    }

    /// The server says no more. A session that is told to close does so soon, and one that is not does, too.
    fn end(&mut self, close: bool) {
        self.drain();
        let since = self.now;
        if close {
            self.client.close(self.now);
        }
        let patience = if close { CLOSING } else { SILENCE };
        while !self.closed {
            self.drain();
            let Some(next) = self.client.poll_timeout() else { break };
            self.now = self.now.max(next);
            assert!(self.now - since <= patience, "it goes on for {:?}", self.now - since);
            self.timeout();
            self.drain();
        }
        assert!(self.closed);
        // from here on nothing moves it
        let answered = self.sent.len();
        self.give(&[0x10, 0x01, 0x00, 0x08, 0x00, 0x08, 0x00, 0x00]);
        self.client.close(self.now);
        self.client.handle_eof(self.now);
        self.client.handle_timeout(self.now + Duration::from_secs(1000));
        self.drain();
        assert_eq!(self.sent.len(), answered);
    }
}
