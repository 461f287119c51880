//! What NetworkManager would never send: the plugin refuses it in words, and goes on.
#![cfg(feature = "service")]

mod nm_face;

use std::collections::BTreeMap;

use nm_face::*;
use nm_sstp::dbus::nm::Options;
use zbus::Variant;

const METHODS: [&str; 2] = ["NeedSecrets", "Connect"];

/// A value of every D-Bus type family, none of them `a{ss}`, `s` or `u`.
fn oddities() -> Vec<Variant<'static>> {
    let strings = |text: &'static str| BTreeMap::from([("gateway", text)]);
    vec![
        1u8.into(),
        true.into(),
        (-1i16).into(),
        1u64.into(),
        1.5f64.into(),
        zbus::ObjectPath::from_static_str("/").expect("a path").into(),
        Variant::new(Variant::from("vpn.example.com")),
        vec!["gateway", "vpn.example.com"].into(),
        Vec::<u32>::new().into(),
        ("gateway", "vpn.example.com").into(),
        BTreeMap::from([("gateway", Variant::from("vpn.example.com"))]).into(),
        BTreeMap::from([(1u32, "vpn.example.com")]).into(),
        BTreeMap::from([("a", strings("vpn.example.com"))]).into(),
    ]
}

async fn patient_face() -> Face {
    Face::with(Options { persist: true, ..Options::default() }).await
}

/// Refused by name, in a text without the password; and the plugin still answers.
async fn refuses(face: &mut Face, hash: &Hash<'_>, expected: &str, what: &str) {
    for method in METHODS {
        face.call(method, &(hash,)).await;
        let (name, text) = face.sees_refusal().await;
        assert_eq!(name, expected, "{method}: {what}");
        assert!(!text.is_empty() && !text.contains(PASSWORD), "{text}");
        if method == "Connect" && face.first_refusal() {
            face.sees(&["StateChanged(6)"]).await;
        }
    }
    assert!(face.tunnels.try_recv().is_err(), "a tunnel was started with {what}");
}

#[tokio::test]
async fn properties_of_a_wrong_type() {
    let mut face = patient_face().await;
    let mut odd = oddities();
    odd.push(BTreeMap::from([("gateway", "vpn.example.com")]).into());
    for (setting, property) in [
        ("vpn", "data"),
        ("vpn", "secrets"),
        ("vpn", "user-name"),
        ("vpn", "timeout"),
        ("connection", "uuid"),
        ("ipv4", "method"),
        ("ipv6", "method"),
    ] {
        for value in &odd {
            if matches!(property, "data" | "secrets") && value.value_signature() == "a{ss}" {
                continue;
            }
            let mut hash = connection();
            hash.get_mut(setting).expect("a setting").insert(property, value.try_clone().expect("no descriptor"));
            refuses(&mut face, &hash, "BadArguments", &format!("{setting}.{property}={value}")).await;
        }
    }
    let _tunnel = face.connects().await;
}

#[tokio::test]
async fn no_vpn_setting() {
    let mut face = patient_face().await;
    let mut hash = connection();
    hash.remove("vpn");
    refuses(&mut face, &hash, "InvalidConnection", "no VPN setting").await;
    refuses(&mut face, &Hash::new(), "InvalidConnection", "nothing").await;
}

#[tokio::test]
async fn what_it_does_not_read_may_be_anything() {
    let mut face = patient_face().await;
    let mut hash = connection();
    for (at, value) in oddities().into_iter().enumerate() {
        let name: &'static str = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"][at];
        hash.get_mut("vpn").expect("a setting").insert(name, value.try_clone().expect("no descriptor"));
        hash.entry("802-3-ethernet").or_default().insert(name, value);
    }
    face.call("Connect", &(hash,)).await;
    face.sees(&["StateChanged(3)", "answer"]).await;
    face.started().await;
}

#[tokio::test]
async fn arguments_of_a_wrong_type() {
    let mut face = patient_face().await;
    for method in ["NeedSecrets", "Connect", "ConnectInteractive", "NewSecrets", "SetConfig", "SetIp4Config"] {
        face.call(method, &()).await;
        face.sees_refusal().await;
        face.call(method, &("vpn.example.com",)).await;
        face.sees_refusal().await;
        face.call(method, &(vec![vec![1u32]],)).await;
        face.sees_refusal().await;
        face.call(method, &(BTreeMap::from([("vpn", BTreeMap::from([("data", "x")]))]),)).await;
        face.sees_refusal().await;
    }
    face.call("SetFailure", &(1u32,)).await;
    face.sees_refusal().await;
    face.call("NoSuchMethod", &()).await;
    face.sees_refusal().await;
    let _tunnel = face.connects().await;
}

#[tokio::test]
async fn huge_maps() {
    let mut face = patient_face().await;
    let names: Vec<String> = (0..50_000).map(|number| format!("key-{number}")).collect();
    let long = "x".repeat(1 << 20);
    let mut data: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "value")).collect();
    data.extend([("gateway", "vpn.example.com"), ("user", "alice"), ("ca-cert", &long), ("domain", &long)]);
    let mut secrets: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "value")).collect();
    secrets.push(("password", PASSWORD));
    let mut hash = connection_with(&data, &secrets);
    for name in &names {
        hash.insert(name, BTreeMap::from([("x", Variant::from(1u32))]));
    }
    face.call("NeedSecrets", &(&hash,)).await;
    face.sees(&[r#"answer("")"#]).await;
    face.call("Connect", &(&hash,)).await;
    face.sees(&["StateChanged(3)", "answer"]).await;
    let tunnel = face.started().await;
    assert_eq!(password_of(&tunnel), PASSWORD);
}

#[tokio::test]
async fn secrets_in_the_wrong_place() {
    let mut face = patient_face().await;
    // Among the data a password is only a key that nobody knows.
    let mut hash = connection_with(&[("gateway", "vpn.example.com"), ("user", "alice"), ("password", PASSWORD)], &[]);
    face.call("NeedSecrets", &(&hash,)).await;
    face.sees(&[r#"answer("vpn")"#]).await;
    refuses_connect(&mut face, &hash).await;
    // Outside of vpn.secrets it is nothing at all.
    hash.get_mut("vpn").expect("a setting").insert("password", PASSWORD.into());
    refuses_connect(&mut face, &hash).await;
}

async fn refuses_connect(face: &mut Face, hash: &Hash<'_>) {
    face.call("Connect", &(hash,)).await;
    let (name, text) = face.sees_refusal().await;
    assert_eq!(name, "InvalidConnection");
    assert!(text.contains("password") && !text.contains(PASSWORD), "{text}");
    if face.first_refusal() {
        face.sees(&["StateChanged(6)"]).await;
    }
}
