use clap::CommandFactory;

use super::*;

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
