//! Which losses are worth another try, of a tunnel that was up before: with its settings and its secrets it has worked.

use serde::{Deserialize, Serialize};

use crate::session::{self, Phase, Refusal};
use crate::transport::dial;
use crate::transport::failure::{self, TlsFailure};
use crate::transport::proxy::{self, Problem};
use crate::tunnel::Failure;

/// Whether a tunnel that was up is tried again by itself after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Retry {
    /// No: it would fail again, a person has to decide, or it would be one wrong password more.
    No,
    /// Once more: it may be the network, and it may be a refusal.
    Doubtful,
    /// Yes: the network or the server was gone, and may be back.
    Yes,
}

/// Whether it is tried again after this failure. Every kind has its place here, so that a new one cannot be forgotten.
pub fn retry(failure: &Failure) -> Retry {
    match failure {
        // They do not change by waiting.
        Failure::Profile(_) | Failure::File(_) | Failure::InnerTls(_) => Retry::No,
        Failure::Transport(error) => of_transport(error),
        Failure::Session(error) => of_session(error),
        // Somebody took the interface away, or this machine lacks something.
        Failure::Device(_) | Failure::DeviceGone { .. } | Failure::Entropy(_) => Retry::No,
        // Of the whole connection; tries are bounded by themselves.
        Failure::ConnectTimeout { .. } => Retry::No,
    }
}

fn of_transport(error: &failure::Error) -> Retry {
    match error {
        failure::Error::Dial(error) => of_dial(error),
        failure::Error::Proxy(error) => of_proxy(error),
        failure::Error::CaCertificates { .. } | failure::Error::Revoked { .. } | failure::Error::TlsSetup(_) => {
            Retry::No
        }
        failure::Error::Tls { failure, .. } => of_tls(failure),
    }
}

fn of_dial(error: &dial::Error) -> Retry {
    match error {
        // Without a network there are no names either.
        dial::Error::NameNotFound { .. } | dial::Error::ResolverTimedOut { .. } | dial::Error::Unreachable(_) => {
            Retry::Yes
        }
        // A fault of this program.
        dial::Error::Refused(_) => Retry::No,
    }
}

fn of_proxy(error: &proxy::Error) -> Retry {
    use crate::proxy::Error;
    // Wrong passwords lock accounts, here as well.
    if error.is_about_credentials() {
        return Retry::No;
    }
    match &error.problem {
        Problem::Dial(error) => of_dial(error),
        Problem::Http(error) => match error {
            Error::Status { status: 408 | 429 | 500.., .. } => Retry::Yes,
            Error::Status { .. } | Error::NoMethod { .. } | Error::UserName(..) | Error::Challenge(..) => Retry::No,
            Error::CredentialsNeeded { .. } | Error::Refused(_) | Error::Endless => Retry::No,
            // Tickets are renewed, and so are keys.
            Error::NoTicket(_) | Error::TicketRefused => Retry::Doubtful,
            // A password was on its way.
            Error::NotKept(_) => Retry::Doubtful,
            // A portal of the network, or a proxy that starts.
            Error::NotHttp | Error::Closed => Retry::Yes,
        },
        // It connected to the same gateway before.
        Problem::Socks { .. } | Problem::Broken(_) | Problem::TimedOut { .. } => Retry::Yes,
        Problem::Entropy(_) => Retry::No,
    }
}

fn of_tls(failure: &TlsFailure) -> Retry {
    match failure {
        // Somebody else answers: a person has to look at it.
        TlsFailure::Certificate { .. } => Retry::No,
        TlsFailure::ProtocolVersion { .. } => Retry::No,
        // A portal of the network, or a server that starts; it took the same name before.
        TlsFailure::NotTls(_)
        | TlsFailure::NameRefused { .. }
        | TlsFailure::NoApplicationProtocol
        | TlsFailure::Closed
        | TlsFailure::Other(_)
        | TlsFailure::TimedOut(_) => Retry::Yes,
    }
}

fn of_session(error: &session::Error) -> Retry {
    use session::Error;
    match error {
        // They would come to no better end with the same server.
        Error::PeerMisbehaved(_) | Error::PeerIncompatible(_) | Error::NoCommonEapMethod { .. } => Retry::No,
        // Somebody else answers, with a certificate that is accepted: a person has to look at it.
        Error::NotHttp(_) => Retry::No,
        // Wrong passwords lock accounts, and a stranger gets no second look at us.
        Error::AuthenticationFailed { .. }
        | Error::PeerNotAuthentic
        | Error::IdentityRefused { .. }
        | Error::InnerTls(_) => Retry::No,
        // A person would be asked again, who has not answered.
        Error::NobodyToAsk(_) | Error::AnswerTooLate(_) => Retry::No,
        Error::ServerRefused(refusal) => of_refusal(refusal),
        Error::Silent(_) => Retry::Yes,
        // The pool is empty for as long as the server keeps our old session.
        Error::NoAddress => Retry::Yes,
        Error::ServerClosed { phase, .. } | Error::TimedOut(phase) => in_phase(*phase),
    }
}

fn of_refusal(refusal: &Refusal) -> Retry {
    match refusal {
        // 404 is what a web server says whose SSTP service is still to come, and a gateway before it 502 to 504
        Refusal::Http { status: 404 | 408 | 429 | 500.., .. } => Retry::Yes,
        Refusal::Http { .. } => Retry::No,
        // It took the same request before.
        Refusal::ConnectNak { .. } | Refusal::CallAbort { .. } => Retry::Yes,
    }
}

/// An end without a reason.
fn in_phase(phase: Phase) -> Retry {
    match phase {
        Phase::Http | Phase::CallConnect | Phase::LinkEstablishment => Retry::Yes,
        // Somebody may have been asked on another device and have said nothing.
        Phase::Authentication => Retry::Doubtful,
        // The server may have refused the crypto binding.
        Phase::NetworkLayerProtocol => Retry::Doubtful,
        Phase::Connected | Phase::Terminating => Retry::Yes,
    }
}

#[cfg(test)]
mod tests;
