//! The one table of settings: every data key that network-manager-sstp, its editors or Plasma ever wrote, and ours.

/// A data key of a profile (`vpn.data` in NetworkManager).
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What its value looks like.
    pub kind: Kind,
    /// The value that an absent or empty one stands for; `None`: there is none.
    pub default: Option<&'static str>,
    /// What it says, in words.
    pub meaning: &'static str,
    /// What comes of it here.
    pub effect: Effect,
}

/// What a value looks like. How values are read is told at each kind; a value that cannot be read is named in a notice
/// and counts as absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// `yes` or `no`; also `true`, `on`, `1` and `false`, `off`, `0`, in upper or lower case.
    Yes,
    /// A decimal number in this range, ends included. As the C library's `strtol` does, it may begin with space and end
    /// with anything that is not a digit.
    Number {
        /// Least value.
        min: u32,
        /// Greatest value.
        max: u32,
    },
    /// Secret flags: a decimal sum of 1 (an agent keeps it), 2 (asked every time) and 4 (not required).
    Flags,
    /// The name of a file, with NetworkManager's escapes (`\\`, `\040`) for what is not UTF-8.
    Path,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A secret, kept in the data by a program that did not know better. Its value is never shown.
    Secret,
}

/// What comes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It does this.
    Acts(&'static str),
    /// It has no effect, and needs none, for this reason.
    NotNeeded(&'static str),
}

/// The key of this name, if there is one.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

const TLS_ENCRYPTS: &str = "TLS encrypts already, so MPPE is never negotiated";
const NEVER_COMPRESSED: &str = "compression is never negotiated";
const FLAGS: &str = "says who keeps the secret and whether it is asked for";
const ASKED_ANYWAY: &str =
    "must be 2 for a NetworkManager before 1.50, or it keeps what was asked for; newer ones set it to that themselves";

/// Every known key, in the order of the editors.
pub static KEYS: &[Key] = &[
    Key {
        name: "gateway",
        kind: Kind::Text,
        default: None,
        meaning: "the server: name, name:port, IPv4 address, IPv4:port, IPv6 address or [IPv6]:port; with ?tenantid=... \
                  behind it where one gateway serves several tenants, or /path?tenantid=... where it has a path of its own",
        effect: Effect::Acts(
            "is connected to; its certificate must be issued for this name or address, unless gateway-name or \
             gateway-fingerprint is set",
        ),
    },
    Key {
        name: "connection-type",
        kind: Kind::Choice(&["password", "tls"]),
        default: Some("password"),
        meaning: "how the user authenticates: with a name and a password, or with a certificate",
        effect: Effect::Acts("selects the keys that are looked at"),
    },
    Key {
        name: "user",
        kind: Kind::Text,
        default: None,
        meaning: "user name; absent: the one that was asked for, else the user-name of the VPN setting",
        effect: Effect::Acts("is the name in PPP authentication"),
    },
    Key {
        name: "user-flags",
        kind: Kind::Flags,
        default: Some("0"),
        meaning: "flags of the secret user, the user name that was asked for",
        effect: Effect::Acts(FLAGS),
    },
    Key {
        name: "domain",
        kind: Kind::Text,
        default: None,
        meaning: "Windows domain of the user",
        effect: Effect::Acts(r"makes the name DOMAIN\user"),
    },
    Key {
        name: "password-flags",
        kind: Kind::Flags,
        default: Some("0"),
        meaning: "flags of the secret password",
        effect: Effect::Acts(FLAGS),
    },
    Key {
        name: "password-again-flags",
        kind: Kind::Flags,
        default: Some("0"),
        meaning: "flags of the secret password-again, the new password once more",
        effect: Effect::Acts(ASKED_ANYWAY),
    },
    Key {
        name: "otp-flags",
        kind: Kind::Flags,
        default: Some("0"),
        meaning: "flags of the secret otp, a one-time code",
        effect: Effect::Acts(ASKED_ANYWAY),
    },
    Key {
        name: "http-cookie-flags",
        kind: Kind::Flags,
        default: Some("0"),
        meaning: "flags of the secret http-cookie, which is never asked for",
        effect: Effect::Acts(FLAGS),
    },
    Key {
        name: "ca-cert",
        kind: Kind::Path,
        default: None,
        meaning: "file (PEM or DER) of the authority that issued the server's certificate, or directory of such files; \
                  absent: the system's authorities",
        effect: Effect::Acts("is trusted in the place of the system's authorities"),
    },
    Key {
        name: "ignore-cert-warn",
        kind: Kind::Yes,
        default: Some("no"),
        meaning: "connect although the server's certificate is not valid",
        effect: Effect::Acts(
            "turns the verification of the server's certificate off, and warns on every connection; \
             gateway-fingerprint is the better way",
        ),
    },
    Key {
        name: "tls-ext",
        kind: Kind::Yes,
        default: Some("yes"),
        meaning: "tell the server's name in the TLS handshake (SNI)",
        effect: Effect::Acts("is on unless the profile says no; the name in the certificate is verified either way"),
    },
    Key {
        name: "gateway-name",
        kind: Kind::Text,
        default: None,
        meaning: "name (or address) that the gateway's certificate is issued for, where gateway is another one, such as \
                  an address; absent: that of gateway",
        effect: Effect::Acts("is verified, told in the TLS handshake (SNI), and asked for in the HTTP request"),
    },
    Key {
        name: "gateway-sni",
        kind: Kind::Text,
        default: None,
        meaning: "name to tell in the TLS handshake (SNI); absent: that of gateway-name, else of gateway",
        effect: Effect::Acts("is told; the name in the certificate is verified all the same, and need not be this one"),
    },
    Key {
        name: "gateway-fingerprint",
        kind: Kind::Text,
        default: None,
        meaning: "SHA-256 of the gateway's certificate, in hexadecimal digits, with colons or without",
        effect: Effect::Acts(
            "accepts this certificate and no other, whoever issued it, whatever name is in it and until when it is valid",
        ),
    },
    Key {
        name: "gateway-tls-min-version",
        kind: Kind::Choice(&["1.0", "1.1", "1.2", "1.3"]),
        default: Some("1.2"),
        meaning: "least TLS version to speak with the gateway",
        effect: Effect::Acts(
            "refuses lesser ones; 1.0 and 1.1 can be broken, warn on every connection, and need a TLS library whose policy \
             was loosened",
        ),
    },
    Key {
        name: "crl-file",
        kind: Kind::Path,
        default: None,
        meaning: "file of revoked certificates",
        effect: Effect::Acts(
            "refuses a gateway, and an authentication server (inside EAP), whose certificate is in a list of its issuer; \
             inside EAP there must be such a list, and at the gateway a file that cannot be read is a warning",
        ),
    },
    Key {
        name: "mtu",
        kind: Kind::Number { min: 0, max: 65_535 },
        default: None,
        meaning: "largest datagram in the tunnel in octets; absent or 0: what the server negotiates",
        effect: Effect::Acts("bounds the MTU of the interface and the MRU that is requested"),
    },
    Key {
        name: "mru",
        kind: Kind::Number { min: 0, max: 4091 },
        default: None,
        meaning: "largest datagram that the server is asked to send, in octets, 576 to 4091; absent or 0: 1500, or mtu where that is less",
        effect: Effect::Acts("is the MRU that is requested; the server may insist on another"),
    },
    Key {
        name: "ipv4-address",
        kind: Kind::Text,
        default: None,
        meaning: "IPv4 address to ask the server for; absent or 0.0.0.0: any",
        effect: Effect::Acts(
            "is requested, and the server may give another one, which the log says; with NetworkManager, ipv4.method=manual with a gateway asks for the first of ipv4.addresses",
        ),
    },
    Key {
        name: "routes",
        kind: Kind::Choice(&["full", "split", "none", "auto"]),
        default: Some("full"),
        meaning: "what goes through the tunnel: everything (full); the server's own networks (split); nothing but the \
                  server's end of the tunnel (none); or the server's networks where it tells some and no default route, \
                  else everything (auto)",
        effect: Effect::Acts("is routed into it; NetworkManager's own ipv4.never-default and routes come on top"),
    },
    Key {
        name: "route-metric",
        kind: Kind::Number { min: 0, max: u32::MAX },
        default: Some("50"),
        meaning: "metric of the routes that sstpctl's sessions install",
        effect: Effect::Acts("is theirs; with NetworkManager, ipv4.route-metric is"),
    },
    Key {
        name: "kill-switch",
        kind: Kind::Yes,
        default: Some("no"),
        meaning: "with routes=full and without NetworkManager: nothing leaves this machine beside the tunnel, not even \
                  when it has failed, until the session is ended",
        effect: Effect::Acts("blocks it"),
    },
    Key {
        name: "dns",
        kind: Kind::Choice(&["auto", "none"]),
        default: Some("auto"),
        meaning: "whether sstpctl's sessions set up the server's name servers and domains",
        effect: Effect::Acts("does so, for all names with routes=full, else for the server's domains"),
    },
    Key {
        name: "refuse-eap",
        kind: Kind::Yes,
        default: Some("no"),
        meaning: "do not authenticate with EAP; what EAP may use is said by eap",
        effect: Effect::Acts("EAP is refused"),
    },
    Key {
        name: "refuse-pap",
        kind: Kind::Yes,
        default: Some("no"),
        meaning: "do not authenticate with PAP",
        effect: Effect::Acts("PAP is refused"),
    },
    Key {
        name: "refuse-chap",
        kind: Kind::Yes,
        default: Some("no"),
        meaning: "do not authenticate with CHAP-MD5",
        effect: Effect::Acts("CHAP-MD5 is refused"),
    },
    Key {
        name: "refuse-mschap",
        kind: Kind::Yes,
        default: Some("no"),
        meaning: "do not authenticate with MS-CHAP version 1",
        effect: Effect::NotNeeded("MS-CHAP version 1 is always refused: it is broken"),
    },
    Key {
        name: "refuse-mschapv2",
        kind: Kind::Yes,
        default: Some("no"),
        meaning: "do not authenticate with MS-CHAPv2",
        effect: Effect::Acts("MS-CHAPv2 is refused"),
    },
    Key {
        name: "require-mppe",
        kind: Kind::Yes,
        default: Some("no"),
        meaning: "encrypt inside PPP with MPPE",
        effect: Effect::Acts(
            "PAP and CHAP-MD5 are refused, as they yield no keys for MPPE; MPPE itself is not used: TLS encrypts already",
        ),
    },
    Key {
        name: "require-mppe-40",
        kind: Kind::Yes,
        default: Some("no"),
        meaning: "use 40-bit MPPE keys",
        effect: Effect::Acts("as require-mppe"),
    },
    Key {
        name: "require-mppe-128",
        kind: Kind::Yes,
        default: Some("no"),
        meaning: "use 128-bit MPPE keys",
        effect: Effect::Acts("as require-mppe"),
    },
    Key {
        name: "mppe-stateful",
        kind: Kind::Yes,
        default: Some("no"),
        meaning: "allow stateful MPPE",
        effect: Effect::NotNeeded(TLS_ENCRYPTS),
    },
    Key {
        name: "nobsdcomp",
        kind: Kind::Yes,
        default: Some("no"),
        meaning: "do not compress with BSD-Compress",
        effect: Effect::NotNeeded(NEVER_COMPRESSED),
    },
    Key {
        name: "nodeflate",
        kind: Kind::Yes,
        default: Some("no"),
        meaning: "do not compress with Deflate",
        effect: Effect::NotNeeded(NEVER_COMPRESSED),
    },
    Key {
        name: "no-vj-comp",
        kind: Kind::Yes,
        default: Some("no"),
        meaning: "do not compress TCP headers",
        effect: Effect::NotNeeded(NEVER_COMPRESSED),
    },
    Key {
        name: "lcp-echo-failure",
        kind: Kind::Number { min: 0, max: 65_535 },
        default: Some("0"),
        meaning: "how many LCP Echo-Requests may stay unanswered; 0: any number",
        effect: Effect::Acts("ends the session after that many"),
    },
    Key {
        name: "lcp-echo-interval",
        kind: Kind::Number { min: 0, max: 65_535 },
        default: Some("0"),
        meaning: "seconds between LCP Echo-Requests; 0: none are sent",
        effect: Effect::Acts("sends them; SSTP's own Echo-Requests are sent in any case"),
    },
    Key {
        name: "hello-interval",
        kind: Kind::Number { min: 1, max: 65535 },
        default: Some("45"),
        meaning: "seconds without any packet from the server after which it is asked for a sign of life (SSTP Echo-Request)",
        effect: Effect::Acts("asks for it; any packet counts as one"),
    },
    Key {
        name: "dead-peer-timeout",
        kind: Kind::Number { min: 0, max: 65535 },
        default: Some("15"),
        meaning: "seconds that the server may take to give it; 0: as many as hello-interval, with the system's own patience for TCP",
        effect: Effect::Acts(
            "ends the session after that; a server that is being sent datagrams and is silent is asked after a quarter of this time already, and TCP gives up what is not acknowledged for a quarter more than this time",
        ),
    },
    Key {
        name: "connect-timeout",
        kind: Kind::Number { min: 0, max: 65535 },
        default: Some("0"),
        meaning: "seconds that a connection may take to come up, without the time in which a person is asked; 0: as long as its parts may take",
        effect: Effect::Acts("ends the attempt; NetworkManager's own vpn.timeout (60 s) counts beside it"),
    },
    Key {
        name: "unit",
        kind: Kind::Number { min: 0, max: 65_535 },
        default: None,
        meaning: "number of the interface",
        effect: Effect::Acts(
            "names the interface ppp<number>, as pppd did; absent: the kernel numbers it (sstp0, sstp1 ...)",
        ),
    },
    Key {
        name: "interface",
        kind: Kind::Text,
        default: None,
        meaning: "name of the interface: 15 letters, digits, -, _ and . at most; %d at its end is a number that the kernel chooses",
        effect: Effect::Acts("names the interface, before unit does"),
    },
    Key {
        name: "proxy-server",
        kind: Kind::Text,
        default: None,
        meaning: "the proxy: name, address, either with :port, or a URL (http://name:port, socks5://name:port)",
        effect: Effect::Acts("is connected to in the place of the server, whose name the proxy then resolves"),
    },
    Key {
        name: "proxy-type",
        kind: Kind::Choice(&["http", "socks5"]),
        default: Some("http"),
        meaning: "what the proxy speaks: HTTP (CONNECT) or SOCKS 5",
        effect: Effect::Acts("does so, unless proxy-server is a URL, which says it itself"),
    },
    Key {
        name: "proxy-port",
        kind: Kind::Number { min: 0, max: 65_535 },
        default: None,
        meaning: "port of the proxy; 0 or absent: 8080 for HTTP, 1080 for SOCKS 5",
        effect: Effect::Acts("is connected to, unless proxy-server has a port in it"),
    },
    Key {
        name: "proxy-user",
        kind: Kind::Text,
        default: None,
        meaning: r"user name at the proxy; for NTLM it may be DOMAIN\user",
        effect: Effect::Acts("is told to a proxy that asks for it, with the secret proxy-password"),
    },
    Key {
        name: "proxy-password",
        kind: Kind::Secret,
        default: None,
        meaning: "password at the proxy, where Plasma keeps it",
        effect: Effect::Acts("is used where there is no secret of this name"),
    },
    Key {
        name: "proxy-password-flags",
        kind: Kind::Flags,
        default: Some("0"),
        meaning: "flags of the secret proxy-password",
        effect: Effect::Acts(FLAGS),
    },
    Key {
        name: "uuid",
        kind: Kind::Text,
        default: None,
        meaning: "identifier of the connection; absent: the connection's own UUID",
        effect: Effect::Acts("is told to the server as SSTPCORRELATIONID"),
    },
    Key {
        name: "no-secret",
        kind: Kind::Text,
        default: None,
        meaning: "mark of an authentication dialog that had nothing to ask",
        effect: Effect::NotNeeded("it is only a mark"),
    },
    Key {
        name: "name",
        kind: Kind::Text,
        default: None,
        meaning: "name of the setting",
        effect: Effect::NotNeeded("the connection has a name of its own"),
    },
    Key {
        name: "tls-ca-cert",
        kind: Kind::Path,
        default: None,
        meaning: "file (PEM or DER) of the authority that issued the certificate of the authentication server (EAP-TLS, PEAP, \
                  EAP-TTLS), or directory of such files; absent: ca-cert, else the system's authorities",
        effect: Effect::Acts("is trusted in the place of ca-cert and the system's authorities"),
    },
    Key {
        name: "tls-identity",
        kind: Kind::Text,
        default: None,
        meaning: "EAP identity; absent: tls-subject-name, else the name in the user's certificate",
        effect: Effect::Acts("is the identity in EAP-TLS"),
    },
    Key {
        name: "tls-subject-name",
        kind: Kind::Text,
        default: None,
        meaning: "name in the user's certificate, filled in by the editor",
        effect: Effect::Acts("is the identity where tls-identity is not set"),
    },
    Key {
        name: "tls-user-cert",
        kind: Kind::Path,
        default: None,
        meaning: "the user's certificate: PEM, DER, PKCS#12, or a PKCS#11 URI",
        effect: Effect::Acts("is shown to the authentication server"),
    },
    Key {
        name: "tls-user-key",
        kind: Kind::Path,
        default: None,
        meaning: "the user's private key: PEM or DER, encrypted or not, or a PKCS#11 URI; absent: it is in tls-user-cert",
        effect: Effect::Acts("signs for the user"),
    },
    Key {
        name: "tls-user-key-secret-flags",
        kind: Kind::Flags,
        default: Some("0"),
        meaning: "flags of the secret tls-user-key-secret",
        effect: Effect::Acts(FLAGS),
    },
    Key {
        name: "tls-verify-key-usage",
        kind: Kind::Yes,
        default: Some("no"),
        meaning: "the authentication server's certificate must have a key usage and an extended key usage for TLS servers",
        effect: Effect::Acts("demands them; an extended key usage that is there has to allow servers in any case"),
    },
    Key {
        name: "tls-verify-method",
        kind: Kind::Choice(&["none", "subject", "name", "suffix"]),
        default: None,
        meaning: "how tls-remotename is compared with the authentication server's certificate",
        effect: Effect::Acts("is done; where tls-remotename is set and this is not, as name"),
    },
    Key {
        name: "tls-remotename",
        kind: Kind::Text,
        default: None,
        meaning: "name that the authentication server's certificate must have",
        effect: Effect::Acts(
            "must be in it; where neither this nor an authority of your own nor tls-fingerprint is set, it is the gateway's name that must be",
        ),
    },
    Key {
        name: "tls-max-version",
        kind: Kind::Choice(&["1.0", "1.1", "1.2", "1.3"]),
        default: None,
        meaning: "greatest TLS version inside EAP",
        effect: Effect::Acts("bounds it; versions before 1.2 are refused by the TLS library of this machine"),
    },
    Key {
        name: "tls-fingerprint",
        kind: Kind::Text,
        default: None,
        meaning: "SHA-256 of the authentication server's certificate, in hexadecimal digits, with colons or without",
        effect: Effect::Acts("accepts this certificate and no other, whoever issued it and whatever name is in it"),
    },
    Key {
        name: "eap",
        kind: Kind::Text,
        default: None,
        meaning: "methods that EAP may use, separated by commas, the preferred one first: mschapv2, peap, ttls, tls, gtc, \
                  otp, md5; absent: with a password all but tls, with a certificate tls and peap",
        effect: Effect::Acts("all others are refused, with these as the alternative"),
    },
    Key {
        name: "phase2-auth",
        kind: Kind::Choice(&["mschapv2", "eap-mschapv2", "pap", "gtc", "otp", "tls"]),
        default: None,
        meaning: "how the user authenticates inside PEAP and EAP-TTLS; absent: with MS-CHAPv2, gtc or otp as a PEAP server \
                  asks for, or with the certificate",
        effect: Effect::Acts("nothing else is spoken inside; pap is for EAP-TTLS only"),
    },
    Key {
        name: "anonymous-identity",
        kind: Kind::Text,
        default: None,
        meaning: "what EAP tells of the user outside of PEAP and EAP-TTLS; absent: the user name",
        effect: Effect::Acts("is the identity that everybody can read"),
    },
    Key {
        name: "hlak",
        kind: Kind::Choice(&["msk", "halves", "zero"]),
        default: Some("msk"),
        meaning: "which part of the key of an EAP method goes into the crypto binding: its first 32 octets, as specified; \
                  16 of each half (pppd up to 2.5.0 after EAP-TLS, which needs tls-max-version=1.2 where the server allows \
                  more); or none (servers that ignore the keys of EAP)",
        effect: Effect::Acts("does so"),
    },
    Key {
        name: "log-level",
        kind: Kind::Choice(&["info", "debug", "trace"]),
        default: None,
        meaning: "how much is logged of this connection at least; trace: a line for each control packet",
        effect: Effect::Acts("is logged, whatever the process is told; secrets never are"),
    },
    Key {
        name: "capture",
        kind: Kind::Text,
        default: None,
        meaning: "name of a file in /var/log/nm-sstp to which the packets of the tunnel are written, for Wireshark: letters, digits, -, _ and ., no path",
        effect: Effect::Acts(
            "writes them (pcapng), up to 256 MiB; the file is root's, and one of that name is replaced",
        ),
    },
    Key {
        name: "capture-secrets",
        kind: Kind::Yes,
        default: Some("no"),
        meaning: "capture also what authenticates the user: names, passwords, challenges and responses",
        effect: Effect::Acts("leaves it in the capture; it is blanked otherwise"),
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The keys of network-manager-sstp 1.3.1 and later, in the order of its table of valid properties, then what only
    /// Plasma writes and what that plugin tolerates.
    const EVER_WRITTEN: &str = "gateway user password-flags domain connection-type ca-cert ignore-cert-warn tls-ext mtu \
        refuse-eap refuse-pap refuse-chap refuse-mschap refuse-mschapv2 require-mppe require-mppe-40 require-mppe-128 \
        mppe-stateful nobsdcomp nodeflate no-vj-comp lcp-echo-failure lcp-echo-interval unit proxy-server proxy-port \
        proxy-user proxy-password-flags uuid no-secret crl-file tls-ca-cert tls-identity tls-subject-name tls-user-cert \
        tls-user-key tls-user-key-secret-flags tls-verify-key-usage tls-verify-method tls-remotename tls-max-version \
        proxy-password name";
    /// The keys that only this program knows: a profile without them stays valid for network-manager-sstp.
    const OURS: &str = "user-flags password-again-flags otp-flags http-cookie-flags gateway-name gateway-sni \
        gateway-fingerprint gateway-tls-min-version tls-fingerprint eap phase2-auth anonymous-identity hlak routes \
        route-metric kill-switch dns mru ipv4-address hello-interval dead-peer-timeout connect-timeout interface log-level \
        capture capture-secrets proxy-type";

    #[test]
    fn the_table_has_every_key_once() {
        let names: BTreeSet<_> = KEYS.iter().map(|key| key.name).collect();
        let expected = EVER_WRITTEN.split_ascii_whitespace().chain(OURS.split_ascii_whitespace());
        assert_eq!(names, expected.collect());
        assert_eq!(KEYS.len(), names.len());
        assert_eq!(EVER_WRITTEN.split_ascii_whitespace().count(), 43);
    }

    #[test]
    fn every_default_is_of_its_kind() {
        for key in KEYS {
            let Some(default) = key.default else { continue };
            match key.kind {
                Kind::Yes => assert!(["yes", "no"].contains(&default), "{}", key.name),
                Kind::Number { min, max } => assert!((min..=max).contains(&default.parse().unwrap()), "{}", key.name),
                Kind::Flags => assert!(default.parse::<u32>().unwrap() <= 7, "{}", key.name),
                Kind::Choice(words) => assert!(words.contains(&default), "{}", key.name),
                Kind::Text | Kind::Path | Kind::Secret => panic!("{} cannot have a default", key.name),
            }
        }
    }
}
