//! What starts a worker and does for it what it may have.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::{Child, Command as Program};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::{Span, debug, error_span};

use super::OPTION;
use super::channel::Channel;
use super::logging::{self, printable};
use super::message::{FromWorker, Job, Order, Reply, Request, ToWorker};
use crate::probe::{Findings, Look};
use crate::transport::Step;
use crate::transport::dial::{self, Dialer, Direct, Target};
use crate::tun::{self, Interface};
use crate::tunnel::{Attempt, Call, Command, Ending, FailureKind, Follower, Told, Tunnel, told_to_end};
use crate::wire::domain;

/// This program, even where a new version has taken its place.
const OURSELVES: &str = "/proc/self/exe";

/// Most octets of a message of a worker.
const LIMIT: usize = 1 << 20;

/// How long a worker may take to end that has said its last word.
const LEAVING: Duration = Duration::from_secs(2);

/// Addresses that a worker may have learned of.
const MAX_ADDRESSES: usize = 64;

/// Starts a tunnel in a process of its own. To be called in a tokio runtime with I/O and time, by the program itself: the
/// process is `/proc/self/exe`.
pub fn spawn(attempt: Attempt) -> Tunnel {
    spawn_by(Path::new(OURSELVES), attempt)
}

/// As [`spawn`], with another program than this one: one that calls [`requested`](super::requested) and
/// [`serve`](super::serve).
pub fn spawn_by(program: &Path, attempt: Attempt) -> Tunnel {
    let program = program.to_owned();
    Tunnel::start(attempt.profile.connect_timeout, move |mut commands, mut follower| async move {
        let call = tokio::select! {
            biased;
            () = told_to_end(&mut commands) => return Ok(()),
            call = Call::prepare(attempt) => call,
        };
        supervise(&program, call, &mut commands, &mut follower).await
    })
}

/// Looks at a gateway from a process of its own. To be called as [`spawn`].
pub async fn look(look: Look) -> Findings {
    look_by(Path::new(OURSELVES), look).await
}

/// As [`look`], with another program as in [`spawn_by`].
pub async fn look_by(program: &Path, look: Look) -> Findings {
    match look_apart(program, look).await {
        Ok(findings) => findings,
        Err(error) => Findings { error: Some(printable(&error)), ..Findings::default() },
    }
}

async fn look_apart(program: &Path, look: Look) -> Result<Findings, String> {
    let gateway = look.gateway();
    let mut worker = Worker::start(program, Job::Look(Box::new(look)), None).await?;
    let mut helper = Helper::new(String::new(), gateway);
    loop {
        match worker.next().await? {
            FromWorker::Found(findings) => {
                worker.leave().await;
                return Ok(*findings);
            }
            FromWorker::Request(number, request) => {
                let (reply, file) = helper.answer(request, &mut |_| {}).await;
                worker.say(&ToWorker::Reply(number, reply), file.as_ref()).await?;
            }
            FromWorker::Log(line) => logging::relay(line),
            FromWorker::Told(_) | FromWorker::Released | FromWorker::Down(_) => return Err(BROKEN.to_owned()),
        }
    }
}

/// What a worker says that does not keep to the rules; the end of a sentence.
const BROKEN: &str = "the process of the tunnel said what it must not, which is a fault of nm-sstp: please report it";

/// The life of a tunnel, seen from here.
async fn supervise(
    program: &Path,
    call: Call,
    commands: &mut mpsc::Receiver<Command>,
    follower: &mut Follower,
) -> Result<(), Ending> {
    let mut helper = Helper::new(call.interface().to_owned(), call.gateway());
    let capture = call.capture();
    let mut worker = Worker::start(program, Job::Tunnel(Box::new(call)), capture.as_deref()).await.map_err(broken)?;
    let mut told = false;
    loop {
        let message = tokio::select! {
            biased;
            // nobody being left who could tell it to end is the wish to end
            command = commands.recv(), if !told => {
                told = matches!(command, None | Some(Command::Disconnect));
                let command = ToWorker::Command(command.unwrap_or(Command::Disconnect));
                // where it is gone, its last words come next
                let _ = worker.say(&command, None).await;
                continue;
            }
            message = worker.next() => message.map_err(broken)?,
        };
        match message {
            FromWorker::Told(told) => follower.told(helper.checked(told)),
            FromWorker::Log(line) => helper.peer.in_scope(|| logging::relay(line)),
            FromWorker::Released => helper.interface = None,
            FromWorker::Request(number, request) => {
                let mut progress = |step: Step| follower.told(Told::Starting(step.into()));
                let answered = tokio::select! {
                    biased;
                    () = told_to_end(commands), if !told => None,
                    answered = helper.answer(request, &mut progress) => Some(answered),
                };
                let said = match answered {
                    Some((reply, file)) => worker.say(&ToWorker::Reply(number, reply), file.as_ref()).await,
                    None => {
                        told = true;
                        worker.say(&ToWorker::Command(Command::Disconnect), None).await
                    }
                };
                // as above
                drop(said);
            }
            FromWorker::Down(ending) => {
                worker.leave().await;
                return ending.map_or(Ok(()), |ending| Err(Ending { sentence: printable(&ending.sentence), ..ending }));
            }
            FromWorker::Found(_) => return Err(broken(BROKEN.to_owned())),
        }
    }
}

