//! `org.sstpd.Session1`: the object of a session. It shows what the session's life has written, and passes answers on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, watch};
use zbus::fdo;
use zbus::message::Header;
use zbus::object_server::SignalEmitter;

use super::Error;
use super::arguments::{self, Texts};
use super::gate::Gate;
use super::life::Answered;
use super::shown::{Details, Shown};
use crate::tunnel::Counters;

/// The object of a session.
pub struct Session {
    pub(super) gate: Arc<Gate>,
    pub(super) owner: u32,
    pub(super) profile: String,
    pub(super) gateway: String,
    pub(super) shown: watch::Receiver<Shown>,
    pub(super) answers: mpsc::Sender<Answered>,
}

#[zbus::interface(name = "org.sstpd.Session1")]
impl Session {
    /// Answers `SecretsRequired` of this serial number.
    async fn provide_secrets(
        &self,
        serial: u32,
        secrets: Texts<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), Error> {
        let caller = self.gate.caller(&header).await?;
        if caller.uid != self.owner {
            return Err(Error::NotAuthorized("Only the user who started the session may answer for it.".to_owned()));
        }
        let secrets = arguments::secrets(secrets)?;
        let asked = self.shown.borrow().question.as_ref().map(|question| question.serial);
        if asked != Some(serial) {
            return Err(Error::NoSuchQuestion("The session asks nothing of this serial number.".to_owned()));
        }
        // It fails when the session is over, or has an answer that it has not looked at yet.
        self.answers
            .try_send(Answered { serial, secrets })
            .map_err(|_| Error::NoSuchQuestion("The question has been answered already.".to_owned()))
    }

    /// Secrets are needed before the session can go on.
    #[zbus(signal)]
    pub(super) async fn secrets_required(
        emitter: &SignalEmitter<'_>,
        serial: u32,
        message: &str,
        secrets: &[&str],
    ) -> zbus::Result<()>;

    /// The session is over.
    #[zbus(signal)]
    pub(super) async fn closed(emitter: &SignalEmitter<'_>, kind: &str, error: &str) -> zbus::Result<()>;

    #[zbus(property)]
    async fn state(&self) -> &str {
        self.shown.borrow().state.name()
    }

    #[zbus(property)]
    async fn phase(&self) -> &str {
        self.shown.borrow().phase_name()
    }

    #[zbus(property(emits_changed_signal = "const"))]
    async fn owner(&self) -> u32 {
        self.owner
    }

    #[zbus(property(emits_changed_signal = "const"))]
    async fn profile(&self) -> &str {
        &self.profile
    }

    #[zbus(property)]
    async fn interface(&self) -> String {
        self.shown.borrow().interface.clone()
    }

    #[zbus(property)]
    async fn since(&self) -> u64 {
        self.shown.borrow().since
    }

    #[zbus(property(emits_changed_signal = "const"))]
    async fn gateway(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<String> {
        self.for_readers(header, |_| self.gateway.clone()).await
    }

    #[zbus(property(emits_changed_signal = "invalidates"))]
    async fn peer_address(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<String> {
        self.detail(header, |details| details.established.server.to_string()).await
    }

    #[zbus(property(emits_changed_signal = "invalidates"))]
    async fn addresses(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<Vec<String>> {
        self.detail(header, Details::addresses).await
    }

    #[zbus(property(emits_changed_signal = "invalidates"))]
    async fn routes(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<Vec<String>> {
        self.detail(header, |details| details.intent.routed()).await
    }

    #[zbus(property(emits_changed_signal = "invalidates"))]
    async fn dns(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<Vec<String>> {
        self.detail(header, Details::dns).await
    }

    #[zbus(property(emits_changed_signal = "invalidates"))]
    async fn nbns(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<Vec<String>> {
        self.detail(header, Details::nbns).await
    }

    #[zbus(property(emits_changed_signal = "invalidates"))]
    async fn domains(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<Vec<String>> {
        self.detail(header, |details| details.established.parameters.domains.clone()).await
    }

    #[zbus(property(emits_changed_signal = "invalidates"))]
    async fn mtu(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<u32> {
        self.detail(header, |details| details.intent.mtu.into()).await
    }

    #[zbus(property(emits_changed_signal = "invalidates"))]
    async fn tls_version(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<String> {
        self.detail(header, |details| details.established.tls.version.clone()).await
    }

    #[zbus(property(emits_changed_signal = "invalidates"))]
    async fn tls_cipher(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<String> {
        self.detail(header, |details| details.established.tls.cipher.clone()).await
    }

    #[zbus(property(emits_changed_signal = "invalidates"))]
    async fn certificate_fingerprint(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<String> {
        self.detail(header, |details| details.established.tls.fingerprint.clone()).await
    }

    #[zbus(property(emits_changed_signal = "invalidates"))]
    async fn authentication(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<String> {
        self.detail(header, Details::authentication).await
    }

    #[zbus(property(emits_changed_signal = "false"))]
    async fn rx_bytes(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<u64> {
        self.counter(header, |counters| &counters.rx_bytes).await
    }

    #[zbus(property(emits_changed_signal = "false"))]
    async fn tx_bytes(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<u64> {
        self.counter(header, |counters| &counters.tx_bytes).await
    }

    #[zbus(property(emits_changed_signal = "false"))]
    async fn rx_packets(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<u64> {
        self.counter(header, |counters| &counters.rx_packets).await
    }

    #[zbus(property(emits_changed_signal = "false"))]
    async fn tx_packets(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<u64> {
        self.counter(header, |counters| &counters.tx_packets).await
    }

    #[zbus(property(emits_changed_signal = "false"))]
    async fn dropped(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<u64> {
        self.counter(header, |counters| &counters.dropped).await
    }

    #[zbus(property(emits_changed_signal = "false"))]
    async fn round_trip_time(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<u32> {
        self.detail(header, |details| details.counters().round_trip.load(Ordering::Relaxed)).await
    }

    #[zbus(property(emits_changed_signal = "invalidates"))]
    async fn last_error(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<String> {
        self.for_readers(header, |shown| shown.last_error().to_owned()).await
    }
}

/// The properties whose change is told without the value, since not everybody may read them.
pub(super) const DETAILS: [&str; 11] = [
    "PeerAddress",
    "Addresses",
    "Routes",
    "Dns",
    "Nbns",
    "Domains",
    "Mtu",
    "TlsVersion",
    "TlsCipher",
    "CertificateFingerprint",
    "Authentication",
];

impl Session {
    /// A value for those who may read details: the owner, root, and whoever polkit lets.
    async fn for_readers<T>(&self, header: Option<Header<'_>>, value: impl Fn(&Shown) -> T) -> fdo::Result<T> {
        if !self.gate.may_read(header.as_ref(), self.owner).await {
            let text =
                "Only the user who started the session, and whom polkit lets read details of others, may read this.";
            return Err(fdo::Error::AccessDenied(text.to_owned()));
        }
        Ok(value(&self.shown.borrow()))
    }

    /// A detail of the tunnel; an empty value while there is none.
    async fn detail<T: Default>(&self, header: Option<Header<'_>>, value: impl Fn(&Details) -> T) -> fdo::Result<T> {
        self.for_readers(header, |shown| shown.details.as_deref().map(&value).unwrap_or_default()).await
    }

    async fn counter(&self, header: Option<Header<'_>>, counter: impl Fn(&Counters) -> &AtomicU64) -> fdo::Result<u64> {
        self.detail(header, |details| counter(details.counters()).load(Ordering::Relaxed)).await
    }
}
