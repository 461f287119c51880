//! When the plugin says that it needs secrets, and how it gets them.
#![cfg(feature = "service")]

mod nm_face;

use nm_face::*;
use nm_sstp::dbus::nm::{Departure, Options};
use nm_sstp::profile::Secret;

const DATA: [(&str, &str); 2] = [("gateway", "vpn.example.com"), ("user", "alice")];

#[tokio::test]
async fn password_flags_are_honoured() {
    let secret = [("password", PASSWORD)];
    for (flags, secrets, needed) in [
        (None, &[][..], "vpn"),
        (Some("0"), &[], "vpn"),
        (Some("1"), &[], "vpn"),
        (Some("2"), &[], "vpn"),
        (Some("3"), &[], "vpn"),
        (Some("4"), &[], ""),
        (Some("5"), &[], ""),
        (None, &secret[..], ""),
        (Some("0"), &secret, ""),
        (Some("1"), &secret, ""),
        (Some("2"), &secret, ""),
        (Some("4"), &secret, ""),
    ] {
        let mut face = Face::new().await;
        let mut data = DATA.to_vec();
        data.extend(flags.map(|flags| ("password-flags", flags)));
        face.call("NeedSecrets", &(connection_with(&data, secrets),)).await;
        face.sees(&[&format!("answer({needed:?})")]).await;
        assert!(face.is_running(), "{flags:?}");
    }
}

#[tokio::test]
async fn a_user_name_is_needed_like_a_secret() {
    let password = ("password", PASSWORD);
    for (secrets, needed) in [(&[password][..], "vpn"), (&[password, ("user", "alice")], "")] {
        let mut face = Face::new().await;
        face.call("NeedSecrets", &(connection_with(&DATA[..1], secrets),)).await;
        face.sees(&[&format!("answer({needed:?})")]).await;
    }
}

/// NetworkManager gives up where the third answer is that there is something missing; the connection can still ask.
#[tokio::test]
async fn what_no_agent_asked_for_is_left_to_the_connection() {
    let mut face = Face::new().await;
    let mut data = DATA.to_vec();
    data.extend([("proxy-server", "proxy.example"), ("proxy-user", "me")]);
    let with = |secrets| connection_with(&data, secrets);
    for (secrets, needed) in [(&[][..], "vpn"), (&[], "vpn"), (&[("password", PASSWORD)], "")] {
        face.call("NeedSecrets", &(with(secrets),)).await;
        face.sees(&[&format!("answer({needed:?})")]).await;
    }
    face.call("ConnectInteractive", &(with(&[("password", PASSWORD)]), details())).await;
    let asking = r#"SecretsRequired("The proxy wants to know who you are.", ["proxy-password"])"#;
    face.sees(&["StateChanged(3)", "answer", asking]).await;
    // Plasma's answer
    face.call("NewSecrets", &(with(&[("password", "of the proxy")]),)).await;
    face.sees(&["answer"]).await;
    let tunnel = face.started().await;
    assert_eq!(password_of(&tunnel), PASSWORD);
    assert_eq!(tunnel.secrets.get(Secret::ProxyPassword), Some("of the proxy"));
}

#[tokio::test]
async fn a_useless_profile_is_told_of_by_connect() {
    let mut face = Face::new().await;
    let useless = connection_with(&[("user", "alice")], &[]);
    face.call("NeedSecrets", &(&useless,)).await;
    face.sees(&[r#"answer("")"#]).await;
    face.call("Connect", &(&useless,)).await;
    let (name, text) = face.sees_refusal().await;
    assert_eq!(name, "InvalidConnection");
    assert!(text.to_lowercase().contains("gateway"), "{text}");
    face.sees(&["StateChanged(6)"]).await;
    assert_eq!(face.leaves().await, Departure::TunnelDown);
}

#[tokio::test]
async fn an_interactive_connection_asks() {
    let mut face = Face::new().await;
    face.call("ConnectInteractive", &(connection_with(&DATA, &[]), details())).await;
    let asking = r#"SecretsRequired("The VPN server wants to know who you are.", ["password"])"#;
    face.sees(&["StateChanged(3)", "answer", asking]).await;
    assert!(face.tunnels.try_recv().is_err());
    // The user gave nothing.
    face.call("NewSecrets", &(connection_with(&DATA, &[]),)).await;
    face.sees(&["answer", asking]).await;
    face.call("NewSecrets", &(connection(),)).await;
    face.sees(&["answer"]).await;
    let tunnel = face.started().await;
    assert_eq!(password_of(&tunnel), PASSWORD);
    face.call("NewSecrets", &(connection(),)).await;
    face.sees(&["refusal(WrongState)"]).await;
    face.sees_nothing().await;
}

#[tokio::test]
async fn an_interactive_connection_is_given_up() {
    let mut face = Face::new().await;
    face.call("ConnectInteractive", &(connection_with(&DATA, &[]), details())).await;
    let asking = r#"SecretsRequired("The VPN server wants to know who you are.", ["password"])"#;
    face.sees(&["StateChanged(3)", "answer", asking]).await;
    face.call("Disconnect", &()).await;
    face.sees(&["StateChanged(5)", "StateChanged(6)", "answer"]).await;
    assert_eq!(face.leaves().await, Departure::TunnelDown);
}

#[tokio::test]
async fn new_secrets_that_nobody_wanted() {
    let mut face = Face::with(Options { persist: true, ..Options::default() }).await;
    face.call("NewSecrets", &(connection(),)).await;
    face.sees(&["refusal(WrongState)"]).await;
    face.sees_nothing().await;
}
