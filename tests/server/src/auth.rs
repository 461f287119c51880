//! The authenticators of the server's side: PAP (RFC 1334), CHAP with MD5 (RFC 1994), MS-CHAPv2 (RFC 2759) by the
//! server's own table of users or by RADIUS, and EAP (RFC 3748) by RADIUS.

mod change;
mod eap;
mod local;
mod password;
mod relay;

use std::sync::Arc;
use std::time::Instant;

use nm_sstp::crypto::Entropy;
use nm_sstp::crypto::binding::Hlak;
use nm_sstp::ppp::Outbox;
use nm_sstp::wire::Malformed;
use nm_sstp::wire::ppp::{ControlPacket, Protocol};

use crate::radius::Client;
use crate::{Config, Method};
use eap::PassThrough;
use password::Password;

/// How an authentication ended.
pub(crate) enum Outcome {
    /// The client proved who it is.
    Accepted {
        /// The user name that the client sent.
        user: String,
        /// The key for crypto binding.
        hlak: Hlak,
    },
    /// The client did not, or RADIUS did not answer.
    Refused {
        /// The user name that the client sent.
        user: String,
    },
    /// The client took too long.
    Silent,
}

/// One authentication method at work. It stays after it ended: answers are repeated where the client asks again.
pub(crate) enum Authenticator {
    Password(Box<Password>),
    Eap(Box<PassThrough>),
}

impl Authenticator {
    /// `mtu`: the longest frame that the client takes, in octets. `None`: the method needs RADIUS, and there is none.
    pub fn new(config: Arc<Config>, method: Method, mtu: u16, mut entropy: Entropy) -> Option<Self> {
        let [identifier] = entropy.octets();
        let client = config.radius.as_ref().map(|radius| Client::new(radius.secret.clone(), identifier));
        Some(match method {
            Method::Eap => Authenticator::Eap(Box::new(PassThrough::new(config, client?, mtu, entropy))),
            _ => Authenticator::Password(Box::new(Password::new(config, method, client, entropy))),
        })
    }

    pub fn method(&self) -> Method {
        match self {
            Authenticator::Password(password) => password.method(),
            Authenticator::Eap(_) => Method::Eap,
        }
    }

    /// Protocol field of the frames of this method.
    pub fn protocol(&self) -> Protocol {
        match self.method() {
            Method::Pap => Protocol::PAP,
            Method::ChapMd5 | Method::MsChapV2 => Protocol::CHAP,
            Method::Eap => Protocol::EAP,
        }
    }

    /// LCP is Opened: asks the client, or waits for PAP's request. Also good for another challenge later (RFC 1994 2).
    pub fn start(&mut self, now: Instant, out: &mut Outbox) {
        match self {
            Authenticator::Password(password) => password.start(now, out),
            Authenticator::Eap(eap) => eap.start(now, out),
        }
    }

    pub fn timer(&self) -> Option<Instant> {
        match self {
            Authenticator::Password(password) => password.timer(),
            Authenticator::Eap(eap) => eap.timer(),
        }
    }

    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> Option<Outcome> {
        match self {
            Authenticator::Password(password) => password.handle_timeout(now, out),
            Authenticator::Eap(eap) => eap.handle_timeout(now, out),
        }
    }

    /// Handles a packet of the method's protocol.
    ///
    /// # Errors
    /// A packet that cannot be read; it was discarded.
    pub fn handle_packet(
        &mut self,
        now: Instant,
        packet: ControlPacket<'_>,
        out: &mut Outbox,
    ) -> Result<Option<Outcome>, Malformed> {
        match self {
            Authenticator::Password(password) => password.handle_packet(now, packet, out),
            Authenticator::Eap(eap) => Ok(eap.handle_packet(now, packet, out)),
        }
    }

    /// Handles a datagram from the RADIUS server.
    pub fn handle_radius(&mut self, now: Instant, datagram: &[u8], out: &mut Outbox) -> Option<Outcome> {
        match self {
            Authenticator::Password(password) => password.handle_radius(now, datagram, out),
            Authenticator::Eap(eap) => eap.handle_radius(now, datagram, out),
        }
    }

    /// The next datagram for the RADIUS server.
    pub fn poll_radius(&mut self) -> Option<Vec<u8>> {
        match self {
            Authenticator::Password(password) => password.radius.as_mut()?.poll_transmit(),
            Authenticator::Eap(eap) => eap.radius.poll_transmit(),
        }
    }

    /// What a reader of the log wants to know; taken once.
    pub fn notes(&mut self) -> Vec<String> {
        std::mem::take(match self {
            Authenticator::Password(password) => &mut password.notes,
            Authenticator::Eap(eap) => &mut eap.notes,
        })
    }
}

/// What the log says of the keys that came with an Access-Accept.
fn describe_keys([receive, send]: [usize; 2]) -> String {
    match (receive, send) {
        (0, 0) => "no keys from RADIUS".to_owned(),
        _ => format!("keys from RADIUS: {receive} and {send} octets"),
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02X}")).collect()
}

#[cfg(test)]
mod tests;
