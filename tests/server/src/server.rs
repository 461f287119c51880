//! One connection: HTTP, then SSTP, then PPP, in one owner.

mod advance;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nm_sstp::crypto::Entropy;
use nm_sstp::wire::ip::{self, IpVersion};
use nm_sstp::wire::ppp::{Protocol, parse_frame};
use nm_sstp::wire::sstp::{HEADER_LEN, Header};

use crate::behaviour::Phase;
use crate::call::Call;
use crate::http::{self, Request};
use crate::lcp::ClientOptions;
use crate::link::Link;
use crate::output::Output;
use crate::quirks::{Fate, Quirks};
use crate::{Closed, Config, Event};

/// How long the client may take for its HTTP request.
const HTTP_TIMER: Duration = Duration::from_secs(60);
/// Octets that may wait to be written before a client that asks without reading is left.
const MAX_QUEUE: usize = 16 << 20;

/// A server that serves one client.
///
/// # The calling contract
/// Feed it with [`handle_input`](Self::handle_input), [`handle_eof`](Self::handle_eof) and, when
/// [`poll_timeout`](Self::poll_timeout) has come, [`handle_timeout`](Self::handle_timeout). After each of them, and
/// after [`close`](Self::close) and [`send_datagram`](Self::send_datagram), write what
/// [`poll_transmit`](Self::poll_transmit) gives until it gives nothing, then take events from
/// [`poll_event`](Self::poll_event) until there are none. After [`Event::Closed`], close the connection.
///
/// With [`Config::radius`], also send what [`poll_radius`](Self::poll_radius) gives, each in a datagram of its own, from
/// a socket of this connection, and feed [`handle_radius`](Self::handle_radius) with what comes back to that.
pub struct Server {
    config: Arc<Config>,
    quirks: Quirks,
    entropy: Entropy,
    address: Option<Ipv4Addr>,
    phase: Phase,
    progress: Progress,
    /// `None` until the HTTP request is accepted.
    call: Option<Call>,
    link: Link,
    /// The start of a packet, or of the request, whose rest has not arrived.
    input: Vec<u8>,
    output: Output,
    events: VecDeque<Event>,
    http_timer: Option<Instant>,
    /// When the behaviours of [`Phase::Up`] act.
    up_timer: Option<Instant>,
    late: Vec<(Instant, Late)>,
    /// The addresses that events have told about.
    announced: (Option<Ipv4Addr>, Option<Ipv6Addr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Running,
    /// Nothing is sent or handled any more, but the connection stays.
    Silent,
    Closed,
}

/// A control frame that is held back: protocol and information field.
enum Late {
    Inbound(Protocol, Vec<u8>),
    Outbound(Protocol, Vec<u8>),
}

impl Server {
    /// A server whose client has just completed the TLS handshake. `address` is what the client will get in the tunnel;
    /// without one it is refused by HTTP 503. `entropy` must come from the system's random source, except in tests.
    pub fn new(config: impl Into<Arc<Config>>, address: Option<Ipv4Addr>, entropy: [u8; 32], now: Instant) -> Self {
        let mut config = config.into();
        if !config.behaviours.is_empty() {
            config = Arc::new(config.effective());
        }
        let mut entropy = Entropy::new(entropy);
        let quirks = Quirks::new(&config.behaviours);
        let output = Output::new(quirks.split());
        Server {
            link: Link::new(config.clone(), address.unwrap_or(Ipv4Addr::UNSPECIFIED), entropy.fork()),
            config,
            quirks,
            entropy,
            address,
            phase: Phase::Tls,
            progress: Progress::Running,
            call: None,
            input: Vec::new(),
            output,
            events: VecDeque::new(),
            http_timer: Some(now + HTTP_TIMER),
            up_timer: None,
            late: Vec::new(),
            announced: (None, None),
        }
    }

    /// How far the connection has come.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Octets that wait to be written.
    pub fn queued(&self) -> usize {
        self.output.len()
    }

    /// Handles octets from the client, in any pieces; `deliver` gets every IP datagram in them, in order.
    pub fn handle_input(&mut self, now: Instant, input: &[u8], mut deliver: impl FnMut(&[u8])) {
        if self.progress != Progress::Running {
            return;
        }
        if self.input.is_empty() {
            let consumed = self.walk(now, input, &mut deliver);
            self.input.extend_from_slice(&input[consumed..]);
        } else {
            let mut stream = std::mem::take(&mut self.input);
            stream.extend_from_slice(input);
            let consumed = self.walk(now, &stream, &mut deliver);
            stream.drain(..consumed);
            self.input = stream;
        }
        if self.output.len() > MAX_QUEUE {
            self.finish(Closed::NotReading);
        }
    }

