//! A look at the gateway, and what a person is told of it.

use std::collections::BTreeMap;

use nm_sstp::profile::{KEYS, Kind};
use nm_sstp::tr;
use nm_sstp::words::of_service;

/// What `org.sstpd.Manager1.Probe` found; what is not known is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Address of the server.
    pub address: Option<String>,
    /// Version of TLS.
    pub tls_version: Option<String>,
    /// The names that the certificate is issued for.
    pub names: Vec<String>,
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
            sentences.push(tr!("Its fingerprint (SHA-256) is:"));
            sentences.extend(in_lines(fingerprint));
            sentences.push(tr!("Compare it with the one that the server's administrator tells you."));
        }
        if !self.authentication.is_empty() {
            sentences.push(tr!("It lets people log on by {methods}.", methods = self.authentication.join(", ")));
        }
        sentences
    }

    /// What can be done about it. Nobody should trust what its issuer has revoked.
    pub fn offer(&self) -> Offer {
        let revoked = self.certificate_problem.as_ref().is_some_and(|problem| problem.contains(" was revoked "));
        match (self.verified, &self.fingerprint) {
            (Some(false), Some(_)) if !revoked => Offer::Trust,
            _ => Offer::Nothing,
        }
    }

    /// Whether a connection can be tried.
    pub fn is_usable(&self, ignores_certificate: bool) -> bool {
        self.sstp == Some(true) && (self.verified != Some(false) || ignores_certificate)
    }

    fn verdict(&self, ignores_certificate: bool) -> String {
        if self.verified == Some(false) && !ignores_certificate {
            return self.objection();
        }
        match (self.sstp, &self.error, &self.address, &self.tls_version) {
            (Some(true), _, Some(address), Some(version)) => tr!(
                "The server can be used. It answers at {address} and speaks {version}.",
                address = address,
                version = version
            ),
            (Some(true), ..) => tr!("The server can be used."),
            (_, Some(error), ..) => {
                let reason = of_service(error.trim_end_matches('.'));
                tr!("The server cannot be used: {reason}.", reason = reason)
            }
            (Some(false), None, ..) => tr!("The server does not speak SSTP. Is it the right name and port?"),
            (None, None, ..) => tr!("It could not be found out whether the server speaks SSTP."),
        }
    }
}

impl Findings {
    /// What is wrong with the certificate. The service says it in one English sentence with a setting to change; here there
    /// are buttons for that, and the beginning tells which case it is.
    fn objection(&self) -> String {
        let Some(problem) = &self.certificate_problem else { return tr!("The server's certificate is not trusted.") };
        let clause = problem.split("; ").next().unwrap_or(problem).trim_end_matches('.');
        let says = |words: &str| clause.contains(words);
        if says(" is not trusted: ") {
            tr!(
                "The server can be reached, but its certificate was not issued by an authority that is trusted. If you have \
                 the certificate of its authority, choose it."
            )
        } else if says(" has a certificate for ") || says(" has a certificate that is not for ") {
            tr!(
                "The server can be reached, but its certificate is for another name: {names}. If that is the right server, \
                 use this name as the gateway, or enter it as the name in the certificate (Advanced).",
                names = self.names.join(", ")
            )
        } else if says(" expired on ") || says(" has expired") {
            tr!("The server can be reached, but its certificate has expired. Its administrator has to renew it.")
        } else if says(" is not valid yet") {
            tr!("The server can be reached, but its certificate is not valid yet. Is the clock of this computer right?")
        } else if says(" is not the one that is accepted") {
            tr!(
                "The server shows another certificate than the one that is accepted. Ask its administrator whether it has a \
                 new one, before you accept that."
            )
        } else if says(" was revoked ") {
            tr!("The server's certificate was revoked by its issuer. Do not log on there.")
        } else {
            tr!("The server's certificate is not trusted: {reason}.", reason = of_service(clause))
        }
    }
}

/// A fingerprint in lines of 16 octets, so that two people can read it to each other.
fn in_lines(fingerprint: &str) -> Vec<String> {
    let octets: Vec<&str> = fingerprint.split(':').collect();
    octets.chunks(16).map(|line| line.join(":")).collect()
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
            sentences[0].ends_with(": self-signed certificate.") && sentences.contains(&"AB:CD".to_owned()),
            "{sentences:?}"
        );
    }

    #[test]
    fn a_fingerprint_can_be_read_out() {
        let octets = ["AB"; 32].join(":");
        assert_eq!(in_lines(&octets), [["AB"; 16].join(":"), ["AB"; 16].join(":")]);
    }

    /// The sentences of the service, as it says them.
    #[test]
    fn what_is_wrong_with_a_certificate_is_said_in_plain_words() {
        let host = "the certificate of vpn.example.com (192.0.2.1:443)";
        for (problem, words) in [
            (
                format!("{host} is not trusted: self-signed certificate; it is issued to me"),
                "not issued by an authority",
            ),
            (
                "the server at 192.0.2.1:443 has a certificate for a.example, not for b; it".into(),
                "another name: a.example",
            ),
            (format!("{host} expired on 2020-01-01; it is issued to me"), "has expired"),
            (format!("a certificate in the chain of {host} has expired"), "has expired"),
            (format!("{host} is not valid yet: check the clock of this machine"), "clock"),
            (
                format!("{host} is not the one that is accepted, SHA-256 AB (gateway-fingerprint)"),
                "another certificate",
            ),
            (format!("{host} was revoked by its issuer (crl-file); it is issued to me"), "revoked"),
            (format!("{host} did not pass: something; if this is"), "did not pass: something."),
        ] {
            let revoked = problem.contains("revoked");
            let found = Findings {
                certificate_problem: Some(problem),
                fingerprint: Some("AB:CD".into()),
                names: vec!["a.example".into()],
                ..findings(Some(false), None, None)
            };
            let verdict = found.sentences(false).remove(0);
            assert!(verdict.contains(words) && !verdict.contains("issued to me"), "{verdict}");
            assert_eq!(found.offer() == Offer::Nothing, revoked, "{verdict}");
        }
    }

    #[test]
    fn no_secret_and_no_file_of_the_user_goes_out() {
        let data = ["gateway", "ca-cert", "proxy-password", "tls-user-key", "password-flags", "colour", "user", "mtu"];
        let data = data.into_iter().map(|name| (name.to_owned(), "x".to_owned())).collect();
        let sent: Vec<String> = settings_for_probe(&data).into_keys().collect();
        assert_eq!(sent, ["ca-cert", "gateway", "mtu", "user"]);
    }
}
