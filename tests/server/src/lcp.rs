//! LCP as a server negotiates it (RFC 1661 5 and 6): what it asks the client for, and what it makes of the client's wishes.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nm_sstp::crypto::Entropy;
use nm_sstp::ppp::Outbox;
use nm_sstp::ppp::negotiator::{Judgement, Policy};
use nm_sstp::wire::ppp::{ConfigurationOption, ControlPacket, DEFAULT_MRU, Protocol, code};

use crate::{Behaviour, Config, Method};

/// Types of LCP options (RFC 1661 6; callback: RFC 1570 2.3; MRRU, endpoint discriminator: RFC 1990 5.1).
mod option {
    pub const MRU: u8 = 1;
    pub const AUTHENTICATION_PROTOCOL: u8 = 3;
    pub const MAGIC_NUMBER: u8 = 5;
    pub const PFC: u8 = 7;
    pub const ACFC: u8 = 8;
    pub const CALLBACK: u8 = 13;
    pub const MRRU: u8 = 17;
    pub const ENDPOINT_DISCRIMINATOR: u8 = 19;
    pub const UNKNOWN: u8 = 200;
}

/// The MRUs that the server agrees to: up to what fits an SSTP packet (MS-SSTP 3.1.5.2).
const MRUS: std::ops::RangeInclusive<u16> = 128..=4091;
/// LCP Echo-Requests that may stay unanswered.
const ECHO_FAILURE: u32 = 5;
/// The text that SoftEther sends in its echoes.
const EARLY_ECHO_TEXT: &[u8] = b"Aho Baka Manuke";

/// What the server asks the client to authenticate itself with. It cannot perform what has no [`Method`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    Method(Method),
    Eap,
    MsChapV1,
}

impl Demand {
    /// Data of the Authentication-Protocol option (RFC 1661 6.2).
    fn data(self) -> &'static [u8] {
        match self {
            Demand::Method(Method::Pap) => &[0xc0, 0x23],
            Demand::Method(Method::ChapMd5) => &[0xc2, 0x23, 0x05],
            Demand::Method(Method::MsChapV2) => &[0xc2, 0x23, 0x81],
            Demand::Method(Method::Eap) | Demand::Eap => &[0xc2, 0x27],
            Demand::MsChapV1 => &[0xc2, 0x23, 0x80],
        }
    }

    /// The demands of a server, in order.
    fn all(config: &Config) -> Vec<Demand> {
        let has = |behaviour| config.behaviours.contains(&behaviour);
        if has(Behaviour::NoAuth) {
            return Vec::new();
        }
        let eap = if config.radius.is_some() { Demand::Method(Method::Eap) } else { Demand::Eap };
        let only = [(Behaviour::EapOnly, eap), (Behaviour::MsChapV1Only, Demand::MsChapV1)];
        if let Some((_, demand)) = only.into_iter().find(|(behaviour, _)| has(*behaviour)) {
            return vec![demand];
        }
        let first = has(Behaviour::EapFirst).then_some(eap);
        first.into_iter().chain(config.methods.iter().map(|method| Demand::Method(*method))).collect()
    }
}

impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Demand::Method(method) => method.fmt(f),
            Demand::Eap => f.write_str("eap"),
            Demand::MsChapV1 => f.write_str("mschapv1"),
        }
    }
}

/// What the client asked for in its last Configure-Request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientOptions {
    /// Largest information field that the client takes, in octets.
    pub mru: u16,
    /// Frames to the client may have a compressed protocol field.
    pub pfc: bool,
    /// Frames to the client may leave out address and control field.
    pub acfc: bool,
    magic_number: Option<u32>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        ClientOptions { mru: DEFAULT_MRU, pfc: false, acfc: false, magic_number: None }
    }
}

/// The options of LCP on the server's side.
#[derive(Debug)]
pub(crate) struct LcpPolicy {
    pub client: ClientOptions,
    config: Arc<Config>,
    entropy: Entropy,
    mru: Option<u16>,
    magic_number: Option<u32>,
    demands: Vec<Demand>,
    demanded: usize,
    /// Options that only some servers ask for, type and data.
    extra: Vec<(u8, Vec<u8>)>,
    /// The client refused every demand, or to authenticate itself at all.
    refused: bool,
}

