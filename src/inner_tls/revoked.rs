//! The file of revoked certificates.

use std::ffi::c_int;

use foreign_types::{ForeignType, ForeignTypeRef};
use openssl::error::ErrorStack;
use openssl::x509::store::X509StoreBuilderRef;
use openssl::x509::verify::X509VerifyFlags;

use super::{Error, NamedFile};
use crate::transport::checks;

unsafe extern "C" {
    /// Adds a list to a store, which takes a reference of its own; 1 for success (`openssl/x509_vfy.h`).
    fn X509_STORE_add_crl(store: *mut openssl_sys::X509_STORE, crl: *mut openssl_sys::X509_CRL) -> c_int;
}

/// Lets the store ask the lists of the file about the server's own certificate. A list must then be there, and be valid,
/// for whoever issued that.
///
/// # Errors
///
/// The file holds no list.
pub(super) fn add(store: &mut X509StoreBuilderRef, file: &NamedFile) -> Result<(), Error> {
    let lists = checks::lists(&file.contents).map_err(|reason| Error::unusable("crl-file", &file.path, reason))?;
    for list in lists {
        // SAFETY: both pointers come from live objects of the library, and it counts the references itself.
        if unsafe { X509_STORE_add_crl(store.as_ptr(), list.as_ptr()) } != 1 {
            return Err(ErrorStack::get().into());
        }
    }
    store.set_flags(X509VerifyFlags::CRL_CHECK)?;
    Ok(())
}
