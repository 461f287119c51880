//! The attempts of one connection: each is a tunnel, and each after the first follows an answer of a person, or of an
//! agent that answers by itself.

use std::fs::File;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::watch;
use tracing::{info, warn};

use super::question::{Meaning, Waiting};
use crate::captures;
use crate::log::OUTCOME;
use crate::profile::{self, Capture, Profile, Routes, Secret, Secrets};
use crate::profile_files::Rights;
use crate::session::{Answer, NetworkParameters, Question};
use crate::tunnel::{Attempt, Command, Ending, Established, Remedy, Tunnel, TunnelState};

/// Starts a tunnel: [`Tunnel::spawn`], or what a test puts in its place.
pub type Dial = Box<dyn Fn(Attempt) -> Tunnel + Send + Sync>;

/// How many attempts a connection has, before it is over.
const MAX_ATTEMPTS: u32 = 8;

/// Whether a person may be asked for secrets of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interaction {
    Allowed,
    No,
}

/// What an attempt is made of, for another one.
pub(super) struct Kept {
    profile: Profile,
    secrets: Secrets,
    rights: Rights,
    attempts: u32,
    /// A code of a person's has gone to the server: a refusal is about that, not about the password.
    code_sent: bool,
    /// The tunnel outlasts its connection.
    lasting: bool,
    /// The file of the capture, once it was made: one for all attempts.
    capture: Option<Arc<File>>,
}

impl Kept {
    /// For a first attempt, with files read with these rights.
    pub(super) fn new(profile: Profile, secrets: Secrets, rights: Rights) -> Self {
        Self { profile, secrets, rights, attempts: 0, code_sent: false, lasting: false, capture: None }
    }

    /// The same for a tunnel that outlasts its connection, or does not.
    pub(super) fn lasting(self, lasting: bool) -> Self {
        Self { lasting, ..self }
    }

    /// What the profile wants in the tunnel.
    pub(super) fn routes(&self) -> Routes {
        self.profile.routing.routes
    }

    /// The file of the capture, where one is wanted and can be made; a connection does not fail for want of it.
    fn capture(&mut self) -> Option<Arc<File>> {
        let Capture { name, secrets } = self.profile.capture.as_ref()?;
        if self.capture.is_none() {
            match captures::create(name) {
                Ok(file) => {
                    let what = if *secrets { "secrets included" } else { "secrets blanked" };
                    info!(target: OUTCOME, "What passes is captured in {}/{name}, {what}.", captures::DIRECTORY);
                    self.capture = Some(Arc::new(file));
                }
                Err(why) => warn!("Nothing is captured: {why}."),
            }
        }
        self.capture.clone()
    }

    /// Whether there is any point in an attempt.
    ///
    /// # Errors
    ///
    /// What must be changed in the profile, or is missing, first.
    pub(super) fn check(&self, interaction: Interaction) -> Result<(), profile::Error> {
        match (interaction, self.profile.check()) {
            // it is asked for
            (Interaction::Allowed, Err(profile::Error::NoUserName)) => Ok(()),
            (Interaction::Allowed, checked) => checked,
            // the identity may be in the certificate, which is not read here
            (Interaction::No, _) => self.profile.session_config(&self.secrets, None, Some(String::new())).map(drop),
        }
    }
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing: the tunnel goes on.
    GoOn,
    /// A tunnel was started: follow it.
    Follow,
    /// Ask what the connection [waits](Attempts::waiting) for.
    Ask,
    /// What came was what had been refused, as this sentence says: give up.
    GiveUp(&'static str),
}

/// A connection on its way, and then its tunnel.
pub(super) struct Attempts {
    dial: Dial,
    /// The tunnel, from its start until it is down.
    tunnel: Option<Tunnel>,
    /// What the connection waits for, while it waits for an answer.
    waiting: Option<Waiting>,
    /// What another attempt would need, as long as a person may be asked and the connection is not up.
    kept: Option<Kept>,
}

impl Attempts {
    pub(super) fn new(dial: Dial) -> Self {
        Self { dial, tunnel: None, waiting: None, kept: None }
    }

