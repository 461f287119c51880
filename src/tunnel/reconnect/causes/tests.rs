use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::Retry::{Doubtful, No, Yes};
use super::*;
use crate::ppp::inner_tls::{Fault, TlsError};
use crate::session::{Error, Question};
use crate::transport::dial::Attempt;
use crate::transport::failure::CertificateProblem;
use crate::wire::sstp::Status;
use crate::wire::tls::Version;
use crate::{inner_tls, private_file, profile, tun};

fn transport(error: failure::Error) -> Failure {
    Failure::Transport(error)
}

fn tls(failure: TlsFailure) -> Failure {
    transport(failure::Error::Tls {
        host: "vpn".to_owned(),
        address: "192.0.2.1:443".parse().unwrap(),
        proxy: None,
        failure,
    })
}

fn unreachable(refusal: dial::Refusal) -> Failure {
    transport(failure::Error::Dial(dial::Error::Unreachable(vec![Attempt {
        address: "192.0.2.1:443".parse().unwrap(),
        refusal,
    }])))
}

fn through_proxy(problem: Problem) -> Failure {
    transport(failure::Error::Proxy(proxy::Error { proxy: "proxy:8080".to_owned(), problem }))
}

fn http(status: u16) -> Failure {
    Failure::Session(Error::ServerRefused(Refusal::Http {
        status,
        reason: String::new(),
        server: None,
        location: None,
    }))
}

fn closed(phase: Phase) -> Failure {
    Failure::Session(Error::ServerClosed { phase, reason: "it closed the connection".to_owned() })
}

#[test]
fn the_network_and_the_server_may_come_back() {
    let (host, after) = ("vpn".to_owned(), Duration::from_secs(1));
    let failures = [
        transport(failure::Error::Dial(dial::Error::NameNotFound { host: host.clone(), reason: String::new() })),
        transport(failure::Error::Dial(dial::Error::ResolverTimedOut { host, after })),
        unreachable(dial::Refusal::TimedOut(after)),
        unreachable(dial::Refusal::from(io::Error::from(io::ErrorKind::ConnectionRefused))),
        unreachable(dial::Refusal::from(io::Error::from(io::ErrorKind::NetworkUnreachable))),
        tls(TlsFailure::NotTls(None)),
        tls(TlsFailure::NameRefused { told: None }),
        tls(TlsFailure::NoApplicationProtocol),
        tls(TlsFailure::Closed),
        tls(TlsFailure::Other("reset".to_owned())),
        tls(TlsFailure::TimedOut(after)),
        Failure::Session(Error::NoAddress),
        Failure::Session(Error::ServerRefused(Refusal::ConnectNak { status: None })),
        Failure::Session(Error::ServerRefused(Refusal::CallAbort { status: Some(Status(8)) })),
    ];
    failures.iter().for_each(|failure| assert_eq!(retry(failure), Yes, "{failure}"));
    for (status, expected) in
        [(404, Yes), (408, Yes), (429, Yes), (500, Yes), (503, Yes), (302, No), (401, No), (403, No)]
    {
        assert_eq!(retry(&http(status)), expected, "{status}");
    }
}

#[test]
fn a_proxy_may_come_back_and_is_told_no_wrong_password_twice() {
    use crate::proxy::{Error, Method};
    let (gateway, after) = ("vpn:443".to_owned(), Duration::from_secs(1));
    let status = |status| Error::Status { gateway: gateway.clone(), status, reason: String::new() };
    for (problem, expected) in [
        (Problem::Dial(dial::Error::ResolverTimedOut { host: "proxy".to_owned(), after }), Yes),
        (Problem::Dial(dial::Error::Refused(String::new())), No),
        (Problem::Http(status(503)), Yes),
        (Problem::Http(status(403)), No),
        (Problem::Http(Error::NotHttp), Yes),
        (Problem::Http(Error::Closed), Yes),
        (Problem::Http(Error::NotKept(Method::Ntlm)), Doubtful),
        (Problem::Http(Error::NoTicket(String::new())), Doubtful),
        (Problem::Http(Error::TicketRefused), Doubtful),
        (Problem::Http(Error::Refused(Method::Basic)), No),
        (Problem::Http(Error::CredentialsNeeded { offered: Vec::new() }), No),
        (Problem::Http(Error::NoMethod { offered: Vec::new() }), No),
        (Problem::Http(Error::Endless), No),
        (Problem::Broken(String::new()), Yes),
        (Problem::TimedOut { gateway: gateway.clone(), after }, Yes),
        (Problem::Entropy(String::new()), No),
    ] {
        let failure = through_proxy(problem);
        assert_eq!(retry(&failure), expected, "{failure}");
    }
}

#[test]
fn an_end_without_a_reason_is_judged_by_when_it_is() {
    for (phase, expected) in [
        (Phase::Http, Yes),
        (Phase::CallConnect, Yes),
        (Phase::LinkEstablishment, Yes),
        (Phase::Authentication, Doubtful),
        (Phase::NetworkLayerProtocol, Doubtful),
        (Phase::Connected, Yes),
        (Phase::Terminating, Yes),
    ] {
        assert_eq!(retry(&closed(phase)), expected, "{phase:?}");
        assert_eq!(retry(&Failure::Session(Error::TimedOut(phase))), expected, "{phase:?}");
    }
}

#[test]
fn refusals_and_what_is_wrong_here_are_not_tried_again() {
    let text = String::new;
    let inner = |fault| Failure::Session(Error::InnerTls(TlsError { fault, text: text() }));
    let failures = [
        Failure::Profile(profile::Error::NoPassword),
        Failure::File(private_file::Error { path: PathBuf::new(), owner: None, reason: text() }),
        Failure::InnerTls(inner_tls::Error::Library(text())),
        transport(failure::Error::CaCertificates { path: PathBuf::new(), reason: text() }),
        transport(failure::Error::Revoked { path: PathBuf::new(), reason: text() }),
        transport(failure::Error::TlsSetup(text())),
        tls(TlsFailure::Certificate { problem: CertificateProblem::WrongName, certificate: None }),
        tls(TlsFailure::Certificate { problem: CertificateProblem::Revoked, certificate: None }),
        tls(TlsFailure::Certificate { problem: CertificateProblem::Fingerprint { wanted: text() }, certificate: None }),
        tls(TlsFailure::ProtocolVersion { least: Version::Tls12 }),
        Failure::Session(Error::NotHttp(None)),
        Failure::Session(Error::PeerMisbehaved(text())),
        Failure::Session(Error::PeerIncompatible(text())),
        Failure::Session(Error::AuthenticationFailed { code: Some(691), message: text() }),
        Failure::Session(Error::PeerNotAuthentic),
        Failure::Session(Error::IdentityRefused { identity: text() }),
        Failure::Session(Error::NoCommonEapMethod { asked: text() }),
        inner(Fault::Certificate),
        inner(Fault::Refused),
        inner(Fault::Server),
        inner(Fault::Local),
        Failure::Session(Error::NobodyToAsk(Question::OneTimeCode { text: text() })),
        Failure::Session(Error::AnswerTooLate(Question::OneTimeCode { text: text() })),
        Failure::Device(tun::Error::Configure { name: text(), reason: text() }),
        Failure::DeviceGone { interface: text(), source: io::ErrorKind::NotFound.into() },
        Failure::Entropy(text()),
    ];
    failures.iter().for_each(|failure| assert_eq!(retry(failure), No, "{failure:?}"));
}
