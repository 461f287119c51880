//! The socket under TLS, and a look at the first octets that come out of it: which version and cipher were agreed on is
//! there to be read, and nowhere else.

use std::io;
use std::mem::offset_of;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use nix::sys::socket::{getsockopt, sockopt};
use nix::{getsockopt_impl, libc, sockopt_impl};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::wire::tls::{MAX_SERVER_HELLO, ServerHello};

/// The place of the round-trip time among the numbers of `TCP_INFO`.
const ROUND_TRIP: usize = offset_of!(libc::tcp_info, tcpi_rtt) / size_of::<u32>();

sockopt_impl!(
    /// What TCP knows of a connection (tcp(7), `TCP_INFO`), up to the round-trip time. What is behind it grows from kernel
    /// to kernel, and an older one than that of our headers would give less than was asked for, which the wrapper takes for
    /// a fault and panics.
    TcpInfo,
    GetOnly,
    libc::IPPROTO_TCP,
    libc::TCP_INFO,
    [u32; ROUND_TRIP + 1]
);

/// A TCP connection that keeps its first octets.
#[derive(Debug)]
pub struct Tap {
    socket: TcpStream,
    first: First,
    /// How many more octets are to be kept.
    wanted: usize,
}

/// The first octets of a connection; they are still there when a handshake has failed and the connection is gone.
#[derive(Clone, Debug, Default)]
pub(super) struct First(Arc<Mutex<Vec<u8>>>);

impl First {
    pub(super) fn octets(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tap {
    pub(super) fn new(socket: TcpStream) -> Self {
        Tap { socket, first: First::default(), wanted: MAX_SERVER_HELLO }
    }

    /// What comes first, now and later.
    pub(super) fn first(&self) -> First {
        self.first.clone()
    }

    /// What the server chose; the octets are not kept any longer.
    pub(super) fn server_hello(&mut self) -> Option<ServerHello> {
        self.wanted = 0;
        ServerHello::find(&std::mem::take(&mut *self.first.octets()))
    }

    /// Our own address.
    pub(super) fn local_address(&self) -> Option<IpAddr> {
        self.socket.local_addr().ok().map(|local| local.ip())
    }

    /// The round-trip time as TCP has smoothed it; `None` where it does not know.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        let info = getsockopt(&self.socket, TcpInfo).ok()?;
        Some(Duration::from_micros(info[ROUND_TRIP].into())).filter(|time| !time.is_zero())
    }

    /// Octets of a segment on the way to the server; `None` where TCP does not say.
    pub(super) fn segment(&self) -> Option<u32> {
        getsockopt(&self.socket, sockopt::TcpMaxSeg).ok()
    }
}

/// For the socket's options.
impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsyncRead for Tap {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, buffer))?;
        if self.wanted > 0 {
            let read = &buffer.filled()[before..];
            let kept = &read[..read.len().min(self.wanted)];
            self.wanted -= kept.len();
            self.first.octets().extend_from_slice(kept);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tap {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
