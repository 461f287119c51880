//! What the library's errors say.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;

use super::{certificate, proxy, samples, source};
use crate::ppp::inner_tls::{Fault, TlsError};
use crate::transport::certificate::Purpose;
use crate::transport::dial;
use crate::transport::failure::{self, CertificateProblem, TlsFailure};
use crate::tunnel::{Failure, Phase};
use crate::wire::stranger::Stranger;
use crate::wire::tls::Version;
use crate::{inner_tls, netconf, private_file, profile, session, store, tun};

fn text() -> String {
    "text".to_owned()
}

fn path() -> PathBuf {
    PathBuf::from("/a/file")
}

/// The sentences of a tunnel, of the host and of the store.
pub(super) fn sentences() -> Vec<String> {
    let mut all: Vec<String> = tunnels().iter().map(Failure::to_string).collect();
    all.extend(session::samples());
    all.extend(hosts().iter().map(|error| format!("this machine could not be configured for the tunnel: {error}")));
    all.extend(stores().iter().map(store::Error::to_string));
    all
}

fn tunnels() -> Vec<Failure> {
    samples!(Failure: {
        Failure::Profile(_) => profiles().into_iter().map(Failure::Profile),
        Failure::File(_) => [None, Some(text())].map(|owner| {
            Failure::File(private_file::Error { path: path(), owner, reason: text() })
        }),
        Failure::InnerTls(_) => identities().into_iter().map(Failure::InnerTls),
        Failure::Transport(_) => transports().into_iter().map(Failure::Transport),
        // the session's own are looked up beside these
        Failure::Session(_) => inner_tls().into_iter().map(|error| Failure::Session(session::Error::InnerTls(error))),
        Failure::Device(_) => devices().into_iter().map(Failure::Device),
        Failure::DeviceGone { .. } => [Failure::DeviceGone { interface: text(), source: io::Error::other("gone") }],
        Failure::Entropy(_) => [Failure::Entropy(text())],
        Failure::ConnectTimeout { .. } => {
            [Failure::ConnectTimeout { after: Duration::from_secs(30), phase: Phase::Connect }]
        },
    })
}

fn profiles() -> Vec<profile::Error> {
    use profile::{BadProxy, Error, Reason};
    samples!(Error: {
        Error::NoGateway => [Error::NoGateway],
        Error::BadGateway { .. } => [Error::BadGateway { gateway: text(), reason: Reason::Port }],
        Error::BadFingerprint(_) => [Error::BadFingerprint(text())],
        Error::BadConnectionType(_) => [Error::BadConnectionType(text())],
        Error::NoUserName => [Error::NoUserName],
        Error::NoPassword => [Error::NoPassword],
        Error::NoCertificate => [Error::NoCertificate],
        Error::NoIdentity => [Error::NoIdentity],
        Error::NoEapMethod => [Error::NoEapMethod],
        Error::BadCookie => [Error::BadCookie],
        Error::BadProxy(_) => [Error::BadProxy(BadProxy { server: text(), reason: Reason::Port })],
        Error::NoMethodLeft => [Error::NoMethodLeft],
    })
}

fn identities() -> Vec<inner_tls::Error> {
    use inner_tls::Error;
    let (file, token) = ("/a/file".to_owned(), "pkcs11:token=a".to_owned());
    let pair = |certificate: &str, key: &str| Error::KeyMismatch { certificate: certificate.into(), key: key.into() };
    samples!(Error: {
        Error::PassphraseMissing { .. } => [Error::PassphraseMissing { name: text() }],
        Error::PassphraseWrong { .. } => [file, token].map(|name| Error::PassphraseWrong { name }),
        Error::Unusable { .. } => [Error::Unusable { setting: "tls-user-cert", name: text(), reason: text() }],
        Error::Setting { .. } => [Error::Setting { setting: "tls-fingerprint", reason: text() }],
        Error::KeyMismatch { .. } => [pair("a", "a"), pair("a", "b")],
        Error::Expired { .. } => [Error::Expired { name: text(), not_after: text() }],
        Error::NotYetValid { .. } => [Error::NotYetValid { name: text(), not_before: text() }],
        Error::NotForClients { .. } => [Error::NotForClients { name: text() }],
        Error::Library(_) => [Error::Library(text())],
    })
}

