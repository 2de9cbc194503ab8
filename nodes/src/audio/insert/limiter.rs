//! Keeps sound below a ceiling.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use score_engine::{
    AudioBlock, Build, Descriptor, InputPort, Length, Node, NodeError, OutputPort, Params,
    Processor, Transport,
};

use super::super::amplitude;
use super::super::ceiling::{Ceiling, MARGIN};
use super::super::ramp::Ramp;
use super::{Insert, Inserted, slow_glide};

/// `limiter`.
#[derive(Clone, Params)]
pub(crate) struct LimiterNode {
    /// highest peak, between samples too
    #[param(live, range = -24.0..=0.0, span = -12.0..=0.0, unit = "dBTP", default = -1.0)]
    ceiling: f64,
    /// level before the limiter
    #[param(live, range = -24.0..=24.0, span = -12.0..=12.0, unit = "dB", default = 0.0)]
    gain: f64,
    /// time in which the sound would come back from silence
    #[param(live, range = 0.01..=5.0, span = 0.05..=1.0, log, default = Length::Seconds(0.3))]
    release: Length,
}

impl Node for LimiterNode {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("audio", "limiter", "Keeps sound below a ceiling")
            .example(
                r#"nodes: {
                    "tune": midi_input_file(path: "song.mid"),
                    "organ": synth(voice: organ),
                    "safe": limiter(ceiling: -3, gain: 6),
                    "sound": audio_file(path: "song.wav"),
                },
                wires: ["tune -> organ -> safe -> sound"]"#,
            )
            .details(
                "The last node before loudspeakers that must not be hurt. Peaks are those of the sound and not of its \
                 samples alone (ITU-R BS.1770); before one that would pass `ceiling`, all channels are turned down together \
                 within 2 ms, and come back within `release`. What stays below passes as it is. The limiter looks ahead, \
                 so that the sound comes 2.1 ms later, in a render too. `mixer` and `master` have a limiter without delay \
                 of their own, for peaks at samples.",
            )
            .input(Limiting::SOUND)
            .output(Limiting::DONE)
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let rate = build.transport.sample_rate;
        let mut limiting = Limiting {
            rate,
            ceiling: amplitude(self.ceiling) * MARGIN,
            release: self.release.at(build.transport).seconds() as f32,
            gain: Ramp::new(amplitude(self.gain), slow_glide(rate)),
            limiter: Ceiling::true_peak(1.0, rate, 1),
            channels: 1,
            passed: Vec::new(),
            touched: 0,
            turned_down: build.counters.counter("turned_down_frames"),
        };
        limiting.begin(1);
        Ok(Box::new(Inserted::new(limiting, build)))
    }
}

struct Limiting {
    rate: u32,
    ceiling: f32,
    /// Seconds.
    release: f32,
    gain: Ramp,
    limiter: Ceiling,
    channels: usize,
    /// What has come through.
    passed: Vec<f32>,
    /// Frames that limiters before this one turned down.
    touched: u64,
    turned_down: Arc<AtomicU64>,
}

impl Insert for Limiting {
    type Kind = LimiterNode;

    const SOUND: InputPort<AudioBlock> = InputPort::new(0, "sound", "the sound");

    const DONE: OutputPort<AudioBlock> = OutputPort::new(0, "sound", "the same, below the ceiling");

    fn begin(&mut self, channels: usize) {
        self.touched += self.limiter.touched();
        let count = u16::try_from(channels).unwrap_or(u16::MAX);
        self.limiter = Ceiling::true_peak(self.ceiling, self.rate, count);
        self.limiter.set_release(self.release);
        self.channels = usize::from(count.max(1));
        // From now on as much comes out as goes in.
        let silence = vec![0.0; self.limiter.ahead() * self.channels];
        self.passed.clear();
        self.limiter.pass(&silence, &mut self.passed);
    }

    fn pass(&mut self, samples: &mut [f32]) {
        self.gain.scale(samples, self.channels);
        self.passed.clear();
        self.limiter.pass(samples, &mut self.passed);
        for (sample, passed) in samples.iter_mut().zip(&self.passed) {
            *sample = *passed;
        }
        let touched = self.touched + self.limiter.touched();
        self.turned_down.store(touched, Ordering::Relaxed);
    }

