//! From what moves in shots and bars to how full the music is.

use crate::shared::rank::ranks;

/// Bars before and after, over which fullness is the mean.
const AROUND: usize = 3;

/// The share of the cuts in fullness; the rest is motion.
const CUTS: f32 = 0.4;

/// The least difference that counts.
const GRAIN: f64 = 1e-4;

/// A film in which no more moves than this stands still.
const STANDS_STILL: f32 = 0.02;

/// What a film in which everything is alike comes to, by how much moves in it.
pub(super) fn if_alike(motion: f32) -> f32 {
    if motion < STANDS_STILL { 0.2 } else { 0.5 }
}

/// How busy each segment is by how much moves in it: [`places`].
pub(super) fn energy(motion: &[f32]) -> Vec<f32> {
    places(motion, if_alike(motion.first().copied().unwrap_or(0.0)))
}

/// Values as their places among all, 0 the least to 1 the greatest; equal ones are alike, and
/// `if_alike` where all are.
fn places(values: &[f32], if_alike: f32) -> Vec<f32> {
    // What differs by less is alike: rounding does not make one shot busier than another.
    let grain = |value: &f32| (f64::from(*value) / GRAIN).round();
    let values: Vec<f64> = values.iter().map(grain).collect();
    let most = (values.len() as f64 - 1.0).max(1.0);
    let all_alike = values.windows(2).all(|pair| pair[0] == pair[1]);
    ranks(&values)
        .into_iter()
        .map(|rank| {
            if all_alike {
                if_alike
            } else {
                ((rank - 1.0) / most) as f32
            }
        })
        .collect()
}

/// How full each bar is, by how much moves in it and how many cuts it has.
pub(super) fn fullness(motion: &[f32], cuts: &[f32]) -> Vec<f32> {
    let motion = energy(&around(motion));
    let cuts = places(&around(cuts), motion.first().copied().unwrap_or_default());
    let both = motion.iter().zip(&cuts);
    let both: Vec<f32> = both
        .map(|(motion, cuts)| (1.0 - CUTS) * motion + CUTS * cuts)
        .collect();
    places(&both, both.first().copied().unwrap_or_default())
}

/// The mean of each value and its neighbours.
fn around(values: &[f32]) -> Vec<f32> {
    (0..values.len())
        .map(|index| {
            let near =
                &values[index.saturating_sub(AROUND)..(index + AROUND + 1).min(values.len())];
            near.iter().sum::<f32>() / near.len() as f32
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_film_has_its_own_range_and_one_where_all_is_alike_is_in_the_middle() {
        assert_eq!(energy(&[0.3, 0.1, 0.2]), [1.0, 0.0, 0.5]);
        assert_eq!(energy(&[0.3, 0.3]), [0.5, 0.5]);
        assert_eq!(energy(&[0.3]), [0.5]);
        assert_eq!(energy(&[]), [] as [f32; 0]);
        assert_eq!(fullness(&[0.3; 9], &[0.0; 9]), [0.5; 9]);
    }

    #[test]
    fn a_film_that_stands_still_has_little_music() {
        assert_eq!(energy(&[0.0; 3]), [0.2; 3]);
        let full = fullness(&[0.0; 9], &[0.0; 9]);
        assert!(
            full.iter().all(|full| (full - 0.2).abs() < 1e-6),
            "{full:?}"
        );
    }

    #[test]
    fn a_film_that_grows_busier_has_fuller_and_fuller_music() {
        let motion: Vec<f32> = (0..20).map(|bar| bar as f32 / 20.0).collect();
        let found = fullness(&motion, &[0.0; 20]);
        assert!(found.windows(2).all(|pair| pair[0] <= pair[1]), "{found:?}");
        assert!(found[0] < 0.1 && found[19] > 0.9);
    }
}
