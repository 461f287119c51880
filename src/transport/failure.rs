//! Why there is no connection to the gateway, in sentences that a person can act on.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::certificate::{CertificateFacts, Purpose};
use super::{dial, proxy};
use crate::profile::{Fingerprint, parse_fingerprint};
use crate::wire::stranger::Stranger;
use crate::wire::tls::Version;

/// Why there is no connection to the gateway.
#[derive(Debug)]
pub enum Error {
    /// There is no TCP connection to it.
    Dial(dial::Error),
    /// The proxy does not lead to it.
    Proxy(proxy::Error),
    /// The file or directory of CA certificates that the profile names cannot be used.
    CaCertificates {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file of revoked certificates that the profile names cannot be used.
    Revoked {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The TLS library cannot be set up: the fault of this machine.
    TlsSetup(String),
    /// The TLS handshake failed.
    Tls {
        /// The gateway as the profile names it.
        host: String,
        /// The address that was connected to.
        address: SocketAddr,
        /// The proxy that it went through, whose address it is then.
        proxy: Option<String>,
        /// How it failed.
        failure: TlsFailure,
    },
}

/// How a TLS handshake failed.
#[derive(Debug)]
pub enum TlsFailure {
    /// The server's certificate did not pass.
    Certificate {
        /// Which check it did not pass.
        problem: CertificateProblem,
        /// The certificate, where it could be had; boxed, since it is large and rare.
        certificate: Option<Box<CertificateFacts>>,
    },
    /// There is no protocol version that both sides accept.
    ProtocolVersion {
        /// The least that the profile accepts; the library may not accept it.
        least: Version,
    },
    /// The server does not know the name that it was told (RFC 6066 3, unrecognized_name).
    NameRefused {
        /// The name, where one was told.
        told: Option<String>,
    },
    /// The server wants to agree on a protocol inside TLS, such as HTTP/2 (RFC 7301 3.2, no_application_protocol).
    NoApplicationProtocol,
    /// What answers is not TLS; who it seems to be, where that can be told.
    NotTls(Option<Stranger>),
    /// The server ended the connection without a word.
    Closed,
    /// The server refused by an alert (RFC 8446 6), or something else went wrong, in the library's words.
    Other(String),
    /// It took longer than this.
    TimedOut(Duration),
}

/// Which check a certificate did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateProblem {
    /// No trusted CA stands at the end of its chain; in the library's words.
    Untrusted(String),
    /// It is for other names.
    WrongName,
    /// It, or a certificate of its chain, has expired.
    Expired,
    /// It, or a certificate of its chain, is not valid yet.
    NotYetValid,
    /// It, or a CA of its chain, is not for TLS servers (MS-SSTP 3.2.4.1).
    Purpose,
    /// It is in a list of what its issuer has revoked.
    Revoked,
    /// It is not the one certificate that the profile accepts.
    Fingerprint {
        /// SHA-256 of that, as `AB:CD:..`.
        wanted: String,
    },
    /// Anything else, in the library's words.
    Other(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Dial(error) => error.fmt(f),
            Error::Proxy(error) => error.fmt(f),
            Error::CaCertificates { path, reason } => {
                write!(f, "the CA certificates in {} (ca-cert) cannot be used: {reason}", path.display())
            }
            Error::Revoked { path, reason } => {
                write!(f, "the revoked certificates in {} (crl-file) cannot be used: {reason}", path.display())
            }
            Error::TlsSetup(reason) => write!(f, "TLS cannot be set up on this machine: {reason}"),
            Error::Tls { host, address, proxy, failure } => {
                fmt_tls(f, host, address, failure)?;
                proxy
                    .iter()
                    .try_for_each(|proxy| write!(f, "; this went through the proxy {proxy}, whose address that is"))
            }
        }
    }
}

impl std::error::Error for Error {}

impl From<dial::Error> for Error {
    fn from(error: dial::Error) -> Self {
        Error::Dial(error)
    }
}

impl From<proxy::Error> for Error {
    fn from(error: proxy::Error) -> Self {
        Error::Proxy(error)
    }
}