    fn changed(&mut self, params: &LimiterNode, transport: &Transport) {
        self.ceiling = amplitude(params.ceiling) * MARGIN;
        self.release = params.release.at(transport).seconds() as f32;
        self.limiter.set(self.ceiling);
        self.limiter.set_release(self.release);
        self.gain.set(amplitude(params.gain));
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::{Harness, Outputs};
    use score_engine::{PortType, Time};
    use serde_json::{Value, json};

    use super::*;
    use crate::audio::test_sound::{at, block, blocks, channel, largest_step, sine};

    /// How late the sound comes at 48 kHz: 2 ms and a frame, and half of the filter that finds the
    /// peaks.
    const LATE: usize = 97 + 6;

    fn harness(params: Value, sound: &[f32]) -> Harness<LimiterNode> {
        Harness::new(params).feed("sound", PortType::Audio, blocks(sound), at(10.0))
    }

    fn run(params: Value, sound: &[f32]) -> Outputs {
        harness(params, sound).run().unwrap()
    }

    /// The highest peak, between samples too, by a meter of its own.
    fn true_peak(sound: &[f32]) -> f64 {
        let mut meter = ebur128::EbuR128::new(1, 48_000, ebur128::Mode::TRUE_PEAK).unwrap();
        meter.add_frames_f32(sound).unwrap();
        meter.true_peak(0).unwrap()
    }

    #[test]
    fn no_peak_passes_the_ceiling_between_samples_neither() {
        // A quarter of the rate, an eighth of a turn aside: between its samples it is 3 dB higher.
        let sound: Vec<f32> = (0..96_000)
            .map(|n| {
                let level = if n % 9_000 < 500 { 2.5 } else { 0.6 };
                let turn = std::f32::consts::FRAC_PI_2 * (n % 48_000) as f32;
                level * (turn + std::f32::consts::FRAC_PI_4).sin()
            })
            .collect();
        for ceiling in [-1.0, -6.0, -18.0] {
            let heard = channel(&run(json!({ "ceiling": ceiling }), &sound), 0);
            let peak = 20.0 * true_peak(&heard).log10();
            assert!(peak < ceiling + 0.02 && peak > ceiling - 1.5, "{peak} dBTP");
        }
    }

    #[test]
    fn what_is_below_the_ceiling_passes_bit_by_bit_two_milliseconds_later() {
        let sound = sine(48_000);
        let outputs = run(json!({}), &sound);
        let heard = channel(&outputs, 0);
        assert_eq!(heard.len(), sound.len());
        assert!(heard[..LATE].iter().all(|sample| *sample == 0.0));
        assert!(heard[LATE..] == sound[..sound.len() - LATE]);
    }

    #[test]
    fn all_channels_are_turned_down_together() {
        let samples: Vec<f32> = sine(48_000)
            .iter()
            .flat_map(|sample| [4.0 * sample, 0.1 * sample, 0.0])
            .collect();
        let outputs = Harness::<LimiterNode>::new(json!({ "ceiling": 0 }))
            .feed(
                "sound",
                PortType::Audio,
                vec![(Time::ZERO, block(3, &samples))],
                at(1.0),
            )
            .run()
            .unwrap();
        let (loud, soft) = (channel(&outputs, 0), channel(&outputs, 1));
        let pairs = loud.iter().zip(&soft).skip(1_000);
        assert!(
            pairs
                .into_iter()
                .all(|(loud, soft)| (loud / 40.0 - soft).abs() < 1e-4)
        );
    }

    #[test]
    fn nothing_that_changes_while_it_plays_clicks() {
        let sound = sine(144_000);
        let outputs = harness(json!({}), &sound)
            .set_live(at(0.5), "ceiling", -20.0)
            .set_live(at(1.0), "release", json!({ "seconds": 0.02 }))
            .set_live(at(1.5), "ceiling", -1.0)
            .set_live(at(2.0), "gain", -24.0)
            .set_live(at(2.5), "gain", 0.0)
            .play_live()
            .unwrap();
        let heard = channel(&outputs, 0);
        let step = largest_step(&heard);
        assert!(step < 1.02 * largest_step(&sound), "{step}");
        let peak = |from: usize, to: usize| {
            let part = heard[from..to].iter();
            part.fold(0.0f32, |peak, sample| peak.max(sample.abs()))
        };
        assert!(peak(30_000, 70_000) <= 0.1 && peak(80_000, 95_000) > 0.49);
        assert!(outputs.counter("turned_down_frames") > 40_000);
    }

    #[test]
    fn what_is_not_a_number_is_silence_and_then_forgotten() {
        let mut sound = sine(48_000);
        sound[5_000] = f32::NAN;
        sound[6_000] = f32::INFINITY;
        sound[7_000] = f32::MAX;
        let heard = channel(&run(json!({}), &sound), 0);
        assert!(heard.iter().all(|sample| sample.abs() <= 1.0));
        assert!(heard[40_000 + LATE..] == sound[40_000..48_000 - LATE]);
    }
}
