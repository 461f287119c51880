//! Text that is wiped wherever it has been.

use zeroize::Zeroizing;

/// A growing text. A plain `Vec` or `String` leaves what it held behind when it moves to a larger place.
#[derive(Default)]
pub struct Wiped(Zeroizing<Vec<u8>>);

impl Wiped {
    /// Puts these octets at the end.
    pub fn push(&mut self, octets: &[u8]) {
        let length = self.0.len() + octets.len();
        if length > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(length.max(2 * self.0.capacity()).max(4096)));
            larger.extend_from_slice(&self.0);
            // The smaller one is wiped as it is dropped here.
            self.0 = larger;
        }
        self.0.extend_from_slice(octets);
    }

    /// All of them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows() {
        let mut text = Wiped::default();
        let octets: Vec<u8> = (0..=255).collect();
        for _ in 0..100 {
            text.push(&octets);
        }
        assert_eq!(text.as_bytes(), octets.repeat(100));
    }
}
