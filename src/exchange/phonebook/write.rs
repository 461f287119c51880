//! An entry of a phone book for a connection.

use std::fmt::Write;
use std::net::IpAddr;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{EAP_TYPES, excluded, method, routes, strategy};
use crate::exchange::{Confidential, Connection, Error, Exported, Left};
use crate::profile::Gateway;
use crate::tr;
use crate::wire::http::URI;

/// Settings that an entry says, or that mean nothing to Windows and are not missed there.
const SAID: &[&str] = &[
    "user",
    "domain",
    "gateway",
    "connection-type",
    "eap",
    "refuse-eap",
    "refuse-pap",
    "refuse-chap",
    "refuse-mschap",
    "refuse-mschapv2",
    "ipv4-address",
];

/// Writes an entry as Windows 10 does. Names and passwords are not in a phone book: Windows keeps them elsewhere.
pub(in crate::exchange) fn export(connection: &Connection, confidential: Confidential) -> Result<Exported, Error> {
    let gateway = connection.gateway()?;
    let mut left = Vec::new();
    name_what_is_left(connection, &gateway, confidential, &mut left);
    let name: String = connection.name.chars().filter(|c| !c.is_control() && !"[]".contains(*c)).collect();
    let id = Sha256::digest(format!("{name}\n{}", connection.uuid.as_deref().unwrap_or_default()));
    let guid: String = id[..16].iter().map(|octet| format!("{octet:02X}")).collect();
    let uid = u32::from_le_bytes([id[16], id[17], id[18], id[19] & 0x7f]);
    let mut out = Lines(format!("[{name}]\r\n"));
    say_what_it_is(connection, &guid, uid, &mut out);
    say_addresses(connection, &mut out);
    out.section(&[("NETCOMPONENTS", ""), ("ms_msclient", "1"), ("ms_server", "1")]);
    out.section(&[("MEDIA", "rastapi"), ("Port", "VPN1-0"), ("Device", "WAN Miniport (SSTP)")]);
    out.section(&[("DEVICE", "vpn"), ("PhoneNumber", &gateway.authority(&gateway.host)), ("AreaCode", "")]);
    out.all(&[("CountryCode", "0"), ("CountryID", "0"), ("UseDialingRules", "0"), ("Comment", "")]);
    out.all(&[("FriendlyName", ""), ("LastSelectedPhone", "0"), ("PromoteAlternates", "0")]);
    out.all(&[("TryNextAlternateOnFail", "1")]);
    Ok(Exported { octets: Zeroizing::new(out.0.into_bytes()), left })
}

/// What kind of connection it is, and how the user authenticates.
fn say_what_it_is(connection: &Connection, guid: &str, uid: u32, out: &mut Lines) {
    out.all(&[("Encoding", "1"), ("PBVersion", "8"), ("Type", "2"), ("AutoLogon", "0"), ("UseRasCredentials", "1")]);
    out.line("DialParamsUID", &uid);
    out.line("Guid", &guid);
    out.line("VpnStrategy", &strategy::SSTP_ONLY);
    let (ipv4, ipv6) = (&connection.network.ipv4, &connection.network.ipv6);
    let excluded = [(ipv4.disabled, excluded::IPV4), (ipv6.disabled, excluded::IPV6)];
    out.line("ExcludedProtocols", &excluded.iter().filter(|(is, _)| *is).map(|(_, bit)| bit).sum::<u32>());
    out.all(&[
        ("LcpExtensions", "1"),
        ("DataEncryption", "8"),
        ("SwCompression", "0"),
        ("NegotiateMultilinkAlways", "0"),
    ]);
    out.all(&[("SkipDoubleDialDialog", "0"), ("DialMode", "0"), ("OverridePref", "15"), ("RedialAttempts", "3")]);
    out.all(&[("RedialSeconds", "60"), ("IdleDisconnectSeconds", "0")]);
    out.line("RedialOnLinkFailure", &u8::from(connection.persistent));
    out.all(&[("CallbackMode", "0"), ("CustomDialDll", ""), ("CustomDialFunc", ""), ("CustomRasDialDll", "")]);
    out.all(&[("AuthenticateServer", "0"), ("ShareMsFilePrint", "1"), ("BindMsNetClient", "1")]);
    out.all(&[("SharedPhoneNumbers", "0"), ("GlobalDeviceSettings", "0"), ("PrerequisiteEntry", "")]);
    out.all(&[("PreferredPort", "VPN1-0"), ("PreferredDevice", "WAN Miniport (SSTP)"), ("PreviewUserPw", "1")]);
    out.all(&[("PreviewDomain", "1"), ("PreviewPhoneNumber", "0"), ("ShowDialingProgress", "1")]);
    let eap = connection.setting("eap").and_then(|names| names.split(',').next()).map(str::trim);
    let eap = if connection.setting("connection-type") == Some("tls") { Some("tls") } else { eap };
    let kind = EAP_TYPES.into_iter().find(|(_, name)| Some(*name) == eap).map_or(0, |(kind, _)| kind);
    out.line("CustomAuthKey", &kind);
    out.line("AuthRestrictions", &methods(connection));
}

