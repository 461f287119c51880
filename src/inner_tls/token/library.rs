//! The calls of OpenSSL that lead to a token and that its crate does not have.
//!
//! Providers and engines are objects of the whole process, and so is what answers them when they ask for a PIN: one
//! function and one place for the PIN, so that nothing here outlives what it points to. A process has one connection.

use std::ffi::{CStr, CString, c_char, c_int, c_long, c_void};
use std::ptr;
use std::sync::{Mutex, OnceLock};

use foreign_types::ForeignType;
use nix::libc;
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::provider::Provider;
use openssl::x509::X509;
use zeroize::Zeroizing;

use super::super::locked;

/// Why there is no object.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is neither a provider nor an engine.
    NoWay,
    /// The URI cannot be handed on.
    BadUri,
    /// The library failed.
    Library {
        /// Whether it asked for the PIN.
        asked: Asked,
        /// What it said.
        errors: ErrorStack,
    },
}

/// Whether the PIN was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Asked {
    /// It was not.
    #[default]
    Never,
    /// There was none.
    InVain,
    /// It was, and was given.
    Once,
    /// It was again after it was given, and was not given again: a token locks itself after a few wrong ones.
    Again,
}

/// What the library is answered.
#[derive(Default)]
struct Answer {
    pin: Option<Zeroizing<Vec<u8>>>,
    asked: Asked,
    /// The PIN has opened the token: a key may ask for it at each use.
    is_right: bool,
}

static ANSWER: Mutex<Answer> = Mutex::new(Answer { pin: None, asked: Asked::Never, is_right: false });

/// One search at a time, since there is one [`ANSWER`].
static SEARCH: Mutex<()> = Mutex::new(());

/// Opaque objects of the library.
#[repr(C)]
struct UiMethod {
    _opaque: [u8; 0],
}
#[repr(C)]
struct StoreContext {
    _opaque: [u8; 0],
}
#[repr(C)]
struct StoreInfo {
    _opaque: [u8; 0],
}
#[repr(C)]
struct Engine {
    _opaque: [u8; 0],
}

/// `pem_password_cb` (`openssl/pem.h`).
type PasswordCallback = unsafe extern "C" fn(*mut c_char, c_int, c_int, *mut c_void) -> c_int;

// `openssl/store.h` and `openssl/ui.h`, of OpenSSL 1.1.1 and later.
unsafe extern "C" {
    fn UI_set_default_method(method: *const UiMethod);
    fn UI_UTIL_wrap_read_pem_callback(callback: PasswordCallback, rwflag: c_int) -> *mut UiMethod;
    fn OSSL_STORE_open(
        uri: *const c_char,
        ui_method: *const UiMethod,
        ui_data: *mut c_void,
        post_process: *const c_void,
        post_process_data: *mut c_void,
    ) -> *mut StoreContext;
    fn OSSL_STORE_expect(context: *mut StoreContext, expected: c_int) -> c_int;
    fn OSSL_STORE_load(context: *mut StoreContext) -> *mut StoreInfo;
    fn OSSL_STORE_eof(context: *mut StoreContext) -> c_int;
    fn OSSL_STORE_close(context: *mut StoreContext) -> c_int;
    fn OSSL_STORE_INFO_get1_PKEY(info: *const StoreInfo) -> *mut openssl_sys::EVP_PKEY;
    fn OSSL_STORE_INFO_get1_CERT(info: *const StoreInfo) -> *mut openssl_sys::X509;
    fn OSSL_STORE_INFO_free(info: *mut StoreInfo);
}

/// `OSSL_STORE_INFO_PKEY` and `OSSL_STORE_INFO_CERT`.
const PKEY: c_int = 4;
const CERT: c_int = 5;

/// Most objects that are looked at.
const MAX_OBJECTS: usize = 64;

