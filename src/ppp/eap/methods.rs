//! The methods, one of which a conversation agrees upon.

use zeroize::Zeroizing;

use super::super::auth::outcome::Outcome;
use super::super::inner_tls::{Fault, TlsError};
use super::EapMethod;
use super::method::{Context, Standing, Step};
use super::mschapv2::EapMsChapV2Method;
use super::peap::Peap;
use super::simple::{Md5, Token};
use super::tls::EapTls;
use super::ttls::Ttls;
use crate::wire::Malformed;

/// The method that a conversation has agreed upon.
#[derive(Debug)]
pub(super) enum Method {
    Tls(EapTls),
    Peap(Peap),
    Ttls(Ttls),
    MsChapV2(EapMsChapV2Method),
    Token(EapMethod, Token),
    Md5(Md5),
}

impl Method {
    pub(super) fn new(method: EapMethod) -> Self {
        match method {
            EapMethod::Tls => Method::Tls(EapTls::new()),
            EapMethod::Peap => Method::Peap(Peap::new()),
            EapMethod::Ttls => Method::Ttls(Ttls::new()),
            EapMethod::MsChapV2 => Method::MsChapV2(EapMsChapV2Method::default()),
            EapMethod::Gtc | EapMethod::Otp => Method::Token(method, Token::default()),
            EapMethod::Md5 => Method::Md5(Md5::default()),
        }
    }

    pub(super) fn method(&self) -> EapMethod {
        match self {
            Method::Tls(_) => EapMethod::Tls,
            Method::Peap(_) => EapMethod::Peap,
            Method::Ttls(_) => EapMethod::Ttls,
            Method::MsChapV2(_) => EapMethod::MsChapV2,
            Method::Token(method, _) => *method,
            Method::Md5(_) => EapMethod::Md5,
        }
    }

    pub(super) fn handle(&mut self, identifier: u8, data: &[u8], context: &mut Context<'_>) -> Result<Step, Malformed> {
        match self {
            Method::Tls(tls) => tls.handle(data, context),
            Method::Peap(peap) => peap.handle(identifier, data, context),
            Method::Ttls(ttls) => ttls.handle(data, context),
            Method::MsChapV2(mschapv2) => mschapv2.handle(data, context),
            Method::Token(_, token) => Ok(token.handle(data)),
            Method::Md5(md5) => md5.handle(identifier, data, context),
        }
    }

    pub(super) fn answer(&mut self, answer: &Zeroizing<String>, context: &mut Context<'_>) -> Option<Step> {
        match self {
            Method::Tls(_) | Method::Md5(_) => None,
            Method::Peap(peap) => peap.answer(answer, context),
            Method::Ttls(ttls) => ttls.answer(answer, context),
            Method::MsChapV2(mschapv2) => mschapv2.answer(answer, context),
            Method::Token(_, token) => token.answer(answer),
        }
    }

    pub(super) fn standing(&self) -> Standing {
        match self {
            Method::Tls(tls) => tls.standing(),
            Method::Peap(peap) => peap.standing(),
            Method::Ttls(ttls) => ttls.standing(),
            Method::MsChapV2(mschapv2) => mschapv2.standing(),
            Method::Token(_, token) => token.standing(),
            Method::Md5(md5) => md5.standing(),
        }
    }

    /// What the method knows of a failure that EAP Failure tells.
    pub(super) fn failed(&mut self) -> Option<Outcome> {
        match self {
            Method::Peap(peap) => peap.failed(),
            Method::Ttls(ttls) => ttls.failed(),
            Method::MsChapV2(mschapv2) => mschapv2.failed(),
            Method::Tls(_) => Some(Outcome::Tls(TlsError {
                fault: Fault::Refused,
                text:
                    "the server did not accept the user's certificate, without saying why: it may have been revoked, \
                       be of an authority that is unknown there, or belong to nobody who may connect"
                        .to_owned(),
            })),
            Method::Token(..) | Method::Md5(_) => None,
        }
    }

    pub(super) fn keep_session(&mut self) {
        match self {
            Method::Tls(tls) => tls.tunnel.keep_session(),
            Method::Peap(peap) => peap.tunnel.keep_session(),
            Method::Ttls(ttls) => ttls.tunnel.keep_session(),
            Method::MsChapV2(_) | Method::Token(..) | Method::Md5(_) => {}
        }
    }
}