/// Addresses, name servers and routes.
fn say_addresses(connection: &Connection, out: &mut Lines) {
    let (ipv4, ipv6) = (&connection.network.ipv4, &connection.network.ipv6);
    out.line("IpPrioritizeRemote", &u8::from(!ipv4.never_default));
    out.line("IpInterfaceMetric", &ipv4.route_metric.unwrap_or(0));
    let address = connection.setting("ipv4-address").and_then(|text| text.trim().parse::<IpAddr>().ok());
    let address = address.or(ipv4.address.map(|(address, _)| address)).filter(|address| !address.is_unspecified());
    out.line("IpHeaderCompression", &0);
    out.line("IpAddress", &address.map_or_else(|| "0.0.0.0".to_owned(), |address| address.to_string()));
    out.servers("Ip", "0.0.0.0", &ipv4.dns);
    out.all(&[("IpWinsAddress", "0.0.0.0"), ("IpWins2Address", "0.0.0.0")]);
    out.line("IpAssign", &(1 + u8::from(address.is_some())));
    out.line("IpNameAssign", &(1 + u8::from(ipv4.ignore_auto_dns)));
    out.all(&[
        ("IpDnsFlags", "0"),
        ("IpNBTFlags", "1"),
        ("TcpWindowSize", "0"),
        ("UseFlags", "2"),
        ("IpSecFlags", "0"),
    ]);
    out.line("IpDnsSuffix", &ipv4.dns_search.first().map_or("", String::as_str));
    out.all(&[("Ipv6Assign", "1"), ("Ipv6Address", "::"), ("Ipv6PrefixLength", "0")]);
    out.line("Ipv6PrioritizeRemote", &u8::from(!ipv6.never_default));
    out.line("Ipv6InterfaceMetric", &ipv6.route_metric.unwrap_or(0));
    out.line("Ipv6NameAssign", &(1 + u8::from(ipv6.ignore_auto_dns)));
    out.servers("Ipv6", "::", &ipv6.dns);
    out.all(&[("DisableClassBasedDefaultRoute", "1"), ("PreSharedKey", ""), ("CacheCredentials", "1")]);
    out.all(&[("NumServers", "0"), ("RouteVersion", "1")]);
    let all = || ipv4.routes.iter().chain(&ipv6.routes);
    out.line("NumRoutes", &all().count());
    let digits = routes::emit(all());
    for line in digits.as_bytes().chunks(routes::LINE) {
        out.line("Routes", &String::from_utf8_lossy(line));
    }
    out.all(&[("NumNrptRules", "0"), ("AutoTiggerCapable", "0"), ("ProxyFlags", "0"), ("AlwaysOnCapable", "0")]);
}

/// `AuthRestrictions` of what the connection does not refuse.
fn methods(connection: &Connection) -> u32 {
    let bits = [
        (method::PAP, "refuse-pap"),
        (method::CHAP_MD5, "refuse-chap"),
        (method::EAP, "refuse-eap"),
        (method::MS_CHAP_V2, "refuse-mschapv2"),
    ];
    bits.iter().filter(|(_, key)| !connection.is_yes(key)).map(|(bit, _)| bit).sum()
}

fn name_what_is_left(connection: &Connection, gateway: &Gateway, confidential: Confidential, left: &mut Vec<Left>) {
    let mut leave = |key: &str, sentence: String| left.push(Left { key: key.to_owned(), sentence });
    let not_there = |key: &str| tr!("{key} was left out: a phone book of Windows has no place for it.", key = key);
    if connection.user().is_some() || connection.setting("domain").is_some() {
        leave("user", tr!("The user's name was left out: Windows keeps it elsewhere, and asks for it."));
    }
    for key in connection.unsaid(SAID) {
        leave(key, not_there(key));
    }
    if connection.setting("eap").is_some_and(|names| names.contains(',')) {
        leave("eap", tr!("Of several EAP methods only the first was written: Windows has one for each entry."));
    }
    if gateway.uri != URI {
        leave("gateway", tr!("The path of the gateway was left out: Windows asks for its own."));
    }
    for (name, family) in connection.network.families() {
        for (key, said) in [
            ("ignore-auto-routes", family.ignore_auto_routes),
            ("dns", family.dns.len() > 2 || (!family.dns.is_empty() && !family.ignore_auto_dns)),
            ("dns-search", family.dns_search.len() > usize::from(name == "ipv4")),
            ("addresses", family.address.is_some_and(|(address, _)| address.is_ipv6())),
            ("routes", family.routes.iter().any(|route| route.gateway.is_some() || route.metric.is_some())),
        ] {
            if said {
                let key = format!("{name}.{key}");
                let sentence = tr!(
                    "{key} was left out, wholly or in part: a phone book of Windows has no place for it.",
                    key = key
                );
                leave(&key, sentence);
            }
        }
    }
    for (name, _) in connection.written_secrets(Confidential::Include, &mut Vec::new()) {
        leave(
            name,
            match confidential {
                Confidential::Include => not_there(name),
                Confidential::LeaveOut => tr!("The secret {name} was left out.", name = name),
            },
        );
    }
}

/// The lines of an entry.
struct Lines(String);

impl Lines {
    fn line(&mut self, key: &str, value: &dyn std::fmt::Display) {
        let value = value.to_string();
        let value: String = value.chars().filter(|c| !c.is_control()).collect();
        let _ = write!(self.0, "{key}={value}\r\n");
    }

    fn all(&mut self, lines: &[(&str, &str)]) {
        lines.iter().for_each(|(key, value)| self.line(key, value));
    }

    fn section(&mut self, lines: &[(&str, &str)]) {
        self.0.push_str("\r\n");
        self.all(lines);
    }

    /// The two name servers that there is room for.
    fn servers(&mut self, prefix: &str, none: &str, servers: &[IpAddr]) {
        for (at, key) in ["DnsAddress", "Dns2Address"].iter().enumerate() {
            let server = servers.get(at).map_or_else(|| none.to_owned(), ToString::to_string);
            self.line(&format!("{prefix}{key}"), &server);
        }
    }
}
