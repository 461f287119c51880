//! What the objects of `org.sstpd` say of themselves is what `data/` says of them, in both directions.
#![cfg(feature = "service")]

mod manager_face;

use std::collections::BTreeSet;

use manager_face::*;
use nm_sstp::dbus::manager::PATH;
use zbus::Message;

/// Every fact of an interface as a line of its own: methods, signals and properties with their types, directions, names
/// and annotations.
fn facts(xml: &str, interface: &str) -> BTreeSet<String> {
    let mut facts = BTreeSet::new();
    let (mut inside, mut member, mut place) = (false, String::new(), 0);
    for tag in tags(xml) {
        let attribute = |name: &str| attribute(&tag, name).unwrap_or_default();
        match tag.split([' ', '>']).next().unwrap_or_default() {
            "interface" => inside = attribute("name") == interface,
            "/interface" => inside = false,
            _ if !inside => {}
            kind @ ("method" | "signal") => {
                (member, place) = (format!("{kind} {}", attribute("name")), 0);
                facts.insert(member.clone());
            }
            "property" => {
                member = format!("property {}", attribute("name"));
                facts.insert(format!("{member}: {} {}", attribute("type"), attribute("access")));
            }
            "arg" => {
                // the arguments of a signal all go one way, which need not be said
                let direction = if member.starts_with("signal") { String::new() } else { attribute("direction") };
                facts.insert(format!("{member}, {place}: {} {} {direction}", attribute("name"), attribute("type")));
                place += 1;
            }
            // "true" is what holds where nothing is said
            "annotation" if attribute("value") != "true" => {
                facts.insert(format!("{member}: {}={}", attribute("name"), attribute("value")));
            }
            _ => {}
        }
    }
    facts
}

/// What stands between `<` and `>`, comments apart.
fn tags(xml: &str) -> Vec<String> {
    let mut text = xml.to_owned();
    while let Some(begin) = text.find("<!--") {
        let end = text[begin..].find("-->").expect("an end of the comment") + begin + 3;
        text.replace_range(begin..end, "");
    }
    text.split('<').skip(1).filter_map(|rest| rest.split('>').next()).map(str::to_owned).collect()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let rest = tag.split_once(&format!(" {name}=\""))?.1;
    rest.split('"').next().map(str::to_owned)
}

async fn introspect(desk: &mut Desk, path: &str) -> String {
    let answer: Message = desk.call(BOB, path, "org.freedesktop.DBus.Introspectable", "Introspect", &()).await;
    answer.body().deserialize().expect("a text")
}

#[tokio::test]
async fn the_interfaces_are_those_of_the_data_directory() {
    let mut desk = Desk::new().await;
    let (session, _tunnel) = desk.connects(ALICE, &[], &[]).await;
    let manager_xml = include_str!("../data/org.sstpd.Manager1.xml");
    let session_xml = include_str!("../data/org.sstpd.Session1.xml");
    for (path, interface, written, least) in [(PATH, MANAGER, manager_xml, 20), (&session, SESSION, session_xml, 50)] {
        let served = introspect(&mut desk, path).await;
        let (served, written) = (facts(&served, interface), facts(written, interface));
        assert!(written.len() > least, "{written:?}");
        let missing: Vec<&String> = written.difference(&served).collect();
        let unwritten: Vec<&String> = served.difference(&written).collect();
        assert!(missing.is_empty() && unwritten.is_empty(), "not served: {missing:#?}\nnot written: {unwritten:#?}");
    }
}

#[tokio::test]
async fn the_object_manager_is_beside_the_manager() {
    let mut desk = Desk::new().await;
    assert!(introspect(&mut desk, PATH).await.contains("org.freedesktop.DBus.ObjectManager"));
}

#[test]
fn facts_are_found() {
    let xml = r#"<node><!-- <interface name="x"> --><interface name="x"><method name="M"><arg name="a" type="s"
        direction="in"/></method><property name="P" type="u" access="read"><annotation name="E" value="false"/></property>
        </interface><interface name="y"><method name="N"/></interface></node>"#;
    let found: Vec<String> = facts(&xml.replace("\n       ", ""), "x").into_iter().collect();
    assert_eq!(found, ["method M", "method M, 0: a s in", "property P: E=false", "property P: u read"]);
}
