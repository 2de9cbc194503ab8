//! Factors a symmetric matrix that is positive definite, and solves equations with it.

/// The lower factor `L` of a matrix that is `L` times `L` turned over (Cholesky).
pub(crate) struct Cholesky {
    size: usize,
    /// Rows one after another; what lies above the diagonal is not used.
    lower: Vec<f64>,
}

impl Cholesky {
    /// The factor of a matrix of `size` rows that lie one after another, of which the lower half
    /// is read; `None`: it is not positive definite, or not all numbers.
    pub(crate) fn of(mut matrix: Vec<f64>, size: usize) -> Option<Self> {
        if matrix.len() != size * size {
            return None;
        }
        for row in 0..size {
            let (above, this) = matrix.split_at_mut(row * size);
            let this = this.get_mut(..size)?;
            for (column, other) in above.chunks_exact(size).enumerate() {
                let sum = dot(&this[..column], &other[..column]);
                this[column] = (this[column] - sum) / other[column];
            }
            let left = this[row] - dot(&this[..row], &this[..row]);
            // As a comparison it is false for what is not a number.
            if !(left > f64::EPSILON && left.is_finite()) {
                return None;
            }
            this[row] = left.sqrt();
        }
        Some(Cholesky {
            size,
            lower: matrix,
        })
    }

    /// Replaces `right` by the solution of `L` times it.
    pub(crate) fn forward(&self, right: &mut [f64]) {
        for (row, line) in self.lower.chunks_exact(self.size.max(1)).enumerate() {
            let (known, rest) = right.split_at_mut(row);
            if let Some(value) = rest.first_mut() {
                *value = (*value - dot(&line[..row], known)) / line[row];
            }
        }
    }

    /// Replaces `right` by the solution of the whole equation.
    pub(crate) fn solve(&self, right: &mut [f64]) {
        self.forward(right);
        for row in (0..self.size.min(right.len())).rev() {
            let (before, rest) = right.split_at_mut(row);
            let line = &self.lower[row * self.size..][..=row];
            if let Some(value) = rest.first_mut() {
                *value /= line[row];
                for (earlier, factor) in before.iter_mut().zip(line) {
                    *earlier -= factor * *value;
                }
            }
        }
    }

    /// The diagonal of the matrix's inverse.
    pub(crate) fn inverse_diagonal(&self) -> Vec<f64> {
        let mut diagonal = vec![0.0; self.size];
        let mut column = vec![0.0; self.size];
        for (first, sum) in diagonal.iter_mut().enumerate() {
            // The column of the factor's inverse that begins at its diagonal.
            for row in first..self.size {
                let line = &self.lower[row * self.size..][..=row];
                let known = dot(&line[first..row], &column[first..row]);
                let wanted = if row == first { 1.0 } else { 0.0 };
                column[row] = (wanted - known) / line[row];
            }
            *sum = column[first..].iter().map(|value| value * value).sum();
        }
        diagonal
    }
}

/// The sum of the products of two vectors.
pub(crate) fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_equation_is_solved_and_the_inverse_has_its_diagonal() {
        // Its inverse, times 24, has the diagonal 11, 12, 8.
        let matrix = vec![4.0, 0.0, 0.0, 2.0, 3.0, 0.0, 2.0, 1.0, 4.0];
        let whole = [[4.0, 2.0, 2.0], [2.0, 3.0, 1.0], [2.0, 1.0, 4.0]];
        let factor = Cholesky::of(matrix, 3).unwrap();
        let mut solved = [8.0, -1.0, 3.0];
        factor.solve(&mut solved);
        for (row, wanted) in whole.iter().zip([8.0, -1.0, 3.0]) {
            assert!((dot(row, &solved) - wanted).abs() < 1e-12, "{solved:?}");
        }
        let found = factor.inverse_diagonal();
        for (found, wanted) in found.iter().zip([11.0, 12.0, 8.0]) {
            assert!((found - wanted / 24.0).abs() < 1e-12, "{found}");
        }
    }

    #[test]
    fn what_is_not_positive_definite_has_no_factor() {
        for matrix in [
            vec![0.0],
            vec![-1.0],
            vec![f64::NAN],
            vec![f64::INFINITY],
            vec![1.0, 0.0, 1.0, 1.0],
            vec![1.0, 0.0, f64::NAN, 1.0],
        ] {
            let size = if matrix.len() == 1 { 1 } else { 2 };
            assert!(Cholesky::of(matrix.clone(), size).is_none(), "{matrix:?}");
        }
        assert!(Cholesky::of(vec![1.0; 3], 2).is_none());
        assert!(Cholesky::of(Vec::new(), 0).is_some());
    }

    proptest! {
        #[test]
        fn what_was_multiplied_is_found_again(
            rows in prop::collection::vec(prop::collection::vec(-3.0..3.0f64, 7), 7),
            wanted in prop::collection::vec(-5.0..5.0f64, 7),
        ) {
            let mut matrix = vec![0.0; 49];
            for (row, one) in rows.iter().enumerate() {
                for (column, other) in rows.iter().enumerate() {
                    matrix[row * 7 + column] = dot(one, other) + f64::from(u8::from(row == column));
                }
            }
            let mut right: Vec<f64> = matrix.chunks_exact(7).map(|row| dot(row, &wanted)).collect();
            let factor = Cholesky::of(matrix, 7).unwrap();
            factor.solve(&mut right);
            for (found, wanted) in right.iter().zip(&wanted) {
                prop_assert!((found - wanted).abs() < 1e-6, "{found} {wanted}");
            }
        }
    }
}
