//! What the two processes say to each other. They are of one program, so that it need not be the same in the next version.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::probe::{Findings, Look};
use crate::proxy::Token;
use crate::transport::dial::{self, Target};
use crate::tun;
use crate::tunnel::{Call, Command, Ending, Told};

/// The first message to the worker: what it is for.
#[derive(Serialize, Deserialize)]
pub(super) struct Order {
    /// The most detailed level of what is logged.
    pub(super) level: String,
    pub(super) job: Job,
}

#[derive(Serialize, Deserialize)]
pub(super) enum Job {
    Tunnel(Box<Call>),
    Look(Box<Look>),
}

/// The messages to the worker that follow.
#[derive(Serialize, Deserialize)]
pub(super) enum ToWorker {
    Command(Command),
    /// The answer to the request of this number.
    Reply(u32, Reply),
}

/// The messages of the worker.
#[derive(Serialize, Deserialize)]
pub(super) enum FromWorker {
    Told(Told),
    /// With a number of its own.
    Request(u32, Request),
    Log(Line),
    /// No datagrams go through the interface any more.
    Released,
    /// The tunnel is down; the last message.
    Down(Option<Ending>),
    /// What was found of the gateway; the last message.
    Found(Box<Findings>),
}

/// What the worker asks for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// A TCP connection.
    Dial(Target),
    /// The interface, with this MTU in octets.
    OpenDevice { mtu: u16 },
    /// Another MTU of the interface.
    SetMtu(u16),
    /// A token for the profile's HTTP proxy, in answer to this one of the proxy's; empty: the first of a new context.
    ProxyToken(Vec<u8>),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    /// With the socket.
    Dialed(Result<SocketAddr, dial::Error>),
    /// Its name, with the descriptor.
    Device(Result<String, tun::Error>),
    Mtu(Result<(), tun::Error>),
    /// Without one, the end of a sentence that says why.
    ProxyToken(Result<Token, String>),
}

/// A line of the log.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) level: Level,
    /// It says what became of the connection ([`OUTCOME`](crate::log::OUTCOME)).
    pub(super) outcome: bool,
    pub(super) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}
