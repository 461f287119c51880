//! Tickets of Kerberos for HTTP proxies (Negotiate, RFC 4559), in builds with the feature `negotiate`. This is the only file
//! that names the GSS-API crate.
//!
//! The library takes credentials where the administrator has put them: a cache (`KRB5CCNAME`) or a keytab
//! (`KRB5_CLIENT_KTNAME`). They are those of this process, which is root's, and so they are for connections of the machine
//! only: a user could have them shown to any proxy, and be root there. The caches of users are not looked for.
//!
//! The library reads files, asks DNS and talks to the KDC, and takes its time. So it works on a thread for such calls, one
//! at a time, and is not waited for longer than 20 s.

use crate::profile::{Profile, ProxyKind};
use crate::profile_files::Rights;
use crate::proxy::Token;

/// Makes tokens for the proxy of one profile.
#[derive(Debug, Default)]
pub struct Tickets {
    /// What may have tokens.
    #[cfg_attr(not(feature = "negotiate"), allow(dead_code, reason = "there are no tokens"))]
    proxy: Option<Proxy>,
    #[cfg(feature = "negotiate")]
    making: gss::Making,
}

#[derive(Debug)]
#[cfg_attr(not(feature = "negotiate"), allow(dead_code, reason = "there are no tokens"))]
struct Proxy {
    /// Its name, as the profile has it.
    host: String,
    /// The connection belongs to one user.
    is_of_user: bool,
}

impl Tickets {
    /// Whether this build makes any.
    pub const BUILT_IN: bool = cfg!(feature = "negotiate");

    /// For the HTTP proxy of a profile, where it has one.
    pub fn of(profile: &Profile, rights: &Rights) -> Self {
        let http = profile.proxy.as_ref().filter(|proxy| proxy.kind == ProxyKind::Http);
        let proxy = http.map(|proxy| Proxy { host: proxy.host.to_string(), is_of_user: rights.owner.is_some() });
        Self {
            proxy,
            #[cfg(feature = "negotiate")]
            making: gss::Making::default(),
        }
    }

    /// A token that answers this one of the proxy's, or, where this is empty, begins a new context. Nothing is lost where
    /// this is cancelled but the context.
    ///
    /// # Errors
    ///
    /// There is none; why, as a sentence without its begin and end.
    #[cfg(feature = "negotiate")]
    pub async fn token(&mut self, server_token: Vec<u8>) -> Result<Token, String> {
        match &self.proxy {
            None => Err("the profile has no HTTP proxy".to_owned()),
            Some(Proxy { is_of_user: true, .. }) => {
                Err("the connection belongs to one user, and this machine's credentials are not for users".to_owned())
            }
            Some(Proxy { host, .. }) => self.making.token(host, server_token).await,
        }
    }

    /// There is none.
    ///
    /// # Errors
    ///
    /// Always.
    #[cfg(not(feature = "negotiate"))]
    pub async fn token(&mut self, _server_token: Vec<u8>) -> Result<Token, String> {
        Err("this program was built without Kerberos".to_owned())
    }
}

#[cfg(feature = "negotiate")]
mod gss {
    use std::fmt;
    use std::time::Duration;

    use libgssapi::context::{ClientCtx, CtxFlags};
    use libgssapi::credential::{Cred, CredUsage};
    use libgssapi::error::Error;
    use libgssapi::name::Name;
    use libgssapi::oid::{GSS_MECH_KRB5, GSS_MECH_SPNEGO, GSS_NT_HOSTBASED_SERVICE, OidSet};
    use tokio::sync::Mutex;
    use tokio::task::{JoinHandle, spawn_blocking};
    use tokio::time::timeout;

    use crate::proxy::{MAX_TOKEN, Token};
    use crate::wire::printable;

    /// How long a token may take. The library gives a KDC that does not answer more time than that.
    const LIMIT: Duration = Duration::from_secs(20);

