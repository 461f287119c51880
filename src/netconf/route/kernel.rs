//! Rules and routes in the kernel: how they are read, added and removed.
//!
//! What is ours has [`PROTOCOL`] as its originator, so that `ip rule` and `ip route` show it; it is nothing to go by alone,
//! and whoever removes something has it in the journal, too.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use futures_util::TryStreamExt;
use nix::errno::Errno;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteProtocol, RouteType};
use rtnetlink::packet_route::rule::{RuleAction, RuleAttribute, RuleFlags, RuleMessage};
use rtnetlink::{IpVersion, RouteMessageBuilder};

use super::{Entry, FIRST_TABLE, Family, MAIN, MAX_TUNNELS, Route, Rule, Target, table_numbers};
use crate::netlink::{Netlink, errno};

/// The originator of our rules and routes: `s` in ASCII. The numbers from 4 up are anybody's, and Linux has none here
/// (rtnetlink(7), `rtm_protocol`).
pub(in crate::netconf) const PROTOCOL: u8 = 0x73;

impl From<Family> for AddressFamily {
    fn from(family: Family) -> AddressFamily {
        match family {
            Family::Ipv4 => AddressFamily::Inet,
            Family::Ipv6 => AddressFamily::Inet6,
        }
    }
}

/// The rules of a family. None where the kernel does not have the family.
pub(in crate::netconf) async fn rules(netlink: &Netlink, family: Family) -> Result<Vec<RuleMessage>, rtnetlink::Error> {
    let version = match family {
        Family::Ipv4 => IpVersion::V4,
        Family::Ipv6 => IpVersion::V6,
    };
    match netlink.handle().rule().get(version).execute().try_collect().await {
        Err(error) if matches!(errno(&error), Some(Errno::EAFNOSUPPORT | Errno::EOPNOTSUPP)) => Ok(Vec::new()),
        // Without IPv6 the kernel answers with the rules of all families that it has (rtnl_dump_all).
        result => result.map(|mut rules: Vec<RuleMessage>| {
            rules.retain(|rule| rule.header.family == family.into());
            rules
        }),
    }
}

/// The rule where it could be one of ours: it has nothing that ours have not.
pub(in crate::netconf) fn read_rule(message: &RuleMessage) -> Option<Rule> {
    let header = &message.header;
    let family = Family::ALL.into_iter().find(|family| header.family == AddressFamily::from(*family))?;
    let plain = header.src_len == 0
        && header.dst_len == 0
        && header.tos == 0
        && header.flags == RuleFlags::empty()
        && header.action == RuleAction::ToTable;
    let mut rule = Rule { family, priority: 0, table: header.table.into(), suppress: None };
    let mut originator = None;
    for attribute in &message.attributes {
        match attribute {
            RuleAttribute::Priority(priority) => rule.priority = *priority,
            RuleAttribute::Table(table) => rule.table = *table,
            RuleAttribute::SuppressPrefixLen(u32::MAX) => {}
            RuleAttribute::SuppressPrefixLen(length) => rule.suppress = Some(*length),
            RuleAttribute::Protocol(protocol) => originator = Some(u8::from(*protocol)),
            _ => return None,
        }
    }
    (plain && originator == Some(PROTOCOL)).then_some(rule)
}

/// The first pair of tables to which no rule leads and in which no route is, of those that could be ours but are not
/// in `used`.
pub(in crate::netconf) async fn free_pair(
    netlink: &Netlink,
    used: &BTreeSet<u32>,
) -> Result<Option<u32>, rtnetlink::Error> {
    let mut taken = BTreeSet::new();
    for family in Family::ALL {
        taken.extend(rules(netlink, family).await?.iter().map(rule_table));
    }
    for pair in (0..MAX_TUNNELS).filter(|pair| !used.contains(pair)) {
        let [networks, everything] = table_numbers(pair);
        let is_free = !taken.contains(&networks)
            && !taken.contains(&everything)
            && routes(netlink, networks).await?.is_empty()
            && routes(netlink, everything).await?.is_empty();
        if is_free {
            return Ok(Some(pair));
        }
    }
    Ok(None)
}

fn rule_table(rule: &RuleMessage) -> u32 {
    let attribute = rule.attributes.iter().find_map(|attribute| match attribute {
        RuleAttribute::Table(table) => Some(*table),
        _ => None,
    });
    attribute.unwrap_or(rule.header.table.into())
}

pub(in crate::netconf) async fn add_rule(netlink: &Netlink, rule: &Rule) -> Result<(), rtnetlink::Error> {
    let mut request = netlink.handle().rule().add();
    *request.message_mut() = rule_message(rule);
    request.execute().await
}

