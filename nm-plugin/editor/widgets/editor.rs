//! The editor that libnm's programs are given.

use std::cell::OnceCell;
use std::rc::Rc;

use gtk::glib;
use gtk::glib::prelude::*;
use gtk::glib::subclass::prelude::*;
use nm_sstp::profile::SERVICE_TYPE;
use nm_sstp::words;
use nm_sstp_editor::Settings;
use nm_sstp_libnm::{
    Connection, Problem, VpnEditor, VpnEditorExt, VpnEditorImpl, VpnEditorPlugin, VpnSetting, imported,
};

use super::Page;
use crate::toolkit;

glib::wrapper! {
    /// `NMVpnEditor` for SSTP.
    pub struct Editor(ObjectSubclass<imp::Editor>) @implements VpnEditor;
}

impl Editor {
    /// An editor for a connection, which it does not change before it is told to.
    pub fn new(plugin: Option<&VpnEditorPlugin>, connection: &Connection) -> Self {
        words::library_starts();
        let editor: Self = glib::Object::new();
        let this = editor.downgrade();
        let changed = move || {
            if let Some(editor) = this.upgrade() {
                editor.emit_changed();
            }
        };
        let left = plugin.map(|plugin| imported::left_of(plugin, connection)).unwrap_or_default();
        let page = Page::new(settings_of(connection), &left, changed);
        editor.imp().set_page(page);
        editor
    }

    /// Its page.
    pub fn page(&self) -> &Rc<Page> {
        self.imp().page()
    }
}

/// The VPN setting of a connection.
fn settings_of(connection: &Connection) -> Settings {
    let mut settings = Settings::default();
    if let Some(vpn) = connection.vpn() {
        settings.data = vpn.data();
        settings.secrets = vpn.secrets();
        settings.user_name = vpn.user_name().filter(|name| !name.is_empty());
        settings.persistent = vpn.persistent();
        settings.timeout = vpn.timeout();
    }
    settings
}

mod imp {
    use super::*;

    #[derive(Default)]
    pub struct Editor {
        page: OnceCell<Rc<Page>>,
        widget: OnceCell<glib::Object>,
    }

    impl Editor {
        pub(super) fn set_page(&self, page: Rc<Page>) {
            let widget = page.root().upcast();
            // Set once: this is called by `new` alone.
            let _ = self.widget.set(widget);
            let _ = self.page.set(page);
        }

        pub(super) fn page(&self) -> &Rc<Page> {
            self.page.get().expect("an editor is made with its page")
        }
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Editor {
        const NAME: &'static str = toolkit::TYPE_NAME;
        type Type = super::Editor;
        type Interfaces = (VpnEditor,);
    }

    impl ObjectImpl for Editor {}

    impl VpnEditorImpl for Editor {
        fn widget(&self) -> &glib::Object {
            self.widget.get().expect("an editor is made with its page")
        }

        fn update_connection(&self, connection: &Connection) -> Result<(), glib::Error> {
            let form = self.page().form();
            if let Err((key, sentence)) = form.check() {
                let problem = if key.is_some() { Problem::InvalidProperty } else { Problem::InvalidSetting };
                return Err(problem.says(sentence));
            }
            let vpn = connection.vpn().unwrap_or_else(|| {
                let vpn = VpnSetting::new(SERVICE_TYPE);
                connection.set_vpn(&vpn);
                vpn
            });
            if vpn.service().as_deref() != Some(SERVICE_TYPE) {
                vpn.set_property("service-type", SERVICE_TYPE);
            }
            let settings = form.settings();
            vpn.set_data(&settings.data);
            for name in vpn.secrets().keys().filter(|name| !settings.secrets.contains_key(*name)) {
                vpn.set_secret(name, None);
            }
            for (name, secret) in &settings.secrets {
                vpn.set_secret(name, Some(secret));
            }
            vpn.set_user_name(settings.user_name.as_deref());
            vpn.set_persistent(settings.persistent);
            vpn.set_timeout(settings.timeout);
            Ok(())
        }
    }
}
