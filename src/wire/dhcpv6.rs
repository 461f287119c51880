//! Stateless DHCPv6 (RFC 8415 6.1): the request for parameters, and the answer to it.

use std::net::Ipv6Addr;

use super::{Malformed, domain, need, within};

/// UDP port of clients (RFC 8415 7.2).
pub const CLIENT_PORT: u16 = 546;
/// UDP port of servers (RFC 8415 7.2).
pub const SERVER_PORT: u16 = 547;
/// All_DHCP_Relay_Agents_and_Servers (RFC 8415 7.1).
pub const SERVERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);

const REPLY: u8 = 7;
const INFORMATION_REQUEST: u8 = 11;
/// Message type and transaction identifier, in octets.
const HEADER_LEN: usize = 4;
/// Options of a message that are looked at.
const MAX_OPTIONS: usize = 64;
/// DNS servers that are taken.
const MAX_SERVERS: usize = 8;

/// Codes of options.
mod option {
    pub(super) const SERVER_ID: u16 = 2;
    pub(super) const ORO: u16 = 6;
    pub(super) const ELAPSED_TIME: u16 = 8;
    /// DNS Recursive Name Server (RFC 3646 3).
    pub(super) const DNS_SERVERS: u16 = 23;
    /// Domain Search List (RFC 3646 4).
    pub(super) const DOMAIN_LIST: u16 = 24;
    /// Information Refresh Time (RFC 8415 21.23).
    pub(super) const INFORMATION_REFRESH_TIME: u16 = 32;
}

/// An Information-request (RFC 8415 18.2.6). It does not say who asks (RFC 7844 4.6): nothing depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InformationRequest {
    /// Transaction identifier: 24 bits.
    pub transaction_id: u32,
    /// Time since the first copy was sent, in hundredths of a second.
    pub elapsed: u16,
}

impl InformationRequest {
    /// The message, without UDP.
    pub fn emit(&self) -> Vec<u8> {
        let [_, a, b, c] = self.transaction_id.to_be_bytes();
        let mut out = vec![INFORMATION_REQUEST, a, b, c];
        let mut option = |code: u16, words: &[u16]| {
            out.extend_from_slice(&code.to_be_bytes());
            out.extend_from_slice(&(2 * words.len() as u16).to_be_bytes());
            out.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        };
        option(option::ELAPSED_TIME, &[self.elapsed]);
        option(option::ORO, &[option::DNS_SERVERS, option::DOMAIN_LIST, option::INFORMATION_REFRESH_TIME]);
        out
    }
}

/// A Reply, as far as it answers [`InformationRequest`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// Transaction identifier.
    pub transaction_id: u32,
    /// DNS servers.
    pub dns: Vec<Ipv6Addr>,
    /// Domains to search.
    pub search: Vec<String>,
    /// When to ask again, in seconds; all ones: never.
    pub refresh: Option<u32>,
}

impl Reply {
    /// Reads a message that a client got; `None` where it is no Reply, or says not who sent it (RFC 8415 16.10).
    ///
    /// # Errors
    /// Lengths that cannot be.
    pub fn parse(message: &[u8]) -> Result<Option<Self>, Malformed> {
        const WHAT: &str = "DHCPv6 option";
        need("DHCPv6 message", 0, message.len(), HEADER_LEN)?;
        if message[0] != REPLY {
            return Ok(None);
        }
        let mut reply =
            Reply { transaction_id: u32::from_be_bytes([0, message[1], message[2], message[3]]), ..Reply::default() };
        let (mut at, mut count, mut named) = (HEADER_LEN, 0, false);
        while at < message.len() && count < MAX_OPTIONS {
            need(WHAT, at, message.len() - at, 4)?;
            let code = u16::from_be_bytes([message[at], message[at + 1]]);
            let length = usize::from(u16::from_be_bytes([message[at + 2], message[at + 3]]));
            within(WHAT, at + 2, length, 0, message.len() - at - 4)?;
            let value = &message[at + 4..at + 4 + length];
            match code {
                option::SERVER_ID => named = !value.is_empty(),
                option::DNS_SERVERS => reply.dns = servers(value),
                option::DOMAIN_LIST => reply.search = domain::parse_names(value).unwrap_or_default(),
                option::INFORMATION_REFRESH_TIME => {
                    reply.refresh = value.first_chunk::<4>().map(|octets| u32::from_be_bytes(*octets));
                }
                _ => {}
            }
            (at, count) = (at + 4 + length, count + 1);
        }
        Ok(named.then_some(reply))
    }
}

fn servers(value: &[u8]) -> Vec<Ipv6Addr> {
    let addresses = value.chunks_exact(16).filter_map(|octets| octets.first_chunk::<16>());
    let addresses = addresses.map(|octets| Ipv6Addr::from(*octets));
    addresses.filter(|address| !address.is_unspecified() && !address.is_multicast()).take(MAX_SERVERS).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A Reply with a server, one DNS server, one domain and a time to ask again.
    pub(crate) fn reply(transaction_id: u32, refresh: u32) -> Vec<u8> {
        let [_, a, b, c] = transaction_id.to_be_bytes();
        let mut out = vec![REPLY, a, b, c, 0, 2, 0, 10, 0, 3, 0, 1, 2, 0, 0, 0, 0, 1, 0, 23, 0, 16];
        out.extend("2001:db8::53".parse::<Ipv6Addr>().unwrap().octets());
        out.extend([0, 24, 0, 6, 4, b'c', b'o', b'r', b'p', 0, 0, 32, 0, 4]);
        out.extend(refresh.to_be_bytes());
        out
    }

    #[test]
    fn request_and_reply() {
        let request = InformationRequest { transaction_id: 0x0012_3456, elapsed: 100 }.emit();
        assert_eq!(request, [11, 0x12, 0x34, 0x56, 0, 8, 0, 2, 0, 100, 0, 6, 0, 6, 0, 23, 0, 24, 0, 32]);
        let parsed = Reply::parse(&reply(0x0012_3456, 1800)).unwrap().unwrap();
        assert_eq!((parsed.transaction_id, parsed.refresh), (0x0012_3456, Some(1800)));
        assert_eq!((parsed.dns.len(), parsed.search), (1, vec!["corp".to_owned()]));
        assert_eq!(Reply::parse(&request), Ok(None));
    }

    #[test]
    fn lengths_and_strangers() {
        let whole = reply(1, 1);
        let ends = [0, 14, 34, 44, 52].map(|end| 4 + end);
        for cut in 0..whole.len() {
            assert!(Reply::parse(&whole[..cut]).is_err() || ends.contains(&cut), "cut at {cut}");
        }
        assert_eq!(Reply::parse(&[REPLY, 0, 0, 1, 0, 23, 0, 0]), Ok(None), "nobody's");
    }
}
