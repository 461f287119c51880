//! What the fuzzer runs: each target is a plain function of octets that panics where something that must always hold
//! does not.
//!
//! `cargo +nightly fuzz run NAME` runs one of them without end (`cargo install cargo-fuzz`). `cargo test` needs neither:
//! `tests/fuzz_replay.rs` runs these functions over `corpus/` and over some random inputs, with any compiler.

pub mod eap;
#[cfg(feature = "exchange")]
pub mod exchange;
pub mod hostconf;
pub mod negotiation;
pub mod proxy;
pub mod session;
pub mod wire;
#[path = "../../tests/support/words.rs"]
mod words;

/// Reads what a run is made of; zeros where the input is used up.
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        Reader(data)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn octet(&mut self) -> u8 {
        self.octets(1).first().copied().unwrap_or(0)
    }

    /// Heads (an even octet) or tails.
    pub fn coin(&mut self) -> bool {
        self.octet() & 1 == 0
    }

    /// So many octets, or as many as there are.
    pub fn octets(&mut self, length: usize) -> &'a [u8] {
        let (octets, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        octets
    }

    /// A short run of octets, its length before it.
    pub fn counted(&mut self) -> &'a [u8] {
        let length = self.octet();
        self.octets(length.into())
    }

    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.octet()) % choices.len()]
    }
}
