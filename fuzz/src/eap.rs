//! A conversation of EAP on a link whose LCP is Opened, its server played by the input: every method, what is inside of
//! TLS, a person who answers. The TLS is none, so that the input gets through it.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nm_sstp::crypto::Entropy;
use nm_sstp::crypto::binding::{HashProtocol, compound_mac};
use nm_sstp::crypto::mppe::MasterKey;
use nm_sstp::crypto::mschapv2::{PasswordHash, authenticator_response};
use nm_sstp::crypto::peap::CompoundKeys;
use nm_sstp::ppp::auth::{Answer, AuthProtocol, Credentials, Question};
use nm_sstp::ppp::eap::{EapConfig, EapMethod, HlakRule, TtlsInner};
use nm_sstp::ppp::lcp::LcpConfig;
use nm_sstp::ppp::{Config, Event, LowerDown, Phase, Ppp};
use nm_sstp::wire::auth::MsChapV2Response;
use nm_sstp::wire::avp::{Avp, avp_code};
use nm_sstp::wire::eap::{EapMsChapV2, EapPacket, TlsPiece, eap_code, eap_type};
use nm_sstp::wire::ppp::{ControlPacket, Protocol, code};
use nm_sstp::wire::tlv::{Cryptobinding, Tlv, tlv_type};

use super::Reader;
use super::words::{HELLO, KEY, STRANGER, Words};

const PASSWORD: &str = "correct horse";
/// What the person answers where the input does not say; also a new password.
const ANSWER: &str = "another horse";
const CHALLENGE: [u8; 16] = [7; 16];
/// Longest time from the server's last word to the end: that of authentication, and the link's own after it.
const PATIENCE: Duration = Duration::from_secs(63);

/// Runs the conversation that the input describes.
pub fn run(data: &[u8]) {
    let mut input = Reader::new(data);
    let mut world = World::new(&mut input);
    world.open_lcp();
    while !input.is_empty() && !world.finished {
        let operation = input.octet();
        world.operate(operation, &mut input);
        world.drain();
    }
    world.end();
}

struct World {
    ppp: Ppp,
    now: Instant,
    config: EapConfig,
    /// Where what comes next is said: the type of a tunnel, or in the open.
    inside: Option<u8>,
    identifier: u8,
    /// The last response of MS-CHAPv2 that the client sent, and the password that it was made with.
    response: Option<(u8, MsChapV2Response)>,
    password: &'static str,
    /// The server has proven itself: by the password, or by the handshake of TLS.
    proven: bool,
    /// Frames that the client got and has not answered.
    got: usize,
    asked: bool,
    network: bool,
    finished: bool,
}

impl World {
    fn new(input: &mut Reader<'_>) -> Self {
        #[allow(clippy::disallowed_methods, reason = "any moment will do: the clock is virtual from here on")]
        let now = Instant::now();
        let (flags, methods) = (input.octet(), input.octet());
        let flag = |bit: u8| flags & 1 << bit != 0;
        let allowed = |bits: u8| -> Vec<EapMethod> {
            let methods = EapMethod::ALL.into_iter().enumerate();
            methods.filter_map(|(bit, method)| (bits & 1 << bit == 0).then_some(method)).collect()
        };
        let eap = EapConfig {
            methods: allowed(methods),
            inner_methods: allowed(input.octet()),
            ttls: [TtlsInner::Eap, TtlsInner::MsChapV2, TtlsInner::Pap, TtlsInner::Eap][usize::from(flags & 3)],
            tls: (!flag(7)).then(|| Arc::new(Words { tls13: flag(2), resumed: flag(3) }) as _),
            hlak: if flag(4) { HlakRule::Halves } else { HlakRule::Msk },
        };
        let known =
            Answer { question: Question::OneTimeCode { text: "known".to_owned() }, text: ANSWER.to_owned().into() };
        let config = Config {
            lcp: LcpConfig {
                mru: 1500,
                compression: false,
                accept: vec![AuthProtocol::Eap],
                demand: Vec::new(),
                echo_interval: None,
                echo_failure: 0,
            },
            credentials: Credentials {
                user_name: "alice".to_owned(),
                anonymous_identity: Some("nobody".to_owned()),
                password: PASSWORD.to_owned().into(),
            },
            eap: eap.clone(),
            answers: vec![known],
            may_ask: !flag(5),
            bypassed: false,
            ipv4: Some(Ipv4Addr::UNSPECIFIED),
            ipv6: false,
        };
        World {
            ppp: Ppp::new(config, Entropy::new([3; 32])),
            now,
            config: eap,
            inside: None,
            identifier: 0,
            response: None,
            password: PASSWORD,
            proven: false,
            got: 8,
            asked: false,
            network: false,
            finished: false,
        }
    }

