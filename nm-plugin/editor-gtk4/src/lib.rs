//! The editor of SSTP connections for programs on GTK 4: `libnm-gtk4-vpn-plugin-sstp-editor.so`.

mod toolkit;
#[path = "../../editor/widgets/mod.rs"]
mod widgets;

use nm_sstp_libnm::factory;
use nm_sstp_libnm::ffi::{NMConnection, NMVpnEditor, NMVpnEditorPlugin};
use nm_sstp_libnm::glib::ffi::GError;

pub use widgets::{Editor, Page};

/// Makes an editor for a connection. The plugin looks this function up by its name.
///
/// # Safety
///
/// `plugin` and `connection` are live objects of these types; `error` is null or may be written. The program has GTK 4
/// initialized, and this is its thread.
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
