//! From the rules and routes that are there to those that are wanted, with no moment in between at which a datagram goes
//! where it should not: routes before the rules that lead to them, what is new before what is old goes.

use std::collections::BTreeSet;

use nix::errno::Errno;
use rtnetlink::packet_route::rule::{RuleAttribute, RuleMessage};

use super::kernel;
use super::{Entry, Family, Plan, Rule, Target};
use crate::netconf::Error;
use crate::netconf::state::{Journal, State};
use crate::netlink::{Netlink, errno};

/// The priorities of rules that are not ours.
pub(in crate::netconf) async fn places_of_others(netlink: &Netlink, journal: &Journal) -> Result<BTreeSet<u32>, Error> {
    let is_ours = |message: &RuleMessage| kernel::read_rule(message).is_some_and(|rule| journal.rules.contains(&rule));
    let priority = |message: &RuleMessage| {
        message.attributes.iter().find_map(|attribute| match attribute {
            RuleAttribute::Priority(priority) => Some(*priority),
            _ => None,
        })
    };
    Ok(all_rules(netlink).await?.iter().filter(|message| !is_ours(message)).filter_map(priority).collect())
}

/// Makes the plan true. Everything that is in the journal and not in the plan goes.
///
/// # Errors
///
/// The first thing that the kernel refused to add. What could not be removed is logged and stays in the journal.
pub(in crate::netconf) async fn to(netlink: &Netlink, state: &mut State, plan: &Plan) -> Result<(), Error> {
    state.enter(|journal| {
        journal.rules.extend(&plan.rules);
        journal.tables.extend(plan.tables.keys());
    })?;
    let added = add(netlink, plan).await;
    let journal = &state.journal;
    let rules = remove_rules(netlink, journal, plan, added.is_ok()).await;
    let tables = remove_routes(netlink, journal, plan).await;
    state.journal.rules = rules;
    state.journal.tables = tables;
    state.shorten();
    added
}

async fn add(netlink: &Netlink, plan: &Plan) -> Result<(), Error> {
    for (table, wanted) in &plan.tables {
        let present = routes_of(netlink, *table).await?;
        for entry in wanted.difference(&present) {
            // What leads elsewhere with the same metric would be in the way.
            for other in present.iter().filter(|other| (other.route, other.metric) == (entry.route, entry.metric)) {
                delete_route(netlink, *table, other).await;
            }
            tolerate(kernel::add_entry(netlink, *table, entry).await, Errno::EEXIST)
                .or_else(|error| if is_without_ipv6(entry, &error) { Ok(()) } else { Err(error) })
                .map_err(|error| Error::refused(describe(*table, entry), &error))?;
        }
    }
    let present = our_rules(netlink).await?;
    for rule in plan.rules.difference(&present) {
        tolerate(kernel::add_rule(netlink, rule).await, Errno::EEXIST)
            .map_err(|error| Error::refused(format!("rule {rule}"), &error))?;
    }
    Ok(())
}

/// Removes the rules that are not wanted; returns those of ours that are left. Where something could not be added, a rule
/// stays whose table is still wanted: its successor may be missing.
async fn remove_rules(netlink: &Netlink, journal: &Journal, plan: &Plan, added: bool) -> BTreeSet<Rule> {
    let present = match our_rules(netlink).await {
        Ok(present) => present,
        Err(error) => {
            tracing::warn!("{error}");
            return journal.rules.clone();
        }
    };
    let mut left = plan.rules.clone();
    for rule in journal.rules.intersection(&present).filter(|rule| !plan.rules.contains(rule)) {
        if !added && plan.rules.iter().any(|wanted| wanted.table == rule.table) {
            left.insert(*rule);
            continue;
        }
        if let Err(error) = tolerate(kernel::delete_rule(netlink, rule).await, Errno::ENOENT) {
            tracing::warn!("{}", Error::refused(format!("removal of the rule {rule}"), &error));
            left.insert(*rule);
        }
    }
    left
}

/// Removes the routes that are not wanted; returns the tables in which there may be some of ours.
async fn remove_routes(netlink: &Netlink, journal: &Journal, plan: &Plan) -> BTreeSet<u32> {
    let mut left: BTreeSet<u32> = plan.tables.keys().copied().collect();
    for table in journal.tables.iter().copied().filter(|table| kernel::is_in_range(*table)) {
        let wanted = plan.tables.get(&table).cloned().unwrap_or_default();
        match routes_of(netlink, table).await {
            Ok(present) => {
                for entry in present.difference(&wanted) {
                    if !delete_route(netlink, table, entry).await {
                        left.insert(table);
                    }
                }
            }
            Err(error) => {
                tracing::warn!("{error}");
                left.insert(table);
            }
        }
    }
    left
}

/// `false` where it is still there.
async fn delete_route(netlink: &Netlink, table: u32, entry: &Entry) -> bool {
    match tolerate(kernel::delete_entry(netlink, table, entry).await, Errno::ESRCH) {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!("{}", Error::refused(format!("removal of the {}", describe(table, entry)), &error));
            false
        }
    }
}

async fn all_rules(netlink: &Netlink) -> Result<Vec<RuleMessage>, Error> {
    let mut rules = Vec::new();
    for family in Family::ALL {
        let of_family = kernel::rules(netlink, family).await;
        rules.extend(of_family.map_err(|error| Error::refused("list of rules".to_owned(), &error))?);
    }
    Ok(rules)
}

async fn our_rules(netlink: &Netlink) -> Result<BTreeSet<Rule>, Error> {
    Ok(all_rules(netlink).await?.iter().filter_map(kernel::read_rule).collect())
}

async fn routes_of(netlink: &Netlink, table: u32) -> Result<BTreeSet<Entry>, Error> {
    let entries = kernel::entries(netlink, table).await;
    entries.map_err(|error| Error::refused(format!("list of routes in table {table}"), &error))
}

fn tolerate(result: Result<(), rtnetlink::Error>, expected: Errno) -> Result<(), rtnetlink::Error> {
    result.or_else(|error| if errno(&error) == Some(expected) { Ok(()) } else { Err(error) })
}

/// Where IPv6 is off there is nothing to block, and nothing to send past a tunnel.
fn is_without_ipv6(entry: &Entry, error: &rtnetlink::Error) -> bool {
    let off = matches!(errno(error), Some(Errno::EACCES | Errno::EAFNOSUPPORT | Errno::EOPNOTSUPP));
    off && Family::of(entry.route.destination) == Family::Ipv6 && !matches!(entry.target, Target::Interface(_))
}

fn describe(table: u32, entry: &Entry) -> String {
    let route = entry.route;
    match entry.target {
        Target::Interface(index) => format!("route to {route} into the interface {index} in table {table}"),
        Target::Throw => format!("route to {route} past table {table}"),
        Target::Unreachable => format!("block of {route} in table {table}"),
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "of priority {} for table {} ({:?})", self.priority, self.table, self.family)
    }
}