/// A failure of this program.
fn broken(sentence: String) -> Ending {
    Ending { kind: FailureKind::Connect, sentence, status: None, remedy: None }
}

/// A worker that runs. It is killed when this is dropped.
struct Worker {
    child: Child,
    channel: Channel,
}

impl Worker {
    /// With a file that belongs to the job.
    async fn start(program: &Path, job: Job, file: Option<&File>) -> Result<Self, String> {
        let failed = |error: io::Error| format!("the process of the tunnel could not be started: {error}");
        let (ours, theirs) = net::UnixStream::pair().map_err(failed)?;
        let child = Program::new(program)
            .arg(OPTION)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let mut worker = Worker { child, channel: Channel::new(ours, LIMIT).map_err(failed)? };
        let order = Order { level: logging::wanted().to_string(), job };
        match worker.channel.send(&order, file.map(AsFd::as_fd)).await {
            Ok(()) => Ok(worker),
            Err(_) => Err(worker.died().await),
        }
    }

    async fn say(&self, message: &ToWorker, file: Option<&OwnedFd>) -> Result<(), String> {
        let said = self.channel.send(message, file.map(AsFd::as_fd)).await;
        said.map_err(|error| format!("the process of the tunnel does not listen: {error}"))
    }

    /// What it says next; nothing is lost where this is cancelled.
    async fn next(&mut self) -> Result<FromWorker, String> {
        match self.channel.receive().await {
            Ok(Some((message, _))) => Ok(message),
            Ok(None) => Err(self.died().await),
            Err(error) => Err(format!("{BROKEN} ({error})")),
        }
    }

    /// It is gone without a last word: a sentence without its begin and end.
    async fn died(&mut self) -> String {
        let status = timeout(LEAVING, self.child.wait()).await.ok().and_then(Result::ok);
        let how = status.map_or_else(|| "without a word".to_owned(), |status| status.to_string());
        format!("the process of the tunnel ended unexpectedly ({how}), which is a fault of nm-sstp: please report it")
    }

    /// It has said its last word.
    async fn leave(mut self) {
        if timeout(LEAVING, self.child.wait()).await.is_err() {
            debug!("the process of the tunnel did not end: it is killed");
        }
    }
}

/// Does for a worker what it cannot, and may have.
struct Helper {
    interface_name: String,
    gateway: Target,
    /// Addresses that it was connected to.
    addresses: Vec<SocketAddr>,
    interface: Option<Interface>,
    /// Says in the log whom the worker speaks with.
    peer: Span,
}

impl Helper {
    fn new(interface_name: String, gateway: Target) -> Self {
        Self { interface_name, gateway, addresses: Vec::new(), interface: None, peer: Span::none() }
    }

    async fn answer(&mut self, request: Request, progress: &mut (dyn FnMut(Step) + Send)) -> (Reply, Option<OwnedFd>) {
        match request {
            Request::Dial(target) => match self.dial(target, progress).await {
                Ok((socket, address)) => (Reply::Dialed(Ok(address)), Some(socket)),
                Err(error) => (Reply::Dialed(Err(error)), None),
            },
            Request::OpenDevice { mtu } => match self.open_device(mtu).await {
                Ok((name, file)) => (Reply::Device(Ok(name)), Some(file)),
                Err(error) => (Reply::Device(Err(error)), None),
            },
            Request::SetMtu(mtu) => (Reply::Mtu(self.set_mtu(mtu).await), None),
        }
    }

