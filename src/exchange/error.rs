//! Why a file is no connection, or a connection no file.

use std::fmt;

use super::{Format, MAX_OCTETS, Skipped};
use crate::tr;

/// A whole sentence for people, in their language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The file has more than [`MAX_OCTETS`].
    TooLarge,
    /// The file is of none of the formats.
    UnknownFormat,
    /// A line is not as its format has it.
    Line {
        /// The format.
        format: Format,
        /// The number of the line, the first being 1.
        line: usize,
        /// What is wrong with it.
        fault: Fault,
    },
    /// There is nothing in the file that could be taken.
    NoConnection {
        /// What it was read as.
        format: Format,
        /// What is in it.
        skipped: Vec<Skipped>,
    },
    /// This format is read only.
    NotWritten(Format),
    /// The connection has no gateway that can be used, as every format but ours must have.
    NoGateway,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A `[` without its `]`.
    Bracket,
    /// Neither a group nor a key with a value, or a key that is there twice in TOML.
    Form,
    /// A key before the first group.
    NoGroup,
    /// A backslash before something that means nothing.
    Escape,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&match self {
            Self::TooLarge => {
                tr!("The file is too large: it has more than {number} KiB.", number = MAX_OCTETS / 1024)
            }
            Self::UnknownFormat => {
                tr!("The file is of no known kind: it is no phone book of Windows, connection of NetworkManager, TOML profile, sstpc command line, pppd peers file or RouterOS export.")
            }
            Self::Line { format: Format::Toml, line, .. } => {
                tr!("Line {line} is not KEY = \"VALUE\", or its key is there twice.", line = line)
            }
            Self::Line { line, fault, .. } => match fault {
                Fault::Bracket => tr!("Line {line} has no ] at its end.", line = line),
                Fault::Form => tr!("Line {line} is neither a [group] nor KEY=VALUE.", line = line),
                Fault::NoGroup => tr!("Line {line} stands before the first [group].", line = line),
                Fault::Escape => tr!("Line {line} has an unknown escape.", line = line),
            },
            Self::NoConnection { skipped, .. } => match skipped.first() {
                Some(first) if skipped.len() == 1 => first.sentence.clone(),
                Some(first) => {
                    let others = skipped.len() - 1;
                    tr!("There is no connection of SSTP in the file. {first} ({others} more.)", first = first.sentence, others = others)
                }
                None => tr!("There is no connection of SSTP in the file."),
            },
            Self::NotWritten(format) => {
                tr!("The format {format} can be read, but not written; take {instead}.", format = format.name(), instead = Format::Peers.name())
            }
            Self::NoGateway => tr!("The connection has no gateway that could be written: set gateway to the name of the server."),
        })
    }
}

impl std::error::Error for Error {}
