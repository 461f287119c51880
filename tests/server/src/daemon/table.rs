//! Which client a datagram from the TUN device is for.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

use sstp_test_server::pool::Pool;

/// Addresses that are learned of one client. A client has a link-local address, one of each advertised prefix, and
/// some that are temporary (RFC 8981).
const LEARNED: usize = 16;

/// Whom a datagram is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// The client that has this address.
    One(IpAddr),
    /// Every client: multicast or broadcast.
    All,
}

impl Destination {
    /// The destination of a datagram (RFC 791 3.1, RFC 8200 3) on a link with the clients of this pool; `None`: it is
    /// neither IPv4 nor IPv6, or too short.
    pub fn of(datagram: &[u8], pool: &Pool) -> Option<Self> {
        let address = match datagram.first()? >> 4 {
            4 => IpAddr::V4(v4(datagram.get(16..20)?)?),
            6 => IpAddr::V6(v6(datagram.get(24..40)?)?),
            _ => return None,
        };
        let all = match address {
            IpAddr::V4(address) => address.is_broadcast() || address.is_multicast() || address == pool.broadcast(),
            IpAddr::V6(address) => address.is_multicast(),
        };
        Some(if all { Destination::All } else { Destination::One(address) })
    }
}

/// The IPv6 address that a datagram comes from, where it is one that could be answered.
pub fn source6(datagram: &[u8]) -> Option<Ipv6Addr> {
    let source = if datagram.first()? >> 4 == 6 { v6(datagram.get(8..24)?)? } else { return None };
    (!source.is_unspecified() && !source.is_multicast() && !source.is_loopback()).then_some(source)
}

fn v4(octets: &[u8]) -> Option<Ipv4Addr> {
    octets.first_chunk::<4>().map(|octets| Ipv4Addr::from(*octets))
}

fn v6(octets: &[u8]) -> Option<Ipv6Addr> {
    octets.first_chunk::<16>().map(|octets| Ipv6Addr::from(*octets))
}

/// The table from client address to client.
pub struct Table<P> {
    clients: HashMap<IpAddr, Rc<P>>,
    /// What was learned, of all clients, the oldest first.
    learned: VecDeque<(Ipv6Addr, Rc<P>)>,
}

impl<P> Default for Table<P> {
    fn default() -> Self {
        Table { clients: HashMap::new(), learned: VecDeque::new() }
    }
}

impl<P> Table<P> {
    /// PPP gave this address to the client; whoever used it before loses it.
    pub fn assign(&mut self, address: IpAddr, client: &Rc<P>) {
        self.learned.retain(|(learned, _)| IpAddr::V6(*learned) != address);
        self.clients.insert(address, client.clone());
    }

    /// The client uses this address. One that belongs to somebody stays theirs; of the addresses learned of one client,
    /// the last 16 are kept.
    pub fn learn(&mut self, address: Ipv6Addr, client: &Rc<P>) {
        if self.clients.contains_key(&address.into()) {
            return;
        }
        let mut own = self.learned.iter().enumerate().filter(|(_, (_, other))| Rc::ptr_eq(other, client));
        let oldest = own.next().map(|(at, _)| at).filter(|_| own.count() + 1 >= LEARNED);
        if let Some((forgotten, _)) = oldest.and_then(|at| self.learned.remove(at)) {
            self.clients.remove(&forgotten.into());
        }
        self.learned.push_back((address, client.clone()));
        self.clients.insert(address.into(), client.clone());
    }

    /// The client that has this address.
    pub fn find(&self, address: IpAddr) -> Option<&Rc<P>> {
        self.clients.get(&address)
    }

