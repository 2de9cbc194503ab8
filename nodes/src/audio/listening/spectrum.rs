//! How loud the parts of a sound's spectrum are.

use score_engine::{
    AudioBlock, Build, Control, Descriptor, Event, Flow, InputPort, Io, Length, Node, NodeError,
    OutputPort, Params, Processor, Time, Transport,
};
use score_fourier::Transform;

use super::hearing::Hearing;
use super::place;
use crate::half_life::followed;

const SOUND: InputPort<AudioBlock> = InputPort::new(0, "sound", "the sound");

/// The bands, from below.
const BANDS: usize = 4;
const LEVELS: [OutputPort<Control>; BANDS] = [
    OutputPort::new(
        0,
        "bass",
        "what lies below `bass_to`, 0 at `floor` to 1 at `top`",
    ),
    OutputPort::new(1, "low_mid", "what lies from there to `middle`"),
    OutputPort::new(2, "high_mid", "what lies from there to `treble_from`"),
    OutputPort::new(3, "treble", "what lies above that"),
];
const BRIGHTNESS: OutputPort<Control> = OutputPort::new(
    4,
    "brightness",
    "where the middle of the spectrum lies, 0 at 100 Hz to 1 at 10 kHz",
);
const HITS: [OutputPort<Event>; BANDS] = [
    OutputPort::new(5, "bass_hit", "`bass`, when it suddenly becomes louder"),
    OutputPort::new(6, "low_mid_hit", "the same of `low_mid`"),
    OutputPort::new(7, "high_mid_hit", "the same of `high_mid`"),
    OutputPort::new(8, "treble_hit", "the same of `treble`"),
];

/// Seconds of a window, of which a quarter passes from one to the next.
const WINDOW: f64 = 0.0426;
const HOPS: usize = 4;

/// What lies below or above is no part of a band, in Hz.
const RANGE: (f64, f64) = (25.0, 20_000.0);

/// The ends of `brightness`, in Hz.
const DARK: f32 = 100.0;
const BRIGHT: f32 = 10_000.0;

/// A hit is louder than the band was of late, whose half-life this is in seconds.
const OF_LATE: f64 = 0.15;

/// What is quieter than this is silence, in dB.
const SILENCE: f32 = -120.0;

/// `spectrum`.
#[derive(Clone, Params)]
pub(crate) struct Spectrum {
    /// upper end of the bass
    #[param(live, range = 30.0..=2_000.0, span = 60.0..=400.0, log, unit = "Hz", default = 150.0)]
    bass_to: f64,
    /// between the lower and the higher middle
    #[param(live, range = 100.0..=8_000.0, span = 300.0..=2_000.0, log, unit = "Hz", default = 800.0)]
    middle: f64,
    /// lower end of the treble
    #[param(live, range = 500.0..=16_000.0, span = 1_500.0..=8_000.0, log, unit = "Hz", default = 4_000.0)]
    treble_from: f64,
    /// time to follow half of a rise
    #[param(live, range = 0.0..=60.0, span = 0.005..=2.0, log, default = Length::Seconds(0.01))]
    attack: Length,
    /// time to follow half of a fall
    #[param(live, range = 0.0..=60.0, span = 0.02..=5.0, log, default = Length::Seconds(0.15))]
    release: Length,
    /// level that counts as 0
    #[param(live, range = -120.0..=0.0, span = -80.0..=-20.0, unit = "dBFS", default = -60.0)]
    floor: f64,
    /// level that counts as 1
    #[param(live, range = -120.0..=20.0, span = -40.0..=0.0, unit = "dBFS", default = -15.0)]
    top: f64,
    /// by how much a band must pass what it was of late for a hit
    #[param(live, range = 1.0..=60.0, span = 3.0..=24.0, unit = "dB", default = 9.0)]
    hit: f64,
    /// time between two hits of a band, at least
    #[param(live, range = 0.0..=60.0, span = 0.03..=2.0, log, default = Length::Seconds(0.1))]
    minimum_distance: Length,
}

