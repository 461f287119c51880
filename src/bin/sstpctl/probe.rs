//! `sstpctl probe`: looks at a server without logging in, and says in plain words what it saw.

use std::collections::HashMap;

use nm_sstp::tr;
use nm_sstp::words::of_service;
use serde::Serialize;
use zbus::OwnedVariant;

use crate::arguments;
use crate::files;
use crate::helper::{Authorization, Helper};
use crate::output::{self, Rows, Style};
use crate::printable;
use crate::problem::{Exit, Problem, sentence};
use crate::settings;
use crate::units;

/// Seconds of a day.
const DAY: u64 = 86_400;
/// A certificate that ends in less than this is worth a warning, in days.
const SOON: u64 = 14;

/// What was seen; what is not known is `null`. This is the form of `--json`.
#[derive(Debug, Default, Serialize)]
struct Findings {
    gateway: String,
    /// Whether a connection could be tried.
    usable: bool,
    /// Why not.
    problem: Option<String>,
    address: Option<String>,
    duration_usec: Option<u64>,
    tls_version: Option<String>,
    tls_cipher: Option<String>,
    certificate_subject: Option<String>,
    certificate_issuer: Option<String>,
    certificate_names: Option<Vec<String>>,
    /// Seconds since 1970.
    certificate_not_after: Option<u64>,
    certificate_fingerprint: Option<String>,
    certificate_problem: Option<String>,
    verified: Option<bool>,
    sstp: Option<bool>,
    hash_protocols: Option<Vec<String>>,
    authentication: Option<Vec<String>>,
    error: Option<String>,
}

/// Runs the command.
///
/// # Errors
///
/// [`Exit::Server`] where a connection could not even be tried; what the helper says.
pub async fn run(arguments: arguments::Probe) -> Result<(), Problem> {
    let settings = settings::gather(Some(&arguments.host), None, &arguments.set)?;
    // Settings of authentication do not matter here, and a profile of these alone has none.
    output::warn_of(&settings::notices(&settings)?);
    let files = files::open(&settings)?;
    let helper = Helper::open(Authorization::Ask).await?;
    let ignores = settings.get("ignore-cert-warn").is_some_and(|value| value == "yes");
    let findings = Findings::new(arguments.host, helper.probe(&settings, &files).await?, ignores);
    if arguments.json {
        output::json(&findings, true)?;
    } else {
        output::print(&findings.text(Style::of_stdout()))?;
    }
    match findings.problem {
        None => Ok(()),
        Some(_) if arguments.json => Err(Problem { exit: Exit::Server, sentence: None }),
        Some(problem) => Err(Problem::new(Exit::Server, problem)),
    }
}

impl Findings {
    /// From the result of `Manager1.Probe`. `ignores`: the certificate need not be verified.
    fn new(gateway: String, mut result: HashMap<String, OwnedVariant>, ignores: bool) -> Self {
        fn take<T: TryFrom<OwnedVariant>>(result: &mut HashMap<String, OwnedVariant>, name: &str) -> Option<T> {
            result.remove(name).and_then(|value| T::try_from(value).ok())
        }
        let found = &mut result;
        let mut findings = Self {
            gateway,
            usable: false,
            problem: None,
            address: take(found, "address"),
            duration_usec: take(found, "duration"),
            tls_version: take(found, "tls-version"),
            tls_cipher: take(found, "tls-cipher"),
            certificate_subject: take(found, "certificate-subject"),
            certificate_issuer: take(found, "certificate-issuer"),
            certificate_names: take(found, "certificate-names"),
            certificate_not_after: take(found, "certificate-not-after"),
            certificate_fingerprint: take(found, "certificate-fingerprint"),
            certificate_problem: take(found, "certificate-problem").filter(|problem: &String| !problem.is_empty()),
            verified: take(found, "verified"),
            sstp: take(found, "sstp"),
            hash_protocols: take(found, "hash-protocols"),
            authentication: take(found, "authentication"),
            error: take(found, "error").filter(|error: &String| !error.is_empty()),
        };
        findings.problem = findings.what_is_wrong(ignores);
        findings.usable = findings.problem.is_none();
        findings
    }

    /// Why a connection could not be tried. An authentication that the server did not get to is no hindrance.
    fn what_is_wrong(&self, ignores: bool) -> Option<String> {
        if self.verified == Some(false) && !ignores {
            let no_reason = || tr!("no reason was given");
            let reason = self.certificate_problem.clone().unwrap_or_else(no_reason);
            let reason = of_service(reason.trim_end_matches('.'));
            return Some(match &self.certificate_fingerprint {
                None => tr!(
                    "The server's certificate is not trusted: {reason}. Give the authority's certificate by --set \
                     ca-cert=FILE if you know it.",
                    reason = reason
                ),
                Some(digits) => tr!(
                    "The server's certificate is not trusted: {reason}. Give the authority's certificate by --set \
                     ca-cert=FILE if you know it, or accept this certificate alone by --set \
                     gateway-fingerprint={digits}.",
                    reason = reason,
                    digits = printable::line(digits)
                ),
            });
        }
        match (self.sstp, &self.error) {
            (Some(true), _) => None,
            (_, Some(error)) => Some(sentence(&of_service(error))),
            (Some(false), None) => Some(tr!("The server speaks TLS, but not SSTP: is it the right host and port?")),
            (None, None) => Some(tr!("It could not be found out whether the server speaks SSTP.")),
        }
    }