    /// Handles what is complete at the start of the stream; returns how much that was.
    fn walk(&mut self, now: Instant, stream: &[u8], deliver: &mut impl FnMut(&[u8])) -> usize {
        let mut at = 0;
        if self.call.is_none() {
            at = self.handle_http(now, stream);
        } else if let Some(call) = &mut self.call {
            call.heard(now);
        }
        while self.progress == Progress::Running && self.call.is_some() {
            let rest = &stream[at..];
            let header = match Header::parse(rest) {
                Ok(Some(header)) if header.length <= rest.len() => header,
                Ok(_) => return at,
                Err(error) => {
                    self.finish(Closed::Garbled(error.to_string()));
                    return stream.len();
                }
            };
            let packet = &rest[..header.length];
            at += header.length;
            if header.control {
                self.handle_control(now, packet);
            } else {
                self.handle_data(now, &packet[HEADER_LEN..], deliver);
            }
        }
        if self.progress == Progress::Running { at } else { stream.len() }
    }

    fn handle_http(&mut self, now: Instant, stream: &[u8]) -> usize {
        match Request::parse(stream) {
            Ok(None) => 0,
            Ok(Some(request)) => {
                let id = request.correlation_id.as_deref().unwrap_or("none");
                self.note(format!("request for host '{}', correlation ID {id}", request.host));
                if self.config.tenant.is_some() && self.config.tenant != request.tenant {
                    self.output.push(&http::refuse("404 Not Found"), &[]);
                    self.finish(Closed::HttpRefused("there is no such tenant".to_owned()));
                } else if self.accepts_cookie(request.cookie.as_deref()) {
                    self.accept_http(now);
                } else {
                    self.finish(Closed::HttpRefused("the cookie is wrong".to_owned()));
                }
                stream.len()
            }
            Err(refused) => {
                self.output.push(&http::refuse(refused.status), &[]);
                self.finish(Closed::HttpRefused(refused.to_string()));
                stream.len()
            }
        }
    }

    /// Whether a request with this cookie may go on; the right one is worth an authentication (MS-SSTP 3.3.7.3).
    fn accepts_cookie(&mut self, cookie: Option<&str>) -> bool {
        let (Some(cookie), Some(right)) = (cookie, &self.config.bypass_cookie) else { return true };
        if cookie == right {
            self.note("the cookie is right: no authentication is asked for".to_owned());
            self.link.bypass_authentication();
            return true;
        }
        false
    }

    /// MS-SSTP 3.3.7.2.
    fn accept_http(&mut self, now: Instant) {
        self.http_timer = None;
        if self.enter(now, Phase::Http) {
            return;
        }
        if self.address.is_none() {
            self.output.push(&http::refuse("503 Service Unavailable"), &[]);
            return self.finish(Closed::HttpRefused("every address of the pool is in use".to_owned()));
        }
        let (answer, goes_on) = self.quirks.http_answer();
        self.output.push(&answer, &[]);
        if goes_on {
            let nonce = self.entropy.octets();
            self.call = Some(Call::new(self.config.clone(), nonce, self.quirks.naks_owed(), now));
        } else {
            self.finish(Closed::HttpRefused("as told".to_owned()));
        }
    }

    fn handle_control(&mut self, now: Instant, packet: &[u8]) {
        /// SSTP_MSG_CALL_CONNECT_REQUEST (MS-SSTP 2.2.9).
        const CALL_CONNECT_REQUEST: [u8; 2] = [0, 1];
        let is_request = packet.get(4..6) == Some(&CALL_CONNECT_REQUEST);
        if self.phase == Phase::Http && is_request && self.enter(now, Phase::Connect) {
            return;
        }
        self.with_call(now, |call, send| call.handle_packet(now, packet, send));
    }

    /// A PPP frame from the client (MS-SSTP 3.3.7.2).
    fn handle_data(&mut self, now: Instant, frame: &[u8], deliver: &mut impl FnMut(&[u8])) {
        let (protocol, at) = match parse_frame(frame) {
            Ok(found) => found,
            Err(error) => return self.note(format!("discarded: {error}")),
        };
        if !self.call.as_ref().is_some_and(|call| call.carries(protocol)) {
            return self.note(format!("discarded: protocol {:#06x} came too early", protocol.0));
        }
        let information = &frame[at..];
        let version = match protocol {
            Protocol::IPV4 => IpVersion::V4,
            Protocol::IPV6 => IpVersion::V6,
            _ => return self.handle_frame(now, protocol, information),
        };
        if self.link.carries(protocol)
            && let Ok(length) = ip::datagram_len(version, information)
        {
            deliver(&information[..length]);
        }
    }

    /// A control frame from the client.
    fn handle_frame(&mut self, now: Instant, protocol: Protocol, information: &[u8]) {
        let mut replies = Vec::new();
        let fate = self.quirks.inbound(protocol, information, &mut replies);
        for (protocol, reply) in replies {
            self.send_frame(protocol, &reply);
        }
        match fate {
            Fate::Pass => self.give_to_link(now, protocol, information),
            Fate::Lost => {}
            Fate::Late(delay) => self.late.push((now + delay, Late::Inbound(protocol, information.to_vec()))),
        }
    }

