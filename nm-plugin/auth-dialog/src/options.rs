//! The command line, as secret agents write it.

use nm_sstp::tr;

/// What `--help` prints.
pub const USAGE: &str = "\
Usage: nm-sstp-auth-dialog -u UUID -n NAME -s SERVICE [OPTION...]

Finds out which secrets an SSTP connection needs. Meant to be started by
NetworkManager's secret agents (nmcli, gnome-shell, nm-applet), which write the
connection to standard input.

  -u, --uuid UUID           UUID of the connection
  -n, --name NAME           name of the connection
  -s, --service SERVICE     its VPN service type
  -i, --allow-interaction   a person may be asked
  -r, --reprompt            ask even for what is known: it was refused
  -t, --hint HINT           name of a secret to ask for (repeatable), with
                            x-dynamic-challenge: or x-dynamic-challenge-echo:
                            before it in a second step; or x-vpn-message:TEXT
                            to show
      --external-ui-mode    answer with a key file of what to ask; without it,
                            ask in a window
      --help                this text
";

/// The parsed command line.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub uuid: String,
    pub name: String,
    pub service: String,
    pub allow_interaction: bool,
    pub reprompt: bool,
    pub hints: Vec<String>,
    pub external_ui_mode: bool,
    pub help: bool,
}

impl Options {
    /// Reads the arguments, the program's name left out. An option's value stands behind it (`-u UUID`, `--uuid UUID`)
    /// or in it (`-uUUID`, `--uuid=UUID`), short switches may share a dash (`-ir`): the spellings of GLib.
    ///
    /// # Errors
    ///
    /// A sentence about the argument that cannot be understood, or about the one that is missing.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            if let Some(long) = argument.strip_prefix("--") {
                let (name, value) = match long.split_once('=') {
                    Some((name, value)) => (name, Some(value.to_owned())),
                    None => (long, None),
                };
                options.set(name, value, &mut arguments)?;
            } else if let Some(short) = argument.strip_prefix('-').filter(|short| !short.is_empty()) {
                options.set_short(short, &mut arguments)?;
            } else {
                return Err(tr!(
                    "The argument {argument} is not understood; see --help.",
                    argument = format!("{argument:?}")
                ));
            }
        }
        if !options.help && [&options.uuid, &options.name, &options.service].iter().any(|value| value.is_empty()) {
            return Err(tr!("The options --uuid, --name and --service must be given; see --help."));
        }
        Ok(options)
    }

    fn set_short(&mut self, letters: &str, arguments: &mut impl Iterator<Item = String>) -> Result<(), String> {
        for (at, letter) in letters.char_indices() {
            let name = match letter {
                'u' => "uuid",
                'n' => "name",
                's' => "service",
                't' => "hint",
                'i' => "allow-interaction",
                'r' => "reprompt",
                'h' | '?' => "help",
                _ => return Err(tr!("The option -{letter} is not known; see --help.", letter = letter.escape_debug())),
            };
            if !"unst".contains(letter) {
                self.set(name, None, arguments)?;
                continue;
            }
            let value = &letters[at + 1..];
            return self.set(name, (!value.is_empty()).then(|| value.to_owned()), arguments);
        }
        Ok(())
    }

    fn set(
        &mut self,
        name: &str,
        value: Option<String>,
        arguments: &mut impl Iterator<Item = String>,
    ) -> Result<(), String> {
        if ["uuid", "name", "service", "hint"].contains(&name) {
            let value = value
                .or_else(|| arguments.next())
                .ok_or_else(|| tr!("The option --{name} needs a value.", name = name))?;
            match name {
                "uuid" => self.uuid = value,
                "name" => self.name = value,
                "service" => self.service = value,
                _ => self.hints.push(value),
            }
            return Ok(());
        }
        let switch = match name {
            "allow-interaction" => &mut self.allow_interaction,
            "reprompt" => &mut self.reprompt,
            "external-ui-mode" => &mut self.external_ui_mode,
            "help" => &mut self.help,
            _ => return Err(tr!("The option --{name} is not known; see --help.", name = name.escape_debug())),
        };
        if value.is_some() {
            return Err(tr!("The option --{name} takes no value.", name = name));
        }
        *switch = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split(' ').map(str::to_owned))
    }

    #[test]
    fn as_nmcli_writes_it() {
        let options = parse("-u U -n N -s S --external-ui-mode -i -r -t password -t x-vpn-message:Code?").unwrap();
        let expected = Options {
            uuid: "U".into(),
            name: "N".into(),
            service: "S".into(),
            allow_interaction: true,
            reprompt: true,
            hints: vec!["password".into(), "x-vpn-message:Code?".into()],
            external_ui_mode: true,
            help: false,
        };
        assert_eq!(options, expected);
    }

    #[test]
    fn other_spellings() {
        let plain = parse("-u U -n N -s S -i -r -t h").unwrap();
        assert_eq!(parse("--uuid U --name N --service S --allow-interaction --reprompt --hint h"), Ok(plain));
        let plain = parse("-u U -n N -s S -i -r -t h").unwrap();
        assert_eq!(parse("--uuid=U -nN -irs S --hint=h"), Ok(plain));
        assert_eq!(parse("-u U -n -i -s S").unwrap().name, "-i", "a value may look like an option");
        assert_eq!(parse("-u U -n a=b -s S").unwrap().name, "a=b");
        assert!(parse("--help").unwrap().help && parse("-h").unwrap().help);
    }

    #[test]
    fn what_is_not_understood() {
        for line in [
            "",
            "-u U -n N",
            "-u U -n N -s",
            "-u U -n N -s S --hint",
            "-u U -n N -s S -x",
            "-u U -n N -s S -ix",
            "-u U -n N -s S --external-ui",
            "-u U -n N -s S --reprompt=yes",
            "-u U -n N -s S extra",
            "-u U -n N -s S -",
            "-u U -n N -s S --",
            "-u  -n N -s S",
        ] {
            assert!(parse(line).is_err(), "{line:?}");
        }
    }
}
