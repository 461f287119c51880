//! The interface of a VPN editor plugin, to be implemented.

use std::ffi::{CStr, OsStr, c_char, c_uint};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use glib::ffi::{GError, gboolean};
use glib::prelude::*;
use glib::subclass::prelude::*;
use glib::translate::*;

use crate::ffi;
use crate::guard::{guarded, guarded_with};
use crate::{Connection, VpnEditor};

glib::wrapper! {
    /// `NMVpnEditorPlugin`: what libnm's clients know of one type of VPN.
    pub struct VpnEditorPlugin(Interface<ffi::NMVpnEditorPlugin, ffi::NMVpnEditorPluginInterface>);

    match fn {
        type_ => || ffi::nm_vpn_editor_plugin_get_type(),
    }
}

/// What a plugin can do beside editing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// Files can be imported.
    pub import: bool,
    /// Connections can be exported.
    pub export: bool,
    /// There is IPv6 in the tunnel.
    pub ipv6: bool,
}

/// A VPN editor plugin. Its GObject overrides the interface's properties `name`, `description` and `service`.
pub trait VpnEditorPluginImpl: ObjectImpl + ObjectSubclass<Type: IsA<VpnEditorPlugin>> {
    /// A new editor for `connection`.
    ///
    /// # Errors
    ///
    /// The program has no toolkit that there is an editor for, or the editor cannot be loaded.
    fn editor(&self, connection: &Connection) -> Result<VpnEditor, glib::Error>;

    /// What else it can do.
    fn capabilities(&self) -> Capabilities;

    /// A connection made from the file at `path`.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or holds no connection of this type.
    fn import(&self, path: &Path) -> Result<Connection, glib::Error>;

    /// Writes `connection` to a file at `path`.
    ///
    /// # Errors
    ///
    /// There is no such format, or the file cannot be written.
    fn export(&self, path: &Path, connection: &Connection) -> Result<(), glib::Error>;

    /// What to call a file with `connection` in it.
    fn suggested_file_name(&self, connection: &Connection) -> Option<String>;
}

// SAFETY: the functions below have the types of the interface, and take instances of `T` only
unsafe impl<T: VpnEditorPluginImpl> IsImplementable<T> for VpnEditorPlugin {
    fn interface_init(interface: &mut glib::Interface<Self>) {
        let interface = interface.as_mut();
        interface.get_editor = Some(get_editor::<T>);
        interface.get_capabilities = Some(get_capabilities::<T>);
        interface.import_from_file = Some(import_from_file::<T>);
        interface.export_to_file = Some(export_to_file::<T>);
        interface.get_suggested_filename = Some(get_suggested_filename::<T>);
    }
}

/// # Safety
///
/// `plugin` is an instance of `T`.
unsafe fn of<'a, T: VpnEditorPluginImpl>(plugin: *mut ffi::NMVpnEditorPlugin) -> &'a T {
    // SAFETY: the caller's promise; it lives for the call at least
    unsafe { (*plugin.cast::<T::Instance>()).imp() }
}

/// # Safety
///
/// `path` is a file name.
unsafe fn path_of<'a>(path: *const c_char) -> &'a Path {
    // SAFETY: the caller's promise; it lives for the call at least
    Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(path) }.to_bytes()))
}

// SAFETY of all below: libnm calls them with an instance of the type that the interface was made for, with live objects
// and file names, and with an error that is null or may be written.

unsafe extern "C" fn get_editor<T: VpnEditorPluginImpl>(
    plugin: *mut ffi::NMVpnEditorPlugin,
    connection: *mut ffi::NMConnection,
    error: *mut *mut GError,
) -> *mut ffi::NMVpnEditor {
    // SAFETY: see above; a reference is handed over
    unsafe {
        guarded_with(error, || of::<T>(plugin).editor(&from_glib_borrow::<_, Connection>(connection)))
            .map_or(ptr::null_mut(), |editor| editor.into_glib_ptr())
    }
}

unsafe extern "C" fn get_capabilities<T: VpnEditorPluginImpl>(plugin: *mut ffi::NMVpnEditorPlugin) -> c_uint {
    // SAFETY: see above
    let can = guarded(|| unsafe { of::<T>(plugin) }.capabilities()).unwrap_or_default();
    c_uint::from(can.import) | c_uint::from(can.export) << 1 | c_uint::from(can.ipv6) << 2
}

unsafe extern "C" fn import_from_file<T: VpnEditorPluginImpl>(
    plugin: *mut ffi::NMVpnEditorPlugin,
    path: *const c_char,
    error: *mut *mut GError,
) -> *mut ffi::NMConnection {
    // SAFETY: see above; a reference is handed over
    unsafe {
        guarded_with(error, || of::<T>(plugin).import(path_of(path)))
            .map_or(ptr::null_mut(), |connection| connection.into_glib_ptr())
    }
}

unsafe extern "C" fn export_to_file<T: VpnEditorPluginImpl>(
    plugin: *mut ffi::NMVpnEditorPlugin,
    path: *const c_char,
    connection: *mut ffi::NMConnection,
    error: *mut *mut GError,
) -> gboolean {
    // SAFETY: see above
    unsafe {
        let export = || of::<T>(plugin).export(path_of(path), &from_glib_borrow::<_, Connection>(connection));
        guarded_with(error, export).is_some().into_glib()
    }
}

unsafe extern "C" fn get_suggested_filename<T: VpnEditorPluginImpl>(
    plugin: *mut ffi::NMVpnEditorPlugin,
    connection: *mut ffi::NMConnection,
) -> *mut c_char {
    // SAFETY: see above; the text is the caller's to free
    guarded(|| unsafe {
        of::<T>(plugin).suggested_file_name(&from_glib_borrow::<_, Connection>(connection)).to_glib_full()
    })
    .unwrap_or(ptr::null_mut())
}
