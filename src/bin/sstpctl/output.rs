//! What people see: standard output, colours, aligned lines. Everything that others said goes through
//! [`printable`] on its way.

use std::io::{self, IsTerminal, Write};

use nm_sstp::profile::Notice;
use nm_sstp::tr;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::printable;
use crate::problem::{Exit, Problem};

/// Writes to standard output, at once.
///
/// # Errors
///
/// Nobody reads it (then nothing is told), or the disk is full.
pub fn print(text: &str) -> Result<(), Problem> {
    print_octets(text.as_bytes())
}

/// Writes octets that are no text for people, such as a file in another program's format.
///
/// # Errors
///
/// As [`print()`].
pub fn print_octets(octets: &[u8]) -> Result<(), Problem> {
    let mut output = io::stdout().lock();
    output.write_all(octets).and_then(|()| output.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Problem { exit: Exit::Other, sentence: None },
        _ => Problem::other(tr!("Standard output cannot be written: {error}.", error = error)),
    })
}

/// Writes a value as one line of JSON (`pretty`: as several).
///
/// # Errors
///
/// As [`print()`].
pub fn json(value: &impl Serialize, pretty: bool) -> Result<(), Problem> {
    let text = if pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
    let text =
        text.map_err(|error| Problem::other(tr!("The answer cannot be written as JSON: {error}.", error = error)))?;
    print(&(printable::json(&text) + "\n"))
}

/// A sentence on stderr, behind the name of the program.
pub fn complain(sentence: &str) {
    // Where even that is closed, there is nobody to tell.
    let _ = writeln!(io::stderr(), "sstpctl: {}", printable::line(sentence));
}

/// What follows a sentence on stderr.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{}", printable::lines(text));
}

/// A warning on stderr.
pub fn warn(sentence: &str) {
    complain(&tr!("warning: {sentence}", sentence = sentence));
}

/// A warning for each notice.
pub fn warn_of(notices: &[Notice]) {
    notices.iter().for_each(|notice| warn(&notice.sentence()));
}

/// Whether standard output is a terminal.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Colours, where they can be shown and nobody minds (<https://no-color.org>).
#[derive(Clone, Copy, Debug)]
pub struct Style(bool);

impl Style {
    /// That of standard output.
    pub fn of_stdout() -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|terminal| terminal == "dumb");
        Self(is_terminal() && !set("NO_COLOR") && !dumb)
    }

    /// A heading.
    pub fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// Something that is less important than what stands beside it.
    pub fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    /// Something good.
    pub fn good(self, text: &str) -> String {
        self.wrap("32", text)
    }

    /// Something bad.
    pub fn bad(self, text: &str) -> String {
        self.wrap("31", text)
    }

    /// Something on its way.
    pub fn busy(self, text: &str) -> String {
        self.wrap("33", text)
    }

    /// A text in the colour of what a state of a session means.
    pub fn of_state(self, state: &str, text: &str) -> String {
        match state {
            "connected" => self.good(text),
            "failed" => self.bad(text),
            "closed" | "-" => self.dim(text),
            _ => self.busy(text),
        }
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Columns that a text takes on a terminal: a character of Chinese, Japanese and Korean takes two.
pub fn width(text: &str) -> usize {
    text.width()
}

/// A text with spaces behind it, up to this column, but at least one.
pub fn padded(text: &str, column: usize) -> String {
    text.to_owned() + &" ".repeat(column.saturating_sub(width(text)).max(1))
}

/// Lines of a label and its values, which stand below each other.
#[derive(Debug)]
pub struct Rows {
    style: Style,
    rows: Vec<(String, String)>,
}

/// Column of the values, where no label is longer.
const VALUES_AT: usize = 18;

impl Rows {
    /// No line yet.
    pub fn new(style: Style) -> Self {
        Self { style, rows: Vec::new() }
    }

    /// A value, where there is one.
    pub fn row(&mut self, label: &str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.column(label, &[printable::line(value.as_ref())]);
        }
    }

    /// Values below each other, where there are any.
    pub fn rows(&mut self, label: &str, values: Option<&[String]>) {
        let values: Vec<_> = values.unwrap_or_default().iter().map(|value| printable::line(value)).collect();
        self.column(label, &values);
    }

    /// A value that is safe for a terminal already.
    pub fn styled(&mut self, label: &str, value: String) {
        self.column(label, &[value]);
    }

    fn column(&mut self, label: &str, values: &[String]) {
        let labels = std::iter::once(label).chain(std::iter::repeat(""));
        self.rows.extend(labels.zip(values).map(|(label, value)| (label.to_owned(), value.clone())));
    }

    /// The column in which values stand, also behind a label that takes `label` columns.
    pub fn values_at(&self, label: usize) -> usize {
        let labels = self.rows.iter().map(|(label, _)| width(label)).chain([label]);
        labels.map(|label| label + 4).chain([VALUES_AT]).max().unwrap_or(VALUES_AT)
    }

    /// All of them.
    pub fn finish(self) -> String {
        let values_at = self.values_at(0);
        let line = |(label, value): &(String, String)| {
            self.style.dim(&padded(&format!("  {label}"), values_at)) + value + "\n"
        };
        self.rows.iter().map(line).collect()
    }
}

