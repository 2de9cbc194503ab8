//! A Gaussian process over codes: what several knobs should be, learnt from a few examples.
//!
//! The kernel is a constant and a Gaussian bell (RBF); a knob's mean is that of its examples. How
//! wide the bell is and how much noise the examples have is chosen by the error with which each
//! example is guessed from the others (leave one out), among what still gives the examples back
//! (`FAITHFUL`): an artist who shows a picture again expects what was taught there. All knobs of
//! the same examples share one factorisation. The figures behind the constants are printed by
//! `models/training/eye/teaching.py`.

use crate::cholesky::{Cholesky, dot};

/// Widths of the bell that are tried, as shares of how far apart codes of unlike pictures are: the
/// square root of twice their dimension where they are N(0, 1).
const WIDTHS: [f64; 6] = [0.25, 0.35, 0.5, 0.7, 1.0, 1.4];

/// Variances of the noise that are tried, where the bell's is 1.
const NOISES: [f64; 3] = [0.003, 0.03, 0.3];

/// The variance of the constant: the mean of the knob may be anything.
const CONSTANT: f64 = 4.0;

/// With fewer examples there is nothing to try widths on.
const FEW: usize = 5;

/// What is taken then.
const USUAL: (f64, f64) = (0.5, 0.03);

/// How far, in the root of the mean square, what is played at the examples may be from what was
/// taught.
const FAITHFUL: f64 = 0.05;

/// What each unit beyond that counts, in units of the error of what is left out.
const UNFAITHFUL: f64 = 10.0;

/// The width of the bell that tells whether a picture is known, and its noise.
const NEAR: (f64, f64) = (0.35, 0.03);

/// Where examples lie, and how much each counts.
pub(super) struct Points {
    dimension: usize,
    /// The codes, one after another.
    codes: Vec<f64>,
    /// Above 0.
    weights: Vec<f64>,
}

impl Points {
    /// Codes of one dimension, each with a weight above 0.
    pub(super) fn of<'a>(
        dimension: usize,
        points: impl IntoIterator<Item = (&'a [f32], f32)>,
    ) -> Self {
        let mut all = Points {
            dimension,
            codes: Vec::new(),
            weights: Vec::new(),
        };
        for (code, weight) in points {
            if code.len() == dimension {
                all.codes.extend(code.iter().map(|value| f64::from(*value)));
                all.weights.push(f64::from(weight));
            }
        }
        all
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.weights.len()
    }

    fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.codes.chunks_exact(self.dimension.max(1))
    }

    /// Replaces `squares` by the square of the distance of `code` from each, as a share of that of
    /// unlike pictures.
    pub(super) fn squares_from(&self, code: &[f64], squares: &mut Vec<f64>) {
        let unlike = 2.0 * self.dimension.max(1) as f64;
        squares.clear();
        squares.extend(self.rows().map(|row| {
            let pairs = row.iter().zip(code);
            pairs.map(|(one, other)| (one - other).powi(2)).sum::<f64>() / unlike
        }));
    }

    /// The squares of the distances of all from all.
    fn squares(&self) -> Vec<f64> {
        let (mut all, mut row) = (Vec::new(), Vec::new());
        for code in self.rows() {
            self.squares_from(code, &mut row);
            all.extend_from_slice(&row);
        }
        all
    }
}

/// The bell at the square of a distance.
fn bell(square: f64, width: f64) -> f64 {
    (-square / (2.0 * width * width)).exp()
}

/// The kernel of all points with all, with the noise of each.
fn kernel(points: &Points, squares: &[f64], (width, noise): (f64, f64), constant: f64) -> Vec<f64> {
    let count = points.count();
    let mut matrix: Vec<f64> = { squares.iter() }
        .map(|square| constant + bell(*square, width))
        .collect();
    for (row, weight) in points.weights.iter().enumerate() {
        matrix[row * count + row] += noise / weight;
    }
    matrix
}

/// Whether a code is near one of the examples.
pub(super) struct Familiarity {
    factor: Cholesky,
}

