//! Why a session ended, and who is at fault: the sentences that people read.

#[cfg(all(test, feature = "service"))]
pub(crate) mod samples;

use std::fmt;
use std::time::Duration;

use super::Phase;
use crate::ppp;
use crate::ppp::auth::{AuthProtocol, Question};
use crate::ppp::eap::{EapMethod, HlakRule};
use crate::ppp::inner_tls::TlsError;
use crate::sstp::{End, Misbehaviour};
use crate::wire::ppp::Protocol;
use crate::wire::sstp::Status;
use crate::wire::stranger::Stranger;

/// Why a session ended, and who is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The server broke a protocol; the text says which and how.
    PeerMisbehaved(String),
    /// The server wants or offers nothing that we can do; the text is the whole sentence.
    PeerIncompatible(String),
    /// The server did not accept the user.
    AuthenticationFailed {
        /// Error code of an MS-CHAPv2 Failure (RFC 2759 6), where there was one.
        code: Option<u32>,
        /// What the server said; may be empty.
        message: String,
    },
    /// The server accepted the user without proof that it knows the password (RFC 2759 5), or that it is the one at the
    /// other end of the tunnel inside EAP.
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
    /// TLS inside EAP failed: certificates, ours or the server's.
    InnerTls(TlsError),
    /// The server asks what only a person can answer, and nobody may be asked.
    NobodyToAsk(Question),
    /// The person did not answer in the time that the server gives.
    AnswerTooLate(Question),
    /// The server accepted the user and has no IPv4 address to give.
    NoAddress,
    /// What answers does not speak HTTP/1.1; who it seems to be, where that can be told.
    NotHttp(Option<Stranger>),
    /// The server refused the call before authentication.
    ServerRefused(Refusal),
    /// The server ended the session after it had taken the call.
    ServerClosed {
        /// When it happened.
        phase: Phase,
        /// What the server did, in words: the sentence goes on after a colon.
        reason: String,
    },
    /// Nothing came from the server in time.
    TimedOut(Phase),
    /// Nothing has come from the server for so long while the tunnel was up, although it was asked for a sign of life.
    Silent(Duration),
}

/// How the server refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The HTTP status was not 200, or what followed was a page for a browser.
    Http {
        /// Status code.
        status: u16,
        /// Reason phrase, printable characters only.
        reason: String,
        /// What calls itself the server, printable characters only.
        server: Option<String>,
        /// Where it would have us go instead, printable characters only.
        location: Option<String>,
    },
    /// Call Connect Negative Acknowledgment, as often as we tried (MS-SSTP 2.2.12).
    ConnectNak {
        /// Status of its first Status Info attribute (MS-SSTP 2.2.8).
        status: Option<Status>,
    },
    /// Call Abort (MS-SSTP 2.2.13).
    CallAbort {
        /// Status of its first Status Info attribute (MS-SSTP 2.2.8).
        status: Option<Status>,
    },
}

impl Error {
    /// What the end of a call means in this phase; `None` where it is the one that we wanted.
    pub(super) fn from_call(end: End, phase: Phase, eap: Option<EapMethod>, hlak: HlakRule) -> Option<Error> {
        let closed = |reason: String| Error::ServerClosed { phase, reason };
        Some(match end {
            End::Disconnected => return None,
            End::ConnectNak(status) => Error::ServerRefused(Refusal::ConnectNak { status }),
            End::AbortedByServer(status) if phase <= Phase::CallConnect => {
                Error::ServerRefused(Refusal::CallAbort { status })
            }
            End::AbortedByServer(status) if phase == Phase::NetworkLayerProtocol => closed(format!(
                "it aborted the call ({}) right after the crypto binding; if that is what it refused, something on the \
                 way intercepts TLS, or the server was told of another certificate than it shows{}",
                words(status),
                other_key(eap, hlak)
            )),
            End::AbortedByServer(status) => closed(format!("it aborted the call ({})", words(status))),
            End::DisconnectedByServer(status) => closed(format!("it disconnected the call ({})", words(status))),
            End::Misbehaved(Misbehaviour::Malformed(malformed)) => Error::PeerMisbehaved(malformed.to_string()),
            End::Misbehaved(Misbehaviour::Unexpected(name)) => Error::PeerMisbehaved(format!("it sent {name} {phase}")),
            End::NoHashProtocol(bitmask) => Error::PeerIncompatible(format!(
                "the server offers no hash for the crypto binding that is known here (bitmask {bitmask:#04x}); SHA-1 \
                 and SHA-256 are: only its administrator can mend that"
            )),
            End::NegotiationTimeout => Error::TimedOut(phase),
            End::Silent(time) => Error::Silent(time),
        })
    }