/// Answers the library's question for the PIN: at most once, unless it was right.
unsafe extern "C" fn give_pin(buffer: *mut c_char, size: c_int, _rwflag: c_int, _data: *mut c_void) -> c_int {
    let mut answer = locked(&ANSWER);
    let refuses = answer.asked != Asked::Never && !answer.is_right;
    answer.asked = match (&answer.pin, refuses) {
        (None, _) => Asked::InVain,
        (Some(_), true) => Asked::Again,
        (Some(_), false) => Asked::Once,
    };
    let Some(pin) = answer.pin.as_ref().filter(|_| !refuses) else { return -1 };
    let (Ok(size), Ok(length)) = (usize::try_from(size), c_int::try_from(pin.len())) else { return -1 };
    if buffer.is_null() || pin.len() >= size {
        return -1;
    }
    // SAFETY: the library gives a buffer of `size` octets, which is more than there are in the PIN, and the two do not
    // overlap, since the PIN is ours.
    unsafe { ptr::copy_nonoverlapping(pin.as_ptr(), buffer.cast(), pin.len()) };
    length
}

/// What asks our function. It is made once and never freed, since a key may ask for as long as the process lives.
fn ui_method() -> *mut UiMethod {
    struct Made(*mut UiMethod);
    // SAFETY: a UI_METHOD is only read after it was made.
    unsafe impl Send for Made {}
    // SAFETY: as above.
    unsafe impl Sync for Made {}
    static METHOD: OnceLock<Made> = OnceLock::new();
    let make = || {
        // SAFETY: the function has the type that is asked for and lives as long as the process.
        let method = unsafe { UI_UTIL_wrap_read_pem_callback(give_pin, 0) };
        if !method.is_null() {
            // Some ask whom nobody told whom to ask, which would be the user of a terminal.
            // SAFETY: the method lives as long as the process.
            unsafe { UI_set_default_method(method) };
        }
        Made(method)
    };
    METHOD.get_or_init(make).0
}

/// The certificate of this URI.
pub(super) fn certificate(uri: &str, pin: Option<Zeroizing<Vec<u8>>>) -> Result<X509, Failure> {
    let from_store = |uri: &CStr| {
        // SAFETY: the function takes any information object, and returns a reference that is ours, or nothing.
        from_store(uri, CERT, |info| unsafe { X509::from_ptr_opt(OSSL_STORE_INFO_get1_CERT(info)) })
    };
    search(uri, pin, from_store, EngineCalls::certificate)
}

/// The key of this URI.
pub(super) fn key(uri: &str, pin: Option<Zeroizing<Vec<u8>>>) -> Result<PKey<Private>, Failure> {
    let from_store = |uri: &CStr| {
        // SAFETY: as above.
        from_store(uri, PKEY, |info| unsafe { PKey::from_ptr_opt(OSSL_STORE_INFO_get1_PKEY(info)) })
    };
    search(uri, pin, from_store, EngineCalls::key)
}

/// An owned object of a pointer that may be null.
trait FromPtrOpt: ForeignType + Sized {
    /// # Safety
    ///
    /// The pointer is null, or a reference that is handed over.
    unsafe fn from_ptr_opt(pointer: *mut Self::CType) -> Option<Self> {
        // SAFETY: what the caller says.
        (!pointer.is_null()).then(|| unsafe { Self::from_ptr(pointer) })
    }
}

impl FromPtrOpt for X509 {}
impl FromPtrOpt for PKey<Private> {}

/// By the provider, or else by the engine.
fn search<T>(
    uri: &str,
    pin: Option<Zeroizing<Vec<u8>>>,
    from_store: impl FnOnce(&CStr) -> Option<T>,
    from_engine: impl FnOnce(&EngineCalls, &CStr) -> Option<T>,
) -> Result<T, Failure> {
    let _one = locked(&SEARCH);
    let uri = CString::new(uri).map_err(|_| Failure::BadUri)?;
    // What is left of earlier failures is not about this one.
    drop(ErrorStack::get());
    *locked(&ANSWER) = Answer { pin, ..Answer::default() };
    let found = if has_provider() {
        from_store(&uri)
    } else {
        let engine = EngineCalls::get().ok_or(Failure::NoWay)?;
        from_engine(engine, &uri)
    };
    let mut answer = locked(&ANSWER);
    match found {
        Some(found) => {
            answer.is_right = answer.asked == Asked::Once;
            Ok(found)
        }
        None => {
            let asked = answer.asked;
            *answer = Answer::default();
            Err(Failure::Library { asked, errors: ErrorStack::get() })
        }
    }
}

