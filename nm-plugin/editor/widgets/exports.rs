//! What the plugin calls, by name.

use std::ffi::{c_char, c_int};

use nm_sstp_libnm::factory;
use nm_sstp_libnm::ffi::{NMConnection, NMVpnEditor, NMVpnEditorPlugin};
use nm_sstp_libnm::glib::ffi::GError;

use super::{Editor, choice};
use crate::toolkit;

/// Makes an editor for a connection.
///
/// # Safety
///
/// `plugin` and `connection` are live objects of these types; `error` is null or may be written. The program has initialized
/// GTK, and this is its thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nm_vpn_editor_factory_sstp(
    plugin: *mut NMVpnEditorPlugin,
    connection: *mut NMConnection,
    error: *mut *mut GError,
) -> *mut NMVpnEditor {
    // SAFETY: the caller's promise
    unsafe {
        factory::editor(plugin, connection, error, |plugin, connection| {
            toolkit::take_over();
            Ok(Editor::new(Some(plugin), connection))
        })
    }
}

/// Lets a person choose one of the connections of a file that is imported: its number, or -1.
///
/// # Safety
///
/// `names` is a GStrv.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nm_vpn_import_choice_sstp(names: *const *const c_char) -> c_int {
    // SAFETY: the caller's promise
    unsafe { factory::choice(names, choice::choose) }
}
