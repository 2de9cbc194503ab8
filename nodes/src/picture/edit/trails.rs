//! Lets what moves leave a trail.

use score_engine::{
    Build, Choice, Descriptor, Event, Flow, Frame, InputPort, Io, Length, Node, NodeError, Params,
    Processor, Time, Transport,
};

use super::pixels::{EDITED, like};

// First, so that what was seen before is gone when the picture of the same time comes.
const CLEAR: InputPort<Event> = InputPort::new(
    0,
    "clear",
    "what was seen before leaves no trail any more: a cut",
)
.optional();
const PICTURES: InputPort<Frame> = InputPort::new(1, "frames", "the pictures");

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum Mode {
    Lighten,
    Darken,
    Mix,
}

/// `trails`.
#[derive(Clone, Params)]
pub(crate) struct Trails {
    /// time in which half of a trail is gone
    #[param(live, range = 0.0..=600.0, span = 0.05..=5.0, log, default = Length::Seconds(0.5))]
    decay: Length,
    /// what leaves trails
    #[param(live, default = Mode::Lighten)]
    mode: Mode,
}

impl Node for Trails {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("picture", "trails", "Lets what moves leave a trail")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64, rate: 8),
                    "light": brightness(smooth: 1),
                    "cuts": cut_detector(),
                    "comet": trails(decay: beats(2)),
                    "eye": frame_encoder(model: "eye"),
                    "tune": music_decoder(),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: [
                    "film -> comet -> eye -> tune -> notes",
                    "film -> light -> comet.decay",
                    "film -> cuts",
                    "cuts.cut -> comet.clear",
                ]"#,
            )
            .details(
                "`lighten`: what is bright stays and fades to what is there now; `darken`: what is dark; `mix`: each \
                 picture fades into the next, as if exposed for long. Trails fade by media time, so that they are as \
                 long at any frame rate. A `decay` of 0 hands pictures on as they are.",
            )
            .input(CLEAR)
            .input(PICTURES)
            .output(EDITED)
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Trailing {
            decay: self.decay.at(build.transport),
            trail: None,
        }))
    }
}

struct Trailing {
    decay: Time,
    trail: Option<Trail>,
}

/// What was seen, in 256 parts of a byte, so that it fades to the end.
struct Trail {
    time: Time,
    size: [u32; 2],
    levels: Vec<u16>,
}

/// A byte in those parts.
fn fine(byte: u8) -> u16 {
    u16::from(byte) << 8
}

impl Processor<Trails> for Trailing {
    fn process(&mut self, params: &Trails, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            if input.is(CLEAR) {
                self.trail = None;
                continue;
            }
            let frame = input.read(PICTURES)?;
            let size = [frame.width(), frame.height()];
            self.trail.take_if(|trail| trail.size != size);
            match &mut self.trail {
                _ if self.decay <= Time::ZERO => {
                    self.trail = None;
                    io.send(EDITED, time, frame.clone())?;
                }
                None => {
                    let levels = frame.pixels().iter().copied().map(fine).collect();
                    self.trail = Some(Trail { time, size, levels });
                    io.send(EDITED, time, frame.clone())?;
                }
                Some(trail) => {
                    let pixels = trail.take(time, frame, self.decay, params.mode);
                    io.send(EDITED, time, like(frame, pixels)?)?;
                }
            }
        }
        Ok(Flow::Continue)
    }

    fn changed(&mut self, params: &Trails, transport: &Transport) -> Result<(), NodeError> {
        self.decay = params.decay.at(transport);
        Ok(())
    }
}

