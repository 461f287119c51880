//! A proxy that says anything, in any pieces, and hangs up when it likes.

use nm_sstp::proxy::{Credentials, Exchange, Next};
use zeroize::Zeroizing;

use super::Reader;

/// What an exchange may take at most, whatever comes.
const MAX_REQUESTS: usize = 8;

/// The exchange ends in few requests, and each of them is one: what a proxy says does not get out of its header.
pub fn run(data: &[u8]) {
    let mut reader = Reader::new(data);
    let credentials = reader.coin().then(|| Credentials {
        user: "CORP\\J\u{f6}rg \"Joe\"".to_owned(),
        password: Zeroizing::new("hunter2".to_owned()),
    });
    let mut exchange = Exchange::new("vpn.example:443".to_owned(), credentials, [1; 32], 1);
    for _ in 0..MAX_REQUESTS {
        let Ok(request) = exchange.request() else { return };
        let text = std::str::from_utf8(&request).unwrap();
        let lines: Vec<&str> = text.strip_suffix("\r\n\r\n").unwrap().split("\r\n").collect();
        assert!((4..=5).contains(&lines.len()), "{text}");
        assert!(lines.iter().all(|line| !line.contains(['\r', '\n', '\0'])), "{text:?}");
        loop {
            let said = reader.counted();
            let next = if said.is_empty() { exchange.handle_eof() } else { exchange.handle_input(said) };
            match next {
                Ok(Next::Read) => {}
                Ok(Next::Again { .. }) => break,
                Ok(Next::Connected) => return,
                Err(error) => return assert!(!error.to_string().contains(['\r', '\n', '\0']), "{error:?}"),
            }
        }
    }
    assert!(exchange.request().is_err(), "it goes on without end");
}
