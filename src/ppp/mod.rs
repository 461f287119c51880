//! PPP (RFC 1661): LCP, authentication and the network control protocols of one link.
//!
//! [`Ppp`] is the client's link. Its parts ([`automaton`], [`negotiator`], [`lcp`], [`ipcp`]) know no side: a server is
//! built of the same ones.

pub mod auth;
pub mod automaton;
pub mod eap;
pub mod inner_tls;
pub mod ipcp;
pub mod ipv6cp;
pub mod lcp;
mod link;
mod mschapv2;
pub mod negotiator;
#[cfg(test)]
mod testing;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, Ipv6Addr};

use zeroize::Zeroizing;

pub use link::Ppp;

use crate::crypto::binding::Hlak;
use crate::wire::Malformed;
use crate::wire::ppp::{ControlPacket, Protocol};
use auth::{Answer, AuthProtocol, Credentials, Question};
use eap::{EapConfig, EapMethod};
use inner_tls::TlsError;
use lcp::LcpConfig;

/// Frames that wait to be sent; more are dropped, as on a link that loses them. A peer that asks and never reads
/// cannot make it grow.
const MAX_FRAMES: usize = 64;

/// A control frame: its protocol and its information field.
#[derive(Clone)]
pub struct Frame {
    /// Protocol field.
    pub protocol: Protocol,
    /// Information field; wiped when dropped, since PAP puts a password there.
    pub information: Zeroizing<Vec<u8>>,
}

/// Control frames that wait to be sent, in order.
#[derive(Default)]
pub struct Outbox {
    frames: VecDeque<Frame>,
}

impl Outbox {
    /// Adds a frame whose information field `emit` appends.
    pub fn push(&mut self, protocol: Protocol, emit: impl FnOnce(&mut Vec<u8>)) {
        if self.frames.len() < MAX_FRAMES {
            let mut information = Zeroizing::new(Vec::with_capacity(1024));
            emit(&mut information);
            self.frames.push_back(Frame { protocol, information });
        }
    }

    /// Adds a control packet.
    pub fn packet(&mut self, protocol: Protocol, code: u8, identifier: u8, data: &[u8]) {
        self.push(protocol, |out| ControlPacket { code, identifier, data }.emit(out));
    }

    /// The next frame to send.
    pub fn pop(&mut self) -> Option<Frame> {
        self.frames.pop_front()
    }
}

/// What a client wants of its link.
#[derive(Clone, Debug)]
pub struct Config {
    /// LCP; its `accept` lists the methods that are allowed.
    pub lcp: LcpConfig,
    /// Who we are.
    pub credentials: Credentials,
    /// What EAP may do.
    pub eap: EapConfig,
    /// Answers that are known before they are asked for; each is used once.
    pub answers: Vec<Answer>,
    /// A person may be asked, by [`Event::Asks`], until we are authenticated for the first time.
    pub may_ask: bool,
    /// The lower layer has authenticated us already (MS-SSTP 3.2.4.1, ClientBypassHLAuth): a server that asks for no
    /// authentication is content with that.
    pub bypassed: bool,
    /// The IPv4 address to ask for, 0.0.0.0 for any; `None`: no IPv4.
    pub ipv4: Option<Ipv4Addr>,
    /// Negotiate IPv6.
    pub ipv6: bool,
}

/// Phases of a link (RFC 1661 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Link Dead.
    Dead,
    /// Link Establishment.
    Establish,
    /// Authentication.
    Authenticate,
    /// Network-Layer Protocol.
    Network,
    /// Link Termination.
    Terminate,
}

/// How the layer below the link went down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LowerDown {
    /// The server took it down and did not say why.
    WithoutReason,
    /// What ended it says why.
    WithReason,
    /// The server was waited for in vain.
    TimedOut,
}

