//! What proxies make of a connection.

use std::io;
use std::time::Duration;

use tokio_socks::Error as Socks;

use super::{driver, samples};
use crate::proxy::{Error as Http, Method};
use crate::transport::proxy::{Error, Problem};

pub(super) fn errors() -> Vec<Error> {
    let gateway = || "vpn.example:443".to_owned();
    let socks = socks().into_iter().flat_map(|error| {
        [(false, error()), (true, error())].map(|(named, error)| Problem::Socks { gateway: gateway(), error, named })
    });
    let problems = samples!(Problem: {
        Problem::Dial(_) => driver::dials().into_iter().map(Problem::Dial),
        Problem::Http(_) => http().into_iter().map(Problem::Http),
        Problem::Socks { .. } => socks,
        Problem::Broken(_) => [Problem::Broken("text".to_owned())],
        Problem::TimedOut { .. } => [Problem::TimedOut { gateway: gateway(), after: Duration::from_secs(30) }],
        Problem::Entropy(_) => [Problem::Entropy("text".to_owned())],
    });
    problems.into_iter().map(|problem| Error { proxy: "proxy.example:3128".to_owned(), problem }).collect()
}

fn http() -> Vec<Http> {
    let (gateway, text) = (|| "vpn.example:443".to_owned(), || "text".to_owned());
    let statuses = [400, 403, 404, 405, 429, 500, 501, 502, 503, 504];
    samples!(Http: {
        Http::Status { .. } => statuses.map(|status| Http::Status { gateway: gateway(), status, reason: text() }),
        Http::CredentialsNeeded { .. } => [Http::CredentialsNeeded { offered: vec![text()] }],
        Http::NoMethod { .. } => [vec![], vec![text()]].map(|offered| Http::NoMethod { offered }),
        Http::NoTicket(_) => [Http::NoTicket(text())],
        Http::TicketRefused => [Http::TicketRefused],
        Http::Refused(_) => Method::BY_PASSWORD.map(Http::Refused),
        Http::UserName(..) => [Http::UserName(Method::Basic, "it has a colon")],
        Http::Challenge(..) => [Http::Challenge(Method::Digest, text())],
        Http::NotHttp => [Http::NotHttp],
        Http::Closed => [Http::Closed],
        Http::NotKept(_) => [Method::Ntlm, Method::Negotiate].map(Http::NotKept),
        Http::Endless => [Http::Endless],
    })
}

/// How to make each that is told apart; the enum is another crate's.
fn socks() -> Vec<fn() -> Socks> {
    vec![
        || Socks::NoAcceptableAuthMethods,
        || Socks::PasswordAuthFailure(1),
        || Socks::ConnectionNotAllowedByRuleset,
        || Socks::HostUnreachable,
        || Socks::NetworkUnreachable,
        || Socks::TtlExpired,
        || Socks::GeneralSocksServerFailure,
        || Socks::ConnectionRefused,
        || Socks::InvalidResponseVersion,
        || Socks::Io(io::ErrorKind::UnexpectedEof.into()),
        || Socks::InvalidAuthValues("text"),
        || Socks::CommandNotSupported,
    ]
}
