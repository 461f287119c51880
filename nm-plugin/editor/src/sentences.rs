//! What is wrong, in the language of the person who reads it.

use nm_sstp::profile::{BadProxy, Error, Fault};
use nm_sstp::tr;

/// What is wrong with one value.
pub(crate) fn of_fault(fault: &Fault) -> String {
    match fault {
        Fault::Gateway(reason) | Fault::Host(reason) | Fault::Interface(reason) => of_reason(reason),
        Fault::Proxy(reason) => of_reason(reason),
        Fault::Address => tr!("Only a name can be told to the server here, not an address."),
        Fault::Fingerprint => {
            tr!("A fingerprint (SHA-256) has 64 hexadecimal digits, with colons between them or without.")
        }
        Fault::Number { min, max } => tr!("Enter a number from {min} to {max}.", min = min, max = max),
        Fault::Choice(words) => tr!("It can only be one of these: {words}.", words = words.join(", ")),
        Fault::YesOrNo => tr!("It can only be yes or no."),
        Fault::Flags => tr!("It can only be a number from {min} to {max}.", min = 0, max = 7),
        Fault::CaptureName => tr!(
            "Enter the name of a file without a path: letters, digits, “-”, “_” and “.”, and no “.” at its beginning."
        ),
        Fault::Ipv4Address => tr!("Enter an IPv4 address that this computer can have, such as 192.168.1.7."),
        Fault::EapMethod(word) => tr!(
            "“{word}” is no method of EAP that is known. Those that are: {methods}.",
            word = word,
            methods = "mschapv2, peap, ttls, tls, gtc, otp, md5"
        ),
        Fault::Uuid => tr!("Enter a UUID, such as {example}.", example = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"),
        Fault::RelativePath => tr!("Enter the whole path of the file, beginning with a slash."),
    }
}

/// Why a text is no gateway, name, proxy or interface. The reasons are those of the profile, which are ends of English
/// sentences: in another language a sentence cannot be put together of pieces.
fn of_reason(reason: &str) -> String {
    match reason {
        "only https:// may stand in front of the name" => {
            tr!("Nothing but https:// may stand in front of the server's name.")
        }
        "its bracket is not closed" => tr!("The bracket after the address is missing."),
        "only an IPv6 address may stand in brackets" => tr!("Only an IPv6 address can stand in brackets."),
        "only :port may stand behind the bracket" => tr!("Only a colon and a port can stand behind the bracket."),
        "it is no IPv6 address; with a port, an IPv6 address stands in brackets: [2001:db8::1]:443" => tr!(
            "This is no IPv6 address. With a port, an IPv6 address stands in brackets: {example}.",
            example = "[2001:db8::1]:443"
        ),
        "its port is not a number from 1 to 65535" => {
            tr!("The port is a number from {min} to {max}.", min = 1, max = 65_535)
        }
        "only letters, digits, '-', '_' and '.' may stand in a name" => {
            tr!("A name has only letters, digits, “-”, “_” and “.”.")
        }
        "a name does not begin with '-'" => tr!("A name does not begin with “-”."),
        "it is neither a name nor an address" => tr!("This is neither a name nor an address."),
        "it ends in a number and is no IPv4 address" => {
            tr!("This is no IPv4 address: it needs four numbers up to 255.")
        }
        "its letters beyond ASCII cannot stand in a name like this" => {
            tr!("A name with these letters cannot exist.")
        }
        "its path is longer than 2048 characters" => tr!("The path is longer than {max} characters.", max = 2048),
        "a part behind '#' is never told to a server; leave it out" => {
            tr!("Leave out the part behind “#”: it is never told to a server.")
        }
        "its path has characters that cannot stand there; write them as %XX" => {
            tr!("The path has characters that cannot stand there. Write them as %XX.")
        }
        "its tenantid has characters that cannot stand there; write them as %XX" => {
            tr!("The tenant has characters that cannot stand there. Write them as %XX.")
        }
        "only ?tenantid=... may stand behind the path" => tr!("Only ?tenantid=… can stand behind the path."),
        "it has a user in it; set proxy-user and the secret proxy-password" => {
            tr!("Enter the user name and the password for the proxy in the fields below, not here.")
        }
        "TLS to the proxy itself is not supported; an HTTP proxy carries TLS to the gateway" => {
            tr!("TLS to the proxy itself is not supported. Use http://: the connection to the server is encrypted.")
        }
        "of SOCKS only version 5 is supported (socks5://)" => tr!("Of SOCKS only version 5 is supported: socks5://."),
        "a URL of a proxy begins with http:// or socks5://" => {
            tr!("The URL of a proxy begins with http:// or socks5://.")
        }
        "is longer than the 15 characters that the name of an interface may have" => {
            tr!("The name of an interface has {max} characters at most.", max = 15)
        }
        "is a name that no interface of a tunnel can have" => tr!("No interface of a VPN can have this name."),
        "is not the name of an interface: letters, digits, \"-\", \"_\" and \".\", and %d at its end" => tr!(
            "The name of an interface has only letters, digits, “-”, “_” and “.”, and at its end perhaps %d for a number."
        ),
        other => tr!("This cannot be used: {reason}.", reason = other),
    }
}

/// What is wrong with the settings as a whole.
pub(crate) fn of_error(error: &Error) -> String {
    match error {
        Error::NoGateway => tr!("Enter the name or the address of the server."),
        Error::BadGateway { reason, .. } => of_reason(reason),
        Error::BadFingerprint(_) => of_fault(&Fault::Fingerprint),
        Error::BadConnectionType(_) => tr!("Choose whether you log on with a password or with a certificate."),
        Error::NoCertificate => tr!("Choose the file of your certificate."),
        Error::BadProxy(BadProxy { reason, .. }) => of_reason(reason),
        Error::NoEapMethod => tr!(
            "EAP alone is allowed, and none of its methods that are listed can be used with this way to log on. Clear the \
             list, or name others."
        ),
        Error::NoMethodLeft => tr!("No way to log on is allowed. Allow MS-CHAPv2 or another method."),
        Error::NoUserName => tr!("Enter a user name."),
        Error::NoPassword => tr!("Enter a password."),
        Error::NoIdentity => tr!("There is no name in your certificate. Enter your identity."),
        Error::BadCookie => tr!("The secret http-cookie is no cookie."),
    }
}

/// The key to look at.
pub(crate) fn key_of_error(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::NoGateway | Error::BadGateway { .. } => "gateway",
        Error::BadFingerprint(_) => "gateway-fingerprint",
        Error::BadConnectionType(_) => "connection-type",
        Error::NoCertificate => "tls-user-cert",
        Error::BadProxy(_) => "proxy-server",
        Error::NoEapMethod => "eap",
        Error::NoMethodLeft => "refuse-mschapv2",
        Error::NoUserName => "user",
        Error::NoIdentity => "tls-identity",
        Error::NoPassword | Error::BadCookie => return None,
    })
}

