//! Digest (RFC 7616), with what RFC 2069 did before it.

use std::fmt::Write as _;

use zeroize::Zeroizing;

use super::{Credentials, Error, Method};
use crate::crypto::Entropy;
use crate::crypto::http_digest::{Hash, Response};
use crate::wire::challenge::{Challenge, quoted};

/// Method of the request that is authenticated.
const CONNECT: &str = "CONNECT";

/// A challenge that is being answered.
pub(super) struct Digest {
    challenge: Challenge,
    algorithm: Algorithm,
    /// The proxy knows `qop=auth`.
    auth: bool,
    /// Answers to this nonce so far.
    count: u32,
    /// A nonce was stale already.
    renewed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Algorithm {
    hash: Hash,
    session: bool,
}

impl Algorithm {
    fn named(name: &str) -> Option<Algorithm> {
        let name = name.to_ascii_uppercase();
        let (name, session) = name.strip_suffix("-SESS").map_or((name.as_str(), false), |name| (name, true));
        let hash = match name {
            "MD5" => Hash::Md5,
            "SHA-256" => Hash::Sha256,
            "SHA-512-256" => Hash::Sha512_256,
            _ => return None,
        };
        Some(Algorithm { hash, session })
    }

    fn name(self) -> &'static str {
        match (self.hash, self.session) {
            (Hash::Md5, false) => "MD5",
            (Hash::Md5, true) => "MD5-sess",
            (Hash::Sha256, false) => "SHA-256",
            (Hash::Sha256, true) => "SHA-256-sess",
            (Hash::Sha512_256, false) => "SHA-512-256",
            (Hash::Sha512_256, true) => "SHA-512-256-sess",
        }
    }
}

impl Digest {
    /// For the strongest of the challenges that can be answered.
    pub(super) fn choose(challenges: &[Challenge]) -> Option<Digest> {
        let usable =
            challenges.iter().filter(|challenge| challenge.is(Method::Digest.name())).filter_map(|challenge| {
                let algorithm = Algorithm::named(challenge.parameter("algorithm").unwrap_or("MD5"))?;
                challenge.parameter("realm").and(challenge.parameter("nonce"))?;
                let auth = match challenge.parameter("qop") {
                    Some(words) if !words.split(',').any(|word| word.trim().eq_ignore_ascii_case("auth")) => {
                        return None;
                    }
                    qop => qop.is_some(),
                };
                Some(Digest { challenge: challenge.clone(), algorithm, auth, count: 0, renewed: false })
            });
        usable.max_by_key(|digest| digest.algorithm)
    }

    /// Another challenge after an answer: the nonce was stale, or the answer was not accepted.
    pub(super) fn handle(&mut self, challenges: &[Challenge]) -> Result<(), Error> {
        let stale = |digest: &Digest| {
            digest.challenge.parameter("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true"))
        };
        match Digest::choose(challenges).filter(stale) {
            Some(digest) if !self.renewed => {
                *self = Digest { renewed: true, ..digest };
                Ok(())
            }
            _ => Err(Error::Refused(Method::Digest)),
        }
    }

    /// The value of `Proxy-Authorization` (RFC 7616 3.4).
    pub(super) fn authorization(
        &mut self,
        credentials: &Credentials,
        uri: &str,
        entropy: &mut Entropy,
    ) -> Result<Zeroizing<String>, Error> {
        let Credentials { user, password } = credentials;
        if user.chars().any(char::is_control) {
            return Err(Error::UserName(Method::Digest, "it has control characters"));
        }
        self.count += 1;
        let cnonce = entropy.octets::<16>().iter().fold(String::new(), |text, octet| format!("{text}{octet:02x}"));
        let count = format!("{:08x}", self.count);
        let given = |name| self.challenge.parameter(name);
        let (realm, nonce) = (given("realm").unwrap_or_default(), given("nonce").unwrap_or_default());
        let Algorithm { hash, session } = self.algorithm;
        let response = Response {
            hash,
            session,
            user,
            realm,
            password,
            nonce,
            cnonce: &cnonce,
            nonce_count: self.auth.then_some(count.as_str()),
            method: CONNECT,
            uri,
        };
        let mut value = Zeroizing::new(String::from("Digest "));
        if given("userhash").is_some_and(|hashed| hashed.eq_ignore_ascii_case("true")) {
            let hashed = hash.of(&[user, realm]);
            value.extend(["username=", &quoted(&hashed), ", userhash=true"]);
        } else if user.is_ascii() || !given("charset").is_some_and(|name| name.eq_ignore_ascii_case("UTF-8")) {
            value.extend(["username=", &quoted(user)]);
        } else {
            value.extend(["username*=UTF-8''", &percent_encoded(user)]);
        }
        // what was unquoted may hold octets that cannot stand in a header
        let text = |name: &str, text: &str| format!(", {name}={}", quoted(text));
        let computed = response.compute();
        value.extend([text("realm", realm), text("nonce", nonce), text("uri", uri), text("response", &computed)]);
        if given("algorithm").is_some() {
            value.extend([", algorithm=", self.algorithm.name()]);
        }
        if self.auth {
            value.extend([", qop=auth, nc=", &count]);
        }
        if self.auth || session {
            value.push_str(&text("cnonce", &cnonce));
        }
        if let Some(opaque) = given("opaque") {
            value.push_str(&text("opaque", opaque));
        }
        Ok(value)
    }
}

