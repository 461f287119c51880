//! The loop between a stream and an interface that are made of memory, against the test server.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Waker, ready};

use sstp_test_server::config::{Closed, User};
use sstp_test_server::{Event as ServerEvent, Server};
use tokio::io::ReadBuf;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use super::*;
use crate::session::{Config, EapConfig, Methods, Patience};
use crate::wire::sstp::ControlMessage;

const CERTIFICATE: &[u8] = b"any octets do for the crypto binding";
pub(crate) const PASSWORD: &str = "open sesame";
const MTU: u16 = 1400;

// ---------------------------------------------------------------------------------------------------- memory streams

/// One direction of a stream.
struct Channel {
    octets: VecDeque<u8>,
    capacity: usize,
    closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Everything that was ever written, write by write.
    writes: Vec<Vec<u8>>,
    log: bool,
}

/// How many octets one call may move: each call takes the next number, round and round.
#[derive(Clone)]
struct Pieces(Vec<usize>, usize);

impl Pieces {
    fn of(sizes: &[usize]) -> Pieces {
        Pieces(sizes.to_vec(), 0)
    }

    fn next(&mut self) -> usize {
        self.1 += 1;
        self.0[self.1 % self.0.len()]
    }
}

/// One end of a stream.
struct End {
    incoming: Arc<Mutex<Channel>>,
    outgoing: Arc<Mutex<Channel>>,
    reads: Pieces,
    writes: Pieces,
}

const WHOLE: &[usize] = &[usize::MAX];

fn stream(capacity: usize, pieces: &[usize]) -> (End, End) {
    let channel = || {
        Arc::new(Mutex::new(Channel {
            octets: VecDeque::with_capacity(capacity),
            capacity,
            closed: false,
            reader: None,
            writer: None,
            writes: Vec::new(),
            log: true,
        }))
    };
    let (up, down) = (channel(), channel());
    let client = End {
        incoming: down.clone(),
        outgoing: up.clone(),
        reads: Pieces::of(pieces),
        writes: Pieces(pieces.to_vec(), 1),
    };
    (client, End { incoming: up, outgoing: down, reads: Pieces::of(WHOLE), writes: Pieces::of(WHOLE) })
}

