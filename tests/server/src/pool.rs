//! The addresses that clients get.

use std::collections::BTreeSet;
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// An IPv4 network: its first address is the server's, the others are for clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    network: Ipv4Addr,
    prefix: u8,
    taken: BTreeSet<Ipv4Addr>,
}

impl Pool {
    /// The server's address.
    pub fn server(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.network.to_bits() + 1)
    }

    /// Length of the network's prefix, in bits.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// The address of all hosts in the network: its last one.
    pub fn broadcast(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.network.to_bits() | (u32::MAX >> self.prefix))
    }

    /// The lowest free address for a client, until it is [given back](Self::give).
    pub fn take(&mut self) -> Option<Ipv4Addr> {
        let mut addresses = (self.network.to_bits() + 2..self.broadcast().to_bits()).map(Ipv4Addr::from_bits);
        let address = addresses.find(|address| !self.taken.contains(address))?;
        self.taken.insert(address);
        Some(address)
    }

    /// The client with this address is gone.
    pub fn give(&mut self, address: Ipv4Addr) {
        self.taken.remove(&address);
    }
}

impl Default for Pool {
    /// 10.99.0.0/24.
    fn default() -> Self {
        Pool { network: Ipv4Addr::new(10, 99, 0, 0), prefix: 24, taken: BTreeSet::new() }
    }
}

impl FromStr for Pool {
    type Err = String;

    /// Reads a network such as `10.99.0.0/24`, with a prefix of 8 to 30 bits.
    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(network, prefix)| {
            let prefix = prefix.parse::<u8>().ok().filter(|prefix| (8..=30).contains(prefix))?;
            Some((network.parse::<Ipv4Addr>().ok()?, prefix))
        });
        let (address, prefix) =
            parts.ok_or_else(|| format!("'{text}' is no network such as 10.99.0.0/24, with a prefix of 8 to 30"))?;
        let network = Ipv4Addr::from_bits(address.to_bits() & !(u32::MAX >> prefix));
        Ok(Pool { network, prefix, taken: BTreeSet::new() })
    }
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_given_and_taken_back() {
        let mut pool: Pool = "192.0.2.9/29".parse().unwrap();
        assert_eq!((pool.to_string().as_str(), pool.server()), ("192.0.2.8/29", Ipv4Addr::new(192, 0, 2, 9)));
        assert_eq!(pool.broadcast(), Ipv4Addr::new(192, 0, 2, 15));
        let all: Vec<_> = std::iter::from_fn(|| pool.take()).collect();
        assert_eq!(all, [10, 11, 12, 13, 14].map(|last| Ipv4Addr::new(192, 0, 2, last)));
        pool.give(all[1]);
        assert_eq!((pool.take(), pool.take()), (Some(all[1]), None));
    }

    #[test]
    fn what_is_no_network() {
        for text in ["", "10.99.0.0", "10.99.0.0/31", "10.99.0.0/7", "10.99.0/24", "fd00::/64"] {
            assert!(text.parse::<Pool>().is_err(), "{text}");
        }
    }
}
