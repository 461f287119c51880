//! The command line.

use std::str::FromStr;

/// The arguments of a command: those without a name, and `--name value`.
pub struct Options {
    positional: Vec<String>,
    named: Vec<(String, String)>,
}

impl Options {
    /// Sorts the arguments.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Options { positional: Vec::new(), named: Vec::new() };
        while let Some(argument) = arguments.next() {
            match argument.strip_prefix("--") {
                Some(name) => {
                    let value = arguments.next().ok_or_else(|| format!("--{name} needs a value"))?;
                    options.named.push((name.to_owned(), value));
                }
                None => options.positional.push(argument),
            }
        }
        Ok(options)
    }

    /// The argument at this place among those without a name.
    pub fn at<T: FromStr>(&self, place: usize, what: &str) -> Result<T, String> {
        let text = self.positional.get(place).ok_or_else(|| format!("{what} is missing"))?;
        text.parse().map_err(|_| format!("{text:?} is not {what}"))
    }

    /// The value of `--name`, where it is there.
    pub fn get<T: FromStr>(&self, name: &str) -> Result<Option<T>, String> {
        self.all(name).map(|values| values.into_iter().next_back())
    }

    /// The value of `--name`, which must be there.
    pub fn need<T: FromStr>(&self, name: &str) -> Result<T, String> {
        self.get(name)?.ok_or_else(|| format!("--{name} is missing"))
    }

    /// The values of `--name`, which may be repeated.
    pub fn all<T: FromStr>(&self, name: &str) -> Result<Vec<T>, String> {
        let values = self.named.iter().filter(|(given, _)| given == name);
        values.map(|(_, value)| value.parse().map_err(|_| format!("--{name}: {value:?} cannot be read"))).collect()
    }
}