    fn open_lcp(&mut self) {
        self.ppp.lower_up(self.now, Duration::ZERO);
        let request = self.ppp.poll_frame().expect("we speak first");
        let ControlPacket { identifier, data, .. } = ControlPacket::parse(&request.information).expect("readable");
        self.give(Protocol::LCP, code::CONFIGURE_ACK, identifier, data);
        self.give(Protocol::LCP, code::CONFIGURE_REQUEST, 1, &[3, 4, 0xc2, 0x27]);
        self.drain();
    }

    fn give(&mut self, protocol: Protocol, code: u8, identifier: u8, data: &[u8]) {
        let mut information = Vec::new();
        ControlPacket { code, identifier, data }.emit(&mut information);
        self.got += 1;
        let _ = self.ppp.handle_frame(self.now, protocol, &information);
    }

    /// A Request of a type, in the open or in the tunnel that is spoken in.
    fn request(&mut self, kind: u8, data: &[u8]) {
        let packet = [&[kind], data].concat();
        match self.inside {
            None => {
                self.identifier = self.identifier.wrapping_add(1);
                self.give(Protocol::EAP, eap_code::REQUEST, self.identifier, &packet);
            }
            Some(eap_type::TTLS) => {
                let mut pairs = Vec::new();
                let (mut whole, identifier) = (Vec::new(), self.identifier);
                ControlPacket { code: eap_code::REQUEST, identifier, data: &packet }.emit(&mut whole);
                Avp::new(avp_code::EAP_MESSAGE, &whole).emit(&mut pairs);
                self.records(&pairs);
            }
            Some(_) => self.records(&packet),
        }
    }

    /// Records of the tunnel that is spoken in, whole.
    fn records(&mut self, data: &[u8]) {
        self.piece(TlsPiece { message_length: None, more: false, start: false, version: 0, data });
    }

    fn piece(&mut self, piece: TlsPiece<'_>) {
        let kind = self.inside.unwrap_or(eap_type::TLS);
        self.identifier = self.identifier.wrapping_add(1);
        let packet = [&[kind], &piece.emit()[..]].concat();
        self.give(Protocol::EAP, eap_code::REQUEST, self.identifier, &packet);
    }

    fn operate(&mut self, operation: u8, input: &mut Reader<'_>) {
        match operation % 20 {
            0 => self.request(eap_type::IDENTITY, b"who?"),
            1 => self.request(eap_type::NOTIFICATION, input.counted()),
            2 => {
                self.inside = Some(input.one_of(&[eap_type::PEAP, eap_type::TTLS, eap_type::TLS]));
                self.piece(TlsPiece { message_length: None, more: false, start: true, version: 0, data: &[] });
            }
            3 => {
                self.records(HELLO);
                self.proven |= self.inside.is_some();
            }
            4 => self.records(&[]),
            5 => {
                let flags = input.octet();
                let message_length = (flags & 1 == 0).then(|| usize::from(input.octet()) << (flags >> 4));
                let (more, start) = (flags & 2 == 0, flags & 12 == 12);
                self.piece(TlsPiece { message_length, more, start, version: flags >> 5, data: input.counted() });
            }
            6 => self.challenge(input.octet()),
            7 => self.success(input.coin()),
            8 => self.failure(input.octet()),
            9 => self.extensions(input.octet()),
            10 => {
                let kind = input.one_of(&[eap_type::GTC, eap_type::OTP]);
                let text: &[u8] = if input.coin() { b"known" } else { input.counted() };
                self.request(kind, text);
            }
            11 => self.answer(input),
            12 | 13 => {
                let verdict = if operation % 20 == 12 { eap_code::SUCCESS } else { eap_code::FAILURE };
                let identifier = if input.coin() { self.identifier } else { input.octet() };
                self.give(Protocol::EAP, verdict, identifier, &[]);
            }
            14 => {
                let protocol = input.one_of(&[Protocol::IPCP, Protocol::CCP, Protocol::CHAP, Protocol::LCP]);
                self.give(protocol, input.octet() % 12, 1, &[]);
            }
            15 => self.pass(Duration::from_millis(100 * u64::from(input.octet()))),
            16 => self.inside = None,
            17 => self.request(input.octet(), input.counted()),
            18 => self.records(if input.coin() { STRANGER } else { input.counted() }),
            _ => {
                let (code, identifier) = (input.octet() % 6, input.octet());
                self.give(Protocol::EAP, code, identifier, input.counted());
            }
        }
    }

