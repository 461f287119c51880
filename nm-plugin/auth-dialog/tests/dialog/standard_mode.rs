//! Standard mode, where nobody has to be asked.

use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::thread::sleep;
use std::time::Duration;

use super::{CONNECTION, data, failure, run, start, success};

const STORED: &str = "SECRET_KEY=password\nSECRET_VAL=hunter2\nDONE\nQUIT\n";

#[test]
fn what_is_known_is_told() {
    assert_eq!(success(run(&[], data("0") + STORED)), "password\nhunter2\n\n\n");
    assert_eq!(success(run(&["-i"], data("1") + STORED)), "password\nhunter2\n\n\n");
    assert_eq!(success(run(&[], data("1") + "DONE\nQUIT\n")), "\n\n");
    assert_eq!(success(run(&[], data("2") + STORED)), "\n\n");
}

/// A code that was kept, and an old password where a new one is wanted, are no answers.
#[test]
fn what_is_worth_nothing_is_not_told() {
    let stored = "SECRET_KEY=otp\nSECRET_VAL=123456\n".to_owned() + STORED;
    assert_eq!(success(run(&["-t", "otp"], data("0") + &stored)), "\n\n");
    let new_password = ["-t", "password", "-t", "x-dynamic-challenge:password-again"];
    assert_eq!(success(run(&new_password, data("0") + &stored)), "\n\n");
}

#[test]
fn nothing_is_needed() {
    assert_eq!(success(run(&["-i"], data("4") + "DONE\n")), "no-secret\ntrue\n\n\n");
}

#[test]
fn a_value_of_two_lines_is_refused() {
    let sentence = failure(run(&[], data("0") + "SECRET_KEY=password\nSECRET_VAL=hunter2\n=no-secret\nDONE\n"));
    assert!(sentence.contains("line end") && !sentence.contains("hunter2"), "{sentence}");
}

/// The answer is out, whole, while the program still waits; QUIT ends it, in however many pieces.
#[test]
fn waits_for_quit() {
    let mut child = start(&CONNECTION);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all((data("0") + "SECRET_KEY=password\nSECRET_VAL=hunter2\nDONE\nQU").as_bytes()).unwrap();
    let mut answer = [0; "password\nhunter2\n\n\n".len()];
    child.stdout.as_mut().unwrap().read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"password\nhunter2\n\n\n");
    assert!(child.try_wait().unwrap().is_none(), "it waits");
    // The answer comes a moment before its wiping.
    let is_kept = || memory_of(child.id()).windows(7).any(|octets| octets == b"hunter2");
    let mut tries = 0..100;
    while is_kept() {
        assert!(tries.next().is_some(), "a copy of the password was not wiped");
        sleep(Duration::from_millis(20));
    }
    stdin.write_all(b"IT\n\n").unwrap();
    assert!(child.wait().unwrap().success());
    drop(stdin);
}

/// Everything in the writable memory of a process that this one started.
fn memory_of(process: u32) -> Vec<u8> {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let memory = std::fs::File::open(format!("/proc/{process}/mem")).unwrap();
    let mut octets = Vec::new();
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (start, end) = line.split(' ').next().and_then(|range| range.split_once('-')).unwrap();
        let [start, end] = [start, end].map(|address| u64::from_str_radix(address, 16).unwrap());
        let mut region = vec![0; (end - start) as usize];
        // A guard page cannot be read.
        if memory.read_exact_at(&mut region, start).is_ok() {
            octets.append(&mut region);
        }
    }
    octets
}
