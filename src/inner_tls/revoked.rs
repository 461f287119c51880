//! The file of revoked certificates.

use std::ffi::c_int;

use foreign_types::{ForeignType, ForeignTypeRef};
use openssl::error::ErrorStack;
use openssl::x509::X509Crl;
use openssl::x509::store::X509StoreBuilderRef;
use openssl::x509::verify::X509VerifyFlags;

use super::{Error, NamedFile};

/// Begin and end of one list in PEM (RFC 7468 6).
const BEGIN: &str = "-----BEGIN X509 CRL-----";
const END: &str = "-----END X509 CRL-----";

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
    let unusable = |reason: &str| Error::unusable("crl-file", &file.path, reason);
    let lists =
        parse(&file.contents).map_err(|_| unusable("it is not a list of revoked certificates in PEM or DER"))?;
    if lists.is_empty() {
        return Err(unusable("it holds no list of revoked certificates"));
    }
    for list in lists {
        // SAFETY: both pointers come from live objects of the library, and it counts the references itself.
        if unsafe { X509_STORE_add_crl(store.as_ptr(), list.as_ptr()) } != 1 {
            return Err(ErrorStack::get().into());
        }
    }
    store.set_flags(X509VerifyFlags::CRL_CHECK)?;
    Ok(())
}

fn parse(contents: &[u8]) -> Result<Vec<X509Crl>, ErrorStack> {
    let text = String::from_utf8_lossy(contents);
    if !text.contains("-----BEGIN ") {
        return Ok(vec![X509Crl::from_der(contents)?]);
    }
    let mut lists = Vec::new();
    let mut rest: &str = &text;
    while let Some((_, list)) = rest.split_once(BEGIN) {
        let (body, after) = list.split_once(END).unwrap_or((list, ""));
        lists.push(X509Crl::from_pem(format!("{BEGIN}{body}{END}\n").as_bytes())?);
        rest = after;
    }
    Ok(lists)
}
