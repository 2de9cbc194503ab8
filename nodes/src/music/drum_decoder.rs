//! Turns codes into drums that are struck as by hand.

use score_engine::{
    Build, Check, Descriptor, Node, NodeError, Note, OutputPort, Params, Processor,
};

use super::drums;
use super::grid::Grid;
use super::kit::Kit;
use super::melody::Melody;
use super::player::{CODE, CUT, Player, Plays};
use super::shape::{Shape, Shaping};
use super::voice::{Manner, Voice};
use crate::model::{Manifest, Task, require_codes};

/// `drum_decoder`.
#[derive(Clone, Params)]
pub(crate) struct DrumDecoder {
    /// name of a model of drums
    #[param(
        rebuild = "a model is loaded when its node is built",
        default = "drums"
    )]
    model: String,
    /// how freely strokes are drawn; 0: always the likeliest
    #[param(live, range = 0.0..=4.0, span = 0.0..=1.5, default = 0.5)]
    temperature: f32,
    /// share of the latent replaced by a constant random one
    #[param(live, range = 0.0..=1.0, default = 0.0)]
    noise: f32,
    /// factor for the latent
    #[param(live, range = 0.0..=10.0, span = 0.0..=2.0, default = 1.0)]
    gain: f32,
    /// bring the mean latent to the usual length
    #[param(live, default = true)]
    normalise: bool,
    /// how hard drums are struck on average
    #[param(live, range = 0.01..=1.0, default = 0.7)]
    velocity: f32,
    /// how much harder some strokes are than others; 0: not at all, 1: as a drummer does
    #[param(live, range = 0.0..=2.0, default = 1.0)]
    dynamics: f32,
    /// how much strokes are early or late; 0: not at all, 1: as a drummer's
    #[param(live, range = 0.0..=2.0, default = 1.0)]
    looseness: f32,
    /// MIDI channel, counted from 0
    #[param(live, range = 0..=15, default = drums::CHANNEL)]
    channel: u8,
}

impl Plays for DrumDecoder {
    const NOTES: OutputPort<Note> =
        OutputPort::new(0, "notes", "the strokes, as keys of General MIDI's drums");

    fn temperature(&self) -> f32 {
        self.temperature
    }

    fn shaping(&self) -> Shaping {
        Shaping {
            noise: self.noise,
            gain: self.gain,
            normalise: self.normalise,
        }
    }

    fn manner(&self, _drums: bool) -> Manner {
        Manner {
            velocity: self.velocity,
            channel: self.channel,
            kit: Some(Kit {
                looseness: self.looseness,
                dynamics: self.dynamics,
            }),
        }
    }
}

