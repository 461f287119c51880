//! The session: HTTP, then SSTP, then PPP, in one owner.
//!
//! [`Session`] is sans-IO. The driver owns the TLS stream, the TUN device and the clock, and keeps this contract:
//!
//! 1. Octets from TLS go to [`handle_input`](Session::handle_input), its end to [`handle_eof`](Session::handle_eof), the
//!    passing of [`poll_timeout`](Session::poll_timeout) to [`handle_timeout`](Session::handle_timeout), a wish to end
//!    the session to [`close`](Session::close). Calls that come too early or too late do nothing.
//! 2. After each of them, and after [`Session::new`], the driver calls [`poll_transmit`](Session::poll_transmit) until
//!    it returns `false`, then [`poll_event`](Session::poll_event) until `None`, then
//!    [`poll_timeout`](Session::poll_timeout) once. Where the buffer is full it writes it out and polls again.
//! 3. Datagrams to send are put into the buffer by the driver behind
//!    [`data_header`](Session::data_header), and only where there is one; a batch of them is told by
//!    [`sent`](Session::sent).
//! 4. The last event is [`Event::Closed`]. What [`poll_transmit`](Session::poll_transmit) gave before it should still be
//!    written.
//!
//! Time and entropy come in by value: the same calls with the same arguments do the same things.

mod config;
mod error;
mod parameters;
mod trace;

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use tracing::{debug, warn};
use zeroize::Zeroizing;

pub use crate::crypto::binding::HashProtocol;
pub use crate::ppp::auth::{Answer, AuthProtocol, Question};
pub use crate::ppp::eap::{EapConfig, EapMethod, HlakRule, TtlsInner};
pub use crate::sstp::Patience;
pub use config::{Config, Methods};
#[cfg(all(test, feature = "service"))]
pub(crate) use error::samples::sentences as samples;
pub use error::{Error, Refusal};
pub use parameters::{Ipv4Parameters, Ipv6Parameters, NetworkParameters};

use crate::crypto::Entropy;
use crate::datapath::{DataHeader, TxBuf};
use crate::hostconf::{self, HostConf};
use crate::ppp::auth::Credentials;
use crate::ppp::lcp::LcpConfig;
use crate::ppp::{self, LowerDown, Ppp};
use crate::sstp::{self, Call, End, Misbehaviour};
use crate::wire::http::{NotHttp, Request, Response};
use crate::wire::ip::{self, IpVersion};
use crate::wire::ppp::{ADDRESS_CONTROL, Protocol, parse_frame};
use crate::wire::sstp::{HEADER_LEN, Header, MAX_PACKET_LEN};
use crate::wire::stranger::Stranger;

/// How long the server may take for its HTTP response.
pub const HTTP_TIMER: Duration = Duration::from_secs(30);
/// Packets that wait for the driver; what comes on top of them waits in the protocols, which are bounded.
const MAX_WAITING: usize = 32;

/// The largest datagram that fits a packet behind the longest header of its frame (MS-SSTP 2.2.3, RFC 1661 2), in octets.
pub const MAX_MTU: u16 = (MAX_PACKET_LEN - HEADER_LEN - ADDRESS_CONTROL.len() - 2) as u16;

/// How far a session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Phase {
    /// `SSTP_DUPLEX_POST` was sent, the response is awaited (MS-SSTP 3.2.4.1).
    Http,
    /// Call Connect Request was sent (MS-SSTP 3.2.5.3.2).
    CallConnect,
    /// LCP is negotiated (RFC 1661 3.4).
    LinkEstablishment,
    /// PPP authentication (RFC 1661 3.5).
    Authentication,
    /// IPCP and IPV6CP are negotiated (RFC 1661 3.6).
    NetworkLayerProtocol,
    /// Datagrams flow.
    Connected,
    /// The session is being taken down.
    Terminating,
}

/// What the session tells its owner.
#[derive(Debug)]
pub enum Event {
    /// The session has come to this phase.
    Phase(Phase),
    /// The authentication goes on with a person's [`answer`](Session::answer), which must come before the server's
    /// patience ends: 60 seconds after the call was taken (MS-SSTP 3.2.2.1).
    Asks(Question),
    /// The server wants people to read this (RFC 3748 5.2): printable characters only.
    Notification(String),
    /// Datagrams may flow.
    Up(NetworkParameters),
    /// What `Up` announced has changed, or holds again after the link was negotiated anew.
    Changed(NetworkParameters),
    /// The session is over; close the connection. Comes exactly once and last.
    Closed(Result<(), Error>),
}

