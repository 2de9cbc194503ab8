//! A word of one's own, taught by two sets of pictures: those that show it, and others.
//!
//! The direction is found by ridge regression of 1 and −1 about the middle of both sides, whose
//! penalty was chosen on other words (`models/training/names`). How well it tells is known by
//! leaving each picture out in turn.

use score_engine::NodeError;

use super::file::{Kind, Name, Names};
use crate::cholesky::Cholesky;
use crate::shared::rank::quantile;

/// The penalty on the direction's length: at ten pictures a side what tells best, and from 30 to
/// 300 hardly anything differs.
const PENALTY: f64 = 100.0;

/// Fewer pictures a side teach nothing.
const FEWEST: usize = 3;

/// The odds of chance from which on a word is not known to be worth anything.
const CHANCE: f64 = 0.05;

/// Scores are kept at 0/20, 1/20 … of those of the pictures.
const PARTS: usize = 20;

/// A word that was taught, and how well it tells.
#[derive(Clone, Debug)]
pub struct Lesson {
    /// The word, as a file has it.
    pub names: Names,
    /// How many pictures are told rightly by what is learnt from all others.
    pub right: usize,
    /// How many pictures there are.
    pub of: usize,
    /// How probable it is that so many, or more, are told rightly by guessing.
    pub chance: f64,
}

impl Lesson {
    /// Whether it tells better than guessing does.
    pub fn is_worth_something(&self) -> bool {
        self.chance < CHANCE
    }

    /// The share of pictures that are told rightly by what is learnt from all others.
    pub fn left_one_out(&self) -> f64 {
        self.right as f64 / self.of.max(1) as f64
    }
}

/// Teaches `word` with the codes of pictures that show it, and of others.
///
/// # Errors
/// There are fewer than three on either side, or one is not all numbers.
pub fn teach(word: &str, shown: &[Vec<f32>], others: &[Vec<f32>]) -> Result<Lesson, NodeError> {
    let fewest = shown.len().min(others.len());
    if fewest < FEWEST {
        let why = format!("{fewest} pictures on one side are too few to teach `{word}`");
        return Err(NodeError::input(why).help("ten or more on each side teach a word"));
    }
    let pictures: Vec<(&[f32], bool)> = (shown.iter().map(|code| (code.as_slice(), true)))
        .chain(others.iter().map(|code| (code.as_slice(), false)))
        .collect();
    let dimension = shown.first().map_or(0, Vec::len);
    let is_whole = |code: &[f32]| {
        code.len() == dimension && code.iter().all(|component| component.is_finite())
    };
    if !pictures.iter().all(|(code, _)| is_whole(code)) {
        return Err(NodeError::internal("a picture's latent is not all numbers"));
    }
    let learnt = Learnt::of(&pictures, None)?;
    let mut scores = Vec::with_capacity(pictures.len());
    for (index, (code, shows)) in pictures.iter().enumerate() {
        scores.push((Learnt::of(&pictures, Some(index))?.score(code), *shows));
    }
    let right = scores
        .iter()
        .filter(|(score, shows)| (*score > 0.0) == *shows)
        .count();
    let (slope, offset) = odds(&scores);
    let all: Vec<f64> = scores
        .iter()
        .map(|(score, _)| slope * score + offset)
        .collect();
    let direction = learnt.direction.iter().map(|part| (slope * part) as f32);
    let of = pictures.len();
    let name = Name {
        summary: format!(
            "taught with {} pictures, and {} others",
            shown.len(),
            others.len()
        ),
        kind: Kind::Word,
        reaches: None,
        left_one_out: Some(right as f32 / of as f32),
        offset: (slope * learnt.offset() + offset) as f32,
        direction: direction.collect(),
        pattern: learnt.pattern(),
        quantiles: (0..=PARTS)
            .filter_map(|part| quantile(&all, part as f64 / PARTS as f64))
            .map(|score| score as f32)
            .collect(),
    };
    let mean = learnt.middle.iter().map(|part| *part as f32).collect();
    let names = Names::taught(word.to_owned(), name, mean);
    let larger = shown.len().max(others.len()) as f64 / of as f64;
    let chance = at_least(right, of, larger);
    Ok(Lesson {
        names,
        right,
        of,
        chance,
    })
}

