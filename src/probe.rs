//! A look at a gateway without logging in: its certificate, whether it speaks SSTP, how it would have users authenticate
//! themselves.
//!
//! Whether the certificate is good is a part of what is found, and no obstacle: nothing is sent that somebody in between
//! could use. There is no cookie in the HTTP request, and the session is a [survey](Session::survey), which ends before
//! authentication begins.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::datapath::TxBuf;
use crate::profile::Profile;
use crate::profile_files::{Files, Rights};
use crate::session::{self, Event, HashProtocol, Phase, Refusal, Session};
use crate::tickets::Tickets;
use crate::transport::certificate::CertificateFacts;
use crate::transport::dial::{Dialer, Target};
use crate::transport::failure::{Error, TlsFailure};
use crate::transport::{self, Connection, Settings, Tls};

/// How long the whole look may take.
pub const LIMIT: Duration = Duration::from_secs(15);

/// How long the server may take to let go of the call when everything is known.
const LETTING_GO: Duration = Duration::from_secs(1);

/// Octets from the server that are held; a control packet has 4095 at most (MS-SSTP 2.2.1).
const RX_LEN: usize = 16 * 1024;

/// What was found; what is not known is `None`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Findings {
    /// The gateway's address and port.
    pub address: Option<SocketAddr>,
    /// The TLS connection.
    pub tls: Option<Tls>,
    /// Its certificate.
    pub certificate: Option<CertificateFacts>,
    /// End of the certificate's validity, in seconds since 1970.
    pub not_after: Option<u64>,
    /// The certificate passed all checks.
    pub verified: Option<bool>,
    /// Which check it did not pass, as a sentence without its begin and end.
    pub problem: Option<String>,
    /// It speaks SSTP.
    pub sstp: Option<bool>,
    /// Names of the hash protocols that it offers for the crypto binding (MS-SSTP 2.2.6).
    pub hash_protocols: Option<Vec<String>>,
    /// Names of the ways to authenticate that it asked for; none: it wants no authentication.
    pub authentication: Option<Vec<String>>,
    /// Why it went no further, as a sentence without its begin and end.
    pub error: Option<String>,
    /// How long it took.
    pub duration: Duration,
}

/// A look that is to be taken, with the files that it takes.
#[derive(Serialize, Deserialize)]
pub struct Look {
    profile: Profile,
    files: Files,
    /// Stays with the process that was told to look.
    #[serde(skip)]
    tickets: Tickets,
}

impl Look {
    /// Reads the files, in some 10 s at most. What cannot be read is an error where it is used.
    pub async fn prepare(profile: Profile, rights: &Rights) -> Self {
        let files = Files::read(&profile, rights).await;
        let tickets = Tickets::of(&profile, rights);
        Self { profile, files, tickets }
    }

    /// What may be connected to.
    pub(crate) fn gateway(&self) -> Target {
        Target::first_of(&self.profile)
    }

    /// What makes tokens for its proxy.
    pub(crate) fn take_tickets(&mut self) -> Tickets {
        std::mem::take(&mut self.tickets)
    }

    /// Takes it, in [`LIMIT`] at most. To be called in a tokio runtime with I/O and time.
    pub async fn run(&self, dialer: &impl Dialer) -> Findings {
        self.run_within(LIMIT, dialer).await
    }

    async fn run_within(&self, limit: Duration, dialer: &impl Dialer) -> Findings {
        let begin = Instant::now();
        let mut findings = Findings::default();
        if timeout(limit, self.take(dialer, &mut findings)).await.is_err() && findings.error.is_none() {
            findings.error = Some(format!("the gateway did not say everything within {limit:?}"));
        }
        findings.duration = begin.elapsed();
        findings
    }

    async fn take(&self, dialer: &impl Dialer, findings: &mut Findings) {
        if let Err(error) = self.profile.check_gateway() {
            return findings.error = Some(error.to_string());
        }
        let connection = match self.open(dialer, findings).await {
            Ok(connection) => connection,
            Err(error) => return findings.error = Some(error.to_string()),
        };
        findings.address = Some(connection.address);
        findings.certificate = CertificateFacts::from_der(&connection.certificate);
        findings.not_after = CertificateFacts::not_after(&connection.certificate);
        findings.verified = Some(connection.verified);
        findings.problem.clone_from(&connection.objection);
        findings.tls = Some(connection.tls);
        let mut entropy = [0; 32];
        if let Err(error) = openssl::rand::rand_bytes(&mut entropy) {
            return findings.error = Some(format!("this machine gives no random numbers: {error}"));
        }
        let config = self.profile.survey_config();
        let session = Session::survey(config, &connection.certificate, entropy, Instant::now().into_std());
        survey(session, connection.stream, findings).await;
    }