/// Whether the provider of tokens is there; it is loaded once, for as long as the process lives.
fn has_provider() -> bool {
    static PROVIDERS: OnceLock<Option<[Provider; 2]>> = OnceLock::new();
    let load = || {
        // The library's own provider comes first, so that only what is on a token is done there.
        let own = Provider::try_load(None, "default", true).ok()?;
        let tokens = Provider::try_load(None, "pkcs11", true).ok()?;
        Some([own, tokens])
    };
    let loaded = PROVIDERS.get_or_init(load).is_some();
    drop(ErrorStack::get());
    loaded
}

/// The first object of this type that the store has.
fn from_store<T>(uri: &CStr, expected: c_int, take: impl Fn(*const StoreInfo) -> Option<T>) -> Option<T> {
    // SAFETY: the URI is a string of C that lives until the call returns; the method lives for ever; there is no data and
    // no function for each object.
    let context = unsafe { OSSL_STORE_open(uri.as_ptr(), ui_method(), ptr::null_mut(), ptr::null(), ptr::null_mut()) };
    if context.is_null() {
        return None;
    }
    // SAFETY: `context` is open until it is closed below, and this is the first call after it was opened.
    unsafe { OSSL_STORE_expect(context, expected) };
    let mut found = None;
    for _ in 0..MAX_OBJECTS {
        // SAFETY: `context` is open.
        let info = unsafe { OSSL_STORE_load(context) };
        if !info.is_null() {
            found = take(info);
            // SAFETY: `info` is ours, and is not used after this.
            unsafe { OSSL_STORE_INFO_free(info) };
        }
        // SAFETY: `context` is open.
        if found.is_some() || unsafe { OSSL_STORE_eof(context) } != 0 {
            break;
        }
    }
    // SAFETY: `context` is open, and is not used after this.
    unsafe { OSSL_STORE_close(context) };
    found
}

/// The calls of `openssl/engine.h`. They are looked up when they are needed: OpenSSL 4 has them no more.
struct EngineCalls {
    ctrl_cmd:
        unsafe extern "C" fn(*mut Engine, *const c_char, c_long, *mut c_void, Option<extern "C" fn()>, c_int) -> c_int,
    load_private_key:
        unsafe extern "C" fn(*mut Engine, *const c_char, *mut UiMethod, *mut c_void) -> *mut openssl_sys::EVP_PKEY,
    /// The engine `pkcs11`, ready to be used for as long as the process lives.
    engine: *mut Engine,
}

// SAFETY: an engine counts its references and locks itself; ours is only used under `SEARCH`.
unsafe impl Send for EngineCalls {}
// SAFETY: as above.
unsafe impl Sync for EngineCalls {}

/// What the command LOAD_CERT_CTRL of the engine takes and gives.
#[repr(C)]
struct LoadCertificate {
    uri: *const c_char,
    certificate: *mut openssl_sys::X509,
}

