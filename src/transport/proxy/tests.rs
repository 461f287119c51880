//! Scripted proxies over loopback, in front of a gateway that echoes.

use std::net::Ipv4Addr;

use tokio::net::TcpListener;

use super::super::dial::Direct;
use super::super::pki::{Ca, Leaf};
use super::super::tests::{Server, settings};
use super::super::{Settings, open};
use super::*;
use crate::proxy::Token;
use crate::wire::challenge;

const LIMIT: Duration = Duration::from_secs(5);

fn proxy(kind: ProxyKind, port: u16, password: Option<&str>) -> Proxy {
    let credentials = password
        .map(|password| Credentials { user: "Aladdin".to_owned(), password: Zeroizing::new(password.to_owned()) });
    Proxy { kind, host: "127.0.0.1".to_owned(), port, credentials }
}

/// Listens, and hands the connections to the script, one after the other.
async fn scripted<F: Future<Output = ()> + Send + 'static>(
    script: impl FnOnce(TcpListener) -> F + Send + 'static,
) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(script(listener));
    port
}

async fn accept(listener: &TcpListener) -> TcpStream {
    listener.accept().await.unwrap().0
}

/// The head of a request.
async fn head(socket: &mut TcpStream) -> String {
    let mut octets = Vec::new();
    while !octets.ends_with(b"\r\n\r\n") {
        octets.push(socket.read_u8().await.unwrap());
    }
    String::from_utf8(octets).unwrap()
}

async fn say(socket: &mut TcpStream, text: &str) {
    socket.write_all(text.as_bytes()).await.unwrap();
}

async fn echo(mut socket: TcpStream) {
    let (mut from, mut to) = socket.split();
    drop(tokio::io::copy(&mut from, &mut to).await);
}

async fn through(proxy: &Proxy, limit: Duration) -> Result<(TcpStream, Vec<Step>), Error> {
    through_by(&Direct::default(), proxy, limit).await
}

async fn through_by(dialer: &impl Dialer, proxy: &Proxy, limit: Duration) -> Result<(TcpStream, Vec<Step>), Error> {
    let mut steps = Vec::new();
    let gateway = ("vpn.example", 443);
    let (socket, address) = reach(proxy, gateway, dialer, None, limit, &mut |step| steps.push(step)).await?;
    assert_eq!(address.port(), proxy.port);
    Ok((socket, steps))
}

async fn echoes(socket: &mut TcpStream) {
    socket.write_all(b"hello").await.unwrap();
    let mut answer = [0; 5];
    socket.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"hello");
}

const ESTABLISHED: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

#[tokio::test]
async fn on_the_same_connection() {
    let port = scripted(|listener| async move {
        let mut socket = accept(&listener).await;
        let first = head(&mut socket).await;
        assert!(
            first.starts_with("CONNECT vpn.example:443 HTTP/1.1\r\n") && first.contains("SSTPVERSION: 1.0"),
            "{first}"
        );
        assert!(!first.contains("Authorization"));
        say(&mut socket, "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 4\r\n\r\npa").await;
        say(&mut socket, "ge").await;
        let second = head(&mut socket).await;
        assert!(second.contains("\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"), "{second}");
        say(&mut socket, ESTABLISHED).await;
        echo(socket).await;
    })
    .await;
    let (mut socket, steps) = through(&proxy(ProxyKind::Http, port, Some("open sesame")), LIMIT).await.unwrap();
    assert_eq!(steps, [Step::Resolve, Step::Connect, Step::Proxy]);
    echoes(&mut socket).await;
}

#[tokio::test]
async fn on_another_connection_where_the_first_one_ends() {
    for how in ["Connection: close\r\n", ""] {
        let port = scripted(move |listener| async move {
            let mut socket = accept(&listener).await;
            head(&mut socket).await;
            let refusal = "HTTP/1.1 407 No\r\nProxy-Authenticate: Digest realm=x, nonce=y\r\nContent-Length: 0\r\n";
            say(&mut socket, &format!("{refusal}{how}\r\n")).await;
            // without a word, as if it had been idle for long
            drop(socket);
            let mut socket = accept(&listener).await;
            let request = head(&mut socket).await;
            let value = request.lines().find_map(|line| line.strip_prefix("Proxy-Authorization: ")).unwrap();
            assert_eq!(challenge::parse(value)[0].parameter("username"), Some("Aladdin"));
            say(&mut socket, ESTABLISHED).await;
            echo(socket).await;
        })
        .await;
        let (mut socket, _) = through(&proxy(ProxyKind::Http, port, Some("open sesame")), LIMIT).await.unwrap();
        echoes(&mut socket).await;
    }
}

