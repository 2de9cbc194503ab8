//! The mean of codes, and what is done to it before it is decoded.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal, StandardUniform};
use score_engine::Time;

/// How a code is brought to what the model reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shaping {
    /// The share of the components that constants replace.
    pub(super) noise: f32,
    /// The factor at the end.
    pub(super) gain: f32,
    /// Whether it is brought to the usual length first.
    pub(super) normalise: bool,
}

/// Brings a code to the usual length, replaces a share of it by constants, and scales it.
#[derive(Default)]
pub(super) struct Shape {
    /// Components in the order in which they are replaced, and by what.
    noise: Vec<(usize, f32)>,
}

impl Shape {
    /// With a N(0, 1) value for each component, for whatever share of them is to be replaced.
    pub(super) fn drawn(dimension: usize, rng: &mut ChaCha8Rng) -> Self {
        let mut drawn: Vec<(f64, usize, f32)> = (0..dimension)
            .map(|index| {
                (
                    StandardUniform.sample(rng),
                    index,
                    StandardNormal.sample(rng),
                )
            })
            .collect();
        drawn.sort_by(|a, b| a.0.total_cmp(&b.0));
        Shape {
            noise: drawn
                .into_iter()
                .map(|(_, index, value)| (index, value))
                .collect(),
        }
    }

    /// The code as the model reads it. A larger share of noise replaces what a smaller one does,
    /// and more.
    pub(super) fn apply(&self, mut code: Vec<f32>, shaping: Shaping) -> Vec<f32> {
        if shaping.normalise {
            normalise(&mut code);
        }
        let replaced = (shaping.noise * self.noise.len() as f32).round() as usize;
        for (index, value) in self.noise.iter().take(replaced) {
            if let Some(component) = code.get_mut(*index) {
                *component = *value;
            }
        }
        code.iter_mut().for_each(|value| *value *= shaping.gain);
        code
    }
}

/// The mean of codes of one dimension; `None` where there are none.
pub(super) fn mean(codes: &[(Time, Arc<[f32]>)]) -> Option<Vec<f32>> {
    let (_, first) = codes.first()?;
    let mut sum = vec![0.0_f64; first.len()];
    for (_, code) in codes {
        for (sum, value) in sum.iter_mut().zip(code.iter()) {
            *sum += f64::from(*value);
        }
    }
    let count = codes.len() as f64;
    Some(sum.iter().map(|sum| (sum / count) as f32).collect())
}

/// Brings a code to the length that codes of N(0, I) have, √dimension. One of almost no length has
/// no direction worth keeping, and stays as it is.
pub(super) fn normalise(code: &mut [f32]) {
    let length = code.iter().map(|value| value * value).sum::<f32>().sqrt();
    let usual = (code.len() as f32).sqrt();
    if length > 1e-3 * usual {
        code.iter_mut().for_each(|value| *value *= usual / length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::SeedableRng;

    const PLAIN: Shaping = Shaping {
        noise: 0.0,
        gain: 1.0,
        normalise: false,
    };

    #[test]
    fn a_mean_code_gets_the_usual_length_back() {
        let shaping = Shaping {
            normalise: true,
            ..PLAIN
        };
        assert_eq!(
            Shape::default().apply(vec![0.5, 0.0, 0.0, 0.0], shaping),
            [2.0, 0.0, 0.0, 0.0]
        );
    }

    #[test]
    fn noise_replaces_its_share_and_grows_with_it() {
        let shape = Shape::drawn(64, &mut ChaCha8Rng::seed_from_u64(1));
        let with = |noise| shape.apply(vec![9.0; 64], Shaping { noise, ..PLAIN });
        let replaced = |code: &[f32]| code.iter().filter(|value| **value != 9.0).count();
        let (few, many) = (with(0.25), with(0.5));
        assert_eq!((replaced(&few), replaced(&many)), (16, 32));
        assert_eq!((replaced(&with(0.0)), replaced(&with(1.0))), (0, 64));
        let mut both = few.iter().zip(&many);
        assert!(both.all(|(few, many)| *few == 9.0 || few == many));
    }
}
