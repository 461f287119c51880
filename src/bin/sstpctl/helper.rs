//! The helper on the system bus, as `data/org.sstpd.Manager1.xml` and `data/org.sstpd.Session1.xml` describe it.

use std::collections::{BTreeMap, HashMap};

use nm_sstp::tr;
use serde::Serialize;
use zbus::fdo::DBusProxy;
use zbus::names::{BusName, OwnedUniqueName, WellKnownName};
use zbus::proxy::{CacheProperties, MethodFlags};
use zbus::wire::DynamicDeserialize;
use zbus::{Connection, DynamicType, Fd, ObjectPath, OwnedObjectPath, OwnedVariant, Proxy, Variant};

use crate::agent::Agent;
use crate::events::Events;
use crate::files::Files;
use crate::problem::{Exit, Problem};
use crate::session::{self, Session};
use crate::settings::Settings;

/// The helper's name on the bus.
pub const BUS_NAME: &str = "org.sstpd";
/// The object of the manager, and of `org.freedesktop.DBus.ObjectManager`.
pub const PATH: &str = "/org/sstpd";
const MANAGER: &str = "org.sstpd.Manager1";
/// The interface of a session.
pub const SESSION: &str = "org.sstpd.Session1";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const OBJECTS: &str = "org.freedesktop.DBus.ObjectManager";

type Objects = HashMap<OwnedObjectPath, HashMap<String, HashMap<String, OwnedVariant>>>;

/// Whether polkit may ask the user for authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// It may: what was asked for is worth a question.
    Ask,
    /// It may not: the answer is wanted only where it is free.
    DoNotAsk,
}

/// The helper, which runs.
#[derive(Debug)]
pub struct Helper {
    connection: Connection,
    /// Who owns [`BUS_NAME`]: whoever else sends us signals is not listened to.
    owner: OwnedUniqueName,
    /// Asks for passwords on this terminal on behalf of polkit; ends with us.
    _agent: Option<Agent>,
}

impl Helper {
    /// Finds the helper on the bus, which starts it where it does not run.
    ///
    /// # Errors
    ///
    /// [`Exit::NoHelper`], with what to do about it.
    pub async fn open(authorization: Authorization) -> Result<Self, Problem> {
        let connection = bus().await?;
        let bus = DBusProxy::new(&connection).await?;
        let name = WellKnownName::from_static_str_unchecked(BUS_NAME);
        let no_helper = |error: zbus::fdo::Error| cannot_start(&error);
        if !bus.name_has_owner(BusName::WellKnown(name.clone())).await.map_err(no_helper)? {
            bus.start_service_by_name(name.clone(), 0).await.map_err(no_helper)?;
        }
        let owner = bus.get_name_owner(BusName::WellKnown(name)).await.map_err(no_helper)?;
        let agent = match authorization {
            Authorization::Ask => Agent::start().await,
            Authorization::DoNotAsk => None,
        };
        Ok(Self { connection, owner, _agent: agent })
    }

    /// The version of the helper that runs; `None` where none does.
    pub async fn version() -> Option<String> {
        let connection = bus().await.ok()?;
        let bus = DBusProxy::new(&connection).await.ok()?;
        let name = WellKnownName::from_static_str_unchecked(BUS_NAME);
        let owner = bus.get_name_owner(BusName::WellKnown(name)).await.ok()?;
        let helper = Self { connection, owner, _agent: None };
        let path = ObjectPath::from_static_str_unchecked(PATH);
        let version: OwnedVariant =
            helper.call(&path, PROPERTIES, "Get", Authorization::DoNotAsk, &(MANAGER, "Version")).await.ok()?;
        String::try_from(version).ok()
    }

    /// What the helper and the bus will tell about its sessions from now on.
    ///
    /// # Errors
    ///
    /// The bus does not let us listen.
    pub async fn events(&self) -> Result<Events, Problem> {
        Ok(Events::listen(&self.connection, &self.owner).await?)
    }

