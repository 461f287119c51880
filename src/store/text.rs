//! Flat TOML: one line for each key.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use zeroize::Zeroizing;

use super::SecretValues;
use crate::profile::KEYS;

/// A value as people write it: a text, `true` for `yes`, or a number. It is wiped when dropped: it may be a secret.
struct Value(Zeroizing<String>);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl ValueVisitor {
    fn value<E>(text: impl Into<String>) -> Result<Value, E> {
        Ok(Value(Zeroizing::new(text.into())))
    }
}

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text in quotation marks, true, false or a whole number")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Self::value(text)
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Self::value(text)
    }

    fn visit_bool<E: Error>(self, yes: bool) -> Result<Value, E> {
        Self::value(if yes { "yes" } else { "no" })
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Self::value(number.to_string())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Self::value(number.to_string())
    }

    // Not the library's own words for the rest: they show the value.
    fn visit_f64<E: Error>(self, _: f64) -> Result<Value, E> {
        Err(E::custom("a number with a point means nothing here"))
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Value, A::Error> {
        Err(A::Error::custom("there are no tables in these files"))
    }
}

/// The settings of a profile's file.
///
/// # Errors
///
/// What is wrong with the file, without any value of it.
pub fn read_settings(text: &str) -> Result<BTreeMap<String, String>, String> {
    Ok(read(text)?.into_iter().map(|(key, value)| (key, value.0.to_string())).collect())
}

/// The secrets of a file of secrets.
///
/// # Errors
///
/// What is wrong with the file, without any value of it.
pub(super) fn read_secrets(text: &str) -> Result<SecretValues, String> {
    Ok(read(text)?.into_iter().map(|(key, value)| (key, value.0)).collect())
}

fn read(text: &str) -> Result<BTreeMap<String, Value>, String> {
    toml::from_str(text).map_err(|error| {
        // Its Display shows the line, which may hold a secret.
        let line = error.span().map(|span| 1 + text.bytes().take(span.start).filter(|octet| *octet == b'\n').count());
        match line {
            Some(line) => format!("line {line} is not KEY = \"VALUE\", or its key is there twice"),
            None => "it is not made of lines KEY = \"VALUE\"".to_owned(),
        }
    })
}

/// The text of a file: known keys in the order of their table, then the others in that of their names.
pub fn write<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut pairs: Vec<(&str, &str)> = pairs.collect();
    let place = |name: &str| KEYS.iter().position(|key| key.name == name).unwrap_or(KEYS.len());
    pairs.sort_by_key(|(name, _)| (place(name), *name));
    // It never grows, which would leave a copy behind: an octet takes six at most.
    let room = pairs.iter().map(|(key, value)| 6 * (key.len() + value.len()) + 8).sum();
    let mut out = String::with_capacity(room);
    for (key, value) in pairs {
        let bare = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
        if !key.is_empty() && key.bytes().all(bare) {
            out.push_str(key);
        } else {
            quote(key, &mut out);
        }
        out.push_str(" = ");
        quote(value, &mut out);
        out.push('\n');
    }
    out
}

/// A basic string of TOML.
fn quote(text: &str, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\u{0}'..='\u{1f}' | '\u{7f}' => {
                let octet = character as usize & 0x7f;
                out.push_str("\\u00");
                out.extend([DIGITS[octet >> 4], DIGITS[octet & 15]].map(char::from));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}
