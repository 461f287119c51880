//! EAP-TTLS (RFC 5281): the user's authentication as attribute-value pairs inside of TLS, by PAP, MS-CHAPv2 or EAP.

use zeroize::Zeroizing;

use super::super::auth::outcome::Outcome;
use super::super::mschapv2::MsChapV2;
use super::method::{Context, Key, Standing, Step};
use super::tls::{Received, Tunnel};
use super::{Eap, TtlsInner, Turn};
use crate::wire::Malformed;
use crate::wire::avp::{Avp, MICROSOFT, avp_code};
use crate::wire::eap::{eap_code, eap_type};
use crate::wire::ppp::ControlPacket;

/// EAP-TTLS, the peer's side.
#[derive(Debug)]
pub(in super::super) struct Ttls {
    pub(super) tunnel: Tunnel,
    phase2: Option<Phase2>,
    failed: Option<Outcome>,
}

/// What is spoken inside.
#[derive(Debug)]
enum Phase2 {
    /// The password was sent.
    Pap,
    /// The response was sent; the server has proven to know the password, too.
    MsChapV2 { mschapv2: MsChapV2, proven: bool },
    /// A conversation of EAP.
    Eap(Box<Eap>),
}

impl Ttls {
    pub(super) fn new() -> Self {
        Ttls { tunnel: Tunnel::new(eap_type::TTLS), phase2: None, failed: None }
    }

    pub(super) fn handle(&mut self, data: &[u8], context: &mut Context<'_>) -> Result<Step, Malformed> {
        let plaintext = match self.tunnel.receive(data, context)? {
            Received::Step(step) => return Ok(step),
            Received::Message(plaintext) => plaintext,
        };
        // the client speaks first inside, once TLS has nothing more to say itself (RFC 5281 7.3)
        let ready = self.tunnel.is_established() && !self.tunnel.is_sending();
        match &mut self.phase2 {
            None if ready => match self.begin(context)? {
                Ok(phase2) => self.phase2 = Some(phase2),
                Err(step) => return Ok(step),
            },
            Some(_) if !plaintext.is_empty() => {
                if let Some(step) =
                    self.take(&plaintext, context).unwrap_or_else(|malformed| Some(Step::malformed_inside(malformed)))
                {
                    return Ok(step);
                }
            }
            _ => {}
        }
        Ok(Step::respond(self.tunnel.respond(context)))
    }

    /// The first pairs.
    fn begin(&mut self, context: &mut Context<'_>) -> Result<Result<Phase2, Step>, Malformed> {
        let user_name = context.credentials.user_name.clone();
        // it must not grow, which would leave a copy behind
        let mut pairs = Zeroizing::new(Vec::with_capacity(256 + user_name.len() + context.credentials.password.len()));
        let phase2 = match context.config.ttls {
            TtlsInner::Pap => {
                Avp::new(avp_code::USER_NAME, user_name.as_bytes()).emit(&mut pairs);
                // RFC 5281 11.2.5: zeros up to a multiple of 16 hide how long it is
                let password = context.credentials.password.as_bytes();
                let mut padded = Zeroizing::new(vec![0; password.len().next_multiple_of(16).max(16)]);
                padded[..password.len()].copy_from_slice(password);
                Avp::new(avp_code::USER_PASSWORD, &padded).emit(&mut pairs);
                Phase2::Pap
            }
            TtlsInner::MsChapV2 => {
                // RFC 5281 11.1: challenge and identifier come out of the handshake, so that neither side chooses them
                let mut implicit = [0; 17];
                if let Err(error) = self.tunnel.export("ttls challenge", None, &mut implicit) {
                    return Ok(Err(Step::Fail(None, Outcome::Tls(error))));
                }
                let (challenge, identifier) = (&implicit[..16], implicit[16]);
                let mut mschapv2 = MsChapV2::default();
                let value = mschapv2.challenge(identifier, challenge, context.credentials, context.entropy)?;
                // identifier and flags, then peer challenge, reserved octets and NT-Response (RFC 2548 2.3.2)
                let response = [&[identifier, 0], &value[..48]].concat();
                Avp::new(avp_code::USER_NAME, user_name.as_bytes()).emit(&mut pairs);
                Avp::microsoft(avp_code::MS_CHAP_CHALLENGE, challenge).emit(&mut pairs);
                Avp::microsoft(avp_code::MS_CHAP2_RESPONSE, &response).emit(&mut pairs);
                Phase2::MsChapV2 { mschapv2, proven: false }
            }
            TtlsInner::Eap => {
                // RFC 5281 11.2.1: as if the server had asked for the identity
                let mut eap = Box::new(Eap::inner());
                let identity = ControlPacket { code: eap_code::REQUEST, identifier: 0, data: &[eap_type::IDENTITY] };
                let Turn { response, .. } = eap.handle(identity, &mut context.inside())?;
                Avp::new(avp_code::EAP_MESSAGE, &response.unwrap_or_default()).emit(&mut pairs);
                Phase2::Eap(eap)
            }
        };
        Ok(self.tunnel.send(&pairs).map(|()| phase2))
    }

