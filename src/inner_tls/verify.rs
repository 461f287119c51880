//! What is verified of the authentication server, and what is said when it does not pass.

#[cfg(test)]
pub(crate) mod samples;

use std::sync::Mutex;

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::x509::{X509ExtendedKeyUsage, X509KeyUsage, X509Ref, X509StoreContextRef, X509VerifyResult};

use super::{ServerName, locked, names};
use crate::profile::Fingerprint;
use crate::transport::certificate::CertificateFacts;

/// The checks of one connector.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) wanted: Wanted,
    pub(super) pinned: Option<Fingerprint>,
    pub(super) verify_key_usage: bool,
    pub(super) own_authorities: bool,
}

/// The name that the server must have.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    /// None: its authority is enough.
    Anything,
    /// The gateway's; the library compares it, since it also knows wildcards and addresses.
    Gateway(String),
    /// The one that the profile tells.
    Told(ServerName),
}

/// What was found out about the server of one connection.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Every check was passed.
    pub(super) passed: bool,
    /// Which one was not.
    failure: Option<Failure>,
}

#[derive(Debug)]
struct Failure {
    problem: Problem,
    /// The certificate of the server, also where the problem is with another of its chain.
    facts: Option<CertificateFacts>,
}

/// Which check was not passed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Problem {
    /// No trusted authority stands at the end of its chain; in the library's words.
    Untrusted(String),
    Name,
    Expired,
    NotYetValid,
    Revoked,
    /// There is no valid list of what its issuer revoked; in the library's words.
    NoList(String),
    Purpose,
    KeyUsage,
    Fingerprint,
    /// Anything else, in the library's words.
    Other(String),
}

/// The results of a verification that are told apart (`openssl/x509_vfy.h`).
mod result {
    pub(super) const UNABLE_TO_GET_ISSUER_CERT: i32 = 2;
    pub(super) const UNABLE_TO_GET_CRL: i32 = 3;
    pub(super) const CERT_SIGNATURE_FAILURE: i32 = 7;
    pub(super) const CRL_SIGNATURE_FAILURE: i32 = 8;
    pub(super) const CERT_NOT_YET_VALID: i32 = 9;
    pub(super) const CERT_HAS_EXPIRED: i32 = 10;
    pub(super) const CRL_NOT_YET_VALID: i32 = 11;
    pub(super) const CRL_HAS_EXPIRED: i32 = 12;
    pub(super) const DEPTH_ZERO_SELF_SIGNED: i32 = 18;
    pub(super) const UNABLE_TO_VERIFY_LEAF_SIGNATURE: i32 = 21;
    pub(super) const CERT_REVOKED: i32 = 23;
    pub(super) const INVALID_PURPOSE: i32 = 26;
    pub(super) const UNABLE_TO_GET_CRL_ISSUER: i32 = 33;
    pub(super) const HOSTNAME_MISMATCH: i32 = 62;
    pub(super) const IP_ADDRESS_MISMATCH: i32 = 64;
}

impl Verifier {
    /// The name or address that the library has to look for.
    pub(super) fn gateway(&self) -> Option<&str> {
        match &self.wanted {
            Wanted::Gateway(host) if self.pinned.is_none() => Some(host),
            _ => None,
        }
    }

    /// Is asked by the library about each certificate of a chain, the server's last, and about each failure; answers
    /// whether to go on. `passed` is what the library thinks.
    pub(super) fn check(&self, passed: bool, context: &mut X509StoreContextRef, verdict: &Mutex<Verdict>) -> bool {
        match self.problem(passed, context) {
            Ok(is_server) => {
                context.set_error(X509VerifyResult::OK);
                if is_server {
                    locked(verdict).passed = true;
                }
                true
            }
            Err(problem) => {
                if passed {
                    context.set_error(X509VerifyResult::APPLICATION_VERIFICATION);
                }
                let facts = server(context).and_then(|server| CertificateFacts::from_der(&server.to_der().ok()?));
                let mut verdict = locked(verdict);
                verdict.passed = false;
                verdict.failure.get_or_insert(Failure { problem, facts });
                false
            }
        }
    }

