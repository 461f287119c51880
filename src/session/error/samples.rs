//! Every error of a session, for the test of the catalogue.

use crate::catalogue::samples;
use crate::wire::Malformed;

use super::*;

/// Every sentence; all that a server may say.
pub(crate) fn sentences() -> Vec<String> {
    let mut errors = errors();
    for phase in PHASES {
        errors.extend(ends().into_iter().flat_map(|end| {
            KEYS.map(|(method, hlak)| Error::from_call(end.clone(), phase, method, hlak)).into_iter().flatten()
        }));
        errors.extend(links().into_iter().map(|failure| Error::from_ppp(failure, phase)));
    }
    errors.iter().map(Error::to_string).collect()
}

const PHASES: [Phase; 7] = [
    Phase::Http,
    Phase::CallConnect,
    Phase::LinkEstablishment,
    Phase::Authentication,
    Phase::NetworkLayerProtocol,
    Phase::Connected,
    Phase::Terminating,
];

const KEYS: [(Option<EapMethod>, HlakRule); 5] = [
    (None, HlakRule::Msk),
    (Some(EapMethod::MsChapV2), HlakRule::Msk),
    (Some(EapMethod::Tls), HlakRule::Msk),
    (Some(EapMethod::Tls), HlakRule::Halves),
    (Some(EapMethod::Peap), HlakRule::Zero),
];

fn refusals() -> Vec<Refusal> {
    let http = |status| Refusal::Http {
        status,
        reason: "Reason".to_owned(),
        server: Some("Server/1.0".to_owned()),
        location: Some("https://portal.example/".to_owned()),
    };
    let statuses = [200, 302, 401, 403, 404, 407, 421, 426, 500, 502, 503, 504, 505, 511];
    let mut refusals = Vec::from(statuses.map(http));
    refusals.push(Refusal::Http { status: 404, reason: String::new(), server: None, location: None });
    samples!(Refusal: {
        Refusal::Http { .. } => refusals,
        Refusal::ConnectNak { .. } => [None, Some(Status(4))].map(|status| Refusal::ConnectNak { status }),
        Refusal::CallAbort { .. } => [None, Some(Status(5))].map(|status| Refusal::CallAbort { status }),
    })
}

fn questions() -> Vec<Question> {
    let text = |text: &str| text.to_owned();
    samples!(Question: {
        Question::Password { .. } => [Question::Password { message: text("E=691") }],
        Question::NewPassword { .. } => [Question::NewPassword { refused: None }],
        Question::OneTimeCode { .. } => ["", "Code?"].map(|words| Question::OneTimeCode { text: text(words) }),
    })
}

fn strangers() -> Vec<Stranger> {
    let line = "a line".to_owned();
    samples!(Stranger: {
        Stranger::Http(_) => [Stranger::Http(line.clone())],
        Stranger::Http2 => [Stranger::Http2],
        Stranger::Page => [Stranger::Page],
        Stranger::Ssh(_) => [Stranger::Ssh(line.clone())],
        Stranger::Greeting(_) => [Stranger::Greeting(line)],
    })
}

