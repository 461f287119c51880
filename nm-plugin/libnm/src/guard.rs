//! The edge between C and Rust: no panic crosses it, and errors go out as `GError`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use glib::ffi::GError;
use glib::translate::IntoGlibPtr;
use nm_sstp::tr;

use crate::Problem;

/// What `body` comes to; `None` if it panics. The panic's own message is on standard error by then.
pub(crate) fn guarded<T>(body: impl FnOnce() -> T) -> Option<T> {
    // What a panic leaves half done belongs to the object that the call was for; nothing here is shared between objects.
    catch_unwind(AssertUnwindSafe(body)).ok()
}

/// What `body` comes to; `None` with an error told to the caller if it fails or panics.
///
/// # Safety
///
/// `error` is null or points to where an error may be written, as GLib's convention has it.
pub(crate) unsafe fn guarded_with<T>(
    error: *mut *mut GError,
    body: impl FnOnce() -> Result<T, glib::Error>,
) -> Option<T> {
    let panicked = || {
        let sentence = || tr!("An internal error happened. Please report it, with what is on standard error.");
        Err(Problem::Failed.says(guarded(sentence).unwrap_or_default()))
    };
    match guarded(body).unwrap_or_else(panicked) {
        Ok(value) => Some(value),
        Err(problem) => {
            // SAFETY: the caller's promise
            if let Some(error) = unsafe { error.as_mut() } {
                *error = problem.into_glib_ptr();
            }
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use glib::translate::FromGlibPtrFull;

    use super::*;

    fn outcome(body: impl FnOnce() -> Result<u8, glib::Error>) -> (Option<u8>, Option<glib::Error>) {
        let mut error = ptr::null_mut();
        // SAFETY: `error` may be written
        let value = unsafe { guarded_with(&mut error, body) };
        // SAFETY: an error that is there is handed over
        (value, unsafe { Option::<glib::Error>::from_glib_full(error) })
    }

    #[test]
    fn a_panic_becomes_an_error() {
        let (value, error) = outcome(|| panic!("on purpose"));
        assert_eq!(value, None);
        assert!(error.is_some_and(|error| error.matches(Problem::Failed) && error.message().contains("internal")));
    }

    #[test]
    fn an_error_is_handed_over_and_a_value_comes_through() {
        let (value, error) = outcome(|| Err(glib::Error::new(Problem::InvalidProperty, "gateway")));
        assert_eq!(value, None);
        assert!(error.is_some_and(|error| error.matches(Problem::InvalidProperty) && error.message() == "gateway"));
        assert!(matches!(outcome(|| Ok(1)), (Some(1), None)));
    }

    #[test]
    fn nobody_has_to_want_the_error() {
        // SAFETY: null is allowed
        let value = unsafe { guarded_with::<u8>(ptr::null_mut(), || Err(glib::Error::new(Problem::Failed, ""))) };
        assert_eq!(value, None);
    }
}
