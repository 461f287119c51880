//! The session: HTTP, then SSTP, then PPP, in one owner.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use zeroize::Zeroizing;

/// What a session needs to know about the connection. Plain data.
pub struct Config {
    /// The value of the HTTP `Host` header: the gateway's name, with `:port` where it is not 443.
    pub host: String,
    /// The `SSTPCORRELATIONID` (MS-SSTP 3.2.4.1) as 16 octets in text order; `None`: made from the entropy.
    pub correlation_id: Option<[u8; 16]>,
    /// User name as sent in PPP authentication, `DOMAIN\` included where the profile has a domain.
    pub user_name: String,
    /// Password of the user.
    pub password: Zeroizing<String>,
    /// Authentication methods that may be used.
    pub methods: Methods,
    /// MRU to request in octets (RFC 1661 6.1).
    pub mru: u16,
    /// Upper bound of the tunnel's MTU in octets; `None`: what the server's MRU allows.
    pub mtu: Option<u16>,
    /// Negotiate IPCP.
    pub ipv4: bool,
    /// Negotiate IPV6CP.
    pub ipv6: bool,
    /// Time between LCP Echo-Requests; `None`: none are sent.
    pub lcp_echo_interval: Option<Duration>,
    /// How many LCP Echo-Requests may stay unanswered, if any are sent; 0: any number.
    pub lcp_echo_failure: u32,
}

/// The PPP authentication methods that a profile allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Methods {
    /// PAP (RFC 1334): the password in clear inside TLS.
    pub pap: bool,
    /// CHAP with MD5 (RFC 1994).
    pub chap_md5: bool,
    /// MS-CHAPv2 (RFC 2759).
    pub mschapv2: bool,
}

/// How far a session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// Datagrams may flow.
    Up(NetworkParameters),
    /// What `Up` announced has changed.
    Changed(NetworkParameters),
    /// The session is over; close the connection. Comes exactly once and last.
    Closed(Result<(), Error>),
}

/// What PPP negotiated for the network layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkParameters {
    /// IPv4, where IPCP is Opened (RFC 1332, RFC 1877).
    pub ipv4: Option<Ipv4Parameters>,
    /// IPv6, where IPV6CP is Opened (RFC 5072).
    pub ipv6: Option<Ipv6Parameters>,
    /// Largest datagram in octets that either family may send.
    pub mtu: u16,
    /// The authentication method that was used, in words.
    pub authentication: &'static str,
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
    /// Our link-local address, of our interface identifier (RFC 5072 4.1).
    pub link_local: Ipv6Addr,
    /// The server's link-local address.
    pub peer: Ipv6Addr,
}

/// Why a session ended, and who is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The server broke a protocol; the text says which and how.
    PeerMisbehaved(String),
    /// The server wants or offers nothing that we can do.
    PeerIncompatible(String),
    /// The server did not accept the user, or (code `None`) could not prove that it knows the password.
    AuthenticationFailed {
        /// Error code of an MS-CHAPv2 Failure (RFC 2759 6), where there was one.
        code: Option<u32>,
        /// What the server said, or what happened, in words.
        message: String,
    },
    /// The server refused the call before authentication.
    ServerRefused(Refusal),
    /// The server ended the session after it was accepted.
    ServerClosed {
        /// When it happened.
        phase: Phase,
        /// What the server gave as its reason, in words.
        reason: String,
    },
    /// Nothing came from the server in time.
    TimedOut(Phase),
}

/// How the server refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The HTTP status was not 200.
    Http {
        /// Status code.
        status: u16,
        /// Reason phrase, printable characters only.
        reason: String,
    },
    /// Call Connect Negative Acknowledgment, as often as we tried (MS-SSTP 2.2.12).
    ConnectNak {
        /// Status of its first Status Info attribute (MS-SSTP 2.2.8).
        status: Option<u32>,
    },
    /// Call Abort (MS-SSTP 2.2.13).
    CallAbort {
        /// Status of its first Status Info attribute (MS-SSTP 2.2.8).
        status: Option<u32>,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Error {}
