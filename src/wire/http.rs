//! The HTTP exchange that opens a call (MS-SSTP 3.2.4.1).

use super::printable;

/// URI of the SSTP service (MS-SSTP 3.2.4.1), case as it stands there.
pub const URI: &str = "/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/";
/// ULONGLONG_MAX, the length of a body without end (MS-SSTP 3.2.4.1).
pub const CONTENT_LENGTH: &str = "18446744073709551615";
/// A response header block beyond this many octets is refused.
pub const MAX_RESPONSE_LEN: usize = 16 * 1024;

/// Headers of a response beyond this number are refused.
pub(super) const MAX_HEADERS: usize = 64;
const ENDLESS: &[u8] = CONTENT_LENGTH.as_bytes();

/// The request that opens a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// Path and query: [`URI`] unless the gateway has another or a tenant.
    pub uri: &'a str,
    /// Value of `Host`.
    pub host: &'a str,
    /// Value of `SSTPCORRELATIONID`: a GUID whose octets stand in the order of its text form (MS-DTYP 2.3.4.3).
    pub correlation_id: [u8; 16],
    /// Value of `Cookie` (RFC 6265 4.2; MS-SSTP 3.2.4.1), visible ASCII only.
    pub cookie: Option<&'a str>,
}

impl Request<'_> {
    /// Appends the whole request.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let Request { uri, host, correlation_id, cookie } = self;
        let guid = guid(*correlation_id);
        let request = format!(
            "SSTP_DUPLEX_POST {uri} HTTP/1.1\r\n\
             Host: {host}\r\n\
             SSTPCORRELATIONID: {guid}\r\n\
             Content-Length: {CONTENT_LENGTH}\r\n"
        );
        out.extend_from_slice(request.as_bytes());
        if let Some(cookie) = cookie {
            for part in ["Cookie: ", cookie, "\r\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// A GUID string in braces (MS-DTYP 2.3.4.3).
pub fn guid(octets: [u8; 16]) -> String {
    let mut text = String::with_capacity(38);
    for (i, octet) in octets.iter().enumerate() {
        text.push_str(match i {
            0 => "{",
            4 | 6 | 8 | 10 => "-",
            _ => "",
        });
        text.push_str(&format!("{octet:02X}"));
    }
    text.push('}');
    text
}

/// The response to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Reason phrase, printable characters only.
    pub reason: String,
    /// Value of `Server`, printable characters only, where there was one.
    pub server: Option<String>,
    /// Value of `Location`, printable characters only, where there was one.
    pub location: Option<String>,
    /// It says that a text for a browser follows, and not the stream of an SSTP server.
    pub is_page: bool,
    /// Length of the response with its header block, in octets: what follows is the SSTP stream.
    pub length: usize,
}

/// Why a stream does not begin with a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotHttp {
    /// The octets are not HTTP/1.x.
    Syntax,
    /// No end of the header block within [`MAX_RESPONSE_LEN`] octets, or too many headers.
    TooLong,
}

impl Response {
    /// Reads the response at the start of the stream; `None` where its header block has not arrived whole.
    ///
    /// # Errors
    /// [`NotHttp`] as soon as it is certain that no acceptable response can follow.
    pub fn parse(stream: &[u8]) -> Result<Option<Response>, NotHttp> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let Some(length) = parse_head(&mut response, stream)? else { return Ok(None) };
        let value = |name: &str| {
            let header = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
            header.map(|header| header.value)
        };
        // What has the length of the specification is a stream, whatever a server says of its type.
        let is_page = value("content-type").is_some_and(is_text) && value("content-length") != Some(ENDLESS);
        Ok(Some(Response {
            status: response.code.ok_or(NotHttp::Syntax)?,
            reason: printable(response.reason.unwrap_or_default().as_bytes()),
            server: value("server").map(printable),
            location: value("location").map(printable),
            is_page,
            length,
        }))
    }
}

