//! The TLS inside EAP-TLS, PEAP and EAP-TTLS: what [`ppp::inner_tls`](crate::ppp::inner_tls) asks for, by OpenSSL and in
//! memory.
//!
//! What is verified of the authentication server, before one octet inside the connection is sent:
//!
//! - **chain**: against the authorities of the profile *alone* where it names some, else against those of the system.
//! - **name**: as the profile says ([`ServerName`]). A profile that names authorities of its own need not name the
//!   server; one that trusts every authority of the system must, so that the gateway's name is asked for where no other
//!   is given: anybody can have a certificate of a public authority.
//! - **purpose**: an extended key usage, where there is one, must allow TLS servers.
//! - **revocation**: of the server's own certificate, where the profile has a file of revoked ones.
//! - **fingerprint**: where the profile gives one, it takes the place of chain, name, validity and revocation.
//!
//! Everything in files is read and checked when the connector is made, so that what is wrong with them is said before a
//! packet is sent. This module and those under it are the only ones that name the library of the inner TLS.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock};

use openssl::error::ErrorStack;
use openssl::ex_data::Index;
use openssl::ssl::{
    Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions, SslSession, SslSessionCacheMode, SslVerifyMode,
    SslVersion,
};
use openssl::x509::X509;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::X509VerifyFlags;
use zeroize::Zeroizing;

use self::client::Client;
use self::identity::Identity;
use self::verify::{Verifier, Wanted};
use crate::ppp::inner_tls::{Fault, TlsClient, TlsConnector, TlsError};
use crate::profile::{self, Fingerprint};
use crate::wire::tls::Version;

pub use self::error::Error;
#[cfg(test)]
pub(crate) use self::verify::samples::texts as verified_samples;

mod alert;
mod client;
mod der;
mod error;
mod formats;
mod identity;
mod names;
mod revoked;
mod token;
mod verify;

/// What the TLS of one connection is made of.
#[derive(Default)]
pub struct Settings {
    /// Certificates of the only authorities to trust, in one file or in those of a directory, PEM or DER (`tls-ca-cert`);
    /// `None`: the system's.
    pub authorities: Option<Vec<NamedFile>>,
    /// The user's certificate and key; `None`: none is shown, as in PEAP and EAP-TTLS.
    pub user: Option<UserCertificate>,
    /// What opens the user's key, its PKCS#12 file or its token, where that is locked.
    pub passphrase: Option<Zeroizing<String>>,
    /// How the name of the server is verified; `None`: not told (see [`Settings::gateway`]).
    pub server_name: Option<ServerName>,
    /// Name or address of the gateway. The server must have this name where the profile has neither authorities of its
    /// own nor a name nor a fingerprint.
    pub gateway: String,
    /// The server's certificate must say that it is for servers (`tls-verify-key-usage`): without this, one that does
    /// not say what it is for passes.
    pub verify_key_usage: bool,
    /// SHA-256 of the server's certificate in DER, 64 hexadecimal digits with or without colons. It alone decides then.
    pub fingerprint: Option<String>,
    /// Revoked certificates, PEM or DER (`crl-file`).
    pub revoked: Option<NamedFile>,
    /// Greatest version to speak; `None`: the greatest there is.
    pub max_version: Option<Version>,
}

/// Does not show the passphrase.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { authorities, user, server_name, gateway, fingerprint, revoked, .. } = self;
        f.debug_struct("Settings")
            .field("authorities", authorities)
            .field("user", user)
            .field("server_name", server_name)
            .field("gateway", gateway)
            .field("fingerprint", fingerprint)
            .field("revoked", revoked)
            .finish_non_exhaustive()
    }
}

/// How the name of the authentication server is verified (`tls-verify-method`, `tls-remotename`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerName {
    /// Whatever its name is (`none`).
    Any,
    /// The whole subject of its certificate is this, as OpenSSL writes it (`/C=..` or `C = ..`) or as RFC 2253 does.
    Subject(String),
    /// One of its DNS names, or its common name, is this; case does not matter.
    Exact(String),
    /// One of its DNS names, or its common name, is this or ends with a dot and this; case does not matter.
    Suffix(String),
}

/// What a file holds, and what to call it in messages.
pub struct NamedFile {
    /// Its path as the profile has it.
    pub path: String,
    /// Its contents.
    pub contents: Zeroizing<Vec<u8>>,
}

/// The contents may be a key.
impl fmt::Debug for NamedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedFile").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The user's certificate and key.
#[derive(Debug)]
pub struct UserCertificate {
    /// The certificate, with those of the authorities between it and the server's where the server needs them
    /// (`tls-user-cert`): PEM, DER or PKCS#12.
    pub certificate: Source,
    /// The key (`tls-user-key`): PEM, DER or PKCS#12, locked or not; `None`: it is where the certificate is. It is not
    /// looked at where the certificate is in a PKCS#12 file that has a key.
    pub key: Option<Source>,
}

