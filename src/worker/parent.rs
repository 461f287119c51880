//! What starts a worker and does for it what it may have.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use nix::net::if_::if_nametoindex;
use tokio::net::TcpStream;
use tokio::process::{Child, Command as Program};
use tokio::time::timeout;
use tracing::{Span, debug, error_span};

use super::OPTION;
use super::channel::Channel;
use super::logging::{self, printable};
use super::message::{FromWorker, Job, Order, Reply, Request, ToWorker};
use crate::nameservers;
use crate::netevents;
use crate::netlink::Netlink;
use crate::probe::{Findings, Look};
use crate::proxy::Token;
use crate::session::NetworkParameters;
use crate::tickets::Tickets;
use crate::transport::Step;
use crate::transport::dial::{self, Dialer, Direct, Target};
use crate::tun::{self, Interface};
use crate::tunnel::Told;
use crate::wire::domain;

/// This program, even where a new version has taken its place.
pub(super) const OURSELVES: &str = "/proc/self/exe";

/// Most octets of a message of a worker.
const LIMIT: usize = 1 << 20;

/// How long a worker may take to end that has said its last word.
const LEAVING: Duration = Duration::from_secs(2);

/// How long a worker may take to hear what is said to it.
const LISTENING: Duration = Duration::from_secs(5);

/// Addresses of the gateway that are remembered.
const MAX_ADDRESSES: usize = 16;

/// Connections that a worker may ask for, and tokens for a proxy.
const MAX_DIALS: u32 = 64;

/// How long the addresses where the gateway was are tried alone, before its name is looked up again.
const HEAD_START: Duration = Duration::from_secs(2);

/// How long the resolver's answer may take where the gateway was found before.
const RESOLVE_AGAIN: Duration = Duration::from_secs(5);

/// Looks at a gateway from a process of its own. To be called as [`spawn`](super::spawn).
pub async fn look(look: Look) -> Findings {
    look_by(Path::new(OURSELVES), look).await
}

/// As [`look`], with another program as in [`spawn_by`](super::spawn_by).
pub async fn look_by(program: &Path, look: Look) -> Findings {
    match look_apart(program, look).await {
        Ok(findings) => findings,
        Err(error) => Findings { error: Some(printable(&error)), ..Findings::default() },
    }
}

