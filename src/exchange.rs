//! Profiles of other programs, and ours, as files: read by [`import`], written by [`export`].
//!
//! Nothing here opens a file: octets go in and out, so that NetworkManager's plugin, `sstpctl` and a fuzzer use the same
//! code. A file may hold anything; what is too large, or too much, is refused. What a format says that a connection here
//! cannot hold, and what a connection holds that a format cannot say, is listed ([`Left`]), never dropped in silence.
//!
//! | format | read | written | as |
//! |---|---|---|---|
//! | [`Format::Toml`] | yes | yes | `sstpctl profile`'s own files |
//! | [`Format::Keyfile`] | yes | yes | NetworkManager's `.nmconnection` |
//! | [`Format::Phonebook`] | yes | yes | Windows' `rasphone.pbk` |
//! | [`Format::RouterOs`] | yes | yes | what MikroTik's `/interface sstp-client export` prints |
//! | [`Format::Peers`] | yes | yes | pppd's `/etc/ppp/peers/NAME` with `pty "sstpc ..."` |
//! | [`Format::CommandLine`] | yes | no | a command line of sstpc, also in a script or a unit; a peers file says the same |

mod connection;
mod encoding;
mod error;
mod format;
mod keyfile;
mod network;
mod peers;
mod phonebook;
mod routeros;
mod shell;
mod sstpc;
pub mod toml;

pub use connection::{Connection, Left, SecretValues};
pub use error::{Error, Fault};
pub use format::Format;
pub use network::{Family, Network, Route};

use zeroize::Zeroizing;

use crate::profile::Gateway;
use crate::tr;

/// Most octets of a file that is read.
pub const MAX_OCTETS: usize = 1024 * 1024;

/// Most connections that are taken from one file.
pub const MAX_CONNECTIONS: usize = 256;

/// Most routes of a connection and a family, and most notes on what was left.
const MAX_ENTRIES: usize = 512;

/// What a file comes to.
#[derive(Debug)]
pub struct Imported {
    /// What it was read as.
    pub format: Format,
    /// The connections in it, in their order; at least one.
    pub connections: Vec<Connection>,
    /// What else is in it, which is no connection of SSTP.
    pub skipped: Vec<Skipped>,
    /// Sentences about the file as a whole, such as what was assumed.
    pub notes: Vec<String>,
}

/// An entry of a file that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its name, as far as it has one.
    pub name: String,
    /// Why; a whole sentence that names it.
    pub sentence: String,
}

/// A connection in the octets of a format.
#[derive(Debug)]
pub struct Exported {
    /// The file; wiped when dropped, since it may hold secrets.
    pub octets: Zeroizing<Vec<u8>>,
    /// What the format cannot say.
    pub left: Vec<Left>,
}

impl Exported {
    /// The same with its `left` as comments at the head of the file: whoever gets it reads there what is not in it, and a
    /// program with windows has no other place to say so.
    fn commented(self) -> Self {
        // a name in a sentence may have a line's end in it, which would end the comment
        let line = |left: &Left| format!("# {}\n", left.sentence.replace(char::is_control, " "));
        let comments: String = self.left.iter().map(line).collect();
        // It never grows, which would leave a copy of a secret behind.
        let mut octets = Zeroizing::new(Vec::with_capacity(comments.len() + self.octets.len()));
        octets.extend(comments.bytes());
        octets.extend_from_slice(&self.octets);
        Self { octets, left: self.left }
    }
}

/// Whether secrets are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confidential {
    /// They are left out, and listed as such.
    LeaveOut,
    /// They are written, in clear.
    Include,
}

