//! The profile of a connection: what NetworkManager and its editors call the VPN setting, read into typed values.
//!
//! This module is the single home of the setting names. [`KEYS`] is the one table of them; [`Profile::from_settings`]
//! reads what network-manager-sstp (1.2 to 1.3), its GTK editors, Plasma or a person with nmcli wrote, as leniently as
//! they did. Nothing that can be ignored is an error: unknown keys and values that cannot be read become a [`Notice`].

mod diagnosis;
mod eap;
mod faults;
mod gateway;
mod gateway_tls;
mod keys;
mod link;
mod notice;
#[cfg(feature = "serde")]
mod paths;
mod proxy;
mod reason;
mod routing;
mod secrets;
#[cfg(feature = "words")]
mod sentences;
mod values;

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

pub use diagnosis::{Capture, LogLevel};
pub use eap::{ClientCertificate, Eap, InnerTls, ServerName, VerifyMethod};
pub use faults::{Fault, fault};
pub use gateway::{Gateway, Host};
pub use gateway_tls::{Fingerprint, GatewayTls, parse_fingerprint};
pub use keys::{Effect, KEYS, Key, Kind, find};
pub use notice::Notice;
pub use proxy::{BadProxy, Proxy, ProxyKind};
pub use reason::Reason;
pub use routing::{Routes, Routing};
pub use secrets::{NO_SECRET, Secret, SecretFlags, Secrets, Tag, required_secrets};
pub use values::{path_of, same_meaning, text_of, yes_or_no};

use crate::ppp::inner_tls::TlsConnector;
use crate::session;
use notice::notice;
use values::{Reader, quoted};

/// The service type of these connections in NetworkManager (`vpn.service-type`).
pub const SERVICE_TYPE: &str = "org.freedesktop.NetworkManager.sstp";

/// A connection as a person has set it up, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Profile {
    /// Where the server is; [`Self::server_name`] is the name or address to verify the certificate for.
    pub gateway: Gateway,
    /// What is to be expected of its TLS.
    pub gateway_tls: GatewayTls,
    /// File or directory of the only authorities to trust; `None`: the system's.
    #[cfg_attr(feature = "serde", serde(with = "paths"))]
    pub ca_cert: Option<PathBuf>,
    /// Do not verify the server's certificate.
    pub ignore_cert_warn: bool,
    /// Tell the gateway's name in the TLS handshake; where the gateway is an address there is no name to tell.
    pub send_sni: bool,
    /// How the user authenticates.
    pub authentication: Authentication,
    /// PPP authentication methods that may be used.
    pub methods: session::Methods,
    /// What EAP may do.
    pub eap: Eap,
    /// Whom to trust inside EAP.
    pub inner_tls: InnerTls,
    /// The proxy to go through.
    pub proxy: Option<Proxy>,
    /// The same, where it cannot be read. Going around it would be another connection than was asked for.
    bad_proxy: Option<BadProxy>,
    /// Name of the interface, of 15 octets at most; the kernel puts a number in the place of a `%d` at its end.
    pub interface: String,
    /// Upper bound of the tunnel's MTU in octets, at least 128; `None`: what is negotiated.
    pub mtu: Option<u16>,
    /// MRU to request in octets.
    pub mru: u16,
    /// The IPv4 address to ask the server for; 0.0.0.0: any.
    pub ipv4_address: Ipv4Addr,
    /// How long the server may be silent while the tunnel is up.
    pub patience: session::Patience,
    /// How long it may take until the tunnel is up, without the time in which a person is asked; `None`: as long as its
    /// parts may take.
    pub connect_timeout: Option<Duration>,
    /// Time between LCP Echo-Requests; `None`: none are sent.
    pub lcp_echo_interval: Option<Duration>,
    /// How many LCP Echo-Requests may stay unanswered; 0: any number.
    pub lcp_echo_failure: u32,
    /// What to tell the server as `SSTPCORRELATIONID` (MS-SSTP 3.2.4.1), in text order.
    pub correlation_id: Option<[u8; 16]>,
    /// Negotiate IPv4. The data does not say; it is `true` until the caller, who knows `ipv4.method`, says otherwise.
    pub ipv4: bool,
    /// Negotiate IPv6; as with IPv4, but `false` where the MTU is too small for it.
    pub ipv6: bool,
    /// What the machine is to do with the tunnel.
    pub routing: Routing,
    /// How much is logged at least; `None`: what the process is told.
    pub log_level: Option<LogLevel>,
    /// What is written to a file for Wireshark.
    pub capture: Option<Capture>,
    /// The secrets without which there is no point in connecting.
    required_secrets: Vec<Secret>,
    /// The password need not be there: an absent one is an empty one.
    password_not_required: bool,
}