pub(in crate::netconf) async fn delete_rule(netlink: &Netlink, rule: &Rule) -> Result<(), rtnetlink::Error> {
    netlink.handle().rule().del(rule_message(rule)).execute().await
}

fn rule_message(rule: &Rule) -> RuleMessage {
    let mut message = RuleMessage::default();
    message.header.family = rule.family.into();
    message.header.action = RuleAction::ToTable;
    message.attributes = vec![
        RuleAttribute::Priority(rule.priority),
        RuleAttribute::Table(rule.table),
        RuleAttribute::Protocol(RouteProtocol::Other(PROTOCOL)),
    ];
    message.attributes.extend(rule.suppress.map(RuleAttribute::SuppressPrefixLen));
    message
}

/// The routes of this table that are ours.
pub(in crate::netconf) async fn entries(netlink: &Netlink, table: u32) -> Result<BTreeSet<Entry>, rtnetlink::Error> {
    Ok(routes(netlink, table).await?.iter().filter_map(read_entry).collect())
}

/// The routes of this table, in both families. None of a family that the kernel does not have.
async fn routes(netlink: &Netlink, table: u32) -> Result<Vec<RouteMessage>, rtnetlink::Error> {
    let mut routes = Vec::new();
    for family in Family::ALL {
        routes.extend(netlink.routes(family.into(), table).await?);
    }
    Ok(routes)
}

fn read_entry(message: &RouteMessage) -> Option<Entry> {
    if u8::from(message.header.protocol) != PROTOCOL {
        return None;
    }
    let (mut metric, mut interface) = (0, None);
    let mut destination = match message.header.address_family {
        AddressFamily::Inet => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        _ => IpAddr::from(Ipv6Addr::UNSPECIFIED),
    };
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(RouteAddress::Inet(address)) => destination = (*address).into(),
            RouteAttribute::Destination(RouteAddress::Inet6(address)) => destination = (*address).into(),
            RouteAttribute::Priority(priority) => metric = *priority,
            RouteAttribute::Oif(index) => interface = Some(*index),
            _ => {}
        }
    }
    let target = match message.header.kind {
        RouteType::Throw => Target::Throw,
        RouteType::Unreachable => Target::Unreachable,
        _ => Target::Interface(interface?),
    };
    let route = Route { destination, prefix_len: message.header.destination_prefix_length };
    Some(Entry { route, metric, target })
}

pub(in crate::netconf) async fn add_entry(
    netlink: &Netlink,
    table: u32,
    entry: &Entry,
) -> Result<(), rtnetlink::Error> {
    netlink.handle().route().add(entry_message(table, entry)).execute().await
}

pub(in crate::netconf) async fn delete_entry(
    netlink: &Netlink,
    table: u32,
    entry: &Entry,
) -> Result<(), rtnetlink::Error> {
    netlink.handle().route().del(entry_message(table, entry)).execute().await
}

fn entry_message(table: u32, entry: &Entry) -> RouteMessage {
    let mut message = RouteMessageBuilder::<IpAddr>::new()
        .table_id(table)
        .protocol(RouteProtocol::Other(PROTOCOL))
        .priority(entry.metric)
        .build();
    message.header.table = 0;
    message.header.address_family = Family::of(entry.route.destination).into();
    message.header.destination_prefix_length = entry.route.prefix_len;
    message.attributes.push(RouteAttribute::Destination(match entry.route.destination {
        IpAddr::V4(address) => RouteAddress::Inet(address),
        IpAddr::V6(address) => RouteAddress::Inet6(address),
    }));
    message.header.kind = match entry.target {
        Target::Interface(index) => {
            message.attributes.push(RouteAttribute::Oif(index));
            RouteType::Unicast
        }
        Target::Throw => RouteType::Throw,
        Target::Unreachable => RouteType::Unreachable,
    };
    message
}

/// Whether the main table has a default route of this family.
pub(in crate::netconf) async fn has_default(netlink: &Netlink, family: Family) -> bool {
    let is_default = |route: &RouteMessage| {
        let header = &route.header;
        header.address_family == AddressFamily::from(family)
            && header.kind == RouteType::Unicast
            && header.destination_prefix_length == 0
    };
    routes(netlink, MAIN).await.is_ok_and(|routes| routes.iter().any(is_default))
}

/// Whether this table could be ours by its number.
pub(in crate::netconf) fn is_in_range(table: u32) -> bool {
    (FIRST_TABLE..FIRST_TABLE + 2 * MAX_TUNNELS).contains(&table)
}
