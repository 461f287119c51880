//! Questions to a person while a connection is being made: what the plugin asks, and what it makes of the answers.
#![cfg(feature = "service")]

mod nm_face;

use std::sync::Arc;

use nm_face::*;
use nm_sstp::session::{self, Phase, Question};
use nm_sstp::tunnel::{Command, Ending, TunnelState};

const DATA: [(&str, &str); 2] = [("gateway", "vpn.example.com"), ("user", "alice")];

fn secrets<'m>(secrets: &[(&'m str, &'m str)]) -> (Hash<'m>,) {
    (connection_with(&DATA, secrets),)
}

fn down(error: session::Error) -> TunnelState {
    TunnelState::Down(Some(Arc::new(Ending::from(error))))
}

/// A tunnel on its way, with a person to ask.
async fn connecting() -> (Face, Started) {
    let mut face = Face::new().await;
    face.call("ConnectInteractive", &(connection(), details())).await;
    face.sees(&["StateChanged(3)", "answer"]).await;
    let tunnel = face.started().await;
    assert!(tunnel.may_ask);
    tunnel.is(starting(Phase::Authentication));
    (face, tunnel)
}

async fn answered(tunnel: &mut Started) -> String {
    match tunnel.commands.recv().await {
        Some(Command::Answer(answer)) => answer.to_string(),
        other => panic!("{other:?}"),
    }
}

const TRY_AGAIN: &str = r#"SecretsRequired("The server refused user name or password. Try again.", ["password"])"#;
const NEW_PASSWORD: &str = concat!(
    r#"SecretsRequired("Your password has expired. Choose a new one.", "#,
    r#"["password", "x-dynamic-challenge:password-again"])"#
);

#[tokio::test]
async fn another_password_on_the_same_call() {
    let (mut face, mut tunnel) = connecting().await;
    tunnel.is(TunnelState::Asking(Question::Password { message: String::new() }));
    face.sees(&[TRY_AGAIN]).await;
    face.call("NewSecrets", &secrets(&[("password", "the right one")])).await;
    face.sees(&["answer"]).await;
    assert_eq!(answered(&mut tunnel).await, "the right one");
    tunnel.is(up(established()));
    face.is_announced().await;
}

#[tokio::test]
async fn another_password_on_another_call() {
    let (mut face, tunnel) = connecting().await;
    // most servers end the call with the refusal
    tunnel.is(down(session::Error::AuthenticationFailed { code: Some(691), message: String::new() }));
    face.sees(&[TRY_AGAIN]).await;
    face.call("NewSecrets", &secrets(&[("password", "the right one")])).await;
    face.sees(&["answer"]).await;
    let second = face.started().await;
    assert_eq!(password_of(&second), "the right one");
    assert!(second.answers.is_empty());
    second.is(up(established()));
    face.is_announced().await;
}

#[tokio::test]
async fn a_call_that_does_not_wait_for_the_answer() {
    let (mut face, tunnel) = connecting().await;
    tunnel.is(TunnelState::Asking(Question::Password { message: String::new() }));
    face.sees(&[TRY_AGAIN]).await;
    tunnel.is(down(session::Error::AuthenticationFailed { code: Some(691), message: String::new() }));
    face.sees_nothing().await;
    face.call("NewSecrets", &secrets(&[("password", "the right one")])).await;
    face.sees(&["answer"]).await;
    assert_eq!(password_of(&face.started().await), "the right one");
}

#[tokio::test]
async fn the_same_password_again_ends_it() {
    let (mut face, tunnel) = connecting().await;
    tunnel.is(down(session::Error::AuthenticationFailed { code: None, message: String::new() }));
    face.sees(&[TRY_AGAIN]).await;
    face.call("NewSecrets", &(connection(),)).await;
    face.sees(&["answer", "Failure(0)", "StateChanged(5)", "StateChanged(6)"]).await;
    assert!(face.tunnels.try_recv().is_err());
}

#[tokio::test]
async fn nobody_is_asked_for_ever() {
    let mut face = Face::new().await;
    face.call("ConnectInteractive", &(connection(), details())).await;
    face.sees(&["StateChanged(3)", "answer"]).await;
    for attempt in 1..100 {
        let tunnel = face.started().await;
        tunnel.is(down(session::Error::AuthenticationFailed { code: Some(691), message: String::new() }));
        if attempt == 8 {
            return face.sees(&["Failure(0)", "StateChanged(6)"]).await;
        }
        face.sees(&[TRY_AGAIN]).await;
        face.call("NewSecrets", &secrets(&[("password", &format!("guess {attempt}"))])).await;
        face.sees(&["answer"]).await;
    }
}

#[tokio::test]
async fn a_new_password_is_typed_twice() {
    let (mut face, mut tunnel) = connecting().await;
    tunnel.is(TunnelState::Asking(Question::NewPassword { refused: None }));
    face.sees(&[NEW_PASSWORD]).await;
    face.call("NewSecrets", &secrets(&[("password", "new"), ("password-again", "mew")])).await;
    let again = NEW_PASSWORD.replace(
        "Your password has expired. Choose a new one.",
        "The two new passwords were not the same. Choose one and type it twice.",
    );
    face.sees(&["answer", &again]).await;
    face.call("NewSecrets", &secrets(&[("password", "new"), ("x-dynamic-challenge:password-again", "new")])).await;
    face.sees(&["answer"]).await;
    assert_eq!(answered(&mut tunnel).await, "new");
}

