//! EAP-MSCHAPv2 ([MS-CHAP] 2.2; draft-kamath-pppext-eap-mschapv2): MS-CHAPv2 with a Response to its verdict, too.

use super::super::auth::outcome::Outcome;
use super::super::mschapv2::{MsChapV2, Retry};
use super::method::{Context, Key, Standing, Step};
use crate::crypto::binding::Hlak;
use crate::wire::Malformed;
use crate::wire::eap::EapMsChapV2;

/// The peer's side.
#[derive(Debug, Default)]
pub(in super::super) struct EapMsChapV2Method {
    pub(super) mschapv2: MsChapV2,
    proven: Option<Hlak>,
    /// What the server said of our response, until EAP Failure comes.
    failed: Option<Outcome>,
}

impl EapMsChapV2Method {
    pub(super) fn handle(&mut self, data: &[u8], context: &mut Context<'_>) -> Result<Step, Malformed> {
        let unexpected = Malformed::value("EAP-MSCHAPv2 OpCode in a Request", 0, *data.first().unwrap_or(&0));
        match EapMsChapV2::parse(data)? {
            EapMsChapV2::Challenge { identifier, value, .. } => {
                let value = self.mschapv2.challenge(identifier, value, context.credentials, context.entropy)?;
                let name = context.credentials.user_name.as_bytes();
                Ok(Step::respond(EapMsChapV2::Response { identifier, value: &value, name }.emit()))
            }
            // EAP itself matches requests and responses, and pppd puts another MS-CHAPv2-ID into its verdict
            EapMsChapV2::SuccessRequest { message, .. } => {
                let identifier = self.mschapv2.identifier().ok_or(unexpected)?;
                match self.mschapv2.success(identifier, message, context.credentials)? {
                    Outcome::Authenticated(hlak) => {
                        self.proven = Some(hlak);
                        Ok(Step::respond(EapMsChapV2::SuccessResponse.emit()))
                    }
                    outcome => Ok(Step::Fail(None, outcome)),
                }
            }
            EapMsChapV2::FailureRequest { message, .. } => {
                let identifier = self.mschapv2.identifier().ok_or(unexpected)?;
                match self.mschapv2.failure(identifier, message)?.ok_or(unexpected)? {
                    Outcome::Asks(question) => Ok(Step::Ask(question)),
                    failed => {
                        self.failed = Some(failed);
                        Ok(Step::respond(EapMsChapV2::FailureResponse.emit()))
                    }
                }
            }
            EapMsChapV2::Response { .. }
            | EapMsChapV2::SuccessResponse
            | EapMsChapV2::FailureResponse
            | EapMsChapV2::ChangePassword { .. } => Err(unexpected),
        }
    }

    pub(super) fn answer(&mut self, answer: &str, context: &mut Context<'_>) -> Option<Step> {
        Some(match self.mschapv2.answer(answer, context.credentials, context.entropy) {
            Ok(Some(Retry::Response { identifier, value })) => {
                let name = context.credentials.user_name.as_bytes();
                Step::respond(EapMsChapV2::Response { identifier, value: &value, name }.emit())
            }
            Ok(Some(Retry::ChangePassword { identifier, fields })) => {
                Step::respond(EapMsChapV2::ChangePassword { identifier, fields: &fields }.emit())
            }
            Ok(None) => return None,
            Err(question) => Step::Ask(question),
        })
    }

    pub(super) fn standing(&self) -> Standing {
        match &self.proven {
            Some(hlak) => Standing::Done { key: Key::MsChapV2(hlak.clone()), proven: true },
            None => Standing::Open,
        }
    }

    pub(super) fn failed(&mut self) -> Option<Outcome> {
        self.failed.take()
    }
}
