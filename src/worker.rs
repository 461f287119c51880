//! The process that a tunnel runs in: it reads what comes from the network, and can do nothing else.
//!
//! The face's process starts itself once more with [`OPTION`] for each tunnel, and for each look at a gateway. That
//! process gives up what it can before it hears anything from a network ([`confine`](crate::confine)): files, programs,
//! sockets, capabilities, and with the sockets the bus, where it would be root. What a tunnel needs of the machine it asks
//! of the face's process over the one socket that it was started with, and gets as descriptors: a TCP connection to the
//! gateway, and the interface. So whoever takes it over has the octets of this tunnel, and what a VPN server may say.
//!
//! | | |
//! |---|---|
//! | `supervisor` | the life of a tunnel: one process after the other, where it is to outlast its connection |
//! | `parent` | starts a process, does for it what it asks for and may have |
//! | `child` | the process |
//! | `channel` | messages with descriptors over a socket |
//! | `message` | what they say |

mod channel;
mod child;
mod logging;
mod message;
mod parent;
mod supervisor;

pub use child::{requested, serve};
pub use parent::{look, look_by};
pub use supervisor::{spawn, spawn_by};

/// The option of the program that makes it such a process. Its standard input is the socket.
const OPTION: &str = "--worker";
