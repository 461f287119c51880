//! Passwords that a secret agent has kept for its user: the Secret Service of the session (gnome-keyring, KWallet and
//! others), where GNOME's agents, and the plugin that this one displaces, store them with these attributes.
//!
//! nm-applet leaves it to the dialog to look them up, in both modes; gnome-shell looks itself, and then the dialog has
//! nothing to look for. That there is no such service, or no session, is no error: it is as if nothing were stored.

mod session;

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use futures_util::StreamExt;
use nm_sstp::profile::Secret;
use zbus::proxy::CacheProperties;
use zbus::{Connection, ObjectPath, OwnedObjectPath, OwnedVariant, Proxy, Variant};
use zeroize::Zeroizing;

use session::{ALGORITHM, Half};

const SERVICE: &str = "org.freedesktop.secrets";
const PATH: &str = "/org/freedesktop/secrets";
/// How an answer names that no prompt is needed.
const NO_PROMPT: &str = "/";

/// How long a look may take, with the start of the service, which the bus may have to do first.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a person has to unlock the keyring. They may not see that they are asked, and can type the password as well.
const UNLOCK_TIMEOUT: Duration = Duration::from_secs(120);

/// A secret on the bus: its session, the parameters of its encryption, what is encrypted, its content type.
type Encrypted = (OwnedObjectPath, Vec<u8>, Vec<u8>, String);

/// The keyring of the user whose session this is.
pub struct Keyring<'a> {
    uuid: &'a str,
    may_unlock: bool,
    given_up: bool,
}

impl<'a> Keyring<'a> {
    /// For secrets of the connection `uuid`. Only where a person `may_unlock` a locked keyring are they asked to.
    pub const fn new(uuid: &'a str, may_unlock: bool) -> Self {
        Self { uuid, may_unlock, given_up: false }
    }

    /// The value of `secret`, if there is one.
    pub fn find(&mut self, secret: Secret) -> Option<Zeroizing<String>> {
        if self.given_up {
            return None;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let found = runtime.block_on(self.look(secret));
        // Nobody is asked twice to unlock, and a service that does not answer is not waited for again.
        self.given_up = found.is_none();
        found.flatten()
    }

    /// The outer `None`: the keyring cannot be used.
    async fn look(&self, secret: Secret) -> Option<Option<Zeroizing<String>>> {
        let attributes =
            HashMap::from([("connection-uuid", self.uuid), ("setting-name", "vpn"), ("setting-key", secret.name())]);
        let begin = async {
            let connection = Connection::session().await?;
            let service = object(&connection, PATH.try_into()?, "Service").await?;
            let found: (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) =
                service.call("SearchItems", &(attributes,)).await?;
            zbus::Result::Ok((service, found))
        };
        let (service, (open, locked)) = within(LOOK_TIMEOUT, begin).await?;
        let item = match (open.into_iter().next(), locked.into_iter().next()) {
            (Some(item), _) => item,
            (None, Some(item)) if self.may_unlock => {
                within(UNLOCK_TIMEOUT, unlock(&service, &item)).await?.then_some(item)?
            }
            (None, Some(_)) => return None,
            (None, None) => return Some(None),
        };
        within(LOOK_TIMEOUT, read(&service, item)).await
    }
}

/// What comes of it in time; why nothing does makes no difference.
async fn within<T>(limit: Duration, look: impl Future<Output = zbus::Result<T>>) -> Option<T> {
    tokio::time::timeout(limit, look).await.ok()?.ok()
}

async fn object<'p>(connection: &Connection, path: ObjectPath<'p>, interface: &str) -> zbus::Result<Proxy<'p>> {
    let interface = format!("org.freedesktop.Secret.{interface}");
    zbus::proxy::Builder::new(connection)
        .destination(SERVICE)
        .path(path)
        .interface(interface)
        .cache_properties(CacheProperties::No)
        .build()
        .await
}

/// Asks for the keyring that has `item` to be unlocked: whether it is. The service itself asks the person.
async fn unlock(service: &Proxy<'_>, item: &OwnedObjectPath) -> zbus::Result<bool> {
    let (unlocked, prompt): (Vec<OwnedObjectPath>, OwnedObjectPath) = service.call("Unlock", &(vec![item],)).await?;
    if prompt.as_str() == NO_PROMPT {
        return Ok(unlocked.contains(item));
    }
    let prompt = object(service.connection(), prompt.as_ref(), "Prompt").await?;
    let mut completed = prompt.receive_signal("Completed").await?;
    prompt.call::<_, _, ()>("Prompt", &("",)).await?;
    let Some(signal) = completed.next().await else { return Ok(false) };
    let body = signal.body();
    let (dismissed, _): (bool, OwnedVariant) = body.deserialize()?;
    Ok(!dismissed)
}

/// The secret of `item`. What cannot be decrypted, or is no text, is none.
async fn read(service: &Proxy<'_>, item: OwnedObjectPath) -> zbus::Result<Option<Zeroizing<String>>> {
    let Some(ours) = Half::new() else { return Ok(None) };
    let (theirs, session): (OwnedVariant, OwnedObjectPath) =
        service.call("OpenSession", &(ALGORITHM, Variant::from(ours.public()))).await?;
    let agreement = Vec::<u8>::try_from(theirs).ok().and_then(|theirs| ours.agree(&theirs));
    let item = object(service.connection(), item.as_ref(), "Item").await?;
    let (secret,): (Encrypted,) = item.call("GetSecret", &(session,)).await?;
    let (_, initial_vector, encrypted, _) = &secret;
    Ok(agreement.and_then(|agreement| agreement.decrypt(initial_vector, encrypted)))
}
