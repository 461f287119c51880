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
            let usable = ![[0; 8], self.interface_identifier, self.peer].contains(&suggested);
            self.interface_identifier = if usable { suggested } else { identifier(&mut self.entropy) };
        }
    }

    /// Without an identifier there is no address; the request stays, and the negotiation ends by its counters.
    fn rejected(&mut self, _option: ConfigurationOption<'_>) {}
}

#[cfg(test)]
mod tests {
    use super::super::negotiator::{Ending, Layer};
    use super::super::testing::{Bench, options};
    use super::*;
    use crate::wire::ppp::code::{CONFIGURE_ACK, CONFIGURE_NAK, CONFIGURE_REJECT, CONFIGURE_REQUEST};

    /// A server's identifier.
    const SERVER: [u8; 8] = [0, 0, 0, 0, 0, 0, 0, 1];

    fn identifiers(identifier: [u8; 8]) -> Vec<u8> {
        options(&[(INTERFACE_IDENTIFIER, &identifier)])
    }

    /// IPV6CP after its first request, and the identifier that it asks for.
    fn open() -> (Bench<Ipv6cpPolicy>, [u8; 8]) {
        let mut bench = Bench::open(Ipv6cpPolicy::new(Entropy::new([6; 32])));
        let own = bench.negotiator.policy.interface_identifier;
        bench.expect(CONFIGURE_REQUEST, 1, &identifiers(own));
        (bench, own)
    }

    #[test]
    fn both_sides_get_a_link_local_address() {
        let (mut bench, own) = open();
        assert_eq!((own[0] & 0x02, own == [0; 8]), (0, false));
        bench.receive(CONFIGURE_REQUEST, 1, &identifiers(SERVER));
        bench.expect(CONFIGURE_ACK, 1, &identifiers(SERVER));
        assert_eq!(bench.receive(CONFIGURE_ACK, 1, &identifiers(own)), Some(Layer::Up));
        let policy = &bench.negotiator.policy;
        assert_eq!(policy.peer(), "fe80::1".parse().ok());
        assert_eq!(policy.link_local().segments()[..4], [0xfe80, 0, 0, 0]);
        assert_eq!(policy.link_local().octets()[8..], own);
    }

    #[test]
    fn the_server_suggests_another_identifier() {
        let (mut bench, _) = open();
        bench.receive(CONFIGURE_NAK, 1, &identifiers([0, 0, 0, 0, 0, 0, 0, 7]));
        bench.expect(CONFIGURE_REQUEST, 2, &identifiers([0, 0, 0, 0, 0, 0, 0, 7]));
        assert_eq!(bench.negotiator.policy.link_local(), "fe80::7".parse::<Ipv6Addr>().unwrap());
    }

    #[test]
    fn a_suggestion_that_is_of_no_use_makes_us_choose_again() {
        for no_use in [|_own| [0; 8], |own| own, |_own| SERVER] {
            let (mut bench, own) = open();
            bench.receive(CONFIGURE_REQUEST, 1, &identifiers(SERVER));
            bench.expect(CONFIGURE_ACK, 1, &identifiers(SERVER));
            bench.receive(CONFIGURE_NAK, 1, &identifiers(no_use(own)));
            let chosen = bench.negotiator.policy.interface_identifier;
            assert!(![own, [0; 8], SERVER].contains(&chosen));
            bench.expect(CONFIGURE_REQUEST, 2, &identifiers(chosen));
        }
        // and one that cannot be read leaves everything as it is
        let (mut bench, own) = open();
        bench.receive(CONFIGURE_NAK, 1, &options(&[(INTERFACE_IDENTIFIER, &[1, 2, 3])]));
        bench.expect(CONFIGURE_REQUEST, 2, &identifiers(own));
    }

    /// RFC 5072 4.1: neither zero nor our own can be the server's.
    #[test]
    fn the_server_has_no_identifier_or_ours() {
        for no_use in [|_own| [0; 8], |own| own] {
            let (mut bench, own) = open();
            bench.receive(CONFIGURE_REQUEST, 4, &identifiers(no_use(own)));
            let nak = bench.next_sent().unwrap();
            assert_eq!((nak.code, nak.identifier, nak.data.len()), (CONFIGURE_NAK, 4, 10));
            assert!(![own, [0; 8]].iter().any(|no_use| nak.data[2..] == *no_use));
        }
    }

    #[test]
    fn other_wishes_are_rejected() {
        let (mut bench, _) = open();
        let compression = options(&[(2, &[0x00, 0x4f]), (INTERFACE_IDENTIFIER, &[1; 7])]);
        bench.receive(CONFIGURE_REQUEST, 4, &[compression.clone(), identifiers(SERVER)].concat());
        bench.expect(CONFIGURE_REJECT, 4, &compression);
        bench.receive(CONFIGURE_REQUEST, 5, &[]);
        bench.expect(CONFIGURE_ACK, 5, &[]);
        assert_eq!(bench.negotiator.policy.peer(), None);
    }

    #[test]
    fn a_server_that_rejects_the_identifier_gets_no_ipv6() {
        let (mut bench, own) = open();
        let mut identifier = 1;
        while bench.receive(CONFIGURE_REJECT, identifier, &identifiers(own)).is_none() {
            identifier += 1;
            bench.expect(CONFIGURE_REQUEST, identifier, &identifiers(own));
        }
        assert_eq!(bench.negotiator.ending(), Some(&Ending::NotConverging));
    }
}