/// What goes wrong in the TLS inside EAP, by whose fault it is.
fn inner_tls() -> Vec<TlsError> {
    let (client, methods) = ("src/inner_tls/client.rs", "src/ppp/eap/methods.rs");
    let refused = [
        (client, "the server refused {alert}: {text}"),
        (
            client,
            "the server refused {alert}: it wants a certificate of the user, and the profile has none (tls-user-cert)",
        ),
        (
            methods,
            "the server did not accept the user's certificate, without saying why: it may have been revoked, be of an authority that is unknown there, or belong to nobody who may connect",
        ),
    ];
    let server = [
        (client, "the server ended TLS in its handshake"),
        (client, "the server broke TLS: {error}"),
        (client, "the server broke TLS: {words}{}"),
        (client, "the server speaks no version of TLS that is accepted{}"),
        (client, "the server ended TLS {alert}{}"),
        (client, "the server sent {} octets of TLS at once"),
    ];
    let local = [
        (client, "the TLS library of this machine failed: {words}{}"),
        (client, "this is not the time, or too much, to be sent in TLS"),
        ("src/ppp/eap/tls.rs", "there is no TLS connection yet"),
    ];
    let said = |fault, said: &[(&str, &str)]| -> Vec<TlsError> {
        said.iter().map(|(file, words)| TlsError { fault, text: source::said(file, words) }).collect()
    };
    let verified = inner_tls::verified_samples().into_iter();
    let faults = samples!(Fault: {
        Fault::Certificate => [Fault::Certificate],
        Fault::Refused => [Fault::Refused],
        Fault::Server => [Fault::Server],
        Fault::Local => [Fault::Local],
    });
    let of_fault = |fault| match fault {
        Fault::Certificate => verified.clone().map(|text| TlsError { fault, text }).collect(),
        Fault::Refused => said(fault, &refused),
        Fault::Server => said(fault, &server),
        Fault::Local => said(fault, &local),
    };
    faults.into_iter().flat_map(of_fault).collect()
}

fn transports() -> Vec<failure::Error> {
    use failure::Error;
    let address = "192.0.2.1:443".parse().unwrap();
    samples!(Error: {
        Error::Dial(_) => dials().into_iter().map(Error::Dial),
        Error::CaCertificates { .. } => [Error::CaCertificates { path: path(), reason: text() }],
        Error::Revoked { .. } => [Error::Revoked { path: path(), reason: text() }],
        Error::TlsSetup(_) => [Error::TlsSetup(text())],
        Error::Proxy(_) => proxy::errors().into_iter().map(Error::Proxy),
        // what a proxy adds stands behind a sentence that is the same without one
        Error::Tls { .. } => handshakes().into_iter().map(|failure| {
            Error::Tls { host: text(), address, proxy: None, failure }
        }),
    })
}

pub(super) fn dials() -> Vec<dial::Error> {
    use dial::{Attempt, Error, Refusal};
    let numbers = [
        Errno::ECONNREFUSED,
        Errno::ENETUNREACH,
        Errno::EHOSTUNREACH,
        Errno::ETIMEDOUT,
        Errno::EACCES,
        Errno::EPERM,
        Errno::ENOBUFS,
    ];
    let refusals = samples!(Refusal: {
        Refusal::TimedOut(_) => [Refusal::TimedOut(Duration::from_secs(15))],
        Refusal::Kernel(_) => numbers.map(|number| Refusal::Kernel(number as i32)),
        Refusal::Other(_) => [Refusal::Other(text())],
    });
    let attempt = |refusal: &Refusal| Attempt { address: "192.0.2.1:443".parse().unwrap(), refusal: refusal.clone() };
    samples!(Error: {
        Error::NameNotFound { .. } => [Error::NameNotFound { host: text(), reason: text() }],
        Error::ResolverTimedOut { .. } => [Error::ResolverTimedOut { host: text(), after: Duration::from_secs(30) }],
        Error::Unreachable(_) => refusals.iter().flat_map(|first| {
            let pairs = refusals.iter().map(|second| vec![attempt(first), attempt(second)]);
            pairs.chain([vec![attempt(first)]]).map(Error::Unreachable)
        }),
        Error::Refused(_) => [Error::Refused(text())],
    })
}

