//! What the dialog hands to its window, and what comes back: octets on pipes, so that no secret is in arguments or in the
//! environment.
//!
//! A form is a line, `nm-sstp-form 1 LENGTH`, and LENGTH octets behind it: UTF-8 texts, each with a NUL at its end. They
//! are the title, the message, and for every field its kind (`shown`, `hidden` or `again`), its label and what it is
//! filled with. The pipe stays open behind it: its end tells the window that nobody waits for an answer any more. The
//! answer is what stands in the fields, in their order, each with a NUL at its end, and the end of the pipe.

use std::fmt;
use std::io::{self, Read};

use nm_sstp::tr;
use zeroize::Zeroizing;

use crate::wiped::Wiped;

/// The beginning of the first line. Its number changes with the format: both programs are of one version, but an update
/// may replace one of them while the other runs.
const BEGINNING: &str = "nm-sstp-form 1 ";
/// Most octets of a form or of an answer. Texts of servers are cut before, and nobody types that much.
const MAX_LENGTH: usize = 1 << 16;
/// Most fields of a form: there are fewer secrets.
const MAX_FIELDS: usize = 16;

/// Everything that is asked in one window. Texts are plain: what looks like markup is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// Title of the window.
    pub title: String,
    /// What the person is told.
    pub message: String,
    /// What they are asked, from top to bottom.
    pub fields: Vec<Field>,
}

/// One line to type in.
#[derive(Clone, PartialEq, Eq)]
pub struct Field {
    /// How it is shown, and what is right.
    pub kind: Kind,
    /// What it is for.
    pub label: String,
    /// What stands in it at first.
    pub value: Zeroizing<String>,
}

/// A sort of field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It may be read as it is typed.
    Shown,
    /// It is hidden, unless the person wants to see it.
    Hidden,
    /// Hidden, and to be the same as in the field above it.
    Again,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Shown, Self::Hidden, Self::Again];

    const fn name(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::Hidden => "hidden",
            Self::Again => "again",
        }
    }
}

/// Tells what the field is, not what stands in it.
impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Field").field("kind", &self.kind).field("label", &self.label).finish_non_exhaustive()
    }
}

/// What came in is no form, or no answer to one.
#[derive(Debug)]
pub enum Error {
    /// The pipe cannot be read.
    Io(io::Error),
    /// It is not the format of this version.
    Malformed,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&match self {
            Self::Io(error) => tr!("The pipe cannot be read: {reason}.", reason = error),
            Self::Malformed => tr!("The two programs of the dialog are not of the same version."),
        })
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Form {
    /// The form as octets. A NUL in a text is left out: it is the end of one there.
    pub fn encode(&self) -> Wiped {
        let mut texts = Wiped::default();
        push(&mut texts, &self.title);
        push(&mut texts, &self.message);
        for field in &self.fields {
            push(&mut texts, field.kind.name());
            push(&mut texts, &field.label);
            push(&mut texts, &field.value);
        }
        let mut form = Wiped::default();
        form.push(format!("{BEGINNING}{}\n", texts.as_bytes().len()).as_bytes());
        form.push(texts.as_bytes());
        form
    }

    /// Reads one form, and nothing behind it.
    ///
    /// # Errors
    ///
    /// The stream cannot be read, or has something else.
    pub fn read(stream: &mut impl Read) -> Result<Self, Error> {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            let mut octet = [0];
            stream.read_exact(&mut octet)?;
            line.push(octet[0]);
            if line.len() > BEGINNING.len() + 8 {
                return Err(Error::Malformed);
            }
        }
        let line = std::str::from_utf8(&line).map_err(|_| Error::Malformed)?;
        let length = line.strip_prefix(BEGINNING).and_then(|length| length.trim_end().parse().ok());
        let length = length.filter(|length| *length <= MAX_LENGTH).ok_or(Error::Malformed)?;
        let mut octets = Zeroizing::new(vec![0; length]);
        stream.read_exact(&mut octets)?;

        let texts = texts(&octets)?;
        let [title, message, fields @ ..] = &texts[..] else { return Err(Error::Malformed) };
        let (fields, []) = fields.as_chunks::<3>() else { return Err(Error::Malformed) };
        if fields.len() > MAX_FIELDS {
            return Err(Error::Malformed);
        }
        let field = |[kind, label, value]: &[&str; 3]| {
            let kind = Kind::ALL.into_iter().find(|known| known.name() == *kind).ok_or(Error::Malformed)?;
            Ok(Field { kind, label: (*label).to_owned(), value: Zeroizing::new((*value).to_owned()) })
        };
        let fields = fields.iter().map(field).collect::<Result<_, Error>>()?;
        Ok(Self { title: (*title).to_owned(), message: (*message).to_owned(), fields })
    }

    /// Reads the answer to the form, up to the end of the stream: a text for every field.
    ///
    /// # Errors
    ///
    /// The stream cannot be read, or has something else.
    pub fn read_answer(&self, stream: &mut impl Read) -> Result<Vec<Zeroizing<String>>, Error> {
        // It never grows, which would leave a copy behind.
        let mut octets = Zeroizing::new(vec![0; MAX_LENGTH]);
        let mut length = 0;
        loop {
            if length == MAX_LENGTH {
                return Err(Error::Malformed);
            }
            match stream.read(&mut octets[length..]) {
                Ok(0) => break,
                Ok(count) => length += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::Io(error)),
            }
        }
        let texts = texts(&octets[..length])?;
        if texts.len() != self.fields.len() {
            return Err(Error::Malformed);
        }
        Ok(texts.into_iter().map(|text| Zeroizing::new(text.to_owned())).collect())
    }
}

