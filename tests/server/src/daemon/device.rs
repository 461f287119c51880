//! The TUN device that all clients share.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tun::{AbstractDevice, AsyncDevice};

/// The server's link-local address: IPV6CP gives the interface identifier 1 to the server.
const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

/// A TUN device that is up and has the server's addresses.
pub struct Device {
    device: AsyncDevice,
    name: String,
}

impl Device {
    /// Makes the device; a `%d` in the name becomes a free number. It goes when the process ends.
    ///
    /// # Errors
    /// A sentence that says what the kernel refused.
    pub async fn create(name: &str, mtu: u16, address: Ipv4Addr, prefix: u8, ipv6: bool) -> Result<Self, String> {
        let failed = |error: String| format!("the TUN device {name} cannot be made: {error} (is this root?)");
        let mut configuration = tun::Configuration::default();
        configuration.tun_name(name).mtu(mtu).up();
        let device = tun::create_as_async(&configuration).map_err(|error| failed(error.to_string()))?;
        let name = device.tun_name().map_err(|error| failed(error.to_string()))?;
        let index = device.tun_index().map_err(|error| failed(error.to_string()))?;
        let device = Device { device, name };
        let index = u32::try_from(index).map_err(|error| failed(error.to_string()))?;
        device.add_address(index, address.into(), prefix).await?;
        if ipv6 {
            device.add_address(index, LINK_LOCAL.into(), 64).await?;
        }
        Ok(device)
    }

    async fn add_address(&self, index: u32, address: IpAddr, prefix: u8) -> Result<(), String> {
        let failed = |error: String| format!("{} does not get the address {address}/{prefix}: {error}", self.name);
        let (connection, handle, _) = rtnetlink::new_connection().map_err(|error| failed(error.to_string()))?;
        let connection = tokio::spawn(connection);
        let added = handle.address().add(index, address, prefix).execute().await;
        connection.abort();
        added.map_err(|error| failed(error.to_string()))
    }

    /// Name of the interface.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits for a datagram from the kernel; returns its length.
    ///
    /// # Errors
    /// The device is gone.
    pub async fn receive(&self, datagram: &mut [u8]) -> io::Result<usize> {
        self.device.recv(datagram).await
    }

    /// A datagram from the kernel, where one waits.
    pub fn try_receive(&self, datagram: &mut [u8]) -> Option<usize> {
        tun::Device::recv(&self.device, datagram).ok()
    }

    /// Gives a datagram to the kernel. What it does not take is lost, as on any link.
    pub fn send(&self, datagram: &[u8]) {
        drop(tun::Device::send(&self.device, datagram));
    }
}
