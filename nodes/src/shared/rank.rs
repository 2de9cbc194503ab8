//! Correlation of numbers and of their ranks.

/// Pearson's correlation; `None` for fewer than three pairs, or where one side does not vary.
pub fn pearson(one: &[f64], other: &[f64]) -> Option<f64> {
    let count = one.len().min(other.len());
    if count < 3 {
        return None;
    }
    let (one, other) = (&one[..count], &other[..count]);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / count as f64;
    let (first, second) = (mean(one), mean(other));
    let (mut both, mut left, mut right) = (0.0, 0.0, 0.0);
    for (a, b) in one.iter().zip(other) {
        let (a, b) = (a - first, b - second);
        both += a * b;
        left += a * a;
        right += b * b;
    }
    // What varies by no more than rounding does not vary.
    let least = |mean: f64| count as f64 * (mean * mean + f64::MIN_POSITIVE) * 1e-24;
    let varies = left > least(first) && right > least(second);
    let correlation = both / (left * right).sqrt();
    (varies && correlation.is_finite()).then(|| correlation.clamp(-1.0, 1.0))
}

/// The ranks of `values`, from 1; equal ones share the mean of theirs.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let equal = |a: &usize, b: &usize| values[*a] == values[*b];
    let mut before = 0;
    for tied in order.chunk_by(equal) {
        let mean = before as f64 + (tied.len() as f64 + 1.0) / 2.0;
        tied.iter().for_each(|index| ranks[*index] = mean);
        before += tied.len();
    }
    ranks
}

/// Spearman's rank correlation; `None` as for [`pearson`].
pub fn spearman(one: &[f64], other: &[f64]) -> Option<f64> {
    let count = one.len().min(other.len());
    pearson(&ranks(&one[..count]), &ranks(&other[..count]))
}

/// The value below which the share `share` of `values` lies, between neighbours by their distance
/// (NumPy's default); `None` of nothing.
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let place = share.clamp(0.0, 1.0) * last as f64;
    let low = place.floor() as usize;
    let high = (low + 1).min(last);
    Some(sorted[low] + (sorted[high] - sorted[low]) * (place - low as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: [f64; 8] = [1.0, 3.5, 2.0, 2.0, 8.0, 5.0, 7.0, 2.0];
    const OTHER: [f64; 8] = [0.5, 3.0, 1.0, 4.0, 6.0, 6.0, 2.0, 0.0];

    /// `scipy.stats.pearsonr(ONE, OTHER)[0]` and `scipy.stats.spearmanr(ONE, OTHER)[0]`, SciPy
    /// 1.17.1.
    #[test]
    fn correlations_are_scipys() {
        let near = |found: Option<f64>, wanted: f64| {
            let found = found.unwrap();
            assert!((found - wanted).abs() < 1e-12, "{found} for {wanted}");
        };
        near(pearson(&ONE, &OTHER), PEARSON);
        near(spearman(&ONE, &OTHER), SPEARMAN);
    }

    const PEARSON: f64 = 0.636217246854296;
    const SPEARMAN: f64 = 0.6872329711433424;

    #[test]
    fn equal_values_share_their_rank() {
        assert_eq!(ranks(&[5.0, 1.0, 5.0, 5.0, 9.0]), [3.0, 1.0, 3.0, 3.0, 5.0]);
    }

    #[test]
    fn what_does_not_vary_has_no_correlation() {
        assert_eq!(pearson(&[0.1; 5], &ONE[..5]), None);
        assert_eq!(spearman(&ONE[..5], &[f64::MAX; 5]), None);
        assert_eq!(pearson(&ONE[..2], &OTHER[..2]), None);
        assert_eq!(pearson(&[1.0, 2.0, f64::NAN], &[1.0, 2.0, 3.0]), None);
    }

    #[test]
    fn a_quantile_lies_between_its_neighbours() {
        assert_eq!(quantile(&[4.0, 1.0, 3.0, 2.0], 0.5), Some(2.5));
        assert_eq!(quantile(&[4.0, 1.0, 3.0, 2.0], 1.0), Some(4.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
