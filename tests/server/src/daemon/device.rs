//! The TUN device that all clients share.

use std::io;
use std::net::{IpAddr, Ipv6Addr};

use rtnetlink::LinkUnspec;
use rtnetlink::packet_route::link::LinkAttribute;
use tun::{AbstractDevice, AsyncDevice};

/// The server's link-local address: IPV6CP gives the interface identifier 1 to the server.
pub const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

/// Datagrams that wait in the device before the kernel drops more, as many as Ethernet devices have. The driver's own
/// 500 are fewer than a TCP sender puts into the device at once.
const QUEUE: u32 = 1000;

/// A TUN device that is up and has the server's addresses.
pub struct Device {
    device: AsyncDevice,
    name: String,
}

impl Device {
    /// Makes the device, with addresses and the lengths of their prefixes; a `%d` in the name becomes a free number. It
    /// goes when the process ends.
    ///
    /// # Errors
    /// A sentence that says what the kernel refused.
    pub async fn create(name: &str, mtu: u16, addresses: &[(IpAddr, u8)]) -> Result<Self, String> {
        let failed = |error: String| format!("the TUN device {name} cannot be made: {error} (is this root?)");
        let mut configuration = tun::Configuration::default();
        configuration.tun_name(name).mtu(mtu).up();
        let device = tun::create_as_async(&configuration).map_err(|error| failed(error.to_string()))?;
        let name = device.tun_name().map_err(|error| failed(error.to_string()))?;
        let index = device.tun_index().map_err(|error| failed(error.to_string()))?;
        let index = u32::try_from(index).map_err(|error| failed(error.to_string()))?;
        configure(index, addresses).await.map_err(|error| format!("{name} cannot be configured: {error}"))?;
        Ok(Device { device, name })
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

/// Gives the interface its addresses and the length of its queue.
async fn configure(index: u32, addresses: &[(IpAddr, u8)]) -> Result<(), String> {
    let (connection, handle, _) = rtnetlink::new_connection().map_err(|error| error.to_string())?;
    let connection = tokio::spawn(connection);
    let queue = LinkUnspec::new_with_index(index).append_extra_attribute(LinkAttribute::TxQueueLen(QUEUE)).build();
    let mut result = handle.link().change(queue).execute().await.map_err(|error| format!("queue length: {error}"));
    for (address, prefix) in addresses {
        if result.is_ok() {
            let added = handle.address().add(index, *address, *prefix).execute().await;
            result = added.map_err(|error| format!("address {address}/{prefix}: {error}"));
        }
    }
    connection.abort();
    result
}
