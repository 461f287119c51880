//! No secret in the log of the system service, however much is logged.
#![cfg(feature = "service")]

mod manager_face;
mod nm_face;

use std::collections::HashMap;

use manager_face::{ALICE, Desk, MANAGER, PASSWORD, ROOT, SESSION, path_of, secrets, starting, wrong_password};
use nm_face::Log;
use nm_sstp::dbus::manager::PATH;
use nm_sstp::session::Phase;
use tracing::level_filters::LevelFilter;
use zbus::Variant;

const OTHER_SECRETS: [&str; 3] = ["zu-Geheim-7", "zu-Geheim-8", "zu-Geheim-9"];

#[tokio::test]
async fn a_whole_session() {
    let written = Log::of_the_process(LevelFilter::TRACE);

    let mut desk = Desk::new().await;
    let [wrong_place, stored, given] = OTHER_SECRETS;
    let settings = HashMap::from([("gateway", "vpn.example.com"), ("user", "alice"), ("password", wrong_place)]);
    let options = HashMap::from([("secrets", secrets(&[("password", PASSWORD), ("proxy-password", stored)]))]);
    desk.call(ROOT, PATH, MANAGER, "ImportProfile", &("work", &settings, &options)).await;
    desk.call(ALICE, PATH, MANAGER, "Profiles", &()).await;
    let mut options = HashMap::from([("secrets", secrets(&[("http-cookie", "sid=zu-Geheim-9")]))]);
    options.insert("interactive", Variant::from(true));
    let path = path_of(&desk.try_connect(ALICE, "work", &[], &options).await);
    let tunnel = desk.started().await;
    tunnel.is(starting(Phase::Authentication));
    tunnel.fails(wrong_password());
    let serial: (u32, String, Vec<String>) = desk.sees("SecretsRequired").await.body().deserialize().unwrap();
    let answer = HashMap::from([("password", given)]);
    desk.call(ALICE, &path, SESSION, "ProvideSecrets", &(serial.0, answer)).await;
    let tunnel = desk.started().await;
    tunnel.is_up();
    desk.state(&path, "connected").await;
    tunnel.fails(wrong_password());
    desk.sees("Closed").await;
    // Calls that are refused may be logged too.
    desk.try_connect(ALICE, "", &[("gateway", "no such gateway"), ("password", wrong_place)], &options).await;
    desk.try_connect(ALICE, PASSWORD, &[], &options).await;
    desk.call(ALICE, PATH, MANAGER, "Connect", &(PASSWORD,)).await;
    desk.call(ROOT, PATH, MANAGER, "RemoveProfile", &("work",)).await;

    let text = written.text();
    for expected in [
        "sstp_session=1",
        "sstp_profile=\"work\"",
        "Asking",
        "Connected to",
        "was lost",
        "has stored",
        "sstp_phase=\"connected\"",
        "sstp_peer=",
    ] {
        assert!(text.contains(expected), "the log is not complete, {expected} is missing:\n{text}");
    }
    for secret in OTHER_SECRETS.iter().chain([&PASSWORD]) {
        assert!(!text.contains(secret), "{secret} is in the log:\n{text}");
    }
}
