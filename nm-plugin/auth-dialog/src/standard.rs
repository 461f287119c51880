//! Standard mode: the dialog itself asks the person, in its window, and the agent gets names and values in lines.

use std::fs::File;
use std::io::Read;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nm_sstp::profile::NO_SECRET;
use nm_sstp::tr;
use nm_sstp_auth_dialog::wiped::Wiped;
use zeroize::Zeroizing;

use crate::prompt::Prompt;

/// How long the agent may take to read the answer and say `QUIT`.
const QUIT_TIMEOUT: Duration = Duration::from_secs(20);

/// The answer to `prompt`: the name and the value of each known secret on a line each, and two empty lines.
///
/// # Errors
///
/// A sentence, where a value cannot be told in lines.
pub fn render(prompt: &Prompt) -> Result<Wiped, String> {
    let mut answer = Wiped::default();
    for entry in &prompt.entries {
        let Some(value) = &entry.value else { continue };
        if value.contains('\n') {
            return Err(tr!(
                "The secret {name} has a line end in it, which an agent cannot be told here.",
                name = entry.secret.name()
            ));
        }
        for line in [&entry.secret.hint(entry.tag), value.as_str()] {
            answer.push(line.as_bytes());
            answer.push(b"\n");
        }
    }
    if prompt.entries.is_empty() {
        answer.push(NO_SECRET.as_bytes());
        answer.push(b"\ntrue\n");
    }
    answer.push(b"\n\n");
    Ok(answer)
}

/// Waits until the agent says `QUIT` or closes the pipe, but not for ever: some agents lose what was not read when the
/// program ends. `heard` is what came in before.
pub fn wait_for_quit(mut stdin: File, heard: Vec<u8>) {
    let (quit, has_quit) = mpsc::channel::<()>();
    thread::spawn(move || {
        // Dropped with the thread, which wakes the receiver.
        let _quit = quit;
        let mut heard = Zeroizing::new(heard);
        let mut chunk = Zeroizing::new([0; 64]);
        while !heard.windows(4).any(|word| word == b"QUIT") {
            // The last three octets may be the beginning of the word.
            let forget = heard.len().saturating_sub(3);
            heard.drain(..forget);
            match stdin.read(&mut *chunk) {
                Ok(0) | Err(_) => return,
                Ok(count) => heard.extend_from_slice(&chunk[..count]),
            }
        }
    });
    // An error is the thread's end or the time's.
    let _ = has_quit.recv_timeout(QUIT_TIMEOUT);
}
