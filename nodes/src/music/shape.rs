//! What is done to a mean code before it is decoded.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal, StandardUniform};

/// How a code is brought to what the model reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shaping {
    /// The factor at the end.
    pub(super) gain: f32,
    /// Whether it is brought to the usual length first.
    pub(super) normalise: bool,
}

/// Brings a code to the usual length, replaces a share of it by a constant, and scales it.
#[derive(Default)]
pub(super) struct Shape {
    pub(super) noise: Vec<Option<f32>>,
}

impl Shape {
    pub(super) fn apply(&self, mut code: Vec<f32>, shaping: Shaping) -> Vec<f32> {
        if shaping.normalise {
            normalise(&mut code);
        }
        for (index, value) in code.iter_mut().enumerate() {
            let noise = self.noise.get(index).copied().flatten();
            *value = noise.unwrap_or(*value) * shaping.gain;
        }
        code
    }
}

/// Brings a code to the length that codes of N(0, I) have, √dimension. One of almost no length has no direction worth
/// keeping, and stays as it is.
pub(super) fn normalise(code: &mut [f32]) {
    let length = code.iter().map(|value| value * value).sum::<f32>().sqrt();
    let usual = (code.len() as f32).sqrt();
    if length > 1e-3 * usual {
        code.iter_mut().for_each(|value| *value *= usual / length);
    }
}

/// One constant N(0, 1) value for a random `share` of the components.
pub(super) fn noise(dimension: usize, share: f32, rng: &mut ChaCha8Rng) -> Vec<Option<f32>> {
    // Drawn for all, so that a larger share replaces what a smaller one does, and more.
    let drawn: Vec<(f64, f32)> = (0..dimension)
        .map(|_| (StandardUniform.sample(rng), StandardNormal.sample(rng)))
        .collect();
    let mut order: Vec<usize> = (0..dimension).collect();
    order.sort_by(|a, b| drawn[*a].0.total_cmp(&drawn[*b].0));
    order.truncate((share * dimension as f32).round() as usize);
    let mut noise = vec![None; dimension];
    for index in order {
        noise[index] = Some(drawn[index].1);
    }
    noise
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn a_mean_code_gets_the_usual_length_back() {
        let shape = Shape {
            noise: vec![None; 4],
        };
        let shaping = Shaping {
            gain: 1.0,
            normalise: true,
        };
        assert_eq!(
            shape.apply(vec![0.5, 0.0, 0.0, 0.0], shaping),
            [2.0, 0.0, 0.0, 0.0]
        );
    }

    #[test]
    fn noise_replaces_its_share_and_grows_with_it() {
        let few = noise(64, 0.25, &mut ChaCha8Rng::seed_from_u64(1));
        let many = noise(64, 0.5, &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!(few.iter().flatten().count(), 16);
        assert_eq!(many.iter().flatten().count(), 32);
        assert!(
            few.iter()
                .zip(&many)
                .all(|(few, many)| few.is_none() || few == many)
        );
    }
}
