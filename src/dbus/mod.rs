//! The faces: what the helper is to others on D-Bus.
//!
//! A face turns a method into a [`Command`](crate::tunnel::Command) and the tunnel's
//! [`TunnelState`](crate::tunnel::TunnelState) into signals. It holds no session state of its own.
//!
//! NetworkManager's face is [`nm`], the helper's own is [`manager`]. What both need of a connection on its way, attempts
//! and questions between them, is written once: `attempts` and `question`.

mod attempts;
//M1
pub mod nm;
//M2
mod question;

pub use attempts::Dial;
