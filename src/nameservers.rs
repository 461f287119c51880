//! Which name servers this machine has beside a tunnel. The tunnel's own are out of reach while it is lost, and where they
//! were asked for everything, the system's resolver asks nobody else.
//!
//! NetworkManager knows them for each of its devices, even while it has them asked for nothing; systemd-resolved for each
//! link; and where neither runs, they were in `resolv.conf` before the tunnel came up.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

use tokio::time::timeout;
use tracing::debug;
use zbus::connection::Builder;
use zbus::proxy::CacheProperties;
use zbus::{Connection, OwnedObjectPath, OwnedVariant};

/// How long both of them may take together.
const LIMIT: Duration = Duration::from_secs(2);

/// Most name servers that are asked; the C library takes three (resolv.conf(5)).
const MAX: usize = 6;

/// Most octets of `resolv.conf` that are read.
const MAX_FILE: usize = 64 * 1024;

#[zbus::proxy(
    interface = "org.freedesktop.NetworkManager",
    default_service = "org.freedesktop.NetworkManager",
    default_path = "/org/freedesktop/NetworkManager"
)]
trait NetworkManager {
    /// `GetDeviceByIpIface(s) -> o`
    fn get_device_by_ip_iface(&self, interface: &str) -> zbus::Result<OwnedObjectPath>;
}

#[zbus::proxy(interface = "org.freedesktop.NetworkManager.Device", default_service = "org.freedesktop.NetworkManager")]
trait Device {
    #[zbus(property)]
    fn ip4_config(&self) -> zbus::Result<OwnedObjectPath>;
    #[zbus(property)]
    fn ip6_config(&self) -> zbus::Result<OwnedObjectPath>;
}

#[zbus::proxy(
    interface = "org.freedesktop.NetworkManager.IP4Config",
    default_service = "org.freedesktop.NetworkManager"
)]
trait Ip4Config {
    #[zbus(property)]
    fn nameserver_data(&self) -> zbus::Result<Vec<HashMap<String, OwnedVariant>>>;
}

#[zbus::proxy(
    interface = "org.freedesktop.NetworkManager.IP6Config",
    default_service = "org.freedesktop.NetworkManager"
)]
trait Ip6Config {
    #[zbus(property)]
    fn nameservers(&self) -> zbus::Result<Vec<Vec<u8>>>;
}

#[zbus::proxy(
    interface = "org.freedesktop.resolve1.Manager",
    default_service = "org.freedesktop.resolve1",
    default_path = "/org/freedesktop/resolve1"
)]
trait Resolved {
    /// `GetLink(i) -> o`
    fn get_link(&self, index: i32) -> zbus::Result<OwnedObjectPath>;
}

#[zbus::proxy(interface = "org.freedesktop.resolve1.Link", default_service = "org.freedesktop.resolve1")]
trait Link {
    #[zbus(property, name = "DNS")]
    fn dns(&self) -> zbus::Result<Vec<(i32, Vec<u8>)>>;
}

/// What `resolv.conf` names now, but for resolvers of this machine, which ask others.
pub fn of_file() -> Vec<IpAddr> {
    read(Path::new("/etc/resolv.conf"))
}

fn read(path: &Path) -> Vec<IpAddr> {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(text.get(..MAX_FILE).unwrap_or(&text));
    let named = text.lines().filter_map(|line| line.trim_start().strip_prefix("nameserver"));
    let servers = named.filter_map(|rest| rest.split_whitespace().next()?.parse().ok());
    servers.filter(|server: &IpAddr| !server.is_loopback()).take(MAX).collect()
}

