//! The loop that carries octets between the TLS stream, the session and the interface.
//!
//! One task; on the way of a packet there is no lock, no channel and no allocation. A *turn* gives every side its share, in this
//! order: a command, what TLS has for us, what we have for TLS, the clock. It is bounded on every side, so neither a
//! saturated download nor a saturated upload starves the other or a command; a turn in which nothing moved sleeps until
//! something can.
//!
//! Outbound, datagrams are read from the interface straight into [`TxBuf`], behind the control packets, as many as
//! there are and as fit one TLS record, and written at once: nothing ever waits for a record to fill, yet under load
//! each write carries a full one. While TLS takes nothing, the interface is not read: what the network cannot carry
//! waits in the interface's own queue, and what does not fit there is dropped.
//!
//! Inbound, packets are walked in place where TLS put them; at most the last, incomplete one is moved to the front.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::coop;
use tokio::time::{self, Sleep, sleep_until, timeout};

use super::recorder::Recorder;
use super::rx_buf::RxBuf;
use super::{Command, Counts, Failure};
use crate::datapath::{DataHeader, TxBuf};
use crate::log::OUTCOME;
use crate::session::{Event, NetworkParameters, Phase, Question, Session};
use crate::tun::{self, Device};
use crate::wire::ip::{self, IpVersion};

/// TLS records that are read in a turn before the other direction has its share.
const READS_PER_TURN: usize = 4;

/// Batches that are written in a turn before the other direction has its share.
const WRITES_PER_TURN: usize = 4;

/// What one TLS record carries (RFC 8446 5.1): a batch of datagrams is not to spill into a second one.
const BATCH_LEN: usize = 16_384;

/// Most octets that SSTP and PPP put before a datagram (MS-SSTP 2.2.3, RFC 1661 2).
pub(super) const OVERHEAD: usize = 8;

/// How often the round-trip time is read at most.
const MEASURE_INTERVAL: Duration = Duration::from_secs(1);

/// How often it is told what was carried, at most. Nothing is told, and nobody wakes, while there is no traffic.
const REPORT_INTERVAL: Duration = Duration::from_millis(250);

/// How long an orderly end may take. The protocols' own timers would allow eleven seconds to a server that is gone, and
/// somebody waits for it.
const CLOSE_LIMIT: Duration = Duration::from_secs(3);

/// How long the last packets and the end of TLS may take.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);

/// What the loop does as it goes.
pub(super) struct Watch<S> {
    /// Reads the round-trip time of the stream.
    pub round_trip: fn(&S) -> Option<Duration>,
    /// What writes the packets to a file, where that is wanted.
    pub recorder: Option<Recorder>,
}

/// What the loop tells of a session.
pub(super) enum Progress<'a> {
    /// The session has come to this phase, or goes on in it after an answer.
    Phase(Phase),
    /// The session waits for a person's answer.
    Asking(Question),
    /// The interface is there, or its parameters have changed.
    Up { interface: &'a str, parameters: &'a NetworkParameters },
    /// What was carried so far.
    Carried(Counts),
}

