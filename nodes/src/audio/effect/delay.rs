//! Repeats sound after a while, as an echo.

use score_engine::{
    AudioBlock, Build, Descriptor, InputPort, Length, Node, NodeError, OutputPort, Params,
    Processor, Time, Transport,
};

use super::super::ramp::{Ramp, glide};
use super::{Effect, Mixing};

/// The time in which a changed delay fades from the old echo to the new, in seconds.
const FADE: f32 = 0.05;

/// Numbers smaller than this are inaudible, and a hundred times as slow to compute with.
const SILENCE: f32 = 1e-15;

/// `delay`.
#[derive(Clone, Params)]
pub(crate) struct Delay {
    /// time until the echo
    #[param(live, range = 0.001..=30.0, span = 0.02..=2.0, log, default = Length::Seconds(0.375))]
    time: Length,
    /// level of each echo against the one before
    #[param(live, range = 0.0..=0.95, default = 0.4)]
    feedback: f64,
    /// share of the echoes: 0 is only the dry sound, 1 only the echoes
    #[param(live, range = 0.0..=1.0, default = 0.3)]
    mix: f64,
}

impl Node for Delay {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("audio", "delay", "Repeats sound after a while, as an echo")
            .example(
                r#"nodes: {
                    "tune": midi_input_file(path: "song.mid"),
                    "pluck": synth(voice: pluck),
                    "echo": delay(),
                    "sound": audio_file(path: "echoes.wav"),
                },
                wires: ["tune -> pluck -> echo -> sound"]"#,
            )
            .details(
                "An echo after `time`, and after each echo another, weaker by `feedback`. Stereo. \
                 The dry sound is not delayed. When `time` changes, or the tempo that its beats \
                 follow, the old echo fades into the new one without a change of pitch. The sound \
                 lasts as long as what comes in: echoes at the end of a render fade there.",
            )
            .input(Echo::SOUND)
            .output(Echo::MIXED)
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let transport = build.transport;
        let delay = frames(self.time.at(transport), transport);
        let effect = Echo {
            line: Line::new(delay),
            delay,
            fading: None,
            wanted: delay,
            step: 1.0 / (FADE * transport.sample_rate as f32).max(1.0),
            feedback: Ramp::new(self.feedback as f32, glide(transport)),
        };
        Ok(Box::new(Mixing::new(effect, self, build)))
    }
}

/// A delay in frames, at least one.
fn frames(time: Time, transport: &Transport) -> usize {
    usize::try_from(time.to_samples(transport.sample_rate))
        .unwrap_or(usize::MAX)
        .max(1)
}

/// The last frames that went in, as a ring.
struct Line {
    frames: Vec<[f32; 2]>,
    /// Where the oldest lies and the next goes.
    at: usize,
}

impl Line {
    /// Silence.
    fn new(length: usize) -> Self {
        Line {
            frames: vec![[0.0; 2]; length],
            at: 0,
        }
    }

    /// Remembers at least `length` frames from now on.
    fn grow(&mut self, length: usize) {
        if length > self.frames.len() {
            self.frames.rotate_left(self.at);
            let more = length - self.frames.len();
            self.frames
                .splice(0..0, std::iter::repeat_n([0.0; 2], more));
            self.at = 0;
        }
    }

    /// The frame that went in `delay` frames ago; 1 is the last.
    fn ago(&self, delay: usize) -> [f32; 2] {
        let length = self.frames.len();
        self.frames[(self.at + length - delay.min(length)) % length]
    }

    fn push(&mut self, frame: [f32; 2]) {
        self.frames[self.at] = frame;
        self.at = (self.at + 1) % self.frames.len();
    }
}

struct Echo {
    line: Line,
    /// Frames until the echo.
    delay: usize,
    /// The delay that replaces it, and its share so far.
    fading: Option<(usize, f32)>,
    /// The delay that was requested last.
    wanted: usize,
    /// By how much the new delay's share grows in a frame.
    step: f32,
    feedback: Ramp,
}

impl Effect for Echo {
    type Kind = Delay;

    const SOUND: InputPort<AudioBlock> = InputPort::new(0, "sound", "the sound");

    const MIXED: OutputPort<AudioBlock> = OutputPort::new(0, "sound", "the sound with its echoes");