/// Those of these interfaces, each with its index, in no more than some seconds.
pub async fn of_interfaces(interfaces: &BTreeSet<(u32, String)>) -> Vec<IpAddr> {
    let mut servers = Vec::new();
    let asked = async {
        let connection = Builder::system().method_timeout(LIMIT).build().await?;
        for (index, interface) in interfaces {
            let of_device = of_device(&connection, interface).await;
            servers.extend(
                of_device
                    .inspect_err(|error| debug!("NetworkManager tells no name server: {error}"))
                    .unwrap_or_default(),
            );
            let of_link = of_link(&connection, *index).await;
            servers.extend(
                of_link
                    .inspect_err(|error| debug!("systemd-resolved tells no name server: {error}"))
                    .unwrap_or_default(),
            );
        }
        zbus::Result::Ok(())
    };
    if !matches!(timeout(LIMIT, asked).await, Ok(Ok(()))) {
        debug!("the system bus does not tell every name server");
    }
    let mut once = BTreeSet::new();
    servers.retain(|server: &IpAddr| !server.is_loopback() && once.insert(*server));
    servers.truncate(MAX);
    servers
}

async fn of_device(connection: &Connection, interface: &str) -> zbus::Result<Vec<IpAddr>> {
    let manager = NetworkManagerProxy::builder(connection).cache_properties(CacheProperties::No).build().await?;
    let path = manager.get_device_by_ip_iface(interface).await?;
    let device = DeviceProxy::builder(connection).path(path).cache_properties(CacheProperties::No).build().await?;
    let mut servers = Vec::new();
    // a family that it does not have is "/"
    if let Some(path) = Some(device.ip4_config().await?).filter(|path| path.as_str() != "/") {
        let config =
            Ip4ConfigProxy::builder(connection).path(path).cache_properties(CacheProperties::No).build().await?;
        let data = config.nameserver_data().await?;
        let texts = data.into_iter().filter_map(|mut one| String::try_from(one.remove("address")?).ok());
        servers.extend(texts.filter_map(|text| text.parse::<IpAddr>().ok()));
    }
    if let Some(path) = Some(device.ip6_config().await?).filter(|path| path.as_str() != "/") {
        let config =
            Ip6ConfigProxy::builder(connection).path(path).cache_properties(CacheProperties::No).build().await?;
        servers.extend(config.nameservers().await?.iter().filter_map(|octets| address(octets)));
    }
    Ok(servers)
}

async fn of_link(connection: &Connection, index: u32) -> zbus::Result<Vec<IpAddr>> {
    let Ok(index) = i32::try_from(index) else { return Ok(Vec::new()) };
    let manager = ResolvedProxy::builder(connection).cache_properties(CacheProperties::No).build().await?;
    let path = manager.get_link(index).await?;
    let link = LinkProxy::builder(connection).path(path).cache_properties(CacheProperties::No).build().await?;
    Ok(link.dns().await?.iter().filter_map(|(_, octets)| address(octets)).collect())
}

/// Of 4 or 16 octets.
fn address(octets: &[u8]) -> Option<IpAddr> {
    let ipv4 = <[u8; 4]>::try_from(octets).ok().map(|octets| Ipv4Addr::from(octets).into());
    ipv4.or_else(|| <[u8; 16]>::try_from(octets).ok().map(|octets| Ipv6Addr::from(octets).into()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn resolvers_of_this_machine_are_none() {
        let mut file = tempfile();
        writeln!(
            file.1,
            "search example\nnameserver 127.0.0.53\n nameserver\t192.0.2.1 # wire\nnameserver ::1\nnameserver"
        )
        .unwrap();
        writeln!(file.1, "nameserver 2001:db8::1\n#nameserver 192.0.2.66\nnameserver nonsense").unwrap();
        let expected: Vec<IpAddr> = vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
        assert_eq!(read(&file.0), expected);
        fs::remove_file(&file.0).unwrap();
        assert!(read(&file.0).is_empty());
    }

    fn tempfile() -> (std::path::PathBuf, fs::File) {
        let path = std::env::temp_dir().join(format!("nm-sstp-resolv-{}", std::process::id()));
        let file = fs::File::create(&path).unwrap();
        (path, file)
    }
}
