//! Sentences that are written where they are raised: of the faces, of the process of a tunnel, of sstpctl.

use std::fs;
use std::path::{Path, PathBuf};

use super::text_of;

/// What these lines say, each found in its file.
const SAID: [(&str, &str); 22] = [
    ("src/bin/sstpctl/problem.rs", "The system's policy does not allow this to you."),
    ("src/dbus/manager/gate.rs", "This user is not authorized for {id}: ask an administrator, or do it as root."),
    (
        "src/dbus/manager/gate.rs",
        "This needs authentication ({id}), and nobody could be asked: call from a session with an authentication agent, allow interaction, or do it as root.",
    ),
    ("src/dbus/manager/gate.rs", "The authentication for {id} was dismissed."),
    ("src/dbus/manager/gate.rs", "Nobody can say whether this user is authorized for {id}: {reason}. Do it as root."),
    (
        "src/dbus/manager/life.rs",
        "the server accepted the connection but gave it no IP address: its administrator has to mend that",
    ),
    ("src/bin/sstpctl/problem.rs", "The file {path} cannot be read: {reason}."),
    ("src/bin/sstpctl/problem.rs", "The file {path} cannot be read for the setting {key}: {reason}."),
    (
        "src/bin/sstpctl/helper.rs",
        "There is no helper on the system bus, and the bus does not know how to start one: install nm-sstp, or start it by \\\"systemctl start nm-sstp\\\".",
    ),
    (
        "src/bin/sstpctl/helper.rs",
        "The helper could not be started: {error}. \\\"systemctl status nm-sstp\\\" and \\\"journalctl -u nm-sstp\\\" tell more.",
    ),
    ("src/worker/parent.rs", "the process of the tunnel could not be started: {error}"),
    (
        "src/worker/parent.rs",
        "the process of the tunnel ended unexpectedly ({how}), which is a fault of nm-sstp: please report it",
    ),
    (
        "src/worker/parent.rs",
        "the process of the tunnel said what it must not, which is a fault of nm-sstp: please report it",
    ),
    (
        "src/worker/parent.rs",
        "the process of the tunnel does not listen ({error}), which is a fault of nm-sstp: please report it",
    ),
    ("src/worker/supervisor.rs", "the network of this machine has changed"),
    ("src/worker/supervisor.rs", "this machine was suspended"),
    ("src/dbus/manager/life.rs", "whoever was to answer the question has left the bus: connect again"),
    ("src/dbus/manager/life.rs", "nobody has answered the question: connect again"),
    ("src/dbus/manager/life.rs", "the question was declined: connect again to be asked again"),
    ("src/dbus/manager/life.rs", "the tunnel ended unexpectedly, which is a fault of nm-sstp: please report it"),
    ("src/dbus/nm/settings.rs", "the caller sent a connection without a VPN setting"),
    (
        "src/dbus/nm/settings.rs",
        "the connection belongs to several users, so that it cannot be told with whose rights its files are to be read: let it belong to one, or to all (connection.permissions)",
    ),
];

/// By which a sentence begins that a person is told, where it is written out.
const RAISES: [(&str, &[&str]); 4] = [
    ("src/main.rs", &["error!(\"", "=> format!(\""]),
    ("src/main", &["error!(\""]),
    (
        "src/dbus",
        &[
            "error!(\"",
            "Error::NotAuthorized(\"",
            "Error::NotAuthorized(format!(\"",
            "Meaning::Unchanged(\"",
            "Error::LimitExceeded(\"",
            "Error::LimitExceeded(format!(\"",
            "Error::Leaving(\"",
            "Error::StoreFailed(format!(\"",
            "Error::NoSuchQuestion(\"",
            "Error::NoSuchSession(\"",
            "Error::NoSuchSession(format!(\"",
            "Error::MissingSecrets(\"",
            "Error::MissingSecrets(format!(\"",
        ],
    ),
    ("src/bin/sstpctl", &["Problem::other(tr!(\"", "Problem::new(Exit::", "Self::other(tr!(\"", "Self::new(Exit::"]),
];

/// Their words, with an `x` in the place of what varies.
pub(super) fn sentences() -> Vec<String> {
    let mut all: Vec<String> = SAID.iter().map(|(file, words)| said(file, words)).collect();
    for (place, raises) in RAISES {
        let found = raised(place, raises);
        assert!(!found.is_empty(), "nothing is raised in {place} any more by {raises:?}");
        all.extend(found);
    }
    // what only puts another sentence into a line of the log
    all.retain(|words| {
        !matches!(words.as_str(), "x" | "xx" | "x: x." | "The connection failed: x." | "The connection x: x.")
    });
    all
}

/// These words, as they are said; they stand in the source so.
pub(super) fn said(file: &str, words: &str) -> String {
    assert!(joined(&text_of(file)).contains(&format!("\"{words}\"")), "{file} does not say {words:?}");
    filled(&words.replace('\\', ""))
}

/// Those of the system service that go to its callers.
#[cfg(feature = "words")]
pub(super) fn of_the_service() -> Vec<String> {
    let ours = |file: &str| ["src/dbus/manager", "src/worker"].iter().any(|place| file.starts_with(place));
    let said = SAID.iter().filter(|(file, _)| ours(file)).map(|(file, words)| said(file, words));
    let errors = RAISES.iter().filter(|(place, _)| *place == "src/dbus").flat_map(|(place, raises)| {
        let to_callers: Vec<&str> = raises.iter().copied().filter(|raise| raise.starts_with("Error::")).collect();
        raised(place, &to_callers)
    });
    said.chain(errors).collect()
}

/// What is raised so in a file, or in the files of a directory.
fn raised(place: &str, raises: &[&str]) -> Vec<String> {
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(place), &mut files);
    let of_file = |file: &PathBuf| {
        let text = joined(&fs::read_to_string(file).unwrap());
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        raises.iter().flat_map(|raise| literals(code, raise)).map(|words| filled(&words)).collect::<Vec<_>>()
    };
    files.iter().flat_map(of_file).collect()
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_file() {
        return files.push(path.to_owned());
    }
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if !path.ends_with("tests") && !path.ends_with("tests.rs") {
            collect(&path, files);
        }
    }
}

/// The text with the strings that go over several lines in one, and a call in one line.
fn joined(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    for line in lines {
        match line.strip_suffix('\\') {
            Some(begin) => joined.push_str(begin),
            None => {
                joined.push_str(line);
                if !line.ends_with(['(', ',']) {
                    joined.push('\n');
                }
            }
        }
    }
    joined
}

/// The string behind each place where it is raised.
fn literals(code: &str, raise: &str) -> Vec<String> {
    let behind = code.split(raise).skip(1);
    let words = behind.filter_map(|code| {
        let code = match raise.strip_suffix('"') {
            Some(_) => code,
            // the exit code comes first
            None => code.split_once('\n').map_or(code, |(line, _)| line).split_once('"')?.1,
        };
        let mut words = String::new();
        let mut characters = code.chars();
        while let Some(character) = characters.next() {
            match character {
                '"' => return Some(words),
                '\\' => words.extend(characters.next()),
                other => words.push(other),
            }
        }
        None
    });
    words.collect()
}

/// An `x` for everything in braces.
fn filled(words: &str) -> String {
    let mut pieces = words.split('{');
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        filled.push('x');
        filled.push_str(piece.split_once('}').map_or("", |(_, behind)| behind));
    }
    filled
}
