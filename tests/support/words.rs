//! A TLS that is none: its handshake are words, its records are what is inside of them.

use nm_sstp::ppp::inner_tls::{Fault, TlsClient, TlsConnector, TlsError};
use zeroize::Zeroizing;

/// What the server says in the handshake.
pub const HELLO: &[u8] = b"server hello";

/// What a server says whose certificate is a stranger's.
pub const STRANGER: &[u8] = b"stranger";
/// What every octet of a key is.
pub const KEY: u8 = 0x5a;

/// Makes clients whose handshake is complete once the server has said [`HELLO`].
#[derive(Clone, Copy, Default)]
pub struct Words {
    pub tls13: bool,
    pub resumed: bool,
}

struct WordsClient {
    established: bool,
    words: Words,
}

impl TlsConnector for Words {
    fn connect(&self) -> Result<Box<dyn TlsClient>, TlsError> {
        Ok(Box::new(WordsClient { established: false, words: *self }))
    }
}

impl TlsClient for WordsClient {
    fn handle(
        &mut self,
        input: &[u8],
        records: &mut Vec<u8>,
        plaintext: &mut Zeroizing<Vec<u8>>,
    ) -> Result<(), TlsError> {
        match input {
            b"" if !self.established => records.extend_from_slice(b"client hello"),
            HELLO if !self.established => self.established = true,
            inside if self.established => plaintext.extend_from_slice(inside),
            STRANGER => {
                records.extend_from_slice(b"alert");
                return Err(TlsError { fault: Fault::Certificate, text: "a stranger".to_owned() });
            }
            _ => return Err(TlsError { fault: Fault::Server, text: "no words of the handshake".to_owned() }),
        }
        Ok(())
    }

    fn send(&mut self, plaintext: &[u8], records: &mut Vec<u8>) -> Result<(), TlsError> {
        assert!(self.established);
        records.extend_from_slice(plaintext);
        Ok(())
    }

    fn is_established(&self) -> bool {
        self.established
    }

    fn is_resumed(&self) -> bool {
        self.established && self.words.resumed
    }

    fn is_tls13(&self) -> bool {
        self.established && self.words.tls13
    }

    fn export(&self, _label: &str, _context: Option<&[u8]>, out: &mut [u8]) -> Result<(), TlsError> {
        if !self.established {
            return Err(TlsError { fault: Fault::Local, text: "too early".to_owned() });
        }
        out.fill(KEY);
        Ok(())
    }

    fn keep_session(&mut self) {
        assert!(self.established);
    }
}