impl Node for Spectrum {
    fn descriptor() -> Descriptor {
        let described = Descriptor::of::<Self>(
            "audio",
            "spectrum",
            "How loud bass, middle and treble of a sound are",
        )
        .example(
            r#"nodes: {
                "song": audio_input_file(path: "song.wav"),
                "parts": spectrum(bass_to: 120),
                "tune": scale_walk(),
                "kick": accent(pitch: 36),
                "notes": midi_file(path: "parts.mid"),
                "strokes": midi_file(path: "strokes.mid"),
            },
            wires: [
                "song -> parts",
                "parts.treble -> tune.density",
                "parts.bass_hit -> kick",
                "tune -> notes",
                "kick -> strokes",
            ]"#,
        )
        .details(
            "Four bands, whose levels come about 90 times a second (94 at 48 kHz, 86 at 44.1 kHz). A band's level is the power of all that lies in it, in dB; \
             a sine has the level of its peak. Music has less in its treble than in its bass: a wire's own range makes up for \
             it (`\"parts.treble -> …\"` with `range(…)`). `attack` and `release` smooth as those of `follow`. \
             `brightness` is the centre of the spectrum, in equal ratios; in silence it stays.\n\n\
             A hit is an event where a band becomes louder by `hit` dB than it was of late (its level, smoothed with a half-life of 0.15 s), or than `floor` where that is louder: of a drum kit `bass_hit` \
             is mostly the bass drum. `onsets` is surer where it does not matter in which band.",
        )
        .input(SOUND);
        let levels = LEVELS.into_iter().fold(described, Descriptor::output);
        let bright = levels.output(BRIGHTNESS);
        HITS.into_iter().fold(bright, Descriptor::output).urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let rate = build.transport.sample_rate;
        let length = ((f64::from(rate) * WINDOW) as usize).max(64);
        let length = length.next_power_of_two();
        let hop = length / HOPS;
        let mut measuring = Measuring {
            rate,
            hearing: Hearing::new(rate, length, hop),
            transform: Transform::new(length),
            shares: [1.0; 3],
            distance: 0,
            bands: [Band::SILENT; BANDS],
            brightness: 0.0,
            seconds: hop as f64 / f64::from(rate.max(1)),
        };
        measuring.choose(self, build.transport);
        Ok(Box::new(measuring))
    }
}

/// One band.
#[derive(Clone, Copy)]
struct Band {
    /// Its level, followed, and what it was of late, in dB.
    level: f32,
    of_late: f32,
    /// Whether it has fallen back since the latest hit.
    is_ready: bool,
    /// The frame of the latest hit.
    hit: Option<u64>,
}

impl Band {
    const SILENT: Band = Band {
        level: SILENCE,
        of_late: SILENCE,
        is_ready: true,
        hit: None,
    };
}

struct Measuring {
    rate: u32,
    hearing: Hearing,
    transform: Transform,
    /// The shares of a rise, of a fall, and of what was of late that are followed from window to
    /// window.
    shares: [f32; 3],
    /// Frames between two hits, at least.
    distance: u64,
    bands: [Band; BANDS],
    brightness: f32,
    /// From window to window.
    seconds: f64,
}

impl Processor<Spectrum> for Measuring {
    fn process(&mut self, params: &Spectrum, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let block: &AudioBlock = input.read(SOUND)?;
            let mut windows: Vec<(u64, Vec<f32>)> = Vec::new();
            let keep = |end, window: &[f32]| windows.push((end, window.to_vec()));
            self.hearing.hear(input.packet.time, block, keep);
            for (end, window) in windows {
                self.see(params, io, end, &window)?;
            }
        }
        Ok(Flow::Continue)
    }

    fn changed(&mut self, params: &Spectrum, transport: &Transport) -> Result<(), NodeError> {
        self.choose(params, transport);
        Ok(())
    }
}

impl Measuring {
    fn choose(&mut self, params: &Spectrum, transport: &Transport) {
        let share = |length: Length| followed(self.seconds, length.at(transport).seconds());
        let of_late = followed(self.seconds, OF_LATE);
        self.shares = [share(params.attack), share(params.release), of_late];
        self.distance = (params.minimum_distance.at(transport)).to_samples(self.rate);
    }