impl LcpPolicy {
    pub fn new(config: Arc<Config>, mut entropy: Entropy) -> Self {
        let mut extra = Vec::new();
        if config.behaviours.contains(&Behaviour::WindowsLcp) {
            extra.push((option::CALLBACK, vec![6]));
            extra.push((option::MRRU, 1614u16.to_be_bytes().to_vec()));
            extra.push((option::ENDPOINT_DISCRIMINATOR, [&[3][..], &[0x02, 0, 0x5e, 0, 0, 1]].concat()));
        }
        if config.behaviours.contains(&Behaviour::UnknownLcpOption) {
            extra.push((option::UNKNOWN, vec![0xde, 0xad]));
        }
        LcpPolicy {
            client: ClientOptions::default(),
            mru: Some(config.mru).filter(|mru| *mru != DEFAULT_MRU),
            magic_number: Some(u32::from_be_bytes(entropy.octets()).max(1)),
            demands: Demand::all(&config),
            demanded: 0,
            extra,
            refused: false,
            config,
            entropy,
        }
    }

    /// The client need not authenticate itself.
    pub fn demand_nothing(&mut self) {
        self.demands.clear();
    }

    /// What the client is asked to authenticate itself with; `None`: nothing is asked for.
    pub fn demand(&self) -> Option<Demand> {
        self.demands.get(self.demanded).copied()
    }

    /// The client refused every demand, or to authenticate itself at all.
    pub fn is_refused(&self) -> bool {
        self.refused
    }

    pub fn magic_number(&self) -> u32 {
        self.magic_number.unwrap_or(0)
    }

    fn behaves(&self, behaviour: Behaviour) -> bool {
        self.config.behaviours.contains(&behaviour)
    }
}

impl Policy for LcpPolicy {
    const PROTOCOL: Protocol = Protocol::LCP;

    fn request(&mut self, out: &mut Vec<u8>) {
        if let Some(mru) = self.mru {
            ConfigurationOption { kind: option::MRU, data: &mru.to_be_bytes() }.emit(out);
        }
        if let Some(demand) = self.demand() {
            ConfigurationOption { kind: option::AUTHENTICATION_PROTOCOL, data: demand.data() }.emit(out);
        }
        let own = self.magic_number;
        let looped = self.client.magic_number.filter(|_| self.behaves(Behaviour::LoopMagic));
        if let Some(magic_number) = looped.or(own) {
            ConfigurationOption { kind: option::MAGIC_NUMBER, data: &magic_number.to_be_bytes() }.emit(out);
        }
        for (kind, data) in &self.extra {
            ConfigurationOption { kind: *kind, data }.emit(out);
        }
    }

    fn begin(&mut self) {
        self.client = ClientOptions::default();
    }

    fn judge(&mut self, option: ConfigurationOption<'_>) -> Judgement {
        let reject_optional = self.behaves(Behaviour::RejectMagicPfcAcfc);
        match (option.kind, option.data) {
            (option::MRU, _) if self.behaves(Behaviour::LcpNakLoop) => {
                let [low] = self.entropy.octets();
                Judgement::Nak((1000 + u16::from(low)).to_be_bytes().to_vec())
            }
            (option::MRU, &[high, low]) => match u16::from_be_bytes([high, low]) {
                mru if MRUS.contains(&mru) => {
                    self.client.mru = mru;
                    Judgement::Ack
                }
                _ => Judgement::Nak(DEFAULT_MRU.to_be_bytes().to_vec()),
            },
            (option::MAGIC_NUMBER | option::PFC | option::ACFC, _) if reject_optional => Judgement::Reject,
            (option::MAGIC_NUMBER, &[a, b, c, d]) => {
                let magic_number = u32::from_be_bytes([a, b, c, d]);
                self.client.magic_number = Some(magic_number);
                // RFC 1661 6.4: zero is never good, and the same number may mean a looped link
                let looped = self.behaves(Behaviour::LoopMagic);
                if magic_number == 0 || self.magic_number == Some(magic_number) || looped {
                    return Judgement::Nak(self.entropy.octets::<4>().to_vec());
                }
                Judgement::Ack
            }
            (option::PFC, []) => {
                self.client.pfc = true;
                Judgement::Ack
            }
            (option::ACFC, []) => {
                self.client.acfc = true;
                Judgement::Ack
            }
            _ => Judgement::Reject,
        }
    }

