//! Bends a number: from one range into another, along a curve.

use score_engine::{
    Build, Check, Control, Descriptor, Flow, InputPort, Io, Node, NodeError, OutputPort, Params,
    Processor, Transport,
};

const VALUE: InputPort<Control> = InputPort::new(0, "value", "the number");
const CURVED: OutputPort<Control> = OutputPort::new(0, "value", "what becomes of it");

/// `curve`.
#[derive(Clone, Params)]
pub(crate) struct Curve {
    /// the number that becomes `low`
    #[param(live, range = -1e6..=1e6, span = 0.0..=1.0, default = 0.0)]
    in_low: f64,
    /// the number that becomes `high`
    #[param(live, range = -1e6..=1e6, span = 0.0..=1.0, default = 1.0)]
    in_high: f64,
    /// power of the way between: 2 begins flat, 0.5 steep
    #[param(live, range = 0.01..=100.0, span = 0.25..=4.0, log, default = 1.0)]
    exponent: f64,
    /// places that the curve goes through, `[from, to]`, both 0 to 1
    #[param(live, range = 0.0..=1.0, default = Vec::new())]
    points: Vec<Vec<f64>>,
    /// high becomes low
    #[param(live, default = false)]
    invert: bool,
    /// values that are left; 0: all
    #[param(live, range = 0..=1024, span = 0.0..=16.0, default = 0)]
    steps: u32,
    /// the least that comes out
    #[param(live, range = -1e6..=1e6, span = 0.0..=1.0, default = 0.0)]
    low: f64,
    /// the most that comes out
    #[param(live, range = -1e6..=1e6, span = 0.0..=1.0, default = 1.0)]
    high: f64,
}

impl Node for Curve {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("control", "curve", "Bends a number: another range, a curve, steps")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64),
                    "motion": motion(),
                    "bend": curve(in_low: 0.05, in_high: 0.4, exponent: 0.5),
                    "tune": scale_walk(),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: ["film -> motion -> bend -> tune -> notes"]"#,
            )
            .details(
                "What lies from `in_low` to `in_high` becomes a place from 0 to 1, and what lies beyond is the nearer end; \
                 `in_low` may be the higher one. Then, in this order: `invert` turns the place round, `exponent` bends it, \
                 `points` lead it along straight lines from point to point (`points: [[0, 0], [0.3, 0.8], [1, 1]]`: by 0.3 \
                 it has gone most of the way), `steps` leaves so many values of it, evenly spread. At last it becomes a \
                 number from `low` to `high`. What is not a number counts as `in_low`.",
            )
            .input(VALUE)
            .output(CURVED)
            .light()
    }

    fn check(&self, check: &mut Check<'_>) {
        if let Some(why) = self.fault() {
            check.refuse("points", why, Some(HELP.to_owned()));
        }
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Curving))
    }
}

const HELP: &str = "a point is two numbers, as in `points: [[0, 0], [0.5, 0.9], [1, 1]]`";

impl Curve {
    /// What is wrong with the points.
    fn fault(&self) -> Option<String> {
        let ends = |pair: &[Vec<f64>]| matches!(pair, [a, b] if a.first() > b.first());
        if let Some(odd) = self.points.iter().position(|point| point.len() != 2) {
            let count = self.points[odd].len();
            return Some(format!("point {} has {count} numbers, not two", odd + 1));
        }
        let turned = self.points.windows(2).position(ends)?;
        Some(format!(
            "point {} lies before the one that precedes it",
            turned + 2
        ))
    }

    /// What becomes of `value`.
    fn at(&self, value: f32) -> f32 {
        let value = if value.is_nan() {
            self.in_low
        } else {
            f64::from(value)
        };
        let width = self.in_high - self.in_low;
        let place = match width == 0.0 {
            true => f64::from(u8::from(value >= self.in_high)),
            false => ((value - self.in_low) / width).clamp(0.0, 1.0),
        };
        let place = if self.invert { 1.0 - place } else { place };
        let place = self.led(place.powf(self.exponent));
        let place = match self.steps {
            0 => place,
            1 => 0.0,
            steps => {
                let last = f64::from(steps - 1);
                (place * last).round() / last
            }
        };
        (self.low + (self.high - self.low) * place) as f32
    }

