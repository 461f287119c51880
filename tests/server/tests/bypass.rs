//! The cookie that is worth an authentication (MS-SSTP 3.3.7.3).

mod hand;

use std::time::Duration;

use hand::{Pair, config};
use nm_sstp::ppp::auth::AuthProtocol;
use nm_sstp::wire::http::Response;
use nm_sstp::wire::ppp::Protocol;
use sstp_test_server::Config;

/// A pair whose client has sent its request with this header field.
fn asked(field: &str) -> Pair {
    let config = Config { bypass_cookie: Some("ClientHTTPCookie=abc".to_owned()), ..config(&[]) };
    let mut pair = Pair::new(config, "hunter2", &[AuthProtocol::MsChapV2, AuthProtocol::Pap]);
    let line = "SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1";
    let fields = format!("Host: vpn.example.com\r\nContent-Length: 18446744073709551615\r\n{field}");
    pair.send(format!("{line}\r\n{fields}\r\n").as_bytes());
    if let Ok(Some(response)) = Response::parse(&pair.stream) {
        pair.stream.drain(..response.length);
        pair.call();
        pair.exchange(true);
    }
    pair
}

#[test]
fn the_right_cookie_is_worth_an_authentication() {
    let mut pair = asked("Cookie: ClientHTTPCookie=abc\r\n");
    pair.pass(Duration::from_secs(10));
    assert!(pair.is_up() && !pair.got(Protocol::CHAP, 1), "{:?}", pair.events);
}

#[test]
fn a_wrong_cookie_ends_the_connection() {
    let pair = asked("Cookie: ClientHTTPCookie=abd\r\n");
    assert_eq!(pair.closed().as_deref(), Some("the request was refused: the cookie is wrong"));
    assert!(pair.stream.is_empty());
}

#[test]
fn without_a_cookie_the_client_is_asked() {
    let pair = asked("");
    assert!(pair.is_up() && pair.got(Protocol::CHAP, 1));
}