    /// What the failure of a link means in this phase.
    pub(super) fn from_ppp(failure: ppp::Failure, phase: Phase) -> Error {
        use ppp::Failure;
        match failure {
            Failure::NoCommonAuthentication { asked } if asked == AuthProtocol::MS_CHAP_V1 => Error::PeerIncompatible(
                "the server insists on MS-CHAPv1 for authentication, which is broken and never spoken here; \
                 its administrator has to allow MS-CHAPv2 or EAP"
                    .to_owned(),
            ),
            Failure::NoCommonAuthentication { asked } if asked == AuthProtocol::Eap.name() => Error::PeerIncompatible(
                "the server insists on EAP for authentication, which this connection refuses: set refuse-eap=no".to_owned(),
            ),
            Failure::IdentityRefused { identity } => Error::IdentityRefused { identity },
            Failure::NoCommonEapMethod { asked } => Error::NoCommonEapMethod { asked },
            Failure::InnerTls(error) => Error::InnerTls(error),
            Failure::Misbehaved(what) => Error::PeerMisbehaved(what),
            Failure::Stalled(malformed) => {
                Error::PeerMisbehaved(format!("the authentication did not go on; what it sent last was no part of it: {malformed}"))
            }
            Failure::NobodyToAsk(question) => Error::NobodyToAsk(question),
            Failure::AnswerTooLate(question) => Error::AnswerTooLate(question),
            Failure::NoCommonAuthentication { asked } => Error::PeerIncompatible(format!(
                "the server insists on {asked} for authentication, which this connection does not allow or support; \
                 allow another method in its settings, or ask the server's administrator for one"
            )),
            Failure::NoAuthentication => Error::PeerIncompatible(
                "the server asks for no user name and password, so that it need not show that it knows them either; \
                 it may not be the server that it claims to be (allow PAP in the connection's settings to accept it)"
                    .to_owned(),
            ),
            Failure::AuthenticationFailed { code, message } => Error::AuthenticationFailed { code, message },
            Failure::PeerNotAuthentic => Error::PeerNotAuthentic,
            Failure::Unanswered(protocol) => Error::TimedOut(match protocol {
                Protocol::LCP => Phase::LinkEstablishment,
                Protocol::IPCP | Protocol::IPV6CP => Phase::NetworkLayerProtocol,
                _ => Phase::Authentication,
            }),
            Failure::NotConverging(protocol) => {
                Error::PeerMisbehaved(format!("{} does not come to an agreement with it", protocol.name()))
            }
            Failure::LoopedBack => Error::PeerMisbehaved("it sends our own frames back to us".to_owned()),
            Failure::NoNetworkProtocol => Error::PeerIncompatible(
                "neither IPv4 nor IPv6 came up in the tunnel: the server refuses what the connection's settings allow; \
                 its administrator or the settings have to allow one of them"
                    .into(),
            ),
            Failure::NoAddress => Error::NoAddress,
            Failure::Terminated => Error::ServerClosed { phase, reason: "it terminated the link".to_owned() },
            Failure::EchoUnanswered => {
                Error::ServerClosed { phase, reason: "it stopped answering LCP echo requests".to_owned() }
            }
        }
    }
}

/// What to try where the key of an EAP method may be what the server did not expect.
fn other_key(eap: Option<EapMethod>, hlak: HlakRule) -> &'static str {
    match (eap, hlak) {
        (Some(EapMethod::MsChapV2), HlakRule::Msk) => {
            "; some servers want no key after EAP-MSCHAPv2: if this is one, set hlak=zero"
        }
        (Some(EapMethod::Tls), HlakRule::Msk) => {
            "; servers with pppd up to 2.5.0 take another part of the key, and of TLS 1.3 another key: if this is one, \
             set hlak=halves and tls-max-version=1.2"
        }
        (Some(EapMethod::Tls), HlakRule::Halves) => {
            "; the connection has a setting hlak, which may be wrong, or lacks tls-max-version=1.2, which pppd needs then"
        }
        (Some(_), HlakRule::Halves | HlakRule::Zero) => "; the connection has a setting hlak, which may be wrong",
        _ => "",
    }
}