/// One connection to a server, from the HTTP request to the end of the call.
pub struct Session {
    stage: Stage,
    phase: Phase,
    /// The last phase before the end began: the one that an error is about.
    reached: Phase,
    ppp: Ppp,
    hostconf: HostConf,
    /// What the link has negotiated, once it is up.
    link: Option<ppp::NetworkParameters>,
    certificate: Box<[u8]>,
    mtu: u16,
    /// The IPv4 address to ask for, where it is a certain one.
    wanted: Option<Ipv4Addr>,
    patience: Patience,
    hlak: HlakRule,
    server_verified: bool,
    /// The request had a cookie that is to be worth an authentication (MS-SSTP 3.2.4.1).
    has_cookie: bool,
    http_timer: Option<Instant>,
    /// When Call Connect Request was sent.
    call_began: Instant,
    /// We were told to close: the end is no error.
    closing: bool,
    error: Option<Error>,
    out: VecDeque<Zeroizing<Vec<u8>>>,
    events: VecDeque<Event>,
}

enum Stage {
    Http,
    Call(Box<Call>),
    Closed,
}

impl Session {
    /// A session over a TLS connection that has just been set up, and whose server showed this certificate (DER).
    ///
    /// `entropy` must come from the system's random source and be used once.
    pub fn new(config: Config, server_certificate: &[u8], entropy: [u8; 32], now: Instant) -> Self {
        let mut entropy = Entropy::new(entropy);
        let correlation_id = config.correlation_id.unwrap_or_else(|| random_guid(&mut entropy));
        let mut request = Zeroizing::new(Vec::new());
        let cookie = config.http_cookie.as_ref().map(|cookie| cookie.as_str());
        Request { uri: &config.uri, host: &config.host, correlation_id, cookie }.emit(&mut request);
        let (hlak, has_cookie) = (config.eap.hlak, cookie.is_some());
        let ppp = ppp::Config {
            lcp: LcpConfig {
                mru: config.mru,
                compression: false,
                accept: config.methods.by_preference(),
                demand: Vec::new(),
                echo_interval: config.lcp_echo_interval,
                echo_failure: config.lcp_echo_failure,
            },
            credentials: Credentials {
                user_name: config.user_name,
                anonymous_identity: config.anonymous_identity,
                password: config.password,
            },
            bypassed: has_cookie,
            eap: config.eap,
            answers: config.answers,
            may_ask: config.may_ask,
            ipv4: config.ipv4.then_some(config.ipv4_address),
            ipv6: config.ipv6,
        };
        Session {
            stage: Stage::Http,
            phase: Phase::Http,
            reached: Phase::Http,
            hostconf: HostConf::new(entropy.fork()),
            link: None,
            ppp: Ppp::new(ppp, entropy),
            certificate: server_certificate.into(),
            mtu: config.mtu.map_or(MAX_MTU, |mtu| mtu.min(MAX_MTU)),
            wanted: Some(config.ipv4_address).filter(|address| !address.is_unspecified()),
            patience: config.patience,
            hlak,
            server_verified: config.server_verified,
            has_cookie,
            http_timer: Some(now + HTTP_TIMER),
            call_began: now,
            closing: false,
            error: None,
            out: VecDeque::from([request]),
            events: VecDeque::from([Event::Phase(Phase::Http)]),
        }
    }

    /// As [`new`](Self::new), to learn what the server offers and not to log in: nothing that proves who we are is sent, and
    /// the session fails as soon as the server has said how it would have us authenticate ourselves. See
    /// [`offered_authentication`](Self::offered_authentication) and [`offered_hashes`](Self::offered_hashes).
    pub fn survey(config: Config, server_certificate: &[u8], entropy: [u8; 32], now: Instant) -> Self {
        let mut session = Self::new(config, server_certificate, entropy, now);
        session.ppp.survey();
        session
    }

    /// The names of the ways to authenticate that the server has asked for in a [survey](Self::survey) so far; none where
    /// it wants no authentication. `None`: it has not said anything about it.
    pub fn offered_authentication(&self) -> Option<Vec<String>> {
        self.ppp.offered_authentication()
    }

