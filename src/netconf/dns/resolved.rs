//! systemd-resolved (org.freedesktop.resolve1(5)). It keeps name servers and domains for each link and forgets them with
//! the link.

use std::fs;
use std::net::IpAddr;

use nix::libc;
use zbus::proxy::CacheProperties;

use super::Wanted;
use super::file::PATH;
use crate::netconf::{bus, link};

const NAME: &str = "org.freedesktop.resolve1";

/// Where its own files are, to which resolv.conf is a link.
const FILES: [&str; 3] = ["/run/systemd/resolve/", "/usr/lib/systemd/resolv.conf", "/lib/systemd/resolv.conf"];
/// The addresses on which it answers (systemd-resolved(8)).
const STUBS: [&str; 2] = ["127.0.0.53", "127.0.0.54"];

#[zbus::proxy(
    interface = "org.freedesktop.resolve1.Manager",
    default_service = "org.freedesktop.resolve1",
    default_path = "/org/freedesktop/resolve1"
)]
trait Manager {
    /// `SetLinkDNS(i, a(iay))`
    #[zbus(name = "SetLinkDNS")]
    fn set_link_dns(&self, index: i32, servers: &[(i32, Vec<u8>)]) -> zbus::Result<()>;
    /// `SetLinkDomains(i, a(sb))`: with `true` the domain is not searched, only routed.
    fn set_link_domains(&self, index: i32, domains: &[(&str, bool)]) -> zbus::Result<()>;
    /// `SetLinkDefaultRoute(i, b)`: whether it is asked for names of no domain of any link.
    fn set_link_default_route(&self, index: i32, enable: bool) -> zbus::Result<()>;
    /// `RevertLink(i)`
    fn revert_link(&self, index: i32) -> zbus::Result<()>;
}

pub(super) async fn set(wanted: &Wanted) -> Result<Option<String>, String> {
    if !manages_file() {
        return Err(format!("{PATH} does not lead to it, so that programs do not ask it"));
    }
    let connection = bus::connect().await?;
    match bus::can_be_called(&connection, NAME).await {
        Ok(true) => {}
        Ok(false) => return Err("it does not run".to_owned()),
        Err(error) => return Err(format!("the system bus does not tell whether it runs ({error})")),
    }
    tell(&connection, wanted).await.map_err(|error| format!("it refused ({error})"))?;
    let useless = !wanted.everything && wanted.domains.is_empty();
    Ok(useless.then(|| {
        format!(
            "The server told no domain, so that systemd-resolved asks the name servers of {} for nothing: name one by \
             resolvectl domain {}.",
            wanted.interface, wanted.interface
        )
    }))
}

async fn tell(connection: &zbus::Connection, wanted: &Wanted) -> zbus::Result<()> {
    let manager = ManagerProxy::builder(connection).cache_properties(CacheProperties::No).build().await?;
    let index = i32::try_from(wanted.index).map_err(|_| zbus::Error::Failure("no such link".to_owned()))?;
    let servers: Vec<(i32, Vec<u8>)> = wanted.servers.iter().map(|server| octets(*server)).collect();
    let mut domains: Vec<(&str, bool)> = wanted.domains.iter().map(|domain| (domain.as_str(), false)).collect();
    let everything = wanted.everything && !wanted.servers.is_empty();
    if everything {
        domains.push((".", true));
    }
    manager.set_link_default_route(index, everything).await?;
    manager.set_link_domains(index, &domains).await?;
    manager.set_link_dns(index, &servers).await
}

fn octets(address: IpAddr) -> (i32, Vec<u8>) {
    match address {
        IpAddr::V4(address) => (libc::AF_INET, address.octets().to_vec()),
        IpAddr::V6(address) => (libc::AF_INET6, address.octets().to_vec()),
    }
}

pub(super) async fn revert(wanted: &Wanted) {
    if !link::is_there(&wanted.interface, wanted.index) {
        return;
    }
    let reverted = async {
        let connection = bus::connect().await?;
        let manager = ManagerProxy::builder(&connection).cache_properties(CacheProperties::No).build().await;
        let index = i32::try_from(wanted.index).map_err(|_| "no such link".to_owned())?;
        manager.map_err(|error| error.to_string())?.revert_link(index).await.map_err(|error| error.to_string())
    };
    if let Err(reason) = reverted.await
        && link::is_there(&wanted.interface, wanted.index)
    {
        tracing::warn!("systemd-resolved still has the name servers of {}: {reason}.", wanted.interface);
    }
}

/// Whether the C library asks it, or at least what it has written.
pub(super) fn manages_file() -> bool {
    let target = fs::canonicalize(PATH).ok();
    let of_its_own = target.and_then(|path| path.to_str().map(|path| FILES.iter().any(|file| path.starts_with(file))));
    of_its_own == Some(true)
        || fs::read_to_string(PATH).is_ok_and(|text| {
            let mut servers = text.lines().filter_map(|line| line.strip_prefix("nameserver")).map(str::trim);
            servers.any(|server| STUBS.contains(&server))
        })
}
