//! Who answers in the place of the server that was expected, by the first octets that it sends.

use std::fmt;

use super::printable;

/// Length of an HTTP/2 frame's header (RFC 9113 4.1), in octets.
const HTTP2_HEADER_LEN: usize = 9;

/// Somebody who does not speak what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stranger {
    /// An HTTP/1 server, with its status line (RFC 9112 4).
    Http(String),
    /// A server that speaks HTTP/2 (RFC 9113) and nothing else.
    Http2,
    /// A page of text for a browser, without any protocol around it.
    Page,
    /// An SSH server, with its banner (RFC 4253 4.2).
    Ssh(String),
    /// A server for mail or files, with its greeting (RFC 5321 4.3.1, RFC 959 5.4, RFC 9051 7.1, RFC 1939 4).
    Greeting(String),
}

impl Stranger {
    /// Who begins so; `None` where it is not known, or has not said enough.
    pub fn recognize(stream: &[u8]) -> Option<Self> {
        let line = || printable(stream.split(|octet| matches!(octet, b'\r' | b'\n')).next().unwrap_or_default());
        let begins =
            |text: &str| stream.get(..text.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(text.as_bytes()));
        let text = stream.trim_ascii_start();
        if begins("HTTP/") {
            Some(Stranger::Http(line()))
        } else if begins("SSH-") {
            Some(Stranger::Ssh(line()))
        } else if ["220 ", "220-", "421 ", "554 ", "* OK", "* BYE", "+OK"].iter().any(|greeting| begins(greeting)) {
            Some(Stranger::Greeting(line()))
        } else if is_http2(stream) {
            Some(Stranger::Http2)
        } else if matches!(text, [b'<', next, ..] if next.is_ascii_alphabetic() || matches!(next, b'!' | b'?')) {
            Some(Stranger::Page)
        } else {
            None
        }
    }
}

/// The connection's preface is a SETTINGS frame of stream 0 (RFC 9113 3.4, 6.5); a server that gives up at once may send
/// GOAWAY (6.8).
fn is_http2(stream: &[u8]) -> bool {
    let Some([length_high, length_middle, _, kind, flags, stream_id @ ..]) = stream.get(..HTTP2_HEADER_LEN) else {
        return false;
    };
    *length_high == 0 && *length_middle < 4 && matches!(kind, 4 | 7) && *flags <= 1 && stream_id == [0; 4]
}

/// Who it is, with an article; the words are safe to show.
impl fmt::Display for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stranger::Http(line) => write!(f, "a web server ({line})"),
            Stranger::Http2 => f.write_str("a web server that speaks HTTP/2 only"),
            Stranger::Page => f.write_str("a web page"),
            Stranger::Ssh(banner) => write!(f, "an SSH server ({banner})"),
            Stranger::Greeting(line) => write!(f, "a server of another kind ({line})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_told_apart() {
        for (stream, who) in [
            (&b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n"[..], "a web server (HTTP/1.1 400 Bad Request)"),
            (b"SSH-2.0-OpenSSH_9.2p1\r\n", "an SSH server (SSH-2.0-OpenSSH_9.2p1)"),
            (b"SSH-\x1b[31m\n", "an SSH server (SSH- [31m)"),
            (b"220 mail.example.com ESMTP\r\n", "a server of another kind (220 mail.example.com ESMTP)"),
            (b"* OK IMAP4rev2 ready\r\n", "a server of another kind (* OK IMAP4rev2 ready)"),
            // RFC 9113 6.5: SETTINGS with three settings, and with none
            (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80", "a web server that speaks HTTP/2 only"),
            (b"\x00\x00\x00\x04\x00\x00\x00\x00\x00", "a web server that speaks HTTP/2 only"),
            // RFC 9113 6.8: GOAWAY
            (b"\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00", "a web server that speaks HTTP/2 only"),
            (b"\r\n<!DOCTYPE html>", "a web page"),
            (b"<html>", "a web page"),
        ] {
            assert_eq!(Stranger::recognize(stream).map(|who| who.to_string()).as_deref(), Some(who), "{stream:?}");
        }
        // A Call Connect Acknowledgement (MS-SSTP 2.2.10) and noise are nobody's.
        for stream in [
            &b""[..],
            b"<",
            b"<\x01",
            b"HTT",
            b"\x00\x00\x12\x04",
            b"\x10\x01\x00\x30\x00\x02",
            b"\x15\x03\x01\x00\x02\x02\x46",
            &[0; 64],
        ] {
            assert_eq!(Stranger::recognize(stream), None, "{stream:?}");
        }
    }
}