/// What the window answers.
pub fn encode_answer<'a>(values: impl IntoIterator<Item = &'a str>) -> Wiped {
    let mut answer = Wiped::default();
    values.into_iter().for_each(|value| push(&mut answer, value));
    answer
}

fn push(texts: &mut Wiped, text: &str) {
    text.split('\0').for_each(|part| texts.push(part.as_bytes()));
    texts.push(b"\0");
}

fn texts(octets: &[u8]) -> Result<Vec<&str>, Error> {
    let Some(octets) = octets.strip_suffix(b"\0") else {
        return if octets.is_empty() { Ok(Vec::new()) } else { Err(Error::Malformed) };
    };
    std::str::from_utf8(octets).map(|text| text.split('\0').collect()).map_err(|_| Error::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(kind: Kind, label: &str, value: &str) -> Field {
        Field { kind, label: label.to_owned(), value: Zeroizing::new(value.to_owned()) }
    }

    fn form() -> Form {
        Form {
            title: "Authenticate VPN “Work”".into(),
            message: "Line\n<b>two</b>".into(),
            fields: vec![
                field(Kind::Shown, "User name", "me"),
                field(Kind::Hidden, "New password", ""),
                field(Kind::Again, "Repeat the new password", ""),
            ],
        }
    }

    #[test]
    fn there_and_back() {
        for form in [form(), Form::default()] {
            let octets = form.encode();
            let mut stream = octets.as_bytes().chain(&b"behind"[..]);
            assert_eq!(Form::read(&mut stream).unwrap(), form);
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).unwrap();
            assert_eq!(rest, b"behind");
        }
    }

    #[test]
    fn as_documented() {
        let form = Form { title: "T".into(), message: "M".into(), fields: vec![field(Kind::Hidden, "L", "a\0b")] };
        assert_eq!(form.encode().as_bytes(), b"nm-sstp-form 1 16\nT\0M\0hidden\0L\0ab\0");
        assert_eq!(encode_answer(["x", ""]).as_bytes(), b"x\0\0");
    }

    #[test]
    fn what_is_no_form() {
        let octets = form().encode();
        for end in 0..octets.as_bytes().len() {
            assert!(Form::read(&mut &octets.as_bytes()[..end]).is_err(), "{end}");
        }
        let field = "again\0a\0b\0".repeat(MAX_FIELDS + 1);
        for other in [
            "nm-sstp-form 2 4\nT\0M\0".to_owned(),
            "nm-sstp-form 1 -4\nT\0M\0".to_owned(),
            "nm-sstp-form 1 65537\n".to_owned() + &"\0".repeat(65537),
            "nm-sstp-form 1 000000000000000000000000000004\nT\0M\0".to_owned(),
            "nm-sstp-form 1 3\nT\0M\0".to_owned(),
            "nm-sstp-form 1 2\nT\0M\0".to_owned(),
            "nm-sstp-form 1 10\nT\0M\0shown\0\0".to_owned(),
            "nm-sstp-form 1 12\nT\0M\0other\0\0\0".to_owned(),
            format!("nm-sstp-form 1 {}\nT\0M\0{field}", field.len() + 4),
        ] {
            assert!(matches!(Form::read(&mut other.as_bytes()), Err(Error::Malformed)), "{other:?}");
        }
        assert!(matches!(Form::read(&mut io::repeat(b'x')), Err(Error::Malformed)));
    }

    #[test]
    fn answers() {
        let read = |octets: &[u8]| form().read_answer(&mut &*octets);
        let answer = read(encode_answer(["me", "é\n", ""]).as_bytes()).unwrap();
        assert_eq!(answer.iter().map(|text| text.as_str()).collect::<Vec<_>>(), ["me", "é\n", ""]);
        for other in [&b""[..], b"a\0b\0", b"a\0b\0c", b"a\0b\0c\0d\0", b"a\0b\0\xff\0"] {
            assert!(matches!(read(other), Err(Error::Malformed)), "{other:?}");
        }
        assert!(matches!(form().read_answer(&mut io::repeat(b'\0')), Err(Error::Malformed)));
        assert_eq!(Form::default().read_answer(&mut &b""[..]).unwrap(), []);
    }

    #[test]
    fn debug_shows_no_value() {
        let shown = format!("{:?}", Form { fields: vec![field(Kind::Hidden, "Password", "hunter2")], ..form() });
        assert!(shown.contains("Password") && !shown.contains("hunter2"), "{shown}");
    }
}
