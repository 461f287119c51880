//! What software centres tell of a version is what `CHANGELOG.md` and `Cargo.toml` say.

use std::path::Path;

const METAINFO: &str = "data/network-manager-sstp.metainfo.xml";

fn file(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// What stands between two marks, which must both be there.
#[track_caller]
fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(begin).unwrap_or_else(|| panic!("no {begin}"));
    rest.split_once(end).unwrap_or_else(|| panic!("no {end}")).0
}

/// The first entry of the changelog: its heading and its text, in one line and without marks.
fn newest() -> (String, String) {
    let changelog = file("CHANGELOG.md");
    let (_, entry) = changelog.split_once("\n## ").unwrap();
    let (heading, text) = entry.split_once('\n').unwrap();
    let text = text.split("\n## ").next().unwrap().replace('`', "");
    (heading.to_owned(), text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[test]
fn the_newest_release_is_this_version() {
    let metainfo = file(METAINFO);
    let release = between(&metainfo, "<release ", ">");
    assert_eq!(between(release, "version=\"", "\""), env!("CARGO_PKG_VERSION"));
    let (heading, _) = newest();
    if heading.starts_with("[Unreleased]") {
        assert_eq!(heading, format!("[Unreleased]: {}", env!("CARGO_PKG_VERSION")));
        assert!(release.contains("type=\"development\""), "it is not released: {release}");
    } else {
        let date = between(release, "date=\"", "\"");
        assert_eq!(heading, format!("[{}] - {date}", env!("CARGO_PKG_VERSION")));
        assert!(!release.contains("type=\"development\""), "it is released: {release}");
    }
}

#[test]
fn the_notes_of_a_release_are_sentences_of_the_changelog() {
    let metainfo = file(METAINFO);
    let notes: Vec<_> = between(&metainfo, "<release ", "</release>").split("<li>").skip(1).collect();
    assert!(!notes.is_empty());
    let (_, changes) = newest();
    for note in notes {
        let note = between(&format!("<{note}"), "<", "</li>").replace("&lt;", "<").replace("&amp;", "&");
        assert!(changes.contains(&format!("- {note}")), "CHANGELOG.md has no line that begins so: {note}");
    }
}