    fn challenge(&mut self, length: u8) {
        let challenge = [&CHALLENGE[..], &[1; 255]].concat();
        let value = &challenge[..if length < 200 { 16 } else { usize::from(length - 200) }];
        let identifier = self.identifier;
        self.request(eap_type::MSCHAPV2, &EapMsChapV2::Challenge { identifier, value, name: b"server" }.emit());
    }

    /// The verdict on the last response: a right proof, or another one.
    fn success(&mut self, right: bool) {
        let (identifier, proof) = match &self.response {
            Some((identifier, response)) => (*identifier, proof(self.password, response)),
            None => (self.identifier, [0; 20]),
        };
        let digits: String = proof.iter().map(|octet| format!("{octet:02X}")).collect();
        let message = if right { format!("S={digits}") } else { format!("S={}", digits.replace(['0', '1'], "2")) };
        self.proven |= right && self.response.is_some();
        if self.inside == Some(eap_type::TTLS) && self.config.ttls == TtlsInner::MsChapV2 {
            let mut pairs = Vec::new();
            let data = [&[identifier], message.as_bytes()].concat();
            Avp::microsoft(avp_code::MS_CHAP2_SUCCESS, &data).emit(&mut pairs);
            return self.records(&pairs);
        }
        let success = EapMsChapV2::SuccessRequest { identifier, message: message.as_bytes() };
        self.request(eap_type::MSCHAPV2, &success.emit());
    }

    fn failure(&mut self, which: u8) {
        let code = [648, 691, 709, 647][usize::from(which & 3)];
        let challenge: String = CHALLENGE.iter().map(|octet| format!("{octet:02X}")).collect();
        let message = format!("E={code} R={} C={challenge} V={}", which >> 2 & 1, 2 + (which >> 3 & 1));
        let identifier = self.response.as_ref().map_or(self.identifier, |(identifier, _)| *identifier);
        if self.inside == Some(eap_type::TTLS) && self.config.ttls == TtlsInner::MsChapV2 {
            let mut pairs = Vec::new();
            let data = [&[identifier], message.as_bytes()].concat();
            Avp::microsoft(avp_code::MS_CHAP_ERROR, &data).emit(&mut pairs);
            return self.records(&pairs);
        }
        let failure = EapMsChapV2::FailureRequest { identifier, message: message.as_bytes() };
        self.request(eap_type::MSCHAPV2, &failure.emit());
    }

    /// The Extensions method of PEAP, bound rightly, wrongly or not.
    fn extensions(&mut self, which: u8) {
        let mut tlvs = vec![eap_type::EXTENSIONS];
        let status = if which & 4 == 0 { [0, 1] } else { [0, 2] };
        Tlv { mandatory: true, kind: tlv_type::RESULT, value: &status }.emit(&mut tlvs);
        if which & 3 != 0 {
            let mut isk = [0; 32];
            if let (Some((_, response)), 1) = (&self.response, which & 3) {
                let key = MasterKey::new(&PasswordHash::new(self.password).hash(), &response.nt_response);
                isk[..16].copy_from_slice(&*key.send_key());
                isk[16..].copy_from_slice(&*key.receive_key());
            }
            let keys = match which & 3 {
                2 => CompoundKeys::resumed(&[KEY; 64]),
                _ => CompoundKeys::new(&[KEY; 64], &isk),
            };
            let sub_type = which >> 6 & 1;
            let binding =
                Cryptobinding { version: 0, received_version: 0, sub_type, nonce: [9; 32], compound_mac: [0; 20] };
            let compound_mac = keys.compound_mac(&binding.emit());
            tlvs.extend_from_slice(&Cryptobinding { compound_mac, ..binding }.emit());
        }
        if which & 0x30 == 0x30 {
            Tlv { mandatory: which & 8 == 0, kind: 77, value: &[1] }.emit(&mut tlvs);
        }
        let mut packet = Vec::new();
        ControlPacket { code: eap_code::REQUEST, identifier: 77, data: &tlvs }.emit(&mut packet);
        self.records(&packet);
    }

    fn answer(&mut self, input: &mut Reader<'_>) {
        let text = if input.coin() { ANSWER.to_owned() } else { String::from_utf8_lossy(input.counted()).into_owned() };
        if self.asked && text == ANSWER {
            self.password = ANSWER;
        }
        self.asked = false;
        self.got += 1;
        self.ppp.answer(self.now, &text.into());
    }

