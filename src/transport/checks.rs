//! What is checked of the server's certificate once the handshake is done, beside what the TLS library checks in it: the
//! fingerprint, a name that is not the one that was told (SNI), and the lists of revoked certificates.

use std::net::IpAddr;

use openssl::asn1::Asn1Time;
use openssl::error::ErrorStack;
use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::{X509CheckFlags, X509VerifyFlags, X509VerifyParam};
use openssl::x509::{CrlStatus, X509, X509Crl, X509StoreContext, X509VerifyResult};
use sha2::{Digest, Sha256};

use super::certificate::{CertificateFacts, Purpose, colons};
use super::failure::CertificateProblem;
use super::{Revoked, Settings};
use crate::profile::Fingerprint;

/// Results of a verification (`openssl/x509_vfy.h`): the certificate is for other names, or for other addresses.
const NAME_MISMATCHES: [i32; 2] = [62, 64];

/// Checks a certificate in DER that the library has passed; or, where there is a fingerprint, one that it was not asked
/// about.
pub(super) fn check(settings: &Settings, der: &[u8]) -> Result<(), CertificateProblem> {
    if let Some(wanted) = &settings.fingerprint {
        return if digest(der) == *wanted {
            Ok(())
        } else {
            Err(CertificateProblem::Fingerprint { wanted: colons(wanted) })
        };
    }
    let unreadable = |error: ErrorStack| CertificateProblem::Other(error.to_string());
    if settings.library_checks_name() && settings.revoked.is_none() {
        return Ok(());
    }
    let certificate = X509::from_der(der).map_err(unreadable)?;
    if !settings.library_checks_name() {
        check_name(&certificate, settings.name())?;
    }
    match &settings.revoked {
        Some(revoked) => check_revocation(&certificate, revoked),
        None => Ok(()),
    }
}

fn digest(der: &[u8]) -> Fingerprint {
    Sha256::digest(der).into()
}

/// SHA-256 of a certificate in DER, as openssl and browsers print it.
pub(super) fn fingerprint(der: &[u8]) -> String {
    colons(&digest(der))
}

/// Asks the library whether a certificate has a name, by the rules that its handshakes have for it (RFC 9525 6): the
/// certificate is the only one that is trusted, so that nothing but the name can fail. The chain has passed before.
fn check_name(certificate: &X509, name: &str) -> Result<(), CertificateProblem> {
    let result = || -> Result<X509VerifyResult, ErrorStack> {
        let mut parameters = X509VerifyParam::new()?;
        parameters.set_flags(X509VerifyFlags::PARTIAL_CHAIN | X509VerifyFlags::NO_CHECK_TIME)?;
        parameters.set_hostflags(X509CheckFlags::NO_PARTIAL_WILDCARDS);
        match name.parse::<IpAddr>() {
            Ok(address) => parameters.set_ip(address)?,
            Err(_) => parameters.set_host(name)?,
        }
        let mut store = X509StoreBuilder::new()?;
        store.set_param(&parameters)?;
        store.add_cert(certificate.clone())?;
        let mut context = X509StoreContext::new()?;
        context.init(&store.build(), certificate, Stack::new()?.as_ref(), |context| {
            Ok(if context.verify_cert()? { X509VerifyResult::OK } else { context.error() })
        })
    };
    match result() {
        Ok(X509VerifyResult::OK) => Ok(()),
        Ok(other) if NAME_MISMATCHES.contains(&other.as_raw()) => Err(CertificateProblem::WrongName),
        Ok(other) => Err(CertificateProblem::Other(other.error_string().to_owned())),
        Err(error) => Err(CertificateProblem::Other(error.to_string())),
    }
}

/// Looks a certificate up in the lists of its issuer.
///
/// The lists are taken at their word, without a look at their signatures: whoever names the file vouches for it, and all
/// that a false list can do is to refuse. Where there is no list of this issuer, nothing is refused: the file was always
/// there for the authentication server, too, whose issuer mostly is another one.
fn check_revocation(certificate: &X509, revoked: &Revoked) -> Result<(), CertificateProblem> {
    let issuer = certificate.issuer_name();
    let lists = lists(&revoked.contents).unwrap_or_default();
    let mut lists = lists.iter().filter(|list| list.issuer_name().try_cmp(issuer).is_ok_and(|order| order.is_eq()));
    let mut newest = None;
    let is_revoked = lists.by_ref().any(|list| {
        newest = newest.max(Some(is_current(list)));
        matches!(list.get_by_cert(certificate), CrlStatus::Revoked(_))
    });
    let path = revoked.path.display();
    match newest {
        _ if is_revoked => return Err(CertificateProblem::Revoked),
        None => tracing::info!("{path} (crl-file) has no list of whoever issued the gateway's certificate"),
        Some(false) => {
            tracing::warn!("the list of revoked certificates in {path} (crl-file) is out of date: get a new one")
        }
        Some(true) => {}
    }
    Ok(())
}

fn is_current(list: &X509Crl) -> bool {
    let Ok(now) = Asn1Time::days_from_now(0) else { return true };
    list.next_update().is_none_or(|until| *until > now)
}

/// Begin and end of one list in PEM (RFC 7468 6).
const BEGIN: &str = "-----BEGIN X509 CRL-----";
const END: &str = "-----END X509 CRL-----";

/// The lists of a file, PEM or DER; at least one. The error says what the file is not.
pub(crate) fn lists(contents: &[u8]) -> Result<Vec<X509Crl>, &'static str> {
    let unusable = |_: ErrorStack| "it is not a list of revoked certificates in PEM or DER";
    let text = String::from_utf8_lossy(contents);
    if !text.contains("-----BEGIN ") {
        return Ok(vec![X509Crl::from_der(contents).map_err(unusable)?]);
    }
    let mut lists = Vec::new();
    let mut rest: &str = &text;
    while let Some((_, list)) = rest.split_once(BEGIN) {
        let (body, after) = list.split_once(END).unwrap_or((list, ""));
        lists.push(X509Crl::from_pem(format!("{BEGIN}{body}{END}\n").as_bytes()).map_err(unusable)?);
        rest = after;
    }
    if lists.is_empty() { Err("it holds no list of revoked certificates") } else { Ok(lists) }
}

/// Logs a certificate that passed only because it does not restrict its purpose.
pub(super) fn note_purpose(settings: &Settings, der: &[u8]) {
    if settings.fingerprint.is_none()
        && let Some(facts) = CertificateFacts::from_der(der)
        && facts.purpose == Purpose::Unrestricted
    {
        tracing::info!("the certificate of {} does not say that it is for servers; it is {facts}", settings.name());
    }
}
