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
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use rtnetlink::LinkUnspec;
use rtnetlink::packet_route::link::{AfSpecInet6, AfSpecUnspec, In6AddrGenMode, LinkAttribute, LinkMessage};
use tokio::io::{AsyncRead, ReadBuf};
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

/// A TUN interface.
pub struct Tun {
    device: tun::AsyncDevice,
    name: String,
    index: u32,
    netlink: Netlink,
}

/// Why there is no interface.
#[derive(Debug)]
pub enum Error {
    /// The device could not be made.
    Create {
        /// The name that was asked for.
        name: String,
        /// What the kernel said.
        source: io::Error,
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
            Error::Create { name, source } => {
                write!(f, "the tunnel interface {name} cannot be made: {source}")?;
                f.write_str(match source.raw_os_error().map(Errno::from_raw) {
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

impl Tun {
    /// Makes an interface that is down, with this MTU in octets and without any address.
    ///
    /// The kernel puts the lowest free number in the place of a `%d` in the name.
    ///
    /// # Errors
    ///
    /// The kernel did not make it, or not configure it.
    pub async fn create(name: &str, mtu: u16) -> Result<Self, Error> {
        let create_error = |source| Error::Create { name: name.to_owned(), source };
        let mut configuration = tun::Configuration::default();
        // What the crate would configure by itself is set below.
        configuration.tun_name(name).platform_config(|platform| {
            platform.ensure_root_privileges(false);
        });
        let device = tun::create_as_async(&configuration).map_err(|error| {
            create_error(match error {
                tun::Error::Io(error) => error,
                other => io::Error::other(other.to_string()),
            })
        })?;
        let name = device.tun_name().map_err(|error| create_error(io::Error::other(error.to_string())))?;
        let index = if_nametoindex(name.as_str()).map_err(|errno| create_error(errno.into()))?;
        let netlink =
            Netlink::connect().map_err(|source| Error::Configure { name: name.clone(), reason: source.to_string() })?;
        let mut tun = Tun { device, name, index, netlink };
        tun.set_mtu(mtu).await?;
        tun.keep_kernel_addresses_off().await;
        Ok(tun)
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

impl Device for Tun {
    fn name(&self) -> &str {
        &self.name
    }

    async fn set_mtu(&mut self, mtu: u16) -> Result<(), Error> {
        let message = LinkUnspec::new_with_index(self.index).mtu(mtu.into()).build();
        self.change(message)
            .await
            .map_err(|error| Error::Configure { name: self.name.clone(), reason: netlink::reason(&error) })
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, datagram: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(datagram);
        ready!(Pin::new(&mut self.device).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    fn write(&mut self, datagram: &[u8]) -> io::Result<bool> {
        // Straight to the descriptor: the runtime would now and then make a datagram wait for no reason but fairness,
        // and there is nowhere for it to wait.
        match io::Write::write(&mut *self.device, datagram) {
            Ok(_) => Ok(true),
            // Somebody deleted the interface. The runtime does not wake a reader for it (the kernel reports EPOLLERR
            // alone), so it is noticed here.
            Err(error) if error.raw_os_error() == Some(Errno::EBADFD as i32) => Err(error),
            Err(_) => Ok(false),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
