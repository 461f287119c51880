//! The answer to `Probe`.

use std::collections::HashMap;

use zbus::{OwnedVariant, Variant};

use crate::probe::Findings;

/// The dictionary of what was found; what is not known is not there.
pub(super) fn dictionary(findings: Findings) -> HashMap<&'static str, OwnedVariant> {
    let Findings { address, tls, certificate, not_after, verified, problem, sstp, .. } = &findings;
    let text = |text: &String| Some(text).filter(|text| !text.is_empty()).map(|text| Variant::from(text.clone()));
    let micros = u64::try_from(findings.duration.as_micros()).unwrap_or(u64::MAX);
    let entries: [(&'static str, Option<Variant<'static>>); 15] = [
        ("address", address.map(|address| address.to_string().into())),
        ("tls-version", tls.as_ref().and_then(|tls| text(&tls.version))),
        ("tls-cipher", tls.as_ref().and_then(|tls| text(&tls.cipher))),
        ("certificate-subject", certificate.as_ref().map(|facts| facts.subject.clone().into())),
        ("certificate-issuer", certificate.as_ref().map(|facts| facts.issuer.clone().into())),
        ("certificate-fingerprint", certificate.as_ref().map(|facts| facts.fingerprint.clone().into())),
        ("certificate-not-after", not_after.map(Variant::from)),
        ("certificate-names", certificate.as_ref().map(|facts| facts.names.clone().into())),
        ("verified", verified.map(Variant::from)),
        ("certificate-problem", problem.as_ref().map(|problem| problem.clone().into())),
        ("sstp", sstp.map(Variant::from)),
        ("hash-protocols", findings.hash_protocols.as_ref().map(|names| names.clone().into())),
        ("authentication", findings.authentication.as_ref().map(|names| names.clone().into())),
        ("error", findings.error.as_ref().map(|error| error.clone().into())),
        ("duration", Some(micros.into())),
    ];
    let known = entries.into_iter().filter_map(|(key, value)| Some((key, OwnedVariant::try_from(value?).ok()?)));
    known.collect()
}