impl Trail {
    /// Fades, takes the picture of `time` in, and gives what is seen.
    fn take(&mut self, time: Time, frame: &Frame, decay: Time, mode: Mode) -> Vec<u8> {
        let seconds = (time - self.time).seconds().max(0.0);
        self.time = self.time.max(time);
        // In 65,536 parts.
        let kept = ((-seconds / decay.seconds()).exp2() * 65_536.0).round() as u32;
        let levels = self.levels.iter_mut().zip(frame.pixels());
        match mode {
            Mode::Lighten => levels
                .map(|(level, new)| {
                    let faded = (u32::from(*level) * kept) >> 16;
                    *level = (faded as u16).max(fine(*new));
                    (*level >> 8) as u8
                })
                .collect(),
            Mode::Darken => levels
                .map(|(level, new)| {
                    let white = fine(u8::MAX);
                    let faded = (u32::from(white - *level) * kept) >> 16;
                    *level = white - (faded as u16).max(white - fine(*new));
                    // Rounded up, as light is down.
                    ((u32::from(*level) + 255) >> 8) as u8
                })
                .collect(),
            Mode::Mix => levels
                .map(|(level, new)| {
                    let way = i64::from(*level) - i64::from(fine(*new));
                    let left = (way * i64::from(kept) + 32_768) >> 16;
                    *level = (i64::from(fine(*new)) + left) as u16;
                    ((u32::from(*level) + 128) >> 8) as u8
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use score_engine::harness::Harness;
    use score_engine::{Payload, PortType};
    use serde_json::json;

    use super::super::test_frames::{at, edited, fed, film, frames, grey, is_shared, reds};
    use super::*;

    /// What is seen of one pixel over time, ten pictures a second.
    fn pixel(params: serde_json::Value, values: &[u8]) -> Vec<u8> {
        let film = values.iter().map(|value| grey(1, &[*value]));
        let outputs = fed::<Trails>(params, film).run().unwrap();
        frames(&outputs)
            .iter()
            .map(|frame| reds(frame)[0])
            .collect()
    }

    #[test]
    fn light_and_dark_fade_by_half_in_the_decay_and_what_comes_shows_at_once() {
        let tenth = json!({ "seconds": 0.1 });
        let light = json!({ "decay": tenth });
        assert_eq!(
            pixel(light, &[200, 0, 0, 0, 80, 10]),
            [200, 100, 50, 25, 80, 40]
        );
        let dark = json!({ "decay": tenth, "mode": "darken" });
        assert_eq!(pixel(dark, &[55, 255, 255, 0]), [55, 155, 205, 0]);
        let mix = json!({ "decay": tenth, "mode": "mix" });
        assert_eq!(pixel(mix, &[200, 0, 0, 100]), [200, 100, 50, 75]);
    }

    #[test]
    fn a_trail_is_as_long_at_any_frame_rate_and_fades_to_the_end() {
        for mode in ["lighten", "mix"] {
            let params = json!({ "decay": { "seconds": 0.5 }, "mode": mode });
            let film = |rate: u32| {
                (0..=rate).map(move |n| {
                    let value = if n == 0 { 255 } else { 0 };
                    let time = at(f64::from(n) / f64::from(rate));
                    (time, Payload::Frame(Arc::new(grey(1, &[value]))))
                })
            };
            for rate in [2, 8, 50] {
                let outputs = Harness::<Trails>::new(params.clone())
                    .feed("frames", PortType::Frame, film(rate).collect(), at(1.0))
                    .run()
                    .unwrap();
                let last = reds(frames(&outputs).last().unwrap())[0];
                assert!(last.abs_diff(64) <= 1, "{mode} at {rate}: {last}");
            }
            let mut values = vec![0; 400];
            values[0] = 255;
            assert_eq!(pixel(params, &values).last(), Some(&0), "{mode}");
        }
    }

    #[test]
    fn a_cut_clears_before_the_picture_of_its_time() {
        let event = Event {
            name: "cut".to_owned(),
            strength: 1.0,
        };
        for cut in [0.15, 0.2] {
            let cuts = vec![(at(cut), Payload::Event(Arc::new(event.clone())))];
            let pictures = film([200, 0, 0, 0].map(|value| grey(1, &[value])));
            let outputs = Harness::<Trails>::new(json!({ "decay": { "seconds": 0.1 } }))
                .feed("frames", PortType::Frame, pictures, at(1.0))
                .feed("clear", PortType::Event, cuts, at(1.0))
                .run()
                .unwrap();
            let found: Vec<u8> = frames(&outputs)
                .iter()
                .map(|frame| reds(frame)[0])
                .collect();
            assert_eq!(found, [200, 100, 0, 0], "{cut}");
        }
    }

    #[test]
    fn a_new_decay_keeps_the_trail_and_none_hands_pictures_on() {
        assert!(is_shared::<Trails>(json!({ "decay": { "seconds": 0.0 } })));
        let values = [200, 0, 0, 0];
        let outputs = fed::<Trails>(
            json!({ "decay": { "seconds": 0.1 } }),
            values.map(|value| grey(1, &[value])),
        )
        .set_live(at(0.15), "decay", json!({ "seconds": 0.2 }))
        .set_live(at(0.25), "decay", json!({ "seconds": 0.0 }))
        .play_live()
        .unwrap();
        let found: Vec<u8> = frames(&outputs)
            .iter()
            .map(|frame| reds(frame)[0])
            .collect();
        assert_eq!(found, [200, 100, 70, 0]);
    }

    #[test]
    fn a_picture_of_another_size_begins_without_a_trail() {
        let film = [grey(1, &[200]), grey(2, &[0, 0]), grey(2, &[0, 0])];
        let found = frames(&fed::<Trails>(json!({}), film).run().unwrap());
        assert_eq!(reds(&found[1]), [0, 0]);
        let none = Frame::rgb(0, 0, Vec::new()).unwrap();
        assert!(edited::<Trails>(json!({}), &none).pixels().is_empty());
    }
}