    fn hear(&mut self, frame: [f32; 2]) -> [f32; 2] {
        let mut echo = self.line.ago(self.delay);
        if self.fading.is_none() && self.wanted != self.delay {
            self.fading = Some((self.wanted, 0.0));
        }
        if let Some((delay, share)) = &mut self.fading {
            *share += self.step;
            let new = self.line.ago(*delay);
            if *share >= 1.0 {
                self.delay = *delay;
                self.fading = None;
                echo = new;
            } else {
                let share = *share;
                echo = [0, 1].map(|side| echo[side] + share * (new[side] - echo[side]));
            }
        }
        let feedback = self.feedback.next();
        self.line.push([0, 1].map(|side| {
            let again = feedback * echo[side];
            let again = if again.abs() < SILENCE { 0.0 } else { again };
            frame[side] + again
        }));
        echo
    }

    fn mix(params: &Delay) -> f64 {
        params.mix
    }

    fn changed(&mut self, params: &Delay, transport: &Transport) {
        self.wanted = frames(params.time.at(transport), transport);
        self.line.grow(self.wanted);
        self.feedback.set(params.feedback as f32);
    }
}

#[cfg(test)]
mod tests {
    use score_engine::PortType;
    use score_engine::harness::Harness;
    use serde_json::json;

    use super::*;
    use crate::audio::test_sound::{at, blocks, largest_step, left, one_frame, sine};

    #[test]
    fn echoes_come_on_their_frames_each_weaker_by_the_feedback() {
        let outputs = Harness::<Delay>::new(
            json!({ "time": { "beats": 0.5 }, "feedback": 0.5, "mix": 0.25 }),
        )
        .feed(
            "sound",
            PortType::Audio,
            blocks(&one_frame(48_000)),
            at(1.0),
        )
        .run()
        .unwrap();
        let heard = left(&outputs);
        // Half a beat at 120 a minute is a quarter of a second.
        let loud: Vec<(usize, f32)> = heard
            .iter()
            .copied()
            .enumerate()
            .filter(|(_, sample)| *sample != 0.0)
            .collect();
        assert_eq!(
            loud,
            [(0, 0.75), (12_000, 0.25), (24_000, 0.125), (36_000, 0.0625)]
        );
        assert_eq!((heard.len(), outputs.end("sound")), (48_000, Some(at(1.0))));
    }

    #[test]
    fn nothing_that_changes_while_it_plays_clicks() {
        let sound = sine(96_000);
        // The second block is so short that a change takes 5 ms.
        for (block, glide) in [(512, 512.0), (16, 240.0)] {
            let transport = Transport {
                block,
                ..Transport::default()
            };
            let outputs = Harness::<Delay>::new(
                json!({ "time": { "seconds": 0.1 }, "feedback": 0.0, "mix": 1.0 }),
            )
            .transport(transport)
            .feed("sound", PortType::Audio, blocks(&sound), at(2.0))
            .set_live(at(0.5), "time", json!({ "seconds": 0.3217 }))
            .set_live(at(0.51), "time", json!({ "seconds": 0.0123 }))
            .set_live(at(1.0), "mix", 0.0)
            .set_live(at(1.3), "feedback", 0.9)
            .set_live(at(1.5), "mix", 0.5)
            .play_live()
            .unwrap();
            let heard = left(&outputs);
            // The sound's own steepest step, and that of a fade.
            let own = largest_step(&sound);
            let step = largest_step(&heard[5_000..]);
            assert!(
                step < 2.0 * own + 1.0 / glide,
                "{step}, the sound's own is {own}"
            );
            // After the fade the echo comes after the new time: 590 frames.
            let expected = &sound[40_000 - 590..][..100];
            assert!(
                heard[40_000..][..100]
                    .iter()
                    .zip(expected)
                    .all(|(heard, sound)| (heard - sound).abs() < 1e-6)
            );
        }
    }

    #[test]
    fn a_longer_time_than_ever_finds_what_was_played_before() {
        let mut line = Line::new(3);
        (1..=5).for_each(|n| line.push([n as f32; 2]));
        line.grow(6);
        assert_eq!([1, 3, 4].map(|delay| line.ago(delay)[0]), [5.0, 3.0, 0.0]);
        line.push([6.0; 2]);
        assert_eq!([1, 4].map(|delay| line.ago(delay)[0]), [6.0, 3.0]);
    }

    #[test]
    fn an_echo_dies_away_to_true_silence() {
        let outputs =
            Harness::<Delay>::new(json!({ "time": { "seconds": 0.001 }, "feedback": 0.5 }))
                .feed(
                    "sound",
                    PortType::Audio,
                    blocks(&one_frame(48_000)),
                    at(1.0),
                )
                .run()
                .unwrap();
        assert!(left(&outputs)[24_000..].iter().all(|sample| *sample == 0.0));
    }
}
