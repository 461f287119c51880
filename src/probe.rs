//! A look at a gateway without logging in.
use std::net::SocketAddr;
use std::time::Duration;

use crate::profile::Profile;
use crate::transport::Tls;
use crate::transport::certificate::CertificateFacts;

/// What was found; what is not known is `None`.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// The gateway's address.
    pub address: Option<SocketAddr>,
    /// The TLS connection.
    pub tls: Option<Tls>,
    /// Its certificate.
    pub certificate: Option<CertificateFacts>,
    /// End of its validity, in seconds since 1970.
    pub not_after: Option<u64>,
    /// The certificate passed all checks.
    pub verified: Option<bool>,
    /// Which check it did not pass, a sentence.
    pub problem: Option<String>,
    /// It speaks SSTP.
    pub sstp: Option<bool>,
    /// Hash protocols of the crypto binding that it offers.
    pub hash_protocols: Option<Vec<String>>,
    /// How users may authenticate themselves.
    pub authentication: Option<Vec<String>>,
    /// Why it went no further, a sentence.
    pub error: Option<String>,
    /// How long it took.
    pub duration: Duration,
}

/// Looks.
pub async fn probe(_profile: Profile, _owner: Option<String>) -> Findings {
    Findings::default()
}