    /// Connects, whatever the certificate is.
    async fn open(&self, dialer: &impl Dialer, findings: &mut Findings) -> Result<Connection, Error> {
        let settings = Settings { ignore_certificate: true, ..Settings::of(&self.profile, &self.files, None)? };
        transport::open(&settings, dialer, |_| {}).await.inspect_err(|error| {
            if let Error::Tls { address, failure, .. } = error {
                findings.address = Some(*address);
                if matches!(failure, TlsFailure::NotTls(_)) {
                    findings.sstp = Some(false);
                }
            }
        })
    }
}

/// Runs a session until what is to be known of it is known, or it is over.
async fn survey<S: AsyncRead + AsyncWrite + Unpin>(mut session: Session, mut stream: S, findings: &mut Findings) {
    let (mut tx, mut rx) = (TxBuf::new(), Vec::with_capacity(RX_LEN));
    let mut give_up = None;
    loop {
        while session.poll_transmit(now(), &mut tx) {}
        let known = note(&mut session, findings);
        if !tx.is_empty() && write(&mut stream, &mut tx).await.is_err() {
            session.handle_eof(now());
            note(&mut session, findings);
            break;
        }
        match known {
            Known::Over => break,
            Known::Everything => drop(give_up.get_or_insert_with(|| Instant::now() + LETTING_GO)),
            Known::NotYet => {}
        }
        let wait = session.poll_timeout().map(Instant::from_std).into_iter().chain(give_up).min();
        tokio::select! {
            read = stream.read_buf(&mut rx), if rx.len() < RX_LEN => match read {
                Ok(1..) => {
                    let consumed = session.handle_input(now(), &mut rx, |_| {});
                    rx.drain(..consumed);
                }
                Ok(0) | Err(_) => session.handle_eof(now()),
            },
            () = sleep(wait) => session.handle_timeout(now()),
        }
        if give_up.is_some_and(|at| at <= Instant::now()) {
            break;
        }
    }
    // whoever is asked politely mostly closes, too; nobody waits for it
    drop(timeout_at(Instant::now() + LETTING_GO, stream.shutdown()).await);
}

/// How much is known.
enum Known {
    NotYet,
    Everything,
    Over,
}

/// Notes what the session has learned.
fn note(session: &mut Session, findings: &mut Findings) -> Known {
    if let Some(hashes) = session.offered_hashes() {
        findings.sstp = Some(true);
        findings.hash_protocols = Some(hashes.into_iter().map(|hash| HashProtocol::name(hash).to_owned()).collect());
    }
    if let Some(authentication) = session.offered_authentication() {
        findings.authentication = Some(authentication);
    }
    let mut known = Known::NotYet;
    while let Some(event) = session.poll_event() {
        match event {
            Event::Phase(Phase::Terminating) => known = Known::Everything,
            Event::Closed(result) => {
                known = Known::Over;
                if let Err(error) = result {
                    ended(&error, findings);
                }
            }
            _ => {}
        }
    }
    known
}

/// Says what the end of the session means, where it ended before it had learned everything.
fn ended(error: &session::Error, findings: &mut Findings) {
    match error {
        session::Error::ServerRefused(Refusal::ConnectNak { .. } | Refusal::CallAbort { .. }) => {
            findings.sstp = Some(true);
        }
        _ if findings.sstp.is_none() => findings.sstp = Some(false),
        _ => {}
    }
    if findings.authentication.is_none() {
        findings.error = Some(error.to_string());
    }
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), tx: &mut TxBuf) -> std::io::Result<()> {
    while !tx.is_empty() {
        let written = stream.write(tx.pending()).await?;
        tx.consume(written);
    }
    stream.flush().await
}

async fn sleep(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

#[cfg(test)]
mod tests;
