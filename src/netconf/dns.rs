//! Name servers and domains.
//!
//! Three ways are tried in this order, and why one is not gone is logged:
//!
//! 1. systemd-resolved ([`resolved`]), where `/etc/resolv.conf` leads to it. In full mode every name is asked for through
//!    the tunnel, else the server's domains alone.
//! 2. `resolvconf` ([`resolvconf`]): openresolv or Debian's.
//! 3. `/etc/resolv.conf` itself ([`file`]).
//!
//! What is in `/etc/resolv.conf` is asked for every name. So without systemd-resolved a tunnel in full mode replaces what
//! is there, and one in split mode must not be in it: its name servers know nothing of the rest of the world, or would
//! hear of all that is looked up. There is a note about it then; with openresolv they are marked as private, so that
//! a local resolver that openresolv feeds asks them for the server's domains.

pub(super) mod file;
mod resolvconf;
mod resolved;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use super::intent::{Intent, Mode, is_link_local};
use super::state::State;
use crate::wire::domain::is_host_name;

/// Most name servers of a tunnel; the C library asks three.
const MAX_SERVERS: usize = 8;
/// Most domains of a tunnel; older C libraries search six.
const MAX_DOMAINS: usize = 32;

/// What is to be set up for a tunnel. All of it can stand in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    interface: String,
    /// Index of the interface.
    index: u32,
    /// Every name is asked for through the tunnel.
    everything: bool,
    /// Place among the tunnels; the lowest is first.
    rank: (u32, std::cmp::Reverse<u64>),
    servers: Vec<IpAddr>,
    domains: Vec<String>,
}

/// A way to set up DNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Resolved,
    Resolvconf,
    File,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Way::Resolved => "systemd-resolved",
            Way::Resolvconf => "resolvconf",
            Way::File => "/etc/resolv.conf",
        })
    }
}

struct Applied {
    wanted: Wanted,
    /// `None`: none could be gone.
    way: Option<Way>,
}

/// Whether `resolvconf` is the way on this machine.
pub(super) fn needs_programs() -> bool {
    !resolved::manages_file() && resolvconf::locate().is_ok()
}

/// The DNS of all tunnels.
#[derive(Default)]
pub(super) struct Names {
    applied: BTreeMap<u32, Applied>,
}

impl Names {
    /// Removes what a process that was killed has left.
    pub(super) async fn recover(&mut self, state: &mut State) {
        for record in state.journal.records.clone() {
            resolvconf::forget(state, &record).await;
        }
        file::restore(state);
    }

    /// Sets up what is wanted for a session, in the place of what was. Returns notes for the log.
    pub(super) async fn set(&mut self, state: &mut State, session: u32, wanted: Option<Wanted>) -> Vec<String> {
        let Some(wanted) = wanted else {
            self.unset(state, session).await;
            return Vec::new();
        };
        let before = self.applied.remove(&session);
        if let Some(before) = before.as_ref().filter(|before| before.wanted == wanted) {
            let way = before.way;
            self.applied.insert(session, Applied { wanted, way });
            return Vec::new();
        }
        let mut refusals = Vec::new();
        for way in [Way::Resolved, Way::Resolvconf, Way::File] {
            match self.go(state, way, &wanted).await {
                Ok(note) => {
                    if let Some(before) = before.filter(|before| before.way != Some(way)) {
                        self.leave(state, before).await;
                    }
                    tracing::info!("DNS of {} is set up by {way}.", wanted.interface);
                    self.applied.insert(session, Applied { wanted, way: Some(way) });
                    return note.into_iter().collect();
                }
                Err(reason) => refusals.push(format!("{way}: {reason}")),
            }
        }
        if let Some(before) = before {
            self.leave(state, before).await;
        }
        let note = not_set(&wanted, &refusals);
        self.applied.insert(session, Applied { wanted, way: None });
        vec![note]
    }

    /// Takes the DNS of a session away.
    pub(super) async fn unset(&mut self, state: &mut State, session: u32) {
        if let Some(applied) = self.applied.remove(&session) {
            self.leave(state, applied).await;
        }
    }

