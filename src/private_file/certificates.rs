//! The files of a directory of certificates, and how they go through a pipe.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::read_regular;

/// Most files of one directory; a distribution has some 150.
pub(super) const MAX_FILES: usize = 256;

/// Most octets of all of them.
pub(super) const MAX_TOTAL: usize = 4 * 1024 * 1024;

/// Most entries of a directory that are looked at.
const MAX_ENTRIES: usize = 4096;

/// Most octets of the name of a file (`NAME_MAX`).
const MAX_NAME: usize = 255;

/// What stands before each file in a pipe: how long its name is, and how long its contents are.
const HEADER_LEN: usize = 8;

/// Most octets of all of them in a pipe.
pub(super) const MAX_PIPED: usize = MAX_TOTAL + MAX_FILES * (HEADER_LEN + MAX_NAME);

/// Files with their contents.
pub type Files = Vec<(PathBuf, Zeroizing<Vec<u8>>)>;

/// The file, or those of the directory that hold certificates, in the order of their names.
pub(super) fn read(path: &Path) -> io::Result<Files> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![(path.to_owned(), read_regular(path)?)]);
    }
    let too_much = |what: String| io::Error::other(format!("it is a directory of more than {what}"));
    let mut paths = Vec::new();
    for entry in fs::read_dir(path)? {
        if paths.len() == MAX_ENTRIES {
            return Err(too_much(format!("{MAX_ENTRIES} files")));
        }
        paths.push(entry?.path());
    }
    paths.sort();
    let (mut files, mut seen, mut total) = (Files::new(), BTreeSet::new(), 0);
    for path in paths {
        // There are two names for each file where `openssl rehash` was at work.
        let is_new = fs::metadata(&path).is_ok_and(|facts| facts.is_file() && seen.insert((facts.dev(), facts.ino())));
        // What may not be read is a key, and what is too large is no certificate.
        let Some(contents) = is_new.then(|| read_regular(&path).ok()).flatten() else { continue };
        if !may_hold_certificate(&contents) {
            continue;
        }
        total += contents.len();
        if files.len() == MAX_FILES || total > MAX_TOTAL {
            return Err(too_much(format!("{MAX_FILES} certificates, or {MAX_TOTAL} octets of them")));
        }
        files.push((path, contents));
    }
    if files.is_empty() {
        return Err(io::Error::other("it is a directory, and no file in it holds a certificate"));
    }
    Ok(files)
}

/// By the label in PEM (RFC 7468 5, and what OpenSSL reads beside it), or the first octets of one in DER.
fn may_hold_certificate(contents: &[u8]) -> bool {
    const LABEL: &[u8] = b"CERTIFICATE-----";
    contents.starts_with(&[0x30, 0x82]) || contents.windows(LABEL.len()).any(|window| window == LABEL)
}

/// What goes into the pipe for the file at `path` itself, or for those in the directory there.
pub(super) fn write(path: &Path, files: &Files) -> Zeroizing<Vec<u8>> {
    let name = |file: &Path| match file.file_name() {
        Some(name) if file != path => name.to_owned(),
        _ => std::ffi::OsString::new(),
    };
    let length = |octets: usize| u32::try_from(octets).unwrap_or(u32::MAX).to_be_bytes();
    let octets = files.iter().map(|(_, contents)| HEADER_LEN + MAX_NAME + contents.len()).sum();
    let mut piped = Zeroizing::new(Vec::with_capacity(octets));
    for (file, contents) in files {
        let name = name(file);
        piped.extend_from_slice(&length(name.len()));
        piped.extend_from_slice(&length(contents.len()));
        piped.extend_from_slice(name.as_bytes());
        piped.extend_from_slice(contents);
    }
    piped
}

/// What came out of it; `None`: it is not what [`write`] writes.
pub(super) fn parse(path: &Path, mut piped: &[u8]) -> Option<Files> {
    let mut take = |octets: usize| {
        let (piece, rest) = piped.split_at_checked(octets)?;
        piped = rest;
        Some((piece, rest.is_empty()))
    };
    let mut files = Files::new();
    loop {
        let (header, _) = take(HEADER_LEN)?;
        let (name, contents) = header.split_at(4);
        let length = |octets: &[u8]| usize::try_from(u32::from_be_bytes(octets.try_into().ok()?)).ok();
        let (name, contents) = (length(name)?, length(contents)?);
        let (name, _) = take(name)?;
        let file = if name.is_empty() { path.to_owned() } else { path.join(OsStr::from_bytes(name)) };
        let (contents, is_last) = take(contents)?;
        files.push((file, Zeroizing::new(contents.to_vec())));
        if is_last {
            return Some(files);
        }
        if files.len() == MAX_FILES {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_into_the_pipe_comes_out() {
        let file = |name: &str, octets: &[u8]| (PathBuf::from(name), Zeroizing::new(octets.to_vec()));
        for files in [vec![file("/d", b"one")], vec![file("/d/a b", b""), file("/d/\u{fc}\n", b"two")]] {
            let piped = write(Path::new("/d"), &files);
            assert_eq!(parse(Path::new("/d"), &piped), Some(files));
            for cut in 0..piped.len() {
                let whole = parse(Path::new("/d"), &piped[..cut]);
                assert!(whole.is_none_or(|files| files.len() == 1), "cut at {cut}");
            }
        }
        assert_eq!(parse(Path::new("/d"), &[0xff; 64]), None);
        assert_eq!(parse(Path::new("/d"), &[0; HEADER_LEN * (MAX_FILES + 1)]), None);
    }
}
