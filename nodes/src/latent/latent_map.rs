//! Chooses what of a code drives what: whitening, weights, order, rotation, length.

use score_engine::{
    Build, Check, Choice, Descriptor, Flow, InputPort, Io, Latent, Length, Node, NodeError,
    OutputPort, Params, PortType, Processor, Time, Transport,
};

use super::rotation::dot;
use super::statistics::Statistics;
use super::turning::Turning;
use crate::params_over_time::ParamsOverTime;

const CODE: InputPort<Latent> = InputPort::new(0, "latent", "the latent");
const MAPPED: OutputPort<Latent> = OutputPort::new(0, "latent", "the latent, mapped");

/// Components may be named up to this index.
const MAX_INDEX: i64 = 4095;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum Whiten {
    None,
    WholeFilm,
    Online,
}

/// `latent_map`.
#[derive(Clone, Params)]
pub(crate) struct LatentMap {
    /// over what to whiten
    #[param(
        rebuild = "`whole_film` holds every latent back until the end",
        default = Whiten::None
    )]
    whiten: Whiten,
    /// a factor for each component; the rest 1
    #[param(live, range = -100.0..=100.0, default = Vec::new())]
    weights: Vec<f32>,
    /// components set to 0, counted from 0
    #[param(live, range = 0..=MAX_INDEX, default = Vec::new())]
    mute: Vec<usize>,
    /// components turned round, counted from 0
    #[param(live, range = 0..=MAX_INDEX, default = Vec::new())]
    invert: Vec<usize>,
    /// last component first
    #[param(live, default = false)]
    reverse: bool,
    /// seed of a random rotation
    #[param(live, range = 0..=i64::MAX, span = 0.0..=15.0)]
    shuffle: Option<u64>,
    /// time in which another `shuffle` is reached, live
    #[param(live, range = 0.0..=600.0, span = 0.05..=20.0, log, default = Length::Seconds(2.0))]
    glide: Length,
    /// factor for the whole latent
    #[param(live, range = -100.0..=100.0, span = 0.0..=2.0, default = 1.0)]
    gain: f32,
    /// bring every latent to the usual length, √dimension
    #[param(live, default = false)]
    normalise: bool,
    /// components that leave; as many as arrive if left out
    #[param(structural = "the nodes behind take latents of this dimension", range = 1..=4096)]
    dimension: Option<usize>,
}

impl Node for LatentMap {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("latent", "latent_map", "Chooses what of a latent drives what")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64, rate: 8),
                    "eye": frame_encoder(model: "eye"),
                    "map": latent_map(whiten: whole_film, mute: [3, 7], shuffle: 5),
                    "tune": music_decoder(),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: ["film -> eye -> map -> tune -> notes"]"#,
            )
            .details(
                "In this order: whitening; weights; mute; invert; reverse; shuffle; gain; \
                 normalise; dimension. Whitening subtracts the mean and divides by the standard \
                 deviation of each component: over the whole film (which holds all its latents back \
                 until the end) or on line, from what has passed. Shuffle is a random rotation, \
                 which keeps N(0, I) as it is; another seed is reached within `glide`, without a \
                 jump. To fewer dimensions the first are taken; to more, zeros are added. A change \
                 of anything else keeps what the whitening has learnt.",
            )
            .input(CODE)
            .output(MAPPED)
    }

    fn check(&self, check: &mut Check<'_>) {
        let arrives = check.input_dimension(CODE);
        if let Some(dimension) = arrives {
            let last = dimension.checked_sub(1);
            let there = last.map_or("no components".to_owned(), |last| format!("0 to {last}"));
            for (param, chosen) in [("mute", &self.mute), ("invert", &self.invert)] {
                if let Some(wrong) = chosen.iter().find(|index| **index >= dimension) {
                    let message =
                        format!("`{param}` names component {wrong}, but the latent has {there}");
                    check.refuse(param, message, None);
                }
            }
            if self.weights.len() > dimension {
                check.refuse(
                    "weights",
                    format!("there are more weights than the latent's {dimension} components"),
                    None,
                );
            }
        }
        check.set_output(MAPPED, PortType::Latent(self.dimension.or(arrives)));
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        if self.whiten == Whiten::WholeFilm && !build.ends {
            return Err(NodeError::input(
                "`whiten: whole_film` needs the whole film; a live run has no end",
            )
            .help("write `whiten: online`"));
        }
        let dimension = build.input_dimension(CODE)?;
        Ok(Box::new(Mapping {
            turning: Turning::new(dimension, self.shuffle),
            dimension,
            statistics: Statistics::new(dimension),
            held: Vec::new(),
            params: ParamsOverTime::default(),
            transport: build.transport.clone(),
        }))
    }
}

struct Mapping {
    dimension: usize,
    turning: Turning,
    statistics: Statistics,
    /// The codes of the film so far, where they wait for its end.
    held: Vec<(Time, Vec<f32>)>,
    /// The parameters that each of them came with.
    params: ParamsOverTime<LatentMap>,
    transport: Transport,
}

