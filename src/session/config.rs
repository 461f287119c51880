//! What a session is told before it begins.

use std::time::Duration;

use zeroize::Zeroizing;

use super::AuthProtocol;
#[cfg(doc)]
use super::MAX_MTU;

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
    /// Upper bound of the tunnel's MTU in octets; `None`: what the server's MRU and [`MAX_MTU`] allow.
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
    /// EAP (RFC 3748) with EAP-MSCHAPv2.
    pub eap: bool,
}

impl Methods {
    /// The allowed methods, the best first.
    pub(super) fn by_preference(self) -> Vec<AuthProtocol> {
        let methods = [
            (self.mschapv2, AuthProtocol::MsChapV2),
            (self.chap_md5, AuthProtocol::ChapMd5),
            (self.pap, AuthProtocol::Pap),
            (self.eap, AuthProtocol::Eap),
        ];
        methods.into_iter().filter_map(|(allowed, method)| allowed.then_some(method)).collect()
    }
}
