//! The program `resolvconf`, which collects the name servers of all interfaces: openresolv's or Debian's. The third of
//! that name belongs to systemd-resolved, which is asked on the bus.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use super::file::PATH;
use super::{Wanted, lines};
use crate::netconf::state::State;

/// Where the program may be, and what it is given to find others by.
const DIRECTORIES: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/// Debian's writes a file to which resolv.conf is a link.
const DEBIAN_FILE: &str = "/run/resolvconf/resolv.conf";

/// How long it may take; it waits for others of its kind for 10 s.
const LIMIT: Duration = Duration::from_secs(15);

/// Most characters of what it complains about.
const MAX_COMPLAINT: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Openresolv,
    Debian,
}

pub(super) async fn set(state: &mut State, wanted: &Wanted) -> Result<Option<String>, String> {
    let program = locate()?;
    let kind = kind(&program).await?;
    let record = record(wanted);
    let mut arguments = vec!["-a", record.as_str()];
    let mut note = None;
    match (kind, wanted.everything) {
        (Kind::Openresolv, true) => arguments.extend(["-m", "0", "-x"]),
        (Kind::Openresolv, false) if wanted.domains.is_empty() => {
            return Err("the server told no domain to ask its name servers for".to_owned());
        }
        (Kind::Openresolv, false) => {
            arguments.push("-p");
            note = Some(format!(
                "The name servers of {} are private to openresolv: they are asked for the server's domains where a local \
                 resolver is set up in resolvconf.conf(5), else not at all.",
                wanted.interface
            ));
        }
        (Kind::Debian, true) => {
            if fs::canonicalize(PATH).ok().as_deref() != Some(Path::new(DEBIAN_FILE)) {
                return Err(format!("{PATH} is no link to {DEBIAN_FILE}, so that what it writes is not read"));
            }
            note = Some(format!(
                "resolvconf puts the name servers of {} first; others stay behind them.",
                wanted.interface
            ));
        }
        (Kind::Debian, false) => return Err("Debian's cannot use name servers for some domains only".to_owned()),
    }
    let entered = state.enter(|journal| {
        journal.records.insert(record.clone());
    });
    entered.map_err(|error| error.to_string())?;
    match run(&program, &arguments, &lines(&wanted.servers, &wanted.domains)).await {
        Ok(_) => Ok(note),
        Err(reason) => {
            forget(state, &record).await;
            Err(reason)
        }
    }
}

/// The name of our record. By its begin Debian's knows a tunnel (interface-order(5)); openresolv is told by arguments.
pub(super) fn record(wanted: &Wanted) -> String {
    format!("tun.{}.nm-sstp", wanted.interface)
}

/// Takes a record away.
pub(super) async fn forget(state: &mut State, record: &str) {
    let forgotten = match locate() {
        Ok(program) => run(&program, &["-d", record], "").await.map(drop),
        Err(reason) => Err(reason),
    };
    if let Err(reason) = forgotten {
        tracing::warn!("resolvconf still has the name servers of a tunnel that is gone ({record}): {reason}.");
    }
    state.journal.records.remove(record);
    state.shorten();
}

pub(super) fn locate() -> Result<PathBuf, String> {
    let program =
        DIRECTORIES.iter().map(|directory| Path::new(directory).join("resolvconf")).find(|path| path.is_file());
    let program = program.ok_or("it is not installed")?;
    let target = fs::canonicalize(&program).map_err(|error| error.to_string())?;
    if target.file_name().is_some_and(|name| name == "resolvectl") {
        return Err("the program of that name is systemd-resolved's".to_owned());
    }
    Ok(program)
}

async fn kind(program: &Path) -> Result<Kind, String> {
    let output = run(program, &["--version"], "").await?;
    let version = String::from_utf8_lossy(&output.stdout);
    if version.starts_with("openresolv") {
        Ok(Kind::Openresolv)
    } else if version.starts_with("Debian resolvconf") {
        Ok(Kind::Debian)
    } else {
        Err(format!("{} is neither openresolv's nor Debian's", program.display()))
    }
}

/// Runs it with nothing of our environment.
async fn run(program: &Path, arguments: &[&str], input: &str) -> Result<Output, String> {
    let failed = |error: std::io::Error| format!("{} cannot be run ({error})", program.display());
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", DIRECTORIES.join(":"))
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
    let stdin = child.stdin.take();
    let talk = async {
        if let Some(mut stdin) = stdin {
            // One that does not read has its reasons, and tells them.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        child.wait_with_output().await
    };
    match timeout(LIMIT, talk).await {
        Ok(Ok(output)) if output.status.success() => Ok(output),
        Ok(Ok(output)) => {
            let complaint: String =
                String::from_utf8_lossy(&output.stderr).trim().chars().take(MAX_COMPLAINT).collect();
            Err(format!("it failed with {} ({})", output.status, complaint.escape_debug()))
        }
        Ok(Err(error)) => Err(failed(error)),
        Err(_) => {
            // The shell and what it has started.
            let _ = group.map(|group| killpg(group, Signal::SIGKILL));
            Err(format!("it took longer than {} s", LIMIT.as_secs()))
        }
    }
}
