//! The partial Mantel test: are what lies far apart in one and what lies far apart in the other the
//! same pairs?

use super::rank::pearson;

/// The correlation of two lists of distances that remains once what both owe to a third is taken
/// out (Smouse, Long and Sokal 1986). Each list has one entry a pair, in the same order of pairs;
/// [`pairs`] gives them.
///
/// Neighbouring bars are alike in any film and in any music. With the distance in time as the
/// third, that alone is not agreement. `None` where one of the lists does not vary.
pub fn partial(one: &[f64], other: &[f64], third: &[f64]) -> Option<f64> {
    let both = pearson(one, other)?;
    let (left, right) = (
        pearson(one, third).unwrap_or(0.0),
        pearson(other, third).unwrap_or(0.0),
    );
    let rest = (1.0 - left * left) * (1.0 - right * right);
    (rest > 1e-12).then(|| ((both - left * right) / rest.sqrt()).clamp(-1.0, 1.0))
}

/// All pairs of `count` things, the earlier first.
pub fn pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).flat_map(move |first| (first + 1..count).map(move |second| (first, second)))
}

/// The third list of a film's bars: how far apart the bars of each pair are.
pub fn apart(count: usize) -> Vec<f64> {
    pairs(count)
        .map(|(first, second)| (second - first) as f64)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_come_in_order() {
        let found: Vec<_> = pairs(4).collect();
        assert_eq!(found, [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]);
        assert_eq!(apart(4), [1.0, 2.0, 3.0, 1.0, 2.0, 1.0]);
        assert_eq!(pairs(0).count(), 0);
    }

    /// The correlation of the residuals after a straight line in the third was fitted to each with
    /// `scipy.stats.linregress`, SciPy 1.17.1: another way to the same number.
    #[test]
    fn what_remains_is_the_correlation_of_residuals() {
        let one = [0.2, 1.0, 2.5, 0.9, 2.0, 1.1, 3.0, 0.1, 1.2, 2.2];
        let other = [0.5, 0.4, 2.0, 1.5, 1.0, 0.2, 2.8, 0.6, 1.9, 1.4];
        let found = partial(&one, &other, &apart(5)).unwrap();
        assert!((found - RESIDUALS).abs() < 1e-12, "{found}");
    }

    const RESIDUALS: f64 = 0.7197888195471792;

    #[test]
    fn two_that_only_drift_do_not_agree() {
        let apart = apart(30);
        let drift = |scale: f64, noise: usize, round: usize| -> Vec<f64> {
            let noisy = apart.iter().enumerate();
            noisy
                .map(|(index, apart)| apart * scale + ((index * noise) % round) as f64 * 0.1)
                .collect()
        };
        let (one, other) = (drift(1.0, 5, 17), drift(2.0, 7, 13));
        assert!(pearson(&one, &other).unwrap() > 0.9);
        assert!(partial(&one, &other, &apart).unwrap().abs() < 0.1);
    }
}
