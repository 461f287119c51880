//! Why a text is no gateway, proxy or interface.

use std::fmt;

/// Why a text is not what its setting holds. Shown, it is the end of an English sentence, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Reason {
    /// Another scheme than `https` stands in front of a gateway.
    GatewayScheme,
    /// A `[` without its `]`.
    OpenBracket,
    /// What stands in brackets is no IPv6 address.
    Bracketed,
    /// Something else than a port stands behind brackets.
    BehindBracket,
    /// Several colons, and no IPv6 address.
    Colons,
    /// A port that is none.
    Port,
    /// A character that no name has.
    NameCharacter,
    /// A name with a hyphen in front.
    NameHyphen,
    /// A name with an empty or too long part.
    NameLength,
    /// A name with a number at its end, which resolvers take for an address.
    NameNumber,
    /// A name beyond ASCII that cannot be encoded (UTS #46).
    NameEncoding,
    /// A path that is too long.
    PathLength,
    /// A fragment (RFC 3986 3.5).
    Fragment,
    /// A character that no path has.
    PathCharacter,
    /// A character that no tenant has.
    TenantCharacter,
    /// Another query than a tenant's (MS-SSTP 3.2.4.1).
    Query,
    /// A user in front of a proxy.
    ProxyUser,
    /// TLS to a proxy.
    ProxyTls,
    /// Another version of SOCKS than 5.
    SocksVersion,
    /// A scheme that no proxy has.
    ProxyScheme,
    /// The name of an interface that is too long.
    InterfaceLength,
    /// The name of an interface that means something else.
    InterfaceReserved,
    /// A character that no name of an interface has.
    InterfaceCharacter,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GatewayScheme => "only https:// may stand in front of the name",
            Self::OpenBracket => "its bracket is not closed",
            Self::Bracketed => "only an IPv6 address may stand in brackets",
            Self::BehindBracket => "only :port may stand behind the bracket",
            Self::Colons => "it is no IPv6 address; with a port, an IPv6 address stands in brackets: [2001:db8::1]:443",
            Self::Port => "its port is not a number from 1 to 65535",
            Self::NameCharacter => "only letters, digits, '-', '_' and '.' may stand in a name",
            Self::NameHyphen => "a name does not begin with '-'",
            Self::NameLength => "it is neither a name nor an address",
            Self::NameNumber => "it ends in a number and is no IPv4 address",
            Self::NameEncoding => "its letters beyond ASCII cannot stand in a name like this",
            Self::PathLength => "its path is longer than 2048 characters",
            Self::Fragment => "a part behind '#' is never told to a server; leave it out",
            Self::PathCharacter => "its path has characters that cannot stand there; write them as %XX",
            Self::TenantCharacter => "its tenantid has characters that cannot stand there; write them as %XX",
            Self::Query => "only ?tenantid=... may stand behind the path",
            Self::ProxyUser => "it has a user in it; set proxy-user and the secret proxy-password",
            Self::ProxyTls => "TLS to the proxy itself is not supported; an HTTP proxy carries TLS to the gateway",
            Self::SocksVersion => "of SOCKS only version 5 is supported (socks5://)",
            Self::ProxyScheme => "a URL of a proxy begins with http:// or socks5://",
            Self::InterfaceLength => "it is longer than the 15 characters that the name of an interface may have",
            Self::InterfaceReserved => "no interface of a tunnel can have this name",
            Self::InterfaceCharacter => {
                "the name of an interface has letters, digits, \"-\", \"_\" and \".\", and perhaps %d at its end"
            }
        })
    }
}