    /// A context, and the thread that goes on with it.
    #[derive(Default)]
    pub(super) struct Making {
        /// The lock is never taken; by it others may hold a reference to this.
        context: Mutex<Option<ClientCtx>>,
        thread: Option<JoinHandle<Result<(ClientCtx, Token), String>>>,
    }

    /// Does not show the context.
    impl fmt::Debug for Making {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Making").finish_non_exhaustive()
        }
    }

    impl Making {
        pub(super) async fn token(&mut self, host: &str, server_token: Vec<u8>) -> Result<Token, String> {
            if server_token.len() > MAX_TOKEN {
                return Err("the proxy's token is too long".to_owned());
            }
            if self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
                return Err("the KDC has not answered the last request yet".to_owned());
            }
            let (context, host) = (self.context.get_mut().take(), host.to_owned());
            let thread = self.thread.insert(spawn_blocking(move || step(context, &host, &server_token)));
            let (context, token) = match timeout(LIMIT, thread).await {
                Ok(made) => made.map_err(|error| error.to_string())??,
                Err(_) => return Err(format!("the KDC did not answer within {} s", LIMIT.as_secs())),
            };
            *self.context.get_mut() = Some(context);
            Ok(token)
        }
    }

    fn step(context: Option<ClientCtx>, host: &str, server_token: &[u8]) -> Result<(ClientCtx, Token), String> {
        let mut context = match (context, server_token) {
            (_, []) => begin(host).map_err(said)?,
            (Some(context), _) => context,
            (None, _) => return Err("the proxy goes on with what was not begun".to_owned()),
        };
        let server_token = Some(server_token).filter(|token| !token.is_empty());
        let made = context.step(server_token, None).map_err(said)?;
        let token = Token::new(made.as_deref().unwrap_or_default());
        Ok((context, token.ok_or("the library has no token, or a too long one")?))
    }

    /// A context with the service of the proxy (RFC 4559 4.1). It need not prove anything to us: whoever the proxy is, TLS
    /// goes through it from end to end.
    fn begin(host: &str) -> Result<ClientCtx, Error> {
        // SPNEGO says less of why there are no credentials
        Cred::acquire(None, None, CredUsage::Initiate, Some(&OidSet::singleton(GSS_MECH_KRB5)?))?;
        let service = Name::new(format!("HTTP@{host}").as_bytes(), Some(GSS_NT_HOSTBASED_SERVICE))?;
        Ok(ClientCtx::new(None, service, CtxFlags::empty(), Some(GSS_MECH_SPNEGO)))
    }

    fn said(error: Error) -> String {
        printable(error.to_string().as_bytes())
    }
}

#[cfg(all(test, feature = "negotiate"))]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    async fn refusal(data: &[(&str, &str)], owner: Option<&str>, server_token: &[u8]) -> String {
        let data: BTreeMap<String, String> =
            data.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let profile = Profile::from_settings(&data, None, None).unwrap().0;
        let mut tickets = Tickets::of(&profile, &Rights::of(owner.map(str::to_owned)));
        tickets.token(server_token.to_vec()).await.unwrap_err()
    }

    #[tokio::test]
    async fn only_the_machine_and_only_for_an_http_proxy() {
        let http = [("gateway", "vpn.example"), ("user", "alice"), ("proxy-server", "proxy.example")];
        let socks = [http[0], http[1], ("proxy-server", "socks5://proxy.example")];
        assert_eq!(refusal(&http[..2], None, b"").await, "the profile has no HTTP proxy");
        assert_eq!(refusal(&socks, None, b"").await, "the profile has no HTTP proxy");
        assert!(refusal(&http, Some("alice"), b"").await.starts_with("the connection belongs to one user"));
        assert_eq!(refusal(&http, None, b"abc").await, "the proxy goes on with what was not begun");
        let endless = vec![0; crate::proxy::MAX_TOKEN + 1];
        assert_eq!(refusal(&http, None, &endless).await, "the proxy's token is too long");
    }
}
