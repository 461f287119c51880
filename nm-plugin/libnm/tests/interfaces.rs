//! libnm calls the interfaces as it would call a plugin in C; a panic is an error of the one call.

use std::ffi::{CStr, CString, c_char, c_uint};
use std::ptr;

use implementation::{Editor, Plugin};
use nm_sstp_libnm::ffi::{NMConnection, NMVpnEditor, NMVpnEditorPlugin};
use nm_sstp_libnm::glib::ffi::{GError, gboolean};
use nm_sstp_libnm::glib::prelude::*;
use nm_sstp_libnm::glib::translate::*;
use nm_sstp_libnm::{Connection, Problem, VpnEditor, VpnEditorExt, VpnEditorPlugin, factory, glib};

#[path = "implementation/mod.rs"]
mod implementation;

unsafe extern "C" {
    fn nm_vpn_editor_plugin_get_editor(
        plugin: *mut NMVpnEditorPlugin,
        connection: *mut NMConnection,
        error: *mut *mut GError,
    ) -> *mut NMVpnEditor;
    fn nm_vpn_editor_plugin_get_capabilities(plugin: *mut NMVpnEditorPlugin) -> c_uint;
    fn nm_vpn_editor_plugin_import(
        plugin: *mut NMVpnEditorPlugin,
        path: *const c_char,
        error: *mut *mut GError,
    ) -> *mut NMConnection;
    fn nm_vpn_editor_plugin_export(
        plugin: *mut NMVpnEditorPlugin,
        path: *const c_char,
        connection: *mut NMConnection,
        error: *mut *mut GError,
    ) -> gboolean;
    fn nm_vpn_editor_plugin_get_suggested_filename(
        plugin: *mut NMVpnEditorPlugin,
        connection: *mut NMConnection,
    ) -> *mut c_char;
    fn nm_vpn_editor_get_widget(editor: *mut NMVpnEditor) -> *mut glib::gobject_ffi::GObject;
    fn nm_vpn_editor_update_connection(
        editor: *mut NMVpnEditor,
        connection: *mut NMConnection,
        error: *mut *mut GError,
    ) -> gboolean;
}

/// A plugin as libnm gets it.
fn plugin() -> VpnEditorPlugin {
    // SAFETY: a new reference is returned
    unsafe { from_glib_full(factory::plugin(ptr::null_mut(), || Ok(Plugin::new()))) }
}

/// What a call of libnm says in the place for errors.
fn with_error<T>(call: impl FnOnce(*mut *mut GError) -> T) -> (T, Option<String>) {
    let mut error = ptr::null_mut();
    let value = call(&mut error);
    // SAFETY: an error that is there is ours
    let error: Option<glib::Error> = unsafe { from_glib_full(error) };
    (value, error.map(|error| error.message().to_owned()))
}

fn import(plugin: &VpnEditorPlugin, path: &str) -> (Option<Connection>, Option<String>) {
    let path = CString::new(path).expect("no NUL");
    // SAFETY: live arguments; a new reference is returned
    with_error(|error| unsafe {
        from_glib_full(nm_vpn_editor_plugin_import(plugin.to_glib_none().0, path.as_ptr(), error))
    })
}

fn editor(plugin: &VpnEditorPlugin, connection: &Connection) -> (Option<VpnEditor>, Option<String>) {
    // SAFETY: as above
    with_error(|error| unsafe {
        let (plugin, connection) = (plugin.to_glib_none().0, connection.to_glib_none().0);
        from_glib_full(nm_vpn_editor_plugin_get_editor(plugin, connection, error))
    })
}

fn update(editor: &VpnEditor, connection: &Connection) -> (bool, Option<String>) {
    // SAFETY: live arguments
    with_error(|error| unsafe {
        from_glib(nm_vpn_editor_update_connection(editor.to_glib_none().0, connection.to_glib_none().0, error))
    })
}

#[test]
fn properties_and_capabilities() {
    let plugin = plugin();
    assert_eq!(plugin.property::<String>("name"), "Test");
    assert_eq!(plugin.property::<String>("service"), "org.freedesktop.NetworkManager.sstp");
    // SAFETY: a live plugin
    assert_eq!(unsafe { nm_vpn_editor_plugin_get_capabilities(plugin.to_glib_none().0) }, 1 | 2);
}

#[test]
fn import_and_export() {
    let plugin = plugin();
    let (connection, error) = import(&plugin, "/somewhere/good");
    assert_eq!(error, None);
    let connection = connection.expect("a connection");
    assert_eq!(connection.vpn().and_then(|vpn| vpn.datum("gateway")).as_deref(), Some("good"));
    let (none, error) = import(&plugin, "/somewhere/bad");
    assert!(none.is_none() && error.as_deref() == Some("This is bad"), "{error:?}");

    let export = |path: &CStr| {
        // SAFETY: live arguments
        with_error(|error| unsafe {
            let (plugin, connection) = (plugin.to_glib_none().0, connection.to_glib_none().0);
            nm_vpn_editor_plugin_export(plugin, path.as_ptr(), connection, error)
        })
    };
    assert_eq!(export(c"good"), (1, None));
    assert_eq!(export(c"bad"), (0, Some("Not there".to_owned())));
    // SAFETY: live arguments; the text is ours
    let name: Option<String> = unsafe {
        let (plugin, connection) = (plugin.to_glib_none().0, connection.to_glib_none().0);
        from_glib_full(nm_vpn_editor_plugin_get_suggested_filename(plugin, connection))
    };
    assert_eq!(name.as_deref(), Some("a name"));
}

#[test]
fn an_editor_changes_the_connection_that_it_is_given() {
    let plugin = plugin();
    let connection = import(&plugin, "x").0.expect("a connection");
    let (made, error) = editor(&plugin, &connection);
    let made = made.unwrap_or_else(|| panic!("{error:?}"));
    // SAFETY: a live editor; the widget is lent
    let widget: glib::Object = unsafe { from_glib_none(nm_vpn_editor_get_widget(made.to_glib_none().0)) };
    // the editor's, this one, and none that was lost on the way
    assert_eq!(widget.ref_count(), 2);
    let target = connection.copy();
    assert_eq!(update(&made, &target), (true, None));
    assert_eq!(target.vpn().and_then(|vpn| vpn.datum("gateway")).as_deref(), Some("edited"));

    let changes = std::rc::Rc::new(std::cell::Cell::new(0));
    let count = changes.clone();
    made.connect_local("changed", false, move |_| {
        count.set(count.get() + 1);
        None
    });
    made.downcast_ref::<Editor>().expect("ours").emit_changed();
    assert_eq!(changes.get(), 1);
}

#[test]
fn panics_are_errors() {
    let plugin = plugin();
    let (none, error) = import(&plugin, "/panic");
    assert!(none.is_none() && error.is_some_and(|error| error.contains("internal error")));
    let connection = import(&plugin, "panic-in-the-editor").0.expect("a connection");
    let made = editor(&plugin, &connection).0.expect("an editor");
    let (done, error) = update(&made, &connection);
    assert!(!done && error.is_some_and(|error| error.contains("internal error")));
    // SAFETY: null is allowed for an error that nobody wants
    assert!(unsafe { factory::plugin::<Plugin>(ptr::null_mut(), || panic!("on purpose")) }.is_null());
    // SAFETY: as above
    let failed = unsafe { factory::plugin::<Plugin>(ptr::null_mut(), || Err(Problem::Failed.says("no"))) };
    assert!(failed.is_null());
}
