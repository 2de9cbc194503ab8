//! Samples as a node that remembers what it heard can bear them.

/// What is louder than this, 60 dB above full scale, is a mistake, from which a filter would ring
/// for long.
pub(super) const LOUDEST: f32 = 1e3;

/// A sample that is not absurdly loud; what is not a number is silence.
pub(super) fn tame(sample: f32) -> f32 {
    match sample.is_finite() {
        true => sample.clamp(-LOUDEST, LOUDEST),
        false => 0.0,
    }
}
