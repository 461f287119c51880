//! The object that libnm calls.

use std::path::Path;
use std::sync::OnceLock;

use nm_sstp::profile::SERVICE_TYPE;
use nm_sstp::tr;
use nm_sstp_libnm::glib::prelude::*;
use nm_sstp_libnm::glib::subclass::prelude::*;
use nm_sstp_libnm::{Capabilities, Connection, VpnEditor, VpnEditorPlugin, VpnEditorPluginImpl, glib, imported};

use crate::editors::Toolkit;
use crate::{editors, export, files, import};

glib::wrapper! {
    /// The plugin.
    pub struct EditorPlugin(ObjectSubclass<imp::EditorPlugin>) @implements VpnEditorPlugin;
}

impl EditorPlugin {
    /// A new one.
    pub fn new() -> Self {
        glib::Object::new()
    }
}

impl Default for EditorPlugin {
    fn default() -> Self {
        Self::new()
    }
}

mod imp {
    use super::*;

    #[derive(Debug, Default)]
    pub struct EditorPlugin;

    #[glib::object_subclass]
    impl ObjectSubclass for EditorPlugin {
        const NAME: &'static str = "NmSstpEditorPlugin";
        type Type = super::EditorPlugin;
        type Interfaces = (VpnEditorPlugin,);
    }

    impl ObjectImpl for EditorPlugin {
        fn properties() -> &'static [glib::ParamSpec] {
            static PROPERTIES: OnceLock<Vec<glib::ParamSpec>> = OnceLock::new();
            PROPERTIES.get_or_init(|| {
                let names = ["name", "description", "service"];
                names.map(glib::ParamSpecOverride::for_interface::<VpnEditorPlugin>).into()
            })
        }

        fn property(&self, _: usize, property: &glib::ParamSpec) -> glib::Value {
            match property.name() {
                "name" => tr!("Secure Socket Tunneling Protocol (SSTP)"),
                "description" => tr!("Compatible with Microsoft and other SSTP VPN servers."),
                _ => SERVICE_TYPE.to_owned(),
            }
            .to_value()
        }
    }

    impl VpnEditorPluginImpl for EditorPlugin {
        fn editor(&self, connection: &Connection) -> Result<VpnEditor, glib::Error> {
            editors::open(self.obj().upcast_ref(), connection)
        }

        fn capabilities(&self) -> Capabilities {
            Capabilities { import: true, export: true, ipv6: true }
        }

        fn import(&self, path: &Path) -> Result<Connection, glib::Error> {
            let found = import::read(path, editors::choose)?;
            match Toolkit::of_this_process() {
                // the editor shows it
                Some(_) => imported::leave(&*self.obj(), &found),
                None => files::tell(&found.left),
            }
            Ok(found.connection.copy())
        }

        fn export(&self, path: &Path, connection: &Connection) -> Result<(), glib::Error> {
            files::tell(&export::write(path, connection)?);
            Ok(())
        }

        fn suggested_file_name(&self, connection: &Connection) -> Option<String> {
            Some(export::suggested_file_name(&connection.id()?))
        }
    }
}
