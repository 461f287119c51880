//! What a session shows on the bus: one value that its life writes, and that its object and its signals are made of.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use crate::dbus::fields;
use crate::netconf::Intent;
use crate::session;
use crate::tunnel::{Counters, Established, FailureKind, Phase};

/// A session as it is now.
#[derive(Clone)]
pub(super) struct Shown {
    pub(super) state: State,
    pub(super) phase: Phase,
    /// Name of the interface; empty where there is none.
    pub(super) interface: String,
    /// Microseconds since 1970; 0: not connected yet.
    pub(super) since: u64,
    /// What only some may read, while it is connected.
    pub(super) details: Option<Arc<Details>>,
    /// What is asked.
    pub(super) question: Option<Asked>,
    /// How it was lost, or why it is not back: a whole sentence; while it is being connected again.
    pub(super) lost: Option<String>,
    /// It is over: why, where it was not told to end.
    pub(super) over: Option<Option<Reason>>,
}

/// `State`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Connecting,
    Asking,
    Connected,
    Reconnecting,
    Disconnecting,
    Failed,
    Closed,
}

impl State {
    pub(super) const fn name(self) -> &'static str {
        match self {
            State::Connecting => "connecting",
            State::Asking => "asking",
            State::Connected => "connected",
            State::Reconnecting => "reconnecting",
            State::Disconnecting => "disconnecting",
            State::Failed => "failed",
            State::Closed => "closed",
        }
    }
}

/// What a person is asked.
#[derive(Clone)]
pub(super) struct Asked {
    /// Counts the questions of a session.
    pub(super) serial: u32,
    pub(super) message: String,
    pub(super) secrets: Vec<&'static str>,
}

/// Why a session failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) kind: Kind,
    /// A whole sentence.
    pub(super) text: String,
}

/// What kind of failure it is, as `Closed` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Authentication,
    Connect,
    IpConfiguration,
    Host,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Kind::Authentication => "authentication",
            Kind::Connect => "connect",
            Kind::IpConfiguration => "ip-configuration",
            Kind::Host => "host",
        }
    }
}

impl From<FailureKind> for Kind {
    fn from(kind: FailureKind) -> Self {
        match kind {
            FailureKind::Authentication => Self::Authentication,
            FailureKind::Connect => Self::Connect,
            FailureKind::IpConfiguration => Self::IpConfiguration,
        }
    }
}

/// What is known of a tunnel that is up.
pub(super) struct Details {
    pub(super) established: Arc<Established>,
    /// What this machine was made like.
    pub(super) intent: Intent,
}

impl Details {
    pub(super) fn addresses(&self) -> Vec<String> {
        self.intent.addresses.iter().map(|address| format!("{}/{}", address.address, address.prefix_len)).collect()
    }

    pub(super) fn dns(&self) -> Vec<String> {
        let parameters = &self.established.parameters;
        let v4 = parameters.ipv4.iter().flat_map(|v4| &v4.dns).map(ToString::to_string);
        v4.chain(parameters.ipv6.iter().flat_map(|v6| &v6.dns).map(ToString::to_string)).collect()
    }

    pub(super) fn nbns(&self) -> Vec<String> {
        self.established.parameters.ipv4.iter().flat_map(|v4| &v4.nbns).map(ToString::to_string).collect()
    }

    pub(super) fn authentication(&self) -> String {
        let parameters = &self.established.parameters;
        let method = parameters.eap_method.map(session::EapMethod::name);
        method.or(parameters.authentication.map(session::AuthProtocol::name)).unwrap_or_default().to_owned()
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.established.counters
    }
}

impl Shown {
    pub(super) fn new() -> Self {
        Self {
            state: State::Connecting,
            phase: Phase::Resolve,
            interface: String::new(),
            since: 0,
            details: None,
            question: None,
            lost: None,
            over: None,
        }
    }

    /// It is connected.
    pub(super) fn connected(&mut self, details: Details) {
        self.state = State::Connected;
        self.lost = None;
        self.interface.clone_from(&details.established.interface);
        let since = details.established.since.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.since = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
        self.details = Some(Arc::new(details));
    }

    /// It has lost its connection, and makes another one; everything else stays as it is.
    pub(super) fn reconnecting(&mut self, why: &str) {
        self.state = State::Reconnecting;
        self.lost = Some(format!("The connection was lost: {why}."));
    }

    /// It is over.
    pub(super) fn closed(&mut self, reason: Option<Reason>) {
        self.state = if reason.is_some() { State::Failed } else { State::Closed };
        self.interface.clear();
        self.details = None;
        self.question = None;
        self.over = Some(reason);
    }

    /// `Phase`.
    pub(super) fn phase_name(&self) -> &'static str {
        fields::phase_name(self.phase)
    }

    /// `LastError`.
    pub(super) fn last_error(&self) -> &str {
        let over = self.over.as_ref().and_then(Option::as_ref).map(|reason| reason.text.as_str());
        over.or(self.lost.as_deref()).unwrap_or("")
    }
}
