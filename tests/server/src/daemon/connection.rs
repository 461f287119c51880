//! One client: its TCP connection, TLS, and the loop that moves octets between them and the [`Server`].

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use socket2::SockRef;
use sstp_test_server::behaviour::{BreakOff, Phase};
use sstp_test_server::{Behaviour, Closed, Event, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, WriteHalf};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, sleep_until, timeout};

use super::seed;
use super::switch::{Peer, Switch};
use super::tls::Stream;

/// How long the TLS handshake may take.
const TLS_TIMER: Duration = Duration::from_secs(60);
/// How long the end of TLS may take.
const SHUTDOWN_TIMER: Duration = Duration::from_secs(1);
/// Octets that may wait in the kernel, not sent yet. What waits there waits behind everything else.
const NOT_SENT_LOW_WATER: u32 = 128 * 1024;
/// Read from TLS at once, at most.
const READ_LEN: usize = 64 * 1024;

/// The longest RADIUS packet (RFC 2865 3).
const RADIUS_LEN: usize = 4096;

/// Serves a client from the accepted TCP connection to its end.
pub async fn serve(switch: Rc<Switch>, stream: TcpStream, client: SocketAddr) {
    let log = |text: &str| eprintln!("{client}: {text}");
    log("connected");
    let tls = match set_up(&switch, stream).await {
        Ok(Some(tls)) => tls,
        Ok(None) => return log("closed: broken off as told"),
        Err(reason) => return log(&format!("closed: {reason}")),
    };
    log(&tls.description());
    let entropy = match seed() {
        Ok(entropy) => entropy,
        Err(error) => return log(&format!("closed: no entropy: {error}")),
    };
    let radius = match radius_socket(switch.radius).await {
        Ok(radius) => radius,
        Err(error) => return log(&format!("closed: no socket for RADIUS: {error}")),
    };
    let config = switch.config.clone();
    let (peer, address) = switch.join(|address| Server::new(config, address, entropy, now()));
    let connection = Connection { switch: &switch, peer: &peer, client, radius };
    if let Err(error) = connection.run(tls).await {
        log(&format!("the connection broke: {error}"));
    }
    switch.leave(&peer, address);
}

/// Sets up TLS; `None`: the server was told to break off before.
async fn set_up(switch: &Switch, mut stream: TcpStream) -> Result<Option<Stream>, String> {
    let behaves = |how| switch.config.behaviours.contains(&Behaviour::In(how, Phase::Tls));
    if behaves(BreakOff::Silent) {
        while stream.read(&mut [0; 1024]).await.is_ok_and(|length| length > 0) {}
        return Ok(None);
    }
    if behaves(BreakOff::Close) {
        return Ok(None);
    }
    tune(&stream).map_err(|error| format!("the socket cannot be set up: {error}"))?;
    match timeout(TLS_TIMER, switch.acceptor.accept(stream)).await {
        Ok(Ok(tls)) => Ok(Some(tls)),
        Ok(Err(error)) => Err(format!("TLS failed: {error}")),
        Err(_) => Err("TLS was not set up in time".to_owned()),
    }
}

fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_tcp_notsent_lowat(NOT_SENT_LOW_WATER)
}

/// A socket for one connection alone, so that the identifiers of its requests are its own (RFC 2865 3).
async fn radius_socket(server: Option<SocketAddr>) -> io::Result<Option<UdpSocket>> {
    let Some(server) = server else { return Ok(None) };
    let any = if server.is_ipv4() { IpAddr::from([0; 4]) } else { IpAddr::from([0; 16]) };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    Ok(Some(socket))
}

struct Connection<'a> {
    switch: &'a Rc<Switch>,
    peer: &'a Rc<Peer>,
    client: SocketAddr,
    radius: Option<UdpSocket>,
}

impl Connection<'_> {
    /// Moves octets until the server says that it is over, and everything before that is written.
    async fn run(&self, tls: Stream) -> io::Result<()> {
        let (mut reader, mut writer) = tokio::io::split(tls);
        let mut received = vec![0; READ_LEN].into_boxed_slice();
        let (mut write, mut written) = (Vec::new(), 0);
        let mut reply = vec![0; RADIUS_LEN].into_boxed_slice();
        let mut closed = None;
        loop {
            self.ask_radius().await;
            closed = self.handle_events().or(closed);
            if written == write.len() {
                written = 0;
                let more = self.peer.server.borrow_mut().poll_transmit(&mut write);
                self.peer.made_room();
                match &closed {
                    Some(Closed::ClientGone) => return Ok(()),
                    Some(closed) if !more => return end(closed, writer).await,
                    _ => {}
                }
            }
            let timer = self.peer.server.borrow().poll_timeout();
            tokio::select! {
                result = writer.write(&write[written..]), if written < write.len() => written += result?,
                result = reader.read(&mut received), if closed.is_none() => match result {
                    Ok(length @ 1..) => self.handle_input(&received[..length]),
                    Ok(0) | Err(_) => self.peer.server.borrow_mut().handle_eof(),
                },
                result = self.radius_reply(&mut reply), if closed.is_none() && self.radius.is_some() => match result {
                    Ok(length) => self.peer.server.borrow_mut().handle_radius(now(), &reply[..length]),
                    // nobody listens there; the server asks again, then gives up
                    Err(error) => eprintln!("{}: RADIUS: {error}", self.client),
                },
                () = self.peer.wake.notified() => {
                    if self.peer.stopping.take() {
                        self.peer.server.borrow_mut().close(now());
                    }
                }
                () = sleep_until(timer.map_or_else(Instant::now, Instant::from_std)), if timer.is_some() => {
                    self.peer.server.borrow_mut().handle_timeout(now());
                }
            }
        }
    }

    /// Sends what the server wants to ask RADIUS. What cannot be sent counts as lost.
    async fn ask_radius(&self) {
        let Some(radius) = &self.radius else { return };
        loop {
            let Some(request) = self.peer.server.borrow_mut().poll_radius() else { return };
            if let Err(error) = radius.send(&request).await {
                eprintln!("{}: RADIUS: {error}", self.client);
            }
        }
    }

    async fn radius_reply(&self, reply: &mut [u8]) -> io::Result<usize> {
        match &self.radius {
            Some(radius) => radius.recv(reply).await,
            None => std::future::pending().await,
        }
    }

    fn handle_input(&self, received: &[u8]) {
        let mut server = self.peer.server.borrow_mut();
        server.handle_input(now(), received, |datagram| self.switch.deliver(self.peer, datagram));
    }

    /// Logs what happened and keeps the table of addresses; returns the end of the connection.
    fn handle_events(&self) -> Option<Closed> {
        loop {
            let event = self.peer.server.borrow_mut().poll_event()?;
            eprintln!("{}: {event}", self.client);
            match event {
                Event::Up { address } => self.switch.route(IpAddr::V4(address), self.peer),
                Event::Up6 { address } => self.switch.route(IpAddr::V6(address), self.peer),
                Event::Closed(closed) => return Some(closed),
                Event::Note(_) | Event::Authenticated { .. } | Event::AuthenticationFailed { .. } => {}
            }
        }
    }
}

/// Closes the connection: in the way of TLS, but for a server that was told to vanish.
async fn end(closed: &Closed, mut writer: WriteHalf<Stream>) -> io::Result<()> {
    if *closed == Closed::BrokenOff {
        return Ok(());
    }
    timeout(SHUTDOWN_TIMER, writer.shutdown()).await.unwrap_or(Ok(()))
}

/// The clock that tokio's timers go by.
fn now() -> std::time::Instant {
    Instant::now().into_std()
}
