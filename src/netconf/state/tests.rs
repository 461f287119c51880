use std::env;
use std::process;

use super::*;
use crate::netconf::route::Family;

/// A directory that is not there yet and that goes with its owner.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Directory {
        Directory(env::temp_dir().join(format!("nm-sstp-state-{name}-{}", process::id())))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn journal() -> Journal {
    Journal {
        rules: [Rule { family: Family::Ipv6, priority: 29440, table: 254, suppress: Some(7) }].into(),
        tables: [1_936_946_288].into(),
        records: ["tun.sstp0.nm-sstp".to_owned()].into(),
        resolv_conf: serde_json::from_str(r#"{"path": "/etc/resolv.conf", "original": null, "written": ["x\n"]}"#).ok(),
    }
}

#[test]
fn the_next_process_reads_what_was_written() {
    let directory = Directory::new("round-trip");
    let mut state = State::open(&directory.0).unwrap();
    assert!(!state.has_something());
    state.journal = journal();
    assert!(state.journal.resolv_conf.is_some());
    state.write().unwrap();
    drop(state);

    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&directory.0), mode(&directory.0.join(JOURNAL))), (0o700, 0o600));
    let mut state = State::open(&directory.0).unwrap();
    assert!(state.has_something());
    assert_eq!(state.journal, journal());

    state.journal = Journal::default();
    state.write().unwrap();
    assert!(!directory.0.join(JOURNAL).exists());
}

#[test]
fn a_journal_that_cannot_be_read_is_set_aside() {
    let directory = Directory::new("broken");
    drop(State::open(&directory.0).unwrap());
    for text in [&b"{\"rules\": ["[..], b"", b"\xff\xfe", b"7", b"{\"rules\": [{\"family\": \"Ipv4\"}]}"] {
        fs::write(directory.0.join(JOURNAL), text).unwrap();
        let state = State::open(&directory.0).unwrap();
        assert!(!state.has_something());
        assert!(!directory.0.join(JOURNAL).exists());
        assert_eq!(fs::read(directory.0.join(BROKEN)).unwrap(), text);
    }
}

#[test]
fn a_journal_of_another_version_is_read_as_far_as_it_is_known() {
    let directory = Directory::new("version");
    drop(State::open(&directory.0).unwrap());
    fs::write(directory.0.join(JOURNAL), r#"{"tables": [1936946290], "later": true}"#).unwrap();
    let state = State::open(&directory.0).unwrap();
    assert_eq!(state.journal.tables, [1_936_946_290].into());
}

#[test]
fn a_directory_that_is_none_is_refused() {
    let directory = Directory::new("none");
    fs::write(&directory.0, "").unwrap();
    let text = State::open(&directory.0).err().unwrap().to_string();
    assert!(text.ends_with("it is no directory"), "{text}");
    fs::remove_file(&directory.0).unwrap();
}