    /// Whether it was the last question, about the server's own certificate, that passed.
    fn problem(&self, passed: bool, context: &X509StoreContextRef) -> Result<bool, Problem> {
        let missing = || Problem::Other("the server has no certificate".to_owned());
        if let Some(pinned) = &self.pinned {
            let server = server(context).ok_or_else(missing)?;
            let fingerprint = server.digest(MessageDigest::sha256()).map_err(|_| Problem::Fingerprint)?;
            if fingerprint.as_ref() != pinned {
                return Err(Problem::Fingerprint);
            }
        } else if !passed {
            let found = context.error();
            if found.as_raw() != result::INVALID_PURPOSE || context.error_depth() != 0 {
                return Err(problem(found));
            }
            let server = context.current_cert().ok_or_else(missing)?;
            self.check_purpose(server)?;
            // The library asks for serverAuth; that any purpose is as good is our own addition (RFC 5280 4.2.1.12).
            let any = server.extended_key_usage().is_some_and(|usage| usage.contains(X509ExtendedKeyUsage::ANYEKU));
            return if any { Ok(false) } else { Err(Problem::Purpose) };
        }
        if !passed || context.error_depth() != 0 {
            return Ok(false);
        }
        let server = context.current_cert().ok_or_else(missing)?;
        self.check_purpose(server)?;
        if self.pinned.is_none() && !self.has_name(server) {
            return Err(Problem::Name);
        }
        Ok(true)
    }

    fn check_purpose(&self, server: &X509Ref) -> Result<(), Problem> {
        let for_servers = X509ExtendedKeyUsage::SSL_SERVER | X509ExtendedKeyUsage::ANYEKU;
        match server.extended_key_usage() {
            Some(usage) if usage.intersects(for_servers) => {}
            None if !self.verify_key_usage => {}
            _ => return Err(Problem::Purpose),
        }
        // What the handshakes of TLS do with the key: sign, or decrypt or agree on keys (RFC 5246 7.4.2).
        let for_tls = X509KeyUsage::DIGITAL_SIGNATURE | X509KeyUsage::KEY_ENCIPHERMENT | X509KeyUsage::KEY_AGREEMENT;
        match server.key_usage() {
            Some(usage) if !usage.intersects(for_tls) => Err(Problem::KeyUsage),
            _ => Ok(()),
        }
    }

    fn has_name(&self, server: &X509Ref) -> bool {
        let any = |fits: &dyn Fn(&str) -> bool| names::server_names(server).iter().any(|name| fits(name));
        match &self.wanted {
            Wanted::Anything | Wanted::Gateway(_) | Wanted::Told(ServerName::Any) => true,
            Wanted::Told(ServerName::Subject(line)) => names::subject_is(server, line),
            Wanted::Told(ServerName::Exact(wanted)) => any(&|name| names::is(name, wanted)),
            Wanted::Told(ServerName::Suffix(suffix)) => any(&|name| names::ends_with(name, suffix)),
        }
    }

    /// What did not pass, and what helps: a sentence without its end.
    pub(super) fn text(&self, verdict: &Verdict) -> String {
        let Some(Failure { problem, facts }) = &verdict.failure else {
            return "the authentication server's certificate was not verified".to_owned();
        };
        let mut text = self.problem_text(problem, facts.as_ref());
        if let Some(facts) = facts {
            text.push_str(&format!("; it is {facts}"));
        }
        text.push_str(&self.remedy(problem, facts.as_ref()));
        text
    }

