//! Basic (RFC 7617): name and password as they are.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use zeroize::Zeroizing;

use super::{Credentials, Error, Method};

/// The value of `Proxy-Authorization`, in UTF-8 (RFC 7617 2.1).
pub(super) fn authorization(credentials: &Credentials) -> Result<Zeroizing<String>, Error> {
    let Credentials { user, password } = credentials;
    if user.contains(':') {
        return Err(Error::UserName(Method::Basic, "it has a colon"));
    }
    if user.chars().chain(password.chars()).any(char::is_control) {
        return Err(Error::UserName(Method::Basic, "it, or the password, has control characters"));
    }
    let pair = Zeroizing::new([user, ":", password.as_str()].concat());
    let mut value = Zeroizing::new(String::with_capacity(16 + pair.len() / 3 * 4));
    value.push_str("Basic ");
    BASE64_STANDARD.encode_string(pair.as_bytes(), &mut value);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(user: &str, password: &str) -> Result<String, Error> {
        let credentials = Credentials { user: user.to_owned(), password: Zeroizing::new(password.to_owned()) };
        authorization(&credentials).map(|value| value.to_string())
    }

    /// RFC 7617 2 and 2.1.
    #[test]
    fn examples_of_rfc_7617() {
        assert_eq!(of("Aladdin", "open sesame").unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(of("test", "123\u{a3}").unwrap(), "Basic dGVzdDoxMjPCow==");
    }

    #[test]
    fn what_cannot_be_told_apart_is_not_sent() {
        assert!(matches!(of("a:b", "c"), Err(Error::UserName(Method::Basic, _))));
        assert!(matches!(of("a", "c\r\n"), Err(Error::UserName(Method::Basic, _))));
        assert!(of("a", "b:c").is_ok());
    }
}
