//! The command that has a server's certificate accepted from now on, for the end of the sentence that says why it was not.

use std::fmt::Write;

use crate::profile::Fingerprint;
use crate::tunnel::{Ending, Remedy};

/// Where a setting of a connection is changed.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// A connection of NetworkManager's, by its UUID.
    Connection(String),
    /// A stored profile, by its name.
    Profile(String),
    /// On the command line only: the gateway is this.
    CommandLine(String),
}

impl Place {
    /// Why the connection failed, with the command where one helps.
    pub(super) fn sentence(&self, failure: &Ending) -> String {
        let Some(Remedy::Pin(fingerprint)) = &failure.remedy else { return failure.sentence.clone() };
        let setting = format!("gateway-fingerprint={}", digits(fingerprint));
        let command = match self {
            Place::Connection(uuid) => format!("nmcli connection modify {uuid} +vpn.data {setting}"),
            Place::Profile(name) => format!("sstpctl profile edit {name} --set {setting}"),
            Place::CommandLine(gateway) => format!("sstpctl connect --gateway {} --set {setting}", quoted(gateway)),
        };
        format!("{}; the command for that: {command}", failure.sentence)
    }
}

/// As `AB:CD:..`.
fn digits(fingerprint: &Fingerprint) -> String {
    fingerprint.iter().enumerate().fold(String::new(), |mut text, (position, octet)| {
        let colon = if position > 0 { ":" } else { "" };
        // writing to a String does not fail
        let _ = write!(text, "{colon}{octet:02X}");
        text
    })
}

/// One word of a shell's.
fn quoted(text: &str) -> String {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"._-:/".contains(&octet);
    if text.bytes().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tunnel::FailureKind;
    use crate::tunnel::reconnect::Retry;

    fn failure(remedy: Option<Remedy>) -> Ending {
        let sentence = "it is not trusted".to_owned();
        Ending { kind: FailureKind::Connect, sentence, status: None, remedy, retry: Retry::No }
    }

    #[test]
    fn the_command_is_that_of_whoever_has_the_setting() {
        let pin = failure(Some(Remedy::Pin([0xa0; 32])));
        let setting = format!("gateway-fingerprint=A0{}", ":A0".repeat(31));
        for (place, command) in [
            (Place::Connection("00112233-4455".to_owned()), "nmcli connection modify 00112233-4455 +vpn.data"),
            (Place::Profile("work".to_owned()), "sstpctl profile edit work --set"),
            (Place::CommandLine("[2001:db8::1]:444".to_owned()), "sstpctl connect --gateway '[2001:db8::1]:444' --set"),
            (
                Place::CommandLine("vpn.example/x?y='z'".to_owned()),
                r"sstpctl connect --gateway 'vpn.example/x?y='\''z'\''' --set",
            ),
            (Place::CommandLine("vpn.example:444".to_owned()), "sstpctl connect --gateway vpn.example:444 --set"),
        ] {
            let expected = format!("it is not trusted; the command for that: {command} {setting}");
            assert_eq!(place.sentence(&pin), expected);
            assert_eq!(place.sentence(&failure(None)), "it is not trusted");
            let locked = failure(Some(Remedy::Passphrase { message: String::new() }));
            assert_eq!(place.sentence(&locked), "it is not trusted");
        }
    }
}
