//! What a wire's 0 to 1 stand for at a parameter.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Change, Param, ParamType};

/// How the values between two ends follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// In equal steps.
    Steps,
    /// In equal ratios, as pitches and times are heard.
    Ratios,
    /// In equal steps of this power of the place: 2 begins flat, 0.5 steep.
    Power(f64),
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
    /// The value for `place`, from 0 to 1; what lies beyond stands for the nearer end, and NaN for
    /// 0.
    pub fn at(&self, place: f64) -> f64 {
        let place = within(place);
        match self.scale {
            Scale::Ratios if self.from > 0.0 && self.to > 0.0 => {
                self.from * (self.to / self.from).powf(place)
            }
            Scale::Power(power) => self.from + (self.to - self.from) * place.powf(power),
            _ => self.from + (self.to - self.from) * place,
        }
    }
}

impl Span {
    /// The place, from 0 to 1, that stands for `value`; what lies beyond has the nearer end's.
    pub fn place_of(&self, value: f64) -> f64 {
        let (from, to) = (self.from, self.to);
        if from == to {
            return 0.0;
        }
        let straight = (value - from) / (to - from);
        within(match self.scale {
            Scale::Ratios if from > 0.0 && to > 0.0 && value > 0.0 => {
                (value / from).ln() / (to / from).ln()
            }
            Scale::Power(power) => within(straight).powf(1.0 / power),
            _ => straight,
        })
    }
}

/// Clamped to 0 to 1; NaN is 0.
fn within(place: f64) -> f64 {
    match place.is_nan() {
        true => 0.0,
        false => place.clamp(0.0, 1.0),
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

    /// What a bare wire's 0 to 1 stand for: as the declaration says, or else the whole range where
    /// that has two ends. `None` for what no number can stand for, and where only the wire
    /// could say.
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

    /// Whether a wire can set it while the node plays: a live number, length, flag or choice.
    pub fn is_input(&self) -> bool {
        let is_one = matches!(
            self.param_type,
            ParamType::Number { .. }
                | ParamType::Integer { .. }
                | ParamType::Length { .. }
                | ParamType::Flag
                | ParamType::Choice(_)
        );
        self.change == Change::Live && is_one
    }

    /// The value that `place`, a wire's 0 to 1, stands for, in the form in which values arrive at a
    /// node. `span`: what the wire stands for, [`Param::spans`] or the wire's own. A flag is
    /// set from 0.5 on, and a choice divides the whole into equal parts, its words in their
    /// order. `None`: no wire can set such a parameter.
    pub fn value_at(&self, place: f64, span: Option<Span>) -> Option<Value> {
        let number = || {
            let (min, max) = self.range()?;
            Some(span?.at(place).clamp(min, max))
        };
        Some(match &self.param_type {
            ParamType::Number { .. } => json!(number()?),
            ParamType::Integer { .. } => json!(number()?.round() as i64),
            ParamType::Length { .. } => json!({ "seconds": number()? }),
            ParamType::Flag => json!(within(place) >= 0.5),
            ParamType::Choice(words) => {
                let part = (within(place) * words.len() as f64) as usize;
                json!(words.get(part.min(words.len().saturating_sub(1)))?)
            }
            _ => return None,
        })
    }

    /// The place, from 0 to 1, that stands for a value that is a number, or seconds; `None` for any
    /// other. The way back of [`Param::value_at`].
    pub fn place_of(&self, value: &Value, span: Option<Span>) -> Option<f64> {
        let number = match &self.param_type {
            ParamType::Number { .. } | ParamType::Integer { .. } => value.as_f64(),
            ParamType::Length { .. } => value.get("seconds")?.as_f64(),
            _ => None,
        };
        Some(span?.place_of(number?))
    }

    /// Whether only whole numbers are values.
    #[doc(hidden)]
    pub fn is_whole(&self) -> bool {
        matches!(self.param_type, ParamType::Integer { .. })
    }

    /// The ends of the range of a number.
    #[doc(hidden)]
    pub fn range(&self) -> Option<(f64, f64)> {
        match self.param_type {
            ParamType::Number { min, max } | ParamType::Length { min, max } => Some((min, max)),
            ParamType::Integer { min, max } => Some((min as f64, max as f64)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_values_place_is_the_place_that_stands_for_it(
            from in 0.01..100.0, to in 0.01..100.0, place in 0.0..=1.0, power in 0.1..10.0,
        ) {
            for scale in [Scale::Steps, Scale::Ratios, Scale::Power(power)] {
                let span = Span { from, to, scale };
                let value = span.at(place);
                let back = span.at(span.place_of(value));
                prop_assert!((back - value).abs() < 1e-6 * to.max(from), "{:?} {}", scale, place);
                prop_assert!((0.0..=1.0).contains(&span.place_of(f64::MAX)));
            }
            let still = Span { from, to: from, scale: Scale::Steps };
            prop_assert_eq!(still.place_of(from), 0.0);
        }
    }

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

    #[test]
    fn a_place_stands_for_a_value_that_the_parameter_takes() {
        let whole = Param::integer("a", (0, 127), "");
        assert_eq!(whole.value_at(0.5, whole.spans()), Some(json!(64)));
        let length = Param::length("a", (0.0, 600.0), "").span(0.05..=5.0, false);
        assert_eq!(
            length.value_at(1.0, length.spans()),
            Some(json!({ "seconds": 5.0 }))
        );
        let flag = Param::flag("a", "");
        assert_eq!(
            [0.49, 0.5].map(|place| flag.value_at(place, None)),
            [json!(false), json!(true)].map(Some)
        );
        let choice = Param::choice("a", &["low", "middle", "high"], "");
        let words = [0.0, 0.34, 0.99, 1.0].map(|place| choice.value_at(place, None));
        assert_eq!(
            words,
            ["low", "middle", "high", "high"].map(|word| Some(json!(word)))
        );
        assert_eq!(Param::text("a", "").value_at(0.0, None), None);
        for param in [whole, length, flag, choice] {
            for place in [-1.0, 0.0, 0.3, 1.0, 7.0, f64::NAN, f64::INFINITY] {
                let value = param.value_at(place, param.spans()).unwrap();
                assert_eq!(param.admits(&value), Ok(()), "{place}");
            }
        }
    }
}