/// Where a certificate or a key is.
pub enum Source {
    /// In a file.
    File(NamedFile),
    /// On a token, by its PKCS#11 URI (RFC 7512).
    Token(String),
}

/// A URI can have the PIN in its query.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File(file) => file.fmt(f),
            Source::Token(uri) => f.debug_tuple("Token").field(&token::without_query(uri)).finish(),
        }
    }
}

impl Source {
    /// Whether the value of `tls-user-cert` or `tls-user-key` is the URI of an object on a token, and not a path.
    pub fn is_token(value: &str) -> bool {
        value.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("pkcs11:"))
    }

    /// What to call it in messages.
    fn name(&self) -> &str {
        match self {
            Source::File(file) => &file.path,
            Source::Token(uri) => token::without_query(uri),
        }
    }
}

/// Makes the TLS clients of one connection.
pub struct Connector {
    context: SslContext,
    verifier: Arc<Verifier>,
    user_name: Option<String>,
    notices: Vec<String>,
    shared: Arc<Shared>,
}

/// What the clients of a connector have in common.
struct Shared {
    /// The session to offer next.
    kept: Mutex<Option<SslSession>>,
    /// A certificate of ours is shown to a server that asks for one.
    has_identity: bool,
    /// A greatest version that the library may not speak any more.
    outdated: Option<Version>,
}

/// The last session that the library reported for one client.
type Fresh = Arc<Mutex<Option<SslSession>>>;

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}

impl Connector {
    /// Reads and checks everything that the settings give. It works for some milliseconds, or as long as a token takes.
    ///
    /// # Errors
    ///
    /// What is wrong with a file or a setting; see [`Error`].
    pub fn new(settings: Settings) -> Result<Self, Error> {
        openssl::init();
        let Settings { authorities, user, passphrase, revoked, max_version, .. } = &settings;
        let pinned = settings.fingerprint.as_deref().map(pinned).transpose()?;
        let wanted = match (&settings.server_name, authorities) {
            (Some(ServerName::Any), _) => Wanted::Anything,
            (Some(name), _) => Wanted::Told(name.clone()),
            (None, Some(_)) => Wanted::Anything,
            (None, None) => Wanted::Gateway(settings.gateway.clone()),
        };
        let identity = match user {
            Some(user) => Some(identity::load(user, passphrase.as_ref().map(|text| text.as_str()))?),
            None => None,
        };
        let user_name = identity.as_ref().and_then(|identity| names::user_name(&identity.certificate));
        let store = trust(authorities.as_deref(), revoked.as_ref())?;
        let verifier = Arc::new(Verifier {
            wanted,
            pinned,
            verify_key_usage: settings.verify_key_usage,
            own_authorities: authorities.is_some(),
        });
        let has_identity = identity.is_some();
        let context = context(store, identity, &verifier, *max_version)?;
        let outdated = max_version.filter(|version| version.is_outdated());
        let notices = outdated.map(|version| {
            format!(
                "tls-max-version allows {version} at most, which the TLS library accepts only where its policy was \
                 loosened: set it to 1.2 or 1.3"
            )
        });
        Ok(Connector {
            context,
            verifier,
            user_name,
            notices: notices.into_iter().collect(),
            shared: Arc::new(Shared { kept: Mutex::new(None), has_identity, outdated }),
        })
    }

    /// The user's name in their certificate, for the EAP identity: its user principal name ([MS-WCCE] 2.2.2.7.7.2), or
    /// else the e-mail address, or else the common name of its subject. `None` where it has none of these, or where there
    /// is no certificate.
    pub fn user_name(&self) -> Option<&str> {
        self.user_name.as_deref()
    }

    /// What a person should know about the settings although they can be used; sentences without their ends.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }
}

impl TlsConnector for Connector {
    fn connect(&self) -> Result<Box<dyn TlsClient>, TlsError> {
        let local = |error: ErrorStack| TlsError {
            fault: Fault::Local,
            text: format!("TLS cannot be set up on this machine: {error}"),
        };
        let mut ssl = Ssl::new(&self.context).map_err(local)?;
        let fresh = Fresh::default();
        ssl.set_ex_data(fresh_index().map_err(local)?, Arc::clone(&fresh));
        if let Some(session) = locked(&self.shared.kept).take() {
            // SAFETY: `kept` only ever holds sessions that a client of this connector had, and every client of this
            // connector is made of the same context.
            unsafe { ssl.set_session(&session) }.map_err(local)?;
        }
        let client = Client::new(ssl, Arc::clone(&self.verifier), Arc::clone(&self.shared), fresh);
        Ok(Box::new(client.map_err(local)?))
    }
}

