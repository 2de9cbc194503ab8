//! The running mean and variance of every component of a code, and whitening by them.

/// How many observations the prior counts for: it keeps a component that hardly moves from being
/// blown up, and whitening calm at its start.
const PRIOR_OBSERVATIONS: f64 = 8.0;

/// Running mean and variance of every component (Welford 1962).
pub(crate) struct Statistics {
    count: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl Statistics {
    /// Nothing observed yet.
    pub(crate) fn new(dimension: usize) -> Self {
        Statistics {
            count: 0.0,
            mean: vec![0.0; dimension],
            squares: vec![0.0; dimension],
        }
    }

    /// Observes a code. One that is not all numbers says nothing, and would spoil all that follow.
    pub(crate) fn add(&mut self, code: &[f32]) {
        if !code.iter().all(|value| value.is_finite()) {
            return;
        }
        self.count += 1.0;
        for ((value, mean), squares) in code.iter().zip(&mut self.mean).zip(&mut self.squares) {
            let before = f64::from(*value) - *mean;
            *mean += before / self.count;
            *squares += before * (f64::from(*value) - *mean);
        }
    }

    /// Subtracts the mean and divides by the standard deviation, both shrunk towards 0 and 1: for
    /// codes that are made to be N(0, 1).
    pub(crate) fn whiten(&self, code: &mut [f32]) {
        let trust = self.count / (self.count + PRIOR_OBSERVATIONS);
        for ((value, mean), squares) in code.iter_mut().zip(&self.mean).zip(&self.squares) {
            let variance = (squares + PRIOR_OBSERVATIONS) / (self.count + PRIOR_OBSERVATIONS);
            *value = ((f64::from(*value) - trust * mean) / variance.sqrt()) as f32;
        }
    }

    /// The same for numbers of unknown scale: the mean is not shrunk, and each variance is shrunk
    /// towards the mean of all.
    #[cfg(feature = "onnx")]
    pub(crate) fn standardise(&self, code: &mut [f32]) {
        let all = self.squares.iter().sum::<f64>()
            / (self.squares.len().max(1) as f64 * self.count.max(1.0));
        for ((value, mean), squares) in code.iter_mut().zip(&self.mean).zip(&self.squares) {
            let variance = (squares + PRIOR_OBSERVATIONS * all) / (self.count + PRIOR_OBSERVATIONS);
            let away = f64::from(*value) - mean;
            *value = if variance > 0.0 {
                (away / variance.sqrt()) as f32
            } else {
                0.0
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_scale_and_offset_become_standard() {
        let mut statistics = Statistics::new(2);
        let code = |n: u32| {
            [
                1e-4 * (n as f32 * 0.7).sin() + 0.5,
                2e-4 * (n as f32 * 1.3).cos(),
            ]
        };
        (0..1000).for_each(|n| statistics.add(&code(n)));
        for component in 0..2 {
            let squares: f32 = (0..1000)
                .map(|n| {
                    let mut code = code(n);
                    statistics.standardise(&mut code);
                    code[component].powi(2)
                })
                .sum();
            assert!((squares / 1000.0 - 1.0).abs() < 0.05, "{squares}");
        }
    }

    #[test]
    fn a_code_that_is_not_all_numbers_spoils_none_that_follows() {
        let mut statistics = Statistics::new(2);
        for broken in [f32::NAN, f32::INFINITY] {
            statistics.add(&[1.0, broken]);
        }
        statistics.add(&[1.0, 2.0]);
        let mut code = [1.0, 2.0];
        statistics.whiten(&mut code);
        assert!(code.iter().all(|value| value.is_finite()), "{code:?}");
        assert_eq!(statistics.count, 1.0);
    }

    #[test]
    fn what_never_changes_becomes_zero() {
        let mut statistics = Statistics::new(1);
        statistics.add(&[7.0]);
        let mut code = [7.0];
        statistics.standardise(&mut code);
        assert_eq!(code, [0.0]);
    }
}