    /// Along the lines between the points.
    fn led(&self, place: f64) -> f64 {
        let point = |point: &Vec<f64>| match point.as_slice() {
            [from, to] => Some((*from, *to)),
            _ => None,
        };
        let mut before: Option<(f64, f64)> = None;
        for (from, to) in self.points.iter().filter_map(point) {
            if place <= from {
                return match before {
                    Some((left, low)) if from > left => {
                        low + (to - low) * (place - left) / (from - left)
                    }
                    _ => to,
                };
            }
            before = Some((from, to));
        }
        before.map_or(place, |(_, to)| to)
    }
}

struct Curving;

impl Processor<Curve> for Curving {
    fn process(&mut self, params: &Curve, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let value = params.at(*input.read(VALUE)?);
            io.send(CURVED, input.packet.time, value)?;
        }
        Ok(Flow::Continue)
    }

    fn changed(&mut self, params: &Curve, _transport: &Transport) -> Result<(), NodeError> {
        match params.fault() {
            Some(why) => Err(NodeError::input(why).help(HELP)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
    use score_engine::{PortType, Value};
    use serde_json::json;

    use super::*;
    use crate::testing::{alike, at, numbers, told};

    fn curved(params: &Value, values: &[f32]) -> Vec<f32> {
        let fed: Vec<(f64, f32)> = (0..).map(f64::from).zip(values.iter().copied()).collect();
        let outputs = alike(|| {
            Harness::<Curve>::new(params.clone()).feed(
                "value",
                PortType::Control,
                numbers(&fed),
                at(100.0),
            )
        });
        told(&outputs, "value")
            .into_iter()
            .map(|(_, value)| value)
            .collect()
    }

    #[test]
    fn a_number_goes_into_another_range_along_its_curve() {
        let asked = [0.0, 0.25, 0.5, 1.0];
        for (params, wanted) in [
            (json!({}), [0.0, 0.25, 0.5, 1.0]),
            (json!({ "in_high": 0.5 }), [0.0, 0.5, 1.0, 1.0]),
            (json!({ "in_low": 1, "in_high": 0 }), [1.0, 0.75, 0.5, 0.0]),
            (json!({ "invert": true }), [1.0, 0.75, 0.5, 0.0]),
            (json!({ "exponent": 2 }), [0.0, 0.0625, 0.25, 1.0]),
            (json!({ "low": -10, "high": 10 }), [-10.0, -5.0, 0.0, 10.0]),
            (json!({ "steps": 3 }), [0.0, 0.5, 0.5, 1.0]),
            (json!({ "steps": 1, "low": 4 }), [4.0; 4]),
            (
                json!({ "points": [[0, 0.5], [0.5, 1], [1, 0]] }),
                [0.5, 0.75, 1.0, 0.0],
            ),
            (
                json!({ "points": [[0.25, 0.2], [0.25, 0.8]] }),
                [0.2, 0.2, 0.8, 0.8],
            ),
            (
                json!({ "in_low": 0.5, "in_high": 0.5 }),
                [0.0, 0.0, 1.0, 1.0],
            ),
        ] {
            assert_eq!(curved(&params, &asked), wanted, "{params}");
        }
    }

    #[test]
    fn what_is_no_number_is_the_low_end_and_infinity_the_nearer_one() {
        let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
        assert_eq!(
            curved(&json!({ "low": 2, "high": 3 }), &odd),
            [2.0, 3.0, 2.0]
        );
    }

    #[test]
    fn points_that_are_none_are_refused() {
        let run = |points: Value| {
            let harness = Harness::<Curve>::new(json!({ "points": points }));
            harness
                .feed("value", PortType::Control, Vec::new(), at(1.0))
                .run()
        };
        for (points, word) in [
            (json!([[0, 0], [1]]), "point 2 has 1 numbers"),
            (json!([[0.5, 0], [0.2, 1]]), "point 2 lies before"),
        ] {
            let why = run(points).unwrap_err().to_string();
            assert!(why.contains(word), "{why}");
        }
    }

    #[test]
    fn a_new_range_counts_from_the_next_number_on() {
        let fed = numbers(&[(0.0, 0.5), (1.0, 0.5)]);
        let outputs = Harness::<Curve>::new(json!({}))
            .feed("value", PortType::Control, fed, at(2.0))
            .set_live(at(0.5), "high", 2.0)
            .play_live()
            .unwrap();
        assert_eq!(told(&outputs, "value"), [(0, 0.5), (1000, 1.0)]);
    }
}
