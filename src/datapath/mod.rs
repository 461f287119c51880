//! The path of datagrams: pure code over bytes, no file descriptor.

mod buffer;

pub use buffer::{DataHeader, TxBuf};
