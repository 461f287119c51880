//! An SSTP server ([MS-SSTP] 3.3) for tests and the demo, on the public parts of `nm-sstp`: its `wire` formats, its PPP
//! negotiator and its crypto. It can be told to misbehave in many ways.
//!
//! The library is one connection, *sans-IO*: bytes and [`Instant`](std::time::Instant)s go in, bytes and events come
//! out, and entropy comes by value, so that a run can be replayed. Tests drive it on a virtual clock. With the feature
//! `daemon` there is also `sstp-test-server`, a program that puts sockets, TLS and a TUN device around it.
//!
//! | module | what |
//! |---|---|
//! | [`server`] | one connection: HTTP, then SSTP, then PPP, and the calling contract |
//! | [`config`] | what a server is told, and what it tells |
//! | [`behaviour`] | the ways to misbehave, as one table |
//! | `http`, `call` | the HTTP request read strictly; the call machine and crypto binding of MS-SSTP 3.3 |
//! | `link`, `lcp`, `auth`, `ncp` | PPP on the server's side |
//! | [`radius`] | a RADIUS client |
//! | `quirks` | where most behaviours act: between the server and the stream |
//! | [`pool`] | the addresses that clients get |
//! | `output` | what waits to be written |
//!
//! [MS-SSTP]: https://learn.microsoft.com/openspecs/windows_protocols/ms-sstp

mod auth;
pub mod behaviour;
mod call;
pub mod config;
mod http;
mod lcp;
mod link;
mod ncp;
mod output;
pub mod pool;
mod quirks;
pub mod radius;
pub mod server;

pub use behaviour::Behaviour;
pub use config::{Closed, Config, Event, Method, Radius, User};
pub use server::Server;