/// What is behind the lock, also after a panic of another holder: each of ours is replaced as a whole.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Where the library keeps the [`Fresh`] of a connection.
fn fresh_index() -> Result<Index<Ssl, Fresh>, ErrorStack> {
    static INDEX: OnceLock<Index<Ssl, Fresh>> = OnceLock::new();
    match INDEX.get() {
        Some(index) => Ok(*index),
        None => {
            let index = Ssl::new_ex_index()?;
            Ok(*INDEX.get_or_init(|| index))
        }
    }
}

/// The authorities to trust, and the revoked certificates.
fn trust(authorities: Option<&[NamedFile]>, revoked: Option<&NamedFile>) -> Result<X509Store, Error> {
    let mut store = X509StoreBuilder::new()?;
    match authorities {
        None => store.set_default_paths()?,
        Some(files) => {
            for certificate in certificates_of(files)? {
                store.add_cert(certificate)?;
            }
            // What the profile names is trusted, also where it is an authority below another or the server itself.
            store.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
        }
    }
    if let Some(file) = revoked {
        revoked::add(&mut store, file)?;
    }
    Ok(store.build())
}

/// The certificates of the files; where there are several, each need not have one.
fn certificates_of(files: &[NamedFile]) -> Result<Vec<X509>, Error> {
    let mut all = Vec::new();
    let mut unusable = Error::unusable("tls-ca-cert", "", "it holds no certificate");
    for NamedFile { path, contents } in files {
        let failed = |reason| Error::unusable("tls-ca-cert", path, reason);
        match formats::certificates(contents) {
            Ok(certificates) if certificates.is_empty() => unusable = failed("it holds no certificate"),
            Ok(certificates) => all.extend(certificates),
            Err(reason) => unusable = failed(reason),
        }
    }
    if all.is_empty() { Err(unusable) } else { Ok(all) }
}

fn context(
    store: X509Store,
    identity: Option<Identity>,
    verifier: &Verifier,
    max_version: Option<Version>,
) -> Result<SslContext, Error> {
    let mut builder = SslContextBuilder::new(SslMethod::tls_client())?;
    builder.set_cert_store(store);
    // Each client brings its own callback; without one, nothing passes that the library does not pass.
    builder.set_verify(SslVerifyMode::PEER);
    if let Some(gateway) = verifier.gateway() {
        // The library takes an empty name for none to look for.
        if gateway.is_empty() {
            return Err(Error::Setting { setting: "gateway", reason: "it is empty".to_owned() });
        }
        let parameters = builder.verify_param_mut();
        match gateway.parse::<IpAddr>() {
            Ok(address) => parameters.set_ip(address)?,
            Err(_) => parameters.set_host(gateway)?,
        }
    }
    if let Some(identity) = identity {
        identity.show(&mut builder)?;
    }
    let max_version = max_version.unwrap_or(Version::Tls13);
    let min_version = if max_version.is_outdated() { max_version } else { Version::Tls12 };
    builder.set_min_proto_version(Some(library_version(min_version)))?;
    builder.set_max_proto_version(Some(library_version(max_version)))?;
    builder.set_options(SslOptions::NO_RENEGOTIATION | SslOptions::NO_COMPRESSION);
    // There is no middle box inside EAP that would need to see change_cipher_spec (RFC 8446 D.4).
    builder.clear_options(SslOptions::ENABLE_MIDDLEBOX_COMPAT);
    builder.set_session_cache_mode(SslSessionCacheMode::CLIENT | SslSessionCacheMode::NO_INTERNAL);
    let index = fresh_index()?;
    builder.set_new_session_callback(move |ssl, session| {
        if let Some(fresh) = ssl.ex_data(index) {
            *locked(fresh) = Some(session);
        }
    });
    Ok(builder.build())
}

fn pinned(text: &str) -> Result<Fingerprint, Error> {
    profile::parse_fingerprint(text).ok_or_else(|| Error::Setting {
        setting: "tls-fingerprint",
        reason: "it is not the SHA-256 of a certificate, 64 hexadecimal digits with or without colons".to_owned(),
    })
}

fn library_version(version: Version) -> SslVersion {
    match version {
        Version::Tls10 => SslVersion::TLS1,
        Version::Tls11 => SslVersion::TLS1_1,
        Version::Tls12 => SslVersion::TLS1_2,
        Version::Tls13 => SslVersion::TLS1_3,
    }
}

/// Whether two certificates are the same octets.
fn same_certificate(one: &X509, other: &X509) -> bool {
    matches!((one.to_der(), other.to_der()), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests;
