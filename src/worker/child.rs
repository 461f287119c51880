//! The process that a tunnel runs in.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use nix::libc;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::getppid;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};

use super::OPTION;
use super::channel::{self, Channel};
use super::logging::{self, Backlog};
use super::message::{FromWorker, Job, Order, Reply, Request, ToWorker};
use crate::confine;
use crate::proxy::Token;
use crate::tickets::Tickets;
use crate::transport::Step;
use crate::transport::dial::{self, Dialer, Target};
use crate::tun::{self, Device, Queue};
use crate::tunnel::{self, Call, Command, Ending, Machine};

/// Most octets of a message to this process: files of certificates among them, and each of those is bounded.
const LIMIT: usize = 64 << 20;

/// Commands that may wait.
const COMMANDS: usize = 4;

/// Why there is nothing of what was asked for; the process ends then, too.
const NO_REPLY: &str = "the process that makes it is gone";

/// Whether the arguments of the program ask for such a process; the first is its own name.
pub fn requested(mut arguments: impl Iterator<Item = OsString>) -> bool {
    matches!((arguments.nth(1), arguments.next()), (Some(option), None) if option == OPTION)
}

/// The whole work of the process. To be called before anything else is done.
pub fn serve() -> ExitCode {
    // What the other process has open is not for this one, whoever has opened it and however.
    // SAFETY: nothing of this process has opened a descriptor beyond those three yet.
    unsafe { libc::close_range(3, libc::c_uint::MAX, 0) };
    // Without the other process there is nobody to serve, and nobody who would end this one.
    let parent = getppid();
    if prctl::set_pdeathsig(Signal::SIGKILL).is_err() || getppid() != parent {
        return ExitCode::FAILURE;
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nm-sstp-service: the process of a tunnel failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    let socket = net::UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let (Order { level, job }, file): (Order, _) = channel::first(&socket, LIMIT)?;
    let (queue, outbox) = mpsc::unbounded_channel();
    let backlog = logging::init(&level, queue.clone());
    let has_token = match &job {
        Job::Tunnel(call) => call.needs_token(),
        Job::Look(_) => false,
    };
    // a token is reached by a library of its own, through files and sockets that only it knows
    if !has_token {
        confine::worker();
    }
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().thread_keep_alive(confine::IDLE_THREAD).build()?;
    let done = runtime.block_on(async {
        let (receiving, sending) = (Channel::new(socket.try_clone()?, LIMIT)?, Channel::new(socket, LIMIT)?);
        let sender = tokio::spawn(send_all(sending, outbox, backlog));
        let (commands, mut inbox) = mpsc::channel(COMMANDS);
        let (replies, answered) = mpsc::channel(1);
        // its end is the end of all commands
        tokio::spawn(receive_all(receiving, commands, replies));
        let replies = Mutex::new(Replies { inbox: answered, last: 0 });
        let asking = Asking { queue: queue.clone(), replies, has_token, reached_token: AtomicBool::new(false) };
        let face = Face(Arc::new(asking));
        let last = match job {
            Job::Tunnel(call) => FromWorker::Down(
                tunnel(call.with_capture(file.map(|file| Arc::new(file.into()))), &mut inbox, &face, &queue)
                    .await
                    .err(),
            ),
            Job::Look(look) => {
                let findings = tokio::select! {
                    findings = look.run(&face) => findings,
                    // nobody wants to know any more
                    None = inbox.recv() => return Ok(()),
                };
                FromWorker::Found(Box::new(findings))
            }
        };
        // Where nobody listens there is nothing left to do either.
        let _ = queue.send(last);
        let _ = sender.await;
        Ok(())
    });
    // A library that somebody waits for no more must not keep the process.
    runtime.shutdown_background();
    done
}

async fn tunnel(
    call: Call,
    inbox: &mut mpsc::Receiver<Command>,
    face: &Face,
    queue: &mpsc::UnboundedSender<FromWorker>,
) -> Result<(), Ending> {
    let tell = |told| drop(queue.send(FromWorker::Told(told)));
    tunnel::run(call, inbox, face, tell).await.map_err(Ending::from)
}

/// Sends what is to be sent, up to the last message.
async fn send_all(channel: Channel, mut outbox: mpsc::UnboundedReceiver<FromWorker>, backlog: Backlog) {
    while let Some(message) = outbox.recv().await {
        if channel.send(&message, None).await.is_err() {
            return;
        }
        match message {
            FromWorker::Log(_) => drop(backlog.fetch_sub(1, Ordering::Relaxed)),
            FromWorker::Down(_) | FromWorker::Found(_) => return,
            FromWorker::Told(_) | FromWorker::Request(..) | FromWorker::Released => {}
        }
    }
}

/// A reply with the number of its request, and the descriptor that came with it.
type Answered = (u32, Reply, Option<OwnedFd>);

async fn receive_all(mut channel: Channel, commands: mpsc::Sender<Command>, replies: mpsc::Sender<Answered>) {
    while let Ok(Some((message, file))) = channel.receive().await {
        let taken = match message {
            ToWorker::Command(command) => commands.send(command).await.is_ok(),
            ToWorker::Reply(number, reply) => replies.send((number, reply, file)).await.is_ok(),
        };
        if !taken {
            return;
        }
    }
}

/// The face's process.
#[derive(Clone)]
struct Face(Arc<Asking>);

struct Asking {
    queue: mpsc::UnboundedSender<FromWorker>,
    replies: Mutex<Replies>,
    /// What could not be given up before a token was reached is given up as soon as the network may speak.
    has_token: bool,
    reached_token: AtomicBool,
}

struct Replies {
    inbox: mpsc::Receiver<Answered>,
    /// Number of the last request.
    last: u32,
}

impl Face {
    /// Asks it for something; `None` where it is gone.
    async fn ask(&self, request: Request) -> Option<(Reply, Option<OwnedFd>)> {
        let mut replies = self.0.replies.lock().await;
        replies.last = replies.last.wrapping_add(1);
        self.0.queue.send(FromWorker::Request(replies.last, request)).ok()?;
        loop {
            // the reply to a question that was given up may come first
            let (number, reply, file) = replies.inbox.recv().await?;
            if number == replies.last {
                return Some((reply, file));
            }
        }
    }
}

impl Dialer for Face {
    const HAS_TOKENS: bool = Tickets::BUILT_IN;

    /// The other process knows the steps by itself.
    async fn dial(
        &self,
        target: Target,
        _progress: &mut (dyn FnMut(Step) + Send),
    ) -> Result<(TcpStream, SocketAddr), dial::Error> {
        if self.0.has_token && !self.0.reached_token.swap(true, Ordering::Relaxed) {
            confine::worker_reached_token();
        }
        match self.ask(Request::Dial(target)).await {
            Some((Reply::Dialed(Ok(address)), Some(socket))) => {
                let socket = TcpStream::from_std(socket.into());
                Ok((socket.map_err(|error| dial::Error::Refused(error.to_string()))?, address))
            }
            Some((Reply::Dialed(Err(error)), _)) => Err(error),
            _ => Err(dial::Error::Refused(NO_REPLY.to_owned())),
        }
    }

    async fn proxy_token(&self, server_token: &[u8]) -> Result<Token, String> {
        match self.ask(Request::ProxyToken(server_token.to_vec())).await {
            Some((Reply::ProxyToken(token), _)) => token,
            _ => Err(NO_REPLY.to_owned()),
        }
    }
}

impl Machine for Face {
    type Device = Remote;

    async fn open_device(&self, name: &str, mtu: u16) -> Result<Remote, tun::Error> {
        let failed = |reason: String| tun::Error::Create { name: name.to_owned(), reason, number: None };
        match self.ask(Request::OpenDevice { mtu }).await {
            Some((Reply::Device(Ok(name)), Some(file))) => {
                let queue = Queue::new(file).map_err(|error| failed(error.to_string()))?;
                if self.0.has_token {
                    tokio::spawn(confine::worker_is_up());
                }
                Ok(Remote { name, queue, face: self.clone() })
            }
            Some((Reply::Device(Err(error)), _)) => Err(error),
            _ => Err(failed(NO_REPLY.to_owned())),
        }
    }
}

/// The interface, which is the other process's but for its datagrams.
struct Remote {
    name: String,
    queue: Queue,
    face: Face,
}

/// Nothing more is to be routed into it, though this process may go on for a moment.
impl Drop for Remote {
    fn drop(&mut self) {
        let _ = self.face.0.queue.send(FromWorker::Released);
    }
}

impl Device for Remote {
    fn name(&self) -> &str {
        &self.name
    }

    async fn set_mtu(&mut self, mtu: u16) -> Result<(), tun::Error> {
        match self.face.ask(Request::SetMtu(mtu)).await {
            Some((Reply::Mtu(done), _)) => done,
            _ => Err(tun::Error::Configure { name: self.name.clone(), reason: NO_REPLY.to_owned() }),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, datagram: &mut [u8]) -> Poll<io::Result<usize>> {
        self.queue.poll_read(cx, datagram)
    }

    fn write(&mut self, datagram: &[u8]) -> io::Result<bool> {
        self.queue.write(datagram)
    }
}
