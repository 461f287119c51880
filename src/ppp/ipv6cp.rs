//! IPV6CP: the interface identifier (RFC 5072 4.1).

use std::net::Ipv6Addr;

use super::negotiator::{Judgement, Policy};
use crate::crypto::Entropy;
use crate::wire::ppp::{ConfigurationOption, Protocol};

/// Interface-Identifier.
const INTERFACE_IDENTIFIER: u8 = 1;

/// The options of IPV6CP.
#[derive(Debug)]
pub struct Ipv6cpPolicy {
    entropy: Entropy,
    interface_identifier: [u8; 8],
    peer: [u8; 8],
}

impl Ipv6cpPolicy {
    /// Asks for a random identifier.
    pub fn new(mut entropy: Entropy) -> Self {
        let interface_identifier = identifier(&mut entropy);
        Ipv6cpPolicy { entropy, interface_identifier, peer: [0; 8] }
    }

    /// Our link-local address.
    pub fn link_local(&self) -> Ipv6Addr {
        link_local(self.interface_identifier)
    }

    /// The peer's link-local address; `None` where it told no identifier.
    pub fn peer(&self) -> Option<Ipv6Addr> {
        (self.peer != [0; 8]).then(|| link_local(self.peer))
    }
}

/// A random identifier with the universal/local bit zero: local (RFC 5072 4.1).
fn identifier(entropy: &mut Entropy) -> [u8; 8] {
    let mut octets: [u8; 8] = entropy.octets();
    octets[0] &= !0x02;
    octets[7] |= 0x01;
    octets
}

/// RFC 5072 5: fe80::/64 and the identifier.
fn link_local(identifier: [u8; 8]) -> Ipv6Addr {
    let mut octets = [0; 16];
    octets[..2].copy_from_slice(&[0xfe, 0x80]);
    octets[8..].copy_from_slice(&identifier);
    Ipv6Addr::from(octets)
}

impl Policy for Ipv6cpPolicy {
    const PROTOCOL: Protocol = Protocol::IPV6CP;

    fn request(&mut self, out: &mut Vec<u8>) {
        ConfigurationOption { kind: INTERFACE_IDENTIFIER, data: &self.interface_identifier }.emit(out);
    }

    fn begin(&mut self) {
        self.peer = [0; 8];
    }

    fn judge(&mut self, option: ConfigurationOption<'_>) -> Judgement {
        match (option.kind, option.octets::<8>()) {
            (INTERFACE_IDENTIFIER, Some(peer)) if peer == [0; 8] || peer == self.interface_identifier => {
                Judgement::Nak(identifier(&mut self.entropy).to_vec())
            }
            (INTERFACE_IDENTIFIER, Some(peer)) => {
                self.peer = peer;
                Judgement::Ack
            }
            _ => Judgement::Reject,
        }
    }

    fn naked(&mut self, option: ConfigurationOption<'_>) {
        if let (INTERFACE_IDENTIFIER, Some(suggested)) = (option.kind, option.octets::<8>()) {
            let usable = suggested != [0; 8] && suggested != self.interface_identifier;
            self.interface_identifier = if usable { suggested } else { identifier(&mut self.entropy) };
        }
    }

    /// Without an identifier there is no address; the request stays, and the negotiation ends by its counters.
    fn rejected(&mut self, _option: ConfigurationOption<'_>) {}
}
