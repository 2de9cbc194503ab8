//! Lays one film over another.

use std::sync::Arc;

use score_engine::{
    Build, Choice, Descriptor, Flow, Frame, InputPort, Io, Node, NodeError, OutputPort, Params,
    Processor, Time,
};

use super::pixels::{between, like, parts};
use crate::picture::scale::{Scaler, Window};
use crate::together::Together;

const ONE: InputPort<Frame> = InputPort::new(0, "a", "the pictures below");
const OTHER: InputPort<Frame> = InputPort::new(1, "b", "the pictures above");
const MIXED: OutputPort<Frame> = OutputPort::new(0, "frames", "both");

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum Mode {
    Mix,
    Add,
    Multiply,
    Screen,
    Difference,
    Lighten,
    Darken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum Lead {
    Both,
    A,
    B,
}

/// `mix_pictures`.
#[derive(Clone, Params)]
pub(crate) struct MixPictures {
    /// how much of `b`: 0 shows `a` alone, 1 all of `b` or of what `mode` makes of both
    #[param(live, range = 0.0..=1.0, default = 0.5)]
    mix: f32,
    /// how `b` lies over `a`
    #[param(live, default = Mode::Mix)]
    mode: Mode,
    /// whose pictures a mixed one leaves for
    #[param(live, default = Lead::Both)]
    lead: Lead,
}

impl Node for MixPictures {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("picture", "mix_pictures", "Lays one film over another, or fades to it")
            .example(
                r#"nodes: {
                    "here": video_file(path: "a.mp4", width: 64, height: 64, rate: 8),
                    "there": video_file(path: "b.mp4", width: 64, height: 64, rate: 8),
                    "motion": motion(gain: 4, smooth: 1),
                    "both": mix_pictures(),
                    "eye": frame_encoder(model: "eye"),
                    "tune": music_decoder(),
                    "notes": midi_file(path: "both.mid"),
                },
                wires: [
                    "here -> both.a",
                    "there -> both.b",
                    "here -> motion -> both.mix",
                    "both -> eye -> tune -> notes",
                ]"#,
            )
            .details(
                "`mix` fades from one film to the other; `add`, `multiply`, `screen`, `difference`, `lighten` and `darken` \
                 are the usual ways to lay one picture over another, of which `mix` says how much. Pictures of `b` are \
                 brought to the size of those of `a`. Until both have come, the one that is there passes as it is.\n\n\
                 A mixed picture leaves for each picture of both films, one where both have the same time, which they \
                 have in a render where their `rate` is the same; `lead: a` sends one for each of `a` only.",
            )
            .input(ONE)
            .input(OTHER)
            .output(MIXED)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Mixing {
            frames: [None, None],
            together: Together::default(),
            scaler: Scaler::default(),
            scaled: None,
        }))
    }
}

struct Mixing {
    /// The newest picture of each film.
    frames: [Option<Arc<Frame>>; 2],
    together: Together,
    scaler: Scaler,
    /// The newest picture of `b` in the size of `a`'s, where that is another.
    scaled: Option<Arc<Frame>>,
}

impl Processor<MixPictures> for Mixing {
    fn process(&mut self, params: &MixPictures, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            if let Some(before) = self.together.before(time) {
                self.send(params, io, before)?;
            }
            let leads = match input.is(ONE) {
                true => {
                    self.frames[0] = Some(input.read(ONE)?.clone());
                    params.lead != Lead::B
                }
                false => {
                    self.frames[1] = Some(input.read(OTHER)?.clone());
                    self.scaled = None;
                    params.lead != Lead::A
                }
            };
            if leads {
                self.together.take(time);
            }
        }
        if let Some(due) = self.together.due(io) {
            self.send(params, io, due)?;
        }
        Ok(self.together.flow())
    }

    fn finish(&mut self, params: &MixPictures, io: &mut Io<'_>) -> Result<(), NodeError> {
        match self.together.rest() {
            Some(due) => self.send(params, io, due),
            None => Ok(()),
        }
    }

    fn earliest_pending(&self) -> Option<Time> {
        self.together.pending()
    }
}

impl Mixing {
    fn send(&mut self, params: &MixPictures, io: &mut Io<'_>, time: Time) -> Result<(), NodeError> {
        let mixed = match &self.frames {
            [Some(one), Some(other)] => {
                let (one, other) = (one.clone(), other.clone());
                self.mixed(params, &one, &other)?
            }
            [Some(only), None] | [None, Some(only)] => only.clone(),
            [None, None] => return Ok(()),
        };
        io.send(MIXED, time, mixed)
    }

    fn mixed(
        &mut self,
        params: &MixPictures,
        one: &Arc<Frame>,
        other: &Arc<Frame>,
    ) -> Result<Arc<Frame>, NodeError> {
        let parts = parts(params.mix);
        if parts == 0 {
            return Ok(one.clone());
        }
        let other = self.sized(one, other)?;
        if parts == 256 && params.mode == Mode::Mix {
            return Ok(other);
        }
        let (below, above) = (one.pixels(), other.pixels());
        // Each with a loop of its own.
        let pixels = match params.mode {
            Mode::Mix => laid(below, above, parts, |_, above| above),
            Mode::Add => laid(below, above, parts, u8::saturating_add),
            Mode::Multiply => laid(below, above, parts, product),
            Mode::Screen => laid(below, above, parts, |below, above| {
                255 - product(255 - below, 255 - above)
            }),
            Mode::Difference => laid(below, above, parts, u8::abs_diff),
            Mode::Lighten => laid(below, above, parts, |below, above| below.max(above)),
            Mode::Darken => laid(below, above, parts, |below, above| below.min(above)),
        };
        Ok(Arc::new(like(one, pixels)?))
    }

