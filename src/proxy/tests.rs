//! Whole exchanges with scripted proxies.

use super::*;
use crate::wire::ntlm::tests::CHALLENGE;

fn exchange(credentials: bool) -> Exchange {
    let me = Credentials { user: "Aladdin".to_owned(), password: Zeroizing::new("open sesame".to_owned()) };
    Exchange::new("vpn.example:443".to_owned(), credentials.then_some(me), [7; 32], 0)
}

/// The `Proxy-Authorization` of the next request.
fn sent(exchange: &mut Exchange) -> Option<String> {
    let request = String::from_utf8(exchange.request().unwrap().to_vec()).unwrap();
    assert!(request.starts_with("CONNECT vpn.example:443 HTTP/1.1\r\nHost: vpn.example:443\r\nSSTPVERSION: 1.0\r\n"));
    let line = request.lines().find_map(|line| line.strip_prefix("Proxy-Authorization: "));
    line.map(str::to_owned)
}

fn refusal(headers: &str) -> String {
    format!("HTTP/1.1 407 Proxy Authentication Required\r\n{headers}Content-Length: 4\r\n\r\npage")
}

fn come(exchange: &mut Exchange, text: &str) -> Result<Next, Error> {
    exchange.handle_input(text.as_bytes())
}

const SAME: Result<Next, Error> = Ok(Next::Again { reconnect: false });
const OTHER: Result<Next, Error> = Ok(Next::Again { reconnect: true });
const ESTABLISHED: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

#[test]
fn an_open_proxy() {
    let mut exchange = exchange(true);
    assert_eq!(sent(&mut exchange), None, "nothing is told that was not asked for");
    let (first, second) = ESTABLISHED.split_at(20);
    assert_eq!(come(&mut exchange, first), Ok(Next::Read));
    assert_eq!(come(&mut exchange, second), Ok(Next::Connected));
}

#[test]
fn an_interim_response_is_none() {
    let mut exchange = exchange(false);
    sent(&mut exchange);
    assert_eq!(come(&mut exchange, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), Ok(Next::Connected));
}

