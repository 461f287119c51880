//! The sentences that people read: finds them in the Rust sources, and looks at their translations.
//!
//! - `sstp-words extract [DIRECTORY]` writes a template (PO) of what `tr!` says in the sources of the project.
//! - `sstp-words check TEMPLATE DIRECTORY` compares a new template with the `nm-sstp.pot` of a directory, and with it the
//!   translation of every language that its `LINGUAS` names; the mnemonics of each are compared window by window.
//!
//! xgettext knows no Rust; what it knows (windows, AppStream, polkit) it does: see `data/po/update`.

mod catalogue;
mod check;
mod faults;
mod mnemonics;
mod rust;
mod sources;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["extract"] => extract(Path::new(".")),
        ["extract", directory] => extract(Path::new(directory)),
        ["check", template, directory] => check::run(Path::new(template), Path::new(directory)),
        _ => Err("usage: sstp-words extract [DIRECTORY] | check TEMPLATE DIRECTORY".to_owned()),
    };
    match result {
        Ok(said) => {
            print!("{said}");
            ExitCode::SUCCESS
        }
        Err(faults) => {
            eprintln!("{faults}");
            ExitCode::FAILURE
        }
    }
}

fn extract(directory: &Path) -> Result<String, String> {
    let mut sentences = Vec::new();
    let mut faults = Vec::new();
    for file in sources::find(directory)? {
        let source = std::fs::read_to_string(directory.join(&file)).map_err(|error| format!("{file}: {error}"))?;
        match rust::sentences(&file, &source) {
            Ok(found) => sentences.extend(found),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(rust::template(&sentences)) } else { Err(faults.join("\n")) }
}
