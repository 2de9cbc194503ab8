//! Mixes several codes by weights.

use std::sync::Arc;

use score_engine::{
    Build, Check, Descriptor, Flow, InputPort, Io, Latent, Length, Node, NodeError, OutputPort,
    Params, Processor, Time, Transport, Watermark,
};

use super::finite::finite;
use crate::horizon::Horizon;
use crate::together::Together;

const CODES: InputPort<Latent> = InputPort::new(0, "latents", "the latents, up to 8").many();
const MIXED: OutputPort<Latent> = OutputPort::new(0, "latent", "the mix");

/// How many codes have a weight.
const MOST: usize = 8;

/// `latent_mix`.
#[derive(Clone, Params)]
pub(crate) struct LatentMix {
    /// how much the first wire's latent counts
    #[param(live, range = 0.0..=1.0, default = 1.0)]
    weight_1: f32,
    /// the second's
    #[param(live, range = 0.0..=1.0, default = 1.0)]
    weight_2: f32,
    /// the third's
    #[param(live, range = 0.0..=1.0, default = 1.0)]
    weight_3: f32,
    /// the fourth's
    #[param(live, range = 0.0..=1.0, default = 1.0)]
    weight_4: f32,
    /// the fifth's
    #[param(live, range = 0.0..=1.0, default = 1.0)]
    weight_5: f32,
    /// the sixth's
    #[param(live, range = 0.0..=1.0, default = 1.0)]
    weight_6: f32,
    /// the seventh's
    #[param(live, range = 0.0..=1.0, default = 1.0)]
    weight_7: f32,
    /// the eighth's
    #[param(live, range = 0.0..=1.0, default = 1.0)]
    weight_8: f32,
    /// keep the size that latents have
    #[param(live, default = true)]
    keep_size: bool,
    /// time between two looks at the weights while no latent comes; 0: they count from the next latent
    #[param(live, range = 0.0..=60.0, span = 0.02..=2.0, log, default = Length::Seconds(0.0))]
    every: Length,
}

impl LatentMix {
    fn weights(&self) -> [f32; MOST] {
        [
            self.weight_1,
            self.weight_2,
            self.weight_3,
            self.weight_4,
            self.weight_5,
            self.weight_6,
            self.weight_7,
            self.weight_8,
        ]
    }
}

impl Node for LatentMix {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("latent", "latent_mix", "Mixes several latents by weights")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64, rate: 8),
                    "eye": frame_encoder(model: "eye"),
                    "motion": motion(gain: 4),
                    "walk": latent_random(every: beats(8), step: 0.3),
                    "mix": latent_mix(weight_2: 0.5),
                    "tune": music_decoder(),
                    "notes": midi_file(path: "mix.mid"),
                },
                wires: ["film -> eye -> mix -> tune -> notes", "walk -> mix", "film -> motion -> mix.weight_1"]"#,
            )
            .details(
                "The weights belong to the wires in the order of the patch. Only what they are to one another counts: \
                 0.2 and 0.1 mix as 1 and 0.5 do. With `keep_size` the sum is divided by the root of the sum of their \
                 squares, so that latents which have nothing to do with one another give one that is as long as they \
                 are, as a decoder expects; without it by the sum of the weights, which is the mean, nearer to the \
                 middle of all latents. Where all weights are 0, the last that were not hold.\n\n\
                 A mix leaves whenever a latent comes, one for all latents of the same time. A latent that has not come yet \
                 does not count. With `every` a mix also leaves at that pace while a weight moves, which slow latents \
                 need. `latent_interpolate` goes along a list of latents in time.",
            )
            .input(CODES)
            .output(MIXED)
            .light()
    }

    fn check(&self, check: &mut Check<'_>) {
        if let Some(arrives) = check.input_type(CODES).cloned() {
            check.set_output(MIXED, arrives);
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let wires = build.wires(CODES);
        if wires > MOST {
            let message = format!("{wires} latents come in, and `latent_mix` has {MOST} weights");
            return Err(NodeError::input(message).help("put another `latent_mix` before it"));
        }
        Ok(Box::new(Mixing {
            codes: vec![None; wires],
            dimension: build.output_dimension(MIXED)?,
            together: Together::default(),
            ends: build.ends,
            horizon: Horizon::new(build),
            every: self.every.at(build.transport),
            looked: None,
            since: Time::ZERO,
            sent: [0.0; MOST],
            last: None,
        }))
    }
}