/// How the user authenticates.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Authentication {
    /// By name and password.
    Password {
        /// User name as PPP sends it, `DOMAIN\` included; `None`: the profile has none.
        user_name: Option<String>,
    },
    /// By certificate, in EAP.
    Certificate(ClientCertificate),
}

/// Why a profile cannot be connected. Each is a sentence that says which setting to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// There is no gateway.
    NoGateway,
    /// The gateway is neither a name nor an address.
    BadGateway {
        /// As written.
        gateway: String,
        /// What is wrong with it.
        reason: Reason,
    },
    /// `gateway-fingerprint` is none.
    BadFingerprint(String),
    /// `connection-type` is neither `password` nor `tls`.
    BadConnectionType(String),
    /// There is no user name.
    NoUserName,
    /// There is no password.
    NoPassword,
    /// The profile authenticates with a certificate and has none.
    NoCertificate,
    /// The profile has no identity to tell, and there is none in the certificate.
    NoIdentity,
    /// `eap` names no method that can be used.
    NoEapMethod,
    /// The cookie cannot stand in an HTTP header.
    BadCookie,
    /// The proxy is neither a name nor an address.
    BadProxy(BadProxy),
    /// Every authentication method is refused.
    NoMethodLeft,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoGateway => f.write_str("the profile has no gateway: set gateway to the name of the server"),
            Self::BadGateway { gateway, reason } => {
                write!(f, "the gateway {gateway:?} of the profile cannot be used: {reason}")
            }
            Self::BadFingerprint(text) => write!(
                f,
                "gateway-fingerprint={text:?} is not the SHA-256 of a certificate: it has 64 hexadecimal digits, with \
                 colons or without"
            ),
            Self::BadConnectionType(text) => {
                write!(f, "connection-type={text:?} is neither password nor tls: change it in the profile")
            }
            Self::NoUserName => f.write_str("the profile has no user name: set user"),
            Self::NoPassword => f.write_str("there is no password for the user: store one or let it be asked for"),
            Self::NoCertificate => f.write_str(
                "the profile has connection-type=tls and no certificate: set tls-user-cert and tls-user-key, or \
                 connection-type=password",
            ),
            Self::BadCookie => {
                f.write_str("the secret http-cookie is no cookie: it must be NAME=VALUE in visible ASCII characters")
            }
            Self::NoIdentity => f.write_str("there is no name in the user's certificate: set tls-identity"),
            Self::NoEapMethod => f.write_str(
                "the profile allows EAP only, and eap names no method that can be used with its connection-type: \
                 clear eap, or name others",
            ),
            Self::BadProxy(BadProxy { server, reason }) => {
                write!(f, "the proxy {server:?} of the profile (proxy-server) cannot be used: {reason}")
            }
            Self::NoMethodLeft => f.write_str(
                "the profile refuses every authentication method that is available: \
                 allow MS-CHAPv2 (refuse-mschapv2=no), or PAP or CHAP-MD5",
            ),
        }
    }
}

impl std::error::Error for Error {}

impl Error {
    /// The setting to look at; `None`: it is a secret.
    pub fn key(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoGateway | Self::BadGateway { .. } => "gateway",
            Self::BadFingerprint(_) => "gateway-fingerprint",
            Self::BadConnectionType(_) => "connection-type",
            Self::NoCertificate => "tls-user-cert",
            Self::BadProxy(_) => "proxy-server",
            Self::NoEapMethod => "eap",
            Self::NoMethodLeft => "refuse-mschapv2",
            Self::NoUserName => "user",
            Self::NoIdentity => "tls-identity",
            Self::NoPassword | Self::BadCookie => return None,
        })
    }
}

