//! Files, and the one channel beside an error that there is to a person in front of a command line.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nm_sstp::exchange::MAX_OCTETS;
use zeroize::Zeroizing;

/// The octets of a file: as many as an import takes, and one more where it has more.
///
/// # Errors
///
/// Those of the system.
pub fn load(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    // Room from the start: what grows leaves copies behind, and there may be passwords in it.
    let mut octets = Zeroizing::new(Vec::with_capacity(MAX_OCTETS + 64));
    File::open(path)?.take(MAX_OCTETS as u64 + 1).read_to_end(&mut octets)?;
    Ok(octets)
}

/// Writes a file that only its owner may read, where it is new.
///
/// # Errors
///
/// Those of the system.
pub fn store(path: &Path, octets: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(octets)
}

/// Writes sentences to standard error.
pub fn tell(sentences: &[String]) {
    let mut stderr = io::stderr().lock();
    for sentence in sentences {
        // Nobody has to read them.
        let _ = writeln!(stderr, "{sentence}");
    }
}
