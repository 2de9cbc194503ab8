//! Raises and lowers parts of the spectrum.

use score_engine::{
    AudioBlock, Build, Descriptor, InputPort, Node, NodeError, OutputPort, Params, Processor,
    Transport,
};

use super::super::ramp::Ramp;
use super::super::state_variable::{Curve, State};
use super::{Insert, Inserted, slow_glide};

/// The quality of the shelves: as steep as they can be without a bump.
const SHELF: f64 = std::f64::consts::FRAC_1_SQRT_2;

/// How many curves there are.
const BANDS: usize = 4;

/// `equaliser`.
#[derive(Clone, Params)]
pub(crate) struct Equaliser {
    /// level of what lies below `low_frequency`
    #[param(live, range = -24.0..=24.0, span = -12.0..=12.0, unit = "dB", default = 0.0)]
    low_gain: f64,
    /// where the low shelf is half as high
    #[param(live, range = 20.0..=2_000.0, span = 40.0..=500.0, log, unit = "Hz", default = 120.0)]
    low_frequency: f64,
    /// level around `low_mid_frequency`
    #[param(live, range = -24.0..=24.0, span = -12.0..=12.0, unit = "dB", default = 0.0)]
    low_mid_gain: f64,
    /// middle of the lower peak
    #[param(live, range = 20.0..=20_000.0, span = 80.0..=2_000.0, log, unit = "Hz", default = 400.0)]
    low_mid_frequency: f64,
    /// how narrow the lower peak is; 1.4 is an octave
    #[param(live, range = 0.1..=18.0, span = 0.4..=8.0, log, default = 1.0)]
    low_mid_q: f64,
    /// level around `high_mid_frequency`
    #[param(live, range = -24.0..=24.0, span = -12.0..=12.0, unit = "dB", default = 0.0)]
    high_mid_gain: f64,
    /// middle of the upper peak
    #[param(live, range = 20.0..=20_000.0, span = 400.0..=8_000.0, log, unit = "Hz", default = 2_500.0)]
    high_mid_frequency: f64,
    /// how narrow the upper peak is; 1.4 is an octave
    #[param(live, range = 0.1..=18.0, span = 0.4..=8.0, log, default = 1.0)]
    high_mid_q: f64,
    /// level of what lies above `high_frequency`
    #[param(live, range = -24.0..=24.0, span = -12.0..=12.0, unit = "dB", default = 0.0)]
    high_gain: f64,
    /// where the high shelf is half as high
    #[param(live, range = 500.0..=20_000.0, span = 2_000.0..=16_000.0, log, unit = "Hz", default = 8_000.0)]
    high_frequency: f64,
}

impl Node for Equaliser {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("audio", "equaliser", "Raises and lowers parts of the spectrum")
            .example(
                r#"nodes: {
                    "tune": midi_input_file(path: "song.mid"),
                    "piano": synth(voice: grand_piano),
                    "tone": equaliser(low_gain: -4, high_mid_gain: 3, high_mid_frequency: 3000),
                    "sound": audio_file(path: "song.wav"),
                },
                wires: ["tune -> piano -> tone -> sound"]"#,
            )
            .details(
                "A low shelf, two peaks and a high shelf, one after another; at 0 dB each changes nothing. The curves are \
                 those of R. Bristow-Johnson's \"Cookbook formulae for audio equalizer biquad filter coefficients\". \
                 Levels, frequencies and widths glide within 40 ms. The sound keeps its channels, and nothing is delayed.",
            )
            .input(Equalising::SOUND)
            .output(Equalising::DONE)
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let equalising = Equalising::new(self, build.transport.sample_rate);
        Ok(Box::new(Inserted::new(equalising, build)))
    }
}

/// What each band is set to: its level in dB, and its frequency and its quality in octaves above 1.
fn settings(params: &Equaliser) -> [[f32; 3]; BANDS] {
    let band =
        |gain: f64, frequency: f64, q: f64| [gain as f32, frequency.log2() as f32, q.log2() as f32];
    [
        band(params.low_gain, params.low_frequency, SHELF),
        band(
            params.low_mid_gain,
            params.low_mid_frequency,
            params.low_mid_q,
        ),
        band(
            params.high_mid_gain,
            params.high_mid_frequency,
            params.high_mid_q,
        ),
        band(params.high_gain, params.high_frequency, SHELF),
    ]
}

/// One curve, as it glides.
struct Band {
    number: usize,
    /// As in [`settings`].
    values: [Ramp; 3],
    curve: Curve,
    states: Vec<State>,
}

impl Band {
    fn new(number: usize, values: [Ramp; 3], rate: f64) -> Self {
        Band {
            curve: curve(number, &values, rate),
            number,
            values,
            states: Vec::new(),
        }
    }

    /// Goes a frame on in what glides.
    fn glide(&mut self, rate: f64) {
        if self.values.iter().any(Ramp::is_moving) {
            self.values.iter_mut().for_each(|value| {
                value.next();
            });
            self.curve = curve(self.number, &self.values, rate);
        }
    }
}

/// The curve of the band with this number.
fn curve(number: usize, values: &[Ramp; 3], rate: f64) -> Curve {
    let [gain, frequency, q] = values.each_ref().map(|value| f64::from(value.value()));
    let (frequency, q) = (frequency.exp2(), q.exp2());
    match number {
        0 => Curve::low_shelf(frequency, q, gain, rate),
        3 => Curve::high_shelf(frequency, q, gain, rate),
        _ => Curve::peak(frequency, q, gain, rate),
    }
}

