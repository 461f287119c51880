//! Who may do what on `org.sstpd`: polkit decides, root may, and where there is no polkit nobody else may.
#![cfg(feature = "service")]

mod manager_face;

use std::collections::HashMap;
use std::time::Duration;

use manager_face::*;
use nm_sstp::dbus::manager::PATH;
use nm_sstp::dbus::polkit::{Action, Verdict};
use zbus::message::{Flags, Type};
use zbus::{Message, Variant};

const SETTINGS: [(&str, &str); 2] = [("gateway", "vpn.example.com"), ("user", "alice")];
const DENIED: &str = "org.freedesktop.DBus.Error.AccessDenied";

fn none() -> HashMap<&'static str, Variant<'static>> {
    HashMap::new()
}

fn settings() -> HashMap<&'static str, &'static str> {
    HashMap::from(SETTINGS)
}

/// Calls everything that needs authorization; the answers.
async fn everything(desk: &mut Desk, who: &str, session: &str) -> Vec<(Action, Message)> {
    let path = zbus::ObjectPath::try_from(session).unwrap();
    let disconnect = desk.call(who, PATH, MANAGER, "Disconnect", &(path,)).await;
    let connect = desk.try_connect(who, "", &SETTINGS, &with_password()).await;
    let probe = desk.call(who, PATH, MANAGER, "Probe", &(settings(), none())).await;
    let stored = desk.try_connect(who, "work", &[], &with_password()).await;
    let profiles = desk.call(who, PATH, MANAGER, "Profiles", &()).await;
    let import = desk.call(who, PATH, MANAGER, "ImportProfile", &("home", settings(), none())).await;
    let remove = desk.call(who, PATH, MANAGER, "RemoveProfile", &("work",)).await;
    vec![
        (Action::DisconnectOthers, disconnect),
        (Action::ConnectSettings, connect),
        (Action::ConnectSettings, probe),
        (Action::ConnectProfile, stored),
        (Action::ConnectProfile, profiles),
        (Action::ChangeProfiles, import),
        (Action::ChangeProfiles, remove),
    ]
}

/// A desk with a stored profile and a session of Bob's.
async fn furnished() -> (Desk, String) {
    let mut desk = Desk::new().await;
    let stored = desk.call(ROOT, PATH, MANAGER, "ImportProfile", &("work", settings(), none())).await;
    assert_eq!(stored.message_type(), Type::MethodReturn);
    let (path, tunnel) = desk.connects(BOB, &[], &[]).await;
    tunnel.is_up();
    desk.state(&path, "connected").await;
    std::mem::forget(tunnel);
    (desk, path)
}

#[tokio::test]
async fn whoever_is_allowed_may() {
    let (mut desk, session) = furnished().await;
    for (action, answer) in everything(&mut desk, ALICE, &session).await {
        assert_eq!(answer.message_type(), Type::MethodReturn, "{action:?}: {}", line(&answer));
    }
    let asked = desk.world.asked();
    let actions: Vec<Action> = asked.iter().filter(|(who, ..)| who == ALICE).map(|(_, action, _)| *action).collect();
    let expected = [
        Action::DisconnectOthers,
        Action::ConnectSettings,
        Action::ConnectSettings,
        Action::ConnectProfile,
        Action::ConnectProfile,
        Action::ChangeProfiles,
        Action::ChangeProfiles,
    ];
    assert_eq!(actions, expected);
    assert!(asked.iter().all(|(_, _, may_ask)| !may_ask), "nobody allowed a question");
}

