//! The command line, once: `--help`, the completions and the check of the man page are made of it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use nm_sstp::exchange;
use nm_sstp::tr;

use crate::problem::EXIT_CODES;

/// Brings SSTP VPN connections up and down by the helper nm-sstp-service.
#[derive(Debug, Parser)]
#[command(name = "sstpctl", version, after_help = EXIT_CODES, infer_subcommands = false, max_term_width = 100)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Connect a stored profile, or a gateway by settings given here
    Connect(Connect),
    /// End a session and undo what it changed on this machine
    Disconnect(Disconnect),
    /// Show sessions: state, addresses, routes, encryption, traffic
    Status(Status),
    /// List the stored profiles and what is connected
    List(List),
    /// Look at a server without logging in: certificate, TLS, SSTP, authentication
    Probe(Probe),
    /// Show and change stored profiles
    #[command(subcommand)]
    Profile(Profile),
    /// Show what the helper wrote to the journal
    Logs(Logs),
    /// Write a completion script to standard output
    #[command(hide = true)]
    Completions {
        /// For which shell
        shell: Shell,
    },
    /// Show the versions of this program and of the helper that runs
    Version,
}

/// `connect`
#[derive(Args, Debug)]
#[command(override_usage = "sstpctl connect [OPTIONS] <PROFILE>\n       sstpctl connect [OPTIONS] --gateway <HOST>")]
pub struct Connect {
    /// Name of a stored profile
    #[arg(required_unless_present = "gateway", conflicts_with_all = ["gateway", "user", "set"])]
    pub profile: Option<String>,
    /// Server to connect to, without a profile: NAME, NAME:PORT, an address
    #[arg(long, value_name = "HOST", value_hint = ValueHint::Hostname)]
    pub gateway: Option<String>,
    /// User name at that server; asked for where it is missing
    #[arg(long, value_name = "NAME", requires = "gateway")]
    pub user: Option<String>,
    /// One more setting, as in nm-sstp(5); may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair, requires = "gateway")]
    pub set: Vec<(String, String)>,
    /// Give up, and disconnect, after this many seconds; 0: do not wait at all
    #[arg(long, value_name = "SECONDS")]
    pub wait: Option<u32>,
    /// Never ask for anything: a secret that is missing is an error
    #[arg(long)]
    pub no_ask: bool,
    /// Where the password comes from
    #[command(flatten)]
    pub password: Password,
    /// Stay until the session ends; SIGINT and SIGTERM end it
    #[arg(long)]
    pub foreground: bool,
}

/// Where a password comes from. It is never an argument, which every user of the machine could read.
#[derive(Args, Debug)]
pub struct Password {
    /// Read the password from the first line of a file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "password_stdin")]
    pub password_file: Option<PathBuf>,
    /// Read the password from the first line of standard input
    #[arg(long)]
    pub password_stdin: bool,
}

/// `disconnect`
#[derive(Args, Debug)]
pub struct Disconnect {
    /// Number or interface of a session, or name of its profile; not needed where you have only one
    #[arg(value_name = "SESSION|PROFILE", conflicts_with = "all")]
    pub session: Option<String>,
    /// End all of your sessions (root: all sessions)
    #[arg(long)]
    pub all: bool,
    /// How long to wait until everything is undone
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub wait: u32,
}

/// `status`
#[derive(Args, Debug)]
pub struct Status {
    /// Number or interface of a session, or name of its profile; all sessions where it is missing
    #[arg(value_name = "SESSION|PROFILE")]
    pub session: Option<String>,
    /// Show it again every second, with rates and a graph, until interrupted
    #[arg(long, short)]
    pub watch: bool,
    /// As JSON; with --watch one object per line
    #[arg(long)]
    pub json: bool,
}

/// `list`
#[derive(Args, Debug)]
pub struct List {
    /// As JSON
    #[arg(long, conflicts_with = "names")]
    pub json: bool,
    /// Only the names of the profiles, one per line
    #[arg(long)]
    pub names: bool,
}