impl Profile {
    /// Reads the data of a VPN setting.
    ///
    /// `user_name` is the setting's `user-name`, which stands in for an absent `user`; `uuid` is the connection's UUID,
    /// which stands in for an absent `uuid`. The notices are for the log.
    ///
    /// # Errors
    ///
    /// [`Error::NoGateway`], [`Error::BadGateway`] and [`Error::BadConnectionType`]: what cannot be read at all. What
    /// can be read but not connected is told by [`Self::check`].
    pub fn from_settings(
        data: &BTreeMap<String, String>,
        user_name: Option<&str>,
        uuid: Option<&str>,
    ) -> Result<(Self, Vec<Notice>), Error> {
        let mut reader = Reader::new(data);
        let gateway = reader.text("gateway").ok_or(Error::NoGateway)?;
        let gateway =
            Gateway::parse(gateway).map_err(|reason| Error::BadGateway { gateway: gateway.to_owned(), reason })?;
        let authentication = read_authentication(&mut reader, user_name)?;
        let methods = read_methods(&mut reader);
        let gateway_tls = gateway_tls::read(&mut reader);
        let ignore_cert_warn = read_ignore_cert_warn(&mut reader, gateway_tls.fingerprint.is_some());
        let circumstances = eap::Circumstances {
            certificate: matches!(authentication, Authentication::Certificate(_)),
            md5: methods.chap_md5,
            verified: !ignore_cert_warn,
        };
        let mtu = link::read_mtu(&mut reader);
        let (proxy, bad_proxy) = match Proxy::read(&mut reader) {
            Ok(proxy) => (proxy, None),
            Err(bad) => (None, Some(bad)),
        };
        let profile = Self {
            gateway,
            gateway_tls,
            ca_cert: reader.path("ca-cert"),
            ignore_cert_warn,
            send_sni: reader.yes("tls-ext"),
            eap: eap::read(&mut reader, &circumstances),
            inner_tls: eap::read_inner_tls(&mut reader),
            authentication,
            methods,
            proxy,
            bad_proxy,
            interface: link::read_interface(&mut reader),
            mtu,
            mru: link::read_mru(&mut reader, mtu),
            ipv4_address: link::read_ipv4_address(&mut reader),
            patience: link::read_patience(&mut reader),
            connect_timeout: link::read_seconds(&mut reader, "connect-timeout"),
            lcp_echo_interval: link::read_seconds(&mut reader, "lcp-echo-interval"),
            lcp_echo_failure: reader.number("lcp-echo-failure").unwrap_or(0),
            correlation_id: read_correlation_id(&mut reader, uuid),
            routing: routing::read(&mut reader),
            ipv4: true,
            log_level: diagnosis::read_log_level(&mut reader),
            capture: diagnosis::read_capture(&mut reader),
            ipv6: mtu.is_none_or(|mtu| mtu >= link::MIN_IPV6_MTU),
            required_secrets: required_secrets(data, user_name),
            password_not_required: read_flags(&mut reader).not_required(),
        };
        reader.name_what_is_unknown();
        Ok((profile, reader.notices))
    }

    /// The name or address that the gateway's certificate must be issued for.
    pub fn server_name(&self) -> &Host {
        self.gateway_tls.name.as_ref().unwrap_or(&self.gateway.host)
    }

    /// Whether this profile can be connected, its secrets apart.
    ///
    /// # Errors
    ///
    /// What must be changed in it first.
    pub fn check(&self) -> Result<(), Error> {
        self.check_gateway()?;
        match &self.authentication {
            Authentication::Certificate(ClientCertificate { user_cert: None, .. }) => return Err(Error::NoCertificate),
            Authentication::Certificate(_) if self.eap.methods.is_empty() => return Err(Error::NoEapMethod),
            Authentication::Certificate(_) => return Ok(()),
            Authentication::Password { user_name: None } => return Err(Error::NoUserName),
            Authentication::Password { user_name: Some(_) } => {}
        }
        let session::Methods { pap, chap_md5, mschapv2, eap } = self.methods;
        match (pap || chap_md5 || mschapv2, eap) {
            (true, _) => Ok(()),
            (false, false) => Err(Error::NoMethodLeft),
            (false, true) if self.eap.methods.is_empty() => Err(Error::NoEapMethod),
            (false, true) => Ok(()),
        }
    }

