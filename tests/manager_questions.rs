//! Questions of a session on `org.sstpd`: who is asked, who may answer, and what becomes of those that nobody answers.
#![cfg(feature = "service")]

mod manager_face;

use std::collections::HashMap;
use std::time::Duration;

use manager_face::*;
use nm_sstp::dbus::manager::{Options, Patience};
use nm_sstp::profile::Secret;
use nm_sstp::session::{Phase, Question};
use nm_sstp::tunnel::{Command, TunnelState};
use zbus::{Message, Variant};

const SETTINGS: [(&str, &str); 2] = [("gateway", "vpn.example.com"), ("user", "alice")];

/// Connects without the password, and is asked for it.
async fn asked(desk: &mut Desk) -> (String, u32) {
    let options = HashMap::from([("interactive", Variant::from(true))]);
    let path = path_of(&desk.try_connect(ALICE, "", &SETTINGS, &options).await);
    let (serial, _, secrets) = question(desk).await;
    assert_eq!(secrets, ["password"]);
    (path, serial)
}

async fn question(desk: &mut Desk) -> (u32, String, Vec<String>) {
    let asked = desk.sees("SecretsRequired").await;
    assert_eq!(asked.header().destination().map(ToString::to_string).as_deref(), Some(ALICE), "it is for one alone");
    asked.body().deserialize().expect("a question")
}

async fn provide(desk: &mut Desk, who: &str, path: &str, serial: u32, secrets: &[(&str, &str)]) -> Message {
    let secrets: HashMap<&str, &str> = secrets.iter().copied().collect();
    desk.call(who, path, SESSION, "ProvideSecrets", &(serial, secrets)).await
}

async fn closed(desk: &mut Desk) -> (String, String) {
    desk.sees("Closed").await.body().deserialize().expect("a reason")
}

#[tokio::test]
async fn a_missing_password_is_asked_for() {
    let mut desk = Desk::new().await;
    let (path, serial) = asked(&mut desk).await;
    assert_eq!(desk.text(ALICE, &path, "State").await, "asking");
    assert!(desk.tunnels.try_recv().is_err());
    assert_eq!(line(&provide(&mut desk, ALICE, &path, serial, &[("password", PASSWORD)]).await), "answer");
    let tunnel = desk.started().await;
    assert_eq!((tunnel.password(), tunnel.may_ask), (PASSWORD, true));
    desk.state(&path, "connecting").await;
}

#[tokio::test]
async fn a_missing_name_is_asked_for_with_the_password() {
    let mut desk = Desk::new().await;
    let options = HashMap::from([("interactive", Variant::from(true))]);
    let path = path_of(&desk.try_connect(ALICE, "", &SETTINGS[..1], &options).await);
    let (serial, _, secrets) = question(&mut desk).await;
    assert_eq!(secrets, ["user", "password"]);
    provide(&mut desk, ALICE, &path, serial, &[("user", "typed"), ("password", PASSWORD)]).await;
    let tunnel = desk.started().await;
    assert_eq!(tunnel.secrets.get(Secret::User), Some("typed"));
    assert!(tunnel.profile.check().is_ok(), "the name is in the profile now");
}

#[tokio::test]
async fn only_the_owner_answers_and_only_what_is_asked() {
    let mut desk = Desk::new().await;
    let (path, serial) = asked(&mut desk).await;
    for who in [BOB, ROOT] {
        let answer = provide(&mut desk, who, &path, serial, &[("password", "x")]).await;
        assert_eq!(refusal(&answer).0, "NotAuthorized", "{who}");
    }
    let answer = provide(&mut desk, ALICE, &path, serial + 1, &[("password", "x")]).await;
    assert_eq!(refusal(&answer).0, "NoSuchQuestion");
    let answer = provide(&mut desk, ALICE, &path, serial, &[("pin", "x")]).await;
    assert_eq!(refusal(&answer).0, "BadArguments");
    assert!(desk.tunnels.try_recv().is_err());
    let answer = provide(&mut desk, ALICE_TOO, &path, serial, &[("password", PASSWORD)]).await;
    assert_eq!(line(&answer), "answer", "it is the same user");
    desk.started().await;
    let answer = provide(&mut desk, ALICE, &path, serial, &[("password", PASSWORD)]).await;
    assert_eq!(refusal(&answer).0, "NoSuchQuestion");
}

#[tokio::test]
async fn a_question_that_is_declined_ends_the_session() {
    let mut desk = Desk::new().await;
    let (path, serial) = asked(&mut desk).await;
    provide(&mut desk, ALICE, &path, serial, &[]).await;
    let (kind, error) = closed(&mut desk).await;
    assert_eq!(kind, "authentication");
    assert!(error.contains("declined"), "{error}");
}