    fn text(&self, style: Style) -> String {
        let mut rows = Rows::new(style);
        rows.row(&tr!("Address"), self.address.as_ref());
        let tls = [&self.tls_version, &self.tls_cipher].into_iter().flatten().cloned().collect::<Vec<_>>();
        rows.row(&tr!("Encryption"), (!tls.is_empty()).then(|| tls.join(", ")));
        rows.row(&tr!("Certificate of"), self.certificate_subject.as_ref());
        rows.row(&tr!("Issued by"), self.certificate_issuer.as_ref());
        rows.rows(&tr!("Valid for"), self.certificate_names.as_deref());
        if let Some(end) = self.certificate_not_after {
            rows.styled(&tr!("Valid until"), expiry(end, units::now() / 1_000_000, style));
        }
        rows.row("SHA-256", self.certificate_fingerprint.as_ref());
        if let Some(verified) = self.verified {
            let why = self.certificate_problem.as_deref().map(|why| format!(": {}", printable::line(&of_service(why))));
            let no = style.bad(&tr!("no")) + &why.unwrap_or_default();
            rows.styled(&tr!("Trusted"), if verified { style.good(&tr!("yes")) } else { no });
        }
        if let Some(sstp) = self.sstp {
            rows.styled(&tr!("Speaks SSTP"), if sstp { style.good(&tr!("yes")) } else { style.bad(&tr!("no")) });
        }
        rows.row(&tr!("Binding hashes"), list(self.hash_protocols.as_deref()));
        rows.row(&tr!("Authentication"), list(self.authentication.as_deref()));
        if self.sstp == Some(true) && self.error.is_some() {
            rows.row(&tr!("Further"), self.error.as_deref().map(of_service));
        }
        let gateway = style.bold(&printable::line(&self.gateway));
        let heading = match self.duration_usec.map(units::short_time) {
            Some(time) => tr!("{gateway}, looked at in {time}", gateway = gateway, time = time),
            None => gateway,
        };
        let verdict = if self.usable { style.good(&tr!("A connection can be tried.")) + "\n" } else { String::new() };
        format!("{heading}\n{}{verdict}", rows.finish())
    }
}

fn list(values: Option<&[String]>) -> Option<String> {
    values.filter(|values| !values.is_empty()).map(|values| values.join(", "))
}

fn expiry(end: u64, now: u64, style: Style) -> String {
    let date = units::date(end);
    let days = |seconds: u64| match seconds / DAY {
        1 => tr!("1 day"),
        // Translators: any number but 1; where words change with the number, "days: {count}" does
        days => tr!("{count} days", count = days),
    };
    // Translators: the end of a certificate; {days} is "1 day" or "{count} days"
    let ahead = |seconds| tr!("{date} (in {days})", date = date, days = days(seconds));
    match end.checked_sub(now) {
        None => {
            // Translators: the end of a certificate; {days} is "1 day" or "{count} days"
            style.bad(&tr!("{date} ({days} ago)", date = date, days = days(now - end)))
        }
        Some(left) if left < SOON * DAY => style.busy(&ahead(left)),
        Some(left) => ahead(left),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(verified: Option<bool>, sstp: Option<bool>, error: Option<&str>) -> Findings {
        Findings { verified, sstp, error: error.map(str::to_owned), ..Findings::default() }
    }

    #[test]
    fn what_keeps_a_connection_from_being_tried() {
        assert_eq!(findings(Some(true), Some(true), None).what_is_wrong(false), None);
        assert_eq!(findings(Some(true), Some(true), Some("PPP went no further")).what_is_wrong(false), None);
        let untrusted = findings(Some(false), Some(true), None);
        assert!(untrusted.what_is_wrong(false).is_some_and(|text| text.contains("not trusted")));
        assert_eq!(untrusted.what_is_wrong(true), None);
        let silent = findings(None, None, Some("nobody answers"));
        assert_eq!(silent.what_is_wrong(true).as_deref(), Some("Nobody answers."));
        assert!(
            findings(Some(true), Some(false), None).what_is_wrong(false).is_some_and(|text| text.contains("not SSTP"))
        );
        assert!(findings(None, None, None).what_is_wrong(false).is_some());
    }

    #[test]
    fn the_end_of_a_certificate_is_near_or_far() {
        let now = 1_000 * DAY;
        let text = |end| expiry(end, now, Style::of_stdout());
        assert!(text(now + 36 * DAY).ends_with("(in 36 days)"));
        assert!(text(now - DAY - 1).ends_with("(1 day ago)"));
    }
}