impl Familiarity {
    /// What is known of these points; `None`: they are not all numbers.
    pub(super) fn of(points: &Points) -> Option<Self> {
        let matrix = kernel(points, &points.squares(), NEAR, 0.0);
        let factor = Cholesky::of(matrix, points.count())?;
        Some(Familiarity { factor })
    }

    /// The share of the variance that the examples leave at a code which is `squares` away from
    /// them: nearly 0 at one of them, 1 far from all. `space` is overwritten.
    pub(super) fn unknown(&self, squares: &[f64], space: &mut Vec<f64>) -> f64 {
        space.clear();
        space.extend(squares.iter().map(|square| bell(*square, NEAR.0)));
        self.factor.forward(space);
        let unknown = 1.0 - dot(space, space);
        match unknown.is_finite() {
            true => unknown.clamp(0.0, 1.0),
            false => 1.0,
        }
    }
}

/// Several knobs, learnt from the same examples.
pub(super) struct Gaussian {
    width: f64,
    knobs: Vec<Learnt>,
    /// The error with each example left out.
    pub(super) left_out: Option<LeftOut>,
}

/// One knob.
struct Learnt {
    mean: f64,
    /// What each example adds to the mean, times the kernel.
    shares: Vec<f64>,
    /// The sum of those, which the constant of the kernel is multiplied by.
    sum: f64,
}

/// The error with each example guessed from the others: sums of squares, and how many.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LeftOut {
    /// Of what was learnt.
    pub(super) learnt: f64,
    /// Of the mean of the others.
    pub(super) mean: f64,
    /// Knobs times examples.
    pub(super) count: usize,
}

impl Gaussian {
    /// What is learnt of knobs whose values at the points are given, one list a knob; `None`:
    /// there is no point, or not all are numbers.
    pub(super) fn fit(points: &Points, knobs: &[Vec<f64>]) -> Option<Self> {
        let count = points.count();
        if count == 0 || knobs.iter().any(|values| values.len() != count) {
            return None;
        }
        let squares = points.squares();
        let all: f64 = points.weights.iter().sum();
        let means: Vec<f64> = { knobs.iter() }
            .map(|values| dot(values, &points.weights) / all)
            .collect();
        let grid = WIDTHS
            .into_iter()
            .flat_map(|width| NOISES.into_iter().map(move |noise| (width, noise)));
        let grid: Vec<(f64, f64)> = match count < FEW {
            true => vec![USUAL],
            false => grid.collect(),
        };
        let mut best: Option<(f64, Self)> = None;
        for (width, noise) in grid {
            let matrix = kernel(points, &squares, (width, noise), CONSTANT);
            let Some(factor) = Cholesky::of(matrix, count) else {
                continue;
            };
            let inverse = factor.inverse_diagonal();
            let (mut left_out, mut unfaithful) = (0.0, 0.0);
            let mut learnt = Vec::with_capacity(knobs.len());
            for (values, mean) in knobs.iter().zip(&means) {
                let mut shares: Vec<f64> = values.iter().map(|value| value - mean).collect();
                factor.solve(&mut shares);
                for ((share, inverse), weight) in shares.iter().zip(&inverse).zip(&points.weights) {
                    left_out += (share / inverse).powi(2);
                    unfaithful += (share * noise / weight).powi(2);
                }
                let sum = shares.iter().sum();
                learnt.push(Learnt {
                    mean: *mean,
                    shares,
                    sum,
                });
            }
            let cases = (count * knobs.len()).max(1) as f64;
            let beyond = (unfaithful / cases).sqrt() - FAITHFUL;
            let score = (left_out / cases).sqrt() + UNFAITHFUL * beyond.max(0.0);
            let is_better = best.as_ref().is_none_or(|(least, _)| score < *least);
            if score.is_finite() && is_better {
                let left_out = (count > 1).then(|| LeftOut {
                    learnt: left_out,
                    mean: mean_left_out(points, knobs, &means, all),
                    count: count * knobs.len(),
                });
                let found = Gaussian {
                    width,
                    knobs: learnt,
                    left_out,
                };
                best = Some((score, found));
            }
        }
        best.map(|(_, found)| found)
    }