/// What the link tells its owner.
#[derive(Debug)]
pub enum Event {
    /// The link has come to this phase.
    Phase(Phase),
    /// Authentication goes on with a person's [`answer`](Ppp::answer).
    Asks(Question),
    /// The server wants people to read this (RFC 3748 5.2): printable characters only.
    Notification(String),
    /// Authentication is complete, or the server asked for none (MS-SSTP 3.2.7.1).
    Authenticated(Hlak),
    /// Datagrams may flow.
    Up(NetworkParameters),
    /// What [`Event::Up`] announced has changed, or holds again after the link was negotiated anew.
    Changed(NetworkParameters),
    /// The link is down for good; `None` where we closed it. Comes once and last.
    Finished(Option<Failure>),
}

/// What was negotiated for the network layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkParameters {
    /// IPv4, where IPCP is Opened (RFC 1332, RFC 1877).
    pub ipv4: Option<Ipv4Parameters>,
    /// IPv6, where IPV6CP is Opened (RFC 5072).
    pub ipv6: Option<Ipv6Parameters>,
    /// Largest datagram in octets that the server takes: its MRU (RFC 1661 6.1).
    pub mtu: u16,
    /// How we authenticated ourselves; `None` where the server did not ask.
    pub authentication: Option<AuthProtocol>,
    /// The method of EAP that was used.
    pub eap_method: Option<EapMethod>,
}

/// What IPCP negotiated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipv4Parameters {
    /// Our address (RFC 1332 3.3).
    pub address: Ipv4Addr,
    /// The server's address in the tunnel, where it told one.
    pub peer: Option<Ipv4Addr>,
    /// DNS servers, the primary first (RFC 1877 1.1, 1.3).
    pub dns: Vec<Ipv4Addr>,
    /// NetBIOS name servers, the primary first (RFC 1877 1.2, 1.4).
    pub nbns: Vec<Ipv4Addr>,
}

/// What IPV6CP negotiated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipv6Parameters {
    /// Our link-local address, of our interface identifier (RFC 5072 5).
    pub link_local: Ipv6Addr,
    /// The server's link-local address, where it told one.
    pub peer: Option<Ipv6Addr>,
}

/// Why a link failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The server insists on a way to authenticate that we do not have or may not use.
    NoCommonAuthentication {
        /// What the server asked for last.
        asked: String,
    },
    /// The server asks for no authentication, and the methods that are allowed are ones by which it would have to prove
    /// itself, too.
    NoAuthentication,
    /// The server did not accept user and password.
    AuthenticationFailed {
        /// Error code of an MS-CHAPv2 Failure (RFC 2759 6).
        code: Option<u32>,
        /// What the server said; may be empty.
        message: String,
    },
    /// The server accepted us without proof that it knows the password (RFC 2759 5), or that it is the one at the other
    /// end of the tunnel inside EAP.
    PeerNotAuthentic,
    /// The server ended EAP when it had the name, before it asked for a proof.
    IdentityRefused {
        /// The name that it was told.
        identity: String,
    },
    /// The server offered no method of EAP that may be used.
    NoCommonEapMethod {
        /// The last one that it asked for.
        asked: String,
    },
    /// TLS inside EAP failed.
    InnerTls(TlsError),
    /// The server broke the protocol of authentication in this way.
    Misbehaved(String),
    /// The server did not go on with the authentication; what it sent last was discarded, for this reason.
    Stalled(Malformed),
    /// The server asks what only a person can answer, and nobody may be asked.
    NobodyToAsk(Question),
    /// The person did not answer in the time that the server gives.
    AnswerTooLate(Question),
    /// The server did not answer this protocol, as often as it was asked.
    Unanswered(Protocol),
    /// The server refused every proposal of this protocol.
    NotConverging(Protocol),
    /// What we send comes back to us (RFC 1661 6.4).
    LoopedBack,
    /// No network protocol came up.
    NoNetworkProtocol,
    /// The server has no IPv4 address for us.
    NoAddress,
    /// The server sent a Terminate-Request (RFC 1661 5.5).
    Terminated,
    /// The server stopped answering LCP Echo-Requests.
    EchoUnanswered,
}