fn fmt_tls(f: &mut fmt::Formatter<'_>, host: &str, address: &SocketAddr, failure: &TlsFailure) -> fmt::Result {
    match failure {
        TlsFailure::Certificate { problem, certificate } => {
            fmt_certificate(f, host, address, problem, certificate.as_deref())
        }
        TlsFailure::ProtocolVersion { least } => fmt_version(f, address, *least),
        TlsFailure::NameRefused { told: Some(name) } => write!(
            f,
            "the server at {address} does not serve the name {name} (TLS alert: unrecognized name): check the gateway's \
             name, or set the one that it wants to be told (gateway-name, or gateway-sni)"
        ),
        TlsFailure::NameRefused { told: None } => write!(
            f,
            "the server at {address} wants to be told a name (TLS alert: unrecognized name), and was told none: set \
             gateway-name, and clear tls-ext"
        ),
        TlsFailure::NoApplicationProtocol => write!(
            f,
            "the server at {address} wants another protocol inside TLS, such as HTTP/2 (TLS alert: no application \
             protocol): it may be a reverse proxy, whose administrator has to let HTTP/1.1 through; else check the \
             gateway's name and port"
        ),
        TlsFailure::NotTls(Some(Stranger::Http(line))) => write!(
            f,
            "what answers at {address} is a web server without TLS ({line}): check the gateway's port, which for TLS is \
             mostly 443"
        ),
        TlsFailure::NotTls(Some(stranger)) => {
            write!(f, "what answers at {address} does not speak TLS, but is {stranger}: check the gateway's port")
        }
        TlsFailure::NotTls(None) => {
            write!(f, "what answers at {address} does not speak TLS: check the gateway's port")
        }
        TlsFailure::Closed => write!(
            f,
            "the server at {address} ended the connection in the TLS handshake: \
             it may not serve {host}, or not speak TLS on that port"
        ),
        TlsFailure::Other(text) => write!(f, "the TLS handshake with {address} failed: {text}"),
        TlsFailure::TimedOut(after) => {
            write!(
                f,
                "{address} accepted the connection and then no TLS handshake within {} s: check the gateway's port; if it \
                 is right, the server is overloaded or stuck",
                after.as_secs()
            )
        }
    }
}

fn fmt_version(f: &mut fmt::Formatter<'_>, address: &SocketAddr, least: Version) -> fmt::Result {
    write!(f, "the server at {address} speaks no version of TLS that is ")?;
    match least {
        Version::Tls10 | Version::Tls11 => write!(
            f,
            "accepted here: gateway-tls-min-version allows {least}, but the TLS library of this machine refuses what is \
             older than 1.2 unless its own policy is loosened, too (openssl.cnf: MinProtocol, and CipherString with \
             @SECLEVEL=0)"
        ),
        Version::Tls12 => f.write_str("still accepted (1.2 or later); it has to be brought up to date"),
        Version::Tls13 => f.write_str("accepted (1.3): set gateway-tls-min-version=1.2 to accept that, too"),
    }
}