struct Mixing {
    /// What each wire brought last.
    codes: Vec<Option<Arc<[f32]>>>,
    dimension: usize,
    together: Together,
    /// Whether time passes by what comes in, as in a render.
    ends: bool,
    horizon: Horizon,
    every: Time,
    /// When the weights were looked at last.
    looked: Option<Time>,
    /// When `every` became what it is: no look that it asks for is earlier.
    since: Time,
    /// The weights of the last mix.
    sent: [f32; MOST],
    /// The last weights of which one was not 0.
    last: Option<[f32; MOST]>,
}

impl Processor<LatentMix> for Mixing {
    fn process(&mut self, params: &LatentMix, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let (time, code) = (input.packet.time, input.read(CODES)?);
            if code.len() != self.dimension {
                return Err(NodeError::internal("a latent of another dimension arrived"));
            }
            if let Some(before) = self.together.before(time) {
                self.send(params, io, before)?;
            }
            self.look(params, io, time)?;
            if let Some(place) = self.codes.get_mut(input.wire) {
                *place = Some(code.clone());
            }
            self.together.take(time);
        }
        if let Some(due) = self.together.due(io) {
            self.send(params, io, due)?;
        }
        match io.reached() {
            Watermark::At(reached) => self.look(params, io, reached)?,
            Watermark::End => {}
        }
        self.horizon.reach(io);
        Ok(self.flow())
    }

    fn finish(&mut self, params: &LatentMix, io: &mut Io<'_>) -> Result<(), NodeError> {
        if let Some(due) = self.together.rest() {
            self.send(params, io, due)?;
        }
        match io.end() {
            Some(end) if self.ends => self.look(params, io, end),
            _ => Ok(()),
        }
    }

    fn earliest_pending(&self) -> Option<Time> {
        self.together.pending().into_iter().chain(self.next()).min()
    }

    fn changed(&mut self, params: &LatentMix, transport: &Transport) -> Result<(), NodeError> {
        let every = params.every.at(transport);
        if std::mem::replace(&mut self.every, every) != every {
            self.since = self.horizon.known();
        }
        Ok(())
    }
}

impl Mixing {
    /// When the weights are looked at next, if no code comes.
    fn next(&self) -> Option<Time> {
        let is_paced = self.every > Time::ZERO && self.together.pending().is_none();
        let next = self.looked.filter(|_| is_paced)? + self.every;
        Some(next.max(self.since))
    }

    fn flow(&self) -> Flow {
        match self.next() {
            Some(next) => Flow::WakeAt(next),
            None => self.together.flow(),
        }
    }

    /// Looks at the weights as often as it has to before `until`, and sends a mix where they moved.
    fn look(&mut self, params: &LatentMix, io: &mut Io<'_>, until: Time) -> Result<(), NodeError> {
        // In a render, `until` itself is not known yet. Live, looks that were missed are not made up
        // for.
        let ends = self.ends;
        let is_due = |next: &Time| *next < until || (*next == until && !ends);
        while let Some(next) = self.next().filter(is_due) {
            let time = if ends { next } else { until };
            match params.weights() == self.sent {
                true => self.looked = Some(time),
                false => self.send(params, io, time)?,
            }
        }
        Ok(())
    }

    fn send(&mut self, params: &LatentMix, io: &mut Io<'_>, time: Time) -> Result<(), NodeError> {
        self.looked = Some(time);
        self.sent = params.weights();
        let mixed = self.mixed(params);
        io.send(MIXED, time, mixed)
    }

