//! The server's side of the HTTP exchange (MS-SSTP 3.2.4.1, 4.1): a request read strictly, and its answer.

use std::fmt;

use nm_sstp::wire::http::{CONTENT_LENGTH, URI};
use nm_sstp::wire::printable;

/// A request header block beyond this many octets is refused.
const MAX_REQUEST_LEN: usize = 16 * 1024;

/// What the server takes note of in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Value of `Host`.
    pub host: String,
    /// Value of `SSTPCORRELATIONID`.
    pub correlation_id: Option<String>,
    /// Value of `Cookie`.
    pub cookie: Option<String>,
    /// Value of the query variable `tenantid`.
    pub tenant: Option<String>,
}

/// Why a request is refused: the status line to answer with, and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Status code and reason phrase.
    pub status: &'static str,
    /// What is wrong with the request.
    pub reason: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.reason, self.status)
    }
}

fn refused<T>(status: &'static str, reason: impl Into<String>) -> Result<T, Refused> {
    Err(Refused { status, reason: reason.into() })
}

impl Request {
    /// Reads the request at the start of the stream; `None` where its header block has not arrived whole.
    ///
    /// Nothing may follow the header block before it is answered: servers of the field lose what does.
    pub fn parse(stream: &[u8]) -> Result<Option<Self>, Refused> {
        let Some(length) = stream.windows(4).position(|octets| octets == b"\r\n\r\n").map(|at| at + 4) else {
            return match stream.len() {
                0..=MAX_REQUEST_LEN => Ok(None),
                _ => refused("431 Request Header Fields Too Large", "the header block does not end"),
            };
        };
        if length < stream.len() {
            return refused("400 Bad Request", "the client did not wait for the answer to its request");
        }
        let Ok(block) = std::str::from_utf8(&stream[..length - 4]) else {
            return refused("400 Bad Request", "the request is not text");
        };
        let (request_line, fields) = block.split_once("\r\n").unwrap_or((block, ""));
        let tenant = read_request_line(request_line)?.map(str::to_owned);
        Self::from_fields(fields).map(|request| Some(Request { tenant, ..request }))
    }

    fn from_fields(fields: &str) -> Result<Self, Refused> {
        let (mut host, mut content_length, mut correlation_id, mut cookie) = (None, None, None, None);
        for field in fields.split("\r\n").filter(|field| !field.is_empty()) {
            let Some((name, value)) = field.split_once(':').filter(|(name, _)| is_token(name)) else {
                return refused("400 Bad Request", format!("no header field: '{}'", printable(field.as_bytes())));
            };
            let place = match name.to_ascii_lowercase().as_str() {
                "host" => &mut host,
                "content-length" => &mut content_length,
                "sstpcorrelationid" => &mut correlation_id,
                "cookie" => &mut cookie,
                _ => continue,
            };
            if place.replace(value.trim_matches([' ', '\t'])).is_some() {
                return refused("400 Bad Request", format!("{name} came twice"));
            }
        }
        let Some(host) = host.filter(|host| !host.is_empty()) else {
            return refused("400 Bad Request", "there is no Host");
        };
        if content_length != Some(CONTENT_LENGTH) {
            return refused("400 Bad Request", format!("Content-Length is not {CONTENT_LENGTH}"));
        }
        if let Some(id) = correlation_id.filter(|id| !is_guid(id)) {
            let reason = format!("SSTPCORRELATIONID is not a GUID in braces: '{}'", printable(id.as_bytes()));
            return refused("400 Bad Request", reason);
        }
        Ok(Request {
            host: printable(host.as_bytes()),
            correlation_id: correlation_id.map(str::to_owned),
            cookie: cookie.map(str::to_owned),
            tenant: None,
        })
    }
}

/// Method, URI and version as MS-SSTP 3.2.4.1 has them, one space in between; gives the tenant, where there is one.
fn read_request_line(line: &str) -> Result<Option<&str>, Refused> {
    let [method, uri, version] = line.split(' ').collect::<Vec<_>>()[..] else {
        return refused("400 Bad Request", format!("no request line: '{}'", printable(line.as_bytes())));
    };
    if method != "SSTP_DUPLEX_POST" {
        return refused("405 Method Not Allowed", format!("the method is '{}'", printable(method.as_bytes())));
    }
    let (path, query) = uri.split_once('?').map_or((uri, None), |(path, query)| (path, Some(query)));
    let tenant = query.map(|query| query.strip_prefix("tenantid="));
    if path != URI || tenant == Some(None) {
        return refused("404 Not Found", format!("the URI is '{}'", printable(uri.as_bytes())));
    }
    if version != "HTTP/1.1" {
        let reason = format!("the version is '{}'", printable(version.as_bytes()));
        return refused("505 HTTP Version Not Supported", reason);
    }
    Ok(tenant.flatten())
}

