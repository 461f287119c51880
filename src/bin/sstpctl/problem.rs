//! Why a command did not do what it was told, and the exit code that says so to scripts.

use std::fmt;
use std::io;
use std::path::Path;

use nm_sstp::tr;
use nm_sstp::words::of_service;

/// Exit codes. They are documented in sstpctl(1) and do not change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Anything that has no code of its own.
    Other = 1,
    /// The command line or a setting is wrong; nothing was done.
    Usage = 2,
    /// There is no helper on the system bus and none can be started, or it went away.
    NoHelper = 3,
    /// The system's policy does not allow it.
    NotAuthorized = 4,
    /// The server refused the user, or a secret is missing.
    Authentication = 5,
    /// The server cannot be reached, is not trusted or refused the connection.
    Server = 6,
    /// The tunnel has no usable addresses, or this machine could not be configured for it.
    Host = 7,
    /// There is no such profile or session.
    NotFound = 8,
    /// It took longer than was allowed.
    TimedOut = 9,
    /// A signal or the end of the terminal's input interrupted it.
    Interrupted = 10,
}

/// The exit codes as `--help` shows them.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done                           6  server unreachable, not trusted or refused
  1  any other failure              7  configuration of the network failed
  2  wrong usage                    8  no such profile or session
  3  no helper                      9  timed out
  4  not authorized                10  interrupted
  5  authentication refused            See sstpctl(1).";

/// A sentence for people and a code for scripts.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// How the program exits.
    pub exit: Exit,
    /// What goes to stderr; nothing where that would help nobody.
    pub sentence: Option<String>,
}

impl Problem {
    /// A problem that is told.
    pub fn new(exit: Exit, sentence: impl Into<String>) -> Self {
        Self { exit, sentence: Some(sentence.into()) }
    }

    /// One that has no code of its own.
    pub fn other(sentence: impl Into<String>) -> Self {
        Self::new(Exit::Other, sentence)
    }

    /// Something wrong in what the user wrote.
    pub fn usage(sentence: impl Into<String>) -> Self {
        Self::new(Exit::Usage, sentence)
    }

    /// A file that cannot be read, for a setting or as it was named.
    pub fn unreadable(path: &Path, setting: Option<&str>, error: &io::Error) -> Self {
        let (path, reason) = (path.display(), file_reason(error));
        Self::other(match setting {
            None => tr!("The file {path} cannot be read: {reason}.", path = path, reason = reason),
            Some(key) => tr!(
                "The file {path} cannot be read for the setting {key}: {reason}.",
                path = path,
                key = key,
                reason = reason
            ),
        })
    }

    /// A file that cannot be written.
    pub fn unwritable(path: &Path, error: &io::Error) -> Self {
        let reason = file_reason(error);
        Self::other(tr!("The file {path} cannot be written: {reason}.", path = path.display(), reason = reason))
    }

    /// No profile has this name.
    pub fn no_profile(name: &str) -> Self {
        Self::new(
            Exit::NotFound,
            tr!("There is no profile \"{name}\": \"sstpctl list\" shows those there are.", name = name),
        )
    }

    /// The helper was there and is not any more.
    pub fn helper_gone() -> Self {
        Self::new(Exit::NoHelper, tr!("The helper went away: see \"journalctl -u nm-sstp\"."))
    }

    /// From how a session ended (`Session1.Closed`).
    pub fn closed(kind: &str, error: &str) -> Self {
        let exit = match kind {
            "authentication" => Exit::Authentication,
            "connect" => Exit::Server,
            "ip-configuration" | "host" => Exit::Host,
            _ => Exit::Other,
        };
        Self::new(exit, sentence(&of_service(error)))
    }
}

fn file_reason(error: &io::Error) -> String {
    match error.kind() {
        // Translators: why a file cannot be read or written, in a sentence that ends with it
        io::ErrorKind::NotFound => tr!("there is no such file"),
        // Translators: why a file cannot be written, in a sentence that ends with it
        io::ErrorKind::AlreadyExists => tr!("it is there already"),
        // Translators: why a file cannot be read or written, in a sentence that ends with it
        io::ErrorKind::PermissionDenied => tr!("permission denied"),
        _ => error.to_string(),
    }
}

