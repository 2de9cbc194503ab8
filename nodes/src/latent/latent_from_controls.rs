//! Makes a code of controls.

use std::sync::Arc;

use score_engine::{
    Build, Check, Control, Descriptor, Flow, InputPort, Io, Latent, Node, NodeError, OutputPort,
    Params, PortType, Processor, Time,
};

use crate::together::Together;

const CONTROLS: InputPort<Control> =
    InputPort::new(0, "controls", "what places the components, 0 to 1").many();
const CODE: InputPort<Latent> =
    InputPort::new(1, "latent", "what the other components are; unwired: 0").optional();
const PLACED: OutputPort<Latent> = OutputPort::new(0, "latent", "the latent");

/// Components may be named up to this index.
const MAX_INDEX: i64 = 4095;

/// Components where neither the patch nor a code says how many.
const USUAL: usize = 64;

/// What 0 and 1 stand for where the patch does not say: nearly all of a standard normal component.
const RANGE: [f32; 2] = [-2.0, 2.0];

/// `latent_from_controls`.
#[derive(Clone, Params)]
pub(crate) struct LatentFromControls {
    /// the component that each wire places, counted from 0; beyond the list's end: the first wire
    /// places component 0, the second 1 and so on
    #[param(live, range = 0..=MAX_INDEX, default = Vec::new(), for_each_wire = CONTROLS.name())]
    components: Vec<usize>,
    /// what 0 and 1 stand for on each wire, as [from, to]; beyond the list's end: [-2, 2]
    #[param(live, range = -1000.0..=1000.0, default = Vec::new(), for_each_wire = CONTROLS.name())]
    ranges: Vec<Vec<f32>>,
    /// components of the latent; left out: as many as `latent` has, or 64
    #[param(structural = "the nodes behind take latents of this dimension", range = 1..=4096)]
    dimension: Option<usize>,
}

impl LatentFromControls {
    /// The component that the wire with this number places.
    fn component(&self, wire: usize) -> usize {
        self.components.get(wire).copied().unwrap_or(wire)
    }

    /// The value of a wire's component.
    fn value(&self, wire: usize, place: f32) -> f32 {
        let range = self.ranges.get(wire).map(Vec::as_slice);
        let [from, to] = match range {
            Some(&[from, to]) => [from, to],
            _ => RANGE,
        };
        from + (to - from) * place
    }
}

impl Node for LatentFromControls {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("latent", "latent_from_controls", "Makes a latent of controls")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64, rate: 8),
                    "motion": motion(gain: 4, smooth: 1),
                    "light": brightness(smooth: 1),
                    "code": latent_from_controls(components: [3, 12], ranges: [[0, 3], [-2, 2]]),
                    "tune": music_decoder(),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: ["film -> motion -> code -> tune -> notes", "film -> light -> code"]"#,
            )
            .details(
                "The wires count in the order of the patch. A latent leaves whenever a control or `latent` comes, one for \
                 all that has the same time. Components that nothing places are those of `latent`, else 0, the middle \
                 of all latents; so are those whose control has not come yet. With `latent` wired, nothing leaves \
                 before its first latent. Which component does what is a model's own: try them, or draw them with \
                 `piano_roll`.",
            )
            .input(CONTROLS)
            .input(CODE)
            .output(PLACED)
            .light()
    }

    fn check(&self, check: &mut Check<'_>) {
        let arrives = check.input_dimension(CODE);
        if let Some(dimension) = self.dimension {
            check.require_dimension(CODE, dimension, "`latent_from_controls(dimension: …)`");
        }
        let is_open = check.input_type(CODE).is_some() && arrives.is_none();
        let dimension = match (self.dimension.or(arrives), is_open) {
            (Some(dimension), _) => dimension,
            (None, false) => USUAL,
            (None, true) => return,
        };
        if let Some(wrong) = self.components.iter().find(|index| **index >= dimension) {
            let message = format!(
                "`components` names component {wrong}, but the latent has 0 to {}",
                dimension - 1
            );
            check.refuse("components", message, None);
        }
        if let Some(wrong) = self.ranges.iter().find(|range| range.len() != 2) {
            let message = format!("a range is two numbers, [from, to], not {}", wrong.len());
            let help = Some("for example `ranges: [[-2, 2], [0, 3]]`".to_owned());
            check.refuse("ranges", message, help);
        }
        check.set_output(PLACED, PortType::Latent(Some(dimension)));
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Placing {
            controls: vec![None; build.wires(CONTROLS)],
            dimension: build.output_dimension(PLACED)?,
            base: build.is_wired(CODE).then_some(None),
            together: Together::default(),
        }))
    }
}

struct Placing {
    /// What each wire said last, from 0 to 1.
    controls: Vec<Option<f32>>,
    dimension: usize,
    /// The newest code, where one is wired.
    base: Option<Option<Arc<[f32]>>>,
    together: Together,
}