/// A direction, as it was learnt.
struct Learnt {
    /// The middle between both sides' means.
    middle: Vec<f64>,
    /// From the mean of the others to that of those that show it.
    apart: Vec<f64>,
    direction: Vec<f64>,
}

impl Learnt {
    /// Learns from all pictures but the one with number `without`.
    fn of(pictures: &[(&[f32], bool)], without: Option<usize>) -> Result<Self, NodeError> {
        let kept = || {
            let all = pictures.iter().enumerate();
            all.filter(|(index, _)| Some(*index) != without)
                .map(|(_, picture)| *picture)
        };
        let mean = |side: bool| -> Vec<f64> {
            let codes = kept()
                .filter(|(_, shows)| *shows == side)
                .map(|(code, _)| code);
            let (sum, count) = codes.fold((Vec::new(), 0.0), |(mut sum, count), code| {
                sum.resize(code.len(), 0.0);
                add(&mut sum, code.iter().map(|part| f64::from(*part)));
                (sum, count + 1.0)
            });
            sum.into_iter().map(|part: f64| part / count).collect()
        };
        let (shown, others) = (mean(true), mean(false));
        let middle: Vec<f64> = shown
            .iter()
            .zip(&others)
            .map(|(a, b)| (a + b) / 2.0)
            .collect();
        let dimension = middle.len();
        // Row after row.
        let mut squares = vec![0.0; dimension * dimension];
        let mut wanted = vec![0.0; dimension];
        for (code, shows) in kept() {
            let sign = if shows { 1.0 } else { -1.0 };
            let away: Vec<f64> = code
                .iter()
                .zip(&middle)
                .map(|(a, b)| f64::from(*a) - b)
                .collect();
            add(&mut wanted, away.iter().map(|part| sign * part));
            for (row, part) in squares.chunks_exact_mut(dimension.max(1)).zip(&away) {
                add(row, away.iter().map(|other| part * other));
            }
        }
        // The diagonal.
        let diagonal = squares.iter_mut().step_by(dimension + 1);
        diagonal.for_each(|square| *square += PENALTY);
        let factor = Cholesky::of(squares, dimension)
            .ok_or_else(|| NodeError::internal("a direction has no solution"))?;
        factor.solve(&mut wanted);
        Ok(Learnt {
            direction: wanted,
            apart: shown.iter().zip(&others).map(|(a, b)| a - b).collect(),
            middle,
        })
    }

    fn offset(&self) -> f64 {
        -self
            .direction
            .iter()
            .zip(&self.middle)
            .map(|(a, b)| a * b)
            .sum::<f64>()
    }

    fn score(&self, code: &[f32]) -> f64 {
        let products = self
            .direction
            .iter()
            .zip(code)
            .map(|(a, b)| a * f64::from(*b));
        products.sum::<f64>() + self.offset()
    }

    /// The way from one side to the other, of length 1.
    fn pattern(&self) -> Vec<f32> {
        let length = self
            .apart
            .iter()
            .map(|part| part * part)
            .sum::<f64>()
            .sqrt();
        let length = if length > 0.0 { length } else { 1.0 };
        self.apart
            .iter()
            .map(|part| (part / length) as f32)
            .collect()
    }
}

fn add(to: &mut [f64], what: impl Iterator<Item = f64>) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += what);
}

/// Slope and offset that turn scores into the logarithms of odds, where both sides are normal with
/// one variance. Sides that lie the wrong way round have odds that are nearly even.
fn odds(scores: &[(f64, bool)]) -> (f64, f64) {
    let side = |wanted: bool| {
        let found: Vec<f64> = (scores.iter().filter(|(_, shows)| *shows == wanted))
            .map(|(score, _)| *score)
            .collect();
        let mean = found.iter().sum::<f64>() / found.len().max(1) as f64;
        let squares = found
            .iter()
            .map(|score| (score - mean).powi(2))
            .sum::<f64>();
        (mean, squares)
    };
    let ((high, one), (low, other)) = (side(true), side(false));
    let variance = (one + other) / scores.len().saturating_sub(2).max(1) as f64;
    // Two heaps without any spread would have odds without end.
    let slope = ((high - low) / variance.max(1e-6)).clamp(0.1, 100.0);
    (slope, -slope * (high + low) / 2.0)
}

