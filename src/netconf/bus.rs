//! The system bus, where other services configure this machine. A connection lasts for one conversation, since these are
//! far apart.

use std::time::Duration;

use tokio::time::timeout;
use zbus::Connection;
use zbus::connection::Builder;
use zbus::fdo::DBusProxy;
use zbus::names::BusName;

/// How long the bus and each answer may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Connects.
///
/// # Errors
///
/// Why there is no bus, as the end of a sentence.
pub(super) async fn connect() -> Result<Connection, String> {
    match timeout(LIMIT, Builder::system().method_timeout(LIMIT).build()).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(format!("there is no system bus ({error})")),
        Err(_) => Err(format!("the system bus does not answer within {} s", LIMIT.as_secs())),
    }
}

/// Whether somebody has this name.
pub(super) async fn has_owner(connection: &Connection, name: &'static str) -> zbus::Result<bool> {
    let bus = DBusProxy::new(connection).await?;
    Ok(bus.name_has_owner(BusName::from_static_str(name)?).await?)
}

/// Whether somebody has this name or would be started to have it.
pub(super) async fn can_be_called(connection: &Connection, name: &'static str) -> zbus::Result<bool> {
    if has_owner(connection, name).await? {
        return Ok(true);
    }
    Ok(DBusProxy::new(connection).await?.list_activatable_names().await?.iter().any(|other| other.as_str() == name))
}