impl EngineCalls {
    /// The engine, where there is one.
    fn get() -> Option<&'static EngineCalls> {
        static CALLS: OnceLock<Option<EngineCalls>> = OnceLock::new();
        let calls = CALLS.get_or_init(Self::load).as_ref();
        drop(ErrorStack::get());
        calls
    }

    fn load() -> Option<EngineCalls> {
        type Function = unsafe extern "C" fn();
        let function = |name: &CStr| {
            // SAFETY: the name is a string of C; the symbol is that of a function of the library, or null.
            let pointer = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
            // SAFETY: it is not null, and a pointer to a function has the size of any other.
            (!pointer.is_null()).then(|| unsafe { std::mem::transmute::<*mut c_void, Function>(pointer) })
        };
        // SAFETY: these are the types of these functions in every version of OpenSSL that has them.
        let (by_id, init, ctrl_cmd, load_private_key) = unsafe {
            (
                std::mem::transmute::<Function, unsafe extern "C" fn(*const c_char) -> *mut Engine>(function(
                    c"ENGINE_by_id",
                )?),
                std::mem::transmute::<Function, unsafe extern "C" fn(*mut Engine) -> c_int>(function(c"ENGINE_init")?),
                std::mem::transmute::<
                    Function,
                    unsafe extern "C" fn(
                        *mut Engine,
                        *const c_char,
                        c_long,
                        *mut c_void,
                        Option<extern "C" fn()>,
                        c_int,
                    ) -> c_int,
                >(function(c"ENGINE_ctrl_cmd")?),
                std::mem::transmute::<
                    Function,
                    unsafe extern "C" fn(
                        *mut Engine,
                        *const c_char,
                        *mut UiMethod,
                        *mut c_void,
                    ) -> *mut openssl_sys::EVP_PKEY,
                >(function(c"ENGINE_load_private_key")?),
            )
        };
        // SAFETY: the name is a string of C.
        let engine = unsafe { by_id(c"pkcs11".as_ptr()) };
        // SAFETY: it is an engine, where it is not null. It is never given back.
        if engine.is_null() || unsafe { init(engine) } != 1 {
            return None;
        }
        let calls = EngineCalls { ctrl_cmd, load_private_key, engine };
        // It would else write to the error output, and ask at a terminal.
        calls.command(c"QUIET", ptr::null_mut());
        calls.command(c"SET_USER_INTERFACE", ui_method().cast());
        Some(calls)
    }

    fn command(&self, name: &CStr, argument: *mut c_void) -> bool {
        // SAFETY: the engine is ready; the name is a string of C; each caller gives what its command takes. A command
        // that the engine does not know is refused, or passed over where the last argument allows.
        unsafe { (self.ctrl_cmd)(self.engine, name.as_ptr(), 0, argument, None, 1) == 1 }
    }

    fn certificate(&self, uri: &CStr) -> Option<X509> {
        let mut wish = LoadCertificate { uri: uri.as_ptr(), certificate: ptr::null_mut() };
        self.command(c"LOAD_CERT_CTRL", ptr::from_mut(&mut wish).cast());
        // SAFETY: the engine hands its reference over, or has left the pointer null.
        unsafe { X509::from_ptr_opt(wish.certificate) }
    }

    fn key(&self, uri: &CStr) -> Option<PKey<Private>> {
        // SAFETY: the engine is ready; the URI is a string of C that lives until the call returns; the method lives for
        // ever, and its function needs no data. The key is ours, or null.
        unsafe {
            let key = (self.load_private_key)(self.engine, uri.as_ptr(), ui_method(), ptr::null_mut());
            PKey::from_ptr_opt(key)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The provider's way, for a file: which scheme a store has makes no difference to these calls.
    #[test]
    fn a_store_gives_the_object_that_is_expected() {
        let (certificate, key) =
            crate::transport::pki::Ca::new("Test CA").issue(&crate::transport::pki::Leaf::default());
        let path = std::env::temp_dir().join(format!("nm-sstp-store-{}.pem", std::process::id()));
        std::fs::write(&path, [&certificate[..], &key].concat()).unwrap();
        let uri = CString::new(format!("file:{}", path.display())).unwrap();
        // SAFETY: as in `certificate` and `key`.
        let found = from_store(&uri, CERT, |info| unsafe { X509::from_ptr_opt(OSSL_STORE_INFO_get1_CERT(info)) });
        assert_eq!(found.unwrap().to_pem().unwrap(), certificate);
        // SAFETY: as above.
        let found = from_store(&uri, PKEY, |info| unsafe { PKey::from_ptr_opt(OSSL_STORE_INFO_get1_PKEY(info)) });
        let found: PKey<Private> = found.unwrap();
        assert_eq!(found.private_key_to_pem_pkcs8().unwrap(), key);
        std::fs::remove_file(&path).unwrap();
        // SAFETY: as above.
        let found = from_store(&uri, CERT, |info| unsafe { X509::from_ptr_opt(OSSL_STORE_INFO_get1_CERT(info)) });
        assert!(found.is_none());
    }
}
