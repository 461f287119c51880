//! The bodies of the functions that are looked up by name: `nm_vpn_editor_plugin_factory` in the plugin, by libnm, and
//! `nm_vpn_editor_factory_sstp` and `nm_vpn_import_choice_sstp` in the library of an editor, by the plugin.

use std::ffi::{c_char, c_int};
use std::ptr;

use glib::ffi::GError;
use glib::prelude::*;
use glib::translate::*;

use crate::ffi;
use crate::guard::{guarded, guarded_with};
use crate::{Connection, VpnEditor, VpnEditorPlugin};

/// A new plugin, or null with an error.
///
/// # Safety
///
/// `error` is null or points to where an error may be written.
pub unsafe fn plugin<P: IsA<VpnEditorPlugin>>(
    error: *mut *mut GError,
    make: impl FnOnce() -> Result<P, glib::Error>,
) -> *mut ffi::NMVpnEditorPlugin {
    // SAFETY: the caller's promise
    unsafe { guarded_with(error, make) }.map_or(ptr::null_mut(), |plugin| plugin.upcast().into_glib_ptr())
}

/// A new editor, or null with an error.
///
/// # Safety
///
/// `plugin` and `connection` are live objects of these types; `error` is null or points to where an error may be
/// written.
pub unsafe fn editor<E: IsA<VpnEditor>>(
    plugin: *mut ffi::NMVpnEditorPlugin,
    connection: *mut ffi::NMConnection,
    error: *mut *mut GError,
    make: impl FnOnce(&VpnEditorPlugin, &Connection) -> Result<E, glib::Error>,
) -> *mut ffi::NMVpnEditor {
    // SAFETY: the caller's promise
    unsafe {
        let make =
            || make(&from_glib_borrow::<_, VpnEditorPlugin>(plugin), &from_glib_borrow::<_, Connection>(connection));
        guarded_with(error, make).map_or(ptr::null_mut(), |editor| editor.upcast().into_glib_ptr())
    }
}

/// Which of these names is chosen; -1 for none.
///
/// # Safety
///
/// `names` is a GStrv.
pub unsafe fn choice(names: *const *const c_char, choose: impl FnOnce(&[String]) -> Option<usize>) -> c_int {
    let chosen = guarded(|| {
        // SAFETY: the caller's promise; they are copied
        let names: Vec<String> = unsafe { FromGlibPtrContainer::from_glib_none(names) };
        choose(&names)
    });
    chosen.flatten().and_then(|chosen| chosen.try_into().ok()).unwrap_or(-1)
}
