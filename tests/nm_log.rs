//! No secret in the log, however much is logged: a whole connection at the most detailed level.
#![cfg(feature = "service")]

mod nm_face;

use std::sync::Arc;

use nm_face::*;
use nm_sstp::dbus::nm::Options;
use nm_sstp::session::Phase;
use nm_sstp::tunnel::{Ending, TunnelState};
use tracing::level_filters::LevelFilter;

/// Stands for whatever a program calls its secrets.
const OTHER_SECRETS: [&str; 3] = ["zu-Geheim-7", "zu-Geheim-8", "zu-Geheim-9"];

#[tokio::test]
async fn a_whole_connection() {
    let written = Log::of_the_process(LevelFilter::TRACE);

    let mut face = Face::with(Options { persist: true, ..Options::default() }).await;
    let [wrong_place, proxy, unknown] = OTHER_SECRETS;
    let data = [("gateway", "vpn.example.com"), ("user", "alice"), ("password", wrong_place), ("otp", wrong_place)];
    let secrets = [("password", PASSWORD), ("proxy-password", proxy), ("pin", unknown)];
    let connection = connection_with(&data, &secrets);
    face.call("NeedSecrets", &(&connection,)).await;
    face.sees(&[r#"answer("")"#]).await;
    face.call("ConnectInteractive", &(connection_with(&data, &secrets[1..]), details())).await;
    let asking = r#"SecretsRequired("The VPN server wants to know who you are.", ["password"])"#;
    face.sees(&["StateChanged(3)", "answer", asking]).await;
    face.call("NewSecrets", &(&connection,)).await;
    face.sees(&["answer"]).await;
    let tunnel = face.started().await;
    assert_eq!(password_of(&tunnel), PASSWORD);
    tunnel.is(starting(Phase::Authentication));
    tunnel.is(TunnelState::Down(Some(Arc::new(Ending::from(wrong_password())))));
    let again = "The server refused user name or password (it says: wrong user name or password). Try again.";
    face.sees(&[&format!("SecretsRequired({again:?}, [\"password\"])")]).await;
    // an agent that gives the same again is not asked once more
    face.call("NewSecrets", &(&connection,)).await;
    face.sees(&["answer", "Failure(0)", "StateChanged(5)", "StateChanged(6)"]).await;
    // Calls that are refused may be logged too.
    for broken in [&data[1..], &[("gateway", "no such gateway"), ("user", wrong_place)][..]] {
        face.call("Connect", &(connection_with(broken, &secrets),)).await;
        face.sees_refusal().await;
    }
    face.call("Connect", &(PASSWORD,)).await;
    face.sees_refusal().await;
    // What the D-Bus library could say is not written either.
    tracing::error!(target: "zbus::connection::socket_reader", "Message received on the socket: {PASSWORD}");
    tracing::error!(target: "tokio::task", "{PASSWORD}");

    let text = written.text();
    for expected in [
        "nm_connection",
        UUID,
        "wrong user name or password",
        "\"otp\"",
        "\"pin\"",
        "asking for secrets",
        "sstp_phase=",
    ] {
        assert!(text.contains(expected), "the log is not complete, {expected} is missing:\n{text}");
    }
    for secret in OTHER_SECRETS.iter().chain([&PASSWORD]) {
        assert!(!text.contains(secret), "{secret} is in the log:\n{text}");
    }
    let hex: String = PASSWORD.bytes().map(|byte| format!("{byte:02x}")).collect();
    assert!(!text.to_lowercase().contains(&hex) && !text.contains(&format!("{:?}", PASSWORD.as_bytes())));
}