/// What a method of EAP that was asked for needs.
fn what_it_needs(asked: &str) -> &'static str {
    if asked == EapMethod::Tls.name() {
        "it needs a certificate of yours: connection-type=tls, tls-user-cert and tls-user-key"
    } else if asked == EapMethod::Peap.name() || asked == EapMethod::Ttls.name() {
        "it needs to know whom to trust: set tls-ca-cert, tls-remotename or tls-fingerprint, and eap= where that has a list"
    } else {
        "allow it in the connection's settings (eap), or ask the server's administrator for another method"
    }
}

fn words(status: Option<Status>) -> String {
    match status {
        None | Some(Status::NO_ERROR) => "without a reason".to_owned(),
        Some(status) => format!("status {}: {}", status.0, status.meaning()),
    }
}

/// When it is, as the end of a sentence.
impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Http => "while the HTTP response was awaited",
            Phase::CallConnect => "while the call was set up",
            Phase::LinkEstablishment => "while LCP was negotiated",
            Phase::Authentication => "during authentication",
            Phase::NetworkLayerProtocol => "while the tunnel's addresses were negotiated",
            Phase::Connected => "while the tunnel was up",
            Phase::Terminating => "while the session was taken down",
        })
    }
}

/// What Windows' error codes mean (RFC 2759 6).
fn authentication_error(code: Option<u32>) -> &'static str {
    match code {
        Some(646) => "the account may not log on at this hour",
        Some(647) => "the account is disabled",
        Some(648) => {
            "the password has expired: connect where you can be asked for a new one (nmcli --ask), or change it elsewhere"
        }
        Some(649) => "the account has no permission to dial in",
        Some(691) => "the server refused user name or password; check both, and the domain where the server wants one",
        Some(709) => {
            "the server did not take the new password: it may be too short, too simple or one that you had before"
        }
        _ => "the server refused user name or password; check both, and the domain where the server wants one",
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::PeerMisbehaved(what) => {
                write!(f, "the server breaks the protocol ({what}); only its administrator can mend that")
            }
            Error::PeerIncompatible(what) => f.write_str(what),
            Error::AuthenticationFailed { code, message } => {
                f.write_str(authentication_error(*code))?;
                match (code, message.as_str()) {
                    (None, "") => Ok(()),
                    (None, message) => write!(f, " (it said: {message})"),
                    (Some(code), "") => write!(f, " (error {code})"),
                    (Some(code), message) => write!(f, " (error {code}: {message})"),
                }
            }
            Error::PeerNotAuthentic => f.write_str(
                "the server accepted the password without proof that it knows it; it may not be the server that it \
                 claims to be, and nothing was sent into the tunnel",
            ),
            Error::IdentityRefused { identity } => write!(
                f,
                "the server refused the user \"{}\" at once, without asking for any proof: check the name, and the domain or \
                 hub where the server wants one; else ask its administrator whether this account may connect",
                identity.escape_debug()
            ),
            Error::NoCommonEapMethod { asked } => write!(
                f,
                "the server asks for {asked} inside EAP, which this connection does not allow or support, and took none \
                 of the methods that it was offered instead; {}",
                what_it_needs(asked)
            ),
            Error::InnerTls(error) => write!(f, "the authentication inside EAP failed: {error}"),
            Error::NobodyToAsk(question) => {
                write!(f, "{}, and there is nobody to ask: connect from a desktop, or by nmcli --ask", wanted(question))
            }
            Error::AnswerTooLate(question) => {
                write!(f, "{}, and did not wait for the answer any longer: connect again", wanted(question))
            }
            Error::NoAddress => f.write_str(
                "the server has no IPv4 address to give; its address pool may be empty or its DHCP server down",
            ),
            Error::NotHttp(Some(Stranger::Http2)) => f.write_str(
                "what answers at the gateway speaks HTTP/2 only, and SSTP needs HTTP/1.1: it may be a reverse proxy in \
                 front of the server, whose administrator has to let SSTP through; else check the gateway's port",
            ),
            Error::NotHttp(Some(Stranger::Page)) => f.write_str(ANSWERED_BY_A_PAGE),
            Error::NotHttp(Some(stranger)) => {
                write!(f, "what answers at the gateway is {stranger}, and no SSTP server: check the gateway's port")
            }
            Error::NotHttp(None) => {
                f.write_str("what answers at the gateway does not speak HTTP: check the gateway's name and port")
            }
            Error::ServerRefused(refusal) => refusal.fmt(f),
            Error::ServerClosed { phase, reason } => {
                write!(f, "the server ended the session {phase}: {reason}")
            }
            Error::Silent(time) => write!(
                f,
                "the server has not answered for {} s: it, or the network on the way to it, is gone; connect again when \
                 the network is back",
                time.as_secs()
            ),
            Error::TimedOut(phase) => {
                write!(f, "the server did not answer in time {phase}")?;
                match phase {
                    Phase::Authentication => f.write_str("; if it waited for approval on another device, none came"),
                    Phase::Connected | Phase::Terminating => Ok(()),
                    _ => f.write_str(
                        ": it is overloaded or stuck, or something on the way holds back what is sent; try again",
                    ),
                }
            }
        }
    }
}

