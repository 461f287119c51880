//! The connection as agents write it to standard input: lines `DATA_KEY=`, `DATA_VAL=`, `SECRET_KEY=`, `SECRET_VAL=`,
//! each continued by lines that begin with `=` where a value has line ends, and `DONE` (libnm's
//! `nm_vpn_service_plugin_read_vpn_details`).

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};

use nm_sstp::tr;
use nm_sstp_auth_dialog::wiped::Wiped;
use zeroize::{Zeroize, Zeroizing};

/// Most octets to take in before `DONE`. libnm bounds one line to half of this; real connections have some hundreds.
const MAX_INPUT: usize = 1 << 20;

/// Data and secrets of a connection.
#[derive(Default)]
pub struct Details {
    pub data: BTreeMap<String, String>,
    pub secrets: BTreeMap<String, Zeroizing<String>>,
}

/// Plasma keeps a password in the data, so the data are wiped too.
impl Drop for Details {
    fn drop(&mut self) {
        self.data.values_mut().for_each(Zeroize::zeroize);
    }
}

/// Why the input is refused. Half a connection is never used: it might have half a password.
#[derive(Debug)]
pub enum Error {
    Io(io::Error),
    TooLong,
    Cut,
    NotText,
    ValueWithoutKey,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&match self {
            Self::Io(error) => tr!("The standard input cannot be read: {reason}.", reason = error),
            Self::TooLong => {
                tr!("The connection on the standard input is longer than {length} octets.", length = MAX_INPUT)
            }
            Self::Cut => tr!("The connection on the standard input ends before DONE."),
            Self::NotText => tr!("The connection on the standard input is not UTF-8 text."),
            Self::ValueWithoutKey => tr!("The connection on the standard input has a value without a key."),
        })
    }
}

/// Reads up to `DONE`. What came in the same reads behind it is returned too.
///
/// # Errors
///
/// What is wrong with the input.
pub fn read(stream: &mut impl Read) -> Result<(Details, Vec<u8>), Error> {
    let mut input = Wiped::default();
    let mut chunk = Zeroizing::new([0; 4096]);
    let mut line = 0;
    loop {
        let count = match stream.read(&mut *chunk) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Error::Io(error)),
        };
        let mut searched = input.as_bytes().len();
        // The end of the input ends its last line, too.
        input.push(if count == 0 { b"\n" } else { &chunk[..count] });
        while let Some(offset) = input.as_bytes()[searched..].iter().position(|octet| *octet == b'\n') {
            let end = searched + offset;
            if &input.as_bytes()[line..end] == b"DONE" {
                return Ok((parse(&input.as_bytes()[..line])?, input.as_bytes()[end + 1..].to_vec()));
            }
            (line, searched) = (end + 1, end + 1);
        }
        if count == 0 {
            return Err(Error::Cut);
        }
        if input.as_bytes().len() > MAX_INPUT {
            return Err(Error::TooLong);
        }
    }
}

fn parse(text: &[u8]) -> Result<Details, Error> {
    let text = std::str::from_utf8(text).map_err(|_| Error::NotText)?;
    if text.contains('\0') {
        return Err(Error::NotText);
    }
    let mut details = Details::default();
    let mut data_key = None;
    let mut secret_key = None;
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        let Some((tag, first)) = line.split_once('=') else { continue };
        let mut parts = vec![first];
        while let Some(more) = lines.next_if(|line| line.starts_with('=')) {
            parts.push(&more[1..]);
        }
        // This makes one allocation of the right size, so that no part of a secret is left behind.
        let mut value = parts.join("\n");
        match tag {
            "DATA_KEY" => (data_key, secret_key) = (Some(value), None),
            "SECRET_KEY" => (data_key, secret_key) = (None, Some(value)),
            "DATA_VAL" => {
                details.data.insert(data_key.take().ok_or(Error::ValueWithoutKey)?, value);
            }
            "SECRET_VAL" => {
                let value = Zeroizing::new(value);
                details.secrets.insert(secret_key.take().ok_or(Error::ValueWithoutKey)?, value);
            }
            // As libnm does.
            _ => value.zeroize(),
        }
    }
    Ok(details)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out the input in pieces of one size.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn read_whole(input: &str) -> Result<(Details, Vec<u8>), Error> {
        read(&mut input.as_bytes())
    }

    /// As nmcli writes it, with a blank line behind each pair.
    const INPUT: &str = "DATA_KEY=gateway\nDATA_VAL=vpn.example.com\n\nDATA_KEY=user\nDATA_VAL=me\n\n\
        SECRET_KEY=password\nSECRET_VAL=two\n=lines\n==DONE\n\nDONE\nQUIT\n";

    #[test]
    fn in_pieces_of_every_size() {
        for size in 1..=INPUT.len() {
            let mut stream = Pieces(INPUT.as_bytes(), size);
            let (details, rest) = read(&mut stream).unwrap();
            let data: Vec<_> = details.data.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
            assert_eq!(data, [("gateway", "vpn.example.com"), ("user", "me")]);
            assert_eq!(details.secrets["password"].as_str(), "two\nlines\n=DONE");
            assert_eq!([&rest, stream.0].concat(), b"QUIT\n", "pieces of {size}");
        }
    }

    #[test]
    fn cut_anywhere() {
        let done = INPUT.find("DONE\nQUIT").unwrap() + "DONE".len();
        for end in 0..done {
            assert!(matches!(read_whole(&INPUT[..end]), Err(Error::Cut)), "{end}");
        }
        assert_eq!(read_whole(&INPUT[..done]).unwrap().0.data.len(), 2);
    }

    #[test]
    fn what_is_refused() {
        assert!(matches!(read_whole("DATA_VAL=x\nDONE\n"), Err(Error::ValueWithoutKey)));
        assert!(matches!(read_whole("SECRET_KEY=a\nDATA_VAL=x\nDONE\n"), Err(Error::ValueWithoutKey)));
        assert!(matches!(read_whole("DATA_KEY=a\nSECRET_VAL=x\nDONE\n"), Err(Error::ValueWithoutKey)));
        assert!(matches!(read_whole("DATA_KEY=a\nDATA_VAL=x\nDATA_VAL=y\nDONE\n"), Err(Error::ValueWithoutKey)));
        assert!(matches!(read(&mut &b"SECRET_KEY=a\nSECRET_VAL=\xff\nDONE\n"[..]), Err(Error::NotText)));
        assert!(matches!(read_whole("SECRET_KEY=a\nSECRET_VAL=\0\nDONE\n"), Err(Error::NotText)));
    }

    #[test]
    fn what_is_passed_over() {
        let (details, _) =
            read_whole("HELLO=x\n=y\n\nfoo\nDATA_KEY=a\nDATA_KEY=b\nDATA_VAL=\n=\nDATA_KEY=c\nDONE").unwrap();
        assert_eq!(details.data.len(), 1);
        assert_eq!(details.data["b"], "\n");
    }

    #[test]
    fn endless_input_is_refused() {
        assert!(matches!(read(&mut io::repeat(b'x')), Err(Error::TooLong)));
        let mut lines = io::repeat(b'\n');
        assert!(matches!(read(&mut lines), Err(Error::TooLong)));
    }
}
