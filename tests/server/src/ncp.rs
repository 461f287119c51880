//! IPCP (RFC 1332, RFC 1877) and IPV6CP (RFC 5072) as a server negotiates them.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use nm_sstp::ppp::negotiator::{Judgement, Policy};
use nm_sstp::wire::ppp::{ConfigurationOption, Protocol};

use crate::{Behaviour, Config};

/// Types of IPCP options (RFC 1332 3.3; RFC 1877 1.1 to 1.4).
mod option {
    pub const IP_ADDRESS: u8 = 3;
    pub const PRIMARY_DNS: u8 = 129;
    pub const PRIMARY_NBNS: u8 = 130;
    pub const SECONDARY_DNS: u8 = 131;
    pub const SECONDARY_NBNS: u8 = 132;
    /// IPV6CP's only option (RFC 5072 4.1).
    pub const INTERFACE_IDENTIFIER: u8 = 1;
}

/// The options of IPCP on the server's side: it names every value itself.
#[derive(Debug)]
pub(crate) struct IpcpPolicy {
    /// The client's address; it holds once IPCP is Opened.
    pub client_address: Ipv4Addr,
    config: Arc<Config>,
    own_address: Option<Ipv4Addr>,
    /// The client's last request was for its address, and was not refused.
    granted: bool,
    naks: u8,
}

impl IpcpPolicy {
    pub fn new(config: Arc<Config>, client_address: Ipv4Addr) -> Self {
        IpcpPolicy { client_address, own_address: Some(config.server_address), config, granted: false, naks: 0 }
    }

    /// Whether the client has its address, once IPCP is Opened; it may do without.
    pub fn is_granted(&self) -> bool {
        self.granted
    }

    /// The address to nak with.
    fn offered_address(&mut self) -> Ipv4Addr {
        if self.config.behaviours.contains(&Behaviour::NoAddress) {
            return Ipv4Addr::UNSPECIFIED;
        }
        if self.config.behaviours.contains(&Behaviour::NakLoop) {
            self.naks = self.naks % 200 + 1;
            let [a, b, c, _] = self.client_address.octets();
            return Ipv4Addr::new(a, b, c, self.naks);
        }
        self.client_address
    }

    /// Whether the address is refused, even if the client asks for the offered one.
    fn is_stubborn(&self) -> bool {
        let stubborn = [Behaviour::NakLoop, Behaviour::NoAddress];
        stubborn.iter().any(|behaviour| self.config.behaviours.contains(behaviour))
    }
}

impl Policy for IpcpPolicy {
    const PROTOCOL: Protocol = Protocol::IPCP;

    fn request(&mut self, out: &mut Vec<u8>) {
        if let Some(address) = self.own_address {
            ConfigurationOption { kind: option::IP_ADDRESS, data: &address.octets() }.emit(out);
        }
    }

    fn begin(&mut self) {
        self.granted = false;
    }

    fn judge(&mut self, option: ConfigurationOption<'_>) -> Judgement {
        let offered = match option.kind {
            option::IP_ADDRESS => Some(self.offered_address()),
            option::PRIMARY_DNS => self.config.dns.first().copied(),
            option::SECONDARY_DNS => self.config.dns.get(1).copied(),
            option::PRIMARY_NBNS => self.config.nbns.first().copied(),
            option::SECONDARY_NBNS => self.config.nbns.get(1).copied(),
            _ => None,
        };
        let is_address = option.kind == option::IP_ADDRESS;
        let stubborn = is_address && self.is_stubborn();
        match (offered, option.octets::<4>()) {
            (Some(offered), Some(asked)) if asked == offered.octets() && !stubborn => {
                self.granted |= is_address;
                Judgement::Ack
            }
            (Some(offered), Some(_)) => Judgement::Nak(offered.octets().to_vec()),
            _ => Judgement::Reject,
        }
    }

    fn naked(&mut self, _option: ConfigurationOption<'_>) {}

    fn rejected(&mut self, option: ConfigurationOption<'_>) {
        if option.kind == option::IP_ADDRESS {
            self.own_address = None;
        }
    }
}

/// The server's interface identifier: its link-local address is fe80::1.
const SERVER_IDENTIFIER: u64 = 1;

/// The options of IPV6CP on the server's side.
#[derive(Debug)]
pub(crate) struct Ipv6cpPolicy {
    /// What the client asked for.
    client: u64,
    /// What the client is told where it asks for nothing, or for something impossible.
    suggestion: u64,
    send_identifier: bool,
}

impl Ipv6cpPolicy {
    pub fn new(suggestion: u64) -> Self {
        Ipv6cpPolicy { client: 0, suggestion: suggestion.max(SERVER_IDENTIFIER + 1), send_identifier: true }
    }

    /// The client's link-local address; it holds once IPV6CP is Opened.
    pub fn client_address(&self) -> Ipv6Addr {
        Ipv6Addr::from_bits(0xfe80 << 112 | u128::from(self.client))
    }
}

impl Policy for Ipv6cpPolicy {
    const PROTOCOL: Protocol = Protocol::IPV6CP;

    fn request(&mut self, out: &mut Vec<u8>) {
        if self.send_identifier {
            let data = SERVER_IDENTIFIER.to_be_bytes();
            ConfigurationOption { kind: option::INTERFACE_IDENTIFIER, data: &data }.emit(out);
        }
    }

    fn begin(&mut self) {}

    fn judge(&mut self, option: ConfigurationOption<'_>) -> Judgement {
        let Some(octets) = option.octets::<8>().filter(|_| option.kind == option::INTERFACE_IDENTIFIER) else {
            return Judgement::Reject;
        };
        match u64::from_be_bytes(octets) {
            0 | SERVER_IDENTIFIER => Judgement::Nak(self.suggestion.to_be_bytes().to_vec()),
            identifier => {
                self.client = identifier;
                Judgement::Ack
            }
        }
    }

    fn naked(&mut self, _option: ConfigurationOption<'_>) {}

    fn rejected(&mut self, _option: ConfigurationOption<'_>) {
        self.send_identifier = false;
    }
}
