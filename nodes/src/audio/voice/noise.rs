//! White noise that is the same in every run.

/// Xorshift with 32 bits (Marsaglia 2003): as even as an ear can tell, at three shifts a sample.
pub(super) struct Noise(u32);

impl Noise {
    /// Noise of its own for each `seed`.
    pub(super) fn new(seed: u32) -> Self {
        // From 0 it would never leave.
        Noise(seed | 1)
    }

    /// The next sample, −1 to 1.
    pub(super) fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        (self.0 as f32 / u32::MAX as f32) * 2.0 - 1.0
    }
}
