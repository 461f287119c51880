//! The connection to the kernel's routing tables (rtnetlink): links, addresses, routes, rules.

use std::io;

use nix::errno::Errno;
use rtnetlink::Handle;
use tokio::task::JoinHandle;

/// A connection to rtnetlink, in the network namespace of the thread that made it. It ends with its owner.
pub struct Netlink {
    handle: Handle,
    connection: JoinHandle<()>,
}

impl Netlink {
    /// Connects. To be called in a tokio runtime with I/O.
    ///
    /// # Errors
    ///
    /// The kernel gives no such socket, for example since a filter of system calls forbids it.
    pub fn connect() -> io::Result<Netlink> {
        // Checked strictly, the kernel looks at what a dump is asked for and does not send everything; before Linux 4.20
        // it does not know that option.
        let (connection, handle, _messages) =
            rtnetlink::new_connection_with_strict_check().or_else(|_| rtnetlink::new_connection())?;
        Ok(Netlink { handle, connection: tokio::spawn(connection) })
    }

    /// What requests are made with.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Netlink {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// What the kernel answered, where it was the kernel that refused.
pub fn errno(error: &rtnetlink::Error) -> Option<Errno> {
    match error {
        rtnetlink::Error::NetlinkError(message) => Some(Errno::from_raw(message.raw_code().saturating_abs())),
        _ => None,
    }
}

/// Why a request failed, as the end of a sentence.
pub fn reason(error: &rtnetlink::Error) -> String {
    match errno(error) {
        Some(errno) => errno.desc().to_owned(),
        None => error.to_string(),
    }
}
