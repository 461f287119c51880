//! A look at the gateway, and what a person is told of it.

use std::collections::BTreeMap;

use nm_sstp::profile::{KEYS, Kind};
use nm_sstp::tr;

/// What `org.sstpd.Manager1.Probe` found; what is not known is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Address of the server.
    pub address: Option<String>,
    /// Version of TLS.
    pub tls_version: Option<String>,
    /// Whom the certificate is for.
    pub subject: Option<String>,
    /// Who issued it.
    pub issuer: Option<String>,
    /// Its SHA-256.
    pub fingerprint: Option<String>,
    /// Whether it passed the verification.
    pub verified: Option<bool>,
    /// Why not.
    pub certificate_problem: Option<String>,
    /// Whether the server speaks SSTP.
    pub sstp: Option<bool>,
    /// Ways to log on that the server offers.
    pub authentication: Vec<String>,
    /// Why it went no further.
    pub error: Option<String>,
}

/// What the page offers to do about what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// Nothing.
    Nothing,
    /// To accept the certificate that was shown and no other, or to choose the authority that issued it.
    Trust,
}

impl Findings {
    /// What a person is told: the verdict, then what it is made of, each a sentence.
    pub fn sentences(&self, ignores_certificate: bool) -> Vec<String> {
        let mut sentences = vec![self.verdict(ignores_certificate)];
        if let (Some(subject), Some(issuer)) = (&self.subject, &self.issuer) {
            sentences.push(tr!(
                "Its certificate is for {subject}, issued by {issuer}.",
                subject = subject,
                issuer = issuer
            ));
        }
        if let Some(fingerprint) = self.fingerprint.as_ref().filter(|_| self.offer() == Offer::Trust) {
            sentences.push(tr!(
                "Fingerprint (SHA-256): {fingerprint}. Compare it with the one that the server's administrator tells you.",
                fingerprint = fingerprint
            ));
        }
        if !self.authentication.is_empty() {
            sentences.push(tr!("It lets people log on by {methods}.", methods = self.authentication.join(", ")));
        }
        sentences
    }

    /// What can be done about it.
    pub fn offer(&self) -> Offer {
        match (self.verified, &self.fingerprint) {
            (Some(false), Some(_)) => Offer::Trust,
            _ => Offer::Nothing,
        }
    }

    /// Whether a connection can be tried.
    pub fn is_usable(&self, ignores_certificate: bool) -> bool {
        self.sstp == Some(true) && (self.verified != Some(false) || ignores_certificate)
    }

    fn verdict(&self, ignores_certificate: bool) -> String {
        if self.verified == Some(false) && !ignores_certificate {
            return match &self.certificate_problem {
                Some(problem) => {
                    tr!("The server's certificate is not trusted: {reason}.", reason = problem.trim_end_matches('.'))
                }
                None => tr!("The server's certificate is not trusted."),
            };
        }
        match (self.sstp, &self.error, &self.address, &self.tls_version) {
            (Some(true), _, Some(address), Some(version)) => tr!(
                "The server can be used. It answers at {address} and speaks {version}.",
                address = address,
                version = version
            ),
            (Some(true), ..) => tr!("The server can be used."),
            (_, Some(error), ..) => tr!("The server cannot be used: {reason}.", reason = error.trim_end_matches('.')),
            (Some(false), None, ..) => tr!("The server does not speak SSTP. Is it the right name and port?"),
            (None, None, ..) => tr!("It could not be found out whether the server speaks SSTP."),
        }
    }
}

/// The settings that a look at the gateway needs: all but what was unset, unknown, or is a secret. The user's certificate
/// is of no use there, and its files need not be opened.
pub fn settings_for_probe(data: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let wanted = |name: &str| {
        let key = KEYS.iter().find(|key| key.name == name);
        key.is_some_and(|key| match key.kind {
            Kind::Secret | Kind::Flags => false,
            Kind::Path => ["ca-cert", "crl-file"].contains(&name),
            _ => !name.starts_with("capture"),
        })
    };
    let pairs = data.iter().filter(|(name, value)| !value.is_empty() && wanted(name));
    pairs.map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(verified: Option<bool>, sstp: Option<bool>, error: Option<&str>) -> Findings {
        Findings { verified, sstp, error: error.map(str::to_owned), ..Findings::default() }
    }

    #[test]
    fn the_verdict_comes_first() {
        for (found, ignores, usable, verdict) in [
            (findings(Some(true), Some(true), None), false, true, "The server can be used."),
            (findings(Some(false), Some(true), None), true, true, "The server can be used."),
            (findings(Some(false), Some(true), None), false, false, "The server's certificate is not trusted."),
            (findings(None, None, Some("nobody answers.")), false, false, "The server cannot be used: nobody answers."),
            (findings(Some(true), Some(false), None), false, false, "The server does not speak SSTP."),
            (findings(None, None, None), false, false, "It could not be found out"),
        ] {
            let first = found.sentences(ignores).remove(0);
            assert!(first.starts_with(verdict), "{first}");
            assert_eq!(found.is_usable(ignores), usable, "{first}");
        }
    }

    #[test]
    fn a_certificate_that_is_not_trusted_can_be_accepted_with_its_fingerprint() {
        let mut found = findings(Some(false), Some(true), None);
        assert_eq!(found.offer(), Offer::Nothing);
        found.fingerprint = Some("AB:CD".into());
        found.certificate_problem = Some("self-signed certificate".into());
        assert_eq!(found.offer(), Offer::Trust);
        let sentences = found.sentences(false);
        assert!(
            sentences[0].ends_with(": self-signed certificate.") && sentences[1].contains("AB:CD"),
            "{sentences:?}"
        );
    }

    #[test]
    fn no_secret_and_no_file_of_the_user_goes_out() {
        let data = ["gateway", "ca-cert", "proxy-password", "tls-user-key", "password-flags", "colour", "user", "mtu"];
        let data = data.into_iter().map(|name| (name.to_owned(), "x".to_owned())).collect();
        let sent: Vec<String> = settings_for_probe(&data).into_keys().collect();
        assert_eq!(sent, ["ca-cert", "gateway", "mtu", "user"]);
    }
}
