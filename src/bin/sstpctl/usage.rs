//! What is wrong with a command line, in the language of the person who typed it. clap finds it, and would say it in
//! English; its help stays as it is.

use std::error::Error as _;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use nm_sstp::tr;

use crate::output;

/// Tells it, and the exit code that clap has for it. Help that was asked for is no error, and goes to standard output.
pub fn tell(error: &clap::Error) -> u8 {
    match explained(error) {
        Some(sentence) => {
            output::complain(&sentence);
            output::note(&hint(error));
        }
        // Where nobody reads it, there is nobody to tell.
        None => _ = error.print(),
    }
    u8::try_from(error.exit_code()).unwrap_or(1)
}

/// The sentence, where there is one of ours.
fn explained(error: &clap::Error) -> Option<String> {
    let of = |kind| error.get(kind).map(text).filter(|text| !text.is_empty());
    let name = of(ContextKind::InvalidArg);
    let sentence = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            tr!("There is no command {name}.", name = of(ContextKind::InvalidSubcommand)?)
        }
        ErrorKind::UnknownArgument => tr!("{name} is not expected here.", name = name?),
        ErrorKind::MissingRequiredArgument => tr!("There is something missing: {names}.", names = name?),
        ErrorKind::ArgumentConflict => match of(ContextKind::PriorArg) {
            Some(other) if Some(&other) != name.as_ref() => {
                tr!("{name} and {other} exclude each other.", name = name?, other = other)
            }
            _ => tr!("{name} is given twice.", name = name?),
        },
        ErrorKind::InvalidValue => match (of(ContextKind::InvalidValue), of(ContextKind::ValidValue)) {
            (Some(value), Some(words)) => {
                tr!("{name} cannot be {value}, but one of {words}.", name = name?, value = value, words = words)
            }
            _ => tr!("{name} needs a value.", name = name?),
        },
        ErrorKind::ValueValidation => {
            let reason = error.source().map(ToString::to_string).unwrap_or_default();
            let value = of(ContextKind::InvalidValue)?;
            tr!("{name} cannot be {value}: {reason}.", name = name?, value = value, reason = reason)
        }
        _ => return None,
    };
    let meant = error.get(ContextKind::SuggestedArg).or_else(|| error.get(ContextKind::SuggestedSubcommand));
    // of several the last is the nearest
    let meant = meant.and_then(|value| match value {
        ContextValue::Strings(names) => names.last().cloned(),
        other => Some(text(other)),
    });
    Some(match meant {
        Some(meant) => tr!("{sentence} Did you mean {name}?", sentence = sentence, name = meant),
        None => sentence,
    })
}

/// How the command is written, and where all of it stands.
fn hint(error: &clap::Error) -> String {
    let usage = error.get(ContextKind::Usage).map(text).unwrap_or_default();
    let usage = usage.trim_start_matches("Usage:").trim();
    match usage.is_empty() {
        true => tr!("\"sstpctl --help\" says what there is."),
        false => tr!("Usage: {usage}", usage = usage) + "\n" + &tr!("\"sstpctl --help\" says what there is."),
    }
}

fn text(value: &ContextValue) -> String {
    match value {
        ContextValue::String(text) => text.clone(),
        ContextValue::Strings(texts) => texts.join(", "),
        ContextValue::StyledStr(text) => text.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::arguments::Arguments;

    fn said(line: &str) -> Option<String> {
        explained(&Arguments::try_parse_from(line.split(' ')).expect_err("an error"))
    }

    #[test]
    fn whatever_can_be_typed_wrong_has_a_sentence() {
        for (line, sentence) in [
            ("sstpctl conect", "There is no command conect. Did you mean connect?"),
            ("sstpctl list --jso", "--jso is not expected here. Did you mean --json?"),
            ("sstpctl list now", "now is not expected here."),
            ("sstpctl connect", "There is something missing: <PROFILE>."),
            ("sstpctl list --json --names", "--json and --names exclude each other."),
            ("sstpctl connect a --wait 1 --wait 2", "--wait <SECONDS> is given twice."),
            ("sstpctl connect a --wait", "--wait <SECONDS> needs a value."),
            ("sstpctl probe a --set b", "--set <KEY=VALUE> cannot be b: it is not KEY=VALUE."),
        ] {
            assert_eq!(said(line).as_deref(), Some(sentence), "{line}");
        }
        assert!(
            said("sstpctl connect a --wait x").is_some_and(|text| text.starts_with("--wait <SECONDS> cannot be x: "))
        );
        let shells = said("sstpctl completions tcsh").expect("a sentence");
        assert_eq!(shells, "<SHELL> cannot be tcsh, but one of bash, zsh, fish.");
    }

    #[test]
    fn help_is_no_error() {
        for line in ["sstpctl --help", "sstpctl connect --help", "sstpctl --version", "sstpctl"] {
            assert_eq!(said(line), None, "{line}");
        }
    }

    #[test]
    fn the_usage_is_that_of_the_command() {
        let error = Arguments::try_parse_from(["sstpctl", "disconnect", "--wat"]).expect_err("an error");
        assert!(hint(&error).starts_with("Usage: sstpctl disconnect "), "{}", hint(&error));
    }
}