impl AsyncRead for End {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let limit = self.reads.next().min(buffer.remaining());
        let mut channel = self.incoming.lock().unwrap();
        if channel.octets.is_empty() && !channel.closed {
            channel.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let length = limit.min(channel.octets.len());
        let (first, second) = channel.octets.as_slices();
        let split = length.min(first.len());
        buffer.put_slice(&first[..split]);
        buffer.put_slice(&second[..length - split]);
        channel.octets.drain(..length);
        if let Some(writer) = channel.writer.take() {
            writer.wake();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for End {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        // TLS takes no more than a record at a time.
        let limit = self.writes.next().min(octets.len()).min(16_384);
        let mut channel = self.outgoing.lock().unwrap();
        if channel.closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let length = limit.min(channel.capacity - channel.octets.len());
        if length == 0 {
            channel.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        channel.octets.extend(&octets[..length]);
        if channel.log {
            channel.writes.push(octets[..length].to_vec());
        }
        if let Some(reader) = channel.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(length))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        close(&self.outgoing);
        Poll::Ready(Ok(()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        close(&self.incoming);
        close(&self.outgoing);
    }
}

fn close(channel: &Mutex<Channel>) {
    let mut channel = channel.lock().unwrap();
    channel.closed = true;
    for waker in [channel.reader.take(), channel.writer.take()].into_iter().flatten() {
        waker.wake();
    }
}

// -------------------------------------------------------------------------------------------------- memory interface

/// The kernel's side of an interface.
#[derive(Default)]
struct Kernel {
    to_send: VecDeque<Vec<u8>>,
    received: Vec<Vec<u8>>,
    /// Received datagrams are counted only.
    count_only: bool,
    count: usize,
    waker: Option<Waker>,
    reads: usize,
    mtu: u16,
    gone: bool,
    dropped: bool,
}

#[derive(Clone, Default)]
struct Interface(Arc<Mutex<Kernel>>);

struct FakeDevice(Interface);

impl Interface {
    fn send(&self, datagrams: impl IntoIterator<Item = Vec<u8>>) {
        let mut kernel = self.0.lock().unwrap();
        kernel.to_send.extend(datagrams);
        if let Some(waker) = kernel.waker.take() {
            waker.wake();
        }
    }

    fn received(&self) -> usize {
        let kernel = self.0.lock().unwrap();
        kernel.count + kernel.received.len()
    }
}

impl Device for FakeDevice {
    fn name(&self) -> &str {
        "sstp7"
    }

    async fn set_mtu(&mut self, mtu: u16) -> Result<(), tun::Error> {
        self.0.0.lock().unwrap().mtu = mtu;
        Ok(())
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, datagram: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut kernel = self.0.0.lock().unwrap();
        kernel.reads += 1;
        if kernel.gone {
            return Poll::Ready(Err(io::ErrorKind::NotFound.into()));
        }
        let Some(next) = kernel.to_send.pop_front() else {
            kernel.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        let length = next.len().min(datagram.len());
        datagram[..length].copy_from_slice(&next[..length]);
        Poll::Ready(Ok(length))
    }

    fn write(&mut self, datagram: &[u8]) -> io::Result<bool> {
        let mut kernel = self.0.0.lock().unwrap();
        if kernel.count_only {
            kernel.count += 1;
        } else {
            kernel.received.push(datagram.to_vec());
        }
        Ok(true)
    }
}

impl Drop for FakeDevice {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().dropped = true;
    }
}

// ------------------------------------------------------------------------------------------------------------- tunnel

fn config(password: &str) -> Config {
    Config {
        uri: crate::wire::http::URI.to_owned(),
        host: "vpn.example".to_owned(),
        correlation_id: None,
        user_name: "user".to_owned(),
        password: Zeroizing::new(password.to_owned()),
        anonymous_identity: None,
        eap: EapConfig::default(),
        answers: Vec::new(),
        may_ask: false,
        http_cookie: None,
        server_verified: true,
        methods: Methods { pap: false, chap_md5: false, mschapv2: true, eap: false },
        mru: MTU,
        mtu: Some(MTU),
        ipv4: true,
        ipv4_address: Ipv4Addr::UNSPECIFIED,
        ipv6: false,
        lcp_echo_interval: None,
        lcp_echo_failure: 0,
        // a machine that has no time for the test is not to put an Echo-Request among the octets that are compared
        patience: Patience { idle: Duration::from_secs(600), answer: None },
    }
}

fn server() -> Server {
    server_that(&[])
}

fn server_that(behaviours: &[&str]) -> Server {
    server_with(CERTIFICATE, behaviours)
}

pub(crate) fn server_with(certificate: &[u8], behaviours: &[&str]) -> Server {
    let config = sstp_test_server::Config {
        certificate: certificate.to_vec(),
        users: vec![User { name: "user".to_owned(), password: Zeroizing::new(PASSWORD.to_owned()), method: None }],
        behaviours: behaviours.iter().map(|name| name.parse().unwrap()).collect(),
        ..sstp_test_server::Config::default()
    };
    Server::new(config, Some(Ipv4Addr::new(10, 99, 0, 2)), [7; 32], now())
}

/// The session itself asks the network: that is no datagram of the test's.
fn is_inform(datagram: &[u8]) -> bool {
    datagram[9] == 17 && datagram.get(22..24) == Some(&[0, 67])
}

/// What a server does with the datagrams that it gets.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Answer {
    Echo,
    Nothing,
}

/// Runs a server over its end of the stream until either closes; how it ended, and the datagrams that came.
pub(crate) async fn serve(
    mut server: Server,
    mut end: impl AsyncRead + AsyncWrite + Unpin,
    answer: Answer,
) -> (Option<Closed>, Vec<Vec<u8>>) {
    let (mut datagrams, mut buffer, mut output, mut closed) = (Vec::new(), vec![0; 65_536], Vec::new(), None);
    while closed.is_none() {
        while server.poll_transmit(&mut output) {
            if end.write_all(&output).await.is_err() {
                server.handle_eof();
            }
        }
        while let Some(event) = server.poll_event() {
            if let ServerEvent::Closed(reason) = event {
                closed = Some(reason);
            }
        }
        if closed.is_some() {
            break;
        }
        let deadline = server.poll_timeout().unwrap_or(now() + Duration::from_secs(60));
        tokio::select! {
            read = tokio::io::AsyncReadExt::read(&mut end, &mut buffer) => match read {
                Ok(0) | Err(_) => server.handle_eof(),
                Ok(length) => {
                    let before = datagrams.len();
                    server.handle_input(now(), &buffer[..length], |datagram| {
                        if !is_inform(datagram) {
                            datagrams.push(datagram.to_vec());
                        }
                    });
                    if answer == Answer::Echo {
                        for datagram in &datagrams[before..] {
                            assert!(server.send_datagram(datagram));
                        }
                    }
                }
            },
            () = sleep_until(deadline.into()) => server.handle_timeout(now()),
        }
    }
    while server.poll_transmit(&mut output) {
        let _ = end.write_all(&output).await;
    }
    let _ = end.shutdown().await;
    (closed, datagrams)
}

struct Running {
    commands: Sender<Command>,
    interface: Interface,
    relay: JoinHandle<Result<(), Failure>>,
    up: mpsc::UnboundedReceiver<u16>,
    allocations: Arc<AtomicU64>,
}

fn start(client: End, password: &str) -> Running {
    start_with(client, password, |interface| Ok(FakeDevice(interface)))
}

fn start_with<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    password: &str,
    make: impl Fn(Interface) -> Result<FakeDevice, tun::Error> + Send + Sync + 'static,
) -> Running {
    let (commands, mut inbox) = mpsc::channel(4);
    let (announce, up) = mpsc::unbounded_channel();
    let session = Session::new(config(password), CERTIFICATE, [9; 32], now());
    let interface = Interface::default();
    let for_relay = interface.clone();
    let allocations = Arc::new(AtomicU64::new(0));
    let relay = async move {
        let open_device = |mtu| {
            for_relay.0.lock().unwrap().mtu = mtu;
            let device = make(for_relay.clone());
            async move { device }
        };
        let watch = Watch { round_trip: |_| None, recorder: None };
        run(session, stream, &mut inbox, watch, open_device, |progress| {
            if let Progress::Up { interface, parameters } = progress {
                assert_eq!(interface, "sstp7");
                let _ = announce.send(parameters.mtu);
            }
        })
        .await
    };
    let relay = tokio::spawn(Counted(Box::pin(relay), allocations.clone()));
    Running { commands, interface, relay, up, allocations }
}

impl Running {
    async fn until_up(&mut self) {
        let Some(mtu) = within(Duration::from_secs(20), self.up.recv()).await else {
            panic!("the session did not come up: {:?}", (&mut self.relay).await.unwrap());
        };
        assert_eq!((mtu, self.interface.0.lock().unwrap().mtu), (MTU, MTU));
    }

    async fn until_received(&self, count: usize) {
        within(Duration::from_secs(20), async {
            while self.interface.received() < count {
                time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }

    async fn disconnect(self) -> Result<(), Failure> {
        self.commands.send(Command::Disconnect).await.unwrap();
        within(Duration::from_secs(20), self.relay).await.unwrap()
    }
}

pub(crate) async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> T {
    timeout(limit, future).await.expect("it hangs")
}

/// Any moment.
pub(crate) fn moment() -> Instant {
    now()
}

/// IPv4 datagrams of lengths that a real mix has, each with its number in it.
fn datagrams(count: usize) -> Vec<Vec<u8>> {
    let lengths = [28, 40, 1400, 1400, 576, 29, 1399, 84, 1400];
    (0..count).map(|number| datagram(lengths[number % lengths.len()], number)).collect()
}

fn datagram(length: usize, number: usize) -> Vec<u8> {
    let mut datagram = vec![0; length];
    datagram[0] = 0x45;
    datagram[2..4].copy_from_slice(&(length as u16).to_be_bytes());
    datagram[9] = 17;
    datagram[20..28].copy_from_slice(&(number as u64).to_be_bytes());
    for (position, octet) in datagram.iter_mut().enumerate().skip(28) {
        *octet = (position * 31 + number) as u8;
    }
    datagram
}

/// The data packets of IPv4 in what a client sent, but for those in which it asks the network.
fn data_packets(stream: &[u8]) -> Vec<u8> {
    let mut at = stream.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    let mut packets = Vec::new();
    while let Some([0x10, control, high, low]) = stream.get(at..at + 4) {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let packet = &stream[at..stream.len().min(at + length)];
        if *control == 0 && packet[4..8] == [0xff, 0x03, 0x00, 0x21] && !is_inform(&packet[8..]) {
            packets.extend_from_slice(packet);
        }
        at += length;
    }
    packets
}

// --------------------------------------------------------------------------------------------------------- behaviour

/// Datagrams through the tunnel and back, over a stream that moves octets in these pieces and holds no more than
/// `capacity`: they are the same, in the same order, and the server gets the same octets whatever the pieces are.
async fn round_trip(capacity: usize, pieces: &[usize]) -> Vec<u8> {
    let (client, far) = stream(capacity, pieces);
    let sent_by_client = client.outgoing.clone();
    let mut tunnel = start(client, PASSWORD);
    let serving = tokio::spawn(serve(server(), far, Answer::Echo));
    tunnel.until_up().await;

    let all = datagrams(100);
    tunnel.interface.send(all.clone());
    tunnel.until_received(all.len()).await;
    let stream = data_packets(&sent_by_client.lock().unwrap().writes.concat());
    let interface = tunnel.interface.clone();
    tunnel.disconnect().await.unwrap();
    let (closed, arrived) = serving.await.unwrap();
    assert_eq!(closed, Some(Closed::ClientDisconnected));
    assert!(arrived == all, "the server got other datagrams");
    let kernel = interface.0.lock().unwrap();
    assert!(kernel.received == all, "the client got other datagrams back");
    assert!(kernel.dropped, "the interface outlived the session");
    stream
}

#[tokio::test]
async fn no_splitting_of_the_stream_changes_anything() {
    let expected = round_trip(1 << 20, WHOLE).await;
    for (capacity, pieces) in [
        (1 << 20, &[1][..]),
        (1 << 20, &[2, 3, 5, 7, 11]),
        (1 << 20, &[1408]),
        (1 << 20, &[1407, 1, 1409, 3]),
        (1 << 20, &[16_384, 100]),
        (1 << 20, &[4095, 4, 4, 8]),
        (20_000, WHOLE),
        (1000, WHOLE),
        (17, &[9, 30]),
        (1, &[1]),
    ] {
        let stream = round_trip(capacity, pieces).await;
        assert!(stream == expected, "capacity {capacity}, pieces {pieces:?}: other octets were sent");
    }
}

#[tokio::test]
async fn no_batching_changes_anything() {
    let all = datagrams(60);
    let mut streams = Vec::new();
    for pause in [false, true] {
        let (client, far) = stream(1 << 20, WHOLE);
        let sent_by_client = client.outgoing.clone();
        let mut tunnel = start(client, PASSWORD);
        tokio::spawn(serve(server(), far, Answer::Echo));
        tunnel.until_up().await;
        let before = sent_by_client.lock().unwrap().writes.len();
        if pause {
            for (count, datagram) in all.iter().enumerate() {
                tunnel.interface.send([datagram.clone()]);
                tunnel.until_received(count + 1).await;
            }
        } else {
            tunnel.interface.send(all.clone());
            tunnel.until_received(all.len()).await;
        }
        let writes = sent_by_client.lock().unwrap().writes.split_off(before);
        if pause {
            assert_eq!(writes.len(), all.len(), "a datagram on its own is sent at once");
        } else {
            assert!(writes.len() < all.len() / 5, "{} writes for {} datagrams", writes.len(), all.len());
        }
        streams.push(writes.concat());
    }
    assert!(streams[0] == streams[1], "a batch is not the same octets as its datagrams one by one");
}

#[tokio::test]
async fn a_batch_fills_one_record_and_never_two() {
    let (client, far) = stream(1 << 20, WHOLE);
    let sent_by_client = client.outgoing.clone();
    let mut tunnel = start(client, PASSWORD);
    tokio::spawn(serve(server(), far, Answer::Echo));
    tunnel.until_up().await;
    let before = sent_by_client.lock().unwrap().writes.len();
    tunnel.interface.send((0..110).map(|number| datagram(1400, number)));
    tunnel.until_received(110).await;
    let lengths: Vec<usize> = sent_by_client.lock().unwrap().writes[before..].iter().map(Vec::len).collect();
    assert_eq!(lengths, [11 * 1408; 10]);
}

#[tokio::test]
async fn while_tls_takes_nothing_the_interface_is_not_read() {
    let (client, far) = stream(4096, WHOLE);
    let channel = client.outgoing.clone();
    let mut tunnel = start(client, PASSWORD);
    let serving = tokio::spawn(serve(server(), far, Answer::Nothing));
    tunnel.until_up().await;
    channel.lock().unwrap().capacity = 0;
    tunnel.interface.send([datagram(1400, 0)]);
    time::sleep(Duration::from_millis(50)).await;
    // The record has room for ten more, but that is no reason to take them out of the interface's queue.
    let reads = tunnel.interface.0.lock().unwrap().reads;
    tunnel.interface.send((1..100).map(|number| datagram(1400, number)));
    time::sleep(Duration::from_millis(50)).await;
    let left = |tunnel: &Running| tunnel.interface.0.lock().unwrap().to_send.len();
    assert_eq!((left(&tunnel), tunnel.interface.0.lock().unwrap().reads), (99, reads));

    let waiting = {
        let mut channel = channel.lock().unwrap();
        channel.capacity = 1 << 20;
        channel.writer.take().expect("nobody waits for TLS")
    };
    waiting.wake();
    within(Duration::from_secs(5), async {
        while left(&tunnel) > 0 {
            time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    tunnel.disconnect().await.unwrap();
    let (_, arrived) = serving.await.unwrap();
    assert!(arrived == (0..100).map(|number| datagram(1400, number)).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_datagram_that_may_not_be_sent_is_left_out() {
    let (client, far) = stream(1 << 20, WHOLE);
    let mut tunnel = start(client, PASSWORD);
    let serving = tokio::spawn(serve(server(), far, Answer::Echo));
    tunnel.until_up().await;
    let mut ipv6 = vec![0; 60];
    ipv6[0] = 0x60;
    let neither = vec![0x10; 60];
    let too_long = datagram(1401, 1);
    tunnel.interface.send([datagram(100, 0), ipv6, neither, too_long, Vec::new(), datagram(100, 2)]);
    tunnel.until_received(2).await;
    tunnel.disconnect().await.unwrap();
    let (_, arrived) = serving.await.unwrap();
    assert!(arrived == [datagram(100, 0), datagram(100, 2)]);
}

#[tokio::test]
async fn a_wrong_password_is_a_failure_of_authentication() {
    let (client, far) = stream(1 << 20, WHOLE);
    let tunnel = start(client, "wrong");
    let serving = tokio::spawn(serve(server(), far, Answer::Nothing));
    let failure = within(Duration::from_secs(20), tunnel.relay).await.unwrap().unwrap_err();
    assert_eq!(failure.kind(), super::super::FailureKind::Authentication, "{failure}");
    assert!(!tunnel.interface.0.lock().unwrap().dropped, "there was an interface");
    drop(tunnel.commands);
    serving.await.unwrap();
}

#[tokio::test]
async fn the_end_of_the_stream_ends_the_session_in_every_phase() {
    for phase in ["http", "connect", "lcp", "auth", "ncp", "up"] {
        let (client, far) = stream(1 << 20, WHOLE);
        let tunnel = start(client, PASSWORD);
        tokio::spawn(serve(server_that(&[&format!("close-in-{phase}")]), far, Answer::Nothing));
        let result = within(Duration::from_secs(20), tunnel.relay).await.unwrap();
        assert!(matches!(result, Err(Failure::Session(_))), "{phase}: {result:?}");
    }
}

/// A stream whose socket TCP has given up, as soon as it has nothing more to read.
struct GivenUp(End);

impl AsyncRead for GivenUp {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.0).poll_read(cx, buffer))?;
        let is_end = buffer.filled().len() == before;
        Poll::Ready(if is_end { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) })
    }
}

impl AsyncWrite for GivenUp {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn what_tcp_gives_up_has_not_answered() {
    let (client, end) = stream(1 << 20, WHOLE);
    let serving = tokio::spawn(serve(server(), end, Answer::Nothing));
    let mut running = start_with(GivenUp(client), PASSWORD, |interface| Ok(FakeDevice(interface)));
    running.until_up().await;
    serving.abort();
    let ended = within(Duration::from_secs(20), running.relay).await.unwrap();
    assert!(matches!(ended, Err(Failure::Session(crate::session::Error::Silent(_)))), "{ended:?}");
}

#[tokio::test]
async fn without_anybody_to_command_it_the_tunnel_ends() {
    let (client, far) = stream(1 << 20, WHOLE);
    let mut tunnel = start(client, PASSWORD);
    let serving = tokio::spawn(serve(server(), far, Answer::Nothing));
    tunnel.until_up().await;
    drop(tunnel.commands);
    within(Duration::from_secs(5), tunnel.relay).await.unwrap().unwrap();
    assert_eq!(serving.await.unwrap().0, Some(Closed::ClientDisconnected));
}

#[tokio::test]
async fn a_server_that_is_gone_does_not_hold_up_the_end() {
    let (client, far) = stream(1 << 20, WHOLE);
    let channel = client.outgoing.clone();
    let mut tunnel = start(client, PASSWORD);
    let serving = tokio::spawn(serve(server(), far, Answer::Nothing));
    tunnel.until_up().await;
    // Nothing is read any more, and the connection stays: a path that has become a blackhole.
    channel.lock().unwrap().capacity = 0;
    let begin = Instant::from(time::Instant::now());
    let interface = tunnel.interface.clone();
    tunnel.disconnect().await.unwrap();
    let took = now() - begin;
    assert!(took < CLOSE_LIMIT + FLUSH_LIMIT + Duration::from_secs(1), "{took:?}");
    assert!(interface.0.lock().unwrap().dropped);
    serving.abort();
}

#[tokio::test]
async fn a_server_that_is_doubted_is_asked_at_once() {
    let (client, mut far) = stream(1 << 20, WHOLE);
    let mut tunnel = start(client, PASSWORD);
    // too early: there is nobody yet to ask
    tunnel.commands.send(Command::Doubt).await.unwrap();
    tokio::select! {
        ended = serve(server(), &mut far, Answer::Nothing) => panic!("the session has ended: {:?}", ended.0),
        () = tunnel.until_up() => {}
    }
    tunnel.commands.send(Command::Doubt).await.unwrap();
    let (mut echo, mut sent) = (Vec::new(), Vec::new());
    ControlMessage::EchoRequest.emit(&mut echo);
    within(Duration::from_secs(5), async {
        while !sent.ends_with(&echo) {
            tokio::io::AsyncReadExt::read_buf(&mut far, &mut sent).await.unwrap();
        }
    })
    .await;
    assert!(!tunnel.relay.is_finished());
}

#[tokio::test]
async fn an_interface_that_cannot_be_made_ends_the_session_in_order() {
    let (client, far) = stream(1 << 20, WHOLE);
    let tunnel = start_with(client, PASSWORD, |_| {
        Err(tun::Error::Configure { name: "sstp7".to_owned(), reason: "no".to_owned() })
    });
    let serving = tokio::spawn(serve(server(), far, Answer::Nothing));
    let failure = within(Duration::from_secs(5), tunnel.relay).await.unwrap().unwrap_err();
    assert!(matches!(failure, Failure::Device(_)), "{failure}");
    assert_eq!(serving.await.unwrap().0, Some(Closed::ClientDisconnected));
    drop(tunnel.commands);
}

#[tokio::test]
async fn an_interface_that_vanishes_ends_the_session_in_order() {
    let (client, far) = stream(1 << 20, WHOLE);
    let mut tunnel = start(client, PASSWORD);
    let serving = tokio::spawn(serve(server(), far, Answer::Nothing));
    tunnel.until_up().await;
    tunnel.interface.0.lock().unwrap().gone = true;
    tunnel.interface.send([]);
    let failure = within(Duration::from_secs(5), tunnel.relay).await.unwrap().unwrap_err();
    assert!(matches!(&failure, Failure::DeviceGone { interface, .. } if interface == "sstp7"), "{failure}");
    assert_eq!(serving.await.unwrap().0, Some(Closed::ClientDisconnected));
}

// ---------------------------------------------------------------------------------------------------------- fairness

/// Datagrams that [`Flood`] makes of one read.
const BURST: usize = 11;

/// A stream that has so many bursts of datagrams to read, whenever it is asked.
struct Flood {
    end: End,
    bursts: Arc<Mutex<usize>>,
    packet: Vec<u8>,
}

fn flood_packet() -> Vec<u8> {
    [&[0x10, 0x00, 0x05, 0x80, 0xff, 0x03, 0x00, 0x21][..], &datagram(1400, 0)].concat()
}

impl AsyncRead for Flood {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // What the server has to say comes first.
        let read = Pin::new(&mut self.end).poll_read(cx, buffer);
        let mut bursts = self.bursts.lock().unwrap();
        if read.is_pending() && *bursts > 0 {
            *bursts -= 1;
            for _ in 0..BURST {
                buffer.put_slice(&self.packet);
            }
            return Poll::Ready(Ok(()));
        }
        read
    }
}

impl AsyncWrite for Flood {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.end).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.end).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.end).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn a_saturated_download_starves_nobody() {
    let (client, far) = stream(1 << 20, WHOLE);
    let bursts = Arc::new(Mutex::new(0));
    let flood = Flood { end: client, bursts: bursts.clone(), packet: flood_packet() };
    let mut tunnel = start_with(flood, PASSWORD, |interface| Ok(FakeDevice(interface)));
    let serving = tokio::spawn(serve(server(), far, Answer::Nothing));
    tunnel.until_up().await;
    tunnel.interface.0.lock().unwrap().count_only = true;
    *bursts.lock().unwrap() = usize::MAX;

    // Upload goes on.
    tunnel.interface.send((0..1000).map(|number| datagram(1400, number)));
    within(Duration::from_secs(5), async {
        while !tunnel.interface.0.lock().unwrap().to_send.is_empty() {
            time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    assert!(tunnel.interface.received() > 0, "there was no flood");
    // And a command is heard.
    tunnel.disconnect().await.unwrap();
    let (closed, arrived) = serving.await.unwrap();
    assert_eq!((closed, arrived.len()), (Some(Closed::ClientDisconnected), 1000));
}

// -------------------------------------------------------------------------------------------------------- allocation

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, and a count of what this thread asked of it.
struct Counting;

// SAFETY: everything is left to the system's allocator; counting touches a thread-local integer without a destructor,
// which neither allocates nor can be gone.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A future, and how often its thread asked for memory while it was polled.
struct Counted<F>(Pin<Box<F>>, Arc<AtomicU64>);

impl<F: Future> Future for Counted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let before = ALLOCATIONS.get();
        let result = self.0.as_mut().poll(cx);
        self.1.fetch_add(ALLOCATIONS.get() - before, Ordering::Relaxed);
        result
    }
}

#[tokio::test]
async fn nothing_is_allocated_per_packet() {
    const BURSTS: usize = 1000;
    let (client, far) = stream(1 << 20, WHOLE);
    client.outgoing.lock().unwrap().log = false;
    let bursts = Arc::new(Mutex::new(0));
    let flood = Flood { end: client, bursts: bursts.clone(), packet: flood_packet() };
    let mut tunnel = start_with(flood, PASSWORD, |interface| Ok(FakeDevice(interface)));
    let serving = tokio::spawn(serve(server(), far, Answer::Nothing));
    tunnel.until_up().await;
    tunnel.interface.0.lock().unwrap().count_only = true;
    // The first turns may still find something that is not there yet, in the runtime too.
    tunnel.interface.send(datagrams(BURSTS));
    *bursts.lock().unwrap() = BURSTS;
    tunnel.interface.send([]);
    tunnel.until_received(BURST * BURSTS).await;
    time::sleep(Duration::from_millis(50)).await;

    let before = tunnel.allocations.load(Ordering::Relaxed);
    assert!(before > 0, "the counter does not count");
    tunnel.interface.send(datagrams(BURSTS));
    *bursts.lock().unwrap() = BURSTS;
    tunnel.interface.send([]);
    tunnel.until_received(BURST * BURSTS * 2).await;
    assert_eq!(tunnel.allocations.load(Ordering::Relaxed) - before, 0);
    tunnel.disconnect().await.unwrap();
    assert_eq!(serving.await.unwrap().1.len(), BURSTS * 2);
}
