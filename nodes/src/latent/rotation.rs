//! Random directions at right angles.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// `count` random directions (at most `dimension`) of length 1 at right angles to one another:
/// Gram–Schmidt on normal vectors, which is uniform over all (Stewart 1980). As many as dimensions
/// are a rotation.
pub(crate) fn directions(count: usize, dimension: usize, rng: &mut ChaCha8Rng) -> Vec<Vec<f32>> {
    let mut rows: Vec<Vec<f32>> = Vec::with_capacity(count);
    while rows.len() < count.min(dimension) {
        let mut row: Vec<f32> = StandardNormal
            .sample_iter(&mut *rng)
            .take(dimension)
            .collect();
        // Twice, since one pass leaves rounding errors in single precision.
        for _ in 0..2 {
            for earlier in &rows {
                let along = dot(&row, earlier);
                row.iter_mut()
                    .zip(earlier)
                    .for_each(|(value, direction)| *value -= along * direction);
            }
        }
        let length = dot(&row, &row).sqrt();
        // A vector almost within the span of the others would be all rounding error; draw again.
        if length > 1e-3 {
            row.iter_mut().for_each(|value| *value /= length);
            rows.push(row);
        }
    }
    rows
}

/// The scalar product.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