    /// `other` in the size of `one`.
    fn sized(&mut self, one: &Frame, other: &Arc<Frame>) -> Result<Arc<Frame>, NodeError> {
        let size = |frame: &Frame| [frame.width(), frame.height()];
        if size(one) == size(other) {
            return Ok(other.clone());
        }
        if let Some(scaled) = self
            .scaled
            .as_ref()
            .filter(|scaled| size(scaled) == size(one))
        {
            return Ok(scaled.clone());
        }
        let sides = size(one).map(|side| side as usize);
        let pixels = self.scaler.scale(other, Window::WHOLE, sides);
        let scaled = Arc::new(like(one, pixels)?);
        self.scaled = Some(scaled.clone());
        Ok(scaled)
    }
}

/// What is `parts` of 256 on the way from what lies below to what `mode` makes of both.
fn laid(below: &[u8], above: &[u8], parts: u32, mode: impl Fn(u8, u8) -> u8) -> Vec<u8> {
    let pixels = below.iter().zip(above);
    pixels
        .map(|(below, above)| between(*below, mode(*below, *above), parts))
        .collect()
}

/// One share of full light of another.
fn product(one: u8, other: u8) -> u8 {
    ((u32::from(one) * u32::from(other) + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    use score_engine::harness::{Harness, Outputs};
    use score_engine::{Payload, PortType, Value};
    use serde_json::json;

    use super::super::test_frames::{at, frames, grey, reds};
    use super::*;

    fn mix(params: Value, films: [&[(f64, Frame)]; 2]) -> Harness<MixPictures> {
        let harness = Harness::new(params);
        ["a", "b"]
            .iter()
            .zip(films)
            .fold(harness, |harness, (input, film)| {
                let frames = film.iter();
                let frames = frames
                    .map(|(time, frame)| (at(*time), Payload::Frame(Arc::new(frame.clone()))));
                harness.feed(input, PortType::Frame, frames.collect(), at(10.0))
            })
    }

    fn found(outputs: &Outputs) -> Vec<(f64, Vec<u8>)> {
        let packets = outputs.packets("frames").iter();
        packets
            .map(|packet| (packet.time.seconds(), reds(packet.frame().unwrap())))
            .collect()
    }

    #[test]
    fn each_mode_is_exact_and_at_zero_only_the_lower_shows() {
        let (one, other) = (grey(3, &[0, 100, 200]), grey(3, &[255, 51, 102]));
        for (mode, wanted) in [
            ("mix", [255, 51, 102]),
            ("add", [255, 151, 255]),
            ("multiply", [0, 20, 80]),
            ("screen", [255, 131, 222]),
            ("difference", [255, 49, 98]),
            ("lighten", [255, 100, 200]),
            ("darken", [0, 51, 102]),
        ] {
            let mixed = |mix_of: f64| {
                let params = json!({ "mode": mode, "mix": mix_of });
                let harness = || {
                    mix(
                        params.clone(),
                        [&[(0.0, one.clone())], &[(0.0, other.clone())]],
                    )
                };
                let rendered = found(&harness().run().unwrap());
                assert_eq!(rendered, found(&harness().play_live().unwrap()));
                assert_eq!(rendered.len(), 1);
                rendered[0].1.clone()
            };
            assert_eq!(mixed(1.0), wanted, "{mode}");
            assert_eq!(mixed(0.0), [0, 100, 200], "{mode}");
            let half = mixed(0.5);
            let middle = (u16::from(wanted[1]) + 100).div_ceil(2) as u8;
            assert_eq!(half[1], middle, "{mode}");
        }
    }

    #[test]
    fn a_picture_leaves_for_each_of_both_films_or_of_the_one_that_leads() {
        let film = |times: &[f64], value: u8| -> Vec<(f64, Frame)> {
            times
                .iter()
                .map(|time| (*time, grey(1, &[value])))
                .collect()
        };
        let (one, other) = (film(&[0.0, 1.0, 2.0], 0), film(&[0.0, 1.5, 2.0], 100));
        for (lead, wanted) in [
            ("both", &[0.0, 1.0, 1.5, 2.0][..]),
            ("a", &[0.0, 1.0, 2.0]),
            ("b", &[0.0, 1.5, 2.0]),
        ] {
            let outputs = mix(json!({ "lead": lead }), [&one, &other]).run().unwrap();
            let found = found(&outputs);
            let times: Vec<f64> = found.iter().map(|(time, _)| *time).collect();
            assert_eq!(times, wanted, "{lead}");
            assert!(
                found.iter().all(|(_, pixels)| pixels == &[50]),
                "{lead}: {found:?}"
            );
        }
    }

    #[test]
    fn a_film_of_another_size_is_brought_to_that_of_the_lower_and_a_lone_one_passes() {
        let large = grey(4, &[0, 40, 80, 120]);
        let films: [&[(f64, Frame)]; 2] = [&[(1.0, grey(2, &[0, 0]))], &[(0.0, large.clone())]];
        let outputs = mix(json!({ "mix": 1.0 }), films).run().unwrap();
        let found = frames(&outputs);
        assert_eq!(*found[0], large);
        assert_eq!(reds(&found[1]), [20, 100]);
    }

    #[test]
    fn a_fade_moves_while_it_plays() {
        let film = |value: u8| [0.0, 1.0, 2.0].map(|time| (time, grey(1, &[value])));
        let outputs = mix(json!({ "mix": 0.0 }), [&film(0), &film(200)])
            .set_live(at(0.5), "mix", 0.25)
            .set_live(at(1.5), "mix", 1.0)
            .play_live()
            .unwrap();
        let found: Vec<u8> = found(&outputs)
            .iter()
            .map(|(_, pixels)| pixels[0])
            .collect();
        assert_eq!(found, [0, 50, 200]);
    }
}