async fn look_apart(program: &Path, mut look: Look) -> Result<Findings, String> {
    let (gateway, tickets) = (look.gateway(), look.take_tickets());
    let mut worker = Worker::start(program, Job::Look(Box::new(look)), None).await?;
    let mut helper = Helper::new(String::new(), gateway, tickets);
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
pub(super) const BROKEN: &str =
    "the process of the tunnel said what it must not, which is a fault of nm-sstp: please report it";

/// A worker that runs. It is killed when this is dropped.
pub(super) struct Worker {
    child: Child,
    channel: Channel,
}

impl Worker {
    /// With a file that belongs to the job.
    pub(super) async fn start(program: &Path, job: Job, file: Option<&File>) -> Result<Self, String> {
        let failed = |error: io::Error| format!("the process of the tunnel could not be started: {error}");
        let (ours, theirs) = net::UnixStream::pair().map_err(failed)?;
        let child = Program::new(program)
            .arg(OPTION)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            // to standard error goes the last word of a process that panics
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let mut worker = Worker { child, channel: Channel::new(ours, LIMIT).map_err(failed)? };
        let order = Order { level: logging::wanted().to_string(), job };
        match timeout(LISTENING, worker.channel.send(&order, file.map(AsFd::as_fd))).await {
            Ok(Ok(())) => Ok(worker),
            _ => Err(worker.died().await),
        }
    }

    pub(super) async fn say(&self, message: &ToWorker, file: Option<&OwnedFd>) -> Result<(), String> {
        let said = timeout(LISTENING, self.channel.send(message, file.map(AsFd::as_fd))).await;
        said.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(|error| {
            format!(
                "the process of the tunnel does not listen ({error}), which is a fault of nm-sstp: please report it"
            )
        })
    }

    /// What it says next; nothing is lost where this is cancelled.
    pub(super) async fn next(&mut self) -> Result<FromWorker, String> {
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
    pub(super) async fn leave(mut self) {
        if timeout(LEAVING, self.child.wait()).await.is_err() {
            debug!("the process of the tunnel did not end: it is killed");
        }
    }
}

/// Does for a worker what it cannot, and may have.
pub(super) struct Helper {
    interface_name: String,
    gateway: Target,
    tickets: Tickets,
    /// Where the gateway was found, what it was connected to first.
    addresses: Vec<SocketAddr>,
    /// The name servers in `resolv.conf` before there was a tunnel.
    resolv_conf: Vec<IpAddr>,
    /// Connections that were asked for, by all workers since the tunnel was up.
    dials: u32,
    /// The same of tokens for a proxy.
    tokens: u32,
    /// The tunnel was lost and is not up again: connections go around it.
    around: bool,
    /// The worker has its interface.
    has_device: bool,
    /// Our addresses in the tunnel.
    inside: Vec<IpAddr>,
    interface: Option<Interface>,
    /// Says in the log whom the worker speaks with.
    peer: Span,
}

impl Helper {
    pub(super) fn new(interface_name: String, gateway: Target, tickets: Tickets) -> Self {
        Self {
            interface_name,
            gateway,
            tickets,
            addresses: Vec::new(),
            resolv_conf: Vec::new(),
            dials: 0,
            tokens: 0,
            around: false,
            has_device: false,
            inside: Vec::new(),
            interface: None,
            peer: Span::none(),
        }
    }

    /// The connection is lost: the next worker's goes around the tunnel, whose interface stays.
    pub(super) fn goes_around(&mut self) {
        (self.around, self.dials, self.tokens, self.has_device) = (true, 0, 0, false);
    }

    pub(super) fn interface_index(&self) -> Option<u32> {
        self.interface.as_ref().map(Interface::index)
    }

    pub(super) fn drop_interface(&mut self) {
        self.interface = None;
    }

    /// Logs something that the worker says.
    pub(super) fn log(&self, log: impl FnOnce()) {
        self.peer.in_scope(log);
    }

    pub(super) async fn answer(
        &mut self,
        request: Request,
        progress: &mut (dyn FnMut(Step) + Send),
    ) -> (Reply, Option<OwnedFd>) {
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
            Request::ProxyToken(server_token) => (Reply::ProxyToken(self.proxy_token(server_token).await), None),
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
        if !may || self.dials >= MAX_DIALS {
            return Err(dial::Error::Refused(BROKEN.to_owned()));
        }
        self.dials += 1;
        let (socket, address) = match target {
            target if self.around => self.dial_around(target, progress).await?,
            Target::Host { host, port } => {
                progress(Step::Resolve);
                self.resolv_conf = nameservers::of_file();
                let found = Direct::default().resolve(&host, port).await?;
                self.remember(&found);
                progress(Step::Connect);
                Direct::default().connect(&found).await?
            }
            address => Direct::default().dial(address, progress).await?,
        };
        self.remember(&[address]);
        self.peer = error_span!("call", sstp_peer = %address.ip());
        let socket = TcpStream::into_std(socket).map_err(|error| dial::Error::Refused(error.to_string()))?;
        Ok((socket.into(), address))
    }

    /// Every token is for a connection, or another step on one.
    async fn proxy_token(&mut self, server_token: Vec<u8>) -> Result<Token, String> {
        if self.tokens >= MAX_DIALS {
            return Err(BROKEN.to_owned());
        }
        self.tokens += 1;
        self.tickets.token(server_token).await
    }

    /// Connects beside the tunnel: to where the gateway was before, and, where that is not done at once, to where its name
    /// leads now.
    async fn dial_around(
        &mut self,
        target: Target,
        progress: &mut (dyn FnMut(Step) + Send),
    ) -> Result<(TcpStream, SocketAddr), dial::Error> {
        let direct = Direct { resolve: RESOLVE_AGAIN, ..Direct::default() };
        let (host, port) = match target {
            Target::Address(address) => return direct.connect_around(&[address], self.tunnel()).await,
            Target::Host { host, port } => (host, port),
        };
        let known = self.addresses.clone();
        progress(Step::Connect);
        let by_known = direct.connect_around(&known, self.tunnel());
        tokio::pin!(by_known);
        let at_once = timeout(HEAD_START, &mut by_known).await;
        if let Ok(Ok(connected)) = at_once {
            return Ok(connected);
        }
        progress(Step::Resolve);
        let by_name = async {
            let servers = self.name_servers().await;
            let mut found = direct.resolve_around(&host, port, &servers, self.tunnel()).await.map_err(Some)?;
            found.retain(|address| !known.contains(address));
            if found.is_empty() {
                return Err(None);
            }
            direct.connect_around(&found, self.tunnel()).await.map_err(Some)
        };
        tokio::pin!(by_name);
        let failed = match at_once {
            Ok(failed) => failed,
            Err(_) => tokio::select! {
                by_known = &mut by_known => by_known,
                by_name = &mut by_name => match by_name {
                    Ok(connected) => return Ok(connected),
                    Err(_) => return by_known.await,
                },
            },
        };
        match (failed, by_name) {
            (Ok(connected), _) => Ok(connected),
            (Err(failed), by_name) => by_name.await.map_err(|error| error.unwrap_or(failed)),
        }
    }

    fn tunnel(&self) -> dial::Tunnel<'_> {
        dial::Tunnel { index: self.index(), inside: &self.inside }
    }

    /// The name servers beside the tunnel: those of the interfaces by which the world is reached, and those that there
    /// were before it.
    async fn name_servers(&self) -> Vec<IpAddr> {
        let mut interfaces = BTreeSet::new();
        if let Ok(netlink) = Netlink::connect() {
            let anywhere = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
            for address in self.known().into_iter().chain(anywhere) {
                if let Ok(Some(interface)) = netlink.interface_around(self.index(), address).await
                    && let Ok(index) = if_nametoindex(interface.as_str())
                {
                    interfaces.insert((index, interface));
                }
            }
        }
        let mut servers = nameservers::of_interfaces(&interfaces).await;
        servers.extend(self.resolv_conf.iter().filter(|server| !servers.contains(server)).copied().collect::<Vec<_>>());
        servers
    }

    fn index(&self) -> u32 {
        self.interface_index().unwrap_or_default()
    }

    /// Where the gateway was found, the last one first.
    fn remember(&mut self, addresses: &[SocketAddr]) {
        self.addresses.retain(|known| !addresses.contains(known));
        self.addresses.splice(0..0, addresses.iter().copied());
        self.addresses.truncate(MAX_ADDRESSES);
    }

    async fn open_device(&mut self, mtu: u16) -> Result<(String, OwnedFd), tun::Error> {
        let failed = |reason: String| tun::Error::Create { name: self.interface_name.clone(), reason, number: None };
        if self.interface_name.is_empty() || std::mem::replace(&mut self.has_device, true) {
            return Err(failed(BROKEN.to_owned()));
        }
        match &self.interface {
            // the one that has outlived its connection
            Some(interface) => interface.set_mtu(mtu).await?,
            None => self.interface = Some(Interface::create(&self.interface_name, mtu).await?),
        }
        let Some(interface) = &self.interface else { return Err(failed(BROKEN.to_owned())) };
        let file = interface.file().map_err(|error| failed(error.to_string()))?;
        Ok((interface.name().to_owned(), file))
    }

    async fn set_mtu(&self, mtu: u16) -> Result<(), tun::Error> {
        match &self.interface {
            Some(interface) => interface.set_mtu(mtu).await,
            None => Err(tun::Error::Configure { name: self.interface_name.clone(), reason: BROKEN.to_owned() }),
        }
    }

    /// What the worker tells, as far as it is for the worker to say.
    ///
    /// # Errors
    ///
    /// It says what cannot be.
    pub(super) fn checked(&mut self, mut told: Told) -> Result<Told, &'static str> {
        if let Told::Up(connected) = &mut told {
            let (Some(interface), Some(server), true) = (&self.interface, self.addresses.first(), self.has_device)
            else {
                return Err(BROKEN);
            };
            interface.name().clone_into(&mut connected.interface);
            connected.server = *server;
            connected.parameters.domains.retain(|name| domain::is_host_name(name));
            self.inside = addresses_inside(&connected.parameters);
            if std::mem::take(&mut self.around) {
                (self.dials, self.tokens) = (0, 0);
            }
        }
        Ok(told)
    }

    /// Where the gateway was found.
    pub(super) fn known(&self) -> Vec<IpAddr> {
        self.addresses.iter().map(|address| address.ip().to_canonical()).collect()
    }

    /// The ways to the gateway that there are beside the tunnel.
    pub(super) async fn ways(&self) -> Ways {
        let Ok(netlink) = Netlink::connect() else { return Ways::new() };
        let mut ways = Ways::new();
        for address in self.known() {
            if let Ok(Some(interface)) = netlink.interface_around(self.index(), address).await {
                ways.entry(interface).or_insert_with_key(|interface| netevents::addresses_of(interface));
            }
        }
        ways
    }
}

