//! Passwords by way of RADIUS: what of the client's proof goes into a request, and what the reply means to the client.

use nm_sstp::crypto::binding::Hlak;
use nm_sstp::wire::auth::{MsChapV2Failure, MsChapV2Response};
use nm_sstp::wire::printable;

use super::change::{CHANGE_PASSWORD, ChangePassword};
use super::describe_keys;
use super::password::{Answer, Next};
use crate::radius::{Reply, Request, Verdict, attribute, microsoft};
use crate::{Config, Method};

/// What a client offers.
pub(super) enum Proof<'a> {
    Pap(&'a [u8]),
    ChapMd5 { identifier: u8, challenge: &'a [u8; 16], response: [u8; 16] },
    MsChapV2 { identifier: u8, challenge: &'a [u8; 16], response: MsChapV2Response },
    Change { identifier: u8, challenge: &'a [u8; 16], packet: &'a ChangePassword },
}

/// What every request says.
pub(super) fn introduce(request: &mut Request, config: &Config, user: &[u8]) {
    request.add(attribute::USER_NAME, user);
    request.add(attribute::NAS_IDENTIFIER, config.name.as_bytes());
}

/// Puts the client's proof into a request.
pub(super) fn prove(request: &mut Request, proof: &Proof<'_>) {
    match proof {
        Proof::Pap(password) => request.add_password(password),
        Proof::ChapMd5 { identifier, challenge, response } => {
            request.add(attribute::CHAP_PASSWORD, &[&[*identifier][..], response].concat());
            request.add(attribute::CHAP_CHALLENGE, *challenge);
        }
        Proof::MsChapV2 { identifier, challenge, response } => {
            // RFC 2548 2.3.2: identifier, flags, then as in the Response
            let value = [&[*identifier, 0][..], &response.emit()[..48]].concat();
            request.add_microsoft(microsoft::CHAP_CHALLENGE, *challenge);
            request.add_microsoft(microsoft::CHAP2_RESPONSE, &value);
        }
        Proof::Change { identifier, challenge, packet } => {
            request.add_microsoft(microsoft::CHAP_CHALLENGE, *challenge);
            // RFC 2548 2.1.6: code, identifier, sequence number; as much as fits an attribute
            for (sequence, chunk) in (1u16..).zip(packet.encrypted_password.chunks(243)) {
                let value = [&[6, *identifier][..], &sequence.to_be_bytes(), chunk].concat();
                request.add_microsoft(microsoft::CHAP_NT_ENC_PW, &value);
            }
            // RFC 2548 2.3.4
            let head = [&[CHANGE_PASSWORD, *identifier][..], &packet.encrypted_hash].concat();
            let value = [&head[..], &packet.response.emit()[..48], &packet.flags].concat();
            request.add_microsoft(microsoft::CHAP2_CPW, &value);
        }
    }
}

/// What the client is told, and what the log is.
pub(super) fn answer(method: Method, reply: &Reply) -> (Answer, String) {
    match reply.verdict {
        Verdict::Accept => {
            let (hlak, lengths) = reply.hlak();
            let message = reply.microsoft(microsoft::CHAP2_SUCCESS).and_then(|value| value.get(1..));
            let message = match (method, message) {
                (Method::MsChapV2, Some(message)) => printable(message),
                (Method::MsChapV2, None) => String::new(),
                _ => reply.message().unwrap_or_else(|| "Welcome".to_owned()),
            };
            (Answer { hlak: Some(hlak), message, next: Next::End }, format!("accepted, {}", describe_keys(lengths)))
        }
        Verdict::Reject | Verdict::Challenge => {
            let error = reply.microsoft(microsoft::CHAP_ERROR).and_then(|value| value.get(1..)).map(printable);
            let message = match (method, error) {
                (Method::MsChapV2, Some(error)) => error,
                (Method::MsChapV2, None) => unanswered(),
                _ => reply.message().unwrap_or_else(|| "Authentication failure".to_owned()),
            };
            let failure = MsChapV2Failure::parse(message.as_bytes());
            let next = match failure.challenge.filter(|_| method == Method::MsChapV2) {
                Some(challenge) if failure.code == Some(648) => Next::Change(challenge),
                Some(challenge) if failure.retry => Next::Retry(challenge),
                _ => Next::End,
            };
            let said = if reply.verdict == Verdict::Challenge {
                "challenged, which this method cannot carry"
            } else {
                "rejected"
            };
            (Answer { hlak: None::<Hlak>, next, message: message.clone() }, format!("{said}: {message}"))
        }
    }
}

/// The message of an MS-CHAPv2 Failure for which RADIUS gives none (RFC 2759 6).
pub(super) fn unanswered() -> String {
    format!("E=691 R=0 C={:032} V=3 M=Authentication failure", 0)
}
