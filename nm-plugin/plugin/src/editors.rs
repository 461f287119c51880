//! The editors: one library for each toolkit, beside this one.

use std::ffi::{CStr, CString, OsStr, c_char, c_void};
use std::mem;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;

use nm_sstp::tr;
use nm_sstp_libnm::ffi::{EditorFactory, ImportChoice};
use nm_sstp_libnm::glib::translate::*;
use nm_sstp_libnm::{Connection, Problem, VpnEditor, VpnEditorPlugin, glib};

/// A toolkit that there is an editor for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toolkit {
    /// GTK 3.
    Gtk3,
    /// GTK 4.
    Gtk4,
}

impl Toolkit {
    /// The one that this process has loaded. The two cannot be in one process.
    pub fn of_this_process() -> Option<Self> {
        // A function that the other one does not have.
        let has = |symbol: &CStr| {
            // SAFETY: the name is a text; nothing is called
            !unsafe { libc::dlsym(libc::RTLD_DEFAULT, symbol.as_ptr()) }.is_null()
        };
        if has(c"gtk_container_add") { Some(Self::Gtk3) } else { has(c"gtk_window_set_child").then_some(Self::Gtk4) }
    }

    /// The file name of the library with the editor.
    fn library(self) -> &'static str {
        match self {
            Self::Gtk3 => "libnm-vpn-plugin-sstp-editor.so",
            Self::Gtk4 => "libnm-gtk4-vpn-plugin-sstp-editor.so",
        }
    }
}

/// A new editor for `connection`, in the toolkit of this process.
///
/// # Errors
///
/// There is no toolkit, or the library cannot be loaded.
pub fn open(plugin: &VpnEditorPlugin, connection: &Connection) -> Result<VpnEditor, glib::Error> {
    let toolkit = Toolkit::of_this_process().ok_or_else(|| {
        Problem::Failed.says(tr!("This program has neither GTK 3 nor GTK 4, so it cannot show the editor."))
    })?;
    let factory = function(toolkit, c"nm_vpn_editor_factory_sstp")?;
    let mut error = ptr::null_mut();
    // SAFETY: the function has this type by its name; both objects live, and the error may be written. It returns a new
    // reference or an error.
    unsafe {
        let factory = mem::transmute::<*mut c_void, EditorFactory>(factory);
        let editor = factory(plugin.to_glib_none().0, connection.to_glib_none().0, &mut error);
        if error.is_null() { Ok(from_glib_full(editor)) } else { Err(from_glib_full(error)) }
    }
}

/// Which of the connections of these names a person chooses, in a window; none also where there can be no window.
pub fn choose(names: &[String]) -> Option<usize> {
    let function = function(Toolkit::of_this_process()?, c"nm_vpn_import_choice_sstp").ok()?;
    // SAFETY: the function has this type by its name; the names are a GStrv for the time of the call
    unsafe {
        let choice = mem::transmute::<*mut c_void, ImportChoice>(function);
        let names: Stash<'_, *mut *mut c_char, [String]> = names.to_glib_none();
        usize::try_from(choice(names.0.cast_const().cast())).ok()
    }
}

/// A function of the library of an editor, which is never unloaded: GLib keeps its types.
fn function(toolkit: Toolkit, name: &CStr) -> Result<*mut c_void, glib::Error> {
    let path = directory().unwrap_or_default().join(toolkit.library());
    let failed = |reason: String| {
        let sentence = tr!(
            "The editor {file} cannot be loaded; it may be in a package of its own. {reason}",
            file = path.display(),
            reason = reason
        );
        Problem::Failed.says(sentence)
    };
    let file = CString::new(path.as_os_str().as_bytes()).map_err(|error| failed(error.to_string()))?;
    // SAFETY: the names are texts; what the library does when it is loaded is what ours does
    unsafe {
        let library = libc::dlopen(file.as_ptr(), libc::RTLD_LAZY | libc::RTLD_LOCAL);
        if library.is_null() {
            return Err(failed(last_error()));
        }
        let symbol = libc::dlsym(library, name.as_ptr());
        if symbol.is_null() {
            return Err(failed(last_error()));
        }
        Ok(symbol)
    }
}

/// What the loader says of the call before this one.
fn last_error() -> String {
    // SAFETY: the text is this thread's until the next call, and is copied
    unsafe {
        let text = libc::dlerror();
        if text.is_null() { String::new() } else { CStr::from_ptr(text).to_string_lossy().into_owned() }
    }
}

/// Where this library is.
fn directory() -> Option<PathBuf> {
    // SAFETY: a place for the answer; its text belongs to the loader and is copied
    unsafe {
        let mut found: libc::Dl_info = mem::zeroed();
        let here: fn() -> Option<PathBuf> = directory;
        if libc::dladdr(here as *const c_void, &mut found) == 0 || found.dli_fname.is_null() {
            return None;
        }
        let file = Path::new(OsStr::from_bytes(CStr::from_ptr(found.dli_fname).to_bytes()));
        file.parent().map(Path::to_owned)
    }
}
