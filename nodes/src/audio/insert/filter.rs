//! Takes frequencies out of sound.

use score_engine::{
    AudioBlock, Build, Choice, Descriptor, InputPort, Node, NodeError, OutputPort, Params,
    Processor, Transport,
};

use super::super::ramp::Ramp;
use super::super::state_variable::{Blend, Curve, State};
use super::{Insert, Inserted, slow_glide};

/// What a filter lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum Shape {
    LowPass,
    HighPass,
    BandPass,
    Notch,
}

/// `filter`.
#[derive(Clone, Params)]
pub(crate) struct Filter {
    /// what it lets through
    #[param(live, default = Shape::LowPass)]
    shape: Shape,
    /// where it begins to take away, or the middle of a band
    #[param(live, range = 20.0..=20_000.0, span = 60.0..=12_000.0, log, unit = "Hz", default = 1_000.0)]
    cutoff: f64,
    /// how much it rings at the cutoff; 0.707 not at all, and the higher the narrower is a band
    #[param(live, range = 0.3..=30.0, span = 0.707..=12.0, log, default = 0.707)]
    resonance: f64,
}

impl Node for Filter {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("audio", "filter", "Takes high, low or middle frequencies out of sound")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64),
                    "light": brightness(smooth: 0.2),
                    "tune": midi_input_file(path: "song.mid"),
                    "pad": synth(voice: pad),
                    "dull": filter(shape: low_pass, resonance: 2),
                    "sound": audio_file(path: "song.wav"),
                },
                wires: ["tune -> pad -> dull -> sound", "film -> light -> dull.cutoff"]"#,
            )
            .details(
                "12 dB an octave: `low_pass` takes away what lies above the cutoff, `high_pass` what lies below it, \
                 `band_pass` what lies on both sides, `notch` the cutoff itself. Two in a row have 24 dB. `resonance` is \
                 the filter's quality Q: a low or high pass lets its cutoff through at Q times the level of the rest, and a \
                 band is as wide as the cutoff divided by Q.\n\n\
                 Cutoff and resonance glide within 40 ms, and a new shape comes in as softly. The sound keeps its channels, and \
                 nothing is delayed. The filter is the state variable filter of V. Zavalishin's \"The Art of VA Filter \
                 Design\".",
            )
            .input(Filtering::SOUND)
            .output(Filtering::DONE)
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let filtering = Filtering::new(self, build.transport.sample_rate);
        Ok(Box::new(Inserted::new(filtering, build)))
    }
}

/// The share that each answer is going to have: low, high, band, notch.
fn shares(shape: Shape) -> [f32; 4] {
    let shapes = [
        Shape::LowPass,
        Shape::HighPass,
        Shape::BandPass,
        Shape::Notch,
    ];
    shapes.map(|other| f32::from(u8::from(other == shape)))
}

struct Filtering {
    rate: f64,
    /// In octaves above 1 Hz and above a quality of 1, as they glide.
    cutoff: Ramp,
    resonance: Ramp,
    shares: [Ramp; 4],
    curve: Curve,
    states: Vec<State>,
}

impl Filtering {
    fn new(params: &Filter, rate: u32) -> Self {
        let length = slow_glide(rate);
        let cutoff = Ramp::new(params.cutoff.log2() as f32, length);
        let resonance = Ramp::new(params.resonance.log2() as f32, length);
        let shares = shares(params.shape).map(|share| Ramp::new(share, length));
        let rate = f64::from(rate);
        Filtering {
            curve: curve(&cutoff, &resonance, &shares, rate),
            rate,
            cutoff,
            resonance,
            shares,
            states: Vec::new(),
        }
    }

    /// Goes a frame on in what glides.
    fn glide(&mut self) {
        let mut moves = false;
        let ramps = [&mut self.cutoff, &mut self.resonance].into_iter();
        for ramp in ramps.chain(&mut self.shares) {
            moves |= ramp.is_moving();
            ramp.next();
        }
        if moves {
            self.curve = curve(&self.cutoff, &self.resonance, &self.shares, self.rate);
        }
    }
}

/// The curve of the values as they are.
fn curve(cutoff: &Ramp, resonance: &Ramp, shares: &[Ramp; 4], rate: f64) -> Curve {
    let [low, high, band, notch] = shares.each_ref().map(|share| f64::from(share.value()));
    let blend = Blend {
        low,
        high,
        band,
        notch,
    };
    let value = |ramp: &Ramp| f64::from(ramp.value()).exp2();
    Curve::blend(value(cutoff), value(resonance), rate, blend)
}

impl Insert for Filtering {
    type Kind = Filter;

    const SOUND: InputPort<AudioBlock> = InputPort::new(0, "sound", "the sound");

    const DONE: OutputPort<AudioBlock> = OutputPort::new(0, "sound", "what is left of it");

    fn begin(&mut self, channels: usize) {
        self.states = vec![State::default(); channels];
    }

    fn pass(&mut self, samples: &mut [f32]) {
        for frame in samples.chunks_exact_mut(self.states.len().max(1)) {
            self.glide();
            for (sample, state) in frame.iter_mut().zip(&mut self.states) {
                *sample = state.next(&self.curve, f64::from(*sample)) as f32;
            }
        }
        self.states.iter_mut().for_each(State::settle);
    }

