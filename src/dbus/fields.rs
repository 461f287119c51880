//! What lines of the log say beside their text, for those who look for some of them (`journalctl SSTP_STATUS=691`).

use crate::session;
use crate::tunnel::Phase;

/// `SSTP_PHASE`, and the property `Phase`.
pub(super) fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Resolve => "resolve",
        Phase::Connect => "connect",
        Phase::Proxy => "proxy",
        Phase::Tls => "tls",
        Phase::Session(phase) => match phase {
            session::Phase::Http => "http",
            session::Phase::CallConnect => "call-connect",
            session::Phase::LinkEstablishment => "link-establishment",
            session::Phase::Authentication => "authentication",
            session::Phase::NetworkLayerProtocol => "network-layer-protocol",
            session::Phase::Connected => "connected",
            session::Phase::Terminating => "terminating",
        },
    }
}