#[tokio::test]
async fn whoever_leaves_while_asked_is_not_waited_for() {
    let mut desk = Desk::new().await;
    let (path, _) = asked(&mut desk).await;
    desk.world.leaves(ALICE);
    let (kind, error) = closed(&mut desk).await;
    assert_eq!(kind, "authentication");
    assert!(error.contains("has left the bus"), "{error}");
    assert_eq!(desk.text(ROOT, &path, "State").await, "failed");

    // the same in the middle of a login
    let mut desk = Desk::new().await;
    let (_, mut tunnel) = desk.connects(ALICE, &[], &[("interactive", true.into())]).await;
    tunnel.is(TunnelState::Asking(Question::OneTimeCode { text: String::new() }));
    question(&mut desk).await;
    desk.world.leaves(ALICE);
    tunnel.told_to_disconnect().await;
    tunnel.is(TunnelState::Down(None));
    assert!(closed(&mut desk).await.1.contains("has left the bus"));
}

#[tokio::test]
async fn nobody_is_waited_for_forever() {
    let patience = Patience { answer: Duration::from_millis(50), ..Patience::default() };
    let mut desk = Desk::with(Options { persist: true, patience, ..Options::default() }).await;
    asked(&mut desk).await;
    assert!(closed(&mut desk).await.1.contains("nobody has answered"));
}

#[tokio::test]
async fn a_refused_password_is_asked_for_again() {
    let mut desk = Desk::new().await;
    let (path, tunnel) = desk.connects(ALICE, &[], &[("interactive", true.into())]).await;
    tunnel.is(starting(Phase::Authentication));
    tunnel.fails(wrong_password());
    let (serial, message, secrets) = question(&mut desk).await;
    assert_eq!(secrets, ["password"]);
    assert!(message.contains("wrong user name or password"), "{message}");
    provide(&mut desk, ALICE, &path, serial, &[("password", "another")]).await;
    let tunnel = desk.started().await;
    assert_eq!(tunnel.password(), "another");
    tunnel.is_up();
    desk.state(&path, "connected").await;
}

#[tokio::test]
async fn the_same_password_again_is_no_answer() {
    let mut desk = Desk::new().await;
    let (path, tunnel) = desk.connects(ALICE, &[], &[("interactive", true.into())]).await;
    tunnel.fails(wrong_password());
    let (serial, ..) = question(&mut desk).await;
    provide(&mut desk, ALICE, &path, serial, &[("password", PASSWORD)]).await;
    assert_eq!(closed(&mut desk).await.0, "authentication");
    assert!(desk.tunnels.try_recv().is_err());
}

#[tokio::test]
async fn a_code_and_a_new_password_go_to_the_call_that_asks() {
    let mut desk = Desk::new().await;
    let (path, mut tunnel) = desk.connects(ALICE, &[], &[("interactive", true.into())]).await;
    tunnel.is(TunnelState::Asking(Question::OneTimeCode { text: "Code from your phone?".to_owned() }));
    let (serial, message, secrets) = question(&mut desk).await;
    assert_eq!(
        (secrets.as_slice(), message.as_str()),
        (&["otp".to_owned()][..], "The server asks: Code from your phone?")
    );
    provide(&mut desk, ALICE, &path, serial, &[("otp", "123456")]).await;
    let Some(Command::Answer(code)) = tunnel.commands.recv().await else { panic!("no answer") };
    assert_eq!(code.as_str(), "123456");

    tunnel.is(TunnelState::Asking(Question::NewPassword { refused: None }));
    let (serial, _, secrets) = question(&mut desk).await;
    assert_eq!(secrets, ["password", "password-again"]);
    provide(&mut desk, ALICE, &path, serial, &[("password", "new"), ("password-again", "mew")]).await;
    let (serial, message, _) = question(&mut desk).await;
    assert!(message.contains("not the same"), "{message}");
    provide(&mut desk, ALICE, &path, serial, &[("password", "new"), ("password-again", "new")]).await;
    let Some(Command::Answer(new)) = tunnel.commands.recv().await else { panic!("no answer") };
    assert_eq!(new.as_str(), "new");
    tunnel.is_up();
    desk.state(&path, "connected").await;
}

#[tokio::test]
async fn a_question_ends_with_its_session() {
    let mut desk = Desk::new().await;
    let (path, serial) = asked(&mut desk).await;
    assert_eq!(line(&desk.disconnect(ALICE, &path).await), "answer");
    assert_eq!(desk.sees("Closed").await.body().deserialize::<(String, String)>().unwrap().1, "");
    desk.sees("InterfacesRemoved").await;
    let answer = provide(&mut desk, ALICE, &path, serial, &[("password", PASSWORD)]).await;
    assert_eq!(answer.message_type(), zbus::message::Type::Error, "the object is gone");
}