/// Runs a session over a stream until both are closed; `Ok` where a command, or the end of all commands, asked for it.
///
/// `open_device` makes the interface with this MTU, once.
pub(super) async fn run<S, D, F>(
    session: Session,
    stream: S,
    commands: &mut mpsc::Receiver<Command>,
    watch: Watch<S>,
    open_device: impl Fn(u16) -> F,
    mut publish: impl FnMut(Progress<'_>),
) -> Result<(), Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
    D: Device,
    F: Future<Output = Result<D, tun::Error>>,
{
    let mut relay = Relay::new(session, stream, commands, watch);
    let result = loop {
        relay.collect(now());
        while let Some(event) = relay.events.pop_front() {
            match event {
                Event::Phase(phase) => publish(Progress::Phase(phase)),
                Event::Notification(text) => tracing::info!(target: OUTCOME, "The server says: {text}"),
                Event::Asks(question) => publish(Progress::Asking(question)),
                Event::Up(parameters) if !relay.closing() => match open_device(parameters.mtu).await {
                    Ok(device) => {
                        relay.mtu = parameters.mtu.into();
                        publish(Progress::Up { interface: device.name(), parameters: &parameters });
                        relay.device = Some(device);
                    }
                    Err(error) => relay.fail(now(), error.into()),
                },
                Event::Changed(parameters) if !relay.closing() => {
                    if let Err(error) = relay.change(&parameters).await {
                        relay.fail(now(), error.into());
                    } else if let Some(device) = &relay.device {
                        publish(Progress::Up { interface: device.name(), parameters: &parameters });
                    }
                }
                Event::Up(_) | Event::Changed(_) => {}
                Event::Closed(result) => relay.closed = Some(result.map_err(Failure::Session)),
            }
        }
        if relay.report_at().is_some_and(|at| at <= now()) || relay.closed.is_some() {
            relay.reported = (relay.counts, now());
            publish(Progress::Carried(relay.counts));
        }
        if let Some(result) = relay.closed.take() {
            break result;
        }
        if relay.close_by.is_some_and(|at| at <= now()) {
            break Ok(());
        }
        relay.arm();
        poll_fn(|cx| relay.poll_turn(cx)).await;
        // A stream that is always ready must not keep the runtime from everybody else.
        coop::consume_budget().await;
    };
    let failure = relay.failure.take();
    relay.finish().await;
    failure.map_or(result, Err)
}

/// Whether TCP has given the server up, with its own word or the network's last one.
fn is_silence(error: &io::Error) -> bool {
    use io::ErrorKind::{HostUnreachable, NetworkUnreachable, TimedOut};
    matches!(error.kind(), TimedOut | HostUnreachable | NetworkUnreachable)
}

fn now() -> Instant {
    time::Instant::now().into_std()
}

struct Relay<'c, S, D> {
    watch: Watch<S>,
    counts: Counts,
    /// What was told of it last, and when.
    reported: (Counts, Instant),
    /// When the round-trip time was read last.
    measured: Option<Instant>,
    session: Session,
    stream: S,
    commands: &'c mut mpsc::Receiver<Command>,
    device: Option<D>,
    /// Largest datagram that the server takes.
    mtu: usize,
    tx: TxBuf,
    rx: RxBuf,
    /// Events of the session that were not looked at yet.
    events: VecDeque<Event>,
    /// TLS takes nothing at the moment.
    blocked: bool,
    /// Nothing can be written any more.
    broken: bool,
    /// TCP has given up waiting for the server.
    unanswered: bool,
    /// Nothing can be read any more.
    eof: bool,
    timer: Option<Pin<Box<Sleep>>>,
    /// We were told to end, or have to: by then.
    close_by: Option<Instant>,
    /// Why we have to end, where it is not the session's reason.
    failure: Option<Failure>,
    closed: Option<Result<(), Failure>>,
}

impl<'c, S: AsyncRead + AsyncWrite + Unpin, D: Device> Relay<'c, S, D> {
    fn new(session: Session, stream: S, commands: &'c mut mpsc::Receiver<Command>, watch: Watch<S>) -> Self {
        Relay {
            watch,
            counts: Counts::default(),
            reported: (Counts::default(), now()),
            measured: None,
            session,
            stream,
            commands,
            device: None,
            mtu: 0,
            tx: TxBuf::new(),
            rx: RxBuf::new(),
            events: VecDeque::new(),
            blocked: false,
            broken: false,
            unanswered: false,
            eof: false,
            timer: None,
            close_by: None,
            failure: None,
            closed: None,
        }
    }

    fn closing(&self) -> bool {
        self.close_by.is_some()
    }

    /// Ends the session in good order.
    fn close(&mut self, now: Instant) {
        if !self.closing() {
            self.close_by = Some(now + CLOSE_LIMIT);
            self.session.close(now);
            self.collect(now);
        }
    }

    /// Ends the session for a reason of our own.
    fn fail(&mut self, now: Instant, failure: Failure) {
        self.failure.get_or_insert(failure);
        self.close(now);
    }

    async fn change(&mut self, parameters: &NetworkParameters) -> Result<(), tun::Error> {
        let Some(device) = &mut self.device else { return Ok(()) };
        device.set_mtu(parameters.mtu).await?;
        self.mtu = parameters.mtu.into();
        Ok(())
    }

    /// Takes what the session has ready, as its contract demands after every call of it.
    fn collect(&mut self, now: Instant) {
        while self.session.poll_transmit(now, &mut self.tx) {}
        while let Some(event) = self.session.poll_event() {
            self.events.push_back(event);
        }
    }

    /// When it is to be told what was carried; `None`: that was told.
    fn report_at(&self) -> Option<Instant> {
        let (counts, at) = &self.reported;
        (self.counts != *counts).then(|| *at + REPORT_INTERVAL)
    }

