//! docs/troubleshooting.md has every sentence by which a connection fails, and no other: each is made here, and looked up
//! there. In the catalogue a sentence is a line of a quotation, with `...` for what varies.
//!
//! Every variant of every error has a sample, or this does not compile. What is no enum, such as a sentence that is
//! written where it is raised, is found in the source.

mod driver;
mod proxy;
mod source;

use std::path::Path;

#[cfg(feature = "words")]
use crate::exchange::toml::BadToml;
use crate::transport::certificate::{CertificateFacts, Purpose};

/// Samples of an enum, by its variants: any collection for each.
macro_rules! samples {
    ($type:ty: { $($variant:pat => $samples:expr),+ $(,)? }) => {{
        // a variant that is missing here is an error of the compiler
        let variant = |sample: &$type| match sample { $($variant => stringify!($variant)),+ };
        let mut all = Vec::<$type>::new();
        $(all.extend(IntoIterator::into_iter($samples).inspect(|sample| {
            assert_eq!(variant(sample), stringify!($variant), "a sample is not where it belongs");
        }));)+
        all
    }};
}
pub(crate) use samples;

/// Facts of a certificate that has expired.
pub(crate) fn certificate() -> CertificateFacts {
    CertificateFacts {
        names: vec!["other.example".to_owned()],
        more_names: 0,
        subject: "other.example".to_owned(),
        issuer: "Example CA".to_owned(),
        self_issued: false,
        not_after: "Jan  1 00:00:00 2026 GMT".to_owned(),
        expired: true,
        purpose: Purpose::Server,
        fingerprint: "AB:CD".to_owned(),
    }
}

fn text_of(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// The sentences of the catalogue, each with the characters of it that do not vary.
struct Entry {
    pattern: String,
    constant: usize,
}

impl Entry {
    fn all() -> Vec<Entry> {
        let text = text_of("docs/troubleshooting.md");
        let patterns = text.lines().filter_map(|line| line.strip_prefix("> "));
        patterns
            .map(|pattern| Entry { pattern: pattern.to_owned(), constant: pattern.replace("...", "").len() })
            .collect()
    }

    /// Whether it is this sentence, from its begin to its end.
    fn is(&self, sentence: &str) -> bool {
        let pieces: Vec<&str> = self.pattern.split("...").collect();
        let [begin, between @ .., end] = pieces.as_slice() else { return sentence == self.pattern };
        let Some(mut rest) = sentence.strip_prefix(begin) else { return false };
        for piece in between {
            let Some((_, behind)) = rest.split_once(*piece) else { return false };
            rest = behind;
        }
        rest.ends_with(end)
    }
}

#[test]
fn the_catalogue_has_every_sentence_and_no_other() {
    let entries = Entry::all();
    let mut used = vec![false; entries.len()];
    let mut missing = Vec::new();
    let mut sentences = driver::sentences();
    sentences.extend(source::sentences());
    for sentence in sentences {
        let fitting = (0..entries.len()).filter(|at| entries[*at].is(&sentence));
        match fitting.max_by_key(|at| entries[*at].constant) {
            Some(at) => used[at] = true,
            None => missing.push(sentence),
        }
    }
    missing.sort();
    missing.dedup();
    assert!(missing.is_empty(), "not in docs/troubleshooting.md:\n{}", missing.join("\n"));
    let unused: Vec<&str> =
        entries.iter().zip(used).filter(|(_, used)| !used).map(|(entry, _)| entry.pattern.as_str()).collect();
    assert!(unused.is_empty(), "in docs/troubleshooting.md, but nobody says it:\n{}", unused.join("\n"));
}

/// What the service says is translated by the program that shows it, which knows each of these sentences.
#[cfg(feature = "words")]
#[test]
fn every_sentence_can_be_translated() {
    // what stands in the places of the samples, and what is for administrators or comes from libraries
    let places = "text x xx words work a file line gone refused other.example Example CA AB:CD Jan GMT proxy.example \
                  vpn.example https://portal.example Server Reason Code tls-user-cert tls-fingerprint gateway-name \
                  gateway-fingerprint pkcs11:token=a b E=691 No buffer space available (os error 105) General SOCKS server \
                  failure Host unreachable Network unreachable TTL expired Command not supported NTLM Negotiate Basic Digest \
                  SPAP EAP-SIM EAP-TTLS PEAP TLS";
    let of_places: Vec<_> = places.split(|c: char| !c.is_alphabetic()).collect();
    let mut missing = Vec::new();
    let of_files = [None, Some(1)].map(|line| BadToml { line }.to_string());
    for sentence in driver::sentences().into_iter().chain(source::of_the_service()).chain(of_files) {
        // a tail of a sentence that is mostly empty
        let mut words = crate::words::untranslated(&sentence.replace("acceptedx", "accepted"));
        words.retain(|word| !of_places.contains(&word.as_str()));
        if !words.is_empty() && !sentence.starts_with("the server breaks the protocol (") {
            missing.push(format!("{sentence}\n    {words:?}"));
        }
    }
    missing.sort();
    missing.dedup();
    assert!(missing.is_empty(), "not, or not all, in src/words/service/list.rs:\n{}", missing.join("\n"));
}

#[test]
fn an_entry_says_something() {
    for Entry { pattern, constant } in Entry::all() {
        assert!(constant >= 15 || !pattern.contains("..."), "{pattern:?} would fit what it is not about");
    }
}