    /// Tells of the window before the frame `end`.
    fn see(
        &mut self,
        params: &Spectrum,
        io: &mut Io<'_>,
        end: u64,
        window: &[f32],
    ) -> Result<(), NodeError> {
        let magnitudes = self.transform.magnitudes(window)?;
        let step = f64::from(self.rate) / window.len().max(1) as f64;
        let (levels, centre) = measure(magnitudes, step, edges(params));
        let time = Time::from_samples(end, self.rate);
        if levels.iter().any(|level| f64::from(*level) > params.floor) {
            let place = (centre / DARK).ln() / (BRIGHT / DARK).ln();
            self.brightness = place.clamp(0.0, 1.0);
        }
        for (number, level) in levels.into_iter().enumerate() {
            let band = &mut self.bands[number];
            let [attack, release, of_late] = self.shares;
            let share = if level > band.level { attack } else { release };
            band.level += share * (level - band.level);
            let value = place(band.level, params.floor, params.top);
            io.send(LEVELS[number], time, value)?;
            let strength = place(level, params.floor, params.top);
            // Out of silence a band rises from the floor on.
            let over = level - band.of_late.max(params.floor as f32);
            let is_over = f64::from(over) >= params.hit;
            let is_apart = band.hit.is_none_or(|hit| end >= hit + self.distance);
            if is_over && band.is_ready && is_apart {
                (band.is_ready, band.hit) = (false, Some(end));
                let event = Event {
                    name: LEVELS[number].name().to_owned(),
                    strength,
                };
                io.send(HITS[number], time, event)?;
            }
            band.is_ready |= f64::from(over) < params.hit / 2.0;
            band.of_late += of_late * (level - band.of_late);
        }
        io.send(BRIGHTNESS, time, self.brightness)
    }
}

/// The upper end of each band, in Hz; none lies below the one before.
fn edges(params: &Spectrum) -> [f64; BANDS] {
    let middle = params.middle.max(params.bass_to);
    let treble = params.treble_from.max(middle);
    [params.bass_to, middle, treble, RANGE.1]
}

/// The level of each band in dB, and the centre of all in Hz.
fn measure(magnitudes: &[f32], step: f64, edges: [f64; BANDS]) -> ([f32; BANDS], f32) {
    let mut powers = [0.0f64; BANDS];
    let (mut sum, mut weighted) = (0.0f64, 0.0f64);
    for (number, magnitude) in magnitudes.iter().enumerate() {
        let frequency = number as f64 * step;
        if frequency < RANGE.0 {
            continue;
        }
        let magnitude = f64::from(*magnitude);
        if let Some(band) = edges.iter().position(|edge| frequency < *edge) {
            powers[band] += magnitude * magnitude;
            sum += magnitude;
            weighted += magnitude * frequency;
        }
    }
    // A sine's power lies, under the window, in three frequencies: as 1 and twice a quarter.
    let level = |power: f64| (10.0 * (power / 1.5).max(1e-12).log10()) as f32;
    let centre = if sum > 0.0 { weighted / sum } else { 0.0 };
    (powers.map(level), (centre as f32).max(1.0))
}

#[cfg(test)]
mod tests {
    use score_engine::PortType;
    use score_engine::harness::{Harness, Outputs};
    use serde_json::{Value, json};

    use super::*;
    use crate::audio::test_sound::{at, blocks, tone};

    fn run(params: Value, sound: &[f32]) -> Outputs {
        Harness::<Spectrum>::new(params)
            .feed("sound", PortType::Audio, blocks(sound), at(10.0))
            .run()
            .unwrap()
    }

    fn values(outputs: &Outputs, name: &str) -> Vec<f32> {
        let packets = outputs.packets(name).iter();
        packets.map(|packet| *packet.control().unwrap()).collect()
    }

    fn last(outputs: &Outputs, name: &str) -> f32 {
        values(outputs, name).last().copied().unwrap()
    }

