//! The connection to the kernel's routing tables (rtnetlink): links, addresses, routes, rules.

mod around;

use std::io;

use futures_util::TryStreamExt;
use nix::errno::Errno;
use rtnetlink::Handle;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::route::{RouteAttribute, RouteMessage};
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

    /// The routes of a family in this table; none where the kernel does not have the family or the table.
    ///
    /// # Errors
    ///
    /// The kernel refused.
    pub async fn routes(&self, family: AddressFamily, table: u32) -> Result<Vec<RouteMessage>, rtnetlink::Error> {
        let mut request = RouteMessage::default();
        request.header.address_family = family;
        request.attributes.push(RouteAttribute::Table(table));
        let mut routes: Vec<RouteMessage> = match self.handle.route().get(request).execute().try_collect().await {
            // A table without a route may be none at all.
            Err(error) if matches!(errno(&error), Some(Errno::ENOENT | Errno::EAFNOSUPPORT | Errno::EOPNOTSUPP)) => {
                return Ok(Vec::new());
            }
            result => result?,
        };
        // Kernels that do not check strictly send every table.
        routes.retain(|route| route.header.address_family == family && table_of(route) == table);
        Ok(routes)
    }
}

impl Drop for Netlink {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

fn table_of(route: &RouteMessage) -> u32 {
    let attribute = route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Table(table) => Some(*table),
        _ => None,
    });
    attribute.unwrap_or(route.header.table.into())
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
