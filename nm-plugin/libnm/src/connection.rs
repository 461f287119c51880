//! A connection of NetworkManager.

use std::ptr;

use glib::prelude::*;
use glib::translate::*;
use zeroize::Zeroizing;

use crate::ffi;
use crate::vpn::VpnSetting;

glib::wrapper! {
    /// `NMConnection`: the settings of one connection, in memory.
    ///
    /// It is changed in place, setting by setting and key by key: whatever is not named stays as it is.
    pub struct Connection(Interface<ffi::NMConnection>);

    match fn {
        type_ => || ffi::nm_connection_get_type(),
    }
}

impl Default for Connection {
    /// A connection without any setting.
    fn default() -> Self {
        // SAFETY: a new reference is returned
        unsafe { from_glib_full(ffi::nm_simple_connection_new()) }
    }
}

impl Connection {
    /// The name that people see; none where there is no setting `connection`.
    pub fn id(&self) -> Option<String> {
        // SAFETY: the text lives as long as the connection, and is copied here
        unsafe { from_glib_none(ffi::nm_connection_get_id(self.as_ptr())) }
    }

    /// What identifies it.
    pub fn uuid(&self) -> Option<String> {
        // SAFETY: as above
        unsafe { from_glib_none(ffi::nm_connection_get_uuid(self.as_ptr())) }
    }

    /// Gives it a name and a UUID.
    pub fn set_identity(&self, id: &str, uuid: &str) {
        // SAFETY: a borrowed object or null; one that is made is handed over, and its properties are texts
        unsafe {
            let mut setting = ffi::nm_connection_get_setting_connection(self.as_ptr());
            if setting.is_null() {
                setting = ffi::nm_setting_connection_new().cast();
                ffi::nm_connection_add_setting(self.as_ptr(), setting.cast());
            }
            let setting: glib::Object = from_glib_none(setting.cast::<glib::gobject_ffi::GObject>());
            setting.set_properties(&[("id", &id), ("uuid", &uuid)]);
        }
    }

    /// The setting `vpn`, if there is one: the same object, not a copy.
    pub fn vpn(&self) -> Option<VpnSetting> {
        // SAFETY: a borrowed object, or null
        unsafe { from_glib_none(ffi::nm_connection_get_setting_vpn(self.as_ptr())) }
    }

    /// Puts `setting` in, in the place of one that was there.
    pub fn set_vpn(&self, setting: &VpnSetting) {
        // SAFETY: takes over a reference to the setting; an NMSettingVpn is an NMSetting
        unsafe {
            let setting: *mut ffi::NMSettingVpn = setting.to_glib_full();
            ffi::nm_connection_add_setting(self.as_ptr(), setting.cast());
        }
    }

    /// A copy of every setting.
    pub fn copy(&self) -> Self {
        // SAFETY: a new reference is returned
        unsafe { from_glib_full(ffi::nm_simple_connection_new_clone(self.as_ptr())) }
    }

    /// Reads the text of a `.nmconnection` file, as NetworkManager reads it.
    ///
    /// The text should hold no secret (GLib does not wipe its copies); they are added by [`VpnSetting::set_secret`].
    ///
    /// # Errors
    ///
    /// The text is no key file, or no connection can be made of it.
    pub fn from_keyfile(text: &str) -> Result<Self, glib::Error> {
        let keyfile = glib::KeyFile::new();
        keyfile.load_from_data(text, glib::KeyFileFlags::NONE)?;
        let mut error = ptr::null_mut();
        // SAFETY: there is no handler to be called; a new reference or an error is returned
        unsafe {
            let connection = ffi::nm_keyfile_read(
                keyfile.to_glib_none().0,
                c"/".as_ptr(),
                0,
                ptr::null(),
                ptr::null_mut(),
                &mut error,
            );
            if error.is_null() { Ok(from_glib_full(connection)) } else { Err(from_glib_full(error)) }
        }
    }

    /// The text of a `.nmconnection` file, as NetworkManager writes it, without the secrets.
    ///
    /// # Errors
    ///
    /// NetworkManager has no way to write it.
    pub fn to_keyfile(&self) -> Result<Zeroizing<String>, glib::Error> {
        let connection = self.copy();
        let mut error = ptr::null_mut();
        // SAFETY: there is no handler to be called; a new key file or an error is returned
        let keyfile: glib::KeyFile = unsafe {
            ffi::nm_connection_clear_secrets(connection.as_ptr());
            let keyfile = ffi::nm_keyfile_write(connection.as_ptr(), 0, ptr::null(), ptr::null_mut(), &mut error);
            if !error.is_null() {
                return Err(from_glib_full(error));
            }
            from_glib_full(keyfile)
        };
        Ok(Zeroizing::new(keyfile.to_data().to_string()))
    }

    fn as_ptr(&self) -> *mut ffi::NMConnection {
        ObjectType::as_ptr(self)
    }
}