    #[test]
    fn a_tone_is_in_its_band_at_its_level() {
        let names = LEVELS.map(OutputPort::name);
        for (frequency, band) in [(80.0, 0), (400.0, 1), (2_000.0, 2), (9_000.0, 3)] {
            let sound = tone(frequency, 10f32.powf(-30.0 / 20.0), 48_000);
            let outputs = run(json!({ "floor": -60, "top": 0 }), &sound);
            for (number, name) in names.into_iter().enumerate() {
                let found = last(&outputs, name);
                let wanted = if number == band { 0.5 } else { 0.0 };
                assert!(
                    (found - wanted).abs() < 0.02,
                    "{frequency} Hz: {name} {found}"
                );
            }
        }
    }

    #[test]
    fn edges_move_while_it_plays() {
        let sound = tone(400.0, 0.3, 96_000);
        let outputs = Harness::<Spectrum>::new(json!({}))
            .feed("sound", PortType::Audio, blocks(&sound), at(2.0))
            .set_live(at(1.0), "bass_to", 1_000.0)
            .play_live()
            .unwrap();
        let (bass, low_mid) = (values(&outputs, "bass"), values(&outputs, "low_mid"));
        assert!(bass[80] < 0.1 && low_mid[80] > 0.9);
        let end = bass.len() - 1;
        assert!(
            bass[end] > 0.9 && low_mid[end] < 0.2,
            "{} {}",
            bass[end],
            low_mid[end]
        );
    }

    #[test]
    fn brightness_is_where_the_spectrum_lies() {
        for (frequency, wanted) in [(100.0, 0.0), (1_000.0, 0.5), (10_000.0, 1.0)] {
            let outputs = run(json!({}), &tone(frequency, 0.3, 24_000));
            let found = last(&outputs, "brightness");
            assert!((found - wanted).abs() < 0.03, "{frequency} Hz: {found}");
        }
    }

    #[test]
    fn a_stroke_is_a_hit_of_its_band_alone() {
        let mut sound = tone(1_500.0, 0.02, 96_000);
        for stroke in [20_000, 50_000, 70_000] {
            for (n, sample) in tone(60.0, 0.6, 20_000).into_iter().enumerate() {
                sound[stroke + n] +=
                    sample * (-(n as f32) / 3_000.0).exp() * (n as f32 / 100.0).min(1.0);
            }
        }
        let outputs = run(json!({}), &sound);
        let hits = |name: &str| -> Vec<f64> {
            let packets = outputs.packets(name).iter();
            packets.map(|packet| packet.time.seconds()).collect()
        };
        let found = hits("bass_hit");
        assert_eq!(found.len(), 3, "{found:?}");
        for (time, stroke) in found.iter().zip([20_000.0, 50_000.0, 70_000.0]) {
            let late = time - stroke / 48_000.0;
            assert!((0.0..0.03).contains(&late), "{late}");
        }
        assert_eq!(outputs.packets("bass_hit")[0].event().unwrap().name, "bass");
        assert_eq!(hits("treble_hit"), [0.0; 0]);
        // The tone begins with the sound.
        assert!(hits("high_mid_hit").iter().all(|time| *time < 0.1));
    }

    #[test]
    fn live_it_says_what_it_says_offline_and_bad_numbers_are_silence() {
        let mut sound = tone(440.0, 0.3, 48_000);
        sound[10_000] = f32::NAN;
        sound[11_000] = f32::INFINITY;
        let harness = || {
            Harness::<Spectrum>::new(json!({})).feed(
                "sound",
                PortType::Audio,
                blocks(&sound),
                at(1.0),
            )
        };
        let (offline, live) = (harness().run().unwrap(), harness().play_live().unwrap());
        for name in LEVELS
            .map(OutputPort::name)
            .into_iter()
            .chain(["brightness"])
        {
            assert_eq!(values(&offline, name), values(&live, name));
            let within = values(&live, name)
                .iter()
                .all(|value| (0.0..=1.0).contains(value));
            assert!(within, "{name}");
        }
    }
}