/// `probe`
#[derive(Args, Debug)]
pub struct Probe {
    /// Server: NAME, NAME:PORT, an address
    #[arg(value_name = "HOST[:PORT]", value_hint = ValueHint::Hostname)]
    pub host: String,
    /// A setting that says how to reach it or what to accept, such as ca-cert; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub set: Vec<(String, String)>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `profile`
#[derive(Debug, Subcommand)]
pub enum Profile {
    /// Store a new profile
    Add(Add),
    /// Show a profile, without its secrets
    Show {
        /// Name of the profile
        profile: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Change a profile in an editor, or by --set and --unset
    Edit(Edit),
    /// Remove a profile and its secrets
    Remove {
        /// Name of the profile
        profile: String,
    },
    /// Store profiles from a file of ours, NetworkManager, Windows, RouterOS, sstpc or pppd
    Import(Import),
    /// Write a profile as a file, for us or for another program
    Export(Export),
}

/// `profile add`
#[derive(Args, Debug)]
pub struct Add {
    /// Name of the new profile
    pub name: String,
    /// Server: NAME, NAME:PORT, an address
    #[arg(long, value_name = "HOST", value_hint = ValueHint::Hostname)]
    pub gateway: String,
    /// User name; asked for at every connection where it is missing
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// One more setting, as in nm-sstp(5); may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub set: Vec<(String, String)>,
    /// A password to be kept with the profile
    #[command(flatten)]
    pub password: Password,
    /// Also where there is a profile of that name
    #[arg(long)]
    pub replace: bool,
}

/// `profile edit`
#[derive(Args, Debug)]
pub struct Edit {
    /// Name of the profile
    pub profile: String,
    /// Set this and start no editor; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub set: Vec<(String, String)>,
    /// Take this setting away and start no editor; may be repeated
    #[arg(long, value_name = "KEY")]
    pub unset: Vec<String>,
    /// A new password to be kept with the profile
    #[command(flatten)]
    pub password: Password,
}

/// `profile import`
#[derive(Args, Debug)]
pub struct Import {
    /// The file; its format is known by what is in it
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The connection to take from a file with several, by its name there
    #[arg(long, value_name = "NAME")]
    pub entry: Option<String>,
    /// Take all connections of the file
    #[arg(long, conflicts_with_all = ["entry", "name"])]
    pub all: bool,
    /// Name of the profile; where it is missing, the connection's, else the file's
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Also where there is a profile of that name
    #[arg(long)]
    pub replace: bool,
}

/// `profile export`
#[derive(Args, Debug)]
pub struct Export {
    /// Name of the profile
    pub profile: String,
    /// The format; where it is missing, that of the file's ending, else toml
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// File to write, which must not be there yet; standard output where it is missing
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Write the secrets, too, in clear; only who may read them in /etc/nm-sstp can do so
    #[arg(long)]
    pub secrets: bool,
}

/// A format that profiles are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Our own, for sstpctl profile import
    Toml,
    /// A connection of NetworkManager
    Nmconnection,
    /// A phone book of Windows (rasphone.pbk)
    Pbk,
    /// A command for MikroTik's RouterOS
    Routeros,
    /// A peers file for pppd and sstpc
    Peers,
}

impl From<Format> for exchange::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Toml => Self::Toml,
            Format::Nmconnection => Self::Keyfile,
            Format::Pbk => Self::Phonebook,
            Format::Routeros => Self::RouterOs,
            Format::Peers => Self::Peers,
        }
    }
}

/// `logs`
#[derive(Args, Debug)]
pub struct Logs {
    /// Number or interface of a session, or name of its profile; everything where it is missing
    #[arg(value_name = "SESSION|PROFILE")]
    pub session: Option<String>,
    /// Go on showing what is written
    #[arg(long, short)]
    pub follow: bool,
}

/// A shell that can complete our command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Shell {
    /// GNU Bash
    Bash,
    /// Z shell
    Zsh,
    /// The friendly interactive shell
    Fish,
}

/// `KEY=VALUE`
fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err(tr!("it is not KEY=VALUE")),
    }
}

#[cfg(test)]
mod tests;
