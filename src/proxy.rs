//! The exchange with an HTTP proxy, from the request for a connection to the gateway (CONNECT, RFC 9110 9.3.6; MS-SSTP 4.5)
//! to the moment when what is sent reaches the gateway.
//!
//! [`Exchange`] has octets in and octets out: send [`Exchange::request`], hand what comes to
//! [`Exchange::handle_input`], and do what [`Next`] says. It is bounded: in requests, in octets that are held, and in
//! octets of a response that are skipped. Time is the caller's to bound.
//!
//! The first request tells nothing of the user. Of the methods that the proxy then offers (407), the one is used that
//! gives away least: NTLM and Digest only prove that the password is known, and NTLM (v2) before Digest, since its
//! challenge is the proxy's alone to answer within one connection, while Digest is mostly MD5 with a nonce that lives long;
//! Basic sends the password itself, unencrypted, to whoever is on the way, and is used where there is nothing else. One
//! that refuses the password is not followed by a weaker one.

mod basic;
mod digest;
mod ntlm;

use std::fmt;

use zeroize::Zeroizing;

use crate::crypto::Entropy;
use crate::wire::challenge::Challenge;
use crate::wire::connect::{Request, Response, Skipper};
use crate::wire::http::MAX_RESPONSE_LEN;
use crate::wire::printable;
use digest::Digest;
use ntlm::Ntlm;

/// Requests that one exchange may take: an idle connection that is closed, a stale nonce and three messages of NTLM are
/// less.
const MAX_REQUESTS: u32 = 8;

/// Octets of the page around a refusal that are read so that its connection can be used again. It costs less to make
/// another one than to read more.
const MAX_SKIPPED: usize = 256 * 1024;

/// Schemes that are named in an error.
const MAX_NAMED: usize = 8;

/// Who we are for a proxy.
#[derive(Clone)]
pub struct Credentials {
    /// Name of the user; for NTLM it may begin with a domain and a backslash.
    pub user: String,
    /// The password.
    pub password: Zeroizing<String>,
}

/// Does not show the password.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).field("password", &format_args!("<redacted>")).finish()
    }
}

/// A way to authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// NTLM v2 (MS-NTHT, MS-NLMP).
    Ntlm,
    /// Digest (RFC 7616).
    Digest,
    /// Basic (RFC 7617).
    Basic,
}

impl Method {
    /// All of them, the preferred one first.
    pub const ALL: [Method; 3] = [Method::Ntlm, Method::Digest, Method::Basic];

    /// Name of its scheme.
    pub const fn name(self) -> &'static str {
        match self {
            Method::Ntlm => "NTLM",
            Method::Digest => "Digest",
            Method::Basic => "Basic",
        }
    }
}

/// What is to be done after input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// More of the response is needed.
    Read,
    /// Send another request: on this connection, or on a new one to the proxy.
    Again {
        /// It has to be a new one.
        reconnect: bool,
    },
    /// From here on the connection leads to the gateway.
    Connected,
}

/// An exchange with a proxy.
pub struct Exchange {
    authority: String,
    credentials: Option<Credentials>,
    entropy: Entropy,
    /// FILETIME (MS-DTYP 2.3.3).
    time: u64,
    login: Option<Login>,
    requests: u32,
    /// Octets that have come and are not done with.
    received: Vec<u8>,
    /// The page of a response that is followed by another request.
    skipping: Option<Skipping>,
    /// This connection has had a response.
    reused: bool,
}

/// The method that was chosen, and how far it is.
enum Login {
    Ntlm(Ntlm),
    Digest(Digest),
    Basic,
}

struct Skipping {
    skipper: Skipper,
    taken: usize,
}

impl Exchange {
    /// For a connection to `authority`, a host and its port.
    ///
    /// `seed` must come from the system's random source; `time` is the time of day as a FILETIME (MS-DTYP 2.3.3), which
    /// NTLM shows to a proxy that has no clock.
    pub fn new(authority: String, credentials: Option<Credentials>, seed: [u8; 32], time: u64) -> Exchange {
        Exchange {
            authority,
            credentials,
            entropy: Entropy::new(seed),
            time,
            login: None,
            requests: 0,
            received: Vec::new(),
            skipping: None,
            reused: false,
        }
    }