    /// Whether the gateway can be connected to as the profile says, whoever the user is.
    ///
    /// # Errors
    ///
    /// [`Error::BadProxy`] or [`Error::BadFingerprint`].
    pub fn check_gateway(&self) -> Result<(), Error> {
        match (&self.bad_proxy, &self.gateway_tls.bad_fingerprint) {
            (Some(bad), _) => Err(Error::BadProxy(bad.clone())),
            (None, Some(text)) => Err(Error::BadFingerprint(text.clone())),
            (None, None) => Ok(()),
        }
    }

    /// The secrets to ask for before this profile can be connected, in the order in which a person is asked. None for a
    /// profile that could not be connected with them either: its error should come at once, not behind a question.
    pub fn missing_secrets(&self, secrets: &Secrets) -> Vec<Secret> {
        if secrets.get(Secret::HttpCookie).is_some() {
            return Vec::new();
        }
        // The user name may come later: NetworkManager adds one of its own to the secrets of an agent.
        if !matches!(self.check(), Ok(()) | Err(Error::NoUserName)) {
            return Vec::new();
        }
        self.required_secrets.iter().copied().filter(|secret| secrets.get(*secret).is_none()).collect()
    }

    /// What the session needs to know of this profile. TLS inside EAP, and the identity that the user's certificate gives
    /// where the profile has none, are the caller's to bring; so is what only it can know: answers, whether a person may
    /// be asked, and whether the server's certificate was verified.
    ///
    /// # Errors
    ///
    /// Those of [`Self::check`], [`Error::NoPassword`] and [`Error::NoIdentity`].
    pub fn session_config(
        &self,
        secrets: &Secrets,
        tls: Option<Arc<dyn TlsConnector>>,
        certificate_identity: Option<String>,
    ) -> Result<session::Config, Error> {
        let http_cookie = secrets.get(Secret::HttpCookie);
        if http_cookie.is_some_and(|cookie| !is_cookie(cookie)) {
            return Err(Error::BadCookie);
        }
        match self.check() {
            // whoever was signed on elsewhere need not say who it is
            Err(Error::NoUserName) if http_cookie.is_some() => {}
            checked => checked?,
        }
        let (user_name, password) = match &self.authentication {
            Authentication::Password { user_name } => {
                let password = match secrets.get(Secret::Password) {
                    Some(password) => password,
                    None if self.password_not_required || http_cookie.is_some() => "",
                    None => return Err(Error::NoPassword),
                };
                (user_name.clone().unwrap_or_default(), password)
            }
            Authentication::Certificate(ClientCertificate { identity, .. }) => {
                (identity.clone().or(certificate_identity).ok_or(Error::NoIdentity)?, "")
            }
        };
        Ok(session::Config {
            uri: self.gateway.uri.clone(),
            host: self.gateway.authority(self.server_name()),
            correlation_id: self.correlation_id,
            user_name,
            anonymous_identity: self.eap.anonymous_identity.clone(),
            password: Zeroizing::new(password.to_owned()),
            methods: self.session_methods(),
            eap: self.eap.session_config(tls),
            answers: Vec::new(),
            may_ask: false,
            http_cookie: http_cookie.map(|cookie| Zeroizing::new(cookie.to_owned())),
            server_verified: false,
            mru: self.mru,
            mtu: self.mtu,
            ipv4: self.ipv4,
            ipv4_address: self.ipv4_address,
            ipv6: self.ipv6,
            lcp_echo_interval: self.lcp_echo_interval,
            lcp_echo_failure: self.lcp_echo_failure,
            patience: self.patience,
        })
    }

    /// What a [survey](session::Session::survey) needs to know of this profile: nothing about the user.
    pub fn survey_config(&self) -> session::Config {
        session::Config {
            uri: self.gateway.uri.clone(),
            host: self.gateway.authority(self.server_name()),
            correlation_id: self.correlation_id,
            user_name: String::new(),
            anonymous_identity: None,
            password: Zeroizing::default(),
            methods: session::Methods { pap: true, chap_md5: true, mschapv2: true, eap: true },
            eap: self.eap.session_config(None),
            answers: Vec::new(),
            may_ask: false,
            http_cookie: None,
            server_verified: false,
            mru: link::DEFAULT_MRU,
            mtu: None,
            ipv4: true,
            ipv4_address: Ipv4Addr::UNSPECIFIED,
            ipv6: true,
            lcp_echo_interval: None,
            lcp_echo_failure: 0,
            patience: session::Patience::default(),
        }
    }

