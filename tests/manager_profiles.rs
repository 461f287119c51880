//! Stored profiles on `org.sstpd`, and arguments that are refused.
#![cfg(feature = "service")]

mod manager_face;

use std::collections::{BTreeMap, HashMap};

use manager_face::*;
use nm_sstp::dbus::manager::PATH;
use nm_sstp::profile::Secret;
use nm_sstp::store::Name;
use zbus::{Message, Variant};

type Options = HashMap<&'static str, Variant<'static>>;

async fn import(desk: &mut Desk, name: &str, settings: &[(&str, &str)], options: Options) -> Message {
    let settings: HashMap<&str, &str> = settings.iter().copied().collect();
    desk.call(ROOT, PATH, MANAGER, "ImportProfile", &(name, settings, options)).await
}

async fn profiles(desk: &mut Desk, who: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    desk.call(who, PATH, MANAGER, "Profiles", &()).await.body().deserialize().expect("profiles")
}

#[tokio::test]
async fn a_profile_is_imported_listed_connected_and_removed() {
    let mut desk = Desk::new().await;
    assert!(profiles(&mut desk, ALICE).await.is_empty());
    let settings = [("gateway", "vpn.example.com"), ("user", "work-user"), ("colour", "blue")];
    let answer = import(&mut desk, "work", &settings, with_password()).await;
    let notices: Vec<String> = answer.body().deserialize().unwrap();
    assert!(notices.len() == 1 && notices[0].contains("colour"), "{notices:?}");
    let listed = profiles(&mut desk, ALICE).await;
    assert_eq!(listed.keys().collect::<Vec<_>>(), ["work"]);
    assert_eq!(listed["work"].len(), 3);
    assert!(!format!("{listed:?}").contains(PASSWORD));

    let path = path_of(&desk.try_connect(ALICE, "work", &[], &HashMap::new()).await);
    let tunnel = desk.started().await;
    assert_eq!(
        (tunnel.password(), tunnel.rights.owner.as_deref()),
        (PASSWORD, None),
        "what an administrator stored is read as root"
    );
    assert_eq!(desk.text(BOB, &path, "Profile").await, "work");

    let remove = desk.call(ROOT, PATH, MANAGER, "RemoveProfile", &("work",)).await;
    assert_eq!(line(&remove), "answer");
    assert!(profiles(&mut desk, ALICE).await.is_empty());
    let answer = desk.try_connect(ALICE, "work", &[], &HashMap::new()).await;
    assert_eq!(refusal(&answer), ("NoSuchProfile".to_owned(), "There is no stored profile work.".to_owned()));
    assert_eq!(desk.refused(ROOT, "RemoveProfile", &("work",)).await.0, "NoSuchProfile");
}

#[tokio::test]
async fn a_profile_is_replaced_only_where_that_is_meant() {
    let mut desk = Desk::new().await;
    import(&mut desk, "work", &[("gateway", "vpn.example.com")], with_password()).await;
    let answer = import(&mut desk, "work", &[("gateway", "other.example.com")], HashMap::new()).await;
    assert_eq!(refusal(&answer).0, "ProfileExists");
    let replace = || HashMap::from([("replace", Variant::from(true))]);
    let answer = import(&mut desk, "work", &[("gateway", "other.example.com")], replace()).await;
    assert_eq!(line(&answer), "answer(@as [])");
    let stored = desk.store.load(&Name::parse("work").unwrap()).unwrap();
    assert_eq!(stored.settings["gateway"], "other.example.com");
    assert_eq!(stored.secrets["password"].as_str(), PASSWORD, "secrets that were not given stay");
}

#[tokio::test]
async fn what_a_caller_gives_goes_before_what_is_stored() {
    let mut desk = Desk::new().await;
    import(&mut desk, "work", &[("gateway", "vpn.example.com")], with_password()).await;
    let options = HashMap::from([("secrets", secrets(&[("password", "mine"), ("user", "me")]))]);
    path_of(&desk.try_connect(ALICE, "work", &[], &options).await);
    let tunnel = desk.started().await;
    assert_eq!((tunnel.password(), tunnel.secrets.get(Secret::User)), ("mine", Some("me")));
}

