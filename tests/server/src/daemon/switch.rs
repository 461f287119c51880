//! What the connections share: the address pool, the TUN device, and the table from client address to connection. To
//! the programs behind the TUN device it is one link with all the clients on it.

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use sstp_test_server::pool::Pool;
use sstp_test_server::{Config, Server};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::device::Device;
use super::table::{Destination, Table, source6};
use super::tls::Acceptor;

/// Octets that may wait for a client before the TUN device is left unread: two TLS records' worth behind the one that is
/// being written. More would only be delay.
const FULL: usize = 48 * 1024;
/// How long one client may keep the TUN device unread. A client that reads nothing for longer loses its datagrams
/// instead of holding up the others.
const PATIENCE: Duration = Duration::from_millis(50);
/// Datagrams that are taken from the TUN device before the connections get their turn.
const BATCH: usize = 64;

/// What the connections share. Everything happens on one thread, so that nothing here is locked.
pub struct Switch {
    pub config: Arc<Config>,
    /// Where the RADIUS server is.
    pub radius: Option<SocketAddr>,
    pub acceptor: Acceptor,
    pool: RefCell<Pool>,
    device: Option<Device>,
    table: RefCell<Table<Peer>>,
    peers: RefCell<Vec<Rc<Peer>>>,
    /// A connection ended.
    left: Notify,
}

/// One connection, as the others see it.
pub struct Peer {
    pub server: RefCell<Server>,
    /// There is something to write, or the daemon is stopping.
    pub wake: Notify,
    /// Less than [`FULL`] waits to be written.
    pub room: Notify,
    pub stopping: Cell<bool>,
    /// It did not read for [`PATIENCE`].
    stalled: Cell<bool>,
}

impl Peer {
    fn is_full(&self) -> bool {
        self.server.borrow().queued() >= FULL
    }

    /// Queues a datagram, where the server can send it.
    fn send(&self, datagram: &[u8]) {
        if self.server.borrow_mut().send_datagram(datagram) {
            self.wake.notify_one();
        }
    }

    /// To be called when something was written to the client.
    pub fn made_room(&self) {
        if !self.is_full() {
            self.stalled.set(false);
            self.room.notify_one();
        }
    }

    /// Waits until there is room, but not for ever.
    async fn wait_for_room(&self) {
        let end = Instant::now() + PATIENCE;
        while self.is_full() && !self.stalled.get() {
            tokio::select! {
                () = self.room.notified() => {}
                () = sleep_until(end) => self.stalled.set(true),
            }
        }
    }
}

impl Switch {
    pub fn new(
        config: Arc<Config>,
        radius: Option<SocketAddr>,
        acceptor: Acceptor,
        pool: Pool,
        device: Option<Device>,
    ) -> Rc<Self> {
        Rc::new(Switch {
            config,
            radius,
            acceptor,
            pool: RefCell::new(pool),
            device,
            table: RefCell::default(),
            peers: RefCell::default(),
            left: Notify::new(),
        })
    }

    pub fn device_name(&self) -> Option<&str> {
        self.device.as_ref().map(Device::name)
    }

    /// A client is there, and TLS is set up.
    pub fn join(&self, server: impl FnOnce(Option<Ipv4Addr>) -> Server) -> (Rc<Peer>, Option<Ipv4Addr>) {
        let address = self.pool.borrow_mut().take();
        let peer = Rc::new(Peer {
            server: RefCell::new(server(address)),
            wake: Notify::new(),
            room: Notify::new(),
            stopping: Cell::new(false),
            stalled: Cell::new(false),
        });
        self.peers.borrow_mut().push(peer.clone());
        (peer, address)
    }

    /// The client may be reached under this address.
    pub fn route(&self, address: IpAddr, peer: &Rc<Peer>) {
        self.table.borrow_mut().assign(address, peer);
    }

    /// The client is gone.
    pub fn leave(&self, peer: &Rc<Peer>, address: Option<Ipv4Addr>) {
        self.table.borrow_mut().forget(peer);
        self.peers.borrow_mut().retain(|other| !Rc::ptr_eq(other, peer));
        if let Some(address) = address {
            self.pool.borrow_mut().give(address);
        }
        peer.room.notify_one();
        self.left.notify_one();
    }

    /// Gives a client's datagram to the kernel. Answers to the address that it comes from will reach that client.
    pub fn deliver(&self, peer: &Rc<Peer>, datagram: &[u8]) {
        if let Some(source) = source6(datagram) {
            self.table.borrow_mut().learn(source, peer);
        }
        if let Some(device) = &self.device {
            device.send(datagram);
        }
    }

    /// Ends every connection, and waits until they are gone.
    pub async fn close_all(&self) {
        for peer in self.peers.borrow().iter() {
            peer.stopping.set(true);
            peer.wake.notify_one();
        }
        while !self.peers.borrow().is_empty() {
            self.left.notified().await;
        }
    }

    /// Takes datagrams from the TUN device to the clients, for ever. While a client's queue is full the device is not
    /// read: the datagrams wait in the device's own queue, which knows how to drop them fairly.
    pub async fn distribute(self: Rc<Self>) {
        let Some(device) = &self.device else { return };
        let mut datagram = vec![0; usize::from(u16::MAX)].into_boxed_slice();
        loop {
            let mut length = match device.receive(&mut datagram).await {
                Ok(length) => length,
                Err(error) => return eprintln!("the TUN device is gone: {error}"),
            };
            for _ in 0..BATCH {
                if let Some(full) = self.dispatch(&datagram[..length]) {
                    full.wait_for_room().await;
                }
                match device.try_receive(&mut datagram) {
                    Some(next) => length = next,
                    None => break,
                }
            }
            tokio::task::yield_now().await;
        }
    }

    /// Queues a datagram for its client, or for all of them; returns the one client where its queue is full now.
    fn dispatch(&self, datagram: &[u8]) -> Option<Rc<Peer>> {
        match Destination::of(datagram, &self.pool.borrow())? {
            Destination::One(address) => {
                let table = self.table.borrow();
                let peer = table.find(address)?;
                if peer.stalled.get() && peer.is_full() {
                    return None;
                }
                peer.send(datagram);
                peer.is_full().then(|| peer.clone())
            }
            Destination::All => {
                // The slowest client must not hold up the others: where there is no room, it is lost.
                for peer in self.peers.borrow().iter().filter(|peer| !peer.is_full()) {
                    peer.send(datagram);
                }
                None
            }
        }
    }
}
