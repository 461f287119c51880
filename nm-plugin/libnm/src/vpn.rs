//! The setting `vpn` of a connection.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char, c_uint};

use glib::prelude::*;
use glib::translate::*;
use zeroize::Zeroizing;

use crate::ffi;

glib::wrapper! {
    /// `NMSettingVpn`: which VPN plugin, its data and its secrets.
    pub struct VpnSetting(Object<ffi::NMSettingVpn>);

    match fn {
        type_ => || ffi::nm_setting_vpn_get_type(),
    }
}

impl VpnSetting {
    /// A setting for the VPN plugin with the D-Bus name `service`.
    pub fn new(service: &str) -> Self {
        // SAFETY: a new reference is returned, and it is to an NMSettingVpn
        let setting: Self = unsafe { from_glib_full(ffi::nm_setting_vpn_new().cast::<ffi::NMSettingVpn>()) };
        setting.set_property("service-type", service);
        setting
    }

    /// The D-Bus name of the VPN plugin that it is for.
    pub fn service(&self) -> Option<String> {
        self.property("service-type")
    }

    /// `vpn.user-name`, which NetworkManager keeps beside the data.
    pub fn user_name(&self) -> Option<String> {
        self.property("user-name")
    }

    /// Changes `vpn.user-name`.
    pub fn set_user_name(&self, name: Option<&str>) {
        self.set_property("user-name", name);
    }

    /// `vpn.persistent`: the connection outlives the network under it.
    pub fn persistent(&self) -> bool {
        self.property("persistent")
    }

    /// Changes `vpn.persistent`.
    pub fn set_persistent(&self, persistent: bool) {
        self.set_property("persistent", persistent);
    }

    /// `vpn.timeout`: the seconds in which the connection has to come up; 0 for NetworkManager's own limit.
    pub fn timeout(&self) -> u32 {
        self.property("timeout")
    }

    /// Changes `vpn.timeout`.
    pub fn set_timeout(&self, seconds: u32) {
        self.set_property("timeout", seconds);
    }

    /// All the data: every key, known or not.
    pub fn data(&self) -> BTreeMap<String, String> {
        let keys = self.keys(ffi::nm_setting_vpn_get_data_keys);
        keys.into_iter().filter_map(|key| Some((text(&key), self.data_of(&key)?))).collect()
    }

    /// The data of one key.
    pub fn datum(&self, key: &str) -> Option<String> {
        self.data_of(&CString::new(key).ok()?)
    }

    fn data_of(&self, key: &CStr) -> Option<String> {
        // SAFETY: the text lives until the data is changed, and is copied here
        unsafe { copied(ffi::nm_setting_vpn_get_data_item(self.as_ptr(), key.as_ptr())) }
    }

    /// Changes the data of one key, or takes the key out. An empty value is none to NetworkManager.
    ///
    /// A key or value with a NUL is left alone: no connection can hold one.
    pub fn set_datum(&self, key: &str, value: Option<&str>) {
        let Ok(key) = CString::new(key) else { return };
        match value.filter(|value| !value.is_empty()).map(CString::new) {
            // SAFETY: the texts are copied; empty keys, which libnm refuses, cannot be removed either
            Some(Ok(value)) if !key.is_empty() => unsafe {
                ffi::nm_setting_vpn_add_data_item(self.as_ptr(), key.as_ptr(), value.as_ptr());
            },
            None if !key.is_empty() => {
                // SAFETY: as above
                unsafe { ffi::nm_setting_vpn_remove_data_item(self.as_ptr(), key.as_ptr()) };
            }
            _ => {}
        }
    }

    /// Makes the data what `wanted` says by changing the keys that differ, and no other.
    pub fn set_data(&self, wanted: &BTreeMap<String, String>) {
        let present = self.data();
        for key in present.keys().filter(|key| !wanted.contains_key(*key)) {
            self.set_datum(key, None);
        }
        for (key, value) in wanted.iter().filter(|(key, value)| present.get(*key) != Some(*value)) {
            self.set_datum(key, Some(value));
        }
    }

    /// All the secrets that are in memory.
    pub fn secrets(&self) -> BTreeMap<String, Zeroizing<String>> {
        let keys = self.keys(ffi::nm_setting_vpn_get_secret_keys);
        keys.into_iter().filter_map(|key| Some((text(&key), self.secret_of(&key)?))).collect()
    }

    /// One secret.
    pub fn secret(&self, key: &str) -> Option<Zeroizing<String>> {
        self.secret_of(&CString::new(key).ok()?)
    }

    fn secret_of(&self, key: &CStr) -> Option<Zeroizing<String>> {
        // SAFETY: as of the data
        unsafe { copied(ffi::nm_setting_vpn_get_secret(self.as_ptr(), key.as_ptr())) }.map(Zeroizing::new)
    }

    /// Changes one secret, or takes it out. As of the data, an empty one is none.
    pub fn set_secret(&self, key: &str, value: Option<&str>) {
        let Ok(key) = CString::new(key) else { return };
        match value.filter(|value| !value.is_empty()).map(|value| wiped(value.as_bytes())) {
            // SAFETY: the texts are copied
            Some(Some(value)) if !key.is_empty() => unsafe {
                ffi::nm_setting_vpn_add_secret(self.as_ptr(), key.as_ptr(), value.as_ptr().cast());
            },
            None if !key.is_empty() => {
                // SAFETY: as above
                unsafe { ffi::nm_setting_vpn_remove_secret(self.as_ptr(), key.as_ptr()) };
            }
            _ => {}
        }
    }

    fn keys(
        &self,
        of: unsafe extern "C" fn(*mut ffi::NMSettingVpn, *mut c_uint) -> *mut *const c_char,
    ) -> Vec<CString> {
        let mut length: c_uint = 0;
        // SAFETY: an array of borrowed texts is returned, which is ours, or null when there is none
        unsafe {
            let array = of(self.as_ptr(), &mut length);
            let keys = (0..length as usize)
                .map_while(|index| array.as_ref().map(|_| CStr::from_ptr(*array.add(index)).to_owned()))
                .collect();
            glib::ffi::g_free(array.cast());
            keys
        }
    }

    fn as_ptr(&self) -> *mut ffi::NMSettingVpn {
        ObjectType::as_ptr(self)
    }
}

fn text(text: &CStr) -> String {
    text.to_string_lossy().into_owned()
}

/// # Safety
///
/// `chars` is null or a text.
unsafe fn copied(chars: *const c_char) -> Option<String> {
    // SAFETY: the caller's promise
    (!chars.is_null()).then(|| text(unsafe { CStr::from_ptr(chars) }))
}

/// The octets with a NUL behind them, wiped when dropped; none where there is a NUL in them.
fn wiped(octets: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if octets.contains(&0) {
        return None;
    }
    let mut text = Zeroizing::new(Vec::with_capacity(octets.len() + 1));
    text.extend_from_slice(octets);
    text.push(0);
    Some(text)
}
