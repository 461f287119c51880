//! No password and no key is ever logged, not even at the highest level.

mod support;

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nm_sstp::crypto::binding::Hlak;
use nm_sstp::crypto::mppe::MasterKey;
use nm_sstp::crypto::mschapv2::PasswordHash;
use nm_sstp::session::Config;
use sstp_test_server::Method;
use support::{PASSWORD, Pair, client, server_with};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}

/// What a whole connection logs, and what the client sent.
fn connection(config: Config, method: Method) -> (String, Vec<u8>, Vec<u8>) {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_ansi(false).with_writer(log.clone()).finish();
    let (sent, received) = tracing::subscriber::with_default(subscriber, || {
        let mut pair = Pair::new(config, server_with(method));
        pair.run_for(Duration::from_secs(1));
        pair.close();
        pair.run_for(Duration::from_secs(10));
        assert!(pair.result().is_some());
        (pair.sent, pair.received)
    });
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("LCP Configure-Request") && log.len() > 1000, "nothing was logged at all: {log}");
    (log, sent, received)
}

/// Octets in the ways in which programs print them: hexadecimal of both cases, a list of numbers.
fn assert_absent(log: &str, what: &str, octets: &[u8]) {
    let hex: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    let list = format!("{octets:?}");
    let hex_list = format!("{octets:02x?}");
    let text = String::from_utf8_lossy(octets).into_owned();
    for form in
        [hex.to_uppercase(), hex, list[1..list.len() - 1].to_owned(), hex_list[1..hex_list.len() - 1].to_owned(), text]
    {
        assert!(!log.contains(&form), "{what} is in the log:\n{log}");
    }
}

/// What follows the header of the first CHAP packet of this code.
fn chap_packet(stream: &[u8], code: u8) -> &[u8] {
    let at = stream.windows(5).position(|octets| octets == [0xff, 0x03, 0xc2, 0x23, code]).unwrap();
    &stream[at + 8..]
}

#[test]
fn neither_password_nor_keys() {
    for method in Method::ALL {
        let (log, sent, received) = connection(client(), method);
        let password_hash = PasswordHash::new(PASSWORD);
        assert_absent(&log, "the password", PASSWORD.as_bytes());
        let utf16: Vec<u8> = PASSWORD.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_absent(&log, "the password in UTF-16", &utf16);
        if method == Method::MsChapV2 {
            // the value of the response: length, peer challenge, reserved, NT response
            let response = chap_packet(&sent, 2);
            let nt_response: [u8; 24] = response[25..49].try_into().unwrap();
            let challenge = chap_packet(&received, 1);
            assert_eq!((response[0], challenge[0]), (49, 16));
            let keys = MasterKey::new(&password_hash.hash(), &nt_response);
            assert_absent(&log, "the send key", &*keys.send_key());
            assert_absent(&log, "the receive key", &*keys.receive_key());
            assert_absent(&log, "the NT response", &nt_response);
            assert_eq!(format!("{:?}", Hlak::from_mschapv2_client(&keys)), "<redacted>");
            let nt_hash = nt_hash(PASSWORD);
            assert_absent(&log, "the NT hash", &nt_hash);
        }
    }
}

#[test]
fn nor_a_password_that_was_refused() {
    for method in Method::ALL {
        let wrong = "not the password of anybody";
        let config = Config { password: wrong.to_owned().into(), ..client() };
        let (log, ..) = connection(config, method);
        assert_absent(&log, "the password", wrong.as_bytes());
        assert_absent(&log, "the NT hash", &nt_hash(wrong));
    }
}

/// RFC 2759 8.3, by itself: the library does not give the hash away.
fn nt_hash(password: &str) -> Vec<u8> {
    use md4::{Digest, Md4};
    let utf16: Vec<u8> = password.encode_utf16().flat_map(u16::to_le_bytes).collect();
    Md4::digest(utf16).to_vec()
}
