//! Evens a whole mix out and keeps it below a ceiling.

use score_engine::{
    AudioBlock, Build, Descriptor, InputPort, Node, NodeError, OutputPort, Params, Processor,
    Transport,
};

use super::super::amplitude;
use super::super::limiter::Limiter;
use super::super::ramp::{Ramp, glide};
use super::{Effect, Mixing};

/// How soft the threshold is, in dB: the ratio comes in from half of this below to half of it
/// above.
const KNEE: f32 = 10.0;

/// Over how long the level is taken, and how fast the gain falls and comes back, in seconds: slower
/// than a stroke, so that its attack stays.
const WINDOW: f32 = 0.03;
const ATTACK: f32 = 0.03;
const RELEASE: f32 = 0.3;

/// Frames between two looks at the level.
const STEP: u32 = 16;

/// `master`.
#[derive(Clone, Params)]
pub(crate) struct Master {
    /// level above which it compresses
    #[param(live, range = -60.0..=0.0, unit = "dBFS", default = -24.0)]
    threshold: f64,
    /// by how much the excess is divided; 1: not at all
    #[param(live, range = 1.0..=20.0, span = 1.0..=8.0, log, default = 2.0)]
    ratio: f64,
    /// level after the compressor
    #[param(live, range = -24.0..=24.0, span = -12.0..=12.0, unit = "dB", default = 0.0)]
    gain: f64,
    /// highest sample
    #[param(live, range = -24.0..=0.0, unit = "dBFS", default = -1.0)]
    ceiling: f64,
}

impl Node for Master {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>(
            "audio",
            "master",
            "Evens a whole mix out and keeps it below a ceiling",
        )
        .example(
            r#"nodes: {
                    "tune": midi_input_file(path: "song.mid"),
                    "piano": synth(),
                    "master": master(threshold: -24, ratio: 2, gain: 4),
                    "sound": audio_file(path: "song.wav"),
                },
                wires: ["tune -> piano -> master -> sound"]"#,
        )
        .details(
            "A compressor and a limiter, placed between the mixer and what plays or writes the \
                 sound. The level is measured over 30 ms and both sides together. Above \
                 `threshold` the excess is divided by `ratio`: loud passages come closer to quiet \
                 ones, single strokes keep their attack. The threshold is soft, over 10 dB. `gain` \
                 then turns everything up, and a limiter without delay keeps every sample below \
                 `ceiling`; from 3 dB below the ceiling it turns down gently.\n\n\
                 It adds no delay, live or in a render. To give a file a certain loudness, use \
                 `loudness` of `audio_file` and `video_mux`.",
        )
        .input(Evening::SOUND)
        .output(Evening::MIXED)
        .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let (rate, glide) = (build.transport.sample_rate, glide(build.transport));
        let evening = Evening {
            threshold: self.threshold as f32,
            ratio: self.ratio as f32,
            gain: Ramp::new(amplitude(self.gain), glide),
            ceiling: Ramp::new(amplitude(self.ceiling), glide),
            window: share(WINDOW, rate, 1),
            attack: share(ATTACK, rate, STEP),
            release: share(RELEASE, rate, STEP),
            power: 0.0,
            reduction: 0.0,
            factor: Ramp::new(1.0, STEP),
            count: 0,
            limiter: Limiter::new(rate),
        };
        Ok(Box::new(Mixing::new(evening, self, build)))
    }
}

/// The share of its way that a value goes in `frames` frames which needs `seconds` for most of it.
fn share(seconds: f32, rate: u32, frames: u32) -> f32 {
    1.0 - (-(frames as f32) / (seconds * rate.max(1) as f32)).exp()
}

/// The compressor and the limiter.
struct Evening {
    threshold: f32,
    ratio: f32,
    gain: Ramp,
    ceiling: Ramp,
    window: f32,
    attack: f32,
    release: f32,
    /// Mean square of both sides.
    power: f32,
    /// By how much it turns down now, in dB; and as a factor.
    reduction: f32,
    factor: Ramp,
    count: u32,
    limiter: Limiter,
}

impl Evening {
    /// By how much a steady `level` is turned down, both in dB.
    fn wanted(&self, level: f32) -> f32 {
        let over = level - self.threshold;
        let excess = if over <= -KNEE / 2.0 {
            0.0
        } else if over < KNEE / 2.0 {
            (over + KNEE / 2.0).powi(2) / (2.0 * KNEE)
        } else {
            over
        };
        excess * (1.0 - 1.0 / self.ratio.max(1.0))
    }

