//! The methods of RFC 3748 itself: MD5-Challenge (5.4), One-Time Password (5.5) and Generic Token Card (5.6). None of
//! them makes a key or lets the server prove itself.

use zeroize::Zeroizing;

use super::super::auth::question::{MAX_QUESTIONS, Question};
use super::method::{Context, Key, Standing, Step};
use crate::crypto::chap_md5;
use crate::wire::{Malformed, printable};

/// MD5-Challenge: CHAP with MD5 (RFC 1994) in EAP.
#[derive(Debug, Default)]
pub(in super::super) struct Md5 {
    answered: bool,
}

impl Md5 {
    /// `identifier` is that of the EAP packet (RFC 3748 5.4).
    pub(super) fn handle(&mut self, identifier: u8, data: &[u8], context: &Context<'_>) -> Result<Step, Malformed> {
        let value = match data {
            [size, rest @ ..] if *size > 0 && usize::from(*size) <= rest.len() => &rest[..usize::from(*size)],
            _ => return Err(Malformed::value("EAP MD5-Challenge Value-Size", 0, *data.first().unwrap_or(&0))),
        };
        self.answered = true;
        let response = chap_md5(identifier, context.credentials.password.as_bytes(), value);
        Ok(Step::respond([&[16], &response[..], context.credentials.user_name.as_bytes()].concat()))
    }

    pub(super) fn standing(&self) -> Standing {
        standing(self.answered)
    }
}

/// OTP or GTC: a text of the server's, and a person's answer to it. It may ask several times.
#[derive(Debug, Default)]
pub(in super::super) struct Token {
    asked: bool,
    answered: bool,
    questions: u32,
}

impl Token {
    pub(super) fn handle(&mut self, data: &[u8]) -> Step {
        self.asked = true;
        self.answered = false;
        self.questions += 1;
        if self.questions > MAX_QUESTIONS {
            return Step::misbehaved("it asks a person without end");
        }
        Step::Ask(Question::OneTimeCode { text: printable(data) })
    }

    pub(super) fn answer(&mut self, answer: &Zeroizing<String>) -> Option<Step> {
        if !std::mem::take(&mut self.asked) {
            return None;
        }
        self.answered = true;
        Some(Step::respond(answer.as_bytes()))
    }

    pub(super) fn standing(&self) -> Standing {
        standing(self.answered)
    }
}

fn standing(answered: bool) -> Standing {
    if answered { Standing::Done { key: Key::None, proven: false } } else { Standing::Open }
}
