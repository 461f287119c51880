//! The exchange with an HTTP proxy, from the request for a connection to the gateway (CONNECT, RFC 9110 9.3.6; MS-SSTP 4.5)
//! to the moment when what is sent reaches the gateway.
//!
//! [`Exchange`] has octets in and octets out: send [`Exchange::request`], hand what comes to
//! [`Exchange::handle_input`], and do what [`Next`] says. It is bounded: in requests, in octets that are held, and in
//! octets of a response that are skipped. Time is the caller's to bound.
//!
//! The first request tells nothing of the user. Of the methods that the proxy then offers (407), the one is used that
//! gives away least. Negotiate needs no password: where it is offered, and somebody [makes tokens](Exchange::with_tokens),
//! the exchange asks for one, and goes on to the next method when there is none, or it is refused. NTLM and Digest only prove that the password is known, NTLM (v2) before Digest, since its
//! challenge is the proxy's alone to answer within one connection, while Digest is mostly MD5 with a nonce that lives long;
//! Basic sends the password itself, unencrypted, to whoever is on the way, and is used where there is nothing else. One
//! that refuses the password is not followed by a weaker one.

mod basic;
mod digest;
mod negotiate;
mod ntlm;

use std::fmt;

use zeroize::Zeroizing;

use crate::crypto::Entropy;
use crate::wire::challenge::Challenge;
use crate::wire::connect::{Request, Response, Skipper};
use crate::wire::http::MAX_RESPONSE_LEN;
use crate::wire::printable;
use digest::Digest;
use negotiate::Negotiate;
pub use negotiate::{MAX_TOKEN, Token};
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
    /// Kerberos, by Negotiate (RFC 4559).
    Negotiate,
    /// NTLM v2 (MS-NTHT, MS-NLMP).
    Ntlm,
    /// Digest (RFC 7616).
    Digest,
    /// Basic (RFC 7617).
    Basic,
}

impl Method {
    /// Those that need a password, the preferred one first.
    pub const BY_PASSWORD: [Method; 3] = [Method::Ntlm, Method::Digest, Method::Basic];