    /// Starts the tunnel, or has the secrets asked for that it lacks.
    pub(super) fn begin(&mut self, kept: Kept, interaction: Interaction) -> Next {
        let mut missing = kept.profile.missing_secrets(&kept.secrets);
        // whether a key is locked shows when it is read
        missing.retain(|secret| *secret != Secret::TlsUserKeySecret);
        if interaction == Interaction::Allowed && !missing.is_empty() {
            self.waiting = Some(Waiting::missing(missing, kept.secrets.clone()));
            self.kept = Some(kept);
            return Next::Ask;
        }
        self.start(kept, Vec::new(), interaction)
    }

    fn start(&mut self, mut kept: Kept, answers: Vec<Answer>, interaction: Interaction) -> Next {
        self.waiting = None;
        kept.attempts += 1;
        let may_ask = interaction == Interaction::Allowed;
        let (profile, secrets, rights) = (kept.profile.clone(), kept.secrets.clone(), kept.rights.clone());
        let capture = kept.capture();
        let attempt = Attempt { profile, secrets, answers, may_ask, rights, lasting: kept.lasting, capture };
        self.kept = may_ask.then_some(kept);
        self.tunnel = Some((self.dial)(attempt));
        Next::Follow
    }

    /// The tunnel's states.
    pub(super) fn state(&self) -> Option<watch::Receiver<TunnelState>> {
        self.tunnel.as_ref().map(|tunnel| tunnel.state.clone())
    }

    /// Whether this is the state of the tunnel that there is now, and not that of one before it.
    pub(super) fn is_of_tunnel(&self, state: &watch::Receiver<TunnelState>) -> bool {
        self.tunnel.as_ref().is_some_and(|tunnel| tunnel.state.same_channel(state))
    }

    /// What the connection waits for.
    pub(super) fn waiting(&self) -> Option<&Waiting> {
        self.waiting.as_ref()
    }

    /// The same, which is not asked any more: its answer has come, and goes to [`answered`](Self::answered).
    pub(super) fn take_waiting(&mut self) -> Option<Waiting> {
        self.waiting.take()
    }

    /// What was waited for has come.
    pub(super) fn answered(&mut self, waiting: Waiting, came: Kept) -> Next {
        let before = waiting.before.clone();
        let Kept { attempts, capture, .. } = self.kept.as_ref().unwrap_or(&came);
        let came = Kept { attempts: *attempts, capture: capture.clone(), ..came };
        match waiting.understand(&came.secrets) {
            Meaning::Secrets => self.begin(came, Interaction::Allowed),
            Meaning::ProxyPassword(password) => {
                let secrets = Secrets { proxy_password: Some(password), ..before };
                self.begin(Kept { secrets, ..came }, Interaction::Allowed)
            }
            Meaning::Unchanged(why) => Next::GiveUp(why),
            Meaning::Ask(asked, message) => {
                self.waiting = Some(Waiting { asked, before, message });
                Next::Ask
            }
            Meaning::Answer(answer) => self.pass_on(answer, came, before),
        }
    }

    /// The person has answered the server's question: on the call that waits for it, or else on another one.
    fn pass_on(&mut self, answer: Answer, came: Kept, before: Secrets) -> Next {
        let Answer { question, text } = &answer;
        let code_sent = matches!(question, Question::OneTimeCode { .. });
        let secrets = match question {
            Question::Password { .. } => Secrets { password: Some(text.clone()), ..came.secrets.clone() },
            // until the server has taken the new one, the old password is the one that counts; and what was typed into the
            // one field that an agent has may be a code, and no password
            Question::NewPassword { .. } | Question::OneTimeCode { .. } => before,
        };
        let kept = Kept { secrets, code_sent, ..came };
        if let Some(tunnel) = &self.tunnel
            && tunnel.commands.try_send(Command::Answer(text.clone())).is_ok()
        {
            self.kept = Some(kept);
            return Next::GoOn;
        }
        let answers = if matches!(question, Question::Password { .. }) { Vec::new() } else { vec![answer] };
        self.start(kept, answers, Interaction::Allowed)
    }