    /// The hash protocols for the crypto binding that the server offers; `None`: there is no call that it has taken.
    pub fn offered_hashes(&self) -> Option<Vec<HashProtocol>> {
        match &self.stage {
            Stage::Call(call) => call.offered_hashes(),
            Stage::Http | Stage::Closed => None,
        }
    }

    /// Takes what came out of TLS and hands every datagram to `deliver`, in place. Returns how many octets were
    /// consumed: the driver keeps the rest, less than one packet, and puts what comes next behind it.
    pub fn handle_input(&mut self, now: Instant, stream: &mut [u8], mut deliver: impl FnMut(&mut [u8])) -> usize {
        let mut at = 0;
        loop {
            match &mut self.stage {
                Stage::Closed => return stream.len(),
                Stage::Http => match self.handle_http(now, &stream[at..]) {
                    Some(length) => at += length,
                    None if matches!(self.stage, Stage::Http) => return at,
                    None => {}
                },
                Stage::Call(call) => {
                    let header = match Header::parse(&stream[at..]) {
                        Ok(Some(header)) if stream.len() - at >= header.length => header,
                        Ok(_) => return at,
                        Err(malformed) => {
                            // MS-SSTP 3.1.5.1: no Call Abort into a stream that has lost its frame
                            let end = call.end().cloned();
                            self.conclude(end.or(Some(End::Misbehaved(Misbehaviour::Malformed(malformed)))));
                            return stream.len();
                        }
                    };
                    let packet = &mut stream[at..at + header.length];
                    at += header.length;
                    if header.control {
                        trace::packets("received", packet);
                        call.handle_control(now, packet);
                        self.advance(now);
                    } else {
                        self.handle_frame(now, &mut packet[HEADER_LEN..], &mut deliver);
                    }
                }
            }
        }
    }

    /// The server closed the connection, or it broke.
    pub fn handle_eof(&mut self, now: Instant) {
        self.advance(now);
        if matches!(self.stage, Stage::Closed) {
            return;
        }
        let end = match &self.stage {
            Stage::Call(call) => call.end().cloned(),
            Stage::Http | Stage::Closed => None,
        };
        self.conclude(end);
    }

    /// The connection broke since nothing that we sent has arrived at the server for long, says the layer below.
    pub fn handle_unanswered(&mut self, now: Instant) {
        let silence = match &self.stage {
            Stage::Call(call) if call.passes_data() => Some(End::Silent(call.silent_for(now))),
            Stage::Call(_) | Stage::Http | Stage::Closed => None,
        };
        match silence {
            Some(silence) => self.conclude(Some(silence)),
            None if self.closing => self.finish(Ok(())),
            None => self.finish(Err(Error::TimedOut(self.reached))),
        }
    }

