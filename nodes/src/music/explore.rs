//! Pieces of music from the space of codes: drawn at random, and on the way from one to another.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use score_engine::NodeError;

use super::tune_model::Tunes;
use crate::latent::slerp::slerp;

/// The tokens of `count` pieces whose codes are drawn from N(0, 1) in every component. The first
/// of many are the ones that a smaller count gives.
///
/// # Errors
/// The model fails.
pub fn sample(
    model: &mut impl Tunes,
    count: usize,
    temperature: f32,
    seed: u64,
) -> Result<Vec<Vec<i64>>, NodeError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count)
        .map(|_| {
            let code: Vec<f32> = (0..model.dimension())
                .map(|_| StandardNormal.sample(&mut rng))
                .collect();
            model.decode(&code, temperature, &mut rng)
        })
        .collect()
}

/// The tokens of `steps` pieces at even distances on the arc from one piece's code to another's,
/// both ends among them.
///
/// # Errors
/// A piece does not fit the model, or the model fails.
pub fn interpolate(
    model: &mut impl Tunes,
    (from, to): (&[i64], &[i64]),
    steps: usize,
    temperature: f32,
    seed: u64,
) -> Result<Vec<Vec<i64>>, NodeError> {
    let (from, to) = (model.encode(from)?, model.encode(to)?);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let last = steps.saturating_sub(1).max(1) as f32;
    (0..steps)
        .map(|step| {
            let code = slerp(&from, &to, step as f32 / last);
            model.decode(&code, temperature, &mut rng)
        })
        .collect()
}
