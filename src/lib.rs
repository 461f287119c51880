//! SSTP ([MS-SSTP]) for Linux: a VPN client with PPP in user space over TUN.
//!
//! The crate is laid out in layers; a lower one never names a higher one:
//!
//! | layer | modules | knows |
//! |---|---|---|
//! | faces | the program, `dbus`, `log` | NetworkManager, D-Bus, the journal |
//! | host | `netconf`, `captures` | links, addresses, routes and DNS of this machine; files of captures |
//! | driver | `worker`, `tunnel`, `transport`, `inner_tls`, `tun`, `netlink`, `netevents`, `nameservers`, `profile_files`, `private_file` | sockets, TLS, files, the TUN device, the clock |
//! | settings | [`profile`] | the setting names, and what a session needs of them |
//! | session | [`session`] | HTTP, then SSTP, then PPP, in one owner |
//! | protocols | [`sstp`], [`ppp`], [`hostconf`], [`proxy`], [`datapath`], [`capture`] | one protocol each |
//! | crypto | [`crypto`] | keys and responses |
//! | wire | [`wire`] | bytes and typed values |
//! | beside them | `exchange` | the files of other programs, in octets |
//! | beside them | `words` | gettext |
//!
//! [`profile`] and everything below it is *sans-IO*: bytes and [`Instant`](std::time::Instant)s in, bytes and events
//! out. It is what `--no-default-features` builds, and it cannot reach a socket or a clock. What stands above it is the
//! feature `service`.
//!
//! [MS-SSTP]: https://learn.microsoft.com/openspecs/windows_protocols/ms-sstp

pub mod capture;
#[cfg(feature = "service")]
pub mod captures;
#[cfg(all(test, feature = "service"))]
mod catalogue;
#[cfg(feature = "service")]
pub mod confine;
pub mod crypto;
pub mod datapath;
#[cfg(feature = "service")]
pub mod dbus;
#[cfg(feature = "exchange")]
pub mod exchange;
pub mod hostconf;
#[cfg(feature = "service")]
pub mod inner_tls;
#[cfg(feature = "service")]
pub mod log;
#[cfg(feature = "service")]
pub mod nameservers;
#[cfg(feature = "service")]
pub mod netconf;
#[cfg(feature = "service")]
pub mod netevents;
#[cfg(feature = "service")]
pub mod netlink;
pub mod ppp;
#[cfg(feature = "service")]
pub mod private_file;
#[cfg(feature = "service")]
pub mod probe;
pub mod profile;
#[cfg(feature = "service")]
pub mod profile_files;
pub mod proxy;
pub mod session;
pub mod sstp;
#[cfg(feature = "service")]
pub mod store;
#[cfg(feature = "service")]
pub mod tickets;
#[cfg(feature = "service")]
pub mod transport;
#[cfg(feature = "service")]
pub mod tun;
#[cfg(feature = "service")]
pub mod tunnel;
pub mod wire;
pub mod words;
#[cfg(feature = "service")]
pub mod worker;