    /// The client is gone.
    pub fn forget(&mut self, client: &Rc<P>) {
        self.clients.retain(|_, other| !Rc::ptr_eq(other, client));
        self.learned.retain(|(_, other)| !Rc::ptr_eq(other, client));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram4(destination: [u8; 4]) -> Vec<u8> {
        let mut datagram = vec![0; 20];
        datagram[0] = 0x45;
        datagram[16..].copy_from_slice(&destination);
        datagram
    }

    fn datagram6(source: &str, destination: &str) -> Vec<u8> {
        let octets = |text: &str| text.parse::<Ipv6Addr>().unwrap().octets();
        [&[0x60, 0, 0, 0, 0, 0, 59, 255][..], &octets(source), &octets(destination)].concat()
    }

    #[test]
    fn multicast_and_broadcast_are_for_all_clients() {
        let pool: Pool = "10.7.8.0/23".parse().unwrap();
        for destination in [[255; 4], [224, 0, 0, 1], [239, 255, 255, 250], [10, 7, 9, 255]] {
            assert_eq!(Destination::of(&datagram4(destination), &pool), Some(Destination::All), "{destination:?}");
        }
        for destination in ["ff02::1", "ff02::1:ff00:2", "ff05::1:3"] {
            let datagram = datagram6("fe80::1", destination);
            assert_eq!(Destination::of(&datagram, &pool), Some(Destination::All), "{destination}");
        }
    }

    #[test]
    fn every_other_address_is_one_client() {
        let pool: Pool = "10.7.8.0/23".parse().unwrap();
        for destination in [[10, 7, 8, 2], [10, 7, 8, 255], [192, 0, 2, 255]] {
            let one = Destination::One(Ipv4Addr::from(destination).into());
            assert_eq!(Destination::of(&datagram4(destination), &pool), Some(one));
        }
        let one = Destination::One("fe80::2".parse().unwrap());
        assert_eq!(Destination::of(&datagram6("fe80::1", "fe80::2"), &pool), Some(one));
        for datagram in [&[][..], &[0x45; 19], &[0x60; 39], &[0x50; 64]] {
            assert_eq!(Destination::of(datagram, &pool), None);
        }
    }

    #[test]
    fn sources_that_can_be_answered() {
        assert_eq!(source6(&datagram6("2001:db8::7", "ff02::2")), Some("2001:db8::7".parse().unwrap()));
        for source in ["::", "::1", "ff02::1"] {
            assert_eq!(source6(&datagram6(source, "ff02::2")), None, "{source}");
        }
        assert_eq!(source6(&datagram4([10, 0, 0, 1])), None);
        assert_eq!(source6(&[0x60; 23]), None);
    }

    fn numbered(number: u16) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number)
    }

    #[test]
    fn the_oldest_learned_address_makes_room() {
        let (one, two) = (Rc::new(1), Rc::new(2));
        let mut table = Table::default();
        table.assign(numbered(1000).into(), &one);
        table.learn(numbered(2000), &two);
        for number in 0..=16 {
            table.learn(numbered(number), &one);
        }
        assert!(table.find(numbered(0).into()).is_none());
        let kept = (1..=16).chain([1000]).map(|number| table.find(numbered(number).into()));
        assert!(kept.into_iter().all(|client| client == Some(&one)));
        assert_eq!(table.find(numbered(2000).into()), Some(&two), "another client's addresses are not counted");
        assert_eq!(table.learned.len(), 17);
    }

    #[test]
    fn an_address_of_another_client_is_not_stolen() {
        let (one, two) = (Rc::new(1), Rc::new(2));
        let mut table = Table::default();
        table.assign(numbered(1).into(), &one);
        table.learn(numbered(2), &one);
        table.learn(numbered(1), &two);
        table.learn(numbered(2), &two);
        assert_eq!((table.find(numbered(1).into()), table.find(numbered(2).into())), (Some(&one), Some(&one)));
        table.assign(numbered(2).into(), &two);
        assert_eq!(table.find(numbered(2).into()), Some(&two), "what PPP gave counts more than what was learned");
        table.forget(&one);
        assert!(table.learned.is_empty());
        assert!(table.find(numbered(1).into()).is_none());
        assert_eq!(table.find(numbered(2).into()), Some(&two));
        table.learn(numbered(1), &two);
        assert_eq!(table.find(numbered(1).into()), Some(&two));
    }
}
