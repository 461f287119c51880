//! DHCPINFORM (RFC 2131 3.4, 4.4.3): what the server's network has for us beyond IPCP. The address is IPCP's and stays so;
//! there is no lease and nothing to renew.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use crate::crypto::Entropy;
use crate::wire::dhcp::{Ack, CLIENT_PORT, Inform, SERVER_PORT};
use crate::wire::udp::Udp;

/// Time until the second copy is sent; it doubles with every one after that (RFC 2131 4.1).
const FIRST_RETRANSMISSION: Duration = Duration::from_secs(4);
/// Most of what is added to such a time, or taken off, by chance (RFC 2131 4.1), in milliseconds.
const JITTER: u64 = 1000;
/// How often the message is sent, all in all. Many servers have nobody who answers.
const TRANSMISSIONS: u32 = 4;

/// The first octets of what is given for a hardware address; the others are random.
const HARDWARE_ADDRESS: [u8; 4] = *b"RAS ";

/// The client's side of one exchange after the other.
pub(super) struct DhcpInform {
    entropy: Entropy,
    hardware_address: [u8; 6],
    exchange: Option<Exchange>,
}

/// Asking, until there is an answer or no hope for one.
struct Exchange {
    xid: u32,
    address: Ipv4Addr,
    began: Instant,
    /// Copies that were sent.
    sent: u32,
    /// When the next copy is due; behind the last one there is none.
    timer: Instant,
}

impl DhcpInform {
    pub(super) fn new(mut entropy: Entropy) -> Self {
        let [a, b, c, d] = HARDWARE_ADDRESS;
        let [e, f] = entropy.octets();
        DhcpInform { entropy, hardware_address: [a, b, c, d, e, f], exchange: None }
    }

    /// Asks for what belongs to this address.
    pub(super) fn start(&mut self, now: Instant, address: Ipv4Addr) {
        let xid = u32::from_be_bytes(self.entropy.octets());
        self.exchange = Some(Exchange { xid, address, began: now, sent: 0, timer: now });
    }

    pub(super) fn stop(&mut self) {
        self.exchange = None;
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.exchange.as_ref().map(|exchange| exchange.timer)
    }

    /// The datagram that is due.
    pub(super) fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        let exchange = self.exchange.as_mut().filter(|exchange| exchange.timer <= now)?;
        if exchange.sent == TRANSMISSIONS {
            self.exchange = None;
            return None;
        }
        let [high, low] = self.entropy.octets();
        let chance = u64::from(u16::from_be_bytes([high, low])) % (2 * JITTER);
        let wait = FIRST_RETRANSMISSION * 2u32.pow(exchange.sent) + Duration::from_millis(chance);
        exchange.timer = now + wait - Duration::from_millis(JITTER);
        exchange.sent += 1;
        let secs = now.saturating_duration_since(exchange.began).as_secs();
        let inform = Inform {
            xid: exchange.xid,
            ciaddr: exchange.address,
            secs: u16::try_from(secs).unwrap_or(u16::MAX),
            hardware_address: self.hardware_address,
        };
        let datagram = Udp {
            source: exchange.address.into(),
            destination: Ipv4Addr::BROADCAST.into(),
            source_port: CLIENT_PORT,
            destination_port: SERVER_PORT,
            payload: &inform.emit(),
        };
        Some(datagram.emit())
    }

    /// The answer, where this datagram is one; the exchange is over then. The relay or server may send it to the address
    /// or to everybody.
    pub(super) fn handle_datagram(&mut self, udp: &Udp<'_>) -> Option<Ack> {
        let exchange = self.exchange.as_ref()?;
        let ours = udp.destination_port == CLIENT_PORT
            && udp.source_port == SERVER_PORT
            && [IpAddr::from(exchange.address), Ipv4Addr::BROADCAST.into()].contains(&udp.destination);
        let ack = Ack::parse(udp.payload).ok().flatten().filter(|ack| ours && ack.xid == exchange.xid)?;
        self.exchange = None;
        Some(ack)
    }
}
