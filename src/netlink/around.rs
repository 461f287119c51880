//! The way to a host around a tunnel that would take what goes there.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::net::IpAddr;

use futures_util::TryStreamExt;
use nix::net::if_::if_indextoname;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteNextHopFlags, RouteType,
};

use super::Netlink;

impl Netlink {
    /// The interface by which a host would be reached if this tunnel were not there; `None`: by none. A connection that is
    /// bound to it (`SO_BINDTODEVICE`, socket(7)) cannot get into the tunnel, whatever the routes say: with a default route
    /// into the tunnel, and without one to the host beside it, a connection that is to carry the tunnel would go into it.
    ///
    /// Where a route leads that nobody has an address for is no way: somebody has forgotten it there, as NetworkManager
    /// forgets the one to the gateway on a wire that is down.
    ///
    /// # Errors
    ///
    /// The kernel refused.
    pub async fn interface_around(&self, tunnel: u32, destination: IpAddr) -> Result<Option<String>, rtnetlink::Error> {
        let family = if destination.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
        let own: Vec<AddressMessage> = self.handle().address().get().execute().try_collect().await?;
        let addressed: BTreeSet<u32> =
            own.iter().filter(|own| is_usable(own, destination)).map(|own| own.header.index).collect();
        let routes = self.routes(family, RouteHeader::RT_TABLE_MAIN.into()).await?;
        let ways = routes.iter().filter(|route| leads_to(route, destination));
        let ways = ways.filter_map(|route| {
            let index = interfaces(route).find(|index| *index != tunnel && addressed.contains(index))?;
            Some((Reverse(route.header.destination_prefix_length), metric(route), index))
        });
        Ok(ways.min().and_then(|(_, _, index)| if_indextoname(index).ok()?.into_string().ok()))
    }
}

/// It can be the source of what goes there.
fn is_usable(own: &AddressMessage, destination: IpAddr) -> bool {
    let unusable = AddressHeaderFlags::Tentative | AddressHeaderFlags::Dadfailed;
    let address = own.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Address(address) => Some(*address),
        _ => None,
    });
    let fits = match (address, destination) {
        (Some(IpAddr::V4(_)), IpAddr::V4(_)) => true,
        (Some(IpAddr::V6(own)), IpAddr::V6(destination)) => {
            own.is_unicast_link_local() == destination.is_unicast_link_local()
        }
        _ => false,
    };
    fits && !own.header.flags.intersects(unusable)
}

fn leads_to(route: &RouteMessage, destination: IpAddr) -> bool {
    let network = route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Destination(RouteAddress::Inet(network)) => Some(IpAddr::from(*network)),
        RouteAttribute::Destination(RouteAddress::Inet6(network)) => Some(IpAddr::from(*network)),
        _ => None,
    });
    let prefix_len = u32::from(route.header.destination_prefix_length);
    let matches = match (network, destination) {
        (None, _) => prefix_len == 0,
        (Some(IpAddr::V4(network)), IpAddr::V4(destination)) => {
            let differing = network.to_bits() ^ destination.to_bits();
            differing.leading_zeros() >= prefix_len
        }
        (Some(IpAddr::V6(network)), IpAddr::V6(destination)) => {
            let differing = network.to_bits() ^ destination.to_bits();
            differing.leading_zeros() >= prefix_len
        }
        _ => false,
    };
    matches
        && route.header.kind == RouteType::Unicast
        && !route.header.flags.intersects(RouteFlags::Dead | RouteFlags::Linkdown)
}

fn metric(route: &RouteMessage) -> u32 {
    let metric = route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Priority(metric) => Some(*metric),
        _ => None,
    });
    metric.unwrap_or(0)
}

/// Where it leads: more than one interface where its load is shared.
fn interfaces(route: &RouteMessage) -> impl Iterator<Item = u32> {
    route.attributes.iter().flat_map(|attribute| match attribute {
        RouteAttribute::Oif(index) => vec![*index],
        RouteAttribute::MultiPath(hops) => {
            let dead = RouteNextHopFlags::Dead | RouteNextHopFlags::Linkdown;
            hops.iter().filter(|hop| !hop.flags.intersects(dead)).map(|hop| hop.interface_index).collect()
        }
        _ => Vec::new(),
    })
}

#[cfg(test)]
mod tests;
