//! What the tests of `sstpctl` need: a message bus of their own with a helper that plays a part, and the program, with pipes
//! or on a terminal.

mod bus;
mod helper;
mod terminal;

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tokio::time::Instant;

pub use bus::Bus;
pub use helper::FakeHelper;
pub use terminal::Terminal;

/// The password that the fake helper takes.
pub const PASSWORD: &str = "hunter2-correct-horse";
/// What a hostile server says: it clears the screen and sets the title.
pub const HOSTILE: &str = "\x1b[2J\x1b]0;owned\x07 evil \u{202e}text";
/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A bus, and the helper on it.
pub struct World {
    pub bus: Bus,
    pub helper: FakeHelper,
}

impl World {
    /// `None` where there is no dbus-daemon, which is said on stderr.
    pub fn new() -> Option<Self> {
        let bus = Bus::start()?;
        let helper = FakeHelper::start(&bus.address());
        Some(Self { bus, helper })
    }

    /// The program, which will talk to this helper.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.bus.command(arguments)
    }

    /// Runs the program to its end, without a terminal or any input.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.bus.run(arguments)
    }

    /// Runs the program on a terminal of its own.
    pub fn on_terminal(&self, arguments: &[&str]) -> Terminal {
        Terminal::start(self.command(arguments))
    }

    /// A file in the directory of this world.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.bus.directory.join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// An executable script in the directory of this world.
    pub fn script(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.file(name, text);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("our file");
        path
    }
}

/// What the program did.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// The output of a program that has to have succeeded without a word on stderr.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        self.out
    }

    /// What stderr has after the program failed with this code: one sentence.
    #[track_caller]
    pub fn fails(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        assert!(self.err.starts_with("sstpctl: ") || code == 2, "{}", self.err);
        assert!(self.err.ends_with(".\n") || self.err.ends_with("?\n") || code == 2, "{}", self.err);
        self.err
    }

    pub fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.ok()).expect("JSON")
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |octets| String::from_utf8(octets).expect("text");
        Self { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// Runs a command without a terminal: it is the first process of a session that has none.
pub fn run(command: &mut Command) -> Ran {
    command.stdin(Stdio::null()).output().expect("the program").into()
}

/// Waits until something is so.
#[track_caller]
pub fn wait_for(mut is_so: impl FnMut() -> bool, what: &str) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