    /// Goes this way, unless it cannot be gone: the reason as a sentence without its begin.
    async fn go(&self, state: &mut State, way: Way, wanted: &Wanted) -> Result<Option<String>, String> {
        let result = match way {
            Way::Resolved => resolved::set(wanted).await,
            Way::Resolvconf => resolvconf::set(state, wanted).await,
            Way::File if !wanted.everything => {
                Err("what is in it is asked for every name, and this tunnel is for some networks only".to_owned())
            }
            Way::File => file::update(state, &self.in_file(Some(wanted))).map(|()| None),
        };
        if let Err(reason) = &result {
            tracing::info!("DNS of {} is not set up by {way}: {reason}.", wanted.interface);
        }
        result
    }

    async fn leave(&self, state: &mut State, applied: Applied) {
        match applied.way {
            Some(Way::Resolved) => resolved::revert(&applied.wanted).await,
            Some(Way::Resolvconf) => resolvconf::forget(state, &resolvconf::record(&applied.wanted)).await,
            Some(Way::File) => match self.in_file(None) {
                rest if rest.is_empty() => file::restore(state),
                rest => {
                    if let Err(reason) = file::update(state, &rest) {
                        tracing::warn!("/etc/resolv.conf still names the servers of a tunnel that is gone: {reason}.");
                    }
                }
            },
            None => {}
        }
    }

    /// What is in the file, this one included, the first in rank first.
    fn in_file<'a>(&'a self, also: Option<&'a Wanted>) -> Vec<&'a Wanted> {
        let others = self.applied.values().filter(|applied| applied.way == Some(Way::File));
        let mut all: Vec<&Wanted> = others.map(|applied| &applied.wanted).chain(also).collect();
        all.sort_by_key(|wanted| wanted.rank);
        all
    }
}

fn not_set(wanted: &Wanted, refusals: &[String]) -> String {
    let servers: Vec<String> = wanted.servers.iter().map(IpAddr::to_string).collect();
    let advice = if wanted.everything {
        "make one of these usable"
    } else {
        "let systemd-resolved manage /etc/resolv.conf, or a local resolver ask them for the server's domains"
    };
    format!(
        "The name servers of {} ({}) are not set up; to use them, {advice}. {}.",
        wanted.interface,
        servers.join(", "),
        refusals.join("; ")
    )
}

/// What can be used of the intent's name servers and domains, and notes about what cannot.
pub(super) fn check(intent: &Intent, index: u32, age: u64) -> (Option<Wanted>, Vec<String>) {
    let mut notes = Vec::new();
    let Some(dns) = &intent.dns else { return (None, notes) };
    let mut servers = Vec::new();
    for server in dns.servers.iter().take(MAX_SERVERS) {
        if !is_usable(*server) {
            notes.push(format!("{server} cannot be the address of a name server; it is ignored."));
        } else if !intent.has_family_of(*server) {
            notes.push(format!("The name server {server} cannot be reached through {}.", intent.interface));
        } else if !servers.contains(server) {
            servers.push(*server);
        }
    }
    let mut domains: Vec<String> = Vec::new();
    for domain in dns.domains.iter().take(MAX_DOMAINS) {
        let name = domain.strip_suffix('.').unwrap_or(domain);
        if !is_host_name(name) {
            notes.push(format!("The server told a domain that is none, {domain:?}; it is ignored."));
        } else if !domains.iter().any(|other| other.eq_ignore_ascii_case(name)) {
            domains.push(name.to_owned());
        }
    }
    if servers.is_empty() && domains.is_empty() {
        return (None, notes);
    }
    let wanted = Wanted {
        interface: intent.interface.clone(),
        index,
        everything: intent.mode == Mode::Full,
        rank: (intent.metric, std::cmp::Reverse(age)),
        servers,
        domains,
    };
    (Some(wanted), notes)
}

fn is_usable(server: IpAddr) -> bool {
    let broadcast = matches!(server, IpAddr::V4(address) if address.is_broadcast());
    !(server.is_unspecified() || server.is_loopback() || server.is_multicast() || broadcast || is_link_local(server))
}

/// The lines of resolv.conf(5) for these.
fn lines(servers: &[IpAddr], domains: &[String]) -> String {
    let mut text = String::new();
    if !domains.is_empty() {
        text.push_str(&format!("search {}\n", domains.join(" ")));
    }
    text.extend(servers.iter().map(|server| format!("nameserver {server}\n")));
    text
}

#[cfg(test)]
mod tests;
