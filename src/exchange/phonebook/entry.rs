//! One entry of a phone book, and what it says.

use std::net::IpAddr;

use super::{EAP_TYPES, excluded, method, routes, strategy};
use crate::exchange::{Connection, Family};
use crate::tr;

/// Keys whose meaning there is no place for here, said where their value is neither empty nor zero.
const WITHOUT_PLACE: &[&str] = &[
    "AlwaysOnCapable",
    "AutoTiggerCapable",
    "CallbackMode",
    "CustomDialDll",
    "CustomDialFunc",
    "CustomRasDialDll",
    "DeviceTunnel",
    "IdleDisconnectSeconds",
    "IpWins2Address",
    "IpWinsAddress",
    "NumAppIds",
    "NumClassicAppIds",
    "NumDnsSearchSuffixes",
    "NumNrptRules",
    "NumTrustedNetworks",
    "PrerequisiteEntry",
    "ProxyFlags",
    "TcpWindowSize",
];

/// An entry: its lines as they stand.
pub(super) struct Entry<'a> {
    /// Its name.
    pub name: &'a str,
    lines: Vec<(&'a str, &'a str)>,
}

impl<'a> Entry<'a> {
    /// The entries of a text, in their order.
    pub fn all(text: &'a str) -> Vec<Self> {
        let mut entries: Vec<Self> = Vec::new();
        for line in text.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                entries.push(Self { name, lines: Vec::new() });
            } else if let (Some(entry), Some((key, value))) = (entries.last_mut(), line.split_once('=')) {
                entry.lines.push((key.trim_end(), value.trim_start()));
            }
        }
        entries
    }

    /// The first value of a key, where it is not empty. `Device` and `DEVICE` are two keys.
    fn text(&self, key: &str) -> Option<&'a str> {
        self.lines.iter().find(|(name, value)| *name == key && !value.is_empty()).map(|(_, value)| *value)
    }

    fn number(&self, key: &str) -> Option<u32> {
        self.text(key)?.parse().ok()
    }

    /// All values of a key, in their order.
    fn all_of(&self, key: &str) -> impl Iterator<Item = &'a str> {
        self.lines.iter().filter(move |(name, _)| *name == key).map(|(_, value)| *value)
    }

    /// An address that is one.
    fn address(&self, key: &str) -> Option<IpAddr> {
        self.text(key)?.parse().ok().filter(|address: &IpAddr| !address.is_unspecified())
    }

    /// What the entry comes to here.
    ///
    /// # Errors
    ///
    /// It is no connection by SSTP; the sentence says what it is.
    pub fn connection(&self) -> Result<Connection, String> {
        let name = self.name;
        let by_device = || self.all_of("DEVICE").any(|device| device.eq_ignore_ascii_case("vpn"));
        if !self.number("Type").map_or_else(by_device, |kind| kind == 2) {
            return Err(tr!("The entry {name} is no VPN.", name = name));
        }
        let mut connection = Connection { name: name.to_owned(), ..Connection::default() };
        match self.number("VpnStrategy").unwrap_or(strategy::AUTOMATIC) {
            strategy::SSTP_ONLY => {}
            other
                if other == strategy::SSTP_FIRST
                    || other == strategy::AUTOMATIC
                    || strategy::WITH_SSTP.contains(&other) =>
            {
                connection.leave("VpnStrategy", tr!("VpnStrategy={value} was not carried over: Windows may take another protocol than SSTP; here it is SSTP alone.", value = other));
            }
            other => {
                return Err(tr!(
                    "The entry {name} is not for SSTP, but for PPTP, L2TP or IKEv2 (VpnStrategy={value}).",
                    name = name,
                    value = other
                ));
            }
        }
        let mut numbers = self.all_of("PhoneNumber").filter(|number| !number.is_empty());
        if let Some(gateway) = numbers.next() {
            connection.set("gateway", gateway);
        }
        if numbers.next().is_some() || self.number("NumServers").is_some_and(|number| number > 1) {
            connection.leave("PhoneNumber", tr!("Only the first of several servers was carried over."));
        }
        connection.persistent = self.number("RedialOnLinkFailure") == Some(1);
        self.read_methods(&mut connection);
        self.read_network(&mut connection);
        self.name_what_is_left(&mut connection);
        Ok(connection)
    }

    fn read_methods(&self, connection: &mut Connection) {
        let Some(methods) = self.number("AuthRestrictions").filter(|bits| *bits != 0) else { return };
        for (bit, key) in [
            (method::PAP, "refuse-pap"),
            (method::CHAP_MD5, "refuse-chap"),
            (method::MS_CHAP_V2, "refuse-mschapv2"),
            (method::EAP, "refuse-eap"),
        ] {
            if methods & bit == 0 {
                connection.yes(key);
            }
        }
        if methods & (method::SPAP | method::MS_CHAP) != 0 {
            connection.leave(
                "AuthRestrictions",
                tr!("SPAP and MS-CHAP version 1 were not carried over: they are broken and never used here."),
            );
        }
        if methods & method::EAP == 0 {
            return;
        }
        // -1 is written for none
        let Some(kind) = self.number("CustomAuthKey").filter(|kind| *kind != 0) else { return };
        match EAP_TYPES.into_iter().find(|(number, _)| *number == kind) {
            Some((_, name)) => connection.set("eap", name),
            None => connection.leave(
                "CustomAuthKey",
                tr!("CustomAuthKey={value} was not carried over: EAP of this type is not spoken here.", value = kind),
            ),
        }
        if kind == 13 {
            connection.set("connection-type", "tls");
            connection.leave("CustomAuthKey", tr!("The user's certificate was not carried over: it is in Windows' own store. Export it there, and set tls-user-cert and tls-user-key."));
        }
        if self.text("CustomAuthData").is_some() {
            connection.leave("CustomAuthData", tr!("CustomAuthData was not carried over: what EAP may use inside, and whom it trusts, is said by phase2-auth, tls-ca-cert and tls-remotename here."));
        }
    }

    fn read_network(&self, connection: &mut Connection) {
        let excluded = self.number("ExcludedProtocols").unwrap_or(0);
        connection.network.ipv4.disabled = excluded & excluded::IPV4 != 0;
        connection.network.ipv6.disabled = excluded & excluded::IPV6 != 0;
        self.read_family("Ip", &mut connection.network.ipv4);
        self.read_family("Ipv6", &mut connection.network.ipv6);
        if let Some(domain) = self.text("IpDnsSuffix") {
            connection.network.ipv4.dns_search.push(domain.to_owned());
        }
        if let Some(address) = self.address("IpAddress").filter(|_| self.number("IpAssign") == Some(2)) {
            connection.set("ipv4-address", address.to_string());
        }
        if self.number("Ipv6Assign") == Some(2) && self.address("Ipv6Address").is_some() {
            connection.leave(
                "Ipv6Address",
                tr!("Ipv6Address was not carried over: the server says which IPv6 address it is."),
            );
        }
        if self.number("NumRoutes").is_some_and(|number| number > 0) {
            let octets = self.all_of("Routes").collect::<String>();
            let read = routes::parse(&octets);
            if read.len() != self.number("NumRoutes").map_or(0, |number| number as usize) {
                connection
                    .leave("Routes", tr!("Not all of Routes could be read; compare the routes with those in Windows."));
            }
            for route in read {
                let family = connection.network.of(&route.destination);
                family.routes.push(route);
            }
        }
        let split = connection.network.ipv4.never_default;
        if split && self.number("DisableClassBasedDefaultRoute") != Some(1) {
            connection.leave("DisableClassBasedDefaultRoute", tr!("Windows also routes the network of the tunnel's own address class (10.0.0.0/8, 172.16.0.0/16 ... or 192.168.x.0/24) into it; here only what the server or the routes say is."));
        }
    }

    /// `prefix` begins the keys of the family.
    fn read_family(&self, prefix: &str, family: &mut Family) {
        let key = |rest: &str| format!("{prefix}{rest}");
        family.never_default = self.number(&key("PrioritizeRemote")) == Some(0);
        family.route_metric = self.number(&key("InterfaceMetric")).filter(|metric| *metric != 0);
        if self.number(&key("NameAssign")) == Some(2) {
            family.dns = ["DnsAddress", "Dns2Address"].iter().filter_map(|rest| self.address(&key(rest))).collect();
            family.ignore_auto_dns = true;
        }
    }

    fn name_what_is_left(&self, connection: &mut Connection) {
        for key in WITHOUT_PLACE {
            if self.text(key).is_some_and(|value| !matches!(value, "0" | "0.0.0.0")) {
                connection.leave_unknown(key);
            }
        }
        if self.number("AutoLogon") == Some(1) {
            connection.leave(
                "AutoLogon",
                tr!("AutoLogon was not carried over: the name and password of Windows' own logon are not known here."),
            );
        }
        if self.text("PreSharedKey").is_some() {
            connection.leave("PreSharedKey", tr!("PreSharedKey was not carried over: SSTP has none."));
        }
    }
}