    /// `Manager1.Connect`
    ///
    /// # Errors
    ///
    /// What the helper says.
    pub async fn connect(
        &self,
        profile: &str,
        settings: &Settings,
        secrets: &HashMap<&str, &str>,
        files: &Files<'_>,
        interactive: bool,
    ) -> Result<OwnedObjectPath, Problem> {
        let mut options = handing(files);
        options.insert("interactive", Variant::from(interactive));
        if !secrets.is_empty() {
            options.insert("secrets", Variant::from(secrets.clone()));
        }
        self.manage("Connect", &(profile, settings, options)).await
    }

    /// `Manager1.Disconnect`
    ///
    /// # Errors
    ///
    /// What the helper says.
    pub async fn disconnect(&self, session: &ObjectPath<'_>) -> Result<(), Problem> {
        self.manage("Disconnect", &(session,)).await
    }

    /// `Session1.ProvideSecrets`
    ///
    /// # Errors
    ///
    /// What the helper says.
    pub async fn provide(
        &self,
        session: &ObjectPath<'_>,
        serial: u32,
        secrets: &HashMap<&str, &str>,
    ) -> Result<(), Problem> {
        self.call(session, SESSION, "ProvideSecrets", Authorization::DoNotAsk, &(serial, secrets)).await
    }

    /// `Manager1.Profiles`
    ///
    /// # Errors
    ///
    /// What the helper says.
    pub async fn profiles(&self, authorization: Authorization) -> Result<BTreeMap<String, Settings>, Problem> {
        let path = ObjectPath::from_static_str_unchecked(PATH);
        self.call(&path, MANAGER, "Profiles", authorization, &()).await
    }

    /// The settings of one profile.
    ///
    /// # Errors
    ///
    /// [`Exit::NotFound`], and what the helper says.
    pub async fn profile(&self, name: &str) -> Result<Settings, Problem> {
        let mut profiles = self.profiles(Authorization::Ask).await?;
        profiles.remove(name).ok_or_else(|| Problem::no_profile(name))
    }

    /// `Manager1.ImportProfile`; returns notices.
    ///
    /// # Errors
    ///
    /// What the helper says.
    pub async fn import_profile(
        &self,
        name: &str,
        settings: &Settings,
        secrets: &HashMap<&str, &str>,
        replace: bool,
    ) -> Result<Vec<String>, Problem> {
        let mut options = HashMap::from([("replace", Variant::from(replace))]);
        if !secrets.is_empty() {
            options.insert("secrets", Variant::from(secrets.clone()));
        }
        self.manage("ImportProfile", &(name, settings, options)).await
    }

    /// `Manager1.RemoveProfile`
    ///
    /// # Errors
    ///
    /// What the helper says.
    pub async fn remove_profile(&self, name: &str) -> Result<(), Problem> {
        self.manage("RemoveProfile", &(name,)).await
    }

    /// `Manager1.Probe`
    ///
    /// # Errors
    ///
    /// What the helper says.
    pub async fn probe(
        &self,
        settings: &Settings,
        files: &Files<'_>,
    ) -> Result<HashMap<String, OwnedVariant>, Problem> {
        self.manage("Probe", &(settings, handing(files))).await
    }

    /// Every session, in the order in which they were started.
    ///
    /// # Errors
    ///
    /// What the helper says.
    pub async fn sessions(&self, authorization: Authorization) -> Result<Vec<Session>, Problem> {
        let path = ObjectPath::from_static_str_unchecked(PATH);
        let objects: Objects = self.call(&path, OBJECTS, "GetManagedObjects", authorization, &()).await?;
        let mut paths: Vec<_> = objects
            .into_iter()
            .filter(|(_, interfaces)| interfaces.contains_key(SESSION))
            .map(|(path, _)| path)
            .collect();
        paths.sort_by_key(|path| (session::number(path), path.to_string()));
        let mut sessions = Vec::new();
        for path in paths {
            match self.session(&path, authorization).await {
                Ok(session) => sessions.push(session),
                // It has just gone.
                Err(Problem { exit: Exit::NotFound, .. }) => {}
                Err(problem) => return Err(problem),
            }
        }
        Ok(sessions)
    }

