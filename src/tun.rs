//! The network interface through which the kernel's datagrams come and go.
//!
//! A TUN device without packet information: each `read` is one datagram that the kernel routed into the tunnel, each
//! `write` one that came out of it. The device lives as long as its descriptor; should this process die, the kernel
//! takes the interface down, and its addresses and routes with it.
//!
//! Addresses are not set here: NetworkManager, or the host layer, configures the link. Only what nobody else can know
//! is: the MTU, and that the kernel must not make up a link-local address of its own, since the one that IPV6CP
//! negotiated is the only one that the server accepts (RFC 5072 5).

use std::fmt;
use std::fs::File;
use std::future::Future;
use std::io::{self, Read, Write};
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::task::{Context, Poll, ready};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::net::if_::if_nametoindex;
use rtnetlink::LinkUnspec;
use rtnetlink::packet_route::link::{AfSpecInet6, AfSpecUnspec, In6AddrGenMode, LinkAttribute, LinkMessage};
use serde::{Deserialize, Serialize};
use tokio::io::unix::AsyncFd;
use tun::AbstractDevice;

use crate::netlink::{self, Netlink};

/// A source and sink of IP datagrams.
pub trait Device {
    /// Name of the interface.
    fn name(&self) -> &str;

    /// Changes the MTU, in octets.
    ///
    /// # Errors
    ///
    /// The kernel refused; the old one stays.
    fn set_mtu(&mut self, mtu: u16) -> impl Future<Output = Result<(), Error>> + Send;

    /// Takes the next datagram that is to be sent: its length, at most that of the buffer, which cuts what is longer.
    ///
    /// # Errors
    ///
    /// The device is gone; no datagram will ever come again.
    fn poll_read(&mut self, cx: &mut Context<'_>, datagram: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Hands over a datagram that was received, and never waits: `false` where the kernel did not take it, for example
    /// since the interface is down. It is lost then, as on any link.
    ///
    /// # Errors
    ///
    /// The device is gone.
    fn write(&mut self, datagram: &[u8]) -> io::Result<bool>;
}

/// A TUN interface, and the datagrams that go through it.
pub struct Tun {
    interface: Interface,
    queue: Queue,
}

/// A TUN interface, without its datagrams. It lives until this and every [`Queue`] of it are dropped.
pub struct Interface {
    file: OwnedFd,
    name: String,
    index: u32,
    netlink: Netlink,
}

/// The datagrams that go through an interface.
pub struct Queue {
    file: AsyncFd<File>,
}

/// Why there is no interface.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Error {
    /// The device could not be made.
    Create {
        /// The name that was asked for.
        name: String,
        /// What the kernel said.
        reason: String,
        /// The number of its error, where it has one.
        number: Option<i32>,
    },
    /// The device could not be configured.
    Configure {
        /// Its name.
        name: String,
        /// What the kernel said.
        reason: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Create { name, reason, number } => {
                write!(f, "the tunnel interface {name} cannot be made: {reason}")?;
                f.write_str(match number.map(Errno::from_raw) {
                    Some(Errno::EPERM | Errno::EACCES) => " (CAP_NET_ADMIN and access to /dev/net/tun are needed)",
                    Some(Errno::ENOENT | Errno::ENODEV | Errno::ENXIO) => {
                        " (the kernel has no TUN driver: modprobe tun)"
                    }
                    Some(Errno::EBUSY | Errno::EEXIST) => " (another interface has that name)",
                    _ => "",
                })
            }
            Error::Configure { name, reason } => {
                write!(f, "the tunnel interface {name} cannot be configured: {reason}")
            }
        }
    }
}

impl std::error::Error for Error {}

