//! What an import found, on its way from the plugin to the editor.
//!
//! The two are libraries of their own in one process. libnm's import gives one connection, but a file may hold several,
//! and something of it may not be expressible; the program that imports knows of neither, and opens the editor with a
//! copy of the connection, to which some give another UUID. So the plugin leaves all of the last import at itself, where
//! the editor, which gets the plugin, finds it, and knows its connection by what it says:
//!
//! - the data `nm-sstp-imported` of the plugin object is a `GPtrArray` of `NMConnection`s, the first of which is the one
//!   that was imported; the secrets in them are wiped by libnm;
//! - the data `nm-sstp-left` of each of these is a `GStrv`: sentences about what was not carried over.

use std::ffi::{CStr, c_char};

use glib::ffi::{g_ptr_array_add, g_ptr_array_new_with_free_func, g_ptr_array_unref, g_strfreev};
use glib::gobject_ffi::{g_object_get_data, g_object_set_data_full, g_object_unref};
use glib::prelude::*;
use glib::translate::*;

use crate::ffi;
use crate::{Connection, VpnEditorPlugin};

const IMPORTED: &CStr = c"nm-sstp-imported";
const LEFT: &CStr = c"nm-sstp-left";

/// One connection of a file.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The connection.
    pub connection: Connection,
    /// Sentences about what was not carried over.
    pub left: Vec<String>,
}

/// Leaves what a file holds at the plugin, for the editor of its first connection, in the place of what was left before.
pub fn leave(plugin: &impl IsA<VpnEditorPlugin>, found: &[Imported]) {
    // SAFETY: the array holds a reference to each connection and gives it up by `unref`; `freed` gives up the array; the
    // sentences are a new GStrv, which `strfreev` frees
    unsafe {
        let array = g_ptr_array_new_with_free_func(Some(unref));
        for Imported { connection, left } in found {
            let left: *mut *mut c_char = left.to_glib_full();
            let connection: *mut ffi::NMConnection = connection.to_glib_full();
            g_object_set_data_full(connection.cast(), LEFT.as_ptr(), left.cast(), Some(strfreev));
            g_ptr_array_add(array, connection.cast());
        }
        let plugin: *mut ffi::NMVpnEditorPlugin = plugin.as_ref().to_glib_none().0;
        g_object_set_data_full(plugin.cast(), IMPORTED.as_ptr(), array.cast(), Some(freed));
    }
}

/// What the file held that `connection` was imported from, its first connection first; nothing if it was not imported.
pub fn found(plugin: &impl IsA<VpnEditorPlugin>, connection: &Connection) -> Vec<Imported> {
    // SAFETY: under these names there is what `leave` has put there; it is borrowed and copied
    let found: Vec<_> = unsafe {
        let plugin: *mut ffi::NMVpnEditorPlugin = plugin.as_ref().to_glib_none().0;
        let array = g_object_get_data(plugin.cast(), IMPORTED.as_ptr()).cast::<glib::ffi::GPtrArray>();
        let Some(array) = array.as_ref() else { return Vec::new() };
        let connections = (0..array.len as usize).map(|index| (*array.pdata.add(index)).cast::<ffi::NMConnection>());
        connections
            .map(|connection| Imported {
                connection: from_glib_none(connection),
                left: sentences(g_object_get_data(connection.cast(), LEFT.as_ptr()).cast()),
            })
            .collect()
    };
    let data = |connection: &Connection| connection.vpn().map(|vpn| vpn.data());
    let same = found.first().is_some_and(|first| data(&first.connection) == data(connection));
    if same { found } else { Vec::new() }
}

/// # Safety
///
/// `left` is null or a GStrv.
unsafe fn sentences(left: *const *const c_char) -> Vec<String> {
    // SAFETY: the caller's promise
    if left.is_null() { Vec::new() } else { unsafe { FromGlibPtrContainer::from_glib_none(left) } }
}

unsafe extern "C" fn unref(object: glib::ffi::gpointer) {
    // SAFETY: an object of which the array had a reference
    unsafe { g_object_unref(object.cast()) }
}

unsafe extern "C" fn freed(array: glib::ffi::gpointer) {
    // SAFETY: the array of `leave`
    unsafe { g_ptr_array_unref(array.cast()) }
}

unsafe extern "C" fn strfreev(texts: glib::ffi::gpointer) {
    // SAFETY: the GStrv of `leave`
    unsafe { g_strfreev(texts.cast()) }
}
