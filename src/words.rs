//! Sentences for people, in their language.
//!
//! `tr!` looks a sentence up in the catalogue of gettext; its arguments are named, so that a translation can put them in
//! another order. What the service says to other programs is not translated: the journal, D-Bus and NetworkManager have
//! one language.

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

/// Puts arguments in the places of `{name}`; `{{` and `}}` are braces. What has no argument stays as it is.
#[doc(hidden)]
pub fn filled(text: &str, arguments: &[(&str, String)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, brace) = rest.split_at(at);
        out.push_str(before);
        let after = &brace[1..];
        if after.starts_with(&brace[..1]) {
            out.push_str(&brace[..1]);
            rest = &after[1..];
            continue;
        }
        let named = brace.starts_with('{').then(|| after.split_once('}')).flatten();
        match named.and_then(|(name, behind)| Some((arguments.iter().find(|(known, _)| *known == name)?, behind))) {
            Some(((_, value), behind)) => {
                out.push_str(value);
                rest = behind;
            }
            None => {
                out.push_str(&brace[..1]);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
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
    use super::filled;

    #[test]
    fn arguments_go_where_their_names_are() {
        let arguments = [("name", "work".to_owned()), ("port", "443".to_owned())];
        assert_eq!(filled("{port} of {name}: {{name}}", &arguments), "443 of work: {name}");
    }

    #[test]
    fn what_has_no_argument_stays() {
        assert_eq!(filled("a {b} { } }} c {", &[("c", String::new())]), "a {b} { } } c {");
        assert_eq!(filled("{name}", &[("name", "{name}".to_owned())]), "{name}");
    }

    #[test]
    fn without_a_catalogue_it_is_english() {
        assert_eq!(crate::tr!("No such words {x}.", x = 1), "No such words 1.");
    }
}