    /// A certificate is of use in EAP only; and without a method EAP is none.
    fn session_methods(&self) -> session::Methods {
        let eap = !self.eap.methods.is_empty();
        match self.authentication {
            Authentication::Password { .. } => session::Methods { eap: self.methods.eap && eap, ..self.methods },
            Authentication::Certificate(_) => session::Methods { pap: false, chap_md5: false, mschapv2: false, eap },
        }
    }
}

/// A pair of name and value that can stand in a header (RFC 6265 4.2.1).
fn is_cookie(text: &str) -> bool {
    text.contains('=') && text.bytes().all(|octet| octet == b' ' || octet.is_ascii_graphic())
}

fn read_authentication(reader: &mut Reader<'_>, user_name: Option<&str>) -> Result<Authentication, Error> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    match reader.text("connection-type") {
        Some("password") => {
            let user = reader.text("user").or(user_name.filter(|name| !name.is_empty()));
            let user_name = match (reader.text("domain"), user) {
                (Some(domain), Some(user)) if user.contains('\\') => {
                    reader.notice(notice!(
                        "the user {user} has a domain already; domain={domain} is ignored",
                        user = quoted(user),
                        domain = quoted(domain)
                    ));
                    Some(user.to_owned())
                }
                (Some(domain), Some(user)) => Some(format!("{domain}\\{user}")),
                (_, user) => owned(user),
            };
            Ok(Authentication::Password { user_name })
        }
        Some("tls") => Ok(Authentication::Certificate(ClientCertificate {
            identity: owned(reader.text("tls-identity").or(reader.text("tls-subject-name"))),
            user_cert: reader.path("tls-user-cert"),
            user_key: reader.path("tls-user-key"),
        })),
        other => Err(Error::BadConnectionType(other.unwrap_or_default().to_owned())),
    }
}

/// Flags of the password. The others are read only so that one that cannot be read is named.
fn read_flags(reader: &mut Reader<'_>) -> SecretFlags {
    let [_user, password, ..] = Secret::ALL.map(|secret| SecretFlags::read(secret, reader));
    password
}

fn read_methods(reader: &mut Reader<'_>) -> session::Methods {
    // Every key is read, so that each one that cannot be read is named.
    let mppe = ["require-mppe", "require-mppe-40", "require-mppe-128"].map(|name| reader.yes(name)).contains(&true);
    for name in ["refuse-mschap", "mppe-stateful", "nobsdcomp", "nodeflate", "no-vj-comp"] {
        reader.yes(name);
    }
    session::Methods {
        pap: !reader.yes("refuse-pap") && !mppe,
        chap_md5: !reader.yes("refuse-chap") && !mppe,
        mschapv2: !reader.yes("refuse-mschapv2"),
        eap: !reader.yes("refuse-eap"),
    }
}

fn read_ignore_cert_warn(reader: &mut Reader<'_>, pinned: bool) -> bool {
    let ignore = reader.yes("ignore-cert-warn");
    if ignore && pinned {
        reader.notice(notice!("ignore-cert-warn=yes is ignored: gateway-fingerprint says which certificate to accept"));
        return false;
    }
    if ignore {
        reader.notice(notice!(
            "the server's certificate is not verified: the profile has ignore-cert-warn=yes (an editor of \
             network-manager-sstp 1.3.0 also wrote this for those who asked for verification; set it to no to verify)"
        ));
    }
    ignore
}

fn read_correlation_id(reader: &mut Reader<'_>, connection_uuid: Option<&str>) -> Option<[u8; 16]> {
    if let Some(text) = reader.text("uuid") {
        if let Some(uuid) = parse_uuid(text) {
            return Some(uuid);
        }
        reader.notice(notice!("uuid={value} is not a UUID; it is ignored", value = quoted(text)));
    }
    connection_uuid.and_then(parse_uuid)
}

/// The octets of a UUID in the order of its text (RFC 9562 4); braces around it are ignored.
fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let text = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
    let groups: Vec<&str> = text.split('-').collect();
    if groups.iter().map(|group| group.len()).ne([8, 4, 4, 4, 12]) {
        return None;
    }
    let digits = groups.concat();
    if !digits.bytes().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(&digits, 16).ok().map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests;
