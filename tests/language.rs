//! `sstpctl` speaks the language of the environment, in words; its exit codes are those of scripts.

#![cfg(feature = "service")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Catalogues as they are installed, of the sources.
struct Catalogues(PathBuf);

impl Catalogues {
    /// `None` where there is no msgfmt; in CI that is a failure.
    fn build() -> Option<(Self, Vec<String>)> {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/po");
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("locale");
        let linguas = std::fs::read_to_string(sources.join("LINGUAS")).unwrap();
        let languages: Vec<String> = linguas
            .lines()
            .filter(|line| !line.starts_with('#'))
            .flat_map(str::split_whitespace)
            .map(Into::into)
            .collect();
        for language in &languages {
            let messages = directory.join(language).join("LC_MESSAGES");
            std::fs::create_dir_all(&messages).unwrap();
            let mut msgfmt = Command::new("msgfmt");
            msgfmt.arg("--output-file").arg(messages.join("nm-sstp.mo")).arg(sources.join(format!("{language}.po")));
            match msgfmt.status() {
                Ok(status) => assert!(status.success(), "{language}"),
                Err(error) if std::env::var_os("CI").is_none() => {
                    println!("skipped: msgfmt cannot be run: {error}");
                    return None;
                }
                Err(error) => panic!("msgfmt cannot be run: {error}"),
            }
        }
        Some((Self(directory), languages))
    }

    fn sstpctl(&self, locale: &str, language: &str, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_sstpctl"))
            .args(arguments)
            .env("NM_SSTP_LOCALEDIR", &self.0)
            .env("LC_ALL", locale)
            .env("LANGUAGE", language)
            .env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent")
            .output()
            .unwrap()
    }
}

#[test]
fn errors_are_in_the_language_of_the_environment() {
    let Some((catalogues, languages)) = Catalogues::build() else { return };
    for (arguments, exit) in [(&["conect"][..], 2), (&["list"], 3), (&["profile", "import", "/nonexistent"], 1)] {
        let english = catalogues.sstpctl("C", "", arguments);
        for language in &languages {
            let output = catalogues.sstpctl("C.UTF-8", language, arguments);
            assert_eq!(
                (english.status.code(), output.status.code()),
                (Some(exit), Some(exit)),
                "{language} {arguments:?}"
            );
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(said.starts_with("sstpctl: "), "{language}: {said}");
            assert_ne!(said.as_bytes(), english.stderr, "{language} {arguments:?}");
        }
    }
}

#[test]
fn without_a_catalogue_it_is_english() {
    let nowhere = Catalogues(PathBuf::from("/nonexistent"));
    let said = nowhere.sstpctl("C.UTF-8", "de", &["conect"]).stderr;
    assert!(said.starts_with(b"sstpctl: There is no command conect. Did you mean connect?\n"));
}
