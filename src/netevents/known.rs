//! What was heard of the network, so that what is only said again is told from what has changed.

use std::collections::BTreeMap;
use std::net::IpAddr;

use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};
use rtnetlink::packet_route::link::{LinkFlags, LinkMessage};
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteType};

/// So many things are known at most. What is more counts as a change each time that it is told.
const MAX_KNOWN: usize = 1024;

/// Something in the network that can be told apart from others of its kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Link { index: u32 },
    Address { index: u32, address: IpAddr, prefix_len: u8 },
    Route { family: u8, destination: Option<IpAddr>, prefix_len: u8, metric: u32 },
}

/// What matters of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// It carries datagrams.
    Link { running: bool },
    /// It can be used.
    Address { usable: bool },
    /// Where it leads.
    Route(Vec<RouteAttribute>),
}

/// What was heard so far.
#[derive(Debug, Default)]
pub(super) struct Known(BTreeMap<Thing, State>);

impl Known {
    /// Takes a message of the kernel; `true` where something has changed. `own` is the interface that does not count.
    pub(super) fn changes(&mut self, message: &[u8], own: Option<u32>) -> bool {
        if message.is_empty() {
            return false;
        }
        let Ok(message) = NetlinkMessage::<RouteNetlinkMessage>::deserialize(message) else { return true };
        match message.payload {
            NetlinkPayload::InnerMessage(message) => self.hears(message, own),
            NetlinkPayload::Overrun(_) => true,
            _ => false,
        }
    }

    /// Something was missed: whatever is told next counts.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    fn hears(&mut self, message: RouteNetlinkMessage, own: Option<u32>) -> bool {
        let is_new = matches!(
            message,
            RouteNetlinkMessage::NewLink(_) | RouteNetlinkMessage::NewAddress(_) | RouteNetlinkMessage::NewRoute(_)
        );
        let told = match message {
            RouteNetlinkMessage::NewLink(link) | RouteNetlinkMessage::DelLink(link) => of_link(&link, own),
            RouteNetlinkMessage::NewAddress(address) | RouteNetlinkMessage::DelAddress(address) => {
                of_address(&address, own)
            }
            RouteNetlinkMessage::NewRoute(route) | RouteNetlinkMessage::DelRoute(route) => of_route(route, own),
            _ => None,
        };
        let Some((thing, state)) = told else { return false };
        if !is_new {
            self.0.remove(&thing);
            return true;
        }
        if self.0.get(&thing) == Some(&state) {
            return false;
        }
        if self.0.len() >= MAX_KNOWN {
            self.forget();
        }
        self.0.insert(thing, state);
        true
    }
}

fn of_link(link: &LinkMessage, own: Option<u32>) -> Option<(Thing, State)> {
    let index = link.header.index;
    let running = link.header.flags.contains(LinkFlags::Up | LinkFlags::Running);
    let counts = own != Some(index) && !link.header.flags.contains(LinkFlags::Loopback);
    counts.then_some((Thing::Link { index }, State::Link { running }))
}

fn of_address(message: &AddressMessage, own: Option<u32>) -> Option<(Thing, State)> {
    let header = &message.header;
    let (mut address, mut local) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Address(other) => address = Some(*other),
            AddressAttribute::Local(own) => local = Some(*own),
            _ => {}
        }
    }
    // of a link of two, the former is the peer's
    let address = local.or(address)?;
    let unusable = AddressHeaderFlags::Tentative | AddressHeaderFlags::Dadfailed;
    let usable = !header.flags.intersects(unusable) || header.flags.contains(AddressHeaderFlags::Optimistic);
    let thing = Thing::Address { index: header.index, address, prefix_len: header.prefix_len };
    (own != Some(header.index)).then_some((thing, State::Address { usable }))
}

/// Routes of the main table; the others are of addresses, which are told of by themselves, or of somebody's policy.
fn of_route(message: RouteMessage, own: Option<u32>) -> Option<(Thing, State)> {
    let header = message.header;
    let (mut table, mut metric, mut destination, mut interface) = (u32::from(header.table), 0, None, None);
    let mut way = Vec::new();
    for attribute in message.attributes {
        match attribute {
            RouteAttribute::Table(number) => table = number,
            RouteAttribute::Priority(priority) => metric = priority,
            RouteAttribute::Destination(RouteAddress::Inet(address)) => destination = Some(address.into()),
            RouteAttribute::Destination(RouteAddress::Inet6(address)) => destination = Some(address.into()),
            RouteAttribute::Oif(index) => {
                interface = Some(index);
                way.push(RouteAttribute::Oif(index));
            }
            part @ (RouteAttribute::Gateway(_)
            | RouteAttribute::Via(_)
            | RouteAttribute::MultiPath(_)
            | RouteAttribute::PrefSource(_)) => way.push(part),
            _ => {}
        }
    }
    let counts = table == u32::from(RouteHeader::RT_TABLE_MAIN)
        && header.kind == RouteType::Unicast
        && !header.flags.contains(RouteFlags::Cloned)
        && (own.is_none() || interface != own);
    let (family, prefix_len) = (header.address_family.into(), header.destination_prefix_length);
    counts.then_some((Thing::Route { family, destination, prefix_len, metric }, State::Route(way)))
}