/// A value of RFC 8187 3.2.1.
fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, octet| {
        if octet.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&octet) {
            encoded.push(char::from(octet));
        } else {
            // writing to a string does not fail
            let _ = write!(encoded, "%{octet:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::challenge::parse;

    fn credentials(user: &str, password: &str) -> Credentials {
        Credentials { user: user.to_owned(), password: Zeroizing::new(password.to_owned()) }
    }

    fn answer(header: &str, user: &str) -> Challenge {
        let mut digest = Digest::choose(&parse(header)).unwrap();
        let value = digest.authorization(&credentials(user, "pw"), "vpn.example:443", &mut Entropy::new([1; 32]));
        parse(&value.unwrap()).remove(0)
    }

    const OFFER: &str = r#"Digest realm="a \"b\"", qop="auth,auth-int", nonce="n1", opaque="o", algorithm="#;

    #[test]
    fn the_strongest_is_answered() {
        let all: Vec<String> = ["MD5", "SHA-256", "MD5-sess", "SHA-3"].map(|name| format!("{OFFER}{name}")).into();
        let answer = answer(&all.join(", "), r"CORP\me");
        for (name, value) in [
            ("algorithm", "SHA-256"),
            ("username", r"CORP\me"),
            ("realm", "a \"b\""),
            ("nonce", "n1"),
            ("nc", "00000001"),
            ("qop", "auth"),
            ("opaque", "o"),
            ("uri", "vpn.example:443"),
        ] {
            assert_eq!(answer.parameter(name), Some(value), "{name}");
        }
        let response = Response {
            hash: Hash::Sha256,
            session: false,
            user: r"CORP\me",
            realm: "a \"b\"",
            password: "pw",
            nonce: "n1",
            cnonce: answer.parameter("cnonce").unwrap(),
            nonce_count: Some("00000001"),
            method: "CONNECT",
            uri: "vpn.example:443",
        };
        assert_eq!(answer.parameter("response"), Some(response.compute().as_str()));
        for header in [
            r#"Digest realm="r", nonce="n", algorithm=SHA-3"#,
            r#"Digest realm="r", nonce="n", qop="auth-int""#,
            r#"Digest realm="r""#,
            r#"Basic realm="r", nonce="n""#,
        ] {
            assert!(Digest::choose(&parse(header)).is_none(), "{header}");
        }
    }

    #[test]
    fn a_proxy_of_rfc_2069() {
        let answer = answer(r#"Digest realm="r", nonce="n""#, "me");
        assert_eq!((answer.parameter("qop"), answer.parameter("cnonce"), answer.parameter("nc")), (None, None, None));
        assert_eq!(answer.parameter("algorithm"), None);
    }

    #[test]
    fn a_name_beyond_ascii() {
        let name = "J\u{e4}s\u{f8}n Doe";
        // RFC 7616 3.9.2 and its erratum 4897
        let hashed =
            answer(&format!("{OFFER}SHA-512-256, userhash=true").replace("a \\\"b\\\"", "api@example.org"), name);
        assert_eq!(
            hashed.parameter("username"),
            Some("793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b")
        );
        // RFC 7616 3.4.4 with the encoding of RFC 8187
        let plain = answer(&format!("{OFFER}MD5, charset=UTF-8"), name);
        assert_eq!(plain.parameter("username*"), Some("UTF-8''J%C3%A4s%C3%B8n%20Doe"));
        assert_eq!(plain.parameter("username"), None);
        let bad = Digest::choose(&parse(&format!("{OFFER}MD5"))).unwrap().authorization(
            &credentials("a\r\nb", ""),
            "x:1",
            &mut Entropy::new([1; 32]),
        );
        assert!(matches!(bad, Err(Error::UserName(Method::Digest, _))));
    }

    #[test]
    fn a_stale_nonce_is_renewed_once() {
        let stale = |nonce: &str| parse(&format!("{OFFER}MD5, stale=true").replace("n1", nonce));
        let mut digest = Digest::choose(&stale("n1")).unwrap();
        assert_eq!(digest.handle(&stale("n2")), Ok(()));
        assert_eq!(digest.challenge.parameter("nonce"), Some("n2"));
        assert_eq!(digest.handle(&stale("n3")), Err(Error::Refused(Method::Digest)));
        let mut digest = Digest::choose(&stale("n1")).unwrap();
        assert_eq!(digest.handle(&parse(&format!("{OFFER}MD5"))), Err(Error::Refused(Method::Digest)));
    }
}