    fn mixed(&mut self, params: &LatentMix) -> Vec<f32> {
        let there = |weights: [f32; MOST]| {
            let codes = self.codes.iter().zip(weights);
            let codes =
                codes.filter_map(|(code, weight)| Some((code.as_ref()?, f64::from(weight))));
            codes.collect::<Vec<_>>()
        };
        let counts = |codes: &[(&Arc<[f32]>, f64)]| codes.iter().any(|(_, weight)| *weight > 0.0);
        let weights = params.weights();
        let mut codes = there(weights);
        if counts(&codes) {
            self.last = Some(weights);
        } else {
            let last = self.last.unwrap_or([1.0; MOST]);
            codes = there(last);
            if !counts(&codes) {
                codes = there([1.0; MOST]);
            }
        }
        let sum = |of: fn(f64) -> f64| codes.iter().map(|(_, weight)| of(*weight)).sum::<f64>();
        let size = match params.keep_size {
            true => sum(|weight| weight * weight).sqrt(),
            false => sum(|weight| weight),
        };
        let mut mixed = vec![0.0; self.dimension];
        for (code, weight) in codes {
            let share = weight / size;
            for (mixed, component) in mixed.iter_mut().zip(code.iter()) {
                *mixed += share * finite(*component);
            }
        }
        mixed
            .into_iter()
            .map(|component| component as f32)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::{Harness, Outputs};
    use score_engine::{Payload, PortType, Value};
    use serde_json::json;

    use super::*;
    use crate::testing::at;

    const TWO: PortType = PortType::Latent(Some(2));

    fn codes(codes: &[(f64, [f32; 2])]) -> Vec<(Time, Payload)> {
        let codes = codes.iter();
        let codes = codes.map(|(time, code)| (at(*time), Payload::Latent(code.as_slice().into())));
        codes.collect()
    }

    fn mix(params: Value, wires: &[&[(f64, [f32; 2])]]) -> Harness<LatentMix> {
        let harness = Harness::<LatentMix>::new(params);
        wires.iter().fold(harness, |harness, wire| {
            harness.feed("latents", TWO, codes(wire), at(4.0))
        })
    }

    fn found(outputs: &Outputs) -> Vec<(f64, Vec<f32>)> {
        let packets = outputs.packets("latent").iter();
        packets
            .map(|packet| (packet.time.seconds(), packet.latent().unwrap().to_vec()))
            .collect()
    }

    #[test]
    fn codes_of_one_time_are_one_mix_by_their_weights() {
        let one = [(0.0, [2.0, 0.0]), (1.0, [0.0, 2.0])];
        let other = [(0.0, [0.0, 4.0]), (2.0, [4.0, 0.0])];
        let params = json!({ "weight_1": 0.75, "weight_2": 0.25, "keep_size": false });
        let wanted = [
            (0.0, vec![1.5, 1.0]),
            (1.0, vec![0.0, 2.5]),
            (2.0, vec![1.0, 1.5]),
        ];
        let rendered = mix(params.clone(), &[&one, &other]).run().unwrap();
        assert_eq!(found(&rendered), wanted);
        let live = mix(params, &[&one, &other]).play_live().unwrap();
        assert_eq!(found(&live), wanted);
    }

    #[test]
    fn only_what_weights_are_to_one_another_counts_and_one_alone_changes_nothing() {
        let (one, other) = ([(0.0, [0.3, -1.7])], [(0.0, [1.1, 0.9])]);
        let mixed = |first: f64, second: f64| {
            let params = json!({ "weight_1": first, "weight_2": second });
            found(&mix(params, &[&one, &other]).run().unwrap())[0]
                .1
                .clone()
        };
        assert_eq!(mixed(0.2, 0.1), mixed(1.0, 0.5));
        assert_eq!(mixed(0.3, 0.0), [0.3, -1.7]);
        assert_eq!(mixed(0.0, 0.7), [1.1, 0.9]);
    }

    #[test]
    fn the_mix_of_standard_normal_codes_is_standard_normal() {
        use rand_chacha::ChaCha8Rng;
        use rand_chacha::rand_core::SeedableRng;
        use rand_distr::{Distribution, StandardNormal};

        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let mut harness = Harness::<LatentMix>::new(json!({ "weight_2": 0.5, "weight_3": 0.1 }));
        let dimension = 2000;
        for _ in 0..3 {
            let code: Vec<f32> = StandardNormal
                .sample_iter(&mut rng)
                .take(dimension)
                .collect();
            let packets = vec![(at(0.0), Payload::Latent(code.into()))];
            let port_type = PortType::Latent(Some(dimension));
            harness = harness.feed("latents", port_type, packets, at(1.0));
        }
        let outputs = harness.run().unwrap();
        let code = &found(&outputs)[0].1;
        let square = code.iter().map(|component| component.powi(2)).sum::<f32>();
        let variance = square / dimension as f32;
        assert!((variance - 1.0).abs() < 0.1, "{variance}");
    }

    #[test]
    fn without_any_weight_the_last_holds_and_what_is_not_there_does_not_count() {
        let one = [(0.0, [1.0, 0.0]), (1.0, [2.0, 0.0]), (2.0, [3.0, 0.0])];
        let late = [(1.5, [0.0, 8.0])];
        let outputs = mix(
            json!({ "keep_size": false, "weight_2": 0.0 }),
            &[&one, &late],
        )
        .set_live(at(1.75), "weight_1", 0.0)
        .play_live()
        .unwrap();
        let codes: Vec<_> = found(&outputs).into_iter().map(|(_, code)| code).collect();
        assert_eq!(codes, [[1.0, 0.0], [2.0, 0.0], [2.0, 0.0], [3.0, 0.0]]);
    }

    #[test]
    fn with_every_a_weight_is_heard_between_codes_and_else_with_the_next() {
        let slow = [(0.0, [1.0, 0.0]), (3.0, [1.0, 1.0])];
        let other = [(0.0, [0.0, 1.0])];
        let play = |every: f64| {
            let params = json!({ "keep_size": false, "every": { "seconds": every } });
            let harness = mix(params, &[&slow, &other]).set_live(at(1.1), "weight_2", 0.0);
            found(&harness.play_live().unwrap())
        };
        let halves = vec![0.5, 0.5];
        assert_eq!(play(0.0), [(0.0, halves.clone()), (3.0, vec![1.0, 1.0])]);
        let paced = play(0.25);
        assert_eq!(paced.len(), 3, "{paced:?}");
        assert!(
            (paced[1].0 - 1.25).abs() < 0.01 && paced[1].1 == [1.0, 0.0],
            "{paced:?}"
        );
    }

    /// The look that the old pace asked for lies behind what is known by then.
    #[test]
    fn a_pace_that_becomes_quicker_counts_from_then_on() {
        let codes = "latent_interpolate(codes: [[1.0, 2.0]], random: 0, dimension: 2, leg: 4, \
            every: 4)";
        let nodes = format!(r#""codes": {codes}, "turn": steps(), "mix": latent_mix(),"#);
        let wires = r#""codes -> mix", "turn -> mix.weight_1",
            ("turn -> mix.every", range(from: 2.5, to: 0.5))"#;
        let packets = crate::testing::rendered(&nodes, wires, ("mix", "latent"));
        let times: Vec<f64> = packets.iter().map(|packet| packet.time.seconds()).collect();
        assert_eq!(times[..2], [0.0, 2.0], "{times:?}");
    }

    #[test]
    fn what_is_not_a_number_is_left_out_of_the_mix() {
        let (one, other) = ([(0.0, [f32::NAN, 1.0])], [(0.0, [2.0, f32::INFINITY])]);
        let outputs = mix(json!({ "keep_size": false }), &[&one, &other])
            .run()
            .unwrap();
        assert_eq!(found(&outputs)[0].1, [1.0, 0.5]);
    }

    #[test]
    fn more_codes_than_weights_are_refused() {
        let one: &[(f64, [f32; 2])] = &[(0.0, [1.0, 0.0])];
        let refused = mix(json!({}), &[one; 9]).run().unwrap_err();
        assert!(refused.to_string().contains("9 latents"), "{refused}");
    }

    #[test]
    fn codes_of_two_dimensions_are_refused_where_the_patch_wires_them() {
        use std::path::PathBuf;

        use score_engine::{Settings, Source, check};

        let text = r#"Patch(
            format: 1,
            nodes: {
                "a": latent_random(dimension: 8),
                "b": latent_random(dimension: 4),
                "mix": latent_mix(),
                "calm": latent_smooth(),
            },
            wires: ["a -> mix -> calm", "b -> mix"],
        )"#;
        let source = Source::text("test", text, PathBuf::new());
        let found = check(&source, &[], &crate::registry(), &Settings::default());
        let mistakes = found.err().unwrap().mistakes;
        let message = &mistakes[0].message;
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        assert_eq!(
            message,
            "`mix.latents` has Latent(8) from another wire, but Latent(4) arrives"
        );
    }
}