impl Processor<LatentMap> for Mapping {
    fn process(&mut self, params: &LatentMap, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let code = input.read(CODE)?;
            if code.len() != self.dimension {
                return Err(NodeError::internal("a latent of another dimension arrived"));
            }
            let mut code = code.to_vec();
            if params.whiten != Whiten::None {
                self.statistics.add(&code);
            }
            match params.whiten {
                Whiten::WholeFilm => {
                    self.params.collect(input.packet.time, params);
                    self.held.push((input.packet.time, code));
                    continue;
                }
                Whiten::Online => self.statistics.whiten(&mut code),
                Whiten::None => {}
            }
            let time = input.packet.time;
            let mapped = self.mapped(params, time, code);
            io.send(MAPPED, time, mapped)?;
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, params: &LatentMap, io: &mut Io<'_>) -> Result<(), NodeError> {
        let over_time = std::mem::take(&mut self.params);
        for (time, mut code) in std::mem::take(&mut self.held) {
            let params = over_time.at(time).unwrap_or(params);
            self.aim(params);
            self.statistics.whiten(&mut code);
            let mapped = self.mapped(params, time, code);
            io.send(MAPPED, time, mapped)?;
        }
        Ok(())
    }

    fn earliest_pending(&self) -> Option<Time> {
        self.held.first().map(|(time, _)| *time)
    }

    fn changed(&mut self, params: &LatentMap, transport: &Transport) -> Result<(), NodeError> {
        self.transport = transport.clone();
        self.params.changed();
        if params.whiten != Whiten::WholeFilm {
            self.aim(params);
        }
        Ok(())
    }
}

impl Mapping {
    /// Turns to the rotation that is asked for, where it is another one.
    fn aim(&mut self, params: &LatentMap) {
        let glide = params.glide.at(&self.transport);
        self.turning.aim(params.shuffle, glide);
    }

    fn mapped(&mut self, map: &LatentMap, time: Time, mut code: Vec<f32>) -> Vec<f32> {
        for (component, weight) in code.iter_mut().zip(&map.weights) {
            *component *= weight;
        }
        // The text is checked for components that are not there; what a hand gives is not.
        for index in &map.mute {
            if let Some(component) = code.get_mut(*index) {
                *component = 0.0;
            }
        }
        for index in &map.invert {
            if let Some(component) = code.get_mut(*index) {
                *component = -*component;
            }
        }
        if map.reverse {
            code.reverse();
        }
        code = self.turning.turn(time, code);
        for component in &mut code {
            *component *= map.gain;
        }
        let length = dot(&code, &code).sqrt();
        if map.normalise && length > 0.0 {
            let factor = (code.len() as f32).sqrt() / length;
            code.iter_mut().for_each(|component| *component *= factor);
        }
        code.resize(map.dimension.unwrap_or(self.dimension), 0.0);
        code
    }
}

#[cfg(test)]
mod tests {
    use score_engine::Payload;
    use score_engine::harness::Harness;
    use serde_json::json;

    use super::*;

    fn map(params: serde_json::Value, codes: &[&[f32]]) -> Vec<Vec<f32>> {
        let packets = codes.iter().enumerate().map(|(n, code)| {
            (
                Time::from_seconds(n as f64),
                Payload::Latent((*code).into()),
            )
        });
        let outputs = Harness::<LatentMap>::new(params)
            .feed(
                "latent",
                PortType::Latent(Some(codes[0].len())),
                packets.collect(),
                Time::from_seconds(codes.len() as f64),
            )
            .run()
            .unwrap();
        outputs
            .packets("latent")
            .iter()
            .map(|packet| packet.latent().unwrap().to_vec())
            .collect()
    }

    #[test]
    fn steps_are_applied_in_the_order_that_the_reference_gives() {
        let params = json!({"weights": [2.0], "mute": [1], "invert": [2], "reverse": true, "gain": 10.0, "dimension": 4});
        assert_eq!(map(params, &[&[1.0, 2.0, 3.0]]), [[-30.0, 0.0, 20.0, 0.0]]);
    }

    #[test]
    fn whitening_over_the_whole_film_gives_mean_zero_and_deviation_near_one() {
        let codes: Vec<Vec<f32>> = (0..400)
            .map(|n| vec![5.0 + 3.0 * (n as f32 * 0.7).sin(), n as f32])
            .collect();
        let codes: Vec<&[f32]> = codes.iter().map(Vec::as_slice).collect();
        let white = map(json!({"whiten": "whole_film"}), &codes);
        for component in 0..2 {
            let mean = white.iter().map(|code| code[component]).sum::<f32>() / 400.0;
            let variance = white
                .iter()
                .map(|code| (code[component] - mean).powi(2))
                .sum::<f32>()
                / 400.0;
            assert!(
                mean.abs() < 0.1 && (variance - 1.0).abs() < 0.1,
                "{component}: {mean} {variance}"
            );
        }
    }

