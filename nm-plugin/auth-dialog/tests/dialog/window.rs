//! Standard mode where a person is asked: what the program and its window say to each other. A script is the window.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

use super::{CONNECTION, PROGRAM, SPAWNING, data, failure, groups, run, start_from, success};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// The program in a directory of its own, beside a window that is this script.
pub(super) struct Beside(PathBuf);

impl Beside {
    pub(super) fn window(script: &str) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let directory = temporary.join(format!("window-{}-{number}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        fs::hard_link(PROGRAM, directory.join("dialog")).unwrap();
        let window = directory.join("nm-sstp-auth-window");
        let _alone = SPAWNING.lock().unwrap_or_else(PoisonError::into_inner);
        fs::write(&window, format!("#!/bin/sh\ncd '{}'\n{script}\n", directory.display())).unwrap();
        fs::set_permissions(&window, fs::Permissions::from_mode(0o755)).unwrap();
        Self(directory)
    }

    fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = start_from(&self.0.join("dialog"), &[&CONNECTION, arguments].concat());
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// The same, run by an agent of this name.
    pub(super) fn run_by(&self, agent: &str, arguments: &[&str], input: &str) -> Output {
        let script = self.0.join(agent);
        {
            let _alone = SPAWNING.lock().unwrap_or_else(PoisonError::into_inner);
            fs::write(&script, format!("#!/bin/sh\n'{}' \"$@\"\nexit $?\n", self.0.join("dialog").display())).unwrap();
            fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let mut child = start_from(&script, &[&CONNECTION, arguments].concat());
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Reads a form into the file `form`, as its first line says.
const TAKE_FORM: &str = "read -r name version length && head -c \"$length\" >form || exit 9\n";

#[test]
fn the_answer_is_told() {
    let beside = Beside::window(&(TAKE_FORM.to_owned() + "printf 'hunter2\\0'"));
    assert_eq!(success(beside.run(&["-i"], &(data("1") + "DONE\nQUIT\n"))), "password\nhunter2\n\n\n");
    assert_eq!(
        beside.file("form"),
        "Authenticate VPN Work\0You need to authenticate to access the Virtual Private Network “Work”.\0\
         hidden\0Password\0\0"
    );
}

/// What is known stays; what is asked for takes its place in the answer. A challenge keeps its tag, so that
/// NetworkManager does not keep the answer.
#[test]
fn everything_at_once() {
    let beside = Beside::window(&(TAKE_FORM.to_owned() + "printf 'you\\0new\\0new\\0a1234\\0'"));
    let hints = ["user", "password", "x-dynamic-challenge:password-again", "x-dynamic-challenge-echo:otp"];
    let hints: Vec<_> = ["-i", "-t", "x-vpn-message:<b>Expired</b>"]
        .into_iter()
        .chain(hints.iter().flat_map(|hint| ["-t", hint]))
        .collect();
    let stored = "SECRET_KEY=user\nSECRET_VAL=me\nSECRET_KEY=password\nSECRET_VAL=hunter2\nDONE\nQUIT\n";
    assert_eq!(
        success(beside.run(&hints, &(data("1") + stored))),
        "user\nyou\npassword\nnew\nx-dynamic-challenge:password-again\nnew\nx-dynamic-challenge-echo:otp\na1234\n\n\n"
    );
    assert_eq!(
        beside.file("form"),
        "Authenticate VPN Work\0<b>Expired</b>\0shown\0User name\0me\0hidden\0New password\0\0\
         again\0Repeat the new password\0\0shown\0One-time code\0\0"
    );
}

#[test]
fn only_what_is_missing_is_asked_for() {
    let beside = Beside::window(&(TAKE_FORM.to_owned() + "printf 'proxied\\0'"));
    let proxy = "DATA_KEY=proxy-server\nDATA_VAL=proxy.example\nDATA_KEY=proxy-user\nDATA_VAL=me\n";
    let input = data("1") + proxy + "SECRET_KEY=password\nSECRET_VAL=hunter2\nDONE\nQUIT\n";
    assert_eq!(success(beside.run(&["-i"], &input)), "password\nhunter2\nproxy-password\nproxied\n\n\n");
    assert!(beside.file("form").ends_with("\0hidden\0Proxy password\0\0") && !beside.file("form").contains("hunter2"));
}

#[test]
fn a_person_who_does_not_want_to() {
    let beside = Beside::window(&(TAKE_FORM.to_owned() + "exit 1"));
    let output = beside.run(&["-i"], &(data("1") + "DONE\nQUIT\n"));
    assert_eq!((output.status.code(), output.stdout.len(), output.stderr.len()), (Some(1), 0, 0));
}

#[test]
fn no_display() {
    let beside = Beside::window("exit 3");
    let sentence = failure(beside.run(&["-i"], &(data("1") + "DONE\n")));
    assert!(sentence.contains("no display") && sentence.contains("nmcli --ask"), "{sentence}");
}

#[test]
fn no_window() {
    let beside = Beside::window("");
    fs::remove_file(beside.0.join("nm-sstp-auth-window")).unwrap();
    let sentence = failure(beside.run(&["-i"], &(data("1") + "DONE\n")));
    assert!(sentence.contains("nm-sstp-gnome") && sentence.contains("nm-sstp-auth-window"), "{sentence}");
    // Nobody is asked where nobody may be, and nobody needs a window for what is known.
    assert_eq!(success(beside.run(&[], &(data("1") + "DONE\nQUIT\n"))), "\n\n");
}

#[test]
fn a_window_that_does_not_work() {
    for script in
        ["exit 2", "kill -9 $$", "printf 'hunter2'", "printf 'hunter2\\0hunter2\\0'", "printf 'hunter2\\0'; exit 7"]
    {
        let beside = Beside::window(&(TAKE_FORM.to_owned() + script));
        let sentence = failure(beside.run(&["-i"], &(data("1") + "DONE\n")));
        assert!(sentence.contains("does not work") && !sentence.contains("hunter2"), "{script}: {sentence}");
    }
}

/// An agent that gives up ends the program; the window finds its pipe at an end.
#[test]
fn an_agent_that_gives_up() {
    let beside = Beside::window(&(TAKE_FORM.to_owned() + "cat >rest; touch closed"));
    let mut child = start_from(&beside.0.join("dialog"), &[&CONNECTION, &["-i"][..]].concat());
    child.stdin.take().unwrap().write_all((data("1") + "DONE\n\nQUIT\n\n").as_bytes()).unwrap();
    let mut tries = 0..250;
    let mut wait_for = |name: &str| {
        while !beside.0.join(name).exists() {
            assert!(tries.next().is_some(), "no {name}");
            sleep(Duration::from_millis(20));
        }
    };
    wait_for("rest");
    assert!(!beside.0.join("closed").exists(), "it waits for as long as the program does");
    child.kill().unwrap();
    child.wait().unwrap();
    wait_for("closed");
}

/// nm-applet's own question is worse, though it has one. It takes a key file with nothing to ask.
#[test]
fn nm_applet() {
    let external = ["-i", "-t", "user", "-t", "x-dynamic-challenge:otp", "--external-ui-mode"];
    let input = data("1") + "DONE\n\nQUIT\n\n";
    let beside = Beside::window(&(TAKE_FORM.to_owned() + "printf 'me\\0a1234\\0'"));
    let answer = success(beside.run_by("nm-applet", &external, &input));
    assert_eq!(groups(&answer), ["user", "x-dynamic-challenge:otp"]);
    assert!(answer.contains("Value=me\n") && answer.contains("Value=a1234\n"), "{answer}");
    assert!(!answer.contains("ShouldAsk=true"), "{answer}");
    // Nobody else's is.
    let answer = success(beside.run_by("gnome-shell", &external, &input));
    assert_eq!(answer.matches("ShouldAsk=true").count(), 2, "{answer}");

    let beside = Beside::window(&(TAKE_FORM.to_owned() + "exit 1"));
    let output = beside.run_by("nm-applet", &external, &input);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "cancelled");
    // Without a window, nm-applet asks.
    for script in ["exit 3", "exit 2"] {
        let beside = Beside::window(&(TAKE_FORM.to_owned() + script));
        let answer = success(beside.run_by("nm-applet", &external, &input));
        assert_eq!(answer.matches("ShouldAsk=true").count(), 2, "{answer}");
    }
}

/// Without a window at all: what is installed on servers.
#[test]
fn where_there_is_no_desktop() {
    let sentence = failure(run(&["-i", "-r"], data("0") + "SECRET_KEY=password\nSECRET_VAL=hunter2\nDONE\nQUIT\n"));
    assert!(!sentence.contains("hunter2"), "{sentence}");
}
