//! A server that does not answer a login at once may wait for a person: the log says so, and only then.
#![cfg(feature = "service")]

mod nm_face;

use std::time::Duration;

use nm_face::*;
use nm_sstp::dbus::nm::Options;
use nm_sstp::session::{Phase, Question};
use nm_sstp::tunnel::TunnelState;
use tracing::level_filters::LevelFilter;

const REMARK: &str = "The server has not answered the login yet; if it asks for approval on another device";

#[tokio::test]
async fn a_slow_login_is_remarked_upon_at_the_default_level() {
    let log = Log::of_the_process(LevelFilter::WARN);
    let remarks = || log.text().matches(REMARK).count();
    let login = Duration::from_millis(100);
    let mut face = Face::with(Options { login, ..Options::default() }).await;
    face.call("ConnectInteractive", &(connection(), details())).await;
    face.sees(&["StateChanged(3)", "answer"]).await;
    let tunnel = face.started().await;
    tunnel.is(starting(Phase::LinkEstablishment));
    tokio::time::sleep(3 * login).await;
    assert_eq!(remarks(), 0, "nothing was asked of the server yet");
    tunnel.is(starting(Phase::Authentication));
    tokio::time::sleep(5 * login).await;
    assert_eq!(remarks(), 1, "it is said once");
    // the one who thinks is the person now
    tunnel.is(starting(Phase::Authentication));
    tunnel.is(TunnelState::Asking(Question::Password { message: String::new() }));
    tokio::time::sleep(3 * login).await;
    tunnel.is(starting(Phase::Authentication));
    tunnel.is(up(established()));
    face.sees(&[r#"SecretsRequired("The server refused user name or password. Try again.", ["password"])"#]).await;
    tokio::time::sleep(3 * login).await;
    assert_eq!(remarks(), 1);
}
