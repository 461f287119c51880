//! The faces: what the helper is to others on D-Bus.
//!
//! A face turns a method into a [`Command`](crate::tunnel::Command) and the tunnel's
//! [`TunnelState`](crate::tunnel::TunnelState) into signals. It holds no session state of its own.

pub mod nm;