#[test]
fn basic_on_the_same_connection_or_another() {
    for (header, next) in [("", SAME), ("Proxy-Connection: close\r\n", OTHER)] {
        let mut exchange = exchange(true);
        sent(&mut exchange);
        let refusal = refusal(&format!("Proxy-Authenticate: Basic realm=\"lab\"\r\n{header}"));
        assert_eq!(come(&mut exchange, &refusal), next);
        assert_eq!(exchange.method(), Some(Method::Basic));
        assert_eq!(sent(&mut exchange).unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(come(&mut exchange, &refusal), Err(Error::Refused(Method::Basic)));
    }
}

#[test]
fn what_gives_away_least_goes_first() {
    let (basic, digest, ntlm) = (
        "Proxy-Authenticate: Basic realm=\"lab\"\r\n",
        "Proxy-Authenticate: Digest realm=\"lab\", nonce=\"n\"\r\n",
        "Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n",
    );
    for (headers, method) in [
        ([basic, digest, ntlm].concat(), Method::Ntlm),
        ([basic, digest].concat(), Method::Digest),
        ([basic, "Proxy-Authenticate: Digest realm=\"lab\", nonce=\"n\", algorithm=X\r\n"].concat(), Method::Basic),
    ] {
        let mut exchange = exchange(true);
        sent(&mut exchange);
        assert_eq!(come(&mut exchange, &refusal(&headers)), SAME);
        assert_eq!(exchange.method(), Some(method));
    }
}

#[test]
fn ntlm_on_one_connection() {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    let challenge = format!("Proxy-Authenticate: NTLM {}\r\n", BASE64_STANDARD.encode(CHALLENGE));
    let at_challenge = || {
        let mut exchange = exchange(true);
        sent(&mut exchange);
        // the first refusal may end its connection
        let begin = refusal("Proxy-Authenticate: NTLM\r\nConnection: close\r\n");
        assert_eq!(come(&mut exchange, &begin), OTHER);
        assert!(sent(&mut exchange).unwrap().starts_with("NTLM TlRMTVNTUAAB"));
        exchange
    };
    let mut kept = at_challenge();
    assert_eq!(come(&mut kept, &refusal(&challenge)), SAME);
    assert!(sent(&mut kept).unwrap().starts_with("NTLM TlRMTVNTUAAD"));
    assert_eq!(come(&mut kept, ESTABLISHED), Ok(Next::Connected));

    let mut refused = at_challenge();
    assert_eq!(come(&mut refused, &refusal(&challenge)), SAME);
    sent(&mut refused);
    assert_eq!(come(&mut refused, &refusal("Proxy-Authenticate: NTLM\r\n")), Err(Error::Refused(Method::Ntlm)));

    let mut closed = at_challenge();
    let closing = refusal(&[&challenge, "Connection: close\r\n"].concat());
    assert_eq!(come(&mut closed, &closing), Err(Error::NotKept(Method::Ntlm)));
}

#[test]
fn an_idle_connection_may_end_at_any_time_and_a_first_one_may_not() {
    let mut exchange = exchange(true);
    sent(&mut exchange);
    assert_eq!(exchange.handle_eof(), Err(Error::Closed));
    let basic = refusal("Proxy-Authenticate: Basic realm=\"lab\"\r\n");
    assert_eq!(come(&mut exchange, &basic), SAME);
    sent(&mut exchange);
    assert_eq!(exchange.handle_eof(), OTHER);
    assert!(sent(&mut exchange).is_some());
    assert_eq!(exchange.handle_eof(), Err(Error::Closed));
    // in the middle of the page
    let mut exchange = self::exchange(true);
    sent(&mut exchange);
    assert_eq!(come(&mut exchange, &basic[..basic.len() - 1]), Ok(Next::Read));
    assert_eq!(exchange.handle_eof(), OTHER);
}

#[test]
fn everything_is_bounded() {
    let mut exchange = exchange(true);
    for _ in 0..MAX_REQUESTS {
        sent(&mut exchange);
    }
    assert_eq!(exchange.request().unwrap_err(), Error::Endless);

    let head = "HTTP/1.1 407 Nope\r\nProxy-Authenticate: Basic realm=\"lab\"\r\n";
    for length in ["Content-Length: 99999999", "Transfer-Encoding: chunked\r\n\r\nfffffff"] {
        let mut exchange = self::exchange(true);
        sent(&mut exchange);
        let mut next = come(&mut exchange, &format!("{head}{length}\r\n\r\n"));
        let mut octets = 0;
        while next == Ok(Next::Read) {
            next = come(&mut exchange, &"x".repeat(1000));
            octets += 1000;
            assert!(exchange.received.len() <= MAX_RESPONSE_LEN);
        }
        assert_eq!(next, OTHER);
        assert!(octets <= MAX_SKIPPED + 1000);
    }
    let mut exchange = self::exchange(true);
    sent(&mut exchange);
    let mut next = come(&mut exchange, "HTTP/1.1 200 OK\r\nX: ");
    for _ in 0..20 {
        if next == Ok(Next::Read) {
            next = come(&mut exchange, &"x".repeat(1000));
        }
    }
    assert_eq!(next, Err(Error::NotHttp));
}

#[test]
fn refusals_are_sentences() {
    let error = |credentials, answer: &str| {
        let mut exchange = exchange(credentials);
        sent(&mut exchange);
        come(&mut exchange, answer).unwrap_err()
    };
    let status = |line: &str| error(true, &format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n")).to_string();
    assert!(status("403 Forbidden").starts_with("does not allow a connection to vpn.example:443 (403 Forbidden): "));
    assert!(status("503 ").starts_with("could not reach vpn.example:443 (503): check the gateway's name"));
    assert!(status("405 Method Not Allowed").contains("no proxy for HTTPS"));
    assert!(status("418 I'm a teapot").ends_with("(418 I'm a teapot)"));
    let needed = error(false, &refusal("Proxy-Authenticate: Basic realm=x, Negotiate\r\n"));
    assert!(needed.is_about_credentials());
    assert!(needed.to_string().contains("(by Basic, Negotiate): set proxy-user"), "{needed}");
    let unknown = error(true, &refusal("Proxy-Authenticate: Negotiate\r\n"));
    assert_eq!(
        unknown.to_string(),
        "wants to know who you are by Negotiate, which is not spoken here; NTLM, Digest, Basic are"
    );
    assert!(!unknown.is_about_credentials());
    assert!(error(true, &refusal("")).to_string().contains("407 without a challenge"));
    assert_eq!(error(true, "SSH-2.0-OpenSSH_9.2\r\n"), Error::NotHttp);
    assert_eq!(error(true, &format!("{ESTABLISHED}\x15\x03\x01")), Error::NotHttp, "a TLS server speaks second");
}

#[test]
fn debug_shows_no_password() {
    let me = Credentials { user: "me".to_owned(), password: Zeroizing::new("hunter2".to_owned()) };
    assert!(!format!("{me:?}").contains("hunter2"));
}

/// Like [`exchange`], for somebody who makes tokens.
fn with_tokens(credentials: bool) -> Exchange {
    exchange(credentials).with_tokens()
}

/// Makes the token that is wanted, which is the proxy's with a `+`.
fn make_token(exchange: &mut Exchange) {
    let token = [exchange.wants_token().expect("a token is wanted"), b"+"].concat();
    exchange.handle_token(Ok(Token::new(&token).unwrap())).unwrap();
    assert_eq!(exchange.wants_token(), None);
}

const NEGOTIATE: &str = "Proxy-Authenticate: Negotiate\r\n";
/// `YWJj` is `abc`, and `YWJjKw==` is `abc+`.
const GOES_ON: &str = "Proxy-Authenticate: Negotiate YWJj\r\n";

/// The exchange of RFC 4559 5, with one token of each side more.
#[test]
fn negotiate_with_tokens_in_turn_and_no_user_name() {
    let mut exchange = with_tokens(false);
    assert_eq!(sent(&mut exchange), None);
    assert_eq!(exchange.wants_token(), None, "nothing is told that was not asked for");
    assert_eq!(come(&mut exchange, &refusal(NEGOTIATE)), SAME);
    assert_eq!(exchange.method(), Some(Method::Negotiate));
    assert_eq!(exchange.wants_token(), Some(&b""[..]));
    make_token(&mut exchange);
    assert_eq!(sent(&mut exchange).unwrap(), "Negotiate Kw==");
    assert_eq!(come(&mut exchange, &refusal(GOES_ON)), SAME);
    assert_eq!(exchange.wants_token(), Some(&b"abc"[..]));
    make_token(&mut exchange);
    assert_eq!(sent(&mut exchange).unwrap(), "Negotiate YWJjKw==");
    let last = "HTTP/1.1 200 OK\r\nProxy-Authenticate: Negotiate YWJj\r\n\r\n";
    assert_eq!(come(&mut exchange, last), Ok(Next::Connected));
}

#[test]
fn negotiate_goes_first_and_only_where_somebody_makes_tokens() {
    let all = [NEGOTIATE, "Proxy-Authenticate: NTLM\r\nProxy-Authenticate: Basic realm=x\r\n"].concat();
    for (mut exchange, method) in [(with_tokens(true), Method::Negotiate), (exchange(true), Method::Ntlm)] {
        sent(&mut exchange);
        assert_eq!(come(&mut exchange, &refusal(&all)), SAME);
        assert_eq!(exchange.method(), Some(method));
    }
}

#[test]
fn without_a_ticket_the_next_method_is_used() {
    let basic = [NEGOTIATE, "Proxy-Authenticate: Basic realm=x\r\n"].concat();
    let failed = |credentials, offered: &str| {
        let mut exchange = with_tokens(credentials);
        sent(&mut exchange);
        assert_eq!(come(&mut exchange, &refusal(offered)), SAME);
        let handled = exchange.handle_token(Err("no credentials".to_owned()));
        (exchange, handled)
    };
    let (mut exchange, handled) = failed(true, &basic);
    assert_eq!(handled, Ok(()));
    assert_eq!(sent(&mut exchange).unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert_eq!(come(&mut exchange, &refusal(&basic)), Err(Error::Refused(Method::Basic)), "it is not begun again");

    let offered = vec!["Negotiate".to_owned(), "Basic".to_owned()];
    assert_eq!(failed(false, &basic).1, Err(Error::CredentialsNeeded { offered }));
    for credentials in [false, true] {
        let error = failed(credentials, NEGOTIATE).1.unwrap_err();
        assert!(error.to_string().contains("there is none for it (no credentials)"), "{error}");
        assert!(!error.is_about_credentials(), "no password helps");
    }
}

#[test]
fn a_ticket_that_is_refused_is_followed_by_the_next_method() {
    let basic = [NEGOTIATE, "Proxy-Authenticate: Basic realm=x\r\n"].concat();
    let refused = |credentials, offered: &str| {
        let mut exchange = with_tokens(credentials);
        sent(&mut exchange);
        come(&mut exchange, &refusal(offered)).unwrap();
        make_token(&mut exchange);
        sent(&mut exchange);
        let next = come(&mut exchange, &refusal(offered));
        (exchange, next)
    };
    let (exchange, next) = refused(true, &basic);
    assert_eq!((next, exchange.method()), (SAME, Some(Method::Basic)));
    assert_eq!(refused(true, NEGOTIATE).1, Err(Error::TicketRefused));
    assert_eq!(refused(false, NEGOTIATE).1, Err(Error::TicketRefused));
}

#[test]
fn no_token_is_sent_twice_and_none_of_another_connection_is_answered() {
    let mut exchange = with_tokens(false);
    sent(&mut exchange);
    come(&mut exchange, &refusal(NEGOTIATE)).unwrap();
    make_token(&mut exchange);
    assert!(sent(&mut exchange).is_some());
    // it was idle while the ticket was fetched
    assert_eq!(exchange.handle_eof(), OTHER);
    assert_eq!(exchange.wants_token(), Some(&b""[..]));
    make_token(&mut exchange);
    sent(&mut exchange);
    let closing = refusal(&[GOES_ON, "Connection: close\r\n"].concat());
    assert_eq!(come(&mut exchange, &closing), Err(Error::NotKept(Method::Negotiate)));
}

#[test]
fn a_proxy_that_always_goes_on_is_left() {
    let mut exchange = with_tokens(false);
    sent(&mut exchange);
    assert_eq!(come(&mut exchange, &refusal(NEGOTIATE)), SAME);
    for _ in 1..MAX_REQUESTS {
        make_token(&mut exchange);
        sent(&mut exchange);
        assert_eq!(come(&mut exchange, &refusal(GOES_ON)), SAME);
    }
    make_token(&mut exchange);
    assert_eq!(exchange.request().unwrap_err(), Error::Endless);
}

#[test]
fn tokens_are_checked_and_not_shown() {
    let mut exchange = with_tokens(false);
    sent(&mut exchange);
    come(&mut exchange, &refusal(NEGOTIATE)).unwrap();
    make_token(&mut exchange);
    sent(&mut exchange);
    let error = come(&mut exchange, &refusal("Proxy-Authenticate: Negotiate YWJ\r\n")).unwrap_err();
    assert!(error.to_string().starts_with("sent a challenge of Negotiate that cannot be answered"), "{error}");

    assert_eq!(Token::new(b""), None);
    assert_eq!(Token::new(&vec![0; MAX_TOKEN + 1]), None);
    assert_eq!(format!("{:?}", Token::new(&vec![b'x'; MAX_TOKEN]).unwrap()), "Token(65536 octets)");
}