impl Node for DrumDecoder {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("music", "drum_decoder", "Turns latents into drums, struck as by hand")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64, rate: 8),
                    "eye": frame_encoder(model: "eye"),
                    "cuts": cut_detector(),
                    "beat": latent_map(shuffle: 3),
                    "drums": drum_decoder(looseness: 0.8),
                    "kit": synth(voice: drum_kit),
                    "sound": audio_file(path: "film.wav"),
                },
                wires: ["film -> eye -> beat -> drums -> kit -> sound", "film -> cuts", "cuts.cut -> drums.cut"]"#,
            )
            .details(
                "Which drums are struck at each sixteenth is decided as `music_decoder` decides on \
                 notes, from the same kind of latents and cuts. How hard and how early or late each \
                 stroke is, the model says as well, from what a drummer would do at that place of \
                 that beat: `dynamics` and `looseness` say how much of it is heard; at 0 it is a \
                 machine's. A stroke is at most 0.35 of a sixteenth early or late. Live, a step is \
                 decided that much earlier where strokes may be early (44 ms at 120 beats a \
                 minute); `looseness: 0` answers sooner.\n\n\
                 A model without a groove, such as an imported one, plays like a machine.",
            )
            .input(CODE)
            .input(CUT)
            .output(Self::NOTES)
            .in_bars()
            .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        let dimension = Manifest::of(check.settings).and_then(|manifest| {
            let model = manifest.model(&self.model, Task::Music)?;
            if !model.music.is_some_and(|layout| layout.drums) {
                return Err(NodeError::model(format!(
                    "`{}` makes melodies, but a model of drums is wanted",
                    self.model
                ))
                .help("`music_decoder` plays melodies; `score models list` names the models"));
            }
            Ok(model.latent)
        });
        require_codes(check, CODE, &self.model, dimension);
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let melody = Melody::load(build.settings, &self.model)?.with_groove()?;
        let mut rng = build.rng();
        let layout = *melody.layout();
        let dimension = melody.dimension();
        let player = Player {
            shape: Shape::drawn(dimension, &mut rng),
            voice: Voice::new(Grid::new(build.transport, &layout), &layout),
            melody,
            rng,
        };
        Ok(player.processor(self, build))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use score_engine::harness::{Harness, Outputs};
    use score_engine::{Payload, PortType};
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{at, settings};

    fn code(sign: f32) -> Payload {
        Payload::Latent(
            (0..64)
                .map(|n| if n % 2 == 0 { sign } else { -sign })
                .collect(),
        )
    }

    /// Eight seconds of one code, 25 times a second, rendered or live.
    fn played(params: Value, live: bool) -> Outputs {
        let codes = (0..200).map(|n| at(f64::from(n) / 25.0));
        let harness = Harness::<DrumDecoder>::new(params).settings(settings());
        let port = PortType::Latent(Some(64));
        if live {
            let codes = codes.map(|time| (time, time, code(1.0))).collect();
            return harness
                .feed_live("latent", port, codes, at(8.0))
                .play_live()
                .unwrap();
        }
        let codes = codes.map(|time| (time, code(1.0))).collect();
        harness.feed("latent", port, codes, at(8.0)).run().unwrap()
    }

    /// Time in sixteenths at 120 quarter notes a minute, key and velocity of every stroke.
    fn strokes(outputs: &Outputs) -> Vec<(f64, u8, f32)> {
        let packets = outputs.packets("notes").iter();
        packets
            .flat_map(|packet| {
                let time = packet.time.seconds() * 8.0;
                let notes: Arc<[Note]> = packet.notes().unwrap().clone();
                let begun: Vec<_> = (notes.iter())
                    .filter_map(|note| match note {
                        Note::On {
                            pitch, velocity, ..
                        } => Some((time, *pitch, *velocity)),
                        Note::Off { .. } => None,
                    })
                    .collect();
                begun
            })
            .collect()
    }

    #[test]
    fn a_drummer_strikes_what_the_machine_does_off_the_grid_and_unevenly() {
        let still = json!({ "temperature": 0, "looseness": 0, "dynamics": 0 });
        let (machine, hand) = (
            strokes(&played(still, false)),
            strokes(&played(json!({ "temperature": 0 }), false)),
        );
        assert!(machine.len() > 16);
        let struck = |strokes: &[(f64, u8, f32)]| {
            let mut places: Vec<_> = strokes
                .iter()
                .map(|(time, key, _)| (time.round() as i64, *key))
                .collect();
            places.sort_unstable();
            places
        };
        assert_eq!(struck(&machine), struck(&hand));
        assert!(machine.iter().all(|(time, _, velocity)| {
            (time - time.round()).abs() < 1e-6 && (velocity - 0.7).abs() < 1e-6
        }));
        let off = hand
            .iter()
            .map(|(time, ..)| (time - time.round()).abs())
            .fold(0.0, f64::max);
        assert!((0.02..=0.36).contains(&off), "{off}");
        let loudest = hand.iter().map(|stroke| stroke.2).fold(0.0, f32::max);
        let softest = hand.iter().map(|stroke| stroke.2).fold(1.0, f32::min);
        assert!(loudest > 1.5 * softest, "{softest} to {loudest}");
    }

    #[test]
    fn every_stroke_ends_and_none_of_the_same_drum_begins_before() {
        for live in [false, true] {
            let outputs = played(json!({ "looseness": 2 }), live);
            let mut sounding = Vec::new();
            for packet in outputs.packets("notes") {
                for note in packet.notes().unwrap().iter() {
                    match note {
                        Note::On { pitch, .. } => {
                            assert!(!sounding.contains(pitch));
                            sounding.push(*pitch);
                        }
                        Note::Off { pitch, .. } => sounding.retain(|other| other != pitch),
                    }
                }
            }
            assert_eq!(sounding, [] as [u8; 0]);
        }
    }

    #[test]
    fn live_a_stroke_leaves_before_it_sounds() {
        let outputs = played(json!({}), true);
        let packets = outputs.packets("notes");
        assert!(packets.len() > 32);
        for (packet, sent) in packets.iter().zip(outputs.sent("notes")) {
            assert!(packet.time >= *sent);
        }
    }

    #[test]
    fn a_model_of_melodies_is_refused() {
        let error = Harness::<DrumDecoder>::new(json!({ "model": "melody" }))
            .settings(settings())
            .feed("latent", PortType::Latent(Some(64)), Vec::new(), at(1.0))
            .run()
            .unwrap_err();
        assert!(
            error.to_string().contains("a model of drums is wanted"),
            "{error}"
        );
    }
}