    /// Timers may have run out.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.http_timer.is_some_and(|at| at <= now) {
            self.finish(Err(Error::TimedOut(Phase::Http)));
        }
        if let Stage::Call(call) = &mut self.stage {
            call.handle_timeout(now);
            // a call that is ending carries no frames, and the link has nothing to wait for
            if call.passes_control() {
                self.ppp.handle_timeout(now);
            }
            if self.link.is_some() {
                self.hostconf.handle_timeout(now);
            }
            self.advance(now);
        }
    }

    /// A person has answered the question of the last [`Event::Asks`]; does nothing where there is none.
    pub fn answer(&mut self, now: Instant, answer: &Zeroizing<String>) {
        if let Stage::Call(call) = &self.stage
            && call.passes_control()
        {
            self.ppp.answer(now, answer);
            self.advance(now);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called; `None`: there is nothing to wait for.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Http => self.http_timer,
            Stage::Call(call) => {
                let ppp = self.ppp.poll_timeout().filter(|_| call.passes_control());
                let hostconf = self.hostconf.poll_timeout().filter(|_| self.link.is_some() && call.passes_data());
                [call.poll_timeout(), ppp, hostconf].into_iter().flatten().min()
            }
            Stage::Closed => None,
        }
    }

    /// Adds a control packet to the buffer; `false` where there is none, or no room for it.
    pub fn poll_transmit(&mut self, now: Instant, tx: &mut TxBuf) -> bool {
        let Some(packet) = self.out.front() else { return false };
        if !tx.push(packet) {
            return false;
        }
        self.out.pop_front();
        // what waited in the protocols for want of room here moves up
        self.advance(now);
        true
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What to put in front of datagrams of this version; `None` as long as none may be sent (MS-SSTP 3.2.7.1).
    #[inline]
    pub fn data_header(&self, version: IpVersion) -> Option<DataHeader> {
        let Stage::Call(call) = &self.stage else { return None };
        let peer = self.ppp.peer();
        (call.passes_data() && self.ppp.is_open(version)).then(|| DataHeader::new(version, peer.pfc, peer.acfc))
    }

    /// Datagrams were put into the buffer: a server that lives will react to them, sooner or later.
    #[inline]
    pub fn sent(&mut self, now: Instant) {
        if let Stage::Call(call) = &mut self.stage {
            call.sent(now);
        }
    }

    /// The server may be gone, or the way to it: it is asked for a sign of life at once.
    pub fn doubt(&mut self, now: Instant) {
        if let Stage::Call(call) = &mut self.stage {
            call.doubt(now);
            self.advance(now);
        }
    }

    /// Ends the session: LCP Terminate-Request, then Call Disconnect, each bounded by its timers.
    pub fn close(&mut self, now: Instant) {
        self.closing = true;
        match &mut self.stage {
            Stage::Closed => {}
            Stage::Http => self.finish(Ok(())),
            Stage::Call(call) if call.passes_control() => {
                self.ppp.close(now);
                self.advance(now);
            }
            Stage::Call(call) => {
                call.disconnect(now);
                self.enter(Phase::Terminating);
                self.advance(now);
            }
        }
    }

    /// Reads the HTTP response; returns its length once it is whole and good.
    fn handle_http(&mut self, now: Instant, stream: &[u8]) -> Option<usize> {
        let error = match Response::parse(stream) {
            Ok(None) => return None,
            Ok(Some(response)) if response.status == 200 && !is_page(&response, stream) => {
                self.http_timer = None;
                self.call_began = now;
                self.stage = Stage::Call(Box::new(Call::new(now, &self.certificate, self.patience)));
                self.enter(Phase::CallConnect);
                self.advance(now);
                return Some(response.length);
            }
            Ok(Some(Response { status, reason, server, location, .. })) => {
                Error::ServerRefused(Refusal::Http { status, reason, server, location })
            }
            Err(NotHttp::Syntax) => Error::NotHttp(Stranger::recognize(stream)),
            Err(NotHttp::TooLong) => Error::PeerMisbehaved("its HTTP response has no end".to_owned()),
        };
        self.finish(Err(error));
        None
    }

    /// Takes a PPP frame (MS-SSTP 3.2.7.2).
    #[inline]
    fn handle_frame(&mut self, now: Instant, frame: &mut [u8], deliver: &mut impl FnMut(&mut [u8])) {
        let Stage::Call(call) = &mut self.stage else { return };
        call.heard(now);
        let Ok((protocol, at)) = parse_frame(frame) else { return };
        let version = match protocol {
            Protocol::IPV4 => IpVersion::V4,
            Protocol::IPV6 => IpVersion::V6,
            _ => return self.handle_control_frame(now, protocol, &frame[at..]),
        };
        if call.passes_data() && self.ppp.is_open(version) {
            self.ppp.heard();
            let datagram = &mut frame[at..];
            let Ok(length) = ip::datagram_len(version, datagram) else { return };
            let datagram = &mut datagram[..length];
            if hostconf::concerns(version, datagram) && self.is_answer(now, version, datagram) {
                return;
            }
            deliver(datagram);
        }
    }

    /// Takes a datagram that may answer one of our own; `false` where it does not.
    #[cold]
    fn is_answer(&mut self, now: Instant, version: IpVersion, datagram: &[u8]) -> bool {
        let is_ours = self.hostconf.handle_datagram(now, version, datagram);
        if is_ours {
            self.advance(now);
        }
        is_ours
    }

    fn handle_control_frame(&mut self, now: Instant, protocol: Protocol, information: &[u8]) {
        let Stage::Call(call) = &mut self.stage else { return };
        let passes = if protocol.is_data() { call.passes_data() } else { call.passes_control() };
        if !passes {
            return;
        }
        trace::frame("received", protocol, information);
        if let Err(malformed) = self.ppp.handle_frame(now, protocol, information) {
            debug!("discarded a frame of protocol {:#06x}: {malformed}", protocol.0);
        }
        self.advance(now);
    }

    /// Carries everything between the two protocols that one of them has ready: the only place where they meet.
    fn advance(&mut self, now: Instant) {
        loop {
            self.flush();
            self.send_datagrams(now);
            let Stage::Call(call) = &mut self.stage else { return };
            if let Some(event) = call.poll_event() {
                self.handle_call_event(now, event);
            } else if let Some(event) = self.ppp.poll_event() {
                self.handle_ppp_event(now, event);
            } else if call.passes_data()
                && self.hostconf.poll_changed(now)
                && let Some(link) = self.link.clone()
            {
                self.events.push_back(Event::Changed(self.parameters(link)));
            } else {
                return;
            }
        }
    }

    fn handle_call_event(&mut self, now: Instant, event: sstp::Event) {
        match event {
            sstp::Event::ConnectAck => {
                self.ppp.lower_up(now, now.saturating_duration_since(self.call_began));
            }
            sstp::Event::Over(end) => self.conclude(Some(end)),
        }
    }

    fn handle_ppp_event(&mut self, now: Instant, event: ppp::Event) {
        let Stage::Call(call) = &mut self.stage else { return };
        match event {
            ppp::Event::Phase(ppp::Phase::Dead) => {}
            ppp::Event::Phase(ppp::Phase::Establish) => self.enter(Phase::LinkEstablishment),
            ppp::Event::Phase(ppp::Phase::Authenticate) => {
                if self.ppp.peer().authentication == Some(AuthProtocol::Pap) && !self.server_verified {
                    warn!("PAP sends the password to a server whose certificate was not verified");
                }
                self.enter(Phase::Authentication);
            }
            ppp::Event::Phase(ppp::Phase::Network) => self.enter(Phase::NetworkLayerProtocol),
            ppp::Event::Phase(ppp::Phase::Terminate) => self.enter(Phase::Terminating),
            ppp::Event::Asks(question) => self.events.push_back(Event::Asks(question)),
            ppp::Event::Notification(text) => self.events.push_back(Event::Notification(text)),
            ppp::Event::Authenticated(hlak) => {
                // Call Connected leaves before any network control protocol (MS-SSTP 3.2.7.1)
                call.authenticated(now, &hlak);
                self.flush();
                self.ppp.open_network(now);
            }
            ppp::Event::Up(parameters) => {
                self.enter(Phase::Connected);
                let parameters = self.link_is(now, parameters);
                self.events.push_back(Event::Up(parameters));
            }
            ppp::Event::Changed(parameters) => {
                self.enter(Phase::Connected);
                let parameters = self.link_is(now, parameters);
                self.events.push_back(Event::Changed(parameters));
            }
            ppp::Event::Finished(failure) => {
                let phase = self.reached;
                if let Some(failure) = failure {
                    self.error.get_or_insert(Error::from_ppp(failure, phase));
                }
                call.disconnect(now);
            }
        }
    }

    /// The link is up with these parameters: what there is to know beyond them is asked for from here on.
    fn link_is(&mut self, now: Instant, link: ppp::NetworkParameters) -> NetworkParameters {
        let ipv4 = link.ipv4.as_ref().map(|ipv4| ipv4.address);
        if let Some((wanted, given)) = self.wanted.zip(ipv4).filter(|(wanted, given)| wanted != given) {
            warn!("the server does not give the address {wanted} that the settings ask for, but {given}");
        }
        let link_local = link.ipv6.as_ref().map(|ipv6| ipv6.link_local);
        self.hostconf.set_link(now, ipv4, link_local);
        self.link = Some(link.clone());
        self.parameters(link)
    }

    fn parameters(&self, link: ppp::NetworkParameters) -> NetworkParameters {
        NetworkParameters::new(link, self.hostconf.learned(), self.mtu)
    }

    /// Moves what the protocols have ready into the queue of packets, as far as there is room (MS-SSTP 3.2.7.1).
    fn flush(&mut self) {
        let Stage::Call(call) = &mut self.stage else { return };
        while self.out.len() < MAX_WAITING {
            if let Some(packets) = call.poll_transmit() {
                trace::packets("sent", &packets);
                self.out.push_back(Zeroizing::new(packets));
            } else if let Some(frame) = self.ppp.poll_frame() {
                if call.passes_control() {
                    trace::frame("sent", frame.protocol, &frame.information);
                    self.out.push_back(encapsulate(frame.protocol, &frame.information));
                }
            } else {
                return;
            }
        }
    }

    /// Sends our own datagrams to the network behind the server. What cannot be sent is lost, and sent again later.
    fn send_datagrams(&mut self, now: Instant) {
        let Stage::Call(call) = &self.stage else { return };
        if !call.passes_data() || self.link.is_none() {
            return;
        }
        while self.out.len() < MAX_WAITING
            && let Some((version, datagram)) = self.hostconf.poll_transmit(now)
        {
            if self.ppp.is_open(version) {
                let protocol = if version == IpVersion::V4 { Protocol::IPV4 } else { Protocol::IPV6 };
                self.out.push_back(encapsulate(protocol, &datagram));
            }
        }
    }

    fn enter(&mut self, phase: Phase) {
        if self.phase != phase {
            debug!("{:?} after {:?}", phase, self.phase);
            self.phase = phase;
            if phase != Phase::Terminating {
                self.reached = phase;
            }
            self.events.push_back(Event::Phase(phase));
        }
    }

    /// The session is over. Of all that went wrong, what came first counts: the failure of the link, or else what ended the
    /// call; `end` is `None` where the connection just ended.
    fn conclude(&mut self, end: Option<End>) {
        let phase = self.reached;
        let failure = self.ppp.lower_down(match &end {
            Some(End::NegotiationTimeout) => LowerDown::TimedOut,
            Some(end) if !end.is_without_reason() => LowerDown::WithReason,
            _ => LowerDown::WithoutReason,
        });
        let failure = self.error.take().or(failure.map(|failure| Error::from_ppp(failure, phase)));
        let ended = || match end {
            Some(end) => Error::from_call(end, phase, self.ppp.eap_method(), self.hlak),
            None => Some(Error::ServerClosed {
                phase,
                reason: match phase {
                    Phase::Http if self.has_cookie => {
                        "it closed the connection without a word: the cookie may be wrong or too old (the secret \
                         http-cookie)"
                    }
                    _ => "it closed the connection without a word",
                }
                .to_owned(),
            }),
        };
        self.finish(match failure.or_else(ended) {
            Some(error) if !self.closing => Err(error),
            _ => Ok(()),
        });
    }

    fn finish(&mut self, result: Result<(), Error>) {
        if !matches!(self.stage, Stage::Closed) {
            self.flush();
            self.stage = Stage::Closed;
            self.http_timer = None;
            self.events.push_back(Event::Closed(result));
        }
    }
}

