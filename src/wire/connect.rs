//! The HTTP exchange that asks a proxy for a connection (RFC 9110 9.3.6; MS-SSTP 4.5), as far as it is HTTP: what it means
//! is told in [`proxy`](crate::proxy).

use httparse::{EMPTY_HEADER, Status};
use zeroize::Zeroizing;

use super::challenge::{self, Challenge};
use super::http::{MAX_HEADERS, NotHttp, parse_head};
use super::printable;

/// The request for a connection.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Host and port of the server (RFC 9110 7.2, authority-form), an IPv6 address in brackets.
    pub authority: &'a str,
    /// Value of `Proxy-Authorization`: visible ASCII and space only.
    pub authorization: Option<&'a str>,
}

impl Request<'_> {
    /// The whole request; wiped, since whoever reads the authorization may learn a password.
    pub fn emit(&self) -> Zeroizing<Vec<u8>> {
        let Request { authority, authorization } = self;
        let head = [
            "CONNECT ",
            authority,
            " HTTP/1.1\r\nHost: ",
            authority,
            // so that administrators can tell SSTP from other HTTPS (MS-SSTP 4.5)
            "\r\nSSTPVERSION: 1.0\r\n",
            // proxies of HTTP/1.0 days hold the connection, which NTLM needs, for those alone who ask for it by this name
            "Proxy-Connection: Keep-Alive\r\n",
        ];
        let parts = head.into_iter().chain(["Proxy-Authorization: "].into_iter().filter(|_| authorization.is_some()));
        let parts: Vec<&str> =
            parts.chain(*authorization).chain(authorization.map(|_| "\r\n")).chain(["\r\n"]).collect();
        // in one piece from the start: what is copied when a vector grows would not be wiped
        let mut out = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
        parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
        out
    }
}

/// The header block of a response to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Reason phrase, printable characters only.
    pub reason: String,
    /// The challenges of `Proxy-Authenticate`.
    pub challenges: Vec<Challenge>,
    /// The proxy goes on with this connection after the body.
    pub keep_alive: bool,
    /// What follows the header block, unless the status makes it a tunnel.
    pub body: Body,
    /// Octets of the header block.
    pub length: usize,
}

/// How far a body goes (RFC 9112 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// So many octets.
    Length(u64),
    /// Chunks.
    Chunked,
    /// To the end of the connection.
    UntilClosed,
}

impl Response {
    /// Reads the response at the start of the stream; `None` where its header block has not arrived whole.
    ///
    /// # Errors
    /// [`NotHttp`] as soon as it is certain that no acceptable response can follow.
    pub fn parse(stream: &[u8]) -> Result<Option<Response>, NotHttp> {
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let Some(length) = parse_head(&mut response, stream)? else { return Ok(None) };
        let status = response.code.ok_or(NotHttp::Syntax)?;
        let values = |name: &'static str| {
            let named = response.headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
            named.map(|header| String::from_utf8_lossy(header.value))
        };
        let says = |name, word: &str| {
            values(name).any(|value| value.split(',').any(|option| option.trim().eq_ignore_ascii_case(word)))
        };
        let connection = |word: &str| says("connection", word) || says("proxy-connection", word);
        let persistent = if response.version == Some(0) { connection("keep-alive") } else { !connection("close") };
        let body = if matches!(status, 204 | 304) {
            Body::Length(0)
        } else if says("transfer-encoding", "chunked") {
            Body::Chunked
        } else {
            let length = values("content-length").next().map(|value| value.trim().parse());
            length.map_or(Ok(Body::UntilClosed), |length| length.map(Body::Length)).map_err(|_| NotHttp::Syntax)?
        };
        Ok(Some(Response {
            status,
            reason: printable(response.reason.unwrap_or_default().as_bytes()),
            challenges: values("proxy-authenticate").flat_map(|value| challenge::parse(&value)).collect(),
            keep_alive: persistent && body != Body::UntilClosed,
            body,
            length,
        }))
    }
}

/// Skips a body that comes in any pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipper {
    /// So many octets are left of the body, or of what stands before the next chunk's size.
    Octets {
        /// How many.
        left: u64,
        /// Chunks follow.
        chunked: bool,
    },
    /// The size of a chunk comes next.
    Size,
    /// The trailer comes next.
    Trailer,
    /// It is over.
    Done,
}

impl From<Body> for Skipper {
    fn from(body: Body) -> Self {
        match body {
            Body::Length(left) => Skipper::Octets { left, chunked: false },
            Body::Chunked => Skipper::Size,
            Body::UntilClosed => Skipper::Octets { left: u64::MAX, chunked: false },
        }
    }
}

