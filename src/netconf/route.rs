//! Which rules and routes a tunnel needs.
//!
//! The user's main table stays as it is. A tunnel has two tables of its own: one of the *networks* that go into it (those
//! behind the server, its end of the tunnel, the name servers), and, in full mode, one for *everything*. The kernel walks
//! through the rules in the order of their priorities until a table has a route (ip-rule(8)):
//!
//! | priority | rule | for |
//! |---|---|---|
//! | 0 | the table `local` | our own addresses, loopback, broadcast (the kernel's) |
//! | [`NETWORKS`] + n | a tunnel's table of networks | every tunnel |
//! | [`NEARBY`] | the table `main` without its routes of less than [`WIDEST`] bits | full mode of some tunnel |
//! | [`EVERYTHING`] + n | a tunnel's table for everything | full mode |
//! | 32766 | the table `main` | what is left (the kernel's) |
//!
//! So what the server told wins over what `main` knows, and in full mode networks that the machine is connected to, or has
//! routes of its own to, win over the tunnel: LAN, DHCP, containers. Routes like 0.0.0.0/1 are no such networks. They
//! are somebody else's way to say "everything", and a DHCP server could take the whole traffic out of the tunnel with them
//! (CVE-2024-3661, by which one that tells many /8 still could).
//!
//! The gateway is a `throw` route in both tables: the walk goes on as if the table had nothing, to what `main` says now,
//! which needs no care when the machine moves to another network. While a connection is built again, every address that
//! the gateway may have by then is one. A tunnel throws the gateways of other tunnels, too, but
//! for those that it carries: younger ones whose connection begins at its own address. This way no connection changes its
//! way under the feet of a tunnel, and none is ever carried by itself.
//!
//! The kill switch is an `unreachable` route behind each route into the tunnel, in both families. The interface's routes
//! go with it and these stay, so that nothing gets through to `main` but the gateway, and what `main` has
//! nearby. Reverse path filtering, strict or loose, needs nothing: what comes out of the tunnel is what these tables send
//! into it, and what `main` has nearby answers to where it came from.
//!
//! Of several tunnels, the one with the lower metric comes first in each of the layers, and of the same metric the younger.

pub(super) mod converge;
pub(super) mod kernel;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::intent::{Intent, Mode, Route};

/// Tunnels at a time.
pub(super) const MAX_TUNNELS: u32 = 64;

/// Number of the first of our tables, two for a tunnel: `sstp` in ASCII.
const FIRST_TABLE: u32 = 0x7373_7470;

/// Priority of the rule for the networks of the first tunnel.
const NETWORKS: u32 = 0x7300;
/// Priority of the rule for what the main table has nearby.
const NEARBY: u32 = NETWORKS + MAX_TUNNELS;
/// Priority of the rule for everything of the first tunnel.
const EVERYTHING: u32 = NEARBY + 1;

/// Length of the widest network that is taken for one nearby: 10.0.0.0/8 and fd00::/8 are in use.
const WIDEST: u32 = 8;

/// The main table (`RT_TABLE_MAIN`).
const MAIN: u32 = 254;

/// Metric of what blocks: the highest, so that it stands behind everything.
const LAST: u32 = u32::MAX;

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Family {
    Ipv4,
    Ipv6,
}

impl Family {
    pub(super) const ALL: [Family; 2] = [Family::Ipv4, Family::Ipv6];

    pub(super) fn of(address: IpAddr) -> Family {
        if address.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 }
    }

    fn default_route(self) -> Route {
        match self {
            Family::Ipv4 => Route::DEFAULT_IPV4,
            Family::Ipv6 => Route::DEFAULT_IPV6,
        }
    }
}

/// A rule: look into this table, whatever the datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Rule {
    pub(super) family: Family,
    pub(super) priority: u32,
    pub(super) table: u32,
    /// Routes of this prefix length or less do not count.
    pub(super) suppress: Option<u32>,
}

/// A route in one of our tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) route: Route,
    pub(super) metric: u32,
    pub(super) target: Target,
}

/// Where a route leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// Into the interface with this index.
    Interface(u32),
    /// On to the next rule.
    Throw,
    /// Nowhere; the sender is told.
    Unreachable,
}

/// A tunnel as far as routing sees it.
pub(super) struct Tunnel<'a> {
    pub(super) intent: &'a Intent,
    /// Where its gateway may be, too, while the connection is built again.
    pub(super) gateways: &'a BTreeSet<IpAddr>,
    /// Index of its interface; `None`: it has failed, and only its block is wanted.
    pub(super) interface: Option<u32>,
    /// Greater than that of the tunnels before it.
    pub(super) age: u64,
    /// Which of the pairs of tables is its own.
    pub(super) tables: u32,
    /// The place of its rules in their layer as it is now, less than [`MAX_TUNNELS`].
    pub(super) place: Option<u32>,
}

/// Everything that is wanted of the kernel, for all tunnels together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) rules: BTreeSet<Rule>,
    pub(super) tables: BTreeMap<u32, BTreeSet<Entry>>,
}

/// The numbers of a pair of tables: networks, everything.
pub(super) fn table_numbers(pair: u32) -> [u32; 2] {
    [FIRST_TABLE + 2 * pair, FIRST_TABLE + 2 * pair + 1]
}