    /// Name of its scheme.
    pub const fn name(self) -> &'static str {
        match self {
            Method::Negotiate => "Negotiate",
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
    /// Somebody makes tokens for Negotiate.
    has_tokens: bool,
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
    Negotiate(Negotiate),
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
            has_tokens: false,
            login: None,
            requests: 0,
            received: Vec::new(),
            skipping: None,
            reused: false,
        }
    }

    /// The same for somebody who [makes tokens](Self::wants_token) for Negotiate, which is not spoken otherwise.
    pub fn with_tokens(self) -> Exchange {
        Exchange { has_tokens: true, ..self }
    }

    /// The method by which the next request authenticates; `None`: it does not.
    pub fn method(&self) -> Option<Method> {
        self.login.as_ref().map(|login| match login {
            Login::Negotiate(_) => Method::Negotiate,
            Login::Ntlm(_) => Method::Ntlm,
            Login::Digest(_) => Method::Digest,
            Login::Basic => Method::Basic,
        })
    }

    /// A token for Negotiate is to be made, and [handed over](Self::handle_token) before the next request: in answer to this
    /// one of the proxy's (RFC 4559 4.1), or, where this is empty, the first one of a new context.
    pub fn wants_token(&self) -> Option<&[u8]> {
        match &self.login {
            Some(Login::Negotiate(negotiate)) => negotiate.wanted(),
            _ => None,
        }
    }

    /// The token that is wanted, or, as a sentence without its begin and end, why there is none: then the next method is
    /// used.
    ///
    /// # Errors
    ///
    /// There is no other: [`Error::NoTicket`], [`Error::CredentialsNeeded`].
    pub fn handle_token(&mut self, token: Result<Token, String>) -> Result<(), Error> {
        let Some(Login::Negotiate(negotiate)) = &mut self.login else { return Ok(()) };
        match token {
            Ok(token) => negotiate.made(token),
            Err(why) => {
                let offered = std::mem::take(&mut negotiate.offered);
                self.login = Some(self.by_password(&offered, Some(Error::NoTicket(why)))?);
            }
        }
        Ok(())
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
            (Some(Login::Negotiate(negotiate)), _) => negotiate.authorization(),
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
        match &mut self.login {
            Some(Login::Ntlm(ntlm)) if reconnect && ntlm.is_bound() => return Err(Error::NotKept(Method::Ntlm)),
            Some(Login::Negotiate(negotiate)) if reconnect && negotiate.is_bound() => {
                return Err(Error::NotKept(Method::Negotiate));
            }
            Some(Login::Negotiate(negotiate)) if reconnect => negotiate.begin_again(),
            _ => {}
        }
        self.skipping = None;
        self.received.clear();
        self.reused = !reconnect;
        Ok(Next::Again { reconnect })
    }

    /// The proxy wants to know who we are, or does not believe it.
    fn challenged(&mut self, response: &Response) -> Result<(), Error> {
        let challenges = &response.challenges;
        match (&mut self.login, &self.credentials) {
            (None, _) if self.has_tokens && offers(challenges, Method::Negotiate) => {
                self.login = Some(Login::Negotiate(Negotiate::new(challenges)));
            }
            (Some(Login::Negotiate(negotiate)), _) => {
                if !negotiate.handle(challenges)? {
                    self.login = Some(self.by_password(challenges, Some(Error::TicketRefused))?);
                }
            }
            (Some(Login::Ntlm(ntlm)), Some(credentials)) => {
                ntlm.handle(challenges, credentials, &mut self.entropy, self.time)?;
            }
            (Some(Login::Digest(digest)), _) => digest.handle(challenges)?,
            (Some(Login::Basic), _) => return Err(Error::Refused(Method::Basic)),
            (None | Some(Login::Ntlm(_)), _) => self.login = Some(self.by_password(challenges, None)?),
        }
        Ok(())
    }

    /// The best of the methods that need a password; `ticket` is why Negotiate, which was offered, too, is no way.
    fn by_password(&self, challenges: &[Challenge], ticket: Option<Error>) -> Result<Login, Error> {
        match (choose(challenges), ticket) {
            (None, Some(ticket)) => Err(ticket),
            _ if self.credentials.is_none() => Err(Error::CredentialsNeeded { offered: named(challenges) }),
            (chosen, _) => chosen.ok_or_else(|| Error::NoMethod { offered: named(challenges) }),
        }
    }
}

fn offers(challenges: &[Challenge], method: Method) -> bool {
    challenges.iter().any(|challenge| challenge.is(method.name()))
}

/// The first of the methods with a password that is offered.
fn choose(challenges: &[Challenge]) -> Option<Login> {
    Method::BY_PASSWORD.into_iter().find_map(|method| match method {
        Method::Negotiate => None,
        Method::Ntlm => offers(challenges, method).then(|| Login::Ntlm(Ntlm::new())),
        Method::Digest => Digest::choose(challenges).map(Login::Digest),
        Method::Basic => offers(challenges, method).then_some(Login::Basic),
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
    /// It wants a ticket of Kerberos and offers nothing else that is known here, and there is none; why, as a sentence
    /// without its begin and end.
    NoTicket(String),
    /// It did not accept our ticket of Kerberos, and offers nothing else that is known here.
    TicketRefused,
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
    /// It ended the connection in the middle of this method, which goes on within one connection only.
    NotKept(Method),
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
                Method::BY_PASSWORD.map(Method::name).join(", ")
            ),
            Error::NoTicket(why) => write!(
                f,
                "wants a Kerberos ticket (Negotiate), and there is none for it ({why}): root's credentials are what counts, \
                 and the proxy's name has to be the one that Kerberos knows"
            ),
            Error::TicketRefused => f.write_str(
                "refused our Kerberos ticket (Negotiate): check the clocks of both machines, and with its administrator \
                 whether root's principal may use the proxy and its key is the one that Kerberos has",
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
            Error::NotKept(method) => write!(
                f,
                "asks for {} and ends the connection in the middle of it: something before it does not keep connections, \
                 its administrator has to offer another method",
                method.name()
            ),
            Error::Endless => f.write_str("asks again and again who you are"),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests;
