//! Completions of the command line for shells: clap's, and the names of profiles where one is expected, which
//! `sstpctl list --names` gives at that moment.

use clap::CommandFactory;
use clap_complete::generate;

use crate::arguments::{Arguments, Shell};

/// The script for a shell.
pub fn script(shell: Shell) -> String {
    let mut command = Arguments::command();
    let mut script = Vec::new();
    match shell {
        Shell::Bash => generate(clap_complete::Shell::Bash, &mut command, "sstpctl", &mut script),
        Shell::Zsh => generate(clap_complete::Shell::Zsh, &mut command, "sstpctl", &mut script),
        Shell::Fish => generate(clap_complete::Shell::Fish, &mut command, "sstpctl", &mut script),
    }
    let script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        Shell::Bash => script + BASH,
        Shell::Zsh => zsh(&script),
        Shell::Fish => script + FISH,
    }
}

const BASH: &str = r#"
_sstpctl_with_profiles() {
    _sstpctl "$@"
    local current=${COMP_WORDS[COMP_CWORD]}
    local command=${COMP_WORDS[1]}
    [[ $command == profile ]] && command="profile ${COMP_WORDS[2]}"
    [[ $current == -* ]] && return
    case $command in
        connect|disconnect|status|logs|"profile show"|"profile edit"|"profile remove"|"profile export")
            COMPREPLY+=($(compgen -W "$(sstpctl list --names 2>/dev/null)" -- "$current")) ;;
    esac
}

complete -F _sstpctl_with_profiles -o nosort -o bashdefault -o default sstpctl 2>/dev/null ||
    complete -F _sstpctl_with_profiles -o bashdefault -o default sstpctl
"#;

const FISH: &str = r#"
complete -c sstpctl -n "__fish_seen_subcommand_from connect disconnect status logs" -f -a "(sstpctl list --names 2>/dev/null)"
complete -c sstpctl -n "__fish_seen_subcommand_from profile; and __fish_seen_subcommand_from show edit remove export" -f -a "(sstpctl list --names 2>/dev/null)"
"#;

/// Positional arguments that are names of profiles or sessions are completed by a function of ours.
fn zsh(script: &str) -> String {
    let complete = |line: &str| {
        let names = line.starts_with("'::profile") || line.starts_with("':profile") || line.starts_with("'::session");
        if names { line.replace("_default'", "_sstpctl_profiles'") } else { line.to_owned() }
    };
    let lines: Vec<_> = script.lines().map(complete).collect();
    let function = "_sstpctl_profiles() {\n    local -a profiles\n    profiles=(${(f)\"$(sstpctl list --names 2>/dev/null)\"})\n    \
        _describe -t profiles 'profiles' profiles\n}\n\n";
    let script = lines.join("\n") + "\n";
    match script.find("if [ \"$funcstack[1]\"") {
        Some(at) => format!("{}{function}{}", &script[..at], &script[at..]),
        None => script + function,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// `UPDATE_DOCS=1 cargo test --bin sstpctl` writes them anew.
    #[test]
    fn the_files_that_are_installed_are_current() {
        for (shell, file) in [(Shell::Bash, "sstpctl.bash"), (Shell::Zsh, "_sstpctl"), (Shell::Fish, "sstpctl.fish")] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/completions").join(file);
            let expected = script(shell);
            if std::env::var_os("UPDATE_DOCS").is_some() {
                std::fs::write(&path, &expected).expect("a file that can be written");
            }
            let is = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(is == expected, "{file}: UPDATE_DOCS=1 cargo test --bin sstpctl mends it");
        }
    }

    #[test]
    fn names_of_profiles_are_completed_where_they_are_expected() {
        assert_eq!(zsh("':profile -- x:_default' \\\n':name -- x:_default' \\\n"), {
            let function = zsh("");
            format!("':profile -- x:_sstpctl_profiles' \\\n':name -- x:_default' \\\n{}", &function[1..])
        });
        let positions = script(Shell::Zsh).matches(":_sstpctl_profiles'").count();
        assert_eq!(positions, 8, "connect, disconnect, status, logs; show, edit, remove, export");
    }
}
