//! Sentences for people, in their language.
//!
//! `tr!` looks a sentence up in the catalogue of gettext; its arguments are named, so that a translation can put them in
//! another order. What the service says to other programs is in one language: that of the journal, D-Bus and
//! NetworkManager. The program that shows it to a person translates it: [`of_service`].

#[cfg(feature = "words")]
mod gettext;
#[cfg(feature = "words")]
mod service;

#[cfg(feature = "words")]
pub use gettext::{DOMAIN, directory, library_starts, program_starts, translated};
#[cfg(feature = "words")]
pub use service::of_service;
#[cfg(all(test, feature = "words"))]
pub(crate) use service::tests::untranslated;

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
}
