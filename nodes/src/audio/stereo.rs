//! Blocks of sound as interleaved stereo, whatever comes.

use score_engine::AudioBlock;

/// The block's samples as left and right in turn: one channel goes to both sides, of more than two
/// the first two count. What is not a number becomes silence: no feedback would ever forget it.
pub(crate) fn stereo(block: &AudioBlock) -> Vec<f32> {
    let channels = usize::from(block.channels.max(1));
    let right = usize::from(channels > 1);
    let frames = block.samples.chunks_exact(channels);
    frames
        .flat_map(|frame| [frame[0], frame[right]])
        .map(|sample| if sample.is_finite() { sample } else { 0.0 })
        .collect()
}

/// Left and right in turn, as a block of stereo at `rate` frames a second.
pub(crate) fn block(rate: u32, samples: Vec<f32>) -> AudioBlock {
    AudioBlock {
        rate,
        channels: 2,
        samples,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_channels_becomes_two() {
        let of = |channels, samples: &[f32]| {
            stereo(&AudioBlock {
                rate: 48_000,
                channels,
                samples: samples.to_vec(),
            })
        };
        assert_eq!(of(1, &[0.1, 0.2]), [0.1, 0.1, 0.2, 0.2]);
        assert_eq!(of(2, &[0.1, f32::NAN]), [0.1, 0.0]);
        assert_eq!(of(3, &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]), [0.1, 0.2, 0.4, 0.5]);
    }
}