    /// Connects to the gateway, or to an address that it was found at.
    async fn dial(
        &mut self,
        target: Target,
        progress: &mut (dyn FnMut(Step) + Send),
    ) -> Result<(OwnedFd, SocketAddr), dial::Error> {
        let may = match &target {
            Target::Address(address) => self.addresses.contains(address),
            host => *host == self.gateway,
        };
        if !may || self.addresses.len() >= MAX_ADDRESSES {
            return Err(dial::Error::Refused(BROKEN.to_owned()));
        }
        let (socket, address) = Direct::default().dial(target, progress).await?;
        self.addresses.push(address);
        self.peer = error_span!("call", sstp_peer = %address.ip());
        let socket = TcpStream::into_std(socket).map_err(|error| dial::Error::Refused(error.to_string()))?;
        Ok((socket.into(), address))
    }

    async fn open_device(&mut self, mtu: u16) -> Result<(String, OwnedFd), tun::Error> {
        let failed = |reason: String| tun::Error::Create { name: self.interface_name.clone(), reason, number: None };
        if self.interface_name.is_empty() || self.interface.is_some() {
            return Err(failed(BROKEN.to_owned()));
        }
        let interface = Interface::create(&self.interface_name, mtu).await?;
        let file = interface.file().map_err(|error| failed(error.to_string()))?;
        let name = interface.name().to_owned();
        self.interface = Some(interface);
        Ok((name, file))
    }

    async fn set_mtu(&self, mtu: u16) -> Result<(), tun::Error> {
        match &self.interface {
            Some(interface) => interface.set_mtu(mtu).await,
            None => Err(tun::Error::Configure { name: self.interface_name.clone(), reason: BROKEN.to_owned() }),
        }
    }

    /// What the worker tells, as far as it is for the worker to say.
    fn checked(&self, mut told: Told) -> Told {
        if let Told::Up(connected) = &mut told {
            connected.interface =
                self.interface.as_ref().map(|interface| interface.name().to_owned()).unwrap_or_default();
            connected.parameters.domains.retain(|name| domain::is_host_name(name));
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::NetworkParameters;
    use crate::transport::Tls;
    use crate::tunnel::Connected;

    fn helper() -> Helper {
        Helper::new("sstp%d".to_owned(), Target::Host { host: "127.0.0.1".to_owned(), port: 9 })
    }

    async fn refusal(helper: &mut Helper, target: Target) -> String {
        let (reply, socket) = helper.answer(Request::Dial(target), &mut |_| {}).await;
        assert!(socket.is_none());
        match reply {
            Reply::Dialed(Err(error)) => error.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_worker_is_connected_to_its_gateway_only() {
        let mut helper = helper();
        let elsewhere = |host: &str, port| Target::Host { host: host.to_owned(), port };
        for target in
            [elsewhere("127.0.0.1", 10), elsewhere("localhost", 9), Target::Address(([127, 0, 0, 1], 9).into())]
        {
            assert_eq!(refusal(&mut helper, target).await, BROKEN);
        }
        let gateway = helper.gateway.clone();
        assert!(refusal(&mut helper, gateway).await.contains("refused the connection"));
    }

    #[tokio::test]
    async fn a_look_gets_no_interface() {
        let mut helper = Helper::new(String::new(), helper().gateway);
        let (reply, file) = helper.answer(Request::OpenDevice { mtu: 1400 }, &mut |_| {}).await;
        assert!(file.is_none() && matches!(reply, Reply::Device(Err(_))), "{reply:?}");
        let (reply, _) = helper.answer(Request::SetMtu(1400), &mut |_| {}).await;
        assert!(matches!(reply, Reply::Mtu(Err(_))), "{reply:?}");
    }

    #[test]
    fn names_and_interface_are_not_for_a_worker_to_choose() {
        let connected = Connected {
            interface: "eth0".to_owned(),
            server: ([127, 0, 0, 1], 443).into(),
            local: None,
            tls: Tls::default(),
            parameters: NetworkParameters {
                ipv4: None,
                ipv6: None,
                domains: vec!["corp.example".to_owned(), "x\nnameserver 192.0.2.1".to_owned()],
                mtu: 1400,
                authentication: None,
                eap_method: None,
            },
        };
        let Told::Up(checked) = helper().checked(Told::Up(Box::new(connected))) else { panic!() };
        assert_eq!((checked.interface.as_str(), checked.parameters.domains), ("", vec!["corp.example".to_owned()]));
    }
}
