//! How fast a value goes on its way to another.

use serde::{Deserialize, Serialize};

/// How fast a value goes on its way to another. Every curve begins at the one and ends at the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Curve {
    /// At one speed.
    #[default]
    Linear,
    /// It sets off slowly, and arrives slowly: the polynomial 3t² − 2t³.
    Smooth,
    /// By this power of the time: 2 begins slowly, 0.5 fast.
    Power(f64),
}

impl Curve {
    /// The share of the way after `time`, the share of the time. What lies beyond 0 to 1 stands for
    /// the nearer end, and NaN for 0.
    pub fn at(self, time: f64) -> f64 {
        let time = match time.is_nan() {
            true => 0.0,
            false => time.clamp(0.0, 1.0),
        };
        match self {
            Curve::Linear => time,
            Curve::Smooth => time * time * (3.0 - 2.0 * time),
            Curve::Power(power) if power > 0.0 => time.powf(power),
            Curve::Power(_) => time,
        }
    }

    /// Whether it is that of one speed, which goes without saying.
    pub fn is_linear(&self) -> bool {
        *self == Curve::Linear
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn curves() -> impl Strategy<Value = Curve> {
        prop_oneof![
            Just(Curve::Linear),
            Just(Curve::Smooth),
            (0.01..100.0).prop_map(Curve::Power),
        ]
    }

    proptest! {
        #[test]
        fn every_curve_goes_from_one_end_to_the_other_and_never_back(
            curve in curves(), one in 0.0..=1.0, other in 0.0..=1.0,
        ) {
            prop_assert_eq!(curve.at(0.0), 0.0);
            prop_assert_eq!(curve.at(1.0), 1.0);
            let (one, other): (f64, f64) = (one, other);
            prop_assert!(curve.at(one.min(other)) <= curve.at(one.max(other)));
            prop_assert!((0.0..=1.0).contains(&curve.at(one)));
        }
    }

    #[test]
    fn what_is_no_share_of_the_time_is_an_end() {
        for curve in [
            Curve::Linear,
            Curve::Smooth,
            Curve::Power(3.0),
            Curve::Power(f64::NAN),
        ] {
            assert_eq!((curve.at(-1.0), curve.at(2.0)), (0.0, 1.0), "{curve:?}");
            assert_eq!(curve.at(f64::NAN), 0.0, "{curve:?}");
        }
    }

    #[test]
    fn half_of_the_time_is_the_share_that_the_curve_says() {
        assert_eq!(Curve::Linear.at(0.5), 0.5);
        assert_eq!(Curve::Smooth.at(0.5), 0.5);
        assert_eq!(Curve::Smooth.at(0.25), 0.15625);
        assert_eq!(Curve::Power(2.0).at(0.5), 0.25);
    }
}
