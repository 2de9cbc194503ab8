//! When a number is high: with hysteresis, so that one that trembles at the threshold does not make
//! a node go to and fro.

/// Whether a number is high from now on that has become `value`: it is once it rises above
/// `threshold`, and no longer once it is not above `threshold` − `hysteresis` any more. What is not
/// a number changes nothing.
pub(crate) fn is_high(was_high: bool, value: f32, threshold: f64, hysteresis: f64) -> bool {
    if value.is_nan() {
        return was_high;
    }
    let least = if was_high {
        threshold - hysteresis
    } else {
        threshold
    };
    f64::from(value) > least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rises_above_the_threshold_and_falls_below_it_by_the_hysteresis() {
        let values = [
            0.5,
            0.6,
            0.5,
            0.3,
            0.25,
            0.5,
            f32::INFINITY,
            f32::NAN,
            f32::NEG_INFINITY,
        ];
        let mut was_high = false;
        let high = values.map(|value| {
            was_high = is_high(was_high, value, 0.5, 0.25);
            was_high
        });
        assert_eq!(
            high,
            [false, true, true, true, false, false, true, true, false]
        );
    }

    #[test]
    fn silence_is_low_also_where_the_hysteresis_reaches_down_to_it() {
        assert!(!is_high(true, 0.0, 0.05, 0.05));
    }
}
