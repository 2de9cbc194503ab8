//! Makes stereo of any number of channels.

use symphonia::core::audio::{Channels, Position};

/// −3 dB: what stands between both sides, or behind, is heard from two.
const BETWEEN: f32 = std::f32::consts::FRAC_1_SQRT_2;

/// For each channel, how much of it goes to the left and the right.
pub(crate) struct Mixdown(Vec<[f32; 2]>);

impl Mixdown {
    /// A channel alone goes to both sides. Of several, what is left, right or between goes there
    /// (ITU-R BS.775, table 2), without the channel for low effects; channels without a place
    /// take turns, left and right. All is turned down so far that no side can pass full scale.
    pub(crate) fn new(channels: &Channels) -> Self {
        if channels.count() == 1 {
            return Mixdown(vec![[1.0; 2]]);
        }
        let mut shares: Vec<[f32; 2]> = match channels {
            Channels::Positioned(positions) => positions.iter().map(share).collect(),
            other => (0..other.count())
                .map(|channel| {
                    if channel % 2 == 0 {
                        [1.0, 0.0]
                    } else {
                        [0.0, 1.0]
                    }
                })
                .collect(),
        };
        for side in 0..2 {
            let sum: f32 = shares.iter().map(|share| share[side]).sum();
            for share in &mut shares {
                share[side] /= sum.max(1.0);
            }
        }
        Mixdown(shares)
    }

    /// How many channels come in.
    pub(crate) fn channels(&self) -> usize {
        self.0.len()
    }

    /// Appends interleaved `samples` to interleaved stereo `mixed`.
    pub(crate) fn mix(&self, samples: &[f32], mixed: &mut Vec<f32>) {
        for frame in samples.chunks_exact(self.0.len().max(1)) {
            let (mut left, mut right) = (0.0, 0.0);
            for (sample, [to_left, to_right]) in frame.iter().zip(&self.0) {
                // A float file may hold what is not a number, which no filter would ever forget.
                let sample = if sample.is_finite() { *sample } else { 0.0 };
                left += sample * to_left;
                right += sample * to_right;
            }
            mixed.extend([left, right]);
        }
    }
}

/// How much of the channel at `position` goes left and right.
fn share(position: Position) -> [f32; 2] {
    let left = Position::FRONT_LEFT | Position::FRONT_LEFT_CENTER | Position::FRONT_LEFT_WIDE;
    let right = Position::FRONT_RIGHT | Position::FRONT_RIGHT_CENTER | Position::FRONT_RIGHT_WIDE;
    let low = Position::LFE1 | Position::LFE2;
    let left_behind = Position::REAR_LEFT
        | Position::SIDE_LEFT
        | Position::TOP_FRONT_LEFT
        | Position::TOP_REAR_LEFT
        | Position::TOP_SIDE_LEFT
        | Position::BOTTOM_FRONT_LEFT;
    let right_behind = Position::REAR_RIGHT
        | Position::SIDE_RIGHT
        | Position::TOP_FRONT_RIGHT
        | Position::TOP_REAR_RIGHT
        | Position::TOP_SIDE_RIGHT
        | Position::BOTTOM_FRONT_RIGHT;
    if left.contains(position) {
        [1.0, 0.0]
    } else if right.contains(position) {
        [0.0, 1.0]
    } else if low.contains(position) {
        [0.0, 0.0]
    } else if left_behind.contains(position) {
        [BETWEEN, 0.0]
    } else if right_behind.contains(position) {
        [0.0, BETWEEN]
    } else {
        [BETWEEN, BETWEEN]
    }
}

#[cfg(test)]
mod tests {
    use symphonia::core::audio::layouts::{
        CHANNEL_LAYOUT_5P1, CHANNEL_LAYOUT_MONO, CHANNEL_LAYOUT_STEREO,
    };

    use super::*;

    fn mix(channels: &Channels, samples: &[f32]) -> Vec<f32> {
        let mut mixed = Vec::new();
        Mixdown::new(channels).mix(samples, &mut mixed);
        mixed
    }

    #[test]
    fn one_channel_is_doubled_and_two_stay_as_they_are() {
        assert_eq!(
            mix(&CHANNEL_LAYOUT_MONO, &[0.5, 0.25]),
            [0.5, 0.5, 0.25, 0.25]
        );
        assert_eq!(mix(&CHANNEL_LAYOUT_STEREO, &[0.5, 0.25]), [0.5, 0.25]);
        assert_eq!(mix(&Channels::Discrete(2), &[0.5, 0.25]), [0.5, 0.25]);
    }

    #[test]
    fn a_surround_frame_is_mixed_by_where_its_channels_stand() {
        // Left, right, centre, low effects, behind left, behind right.
        let full = 1.0 + 2.0 * BETWEEN;
        let mixed = mix(&CHANNEL_LAYOUT_5P1, &[1.0, 0.0, 0.0, 1.0, 0.0, 1.0]);
        assert!((mixed[0] - 1.0 / full).abs() < 1e-6, "{mixed:?}");
        assert!((mixed[1] - BETWEEN / full).abs() < 1e-6, "{mixed:?}");
        let loudest = mix(&CHANNEL_LAYOUT_5P1, &[1.0; 6]);
        assert!(
            loudest.iter().all(|sample| *sample <= 1.000_001),
            "{loudest:?}"
        );
    }

    #[test]
    fn what_is_not_a_number_is_silence() {
        assert_eq!(mix(&CHANNEL_LAYOUT_STEREO, &[f32::NAN, 0.25]), [0.0, 0.25]);
    }
}
