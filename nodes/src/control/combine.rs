//! Makes one number of several.

use score_engine::{
    Build, Choice, Control, Descriptor, Flow, InputPort, Io, Node, NodeError, OutputPort, Params,
    Processor,
};

const VALUES: InputPort<Control> = InputPort::new(0, "values", "the numbers").many();
const COMBINED: OutputPort<Control> = OutputPort::new(0, "value", "what they make");

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum How {
    Add,
    Multiply,
    Min,
    Max,
    Mean,
    Crossfade,
}

/// `combine`.
#[derive(Clone, Params)]
pub(crate) struct Combine {
    /// what is made of the numbers
    #[param(live, default = How::Multiply)]
    how: How,
    /// of `crossfade`: 0 the first wire, 1 the last
    #[param(live, range = 0.0..=1.0, default = 0.5)]
    place: f64,
}

impl Node for Combine {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("control", "combine", "Makes one number of several")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64),
                    "motion": motion(),
                    "light": brightness(),
                    "both": combine(how: multiply),
                    "tune": scale_walk(),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: ["film -> motion -> both -> tune -> notes", "film -> light -> both"]"#,
            )
            .details(
                "Each number that comes in is combined with the latest of every other wire, once all have brought one. \
                 `crossfade` goes from the first wire of the patch to the last, over those between, as `place` says. What \
                 is not a number, or infinite, is left out: the wire's last number goes on.",
            )
            .input(VALUES)
            .output(COMBINED)
            .light()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Combining {
            latest: vec![None; build.wires(VALUES)],
        }))
    }
}

struct Combining {
    /// The latest number of each wire.
    latest: Vec<Option<f32>>,
}

impl Processor<Combine> for Combining {
    fn process(&mut self, params: &Combine, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let value = *input.read(VALUES)?;
            if let Some(latest) = self.latest.get_mut(input.wire)
                && value.is_finite()
            {
                *latest = Some(value);
            }
            let all: Option<Vec<f64>> = self.latest.iter().map(|one| one.map(f64::from)).collect();
            if let Some(all) = all {
                io.send(COMBINED, input.packet.time, combined(params, &all))?;
            }
        }
        Ok(Flow::Continue)
    }
}

/// What the numbers make; finite where they are.
fn combined(params: &Combine, all: &[f64]) -> f32 {
    let made = match params.how {
        How::Add => all.iter().sum(),
        How::Multiply => all.iter().product(),
        How::Min => all.iter().copied().fold(f64::INFINITY, f64::min),
        How::Max => all.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        How::Mean => all.iter().sum::<f64>() / all.len().max(1) as f64,
        How::Crossfade => {
            let place = params.place * all.len().saturating_sub(1) as f64;
            let first = place.floor();
            let at = |index: f64| all.get(index as usize).or(all.last()).copied();
            let (from, to) = (at(first).unwrap_or(0.0), at(first + 1.0).unwrap_or(0.0));
            from + (to - from) * (place - first)
        }
    };
    let most = f64::from(f32::MAX);
    made.clamp(-most, most) as f32
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
    use score_engine::{PortType, Value};
    use serde_json::json;

    use super::*;
    use crate::testing::{alike, at, numbers, told};

    /// What is made of 0.2, 0.5 and 0.8, once all are there.
    fn made(params: &Value) -> f32 {
        let outputs = alike(|| {
            let fed = [0.2, 0.5, 0.8].into_iter().zip([0.0, 0.1, 0.2]);
            let harness = Harness::<Combine>::new(params.clone());
            fed.fold(harness, |harness, (value, time)| {
                harness.feed(
                    "values",
                    PortType::Control,
                    numbers(&[(time, value)]),
                    at(1.0),
                )
            })
        });
        let told = told(&outputs, "value");
        assert_eq!(
            told.len(),
            1,
            "nothing before all wires have brought a number"
        );
        assert_eq!(told[0].0, 200);
        told[0].1
    }

    #[test]
    fn numbers_are_combined_once_each_wire_has_brought_one() {
        for (params, wanted) in [
            (json!({ "how": "add" }), 1.5),
            (json!({ "how": "multiply" }), 0.08),
            (json!({ "how": "min" }), 0.2),
            (json!({ "how": "max" }), 0.8),
            (json!({ "how": "mean" }), 0.5),
            (json!({ "how": "crossfade", "place": 0 }), 0.2),
            (json!({ "how": "crossfade", "place": 0.25 }), 0.35),
            (json!({ "how": "crossfade", "place": 0.5 }), 0.5),
            (json!({ "how": "crossfade", "place": 1 }), 0.8),
        ] {
            let found = made(&params);
            assert!((found - wanted).abs() < 1e-6, "{params}: {found}");
        }
    }

    #[test]
    fn odd_numbers_leave_the_last_one_and_nothing_becomes_infinite() {
        let fed = numbers(&[(0.0, f32::MAX), (0.1, f32::NAN), (0.2, f32::NEG_INFINITY)]);
        let outputs = alike(|| {
            Harness::<Combine>::new(json!({ "how": "add" }))
                .feed("values", PortType::Control, fed.clone(), at(1.0))
                .feed(
                    "values",
                    PortType::Control,
                    numbers(&[(0.0, f32::MAX)]),
                    at(1.0),
                )
        });
        let told = told(&outputs, "value");
        assert!(told.iter().all(|(_, value)| *value == f32::MAX), "{told:?}");
        assert_eq!(told.len(), 3);
    }

    #[test]
    fn a_new_way_counts_from_the_next_number_on() {
        let outputs = Harness::<Combine>::new(json!({ "how": "add" }))
            .feed(
                "values",
                PortType::Control,
                numbers(&[(0.0, 0.5), (1.0, 0.5)]),
                at(2.0),
            )
            .set_live(at(0.5), "how", "max")
            .feed(
                "values",
                PortType::Control,
                numbers(&[(0.0, 0.25)]),
                at(2.0),
            )
            .play_live()
            .unwrap();
        assert_eq!(told(&outputs, "value"), [(0, 0.75), (1000, 0.5)]);
    }
}
