//! The symbols and the layouts of libnm that are used here, as its headers have them.
#![allow(missing_docs)] // libnm's reference has them

use std::ffi::{c_char, c_int, c_uint, c_void};

use glib::ffi::GType;
use glib::ffi::{GError, GKeyFile, GQuark, gboolean};
use glib::gobject_ffi::{GObject, GTypeInterface};

macro_rules! opaque {
    ($($name:ident),+) => {
        $(
            #[repr(C)]
            pub struct $name {
                _opaque: [u8; 0],
            }
        )+
    };
}

// Never seen but behind a pointer.
opaque!(
    NMConnection,
    NMSetting,
    NMSettingConnection,
    NMSettingVpn,
    NMVpnEditor,
    NMVpnEditorPlugin,
    NMVpnEditorPluginVT,
    NMVpnPluginInfo
);

#[repr(C)]
#[derive(Clone, Copy)]
pub struct NMVpnEditorPluginInterface {
    pub g_iface: GTypeInterface,
    pub get_editor:
        Option<unsafe extern "C" fn(*mut NMVpnEditorPlugin, *mut NMConnection, *mut *mut GError) -> *mut NMVpnEditor>,
    pub get_capabilities: Option<unsafe extern "C" fn(*mut NMVpnEditorPlugin) -> c_uint>,
    pub import_from_file:
        Option<unsafe extern "C" fn(*mut NMVpnEditorPlugin, *const c_char, *mut *mut GError) -> *mut NMConnection>,
    pub export_to_file: Option<
        unsafe extern "C" fn(*mut NMVpnEditorPlugin, *const c_char, *mut NMConnection, *mut *mut GError) -> gboolean,
    >,
    pub get_suggested_filename: Option<unsafe extern "C" fn(*mut NMVpnEditorPlugin, *mut NMConnection) -> *mut c_char>,
    pub notify_plugin_info_set: Option<unsafe extern "C" fn(*mut NMVpnEditorPlugin, *mut NMVpnPluginInfo)>,
    pub get_vt: Option<unsafe extern "C" fn(*mut NMVpnEditorPlugin, *mut usize) -> *const NMVpnEditorPluginVT>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct NMVpnEditorInterface {
    pub g_iface: GTypeInterface,
    pub get_widget: Option<unsafe extern "C" fn(*mut NMVpnEditor) -> *mut GObject>,
    pub placeholder: Option<unsafe extern "C" fn()>,
    pub update_connection:
        Option<unsafe extern "C" fn(*mut NMVpnEditor, *mut NMConnection, *mut *mut GError) -> gboolean>,
    pub changed: Option<unsafe extern "C" fn(*mut NMVpnEditor)>,
}

/// What the plugin calls in the library of an editor, by the name `nm_vpn_editor_factory_sstp`.
pub type EditorFactory =
    unsafe extern "C" fn(*mut NMVpnEditorPlugin, *mut NMConnection, *mut *mut GError) -> *mut NMVpnEditor;

/// The same, by the name `nm_vpn_import_choice_sstp`: which of these names (a `GStrv`) a person chooses; -1: none.
pub type ImportChoice = unsafe extern "C" fn(*const *const c_char) -> c_int;

unsafe extern "C" {
    pub fn nm_connection_get_type() -> GType;
    pub fn nm_connection_get_id(connection: *mut NMConnection) -> *const c_char;
    pub fn nm_connection_get_uuid(connection: *mut NMConnection) -> *const c_char;
    pub fn nm_connection_get_setting_connection(connection: *mut NMConnection) -> *mut NMSettingConnection;
    pub fn nm_connection_get_setting_vpn(connection: *mut NMConnection) -> *mut NMSettingVpn;
    pub fn nm_connection_add_setting(connection: *mut NMConnection, setting: *mut NMSetting);
    pub fn nm_connection_clear_secrets(connection: *mut NMConnection);
    pub fn nm_connection_error_quark() -> GQuark;
    pub fn nm_simple_connection_new() -> *mut NMConnection;
    pub fn nm_simple_connection_new_clone(connection: *mut NMConnection) -> *mut NMConnection;

    pub fn nm_setting_connection_new() -> *mut NMSetting;

    pub fn nm_setting_vpn_get_type() -> GType;
    pub fn nm_setting_vpn_new() -> *mut NMSetting;
    pub fn nm_setting_vpn_add_data_item(setting: *mut NMSettingVpn, key: *const c_char, item: *const c_char);
    pub fn nm_setting_vpn_get_data_item(setting: *mut NMSettingVpn, key: *const c_char) -> *const c_char;
    pub fn nm_setting_vpn_remove_data_item(setting: *mut NMSettingVpn, key: *const c_char) -> gboolean;
    pub fn nm_setting_vpn_get_data_keys(setting: *mut NMSettingVpn, length: *mut c_uint) -> *mut *const c_char;
    pub fn nm_setting_vpn_add_secret(setting: *mut NMSettingVpn, key: *const c_char, secret: *const c_char);
    pub fn nm_setting_vpn_get_secret(setting: *mut NMSettingVpn, key: *const c_char) -> *const c_char;
    pub fn nm_setting_vpn_remove_secret(setting: *mut NMSettingVpn, key: *const c_char) -> gboolean;
    pub fn nm_setting_vpn_get_secret_keys(setting: *mut NMSettingVpn, length: *mut c_uint) -> *mut *const c_char;

    pub fn nm_keyfile_read(
        keyfile: *mut GKeyFile,
        base_dir: *const c_char,
        flags: c_int,
        handler: *const c_void,
        user_data: *mut c_void,
        error: *mut *mut GError,
    ) -> *mut NMConnection;
    pub fn nm_keyfile_write(
        connection: *mut NMConnection,
        flags: c_int,
        handler: *const c_void,
        user_data: *mut c_void,
        error: *mut *mut GError,
    ) -> *mut GKeyFile;

    pub fn nm_vpn_editor_plugin_get_type() -> GType;
    pub fn nm_vpn_editor_get_type() -> GType;
}