/// What is wanted for these tunnels, and the place of each. Rules of others have the priorities that are `taken`.
pub(super) fn plan(tunnels: &[Tunnel<'_>], taken: &BTreeSet<u32>) -> (Plan, Vec<u32>) {
    let places = places(tunnels, taken);
    let mut plan = Plan::default();
    for (tunnel, place) in tunnels.iter().zip(&places) {
        let beside = tunnels.iter().filter(|other| !tunnel.carries(other));
        let gateways: BTreeSet<IpAddr> = beside.flat_map(Tunnel::gateways).collect();
        let [networks, everything] = table_numbers(tunnel.tables);
        plan.add(NETWORKS + place, networks, tunnel.networks(), &gateways, tunnel);
        if plan.add(EVERYTHING + place, everything, tunnel.everything(), &gateways, tunnel) {
            let families: Vec<Family> = plan.families_of(everything).collect();
            plan.rules.extend(families.into_iter().map(nearby));
        }
    }
    (plan, places)
}

fn nearby(family: Family) -> Rule {
    Rule { family, priority: NEARBY, table: MAIN, suppress: Some(WIDEST - 1) }
}

impl Plan {
    /// Adds a table with these routes and the rules that lead there; `false` where there are none.
    fn add(
        &mut self,
        priority: u32,
        table: u32,
        mut routes: Vec<Route>,
        gateways: &BTreeSet<IpAddr>,
        tunnel: &Tunnel<'_>,
    ) -> bool {
        let gateways: Vec<Route> = gateways.iter().copied().map(Route::to_host).collect();
        routes.retain(|route| !gateways.contains(route));
        let mut entries = BTreeSet::new();
        for route in &routes {
            let carried = tunnel.interface.filter(|_| tunnel.intent.has_route(*route));
            // IPv6 takes 0 for 1024 (IP6_RT_PRIO_USER), and behind the last there is no room for a block.
            let metric = tunnel.intent.metric.clamp(1, LAST - 1);
            entries.extend(carried.map(|index| Entry { route: *route, metric, target: Target::Interface(index) }));
            if tunnel.intent.blocks() {
                entries.insert(Entry { route: *route, metric: LAST, target: Target::Unreachable });
            }
        }
        let families: BTreeSet<Family> = entries.iter().map(|entry| Family::of(entry.route.destination)).collect();
        if families.is_empty() {
            return false;
        }
        let thrown = gateways.into_iter().filter(|gateway| families.contains(&Family::of(gateway.destination)));
        entries.extend(thrown.map(|route| Entry { route, metric: 1, target: Target::Throw }));
        self.tables.insert(table, entries);
        self.rules.extend(families.into_iter().map(|family| Rule { family, priority, table, suppress: None }));
        true
    }

    fn families_of(&self, table: u32) -> impl Iterator<Item = Family> {
        self.rules.iter().filter(move |rule| rule.table == table).map(|rule| rule.family)
    }
}

impl Tunnel<'_> {
    /// The connection of the other one goes through this one.
    fn carries(&self, other: &Tunnel<'_>) -> bool {
        let is_ours = |source| self.intent.addresses.iter().any(|own| own.address == source);
        other.age > self.age && other.intent.source.is_none_or(is_ours)
    }

    fn gateways(&self) -> impl Iterator<Item = IpAddr> {
        std::iter::once(self.intent.server).chain(self.gateways.iter().copied())
    }

    fn networks(&self) -> Vec<Route> {
        self.intent.networks()
    }

    fn everything(&self) -> Vec<Route> {
        let wanted = |family: &Family| self.intent.blocks() || self.intent.has_route(family.default_route());
        let full = self.intent.mode == Mode::Full;
        Family::ALL.into_iter().filter(|family| full && wanted(family)).map(Family::default_route).collect()
    }
}

impl Intent {
    /// Nothing may go beside the tunnel.
    pub(super) fn blocks(&self) -> bool {
        self.kill_switch && self.mode == Mode::Full
    }

    fn has_route(&self, route: Route) -> bool {
        route.prefix_len != 0 || self.has_family_of(route.destination)
    }
}

/// A place for the rules of each tunnel, such that the first in rank has the lowest. A tunnel keeps its place where it
/// can: rules that stay are rules that nobody has to exchange.
fn places(tunnels: &[Tunnel<'_>], taken: &BTreeSet<u32>) -> Vec<u32> {
    let mut last_first: Vec<usize> = (0..tunnels.len()).collect();
    last_first.sort_by_key(|number| {
        let tunnel = &tunnels[*number];
        (std::cmp::Reverse(tunnel.intent.metric), tunnel.age)
    });
    let free = |place: &u32| !taken.contains(&(NETWORKS + place)) && !taken.contains(&(EVERYTHING + place));
    let free: Vec<u32> = (0..MAX_TUNNELS).filter(free).collect();
    assign(&last_first, &free, |number| tunnels[number].place)
        .or_else(|| assign(&last_first, &free, |_| None))
        // Others have so many that theirs and ours have to stand side by side.
        .or_else(|| assign(&last_first, &(0..MAX_TUNNELS).collect::<Vec<_>>(), |_| None))
        .unwrap_or_else(|| vec![0; tunnels.len()])
}

/// From the highest place downwards; `None` where the places end before the tunnels do.
fn assign(last_first: &[usize], mut free: &[u32], current: impl Fn(usize) -> Option<u32>) -> Option<Vec<u32>> {
    let mut places = vec![0; last_first.len()];
    for number in last_first {
        let kept = current(*number).and_then(|place| free.binary_search(&place).ok());
        let chosen = kept.or(free.len().checked_sub(1))?;
        places[*number] = free[chosen];
        free = &free[..chosen];
    }
    Some(places)
}

#[cfg(test)]
mod tests;
