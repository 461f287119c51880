//! A TLS that is none: its handshake are words, its records are what is inside of them.

use nm_sstp::ppp::inner_tls::{Fault, TlsClient, TlsConnector, TlsError};
use zeroize::Zeroizing;

/// What the server says in the handshake.
pub const HELLO: &[u8] = b"server hello";

/// Makes clients whose handshake is complete once the server has said [`HELLO`].
pub struct Words;

struct WordsClient {
    established: bool,
}

impl TlsConnector for Words {
    fn connect(&self) -> Result<Box<dyn TlsClient>, TlsError> {
        Ok(Box::new(WordsClient { established: false }))
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
            HELLO => self.established = true,
            inside if self.established => plaintext.extend_from_slice(inside),
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
        false
    }

    fn is_tls13(&self) -> bool {
        false
    }

    fn export(&self, _label: &str, _context: Option<&[u8]>, out: &mut [u8]) -> Result<(), TlsError> {
        out.fill(0x5a);
        Ok(())
    }

    fn keep_session(&mut self) {}
}
