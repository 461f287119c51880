//! IPCP: the address (RFC 1332 3.3) and the name servers (RFC 1877).

use std::net::Ipv4Addr;

use super::negotiator::{Judgement, Policy};
use crate::wire::ppp::{ConfigurationOption, Protocol};

/// Types of IPCP options (RFC 1332 3.3, RFC 1877 1.1 to 1.4).
pub mod option {
    /// IP-Address.
    pub const IP_ADDRESS: u8 = 3;
    /// Primary DNS Server Address.
    pub const PRIMARY_DNS: u8 = 129;
    /// Primary NBNS Server Address.
    pub const PRIMARY_NBNS: u8 = 130;
    /// Secondary DNS Server Address.
    pub const SECONDARY_DNS: u8 = 131;
    /// Secondary NBNS Server Address.
    pub const SECONDARY_NBNS: u8 = 132;
}

/// The name servers that a client asks for, in the order of its request.
const SERVERS: [u8; 4] = [option::PRIMARY_DNS, option::SECONDARY_DNS, option::PRIMARY_NBNS, option::SECONDARY_NBNS];

/// The options of IPCP, as a client negotiates them.
#[derive(Debug)]
pub struct IpcpPolicy {
    /// Our address: what we ask for, 0.0.0.0 to be given one. `None` where the peer rejected the option.
    address: Option<Ipv4Addr>,
    /// What stands in our request for each of [`SERVERS`]; `None` where the peer has none.
    servers: [Option<Ipv4Addr>; 4],
    peer: Option<Ipv4Addr>,
}

impl IpcpPolicy {
    /// Asks for this address, or, where it is 0.0.0.0, for any, and for name servers.
    pub fn new(address: Ipv4Addr) -> Self {
        IpcpPolicy { address: Some(address), servers: [Some(Ipv4Addr::UNSPECIFIED); 4], peer: None }
    }

    /// Our address; `None` where the peer has given none that a host can use.
    pub fn address(&self) -> Option<Ipv4Addr> {
        self.address.filter(is_host)
    }

    /// The peer's address, where it told one that a host can have.
    pub fn peer(&self) -> Option<Ipv4Addr> {
        self.peer.filter(is_host)
    }

    /// DNS servers, the primary first.
    pub fn dns(&self) -> Vec<Ipv4Addr> {
        distinct(&self.servers[..2])
    }

    /// NetBIOS name servers, the primary first.
    pub fn nbns(&self) -> Vec<Ipv4Addr> {
        distinct(&self.servers[2..])
    }
}

fn distinct(servers: &[Option<Ipv4Addr>]) -> Vec<Ipv4Addr> {
    let mut found: Vec<Ipv4Addr> = servers.iter().flatten().copied().filter(is_host).collect();
    found.dedup();
    found
}

/// Whether a single host can have the address (RFC 1122 3.2.1.3).
fn is_host(address: &Ipv4Addr) -> bool {
    !(address.octets()[0] == 0 || address.is_multicast() || address.is_loopback() || address.is_broadcast())
}

impl Policy for IpcpPolicy {
    const PROTOCOL: Protocol = Protocol::IPCP;

    fn request(&mut self, out: &mut Vec<u8>) {
        let servers = SERVERS.into_iter().zip(self.servers);
        for (kind, address) in [(option::IP_ADDRESS, self.address)].into_iter().chain(servers) {
            if let Some(address) = address {
                ConfigurationOption { kind, data: &address.octets() }.emit(out);
            }
        }
    }

    fn begin(&mut self) {
        self.peer = None;
    }

    fn judge(&mut self, option: ConfigurationOption<'_>) -> Judgement {
        match (option.kind, option.octets::<4>().map(Ipv4Addr::from)) {
            (option::IP_ADDRESS, Some(address)) if !address.is_unspecified() => {
                self.peer = Some(address);
                Judgement::Ack
            }
            // 0.0.0.0 asks us for an address (RFC 1332 3.3), and we have none to give
            _ => Judgement::Reject,
        }
    }

    fn naked(&mut self, option: ConfigurationOption<'_>) {
        let Some(address) = option.octets::<4>().map(Ipv4Addr::from) else { return };
        if option.kind == option::IP_ADDRESS {
            self.address = Some(address);
        } else if let Some(at) = SERVERS.iter().position(|kind| *kind == option.kind) {
            // a Nak that repeats what was asked for would go on for ever: there is no such server
            self.servers[at] = Some(address).filter(|address| self.servers[at] != Some(*address));
        }
    }

    fn rejected(&mut self, option: ConfigurationOption<'_>) {
        if option.kind == option::IP_ADDRESS {
            self.address = None;
        } else if let Some(at) = SERVERS.iter().position(|kind| *kind == option.kind) {
            self.servers[at] = None;
        }
    }
}

#[cfg(test)]
mod tests;
