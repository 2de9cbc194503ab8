//! What a wire's 0 to 1 stand for at a parameter.

use serde::{Deserialize, Serialize};

use super::{Param, ParamType};

/// How the values between two ends follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// In equal steps.
    Steps,
    /// In equal ratios, as pitches and times are heard.
    Ratios,
}

/// The values that a wire's 0 to 1 stand for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// What 0 stands for.
    pub from: f64,
    /// What 1 stands for.
    pub to: f64,
    /// What lies between.
    pub scale: Scale,
}

impl Span {
    /// The value for `place`, from 0 to 1; what lies beyond stands for the nearer end, and what is no number for 0.
    pub fn at(&self, place: f64) -> f64 {
        let place = if place.is_nan() {
            0.0
        } else {
            place.clamp(0.0, 1.0)
        };
        match self.scale {
            Scale::Ratios if self.from > 0.0 && self.to > 0.0 => {
                self.from * (self.to / self.from).powf(place)
            }
            _ => self.from + (self.to - self.from) * place,
        }
    }
}

impl Param {
    /// A bare wire's 0 to 1 stand for `from` to `to`, in equal steps or in equal ratios.
    pub fn span(mut self, ends: std::ops::RangeInclusive<f64>, steps: bool) -> Self {
        let (from, to) = ends.into_inner();
        let scale = if steps { Scale::Steps } else { Scale::Ratios };
        self.span = Some(Span { from, to, scale });
        self
    }

    /// A bare wire's 0 to 1 stand for the whole range, in equal ratios.
    pub fn logarithmic(self) -> Self {
        match self.range() {
            Some((min, max)) => self.span(min..=max, false),
            None => self,
        }
    }

    /// What a bare wire's 0 to 1 stand for: as the declaration says, or else the whole range where that has two ends.
    /// `None` for what no number can stand for, and where only the wire could say.
    pub fn spans(&self) -> Option<Span> {
        self.span.or_else(|| {
            // Bounds of this size stand for "any".
            const ANY: f64 = 1e9;
            let (from, to) = self
                .range()
                .filter(|(min, max)| *min > -ANY && *max < ANY)?;
            let scale = Scale::Steps;
            Some(Span { from, to, scale })
        })
    }

    /// The ends of the range of a number.
    fn range(&self) -> Option<(f64, f64)> {
        match self.param_type {
            ParamType::Number { min, max } | ParamType::Length { min, max } => Some((min, max)),
            ParamType::Integer { min, max } => Some((min as f64, max as f64)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_span_lies_as_its_scale_says() {
        let span = |scale| Span {
            from: 0.05,
            to: 5.0,
            scale,
        };
        assert!((span(Scale::Steps).at(0.5) - 2.525).abs() < 1e-12);
        assert!((span(Scale::Ratios).at(0.5) - 0.5).abs() < 1e-12);
        for scale in [Scale::Steps, Scale::Ratios] {
            for (place, value) in [
                (-1.0, 0.05),
                (0.0, 0.05),
                (1.0, 5.0),
                (2.0, 5.0),
                (f64::NAN, 0.05),
            ] {
                assert!(
                    (span(scale).at(place) - value).abs() < 1e-12,
                    "{scale:?} {place}"
                );
            }
        }
    }
}