impl Processor<LatentFromControls> for Placing {
    fn process(&mut self, params: &LatentFromControls, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            if let Some(before) = self.together.before(time) {
                self.send(params, io, before)?;
            }
            if input.is(CODE) {
                self.base = Some(Some(input.read(CODE)?.clone()));
            } else {
                let place = *input.read(CONTROLS)?;
                let control = self.controls.get_mut(input.wire);
                if let (Some(control), false) = (control, place.is_nan()) {
                    *control = Some(place.clamp(0.0, 1.0));
                }
            }
            self.together.take(time);
        }
        if let Some(due) = self.together.due(io) {
            self.send(params, io, due)?;
        }
        Ok(self.together.flow())
    }

    fn finish(&mut self, params: &LatentFromControls, io: &mut Io<'_>) -> Result<(), NodeError> {
        match self.together.rest() {
            Some(due) => self.send(params, io, due),
            None => Ok(()),
        }
    }

    fn earliest_pending(&self) -> Option<Time> {
        self.together.pending()
    }
}

impl Placing {
    fn send(
        &mut self,
        params: &LatentFromControls,
        io: &mut Io<'_>,
        time: Time,
    ) -> Result<(), NodeError> {
        let mut code = match &self.base {
            None => Vec::new(),
            Some(Some(base)) => base.to_vec(),
            // The first code has not come.
            Some(None) => return Ok(()),
        };
        code.resize(self.dimension, 0.0);
        for (wire, place) in self.controls.iter().enumerate() {
            // The text is checked for components that are not there; what a hand gives is not.
            let component = code.get_mut(params.component(wire));
            if let (Some(place), Some(component)) = (place, component) {
                *component = params.value(wire, *place);
            }
        }
        io.send(PLACED, time, code)
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::{Harness, Outputs};
    use score_engine::{Payload, Value};
    use serde_json::json;

    use super::*;
    use crate::testing::at;

    fn place(params: Value, wires: &[&[(f64, f32)]]) -> Harness<LatentFromControls> {
        let harness = Harness::new(params);
        wires.iter().fold(harness, |harness, wire| {
            let packets = wire
                .iter()
                .map(|(time, place)| (at(*time), Payload::Control(*place)));
            harness.feed("controls", PortType::Control, packets.collect(), at(4.0))
        })
    }

    fn found(outputs: &Outputs) -> Vec<(f64, Vec<f32>)> {
        let packets = outputs.packets("latent").iter();
        packets
            .map(|packet| (packet.time.seconds(), packet.latent().unwrap().to_vec()))
            .collect()
    }

    #[test]
    fn each_wire_places_its_component_within_its_range() {
        let params = json!({ "components": [2], "ranges": [[0.0, 8.0]], "dimension": 3 });
        let wires: [&[(f64, f32)]; 2] = [
            &[(0.0, 0.25), (1.0, 7.0), (3.0, f32::NAN)],
            &[(0.0, 1.0), (2.0, 0.5)],
        ];
        let wanted = [
            (0.0, vec![0.0, 2.0, 2.0]),
            (1.0, vec![0.0, 2.0, 8.0]),
            (2.0, vec![0.0, 0.0, 8.0]),
            (3.0, vec![0.0, 0.0, 8.0]),
        ];
        assert_eq!(found(&place(params.clone(), &wires).run().unwrap()), wanted);
        assert_eq!(found(&place(params, &wires).play_live().unwrap()), wanted);
    }

    #[test]
    fn what_nothing_places_is_the_codes_own_and_nothing_leaves_before_it() {
        let codes = [(1.0, [5.0, 6.0]), (2.0, [7.0, 8.0])].map(|(time, code)| {
            let code: &[f32] = &code;
            (at(time), Payload::Latent(code.into()))
        });
        let two = PortType::Latent(Some(2));
        let harness = place(json!({ "components": [1] }), &[&[(0.0, 0.5), (1.5, 1.0)]]);
        let outputs = harness
            .feed("latent", two, codes.into(), at(4.0))
            .run()
            .unwrap();
        let wanted = [
            (1.0, vec![5.0, 0.0]),
            (1.5, vec![5.0, 2.0]),
            (2.0, vec![7.0, 2.0]),
        ];
        assert_eq!(found(&outputs), wanted);
    }

    #[test]
    fn another_component_is_placed_from_the_next_code_on() {
        let wire: &[(f64, f32)] = &[(0.0, 1.0), (1.0, 1.0), (2.0, 1.0)];
        let outputs = place(json!({ "dimension": 2 }), &[wire])
            .set_live(at(0.5), "components", json!([1]))
            .set_live(at(1.5), "components", json!([4000]))
            .play_live()
            .unwrap();
        let codes: Vec<_> = found(&outputs).into_iter().map(|(_, code)| code).collect();
        assert_eq!(codes, [[2.0, 0.0], [0.0, 2.0], [0.0, 0.0]]);
    }

    #[test]
    fn what_cannot_be_placed_is_refused() {
        for (params, word) in [
            (json!({ "components": [64] }), "component 64"),
            (json!({ "ranges": [[1.0]] }), "two numbers"),
        ] {
            let refused = place(params, &[]).run().unwrap_err().to_string();
            assert!(refused.contains(word), "{refused}");
        }
    }
}