impl Interface {
    /// Makes an interface that is down, with this MTU in octets and without any address.
    ///
    /// The kernel puts the lowest free number in the place of a `%d` in the name.
    ///
    /// # Errors
    ///
    /// The kernel did not make it, or not configure it.
    pub async fn create(name: &str, mtu: u16) -> Result<Self, Error> {
        let failed = |error: io::Error| Error::Create {
            name: name.to_owned(),
            reason: error.to_string(),
            number: error.raw_os_error(),
        };
        let mut configuration = tun::Configuration::default();
        // What the crate would configure by itself is set below.
        configuration.tun_name(name).platform_config(|platform| {
            platform.ensure_root_privileges(false);
        });
        let device = tun::create(&configuration).map_err(|error| {
            failed(match error {
                tun::Error::Io(error) => error,
                other => io::Error::other(other.to_string()),
            })
        })?;
        let name = device.tun_name().map_err(|error| failed(io::Error::other(error.to_string())))?;
        let index = if_nametoindex(name.as_str()).map_err(|errno| failed(errno.into()))?;
        // SAFETY: the descriptor is open, and nobody's any more.
        let file = unsafe { OwnedFd::from_raw_fd(device.into_raw_fd()) };
        set_nonblocking(&file).map_err(failed)?;
        let netlink =
            Netlink::connect().map_err(|source| Error::Configure { name: name.clone(), reason: source.to_string() })?;
        let interface = Interface { file, name, index, netlink };
        interface.set_mtu(mtu).await?;
        interface.keep_kernel_addresses_off().await;
        Ok(interface)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its index.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Another descriptor of the same device, for a [`Queue`].
    ///
    /// # Errors
    ///
    /// This process has too many descriptors.
    pub fn file(&self) -> io::Result<OwnedFd> {
        self.file.try_clone()
    }

    /// Changes the MTU, in octets.
    ///
    /// # Errors
    ///
    /// The kernel refused; the old one stays.
    pub async fn set_mtu(&self, mtu: u16) -> Result<(), Error> {
        let message = LinkUnspec::new_with_index(self.index).mtu(mtu.into()).build();
        self.change(message)
            .await
            .map_err(|error| Error::Configure { name: self.name.clone(), reason: netlink::reason(&error) })
    }

    async fn change(&self, message: LinkMessage) -> Result<(), rtnetlink::Error> {
        self.netlink.handle().link().change(message).execute().await
    }

    /// Without IPv6 in the kernel there is nothing to keep off, so a refusal is not an error.
    async fn keep_kernel_addresses_off(&self) {
        let inet6 = AfSpecUnspec::Inet6(vec![AfSpecInet6::AddrGenMode(In6AddrGenMode::None)]);
        let attribute = LinkAttribute::AfSpecUnspec(vec![inet6]);
        let message = LinkUnspec::new_with_index(self.index).append_extra_attribute(attribute).build();
        if let Err(error) = self.change(message).await {
            tracing::debug!("{} may get an IPv6 address of the kernel's own: {}", self.name, netlink::reason(&error));
        }
    }
}

fn set_nonblocking(file: &OwnedFd) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(file, FcntlArg::F_GETFL)?);
    fcntl(file, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

impl Queue {
    /// The datagrams of the interface of this descriptor, which does not block. To be called in a tokio runtime with I/O.
    ///
    /// # Errors
    ///
    /// The kernel does not tell when it is ready.
    pub fn new(file: OwnedFd) -> io::Result<Self> {
        // SAFETY: it is the file's own descriptor until the file is dropped, and nobody takes the file out.
        let file = unsafe { AsyncFd::register(File::from(file)) }?;
        Ok(Queue { file })
    }

    /// [`Device::poll_read`]
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, datagram: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.file.poll_read_ready_mut(cx))?;
            if let Ok(read) = guard.try_io(|file| file.get_mut().read(datagram)) {
                return Poll::Ready(read);
            }
        }
    }

    /// [`Device::write`]
    ///
    /// # Errors
    ///
    /// As there.
    pub fn write(&mut self, datagram: &[u8]) -> io::Result<bool> {
        // Straight to the descriptor: the runtime would now and then make a datagram wait for no reason but fairness,
        // and there is nowhere for it to wait.
        match self.file.get_mut().write(datagram) {
            Ok(_) => Ok(true),
            // Somebody deleted the interface. The runtime does not wake a reader for it (the kernel reports EPOLLERR
            // alone), so it is noticed here.
            Err(error) if error.raw_os_error() == Some(Errno::EBADFD as i32) => Err(error),
            Err(_) => Ok(false),
        }
    }
}

impl Tun {
    /// [`Interface::create`], with its datagrams.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn create(name: &str, mtu: u16) -> Result<Self, Error> {
        let interface = Interface::create(name, mtu).await?;
        let queue = interface.file().and_then(Queue::new);
        let failed = |error: io::Error| Error::Configure { name: interface.name.clone(), reason: error.to_string() };
        Ok(Tun { queue: queue.map_err(failed)?, interface })
    }
}

impl Device for Tun {
    fn name(&self) -> &str {
        &self.interface.name
    }

    async fn set_mtu(&mut self, mtu: u16) -> Result<(), Error> {
        self.interface.set_mtu(mtu).await
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, datagram: &mut [u8]) -> Poll<io::Result<usize>> {
        self.queue.poll_read(cx, datagram)
    }

    fn write(&mut self, datagram: &[u8]) -> io::Result<bool> {
        self.queue.write(datagram)
    }
}

#[cfg(test)]
pub(crate) mod tests;