fn errors() -> Vec<Error> {
    let text = || "text".to_owned();
    let codes = [646, 647, 648, 649, 691, 709, 999].map(Some).into_iter().chain([None]);
    let failed = |code, message: &str| Error::AuthenticationFailed { code, message: message.to_owned() };
    let asked = [EapMethod::Tls.name(), EapMethod::Peap.name(), EapMethod::Ttls.name(), "EAP-SIM"];
    samples!(Error: {
        Error::PeerMisbehaved(_) => [Error::PeerMisbehaved(text())],
        // its sentences are made of what went wrong in a call or a link
        Error::PeerIncompatible(_) => [Error::from_ppp(ppp::Failure::NoNetworkProtocol, Phase::Connected)],
        Error::AuthenticationFailed { .. } => codes.flat_map(|code| [failed(code, ""), failed(code, "E=691")]),
        Error::PeerNotAuthentic => [Error::PeerNotAuthentic],
        Error::IdentityRefused { .. } => [Error::IdentityRefused { identity: text() }],
        Error::NoCommonEapMethod { .. } => asked.map(|asked| Error::NoCommonEapMethod { asked: asked.to_owned() }),
        // its texts are those of the layer that raises it
        Error::InnerTls(_) => [],
        Error::NobodyToAsk(_) => questions().into_iter().map(Error::NobodyToAsk),
        Error::AnswerTooLate(_) => questions().into_iter().map(Error::AnswerTooLate),
        Error::NoAddress => [Error::NoAddress],
        Error::NotHttp(_) => strangers().into_iter().map(Some).chain([None]).map(Error::NotHttp),
        Error::ServerRefused(_) => refusals().into_iter().map(Error::ServerRefused),
        Error::ServerClosed { .. } => PHASES.map(|phase| Error::ServerClosed { phase, reason: text() }),
        Error::TimedOut(_) => PHASES.map(Error::TimedOut),
        Error::Silent(_) => [Error::Silent(Duration::from_secs(20))],
    })
}

fn ends() -> Vec<End> {
    let misbehaviours = samples!(Misbehaviour: {
        Misbehaviour::Malformed(_) => [Misbehaviour::Malformed(Malformed::value("SSTP packet", 0, 1u32))],
        Misbehaviour::Unexpected(_) => [Misbehaviour::Unexpected("Echo Request")],
    });
    samples!(End: {
        End::Disconnected => [End::Disconnected],
        End::ConnectNak(_) => [End::ConnectNak(None)],
        End::AbortedByServer(_) => [End::AbortedByServer(Some(Status(5)))],
        End::DisconnectedByServer(_) => [End::DisconnectedByServer(None)],
        End::Misbehaved(_) => misbehaviours.into_iter().map(End::Misbehaved),
        End::NoHashProtocol(_) => [End::NoHashProtocol(4)],
        End::NegotiationTimeout => [End::NegotiationTimeout],
        End::Silent(_) => [End::Silent(Duration::from_secs(60))],
    })
}

fn links() -> Vec<ppp::Failure> {
    use ppp::Failure;
    let text = || "text".to_owned();
    let asked = [AuthProtocol::MS_CHAP_V1, AuthProtocol::Eap.name(), "SPAP"];
    let protocols = [Protocol::LCP, Protocol::IPCP, Protocol::CHAP];
    samples!(Failure: {
        Failure::NoCommonAuthentication { .. } => {
            asked.map(|asked| Failure::NoCommonAuthentication { asked: asked.to_owned() })
        },
        Failure::NoAuthentication => [Failure::NoAuthentication],
        Failure::AuthenticationFailed { .. } => [Failure::AuthenticationFailed { code: None, message: text() }],
        Failure::PeerNotAuthentic => [Failure::PeerNotAuthentic],
        Failure::IdentityRefused { .. } => [Failure::IdentityRefused { identity: text() }],
        Failure::NoCommonEapMethod { .. } => [Failure::NoCommonEapMethod { asked: text() }],
        // as above
        Failure::InnerTls(_) => [],
        Failure::Misbehaved(_) => [Failure::Misbehaved(text())],
        Failure::Stalled(_) => [Failure::Stalled(Malformed::value("CHAP packet", 0, 9u32))],
        Failure::NobodyToAsk(_) => questions().into_iter().map(Failure::NobodyToAsk),
        Failure::AnswerTooLate(_) => questions().into_iter().map(Failure::AnswerTooLate),
        Failure::Unanswered(_) => protocols.map(Failure::Unanswered),
        Failure::NotConverging(_) => protocols.map(Failure::NotConverging),
        Failure::LoopedBack => [Failure::LoopedBack],
        Failure::NoNetworkProtocol => [Failure::NoNetworkProtocol],
        Failure::NoAddress => [Failure::NoAddress],
        Failure::Terminated => [Failure::Terminated],
        Failure::EchoUnanswered => [Failure::EchoUnanswered],
    })
}
