//! The formats, and how a file is known to be of one.

use super::{shell, stem, toml};

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Flat TOML, as `sstpctl profile` has it.
    Toml,
    /// A connection of NetworkManager.
    Keyfile,
    /// A phone book of Windows.
    Phonebook,
    /// Commands of MikroTik's RouterOS.
    RouterOs,
    /// A peers file of pppd.
    Peers,
    /// A command line of sstpc.
    CommandLine,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Toml, Self::Keyfile, Self::Phonebook, Self::RouterOs, Self::Peers, Self::CommandLine];

    /// Those that are written.
    pub const WRITTEN: [Self; 5] = [Self::Toml, Self::Keyfile, Self::Phonebook, Self::RouterOs, Self::Peers];

    /// Its name on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Toml => "toml",
            Self::Keyfile => "nmconnection",
            Self::Phonebook => "pbk",
            Self::RouterOs => "routeros",
            Self::Peers => "peers",
            Self::CommandLine => "sstpc",
        }
    }

    /// The format of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// The ending of its files, without the dot; empty: they have none.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Toml => "toml",
            Self::Keyfile => "nmconnection",
            Self::Phonebook => "pbk",
            Self::RouterOs => "rsc",
            Self::Peers => "",
            Self::CommandLine => "sh",
        }
    }

    /// Whether its files can say who keeps a secret (`password-flags` and the like).
    pub const fn says_who_keeps_secrets(self) -> bool {
        matches!(self, Self::Toml | Self::Keyfile)
    }

    /// The format that the ending of a file's name says.
    pub fn of_file_name(file_name: &str) -> Option<Self> {
        let ending = ending(file_name)?;
        Self::ALL.into_iter().find(|format| !ending.is_empty() && format.ending() == ending)
    }

    /// The format of a text; the name of its file decides where the text does not.
    pub(super) fn recognize(text: &str, file_name: &str) -> Option<Self> {
        let lines = || text.lines().map(str::trim);
        let begins = |beginnings: &[&str]| lines().any(|line| beginnings.iter().any(|start| line.starts_with(start)));
        let is = |wholes: &[&str]| lines().any(|line| wholes.contains(&line));
        let has_groups = lines().any(|line| line.starts_with('[') && line.ends_with(']'));
        if toml::read_settings(text).is_ok_and(|settings| !settings.is_empty()) {
            return Some(Self::Toml);
        }
        if is(&["[vpn]"]) && begins(&["service-type="]) {
            return Some(Self::Keyfile);
        }
        // an entry may be called "vpn"
        if has_groups && begins(&["PBVersion=", "VpnStrategy=", "MEDIA=", "DEVICE=", "PhoneNumber="]) {
            return Some(Self::Phonebook);
        }
        if is(&["[vpn]", "[connection]"]) {
            return Some(Self::Keyfile);
        }
        if lines().any(|line| {
            let command = line.split_once("] > ").map_or(line, |(_, behind_prompt)| behind_prompt);
            command.starts_with(['/', 'i']) && command.contains("sstp-client")
        }) {
            return Some(Self::RouterOs);
        }
        if lines().any(|line| line.strip_prefix("pty").is_some_and(|rest| rest.starts_with([' ', '\t']))) {
            return Some(Self::Peers);
        }
        if lines().any(|line| !line.starts_with('#') && shell::names_program(line, "sstpc")) {
            return Some(Self::CommandLine);
        }
        let is_key = |line: &&str| line.split_once('=').is_some_and(|(key, _)| toml::is_key(key.trim()));
        if lines().find(|line| !line.is_empty() && !line.starts_with('#')).as_ref().is_some_and(is_key) {
            return Some(Self::Toml);
        }
        Self::of_file_name(file_name)
    }
}

/// The ending of a file's name in lower case.
fn ending(file_name: &str) -> Option<String> {
    let name = file_name.rsplit(['/', '\\']).next().unwrap_or_default();
    (name.len() > stem(file_name).len()).then(|| name[stem(file_name).len() + 1..].to_ascii_lowercase())
}