/// A token of RFC 9110 5.6.2, near enough.
fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet))
}

/// The form of MS-DTYP 2.3.4.3: `{8-4-4-4-12}` hexadecimal digits.
fn is_guid(text: &str) -> bool {
    let Some(digits) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else { return false };
    digits.bytes().all(|octet| octet == b'-' || octet.is_ascii_hexdigit())
        && digits.split('-').map(str::len).eq([8, 4, 4, 4, 12])
}

/// The answer that opens the SSTP stream (MS-SSTP 4.1).
pub(crate) fn accept() -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {CONTENT_LENGTH}\r\nServer: sstp-test-server\r\n\r\n").into_bytes()
}

/// The answer that refuses, and says that the connection ends here.
pub(crate) fn refuse(status: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\nServer: sstp-test-server\r\n\r\n")
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &str, fields: &[&str]) -> Vec<u8> {
        let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        format!("{line}\r\n{fields}\r\n").into_bytes()
    }

    const LINE: &str = "SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1";
    const HOST: &str = "Host: vpn.example.com";
    const LENGTH: &str = "Content-Length: 18446744073709551615";

    #[test]
    fn the_client_of_this_project_is_understood() {
        let mut stream = Vec::new();
        nm_sstp::wire::http::Request {
            uri: URI,
            host: "vpn.example.com:4433",
            correlation_id: [0xab; 16],
            cookie: None,
        }
        .emit(&mut stream);
        let parsed = Request::parse(&stream).unwrap().unwrap();
        assert_eq!(parsed.host, "vpn.example.com:4433");
        assert_eq!(parsed.correlation_id.as_deref(), Some("{ABABABAB-ABAB-ABAB-ABAB-ABABABABABAB}"));
        assert_eq!(parsed.tenant, None);
        for cut in 0..stream.len() {
            assert_eq!(Request::parse(&stream[..cut]), Ok(None), "cut at {cut}");
        }
    }

    #[test]
    fn what_is_refused_and_how() {
        let status = |stream: &[u8]| Request::parse(stream).unwrap_err().status.split_once(' ').unwrap().0;
        assert!(Request::parse(&request(LINE, &[HOST, LENGTH])).is_ok());
        assert_eq!(status(&[&request(LINE, &[HOST, LENGTH])[..], &[0x10]].concat()), "400");
        assert_eq!(status(&request(&LINE.replace("SSTP_DUPLEX_", ""), &[HOST, LENGTH])), "405");
        assert_eq!(status(&request(&LINE.replace("458b", "458B"), &[HOST, LENGTH])), "404");
        let with_query = |query: &str| request(&LINE.replace("}/ ", &format!("}}/?{query} ")), &[HOST, LENGTH]);
        assert_eq!(status(&with_query("tenant=a")), "404");
        assert_eq!(Request::parse(&with_query("tenantid=a")).unwrap().unwrap().tenant.as_deref(), Some("a"));
        assert_eq!(status(&request(&LINE.replace("1.1", "1.0"), &[HOST, LENGTH])), "505");
        assert_eq!(status(&request(&LINE.replace(' ', "  "), &[HOST, LENGTH])), "400");
        assert_eq!(status(&request(LINE, &[LENGTH])), "400");
        assert_eq!(status(&request(LINE, &[HOST])), "400");
        assert_eq!(status(&request(LINE, &[HOST, "Content-Length: 5"])), "400");
        assert_eq!(status(&request(LINE, &[HOST, HOST, LENGTH])), "400");
        assert_eq!(status(&request(LINE, &[HOST, LENGTH, "no field"])), "400");
        assert_eq!(status(&request(LINE, &[HOST, LENGTH, "SSTPCORRELATIONID: ABABABAB-ABAB"])), "400");
        assert_eq!(status(&[b'a'; MAX_REQUEST_LEN + 1]), "431");
    }
}