    fn look(&mut self) {
        // A sine's peak lies 3 dB above its mean square: levels are told as peaks.
        let level = 10.0 * (2.0 * self.power).max(1e-12).log10();
        let wanted = self.wanted(level);
        let share = if wanted > self.reduction {
            self.attack
        } else {
            self.release
        };
        self.reduction += (wanted - self.reduction) * share;
        self.factor.set(amplitude(f64::from(-self.reduction)));
    }
}

impl Effect for Evening {
    type Kind = Master;

    const SOUND: InputPort<AudioBlock> = InputPort::new(0, "sound", "the mix");

    const MIXED: OutputPort<AudioBlock> = OutputPort::new(0, "sound", "the same, mastered; stereo");

    fn hear(&mut self, [left, right]: [f32; 2]) -> [f32; 2] {
        self.power += ((left * left + right * right) / 2.0 - self.power) * self.window;
        if !self.power.is_finite() || self.power < 1e-20 {
            self.power = 0.0;
        }
        if self.count == 0 {
            self.look();
        }
        self.count = (self.count + 1) % STEP;
        let ceiling = self.ceiling.next();
        let gain = self.factor.next() * self.gain.next() / ceiling;
        let limited = self.limiter.limit([left * gain, right * gain]);
        limited.map(|sample| sample * ceiling)
    }

    fn mix(_params: &Master) -> f64 {
        1.0
    }

    fn changed(&mut self, params: &Master, _transport: &Transport) {
        self.threshold = params.threshold as f32;
        self.ratio = params.ratio as f32;
        self.gain.set(amplitude(params.gain));
        self.ceiling.set(amplitude(params.ceiling));
    }
}

#[cfg(test)]
mod tests {
    use score_engine::PortType;
    use score_engine::harness::Harness;
    use serde_json::{Value, json};

    use super::*;
    use crate::audio::test_sound::{at, blocks, largest_step, left, sine};

    fn master(params: Value, sound: &[f32]) -> Vec<f32> {
        let outputs = Harness::<Master>::new(params)
            .feed("sound", PortType::Audio, blocks(sound), at(2.0))
            .run()
            .unwrap();
        left(&outputs)
    }

    fn peak(sound: &[f32]) -> f32 {
        sound
            .iter()
            .fold(0.0, |peak, sample| peak.max(sample.abs()))
    }

    #[test]
    fn loud_passages_come_closer_to_quiet_ones() {
        let sound: Vec<f32> = (sine(96_000).iter().enumerate())
            .map(|(n, sample)| sample * if n < 48_000 { 1.0 } else { 0.05 })
            .collect();
        let heard = master(json!({ "threshold": -26, "ratio": 2 }), &sound);
        // −6 dBFS lies 20 dB above the threshold, of which half stays; −32 dBFS is left alone once
        // the gain is back.
        let loud = peak(&heard[24_000..47_000]);
        assert!((20.0 * loud.log10() + 16.0).abs() < 0.5, "{loud}");
        let quiet = peak(&heard[78_000..81_000]) / 0.025;
        assert!((0.85..1.01).contains(&quiet), "{quiet}");
        assert_eq!(heard.len(), sound.len());
    }

    #[test]
    fn nothing_passes_the_ceiling_and_a_ratio_of_one_changes_nothing() {
        let sound = sine(96_000);
        let heard = master(json!({ "ratio": 1, "gain": 24, "ceiling": -6 }), &sound);
        assert!(peak(&heard) <= amplitude(-6.0) + 1e-6);
        let heard = master(json!({ "ratio": 1 }), &sound);
        let same = heard.iter().zip(&sound).take(60_000);
        assert!(
            same.into_iter()
                .all(|(heard, sent)| (heard - sent).abs() < 1e-6)
        );
    }

    #[test]
    fn nothing_that_changes_while_it_plays_clicks() {
        let sound = sine(96_000);
        let outputs = Harness::<Master>::new(json!({}))
            .feed("sound", PortType::Audio, blocks(&sound), at(2.0))
            .set_live(at(0.5), "gain", 6.0)
            .set_live(at(0.8), "threshold", -50.0)
            .set_live(at(1.0), "ratio", 8.0)
            .set_live(at(1.5), "ceiling", -12.0)
            .play_live()
            .unwrap();
        let heard = left(&outputs);
        assert!(largest_step(&heard) < 2.5 * largest_step(&sound));
    }
}