/// From what the bus says about a call of the helper.
impl From<zbus::Error> for Problem {
    fn from(error: zbus::Error) -> Self {
        let (name, message) = match &error {
            zbus::Error::MethodError(name, message, _) => (name.as_str(), message.as_deref().unwrap_or_default()),
            zbus::Error::FDO(fdo) => {
                return match &**fdo {
                    zbus::fdo::Error::ZBus(inner) => inner.clone().into(),
                    other => of_name(other_name(other).as_str(), &text_of(other)),
                };
            }
            zbus::Error::InputOutput(_) => {
                return Self::new(Exit::NoHelper, tr!("The system bus closed the connection."));
            }
            other => return Self::other(tr!("The helper's answer was not understood: {error}.", error = other)),
        };
        of_name(name, message)
    }
}

fn other_name(error: &zbus::fdo::Error) -> String {
    use zbus::DBusError as _;
    error.name().to_string()
}

fn text_of(error: &zbus::fdo::Error) -> String {
    use zbus::DBusError as _;
    error.description().unwrap_or_default().to_owned()
}

/// By the last word of a D-Bus error's name, whoever's it is: the bus, the helper or polkit.
fn of_name(name: &str, message: &str) -> Problem {
    let exit = match name.rsplit('.').next().unwrap_or_default() {
        "AccessDenied" | "NotAuthorized" | "AuthFailed" | "InteractiveAuthorizationRequired" => Exit::NotAuthorized,
        "MissingSecrets" => Exit::Authentication,
        "NoSuchProfile" | "NoSuchSession" | "UnknownObject" | "UnknownInterface" => Exit::NotFound,
        "InvalidArgs" | "BadArguments" | "BadSettings" => Exit::Usage,
        "ServiceUnknown" | "NameHasNoOwner" | "NoReply" | "Disconnected" => {
            return Problem::helper_gone();
        }
        "Leaving" => Exit::NoHelper,
        "Timeout" | "TimedOut" => Exit::TimedOut,
        _ => Exit::Other,
    };
    let text = match (exit, message) {
        (Exit::NotAuthorized, "") => tr!("The system's policy does not allow this to you."),
        (_, "") => tr!("The helper refused: {name}.", name = name),
        (_, message) => of_service(message),
    };
    Problem::new(exit, sentence(&text))
}

/// With a capital letter and a full stop.
pub fn sentence(text: &str) -> String {
    let text = text.trim();
    let mut characters = text.chars();
    let Some(first) = characters.next() else { return tr!("No reason was given.") };
    // A setting keeps its name.
    if text.split_whitespace().next().is_some_and(|word| word.contains('=')) {
        return format!("{text}{}", if text.ends_with('.') { "" } else { "." });
    }
    // also those of Chinese, Japanese and Persian
    let stop = if text.ends_with(['.', '!', '?', '。', '！', '？', '؟']) { "" } else { "." };
    format!("{}{}{stop}", first.to_uppercase(), characters.as_str())
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence.as_deref().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_errors_become_exit_codes() {
        for (name, exit) in [
            ("org.freedesktop.DBus.Error.AccessDenied", Exit::NotAuthorized),
            ("org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", Exit::NotAuthorized),
            ("org.sstpd.Error.NoSuchProfile", Exit::NotFound),
            ("org.freedesktop.DBus.Error.UnknownObject", Exit::NotFound),
            ("org.sstpd.Error.NotAuthorized", Exit::NotAuthorized),
            ("org.sstpd.Error.BadSettings", Exit::Usage),
            ("org.sstpd.Error.ProfileExists", Exit::Other),
            ("org.sstpd.Error.Leaving", Exit::NoHelper),
            ("org.freedesktop.DBus.Error.NameHasNoOwner", Exit::NoHelper),
            ("org.freedesktop.DBus.Error.Failed", Exit::Other),
        ] {
            assert_eq!(of_name(name, "why").exit, exit, "{name}");
        }
    }

    #[test]
    fn sentences() {
        assert_eq!(sentence(" nobody answers "), "Nobody answers.");
        assert_eq!(sentence("Why?"), "Why?");
        assert_eq!(sentence("第 2 行没有等号。"), "第 2 行没有等号。");
        assert_eq!(sentence("mtu=\"x\" is wrong"), "mtu=\"x\" is wrong.");
        assert_eq!(sentence(""), "No reason was given.");
    }

    #[test]
    fn a_session_that_ended_says_whose_fault_it_was() {
        for (kind, exit) in [
            ("authentication", Exit::Authentication),
            ("connect", Exit::Server),
            ("ip-configuration", Exit::Host),
            ("host", Exit::Host),
            ("", Exit::Other),
        ] {
            assert_eq!(Problem::closed(kind, "it ended"), Problem::new(exit, "It ended."));
        }
    }
}