    fn problem_text(&self, problem: &Problem, facts: Option<&CertificateFacts>) -> String {
        let certificate = "the authentication server's certificate";
        match problem {
            Problem::Untrusted(words) if self.own_authorities => {
                format!("{certificate} does not come from an authority of tls-ca-cert, or else ca-cert: {words}")
            }
            Problem::Untrusted(words) => format!("{certificate} is not trusted: {words}"),
            Problem::Name => {
                let names = facts.map(|facts| format!(" is for {} and", facts.names_text())).unwrap_or_default();
                let wanted = match &self.wanted {
                    Wanted::Anything | Wanted::Told(ServerName::Any) => "the name that is asked for".to_owned(),
                    Wanted::Gateway(host) => format!("the name of the gateway, {host}"),
                    Wanted::Told(ServerName::Subject(line)) => format!("the subject {line} (tls-remotename)"),
                    Wanted::Told(ServerName::Exact(name)) => format!("the name {name} (tls-remotename)"),
                    Wanted::Told(ServerName::Suffix(suffix)) => {
                        format!("a name that ends with {suffix} (tls-remotename)")
                    }
                };
                format!("{certificate}{names} does not have {wanted}")
            }
            Problem::Expired => match facts {
                Some(facts) if facts.expired => format!("{certificate} expired on {}", facts.not_after),
                _ => format!("a certificate in the chain of {certificate} has expired"),
            },
            Problem::NotYetValid => format!("{certificate} is not valid yet: check the clock of this machine"),
            Problem::Revoked => format!("{certificate} was revoked, says crl-file"),
            Problem::NoList(words) => {
                format!("whether {certificate} was revoked cannot be told by crl-file: {words}")
            }
            Problem::Purpose if self.verify_key_usage => {
                format!("{certificate} does not say that it is for servers: its extended key usage has no serverAuth")
            }
            Problem::Purpose => format!("{certificate} is not for servers: its extended key usage has no serverAuth"),
            Problem::KeyUsage => format!("{certificate} has a key usage that does not allow TLS"),
            Problem::Fingerprint => format!("{certificate} does not have the fingerprint of tls-fingerprint"),
            Problem::Other(words) => format!("{certificate} did not pass: {words}"),
        }
    }

    fn remedy(&self, problem: &Problem, facts: Option<&CertificateFacts>) -> String {
        let fingerprint = facts.map(|facts| format!("={}", facts.fingerprint)).unwrap_or_default();
        let if_right = "if this is the right server";
        match problem {
            Problem::Untrusted(_) => format!(
                "; {if_right}, give the connection the certificate of that issuer (tls-ca-cert), or \
                 tls-fingerprint{fingerprint}"
            ),
            Problem::Name => match self.wanted {
                Wanted::Gateway(_) => format!(
                    "; {if_right}, give the connection the certificate of its issuer (tls-ca-cert), its name \
                     (tls-remotename with tls-verify-method=name), or tls-fingerprint{fingerprint}"
                ),
                _ => format!("; {if_right}, correct tls-remotename, or set tls-fingerprint{fingerprint}"),
            },
            Problem::Fingerprint => {
                format!("; if the server has got a new certificate, set tls-fingerprint{fingerprint}")
            }
            Problem::Expired => {
                format!(
                    "; the server's administrator has to replace it, until then tls-fingerprint{fingerprint} accepts it"
                )
            }
            Problem::Purpose | Problem::KeyUsage => "; the server's administrator has to replace it".to_owned(),
            Problem::NoList(_) => "; get the latest list of that issuer, or leave crl-file empty".to_owned(),
            Problem::Revoked | Problem::NotYetValid | Problem::Other(_) => String::new(),
        }
    }
}

/// The server's certificate, whichever of its chain is being asked about.
fn server(context: &X509StoreContextRef) -> Option<&X509Ref> {
    let first = context.chain().and_then(|chain| chain.get(0));
    first.or_else(|| context.current_cert().filter(|_| context.error_depth() == 0))
}

fn problem(found: X509VerifyResult) -> Problem {
    let words = || found.error_string().to_owned();
    match found.as_raw() {
        result::UNABLE_TO_GET_ISSUER_CERT
        | result::CERT_SIGNATURE_FAILURE
        | result::DEPTH_ZERO_SELF_SIGNED..=result::UNABLE_TO_VERIFY_LEAF_SIGNATURE => Problem::Untrusted(words()),
        result::CERT_HAS_EXPIRED => Problem::Expired,
        result::CERT_NOT_YET_VALID => Problem::NotYetValid,
        result::CERT_REVOKED => Problem::Revoked,
        result::UNABLE_TO_GET_CRL
        | result::CRL_SIGNATURE_FAILURE
        | result::CRL_NOT_YET_VALID
        | result::CRL_HAS_EXPIRED
        | result::UNABLE_TO_GET_CRL_ISSUER => Problem::NoList(words()),
        result::HOSTNAME_MISMATCH | result::IP_ADDRESS_MISMATCH => Problem::Name,
        _ => Problem::Other(words()),
    }
}

/// The words of the library's last error, without its codes.
pub(super) fn last_reason(errors: &ErrorStack) -> Option<&'static str> {
    errors.errors().last().and_then(|error| error.reason())
}