/// Interfaces with their addresses.
pub(super) type Ways = BTreeMap<String, Vec<IpAddr>>;

/// Our addresses in a tunnel.
pub(super) fn addresses_inside(parameters: &NetworkParameters) -> Vec<IpAddr> {
    let NetworkParameters { ipv4, ipv6, .. } = parameters;
    let ipv6 = ipv6.iter().flat_map(|ipv6| &ipv6.addresses).map(|address| IpAddr::from(address.address));
    ipv4.iter().map(|ipv4| IpAddr::from(ipv4.address)).chain(ipv6).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Tls;
    use crate::tun::tests::in_namespace;
    use crate::tunnel::Connected;

    fn helper() -> Helper {
        Helper::new("sstp%d".to_owned(), Target::Host { host: "127.0.0.1".to_owned(), port: 9 }, Tickets::default())
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
            assert!(refusal(&mut helper, target).await.ends_with(BROKEN));
        }
        let gateway = helper.gateway.clone();
        assert!(refusal(&mut helper, gateway).await.contains("refused the connection"));
    }

    #[tokio::test]
    async fn a_look_gets_no_interface() {
        let mut helper = Helper::new(String::new(), helper().gateway, Tickets::default());
        let (reply, file) = helper.answer(Request::OpenDevice { mtu: 1400 }, &mut |_| {}).await;
        assert!(file.is_none() && matches!(reply, Reply::Device(Err(_))), "{reply:?}");
        let (reply, _) = helper.answer(Request::SetMtu(1400), &mut |_| {}).await;
        assert!(matches!(reply, Reply::Mtu(Err(_))), "{reply:?}");
    }

    #[tokio::test]
    async fn tokens_are_for_the_proxy_of_the_profile_only_and_bounded() {
        let mut helper = helper();
        let mut refusal = async || match helper.answer(Request::ProxyToken(Vec::new()), &mut |_| {}).await {
            (Reply::ProxyToken(Err(why)), None) => why,
            other => panic!("{other:?}"),
        };
        for _ in 0..MAX_DIALS {
            assert_ne!(refusal().await, BROKEN, "it has none");
        }
        assert_eq!(refusal().await, BROKEN);
    }

    fn connected() -> Connected {
        Connected {
            interface: "eth0".to_owned(),
            server: ([198, 51, 100, 1], 443).into(),
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
        }
    }

    #[test]
    fn names_addresses_and_interfaces_are_not_for_a_worker_to_choose() {
        in_namespace(|| async {
            let mut helper = helper();
            assert!(helper.checked(Told::Up(Box::new(connected()))).is_err(), "it has no interface");
            let open = || Request::OpenDevice { mtu: 1400 };
            assert!(helper.answer(open(), &mut |_| {}).await.1.is_some());
            assert!(helper.answer(open(), &mut |_| {}).await.1.is_none(), "one is enough");
            assert_eq!(helper.interface.as_ref().map(Interface::name), Some("sstp0"));
            helper.remember(&[([192, 0, 2, 1], 443).into()]);
            let Ok(Told::Up(checked)) = helper.checked(Told::Up(Box::new(connected()))) else { panic!() };
            assert_eq!((checked.interface.as_str(), checked.server.to_string().as_str()), ("sstp0", "192.0.2.1:443"));
            assert_eq!(checked.parameters.domains, ["corp.example"]);
        });
    }
}