    fn give_to_link(&mut self, now: Instant, protocol: Protocol, information: &[u8]) {
        if !self.link.is_open() {
            self.link.open(now);
        }
        if let Err(error) = self.link.handle_frame(now, protocol, information) {
            self.note(format!("discarded: {error}"));
        }
        self.follow_link(now);
    }

    /// Sends a control frame, where the state of the call allows it (MS-SSTP 3.3.7.1).
    fn send_frame(&mut self, protocol: Protocol, information: &[u8]) {
        if !self.call.as_ref().is_some_and(|call| call.carries(protocol)) {
            return;
        }
        // RFC 1661 6.6: LCP is never compressed
        let client = if protocol == Protocol::LCP { ClientOptions::default() } else { self.link.client() };
        self.output.push_frame(protocol, information, client.acfc, client.pfc);
    }

    /// Sends an IP datagram to the client; returns whether it could: the call is connected, the datagram's family is
    /// up, and it is not longer than the client's MRU.
    pub fn send_datagram(&mut self, datagram: &[u8]) -> bool {
        let protocol = match ip::version(datagram) {
            Some(IpVersion::V4) => Protocol::IPV4,
            Some(IpVersion::V6) => Protocol::IPV6,
            None => return false,
        };
        let ready = self.progress == Progress::Running
            && self.link.carries(protocol)
            && self.call.as_ref().is_some_and(|call| call.carries(protocol));
        let client = self.link.client();
        if !ready || datagram.len() > usize::from(client.mru) {
            return false;
        }
        self.output.push_frame(protocol, datagram, client.acfc, client.pfc)
    }

    /// The next datagram for the RADIUS server, to be sent as it is; `None`: there is none.
    pub fn poll_radius(&mut self) -> Option<Vec<u8>> {
        self.link.poll_radius()
    }

    /// Handles a datagram from the RADIUS server.
    pub fn handle_radius(&mut self, now: Instant, datagram: &[u8]) {
        if self.progress == Progress::Running {
            self.link.handle_radius(now, datagram);
            self.follow_link(now);
        }
    }

    /// Puts what is to be written next into `write`, replacing what it held; returns whether there was something. The
    /// caller keeps `write` and gives it back: no memory is allocated per call.
    pub fn poll_transmit(&mut self, write: &mut Vec<u8>) -> bool {
        self.output.poll(write)
    }

    /// The next event, if there is one.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None`: there is nothing to wait for.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.progress != Progress::Running {
            return None;
        }
        let timers = [self.http_timer, self.up_timer, self.call.as_ref().and_then(Call::timer), self.link.timer()];
        let late = self.late.iter().map(|(at, _)| *at);
        timers.into_iter().flatten().chain(late).min()
    }

    /// Timers have expired; before that, nothing happens.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.progress != Progress::Running {
            return;
        }
        if self.http_timer.is_some_and(|timer| timer <= now) {
            return self.finish(Closed::HttpRefused("it did not come in time".to_owned()));
        }
        let (due, late) = std::mem::take(&mut self.late).into_iter().partition(|(at, _)| *at <= now);
        self.late = late;
        for (_, frame) in Vec::<(Instant, Late)>::into_iter(due) {
            match frame {
                Late::Inbound(protocol, information) => self.give_to_link(now, protocol, &information),
                Late::Outbound(protocol, information) => self.send_frame(protocol, &information),
            }
        }
        self.link.handle_timeout(now);
        self.follow_link(now);
        self.with_call(now, |call, send| call.handle_timeout(now, send));
        if self.up_timer.is_some_and(|timer| timer <= now) {
            self.up_timer = None;
            self.misbehave(now, Phase::Up);
        }
    }

    /// The client closed the TCP connection, or it broke.
    pub fn handle_eof(&mut self) {
        match &mut self.call {
            Some(call) => {
                let closed = call.lower_layer_down();
                self.finish(closed);
            }
            None => self.finish(Closed::ClientGone),
        }
    }

    /// Ends the connection: LCP Terminate-Request, then Call Disconnect, each with its timers.
    pub fn close(&mut self, now: Instant) {
        match &self.call {
            _ if self.progress == Progress::Closed => {}
            _ if self.progress == Progress::Silent => self.finish(Closed::BrokenOff),
            None => self.finish(Closed::Disconnected("the server is stopping".to_owned())),
            Some(_) if self.link.is_open() => {
                self.link.close(now, "the server is stopping");
                self.follow_link(now);
            }
            Some(_) => self.with_call(now, |call, send| {
                call.disconnect(now, "the server is stopping".to_owned(), send);
                None
            }),
        }
    }

    fn finish(&mut self, closed: Closed) {
        if self.progress != Progress::Closed {
            self.progress = Progress::Closed;
            self.events.push_back(Event::Closed(closed));
        }
    }

    fn note(&mut self, text: String) {
        self.events.push_back(Event::Note(text));
    }
}
