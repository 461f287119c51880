//! Everything that the certificate of an authentication server may fail by, for the test of the catalogue.

use crate::catalogue::{certificate, samples};

use super::*;

/// Every sentence, without what stands before it.
pub(crate) fn texts() -> Vec<String> {
    let verifier = |wanted, own| Verifier { wanted, pinned: None, verify_key_usage: own, own_authorities: own };
    let text = || "text".to_owned();
    let names = samples!(ServerName: {
        ServerName::Any => [ServerName::Any],
        ServerName::Subject(_) => [ServerName::Subject(text())],
        ServerName::Exact(_) => [ServerName::Exact(text())],
        ServerName::Suffix(_) => [ServerName::Suffix(text())],
    });
    let wanted = samples!(Wanted: {
        Wanted::Anything => [Wanted::Anything],
        Wanted::Gateway(_) => [Wanted::Gateway(text())],
        Wanted::Told(_) => names.into_iter().map(Wanted::Told),
    });
    let mut texts = vec![verifier(Wanted::Anything, true).text(&Verdict::default())];
    for wanted in wanted {
        for verifier in [verifier(wanted.clone(), true), verifier(wanted, false)] {
            for problem in problems() {
                for facts in [None, Some(certificate())] {
                    let failure = Some(Failure { problem: problem.clone(), facts });
                    texts.push(verifier.text(&Verdict { passed: false, failure }));
                }
            }
        }
    }
    texts
}

fn problems() -> Vec<Problem> {
    let words = || "words".to_owned();
    samples!(Problem: {
        Problem::Untrusted(_) => [Problem::Untrusted(words())],
        Problem::Name => [Problem::Name],
        Problem::Expired => [Problem::Expired],
        Problem::NotYetValid => [Problem::NotYetValid],
        Problem::Revoked => [Problem::Revoked],
        Problem::NoList(_) => [Problem::NoList(words())],
        Problem::Purpose => [Problem::Purpose],
        Problem::KeyUsage => [Problem::KeyUsage],
        Problem::Fingerprint => [Problem::Fingerprint],
        Problem::Other(_) => [Problem::Other(words())],
    })
}