    fn naked(&mut self, option: ConfigurationOption<'_>) {
        match (option.kind, option.data) {
            (option::MRU, &[high, low]) => self.mru = Some(u16::from_be_bytes([high, low])),
            (option::AUTHENTICATION_PROTOCOL, data) => {
                // the client names what it would rather do; each demand is made once
                let rest = self.demanded + 1;
                let wanted = self.demands.iter().skip(rest).position(|demand| demand.data() == data);
                match rest + wanted.unwrap_or(0) {
                    next if next < self.demands.len() => self.demanded = next,
                    _ => self.refused = true,
                }
            }
            (option::MAGIC_NUMBER, _) => self.magic_number = Some(u32::from_be_bytes(self.entropy.octets()).max(1)),
            (kind, _) => self.extra.retain(|(extra, _)| *extra != kind),
        }
    }

    fn rejected(&mut self, option: ConfigurationOption<'_>) {
        match option.kind {
            option::MRU => self.mru = None,
            option::AUTHENTICATION_PROTOCOL => self.refused = true,
            option::MAGIC_NUMBER => self.magic_number = None,
            kind => self.extra.retain(|(extra, _)| *extra != kind),
        }
    }
}

/// LCP's own packets beside the negotiation: echoes and Protocol-Reject.
#[derive(Debug, Default)]
pub(crate) struct Keepalive {
    interval: Option<Duration>,
    timer: Option<Instant>,
    unanswered: u32,
    identifier: u8,
}

impl Keepalive {
    pub fn new(interval: Option<Duration>) -> Self {
        Keepalive { interval, ..Keepalive::default() }
    }

    pub fn start(&mut self, now: Instant) {
        self.unanswered = 0;
        self.timer = self.interval.map(|interval| now + interval);
    }

    pub fn stop(&mut self) {
        self.timer = None;
    }

    /// Any frame came from the client.
    pub fn heard(&mut self) {
        self.unanswered = 0;
    }

    pub fn timer(&self) -> Option<Instant> {
        self.timer
    }

    /// Sends the next Echo-Request; returns whether too many stayed unanswered.
    pub fn handle_timeout(&mut self, now: Instant, magic_number: u32, out: &mut Outbox) -> bool {
        if self.timer.is_none_or(|timer| now < timer) {
            return false;
        }
        if self.unanswered >= ECHO_FAILURE {
            self.timer = None;
            return true;
        }
        self.unanswered += 1;
        self.timer = self.interval.map(|interval| now + interval);
        self.echo(magic_number, &[], out);
        false
    }

    /// Sends an Echo-Request (RFC 1661 5.8).
    pub fn echo(&mut self, magic_number: u32, data: &[u8], out: &mut Outbox) {
        let identifier = self.next_identifier();
        let data = [&magic_number.to_be_bytes(), data].concat();
        out.packet(Protocol::LCP, code::ECHO_REQUEST, identifier, &data);
    }

    /// Sends an Echo-Request as SoftEther does before LCP is Opened.
    pub fn early_echo(&mut self, out: &mut Outbox) {
        self.echo(0, EARLY_ECHO_TEXT, out);
    }

    /// Answers an Echo-Request.
    pub fn reply(packet: ControlPacket<'_>, magic_number: u32, out: &mut Outbox) {
        if let Some(data) = packet.data.get(4..) {
            let data = [&magic_number.to_be_bytes(), data].concat();
            out.packet(Protocol::LCP, code::ECHO_REPLY, packet.identifier, &data);
        }
    }

    /// Answers a frame of a protocol that the server does not speak (RFC 1661 5.7).
    pub fn reject_protocol(&mut self, protocol: Protocol, information: &[u8], out: &mut Outbox) {
        let identifier = self.next_identifier();
        let data = [&protocol.0.to_be_bytes(), &information[..information.len().min(128)]].concat();
        out.packet(Protocol::LCP, code::PROTOCOL_REJECT, identifier, &data);
    }

    fn next_identifier(&mut self) -> u8 {
        self.identifier = self.identifier.wrapping_add(1);
        self.identifier
    }
}
