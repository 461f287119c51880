//! The interface: up, its MTU, its addresses.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use rtnetlink::LinkUnspec;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::{AddressAttribute, AddressFlags, AddressMessage, AddressProtocol, CacheInfo};

use super::Error;
use super::intent::{Address, Intent};
use super::route::kernel::PROTOCOL;
use crate::netlink::{Netlink, errno};

/// A lifetime without end, in seconds (RFC 4861 4.6.2).
const INFINITE: u32 = u32::MAX;

/// Least MTU in octets with which the kernel has IPv6 on an interface (RFC 8200 5).
const MIN_IPV6_MTU: u16 = 1280;

/// The index of an interface.
pub(super) fn index(interface: &str) -> Result<u32, Error> {
    if_nametoindex(interface).map_err(|_| Error::NoInterface { interface: interface.to_owned() })
}

/// Whether this index still has this name: both are given again to interfaces that come later.
pub(super) fn is_there(interface: &str, index: u32) -> bool {
    if_nametoindex(interface) == Ok(index)
}

/// Brings the interface up with the MTU and the addresses of the intent. Of `before`, the addresses that it has by us,
/// those go that are not wanted any more. `false`: there is no IPv6, and the interface has none of its addresses.
pub(super) async fn set_up(
    netlink: &Netlink,
    index: u32,
    intent: &Intent,
    before: &mut Vec<Address>,
) -> Result<bool, Error> {
    let interface = &intent.interface;
    let has_room = intent.mtu >= MIN_IPV6_MTU;
    let mut has_ipv6 = has_room || intent.addresses.iter().all(|own| own.address.is_ipv4());
    keep_advertisements_off(interface);
    let up = LinkUnspec::new_with_index(index).mtu(intent.mtu.into()).up().build();
    netlink
        .handle()
        .link()
        .change(up)
        .execute()
        .await
        .map_err(|error| Error::refused(format!("MTU {} and state up of {interface}", intent.mtu), &error))?;
    // First, since the kernel takes an IPv4 address away together with the one beside which it came (promote_secondaries).
    for address in before.extract_if(.., |address| !intent.addresses.contains(address)) {
        if !intent.addresses.iter().any(|wanted| wanted.is_same_to_kernel(&address)) {
            remove(netlink, index, interface, &address).await;
        }
    }
    for address in intent.addresses.iter().filter(|own| has_room || own.address.is_ipv4()) {
        let mut request = netlink.handle().address().add(index, address.address, address.prefix_len).replace();
        *request.message_mut() = message(index, address);
        if !before.contains(address) {
            before.push(*address);
        }
        match request.execute().await {
            Err(error) if address.address.is_ipv6() && is_without_ipv6(&error) => has_ipv6 = false,
            result => result.map_err(|error| Error::refused(format!("address {address} of {interface}"), &error))?,
        }
    }
    Ok(has_ipv6)
}

/// The kernel is without IPv6, or `disable_ipv6` is set.
fn is_without_ipv6(error: &rtnetlink::Error) -> bool {
    matches!(errno(error), Some(Errno::EACCES | Errno::EAFNOSUPPORT | Errno::EOPNOTSUPP))
}

/// Takes the addresses away and the interface down.
pub(super) async fn take_down(netlink: &Netlink, index: u32, interface: &str, addresses: &[Address]) {
    if !is_there(interface, index) {
        return;
    }
    for address in addresses {
        remove(netlink, index, interface, address).await;
    }
    let down = LinkUnspec::new_with_index(index).down().build();
    if let Err(error) = netlink.handle().link().change(down).execute().await
        && errno(&error) != Some(Errno::ENODEV)
    {
        tracing::warn!("{}", Error::refused(format!("state down of {interface}"), &error));
    }
}

async fn remove(netlink: &Netlink, index: u32, interface: &str, address: &Address) {
    match netlink.handle().address().del(message(index, address)).execute().await {
        Err(error) if !matches!(errno(&error), Some(Errno::EADDRNOTAVAIL | Errno::ENODEV)) => {
            tracing::warn!("{}", Error::refused(format!("removal of address {address} from {interface}"), &error));
        }
        _ => {}
    }
}

impl Address {
    /// The kernel takes them for one address, which has one lifetime.
    fn is_same_to_kernel(&self, other: &Address) -> bool {
        Address { deprecated: false, ..*self } == Address { deprecated: false, ..*other }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_len)?;
        match self.peer {
            Some(peer) => write!(f, " with peer {peer}"),
            None => Ok(()),
        }
    }
}

/// Without a route to the prefix, which would be in the main table, and without a search for duplicates, which a link of
/// two cannot have. The peer of an IPv6 address is not told: its route would be there in any case.
fn message(index: u32, address: &Address) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.index = index;
    message.header.prefix_len = address.prefix_len;
    message.header.family = match address.address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    };
    let mut lifetimes = CacheInfo::default();
    lifetimes.ifa_valid = INFINITE;
    lifetimes.ifa_preferred = if address.deprecated { 0 } else { INFINITE };
    let peer = address.peer.filter(IpAddr::is_ipv4);
    message.attributes = vec![
        AddressAttribute::Local(address.address),
        AddressAttribute::Address(peer.unwrap_or(address.address)),
        AddressAttribute::Flags(AddressFlags::Noprefixroute | AddressFlags::Nodad),
        AddressAttribute::CacheInfo(lifetimes),
        AddressAttribute::Protocol(AddressProtocol::Other(PROTOCOL)),
    ];
    message
}

/// Router advertisements are read inside of the tunnel; should one come out of it, the kernel shall not make addresses and
/// a default route in the main table of it. Where /proc/sys cannot be written, as under systemd's
/// `ProtectKernelTunables`, only the data path keeps them off.
fn keep_advertisements_off(interface: &str) {
    let path = PathBuf::from("/proc/sys/net/ipv6/conf").join(interface).join("accept_ra");
    if let Err(error) = fs::write(&path, "0")
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::debug!("{} stays as it is: {error}", path.display());
    }
}
