//! Command lines and input that are refused: status 1, one sentence, nothing on standard output.

use super::{CONNECTION, data, failure, run, run_with, start, success};

fn input() -> String {
    data("0") + "SECRET_KEY=password\nSECRET_VAL=hunter2\n=second line\n\nDONE\n"
}

#[test]
fn another_service() {
    let mut arguments = CONNECTION;
    arguments[5] = "org.freedesktop.NetworkManager.openvpn";
    let sentence = failure(run_with(&arguments, input()));
    assert!(sentence.contains("org.freedesktop.NetworkManager.openvpn"), "{sentence}");
}

#[test]
fn an_incomplete_command_line() {
    for missing in [0, 2, 4] {
        let mut arguments = CONNECTION.to_vec();
        arguments.drain(missing..missing + 2);
        failure(run_with(&arguments, input()));
    }
    failure(run_with(&[], ""));
    failure(run(&["--colour"], input()));
    assert!(success(run_with(&["--help"], "")).starts_with("Usage:"));
}

#[test]
fn input_cut_anywhere() {
    let input = input();
    for end in 0..input.len() - "\n".len() {
        let sentence = failure(run(&["--external-ui-mode"], &input[..end]));
        assert!(sentence.contains("ends before DONE"), "cut at {end}: {sentence}");
    }
    success(run(&["--external-ui-mode"], &input[..input.len() - 1]));
}

#[test]
fn huge_input() {
    for (head, filling) in
        [("SECRET_KEY=password\nSECRET_VAL=", "hunter2 "), ("", "=\n"), ("", "DATA_KEY=a\nDATA_VAL=b\n")]
    {
        let input = head.to_owned() + &filling.repeat((2 << 20) / filling.len()) + "\nDONE\n";
        let sentence = failure(run(&["--external-ui-mode", "-i"], input));
        assert!(sentence.contains("longer than"), "{sentence}");
    }
}

/// Input that never ends does not keep the program, and does not fill the memory.
#[test]
fn endless_input() {
    let mut child = start(&[&CONNECTION[..], &["--external-ui-mode"]].concat());
    let mut stdin = child.stdin.take().unwrap();
    assert!(std::io::copy(&mut std::io::repeat(b'\n'), &mut stdin).is_err(), "the pipe was closed");
    failure(child.wait_with_output().unwrap());
}

#[test]
fn input_that_is_no_text() {
    for secret in [&b"hunter2\xff"[..], b"hunter2\0"] {
        let input = [b"SECRET_KEY=password\nSECRET_VAL=", secret, b"\nDONE\n"].concat();
        let sentence = failure(run(&["--external-ui-mode"], input));
        assert!(sentence.contains("not UTF-8") && !sentence.contains("hunter2"), "{sentence}");
    }
}

#[test]
fn a_value_without_a_key() {
    failure(run(&["--external-ui-mode"], "DATA_VAL=x\nDONE\n"));
    failure(run(&["--external-ui-mode"], "DATA_KEY=a\nSECRET_VAL=hunter2\nDONE\n"));
}