    fn changed(&mut self, params: &Filter, _transport: &Transport) {
        self.cutoff.set(params.cutoff.log2() as f32);
        self.resonance.set(params.resonance.log2() as f32);
        for (ramp, share) in self.shares.iter_mut().zip(shares(params.shape)) {
            ramp.set(share);
        }
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
    use score_engine::{PortType, Time};
    use serde_json::{Value, json};

    use super::*;
    use crate::audio::test_ear::{decibels, level_at};
    use crate::audio::test_sound::{at, block, blocks, channel, largest_step, sine, tone};

    fn filter(params: Value, sound: &[f32]) -> Vec<f32> {
        let outputs = Harness::<Filter>::new(params)
            .feed("sound", PortType::Audio, blocks(sound), at(2.0))
            .run()
            .unwrap();
        channel(&outputs, 0)
    }

    /// What is left of a tone of full level, in dB.
    fn left_of(params: &Value, frequency: f64) -> f64 {
        let heard = filter(params.clone(), &tone(frequency, 0.5, 48_000));
        decibels(level_at(&heard[24_000..], frequency) / 0.5)
    }

    #[test]
    fn each_shape_lets_through_what_it_says() {
        // A decade from the cutoff 12 dB an octave are 40 dB; at it 3 dB are gone.
        for (shape, at_100, at_1000, at_10000) in [
            ("low_pass", 0.0, -3.01, -42.74),
            ("high_pass", -40.0, -3.01, 0.0),
            ("band_pass", -17.0, 0.0, -18.36),
            ("notch", -0.1, -60.0, -0.1),
        ] {
            let params = json!({ "shape": shape, "cutoff": 1000 });
            for (frequency, wanted) in [(100.0, at_100), (1_000.0, at_1000), (10_000.0, at_10000)] {
                let found = left_of(&params, frequency);
                let is_right = (found - wanted).abs() < 0.15 || (wanted == -60.0 && found < -60.0);
                assert!(is_right, "{shape} at {frequency}: {found}, not {wanted}");
            }
        }
    }

    #[test]
    fn resonance_is_the_level_at_the_cutoff() {
        for (resonance, wanted) in [(0.5, -6.02), (1.0, 0.0), (4.0, 12.04)] {
            let params = json!({ "cutoff": 800, "resonance": resonance });
            let found = left_of(&params, 800.0);
            assert!((found - wanted).abs() < 0.05, "{found}, not {wanted}");
        }
    }

    #[test]
    fn nothing_that_changes_while_it_plays_clicks() {
        let sound = sine(144_000);
        let own = largest_step(&sound);
        let outputs = Harness::<Filter>::new(json!({ "cutoff": 5000 }))
            .feed("sound", PortType::Audio, blocks(&sound), at(3.0))
            .set_live(at(0.5), "cutoff", 300.0)
            .set_live(at(0.8), "cutoff", 8_000.0)
            .set_live(at(1.1), "shape", "high_pass")
            .set_live(at(1.4), "cutoff", 30.0)
            .set_live(at(1.7), "shape", "band_pass")
            .set_live(at(2.0), "shape", "notch")
            .set_live(at(2.3), "shape", "low_pass")
            .set_live(at(2.6), "resonance", 0.3)
            .play_live()
            .unwrap();
        let heard = channel(&outputs, 0);
        assert_eq!(heard.len(), sound.len());
        // A glide moves the tone's phase, by which it is a little steeper for a moment.
        let step = largest_step(&heard);
        assert!(step < 1.12 * own, "{step}, the sound's own is {own}");
    }

    #[test]
    fn live_it_does_what_it_does_offline() {
        let sound = tone(700.0, 0.5, 24_000);
        let harness = || {
            Harness::<Filter>::new(json!({ "resonance": 3 })).feed(
                "sound",
                PortType::Audio,
                blocks(&sound),
                at(0.5),
            )
        };
        let (offline, live) = (harness().run().unwrap(), harness().play_live().unwrap());
        assert_eq!(channel(&offline, 0), channel(&live, 0));
    }

    #[test]
    fn every_channel_is_filtered_by_itself_and_keeps_its_place() {
        let low = tone(100.0, 0.5, 24_000);
        let high = tone(10_000.0, 0.5, 24_000);
        let samples: Vec<f32> = (low.iter().zip(&high))
            .flat_map(|(low, high)| [*low, *high, 0.0])
            .collect();
        let outputs = Harness::<Filter>::new(json!({}))
            .feed(
                "sound",
                PortType::Audio,
                vec![(Time::ZERO, block(3, &samples))],
                at(0.5),
            )
            .run()
            .unwrap();
        assert_eq!(outputs.packets("sound")[0].audio().unwrap().channels, 3);
        let peak = |number| {
            let heard = channel(&outputs, number);
            heard[12_000..].iter().copied().fold(0.0, f32::max)
        };
        assert!((peak(0) - 0.5).abs() < 0.01 && peak(1) < 0.005 && peak(2) == 0.0);
    }

    #[test]
    fn what_is_not_a_number_or_absurdly_loud_is_soon_forgotten() {
        let mut sound = tone(440.0, 0.5, 48_000);
        sound[5_000] = f32::NAN;
        sound[6_000] = f32::INFINITY;
        sound[7_000..7_100].fill(f32::MAX);
        let heard = filter(json!({ "shape": "high_pass", "resonance": 30 }), &sound);
        assert!(heard.iter().all(|sample| sample.is_finite()));
        let late = &heard[40_000..];
        let peak = late
            .iter()
            .fold(0.0f32, |peak, sample| peak.max(sample.abs()));
        assert!(peak < 1.0 && peak > 0.01, "{peak}");
    }

    #[test]
    fn a_gap_is_silence_in_which_the_filter_rings_out() {
        let blocks = vec![
            (Time::ZERO, block(1, &[0.5; 512])),
            (at(1.0), block(1, &[0.0; 512])),
        ];
        let outputs = Harness::<Filter>::new(json!({ "cutoff": 200 }))
            .feed("sound", PortType::Audio, blocks, at(2.0))
            .run()
            .unwrap();
        let after = &outputs.packets("sound")[1].audio().unwrap().samples;
        assert!(after.iter().all(|sample| sample.abs() < 1e-6));
    }
}