/// Reads the connections of a file. The format is known by what is in it, and by the ending of `file_name` only where it
/// could be more than one; the name of the file is also that of a connection that has none.
///
/// # Errors
///
/// It is too large, of no known format, broken, or has no connection of SSTP.
pub fn import(octets: &[u8], file_name: &str) -> Result<Imported, Error> {
    if octets.len() > MAX_OCTETS {
        return Err(Error::TooLarge);
    }
    let (text, assumed) = encoding::decode(octets);
    let format = Format::recognize(&text, file_name).ok_or(Error::UnknownFormat)?;
    let mut found = Found::default();
    match format {
        Format::Toml => toml::import(&text, &mut found)?,
        Format::Keyfile => keyfile::import(&text, &mut found)?,
        Format::Phonebook => phonebook::import(&text, &mut found),
        Format::RouterOs => routeros::import(&text, &mut found),
        Format::Peers => peers::import(&text, &mut found),
        Format::CommandLine => sstpc::import(&text, &mut found),
    }
    let Found { mut connections, skipped } = found;
    if connections.is_empty() {
        return Err(Error::NoConnection { format, skipped });
    }
    let stem = stem(file_name);
    for connection in &mut connections {
        if connection.name.trim().is_empty() {
            let host = || connection.settings.get("gateway").cloned().unwrap_or_default();
            connection.name = if stem.is_empty() { host() } else { stem.to_owned() };
        }
    }
    Ok(Imported { format, connections, skipped, notes: assumed.into_iter().collect() })
}

/// Writes a connection in a format. What of it was left on the way here is left out, too, and listed. The list is also in
/// the file, where the format has comments; a phone book has none that Microsoft's description knows of.
///
/// # Errors
///
/// The format is not one that is written, or the connection has no gateway that it can name.
pub fn export(connection: &Connection, format: Format, confidential: Confidential) -> Result<Exported, Error> {
    let whole = || connection.with_network_of_keys();
    let mut exported = match format {
        Format::Toml => toml::export(connection, confidential),
        Format::Keyfile => keyfile::export(connection, confidential),
        Format::Phonebook => phonebook::export(&whole(), confidential)?,
        Format::RouterOs => routeros::export(&whole(), confidential)?,
        Format::Peers => peers::export(&whole(), confidential)?,
        Format::CommandLine => return Err(Error::NotWritten(format)),
    };
    exported.left.splice(0..0, connection.left.iter().cloned());
    Ok(if format == Format::Phonebook { exported } else { exported.commented() })
}

/// What the readers of the formats gather.
#[derive(Default)]
struct Found {
    connections: Vec<Connection>,
    skipped: Vec<Skipped>,
}

impl Found {
    /// Whether there is room for more; otherwise that is said once.
    fn has_room(&mut self) -> bool {
        let full = self.connections.len() + self.skipped.len() >= MAX_CONNECTIONS;
        if full && self.skipped.last().is_none_or(|last| !last.name.is_empty()) {
            let sentence =
                tr!("The file has more than {number} entries; the rest was not read.", number = MAX_CONNECTIONS);
            self.skipped.push(Skipped { name: String::new(), sentence });
        }
        !full
    }

    fn skip(&mut self, name: &str, sentence: String) {
        self.skipped.push(Skipped { name: name.to_owned(), sentence });
    }

    /// Takes a connection, where a tunnel could be made to its gateway at all.
    fn take(&mut self, connection: Connection) {
        let name = connection.name.clone();
        let gateway = connection.setting("gateway").unwrap_or_default().to_owned();
        let fault = Gateway::parse(&gateway).err();
        let gateway = gateway.escape_debug();
        let sentence = match (fault, gateway.to_string().trim(), name.as_str()) {
            (None, ..) => return self.connections.push(connection),
            (Some(_), "", "") => tr!("A connection without a name has no server, or one that only a shell could know."),
            (Some(_), "", name) => tr!("The connection {name} has no server.", name = name),
            (Some(reason), gateway, "") => {
                tr!("The server {gateway} cannot be used. {sentence}", gateway = gateway, sentence = reason.sentence())
            }
            (Some(reason), gateway, name) => {
                tr!(
                    "The server {gateway} of {name} cannot be used. {sentence}",
                    gateway = gateway,
                    name = name,
                    sentence = reason.sentence()
                )
            }
        };
        self.skip(&name, sentence);
    }
}

/// The name of a file without its directories and its ending.
fn stem(file_name: &str) -> &str {
    let name = file_name.rsplit(['/', '\\']).next().unwrap_or_default();
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    }
}