    /// Takes the server's pairs; `None`: an acknowledgment, or what was put into the tunnel, is the answer.
    fn take(&mut self, mut octets: &[u8], context: &mut Context<'_>) -> Result<Option<Step>, Malformed> {
        let mut eap_message = Vec::new();
        while let Some((pair, rest)) = Avp::parse(octets)? {
            octets = rest;
            match (&mut self.phase2, pair.vendor, pair.code) {
                (Some(Phase2::Eap(_)), 0, avp_code::EAP_MESSAGE) => eap_message.extend_from_slice(pair.data),
                (Some(Phase2::MsChapV2 { mschapv2, proven }), MICROSOFT, avp_code::MS_CHAP2_SUCCESS) => {
                    let Some((identifier, message)) = pair.data.split_first() else { continue };
                    match mschapv2.success(*identifier, message, context.credentials)? {
                        Outcome::Authenticated(_) => *proven = true,
                        outcome => return Ok(Some(Step::Fail(None, outcome))),
                    }
                }
                (Some(Phase2::MsChapV2 { mschapv2, .. }), MICROSOFT, avp_code::MS_CHAP_ERROR) => {
                    let Some((identifier, message)) = pair.data.split_first() else { continue };
                    // another try would need another challenge, for which there is no place here
                    let failed = mschapv2.failure(*identifier, message)?.map(Outcome::without_a_question);
                    self.failed = failed.or(self.failed.take());
                }
                // such as Reply-Message: what does not change the authentication may be passed over
                _ => {}
            }
        }
        if eap_message.is_empty() {
            return Ok(None);
        }
        let Some(Phase2::Eap(eap)) = &mut self.phase2 else { return Ok(None) };
        let turn = eap.handle(ControlPacket::parse(&eap_message)?, &mut context.inside())?;
        Ok(self.inner_turn(turn, context))
    }

    pub(super) fn answer(&mut self, answer: &Zeroizing<String>, context: &mut Context<'_>) -> Option<Step> {
        let Some(Phase2::Eap(eap)) = &mut self.phase2 else { return None };
        let turn = eap.answer(answer, &mut context.inside())?;
        let step = self.inner_turn(turn, context);
        Some(step.unwrap_or_else(|| Step::respond(self.tunnel.respond(context))))
    }

    fn inner_turn(&mut self, Turn { response, outcome, .. }: Turn, context: &Context<'_>) -> Option<Step> {
        if let Some(response) = response {
            let mut pairs = Zeroizing::new(Vec::with_capacity(response.len() + 16));
            Avp::new(avp_code::EAP_MESSAGE, &response).emit(&mut pairs);
            if let Err(step) = self.tunnel.send(&pairs) {
                return Some(step);
            }
        }
        match outcome {
            Some(Outcome::Asks(question)) => Some(Step::Ask(question)),
            Some(Outcome::Authenticated(_)) | None => None,
            Some(failed) => Some(Step::Fail(Some(self.tunnel.respond(context).into()), failed)),
        }
    }

    pub(super) fn standing(&self) -> Standing {
        let proven = match &self.phase2 {
            // a server that remembers who was authenticated may leave out what is inside (RFC 5281 7.6)
            None if self.tunnel.is_resumed() && !self.tunnel.is_sending() => false,
            None => return Standing::Open,
            Some(Phase2::Pap) => false,
            Some(Phase2::MsChapV2 { proven, .. }) if *proven => true,
            Some(Phase2::MsChapV2 { .. }) => return Standing::Open,
            Some(Phase2::Eap(eap)) => match eap.standing() {
                Standing::Done { proven, .. } => proven,
                Standing::Open => return Standing::Open,
            },
        };
        match self.tunnel.key_material() {
            Ok(msk) => Standing::Done { key: Key::Msk(msk), proven },
            Err(_) => Standing::Open,
        }
    }

    pub(super) fn failed(&mut self) -> Option<Outcome> {
        let inner = match &mut self.phase2 {
            Some(Phase2::Eap(eap)) => eap.take_failed(),
            _ => None,
        };
        self.failed.take().or(inner)
    }
}