    /// Sets the one timer. A later deadline than the one that is set needs nothing: a timer that runs out too early
    /// costs a call that does nothing, once in a while, and almost every packet moves the deadline.
    fn arm(&mut self) {
        let recorder = self.watch.recorder.as_ref().and_then(Recorder::poll_timeout);
        let deadlines = [self.session.poll_timeout(), self.close_by, self.report_at(), recorder];
        let Some(deadline) = deadlines.into_iter().flatten().min() else {
            self.timer = None;
            return;
        };
        let deadline = time::Instant::from_std(deadline);
        match &mut self.timer {
            Some(timer) if timer.deadline() <= deadline && !timer.is_elapsed() => {}
            Some(timer) => timer.as_mut().reset(deadline),
            None => self.timer = Some(Box::pin(sleep_until(deadline))),
        }
    }

    /// Gives every side its share; pending where nothing moved.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = now();
        let moved = [
            self.poll_command(cx, now),
            self.poll_inbound(cx, now),
            self.poll_outbound(cx, now),
            self.poll_timer(cx, now),
        ];
        if moved.contains(&true) { Poll::Ready(()) } else { Poll::Pending }
    }

    fn poll_command(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        if self.closing() {
            return false;
        }
        match self.commands.poll_recv(cx) {
            // Nobody is left who could tell us to end: that is the wish to end.
            Poll::Ready(Some(Command::Disconnect) | None) => {
                self.close(now);
                true
            }
            Poll::Ready(Some(Command::Answer(answer))) => {
                self.events.push_back(Event::Phase(Phase::Authentication));
                self.session.answer(now, &answer);
                self.collect(now);
                true
            }
            Poll::Ready(Some(Command::Doubt)) => {
                self.session.doubt(now);
                self.collect(now);
                true
            }
            Poll::Pending => false,
        }
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let Some(timer) = &mut self.timer else { return false };
        if timer.as_mut().poll(cx).is_pending() {
            return false;
        }
        let now = now.max(timer.deadline().into_std());
        self.session.handle_timeout(now);
        if let Some(recorder) = self.watch.recorder.as_mut().filter(|recorder| recorder.poll_timeout() <= Some(now)) {
            recorder.flush();
        }
        self.collect(now);
        true
    }

    fn poll_inbound(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        for reads in 0..READS_PER_TURN {
            // An event may change where the next datagram goes.
            if self.eof || !self.events.is_empty() {
                return reads > 0 || !self.events.is_empty();
            }
            match self.rx.poll_fill(cx, &mut self.stream) {
                Poll::Ready(Ok(1..)) => self.handle_input(now),
                Poll::Ready(Ok(0)) => self.handle_eof(now),
                Poll::Ready(Err(error)) => {
                    tracing::debug!("reading from the server failed: {error}");
                    self.unanswered |= is_silence(&error);
                    self.handle_eof(now);
                }
                // What was still on its way when writing failed has been read.
                Poll::Pending if self.broken => self.handle_eof(now),
                Poll::Pending => return reads > 0,
            }
        }
        true
    }

    fn handle_input(&mut self, now: Instant) {
        let device = &mut self.device;
        let (mut packets, mut bytes, mut lost, mut gone) = (0, 0, 0, None);
        let consumed = self.session.handle_input(now, self.rx.filled(), |datagram| {
            match device.as_mut().map(|device| device.write(datagram)) {
                Some(Ok(true)) => (packets, bytes) = (packets + 1, bytes + datagram.len() as u64),
                Some(Ok(false)) | None => lost += 1,
                Some(Err(error)) => gone = Some(error),
            }
        });
        if let Some(recorder) = &mut self.watch.recorder {
            recorder.received(now, &self.rx.filled()[..consumed]);
        }
        self.rx.consume(consumed);
        self.counts.rx_packets += packets;
        self.counts.rx_bytes += bytes;
        self.counts.dropped += lost;
        self.measure(now);
        self.collect(now);
        if let Some(error) = gone {
            self.device_gone(now, error);
        }
    }

    /// Reads the round-trip time, now and then: it changes while there is something to carry.
    fn measure(&mut self, now: Instant) {
        if self.device.is_some() && self.measured.is_none_or(|at| now.duration_since(at) >= MEASURE_INTERVAL) {
            self.measured = Some(now);
            let time = (self.watch.round_trip)(&self.stream).map_or(0, |time| time.as_micros());
            self.counts.round_trip = u32::try_from(time).unwrap_or(u32::MAX);
        }
    }

    fn handle_eof(&mut self, now: Instant) {
        self.eof = true;
        if self.unanswered {
            self.session.handle_unanswered(now);
        }
        self.session.handle_eof(now);
        self.collect(now);
    }

    fn device_gone(&mut self, now: Instant, source: io::Error) {
        if let Some(device) = self.device.take() {
            self.fail(now, Failure::DeviceGone { interface: device.name().to_owned(), source });
        }
    }

    fn poll_outbound(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        for writes in 0..WRITES_PER_TURN {
            self.collect(now);
            if !self.blocked {
                self.fill(cx, now);
            }
            if self.broken || self.tx.is_empty() {
                return writes > 0;
            }
            if let Some(recorder) = &mut self.watch.recorder {
                recorder.sending(now, self.tx.pending());
            }
            match Pin::new(&mut self.stream).poll_write(cx, self.tx.pending()) {
                Poll::Ready(Ok(written)) => {
                    self.blocked = false;
                    self.tx.consume(written);
                    if let Some(recorder) = &mut self.watch.recorder {
                        recorder.sent(written);
                    }
                }
                Poll::Ready(Err(error)) => {
                    tracing::debug!("writing to the server failed: {error}");
                    self.broken = true;
                    self.unanswered |= is_silence(&error);
                }
                Poll::Pending => {
                    self.blocked = true;
                    return writes > 0;
                }
            }
        }
        true
    }

    /// Reads datagrams into the batch, as many as there are and as fit.
    fn fill(&mut self, cx: &mut Context<'_>, now: Instant) {
        let headers = Headers::of(&self.session);
        let (Some(device), Some(any), false) = (&mut self.device, headers.any(), self.close_by.is_some()) else {
            return;
        };
        let packet = OVERHEAD + self.mtu;
        let (mut packets, mut bytes, mut lost, mut gone) = (0, 0, 0, None);
        while self.tx.has_room() && self.tx.pending().len() + packet <= BATCH_LEN {
            let length = match device.poll_read(cx, self.tx.datagram_room(&any)) {
                Poll::Ready(Ok(length)) => length,
                Poll::Ready(Err(error)) => {
                    gone = Some(error);
                    break;
                }
                Poll::Pending => break,
            };
            let datagram = &self.tx.datagram_room(&any)[..length];
            match ip::version(datagram).and_then(|version| headers.of_version(version)) {
                Some(header) if length <= self.mtu => {
                    self.tx.commit_datagram(&header, length);
                    (packets, bytes) = (packets + 1, bytes + length as u64);
                }
                _ => lost += 1,
            }
        }
        if packets > 0 {
            self.session.sent(now);
        }
        self.counts.tx_packets += packets;
        self.counts.tx_bytes += bytes;
        self.counts.dropped += lost;
        if let Some(error) = gone {
            self.device_gone(now, error);
        }
    }

    /// Writes out what is left and ends TLS, without waiting long for a server that may be gone. The interface goes
    /// first, so that nothing more is routed into it.
    async fn finish(mut self) {
        self.device = None;
        let dropped = self.counts.dropped;
        if dropped > 0 {
            tracing::debug!("{dropped} datagrams were lost in the interface");
        }
        if self.broken {
            return;
        }
        let writing = async {
            while !self.tx.is_empty() {
                if let Some(recorder) = &mut self.watch.recorder {
                    recorder.sending(now(), self.tx.pending());
                    recorder.sent(self.tx.pending().len());
                }
                self.stream.write_all(self.tx.pending()).await?;
                self.tx.consume(self.tx.pending().len());
                self.collect(now());
            }
            self.stream.shutdown().await
        };
        if let Ok(Err(error)) = timeout(FLUSH_LIMIT, writing).await {
            tracing::debug!("the connection did not end in good order: {error}");
        }
    }
}

/// What to put before the datagrams of each version; `None` where they may not be sent.
struct Headers {
    ipv4: Option<DataHeader>,
    ipv6: Option<DataHeader>,
}

impl Headers {
    fn of(session: &Session) -> Self {
        Headers { ipv4: session.data_header(IpVersion::V4), ipv6: session.data_header(IpVersion::V6) }
    }

    /// Either of them: they are equally long, since what is compressed depends on the server and not on the version
    /// (both protocol numbers compress to one octet), so that a datagram can be read before its version is known.
    fn any(&self) -> Option<DataHeader> {
        self.ipv4.or(self.ipv6)
    }

    fn of_version(&self, version: IpVersion) -> Option<DataHeader> {
        match version {
            IpVersion::V4 => self.ipv4,
            IpVersion::V6 => self.ipv6,
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
