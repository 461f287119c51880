//! What waits to be written to the client.

use std::collections::VecDeque;

use nm_sstp::wire::sstp::HEADER_LEN;

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
    fn one_write_or_many() {
        assert_eq!(writes(Split::No), [[1, 2, 3, 4, 5, 6]]);
        assert_eq!(writes(Split::Header), [vec![1, 2, 3, 4], vec![5], vec![6]]);
        assert_eq!(writes(Split::Octets), [[1], [2], [3], [4], [5], [6]]);
    }
}