/// What the server wants of a person, as the beginning of a sentence.
fn wanted(question: &Question) -> String {
    match question {
        Question::Password { .. } => "the server wants another password".to_owned(),
        Question::NewPassword { .. } => "the password has expired, and the server wants a new one".to_owned(),
        Question::OneTimeCode { text } if text.is_empty() => "the server wants a one-time code".to_owned(),
        Question::OneTimeCode { text } => format!("the server asks \"{text}\""),
    }
}

/// What a page says that nobody has asked for.
const ANSWERED_BY_A_PAGE: &str = "a web page answers in the place of the SSTP server: this network may want you to log in first (open any page in a \
     browser), or the gateway's name or port is that of a web site";

/// Who answers with a status like this, and what helps (RFC 9110 15, RFC 6585).
fn meaning_of_status(status: u16) -> &'static str {
    match status {
        300..=399 => {
            ": this network may want you to log in there first (open it in a browser), or the gateway's name or port is \
             that of a web site"
        }
        401 | 403 => ": it does not allow SSTP from here",
        407 => ": something on the way is a proxy that wants a user name and a password",
        421 => ": it does not serve this name; check the gateway's name (gateway, gateway-name, gateway-sni)",
        426 | 505 => {
            ": it does not speak HTTP/1.1, which SSTP needs; it may be a reverse proxy in front of the server, whose \
             administrator has to let SSTP through"
        }
        502 | 504 => {
            ": it is a reverse proxy that does not reach the SSTP server behind it; only its administrator can mend that"
        }
        511 => ": this network wants you to log in first (open any page in a browser)",
        500.. => ": it is there, but its SSTP service is not working now",
        _ => {
            ": there is no SSTP service at this address; check the gateway's name and port, and its tenantid where it \
             needs one"
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Http { status: 200, server, .. } => {
                f.write_str(ANSWERED_BY_A_PAGE)?;
                server.as_ref().map_or(Ok(()), |server| write!(f, " (it calls itself {server})"))
            }
            Refusal::Http { status, reason, server, location } => {
                write!(f, "the server answered HTTP {status}")?;
                let server = server.as_ref().map(|server| format!("from {server}"));
                let words: Vec<&str> = [Some(reason.as_str()), server.as_deref()].into_iter().flatten().collect();
                match words.join(", ").trim_start_matches(", ") {
                    "" => {}
                    words => write!(f, " ({words})")?,
                }
                match location {
                    Some(location) if matches!(status, 300..=399) => {
                        write!(f, " and sends us to {location}")?;
                    }
                    _ => {}
                }
                f.write_str(meaning_of_status(*status))
            }
            Refusal::ConnectNak { status } => {
                write!(f, "the server refused the call (Connect-NAK, {}); it may not carry PPP", words(*status))
            }
            Refusal::CallAbort { status } => write!(
                f,
                "the server aborted the call ({}): its log says why, and its administrator has to mend that",
                words(*status)
            ),
        }
    }
}

impl std::error::Error for Error {}