/// The probability of `right` or more of `of`, each right with probability `each`.
fn at_least(right: usize, of: usize, each: f64) -> f64 {
    // Logarithms: the factors of many pictures are beyond any number.
    let ways = |some: usize| -> f64 {
        (1..=some)
            .map(|n| ((of - some + n) as f64 / n as f64).ln())
            .sum()
    };
    let exactly = |some: usize| {
        (ways(some) + some as f64 * each.ln() + (of - some) as f64 * (1.0 - each).ln()).exp()
    };
    (right..=of).map(exactly).sum::<f64>().min(1.0)
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;
    use rand_distr::{Distribution, StandardNormal};

    use super::*;

    const DIMENSION: usize = 64;

    /// Codes whose first component lies `shift` away from those of N(0, 1).
    fn codes(count: usize, shift: f32, seed: u64) -> Vec<Vec<f32>> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut code = || -> Vec<f32> {
            let normal = StandardNormal.sample_iter(&mut rng);
            let mut code: Vec<f32> = normal.take(DIMENSION).collect();
            code[0] += shift;
            code
        };
        (0..count).map(|_| code()).collect()
    }

    #[test]
    fn ten_pictures_a_side_teach_a_word_that_tells_pictures_that_it_has_not_seen() {
        let lesson = teach("rain", &codes(10, 3.0, 1), &codes(10, -3.0, 2)).unwrap();
        assert!(
            lesson.is_worth_something() && lesson.right >= 18,
            "{lesson:?}"
        );
        let rain = &lesson.names.names["rain"];
        let tells = |codes: Vec<Vec<f32>>, shows: bool| {
            let told = codes
                .iter()
                .filter(|code| (rain.probability(code) > 0.5) == shows);
            told.count()
        };
        assert!(tells(codes(200, 3.0, 3), true) > 180);
        assert!(tells(codes(200, -3.0, 4), false) > 180);
        let places: Vec<f32> = codes(200, 0.0, 5)
            .iter()
            .map(|code| rain.place(code))
            .collect();
        assert!(places.iter().all(|place| (0.0..=1.0).contains(place)));
        assert!(rain.pattern[0] > 0.8, "{}", rain.pattern[0]);
    }

    #[test]
    fn two_sets_that_do_not_differ_teach_nothing_and_that_is_known_beforehand() {
        let worth = (0..40_u64).filter(|seed| {
            let lesson = teach(
                "rain",
                &codes(10, 0.0, 2 * seed),
                &codes(10, 0.0, 2 * seed + 1),
            );
            lesson.unwrap().is_worth_something()
        });
        assert!(worth.count() <= 6);
    }

    #[test]
    fn a_set_that_is_larger_is_no_worth_by_itself() {
        let lesson = teach("rain", &codes(40, 0.0, 1), &codes(4, 0.0, 2)).unwrap();
        assert!(
            !lesson.is_worth_something(),
            "{} {}",
            lesson.right,
            lesson.chance
        );
    }

    #[test]
    fn too_few_pictures_and_broken_latents_are_refused() {
        let refused = teach("rain", &codes(10, 1.0, 1), &codes(2, 0.0, 2)).unwrap_err();
        assert!(refused.to_string().contains("2 pictures"), "{refused}");
        let mut broken = codes(10, 1.0, 1);
        broken[3][5] = f32::NAN;
        assert!(teach("rain", &broken, &codes(10, 0.0, 2)).is_err());
    }

    #[test]
    fn pictures_that_are_all_the_same_are_no_error() {
        let same = vec![vec![0.5; DIMENSION]; 10];
        let lesson = teach("rain", &same, &same).unwrap();
        assert!(!lesson.is_worth_something());
        let numbers = &lesson.names.names["rain"];
        assert!(
            numbers
                .direction
                .iter()
                .chain(&numbers.quantiles)
                .all(|part| part.is_finite())
        );
    }

    #[test]
    fn the_odds_of_guessing_are_those_of_a_coin() {
        assert!((at_least(15, 20, 0.5) - 0.0207).abs() < 1e-4);
        assert!((at_least(0, 20, 0.5) - 1.0).abs() < 1e-9);
        assert!(at_least(900, 1000, 0.5) < 1e-12);
    }
}