fn handshakes() -> Vec<TlsFailure> {
    let strangers = [Stranger::Http(text()), Stranger::Page, Stranger::Ssh(text())].map(Some).into_iter().chain([None]);
    let versions = [Version::Tls10, Version::Tls11, Version::Tls12, Version::Tls13];
    let purposes = [Purpose::Server, Purpose::Any, Purpose::Unrestricted, Purpose::Other];
    let facts = purposes.map(|purpose| {
        let mut facts = certificate();
        facts.purpose = purpose;
        Some(Box::new(facts))
    });
    let certificates = facts.into_iter().chain([None]);
    let unverified = certificates.flat_map(|certificate| {
        problems().into_iter().map(move |problem| TlsFailure::Certificate { problem, certificate: certificate.clone() })
    });
    samples!(TlsFailure: {
        TlsFailure::Certificate { .. } => unverified,
        TlsFailure::ProtocolVersion { .. } => versions.map(|least| TlsFailure::ProtocolVersion { least }),
        TlsFailure::NameRefused { .. } => [None, Some(text())].map(|told| TlsFailure::NameRefused { told }),
        TlsFailure::NoApplicationProtocol => [TlsFailure::NoApplicationProtocol],
        TlsFailure::NotTls(_) => strangers.map(TlsFailure::NotTls),
        TlsFailure::Closed => [TlsFailure::Closed],
        TlsFailure::Other(_) => [TlsFailure::Other(text())],
        TlsFailure::TimedOut(_) => [TlsFailure::TimedOut(Duration::from_secs(20))],
    })
}

fn problems() -> Vec<CertificateProblem> {
    let untrusted = ["self-signed certificate", "unable to get issuer certificate"].map(str::to_owned);
    samples!(CertificateProblem: {
        CertificateProblem::Untrusted(_) => untrusted.map(CertificateProblem::Untrusted),
        CertificateProblem::WrongName => [CertificateProblem::WrongName],
        CertificateProblem::Expired => [CertificateProblem::Expired],
        CertificateProblem::NotYetValid => [CertificateProblem::NotYetValid],
        CertificateProblem::Purpose => [CertificateProblem::Purpose],
        CertificateProblem::Revoked => [CertificateProblem::Revoked],
        CertificateProblem::Fingerprint { .. } => [CertificateProblem::Fingerprint { wanted: text() }],
        CertificateProblem::Other(_) => [CertificateProblem::Other(text())],
    })
}

fn devices() -> Vec<tun::Error> {
    use tun::Error;
    let numbers =
        [Errno::EPERM, Errno::ENOENT, Errno::EBUSY].map(|number| Some(number as i32)).into_iter().chain([None]);
    samples!(Error: {
        Error::Create { .. } => numbers.map(|number| Error::Create { name: text(), reason: text(), number }),
        Error::Configure { .. } => [Error::Configure { name: text(), reason: text() }],
    })
}

fn hosts() -> Vec<netconf::Error> {
    use netconf::Error;
    let numbers = [None, Some(Errno::EPERM), Some(Errno::EOPNOTSUPP), Some(Errno::ENODEV), Some(Errno::EEXIST)];
    samples!(Error: {
        Error::Netlink(_) => [Error::Netlink(io::Error::other("refused"))],
        Error::State { .. } => [Error::State { path: path(), reason: text() }],
        Error::InUse { .. } => [Error::InUse { path: path() }],
        Error::NoInterface { .. } => [Error::NoInterface { interface: text() }],
        Error::NoTable => [Error::NoTable],
        Error::Refused { .. } => numbers.map(|errno| Error::Refused { what: text(), reason: text(), errno }),
    })
}

fn stores() -> Vec<store::Error> {
    use store::{Error, Name};
    let name = || Name::parse("work").unwrap();
    samples!(Error: {
        Error::BadName => [Error::BadName],
        Error::NoSuchProfile(_) => [Error::NoSuchProfile(name())],
        Error::Exists(_) => [Error::Exists(name())],
        Error::TooMany => [Error::TooMany],
        Error::Unusable { .. } => [Error::Unusable { path: path(), reason: text() }],
    })
}