impl Skipper {
    /// Takes what belongs to the body; returns how many octets that is, and moves on. [`Skipper::Done`] takes nothing.
    ///
    /// # Errors
    /// The chunks are none.
    pub fn skip(&mut self, stream: &[u8]) -> Result<usize, NotHttp> {
        let mut taken = 0;
        loop {
            let rest = &stream[taken..];
            match *self {
                Skipper::Octets { left: 0, chunked } => *self = if chunked { Skipper::Size } else { Skipper::Done },
                Skipper::Octets { left, chunked } => {
                    let now = rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    taken += now;
                    *self = Skipper::Octets { left: left - now as u64, chunked };
                    if now == rest.len() && left > now as u64 {
                        return Ok(taken);
                    }
                }
                Skipper::Size => match httparse::parse_chunk_size(rest).map_err(|_| NotHttp::Syntax)? {
                    Status::Complete((length, 0)) => {
                        taken += length;
                        *self = Skipper::Trailer;
                    }
                    Status::Complete((length, size)) => {
                        taken += length;
                        // the chunk, and the end of line behind it
                        let left = size.checked_add(2).ok_or(NotHttp::Syntax)?;
                        *self = Skipper::Octets { left, chunked: true };
                    }
                    Status::Partial => return Ok(taken),
                },
                Skipper::Trailer => {
                    let Some(end) = rest.windows(2).position(|window| window == b"\r\n") else { return Ok(taken) };
                    taken += end + 2;
                    if end == 0 {
                        *self = Skipper::Done;
                    }
                }
                Skipper::Done => return Ok(taken),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::http::MAX_RESPONSE_LEN;
    use super::*;

    #[test]
    fn the_request_is_that_of_the_specification() {
        let text =
            |authority, authorization| String::from_utf8(Request { authority, authorization }.emit().to_vec()).unwrap();
        // MS-SSTP 4.5, and what is said above
        let expected = "CONNECT vpn.example.com:443 HTTP/1.1\r\nHost: vpn.example.com:443\r\nSSTPVERSION: 1.0\r\n\
            Proxy-Connection: Keep-Alive\r\n\r\n";
        assert_eq!(text("vpn.example.com:443", None), expected);
        let with = text("vpn.example.com:443", Some("Basic YTpi"));
        assert_eq!(with, expected.replace("\r\n\r\n", "\r\nProxy-Authorization: Basic YTpi\r\n\r\n"));
    }

    fn response(text: &str) -> Response {
        Response::parse(text.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn who_keeps_the_connection() {
        for (head, keep_alive, body) in [
            // MS-SSTP 4.5
            ("HTTP/1.1 200 Connection Established\r\nProxy-Connection: Keep-Alive\r\n", false, Body::UntilClosed),
            ("HTTP/1.1 407 Nope\r\nContent-Length: 3\r\n", true, Body::Length(3)),
            ("HTTP/1.1 407 Nope\r\nContent-Length: 3\r\nConnection: close\r\n", false, Body::Length(3)),
            ("HTTP/1.1 407 Nope\r\nContent-Length: 3\r\nProxy-Connection: Close\r\n", false, Body::Length(3)),
            ("HTTP/1.0 407 Nope\r\nContent-Length: 3\r\n", false, Body::Length(3)),
            ("HTTP/1.0 407 Nope\r\nContent-Length: 3\r\nProxy-Connection: Keep-Alive\r\n", true, Body::Length(3)),
            ("HTTP/1.1 407 Nope\r\nTransfer-Encoding: chunked\r\nConnection: x, keep-alive\r\n", true, Body::Chunked),
        ] {
            let response = response(&format!("{head}\r\n"));
            assert_eq!((response.keep_alive, response.body), (keep_alive, body), "{head}");
            assert_eq!(response.length, head.len() + 2);
        }
        assert_eq!(Response::parse(b"HTTP/1.1 407 Nope\r\nContent-Length: x\r\n\r\n"), Err(NotHttp::Syntax));
    }

    #[test]
    fn challenges_of_several_headers_stand_together() {
        let response = response(
            "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: NTLM\r\n\
             Proxy-Authenticate: Basic realm=\"lab, 1\"\r\nContent-Length: 0\r\n\r\n",
        );
        let schemes: Vec<&str> = response.challenges.iter().map(|challenge| challenge.scheme.as_str()).collect();
        assert_eq!(schemes, ["NTLM", "Basic"]);
        assert_eq!(response.challenges[1].parameter("realm"), Some("lab, 1"));
    }

    #[test]
    fn a_response_arrives_in_any_pieces_and_has_an_end() {
        let whole = b"HTTP/1.1 407 Nope\r\nContent-Length: 0\r\n\r\n";
        for cut in 0..whole.len() {
            assert_eq!(Response::parse(&whole[..cut]), Ok(None), "cut at {cut}");
        }
        assert_eq!(Response::parse(b"\x05\x00"), Err(NotHttp::Syntax));
        assert_eq!(Response::parse(b"220 mail.example ESMTP\r\n"), Err(NotHttp::Syntax));
        let endless = [b"HTTP/1.1 407 Nope\r\nX: ".to_vec(), vec![b'a'; MAX_RESPONSE_LEN]].concat();
        assert_eq!(Response::parse(&endless), Err(NotHttp::TooLong));
    }

    #[test]
    fn a_body_is_skipped_in_any_pieces() {
        // the chunks are those of RFC 9112 7.1.3's grammar, with an extension and a trailer
        let chunks: &[u8] = b"4\r\nWiki\r\n6;a=b\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\nExpires: never\r\n\r\n";
        for (body, octets) in [(Body::Length(5), &b"12345"[..]), (Body::Length(0), b""), (Body::Chunked, chunks)] {
            let stream = [octets, b"HTTP/1.1 200"].concat();
            for step in 1..=stream.len() {
                let (mut skipper, mut held, mut taken) = (Skipper::from(body), Vec::new(), 0);
                for piece in stream.chunks(step) {
                    held.extend_from_slice(piece);
                    let now = skipper.skip(&held).unwrap();
                    held.drain(..now);
                    taken += now;
                }
                assert_eq!((skipper, taken), (Skipper::Done, octets.len()), "{body:?} in steps of {step}");
            }
        }
        assert_eq!(Skipper::Size.skip(b"xyz\r\n"), Err(NotHttp::Syntax));
        assert_eq!(Skipper::Size.skip(b"FFFFFFFFFFFFFFFF\r\n"), Err(NotHttp::Syntax));
        let mut endless = Skipper::from(Body::UntilClosed);
        assert_eq!(endless.skip(&[0; 100]), Ok(100));
        assert_ne!(endless, Skipper::Done);
    }
}
