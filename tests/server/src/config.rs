//! What a server is told before a client comes, and what it tells in return.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::time::Duration;

use nm_sstp::crypto::binding::HashProtocol;
use nm_sstp::wire::sstp::Status;
use zeroize::Zeroizing;

use crate::Behaviour;

/// What every connection of a server has in common.
#[derive(Clone, Debug)]
pub struct Config {
    /// The certificate that TLS shows to the client, as DER: crypto binding is bound to it (MS-SSTP 3.3.3).
    pub certificate: Vec<u8>,
    /// Hash protocols to offer (MS-SSTP 2.2.6).
    pub hash_protocols: Vec<HashProtocol>,
    /// Whether a Call Connected that does not prove what it should is answered with Call Abort (MS-SSTP 3.3.5.2.3).
    pub verify_binding: bool,
    /// Authentication methods to ask for, in this order; the next one after the client naks one.
    pub methods: Vec<Method>,
    /// Who may log in, where there is no RADIUS.
    pub users: Vec<User>,
    /// Who decides about logins in the place of [`users`](Self::users); [`Method::Eap`] works only with it.
    pub radius: Option<Radius>,
    /// A client whose HTTP request has a `Cookie` of this value is asked for no authentication, and its Compound MAC is
    /// made with a key of zeros (MS-SSTP 3.3.7.3); one with another cookie is left. `None`: cookies are ignored.
    pub bypass_cookie: Option<String>,
    /// The only tenant that is served, by the query variable `tenantid` of the HTTP request (MS-SSTP 3.2.4.1), as an HTTPS
    /// termination proxy does; `None`: the variable is ignored.
    pub tenant: Option<String>,
    /// Name of the server in CHAP (RFC 1994 4.1).
    pub name: String,
    /// Address of the server in the tunnel (RFC 1332 3.3).
    pub server_address: Ipv4Addr,
    /// DNS servers to give, at most two (RFC 1877 1.1, 1.3).
    pub dns: Vec<Ipv4Addr>,
    /// NetBIOS name servers to give, at most two (RFC 1877 1.2, 1.4).
    pub nbns: Vec<Ipv4Addr>,
    /// Negotiate IPV6CP; without, it is answered with Protocol-Reject.
    pub ipv6: bool,
    /// MRU to ask for, in octets (RFC 1661 6.1); 1500 is not asked for, it is the default.
    pub mru: u16,
    /// Time between LCP Echo-Requests once LCP is Opened; `None`: none are sent.
    pub lcp_echo_interval: Option<Duration>,
    /// The Hello timer (MS-SSTP 3.1.2.3).
    pub hello_interval: Duration,
    /// How to misbehave.
    pub behaviours: Vec<Behaviour>,
}

impl Config {
    /// The same with its behaviours taken apart, and with the values that some of them set.
    pub(crate) fn effective(&self) -> Config {
        let mut config = self.clone();
        config.behaviours = config.behaviours.iter().flat_map(|behaviour| behaviour.parts()).collect();
        if config.behaviours.contains(&Behaviour::FrequentEcho) {
            config.hello_interval = Duration::from_secs(3);
        }
        if config.behaviours.contains(&Behaviour::NoBindingCheck) {
            config.verify_binding = false;
        }
        config
    }
}

impl Default for Config {
    /// A server that behaves well, with no user and no certificate yet.
    fn default() -> Self {
        Config {
            certificate: Vec::new(),
            hash_protocols: vec![HashProtocol::Sha1, HashProtocol::Sha256],
            verify_binding: true,
            methods: vec![Method::MsChapV2, Method::ChapMd5, Method::Pap],
            users: Vec::new(),
            radius: None,
            bypass_cookie: None,
            tenant: None,
            name: "sstp-test-server".to_owned(),
            server_address: Ipv4Addr::new(10, 99, 0, 1),
            dns: Vec::new(),
            nbns: Vec::new(),
            ipv6: false,
            mru: 1500,
            lcp_echo_interval: None,
            hello_interval: Duration::from_secs(60),
            behaviours: Vec::new(),
        }
    }
}

/// A PPP authentication method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// PAP (RFC 1334).
    Pap,
    /// CHAP with MD5 (RFC 1994).
    ChapMd5,
    /// MS-CHAPv2 (RFC 2759).
    MsChapV2,
    /// EAP (RFC 3748), whose method the RADIUS server chooses.
    Eap,
}

impl Method {
    /// Every method.
    pub const ALL: [Method; 4] = [Method::Pap, Method::ChapMd5, Method::MsChapV2, Method::Eap];
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Method::Pap => "pap",
            Method::ChapMd5 => "chap-md5",
            Method::MsChapV2 => "mschapv2",
            Method::Eap => "eap",
        })
    }
}

