//! A value on its way to another.

use serde_json::{Value, json};

use crate::curve::Curve;
use crate::param::{Param, Scale};
use crate::time::Time;

/// A value on its way to another, which it reaches after a time.
#[derive(Clone, Debug)]
pub(crate) struct Glide {
    from: f64,
    to: Value,
    end: f64,
    begun: Time,
    lasts: Time,
    in_ratios: bool,
    curve: Curve,
}

impl Glide {
    /// The way from one value to another; `None` where there is none between them: between words,
    /// flags, lists, seconds and beats, and where both are the same.
    pub(crate) fn between(
        param: &Param,
        from: &Value,
        to: &Value,
        begun: Time,
        lasts: Time,
    ) -> Option<Glide> {
        let ((from_unit, from), (to_unit, end)) = (number(from)?, number(to)?);
        let in_ratios = param
            .spans()
            .is_some_and(|span| span.scale == Scale::Ratios);
        // Frequencies are heard so, whatever a wire's 0 to 1 stand for.
        let in_ratios = in_ratios || param.unit == "Hz";
        (from_unit == to_unit && lasts > Time::ZERO && from != end).then(|| Glide {
            from,
            to: to.clone(),
            end,
            begun,
            lasts,
            in_ratios: in_ratios && from > 0.0 && end > 0.0,
            curve: Curve::Linear,
        })
    }

    /// The same way at other speeds.
    pub(crate) fn curved(self, curve: Curve) -> Glide {
        Glide { curve, ..self }
    }

    /// Where the value is at `now`, and whether it has come to its end.
    pub(crate) fn at(&self, param: &Param, now: Time) -> (Value, bool) {
        let place = (now - self.begun).seconds() / self.lasts.seconds();
        if place >= 1.0 {
            return (self.to.clone(), true);
        }
        let place = self.curve.at(place);
        let number = match self.in_ratios {
            true => self.from * (self.end / self.from).powf(place),
            false => self.from + (self.end - self.from) * place,
        };
        let value = match self.to {
            Value::Object(ref length) => match length.keys().next() {
                Some(unit) => json!({ unit.as_str(): number }),
                None => self.to.clone(),
            },
            _ if param.is_whole() => json!(number.round() as i64),
            _ => json!(number),
        };
        (value, false)
    }
}

/// A value's number, and whether it counts seconds or beats.
fn number(value: &Value) -> Option<(Option<&str>, f64)> {
    match value {
        Value::Object(length) => {
            let (unit, number) = length.iter().next()?;
            Some((Some(unit), number.as_f64()?))
        }
        value => Some((None, value.as_f64()?)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_glides_evenly_and_ends_exactly_at_the_other() {
        let seconds = Time::from_seconds;
        let gain = Param::number("gain", (-60.0, 24.0), "");
        let glide = Glide::between(
            &gain,
            &json!(0.0),
            &json!(-12.0),
            seconds(1.0),
            seconds(2.0),
        );
        let glide = glide.unwrap();
        for (now, value, done) in [
            (0.5, 0.0, false),
            (1.0, 0.0, false),
            (2.0, -6.0, false),
            (3.0, -12.0, true),
            (9.0, -12.0, true),
        ] {
            assert_eq!(glide.at(&gain, seconds(now)), (json!(value), done), "{now}");
        }
        let length = Param::length("time", (0.0, 30.0), "").span(0.05..=5.0, false);
        let (from, to) = (json!({ "seconds": 0.1 }), json!({ "seconds": 0.4 }));
        let glide = Glide::between(&length, &from, &to, Time::ZERO, seconds(1.0)).unwrap();
        let half = glide.at(&length, seconds(0.5)).0["seconds"]
            .as_f64()
            .unwrap();
        assert!((half - 0.2).abs() < 1e-9, "in ratios, not {half}");
        let voices = Param::integer("voices", (1, 6), "");
        let glide =
            Glide::between(&voices, &json!(1), &json!(4), Time::ZERO, seconds(1.0)).unwrap();
        assert_eq!(glide.at(&voices, seconds(0.5)).0, json!(3));
    }

    #[test]
    fn frequencies_go_in_ratios_and_a_curve_says_how_fast() {
        let hertz = Param::number("cutoff", (20.0, 20_000.0), "").unit("Hz");
        let second = Time::from_seconds(1.0);
        let glide = Glide::between(&hertz, &json!(100.0), &json!(400.0), Time::ZERO, second);
        let half = |glide: &Glide| {
            glide
                .at(&hertz, Time::from_seconds(0.5))
                .0
                .as_f64()
                .unwrap()
        };
        let straight = glide.unwrap();
        assert!((half(&straight) - 200.0).abs() < 1e-9);
        let slow = straight.curved(Curve::Power(2.0));
        assert!((half(&slow) - 100.0 * 4.0_f64.powf(0.25)).abs() < 1e-9);
        assert_eq!(slow.at(&hertz, second), (json!(400.0), true));
    }

    proptest! {
        #[test]
        fn a_way_ends_exactly_where_it_shall_and_leaves_neither_end_behind(
            from in -60.0..24.0, to in -60.0..24.0, lasts in 0.001..3_600.0, place in 0.0..1.0,
            power in 0.01..100.0,
        ) {
            let gain = Param::number("gain", (-60.0, 24.0), "");
            let ratios = Param::number("hertz", (0.0, 84.0), "").span(1.0..=84.0, false);
            let lasts = Time::from_seconds(lasts);
            for (param, up) in [(&gain, 0.0), (&ratios, 60.0)] {
                let (from, to): (f64, f64) = (from + up, to + up);
                let glide = Glide::between(param, &json!(from), &json!(to), Time::ZERO, lasts);
                let glide = glide.unwrap().curved(Curve::Power(power));
                prop_assert_eq!(glide.at(param, lasts), (json!(to), true));
                let between = Time::from_seconds(lasts.seconds() * place);
                let between = glide.at(param, between).0.as_f64().unwrap();
                let (least, most) = (from.min(to) - 1e-9, from.max(to) + 1e-9);
                prop_assert!((least..=most).contains(&between), "{} {} {}", from, between, to);
            }
        }
    }

    #[test]
    fn there_is_no_way_between_words_or_to_the_same_or_from_seconds_to_beats_or_in_no_time() {
        let param = Param::choice("a", &["x", "y"], "");
        let second = Time::from_seconds(1.0);
        let none = |from: Value, to: Value, lasts| {
            Glide::between(&param, &from, &to, Time::ZERO, lasts).is_none()
        };
        assert!(none(json!("x"), json!("y"), second));
        assert!(none(
            json!({ "seconds": 1.0 }),
            json!({ "beats": 1.0 }),
            second
        ));
        assert!(none(json!(null), json!(1.0), second));
        assert!(none(json!(0.0), json!(1.0), Time::ZERO));
        assert!(none(json!(1), json!(1.0), second));
    }
}