#[tokio::test]
async fn whoever_is_refused_may_not() {
    for verdict in [
        Verdict::Refused,
        Verdict::WouldAsk,
        Verdict::Dismissed,
        Verdict::NoAuthority("polkit is not running".to_owned()),
    ] {
        let (mut desk, session) = furnished().await;
        desk.world.says_always(&verdict);
        desk.tunnels.close();
        for (action, answer) in everything(&mut desk, ALICE, &session).await {
            let (name, text) = refusal(&answer);
            assert_eq!(name, "NotAuthorized", "{action:?}");
            assert!(text.contains(action.id()), "{text}");
        }
        assert_eq!(desk.get(ALICE, &session, "Addresses").await.unwrap_err(), DENIED);
        assert_eq!(desk.text(ROOT, &session, "State").await, "connected", "nothing was done");
        assert_eq!(desk.store.list().unwrap().len(), 1);
        assert!(desk.probed.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn root_needs_no_authority() {
    let (mut desk, session) = furnished().await;
    desk.world.says_always(&Verdict::NoAuthority("polkit is not running".to_owned()));
    let before = desk.world.asked().len();
    for (action, answer) in everything(&mut desk, ROOT, &session).await {
        assert_eq!(answer.message_type(), Type::MethodReturn, "{action:?}: {}", line(&answer));
    }
    assert!(desk.get(ROOT, &session, "Addresses").await.is_ok());
    assert_eq!(desk.world.asked().len(), before, "nobody was asked");
    assert_eq!(desk.started().await.rights.owner, None, "root reads files as root");
}

#[tokio::test]
async fn without_polkit_the_sentence_says_so() {
    let mut desk = Desk::new().await;
    desk.world.says_always(&Verdict::NoAuthority("polkit is not running".to_owned()));
    let answer = desk.try_connect(ALICE, "", &SETTINGS, &with_password()).await;
    let (_, text) = refusal(&answer);
    assert!(text.contains("polkit is not running") && text.contains("as root"), "{text}");
}

#[tokio::test]
async fn ones_own_session_is_another_action() {
    let mut desk = Desk::new().await;
    desk.world.says(Action::DisconnectOthers, Verdict::Refused);
    let (path, _tunnel) = desk.connects(ALICE, &[], &[]).await;
    assert_eq!(refusal(&desk.disconnect(BOB, &path).await).0, "NotAuthorized");
    assert_eq!(line(&desk.disconnect(ALICE_TOO, &path).await), "answer");
    let last = desk.world.asked().pop().unwrap();
    assert_eq!(last, (ALICE_TOO.to_owned(), Action::DisconnectOwn, false));
}

#[tokio::test]
async fn a_person_is_asked_where_the_caller_allows_it() {
    let mut desk = Desk::new().await;
    let mut options = with_password();
    options.insert("interactive", true.into());
    path_of(&desk.try_connect(ALICE, "", &SETTINGS, &options).await);
    assert_eq!(desk.world.asked().pop().unwrap(), (ALICE.to_owned(), Action::ConnectSettings, true));
    let (path, flags) = (zbus::ObjectPath::try_from(FIRST).unwrap(), Flags::ALLOW_INTERACTIVE_AUTH);
    let serial = desk.send_with(flags, BOB, PATH, MANAGER, "Disconnect", &(path,)).await;
    desk.answer(serial).await;
    assert_eq!(desk.world.asked().pop().unwrap(), (BOB.to_owned(), Action::DisconnectOthers, true));
}

#[tokio::test]
async fn a_person_who_takes_their_time_makes_nobody_else_wait() {
    let (mut desk, session) = furnished().await;
    desk.world.plan(Action::ConnectSettings, Plan::Wait);
    let mut patient = with_password();
    patient.insert("interactive", true.into());
    let slow = desk.send(ALICE, PATH, MANAGER, "Connect", &("", settings(), patient)).await;
    desk.until_asked(ALICE).await;
    let answer = desk.try_connect(BOB, "work", &[], &with_password()).await;
    assert_eq!(path_of(&answer), "/org/sstpd/session/2", "others connect");
    let tunnel = desk.started().await;
    tunnel.is_up();
    desk.state("/org/sstpd/session/2", "connected").await;
    assert_eq!(line(&desk.disconnect(BOB, &session).await), "answer");
    // whoever leaves takes the question along
    desk.world.leaves(ALICE);
    assert_eq!(refusal(&desk.answer(slow).await).0, "NotAuthorized");
    assert_eq!(desk.world.withdrawn(), 1);
    assert!(desk.tunnels.try_recv().is_err());
}

#[tokio::test]
async fn questions_to_polkit_are_counted() {
    let mut desk = Desk::new().await;
    desk.world.plan(Action::ChangeProfiles, Plan::Wait);
    for _ in 0..4 {
        desk.send(ALICE, PATH, MANAGER, "RemoveProfile", &("work",)).await;
    }
    desk.until_asked(ALICE).await;
    for who in [ALICE, ALICE_TOO] {
        let (name, _) = desk.refused(who, "RemoveProfile", &("work",)).await;
        assert_eq!(name, "LimitExceeded", "{who}");
    }
    desk.world.says(Action::ChangeProfiles, Verdict::Refused);
    assert_eq!(desk.refused(BOB, "RemoveProfile", &("work",)).await.0, "NotAuthorized", "others are asked");
}

#[tokio::test]
async fn a_flood_of_calls_is_refused_and_others_get_through() {
    let mut desk = Desk::new().await;
    let (path, tunnel) = desk.connects(BOB, &[], &[]).await;
    desk.world.plan(Action::ChangeProfiles, Plan::Wait);
    let mut calls = Vec::new();
    for _ in 0..500 {
        calls.push(desk.send(ALICE, PATH, MANAGER, "RemoveProfile", &("work",)).await);
    }
    tunnel.is_up();
    desk.state(&path, "connected").await;
    assert_eq!(desk.text(BOB, &path, "Interface").await, "sstp0");
    let mut refused = 0;
    while refused < calls.len() - 4 {
        let answer = desk.next_message().await;
        if answer.message_type() == Type::Error {
            assert_eq!(refusal(&answer).0, "LimitExceeded");
            refused += 1;
        }
    }
    assert_eq!(desk.world.asked().iter().filter(|(who, ..)| who == ALICE).count(), 4, "polkit is spared");
    assert_eq!(desk.world.uid_lookups(), 2, "and so is the bus");
}

#[tokio::test]
async fn calls_whose_sender_the_bus_does_not_tell_are_few() {
    let mut desk = Desk::new().await;
    let calls = 100;
    for _ in 0..calls {
        desk.send(UNKNOWN, PATH, MANAGER, "Profiles", &()).await;
    }
    for _ in 0..calls - 16 {
        assert_eq!(refusal(&desk.next_message().await).0, "LimitExceeded");
    }
    assert_eq!(desk.world.uid_lookups(), 16);
    let answer = desk.call(BOB, PATH, MANAGER, "Profiles", &()).await;
    assert_eq!(answer.message_type(), Type::MethodReturn, "others get through");
}

#[tokio::test]
async fn sessions_and_probes_are_counted() {
    let mut desk = Desk::new().await;
    for _ in 0..8 {
        std::mem::forget(desk.connects(ALICE, &[], &[]).await);
    }
    for who in [ALICE, ALICE_TOO] {
        let answer = desk.try_connect(who, "", &SETTINGS, &with_password()).await;
        assert_eq!(refusal(&answer).0, "LimitExceeded", "{who}");
    }
    std::mem::forget(desk.connects(BOB, &[], &[]).await);
    desk.disconnect(ALICE, FIRST).await;
    let slow = HashMap::from([("gateway", "slow.example.com")]);
    for _ in 0..2 {
        desk.send(ALICE, PATH, MANAGER, "Probe", &(&slow, none())).await;
    }
    desk.until_probed(2).await;
    assert_eq!(desk.refused(ALICE, "Probe", &(&slow, none())).await.0, "LimitExceeded");
    let answer = desk.call(BOB, PATH, MANAGER, "Probe", &(settings(), none())).await;
    assert!(line(&answer).contains("\"authentication\": <[\"MS-CHAPv2\"]>"), "{}", line(&answer));
    assert_eq!(desk.probed.lock().unwrap().last().unwrap().owner.as_deref(), Some("user1001"));
}

#[tokio::test]
async fn details_are_for_the_owner_and_whom_polkit_lets() {
    let (mut desk, path) = furnished().await;
    let all = desk.get_all(BOB, &path).await;
    for (name, value) in [
        ("Addresses", "10.99.0.2/32"),
        ("Dns", "10.99.0.53"),
        ("PeerAddress", "203.0.113.5:443"),
        ("Gateway", "vpn.example.com"),
        ("TlsVersion", "TLS 1.3"),
        ("Authentication", "MS-CHAPv2"),
        ("RxBytes", "4711"),
        ("Domains", "corp.example"),
        ("Mtu", "1400"),
    ] {
        assert!(all[name].contains(value), "{name}: {}", all[name]);
    }
    assert_eq!(all.len(), 25);
    assert_eq!(desk.get_all(ROOT, &path).await, all);

    desk.world.says(Action::ReadOthers, Verdict::Refused);
    let before = desk.world.asked().len();
    let seen = desk.get_all(ALICE, &path).await;
    let names: Vec<&str> = seen.keys().map(String::as_str).collect();
    assert_eq!(names, ["Interface", "Owner", "Phase", "Profile", "Since", "State"]);
    assert_eq!(desk.world.asked().len(), before + 1, "polkit is asked once for all");
    for name in all.keys().filter(|name| !seen.contains_key(*name)) {
        assert_eq!(desk.get(ALICE, &path, name).await.unwrap_err(), DENIED, "{name}");
    }
    desk.world.says(Action::ReadOthers, Verdict::Allowed);
    assert_eq!(desk.get_all(ALICE_TOO, &path).await, all);
}

#[tokio::test]
async fn no_detail_is_in_what_everybody_sees() {
    let mut desk = Desk::new().await;
    let options = [("interactive", true.into())];
    let (path, tunnel) = desk.connects(ALICE, &[("gateway", "secret.example.com")], &options).await;
    tunnel.is_up();
    desk.state(&path, "connected").await;
    let managed = desk.call(ROOT, PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", &()).await;
    let mut public = vec![line(&managed)];
    tunnel.fails(nm_sstp::session::Error::IdentityRefused { identity: "alice@secret".to_owned() });
    desk.state(&path, "failed").await;
    desk.disconnect(ALICE, &path).await;
    loop {
        let message = desk.signal_message().await;
        if message.header().destination().is_none() {
            public.push(line(&message));
        }
        if public.last().unwrap().starts_with("InterfacesRemoved") {
            break;
        }
    }
    assert!(public.iter().any(|text| text.starts_with("PropertiesChanged")));
    for text in public {
        for detail in ["10.99", "203.0.113", "secret", "corp.example", "4711", "1400", "MS-CHAP", PASSWORD] {
            assert!(!text.contains(detail), "{detail} in {text}");
        }
    }
}

#[tokio::test]
async fn a_slow_polkit_does_not_keep_sessions_from_coming() {
    let (mut desk, path) = furnished().await;
    desk.world.plan(Action::ReadOthers, Plan::Wait);
    let reading = desk.send(ALICE, &path, PROPERTIES, "GetAll", &(SESSION,)).await;
    desk.until_asked(ALICE).await;
    let begin = tokio::time::Instant::now();
    std::mem::forget(desk.connects(BOB, &[], &[]).await);
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert_eq!(desk.answer(reading).await.message_type(), Type::MethodReturn);
}
