//! The space that a few directions span, and the part of a code that lies in it.

use crate::cholesky::dot;

/// A direction of which less than this share lies outside of the others' is theirs.
const LEAST: f64 = 1e-6;

/// Directions of length 1 at right angles, which span what those span that it was made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Span {
    axes: Vec<Vec<f64>>,
}

impl Span {
    /// Gram–Schmidt.
    pub(crate) fn of<'a>(directions: impl IntoIterator<Item = &'a [f32]>) -> Self {
        let mut span = Span::default();
        for direction in directions {
            let direction: Vec<f64> = direction.iter().map(|part| f64::from(*part)).collect();
            let mut axis = direction.clone();
            // Twice: one pass leaves rounding errors.
            for _ in 0..2 {
                let within = span.part(&axis);
                axis.iter_mut()
                    .zip(within)
                    .for_each(|(part, within)| *part -= within);
            }
            let (length, whole) = (dot(&axis, &axis).sqrt(), dot(&direction, &direction).sqrt());
            if length > LEAST * whole {
                axis.iter_mut().for_each(|part| *part /= length);
                span.axes.push(axis);
            }
        }
        span
    }

    /// The part of `code` that lies in it.
    pub(crate) fn part(&self, code: &[f64]) -> Vec<f64> {
        let mut part = vec![0.0; code.len()];
        for axis in &self.axes {
            let along = dot(axis, code);
            part.iter_mut()
                .zip(axis)
                .for_each(|(part, axis)| *part += along * axis);
        }
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_the_span_is_its_part_and_nothing_else_is() {
        let (one, other) = ([3.0, 4.0, 0.0], [1.0, 0.0, 0.0]);
        let span = Span::of([&one[..], &other[..], &one[..], &[0.0; 3][..]]);
        assert_eq!(span.axes.len(), 2, "what others span adds nothing");
        let part = span.part(&[5.0, -7.0, 2.0]);
        let away = [5.0, -7.0, 0.0]
            .iter()
            .zip(&part)
            .map(|(a, b): (&f64, &f64)| (a - b).abs());
        assert!(away.sum::<f64>() < 1e-9, "{part:?}");
        assert_eq!(Span::default().part(&[1.0, 2.0]), [0.0, 0.0]);
    }
}
