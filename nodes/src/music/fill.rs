//! What a drummer strikes to lead into something: a run over snare and toms that grows.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Uniform};
use score_engine::NodeError;

/// Keys of General MIDI's percussion map: bass drum, and from the snare down to the low tom.
const BASS_DRUM: u8 = 36;
const DRUMS: [u8; 4] = [38, 50, 48, 45];

/// The crash cymbal, struck where a fill leads to.
pub(super) const CRASH: u8 = 49;

/// Which of a beat's four sixteenths are struck; the last beat takes one of the fuller second half.
const RHYTHMS: [[bool; 4]; 6] = [
    [true, false, true, false],
    [true, false, true, true],
    [true, true, true, false],
    [true, false, false, true],
    [true, true, true, true],
    [false, true, true, true],
];

/// How hard its first and last stroke are, beside what was struck before it.
const SWELL: (f32, f32) = (0.75, 1.15);

/// A stroke of a fill.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stroke {
    /// The sixteenth of the fill, from 0.
    pub(super) sixteenth: u64,
    /// The drum's key.
    pub(super) key: u8,
    /// How hard, beside what was struck before the fill.
    pub(super) force: f32,
}

/// A fill of `sixteenths`, drawn from `rng`.
///
/// # Errors
/// Never in fact: what is drawn from is not empty.
pub(super) fn fill(sixteenths: u64, rng: &mut ChaCha8Rng) -> Result<Vec<Stroke>, NodeError> {
    let rhythms = Uniform::new(0, RHYTHMS.len()).map_err(|error| {
        NodeError::internal("a fill has no rhythm to choose from").source(error)
    })?;
    let mut strokes = Vec::new();
    let beats = sixteenths.div_ceil(4);
    for beat in 0..beats {
        let drawn = rhythms.sample(rng);
        let half = RHYTHMS.len() / 2;
        let is_last = beat + 1 == beats;
        let rhythm = RHYTHMS[if is_last { half + drawn % half } else { drawn }];
        for (place, _) in (0..).zip(rhythm).filter(|(_, struck)| *struck) {
            let sixteenth = beat * 4 + place;
            if sixteenth >= sixteenths {
                break;
            }
            let way = sixteenth as f32 / sixteenths as f32;
            let force = SWELL.0 + (SWELL.1 - SWELL.0) * way;
            let drum = (way * DRUMS.len() as f32) as usize;
            let mut strike = |key| {
                strokes.push(Stroke {
                    sixteenth,
                    key,
                    force,
                });
            };
            strike(DRUMS[drum.min(DRUMS.len() - 1)]);
            if place == 0 {
                strike(BASS_DRUM);
            }
        }
    }
    Ok(strokes)
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn a_fill_goes_down_the_drums_grows_and_is_another_each_time() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let fills: Vec<_> = (0..8).map(|_| fill(8, &mut rng).unwrap()).collect();
        for fill in &fills {
            assert!(fill.iter().all(|stroke| stroke.sixteenth < 8));
            assert!(fill.windows(2).all(|pair| pair[0].force <= pair[1].force));
            let drums = fill.iter().filter(|stroke| stroke.key != BASS_DRUM);
            let places: Vec<_> = drums
                .map(|stroke| DRUMS.iter().position(|key| *key == stroke.key).unwrap())
                .collect();
            assert!(places.len() >= 4 && places.is_sorted(), "{places:?}");
        }
        assert!(fills.iter().any(|fill| *fill != fills[0]));
    }

    #[test]
    fn no_stroke_lies_beyond_a_short_fill() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        for length in 1..8 {
            let strokes = fill(length, &mut rng).unwrap();
            assert!(strokes.iter().all(|stroke| stroke.sixteenth < length));
        }
    }
}
