//! The TLS inside EAP of one tunnel: the files of its profile, and the connector that is made of them.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task;
use zeroize::Zeroizing;

use super::Failure;
use crate::inner_tls::{self, Connector, NamedFile, ServerName, Source, UserCertificate};
use crate::ppp::inner_tls::{Fault, TlsClient, TlsConnector, TlsError};
use crate::profile::{Authentication, ClientCertificate, InnerTls, Profile, Secret, Secrets, VerifyMethod};
use crate::profile_files::{Files, Rights};
use crate::wire::tls::Version;

/// What the session gets of it.
pub(super) struct Inner {
    /// Makes the connections; `None`: the profile has no use for any.
    pub(super) connector: Option<Arc<dyn TlsConnector>>,
    /// The user's name in their certificate.
    pub(super) user_name: Option<String>,
}

/// Makes the connector of the files.
///
/// # Errors
///
/// A file that could not be read or cannot be used, or a key that stays locked.
pub(super) async fn prepare(profile: &Profile, secrets: &Secrets, files: &Files) -> Result<Inner, Failure> {
    if !profile.eap.needs_tls() {
        return Ok(Inner { connector: None, user_name: None });
    }
    let passphrase = secrets.get(Secret::TlsUserKeySecret).map(|text| Zeroizing::new(text.to_owned()));
    let settings = settings(profile, passphrase, files)?;
    if settings.user.is_none() && settings.authorities.is_none() && settings.revoked.is_none() {
        // most servers never ask for it, and to read all authorities of the system takes a while
        let later = Later { settings: Mutex::new(Some(settings)), made: Mutex::new(None) };
        return Ok(Inner { connector: Some(Arc::new(later)), user_name: None });
    }
    let connector = make(settings).await?;
    note(&connector);
    let user_name = connector.user_name().map(str::to_owned);
    Ok(Inner { connector: Some(Arc::new(connector)), user_name })
}

/// Whether the user's key is locked, so that a passphrase has to be asked for. What else is wrong with it is told when it
/// is to be used.
pub async fn key_is_locked(profile: &Profile, rights: &Rights) -> bool {
    if !matches!(profile.authentication, Authentication::Certificate(_)) {
        return false;
    }
    let files = Files::read(profile, rights).await;
    let made = async { make(settings(profile, None, &files)?).await };
    matches!(made.await, Err(Failure::InnerTls(inner_tls::Error::PassphraseMissing { .. })))
}

async fn make(settings: inner_tls::Settings) -> Result<Connector, Failure> {
    match task::spawn_blocking(move || Connector::new(settings)).await {
        Ok(made) => made.map_err(Failure::InnerTls),
        Err(error) => Err(Failure::InnerTls(inner_tls::Error::Library(error.to_string()))),
    }
}

fn settings(
    profile: &Profile,
    passphrase: Option<Zeroizing<String>>,
    files: &Files,
) -> Result<inner_tls::Settings, Failure> {
    let InnerTls { ca_cert, server_name, verify_key_usage, fingerprint, crl_file, max_version } = &profile.inner_tls;
    let user = match &profile.authentication {
        Authentication::Certificate(ClientCertificate { user_cert: Some(certificate), user_key, .. }) => {
            Some(UserCertificate {
                certificate: source(certificate, files)?,
                key: match user_key {
                    Some(key) if key != certificate => Some(source(key, files)?),
                    _ => None,
                },
            })
        }
        _ => None,
    };
    Ok(inner_tls::Settings {
        authorities: authorities(ca_cert.as_deref(), files)?,
        user,
        passphrase,
        server_name: match server_name {
            crate::profile::ServerName::Unset => None,
            crate::profile::ServerName::Any => Some(ServerName::Any),
            crate::profile::ServerName::Is(VerifyMethod::Subject, name) => Some(ServerName::Subject(name.clone())),
            crate::profile::ServerName::Is(VerifyMethod::Name, name) => Some(ServerName::Exact(name.clone())),
            crate::profile::ServerName::Is(VerifyMethod::Suffix, name) => Some(ServerName::Suffix(name.clone())),
        },
        gateway: profile.server_name().to_string(),
        verify_key_usage: *verify_key_usage,
        fingerprint: fingerprint.clone(),
        revoked: optional(crl_file.as_deref(), files)?,
        max_version: max_version.as_deref().and_then(Version::from_setting),
    })
}

fn source(path: &Path, files: &Files) -> Result<Source, Failure> {
    match path.to_str() {
        Some(uri) if Source::is_token(uri) => Ok(Source::Token(uri.to_owned())),
        _ => Ok(Source::File(file(path, files)?)),
    }
}

fn optional(path: Option<&Path>, files: &Files) -> Result<Option<NamedFile>, Failure> {
    path.map(|path| file(path, files)).transpose()
}

/// The file of authorities, or those of the directory.
fn authorities(path: Option<&Path>, files: &Files) -> Result<Option<Vec<NamedFile>>, Failure> {
    let Some(path) = path else { return Ok(None) };
    let found = files.certificates(path).map_err(Failure::File)?.into_iter();
    Ok(Some(found.map(|(path, contents)| NamedFile { path: path.display().to_string(), contents }).collect()))
}

fn file(path: &Path, files: &Files) -> Result<NamedFile, Failure> {
    let contents = files.get(path).map_err(Failure::File)?.clone();
    Ok(NamedFile { path: path.display().to_string(), contents })
}

/// Tells what a person should know about settings that can be used all the same.
fn note(connector: &Connector) {
    for notice in connector.notices() {
        tracing::warn!("{notice}");
    }
}

/// A connector that is made when the server first asks for it.
struct Later {
    settings: Mutex<Option<inner_tls::Settings>>,
    made: Mutex<Option<Connector>>,
}

impl TlsConnector for Later {
    fn connect(&self) -> Result<Box<dyn TlsClient>, TlsError> {
        let local = |text: String| TlsError { fault: Fault::Local, text };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(settings) = settings {
            let connector = Connector::new(settings).map_err(|error| local(error.to_string()))?;
            note(&connector);
            *made = Some(connector);
        }
        match &*made {
            Some(connector) => connector.connect(),
            None => Err(local("TLS inside EAP could not be set up before".to_owned())),
        }
    }
}