    #[test]
    fn a_component_that_never_moves_stays_small_when_whitened() {
        let white = map(json!({"whiten": "online"}), &[&[0.01], &[0.01], &[0.01]]);
        assert!(white.iter().all(|code| code[0].abs() < 0.1), "{white:?}");
    }

    #[test]
    fn a_shuffle_keeps_every_length_and_changes_every_direction() {
        let code: Vec<f32> = (0..64).map(|n| (n as f32 * 0.37).sin()).collect();
        let turned = &map(json!({"shuffle": 5}), &[&code])[0];
        assert!((dot(turned, turned) - dot(&code, &code)).abs() < 1e-3);
        assert_ne!(turned, &code);
    }

    /// A second of twenty codes whose components move, whitened on line, and what becomes of them
    /// where each parameter has a new value from its time on.
    fn live(changes: &[(f64, &str, serde_json::Value)]) -> Vec<Vec<f32>> {
        let packets = (0..20).map(|n| {
            let code = [5.0 + (n as f32 * 0.7).sin(), n as f32, 3.0];
            let time = Time::from_seconds(f64::from(n) / 20.0);
            (time, Payload::Latent(code.as_slice().into()))
        });
        let params = json!({ "whiten": "online", "glide": { "seconds": 0.2 } });
        let mut harness = Harness::<LatentMap>::new(params).feed(
            "latent",
            PortType::Latent(Some(3)),
            packets.collect(),
            Time::from_seconds(1.0),
        );
        for (at, name, value) in changes {
            harness = harness.set_live(Time::from_seconds(*at), name, value.clone());
        }
        let outputs = harness.play_live().unwrap();
        let packets = outputs.packets("latent").iter();
        packets
            .map(|packet| packet.latent().unwrap().to_vec())
            .collect()
    }

    #[test]
    fn what_was_whitened_is_not_forgotten_when_a_component_is_muted_and_comes_back() {
        let plain = live(&[]);
        let muted = live(&[
            (0.475, "mute", json!([1])),
            (0.475, "weights", json!([2.0])),
            // A component that is not there, as only a hand can name it.
            (0.475, "invert", json!([0, 4000])),
            (0.775, "mute", json!([])),
        ]);
        assert_eq!(plain[..10], muted[..10]);
        for number in 10..20 {
            let code = &plain[number];
            let second = if number < 16 { 0.0 } else { code[1] };
            assert_eq!(muted[number], [-2.0 * code[0], second, code[2]], "{number}");
        }
    }

    #[test]
    fn another_shuffle_is_reached_by_a_glide_and_gain_counts_at_once() {
        let turned = live(&[(0.275, "shuffle", json!(7)), (0.875, "gain", json!(2.0))]);
        let plain = live(&[]);
        assert_eq!(turned[..7], plain[..7], "it begins where it was");
        let mut wanted = Turning::new(3, Some(7));
        for number in 10..20 {
            let mut code = wanted.turn(Time::ZERO, plain[number].clone());
            if number >= 18 {
                code.iter_mut().for_each(|component| *component *= 2.0);
            }
            assert_eq!(turned[number], code, "{number}");
        }
    }

    /// A code of every second of four, whose parameter `param` a wire holds low and from the
    /// second second on high.
    fn steered(param: &str, whiten: &str) -> Vec<Vec<f32>> {
        let codes = "latent_interpolate(codes: [[1.0, 2.0]], random: 0, dimension: 2, leg: 4, \
            every: 1)";
        let nodes = format!(
            r#""codes": {codes}, "turn": steps(), "map": latent_map(whiten: {whiten}, glide: 0),"#
        );
        let wires = format!(r#""codes -> map", "turn -> map.{param}","#);
        let packets = crate::testing::rendered(&nodes, &wires, ("map", "latent"));
        let codes = packets
            .iter()
            .map(|packet| packet.latent().unwrap().to_vec());
        codes.collect()
    }

    /// Though all are mapped at the end of the film.
    #[test]
    fn every_code_of_a_film_is_mapped_with_the_parameters_of_its_own_time() {
        for param in ["gain", "shuffle"] {
            let at_once = steered(param, "none");
            assert_ne!(at_once[1], at_once[2], "{param}");
            let whole = steered(param, "whole_film");
            assert_eq!(whole.len(), 4);
            assert_eq!(whole[0], whole[1], "{param}");
            assert_ne!(whole[1], whole[2], "{param}");
            assert_eq!(whole[2], whole[3], "{param}");
        }
    }

    #[test]
    fn a_component_that_is_not_there_is_refused() {
        for (dimension, there) in [(3, "0 to 2"), (0, "no components")] {
            let port = PortType::Latent(Some(dimension));
            let refused = Harness::<LatentMap>::new(json!({"mute": [3]}))
                .feed("latent", port, Vec::new(), Time::ZERO)
                .run()
                .unwrap_err();
            assert_eq!(
                refused.to_string(),
                format!("`mute` names component 3, but the latent has {there}")
            );
        }
    }
}
