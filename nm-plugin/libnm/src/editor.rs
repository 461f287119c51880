//! The interface of an editor of one connection, to be implemented.

use std::ptr;

use glib::ffi::{GError, gboolean};
use glib::gobject_ffi::GObject;
use glib::prelude::*;
use glib::subclass::prelude::*;
use glib::translate::*;

use crate::Connection;
use crate::ffi;
use crate::guard::{guarded, guarded_with};

glib::wrapper! {
    /// `NMVpnEditor`: the page for one connection in some program's window.
    pub struct VpnEditor(Interface<ffi::NMVpnEditor, ffi::NMVpnEditorInterface>);

    match fn {
        type_ => || ffi::nm_vpn_editor_get_type(),
    }
}

/// An editor.
pub trait VpnEditorImpl: ObjectImpl + ObjectSubclass<Type: IsA<VpnEditor>> {
    /// The widget of the page, the same one whenever it is asked for. The editor keeps it alive: it is lent.
    fn widget(&self) -> &glib::Object;

    /// Writes what the page shows into `connection`, which need not be the one that the editor was made for.
    ///
    /// # Errors
    ///
    /// What the page shows is not valid: programs keep their button grey while this fails, and may show the message.
    fn update_connection(&self, connection: &Connection) -> Result<(), glib::Error>;
}

/// What an editor does for itself.
pub trait VpnEditorExt: IsA<VpnEditor> {
    /// Says that a person has changed something on the page.
    fn emit_changed(&self) {
        self.emit_by_name::<()>("changed", &[]);
    }
}

impl<T: IsA<VpnEditor>> VpnEditorExt for T {}

// SAFETY: the functions below have the types of the interface, and take instances of `T` only
unsafe impl<T: VpnEditorImpl> IsImplementable<T> for VpnEditor {
    fn interface_init(interface: &mut glib::Interface<Self>) {
        let interface = interface.as_mut();
        interface.get_widget = Some(get_widget::<T>);
        interface.update_connection = Some(update_connection::<T>);
    }
}

unsafe extern "C" fn get_widget<T: VpnEditorImpl>(editor: *mut ffi::NMVpnEditor) -> *mut GObject {
    // SAFETY: libnm calls this with an instance of the type that the interface was made for
    let imp = unsafe { (*editor.cast::<T::Instance>()).imp() };
    guarded(|| imp.widget().as_ptr()).unwrap_or(ptr::null_mut())
}

unsafe extern "C" fn update_connection<T: VpnEditorImpl>(
    editor: *mut ffi::NMVpnEditor,
    connection: *mut ffi::NMConnection,
    error: *mut *mut GError,
) -> gboolean {
    // SAFETY: as above, with a live connection, and an error that is null or may be written
    unsafe {
        let imp = (*editor.cast::<T::Instance>()).imp();
        let update = || imp.update_connection(&from_glib_borrow::<_, Connection>(connection));
        guarded_with(error, update).is_some().into_glib()
    }
}