/// Whether a text for a browser follows the response.
fn is_page(response: &Response, stream: &[u8]) -> bool {
    let body = stream.get(response.length..).unwrap_or_default();
    response.is_page || Stranger::recognize(body) == Some(Stranger::Page)
}

/// A random GUID (RFC 9562 5.4).
fn random_guid(entropy: &mut Entropy) -> [u8; 16] {
    let mut octets: [u8; 16] = entropy.octets();
    octets[6] = octets[6] & 0x0f | 0x40;
    octets[8] = octets[8] & 0x3f | 0x80;
    octets
}

/// An SSTP data packet (MS-SSTP 2.2.3) with a frame. LCP demands the uncompressed header (RFC 1661 6.5, 6.6), and the
/// other protocols can live with it.
fn encapsulate(protocol: Protocol, information: &[u8]) -> Zeroizing<Vec<u8>> {
    let head = HEADER_LEN + ADDRESS_CONTROL.len() + 2;
    let information = &information[..information.len().min(MAX_PACKET_LEN - head)];
    let mut packet = Zeroizing::new(Vec::with_capacity(head + information.len()));
    packet.extend_from_slice(&Header { control: false, length: head + information.len() }.emit());
    packet.extend_from_slice(&ADDRESS_CONTROL);
    packet.extend_from_slice(&protocol.0.to_be_bytes());
    packet.extend_from_slice(information);
    packet
}