    /// The method by which the next request authenticates; `None`: it does not.
    pub fn method(&self) -> Option<Method> {
        self.login.as_ref().map(|login| match login {
            Login::Ntlm(_) => Method::Ntlm,
            Login::Digest(_) => Method::Digest,
            Login::Basic => Method::Basic,
        })
    }

    /// The octets to send next, to begin with and after [`Next::Again`].
    ///
    /// # Errors
    ///
    /// [`Error::Endless`], [`Error::UserName`].
    pub fn request(&mut self) -> Result<Zeroizing<Vec<u8>>, Error> {
        if self.requests == MAX_REQUESTS {
            return Err(Error::Endless);
        }
        self.requests += 1;
        let authorization = match (&mut self.login, &self.credentials) {
            (Some(Login::Ntlm(ntlm)), _) => Some(ntlm.authorization()),
            (Some(Login::Digest(digest)), Some(credentials)) => {
                Some(digest.authorization(credentials, &self.authority, &mut self.entropy)?)
            }
            (Some(Login::Basic), Some(credentials)) => Some(basic::authorization(credentials)?),
            _ => None,
        };
        let authorization = authorization.as_ref().map(|text| text.as_str());
        Ok(Request { authority: &self.authority, authorization }.emit())
    }

    /// Takes what came from the proxy.
    ///
    /// # Errors
    ///
    /// Why there will be no connection.
    pub fn handle_input(&mut self, octets: &[u8]) -> Result<Next, Error> {
        self.received.extend_from_slice(octets);
        loop {
            if let Some(skipping) = &mut self.skipping {
                let taken = skipping.skipper.skip(&self.received).map_err(|_| Error::NotHttp)?;
                self.received.drain(..taken);
                skipping.taken += taken;
                let over = skipping.skipper == Skipper::Done;
                if !over && skipping.taken + self.received.len() <= MAX_SKIPPED {
                    return Ok(Next::Read);
                }
                return self.again(!over);
            }
            let Some(response) = Response::parse(&self.received).map_err(|_| Error::NotHttp)? else {
                return Ok(Next::Read);
            };
            self.received.drain(..response.length);
            match response.status {
                // on the way to an answer
                100..=199 => {}
                200..=299 if self.received.is_empty() => return Ok(Next::Connected),
                // a TLS server speaks second
                200..=299 => return Err(Error::NotHttp),
                407 => {
                    self.challenged(&response)?;
                    if !response.keep_alive {
                        return self.again(true);
                    }
                    self.skipping = Some(Skipping { skipper: response.body.into(), taken: 0 });
                }
                status => {
                    return Err(Error::Status { gateway: self.authority.clone(), status, reason: response.reason });
                }
            }
            if self.received.len() > MAX_RESPONSE_LEN {
                return Err(Error::NotHttp);
            }
        }
    }

    /// The proxy has ended the connection.
    ///
    /// # Errors
    ///
    /// As with [`Self::handle_input`].
    pub fn handle_eof(&mut self) -> Result<Next, Error> {
        // It need not have seen the last request: an idle connection may end at any time.
        let unseen = self.reused && self.received.is_empty();
        if self.skipping.is_some() || unseen { self.again(true) } else { Err(Error::Closed) }
    }

    /// The response is done with; the next request goes out.
    fn again(&mut self, reconnect: bool) -> Result<Next, Error> {
        if reconnect && matches!(&self.login, Some(Login::Ntlm(ntlm)) if ntlm.is_bound()) {
            return Err(Error::NotKept);
        }
        self.skipping = None;
        self.received.clear();
        self.reused = !reconnect;
        Ok(Next::Again { reconnect })
    }

    /// The proxy wants to know who we are, or does not believe it.
    fn challenged(&mut self, response: &Response) -> Result<(), Error> {
        let challenges = &response.challenges;
        let Some(credentials) = &self.credentials else {
            return Err(Error::CredentialsNeeded { offered: named(challenges) });
        };
        match &mut self.login {
            None => {
                self.login = Some(choose(challenges).ok_or_else(|| Error::NoMethod { offered: named(challenges) })?)
            }
            Some(Login::Ntlm(ntlm)) => ntlm.handle(challenges, credentials, &mut self.entropy, self.time)?,
            Some(Login::Digest(digest)) => digest.handle(challenges)?,
            Some(Login::Basic) => return Err(Error::Refused(Method::Basic)),
        }
        Ok(())
    }
}

