//! What a session is told before it begins.

use std::net::Ipv4Addr;
use std::time::Duration;

use zeroize::Zeroizing;

#[cfg(doc)]
use super::MAX_MTU;
use super::{Answer, AuthProtocol, EapConfig, Patience};

/// What a session needs to know about the connection. Plain data.
pub struct Config {
    /// Path and query of the HTTP request (MS-SSTP 3.2.4.1): visible ASCII that begins with a slash.
    pub uri: String,
    /// The value of the HTTP `Host` header: the gateway's name, with `:port` where it is not 443.
    pub host: String,
    /// The `SSTPCORRELATIONID` (MS-SSTP 3.2.4.1) as 16 octets in text order; `None`: made from the entropy.
    pub correlation_id: Option<[u8; 16]>,
    /// User name as sent in PPP authentication, `DOMAIN\` included where the profile has a domain.
    pub user_name: String,
    /// What EAP tells of the identity outside of tunnels; `None`: the user name.
    pub anonymous_identity: Option<String>,
    /// Password of the user; empty where there is none.
    pub password: Zeroizing<String>,
    /// Authentication methods that may be used.
    pub methods: Methods,
    /// What EAP may do.
    pub eap: EapConfig,
    /// Answers that are known before they are asked for.
    pub answers: Vec<Answer>,
    /// A person may be asked, by [`Event::Asks`](super::Event::Asks), until we are authenticated for the first time.
    pub may_ask: bool,
    /// The ClientHTTPCookie, a pair of name and value: with it, a server may do without PPP authentication (MS-SSTP
    /// 3.2.4.1, ClientBypassHLAuth).
    pub http_cookie: Option<Zeroizing<String>>,
    /// The server has shown by its certificate who it is.
    pub server_verified: bool,
    /// MRU to request in octets (RFC 1661 6.1).
    pub mru: u16,
    /// Upper bound of the tunnel's MTU in octets; `None`: what the server's MRU and [`MAX_MTU`] allow.
    pub mtu: Option<u16>,
    /// Negotiate IPCP.
    pub ipv4: bool,
    /// The IPv4 address to ask for (RFC 1332 3.3); 0.0.0.0: any. The server may give another one.
    pub ipv4_address: Ipv4Addr,
    /// Negotiate IPV6CP.
    pub ipv6: bool,
    /// Time between LCP Echo-Requests; `None`: none are sent.
    pub lcp_echo_interval: Option<Duration>,
    /// How many LCP Echo-Requests may stay unanswered, if any are sent; 0: any number.
    pub lcp_echo_failure: u32,
    /// How long the server may be silent.
    pub patience: Patience,
}

/// The PPP authentication methods that a profile allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Methods {
    /// PAP (RFC 1334): the password in clear inside TLS.
    pub pap: bool,
    /// CHAP with MD5 (RFC 1994).
    pub chap_md5: bool,
    /// MS-CHAPv2 (RFC 2759).
    pub mschapv2: bool,
    /// EAP (RFC 3748).
    pub eap: bool,
}

impl Methods {
    /// The allowed methods, the best first.
    pub(super) fn by_preference(self) -> Vec<AuthProtocol> {
        let methods = [
            (self.eap, AuthProtocol::Eap),
            (self.mschapv2, AuthProtocol::MsChapV2),
            (self.chap_md5, AuthProtocol::ChapMd5),
            (self.pap, AuthProtocol::Pap),
        ];
        methods.into_iter().filter_map(|(allowed, method)| allowed.then_some(method)).collect()
    }
}
