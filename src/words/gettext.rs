//! The catalogues.

use std::ffi::OsString;
use std::path::PathBuf;

use gettextrs::{LocaleCategory, bind_textdomain_codeset, bindtextdomain, dgettext, setlocale};

/// The name of the catalogues: `LOCALE/LC_MESSAGES/nm-sstp.mo`.
pub const DOMAIN: &str = "nm-sstp";

/// The directory of the catalogues: `NM_SSTP_LOCALEDIR` in the environment (for tests), else where the build was told to
/// install them.
pub fn directory() -> PathBuf {
    let built = || OsString::from(option_env!("NM_SSTP_LOCALEDIR").unwrap_or("/usr/share/locale"));
    std::env::var_os("NM_SSTP_LOCALEDIR").unwrap_or_else(built).into()
}

/// To be called by a program, before the first sentence: takes the language of the environment.
///
/// # Safety
///
/// No other thread may run yet: the locale belongs to the process, and the C library reads it without a lock.
pub unsafe fn program_starts() {
    // SAFETY: the caller's promise
    unsafe { setlocale(LocaleCategory::LcAll, "") };
    library_starts();
}

/// The same for a library, whose program has chosen the language already.
pub fn library_starts() {
    // Without a catalogue everything is said in English.
    let _ = bindtextdomain(DOMAIN, directory());
    let _ = bind_textdomain_codeset(DOMAIN, "UTF-8");
}

/// The translation of a sentence without arguments; `tr!` calls it.
#[doc(hidden)]
pub fn translated(text: &'static str) -> String {
    // The empty one is the catalogue's own header.
    if text.is_empty() { String::new() } else { dgettext(DOMAIN, text) }
}

/// A sentence in the language of the person who reads it: `tr!("Nothing is connected.")`, or with named arguments
/// `tr!("The profile {name} is stored.", name = profile)`. The text is a literal, whole and with its full stop: a
/// sentence that is put together of pieces cannot be translated.
#[macro_export]
macro_rules! tr {
    ($text:literal) => { $crate::words::filled(&$crate::words::translated($text), &[]) };
    ($text:literal, $($name:ident = $value:expr),+ $(,)?) => {
        $crate::words::filled(&$crate::words::translated($text), &[$((stringify!($name), ($value).to_string())),+])
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn without_a_catalogue_it_is_english() {
        assert_eq!(crate::tr!("No such words {x}.", x = 1), "No such words 1.");
    }
}
