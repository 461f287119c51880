//! Where the Rust sources are whose sentences people read: what is installed, without its tests.

use std::path::Path;

/// Directories that have them.
const ROOTS: [&str; 2] = ["nm-plugin", "src"];

/// The files below a directory by their paths there, sorted: a template has the same order everywhere.
///
/// # Errors
///
/// A directory cannot be read.
pub fn find(directory: &Path) -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    for root in ROOTS {
        descend(directory, root, &mut files)?;
    }
    files.sort();
    Ok(files)
}

fn descend(directory: &Path, below: &str, files: &mut Vec<String>) -> Result<(), String> {
    let fault = |error| format!("{below}: {error}");
    for entry in std::fs::read_dir(directory.join(below)).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{below}/{name}");
        if entry.file_type().map_err(fault)?.is_dir() {
            if !matches!(name.as_str(), "tests" | "target") {
                descend(directory, &path, files)?;
            }
        } else if name.ends_with(".rs") && name != "tests.rs" {
            files.push(path);
        }
    }
    Ok(())
}
