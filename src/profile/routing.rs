//! What the machine is to do with a tunnel once it is up.

use super::values::Reader;
use crate::session::NetworkParameters;

/// Default of the metric of routes: less than that of the machine's other links, as with NetworkManager's VPNs.
const DEFAULT_METRIC: u32 = 50;

/// What the machine is to do with a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Routing {
    /// What goes through it.
    pub routes: Routes,
    /// Metric of its routes, where we install them.
    pub metric: u32,
    /// Nothing leaves the machine beside it, where we install the routes.
    pub kill_switch: bool,
    /// Set up the server's name servers and domains, where that is our part.
    pub dns: bool,
}

/// What goes through a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Routes {
    /// Everything.
    Full,
    /// The networks that the server tells.
    Split,
    /// Nothing but the server's end of the tunnel.
    Nothing,
    /// [`Split`](Self::Split) where the server tells networks and no default route, else [`Full`](Self::Full).
    Auto,
}

impl Routes {
    /// The same with [`Auto`](Self::Auto) decided by what the server has told.
    pub fn decide(self, parameters: &NetworkParameters) -> Routes {
        let ipv4 = parameters.ipv4.iter().flat_map(|ipv4| &ipv4.routes).map(|route| route.prefix_len);
        let ipv6 = parameters.ipv6.iter().flat_map(|ipv6| &ipv6.routes).map(|route| route.prefix_len);
        let (mut networks, mut default) = (false, parameters.ipv6.as_ref().is_some_and(|ipv6| ipv6.default_route));
        for prefix_len in ipv4.chain(ipv6) {
            *if prefix_len == 0 { &mut default } else { &mut networks } = true;
        }
        match self {
            Routes::Auto if networks && !default => Routes::Split,
            Routes::Auto => Routes::Full,
            decided => decided,
        }
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Routing {
    Routing {
        routes: match reader.choice("routes") {
            Some("split") => Routes::Split,
            Some("none") => Routes::Nothing,
            Some("auto") => Routes::Auto,
            _ => Routes::Full,
        },
        metric: reader.number("route-metric").unwrap_or(DEFAULT_METRIC),
        kill_switch: reader.yes("kill-switch"),
        dns: reader.choice("dns") != Some("none"),
    }
}
