//! Who calls: what the bus knows about the sender of a message.

use futures_util::StreamExt;
use nix::unistd::{Uid, User};
use tokio::task;
use zbus::Connection;
use zbus::fdo::{DBusProxy, NameOwnerChangedStream};
use zbus::names::{BusName, OwnedUniqueName};
use zbus::proxy::CacheProperties;

use super::Later;

/// What is asked about callers: of the bus, or of what a test puts in its place.
pub trait Callers: Send + Sync {
    /// The user whose process has this unique name; `None` where it has left the bus.
    fn uid<'a>(&'a self, name: &'a OwnedUniqueName) -> Later<'a, Option<u32>>;

    /// Is ready when this name has left the bus.
    fn left<'a>(&'a self, name: &'a OwnedUniqueName) -> Later<'a, ()>;

    /// The name of a user; `None` where there is none of that number.
    fn user_name(&self, uid: u32) -> Later<'_, Option<String>>;
}

/// The message bus, and the users of this machine.
pub struct Bus(Connection);

impl Bus {
    /// Asks by this connection.
    pub fn new(connection: Connection) -> Self {
        Self(connection)
    }
}

impl Callers for Bus {
    fn uid<'a>(&'a self, name: &'a OwnedUniqueName) -> Later<'a, Option<u32>> {
        Box::pin(async {
            let bus = DBusProxy::builder(&self.0).cache_properties(CacheProperties::No).build().await.ok()?;
            bus.get_connection_unix_user(BusName::from(name.clone())).await.ok()
        })
    }

    fn left<'a>(&'a self, name: &'a OwnedUniqueName) -> Later<'a, ()> {
        Box::pin(async {
            match watch_name(&self.0, name).await {
                // Only a name's own end changes the owner of a unique name.
                Ok(Some(mut left)) => drop(left.next().await),
                Ok(None) => {}
                Err(error) => {
                    tracing::error!("The bus does not tell when a caller leaves it: {error}");
                    std::future::pending().await
                }
            }
        })
    }

    fn user_name(&self, uid: u32) -> Later<'_, Option<String>> {
        // The user may be in a directory of the network.
        let looking = task::spawn_blocking(move || User::from_uid(Uid::from_raw(uid)));
        Box::pin(async { Some(looking.await.ok()?.ok()??.name) })
    }
}

/// The stream of `name`'s leaving; `None` where it has left already.
pub(super) async fn watch_name(
    connection: &Connection,
    name: &OwnedUniqueName,
) -> zbus::Result<Option<NameOwnerChangedStream>> {
    let bus = DBusProxy::new(connection).await?;
    let left = bus.receive_name_owner_changed_with_args(&[(0, name.as_str())]).await?;
    Ok(bus.name_has_owner(BusName::from(name.clone())).await?.then_some(left))
}
