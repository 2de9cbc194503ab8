//! Components that can be reckoned with.

/// The component as it is; 0, the middle of all codes, for what is not a number or has no end.
pub(super) fn finite(component: f32) -> f64 {
    match component.is_finite() {
        true => f64::from(component),
        false => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_number_counts_as_the_middle() {
        let found = [1.5, f32::NAN, f32::INFINITY, f32::NEG_INFINITY].map(finite);
        assert_eq!(found, [1.5, 0.0, 0.0, 0.0]);
    }
}
