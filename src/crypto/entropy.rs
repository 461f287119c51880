//! Random octets that are all made from one seed, so that a run of the core can be replayed.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// A generator of random octets: SHA-256 over the seed and a counter.
pub struct Entropy {
    seed: Zeroizing<[u8; 32]>,
    counter: u64,
}

impl Entropy {
    /// A generator for one session. The seed must come from the system's random source.
    pub fn new(seed: [u8; 32]) -> Self {
        Entropy { seed: Zeroizing::new(seed), counter: 0 }
    }

    /// The next octets.
    pub fn octets<const N: usize>(&mut self) -> [u8; N] {
        let mut octets = [0; N];
        for chunk in octets.chunks_mut(32) {
            self.counter += 1;
            let block = Zeroizing::new(<[u8; 32]>::from(
                Sha256::new().chain_update(*self.seed).chain_update(self.counter.to_be_bytes()).finalize(),
            ));
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
        octets
    }

    /// Another generator, whose octets do not depend on how many this one gives after it.
    pub fn fork(&mut self) -> Entropy {
        Entropy::new(self.octets())
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_never_repeat_within_a_seed_and_always_do_across_runs() {
        let mut entropy = Entropy::new([7; 32]);
        let first: [u8; 48] = entropy.octets();
        let second: [u8; 48] = entropy.octets();
        assert_ne!(first, second);
        assert_ne!(first[..16], first[32..]);
        assert_eq!(Entropy::new([7; 32]).octets::<48>(), first);
        assert_ne!(Entropy::new([8; 32]).octets::<48>(), first);
    }
}
