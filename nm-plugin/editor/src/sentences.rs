//! What the page says beside a field, in the language of the person who reads it.

use nm_sstp::tr;

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
