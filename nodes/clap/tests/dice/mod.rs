//! Numbers as if by chance that are the same each time (xorshift, as Marsaglia gives it). The unit
//! tests have it too, by its path.

/// A source of numbers, from a seed other than zero.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// From 0 up to 1.
    pub(crate) fn roll(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}