fn fmt_certificate(
    f: &mut fmt::Formatter<'_>,
    host: &str,
    address: &SocketAddr,
    problem: &CertificateProblem,
    certificate: Option<&CertificateFacts>,
) -> fmt::Result {
    match problem {
        CertificateProblem::Untrusted(text) => {
            write!(f, "the certificate of {host} ({address}) is not trusted: {text}")?;
        }
        CertificateProblem::WrongName => match certificate {
            Some(facts) => {
                write!(f, "the server at {address} has a certificate for {}, not for {host}", facts.names_text())?
            }
            None => write!(f, "the server at {address} has a certificate that is not for {host}")?,
        },
        CertificateProblem::Expired => match certificate {
            Some(facts) if facts.expired => {
                write!(f, "the certificate of {host} ({address}) expired on {}", facts.not_after)?;
            }
            _ => write!(f, "a certificate in the chain of {host} ({address}) has expired")?,
        },
        CertificateProblem::NotYetValid => {
            write!(f, "the certificate of {host} ({address}) is not valid yet: check the clock of this machine")?;
        }
        CertificateProblem::Purpose => match certificate.map(|facts| facts.purpose) {
            Some(Purpose::Any) => write!(
                f,
                "the certificate of {host} ({address}) names anyExtendedKeyUsage as its only purpose, which the TLS \
                 library does not take for a server: it needs serverAuth"
            )?,
            Some(Purpose::Other) => write!(
                f,
                "the certificate of {host} ({address}) is not for servers: \
                 its extended key usage has no serverAuth"
            )?,
            _ => write!(f, "a certificate in the chain of {host} ({address}) is not for this purpose")?,
        },
        CertificateProblem::Revoked => {
            write!(f, "the certificate of {host} ({address}) was revoked by its issuer (crl-file)")?
        }
        CertificateProblem::Fingerprint { wanted } => write!(
            f,
            "the certificate of {host} ({address}) is not the one that is accepted, SHA-256 {wanted} \
             (gateway-fingerprint)"
        )?,
        CertificateProblem::Other(text) => write!(f, "the certificate of {host} ({address}) did not pass: {text}")?,
    }
    if let Some(facts) = certificate {
        write!(f, "; it is {facts}")?;
    }
    fmt_remedy(f, problem, certificate)
}

impl Error {
    /// SHA-256 of the certificate that did not pass, where the sentence offers to accept it by that.
    pub fn pin(&self) -> Option<Fingerprint> {
        let Error::Tls { failure: TlsFailure::Certificate { problem, certificate: Some(facts) }, .. } = self else {
            return None;
        };
        problem.can_be_pinned().then(|| parse_fingerprint(&facts.fingerprint)).flatten()
    }
}

impl CertificateProblem {
    /// Whether [`fmt_remedy`] offers to accept the certificate by its fingerprint.
    fn can_be_pinned(&self) -> bool {
        match self {
            Self::Untrusted(_) | Self::WrongName | Self::Expired | Self::Purpose | Self::Fingerprint { .. } => true,
            Self::NotYetValid | Self::Revoked | Self::Other(_) => false,
        }
    }
}

/// What helps. A fingerprint is offered as the setting that accepts it; the command
/// depends on whose connection it is, and a face knows that.
fn fmt_remedy(
    f: &mut fmt::Formatter<'_>,
    problem: &CertificateProblem,
    certificate: Option<&CertificateFacts>,
) -> fmt::Result {
    let pin = match certificate {
        Some(facts) => format!("gateway-fingerprint={}", facts.fingerprint),
        None => "gateway-fingerprint to its SHA-256".to_owned(),
    };
    let if_right = "if this is the right server";
    match problem {
        // the issuer of an issuer that is known is not: the file ends below the top
        CertificateProblem::Untrusted(text) if text.contains("unable to get issuer certificate") => write!(
            f,
            "; {if_right}, put the authorities above that issuer into the file, too, up to the self-signed one (ca-cert), \
             or set {pin}"
        ),
        CertificateProblem::Untrusted(_) => write!(
            f,
            "; {if_right}, give the connection the certificate of that issuer as its CA (ca-cert), or set {pin} to accept \
             this certificate alone; if it should have another issuer, something on the way intercepts TLS"
        ),
        CertificateProblem::WrongName => {
            let name = certificate.and_then(|facts| facts.names.first()).map(|name| format!("={name}"));
            let name = name.unwrap_or_default();
            write!(f, "; {if_right}, use a name of the certificate as the gateway, or set gateway-name{name}, or {pin}")
        }
        CertificateProblem::Fingerprint { .. } => write!(
            f,
            "; if the server has got a new certificate, set {pin}, but ask its administrator first: else something on the \
             way intercepts TLS"
        ),
        CertificateProblem::Expired | CertificateProblem::Purpose => {
            write!(f, "; the server's administrator has to replace it, until then {pin} accepts it")
        }
        CertificateProblem::Revoked => f.write_str("; the server's administrator has to replace it"),
        CertificateProblem::NotYetValid | CertificateProblem::Other(_) => Ok(()),
    }
}
