//! What waits to be written to the client.

use std::collections::VecDeque;

use nm_sstp::wire::ppp::{ADDRESS_CONTROL, Protocol};
use nm_sstp::wire::sstp::{HEADER_LEN, Header, MAX_PACKET_LEN};

/// How the stream is cut into writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Split {
    /// Everything that waits is one write.
    No,
    /// The header of every packet is a write of its own.
    Header,
    /// Every octet is a write of its own.
    Octets,
}

/// A queue of packets that comes out in as few writes as possible, or in very many.
#[derive(Debug)]
pub(crate) struct Output {
    queue: Vec<u8>,
    split: Split,
    /// Lengths of the writes, where the stream is to be cut.
    cuts: VecDeque<usize>,
}

impl Output {
    pub fn new(split: Split) -> Self {
        Output { queue: Vec::new(), split, cuts: VecDeque::new() }
    }

    /// Octets that wait.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Adds a packet that comes in two parts.
    #[inline]
    pub fn push(&mut self, head: &[u8], body: &[u8]) {
        self.queue.extend_from_slice(head);
        self.queue.extend_from_slice(body);
        let length = head.len() + body.len();
        match self.split {
            Split::No => {}
            Split::Header if length > HEADER_LEN => self.cuts.extend([HEADER_LEN, length - HEADER_LEN]),
            Split::Header => self.cuts.push_back(length),
            Split::Octets => self.cuts.extend(std::iter::repeat_n(1, length)),
        }
    }

    /// Adds a PPP frame in its SSTP data packet, without address and control field where `acfc`, with a short protocol
    /// field where `pfc`; returns whether it fits into a packet.
    #[inline]
    pub fn push_frame(&mut self, protocol: Protocol, information: &[u8], acfc: bool, pfc: bool) -> bool {
        let [high, low] = protocol.0.to_be_bytes();
        let header = [ADDRESS_CONTROL[0], ADDRESS_CONTROL[1], high, low];
        let header = if acfc { &header[2..] } else { &header[..] };
        let short = pfc && high == 0;
        let length = HEADER_LEN + header.len() - usize::from(short) + information.len();
        if length > MAX_PACKET_LEN {
            return false;
        }
        let mut head = [0; HEADER_LEN + 4];
        head[..HEADER_LEN].copy_from_slice(&Header { control: false, length }.emit());
        head[HEADER_LEN..HEADER_LEN + header.len()].copy_from_slice(header);
        let mut end = HEADER_LEN + header.len();
        if short {
            head[end - 2] = low;
            end -= 1;
        }
        self.push(&head[..end], information);
        true
    }

    /// Puts the next write into `write`, replacing what it held; returns whether there was one. The two buffers change
    /// places, so that neither is allocated again and again.
    pub fn poll(&mut self, write: &mut Vec<u8>) -> bool {
        write.clear();
        match self.cuts.pop_front() {
            None => std::mem::swap(&mut self.queue, write),
            Some(length) => write.extend(self.queue.drain(..length)),
        }
        !write.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writes(split: Split) -> Vec<Vec<u8>> {
        let mut output = Output::new(split);
        output.push(&[1, 2, 3], &[4, 5]);
        output.push(&[6], &[]);
        let mut write = vec![9];
        std::iter::from_fn(|| output.poll(&mut write).then(|| write.clone())).collect()
    }

    #[test]
    fn frames_in_all_forms() {
        let packet = |protocol, acfc, pfc| {
            let (mut output, mut write) = (Output::new(Split::No), Vec::new());
            assert!(output.push_frame(protocol, &[0xaa], acfc, pfc));
            output.poll(&mut write);
            write
        };
        assert_eq!(packet(Protocol::IPV4, false, false), [0x10, 0, 0, 9, 0xff, 0x03, 0x00, 0x21, 0xaa]);
        assert_eq!(packet(Protocol::IPV4, true, false), [0x10, 0, 0, 7, 0x00, 0x21, 0xaa]);
        assert_eq!(packet(Protocol::IPV6, false, true), [0x10, 0, 0, 8, 0xff, 0x03, 0x57, 0xaa]);
        assert_eq!(packet(Protocol::IPV6, true, true), [0x10, 0, 0, 6, 0x57, 0xaa]);
        assert_eq!(packet(Protocol::IPCP, true, true), [0x10, 0, 0, 7, 0x80, 0x21, 0xaa]);
        assert!(!Output::new(Split::No).push_frame(Protocol::IPV4, &[0; 4088], false, false));
    }

    #[test]
    fn one_write_or_many() {
        assert_eq!(writes(Split::No), [[1, 2, 3, 4, 5, 6]]);
        assert_eq!(writes(Split::Header), [vec![1, 2, 3, 4], vec![5], vec![6]]);
        assert_eq!(writes(Split::Octets), [[1], [2], [3], [4], [5], [6]]);
    }
}
