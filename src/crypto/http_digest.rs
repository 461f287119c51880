//! The response of HTTP Digest (RFC 7616 3.4.1).

use md5::Md5;
use sha2::{Digest, Sha256, Sha512_256};
use zeroize::Zeroizing;

/// Hash of an `algorithm` (RFC 7616 6.1); the greater one is the stronger one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hash {
    /// `MD5`.
    Md5,
    /// `SHA-256`.
    Sha256,
    /// `SHA-512-256`.
    Sha512_256,
}

impl Hash {
    /// H(): of the parts with a colon between each two, as lower-case hexadecimal digits.
    pub fn of(self, parts: &[&str]) -> Zeroizing<String> {
        match self {
            Hash::Md5 => hexadecimal::<Md5>(parts),
            Hash::Sha256 => hexadecimal::<Sha256>(parts),
            Hash::Sha512_256 => hexadecimal::<Sha512_256>(parts),
        }
    }
}

fn hexadecimal<D: Digest>(parts: &[&str]) -> Zeroizing<String> {
    let mut hasher = D::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            hasher.update(b":");
        }
        hasher.update(part.as_bytes());
    }
    let mut digits = Zeroizing::new(String::with_capacity(64));
    for octet in hasher.finalize() {
        for nibble in [octet >> 4, octet & 15] {
            digits.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
        }
    }
    digits
}

/// What a response is made of.
#[derive(Clone, Copy)]
pub struct Response<'a> {
    /// The hash.
    pub hash: Hash,
    /// The `-sess` variant of the algorithm: nonce and cnonce go into the key.
    pub session: bool,
    /// The user name, not hashed.
    pub user: &'a str,
    /// The realm.
    pub realm: &'a str,
    /// The password.
    pub password: &'a str,
    /// The server's nonce.
    pub nonce: &'a str,
    /// Ours.
    pub cnonce: &'a str,
    /// The nonce count, 8 hexadecimal digits; `None`: there is no qop (RFC 2069), else it is `auth`.
    pub nonce_count: Option<&'a str>,
    /// Method of the request.
    pub method: &'a str,
    /// URI of the request.
    pub uri: &'a str,
}

impl Response<'_> {
    /// The value of `response`.
    pub fn compute(&self) -> Zeroizing<String> {
        let Response { hash, nonce, cnonce, .. } = *self;
        let mut a1 = hash.of(&[self.user, self.realm, self.password]);
        if self.session {
            a1 = hash.of(&[&a1, nonce, cnonce]);
        }
        let a2 = hash.of(&[self.method, self.uri]);
        match self.nonce_count {
            Some(count) => hash.of(&[&a1, nonce, count, cnonce, "auth", &a2]),
            None => hash.of(&[&a1, nonce, &a2]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MUFASA: Response<'_> = Response {
        hash: Hash::Md5,
        session: false,
        user: "Mufasa",
        realm: "http-auth@example.org",
        password: "Circle of Life",
        nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        nonce_count: Some("00000001"),
        method: "GET",
        uri: "/dir/index.html",
    };

    #[test]
    fn responses_of_rfc_7616_3_9_1() {
        assert_eq!(*MUFASA.compute(), "8ca523f5e9506fed4657c9700eebdbec");
        let sha256 = Response { hash: Hash::Sha256, ..MUFASA };
        assert_eq!(*sha256.compute(), "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
    }

    /// RFC 7616 3.9.2, with the values of erratum 4897: what is printed there is no SHA-512/256.
    #[test]
    fn response_of_rfc_7616_3_9_2() {
        let (user, realm) = ("J\u{e4}s\u{f8}n Doe", "api@example.org");
        let hashed = Hash::Sha512_256.of(&[user, realm]);
        assert_eq!(*hashed, "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b");
        let response = Response {
            hash: Hash::Sha512_256,
            user,
            realm,
            password: "Secret, or not?",
            nonce: "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
            cnonce: "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
            uri: "/doe.json",
            ..MUFASA
        };
        assert_eq!(*response.compute(), "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5");
    }

    /// RFC 2069 2.4 with its erratum 749, RFC 2617 3.5.
    #[test]
    fn responses_of_the_older_specifications() {
        let old = Response {
            realm: "testrealm@host.com",
            password: "CircleOfLife",
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            nonce_count: None,
            ..MUFASA
        };
        assert_eq!(*old.compute(), "1949323746fe6a43ef61f9606e7febea");
        let newer = Response { password: "Circle Of Life", cnonce: "0a4f113b", nonce_count: Some("00000001"), ..old };
        assert_eq!(*newer.compute(), "6629fae49393a05397450978507c4ef1");
    }
}
