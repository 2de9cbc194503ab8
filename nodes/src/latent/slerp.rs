//! The way from one code to another.

/// The code at `share` (0 to 1) of the way from one to another along the arc between them, the
/// length going evenly from one's to the other's (Shoemake 1985): codes half-way are as long as
/// codes are, which a straight line's are not.
pub(crate) fn slerp(from: &[f32], to: &[f32], share: f32) -> Vec<f32> {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum()
    };
    let share = f64::from(share);
    let (long_from, long_to) = (dot(from, from).sqrt(), dot(to, to).sqrt());
    let cosine = (dot(from, to) / (long_from * long_to)).clamp(-1.0, 1.0);
    let angle = cosine.acos();
    let (mut weight_from, mut weight_to) = (1.0 - share, share);
    // Codes along one line, or without length, have no arc between them: a straight line does.
    if angle.sin() > 1e-6 {
        let length = (1.0 - share) * long_from + share * long_to;
        weight_from = ((1.0 - share) * angle).sin() / angle.sin() * length / long_from;
        weight_to = (share * angle).sin() / angle.sin() * length / long_to;
    }
    from.iter()
        .zip(to)
        .map(|(from, to)| (weight_from * f64::from(*from) + weight_to * f64::from(*to)) as f32)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_on_the_way_are_as_long_as_the_ends() {
        let (from, to) = ([3.0, 0.0, 0.0], [0.0, 0.0, 3.0]);
        for share in [0.0, 0.25, 0.5, 1.0] {
            let code = slerp(&from, &to, share);
            let length = code.iter().map(|value| value * value).sum::<f32>().sqrt();
            assert!((length - 3.0).abs() < 1e-5, "{share}: {length}");
        }
        assert_eq!(slerp(&[0.0], &[2.0], 0.5), [1.0]);
    }
}
