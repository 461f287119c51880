//! The server's side of TLS, on tokio.
//!
//! Made of OpenSSL itself: the acceptor of native-tls never speaks TLS 1.3, whatever it is told, and a server of today
//! does.

use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::pin::Pin;
use std::str::FromStr;
use std::task::{Context, Poll, ready};

use openssl::error::ErrorStack;
use openssl::ssl::{Error, ErrorCode, Ssl, SslAcceptor, SslFiletype, SslMethod, SslStream, SslVersion};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Read from TCP at once: OpenSSL itself reads every record with two small reads.
const READ_AHEAD: usize = 64 * 1024;

/// The greatest version of TLS that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl FromStr for Version {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "1.2" => Ok(Version::Tls12),
            "1.3" => Ok(Version::Tls13),
            _ => Err(format!("'{name}' is neither 1.2 nor 1.3")),
        }
    }
}

/// What makes TLS of TCP connections.
pub struct Acceptor(SslAcceptor);

impl Acceptor {
    /// An acceptor with a certificate chain and its private key, both PEM; and the server's own certificate as DER.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub fn new(chain: &Path, key: &Path, greatest: Version) -> Result<(Self, Vec<u8>), String> {
        let said = |error: ErrorStack| format!("TLS: {error}");
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).map_err(said)?;
        let greatest = match greatest {
            Version::Tls12 => SslVersion::TLS1_2,
            Version::Tls13 => SslVersion::TLS1_3,
        };
        acceptor.set_max_proto_version(Some(greatest)).map_err(said)?;
        let unusable = |path: &Path, error: ErrorStack| format!("{}: {error}", path.display());
        acceptor.set_certificate_chain_file(chain).map_err(|error| unusable(chain, error))?;
        acceptor.set_private_key_file(key, SslFiletype::PEM).map_err(|error| unusable(key, error))?;
        acceptor.check_private_key().map_err(|error| unusable(key, error))?;
        let acceptor = acceptor.build();
        let leaf =
            acceptor.context().certificate().map(|certificate| certificate.to_der()).transpose().map_err(said)?;
        let leaf = leaf.ok_or_else(|| format!("{}: there is no certificate in it", chain.display()))?;
        Ok((Acceptor(acceptor), leaf))
    }

    /// Does the handshake.
    ///
    /// # Errors
    /// The client did not agree, or is gone.
    pub async fn accept(&self, socket: TcpStream) -> io::Result<Stream> {
        let socket = BufReader::with_capacity(READ_AHEAD, Socket(socket));
        let mut stream = Stream(SslStream::new(Ssl::new(self.0.context())?, Buffered(socket))?);
        std::future::poll_fn(|cx| stream.poll(cx, SslStream::accept)).await?;
        Ok(stream)
    }
}

/// A TCP connection as OpenSSL wants it: what cannot be done at once is [`io::ErrorKind::WouldBlock`].
#[derive(Debug)]
struct Socket(TcpStream);

impl Read for Socket {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(octets)
    }
}

/// The same, with its input buffered.
#[derive(Debug)]
struct Buffered(BufReader<Socket>);

impl Buffered {
    fn tcp(&self) -> &TcpStream {
        &self.0.get_ref().0
    }
}

impl Read for Buffered {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        self.0.read(octets)
    }
}

impl Write for Buffered {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.tcp().try_write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Octets to and from a client, inside TLS.
pub struct Stream(SslStream<Buffered>);

impl Stream {
    /// Version and cipher, for the log.
    pub fn description(&self) -> String {
        let ssl = self.0.ssl();
        format!("{} {}", ssl.version_str(), ssl.current_cipher().map_or("without a cipher", |cipher| cipher.name()))
    }

    /// Does a step of OpenSSL, again and again until the socket lets it be done.
    fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut step: impl FnMut(&mut SslStream<Buffered>) -> Result<T, Error>,
    ) -> Poll<io::Result<T>> {
        loop {
            let error = match step(&mut self.0) {
                Ok(done) => return Poll::Ready(Ok(done)),
                Err(error) => error,
            };
            match error.code() {
                ErrorCode::WANT_READ => ready!(self.0.get_ref().tcp().poll_read_ready(cx))?,
                ErrorCode::WANT_WRITE => ready!(self.0.get_ref().tcp().poll_write_ready(cx))?,
                _ => return Poll::Ready(Err(error.into_io_error().unwrap_or_else(io::Error::other))),
            }
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let octets = buffer.initialize_unfilled();
        let read = ready!(self.poll(cx, |stream| match stream.ssl_read(octets) {
            Err(error) if error.code() == ErrorCode::ZERO_RETURN => Ok(0),
            // gone without the end of TLS
            Err(error) if error.code() == ErrorCode::SYSCALL && error.io_error().is_none() => Ok(0),
            other => other,
        }))?;
        buffer.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        self.poll(cx, |stream| stream.ssl_write(octets))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Ours is sent; the client's is not waited for.
        self.poll(cx, SslStream::shutdown).map_ok(|_| ())
    }
}