/// Has a token, or none, for a proxy, which is what the proxy said with a `+`.
struct WithTokens(Result<(), &'static str>);

impl Dialer for WithTokens {
    const HAS_TOKENS: bool = true;

    async fn dial(
        &self,
        target: Target,
        progress: &mut (dyn FnMut(Step) + Send),
    ) -> Result<(TcpStream, SocketAddr), dial::Error> {
        Direct::default().dial(target, progress).await
    }

    async fn proxy_token(&self, server_token: &[u8]) -> Result<Token, String> {
        self.0.map_err(str::to_owned)?;
        Ok(Token::new(&[server_token, b"+"].concat()).unwrap())
    }
}

/// `Kw==` is `+`, `YWJj` is `abc`.
#[tokio::test]
async fn tokens_are_had_from_the_dialer() {
    let port = scripted(|listener| async move {
        let mut socket = accept(&listener).await;
        for (authorization, answer) in [(None, ""), (Some("Kw=="), " YWJj")] {
            let request = head(&mut socket).await;
            let sent = request.lines().find_map(|line| line.strip_prefix("Proxy-Authorization: Negotiate "));
            assert_eq!(sent, authorization);
            let challenge = format!("Proxy-Authenticate: Negotiate{answer}\r\nContent-Length: 0\r\n\r\n");
            say(&mut socket, &format!("HTTP/1.1 407 No\r\n{challenge}")).await;
        }
        assert!(head(&mut socket).await.contains("\r\nProxy-Authorization: Negotiate YWJjKw==\r\n"));
        say(&mut socket, ESTABLISHED).await;
        echo(socket).await;
    })
    .await;
    let proxy = proxy(ProxyKind::Http, port, None);
    let (mut socket, _) = through_by(&WithTokens(Ok(())), &proxy, LIMIT).await.unwrap();
    echoes(&mut socket).await;
}

#[tokio::test]
async fn why_there_is_no_token_is_told_and_nobody_asks_for_a_password() {
    let port = scripted(|listener| async move {
        let mut socket = accept(&listener).await;
        head(&mut socket).await;
        say(&mut socket, "HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n").await;
        head(&mut socket).await;
    })
    .await;
    let proxy = proxy(ProxyKind::Http, port, None);
    let error = through_by(&WithTokens(Err("no credentials")), &proxy, LIMIT).await.unwrap_err();
    assert!(error.to_string().contains("and there is none for it (no credentials)"), "{error}");
    assert!(!error.is_about_credentials() && !error.is_refusal_of_credentials());
}

#[tokio::test]
async fn every_failure_names_the_proxy() {
    let sentence = async |kind, password: Option<&str>, answer: &'static [u8]| {
        let port = scripted(move |listener| async move {
            let mut socket = accept(&listener).await;
            let mut begun = [0; 3];
            socket.read_exact(&mut begun).await.unwrap();
            socket.write_all(answer).await.unwrap();
            socket.shutdown().await.unwrap();
            while let Ok(1..) = socket.read(&mut begun).await {}
        })
        .await;
        let error = through(&proxy(kind, port, password), LIMIT).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&format!("127.0.0.1:{port}")), "{text}");
        (text, error.is_about_credentials())
    };
    use ProxyKind::{Http, Socks5};
    for (kind, password, answer, expected, about_credentials) in [
        (
            Http,
            None,
            &b"HTTP/1.1 403 Forbidden\r\n\r\n"[..],
            "does not allow a connection to vpn.example:443 (403",
            false,
        ),
        (Http, None, b"HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\n\r\n", "(by NTLM): set proxy-user", true),
        (Http, None, b"\x05\xff", "does not answer as an HTTP proxy", false),
        (Http, None, b"", "ended the connection without an answer", false),
        // RFC 1928 3 and 6, RFC 1929 2
        (Socks5, None, b"\x05\xff", "wants to know who you are", true),
        (Socks5, Some("x"), b"\x05\x02\x01\x01", "refused user name or password", true),
        (
            Socks5,
            None,
            b"\x05\x00\x05\x02\x00\x01\0\0\0\0\0\0",
            "does not allow a connection to vpn.example:443",
            false,
        ),
        (
            Socks5,
            None,
            b"\x05\x00\x05\x04\x00\x01\0\0\0\0\0\0",
            "could not reach vpn.example:443 (Host unreachable)",
            false,
        ),
        (Socks5, None, b"\x05\x00\x05\x05\x00\x01\0\0\0\0\0\0", "vpn.example:443 refused the connection from", false),
        (Socks5, None, b"HTTP/1.1 400 Bad Request\r\n\r\n", "is no SOCKS 5 proxy", false),
        (Socks5, None, b"", "ended the connection without an answer", false),
    ] {
        let (text, about) = sentence(kind, password, answer).await;
        assert!(text.contains(expected), "{text}");
        assert_eq!(about, about_credentials, "{text}");
    }
}