    /// One session: all that we may read of it.
    ///
    /// # Errors
    ///
    /// What the helper says.
    pub async fn session(&self, path: &ObjectPath<'_>, authorization: Authorization) -> Result<Session, Problem> {
        match self.call(path, PROPERTIES, "GetAll", authorization, &(SESSION,)).await {
            Ok(properties) => Ok(Session::new(path, properties)),
            Err(Problem { exit: Exit::NotAuthorized, .. }) => {
                // Of the sessions of others everybody may read these.
                let mut properties = HashMap::new();
                for name in session::PUBLIC {
                    let value: OwnedVariant =
                        self.call(path, PROPERTIES, "Get", Authorization::DoNotAsk, &(SESSION, name)).await?;
                    properties.insert(name.to_owned(), value);
                }
                Ok(Session::new(path, properties))
            }
            Err(problem) => Err(problem),
        }
    }

    async fn manage<B, R>(&self, method: &str, body: &B) -> Result<R, Problem>
    where
        B: Serialize + DynamicType,
        R: for<'d> DynamicDeserialize<'d>,
    {
        let path = ObjectPath::from_static_str_unchecked(PATH);
        self.call(&path, MANAGER, method, Authorization::Ask, body).await
    }

    async fn call<B, R>(
        &self,
        path: &ObjectPath<'_>,
        interface: &str,
        method: &str,
        authorization: Authorization,
        body: &B,
    ) -> Result<R, Problem>
    where
        B: Serialize + DynamicType,
        R: for<'d> DynamicDeserialize<'d>,
    {
        let proxy: Proxy<'_> = zbus::proxy::Builder::new(&self.connection)
            .destination(self.owner.clone())
            .path(path)
            .interface(interface)
            .cache_properties(CacheProperties::No)
            .build()
            .await?;
        let flags = match authorization {
            Authorization::Ask => MethodFlags::ALLOW_INTERACTIVE_AUTH,
            Authorization::DoNotAsk => MethodFlags::empty(),
        };
        let reply = proxy.call_with_flags(method, flags, body).await?;
        reply.ok_or_else(|| Problem::other(tr!("The helper gave no answer.")))
    }
}

/// The options of a call that hands these files over.
fn handing<'f>(files: &'f Files<'_>) -> HashMap<&'static str, Variant<'f>> {
    let files: HashMap<&str, Fd<'_>> = files.iter().map(|(name, file)| (*name, Fd::from(file))).collect();
    if files.is_empty() { HashMap::new() } else { HashMap::from([("files", Variant::from(files))]) }
}

/// The system bus, or that of `DBUS_SYSTEM_BUS_ADDRESS`.
async fn bus() -> Result<Connection, Problem> {
    Connection::system().await.map_err(|error| {
        Problem::new(
            Exit::NoHelper,
            tr!(
                "The system bus cannot be reached: {error}. It is needed to talk to the helper: is dbus running?",
                error = error
            ),
        )
    })
}

/// Says what to do about a helper that is not there.
fn cannot_start(error: &zbus::fdo::Error) -> Problem {
    let text = match error {
        zbus::fdo::Error::ServiceUnknown(_) | zbus::fdo::Error::NameHasNoOwner(_) => {
            tr!("There is no helper on the system bus, and the bus does not know how to start one: install nm-sstp, \
                 or start it by \"systemctl start nm-sstp\".")
        }
        other => tr!(
            "The helper could not be started: {error}. \"systemctl status nm-sstp\" and \"journalctl -u nm-sstp\" \
             tell more.",
            error = other
        ),
    };
    Problem::new(Exit::NoHelper, text)
}
