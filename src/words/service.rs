//! What the service says, in the language of the person who reads it.
//!
//! The service speaks to everybody: to the journal, to NetworkManager, to whoever is on the bus. So it speaks one language,
//! and each of its sentences is a text when it gets to the program in which a person reads it. That program finds out here
//! which sentence it is, and of what. A text can sometimes be read in several ways; the one that explains the most of it
//! counts. What nobody knows, such as what a server or a library says, stays as it is.

mod list;

use super::{filled, translated};
use list::SENTENCES;

/// How deep sentences stand in sentences at most.
const DEPTH: usize = 6;

/// How many texts are looked at for one, with those in its places. No sentence of the service's own needs as many.
const READINGS: usize = 4096;

/// Longest text that is looked at, in octets. The service's own are shorter, and what a server says in them is.
const LONGEST: usize = 4096;

/// The sentences that `make po` finds, for [`SENTENCES`].
macro_rules! sentences {
    ($($text:literal),* $(,)?) => { &[$($text),*] };
}
use sentences;

/// The same in the language of the person who reads it. Where there is no translation, it is the text itself.
pub fn of_service(text: &str) -> String {
    said(text, &translated)
}

fn said(text: &str, translated: &dyn Fn(&'static str) -> String) -> String {
    let read = if text.len() > LONGEST { None } else { Read::new(text, DEPTH, &mut { READINGS }) };
    read.map_or_else(|| text.to_owned(), |read| read.said(translated))
}

/// A text that was understood.
struct Read<'t> {
    /// Which of [`SENTENCES`] it is.
    sentence: &'static str,
    /// What stands in its places: as it is, and understood.
    places: Vec<(&'static str, &'t str, Option<Read<'t>>)>,
    /// How many octets of it are words of sentences that are known.
    known: usize,
}

impl<'t> Read<'t> {
    /// `None` where nothing of it is known. `readings` are those that are left.
    fn new(text: &'t str, depth: usize, readings: &mut usize) -> Option<Self> {
        let depth = depth.checked_sub(1)?;
        *readings = readings.checked_sub(1)?;
        let all = SENTENCES.iter().filter_map(|sentence| Self::as_sentence(sentence, text, depth, readings));
        all.max_by_key(|read| read.known)
    }

    fn as_sentence(sentence: &'static str, text: &'t str, depth: usize, readings: &mut usize) -> Option<Self> {
        let Fit { places, known } = Fit::new(sentence, text)?;
        let mut read = Self { sentence, places: Vec::with_capacity(places.len()), known };
        for (name, what) in places {
            let inner = Self::new(what, depth, readings);
            if name == "sentence" && inner.is_none() {
                return None;
            }
            read.known += inner.as_ref().map_or(0, |inner| inner.known);
            read.places.push((name, what, inner));
        }
        Some(read)
    }

    /// It, with its sentences translated.
    fn said(self, translated: &dyn Fn(&'static str) -> String) -> String {
        let said = |what: &str, read: Option<Self>| read.map_or_else(|| what.to_owned(), |read| read.said(translated));
        let arguments: Vec<_> = self.places.into_iter().map(|(name, what, read)| (name, said(what, read))).collect();
        filled(&translated(self.sentence), &arguments)
    }
}

/// How a sentence fits a text.
struct Fit<'t> {
    /// What stands in its places.
    places: Vec<(&'static str, &'t str)>,
    /// How many octets stand between them.
    known: usize,
}

impl<'t> Fit<'t> {
    fn new(sentence: &'static str, text: &'t str) -> Option<Self> {
        let (begin, mut rest) = sentence.split_once('{').unwrap_or((sentence, ""));
        let mut text = text.strip_prefix(begin)?;
        let mut fit = Self { places: Vec::new(), known: begin.len() };
        while !rest.is_empty() {
            let (name, behind) = rest.split_once('}')?;
            let (words, next) = behind.split_once('{').unwrap_or((behind, ""));
            let (what, left) = match next {
                // the sentence's end is the text's
                "" => (text.strip_suffix(words)?, ""),
                _ => text.split_once(words)?,
            };
            if what.is_empty() {
                return None;
            }
            fit.places.push((name, what));
            fit.known += words.len();
            (text, rest) = (left, next);
        }
        text.is_empty().then_some(fit)
    }
}

#[cfg(test)]
pub(crate) mod tests;