#[tokio::test]
async fn a_socks_proxy_is_told_the_name() {
    let port = scripted(|listener| async move {
        let mut socket = accept(&listener).await;
        let mut take = async |expected: &[u8], answer: &[u8]| {
            let mut found = vec![0; expected.len()];
            socket.read_exact(&mut found).await.unwrap();
            assert_eq!(found, expected);
            socket.write_all(answer).await.unwrap();
        };
        // RFC 1928 3, RFC 1929 2, RFC 1928 4 and 6
        take(b"\x05\x02\x00\x02", b"\x05\x02").await;
        take(b"\x01\x07Aladdin\x0bopen sesame", b"\x01\x00").await;
        take(b"\x05\x01\x00\x03\x0bvpn.example\x01\xbb", b"\x05\x00\x00\x01\0\0\0\0\0\0").await;
        echo(socket).await;
    })
    .await;
    let proxy = proxy(ProxyKind::Socks5, port, Some("open sesame"));
    let (mut socket, steps) = through(&proxy, LIMIT).await.unwrap();
    assert_eq!(steps.last(), Some(&Step::Proxy));
    echoes(&mut socket).await;
}

/// TLS goes through the proxy, and so does the second look at a certificate that did not pass.
#[tokio::test]
async fn tls_goes_through_from_end_to_end() {
    let (ca, other) = (Ca::new("Test CA"), Ca::new("Other CA"));
    let server = Server::start(ca.issue(&Leaf::default()), None);
    let gateway = server.port;
    let port = scripted(move |listener| async move {
        loop {
            let mut socket = accept(&listener).await;
            assert!(head(&mut socket).await.starts_with(&format!("CONNECT localhost:{gateway} ")));
            let mut inside = TcpStream::connect((Ipv4Addr::LOCALHOST, gateway)).await.unwrap();
            say(&mut socket, ESTABLISHED).await;
            tokio::spawn(async move { drop(tokio::io::copy_bidirectional(&mut socket, &mut inside).await) });
        }
    })
    .await;
    let through = |ca: &Ca| {
        let file = ca.file();
        let proxy = Some(proxy(ProxyKind::Http, port, None));
        Settings { proxy, ..settings(gateway, &file) }
    };
    let connection = open(&through(&ca), &Direct::default(), |_| {}).await.unwrap();
    assert!(connection.verified);
    assert_eq!(connection.address.port(), port, "what must not be routed into the tunnel");
    // the server has one at a time
    drop(connection);
    let text = open(&through(&other), &Direct::default(), |_| {}).await.unwrap_err().to_string();
    assert!(text.contains("issued to") && text.contains(", SHA-256 "), "the second look was taken: {text}");
    assert!(
        text.ends_with(&format!("; this went through the proxy 127.0.0.1:{port}, whose address that is")),
        "{text}"
    );
    let careless = Settings { ignore_certificate: true, ..through(&other) };
    assert!(!open(&careless, &Direct::default(), |_| {}).await.unwrap().verified);
}

#[tokio::test]
async fn a_silent_proxy_is_not_waited_for_without_end() {
    for kind in [ProxyKind::Http, ProxyKind::Socks5] {
        let port = scripted(|listener| async move {
            let _socket = accept(&listener).await;
            std::future::pending::<()>().await;
        })
        .await;
        let error = through(&proxy(kind, port, None), Duration::from_millis(200)).await.unwrap_err();
        assert!(error.to_string().contains("did not connect to vpn.example:443 within"), "{error}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there() {
    let port = scripted(|listener| async move { drop(listener) }).await;
    tokio::task::yield_now().await;
    let error = through(&proxy(ProxyKind::Http, port, None), LIMIT).await.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with(&format!("the proxy 127.0.0.1:{port} cannot be reached: ")), "{text}");
    let lost = Error {
        proxy: "p:1".to_owned(),
        problem: Problem::Dial(dial::Error::NameNotFound { host: "p".to_owned(), reason: "no such name".to_owned() }),
    };
    let nobody =
        proxy(ProxyKind::Socks5, scripted(|listener| async move { drop(accept(&listener).await) }).await, Some(""));
    let text = through(&nobody, LIMIT).await.unwrap_err().to_string();
    assert!(text.contains("takes names and passwords of 1 to 255 octets only"), "{text}");
    assert!(lost.to_string().starts_with("the name of the proxy, p, could not be resolved (no such name)"));
}

#[test]
fn addresses_are_bracketed_and_time_is_that_of_windows() {
    assert_eq!(authority("2001:db8::1", 443), "[2001:db8::1]:443");
    assert_eq!(authority("vpn.example", 443), "vpn.example:443");
    // 2020-01-01 and 2100-01-01 as FILETIME
    assert!((132_223_104_000_000_000..157_469_184_000_000_000).contains(&filetime()));
    let me = proxy(ProxyKind::Http, 1, Some("hunter2"));
    assert!(!format!("{me:?}").contains("hunter2"));
}
