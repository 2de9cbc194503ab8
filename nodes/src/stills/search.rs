//! Finds the nearest of many codes: exact, by the angle between them.

/// So many numbers are multiplied at a time: as many as any processor's vector has. The compiler
/// makes vectors of them.
const LANES: usize = 16;

/// Codes of length 1, one behind another, each filled up with zeros to whole lanes.
#[derive(Clone, Debug, Default)]
pub struct Codes {
    dimension: usize,
    /// Numbers in a row: the dimension, in whole lanes.
    row: usize,
    numbers: Vec<f32>,
}

impl Codes {
    /// No codes yet, of this dimension.
    pub fn new(dimension: usize) -> Self {
        Codes {
            dimension,
            row: dimension.next_multiple_of(LANES).max(LANES),
            numbers: Vec::new(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.numbers.len() / self.row.max(1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// The components of a code.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Makes room for as many more.
    pub fn reserve(&mut self, count: usize) {
        self.numbers.reserve(count.saturating_mul(self.row));
    }

    /// Adds a code; of one that is longer or shorter than the dimension, what is there of it.
    pub fn push(&mut self, code: &[f32]) {
        let row = unit(code, self.dimension, self.row);
        self.numbers.extend_from_slice(&row);
    }

    /// The number of the code that is nearest to `code`, and the cosine of the angle between them,
    /// -1 to 1; of equally near ones the first. `None` where there are none.
    pub fn nearest(&self, code: &[f32]) -> Option<(usize, f32)> {
        let wanted = unit(code, self.dimension, self.row);
        let mut best: Option<(usize, f32)> = None;
        for (number, row) in self.numbers.chunks_exact(self.row.max(1)).enumerate() {
            let cosine = dot(row, &wanted);
            if best.is_none_or(|(_, most)| cosine > most) {
                best = Some((number, cosine));
            }
        }
        best
    }
}

/// `code` at length 1, filled up with zeros; one without a direction is all zeros.
fn unit(code: &[f32], dimension: usize, row: usize) -> Vec<f32> {
    let code = code.get(..dimension).unwrap_or(code);
    let squares = code
        .iter()
        .map(|value| f64::from(*value) * f64::from(*value));
    let length = squares.sum::<f64>().sqrt();
    let scale = match length.is_finite() && length > 0.0 {
        true => 1.0 / length,
        false => 0.0,
    };
    let mut unit: Vec<f32> = code
        .iter()
        .map(|value| match scale > 0.0 {
            true => (f64::from(*value) * scale) as f32,
            false => 0.0,
        })
        .collect();
    unit.resize(row, 0.0);
    unit
}

/// The scalar product of two rows of whole lanes.
fn dot(one: &[f32], other: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    for (one, other) in one.chunks_exact(LANES).zip(other.chunks_exact(LANES)) {
        for ((sum, one), other) in sums.iter_mut().zip(one).zip(other) {
            *sum += one * other;
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;
    use rand_distr::{Distribution, StandardNormal};

    use super::*;

    fn random(count: usize, dimension: usize) -> Vec<Vec<f32>> {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut code = || {
            StandardNormal
                .sample_iter(&mut rng)
                .take(dimension)
                .collect()
        };
        (0..count).map(|_| code()).collect()
    }

    #[test]
    fn the_nearest_is_the_one_of_the_smallest_angle_in_any_dimension() {
        for dimension in [1, 5, 16, 64, 70] {
            let all = random(200, dimension);
            let mut codes = Codes::new(dimension);
            all.iter().for_each(|code| codes.push(code));
            assert_eq!(codes.len(), 200);
            let cosine = |one: &[f32], other: &[f32]| {
                let dot = |one: &[f32], other: &[f32]| -> f64 {
                    let pairs = one.iter().zip(other);
                    pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
                };
                dot(one, other) / (dot(one, one) * dot(other, other)).sqrt()
            };
            for wanted in random(20, dimension).iter().map(|code| {
                let far = code.iter().map(|value| value * 3.0 + 0.1);
                far.collect::<Vec<f32>>()
            }) {
                let (number, found) = codes.nearest(&wanted).unwrap();
                let best = all.iter().map(|code| cosine(code, &wanted));
                let best = best.fold(f64::MIN, f64::max);
                assert!((cosine(&all[number], &wanted) - best).abs() < 1e-5);
                assert!((f64::from(found) - best).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn a_code_without_a_direction_is_answered_too() {
        let mut codes = Codes::new(3);
        assert_eq!(codes.nearest(&[1.0, 0.0, 0.0]), None);
        codes.push(&[0.0, 2.0, 0.0]);
        codes.push(&[f32::NAN, 0.0, 0.0]);
        assert_eq!(codes.nearest(&[0.0; 3]), Some((0, 0.0)));
        assert_eq!(codes.nearest(&[f32::INFINITY, 0.0, 0.0]), Some((0, 0.0)));
        let (number, cosine) = codes.nearest(&[0.0, 9.0, 0.0]).unwrap();
        assert_eq!(number, 0);
        assert!((cosine - 1.0).abs() < 1e-6);
    }
}
