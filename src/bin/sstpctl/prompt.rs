//! Questions on the terminal. The terminal is `/dev/tty`, so that standard input and output may be files. Reading waits
//! in the event loop: a signal, or the end of the session, ends the question, and the terminal is as it was before.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;

use nix::libc;
use nix::sys::termios::{LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr};
use nm_sstp::profile::{Secret, Tag};
use nm_sstp::tr;
use nm_sstp::words::of_service;
use tokio::io::unix::AsyncFd;
use zeroize::Zeroizing;

use crate::events::Question;
use crate::printable;
use crate::problem::{Exit, Problem};

/// Most octets of an answer: the terminal's own bound for a line (termios(3)).
const MAX_LINE: usize = 4096;
/// How often a new password is asked for until it is the same twice.
const ATTEMPTS: u32 = 3;

/// Answers: names of secrets as they were asked for, and their values.
pub type Answers = Vec<(String, Zeroizing<String>)>;

/// The terminal of this process.
#[derive(Debug)]
pub struct Terminal(AsyncFd<File>);

impl Terminal {
    /// `None` where the process has no terminal.
    pub fn open() -> Option<Self> {
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
        let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open("/dev/tty").ok()?;
        // SAFETY: the file owns its descriptor, and is dropped only after it was taken out of the event loop.
        unsafe { AsyncFd::register(file) }.ok().map(Self)
    }

    /// Goes to the next line, away from a question that is not asked any more.
    pub fn end_line(&self) {
        let _ = self.write("\n");
    }

    /// Asks for every secret of a question, in its order.
    ///
    /// # Errors
    ///
    /// [`Exit::Interrupted`] where the input ends; the terminal cannot be used.
    pub async fn answer(&self, question: &Question) -> Result<Answers, Problem> {
        let message = printable::lines(&of_service(&question.message));
        if !message.is_empty() {
            self.write(&format!("{message}\n"))?;
        }
        for _ in 0..ATTEMPTS {
            let answers = self.ask_all(&question.secrets).await?;
            let of = |wanted: Secret| {
                let found = answers.iter().find(|(name, _)| Secret::from_hint(name).is_some_and(|(s, _)| s == wanted));
                found.map(|(_, value)| value.as_str())
            };
            match (of(Secret::Password), of(Secret::PasswordAgain)) {
                (Some(new), Some(again)) if new != again => {
                    self.write(&(tr!("The two new passwords are not the same. Once more, please.") + "\n"))?;
                }
                _ => return Ok(answers),
            }
        }
        Err(Problem::new(Exit::Authentication, tr!("The two new passwords were not the same.")))
    }

    async fn ask_all(&self, hints: &[String]) -> Result<Answers, Problem> {
        let known: Vec<_> = hints.iter().filter_map(|hint| Secret::from_hint(hint)).collect();
        let together: Vec<_> = known.iter().map(|(secret, _)| *secret).collect();
        let mut answers = Vec::new();
        for hint in hints {
            let (secret, tag) = match Secret::from_hint(hint) {
                Some((secret, tag)) => (Some(secret), tag),
                None => (None, Tag::split(hint).0),
            };
            let label = secret.and_then(|secret| secret.label(&together));
            let label = label.unwrap_or_else(|| printable::line(Tag::split(hint).1));
            let visible = secret == Some(Secret::User) || tag == Tag::ChallengeEcho;
            answers.push((hint.clone(), self.ask(&label, visible).await?));
        }
        Ok(answers)
    }

    /// Asks for one line.
    async fn ask(&self, label: &str, visible: bool) -> Result<Zeroizing<String>, Problem> {
        let hidden =
            if visible { None } else { Some(Hidden::new(self.0.get_ref()).map_err(|error| unusable(error.into()))?) };
        self.write(&format!("{label}: "))?;
        let line = self.line().await;
        if hidden.is_some() {
            drop(hidden);
            self.write("\n")?;
        }
        line
    }

    async fn line(&self) -> Result<Zeroizing<String>, Problem> {
        // It never grows, which would leave a copy behind.
        let mut line = Zeroizing::new(Vec::with_capacity(2 * MAX_LINE));
        let mut piece = Zeroizing::new([0; MAX_LINE]);
        loop {
            let mut ready = self.0.readable().await.map_err(unusable)?;
            let octets = match ready.try_io(|tty| tty.get_ref().read(&mut piece[..])) {
                Ok(Ok(octets)) => octets,
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => continue,
                Ok(Err(error)) => return Err(unusable(error)),
                Err(_) => continue,
            };
            if octets == 0 && line.is_empty() {
                return Err(Problem::new(Exit::Interrupted, tr!("The question was not answered.")));
            }
            let room = 2 * MAX_LINE - line.len();
            line.extend_from_slice(&piece[..octets.min(room)]);
            if octets == 0 || line.ends_with(b"\n") || line.len() >= MAX_LINE {
                break;
            }
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        match std::str::from_utf8(text) {
            Ok(text) => Ok(Zeroizing::new(text.to_owned())),
            Err(_) => Err(Problem::other(tr!("The answer is not text in UTF-8: check the terminal's character set."))),
        }
    }

    fn write(&self, text: &str) -> Result<(), Problem> {
        // A terminal takes a few lines at once, also one that is not to wait.
        self.0.get_ref().write_all(text.as_bytes()).map_err(unusable)
    }
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden<'a> {
    tty: &'a File,
    before: Termios,
}

impl<'a> Hidden<'a> {
    fn new(tty: &'a File) -> nix::Result<Self> {
        let before = tcgetattr(tty)?;
        let mut hidden = before.clone();
        hidden.local_flags.remove(LocalFlags::ECHO | LocalFlags::ECHOE | LocalFlags::ECHOK | LocalFlags::ECHONL);
        hidden.local_flags.insert(LocalFlags::ICANON | LocalFlags::ISIG);
        // Whoever stops us here and comes back would find a terminal that shows what is typed (0: no such key).
        hidden.control_chars[SpecialCharacterIndices::VSUSP as usize] = 0;
        // What was typed before the question is no answer to it.
        tcsetattr(tty, SetArg::TCSAFLUSH, &hidden)?;
        Ok(Self { tty, before })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.tty, SetArg::TCSAFLUSH, &self.before);
    }
}

fn unusable(error: io::Error) -> Problem {
    Problem::other(tr!("The terminal cannot be used: {error}.", error = error))
}
