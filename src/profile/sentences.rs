//! What is wrong with a profile, in the language of the person who made it: whole sentences, which editors and `sstpctl` show.

use super::gateway::MAX_URI;
use super::link::MAX_INTERFACE_LEN;
use super::{BadProxy, Error, Fault, Reason};
use crate::tr;

impl Fault {
    /// The sentence.
    pub fn sentence(&self) -> String {
        match self {
            Self::Unusable(reason) => reason.sentence(),
            Self::Address => tr!("Only a name can be told to the server here, not an address."),
            Self::Fingerprint => {
                tr!("A fingerprint (SHA-256) has 64 hexadecimal digits, with colons between them or without.")
            }
            Self::Number { min, max } => tr!("Enter a number from {min} to {max}.", min = min, max = max),
            Self::Choice(words) => tr!("It can only be one of these: {words}.", words = words.join(", ")),
            Self::YesOrNo => tr!("It can only be yes or no."),
            Self::Flags => {
                tr!("It is a sum of 1 (an agent keeps it), 2 (asked every time) and 4 (not required).")
            }
            Self::CaptureName => tr!(
                "Enter the name of a file without a path: letters, digits, “-”, “_” and “.”, and no “.” at its beginning."
            ),
            Self::Ipv4Address => tr!("Enter an IPv4 address that this computer can have, such as 192.168.1.7."),
            Self::EapMethod(word) => tr!(
                "“{word}” is no method of EAP that is known. Those that are: {methods}.",
                word = word,
                methods = "mschapv2, peap, ttls, tls, gtc, otp, md5"
            ),
            Self::Uuid => tr!("Enter a UUID, such as {example}.", example = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"),
            Self::RelativePath => tr!("Enter the whole path of the file, beginning with a slash."),
        }
    }
}

impl Reason {
    /// The sentence.
    pub fn sentence(self) -> String {
        match self {
            Self::GatewayScheme => {
                tr!("Nothing but https:// may stand in front of the server's name.")
            }
            Self::OpenBracket => tr!("The bracket after the address is missing."),
            Self::Bracketed => tr!("Only an IPv6 address can stand in brackets."),
            Self::BehindBracket => tr!("Only a colon and a port can stand behind the bracket."),
            Self::Colons => tr!(
                "This is no IPv6 address. With a port, an IPv6 address stands in brackets: {example}.",
                example = "[2001:db8::1]:443"
            ),
            Self::Port => {
                tr!("The port is a number from {min} to {max}.", min = 1, max = 65_535)
            }
            Self::NameCharacter => {
                tr!("A name has only letters, digits, “-”, “_” and “.”.")
            }
            Self::NameHyphen => tr!("A name does not begin with “-”."),
            Self::NameLength => tr!("This is neither a name nor an address."),
            Self::NameNumber => {
                tr!("This is no IPv4 address: it needs four numbers up to 255.")
            }
            Self::NameEncoding => {
                tr!("A name with these letters cannot exist.")
            }
            Self::PathLength => tr!("The path is longer than {max} characters.", max = MAX_URI),
            Self::Fragment => {
                tr!("Leave out the part behind “#”: it is never told to a server.")
            }
            Self::PathCharacter => {
                tr!("The path has characters that cannot stand there. Write them as %XX.")
            }
            Self::TenantCharacter => {
                tr!("The tenant has characters that cannot stand there. Write them as %XX.")
            }
            Self::Query => tr!("Only ?tenantid=… can stand behind the path."),
            Self::ProxyUser => {
                tr!("The user name and the password for the proxy do not belong here: each has a setting of its own.")
            }
            Self::ProxyTls => {
                tr!("TLS to the proxy itself is not supported. Use http://: the connection to the server is encrypted.")
            }
            Self::SocksVersion => tr!("Of SOCKS only version 5 is supported: socks5://."),
            Self::ProxyScheme => {
                tr!("The URL of a proxy begins with http:// or socks5://.")
            }
            Self::InterfaceLength => {
                tr!("The name of an interface has {max} characters at most.", max = MAX_INTERFACE_LEN)
            }
            Self::InterfaceReserved => tr!("No interface of a VPN can have this name."),
            Self::InterfaceCharacter => tr!(
                "The name of an interface has only letters, digits, “-”, “_” and “.”, and at its end perhaps %d for a number."
            ),
        }
    }
}

impl Error {
    /// The sentence. It says nothing of keys: [`Self::key`] is the one to look at.
    pub fn sentence(&self) -> String {
        match self {
            Self::NoGateway => tr!("Enter the name or the address of the server."),
            Self::BadGateway { reason, .. } => reason.sentence(),
            Self::BadFingerprint(_) => Fault::Fingerprint.sentence(),
            Self::BadConnectionType(_) => tr!("Choose whether you log on with a password or with a certificate."),
            Self::NoCertificate => tr!("Choose the file of your certificate."),
            Self::BadProxy(BadProxy { reason, .. }) => reason.sentence(),
            Self::NoEapMethod => tr!(
                "EAP alone is allowed, and none of its methods that are listed can be used with this way to log on. Clear the \
                 list, or name others."
            ),
            Self::NoMethodLeft => tr!("No way to log on is allowed. Allow MS-CHAPv2 or another method."),
            Self::NoUserName => tr!("Enter a user name."),
            Self::NoPassword => tr!("Enter a password."),
            Self::NoIdentity => tr!("There is no name in your certificate. Enter your identity."),
            Self::BadCookie => tr!("The secret http-cookie is no cookie."),
        }
    }
}