/// A table with a heading. Cells are plain text; `paint` colours a cell, of a row and a column, when its width is known.
pub fn table(
    style: Style,
    heading: &[String],
    rows: &[Vec<String>],
    paint: impl Fn(usize, usize, &str) -> String,
) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| printable::line(cell)).collect()).collect();
    let column_width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).chain(heading.get(column));
        cells.map(|cell| width(cell)).max().unwrap_or(0)
    };
    let line = |cells: Vec<(usize, String)>| {
        let cells: Vec<_> = cells
            .into_iter()
            .enumerate()
            .map(|(column, (length, cell))| {
                let last = column + 1 == heading.len();
                let room = if last { 0 } else { column_width(column).saturating_sub(length) };
                cell + &" ".repeat(room)
            })
            .collect();
        cells.join("  ").trim_end().to_owned() + "\n"
    };
    let mut text = line(heading.iter().map(|title| (width(title), style.bold(title))).collect());
    for (number, row) in rows.iter().enumerate() {
        let cells = row.iter().enumerate().map(|(column, cell)| (width(cell), paint(number, column, cell)));
        text += &line(cells.collect());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_below_each_other() {
        let mut rows = Rows::new(Style(false));
        rows.row("Gateway", Some("vpn\x1b[2J"));
        rows.rows("Addresses", Some(&["10.0.0.2/32".to_owned(), "2001:db8::2/128".to_owned()]));
        rows.rows("DNS", Some(&[]));
        rows.row("Domain", None::<&str>);
        let expected =
            "  Gateway         vpn\\u{1b}[2J\n  Addresses       10.0.0.2/32\n                  2001:db8::2/128\n";
        assert_eq!(rows.finish(), expected);
    }

    #[test]
    fn columns_are_as_wide_as_the_words_of_a_language() {
        let mut rows = Rows::new(Style(false));
        rows.row("往復時間", Some("12 ms"));
        rows.row("Authentifizierungsverfahren", Some("MS-CHAPv2"));
        let expected = "  往復時間                     12 ms\n  Authentifizierungsverfahren  MS-CHAPv2\n";
        assert_eq!(rows.finish(), expected);
        assert_eq!(padded("  名前", 8), "  名前  ");
        assert_eq!(padded("long", 3), "long ");
    }

    #[test]
    fn a_coloured_cell_is_as_wide_as_a_plain_one() {
        let rows = [vec!["a".to_owned(), "b".to_owned()], vec!["long".to_owned(), "c".to_owned()]];
        let heading = ["ONE".to_owned(), "TWO".to_owned()];
        let plain = table(Style(false), &heading, &rows, |_, _, cell| cell.to_owned());
        assert_eq!(plain, "ONE   TWO\na     b\nlong  c\n");
        let coloured = table(Style(true), &heading, &rows, |_, _, cell| Style(true).good(cell));
        assert!(coloured.contains("\x1b[32ma\x1b[0m     \x1b[32mb\x1b[0m\n"), "{coloured:?}");
    }
}