    fn drain(&mut self) {
        let mut given = 0;
        while let Some(frame) = self.ppp.poll_frame() {
            given += 1;
            if frame.protocol == Protocol::EAP {
                self.hear(&frame.information);
            }
        }
        assert!(given <= 2 * self.got + 2, "{given} frames for {}", self.got);
        self.got = 0;
        while let Some(event) = self.ppp.poll_event() {
            assert!(!self.finished, "{event:?} after the end");
            match event {
                Event::Authenticated(hlak) => {
                    // nothing but a password, one-time code or certificate that the server took can be without a proof
                    let weak = [EapMethod::Gtc, EapMethod::Otp, EapMethod::Md5];
                    let proves = !self.config.methods.iter().any(|method| weak.contains(method));
                    assert!(self.proven || !proves, "authenticated by nobody");
                    compound_mac(HashProtocol::Sha256, &hlak, &[0; 112]);
                    self.network = true;
                    self.ppp.open_network(self.now);
                }
                Event::Asks(_) => self.asked = true,
                Event::Up(_) | Event::Changed(_) => assert!(self.network),
                Event::Phase(phase) => self.network &= phase == Phase::Network,
                Event::Notification(text) => assert!(text.chars().count() <= 240),
                Event::Finished(_) => self.finished = true,
            }
        }
        assert_eq!(self.ppp.poll_timeout().is_none(), self.finished, "nothing to wait for, and not the end");
    }

    /// Looks at what the client sends; remembers a response.
    fn hear(&mut self, information: &[u8]) {
        let clear = information.windows(PASSWORD.len()).any(|octets| octets == PASSWORD.as_bytes());
        assert!(!clear || self.config.ttls == TtlsInner::Pap && self.proven, "the password goes over the wire");
        let packet = ControlPacket::parse(information).expect("readable");
        let Ok(EapPacket::Response { kind, data }) = EapPacket::parse(packet) else {
            panic!("no Response: {packet:?}")
        };
        assert!(information.len() <= 1500);
        if kind == eap_type::MSCHAPV2 {
            return self.responded(data);
        }
        if !matches!(kind, eap_type::TLS | eap_type::PEAP | eap_type::TTLS) {
            return;
        }
        let inside = TlsPiece::parse(data).expect("readable").data;
        match inside {
            [eap_type::MSCHAPV2, data @ ..] if kind == eap_type::PEAP => self.responded(data),
            mut pairs if kind == eap_type::TTLS => {
                while let Ok(Some((pair, rest))) = Avp::parse(pairs) {
                    pairs = rest;
                    match (pair.vendor, pair.code, pair.data) {
                        (0, avp_code::EAP_MESSAGE, [_, _, _, _, eap_type::MSCHAPV2, data @ ..]) => self.responded(data),
                        (311, avp_code::MS_CHAP2_RESPONSE, [identifier, _, value @ ..]) => {
                            let response = MsChapV2Response::parse(&[value, &[0]].concat()).expect("readable");
                            self.response = Some((*identifier, response));
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn responded(&mut self, data: &[u8]) {
        match EapMsChapV2::parse(data).expect("readable") {
            EapMsChapV2::Response { identifier, value, .. } => {
                self.response = Some((identifier, MsChapV2Response::parse(value).expect("readable")));
            }
            EapMsChapV2::ChangePassword { identifier, fields } => {
                let change = nm_sstp::wire::auth::ChangePassword::parse(fields).expect("readable");
                self.response = Some((identifier, change.response));
            }
            EapMsChapV2::SuccessResponse | EapMsChapV2::FailureResponse => {}
            other => panic!("{other:?}"),
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.ppp.poll_timeout().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.got += 8;
            self.ppp.handle_timeout(self.now);
            self.drain();
            assert!(self.ppp.poll_timeout().is_none_or(|at| at > self.now), "a timer that does not stop");
        }
        self.now = end;
    }

    /// The server says no more.
    fn end(&mut self) {
        let since = self.now;
        while !self.finished {
            let Some(next) = self.ppp.poll_timeout() else { break };
            assert!(next - since <= PATIENCE, "it goes on for {:?}", next - since);
            self.pass(next.saturating_duration_since(self.now));
        }
        assert!(self.ppp.lower_down(LowerDown::WithoutReason).is_none() || self.finished);
    }
}

/// The server's proof that it knows the password (RFC 2759 8.7).
fn proof(password: &str, MsChapV2Response { peer_challenge, nt_response }: &MsChapV2Response) -> [u8; 20] {
    let hash = PasswordHash::new(password).hash();
    authenticator_response(&hash, nt_response, peer_challenge, &CHALLENGE, b"alice")
}