impl FromStr for Method {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Method::ALL.into_iter().find(|method| method.to_string() == text);
        found.ok_or_else(|| format!("'{text}' is no authentication method; there are mschapv2, chap-md5, pap and eap"))
    }
}

/// What a server shares with its RADIUS server. Where that is, whoever drives the [`Server`](crate::Server) knows.
#[derive(Clone)]
pub struct Radius {
    /// The shared secret (RFC 2865 3).
    pub secret: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Radius {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Radius")
    }
}

/// Someone who may log in.
#[derive(Clone)]
pub struct User {
    /// Name, without a domain: `DOMAIN\` in front of what a client sends is not compared.
    pub name: String,
    /// Password.
    pub password: Zeroizing<String>,
    /// The only method that this user may log in with; `None`: any.
    pub method: Option<Method>,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("name", &self.name).field("method", &self.method).finish_non_exhaustive()
    }
}

/// What the server tells its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something happened that a reader of the log wants to know.
    Note(String),
    /// The user proved to know the password.
    Authenticated {
        /// Name as the client sent it, printable characters only.
        user: String,
        /// The method that was used.
        method: Method,
    },
    /// The user did not.
    AuthenticationFailed {
        /// Name as the client sent it, printable characters only.
        user: String,
        /// The method that was used.
        method: Method,
    },
    /// The call is connected and IPCP is Opened: datagrams may flow. Comes again where the address changes.
    Up {
        /// The client's address.
        address: Ipv4Addr,
    },
    /// IPV6CP is Opened and the call is connected.
    Up6 {
        /// The client's link-local address.
        address: Ipv6Addr,
    },
    /// The connection is over: send what is left, then close it. Comes exactly once and last.
    Closed(Closed),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Note(text) => f.write_str(text),
            Event::Authenticated { user, method } => write!(f, "user '{user}' is authenticated by {method}"),
            Event::AuthenticationFailed { user, method } => write!(f, "user '{user}' is not authenticated by {method}"),
            Event::Up { address } => write!(f, "up with address {address}"),
            Event::Up6 { address } => write!(f, "up with address {address}"),
            Event::Closed(closed) => write!(f, "closed: {closed}"),
        }
    }
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The HTTP request was refused, or had a wrong cookie.
    HttpRefused(String),
    /// The client sent Call Disconnect.
    ClientDisconnected,
    /// The client sent Call Abort, with this status.
    ClientAborted(Option<Status>),
    /// The client closed the TCP connection.
    ClientGone,
    /// The client's stream cannot be delineated; nothing is sent any more (MS-SSTP 3.1.5.1).
    Garbled(String),
    /// The client did not answer an Echo Request (MS-SSTP 3.1.2.3).
    Unanswered,
    /// The client makes the server write, and does not read.
    NotReading,
    /// The server sent Call Abort, for this reason.
    Aborted(String),
    /// The server sent Call Disconnect, for this reason.
    Disconnected(String),
    /// The server was told to close the TCP connection at some phase.
    BrokenOff,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Closed::HttpRefused(reason) => write!(f, "the request was refused: {reason}"),
            Closed::ClientDisconnected => f.write_str("the client sent Call Disconnect"),
            Closed::ClientAborted(None) => f.write_str("the client sent Call Abort"),
            Closed::ClientAborted(Some(status)) => write!(f, "the client sent Call Abort: {}", status.meaning()),
            Closed::ClientGone => f.write_str("the client closed the connection"),
            Closed::Garbled(reason) => write!(f, "the client's stream is not SSTP: {reason}"),
            Closed::Unanswered => f.write_str("the client did not answer an Echo Request"),
            Closed::NotReading => f.write_str("the client does not read what it is sent"),
            Closed::Aborted(reason) => write!(f, "Call Abort was sent: {reason}"),
            Closed::Disconnected(reason) => write!(f, "Call Disconnect was sent: {reason}"),
            Closed::BrokenOff => f.write_str("broken off as told"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_have_names() {
        for method in Method::ALL {
            assert_eq!(method.to_string().parse(), Ok(method));
        }
        assert!("mschap".parse::<Method>().is_err());
    }

    #[test]
    fn passwords_are_not_shown() {
        let user = User { name: "ann".into(), password: Zeroizing::new("hunter2".into()), method: None };
        let radius = Some(Radius { secret: Zeroizing::new(b"hunter2".to_vec()) });
        let config = Config { users: vec![user], radius, ..Config::default() };
        let shown = format!("{config:?}");
        assert!(!shown.contains("hunter2") && !shown.contains(&format!("{:?}", b"hunter2")));
    }
}
