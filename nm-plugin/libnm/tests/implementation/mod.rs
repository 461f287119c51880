//! A plugin and an editor that do next to nothing.
#![allow(dead_code)] // not every test needs both

use std::path::Path;
use std::sync::OnceLock;

use nm_sstp_libnm::glib::prelude::*;
use nm_sstp_libnm::glib::subclass::prelude::*;
use nm_sstp_libnm::{
    Capabilities, Connection, Problem, VpnEditor, VpnEditorImpl, VpnEditorPlugin, VpnEditorPluginImpl, VpnSetting, glib,
};

const SERVICE: &str = "org.freedesktop.NetworkManager.sstp";

glib::wrapper! {
    pub struct Plugin(ObjectSubclass<imp::Plugin>) @implements VpnEditorPlugin;
}

glib::wrapper! {
    pub struct Editor(ObjectSubclass<imp::Editor>) @implements VpnEditor;
}

impl Plugin {
    pub fn new() -> Self {
        glib::Object::new()
    }
}

/// A plugin for the time of `run`.
pub fn with(run: impl FnOnce(&Plugin)) {
    run(&Plugin::new());
}

mod imp {
    use super::*;

    #[derive(Default)]
    pub struct Plugin;

    #[glib::object_subclass]
    impl ObjectSubclass for Plugin {
        const NAME: &'static str = "NmSstpTestPlugin";
        type Type = super::Plugin;
        type Interfaces = (VpnEditorPlugin,);
    }

    impl ObjectImpl for Plugin {
        fn properties() -> &'static [glib::ParamSpec] {
            static PROPERTIES: OnceLock<Vec<glib::ParamSpec>> = OnceLock::new();
            PROPERTIES.get_or_init(|| {
                ["name", "description", "service"]
                    .map(glib::ParamSpecOverride::for_interface::<VpnEditorPlugin>)
                    .into_iter()
                    .collect()
            })
        }

        fn property(&self, _: usize, property: &glib::ParamSpec) -> glib::Value {
            match property.name() {
                "service" => SERVICE,
                _ => "Test",
            }
            .to_value()
        }
    }

    impl VpnEditorPluginImpl for Plugin {
        fn editor(&self, connection: &Connection) -> Result<VpnEditor, glib::Error> {
            let editor: super::Editor = glib::Object::new();
            let panics = connection.vpn().and_then(|vpn| vpn.datum("gateway")).is_some_and(|to| to.contains("panic"));
            editor.imp().panics.set(panics);
            Ok(editor.upcast())
        }

        fn capabilities(&self) -> Capabilities {
            Capabilities { import: true, export: true, ipv6: false }
        }

        fn import(&self, path: &Path) -> Result<Connection, glib::Error> {
            match path.file_name().and_then(|name| name.to_str()) {
                Some("panic") => panic!("on purpose"),
                Some("bad") | None => Err(Problem::InvalidSetting.says("This is bad.")),
                Some(name) => {
                    let connection = Connection::default();
                    let vpn = VpnSetting::new(SERVICE);
                    vpn.set_datum("gateway", Some(name));
                    connection.set_vpn(&vpn);
                    Ok(connection)
                }
            }
        }

        fn export(&self, path: &Path, _: &Connection) -> Result<(), glib::Error> {
            if path.ends_with("bad") { Err(Problem::Failed.says("Not there.")) } else { Ok(()) }
        }

        fn suggested_file_name(&self, _: &Connection) -> Option<String> {
            Some("a name".to_owned())
        }
    }

    pub struct Editor {
        pub panics: std::cell::Cell<bool>,
        widget: glib::Object,
    }

    impl Default for Editor {
        fn default() -> Self {
            Self { panics: std::cell::Cell::default(), widget: glib::Object::new::<super::Plugin>().upcast() }
        }
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Editor {
        const NAME: &'static str = "NmSstpTestEditor";
        type Type = super::Editor;
        type Interfaces = (VpnEditor,);
    }

    impl ObjectImpl for Editor {}

    impl VpnEditorImpl for Editor {
        fn widget(&self) -> &glib::Object {
            &self.widget
        }

        fn update_connection(&self, connection: &Connection) -> Result<(), glib::Error> {
            assert!(!self.panics.get(), "on purpose");
            let vpn = connection.vpn().ok_or_else(|| Problem::MissingSetting.says("vpn"))?;
            vpn.set_datum("gateway", Some("edited"));
            Ok(())
        }
    }
}