/// The first of the methods that is offered.
fn choose(challenges: &[Challenge]) -> Option<Login> {
    let offered = |method: Method| challenges.iter().any(|challenge| challenge.is(method.name()));
    Method::ALL.into_iter().find_map(|method| match method {
        Method::Ntlm => offered(method).then(|| Login::Ntlm(Ntlm::new())),
        Method::Digest => Digest::choose(challenges).map(Login::Digest),
        Method::Basic => offered(method).then_some(Login::Basic),
    })
}

/// The schemes of challenges, for people.
fn named(challenges: &[Challenge]) -> Vec<String> {
    let mut names: Vec<String> = challenges.iter().map(|challenge| printable(challenge.scheme.as_bytes())).collect();
    names.dedup();
    names.truncate(MAX_NAMED);
    names
}

/// Why a proxy does not connect us: what stands after "the proxy NAME".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// It answered with this status.
    Status {
        /// What it was to connect to.
        gateway: String,
        /// The status code.
        status: u16,
        /// Its reason phrase.
        reason: String,
    },
    /// It wants to know who we are, and the profile does not say.
    CredentialsNeeded {
        /// The methods that it offers.
        offered: Vec<String>,
    },
    /// It offers no method that is known here.
    NoMethod {
        /// Those that it offers.
        offered: Vec<String>,
    },
    /// It did not accept user name or password.
    Refused(Method),
    /// The user name cannot be sent by the method; why, as the end of a sentence.
    UserName(Method, &'static str),
    /// Its challenge cannot be read.
    Challenge(Method, String),
    /// What it sent is no response of HTTP.
    NotHttp,
    /// It ended the connection without an answer.
    Closed,
    /// It ended the connection in the middle of NTLM, which goes on within one connection only.
    NotKept,
    /// It asked for more and more requests.
    Endless,
}

impl Error {
    /// Other credentials, or any, may help.
    pub fn is_about_credentials(&self) -> bool {
        matches!(self, Error::CredentialsNeeded { .. } | Error::Refused(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Status { gateway, status, reason } => {
                let said = if reason.is_empty() { status.to_string() } else { format!("{status} {reason}") };
                match status {
                    403 => write!(
                        f,
                        "does not allow a connection to {gateway} ({said}): its administrator has to allow CONNECT to that \
                         name and port"
                    ),
                    400 | 404 | 405 | 501 => write!(
                        f,
                        "does not take the request for a connection to {gateway} ({said}): it may be no proxy for HTTPS, or \
                         not on that port (proxy-server, proxy-port)"
                    ),
                    500 | 502..=504 => write!(
                        f,
                        "could not reach {gateway} ({said}): check the gateway's name and port; if they are right, the \
                         network behind the proxy, or the server, is down"
                    ),
                    _ => write!(f, "refused to connect to {gateway} ({said})"),
                }
            }
            Error::CredentialsNeeded { offered } => write!(
                f,
                "wants to know who you are (by {}): set proxy-user, and store the secret proxy-password or let it be asked for",
                offered.join(", ")
            ),
            Error::NoMethod { offered } if offered.is_empty() => {
                f.write_str("wants to know who you are and does not say how (407 without a challenge)")
            }
            Error::NoMethod { offered } => write!(
                f,
                "wants to know who you are by {}, which is not spoken here; {} are",
                offered.join(", "),
                Method::ALL.map(Method::name).join(", ")
            ),
            Error::Refused(method) => write!(
                f,
                "refused user name or password (by {}): check proxy-user and the secret proxy-password",
                method.name()
            ),
            Error::UserName(method, why) => {
                write!(f, "wants a user name (by {}) that is not the one in proxy-user: {why}", method.name())
            }
            Error::Challenge(method, why) => {
                write!(f, "sent a challenge of {} that cannot be answered: {why}", method.name())
            }
            Error::NotHttp => f.write_str(
                "does not answer as an HTTP proxy does: check proxy-server, proxy-port and proxy-type",
            ),
            Error::Closed => f.write_str(
                "ended the connection without an answer: it may not allow this machine, or be no HTTP proxy (proxy-type)",
            ),
            Error::NotKept => f.write_str(
                "asks for NTLM and ends the connection in the middle of it: something before it does not keep connections, \
                 its administrator has to offer another method",
            ),
            Error::Endless => f.write_str("asks again and again who you are"),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests;
