//! The faces: what the helper is to others on D-Bus.
//!
//! A face turns a method into a [`Command`](crate::tunnel::Command) and the tunnel's
//! [`TunnelState`](crate::tunnel::TunnelState) into signals. It holds no session state of its own.
//!
//! NetworkManager's face is [`nm`], the helper's own is [`manager`]. What both need of a connection on its way, attempts
//! and questions between them, is written once: `attempts` and `question`.

mod attempts;
mod caller;
mod fields;
pub mod manager;
pub mod nm;
mod pin;
pub mod polkit;
mod question;

use std::future::Future;
use std::pin::Pin;

pub use attempts::Dial;

/// A future of an object-safe trait.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
