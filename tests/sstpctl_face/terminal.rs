//! The program on a terminal: what a person would see and type.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::pty::{Winsize, openpty};
use nix::sys::termios::{LocalFlags, tcgetattr};

use tokio::time::Instant;

use super::PATIENCE;

pub struct Terminal {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<Vec<u8>>>,
    /// The side of the program, by which its settings can be read.
    slave: Option<OwnedFd>,
    left_echoing: bool,
    /// Reads what it writes.
    reader: Option<JoinHandle<()>>,
}

impl Terminal {
    /// `command` begins with `setsid --wait`: with `--ctty` its standard input becomes the terminal.
    pub fn start(command: Command) -> Self {
        let size = Winsize { ws_row: 50, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).expect("a terminal");
        let mut on_terminal = Command::new("setsid");
        on_terminal.arg("--ctty").args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => on_terminal.env(name, value),
                None => on_terminal.env_remove(name),
            };
        }
        let side = || Stdio::from(pty.slave.try_clone().expect("a descriptor"));
        let child = on_terminal.stdin(side()).stdout(side()).stderr(side()).spawn().expect("the program");
        let screen = Arc::new(Mutex::new(Vec::new()));
        let keyboard = File::from(pty.master);
        let (mut master, shown) = (keyboard.try_clone().expect("a descriptor"), screen.clone());
        let reader = std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(octets @ 1..) = master.read(&mut piece) {
                shown.lock().expect("no panic").extend_from_slice(&piece[..octets]);
            }
        });
        Self { child, keyboard, screen, slave: Some(pty.slave), left_echoing: false, reader: Some(reader) }
    }

    pub fn screen(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().expect("no panic")).into_owned()
    }

    #[track_caller]
    pub fn expect(&self, text: &str) {
        let start = Instant::now();
        while !self.screen().contains(text) {
            assert!(start.elapsed() < PATIENCE, "waited in vain for {text:?}: {:?}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn type_in(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).expect("a terminal");
    }

    /// Whether what is typed is shown; after the end: whether it was left so.
    pub fn echoes(&self) -> bool {
        self.slave.as_ref().map_or(self.left_echoing, |slave| {
            tcgetattr(slave).expect("a terminal").local_flags.contains(LocalFlags::ECHO)
        })
    }

    /// The exit code.
    #[track_caller]
    pub fn ends(&mut self) -> i32 {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            assert!(start.elapsed() < PATIENCE, "the program stays: {:?}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        };
        // The end of the terminal is behind what was written last.
        self.left_echoing = self.echoes();
        drop(self.slave.take());
        self.reader.take().expect("it ends once").join().expect("no panic");
        status.code().unwrap_or(-1)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
