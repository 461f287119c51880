//! NetworkManager, where it runs: it has to leave the device alone.
//!
//! What it finds it takes for "externally connected" and does not touch as a rule, but a profile that fits any interface,
//! or a person at its applet, could make it do so.

use std::time::Duration;

use tokio::time::sleep;
use zbus::OwnedObjectPath;
use zbus::proxy::CacheProperties;

use super::bus;

const NAME: &str = "org.freedesktop.NetworkManager";

/// NetworkManager hears of a new interface a moment later than we do: how often it is asked, and the time between.
const ATTEMPTS: u32 = 10;
const BETWEEN: Duration = Duration::from_millis(100);

#[zbus::proxy(
    interface = "org.freedesktop.NetworkManager",
    default_service = "org.freedesktop.NetworkManager",
    default_path = "/org/freedesktop/NetworkManager"
)]
trait Manager {
    /// `GetDeviceByIpIface(s) -> o`
    fn get_device_by_ip_iface(&self, interface: &str) -> zbus::Result<OwnedObjectPath>;
}

#[zbus::proxy(interface = "org.freedesktop.NetworkManager.Device", default_service = "org.freedesktop.NetworkManager")]
trait Device {
    /// `Managed`, `b`
    #[zbus(property)]
    fn set_managed(&self, managed: bool) -> zbus::Result<()>;
}

/// Tells NetworkManager to leave this interface alone, until the interface is gone. Nothing where it does not run.
///
/// # Errors
///
/// It runs and was not told; a note for the log.
pub(super) async fn leave_alone(interface: &str) -> Result<(), String> {
    let Ok(connection) = bus::connect().await else { return Ok(()) };
    if !bus::has_owner(&connection, NAME).await.unwrap_or(false) {
        return Ok(());
    }
    match tell(&connection, interface).await {
        Ok(()) => Ok(()),
        Err(error) => Err(format!(
            "NetworkManager cannot be told to leave {interface} alone ({error}); should it change the interface, set \
             unmanaged-devices=interface-name:{interface} in its configuration"
        )),
    }
}

async fn tell(connection: &zbus::Connection, interface: &str) -> zbus::Result<()> {
    let manager = ManagerProxy::builder(connection).cache_properties(CacheProperties::No).build().await?;
    let mut attempt = 1;
    let path = loop {
        match manager.get_device_by_ip_iface(interface).await {
            Err(_) if attempt < ATTEMPTS => sleep(BETWEEN).await,
            result => break result?,
        }
        attempt += 1;
    };
    let device = DeviceProxy::builder(connection).path(path).cache_properties(CacheProperties::No).build().await?;
    // Also where it says that it does not manage the interface: as long as that is down, it says so of any.
    device.set_managed(false).await?;
    tracing::info!("NetworkManager leaves {interface} alone.");
    Ok(())
}