pub(crate) fn no_timeout() -> String {
    tr!("Enter a number of seconds, or nothing.")
}

pub(crate) fn no_such_file() -> String {
    tr!("There is no such file, or you may not see it.")
}

pub(crate) fn anybody_is_accepted() -> String {
    tr!("Anybody can pretend to be the server and read your password.")
}

pub(crate) fn domain_is_ignored() -> String {
    tr!("The user name has a domain already, so this one is ignored.")
}

pub(crate) fn outdated_tls() -> String {
    tr!("This version of TLS can be broken, and this computer may refuse it all the same.")
}

pub(crate) fn no_ipv6() -> String {
    tr!("With less than {min} there is no IPv6 in the tunnel.", min = 1280)
}

#[cfg(test)]
mod tests {
    use nm_sstp::profile::fault;

    use super::*;

    /// A reason that the profile gives and that is not known here would stay English.
    #[test]
    fn every_reason_has_a_sentence() {
        let long = format!("a/{}", "b".repeat(3000));
        for (key, value) in [
            ("gateway", "http://a"),
            ("gateway", "[::1"),
            ("gateway", "[a]"),
            ("gateway", "[::1]x"),
            ("gateway", "1:2:x"),
            ("gateway", "a:0"),
            ("gateway", "a b"),
            ("gateway", "-a"),
            ("gateway", "a..b"),
            ("gateway", "10.1"),
            ("gateway", "\u{200d}.example"),
            ("gateway", &long),
            ("gateway", "a/#b"),
            ("gateway", "a/ b"),
            ("gateway", "a?tenantid=a b"),
            ("gateway", "a?b=c"),
            ("gateway-name", "a b"),
            ("gateway-sni", "::1"),
            ("proxy-server", "me@a"),
            ("proxy-server", "https://a"),
            ("proxy-server", "socks4://a"),
            ("proxy-server", "ftp://a"),
            ("interface", "1234567890123456"),
            ("interface", "lo"),
            ("interface", "a b"),
            ("mtu", "1"),
            ("hlak", "x"),
            ("tls-ext", "x"),
            ("user-flags", "9"),
            ("capture", "/x"),
            ("ipv4-address", "x"),
            ("eap", "x"),
            ("uuid", "x"),
            ("ca-cert", "x"),
            ("tls-fingerprint", "x"),
        ] {
            let sentence = of_fault(&fault(key, value).unwrap());
            assert!(
                !sentence.starts_with("This cannot be used") && sentence.ends_with('.'),
                "{key}={value}: {sentence}"
            );
        }
    }
}