#[tokio::test]
async fn a_secret_among_the_settings_is_neither_stored_nor_shown() {
    let mut desk = Desk::new().await;
    let settings = [("gateway", "vpn.example.com"), ("password", PASSWORD), ("proxy-password", PASSWORD)];
    let answer = import(&mut desk, "work", &settings, HashMap::new()).await;
    assert!(line(&answer).contains("password is a secret") && !line(&answer).contains(PASSWORD), "{}", line(&answer));
    assert_eq!(desk.store.load(&Name::parse("work").unwrap()).unwrap().settings.len(), 1);
    // or written there by a person
    let settings = settings.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    desk.store.save(&Name::parse("work").unwrap(), &settings, None, true).unwrap();
    assert_eq!(profiles(&mut desk, ALICE).await["work"].len(), 1);
}

#[tokio::test]
async fn bad_arguments_are_refused_each_with_a_sentence() {
    let mut desk = Desk::new().await;
    let nothing = HashMap::<&str, &str>::new;
    let options = HashMap::<&str, Variant<'_>>::new;
    let gateway = || HashMap::from([("gateway", "vpn.example.com"), ("user", "alice")]);
    let long = "x".repeat(5000);
    let many: Vec<String> = (0..200).map(|number| format!("key-{number}")).collect();
    let many: HashMap<&str, &str> = many.iter().map(|key| (key.as_str(), "")).collect();
    let long_value = HashMap::from([("gateway", long.as_str())]);
    let odd = HashMap::from([("gateway", "vpn.example.com\nuser = \"root\"")]);
    let typed = |value: Variant<'static>| HashMap::from([("secrets", value)]);

    let mut refusals = vec![
        desk.refused(ALICE, "Connect", &("work", gateway(), options())).await,
        desk.refused(ALICE, "Connect", &("../../etc/shadow", nothing(), options())).await,
        desk.refused(ALICE, "Connect", &(long.as_str(), nothing(), options())).await,
        desk.refused(ALICE, "Connect", &("", &many, options())).await,
        desk.refused(ALICE, "Connect", &("", &long_value, options())).await,
        desk.refused(ALICE, "Connect", &("", &odd, options())).await,
        desk.refused(ALICE, "Connect", &("", gateway(), typed("x".into()))).await,
        desk.refused(ALICE, "Connect", &("", gateway(), typed(secrets(&[("pin", PASSWORD)])))).await,
        desk.refused(ALICE, "Connect", &("", gateway(), HashMap::from([("colour", Variant::from(1u8))]))).await,
        desk.refused(ALICE, "Probe", &(&many, options())).await,
        desk.refused(ALICE, "RemoveProfile", &(".hidden",)).await,
    ];
    for name in ["", "-x", "a/b", "a b", "x".repeat(65).as_str()] {
        refusals.push(desk.refused(ALICE, "ImportProfile", &(name, gateway(), options())).await);
    }
    for (name, text) in refusals {
        assert_eq!(name, "BadArguments", "{text}");
        assert!(!text.contains(PASSWORD) && text.len() < 400, "{text}");
    }
    let refused = desk.refused(ALICE, "Connect", &("", nothing(), options())).await;
    assert_eq!(refused.0, "BadSettings", "{}", refused.1);
    for path in ["/", "/org/sstpd", "/org/sstpd/session/7", "/org/sstpd/session/x", "/org/sstpd/session/99999999999"] {
        assert_eq!(refusal(&desk.disconnect(ALICE, path).await).0, "NoSuchSession", "{path}");
    }
    // other types than those of the interface
    for method in ["Connect", "Disconnect", "ImportProfile", "RemoveProfile", "Probe"] {
        let answer = desk.call(ALICE, PATH, MANAGER, method, &(1u32, PASSWORD)).await;
        assert_eq!(answer.message_type(), zbus::message::Type::Error, "{method}");
        assert!(!line(&answer).contains(PASSWORD), "{}", line(&answer));
    }
    assert!(desk.world.asked().is_empty(), "nobody was asked about nonsense");
    assert!(desk.tunnels.try_recv().is_err());
}

#[tokio::test]
async fn who_has_no_name_on_this_machine_has_no_rights_to_read_with() {
    let mut desk = Desk::new().await;
    let stranger = ":1.4000";
    let answer =
        desk.try_connect(stranger, "", &[("gateway", "vpn.example.com"), ("user", "x")], &with_password()).await;
    assert_eq!(refusal(&answer).0, "NotAuthorized");
    import(&mut desk, "work", &[("gateway", "vpn.example.com"), ("user", "x")], with_password()).await;
    path_of(&desk.try_connect(stranger, "work", &[], &HashMap::new()).await);
}
