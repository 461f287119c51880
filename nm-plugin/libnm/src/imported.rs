//! What an import could not carry over, on its way from the plugin to the editor.
//!
//! The two are libraries of their own in one process. libnm's import gives a connection and nothing else; the program that
//! imports opens the editor with a copy of it, to which some give another UUID, and some have another plugin object by
//! then. So the plugin leaves the last import at its type, where the editor, which gets a plugin, finds it, and knows its
//! connection by what it says:
//!
//! - the data `nm-sstp-imported` of the plugin's type is an `NMConnection`, without its secrets;
//! - the data `nm-sstp-left` of this is a `GStrv`: sentences about what was not carried over.

use std::ffi::{CStr, c_char};

use glib::ffi::{GQuark, g_quark_from_static_string, g_strfreev};
use glib::gobject_ffi::{
    g_object_get_data, g_object_set_data_full, g_object_unref, g_type_get_qdata, g_type_set_qdata,
};
use glib::prelude::*;
use glib::translate::*;

use crate::ffi;
use crate::{Connection, VpnEditorPlugin};

const IMPORTED: &CStr = c"nm-sstp-imported";
const LEFT: &CStr = c"nm-sstp-left";

/// A connection of a file.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The connection.
    pub connection: Connection,
    /// Sentences about what was not carried over.
    pub left: Vec<String>,
}

/// Leaves an import at the type of the plugin, for the editor of its connection, in the place of what was left before.
pub fn leave(plugin: &impl IsA<VpnEditorPlugin>, imported: &Imported) {
    let connection = imported.connection.copy();
    // SAFETY: the type keeps a reference to the connection, which is given up for the next one; the sentences are a new
    // GStrv, which `strfreev` frees
    unsafe {
        let left: *mut *mut c_char = imported.left.to_glib_full();
        let connection: *mut ffi::NMConnection = connection.to_glib_full();
        ffi::nm_connection_clear_secrets(connection);
        g_object_set_data_full(connection.cast(), LEFT.as_ptr(), left.cast(), Some(strfreev));
        let before = g_type_get_qdata(plugin.type_().into_glib(), quark());
        g_type_set_qdata(plugin.type_().into_glib(), quark(), connection.cast());
        if !before.is_null() {
            g_object_unref(before.cast());
        }
    }
}

/// What was not carried over from the file that `connection` was imported from; nothing if it was not imported.
pub fn left_of(plugin: &impl IsA<VpnEditorPlugin>, connection: &Connection) -> Vec<String> {
    let data = |connection: &Connection| connection.vpn().map(|vpn| vpn.data());
    // SAFETY: under these names there is what `leave` has put there; it is borrowed and copied
    unsafe {
        let imported = g_type_get_qdata(plugin.type_().into_glib(), quark()).cast::<ffi::NMConnection>();
        if imported.is_null() || data(&from_glib_borrow::<_, Connection>(imported)) != data(connection) {
            return Vec::new();
        }
        sentences(g_object_get_data(imported.cast(), LEFT.as_ptr()).cast())
    }
}

/// # Safety
///
/// `left` is null or a GStrv.
unsafe fn sentences(left: *const *const c_char) -> Vec<String> {
    // SAFETY: the caller's promise
    if left.is_null() { Vec::new() } else { unsafe { FromGlibPtrContainer::from_glib_none(left) } }
}

fn quark() -> GQuark {
    // SAFETY: a text that lives for ever
    unsafe { g_quark_from_static_string(IMPORTED.as_ptr()) }
}

unsafe extern "C" fn strfreev(texts: glib::ffi::gpointer) {
    // SAFETY: the GStrv of `leave`
    unsafe { g_strfreev(texts.cast()) }
}
