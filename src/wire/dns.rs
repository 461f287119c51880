//! DNS, as much as it takes to ask a name server for the addresses of a host (RFC 1035 4, RFC 3596 2).
//!
//! The crate `simple-dns` reads and writes the messages; what is believed of an answer is decided here.

use std::collections::BTreeSet;
use std::net::IpAddr;

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};

/// Most octets of an answer that are looked at: what fits into one datagram without EDNS (RFC 1035 4.2.1).
pub const MAX_ANSWER: usize = 512;

/// Most aliases (CNAME) of a name that are followed.
const MAX_ALIASES: usize = 8;

/// Which addresses are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A (RFC 1035 3.4.1).
    Ipv4,
    /// AAAA (RFC 3596 2.1).
    Ipv6,
}

/// What was asked.
#[derive(Clone, Debug)]
pub struct Query {
    /// A number that nobody can guess.
    pub id: u16,
    /// The name, without a dot at its end.
    pub name: String,
    /// Which addresses.
    pub kind: Kind,
}

impl Query {
    /// As a datagram; `None` where the name is none of DNS.
    pub fn emit(&self) -> Option<Vec<u8>> {
        let mut packet = Packet::new_query(self.id);
        packet.set_flags(PacketFlag::RECURSION_DESIRED);
        let kind = match self.kind {
            Kind::Ipv4 => TYPE::A,
            Kind::Ipv6 => TYPE::AAAA,
        };
        let name = Name::new(&self.name).ok()?;
        packet.questions.push(Question::new(name, QTYPE::TYPE(kind), QCLASS::CLASS(CLASS::IN), false));
        packet.build_bytes_vec().ok()
    }

    /// The addresses in an answer to this; `None` where it is none. An answer that was cut off has those that fitted.
    pub fn addresses(&self, datagram: &[u8]) -> Option<Vec<IpAddr>> {
        let packet = Packet::parse(datagram.get(..datagram.len().min(MAX_ANSWER))?).ok()?;
        let is_answer = packet.id() == self.id && packet.has_flags(PacketFlag::RESPONSE);
        let [question] = packet.questions.as_slice() else { return None };
        if !is_answer || !self.asks(question) {
            return None;
        }
        if packet.rcode() != RCODE::NoError {
            return Some(Vec::new());
        }
        let mut names = BTreeSet::from([self.name.to_ascii_lowercase()]);
        for _ in 0..MAX_ALIASES {
            let aliases = packet.answers.iter().filter_map(|record| match &record.rdata {
                RData::CNAME(alias) if names.contains(&lowercase(&record.name)) => Some(lowercase(&alias.0)),
                _ => None,
            });
            let more: BTreeSet<String> = aliases.filter(|alias| !names.contains(alias)).collect();
            if more.is_empty() {
                break;
            }
            names.extend(more);
        }
        let ours = packet
            .answers
            .iter()
            .filter(|record| record.class == CLASS::IN && names.contains(&lowercase(&record.name)));
        let addresses = ours.filter_map(|record| match (&record.rdata, self.kind) {
            (RData::A(a), Kind::Ipv4) => Some(IpAddr::V4(a.address.into())),
            (RData::AAAA(aaaa), Kind::Ipv6) => Some(IpAddr::V6(aaaa.address.into())),
            _ => None,
        });
        Some(addresses.collect())
    }

    fn asks(&self, question: &Question<'_>) -> bool {
        let kind = match question.qtype {
            QTYPE::TYPE(TYPE::A) => Some(Kind::Ipv4),
            QTYPE::TYPE(TYPE::AAAA) => Some(Kind::Ipv6),
            _ => None,
        };
        kind == Some(self.kind) && lowercase(&question.qname).eq_ignore_ascii_case(&self.name)
    }
}

fn lowercase(name: &Name<'_>) -> String {
    name.to_string().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn query(kind: Kind) -> Query {
        Query { id: 0x1234, name: "vpn.example".to_owned(), kind }
    }

    /// The question of `query(kind)` as a server repeats it, with this behind it.
    fn answer(flags: u16, kind: u16, records: &[&[u8]]) -> Vec<u8> {
        let mut octets = vec![0x12, 0x34];
        octets.extend(flags.to_be_bytes());
        octets.extend([0, 1, 0, records.len() as u8, 0, 0, 0, 0]);
        octets.extend(b"\x03VPN\x07example\x00");
        octets.extend(kind.to_be_bytes());
        octets.extend([0, 1]);
        octets.extend(records.concat());
        octets
    }

    #[test]
    fn a_question_is_as_rfc_1035_4_has_it() {
        let expected = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03vpn\x07example\x00\x00\x1c\x00\x01";
        assert_eq!(query(Kind::Ipv6).emit().unwrap(), expected);
        assert!(Query { name: "x".repeat(64), ..query(Kind::Ipv4) }.emit().is_none());
    }

    #[test]
    fn addresses_are_those_of_the_name_and_of_its_aliases() {
        // vpn.example CNAME gate.example; gate.example A 192.0.2.1; other.example A 192.0.2.66
        let alias = b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x07\x04gate\xc0\x10";
        let gate = b"\x04gate\xc0\x10\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01";
        let other = b"\x05other\xc0\x10\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x42";
        let octets = answer(0x8180, 1, &[other, gate, alias]);
        assert_eq!(query(Kind::Ipv4).addresses(&octets), Some(vec!["192.0.2.1".parse().unwrap()]));
        assert_eq!(query(Kind::Ipv6).addresses(&octets), None, "it was not asked");
        let own = b"\xc0\x0c\x00\x1c\x00\x01\x00\x00\x00\x3c\x00\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01";
        let octets = answer(0x8180, 28, &[own]);
        assert_eq!(query(Kind::Ipv6).addresses(&octets), Some(vec!["2001:db8::1".parse().unwrap()]));
    }

    #[test]
    fn what_answers_something_else_is_no_answer() {
        let gate = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01";
        let good = answer(0x8180, 1, &[gate]);
        let asked = query(Kind::Ipv4);
        assert_eq!(asked.addresses(&good).map(|addresses| addresses.len()), Some(1));
        assert_eq!(asked.addresses(&answer(0x0100, 1, &[gate])), None, "a question");
        assert_eq!(Query { id: 0x1235, ..asked.clone() }.addresses(&good), None);
        assert_eq!(Query { name: "vpn.example2".to_owned(), ..asked.clone() }.addresses(&good), None);
        assert_eq!(asked.addresses(&answer(0x8183, 1, &[])), Some(Vec::new()), "there is no such name");
    }

    proptest! {
        #[test]
        fn nothing_that_comes_panics(mut octets in proptest::collection::vec(any::<u8>(), 0..600), as_answer in any::<bool>()) {
            if as_answer {
                let head = answer(0x8180, 1, &[&octets]);
                octets = head;
            }
            let _ = query(Kind::Ipv4).addresses(&octets);
        }
    }
}