#[tokio::test]
async fn a_new_password_that_came_too_late_goes_with_the_next_call() {
    let (mut face, tunnel) = connecting().await;
    let question = Question::NewPassword { refused: None };
    tunnel.is(TunnelState::Asking(question.clone()));
    face.sees(&[NEW_PASSWORD]).await;
    tunnel.is(down(session::Error::AnswerTooLate(question.clone())));
    face.sees_nothing().await;
    // Plasma has one field: it is asked once more
    face.call("NewSecrets", &secrets(&[("password", "new")])).await;
    face.sees(&["answer", r#"SecretsRequired("Type the new password once more.", ["password"])"#]).await;
    face.call("NewSecrets", &secrets(&[("password", "new")])).await;
    face.sees(&["answer"]).await;
    let second = face.started().await;
    assert_eq!(password_of(&second), PASSWORD, "the old one counts until the server has taken the new one");
    let answers: Vec<_> = second.answers.iter().map(|answer| (&answer.question, answer.text.as_str())).collect();
    assert_eq!(answers, [(&question, "new")]);
}

#[tokio::test]
async fn the_end_of_a_call_is_not_that_of_the_next() {
    let (mut face, tunnel) = connecting().await;
    tunnel.is(TunnelState::Asking(Question::Password { message: String::new() }));
    face.sees(&[TRY_AGAIN]).await;
    // the answer comes just before the plugin hears that the call has ended
    let object = face.object.clone();
    let held = object.get().await;
    face.call("NewSecrets", &secrets(&[("password", "the right one")])).await;
    face.sees_nothing().await;
    let Started { commands, state, .. } = tunnel;
    drop(commands);
    state.send(down(session::Error::AuthenticationFailed { code: None, message: String::new() })).unwrap();
    face.sees_nothing().await;
    drop(held);
    face.sees(&["answer"]).await;
    let second = face.started().await;
    face.sees_nothing().await;
    second.is(up(established()));
    face.is_announced().await;
}

#[tokio::test]
async fn a_one_time_code_is_a_second_step() {
    let (mut face, mut tunnel) = connecting().await;
    tunnel.is(TunnelState::Asking(Question::OneTimeCode { text: "Code from your phone?".to_owned() }));
    face.sees(&[r#"SecretsRequired("The server asks: Code from your phone?", ["x-dynamic-challenge:otp"])"#]).await;
    let code = [("password", PASSWORD), ("x-dynamic-challenge:otp", "123456")];
    face.call("NewSecrets", &secrets(&code)).await;
    face.sees(&["answer"]).await;
    assert_eq!(answered(&mut tunnel).await, "123456");
    // a refusal after a code is about the code: the server asks for another on the next call, not for the password
    tunnel.is(down(session::Error::AuthenticationFailed { code: None, message: String::new() }));
    let second = face.started().await;
    assert_eq!(password_of(&second), PASSWORD);
    assert!(second.answers.is_empty());
    // but once: refused without a code, it is about the password
    second.is(down(session::Error::AuthenticationFailed { code: None, message: String::new() }));
    face.sees(&[TRY_AGAIN]).await;
    face.sees_nothing().await;
    assert!(face.tunnels.try_recv().is_err());
}

#[tokio::test]
async fn a_one_time_code_in_the_only_field_of_plasma() {
    let (mut face, mut tunnel) = connecting().await;
    tunnel.is(TunnelState::Asking(Question::OneTimeCode { text: String::new() }));
    face.sees(&[r#"SecretsRequired("The server asks for a one-time code.", ["x-dynamic-challenge:otp"])"#]).await;
    face.call("NewSecrets", &secrets(&[("password", "123456")])).await;
    face.sees(&["answer"]).await;
    assert_eq!(answered(&mut tunnel).await, "123456");
}

#[tokio::test]
async fn without_interaction_nobody_is_asked() {
    let mut face = Face::new().await;
    face.call("Connect", &(connection(),)).await;
    face.sees(&["StateChanged(3)", "answer"]).await;
    let tunnel = face.started().await;
    assert!(!tunnel.may_ask);
    tunnel.is(down(session::Error::AuthenticationFailed { code: Some(691), message: String::new() }));
    face.sees(&["Failure(0)", "StateChanged(6)"]).await;
}

#[tokio::test]
async fn what_a_person_cannot_mend_ends_it() {
    let (mut face, tunnel) = connecting().await;
    tunnel.is(down(session::Error::AuthenticationFailed { code: Some(647), message: "disabled".to_owned() }));
    face.sees(&["Failure(0)", "StateChanged(6)"]).await;
}

#[tokio::test]
async fn a_disconnect_while_a_person_is_asked() {
    let (mut face, mut tunnel) = connecting().await;
    tunnel.is(TunnelState::Asking(Question::OneTimeCode { text: String::new() }));
    face.sees(&[r#"SecretsRequired("The server asks for a one-time code.", ["x-dynamic-challenge:otp"])"#]).await;
    face.call("Disconnect", &()).await;
    face.sees(&["StateChanged(5)", "answer"]).await;
    tunnel.told_to_disconnect().await;
    tunnel.is(TunnelState::Down(None));
    face.sees(&["StateChanged(6)"]).await;
}

#[tokio::test]
async fn the_owner_of_a_connection_goes_with_it() {
    let mut face = Face::new().await;
    let mut hash = connection();
    hash.entry("connection").or_default().insert("permissions", vec!["user:alice:"].into());
    face.call("Connect", &(hash.clone(),)).await;
    face.sees(&["StateChanged(3)", "answer"]).await;
    assert_eq!(face.started().await.rights.owner.as_deref(), Some("alice"));

    let mut face = Face::new().await;
    hash.entry("connection").or_default().insert("permissions", vec!["user:alice:", "user:bob:"].into());
    face.call("Connect", &(hash,)).await;
    let (name, text) = face.sees_refusal().await;
    assert_eq!(name, "BadArguments");
    assert!(text.contains("several users"), "{text}");
}
