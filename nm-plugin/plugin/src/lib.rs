//! `libnm-vpn-plugin-sstp.so`: what programs on libnm (nmcli, GNOME's settings, nm-connection-editor, nm-applet) know of
//! SSTP.
//!
//! libnm loads it into such a program because the plugin's `.name` file says so, and calls the one function that it
//! exports. It does not link to a toolkit: nmcli has none. A program with GTK gets the editor for the GTK that it has,
//! from a library of its own.

mod editors;
mod export;
mod files;
mod import;
mod object;

use nm_sstp::words;
use nm_sstp_libnm::{factory, ffi, glib};

pub use object::EditorPlugin;

/// Makes the plugin: libnm calls this once, in a program that it was loaded into.
///
/// # Safety
///
/// `error` is null or points to where an error may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nm_vpn_editor_plugin_factory(
    error: *mut *mut glib::ffi::GError,
) -> *mut ffi::NMVpnEditorPlugin {
    let make = || {
        words::library_starts();
        Ok(EditorPlugin::new())
    };
    // SAFETY: the caller's promise
    unsafe { factory::plugin(error, make) }
}
