//! Draws what a step strikes from what the model says of it.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardUniform};

use super::slots::{BASS, SLOTS, Struck};

/// Upper notes at once, and none.
pub(super) const COUNTS: usize = 6;

/// Colder than this is as cold.
const COLDEST: f32 = 1e-6;

/// What the model says of a step, as logits.
pub(super) struct Logits<'a> {
    /// Of the classes of the bass.
    pub(super) bass: &'a [f32],
    /// Of how many upper notes, for each class of the bass.
    pub(super) count: &'a [f32],
    /// Of the slots.
    pub(super) slots: &'a [f32],
}

/// Draws by Gumbel's noise, so that many slots are drawn at once without coming twice (Kool and
/// others, *Stochastic Beams*, 2019); at temperature 0 the likeliest. `None` where something is not
/// a number.
pub(super) fn draw(logits: &Logits<'_>, temperature: f32, rng: &mut ChaCha8Rng) -> Option<Struck> {
    let heat = temperature.max(COLDEST);
    let mut noisy = |values: &[f32]| -> Vec<f32> {
        values
            .iter()
            .map(|value| {
                // Drawn always, so that what follows does not depend on the temperature.
                let uniform: f64 = StandardUniform.sample(rng);
                let noise = if temperature > COLDEST {
                    -(-(uniform.max(f64::MIN_POSITIVE)).ln()).ln()
                } else {
                    0.0
                };
                value / heat + noise as f32
            })
            .collect()
    };
    let (bass, count, slots) = (noisy(logits.bass), noisy(logits.count), noisy(logits.slots));
    let numbers = [logits.bass, logits.count, logits.slots];
    if bass.len() != BASS
        || count.len() != BASS * COUNTS
        || slots.len() != SLOTS
        || numbers
            .iter()
            .any(|values| values.iter().any(|value| !value.is_finite()))
    {
        return None;
    }
    let class = largest(&bass);
    let many = largest(&count[class * COUNTS..(class + 1) * COUNTS]);
    let mut order: Vec<usize> = (0..SLOTS).collect();
    // Stable: of equals the lower comes first.
    order.sort_by(|one, other| slots[*other].total_cmp(&slots[*one]));
    order.truncate(many);
    order.sort_unstable();
    Some(Struck {
        bass: class,
        slots: order,
    })
}

/// The place of the largest value, of equals the first.
fn largest(values: &[f32]) -> usize {
    let mut best = 0;
    for (place, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = place;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn cold_the_likeliest_is_struck_and_warm_the_odds_are_kept() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut count = vec![0.0; 36];
        count[6 + 2] = 1.0;
        let slots: Vec<f32> = (0..14)
            .map(|slot| if slot == 9 || slot == 4 { 2.0 } else { 0.0 })
            .collect();
        let bass = [0.0, 1.0, 0.0, 0.0, 0.0, 0.0];
        let logits = Logits {
            bass: &bass,
            count: &count,
            slots: &slots,
        };
        let cold = draw(&logits, 0.0, &mut rng).unwrap();
        assert_eq!(
            cold,
            Struck {
                bass: 1,
                slots: vec![4, 9]
            }
        );
        let warm = (0..4000)
            .filter(|_| draw(&logits, 1.0, &mut rng).unwrap().bass == 1)
            .count();
        // e of e + 5.
        assert!((warm as f64 / 4000.0 - 0.352).abs() < 0.03, "{warm}");
        let broken = [f32::NAN; 6];
        assert!(
            draw(
                &Logits {
                    bass: &broken,
                    ..logits
                },
                0.5,
                &mut rng
            )
            .is_none()
        );
    }
}