struct Equalising {
    rate: f64,
    bands: [Band; BANDS],
    channels: usize,
}

impl Equalising {
    fn new(params: &Equaliser, rate: u32) -> Self {
        let length = slow_glide(rate);
        let settings = settings(params);
        let rate = f64::from(rate);
        let band = |number: usize| {
            let values = settings[number].map(|value| Ramp::new(value, length));
            Band::new(number, values, rate)
        };
        Equalising {
            rate,
            bands: std::array::from_fn(band),
            channels: 1,
        }
    }
}

impl Insert for Equalising {
    type Kind = Equaliser;

    const SOUND: InputPort<AudioBlock> = InputPort::new(0, "sound", "the sound");

    const DONE: OutputPort<AudioBlock> = OutputPort::new(0, "sound", "the same, equalised");

    fn begin(&mut self, channels: usize) {
        self.channels = channels;
        for band in &mut self.bands {
            band.states = vec![State::default(); channels];
        }
    }

    fn pass(&mut self, samples: &mut [f32]) {
        for frame in samples.chunks_exact_mut(self.channels.max(1)) {
            for band in &mut self.bands {
                band.glide(self.rate);
            }
            for (channel, sample) in frame.iter_mut().enumerate() {
                let mut heard = f64::from(*sample);
                for band in &mut self.bands {
                    if let Some(state) = band.states.get_mut(channel) {
                        heard = state.next(&band.curve, heard);
                    }
                }
                *sample = heard as f32;
            }
        }
        for band in &mut self.bands {
            band.states.iter_mut().for_each(State::settle);
        }
    }

    fn changed(&mut self, params: &Equaliser, _transport: &Transport) {
        for (band, settings) in self.bands.iter_mut().zip(settings(params)) {
            for (ramp, value) in band.values.iter_mut().zip(settings) {
                ramp.set(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use score_engine::PortType;
    use score_engine::harness::Harness;
    use serde_json::{Value, json};

    use super::*;
    use crate::audio::test_ear::{decibels, level_at};
    use crate::audio::test_sound::{at, blocks, channel, largest_step, sine, tone};

    fn equaliser(params: Value, sound: &[f32]) -> Vec<f32> {
        let outputs = Harness::<Equaliser>::new(params)
            .feed("sound", PortType::Audio, blocks(sound), at(2.0))
            .run()
            .unwrap();
        channel(&outputs, 0)
    }

    #[test]
    fn each_band_raises_and_lowers_its_part_of_the_spectrum() {
        let params = json!({
            "low_gain": 6, "low_frequency": 200, "low_mid_gain": -9, "low_mid_frequency": 1000,
            "low_mid_q": 4, "high_mid_gain": 4, "high_mid_frequency": 3000, "high_mid_q": 4,
            "high_gain": -12, "high_frequency": 9000,
        });
        for (frequency, wanted) in [
            (40.0, 6.0),
            (200.0, 2.9),
            (1_000.0, -9.0),
            (3_000.0, 3.8),
            (9_000.0, -6.0),
            (20_000.0, -12.0),
        ] {
            let heard = equaliser(params.clone(), &tone(frequency, 0.1, 48_000));
            let found = decibels(level_at(&heard[24_000..], frequency) / 0.1);
            assert!((found - wanted).abs() < 0.3, "{frequency}: {found} dB");
        }
    }

    #[test]
    fn at_nothing_nothing_changes() {
        let sound = tone(440.0, 0.5, 24_000);
        assert_eq!(equaliser(json!({}), &sound), sound);
    }

    #[test]
    fn nothing_that_changes_while_it_plays_clicks() {
        let sound = sine(144_000);
        let outputs = Harness::<Equaliser>::new(json!({}))
            .feed("sound", PortType::Audio, blocks(&sound), at(3.0))
            .set_live(at(0.3), "low_gain", -18.0)
            .set_live(at(0.6), "low_frequency", 1_500.0)
            .set_live(at(0.9), "low_gain", 0.0)
            .set_live(at(1.2), "low_mid_gain", -20.0)
            .set_live(at(1.5), "low_mid_frequency", 220.0)
            .set_live(at(1.8), "low_mid_q", 0.2)
            .set_live(at(2.1), "high_mid_gain", -12.0)
            .set_live(at(2.2), "high_mid_frequency", 250.0)
            .set_live(at(2.3), "high_mid_q", 6.0)
            .set_live(at(2.4), "high_gain", -12.0)
            .set_live(at(2.7), "high_frequency", 500.0)
            .play_live()
            .unwrap();
        let heard = channel(&outputs, 0);
        let (step, own) = (largest_step(&heard), largest_step(&sound));
        assert!(step < 1.12 * own, "{step}, the sound's own is {own}");
    }

    #[test]
    fn what_is_not_a_number_is_soon_forgotten() {
        let mut sound = tone(440.0, 0.5, 48_000);
        sound[5_000] = f32::NAN;
        sound[6_000..6_100].fill(f32::MAX);
        let params = json!({ "low_gain": 24, "high_gain": 24, "low_mid_gain": 24 });
        let heard = equaliser(params, &sound);
        assert!(heard.iter().all(|sample| sample.is_finite()));
        let late = &heard[40_000..];
        let peak = late
            .iter()
            .fold(0.0f32, |peak, sample| peak.max(sample.abs()));
        assert!((0.4..12.0).contains(&peak), "{peak}");
    }
}
