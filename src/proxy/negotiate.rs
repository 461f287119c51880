//! Negotiate (RFC 4559): tokens of Kerberos, which whoever drives the exchange makes, since a ticket is had from others.

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use zeroize::Zeroizing;

use super::{Error, Method};
use crate::wire::challenge::Challenge;

/// Octets of the longest token that is made: a ticket with the groups of a user has some ten thousand (MS-PAC), and Windows
/// makes none of more than 48,000.
pub const MAX_TOKEN: usize = 64 * 1024;

/// A token of ours, which proves to the proxy who we are.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Token(Zeroizing<Vec<u8>>);

impl Token {
    /// `None` where it is empty, or longer than [`MAX_TOKEN`].
    pub fn new(octets: &[u8]) -> Option<Token> {
        (1..=MAX_TOKEN).contains(&octets.len()).then(|| Token(Zeroizing::new(octets.to_vec())))
    }
}

/// Shows its length only.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({} octets)", self.0.len())
    }
}

/// How far it is.
pub(super) struct Negotiate {
    state: State,
    /// It, and what was offered beside it, for when there is no token.
    pub(super) offered: Vec<Challenge>,
    /// A token of the proxy's was, or is to be, answered.
    is_bound: bool,
}

enum State {
    /// A token is wanted, in answer to this one of the proxy's; to none where it is empty.
    Wanted(Vec<u8>),
    Made(Token),
}

impl Negotiate {
    pub(super) fn new(offered: &[Challenge]) -> Negotiate {
        Negotiate { state: State::Wanted(Vec::new()), offered: offered.to_vec(), is_bound: false }
    }

    /// It goes on within this connection only.
    pub(super) fn is_bound(&self) -> bool {
        self.is_bound
    }

    pub(super) fn wanted(&self) -> Option<&[u8]> {
        match &self.state {
            State::Wanted(server_token) => Some(server_token),
            State::Made(_) => None,
        }
    }

    pub(super) fn made(&mut self, token: Token) {
        self.state = State::Made(token);
    }

    /// The connection is another one. A proxy takes no token twice.
    pub(super) fn begin_again(&mut self) {
        self.state = State::Wanted(Vec::new());
    }

    /// The value of `Proxy-Authorization`, where there is a token.
    pub(super) fn authorization(&self) -> Option<Zeroizing<String>> {
        let State::Made(Token(token)) = &self.state else { return None };
        let begin = Method::Negotiate.name().len() + 1;
        // in one piece from the start: what is copied when a string grows would not be wiped
        let mut value = Zeroizing::new(String::with_capacity(begin + token.len().div_ceil(3) * 4));
        value.extend([Method::Negotiate.name(), " "]);
        BASE64_STANDARD.encode_string(&**token, &mut value);
        Some(value)
    }

    /// The proxy's answer to a token: a token of its own, or (`false`) that it does not believe us.
    pub(super) fn handle(&mut self, challenges: &[Challenge]) -> Result<bool, Error> {
        let mut tokens = challenges.iter().filter(|challenge| challenge.is(Method::Negotiate.name()));
        let Some(token) = tokens.find_map(|challenge| challenge.token.as_deref()) else { return Ok(false) };
        let bad = |why: String| Error::Challenge(Method::Negotiate, why);
        let token = BASE64_STANDARD.decode(token).map_err(|error| bad(error.to_string()))?;
        if token.is_empty() {
            return Ok(false);
        }
        self.is_bound = true;
        self.state = State::Wanted(token);
        Ok(true)
    }
}