    /// The tunnel asks.
    pub(super) fn asks(&mut self, question: &Question) -> Next {
        let Some(kept) = &self.kept else { return Next::GoOn };
        self.waiting = Some(Waiting::for_question(question, kept.secrets.clone()));
        Next::Ask
    }

    /// No other attempt will be made, be it that the connection is up or that nobody wants it: what one would need is wiped.
    pub(super) fn settle(&mut self) {
        (self.kept, self.waiting) = (None, None);
    }

    /// Tells the tunnel to end; `false` where there is none.
    pub(super) fn disconnect(&self) -> bool {
        // Telling fails only when the tunnel has ended or was told already; its state says so next.
        self.tunnel.as_ref().map(|tunnel| drop(tunnel.commands.try_send(Command::Disconnect))).is_some()
    }

    /// The tunnel is down; `false` where there was none.
    pub(super) fn down(&mut self) -> bool {
        self.tunnel.take().is_some()
    }

    /// Whether, after this failure, a person can let another attempt succeed, or one is made already; `None`: no.
    pub(super) fn after_failure(&mut self, failure: &Ending) -> Option<Next> {
        if self.kept.as_ref().is_none_or(|kept| kept.attempts >= MAX_ATTEMPTS) {
            return None;
        }
        if self.waiting.is_some() {
            info!(target: OUTCOME, "The question stays, though: {failure}.");
            return Some(Next::GoOn);
        }
        let kept = self.kept.take()?;
        let refused = matches!(failure.remedy, Some(Remedy::Credentials { code: None, .. }));
        if kept.code_sent && refused {
            info!(target: OUTCOME, "Trying again: {failure}.");
            return Some(self.start(Kept { code_sent: false, ..kept }, Vec::new(), Interaction::Allowed));
        }
        let password = matches!(kept.profile.authentication, profile::Authentication::Password { .. });
        let waiting = Waiting::for_failure(failure, kept.secrets.clone());
        // a certificate that is refused is not mended by a password, nor is a proxy without a user
        let proxy_user = kept.profile.proxy.as_ref().is_some_and(|proxy| proxy.user.is_some());
        let waiting = waiting.filter(|_| match failure.remedy {
            Some(Remedy::Passphrase { .. }) => true,
            Some(Remedy::ProxyPassword { .. }) => proxy_user,
            _ => password,
        })?;
        info!(target: OUTCOME, "Asking again: {failure}.");
        (self.kept, self.waiting) = (Some(kept), Some(waiting));
        Some(Next::Ask)
    }
}

/// The end of the line that says what a connection is.
pub(super) fn success(Established { interface, server, parameters, .. }: &Established) -> String {
    let NetworkParameters { ipv4, ipv6, mtu, authentication, eap_method, .. } = parameters;
    let gateway = server.ip();
    let ipv4 = ipv4.iter().map(|ipv4| IpAddr::from(ipv4.address));
    let ipv6 = ipv6.iter().flat_map(|ipv6| match &ipv6.addresses[..] {
        [] => vec![IpAddr::from(ipv6.link_local)],
        addresses => addresses.iter().map(|address| address.address.into()).collect(),
    });
    let addresses: Vec<String> = ipv4.chain(ipv6).map(|address| address.to_string()).collect();
    let authentication = match (authentication, eap_method) {
        (Some(_), Some(method)) => format!("authenticated by {}", method.name()),
        (Some(protocol), None) => format!("authenticated by {}", protocol.name()),
        (None, _) => "without authentication, as the server asked for none".to_owned(),
    };
    format!("to {gateway} as {} on {interface}, MTU {mtu}, {authentication}.", addresses.join(" and "))
}