/// Reads a header block at the start of the stream: its length in octets, or `None` where it has not arrived whole.
pub(super) fn parse_head<'b>(
    response: &mut httparse::Response<'_, 'b>,
    stream: &'b [u8],
) -> Result<Option<usize>, NotHttp> {
    let bounded = &stream[..stream.len().min(MAX_RESPONSE_LEN)];
    match response.parse(bounded) {
        Ok(httparse::Status::Complete(length)) => Ok(Some(length)),
        Ok(httparse::Status::Partial) if bounded.len() == MAX_RESPONSE_LEN => Err(NotHttp::TooLong),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(httparse::Error::TooManyHeaders) => Err(NotHttp::TooLong),
        Err(_) => Err(NotHttp::Syntax),
    }
}

/// A media type for people (RFC 9110 8.3.1, RFC 2046 4.1).
fn is_text(media_type: &[u8]) -> bool {
    media_type.get(..5).is_some_and(|begin| begin.eq_ignore_ascii_case(b"text/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As SoftEther 5 answers.
    const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\
        Server: Microsoft-HTTPAPI/2.0\r\nDate: Mon, 02 Nov 2026 10:00:00 GMT\r\n\r\n";

    #[test]
    fn the_request_is_that_of_the_specification() {
        let mut out = Vec::new();
        let correlation_id = [0xf0, 0xf1, 0xf2, 0xf3, 0xe0, 0xe1, 0xd0, 0xd1, 1, 2, 3, 4, 5, 6, 7, 8];
        Request { uri: URI, host: "vpn.example.com", correlation_id, cookie: None }.emit(&mut out);
        let expected = "SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1\r\n\
            Host: vpn.example.com\r\nSSTPCORRELATIONID: {F0F1F2F3-E0E1-D0D1-0102-030405060708}\r\n\
            Content-Length: 18446744073709551615\r\n\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        let mut out = Vec::new();
        Request { uri: URI, host: "vpn.example.com", correlation_id, cookie: Some("SSO=a1b2; Path=/") }.emit(&mut out);
        let with_cookie = expected.replace("\r\n\r\n", "\r\nCookie: SSO=a1b2; Path=/\r\n\r\n");
        assert_eq!(String::from_utf8(out).unwrap(), with_cookie);
    }

    #[test]
    fn a_response_arrives_in_any_pieces() {
        for cut in 0..OK.len() {
            assert_eq!(Response::parse(&OK[..cut]), Ok(None), "cut at {cut}");
        }
        let stream = [OK, &[0x10, 0x01]].concat();
        let response = Response::parse(&stream).unwrap().unwrap();
        assert_eq!((response.status, response.reason.as_str(), response.length), (200, "OK", OK.len()));
        assert_eq!(response.server.as_deref(), Some("Microsoft-HTTPAPI/2.0"));
        assert_eq!((response.location, response.is_page), (None, false));
    }

    #[test]
    fn a_page_is_no_stream() {
        let is_page = |headers: &str| {
            let stream = format!("HTTP/1.1 200 OK\r\n{headers}\r\n");
            Response::parse(stream.as_bytes()).unwrap().unwrap().is_page
        };
        assert!(is_page("Content-Type: text/html; charset=utf-8\r\nContent-Length: 612\r\n"));
        assert!(is_page("content-type: TEXT/plain\r\nTransfer-Encoding: chunked\r\n"));
        assert!(!is_page("Content-Type: text/html\r\nContent-Length: 18446744073709551615\r\n"));
        assert!(!is_page("Content-Type: application/octet-stream\r\nContent-Length: 5\r\n"));
        assert!(!is_page(""));
    }

    #[test]
    fn what_is_not_a_response() {
        assert_eq!(Response::parse(b"SSH-2.0-OpenSSH_9.2\r\n"), Err(NotHttp::Syntax));
        assert_eq!(Response::parse(b"\x16\x03\x01"), Err(NotHttp::Syntax));
        let endless = [b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'a'; MAX_RESPONSE_LEN]].concat();
        assert_eq!(Response::parse(&endless), Err(NotHttp::TooLong));
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(MAX_HEADERS + 1));
        assert_eq!(Response::parse(many.as_bytes()), Err(NotHttp::TooLong));
        let refusal = Response::parse(b"HTTP/1.1 404 Not Found\r\n\r\n").unwrap().unwrap();
        assert_eq!((refusal.status, refusal.reason.as_str()), (404, "Not Found"));
    }
}
