use std::collections::BTreeSet;

use clap::CommandFactory;

use super::*;

const MAN_PAGE: &str = include_str!("../../../../data/man/sstpctl.1");

#[test]
fn the_definition_is_sound() {
    Arguments::command().debug_assert();
}

#[test]
fn a_profile_and_settings_exclude_each_other() {
    let parses = |line: &str| Arguments::try_parse_from(line.split(' ')).is_ok();
    assert!(parses("sstpctl connect work"));
    assert!(parses("sstpctl connect --gateway vpn.example.com --user alice --set mtu=1400"));
    for wrong in [
        "sstpctl connect",
        "sstpctl connect work --gateway vpn.example.com",
        "sstpctl connect work --set mtu=1400",
        "sstpctl connect work --password-stdin --password-file x",
        "sstpctl connect work --password hunter2",
        "sstpctl connect --gateway a --set mtu",
        "sstpctl disconnect work --all",
        "sstpctl list --json --names",
    ] {
        assert!(!parses(wrong), "{wrong}");
    }
}

/// The parts of the man page, without troff's escapes: the headings of a command, and all that follows them.
fn sections() -> Vec<(Vec<String>, String)> {
    let page = MAN_PAGE.replace("\\-", "-").replace("\\fP", "");
    let mut sections: Vec<(Vec<String>, String)> = Vec::new();
    for line in page.lines() {
        let heading = line.strip_prefix(".SS ").map(|heading| heading.trim_matches('"').to_owned());
        match (heading, sections.last_mut()) {
            (Some(heading), Some((headings, text))) if text.is_empty() => headings.push(heading),
            (Some(heading), _) => sections.push((vec![heading], String::new())),
            (None, Some((_, text))) => *text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    sections
}

/// Every command that can be given, with the words before it.
fn commands(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
    for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
        let path = format!("{path} {}", command.get_name());
        match command.has_subcommands() {
            true => commands(command, &path, found),
            false => found.push((path, command.clone())),
        }
    }
}

#[test]
fn the_man_page_has_every_command_and_option() {
    let (mut found, sections) = (Vec::new(), sections());
    commands(&Arguments::command(), "sstpctl", &mut found);
    assert!(found.len() > 10);
    for (path, command) in found {
        let is_about =
            |heading: &String| heading.strip_prefix(&path).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
        let section = sections.iter().find(|(headings, _)| headings.iter().any(is_about));
        let (headings, text) = section.unwrap_or_else(|| panic!("{path} is not in the man page"));
        for argument in command.get_arguments() {
            let long = argument.get_long().map(|long| format!("--{long}"));
            let short = argument.get_short().map(|short| format!(" -{short}\n"));
            for option in long.into_iter().chain(short) {
                let there = text.contains(&option) || headings.iter().any(|heading| heading.contains(&option));
                assert!(there, "{path} {option} is not in the man page");
            }
        }
    }
}

#[test]
fn the_man_page_has_no_option_that_is_not_there() {
    let (mut found, mut options) = (Vec::new(), BTreeSet::from(["help".to_owned(), "version".to_owned()]));
    commands(&Arguments::command(), "sstpctl", &mut found);
    let long = |(_, command): &(String, clap::Command)| {
        command.get_arguments().filter_map(|argument| argument.get_long().map(str::to_owned)).collect::<Vec<_>>()
    };
    options.extend(found.iter().flat_map(long));
    let page = MAN_PAGE.replace("\\-", "-");
    let ours = page.lines().filter(|line| !line.starts_with("systemctl"));
    for word in ours.flat_map(|line| line.split(|c: char| !c.is_ascii_lowercase() && c != '-')) {
        if let Some(option) = word.strip_prefix("--") {
            assert!(options.contains(option), "there is no --{option}");
        }
    }
}

#[test]
fn the_man_page_has_every_exit_code() {
    let (_, after) = MAN_PAGE.split_once(".SH \"EXIT STATUS\"").expect("the section");
    let (section, _) = after.split_once(".SH ENVIRONMENT").expect("the next section");
    let codes: Vec<_> = section.lines().filter_map(|line| line.strip_prefix(".B ")?.parse::<u8>().ok()).collect();
    assert_eq!(codes, (0..=crate::problem::Exit::Interrupted as u8).collect::<Vec<_>>());
}