    /// What the knobs should be at a code that is `squares` away from the examples, in their order;
    /// not kept within 0 to 1. `space` is overwritten.
    pub(super) fn knobs<'a>(
        &'a self,
        squares: &[f64],
        space: &'a mut Vec<f64>,
    ) -> impl Iterator<Item = f64> + 'a {
        space.clear();
        space.extend(squares.iter().map(|square| bell(*square, self.width)));
        let space: &'a [f64] = space;
        let knobs = self.knobs.iter();
        knobs.map(move |knob| knob.mean + CONSTANT * knob.sum + dot(&knob.shares, space))
    }
}

/// The squares of the errors where each value is guessed as the mean of the others.
fn mean_left_out(points: &Points, knobs: &[Vec<f64>], means: &[f64], all: f64) -> f64 {
    let mut sum = 0.0;
    for (values, mean) in knobs.iter().zip(means) {
        for (value, weight) in values.iter().zip(&points.weights) {
            let others = (all - weight).max(f64::MIN_POSITIVE);
            sum += ((value - mean) * all / others).powi(2);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIMENSION: usize = 8;

    /// Codes that any two of which are far apart.
    fn far_apart(count: usize) -> Vec<Vec<f32>> {
        let code = |n: usize| {
            let mut state = (n as u32 + 1).wrapping_mul(2_654_435_761);
            let component = |_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / 8_388_608.0 * 2.0 - 2.0
            };
            (0..DIMENSION).map(component).collect()
        };
        (0..count).map(code).collect()
    }

    fn points(codes: &[Vec<f32>]) -> Points {
        Points::of(DIMENSION, codes.iter().map(|code| (code.as_slice(), 1.0)))
    }

    fn played(points: &Points, learnt: &Gaussian, code: &[f32]) -> Vec<f64> {
        let code: Vec<f64> = code.iter().map(|value| f64::from(*value)).collect();
        let (mut squares, mut space) = (Vec::new(), Vec::new());
        points.squares_from(&code, &mut squares);
        learnt.knobs(&squares, &mut space).collect()
    }

    fn unknown(points: &Points, code: &[f32]) -> f64 {
        let code: Vec<f64> = code.iter().map(|value| f64::from(*value)).collect();
        let (mut squares, mut space) = (Vec::new(), Vec::new());
        points.squares_from(&code, &mut squares);
        let known = Familiarity::of(points).unwrap();
        known.unknown(&squares, &mut space)
    }

    #[test]
    fn what_was_taught_is_played_again_where_it_was_taught() {
        for count in [1, 2, 4, 5, 12, 40] {
            let codes = far_apart(count);
            let points = points(&codes);
            let values: Vec<f64> = (0..count).map(|n| ((n * 7) % 5) as f64 / 4.0).collect();
            let turned: Vec<f64> = values.iter().map(|value| 1.0 - value).collect();
            let learnt = Gaussian::fit(&points, &[values.clone(), turned]).unwrap();
            let mut squares = 0.0;
            for (code, value) in codes.iter().zip(&values) {
                let played = played(&points, &learnt, code);
                squares += (played[0] - value).powi(2);
                assert!((played[0] + played[1] - 1.0).abs() < 1e-6);
            }
            let error = (squares / count as f64).sqrt();
            assert!(error < 0.1, "{count} examples: {error}");
        }
    }

    #[test]
    fn knobs_that_follow_the_code_are_guessed_better_than_by_their_mean_and_chance_is_not() {
        let codes = far_apart(40);
        let points = points(&codes);
        let follows: Vec<f64> = { codes.iter() }
            .map(|code| 0.5 + 0.2 * f64::from(code[0]))
            .collect();
        let chance: Vec<f64> = (0..40).map(|n| f64::from((n * 17) % 23) / 22.0).collect();
        let error = |values: Vec<f64>| {
            let left_out = Gaussian::fit(&points, &[values]).unwrap().left_out.unwrap();
            (left_out.learnt / left_out.mean).sqrt()
        };
        assert!(error(follows) < 0.7);
        assert!(error(chance) > 0.8);
    }

    #[test]
    fn leaving_one_out_is_what_fitting_the_others_gives() {
        let codes = far_apart(4);
        let values = [0.1, 0.9, 0.4, 0.6];
        let all = Gaussian::fit(&points(&codes), &[values.to_vec()]).unwrap();
        let mut squares = 0.0;
        for out in 0..4 {
            let others: Vec<usize> = (0..4).filter(|n| *n != out).collect();
            let some: Vec<Vec<f32>> = others.iter().map(|n| codes[*n].clone()).collect();
            let points = points(&some);
            let taught = others.iter().map(|n| values[*n]).collect();
            let learnt = Gaussian::fit(&points, &[taught]).unwrap();
            squares += (played(&points, &learnt, &codes[out])[0] - values[out]).powi(2);
        }
        // The mean of all is not left out; the kernel's constant makes up for nearly all of it.
        let found = all.left_out.unwrap().learnt;
        assert!((found / squares - 1.0).abs() < 0.1, "{found} {squares}");
    }

    #[test]
    fn a_picture_is_known_at_an_example_and_unknown_far_from_all() {
        let codes = far_apart(6);
        let points = points(&codes);
        for code in &codes {
            assert!(unknown(&points, code) < 0.05);
        }
        assert!(unknown(&points, &[9.0; DIMENSION]) > 0.99);
    }

    #[test]
    fn an_example_of_more_weight_counts_more_where_two_contradict_each_other() {
        let code = vec![0.5; DIMENSION];
        let twice = [(code.as_slice(), 4.0), (code.as_slice(), 1.0)];
        let points = Points::of(DIMENSION, twice);
        let learnt = Gaussian::fit(&points, &[vec![1.0, 0.0]]).unwrap();
        let played = played(&points, &learnt, &code)[0];
        assert!((played - 0.8).abs() < 0.05, "{played}");
    }

    #[test]
    fn what_cannot_be_learnt_is_nothing() {
        assert!(Gaussian::fit(&points(&[]), &[]).is_none());
        let broken = points(&[vec![f32::NAN; DIMENSION]]);
        assert!(Gaussian::fit(&broken, &[vec![0.5]]).is_none());
        assert!(Familiarity::of(&broken).is_none());
        let one = points(&far_apart(1));
        assert!(Gaussian::fit(&one, &[vec![0.5, 0.5]]).is_none());
        assert!(Gaussian::fit(&one, &[vec![f64::NAN]]).is_none());
        assert!(
            Gaussian::fit(&one, &[vec![0.5]])
                .unwrap()
                .left_out
                .is_none()
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn whatever_is_taught_is_learnt_as_numbers(
            codes in prop::collection::vec(prop::collection::vec(-1e3..1e3f32, 3), 1..14),
            repeats in 1..4_usize,
            weight in 0.01..100.0f32,
            asked in prop::collection::vec(-1e6..1e6f32, 3),
        ) {
            // Some stand there more than once, with other values.
            let all: Vec<&[f32]> = (0..repeats).flat_map(|_| codes.iter().map(Vec::as_slice)).collect();
            let points = Points::of(3, all.iter().map(|code| (*code, weight)));
            let values: Vec<f64> = (0..all.len()).map(|n| ((n * 13) % 7) as f64 / 6.0).collect();
            let learnt = Gaussian::fit(&points, &[values.clone(), values]).unwrap();
            for code in [asked.as_slice(), all[0]] {
                for value in played(&points, &learnt, code) {
                    prop_assert!(value.is_finite());
                }
                let unknown = unknown(&points, code);
                prop_assert!((0.0..=1.0).contains(&unknown));
            }
        }
    }
}
