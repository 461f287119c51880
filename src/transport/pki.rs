//! Certificates made for one test.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use openssl::asn1::{Asn1Object, Asn1OctetString, Asn1Time};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509Crl, X509CrlBuilder, X509Extension, X509Name, X509RevokedBuilder};

/// A CA that lives as long as its test.
pub(crate) struct Ca {
    pub(crate) certificate: X509,
    pub(crate) key: PKey<Private>,
}

/// What is written into a test certificate.
pub(crate) struct Leaf<'a> {
    pub(crate) names: &'a [&'a str],
    pub(crate) usages: &'a [&'a str],
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
}

/// In seconds.
pub(crate) const DAY: i64 = 24 * 60 * 60;

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() as i64
}

impl Default for Leaf<'_> {
    fn default() -> Self {
        Leaf { names: &["localhost"], usages: &["serverAuth"], not_before: now() - DAY, not_after: now() + DAY }
    }
}

pub(crate) fn key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn name(common_name: &str) -> X509Name {
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_nid(Nid::COMMONNAME, common_name).unwrap();
    name.build()
}

pub(crate) fn builder(subject: &str, issuer: &str, key: &PKey<Private>) -> X509Builder {
    static SERIAL: AtomicUsize = AtomicUsize::new(1);
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let serial = BigNum::from_u32(SERIAL.fetch_add(1, Ordering::Relaxed) as u32).unwrap();
    builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name(subject)).unwrap();
    builder.set_issuer_name(&name(issuer)).unwrap();
    builder.set_pubkey(key).unwrap();
    builder
}

impl Ca {
    pub(crate) fn new(common_name: &str) -> Ca {
        let key = key();
        let mut builder = builder(common_name, common_name, &key);
        builder.set_not_before(&Asn1Time::from_unix(now() - DAY).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_unix(now() + DAY).unwrap()).unwrap();
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        Ca { certificate: builder.build(), key }
    }

    /// Certificate and key in PEM.
    pub(crate) fn issue(&self, leaf: &Leaf<'_>) -> (Vec<u8>, Vec<u8>) {
        let key = key();
        let mut builder = builder(leaf.names[0], "Test CA", &key);
        builder.set_not_before(&Asn1Time::from_unix(leaf.not_before).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_unix(leaf.not_after).unwrap()).unwrap();
        let mut names = SubjectAlternativeName::new();
        for name in leaf.names {
            if name.parse::<std::net::IpAddr>().is_ok() {
                names.ip(name)
            } else {
                names.dns(name)
            };
        }
        let names = names.build(&builder.x509v3_context(Some(&self.certificate), None)).unwrap();
        builder.append_extension(names).unwrap();
        if !leaf.usages.is_empty() {
            let mut usage = ExtendedKeyUsage::new();
            for name in leaf.usages {
                usage.other(name);
            }
            builder.append_extension(usage.build().unwrap()).unwrap();
        }
        builder.sign(&self.key, MessageDigest::sha256()).unwrap();
        (builder.build().to_pem().unwrap(), key.private_key_to_pem_pkcs8().unwrap())
    }

    /// The list of those of its certificates that are revoked, two days old, good until then.
    pub(crate) fn list(&self, revoked: &[&X509], until: i64) -> X509Crl {
        let mut builder = X509CrlBuilder::new().unwrap();
        builder.set_issuer_name(self.certificate.subject_name()).unwrap();
        builder.set_last_update(&Asn1Time::from_unix(now() - 2 * DAY).unwrap()).unwrap();
        builder.set_next_update(&Asn1Time::from_unix(until).unwrap()).unwrap();
        for certificate in revoked {
            let mut entry = X509RevokedBuilder::new().unwrap();
            entry.set_serial_number(certificate.serial_number()).unwrap();
            entry.set_revocation_date(&Asn1Time::from_unix(now() - DAY).unwrap()).unwrap();
            builder.add_revoked(entry.build()).unwrap();
        }
        let extensions = [("2.5.29.35", &[0x30, 6, 0x80, 4, 1, 2, 3, 4][..]), ("2.5.29.20", &[2, 1, 1])];
        for (identifier, contents) in extensions {
            let identifier = Asn1Object::from_str(identifier).unwrap();
            let contents = Asn1OctetString::new_from_bytes(contents).unwrap();
            builder.append_extension(X509Extension::new_from_der(&identifier, false, &contents).unwrap()).unwrap();
        }
        builder.sort().unwrap();
        builder.sign(&self.key, MessageDigest::sha256()).unwrap();
        builder.build().unwrap()
    }

    pub(crate) fn file(&self) -> CaFile {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("nm-sstp-test-ca-{}-{number}.pem", std::process::id()));
        fs::write(&path, self.certificate.to_pem().unwrap()).unwrap();
        CaFile(path)
    }
}

/// A file that goes with its owner.
pub(crate) struct CaFile(pub(crate) PathBuf);

impl Drop for CaFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
