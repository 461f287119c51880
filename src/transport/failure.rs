//! Why there is no connection to the gateway, in sentences that a person can act on.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::certificate::{CertificateFacts, Purpose};
use super::dial;

/// Why there is no connection to the gateway.
#[derive(Debug)]
pub enum Error {
    /// There is no TCP connection to it.
    Dial(dial::Error),
    /// The file of CA certificates that the profile names cannot be used.
    CaCertificates {
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
    /// There is no protocol version that both sides accept; ours are TLS 1.2 and later.
    ProtocolVersion,
    /// What answers is not TLS.
    NotTls,
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
    /// Anything else, in the library's words.
    Other(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Dial(error) => error.fmt(f),
            Error::CaCertificates { path, reason } => {
                write!(f, "the CA certificate file {} (ca-cert) cannot be used: {reason}", path.display())
            }
            Error::TlsSetup(reason) => write!(f, "TLS cannot be set up on this machine: {reason}"),
            Error::Tls { host, address, failure } => fmt_tls(f, host, address, failure),
        }
    }
}

impl std::error::Error for Error {}

impl From<dial::Error> for Error {
    fn from(error: dial::Error) -> Self {
        Error::Dial(error)
    }
}

fn fmt_tls(f: &mut fmt::Formatter<'_>, host: &str, address: &SocketAddr, failure: &TlsFailure) -> fmt::Result {
    match failure {
        TlsFailure::Certificate { problem, certificate } => {
            fmt_certificate(f, host, address, problem, certificate.as_deref())
        }
        TlsFailure::ProtocolVersion => {
            write!(f, "the server at {address} speaks no version of TLS that is still accepted (1.2 or later)")
        }
        TlsFailure::NotTls => {
            write!(f, "what answers at {address} does not speak TLS: check the gateway's port")
        }
        TlsFailure::Closed => write!(
            f,
            "the server at {address} ended the connection in the TLS handshake: \
             it may not serve {host}, or not speak TLS on that port"
        ),
        TlsFailure::Other(text) => write!(f, "the TLS handshake with {address} failed: {text}"),
        TlsFailure::TimedOut(after) => {
            write!(f, "{address} accepted the connection and then no TLS handshake within {} s", after.as_secs())
        }
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
        CertificateProblem::Other(text) => write!(f, "the certificate of {host} ({address}) did not pass: {text}")?,
    }
    if let Some(facts) = certificate {
        write!(f, "; it is {facts}")?;
    }
    f.write_str(match problem {
        // the issuer of an issuer that is known is not: the file ends below the top
        CertificateProblem::Untrusted(text) if text.contains("unable to get issuer certificate") => {
            "; if this is the right server, put the authorities above that issuer into the file, too, up to the self-signed \
             one (ca-cert)"
        }
        CertificateProblem::Untrusted(_) => {
            "; if this is the right server, give the connection the certificate of that issuer as its CA (ca-cert)"
        }
        CertificateProblem::WrongName => "; if this is the right server, use a name of the certificate as the gateway",
        CertificateProblem::Expired | CertificateProblem::Purpose => "; the server's administrator has to replace it",
        CertificateProblem::NotYetValid | CertificateProblem::Other(_) => "",
    })
}
